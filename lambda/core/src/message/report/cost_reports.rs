//! What became of the Cost and Usage Reports, billing period by billing period.

use jiff::Timestamp;
use serde::Serialize;

use crate::measure::spend::Charged;
use crate::vocabulary::ids::AccountId;
use crate::vocabulary::money::Usd;

/// The Cost and Usage Reports, looked through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostReportsReport {
    /// The bucket.
    pub bucket: String,
    /// What the keys begin with.
    pub prefix: String,
    /// The billing periods that matter now, the newest first.
    pub periods: Vec<PeriodReport>,
    /// What all accounts of the organization spent in the last 24 hours that the reports know; absent where nothing was
    /// ever read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<Charged>,
    /// Seconds from the end of that until now: reports lag by hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<i64>,
    /// Accounts in the reports that the organization does not have, with what they spent in the same 24 hours. They are
    /// in no other number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub non_members: Vec<NonMemberSpend>,
    /// Why it could not be told who is not in the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<String>,
}

/// One billing period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeriodReport {
    /// Which, such as `20261101-20261201`.
    pub period: String,
    /// What became of it.
    pub result: PeriodResult,
    /// The edition that was looked at: its manifest's ETag and when it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// AWS's own name for the edition, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What was read of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<ReadPeriod>,
    /// Why it was not read, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of a billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeriodResult {
    /// A new edition was read and stored.
    Read,
    /// This edition is known already.
    Unchanged,
    /// There is no report of it: AWS has not written one yet, or none of its hours matters any more.
    Absent,
    /// Its new edition could not be read or stored; what was known of it stays.
    Failed,
    /// There was no time left for it; the next invocation reads it.
    NotReached,
}

/// What was read of a billing period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadPeriod {
    /// How many files.
    pub files: usize,
    /// How many lines, those that could not be read included.
    pub rows: u64,
    /// How many accounts spent something in the hours that matter.
    pub accounts: usize,
    /// How many of those hours there are with anything spent.
    pub hours: usize,
    /// The end of the last hour with usage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What the sums lack, a sentence each. Where there is one, they are a lower bound.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    /// Lines of types that are not known here, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// An account that the organization does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NonMemberSpend {
    /// Which.
    pub account: AccountId,
    /// What it spent in the day.
    pub day: Usd,
}
