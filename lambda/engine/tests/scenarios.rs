//! Plays every file of `scenarios/` against the guard: a thief with a strategy, a fault, a release. To add one, write a
//! file.
//!
//! One line, one step, in order; `#` begins a comment. `account NAME` says whom the lines after it are about. What is
//! in the world is said in the words of `runawaytrain_testbed::script`; what the guard does and must have come to in
//! the words of [`step`] and [`expectation`]. Every file ends in what the halt must come to: nothing billable that is
//! not exempt and nothing that a thief could still use, within a time; or the residue, named in a mail or the report. A
//! file whose first line begins `# weakness:` says what does not hold yet: it must fail, so that whoever mends it takes
//! the line out. `SCENARIO=part-of-a-name` plays only those, `SEEDS=100` plays each with that many different thieves;
//! without either, one thief a file, always the same.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{PAYER, PHYSICS, QUIET, REGIONS, Scene, id, policy};
use runawaytrain_core::message::report::Answer;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{AccountId, RoleName, UserName};
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::ports::States;
use runawaytrain_testbed::script::{self, Change, Tokens};
use runawaytrain_testbed::{
    Call, Intent, Life, Principal, SimAccount, SimRole, SimUser, Testbed, Thief, Watched, watch,
};
use serde_json::{Value, json};

enum Step {
    Account(AccountId),
    Change(Change),
    After(Duration, Change),
    Thief(Intent),
    Sweep { killed: Option<Duration>, within: Option<Duration> },
    Ticks(u32),
    Wait(Duration),
    Send(Value),
    Busy(Duration),
    Mark,
    Expect(Expectation),
}

enum Expectation {
    State(String),
    QuietWithin(Duration),
    LockedWithin(Duration),
    Count(&'static str, usize),
    Thief(Vec<String>),
    ThiefTried(u32),
    ThiefRefused(u32),
    Mails(usize, String),
    MailSays(bool, String),
    ReportSays(bool, String),
    Calls(usize, usize, String),
    Opens(Principal, bool),
    Frozen(bool),
}

/// A scenario, read.
struct Play {
    policy: Value,
    steps: Vec<(usize, Step)>,
}

fn read(text: &str) -> Result<Play, String> {
    let mut play = Play { policy: json!({ "accounts": {} }), steps: Vec::new() };
    let mut whose = PHYSICS;
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let at = |error: String| format!("line {}: {error}: {line}", number + 1);
        if let Some(said) = line.strip_prefix("policy ") {
            set_policy(&mut play.policy, whose, said).map_err(at)?;
            continue;
        }
        if let Some(name) = line.strip_prefix("account ") {
            whose = [("payer", PAYER), ("physics", PHYSICS), ("quiet", QUIET)]
                .iter()
                .find(|known| known.0 == name)
                .ok_or("unknown account".to_owned())
                .map_err(at)?
                .1;
        }
        play.steps.push((number + 1, step(line, whose).map_err(at)?));
    }
    Ok(play)
}

/// `policy KEY.KEY VALUE` sets the account's own entry, `policy /KEY.KEY VALUE` the document's.
fn set_policy(document: &mut Value, whose: &str, said: &str) -> Result<(), String> {
    let (path, value) = said.split_once(' ').ok_or("a key and a value")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
    let mut place = match path.strip_prefix('/') {
        Some(_) => document,
        None => &mut document["accounts"][whose],
    };
    for key in path.trim_start_matches('/').split('.') {
        place = &mut place[key];
    }
    *place = value;
    Ok(())
}

/// The words of the guard's side: `sweep [killed D] [within D]` · `tick` (five minutes, then a sweep) · `ticks N` ·
/// `wait D` · `send JSON` · `table busy D` · `mark` (times are from here on; the first sweep marks by itself) · `after
/// D WORLD-LINE` · `thief …` · `expect …`.
fn step(line: &str, whose: &str) -> Result<Step, String> {
    if let Some(change) = script::change(line)? {
        return Ok(Step::Change(change));
    }
    let mut words = Tokens::new(line);
    let step = match words.next()? {
        "account" => return Ok(Step::Account(id(whose))),
        "after" => {
            let (pause, rest) = (words.duration()?, words.rest());
            Step::After(pause, script::change(&rest)?.ok_or("only the world changes after a while")?)
        }
        "thief" => return Ok(Step::Thief(script::thief(line)?)),
        "sweep" => {
            let killed = words.after("killed").map(|()| words.duration()).transpose()?;
            Step::Sweep { killed, within: words.after("within").map(|()| words.duration()).transpose()? }
        }
        "tick" => Step::Ticks(1),
        "ticks" => Step::Ticks(words.number()?),
        "wait" => Step::Wait(words.duration()?),
        "table" => {
            words.after("busy").ok_or("busy")?;
            Step::Busy(words.duration()?)
        }
        "mark" => Step::Mark,
        "send" => Step::Send(
            serde_json::from_str(&words.rest().replace("ACCOUNT", whose)).map_err(|error| error.to_string())?,
        ),
        "expect" => Step::Expect(expectation(&mut words)?),
        _ => return Err("nobody knows this word".to_owned()),
    };
    words.end()?;
    Ok(step)
}

