//! IAM users and their long-lived credentials: the deny first, for keys take seconds to die everywhere and sessions
//! outlive them.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::observation::{Gap, Need, Observation, Subject};
use crate::policy::{AccountPolicy, UserResponse};
use crate::resource::act::{Act, Part, Undo};
use crate::resource::case::{Age, Done, HaltCase, Refusals, ReleaseCase, Standing, Suspicion, Touched};
use crate::resource::deny_all::{DenyAll, NO_ROOM};
use crate::resource::draft::Draft;
use crate::resource::room::{Depth, Resource, Scope};
use crate::resource::target::Target;
use crate::vocabulary::failure::Failure;
use crate::vocabulary::ids::{Region, UserName};
use crate::vocabulary::text::clean;

mod action;
mod credential;
mod halt;
mod user;

use action::DENIES;
use user::lane;

pub use action::Action;
pub use credential::{AccessKey, Credential, Credentials, OtherCredential, UserAttachment, UserAttachments};
pub use user::{LOCKOUT_POLICY, Lockout, Settled, User};

/// IAM users.
pub struct Users;

impl Subject for Users {
    type Sight = Vec<User>;
    const NAME: &'static str = "users";
    const NEED: Need = Need::Halt;

    fn gaps(users: &Vec<User>) -> Vec<Gap> {
        let of = |user: &User, failure: &Failure| Gap { at: format!("user {}", user.name), failure: failure.clone() };
        users.iter().flat_map(|user| user.failures().map(|failure| of(user, failure)).collect::<Vec<_>>()).collect()
    }
}

