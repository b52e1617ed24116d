//! The service control policies that a halt attaches to the account: the quarantine, so that nothing in it can grow,
//! the one that keeps models from being invoked, and the lockdown, which leaves nothing but our own roles.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::observation::{Need, Observation, Subject};
use crate::policy::AccountPolicy;
use crate::resource::act::{Act, Asked, Description, Part, Undo};
use crate::resource::case::{HaltCase, ReleaseCase, Touched};
use crate::resource::draft::{Draft, Lane, SkipReason};
use crate::resource::room::{Caller, Resource, Scope};
use crate::resource::target::Target;
use crate::vocabulary::ids::Region;

/// The service control policies of an account that are ours.
pub struct Quarantine;

/// Whether one of them is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// There is no such policy, so it cannot be attached.
    Undeployed,
    /// It is not attached.
    Detached,
    /// It is attached to the account itself.
    Attached,
}

/// One of our policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Denies everything to everybody but our own roles.
    Lockdown,
    /// Denies whatever makes the account grow.
    Quarantine,
    /// Denies invoking models, which is paid by the token.
    Models,
}

/// What is attached of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attachments {
    /// The lockdown.
    pub lockdown: Attachment,
    /// The quarantine.
    pub quarantine: Attachment,
    /// The one that keeps models from being invoked.
    pub models: Attachment,
}

/// What changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Attach the quarantine policy to the account.
    Freeze,
    /// Detach it.
    Thaw,
    /// Attach the policy that denies models.
    DenyModels,
    /// Detach it.
    AllowModels,
    /// Attach the lockdown policy.
    LockDown,
    /// Detach it.
    LiftLockdown,
}

const ATTACH: &str = "organizations:AttachPolicy";
const DETACH: &str = "organizations:DetachPolicy";

impl Policy {
    /// Each of them, the strongest first.
    pub const ALL: [Self; 3] = [Self::Lockdown, Self::Quarantine, Self::Models];

    /// What attaches it.
    pub fn attach(self) -> Action {
        match self {
            Self::Lockdown => Action::LockDown,
            Self::Quarantine => Action::Freeze,
            Self::Models => Action::DenyModels,
        }
    }

    /// What detaches it.
    pub fn detach(self) -> Action {
        match self {
            Self::Lockdown => Action::LiftLockdown,
            Self::Quarantine => Action::Thaw,
            Self::Models => Action::AllowModels,
        }
    }

    fn undeployed(self) -> SkipReason {
        match self {
            Self::Quarantine => SkipReason::NoQuarantine,
            Self::Lockdown | Self::Models => SkipReason::NoPolicy,
        }
    }

    /// Whether a halt under this policy attaches it.
    fn is_wanted(self, policy: &AccountPolicy) -> bool {
        match self {
            Self::Lockdown => policy.contain.lockdown,
            Self::Quarantine => policy.contain.quarantine,
            Self::Models => policy.contain.models,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lockdown => "lockdown",
            Self::Quarantine => "quarantine",
            Self::Models => "models",
        })
    }
}

impl Attachments {
    /// The same of each.
    pub fn all(attachment: Attachment) -> Self {
        Self { lockdown: attachment, quarantine: attachment, models: attachment }
    }

    /// Of one.
    pub fn of(&self, policy: Policy) -> Attachment {
        match policy {
            Policy::Lockdown => self.lockdown,
            Policy::Quarantine => self.quarantine,
            Policy::Models => self.models,
        }
    }
}

impl Action {
    /// Which of the policies it attaches or detaches.
    pub fn policy(self) -> Policy {
        match self {
            Self::Freeze | Self::Thaw => Policy::Quarantine,
            Self::DenyModels | Self::AllowModels => Policy::Models,
            Self::LockDown | Self::LiftLockdown => Policy::Lockdown,
        }
    }

    /// Whether it attaches it.
    pub fn attaches(self) -> bool {
        self == self.policy().attach()
    }
}

