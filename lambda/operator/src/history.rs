//! What was done to an account: its halts, call by call.

use jiff::Timestamp;
use runawaytrain_core::plan::ActionResult;
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::HaltId;
use runawaytrain_core::vocabulary::text::clean;
use runawaytrain_engine::ports::JournalEntry;
use serde::Serialize;

use crate::rows::{Row, Tone};
use crate::table::Table;

/// A halt and what was called in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HaltHistory {
    /// Its id.
    pub id: HaltId,
    /// When a limit was found passed, or it was ordered.
    pub tripped: Timestamp,
    /// When two clean passes proved it, where they did and it is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contained: Option<Timestamp>,
    /// Each call, in order.
    pub calls: Vec<Call>,
}

/// One call of a halt or of its release.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// When it was intended.
    pub at: Timestamp,
    /// In words.
    pub text: String,
    /// `done`, `already-so`, `failed`, or `not-known` where the process ended before it could say.
    pub result: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The columns of a halt's table.
pub const COLUMNS: [(&str, bool); 4] = [("at", false), ("call", false), ("result", false), ("why", false)];

/// The halts of which something may stand, the oldest first, each with its calls.
///
/// # Errors
/// Where the journal cannot be read.
pub async fn read(record: &AccountRecord, table: &Table) -> Result<Vec<HaltHistory>, Failure> {
    let mut halts = Vec::new();
    for halt in record.halts() {
        let entries = table.journal(&record.account, &halt.id).await?;
        let contained = record.halt.as_ref().filter(|last| last.id == halt.id).and_then(|last| last.contained);
        halts.push(HaltHistory {
            id: halt.id,
            tripped: halt.tripped,
            contained,
            calls: entries.iter().map(call).collect(),
        });
    }
    Ok(halts)
}

/// One call as the journal has it, in words.
pub fn call(entry: &JournalEntry) -> Call {
    let (result, reason) = match &entry.concluded {
        Some((_, ActionResult::Done)) => ("done", None),
        Some((_, ActionResult::AlreadyDone)) => ("already-so", None),
        Some((_, ActionResult::Failed { failure })) => ("failed", Some(clean(&failure.to_string()))),
        None => ("not-known", None),
    };
    Call { at: entry.intended, text: clean(&entry.action.to_string()), result, reason }
}

/// A moment as people read it: to the second, in UTC.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

impl Call {
    /// As a row of the table.
    pub fn row(&self) -> Row {
        let tone = match self.result {
            "failed" => Tone::Bad,
            "not-known" => Tone::Warn,
            _ => Tone::Good,
        };
        let why = self.reason.clone().unwrap_or_default();
        Row::of([moment(self.at), self.text.clone(), self.result.to_owned(), why]).toned(2, tone)
    }
}
