//! A thief is bound by what the account permits, and by its seed.
#![cfg(test)]

use std::time::Duration;

use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_testbed::script::{self, duration};
use runawaytrain_testbed::{CONSISTENCY, SimAccount, Testbed, Thief};
use tokio::time::sleep;

fn robbed(intent: &str) -> (Testbed, AccountId, Thief) {
    let (testbed, account) = (Testbed::new(), AccountId::parse("111111111111").unwrap());
    testbed.world.add(
        &account,
        SimAccount::new("physics", &["us-east-1", "eu-west-1"]).user("alice", 1, false).user("bob", 1, false),
    );
    let thief = Thief::loose(&testbed.world, &account, script::thief(intent).unwrap());
    (testbed, account, thief)
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_thief() {
    let places = async |seed: u32| {
        let (testbed, account, _thief) = robbed(&format!("thief relaunch,new-key as user alice every 2s seed {seed}"));
        sleep(Duration::from_secs(60)).await;
        testbed.world.with(&account, |known| {
            known.billable().map(|(region, instance)| format!("{region} {}", instance.id)).collect::<Vec<_>>()
        })
    };
    assert_eq!(places(7).await, places(7).await);
    assert_ne!(places(7).await, places(8).await);
}

#[tokio::test(start_paused = true)]
async fn a_quarantine_ends_growth_only_once_it_bites() {
    let (testbed, account, thief) = robbed("thief new-user as user alice every 1s");
    sleep(Duration::from_secs(5)).await;
    testbed.world.with(&account, |known| known.quarantine.write(true));
    let attached = thief.deeds();
    sleep(CONSISTENCY).await;
    let bites = thief.deeds();
    assert!(bites > attached, "IAM's seconds are the thief's");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(thief.deeds(), bites);
    assert!(thief.refusals() > 30);
}

#[tokio::test(start_paused = true)]
async fn a_session_outlives_its_key_until_the_user_is_denied() {
    let (testbed, account, thief) = robbed("thief protect as user alice every 1s");
    testbed.world.with(&account, |known| known.users.values_mut().for_each(|user| user.keys.clear()));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(testbed.world.with(&account, |known| thief.usable(known)).len(), 1);
    testbed.world.with(&account, |known| {
        for user in known.users.values_mut() {
            user.lockout.write(Lockout::InForce);
        }
    });
    sleep(CONSISTENCY).await;
    assert!(testbed.world.with(&account, |known| thief.usable(known)).is_empty());
}

#[test]
fn a_slip_of_the_pen_is_found_before_anything_runs() {
    for line in [
        "run us-east-1 nine t2.micro",
        "run us-east-1 9 t2.micro stop-protectd",
        "user",
        "fault ec2:StopInstances broken",
        "fleet f-1 on us-east-1 3 t2.micro",
    ] {
        assert!(script::change(line).is_err(), "{line}");
    }
    assert!(script::change("sweep").unwrap().is_none());
    for word in ["hang", "denied", "throttled", "unavailable", "conflict", "credentials", "quota", "other"] {
        assert!(script::change(&format!("fault ec2:StopInstances {word} times 1")).unwrap().is_some(), "{word}");
    }
    assert!(script::thief("thief juggle as user alice").is_err());
    assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
    assert!(duration("5").is_err() && duration("").is_err() && duration("-1s").is_err());
}
