//! Auto Scaling groups.

use std::collections::BTreeSet;

use runawaytrain_core::resource::groups::Action;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::GroupName;
use runawaytrain_engine::ports::Performed;

use super::case::{Case, cases};
use super::stage::{Crowd, Stage, assert_all, groups, home, perform};

pub(super) const CASES: &[Case] = cases![
    every_page_of_groups_is_read,
    a_group_is_suspended_and_resumed,
    processes_that_are_not_named_stay_suspended,
    a_group_that_is_not_there_is_invalid,
];

async fn every_page_of_groups_is_read(stage: &dyn Stage) {
    let made = stage.crowd(Crowd::Groups).await;
    assert_all(&made, groups(stage, &home()).await.iter().map(|group| &group.name));
}

async fn a_group_is_suspended_and_resumed(stage: &dyn Stage) {
    for name in ["lab group", "another"] {
        stage.group(&home(), name).await;
    }
    let group = GroupName::new("lab group");
    let suspended = async || {
        let groups = groups(stage, &home()).await;
        groups.into_iter().filter(|group| group.suspended).map(|group| group.name).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(perform(stage, suspend(group.clone())).await, Ok(Performed::Done));
        assert_eq!(suspended().await, std::slice::from_ref(&group));
    }
    for _ in 0..2 {
        assert_eq!(perform(stage, resume(group.clone(), &[])).await, Ok(Performed::Done));
        assert_eq!(suspended().await, []);
    }
}

fn suspend(group: GroupName) -> Action {
    Action::SuspendGroup { region: home(), group, already: BTreeSet::new() }
}

fn resume(group: GroupName, processes: &[&str]) -> Action {
    let processes = processes.iter().copied().map(str::to_owned).collect();
    Action::ResumeGroup { region: home(), group, processes }
}

async fn processes_that_are_not_named_stay_suspended(stage: &dyn Stage) {
    stage.group(&home(), "lab group").await;
    let group = GroupName::new("lab group");
    let processes = async || groups(stage, &home()).await.remove(0).processes;
    assert_eq!(processes().await, BTreeSet::new());
    assert_eq!(perform(stage, suspend(group.clone())).await, Ok(Performed::Done));
    let all = processes().await;
    assert!(all.contains("Launch") && all.contains("AZRebalance"), "{all:?}");
    let ours: Vec<&str> = all.iter().map(String::as_str).filter(|process| *process != "AZRebalance").collect();
    assert_eq!(perform(stage, resume(group.clone(), &ours)).await, Ok(Performed::Done));
    assert_eq!(processes().await, BTreeSet::from(["AZRebalance".to_owned()]));
    assert!(!groups(stage, &home()).await[0].suspended);
    assert_eq!(perform(stage, resume(group, &[])).await, Ok(Performed::Done));
    assert_eq!(processes().await, BTreeSet::new());
}

async fn a_group_that_is_not_there_is_invalid(stage: &dyn Stage) {
    stage.group(&home(), "lab group").await;
    assert_eq!(perform(stage, suspend(GroupName::new("lab group"))).await, Ok(Performed::Done));
    let group = GroupName::new("ghosts");
    for action in [suspend(group.clone()), resume(group, &[])] {
        // Auto Scaling has no code for it but `ValidationError`.
        assert_eq!(perform(stage, action).await, Err(FailureKind::Invalid));
    }
}
