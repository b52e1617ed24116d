//! How an account is frozen instead of halted, and how a freeze ends.

use jiff::Timestamp;

use crate::decision::decide::Decision;
use crate::decision::news::News;
use crate::decision::transition::new_halt;
use crate::measure::summary::Summary;
use crate::record::{AccountRecord, FreezeReason, State};
use crate::vocabulary::money::Usd;

/// Freezes an account instead of halting it, for a reason. People are told once it was looked at again: see
/// [`freeze_outcome`].
pub fn frozen(
    record: &AccountRecord,
    decision: &Decision,
    reason: FreezeReason,
    summary: &Summary,
    now: Timestamp,
) -> AccountRecord {
    let mut next = record.clone();
    let why = match reason {
        FreezeReason::Brake => format!("{}; the brake holds", decision.verdict.why()),
        FreezeReason::BrakeUnknown => format!("{}; the brake could not be asked", decision.verdict.why()),
        FreezeReason::Purchases => decision.verdict.past_purchases().map(ToString::to_string).unwrap_or_default(),
        FreezeReason::ShutOut => "our role is refused".to_owned(),
        FreezeReason::Throttled => "its quota of the calls by which it is watched is used up".to_owned(),
    };
    // What waits for people does not come to an end by itself because it has another reason besides.
    let stays = |known: FreezeReason| known == reason || (!known.ends_by_itself() && reason.ends_by_itself());
    if record.freeze().is_some_and(stays) {
        return next;
    }
    if let (FreezeReason::Purchases, Some(reading)) = (reason, decision.verdict.past_purchases()) {
        next.purchases_told = Some(Usd::micros(reading.value));
    }
    if record.state != State::Frozen {
        next.begin(new_halt(decision, summary, now));
    }
    if let Some(halt) = &mut next.halt {
        // Another reason is news.
        (halt.freeze, halt.outcome_told) = (Some(reason), false);
    }
    next.last = Some(summary.kept());
    next.regions.clone_from(&decision.regions);
    next.enter(State::Frozen, why, now);
    next
}

/// Takes in whether a freeze holds, and says so once; once more where it holds after people were told that it does not.
pub fn freeze_outcome(
    record: &AccountRecord,
    holds: &Result<(), String>,
    seen: &Summary,
    now: Timestamp,
) -> (AccountRecord, Option<News>) {
    let mut next = record.clone();
    let Some((reason, halt)) = record.freeze().zip(next.halt.as_mut()) else { return (next, None) };
    let is_new = holds.is_ok() && halt.contained.is_none();
    let is_told = std::mem::replace(&mut halt.outcome_told, true);
    if is_new {
        halt.contained = Some(now);
    }
    let news = News::Freeze { reason, why: record.why.clone(), seen: seen.clone(), holds: holds.clone(), at: now };
    (next, (is_new || !is_told).then_some(news))
}

/// Ends a freeze whose reason has passed. Nothing else was done to the account, so nothing else is to be given back.
pub fn thawed(record: &AccountRecord, now: Timestamp) -> (AccountRecord, Option<News>) {
    let mut next = record.clone();
    let news = record.freeze().map(|reason| News::Thawed { reason, at: now });
    // Where an earlier halt is not given back whole, a release still has something to do.
    if next.earlier_halts.is_empty() {
        next.halt = None;
    }
    next.enter(State::Ok, "seen again, and within its limits".to_owned(), now);
    (next, news)
}
