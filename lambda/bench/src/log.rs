//! Every request with its times.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::call::{Answer, Call};

/// A request that was answered.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    /// In microseconds since 1970.
    arrived: u64,
    /// In microseconds since 1970.
    answered: u64,
    service: String,
    operation: String,
    account: String,
    region: String,
    status: u16,
    code: Option<String>,
    /// Whether a connection had to be opened for it.
    opened: bool,
    /// How many things it was about.
    items: usize,
}

impl Entry {
    /// One that is answered now.
    pub fn new(call: Call, arrived: u64, opened: bool, answer: &Answer) -> Self {
        let Call { service, operation, account, region, .. } = call;
        let (status, code, items) = (answer.status, answer.code.clone(), answer.items);
        Self { arrived, answered: now(), service, operation, account, region, status, code, opened, items }
    }
}

/// Microseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