/// The words after `expect`:
/// `state S` · `quiet within D` (the last billable instance) · `locked within D` (the thief's last usable credential) ·
/// `billable|stopped|terminated N` · `thief locked` · `thief keeps user:NAME …` · `thief tried N` · `thief refused N`
/// (at least) · `mails N SUBJECT` · `mail [not] says TEXT` · `report [not] says TEXT` · `calls N|N-M DO` · `user NAME
/// open|locked` · `role NAME open|locked` · `frozen` · `not-frozen`.
fn expectation(words: &mut Tokens<'_>) -> Result<Expectation, String> {
    let says = |words: &mut Tokens<'_>| -> Result<(bool, String), String> {
        let yes = words.after("not").is_none();
        words.after("says").ok_or("says")?;
        Ok((yes, words.rest()))
    };
    Ok(match words.next()? {
        "state" => Expectation::State(words.owned()?),
        what @ ("quiet" | "locked") => {
            words.after("within").ok_or("within")?;
            let limit = words.duration()?;
            if what == "quiet" { Expectation::QuietWithin(limit) } else { Expectation::LockedWithin(limit) }
        }
        "billable" => Expectation::Count("billable", words.number()?),
        "stopped" => Expectation::Count("stopped", words.number()?),
        "terminated" => Expectation::Count("terminated", words.number()?),
        "commitments" => Expectation::Count("commitments", words.number()?),
        "invocations" => Expectation::Count("invocations", words.number()?),
        "thief" => match words.next()? {
            "locked" => Expectation::Thief(Vec::new()),
            "keeps" => Expectation::Thief(words.rest().split(' ').map(str::to_owned).collect()),
            "tried" => Expectation::ThiefTried(words.number()?),
            "refused" => Expectation::ThiefRefused(words.number()?),
            _ => return Err("locked, keeps, tried or refused".to_owned()),
        },
        "mails" => Expectation::Mails(words.number()?, words.rest()),
        "mail" => says(words).map(|(yes, text)| Expectation::MailSays(yes, text))?,
        "report" => says(words).map(|(yes, text)| Expectation::ReportSays(yes, text))?,
        "calls" => {
            let range = words.next()?;
            let (least, most) = range.split_once('-').unwrap_or((range, range));
            let number = |word: &str| word.parse().map_err(|_| format!("{word:?} is not a number"));
            Expectation::Calls(number(least)?, number(most)?, words.owned()?)
        }
        kind @ ("user" | "role") => {
            let name = words.next()?;
            let principal = if kind == "user" {
                Principal::User(UserName::new(name))
            } else {
                Principal::Role(RoleName::new(name))
            };
            let open = match words.next()? {
                "open" => true,
                "locked" => false,
                _ => return Err("open or locked".to_owned()),
            };
            Expectation::Opens(principal, open)
        }
        "frozen" => Expectation::Frozen(true),
        "not-frozen" => Expectation::Frozen(false),
        other => return Err(format!("nobody can expect {other:?}")),
    })
}

/// A scenario under way.
struct Stage {
    scene: Scene,
    account: AccountId,
    watched: Arc<Mutex<Watched>>,
    answer: Option<Answer>,
    mark: Option<Duration>,
}

