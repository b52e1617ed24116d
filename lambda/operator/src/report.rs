//! What is to be told of an account's last halt, to people who were not there: plain data, made of its record and its
//! journal alone.

pub mod calls;
pub mod escape;
pub mod left;
pub mod page;
pub mod release;

use std::collections::BTreeSet;

use jiff::Timestamp;
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::plan::{Changes, HaltJournal};
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::record::{AccountRecord, FreezeReason, Halt, State};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId};
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_core::vocabulary::text::{clean, count};
use runawaytrain_engine::ports::JournalEntry;
use serde::Serialize;

use calls::{Group, Resisted};
use left::Left;
use release::Way;

use crate::table::Table;

/// An account, and its last halt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Which account.
    pub account: AccountId,
    /// What people call it; its id where it has no name.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// What that means.
    pub meaning: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub why: String,
    /// Why it cannot be seen whole, where it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
    /// Its last halt; nothing where it was never halted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halt: Option<LastHalt>,
    /// What the last look found running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Running>,
    /// Instances by region.
    pub regions: Vec<RegionCount>,
    /// What a halt leaves alone.
    pub left_alone: Vec<Left>,
    /// How it is released.
    pub release: Release,
    /// When this was put together.
    pub written: Timestamp,
}

/// The last halt of an account.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastHalt {
    /// Its id.
    pub id: HaltId,
    /// Why nothing was stopped, where it was only a freeze.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<FreezeReason>,
    /// What was past its limit: `9 instances (limit 4)`. Nothing where somebody ordered it.
    pub causes: Vec<String>,
    /// What ran when it began.
    pub before: Running,
    /// What happened when.
    pub timeline: Vec<Moment>,
    /// From the trip to the proof that nothing runs any more, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_to_proof: Option<i64>,
    /// What it came to, in sum.
    pub sums: Vec<String>,
    /// Each call, by what it is for.
    pub groups: Vec<Group>,
    /// What failed and was reached by no later call.
    pub resisted: Vec<Resisted>,
    /// How many halts before it still hold something.
    pub earlier: usize,
}

/// A moment of a halt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: &'static str,
    /// What is to be said of it besides.
    pub remark: String,
    /// How long after the trip.
    pub seconds: i64,
}

/// What ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Instances that count.
    pub instances: u64,
    /// Instances that the policy exempts.
    pub exempt: u64,
    /// The vCPUs of those that count.
    pub vcpus: u64,
    /// What they cost in an hour.
    pub usd_per_hour: Usd,
    /// The part of that which is estimated.
    pub estimated: Usd,
    /// Whether something could not be seen: it may be more.
    pub lower_bound: bool,
}

/// How many instances ran in a region, exempt ones too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionCount {
    /// Which.
    pub region: String,
    /// When the halt began; nothing where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// At the last look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<u64>,
}

/// How an account is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// In a sentence.
    pub said: String,
    /// Each command, with what it does.
    pub ways: Vec<Way>,
    /// How many users, roles and keys have names of which no command can be made.
    pub nameless: u64,
    /// What has to be made anew.
    pub gone: Vec<String>,
}

/// A halt of which something may stand, and its journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Journaled {
    /// Which.
    pub id: HaltId,
    /// When it began.
    pub tripped: Timestamp,
    /// Its calls and those of its releases, in order.
    pub entries: Vec<JournalEntry>,
}

/// The journals of an account's halts, the oldest first.
///
/// # Errors
/// Where one cannot be read.
pub async fn read(record: &AccountRecord, table: &Table) -> Result<Vec<Journaled>, Failure> {
    let mut halts = Vec::new();
    for halt in record.halts() {
        let entries = table.journal(&record.account, &halt.id).await?;
        halts.push(Journaled { id: halt.id, tripped: halt.tripped, entries });
    }
    Ok(halts)
}

