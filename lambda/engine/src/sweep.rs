//! The whole way of an event, on one screen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;

use runawaytrain_core::contract;
use runawaytrain_core::decision::{News, ShutOuts, since_midnight, still_contained};
use runawaytrain_core::message::mail;
use runawaytrain_core::message::report::{AccountReport, Answer, NoticeTotals, Report, SweepReport, Totals};
use runawaytrain_core::policy::{AccountPolicy, CostReports, Policy};
use runawaytrain_core::record::{AccountRecord, FreezeReason, State};
use runawaytrain_core::resource::ReleaseRequest;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::mode::{Mode, least};

use crate::account::AccountSweep;
use crate::contain::brake::{Allowance, Brake};
use crate::contain::lease::Leases;
use crate::cost_reports::ReportReader;
use crate::deadline::Invocation;
use crate::exceptions::Exceptions;
use crate::members::{list_members, units_of};
use crate::notify::Mailer;
use crate::observe::Collector;
use crate::observe::prices::PriceMemory;
use crate::observe::spend::SpendMemory;
use crate::patience::while_busy;
use crate::permissions::Permissions;
use crate::ports::{
    Clock, Directory, Freshness, Journal, Metrics, Ports, RememberedAccount, Slots, States, SweepMetrics,
};
use crate::release::{self, Release};
use crate::scope::{Scope, ScopedAccount, scope};
use crate::trigger::{self, Deployment, Request, Selection};

mod again;
mod disposition;
mod every_account;
mod records;

use disposition::SweepAnswer;
use every_account::{AccountResults, every_account};

/// The largest answer: Lambda takes 6 MB from a direct call, but 1 MB from an asynchronous one.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LARGEST_ANSWER: usize = 1_000_000;

/// How long people are not told once more of what lasts.
const QUIET: SignedDuration = SignedDuration::from_hours(24);

/// The guard: everything that stays the same between invocations, each stage with the ports that it needs.
pub struct Guard {
    policy: Policy,
    /// The environment's opinion of how far to go.
    ceiling: Mode,
    directory: Arc<dyn Directory>,
    collector: Collector,
    spend: SpendMemory,
    slots: Arc<dyn Slots>,
    states: Arc<dyn States>,
    journal: Arc<dyn Journal>,
    leases: Leases,
    mailer: Mailer,
    metrics: Arc<dyn Metrics>,
    reports: ReportReader,
    permissions: Permissions,
    clock: Arc<dyn Clock>,
}

impl Guard {
    /// A guard over ports. `ceiling` is the environment's `envaction`.
    pub fn new(ports: &Ports, policy: Policy, ceiling: Mode) -> Self {
        let payer = policy.payer().clone();
        let collector = Collector::new(Arc::clone(&ports.observer), payer, PriceMemory::new(ports));
        Self {
            permissions: Permissions::new(ports, collector.clone(), &policy),
            policy,
            ceiling,
            directory: Arc::clone(&ports.directory),
            collector,
            spend: SpendMemory::new(ports),
            slots: Arc::clone(&ports.slots),
            states: Arc::clone(&ports.states),
            journal: Arc::clone(&ports.journal),
            leases: Leases::new(ports),
            mailer: Mailer::new(ports),
            metrics: Arc::clone(&ports.metrics),
            reports: ReportReader::new(ports),
            clock: Arc::clone(&ports.clock),
        }
    }

    /// Answers one event, as far as Lambda hands an answer on.
    pub async fn handle(&self, event: &Value, invocation: &Invocation) -> Answer {
        fit(self.answer(event, invocation).await)
    }

