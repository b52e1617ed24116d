//! Calls that are refused to us whatever they are about, told apart from what is refused for one thing alone.
//!
//! AWS's code is the same for a policy above the account, for a permission that our role lacks, and for one thing that
//! somebody guards. What tells them apart is what else was asked: where several things were denied in the same call and
//! none was ever taken, the door is shut; where one was taken, whoever was refused is a case by itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{ActionResult, Outcome, things};
use crate::resource::{Act, Action};
use crate::vocabulary::failure::FailureKind;
use crate::vocabulary::ids::Region;

/// So many different things must be denied, and none be taken.
const SEVERAL: usize = 3;

/// One call, in the region in which it is made, or in the account as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Door {
    /// The call in IAM's spelling.
    pub operation: &'static str,
    /// Where.
    pub region: Option<Region>,
}

impl Door {
    /// The door that an action goes through.
    pub fn of(action: &Action) -> Self {
        Self { operation: action.operation(), region: action.region().cloned() }
    }
}

/// What an outcome says of our permission to make its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// We may make the call: it was taken, or refused for what it is about.
    Given,
    /// We may not.
    Denied,
    /// Nothing: nobody answered, or it was not the call that was refused.
    Silent,
}

impl Permission {
    /// What an outcome says.
    pub fn of(outcome: &Outcome) -> Self {
        let failure = match &outcome.result {
            ActionResult::Done | ActionResult::AlreadyDone => return Self::Given,
            ActionResult::Failed { failure } => failure,
        };
        match failure.kind {
            // To be refused a session, or a look before the call, says nothing of the call.
            FailureKind::Denied if failure.operation == outcome.action.operation() => Self::Denied,
            FailureKind::QuotaFull
            | FailureKind::NotFound
            | FailureKind::WrongState
            | FailureKind::Unsupported
            | FailureKind::Protected
            | FailureKind::Contended => Self::Given,
            FailureKind::Denied
            | FailureKind::Credentials
            | FailureKind::Throttled
            | FailureKind::Invalid
            | FailureKind::Unavailable
            | FailureKind::NotBegun
            | FailureKind::Other => Self::Silent,
        }
    }
}

/// What is known of doors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doors(BTreeMap<Door, Answers>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Answers {
    is_permitted: bool,
    denied: BTreeSet<String>,
}

impl Doors {
    /// What these outcomes say.
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Self {
        let mut doors = Self::default();
        outcomes.into_iter().for_each(|outcome| doors.learn(outcome));
        doors
    }

    /// Takes in one outcome. A batch that was denied as a whole says nothing: it is denied for the sake of one member.
    pub fn learn(&mut self, outcome: &Outcome) {
        let action = &outcome.action;
        let answers = self.0.entry(Door::of(action)).or_default();
        match Permission::of(outcome) {
            Permission::Given => answers.is_permitted = true,
            Permission::Denied if action.items().len() < 2 => answers.denied.extend(about(action)),
            Permission::Denied | Permission::Silent => {}
        }
    }

    /// Whether anything ever went through.
    pub fn is_open(&self, door: &Door) -> bool {
        self.0.get(door).is_some_and(|answers| answers.is_permitted)
    }

    /// Whether several things were denied, and nothing ever went through.
    pub fn is_shut(&self, door: &Door) -> bool {
        self.0.get(door).is_some_and(|answers| !answers.is_permitted && answers.denied.len() >= SEVERAL)
    }

    /// How many different things were denied.
    pub fn denied(&self, door: &Door) -> usize {
        self.0.get(door).map_or(0, |answers| answers.denied.len())
    }

    /// Whether what an action is about was denied this call.
    pub fn has_denied(&self, action: &Action) -> bool {
        let denied = self.0.get(&Door::of(action)).map(|answers| &answers.denied);
        denied.is_some_and(|denied| about(action).iter().all(|thing| denied.contains(thing)))
    }

    /// Every door that something was asked of.
    pub fn known(&self) -> impl Iterator<Item = &Door> {
        self.0.keys()
    }
}

/// Whom or what a call is about: a principal however many keys it has, the members of a batch, or what the call says.
pub fn about(action: &Action) -> Vec<String> {
    action.principal().map_or_else(|| things(action), |principal| vec![principal.to_owned()])
}
