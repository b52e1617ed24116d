//! The whole way of an event, on one screen.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::{Id, JoinSet};

use runawaytrain_core::contract;
use runawaytrain_core::ids::AccountId;
use runawaytrain_core::mode::{Mode, least};
use runawaytrain_core::observation::Coverage;
use runawaytrain_core::policy::Policy;
use runawaytrain_core::report::{AccountReport, Answer, Report, SweepReport, Totals};

use crate::account::{Looked, Post};
use crate::brake::Brake;
use crate::deadline::Deadline;
use crate::notify;
use crate::observe::Eyes;
use crate::ports::{Beat, Ports, Stored};
use crate::pricing::PriceMemory;
use crate::release;
use crate::reports;
use crate::scope::{Scope, Scoped, scope};
use crate::spending::{Haste, SpendMemory};
use crate::trigger::{self, Home, Request, Selection};

mod again;
mod fate;
mod records;

use fate::{Fate, Swept};

/// The largest answer: Lambda takes 6 MB from a direct call, but 1 MB from an asynchronous one.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LARGEST_ANSWER: usize = 1_000_000;

/// The guard: everything that stays the same between invocations.
pub struct Guard {
    ports: Ports,
    policy: Policy,
    eyes: Eyes,
    spend: SpendMemory,
    /// The environment's opinion of how far to go.
    ceiling: Mode,
}

/// One invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Its id: holds leases, names the sweep.
    pub id: String,
    /// Its end.
    pub deadline: Deadline,
}

impl Guard {
    /// A guard over ports. `ceiling` is the environment's `envaction`.
    pub fn new(ports: Ports, policy: Policy, ceiling: Mode) -> Self {
        let prices =
            PriceMemory::new(Arc::clone(&ports.price_list), Arc::clone(&ports.price_book), Arc::clone(&ports.clock));
        let spend =
            SpendMemory::new(Arc::clone(&ports.billing), Arc::clone(&ports.spend_book), Arc::clone(&ports.clock));
        Self { eyes: Eyes::new(Arc::clone(&ports.observer), prices), spend, ports, policy, ceiling }
    }

    /// Answers one event.
    pub async fn handle(&self, event: &Value, invocation: &Invocation) -> Answer {
        let reports = self.policy.cost_reports();
        let home = Home {
            payer: self.policy.payer(),
            region: contract::HOME_REGION,
            reports: reports.as_ref(),
            now: self.ports.clock.now(),
        };
        let trigger = match trigger::parse(event, &home) {
            Ok(trigger) => trigger,
            Err(refusal) => {
                tracing::warn!(refusal = %refusal, "refused an event; nothing was touched");
                return Answer::refused(refusal.to_string());
            }
        };
        match trigger.request {
            Request::Pass => Answer::done(voided("action")),
            Request::Records(records) => fit(self.records(trigger.source, records, invocation).await),
            Request::Status => self.status().await,
            Request::Nothing(why) => Answer::done(format!("Nothing to do: {why}.")),
            Request::Reports(place) => {
                let answer = reports::read_all(&self.ports, &place, invocation.deadline).await;
                // A sweep of this warm function must not judge by what was known before.
                self.spend.doubt_hours().await;
                fit(answer)
            }
            Request::Release { account, wish } => {
                let scoped = release::scoped(self.policy.for_account(&account), &account);
                release::release(&self.ports, &self.eyes, invocation, &scoped, &wish).await
            }
            Request::Drill(selection) => {
                fit(self.sweep(trigger.source, &selection, Mode::Drill, None, invocation).await.answer)
            }
            Request::Sweep(selection) => fit(self.proceed(trigger.source, &selection, None, invocation).await.answer),
            Request::Halt { account, reason } => fit(self
                .proceed(trigger.source, &Selection::Only([account].into()), Some(reason), invocation)
                .await
                .answer),
        }
    }