    /// Answers one event, however long the answer is.
    pub async fn answer(&self, event: &Value, invocation: &Invocation) -> Answer {
        let reports = self.policy.cost_reports();
        let deployment = Deployment {
            payer: self.policy.payer(),
            region: contract::HOME_REGION,
            reports: reports.as_ref(),
            now: self.clock.now(),
        };
        let trigger = match trigger::parse(event, &deployment) {
            Ok(trigger) => trigger,
            Err(refusal) => {
                tracing::warn!(refusal = %refusal, "refused an event; nothing was touched");
                return Answer::refused(refusal.to_string());
            }
        };
        let source = trigger.source;
        match trigger.request {
            Request::Pass => Answer::done(voided("action")),
            Request::Nothing(why) => Answer::done(format!("Nothing to do: {why}.")),
            Request::Status => self.status().await,
            Request::Records(records) => self.records(source, records, invocation).await,
            Request::Reports(place) => self.read_reports(&place, invocation).await,
            Request::Allow { account, wanted } => match self.named(&account).await {
                Ok(scoped) => self.exceptions(invocation).allow(&scoped, &wanted).await,
                Err(answer) => answer,
            },
            // It only tightens: whoever asks for it needs no list of the organization.
            Request::Revoke { account, by } => {
                let known = self.states.load(&account).await.ok().flatten();
                let mut policy = self.policy_of(&account).await;
                policy.name = policy.name.or_else(|| known.and_then(|known| known.record.name));
                let scoped = release::scoped(policy, &account);
                self.exceptions(invocation).revoke(&scoped, by.as_deref()).await
            }
            Request::Release { account, what } => self.release(&account, &what, invocation).await,
            Request::Drill(selection) => {
                // Whoever drills an account by its id wants to know what a halt of it would do, however quiet it is.
                let order = matches!(selection, Selection::Only(_)).then(|| "drill".to_owned());
                self.sweep(source, &selection, Mode::Drill, order, invocation).await.answer
            }
            Request::Sweep(selection) => self.proceed(source, &selection, None, invocation).await.answer,
            Request::Halt { account, reason } => {
                self.proceed(source, &Selection::Only([account].into()), Some(reason), invocation).await.answer
            }
        }
    }

    /// A sweep that may contain, unless the environment or the policy says `pass`.
    async fn proceed(
        &self,
        source: &str,
        selection: &Selection,
        order: Option<String>,
        invocation: &Invocation,
    ) -> SweepAnswer {
        match self.silenced_by() {
            Some(by) => silenced(by),
            None => self.sweep(source, selection, Mode::Proceed, order, invocation).await,
        }
    }

