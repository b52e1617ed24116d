//! The order of one action under a lease: written down, made, written down again. Pure, so that whoever performs it and
//! the model that proves it go the same way.

use jiff::Timestamp;

use runawaytrain_core::plan::ActionResult;

use crate::ports::JournalEntry;

/// An action on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    entry: JournalEntry,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq)]
enum Stage {
    Planned,
    Intended,
    Answered(ActionResult),
}

/// What is to be done next about an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// To write down that it is about to be made.
    Intend,
    /// To make it.
    Make,
    /// To write down what came of it.
    Conclude(ActionResult),
}

/// Whether a holder may still change anything: the table has not said that its lease is lost, and by its own clock the
/// lease that it last wrote still runs.
pub fn is_alive(lost: bool, until: Timestamp, now: Timestamp) -> bool {
    !lost && now < until
}

impl Call {
    /// An action of which nothing was done yet, by its entry in the journal.
    pub fn new(entry: JournalEntry) -> Self {
        Self { entry, stage: Stage::Planned }
    }

    /// Its entry in the journal, as it is written before the action is made.
    pub fn entry(&self) -> &JournalEntry {
        &self.entry
    }

    /// What is to be done next by a holder that is alive, or is not; `None` where it must do nothing more. Asked anew
    /// before each step, for what the one before took may have been longer than the lease lasts.
    pub fn next(&self, is_alive: bool) -> Option<Step> {
        match &self.stage {
            Stage::Planned => is_alive.then_some(Step::Intend),
            Stage::Intended => is_alive.then_some(Step::Make),
            Stage::Answered(result) => Some(Step::Conclude(result.clone())),
        }
    }

    /// The journal has it: it may be made.
    pub fn intended(&mut self) {
        self.stage = Stage::Intended;
    }

    /// It was made, and is not made again.
    pub fn answered(&mut self, result: ActionResult) {
        self.stage = Stage::Answered(result);
    }
}
