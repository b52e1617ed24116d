//! Limits that are raised for a time, as a person reads them.

use runawaytrain_core::policy::Exception;
use runawaytrain_core::vocabulary::text::{clean, listed};

use crate::history::moment;
use crate::rows::Row;

/// `200 instances and USD 40.00/hour until 2026-12-02 00:00:00 UTC`.
pub fn told(exception: &Exception) -> String {
    let raised: Vec<String> = exception.raised().map(|(limit, number)| limit.amount(number)).collect();
    format!("{} until {} UTC", listed(&raised), moment(exception.until))
}

/// The columns of a list of exceptions.
pub const COLUMNS: [(&str, bool); 6] = [
    ("account", false),
    ("name", false),
    ("raised to", false),
    ("until (UTC)", false),
    ("reason", false),
    ("by", false),
];

/// One line of that list.
pub fn row(account: &str, name: &str, exception: &Exception) -> Row {
    let raised: Vec<String> = exception.raised().map(|(limit, number)| limit.amount(number)).collect();
    Row::of([
        account.to_owned(),
        clean(name),
        listed(&raised),
        moment(exception.until),
        clean(&exception.reason),
        clean(exception.by.as_deref().unwrap_or_default()),
    ])
}
