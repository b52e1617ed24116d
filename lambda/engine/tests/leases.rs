//! Who may contain an account: one invocation at a time, and the next one when it is gone.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use common::{PHYSICS, Scene, id, policy, report_of, seeded};
use jiff::Timestamp;
use runawaytrain_core::record::{AccountRecord, Halt, State};
use runawaytrain_core::resource::{Act, Action, quarantine, users};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, UserName};
use runawaytrain_engine::contain::lease::{Leases, NotPerformed, RENEWAL};
use runawaytrain_engine::ports::{
    Actuator, Clock, Commit, Journal, Lease, LeaseMove, Performed, Ports, Records, States, StoreError, VersionedRecord,
};
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
        denials_told: false,
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
    let stored = stored.unwrap_or(VersionedRecord { record: halting(testbed), version: 0, lease: None });
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
    holding.perform(&id(PHYSICS), &deny("alice"), |_| None).await.unwrap();
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
    assert_eq!(holding.perform(&id(PHYSICS), &deny("alice"), |_| None).await, Err(NotPerformed::LeaseLost));
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
    assert_eq!(sleeper.perform(&id(PHYSICS), &deny("alice"), |_| None).await, Err(NotPerformed::LeaseLost));
    assert!(!sleeper.is_alive());
    assert!(testbed.world.calls().is_empty(), "nothing was called");
    let journal = ports
        .journal
        .entries(&id(PHYSICS), &runawaytrain_core::vocabulary::ids::HaltId::new("20261122T030000Z"))
        .await
        .unwrap();
    assert!(journal.is_empty(), "nothing was journaled");
}

/// The state table, which takes everything but renewals.
struct WithoutRenewals(Arc<dyn States>);

#[async_trait::async_trait]
impl States for WithoutRenewals {
    async fn load_all(&self) -> Result<Records, Failure> {
        self.0.load_all().await
    }

    async fn load_some(&self, accounts: &BTreeSet<AccountId>) -> Result<Records, Failure> {
        self.0.load_some(accounts).await
    }

    async fn load_in(&self, state: State) -> Result<Records, Failure> {
        self.0.load_in(state).await
    }

    async fn load(&self, account: &AccountId) -> Result<Option<VersionedRecord>, Failure> {
        self.0.load(account).await
    }

    async fn commit(&self, commit: Commit) -> Result<VersionedRecord, StoreError> {
        self.0.commit(commit).await
    }

    async fn renew(&self, _: &Lease, _: Timestamp) -> Result<(), StoreError> {
        Err(runawaytrain_testbed::failure("dynamodb:UpdateItem", FailureKind::Unavailable).into())
    }

    async fn wait_for(&self, lease: &Lease, who: &str) -> Result<bool, Failure> {
        self.0.wait_for(lease, who).await
    }
}

/// An actuator whose calls land late, also where nobody waits for them any more.
struct Late(Arc<dyn Actuator>);

#[async_trait::async_trait]
impl Actuator for Late {
    async fn prepare(&self, _: &AccountId) {}

