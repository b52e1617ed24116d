//! The commands that have the guard change an account: halt and release.

use std::time::Duration;

use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::text::{clean, count};
use serde_json::{Value, json};

use super::console::{self, Wanted};
use super::site::{Site, not_deployed, refused};
use crate::accounts::{Named, Purpose};
use crate::answer::{Account, Answer};
use crate::arguments::{Common, Halt, Output, Release};
use crate::exit::{DONE, NOT_DONE};
use crate::follow::{self, Before, Ending, Latest};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::rows::{Row, Tone};
use crate::table::Table;
use crate::terminal::{Terminal, is_attended};

pub async fn halt(common: &Common, options: &Halt, progress: &Progress, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let account = site.account(&options.account, Purpose::Order).await?;
    let warning = format!(
        "A halt of {} ({}) stops what runs in it and locks its users and roles out, until it is released.",
        account.name, account.id
    );
    if !options.yes {
        is_meant(&account, &warning, terminal).await?;
    }
    let event = json!({ "action": "halt", "account": account.id, "reason": options.reason });
    let order = Order { text: format!("halt {}", account.name), event, is_settled: |state| state == State::Halted };
    let said = order.give(&site, &account, progress).await?;
    if common.output == Output::Json {
        terminal.document(&said);
    }
    order.tell(&said, &account, terminal)
}

pub async fn release(
    common: &Common,
    options: &Release,
    progress: &Progress,
    terminal: Terminal,
) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let account = site.account(&options.account, Purpose::Order).await?;
    let warning = format!(
        "A release of {} ({}) lifts its quarantine. Users, roles and keys come back where you name them, \
         instances with --start.",
        account.name, account.id
    );
    if !options.yes {
        is_meant(&account, &warning, terminal).await?;
    }
    let event = event_of(options, &account);
    let is_settled = |state: State| !state.is_contained();
    let order = Order { text: format!("release {}", account.name), event, is_settled };
    let mut said = order.give(&site, &account, progress).await?;
    let (told, answer) = (order.tell(&said, &account, terminal), Answer::read(&said));
    let wanted = options.user.first().filter(|_| options.console && told.is_ok());
    let made = match wanted {
        Some(user) => {
            let role = options.console_role.as_deref();
            let wanted = Wanted { user, role, profile: common.profile.as_deref() };
            Some(console::give(&site, &account, &wanted, &answer, progress).await)
        }
        None => None,
    };
    if common.output == Output::Json {
        let console = made.as_ref().map(|made| match made {
            Ok(access) => json!(access),
            Err(problem) => json!({ "problem": problem.to_string() }),
        });
        if let (Some(console), Value::Object(fields)) = (console, &mut said) {
            fields.insert("console".to_owned(), console);
        }
        terminal.document(&said);
    }
    let code = told?;
    if answer.accounts.iter().any(|found| !found.plan.skipped.is_empty()) {
        terminal.say(
            "To give more back, name it with --user, --role, --key or --start-only; --trust besides, where it was made \
             shortly before the halt; --start starts what the halt stopped.",
        );
    }
    if let Some(made) = made {
        console::tell(&made?, terminal);
    }
    Ok(code)
}