impl Stage {
    async fn take(&mut self, step: Step) -> Result<(), String> {
        let testbed = self.scene.testbed.clone();
        match step {
            Step::Account(account) => {
                if !testbed.world.accounts().contains(&account) {
                    let name = [(PAYER, "payer"), (PHYSICS, "physics"), (QUIET, "quiet")]
                        .iter()
                        .find(|(known, _)| *known == account.as_str())
                        .unwrap()
                        .1;
                    testbed.world.add(&account, SimAccount::new(name, &REGIONS));
                }
                self.account = account;
            }
            Step::Change(change) => change(&testbed.world, &self.account),
            Step::After(pause, change) => {
                let account = self.account.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    change(&testbed.world, &account);
                });
            }
            Step::Thief(intent) => {
                self.watched.lock().unwrap().thief = Some(Thief::loose(&testbed.world, &self.account, intent))
            }
            Step::Sweep { killed, within } => {
                self.mark.get_or_insert(testbed.clock.elapsed());
                let sweep = self.scene.send_within(json!({}), within.map_or_else(Deadline::never, Deadline::within));
                match killed {
                    None => self.answer = Some(sweep.await),
                    Some(life) => drop(tokio::time::timeout(life, sweep).await),
                }
            }
            Step::Ticks(number) => {
                self.mark.get_or_insert(testbed.clock.elapsed());
                for _ in 0..number {
                    self.answer = Some(self.scene.tick().await);
                }
            }
            Step::Wait(pause) => tokio::time::sleep(pause).await,
            Step::Send(event) => self.answer = Some(self.scene.send(event).await),
            Step::Busy(time) => testbed.ledger.busy_for(time, FailureKind::Throttled),
            Step::Mark => {
                self.mark = Some(testbed.clock.elapsed());
                self.watched.lock().unwrap().forget();
            }
            Step::Expect(expectation) => return self.check(expectation).await,
        }
        Ok(())
    }

    fn since_mark(&self, at: Duration) -> Duration {
        at.saturating_sub(self.mark.unwrap_or_default())
    }

    async fn check(&self, expectation: Expectation) -> Result<(), String> {
        let testbed = &self.scene.testbed;
        let with = |read: &dyn Fn(&mut SimAccount) -> usize| testbed.world.with(&self.account, |known| read(known));
        let lives = |wanted: fn(&Life) -> bool| {
            with(&|known| {
                known
                    .regions
                    .values()
                    .flat_map(|region| &region.instances)
                    .filter(|instance| wanted(&instance.life))
                    .count()
            })
        };
        self.watched.lock().unwrap().sample(testbed);
        let watched = self.watched.lock().unwrap();
        let mails = testbed.mailbox.mails();
        let found = |ok: bool, found: String| if ok { Ok(()) } else { Err(found) };
        match expectation {
            Expectation::State(wanted) => {
                drop(watched);
                let state = testbed
                    .ledger
                    .load(&self.account)
                    .await
                    .unwrap()
                    .map_or_else(|| "none".to_owned(), |stored| stored.record.state.to_string());
                found(state == wanted, format!("it is {state}"))
            }
            Expectation::QuietWithin(limit) => {
                let last = watched.ran.get(&self.account).map(|at| self.since_mark(*at)).unwrap_or_default();
                let now = with(&|known| watched.billable(known));
                found(now == 0 && last <= limit, format!("{now} run now, something last ran after {last:?}"))
            }
            Expectation::LockedWithin(limit) => {
                let (last, now) =
                    (watched.usable.map(|at| self.since_mark(at)).unwrap_or_default(), watched.usable(&testbed.world));
                found(
                    now.is_empty() && last <= limit,
                    format!("{now:?} are usable now, something last was after {last:?}"),
                )
            }
            Expectation::Count(what, wanted) => {
                let number = match what {
                    "billable" => with(&|known| known.billable().count()),
                    "stopped" => lives(|life| *life == Life::Stopped),
                    "commitments" => with(&|known| known.commitments as usize),
                    "invocations" => with(&|known| known.invocations as usize),
                    _ => lives(|life| *life == Life::Terminated),
                };
                found(number == wanted, format!("there are {number}"))
            }
            Expectation::Thief(wanted) => {
                let usable = watched.usable(&testbed.world);
                found(usable == wanted, format!("it keeps {usable:?}"))
            }
            Expectation::ThiefTried(least) => {
                let deeds = watched.thief.as_ref().map_or(0, Thief::deeds);
                found(deeds >= least, format!("it did {deeds} deeds"))
            }
            Expectation::ThiefRefused(least) => {
                let refusals = watched.thief.as_ref().map_or(0, Thief::refusals);
                found(refusals >= least, format!("it was refused {refusals} times"))
            }
            Expectation::Mails(wanted, subject) => {
                let subjects = self.scene.subjects();
                found(self.scene.mails(&subject) == wanted, format!("subjects are {subjects:?}"))
            }
            Expectation::MailSays(yes, text) => {
                let says = mails.iter().any(|mail| mail.says(&text));
                found(
                    says == yes,
                    mails.last().map_or_else(String::new, |mail| {
                        format!("{} mails, the last one:\n{}\n{}", mails.len(), mail.subject, mail.body)
                    }),
                )
            }
            Expectation::ReportSays(yes, text) => {
                let report = serde_json::to_string(&self.answer).unwrap();
                found(report.contains(&text) == yes, report.chars().take(4_000).collect())
            }
            Expectation::Calls(least, most, what) => {
                let is_one = |call: &&Call| {
                    call.account == self.account && serde_json::to_value(&call.action).unwrap()["do"] == json!(what)
                };
                let number = testbed.world.calls().iter().filter(is_one).count();
                found((least..=most).contains(&number), format!("there were {number}"))
            }
            Expectation::Opens(principal, wanted) => {
                let open = testbed.world.with(&self.account, |known| match &principal {
                    Principal::User(name) => known.users.get(name).is_some_and(SimUser::can_act),
                    Principal::Role(name) => known.roles.get(name).is_some_and(SimRole::can_act),
                });
                found(open == wanted, format!("open: {open}"))
            }
            Expectation::Frozen(wanted) => {
                let frozen = testbed.world.with(&self.account, |known| known.is_frozen());
                found(frozen == wanted, format!("frozen: {frozen}"))
            }
        }
    }
}

