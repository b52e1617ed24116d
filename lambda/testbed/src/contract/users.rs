//! IAM users: the deny, the credentials, and the end of a user.

use std::sync::Mutex;
use std::time::Duration;

use runawaytrain_core::resource::deny_all::{DENY_ALL, DenyAll};
use runawaytrain_core::resource::users::{
    Action, Credential, Credentials, LOCKOUT_POLICY, Lockout, User, UserAttachment,
};
use runawaytrain_core::resource::{Act, Depth, Kind, Sight, Undo};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{KeyId, UserName};
use runawaytrain_engine::ports::{Look, Performed, Terms};

use super::case::{Case, cases};
use super::stage::{Crowd, Filling, Identity, Stage, assert_all, dated, now, perform, user, users};

pub(super) const CASES: &[Case] = cases![
    a_user_is_seen_with_its_keys_and_its_password,
    an_ssh_key_is_a_credential_of_its_user,
    attachments_are_looked_at_only_where_asked_for,
    every_page_of_users_is_read,
    users_are_known_by_name_before_their_credentials_are_read,
    whoever_is_denied_is_looked_at_no_further_where_only_locks_are_asked_for,
    what_is_settled_is_taken_over_as_long_as_the_deny_stands,
    what_is_not_come_to_in_the_time_for_a_look_is_a_gap,
    a_user_is_denied_and_the_deny_lifted_but_for_old_sessions,
    a_deny_takes_the_place_of_an_altered_one,
    a_denied_user_can_do_nothing,
    a_user_that_is_not_there_cannot_be_denied_and_needs_no_lifting,
    a_user_that_is_not_there_takes_no_boundary_and_has_none_to_lose,
    awss_deny_is_attached_to_a_user_and_detached,
    a_user_to_whom_awss_deny_is_attached_can_do_nothing,
    awss_deny_takes_the_place_of_a_users_boundary_which_is_put_back,
    a_user_whose_boundary_is_awss_deny_can_do_nothing,
    a_user_without_room_for_an_inline_policy_takes_an_attached_one,
    a_user_without_room_for_an_attached_policy_takes_a_boundary,
    attachments_are_removed_one_by_one,
    a_bare_user_is_deleted,
    a_user_goes_only_when_nothing_hangs_on_it,
    a_key_is_deactivated_and_activated,
    an_inactive_key_opens_nothing,
    a_key_is_deleted,
    a_key_that_is_not_there_needs_no_deactivating_and_cannot_be_activated,
    a_console_password_is_deleted,
    a_password_that_is_not_there_needs_no_deleting,
    an_ssh_key_is_deactivated_activated_and_removed,
    a_credential_that_is_not_there_needs_no_deactivating_and_cannot_be_activated,
];

fn ann() -> UserName {
    UserName::new("ann")
}

async fn credentials(stage: &dyn Stage, name: &str) -> Credentials {
    user(stage, &UserName::new(name)).await.credentials.unwrap()
}

async fn keys(stage: &dyn Stage) -> Vec<(KeyId, bool)> {
    let mut keys: Vec<_> =
        credentials(stage, "ann").await.keys.unwrap().into_iter().map(|key| (key.id, key.active)).collect();
    keys.sort();
    keys
}

async fn a_user_is_seen_with_its_keys_and_its_password(stage: &dyn Stage) {
    stage.user("ann", 2, true).await;
    stage.user("bob", 0, false).await;
    let ann = user(stage, &ann()).await;
    assert!(ann.created.is_some());
    assert_eq!(ann.lockout, Ok(Lockout::Absent));
    let (ann, bob) = (ann.credentials.unwrap(), credentials(stage, "bob").await);
    assert_eq!(ann.console, Ok(true));
    assert_eq!(ann.keys.unwrap().iter().map(|key| key.active).collect::<Vec<_>>(), [true, true]);
    assert_eq!((bob.console, bob.keys), (Ok(false), Ok(Vec::new())));
}

async fn an_ssh_key_is_a_credential_of_its_user(stage: &dyn Stage) {
    let ann = UserName::new("ann");
    stage.user("ann", 0, false).await;
    assert_eq!(credentials(stage, "ann").await.others, Ok(Vec::new()));
    let key = stage.ssh_key(&ann).await;
    let others = credentials(stage, "ann").await.others.unwrap();
    assert_eq!(others.iter().map(|other| (&other.credential, other.active)).collect::<Vec<_>>(), [(&key, true)]);
}

