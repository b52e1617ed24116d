//! How a record changes with a release, and what that lets pass.

use jiff::Timestamp;

use crate::measure::limit::Limit;
use crate::measure::spend::SpendPardon;
use crate::measure::summary::Summary;
use crate::policy::AccountPolicy;
use crate::record::{AccountRecord, Halt, State};
use crate::resource::Returned;
use crate::verdict::{Grace, Judgement};

/// What a release came to.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// What ran when it was asked for.
    pub running: &'a Summary,
    /// What it brought back.
    pub back: &'a Returned,
    /// Whether nothing is left to give back: the halts need not be remembered any more.
    pub restored: bool,
}

/// Ends a halt, or takes in what a later release gave back. The limits that had tripped get a grace: they start from
/// what ran when the account was released and what came back with it, never from what ran at the trip.
pub fn released(record: &AccountRecord, policy: &AccountPolicy, release: Release<'_>, now: Timestamp) -> AccountRecord {
    let Release { running, back, restored } = release;
    let mut next = record.clone();
    next.release_requested = None;
    if restored {
        next.earlier_halts.clear();
        next.restored = Some(now);
    }
    let ends_halt = record.state.is_contained();
    if !ends_halt && back.is_nothing() {
        return next;
    }
    // What runs after a release has been judged since: only what comes back is added to what is let pass.
    let passing = record.pardon(now).grace.map(|grace| grace.released_at.clone()).unwrap_or_default();
    let let_pass = |halt: &Halt| {
        let of = |(limit, at_trip): (&Limit, &u64)| {
            let running = limit.measure(running)?.value;
            let base = if ends_halt { running } else { passing.get(limit).copied().unwrap_or_default() };
            Some((*limit, base.saturating_add(returned(*limit, base, *at_trip, &halt.before, back)?)))
        };
        halt.tripped_limits.iter().filter_map(of).collect()
    };
    next.grace = Some(Grace {
        until: now.checked_add(policy.grace).unwrap_or(Timestamp::MAX),
        released_at: record.halt.as_ref().map(let_pass).unwrap_or_default(),
    });
    if ends_halt {
        next.spend_pardon = Some(SpendPardon {
            at: now,
            month: record.charges.month(now),
            reports: record.spend.purchases.map(|purchases| purchases.until),
        });
        next.purchases_told = None;
    }
    next.judgement = Judgement::Ok;
    next.warned = None;
    next.last = Some(running.kept());
    next.enter(State::Released, "released by an operator".to_owned(), now);
    next
}

/// What came back, measured by a limit. What is yet to be launched counts as the average of what ran at the trip, and
/// never makes more than was counted then.
fn returned(limit: Limit, base: u64, at_trip: u64, before: &Summary, back: &Returned) -> Option<u64> {
    let seen = limit.measure(&back.running)?.value;
    let all = u128::from(limit.measure(before)?.value) * u128::from(back.expected);
    let expected = all.checked_div(u128::from(before.instances)).unwrap_or_default();
    let room = at_trip.saturating_sub(base.saturating_add(seen));
    Some(seen.saturating_add(u64::try_from(expected).unwrap_or(u64::MAX).min(room)))
}
