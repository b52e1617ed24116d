//! Auto Scaling groups.

use runawaytrain_core::resource::groups::Action;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::GroupName;
use runawaytrain_engine::ports::Performed;

use super::case::{Case, cases};
use super::stage::{Crowd, Stage, assert_all, groups, home, perform};

pub(super) const CASES: &[Case] =
    cases![every_page_of_groups_is_read, a_group_is_suspended_and_resumed, a_group_that_is_not_there_is_invalid,];

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
        assert_eq!(
            perform(stage, Action::SuspendGroup { region: home(), group: group.clone() }).await,
            Ok(Performed::Done)
        );
        assert_eq!(suspended().await, std::slice::from_ref(&group));
    }
    for _ in 0..2 {
        assert_eq!(
            perform(stage, Action::ResumeGroup { region: home(), group: group.clone() }).await,
            Ok(Performed::Done)
        );
        assert_eq!(suspended().await, []);
    }
}

async fn a_group_that_is_not_there_is_invalid(stage: &dyn Stage) {
    stage.group(&home(), "lab group").await;
    assert_eq!(
        perform(stage, Action::SuspendGroup { region: home(), group: GroupName::new("lab group") }).await,
        Ok(Performed::Done)
    );
    let group = GroupName::new("ghosts");
    let (suspend, resume) =
        (Action::SuspendGroup { region: home(), group: group.clone() }, Action::ResumeGroup { region: home(), group });
    for action in [suspend, resume] {
        // Auto Scaling has no code for it but `ValidationError`.
        assert_eq!(perform(stage, action).await, Err(FailureKind::Invalid));
    }
}
