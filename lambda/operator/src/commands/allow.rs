//! `runawaytrain allow`: limits that are raised for one account for a time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runawaytrain_core::policy::Exception;
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::{clean, count};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::site::{NO_TABLE, Site, no_guard, not_deployed, refused};
use crate::accounts::{Named, Purpose};
use crate::answer::Answer;
use crate::arguments::{Allow, Common, Output, RaisedLimits};
use crate::exception;
use crate::exit::{DONE, NOT_SEEN};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::rows::Row;
use crate::terminal::Terminal;

/// Carries it out. The exit code.
pub async fn run(common: &Common, options: &Allow, progress: &Progress, terminal: Terminal) -> Result<u8, Problem> {
    let Allow { account, limits: RaisedLimits(limits), until, reason, list, revoke } = options;
    let is_made = !*list && !*revoke;
    if is_made && limits.is_empty() {
        return Err(Problem::Stays {
            what: "no limit is named, so there is nothing to raise".to_owned(),
            todo: "say how many, such as --instances 200; `runawaytrain allow --help` names every limit".to_owned(),
        });
    }
    let site = Site::reach(common, terminal).await?;
    let named = match account {
        Some(said) => Some(site.account(said, if *list { Purpose::Look } else { Purpose::Order }).await?),
        None => None,
    };
    match named {
        Some(account) if !*list => {
            let by = site.cloud.identity().await?.arn;
            let event = if *revoke {
                json!({ "action": "revoke", "account": account.id, "by": by })
            } else {
                json!({
                    "action": "allow", "account": account.id, "limits": limits, "until": until, "reason": reason,
                    "by": by,
                })
            };
            order(&site, &account, &event, common, progress).await
        }
        wanted => tell_all(&site, wanted.as_ref(), common).await,
    }
}

/// Has the guard make it or take it back.
async fn order(
    site: &Site,
    account: &Named,
    event: &Value,
    common: &Common,
    progress: &Progress,
) -> Result<u8, Problem> {
    let text = match event["action"].as_str() {
        Some("revoke") => format!("revoke the exception of {}", account.name),
        _ => format!("make an exception for {}", account.name),
    };
    progress.has_begun(&format!("the guard goes on with it; `runawaytrain status {}` follows", account.id));
    let said = site.terminal.step(&text, site.cloud.ask_guard(event)).await;
    let said = said.map_err(|failure| not_deployed(failure.into()))?;
    let answer = Answer::read(&said);
    if !answer.is_done() {
        return Err(refused(answer.status, &clean(&answer.body)));
    }
    if common.output == Output::Json {
        site.terminal.document(said.get("report").unwrap_or(&Value::Null));
    }
    site.terminal.conclusion(&conclusion(account, &said), true);
    Ok(DONE)
}

fn conclusion(account: &Named, said: &Value) -> String {
    let report = said.get("report").unwrap_or(&Value::Null);
    let name = format!("{} ({})", account.name, account.id);
    let Some(made) = report.get("exception").and_then(|found| Exception::deserialize(found).ok()) else {
        return format!("{name}: its own limits hold again. What is past them is halted at the next sweep.");
    };
    let state = report.get("state").and_then(Value::as_str).unwrap_or_default();
    let ends_no_halt = match state {
        "Halting" | "Halted" | "Frozen" => {
            format!(" It is {state} all the same: `runawaytrain release {}` ends that.", account.id)
        }
        _ => String::new(),
    };
    let told = exception::told(&made);
    format!("{name} may have {told}. Then its own limits hold again.{ends_no_halt}")
}

/// Every exception that holds, or that of one account.
async fn tell_all(site: &Site, wanted: Option<&Named>, common: &Common) -> Result<u8, Problem> {
    let table = site.table().await?;
    let records = match site.terminal.step("read what the guard remembers", table.records()).await {
        Err(failure) if failure.code.as_deref() == Some(NO_TABLE) => return Err(no_guard()),
        read => read?,
    };
    let now = Timestamp::now();
    let is_wanted = |account: &AccountId| wanted.is_none_or(|one| one.id == *account);
    let holding: Vec<(&AccountRecord, &Exception)> = records
        .readable
        .values()
        .map(|known| &known.record)
        .filter(|record| is_wanted(&record.account))
        .filter_map(|record| Some((record, record.exception.as_ref().filter(|exception| exception.holds(now))?)))
        .collect();
    let unreadable: BTreeMap<&AccountId, String> = records
        .unreadable
        .iter()
        .filter(|(account, _)| is_wanted(account))
        .map(|(account, record)| (account, clean(&record.failure.to_string())))
        .collect();
    if common.output == Output::Json {
        let entry = |(record, exception): &(&AccountRecord, &Exception)| json!({ "account": record.account, "name": record.name, "exception": exception });
        let exceptions: Vec<Value> = holding.iter().map(entry).collect();
        site.terminal.document(&json!({ "exceptions": exceptions, "unreadable": unreadable }));
    }
    let rows: Vec<Row> = holding
        .iter()
        .map(|(record, exception)| {
            exception::row(record.account.as_str(), record.name.as_deref().unwrap_or_default(), exception)
        })
        .collect();
    if !rows.is_empty() {
        site.terminal.rows("", &exception::COLUMNS, &rows);
    }
    for (account, why) in &unreadable {
        site.terminal.warn(&format!("{account}: {why}"));
    }
    let mut number = match rows.len() as u64 {
        0 if !unreadable.is_empty() => "Of the accounts whose record can be read, none has an exception.".to_owned(),
        0 => "No exception holds.".to_owned(),
        1 => "1 exception holds.".to_owned(),
        many => format!("{} hold.", count(many, "exception")),
    };
    if !unreadable.is_empty() && !rows.is_empty() {
        number.push_str(" Others may, for not every record could be read.");
    }
    site.terminal.conclusion(&number, unreadable.is_empty());
    Ok(if unreadable.is_empty() { DONE } else { NOT_SEEN })
}
