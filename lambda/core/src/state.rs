//! What is remembered of an account between two sweeps, and how it changes.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::decide::{Cause, Decision};
use crate::history::{HourPeak, Summary};
use crate::ids::{AccountId, HaltId};
use crate::mail::{self, Notice};
use crate::mode::Mode;
use crate::planner::{Circumstances, Refusals};
use crate::policy::AccountPolicy;
use crate::spend::{Charges, SpendPardon, SpendSeen};
use crate::text::clean;
use crate::verdict::{Grace, Judgement, Limit, Pardon, Verdict};

/// A warning of the same level is not mailed again within this time: an account that swings around its warning level
/// would mail its people every few minutes, and they would stop reading.
const WARNING_QUIET: SignedDuration = SignedDuration::from_hours(6);

/// So many sweeps in a row must fail to see an account before people are told: one is a hiccup of AWS, two are a
/// pattern.
const UNSEEN_SWEEPS_UNTIL_TOLD: u32 = 2;

/// Where an account stands. `Unseen` is not among these: it is a flag beside the state, so that blinding us resets
/// nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Within its limits.
    #[default]
    Ok,
    /// Close to a limit, or past one in an account that may only be drilled.
    Warned,
    /// Being contained; not yet proven to hold.
    Halting,
    /// Not contained but quarantined: past the brake, or our role was taken away. Nothing in it can grow.
    Frozen,
    /// Contained, verified, and kept so until somebody releases it.
    Halted,
    /// Given back, in its grace.
    Released,
}

/// A halt of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Halt {
    /// Its id; the journal's entries carry it.
    pub id: HaltId,
    /// When the limit was found passed.
    pub tripped: Timestamp,
    /// What ran at that moment, as far as was seen.
    pub before: Summary,
    /// When two clean passes proved that nothing runs any more.
    pub contained: Option<Timestamp>,
    /// Whether the outcome was mailed: once a halt, whatever comes later.
    pub outcome_told: bool,
    /// The limits that tripped, each with what was counted. Empty where somebody ordered the halt.
    #[serde(default)]
    pub tripped_limits: BTreeMap<Limit, u64>,
}

/// The last warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warned {
    /// When it was mailed.
    pub at: Timestamp,
    /// What it said.
    pub level: Judgement,
}

/// How long and why an account cannot be seen whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// Since when.
    pub since: Timestamp,
    /// How many sweeps in a row.
    pub sweeps: u32,
    /// What went wrong, in words.
    pub why: String,
    /// Whether we are refused the account as a whole. Told when it begins, whatever else could not be seen before.
    #[serde(default)]
    pub shut_out: bool,
}

/// What is remembered of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountRecord {
    /// Which account.
    pub account: AccountId,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Why, in words.
    pub why: String,
    /// The last judgement, so that only a worse one is news.
    pub judgement: Judgement,
    /// When people were last warned, and how badly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned: Option<Warned>,
    /// The grace after a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Grace>,
    /// The halt that is running or standing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<Halt>,
    /// Whether our role ever worked in it.
    #[serde(default)]
    pub reached: bool,
    /// Whether the account cannot be seen whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
    /// The last observation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Summary>,
    /// What was charged lately, reading by reading.
    #[serde(default, skip_serializing_if = "Charges::is_empty")]
    pub charges: Charges,
    /// What was spent, as far as it is known.
    #[serde(default)]
    pub spend: SpendSeen,
    /// From where on its spend counts, after a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_pardon: Option<SpendPardon>,
    /// The peak of the current hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<HourPeak>,
}

impl AccountRecord {
    /// An account that was never swept.
    pub fn new(account: AccountId, now: Timestamp) -> Self {
        Self {
            account,
            name: None,
            state: State::Ok,
            since: now,
            why: "first seen".to_owned(),
            judgement: Judgement::Ok,
            warned: None,
            grace: None,
            halt: None,
            reached: false,
            unseen: None,
            last: None,
            charges: Charges::default(),
            spend: SpendSeen::default(),
            spend_pardon: None,
            hour: None,
        }
    }

    /// What a plan for this account rests on: the halt that stands, or one that would begin now.
    pub fn circumstances(&self, refusals: &Refusals, now: Timestamp) -> Circumstances {
        let standing = matches!(self.state, State::Halting | State::Halted);
        let tripped = self.halt.as_ref().filter(|_| standing).map_or(now, |halt| halt.tripped);
        Circumstances { tripped, now, locked_out: tripped, refusals: refusals.clone() }
    }

