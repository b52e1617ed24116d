//! What the simulated organization does by itself, and how it answers like the adapters.
#![cfg(test)]

use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::resource::fleets::{self, FleetKind};
use runawaytrain_core::resource::instances::Action as InstanceAction;
use runawaytrain_core::resource::roles::{Action as RoleAction, REVOKE_AHEAD, RoleLock};
use runawaytrain_core::resource::users::{self, Credential, UserAttachment};
use runawaytrain_core::resource::{Act, Action, Kind, Sight, spot_requests};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{AccountId, FleetId, InstanceId, Region, RoleName, SpotRequestId, UserName};
use runawaytrain_engine::ports::{Actuator, Clock, Directory, Freshness, Look, Observer, Performed};
use runawaytrain_testbed::{Fault, Life, SimAccount, SimSpotRequest, SimUser, Testbed};
use tokio::time::sleep;

fn lab() -> AccountId {
    AccountId::parse("111111111111").unwrap()
}

fn home() -> Region {
    Region::new("us-east-1")
}

fn ann() -> UserName {
    UserName::new("ann")
}

fn testbed() -> Testbed {
    let testbed = Testbed::new();
    testbed.world.add(&lab(), SimAccount::new("lab", &["us-east-1"]).user("ann", 1, true).role("app", "/", None));
    testbed
}

async fn perform(testbed: &Testbed, action: impl Into<Action>) -> Result<Performed, FailureKind> {
    let answer = testbed.world.perform(&lab(), &action.into(), testbed.clock.now()).await;
    answer.map_err(|failure| failure.kind)
}

