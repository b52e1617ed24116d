//! Who may contain an account: one invocation at a time, and the next one when it is gone.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::{PHYSICS, Scene, id, policy, report_of, seeded};
use runawaytrain_core::record::{AccountRecord, Halt, State};
use runawaytrain_core::resource::{Action, users};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::UserName;
use runawaytrain_engine::contain::lease::{Leases, NotPerformed, RENEWAL};
use runawaytrain_engine::ports::{Clock, Commit, LeaseMove, Ports, States, StoreError};
use runawaytrain_testbed::{Fault, Testbed};
use serde_json::json;

fn halting(testbed: &Testbed) -> AccountRecord {
    let now = testbed.clock.now();
    let mut record = AccountRecord::new(id(PHYSICS), now);
    record.state = State::Halting;
    record.halt = Some(Halt {
        id: runawaytrain_core::vocabulary::ids::HaltId::new("20261122T030000Z"),
        tripped: now,
        before: Default::default(),
        contained: None,
        outcome_told: false,
        locked_out: None,
        tripped_limits: Default::default(),
        freeze: None,
    });
    record
}

fn deny(name: &str) -> Action {
    Action::Users(users::Action::DenyUser { user: UserName::new(name) })
}

async fn hold(ports: &Ports, testbed: &Testbed, invocation: &str) -> runawaytrain_engine::contain::lease::HeldLease {
    let stored = ports.states.load(&id(PHYSICS)).await.unwrap();
    let stored = stored.unwrap_or(runawaytrain_engine::ports::VersionedRecord {
        record: halting(testbed),
        version: 0,
        lease: None,
    });
    Leases::new(ports).acquire(invocation, &stored, stored.record.clone(), Vec::new()).await.unwrap().unwrap().0
}

