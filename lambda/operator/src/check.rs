//! A sweep that only looks, account by account.

use std::collections::BTreeSet;

use runawaytrain_core::policy::Exception;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::text::{clean, count, listed};
use serde::Serialize;

use crate::answer::{Account, Answer, Reading};
use crate::exit::{DONE, NOT_SEEN, OVER_LIMIT, WARNED};
use crate::rows::{Row, Tone};

/// What is known of one account.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// 12 digits.
    pub account: String,
    /// What it is called.
    pub name: String,
    /// `Halt`, `Warn`, `Ok` or `not seen`.
    pub verdict: String,
    /// Where the guard has it, where one is deployed and it is not Ok: `Halted`, `Frozen` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Instances that count; nothing where it was not seen at all.
    pub running: Option<u64>,
    /// Their vCPUs.
    pub vcpus: Option<u64>,
    /// In US dollars an hour.
    pub burn: Option<f64>,
    /// In US dollars, where it is known.
    pub spend24h: Option<f64>,
    /// In US dollars, where it is known.
    pub spend_month: Option<f64>,
    /// The limit that it is nearest to, or furthest past: `instances 9 of 4`.
    pub limit: String,
    /// Limits in force whose number is not known at present: nobody is judged by them.
    pub not_judged: Vec<String>,
    /// Limits that are raised for a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exception>,
    /// What was not seen, and why.
    pub gaps: Vec<String>,
}

/// The verdict on an account that could not be entered.
const NOT_SEEN_AT_ALL: &str = "not seen";

/// A state by the name that it has in answers; nothing of one that this command does not know.
fn state(name: &str) -> Option<State> {
    State::ALL.into_iter().find(|state| state.to_string() == name)
}

/// The columns of the table, and whether each holds numbers.
pub const COLUMNS: [(&str, bool); 10] = [
    ("account", false),
    ("name", false),
    ("running", true),
    ("vCPUs", true),
    ("USD/h", true),
    ("24 h", true),
    ("month", true),
    ("limit", false),
    ("verdict", false),
    ("gaps", true),
];

/// Every account, the worst first.
pub fn lines(answer: &Answer) -> Vec<Line> {
    let mut lines: Vec<Line> = answer.accounts.iter().map(line).collect();
    lines.sort_by(|one, other| {
        let worse = one.rank().cmp(&other.rank());
        worse.then(other.spent().total_cmp(&one.spent())).then(one.account.cmp(&other.account))
    });
    lines
}

fn line(account: &Account) -> Line {
    // A partial sum that is past a limit is past it, whatever became of the rest.
    let seen = account.verdict.is_some();
    let verdict = account.verdict.as_deref().map_or_else(|| NOT_SEEN_AT_ALL.to_owned(), clean);
    let gaps = account.gaps.iter().map(|gap| clean(&format!("{}: {}", gap.at, gap.reason)));
    let units = account.units_unknown.iter().map(|why| clean(&format!("organizational units: {why}")));
    Line {
        account: clean(&account.account),
        name: clean(&account.name),
        verdict,
        state: account.state.as_deref().filter(|state| *state != "Ok").map(clean),
        running: seen.then_some(account.instances.counted),
        vcpus: seen.then_some(account.vcpus),
        burn: seen.then(|| account.burn.total()),
        spend24h: account.spend.day.as_ref().map(|day| day.amount),
        spend_month: account.spend.month.as_ref().map(|month| month.amount),
        limit: nearest(&account.readings).map_or_else(String::new, told),
        not_judged: account.unknown.iter().map(|limit| clean(limit)).collect(),
        exception: account.exception.clone(),
        gaps: account.error.iter().map(|error| clean(error)).chain(units).chain(gaps).collect(),
    }
}

