//! From RunInstances to the first stop, in virtual time: over both buses, the queue, the start of the function, the look
//! and the decision. By the events of pending instances that takes ten seconds at the most; where they are lost, the
//! next sweep of the schedule finds what was launched.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod events;

use std::cell::Cell;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{PAYER, PHYSICS, QUIET, REGIONS, Scene, id, policy};
use events::{payload, running};
use futures::future::join_all;
use proptest::prelude::*;
use runawaytrain_core::contract::FUNCTION_TIMEOUT;
use runawaytrain_core::resource::{Action, instances};
use runawaytrain_engine::deadline::{Deadline, Invocation};
use runawaytrain_testbed::delivery::{BUS_WITHIN, Delivery, TOLD_WITHIN, TRAIL_WITHIN};
use runawaytrain_testbed::{Batch, COLD_START, LONG_POLL, LaunchQueue, Life, POLL, QueueSettings, SimAccount, Testbed};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

/// From RunInstances to the first stop, by the event of a pending instance.
const PROMISE: Duration = Duration::from_secs(10);
/// The limit of the tests' policy.
const LIMIT: usize = 4;
/// How long a call takes at the most, its connection and the account's session counted in: over the ocean, cold.
const SLOW_CALL: Duration = Duration::from_millis(400);

fn organization(running: usize) -> Testbed {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    for (account, name) in [(PHYSICS, "physics"), (QUIET, "quiet")] {
        let running = u32::try_from(running).unwrap();
        testbed.world.add(&id(account), SimAccount::new(name, &REGIONS).running("us-east-1", running, "t2.micro"));
    }
    testbed
}

/// The function, invoked in an execution environment of its own each time: nothing is remembered but in the table.
struct Function<'a> {
    testbed: &'a Testbed,
    number: Cell<u32>,
}

impl<'a> Function<'a> {
    fn of(testbed: &'a Testbed) -> Self {
        Self { testbed, number: Cell::new(0) }
    }

    async fn invoke(&self, event: Value) -> Option<Value> {
        self.number.set(self.number.get() + 1);
        self.testbed.world.forget();
        let guard = Scene::new(self.testbed.clone(), policy(json!({}))).guard;
        let id = format!("invocation-{}", self.number.get());
        let answer = guard.handle(&event, &Invocation { id, deadline: Deadline::within(FUNCTION_TIMEOUT) }).await;
        (answer.status < 500).then(|| serde_json::to_value(answer).unwrap())
    }
}

fn pending(account: &str) -> Value {
    let mut event = running(account);
    event["detail"]["state"] = "pending".into();
    event
}

fn called(account: &str) -> Value {
    let mut event = payload("launch-run-instances");
    event["account"] = account.into();
    event
}

/// When the first stop of an account was asked for.
fn first_stop(testbed: &Testbed, account: &str) -> Option<Duration> {
    let stops = |action: &Action| matches!(action, Action::Instances(instances::Action::StopInstances { .. }));
    let calls = testbed.world.calls();
    calls.into_iter().find(|call| call.account == id(account) && stops(&call.action)).map(|call| call.after)
}

/// A launch in an account: when, how many instances, and what becomes of the word of it.
#[derive(Debug, Clone)]
struct Launch {
    account: &'static str,
    at: Duration,
    instances: usize,
    /// How long they are pending.
    pends: Duration,
    pending: Delivery,
    running: Delivery,
    called: Delivery,
}

/// What is drawn.
#[derive(Debug, Clone)]
struct Story {
    running: usize,
    launches: Vec<Launch>,
    /// When the schedule sweeps for the first time.
    tick: Duration,
    latency: Duration,
}

fn up_to(most: Duration) -> impl Strategy<Value = Duration> {
    (0..=u64::try_from(most.as_millis()).unwrap()).prop_map(Duration::from_millis)
}

/// Two of five events are lost, some of the others come twice or three times, and each part of the way takes what it
/// may.
fn delivery(told: Duration) -> impl Strategy<Value = Delivery> {
    let copies = prop_oneof![2 => Just(0u32), 2 => Just(1), 1 => 2..=3u32];
    (up_to(told), up_to(BUS_WITHIN), up_to(BUS_WITHIN), copies).prop_map(|(told, one, other, copies)| Delivery {
        told,
        buses: [one, other],
        copies,
    })
}

fn launch() -> impl Strategy<Value = Launch> {
    let account = prop_oneof![Just(PHYSICS), Just(QUIET)];
    (
        account,
        up_to(Duration::from_secs(90)),
        1..=4usize,
        up_to(Duration::from_secs(20)),
        delivery(TOLD_WITHIN),
        delivery(TOLD_WITHIN),
        delivery(TRAIL_WITHIN),
    )
        .prop_map(|(account, at, instances, pends, pending, running, called)| Launch {
            account,
            at,
            instances,
            pends,
            pending,
            running,
            called,
        })
}

