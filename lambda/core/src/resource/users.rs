//! IAM users and their long-lived credentials: the deny first, for keys take seconds to die everywhere and sessions
//! outlive them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observation::{Gap, Need, Observation, Seen, Subject};
use crate::policy::{AccountPolicy, UserResponse};
use crate::resource::act::{Act, Part, Undo};
use crate::resource::case::{Age, Done, HaltCase, Refusals, ReleaseCase, Standing, Suspicion, Touched};
use crate::resource::deny_all::{DENY_ALL, DenyAll, NO_ROOM, Way};
use crate::resource::draft::{Draft, Lane, SkipReason};
use crate::resource::room::{Depth, Resource, Scope};
use crate::vocabulary::failure::Failure;
use crate::vocabulary::ids::{Region, UserName};
use crate::vocabulary::text::clean;

mod action;
mod credential;

use action::DENIES;

pub use action::Action;
pub use credential::{AccessKey, Credential, OtherCredential, UserAttachment, UserAttachments};

/// IAM users.
pub struct Users;

/// The name of the inline policy that locks a user out.
pub const LOCKOUT_POLICY: &str = "RunawayTrainLockout";

/// The state of our inline deny on a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lockout {
    /// There is none.
    Absent,
    /// It stands exactly as we wrote it.
    InForce,
    /// What a release leaves of it: only sessions issued before this time are denied everything.
    SessionsBefore(Timestamp),
    /// A policy of its name is there with other words in it: somebody changed it.
    Altered,
}

