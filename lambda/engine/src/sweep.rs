//! The whole way of an event, on one screen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;

use runawaytrain_core::contract;
use runawaytrain_core::decision::{News, ShutOuts, since_midnight, still_contained};
use runawaytrain_core::message::mail;
use runawaytrain_core::message::report::{AccountReport, Answer, NoticeTotals, Report, SweepReport, Totals};
use runawaytrain_core::observation::Coverage;
use runawaytrain_core::policy::{AccountPolicy, CostReports, Policy};
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::resource::ReleaseRequest;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::mode::{Mode, least};

use crate::account::AccountSweep;
use crate::contain::brake::{Allowance, Brake, Frozen};
use crate::contain::lease::Leases;
use crate::cost_reports::ReportReader;
use crate::deadline::Invocation;
use crate::exceptions::Exceptions;
use crate::members::{list_members, units_of};
use crate::notify::Mailer;
use crate::observe::Collector;
use crate::observe::prices::PriceMemory;
use crate::observe::spend::{SharedSpend, SpendMemory};
use crate::patience::while_busy;
use crate::permissions::Permissions;
use crate::ports::{
    Clock, Directory, Freshness, Journal, Metrics, Ports, RememberedAccount, Slots, States, SweepMetrics, SweepStore,
};
use crate::release::{self, Release};
use crate::scope::{Scope, ScopedAccount, scope};
use crate::trigger::{self, Deployment, Request, Selection};

mod again;
mod circumstances;
mod counts;
mod disposition;
mod distributed;
mod every_account;
mod map_results;
mod memory;
mod organization;
mod records;

