//! One invocation: the steps of a sweep of one account, or of its release, in the order of the engine.

use std::collections::VecDeque;

use jiff::Timestamp;

use runawaytrain_core::decision::{self, Case, Cause, Decision, News, ShutOuts};
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::message::{Notice, mail};
use runawaytrain_core::plan::{self, ActionResult, Changes, Containment, HaltJournal, Outcome, Plan};
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::record::{AccountRecord, FreezeReason, State};
use runawaytrain_core::resource::quarantine::{Attachment, Quarantine};
use runawaytrain_core::resource::{Act, Action, Part, Refusals, Returned};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::HaltId;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::contain::brake::WINDOW;
use runawaytrain_engine::contain::call::{self, Call, Step};
use runawaytrain_engine::contain::lease::{LEASE, may_change_it};
use runawaytrain_engine::notify::CLAIM;
use runawaytrain_engine::ports::{
    Commit, Conclusion, EntryId, JournalEntry, Lease, LeaseMove, OutboxId, SlotPool, StoreError, VersionedRecord,
};

use crate::ledger::{Answer, Flight, Ledger, Moment, Wrongs};
use crate::mutation::Mutation;
use crate::sealed::Sealed;
use crate::world::{World, request};

/// How often a lost race for the lease is run again.
const RACES: usize = 3;
/// How often a halt that is not clean yet is worked on again, and a release looks for more to undo.
const ROUNDS: usize = 2;
/// Looks that prove a halt. The engine takes two, for what AWS shows late; here nothing is shown late.
const CLEAN: usize = 1;

/// What an invocation was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// A sweep that may contain.
    Sweep,
    /// A release of everything.
    Release,
    /// The mails that wait, and nothing else.
    Mails,
}

/// Where an invocation is: what it does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum At {
    Load,
    Look,
    Brake,
    Journals,
    Acquire,
    Perform,
    /// Waits for AWS.
    Await,
    Verify,
    GiveBack,
    Remember,
    Outbox,
    Claim,
    Send,
    Clear,
    Unclaim,
    Over,
    Killed,
}

/// How far a containment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Halt,
    Freeze(FreezeReason),
    Thaw,
}

/// What stays the same for an invocation.
pub(crate) struct Basis<'a> {
    pub policy: &'a AccountPolicy,
    pub most: u32,
    pub mutation: Mutation,
    pub is_skewed: bool,
}

/// Everything that an invocation knows.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub task: Task,
    /// Its request id, which holds its leases.
    pub id: String,
    /// Which account.
    pub account: usize,
    /// So many ticks is its clock ahead.
    pub ahead: i64,
    pub at: At,
    /// Whether it sends mails at its end.
    pub delivers: bool,
    known: Option<Sealed<VersionedRecord>>,
    seen: World,
    is_latched: bool,
    decision: Option<Sealed<Decision>>,
    extent: Option<Extent>,
    may_halt: Option<bool>,
    races: usize,
    pub lease: Option<Lease>,
    until: Timestamp,
    pub lost: bool,
    pub requested: bool,
    asked: bool,
    next_entry: u64,
    halt: Option<HaltId>,
    plan: VecDeque<Action>,
    call: Option<Call>,
    /// With the mutation alone: what is written down only after the call.
    owed: Option<JournalEntry>,
    outcomes: Vec<Outcome>,
    rounds: usize,
    clean: usize,
    journals: Sealed<Vec<HaltJournal>>,
    /// How many of the outcomes are in the journals already.
    told: usize,
    undoing: Sealed<Plan>,
    mails: VecDeque<OutboxId>,
    /// A mail that is put in after its record, with the mutation alone.
    late: Vec<Notice>,
}

