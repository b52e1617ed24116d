//! How an exception comes into a record and leaves it, and that both are news.

use jiff::Timestamp;

use crate::decision::news::{End, News};
use crate::policy::Exception;
use crate::record::AccountRecord;

/// Enters an exception, in the place of another where there is one.
pub fn excepted(record: &AccountRecord, exception: Exception) -> (AccountRecord, News) {
    let replaced = record.exception.clone().filter(|other| other.holds(exception.made));
    let next = AccountRecord { exception: Some(exception.clone()), ..record.clone() };
    (next, News::Exception { exception, replaced })
}

/// Takes the exception out before its end; `None` where none holds.
pub fn revoked(record: &AccountRecord, by: Option<String>, now: Timestamp) -> Option<(AccountRecord, News)> {
    let exception = record.exception.clone().filter(|exception| exception.holds(now))?;
    let next = AccountRecord { exception: None, ..record.clone() };
    Some((next, News::ExceptionEnded { exception, end: End::Revoked { by }, at: now }))
}

/// Takes an exception out whose end has come.
pub(super) fn expired(next: &mut AccountRecord, now: Timestamp) -> Option<News> {
    let exception = next.exception.take_if(|exception| !exception.holds(now))?;
    Some(News::ExceptionEnded { exception, end: End::Expired, at: now })
}
