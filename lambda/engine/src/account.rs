//! One account of a sweep: observe, decide as the answers come in, contain, record.

use std::sync::Arc;

use crate::brake::Brake;
use crate::contain::{Executor, Proof, Task, Underway, verify, verify_freeze};
use crate::deadline::Deadline;
use crate::notify;
use crate::observe::Eyes;
use crate::ports::{Commit, Freshness, LeaseMove, LedgerError, Ports, Stored};
use crate::record::{self, Holding};
use crate::scope::Scoped;
use crate::spending::Awaited;
use runawaytrain_core::containment::{ActionResult, Containment, Outcome};
use runawaytrain_core::decide::{Cause, Decision, decide};
use runawaytrain_core::history::Summary;
use runawaytrain_core::mail;
use runawaytrain_core::mode::Mode;
use runawaytrain_core::observation::{Coverage, Observation, Quarantine};
use runawaytrain_core::plan::Action;
use runawaytrain_core::planner::Refusals;
use runawaytrain_core::report::{AccountReport, HaltReport};
use runawaytrain_core::state::{self, AccountRecord, State};
use runawaytrain_core::suspects::suspects;

/// How often a lost race for the lease is run again with fresh data: a harmless writer may have been in between.
const RACES: usize = 3;

/// An unproven halt is mailed as such when it has lasted this long.
const UNPROVEN_UNTIL_TOLD: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);

/// What one account's sweep rests on.
#[derive(Clone)]
pub(crate) struct Post {
    pub ports: Ports,
    pub eyes: Eyes,
    /// The invocation's id, which holds the leases.
    pub invocation: String,
    /// Why the accounts are to be contained whatever their limits say, if somebody ordered it.
    pub order: Option<String>,
    /// Whether what is seen is remembered. A drill by event is not: it leaves no trace at all.
    pub remember: bool,
    /// The invocation's end.
    pub deadline: Deadline,
    /// How many halts there may be.
    pub brake: Arc<Brake>,
    /// What the accounts of this sweep spent, once it is known.
    pub spending: Awaited,
}

/// What came of one account.
pub(crate) struct Looked {
    pub report: AccountReport,
    pub coverage: Coverage,
    /// Whether everything answered before the invocation's end.
    pub in_time: bool,
}

/// A containment under way.
struct Containing {
    /// Whether the account is only frozen: past the brake, or because our role was taken away.
    only_freeze: bool,
    holding: Arc<Holding>,
    executor: Executor,
    underway: Underway,
    record: AccountRecord,
}

impl Post {
    /// Sweeps one account. Containing starts the moment the running sum passes a limit; the regions that answer later
    /// are contained as they come in.
    pub async fn sweep(&self, scoped: &Scoped, stored: Option<Stored>) -> Looked {
        let policy = &scoped.policy;
        let new = || Stored {
            record: AccountRecord::new(policy.account.clone(), self.ports.clock.now()),
            version: 0,
            lease: None,
        };
        let mut stored = stored.unwrap_or_else(new);
        let mut may_contain = scoped.mode == Mode::Proceed && self.remember;
        let refusals = self.refusals_so_far(&stored.record).await;
        let mut watch = self.eyes.watch(&policy.account, Freshness::Cached, self.deadline.stop_work()).await;
        watch.hold_against(stored.record.charges.clone(), self.spending.clone());
        let mut containing: Option<Containing> = None;
        let mut look_closer = true;
        let mut error = None;
        let decision = loop {
            let decision = decide(
                policy,
                watch.observation(),
                &stored.record,
                self.order.is_some(),
                &refusals,
                self.ports.clock.now(),
            );
            if let Some(cause) = decision.cause {
                if std::mem::take(&mut look_closer) {
                    watch.look_closer(policy);
                }
                if may_contain
                    && containing.is_none()
                    && error.is_none()
                    && self.is_called_for(cause, &decision, &stored.record, watch.observation())
                {
                    match self.begin(scoped, watch.observation(), stored.clone()).await {
                        Ok(Some((begun, now_stored))) => (containing, stored) = (Some(begun), now_stored),
                        Ok(None) => may_contain = false,
                        Err(why) => error = Some(why),
                    }
                }
                if let Some(containing) = &mut containing {
                    let plan = &decision.plan;
                    containing.underway.feed(&if containing.only_freeze { plan.only_freeze() } else { plan.clone() });
                }
            }
            if !watch.next().await {
                break decision;
            }
        };
        let coverage = watch.observation().coverage();
        let summary = Summary::of(policy, watch.observation());
        let mut report = AccountReport::new(policy.account.clone(), &scoped.name, scoped.mode)
            .with_verdict(&decision.verdict, coverage, &summary)
            .with_plan(&decision.plan);
        report.error = error.or_else(|| {
            watch.was_cut().then(|| "not finished before the deadline; the next sweep takes it up again".to_owned())
        });
        match containing {
            Some(containing) => report = self.conclude(scoped, containing, &decision, &summary, refusals, report).await,
            None if self.remember => {
                report.state =
                    Some(self.remember_quietly(scoped, &stored, &decision, &summary, &mut report.error).await)
            }
            None => report.state = Some(stored.record.state),
        }
        Looked { report, coverage, in_time: !watch.was_cut() }
    }