use circumstances::Circumstances;
use disposition::SweepAnswer;
use every_account::{AccountResults, every_account};
use memory::Memory;

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
    sweep_store: Arc<dyn SweepStore>,
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
            sweep_store: Arc::clone(&ports.sweep_store),
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
            Request::Step(sweep, step) => self.step(&sweep, step, invocation).await,
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
        match self.voided() {
            Some(answer) => SweepAnswer::without_accounts(answer),
            None => self.sweep(source, selection, Mode::Proceed, order, invocation).await,
        }
    }

    /// The answer where the environment or the policy says `pass`.
    fn voided(&self) -> Option<Answer> {
        let by = match (self.ceiling, self.policy.mode()) {
            (Mode::Pass, _) => "envaction",
            (_, Mode::Pass) => "the policy's mode",
            _ => return None,
        };
        tracing::warn!("voided: {by} == pass");
        Some(Answer::done(voided(by)))
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
        let (memory, listed) = tokio::join!(
            while_busy(&invocation.id, until, || memory::remember(&*self.states, &self.policy, selection)),
            list_members(&*self.directory, &self.policy, selection),
        );
        let memory = match memory {
            Ok(memory) => memory,
            Err(failure) => {
                tracing::error!(error = %failure, "the state table could not be read; nothing was touched");
                return SweepAnswer::without_accounts(Answer::failed(format!(
                    "The state table could not be read, so nothing was touched: {failure}"
                )));
            }
        };
        let mut scope = scope(listed, &self.policy, selection, ceiling, memory.records().accounts());
        let turned_away = disposition::of_unserved(&scope);
        if let Some(answer) = disposition::nobody_served(&scope) {
            return SweepAnswer { answer, dispositions: turned_away };
        }
        if drill {
            // Who asks what would happen wants to know it of accounts in mode pass as well.
            scope.accounts.iter_mut().for_each(|scoped| scoped.mode = Mode::Drill);
        }
        let known = || memory.records().readable.values().map(|known| &known.record);
        scope.deny_regions(match &memory {
            Memory::Whole(_) => scope.denied_by(known(), self.policy.payer()),
            Memory::Part { denied, .. } => denied.clone(),
        });
        let unlisted = scope.stale.as_ref().map(ToString::to_string);
        let knows_units = scope.accounts.iter().all(|scoped| scoped.units_unknown.is_none());
        // What an account did that has left the organization is nobody's concern any more: nobody can release it.
        let members: Vec<&AccountRecord> = known().filter(|record| scope.members.contains(&record.account)).collect();
        let circumstances = Circumstances::of(&members);
        let contained: BTreeMap<AccountId, AccountRecord> = members
            .iter()
            .filter(|record| record.state.is_contained())
            .map(|record| (record.account.clone(), (*record).clone()))
            .collect();
        let frozen = match &memory {
            Memory::Whole(_) => circumstances.frozen(Arc::clone(&self.states)),
            Memory::Part { .. } => {
                let members = scope.stale.is_none().then(|| scope.members.clone());
                Frozen::unknown(Arc::clone(&self.states), members)
            }
        };
        let spend = self.spend_of(source, selection, &scope);
        let one = self.account_sweep(&scope, &circumstances.shut_outs, frozen, spend, invocation);
        let one = AccountSweep { order, remember: !drill, ..one };
        let let_us_in: BTreeSet<AccountId> =
            members.iter().filter(|record| record.reached).map(|record| record.account.clone()).collect();
        let inquiry = self.permissions.inquiry(&scope, memory.records(), selection, drill);
        let results = every_account(&one, scope, memory.into_records()).await;
        results.accounts.iter().filter(|report| is_worth_a_line(report)).for_each(log);
        let counts = counts::of(&results, |account| contained.get(account).map(|record| record.state), &let_us_in);
        let AccountResults { mut accounts, coverage, .. } = results;
        let complete = counts.complete && unlisted.is_none() && knows_units && counts.entry.is_guarding();
        let mut notices = if drill { NoticeTotals::default() } else { self.mailer.deliver().await };
        if !drill && *selection == Selection::All {
            let at = self.clock.now();
            self.metrics.emit(&SweepMetrics {
                at,
                took: at.duration_since(started),
                complete,
                coverage,
                totals: counts.totals,
                halted: counts.halted,
                frozen: counts.frozen,
                waiting: circumstances.waiting,
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
        let totals = counts.totals;
        let sentence = totals.sentence();
        log_totals(&totals, coverage, complete, &sentence);
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
            workers: None,
            notices,
        };
        let dispositions = disposition::of_all(&report.accounts, turned_away);
        SweepAnswer { answer: Answer::swept(sentence, report), dispositions }
    }

    /// Begins to ask for the spend of the accounts of a sweep.
    fn spend_of(&self, source: &str, selection: &Selection, scope: &Scope) -> SharedSpend {
        let accounts = scope.accounts.iter().map(|scoped| scoped.policy.account.clone()).collect();
        let freshness = if source == trigger::SPEND_ALARM { Freshness::Now } else { Freshness::Cached };
        self.spend.of(accounts, *selection == Selection::All, freshness)
    }

    /// What the sweep of each account rests on, unless somebody ordered it or wants to leave no trace.
    fn account_sweep(
        &self,
        scope: &Scope,
        shut_outs: &ShutOuts,
        frozen: Frozen,
        spend: SharedSpend,
        invocation: &Invocation,
    ) -> AccountSweep {
        let (slots, clock) = (Arc::clone(&self.slots), Arc::clone(&self.clock));
        let frozen = Arc::new(frozen);
        let accounts_asked = scope.accounts.len();
        AccountSweep {
            collector: self.collector.clone(),
            states: Arc::clone(&self.states),
            journal: Arc::clone(&self.journal),
            leases: self.leases.clone(),
            mailer: self.mailer.clone(),
            brake: Arc::new(Brake::new(
                slots,
                clock,
                self.policy.halts_per_hour(),
                accounts_asked,
                Arc::clone(&frozen),
            )),
            purchases: Arc::new(Allowance::new(self.policy.halts_per_hour(), frozen)),
            shut_outs: Arc::new(shut_outs.clone()),
            clock: Arc::clone(&self.clock),
            spend,
            invocation: invocation.id.clone(),
            deadline: invocation.deadline,
            order: None,
            remember: true,
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

/// The last line of a sweep's log.
fn log_totals(totals: &Totals, coverage: Coverage, complete: bool, sentence: &str) {
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
}

/// An answer that is too long for Lambda keeps its totals and says where the rest is.
fn fit(mut answer: Answer) -> Answer {
    let length = serde_json::to_vec(&answer).map_or(usize::MAX, |bytes| bytes.len());
    if length > LARGEST_ANSWER {
        match &mut answer.report {
            Some(Report::Sweep(report)) => {
                report.accounts.clear();
                report.notices.keep_some();
            }
            Some(Report::Release(report)) => report.accounts.clear(),
            Some(Report::Status(report)) => {
                report.accounts.clear();
                report.unreadable.clear();
            }
            Some(Report::CostReports(report)) => report.non_members.clear(),
            Some(Report::Exception(_) | Report::List(_) | Report::Batch(_)) | None => {}
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
