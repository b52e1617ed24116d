//! What an observer sees of one account.

use runawaytrain_core::identity::{Lockout, RoleLock};
use runawaytrain_core::ids::{Region, RoleName, UserName};
use runawaytrain_core::launchers::{FleetKind, Launchers};
use runawaytrain_core::observation::Phase;
use runawaytrain_engine::ports::{Freshness, UserDetail};

use super::stage::{away, home, launchers, role, running, user, users};
use super::{Case, Machine, Stage, cases};

pub(super) const CASES: &[Case] = cases![
    enabled_regions_are_listed_and_others_are_not,
    an_empty_account_is_empty,
    a_region_without_launchers_has_none,
    what_runs_is_seen_and_what_is_stopped_or_terminated_is_not,
    an_instance_is_seen_from_its_launch_on,
    a_region_shows_its_own_instances,
    an_instance_shows_its_type_and_its_vcpus,
    a_spot_instance_names_its_request,
    groups_and_fleets_are_seen,
    groups_and_fleets_tell_their_age,
    a_user_is_seen_with_its_keys_and_its_password,
    an_ssh_key_is_a_credential_of_its_user,
    belongings_are_looked_at_only_where_asked_for,
    a_role_is_seen_with_its_path_and_a_services_own_role_too,
    a_deny_with_other_words_in_it_is_altered,
];

async fn enabled_regions_are_listed_and_others_are_not(stage: &dyn Stage) {
    for freshness in [Freshness::Now, Freshness::Cached] {
        let regions = stage.ports().observer.regions(stage.account(), freshness).await.unwrap();
        assert!([home(), away()].iter().all(|region| regions.contains(region)), "{regions:?}");
        // One that an account has to opt in to, and this one did not.
        assert!(!regions.contains(&Region::new("ap-southeast-5")), "{regions:?}");
    }
}

async fn an_empty_account_is_empty(stage: &dyn Stage) {
    assert_eq!(running(stage, &home()).await, [].into());
    assert_eq!(users(stage, UserDetail::Everything).await, []);
}

async fn a_region_without_launchers_has_none(stage: &dyn Stage) {
    assert_eq!(launchers(stage, &home()).await, Launchers::default());
}

async fn what_runs_is_seen_and_what_is_stopped_or_terminated_is_not(stage: &dyn Stage) {
    let runs = stage.launch(&away(), Machine::Running).await;
    let stopped = stage.launch(&away(), Machine::Running).await;
    let terminated = stage.launch(&away(), Machine::Running).await;
    stage.stop(&away(), &stopped).await;
    stage.terminate(&away(), &terminated).await;
    assert_eq!(running(stage, &away()).await, [runs].into());
}

async fn an_instance_is_seen_from_its_launch_on(stage: &dyn Stage) {
    let pending = stage.launch(&home(), Machine::Pending).await;
    let seen = stage.ports().observer.instances(stage.account(), &home()).await.unwrap();
    assert_eq!(
        seen.iter().map(|instance| (&instance.id, instance.phase)).collect::<Vec<_>>(),
        [(&pending, Phase::Pending)]
    );
}

async fn a_region_shows_its_own_instances(stage: &dyn Stage) {
    let here = stage.launch(&home(), Machine::Running).await;
    let there = stage.launch(&away(), Machine::Running).await;
    assert_eq!(running(stage, &home()).await, [here].into());
    assert_eq!(running(stage, &away()).await, [there].into());
}

async fn an_instance_shows_its_type_and_its_vcpus(stage: &dyn Stage) {
    stage.launch(&home(), Machine::Running).await;
    let seen = stage.ports().observer.instances(stage.account(), &home()).await.unwrap().remove(0);
    assert_eq!((seen.instance_type.as_str(), seen.vcpus.count, seen.phase), ("t2.micro", 1, Phase::Running));
    assert_eq!((seen.spot_request, seen.managed_by), (None, None));
}

async fn a_spot_instance_names_its_request(stage: &dyn Stage) {
    for (machine, persistent) in [(Machine::SpotPersistent, true), (Machine::SpotOnce, false)] {
        let id = stage.launch(&home(), machine).await;
        let seen = stage.ports().observer.instances(stage.account(), &home()).await.unwrap();
        let request = seen.into_iter().find(|instance| instance.id == id).unwrap().spot_request.unwrap();
        let requests = launchers(stage, &home()).await.spot_requests;
        let request = requests.iter().find(|seen| seen.id == request).unwrap();
        assert_eq!((request.persistent, request.open), (persistent, false));
    }
}

