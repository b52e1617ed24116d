//! A user as it was seen.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::credential::{AccessKey, Credentials, OtherCredential, UserAttachments};
use crate::observation::Seen;
use crate::resource::case::Standing;
use crate::resource::deny_all::{DENY_ALL, DenyAll};
use crate::resource::draft::Lane;
use crate::vocabulary::failure::Failure;
use crate::vocabulary::ids::UserName;

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
    /// What opens the account to it; `None` where that was not looked at, or not yet: whoever is known by name is
    /// denied before anything else is known of them.
    pub credentials: Option<Credentials>,
    /// What must go before it can be deleted; looked at only where the policy says so.
    pub attachments: Option<Seen<UserAttachments>>,
}

impl User {
    pub(super) fn failures(&self) -> impl Iterator<Item = &Failure> {
        let attachments = self.attachments.as_ref().and_then(|seen| seen.as_ref().err());
        let boundary = self.boundary.as_ref().and_then(|seen| seen.as_ref().err());
        let credentials = self.credentials.as_ref().map(Credentials::failures);
        let [keys, console, others] = credentials.unwrap_or_default();
        [self.lockout.as_ref().err(), boundary, keys, console, others, attachments].into_iter().flatten()
    }

    /// Whether it is denied everything, in whichever way.
    pub fn is_denied(&self) -> bool {
        self.lockout == Ok(Lockout::InForce) || self.is_denied_by_aws()
    }

    /// Its access keys, as far as they were seen.
    pub(super) fn keys(&self) -> &[AccessKey] {
        self.credentials.as_ref().and_then(|of| of.keys.as_deref().ok()).unwrap_or_default()
    }

    /// Its credentials that are neither keys nor a password, as far as they were seen.
    pub(super) fn others(&self) -> &[OtherCredential] {
        self.credentials.as_ref().and_then(|of| of.others.as_deref().ok()).unwrap_or_default()
    }

    pub(super) fn is_denied_by_aws(&self) -> bool {
        self.deny_all.as_ref().is_ok_and(|deny| deny.denies())
    }

    /// Its keys and other credentials, each with when it was made.
    pub(super) fn made(&self) -> impl Iterator<Item = (String, Option<Timestamp>)> {
        let keys = self.keys().iter().map(|key| (key.id.to_string(), key.created));
        keys.chain(self.others().iter().map(|other| (other.credential.to_string(), other.created)))
    }

    /// How a credential stands. While one of the lists could not be read, one that is not in the others may be there.
    pub(super) fn credential_standing(&self, id: &str) -> Standing {
        let seen = self.credentials.as_ref();
        let key = Standing::of(seen.map(|of| of.keys.as_ref()), |key| key.id.as_str() == id, |key| key.created);
        let others = seen.map(|of| of.others.as_ref());
        let other = Standing::of(others, |other| other.credential.id() == id, |other| other.created);
        match (key, other) {
            (Standing::Gone, other) => other,
            (_, other @ Standing::Present { .. }) => other,
            (key, _) => key,
        }
    }

    /// The managed policies that are attached to it, as far as was looked.
    pub(super) fn attached(&self) -> impl Iterator<Item = &String> {
        let seen = self.attachments.as_ref().and_then(|seen| seen.as_ref().ok());
        seen.into_iter().flat_map(|of| &of.attached_policies)
    }

    /// Whether nothing but our deny hangs on it, as far as was seen: what could not be seen may be there.
    pub(super) fn is_bare(&self) -> bool {
        let no_credentials = self.credentials.as_ref().is_some_and(Credentials::are_none);
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

/// Users from whom nothing is left to be taken, as an earlier look of a halt saw them.
pub struct Settled<'a>(BTreeMap<&'a UserName, &'a User>);

impl<'a> Settled<'a> {
    /// These.
    pub fn new(users: &'a [User]) -> Self {
        Self(users.iter().map(|user| (&user.name, user)).collect())
    }

    /// What was seen then of the credentials of a user who is denied everything and is still the same: as long as both
    /// hold, whatever was made for them since opens nothing.
    pub fn credentials(&self, user: &User) -> Option<Credentials> {
        let before = self.0.get(&user.name).filter(|before| before.created == user.created && user.is_denied())?;
        before.credentials.clone()
    }
}

/// The lane of a user.
pub(super) fn lane(user: &UserName) -> Lane {
    Lane::Principal(format!("user {user}"))
}