impl Invocation {
    pub fn new(task: Task, id: String, account: usize, ahead: i64) -> Self {
        Self {
            task,
            id,
            account,
            ahead,
            at: if task == Task::Mails { At::Outbox } else { At::Load },
            delivers: true,
            known: None,
            seen: World::TRIPPED,
            is_latched: false,
            decision: None,
            extent: None,
            may_halt: None,
            races: RACES,
            lease: None,
            until: Timestamp::MIN,
            lost: false,
            requested: false,
            asked: false,
            next_entry: 1,
            halt: None,
            plan: VecDeque::new(),
            call: None,
            owed: None,
            outcomes: Vec::new(),
            rounds: ROUNDS,
            clean: 0,
            journals: Sealed::new(Vec::new()),
            told: 0,
            undoing: Sealed::new(Plan::default()),
            mails: VecDeque::new(),
            late: Vec::new(),
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.at, At::Over | At::Killed)
    }

    /// Whether it holds the lease, as far as it knows.
    pub fn believes(&self, now: Timestamp) -> bool {
        self.lease.is_some() && !self.is_over() && call::is_alive(self.lost, self.until, now)
    }

    /// Whether its next step is a write whose answer may be lost.
    pub fn writes(&self) -> bool {
        match self.at {
            At::Brake | At::Acquire | At::GiveBack | At::Claim | At::Send | At::Clear => true,
            At::Perform => match &self.call {
                Some(call) => call.next(true) != Some(Step::Make),
                None => !self.plan.is_empty(),
            },
            _ => false,
        }
    }

    /// Whether its next step leaves the table as it is.
    pub fn only_reads(&self) -> bool {
        match self.at {
            At::Load => self.task == Task::Sweep,
            At::Look | At::Journals | At::Verify | At::Await | At::Over | At::Killed => true,
            At::Outbox => self.late.is_empty(),
            At::Perform => match &self.call {
                Some(call) => call.next(true) == Some(Step::Make),
                None => self.plan.is_empty(),
            },
            _ => false,
        }
    }

    /// Whether it left anything behind so far: one that is killed before that might as well never have come.
    pub fn has_left_something(&self) -> bool {
        match self.at {
            At::Load | At::Look | At::Brake | At::Journals | At::Remember | At::Over | At::Killed => false,
            At::Acquire => self.may_halt == Some(true),
            At::Perform | At::Await | At::Verify | At::GiveBack => true,
            At::Outbox | At::Claim => false,
            At::Send | At::Clear | At::Unclaim => true,
        }
    }

    /// Ends, or goes on to the mails: nothing of what it knew matters any more.
    pub fn rest(&mut self, at: At) {
        let (late, delivers) = (std::mem::take(&mut self.late), self.delivers);
        let at = if at == At::Outbox && !delivers { At::Over } else { at };
        let next = Self::new(self.task, std::mem::take(&mut self.id), self.account, self.ahead);
        *self = Self { at, late, delivers, ..next };
    }

    /// Whether its intent is written and its call is not made yet.
    pub fn is_between_intent_and_call(&self, now: Timestamp) -> bool {
        self.at == At::Perform
            && self.call.as_ref().is_some_and(|call| call.next(self.believes(now)) == Some(Step::Make))
    }

    /// Whether it waits for somebody else to be done with the account.
    pub fn waits(&self, basis: &Basis<'_>, ledger: &Ledger, now: Timestamp) -> bool {
        let lease = ledger.book.load(&basis.policy.account).and_then(|stored| stored.lease.as_ref());
        self.task == Task::Release
            && self.at == At::Load
            && self.asked
            && lease.is_some_and(|lease| self.is_held(basis, lease, now))
    }

    /// Whether somebody else may still change the account.
    fn is_held(&self, basis: &Basis<'_>, lease: &Lease, now: Timestamp) -> bool {
        let may_change = match basis.mutation {
            Mutation::ReleaseAtOnce => lease.until > now,
            _ => may_change_it(lease, now),
        };
        may_change && lease.holder != self.id
    }

    fn is_alive(&self, now: Timestamp) -> bool {
        call::is_alive(self.lost, self.until, now)
    }