fn story() -> impl Strategy<Value = Story> {
    let launches = proptest::collection::vec(launch(), 1..=6);
    (0..=LIMIT, launches, up_to(schedule()), 20..=u64::try_from(SLOW_CALL.as_millis()).unwrap()).prop_map(
        |(running, mut launches, tick, latency)| {
            launches.sort_by_key(|launch| launch.at);
            Story { running, launches, tick, latency: Duration::from_millis(latency) }
        },
    )
}

/// How often the schedule sweeps.
fn schedule() -> Duration {
    Duration::from_secs(60 * u64::from(policy(json!({})).document().schedule.minutes()))
}

impl Story {
    /// Plays it to its end: two ticks after the last launch.
    async fn play(&self) -> (Testbed, LaunchQueue) {
        let testbed = organization(self.running);
        testbed.world.with_latency(self.latency);
        let queue = LaunchQueue::new(&id(PAYER), QueueSettings::default());
        let function = Function::of(&testbed);
        let began = Instant::now();
        let end = began + Duration::from_secs(90) + TRAIL_WITHIN + 3 * schedule();
        let thief = join_all(self.launches.iter().map(async |launch| {
            sleep(launch.at).await;
            let runs = Life::Pending(Instant::now() + launch.pends);
            testbed.world.with(&id(launch.account), |account| {
                (0..launch.instances).for_each(|_| drop(account.launch("eu-west-1", "p3.2xlarge", runs)));
            });
            let (pending, running) = (pending(launch.account).to_string(), running(launch.account).to_string());
            let called = called(launch.account).to_string();
            tokio::join!(
                launch.pending.deliver(&pending, &queue),
                async {
                    sleep(launch.pends).await;
                    launch.running.deliver(&running, &queue).await;
                },
                launch.called.deliver(&called, &queue),
            );
        }));
        let ticks = async {
            let mut tick = began + self.tick;
            while tick < end {
                sleep_until(tick).await;
                function.invoke(json!({})).await;
                tick += schedule();
            }
        };
        let story = async {
            tokio::join!(thief, ticks);
            sleep_until(end).await;
        };
        tokio::select! {
            () = queue.run(async |event| function.invoke(event).await) => unreachable!("it polls for ever"),
            () = story => {}
        }
        (testbed, queue)
    }

    /// When an account comes to run more than it may.
    fn passes_the_limit(&self, account: &str) -> Option<Duration> {
        let mut running = self.running;
        let of_it = self.launches.iter().filter(|launch| launch.account == account);
        let mut passed = of_it.filter(|launch| {
            running += launch.instances;
            running > LIMIT
        });
        passed.next().map(|launch| launch.at)
    }

    /// Until when the first stop is promised: ten seconds after the first launch past the limit of whose pending
    /// instances a word arrives, or after its instances run, where that is told; and after the next tick at the latest.
    fn promised(&self, account: &str, passed: Duration) -> Duration {
        let past = self.launches.iter().filter(|launch| launch.account == account && launch.at >= passed);
        let told = past.flat_map(|launch| {
            let pending = (launch.pending.copies > 0).then_some(launch.at);
            let running = (launch.running.copies > 0).then_some(launch.at + launch.pends);
            pending.into_iter().chain(running)
        });
        let mut tick = self.tick;
        while tick < passed {
            tick += schedule();
        }
        told.chain([tick]).min().unwrap() + PROMISE
    }
}

/// 1,000 cases in the suite; `PROPTEST_CASES=100000 cargo test -p runawaytrain-engine --test detection` for a longer
/// run.
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}

fn in_virtual_time<T>(scenario: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(scenario)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_first_stop_comes_within_ten_seconds_of_a_launch_that_is_told_and_else_with_the_next_sweep(story in story()) {
        in_virtual_time(async {
            let (testbed, queue) = story.play().await;
            for account in [PHYSICS, QUIET] {
                let stop = first_stop(&testbed, account);
                match story.passes_the_limit(account) {
                    Some(passed) => {
                        let promised = story.promised(account, passed);
                        prop_assert!(stop.is_some_and(|stop| stop >= passed), "never stopped: {stop:?}");
                        prop_assert!(stop <= Some(promised), "past the limit at {passed:?}, stopped at {stop:?}");
                        let billable = testbed.world.with(&id(account), |known| known.billable().count());
                        prop_assert_eq!(billable, 0, "something was lost");
                    }
                    None => prop_assert_eq!(stop, None, "within the limit"),
                }
            }
            prop_assert_eq!((queue.is_empty(), queue.dead()), (true, 0));
            Ok(())
        })?;
    }
}

