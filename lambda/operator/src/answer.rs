//! What the guard answers, as far as this command speaks of it: `lambda/core/src/message/report.rs`. Whatever an older
//! or a newer guard leaves out or adds is passed over.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runawaytrain_core::resource::{Act as _, Action, Part};
use serde::Deserialize;
use serde_json::Value;

/// An answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// 200 done, 400 refused, 500 failed.
    #[serde(rename = "statusCode")]
    pub status: u16,
    /// One sentence.
    pub body: String,
    /// The details, where there are any.
    pub report: Option<Report>,
}

/// The details of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Each account.
    pub accounts: Vec<Account>,
}

/// One account of a sweep, a drill, a halt or a release.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Account {
    /// 12 digits.
    pub account: String,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub state: Option<String>,
    /// `Ok`, `Warn` or `Halt`; nothing where it could not be entered.
    pub verdict: Option<String>,
    /// Whether some part of it could not be seen.
    pub unseen: bool,
    /// Every limit with its number.
    pub readings: Vec<Reading>,
    /// What ran.
    pub instances: Instances,
    /// Of the instances that count.
    pub vcpus: u64,
    /// In US dollars an hour.
    pub burn: Burn,
    /// In US dollars.
    pub spend: Spend,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// What a halt does or would do.
    pub plan: Plan,
    /// What people must look at.
    pub suspects: Vec<String>,
    /// What was done.
    pub outcomes: Vec<Outcome>,
    /// The halt, where there is one.
    pub halt: Option<Halt>,
    /// Why it was not served.
    pub error: Option<String>,
}

/// A number held against its limit. Counts are whole; money is in US dollars.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Reading {
    /// The key of the limit in the policy.
    pub limit: String,
    /// What was counted.
    pub value: f64,
    /// Strictly more halts.
    pub threshold: f64,
    /// What follows from this number alone.
    pub judgement: String,
}

/// What ran.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Instances {
    /// Those that count.
    pub counted: u64,
    /// Those that are exempt.
    pub exempt: u64,
    /// All of them.
    pub by_region: BTreeMap<String, u64>,
}

/// What runs costs in an hour, in US dollars.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Burn {
    /// By the price list.
    pub listed: f64,
    /// At the most, of what the list does not price.
    pub estimated: f64,
}

/// What was spent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Spend {
    /// In a day.
    pub day: Option<Amount>,
    /// In this month so far.
    pub month: Option<Amount>,
}

/// An amount that is known.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Amount {
    /// US dollars.
    pub amount: f64,
}

/// A place that was not seen.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Gap {
    /// Where.
    pub at: String,
    /// Why.
    pub reason: String,
}

/// A plan.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Plan {
    /// What is or would be done.
    pub actions: Vec<PlannedAction>,
    /// Whose local disks a stop erases.
    pub local_disks: Vec<String>,
    /// What is left alone.
    pub skipped: Vec<Skipped>,
}

/// One action of a plan.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PlannedAction {
    /// In words.
    pub text: String,
    /// As data, in the journal's form.
    #[serde(flatten)]
    pub action: Value,
}

impl PlannedAction {
    /// What it is for; nothing of an action that this command does not know.
    pub fn part(&self) -> Option<Part> {
        serde_json::from_value::<Action>(self.action.clone()).ok().map(|action| action.part())
    }
}

/// One thing left alone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Skipped {
    /// What.
    pub item: String,
    /// Why.
    pub reason: String,
}

/// One call.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// What was called, in words.
    pub text: String,
    /// `done`, `already-so` or `failed`.
    pub result: String,
    /// Why it failed.
    pub reason: Option<String>,
}

/// The halt of an account.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Halt {
    /// Whether two clean passes proved it.
    pub contained: bool,
    /// From the trip to the proof.
    pub seconds: Option<f64>,
}

/// One account of a `status`: what is remembered of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// 12 digits.
    pub account: String,
    /// What people call it.
    pub name: Option<String>,
    /// Where it stands.
    pub state: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Why, in words.
    pub why: String,
    /// Why it cannot be seen whole.
    pub unseen: Option<Unseen>,
    /// The last numbers.
    pub last: Option<Value>,
}

/// Why an account cannot be seen whole.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Unseen {
    /// In words.
    pub why: String,
}

impl Answer {
    /// Reads an answer; whatever is not as it should be in it counts as absent.
    pub fn read(answer: &Value) -> Self {
        Self::deserialize(answer).unwrap_or_else(|_| Self {
            status: answer
                .get("statusCode")
                .and_then(Value::as_u64)
                .and_then(|code| u16::try_from(code).ok())
                .unwrap_or(0),
            body: answer.get("body").and_then(Value::as_str).unwrap_or_default().to_owned(),
            report: None,
        })
    }

    /// Whether it was done.
    pub fn is_done(&self) -> bool {
        self.status == 200
    }

    /// Each account of it.
    pub fn accounts(&self) -> &[Account] {
        self.report.as_ref().map_or(&[], |report| &report.accounts)
    }
}

impl Burn {
    /// All of it.
    pub fn total(self) -> f64 {
        self.listed + self.estimated
    }
}
