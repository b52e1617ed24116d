//! What became of each account of a sweep, for whoever must know whether to ask again.

use std::collections::BTreeMap;

use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::ids::AccountId;
use runawaytrain_core::report::{AccountReport, Answer};

use crate::scope::{Scope, WhyUnserved};

/// What became of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was judged by all that can be seen of it now.
    Judged,
    /// It was not judged, or not whole, and may be if it is asked for again.
    Unjudged(String),
    /// It is not in the organization.
    Stranger(String),
    /// Nobody can enter it.
    Inactive(String),
}

/// A sweep's answer with what became of each account in it.
pub(super) struct Swept {
    pub answer: Answer,
    /// Empty where no account was come to at all.
    pub fates: BTreeMap<AccountId, Fate>,
}

impl Swept {
    /// An answer of a sweep that did not come to any account.
    pub fn without_fates(answer: Answer) -> Self {
        Self { answer, fates: BTreeMap::new() }
    }
}

/// The accounts that were turned away before anybody looked at them.
pub(super) fn of_unserved(scope: &Scope) -> BTreeMap<AccountId, Fate> {
    let fate = |why, words| match why {
        WhyUnserved::Stranger => Fate::Stranger(words),
        WhyUnserved::Inactive => Fate::Inactive(words),
        WhyUnserved::Unlisted => Fate::Unjudged(words),
    };
    scope
        .unserved
        .iter()
        .map(|unserved| {
            (unserved.report.account.clone(), fate(unserved.why, unserved.report.error.clone().unwrap_or_default()))
        })
        .collect()
}

/// All accounts: those that were turned away, and those that were looked at.
pub(super) fn of_all(reports: &[AccountReport], turned_away: BTreeMap<AccountId, Fate>) -> BTreeMap<AccountId, Fate> {
    let mut fates: BTreeMap<AccountId, Fate> =
        reports.iter().map(|report| (report.account.clone(), of(report))).collect();
    fates.extend(turned_away);
    fates
}

/// A gap where we are not let in stays one, however often it is asked for: the schedule goes on asking, and people are
/// told. Behind any other gap may be the very launch that set the sweep off.
fn of(report: &AccountReport) -> Fate {
    if let Some(error) = &report.error {
        return Fate::Unjudged(error.clone());
    }
    match report.gaps.iter().find(|gap| gap.kind != FailureKind::Denied) {
        Some(gap) => {
            Fate::Unjudged(format!("not all of account {} could be seen ({}: {})", report.account, gap.at, gap.reason))
        }
        None => Fate::Judged,
    }
}