    /// What says `pass`, if anything does.
    fn silenced_by(&self) -> Option<&'static str> {
        match (self.ceiling, self.policy.mode()) {
            (Mode::Pass, _) => Some("envaction"),
            (_, Mode::Pass) => Some("the policy's mode"),
            _ => None,
        }
    }

    async fn status(&self) -> Answer {
        match self.states.load_all().await {
            Ok(records) => {
                let unreadable = records.unreadable.into_iter().map(|(account, record)| (account, record.failure));
                Answer::status(
                    records.readable.into_values().map(|known| known.record).collect(),
                    unreadable.map(|(account, failure)| (account, failure.to_string())).collect(),
                )
            }
            Err(failure) => Answer::failed(format!("The state table could not be read: {failure}")),
        }
    }

    async fn read_reports(&self, place: &CostReports, invocation: &Invocation) -> Answer {
        let (answer, news) = self.reports.read_all(place, invocation.deadline).await;
        // A sweep of this warm function must not judge by what was known before.
        self.spend.invalidate_hours().await;
        if let Some(news) = news {
            self.tell(&news, QUIET).await;
        }
        answer
    }

    /// Mails what concerns the payer, unless it was told a while ago.
    async fn tell(&self, news: &News, quiet: SignedDuration) -> NoticeTotals {
        // Whatever units the payer is in: it is the default list that hears of it.
        let mut sent = NoticeTotals::default();
        for notice in mail::write(&self.policy.for_account(self.policy.payer(), None), news) {
            match self.mailer.add(&notice, self.clock.now(), quiet).await {
                Ok(false) => {}
                Ok(true) => sent += self.mailer.deliver().await,
                Err(failure) => tracing::error!(error = %failure, "a mail could not be put into the outbox"),
            }
        }
        sent
    }

    fn exceptions<'a>(&'a self, invocation: &'a Invocation) -> Exceptions<'a> {
        Exceptions { states: &*self.states, mailer: &self.mailer, clock: &*self.clock, invocation }
    }

    /// An account of the organization, with what the policy says of it.
    async fn named(&self, account: &AccountId) -> Result<ScopedAccount, Answer> {
        let selection = Selection::Only([account.clone()].into());
        let (known, listed) =
            tokio::join!(self.states.load(account), list_members(&*self.directory, &self.policy, &selection));
        let known = known.ok().flatten().map(|known| RememberedAccount::of(&known.record));
        let mut scope = scope(listed, &self.policy, &selection, Mode::Proceed, known.into_iter());
        let Some(scoped) = scope.accounts.pop() else {
            let why = scope.unserved.pop().and_then(|unserved| unserved.report.error).unwrap_or_default();
            return Err(Answer::refused(format!("Nothing was changed: {why}.")));
        };
        match &scoped.units_unknown {
            // Its limits are then the loosest that it may have: what would raise them is not known.
            Some(failure) => Err(Answer::failed(format!(
                "Nothing was changed: nobody can tell in which units account {account} is: {failure}"
            ))),
            None => Ok(scoped),
        }
    }

    async fn release(&self, account: &AccountId, what: &ReleaseRequest, invocation: &Invocation) -> Answer {
        let scoped = release::scoped(self.policy_of(account).await, account);
        let release = Release {
            states: &*self.states,
            journal: &*self.journal,
            leases: &self.leases,
            collector: &self.collector,
            mailer: &self.mailer,
            clock: &*self.clock,
            invocation,
        };
        release.run(&scoped, what).await
    }

    /// What holds for one account, by where it is or was last known to be.
    async fn policy_of(&self, account: &AccountId) -> AccountPolicy {
        if !self.policy.has_units() {
            return self.policy.for_account(account, None);
        }
        let known = self.states.load(account).await.ok().flatten();
        let remembered = known.and_then(|known| known.record.path);
        let units = units_of(&*self.directory, &self.policy, account, remembered.as_deref()).await;
        if let Err(failure) = &units {
            tracing::error!(account = %account, error = %failure, "nobody can tell in which units the account is");
        }
        self.policy.for_account(account, units.as_deref().ok())
    }

    /// Scope, then every account at once (observe, decide, contain, record), then the mails and the metrics.
    async fn sweep(
        &self,
        source: &str,
        selection: &Selection,
        asked: Mode,
        order: Option<String>,
        invocation: &Invocation,
    ) -> SweepAnswer {
        let started = self.clock.now();
        // A drill by event changes nothing anywhere and so still works where the environment says pass.
        let drill = asked == Mode::Drill;
        let ceiling = if drill { Mode::Drill } else { least([asked, self.ceiling]) };
        let until = invocation.deadline.stop_work();
        // A cold function has thousands of accounts to list and as many records to read: neither waits for the other.
        let (records, listed) = tokio::join!(
            while_busy(&invocation.id, until, || self.states.load_all()),
            list_members(&*self.directory, &self.policy, selection),
        );
        let records = match records {
            Ok(records) => records,
            Err(failure) => {
                tracing::error!(error = %failure, "the state table could not be read; nothing was touched");
                return SweepAnswer::without_accounts(Answer::failed(format!(
                    "The state table could not be read, so nothing was touched: {failure}"
                )));
            }
        };
        let mut scope = scope(listed, &self.policy, selection, ceiling, records.accounts());
        let turned_away = disposition::of_unserved(&scope);
        if let Some(answer) = disposition::nobody_served(&scope) {
            return SweepAnswer { answer, dispositions: turned_away };
        }
        if drill {
            // Who asks what would happen wants to know it of accounts in mode pass as well.
            scope.accounts.iter_mut().for_each(|scoped| scoped.mode = Mode::Drill);
        }
        scope.deny_regions(records.readable.values().map(|known| &known.record), self.policy.payer());
        let unlisted = scope.stale.as_ref().map(ToString::to_string);
        let knows_units = scope.accounts.iter().all(|scoped| scoped.units_unknown.is_none());
        // What an account did that has left the organization is nobody's concern any more: nobody can release it.
        let members: Vec<&AccountRecord> = records
            .readable
            .values()
            .map(|known| &known.record)
            .filter(|record| scope.members.contains(&record.account))
            .collect();
        let waiting = frozen_for(&members, FreezeReason::Brake);
        let contained: BTreeMap<AccountId, AccountRecord> = members
            .iter()
            .filter(|record| record.state.is_contained())
            .map(|record| (record.account.clone(), (*record).clone()))
            .collect();
        let one = self.account_sweep(source, &scope, &members, order, !drill, invocation);
        let let_us_in: BTreeSet<AccountId> =
            members.iter().filter(|record| record.reached).map(|record| record.account.clone()).collect();
        let inquiry = self.permissions.inquiry(&scope, &records, selection, drill);
        let AccountResults { mut accounts, coverage, reached_all, knows_all } =
            every_account(&one, scope, records).await;
        accounts.iter().filter(|report| is_worth_a_line(report)).for_each(log);
        let complete =
            reached_all && knows_all && unlisted.is_none() && knows_units && is_guarding(&accounts, &let_us_in);
        let mut notices = if drill { NoticeTotals::default() } else { self.mailer.deliver().await };
        if !drill && *selection == Selection::All {
            let at = self.clock.now();
            self.metrics.emit(&SweepMetrics {
                at,
                took: at.duration_since(started),
                complete,
                coverage,
                totals: Totals::of(&accounts),
                halted: accounts
                    .iter()
                    .filter(|report| standing(report, &contained).is_some_and(State::is_halt))
                    .count(),
                frozen: accounts.iter().filter(|report| standing(report, &contained) == Some(State::Frozen)).count(),
                waiting,
            });
        }
        if self.permissions.carry_out(inquiry, &mut accounts, invocation.deadline).await {
            notices += self.mailer.deliver().await;
        }
        // Once a day by UTC, whichever sweep comes first, at midnight sharp as well: the outbox counts milliseconds.
        let now = self.clock.now();
        let freed: BTreeSet<&AccountId> = accounts
            .iter()
            .filter(|report| report.state.is_some_and(|state| !state.is_contained()))
            .map(|report| &report.account)
            .collect();
        let reminder = still_contained(contained.values().filter(|record| !freed.contains(&record.account)), now);
        if let Some(news) = reminder.filter(|_| !drill && *selection == Selection::All) {
            notices += self.tell(&news, since_midnight(now) + SignedDuration::from_millis(1)).await;
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
            finished: self.clock.now(),
            complete,
            unlisted,
            coverage,
            totals,
            accounts,
            notices,
        };
        let dispositions = disposition::of_all(&report.accounts, turned_away);
        SweepAnswer { answer: Answer::swept(sentence, report), dispositions }
    }

    /// What the sweep of each account rests on.
    fn account_sweep(
        &self,
        source: &str,
        scope: &Scope,
        members: &[&AccountRecord],
        order: Option<String>,
        remember: bool,
        invocation: &Invocation,
    ) -> AccountSweep {
        let accounts = scope.accounts.iter().map(|scoped| scoped.policy.account.clone()).collect();
        let freshness = if source == trigger::SPEND_ALARM { Freshness::Now } else { Freshness::Cached };
        let (slots, clock) = (Arc::clone(&self.slots), Arc::clone(&self.clock));
        let is_latched = frozen_for(members, FreezeReason::Brake) > 0;
        let waiting = frozen_for(members, FreezeReason::Purchases);
        let accounts_asked = scope.accounts.len();
        AccountSweep {
            collector: self.collector.clone(),
            states: Arc::clone(&self.states),
            journal: Arc::clone(&self.journal),
            leases: self.leases.clone(),
            mailer: self.mailer.clone(),
            brake: Arc::new(Brake::new(slots, clock, self.policy.halts_per_hour(), accounts_asked, is_latched)),
            purchases: Arc::new(Allowance::new(self.policy.halts_per_hour(), waiting)),
            shut_outs: Arc::new(ShutOuts::of(members.iter().copied())),
            clock: Arc::clone(&self.clock),
            spend: self.spend.of(accounts, freshness),
            invocation: invocation.id.clone(),
            deadline: invocation.deadline,
            order,
            remember,
        }
    }
}

