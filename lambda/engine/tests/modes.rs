//! How far the machine may go: whoever wants less is obeyed.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use common::{PAYER, PHYSICS, QUIET, Scene, id, policy, report_of, seeded};
use jiff::Timestamp;
use runawaytrain_core::verdict::Judgement;
use runawaytrain_core::vocabulary::ids::RoleName;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_testbed::{SimRole, Trust};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn pass_does_nothing_and_says_so_in_the_old_words() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let answer = scene.send(json!({ "action": "pass", "key2": "value2", "key3": "value3" })).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "action == pass voids lambda runawaytrain execution"));
    assert!(scene.testbed.world.calls().is_empty() && scene.testbed.world.looks() == 0);
    assert!(scene.testbed.metrics.sweeps().is_empty(), "no heartbeat: its alarm says that the guard is off");
}

#[tokio::test(start_paused = true)]
async fn envaction_pass_silences_every_sweep_but_not_a_drill() {
    let scene = Scene::with_ceiling(seeded(), policy(json!({})), Mode::Pass);
    for event in [json!({}), json!({ "action": "proceed" }), json!({ "accounts": [PHYSICS] })] {
        let answer = scene.send(event).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "envaction == pass voids lambda runawaytrain execution")
        );
    }
    assert_eq!(scene.testbed.world.looks(), 0);
    assert!(scene.testbed.metrics.sweeps().is_empty());
    let drilled = scene.send(json!({ "action": "drill" })).await;
    assert_eq!(report_of(&drilled, PHYSICS).verdict, Some(Judgement::Halt));
    assert!(scene.testbed.world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_says_proceed_never_overrides_a_drill() {
    let drills = [
        Scene::new(seeded(), policy(json!({ "mode": "drill" }))),
        Scene::new(seeded(), policy(json!({ "accounts": { PHYSICS: { "mode": "drill" } } }))),
        Scene::with_ceiling(seeded(), policy(json!({})), Mode::Drill),
    ];
    for scene in drills {
        let answer = scene.send(json!({ "action": "proceed" })).await;
        let physics = report_of(&answer, PHYSICS);
        assert_eq!((physics.mode, physics.verdict), (Mode::Drill, Some(Judgement::Halt)));
        assert!(!physics.plan.actions.is_empty(), "a drill shows what it would do");
        assert!(scene.testbed.world.calls().is_empty());
        assert_eq!(scene.billable(PHYSICS), 9);
        assert_eq!(scene.mails("PAST ITS LIMIT, drill only: physics 111111111111"), 1, "{:?}", scene.subjects());
    }
}

#[tokio::test(start_paused = true)]
async fn a_drill_by_event_leaves_no_trace() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let answer = scene.send(json!({ "action": "drill", "accounts": [PHYSICS] })).await;
    let report = answer.sweep().unwrap();
    assert_eq!(report.accounts.len(), 1);
    let plan: Vec<&str> = report.accounts[0].plan.actions.iter().map(|action| action.text.as_str()).collect();
    assert_eq!(plan.iter().filter(|text| text.starts_with("stop 3 instances in ")).count(), 3, "{plan:?}");
    assert!(plan.iter().any(|text| text.contains("user alice")), "{plan:?}");
    assert!(scene.testbed.world.calls().is_empty() && scene.testbed.mailbox.mails().is_empty());
    assert_eq!(scene.testbed.ledger.writes(), 0);
    assert!(scene.testbed.metrics.sweeps().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_account_in_mode_pass_is_not_even_looked_at() {
    let scene = Scene::new(seeded(), policy(json!({ "accounts": { PHYSICS: { "mode": "pass" } } })));
    let answer = scene.send(json!({})).await;
    let physics = report_of(&answer, PHYSICS);
    assert_eq!((physics.mode, physics.verdict), (Mode::Pass, None));
    assert_eq!(scene.billable(PHYSICS), 9);
    assert!(answer.sweep().unwrap().complete);
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_and_touches_nothing() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let cases = [
        (json!("proceed"), "a string"),
        (json!([1]), "a list"),
        (json!({ "action": "explode" }), "\"explode\""),
        (json!({ "action": 7 }), "a number"),
        (json!({ "key1": "value1" }), "key1"),
        (json!({ "action": "proceed", "accounts": ["12345"] }), "\"12345\""),
        (json!({ "action": "proceed", "accounts": [123_456_789_012_u64] }), "a number"),
        (json!({ "action": "drill", "accounts": [] }), "empty"),
        (json!({ "action": "drill", "accounts": "111111111111" }), "a string"),
        (
            json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {} }),
            "aws.ec2",
        ),
    ];
    for (event, named) in cases {
        let answer = scene.send(event.clone()).await;
        assert_eq!(answer.status, 400, "{event}");
        assert!(answer.body.contains(named), "{event}: {}", answer.body);
    }
    assert_eq!(scene.testbed.world.looks(), 0);
    assert!(scene.testbed.world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_account_outside_the_organization_is_named_and_the_others_are_served() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let answer = scene.send(json!({ "action": "proceed", "accounts": [PHYSICS, "999999999999"] })).await;
    assert_eq!(answer.status, 200);
    assert!(report_of(&answer, "999999999999").error.as_ref().unwrap().contains("not in the organization"));
    assert_eq!(scene.billable(PHYSICS), 0);
    let alone = scene.send(json!({ "action": "proceed", "accounts": ["999999999999"] })).await;
    assert_eq!(alone.status, 400);
    assert!(alone.body.contains("999999999999"), "{}", alone.body);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_sweeps_everybody_and_beats() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let event = json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": PAYER, "time": "2026-11-22T03:00:00Z", "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:100000000000:rule/runawaytrain"], "detail": {}
    });
    let answer = scene.send(event).await;
    let report = answer.sweep().unwrap();
    assert_eq!((report.trigger.as_str(), report.accounts.len(), report.complete), ("schedule", 3, true));
    assert!(report_of(&answer, QUIET).outcomes.is_empty());
    let beats = scene.testbed.metrics.sweeps();
    assert!(
        beats.len() == 1 && beats[0].complete && beats[0].coverage.seen == 12 && beats[0].coverage.expected == 12,
        "{beats:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sweep_of_some_accounts_is_no_heartbeat() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({ "action": "proceed", "accounts": [QUIET] })).await;
    assert!(scene.testbed.metrics.sweeps().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_drill_of_a_named_account_shows_what_a_halt_would_do_however_quiet_it_is() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let provider = "arn:aws:iam::222222222222:saml-provider/university";
    scene.testbed.world.with(&id(QUIET), |account| {
        let trust = Trust::Federated(provider.to_owned()).document();
        let role = SimRole { trust, ..SimRole::new(Timestamp::UNIX_EPOCH) };
        account.roles.insert(RoleName::new("staff"), role);
    });
    let answer = scene.send(json!({ "action": "drill", "accounts": [QUIET] })).await;
    let quiet = report_of(&answer, QUIET);
    assert_eq!(quiet.verdict, Some(Judgement::Ok));
    let plan: Vec<&str> = quiet.plan.actions.iter().map(|action| action.text.as_str()).collect();
    assert!(
        plan.contains(&"deny everything to role staff") && plan.contains(&"deny everything to user dora"),
        "{plan:?}"
    );
    assert_eq!(
        quiet.suspects,
        ["role staff admits whoever saml-provider/university vouches for: see who changed its trust, and when"]
    );
    assert!(scene.testbed.world.calls().is_empty() && scene.testbed.ledger.writes() == 0);
    // A drill of everybody looks at those that are past a limit.
    let everybody = scene.send(json!({ "action": "drill" })).await;
    assert!(report_of(&everybody, QUIET).plan.actions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_sweep_says_what_runs_and_how_many_accounts_are_contained() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.tick().await;
    scene.tick().await;
    let sweeps = scene.testbed.metrics.sweeps();
    let values = |at: usize| -> std::collections::BTreeMap<&str, f64> {
        sweeps[at].values().into_iter().map(|(row, value)| (row.name, value)).collect()
    };
    let (first, second) = (values(0), values(1));
    // The payer's nine, the quiet account's two, and the nine that were there when physics was looked at.
    assert_eq!((first["Instances"], first["Halted"], first["Coverage"]), (20.0, 1.0, 100.0));
    assert_eq!((second["Instances"], second["Vcpus"], second["Halted"]), (11.0, 11.0, 1.0));
    assert!(second["Burn"] > 0.0 && second["SweepDuration"] < first["SweepDuration"]);
}
