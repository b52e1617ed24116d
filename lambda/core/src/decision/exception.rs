//! How an exception comes into a record and leaves it, and that both are news.

use jiff::Timestamp;

use crate::decision::news::{End, News};
use crate::policy::Exception;
use crate::record::AccountRecord;

/// Enters an exception, in the place of another where there is one.
pub fn excepted(record: &AccountRecord, exception: Exception) -> (AccountRecord, Vec<News>) {
    let mut next = record.clone();
    let mut news = Vec::from_iter(expired(&mut next, exception.made));
    let replaced = next.exception.replace(exception.clone()).filter(|other| other.holds(exception.made));
    news.push(News::Exception { exception, replaced, state: record.state });
    (next, news)
}

/// Takes the exception out before its end; `None` where none holds.
pub fn revoked(record: &AccountRecord, by: Option<String>, now: Timestamp) -> Option<(AccountRecord, Vec<News>)> {
    let exception = record.exception.clone().filter(|exception| exception.holds(now))?;
    let next = AccountRecord { exception: None, ..record.clone() };
    Some((next, vec![News::ExceptionEnded { exception, end: End::Revoked { by }, at: now }]))
}

/// Tells once of an exception whose end has come, and takes it out once nothing is judged by it any more.
pub(super) fn expired(next: &mut AccountRecord, now: Timestamp) -> Option<News> {
    let over = next.exception.as_mut().filter(|exception| !exception.holds(now))?;
    let was_told = std::mem::replace(&mut over.end_told, true);
    let exception = over.clone();
    next.exception = next.exception.take().filter(|exception| !exception.is_spent(now));
    (!was_told).then_some(News::ExceptionEnded { exception, end: End::Expired, at: now })
}