impl Act for Action {
    fn describe(&self) -> Description {
        const QUARANTINE: &str = "quarantine policy";
        const MODELS: &str = "policy on models";
        const LOCKDOWN: &str = "lockdown policy";
        match self {
            Self::Freeze => Description::new(ATTACH, Part::Freeze, QUARANTINE, "attached: nothing can grow"),
            Self::Thaw => Description::new(DETACH, Part::GiveBack, QUARANTINE, "detached"),
            // What runs on models stops with them, so it is no freeze: an account past the brake may be innocent.
            Self::DenyModels => Description::new(ATTACH, Part::Lock, MODELS, "attached: no model can be invoked"),
            Self::AllowModels => Description::new(DETACH, Part::GiveBack, MODELS, "detached"),
            Self::LockDown => Description::new(ATTACH, Part::Lock, LOCKDOWN, "attached: nothing can be called"),
            Self::LiftLockdown => Description::new(DETACH, Part::GiveBack, LOCKDOWN, "detached"),
        }
    }

    fn undo(&self) -> Undo<Self> {
        if self.attaches() { Undo::By(self.policy().detach()) } else { Undo::IsUndo }
    }

    fn given_back_by(&self) -> Option<Asked<'_>> {
        self.attaches().then_some(Asked::Nothing)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Freeze => "attach the quarantine policy",
            Self::Thaw => "detach the quarantine policy",
            Self::DenyModels => "attach the policy that denies models",
            Self::AllowModels => "detach the policy that denies models",
            Self::LockDown => "attach the lockdown policy",
            Self::LiftLockdown => "detach the lockdown policy",
        })
    }
}

impl Subject for Quarantine {
    type Sight = Attachments;
    const NAME: &'static str = "quarantine";
    const NEED: Need = Need::Halt;
}

impl Resource for Quarantine {
    type Action = Action;
    const SCOPE: Scope = Scope::Account;
    const CALLER: Caller = Caller::Payer;
    const READS: &'static [&'static str] = &["organizations:ListPoliciesForTarget"];
    const CALLS: &'static [&'static str] = &[ATTACH, DETACH];

    fn target(_: &str) -> Target {
        Target::Payers
    }

    fn samples() -> Vec<Action> {
        Policy::ALL.into_iter().flat_map(|ours| [ours.attach(), ours.detach()]).collect()
    }

    fn is_wanted(policy: &AccountPolicy) -> bool {
        Policy::ALL.iter().any(|ours| ours.is_wanted(policy))
    }

    fn plan(
        case: &HaltCase<'_>,
        _: Option<&Region>,
        attached: &Attachments,
        _: &Observation,
        draft: &mut Draft<Action>,
    ) {
        for policy in Policy::ALL.into_iter().filter(|ours| ours.is_wanted(case.policy)) {
            match attached.of(policy) {
                Attachment::Detached => draft.add(Lane::Account, policy.attach()),
                Attachment::Undeployed => draft.skip(policy.to_string(), policy.undeployed()),
                Attachment::Attached => {}
            }
        }
    }

    /// Attaching it twice does no harm; not attaching it may.
    fn plan_unseen(case: &HaltCase<'_>, _: Option<&Region>, _: &Observation, draft: &mut Draft<Action>) {
        for policy in Policy::ALL.into_iter().filter(|ours| ours.is_wanted(case.policy)) {
            draft.add(Lane::Account, policy.attach());
        }
    }

    /// Nobody but us attaches them, so they come off whichever journal knows of them, or none: a freeze may have been
    /// made while the account's record could not be read.
    fn undo(_: &ReleaseCase<'_>, touched: &Touched<'_, Action>, seen: &Observation, draft: &mut Draft<Action>) {
        let attached = seen.of::<Self>(None).and_then(Result::ok);
        for policy in Policy::ALL {
            let is_known = touched.standing.iter().any(|done| *done.action == policy.attach());
            if is_known || attached.is_some_and(|attached| attached.of(policy) == Attachment::Attached) {
                draft.add(Lane::Account, policy.detach());
            }
        }
    }

    fn announce(policy: &AccountPolicy) -> Option<&'static str> {
        let contain = &policy.contain;
        Some(match (contain.lockdown, contain.quarantine, contain.models) {
            (true, ..) => {
                "The account is locked down: a service control policy denies every call in it to everybody but our own \
                 roles. What it does for people stops."
            }
            (false, true, true) => {
                "The account is frozen: service control policies deny whatever makes it grow, and invoking models."
            }
            (false, true, false) => "The account is frozen: a service control policy denies whatever makes it grow.",
            (false, false, _) => return None,
        })
    }
}
