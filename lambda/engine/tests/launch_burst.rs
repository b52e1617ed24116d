//! Bursts of launches through a simulated queue, in virtual time: few sweeps, and no launch missed.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod events;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use common::{PAYER, PHYSICS, REGIONS, Scene, id, policy};
use events::running;
use runawaytrain_core::contract::FUNCTION_TIMEOUT;
use runawaytrain_core::message::report::Answer;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::InstanceId;
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::deadline::Invocation;
use runawaytrain_testbed::{Fault, LaunchQueue, Life, QueueSettings, SimAccount, Testbed};
use serde_json::{Value, json};
use tokio::time::sleep;

/// From a launch to its event in the queue: the instance comes to run, and EventBridge carries the word.
const WORD: Duration = Duration::from_secs(9);

fn lab(instances: u32) -> Testbed {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    testbed.world.add(
        &id(PHYSICS),
        SimAccount::new("physics", &REGIONS).running("us-east-1", instances, "t2.micro").user("alice", 1, true),
    );
    testbed
}

fn life_of(scene: &Scene, instance: &InstanceId) -> Life {
    scene.testbed.world.with(&id(PHYSICS), |account| account.instance(instance).unwrap().life)
}

/// The function as the Lambda's `main` wires it, and what it has answered.
#[derive(Default)]
struct Invocations {
    number: Cell<u32>,
    answers: RefCell<Vec<Answer>>,
}

impl Invocations {
    /// An answer of 500 or more is an error of the invocation.
    async fn invoke(&self, scene: &Scene, event: Value) -> Option<Value> {
        self.number.set(self.number.get() + 1);
        let id = format!("launches-{}", self.number.get());
        let invocation = Invocation { id, deadline: Deadline::within(FUNCTION_TIMEOUT) };
        let answer = scene.guard.handle(&event, &invocation).await;
        self.answers.borrow_mut().push(answer.clone());
        (answer.status < 500).then(|| serde_json::to_value(answer).unwrap())
    }

    /// How many of them looked into the account.
    fn sweeps(&self) -> usize {
        let is_of_it = |answer: &&Answer| {
            answer.sweep().is_some_and(|report| report.accounts.iter().any(|account| account.account == id(PHYSICS)))
        };
        self.answers.borrow().iter().filter(is_of_it).count()
    }
}