    /// A sweep that may contain, unless the environment or the policy says `pass`.
    async fn proceed(
        &self,
        source: &str,
        selection: &Selection,
        order: Option<String>,
        invocation: &Invocation,
    ) -> Swept {
        let by = match (self.ceiling, self.policy.mode()) {
            (Mode::Pass, _) => "envaction",
            (_, Mode::Pass) => "the policy's mode",
            _ => return self.sweep(source, selection, Mode::Proceed, order, invocation).await,
        };
        tracing::warn!("voided: {by} == pass");
        Swept::without_fates(Answer::done(voided(by)))
    }

    async fn status(&self) -> Answer {
        match self.ports.ledger.load_all().await {
            Ok(records) => fit(Answer::status(records.into_values().map(|stored| stored.record).collect())),
            Err(failure) => Answer::failed(format!("The state table could not be read: {failure}")),
        }
    }

    async fn sweep(
        &self,
        source: &str,
        selection: &Selection,
        asked: Mode,
        order: Option<String>,
        invocation: &Invocation,
    ) -> Swept {
        let started = self.ports.clock.now();
        // A drill by event changes nothing anywhere and so still works where the environment says pass.
        let drill = asked == Mode::Drill;
        let ceiling = if drill { Mode::Drill } else { least([asked, self.ceiling]) };
        let records = match self.ports.ledger.load_all().await {
            Ok(records) => records,
            Err(failure) => {
                tracing::error!(error = %failure, "the state table could not be read; nothing was touched");
                return Swept::without_fates(Answer::failed(format!(
                    "The state table could not be read, so nothing was touched: {failure}"
                )));
            }
        };
        let mut scope = scope(&*self.ports.directory, &self.policy, selection, ceiling, records.keys().cloned()).await;
        let turned_away = fate::of_unserved(&scope);
        if scope.accounts.is_empty() && !scope.unserved.is_empty() {
            let why: Vec<&str> =
                scope.unserved.iter().filter_map(|unserved| unserved.report.error.as_deref()).collect();
            let answer =
                if scope.stale.is_some() { Answer::failed(why.join("; ")) } else { Answer::refused(why.join("; ")) };
            return Swept { answer, fates: turned_away };
        }
        if drill {
            // Who asks what would happen wants to know it of accounts in mode pass as well.
            scope.accounts.iter_mut().for_each(|scoped| scoped.mode = Mode::Drill);
        }
        let in_scope = scope.accounts.iter().map(|scoped| scoped.policy.account.clone()).collect();
        let haste = if source == trigger::SPEND_ALARM { Haste::Alarm } else { Haste::None };
        let post = Post {
            ports: self.ports.clone(),
            eyes: self.eyes.clone(),
            invocation: invocation.id.clone(),
            order,
            brake: Arc::new(Brake::new(self.policy.halts_per_hour(), scope.accounts.len())),
            spending: self.spend.of(in_scope, haste),
            remember: !drill,
            deadline: invocation.deadline,
        };
        let list_is_whole = scope.stale.is_none();
        let (accounts, coverage, reached_all) = every_account(&post, scope, records).await;
        let complete = reached_all && list_is_whole;
        let notices = if drill { Default::default() } else { notify::drain(&self.ports).await };
        if !drill && *selection == Selection::All {
            let beat = Beat { at: self.ports.clock.now(), complete, coverage };
            if let Err(failure) = self.ports.pulse.beat(beat).await {
                tracing::error!(error = %failure, "the heartbeat could not be emitted; its alarm will say that the guard is off");
            }
        }
        let totals = Totals::of(&accounts);
        let sentence = totals.sentence();
        tracing::info!(
            accounts = totals.accounts,
            halted = totals.halt,
            unseen = totals.unseen,
            instances = totals.instances,
            vcpus = totals.vcpus,
            regions_seen = coverage.seen,
            regions_expected = coverage.expected,
            complete,
            "{sentence}"
        );
        let report = SweepReport {
            sweep: invocation.id.clone(),
            trigger: source.to_owned(),
            mode: ceiling,
            started,
            finished: self.ports.clock.now(),
            complete,
            coverage,
            totals,
            accounts,
            notices,
        };
        let fates = fate::of_all(&report.accounts, turned_away);
        Swept { answer: Answer::swept(sentence, report), fates }
    }
}

