//! Contains one account: takes the lease, performs the plans that come in, and proves what came of them.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use runawaytrain_core::decision::{self, Cause, Decision, News};
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::message::mail;
use runawaytrain_core::observation::Observation;
use runawaytrain_core::plan::{self, ActionResult, Containment, Plan};
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::record::{AccountRecord, FreezeReason, State};
use runawaytrain_core::resource::quarantine::{Attachment, Quarantine};
use runawaytrain_core::resource::{Act, Part};
use runawaytrain_core::vocabulary::failure::Failure;

use crate::account::basis::AccountSweep;
use crate::contain::lease::HeldLease;
use crate::contain::{Executor, Proof, RunningLanes, Task, verify, verify_freeze};
use crate::patience::while_busy;
use crate::ports::{JournalEntry, StoreError, VersionedRecord};
use crate::scope::ScopedAccount;

mod message;

pub(super) use message::{Closing, Conclusion, Start, StartAnswer, StartError};

/// What is asked of the container.
enum Order {
    /// To enter the halt that a decision calls for, or to take up a standing one.
    Begin(Box<Start>, oneshot::Sender<StartAnswer>),
    /// To perform what is new in a plan.
    Perform(Plan),
    /// To wait for what is under way, to prove it, and to write down what it came to.
    Conclude(Box<Closing>, oneshot::Sender<Conclusion>),
}

/// A container at work. Dropped, it breaks off: the lease runs out by itself.
pub(super) struct Container {
    orders: mpsc::UnboundedSender<Order>,
    _task: JoinSet<()>,
}

impl Container {
    /// A container for one account of a sweep.
    pub fn spawn(sweep: &AccountSweep, scoped: &ScopedAccount) -> Self {
        let (orders, incoming) = mpsc::unbounded_channel();
        let work = Work {
            sweep: sweep.clone(),
            scoped: scoped.clone(),
            may_halt: None,
            may_freeze_purchases: None,
            held: None,
        };
        let mut task = JoinSet::new();
        task.spawn(work.run(incoming));
        Self { orders, _task: task }
    }

    /// Asks to begin; the answer comes when the lease is held, or is not to be had.
    pub fn begin(&self, beginning: Start) -> oneshot::Receiver<StartAnswer> {
        let (answer, begun) = oneshot::channel();
        // Where nobody listens any more, the answer says so by not coming.
        let _ = self.orders.send(Order::Begin(Box::new(beginning), answer));
        begun
    }

    /// Performs what is new in a plan.
    pub fn perform(&self, plan: Plan) {
        let _ = self.orders.send(Order::Perform(plan));
    }

    /// Ends the containment; `None` where it broke.
    pub async fn conclude(self, ending: Closing) -> Option<Conclusion> {
        let (answer, concluded) = oneshot::channel();
        let _ = self.orders.send(Order::Conclude(Box::new(ending), answer));
        concluded.await.ok()
    }
}

/// The container's own side.
struct Work {
    sweep: AccountSweep,
    scoped: ScopedAccount,
    /// What the brake said, once it answered.
    may_halt: Option<bool>,
    /// Whether the account may be frozen for purchases, once that was asked: a lost race does not ask again.
    may_freeze_purchases: Option<bool>,
    held: Option<Held>,
}

/// A containment under way.
struct Held {
    extent: Extent,
    lease: Arc<HeldLease>,
    executor: Executor,
    lanes: RunningLanes,
    record: AccountRecord,
}

/// How far a containment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Everything that the policy says.
    Halt,
    /// No further than the quarantine, for a reason.
    Freeze(FreezeReason),
    /// The quarantine comes off.
    Thaw,
}

impl Extent {
    /// As much of a plan as is to be performed.
    fn of(self, plan: &Plan) -> Plan {
        match self {
            Self::Halt | Self::Thaw => plan.clone(),
            Self::Freeze(_) => plan.only_freeze(),
        }
    }
}

