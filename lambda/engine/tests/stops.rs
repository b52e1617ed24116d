//! How fast things stop under EC2's quotas, in virtual time.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use common::{PAYER, PHYSICS, REGIONS, Scene, id, policy};
use runawaytrain_core::resource::Act;
use runawaytrain_testbed::{Life, SimAccount, Testbed, least_time};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_thousand_protected_instances_stop_within_half_as_much_again_as_the_quotas_take() {
    const PROTECTED: u32 = 1000;
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    let mut physics = SimAccount::new("physics", &REGIONS);
    for _ in 0..PROTECTED {
        let made = physics.launch("us-east-1", "c5.4xlarge", Life::Running);
        physics.instance(&made).unwrap().stop_protected = true;
    }
    testbed.world.add(&id(PHYSICS), physics);
    testbed.world.with_quotas();
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 0);
    let calls = scene.testbed.world.calls();
    let of = |operation: &str| calls.iter().filter(|call| call.action.operation() == operation).collect::<Vec<_>>();
    let (stops, unprotects) = (of("ec2:StopInstances"), of("ec2:ModifyInstanceAttribute"));
    let took = stops.last().unwrap().after - stops.first().unwrap().after;
    let floor = least_time("ec2:ModifyInstanceAttribute", PROTECTED);
    println!("{took:?} where {floor:?} is the least; {} stops, {} unprotects", stops.len(), unprotects.len());
    assert!(took >= floor, "{took:?}: the quotas do not hold");
    assert!(took <= floor.mul_f64(1.5), "{took:?} where {floor:?} is the least");
}

#[tokio::test(start_paused = true)]
async fn five_thousand_instances_of_a_region_stop_within_a_tenth_more_than_the_quota_takes() {
    const RUNNING: u32 = 5000;
    // StopInstances holds 1,000 tokens and gains 20 a second.
    let floor = Duration::from_secs(200);
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    let mut physics = SimAccount::new("physics", &REGIONS);
    for _ in 0..RUNNING {
        physics.launch("us-east-1", "c5.4xlarge", Life::Running);
    }
    testbed.world.add(&id(PHYSICS), physics);
    testbed.world.with_quotas();
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    assert_eq!(scene.billable(PHYSICS), 0);
    let calls = scene.testbed.world.calls();
    let stops: Vec<_> = calls.iter().filter(|call| call.action.operation() == "ec2:StopInstances").collect();
    let took = stops.last().unwrap().after - stops.first().unwrap().after;
    println!("{took:?} where {floor:?} is the least; {} stops", stops.len());
    assert!(took >= floor.mul_f64(0.99), "{took:?}: the quotas do not hold");
    assert!(took <= floor.mul_f64(1.1), "{took:?} where {floor:?} is the least");
    // The first thousand, and forty hundreds: hardly any call more.
    assert!(stops.len() <= 41 + 4, "{} calls", stops.len());
}