/// Sweeps all accounts at once. One that breaks or is not reached before the deadline is reported as such; the others
/// are served.
async fn every_account(
    post: &Post,
    scope: Scope,
    mut records: BTreeMap<AccountId, Stored>,
) -> (Vec<AccountReport>, Coverage, bool) {
    let mut reports: Vec<AccountReport> = scope.unserved.into_iter().map(|unserved| unserved.report).collect();
    let mut coverage = Coverage::default();
    let mut reached_all = true;
    let mut running = JoinSet::new();
    let mut waiting: BTreeMap<Id, (AccountId, String)> = BTreeMap::new();
    for scoped in scope.accounts {
        if scoped.mode == Mode::Pass {
            reports.push(AccountReport::new(scoped.policy.account, &scoped.name, Mode::Pass));
            continue;
        }
        let (post, stored) = (post.clone(), records.remove(&scoped.policy.account));
        let whose = (scoped.policy.account.clone(), scoped.name.clone());
        let task = running.spawn(async move { sweep_one(&post, &scoped, stored).await });
        waiting.insert(task.id(), whose);
    }
    loop {
        let next = match post.deadline.abandon() {
            Some(end) => tokio::time::timeout_at(end, running.join_next_with_id()).await,
            None => Ok(running.join_next_with_id().await),
        };
        match next {
            Ok(Some(Ok((id, looked)))) => {
                waiting.remove(&id);
                reached_all &= looked.in_time;
                coverage += looked.coverage;
                reports.push(looked.report);
            }
            Ok(Some(Err(broken))) => {
                reached_all = false;
                let Some((account, name)) = waiting.remove(&broken.id()) else { continue };
                tracing::error!(account = %account, error = %broken, "the sweep of an account broke");
                coverage += Coverage { seen: 0, expected: 1 };
                reports.push(AccountReport::unserved(account, &name, format!("its sweep broke off: {broken}")));
            }
            Ok(None) => break,
            Err(_deadline) => {
                reached_all = false;
                running.abort_all();
                for (account, name) in std::mem::take(&mut waiting).into_values() {
                    tracing::error!(account = %account, "not finished before the deadline");
                    coverage += Coverage { seen: 0, expected: 1 };
                    reports.push(AccountReport::unserved(
                        account,
                        &name,
                        "not finished before the deadline; the next sweep takes it up again",
                    ));
                }
                break;
            }
        }
    }
    reports.sort_by(|one, other| one.account.cmp(&other.account));
    (reports, coverage, reached_all)
}

async fn sweep_one(post: &Post, scoped: &Scoped, stored: Option<Stored>) -> Looked {
    let looked = post.sweep(scoped, stored).await;
    for gap in &looked.report.gaps {
        tracing::warn!(account = %looked.report.account, at = gap.at, code = gap.code, "not seen: {}", gap.reason);
    }
    looked
}

/// An answer that is too long for Lambda keeps its totals and says where the rest is.
fn fit(mut answer: Answer) -> Answer {
    let length = serde_json::to_vec(&answer).map_or(usize::MAX, |bytes| bytes.len());
    if length > LARGEST_ANSWER {
        match &mut answer.report {
            Some(Report::Sweep(report)) => report.accounts.clear(),
            Some(Report::Release(report)) => report.accounts.clear(),
            Some(Report::Status(report)) => report.accounts.clear(),
            Some(Report::CostReports(report)) => report.strangers.clear(),
            None => {}
        }
        answer.records.clear();
        answer.body.push_str(&format!(
            " The report of each account was too long to answer: see the log group {}.",
            contract::LOG_GROUP
        ));
    }
    answer
}

fn voided(by: &str) -> String {
    format!("{by} == pass voids lambda {} execution", contract::FUNCTION)
}
