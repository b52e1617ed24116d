//! The commands that only look: check, drill, status, history.

use std::time::Duration;

use runawaytrain_core::vocabulary::text::clean;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::site::{PAYERS_ROLE, Site, not_deployed, refused};
use crate::answer::{Account, Answer, Remembered};
use crate::arguments::{Check, Common, Drill, History, Output, StatusArguments};
use crate::check;
use crate::exit::{DONE, NOT_SEEN, OVER_LIMIT};
use crate::history;
use crate::plan::{self, Group};
use crate::problem::Problem;
use crate::rows::{Row, Tone};
use crate::terminal::Terminal;

/// Of one reason or heading only so many are told; the JSON has them all.
const SHOWN: usize = 12;

pub async fn check(common: &Common, options: &Check, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let mut ids = Vec::new();
    for said in &options.accounts {
        ids.push(site.account(said).await?.id);
    }
    let event =
        if ids.is_empty() { json!({ "action": "drill" }) } else { json!({ "action": "drill", "accounts": ids }) };
    loop {
        let answer = site.drill("look at every account and region", &event, &options.own).await?;
        let code = tell_check(&answer, common, terminal)?;
        let Some(seconds) = options.watch else { return Ok(code) };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

fn tell_check(answer: &Value, common: &Common, terminal: Terminal) -> Result<u8, Problem> {
    let answer = Answer::read(answer);
    if !answer.is_done() {
        return Err(refused(answer.status, &clean(&answer.body)));
    }
    let lines = check::lines(&answer);
    let (said, code) = check::conclusion(&lines);
    if common.output == Output::Json {
        println!("{:#}", json!({ "accounts": lines }));
    }
    let rows: Vec<Row> = lines.iter().map(check::Line::row).collect();
    terminal.rows("", &check::COLUMNS, &rows);
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
    let account = site.account(&options.account).await?;
    let event = json!({ "action": "drill", "accounts": [account.id] });
    let said = site.drill(&format!("look at {}", account.name), &event, &options.own).await?;
    let answer = Answer::read(&said);
    let found = match answer.accounts().first() {
        Some(found) if answer.is_done() => found,
        _ => return Err(refused(answer.status, &clean(&answer.body))),
    };
    if common.output == Output::Json {
        println!("{:#}", said.pointer("/report/accounts/0").unwrap_or(&Value::Null));
    }
    terminal.bold(&format!("{} ({}): {}", account.name, account.id, plan::standing(found)));
    tell_plan(found, terminal);
    Ok(if found.verdict.is_none() { NOT_SEEN } else { DONE })
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
        tell_some(&found.plan.local_disks, terminal);
    }
    let left = plan::left_alone(&found.plan.skipped);
    if !left.is_empty() {
        terminal.bold("\nLeft alone");
        let rows: Vec<Row> = left.iter().map(|group| Row::of([some(&group.actions), group.heading.clone()])).collect();
        terminal.rows("", &[("what", false), ("why", false)], &rows);
    }
    if !found.gaps.is_empty() {
        terminal.bold("\nNot seen");
        let gaps: Vec<String> = found.gaps.iter().map(|gap| clean(&format!("{}: {}", gap.at, gap.reason))).collect();
        tell_some(&gaps, terminal);
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
    let mut ids = Vec::new();
    for said in &options.accounts {
        ids.push(site.account(said).await?.id.to_string());
    }
    let event = json!({ "action": "status" });
    let asked = site.cloud.ask_guard(&event);
    let answer = terminal.step("ask the guard what it remembers", asked).await;
    let said = answer.map_err(|failure| not_deployed(failure.into()))?;
    if said.get("statusCode").and_then(Value::as_u64) != Some(200) {
        let answer = Answer::read(&said);
        return Err(refused(answer.status, &clean(&answer.body)));
    }
    let all = said.pointer("/report/accounts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_asked_for = |entry: &&Value| {
        ids.is_empty() || entry.get("account").and_then(Value::as_str).is_some_and(|id| ids.iter().any(|one| one == id))
    };
    let entries: Vec<&Value> = all.iter().filter(is_asked_for).collect();
    if common.output == Output::Json {
        println!("{:#}", json!({ "accounts": entries, "unreadable": said.pointer("/report/unreadable") }));
    }
    let mut known: Vec<Remembered> = entries.iter().filter_map(|entry| Remembered::deserialize(*entry).ok()).collect();
    known.sort_by_key(|one| (rank(one), one.account.clone()));
    let rows: Vec<Row> = known.iter().map(remembered).collect();
    terminal.rows(
        "",
        &[("account", false), ("name", false), ("state", false), ("since", false), ("running", true), ("why", false)],
        &rows,
    );
    let body = said.get("body").and_then(Value::as_str).unwrap_or_default();
    let is_contained = known.iter().any(|one| rank(one) == 0);
    terminal.conclusion(&clean(body), !is_contained);
    let is_unseen = known.iter().any(|one| one.unseen.is_some());
    Ok(if is_contained {
        OVER_LIMIT
    } else if is_unseen {
        NOT_SEEN
    } else {
        DONE
    })
}

fn rank(one: &Remembered) -> u8 {
    match one.state.as_str() {
        "Halting" | "Frozen" | "Halted" => 0,
        _ if one.unseen.is_some() => 1,
        "Ok" => 3,
        _ => 2,
    }
}

fn remembered(one: &Remembered) -> Row {
    let tone = [Tone::Bad, Tone::Warn, Tone::Warn, Tone::Good].get(usize::from(rank(one))).copied();
    let why = one.unseen.as_ref().map_or(&one.why, |unseen| &unseen.why);
    let state = if one.unseen.is_some() { format!("{}, not seen whole", one.state) } else { one.state.clone() };
    let running = one.last.as_ref().and_then(|last| last.get("instances")).and_then(Value::as_u64);
    let row = Row::of([
        clean(&one.account),
        clean(one.name.as_deref().unwrap_or_default()),
        clean(&state),
        one.since.map(history::moment).unwrap_or_default(),
        running.map(|running| running.to_string()).unwrap_or_default(),
        clean(why),
    ]);
    row.toned(2, tone.unwrap_or(Tone::Warn))
}

pub async fn history(common: &Common, options: &History, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let account = site.account(&options.account).await?;
    let ports = site.ports(PAYERS_ROLE).await?;
    let look = async {
        let Some(known) = ports.states.load(&account.id).await? else { return Ok(None) };
        let halts = history::read(&known.record, &*ports.journal).await?;
        Ok::<_, Problem>(Some((known.record, halts)))
    };
    let found = match terminal.step(&format!("read what was done to {}", account.name), look).await {
        Err(Problem::Aws(failure)) if failure.code.as_deref() == Some("ResourceNotFoundException") => None,
        found => found?,
    };
    let Some((record, halts)) = found else {
        return Err(Problem::Stays {
            what: format!("the guard remembers nothing of {} ({})", account.name, account.id),
            todo: "`status` names every account that it knows; where no guard is deployed, there is none".to_owned(),
        });
    };
    if common.output == Output::Json {
        println!(
            "{:#}",
            json!({ "account": record.account, "name": account.name, "state": record.state, "since": record.since, "why": record.why, "halts": halts })
        );
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
