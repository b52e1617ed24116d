//! The account's root user: its keys and its console password, which nobody in the account but itself can take away.
//! The payer can, where the organization has centralized root access and the policy wants it; else people are told of
//! them.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-access-management.html>

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::observation::{Need, Observation, Seen, Subject};
use crate::policy::{AccountPolicy, RootResponse};
use crate::resource::act::{Act, Asked, Description, Part, Undo};
use crate::resource::case::{Done, HaltCase, ReleaseCase, Touched};
use crate::resource::draft::{Draft, Lane, SkipReason};
use crate::resource::room::{Caller, Resource, Scope};
use crate::resource::target::Target;
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

/// What changes it. Each is done in a session as root that the payer takes, and that can do nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Delete its access keys.
    DeleteRootKeys,
    /// Delete its console password.
    DeleteRootPassword,
}

/// The call that a session as root is taken by: AWS permits what follows in it, and nothing works without it.
const ASSUME_ROOT: &str = "sts:AssumeRoot";
/// Lists root's access keys in such a session.
pub const LIST_KEYS: &str = "iam:ListAccessKeys";

impl Action {
    /// What it calls in the session, in IAM's spelling.
    pub fn calls(self) -> &'static [&'static str] {
        match self {
            Self::DeleteRootKeys => &[LIST_KEYS, "iam:DeleteAccessKey"],
            Self::DeleteRootPassword => &["iam:DeleteLoginProfile"],
        }
    }

    /// The last of them, which deletes.
    pub fn deletion(self) -> &'static str {
        self.calls().last().copied().unwrap_or(ASSUME_ROOT)
    }
}

impl Act for Action {
    fn describe(&self) -> Description {
        let verb = match self {
            Self::DeleteRootKeys => "stripped of its access keys",
            Self::DeleteRootPassword => "stripped of its console password",
        };
        Description::new(ASSUME_ROOT, Part::Strip, Root::NAME, verb)
    }

    fn undo(&self) -> Undo<Self> {
        Undo::Never
    }

    fn given_back_by(&self) -> Option<Asked<'_>> {
        None
    }

    fn principal(&self) -> Option<&str> {
        Some(Root::NAME)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeleteRootKeys => write!(f, "delete the access keys of the {}", Root::NAME),
            Self::DeleteRootPassword => write!(f, "delete the console password of the {}", Root::NAME),
        }
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
    const ACTOR: Caller = Caller::Payer;
    const READS: &'static [&'static str] = &["iam:GetAccountSummary"];
    /// What is called in the session besides needs no permission of ours.
    const CALLS: &'static [&'static str] = &[ASSUME_ROOT];

    fn target(_: &str) -> Target {
        Target::Payers
    }

    fn samples() -> Vec<Action> {
        vec![Action::DeleteRootKeys, Action::DeleteRootPassword]
    }

    fn plan(
        case: &HaltCase<'_>,
        _: Option<&Region>,
        seen: &Seen<RootCredentials>,
        _: &Observation,
        draft: &mut Draft<Action>,
    ) {
        let credentials = match seen {
            Ok(RootCredentials { keys: Some(false), password: Some(false), .. }) => return,
            Ok(credentials) => credentials,
            Err(failure) => return draft.skip(Self::NAME, SkipReason::RootUnseen { failure: failure.clone() }),
        };
        let contain = &case.policy.contain;
        let (frozen, wanted) = (contain.quarantine || contain.lockdown, contain.root);
        let denied = case.circumstances.refusals.is_denied(ASSUME_ROOT, Self::NAME);
        if wanted == RootResponse::Leave || denied {
            let RootCredentials { keys, password, mfa } = *credentials;
            let denied = wanted == RootResponse::DeleteCredentials;
            return draft.skip(Self::NAME, SkipReason::RootUser { keys, password, mfa, frozen, denied });
        }
        // What AWS does not say may be there: to delete what is not is no error.
        let lane = || Lane::Credentials(Self::NAME.to_owned());
        if credentials.keys != Some(false) {
            draft.add(lane(), Action::DeleteRootKeys);
        }
        if credentials.password != Some(false) {
            draft.add(lane(), Action::DeleteRootPassword);
        }
    }

    fn undo(_: &ReleaseCase<'_>, touched: &Touched<'_, Action>, _: &Observation, draft: &mut Draft<Action>) {
        for Done { action, .. } in &touched.standing {
            let what = match action {
                Action::DeleteRootKeys => "access keys",
                Action::DeleteRootPassword => "console password",
            };
            draft.skip(format!("{what} of the {}", Self::NAME), SkipReason::Gone);
        }
    }

    fn announce(policy: &AccountPolicy) -> Option<&'static str> {
        match policy.contain.root {
            RootResponse::Leave => None,
            RootResponse::DeleteCredentials => Some("The root user's access keys and console password are deleted."),
        }
    }
}
