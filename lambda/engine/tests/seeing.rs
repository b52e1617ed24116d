//! What cannot be seen is never a zero, resets nothing, and is told.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PHYSICS, QUIET, REGIONS, Scene, id, policy, report_of, seeded};
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::record::State;
use runawaytrain_core::verdict::Judgement;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::ports::States;
use runawaytrain_testbed::{Fault, Life, SimAccount, Testbed, failure};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_failed_region_is_a_gap_and_not_a_zero() {
    let testbed = seeded();
    testbed.world.fault(
        Fault::always("ec2:DescribeInstances", FailureKind::Denied).in_account(&id(QUIET)).in_region("us-east-1"),
    );
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send(json!({})).await;
    let quiet = report_of(&answer, QUIET);
    assert!(quiet.unseen);
    assert_eq!(quiet.gaps.len(), 1);
    assert_eq!((quiet.gaps[0].at.as_str(), quiet.gaps[0].code.as_deref()), ("us-east-1", Some("AccessDenied")));
    assert!(quiet.readings.iter().all(|reading| reading.lower_bound), "the count is a lower bound");
    let coverage = answer.sweep().unwrap().coverage;
    assert_eq!((coverage.seen, coverage.expected), (11, 12));
}

#[tokio::test(start_paused = true)]
async fn an_account_without_our_role_has_no_verdict_and_the_others_are_served() {
    let testbed = seeded();
    testbed.world.with(&id(QUIET), |account| account.enrolled = false);
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send(json!({})).await;
    let quiet = report_of(&answer, QUIET);
    assert_eq!((quiet.verdict, quiet.unseen), (None, true));
    assert!(quiet.gaps[0].reason.contains("sts:AssumeRole"), "{}", quiet.gaps[0].reason);
    assert_eq!(scene.billable(PHYSICS), 0);
    assert_eq!(scene.mails("Unseen"), 0, "one sweep may be a hiccup");
    scene.tick().await;
    scene.tick().await;
    assert_eq!(scene.mails("Unseen quiet 222222222222"), 1, "told at the second sweep, once: {:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn being_blind_resets_nothing() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.with(&id(PHYSICS), |account| account.enrolled = false);
    let answer = scene.tick().await;
    let physics = report_of(&answer, PHYSICS);
    assert_eq!((physics.state, physics.unseen), (Some(State::Halted), true));

    scene.testbed.world.with(&id(PHYSICS), |account| {
        account.enrolled = true;
        account.launch("us-east-1", "t2.micro", Life::Running);
    });
    scene.tick().await;
    assert_eq!(scene.billable(PHYSICS), 0, "seen again, it is still halted");
}

#[tokio::test(start_paused = true)]
async fn a_warning_is_not_taken_back_by_a_sweep_that_could_not_look() {
    let testbed = seeded();
    testbed.world.with(&id(QUIET), |account| {
        account.launch("us-east-1", "t2.micro", Life::Running);
        account.launch("us-east-1", "t2.micro", Life::Running);
    });
    let scene = Scene::new(testbed, policy(json!({})));
    assert_eq!(report_of(&scene.send(json!({})).await, QUIET).state, Some(State::Warned));
    assert_eq!(scene.mails("Warning quiet 222222222222"), 1);
    scene.testbed.world.fault(Fault::always("ec2:Describe", FailureKind::Unavailable).in_account(&id(QUIET)));
    assert_eq!(report_of(&scene.tick().await, QUIET).state, Some(State::Warned));
    scene.tick().await;
    assert_eq!(scene.mails("Warning quiet 222222222222"), 1, "no news, no mail");
}

#[tokio::test(start_paused = true)]
async fn users_that_cannot_be_read_whole_are_denied_all_the_same() {
    let testbed = seeded();
    testbed.world.fault(Fault::always("iam:ListAccessKeys", FailureKind::Denied).in_account(&id(PHYSICS)));
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send(json!({})).await;
    assert!(!scene.can_act(PHYSICS, "alice") && !scene.can_act(PHYSICS, "kjanet"));
    let physics = report_of(&answer, PHYSICS);
    assert!(physics.gaps.iter().any(|gap| gap.at == "user alice"), "{:?}", physics.gaps);
    assert_eq!(physics.state, Some(State::Halting), "with a gap nothing is proven");
}

#[tokio::test(start_paused = true)]
async fn when_the_accounts_cannot_be_listed_the_known_ones_are_watched_on() {
    let scene = Scene::new(seeded(), policy(json!({ "accounts": { PHYSICS: { "limits": { "instances": 50 } } } })));
    scene.send(json!({})).await;
    scene.testbed.world.fault(Fault::always("organizations:ListAccounts", FailureKind::Denied));
    // For an hour the last list is used.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    scene
        .testbed
        .world
        .with(&id(QUIET), |account| (0..9).for_each(|_| drop(account.launch("us-east-1", "t2.micro", Life::Running))));
    let answer = scene.tick().await;
    assert_eq!(scene.billable(QUIET), 0);
    assert!(!answer.sweep().unwrap().complete);
    assert!(!scene.testbed.metrics.sweeps()[1].complete, "a sweep of half a list is no heartbeat");
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_sns_refused_goes_out_with_the_next_sweep() {
    let testbed = seeded();
    for _ in 0..2 {
        testbed.mailbox.refuse_next(failure("sns:Publish", FailureKind::NotFound));
    }
    let scene = Scene::new(testbed, policy(json!({ "accounts": { PHYSICS: { "name": "physics-lab" } } })));
    scene.send(json!({})).await;
    scene.tick().await;
    scene.tick().await;
    assert_eq!((scene.mails("HALT physics-lab"), scene.mails("Halted physics-lab")), (1, 1), "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn a_mail_whose_list_has_no_topic_goes_to_the_default_list_in_the_end() {
    let testbed = seeded();
    testbed.mailbox.without_topic(NotifyList::Own(id(PHYSICS)));
    let scene = Scene::new(testbed, policy(json!({ "accounts": { PHYSICS: { "notify": ["lab@example.edu"] } } })));
    for _ in 0..8 {
        scene.tick().await;
    }
    let mails = scene.testbed.mailbox.mails();
    let halts: Vec<_> = mails.iter().filter(|mail| mail.subject.contains("HALT physics")).collect();
    assert_eq!(halts.iter().map(|mail| &mail.list).collect::<Vec<_>>(), [&NotifyList::Default], "{mails:#?}");
    assert_eq!(scene.mails("Halted physics"), 1);
}

#[tokio::test(start_paused = true)]
async fn eight_mails_are_sent_at_a_time_so_that_a_slow_one_holds_up_few() {
    let (testbed, mut accounts) = (Testbed::new(), serde_json::Map::new());
    for number in 1..=8 {
        let account = format!("{number}").repeat(12);
        testbed.world.add(&id(&account), SimAccount::new("lab", &REGIONS).running("us-east-1", 9, "t2.micro"));
        accounts.insert(account, json!({ "notify": [format!("lab-{number}@example.edu")] }));
    }
    testbed.mailbox.takes(Duration::from_secs(20));
    let scene = Scene::new(testbed, policy(json!({ "accounts": accounts })));
    let began = tokio::time::Instant::now();
    scene.send(json!({})).await;
    assert_eq!((scene.mails("HALT lab"), scene.mails("Halted lab")), (8, 8), "{:?}", scene.subjects());
    // One by one, sixteen mails would take more than five minutes.
    assert!(began.elapsed() < Duration::from_secs(100), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_suspended_account_is_dropped_without_an_error() {
    let testbed = seeded();
    testbed.world.suspend(&id(QUIET));
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send(json!({})).await;
    let report = answer.sweep().unwrap();
    assert!(report.accounts.iter().all(|account| account.account != id(QUIET)));
    assert!(report.complete);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_finished_before_the_deadline_is_named_and_taken_up_again() {
    let testbed = seeded();
    let mut hanging = Fault::always("ec2:DescribeInstances", FailureKind::Unavailable).in_account(&id(QUIET));
    hanging.failure = None;
    testbed.world.fault(hanging);
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send_within(json!({}), Deadline::within(Duration::from_secs(10))).await;
    assert!(!answer.sweep().unwrap().complete);
    assert!(report_of(&answer, QUIET).error.as_ref().unwrap().contains("deadline"));
    assert_eq!(scene.billable(PHYSICS), 0, "the others were served");
    assert!(!scene.testbed.metrics.sweeps()[0].complete);

    scene.testbed.world.heal();
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halted));
    assert_eq!((scene.mails("HALT"), scene.mails("Halted")), (1, 1), "{:?}", scene.subjects());
    assert_eq!(report_of(&answer, QUIET).verdict, Some(Judgement::Ok));
}

#[tokio::test(start_paused = true)]
async fn a_contained_account_that_keeps_us_busy_to_the_end_silences_no_heartbeat() {
    let testbed = seeded();
    let mut hanging = Fault::always("iam:", FailureKind::Unavailable).in_account(&id(PHYSICS));
    hanging.failure = None;
    testbed.world.fault(hanging);
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send_within(json!({}), Deadline::within(Duration::from_secs(10))).await;
    let report = report_of(&answer, PHYSICS);
    assert_eq!((report.state, scene.billable(PHYSICS)), (Some(State::Halting), 0));
    assert!(report.error.as_ref().unwrap().contains("deadline"), "{report:?}");
    assert!(answer.sweep().unwrap().complete && scene.testbed.metrics.sweeps()[0].complete);
}

#[tokio::test(start_paused = true)]
async fn numbers_are_remembered_by_account_and_by_hour() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    let writes = scene.testbed.ledger.writes();
    scene.tick().await;
    assert_eq!(scene.testbed.ledger.writes(), writes, "a sweep without news writes nothing");
    let stored = scene.testbed.ledger.load(&id(QUIET)).await.unwrap().unwrap();
    assert_eq!(stored.record.last.unwrap().by_region.into_values().collect::<Vec<_>>(), [2]);
    let peaks = scene.testbed.ledger.history(&id(PHYSICS));
    assert_eq!((peaks.len(), peaks[0].instances), (1, 9));
    for _ in 0..12 {
        scene.tick().await;
    }
    assert_eq!(scene.testbed.ledger.history(&id(QUIET)).len(), 2, "the next hour has its own peak");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_answers_without_a_region_is_unseen_and_not_empty() {
    let testbed = seeded();
    testbed.world.with(&id(QUIET), |account| account.regions.clear());
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send(json!({})).await;
    let quiet = report_of(&answer, QUIET);
    assert_eq!((quiet.verdict, quiet.unseen), (None, true));
}