async fn attachments_are_looked_at_only_where_asked_for(stage: &dyn Stage) {
    let ann = UserName::new("ann");
    stage.user("ann", 0, false).await;
    let attachments = stage.furnish(&ann).await;
    for (depth, expected) in [(Depth::Usual, None), (Depth::Whole, Some(Ok(attachments)))] {
        let seen = users(stage, depth).await;
        assert_eq!(seen.iter().map(|user| (&user.name, &user.attachments)).collect::<Vec<_>>(), [(&ann, &expected)]);
    }
}

async fn every_page_of_users_is_read(stage: &dyn Stage) {
    let made = stage.crowd(Crowd::Users).await;
    assert_all(&made, users(stage, Depth::Usual).await.iter().map(|user| &user.name));
}

async fn users_are_known_by_name_before_their_credentials_are_read(stage: &dyn Stage) {
    stage.user("ann", 1, true).await;
    let told = Mutex::new(Vec::new());
    let look = Look::at(Kind::Users, None);
    let so_far = |sight| told.lock().unwrap().push(sight);
    let terms = Terms { so_far: &so_far, ..Terms::default() };
    let seen = stage.ports().observer.look_on(stage.account(), &look, terms).await.unwrap();
    let of = |sight: &Sight| match sight {
        Sight::Users(users) => {
            users.iter().map(|user| (user.name.clone(), user.lockout.clone(), user.credentials.is_some())).collect()
        }
        other => panic!("{other:?}"),
    };
    let told: Vec<Vec<_>> = told.into_inner().unwrap().iter().map(of).collect();
    assert_eq!(told, [vec![(ann(), Ok(Lockout::Absent), false)]]);
    assert_eq!(of(&seen), [(ann(), Ok(Lockout::Absent), true)]);
}

async fn whoever_is_denied_is_looked_at_no_further_where_only_locks_are_asked_for(stage: &dyn Stage) {
    stage.user("ann", 1, true).await;
    stage.user("bob", 1, true).await;
    assert_eq!(perform(stage, Action::DenyUser { user: ann() }).await, Ok(Performed::Done));
    let mut seen = users(stage, Depth::Locks).await;
    seen.sort_by(|one, other| one.name.cmp(&other.name));
    let seen: Vec<_> = seen.into_iter().map(|user| (user.lockout.unwrap(), user.credentials.is_some())).collect();
    assert_eq!(seen, [(Lockout::InForce, false), (Lockout::Absent, true)]);
}

/// The users, by name, of a look on these terms.
async fn users_on(stage: &dyn Stage, terms: Terms<'_>) -> Vec<User> {
    let sight = stage.ports().observer.look_on(stage.account(), &Look::at(Kind::Users, None), terms).await.unwrap();
    let Sight::Users(mut users) = sight else { panic!("{sight:?}") };
    users.sort_by(|one, other| one.name.cmp(&other.name));
    users
}

async fn what_is_settled_is_taken_over_as_long_as_the_deny_stands(stage: &dyn Stage) {
    stage.user("ann", 1, true).await;
    stage.user("bob", 1, true).await;
    assert_eq!(perform(stage, Action::DenyUser { user: ann() }).await, Ok(Performed::Done));
    // What nobody would see anew: their keys are there.
    let bare = Credentials { keys: Ok(Vec::new()), console: Ok(false), others: Ok(Vec::new()) };
    let settled = users(stage, Depth::Usual).await;
    let settled =
        Sight::Users(settled.into_iter().map(|user| User { credentials: Some(bare.clone()), ..user }).collect());
    let seen = users_on(stage, Terms { settled: Some(&settled), ..Terms::default() }).await;
    assert_eq!(seen[0].credentials, Some(bare));
    let of_bob = seen[1].credentials.as_ref().unwrap();
    assert_eq!((of_bob.keys.as_ref().unwrap().len(), &of_bob.console), (1, &Ok(true)), "nobody denies bob");
}

