//! Invocations side by side, what may go wrong, and what must hold in every state.

use jiff::Timestamp;
use stateright::{Model, Property};

use runawaytrain_core::message::NoticeKind;
use runawaytrain_core::plan::ActionResult;
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::record;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::VersionedRecord;

use crate::invocation::{At, Basis, Invocation, Task};
use crate::ledger::{Answer, Flight, Ledger, Moment, Wrongs};
use crate::mutation::Mutation;
use crate::sealed::Sealed;
use crate::world::{World, policies, time};

/// A lease, or a claim on a mail: what nobody renews is over a tick later. No call is longer on its way.
const TICK_SECONDS: i64 = 60;
/// So long after all is quiet somebody comes once more: no lease, claim or request for a release holds any more.
const LATER: i64 = 10;
/// More steps than any invocation makes.
const LONGEST_VISIT: usize = 500;

/// What may go wrong, how often each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// Invocations that are killed, between any two steps.
    pub crashes: u8,
    /// Answers that never come, of the table, of SNS or of AWS; what was asked may have been done or not.
    pub lost: u8,
    /// How often as long as a lease passes.
    pub ticks: u8,
}

/// An invocation: what for, its request id, which account (by number), and by how many ticks its clock is ahead. Two
/// with one id are one event that was delivered twice.
pub type Invocations = Vec<(Task, &'static str, usize, i64)>;

/// The protocol in one setting.
#[derive(Debug, Clone)]
pub struct Protocol {
    policies: Vec<AccountPolicy>,
    most: u32,
    invocations: Invocations,
    faults: Faults,
    mutation: Mutation,
    delivers: bool,
    is_halted: bool,
}

/// Everything that is: the table, the accounts, the calls on their way, and what each invocation knows.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct State {
    tick: i64,
    ledger: Sealed<Ledger>,
    worlds: Vec<World>,
    flights: Vec<Flight>,
    invocations: Vec<Sealed<Invocation>>,
    left: Faults,
    wrongs: Wrongs,
    met: Met,
}

/// Dangers that were met in the last step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Met {
    lease_lost: bool,
    lost_and_made: bool,
    killed_after_intent: bool,
    landed_late: bool,
}

/// What happens next. Invocations and calls go by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// An invocation makes its next step.
    Step(usize),
    /// Its write is made, and the answer is lost.
    AnswerLost(usize),
    /// Its write is not made, and no answer comes.
    NotAsked(usize),
    /// It renews its lease.
    Renew(usize),
    /// The renewal is written, and the answer is lost.
    RenewalLost(usize),
    /// It learns that somebody asks for a release.
    Notice(usize),
    /// A call lands, and is answered where somebody waits for it.
    Land(usize),
    /// A call lands, and the answer is lost.
    LandUnanswered(usize),
    /// A call never lands, and no answer comes.
    CallLost(usize),
    /// A release that waits for somebody else gives up.
    GiveUp(usize),
    /// An invocation is killed.
    Crash(usize),
    /// As long as a lease passes.
    Tick,
}

impl Protocol {
    /// Invocations over some accounts, all of them past their limit, with so many halts in an hour.
    pub fn new(accounts: usize, halts_per_hour: u32, invocations: Invocations, faults: Faults) -> Self {
        let policies = policies(accounts, halts_per_hour).expect("a policy that holds");
        let mutation = Mutation::None;
        Self { policies, most: halts_per_hour, invocations, faults, mutation, delivers: true, is_halted: false }
    }

    /// The same, but nobody sends mails until all is quiet: whoever sends them meets the others at the outbox alone.
    #[must_use]
    pub fn without_mailers(self) -> Self {
        Self { delivers: false, ..self }
    }

    /// The same without a quarantine: one action instead of two.
    #[must_use]
    pub fn without_quarantine(mut self) -> Self {
        self.policies.iter_mut().for_each(|policy| policy.contain.quarantine = false);
        self
    }

    /// The same, from where the first account is halted and proven and its mails wait.
    #[must_use]
    pub fn halted(self) -> Self {
        Self { is_halted: true, ..self }
    }

    /// The same, broken.
    #[must_use]
    pub fn mutated(self, mutation: Mutation) -> Self {
        Self { mutation, ..self }
    }

