//! What an actuator does to users and roles as a whole: the denies, and the end of a user.

use jiff::Timestamp;
use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::identity::{Lockout, RoleLock};
use runawaytrain_core::ids::{RoleName, UserName};
use runawaytrain_core::plan::{Action, Belonging};
use runawaytrain_core::planner::LOCKOUT_POLICY;
use runawaytrain_engine::ports::{Performed, UserDetail};

use super::stage::{perform, role, user, users};
use super::{Case, Stage, cases};

pub(super) const CASES: &[Case] = cases![
    a_user_is_denied_and_the_deny_lifted_but_for_old_sessions,
    a_deny_takes_the_place_of_an_altered_one,
    a_denied_user_can_do_nothing,
    a_user_that_is_not_there_cannot_be_denied_and_needs_no_lifting,
    belongings_are_removed_one_by_one,
    a_bare_user_is_deleted,
    a_user_goes_only_when_nothing_hangs_on_it,
    sessions_are_revoked_denied_and_given_back,
    a_lock_takes_the_place_of_an_altered_one,
    a_role_that_is_not_there_cannot_be_denied_and_needs_no_lifting,
    a_services_own_role_cannot_be_changed,
];

fn ann() -> UserName {
    UserName::new("ann")
}

/// When a release is supposed to take place.
fn released() -> Timestamp {
    "2026-11-22T03:10:00Z".parse().unwrap()
}

fn lab() -> RoleName {
    RoleName::new("lab")
}

async fn a_user_is_denied_and_the_deny_lifted_but_for_old_sessions(stage: &dyn Stage) {
    stage.user("ann", 1, true).await;
    stage.user("bob", 1, true).await;
    let before = released();
    let (deny, lift) = (Action::DenyUser { user: ann() }, Action::LiftDeny { user: ann(), before });
    let steps = [
        (&deny, Performed::Done, Lockout::InForce),
        (&deny, Performed::Done, Lockout::InForce),
        (&lift, Performed::Done, Lockout::SessionsBefore(before)),
        (&lift, Performed::Done, Lockout::SessionsBefore(before)),
    ];
    for (action, performed, lockout) in steps {
        assert_eq!(perform(stage, action.clone()).await, Ok(performed), "{action}");
        assert_eq!(user(stage, &ann()).await.lockout, Ok(lockout), "{action}");
        assert_eq!(user(stage, &UserName::new("bob")).await.lockout, Ok(Lockout::Absent), "{action}");
    }
}

async fn a_deny_takes_the_place_of_an_altered_one(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    stage.alter_lockout(&ann()).await;
    assert_eq!(perform(stage, Action::DenyUser { user: ann() }).await, Ok(Performed::Done));
    assert_eq!(user(stage, &ann()).await.lockout, Ok(Lockout::InForce));
}

async fn a_denied_user_can_do_nothing(stage: &dyn Stage) {
    stage.user("ann", 1, false).await;
    assert!(stage.can_act(&ann()).await);
    for (action, can) in
        [(Action::DenyUser { user: ann() }, false), (Action::LiftDeny { user: ann(), before: released() }, true)]
    {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        assert_eq!(stage.can_act(&ann()).await, can, "{action}");
    }
}

async fn a_user_that_is_not_there_cannot_be_denied_and_needs_no_lifting(stage: &dyn Stage) {
    assert_eq!(perform(stage, Action::DenyUser { user: ann() }).await, Err(FailureKind::NotFound));
    assert_eq!(perform(stage, Action::LiftDeny { user: ann(), before: released() }).await, Ok(Performed::AlreadySo));
}

