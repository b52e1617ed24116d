//! The account's root user: its keys and its console password, which nobody in the account but itself can take away. It
//! is looked at so that people are told of it; nothing here changes it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::observation::{Need, Observation, Seen, Subject};
use crate::resource::act::{Act, Description, Undo};
use crate::resource::case::{HaltCase, ReleaseCase, Touched};
use crate::resource::draft::{Draft, SkipReason};
use crate::resource::room::{Resource, Scope};
use crate::vocabulary::ids::Region;

/// The root user.
pub struct Root;

/// What opens the account to its root user. `None` where AWS does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootCredentials {
    /// Whether it has access keys.
    pub keys: Option<bool>,
    /// Whether it has a console password.
    pub password: Option<bool>,
    /// Whether it has an MFA device.
    pub mfa: Option<bool>,
}

/// Nothing changes it: there is no such call in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {}

impl Act for Action {
    fn describe(&self) -> Description {
        match *self {}
    }

    fn undo(&self) -> Undo<Self> {
        match *self {}
    }
}

impl fmt::Display for Action {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl Subject for Root {
    /// Why it could not be looked at is a part of what was seen, and no gap: a halt could do nothing about it either
    /// way, so it must not wait for it.
    type Sight = Seen<RootCredentials>;
    const NAME: &'static str = "root user";
    const NEED: Need = Need::Halt;
}

impl Resource for Root {
    type Action = Action;
    const SCOPE: Scope = Scope::Account;
    const READS: &'static [&'static str] = &["iam:GetAccountSummary"];
    const CALLS: &'static [&'static str] = &[];

    fn plan(
        case: &HaltCase<'_>,
        _: Option<&Region>,
        seen: &Seen<RootCredentials>,
        _: &Observation,
        draft: &mut Draft<Action>,
    ) {
        let frozen = case.policy.contain.quarantine;
        match seen {
            Ok(RootCredentials { keys: Some(false), password: Some(false), .. }) => {}
            Ok(credentials) => draft.skip(
                Self::NAME,
                SkipReason::RootUser {
                    keys: credentials.keys,
                    password: credentials.password,
                    mfa: credentials.mfa,
                    frozen,
                },
            ),
            Err(failure) => draft.skip(Self::NAME, SkipReason::RootUnseen { failure: failure.clone() }),
        }
    }

    fn undo(_: &ReleaseCase<'_>, _: &Touched<'_, Action>, _: &Observation, _: &mut Draft<Action>) {}
}
