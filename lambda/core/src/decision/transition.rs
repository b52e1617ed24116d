//! How a record changes, and what is news about it.

use jiff::{SignedDuration, Timestamp};

use crate::decision::decide::Decision;
use crate::decision::exception::expired;
use crate::decision::news::News;
use crate::decision::shut_out::{BELIEVED_AFTER, Place, ShutOut};
use crate::measure::summary::Summary;
use crate::plan;
use crate::policy::AccountPolicy;
use crate::record::{AccountRecord, FreezeReason, Halt, HourPeak, State, Unseen, Warned};
use crate::verdict::{Judgement, Verdict};
use crate::vocabulary::ids::{HaltId, Region};
use crate::vocabulary::mode::Mode;
use crate::vocabulary::money::Usd;
use crate::vocabulary::text::clean;

/// A warning of the same level is not mailed again within this time: an account that swings around its warning level
/// would mail its people every few minutes, and they would stop reading.
const WARNING_QUIET: SignedDuration = SignedDuration::from_hours(6);

/// So many sweeps in a row must fail to see an account before people are told: one is a hiccup of AWS, two are a
/// pattern. Launches may set off two within seconds: it must have lasted for a while, too.
const UNSEEN_SWEEPS_UNTIL_TOLD: u32 = 2;
/// An account that is lost sight of again and again is not mailed about more often than this.
const UNSEEN_QUIET: SignedDuration = SignedDuration::from_hours(6);

/// Takes in a sweep's numbers. Never leaves or enters a halt: quiet numbers do not lift one, and entering one is
/// [`trip`]. Returns what people must be told because it is new.
pub fn after_sweep(
    record: &AccountRecord,
    policy: &AccountPolicy,
    mode: Mode,
    decision: &Decision,
    summary: &Summary,
    place: Option<&Place>,
    now: Timestamp,
) -> (AccountRecord, Vec<News>) {
    let mut next = record.clone();
    let mut news = Vec::from_iter(expired(&mut next, now));
    next.hour = Some(HourPeak::after(record.hour.as_ref(), summary, now));
    next.last = Some(summary.kept());
    next.regions.clone_from(&decision.regions);
    next.charges.clone_from(&decision.charges);
    next.spend = decision.verdict.spend.clone();
    if let (Some(pardon), Some(month)) = (&mut next.spend_pardon, decision.verdict.spend.month) {
        pardon.take_in(month);
    }
    next.unseen = unseen(record, &decision.verdict, now);
    if policy.is_payer {
        news.extend(denied_regions(record, policy));
        next.denied_told.clone_from(&policy.denied_regions);
    }
    next.name = policy.name.clone().or(next.name);
    if decision.verdict.reached {
        next.reached = true;
        next.path = place.and_then(|place| place.path.clone()).or(next.path);
    }
    news.extend(unseen_to_tell(&mut next, policy, mode, decision, now));
    news.extend(purchases_to_tell(&mut next, policy, mode, &decision.verdict, now));
    if record.state.is_contained() {
        return (next, news);
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
        return (next, news);
    }
    let level = decision.verdict.level();
    next.judgement = level;
    if !in_grace {
        next.enter(State::Warned, decision.verdict.why(), now);
    }
    let is_news =
        record.warned.is_none_or(|warned| now.duration_since(warned.at) >= WARNING_QUIET || level > warned.level);
    if level > record.judgement && is_news {
        next.warned = Some(Warned { at: now, level });
        news.push(News::Warning { mode, verdict: decision.verdict.clone(), seen: summary.clone(), at: now });
    }
    (next, news)
}

pub(super) fn new_halt(decision: &Decision, summary: &Summary, now: Timestamp) -> Halt {
    let tripped = decision.verdict.readings.iter().filter(|reading| reading.judgement == Judgement::Halt);
    Halt {
        id: halt_id(now),
        tripped: now,
        before: summary.kept(),
        contained: None,
        outcome_told: false,
        denials_told: false,
        locked_out: None,
        tripped_limits: tripped.map(|reading| (reading.limit, reading.value)).collect(),
        freeze: None,
    }
}

/// Enters a halt: the state before anything is done, and the mail that says so. `order` is the reason of whoever
/// ordered it.
pub fn trip(
    record: &AccountRecord,
    decision: &Decision,
    order: Option<&str>,
    summary: &Summary,
    now: Timestamp,
) -> (AccountRecord, News) {
    let mut next = record.clone();
    let why = order.map_or_else(|| decision.verdict.why(), |order| format!("ordered: {}", clean(order)));
    next.judgement = decision.verdict.judgement;
    next.last = Some(summary.kept());
    next.regions.clone_from(&decision.regions);
    next.grace = None;
    let mut halt = new_halt(decision, summary, now);
    if let (State::Frozen, Some(freeze)) = (record.state, &record.halt) {
        // The freeze was its first step: a release must find both in one journal.
        halt.id = freeze.id.clone();
    }
    next.begin(halt);
    next.enter(State::Halting, why.clone(), now);
    let erased = plan::erased(decision.plan.actions(), &summary.local_disks);
    (next, News::Halt { why, seen: summary.clone(), erased, at: now })
}

