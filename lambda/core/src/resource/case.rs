//! What a plan rests on besides what was seen: the policy, the halt, what refused in it, and what a release asks for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::policy::AccountPolicy;
use crate::resource::draft::SkipReason;
use crate::vocabulary::failure::{Failure, FailureKind};
use crate::vocabulary::ids::{Region, RoleName, UserName};

/// What the plan of a halt rests on.
#[derive(Debug, Clone, Copy)]
pub struct HaltCase<'a> {
    /// What the policy means for the account.
    pub policy: &'a AccountPolicy,
    /// The halt.
    pub circumstances: &'a Circumstances,
}

/// A halt: when it began, and what was refused in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// When it began.
    pub tripped: Timestamp,
    /// When the last user or role was locked out for good. Until then it could still assume roles: sessions issued
    /// before are revoked.
    pub locked_out: Timestamp,
    /// What refused in this halt.
    pub refusals: Refusals,
}

impl Circumstances {
    /// A halt that begins now: nothing has refused yet.
    pub fn at(now: Timestamp) -> Self {
        Self { tripped: now, locked_out: now, refusals: Refusals::default() }
    }
}

impl HaltCase<'_> {
    /// Whose age makes them suspects.
    pub fn suspicion(&self) -> Suspicion {
        Suspicion::before(self.circumstances.tripped, self.policy)
    }
}

/// Which things refused which call, and how: what the next plan must do otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals {
    /// By call and thing.
    of_things: BTreeMap<String, BTreeMap<String, BTreeSet<FailureKind>>>,
    /// Calls about the account as a whole that are denied to us whatever they are about.
    shut: BTreeSet<&'static str>,
}

impl Refusals {
    /// Takes in that one thing refused a call.
    pub fn learn(&mut self, operation: &str, item: &str, kind: FailureKind) {
        let of_call = self.of_things.entry(operation.to_owned()).or_default();
        of_call.entry(item.to_owned()).or_default().insert(kind);
    }

    /// Takes in that a call about the account as a whole is denied to us whatever it is about: nobody needs to be asked
    /// any more.
    pub fn shut(&mut self, operation: &'static str) {
        self.shut.insert(operation);
    }

    /// Whether a call is denied to us for a thing: for itself, or for all.
    pub fn is_denied(&self, operation: &str, item: &str) -> bool {
        self.shut.contains(operation) || self.met(operation, item, FailureKind::Denied)
    }

    /// Whether a thing refused a call in such a way.
    pub fn any(&self, operation: &str, item: &str, is_such: impl Fn(FailureKind) -> bool) -> bool {
        let kinds = self.of_things.get(operation).and_then(|of_call| of_call.get(item));
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| is_such(*kind)))
    }

    /// Whether anything refused a call, in whatever way.
    pub fn has_any(&self, operation: &str) -> bool {
        self.of_things.contains_key(operation)
    }

    /// Whether a thing refused a call in this way.
    pub fn met(&self, operation: &str, item: &str, kind: FailureKind) -> bool {
        self.any(operation, item, |met| met == kind)
    }
}

/// What the plan of a release rests on.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseCase<'a> {
    /// What is asked for.
    pub request: &'a ReleaseRequest,
    /// Regions in which something is still to be started.
    pub restarting: &'a BTreeSet<Region>,
}

/// What halts changed of one kind.
#[derive(Debug, Clone)]
pub struct Touched<'a, A> {
    /// The calls that were, or may have been, taken by AWS and were not undone since: in the order of the journals,
    /// each thing once.
    pub standing: Vec<Done<'a, A>>,
    /// The calls that releases have undone.
    pub undone: Vec<&'a A>,
}

/// A call of a halt that still stands.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a, A> {
    /// The call.
    pub action: &'a A,
    /// The suspicion of the halt that made it first: whose age keeps them locked.
    pub suspicion: Suspicion,
}

/// What an operator asks to have back. No identity comes back unless it is named: a stolen key must not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseRequest {
    /// Users whose lockout is lifted.
    pub users: BTreeSet<UserName>,
    /// Roles whose sessions are no longer denied.
    pub roles: BTreeSet<RoleName>,
    /// Access keys and other credentials that are made active again, each by its id.
    pub keys: BTreeSet<String>,
    /// What of that which was stopped is started, and what of that which launches comes back.
    pub start: Start,
    /// Names and ids that are given back although they were made shortly before a halt, or since.
    pub trust: BTreeSet<String>,
}