impl Resource for Users {
    type Action = Action;
    const SCOPE: Scope = Scope::Account;
    const READS: &'static [&'static str] = &[
        "iam:GetAccountAuthorizationDetails",
        "iam:ListUsers",
        "iam:GetLoginProfile",
        "iam:GetUserPolicy",
        "iam:ListAccessKeys",
        "iam:GetUser",
        "iam:ListAttachedUserPolicies",
        "iam:ListEntitiesForPolicy",
        "iam:ListGroupsForUser",
        "iam:ListMFADevices",
        "iam:ListSSHPublicKeys",
        "iam:ListServiceSpecificCredentials",
        "iam:ListSigningCertificates",
        "iam:ListUserPolicies",
    ];
    const CALLS: &'static [&'static str] = &[
        DENIES.attach,
        "iam:DeactivateMFADevice",
        "iam:DeleteAccessKey",
        "iam:DeleteLoginProfile",
        "iam:DeleteSSHPublicKey",
        "iam:DeleteServiceSpecificCredential",
        "iam:DeleteSigningCertificate",
        "iam:DeleteUser",
        "iam:DeleteUserPermissionsBoundary",
        "iam:DeleteUserPolicy",
        "iam:DeleteVirtualMFADevice",
        "iam:DetachUserPolicy",
        DENIES.bound,
        DENIES.inline,
        "iam:RemoveUserFromGroup",
        "iam:UpdateAccessKey",
        "iam:UpdateSSHPublicKey",
        "iam:UpdateServiceSpecificCredential",
        "iam:UpdateSigningCertificate",
    ];

    fn target(call: &str) -> Target {
        match call {
            "iam:RemoveUserFromGroup" => Target::UserGroup,
            "iam:DeleteVirtualMFADevice" => Target::Mfa,
            _ => Target::User,
        }
    }

    fn samples() -> Vec<Action> {
        action::samples()
    }

    fn is_wanted(policy: &AccountPolicy) -> bool {
        policy.contain.users != UserResponse::Leave
    }

    fn depth(policy: &AccountPolicy, refusals: &Refusals) -> Depth {
        match policy.contain.users {
            UserResponse::DeleteUsers => Depth::Whole,
            UserResponse::Deactivate | UserResponse::DeleteCredentials if refusals.has_any(DENIES.attach) => {
                Depth::Whole
            }
            UserResponse::Deactivate | UserResponse::DeleteCredentials | UserResponse::Leave => Depth::Usual,
        }
    }

    /// Whoever is denied has credentials that open nothing. A key that is made for them then is switched off within the
    /// hour.
    fn standing_depth(policy: &AccountPolicy, refusals: &Refusals) -> Depth {
        match Self::depth(policy, refusals) {
            Depth::Locks | Depth::Usual => Depth::Locks,
            Depth::Whole => Depth::Whole,
        }
    }

    /// Whoever is denied everything, and whom nothing is left to be taken from. A key that is made for them from then
    /// on opens nothing.
    fn settled(policy: &AccountPolicy, users: &Vec<User>) -> Option<Vec<User>> {
        Some(users.iter().filter(|user| user.is_denied() && halt::is_stripped(policy, user)).cloned().collect())
    }

    /// Every deny before any credential: a deny is one call, and ends what the credentials began.
    fn plan(case: &HaltCase<'_>, _: Option<&Region>, users: &Vec<User>, _: &Observation, draft: &mut Draft<Action>) {
        users.iter().for_each(|user| halt::lock(case, user, draft));
        users.iter().for_each(|user| halt::strip(case, user, draft));
    }

    fn undo(case: &ReleaseCase<'_>, touched: &Touched<'_, Action>, seen: &Observation, draft: &mut Draft<Action>) {
        let users = seen.of::<Users>(None);
        let (mut known_users, mut known_keys) = (BTreeSet::new(), BTreeSet::new());
        // A user may have been denied in more than one way. Whichever it was, the sessions so far are denied by our
        // inline policy before anything is lifted.
        let (mut lifted, mut bound) = (BTreeSet::new(), BTreeSet::new());
        for Done { action, suspicion } in &touched.standing {
            let user = action.user();
            let is_it = |known: &User| known.name == *user;
            let mut name = user.as_str();
            let (item, standing, is_named) = match action {
                Action::DenyUser { .. } | Action::AttachDenyToUser { .. } | Action::BoundUser { .. } => {
                    let is_new = known_users.insert(user);
                    let standing = Standing::of(users, is_it, |known| known.created);
                    match case.withheld(standing, case.request.users.contains(user), *suspicion, user.as_str()) {
                        None => give_back(action, &mut lifted, &mut bound, seen, draft),
                        Some(reason) if is_new => draft.skip(format!("user {user}"), reason),
                        Some(_) => {}
                    }
                    continue;
                }
                Action::DeactivateKey { key, .. } => {
                    name = key.as_str();
                    switched_off(case, users, user, key.as_str(), &mut known_keys)
                }
                Action::DeactivateCredential { credential, .. } => {
                    name = credential.id();
                    switched_off(case, users, user, credential.id(), &mut known_keys)
                }
                Action::DeleteKey { key, .. } => {
                    known_keys.insert(key.as_str());
                    (format!("key {key} of user {user}"), Standing::Gone, false)
                }
                Action::DeleteCredential { credential, .. } => {
                    known_keys.insert(credential.id());
                    (format!("{credential} of user {user}"), Standing::Gone, false)
                }
                // Deactivating the device is the step that is named.
                Action::RemoveAttachment { attachment: UserAttachment::VirtualMfaDevice(_), .. } => continue,
                Action::RemoveAttachment { attachment, .. } => {
                    (format!("{attachment} of user {user}"), Standing::Gone, false)
                }
                Action::DeleteLogin { .. } => (format!("console password of user {user}"), Standing::Gone, false),
                Action::DeleteUser { .. } => (format!("user {user}"), Standing::Gone, false),
                Action::LiftDeny { .. }
                | Action::DetachDenyFromUser { .. }
                | Action::RestoreUserBoundary { .. }
                | Action::ActivateKey { .. }
                | Action::ActivateCredential { .. } => continue,
            };
            match (case.withheld(standing, is_named, *suspicion, name), action.undo()) {
                (None, Undo::By(undo)) => draft.add(lane(user), undo),
                (None, Undo::Never | Undo::NotNeeded | Undo::IsUndo) => {}
                (Some(reason), _) => draft.skip(item, reason),
            }
        }
        for user in case.request.users.iter().filter(|user| !known_users.contains(user)) {
            let was_it = |undone: &Action| undone.part() == Part::Lock && undone.user() == user;
            draft.skip(format!("user {user}"), touched.no_longer(was_it));
        }
        for key in case.request.keys.iter().filter(|key| !known_keys.contains(key.as_str())) {
            let was_it = |undone: &Action| match undone {
                Action::DeactivateKey { key: id, .. } => id.as_str() == key,
                Action::DeactivateCredential { credential, .. } => credential.id() == key,
                _ => false,
            };
            draft.skip(format!("key {key}"), touched.no_longer(was_it));
        }
    }

    fn suspects(policy: &AccountPolicy, suspicion: Suspicion, seen: &Observation) -> Vec<String> {
        let lately = |created: Option<Timestamp>| match suspicion.of(created) {
            Age::Younger => created,
            // Keys of which IAM does not say the age are not listed: there would be one for each old user.
            Age::Older | Age::Unknown => None,
        };
        let mut found = Vec::new();
        for user in seen.of::<Users>(None).and_then(Result::ok).into_iter().flatten() {
            let name = clean(user.name.as_str());
            found.extend(lately(user.created).map(|created| format!("user {name}, made at {created}")));
            if !policy.exempts_user(&user.name) && user.is_denied_by_aws() && user.lockout != Ok(Lockout::InForce) {
                found.push(format!("user {name}: {NO_ROOM}"));
            }
            let made = user.made().filter_map(|(what, created)| Some((what, lately(created)?)));
            found.extend(made.map(|(what, created)| format!("{what} of user {name}, made at {created}")));
        }
        found
    }

    fn announce(policy: &AccountPolicy) -> Option<&'static str> {
        Some(match policy.contain.users {
            UserResponse::Deactivate => {
                "IAM users are locked out: everything denied, access keys inactive, console passwords removed."
            }
            UserResponse::DeleteCredentials => {
                "IAM users are locked out: everything denied, access keys and console passwords deleted."
            }
            UserResponse::DeleteUsers => "IAM users are deleted, with their keys and passwords.",
            UserResponse::Leave => "IAM users are left as they are: the policy says so.",
        })
    }
}

