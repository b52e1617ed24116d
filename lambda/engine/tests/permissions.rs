//! "May we?", asked of AWS's policy simulator before it matters.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PAYER, PHYSICS, REGIONS, Scene, id, policy, report_of, seeded};
use runawaytrain_core::message::report::PermissionsReport;
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::resource::SIMULATE;
use runawaytrain_core::vocabulary::failure::{DeniedBy, FailureKind};
use runawaytrain_engine::ports::{Clock, Commit, LeaseMove, States};
use runawaytrain_testbed::{Fault, SimAccount, Testbed};
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);
/// So many questions an account: one for each kind of thing that a halt changes.
const QUESTIONS: usize = 9;

/// An organization in which nothing runs away.
fn calm() -> Testbed {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    testbed.world.add(&id(PHYSICS), SimAccount::new("physics", &REGIONS).running("us-east-1", 1, "t2.micro"));
    testbed
}

/// A policy of the organization denies our role a call in an account.
fn deny(testbed: &Testbed, account: &str, call: &str) {
    let fault = Fault::always(call, FailureKind::Denied).denied_by(DeniedBy::Organization);
    testbed.world.fault(fault.in_account(&id(account)));
}

/// How many questions were asked so far.
fn asked(scene: &Scene) -> usize {
    scene.testbed.world.requests().get(SIMULATE).copied().unwrap_or_default()
}

async fn record(scene: &Scene, account: &str) -> AccountRecord {
    scene.testbed.ledger.load(&id(account)).await.unwrap().unwrap().record
}

fn permissions_in<'a>(
    answer: &'a runawaytrain_core::message::report::Answer,
    account: &str,
) -> Option<&'a PermissionsReport> {
    report_of(answer, account).permissions.as_ref()
}

