//! Judges one account: decides anew with every answer, and hands the decision to whoever contains.

use jiff::Timestamp;
use tokio::sync::oneshot;

use runawaytrain_core::decision::{self, Case, Cause, Decision, Kept};
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::message::mail;
use runawaytrain_core::message::report::{AccountReport, HaltReport};
use runawaytrain_core::observation::Coverage;
use runawaytrain_core::plan::doors::Doors;
use runawaytrain_core::plan::{self, ActionResult, Outcome};
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::resource::Refusals;
use runawaytrain_core::resource::quarantine::Quarantine;
use runawaytrain_core::verdict::Judgement;
use runawaytrain_core::vocabulary::mode::Mode;

use crate::account::basis::AccountSweep;
use crate::account::container::{Closing, Conclusion, Container, Start, StartAnswer, StartError};
use crate::contain::lease;
use crate::observe::{Attention, Collection, Ground};
use crate::patience::while_busy;
use crate::ports::{Commit, Freshness, Lease, LeaseMove, StoreError, VersionedRecord};
use crate::scope::ScopedAccount;

/// How often a lost race for the lease is run again with fresh data: a harmless writer may have been in between.
const RACES: usize = 3;

/// What came of one account.
pub(crate) struct AccountOutcome {
    pub report: AccountReport,
    pub coverage: Coverage,
    /// Whether everything answered before the invocation's end.
    pub in_time: bool,
}

/// The judgement of one account in the making.
struct Judge<'a> {
    sweep: &'a AccountSweep,
    scoped: &'a ScopedAccount,
    known: VersionedRecord,
    history: History,
    collection: Collection,
    /// What was made of what came in before.
    kept: Kept,
    /// There is none until something is to be contained.
    container: Option<Container>,
    progress: Progress,
    /// Whether every answer is in.
    is_over: bool,
}

/// What earlier invocations learnt of a halt that stands.
#[derive(Default)]
struct History {
    /// What refused in it.
    refusals: Refusals,
    /// Which calls were denied in it whatever they were about.
    doors: Doors,
    /// When the last user or role that was locked out could no longer assume a role.
    locked_out: Option<Timestamp>,
}

/// How far the containment has come.
enum Progress {
    /// It has not been called for yet.
    Idle { races: usize },
    /// The lease is waited for.
    Start { races: usize, begun: oneshot::Receiver<StartAnswer> },
    /// The lease is held.
    Held,
    /// Nothing is to be contained, or nothing can be; why, where that is an error.
    Off(Option<StartError>),
}

impl AccountSweep {
    /// Sweeps one account. Containing starts the moment the running sum passes a limit; the regions that answer later
    /// are contained as they come in.
    pub async fn run(&self, scoped: &ScopedAccount, known: Option<VersionedRecord>) -> AccountOutcome {
        self.judge(scoped, known).await.0
    }

    /// The same, with the last decision and what it rests on.
    pub(super) async fn judge(
        &self,
        scoped: &ScopedAccount,
        known: Option<VersionedRecord>,
    ) -> (AccountOutcome, Decision, Summary) {
        let account = &scoped.policy.account;
        let new = || AccountRecord::new(account.clone(), self.clock.now());
        let mut known = known.unwrap_or_else(|| VersionedRecord { record: new(), version: 0, lease: None });
        let history = self.history(&known).await;
        known.record.lock_out(history.locked_out);
        let until = self.deadline.stop_work();
        let ground = Ground::new(&scoped.policy, &known.record.regions);
        let mut collection = Collection::begin(self.collector.clone(), ground, Freshness::Cached, None, until).await;
        collection.hold_against(known.record.charges.clone(), self.spend.clone());
        let may_contain = scoped.mode == Mode::Proceed && self.remember;
        let judge = Judge {
            sweep: self,
            scoped,
            known,
            history,
            collection,
            kept: Kept::default(),
            container: None,
            progress: if may_contain { Progress::Idle { races: RACES } } else { Progress::Off(None) },
            is_over: false,
        };
        judge.run().await
    }

    /// From the journal of a halt that stands: what earlier invocations had to learn need not be learnt again, whether
    /// they proved the halt, went on without proof or broke off.
    async fn history(&self, known: &VersionedRecord) -> History {
        let record = &known.record;
        let Some(halt) = record.halt.as_ref().filter(|_| record.state.is_halt()) else { return History::default() };
        match self.journal.entries(&record.account, &halt.id).await {
            Ok(journal) => {
                let locked_out = lease::locked_out(&journal);
                let concluded = journal.into_iter().filter_map(|entry| {
                    let (_, result) = entry.concluded?;
                    Some(Outcome { action: entry.action, result })
                });
                let concluded: Vec<Outcome> = concluded.collect();
                let was_denied = |outcome: &Outcome| match &outcome.result {
                    ActionResult::Failed { failure } => failure.kind.is_refusal(),
                    ActionResult::Done | ActionResult::AlreadyDone => false,
                };
                // What we were not permitted to do may be permitted by now. A halt that is proven waits for none of it:
                // it asks with the look of each hour.
                let asks_again = record.state != State::Halted || record.begins_an_hour(self.clock.now());
                let mut refusals = Refusals::default();
                plan::learn(&mut refusals, concluded.iter().filter(|outcome| !(asks_again && was_denied(outcome))));
                History { refusals, doors: Doors::of(&concluded), locked_out }
            }
            Err(failure) => {
                // What refused costs what it cost before to learn it. Who was locked out is not known, so sessions are
                // revoked once more.
                tracing::warn!(account = %record.account, error = %failure, "the journal could not be read; what refused before is asked again");
                History { locked_out: Some(self.clock.now()), ..History::default() }
            }
        }
    }
}