/// What a release starts again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Start {
    /// Nothing, and nothing that launches by itself comes back either.
    #[default]
    Nothing,
    /// What was launched before the suspicion, and what launches by itself.
    All,
    /// These, whenever they were launched: ids of instances and fleets, names of groups.
    Named(BTreeSet<String>),
}

impl Start {
    /// Whether it is asked for.
    pub fn wants(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Named(_) => self.names(name),
        }
    }

    /// Whether it is asked for by its name.
    pub fn names(&self, name: &str) -> bool {
        if let Self::Named(names) = self { names.contains(name) } else { false }
    }
}

impl ReleaseRequest {
    /// Whether it names anybody.
    pub fn names_identities(&self) -> bool {
        !(self.users.is_empty() && self.roles.is_empty() && self.keys.is_empty())
    }
}

impl ReleaseCase<'_> {
    /// Why a thing is not given back; `None` where it is. What is gone cannot be given back, and what may have come
    /// with the thief must not, unless whoever releases says of its `name` that it did not.
    pub fn withheld(&self, standing: Standing, is_named: bool, suspicion: Suspicion, name: &str) -> Option<SkipReason> {
        match standing {
            Standing::Gone => Some(SkipReason::Gone),
            _ if !is_named => Some(SkipReason::NotNamed),
            Standing::Unseen(failure) => Some(SkipReason::Unseen { failure }),
            Standing::Present { .. } if self.request.trust.contains(name) => None,
            Standing::Present { created } => match suspicion.of(created) {
                Age::Older => None,
                Age::Younger | Age::Unknown => Some(SkipReason::Suspicious { created }),
            },
        }
    }
}

impl<A> Touched<'_, A> {
    /// Why something that is named is not given back, where no call stands that changed it.
    pub fn no_longer(&self, was_it: impl Fn(&A) -> bool) -> SkipReason {
        if self.undone.iter().any(|undone| was_it(undone)) { SkipReason::GivenBack } else { SkipReason::NotOurs }
    }
}

/// How a thing that a halt touched stands now.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// It is still there.
    Present {
        /// When it was made; `None` where that is not known.
        created: Option<Timestamp>,
    },
    /// It was deleted.
    Gone,
    /// It could not be seen: it may be either.
    Unseen(Failure),
}

impl Standing {
    /// How a member of a list stands. A list that was not seen says nothing of what is in it.
    pub fn of<T>(
        list: Option<Result<&Vec<T>, &Failure>>,
        is_it: impl Fn(&T) -> bool,
        created: impl Fn(&T) -> Option<Timestamp>,
    ) -> Self {
        match list {
            Some(Ok(list)) => match list.iter().find(|item| is_it(item)) {
                Some(item) => Self::Present { created: created(item) },
                None => Self::Gone,
            },
            Some(Err(failure)) => Self::Unseen(failure.clone()),
            None => Self::Unseen(Failure::own("the look", FailureKind::NotBegun, "")),
        }
    }
}

/// What was made within the policy's suspicion before a halt, or since, may be the thief's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspicion {
    since: Timestamp,
}

/// When a thing was made, beside the beginning of the suspicion. What an unknown age means depends on what is at stake,
/// so each of those who ask says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Before.
    Older,
    /// After: it may be the thief's.
    Younger,
    /// Nobody says.
    Unknown,
}

impl Suspicion {
    /// The suspicion of a halt that tripped at this time.
    pub fn before(tripped: Timestamp, policy: &AccountPolicy) -> Self {
        Self { since: tripped.checked_sub(policy.suspicion).unwrap_or(Timestamp::MIN) }
    }

    /// A suspicion of all that there is.
    pub fn of_all() -> Self {
        Self { since: Timestamp::MIN }
    }

    /// The age of something that was made at a time.
    pub fn of(self, created: Option<Timestamp>) -> Age {
        match created {
            Some(created) if created > self.since => Age::Younger,
            Some(_) => Age::Older,
            None => Age::Unknown,
        }
    }
}