impl Work {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Begin(beginning, answer) => {
                    let begun = self.begin(*beginning).await.unwrap_or_else(StartAnswer::Failed);
                    let _ = answer.send(begun);
                }
                Order::Perform(plan) => {
                    if let Some(held) = &mut self.held {
                        held.lanes.feed(&held.extent.of(&plan));
                    }
                }
                Order::Conclude(ending, answer) => {
                    if let Some(held) = self.held.take() {
                        let _ = answer.send(self.conclude(held, *ending).await);
                    }
                }
            }
        }
    }

    fn policy(&self) -> &AccountPolicy {
        &self.scoped.policy
    }

    /// Enters the halt, or takes up a standing one: the state and the halt mail are written in the transaction that
    /// takes the lease. Past the brake, or where our role was taken away, the account is frozen instead.
    async fn begin(&mut self, beginning: Start) -> Result<StartAnswer, StartError> {
        let Start { decision, observation, known, doors } = beginning;
        // The brake and the lease take three answers of the table.
        if matches!(decision.cause, Some(Cause::Tripped | Cause::Ordered | Cause::Standing)) {
            self.sweep.leases.prepare(&self.policy().account);
        }
        let Some(extent) = self.extent(&decision, &observation, &known.record).await? else {
            return Ok(StartAnswer::NothingToDo);
        };
        let (record, news) = self.entered(&decision, &observation, &known.record, extent);
        let (policy, sweep) = (&self.scoped.policy, &self.sweep);
        let notices: Vec<_> = news.iter().flat_map(|news| mail::write(policy, news)).collect();
        let is_news = !notices.is_empty();
        // Nothing is contained without the lease, so a busy table is waited for.
        let acquire = || sweep.leases.acquire(&sweep.invocation, &known, record.clone(), notices.clone());
        match while_busy(&policy.account, sweep.deadline.stop_work(), acquire).await {
            Ok(None) => Err(StartError::NoHalt),
            Ok(Some((lease, stored))) => {
                if is_news {
                    tracing::warn!(account = %policy.account, "halting: {}", stored.record.why);
                    // The mail must not wait for the containment. The sweep's end sends what this could not.
                    let mailer = sweep.mailer.clone();
                    tokio::spawn(async move { mailer.deliver().await });
                }
                let lease = Arc::new(lease);
                let executor = Executor::new(policy.account.clone(), Arc::clone(&lease), sweep.deadline);
                let executor = executor.knowing(doors).yielding();
                let (lanes, record) = (executor.begin(), stored.record.clone());
                self.held = Some(Held { extent, lease, executor, lanes, record });
                Ok(StartAnswer::Held(Box::new(stored)))
            }
            Err(StoreError::Failed(failure)) => Err(StartError::NotRecorded(failure)),
            Err(StoreError::Conflict | StoreError::LeaseLost) => self.outrun(known).await,
        }
    }

    /// How far to go; `None` where there is nothing to do.
    async fn extent(
        &mut self,
        decision: &Decision,
        observation: &Observation,
        record: &AccountRecord,
    ) -> Result<Option<Extent>, StartError> {
        Ok(match decision.cause.ok_or(StartError::Overruled)? {
            Cause::Standing | Cause::Ordered => Some(Extent::Halt),
            Cause::Thaw => Some(Extent::Thaw),
            // The brake could not be asked: that must not leave the account to grow.
            Cause::Tripped => Some(match self.may_halt(observation).await {
                Ok(true) => Extent::Halt,
                Ok(false) => Extent::Freeze(FreezeReason::Brake),
                Err(_) => Extent::Freeze(FreezeReason::BrakeUnknown),
            }),
            // No slot of the brake: a lawful purchase must not hold up the next halt.
            Cause::Purchases => self.may_freeze_purchases().await.then_some(Extent::Freeze(FreezeReason::Purchases)),
            cause @ (Cause::ShutOut | Cause::Throttled) => {
                let throttled = cause == Cause::Throttled;
                let reason = if throttled { FreezeReason::Throttled } else { FreezeReason::ShutOut };
                let may_freeze = self.may_halt(observation).await.unwrap_or(false);
                may_freeze.then_some(Extent::Freeze(reason))
            }
            Cause::Frozen => {
                let is_attached = observation
                    .of::<Quarantine>(None)
                    .and_then(Result::ok)
                    .is_some_and(|ours| ours.quarantine == Attachment::Attached);
                let is_known = record.halt.as_ref().is_some_and(|halt| halt.contained.is_some() && halt.outcome_told);
                record.freeze().filter(|_| !(is_attached && is_known)).map(Extent::Freeze)
            }
        })
    }

    /// Whether another account may be frozen for purchases. Where that cannot be told, the next sweep asks again.
    async fn may_freeze_purchases(&mut self) -> bool {
        if let Some(may_freeze) = self.may_freeze_purchases {
            return may_freeze;
        }
        let sweep = &self.sweep;
        let account = &self.policy().account;
        let take = || sweep.purchases.take(account);
        match while_busy(account, sweep.deadline.stop_work(), take).await {
            Ok(may_freeze) => *self.may_freeze_purchases.insert(may_freeze),
            Err(failure) => {
                tracing::error!(account = %self.policy().account, error = %failure, "nobody can tell how many are frozen for purchases");
                false
            }
        }
    }

    /// What the brake says. Asked until it answers: who has a slot keeps it.
    async fn may_halt(&mut self, observation: &Observation) -> Result<bool, Failure> {
        if let Some(may_halt) = self.may_halt {
            return Ok(may_halt);
        }
        let (brake, policy) = (&self.sweep.brake, self.policy());
        let seen = if brake.may_run_short() {
            Summary::of(policy, &self.sweep.collector.priced(observation).await)
        } else {
            Summary::of(policy, observation)
        };
        let ask = || brake.ask(&policy.account, (seen.burn.total(), seen.vcpus));
        let answer = while_busy(&policy.account, self.sweep.deadline.stop_work(), ask).await;
        match &answer {
            Ok(may_halt) => self.may_halt = Some(*may_halt),
            Err(failure) => {
                tracing::error!(account = %policy.account, error = %failure, "the brake could not be asked");
            }
        }
        answer
    }

    /// The record with the halt or the freeze entered, and what is new about it.
    fn entered(
        &self,
        decision: &Decision,
        observation: &Observation,
        record: &AccountRecord,
        extent: Extent,
    ) -> (AccountRecord, Vec<News>) {
        let (seen, now) = (Summary::of(self.policy(), observation), self.sweep.clock.now());
        match (extent, decision.cause) {
            (Extent::Thaw, _) | (Extent::Halt, Some(Cause::Standing)) => (record.clone(), Vec::new()),
            (Extent::Freeze(reason), _) => (decision::frozen(record, decision, reason, &seen, now), Vec::new()),
            (Extent::Halt, _) => {
                let (record, news) = decision::trip(record, decision, self.sweep.order.as_deref(), &seen, now);
                (record, vec![news])
            }
        }
    }

    /// Somebody else wrote the record: whether it is contained by them, or only changed.
    async fn outrun(&self, mut known: VersionedRecord) -> Result<StartAnswer, StartError> {
        match self.sweep.states.load(&self.policy().account).await.map_err(StartError::NotRead)? {
            None => {
                known.version = 0;
                Ok(StartAnswer::Outrun(Box::new(known)))
            }
            Some(fresh) => match fresh.lease {
                Some(lease) if lease.until > self.sweep.clock.now() && lease.holder != self.sweep.invocation => {
                    Err(StartError::Leased { holder: lease.holder, until: lease.until })
                }
                _ => Ok(StartAnswer::Outrun(Box::new(fresh))),
            },
        }
    }

    /// Waits for the lanes, proves the halt, and writes down what it came to.
    async fn conclude(&self, held: Held, ending: Closing) -> Conclusion {
        let (policy, sweep) = (self.policy(), &self.sweep);
        let Closing { decision, summary, refusals } = ending;
        let plan = held.extent.of(&decision.plan);
        let Held { extent, lease, executor, lanes, record } = held;
        let recorded_before = record.clone();
        // What is to be proven anyway is looked at while people are still being locked out.
        let (under_way, outcomes) = if extent == Extent::Halt && record.state == State::Halting {
            (Some(lanes), Vec::new())
        } else {
            (None, lanes.finish().await)
        };
        let mut containment = until_looked_at(&plan, &decision, outcomes);
        let mut error = None;
        let mut news = Vec::new();
        let record = match extent {
            Extent::Halt => record,
            Extent::Freeze(reason) => {
                let freeze = || async { drop(executor.run(&plan).await) };
                let holds = verify_freeze(&sweep.collector, policy, sweep.deadline, freeze).await;
                let holds = holds.map_err(|why| why.to_string());
                if let Err(why) = &holds {
                    tracing::error!(account = %policy.account, "the account is not frozen: {why}");
                    error = Some(format!("the account is not frozen: {why}; the next sweep tries again"));
                } else if reason == FreezeReason::BrakeUnknown {
                    error = Some(
                        "frozen and not halted, for the brake could not be asked; the next sweep asks again".to_owned(),
                    );
                }
                let (record, told) = decision::freeze_outcome(&record, &holds, &summary, sweep.clock.now());
                news.extend(told);
                record
            }
            // Only an answer says that it is off: a call that was cut off may not have been made.
            Extent::Thaw => match containment.outcomes.last().map(|outcome| refusal_of(&outcome.result)) {
                Some(None) => {
                    let (record, told) = decision::thawed(&record, sweep.clock.now());
                    news.extend(told);
                    record
                }
                answer => {
                    let why = answer.flatten().map_or_else(|| "nothing answered".to_owned(), ToString::to_string);
                    error = Some(format!("the account is still frozen: {why}; the next sweep tries again"));
                    record
                }
            },
        };
        let record = decision::with_whole_before(&record, &decision.verdict, &summary);
        let now = sweep.clock.now();
        let place = self.scoped.place.as_ref();
        let (mut record, more) =
            decision::after_sweep(&record, policy, self.scoped.mode, &decision, &summary, place, now);
        news.extend(more);
        if let Some(proof) = wanted_proof(extent, record.state, &containment) {
            let task = Task {
                policy,
                collector: &sweep.collector,
                lease: &lease,
                record: &record,
                clock: &*sweep.clock,
                deadline: sweep.deadline,
                refusals,
            };
            let lanes = under_way.unwrap_or_else(|| executor.begin());
            let verified = verify(&task, lanes, &containment.outcomes, proof).await;
            let now = sweep.clock.now();
            containment.outcomes.extend(verified.outcomes);
            containment.verified = verified.clean.then_some(now);
            if let Some(observation) = &verified.last {
                (containment.remaining, containment.gaps) = (verified.remaining, verified.gaps);
                containment.skipped = verified.skipped;
                let tripped = record.halt.as_ref().map(|halt| halt.tripped);
                containment.suspects =
                    tripped.map(|tripped| plan::suspects(policy, observation, tripped)).unwrap_or_default();
                let after = Summary::of(policy, observation).kept();
                record.last = Some(after.clone());
                containment.after = Some(after);
                record.regions = verified.regions;
            } else {
                containment.remaining = plan::remaining(&containment.remaining, &containment.outcomes);
            }
            if verified.clean && record.state == State::Halting {
                record = decision::contained(&record, now);
            }
            if decision::tells_outcome(&mut record, &containment, verified.in_vain, now) {
                let containment = self.of_the_whole_halt(&record, &containment).await;
                news.extend(record.halt.clone().map(|halt| News::Outcome {
                    halt: Box::new(halt),
                    containment,
                    at: now,
                }));
            }
        }
        if lease.release_is_requested() {
            // Kept for the sweeps that come before whoever asks has the lease.
            record.release_requested = Some(sweep.clock.now());
        }
        drop(executor);
        record.lock_out(lease.locked_out());
        let notices = news.iter().flat_map(|news| mail::write(policy, news)).collect();
        let written = match Arc::try_unwrap(lease) {
            Ok(lease) => lease.give_back(record.clone(), notices).await.map(drop),
            // Cannot be while every lane has ended; the lease then runs out by itself and the next sweep takes the halt
            // up again.
            Err(_) => Err(StoreError::LeaseLost),
        };
        if let Err(why) = written {
            tracing::error!(account = %policy.account, error = %why, "what the containment came to could not be recorded; the next sweep takes it up again");
            error = Some(format!("what the containment came to could not be recorded: {why}"));
            record.state = recorded_before.state;
        }
        Conclusion { containment, record, error }
    }
}

