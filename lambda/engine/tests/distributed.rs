//! A sweep of many workers: what Step Functions asks of the function, step by step, each of a cold one.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use common::{PAYER, PHYSICS, QUIET, REGIONS, Scene, id, policy, seeded};
use futures::future::join_all;
use jiff::SignedDuration;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::message::report::{Answer, BatchCounts, BatchReport, Report, SweepReport};
use runawaytrain_core::policy::Policy;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::deadline::{Deadline, Invocation};
use runawaytrain_engine::ports::{Clock, Records, States, SweepMetrics};
use runawaytrain_engine::sweep::Guard;
use runawaytrain_testbed::{Fault, SimAccount, Testbed};
use serde_json::{Value, json};

const SWEEP: &str = "tick-1";
const MANIFEST: &str = "sweeps/tick-1/results/run/manifest.json";

/// Organizations' list is used for an hour while it fails.
const LONGER_THAN_A_LIST_IS_GOOD: Duration = Duration::from_secs(2 * 3600);

fn bucket() -> String {
    format!("runawaytrain-sweeps-{PAYER}")
}

fn account(number: u64) -> String {
    format!("3{number:011}")
}

/// A policy with workers, and more.
fn scaled(mut more: Value) -> Policy {
    more["scale"] = json!({ "accountsPerWorker": 2, "maxConcurrency": 10 });
    policy(more)
}

/// The seeded organization and some accounts more, in each of which one instance runs.
fn larger(accounts: u64) -> Testbed {
    let testbed = seeded();
    for number in 0..accounts {
        let name = format!("lab-{number}");
        testbed.world.add(&id(&account(number)), SimAccount::new(&name, &REGIONS).running("us-east-1", 1, "t2.micro"));
    }
    testbed
}

/// What the state machine does, over functions that remember nothing of each other.
struct Machine {
    testbed: Testbed,
    policy: Policy,
    ceiling: Mode,
    asked: Cell<u32>,
}

impl Machine {
    fn new(testbed: Testbed, policy: Policy) -> Self {
        Self { testbed, policy, ceiling: Mode::Proceed, asked: Cell::default() }
    }

    async fn ask(&self, event: Value) -> Answer {
        self.asked.set(self.asked.get() + 1);
        let id = format!("invocation-{}", self.asked.get());
        let guard = Guard::new(&self.testbed.ports(), self.policy.clone(), self.ceiling);
        guard.handle(&event, &Invocation { id, deadline: Deadline::never() }).await
    }

    async fn list(&self) -> Vec<String> {
        let answer = self.ask(json!({ "sweep": SWEEP, "step": "list" })).await;
        let Some(Report::List(list)) = answer.report else { panic!("no list: {answer:?}") };
        let object = self.testbed.ports().sweep_store.get(&list.bucket, &list.key, 1 << 20).await.unwrap();
        let accounts: Vec<String> = serde_json::from_slice(&object).unwrap();
        assert_eq!((list.accounts, list.bucket), (accounts.len(), bucket()));
        accounts
    }

    async fn batch(&self, accounts: &[&str]) -> Answer {
        self.ask(json!({ "sweep": SWEEP, "step": "batch", "accounts": accounts })).await
    }

    /// Sweeps all of these at once, so many a worker, and answers what Step Functions writes of each. `fails` is whether
    /// the worker of an account does.
    async fn map(&self, accounts: &[String], fails: impl Fn(&str) -> bool) -> Vec<Value> {
        let batches = accounts.chunks(2).map(async |batch| {
            if batch.iter().any(|account| fails(account)) {
                return json!({ "Status": "FAILED", "Error": "Lambda.Unknown", "Cause": "killed" });
            }
            let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
            succeeded(&self.batch(&batch).await)
        });
        join_all(batches).await
    }

