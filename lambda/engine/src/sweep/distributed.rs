//! A sweep of many workers, for an organization that one function does not sweep in time. Step Functions distributes
//! the work; here are the three things that it asks the function for: a list of the accounts, a sweep of some of them,
//! and the sum of what came of all.
//!
//! What is one for the whole organization is found out by the first step alone, and handed on through a bucket. A worker
//! that fails loses no account but its own, and those are missing in the sum: what nobody saw is no zero.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;

use runawaytrain_core::contract::SWEEP_PREFIX;
use runawaytrain_core::decision::{since_midnight, still_contained};
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::message::report::{
    AccountReport, Answer, BatchCounts, BatchReport, ListReport, SweepReport, Totals,
};
use runawaytrain_core::observation::Coverage;
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::mode::{Mode, least};
use runawaytrain_core::vocabulary::text::count;

use super::circumstances::Circumstances;
use super::every_account::every_account;
use super::map_results::{Execution, Manifest, MapResults};
use super::organization::Organization;
use super::{Guard, counts, is_worth_a_line, log, log_totals};
use crate::account::AccountSweep;
use crate::contain::brake::Allowance;
use crate::deadline::Invocation;
use crate::members::list_members;
use crate::observe::spend::KnownCharge;
use crate::patience::while_busy;
use crate::ports::SweepMetrics;
use crate::scope::scope;
use crate::trigger::{DISTRIBUTED, ResultsAt, Selection, Step, SweepName};

/// No object of a sweep is longer: 100,000 accounts are some 40 MB.
const LONGEST: u64 = 64 << 20;

/// So many accounts that were not served are named in the sum: Step Functions carries 256 KiB.
const NAMED: usize = 100;

/// Where the estimated charges of all accounts are kept from one sweep to the next: to ask for them costs by the
/// account, and workers remember them only of the accounts that they happened to have.
const CHARGES: &str = "charges.json";

impl Guard {
    /// One step of a distributed sweep.
    pub(super) async fn step(&self, sweep: &SweepName, step: Step, invocation: &Invocation) -> Answer {
        let Some(bucket) = self.policy.sweep_bucket() else {
            return Answer::refused("the policy has no \"scale\", so that one function sweeps every account");
        };
        let distributed = Distributed { bucket, folder: format!("{SWEEP_PREFIX}{}/", sweep.as_str()) };
        let done = match step {
            Step::List => self.list(&distributed, sweep, invocation).await,
            Step::Batch(accounts) => self.batch(&distributed, accounts, invocation).await,
            Step::Summary(results) => self.summary(&distributed, sweep, results, invocation).await,
        };
        done.unwrap_or_else(|stopped| stopped)
    }

    /// Finds out who is to be swept, and what holds for all of them.
    async fn list(
        &self,
        distributed: &Distributed,
        sweep: &SweepName,
        invocation: &Invocation,
    ) -> Result<Answer, Answer> {
        let listed = |body: String, accounts| {
            let Distributed { bucket, .. } = distributed;
            let (key, results) = (distributed.accounts(), distributed.results());
            let (sweep, bucket) = (sweep.as_str().to_owned(), bucket.clone());
            Answer::listed(body, ListReport { sweep, accounts, bucket, key, results })
        };
        if let Some(voided) = self.voided() {
            return Ok(listed(voided.body, 0));
        }
        let started = self.clock.now();
        let until = invocation.deadline.stop_work();
        let (records, members) = tokio::join!(
            while_busy(&invocation.id, until, || self.states.load_all()),
            list_members(&*self.directory, &self.policy, &Selection::All),
        );
        let records = records.map_err(|failure| unreadable_table(&failure))?;
        let mut scope = scope(members, &self.policy, &Selection::All, self.reach(), records.accounts());
        scope.deny_regions(scope.denied_by(records.readable.values().map(|known| &known.record), self.policy.payer()));
        let known = records.readable.values().map(|known| &known.record);
        let members: Vec<&AccountRecord> = known.filter(|record| scope.members.contains(&record.account)).collect();
        let accounts: Vec<AccountId> = scope.accounts.iter().map(|scoped| scoped.policy.account.clone()).collect();
        let charges = self.charges(distributed, accounts.clone()).await;
        let organization = Organization::of(&scope, Circumstances::of(&members), &charges, started);
        // The list comes last: who reads it finds the rest.
        self.hand_on(distributed, &distributed.organization(), &organization).await?;
        self.hand_on(distributed, &distributed.accounts(), &accounts).await?;
        let body = format!("{} to be swept.", count(accounts.len() as u64, "account"));
        tracing::info!(accounts = accounts.len(), unlisted = organization.unlisted, "{body}");
        Ok(listed(body, accounts.len()))
    }

