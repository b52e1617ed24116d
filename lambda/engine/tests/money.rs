//! What runs has a price, and what was spent has an age: the limits in US dollars.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod events;

use std::time::Duration;

use common::{PAYER, QUIET, REGIONS, Scene, id, policy, report_of};
use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::record::State;
use runawaytrain_core::verdict::Judgement;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::SpotRequestId;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::Clock;
use runawaytrain_testbed::{Fault, Life, Mail, SimAccount, Testbed};
use serde_json::{Value, json};

const LAB: &str = "111111111111";

/// A payer and a lab in which so many of one type run.
fn lab_with(number: u32, instance_type: &str) -> Testbed {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    testbed.world.add(&id(QUIET), SimAccount::new("quiet", &REGIONS).running("us-east-1", 1, "t2.micro"));
    testbed.world.add(
        &id(LAB),
        SimAccount::new("lab", &REGIONS).running("us-west-2", number, instance_type).user("ann", 1, true),
    );
    testbed
}

fn limits(limits: Value) -> runawaytrain_core::policy::Policy {
    policy(json!({ "defaults": { "limits": limits, "notify": ["cloud@example.edu"] } }))
}

fn charged(scene: &Scene, dollars: f64) {
    let charge = Charge { amount: Usd::from_dollars(dollars), at: scene.testbed.clock.now() };
    scene.testbed.world.with(&id(LAB), |lab| lab.charge = Some(charge));
}

async fn state(scene: &Scene) -> State {
    runawaytrain_engine::ports::States::load(&*scene.testbed.ledger, &id(LAB)).await.unwrap().unwrap().record.state
}

#[tokio::test(start_paused = true)]
async fn one_expensive_instance_under_every_count_limit_is_halted_by_what_it_costs() {
    let scene = Scene::new(lab_with(1, "p5.48xlarge"), limits(json!({ "instances": 20, "vcpus": 500, "burn": 50 })));
    let answer = scene.send(json!({})).await;
    let lab = report_of(&answer, LAB);
    assert_eq!((lab.state, scene.billable(LAB), scene.billable(QUIET)), (Some(State::Halted), 0, 1));
    assert_eq!(lab.burn.total(), Usd::from_dollars(98.32));
    let mail = scene.testbed.mailbox.mails().remove(0);
    assert!(mail.subject.contains("USD 98.32/hour (limit 50.00)"), "{}", mail.subject);
}

