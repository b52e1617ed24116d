//! What follows from what AWS's policy simulator says of our role: the record, and what is news about it. No verdict
//! and no state does.

use jiff::{SignedDuration, Timestamp};

use crate::decision::news::News;
use crate::record::{AccountRecord, Denied, Permissions, State};
use crate::vocabulary::failure::Failure;

/// So long after a release nobody asks: Organizations may not agree with itself yet that our policies are off.
const AFTER_A_RELEASE: SignedDuration = SignedDuration::from_mins(10);

/// Whether the simulator is to be asked about an account.
pub fn asks_simulator(record: &AccountRecord, asked: &str, now: Timestamp) -> bool {
    may_be_ours(record, now).is_none() && Permissions::are_due(record.permissions.as_ref(), asked, now)
}

/// Why something of ours may be on an account, if it may: what the simulator says might be about that then.
pub fn may_be_ours(record: &AccountRecord, now: Timestamp) -> Option<&'static str> {
    if record.state.is_contained() {
        Some("policies of ours are on the account")
    } else if record.state == State::Released && now.duration_since(record.since) < AFTER_A_RELEASE {
        Some("released less than ten minutes ago")
    } else {
        None
    }
}

/// Takes in what came of asking. What is denied is news where it is not what was denied before; what is not known is
/// none.
pub fn after_simulation(
    record: &AccountRecord,
    asked: &str,
    answer: &Result<Denied, Failure>,
    now: Timestamp,
) -> (AccountRecord, Option<News>) {
    let before = record.permissions.as_ref().map(|known| known.denied.clone()).unwrap_or_default();
    let permissions = Permissions::after(record.permissions.as_ref(), asked, answer, now);
    let denied = permissions.denied.clone();
    let news = match (denied == before, denied.is_empty()) {
        (true, _) => None,
        (false, true) => Some(News::Permitted { at: now }),
        (false, false) => Some(News::NotPermitted { denied, at: now }),
    };
    (AccountRecord { permissions: Some(permissions), ..record.clone() }, news)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::failure::{DeniedBy, FailureKind};
    use crate::vocabulary::ids::AccountId;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn record() -> AccountRecord {
        AccountRecord::new(AccountId::parse("111111111111").unwrap(), at("2026-11-27T00:00:00Z"))
    }

    fn denied(by: DeniedBy) -> Result<Denied, Failure> {
        Ok([("ec2:StopInstances".to_owned(), by)].into())
    }

    #[test]
    fn a_record_from_before_is_read_and_one_from_now_is_read_before() {
        let (known, _) = after_simulation(&record(), "one", &denied(DeniedBy::Role), at("2026-11-27T00:05:00Z"));
        let mut stored = serde_json::to_value(&known).unwrap();
        assert_eq!(serde_json::from_value::<AccountRecord>(stored.clone()).unwrap(), known);
        // A version that does not know the field passes over it, as this one passes over those that it does not know.
        stored["later"] = serde_json::json!({ "asked": "other" });
        assert_eq!(serde_json::from_value::<AccountRecord>(stored.clone()).unwrap(), known);
        stored.as_object_mut().unwrap().remove("permissions");
        let before = serde_json::from_value::<AccountRecord>(stored).unwrap();
        assert!(before.permissions.is_none() && asks_simulator(&before, "one", at("2026-11-27T00:05:00Z")));
    }

    #[test]
    fn what_cannot_be_read_of_it_leaves_the_rest_of_the_record_readable() {
        let (known, _) = after_simulation(&record(), "one", &denied(DeniedBy::Role), at("2026-11-27T00:05:00Z"));
        let without = AccountRecord { permissions: None, ..known.clone() };
        for of_later in [serde_json::json!({ "ec2:StopInstances": "later-party" }), serde_json::json!("all")] {
            let mut stored = serde_json::to_value(&known).unwrap();
            stored["permissions"]["denied"] = of_later;
            assert_eq!(serde_json::from_value::<AccountRecord>(stored.clone()).unwrap(), without);
            // As it is stored: in text.
            assert_eq!(serde_json::from_str::<AccountRecord>(&stored.to_string()).unwrap(), without);
            stored["permissions"] = serde_json::json!(7);
            assert_eq!(serde_json::from_value::<AccountRecord>(stored).unwrap(), without);
        }
        assert!(asks_simulator(&without, "one", at("2026-11-27T00:10:00Z")));
    }

    #[test]
    fn what_is_denied_is_news_where_it_is_not_what_was_denied_before() {
        let mut known = record();
        let mut news = |answer: Result<Denied, Failure>| {
            let (next, news) = after_simulation(&known, "one", &answer, at("2026-11-27T00:05:00Z"));
            known = next;
            news
        };
        let throttled = || Err(Failure::own("iam:SimulatePrincipalPolicy", FailureKind::Throttled, ""));
        assert_eq!(news(Ok(Denied::new())), None);
        assert_eq!(news(throttled()), None);
        assert!(matches!(news(denied(DeniedBy::Organization)), Some(News::NotPermitted { .. })));
        assert_eq!(news(denied(DeniedBy::Organization)), None);
        assert_eq!(news(throttled()), None);
        // Another party must mend it: that is another thing to do.
        assert!(matches!(news(denied(DeniedBy::Role)), Some(News::NotPermitted { .. })));
        assert!(matches!(news(Ok(Denied::new())), Some(News::Permitted { .. })));
        assert_eq!(news(Ok(Denied::new())), None);
    }

    #[test]
    fn nobody_asks_where_something_of_ours_may_be_on_the_account() {
        let now = at("2026-11-27T12:00:00Z");
        for state in State::ALL {
            let since = at("2026-11-27T11:00:00Z");
            let asks = asks_simulator(&AccountRecord { state, since, ..record() }, "one", now);
            assert_eq!(asks, !state.is_contained(), "{state}");
        }
        let since = at("2026-11-27T11:55:00Z");
        assert!(!asks_simulator(&AccountRecord { state: State::Released, since, ..record() }, "one", now));
    }
}
