//! The calls of a halt as a reader wants them: in sum, by what they are for, and which of them came to nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runawaytrain_core::plan::{self, ActionResult};
use runawaytrain_core::resource::{Act as _, Action, Description, Kind, Part, Undo};
use runawaytrain_core::vocabulary::ids::Region;
use runawaytrain_core::vocabulary::text::{clean, count};
use runawaytrain_engine::ports::JournalEntry;
use serde::Serialize;

use crate::history::{self, Call};

/// The heading of what a release started.
pub const STARTED_AGAIN: &str = "Started again";

/// Calls that are for the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// What they are for.
    pub heading: &'static str,
    /// Each, in order.
    pub calls: Vec<Line>,
}

/// A call, with as often as it came to the same: whatever resists is tried in every sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The first of them.
    #[serde(flatten)]
    pub call: Call,
    /// How many there were.
    pub times: u64,
    /// When the last was made.
    pub last: Timestamp,
}

/// Something that a call was about and that no later call reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resisted {
    /// When it was called last.
    pub at: Timestamp,
    /// The call, in words.
    pub what: String,
    /// All that it was about, where it was about several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub things: Vec<String>,
    /// Why it came to nothing, as far as that is known.
    pub why: String,
}

/// Whether a call is one of the halt, rather than of a release.
pub fn is_of_halt(entry: &JournalEntry) -> bool {
    entry.action.undo() != Undo::IsUndo
}

/// The calls in the order of a halt, then those of its releases.
pub fn groups(entries: &[JournalEntry]) -> Vec<Group> {
    let mut parts: BTreeMap<Part, Lines> = BTreeMap::new();
    for entry in entries {
        // What takes the quarantine off is a part of the freeze by its call, and of a release by what it does.
        let part = if is_of_halt(entry) { entry.action.part() } else { entry.action.part().max(Part::GiveBack) };
        parts.entry(part).or_default().add(history::call(entry));
    }
    parts.into_iter().map(|(part, lines)| Group { heading: heading(part), calls: lines.all }).collect()
}

/// Lines in the making: each with where it is.
#[derive(Debug, Default)]
struct Lines {
    all: Vec<Line>,
    places: BTreeMap<(String, &'static str, Option<String>), usize>,
}

impl Lines {
    fn add(&mut self, call: Call) {
        let next = self.all.len();
        let place = *self.places.entry((call.text.clone(), call.result, call.reason.clone())).or_insert(next);
        match self.all.get_mut(place) {
            Some(line) => (line.times, line.last) = (line.times + 1, call.at),
            None => self.all.push(Line { times: 1, last: call.at, call }),
        }
    }
}

fn heading(part: Part) -> &'static str {
    match part {
        Part::Freeze => "Kept the account from growing",
        Part::Disarm => "Switched off what would launch again",
        Part::Prepare => "Cleared the way",
        Part::Stop => "Stopped what ran",
        Part::Lock => "Denied users and roles",
        Part::Strip => "Took credentials away",
        Part::GiveBack => "Gave back",
        Part::Restart => STARTED_AGAIN,
    }
}

/// What the halt came to: `6 instances stopped`. Each thing counts once, however often it was stopped.
pub fn sums(entries: &[JournalEntry]) -> Vec<String> {
    let mut sums: BTreeMap<(Part, &str, &str), BTreeSet<String>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| is_of_halt(entry)) {
        if matches!(entry.concluded, Some((_, ActionResult::Done))) {
            let Description { part, noun, verb, .. } = entry.action.describe();
            sums.entry((part, noun, verb)).or_default().extend(plan::things(&entry.action));
        }
    }
    sums.into_iter().map(|((_, noun, verb), things)| format!("{} {verb}", count(things.len() as u64, noun))).collect()
}

/// What a call is about: one thing, to which it does one thing. There is more than one way to stop or to lock.
type Aim = (Kind, Part, Option<Region>, String);

fn aims(action: &Action) -> Vec<(Aim, Option<String>)> {
    let aim = |thing: String| (action.kind(), action.part(), action.region().cloned(), thing);
    let items = action.items();
    if !items.is_empty() {
        return items.into_iter().map(|item| (aim(item.to_owned()), Some(item.to_owned()))).collect();
    }
    let principal = action.principal().filter(|_| action.part() == Part::Lock);
    vec![(aim(principal.map_or_else(|| action.to_string(), str::to_owned)), None)]
}

/// What failed, or had no answer, and was reached by no later call either: each thing once, with what was said of it
/// last; things that refused alike are told together.
pub fn resisted(entries: &[JournalEntry]) -> Vec<Resisted> {
    let (mut settled, mut found) = (BTreeSet::new(), Vec::<Refused>::new());
    for entry in entries.iter().rev() {
        let own = aims(&entry.action);
        if matches!(&entry.concluded, Some((_, ActionResult::Done | ActionResult::AlreadyDone))) {
            settled.extend(own.into_iter().map(|(aim, _)| aim));
            continue;
        }
        let own: Vec<Option<String>> =
            own.into_iter().filter_map(|(aim, item)| settled.insert(aim).then_some(item)).collect();
        if own.is_empty() {
            continue;
        }
        let items = own.into_iter().flatten().collect();
        let refused = Refused { action: &entry.action, at: entry.intended, why: why(entry), items };
        match found.iter_mut().find(|known| known.is_like(&refused)) {
            Some(known) => known.items.extend(refused.items),
            None => found.push(refused),
        }
    }
    found.iter().rev().map(Refused::told).collect()
}

