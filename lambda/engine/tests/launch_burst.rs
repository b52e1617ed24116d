//! Bursts of launches through a simulated queue, in virtual time: few invocations, and no launch missed.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod events;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use common::{PAYER, PHYSICS, REGIONS, Scene, id, policy};
use events::running;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::InstanceId;
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::deadline::Invocation;
use runawaytrain_testbed::{Fault, LaunchQueue, Life, QueueSettings, SimAccount, Testbed};
use serde_json::{Value, json};
use tokio::time::sleep;

/// The function's timeout.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);
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

/// The function as the Lambda's `main` wires it: an answer of 500 or more is an error of the invocation.
async fn invoke(scene: &Scene, number: &Cell<u32>, event: Value) -> Option<Value> {
    number.set(number.get() + 1);
    let invocation = Invocation { id: format!("launches-{}", number.get()), deadline: Deadline::within(TIMEOUT) };
    let answer = scene.guard.handle(&event, &invocation).await;
    (answer.status < 500).then(|| serde_json::to_value(answer).unwrap())
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
    let number = Cell::new(0);
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
        () = queue.run(async |event| invoke(&scene, &number, event).await) => unreachable!("it polls for ever"),
        (last, ()) = async { tokio::join!(thief, word) } => last,
    };
    let batches = queue.batches();
    assert!((2..=5).contains(&batches.len()), "{batches:#?}");
    assert_eq!((batches.iter().map(|batch| batch.messages).sum::<usize>(), queue.dead()), (1000, 0), "{batches:#?}");
    assert_eq!((scene.billable(PHYSICS), life_of(&scene, &last)), (0, Life::Stopped));
    assert_eq!((scene.mails("HALT"), scene.mails("Halted")), (1, 1), "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_arrives_during_a_sweep_causes_exactly_one_more_after_it() {
    // Within the limit by one, until a last launch comes the moment after the first sweep has looked at every region.
    let scene = Scene::new(lab(3), policy(json!({})));
    let queue = Arc::new(LaunchQueue::new(&id(PAYER), QueueSettings::default()));
    let number = Cell::new(0);
    let (seen, word) = (Arc::new(std::sync::Mutex::new(None)), Arc::clone(&queue));
    let last = Arc::clone(&seen);
    let mut looks = 0;
    scene.testbed.world.after_reads(move |operation, account, known| {
        looks += usize::from(operation == "ec2:DescribeInstances" && *account == id(PHYSICS));
        if looks == REGIONS.len() && last.lock().unwrap().is_none() {
            *last.lock().unwrap() = Some(known.launch("us-east-1", "p3.2xlarge", Life::Running));
            (0..100).for_each(|_| word.send(running(PHYSICS).to_string()));
        }
    });
    let first =
        scene.testbed.world.with(&id(PHYSICS), |account| account.launch("us-east-1", "p3.2xlarge", Life::Running));
    queue.send(running(PHYSICS).to_string());
    tokio::select! {
        () = queue.run(async |event| invoke(&scene, &number, event).await) => unreachable!("it polls for ever"),
        () = drained(&queue) => {}
    }
    let last = seen.lock().unwrap().clone().expect("launched");
    let batches = queue.batches();
    assert_eq!(batches.iter().map(|batch| (batch.messages, batch.returned)).collect::<Vec<_>>(), [(1, 0), (100, 0)]);
    assert_eq!((life_of(&scene, &first), life_of(&scene, &last)), (Life::Stopped, Life::Stopped));
    assert_eq!(scene.mails("HALT"), 1);
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
    let number = Cell::new(0);
    let story = async {
        for account in &resisting {
            queue.send(running(account).to_string());
            // Longer than messages are gathered: each has an invocation of its own.
            sleep(Duration::from_secs(7)).await;
        }
        scene.testbed.world.with(&id(PHYSICS), |account| {
            (0..6).for_each(|_| drop(account.launch("eu-west-1", "p3.2xlarge", Life::Running)));
        });
        queue.send(running(PHYSICS).to_string());
        let launched = scene.testbed.clock.elapsed();
        while scene.billable(PHYSICS) > 0 && scene.testbed.clock.elapsed() < TIMEOUT {
            sleep(Duration::from_secs(1)).await;
        }
        scene.testbed.clock.elapsed() - launched
    };
    let took = tokio::select! {
        () = queue.run(async |event| invoke(&scene, &number, event).await) => unreachable!("it polls for ever"),
        took = story => took,
    };
    let at_work = queue.batches().iter().filter(|batch| batch.ended.is_none()).count();
    println!("stopped {took:?} after the launch, beside {at_work} invocations");
    assert!(at_work as u64 >= RESISTING, "only {at_work} invocations are at work");
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn launches_of_a_function_that_fails_come_back_until_they_are_judged() {
    let scene = Scene::new(lab(9), policy(json!({})));
    let queue = LaunchQueue::new(&id(PAYER), QueueSettings::default());
    let number = Cell::new(0);
    (0..10).for_each(|_| queue.send(running(PHYSICS).to_string()));
    queue.send("not an event");
    tokio::select! {
        // The first invocation dies before it answers.
        () = queue.run(async |event| if number.get() == 0 { number.set(1); None } else { invoke(&scene, &number, event).await }) => unreachable!("it polls for ever"),
        () = drained(&queue) => {}
    }
    assert_eq!(
        queue.batches().iter().map(|batch| (batch.messages, batch.returned)).collect::<Vec<_>>(),
        [(11, 11), (11, 0)]
    );
    assert_eq!((queue.dead(), scene.billable(PHYSICS)), (0, 0));
}
