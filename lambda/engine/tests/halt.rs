//! A runaway account is contained: what runs, who is locked out, who is not, what is mailed.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PAYER, PHYSICS, QUIET, REGIONS, Scene, id, policy, report_of, seeded, user, user_of};
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::record::State;
use runawaytrain_core::resource::users::{Credential, Lockout, OtherCredential, UserAttachment};
use runawaytrain_core::resource::{Action, instances};
use runawaytrain_core::verdict::Judgement;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::ports::Journal;
use runawaytrain_testbed::{Call, Fault, Life, SimAccount, Stubborn, failure};
use serde_json::json;

fn with_exempt_kjanet() -> runawaytrain_core::policy::Policy {
    policy(json!({ "accounts": { PHYSICS: { "exempt": { "users": ["kjanet"] }, "notify": ["physics@example.edu"] } } }))
}

#[tokio::test(start_paused = true)]
async fn nine_instances_over_three_regions_trip_a_limit_of_four() {
    let scene = Scene::new(seeded(), with_exempt_kjanet());
    let answer = scene.send(json!({ "action": "proceed" })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);

    assert_eq!(scene.billable(PHYSICS), 0);
    assert_eq!(scene.billable(QUIET), 2);
    assert_eq!(scene.billable(PAYER), 9, "the payer is drilled unless its entry says otherwise");
    assert!(!scene.can_act(PHYSICS, "alice") && !scene.can_act(PHYSICS, "bob"));
    assert!(scene.can_act(PHYSICS, "kjanet") && scene.can_act(QUIET, "dora") && scene.can_act(PAYER, "admin"));

    let physics = report_of(&answer, PHYSICS);
    assert_eq!((physics.verdict, physics.state), (Some(Judgement::Halt), Some(State::Halted)));
    assert!(physics.halt.as_ref().unwrap().contained);
    assert_eq!(physics.instances.counted, 9);
    assert_eq!(report_of(&answer, QUIET).verdict, Some(Judgement::Ok));
}

#[tokio::test(start_paused = true)]
async fn an_exempt_user_is_never_called_upon() {
    let scene = Scene::new(seeded(), with_exempt_kjanet());
    scene.send(json!({})).await;
    scene.tick().await;
    let touched = |action: &Action| user_of(action) == Some(&user("kjanet"));
    assert!(scene.testbed.world.calls().iter().all(|call| !touched(&call.action)));
    assert!(
        scene.testbed.world.calls().iter().all(|call| call.account == id(PHYSICS)),
        "only the runaway account was changed"
    );
}

#[tokio::test(start_paused = true)]
async fn one_halt_mail_and_one_outcome_mail_to_the_accounts_own_list() {
    let scene = Scene::new(seeded(), with_exempt_kjanet());
    scene.send(json!({})).await;
    for _ in 0..3 {
        scene.tick().await;
    }
    let mails: Vec<_> =
        scene.testbed.mailbox.mails().into_iter().filter(|mail| mail.list == NotifyList::Own(id(PHYSICS))).collect();
    let subjects: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    assert!(subjects[0].contains("HALT") && subjects[1].contains("Halted"), "{subjects:?}");
    assert!(mails[1].says("after two clean passes"), "{}", mails[1].body);
    assert!(mails[1].says("9 instances stopped"), "{}", mails[1].body);
    assert!(
        mails[0].subject.contains("HALT physics 111111111111: at least "),
        "regions still answer when it is written: {}",
        mails[0].subject
    );
    assert!(mails[1].says("Before 9 instances, 9 vCPUs"), "{}", mails[1].body);
    assert!(mails[1].says("user kjanet: exempt by the policy"), "{}", mails[1].body);
    assert!(mails[0].says("runawaytrain release 111111111111"), "{}", mails[0].body);
}