    /// A halt that is not proven yet is always taken up again; one that is, only when something is to be done about it.
    fn is_called_for(
        &self,
        cause: Cause,
        decision: &Decision,
        record: &AccountRecord,
        observation: &Observation,
    ) -> bool {
        if cause == Cause::ShutOut && observation.quarantine == Quarantine::NotLooked {
            // Frozen already or not: that is known in a moment, and decides whether there is anything to do.
            return false;
        }
        cause != Cause::Standing || record.state == State::Halting || !decision.plan.is_empty()
    }

    /// Enters the halt, or takes up a standing one: the state and the halt mail are written in the transaction that
    /// takes the lease. Past the brake, or where our role was taken away, the account is frozen instead; `None` where
    /// that was done before.
    async fn begin(
        &self,
        scoped: &Scoped,
        observation: &Observation,
        mut stored: Stored,
    ) -> Result<Option<(Containing, Stored)>, String> {
        let policy = &scoped.policy;
        let now = self.ports.clock.now();
        let only_freeze =
            match decide(policy, observation, &stored.record, self.order.is_some(), &Refusals::default(), now).cause {
                Some(Cause::ShutOut) => true,
                Some(Cause::Tripped) => {
                    let seen = if self.brake.may_run_short() {
                        Summary::of(policy, &self.eyes.priced(observation).await)
                    } else {
                        Summary::of(policy, observation)
                    };
                    let burns = (seen.burn.total(), seen.vcpus);
                    !self.brake.ask(&self.ports, &policy.account, burns).await.map_err(|failure| {
                        format!("nothing was contained, for the brake could not be asked: {failure}")
                    })?
                }
                _ => false,
            };
        if only_freeze
            && stored.record.state == State::Frozen
            && matches!(observation.quarantine, Quarantine::Looked(Ok(true)))
        {
            return Ok(None);
        }
        for _ in 0..RACES {
            let now = self.ports.clock.now();
            // Decided anew each time: whoever was faster may have halted or released the account.
            let decision = decide(policy, observation, &stored.record, self.order.is_some(), &Refusals::default(), now);
            let (record, notices) = match decision.cause {
                None => {
                    return Err(
                        "another invocation changed the account's state meanwhile; the next sweep judges it again"
                            .to_owned(),
                    );
                }
                Some(Cause::Standing) => (stored.record.clone(), Vec::new()),
                Some(Cause::Tripped | Cause::ShutOut) if only_freeze => {
                    let (record, notices) =
                        state::frozen(&stored.record, policy, &decision, &Summary::of(policy, observation), now);
                    (record, notices)
                }
                Some(Cause::Tripped | Cause::Ordered | Cause::ShutOut) => {
                    let (record, notice) = state::trip(
                        &stored.record,
                        policy,
                        &decision,
                        self.order.as_deref(),
                        &Summary::of(policy, observation),
                        now,
                    );
                    (record, vec![notice])
                }
            };
            let mailed = !notices.is_empty();
            match record::acquire(&self.ports, &self.invocation, &stored, record, notices).await {
                Ok(Some((holding, stored))) => {
                    if mailed {
                        tracing::warn!(account = %policy.account, "halting: {}", stored.record.why);
                        // The mail must not wait for the containment. The sweep's end sends what this could not.
                        let ports = self.ports.clone();
                        tokio::spawn(async move { notify::drain(&ports).await });
                    }
                    let holding = Arc::new(holding);
                    let executor = Executor::new(policy.account.clone(), Arc::clone(&holding), self.deadline);
                    let underway = executor.begin();
                    return Ok(Some((
                        Containing { only_freeze, holding, executor, underway, record: stored.record.clone() },
                        stored,
                    )));
                }
                Ok(None) => {
                    return Err("the account's record says halted but names no halt: repair or delete it in the table"
                        .to_owned());
                }
                Err(LedgerError::Failed(failure)) => {
                    return Err(format!("nothing was contained, for the state could not be recorded first: {failure}"));
                }
                Err(LedgerError::Conflict | LedgerError::LeaseLost) => {
                    match self.ports.ledger.load(&policy.account).await {
                        Ok(Some(fresh)) => {
                            if let Some(lease) = fresh
                                .lease
                                .as_ref()
                                .filter(|lease| lease.until > now && lease.holder != self.invocation)
                            {
                                return Err(format!(
                                    "invocation {} is containing the account (its lease holds until {})",
                                    lease.holder, lease.until
                                ));
                            }
                            stored = fresh;
                        }
                        Ok(None) => stored.version = 0,
                        Err(failure) => {
                            return Err(format!("nothing was contained, for the state could not be read: {failure}"));
                        }
                    }
                }
            }
        }
        Err("the account's state changed too often to begin; the next sweep tries again".to_owned())
    }