async fn what_is_not_come_to_in_the_time_for_a_look_is_a_gap(stage: &dyn Stage) {
    stage.user("ann", 1, true).await;
    let seen = users_on(stage, Terms { within: Duration::ZERO, ..Terms::default() }).await;
    assert_eq!((seen[0].name.as_str(), &seen[0].lockout), ("ann", &Ok(Lockout::Absent)));
    let credentials = seen[0].credentials.as_ref().unwrap();
    let kinds = [
        credentials.keys.as_ref().unwrap_err().kind,
        credentials.console.as_ref().unwrap_err().kind,
        credentials.others.as_ref().unwrap_err().kind,
    ];
    assert_eq!(kinds, [FailureKind::NotBegun; 3]);
}

async fn a_user_is_denied_and_the_deny_lifted_but_for_old_sessions(stage: &dyn Stage) {
    stage.user("ann", 1, true).await;
    stage.user("bob", 1, true).await;
    let before = dated(now());
    let (deny, lift) = (Action::DenyUser { user: ann() }, Action::LiftDeny { user: ann() });
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
    for (action, can) in [(Action::DenyUser { user: ann() }, false), (Action::LiftDeny { user: ann() }, true)] {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        assert_eq!(stage.can_act(&ann()).await, can, "{action}");
    }
}

async fn a_user_that_is_not_there_cannot_be_denied_and_needs_no_lifting(stage: &dyn Stage) {
    for action in [Action::DenyUser { user: ann() }, Action::AttachDenyToUser { user: ann() }] {
        assert_eq!(perform(stage, action.clone()).await, Err(FailureKind::NotFound), "{action}");
        let Undo::By(undo) = action.undo() else { panic!("{action} is undone") };
        assert_eq!(perform(stage, undo.clone()).await, Ok(Performed::AlreadyDone), "{undo}");
    }
}

async fn a_user_that_is_not_there_takes_no_boundary_and_has_none_to_lose(stage: &dyn Stage) {
    let bound = Action::BoundUser { user: ann(), before: None };
    assert_eq!(perform(stage, bound).await, Err(FailureKind::NotFound));
    let restore = Action::RestoreUserBoundary { user: ann(), boundary: None };
    assert_eq!(perform(stage, restore).await, Ok(Performed::AlreadyDone));
}

async fn awss_deny_is_attached_to_a_user_and_detached(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    stage.user("bob", 0, false).await;
    let (attach, detach) = (Action::AttachDenyToUser { user: ann() }, Action::DetachDenyFromUser { user: ann() });
    let steps = [
        (&attach, Performed::Done, true),
        (&attach, Performed::Done, true),
        (&detach, Performed::Done, false),
        (&detach, Performed::AlreadyDone, false),
    ];
    for (action, performed, attached) in steps {
        assert_eq!(perform(stage, action.clone()).await, Ok(performed), "{action}");
        assert_eq!(user(stage, &ann()).await.deny_all, Ok(DenyAll { attached, is_boundary: false }), "{action}");
        assert_eq!(user(stage, &UserName::new("bob")).await.deny_all, Ok(DenyAll::default()), "{action}");
    }
}

async fn a_user_to_whom_awss_deny_is_attached_can_do_nothing(stage: &dyn Stage) {
    stage.user("ann", 1, false).await;
    assert!(stage.can_act(&ann()).await);
    let steps = [(Action::AttachDenyToUser { user: ann() }, false), (Action::DetachDenyFromUser { user: ann() }, true)];
    for (action, can) in steps {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        assert_eq!(stage.can_act(&ann()).await, can, "{action}");
    }
}

async fn awss_deny_takes_the_place_of_a_users_boundary_which_is_put_back(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    let boundary = stage.bound(Identity::User(&ann())).await;
    assert_eq!(user(stage, &ann()).await.boundary, Some(Ok(Some(boundary.clone()))));
    let restore = |boundary| Action::RestoreUserBoundary { user: ann(), boundary };
    let steps = [
        (Action::BoundUser { user: ann(), before: Some(boundary.clone()) }, Performed::Done, Some(DENY_ALL.to_owned())),
        (restore(Some(boundary.clone())), Performed::Done, Some(boundary)),
        (restore(None), Performed::Done, None),
        (restore(None), Performed::AlreadyDone, None),
    ];
    for (action, performed, boundary) in steps {
        assert_eq!(perform(stage, action.clone()).await, Ok(performed), "{action}");
        let seen = user(stage, &ann()).await;
        let is_boundary = boundary.as_deref() == Some(DENY_ALL);
        assert_eq!(seen.deny_all, Ok(DenyAll { attached: false, is_boundary }), "{action}");
        assert_eq!(seen.boundary, Some(Ok(boundary)), "{action}");
    }
}