impl Judge<'_> {
    async fn run(mut self) -> (AccountOutcome, Decision, Summary) {
        let decision = loop {
            let decision = self.decide();
            if let Some(cause) = decision.cause {
                self.act_on(cause, &decision);
            }
            // Once more after the last answer: what rests on all of them is decided only then.
            if !self.next().await && std::mem::replace(&mut self.is_over, true) {
                break decision;
            }
        };
        self.conclude(decision).await
    }

    fn decide(&mut self) -> Decision {
        let case = Case {
            policy: &self.scoped.policy,
            observation: self.collection.observation(),
            record: &self.known.record,
            is_ordered: self.sweep.order.is_some(),
            place: self.scoped.place.as_ref(),
            shut_outs: &self.sweep.shut_outs,
            refusals: &self.history.refusals,
            now: self.sweep.clock.now(),
        };
        case.decide_anew(&mut self.kept)
    }

    /// Looks closer, and hands the decision on.
    fn act_on(&mut self, cause: Cause, decision: &Decision) {
        let (policy, refusals) = (&self.scoped.policy, &self.history.refusals);
        // A halt that is proven is looked at whole once an hour, and in between for whether it still holds.
        let is_proven = self.known.record.state == State::Halted;
        let holds = is_proven && !self.known.record.begins_an_hour(self.sweep.clock.now());
        // Of a frozen account it matters whether it is still frozen. An account in which nothing may be done is planned
        // for when that is news, or when somebody asks.
        let is_no_news = self.sweep.remember && self.known.record.judgement == Judgement::Halt;
        // Whoever contains it now looks closely as well, at the same quotas. A drill contains nothing, and tells all.
        let is_others = |lease: &Lease| lease.holder != self.sweep.invocation && lease.until > self.sweep.clock.now();
        let is_in_hand = self.sweep.remember && self.known.lease.as_ref().is_some_and(is_others);
        match (cause, &self.progress) {
            (Cause::ShutOut | Cause::Throttled | Cause::Purchases | Cause::Frozen | Cause::Thaw, _) => {
                self.collection.look_closer(Attention::Freeze(policy));
            }
            (_, Progress::Off(None)) if is_no_news => {}
            (Cause::Tripped | Cause::Ordered | Cause::Standing, _) if is_in_hand => {}
            (Cause::Standing, _) if holds => self.collection.look_closer(Attention::Standing(policy, refusals)),
            (Cause::Tripped | Cause::Ordered | Cause::Standing, progress) => {
                let is_looked_at_once = matches!(progress, Progress::Off(_)) || is_proven;
                self.collection.look_closer(match is_looked_at_once {
                    true => Attention::Review(policy, refusals),
                    false => Attention::Halt(policy, refusals, None),
                });
            }
        }
        match self.progress {
            Progress::Held => {
                if let Some(container) = &self.container {
                    container.perform(decision.plan.clone());
                }
            }
            Progress::Idle { races } if self.is_called_for(cause, decision) => {
                let container = self.container.get_or_insert_with(|| Container::spawn(self.sweep, self.scoped));
                let begun = container.begin(Start {
                    decision: decision.clone(),
                    observation: self.collection.observation().clone(),
                    known: self.known.clone(),
                    doors: self.history.doors.clone(),
                });
                self.progress = Progress::Start { races, begun };
            }
            Progress::Idle { .. } | Progress::Start { .. } | Progress::Off(_) => {}
        }
    }

    /// A halt that is not proven yet is always taken up again; one that is, only when something is to be done about it.
    fn is_called_for(&self, cause: Cause, decision: &Decision) -> bool {
        match cause {
            // Frozen already or not: that is known in a moment, and decides whether there is anything to do.
            Cause::ShutOut | Cause::Throttled | Cause::Frozen => {
                self.collection.observation().of::<Quarantine>(None).is_some()
            }
            // Whatever trips while the regions answer comes first: what was bought was bought hours ago.
            Cause::Thaw | Cause::Purchases => self.is_over,
            Cause::Tripped | Cause::Ordered => true,
            Cause::Standing => self.known.record.state == State::Halting || !decision.plan.is_empty(),
        }
    }

    /// Waits for the next answer, from a look or from the container; false when none is left.
    async fn next(&mut self) -> bool {
        let Progress::Start { races, begun } = &mut self.progress else {
            return self.collection.next().await;
        };
        let (races, answer) = (
            *races,
            tokio::select! {
                biased;
                answer = begun => answer.unwrap_or(StartAnswer::Failed(StartError::Broken)),
                // A look that ends wakes this up; the container is listened to on.
                true = self.collection.next() => return true,
            },
        );
        self.progress = match answer {
            StartAnswer::Held(stored) => {
                self.known = *stored;
                Progress::Held
            }
            StartAnswer::NothingToDo => Progress::Off(None),
            StartAnswer::Failed(why) => Progress::Off(Some(why)),
            StartAnswer::Outrun(fresh) => {
                self.known = *fresh;
                self.known.record.lock_out(self.history.locked_out);
                self.run_again(races)
            }
        };
        true
    }

    /// Decided anew: whoever was faster may have halted or released the account.
    fn run_again(&mut self, races: usize) -> Progress {
        match races.saturating_sub(1) {
            0 => Progress::Off(Some(StartError::OutrunTooOften)),
            _ if self.decide().cause.is_none() => Progress::Off(Some(StartError::Overruled)),
            races => Progress::Idle { races },
        }
    }

    /// Every answer is in: proves the containment, or remembers the numbers.
    async fn conclude(self, decision: Decision) -> (AccountOutcome, Decision, Summary) {
        let Self { sweep, scoped, known, history, collection, container, progress, .. } = self;
        let refusals = history.refusals;
        let (policy, observation) = (&scoped.policy, collection.observation());
        let (coverage, in_time) = (observation.coverage(), !collection.was_cut());
        let summary = Summary::of(policy, observation);
        let mut report = AccountReport::new(policy.account.clone(), &scoped.name, scoped.mode)
            .with_verdict(&decision.verdict, coverage, &summary)
            .with_plan(&decision.plan);
        report.exception = known.record.exception.clone().filter(|exception| exception.holds(sweep.clock.now()));
        if decision.cause.is_some() {
            let tripped = known.record.circumstances(&refusals, sweep.clock.now()).tripped;
            report.suspects = plan::suspects(policy, observation, tripped);
        }
        report.error =
            (!in_time).then(|| "not finished before the deadline; the next sweep takes it up again".to_owned());
        match progress {
            Progress::Held => {
                let concluded = match container {
                    Some(container) => {
                        let (decision, summary) = (decision.clone(), summary.clone());
                        container.conclude(Closing { decision, summary, refusals }).await
                    }
                    None => None,
                };
                match concluded {
                    Some(concluded) => report = with_conclusion(report, concluded),
                    None => report.error = Some(StartError::Broken.to_string()),
                }
            }
            Progress::Idle { .. } | Progress::Start { .. } | Progress::Off(_) => {
                if let Progress::Off(Some(why)) = progress {
                    report.error = Some(why.to_string());
                }
                report.state = Some(if sweep.remember {
                    sweep.remember(scoped, &known, &decision, &summary, &mut report.error).await
                } else {
                    known.record.state
                });
            }
        }
        (AccountOutcome { report, coverage, in_time }, decision, summary)
    }
}

