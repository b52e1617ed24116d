//! `drill --live`: one small instance in the canary account, to see it found, stopped, and the account given back.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::HaltId;
use runawaytrain_core::vocabulary::text::clean;
use runawaytrain_engine::ports::JournalEntry;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::orders::{Order, is_meant};
use super::site::{PAYERS_ROLE, Site, not_deployed, refused};
use crate::accounts::Named;
use crate::answer::Answer;
use crate::arguments::{Common, Drill, Output};
use crate::cloud::Cloud;
use crate::cloud::instances::{Canary, Stage, has_no_network};
use crate::exit::{DONE, NOT_DONE};
use crate::live::{self, GivenBack, Measured, Sighting, Step, Timeline};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::refusal;
use crate::table::Table;
use crate::terminal::Terminal;

/// Longer than between two sweeps, as a policy has them by default.
const PATIENCE: Duration = Duration::from_secs(900);
/// How often is looked.
const EVERY: Duration = Duration::from_secs(1);
/// A quarantine bites, and lets go, within seconds.
const SETTLES: Duration = Duration::from_secs(60);
/// What was just launched is not always listed at once.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
const SHOWS: Duration = Duration::from_secs(15);
/// EC2 terminates a stopped instance at once, a running one within a minute.
const ENDS: Duration = Duration::from_secs(300);

/// Where the drill takes place.
struct Place<'a> {
    site: &'a Site,
    account: Named,
    /// The canary account, in the canary's region. A halt may revoke the session: where the role was made lately.
    cloud: Mutex<Cloud>,
    role: &'a str,
    region: &'a str,
    table: Table,
    token: String,
    patience: Duration,
    /// The halt that the record told of before.
    before: Option<HaltId>,
    has_quarantine: bool,
}

/// Why the watch ended before all had come.
enum Cut {
    Interrupted,
    Problem(String),
}

/// What is known of the drill.
#[derive(Default)]
struct Known {
    instance: Option<Stage>,
    record: Option<AccountRecord>,
    entries: Vec<JournalEntry>,
    mails_wait: Option<bool>,
}

pub async fn drill(common: &Common, options: &Drill, progress: &Progress, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let canary = live::canary(&site.policy.policy)?;
    let account = site.account(canary.account.as_str()).await?;
    let role = options.own.role.as_deref().unwrap_or(PAYERS_ROLE);
    let table = site.table().await?;
    let record = site.record(&table, &account).await?;
    let eyes = site.eyes(role).await?;
    let policy = eyes.policy_for(&site.policy.policy, &account.id, record.path.as_deref()).await;
    live::suits(&policy)?;
    live::may_begin(&record)?;
    is_idle(&site, &account).await?;
    let cloud = site.cloud.enter(&account.id, role).await?.in_region(canary.region.as_str());
    let warning = format!(
        "A live drill launches one instance in {} ({}), {}, and has the guard halt the account for it: whatever works in \
         it is stopped and locked out, and console passwords of its users are lost. Then it gives the account back.",
        account.name, account.id, canary.region
    );
    if !options.yes {
        is_meant(&account, &warning, terminal).await?;
    }
    let place = Place {
        site: &site,
        account,
        cloud: Mutex::new(cloud),
        role,
        region: canary.region.as_str(),
        table,
        token: format!("canary-{}-{}", Timestamp::now().as_millisecond(), std::process::id()),
        patience: options.patience.map_or(PATIENCE, Duration::from_secs),
        before: record.halt.map(|halt| halt.id),
        has_quarantine: policy.contain.quarantine,
    };
    place.play(Timeline::new(Step::expected(&policy)), progress, common.output == Output::Json).await
}

/// Asks the guard for a drill of the account: whether there is one, and what runs there now.
async fn is_idle(site: &Site, account: &Named) -> Result<(), Problem> {
    let event = json!({ "action": "drill", "accounts": [account.id] });
    let asked = site.terminal.step(&format!("look at {}", account.name), site.cloud.ask_guard(&event)).await;
    let answer = Answer::read(&asked.map_err(|failure| not_deployed(failure.into()))?);
    match answer.accounts.first() {
        Some(found) if answer.is_done() => live::is_idle(found),
        _ => Err(refused(answer.status, &clean(&answer.body))),
    }
}