    async fn add_up(&self, executions: &[Value]) -> Answer {
        let put = |key: &str, what: &Value| {
            self.testbed.reports.put(&bucket(), key, serde_json::to_vec(what).unwrap());
        };
        let of = |status: &str| executions.iter().filter(|one| one["Status"] == status).cloned().collect::<Vec<_>>();
        let files = ["SUCCEEDED", "FAILED"].map(|status| {
            let key = format!("sweeps/tick-1/results/run/{status}_0.json");
            put(&key, &of(status).into());
            (status, json!([{ "Key": key, "Size": 1 }]))
        });
        let files: serde_json::Map<String, Value> =
            files.into_iter().map(|(status, files)| (status.to_owned(), files)).collect();
        put(MANIFEST, &json!({ "DestinationBucket": bucket(), "MapRunArn": "arn:…", "ResultFiles": files }));
        let results = json!({ "Bucket": bucket(), "Key": MANIFEST });
        self.ask(json!({ "sweep": SWEEP, "step": "summary", "results": results })).await
    }

    async fn sweep(&self) -> SweepReport {
        self.sweep_but(|_| false).await
    }

    async fn sweep_but(&self, fails: impl Fn(&str) -> bool) -> SweepReport {
        let accounts = self.list().await;
        let executions = self.map(&accounts, fails).await;
        let answer = self.add_up(&executions).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.sweep().unwrap().clone()
    }

    fn metrics(&self) -> SweepMetrics {
        *self.testbed.metrics.sweeps().last().expect("a sweep emits metrics")
    }

    async fn records(&self) -> Records {
        self.testbed.ledger.load_all().await.unwrap()
    }

    async fn states(&self, accounts: impl IntoIterator<Item = String>) -> Vec<Option<State>> {
        let records = self.records().await;
        accounts.into_iter().map(|one| Some(records.readable.get(&id(&one))?.record.state)).collect()
    }
}

/// A worker that answered, as Step Functions writes it.
fn succeeded(answer: &Answer) -> Value {
    json!({ "Status": "SUCCEEDED", "Output": serde_json::to_string(answer).unwrap(), "RedriveCount": 0 })
}

fn batch_of(answer: &Answer) -> &BatchReport {
    match &answer.report {
        Some(Report::Batch(batch)) => batch,
        _ => panic!("no batch: {answer:?}"),
    }
}

/// What must not depend on how many workers there were.
fn told(metrics: &SweepMetrics) -> impl PartialEq + std::fmt::Debug + use<> {
    let SweepMetrics { complete, coverage, totals, halted, frozen, waiting, .. } = *metrics;
    (complete, coverage, totals, halted, frozen, waiting)
}

#[tokio::test(start_paused = true)]
async fn many_workers_find_and_halt_what_one_function_does() {
    let one = Scene::new(larger(9), policy(json!({})));
    let alone = one.send(json!({})).await;
    let machine = Machine::new(larger(9), scaled(json!({})));
    let report = machine.sweep().await;
    assert_eq!(told(&machine.metrics()), told(one.testbed.metrics.sweeps().last().unwrap()));
    assert!(machine.metrics().complete && report.complete);
    assert_eq!((report.totals, report.coverage), (alone.sweep().unwrap().totals, alone.sweep().unwrap().coverage));
    assert_eq!(report.workers.map(|workers| (workers.answered, workers.failed)), Some((6, 0)));
    assert_eq!(machine.states([PHYSICS.to_owned()]).await, [Some(State::Halted)]);
    let subjects = |testbed: &Testbed| -> BTreeSet<String> {
        testbed.mailbox.mails().into_iter().map(|mail| mail.subject.split(" in ").next().unwrap().to_owned()).collect()
    };
    assert_eq!(subjects(&machine.testbed), subjects(&one.testbed));
    assert_eq!(machine.testbed.metrics.sweeps().len(), 1, "once, not once a worker");
}

#[tokio::test(start_paused = true)]
async fn a_worker_sweeps_its_accounts_and_forgets_no_other() {
    let machine = Machine::new(larger(4), scaled(json!({})));
    machine.sweep().await;
    let before = machine.records().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let looks = machine.testbed.world.looks();
    machine.list().await;
    assert_eq!(machine.testbed.world.looks(), looks, "a list looks into no account");
    let answer = machine.batch(&[QUIET, &account(2)]).await;
    assert_eq!(batch_of(&answer).accounts, [id(QUIET), id(&account(2))]);
    let after = machine.records().await;
    let changed = before.readable.iter().filter(|(account, known)| after.readable.get(*account) != Some(known));
    let changed: Vec<&AccountId> = changed.map(|(account, _)| account).collect();
    assert_eq!(changed, [&id(QUIET), &id(&account(2))]);
    assert_eq!(before.readable.len(), after.readable.len());
}