impl Work {
    /// The same with every call of the halt, whichever invocation made it: an earlier one may have been killed after it
    /// stopped everything.
    async fn of_the_whole_halt(&self, record: &AccountRecord, containment: &Containment) -> Containment {
        let Some(halt) = &record.halt else { return containment.clone() };
        let entries = match self.sweep.journal.entries(&record.account, &halt.id).await {
            Ok(entries) => entries,
            Err(failure) => {
                tracing::warn!(account = %record.account, error = %failure, "the journal could not be read; the outcome mail tells of this invocation alone");
                return containment.clone();
            }
        };
        let (concluded, unanswered): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.concluded.is_some());
        let outcome = |entry: JournalEntry| {
            let (_, result) = entry.concluded?;
            Some(plan::Outcome { action: entry.action, result })
        };
        let outcomes = concluded.into_iter().filter_map(outcome).collect();
        Containment { outcomes, unanswered: unanswered.len(), ..containment.clone() }
    }
}

/// Until somebody has looked again: what was planned and not taken by AWS remains.
fn until_looked_at(plan: &Plan, decision: &Decision, outcomes: Vec<plan::Outcome>) -> Containment {
    let remaining = plan::remaining(plan.actions(), &outcomes);
    let (gaps, skipped) = (decision.verdict.gaps.clone(), plan.skipped().to_vec());
    Containment { outcomes, remaining, gaps, skipped, ..Containment::default() }
}

/// A halt that is not proven yet must be; one that was, is looked at again only where enforcing it met a refusal, or
/// locked somebody out, who may have assumed roles until then.
fn wanted_proof(extent: Extent, state: State, containment: &Containment) -> Option<Proof> {
    if extent != Extent::Halt {
        return None;
    }
    match state {
        State::Halting => Some(Proof::TwoCleanPasses),
        State::Ok | State::Warned | State::Frozen | State::Halted | State::Released => {
            let must_look =
                |outcome: &plan::Outcome| refusal_of(&outcome.result).is_some() || outcome.action.part() == Part::Lock;
            containment.outcomes.iter().any(must_look).then_some(Proof::OneCleanPass)
        }
    }
}

fn refusal_of(result: &ActionResult) -> Option<&Failure> {
    match result {
        ActionResult::Failed { failure } => Some(failure),
        ActionResult::Done | ActionResult::AlreadyDone => None,
    }
}