/// The reading that is nearest to its limit, or furthest past it; nothing where nothing is used.
fn nearest(readings: &[Reading]) -> Option<&Reading> {
    let share = |reading: &Reading| if reading.threshold > 0.0 { reading.value / reading.threshold } else { f64::MAX };
    let used = readings.iter().filter(|reading| reading.value > 0.0);
    used.max_by(|one, other| share(one).total_cmp(&share(other)))
}

fn told(reading: &Reading) -> String {
    let number = |number: f64| if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.2}") };
    format!("{} {} of {}", clean(&reading.limit), number(reading.value), number(reading.threshold))
}

impl Line {
    fn is_contained(&self) -> bool {
        self.state.as_deref().and_then(state).is_some_and(State::is_contained)
    }

    fn spent(&self) -> f64 {
        self.burn.unwrap_or_default()
    }

    fn rank(&self) -> u8 {
        match (self.is_contained(), self.verdict.as_str()) {
            (_, "Halt") => 0,
            (true, _) => 1,
            (false, NOT_SEEN_AT_ALL) => 2,
            (false, _) if !self.gaps.is_empty() => 3,
            (false, "Warn") => 4,
            (false, _) => 5,
        }
    }

    /// As a row of the table.
    pub fn row(&self) -> Row {
        let money = |amount: Option<f64>| amount.map_or_else(|| "unknown".to_owned(), |amount| format!("{amount:.2}"));
        let verdict = match &self.state {
            Some(state) => format!("{}, {state}", self.verdict),
            None => self.verdict.clone(),
        };
        let tone = match self.rank() {
            0 | 1 => Tone::Bad,
            2..=4 => Tone::Warn,
            _ => Tone::Good,
        };
        let gaps = if self.gaps.is_empty() { String::new() } else { self.gaps.len().to_string() };
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        Row::of([
            self.account.clone(),
            self.name.clone(),
            number(self.running),
            number(self.vcpus),
            self.burn.map(|burn| format!("{burn:.2}")).unwrap_or_default(),
            money(self.spend24h),
            money(self.spend_month),
            self.limit.clone(),
            verdict,
            gaps,
        ])
        .toned(8, tone)
    }
}

