//! What containing an account came to: the outcome of every call, and what the last look still found.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::by_thing::ByThing;
use crate::measure::summary::Summary;
use crate::observation::Gap;
use crate::resource::{Act, Action, Part, Refusals, Skipped, Undo};
use crate::vocabulary::failure::Failure;

/// How one call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum ActionResult {
    /// AWS took it.
    Done,
    /// There was nothing left to do: the key, password or user was gone already.
    #[serde(rename = "already-so")]
    AlreadyDone,
    /// AWS refused it, or never answered.
    Failed {
        /// Why.
        failure: Failure,
    },
}

impl ActionResult {
    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { failure } => Some(failure),
            Self::Done | Self::AlreadyDone => None,
        }
    }
}

/// One call and how it ended. A batch that had to be split has one outcome a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What was called.
    pub action: Action,
    /// How it ended.
    #[serde(flatten)]
    pub result: ActionResult,
}

/// What containing an account came to, in one invocation or in a whole halt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Containment {
    /// Every call that was made, in the order in which they ended.
    pub outcomes: Vec<Outcome>,
    /// How many calls were made of which nobody knows how they ended: whoever made them was cut off.
    pub unanswered: usize,
    /// What the last look still wanted done: it resisted, or the time ran out.
    pub remaining: Vec<Action>,
    /// What the last look could not see.
    pub gaps: Vec<Gap>,
    /// What is left alone on purpose.
    pub skipped: Vec<Skipped>,
    /// Identities made shortly before the halt, or since, in words.
    pub suspects: Vec<String>,
    /// What the last look found running, whatever the reason.
    pub after: Option<Summary>,
    /// When two clean passes had been made.
    pub verified: Option<Timestamp>,
}

impl Containment {
    /// The calls that failed and whose thing is still there to be done: what resisted, by name.
    pub fn resisted(&self) -> Vec<(&Action, &Failure)> {
        let remaining = ByThing::of(&self.remaining);
        let refused = self.of_parts().into_iter().filter_map(|outcome| {
            let failure = outcome.result.failure()?;
            remaining.covers(&outcome.action).then_some((&outcome.action, failure))
        });
        let (mut known, mut places) = (ByThing::default(), HashMap::new());
        let mut unique: Vec<(&Action, &Failure)> = Vec::new();
        for (action, failure) in refused {
            let place = known.repeated(action).and_then(|known| places.get(known)).copied();
            match place.and_then(|place: usize| unique.get_mut(place)) {
                // The same thing tried again: only its last refusal is news.
                Some(known) => known.1 = failure,
                None => {
                    known.insert(action);
                    places.insert(action, unique.len());
                    unique.push((action, failure));
                }
            }
        }
        unique
    }

    /// Without the batches that were refused and then taken apart: what came of the parts says more.
    fn of_parts(&self) -> Vec<&Outcome> {
        let mut smallest: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut of_parts = Vec::new();
        for outcome in self.outcomes.iter().rev() {
            let (operation, items) = (outcome.action.operation(), outcome.action.items());
            let is_smaller = |item: &&str| smallest.get(&(operation, *item)).is_some_and(|size| *size < items.len());
            if outcome.result == ActionResult::Done || !items.iter().any(is_smaller) {
                of_parts.push(outcome);
            }
            for item in &items {
                let size = smallest.entry((operation, *item)).or_insert(items.len());
                *size = items.len().min(*size);
            }
        }
        of_parts.reverse();
        of_parts
    }

    /// How many things were told to stop; what was terminated is not among them.
    pub fn stopped(&self) -> usize {
        let stops = self.succeeded().filter(|action| action.part() == Part::Stop && action.undo() != Undo::Never);
        // What a thief started again and again was stopped again and again, and is one thing all the same.
        stops.flat_map(things).collect::<BTreeSet<String>>().len()
    }

    /// How many things the last look still found running: what resisted, and what is left alone. Before anybody has
    /// looked again, what AWS did not take.
    pub fn still_running(&self) -> u64 {
        let untaken = || self.remaining.iter().filter(|action| action.part() == Part::Stop).map(members).sum::<usize>();
        self.after.as_ref().map_or_else(|| untaken() as u64, |after| after.instances + after.exempt)
    }

    /// The calls that AWS took.
    pub fn succeeded(&self) -> impl Iterator<Item = &Action> {
        self.outcomes.iter().filter(|outcome| outcome.result == ActionResult::Done).map(|outcome| &outcome.action)
    }
}

/// The things that an action is about: the members of a batch, or what it says.
pub fn things(action: &Action) -> Vec<String> {
    let items = action.items();
    if items.is_empty() { vec![action.to_string()] } else { items.into_iter().map(str::to_owned).collect() }
}

/// How many things an action is about: the members of a batch, or one.
fn members(action: &Action) -> usize {
    action.items().len().max(1)
}

/// What of some actions AWS did not take. Of a batch that was taken apart, the members that were refused.
pub fn remaining<'a>(wanted: impl IntoIterator<Item = &'a Action>, outcomes: &[Outcome]) -> Vec<Action> {
    let taken = outcomes.iter().filter(|outcome| outcome.result.failure().is_none());
    let taken = ByThing::of(taken.map(|outcome| &outcome.action));
    let is_taken = |action: &Action| taken.covers(action);
    let untaken = |action: &Action| {
        let (items, alone) = (action.items(), |item: &str| action.with_items(&[item]));
        let left: Vec<&str> =
            items.iter().copied().filter(|item| alone(item).is_none_or(|one| !is_taken(&one))).collect();
        if items.is_empty() {
            (!is_taken(action)).then(|| action.clone())
        } else if left.is_empty() {
            None
        } else {
            action.with_items(&left).or_else(|| Some(action.clone()))
        }
    };
    wanted.into_iter().filter_map(untaken).collect()
}

/// Takes in what was refused, thing by thing. A batch that was refused as a whole says nothing about its members.
pub fn learn<'a>(refusals: &mut Refusals, outcomes: impl IntoIterator<Item = &'a Outcome>) {
    for outcome in outcomes {
        let ActionResult::Failed { failure } = &outcome.result else { continue };
        let action = &outcome.action;
        let thing = match action.items().as_slice() {
            [item] => Some(*item),
            [] => action.principal(),
            _ => None,
        };
        if let Some(thing) = thing {
            refusals.learn(action.operation(), thing, failure.kind);
        }
    }
}

impl fmt::Display for ActionResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::AlreadyDone => f.write_str("nothing left to do"),
            Self::Failed { failure } => write!(f, "failed: {failure}"),
        }
    }
}