    fn basis(&self, invocation: &Invocation) -> Basis<'_> {
        Basis {
            policy: &self.policies[invocation.account],
            most: self.most,
            mutation: self.mutation,
            is_skewed: self.invocations.iter().any(|(.., ahead)| *ahead != 0),
        }
    }

    fn step(&self, state: &mut State, who: usize, answer: Answer, write: Write) {
        let State { tick, ledger, worlds, flights, invocations, wrongs, met, .. } = state;
        let knew = invocations[who].lost;
        let basis = self.basis(&invocations[who]);
        let moment = Moment { now: clock(*tick, &invocations[who]), tick: *tick, answer };
        let (world, only_reads) = (worlds[invocations[who].account], invocations[who].only_reads());
        let flight = invocations[who].change(|invocation| {
            let flight = match write {
                // What is not changed is not hashed anew.
                Write::Next if only_reads => {
                    invocation.step(&basis, &moment, &mut Ledger::clone(ledger), world, wrongs)
                }
                Write::Next => ledger.change(|ledger| invocation.step(&basis, &moment, ledger, world, wrongs)),
                Write::Renewal => {
                    ledger.change(|ledger| invocation.renew(&moment, ledger));
                    None
                }
            };
            met.lease_lost = invocation.lost && !knew;
            if invocation.is_over() {
                invocation.rest(invocation.at);
            }
            flight
        });
        flights.extend(flight.map(|flight| Flight { caller: Some(who), ..flight }));
    }

    /// What becomes of an account once all is quiet, and somebody comes to it once more without any fault.
    fn later(&self, state: &State, account: usize, task: Task) -> State {
        let state = State { tick: state.tick + LATER, left: Faults::default(), ..state.clone() };
        self.visited(state, Invocation::new(task, "later".to_owned(), account, 0))
    }

    /// What one more invocation makes of a state without any fault.
    fn visited(&self, mut state: State, visitor: Invocation) -> State {
        let who = state.invocations.len();
        state.invocations.push(Sealed::new(visitor));
        for _ in 0..LONGEST_VISIT {
            if state.invocations[who].is_over() {
                break;
            } else if state.invocations[who].at == At::Await {
                self.land(&mut state, 0);
            } else {
                self.step(&mut state, who, Answer::Comes, Write::Next);
            }
        }
        state
    }

    fn land(&self, state: &mut State, number: usize) {
        let flight = state.flights.remove(number);
        let result = state.worlds[flight.account].take(&flight.action);
        match flight.caller {
            Some(caller) => state.invocations[caller].change(|invocation| invocation.answered(result)),
            None => {
                let account = &self.policies[flight.account].account;
                let is_released = state.record(account).is_some_and(|stored| stored.record.restored.is_some());
                state.met.landed_late |= is_released;
            }
        }
    }

    /// Whether nobody does anything any more.
    fn is_quiet(state: &State) -> bool {
        state.flights.is_empty() && state.invocations.iter().all(|invocation| invocation.is_over())
    }

    fn believers(&self, state: &State) -> usize {
        let believes = |invocation: &&Sealed<Invocation>| invocation.believes(clock(state.tick, invocation));
        state.invocations.iter().filter(believes).count()
    }

    /// Whether what is asked of a quiet state holds for each account after somebody came once more.
    fn after(&self, state: &State, task: Task, holds: impl Fn(&State, usize) -> bool) -> bool {
        !Self::is_quiet(state)
            || (0..self.policies.len()).all(|account| holds(&self.later(state, account, task), account))
    }
}

/// What a property asks of a state.
type Condition = fn(&Protocol, &State) -> bool;

fn always(name: &'static str, holds: Condition) -> Property<Protocol> {
    Property::always(name, holds)
}

fn sometimes(name: &'static str, is_met: Condition) -> Property<Protocol> {
    Property::sometimes(name, is_met)
}

#[derive(Debug, Clone, Copy)]
enum Write {
    Next,
    Renewal,
}

fn clock(tick: i64, invocation: &Invocation) -> Timestamp {
    time((tick + invocation.ahead) * TICK_SECONDS)
}

impl State {
    fn record(&self, account: &AccountId) -> Option<&VersionedRecord> {
        self.ledger.book.load(account)
    }