#[tokio::test(start_paused = true)]
async fn the_accounts_of_a_worker_that_failed_are_a_gap_and_no_zero() {
    let machine = Machine::new(larger(5), scaled(json!({})));
    machine.sweep().await;
    let before = machine.records().await;
    let whole = machine.metrics();
    tokio::time::sleep(Duration::from_secs(300)).await;
    let report = machine.sweep_but(|one| one == PHYSICS).await;
    let lost = 2;
    assert!(!report.complete && !machine.metrics().complete, "no heartbeat");
    assert_eq!((report.totals.unserved, report.totals.accounts), (lost, whole.totals.accounts));
    assert_eq!(report.accounts.len(), lost);
    assert!(report.accounts.iter().any(|lost| lost.account == id(PHYSICS) && lost.name == "physics"));
    assert!(report.accounts.iter().all(|lost| lost.error.as_ref().is_some_and(|why| why.contains("worker failed"))));
    assert!(machine.metrics().coverage.percent() < 100.0);
    assert!(machine.metrics().values().iter().all(|(row, _)| row.name != "Heartbeat"));
    assert_eq!(report.workers.map(|workers| (workers.answered, workers.failed)), Some((3, 1)));
    let after = machine.records().await;
    assert_eq!(after.readable[&id(PHYSICS)], before.readable[&id(PHYSICS)], "it is as it was: halted");
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(machine.sweep().await.complete, "the next sweep takes it up again");
}

#[tokio::test(start_paused = true)]
async fn the_sum_says_which_workers_failed_and_why() {
    let machine = Machine::new(larger(5), scaled(json!({})));
    let accounts = machine.list().await;
    let mut executions = machine.map(&accounts, |one| one == PHYSICS).await;
    let last = executions.pop().unwrap();
    assert_eq!(last["Status"], "SUCCEEDED");
    executions.push(json!({ "Status": "SUCCEEDED", "Output": "{\"statusCode\":200,\"body\":\"voided\"}" }));
    let answer = machine.add_up(&executions).await;
    assert!(answer.body.contains("2 of 4 workers failed: "), "{}", answer.body);
    assert_eq!(answer.sweep().unwrap().totals.unserved, 4);
}

