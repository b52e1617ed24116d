//! What an actuator does to instances and to what launches them.

use std::collections::BTreeSet;

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::ids::{FleetId, GroupName, InstanceId};
use runawaytrain_core::launchers::{Fleet, FleetKind};
use runawaytrain_core::plan::{Action, Protection};
use runawaytrain_engine::ports::Performed;

use super::stage::{away, home, launchers, perform, running};
use super::{Case, Machine, Stage, cases};

pub(super) const CASES: &[Case] = cases![
    an_empty_list_of_instances_is_refused_and_nothing_happens,
    an_empty_list_of_spot_requests_is_refused_and_nothing_happens,
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
    a_group_is_suspended_and_resumed,
    a_group_that_is_not_there_is_invalid,
    an_ec2_fleet_goes_to_zero_and_back_and_its_instances_run_on,
    a_spot_fleet_goes_to_zero_and_back_and_its_instances_run_on,
    a_fleet_that_is_gone_needs_no_zeroing_and_takes_nothing_back,
    a_spot_request_is_cancelled_and_its_instance_runs_on,
];

fn stop(instances: &[&InstanceId]) -> Action {
    Action::StopInstances { region: home(), instances: instances.iter().copied().cloned().collect() }
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
    let Failure { kind, named, .. } = stage.ports().actuator.perform(stage.account(), &action).await.unwrap_err();
    (kind, named)
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

async fn an_empty_list_of_spot_requests_is_refused_and_nothing_happens(stage: &dyn Stage) {
    stage.launch(&home(), Machine::SpotPersistent).await;
    assert_eq!(
        perform(stage, Action::CancelSpotRequests { region: home(), requests: Vec::new() }).await,
        Err(FailureKind::Invalid)
    );
    assert_eq!(launchers(stage, &home()).await.spot_requests.len(), 1);
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

async fn a_group_is_suspended_and_resumed(stage: &dyn Stage) {
    for name in ["lab group", "another"] {
        stage.group(&home(), name).await;
    }
    let group = GroupName::new("lab group");
    let suspended = async || {
        let groups = launchers(stage, &home()).await.groups;
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

async fn an_ec2_fleet_goes_to_zero_and_back_and_its_instances_run_on(stage: &dyn Stage) {
    to_zero_and_back(stage, FleetKind::Ec2).await;
}

async fn a_spot_fleet_goes_to_zero_and_back_and_its_instances_run_on(stage: &dyn Stage) {
    to_zero_and_back(stage, FleetKind::Spot).await;
}

async fn to_zero_and_back(stage: &dyn Stage, kind: FleetKind) {
    let target = 3;
    let id = stage.fleet(&home(), kind, target).await;
    let made = launchers(stage, &home()).await.fleets;
    assert_eq!(
        made.iter().map(|fleet| (&fleet.id, fleet.kind, fleet.target)).collect::<Vec<_>>(),
        [(&id, kind, target)]
    );
    let instances = running(stage, &home()).await;
    assert_eq!(instances.len(), 3);
    let (zero, restore) = zero_and_back(&id, kind, target);
    assert_eq!(perform(stage, zero).await, Ok(Performed::Done));
    let empty = Fleet { target: 0, ..made[0].clone() };
    assert_eq!(launchers(stage, &home()).await.fleets, [empty], "it is still there: a release gives it back");
    assert_eq!(running(stage, &home()).await, instances);
    assert_eq!(perform(stage, restore).await, Ok(Performed::Done));
    assert_eq!(launchers(stage, &home()).await.fleets, made);
}

fn zero_and_back(fleet: &FleetId, kind: FleetKind, target: u64) -> (Action, Action) {
    (
        Action::ZeroFleet { region: home(), fleet: fleet.clone(), kind, target },
        Action::RestoreFleet { region: home(), fleet: fleet.clone(), kind, target },
    )
}

async fn a_fleet_that_is_gone_needs_no_zeroing_and_takes_nothing_back(stage: &dyn Stage) {
    for (kind, id) in [
        (FleetKind::Ec2, "fleet-01234567-89ab-cdef-0123-456789abcdef"),
        (FleetKind::Spot, "sfr-01234567-89ab-cdef-0123-456789abcdef"),
    ] {
        let (zero, restore) = zero_and_back(&FleetId::new(id), kind, 3);
        assert_eq!(perform(stage, zero).await, Ok(Performed::AlreadySo));
        assert_eq!(perform(stage, restore).await, Err(FailureKind::NotFound));
    }
}

async fn a_spot_request_is_cancelled_and_its_instance_runs_on(stage: &dyn Stage) {
    let instance = stage.launch(&home(), Machine::SpotPersistent).await;
    let requests = launchers(stage, &home()).await.spot_requests.into_iter().map(|request| request.id).collect();
    assert_eq!(perform(stage, Action::CancelSpotRequests { region: home(), requests }).await, Ok(Performed::Done));
    assert_eq!(launchers(stage, &home()).await.spot_requests, []);
    assert_eq!(running(stage, &home()).await, BTreeSet::from([instance]));
}