    async fn perform(&self, account: &AccountId, action: &Action, now: Timestamp) -> Result<Performed, Failure> {
        let (inner, account, action) = (Arc::clone(&self.0), account.clone(), action.clone());
        let landing = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(20)).await;
            inner.perform(&account, &action, now).await
        });
        landing.await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn what_lands_after_the_lease_of_a_killed_invocation_is_given_back_too() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let ports = scene.testbed.ports();
    let late = Ports {
        states: Arc::new(WithoutRenewals(Arc::clone(&ports.states))),
        actuator: Arc::new(Late(Arc::clone(&ports.actuator))),
        ..ports
    };
    let holding = hold(&late, &scene.testbed, "killed").await;
    tokio::time::sleep(Duration::from_secs(59)).await;
    let freeze = quarantine::Action::Freeze.into();
    let killed = tokio::time::timeout(Duration::from_secs(2), holding.perform(&id(PHYSICS), &freeze, |_| None)).await;
    assert!(killed.is_err(), "its call is under way: {killed:?}");
    drop(holding);

    let answer = scene.send(json!({ "action": "release", "account": PHYSICS })).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(scene.testbed.world.calls().len(), 2, "the call landed, and was undone: {answer:?}");
    assert!(!scene.testbed.world.with(&id(PHYSICS), |known| *known.quarantine.written()), "{answer:?}");
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
async fn a_table_that_throttles_harms_nobody_and_loses_nothing() {
    for kind in [FailureKind::Throttled, FailureKind::Contended] {
        for begins in (0..10_000).step_by(743) {
            let scene = Scene::new(seeded(), policy(json!({})));
            let ledger = Arc::clone(&scene.testbed.ledger);
            let busy = async move {
                tokio::time::sleep(Duration::from_millis(begins)).await;
                ledger.busy_for(Duration::from_secs(15), kind);
            };
            tokio::join!(scene.send(json!({})), busy);
            assert_eq!(scene.billable(PHYSICS), 0, "{kind:?} after {begins} ms");
            tokio::time::sleep(Duration::from_secs(15)).await;
            assert_eq!(scene.billable(common::QUIET), 2, "{kind:?} after {begins} ms");
            let stored = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap();
            assert_eq!((stored.record.state, stored.lease), (State::Halted, None), "{kind:?} after {begins} ms");
            let halt = stored.record.halt.unwrap().id;
            let journal = scene.testbed.ledger.entries(&id(PHYSICS), &halt).await.unwrap();
            assert!(journal.iter().all(|entry| entry.concluded.is_some()), "{kind:?} after {begins} ms");
            assert_eq!(journal.len(), scene.testbed.world.calls().len(), "{kind:?} after {begins} ms");
            // A mail that could not be taken out of the table waits for the next sweep.
            scene.tick().await;
            let mails = (scene.mails("HALT"), scene.mails("Halted"));
            assert_eq!(mails, (1, 1), "{kind:?} after {begins} ms: {:?}", scene.subjects());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_table_is_no_lost_lease() {
    let testbed = seeded();
    let ports = testbed.ports();
    let holding = hold(&ports, &testbed, "first").await;
    tokio::time::sleep(Duration::from_secs(18)).await;
    testbed.ledger.busy_for(Duration::from_secs(20), FailureKind::Contended);
    tokio::time::sleep(Duration::from_secs(1)).await;
    holding.perform(&id(PHYSICS), &deny("alice"), |_| None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(holding.is_alive());
}

/// The entries of the journal about stops.
async fn stops(scene: &Scene) -> Vec<runawaytrain_engine::ports::JournalEntry> {
    let halt = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record.halt.unwrap().id;
    let journal = scene.testbed.ledger.entries(&id(PHYSICS), &halt).await.unwrap();
    journal.into_iter().filter(|entry| entry.action.operation() == "ec2:StopInstances").collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_throttled_is_one_entry_however_often_it_is_made() {
    let testbed = seeded();
    let fault = Fault::always("ec2:StopInstances", FailureKind::Throttled).in_region("us-east-1").times(5);
    testbed.world.fault(fault.in_account(&id(PHYSICS)));
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 0);
    let attempts: Vec<u32> = stops(&scene).await.iter().map(|entry| entry.attempts).collect();
    assert_eq!((attempts.len(), attempts.iter().max()), (3, Some(&6)), "{attempts:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_for_long_is_a_handful_of_entries() {
    let testbed = seeded();
    testbed.world.fault(Fault::always("ec2:StopInstances", FailureKind::Denied).in_account(&id(PHYSICS)));
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    // Three regions with three instances each: each is tried alone once, and then all of a region together now and
    // then.
    let entries = stops(&scene).await.len();
    assert!(entries <= 3 * 17, "{entries}");
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
