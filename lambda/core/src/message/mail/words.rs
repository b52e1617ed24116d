//! The words and forms that all mails share.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::contract;
use crate::measure::summary::Summary;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::{AccountPolicy, NotifyList};
use crate::vocabulary::money::Usd;
use crate::vocabulary::text::{clean, count};

/// SNS takes a subject of fewer than 100 characters, ASCII, without line breaks.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const LONGEST_SUBJECT: usize = 99;

/// So many lines of one kind are listed in a mail before the rest is counted.
pub(super) const MOST_LINES: usize = 25;

pub(super) fn notice(policy: &AccountPolicy, kind: NoticeKind, subject: String, body: String, what: &str) -> Notice {
    Notice {
        kind,
        account: policy.account.clone(),
        list: policy.notify.clone(),
        subject: fit_subject(&subject),
        body,
        who: full_name(policy),
        what: clean(what),
    }
}

/// Makes any text a subject that SNS takes.
pub(super) fn fit_subject(text: &str) -> String {
    let whole = format!("[runawaytrain] {}", clean(text));
    let mut ascii: String = whole
        .chars()
        .map(|character| if character.is_ascii_graphic() || character == ' ' { character } else { '?' })
        .collect();
    if ascii.len() > LONGEST_SUBJECT {
        ascii.truncate(LONGEST_SUBJECT - 3);
        ascii.push_str("...");
    }
    ascii
}

pub(super) fn full_name(policy: &AccountPolicy) -> String {
    match &policy.name {
        Some(name) => format!("{} ({})", clean(name), policy.account),
        None => policy.account.to_string(),
    }
}

pub(super) fn short_name(policy: &AccountPolicy) -> String {
    match &policy.name {
        Some(name) => format!("{} {}", clean(name), policy.account),
        None => policy.account.to_string(),
    }
}

pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

pub(super) fn line(body: &mut String, label: &str, value: &str) {
    let _ = writeln!(body, "{label:<9}{value}");
}

pub(super) fn running(body: &mut String, label: &str, seen: &Summary) {
    let at_least = if seen.lower_bound { "at least " } else { "" };
    let exempt = if seen.exempt > 0 { format!(", and {} exempt", seen.exempt) } else { String::new() };
    let burn = if seen.burn.total() > Usd::ZERO { format!(", {}", seen.burn) } else { String::new() };
    line(
        body,
        label,
        &format!("{at_least}{}, {}{burn}{exempt}", count(seen.instances, "instance"), count(seen.vcpus, "vCPU")),
    );
    for (region, number) in &seen.by_region {
        let _ = writeln!(body, "         {region:<16}{number:>6}");
    }
    let mut types: Vec<_> = seen.by_type.iter().collect();
    types.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    let types: Vec<String> =
        types.into_iter().take(MOST_LINES).map(|(name, number)| format!("{number} x {}", clean(name))).collect();
    if !types.is_empty() {
        line(body, "Types", &types.join(", "));
    }
}

pub(super) fn section(body: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(body, "\n{title}");
    for text in lines.iter().take(MOST_LINES) {
        let _ = writeln!(body, "- {text}");
    }
    if lines.len() > MOST_LINES {
        let _ = writeln!(body, "- and {} more", lines.len() - MOST_LINES);
    }
}

/// The command that hands the function an event. The CLI waits a minute for an answer by itself and then sends the
/// event again, while a halt or a release may take longer: here it waits as long as it takes.
/// <https://docs.aws.amazon.com/cli/latest/reference/lambda/invoke.html>
pub(super) fn order(body: &mut String, event: &str) {
    let _ = writeln!(
        body,
        "aws lambda invoke --region {} --function-name {} --cli-read-timeout 0 \\\n  --cli-binary-format \
         raw-in-base64-out --payload '{event}' /dev/stdout",
        contract::HOME_REGION,
        contract::FUNCTION
    );
}

/// The same mail to the payer's list.
pub(super) fn to_the_payer(notice: Notice) -> Notice {
    Notice { list: NotifyList::Default, ..notice }
}