    /// Waits for the lanes, proves the halt, and writes down what it came to.
    async fn conclude(
        &self,
        scoped: &Scoped,
        containing: Containing,
        decision: &Decision,
        summary: &Summary,
        refusals: Refusals,
        mut report: AccountReport,
    ) -> AccountReport {
        let policy = &scoped.policy;
        let Containing { only_freeze, holding, executor, underway, record } = containing;
        let state_before = record.state;
        let outcomes = underway.finish().await;
        // Until somebody has looked again: what was planned and not taken by AWS.
        let taken = |action: &Action| {
            outcomes
                .iter()
                .any(|outcome| outcome.action.covers(action) && !matches!(outcome.result, ActionResult::Failed { .. }))
        };
        let plan = if only_freeze { decision.plan.only_freeze() } else { decision.plan.clone() };
        let remaining = plan.actions().filter(|action| !taken(action)).cloned().collect();
        let mut containment = Containment {
            outcomes,
            remaining,
            gaps: decision.verdict.gaps.clone(),
            left: plan.left().to_vec(),
            ..Containment::default()
        };
        if only_freeze && let Err(why) = verify_freeze(&self.eyes, policy, &executor, self.deadline, &plan).await {
            tracing::error!(account = %policy.account, "the account is not frozen: {why}");
            report.error = Some(format!("the account is not frozen: {why}; the next sweep tries again"));
        }
        let record = state::with_whole_before(&record, &decision.verdict, summary);
        let (mut record, mut notices) =
            state::after_sweep(&record, policy, scoped.mode, decision, summary, self.ports.clock.now());
        // A halt that is not proven yet must be; one that was, is looked at again only where enforcing it met a
        // refusal.
        let proof = match record.state {
            _ if only_freeze => None,
            State::Halting => Some(Proof::TwoCleanPasses),
            _ => containment
                .outcomes
                .iter()
                .any(|outcome| matches!(outcome.result, ActionResult::Failed { .. }))
                .then_some(Proof::OneCleanPass),
        };
        if let Some(proof) = proof {
            let task = Task {
                holding: &holding,
                record: &record,
                clock: &*self.ports.clock,
                deadline: self.deadline,
                refusals,
            };
            let verified = verify(&self.eyes, policy, &executor, &task, &containment.outcomes, proof).await;
            let now = self.ports.clock.now();
            containment.outcomes.extend(verified.outcomes);
            containment.verified = verified.clean.then_some(now);
            if let Some(observation) = &verified.last {
                (containment.remaining, containment.gaps, containment.left) =
                    (verified.remaining, verified.gaps, verified.left);
                containment.suspects =
                    record.halt.as_ref().map(|halt| suspects(policy, observation, halt.tripped)).unwrap_or_default();
                record.last = Some(Summary::of(policy, observation));
            }
            if verified.clean && record.state == State::Halting {
                record = state::contained(&record, now);
            }
            if let Some(halt) = &mut record.halt
                && !halt.outcome_told
                && (verified.clean || now.duration_since(halt.tripped) >= UNPROVEN_UNTIL_TOLD)
            {
                halt.outcome_told = true;
                notices.push(mail::outcome(policy, halt, &containment, now));
            }
        }
        report = report.with_containment(&containment);
        report.halt = record.halt.as_ref().map(|halt| HaltReport {
            id: halt.id.clone(),
            contained: halt.contained.is_some(),
            seconds: halt.contained.map(|contained| contained.duration_since(halt.tripped).as_secs_f64()),
        });
        drop(executor);
        let state = record.state;
        report.state = Some(state);
        let written = match Arc::try_unwrap(holding) {
            Ok(holding) => holding.give_back(record, notices).await.map(|_| ()),
            // Cannot be while every lane has ended; the lease then runs out by itself and the next sweep takes the halt
            // up again.
            Err(_) => Err(LedgerError::LeaseLost),
        };
        if let Err(error) = written {
            tracing::error!(account = %policy.account, error = %error, "what the containment came to could not be recorded; the next sweep takes it up again");
            report.error = Some(format!("what the containment came to could not be recorded: {error}"));
            report.state = Some(state_before);
        }
        report
    }