/// The last line, and the exit code. Where the organization's accounts could not be listed, those that nobody knows
/// from before are missing: what was seen is then not all that there is.
pub fn conclusion(lines: &[Line], unlisted: Option<&str>) -> (String, u8) {
    let of =
        |rank: std::ops::RangeInclusive<u8>| lines.iter().filter(|line| rank.contains(&line.rank())).count() as u64;
    let (over, unseen, warned) = (of(0..=1), of(2..=3), of(4..=4));
    let mut parts = Vec::new();
    if over > 0 {
        parts.push(format!("{over} past a limit or contained"));
    }
    if unseen > 0 {
        parts.push(format!("{unseen} not seen whole"));
    }
    if let Some(why) = unlisted {
        parts.push(format!(
            "others may be missing, for the organization's accounts could not be listed ({})",
            clean(why)
        ));
    }
    if warned > 0 {
        parts.push(format!("{warned} close to a limit"));
    }
    let is_whole = unseen == 0 && unlisted.is_none();
    let code = match (over, is_whole, warned) {
        (0, true, 0) => DONE,
        (0, true, _) => WARNED,
        (0, ..) => NOT_SEEN,
        _ => OVER_LIMIT,
    };
    let all = count(lines.len() as u64, "account");
    let burn: f64 = lines.iter().map(Line::spent).sum();
    let at_least = if !is_whole { "at least " } else { "" };
    let said = if parts.is_empty() { "all within their limits".to_owned() } else { parts.join(", ") };
    let not_judged: BTreeSet<&str> = lines.iter().flat_map(|line| &line.not_judged).map(String::as_str).collect();
    let but = if not_judged.is_empty() {
        String::new()
    } else {
        let limits: Vec<&str> = not_judged.into_iter().collect();
        format!(" Not judged, for their numbers are not known: {}.", listed(&limits))
    };
    (format!("{all}, {at_least}{burn:.2} USD/h: {said}.{but}"), code)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(accounts: serde_json::Value) -> Vec<Line> {
        lines(&Answer::read(&json!({ "statusCode": 200, "body": "", "report": { "accounts": accounts } })))
    }

    fn mixed() -> Vec<Line> {
        found(json!([
            { "account": "1", "verdict": "Ok", "instances": { "counted": 1 },
              "burn": { "listed": 0.1, "estimated": 0.02 }, "spend": { "day": { "amount": 3.5 } },
              "readings": [{ "limit": "instances", "value": 1, "threshold": 4 },
                           { "limit": "burn", "value": 0.12, "threshold": 0.2 }] },
            { "account": "2", "verdict": "Halt", "burn": { "listed": 90.0 },
              "readings": [{ "limit": "instances", "value": 9, "threshold": 4 }] },
            { "account": "3", "unseen": true, "gaps": [{ "at": "account 3", "reason": "the role is missing" }] },
            { "account": "4", "error": "not reached" },
            { "account": "8", "verdict": "Halt", "error": "not finished before the deadline",
              "burn": { "listed": 1.0 } },
            { "account": "5", "verdict": "Ok", "state": "Halted" },
            { "account": "6", "verdict": "Warn", "state": "Warned" },
            { "account": "7", "verdict": "Ok", "unseen": true, "gaps": [{ "at": "eu-west-1", "reason": "denied" }] },
        ]))
    }

    #[test]
    fn the_worst_account_comes_first_and_decides_the_exit_code() {
        let lines = mixed();
        let order: Vec<&str> = lines.iter().map(|line| line.account.as_str()).collect();
        assert_eq!(order, ["2", "8", "5", "3", "4", "7", "6", "1"]);
        assert_eq!(conclusion(&lines, None).1, OVER_LIMIT);
        assert_eq!(conclusion(&lines[3..], None).1, NOT_SEEN);
        assert_eq!(conclusion(&lines[6..], None).1, WARNED);
        assert_eq!(conclusion(&lines[7..], None), ("1 account, 0.12 USD/h: all within their limits.".to_owned(), DONE));
    }

    #[test]
    fn what_nobody_is_judged_by_is_said() {
        let lines = found(json!([{ "account": "1", "verdict": "Ok", "unknown": ["spend24h"] }]));
        let (said, code) = conclusion(&lines, None);
        assert_eq!(
            said,
            "1 account, 0.00 USD/h: all within their limits. Not judged, for their numbers are not known: spend24h."
        );
        assert_eq!(code, DONE);
    }

    #[test]
    fn accounts_that_could_not_be_listed_are_not_within_their_limits() {
        let answer = Answer::read(&json!({ "statusCode": 200, "report": {
            "accounts": [{ "account": "1", "verdict": "Ok" }],
            "unlisted": "organizations:ListAccounts: AccessDeniedException",
        } }));
        let (said, code) = conclusion(&lines(&answer), answer.unlisted.as_deref());
        assert_eq!(code, NOT_SEEN);
        assert!(
            said.starts_with("1 account, at least 0.00 USD/h: others may be missing, for the organization's accounts"),
            "{said}"
        );
        assert!(said.contains("AccessDeniedException"), "{said}");
    }

    #[test]
    fn a_gap_is_never_a_zero() {
        let lines = mixed();
        let (unseen, seen) = (lines[3].row(), lines[7].row());
        assert_eq!(serde_json::to_value(&lines[3]).unwrap()["running"], serde_json::Value::Null);
        assert!(conclusion(&lines[3..], None).0.contains("at least 0.12 USD/h"));
        assert_eq!(unseen.cells(), ["3", "", "", "", "", "unknown", "unknown", "", "not seen", "1"]);
        assert_eq!(seen.cells(), ["1", "", "1", "0", "0.12", "3.50", "unknown", "burn 0.12 of 0.20", "Ok", ""]);
    }
}