/// A call that came to nothing, with the members of its batch of which that is so.
struct Refused<'a> {
    action: &'a Action,
    at: Timestamp,
    why: String,
    items: BTreeSet<String>,
}

impl Refused<'_> {
    fn is_like(&self, other: &Self) -> bool {
        let place = |refused: &Self| (refused.action.operation(), refused.action.region().cloned());
        !other.items.is_empty() && !self.items.is_empty() && place(self) == place(other) && self.why == other.why
    }

    fn told(&self) -> Resisted {
        let items: Vec<&str> = self.items.iter().map(String::as_str).collect();
        let action = self.action.with_items(&items).filter(|_| !items.is_empty());
        let what = clean(&action.as_ref().unwrap_or(self.action).to_string());
        let things = self.items.iter().map(|item| clean(item)).collect();
        Resisted { at: self.at, what, things, why: self.why.clone() }
    }
}

fn why(entry: &JournalEntry) -> String {
    match entry.concluded.as_ref().and_then(|(_, result)| result.failure()) {
        Some(failure) => clean(&failure.to_string()),
        None => "no answer was written down: it may have been done, and it may not".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
    use runawaytrain_core::vocabulary::ids::HaltId;
    use runawaytrain_engine::ports::EntryId;
    use serde_json::{Value, json};

    use super::*;

    fn journal(calls: &[(Value, Option<ActionResult>)]) -> Vec<JournalEntry> {
        let entry = |(number, (action, result)): (usize, &(Value, Option<ActionResult>))| {
            let at = Timestamp::from_second(1_000 + i64::try_from(number).unwrap()).unwrap();
            JournalEntry {
                id: EntryId { fence: 1, number: number as u64 },
                halt: HaltId::new("20261127T151905Z"),
                action: serde_json::from_value(action.clone()).unwrap(),
                intended: at,
                concluded: result.clone().map(|result| (at, result)),
                attempts: 1,
            }
        };
        calls.iter().enumerate().map(entry).collect()
    }

    fn stop(instances: &[&str]) -> Value {
        json!({ "do": "stop-instances", "region": "us-east-1", "instances": instances })
    }

    fn failed(kind: FailureKind) -> Option<ActionResult> {
        Some(ActionResult::Failed { failure: Failure::own("ec2:StopInstances", kind, "simulated") })
    }

    const DONE: Option<ActionResult> = Some(ActionResult::Done);

    #[test]
    fn of_a_batch_that_was_taken_apart_what_refused_in_the_end_is_named() {
        let entries = journal(&[
            (stop(&["i-1", "i-2", "i-3"]), failed(FailureKind::Protected)),
            (stop(&["i-1", "i-2"]), DONE),
            (stop(&["i-3"]), failed(FailureKind::Denied)),
            (stop(&["i-4"]), failed(FailureKind::Denied)),
        ]);
        let found = resisted(&entries);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].what, "stop 2 instances in us-east-1: i-3, i-4");
        assert!(found[0].why.contains("was denied"), "{}", found[0].why);
    }

    #[test]
    fn what_was_reached_in_another_way_did_not_resist() {
        let entries = journal(&[
            (stop(&["i-1"]), failed(FailureKind::Unsupported)),
            (json!({ "do": "terminate-instances", "region": "us-east-1", "instances": ["i-1"] }), DONE),
            (json!({ "do": "deny-user", "user": "ann" }), failed(FailureKind::QuotaFull)),
            (json!({ "do": "attach-deny-to-user", "user": "ann" }), DONE),
        ]);
        assert_eq!(resisted(&entries), []);
    }

    #[test]
    fn a_call_without_an_answer_may_have_been_done() {
        let entries = journal(&[(json!({ "do": "deny-user", "user": "ann" }), None)]);
        assert!(resisted(&entries)[0].why.contains("may have been done"));
        assert_eq!(sums(&entries), Vec::<String>::new());
    }

    #[test]
    fn things_are_counted_once_and_calls_told_by_what_they_are_for() {
        let entries = journal(&[
            (json!({ "do": "freeze" }), DONE),
            (stop(&["i-1", "i-2"]), DONE),
            (stop(&["i-2"]), DONE),
            (json!({ "do": "thaw" }), DONE),
        ]);
        assert!(sums(&entries).contains(&"2 instances stopped".to_owned()), "{:?}", sums(&entries));
        let headings: Vec<&str> = groups(&entries).iter().map(|group| group.heading).collect();
        assert_eq!(headings, ["Kept the account from growing", "Stopped what ran", "Gave back"]);
    }

    #[test]
    fn what_comes_to_the_same_again_and_again_is_one_line() {
        let refused = || (stop(&["i-1"]), failed(FailureKind::Denied));
        let entries = journal(&[refused(), refused(), (stop(&["i-1"]), DONE), refused()]);
        let lines = &groups(&entries)[0].calls;
        let told: Vec<(&str, u64, i64)> =
            lines.iter().map(|line| (line.call.result, line.times, line.last.as_second())).collect();
        assert_eq!(told, [("failed", 3, 1_003), ("done", 1, 1_002)]);
    }
}
