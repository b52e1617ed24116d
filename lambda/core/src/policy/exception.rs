//! Limits that are raised for one account until a moment: somebody's lawful peak.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::measure::limit::{LIMITS, Limit};
use crate::vocabulary::text::{clean, listed};

use super::document::LimitSettings;
use super::effective::AccountPolicy;
use super::shape::ShapeError;
use super::strict::Strict;

/// So many days an exception lasts at the most. What is to hold for longer belongs into the policy, where it is
/// reviewed.
pub const MOST_DAYS: i64 = 31;

const LONGEST: SignedDuration = SignedDuration::from_hours(MOST_DAYS * 24);
/// No window that is summed over is longer than a month; data about it lags by days at the most.
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(35 * 24);

/// Limits that are raised for one account until a moment. It names each limit that it raises and touches nothing else,
/// and what runs or is spent from its end on is judged without it, whoever still remembers it. What was spent before
/// cannot be unspent: as long as a window that is summed over reaches back before the end, its limit stays raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// What the limits are raised to.
    pub limits: LimitSettings,
    /// When it was made.
    pub made: Timestamp,
    /// Until when it holds; at this moment no longer.
    pub until: Timestamp,
    /// Why, in the words of whoever made it.
    pub reason: String,
    /// Who made it, as they say: the ARN of their identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Whether people were told of its end: it is kept for a while for what was spent before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end_told: bool,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedException {
    /// What the limits shall be raised to.
    pub limits: LimitSettings,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Who asks.
    pub by: Option<String>,
}

/// Why an exception is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExceptionError {
    /// It raises nothing.
    #[error("it names no limit to raise; there are {}", keys())]
    NoLimit,
    /// `warn` is a share of each limit, and no limit.
    #[error("it raises limits, and \"warn\" is none; leave it out")]
    Warn,
    /// A limit that does not hold for the account.
    #[error("the account has no limit \"{0}\", so there is nothing to raise")]
    NotLimited(&'static str),
    /// A limit that would stay as it is, or become lower.
    #[error("\"{key}\" is to be raised to {wanted}, and its limit is {limit} as it is; name a higher number")]
    NotHigher {
        /// The limit's key in the policy.
        key: &'static str,
        /// What was asked for.
        wanted: String,
        /// What holds.
        limit: String,
    },
    /// Its end has come.
    #[error("it would end at {0}, which is past; name a later time")]
    Over(Timestamp),
    /// Its end is too far.
    #[error(
        "it would end at {until}; the latest is {latest}, {MOST_DAYS} days from now: what holds for longer belongs into the policy"
    )]
    TooLong {
        /// What was asked for.
        until: Timestamp,
        /// The latest end.
        latest: Timestamp,
    },
    /// It would end another one for limits that it does not name.
    #[error(
        "the exception until {until} raises {} besides, which this one would end; name it again, or revoke that one \
         first",
        listed(keys)
    )]
    Forgets {
        /// What it does not name.
        keys: Vec<&'static str>,
        /// The end of the one that holds.
        until: Timestamp,
    },
    /// Nobody would know why.
    #[error("it has no reason; say in a few words why, for it stands in the mails")]
    NoReason,
}

fn keys() -> String {
    listed(&LIMITS.map(|row| row.key))
}

impl LimitSettings {
    /// Reads limits by themselves, as strictly as those of a policy.
    ///
    /// # Errors
    /// Where a key is unknown or a value is none of its kind; the path begins at the limits.
    pub fn from_json(limits: Value) -> Result<Self, ShapeError> {
        Self::deserialize(Strict(limits))
    }
}

impl Exception {
    /// The exception that somebody asks for, checked against what holds for the account without it, and against the
    /// one that it takes the place of.
    ///
    /// # Errors
    /// Where it would raise nothing, lower something, end another one for what it does not name, last longer than
    /// [`MOST_DAYS`] days, or be over already.
    pub fn new(
        wanted: WantedException,
        policy: &AccountPolicy,
        standing: Option<&Self>,
        now: Timestamp,
    ) -> Result<Self, ExceptionError> {
        let WantedException { limits, until, reason, by } = wanted;
        if limits.warn.is_some() {
            return Err(ExceptionError::Warn);
        }
        let mut raised = LIMITS.iter().filter_map(|row| Some((row, limits.of(row.limit)?))).peekable();
        if raised.peek().is_none() {
            return Err(ExceptionError::NoLimit);
        }
        for (row, number) in raised {
            let Some(threshold) = policy.limits.thresholds.get(&row.limit) else {
                return Err(ExceptionError::NotLimited(row.key));
            };
            if number <= *threshold {
                let (wanted, limit) = (row.limit.amount(number), row.limit.amount(*threshold));
                return Err(ExceptionError::NotHigher { key: row.key, wanted, limit });
            }
        }
        if until <= now {
            return Err(ExceptionError::Over(until));
        }
        let latest = now + LONGEST;
        if until > latest {
            return Err(ExceptionError::TooLong { until, latest });
        }
        let reason = clean(reason.trim());
        if reason.is_empty() {
            return Err(ExceptionError::NoReason);
        }
        if let Some(standing) = standing.filter(|standing| standing.holds(now)) {
            let is_forgotten = |limit: Limit| standing.limits.of(limit).is_some() && limits.of(limit).is_none();
            let keys: Vec<&str> = LIMITS.iter().filter(|row| is_forgotten(row.limit)).map(|row| row.key).collect();
            if !keys.is_empty() {
                return Err(ExceptionError::Forgets { keys, until: standing.until });
            }
        }
        Ok(Self { limits, made: now, until, reason, by: by.map(|who| clean(&who)), end_told: false })
    }

