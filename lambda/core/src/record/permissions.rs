//! What is remembered of what our role may do in an account, as AWS's policy simulator says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::vocabulary::failure::{DeniedBy, Failure};

/// So often a day it is asked where no answer comes: what is refused stays refused, and what is throttled has better to
/// do.
const MOST_TRIES: u32 = 3;

const SECONDS_A_DAY: i64 = 86_400;

/// Which calls are denied to our role, by whose policy.
pub type Denied = BTreeMap<String, DeniedBy>;

/// What our role may do in an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permissions {
    /// What was asked, in a few characters that a deployment may change.
    pub asked: String,
    /// When it was last asked, whatever came of it.
    pub at: Timestamp,
    /// How often on that day no answer came.
    #[serde(default)]
    pub tries: u32,
    /// Why none came the last time; `None` where one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// When an answer last came; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
    /// What was denied by that answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub denied: Denied,
}

impl Permissions {
    /// Whether this is to be asked now: once a day, which all accounts begin together, so that what befalls all of them
    /// is found in one sweep; at once where something else was asked before; and a few times where no answer came.
    pub fn are_due(known: Option<&Self>, asked: &str, now: Timestamp) -> bool {
        known.is_none_or(|known| {
            known.asked != asked || !is_same_day(known.at, now) || (known.unknown.is_some() && known.tries < MOST_TRIES)
        })
    }

    /// With what came of asking. What is not known leaves what was known as it is.
    #[must_use]
    pub fn after(known: Option<&Self>, asked: &str, answer: &Result<Denied, Failure>, now: Timestamp) -> Self {
        let asked = asked.to_owned();
        match answer {
            Ok(denied) => Self { asked, at: now, tries: 0, unknown: None, answered: Some(now), denied: denied.clone() },
            Err(failure) => {
                let same = known.filter(|known| known.asked == asked && is_same_day(known.at, now));
                Self {
                    asked,
                    at: now,
                    tries: same.map_or(0, |known| known.tries).saturating_add(1),
                    unknown: Some(failure.to_string()),
                    answered: known.and_then(|known| known.answered),
                    denied: known.map(|known| known.denied.clone()).unwrap_or_default(),
                }
            }
        }
    }
}

/// By UTC.
fn is_same_day(one: Timestamp, other: Timestamp) -> bool {
    let day = |at: Timestamp| at.as_second().div_euclid(SECONDS_A_DAY);
    day(one) == day(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::failure::FailureKind;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn answered(denied: &[&str]) -> Permissions {
        let denied = denied.iter().map(|call| ((*call).to_owned(), DeniedBy::Organization)).collect();
        Permissions::after(None, "one", &Ok(denied), at("2026-11-27T00:05:00Z"))
    }

    #[test]
    fn an_answer_is_good_for_its_day_and_for_what_was_asked() {
        let known = answered(&[]);
        let is_due = |asked, now| Permissions::are_due(Some(&known), asked, at(now));
        assert!(Permissions::are_due(None, "one", at("2026-11-27T00:05:00Z")));
        assert!(!is_due("one", "2026-11-27T23:59:59Z"));
        assert!(is_due("one", "2026-11-28T00:00:00Z"));
        assert!(is_due("other", "2026-11-27T00:10:00Z"));
    }

    #[test]
    fn what_is_not_known_is_asked_a_few_times_a_day_and_leaves_what_was_known() {
        let throttled = Failure::own("iam:SimulatePrincipalPolicy", FailureKind::Throttled, "");
        let mut known = answered(&["ec2:StopInstances"]);
        let day = "2026-11-28T00:00:00Z";
        for tries in 1..=MOST_TRIES {
            assert!(Permissions::are_due(Some(&known), "one", at(day)));
            known = Permissions::after(Some(&known), "one", &Err(throttled.clone()), at(day));
            assert_eq!((known.tries, known.denied.len()), (tries, 1));
            assert_eq!(known.answered, Some(at("2026-11-27T00:05:00Z")));
        }
        assert!(!Permissions::are_due(Some(&known), "one", at("2026-11-28T12:00:00Z")));
        assert!(Permissions::are_due(Some(&known), "one", at("2026-11-29T00:00:00Z")));
        assert!(Permissions::are_due(Some(&known), "other", at(day)), "a deployment is a new reason to ask");
    }

    #[test]
    fn what_is_stored_is_read_back_and_needs_none_of_what_may_be_missing() {
        let known = answered(&["ec2:StopInstances"]);
        let stored = serde_json::to_value(&known).unwrap();
        assert_eq!(stored["denied"]["ec2:StopInstances"], "organization");
        assert_eq!(serde_json::from_value::<Permissions>(stored).unwrap(), known);
        let least = serde_json::json!({ "asked": "one", "at": "2026-11-27T00:05:00Z" });
        assert_eq!(serde_json::from_value::<Permissions>(least).unwrap().denied, Denied::new());
    }
}
