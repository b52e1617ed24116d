//! What the payer does from outside, and what an account is to us without our role in it.

use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::ids::{AccountId, InstanceId, RoleName, UserName};
use runawaytrain_core::plan::Action;
use runawaytrain_engine::ports::{Freshness, Performed, UserDetail};

use super::stage::{home, perform};
use super::{Case, Machine, Stage, cases};

pub(super) const CASES: &[Case] = cases![
    the_quarantine_is_attached_and_detached_and_seen,
    a_quarantine_that_is_as_it_should_be_needs_nothing,
    an_account_that_is_not_there_cannot_be_frozen,
    without_a_quarantine_policy_nothing_is_frozen,
    an_account_without_our_role_denies_everything_but_the_payers_own_calls,
    a_role_that_is_made_later_is_picked_up,
    a_role_that_is_deleted_denies_from_then_on,
];

async fn the_quarantine_is_attached_and_detached_and_seen(stage: &dyn Stage) {
    let quarantined = async || stage.ports().observer.quarantined(stage.account()).await.unwrap();
    assert_eq!(quarantined().await, Some(false));
    assert_eq!(perform(stage, Action::Freeze).await, Ok(Performed::Done));
    assert_eq!(quarantined().await, Some(true));
    assert_eq!(perform(stage, Action::Thaw).await, Ok(Performed::Done));
    assert_eq!(quarantined().await, Some(false));
}

async fn a_quarantine_that_is_as_it_should_be_needs_nothing(stage: &dyn Stage) {
    assert_eq!(perform(stage, Action::Thaw).await, Ok(Performed::AlreadySo));
    for performed in [Performed::Done, Performed::AlreadySo] {
        assert_eq!(perform(stage, Action::Freeze).await, Ok(performed));
        assert_eq!(stage.ports().observer.quarantined(stage.account()).await, Ok(Some(true)));
    }
}

async fn an_account_that_is_not_there_cannot_be_frozen(stage: &dyn Stage) {
    let nobody = AccountId::parse("999999999999").unwrap();
    let failure = stage.ports().actuator.perform(&nobody, &Action::Freeze).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound, "{failure}");
}

async fn without_a_quarantine_policy_nothing_is_frozen(stage: &dyn Stage) {
    let ports = stage.without_quarantine();
    assert_eq!(ports.observer.quarantined(stage.account()).await, Ok(None));
    for action in [Action::Freeze, Action::Thaw] {
        assert_eq!(
            ports.actuator.perform(stage.account(), &action).await.unwrap_err().kind,
            FailureKind::Invalid,
            "{action}"
        );
    }
}

/// What every look into an account comes to, each with its name.
async fn looks(stage: &dyn Stage, account: &AccountId) -> Vec<(&'static str, Option<FailureKind>)> {
    let observer = &stage.ports().observer;
    vec![
        ("regions", observer.regions(account, Freshness::Now).await.err().map(|failure| failure.kind)),
        ("instances", observer.instances(account, &home()).await.err().map(|failure| failure.kind)),
        ("launchers", observer.launchers(account, &home()).await.err().map(|failure| failure.kind)),
        ("roles", observer.roles(account).await.err().map(|failure| failure.kind)),
        ("users", observer.users(account, UserDetail::Everything).await.err().map(|failure| failure.kind)),
    ]
}

async fn an_account_without_our_role_denies_everything_but_the_payers_own_calls(stage: &dyn Stage) {
    let stranger = stage.stranger().await;
    for (look, came_to) in looks(stage, &stranger).await {
        assert_eq!(came_to, Some(FailureKind::Denied), "{look}");
    }
    let stop = Action::StopInstances { region: home(), instances: vec![InstanceId::new("i-0123456789abcdef0")] };
    for action in
        [stop, Action::DenyUser { user: UserName::new("ann") }, Action::DenyRole { role: RoleName::new("lab") }]
    {
        let failure = stage.ports().actuator.perform(&stranger, &action).await.unwrap_err();
        assert_eq!((failure.operation.as_str(), failure.kind), ("sts:AssumeRole", FailureKind::Denied), "{action}");
    }
    assert_eq!(stage.ports().actuator.perform(&stranger, &Action::Freeze).await, Ok(Performed::Done));
    assert_eq!(stage.ports().observer.quarantined(&stranger).await, Ok(Some(true)));
}

async fn a_role_that_is_made_later_is_picked_up(stage: &dyn Stage) {
    let stranger = stage.stranger().await;
    assert_eq!(
        stage.ports().observer.regions(&stranger, Freshness::Cached).await.unwrap_err().kind,
        FailureKind::Denied
    );
    stage.enroll(&stranger).await;
    assert!(stage.ports().observer.regions(&stranger, Freshness::Cached).await.unwrap().contains(&home()));
}

async fn a_role_that_is_deleted_denies_from_then_on(stage: &dyn Stage) {
    let instance = stage.launch(&home(), Machine::Running).await;
    assert!(stage.ports().observer.regions(stage.account(), Freshness::Now).await.unwrap().contains(&home()));
    stage.expel(stage.account()).await;
    for (look, came_to) in looks(stage, stage.account()).await {
        assert_eq!(came_to, Some(FailureKind::Denied), "{look}");
    }
    let stop = Action::StopInstances { region: home(), instances: vec![instance] };
    assert_eq!(perform(stage, stop).await, Err(FailureKind::Denied));
    // What was asked for a moment ago is good enough where an old answer is.
    assert!(stage.ports().observer.regions(stage.account(), Freshness::Cached).await.unwrap().contains(&home()));
}