    /// The estimated charges of all accounts. Where they cannot be handed from one sweep to the next, they are asked
    /// for again.
    async fn charges(&self, distributed: &Distributed, accounts: Vec<AccountId>) -> BTreeMap<AccountId, Charge> {
        let key = format!("{SWEEP_PREFIX}{CHARGES}");
        let recalled: BTreeMap<AccountId, KnownCharge> =
            self.handed_on(&distributed.bucket, &key).await.unwrap_or_default();
        let (charges, known) = self.spend.charges_after(recalled.clone(), accounts).await;
        if known != recalled
            && let Err(answer) = self.hand_on(distributed, &key, &known).await
        {
            tracing::warn!("the next sweep asks for all charges again: {}", answer.body);
        }
        charges
    }

    /// Sweeps some accounts as one of several workers. Twice is as good as once.
    async fn batch(
        &self,
        distributed: &Distributed,
        wanted: BTreeSet<AccountId>,
        invocation: &Invocation,
    ) -> Result<Answer, Answer> {
        if let Some(voided) = self.voided() {
            return Err(voided);
        }
        let organization: Organization = self.organization(distributed).await?;
        if wanted.is_empty() {
            return Err(Answer::refused("the batch is empty"));
        }
        let charges = organization.charges(&wanted);
        let scope = organization.scope(&self.policy, wanted.clone(), self.reach());
        let load = || self.states.load_some(&wanted);
        let records = while_busy(&invocation.id, invocation.deadline.stop_work(), load).await;
        let records = records.map_err(|failure| unreadable_table(&failure))?;
        let before = records.readable.values().map(|known| (known.record.account.clone(), known.record.state));
        let before: BTreeMap<_, _> = before.filter(|(_, state)| state.is_contained()).collect();
        let let_us_in = records.readable.values().map(|known| &known.record).filter(|record| record.reached);
        let let_us_in: BTreeSet<AccountId> = let_us_in.map(|record| record.account.clone()).collect();

        let circumstances = &organization.circumstances;
        let spend = self.spend.of_batch(charges, wanted.clone());
        let frozen = || circumstances.frozen(Arc::clone(&self.states));
        let (slots, clock) = (Arc::clone(&self.slots), Arc::clone(&self.clock));
        let purchases = Allowance::new(self.policy.halts_per_hour(), Arc::new(frozen()));
        let purchases = Arc::new(purchases.among_workers(slots, clock, organization.started));
        let one = self.account_sweep(&scope, &circumstances.shut_outs, frozen(), spend, invocation);
        let one = AccountSweep { purchases, ..one };
        // The whole organization is swept, if not by this worker.
        let inquiry = self.permissions.inquiry(&scope, &records, &Selection::All, false);
        let mut results = every_account(&one, scope, records).await;
        results.accounts.iter().filter(|report| is_worth_a_line(report)).for_each(log);
        self.mailer.deliver().await;
        if self.permissions.carry_out(inquiry, &mut results.accounts, invocation.deadline).await {
            self.mailer.deliver().await;
        }
        let counts = counts::of(&results, |account| before.get(account).copied(), &let_us_in);
        let sentence = counts.totals.sentence();
        tracing::info!(accounts = counts.totals.accounts, "as one of several workers: {sentence}");
        let unserved = results.accounts.iter().filter(|report| report.error.is_some());
        let unserved = unserved.map(|report| report.account.clone()).collect();
        let accounts = results.accounts.iter().map(|report| report.account.clone()).collect();
        Ok(Answer::batch(sentence, BatchReport { accounts, unserved, counts }))
    }

