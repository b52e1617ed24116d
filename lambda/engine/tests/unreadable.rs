//! An account of which no record can be read: a later version wrote it, or it is damaged.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use common::{PHYSICS, QUIET, Scene, id, policy, report_of, seeded};
use runawaytrain_core::message::report::Report;
use runawaytrain_core::record::State;
use runawaytrain_core::verdict::Judgement;
use runawaytrain_engine::ports::States;
use serde_json::json;

fn is_frozen(scene: &Scene, account: &str) -> bool {
    scene.testbed.world.with(&id(account), |known| *known.quarantine.written())
}

fn beats(scene: &Scene) -> usize {
    scene.testbed.metrics.sweeps().iter().filter(|sweep| sweep.complete).count()
}

/// A guard that has swept once, within the limits, and finds physics past them and its record unreadable.
async fn set_back() -> Scene {
    let scene = Scene::new(seeded(), policy(json!({ "accounts": { PHYSICS: { "limits": { "instances": 4 } } } })));
    scene.testbed.world.with(&id(PHYSICS), |account| account.regions.values_mut().for_each(|of| of.instances.clear()));
    scene.send(json!({})).await;
    scene.testbed.ledger.garble(&id(PHYSICS), true);
    scene
}

fn overrun(scene: &Scene) {
    scene.testbed.world.with(&id(PHYSICS), |account| {
        *account = account.clone().running("us-west-2", 9, "t2.micro");
    });
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_record_cannot_be_read_is_looked_at_frozen_past_its_limit_and_told_of() {
    let scene = set_back().await;
    let before = beats(&scene);
    let answer = scene.tick().await;
    let report = report_of(&answer, PHYSICS);
    assert!(report.error.as_ref().is_some_and(|error| error.contains("its record cannot be read")), "{report:?}");
    assert_eq!((report.state, report.verdict), (Some(State::Ok), Some(Judgement::Ok)), "it is looked at");
    assert_eq!(scene.mails("Unreadable record of physics 111111111111: not guarded"), 1, "{:?}", scene.subjects());
    assert!(!is_frozen(&scene, PHYSICS), "it is within its limits");
    assert_eq!(beats(&scene), before, "an account that cannot be halted is not guarded");

    overrun(&scene);
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, PHYSICS).verdict, Some(Judgement::Halt));
    assert!(is_frozen(&scene, PHYSICS));
    assert_eq!(scene.billable(PHYSICS), 9, "what is not written down cannot be undone, so it is not done");
    assert_eq!(scene.mails("Unreadable"), 1, "told a moment ago");
    let calls = scene.testbed.world.calls().len();
    for _ in 0..73 {
        scene.tick().await;
    }
    assert_eq!(scene.testbed.world.calls().len(), calls, "frozen once");
    assert_eq!(scene.mails("Unreadable record of physics 111111111111: past a limit, frozen"), 1);

    scene.testbed.ledger.garble(&id(PHYSICS), false);
    scene.tick().await;
    assert_eq!(scene.billable(PHYSICS), 0, "a record that can be read again is one like all others");
    let answer = scene.send(json!({ "action": "release", "account": PHYSICS })).await;
    assert_eq!((answer.status, is_frozen(&scene, PHYSICS)), (200, false), "{}", answer.body);
    assert!(beats(&scene) > before);
}

#[tokio::test(start_paused = true)]
async fn of_an_account_whose_record_cannot_be_read_nothing_is_written_and_the_others_are_served() {
    let scene = set_back().await;
    overrun(&scene);
    scene.testbed.world.with(&id(QUIET), |account| *account = account.clone().running("us-west-2", 9, "t2.micro"));
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, QUIET).state, Some(State::Halted));
    for order in ["halt", "release"] {
        let answer = scene.send(json!({ "action": order, "account": PHYSICS, "reason": "a test" })).await;
        assert!(answer.body.contains("read") || report_of(&answer, PHYSICS).error.is_some(), "{}", answer.body);
    }
    let answer = scene.send(json!({ "action": "status" })).await;
    assert!(answer.body.contains("1 record cannot be read"), "{}", answer.body);
    let Some(Report::Status(status)) = &answer.report else { panic!("{answer:?}") };
    assert!(status.unreadable.keys().eq([&id(PHYSICS)]));
    scene.testbed.ledger.garble(&id(PHYSICS), false);
    let record = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap().record;
    assert_eq!((record.state, record.halt), (State::Ok, None), "it stands as it was written");
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_record_cannot_be_read_is_not_frozen_where_that_may_be_wrong() {
    for (overrides, why) in [
        (json!({ "accounts": { PHYSICS: { "mode": "drill" } } }), "its mode is drill"),
        (json!({ "accounts": { PHYSICS: { "contain": { "quarantine": false } } } }), "does not quarantine"),
        (json!({ "brake": { "haltsPerHour": 0 } }), "the brake holds"),
    ] {
        let scene = Scene::new(seeded(), policy(json!({ "mode": "drill" })));
        scene.send(json!({})).await;
        let scene = Scene::new(scene.testbed, policy(overrides));
        scene.testbed.ledger.garble(&id(PHYSICS), true);
        scene.tick().await;
        assert!(!is_frozen(&scene, PHYSICS), "{why}");
        let told = scene.testbed.mailbox.mails().into_iter().find(|mail| mail.subject.contains("Unreadable")).unwrap();
        assert!(told.says(why), "{why}: {}", told.body);
    }
    // What a release lets pass is known by the record alone.
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    scene.send(json!({ "action": "release", "account": PHYSICS, "start": true })).await;
    assert_eq!(scene.billable(PHYSICS), 9);
    scene.testbed.ledger.garble(&id(PHYSICS), true);
    scene.tick().await;
    assert!(!is_frozen(&scene, PHYSICS), "it is in its grace");
    scene.send(json!({ "action": "halt", "account": PHYSICS, "reason": "a test" })).await;
    assert!(is_frozen(&scene, PHYSICS), "an order is an order");
}