async fn a_user_whose_boundary_is_awss_deny_can_do_nothing(stage: &dyn Stage) {
    stage.user("ann", 1, false).await;
    assert!(stage.can_act(&ann()).await);
    let steps = [
        (Action::BoundUser { user: ann(), before: None }, false),
        (Action::RestoreUserBoundary { user: ann(), boundary: None }, true),
    ];
    for (action, can) in steps {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        assert_eq!(stage.can_act(&ann()).await, can, "{action}");
    }
}

async fn a_user_without_room_for_an_inline_policy_takes_an_attached_one(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    stage.fill(Identity::User(&ann()), Filling::Inline).await;
    for action in [Action::DenyUser { user: ann() }, Action::LiftDeny { user: ann() }] {
        assert_eq!(perform(stage, action.clone()).await, Err(FailureKind::QuotaFull), "{action}");
    }
    assert_eq!(perform(stage, Action::AttachDenyToUser { user: ann() }).await, Ok(Performed::Done));
}

async fn a_user_without_room_for_an_attached_policy_takes_a_boundary(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    stage.fill(Identity::User(&ann()), Filling::Attached).await;
    assert_eq!(perform(stage, Action::AttachDenyToUser { user: ann() }).await, Err(FailureKind::QuotaFull));
    assert_eq!(perform(stage, Action::BoundUser { user: ann(), before: None }).await, Ok(Performed::Done));
}

async fn attachments_are_removed_one_by_one(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    let attachments = stage.furnish(&ann()).await;
    let all = [
        UserAttachment::Group(attachments.groups[0].clone()),
        UserAttachment::AttachedPolicy(attachments.attached_policies[0].clone()),
        UserAttachment::InlinePolicy(attachments.inline_policies[0].clone()),
        UserAttachment::MfaDevice(attachments.mfa_devices[0].clone()),
    ];
    for (removed, attachment) in (1..).zip(&all) {
        let remove = || Action::RemoveAttachment { user: ann(), attachment: attachment.clone() };
        assert_eq!(perform(stage, remove()).await, Ok(Performed::Done), "{attachment}");
        let of = user(stage, &ann()).await.attachments.unwrap().unwrap();
        let left = [&of.groups, &of.attached_policies, &of.inline_policies, &of.mfa_devices]
            .map(Vec::len)
            .into_iter()
            .sum::<usize>();
        assert_eq!(left, all.len() - removed, "{attachment}");
        assert_eq!(perform(stage, remove()).await, Ok(Performed::AlreadyDone), "{attachment}");
    }
}

async fn a_bare_user_is_deleted(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    for performed in [Performed::Done, Performed::AlreadyDone] {
        assert_eq!(perform(stage, Action::DeleteUser { user: ann() }).await, Ok(performed));
        assert_eq!(users(stage, Depth::Whole).await, []);
    }
}

async fn a_user_goes_only_when_nothing_hangs_on_it(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    let (deny, delete) = (Action::DenyUser { user: ann() }, || Action::DeleteUser { user: ann() });
    assert_eq!(perform(stage, deny).await, Ok(Performed::Done));
    assert_eq!(perform(stage, delete()).await, Err(FailureKind::Contended));
    let attachment = UserAttachment::InlinePolicy(LOCKOUT_POLICY.to_owned());
    let remove = Action::RemoveAttachment { user: ann(), attachment };
    assert_eq!(perform(stage, remove).await, Ok(Performed::Done));
    assert_eq!(perform(stage, delete()).await, Ok(Performed::Done));
}

async fn a_key_is_deactivated_and_activated(stage: &dyn Stage) {
    stage.user("ann", 2, false).await;
    let [(key, _), (other, _)] = keys(stage).await.try_into().unwrap();
    let (off, on) = (
        Action::DeactivateKey { user: ann(), key: key.clone() },
        Action::ActivateKey { user: ann(), key: key.clone() },
    );
    for (action, active) in [(&off, false), (&off, false), (&on, true), (&on, true)] {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        assert_eq!(keys(stage).await, [(key.clone(), active), (other.clone(), true)], "{action}");
    }
}