    /// Adds up what came of all workers, and says it as a sweep of one function does: metrics, mails, one line.
    async fn summary(
        &self,
        distributed: &Distributed,
        sweep: &SweepName,
        results: Option<ResultsAt>,
        invocation: &Invocation,
    ) -> Result<Answer, Answer> {
        if let Some(voided) = self.voided() {
            return Err(voided);
        }
        let organization = self.organization(distributed).await?;
        let results = match results {
            Some(at) => self.results(distributed, at).await?,
            None => MapResults::default(),
        };
        let Sum { counts, unserved } = add_up(&organization, &results);
        let Organization { started, unlisted, circumstances, .. } = &organization;
        let complete =
            counts.complete && unlisted.is_none() && organization.knows_units() && counts.entry.is_guarding();
        let at = self.clock.now();
        self.metrics.emit(&SweepMetrics {
            at,
            took: at.duration_since(*started),
            complete,
            coverage: counts.coverage,
            totals: counts.totals,
            halted: counts.halted,
            frozen: counts.frozen,
            waiting: circumstances.waiting,
        });
        let mut notices = self.mailer.deliver().await;
        match self.contained(&organization.members, invocation).await {
            Ok(contained) => {
                if let Some(news) = still_contained(contained.iter(), at) {
                    notices += self.tell(&news, since_midnight(at) + SignedDuration::from_millis(1)).await;
                }
            }
            Err(failure) => tracing::error!(error = %failure, "who is still contained could not be read"),
        }
        let mut sentence = counts.totals.sentence();
        if results.workers.failed > 0 {
            let why = results.main_reason().unwrap_or_default();
            let all = count((results.workers.answered + results.workers.failed) as u64, "worker");
            sentence.push_str(&format!(" {} of {all} failed: {why}.", results.workers.failed));
        }
        log_totals(&counts.totals, counts.coverage, complete, &sentence);
        notices.errors.truncate(NAMED);
        let report = SweepReport {
            sweep: sweep.as_str().to_owned(),
            trigger: DISTRIBUTED.to_owned(),
            mode: self.reach(),
            started: *started,
            finished: self.clock.now(),
            complete,
            unlisted: unlisted.clone(),
            coverage: counts.coverage,
            totals: counts.totals,
            accounts: unserved.into_iter().take(NAMED).collect(),
            workers: Some(results.workers),
            notices,
        };
        Ok(Answer::swept(sentence, report))
    }

    /// How far a sweep of the schedule may go.
    fn reach(&self) -> Mode {
        least([Mode::Proceed, self.ceiling])
    }

    /// Which of these are contained now.
    async fn contained(
        &self,
        members: &BTreeSet<AccountId>,
        invocation: &Invocation,
    ) -> Result<Vec<AccountRecord>, Failure> {
        let until = invocation.deadline.stop_work();
        let records = while_busy(&invocation.id, until, || self.states.load_all()).await?;
        let known = records.readable.into_values().map(|known| known.record);
        Ok(known.filter(|record| record.state.is_contained() && members.contains(&record.account)).collect())
    }

    async fn organization(&self, distributed: &Distributed) -> Result<Organization, Answer> {
        let read = self.handed_on(&distributed.bucket, &distributed.organization()).await;
        read.map_err(|failure| Answer::failed(format!("What the list of this sweep found cannot be read: {failure}")))
    }

