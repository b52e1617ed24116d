//! Accounts that stay contained: of whom people are reminded once a day, by UTC.

use jiff::{SignedDuration, Timestamp};

use crate::decision::news::News;
use crate::record::AccountRecord;

const SECONDS_A_DAY: i64 = 86_400;

/// The reminder, where there is anybody to be reminded of. Whoever was contained today was mailed about today.
pub fn still_contained<'a>(records: impl IntoIterator<Item = &'a AccountRecord>, now: Timestamp) -> Option<News> {
    let midnight = now.checked_sub(since_midnight(now)).unwrap_or(now);
    let is_due = |record: &&AccountRecord| record.state.is_contained() && record.contained_since() < midnight;
    let mut records: Vec<AccountRecord> = records.into_iter().filter(is_due).cloned().collect();
    records.sort_by_key(AccountRecord::contained_since);
    (!records.is_empty()).then_some(News::Contained { records, at: now })
}

/// How long the day has lasted.
pub fn since_midnight(now: Timestamp) -> SignedDuration {
    SignedDuration::from_secs(now.as_second().rem_euclid(SECONDS_A_DAY))
        + SignedDuration::from_nanos(i64::from(now.subsec_nanosecond()))
}
