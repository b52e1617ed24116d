//! What a sweep counts over its accounts: for the metrics, and for the sum over the workers of a distributed one.

use std::collections::BTreeSet;

use runawaytrain_core::message::report::{AccountReport, BatchCounts, Entry, Totals};
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::mode::Mode;

use super::every_account::AccountResults;

/// The counts of a sweep. `before` is where an account stood that it learnt nothing of, `let_us_in` are the accounts
/// that ever let us in.
pub(super) fn of(
    results: &AccountResults,
    before: impl Fn(&AccountId) -> Option<State>,
    let_us_in: &BTreeSet<AccountId>,
) -> BatchCounts {
    let standing = |report: &AccountReport| report.state.or_else(|| before(&report.account));
    let number =
        |is: &dyn Fn(State) -> bool| results.accounts.iter().filter(|report| standing(report).is_some_and(is)).count();
    BatchCounts {
        complete: results.reached_all && results.knows_all,
        coverage: results.coverage,
        totals: Totals::of(&results.accounts),
        halted: number(&State::is_halt),
        frozen: number(&|state| state == State::Frozen),
        entry: entry(&results.accounts, let_us_in),
    }
}

fn entry(accounts: &[AccountReport], let_us_in: &BTreeSet<AccountId>) -> Entry {
    let looked_at: Vec<&AccountReport> = accounts.iter().filter(|report| report.mode != Mode::Pass).collect();
    let entered = |reports: &[&AccountReport]| reports.iter().filter(|report| report.verdict.is_some()).count();
    let known: Vec<&AccountReport> =
        looked_at.iter().copied().filter(|report| let_us_in.contains(&report.account)).collect();
    Entry {
        looked_at: looked_at.len(),
        entered: entered(&looked_at),
        known: known.len(),
        known_entered: entered(&known),
    }
}