/// Waits until the queue is empty.
async fn drained(queue: &LaunchQueue) {
    while !queue.is_empty() {
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_a_thousand_launches_is_a_handful_of_sweeps_and_the_last_is_stopped() {
    const LAUNCHES: u64 = 1000;
    const APART: Duration = Duration::from_millis(20);
    let scene = Scene::new(lab(0), policy(json!({})));
    let queue = LaunchQueue::new(&id(PAYER), QueueSettings::default());
    let function = Invocations::default();
    let thief = async {
        let mut last = None;
        for _ in 0..LAUNCHES {
            last = Some(
                scene
                    .testbed
                    .world
                    .with(&id(PHYSICS), |account| account.launch("eu-west-1", "p3.2xlarge", Life::starting())),
            );
            sleep(APART).await;
        }
        last.unwrap()
    };
    let word = async {
        sleep(WORD).await;
        for _ in 0..LAUNCHES {
            queue.send(running(PHYSICS).to_string());
            sleep(APART).await;
        }
        let done = scene.testbed.clock.elapsed();
        drained(&queue).await;
        assert!(
            scene.testbed.clock.elapsed() - done < Duration::from_secs(60),
            "the last launch does not wait for a tick"
        );
    };
    let last = tokio::select! {
        () = queue.run(async |event| function.invoke(&scene, event).await) => unreachable!("it polls for ever"),
        (last, ()) = async { tokio::join!(thief, word) } => last,
    };
    let batches = queue.batches();
    let sweeps = function.sweeps();
    println!("{} invocations, {sweeps} sweeps", batches.len());
    assert!((2..=20).contains(&sweeps), "{sweeps} sweeps of {} invocations", batches.len());
    assert_eq!((batches.iter().map(|batch| batch.messages).sum::<usize>(), queue.dead()), (1000, 0), "{batches:#?}");
    assert_eq!((scene.billable(PHYSICS), life_of(&scene, &last)), (0, Life::Stopped));
    assert_eq!((scene.mails("HALT"), scene.mails("Halted")), (1, 1), "{:?}", scene.subjects());
}

/// A hundred launches come in while the account is contained. One invocation waits for the end and looks once more, and
/// that finds the last of them; none of the others waits, or looks.
#[tokio::test(start_paused = true)]
async fn launches_that_arrive_during_a_containment_cause_exactly_one_more_sweep_after_it() {
    let scene = Scene::new(lab(9), policy(json!({})));
    let queue = Arc::new(LaunchQueue::new(&id(PAYER), QueueSettings::default()));
    let function = Invocations::default();
    queue.send(running(PHYSICS).to_string());
    let story = async {
        while scene.billable(PHYSICS) > 0 {
            sleep(Duration::from_millis(500)).await;
        }
        sleep(Duration::from_secs(5)).await;
        (0..100).for_each(|_| queue.send(running(PHYSICS).to_string()));
        drained(&queue).await;
    };
    tokio::select! {
        () = queue.run(async |event| function.invoke(&scene, event).await) => unreachable!("it polls for ever"),
        () = story => {}
    }
    let batches = queue.batches();
    let halt_ended = batches[0].ended.unwrap();
    assert!(batches[1..].iter().all(|batch| batch.began < halt_ended), "{batches:#?}");
    let waited = batches[1..].iter().filter(|batch| batch.ended.unwrap() >= halt_ended).count();
    assert_eq!((batches.len(), waited, function.sweeps()), (11, 1, 2), "{batches:#?}");
    assert_eq!((scene.mails("HALT"), queue.dead()), (1, 0));
}

/// The moment after the last look of a containment somebody launches once more. That launch is told while the account is
/// still held, and many more with it.
#[tokio::test(start_paused = true)]
async fn a_launch_after_the_last_look_of_a_containment_is_found_by_the_one_that_waited() {
    let scene = Scene::new(lab(9), policy(json!({})));
    let queue = Arc::new(LaunchQueue::new(&id(PAYER), QueueSettings::default()));
    let function = Invocations::default();
    let (seen, word) = (Arc::new(std::sync::Mutex::new(None)), Arc::clone(&queue));
    let last = Arc::clone(&seen);
    let mut clean = 0;
    scene.testbed.world.after_reads(move |operation, account, known| {
        let is_clean = known.billable().count() == 0;
        clean += usize::from(operation == "ec2:DescribeInstances" && *account == id(PHYSICS) && is_clean);
        if clean == 2 * REGIONS.len() && last.lock().unwrap().is_none() {
            *last.lock().unwrap() = Some(known.launch("us-east-1", "p3.2xlarge", Life::Running));
            (0..100).for_each(|_| word.send(running(PHYSICS).to_string()));
        }
    });
    queue.send(running(PHYSICS).to_string());
    let story = async {
        while seen.lock().unwrap().is_none() {
            sleep(Duration::from_secs(1)).await;
        }
        drained(&queue).await;
    };
    tokio::select! {
        () = queue.run(async |event| function.invoke(&scene, event).await) => unreachable!("it polls for ever"),
        () = story => {}
    }
    let last = seen.lock().unwrap().clone().expect("launched");
    assert_eq!((life_of(&scene, &last), queue.dead()), (Life::Stopped, 0), "{:#?}", queue.batches());
}

/// Ten accounts resist: in each of them somebody uses up the quota of stops, so each of their halts goes on for
/// minutes, and each holds an invocation. The launches of an eleventh account are dealt with all the same.
#[tokio::test(start_paused = true)]
async fn halts_that_take_long_do_not_hold_up_the_launches_of_others() {
    const RESISTING: u64 = 10;
    let testbed = lab(3);
    let resisting: Vec<String> = (0..RESISTING).map(|number| format!("5{number:011}")).collect();
    for account in &resisting {
        testbed.world.add(&id(account), SimAccount::new("lab", &REGIONS).running("us-east-1", 9, "t2.micro"));
        testbed.world.fault(Fault::always("ec2:StopInstances", FailureKind::Throttled).in_account(&id(account)));
    }
    // One more than the default, so that the eleventh is halted too and not only frozen.
    let scene = Scene::new(testbed, policy(json!({ "brake": { "haltsPerHour": RESISTING + 1 } })));
    let queue = LaunchQueue::new(&id(PAYER), QueueSettings::default());
    let function = Invocations::default();
    let story = async {
        for account in &resisting {
            queue.send(running(account).to_string());
            sleep(Duration::from_secs(3)).await;
            // EC2 tells of each launch more than once, and a thief launches on: somebody waits behind each halt.
            (0..50).for_each(|_| queue.send(running(account).to_string()));
            sleep(Duration::from_secs(4)).await;
        }
        scene.testbed.world.with(&id(PHYSICS), |account| {
            (0..6).for_each(|_| drop(account.launch("eu-west-1", "p3.2xlarge", Life::Running)));
        });
        queue.send(running(PHYSICS).to_string());
        let launched = scene.testbed.clock.elapsed();
        while scene.billable(PHYSICS) > 0 && scene.testbed.clock.elapsed() < FUNCTION_TIMEOUT {
            sleep(Duration::from_secs(1)).await;
        }
        scene.testbed.clock.elapsed() - launched
    };
    let took = tokio::select! {
        () = queue.run(async |event| function.invoke(&scene, event).await) => unreachable!("it polls for ever"),
        took = story => took,
    };
    let at_work = queue.batches().iter().filter(|batch| batch.ended.is_none()).count();
    println!("stopped {took:?} after the launch, beside {at_work} invocations");
    assert!(at_work as u64 >= RESISTING, "only {at_work} invocations are at work");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn launches_of_a_function_that_fails_come_back_until_they_are_judged() {
    let scene = Scene::new(lab(9), policy(json!({})));
    let queue = LaunchQueue::new(&id(PAYER), QueueSettings::default());
    let function = Invocations::default();
    let died = Cell::new(false);
    (0..9).for_each(|_| queue.send(running(PHYSICS).to_string()));
    queue.send("not an event");
    tokio::select! {
        // The first invocation dies before it answers.
        () = queue.run(async |event| if died.replace(true) { function.invoke(&scene, event).await } else { None }) => unreachable!("it polls for ever"),
        () = drained(&queue) => {}
    }
    assert_eq!(
        queue.batches().iter().map(|batch| (batch.messages, batch.returned)).collect::<Vec<_>>(),
        [(10, 10), (10, 0)]
    );
    assert_eq!((queue.dead(), scene.billable(PHYSICS)), (0, 0));
}
