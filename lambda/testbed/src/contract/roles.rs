//! IAM roles: their sessions and the deny.

use runawaytrain_core::resource::deny_all::{DENY_ALL, DenyAll};
use runawaytrain_core::resource::roles::{Action, REVOKE_AHEAD, RoleLock};
use runawaytrain_core::resource::{Act, Undo};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::RoleName;
use runawaytrain_engine::ports::Performed;

use super::case::{Case, cases};
use super::stage::{Crowd, Filling, Identity, Stage, assert_all, dated, perform, perform_at, role, roles};

pub(super) const CASES: &[Case] = cases![
    a_role_is_seen_with_its_path_and_a_services_own_role_too,
    every_page_of_roles_is_read,
    sessions_are_revoked_denied_and_given_back,
    a_lock_takes_the_place_of_an_altered_one,
    a_role_that_is_not_there_cannot_be_denied_and_needs_no_lifting,
    a_services_own_role_cannot_be_changed,
    awss_deny_is_attached_to_a_role_and_detached,
    awss_deny_takes_the_place_of_a_roles_boundary_which_is_put_back,
    a_role_without_room_for_an_inline_policy_takes_an_attached_one,
    a_role_without_room_for_an_attached_policy_takes_a_boundary,
];

fn lab() -> RoleName {
    RoleName::new("lab")
}

async fn a_role_is_seen_with_its_path_and_a_services_own_role_too(stage: &dyn Stage) {
    stage.role("lab").await;
    let lab = role(stage, &RoleName::new("lab")).await;
    assert!(lab.created.is_some());
    assert_eq!((lab.path.as_str(), lab.lock), ("/service/", Ok(RoleLock::Absent)));
    let services = role(stage, &stage.service_role().await).await;
    assert!(services.path.starts_with("/aws-service-role/"), "{}", services.path);
    assert_eq!(services.lock, Ok(RoleLock::Absent));
}

async fn every_page_of_roles_is_read(stage: &dyn Stage) {
    let made = stage.crowd(Crowd::Roles).await;
    assert_all(&made, roles(stage).await.iter().map(|role| &role.name));
}

async fn sessions_are_revoked_denied_and_given_back(stage: &dyn Stage) {
    for name in ["lab", "another"] {
        stage.role(name).await;
    }
    let (sooner, later) = ("2026-11-22T03:00:00Z".parse().unwrap(), "2026-11-22T03:05:00Z".parse().unwrap());
    let steps = [
        (Action::RevokeSessions { role: lab(), ahead: REVOKE_AHEAD }, sooner, RoleLock::RevokedBefore(dated(sooner))),
        (Action::RevokeSessions { role: lab(), ahead: REVOKE_AHEAD }, later, RoleLock::RevokedBefore(dated(later))),
        (Action::DenyRole { role: lab() }, later, RoleLock::Denied),
        (Action::LiftRole { role: lab() }, later, RoleLock::RevokedBefore(dated(later))),
    ];
    for (action, at, lock) in steps {
        assert_eq!(perform_at(stage, action.clone(), at).await, Ok(Performed::Done), "{action}");
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
    let locks = [
        Action::RevokeSessions { role: lab(), ahead: REVOKE_AHEAD },
        Action::DenyRole { role: lab() },
        Action::AttachDenyToRole { role: lab() },
        Action::BoundRole { role: lab(), before: None },
    ];
    for action in locks {
        assert_eq!(perform(stage, action.clone()).await, Err(FailureKind::NotFound), "{action}");
        if let Undo::By(undo) = action.undo() {
            assert_eq!(perform(stage, undo.clone()).await, Ok(Performed::AlreadyDone), "{undo}");
        }
    }
    assert_eq!(perform(stage, Action::LiftRole { role: lab() }).await, Ok(Performed::AlreadyDone));
}

async fn a_services_own_role_cannot_be_changed(stage: &dyn Stage) {
    let services = stage.service_role().await;
    assert_eq!(perform(stage, Action::DenyRole { role: services.clone() }).await, Err(FailureKind::Unsupported));
    assert_eq!(role(stage, &services).await.lock, Ok(RoleLock::Absent));
}

async fn awss_deny_is_attached_to_a_role_and_detached(stage: &dyn Stage) {
    for name in ["lab", "another"] {
        stage.role(name).await;
    }
    let (attach, detach) = (Action::AttachDenyToRole { role: lab() }, Action::DetachDenyFromRole { role: lab() });
    let steps = [
        (&attach, Performed::Done, true),
        (&attach, Performed::Done, true),
        (&detach, Performed::Done, false),
        (&detach, Performed::AlreadyDone, false),
    ];
    for (action, performed, attached) in steps {
        assert_eq!(perform(stage, action.clone()).await, Ok(performed), "{action}");
        assert_eq!(role(stage, &lab()).await.deny_all, Ok(DenyAll { attached, is_boundary: false }), "{action}");
        assert_eq!(role(stage, &RoleName::new("another")).await.deny_all, Ok(DenyAll::default()), "{action}");
    }
}

async fn awss_deny_takes_the_place_of_a_roles_boundary_which_is_put_back(stage: &dyn Stage) {
    stage.role("lab").await;
    let boundary = stage.bound(Identity::Role(&lab())).await;
    assert_eq!(role(stage, &lab()).await.boundary, Some(Ok(Some(boundary.clone()))));
    let restore = |boundary| Action::RestoreRoleBoundary { role: lab(), boundary };
    let steps = [
        (Action::BoundRole { role: lab(), before: Some(boundary.clone()) }, Some(DENY_ALL.to_owned())),
        (restore(Some(boundary.clone())), Some(boundary)),
        (restore(None), None),
    ];
    for (action, boundary) in steps {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        let seen = role(stage, &lab()).await;
        let is_boundary = boundary.as_deref() == Some(DENY_ALL);
        assert_eq!(seen.deny_all, Ok(DenyAll { attached: false, is_boundary }), "{action}");
        assert_eq!(seen.boundary, Some(Ok(boundary)), "{action}");
    }
}

async fn a_role_without_room_for_an_inline_policy_takes_an_attached_one(stage: &dyn Stage) {
    stage.role("lab").await;
    stage.fill(Identity::Role(&lab()), Filling::Inline).await;
    for action in [Action::RevokeSessions { role: lab(), ahead: REVOKE_AHEAD }, Action::DenyRole { role: lab() }] {
        assert_eq!(perform(stage, action.clone()).await, Err(FailureKind::QuotaFull), "{action}");
    }
    assert_eq!(perform(stage, Action::AttachDenyToRole { role: lab() }).await, Ok(Performed::Done));
}

async fn a_role_without_room_for_an_attached_policy_takes_a_boundary(stage: &dyn Stage) {
    stage.role("lab").await;
    stage.fill(Identity::Role(&lab()), Filling::Attached).await;
    assert_eq!(perform(stage, Action::AttachDenyToRole { role: lab() }).await, Err(FailureKind::QuotaFull));
    assert_eq!(perform(stage, Action::BoundRole { role: lab(), before: None }).await, Ok(Performed::Done));
}
