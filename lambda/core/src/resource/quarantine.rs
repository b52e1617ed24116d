//! The quarantine: the SCP that a halt attaches to the account, so that nothing in it can grow.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::observation::{Need, Observation, Subject};
use crate::policy::AccountPolicy;
use crate::resource::act::{Act, Description, Part, Undo};
use crate::resource::case::{HaltCase, ReleaseCase, Touched};
use crate::resource::draft::{Draft, Lane, SkipReason};
use crate::resource::room::{Caller, Resource, Scope};
use crate::vocabulary::ids::Region;

/// The quarantine of an account.
pub struct Quarantine;

/// Whether the quarantine policy is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// No quarantine policy is deployed, so none can be attached.
    Undeployed,
    /// It is not attached.
    Detached,
    /// It is attached to the account itself.
    Attached,
}

/// What changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Attach the policy to the account.
    Freeze,
    /// Detach it.
    Thaw,
}

const ATTACH: &str = "organizations:AttachPolicy";
const DETACH: &str = "organizations:DetachPolicy";

impl Act for Action {
    fn describe(&self) -> Description {
        const NOUN: &str = "quarantine policy";
        match self {
            Self::Freeze => Description::new(ATTACH, Part::Freeze, NOUN, "attached: nothing can grow"),
            Self::Thaw => Description::new(DETACH, Part::GiveBack, NOUN, "detached"),
        }
    }

    fn undo(&self) -> Undo<Self> {
        match self {
            Self::Freeze => Undo::By(Self::Thaw),
            Self::Thaw => Undo::IsUndo,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Freeze => "attach the quarantine policy",
            Self::Thaw => "detach the quarantine policy",
        })
    }
}

impl Subject for Quarantine {
    type Sight = Attachment;
    const NAME: &'static str = "quarantine";
    const NEED: Need = Need::Halt;
}

impl Resource for Quarantine {
    type Action = Action;
    const SCOPE: Scope = Scope::Account;
    const CALLER: Caller = Caller::Payer;
    const READS: &'static [&'static str] = &["organizations:ListPoliciesForTarget"];
    const CALLS: &'static [&'static str] = &[ATTACH, DETACH];

    fn is_wanted(policy: &AccountPolicy) -> bool {
        policy.contain.quarantine
    }

    fn plan(_: &HaltCase<'_>, _: Option<&Region>, attachment: &Attachment, _: &Observation, draft: &mut Draft<Action>) {
        match attachment {
            Attachment::Detached => draft.add(Lane::Account, Action::Freeze),
            Attachment::Undeployed => draft.skip("quarantine", SkipReason::NoQuarantine),
            Attachment::Attached => {}
        }
    }

    /// Attaching it twice does no harm; not attaching it may.
    fn plan_unseen(_: &HaltCase<'_>, _: Option<&Region>, _: &Observation, draft: &mut Draft<Action>) {
        draft.add(Lane::Account, Action::Freeze);
    }

    /// Nobody but us attaches it, so it comes off whichever journal knows of it, or none: a freeze may have been made
    /// while the account's record could not be read.
    fn undo(_: &ReleaseCase<'_>, touched: &Touched<'_, Action>, seen: &Observation, draft: &mut Draft<Action>) {
        let is_known = touched.standing.iter().any(|done| *done.action == Action::Freeze);
        if is_known || seen.of::<Self>(None) == Some(Ok(&Attachment::Attached)) {
            draft.add(Lane::Account, Action::Thaw);
        }
    }

    fn announce(policy: &AccountPolicy) -> Option<&'static str> {
        policy
            .contain
            .quarantine
            .then_some("The account is frozen: a service control policy denies whatever makes it grow.")
    }
}