    /// The next step.
    pub fn step(
        &mut self,
        basis: &Basis<'_>,
        moment: &Moment,
        ledger: &mut Ledger,
        world: World,
        wrongs: &mut Wrongs,
    ) -> Option<Flight> {
        match self.at {
            At::Load => self.load(basis, moment, ledger),
            At::Look => self.look(basis, moment, world),
            At::Brake => self.brake(basis, moment, ledger),
            At::Journals => {
                self.journals = Sealed::new(self.read_journals(basis, ledger));
                self.at = At::Look;
            }
            At::Acquire => self.acquire(basis, moment, ledger, wrongs),
            At::Perform => return self.perform(basis, moment, ledger, world, wrongs),
            At::Verify => self.verify(basis, moment, world),
            At::GiveBack => self.give_back(basis, moment, ledger),
            At::Remember => self.remember(basis, moment, ledger),
            At::Outbox => {
                for notice in std::mem::take(&mut self.late) {
                    // With the mutation alone.
                    ledger.add(&notice, moment.now);
                }
                self.mails = ledger.book.waiting().into_iter().map(|item| item.id).collect();
                self.at = if self.mails.is_empty() { At::Over } else { At::Claim };
            }
            At::Claim => self.claim(basis, moment, ledger),
            At::Send => self.send(basis, moment, ledger, wrongs),
            At::Clear => self.clear(moment, ledger),
            At::Unclaim => {
                self.mails.pop_front().into_iter().for_each(|mail| ledger.unclaim(&mail));
                self.next_mail();
            }
            At::Await | At::Over | At::Killed => {}
        }
        None
    }

    fn load(&mut self, basis: &Basis<'_>, moment: &Moment, ledger: &mut Ledger) {
        let account = &basis.policy.account;
        let stored = ledger.book.load(account).cloned();
        if self.task == Task::Sweep {
            let latches = |record: &AccountRecord| record.freeze() == Some(FreezeReason::Brake);
            self.is_latched = ledger.book.records().any(|(_, known)| latches(&known.record));
            let new =
                || VersionedRecord { record: AccountRecord::new(account.clone(), moment.now), version: 0, lease: None };
            self.known = Some(Sealed::new(stored.unwrap_or_else(new)));
            self.at = At::Look;
            return;
        }
        let Some(known) = stored.filter(|known| known.record.halt.is_some()) else {
            self.at = At::Over;
            return;
        };
        if known.lease.as_ref().is_some_and(|lease| self.is_held(basis, lease, moment.now)) {
            if !std::mem::replace(&mut self.asked, true) {
                let lease = LeaseMove::None { expected: known.version };
                let record = AccountRecord { release_requested: Some(moment.now), ..known.record };
                let request = Commit { record, lease, notices: Vec::new(), peak: None, at: moment.now };
                // Where somebody was faster, it is read anew.
                self.asked = ledger.commit(Answer::Comes, request).is_ok();
            }
            return;
        }
        let is_given_back = known.record.restored.is_some() && !known.record.state.is_contained();
        self.known = Some(Sealed::new(known));
        self.at = if is_given_back { At::Over } else { At::Journals };
    }

    fn look(&mut self, basis: &Basis<'_>, moment: &Moment, world: World) {
        self.seen = world;
        if self.task == Task::Release {
            self.at = At::Acquire;
            return;
        }
        self.decide(basis, moment);
    }

    /// What the judge makes of it.
    fn decide(&mut self, basis: &Basis<'_>, moment: &Moment) {
        let (record, observation) = (&self.known().record, self.seen.seen(&basis.policy.account));
        let decision = Case {
            policy: basis.policy,
            observation: &observation,
            record,
            is_ordered: false,
            place: None,
            shut_outs: &ShutOuts::default(),
            refusals: &Refusals::default(),
            now: moment.now,
        }
        .decide();
        let is_called_for =
            |cause: Cause| cause != Cause::Standing || record.state == State::Halting || !decision.plan.is_empty();
        let extent = match decision.cause.filter(|cause| is_called_for(*cause)) {
            None => None,
            Some(Cause::Standing | Cause::Ordered) => Some(Extent::Halt),
            Some(Cause::Thaw) => Some(Extent::Thaw),
            Some(Cause::Frozen) => {
                let attached = observation.of::<Quarantine>(None).and_then(Result::ok);
                let is_attached = attached.is_some_and(|ours| ours.quarantine == Attachment::Attached);
                let is_known = record.halt.as_ref().is_some_and(|halt| halt.contained.is_some() && halt.outcome_told);
                record.freeze().filter(|_| !(is_attached && is_known)).map(Extent::Freeze)
            }
            Some(Cause::Tripped) => match self.may_halt {
                Some(true) => Some(Extent::Halt),
                Some(false) => Some(Extent::Freeze(FreezeReason::Brake)),
                None => {
                    self.decision = Some(Sealed::new(decision));
                    self.at = At::Brake;
                    return;
                }
            },
            Some(Cause::ShutOut | Cause::Throttled | Cause::Purchases) => panic!("nothing shuts us out here"),
        };
        self.decision = Some(Sealed::new(decision));
        self.extent = extent;
        self.at = if extent.is_some() { At::Acquire } else { At::Remember };
    }

