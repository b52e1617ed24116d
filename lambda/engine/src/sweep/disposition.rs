//! What became of each account of a sweep, for whoever must know whether to ask again.

use std::collections::{BTreeMap, BTreeSet};

use runawaytrain_core::message::report::{AccountReport, Answer};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::count;

use crate::scope::{Scope, UnservedReason};

/// What became of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Disposition {
    /// It was judged by all that can be seen of it now.
    Judged,
    /// It was not judged, or not whole, and may be if it is asked for again.
    Unjudged(String),
    /// Another invocation sweeps it after this.
    Covered(String),
    /// It is not in the organization.
    NotAMember(String),
    /// Nobody can enter it.
    Inactive(String),
}

/// A sweep's answer with what became of each account in it.
pub(super) struct SweepAnswer {
    pub answer: Answer,
    /// Empty where no account was come to at all.
    pub dispositions: BTreeMap<AccountId, Disposition>,
}

impl SweepAnswer {
    /// An answer of a sweep that did not come to any account.
    pub fn without_accounts(answer: Answer) -> Self {
        Self { answer, dispositions: BTreeMap::new() }
    }

    /// The accounts that were not judged.
    pub fn unjudged(&self) -> BTreeSet<AccountId> {
        let unjudged = |disposition: &Disposition| matches!(disposition, Disposition::Unjudged(_));
        let accounts = self.dispositions.iter().filter(|(_, disposition)| unjudged(disposition));
        accounts.map(|(account, _)| account.clone()).collect()
    }
}

/// The accounts that were turned away before anybody looked at them.
pub(super) fn of_unserved(scope: &Scope) -> BTreeMap<AccountId, Disposition> {
    let disposition = |reason, words| match reason {
        UnservedReason::NotAMember => Disposition::NotAMember(words),
        UnservedReason::Inactive => Disposition::Inactive(words),
        UnservedReason::Unlisted => Disposition::Unjudged(words),
    };
    scope
        .unserved
        .iter()
        .map(|unserved| {
            (
                unserved.report.account.clone(),
                disposition(unserved.reason, unserved.report.error.clone().unwrap_or_default()),
            )
        })
        .collect()
}

/// So many accounts that are not served are told of one by one where there is no report.
const MOST_REASONS: usize = 25;

/// The answer where accounts were asked for and not one of them is served.
pub(super) fn nobody_served(scope: &Scope) -> Option<Answer> {
    if !scope.accounts.is_empty() || scope.unserved.is_empty() {
        return None;
    }
    let mut why: Vec<&str> = scope.unserved.iter().filter_map(|unserved| unserved.report.error.as_deref()).collect();
    let answer = if scope.stale.is_some() { Answer::failed } else { Answer::refused };
    let more = match why.len().saturating_sub(MOST_REASONS) {
        0 => String::new(),
        more => format!("; and {} more", count(more as u64, "account")),
    };
    why.truncate(MOST_REASONS);
    Some(answer(why.join("; ") + &more))
}

/// All accounts: those that were turned away, and those that were looked at.
pub(super) fn of_all(
    reports: &[AccountReport],
    turned_away: BTreeMap<AccountId, Disposition>,
) -> BTreeMap<AccountId, Disposition> {
    let mut dispositions: BTreeMap<AccountId, Disposition> =
        reports.iter().map(|report| (report.account.clone(), of(report))).collect();
    dispositions.extend(turned_away);
    dispositions
}

/// A gap where we are not let in, or where there is no way to look, stays one, however often it is asked for: the
/// schedule goes on asking, and people are told. Behind any other gap may be the very launch that set the sweep off.
fn of(report: &AccountReport) -> Disposition {
    if let Some(error) = &report.error {
        return Disposition::Unjudged(error.clone());
    }
    match report.gaps.iter().find(|gap| !gap.kind.is_lasting()) {
        Some(gap) => Disposition::Unjudged(format!(
            "not all of account {} could be seen ({}: {})",
            report.account, gap.at, gap.reason
        )),
        None => Disposition::Judged,
    }
}