fn with_conclusion(report: AccountReport, concluded: Conclusion) -> AccountReport {
    let Conclusion { containment, record, error } = concluded;
    let mut report = report.with_containment(&containment);
    report.halt = record.halt.as_ref().map(|halt| HaltReport {
        id: halt.id.clone(),
        contained: halt.contained.is_some(),
        unexplained: halt.is_unexplained(),
        seconds: halt.contained.map(|contained| contained.duration_since(halt.tripped).as_secs_f64()),
    });
    report.state = Some(record.state);
    report.error = error.or(report.error);
    report
}

impl AccountSweep {
    /// Takes in the numbers of a sweep that contained nothing. A writer that was faster knows better: its record stays.
    async fn remember(
        &self,
        scoped: &ScopedAccount,
        known: &VersionedRecord,
        decision: &Decision,
        summary: &Summary,
        error: &mut Option<String>,
    ) -> State {
        let (policy, now) = (&scoped.policy, self.clock.now());
        let (record, news) =
            decision::after_sweep(&known.record, policy, scoped.mode, decision, summary, scoped.place.as_ref(), now);
        let state = record.state;
        if record == known.record && known.version > 0 {
            return state;
        }
        let peak = record.hour.clone().filter(|peak| known.record.hour.as_ref() != Some(peak));
        let notices = news.iter().flat_map(|news| mail::write(policy, news)).collect();
        let lease = LeaseMove::None { expected: known.version };
        let commit = Commit { record, lease, notices, peak, at: now };
        match while_busy(&policy.account, self.deadline.stop_work(), || self.states.commit(commit.clone())).await {
            Ok(_) => state,
            Err(StoreError::Conflict | StoreError::LeaseLost) => known.record.state,
            Err(StoreError::Failed(failure)) => {
                tracing::error!(account = %policy.account, error = %failure, "the account's state could not be recorded");
                error.get_or_insert_with(|| {
                    format!("the account was judged, but its state could not be recorded: {failure}")
                });
                known.record.state
            }
        }
    }
}