async fn belongings_are_removed_one_by_one(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    let belongings = stage.furnish(&ann()).await;
    let mut all = vec![Belonging::Group(belongings.groups[0].clone())];
    all.push(Belonging::AttachedPolicy(belongings.attached_policies[0].clone()));
    all.push(Belonging::InlinePolicy(belongings.inline_policies[0].clone()));
    all.push(Belonging::MfaDevice(belongings.mfa_devices[0].clone()));
    for (removed, belonging) in (1..).zip(&all) {
        let remove = || Action::RemoveBelonging { user: ann(), belonging: belonging.clone() };
        assert_eq!(perform(stage, remove()).await, Ok(Performed::Done), "{belonging}");
        let of = user(stage, &ann()).await.belongings.unwrap().unwrap();
        let left = [&of.groups, &of.attached_policies, &of.inline_policies, &of.mfa_devices]
            .map(Vec::len)
            .into_iter()
            .sum::<usize>();
        assert_eq!(left, all.len() - removed, "{belonging}");
        assert_eq!(perform(stage, remove()).await, Ok(Performed::AlreadySo), "{belonging}");
    }
}

async fn a_bare_user_is_deleted(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    for performed in [Performed::Done, Performed::AlreadySo] {
        assert_eq!(perform(stage, Action::DeleteUser { user: ann() }).await, Ok(performed));
        assert_eq!(users(stage, UserDetail::Everything).await, []);
    }
}

async fn a_user_goes_only_when_nothing_hangs_on_it(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    let (deny, delete) = (Action::DenyUser { user: ann() }, || Action::DeleteUser { user: ann() });
    assert_eq!(perform(stage, deny).await, Ok(Performed::Done));
    assert_eq!(perform(stage, delete()).await, Err(FailureKind::Conflict));
    let remove = Action::RemoveBelonging { user: ann(), belonging: Belonging::InlinePolicy(LOCKOUT_POLICY.to_owned()) };
    assert_eq!(perform(stage, remove).await, Ok(Performed::Done));
    assert_eq!(perform(stage, delete()).await, Ok(Performed::Done));
}

async fn sessions_are_revoked_denied_and_given_back(stage: &dyn Stage) {
    for name in ["lab", "another"] {
        stage.role(name).await;
    }
    let (sooner, later) = ("2026-11-22T03:00:00Z".parse().unwrap(), "2026-11-22T03:05:00Z".parse().unwrap());
    let steps = [
        (Action::RevokeSessions { role: lab(), before: sooner }, Performed::Done, RoleLock::RevokedBefore(sooner)),
        (Action::RevokeSessions { role: lab(), before: later }, Performed::Done, RoleLock::RevokedBefore(later)),
        (Action::DenyRole { role: lab() }, Performed::Done, RoleLock::Denied),
        (Action::LiftRole { role: lab(), before: later }, Performed::Done, RoleLock::RevokedBefore(later)),
    ];
    for (action, performed, lock) in steps {
        assert_eq!(perform(stage, action.clone()).await, Ok(performed), "{action}");
        assert_eq!(role(stage, &lab()).await.lock, Ok(lock), "{action}");
        assert_eq!(role(stage, &RoleName::new("another")).await.lock, Ok(RoleLock::Absent), "{action}");
    }
}

async fn a_lock_takes_the_place_of_an_altered_one(stage: &dyn Stage) {
    stage.role("lab").await;
    stage.alter_role_lock(&lab()).await;
    assert_eq!(perform(stage, Action::DenyRole { role: lab() }).await, Ok(Performed::Done));
    assert_eq!(role(stage, &lab()).await.lock, Ok(RoleLock::Denied));
}

async fn a_role_that_is_not_there_cannot_be_denied_and_needs_no_lifting(stage: &dyn Stage) {
    let before = "2026-11-22T03:00:00Z".parse().unwrap();
    for action in [Action::RevokeSessions { role: lab(), before }, Action::DenyRole { role: lab() }] {
        assert_eq!(perform(stage, action.clone()).await, Err(FailureKind::NotFound), "{action}");
    }
    assert_eq!(perform(stage, Action::LiftRole { role: lab(), before }).await, Ok(Performed::AlreadySo));
}

async fn a_services_own_role_cannot_be_changed(stage: &dyn Stage) {
    let services = stage.service_role().await;
    assert_eq!(perform(stage, Action::DenyRole { role: services.clone() }).await, Err(FailureKind::Unsupported));
    assert_eq!(role(stage, &services).await.lock, Ok(RoleLock::Absent));
}
