//! What only AWS can tell, and what a live drill measured of it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::record::Halt;
use runawaytrain_core::resource::{Act as _, Part};
use runawaytrain_core::vocabulary::text::clean;
use runawaytrain_engine::ports::JournalEntry;
use serde::Serialize;

use super::timeline::{Step, Timeline, tenths};

/// What only real AWS can tell: a question, and what was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// What is asked.
    pub question: &'static str,
    /// What was measured; nothing where that could not be told here.
    pub answer: Option<String>,
    /// Why it could not be told, where it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untold: Option<&'static str>,
}

const EMULATED: &str = "cannot be told on an emulator";
const NOT_MEASURED: &str = "was not measured: the drill did not come so far";

/// Questions that AWS's documentation leaves open and that this drill cannot answer, each with why.
const BEYOND: [(&str, &str); 5] = [
    (
        "Is a session denied that was issued before a halt?",
        "is not asked: it needs a session of a role that a halt revokes",
    ),
    (
        "Does aws:SourceOrgID let a member's alarm publish to the payer's topic?",
        "is not asked: it needs charges that pass spendMonth",
    ),
    ("Does denying LeaveOrganization also deny a direct transfer?", "is not asked: it would move the account"),
    ("Do events come from a region that was opted in to?", "is told by a drill with such a region as canary.region"),
    (
        "How does a StackSet delete its stacks in a suspended account?",
        "is not asked: it needs an account that is closed",
    ),
];

/// What a drill measured besides its steps.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// Whether it was no AWS at all.
    pub is_emulated: bool,
    /// While the account was quarantined: whether another launch would have been permitted, and AWS's code.
    pub launch_in_quarantine: Option<(bool, String)>,
    /// How long after the quarantine was seen attached launches were denied.
    pub until_denied: Option<Duration>,
    /// How long after the release launches were permitted again.
    pub until_permitted: Option<Duration>,
    /// How long after the last lockout the guard had it proven, by its own clock.
    pub until_proven: Option<Duration>,
    /// The dimensions of the canary's own charges.
    pub charges: Option<BTreeSet<BTreeSet<String>>>,
}

/// By the guard's own clock: from the last lockout that AWS took to the proof.
pub fn until_proven(halt: &Halt, entries: &[JournalEntry]) -> Option<Duration> {
    let locks = entries.iter().filter(|entry| entry.action.part() == Part::Lock);
    let last: Timestamp = locks.filter_map(|entry| entry.concluded.as_ref().map(|(at, _)| *at)).max()?;
    halt.contained?.duration_since(last).try_into().ok()
}

/// Every question, with its answer where there is one.
pub fn questions(timeline: &Timeline, measured: &Measured) -> Vec<Question> {
    let after = |time: Duration| format!("after {:.1} s", tenths(time));
    let of_aws = |question, answer: Option<String>| {
        let answer = answer.filter(|_| !measured.is_emulated);
        let untold = if measured.is_emulated { EMULATED } else { NOT_MEASURED };
        Question { question, untold: answer.is_none().then_some(untold), answer }
    };
    let found = timeline.seconds(Step::Found).map(|found| format!("after {found:.1} s"));
    let in_quarantine = measured.launch_in_quarantine.as_ref().map(|(is_permitted, code)| {
        let said = if *is_permitted { "NO, it would have been launched" } else { "yes" };
        format!("{said} ({})", clean(code))
    });
    let charges = measured.charges.as_ref().map(|metrics| {
        let names = |names: &BTreeSet<String>| names.iter().map(|name| clean(name)).collect::<Vec<_>>().join(" + ");
        let metrics: Vec<String> = metrics.iter().map(names).collect();
        if metrics.is_empty() { "it publishes none".to_owned() } else { metrics.join("; ") }
    });
    let mut questions = vec![
        of_aws("How long after RunInstances does the guard find an instance?", found),
        of_aws("Does the quarantine deny RunInstances?", in_quarantine),
        of_aws("How long after it is attached does it deny?", measured.until_denied.map(after)),
        of_aws("How long after a release are launches permitted again?", measured.until_permitted.map(after)),
        of_aws("How long after the last lockout did the looks agree with it?", measured.until_proven.map(after)),
        of_aws("With which dimensions does a member publish its EstimatedCharges?", charges),
    ];
    questions.extend(BEYOND.map(|(question, why)| Question { question, answer: None, untold: Some(why) }));
    questions
}
