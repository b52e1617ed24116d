//! What a halt will do, what a release will undo, and what came of either.

mod by_thing;
mod changes;
pub mod denials;
pub mod doors;
mod erased;
mod halt;
mod outcome;
pub mod permissions;
mod release;

use std::collections::BTreeMap;
use std::fmt;

use crate::resource::{Act, Action, Draft, Lane, Part, Skipped, quarantine};
use crate::vocabulary::text::clean;

use by_thing::ByThing;

pub use changes::{Changes, HaltJournal};
pub use erased::erased;
pub(crate) use halt::of_place;
pub use halt::{plan, suspects};
pub use outcome::{ActionResult, Containment, Outcome, learn, remaining, things};
pub use release::{brought_back, undo};

/// What is to be done to one account: immutable data that leaves its executor no choices, with a reason for everything
/// left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    lanes: BTreeMap<Lane, Vec<Action>>,
    skipped: Vec<Skipped>,
}

impl Plan {
    /// The lanes, each with its actions in order. None is empty.
    pub fn lanes(&self) -> impl Iterator<Item = (&Lane, &[Action])> {
        self.lanes.iter().map(|(lane, actions)| (lane, actions.as_slice()))
    }

    /// Every action of every lane.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.lanes.values().flatten()
    }

    /// What is left alone, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The part of the plan that freezes the account, and nothing else.
    #[must_use]
    pub fn only_freeze(&self) -> Self {
        let freezes = |action: &&Action| action.part() == Part::Freeze;
        let lanes = self.lanes.iter().map(|(lane, actions)| {
            let actions: Vec<Action> = actions.iter().filter(freezes).cloned().collect();
            (lane.clone(), actions)
        });
        Self { lanes: lanes.filter(|(_, actions)| !actions.is_empty()).collect(), skipped: self.skipped.clone() }
    }

    /// The plan that ends a freeze, and does nothing else.
    pub fn thaw() -> Self {
        Self {
            lanes: BTreeMap::from([(Lane::Account, vec![Action::from(quarantine::Action::Thaw)])]),
            skipped: Vec::new(),
        }
    }

    /// The same without some actions: what was tried is not tried again at once, nor what is under way.
    #[must_use]
    pub fn without<'a>(&self, tried: impl IntoIterator<Item = &'a Action>) -> Self {
        let tried = ByThing::of(tried);
        let is_new = |action: &&Action| !tried.covers(action);
        let lanes = self.lanes.iter().map(|(lane, actions)| {
            let actions: Vec<Action> = actions.iter().filter(is_new).cloned().collect();
            (lane.clone(), actions)
        });
        Self { lanes: lanes.filter(|(_, actions)| !actions.is_empty()).collect(), skipped: self.skipped.clone() }
    }

    /// What is done after it, too. What is left alone is what the later plan leaves; what there was nothing to undo of
    /// in the beginning is known from the first.
    #[must_use]
    pub fn then(mut self, later: Self) -> Self {
        for (lane, actions) in later.lanes {
            self.lanes.entry(lane).or_default().extend(actions);
        }
        self.skipped.retain(|skipped| skipped.reason.is_of_the_beginning());
        self.skipped.extend(later.skipped.into_iter().filter(|skipped| !skipped.reason.is_of_the_beginning()));
        self
    }

    /// Leaves something alone besides.
    pub fn skip(&mut self, skipped: impl IntoIterator<Item = Skipped>) {
        self.skipped.extend(skipped);
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }
}

impl From<Draft<Action>> for Plan {
    fn from(draft: Draft<Action>) -> Self {
        let mut lanes: BTreeMap<Lane, Vec<Action>> = BTreeMap::new();
        for (lane, action) in draft.steps.into_iter().chain(draft.last) {
            lanes.entry(lane).or_default().push(action);
        }
        Self { lanes, skipped: draft.skipped }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            writeln!(f, "nothing to do")?;
        }
        for action in self.actions() {
            writeln!(f, "{action}")?;
        }
        for erased in erased(self.actions(), &BTreeMap::new()) {
            writeln!(f, "erase the local disks of {erased}")?;
        }
        for skipped in &self.skipped {
            writeln!(f, "leave {}: {}", clean(&skipped.item), skipped.reason)?;
        }
        Ok(())
    }
}