/// The halt with all that ran when it began: it was entered on what had been seen by then, and the regions that
/// answered later count too, for the mail and for the grace of a release.
pub fn with_whole_before(record: &AccountRecord, verdict: &Verdict, seen: &Summary) -> AccountRecord {
    let mut next = record.clone();
    if let Some(halt) = next.halt.as_mut().filter(|halt| halt.contained.is_none()) {
        if halt.before.instances <= seen.instances {
            halt.before = Summary { local_disks: std::mem::take(&mut halt.before.local_disks), ..seen.kept() };
        }
        // What was learnt of a type stays true.
        halt.before.local_disks.extend(seen.local_disks.clone());
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

/// Regions of which nobody was told yet that the organization denies them.
fn denied_regions(record: &AccountRecord, policy: &AccountPolicy) -> Option<News> {
    let regions: Vec<Region> = policy.denied_regions.difference(&record.denied_told).cloned().collect();
    (!regions.is_empty()).then_some(News::DeniedRegions { regions })
}

fn unseen(record: &AccountRecord, verdict: &Verdict, now: Timestamp) -> Option<Unseen> {
    let first = verdict.gaps.first()?;
    let others = verdict.gaps.len() - 1;
    let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
    let why = format!("{}: {}{more}", clean(&first.at), first.failure);
    let before = record.unseen.as_ref();
    let throttled_before = before.map_or(0, |before| before.throttled);
    let refused_since = || before.and_then(|before| before.refused_since).unwrap_or(now);
    Some(Unseen {
        since: before.map_or(now, |before| before.since),
        sweeps: before.map_or(1, |before| before.sweeps.saturating_add(1)),
        why,
        refused_since: verdict.is_shut_out().then(refused_since),
        told: before.is_some_and(|before| before.told),
        refusal_told: before.is_some_and(|before| before.refusal_told && verdict.is_shut_out()),
        throttled: if verdict.is_throttled_blind() { throttled_before.saturating_add(1) } else { 0 },
    })
}

/// Tells once that an account cannot be seen, or that it refuses us; of one that is frozen for it, its freeze tells.
fn unseen_to_tell(
    next: &mut AccountRecord,
    policy: &AccountPolicy,
    mode: Mode,
    decision: &Decision,
    now: Timestamp,
) -> Option<News> {
    let (state, freeze) = (next.state, next.freeze());
    let unseen = next.unseen.as_mut()?;
    if matches!(freeze, Some(FreezeReason::ShutOut | FreezeReason::Throttled)) {
        return None;
    }
    if decision.shut_out == ShutOut::Believed {
        let is_told = std::mem::replace(&mut unseen.refusal_told, true);
        let not_frozen = why_not_frozen(policy, mode, state);
        return (!is_told).then(|| News::Tamper { state, unseen: unseen.clone(), not_frozen });
    }
    let has_lasted = unseen.sweeps >= UNSEEN_SWEEPS_UNTIL_TOLD && now.duration_since(unseen.since) >= BELIEVED_AFTER;
    let is_quiet = next.unseen_told.is_some_and(|told| now.duration_since(told) < UNSEEN_QUIET);
    if unseen.told || !has_lasted || is_quiet {
        return None;
    }
    unseen.told = true;
    next.unseen_told = Some(now);
    let brief = decision.verdict.gaps.first().map(|gap| gap.failure.brief()).unwrap_or_default();
    Some(News::Unseen { state, unseen: unseen.clone(), brief, shut_out: decision.shut_out })
}

/// Tells of each purchase past the limit, wherever the account stands: whoever is halted may have bought before. A
/// freeze for it tells by itself.
fn purchases_to_tell(
    next: &mut AccountRecord,
    policy: &AccountPolicy,
    mode: Mode,
    verdict: &Verdict,
    now: Timestamp,
) -> Option<News> {
    let Some(past) = verdict.past_purchases() else {
        // What is not known is not within its limit.
        next.purchases_told = next.purchases_told.filter(|_| verdict.spend.purchases.is_none());
        return None;
    };
    let purchases = Usd::micros(past.value);
    let is_told = next.purchases_told.replace(purchases).is_some_and(|told| purchases <= told);
    let not_frozen = why_not_frozen(policy, mode, next.state);
    (!is_told).then(|| News::Purchases { state: next.state, why: past.to_string(), not_frozen, at: now })
}

fn why_not_frozen(policy: &AccountPolicy, mode: Mode, state: State) -> String {
    if !policy.contain.quarantine {
        "the policy does not quarantine it".to_owned()
    } else if state.is_contained() {
        format!("it is {state} already")
    } else if mode == Mode::Proceed {
        "the brake holds, or could not be asked".to_owned()
    } else {
        format!("its mode is {mode}")
    }
}
