//! What is left of a halt because calls are denied to us, for people: who can open a door must know which.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::doors::{Door, Doors, Permission, about};
use crate::plan::{Containment, Outcome};
use crate::resource::{Act, Action, Caller, Part};
use crate::vocabulary::failure::DeniedBy;

/// What of one sort is not done, for the calls that do it are denied to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The calls, in IAM's spelling.
    pub operations: BTreeSet<&'static str>,
    /// What is to be changed, in the singular …
    pub noun: &'static str,
    /// … and what becomes of none of it.
    pub verb: &'static str,
    /// How many of them are left.
    pub left: u64,
    /// Whose they are: users or roles by name, regions of what runs.
    pub whose: BTreeSet<String>,
    /// Whether nobody was let through, so that only some were asked; else these refuse by themselves.
    pub is_for_all: bool,
    /// How many were asked.
    pub asked: u64,
    /// Whether it keeps somebody in.
    pub part: Part,
    /// Whose policies it was, where AWS says so.
    pub denied_by: BTreeSet<DeniedBy>,
}

impl Denial {
    /// Whether it is what a call would have done.
    pub fn is_of(&self, action: &Action) -> bool {
        let what = action.describe();
        (what.noun, what.verb, what.part) == (self.noun, self.verb, self.part)
    }
}

impl Containment {
    /// What the last look still wanted done, of that which AWS denies to us, sort by sort. Our policies are not among
    /// it: to attach them is the payer's own call.
    pub fn denials(&self) -> Vec<Denial> {
        let doors = Doors::of(&self.outcomes);
        let denied: Vec<&Outcome> =
            self.outcomes.iter().filter(|outcome| Permission::of(outcome) == Permission::Denied).collect();
        let mut found: BTreeMap<(&str, &str), (Denial, BTreeSet<String>)> = BTreeMap::new();
        for action in self.remaining.iter().filter(|action| action.kind().caller() != Caller::Payer) {
            let same: Vec<&Outcome> =
                denied.iter().copied().filter(|outcome| is_same(&outcome.action, action)).collect();
            let asked: BTreeSet<String> = same.iter().flat_map(|outcome| about(&outcome.action)).collect();
            let is_for_all = same.iter().any(|outcome| doors.is_shut(&Door::of(&outcome.action)));
            let things: Vec<String> =
                about(action).into_iter().filter(|thing| is_for_all || asked.contains(thing)).collect();
            if same.is_empty() || things.is_empty() {
                continue;
            }
            let what = action.describe();
            let (denial, all_asked) = found.entry((what.noun, what.verb)).or_insert_with(|| {
                let empty = Denial {
                    operations: BTreeSet::new(),
                    noun: what.noun,
                    verb: what.verb,
                    left: 0,
                    whose: BTreeSet::new(),
                    is_for_all,
                    asked: 0,
                    part: what.part,
                    denied_by: BTreeSet::new(),
                };
                (empty, BTreeSet::new())
            });
            denial.operations.extend(same.iter().map(|outcome| outcome.action.operation()));
            denial.denied_by.extend(same.iter().filter_map(|outcome| outcome.result.failure()?.denied_by));
            denial.is_for_all &= is_for_all;
            denial.left += things.len() as u64;
            denial.whose.extend(action.principal().map(str::to_owned));
            denial.whose.extend(action.region().map(ToString::to_string));
            all_asked.extend(asked);
            denial.asked = all_asked.len() as u64;
        }
        let mut denials: Vec<Denial> = found.into_values().map(|(denial, _)| denial).collect();
        // Who is let in before what they let in with.
        denials.sort_by_key(|denial| denial.part);
        denials
    }
}

/// Whether two calls come to the same, by whatever way, in the same place.
fn is_same(one: &Action, other: &Action) -> bool {
    let (what, wanted) = (one.describe(), other.describe());
    (what.noun, what.verb, what.part) == (wanted.noun, wanted.verb, wanted.part) && one.region() == other.region()
}
