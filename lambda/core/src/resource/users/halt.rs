//! What a halt does to users: everything is denied to them first, and only then is taken what opens the account to
//! them.

use jiff::Timestamp;

use super::action::{Action, DENIES};
use super::credential::{Credentials, UserAttachment};
use super::user::{LOCKOUT_POLICY, Lockout, User, lane};
use crate::policy::{AccountPolicy, UserResponse};
use crate::resource::case::{Age, HaltCase, Suspicion};
use crate::resource::deny_all::{DENY_ALL, Way};
use crate::resource::draft::{Draft, Lane, SkipReason};
use crate::vocabulary::failure::FailureKind;
use crate::vocabulary::ids::UserName;

/// Its credentials are known later than its name, so they have a lane of their own: the deny waits for nothing.
fn lane_of_credentials(user: &UserName) -> Lane {
    Lane::Credentials(format!("user {user}"))
}

/// Denies everything to a user, or takes off what must go before it is deleted.
pub(super) fn lock(case: &HaltCase<'_>, user: &User, draft: &mut Draft<Action>) {
    let item = format!("user {}", user.name);
    if case.policy.exempts_user(&user.name) {
        return draft.skip(item, SkipReason::Exempt);
    }
    match case.policy.contain.users {
        UserResponse::Leave => draft.skip(item, SkipReason::UsersLeft),
        // First everything that hangs on it, under our deny; only once a look shows it bare, the deny and the user.
        // Were both done at once, a key made in between would keep the user, without the deny.
        UserResponse::DeleteUsers if user.is_bare() => {
            let name = || user.name.clone();
            let mut remove = |attachment| {
                draft.add(lane(&user.name), Action::RemoveAttachment { user: name(), attachment });
            };
            if user.lockout != Ok(Lockout::Absent) {
                remove(UserAttachment::InlinePolicy(LOCKOUT_POLICY.to_owned()));
            }
            if user.attached().any(|arn| arn == DENY_ALL) {
                remove(UserAttachment::AttachedPolicy(DENY_ALL.to_owned()));
            }
            draft.add(lane(&user.name), Action::DeleteUser { user: name() });
        }
        response => {
            if !user.is_denied() {
                draft.add(lane(&user.name), deny(case, user));
            }
            if response == UserResponse::DeleteUsers {
                plan_attachments(user, draft);
                draft.skip(item, SkipReason::NotBareYet);
            }
        }
    }
}

/// Takes what opens the account to a user, as far as it was looked at.
pub(super) fn strip(case: &HaltCase<'_>, user: &User, draft: &mut Draft<Action>) {
    let Some(credentials) = &user.credentials else { return };
    let response = case.policy.contain.users;
    if case.policy.exempts_user(&user.name) {
        // Whoever the policy wants in is never locked out, on the first day least of all. A user that was made lately
        // as a whole, its keys with it, is named for people to look at.
        let is_old = case.suspicion().of(user.created) == Age::Older;
        if is_old && response != UserResponse::Leave {
            plan_young_credentials(case.suspicion(), user, draft);
        }
        return;
    }
    match response {
        UserResponse::Leave => {}
        UserResponse::Deactivate => plan_credentials(user, credentials, CredentialAction::Deactivate, draft),
        UserResponse::DeleteUsers if user.is_bare() => {}
        UserResponse::DeleteCredentials | UserResponse::DeleteUsers => {
            plan_credentials(user, credentials, CredentialAction::Delete, draft);
        }
    }
}

/// Whether what opened the account to a user was looked at, all of it, and is gone.
pub(super) fn is_stripped(policy: &AccountPolicy, user: &User) -> bool {
    let Some(Credentials { keys: Ok(keys), console: Ok(false), others: Ok(others) }) = &user.credentials else {
        return false;
    };
    match policy.contain.users {
        UserResponse::Leave | UserResponse::Deactivate => {
            keys.iter().all(|key| !key.active) && others.iter().all(|other| !other.active)
        }
        UserResponse::DeleteCredentials | UserResponse::DeleteUsers => keys.is_empty() && others.is_empty(),
    }
}

/// What becomes of a credential.
#[derive(Clone, Copy, PartialEq)]
enum CredentialAction {
    Deactivate,
    Delete,
}

