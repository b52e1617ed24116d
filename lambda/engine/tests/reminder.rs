//! The daily mail about accounts that are still contained: who gets it, and which invocation sends it.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PHYSICS, Scene, policy, seeded};
use runawaytrain_core::decision::since_midnight;
use runawaytrain_core::policy::NotifyList;
use runawaytrain_engine::ports::Clock as _;
use serde_json::json;

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
const REMINDER: &str = "Still contained";

#[tokio::test(start_paused = true)]
async fn the_reminder_goes_to_the_payers_list_with_the_first_sweep_of_all_accounts_in_a_day() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    tokio::time::sleep(A_DAY).await;
    for event in [
        json!({ "action": "drill" }),
        json!({ "action": "status" }),
        json!({ "action": "proceed", "accounts": [PHYSICS] }),
    ] {
        scene.send(event).await;
        assert_eq!(scene.mails(REMINDER), 0);
    }
    let answer = scene.send(json!({})).await;
    assert_eq!(scene.mails(REMINDER), 1, "{:?}", scene.subjects());
    assert_eq!(answer.sweep().unwrap().notices.sent, 1);
    let mails = scene.testbed.mailbox.mails();
    let mail = mails.iter().find(|mail| mail.subject.contains(REMINDER)).unwrap();
    assert_eq!(mail.list, NotifyList::Default, "of physics as well, which has a list of its own");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_at_midnight_sharp_reminds_for_the_whole_day() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    let left = A_DAY - since_midnight(scene.testbed.clock.now()).unsigned_abs();
    tokio::time::sleep(left).await;
    assert_eq!(since_midnight(scene.testbed.clock.now()).as_millis(), 0);
    scene.send(json!({})).await;
    scene.tick().await;
    assert_eq!(scene.mails(REMINDER), 1, "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn two_sweeps_at_once_send_one_reminder() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    tokio::time::sleep(A_DAY).await;
    tokio::join!(scene.send(json!({})), scene.send(json!({})));
    assert_eq!(scene.mails(REMINDER), 1, "{:?}", scene.subjects());
}
