//! What an observer sees of an account as a whole: rules about more than one kind.

use runawaytrain_core::plan::permissions::Responder;
use runawaytrain_core::resource::Depth;
use runawaytrain_core::resource::fleets::FleetKind;
use runawaytrain_core::resource::roles::RoleLock;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::vocabulary::ids::{Region, RoleName, UserName};
use runawaytrain_engine::ports::Freshness;

use super::case::{Case, cases};
use super::stage::{Stage, away, fleets, groups, home, role, running, spot_requests, user, users};

pub(super) const CASES: &[Case] = cases![
    enabled_regions_are_listed_and_others_are_not,
    all_regions_are_listed_for_whoever_asks_for_them,
    an_empty_account_is_empty,
    a_region_without_launchers_has_none,
    groups_and_fleets_are_seen,
    groups_and_fleets_tell_their_age,
    a_deny_with_other_words_in_it_is_altered,
    a_role_that_may_do_everything_is_denied_nothing_by_the_simulator,
];

async fn enabled_regions_are_listed_and_others_are_not(stage: &dyn Stage) {
    for freshness in [Freshness::Now, Freshness::Cached] {
        let regions = stage.ports().observer.regions(stage.account(), freshness).await.unwrap();
        assert!([home(), away()].iter().all(|region| regions.contains(region)), "{regions:?}");
        // One that an account has to opt in to, and this one did not.
        assert!(!regions.contains(&Region::new("ap-southeast-5")), "{regions:?}");
    }
}

async fn all_regions_are_listed_for_whoever_asks_for_them(stage: &dyn Stage) {
    let observer = &stage.ports().observer;
    let every = observer.every_region(stage.account()).await.unwrap();
    let enabled = observer.regions(stage.account(), Freshness::Now).await.unwrap();
    assert!(!enabled.is_empty() && enabled.iter().all(|region| every.contains(region)), "{every:?}");
}

async fn an_empty_account_is_empty(stage: &dyn Stage) {
    assert_eq!(running(stage, &home()).await, [].into());
    assert_eq!(users(stage, Depth::Whole).await, []);
}

async fn a_region_without_launchers_has_none(stage: &dyn Stage) {
    assert_eq!(groups(stage, &home()).await, []);
    assert_eq!(fleets(stage, &home()).await, []);
    assert_eq!(spot_requests(stage, &home()).await, []);
}

async fn groups_and_fleets_are_seen(stage: &dyn Stage) {
    stage.group(&home(), "lab group").await;
    let mut made = Vec::new();
    for (kind, target) in [(FleetKind::Ec2, 2), (FleetKind::Spot, 3)] {
        made.push((stage.fleet(&home(), kind, target).await, kind, target));
    }
    assert_eq!(
        groups(stage, &home()).await.iter().map(|group| (group.name.as_str(), group.suspended)).collect::<Vec<_>>(),
        [("lab group", false)]
    );
    assert_eq!(
        fleets(stage, &home())
            .await
            .iter()
            .map(|fleet| (fleet.id.clone(), fleet.kind, fleet.target))
            .collect::<Vec<_>>(),
        made
    );
    assert_eq!(groups(stage, &away()).await, []);
    assert_eq!(fleets(stage, &away()).await, []);
}

/// A release must know which of them are older than the halt.
async fn groups_and_fleets_tell_their_age(stage: &dyn Stage) {
    stage.group(&home(), "lab group").await;
    for kind in [FleetKind::Ec2, FleetKind::Spot] {
        stage.fleet(&home(), kind, 1).await;
    }
    let (groups, fleets) = (groups(stage, &home()).await, fleets(stage, &home()).await);
    let ages: Vec<_> =
        groups.iter().map(|group| group.created).chain(fleets.iter().map(|fleet| fleet.created)).collect();
    assert!(ages.len() == 3 && ages.iter().all(Option::is_some), "an age is missing: {groups:?} {fleets:?}");
}

async fn a_deny_with_other_words_in_it_is_altered(stage: &dyn Stage) {
    let (ann, lab) = (UserName::new("ann"), RoleName::new("lab"));
    stage.user("ann", 0, false).await;
    stage.role("lab").await;
    stage.alter_lockout(&ann).await;
    stage.alter_role_lock(&lab).await;
    assert_eq!(user(stage, &ann).await.lockout, Ok(Lockout::Altered));
    assert_eq!(role(stage, &lab).await.lock, Ok(RoleLock::Altered));
}

async fn a_role_that_may_do_everything_is_denied_nothing_by_the_simulator(stage: &dyn Stage) {
    let organization = "o-exampleorg".to_owned();
    let responder = Responder { account: stage.account().clone(), organization, region: home() };
    for question in responder.questions() {
        let denied = stage.ports().simulator.simulate(stage.account(), &question).await.unwrap();
        assert!(denied.is_empty(), "{}: {denied:?}", question.resource);
    }
}
