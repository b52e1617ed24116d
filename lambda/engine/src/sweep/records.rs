//! Answers events that came as records: one sweep of all accounts that they are about, and word of what became of each
//! record.

use std::collections::BTreeMap;

use runawaytrain_core::message::report::{Answer, BatchItemFailure, RecordReport, RecordResult};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::{clean, count};

use super::Guard;
use super::disposition::{Disposition, SweepAnswer};
use crate::deadline::Invocation;
use crate::trigger::{Feed, Meaning, Records, Selection};

/// How many reasons a sentence gives; the rest is in the log.
const REASONS: usize = 3;

impl Guard {
    /// Sweeps the accounts of the records, each once.
    pub(super) async fn records(&self, source: &str, records: Records, invocation: &Invocation) -> Answer {
        let accounts = records.accounts();
        let swept = match (accounts.len(), records.feed) {
            (0, _) => None,
            (_, Feed::Launches) => Some(self.sweep_launches(source, &accounts, invocation).await),
            // An alarm of an account that is being contained has nothing to add.
            (_, Feed::SpendAlarms) => {
                Some(self.proceed(source, &Selection::Only(accounts.clone()), None, invocation).await)
            }
        };
        let Records { feed, items } = records;
        let reports: Vec<RecordReport> =
            items.into_iter().map(|record| became(record.id, record.meaning, swept.as_ref())).collect();
        log(source, &reports);
        let heading = match feed {
            Feed::SpendAlarms => count(reports.len() as u64, "alarm"),
            Feed::Launches => count(reports.len() as u64, "launch event"),
        };
        let body = sentences(&heading, accounts.len(), &reports, swept.as_ref());
        match feed {
            Feed::SpendAlarms => alarms(swept, body, reports),
            Feed::Launches => launches(swept, body, reports),
        }
    }
}

fn became(id: String, meaning: Meaning, swept: Option<&SweepAnswer>) -> RecordReport {
    let (account, result, why) = match meaning {
        Meaning::Nothing(why) => (None, RecordResult::Nothing, Some(why)),
        Meaning::Refused(refusal) => (None, RecordResult::Refused, Some(refusal.to_string())),
        Meaning::Judge { account, said } => {
            let (result, why) = judged(&account, said, swept);
            (Some(account), result, why)
        }
    };
    RecordReport { id, account, result, why }
}

fn judged(account: &AccountId, said: Option<String>, swept: Option<&SweepAnswer>) -> (RecordResult, Option<String>) {
    let Some(SweepAnswer { answer, dispositions }) = swept else { return (RecordResult::NotJudged, None) };
    match dispositions.get(account) {
        Some(Disposition::Judged) => (RecordResult::Swept, said),
        Some(Disposition::Unjudged(why)) => (RecordResult::NotJudged, Some(why.clone())),
        Some(Disposition::NotAMember(why)) => (RecordResult::Refused, Some(why.clone())),
        Some(Disposition::Covered(why) | Disposition::Inactive(why)) => (RecordResult::Nothing, Some(why.clone())),
        None if answer.status >= 500 => (RecordResult::NotJudged, Some(answer.body.clone())),
        // Voided: somebody said `pass`, and does not want it later either.
        None => (RecordResult::Nothing, Some(answer.body.clone())),
    }
}

/// The answer to SNS. A failure is an error of the invocation, which Lambda tries again; an alarm whose account could
/// not be judged is not, for the next tick judges it.
fn alarms(swept: Option<SweepAnswer>, body: String, records: Vec<RecordReport>) -> Answer {
    let refused = records.iter().all(|record| record.result == RecordResult::Refused);
    let (status, report) = match swept {
        Some(swept) if swept.answer.status >= 500 => (swept.answer.status, swept.answer.report),
        swept => (if refused { 400 } else { 200 }, swept.and_then(|swept| swept.answer.report)),
    };
    Answer { status, body, report, records, batch_item_failures: None }
}

/// The answer to SQS, which wants to know which messages to deliver again. An error of the invocation would return the
/// whole batch, the refused ones and those already judged among them, so a failure is told message by message as well.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
fn launches(swept: Option<SweepAnswer>, body: String, mut records: Vec<RecordReport>) -> Answer {
    let again = records.iter().filter(|record| record.result == RecordResult::NotJudged);
    let again = again.map(|record| BatchItemFailure { item_identifier: record.id.clone() }).collect();
    // The accounts tell the rest; a thousand lines of "swept" tell nothing.
    records.retain(|record| record.result != RecordResult::Swept);
    Answer {
        status: 200,
        body,
        report: swept.and_then(|swept| swept.answer.report),
        records,
        batch_item_failures: Some(again),
    }
}

/// How many records of each kind there are for the same reason. A burst has a thousand of them and a few reasons.
fn by_reason(records: &[RecordReport]) -> BTreeMap<(RecordResult, &str), (u64, &RecordReport)> {
    let mut groups = BTreeMap::new();
    for record in records {
        let (number, _) =
            groups.entry((record.result, record.why.as_deref().unwrap_or_default())).or_insert((0, record));
        *number += 1;
    }
    groups
}

fn log(source: &str, records: &[RecordReport]) {
    for ((result, why), (number, first)) in by_reason(records) {
        let (record, account) = (clean(&first.id), first.account.as_ref().map(ToString::to_string));
        match result {
            RecordResult::Swept => {
                tracing::info!(source, account, record, records = number, "swept what the records are about: {why}")
            }
            RecordResult::Nothing => tracing::info!(source, account, record, records = number, "nothing to do: {why}"),
            RecordResult::Refused => tracing::warn!(
                source,
                account,
                record,
                records = number,
                "refused a record; nothing was touched for it: {why}"
            ),
            RecordResult::NotJudged => tracing::warn!(source, account, record, records = number, "not judged: {why}"),
        }
    }
}

fn sentences(heading: &str, accounts: usize, records: &[RecordReport], swept: Option<&SweepAnswer>) -> String {
    let mut body = match swept {
        Some(SweepAnswer { answer, .. }) if answer.report.is_some() => {
            format!("{heading} about {}. {}", count(accounts as u64, "account"), answer.body)
        }
        // What is in its words is said of the records below.
        Some(_) => format!("{heading} about {}; no sweep.", count(accounts as u64, "account")),
        None => format!("{heading}; no sweep."),
    };
    for (result, what) in [
        (RecordResult::NotJudged, "not judged"),
        (RecordResult::Refused, "refused"),
        (RecordResult::Nothing, "with nothing to do"),
    ] {
        let groups: Vec<(u64, &str)> = by_reason(records)
            .into_iter()
            .filter(|((group, _), _)| *group == result)
            .map(|((_, why), (number, _))| (number, why))
            .collect();
        if groups.is_empty() {
            continue;
        }
        let number: u64 = groups.iter().map(|(number, _)| number).sum();
        let why: Vec<&str> = groups.iter().take(REASONS).map(|(_, why)| *why).collect();
        let more = if groups.len() > REASONS {
            format!("; and {} more reasons, see the log", groups.len() - REASONS)
        } else {
            String::new()
        };
        body.push_str(&format!(" {number} {what}: {}{more}.", why.join("; ")));
    }
    body
}
