//! What became of the reports, in sentences.

use runawaytrain_core::measure::spend::STALE;
use runawaytrain_core::message::report::{CostReportsReport, PeriodReport, PeriodResult};
use runawaytrain_core::policy::CostReports;
use runawaytrain_core::vocabulary::text::{clean, count};
use runawaytrain_cur::Gaps;

/// How many accounts a sentence names; the rest is in the report.
const NAMED: usize = 5;

/// `s3://payer-reports/cur/`.
pub(super) fn address(place: &CostReports) -> String {
    format!("s3://{}/{}", place.bucket, place.prefix)
}

/// What the sums lack, a sentence each.
pub(super) fn gaps(gaps: &Gaps) -> Vec<String> {
    let mut sentences = Vec::new();
    if gaps.bad_rows > 0 {
        let examples: Vec<String> = gaps.examples.iter().take(2).map(ToString::to_string).collect();
        sentences.push(format!("{} could not be read, such as {}", count(gaps.bad_rows, "row"), examples.join("; ")));
    }
    if gaps.unpriced_rows > 0 {
        sentences.push(format!(
            "{} of reserved or Savings Plan usage have no cost: add the columns of the effective cost to the report",
            count(gaps.unpriced_rows, "row")
        ));
    }
    if gaps.outside_rows > 0 {
        let rows = count(gaps.outside_rows, "row");
        sentences.push(format!("{rows} of usage or purchases are dated outside of the month and in no hour"));
    }
    if gaps.are_coarse() {
        sentences.push(format!(
            "{} of {} of usage last longer than a day: make the report's time granularity hourly",
            gaps.long_rows,
            count(gaps.usage_rows, "row")
        ));
    }
    for (currency, other) in &gaps.other_currencies {
        sentences.push(format!("{} are in {} and not counted", count(other.rows, "row"), clean(currency)));
    }
    sentences
}

/// What is left out of the sums because nobody knows whether it is usage, in a sentence.
pub(super) fn left_out(gaps: &Gaps) -> Option<String> {
    let types: Vec<&str> = gaps.unknown_types.keys().map(String::as_str).collect();
    let rows = count(gaps.unknown_type_rows, "row");
    (gaps.unknown_type_rows > 0)
        .then(|| format!("{rows} of types that are not known here ({}) left out", types.join(", ")))
}

/// One line a billing period.
pub(super) fn log(period: &PeriodReport, sentence: &str) {
    let (read, edition) = (period.read.as_ref(), period.edition.as_deref());
    match period.result {
        PeriodResult::Failed => tracing::error!(period = period.period, edition, "{sentence}"),
        PeriodResult::NotReached => tracing::warn!(period = period.period, edition, "{sentence}"),
        PeriodResult::Read => {
            let read = read.cloned().unwrap_or_default();
            let lower_bound = !read.gaps.is_empty();
            tracing::info!(
                period = period.period,
                edition,
                files = read.files,
                rows = read.rows,
                accounts = read.accounts,
                hours = read.hours,
                lower_bound,
                "{sentence}"
            );
        }
        PeriodResult::Unchanged | PeriodResult::Absent => tracing::info!(period = period.period, edition, "{sentence}"),
    }
}

/// What became of a billing period.
pub(super) fn of(name: &str, period: &PeriodReport) -> String {
    let why = period.error.as_deref().unwrap_or_default();
    match (period.result, &period.read) {
        (PeriodResult::Read, Some(read)) => {
            let (files, rows) = (count(read.files as u64, "file"), count(read.rows, "row"));
            let reach = match read.until {
                Some(until) => format!("{} until {until}", count(read.accounts as u64, "account")),
                None => "no usage in the hours that matter".to_owned(),
            };
            let gaps = if read.gaps.is_empty() {
                String::new()
            } else {
                format!("; a lower bound, for {}", read.gaps.join("; "))
            };
            let left_out = read.left_out.as_ref().map(|sentence| format!("; {sentence}")).unwrap_or_default();
            format!("{name}: read, {files}, {rows}, {reach}{gaps}{left_out}.")
        }
        (PeriodResult::Read | PeriodResult::Unchanged, _) => format!("{name}: unchanged."),
        (PeriodResult::Absent, _) => format!("{name}: {why}."),
        (PeriodResult::Failed, _) => format!("{name}: not read, what was known of it stays. {why}."),
        (PeriodResult::NotReached, _) => format!("{name}: {why}."),
    }
}

/// The answer: each period, and what it all comes to.
pub(super) fn sentences(report: &CostReportsReport) -> String {
    let named = |period: &PeriodReport| of(&period.period, period);
    let mut sentences: Vec<String> = report.periods.iter().map(named).collect();
    match (&report.day, report.age) {
        (Some(day), Some(age)) => {
            let stale = if age > STALE.as_secs() { ", which is too old to judge anything by" } else { "" };
            sentences.push(format!(
                "The organization spent {} USD in the 24 hours until {}, {} ago{stale}.",
                day.amount,
                day.until,
                count(u64::try_from(age / 3600).unwrap_or(0), "hour")
            ));
        }
        _ => sentences.push("Nothing is known of what was spent in any hour.".to_owned()),
    }
    if !report.non_members.is_empty() {
        let names: Vec<String> = report
            .non_members
            .iter()
            .take(NAMED)
            .map(|spend| format!("{} ({} USD)", spend.account, spend.day))
            .collect();
        let more = if report.non_members.len() > NAMED { ", and others" } else { "" };
        sentences.push(format!(
            "Besides that, of accounts that the organization does not have: {}{more}.",
            names.join(", ")
        ));
    }
    if let Some(why) = &report.unlisted {
        sentences.push(format!("Accounts in the reports are all counted, for {why}."));
    }
    sentences.push("No account was looked at or changed.".to_owned());
    sentences.join(" ")
}
