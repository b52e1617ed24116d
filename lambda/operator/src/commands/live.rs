//! `drill --live`: one small instance in the canary account, to see it found, stopped, and the account given back.

use std::collections::{BTreeMap, BTreeSet};
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
use crate::accounts::{Named, Purpose};
use crate::answer::{Answer, Skipped};
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
/// A sweep that saw the instance before it was terminated begins its halt by then.
const HALTS: Duration = Duration::from_secs(90);
/// How often a release is asked for: the guard may go on locking until it hears of the first.
const RELEASES: usize = 3;

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
    /// That one and those before it: what they did is not the drill's.
    earlier: BTreeSet<HaltId>,
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

/// What stands of the halts that the drill caused, by what the guard wrote down.
struct Standing {
    state: Option<State>,
    /// Whether the account is contained.
    is_contained: bool,
    /// Whether it is not, and no release has given all back.
    is_owed: bool,
    back: GivenBack,
}

/// What clearing away came to.
#[derive(Default)]
struct Cleared {
    back: GivenBack,
    /// What the last release left alone.
    skipped: Vec<Skipped>,
    /// What stands all the same, a sentence each.
    left: Vec<String>,
    state: Option<State>,
}

/// Whether another session may do what this one could not: a halt may revoke it, and each ends after an hour.
fn is_of_the_session(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Denied | FailureKind::Credentials)
}