    fn brake(&mut self, basis: &Basis<'_>, moment: &Moment, ledger: &mut Ledger) {
        let (account, now) = (&basis.policy.account, moment.now);
        let since = now.checked_sub(WINDOW).unwrap_or(now);
        let most = if basis.mutation == Mutation::SlotsUncounted { u32::MAX } else { basis.most };
        let may_halt = if self.is_latched {
            Ok(false)
        } else {
            ledger.write(moment.answer, |book| Ok(book.take(SlotPool::Halts, account, most, since, now)))
        };
        self.extent = Some(match may_halt {
            Ok(true) => Extent::Halt,
            Ok(false) => Extent::Freeze(FreezeReason::Brake),
            Err(_) => Extent::Freeze(FreezeReason::BrakeUnknown),
        });
        self.may_halt = may_halt.ok();
        self.at = At::Acquire;
    }

    fn known(&self) -> &VersionedRecord {
        self.known.as_ref().expect("loaded before")
    }

    fn acquire(&mut self, basis: &Basis<'_>, moment: &Moment, ledger: &mut Ledger, wrongs: &mut Wrongs) {
        let now = moment.now;
        let known = VersionedRecord::clone(self.known());
        let (record, news) = match self.task {
            Task::Release => (AccountRecord { release_requested: None, ..known.record.clone() }, Vec::new()),
            Task::Sweep | Task::Mails => self.entered(basis, &known.record, now),
        };
        self.halt = record.halt.as_ref().map(|halt| halt.id.clone());
        let trips = record.state == State::Halting && !known.record.state.is_halt();
        let mut notices: Vec<Notice> = news.iter().flat_map(|news| mail::write(basis.policy, news)).collect();
        if basis.mutation == Mutation::MailAfterRecord {
            self.late = std::mem::take(&mut notices);
        }
        let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        let lease = LeaseMove::Acquire { expected: known.version, holder: self.id.clone(), now, until };
        match ledger.commit(moment.answer, Commit { record, lease, notices, peak: None, at: now }) {
            Ok(stored) => {
                wrongs.without_slot |= trips && !ledger.book.slots().any(|account| *account == basis.policy.account);
                self.lease.clone_from(&stored.lease);
                self.until = stored.lease.as_ref().map_or(Timestamp::MIN, |lease| lease.until);
                self.known = Some(Sealed::new(stored));
                if self.task == Task::Release {
                    self.undo_more(basis);
                    return;
                }
                let plan = self.decision.as_ref().map(|decision| self.of_extent(&decision.plan)).unwrap_or_default();
                self.plan = plan.actions().cloned().collect();
                self.at = At::Perform;
            }
            Err(StoreError::Failed(_)) => self.is_off(),
            Err(StoreError::Conflict | StoreError::LeaseLost) => self.outrun(basis, moment, ledger),
        }
    }

    /// Nothing is contained.
    fn is_off(&mut self) {
        self.at = if self.task == Task::Release { At::Over } else { At::Remember };
    }

    /// Somebody else wrote the record.
    fn outrun(&mut self, basis: &Basis<'_>, moment: &Moment, ledger: &Ledger) {
        self.races -= 1;
        if self.task == Task::Release {
            self.at = if self.races == 0 { At::Over } else { At::Load };
            return;
        }
        let Some(fresh) = ledger.book.load(&basis.policy.account).cloned() else { panic!("somebody wrote it") };
        let is_others = |lease: &Lease| lease.until > moment.now && lease.holder != self.id;
        if fresh.lease.as_ref().is_some_and(is_others) || self.races == 0 {
            self.at = At::Remember;
            return;
        }
        self.known = Some(Sealed::new(fresh));
        self.decide(basis, moment);
    }