    /// What refused in a halt that another invocation left unfinished, from its journal: what it had to learn need not
    /// be learnt again.
    async fn refusals_so_far(&self, record: &AccountRecord) -> Refusals {
        let mut refusals = Refusals::default();
        let Some(halt) = record.halt.as_ref().filter(|_| record.state == State::Halting) else { return refusals };
        match self.ports.ledger.journal(&record.account, &halt.id).await {
            Ok(journal) => {
                let concluded = journal
                    .into_iter()
                    .filter_map(|entry| Some(Outcome { action: entry.action, result: entry.concluded?.1 }));
                refusals.learn(&concluded.collect::<Vec<_>>());
            }
            // It only costs what it cost before to learn it.
            Err(failure) => {
                tracing::warn!(account = %record.account, error = %failure, "the journal could not be read; what refused before is asked again")
            }
        }
        refusals
    }

    /// Takes in the numbers of a sweep that contained nothing. A writer that was faster knows better: its record stays.
    async fn remember_quietly(
        &self,
        scoped: &Scoped,
        stored: &Stored,
        decision: &Decision,
        summary: &Summary,
        error: &mut Option<String>,
    ) -> State {
        let now = self.ports.clock.now();
        let (record, notices) = state::after_sweep(&stored.record, &scoped.policy, scoped.mode, decision, summary, now);
        if record == stored.record && stored.version > 0 {
            return record.state;
        }
        let state = record.state;
        let peak = record.hour.clone().filter(|peak| stored.record.hour.as_ref() != Some(peak));
        let commit = Commit { record, lease: LeaseMove::None { expected: stored.version }, notices, peak, at: now };
        match self.ports.ledger.commit(commit).await {
            Ok(_) => state,
            Err(LedgerError::Conflict | LedgerError::LeaseLost) => stored.record.state,
            Err(LedgerError::Failed(failure)) => {
                tracing::error!(account = %scoped.policy.account, error = %failure, "the account's state could not be recorded");
                error.get_or_insert_with(|| {
                    format!("the account was judged, but its state could not be recorded: {failure}")
                });
                stored.record.state
            }
        }
    }
}