#[tokio::test(start_paused = true)]
async fn where_the_list_has_no_price_the_estimate_by_vcpus_halts_and_is_said_to_be_one() {
    let scene = Scene::new(lab_with(1, "p9.48xlarge"), limits(json!({ "instances": 20, "burn": 50 })));
    let answer = scene.send(json!({})).await;
    assert_eq!((report_of(&answer, LAB).state, scene.billable(LAB)), (Some(State::Halted), 0));
    assert!(
        scene.testbed.mailbox.mails()[0].says("153.60 of it estimated, 53.76 for certain"),
        "{}",
        scene.testbed.mailbox.mails()[0].body
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_past_a_limit_by_an_estimate_alone_is_mailed_about_and_not_halted() {
    let testbed = lab_with(130, "t3.micro");
    testbed.world.fault(Fault::always("pricing:", FailureKind::Unavailable));
    let scene = Scene::new(testbed, limits(json!({ "instances": 500, "burn": 20 })));
    let answer = scene.send(json!({})).await;
    let lab = report_of(&answer, LAB);
    assert_eq!((lab.state, scene.billable(LAB)), (Some(State::Warned), 130), "1.35 USD an hour, were the list there");
    assert!(lab.burn.total() > Usd::from_dollars(20.0) && lab.burn.certain() < Usd::from_dollars(1.35), "{}", lab.burn);
    assert_eq!(scene.mails("MAY BE PAST ITS LIMIT"), 1, "{:?}", scene.subjects());
    // The list is asked again after a while.
    scene.testbed.world.heal();
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let answer = scene.send(json!({})).await;
    let lab = report_of(&answer, LAB);
    assert_eq!((lab.state, lab.burn.estimated), (Some(State::Ok), Usd::ZERO));
}

/// A sandbox that is frozen between two invocations does not see time pass by itself.
#[tokio::test(start_paused = true)]
async fn prices_and_charges_age_while_the_sandbox_is_frozen() {
    let testbed = lab_with(3, "t3.micro");
    testbed.world.fault(Fault::always("pricing:", FailureKind::Unavailable));
    let scene = Scene::new(testbed, limits(json!({ "instances": 20, "spendMonth": 500 })));
    charged(&scene, 10.0);
    let answer = scene.send(json!({})).await;
    assert!(report_of(&answer, LAB).burn.estimated > Usd::ZERO);
    scene.testbed.world.heal();
    scene.testbed.clock.freeze(Duration::from_secs(20 * 60));
    let answer = scene.send(json!({})).await;
    assert_eq!(report_of(&answer, LAB).burn.estimated, Usd::ZERO, "the price list is asked again");
    charged(&scene, 600.0);
    let answer = scene.send(json!({})).await;
    assert_eq!(report_of(&answer, LAB).state, Some(State::Ok), "charges are asked for once an hour");
    scene.testbed.clock.freeze(Duration::from_secs(60 * 60));
    charged(&scene, 600.0);
    let answer = scene.send(json!({})).await;
    assert_eq!(report_of(&answer, LAB).state, Some(State::Halted));
}

#[tokio::test(start_paused = true)]
async fn of_spot_a_tenth_of_its_on_demand_price_is_certain() {
    for (number, state) in [(3, State::Warned), (6, State::Halted)] {
        let testbed = lab_with(0, "p5.48xlarge");
        testbed.world.with(&id(LAB), |lab| {
            for spot in 0..number {
                let made = lab.launch("us-west-2", "p5.48xlarge", Life::Running);
                lab.instance(&made).unwrap().spot_request = Some(SpotRequestId::new(format!("sir-{spot}")));
            }
        });
        let scene = Scene::new(testbed, limits(json!({ "instances": 20, "burn": 50 })));
        let answer = scene.send(json!({})).await;
        assert_eq!(report_of(&answer, LAB).state, Some(state), "{number} for 98.32 each, if they were On-Demand");
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_with_most_of_its_vcpus_switched_off_does_not_slip_under_a_limit() {
    let testbed = lab_with(1, "p5.48xlarge");
    testbed.world.fault(Fault::always("pricing:", FailureKind::Unavailable));
    testbed.world.with(&id(LAB), |lab| {
        let machine = lab.billable().next().map(|(_, instance)| instance.id.clone()).unwrap();
        lab.instance(&machine).unwrap().cores = Some(2);
    });
    let scene = Scene::new(testbed, limits(json!({ "instances": 20, "vcpus": 500, "burn": 50 })));
    let answer = scene.send(json!({})).await;
    let lab = report_of(&answer, LAB);
    assert_eq!((lab.state, lab.vcpus), (Some(State::Halted), 2), "{}", lab.burn);
}

#[tokio::test(start_paused = true)]
async fn a_price_list_that_fails_hides_no_instance() {
    let testbed = lab_with(1, "p5.48xlarge");
    testbed.world.fault(Fault::always("pricing:", FailureKind::Denied));
    let scene = Scene::new(testbed, limits(json!({ "instances": 20, "burn": 50 })));
    let answer = scene.send(json!({})).await;
    assert_eq!((report_of(&answer, LAB).state, report_of(&answer, LAB).unseen), (Some(State::Halted), false));
}

#[tokio::test(start_paused = true)]
async fn a_price_list_that_hangs_does_not_hold_up_a_halt() {
    let testbed = lab_with(9, "c5.4xlarge");
    testbed.world.fault(Fault { failure: None, ..Fault::always("pricing:", FailureKind::Unavailable) });
    let scene = Scene::new(testbed, limits(json!({ "instances": 4, "burn": 500 })));
    scene.send(json!({})).await;
    let first = scene.testbed.world.calls()[0].after;
    assert!(first < Duration::from_secs(2), "{first:?}");
    assert_eq!(scene.billable(LAB), 0);
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_types_under_a_price_list_that_hangs_hold_up_no_sweep() {
    let testbed = lab_with(0, "m5.large");
    testbed.world.with(&id(LAB), |lab| {
        for number in 0..300 {
            lab.launch("us-west-2", &format!("c{number}.large"), Life::Running);
        }
    });
    testbed.world.fault(Fault { failure: None, ..Fault::always("pricing:", FailureKind::Unavailable) });
    let scene = Scene::new(testbed, limits(json!({ "instances": 500, "burn": 500 })));
    for _ in 0..2 {
        let began = tokio::time::Instant::now();
        let answer = scene.send(json!({})).await;
        assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
        assert_eq!(report_of(&answer, LAB).burn.total(), report_of(&answer, LAB).burn.estimated);
    }
    // Once it answers again, it is asked again; what takes longer than a sweep waits is there for the next.
    scene.testbed.world.heal();
    tokio::time::sleep(Duration::from_secs(1000)).await;
    scene.testbed.world.with(&id(LAB), |lab| drop(lab.launch("us-west-2", "m5.large", Life::Running)));
    scene.send(json!({})).await;
    let answer = scene.tick().await;
    assert_eq!(report_of(&answer, LAB).burn.listed, Usd::from_dollars(0.096));
}

#[tokio::test(start_paused = true)]
async fn a_price_is_asked_once_and_kept_for_the_next_cold_start() {
    let testbed = lab_with(3, "m5.large");
    let scene = Scene::new(testbed.clone(), limits(json!({ "instances": 20, "burn": 50 })));
    let first = scene.send(json!({})).await;
    assert_eq!(report_of(&first, LAB).burn.total(), Usd::from_dollars(0.288));
    assert_eq!(report_of(&first, LAB).burn.estimated, Usd::ZERO);
    testbed.world.fault(Fault::always("pricing:", FailureKind::Unavailable));
    let cold = Scene::new(testbed, limits(json!({ "instances": 20, "burn": 50 })));
    let answer = cold.tick().await;
    assert_eq!(
        report_of(&answer, LAB).burn.estimated,
        Usd::ZERO,
        "the list fails now; what it said before is in the table"
    );
}

#[tokio::test(start_paused = true)]
async fn charges_past_the_month_limit_halt_and_say_how_old_they_are() {
    let scene = Scene::new(lab_with(2, "t2.micro"), limits(json!({ "instances": 20, "spendMonth": 1000 })));
    scene.send(json!({})).await;
    assert_eq!(state(&scene).await, State::Ok);
    charged(&scene, 1000.5);
    // Read again within the hour.
    let mut answer = scene.tick().await;
    for _ in 0..12 {
        answer = scene.tick().await;
    }
    assert_eq!((report_of(&answer, LAB).state, scene.billable(LAB)), (Some(State::Halted), 0));
    let mails = scene.testbed.mailbox.mails();
    let halt = mails.iter().find(|mail| mail.subject.contains("HALT")).unwrap();
    assert!(halt.says("USD 1,000.50 this month (limit 1,000.00; estimated charges until 2026-11-22"), "{}", halt.body);
}

#[tokio::test(start_paused = true)]
async fn a_spend_alarm_makes_the_charges_be_read_at_once() {
    let scene = Scene::new(lab_with(2, "t2.micro"), limits(json!({ "instances": 20, "spendMonth": 1000 })));
    scene.send(json!({})).await;
    charged(&scene, 5000.0);
    let now = scene.testbed.clock.now();
    let alarm = events::alarm(|message| {
        events::owned_by(message, LAB);
        message["StateChangeTime"] = now.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string().into();
    });
    let answer = scene.send(events::records([alarm])).await;
    assert_eq!(
        (report_of(&answer, LAB).state, scene.billable(LAB), scene.billable(QUIET)),
        (Some(State::Halted), 0, 1),
        "{}",
        answer.body
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_metric_is_unknown_and_neither_nothing_nor_a_gap() {
    let scene = Scene::new(lab_with(2, "t2.micro"), limits(json!({ "instances": 20, "spendMonth": 0, "spend24h": 0 })));
    let answer = scene.send(json!({})).await;
    let lab = report_of(&answer, LAB);
    assert_eq!(
        (lab.verdict, lab.unseen, lab.unknown.as_slice()),
        (Some(Judgement::Ok), false, [Limit::Spend24h, Limit::SpendMonth].as_slice())
    );
    assert!(lab.readings.iter().all(|reading| !matches!(reading.limit, Limit::SpendMonth | Limit::Spend24h)));
    assert_eq!(lab.spend.month, None);
}

#[tokio::test(start_paused = true)]
async fn billing_that_fails_is_unknown_and_the_sweep_goes_on() {
    let testbed = lab_with(9, "t2.micro");
    testbed.world.fault(Fault { failure: None, ..Fault::always("cloudwatch:GetMetricData", FailureKind::Unavailable) });
    let scene = Scene::new(testbed, limits(json!({ "instances": 4, "spendMonth": 10 })));
    let answer = scene.send(json!({})).await;
    assert_eq!((report_of(&answer, LAB).state, answer.sweep().unwrap().complete), (Some(State::Halted), true));
    assert!(
        scene.testbed.world.calls()[0].after < Duration::from_secs(2),
        "what runs is judged before the second opinion comes"
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_release_the_month_is_judged_by_what_was_charged_since() {
    let scene = Scene::new(lab_with(2, "t2.micro"), limits(json!({ "instances": 20, "spendMonth": 1000 })));
    charged(&scene, 1500.0);
    scene.send(json!({})).await;
    assert_eq!(state(&scene).await, State::Halted);
    scene.tick().await;
    scene.send(json!({ "action": "release", "account": LAB })).await;
    for _ in 0..60 {
        scene.tick().await;
    }
    // What it stands at once all that was used before is booked.
    tokio::time::sleep(Duration::from_secs(36 * 3600)).await;
    charged(&scene, 1500.0);
    scene.tick().await;
    assert_ne!(
        state(&scene).await,
        State::Halted,
        "long past its grace, what it was halted for is not held against it again"
    );
    charged(&scene, 2400.0);
    for _ in 0..13 {
        scene.tick().await;
    }
    assert_eq!(state(&scene).await, State::Warned, "900 more are close to the limit, not past it");
    charged(&scene, 2501.0);
    for _ in 0..13 {
        scene.tick().await;
    }
    assert_eq!(state(&scene).await, State::Halted, "a thousand more than at the release is a relapse");
}

#[tokio::test(start_paused = true)]
async fn the_reports_hours_halt_and_after_a_release_only_new_ones_count() {
    let scene = Scene::new(lab_with(2, "t2.micro"), limits(json!({ "instances": 20, "spend24h": 300 })));
    let hour = |ago: i64| -> Timestamp {
        let now = scene.testbed.clock.now();
        now.checked_sub(SignedDuration::from_secs(now.as_second() % 3600 + ago * 3600)).unwrap()
    };
    for ago in 3..6 {
        scene.testbed.ledger.spent(&id(LAB), hour(ago), Usd::from_dollars(101.0));
    }
    let answer = scene.send(json!({})).await;
    assert_eq!(report_of(&answer, LAB).state, Some(State::Halted));
    assert_eq!(report_of(&answer, LAB).spend.day.unwrap().amount, Usd::from_dollars(303.0));
    scene.send(json!({ "action": "release", "account": LAB })).await;
    for _ in 0..13 {
        scene.tick().await;
    }
    assert_eq!(state(&scene).await, State::Released);
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await;
    for ago in 1..4 {
        scene.testbed.ledger.spent(&id(LAB), hour(ago), Usd::from_dollars(110.0));
    }
    for _ in 0..3 {
        scene.tick().await;
    }
    assert_eq!(state(&scene).await, State::Halted, "three hours since the release cost 330");
}

#[tokio::test(start_paused = true)]
async fn reports_without_an_account_say_that_it_spent_nothing_and_no_reports_say_nothing() {
    let scene = Scene::new(lab_with(2, "t2.micro"), limits(json!({ "instances": 20, "spend24h": 300 })));
    let none = scene.send(json!({})).await;
    assert_eq!(report_of(&none, LAB).spend.day, None);
    let now = scene.testbed.clock.now();
    scene.testbed.ledger.spent(
        &id(QUIET),
        now.checked_sub(SignedDuration::from_hours(2)).unwrap(),
        Usd::from_dollars(1.0),
    );
    let mut some = scene.tick().await;
    for _ in 0..3 {
        some = scene.tick().await;
    }
    assert_eq!(report_of(&some, LAB).spend.day.unwrap().amount, Usd::ZERO);
    assert_eq!(report_of(&some, LAB).unknown, []);
}

#[tokio::test(start_paused = true)]
async fn the_brake_lets_those_through_first_that_burn_the_most_dollars() {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    // Many cheap vCPUs here, one dear instance there.
    testbed.world.add(&id(QUIET), SimAccount::new("cheap", &REGIONS).running("us-east-1", 9, "c5.4xlarge"));
    testbed.world.add(&id(LAB), SimAccount::new("dear", &REGIONS).running("us-east-1", 5, "p3.2xlarge"));
    let document = json!({ "brake": { "haltsPerHour": 1 }, "defaults": { "limits": { "instances": 4 }, "notify": ["cloud@example.edu"] } });
    let scene = Scene::new(testbed, policy(document));
    let answer = scene.send(json!({})).await;
    assert_eq!(
        (report_of(&answer, LAB).state, report_of(&answer, QUIET).state),
        (Some(State::Halted), Some(State::Frozen))
    );
}

/// Three hours of a report, each of so many dollars.
fn spent(scene: &Scene, dollars: f64) {
    let now = scene.testbed.clock.now();
    for ago in 3..6 {
        let hour = now.checked_sub(SignedDuration::from_secs(now.as_second() % 3600 + ago * 3600)).unwrap();
        scene.testbed.ledger.spent(&id(LAB), hour, Usd::from_dollars(dollars));
    }
}

/// The outcome mail of a halt by spend, and whether the report calls it explained.
async fn outcome_of_spend(number: u32, instance_type: &str) -> (Mail, bool) {
    let scene =
        Scene::new(lab_with(number, instance_type), limits(json!({ "instances": 20, "burn": 500, "spend24h": 300 })));
    spent(&scene, 101.0);
    let answer = scene.send(json!({})).await;
    let lab = report_of(&answer, LAB);
    assert_eq!((lab.state, scene.billable(LAB)), (Some(State::Halted), 0));
    let mail = scene.testbed.mailbox.mails().into_iter().find(|mail| mail.subject.contains("] Halted")).unwrap();
    (mail, lab.halt.as_ref().unwrap().unexplained)
}

#[tokio::test(start_paused = true)]
async fn a_halt_by_spend_that_what_ran_does_not_account_for_is_not_called_contained() {
    for (number, instance_type) in [(0, "t2.micro"), (2, "t2.micro")] {
        let (mail, unexplained) = outcome_of_spend(number, instance_type).await;
        assert!(unexplained && mail.subject.contains("SOURCE OF THE SPEND NOT FOUND"), "{mail:?}");
        assert!(!mail.says("Contained in") && mail.says("WHAT THE MONEY WENT TO WAS NOT FOUND"), "{mail:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_halt_by_spend_says_what_was_not_looked_at_even_where_what_ran_accounts_for_it() {
    let (mail, unexplained) = outcome_of_spend(1, "p5.48xlarge").await;
    assert!(!unexplained && !mail.subject.contains("NOT FOUND") && mail.says("Contained in"), "{mail:?}");
    assert!(mail.says("What was not looked at") && mail.says("SageMaker"), "{mail:?}");
}