    fn entered(&self, basis: &Basis<'_>, record: &AccountRecord, now: Timestamp) -> (AccountRecord, Vec<News>) {
        let decision = self.decision.as_ref().expect("decided before");
        let seen = Summary::of(basis.policy, &self.seen.seen(&basis.policy.account));
        match (self.extent, decision.cause) {
            (Some(Extent::Freeze(reason)), _) => (decision::frozen(record, decision, reason, &seen, now), Vec::new()),
            (Some(Extent::Thaw) | None, _) | (_, Some(Cause::Standing)) => (record.clone(), Vec::new()),
            (Some(Extent::Halt), _) => {
                let (record, news) = decision::trip(record, decision, None, &seen, now);
                (record, vec![news])
            }
        }
    }

    fn of_extent(&self, plan: &Plan) -> Plan {
        if matches!(self.extent, Some(Extent::Freeze(_))) { plan.only_freeze() } else { plan.clone() }
    }

    /// The renewal of the lease that is held.
    pub fn renew(&mut self, moment: &Moment, ledger: &mut Ledger) {
        let Some(lease) = self.lease.clone() else { return };
        let next = moment.now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        match ledger.write(moment.answer, |book| book.renew(&lease, next)) {
            Ok(()) => self.until = next,
            Err(StoreError::LeaseLost) => self.lost = true,
            Err(StoreError::Failed(_) | StoreError::Conflict) => {}
        }
    }

    /// Whether a renewal is due.
    pub fn may_renew(&self, now: Timestamp) -> bool {
        let at = self.until.checked_sub(LEASE).unwrap_or(Timestamp::MIN);
        self.holds() && !self.lost && at < now
    }

    /// Whether it can learn that somebody asks for a release.
    pub fn may_notice(&self, ledger: &Ledger, now: Timestamp, policy: &AccountPolicy) -> bool {
        let stored = ledger.book.load(&policy.account);
        self.holds()
            && self.task == Task::Sweep
            && !self.requested
            && stored.is_some_and(|stored| stored.record.awaits_release(now))
    }

    fn holds(&self) -> bool {
        self.lease.is_some() && matches!(self.at, At::Perform | At::Await | At::Verify | At::GiveBack)
    }

    /// One action after the other; each is a call that is written down before and after.
    fn perform(
        &mut self,
        basis: &Basis<'_>,
        moment: &Moment,
        ledger: &mut Ledger,
        world: World,
        wrongs: &mut Wrongs,
    ) -> Option<Flight> {
        if self.call.is_none() {
            self.next_call(basis, moment, world);
        }
        let mut call = self.call.take()?;
        let lease = self.lease.clone().expect("held");
        let checks = basis.mutation != Mutation::NoFenceCheck;
        match call.next(!checks || self.is_alive(moment.now)) {
            None => self.settle(call.entry().action.clone(), failed(FailureKind::Contended)),
            Some(Step::Intend) => {
                if basis.mutation == Mutation::IntentAfterCall {
                    self.owed = Some(call.entry().clone());
                    call.intended();
                    self.call = Some(call);
                    return None;
                }
                match ledger.write(moment.answer, |book| book.intend(&lease, call.entry())) {
                    Ok(()) => {
                        call.intended();
                        self.call = Some(call);
                    }
                    Err(error) => {
                        self.lost |= error == StoreError::LeaseLost;
                        self.settle(call.entry().action.clone(), failed(FailureKind::Unavailable));
                    }
                }
            }
            Some(Step::Make) => {
                let entry = call.entry();
                let journal = ledger.book.entries(&lease.account, &entry.halt);
                wrongs.without_intent |= !journal.iter().any(|known| known.id == entry.id);
                wrongs.without_lease |= !self.is_alive(moment.now);
                wrongs.after_takeover |= !basis.is_skewed && ledger.is_taken_over(&lease.account, lease.fence);
                let action = entry.action.clone();
                self.call = Some(call);
                self.at = At::Await;
                return Some(Flight { account: self.account, action, caller: None, made: moment.tick });
            }
            Some(Step::Conclude(result)) => {
                let entry = call.entry().clone();
                let conclusion = Conclusion { at: moment.now, result: result.clone(), attempts: 1 };
                let written = ledger.write(moment.answer, |book| {
                    if let Some(owed) = &self.owed {
                        book.intend(&lease, owed)?;
                    }
                    book.conclude(&lease, &entry.halt, &entry.id, &conclusion)
                });
                self.owed = None;
                // Where it could not be written the intent stands in the journal, and what came of it is known here.
                let is_lost = written == Err(StoreError::LeaseLost);
                self.lost |= is_lost;
                self.settle(entry.action, if is_lost { failed(FailureKind::Contended) } else { result });
            }
        }
        None
    }