pub async fn drill(common: &Common, options: &Drill, progress: &Progress, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let canary = live::canary(&site.policy.policy)?;
    let account = site.account(canary.account.as_str(), Purpose::Look).await?;
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
        earlier: record.halts().map(|halt| halt.id).collect(),
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

    /// The same by a new session, which is used from now on.
    async fn enter(&self) -> Result<Cloud, Failure> {
        let cloud = self.site.cloud.enter(&self.account.id, self.role).await?.in_region(self.region);
        *self.cloud.lock().unwrap_or_else(PoisonError::into_inner) = cloud.clone();
        Ok(cloud)
    }

    /// What the drill launched, by id; by another session where this one does not serve.
    async fn canaries(&self) -> Result<BTreeMap<String, Stage>, Failure> {
        match self.cloud().canaries(&self.token).await {
            Err(failure) if is_of_the_session(&failure) => self.enter().await?.canaries(&self.token).await,
            answer => answer,
        }
    }

    /// Terminates these; by another session where this one does not serve.
    async fn end(&self, ids: &[String]) -> Result<(), Failure> {
        match self.cloud().terminate(ids).await {
            Err(failure) if is_of_the_session(&failure) => self.enter().await?.terminate(ids).await,
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
        let may_run = launched.as_ref().err().is_none_or(|failure| failure.kind.may_have_been_taken());
        let (canary, cut) = match launched {
            Ok(canary) => {
                progress.has_begun(&format!(
                    "{} may run in {id}, in {}, and the account may be halted: terminate the one, and give the other \
                     back with `runawaytrain release {id}`",
                    canary.id, self.region
                ));
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
        let unlisted = canary.as_ref().filter(|_| known.instance.is_none());
        let cleared = self.clear_away(canary.as_ref(), unlisted, may_run, &mut measured).await;
        let Cleared { back, skipped, left, state } = cleared;
        if let (Some(record), false) = (&known.record, measured.is_emulated) {
            measured.until_proven = record.halt.as_ref().and_then(|halt| live::until_proven(halt, &known.entries));
            let home = self.cloud().in_region(runawaytrain_core::contract::HOME_REGION);
            measured.charges = home.dimensions_of_charges().await.ok();
        }
        let questions = live::questions(&timeline, &measured);
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
                "skipped": skipped.iter().map(|one| json!({ "item": one.item, "reason": one.reason })).collect::<Vec<_>>(),
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
        for one in &skipped {
            terminal.say(&format!("  left as it is: {}: {}", clean(&one.item), clean(&one.reason)));
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

    /// Ends the instance and the halt, whatever happened before.
    async fn clear_away(
        &self,
        canary: Option<&Canary>,
        unlisted: Option<&Canary>,
        may_run: bool,
        measured: &mut Measured,
    ) -> Cleared {
        let terminal = self.terminal();
        let mut cleared = Cleared::default();
        // The halt may have revoked the one that there is. Where it cannot be had now, whoever needs it asks again.
        let _ = self.enter().await;
        // Before the release, so that there is nothing to start or to judge. A lockdown may deny it until then.
        let mut ended = self.terminate(unlisted).await;
        self.give_back(canary, &mut cleared).await;
        let begun = Instant::now();
        // New sessions of a role whose old ones were revoked are denied for half a minute more.
        while ended.as_ref().is_err_and(is_of_the_session) && begun.elapsed() < SETTLES {
            sleep(EVERY).await;
            ended = self.terminate(unlisted).await;
        }
        let is_over = async {
            ended?;
            self.until(ENDS, || async {
                let living = self.living().await?;
                // Whoever was denied before, by a session that the halt revoked, terminates it now.
                self.end(&living).await?;
                Ok::<_, Failure>(living.is_empty())
            })
            .await
        };
        let stands = match terminal.step("wait until the instance is terminated", is_over).await {
            Ok(true) => None,
            Ok(false) => Some(self.instance_stands(canary, "it is not terminated yet")),
            Err(failure) => Some(self.instance_stands(canary, &refusal::sentence(&failure))),
        };
        if let (Some(canary), true, false) = (canary, measured.launch_in_quarantine.is_some(), measured.is_emulated) {
            let is_permitted = || async { Ok::<_, Failure>(self.cloud().try_launch(canary).await?.0) };
            let is_clear = cleared.left.is_empty() && stands.is_none();
            if is_clear && self.until(SETTLES, is_permitted).await.unwrap_or_default() {
                measured.until_permitted = Some(begun.elapsed());
            }
        }
        if may_run {
            let _ = terminal.step("look whether a halt begins late", self.end_late_halts(canary, &mut cleared)).await;
        }
        self.say_how_it_stands(&mut cleared).await;
        cleared.left.extend(stands);
        cleared
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
            self.end(&ids).await?;
            // One that is only about to end would be left alone by a release, as stopped.
            self.until(SETTLES, || async { Ok(self.living().await?.is_empty()) }).await.map(drop)
        };
        self.terminal().step("terminate the instance", work).await
    }

    /// Reads what stands.
    async fn standing(&self) -> Result<Standing, Failure> {
        let id = &self.account.id;
        let Some(known) = self.table.record(id).await? else {
            let back = GivenBack::default();
            return Ok(Standing { state: None, is_contained: false, is_owed: false, back });
        };
        let (record, mut entries) = (known.record, Vec::new());
        let halts: Vec<HaltId> = record.halts().map(|halt| halt.id).collect();
        let of_the_drill: Vec<&HaltId> = halts.iter().filter(|halt| !self.earlier.contains(*halt)).collect();
        for halt in &of_the_drill {
            entries.extend(self.table.journal(id, halt).await?);
        }
        let is_contained = record.state.is_contained();
        Ok(Standing {
            state: Some(record.state),
            is_contained,
            is_owed: !is_contained && !of_the_drill.is_empty() && record.restored.is_none(),
            back: GivenBack::of(&entries),
        })
    }

    /// Has the guard end the halt and give back all that it took. The guard may go on locking until it hears of it: so
    /// it is read anew what there is to give back, and asked again.
    async fn give_back(&self, canary: Option<&Canary>, cleared: &mut Cleared) {
        let mut left: Vec<String> = Vec::new();
        for asked in 0..=RELEASES {
            let standing = match self.standing().await {
                Ok(standing) => standing,
                Err(failure) => {
                    left = vec![self.halt_stands(&cleared.back, &refusal::sentence(&failure))];
                    break;
                }
            };
            let has_grown = cleared.back.take_in(standing.back);
            let goes_on = asked == 0 || has_grown || !left.is_empty();
            let is_wanted = standing.is_contained || standing.is_owed && goes_on;
            if !is_wanted {
                left.clear();
                break;
            }
            if asked == RELEASES {
                if left.is_empty() {
                    left.push(self.halt_stands(&cleared.back, "the guard went on with it"));
                }
                break;
            }
            if asked > 0 {
                sleep(EVERY).await;
            }
            match self.release(&cleared.back).await {
                Ok(answer) => {
                    left = self.complaints(&answer, canary, &cleared.back);
                    cleared.skipped = answer.accounts.into_iter().flat_map(|found| found.plan.skipped).collect();
                }
                Err(problem) => {
                    left = vec![self.halt_stands(&cleared.back, &problem.to_string())];
                    break;
                }
            }
        }
        cleared.left = left;
    }

    async fn release(&self, back: &GivenBack) -> Result<Answer, Problem> {
        let order = Order {
            text: format!("release {}", self.account.name),
            event: back.event(self.account.id.as_str()),
            is_settled: |state| !state.is_contained(),
        };
        // What an interruption has to say stays what the drill said: it names the instance.
        let said: Value = order.give(self.site, &self.account, &Progress::default()).await?;
        Ok(Answer::read(&said))
    }

    /// What a release did not give back, a sentence each.
    fn complaints(&self, answer: &Answer, canary: Option<&Canary>, back: &GivenBack) -> Vec<String> {
        let found = answer.accounts.first();
        let state = found.and_then(|found| found.state.clone()).unwrap_or_default();
        let is_free = State::ALL.iter().any(|one| one.to_string() == state && !one.is_contained());
        if !answer.is_done() || !is_free || answer.undone > 0 {
            return vec![self.halt_stands(back, &format!("the guard says: “{}”", clean(&answer.body)))];
        }
        if !answer.is_release {
            return vec![self.halt_stands(back, "the guard's answer was lost")];
        }
        let skipped = found.map_or(&[][..], |found| &found.plan.skipped);
        let owed = back.owed(skipped, canary.map(|canary| canary.id.as_str()));
        owed.into_iter()
            .map(|one| {
                let command = back.command(self.account.id.as_str());
                format!("{} is not given back: {}; `{command}`", clean(&one.item), clean(&one.reason))
            })
            .collect()
    }

    fn halt_stands(&self, back: &GivenBack, why: &str) -> String {
        let (id, name) = (&self.account.id, &self.account.name);
        format!("{name} ({id}) may be halted: {why}; `{}`", back.command(id.as_str()))
    }

    /// A sweep that saw the instance may begin its halt after it is terminated: that one is ended too. Looks for as long
    /// as such a sweep may take.
    async fn end_late_halts(&self, canary: Option<&Canary>, cleared: &mut Cleared) -> Result<(), Failure> {
        let (begun, window) = (Instant::now(), HALTS.min(self.patience));
        let mut is_closed = false;
        loop {
            let standing = self.standing().await;
            // Once more where only the instance was in the way: it is gone now.
            let is_wanted = |standing: &Standing| standing.is_contained || standing.is_owed && !is_closed;
            if standing.as_ref().is_ok_and(is_wanted) {
                is_closed = true;
                self.give_back(canary, cleared).await;
            }
            if begun.elapsed() >= window {
                // What could not be read before is read once more at the end.
                return standing.map(drop);
            }
            sleep(EVERY).await;
        }
    }

    /// Nothing is well while the account is contained, or nobody can tell.
    async fn say_how_it_stands(&self, cleared: &mut Cleared) {
        let why = match self.standing().await {
            Ok(standing) => {
                cleared.state = standing.state;
                cleared.back.take_in(standing.back);
                if !standing.is_contained && !standing.is_owed {
                    // What could not be read, or whose answer was lost, has come all the same.
                    cleared.left.clear();
                }
                standing.is_contained.then(|| "its record says so".to_owned())
            }
            Err(failure) => Some(refusal::sentence(&failure)),
        };
        if let Some(why) = why.filter(|_| cleared.left.is_empty()) {
            cleared.left.push(self.halt_stands(&cleared.back, &why));
        }
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