    /// What Step Functions wrote of all workers. A file that cannot be read leaves its accounts unseen, so that it fails
    /// the sum: nobody may think that they were.
    async fn results(&self, distributed: &Distributed, at: ResultsAt) -> Result<MapResults, Answer> {
        let ours = format!("{}/", distributed.results());
        if at.bucket != distributed.bucket || !at.key.starts_with(&ours) {
            let expected = format!("those of this sweep are in {} under {ours:?}", distributed.bucket);
            return Err(Answer::refused(format!("the results are said to be elsewhere; {expected}")));
        }
        let unreadable = |failure: Failure| Answer::failed(format!("The workers' results cannot be read: {failure}"));
        let manifest: Manifest = self.handed_on(&at.bucket, &at.key).await.map_err(unreadable)?;
        let mut results = MapResults::default();
        for key in manifest.keys().filter(|key| key.starts_with(&ours)) {
            let executions: Vec<Execution> = self.handed_on(&at.bucket, key).await.map_err(unreadable)?;
            executions.into_iter().for_each(|execution| results.add(execution));
        }
        for (why, number) in &results.reasons {
            tracing::error!(workers = number, "a worker failed, and what was its own is not swept: {why}");
        }
        Ok(results)
    }

    async fn hand_on(&self, distributed: &Distributed, key: &str, what: &impl Serialize) -> Result<(), Answer> {
        let failed = |why: String| Answer::failed(format!("{key} could not be written, so no worker can begin: {why}"));
        let bytes = serde_json::to_vec(what).map_err(|error| failed(error.to_string()))?;
        self.sweep_store.put(&distributed.bucket, key, bytes).await.map_err(|failure| failed(failure.to_string()))
    }

    async fn handed_on<T: DeserializeOwned>(&self, bucket: &str, key: &str) -> Result<T, Failure> {
        let bytes = self.sweep_store.get(bucket, key, LONGEST).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::own("s3:GetObject", FailureKind::Invalid, format!("{key} is not what belongs there: {error}"))
        })
    }
}

/// Where the steps of one sweep hand things to each other.
struct Distributed {
    bucket: String,
    folder: String,
}

impl Distributed {
    fn organization(&self) -> String {
        format!("{}organization.json", self.folder)
    }

    fn accounts(&self) -> String {
        format!("{}accounts.json", self.folder)
    }

    /// Step Functions puts a slash after it, a folder for the Map Run, and another slash.
    fn results(&self) -> String {
        format!("{}results", self.folder)
    }
}

/// What came of all accounts.
struct Sum {
    counts: BatchCounts,
    unserved: Vec<AccountReport>,
}

/// Adds the batches up, each account once, and then those that no worker knows of.
fn add_up(organization: &Organization, results: &MapResults) -> Sum {
    let mut counted: BTreeSet<&AccountId> = BTreeSet::new();
    let mut sum = Sum { counts: BatchCounts::default(), unserved: Vec::new() };
    let name = |account: &AccountId| organization.accounts.get(account).map_or("", |listed| listed.name());
    let unserved = |account: &AccountId, why: &str| AccountReport::unserved(account.clone(), name(account), why);
    for batch in &results.batches {
        let is_ours = |account: &AccountId| organization.accounts.contains_key(account) && !counted.contains(account);
        if !batch.accounts.iter().all(is_ours) {
            tracing::warn!(accounts = batch.accounts.len(), "a batch that was counted already is not counted again");
            continue;
        }
        counted.extend(&batch.accounts);
        sum.counts += batch.counts;
        sum.unserved.extend(batch.unserved.iter().map(|account| unserved(account, "its worker did not serve it")));
    }
    for account in organization.accounts.keys().filter(|account| !counted.contains(account)) {
        sum.counts += BatchCounts {
            complete: false,
            coverage: Coverage { seen: 0, expected: 1 },
            totals: Totals { accounts: 1, unserved: 1, ..Totals::default() },
            ..BatchCounts::default()
        };
        sum.unserved.push(unserved(account, "its worker failed; the next sweep takes it up again"));
    }
    sum
}

fn unreadable_table(failure: &Failure) -> Answer {
    tracing::error!(error = %failure, "the state table could not be read; nothing was touched");
    Answer::failed(format!("The state table could not be read, so nothing was touched: {failure}"))
}