/// Puts together what is to be told. `name` is what people call the account, `policy` what holds for it.
pub fn report(
    record: &AccountRecord,
    journals: &[Journaled],
    name: &str,
    policy: &AccountPolicy,
    now: Timestamp,
) -> Report {
    Report {
        account: record.account.clone(),
        name: clean(name),
        state: record.state,
        meaning: meaning(record),
        since: record.since,
        why: clean(&record.why),
        unseen: record.unseen.as_ref().map(|unseen| clean(&unseen.why)),
        halt: record.halt.as_ref().map(|halt| last_halt(record, halt, journals, policy)),
        now: record.last.as_ref().map(Running::of),
        regions: regions(record),
        left_alone: left::left(record, policy),
        release: how_to_release(record, journals, policy),
        written: now,
    }
}

/// The state of an account, in plain words.
fn meaning(record: &AccountRecord) -> &'static str {
    match (record.state, record.freeze()) {
        (State::Ok, _) => "It works, within its limits.",
        (State::Warned, _) => "It works, close to a limit, or past one where the guard may only look.",
        (State::Halting, _) => "It is being stopped. It is not proven yet that nothing in it runs any more.",
        (State::Halted, _) => {
            "What ran in it was stopped and its users and roles are locked out, until somebody releases it."
        }
        (State::Released, _) => "Its halt was ended by an operator. It works again, as far as it was given back.",
        (State::Frozen, Some(FreezeReason::Brake) | None) => {
            "Nothing in it can grow, and what runs goes on: too many accounts were halted at once. People decide now."
        }
        (State::Frozen, Some(FreezeReason::BrakeUnknown)) => {
            "Nothing in it can grow, and what runs goes on: whether it may be halted could not be asked yet."
        }
        (State::Frozen, Some(FreezeReason::ShutOut)) => "Nothing in it can grow: it refuses the guard.",
        (State::Frozen, Some(FreezeReason::Throttled)) => {
            "Nothing in it can grow: somebody in it uses up the calls by which it is watched."
        }
        (State::Frozen, Some(FreezeReason::Purchases)) => {
            "Nothing in it can grow, and what runs goes on: more was bought than the policy allows. People decide now."
        }
    }
}

fn last_halt(record: &AccountRecord, halt: &Halt, journals: &[Journaled], policy: &AccountPolicy) -> LastHalt {
    let own = journals.iter().find(|journal| journal.id == halt.id);
    let entries = own.map_or(&[][..], |journal| &journal.entries);
    LastHalt {
        id: halt.id.clone(),
        freeze: halt.freeze,
        causes: causes(halt, policy),
        before: Running::of(&halt.before),
        timeline: timeline(record, halt, entries),
        seconds_to_proof: halt.contained.map(|at| at.duration_since(halt.tripped).as_secs()),
        sums: calls::sums(entries),
        groups: calls::groups(entries),
        resisted: calls::resisted(entries),
        earlier: record.earlier_halts.len(),
    }
}

fn causes(halt: &Halt, policy: &AccountPolicy) -> Vec<String> {
    let cause = |(limit, counted): (&Limit, &u64)| {
        let allowed = policy.limits.thresholds.get(limit);
        let allowed = allowed.map_or_else(String::new, |allowed| format!(" (limit {})", limit.show(*allowed)));
        format!("{}{allowed}", limit.amount(*counted))
    };
    halt.tripped_limits.iter().map(cause).collect()
}

