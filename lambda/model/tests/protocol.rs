//! The protocol, searched whole within bounds, as `docs/protocol.md` tells it. `PROTOCOL=large` searches the larger
//! settings too, which take minutes.
#![cfg(test)]

use std::collections::BTreeSet;
use std::time::Instant;

use runawaytrain_model::{Faults, Mutation, Protocol, Task};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// Nobody is killed, everything is answered, and no time passes.
const CALM: Faults = Faults { crashes: 0, lost: 0, ticks: 0 };

const INTENT: &str = "no call without its intent";
const LEASE: &str = "no call under a lease that the holder can know to be over";
const TAKEOVER: &str = "no call after a takeover where clocks agree";
const NO_MAIL_LOST: &str = "no mail lost";
const SENT_TWICE: &str = "a mail is sent twice only where nobody could know";
const ONE_HALT_MAIL: &str = "one halt mail a halt";
const BRAKE: &str = "the brake is never exceeded";
const GIVEN_BACK: &str = "what a release calls given back is given back";

const BELIEVERS: &str = "two believe that they hold the lease";
const KILLED: &str = "an invocation is killed between intent and call";
const ANSWER_LOST: &str = "a write is made and its answer is lost";
const LEASE_LOST: &str = "a holder learns that its lease is lost";
const PROVEN: &str = "a halt is proven";
const BACK: &str = "an account is given back";
const BRAKED: &str = "the brake holds";

fn sweep(id: &'static str) -> (Task, &'static str, usize, i64) {
    (Task::Sweep, id, 0, 0)
}

fn release() -> (Task, &'static str, usize, i64) {
    (Task::Release, "operator", 0, 0)
}

fn mails(id: &'static str) -> (Task, &'static str, usize, i64) {
    (Task::Mails, id, 0, 0)
}

/// Visits every state: all that must hold does, and these dangers were met.
fn holds(setting: &str, protocol: Protocol, dangers: &[&str]) {
    let began = Instant::now();
    let checker = protocol.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let (states, deep) = (checker.unique_state_count(), checker.max_depth());
    println!("{setting}: {states} states, {deep} steps deep, {:.1} s", began.elapsed().as_secs_f64());
    let must_hold = |name| checker.model().property(name).expectation == Expectation::Always;
    let mut met = BTreeSet::new();
    for (property, path) in checker.discoveries() {
        assert!(!must_hold(property), "{setting}: not so: {property}: {:?}", path.into_actions());
        met.insert(property);
    }
    for danger in dangers {
        assert!(met.contains(danger), "{setting}: never met: {danger}");
    }
}

/// A break of the protocol breaks what it must, in so few steps.
fn is_found(mutation: Mutation, broken: &'static str, protocol: Protocol) {
    let checker = protocol.mutated(mutation).checker();
    let checker = checker.finish_when(HasDiscoveries::AnyOf([broken].into())).spawn_bfs().join();
    let path = checker.discovery(broken).unwrap_or_else(|| panic!("{mutation:?} goes unnoticed")).into_actions();
    println!("{mutation:?} breaks \"{broken}\" after {} steps: {path:?}", path.len());
}

fn is_large() -> bool {
    std::env::var("PROTOCOL").is_ok_and(|size| size == "large")
}

#[test]
fn two_invocations_of_one_account_keep_every_promise() {
    let twice = || vec![sweep("one"), sweep("one")];
    let killed = Protocol::new(1, 9, twice(), Faults { crashes: 1, ticks: 1, ..CALM }).without_mailers();
    holds("an event twice, a kill, time", killed.without_quarantine(), &[LEASE_LOST, KILLED, PROVEN]);
    let unanswered = Protocol::new(1, 9, twice(), Faults { lost: 1, ..CALM }).without_mailers();
    holds("an event twice, a lost answer", unanswered, &[ANSWER_LOST, PROVEN]);
    if is_large() {
        let worst = Protocol::new(1, 9, twice(), Faults { crashes: 1, lost: 1, ticks: 1 }).without_mailers();
        holds("an event twice, everything", worst, &[LEASE_LOST, KILLED, ANSWER_LOST, PROVEN]);
    }
}

#[test]
fn a_halt_and_its_release_keep_every_promise() {
    let both = || vec![sweep("one"), release()];
    let killed = Protocol::new(1, 9, both(), Faults { crashes: 1, ticks: 2, ..CALM }).without_mailers();
    holds("a halt and a release, a kill, time", killed.without_quarantine(), &[LEASE_LOST, KILLED, PROVEN, BACK]);
    let unanswered = Protocol::new(1, 9, both(), Faults { lost: 1, ..CALM }).without_mailers();
    holds("a halt and a release, a lost answer", unanswered, &[ANSWER_LOST, PROVEN, BACK]);
    if is_large() {
        let worst = Protocol::new(1, 9, both(), Faults { crashes: 1, lost: 1, ticks: 2 }).without_mailers();
        holds("a halt and a release, everything", worst, &[LEASE_LOST, KILLED, ANSWER_LOST, PROVEN, BACK]);
    }
}