    /// Whether it holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// Whether nothing is judged by it any more, at the latest: the windows of all that was spent before its end have
    /// passed, a calendar month's among them.
    pub fn is_spent(&self, now: Timestamp) -> bool {
        let spends = self.raised().any(|(limit, _)| !limit.is_of_running());
        let kept = if spends { LONGEST_WINDOW } else { SignedDuration::ZERO };
        now.duration_since(self.until) >= kept
    }

    /// What a limit is raised to for what ran or was spent since a moment; nothing where it is not.
    pub fn raises(&self, limit: Limit, since: Timestamp) -> Option<u64> {
        self.limits.of(limit).filter(|_| self.holds(since))
    }

    /// Each limit that it raises, with the number in the limit's unit.
    pub fn raised(&self) -> impl Iterator<Item = (Limit, u64)> + '_ {
        LIMITS.iter().filter_map(|row| Some((row.limit, self.limits.of(row.limit)?)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::Policy;
    use crate::vocabulary::ids::AccountId;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        at("2026-11-22T03:00:00Z")
    }

    fn policy() -> AccountPolicy {
        let document = json!({
            "payer": "100000000000",
            "organization": { "id": "o-exampleorg1" },
            "defaults": { "limits": { "instances": 20, "burn": 25 }, "notify": ["cloud@example.edu"] },
        });
        let policy = Policy::from_json(&document.to_string()).unwrap();
        policy.for_account(&AccountId::parse("111111111111").unwrap(), None)
    }

    fn asked(limits: Value, until: &str) -> WantedException {
        let limits = LimitSettings::from_json(limits).unwrap();
        WantedException { limits, until: at(until), reason: "the climate run".to_owned(), by: None }
    }

    #[test]
    fn an_exception_that_raises_nothing_or_lasts_too_long_is_refused_in_a_sentence() {
        let soon = "2026-12-01T00:00:00Z";
        let cases = [
            (asked(json!({}), soon), "it names no limit to raise; there are instances, vcpus, burn"),
            (asked(json!({ "warn": 0.9 }), soon), "it raises limits, and \"warn\" is none"),
            (asked(json!({ "vcpus": 900 }), soon), "the account has no limit \"vcpus\""),
            (
                asked(json!({ "instances": 20 }), soon),
                "\"instances\" is to be raised to 20 instances, and its limit is 20 instances",
            ),
            (
                asked(json!({ "instances": 200, "burn": 3 }), soon),
                "\"burn\" is to be raised to USD 3.00/hour, and its limit is USD 25.00/hour",
            ),
            (asked(json!({ "instances": 200 }), "2026-11-22T03:00:00Z"), "it would end at 2026-11-22T03:00:00Z"),
            (asked(json!({ "instances": 200 }), "2026-12-23T03:00:01Z"), "it would end at 2026-12-23T03:00:01Z; the"),
            (
                WantedException { reason: " \u{200B}\n ".to_owned(), ..asked(json!({ "instances": 200 }), soon) },
                "it has no reason",
            ),
        ];
        for (wanted, sentence) in cases {
            let refused = Exception::new(wanted, &policy(), None, now()).unwrap_err().to_string();
            assert!(refused.starts_with(sentence), "{refused}");
        }
        let last = asked(json!({ "instances": 200 }), "2026-12-23T03:00:00Z");
        assert!(Exception::new(last, &policy(), None, now()).is_ok(), "31 days to the second");
    }

    #[test]
    fn a_second_exception_names_again_what_the_first_raised() {
        let soon = "2026-12-01T00:00:00Z";
        let first =
            Exception::new(asked(json!({ "instances": 200, "burn": 90 }), soon), &policy(), None, now()).unwrap();
        let forgets = Exception::new(asked(json!({ "burn": 300 }), soon), &policy(), Some(&first), now()).unwrap_err();
        let said = forgets.to_string();
        assert!(said.starts_with("the exception until 2026-12-01T00:00:00Z raises instances besides"), "{said}");
        let both = asked(json!({ "instances": 100, "burn": 300 }), soon);
        assert!(Exception::new(both, &policy(), Some(&first), now()).is_ok(), "lower, and said so");
        let after =
            Exception::new(asked(json!({ "burn": 300 }), "2026-12-09T00:00:00Z"), &policy(), Some(&first), at(soon));
        assert!(after.is_ok(), "one that is over is in nobody's way");
    }

    #[test]
    fn an_exception_is_kept_for_as_long_as_what_was_spent_in_it_may_count() {
        let until = "2026-12-01T00:00:00Z";
        let of = |limits| Exception::new(asked(limits, until), &policy(), None, now()).unwrap();
        assert!(of(json!({ "instances": 200 })).is_spent(at(until)));
        let mut limited = policy();
        limited.limits.thresholds.insert(Limit::SpendMonth, 1);
        let spends = Exception::new(asked(json!({ "spendMonth": 90 }), until), &limited, None, now()).unwrap();
        assert!(!spends.is_spent(at("2027-01-04T23:59:59Z")) && spends.is_spent(at("2027-01-05T00:00:00Z")));
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let wanted = asked(json!({ "instances": 200, "burn": 90.5 }), "2026-12-01T00:00:00Z");
        let exception = Exception::new(wanted, &policy(), None, now()).unwrap();
        let stored = serde_json::to_value(&exception).unwrap();
        assert_eq!(stored["limits"], json!({ "instances": 200, "burn": 90.5 }));
        assert_eq!(serde_json::from_value::<Exception>(stored).unwrap(), exception);
    }
}