async fn an_inactive_key_opens_nothing(stage: &dyn Stage) {
    stage.user("ann", 1, false).await;
    let [(key, _)] = keys(stage).await.try_into().unwrap();
    assert!(stage.can_act(&ann()).await);
    for (action, can) in [
        (Action::DeactivateKey { user: ann(), key: key.clone() }, false),
        (Action::ActivateKey { user: ann(), key }, true),
    ] {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        assert_eq!(stage.can_act(&ann()).await, can, "{action}");
    }
}

async fn a_key_is_deleted(stage: &dyn Stage) {
    stage.user("ann", 2, false).await;
    let [(key, _), other] = keys(stage).await.try_into().unwrap();
    for performed in [Performed::Done, Performed::AlreadyDone] {
        assert_eq!(perform(stage, Action::DeleteKey { user: ann(), key: key.clone() }).await, Ok(performed));
        assert_eq!(keys(stage).await, std::slice::from_ref(&other));
    }
}

async fn a_key_that_is_not_there_needs_no_deactivating_and_cannot_be_activated(stage: &dyn Stage) {
    stage.user("bob", 1, false).await;
    let key = KeyId::new("AKIAIOSFODNN7EXAMPLE");
    // Of a user that is there, and of one that is not.
    for user in [UserName::new("bob"), ann()] {
        assert_eq!(
            perform(stage, Action::DeactivateKey { user: user.clone(), key: key.clone() }).await,
            Ok(Performed::AlreadyDone),
            "{user}"
        );
        assert_eq!(
            perform(stage, Action::DeleteKey { user: user.clone(), key: key.clone() }).await,
            Ok(Performed::AlreadyDone),
            "{user}"
        );
        assert_eq!(
            perform(stage, Action::ActivateKey { user: user.clone(), key: key.clone() }).await,
            Err(FailureKind::NotFound),
            "{user}"
        );
    }
}

async fn a_console_password_is_deleted(stage: &dyn Stage) {
    stage.user("ann", 0, true).await;
    for performed in [Performed::Done, Performed::AlreadyDone] {
        assert_eq!(perform(stage, Action::DeleteLogin { user: ann() }).await, Ok(performed));
        assert_eq!(credentials(stage, "ann").await.console, Ok(false));
    }
}

async fn a_password_that_is_not_there_needs_no_deleting(stage: &dyn Stage) {
    stage.user("bob", 0, false).await;
    for user in [UserName::new("bob"), ann()] {
        assert_eq!(
            perform(stage, Action::DeleteLogin { user: user.clone() }).await,
            Ok(Performed::AlreadyDone),
            "{user}"
        );
    }
}

async fn an_ssh_key_is_deactivated_activated_and_removed(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    let credential = stage.ssh_key(&ann()).await;
    let others = async || {
        credentials(stage, "ann")
            .await
            .others
            .unwrap()
            .into_iter()
            .map(|other| (other.credential, other.active))
            .collect::<Vec<_>>()
    };
    let off = Action::DeactivateCredential { user: ann(), credential: credential.clone() };
    let on = Action::ActivateCredential { user: ann(), credential: credential.clone() };
    for (action, active) in [(&off, false), (&off, false), (&on, true), (&on, true)] {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        assert_eq!(others().await, [(credential.clone(), active)], "{action}");
    }
    for performed in [Performed::Done, Performed::AlreadyDone] {
        assert_eq!(
            perform(stage, Action::DeleteCredential { user: ann(), credential: credential.clone() }).await,
            Ok(performed)
        );
        assert_eq!(others().await, []);
    }
}

async fn a_credential_that_is_not_there_needs_no_deactivating_and_cannot_be_activated(stage: &dyn Stage) {
    stage.user("bob", 0, false).await;
    let credential = Credential::SshKey("APKAIOSFODNN7EXAMPLE".to_owned());
    for user in [UserName::new("bob"), ann()] {
        let (off, on) = (
            Action::DeactivateCredential { user: user.clone(), credential: credential.clone() },
            Action::ActivateCredential { user, credential: credential.clone() },
        );
        assert_eq!(perform(stage, off.clone()).await, Ok(Performed::AlreadyDone), "{off}");
        assert_eq!(perform(stage, on.clone()).await, Err(FailureKind::NotFound), "{on}");
    }
}
