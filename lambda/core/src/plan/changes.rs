//! What the halts of an account changed, and what of it still stands.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::plan::ActionResult;
use crate::resource::{Act, Action, Part, Undo};

/// The journal of one halt and of the releases that followed it, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct HaltJournal {
    /// When the halt began.
    pub tripped: Timestamp,
    /// Every call that was intended, and how it ended, where that is known.
    pub calls: Vec<(Action, Option<ActionResult>)>,
}

/// What was, or may have been, changed by halts, less what releases have undone since.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    standing: Vec<Change>,
    undone: Vec<Action>,
}

/// A change that still stands.
#[derive(Debug, Clone, PartialEq)]
struct Change {
    action: Action,
    undo: Undo<Action>,
    /// When the halt began that made it first.
    tripped: Timestamp,
    /// Which of the halts met it last.
    halt: usize,
}

/// Whether a call was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Yes,
    /// There was no answer.
    Maybe,
    No,
}

impl Changes {
    /// What stands after these journals, the oldest first. A thing that a halt met several times is given back as that
    /// halt first found it: a thief may have changed it behind the halt. What a later halt found otherwise than the
    /// earlier one had left it, its people have changed since: it is given back as the later one found it.
    pub fn of<'a>(journals: impl IntoIterator<Item = &'a HaltJournal>) -> Self {
        let mut changes = Self::default();
        for (halt, journal) in journals.into_iter().enumerate() {
            for (action, result) in &journal.calls {
                let (undo, taken) = (action.undo(), taken(action, result.as_ref()));
                match (&undo, taken) {
                    (Undo::IsUndo, Taken::Yes) => changes.undo(action),
                    // To undo once more what may have been undone does no harm; to leave it may.
                    (Undo::IsUndo, Taken::Maybe | Taken::No) | (_, Taken::No) => {}
                    (Undo::By(_) | Undo::Never | Undo::NotNeeded, Taken::Yes | Taken::Maybe) => {
                        changes.add(Change { action: action.clone(), undo, tripped: journal.tripped, halt });
                    }
                }
            }
        }
        changes
    }

    /// The calls that still stand, each with when the halt began that made it first.
    pub fn standing(&self) -> impl Iterator<Item = (&Action, Timestamp)> {
        self.standing.iter().map(|change| (&change.action, change.tripped))
    }

    /// The calls that releases have undone.
    pub fn undone(&self) -> &[Action] {
        &self.undone
    }

    fn add(&mut self, change: Change) {
        let items = change.action.items();
        if items.is_empty() {
            match self.standing.iter_mut().find(|known| known.action.repeats(&change.action)) {
                Some(known) if known.halt < change.halt => {
                    *known = Change { tripped: known.tripped, ..change };
                }
                Some(_) => {}
                None => self.standing.push(change),
            }
            return;
        }
        let known = self.standing.iter().filter(|known| is_same_call(&known.action, &change.action));
        let known: BTreeSet<&str> = known.flat_map(|known| known.action.items()).collect();
        let new: Vec<&str> = items.iter().copied().filter(|item| !known.contains(item)).collect();
        if let Some(action) = change.action.with_items(&new).filter(|_| !new.is_empty()) {
            self.standing.push(Change { undo: action.undo(), action, ..change });
        }
    }

    fn undo(&mut self, undo: &Action) {
        let undone = &mut self.undone;
        let given: BTreeSet<&str> = undo.items().into_iter().collect();
        self.standing.retain_mut(|change| {
            let Undo::By(own) = &change.undo else { return true };
            if given.is_empty() {
                let is_left = !own.repeats(undo);
                if !is_left {
                    undone.push(change.action.clone());
                }
                return is_left;
            }
            if !is_same_call(own, undo) {
                return true;
            }
            let items = change.action.items();
            let (gone, left): (Vec<&str>, Vec<&str>) = items.iter().partition(|item| given.contains(*item));
            undone.extend(change.action.with_items(&gone).filter(|_| !gone.is_empty()));
            match change.action.with_items(&left).filter(|_| !left.is_empty()) {
                Some(action) => {
                    (change.undo, change.action) = (action.undo(), action);
                    true
                }
                None => false,
            }
        });
    }
}

/// Whether two batches are the same call in the same place.
fn is_same_call(one: &Action, other: &Action) -> bool {
    (one.kind(), one.operation(), one.region()) == (other.kind(), other.operation(), other.region())
}

/// Nobody but us attaches the quarantine, so one that was there already is ours as well.
fn taken(action: &Action, result: Option<&ActionResult>) -> Taken {
    let is_undo = action.undo() == Undo::IsUndo;
    match result {
        None => Taken::Maybe,
        Some(ActionResult::Done) => Taken::Yes,
        Some(ActionResult::AlreadyDone) if is_undo || action.part() == Part::Freeze => Taken::Yes,
        Some(ActionResult::AlreadyDone) => Taken::No,
        Some(ActionResult::Failed { failure }) if failure.kind.may_have_been_taken() => Taken::Maybe,
        Some(ActionResult::Failed { .. }) => Taken::No,
    }
}