#[test]
fn three_invocations_of_one_account_keep_every_promise() {
    let three = || vec![sweep("one"), sweep("two"), release()];
    let calm = Protocol::new(1, 9, three(), CALM).without_mailers();
    holds("three", calm.without_quarantine(), &[PROVEN, BACK]);
    if is_large() {
        let faults = Faults { crashes: 1, ticks: 1, ..CALM };
        let killed = Protocol::new(1, 9, three(), faults).without_mailers().without_quarantine();
        holds("three, a kill, time", killed, &[LEASE_LOST, KILLED, PROVEN, BACK]);
    }
}

#[test]
fn clocks_that_disagree_by_a_whole_lease_let_nobody_act_unwritten() {
    let ahead = vec![sweep("one"), (Task::Sweep, "two", 0, 1)];
    let faults = Faults { crashes: 1, ticks: 1, ..CALM };
    let skewed = Protocol::new(1, 9, ahead, faults).without_mailers().without_quarantine();
    holds("one clock ahead, a kill, time", skewed, &[BELIEVERS, LEASE_LOST, KILLED, PROVEN]);
}

#[test]
fn accounts_that_trip_together_share_the_brake_whatever_fails() {
    let two = || vec![sweep("one"), (Task::Sweep, "two", 1, 0)];
    let killed = Protocol::new(2, 1, two(), Faults { crashes: 1, ..CALM }).without_mailers();
    holds("two accounts, one slot, a kill", killed, &[PROVEN, BRAKED, KILLED]);
    let unanswered = Protocol::new(2, 1, two(), Faults { lost: 1, ..CALM }).without_mailers();
    holds("two accounts, one slot, a lost answer", unanswered, &[PROVEN, BRAKED, ANSWER_LOST]);
    if is_large() {
        let three = vec![sweep("one"), (Task::Sweep, "two", 1, 0), sweep("one")];
        let calm = Protocol::new(2, 1, three, Faults { crashes: 1, ..CALM }).without_mailers();
        holds("two accounts, one slot, three invocations, a kill", calm, &[PROVEN, BRAKED]);
    }
}

#[test]
fn no_mail_is_lost_and_none_is_sent_twice_without_need() {
    let two = Protocol::new(1, 9, vec![mails("one"), mails("two")], Faults { crashes: 1, lost: 1, ticks: 1 }).halted();
    holds("two mailers, everything", two, &[ANSWER_LOST, PROVEN]);
    let three = vec![mails("one"), mails("two"), mails("three")];
    holds("three mailers", Protocol::new(1, 9, three.clone(), CALM).halted(), &[PROVEN]);
    if is_large() {
        let faults = Faults { lost: 1, ticks: 1, ..CALM };
        holds("three mailers, a lost answer, time", Protocol::new(1, 9, three, faults).halted(), &[ANSWER_LOST]);
    }
}

#[test]
fn each_break_of_the_protocol_is_found() {
    let two = |faults| Protocol::new(1, 9, vec![sweep("one"), sweep("two")], faults).without_mailers();
    let time = Faults { ticks: 1, ..CALM };
    is_found(Mutation::NoFenceCheck, LEASE, two(time).without_quarantine());
    is_found(Mutation::NoFenceCheck, TAKEOVER, two(time).without_quarantine());
    is_found(Mutation::IntentAfterCall, INTENT, two(CALM).without_quarantine());
    is_found(Mutation::MailAfterRecord, ONE_HALT_MAIL, two(CALM).without_quarantine());
    let mailers = |faults| Protocol::new(1, 9, vec![mails("one"), mails("two")], faults).halted();
    is_found(Mutation::ClearedBeforeSent, NO_MAIL_LOST, mailers(Faults { lost: 1, ..CALM }));
    is_found(Mutation::ClaimUnchecked, SENT_TWICE, mailers(CALM));
    let braked = Protocol::new(2, 1, vec![sweep("one"), (Task::Sweep, "two", 1, 0)], CALM).without_mailers();
    is_found(Mutation::SlotsUncounted, BRAKE, braked);
    let released = Protocol::new(1, 9, vec![sweep("one"), release()], Faults { crashes: 1, ticks: 1, ..CALM });
    is_found(Mutation::ReleaseAtOnce, GIVEN_BACK, released.without_mailers().without_quarantine());
}