#[tokio::test(start_paused = true)]
async fn what_we_may_do_is_asked_once_a_day_and_not_in_each_sweep() {
    let scene = Scene::new(calm(), policy(json!({})));
    for _ in 0..5 {
        scene.tick().await;
        assert_eq!(asked(&scene), 2 * QUESTIONS);
    }
    tokio::time::sleep(DAY).await;
    scene.tick().await;
    scene.tick().await;
    assert_eq!(asked(&scene), 4 * QUESTIONS);
    assert_eq!(scene.subjects(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_we_may_do_is_asked_again_after_a_deployment() {
    let scene = Scene::new(calm(), policy(json!({})));
    scene.tick().await;
    let known = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap();
    let mut record = known.record.clone();
    record.permissions.as_mut().unwrap().asked = "what an older version asked".to_owned();
    let (lease, at) = (LeaseMove::None { expected: known.version }, scene.testbed.clock.now());
    let commit = Commit { record, lease, notices: Vec::new(), peak: None, at };
    scene.testbed.ledger.commit(commit).await.unwrap();
    scene.tick().await;
    scene.tick().await;
    assert_eq!(asked(&scene), 3 * QUESTIONS);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_of_some_accounts_asks_nothing() {
    let scene = Scene::new(calm(), policy(json!({})));
    scene.send(json!({ "action": "proceed", "accounts": [PHYSICS] })).await;
    assert_eq!(asked(&scene), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_to_us_is_one_mail_to_the_payers_list_and_one_more_once_it_is_permitted_again() {
    let accounts = json!({ PHYSICS: { "notify": ["physics@example.edu"] } });
    let scene = Scene::new(calm(), policy(json!({ "accounts": accounts })));
    deny(&scene.testbed, PHYSICS, "ec2:StopInstances");
    scene.tick().await;
    for _ in 0..3 {
        scene.tick().await;
        tokio::time::sleep(DAY).await;
    }
    let mails = scene.testbed.mailbox.mails();
    assert_eq!(mails.len(), 1, "{mails:#?}");
    assert_eq!(mails[0].list, NotifyList::Default);
    assert!(mails[0].subject.starts_with("[runawaytrain] NOT PERMITTED in physics"), "{}", mails[0].subject);
    assert!(mails[0].says("stop an instance (ec2:StopInstances)"), "{}", mails[0].body);
    // Another call is other news.
    deny(&scene.testbed, PHYSICS, "iam:PutUserPolicy");
    scene.tick().await;
    assert_eq!(scene.mails("NOT PERMITTED"), 2);
    scene.testbed.world.heal();
    tokio::time::sleep(DAY).await;
    scene.tick().await;
    scene.tick().await;
    assert_eq!((scene.mails("NOT PERMITTED"), scene.mails("Permitted again in physics")), (2, 1));
    assert_eq!(scene.testbed.mailbox.mails().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_denies_us_calls_in_many_accounts_is_one_mail_that_lists_them() {
    let testbed = calm();
    let labs: Vec<String> = (0..30).map(|number| format!("4{number:011}")).collect();
    for (number, lab) in labs.iter().enumerate() {
        testbed.world.add(&id(lab), SimAccount::new(&format!("lab-{number}"), &REGIONS));
        deny(&testbed, lab, "ec2:TerminateInstances");
    }
    let scene = Scene::new(testbed, policy(json!({})));
    scene.tick().await;
    scene.tick().await;
    assert_eq!(scene.subjects(), ["[runawaytrain] NOT PERMITTED: 30 accounts"]);
    let mail = scene.testbed.mailbox.mails().remove(0);
    let shared = "30 accounts: ec2:TerminateInstances by a service control policy of the organization";
    assert!(mail.says(shared) && mail.says("lab-7 (400000000007)"), "{}", mail.body);
    scene.testbed.world.heal();
    tokio::time::sleep(DAY).await;
    scene.tick().await;
    assert_eq!(scene.subjects()[1..], ["[runawaytrain] Permitted again: 30 accounts"]);
}

#[tokio::test(start_paused = true)]
async fn a_simulation_that_fails_is_tried_three_times_a_day_and_is_no_news() {
    for kind in [FailureKind::Denied, FailureKind::Throttled, FailureKind::Unavailable] {
        let scene = Scene::new(calm(), policy(json!({})));
        deny(&scene.testbed, PHYSICS, "ec2:StopInstances");
        scene.testbed.world.fault(Fault::always(SIMULATE, kind));
        for _ in 0..8 {
            let answer = scene.tick().await;
            assert!(!report_of(&answer, PHYSICS).unseen, "{kind:?}");
        }
        assert_eq!((asked(&scene), scene.subjects().len()), (2 * 3, 0), "{kind:?}");
        let known = record(&scene, PHYSICS).await;
        assert_eq!((known.state, known.unseen), (State::Ok, None), "{kind:?}");
        assert!(known.permissions.is_some_and(|known| known.unknown.is_some() && known.denied.is_empty()));
        tokio::time::sleep(DAY).await;
        scene.tick().await;
        assert_eq!(asked(&scene), 2 * 4, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_for_a_day_takes_back_nothing_of_what_was_known() {
    let scene = Scene::new(calm(), policy(json!({})));
    deny(&scene.testbed, PHYSICS, "ec2:StopInstances");
    scene.tick().await;
    scene.testbed.world.fault(Fault::always(SIMULATE, FailureKind::Throttled));
    tokio::time::sleep(DAY).await;
    scene.tick().await;
    let drilled = scene.send(json!({ "action": "drill" })).await;
    let told = permissions_in(&drilled, PHYSICS).unwrap();
    assert_eq!(told.denied[0].calls, ["ec2:StopInstances"]);
    assert!(told.unknown.as_ref().is_some_and(|why| why.contains("was throttled")), "{told:?}");
    assert_eq!((scene.mails("NOT PERMITTED"), scene.mails("Permitted")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_contained_is_not_asked_about() {
    let scene = Scene::new(seeded(), policy(json!({})));
    deny(&scene.testbed, PHYSICS, "ec2:TerminateInstances");
    scene.tick().await;
    assert_eq!(record(&scene, PHYSICS).await.state, State::Halted);
    tokio::time::sleep(DAY).await;
    scene.tick().await;
    assert_eq!(asked(&scene), 2 * 2 * QUESTIONS, "of the payer and the quiet one, twice");
    let drilled = scene.send(json!({ "action": "drill", "accounts": [PHYSICS] })).await;
    let told = permissions_in(&drilled, PHYSICS).unwrap();
    assert!(told.unknown.as_ref().is_some_and(|why| why.starts_with("not asked")), "{told:?}");
    assert_eq!((asked(&scene), scene.mails("NOT PERMITTED")), (2 * 2 * QUESTIONS, 0));
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_ours_that_is_still_attached_is_not_taken_for_one_that_denies_us() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.tick().await;
    scene.send(json!({ "action": "release", "account": PHYSICS })).await;
    let attach = |attached| {
        scene.testbed.world.with(&id(PHYSICS), |known| known.quarantine.write(attached));
    };
    attach(true);
    deny(&scene.testbed, PHYSICS, "ec2:TerminateInstances");
    let before = asked(&scene);
    scene.tick().await;
    assert_eq!(asked(&scene), before, "released a moment ago");
    scene.tick().await;
    scene.tick().await;
    assert!(asked(&scene) > before);
    assert_eq!((record(&scene, PHYSICS).await.state, scene.mails("NOT PERMITTED")), (State::Released, 0));
    attach(false);
    scene.tick().await;
    assert_eq!(scene.mails("NOT PERMITTED in physics"), 1, "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_halted_frozen_or_called_unseen_for_what_we_may_not_do() {
    let scene = Scene::new(calm(), policy(json!({})));
    for call in ["ec2:StopInstances", "ec2:TerminateInstances", "iam:Put", "iam:Attach", "autoscaling:Suspend"] {
        deny(&scene.testbed, PHYSICS, call);
    }
    for _ in 0..4 {
        let answer = scene.tick().await;
        assert!(answer.sweep().unwrap().complete);
        assert!(!report_of(&answer, PHYSICS).unseen);
        tokio::time::sleep(DAY).await;
    }
    let known = record(&scene, PHYSICS).await;
    assert_eq!((known.state, known.unseen, known.halt), (State::Ok, None, None));
    assert!(scene.testbed.world.calls().is_empty());
    assert!(!scene.testbed.world.with(&id(PHYSICS), |known| known.is_frozen()));
}

#[tokio::test(start_paused = true)]
async fn neither_a_halt_nor_its_mails_nor_the_heartbeat_wait_for_the_simulator() {
    let scene = Scene::new(seeded(), policy(json!({})));
    let mut hanging = Fault::always(SIMULATE, FailureKind::Unavailable);
    hanging.failure = None;
    scene.testbed.world.fault(hanging);
    // The sweep waits for the simulator's answer, and by then all else was done and told.
    let sweep = tokio::time::timeout(Duration::from_secs(19), scene.send(json!({})));
    assert!(sweep.await.is_err());
    assert_eq!((record(&scene, PHYSICS).await.state, scene.billable(PHYSICS)), (State::Halted, 0));
    assert_eq!((scene.mails("HALT"), scene.mails("Halted")), (1, 1));
    assert_eq!(scene.testbed.metrics.sweeps().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_drill_of_named_accounts_asks_and_remembers_nothing_and_one_of_all_tells_what_is_remembered() {
    let scene = Scene::new(calm(), policy(json!({})));
    deny(&scene.testbed, PHYSICS, "ec2:StopInstances");
    // What its regions are is known from then on.
    scene.send(json!({ "action": "proceed", "accounts": [PHYSICS] })).await;
    let drilled = scene.send(json!({ "action": "drill", "accounts": [PHYSICS] })).await;
    let told = permissions_in(&drilled, PHYSICS).unwrap();
    assert_eq!(
        (told.denied[0].by, told.denied[0].calls.as_slice()),
        (DeniedBy::Organization, &["ec2:StopInstances".to_owned()][..])
    );
    assert_eq!((told.answered.is_some(), told.unknown.as_ref()), (true, None));
    assert_eq!((asked(&scene), scene.subjects().len()), (QUESTIONS, 0));
    assert_eq!(record(&scene, PHYSICS).await.permissions, None);

    let all = scene.send(json!({ "action": "drill" })).await;
    let told = permissions_in(&all, PHYSICS).unwrap();
    assert_eq!((told.unknown.as_deref(), asked(&scene)), (Some("not asked yet"), QUESTIONS));
    let swept = scene.tick().await;
    assert_eq!(permissions_in(&swept, PHYSICS), None, "it is in the record, and in the mail");
    let known = asked(&scene);
    let all = scene.send(json!({ "action": "drill" })).await;
    let told = permissions_in(&all, PHYSICS).unwrap();
    assert_eq!((told.denied[0].calls.as_slice(), told.unknown.as_ref()), (&["ec2:StopInstances".to_owned()][..], None));
    assert_eq!(asked(&scene), known);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_the_organization_denies_is_not_the_one_that_is_asked_about() {
    let organization = json!({ "id": "o-exampleorg1", "closedRegions": ["us-east-1"] });
    let scene = Scene::new(calm(), policy(json!({ "organization": organization })));
    let denied =
        |call| Fault::always(call, FailureKind::Denied).denied_by(DeniedBy::Organization).in_region("us-east-1");
    for call in ["ec2:Stop", "ec2:Terminate", "autoscaling:"] {
        scene.testbed.world.fault(denied(call));
    }
    scene.tick().await;
    // What is known of its regions is known from then on.
    tokio::time::sleep(DAY).await;
    scene.tick().await;
    assert_eq!(record(&scene, PHYSICS).await.permissions.unwrap().denied.len(), 0);
    assert_eq!(scene.mails("NOT PERMITTED"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_account_in_mode_pass_is_not_asked_about() {
    let scene = Scene::new(calm(), policy(json!({ "accounts": { PHYSICS: { "mode": "pass" } } })));
    scene.tick().await;
    assert_eq!(asked(&scene), QUESTIONS, "of the payer");
}

#[tokio::test(start_paused = true)]
async fn an_account_of_which_no_open_region_is_known_is_not_asked_about() {
    let scene = Scene::new(calm(), policy(json!({})));
    let unlisted = Fault::always("ec2:DescribeRegions", FailureKind::Denied).in_account(&id(PHYSICS));
    scene.testbed.world.fault(unlisted);
    for call in ["ec2:Stop", "ec2:Terminate", "autoscaling:"] {
        let fault = Fault::always(call, FailureKind::Denied).denied_by(DeniedBy::Organization);
        scene.testbed.world.fault(fault.in_account(&id(PHYSICS)).in_region("us-east-1"));
    }
    scene.tick().await;
    assert_eq!((asked(&scene), scene.mails("NOT PERMITTED")), (QUESTIONS, 0), "of the payer");
    let known = record(&scene, PHYSICS).await.permissions.unwrap();
    assert!(known.unknown.as_ref().is_some_and(|why| why.contains("no open region is known")), "{known:?}");
    assert!(known.denied.is_empty() && known.answered.is_none(), "{known:?}");
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_simulator_does_not_answer_is_tried_three_times_a_day() {
    let scene = Scene::new(calm(), policy(json!({})));
    let mut hanging = Fault::always(SIMULATE, FailureKind::Unavailable).in_account(&id(PHYSICS));
    hanging.failure = None;
    scene.testbed.world.fault(hanging);
    for _ in 0..5 {
        scene.tick().await;
    }
    assert_eq!((asked(&scene), scene.subjects()), (QUESTIONS + 3, Vec::<String>::new()));
    let known = record(&scene, PHYSICS).await.permissions.unwrap();
    assert!(known.unknown.as_ref().is_some_and(|why| why.contains("no answer within 20 seconds")), "{known:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drill_of_an_account_that_was_released_a_moment_ago_does_not_ask_about_it() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.tick().await;
    scene.send(json!({ "action": "release", "account": PHYSICS })).await;
    let before = asked(&scene);
    let drill = json!({ "action": "drill", "accounts": [PHYSICS] });
    let drilled = scene.send(drill.clone()).await;
    let told = permissions_in(&drilled, PHYSICS).unwrap();
    assert_eq!(told.unknown.as_deref(), Some("not asked: released less than ten minutes ago"));
    assert_eq!(asked(&scene), before);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let drilled = scene.send(drill).await;
    let told = permissions_in(&drilled, PHYSICS).unwrap();
    assert_eq!((told.unknown.as_ref(), asked(&scene)), (None, before + QUESTIONS));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_somebody_is_containing_is_not_asked_about() {
    let scene = Scene::new(calm(), policy(json!({})));
    scene.tick().await;
    tokio::time::sleep(DAY).await;
    let known = scene.testbed.ledger.load(&id(PHYSICS)).await.unwrap().unwrap();
    let now = scene.testbed.clock.now();
    let (holder, until) = ("somebody".to_owned(), now + DAY / 24);
    let lease = LeaseMove::Acquire { expected: known.version, holder, now, until };
    let commit = Commit { record: known.record, lease, notices: Vec::new(), peak: None, at: now };
    scene.testbed.ledger.commit(commit).await.unwrap();
    scene.tick().await;
    assert_eq!(asked(&scene), 3 * QUESTIONS, "of the payer");
    tokio::time::sleep(DAY / 24).await;
    scene.tick().await;
    assert_eq!(asked(&scene), 4 * QUESTIONS);
}