#[tokio::test(start_paused = true)]
async fn where_no_worker_is_heard_of_nobody_was_seen() {
    let machine = Machine::new(larger(3), scaled(json!({})));
    let accounts = machine.list().await;
    let answer = machine.ask(json!({ "sweep": SWEEP, "step": "summary" })).await;
    let report = answer.sweep().unwrap();
    assert_eq!((report.totals.unserved, report.coverage.seen, report.complete), (accounts.len(), 0, false));
    let names: Vec<&str> = machine.metrics().values().into_iter().map(|(row, _)| row.name).collect();
    assert!(!names.contains(&"Heartbeat") && !names.contains(&"Instances"), "what runs is not known: {names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_run_twice_does_nothing_twice_and_is_counted_once() {
    let machine = Machine::new(larger(4), scaled(json!({})));
    let accounts = machine.list().await;
    let mut executions = machine.map(&accounts, |_| false).await;
    // Lambda's answer was lost and Step Functions asked again: one after the other, and both at once.
    let again = machine.batch(&[PHYSICS, QUIET]).await;
    let (one, other) = tokio::join!(machine.batch(&[PHYSICS, QUIET]), machine.batch(&[PHYSICS, QUIET]));
    for answer in [&again, &one, &other] {
        assert_eq!((answer.status, batch_of(answer).counts.totals.accounts), (200, 2));
    }
    executions.push(executions[0].clone());
    let report = machine.add_up(&executions).await.sweep().unwrap().clone();
    assert_eq!((report.totals.accounts, report.complete), (accounts.len(), true));
    let halts = machine.testbed.mailbox.mails().into_iter().filter(|mail| mail.subject.contains("HALT"));
    let physics = halts.filter(|mail| mail.subject.contains("physics")).count();
    assert!(physics <= 1, "{:?}", machine.testbed.mailbox.mails());
    assert_eq!(machine.states([PHYSICS.to_owned()]).await, [Some(State::Halted)]);
}

#[tokio::test(start_paused = true)]
async fn workers_ask_organizations_and_billing_for_nothing() {
    let testbed = larger(3);
    let lab = id(&account(1));
    let charge = Charge { amount: Usd::from_dollars(900.0), at: testbed.clock.now() };
    testbed.world.with(&lab, |account| account.charge = Some(charge));
    let limits = json!({ "instances": 4, "spendMonth": 500 });
    let machine =
        Machine::new(testbed, scaled(json!({ "defaults": { "limits": limits, "notify": ["cloud@example.edu"] } })));
    let accounts = machine.list().await;
    for operation in ["organizations:ListAccounts", "cloudwatch:"] {
        machine.testbed.world.fault(Fault::always(operation, FailureKind::Denied));
    }
    tokio::time::sleep(LONGER_THAN_A_LIST_IS_GOOD).await;
    let executions = machine.map(&accounts, |_| false).await;
    assert!(executions.iter().all(|one| one["Status"] == "SUCCEEDED"));
    assert_eq!(machine.states([lab.to_string()]).await, [Some(State::Halted)], "by what the list found it is charged");
    assert!(machine.add_up(&executions).await.sweep().unwrap().complete);
}

#[tokio::test(start_paused = true)]
async fn while_organizations_does_not_answer_the_workers_sweep_whoever_is_known() {
    let machine = Machine::new(larger(3), scaled(json!({})));
    machine.sweep().await;
    tokio::time::sleep(LONGER_THAN_A_LIST_IS_GOOD).await;
    machine.testbed.world.fault(Fault::always("organizations:ListAccounts", FailureKind::Unavailable));
    let report = machine.sweep().await;
    assert!(report.unlisted.is_some() && !report.complete);
    assert_eq!((report.totals.accounts, report.totals.unserved), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn the_brake_holds_over_all_workers_together() {
    let testbed = seeded();
    let labs: Vec<String> = (0..8).map(account).collect();
    for lab in &labs {
        testbed.world.add(&id(lab), SimAccount::new("lab", &REGIONS).running("us-east-1", 9, "m5.large"));
    }
    let brake = json!({ "brake": { "haltsPerHour": 3 }, "accounts": { PHYSICS: { "mode": "drill" } } });
    let machine = Machine::new(testbed, scaled(brake));
    machine.sweep().await;
    let of = |states: &[Option<State>], wanted| states.iter().filter(|state| **state == Some(wanted)).count();
    let states = machine.states(labs.clone()).await;
    assert_eq!((of(&states, State::Halted), of(&states, State::Frozen)), (3, 5), "{states:?}");
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    machine.sweep().await;
    assert_eq!(machine.metrics().waiting, 5);
    let states = machine.states(labs).await;
    assert_eq!(of(&states, State::Halted), 3, "while accounts wait for people no worker halts another: {states:?}");
}

#[tokio::test(start_paused = true)]
async fn purchases_are_frozen_no_faster_than_the_brake_lets_all_workers_together() {
    let testbed = seeded();
    let labs: Vec<String> = (0..8).map(account).collect();
    let at = testbed.clock.now() - SignedDuration::from_hours(1);
    for lab in &labs {
        testbed.world.add(&id(lab), SimAccount::new("lab", &REGIONS));
        testbed.ledger.purchases(&id(lab), at, Usd::from_dollars(5000.0));
    }
    let limits = json!({ "instances": 40, "purchases": 1000 });
    let defaults = json!({ "limits": limits, "notify": ["cloud@example.edu"] });
    let machine =
        Machine::new(testbed, scaled(json!({ "defaults": defaults, "cur": {}, "brake": { "haltsPerHour": 2 } })));
    for _ in 0..2 {
        machine.sweep().await;
        let states = machine.states(labs.clone()).await;
        let frozen = states.iter().filter(|state| **state == Some(State::Frozen)).count();
        assert_eq!(frozen, 2, "{states:?}");
        tokio::time::sleep(Duration::from_secs(300)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn workers_ask_the_policy_simulator_as_a_sweep_of_all_does() {
    let machine = Machine::new(larger(2), scaled(json!({})));
    machine.sweep().await;
    let records = machine.records().await;
    assert!(records.readable[&id(QUIET)].record.permissions.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_sum_reminds_of_who_is_still_contained() {
    let machine = Machine::new(seeded(), scaled(json!({})));
    machine.sweep().await;
    let reminders = || {
        let mails = machine.testbed.mailbox.mails();
        mails.into_iter().filter(|mail| mail.subject.contains("Still contained")).count()
    };
    assert_eq!(reminders(), 0);
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    machine.sweep().await;
    machine.sweep().await;
    assert_eq!(reminders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silenced_guard_lists_nobody_and_says_nothing() {
    let mut machine = Machine::new(seeded(), scaled(json!({})));
    machine.list().await;
    machine.ceiling = Mode::Pass;
    let answer = machine.ask(json!({ "sweep": SWEEP, "step": "list" })).await;
    assert!(matches!(&answer.report, Some(Report::List(list)) if list.accounts == 0), "{answer:?}");
    assert_eq!(machine.batch(&[PHYSICS]).await.report, None);
    assert_eq!(machine.ask(json!({ "sweep": SWEEP, "step": "summary" })).await.report, None);
    assert_eq!((machine.testbed.world.looks(), machine.testbed.metrics.sweeps()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn without_scale_in_the_policy_no_step_is_taken() {
    let machine = Machine::new(seeded(), policy(json!({})));
    let answer = machine.ask(json!({ "sweep": SWEEP, "step": "list" })).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("no \"scale\""), "{}", answer.body);
    assert_eq!(machine.testbed.world.looks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_makes_no_sense_is_refused() {
    let machine = Machine::new(seeded(), scaled(json!({})));
    machine.list().await;
    let elsewhere = |bucket: String, key: &str| json!({ "sweep": SWEEP, "step": "summary", "results": { "Bucket": bucket, "Key": key } });
    for (event, named) in [
        (json!({ "sweep": 7, "step": "list" }), "\"sweep\" is a number"),
        (json!({ "sweep": "../other", "step": "list" }), "\"sweep\" is \"../other\""),
        (json!({ "sweep": "", "step": "list" }), "\"sweep\""),
        (json!({ "sweep": SWEEP }), "\"step\" is null"),
        (json!({ "sweep": SWEEP, "step": "halt" }), "\"step\" is \"halt\""),
        (json!({ "sweep": SWEEP, "step": "batch" }), "a batch names its accounts"),
        (json!({ "sweep": SWEEP, "step": "batch", "accounts": [] }), "the list is empty"),
        (json!({ "sweep": SWEEP, "step": "summary", "results": "here" }), "\"results\" is a string"),
        (elsewhere("payer-reports".to_owned(), MANIFEST), "elsewhere"),
        (elsewhere(bucket(), "sweeps/other/results/run/manifest.json"), "elsewhere"),
    ] {
        let answer = machine.ask(event.clone()).await;
        assert_eq!(answer.status, 400, "{event}");
        assert!(answer.body.contains(named), "{event}: {}", answer.body);
    }
    let answer = machine.batch(&["999999999999", QUIET]).await;
    let batch = batch_of(&answer);
    assert_eq!((&batch.unserved, batch.counts.totals.accounts), (&vec![id("999999999999")], 2));
    assert!(machine.testbed.metrics.sweeps().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_cannot_hand_on_what_it_found_is_an_error() {
    let machine = Machine::new(seeded(), scaled(json!({})));
    machine.testbed.reports.fault(Fault::always("s3:PutObject", FailureKind::Denied));
    let answer = machine.ask(json!({ "sweep": SWEEP, "step": "list" })).await;
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(machine.batch(&[PHYSICS]).await.status, 500, "what the list found is not there");
    assert_eq!(machine.testbed.world.looks(), 0);
}

#[test]
fn a_workers_answer_fits_into_what_step_functions_carries() {
    let accounts: Vec<AccountId> = (0..1000).map(|number| id(&account(number))).collect();
    let counts = BatchCounts::default();
    let answer = Answer::batch("Swept.", BatchReport { unserved: accounts.clone(), accounts, counts });
    // As a string inside of JSON: each quote takes two bytes.
    let carried = serde_json::to_string(&serde_json::to_string(&answer).unwrap()).unwrap();
    assert!(carried.len() < 256 << 10, "{}", carried.len());
}