#[tokio::test(start_paused = true)]
async fn a_fault_meets_a_call_by_its_own_name() {
    let zero =
        |kind| fleets::Action::ZeroFleet { region: home(), fleet: FleetId::new("f-1"), kind, target: 1, on_demand: 0 };
    let delete = |credential| users::Action::DeleteCredential { user: ann(), credential };
    let remove = |attachment| users::Action::RemoveAttachment { user: ann(), attachment };
    let calls: [(Action, &str); 9] = [
        (zero(FleetKind::Ec2).into(), "ec2:ModifyFleet"),
        (zero(FleetKind::Spot).into(), "ec2:ModifySpotFleetRequest"),
        (delete(Credential::SshKey("a".to_owned())).into(), "iam:DeleteSSHPublicKey"),
        (delete(Credential::Certificate("a".to_owned())).into(), "iam:DeleteSigningCertificate"),
        (delete(Credential::ServiceCredential("a".to_owned())).into(), "iam:DeleteServiceSpecificCredential"),
        (remove(UserAttachment::Group("a".to_owned())).into(), "iam:RemoveUserFromGroup"),
        (remove(UserAttachment::AttachedPolicy("a".to_owned())).into(), "iam:DetachUserPolicy"),
        (remove(UserAttachment::InlinePolicy("a".to_owned())).into(), "iam:DeleteUserPolicy"),
        (remove(UserAttachment::MfaDevice("a".to_owned())).into(), "iam:DeactivateMFADevice"),
    ];
    for (_, faulty) in &calls {
        let testbed = testbed();
        testbed.world.fault(Fault::always(faulty, FailureKind::Denied));
        for (action, operation) in &calls {
            let expected = if operation == faulty { Err(FailureKind::Denied) } else { Ok(Performed::AlreadyDone) };
            assert_eq!(perform(&testbed, action.clone()).await, expected, "{action} when {faulty} is denied");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_listed_is_remembered_as_long_as_the_adapters_do() {
    let testbed = testbed();
    let seen = async |freshness| {
        let regions = testbed.world.regions(&lab(), freshness).await.unwrap().len();
        (regions, Directory::accounts(&*testbed.world, freshness).await.unwrap().accounts.len())
    };
    assert_eq!(seen(Freshness::Cached).await, (1, 1));
    testbed.world.with(&lab(), |known| known.regions.insert(Region::new("eu-west-1"), Default::default()));
    let other = AccountId::parse("222222222222").unwrap();
    testbed.world.add(&other, SimAccount::new("new", &["us-east-1"]));
    assert_eq!(seen(Freshness::Cached).await, (1, 1));
    assert_eq!(seen(Freshness::Now).await, (2, 1), "even a fresh list of accounts may be half a minute old");
    sleep(Duration::from_secs(31)).await;
    assert_eq!(seen(Freshness::Now).await, (2, 2));
    testbed.world.remove(&other);
    testbed.world.with(&lab(), |known| known.regions.remove(&Region::new("eu-west-1")));
    sleep(Duration::from_secs(4 * 60)).await;
    assert_eq!(seen(Freshness::Cached).await, (2, 1));
    sleep(Duration::from_secs(11 * 60)).await;
    assert_eq!(seen(Freshness::Cached).await, (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_persistent_request_asks_again_for_what_was_terminated_and_not_for_what_was_stopped() {
    let testbed = testbed();
    let request = SpotRequestId::new("sir-1");
    let first = testbed.world.with(&lab(), |known| {
        let id = known.launch("us-east-1", "t2.micro", Life::Running);
        known.instance(&id).unwrap().spot_request = Some(request.clone());
        let waiting = SimSpotRequest { persistent: true, open: false, instance_type: "t2.micro".to_owned() };
        known.region("us-east-1").spot_requests.insert(request.clone(), waiting);
        id
    });
    let running = async || match testbed.world.look(&lab(), &Look::at(Kind::Instances, Some(&home()))).await {
        Ok(Sight::Instances(seen)) => seen.into_iter().map(|instance| instance.id).collect::<Vec<InstanceId>>(),
        other => panic!("{other:?}"),
    };
    let stop = InstanceAction::StopInstances { region: home(), instances: vec![first.clone()], erases: Vec::new() };
    assert_eq!(perform(&testbed, stop).await, Ok(Performed::Done));
    assert_eq!(running().await, []);
    let terminate =
        |id: &InstanceId| InstanceAction::TerminateInstances { region: home(), instances: vec![id.clone()] };
    assert_eq!(perform(&testbed, terminate(&first)).await, Ok(Performed::Done));
    let [second] = running().await.try_into().unwrap();
    assert_ne!(second, first);
    let cancel = spot_requests::Action::CancelSpotRequests { region: home(), requests: vec![request] };
    assert_eq!(perform(&testbed, cancel).await, Ok(Performed::Done));
    assert_eq!(perform(&testbed, terminate(&second)).await, Ok(Performed::Done));
    assert_eq!(running().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_deny_of_older_sessions_covers_the_second_that_has_begun() {
    let testbed = testbed();
    let revoke = RoleAction::RevokeSessions { role: RoleName::new("app"), ahead: REVOKE_AHEAD };
    for (now, before) in [
        ("2026-11-22T03:00:00Z", "2026-11-22T03:00:30Z"),
        ("2026-11-22T03:00:00.001Z", "2026-11-22T03:00:31Z"),
        ("2026-11-22T03:00:00.999999999Z", "2026-11-22T03:00:31Z"),
    ] {
        let (now, before): (Timestamp, Timestamp) = (now.parse().unwrap(), before.parse().unwrap());
        assert_eq!(testbed.world.perform(&lab(), &revoke.clone().into(), now).await, Ok(Performed::Done));
        let lock = testbed.world.with(&lab(), |known| *known.roles.values().next().unwrap().lock.written());
        assert_eq!(lock, RoleLock::RevokedBefore(before), "{} at {now}", revoke.operation());
    }
}

#[tokio::test(start_paused = true)]
async fn everything_that_hangs_on_a_user_keeps_it() {
    let attachments = [
        UserAttachment::Group("students".to_owned()),
        UserAttachment::AttachedPolicy("arn".to_owned()),
        UserAttachment::InlinePolicy("own".to_owned()),
        UserAttachment::MfaDevice("serial".to_owned()),
    ];
    for attachment in attachments {
        let testbed = testbed();
        let user = SimUser { attachments: [attachment.clone()].into(), ..SimUser::new(testbed.clock.now()) };
        testbed.world.with(&lab(), |known| known.users.insert(ann(), user));
        let delete = || users::Action::DeleteUser { user: ann() };
        assert_eq!(perform(&testbed, delete()).await, Err(FailureKind::Contended), "{attachment}");
        let remove = users::Action::RemoveAttachment { user: ann(), attachment };
        assert_eq!(perform(&testbed, remove).await, Ok(Performed::Done));
        assert_eq!(perform(&testbed, delete()).await, Ok(Performed::Done));
    }
}