/// Plays a file; gives what did not come true, and what is to be said of it in the table.
async fn play(file: &Path, seed: u64) -> (Vec<String>, String) {
    let text = std::fs::read_to_string(file).unwrap();
    let Play { policy: document, steps } = match read(&text) {
        Ok(play) => play,
        Err(error) => return (vec![error], String::new()),
    };
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    testbed.world.add(&id(PHYSICS), SimAccount::new("physics", &REGIONS));
    let policy = policy(document);
    let exempt = [PHYSICS, QUIET, PAYER]
        .iter()
        .flat_map(|account| policy.for_account(&id(account), None).exempt.instances)
        .collect();
    let watched = Arc::new(Mutex::new(Watched { exempt, ..Watched::default() }));
    let mut stage = Stage {
        scene: Scene::new(testbed.clone(), policy),
        account: id(PHYSICS),
        watched: Arc::clone(&watched),
        answer: None,
        mark: None,
    };
    let sampler = watch(testbed, watched);
    let mut failures = Vec::new();
    for (number, mut step) in steps {
        if let Step::Thief(intent) = &mut step {
            intent.seed += seed;
        }
        if let Err(failure) = stage.take(step).await {
            let line = text.lines().nth(number - 1).unwrap_or_default().trim();
            failures.push(format!("line {number}: {line}\n      but {failure}"));
        }
    }
    sampler.abort();
    let watched = stage.watched.lock().unwrap();
    let seconds = |at: Option<&Duration>| {
        at.map_or_else(|| "     -".to_owned(), |at| format!("{:5.1}s", stage.since_mark(*at).as_secs_f64()))
    };
    let thief = watched
        .thief
        .as_ref()
        .map_or_else(String::new, |thief| format!("  thief: {} deeds, {} refused", thief.deeds(), thief.refusals()));
    (
        failures,
        format!("quiet {}  locked {}{thief}", seconds(watched.ran.get(&id(PHYSICS))), seconds(watched.usable.as_ref())),
    )
}

#[test]
fn every_scenario_ends_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let wanted = std::env::var("SCENARIO").unwrap_or_default();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    files.sort();
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1);
    let mut failed = Vec::new();
    for file in files.iter().filter(|file| file.to_string_lossy().contains(&wanted)) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        for seed in 0..seeds {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let (failures, times) = runtime.block_on(play(file, seed));
            let known_weakness = std::fs::read_to_string(file).unwrap().starts_with("# weakness:");
            if seed == 0 || !failures.is_empty() {
                let word = match (failures.is_empty(), known_weakness) {
                    (true, _) => "ok  ",
                    (false, true) => "weak",
                    (false, false) => "FAIL",
                };
                println!("{word} {name:<40} {times}");
            }
            if known_weakness {
                if failures.is_empty() && seeds == 1 {
                    failed.push(format!("{name}.txt holds now: take its line `# weakness:` out"));
                }
                continue;
            }
            let with = if seed == 0 { String::new() } else { format!(" with seed + {seed}") };
            failed.extend(failures.into_iter().map(|failure| format!("{name}.txt{with} {failure}")));
        }
    }
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n"));
}
