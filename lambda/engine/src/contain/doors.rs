//! Who is asked, where calls are denied to us whatever they are about.
//!
//! A guardrail of the organization, or a permission that our role lacks, denies a call for each user and role alike. To
//! ask for all of them in each pass would only spend the invocation and the account's quota. So a door is tried with as
//! many things as are under way at once anyway; if none is let through, nobody else is sent there in this invocation.
//! A later one tries it with two, those that were never asked before the others, so that a door that opens is used by
//! the next sweep. The rest waits for what becomes of those, and follows at once where one is let through.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use runawaytrain_core::plan::Outcome;
use runawaytrain_core::plan::doors::{Door, Doors, Permission, about};
use runawaytrain_core::resource::{Act, Action, Lane, Part};

/// So many calls, at most, are sent to a door of which nothing is known: as many principals as are locked out at once.
pub const MOST_ASKED: usize = 32;
/// So many where an earlier invocation of the halt found it shut.
pub const MOST_ASKED_AGAIN: usize = 2;
/// So often is the same thing, such as one user whichever of its keys, asked in one invocation and denied.
const DENIALS: u32 = 2;

/// Keeps what is known of an account's doors while it is contained.
pub(super) struct Doorkeeper {
    /// What earlier invocations of the halt found.
    earlier: Doors,
    /// Makes each invocation ask others first.
    seed: u64,
    state: Mutex<State>,
    answered: Notify,
}

#[derive(Default)]
struct State {
    doors: Doors,
    /// Calls that are under way.
    under_way: BTreeMap<Door, usize>,
    /// Calls that were denied.
    denied: BTreeMap<Door, usize>,
    /// How often each thing was denied.
    denials: BTreeMap<(Door, Vec<String>), u32>,
    /// Members of batches of which nothing was permitted: it is no use to take them apart again.
    taken_apart: BTreeSet<(Door, String)>,
    /// Nobody is sent there any more.
    shut: BTreeSet<Door>,
}

enum Entrance {
    Now,
    /// It depends on what becomes of the calls under way.
    Later,
    Never,
}

impl Doorkeeper {
    pub fn new(earlier: Doors, seed: u64) -> Self {
        Self { earlier, seed, state: Mutex::default(), answered: Notify::new() }
    }

    /// Whether a call is to be made. Once it is, its outcome is to be told.
    pub async fn admits(&self, action: &Action) -> bool {
        if !is_kept(action.part()) {
            return true;
        }
        loop {
            let answered = self.answered.notified();
            tokio::pin!(answered);
            // From now on, so that no answer is missed in between.
            answered.as_mut().enable();
            match self.entrance(action) {
                Entrance::Now => return true,
                Entrance::Never => return false,
                Entrance::Later => answered.await,
            }
        }
    }

    fn entrance(&self, action: &Action) -> Entrance {
        let door = Door::of(action);
        let mut state = self.state();
        let is_open = state.doors.is_open(&door) || self.earlier.is_open(&door);
        let denials = state.denials.get(&(door.clone(), about(action))).copied().unwrap_or_default();
        if denials >= DENIALS || state.shut.contains(&door) {
            return Entrance::Never;
        }
        let under_way = state.under_way.get(&door).copied().unwrap_or_default();
        let denied = state.denied.get(&door).copied().unwrap_or_default();
        // A stop waits for nothing: batches know by themselves when it is of no use to go on.
        if is_open || action.part() == Part::Stop || denied + under_way < self.most_asked(&door) {
            *state.under_way.entry(door).or_default() += 1;
            Entrance::Now
        } else if under_way > 0 {
            Entrance::Later
        } else {
            Entrance::Never
        }
    }

    fn most_asked(&self, door: &Door) -> usize {
        if self.earlier.is_shut(door) { MOST_ASKED_AGAIN } else { MOST_ASKED }
    }

    /// Takes in what came of a call that was admitted.
    pub fn learn(&self, outcome: &Outcome) {
        if !is_kept(outcome.action.part()) {
            return;
        }
        let door = Door::of(&outcome.action);
        {
            let mut state = self.state();
            state.doors.learn(outcome);
            if let Some(under_way) = state.under_way.get_mut(&door) {
                *under_way = under_way.saturating_sub(1);
            }
            if Permission::of(outcome) == Permission::Denied {
                *state.denied.entry(door.clone()).or_default() += 1;
                *state.denials.entry((door, about(&outcome.action))).or_default() += 1;
            }
        }
        self.answered.notify_waiters();
    }

    /// Whether a batch that is denied is worth taking apart.
    pub fn splits(&self, action: &Action) -> bool {
        let (door, state) = (Door::of(action), self.state());
        action.items().iter().any(|item| !state.taken_apart.contains(&(door.clone(), (*item).to_owned())))
    }

    /// Whether an earlier invocation found it shut: then a few members tell whether it still is.
    pub fn was_shut(&self, action: &Action) -> bool {
        self.earlier.is_shut(&Door::of(action))
    }

    /// Takes in a batch of which nothing was permitted.
    pub fn took_apart(&self, action: &Action) {
        let door = Door::of(action);
        let members = action.items().into_iter().map(|item| (door.clone(), item.to_owned()));
        self.state().taken_apart.extend(members);
    }

    /// Shuts what proved to be shut, between two passes; gives all that is.
    pub fn shut(&self) -> BTreeSet<Door> {
        let mut state = self.state();
        let is_shut = |door: &&Door| {
            let is_still_shut = self.earlier.is_shut(door) && state.doors.denied(door) > 0;
            let is_open = state.doors.is_open(door) || self.earlier.is_open(door);
            !is_open && (state.doors.is_shut(door) || is_still_shut)
        };
        let shut: Vec<Door> = state.doors.known().filter(is_shut).cloned().collect();
        state.shut.extend(shut);
        state.shut.clone()
    }

    /// In which order lanes are begun: whoever was never asked before the others, and in each invocation in another
    /// order, so that no names are always first.
    pub fn order(&self, lane: &Lane, actions: &[Action]) -> (bool, u64) {
        let mut hasher = DefaultHasher::new();
        (self.seed, lane).hash(&mut hasher);
        (actions.iter().any(|action| self.earlier.has_denied(action)), hasher.finish())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a door is kept: to freeze is one call, and the payer's own; and what gives back is done once, by a release.
fn is_kept(part: Part) -> bool {
    match part {
        Part::Disarm | Part::Prepare | Part::Stop | Part::Lock | Part::Strip => true,
        Part::Freeze | Part::GiveBack | Part::Restart => false,
    }
}
