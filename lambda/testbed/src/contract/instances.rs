//! EC2 instances.

use std::collections::BTreeSet;

use runawaytrain_core::resource::instances::{Action, Phase, Protection};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::InstanceId;
use runawaytrain_engine::ports::Performed;

use super::case::{Case, cases};
use super::stage::{Crowd, Machine, Stage, assert_all, away, home, instances, now, perform, perform_at, running};

pub(super) const CASES: &[Case] = cases![
    what_runs_is_seen_and_what_is_stopped_or_terminated_is_not,
    an_instance_is_seen_from_its_launch_on,
    a_region_shows_its_own_instances,
    an_instance_shows_its_type_and_its_vcpus,
    every_page_of_instances_is_read,
    an_empty_list_of_instances_is_refused_and_nothing_happens,
    a_stop_stops_what_it_names_and_nothing_else,
    what_is_stopped_may_be_stopped_again,
    what_was_stopped_is_started_and_seen_again,
    what_is_terminated_is_seen_no_more_and_may_be_terminated_again,
    what_is_terminated_is_neither_stopped_nor_started,
    an_id_that_is_not_there_fails_the_batch_and_is_named,
    what_is_still_pending_cannot_be_stopped_yet,
    one_time_spot_cannot_be_stopped_but_terminated,
    stop_protection_refuses_a_stop_until_it_is_taken_off,
    stop_protection_refuses_a_termination_too,
    termination_protection_refuses_a_termination_and_no_stop,
    protection_of_an_instance_that_is_not_there_is_not_found,
];

fn stop(instances: &[&InstanceId]) -> Action {
    Action::StopInstances {
        region: home(),
        instances: instances.iter().copied().cloned().collect(),
        erases: Vec::new(),
    }
}

fn terminate(instances: &[&InstanceId]) -> Action {
    Action::TerminateInstances { region: home(), instances: instances.iter().copied().cloned().collect() }
}

fn start(instances: &[&InstanceId]) -> Action {
    Action::StartInstances { region: home(), instances: instances.iter().copied().cloned().collect() }
}

fn protect(instance: &InstanceId, against: Protection) -> Action {
    Action::Protect { region: home(), instance: instance.clone(), against }
}

fn unprotect(instance: &InstanceId, against: Protection) -> Action {
    Action::Unprotect { region: home(), instance: instance.clone(), against }
}

/// The failure of a batch: what kind of no, and whom it names.
async fn refused(stage: &dyn Stage, action: Action) -> (FailureKind, Vec<InstanceId>) {
    let Failure { kind, named, .. } = perform_at(stage, action, now()).await.unwrap_err();
    (kind, named.into_iter().map(InstanceId::new).collect())
}

async fn what_runs_is_seen_and_what_is_stopped_or_terminated_is_not(stage: &dyn Stage) {
    let runs = stage.launch(&away(), Machine::Running).await;
    let stopped = stage.launch(&away(), Machine::Running).await;
    let terminated = stage.launch(&away(), Machine::Running).await;
    stage.stop(&away(), &stopped).await;
    stage.terminate(&away(), &terminated).await;
    assert_eq!(running(stage, &away()).await, [runs].into());
}

async fn an_instance_is_seen_from_its_launch_on(stage: &dyn Stage) {
    let pending = stage.launch(&home(), Machine::Pending).await;
    let seen = instances(stage, &home()).await;
    assert_eq!(
        seen.iter().map(|instance| (&instance.id, instance.phase)).collect::<Vec<_>>(),
        [(&pending, Phase::Pending)]
    );
}

async fn a_region_shows_its_own_instances(stage: &dyn Stage) {
    let here = stage.launch(&home(), Machine::Running).await;
    let there = stage.launch(&away(), Machine::Running).await;
    assert_eq!(running(stage, &home()).await, [here].into());
    assert_eq!(running(stage, &away()).await, [there].into());
}

