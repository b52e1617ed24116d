//! The simulated organization gives its lists page by page, and lives on between two pages.
#![cfg(test)]

use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::resource::instances::Instance;
use runawaytrain_core::resource::users::User;
use runawaytrain_core::resource::{Kind, Sight};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, Region, UserName};
use runawaytrain_engine::ports::{Freshness, Look, Observer};
use runawaytrain_testbed::{
    ACCOUNTS_A_PAGE, DETAILS_A_PAGE, Fault, INSTANCES_A_PAGE, Life, SimAccount, SimUser, Testbed, World,
};
use tokio::time::{Instant, sleep};

fn lab() -> AccountId {
    AccountId::parse("111111111111").unwrap()
}

async fn instances(world: &World) -> Result<Vec<Instance>, Failure> {
    let look = Look::at(Kind::Instances, Some(&Region::new("us-east-1")));
    world.look(&lab(), &look).await.map(|seen| match seen {
        Sight::Instances(instances) => instances,
        other => panic!("{other:?}"),
    })
}

async fn users(world: &World) -> Result<Vec<User>, Failure> {
    world.look(&lab(), &Look::at(Kind::Users, None)).await.map(|seen| match seen {
        Sight::Users(users) => users,
        other => panic!("{other:?}"),
    })
}

fn name(number: usize) -> UserName {
    UserName::new(format!("user-{number:05}"))
}

/// A lab with so many users and instances.
fn testbed(number: usize) -> Testbed {
    let testbed = Testbed::new();
    let mut account =
        SimAccount::new("lab", &["us-east-1"]).running("us-east-1", u32::try_from(number).unwrap(), "t2.micro");
    account.users.extend((0..number).map(|number| (name(number), SimUser::new(Timestamp::UNIX_EPOCH))));
    testbed.world.add(&lab(), account);
    testbed
}

#[tokio::test(start_paused = true)]
async fn each_page_is_a_call_that_takes_its_time_and_its_token() {
    let testbed = testbed(2 * INSTANCES_A_PAGE + 1);
    testbed.world.with_quotas();
    let began = Instant::now();
    assert_eq!(instances(&testbed.world).await.unwrap().len(), 2 * INSTANCES_A_PAGE + 1);
    assert_eq!((testbed.world.looks(), began.elapsed()), (3, Duration::from_millis(240)));
    // The bucket holds a hundred tokens and gains 1.6 between two pages: of forty lists all get their first two pages,
    // and 23 the third.
    sleep(Duration::from_secs(60)).await;
    let lists = (0..40).map(|_| instances(&testbed.world));
    let throttled = |failure: &Failure| failure.kind == FailureKind::Throttled;
    let lists = futures::future::join_all(lists).await;
    assert_eq!(lists.iter().filter(|seen| seen.as_ref().is_err_and(throttled)).count(), 17);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_fails_the_whole_look() {
    let testbed = testbed(2 * DETAILS_A_PAGE + 1);
    for number in 0..2 * ACCOUNTS_A_PAGE {
        testbed
            .world
            .add(&AccountId::parse(&format!("2{number:011}")).unwrap(), SimAccount::new("member", &["us-east-1"]));
    }
    // The first page takes 80 ms, and the other two 80 ms each.
    for spared in [1, 2] {
        let world = testbed.world.clone();
        let trouble = tokio::spawn(async move {
            sleep(Duration::from_millis(80 * spared + 40)).await;
            world.fault(Fault::always("", FailureKind::Unavailable));
        });
        let (world, directory) = (&testbed.world, testbed.ports().directory);
        let (instances, users, accounts) =
            tokio::join!(instances(world), users(world), directory.accounts(Freshness::Now));
        assert_eq!(instances.unwrap_err().kind, FailureKind::Unavailable);
        assert_eq!(users.unwrap_err().kind, FailureKind::Unavailable);
        assert_eq!(accounts.unwrap_err().kind, FailureKind::Unavailable);
        trouble.await.unwrap();
        testbed.world.heal();
    }
    assert_eq!(
        testbed.ports().directory.accounts(Freshness::Now).await.unwrap().accounts.len(),
        2 * ACCOUNTS_A_PAGE + 1
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_made_behind_the_page_is_missed_and_what_is_made_before_it_is_seen() {
    let testbed = testbed(DETAILS_A_PAGE + 1);
    let mut pages = 0;
    testbed.world.after_reads(move |operation, _, known| {
        if operation == "iam:GetAccountAuthorizationDetails" {
            pages += 1;
            for beginning in ["behind", "zoe"] {
                known.users.insert(UserName::new(format!("{beginning}-{pages}")), SimUser::new(Timestamp::UNIX_EPOCH));
            }
            // Gone before its page is read.
            known.users.remove(&name(DETAILS_A_PAGE));
        }
    });
    let seen = async || {
        let users = users(&testbed.world).await.unwrap();
        users
            .into_iter()
            .map(|user| user.name.to_string())
            .filter(|name| !name.starts_with("user-"))
            .collect::<Vec<_>>()
    };
    assert_eq!(seen().await, ["zoe-1"], "after the last page nothing is read any more");
    assert_eq!(seen().await, ["behind-1", "behind-2", "zoe-1", "zoe-2", "zoe-3"]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_launched_between_two_pages_may_hide_and_is_seen_by_the_next_look() {
    let testbed = testbed(2 * INSTANCES_A_PAGE);
    let mut launched = false;
    testbed.world.after_reads(move |operation, _, known| {
        if operation == "ec2:DescribeInstances" && !std::mem::replace(&mut launched, true) {
            (0..100).for_each(|_| drop(known.launch("us-east-1", "t2.micro", Life::Running)));
        }
    });
    let first = instances(&testbed.world).await.unwrap().len() - 2 * INSTANCES_A_PAGE;
    assert!((1..100).contains(&first), "some are behind the first page, some before it: {first}");
    assert_eq!(instances(&testbed.world).await.unwrap().len(), 2 * INSTANCES_A_PAGE + 100);
}

#[tokio::test(start_paused = true)]
async fn a_page_may_be_empty_and_not_the_last() {
    let testbed = testbed(2 * INSTANCES_A_PAGE);
    let running = testbed.world.with(&lab(), |known| {
        let of = &mut known.region("us-east-1").instances;
        of.iter_mut().for_each(|instance| instance.life = Life::Stopped);
        // Their ids end in f: they stand on the last page.
        let last = of.iter_mut().filter(|instance| instance.id.as_str().ends_with('f'));
        last.map(|instance| instance.life = Life::Running).count()
    });
    assert!(running > 0);
    assert_eq!(instances(&testbed.world).await.unwrap().len(), running);
    assert_eq!(testbed.world.looks(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_deleted_between_two_pages_fails_the_look() {
    let testbed = testbed(DETAILS_A_PAGE + 1);
    testbed.world.after_reads(|_, _, known| known.enrolled = false);
    let failure = users(&testbed.world).await.unwrap_err();
    assert_eq!((failure.operation.as_str(), failure.kind), ("sts:AssumeRole", FailureKind::Denied));
}