    /// What its last release lets pass.
    pub fn pardon(&self, now: Timestamp) -> Pardon<'_> {
        Pardon { grace: self.grace.as_ref().filter(|grace| now < grace.until), spend: self.spend_pardon.as_ref() }
    }

    fn enter(&mut self, state: State, why: String, now: Timestamp) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
        self.why = why;
    }
}

/// Takes in a sweep's numbers. Never leaves or enters a halt: quiet numbers do not lift one, and entering one is
/// [`trip`]. Returns what people must be told because it is new.
pub fn after_sweep(
    record: &AccountRecord,
    policy: &AccountPolicy,
    mode: Mode,
    decision: &Decision,
    summary: &Summary,
    now: Timestamp,
) -> (AccountRecord, Vec<Notice>) {
    let mut next = record.clone();
    let mut notices = Vec::new();
    next.hour = Some(HourPeak::after(record.hour.as_ref(), summary, now));
    next.last = Some(summary.clone());
    next.charges.clone_from(&decision.charges);
    next.spend = decision.verdict.spend.clone();
    if let (Some(pardon), Some(month)) = (&mut next.spend_pardon, decision.verdict.spend.month) {
        // Nothing was known when it was released: what is first known after it is where it begins.
        pardon.month.get_or_insert(month);
    }
    next.unseen = unseen(record, &decision.verdict, now);
    if let Some(unseen) = next.unseen.as_ref().filter(|unseen| unseen.sweeps == UNSEEN_SWEEPS_UNTIL_TOLD) {
        notices.push(mail::unseen(policy, record.state, unseen));
    }

    next.name.clone_from(&policy.name);
    next.reached = record.reached || decision.verdict.reached;
    let was_shut_out = record.unseen.as_ref().is_some_and(|unseen| unseen.shut_out);
    if let Some(unseen) = next.unseen.as_ref().filter(|unseen| unseen.shut_out && !was_shut_out && record.reached) {
        notices.push(mail::tamper(policy, record.state, unseen));
    }

    if matches!(record.state, State::Halting | State::Halted | State::Frozen) {
        return (next, notices);
    }
    let in_grace = record.state == State::Released && record.grace.as_ref().is_some_and(|grace| now < grace.until);
    let judgement = decision.verdict.judgement;
    if judgement == Judgement::Ok {
        // Blind is not well: a warning is not taken back by a sweep that could not look.
        if !next.reached {
            next.why = "never looked into: nothing is known of it".to_owned();
        }
        if !decision.verdict.is_unseen() && !in_grace {
            next.judgement = judgement;
            next.enter(State::Ok, "within its limits".to_owned(), now);
        }
        return (next, notices);
    }
    next.judgement = judgement;
    if !in_grace {
        next.enter(State::Warned, causes(decision), now);
    }
    let is_news =
        record.warned.is_none_or(|warned| now.duration_since(warned.at) >= WARNING_QUIET || judgement > warned.level);
    if judgement > record.judgement && is_news {
        next.warned = Some(Warned { at: now, level: judgement });
        notices.push(mail::warning(policy, mode, &decision.verdict, summary, now));
    }
    (next, notices)
}

/// Freezes an account instead of halting it. `why` says which of the two reasons it was; only the brake mails here, for
/// a lost role is mailed when the sweep's numbers are taken in.
pub fn frozen(
    record: &AccountRecord,
    policy: &AccountPolicy,
    decision: &Decision,
    summary: &Summary,
    now: Timestamp,
) -> (AccountRecord, Vec<Notice>) {
    let mut next = record.clone();
    let braked = decision.cause == Some(Cause::Tripped);
    let why = if braked { format!("{}; the brake holds", causes(decision)) } else { "our role is refused".to_owned() };
    let news = record.state != State::Frozen;
    if news {
        next.halt = Some(new_halt(decision, summary, now));
    }
    next.last = Some(summary.clone());
    next.enter(State::Frozen, why.clone(), now);
    let notices = if news && braked { mail::braked(policy, &why, summary, now) } else { Vec::new() };
    (next, notices)
}

fn new_halt(decision: &Decision, summary: &Summary, now: Timestamp) -> Halt {
    let tripped = decision.verdict.readings.iter().filter(|reading| reading.judgement == Judgement::Halt);
    Halt {
        id: halt_id(now),
        tripped: now,
        before: summary.clone(),
        contained: None,
        outcome_told: false,
        tripped_limits: tripped.map(|reading| (reading.limit, reading.value)).collect(),
    }
}

