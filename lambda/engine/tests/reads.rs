//! What of the table is read: for one account its own record and what there is once an organization, however many
//! accounts there are.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod events;

use std::time::Duration;

use common::{PAYER, PHYSICS, Scene, id, policy, report_of};
use events::{payload, records, running};
use runawaytrain_core::message::report::Answer;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{Clock, States};
use runawaytrain_testbed::{Life, SimAccount, Testbed};
use serde_json::{Value, json};

/// So many accounts besides the payer and the one of physics.
const OTHERS: u64 = 60;

fn other(number: u64) -> AccountId {
    id(&format!("5{number:011}"))
}

/// An organization that was swept once, and whose reports were read.
async fn swept(overrides: Value) -> Scene {
    let testbed = Testbed::new();
    let regions = ["us-east-1", "eu-west-1"];
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &regions));
    testbed.world.add(&id(PHYSICS), SimAccount::new("physics", &regions).running("us-east-1", 3, "t2.micro"));
    for number in 0..OTHERS {
        testbed.world.add(&other(number), SimAccount::new(&format!("lab {number}"), &regions));
        testbed.ledger.spent(&other(number), testbed.clock.now(), Usd::micros(7));
    }
    let scene = Scene::new(testbed, policy(overrides));
    assert_eq!(scene.tick().await.status, 200);
    scene
}

/// How many records of accounts, and hours of accounts, an event has read.
async fn read_by(scene: &Scene, event: Value) -> (usize, Answer) {
    // What is remembered of spend is old by then.
    tokio::time::sleep(Duration::from_secs(900)).await;
    let before = scene.testbed.ledger.reads();
    let answer = scene.send(event).await;
    (scene.testbed.ledger.reads() - before, answer)
}

fn launch(scene: &Scene, whose: &AccountId, number: usize) {
    scene.testbed.world.with(whose, |account| {
        (0..number).for_each(|_| drop(account.launch("eu-west-1", "t2.micro", Life::Running)));
    });
}

async fn state(scene: &Scene) -> State {
    scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record.state
}

#[tokio::test(start_paused = true)]
async fn what_is_about_one_account_reads_its_record_and_the_payers_whatever_else_there_is() {
    let events = [
        // Its own record is read before, too: whether another invocation contains it.
        (records([events::message("1", &running(PHYSICS))]), 3),
        (payload("spend-alarm"), 2),
        (json!({ "action": "proceed", "accounts": [PHYSICS] }), 2),
        (json!({ "action": "drill", "accounts": [PHYSICS] }), 2),
    ];
    for (event, wanted) in events {
        let scene = swept(json!({})).await;
        let (read, answer) = read_by(&scene, event.clone()).await;
        assert_eq!((answer.status, read), (200, wanted), "{event}: {}", answer.body);
        assert_eq!(report_of(&answer, PHYSICS).instances.counted, 3);
    }
    let scene = swept(json!({})).await;
    let (read, _) = read_by(&scene, json!({})).await;
    assert!(read > 2 * OTHERS as usize, "a sweep of all reads every record and everybody's hours: {read}");
}

#[tokio::test(start_paused = true)]
async fn a_halt_of_one_account_reads_who_is_frozen_besides_and_a_release_its_own_record_alone() {
    let scene = swept(json!({})).await;
    launch(&scene, &id(PHYSICS), 6);
    let (read, answer) = read_by(&scene, records([events::message("1", &running(PHYSICS))])).await;
    assert_eq!(state(&scene).await, State::Halted, "{}", answer.body);
    assert!(read < 10, "{read}");
    let (read, answer) = read_by(&scene, json!({ "action": "release", "account": PHYSICS, "start": true })).await;
    assert_eq!((answer.status, state(&scene).await), (200, State::Released), "{}", answer.body);
    assert!(read < 10, "{read}");
    let (read, _) = read_by(&scene, json!({ "action": "halt", "account": PHYSICS, "reason": "keys on a page" })).await;
    assert_eq!(state(&scene).await, State::Halted);
    assert!(read < 10, "{read}");
}

#[tokio::test(start_paused = true)]
async fn a_brake_that_holds_for_others_holds_for_a_launch_that_reads_its_own_record_alone() {
    let scene = swept(json!({ "brake": { "haltsPerHour": 1 } })).await;
    for number in 0..2 {
        launch(&scene, &other(number), 9);
    }
    scene.tick().await;
    let known = scene.testbed.ledger.load_all().await.unwrap();
    let standing = |number| known.readable.get(&other(number)).unwrap().record.state;
    assert!([State::Halted, State::Frozen].iter().all(|state| (0..2).any(|number| standing(number) == *state)));
    // Two hours later a slot is free again, and still one of them waits for people.
    tokio::time::sleep(Duration::from_secs(7200)).await;
    launch(&scene, &id(PHYSICS), 6);
    let (read, answer) = read_by(&scene, records([events::message("1", &running(PHYSICS))])).await;
    assert_eq!(state(&scene).await, State::Frozen, "{}", answer.body);
    assert!(read < 10, "{read}");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_refused_us_is_judged_by_how_many_others_do() {
    let scene = swept(json!({})).await;
    for account in (0..9).map(other).chain([id(PHYSICS)]) {
        scene.testbed.world.with(&account, |account| account.enrolled = false);
    }
    scene.tick().await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    let (read, answer) = read_by(&scene, json!({ "action": "proceed", "accounts": [PHYSICS] })).await;
    assert!(read > OTHERS as usize, "it depends on all of them: {read}");
    assert_eq!(state(&scene).await, State::Ok, "so many at once are our own fault: {}", answer.body);
}
