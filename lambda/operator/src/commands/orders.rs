//! The commands that have the guard change an account: halt and release.

use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::text::{clean, count};
use runawaytrain_engine::ports::Ports;
use serde_json::{Value, json};

use super::site::{PAYERS_ROLE, Site, not_deployed, refused};
use crate::accounts::Named;
use crate::answer::{Account, Answer};
use crate::arguments::{Common, Halt, Output, Release};
use crate::exit::{DONE, NOT_DONE};
use crate::follow::{self, Latest};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::rows::{Row, Tone};
use crate::terminal::{Terminal, is_attended};

pub async fn halt(common: &Common, options: &Halt, progress: &Progress, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let account = site.account(&options.account).await?;
    let warning = format!(
        "A halt of {} ({}) stops what runs in it, locks its users and roles out, and keeps it so until a release.",
        account.name, account.id
    );
    if !options.yes && !is_meant(&account, &warning, terminal).await {
        return Ok(NOT_DONE);
    }
    let event = json!({ "action": "halt", "account": account.id, "reason": options.reason });
    let order = Order { text: format!("halt {}", account.name), event, is_settled: |state| state == State::Halted };
    let said = order.give(&site, &account, progress).await?;
    tell(&said, &account, common, terminal)
}

pub async fn release(
    common: &Common,
    options: &Release,
    progress: &Progress,
    terminal: Terminal,
) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let account = site.account(&options.account).await?;
    let warning = format!(
        "A release of {} ({}) lifts its quarantine and gives back what its halt took, but for what is under suspicion.",
        account.name, account.id
    );
    if !options.yes && !is_meant(&account, &warning, terminal).await {
        return Ok(NOT_DONE);
    }
    let event = event_of(options, &account);
    let is_settled = |state: State| !state.is_contained();
    let order = Order { text: format!("release {}", account.name), event, is_settled };
    let said = order.give(&site, &account, progress).await?;
    let code = tell(&said, &account, common, terminal)?;
    if !Answer::read(&said).accounts().iter().all(|found| found.plan.skipped.is_empty()) {
        terminal.say("What else is yours, name: --user, --role, --key, --trust, --instance; --start starts all that was stopped.");
    }
    Ok(code)
}

fn event_of(options: &Release, account: &Named) -> Value {
    let start = match (&options.instance[..], options.start) {
        ([], start) => json!(start),
        (instances, _) => json!(instances),
    };
    json!({
        "action": "release",
        "account": account.id,
        "users": options.user,
        "roles": options.role,
        "keys": options.key,
        "trust": options.trust,
        "start": start,
    })
}

/// Whether the person meant it: they type the account's name.
async fn is_meant(account: &Named, warning: &str, terminal: Terminal) -> bool {
    terminal.warn(warning);
    if !is_attended() {
        terminal
            .say("Not asked, since this is no terminal, or runs in the background: --yes answers. Nothing was done.");
        return false;
    }
    let is_meant = terminal.typed(&format!("Type {} to go on:", account.name), &account.name).await;
    if !is_meant {
        terminal.say("That is not its name. Nothing was done.");
    }
    is_meant
}

/// What the guard is told to do.
struct Order {
    text: String,
    event: Value,
    /// Whether an account is where the order leaves it.
    is_settled: fn(State) -> bool,
}

impl Order {
    /// Tells the guard, and shows how it goes on. Where the connection breaks the guard goes on, and so does this: by
    /// what it writes down.
    async fn give(&self, site: &Site, account: &Named, progress: &Progress) -> Result<Value, Problem> {
        let ports = site.ports(PAYERS_ROLE).await?;
        let latest = Latest::default();
        let follow = follow::follow(&account.id, &*ports.states, &*ports.journal, &latest);
        progress.has_begun(&format!("the guard goes on with it; `runawaytrain status {}` follows", account.id));
        let asked = async {
            tokio::select! {
                answer = site.cloud.ask_guard(&self.event) => answer,
                // It never ends.
                () = follow => Ok(Value::Null),
            }
        };
        match site.terminal.step_showing(&self.text, asked, || latest.said()).await {
            Ok(answer) => Ok(answer),
            Err(failure) if failure.kind == FailureKind::Unavailable && failure.code.is_none() => {
                self.wait(site, account, &ports).await
            }
            Err(failure) => Err(not_deployed(failure.into())),
        }
    }

    async fn wait(&self, site: &Site, account: &Named, ports: &Ports) -> Result<Value, Problem> {
        let text = format!("the connection broke; {} goes on, and is followed", self.text);
        let settled = async {
            let state = follow::until_settled(&account.id, &*ports.states, self.is_settled).await;
            state.ok_or_else(|| Problem::Stays {
                what: format!("{} did not come to its end within 15 minutes", self.text),
                todo: format!("runawaytrain status {}", account.id),
            })
        };
        let state = site.terminal.step(&text, settled).await?;
        Ok(json!({ "statusCode": 200, "body": format!("{} is {state}.", account.name), "report": { "accounts": [] } }))
    }
}

/// What became of it. The guard's own sentence is the last word.
fn tell(said: &Value, account: &Named, common: &Common, terminal: Terminal) -> Result<u8, Problem> {
    let answer = Answer::read(said);
    if common.output == Output::Json {
        println!("{said:#}");
    }
    if !answer.is_done() {
        return Err(refused(answer.status, &clean(&answer.body)));
    }
    let Some(found) = answer.accounts().first() else {
        terminal.conclusion(&clean(&answer.body), true);
        return Ok(DONE);
    };
    if let Some(error) = &found.error {
        let todo = format!("runawaytrain status {}; then give the order again", account.id);
        return Err(Problem::Stays { what: format!("{}: {}", account.name, clean(error)), todo });
    }
    tell_outcomes(found, terminal);
    for skipped in &found.plan.skipped {
        terminal.say(&format!("  left as it is: {}: {}", clean(&skipped.item), clean(&skipped.reason)));
    }
    let failed = found.outcomes.iter().filter(|outcome| outcome.result == "failed").count() as u64;
    let proof = match &found.halt {
        Some(halt) if halt.contained => halt.seconds.map_or_else(String::new, |s| format!(" Proven after {s:.1} s.")),
        Some(_) if found.state.as_deref() == Some("Halting") => {
            " Not proven yet: the guard looks again in each sweep, and mails when it is.".to_owned()
        }
        Some(_) | None => String::new(),
    };
    let state = clean(found.state.as_deref().unwrap_or_default());
    let calls = if failed == 0 { String::new() } else { format!(" {} failed.", count(failed, "call")) };
    let is_good = failed == 0 && state != "Halting";
    terminal.conclusion(&format!("{} ({}) is {state}.{proof}{calls}", account.name, account.id), is_good);
    Ok(if is_good { DONE } else { NOT_DONE })
}

fn tell_outcomes(found: &Account, terminal: Terminal) {
    let rows: Vec<Row> = found
        .outcomes
        .iter()
        .map(|outcome| {
            let tone = if outcome.result == "failed" { Tone::Bad } else { Tone::Good };
            let why = outcome.reason.as_deref().map(clean).unwrap_or_default();
            Row::of([clean(&outcome.text), clean(&outcome.result), why]).toned(1, tone)
        })
        .collect();
    if !rows.is_empty() {
        terminal.rows("", &[("call", false), ("result", false), ("why", false)], &rows);
    }
}