impl Place<'_> {
    fn cloud(&self) -> Cloud {
        self.cloud.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the drill launched, by id; by another session where this one is denied.
    async fn canaries(&self) -> Result<BTreeMap<String, Stage>, Failure> {
        match self.cloud().canaries(&self.token).await {
            Err(failure) if failure.kind == FailureKind::Denied => {
                let cloud = self.site.cloud.enter(&self.account.id, self.role).await?.in_region(self.region);
                *self.cloud.lock().unwrap_or_else(PoisonError::into_inner) = cloud.clone();
                cloud.canaries(&self.token).await
            }
            answer => answer,
        }
    }

    fn terminal(&self) -> Terminal {
        self.site.terminal
    }

    async fn play(&self, mut timeline: Timeline, progress: &Progress, is_document: bool) -> Result<u8, Problem> {
        let (id, terminal) = (&self.account.id, self.terminal());
        progress.minds_interruption();
        progress.has_begun(&format!(
            "an instance with the tag runawaytrain:canary may run in {id}, and the account may be halted: terminate the \
             one, and give the other back with `runawaytrain release {id}`"
        ));
        let mut known = Known::default();
        let mut measured = Measured { is_emulated: self.site.cloud.is_emulated(), ..Measured::default() };
        let begun = Instant::now();
        let launched = terminal.step("launch one instance", self.cloud().launch_canary(&self.token)).await;
        let (canary, cut) = match launched {
            Ok(canary) => {
                terminal.say(&format!("  {} is a {} with the tag runawaytrain:canary", canary.id, canary.size));
                let watch = self.watch(&canary, begun, &mut timeline, &mut known, &mut measured);
                let cut = tokio::select! {
                    cut = watch => cut,
                    () = progress.interrupted() => Some(Cut::Interrupted),
                };
                (Some(canary), cut)
            }
            Err(failure) => {
                if failure.kind.may_have_been_taken() {
                    sleep(SHOWS).await;
                }
                (None, Some(Cut::Problem(not_launched(&failure))))
            }
        };
        match &cut {
            Some(Cut::Problem(why)) => terminal.warn(&format!("✗ {why}")),
            Some(Cut::Interrupted) => {
                terminal.warn("interrupted: the instance is terminated and the account given back")
            }
            None => {}
        }
        let back = GivenBack::of(&known.entries);
        let unlisted = canary.as_ref().filter(|_| known.instance.is_none());
        let left = self.clear_away(canary.as_ref(), unlisted, &back, progress, &mut measured).await;
        if let (Some(record), false) = (&known.record, measured.is_emulated) {
            measured.until_proven = record.halt.as_ref().and_then(|halt| live::until_proven(halt, &known.entries));
            let home = self.cloud().in_region(runawaytrain_core::contract::HOME_REGION);
            measured.charges = home.dimensions_of_charges().await.ok();
        }
        let questions = live::questions(&timeline, &measured);
        let state = self.table.record(id).await.ok().flatten().map(|now| now.record.state);
        if is_document {
            terminal.document(&json!({
                "account": id,
                "name": self.account.name,
                "region": self.site.policy.policy.document().canary.as_ref().map(|canary| &canary.region),
                "instance": canary.as_ref().map(|canary| &canary.id),
                "size": canary.as_ref().map(|canary| &canary.size),
                "emulated": measured.is_emulated,
                "steps": timeline.came(),
                "missing": timeline.missing(),
                "problem": match &cut {
                    Some(Cut::Problem(why)) => Some(why.as_str()),
                    Some(Cut::Interrupted) => Some("interrupted"),
                    None => None,
                },
                "state": state,
                "lost": back.lost,
                "left": left,
                "questions": questions,
            }));
        }
        terminal.bold("\nWhat only AWS can tell");
        for one in &questions {
            let said = one.answer.as_deref().or(one.untold).unwrap_or_default();
            terminal.say(&format!("  {} {said}", one.question));
        }
        for lost in &back.lost {
            terminal.say(&format!("  cannot be given back: {lost}"));
        }
        if !left.is_empty() {
            terminal.bold("\nWhat stands");
            left.iter().for_each(|stands| terminal.warn(&format!("  {stands}")));
        }
        let is_good = left.is_empty() && cut.is_none() && timeline.missing().is_empty();
        let state = state.map_or_else(|| "in a state that could not be read".to_owned(), |state| state.to_string());
        let end = if left.is_empty() { "nothing of the drill is left" } else { "see what stands above" };
        let said = format!("{} ({id}) is {state}, and {end}.", self.account.name);
        terminal.conclusion(&said, is_good);
        if left.is_empty() {
            progress.has_begun("the instance is terminated, and the account is given back");
        }
        Ok(if is_good { DONE } else { NOT_DONE })
    }

    /// Looks until all came, and says each thing as it comes. Why not all did, where not.
    async fn watch(
        &self,
        canary: &Canary,
        begun: Instant,
        timeline: &mut Timeline,
        known: &mut Known,
        measured: &mut Measured,
    ) -> Option<Cut> {
        let mut last = Instant::now();
        let mut attached: Option<Instant> = None;
        loop {
            self.look(canary, known).await;
            let sighting = Sighting {
                instance: known.instance,
                before: self.before.as_ref(),
                record: known.record.as_ref(),
                entries: &known.entries,
                mails_wait: known.mails_wait,
            };
            for came in timeline.see(&sighting, begun.elapsed()) {
                last = Instant::now();
                self.terminal().say(&format!("  {:>7.1} s  {}", came.seconds, came.step.words()));
            }
            if timeline.has(Step::Quarantined) && !measured.is_emulated && measured.until_denied.is_none() {
                let attached = *attached.get_or_insert_with(Instant::now);
                if let Ok((is_permitted, code)) = self.cloud().try_launch(canary).await {
                    measured.until_denied = (!is_permitted).then(|| attached.elapsed());
                    measured.launch_in_quarantine = Some((is_permitted, code));
                }
            }
            let is_settled = !self.has_quarantine
                || measured.is_emulated
                || measured.until_denied.is_some()
                || attached.is_some_and(|attached| attached.elapsed() > SETTLES);
            let missing = timeline.missing();
            if missing.is_empty() && is_settled {
                return None;
            }
            if let Some(why) = sighting.obstacle() {
                return Some(Cut::Problem(why));
            }
            if let Some(step) = missing.first().filter(|_| last.elapsed() > self.patience) {
                let words = step.words();
                return Some(Cut::Problem(format!(
                    "“{words}” did not come within {} s of what came last; look at: {}",
                    self.patience.as_secs(),
                    step.look_at(self.account.id.as_str())
                )));
            }
            sleep(EVERY).await;
        }
    }

    /// What cannot be read now stays as it was known.
    async fn look(&self, canary: &Canary, known: &mut Known) {
        let account = &self.account.id;
        let (instances, record) = tokio::join!(self.canaries(), self.table.record(account));
        if let Ok(stage) = instances.map(|found| found.get(&canary.id).copied()) {
            known.instance = stage.or(known.instance);
        }
        let Ok(Some(record)) = record else { return };
        let halt = record.record.halt.as_ref().filter(|halt| Some(&halt.id) != self.before.as_ref());
        if let Some(halt) = halt {
            if let Ok(entries) = self.table.journal(account, &halt.id).await {
                known.entries = entries;
            }
            if halt.outcome_told
                && let Ok(waiting) = self.table.waiting().await
            {
                known.mails_wait = Some(waiting.iter().any(|item| item.notice.account == *account));
            }
        }
        known.record = Some(record.record);
    }

    /// Ends the instance and the halt, whatever happened before. What stands all the same, a sentence each.
    async fn clear_away(
        &self,
        canary: Option<&Canary>,
        unlisted: Option<&Canary>,
        back: &GivenBack,
        progress: &Progress,
        measured: &mut Measured,
    ) -> Vec<String> {
        let terminal = self.terminal();
        // Before the release, so that there is nothing to start or to judge. A lockdown may deny it until then.
        let first = self.terminate(unlisted).await;
        let released = self.release(back, progress).await;
        let begun = Instant::now();
        let mut ended = first;
        // New sessions of a role whose old ones were revoked are denied for half a minute more.
        while ended.as_ref().is_err_and(|failure| failure.kind == FailureKind::Denied) && begun.elapsed() < SETTLES {
            sleep(EVERY).await;
            ended = self.terminate(unlisted).await;
        }
        let mut left: Vec<String> = released.err().into_iter().collect();
        let is_over = async {
            ended?;
            self.until(ENDS, || async {
                let living = self.living().await?;
                // Whoever was denied before, by a session that the halt revoked, terminates it now.
                self.cloud().terminate(&living).await?;
                Ok::<_, Failure>(living.is_empty())
            })
            .await
        };
        match terminal.step("wait until the instance is terminated", is_over).await {
            Ok(true) => {}
            Ok(false) => left.push(self.instance_stands(canary, "it is not terminated yet")),
            Err(failure) => left.push(self.instance_stands(canary, &refusal::sentence(&failure))),
        }
        if let (Some(canary), true, false) = (canary, measured.launch_in_quarantine.is_some(), measured.is_emulated) {
            let is_permitted = || async { Ok::<_, Failure>(self.cloud().try_launch(canary).await?.0) };
            if left.is_empty() && self.until(SETTLES, is_permitted).await.unwrap_or_default() {
                measured.until_permitted = Some(begun.elapsed());
            }
        }
        left
    }

    fn instance_stands(&self, canary: Option<&Canary>, why: &str) -> String {
        let which = canary.map_or("an instance with the tag runawaytrain:canary", |canary| canary.id.as_str());
        format!("{which} may run in {} ({}): {why}; terminate it", self.account.name, self.account.id)
    }

    /// What the drill launched and is not gone.
    async fn living(&self) -> Result<Vec<String>, Failure> {
        let found = self.canaries().await?;
        let is_gone = |stage: Stage| stage == Stage::Terminated;
        Ok(found.into_iter().filter(|(_, stage)| !is_gone(*stage)).map(|(id, _)| id).collect())
    }

    /// Also where nobody knows whether anything was launched: by the tag; and what EC2 named and never listed.
    async fn terminate(&self, unlisted: Option<&Canary>) -> Result<(), Failure> {
        let work = async {
            let mut ids = self.living().await?;
            if let Some(canary) = unlisted.filter(|canary| !ids.contains(&canary.id)) {
                ids.push(canary.id.clone());
            }
            self.cloud().terminate(&ids).await
        };
        self.terminal().step("terminate the instance", work).await
    }

    /// Has the guard end the halt, where there is one. What stands, where it could not.
    async fn release(&self, back: &GivenBack, progress: &Progress) -> Result<(), String> {
        let (id, name) = (&self.account.id, &self.account.name);
        let stands = |why: &str| format!("{name} ({id}) may be halted: {why}; `{}`", back.command(id.as_str()));
        match self.table.record(id).await {
            Ok(Some(known)) if known.record.state.is_contained() => {}
            Ok(_) => return Ok(()),
            Err(failure) => return Err(stands(&refusal::sentence(&failure))),
        }
        let order = Order {
            text: format!("release {name}"),
            event: json!({
                "action": "release",
                "account": id,
                "users": back.users,
                "roles": back.roles,
                "keys": back.keys,
                "trust": back.names(),
                "start": false,
            }),
            is_settled: |state| !state.is_contained(),
        };
        let said: Value =
            order.give(self.site, &self.account, progress).await.map_err(|problem| stands(&problem.to_string()))?;
        let answer = Answer::read(&said);
        let state = answer.accounts.first().and_then(|found| found.state.clone()).unwrap_or_default();
        let is_free = State::ALL.iter().any(|one| one.to_string() == state && !one.is_contained());
        if !answer.is_done() || !is_free || answer.undone > 0 {
            return Err(stands(&format!("the guard says: “{}”", clean(&answer.body))));
        }
        Ok(())
    }

    async fn until<F>(&self, patience: Duration, is_so: impl Fn() -> F) -> Result<bool, Failure>
    where
        F: Future<Output = Result<bool, Failure>>,
    {
        let look = async {
            while !is_so().await? {
                sleep(EVERY).await;
            }
            Ok(true)
        };
        timeout(patience, look).await.unwrap_or(Ok(false))
    }
}

fn not_launched(failure: &Failure) -> String {
    if has_no_network(failure) {
        return "the canary has no default VPC in that region, or no subnet in it: `aws ec2 create-default-vpc` there \
                makes one"
            .to_owned();
    }
    format!("nothing was launched: {}", refusal::sentence(failure))
}