    /// Halt mails of one halt.
    fn halt_mails(&self) -> impl Iterator<Item = usize> + '_ {
        let halts = self.ledger.mails.values().filter(|mail| mail.kind == NoticeKind::Halt);
        halts.clone().map(move |mail| {
            let same = halts.clone().filter(|other| (&other.account, &other.halt) == (&mail.account, &mail.halt));
            same.count()
        })
    }

    fn has_halt_mail(&self, known: &VersionedRecord) -> bool {
        let halt = known.record.halt.as_ref().map(|halt| halt.id.to_string());
        let mut mails = self.ledger.mails.values();
        mails.any(|mail| mail.kind == NoticeKind::Halt && mail.account == known.record.account && mail.halt == halt)
    }

    fn mails_wait_or_were_sent(&self) -> bool {
        let waiting = self.ledger.book.waiting();
        self.ledger.mails.iter().all(|(id, mail)| mail.sent > 0 || waiting.iter().any(|item| item.id == *id))
    }

    /// Whether nothing of ours stands in an account that was given back whole, as far as calls have landed.
    fn is_given_back(&self, account: usize, known: &VersionedRecord) -> bool {
        let is_quiet = self.flights.iter().all(|flight| flight.account != account);
        let is_restored = known.record.restored.is_some() && known.lease.is_none();
        !(is_quiet && is_restored) || self.worlds[account] == World::TRIPPED
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        let of = |(task, id, account, ahead): &(Task, &str, usize, i64)| {
            let mut invocation = Invocation::new(*task, (*id).to_owned(), *account, *ahead);
            invocation.delivers = self.delivers || *task == Task::Mails;
            Sealed::new(invocation)
        };
        let state = State {
            tick: 0,
            ledger: Sealed::new(Ledger::default()),
            worlds: vec![World::TRIPPED; self.policies.len()],
            flights: Vec::new(),
            invocations: Vec::new(),
            left: self.faults,
            wrongs: Wrongs::default(),
            met: Met::default(),
        };
        let mut first = Invocation::new(Task::Sweep, "first".to_owned(), 0, 0);
        first.delivers = false;
        let begin = if self.is_halted { self.visited(state, first) } else { state };
        vec![State { invocations: self.invocations.iter().map(of).collect(), ..begin }]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        let is_over = state.invocations.iter().all(|invocation| invocation.is_over());
        for (who, invocation) in state.invocations.iter().enumerate() {
            let (now, policy) = (clock(state.tick, invocation), &self.policies[invocation.account]);
            if invocation.is_over() {
                continue;
            }
            if invocation.at == At::Await {
                let flight = state.flights.iter().position(|flight| flight.caller == Some(who));
                if let Some(flight) = flight.filter(|_| state.left.lost > 0) {
                    events.extend([Event::LandUnanswered(flight), Event::CallLost(flight)]);
                }
            } else if invocation.waits(&self.basis(invocation), &state.ledger, now) {
                if state.left.ticks == 0 {
                    events.push(Event::GiveUp(who));
                }
            } else {
                events.push(Event::Step(who));
                if state.left.lost > 0 && invocation.writes() {
                    events.extend([Event::AnswerLost(who), Event::NotAsked(who)]);
                }
            }
            if invocation.may_renew(now) {
                events.push(Event::Renew(who));
                if state.left.lost > 0 {
                    events.push(Event::RenewalLost(who));
                }
            }
            if invocation.may_notice(&state.ledger, now, policy) {
                events.push(Event::Notice(who));
            }
            if state.left.crashes > 0 && invocation.has_left_something() {
                events.push(Event::Crash(who));
            }
        }
        events.extend((0..state.flights.len()).map(Event::Land));
        // A call that is waited for is answered, or given up, within the SDK's patience: less than a tick.
        let is_owed = state.flights.iter().any(|flight| flight.caller.is_some() && flight.made < state.tick);
        // What nobody waits for may never land: that takes time, too.
        let may_never_land = is_over && !state.flights.is_empty();
        if !is_owed && ((state.left.ticks > 0 && !is_over) || may_never_land) {
            events.push(Event::Tick);
        }
    }

    fn next_state(&self, state: &State, event: Event) -> Option<State> {
        let mut next = State { met: Met::default(), ..state.clone() };
        match event {
            Event::Step(who) => self.step(&mut next, who, Answer::Comes, Write::Next),
            Event::AnswerLost(who) => {
                next.left.lost -= 1;
                next.met.lost_and_made = true;
                self.step(&mut next, who, Answer::IsLost, Write::Next);
            }
            Event::NotAsked(who) => {
                next.left.lost -= 1;
                self.step(&mut next, who, Answer::NeverAsked, Write::Next);
            }
            Event::Renew(who) => self.step(&mut next, who, Answer::Comes, Write::Renewal),
            Event::RenewalLost(who) => {
                next.left.lost -= 1;
                self.step(&mut next, who, Answer::IsLost, Write::Renewal);
            }
            Event::Notice(who) => next.invocations[who].change(|invocation| invocation.requested = true),
            Event::Land(number) => self.land(&mut next, number),
            Event::LandUnanswered(number) | Event::CallLost(number) => {
                next.left.lost -= 1;
                let flight = next.flights.remove(number);
                if event == Event::LandUnanswered(number) {
                    next.worlds[flight.account].take(&flight.action);
                }
                let failure = Failure::own("the call", FailureKind::Unavailable, "no answer");
                let caller = flight.caller.expect("somebody waits for it");
                next.invocations[caller].change(|waiting| waiting.answered(ActionResult::Failed { failure }));
            }
            Event::GiveUp(who) => next.invocations[who].change(|invocation| invocation.rest(At::Over)),
            Event::Crash(who) => {
                next.left.crashes -= 1;
                let now = clock(next.tick, &next.invocations[who]);
                next.met.killed_after_intent |= next.invocations[who].is_between_intent_and_call(now);
                next.flights
                    .iter_mut()
                    .filter(|flight| flight.caller == Some(who))
                    .for_each(|flight| flight.caller = None);
                next.invocations[who].change(|invocation| invocation.rest(At::Killed));
            }
            Event::Tick => {
                let tick = next.tick;
                next.flights.retain(|flight| flight.made >= tick);
                next.left.ticks = next.left.ticks.saturating_sub(1);
                next.tick += 1;
            }
        }
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            always("no call without its intent", |_, state| !state.wrongs.without_intent),
            always("no call under a lease that the holder can know to be over", |_, state| !state.wrongs.without_lease),
            always("no call after a takeover where clocks agree", |_, state| !state.wrongs.after_takeover),
            always("no mail lost", |_, state| state.mails_wait_or_were_sent()),
            always("a mail is sent twice only where nobody could know", |_, state| !state.wrongs.sent_twice),
            always("one halt mail a halt", |protocol, state| {
                let halted = |known: &VersionedRecord| {
                    known.record.state == record::State::Halting || known.record.state == record::State::Halted
                };
                let mut known = protocol.policies.iter().filter_map(|policy| state.record(&policy.account));
                state.halt_mails().all(|mails| mails == 1)
                    && known.all(|known| !halted(known) || state.has_halt_mail(known))
            }),
            always("the brake is never exceeded", |protocol, state| {
                state.ledger.book.slots().count() <= protocol.most as usize && !state.wrongs.without_slot
            }),
            always("what a release calls given back is given back", |protocol, state| {
                protocol.policies.iter().enumerate().all(|(number, policy)| {
                    state.record(&policy.account).is_none_or(|known| state.is_given_back(number, known))
                })
            }),
            always("one more sweep ends what was begun and sends every mail", |protocol, state| {
                protocol.after(state, Task::Sweep, |later, account| {
                    let policy = &protocol.policies[account];
                    let Some(known) = later.record(&policy.account) else { return false };
                    let is_frozen = later.worlds[account].attached || !policy.contain.quarantine;
                    let stands = match known.record.state {
                        record::State::Halted => is_frozen && !later.worlds[account].runs,
                        record::State::Frozen => is_frozen,
                        record::State::Released => true,
                        record::State::Ok | record::State::Warned | record::State::Halting => false,
                    };
                    stands && later.ledger.book.waiting().is_empty()
                })
            }),
            always("one more release gives everything back", |protocol, state| {
                protocol.after(state, Task::Release, |later, account| {
                    let known = later.record(&protocol.policies[account].account);
                    let is_ours = known.is_some_and(|known| known.record.halt.is_some());
                    !is_ours || later.worlds[account] == World::TRIPPED
                })
            }),
            sometimes("two believe that they hold the lease", |protocol, state| protocol.believers(state) > 1),
            sometimes("an invocation is killed between intent and call", |_, state| state.met.killed_after_intent),
            sometimes("a write is made and its answer is lost", |_, state| state.met.lost_and_made),
            sometimes("a holder learns that its lease is lost", |_, state| state.met.lease_lost),
            sometimes("a call lands after its account was given back", |_, state| state.met.landed_late),
            sometimes("a halt is proven", |protocol, state| {
                protocol.policies.iter().any(|policy| {
                    let known = state.record(&policy.account);
                    known.is_some_and(|known| known.record.state == record::State::Halted)
                })
            }),
            sometimes("an account is given back", |protocol, state| {
                protocol.policies.iter().any(|policy| {
                    let known = state.record(&policy.account);
                    known.is_some_and(|known| known.record.restored.is_some())
                })
            }),
            sometimes("the brake holds", |protocol, state| {
                protocol.policies.iter().any(|policy| {
                    let known = state.record(&policy.account);
                    known.is_some_and(|known| known.record.freeze() == Some(record::FreezeReason::Brake))
                })
            }),
        ]
    }
}