    fn next_call(&mut self, basis: &Basis<'_>, moment: &Moment, world: World) {
        let checks = basis.mutation != Mutation::NoFenceCheck;
        let must_end = (self.task == Task::Sweep && self.requested) || (checks && !self.is_alive(moment.now));
        let (Some(action), false) = (self.plan.pop_front(), must_end) else {
            self.plan.clear();
            self.ends_round(basis, world);
            return;
        };
        let fence = self.lease.as_ref().map_or(0, |lease| lease.fence);
        let id = EntryId { fence, number: self.next_entry };
        self.next_entry += 1;
        let halt = self.halt.clone().expect("a lease is taken for a halt");
        let entry = JournalEntry { id, halt, action, intended: moment.now, concluded: None, attempts: 0 };
        self.call = Some(Call::new(entry));
    }

    fn settle(&mut self, action: Action, result: ActionResult) {
        self.outcomes.push(Outcome { action, result });
        self.call = None;
    }

    /// AWS answers, or nobody does.
    pub fn answered(&mut self, result: ActionResult) {
        if let Some(call) = &mut self.call {
            call.answered(result);
        }
        self.at = At::Perform;
    }

    fn ends_round(&mut self, basis: &Basis<'_>, world: World) {
        if self.task == Task::Sweep {
            self.at = At::Verify;
            return;
        }
        let done = self.outcomes.iter().skip(self.told);
        let calls: Vec<_> = done.map(|outcome| (outcome.action.clone(), Some(outcome.result.clone()))).collect();
        // What was started is looked at until it runs.
        let is_back = |(action, result): &(Action, Option<ActionResult>)| {
            action.part() == Part::Restart && *result == Some(ActionResult::Done)
        };
        if calls.iter().any(is_back) {
            self.seen.runs = world.runs;
        }
        self.journals.change(|journals| {
            if let Some(journal) = journals.last_mut() {
                journal.calls.extend(calls);
            }
        });
        self.undo_more(basis);
    }

    fn read_journals(&self, basis: &Basis<'_>, ledger: &Ledger) -> Vec<HaltJournal> {
        let account = &basis.policy.account;
        let of = |halt: runawaytrain_core::record::EarlierHalt| {
            let call = |entry: JournalEntry| (entry.action, entry.concluded.map(|(_, result)| result));
            let calls = ledger.book.entries(account, &halt.id).into_iter().map(call).collect();
            HaltJournal { tripped: halt.tripped, calls }
        };
        self.known().record.halts().map(of).collect()
    }

    /// The next round of a release.
    fn undo_more(&mut self, basis: &Basis<'_>) {
        self.told = self.outcomes.len();
        let seen = self.seen.seen(&basis.policy.account);
        let wanted = plan::undo(basis.policy, &Changes::of(self.journals.iter()), &seen, &request());
        let next = wanted.without(self.undoing.actions());
        let is_first = self.undoing.is_empty() && self.outcomes.is_empty();
        let all = if is_first { next.clone() } else { Plan::clone(&self.undoing).then(next.clone()) };
        self.undoing = Sealed::new(all);
        self.plan = next.actions().cloned().collect();
        self.at = if self.plan.is_empty() || self.rounds == 0 { At::GiveBack } else { At::Perform };
        self.rounds = self.rounds.saturating_sub(1);
    }