async fn an_instance_shows_its_type_and_its_vcpus(stage: &dyn Stage) {
    stage.launch(&home(), Machine::Running).await;
    let seen = instances(stage, &home()).await.remove(0);
    assert_eq!((seen.instance_type.as_str(), seen.vcpus.count, seen.phase), ("t2.micro", 1, Phase::Running));
    assert_eq!((seen.spot_request, seen.managed_by), (None, None));
}

async fn every_page_of_instances_is_read(stage: &dyn Stage) {
    let made = stage.crowd(Crowd::Instances).await;
    let seen = instances(stage, &home()).await;
    assert_all(&made, seen.iter().map(|instance| &instance.id));
}

async fn an_empty_list_of_instances_is_refused_and_nothing_happens(stage: &dyn Stage) {
    let runs = stage.launch(&home(), Machine::Running).await;
    let stopped = stage.launch(&home(), Machine::Running).await;
    stage.stop(&home(), &stopped).await;
    for action in [stop(&[]), terminate(&[]), start(&[])] {
        assert_eq!(perform(stage, action).await, Err(FailureKind::Invalid));
    }
    assert_eq!(running(stage, &home()).await, [runs].into());
}

async fn a_stop_stops_what_it_names_and_nothing_else(stage: &dyn Stage) {
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(stage.launch(&home(), Machine::Running).await);
    }
    let elsewhere = stage.launch(&away(), Machine::Running).await;
    assert_eq!(perform(stage, stop(&[&all[0], &all[2]])).await, Ok(Performed::Done));
    assert_eq!(running(stage, &home()).await, BTreeSet::from([all[1].clone()]));
    assert_eq!(running(stage, &away()).await, [elsewhere].into());
}

async fn what_is_stopped_may_be_stopped_again(stage: &dyn Stage) {
    let instance = stage.launch(&home(), Machine::Running).await;
    for _ in 0..2 {
        assert_eq!(perform(stage, stop(&[&instance])).await, Ok(Performed::Done));
        assert_eq!(running(stage, &home()).await, [].into());
    }
}

async fn what_was_stopped_is_started_and_seen_again(stage: &dyn Stage) {
    let instance = stage.launch(&home(), Machine::Running).await;
    stage.stop(&home(), &instance).await;
    // What runs may be started, too.
    for _ in 0..2 {
        assert_eq!(perform(stage, start(&[&instance])).await, Ok(Performed::Done));
        assert_eq!(running(stage, &home()).await, BTreeSet::from([instance.clone()]));
    }
}

async fn what_is_terminated_is_seen_no_more_and_may_be_terminated_again(stage: &dyn Stage) {
    let instance = stage.launch(&home(), Machine::Running).await;
    for _ in 0..2 {
        assert_eq!(perform(stage, terminate(&[&instance])).await, Ok(Performed::Done));
        assert_eq!(running(stage, &home()).await, [].into());
    }
}

async fn what_is_terminated_is_neither_stopped_nor_started(stage: &dyn Stage) {
    let instance = stage.launch(&home(), Machine::Running).await;
    stage.terminate(&home(), &instance).await;
    for action in [stop(&[&instance]), start(&[&instance])] {
        assert_eq!(refused(stage, action).await, (FailureKind::WrongState, vec![instance.clone()]));
    }
}

async fn an_id_that_is_not_there_fails_the_batch_and_is_named(stage: &dyn Stage) {
    let instance = stage.launch(&home(), Machine::Running).await;
    let ghost = InstanceId::new("i-0123456789abcdef0");
    for action in [stop, terminate, start] {
        assert_eq!(refused(stage, action(&[&instance, &ghost])).await, (FailureKind::NotFound, vec![ghost.clone()]));
    }
    assert_eq!(perform(stage, stop(&[&instance])).await, Ok(Performed::Done));
    assert_eq!(running(stage, &home()).await, [].into());
}

