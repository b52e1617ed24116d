//! Actions by what they are about, so that thousands are held against thousands without comparing each with each.

use std::collections::{HashMap, HashSet};

use crate::resource::{Act, Action};
use crate::vocabulary::ids::Region;

/// What two actions have in common where one does what the other would: the call, the region, and a member of the batch
/// or whom it is about.
type Thing<'a> = (&'static str, Option<&'a Region>, &'a str);

/// Some actions.
#[derive(Default)]
pub(super) struct ByThing<'a> {
    /// Most questions are about the very same action.
    same: HashSet<&'a Action>,
    things: HashMap<Thing<'a>, Vec<&'a Action>>,
}

impl<'a> ByThing<'a> {
    /// These.
    pub fn of(actions: impl IntoIterator<Item = &'a Action>) -> Self {
        let mut known = Self::default();
        actions.into_iter().for_each(|action| known.insert(action));
        known
    }

    /// And this.
    pub fn insert(&mut self, action: &'a Action) {
        if self.same.insert(action) {
            for thing in things(action) {
                self.things.entry(thing).or_default().push(action);
            }
        }
    }

    /// Whether one of them [covers](Act::covers) another action.
    pub fn covers(&self, other: &Action) -> bool {
        self.same.contains(other) || self.near(other).any(|action| action.covers(other))
    }

    /// One of them that [repeats](Act::repeats) another action.
    pub fn repeated(&self, other: &Action) -> Option<&'a Action> {
        let same = self.same.get(other).copied();
        same.or_else(|| self.near(other).find(|action| action.repeats(other)))
    }

    fn near<'s>(&'s self, other: &'s Action) -> impl Iterator<Item = &'a Action> + use<'s, 'a> {
        things(other).into_iter().filter_map(|thing| self.things.get(&thing)).flatten().copied()
    }
}

fn things(action: &Action) -> Vec<Thing<'_>> {
    let (operation, region, items) = (action.operation(), action.region(), action.items());
    if items.is_empty() {
        return vec![(operation, region, action.principal().unwrap_or_default())];
    }
    items.into_iter().map(|item| (operation, region, item)).collect()
}