    fn verify(&mut self, basis: &Basis<'_>, moment: &Moment, world: World) {
        self.at = At::GiveBack;
        if !self.is_alive(moment.now) || self.requested {
            return;
        }
        self.seen = world;
        let seen = world.seen(&basis.policy.account);
        let circumstances = self.known().record.circumstances(&Refusals::default(), moment.now);
        let plan = self.of_extent(&plan::plan(basis.policy, &seen, &circumstances));
        if plan.is_empty() {
            self.clean += 1;
            let wanted = if self.extent == Some(Extent::Halt) { CLEAN } else { 1 };
            self.at = if self.clean < wanted { At::Verify } else { At::GiveBack };
        } else if self.rounds > 0 && self.extent != Some(Extent::Thaw) {
            (self.rounds, self.clean) = (self.rounds - 1, 0);
            self.plan = plan.actions().cloned().collect();
            self.at = At::Perform;
        } else {
            self.clean = 0;
        }
    }

    fn give_back(&mut self, basis: &Basis<'_>, moment: &Moment, ledger: &mut Ledger) {
        let (record, news) = match self.task {
            Task::Sweep | Task::Mails => self.concluded(basis, moment, ledger),
            Task::Release => self.released(basis, moment),
        };
        let notices = news.iter().flat_map(|news| mail::write(basis.policy, news)).collect();
        let lease = LeaseMove::Release(self.lease.take().expect("held"));
        let peak = record.hour.clone();
        // Where it could not be written the lease runs out by itself, and the next invocation takes it up.
        let _ = ledger.commit(moment.answer, Commit { record, lease, notices, peak, at: moment.now });
        self.rest(At::Outbox);
    }

    fn concluded(&self, basis: &Basis<'_>, moment: &Moment, ledger: &Ledger) -> (AccountRecord, Vec<News>) {
        let (policy, now) = (basis.policy, moment.now);
        let decision = self.decision.as_ref().expect("decided before");
        let summary = Summary::of(policy, &self.seen.seen(&policy.account));
        let (mut record, mut news) = (self.known().record.clone(), Vec::new());
        let is_clean = self.clean > 0 && self.lease_is_ours(now);
        match self.extent {
            Some(Extent::Freeze(_)) => {
                let holds = if is_clean { Ok(()) } else { Err("it is not attached".to_owned()) };
                let (next, told) = decision::freeze_outcome(&record, &holds, &summary, now);
                (record, news) = (next, told.into_iter().collect());
            }
            Some(Extent::Thaw) if self.outcomes.last().is_some_and(|last| last.result.failure().is_none()) => {
                let (next, told) = decision::thawed(&record, now);
                (record, news) = (next, told.into_iter().collect());
            }
            Some(Extent::Thaw | Extent::Halt) | None => {}
        }
        record = decision::with_whole_before(&record, &decision.verdict, &summary);
        let (mut record, more) = decision::after_sweep(&record, policy, Mode::Proceed, decision, &summary, None, now);
        news.extend(more);
        if self.extent == Some(Extent::Halt) && record.state == State::Halting {
            let is_proven = self.clean >= CLEAN;
            let outcomes = match &record.halt {
                Some(halt) => outcomes_of(ledger.book.entries(&policy.account, &halt.id)),
                None => Vec::new(),
            };
            let verified = is_proven.then_some(now);
            let containment = Containment { outcomes, verified, ..Containment::default() };
            if is_proven {
                record = decision::contained(&record, now);
            }
            if decision::tells_outcome(&mut record, &containment, false, now) {
                let halt = record.halt.clone().map(Box::new);
                news.extend(halt.map(|halt| News::Outcome { halt, containment, at: now }));
            }
        }
        if self.requested {
            record.release_requested = Some(now);
        }
        (record, news)
    }

    fn lease_is_ours(&self, now: Timestamp) -> bool {
        self.lease.is_none() || self.is_alive(now)
    }

