//! Accounts that refuse us although our role worked in them before. What befalls one of them is its own; what befalls
//! many at once is our own doing, or AWS's, and is not held against them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::{AccountRecord, Unseen};
use crate::verdict::Verdict;

/// A refusal must have lasted so long before it is believed: a role that is made anew takes minutes, and two sweeps in
/// one breath tell no more than one. Shorter than the default tick.
pub const BELIEVED_AFTER: SignedDuration = SignedDuration::from_mins(4);
/// Refusals that began within so long of each other began together: our sessions live for an hour, so what ends all of
/// them is noticed account by account over that time.
const TOGETHER: SignedDuration = SignedDuration::from_hours(1);
/// So many accounts may shut us out together before it is our own doing, however small the organization is.
const FEW: usize = 2;
/// In a large organization, one in so many.
const ONE_IN: usize = 50;

/// Since when each of the accounts that refuse us does so, and how many ever let us in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShutOuts {
    since: Vec<Timestamp>,
    reached: usize,
    throttled: usize,
}

impl ShutOuts {
    /// Those of an organization, by what the sweeps so far found.
    pub fn of<'a>(records: impl Iterator<Item = &'a AccountRecord>) -> Self {
        records.filter(|record| record.reached).fold(Self::default(), |mut all, record| {
            all.reached += 1;
            all.since.extend(record.unseen.as_ref().and_then(|unseen| unseen.refused_since));
            all.throttled += usize::from(record.unseen.as_ref().is_some_and(|unseen| unseen.throttled > 0));
            all
        })
    }

    /// Whether what is next seen of an account depends on how the others fare: it refused us, or was throttled, at the
    /// last look.
    pub fn matter_to(record: &AccountRecord) -> bool {
        record.unseen.as_ref().is_some_and(|unseen| unseen.refused_since.is_some() || unseen.throttled > 0)
    }

    /// How many began together with one that began then.
    fn together_with(&self, since: Timestamp) -> usize {
        self.since.iter().filter(|other| since.duration_since(**other).abs() <= TOGETHER).count()
    }

    /// Whether so many accounts are throttled that it is no thief's loop: AWS has trouble, or we call too often.
    pub(super) fn are_many_throttled(&self) -> bool {
        self.throttled > self.most()
    }

    /// More than may have been shut out by their own people.
    fn most(&self) -> usize {
        FEW.max(self.reached / ONE_IN)
    }
}

/// Where an account is in the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its path; nothing where Organizations does not say.
    pub path: Option<String>,
    /// When Organizations was asked.
    pub asked: Timestamp,
}

/// What it means that an account refuses us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutOut {
    /// It does not, or it never let us in.
    No,
    /// Since a moment ago: it may pass.
    Recent,
    /// It was moved within the organization since our role last worked in it. Only the payer's administrators can do
    /// so, and `StackSets` take the role out of an account that leaves its unit, and make it anew where it arrives.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html>
    Moved,
    /// Organizations has not answered since: it may have been moved, or have left.
    Unplaced,
    /// So many accounts refuse us together that it is our own doing.
    Ours {
        /// How many.
        accounts: usize,
    },
    /// Somebody in it took our way in away.
    Believed,
}

impl ShutOut {
    /// What this look, and those before it, tell.
    pub fn of(
        record: &AccountRecord,
        verdict: &Verdict,
        place: Option<&Place>,
        others: &ShutOuts,
        now: Timestamp,
    ) -> Self {
        if !(verdict.is_shut_out() && record.reached) {
            return Self::No;
        }
        let path = place.and_then(|place| place.path.as_deref());
        if record.path.as_deref().zip(path).is_some_and(|(before, now)| before != now) {
            return Self::Moved;
        }
        let Some(since) = refused_since(record.unseen.as_ref()) else { return Self::Recent };
        if place.is_none_or(|place| place.asked < since) {
            return Self::Unplaced;
        }
        let accounts = others.together_with(since);
        if accounts > others.most() {
            Self::Ours { accounts }
        } else if now.duration_since(since) < BELIEVED_AFTER {
            Self::Recent
        } else {
            Self::Believed
        }
    }
}

fn refused_since(unseen: Option<&Unseen>) -> Option<Timestamp> {
    unseen.and_then(|unseen| unseen.refused_since)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn what_begins_within_an_hour_begins_together() {
        let of =
            |since: &[i64], reached| ShutOuts { since: since.iter().copied().map(at).collect(), reached, throttled: 0 };
        assert_eq!(of(&[0, 30, 61, 120], 10).together_with(at(60)), 4);
        assert_eq!(of(&[0, 30, 61, 120], 10).together_with(at(0)), 2);
        assert_eq!((of(&[], 10).most(), of(&[], 100).most(), of(&[], 500).most()), (2, 2, 10));
    }
}
