//! A thief is refused what the policies that are attached deny, and nothing else.
#![cfg(test)]

use std::time::Duration;

use runawaytrain_core::resource::quarantine::Policy;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::vocabulary::ids::{AccountId, UserName};
use runawaytrain_engine::ports::{Actuator, Clock};
use runawaytrain_testbed::script;
use runawaytrain_testbed::{CONSISTENCY, Life, SimAccount, Testbed, Thief};
use tokio::time::sleep;

const ACCOUNT: &str = "111111111111";

use Policy::{Lockdown, Models, Quarantine};

const FROZEN: &[Policy] = &[Quarantine, Lockdown];

/// Each strategy, and the policies that keep a thief from it. That of `protect` is not among them: no halt attaches it.
const DENIED: [(&str, &[Policy]); 26] = [
    ("relaunch", FROZEN),
    ("protect", FROZEN),
    ("restart", FROZEN),
    ("new-region", FROZEN),
    ("group", FROZEN),
    ("empty-groups", FROZEN),
    ("fleet", FROZEN),
    ("spot", FROZEN),
    ("spot-once", FROZEN),
    ("new-user", FROZEN),
    ("new-key", FROZEN),
    ("exempt-user:bob", FROZEN),
    ("new-role", FROZEN),
    ("back-door", FROZEN),
    ("admit-account:999999999999", FROZEN),
    ("stacksets-role", FROZEN),
    ("cdk-role", FROZEN),
    ("exempt-role:backup-agent", FROZEN),
    ("detach-deny", FROZEN),
    ("alter-deny", FROZEN),
    ("fill-inline", FROZEN),
    ("fill-attached", FROZEN),
    ("delete-our-role", FROZEN),
    ("purchase", FROZEN),
    ("disable-region", FROZEN),
    ("invoke-models", &[Models, Lockdown]),
];
/// What adds nothing to the bill; an account that is locked down denies it all the same.
const PLAIN: [&str; 2] = ["assume", "throttle-looks"];
/// What nobody in an account may do in quiet times either.
const GUARDED: [&str; 3] = ["stacksets-role", "delete-our-role", "disable-region"];

/// How often the strategy got its way in an account that has something for each.
async fn deeds(strategy: &str, attached: Option<Policy>, guarded: bool) -> u32 {
    let (testbed, account) = (Testbed::new(), AccountId::parse(ACCOUNT).unwrap());
    let known = SimAccount::new("lab", &["us-east-1", "me-central-1"])
        .running("us-east-1", 1, "t2.micro")
        .running("me-central-1", 1, "t2.micro")
        .user("alice", 1, false)
        .user("bob", 1, false)
        .role("app", "/", None);
    testbed.world.add(&account, known);
    testbed.world.with(&account, |known| {
        known.guarded = guarded;
        known.launch("us-east-1", "t2.micro", Life::Stopped);
        known.users.get_mut(&UserName::new("bob")).unwrap().lockout.write(Lockout::InForce);
    });
    if let Some(policy) = attached {
        testbed.world.perform(&account, &policy.attach().into(), testbed.clock.now()).await.unwrap();
    }
    sleep(CONSISTENCY).await;
    let thief = Thief::loose(
        &testbed.world,
        &account,
        script::thief(&format!("thief {strategy} as user alice role app every 1s")).unwrap(),
    );
    sleep(Duration::from_millis(500)).await;
    assert_eq!(thief.deeds() + thief.refusals(), 1, "{strategy} is one deed");
    thief.deeds()
}

#[tokio::test(start_paused = true)]
async fn a_thief_is_refused_what_the_attached_policy_denies_and_nothing_else() {
    let plain: [(&str, &[Policy]); 2] = PLAIN.map(|strategy| (strategy, [Lockdown].as_slice()));
    for (strategy, denied) in DENIED.into_iter().chain(plain) {
        assert_eq!(deeds(strategy, None, false).await, 1, "{strategy} in quiet times");
        for policy in Policy::ALL {
            assert_eq!(
                deeds(strategy, Some(policy), false).await,
                u32::from(!denied.contains(&policy)),
                "{strategy} under the policy {policy}"
            );
        }
        assert_eq!(
            deeds(strategy, None, true).await,
            u32::from(!GUARDED.contains(&strategy)),
            "{strategy} under the policy that protects"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn whom_the_lockdown_excepts_it_does_not_stop() {
    let (testbed, account) = (Testbed::new(), AccountId::parse(ACCOUNT).unwrap());
    let session = Some(testbed.clock.now());
    testbed.world.add(
        &account,
        SimAccount::new("lab", &["us-east-1"]).role("app", "/", session).role("stacksets-exec-x", "/", session),
    );
    testbed.world.perform(&account, &Lockdown.attach().into(), testbed.clock.now()).await.unwrap();
    sleep(CONSISTENCY).await;
    let usable = |role: &str| {
        let thief = Thief::loose(
            &testbed.world,
            &account,
            script::thief(&format!("thief relaunch as role {role} every 1s")).unwrap(),
        );
        testbed.world.with(&account, |known| thief.usable(known).len())
    };
    assert_eq!((usable("app"), usable("stacksets-exec-x")), (0, 1));
}