#[tokio::test(start_paused = true)]
async fn the_halt_mail_goes_out_within_a_minute_and_before_the_outcome() {
    let scene = Scene::new(seeded(), with_exempt_kjanet());
    let sent = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if scene.mails("HALT") > 0 {
                return (scene.testbed.clock.elapsed(), scene.mails("Halted"));
            }
        }
    };
    let (_, (after, outcomes)) = tokio::join!(scene.send(json!({})), sent);
    assert!(after < Duration::from_secs(60), "{after:?}");
    assert_eq!(outcomes, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_started_in_a_halted_account_is_stopped_again_without_another_mail() {
    let scene = Scene::new(seeded(), with_exempt_kjanet());
    scene.send(json!({})).await;
    let mails = scene.subjects().len();
    scene.testbed.world.with(&id(PHYSICS), |account| {
        account.launch("ap-south-1", "t2.micro", Life::Running);
        account.users.get_mut(&user("alice")).unwrap().keys[0].active = true;
    });
    let answer = scene.tick().await;
    assert_eq!(scene.billable(PHYSICS), 0, "one instance is within the limit, but the account is halted");
    assert!(!scene.can_act(PHYSICS, "alice"));
    assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halted));
    assert_eq!(scene.subjects().len(), mails);
}

#[tokio::test(start_paused = true)]
async fn a_standing_halt_with_nothing_to_do_touches_and_journals_nothing() {
    let scene = Scene::new(seeded(), with_exempt_kjanet());
    scene.send(json!({})).await;
    let calls = scene.testbed.world.calls().len();
    let answer = scene.tick().await;
    assert_eq!(scene.testbed.world.calls().len(), calls);
    assert!(report_of(&answer, PHYSICS).outcomes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_bad_instance_does_not_keep_the_others_running() {
    let testbed = seeded();
    let bad = testbed.world.with(&id(PHYSICS), |account| {
        let bad = account.launch("us-east-1", "t2.micro", Life::Running);
        account.instance(&bad).unwrap().stubborn = Some(Stubborn::Phantom);
        bad
    });
    let scene = Scene::new(testbed, with_exempt_kjanet());
    let answer = scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 1);
    let physics = report_of(&answer, PHYSICS);
    assert!(
        physics.halt.as_ref().unwrap().contained,
        "what refuses for good is residue, not a reason to wait for ever"
    );
    let outcome = scene.testbed.mailbox.mails().into_iter().find(|mail| mail.subject.contains("Halted")).unwrap();
    assert!(outcome.says("What resisted") && outcome.says(bad.as_str()), "{}", outcome.body);
    assert!(outcome.subject.contains("1 resisted"), "{}", outcome.subject);
}

#[tokio::test(start_paused = true)]
async fn protection_is_taken_off_what_refused_and_of_nothing_else() {
    let testbed = seeded();
    let bad = testbed.world.with(&id(PHYSICS), |account| {
        let bad = account.launch("us-east-1", "t2.micro", Life::Running);
        account.instance(&bad).unwrap().stop_protected = true;
        bad
    });
    let scene = Scene::new(testbed, with_exempt_kjanet());
    scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 0);
    let unprotected: Vec<_> = scene
        .testbed
        .world
        .calls()
        .into_iter()
        .filter_map(|call| match call.action {
            Action::Instances(instances::Action::Unprotect { instance, .. }) => Some(instance),
            _ => None,
        })
        .collect();
    assert_eq!(unprotected, [bad]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_stopped_is_terminated_or_left_as_the_policy_says() {
    for (response, left) in [("terminate", 0), ("leave", 1)] {
        let testbed = seeded();
        let bad = testbed.world.with(&id(PHYSICS), |account| {
            let bad = account.launch("us-east-1", "t2.micro", Life::Running);
            let instance = account.instance(&bad).unwrap();
            (instance.stubborn, instance.termination_protected) = (Some(Stubborn::Unstoppable), true);
            bad
        });
        let scene =
            Scene::new(testbed, policy(json!({ "accounts": { PHYSICS: { "contain": { "unstoppable": response } } } })));
        let answer = scene.send(json!({})).await;
        assert_eq!(scene.billable(PHYSICS), left, "{response}");
        assert!(report_of(&answer, PHYSICS).halt.as_ref().unwrap().contained, "{response}");
        let terminated = scene
            .testbed
            .world
            .calls()
            .iter()
            .any(|call| matches!(call.action, Action::Instances(instances::Action::TerminateInstances { .. })));
        assert_eq!(terminated, left == 0, "{response}");
        if left == 1 {
            let outcome =
                scene.testbed.mailbox.mails().into_iter().find(|mail| mail.subject.contains("Halted")).unwrap();
            assert!(outcome.says(&format!("instance {bad} in us-east-1: cannot be stopped")), "{}", outcome.body);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_was_just_launched_is_stopped_once_it_runs() {
    let testbed = seeded();
    testbed.world.with(&id(PHYSICS), |account| {
        let runs_at = tokio::time::Instant::now() + Duration::from_secs(30);
        account.launch("us-east-1", "t2.micro", Life::Pending(runs_at));
    });
    let scene = Scene::new(testbed, with_exempt_kjanet());
    let answer = scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 0);
    assert!(report_of(&answer, PHYSICS).halt.as_ref().unwrap().contained);
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_and_never_splits_a_batch() {
    let testbed = seeded();
    testbed.world.fault(Fault::always("ec2:StopInstances", FailureKind::Throttled).times(3));
    let scene = Scene::new(testbed, with_exempt_kjanet());
    scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 0);
    let batches: Vec<usize> = scene
        .testbed
        .world
        .calls()
        .iter()
        .filter_map(|call| {
            if let Action::Instances(instances::Action::StopInstances { instances, .. }) = &call.action {
                Some(instances.len())
            } else {
                None
            }
        })
        .collect();
    assert!(batches.iter().all(|size| *size == 3), "{batches:?}");
}

#[tokio::test(start_paused = true)]
async fn containing_starts_before_the_slowest_region_answers_and_that_region_is_contained_too() {
    let testbed = seeded();
    testbed.world.with(&id(PHYSICS), |account| account.launch("ap-south-1", "t2.micro", Life::Running));
    let mut hanging = Fault::always("ec2:DescribeInstances", FailureKind::Unavailable)
        .in_account(&id(PHYSICS))
        .in_region("ap-south-1")
        .times(1);
    hanging.failure = None;
    testbed.world.fault(hanging);
    let scene = Scene::new(testbed, with_exempt_kjanet());
    scene.send(json!({})).await;
    let first_stop = scene
        .testbed
        .world
        .calls()
        .iter()
        .find(|call| matches!(call.action, Action::Instances(instances::Action::StopInstances { .. })))
        .unwrap()
        .after;
    assert!(first_stop < Duration::from_secs(2), "{first_stop:?}");
    assert_eq!(scene.billable(PHYSICS), 0);
}

#[tokio::test(start_paused = true)]
async fn a_halt_is_not_proven_while_a_region_cannot_be_seen() {
    let testbed = seeded();
    testbed.world.fault(
        Fault::always("ec2:DescribeInstances", FailureKind::Unavailable)
            .in_account(&id(PHYSICS))
            .in_region("ap-south-1"),
    );
    let scene = Scene::new(testbed, with_exempt_kjanet());
    let answer = scene.send(json!({})).await;
    let physics = report_of(&answer, PHYSICS);
    assert_eq!(physics.state, Some(State::Halting));
    assert!(physics.unseen && !physics.halt.as_ref().unwrap().contained);
    assert_eq!(scene.billable(PHYSICS), 0, "what could be seen was stopped");
    assert_eq!(scene.mails("Halted"), 0);

    for _ in 0..4 {
        scene.tick().await;
    }
    assert_eq!(scene.mails("NOT PROVEN"), 1, "{:?}", scene.subjects());

    scene.testbed.world.heal();
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, PHYSICS).state, Some(State::Halted));
    assert_eq!(scene.mails("HALT"), 1);
    assert_eq!(scene.mails("Halted") + scene.mails("NOT PROVEN"), 1, "one outcome mail a halt: {:?}", scene.subjects());
}

#[tokio::test(start_paused = true)]
async fn delete_credentials_deletes_keys_and_passwords_and_tolerates_missing_ones() {
    let overrides = json!({ "accounts": { PHYSICS: { "contain": { "users": "delete-credentials" }, "exempt": { "users": ["kjanet"] } } } });
    let scene = Scene::new(seeded(), policy(overrides));
    let answer = scene.send(json!({})).await;
    scene.testbed.world.with(&id(PHYSICS), |account| {
        for name in ["alice", "bob"] {
            let found = &account.users[&user(name)];
            assert!(
                found.keys.is_empty() && !found.console && *found.lockout.written() == Lockout::InForce,
                "{name}: {found:?}"
            );
        }
        assert_eq!(account.users[&user("kjanet")].keys.len(), 1);
    });
    assert!(report_of(&answer, PHYSICS).outcomes.iter().all(|outcome| outcome.result != "failed"));
}

#[tokio::test(start_paused = true)]
async fn delete_users_removes_everything_first() {
    let overrides = json!({ "accounts": { PHYSICS: { "contain": { "users": "delete-users" }, "exempt": { "users": ["kjanet"] } } } });
    let testbed = seeded();
    testbed.world.with(&id(PHYSICS), |account| {
        let alice = account.users.get_mut(&user("alice")).unwrap();
        let credentials = [
            Credential::Certificate("CERT".to_owned()),
            Credential::SshKey("APKA".to_owned()),
            Credential::ServiceCredential("ACCA".to_owned()),
        ];
        alice.others = credentials
            .into_iter()
            .map(|credential| OtherCredential { credential, active: true, created: None })
            .collect();
        alice.attachments = [
            UserAttachment::MfaDevice("arn:aws:iam::111111111111:mfa/alice".to_owned()),
            UserAttachment::Group("admins".to_owned()),
            UserAttachment::AttachedPolicy("arn:aws:iam::aws:policy/AdministratorAccess".to_owned()),
            UserAttachment::InlinePolicy("mine".to_owned()),
        ]
        .into();
    });
    let scene = Scene::new(testbed, policy(overrides));
    let answer = scene.send(json!({})).await;
    let names = scene.testbed.world.with(&id(PHYSICS), |account| account.users.keys().cloned().collect::<Vec<_>>());
    assert_eq!(names, [user("kjanet")]);
    assert!(report_of(&answer, PHYSICS).halt.as_ref().unwrap().contained);
}

#[tokio::test(start_paused = true)]
async fn every_call_is_journaled_before_and_after() {
    let scene = Scene::new(seeded(), with_exempt_kjanet());
    let answer = scene.send(json!({})).await;
    let halt = report_of(&answer, PHYSICS).halt.as_ref().unwrap().id.clone();
    let journal = scene.testbed.ledger.entries(&id(PHYSICS), &halt).await.unwrap();
    let mut journaled: Vec<_> = journal.iter().map(|entry| entry.action.clone()).collect();
    let mut called: Vec<_> = scene.testbed.world.calls().into_iter().map(|call| call.action).collect();
    journaled.sort();
    called.sort();
    assert_eq!(journaled, called);
    assert!(journal.iter().all(|entry| entry.concluded.is_some()));
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_nothing_is_touched() {
    let scene = Scene::new(seeded(), with_exempt_kjanet());
    scene.testbed.ledger.break_with(Some(failure("dynamodb:Query", FailureKind::NotFound)));
    let answer = scene.send(json!({})).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("dynamodb:Query"), "{}", answer.body);
    assert!(scene.testbed.world.calls().is_empty() && scene.testbed.metrics.sweeps().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_exempt_instance_is_shown_but_neither_counted_nor_stopped() {
    let testbed = seeded();
    let kept = testbed.world.with(&id(PHYSICS), |account| account.launch("us-east-1", "p5.48xlarge", Life::Running));
    let scene = Scene::new(
        testbed,
        policy(
            json!({ "defaults": { "limits": { "instances": 4 }, "notify": ["cloud@example.edu"], "exempt": { "instances": [kept.as_str()] } } }),
        ),
    );
    let answer = scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 1);
    assert_eq!(scene.testbed.world.with(&id(PHYSICS), |account| account.instance(&kept).unwrap().life), Life::Running);
    let physics = report_of(&answer, PHYSICS);
    assert_eq!((physics.instances.counted, physics.instances.exempt), (9, 1));
    assert!(physics.halt.as_ref().unwrap().contained);
}

#[tokio::test(start_paused = true)]
async fn more_than_a_thousand_instances_take_more_than_one_call_and_all_stop() {
    let testbed = seeded();
    testbed.world.add(&id(PHYSICS), SimAccount::new("physics", &REGIONS).running("us-east-1", 2_300, "t2.micro"));
    let scene = Scene::new(testbed, with_exempt_kjanet());
    scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 0);
    let sizes: Vec<usize> = scene
        .testbed
        .world
        .calls()
        .iter()
        .filter_map(|call| {
            if let Action::Instances(instances::Action::StopInstances { instances, .. }) = &call.action {
                Some(instances.len())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(sizes, [1000, 1000, 300]);
}

/// IAM throttles for a minute, and a large region is listed after the users were: what runs there does not wait for
/// them.
#[tokio::test(start_paused = true)]
async fn what_stops_never_queues_behind_what_locks_out() {
    let testbed = seeded();
    let users = (0..64)
        .fold(SimAccount::new("physics", &REGIONS), |account, number| account.user(&format!("user{number}"), 1, true));
    testbed.world.add(&id(PHYSICS), users.running("us-east-1", 9, "t2.micro").running("eu-west-1", 3001, "t2.micro"));
    testbed.world.fault(Fault::always("iam:PutUserPolicy", FailureKind::Throttled).times(1000));
    let began = testbed.clock.elapsed();
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send_within(json!({}), Deadline::within(Duration::from_secs(120))).await;
    let calls = scene.testbed.world.calls();
    let in_the_large_region = |call: &&Call| {
        matches!(&call.action, Action::Instances(instances::Action::StopInstances { region, .. })
            if region.as_str() == "eu-west-1")
    };
    let first = calls.iter().find(in_the_large_region).expect("it is stopped").after - began;
    let denies = calls.iter().filter(|call| user_of(&call.action).is_some()).count();
    assert!(
        denies > 64 && first < Duration::from_secs(3),
        "{denies} calls about users; the first stop after {first:?}"
    );
}

/// Whether there is a slot is known after two seconds where slots run short; every look has ended long before.
#[tokio::test(start_paused = true)]
async fn looks_go_on_while_the_brake_is_waited_for() {
    let testbed = seeded();
    let accounts: Vec<String> = (0..12).map(|number| format!("{:012}", 300_000_000_000_u64 + number)).collect();
    for account in &accounts {
        let of = SimAccount::new("lab", &REGIONS).running("us-east-1", 9, "t2.micro");
        testbed.world.add(&id(account), of.running("eu-west-1", 2001, "t2.micro"));
    }
    let scene = Scene::new(testbed.clone(), policy(json!({ "brake": { "haltsPerHour": 1 } })));
    let event = json!({ "action": "proceed", "accounts": accounts });
    let (_, looks) = tokio::join!(scene.send(event), async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        (testbed.world.looks(), testbed.world.calls().len())
    });
    // The regions, one page of each small region, three of the large one.
    let pages = accounts.len() * (1 + (REGIONS.len() - 1) + 3);
    assert!(looks.0 >= pages && looks.1 == 0, "{looks:?}, and {pages} pages are to be read");
}