/// Whether the log says how an account was found: the quiet ones, which are most, are in the totals.
fn is_worth_a_line(report: &AccountReport) -> bool {
    report.instances.counted > 0
        || report.unseen
        || report.verdict.is_none()
        || report.state.is_some_and(|state| state != State::Ok)
}

/// What the dashboard's tables by account are made of. What could not be seen has no numbers, which are not zero.
fn log(report: &AccountReport) {
    let state = report.state.map(|state| state.to_string());
    let seen = report.verdict.is_some();
    tracing::info!(
        account = %report.account,
        name = report.name,
        state,
        verdict = report.verdict.map(|verdict| verdict.to_string()),
        unseen = report.unseen || !seen,
        instances = seen.then_some(report.instances.counted),
        vcpus = seen.then_some(report.vcpus),
        usd_per_hour = seen.then(|| report.burn.total().dollars()),
        "{}",
        contract::ACCOUNT_LINE
    );
}

/// Where an account stands after a sweep; of one that the sweep learnt nothing of, where it stood before.
fn standing(report: &AccountReport, contained: &BTreeMap<AccountId, AccountRecord>) -> Option<State> {
    report.state.or_else(|| contained.get(&report.account).map(|record| record.state))
}

/// How many accounts are frozen for a reason.
fn frozen_for(members: &[&AccountRecord], reason: FreezeReason) -> usize {
    members.iter().filter(|record| record.freeze() == Some(reason)).count()
}