/// Lifts one of the denies of a user. What is no longer there was taken off by somebody else, and what took its place
/// is theirs; the first boundary that a halt met is the one that was there before it.
fn give_back<'a>(
    deny: &'a Action,
    lifted: &mut BTreeSet<&'a UserName>,
    bound: &mut BTreeSet<&'a UserName>,
    seen: &Observation,
    draft: &mut Draft<Action>,
) {
    let user = deny.user();
    if lifted.insert(user) {
        draft.add(lane(user), Action::LiftDeny { user: user.clone() });
    }
    let users = seen.of::<Users>(None).and_then(Result::ok);
    let deny_all = users.and_then(|users| users.iter().find(|known| known.name == *user)).map(|user| &user.deny_all);
    let stands = |is_there: fn(&DenyAll) -> bool| deny_all.is_none_or(|seen| seen.as_ref().map_or(true, is_there));
    let is_ours = match deny {
        Action::AttachDenyToUser { .. } => stands(|deny| deny.attached),
        Action::BoundUser { .. } => bound.insert(user) && stands(|deny| deny.is_boundary),
        _ => false,
    };
    if let (true, Undo::By(undo)) = (is_ours, deny.undo()) {
        draft.add(lane(user), undo);
    }
}

/// A credential that a halt switched off: what it is called, when it was made, and whether it is asked for.
fn switched_off<'a>(
    case: &ReleaseCase<'_>,
    users: Option<Result<&Vec<User>, &Failure>>,
    user: &UserName,
    id: &'a str,
    known: &mut BTreeSet<&'a str>,
) -> (String, Standing, bool) {
    known.insert(id);
    let standing = match users {
        Some(Ok(users)) => {
            users.iter().find(|known| known.name == *user).map_or(Standing::Gone, |found| found.credential_standing(id))
        }
        unseen => Standing::of(unseen, |_| false, |_| None),
    };
    (format!("key {id} of user {user}"), standing, case.request.keys.contains(id))
}
