//! What the guard answers, as far as this command speaks of it: `lambda/core/src/message/report.rs`. Whatever an older
//! or a newer guard leaves out or adds is passed over.

use runawaytrain_core::policy::Exception;
use runawaytrain_core::resource::{Act as _, Action, Part};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// 200 done, 400 refused, 500 failed.
    pub status: u16,
    /// One sentence.
    pub body: String,
    /// Each account that it tells of.
    pub accounts: Vec<Account>,
    /// How many it was about; of more than it tells of the report was too long for Lambda.
    pub expected: usize,
    /// Why the organization's accounts could not be listed: it then tells only of those that are known from before.
    pub unlisted: Option<String>,
    /// Of a release: steps that were not done.
    pub undone: u64,
    /// Whether it is the guard's own answer to a release.
    pub is_release: bool,
}

/// One account of a sweep, a drill, a halt or a release.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Account {
    /// 12 digits.
    pub account: String,
    /// What people call it.
    pub name: String,
    /// How far the guard may go in it.
    pub mode: String,
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
    /// Limits whose number is not known at present.
    pub unknown: Vec<String>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// Why nobody could tell in which organizational units it is.
    pub units_unknown: Option<String>,
    /// What a halt does or would do.
    pub plan: Plan,
    /// What people must look at.
    pub suspects: Vec<String>,
    /// What the guard may do in it.
    pub permissions: Option<Permissions>,
    /// Limits that are raised for a time.
    #[serde(deserialize_with = "if_it_can_be_read")]
    pub exception: Option<Exception>,
    /// What was done.
    pub outcomes: Vec<Outcome>,
    /// The halt, where there is one.
    pub halt: Option<Halt>,
    /// Why it was not served.
    pub error: Option<String>,
}

/// In another form it is passed over, as whatever else is.
fn if_it_can_be_read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Exception>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
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
}

/// What ran.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Instances {
    /// Those that count.
    pub counted: u64,
    /// Those that are exempt.
    pub exempt: u64,
}

/// What AWS's policy simulator says of the calls of a halt.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Permissions {
    /// What is denied, by whose policy.
    pub denied: Vec<DeniedCalls>,
    /// Why it is not known, where it is not.
    pub unknown: Option<String>,
}

/// Calls that are denied by the policies of one party.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct DeniedCalls {
    /// Whose: `organization`, `boundary` or `role`.
    pub by: String,
    /// In IAM's spelling.
    pub calls: Vec<String>,
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
    /// As a call; nothing of one that this command does not know.
    pub fn known(&self) -> Option<Action> {
        serde_json::from_value(self.action.clone()).ok()
    }

    /// What it is for; nothing of an action that this command does not know.
    pub fn part(&self) -> Option<Part> {
        self.known().map(|action| action.part())
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

impl Answer {
    /// Reads an answer. An account whose entry cannot be read is told as one that was not seen: a gap is never nothing.
    pub fn read(answer: &Value) -> Self {
        let number = |value: Option<&Value>| value.and_then(Value::as_u64);
        let told = answer.pointer("/report/accounts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let accounts: Vec<Account> = told.iter().map(Account::read).collect();
        let expected =
            number(answer.pointer("/report/totals/accounts")).and_then(|number| usize::try_from(number).ok());
        Self {
            status: number(answer.get("statusCode")).and_then(|code| u16::try_from(code).ok()).unwrap_or_default(),
            body: answer.get("body").and_then(Value::as_str).unwrap_or_default().to_owned(),
            expected: expected.unwrap_or(accounts.len()),
            accounts,
            unlisted: answer.pointer("/report/unlisted").and_then(Value::as_str).map(str::to_owned),
            undone: number(answer.pointer("/report/undone")).unwrap_or_default(),
            is_release: answer.pointer("/report/undone").is_some(),
        }
    }

    /// Whether it was done.
    pub fn is_done(&self) -> bool {
        self.status == 200
    }

    /// Whether it tells of each account that it is about.
    pub fn is_whole(&self) -> bool {
        self.accounts.len() >= self.expected
    }
}

impl Account {
    fn read(entry: &Value) -> Self {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self::deserialize(entry).unwrap_or_else(|error| Self {
            account: text("account"),
            name: text("name"),
            error: Some(format!("what the guard says of it cannot be read here: {error}")),
            ..Self::default()
        })
    }
}

impl Burn {
    /// All of it.
    pub fn total(self) -> f64 {
        self.listed + self.estimated
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_that_cannot_be_read_is_an_account_that_was_not_seen() {
        let answer = Answer::read(&json!({ "statusCode": 200, "report": { "accounts": [
            { "account": "111111111111", "name": "physics", "verdict": "Ok" },
            { "account": "222222222222", "name": "biology", "verdict": "Ok", "instances": "many" },
        ] } }));
        assert!(answer.is_whole());
        assert_eq!(answer.accounts[0].verdict.as_deref(), Some("Ok"));
        let unread = &answer.accounts[1];
        assert_eq!((unread.name.as_str(), unread.verdict.as_deref()), ("biology", None));
        assert!(unread.error.as_deref().unwrap().contains("cannot be read"));
    }

    #[test]
    fn an_answer_that_was_too_long_is_not_whole() {
        let cut = json!({ "statusCode": 200, "report": { "accounts": [], "totals": { "accounts": 900 } } });
        assert!(!Answer::read(&cut).is_whole());
        assert!(Answer::read(&json!({ "statusCode": 400, "body": "no" })).is_whole());
    }
}