async fn groups_and_fleets_are_seen(stage: &dyn Stage) {
    stage.group(&home(), "lab group").await;
    let mut fleets = Vec::new();
    for (kind, target) in [(FleetKind::Ec2, 2), (FleetKind::Spot, 3)] {
        fleets.push((stage.fleet(&home(), kind, target).await, kind, target));
    }
    let seen = launchers(stage, &home()).await;
    assert_eq!(
        seen.groups.iter().map(|group| (group.name.as_str(), group.suspended)).collect::<Vec<_>>(),
        [("lab group", false)]
    );
    assert_eq!(
        seen.fleets.iter().map(|fleet| (fleet.id.clone(), fleet.kind, fleet.target)).collect::<Vec<_>>(),
        fleets
    );
    let elsewhere = launchers(stage, &away()).await;
    assert!(elsewhere.groups.is_empty() && elsewhere.fleets.is_empty(), "{elsewhere:?}");
}

/// A release must know which of them are older than the halt.
async fn groups_and_fleets_tell_their_age(stage: &dyn Stage) {
    stage.group(&home(), "lab group").await;
    for kind in [FleetKind::Ec2, FleetKind::Spot] {
        stage.fleet(&home(), kind, 1).await;
    }
    let seen = launchers(stage, &home()).await;
    let ages: Vec<_> =
        seen.groups.iter().map(|group| group.created).chain(seen.fleets.iter().map(|fleet| fleet.created)).collect();
    assert!(ages.len() == 3 && ages.iter().all(Option::is_some), "an age is missing: {seen:?}");
}

async fn a_user_is_seen_with_its_keys_and_its_password(stage: &dyn Stage) {
    stage.user("ann", 2, true).await;
    stage.user("bob", 0, false).await;
    let (ann, bob) = (user(stage, &UserName::new("ann")).await, user(stage, &UserName::new("bob")).await);
    assert!(ann.created.is_some());
    assert_eq!((ann.console, ann.lockout), (Ok(true), Ok(Lockout::Absent)));
    assert_eq!(ann.keys.unwrap().iter().map(|key| key.active).collect::<Vec<_>>(), [true, true]);
    assert_eq!((bob.console, bob.lockout, bob.keys), (Ok(false), Ok(Lockout::Absent), Ok(Vec::new())));
}

async fn an_ssh_key_is_a_credential_of_its_user(stage: &dyn Stage) {
    let ann = UserName::new("ann");
    stage.user("ann", 0, false).await;
    assert_eq!(user(stage, &ann).await.others, Ok(Vec::new()));
    let key = stage.ssh_key(&ann).await;
    let others = user(stage, &ann).await.others.unwrap();
    assert_eq!(others.iter().map(|other| (&other.credential, other.active)).collect::<Vec<_>>(), [(&key, true)]);
}

async fn belongings_are_looked_at_only_where_asked_for(stage: &dyn Stage) {
    let ann = UserName::new("ann");
    stage.user("ann", 0, false).await;
    let belongings = stage.furnish(&ann).await;
    for (detail, expected) in [(UserDetail::Credentials, None), (UserDetail::Everything, Some(Ok(belongings)))] {
        let seen = users(stage, detail).await;
        assert_eq!(seen.iter().map(|user| (&user.name, &user.belongings)).collect::<Vec<_>>(), [(&ann, &expected)]);
    }
}

async fn a_role_is_seen_with_its_path_and_a_services_own_role_too(stage: &dyn Stage) {
    stage.role("lab").await;
    let lab = role(stage, &RoleName::new("lab")).await;
    assert!(lab.created.is_some());
    assert_eq!((lab.path.as_str(), lab.lock), ("/service/", Ok(RoleLock::Absent)));
    let services = role(stage, &stage.service_role().await).await;
    assert!(services.path.starts_with("/aws-service-role/"), "{}", services.path);
    assert_eq!(services.lock, Ok(RoleLock::Absent));
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