/// Whether a sweep could enter what it is to guard: something at all, and at least half of the accounts that it looked
/// at and that ever let it in. Otherwise there is no heartbeat, so that its alarm says so; accounts that are not
/// enrolled yet are no reason.
fn is_guarding(accounts: &[AccountReport], let_us_in: &BTreeSet<AccountId>) -> bool {
    let looked_at: Vec<&AccountReport> = accounts.iter().filter(|report| report.mode != Mode::Pass).collect();
    let entered = |reports: &[&AccountReport]| reports.iter().filter(|report| report.verdict.is_some()).count();
    let known: Vec<&AccountReport> =
        looked_at.iter().copied().filter(|report| let_us_in.contains(&report.account)).collect();
    (looked_at.is_empty() || entered(&looked_at) > 0) && entered(&known) * 2 >= known.len()
}

/// An answer that is too long for Lambda keeps its totals and says where the rest is.
fn fit(mut answer: Answer) -> Answer {
    let length = serde_json::to_vec(&answer).map_or(usize::MAX, |bytes| bytes.len());
    if length > LARGEST_ANSWER {
        match &mut answer.report {
            Some(Report::Sweep(report)) => report.accounts.clear(),
            Some(Report::Release(report)) => report.accounts.clear(),
            Some(Report::Status(report)) => report.accounts.clear(),
            Some(Report::CostReports(report)) => report.non_members.clear(),
            Some(Report::Exception(_)) | None => {}
        }
        answer.records.clear();
        answer.body.push_str(&format!(
            " The report of each account was too long to answer: see the log group {}.",
            contract::LOG_GROUP
        ));
    }
    answer
}

fn silenced(by: &str) -> SweepAnswer {
    tracing::warn!("voided: {by} == pass");
    SweepAnswer::without_accounts(Answer::done(voided(by)))
}

fn voided(by: &str) -> String {
    format!("{by} == pass voids lambda {} execution", contract::FUNCTION)
}