/// What denies a user everything, by the first way that is open.
fn deny(case: &HaltCase<'_>, user: &User) -> Action {
    let name = user.name.clone();
    match Way::open(DENIES, &case.circumstances.refusals, user.name.as_str()) {
        Way::Inline => Action::DenyUser { user: name },
        Way::Attachment => Action::AttachDenyToUser { user: name },
        Way::Boundary => match &user.boundary {
            Some(Ok(before)) => Action::BoundUser { user: name, before: before.clone() },
            // What is not known could not be put back. The next look is closer, and says it.
            Some(Err(_)) | None => Action::AttachDenyToUser { user: name },
        },
    }
}

/// What opens an exempt user and was made shortly before the halt, or since: a thief may have made it. What is older is
/// left, as the policy says.
fn plan_young_credentials(suspicion: Suspicion, user: &User, draft: &mut Draft<Action>) {
    let is_young = |created: Option<Timestamp>| match suspicion.of(created) {
        Age::Younger => true,
        // To switch off what may be an exempt person's only key would lock out whom the policy wants in.
        Age::Older | Age::Unknown => false,
    };
    let name = || user.name.clone();
    for key in user.keys().iter().filter(|key| key.active && is_young(key.created)) {
        draft.add(lane_of_credentials(&user.name), Action::DeactivateKey { user: name(), key: key.id.clone() });
    }
    for other in user.others().iter().filter(|other| other.active && is_young(other.created)) {
        let credential = other.credential.clone();
        draft.add(lane_of_credentials(&user.name), Action::DeactivateCredential { user: name(), credential });
    }
}

fn plan_credentials(user: &User, credentials: &Credentials, action: CredentialAction, draft: &mut Draft<Action>) {
    let mut add = |step| draft.add(lane_of_credentials(&user.name), step);
    let name = || user.name.clone();
    for key in user.keys() {
        let id = key.id.clone();
        match action {
            CredentialAction::Deactivate if key.active => add(Action::DeactivateKey { user: name(), key: id }),
            CredentialAction::Deactivate => {}
            CredentialAction::Delete => add(Action::DeleteKey { user: name(), key: id }),
        }
    }
    match &credentials.console {
        Ok(false) => {}
        // The next look asks for it.
        Err(failure) if failure.kind == FailureKind::NotBegun => {}
        // Where the password could not be looked at, deleting it is tried all the same: a missing one is no error.
        Ok(true) | Err(_) => add(Action::DeleteLogin { user: name() }),
    }
    for other in user.others() {
        let credential = other.credential.clone();
        match action {
            CredentialAction::Deactivate if other.active => {
                add(Action::DeactivateCredential { user: name(), credential });
            }
            CredentialAction::Deactivate => {}
            CredentialAction::Delete => add(Action::DeleteCredential { user: name(), credential }),
        }
    }
    if let Err(failure) = &credentials.keys {
        draft.skip(format!("access keys of user {}", user.name), SkipReason::unseen(failure));
    }
    if let Err(failure) = &credentials.others {
        draft.skip(format!("other credentials of user {}", user.name), SkipReason::unseen(failure));
    }
}

/// In the lane of the deny, behind it: an attached policy may be all that keeps a user from something.
fn plan_attachments(user: &User, draft: &mut Draft<Action>) {
    let Some(seen) = &user.attachments else { return };
    let attachments = match seen {
        Ok(attachments) => attachments,
        Err(failure) => {
            return draft.skip(format!("attachments of user {}", user.name), SkipReason::unseen(failure));
        }
    };
    let mut remove = |attachment| {
        draft.add(lane(&user.name), Action::RemoveAttachment { user: user.name.clone(), attachment });
    };
    for serial in &attachments.mfa_devices {
        remove(UserAttachment::MfaDevice(serial.clone()));
        // Only a virtual device (arn:…:mfa/…) is the account's to delete; a security key or token belongs to a person.
        if serial.contains(":mfa/") {
            remove(UserAttachment::VirtualMfaDevice(serial.clone()));
        }
    }
    attachments.groups.iter().cloned().map(UserAttachment::Group).for_each(&mut remove);
    let others = attachments.attached_policies.iter().filter(|arn| *arn != DENY_ALL);
    others.cloned().map(UserAttachment::AttachedPolicy).for_each(&mut remove);
    let foreign = attachments.inline_policies.iter().filter(|name| *name != LOCKOUT_POLICY);
    foreign.cloned().map(UserAttachment::InlinePolicy).for_each(&mut remove);
}