async fn what_is_still_pending_cannot_be_stopped_yet(stage: &dyn Stage) {
    let runs = stage.launch(&home(), Machine::Running).await;
    let pending = stage.launch(&home(), Machine::Pending).await;
    assert_eq!(refused(stage, stop(&[&runs, &pending])).await, (FailureKind::WrongState, vec![pending.clone()]));
    assert!(running(stage, &home()).await.contains(&pending));
}

async fn one_time_spot_cannot_be_stopped_but_terminated(stage: &dyn Stage) {
    let once = stage.launch(&home(), Machine::SpotOnce).await;
    assert_eq!(refused(stage, stop(&[&once])).await, (FailureKind::Unsupported, vec![once.clone()]));
    assert_eq!(running(stage, &home()).await, BTreeSet::from([once.clone()]));
    assert_eq!(perform(stage, terminate(&[&once])).await, Ok(Performed::Done));
    assert_eq!(running(stage, &home()).await, [].into());
}

async fn stop_protection_refuses_a_stop_until_it_is_taken_off(stage: &dyn Stage) {
    let [free, protected] =
        [stage.launch(&home(), Machine::Running).await, stage.launch(&home(), Machine::Running).await];
    assert_eq!(perform(stage, protect(&protected, Protection::Stop)).await, Ok(Performed::Done));
    assert_eq!(refused(stage, stop(&[&free, &protected])).await, (FailureKind::Protected, vec![protected.clone()]));
    assert!(running(stage, &home()).await.contains(&protected));
    // The other protection has nothing to do with it.
    assert_eq!(perform(stage, unprotect(&protected, Protection::Termination)).await, Ok(Performed::Done));
    assert_eq!(refused(stage, stop(&[&protected])).await.0, FailureKind::Protected);
    assert_eq!(perform(stage, unprotect(&protected, Protection::Stop)).await, Ok(Performed::Done));
    assert_eq!(perform(stage, stop(&[&free, &protected])).await, Ok(Performed::Done));
    assert_eq!(running(stage, &home()).await, [].into());
}

async fn stop_protection_refuses_a_termination_too(stage: &dyn Stage) {
    let protected = stage.launch(&home(), Machine::Running).await;
    assert_eq!(perform(stage, protect(&protected, Protection::Stop)).await, Ok(Performed::Done));
    assert_eq!(refused(stage, terminate(&[&protected])).await, (FailureKind::Protected, vec![protected.clone()]));
    assert_eq!(perform(stage, unprotect(&protected, Protection::Stop)).await, Ok(Performed::Done));
    assert_eq!(perform(stage, terminate(&[&protected])).await, Ok(Performed::Done));
}

async fn termination_protection_refuses_a_termination_and_no_stop(stage: &dyn Stage) {
    let protected = stage.launch(&home(), Machine::Running).await;
    assert_eq!(perform(stage, protect(&protected, Protection::Termination)).await, Ok(Performed::Done));
    assert_eq!(refused(stage, terminate(&[&protected])).await, (FailureKind::Protected, vec![protected.clone()]));
    assert_eq!(perform(stage, stop(&[&protected])).await, Ok(Performed::Done));
    assert_eq!(running(stage, &home()).await, [].into());
    assert_eq!(perform(stage, unprotect(&protected, Protection::Termination)).await, Ok(Performed::Done));
    assert_eq!(perform(stage, terminate(&[&protected])).await, Ok(Performed::Done));
}

async fn protection_of_an_instance_that_is_not_there_is_not_found(stage: &dyn Stage) {
    let ghost = InstanceId::new("i-0123456789abcdef0");
    for against in [Protection::Stop, Protection::Termination] {
        assert_eq!(perform(stage, protect(&ghost, against)).await, Err(FailureKind::NotFound));
        assert_eq!(perform(stage, unprotect(&ghost, against)).await, Err(FailureKind::NotFound));
    }
}
