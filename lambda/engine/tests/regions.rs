//! Where to look: nobody blinds us by keeping the list of regions from us, hides in a region that disappears, or makes
//! the organization's own rules a gap.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PAYER, PHYSICS, QUIET, REGIONS, Scene, id, policy, report_of, seeded};
use runawaytrain_core::message::report::Answer;
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::Region;
use runawaytrain_engine::ports::States;
use runawaytrain_testbed::{Fault, Life, SimAccount, Testbed};
use serde_json::json;

const OPT_IN: &str = "me-central-1";

fn at_home(testbed: &Testbed, number: u32) {
    testbed.world.with(&id(QUIET), |known| {
        for _ in 0..number {
            known.launch("eu-west-1", "t2.micro", Life::Running);
        }
    });
}

fn gaps(answer: &Answer, account: &str) -> Vec<String> {
    report_of(answer, account).gaps.iter().map(|gap| gap.at.clone()).collect()
}

async fn record(scene: &Scene, account: &str) -> AccountRecord {
    scene.testbed.ledger.load(&id(account)).await.unwrap().unwrap().record
}

fn no_list(kind: FailureKind, account: &str) -> Fault {
    Fault::always("ec2:DescribeRegions", kind).in_account(&id(account))
}

#[tokio::test(start_paused = true)]
async fn regions_that_cannot_be_listed_are_looked_at_as_they_are_known() {
    for kind in [FailureKind::Throttled, FailureKind::Unavailable, FailureKind::Denied, FailureKind::Other] {
        let scene = Scene::new(seeded(), policy(json!({})));
        scene.send(json!({})).await;
        at_home(&scene.testbed, 9);
        scene.testbed.world.fault(no_list(kind, QUIET));
        for _ in 0..4 {
            scene.tick().await;
        }
        assert_eq!(scene.billable(QUIET), 0, "{kind:?}: it is halted all the same");
        assert_eq!(record(&scene, QUIET).await.state, State::Halting, "{kind:?}: what was enabled since is not seen");
        scene.testbed.world.heal();
        scene.tick().await;
        assert_eq!(record(&scene, QUIET).await.state, State::Halted, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_regions_list_makes_no_account_unreachable() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.fault(Fault::always("ec2:DescribeRegions", FailureKind::Unavailable));
    for _ in 0..3 {
        scene.tick().await;
    }
    let answer = scene.tick().await;
    for account in [PAYER, PHYSICS, QUIET] {
        assert_eq!(gaps(&answer, account), ["regions"]);
        assert!(report_of(&answer, account).verdict.is_some());
    }
    let coverage = answer.sweep().unwrap().coverage;
    assert_eq!((coverage.seen, coverage.expected), (12, 15), "what a list might name is not seen");
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_known_yet_the_payers_own_list_serves() {
    let testbed = seeded();
    testbed.world.fault(no_list(FailureKind::Throttled, PHYSICS));
    let scene = Scene::new(testbed, policy(json!({})));
    let answer = scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 0);
    assert!(gaps(&answer, PHYSICS).contains(&"regions".to_owned()), "{:?}", gaps(&answer, PHYSICS));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_delays_no_halt_where_regions_are_known() {
    let scene = Scene::new(seeded(), policy(json!({ "accounts": { PHYSICS: { "limits": { "instances": 50 } } } })));
    scene.send(json!({})).await;
    at_home(&scene.testbed, 9);
    tokio::time::sleep(Duration::from_secs(1200)).await;
    scene.testbed.world.fault(Fault { failure: None, ..no_list(FailureKind::Other, QUIET) });
    let (begun, world) = (scene.testbed.clock.elapsed(), scene.testbed.world.clone());
    scene.send(json!({})).await;
    let first = world.calls().into_iter().map(|call| call.after - begun).min().unwrap();
    assert!(first < Duration::from_secs(5), "it began after {first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_throttled_is_tried_again_and_holds_up_no_other_account() {
    let testbed = seeded();
    testbed
        .world
        .fault(Fault::always("ec2:DescribeInstances", FailureKind::Throttled).in_account(&id(QUIET)).times(24));
    let scene = Scene::new(testbed, policy(json!({})));
    let (answer, begun) = (scene.send(json!({})).await, Duration::ZERO);
    assert_eq!(gaps(&answer, QUIET), [] as [&str; 0], "somebody's burst of calls is waited out");
    let last = scene.testbed.world.calls().into_iter().map(|call| call.after - begun).max().unwrap();
    assert!(last < Duration::from_secs(15), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_stays_throttled_is_known_to_be_from_sweep_to_sweep() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    let throttled = || Fault::always("ec2:DescribeInstances", FailureKind::Throttled).in_account(&id(QUIET));
    scene.testbed.world.fault(throttled().in_region("eu-west-1"));
    for sweeps in 1..=3 {
        scene.tick().await;
        assert_eq!(record(&scene, QUIET).await.unseen.unwrap().throttled, sweeps);
    }
    scene.testbed.world.heal();
    scene
        .testbed
        .world
        .fault(Fault { failure: Some(runawaytrain_testbed::failure("", FailureKind::Unavailable)), ..throttled() });
    scene.tick().await;
    assert_eq!(record(&scene, QUIET).await.unseen.unwrap().throttled, 0, "an outage is nobody's loop");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_stays_throttled_is_frozen_and_thaws_when_it_is_seen_again() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    let throttled = Fault::always("ec2:DescribeInstances", FailureKind::Throttled);
    scene.testbed.world.fault(throttled.in_account(&id(QUIET)).in_region("eu-west-1"));
    let is_frozen = || scene.testbed.world.with(&id(QUIET), |known| *known.quarantine.written());
    scene.tick().await;
    assert!(!is_frozen(), "one sweep may have met somebody's burst of calls");
    scene.tick().await;
    assert!(is_frozen());
    scene.tick().await;
    assert_eq!((record(&scene, QUIET).await.state, scene.billable(QUIET)), (State::Frozen, 2), "nothing is stopped");
    assert_eq!((scene.mails("TAMPER quiet"), scene.mails("Unseen")), (1, 0), "{:?}", scene.subjects());
    assert!(scene.testbed.mailbox.mails().iter().any(|mail| mail.says("uses up the quota of calls")));
    scene.testbed.world.heal();
    scene.tick().await;
    assert_eq!((record(&scene, QUIET).await.state, is_frozen()), (State::Ok, false));
    assert_eq!(scene.mails("Thawed quiet"), 1, "{:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn many_accounts_that_are_throttled_at_once_freeze_nobody() {
    let scene = Scene::new(labs(6, 0), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.fault(Fault::always("ec2:DescribeInstances", FailureKind::Throttled));
    for _ in 0..4 {
        scene.tick().await;
    }
    for each in (0..6).map(lab).chain([id(QUIET)]) {
        assert!(!scene.testbed.world.with(&each, |known| *known.quarantine.written()), "{each}");
        assert_eq!(record(&scene, each.as_str()).await.unseen.unwrap().throttled, 4);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_ages_while_the_sandbox_is_frozen() {
    let scene = Scene::new(seeded(), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.clock.freeze(Duration::from_secs(3600));
    scene.testbed.world.with(&id(QUIET), |known| {
        known.regions.insert(Region::new(OPT_IN), Default::default());
        (0..9).for_each(|_| drop(known.launch(OPT_IN, "t2.micro", Life::Running)));
    });
    let (left, joined) = (id(PHYSICS), id("444444444444"));
    scene.testbed.world.suspend(&left);
    scene.testbed.world.with(&left, |known| known.enrolled = false);
    scene.testbed.world.add(&joined, SimAccount::new("chemistry", &REGIONS).running("us-west-2", 9, "t2.micro"));
    let answer = scene.send(json!({})).await;
    assert_eq!(scene.billable(QUIET), 0, "the region that was enabled meanwhile is seen");
    assert_eq!(scene.billable("444444444444"), 0, "so is the account that joined meanwhile");
    assert!(answer.sweep().unwrap().accounts.iter().all(|account| account.account != left));
    assert_eq!(
        scene.mails("TAMPER"),
        0,
        "an account that was suspended meanwhile is not taken for one that shut us out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_region_is_neither_looked_at_nor_missed() {
    let testbed = seeded();
    testbed.world.fault(Fault::always("ec2:DescribeInstances", FailureKind::Denied).in_region("ap-south-1"));
    testbed.world.with(&id(PHYSICS), |known| drop(known.launch("ap-south-1", "t2.micro", Life::Running)));
    let scene = Scene::new(
        testbed,
        policy(json!({ "organization": { "id": "o-exampleorg1", "closedRegions": ["ap-south-1"] } })),
    );
    let answer = scene.send(json!({})).await;
    assert_eq!(gaps(&answer, PHYSICS), [] as [&str; 0]);
    assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halted), "the halt is proven without it");
    let coverage = answer.sweep().unwrap().coverage;
    assert_eq!((coverage.seen, coverage.expected), (9, 9));
    assert_eq!(scene.testbed.world.faults_met(), 0, "nobody asked there");
    let touched = |call: &runawaytrain_testbed::Call| {
        runawaytrain_core::resource::Act::region(&call.action).is_some_and(|region| region.as_str() == "ap-south-1")
    };
    assert!(!scene.testbed.world.calls().iter().any(touched));
}

/// A payer, physics, and so many labs; the first of them are refused in ap-south-1.
fn labs(number: u64, refused: u64) -> Testbed {
    let testbed = seeded();
    for each in 0..number {
        let account = lab(each);
        testbed.world.add(&account, SimAccount::new(&format!("lab-{each}"), &REGIONS));
        if each < refused {
            refuse(&testbed, account.as_str());
        }
    }
    testbed
}

fn lab(number: u64) -> runawaytrain_core::vocabulary::ids::AccountId {
    id(&format!("3{number:011}"))
}

fn refuse(testbed: &Testbed, account: &str) {
    for operation in ["ec2:Describe", "autoscaling:Describe"] {
        testbed
            .world
            .fault(Fault::always(operation, FailureKind::Denied).in_account(&id(account)).in_region("ap-south-1"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_that_refuses_most_accounts_is_closed_by_the_organization_and_told_once() {
    let testbed = labs(6, 6);
    refuse(&testbed, PHYSICS);
    let scene = Scene::new(testbed, policy(json!({})));
    let first = scene.send(json!({})).await;
    assert_eq!(report_of(&first, PHYSICS).state, Some(State::Halting), "one sweep has no others to compare with");
    for _ in 0..5 {
        let answer = scene.tick().await;
        assert_eq!(gaps(&answer, PHYSICS), [] as [&str; 0]);
        assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halted));
        let coverage = answer.sweep().unwrap().coverage;
        assert_eq!(coverage.seen, coverage.expected);
    }
    assert_eq!((scene.mails("Unseen"), scene.mails("Closed to most accounts of ")), (0, 1), "{:?}", scene.subjects());
    assert!(scene.testbed.mailbox.mails().iter().any(|mail| mail.says("closedRegions: [ap-south-1]")));

    // Opened again, it is looked at as ever.
    scene.testbed.world.heal();
    scene
        .testbed
        .world
        .with(&lab(0), |known| (0..9).for_each(|_| drop(known.launch("ap-south-1", "t2.micro", Life::Running))));
    scene.tick().await;
    assert_eq!(scene.billable(lab(0).as_str()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_refuses_few_accounts_stays_a_gap() {
    for (all, refused) in [(6, 3), (6, 1), (1, 1)] {
        let scene = Scene::new(labs(all, refused), policy(json!({})));
        scene.send(json!({})).await;
        scene.tick().await;
        let answer = scene.tick().await;
        assert_eq!(gaps(&answer, lab(0).as_str()), ["ap-south-1"], "{refused} of {all}");
        assert_eq!(scene.mails("Closed"), 0);
        assert_eq!(scene.mails("Unseen"), usize::try_from(refused).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_that_refuses_us_where_something_ran_stays_a_gap() {
    let testbed = labs(6, 0);
    testbed.world.with(&lab(0), |known| drop(known.launch("ap-south-1", "t2.micro", Life::Running)));
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    for each in 0..6 {
        refuse(&scene.testbed, lab(each).as_str());
    }
    for _ in 0..3 {
        scene.tick().await;
    }
    let answer = scene.tick().await;
    assert_eq!(gaps(&answer, lab(0).as_str()), ["ap-south-1"], "to deny a region ends nothing in it");
    assert_eq!(gaps(&answer, lab(1).as_str()), [] as [&str; 0]);
}

/// Physics with something in a region that one has to opt in to.
fn opted_in(number: u32) -> Testbed {
    let testbed = seeded();
    testbed.world.with(&id(QUIET), |known| {
        known.regions.insert(Region::new(OPT_IN), Default::default());
        for _ in 0..number {
            known.launch(OPT_IN, "t2.micro", Life::Running);
        }
    });
    testbed
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_disabled_while_something_runs_is_a_gap_until_it_is_enabled_again() {
    let scene = Scene::new(opted_in(2), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.with(&id(QUIET), |known| known.region(OPT_IN).disabled = true);
    for _ in 0..12 {
        let answer = scene.tick().await;
        assert_eq!(gaps(&answer, QUIET), [OPT_IN]);
    }
    let answer = scene.tick().await;
    let why = &report_of(&answer, QUIET).gaps[0].reason;
    assert!(why.contains("disabled") && why.contains("2 instances"), "{why}");
    assert_eq!(scene.mails("Unseen quiet"), 1, "{:?}", scene.subjects());
    assert!(scene.testbed.mailbox.mails().iter().any(|mail| mail.says(OPT_IN)));

    scene.testbed.world.with(&id(QUIET), |known| known.region(OPT_IN).disabled = false);
    let answer = scene.tick().await;
    assert_eq!(gaps(&answer, QUIET), [] as [&str; 0]);
    assert_eq!(report_of(&answer, QUIET).instances.counted, 4);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_disabled_with_nothing_in_it_is_not_missed() {
    let scene = Scene::new(opted_in(0), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.with(&id(QUIET), |known| known.region(OPT_IN).disabled = true);
    tokio::time::sleep(Duration::from_secs(1200)).await;
    assert_eq!(gaps(&scene.tick().await, QUIET), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_seen_before_its_region_was_disabled_is_not_forgotten() {
    let scene = Scene::new(opted_in(2), policy(json!({})));
    scene.send(json!({})).await;
    scene.testbed.world.fault(
        Fault::always("ec2:DescribeInstances", FailureKind::Unavailable).in_account(&id(QUIET)).in_region(OPT_IN),
    );
    scene.tick().await;
    scene.testbed.world.with(&id(QUIET), |known| known.region(OPT_IN).disabled = true);
    tokio::time::sleep(Duration::from_secs(1200)).await;
    assert_eq!(gaps(&scene.tick().await, QUIET), [OPT_IN]);
}
