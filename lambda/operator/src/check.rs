//! A sweep that only looks, account by account.

use runawaytrain_core::vocabulary::text::{clean, count};
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
    /// Instances that count.
    pub running: u64,
    /// Their vCPUs.
    pub vcpus: u64,
    /// In US dollars an hour.
    pub burn: f64,
    /// In US dollars, where it is known.
    pub spend24h: Option<f64>,
    /// In US dollars, where it is known.
    pub spend_month: Option<f64>,
    /// The limit that it is nearest to, or furthest past: `instances 9 of 4`.
    pub limit: String,
    /// What was not seen, and why.
    pub gaps: Vec<String>,
}

/// Where containment stands: worse than any verdict.
const CONTAINED: [&str; 3] = ["Halting", "Halted", "Frozen"];

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
    let mut lines: Vec<Line> = answer.accounts().iter().map(line).collect();
    lines.sort_by(|one, other| {
        let worse = one.rank().cmp(&other.rank());
        worse.then(other.burn.total_cmp(&one.burn)).then(one.account.cmp(&other.account))
    });
    lines
}

fn line(account: &Account) -> Line {
    let verdict = match (&account.error, &account.verdict) {
        (None, Some(verdict)) => clean(verdict),
        (Some(_), _) | (None, None) => "not seen".to_owned(),
    };
    let gaps = account.gaps.iter().map(|gap| clean(&format!("{}: {}", gap.at, gap.reason)));
    Line {
        account: clean(&account.account),
        name: clean(&account.name),
        verdict,
        state: account.state.as_deref().filter(|state| *state != "Ok").map(clean),
        running: account.instances.counted,
        vcpus: account.vcpus,
        burn: account.burn.total(),
        spend24h: account.spend.day.as_ref().map(|day| day.amount),
        spend_month: account.spend.month.as_ref().map(|month| month.amount),
        limit: nearest(&account.readings).map_or_else(String::new, told),
        gaps: account.error.iter().map(|error| clean(error)).chain(gaps).collect(),
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
        self.state.as_deref().is_some_and(|state| CONTAINED.contains(&state))
    }

    fn rank(&self) -> u8 {
        match (self.is_contained(), self.verdict.as_str()) {
            (_, "Halt") => 0,
            (true, _) => 1,
            (false, "not seen") => 2,
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
        let is_seen = self.verdict != "not seen";
        let seen = |text: String| if is_seen { text } else { String::new() };
        Row::of([
            self.account.clone(),
            self.name.clone(),
            seen(self.running.to_string()),
            seen(self.vcpus.to_string()),
            seen(format!("{:.2}", self.burn)),
            money(self.spend24h),
            money(self.spend_month),
            self.limit.clone(),
            verdict,
            gaps,
        ])
        .toned(8, tone)
    }
}

/// The last line, and the exit code.
pub fn conclusion(lines: &[Line]) -> (String, u8) {
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
    if warned > 0 {
        parts.push(format!("{warned} close to a limit"));
    }
    let code = match (over, unseen, warned) {
        (0, 0, 0) => DONE,
        (0, 0, _) => WARNED,
        (0, ..) => NOT_SEEN,
        _ => OVER_LIMIT,
    };
    let all = count(lines.len() as u64, "account");
    let burn: f64 = lines.iter().map(|line| line.burn).sum();
    let said = if parts.is_empty() { "all within their limits".to_owned() } else { parts.join(", ") };
    (format!("{all}, {burn:.2} USD/h: {said}."), code)
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
            { "account": "1", "verdict": "Ok", "instances": { "counted": 1 }, "burn": { "listed": 0.1, "estimated": 0.02 },
              "spend": { "day": { "amount": 3.5 } },
              "readings": [{ "limit": "instances", "value": 1, "threshold": 4 }, { "limit": "burn", "value": 0.12, "threshold": 0.2 }] },
            { "account": "2", "verdict": "Halt", "burn": { "listed": 90.0 }, "readings": [{ "limit": "instances", "value": 9, "threshold": 4 }] },
            { "account": "3", "unseen": true, "gaps": [{ "at": "account 3", "reason": "the role is missing" }] },
            { "account": "4", "error": "not reached" },
            { "account": "5", "verdict": "Ok", "state": "Halted" },
            { "account": "6", "verdict": "Warn", "state": "Warned" },
            { "account": "7", "verdict": "Ok", "unseen": true, "gaps": [{ "at": "eu-west-1", "reason": "denied" }] },
        ]))
    }

    #[test]
    fn the_worst_account_comes_first_and_decides_the_exit_code() {
        let lines = mixed();
        let order: Vec<&str> = lines.iter().map(|line| line.account.as_str()).collect();
        assert_eq!(order, ["2", "5", "3", "4", "7", "6", "1"]);
        assert_eq!(conclusion(&lines).1, OVER_LIMIT);
        assert_eq!(conclusion(&lines[2..]).1, NOT_SEEN);
        assert_eq!(conclusion(&lines[5..]).1, WARNED);
        assert_eq!(conclusion(&lines[6..]), ("1 account, 0.12 USD/h: all within their limits.".to_owned(), DONE));
    }

    #[test]
    fn a_gap_is_never_a_zero() {
        let lines = mixed();
        let (unseen, seen) = (lines[2].row(), lines[6].row());
        assert_eq!(unseen.cells(), ["3", "", "", "", "", "unknown", "unknown", "", "not seen", "1"]);
        assert_eq!(seen.cells(), ["1", "", "1", "0", "0.12", "3.50", "unknown", "burn 0.12 of 0.20", "Ok", ""]);
    }
}