/// What one launch past the limit came to: its only event takes as long as it may, and so does each call.
struct Detection {
    batch: Batch,
    launched: Instant,
    looked: Duration,
    decided: Duration,
    stopped: Duration,
}

async fn detection(settings: QueueSettings) -> Detection {
    let testbed = organization(LIMIT);
    testbed.world.with_latency(SLOW_CALL);
    let queue = LaunchQueue::new(&id(PAYER), settings);
    let function = Function::of(&testbed);
    let clock = Arc::clone(&testbed.clock);
    let looks = Arc::new(Mutex::new(Vec::new()));
    let (seen, at) = (Arc::clone(&looks), Arc::clone(&clock));
    testbed.world.after_reads(move |operation, _, _| seen.lock().unwrap().push((operation.to_owned(), at.elapsed())));
    // In the middle of a long poll in which nothing came.
    sleep(Duration::from_secs(7)).await;
    let began = clock.elapsed();
    let launched = Instant::now();
    testbed.world.with(&id(PHYSICS), |account| account.launch("eu-west-1", "p5.48xlarge", Life::starting()));
    let event = pending(PHYSICS).to_string();
    let story = async {
        Delivery::slowest().deliver(&event, &queue).await;
        while first_stop(&testbed, PHYSICS).is_none() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = queue.run(async |event| function.invoke(event).await) => unreachable!("it polls for ever"),
        () = story => {}
    }
    let looks = looks.lock().unwrap().clone();
    let last = |operation: &str| looks.iter().filter(|(known, _)| known == operation).map(|(_, at)| *at).min().unwrap();
    Detection {
        batch: queue.batches()[0],
        launched,
        looked: last("ec2:DescribeRegions") - began,
        decided: last("ec2:DescribeInstances") - began,
        stopped: first_stop(&testbed, PHYSICS).unwrap() - began,
    }
}

const BEGIN: &str =
    "<!-- detection: made by `UPDATE_GENERATED=1 cargo test -p runawaytrain-engine --test detection` -->\n";
const END: &str = "<!-- detection: end -->\n";

#[tokio::test(start_paused = true)]
async fn the_parts_of_a_detection_are_as_the_documentation_says() {
    let found = detection(QueueSettings::default()).await;
    let Detection { batch, launched, looked, decided, stopped } = found;
    let since = |at: Instant| at - launched;
    assert!(batch.gathered - batch.sent <= POLL, "nothing is gathered");
    let parts = [
        ("EC2 tells of the pending instance", TOLD_WITHIN),
        ("the account's bus and the payer's hand it on", since(batch.sent) - TOLD_WITHIN),
        ("the event source mapping polls; nothing is gathered", batch.gathered - batch.sent),
        ("Lambda starts the function", batch.began - batch.gathered),
        ("the list of accounts and the account's regions", looked - since(batch.began)),
        ("the look into the regions", decided - looked),
        ("the decision, the lease and the journal, until the first stop is asked for", stopped - decided),
    ];
    let sum: Duration = parts.iter().map(|(_, part)| *part).sum();
    assert_eq!(sum, stopped, "no part is left out");
    assert!(stopped <= PROMISE, "{stopped:?}");
    assert_eq!((batch.began - batch.gathered, since(batch.sent)), (COLD_START, TOLD_WITHIN + 2 * BUS_WITHIN));
    let seconds = |part: Duration| format!("{:.1} s", part.as_secs_f64());
    let rows = parts.iter().map(|(what, part)| format!("| {what} | {} |\n", seconds(*part))).collect::<String>();
    let left = format!("| left for what is slower | {} |\n", seconds(PROMISE - stopped));
    let table = format!(
        "| from RunInstances on | at the most |\n|---|---|\n{rows}| to the first stop | {} |\n{left}",
        seconds(stopped)
    );
    hold("docs/scale.md", &table);
}

/// Compares what stands between the marks with what was found, or writes it.
fn hold(file: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    let made = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == made,
        "{file} does not say what was found. Run: \
         UPDATE_GENERATED=1 cargo test -p runawaytrain-engine --test detection\n{table}"
    );
}

/// Why launches are not gathered: in a queue with one message Lambda may wait for more of them until a second poll has
/// ended in vain, however short the window.
#[tokio::test(start_paused = true)]
async fn any_window_in_which_launches_are_gathered_would_break_the_promise() {
    for seconds in [1, 5] {
        let window = Duration::from_secs(seconds);
        let found = detection(QueueSettings { window, batch: 1000, ..QueueSettings::default() }).await;
        assert!(found.batch.gathered - found.batch.sent >= LONG_POLL, "{:?}", found.batch);
        assert!(found.stopped > PROMISE, "{:?}", found.stopped);
    }
}