/// Enters a halt: the state before anything is done, and the mail that says so. `order` is the reason of whoever
/// ordered it.
pub fn trip(
    record: &AccountRecord,
    policy: &AccountPolicy,
    decision: &Decision,
    order: Option<&str>,
    summary: &Summary,
    now: Timestamp,
) -> (AccountRecord, Notice) {
    let mut next = record.clone();
    let why = order.map_or_else(|| causes(decision), |order| format!("ordered: {}", clean(order)));
    next.judgement = decision.verdict.judgement;
    next.last = Some(summary.clone());
    next.grace = None;
    let mut halt = new_halt(decision, summary, now);
    if let (State::Frozen, Some(freeze)) = (record.state, &record.halt) {
        // The freeze was its first step: a release must find both in one journal.
        halt.id = freeze.id.clone();
    }
    next.halt = Some(halt);
    let notice = mail::halt(policy, &why, summary, now);
    next.enter(State::Halting, why, now);
    (next, notice)
}

/// Ends a halt. The limits that had tripped get a grace: they start from what runs now, or, where the instances are
/// started again, from what ran when the account was halted.
pub fn released(
    record: &AccountRecord,
    policy: &AccountPolicy,
    now_running: &Summary,
    started: bool,
    now: Timestamp,
) -> AccountRecord {
    let mut next = record.clone();
    let value = |limit: Limit, at_trip: u64| {
        let current = match limit {
            Limit::Instances => now_running.instances,
            Limit::Vcpus => now_running.vcpus,
            Limit::Burn => now_running.burn.total().as_micros(),
            // Judged by what was spent since, which outlasts the grace.
            Limit::Spend24h | Limit::SpendMonth => 0,
        };
        if started { current.max(at_trip) } else { current }
    };
    let of_running = |limit: &Limit| !matches!(limit, Limit::Spend24h | Limit::SpendMonth);
    let tripped = record.halt.iter().flat_map(|halt| &halt.tripped_limits).filter(|(limit, _)| of_running(limit));
    next.spend_pardon = Some(SpendPardon { at: now, month: record.charges.month(now) });
    next.grace = Some(Grace {
        until: now.checked_add(policy.grace).unwrap_or(Timestamp::MAX),
        released_at: tripped.map(|(limit, at_trip)| (*limit, value(*limit, *at_trip))).collect(),
    });
    next.judgement = Judgement::Ok;
    next.warned = None;
    next.last = Some(now_running.clone());
    next.enter(State::Released, "released by an operator".to_owned(), now);
    next
}

fn causes(decision: &Decision) -> String {
    decision.verdict.causes().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The halt with all that ran when it began: it was entered on what had been seen by then, and the regions that
/// answered later count too, for the mail and for the grace of a release.
pub fn with_whole_before(record: &AccountRecord, verdict: &Verdict, seen: &Summary) -> AccountRecord {
    let mut next = record.clone();
    if let Some(halt) = next.halt.as_mut().filter(|halt| halt.contained.is_none()) {
        if halt.before.instances <= seen.instances {
            halt.before = seen.clone();
        }
        for reading in verdict.readings.iter().filter(|reading| reading.judgement == Judgement::Halt) {
            let counted = halt.tripped_limits.entry(reading.limit).or_default();
            *counted = reading.value.max(*counted);
        }
    }
    next
}

/// Enters `Halted` once two clean passes proved it.
pub fn contained(record: &AccountRecord, now: Timestamp) -> AccountRecord {
    let mut next = record.clone();
    next.state = State::Halted;
    next.since = now;
    if let Some(halt) = &mut next.halt {
        halt.contained = Some(now);
    }
    next
}

/// The compact UTC time of the trip: sorts by time, and one account trips once a second at most.
fn halt_id(now: Timestamp) -> HaltId {
    HaltId::new(now.strftime("%Y%m%dT%H%M%SZ").to_string())
}

fn unseen(record: &AccountRecord, verdict: &Verdict, now: Timestamp) -> Option<Unseen> {
    let first = verdict.gaps.first()?;
    let others = verdict.gaps.len() - 1;
    let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
    let why = format!("{}: {}{more}", clean(&first.at), first.failure);
    let (since, sweeps) =
        record.unseen.as_ref().map_or((now, 1), |before| (before.since, before.sweeps.saturating_add(1)));
    Some(Unseen { since, sweeps, why, shut_out: verdict.is_shut_out() })
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "Ok",
            Self::Warned => "Warned",
            Self::Halting => "Halting",
            Self::Frozen => "Frozen",
            Self::Halted => "Halted",
            Self::Released => "Released",
        })
    }
}
