//! The daily reminder of accounts that are still contained.

use jiff::Timestamp;

use super::words::{MOST_LINES, Text, lasted, named, notice, places, time, to_the_payer, totals};
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::AccountPolicy;
use crate::record::{AccountRecord, FreezeReason, State};
use crate::vocabulary::text::{clean, count};

/// Goes to the payer's list, and is the payer's: one mail about all of them.
pub(super) fn write(payer: &AccountPolicy, records: &[AccountRecord], now: Timestamp) -> Notice {
    let names: Vec<String> = records.iter().map(|record| named(record.name.as_deref(), &record.account)).collect();
    let shown: Vec<&str> = names.iter().map(String::as_str).collect();
    let accounts = count(records.len() as u64, "account");
    let them = if records.len() == 1 { "it" } else { "them" };
    let mut text = Text::new(
        &format!("{accounts} still contained. Nobody has released {them}."),
        &places(&shown),
        "Release what is safe. For the rest, find out what still resists.",
    );
    text.fact("Time", &time(now));
    for (record, name) in records.iter().zip(&shown).take(MOST_LINES) {
        text.heading(&format!("Account {name}"));
        account(&mut text, record, now);
    }
    if records.len() > MOST_LINES {
        text.heading(&format!("and {} more. To list them all", records.len() - MOST_LINES));
        text.command("runawaytrain status");
    }
    text.heading("What to do");
    text.item("A release alone ends a halt or a freeze. Its options also give back what was locked or stopped:");
    text.command("runawaytrain release --help");
    text.item("This mail comes once a day for as long as an account is contained.");
    let names = shown.join(", ");
    let subject = format!("Still contained: {accounts}: {names}");
    to_the_payer(notice(payer, NoticeKind::Contained, &subject, text, &names))
}

fn account(text: &mut Text, record: &AccountRecord, now: Timestamp) {
    let since = record.contained_since();
    text.fact("State", &state(record));
    text.fact("Since", &format!("{} ({})", time(since), lasted(now.duration_since(since))));
    text.fact("Reason", &clean(&record.why));
    if let Some(halt) = &record.halt {
        text.fact("Before", &totals(&halt.before));
    }
    if let Some(last) = &record.last {
        text.fact("Now", &totals(last));
    }
    if let Some(spent) = spent(record) {
        text.fact("Spent", &spent);
    }
    if let Some(unseen) = &record.unseen {
        text.fact("Unseen", &unseen.why);
    }
    text.command(&format!("runawaytrain history {}", record.account));
    text.command(&format!("runawaytrain release {}", record.account));
}

fn state(record: &AccountRecord) -> String {
    let means = match (record.state, record.freeze()) {
        (State::Halting, _) => "not proven: something still resists, and every sweep tries again",
        (_, Some(FreezeReason::Brake | FreezeReason::BrakeUnknown)) => {
            "past its limit, but not halted because of the brake: what runs, runs on and bills"
        }
        (_, Some(FreezeReason::ShutOut)) => "the guard is shut out: what runs, runs on and bills",
        (_, Some(FreezeReason::Throttled)) => "the guard is throttled: what runs, runs on and bills",
        (_, Some(FreezeReason::Purchases)) => "more was bought than the policy allows",
        (_, None) => "proven: whatever starts is stopped again",
    };
    format!("{}, {means}", record.state)
}

/// What it cost, as far as it is known. An estimate of the month lags by up to a day, and reports by hours.
fn spent(record: &AccountRecord) -> Option<String> {
    let day = record.spend.day.as_ref();
    let day = day.map(|day| format!("USD {} in 24 h until {}", day.amount, time(day.until)));
    let month = record.spend.month.as_ref();
    let month = month.map(|month| format!("USD {} this month at {}", month.amount, time(month.at)));
    let known: Vec<String> = day.into_iter().chain(month).collect();
    (!known.is_empty()).then(|| known.join(", "))
}