fn event_of(options: &Release, account: &Named) -> Value {
    let start = match (&options.start_only[..], options.start) {
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

/// Refuses what the person did not mean: they type the account's name.
pub(super) async fn is_meant(account: &Named, warning: &str, terminal: Terminal) -> Result<(), Problem> {
    terminal.caution(warning);
    if !is_attended() {
        return Err(Problem::Stays {
            what: "not asked whether this is meant, since this is no terminal, or runs in the background; nothing was \
                   done"
                .to_owned(),
            todo: "say --yes".to_owned(),
        });
    }
    if terminal.typed(&format!("Type {} to go on:", account.name), &account.name).await {
        return Ok(());
    }
    Err(Problem::Stays {
        what: "that is not its name; nothing was done".to_owned(),
        todo: format!("give the order again, and type {}", account.name),
    })
}

/// An answer comes at once after the last thing that is written.
const ANSWER_FOLLOWS: Duration = Duration::from_secs(20);

/// What the guard is told to do.
pub(super) struct Order {
    pub text: String,
    pub event: Value,
    /// Whether an account is where the order leaves it.
    pub is_settled: fn(State) -> bool,
}

impl Order {
    /// Tells the guard, and shows how it goes on. Where the answer is lost the guard goes on, and so does this: by what
    /// it writes down.
    pub async fn give(&self, site: &Site, account: &Named, progress: &Progress) -> Result<Value, Problem> {
        let table = site.table().await?;
        let before = Before::read(&account.id, &table).await;
        let latest = Latest::default();
        let follow = follow::follow(&account.id, &table, &latest);
        progress.has_begun(&format!("the guard goes on with it; `runawaytrain status {}` follows", account.id));
        let asked = async {
            tokio::select! {
                answer = site.cloud.ask_guard(&self.event) => answer.map(Some),
                // Some networks drop a connection on which nothing is said for minutes, and tell nobody.
                () = self.silence(account, &table, before) => Ok(None),
                // It never ends.
                () = follow => Ok(None),
            }
        };
        match site.terminal.step_showing(&self.text, asked, || latest.said()).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => self.wait(site, account, &table, before).await,
            Err(failure) if failure.kind == FailureKind::Unavailable && failure.code.is_none() => {
                self.wait(site, account, &table, before).await
            }
            Err(failure) => Err(not_deployed(failure.into())),
        }
    }

    /// Ends when the account has been where the order leaves it for so long that the answer must be lost.
    async fn silence(&self, account: &Named, table: &Table, before: Before) {
        let ending = follow::until_settled(&account.id, table, before, self.is_settled).await;
        if let Ending::Settled(_) = ending {
            tokio::time::sleep(ANSWER_FOLLOWS).await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    async fn wait(&self, site: &Site, account: &Named, table: &Table, before: Before) -> Result<Value, Problem> {
        let text = format!("the answer to “{}” was lost; look at what the guard writes down", self.text);
        let settled =
            async { Ok::<_, Problem>(follow::until_settled(&account.id, table, before, self.is_settled).await) };
        let again = format!("runawaytrain status {}", account.id);
        let (what, todo) = match site.terminal.step(&text, settled).await? {
            Ending::Settled(state) => {
                let entry = json!({ "account": account.id, "name": account.name, "state": state });
                let body = format!("{} is {state}.", account.name);
                return Ok(json!({ "statusCode": 200, "body": body, "report": { "accounts": [entry] } }));
            }
            Ending::Untouched => (
                "the order may not have reached the guard: nothing was written of it".to_owned(),
                "give it again".to_owned(),
            ),
            Ending::GoesOn => (format!("“{}” did not come to its end within 15 minutes", self.text), again),
            Ending::Unreadable(failure) => return Err(failure.into()),
        };
        Err(Problem::Stays { what, todo })
    }

    /// What became of it, by where the account is now.
    fn tell(&self, said: &Value, account: &Named, terminal: Terminal) -> Result<u8, Problem> {
        let answer = Answer::read(said);
        if !answer.is_done() {
            return Err(refused(answer.status, &clean(&answer.body)));
        }
        let status = format!("runawaytrain status {}", account.id);
        let Some(found) = answer.accounts.first() else {
            return Err(Problem::Stays {
                what: format!("the guard says: “{}”", clean(&answer.body)), todo: status
            });
        };
        if let Some(error) = &found.error {
            let todo = format!("{status}; then give the order again");
            return Err(Problem::Stays { what: format!("{}: {}", account.name, clean(error)), todo });
        }
        tell_outcomes(found, terminal);
        for skipped in &found.plan.skipped {
            terminal.say(&format!("  left as it is: {}: {}", clean(&skipped.item), clean(&skipped.reason)));
        }
        let name = clean(found.state.as_deref().unwrap_or_default());
        let state = State::ALL.into_iter().find(|state| state.to_string() == name);
        if state != Some(State::Halting) && !state.is_some_and(self.is_settled) {
            let mode = clean(&found.mode);
            let what =
                format!("“{}” was not carried out: {} is {name}, and its mode is {mode}", self.text, account.name);
            return Err(Problem::Stays {
                what,
                todo: format!("{status}; `policy explain {}` says who set the mode", account.id),
            });
        }
        let failed = found.outcomes.iter().filter(|outcome| outcome.result == "failed").count() as u64;
        let mut parts = vec![format!("{} ({}) is {name}.", account.name, account.id)];
        parts.extend(proof(found));
        if failed > 0 {
            parts.push(format!("{} failed.", count(failed, "call")));
        }
        if answer.undone > 0 {
            parts.push(format!("{} not done: give the order again.", steps(answer.undone)));
        }
        let is_good = failed == 0 && answer.undone == 0 && state != Some(State::Halting);
        terminal.conclusion(&parts.join(" "), is_good);
        Ok(if is_good { DONE } else { NOT_DONE })
    }
}

fn steps(undone: u64) -> String {
    format!("{} {}", count(undone, "step"), if undone == 1 { "was" } else { "were" })
}

fn proof(found: &Account) -> Option<String> {
    let halt = found.halt.as_ref()?;
    if halt.contained {
        return halt.seconds.map(|seconds| format!("Proven after {seconds:.1} s."));
    }
    (found.state.as_deref() == Some("Halting"))
        .then(|| "Not proven yet: the guard looks again in each sweep, and mails when it is.".to_owned())
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
