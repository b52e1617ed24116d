//! The commands that only look: check, drill, status, history.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::{clean, count};
use serde_json::{Value, json};

use super::site::{NO_TABLE, Site, no_guard, refused};
use crate::accounts::{Named, Purpose};
use crate::answer::{Account, Answer, DeniedCalls};
use crate::arguments::{Check, Common, Drill, History, Output, StatusArguments};
use crate::check;
use crate::exception;
use crate::exit::{DONE, NOT_SEEN, OVER_LIMIT};
use crate::history;
use crate::plan::{self, Group};
use crate::problem::Problem;
use crate::rows::{Row, Tone};
use crate::terminal::Terminal;

const STATUS_COLUMNS: [(&str, bool); 6] =
    [("account", false), ("name", false), ("state", false), ("since (UTC)", false), ("running", true), ("why", false)];
/// Of one reason or heading only so many are told; the JSON has them all.
const SHOWN: usize = 12;

pub async fn check(common: &Common, options: &Check, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let mut ids = Vec::new();
    for said in &options.accounts {
        ids.push(site.account(said, Purpose::Look).await?.id);
    }
    let event =
        if ids.is_empty() { json!({ "action": "drill" }) } else { json!({ "action": "drill", "accounts": ids }) };
    let Some(seconds) = options.watch else { return one_check(&site, &event, common, options).await };
    if common.output == Output::Json {
        return Err(Problem::Stays {
            what: "--watch is for people: it would be many documents".to_owned(),
            todo: "leave --watch or --output json out".to_owned(),
        });
    }
    loop {
        terminal.bold(&format!("\n{} UTC", history::moment(Timestamp::now())));
        // What stands in the way of one look may be gone at the next.
        if let Err(problem) = one_check(&site, &event, common, options).await {
            terminal.problem(&problem.to_string(), problem.cure().as_ref());
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

async fn one_check(site: &Site, event: &Value, common: &Common, options: &Check) -> Result<u8, Problem> {
    let answer = site.drill("look at every account and region", event, &options.own).await?;
    tell_check(&answer, common, site.terminal)
}

fn tell_check(answer: &Value, common: &Common, terminal: Terminal) -> Result<u8, Problem> {
    let answer = Answer::read(answer);
    if !answer.is_done() {
        return Err(refused(answer.status, &clean(&answer.body)));
    }
    if !answer.is_whole() {
        return Err(Problem::Stays {
            what: format!("the guard's answer about {} accounts was too long for Lambda to hand on", answer.expected),
            todo: "name some accounts, or say --own, which has no such bound".to_owned(),
        });
    }
    let lines = check::lines(&answer);
    let (said, code) = check::conclusion(&lines, answer.unlisted.as_deref());
    if common.output == Output::Json {
        terminal.document(&json!({ "accounts": lines, "unlisted": answer.unlisted }));
    }
    let rows: Vec<Row> = lines.iter().map(check::Line::row).collect();
    terminal.rows("", &check::COLUMNS, &rows);
    let excepted = |line: &check::Line| Some((line.name.clone(), exception::told(line.exception.as_ref()?)));
    let exceptions: Vec<String> =
        lines.iter().filter_map(excepted).map(|(name, raised)| format!("{name}: {raised}")).collect();
    if !exceptions.is_empty() {
        terminal.bold("\nExceptions");
        tell_some(&exceptions, terminal);
    }
    let gaps: Vec<String> =
        lines.iter().flat_map(|line| line.gaps.iter().map(|gap| format!("{}: {gap}", line.name))).collect();
    if !gaps.is_empty() {
        terminal.bold("\nNot seen");
        tell_some(&gaps, terminal);
    }
    terminal.conclusion(&said, code == DONE);
    Ok(code)
}

pub async fn drill(common: &Common, options: &Drill, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let account = site.account(options.account.as_deref().unwrap_or_default(), Purpose::Look).await?;
    let event = json!({ "action": "drill", "accounts": [account.id] });
    let said = site.drill(&format!("look at {}", account.name), &event, &options.own).await?;
    let answer = Answer::read(&said);
    let found = match answer.accounts.first() {
        Some(found) if answer.is_done() => found,
        _ => return Err(refused(answer.status, &clean(&answer.body))),
    };
    if common.output == Output::Json {
        terminal.document(said.pointer("/report/accounts/0").unwrap_or(&Value::Null));
    }
    terminal.bold(&format!("{} ({}): {}", account.name, account.id, plan::standing(found)));
    tell_plan(found, terminal);
    let is_whole = found.verdict.is_some() && !found.unseen && found.gaps.is_empty();
    Ok(if is_whole { DONE } else { NOT_SEEN })
}

fn tell_plan(found: &Account, terminal: Terminal) {
    if found.plan.actions.is_empty() {
        terminal.say("A halt would find nothing to do.");
    } else {
        terminal.say("What a halt would do, were it ordered now. Nothing was touched.");
    }
    for Group { heading, actions } in plan::groups(found) {
        terminal.bold(&format!("\n{heading}"));
        tell_some(&actions, terminal);
    }
    if !found.plan.local_disks.is_empty() {
        terminal.bold("\nErased for good: the local disks of");
        let disks: Vec<String> = found.plan.local_disks.iter().map(|disks| clean(disks)).collect();
        tell_some(&disks, terminal);
    }
    let left = plan::left_alone(&found.plan.skipped);
    if !left.is_empty() {
        terminal.bold("\nLeft alone");
        let rows: Vec<Row> = left.iter().map(|group| Row::of([some(&group.actions), group.heading.clone()])).collect();
        terminal.rows("", &[("what", false), ("why", false)], &rows);
    }
    if !found.suspects.is_empty() {
        terminal.bold("\nLook at these yourself");
        let suspects: Vec<String> = found.suspects.iter().map(|suspect| clean(suspect)).collect();
        tell_some(&suspects, terminal);
    }
    tell_permissions(found, terminal);
    if !found.gaps.is_empty() {
        terminal.bold("\nNot seen");
        let gaps: Vec<String> = found.gaps.iter().map(|gap| clean(&format!("{}: {}", gap.at, gap.reason))).collect();
        tell_some(&gaps, terminal);
    }
}

/// Whether the guard may do all this, as AWS's policy simulator says.
fn tell_permissions(found: &Account, terminal: Terminal) {
    let Some(permissions) = &found.permissions else { return };
    for DeniedCalls { by, calls } in &permissions.denied {
        terminal.bold(&format!("\nDenied to the guard by the {}", clean(by)));
        let calls: Vec<String> = calls.iter().map(|call| clean(call)).collect();
        tell_some(&calls, terminal);
    }
    if let Some(why) = &permissions.unknown {
        terminal.warn(&format!("\nWhether the guard may do all this is not known: {}", clean(why)));
    }
}

fn tell_some(lines: &[String], terminal: Terminal) {
    for line in lines.iter().take(SHOWN) {
        terminal.say(&format!("  {line}"));
    }
    if lines.len() > SHOWN {
        terminal.say(&format!("  … and {} more; --output json has them all", lines.len() - SHOWN));
    }
}

fn some(items: &[String]) -> String {
    runawaytrain_core::vocabulary::text::some_of(items, SHOWN)
}

pub async fn status(common: &Common, options: &StatusArguments, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let mut wanted = Vec::new();
    for said in &options.accounts {
        wanted.push(site.account(said, Purpose::Look).await?);
    }
    let table = site.table().await?;
    let records = match terminal.step("read what the guard remembers", table.records()).await {
        Err(failure) if failure.code.as_deref() == Some(NO_TABLE) => return Err(no_guard()),
        read => read?,
    };
    let is_wanted = |account: &AccountId| wanted.is_empty() || wanted.iter().any(|one| one.id == *account);
    let mut known: Vec<&AccountRecord> =
        records.readable.values().map(|known| &known.record).filter(|record| is_wanted(&record.account)).collect();
    known.sort_by_key(|record| (rank(record), record.account.clone()));
    let unreadable: BTreeMap<&AccountId, String> = records
        .unreadable
        .iter()
        .filter(|(account, _)| is_wanted(account))
        .map(|(account, record)| (account, clean(&record.failure.to_string())))
        .collect();
    let unknown: Vec<&Named> = wanted
        .iter()
        .filter(|one| !records.readable.contains_key(&one.id) && !records.unreadable.contains_key(&one.id))
        .collect();
    if common.output == Output::Json {
        terminal.document(&json!({ "accounts": known, "unreadable": unreadable }));
    }
    let rows: Vec<Row> = known.iter().map(|record| remembered(record)).collect();
    terminal.rows("", &STATUS_COLUMNS, &rows);
    for (account, why) in &unreadable {
        terminal.warn(&format!("{account}: {why}"));
    }
    let now = Timestamp::now();
    let holding = known.iter().filter_map(|record| Some((record, record.exception.as_ref()?)));
    for (record, exception) in holding.filter(|(_, exception)| exception.holds(now)) {
        let name = record.name.as_deref().map_or_else(|| record.account.to_string(), clean);
        terminal.say(&format!("{name} may have {}", exception::told(exception)));
    }
    for one in &unknown {
        terminal.warn(&format!("{} ({}): the guard remembers nothing of it", one.name, one.id));
    }
    let contained = known.iter().filter(|record| record.state.is_contained()).count() as u64;
    let unseen = known.iter().filter(|record| record.unseen.is_some()).count() as u64;
    let all = count(known.len() as u64, "account");
    terminal.conclusion(&format!("{all} known, {contained} contained, {unseen} not seen whole."), contained == 0);
    let is_unseen = unseen > 0 || !unreadable.is_empty() || !unknown.is_empty();
    Ok(if contained > 0 {
        OVER_LIMIT
    } else if is_unseen {
        NOT_SEEN
    } else {
        DONE
    })
}

fn rank(record: &AccountRecord) -> usize {
    match record.state {
        state if state.is_contained() => 0,
        _ if record.unseen.is_some() => 1,
        State::Ok => 3,
        _ => 2,
    }
}

fn remembered(record: &AccountRecord) -> Row {
    let tone = [Tone::Bad, Tone::Warn, Tone::Warn, Tone::Good].get(rank(record)).copied();
    let why = record.unseen.as_ref().map_or(&record.why, |unseen| &unseen.why);
    let state =
        if record.unseen.is_some() { format!("{}, not seen whole", record.state) } else { record.state.to_string() };
    let running = record.last.as_ref().map(|last| last.instances.to_string());
    let row = Row::of([
        record.account.to_string(),
        clean(record.name.as_deref().unwrap_or_default()),
        state,
        history::moment(record.since),
        running.unwrap_or_default(),
        clean(why),
    ]);
    row.toned(2, tone.unwrap_or(Tone::Warn))
}

pub async fn history(common: &Common, options: &History, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let account = site.account(&options.account, Purpose::Look).await?;
    let table = site.table().await?;
    let record = site.record(&table, &account).await?;
    let look = history::read(&record, &table);
    let halts = terminal.step(&format!("read what was done to {}", account.name), look).await?;
    if common.output == Output::Json {
        terminal.document(&json!({
            "account": record.account,
            "name": account.name,
            "state": record.state,
            "since": record.since,
            "why": record.why,
            "halts": halts,
        }));
    }
    let since = history::moment(record.since);
    terminal.bold(&format!(
        "{} ({}): {} since {since} UTC, {}",
        account.name,
        account.id,
        record.state,
        clean(&record.why)
    ));
    if halts.is_empty() {
        terminal.say("Nothing that was done to it may still stand: it was never halted, or all was given back.");
    }
    for halt in &halts {
        let proven = halt.contained.map_or_else(String::new, |at| format!(", proven at {} UTC", history::moment(at)));
        let rows: Vec<Row> = halt.calls.iter().map(history::Call::row).collect();
        let title = format!("\nHalt of {} UTC{proven}", history::moment(halt.tripped));
        terminal.rows(&title, &history::COLUMNS, &rows);
    }
    let failed = halts.iter().flat_map(|halt| &halt.calls).any(|call| call.result == "failed");
    if failed {
        terminal.warn("\nSome calls failed; a later one may have done the same, see above.");
    }
    Ok(DONE)
}