#[tokio::test(start_paused = true)]
async fn two_invocations_at_once_halt_once() {
    let testbed = seeded();
    let (one, other) = (Scene::new(testbed.clone(), policy(json!({}))), Scene::new(testbed.clone(), policy(json!({}))));
    let (first, second) = tokio::join!(one.send(json!({})), async {
        tokio::time::sleep(Duration::from_millis(7)).await;
        other
            .guard
            .handle(
                &json!({}),
                &runawaytrain_engine::deadline::Invocation {
                    id: "rival".to_owned(),
                    deadline: runawaytrain_engine::deadline::Deadline::never(),
                },
            )
            .await
    });
    assert_eq!(one.billable(PHYSICS), 0);
    assert_eq!((one.mails("HALT"), one.mails("Halted")), (1, 1), "{:?}", one.subjects());
    let refused = [&first, &second]
        .iter()
        .filter(|answer| {
            report_of(answer, PHYSICS).error.as_ref().is_some_and(|error| error.contains("is containing the account"))
        })
        .count();
    assert_eq!(refused, 1);
    let mut calls: BTreeMap<Action, usize> = BTreeMap::new();
    testbed.world.calls().into_iter().for_each(|call| *calls.entry(call.action).or_default() += 1);
    assert!(calls.values().all(|times| *times == 1), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn an_invocation_killed_at_any_moment_is_finished_by_the_next() {
    for killed_after in (0..30_000).step_by(611) {
        let scene = Scene::new(seeded(), policy(json!({})));
        let killed = tokio::time::timeout(Duration::from_millis(killed_after), scene.send(json!({}))).await;
        if killed.is_ok() {
            break;
        }
        scene.tick().await;
        scene.tick().await;
        assert_eq!(scene.billable(PHYSICS), 0, "killed after {killed_after} ms");
        assert!(!scene.can_act(PHYSICS, "alice"), "killed after {killed_after} ms");
        let stored = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap();
        assert_eq!(stored.record.state, State::Halted, "killed after {killed_after} ms");
        assert_eq!(
            (scene.mails("HALT"), scene.mails("Halted")),
            (1, 1),
            "killed after {killed_after} ms: {:?}",
            scene.subjects()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_keeps_its_lease_by_renewing_it() {
    let testbed = seeded();
    let ports = testbed.ports();
    let holding = hold(&ports, &testbed, "first").await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(holding.is_alive());
    holding.perform(&id(PHYSICS), &deny("alice")).await.unwrap();
    let stored = ports.states.load(&id(PHYSICS)).await.unwrap().unwrap();
    assert!(matches!(
        Leases::new(&ports).acquire("second", &stored, stored.record.clone(), Vec::new()).await,
        Err(StoreError::Conflict)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_stops_before_another_may_begin() {
    let testbed = seeded();
    let ports = testbed.ports();
    let holding = hold(&ports, &testbed, "first").await;
    testbed.ledger.break_with(Some(runawaytrain_testbed::failure("dynamodb:UpdateItem", FailureKind::Unavailable)));
    tokio::time::sleep(RENEWAL * 3 + Duration::from_secs(1)).await;
    testbed.ledger.break_with(None);
    assert!(!holding.is_alive());
    assert_eq!(holding.perform(&id(PHYSICS), &deny("alice")).await, Err(NotPerformed::LeaseLost));
    assert!(testbed.world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_wakes_after_takeover_changes_nothing_more() {
    let testbed = seeded();
    let ports = testbed.ports();
    let sleeper = Arc::new(hold(&ports, &testbed, "first").await);
    // The sleeper's lease is taken over in the table, as after a pause that its own clock did not notice.
    let stored = ports.states.load(&id(PHYSICS)).await.unwrap().unwrap();
    let long_after = testbed.clock.now().checked_add(jiff::SignedDuration::from_secs(61)).unwrap();
    let until = long_after.checked_add(jiff::SignedDuration::from_secs(60)).unwrap();
    let lease = LeaseMove::Acquire { expected: stored.version, holder: "second".to_owned(), now: long_after, until };
    ports
        .states
        .commit(Commit { record: stored.record, lease, notices: Vec::new(), peak: None, at: long_after })
        .await
        .unwrap();

    assert!(sleeper.is_alive(), "it does not know yet");
    assert_eq!(sleeper.perform(&id(PHYSICS), &deny("alice")).await, Err(NotPerformed::LeaseLost));
    assert!(!sleeper.is_alive());
    assert!(testbed.world.calls().is_empty(), "nothing was called");
    let journal = ports
        .journal
        .entries(&id(PHYSICS), &runawaytrain_core::vocabulary::ids::HaltId::new("20261122T030000Z"))
        .await
        .unwrap();
    assert!(journal.is_empty(), "nothing was journaled");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails_for_a_moment_delays_the_halt_and_loses_nothing() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let ledger = Arc::clone(&scene.testbed.ledger);
    let outage = async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        ledger.break_with(Some(runawaytrain_testbed::failure("dynamodb:TransactWriteItems", FailureKind::Unavailable)));
        tokio::time::sleep(Duration::from_secs(8)).await;
        ledger.break_with(None);
    };
    tokio::join!(scene.send(json!({})), outage);
    scene.tick().await;
    assert_eq!(scene.billable(PHYSICS), 0);
    let stored = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap();
    assert_eq!(stored.record.state, State::Halted);
    assert_eq!((scene.mails("HALT"), scene.mails("Halted")), (1, 1), "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn one_account_that_breaks_does_not_keep_the_others_from_being_served() {
    let testbed = seeded();
    testbed.world.fault(Fault::always("iam:", FailureKind::Denied).in_account(&id(PHYSICS)));
    let scene = Scene::new(testbed, policy(json!({ "accounts": { common::QUIET: { "limits": { "instances": 1 } } } })));
    let answer = scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 0, "instances are stopped although IAM refuses everything");
    assert_eq!(scene.billable(common::QUIET), 0);
    assert_eq!(report_of(&answer, common::QUIET).state, Some(State::Halted));
    assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halting));
}