fn timeline(record: &AccountRecord, halt: &Halt, entries: &[JournalEntry]) -> Vec<Moment> {
    let moment = |at: Timestamp, what, remark: &str| {
        let seconds = at.duration_since(halt.tripped).as_secs();
        Moment { at, what, remark: remark.to_owned(), seconds }
    };
    let tripped = match (halt.tripped_limits.is_empty(), halt.freeze) {
        (false, _) => "A limit was passed",
        (true, Some(_)) => "Frozen",
        (true, None) => "Ordered",
    };
    let called = entries.iter().filter(|entry| calls::is_of_halt(entry));
    let ended = called.clone().map(|entry| entry.concluded.as_ref().map_or(entry.intended, |(at, _)| *at)).max();
    let mut moments = vec![moment(halt.tripped, tripped, "")];
    moments.extend(called.map(|entry| entry.intended).min().map(|at| moment(at, "First call", "")));
    moments.extend(ended.map(|at| moment(at, "Last call so far", "")));
    let proof =
        if halt.freeze.is_some() { "the quarantine holds" } else { "two looks in a row found nothing left to do" };
    moments.extend(halt.contained.map(|at| moment(at, "Proven", proof)));
    let ends_by_itself = halt.freeze.is_some_and(FreezeReason::ends_by_itself) && record.state != State::Released;
    let (over, by) = if ends_by_itself { ("Over", "by itself") } else { ("Released", "by an operator") };
    let (released, restored) = (released(record, entries), record.restored.filter(|_| !record.state.is_contained()));
    let by_and_all = format!("{by}; nothing of it stands any more");
    let is_at_once = restored.is_some() && released == restored;
    moments.extend(released.map(|at| moment(at, over, if is_at_once { &by_and_all } else { by })));
    let later = restored.filter(|_| !is_at_once);
    moments.extend(later.map(|at| moment(at, "All given back", "nothing of it stands any more")));
    moments.sort_by_key(|moment| moment.at);
    moments
}

/// When it was released, where it was.
fn released(record: &AccountRecord, entries: &[JournalEntry]) -> Option<Timestamp> {
    match record.state {
        State::Halting | State::Halted | State::Frozen => None,
        State::Released => Some(record.since),
        // Its grace is over: the journal still knows.
        State::Ok | State::Warned => {
            let given_back = entries.iter().filter(|entry| !calls::is_of_halt(entry));
            given_back.map(|entry| entry.intended).min().or(record.restored)
        }
    }
}

/// The regions in which something ran before or runs now, the fullest first.
fn regions(record: &AccountRecord) -> Vec<RegionCount> {
    let before = record.halt.as_ref().map(|halt| &halt.before.by_region);
    let now = record.last.as_ref().map(|last| &last.by_region);
    let names: BTreeSet<_> = before.into_iter().chain(now).flatten().map(|(region, _)| region).collect();
    let mut regions: Vec<RegionCount> = names
        .into_iter()
        .map(|region| RegionCount {
            region: clean(region.as_str()),
            before: before.map(|counts| counts.get(region).copied().unwrap_or_default()),
            now: now.map(|counts| counts.get(region).copied().unwrap_or_default()),
        })
        .collect();
    regions.sort_by_key(|one| std::cmp::Reverse(one.before.max(one.now)));
    regions
}

fn how_to_release(record: &AccountRecord, journals: &[Journaled], policy: &AccountPolicy) -> Release {
    let call =
        |entry: &JournalEntry| (entry.action.clone(), entry.concluded.as_ref().map(|(_, result)| result.clone()));
    let halts =
        journals.iter().map(|one| HaltJournal { tripped: one.tripped, calls: one.entries.iter().map(call).collect() });
    let changes = Changes::of(&halts.collect::<Vec<_>>());
    let is_open = record.state.is_contained();
    let ways = match record.restored {
        Some(_) if !is_open => Vec::new(),
        _ => release::ways(&record.account, record.state, &changes),
    };
    let said = if record.halt.is_none() {
        "It was never halted or frozen: there is nothing to release.".to_owned()
    } else if ways.is_empty() {
        "Nothing is left to give back.".to_owned()
    } else {
        let suspicion = duration(policy.suspicion.as_hours());
        format!(
            "The options can be combined, and a release can be asked for again. What was made within {suspicion} \
             before it began, or since, comes back only where --trust names it as well: a thief may have made it."
        )
    };
    let nameless = if ways.is_empty() { 0 } else { release::nameless(&changes) };
    Release { said, ways, nameless, gone: release::gone(&changes) }
}

fn duration(hours: i64) -> String {
    let (number, unit) = if hours >= 48 && hours % 24 == 0 { (hours / 24, "day") } else { (hours, "hour") };
    count(number.unsigned_abs(), unit)
}

impl Running {
    fn of(summary: &Summary) -> Self {
        Self {
            instances: summary.instances,
            exempt: summary.exempt,
            vcpus: summary.vcpus,
            usd_per_hour: summary.burn.total(),
            estimated: summary.burn.estimated,
            lower_bound: summary.lower_bound,
        }
    }
}