    fn released(&self, basis: &Basis<'_>, moment: &Moment) -> (AccountRecord, Vec<News>) {
        let (policy, now) = (basis.policy, moment.now);
        let running = Summary::of(policy, &self.seen.seen(&policy.account));
        let restored = self.undoing.skipped().iter().all(|skipped| skipped.reason.is_final())
            && plan::remaining(self.undoing.actions(), &self.outcomes).is_empty();
        let back = Returned::default();
        let release = decision::Release { running: &running, back: &back, restored };
        let record = decision::released(&self.known().record, policy, release, now);
        let news = News::Released {
            tripped: self.known().record.halt.as_ref().map(|halt| halt.tripped),
            grace: record.grace.clone(),
            outcomes: self.outcomes.clone(),
            skipped: self.undoing.skipped().to_vec(),
            trusted: Vec::new(),
            at: now,
        };
        (record, vec![news])
    }

    /// Takes in the numbers of a sweep that contained nothing. A writer that was faster knows better.
    fn remember(&mut self, basis: &Basis<'_>, moment: &Moment, ledger: &mut Ledger) {
        let (policy, now, known) = (basis.policy, moment.now, self.known());
        let decision = self.decision.as_ref().expect("decided before");
        let summary = Summary::of(policy, &self.seen.seen(&policy.account));
        let (record, news) = decision::after_sweep(&known.record, policy, Mode::Proceed, decision, &summary, None, now);
        if record != known.record || known.version == 0 {
            let notices = news.iter().flat_map(|news| mail::write(policy, news)).collect();
            let lease = LeaseMove::None { expected: known.version };
            let _ = ledger.commit(moment.answer, Commit { record, lease, notices, peak: None, at: now });
        }
        self.rest(At::Outbox);
    }

    fn claim(&mut self, basis: &Basis<'_>, moment: &Moment, ledger: &mut Ledger) {
        let Some(mail) = self.mails.front().cloned() else { return };
        let until = moment.now.checked_add(CLAIM).unwrap_or(Timestamp::MAX);
        let claimed = ledger.write(moment.answer, |book| {
            if basis.mutation == Mutation::ClaimUnchecked {
                book.unclaim(&mail);
            }
            Ok(book.claim(&mail, moment.now, until))
        });
        if claimed == Ok(true) {
            ledger.claimed(&mail, moment.now, until);
            self.at = At::Send;
        } else {
            self.mails.pop_front();
            self.next_mail();
        }
    }

    fn send(&mut self, basis: &Basis<'_>, moment: &Moment, ledger: &mut Ledger, wrongs: &mut Wrongs) {
        let Some(mail) = self.mails.front().cloned() else { return };
        if basis.mutation == Mutation::ClearedBeforeSent {
            ledger.book.clear(&mail);
        }
        let Some(mail) = ledger.mails.get_mut(&mail) else { panic!("a mail from nowhere") };
        if moment.answer != Answer::NeverAsked {
            mail.sent += 1;
        }
        wrongs.sent_twice |= mail.sent > 1 + mail.excuses;
        mail.excuses += u32::from(moment.answer == Answer::IsLost);
        self.at = if moment.answer == Answer::Comes { At::Clear } else { At::Unclaim };
    }

    fn clear(&mut self, moment: &Moment, ledger: &mut Ledger) {
        let Some(mail) = self.mails.pop_front() else { return };
        // Where it could not be cleared its claim runs out, and it is sent once more.
        let _ = ledger.write(moment.answer, |book| {
            book.clear(&mail);
            Ok(())
        });
        self.next_mail();
    }

    fn next_mail(&mut self) {
        self.at = if self.mails.is_empty() { At::Over } else { At::Claim };
    }
}

fn failed(kind: FailureKind) -> ActionResult {
    ActionResult::Failed { failure: Failure::own("the call", kind, "") }
}

fn outcomes_of(entries: Vec<JournalEntry>) -> Vec<Outcome> {
    let outcome = |entry: JournalEntry| {
        let (_, result) = entry.concluded?;
        Some(Outcome { action: entry.action, result })
    };
    entries.into_iter().filter_map(outcome).collect()
}