/// One IAM user as it was seen. Each part may have failed on its own: the rest is still good for a lockout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: UserName,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Our deny on it.
    pub lockout: Seen<Lockout>,
    /// AWS's deny on it. Where it could not be seen none is taken for granted: a deny is planned again.
    pub deny_all: Seen<DenyAll>,
    /// Its permissions boundary by ARN; looked at only where it may have to be replaced.
    pub boundary: Option<Seen<Option<String>>>,
    /// Its access keys.
    pub keys: Seen<Vec<AccessKey>>,
    /// Whether it has a console password.
    pub console: Seen<bool>,
    /// Its other long-lived credentials: signing certificates, SSH keys, service-specific credentials.
    pub others: Seen<Vec<OtherCredential>>,
    /// What must go before it can be deleted; looked at only where the policy says so.
    pub attachments: Option<Seen<UserAttachments>>,
}

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

    fn plan(case: &HaltCase<'_>, _: Option<&Region>, users: &Vec<User>, _: &Observation, draft: &mut Draft<Action>) {
        users.iter().for_each(|user| plan_user(case, user, draft));
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

impl User {
    fn failures(&self) -> impl Iterator<Item = &Failure> {
        let attachments = self.attachments.as_ref().and_then(|seen| seen.as_ref().err());
        let boundary = self.boundary.as_ref().and_then(|seen| seen.as_ref().err());
        [
            self.lockout.as_ref().err(),
            boundary,
            self.keys.as_ref().err(),
            self.console.as_ref().err(),
            self.others.as_ref().err(),
            attachments,
        ]
        .into_iter()
        .flatten()
    }

    fn is_denied_by_aws(&self) -> bool {
        self.deny_all.as_ref().is_ok_and(|deny| deny.denies())
    }

    /// Its keys and other credentials, each with when it was made.
    fn made(&self) -> impl Iterator<Item = (String, Option<Timestamp>)> {
        let keys = self.keys.as_deref().unwrap_or_default().iter();
        let others = self.others.as_deref().unwrap_or_default().iter();
        keys.map(|key| (key.id.to_string(), key.created))
            .chain(others.map(|other| (other.credential.to_string(), other.created)))
    }

    /// How a credential stands. While one of the lists could not be read, one that is not in the others may be there.
    fn credential_standing(&self, id: &str) -> Standing {
        let key = Standing::of(Some(self.keys.as_ref()), |key| key.id.as_str() == id, |key| key.created);
        let others = Some(self.others.as_ref());
        let other = Standing::of(others, |other| other.credential.id() == id, |other| other.created);
        match (key, other) {
            (Standing::Gone, other) => other,
            (_, other @ Standing::Present { .. }) => other,
            (key, _) => key,
        }
    }

    /// The managed policies that are attached to it, as far as was looked.
    fn attached(&self) -> impl Iterator<Item = &String> {
        let seen = self.attachments.as_ref().and_then(|seen| seen.as_ref().ok());
        seen.into_iter().flat_map(|of| &of.attached_policies)
    }

    /// Whether nothing but our deny hangs on it, as far as was seen: what could not be seen may be there.
    fn is_bare(&self) -> bool {
        let no_credentials = self.keys.as_ref().is_ok_and(Vec::is_empty)
            && self.console == Ok(false)
            && self.others.as_ref().is_ok_and(Vec::is_empty);
        let no_attachments = self.attachments.as_ref().is_some_and(|seen| {
            seen.as_ref().is_ok_and(|of| {
                of.groups.is_empty()
                    && of.mfa_devices.is_empty()
                    && of.attached_policies.iter().all(|arn| arn == DENY_ALL)
                    && of.inline_policies.iter().all(|name| name == LOCKOUT_POLICY)
            })
        });
        no_credentials && no_attachments
    }
}

fn lane(user: &UserName) -> Lane {
    Lane::Principal(format!("user {user}"))
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

/// What becomes of a credential.
#[derive(Clone, Copy, PartialEq)]
enum CredentialAction {
    Deactivate,
    Delete,
}

fn plan_user(case: &HaltCase<'_>, user: &User, draft: &mut Draft<Action>) {
    let item = format!("user {}", user.name);
    if case.policy.exempts_user(&user.name) {
        // Whoever the policy wants in is never locked out, on the first day least of all. A user that was made lately
        // as a whole, its keys with it, is named for people to look at.
        let is_old = case.suspicion().of(user.created) == Age::Older;
        if is_old && case.policy.contain.users != UserResponse::Leave {
            plan_young_credentials(case.suspicion(), user, draft);
        }
        return draft.skip(item, SkipReason::Exempt);
    }
    match case.policy.contain.users {
        UserResponse::Leave => draft.skip(item, SkipReason::UsersLeft),
        UserResponse::Deactivate => plan_credentials(case, user, CredentialAction::Deactivate, draft),
        UserResponse::DeleteCredentials => plan_credentials(case, user, CredentialAction::Delete, draft),
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
        UserResponse::DeleteUsers => {
            plan_credentials(case, user, CredentialAction::Delete, draft);
            plan_attachments(user, draft);
            draft.skip(item, SkipReason::NotBareYet);
        }
    }
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
    let is_young = |created| match suspicion.of(created) {
        Age::Younger => true,
        // To switch off what may be an exempt person's only key would lock out whom the policy wants in.
        Age::Older | Age::Unknown => false,
    };
    let name = || user.name.clone();
    for key in user.keys.as_deref().unwrap_or_default().iter().filter(|key| key.active && is_young(key.created)) {
        draft.add(lane(&user.name), Action::DeactivateKey { user: name(), key: key.id.clone() });
    }
    let others = user.others.as_deref().unwrap_or_default().iter();
    for other in others.filter(|other| other.active && is_young(other.created)) {
        let credential = other.credential.clone();
        draft.add(lane(&user.name), Action::DeactivateCredential { user: name(), credential });
    }
}

fn plan_credentials(case: &HaltCase<'_>, user: &User, action: CredentialAction, draft: &mut Draft<Action>) {
    let mut add = |step| draft.add(lane(&user.name), step);
    let name = || user.name.clone();
    if user.lockout != Ok(Lockout::InForce) && !user.is_denied_by_aws() {
        add(deny(case, user));
    }
    for key in user.keys.as_deref().unwrap_or_default() {
        let id = key.id.clone();
        match action {
            CredentialAction::Deactivate if key.active => add(Action::DeactivateKey { user: name(), key: id }),
            CredentialAction::Deactivate => {}
            CredentialAction::Delete => add(Action::DeleteKey { user: name(), key: id }),
        }
    }
    // Where the password could not be looked at, deleting it is tried all the same: a missing one is no error.
    if user.console != Ok(false) {
        add(Action::DeleteLogin { user: name() });
    }
    for other in user.others.as_deref().unwrap_or_default() {
        let credential = other.credential.clone();
        match action {
            CredentialAction::Deactivate if other.active => {
                add(Action::DeactivateCredential { user: name(), credential });
            }
            CredentialAction::Deactivate => {}
            CredentialAction::Delete => add(Action::DeleteCredential { user: name(), credential }),
        }
    }
    if let Err(failure) = &user.keys {
        draft.skip(format!("access keys of user {}", user.name), SkipReason::unseen(failure));
    }
    if let Err(failure) = &user.others {
        draft.skip(format!("other credentials of user {}", user.name), SkipReason::unseen(failure));
    }
}

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
