//! A journal outlives the guard that wrote it: a halt that stands in an older form is released whole.
#![cfg(test)]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::measure::price::Tenancy;
use runawaytrain_core::measure::vcpus::Vcpus;
use runawaytrain_core::observation::Observation;
use runawaytrain_core::plan::{ActionResult, Changes, HaltJournal, Plan, undo};
use runawaytrain_core::policy::{AccountPolicy, Policy};
use runawaytrain_core::resource::deny_all::DenyAll;
use runawaytrain_core::resource::fleets::{Fleet, FleetKind};
use runawaytrain_core::resource::groups::Group;
use runawaytrain_core::resource::instances::{Instance, Phase};
use runawaytrain_core::resource::roles::{Role, RoleLock};
use runawaytrain_core::resource::users::{AccessKey, Credential, Credentials, Lockout, OtherCredential, User};
use runawaytrain_core::resource::{
    Act, Action, Fleets, Groups, Instances, ReleaseRequest, Roles, SkipReason, Skipped, Start, Undo, Users,
};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{
    AccountId, FleetId, GroupName, InstanceId, KeyId, Region, RoleName, UserName,
};

/// Every action of a halt as it was written until 0.1.0, and what it is read as.
const OLD: [(&str, &str); 27] = [
    (r#"{"do":"freeze"}"#, "attach the quarantine policy"),
    (
        r#"{"do":"suspend-group","region":"us-east-1","group":"workers"}"#,
        "suspend Auto Scaling group workers in us-east-1",
    ),
    (
        r#"{"do":"zero-fleet","region":"us-east-1","fleet":"fleet-1","kind":"ec2","target":7}"#,
        "set fleet fleet-1 in us-east-1 from 7 to 0",
    ),
    (
        r#"{"do":"zero-fleet","region":"us-east-1","fleet":"sfr-1","kind":"spot","target":2}"#,
        "set fleet sfr-1 in us-east-1 from 2 to 0",
    ),
    (
        r#"{"do":"cancel-spot-requests","region":"us-east-1","requests":["sir-1"]}"#,
        "cancel 1 Spot request in us-east-1: sir-1",
    ),
    (
        r#"{"do":"unprotect","region":"us-east-1","instance":"i-1","against":"stop"}"#,
        "take the stop protection off instance i-1 in us-east-1",
    ),
    (
        r#"{"do":"unprotect","region":"us-east-1","instance":"i-3","against":"termination"}"#,
        "take the termination protection off instance i-3 in us-east-1",
    ),
    (
        r#"{"do":"stop-instances","region":"us-east-1","instances":["i-1","i-2"]}"#,
        "stop 2 instances in us-east-1: i-1, i-2",
    ),
    (
        r#"{"do":"terminate-instances","region":"us-east-1","instances":["i-3"]}"#,
        "terminate 1 instance in us-east-1: i-3",
    ),
    (r#"{"do":"deny-user","user":"ann"}"#, "deny everything to user ann"),
    (r#"{"do":"deactivate-key","user":"ann","key":"AKIA1"}"#, "deactivate key AKIA1 of user ann"),
    (
        r#"{"do":"deactivate-credential","user":"ann","credential":{"kind":"ssh-key","id":"APKA1"}}"#,
        "deactivate SSH key APKA1 of user ann",
    ),
    (
        r#"{"do":"deactivate-credential","user":"ann","credential":{"kind":"certificate","id":"C1"}}"#,
        "deactivate signing certificate C1 of user ann",
    ),
    (
        r#"{"do":"deactivate-credential","user":"ann","credential":{"kind":"service-credential","id":"ACCA1"}}"#,
        "deactivate service-specific credential ACCA1 of user ann",
    ),
    (r#"{"do":"delete-key","user":"bob","key":"AKIA2"}"#, "delete key AKIA2 of user bob"),
    (r#"{"do":"delete-login","user":"bob"}"#, "remove the console password of user bob"),
    (
        r#"{"do":"remove-belonging","user":"bob","belonging":{"kind":"ssh-key","id":"APKA"}}"#,
        "delete SSH key APKA of user bob",
    ),
    (
        r#"{"do":"remove-belonging","user":"bob","belonging":{"kind":"certificate","id":"C2"}}"#,
        "delete signing certificate C2 of user bob",
    ),
    (
        r#"{"do":"remove-belonging","user":"bob","belonging":{"kind":"service-credential","id":"ACCA2"}}"#,
        "delete service-specific credential ACCA2 of user bob",
    ),
    (
        r#"{"do":"remove-belonging","user":"bob","belonging":{"kind":"group","id":"students"}}"#,
        "end the membership in group students of user bob",
    ),
    (
        r#"{"do":"remove-belonging","user":"bob","belonging":{"kind":"attached-policy","id":"arn:aws:iam::aws:P"}}"#,
        "detach the attached policy arn:aws:iam::aws:P of user bob",
    ),
    (
        r#"{"do":"remove-belonging","user":"bob","belonging":{"kind":"inline-policy","id":"own"}}"#,
        "delete inline policy own of user bob",
    ),
    (
        r#"{"do":"remove-belonging","user":"bob","belonging":{"kind":"mfa-device","id":"a:mfa/b"}}"#,
        "deactivate MFA device a:mfa/b of user bob",
    ),
    (
        r#"{"do":"remove-belonging","user":"bob","belonging":{"kind":"virtual-mfa-device","id":"a:mfa/b"}}"#,
        "delete virtual MFA device a:mfa/b of user bob",
    ),
    (r#"{"do":"delete-user","user":"bob"}"#, "delete user bob"),
    (r#"{"do":"revoke-sessions","role":"ci","before":"2026-11-22T03:00:00Z"}"#, "revoke the sessions of role ci"),
    (r#"{"do":"deny-role","role":"ci2"}"#, "deny everything to role ci2"),
];

/// What a release wrote until 0.1.0, with the times that its actions carried.
const OLD_RELEASE: [(&str, &str); 10] = [
    (r#"{"do":"thaw"}"#, "detach the quarantine policy"),
    (
        r#"{"do":"resume-group","region":"us-east-1","group":"workers"}"#,
        "resume Auto Scaling group workers in us-east-1",
    ),
    (
        r#"{"do":"restore-fleet","region":"us-east-1","fleet":"fleet-1","kind":"ec2","target":7}"#,
        "set fleet fleet-1 in us-east-1 back to 7",
    ),
    (
        r#"{"do":"protect","region":"us-east-1","instance":"i-1","against":"stop"}"#,
        "put the stop protection back on instance i-1 in us-east-1",
    ),
    (r#"{"do":"start-instances","region":"us-east-1","instances":["i-1"]}"#, "start 1 instance in us-east-1: i-1"),
    (
        r#"{"do":"lift-deny","user":"ann","before":"2026-11-22T03:10:00Z"}"#,
        "lift the deny from user ann, but for sessions that were issued before",
    ),
    (r#"{"do":"lift-deny","user":"ann"}"#, "lift the deny from user ann, but for sessions that were issued before"),
    (r#"{"do":"activate-key","user":"ann","key":"AKIA1"}"#, "activate key AKIA1 of user ann"),
    (
        r#"{"do":"activate-credential","user":"ann","credential":{"kind":"ssh-key","id":"APKA1"}}"#,
        "activate SSH key APKA1 of user ann",
    ),
    (
        r#"{"do":"lift-role","role":"ci2","before":"2026-11-22T03:10:00Z"}"#,
        "lift the deny from role ci2, but for sessions that were issued before",
    ),
];

fn read(stored: &str) -> Action {
    serde_json::from_str(stored).unwrap_or_else(|error| panic!("{stored}: {error}"))
}

fn tripped() -> Timestamp {
    "2026-11-22T03:00:00Z".parse().unwrap()
}

fn policy() -> AccountPolicy {
    let policy = r#"{"payer":"100000000000","organization":{"id":"o-exampleorg"},
        "defaults":{"limits":{"instances":0},"notify":["a@example.edu"]}}"#;
    Policy::from_json(policy).unwrap().for_account(&account(), None)
}

fn account() -> AccountId {
    AccountId::parse("111111111111").unwrap()
}

/// What stands after the halt, all of it old.
fn observation() -> Observation {
    let (region, old) = (Region::new("us-east-1"), Some(tripped() - SignedDuration::from_hours(9000)));
    let mut seen = Observation::new(account());
    let group = Group {
        name: GroupName::new("workers"),
        suspended: true,
        processes: BTreeSet::from(["Launch".to_owned()]),
        desired: 0,
        members: BTreeSet::new(),
        created: old,
    };
    seen.see::<Groups>(Some(&region), Ok(vec![group]));
    let fleet = |id: &str, kind| Fleet { id: FleetId::new(id), kind, target: 0, on_demand: 0, created: old };
    let fleets = vec![fleet("fleet-1", FleetKind::Ec2), fleet("sfr-1", FleetKind::Spot)];
    seen.see::<Fleets>(Some(&region), Ok(fleets));
    let instance = |id: &str| Instance {
        id: InstanceId::new(id),
        instance_type: "m5.large".to_owned(),
        vcpus: Vcpus { count: 2, estimated: false },
        phase: Phase::Running,
        spot_request: None,
        launcher: None,
        managed_by: None,
        operation: "RunInstances".to_owned(),
        tenancy: Tenancy::Shared,
        launched: old,
    };
    let stopped = ["i-1", "i-2"].map(|id| Instance { phase: Phase::Stopped, ..instance(id) });
    seen.see::<Instances>(Some(&region), Ok(stopped.to_vec()));
    let other = |credential| OtherCredential { credential, active: false, created: old };
    let ann = User {
        name: UserName::new("ann"),
        created: old,
        lockout: Ok(Lockout::InForce),
        credentials: Some(Credentials {
            keys: Ok(vec![AccessKey { id: KeyId::new("AKIA1"), active: false, created: old }]),
            console: Ok(false),
            others: Ok(vec![
                other(Credential::SshKey("APKA1".to_owned())),
                other(Credential::Certificate("C1".to_owned())),
                other(Credential::ServiceCredential("ACCA1".to_owned())),
            ]),
        }),
        attachments: None,
        deny_all: Ok(DenyAll::default()),
        boundary: None,
    };
    seen.see::<Users>(None, Ok(vec![ann]));
    let role = |name: &str, lock| Role {
        name: RoleName::new(name),
        path: "/".to_owned(),
        created: old,
        admits: Vec::new(),
        lock: Ok(lock),
        deny_all: Ok(DenyAll::default()),
        boundary: None,
    };
    let roles = vec![role("ci", RoleLock::RevokedBefore(tripped())), role("ci2", RoleLock::Denied)];
    seen.see::<Roles>(None, Ok(roles));
    seen
}

/// What is started first, and what comes back once that runs.
fn release(done: &[Action]) -> Plan {
    let first = release_as_seen(done, &observation());
    let region = Region::new("us-east-1");
    let mut seen = observation();
    let Some(Ok(instances)) = seen.of::<Instances>(Some(&region)).map(Result::<&_, _>::cloned) else { panic!("none") };
    let running = instances.into_iter().map(|known| Instance { phase: Phase::Running, ..known }).collect();
    seen.see::<Instances>(Some(&region), Ok(running));
    let both: Vec<Action> = done.iter().chain(first.actions()).cloned().collect();
    let then = release_as_seen(&both, &seen).without(first.actions());
    first.then(then)
}

fn release_as_seen(done: &[Action], seen: &Observation) -> Plan {
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let request = ReleaseRequest {
        users: BTreeSet::from([UserName::new("ann")]),
        roles: BTreeSet::from([RoleName::new("ci"), RoleName::new("ci2")]),
        keys: names(&["AKIA1", "APKA1", "C1", "ACCA1"]),
        start: Start::All,
        trust: BTreeSet::new(),
    };
    let calls = done.iter().map(|action| (action.clone(), Some(ActionResult::Done))).collect();
    undo(&policy(), &Changes::of(&[HaltJournal { tripped: tripped(), calls }]), seen, &request)
}

/// What a release leaves as it is, and why.
fn left(plan: &Plan) -> BTreeSet<String> {
    plan.skipped().iter().map(|skipped| format!("{}: {}", skipped.item, skipped.reason)).collect()
}

#[test]
fn an_action_in_the_old_form_is_read_as_what_it_was() {
    for (stored, said) in OLD.into_iter().chain(OLD_RELEASE) {
        assert_eq!(read(stored).to_string(), said, "{stored}");
    }
}

#[test]
fn a_halt_that_was_journaled_in_the_old_form_is_released_whole() {
    let done: Vec<Action> = OLD.iter().map(|(stored, _)| read(stored)).collect();
    let plan = release(&done);
    let said: BTreeSet<String> = plan.actions().map(ToString::to_string).collect();
    let expected = [
        "detach the quarantine policy",
        "resume Auto Scaling group workers in us-east-1",
        "set fleet fleet-1 in us-east-1 back to 7",
        "set fleet sfr-1 in us-east-1 back to 2",
        "put the stop protection back on instance i-1 in us-east-1",
        "start 2 instances in us-east-1: i-1, i-2",
        "lift the deny from user ann, but for sessions that were issued before",
        "activate key AKIA1 of user ann",
        "activate SSH key APKA1 of user ann",
        "activate signing certificate C1 of user ann",
        "activate service-specific credential ACCA1 of user ann",
        "lift the deny from role ci2, but for sessions that were issued before",
    ];
    assert_eq!(said, expected.map(str::to_owned).into());

    // Whatever can be undone is, but for a protection of an instance that was terminated.
    let undone: BTreeSet<Action> = plan.actions().cloned().collect();
    for action in done.iter().filter(|action| !action.to_string().contains("i-3")) {
        if let Undo::By(undo) = action.undo() {
            assert!(undone.contains(&undo), "{action}");
        }
    }

    // Whatever cannot be undone is named with a reason, but for the two halves of one device.
    let left = left(&plan);
    let gone = "deleted; it must be made anew";
    let expected = [
        format!("1 Spot request in us-east-1: {gone}"),
        format!("1 terminated instance: {gone}"),
        format!("MFA device a:mfa/b of user bob: {gone}"),
        format!("SSH key APKA of user bob: {gone}"),
        format!("attached policy arn:aws:iam::aws:P of user bob: {gone}"),
        format!("console password of user bob: {gone}"),
        format!("inline policy own of user bob: {gone}"),
        format!("key AKIA2 of user bob: {gone}"),
        format!("membership in group students of user bob: {gone}"),
        format!("service-specific credential ACCA2 of user bob: {gone}"),
        format!("signing certificate C2 of user bob: {gone}"),
        format!("user bob: {gone}"),
        "role ci: new sessions of it work already; those from before the halt stay revoked, so what still holds one \
         fails until it fetches another: a Lambda function until its environments are recycled, which a change of its \
         configuration does at once"
            .to_owned(),
    ];
    assert_eq!(left, expected.into());
}

/// The same halt in today's form comes to the same release.
#[test]
fn the_form_of_a_journal_makes_no_difference() {
    let old: Vec<Action> = OLD.iter().map(|(stored, _)| read(stored)).collect();
    let today: Vec<Action> = old.iter().map(|action| read(&serde_json::to_string(action).unwrap())).collect();
    assert_eq!(release(&old), release(&today));
    assert!(!serde_json::to_string(&old).unwrap().contains("belonging"));
}

/// What a look did not bring may be there: to call it gone would end the search for it.
#[test]
fn what_could_not_be_seen_is_not_called_gone() {
    let failure = || Failure::own("the look", FailureKind::Unavailable, "");
    let region = Region::new("us-east-1");
    let done: Vec<Action> = OLD.iter().map(|(stored, _)| read(stored)).collect();
    let gone = |plan: &Plan| -> BTreeSet<String> {
        left(plan).into_iter().filter(|line| line.ends_with(&SkipReason::Gone.to_string())).collect()
    };
    let gone_when_seen = gone(&release(&done));
    let mut blind = observation();
    blind.see::<Groups>(Some(&region), Err(failure()));
    blind.see::<Fleets>(Some(&region), Err(failure()));
    blind.see::<Users>(None, Err(failure()));
    blind.see::<Roles>(None, Err(failure()));
    let never_looked = Observation::new(account());
    let mut half_blind = observation();
    let Some(Ok(users)) = half_blind.of::<Users>(None).map(Result::<&_, _>::cloned) else { panic!("no users") };
    let unread = || Credentials { keys: Err(failure()), console: Err(failure()), others: Err(failure()) };
    let unread = users.into_iter().map(|user| User { credentials: Some(unread()), ..user });
    let unread = unread.collect();
    half_blind.see::<Users>(None, Ok(unread));
    let cases = [("blind", blind, 10), ("never looked", never_looked, 11), ("half blind", half_blind, 4)];
    for (name, seen, unseen) in cases {
        let plan = release_as_seen(&done, &seen);
        assert_eq!(gone(&plan), gone_when_seen, "{name}");
        let is_unseen = |skipped: &&Skipped| matches!(skipped.reason, SkipReason::Unseen { .. });
        assert_eq!(plan.skipped().iter().filter(is_unseen).count(), unseen, "{name}: {:#?}", left(&plan));
    }
}

/// A thief who raises a fleet behind the halt does not choose what a release sets it back to.
#[test]
fn a_fleet_is_set_back_to_what_it_was_when_the_halt_met_it() {
    let zeroed = |target| {
        read(&format!(r#"{{"do":"zero-fleet","region":"us-east-1","fleet":"fleet-1","kind":"ec2","target":{target}}}"#))
    };
    for raised in [1, 100] {
        let plan = release(&[zeroed(7), zeroed(raised), zeroed(7)]);
        let said: Vec<String> = plan.actions().map(ToString::to_string).collect();
        assert_eq!(said, ["set fleet fleet-1 in us-east-1 back to 7"]);
    }
}

/// Whatever closed the region refuses us there.
#[test]
fn a_release_calls_nothing_in_a_closed_region() {
    let done: Vec<Action> = OLD.iter().map(|(stored, _)| read(stored)).collect();
    let region = Region::new("us-east-1");
    let policy = AccountPolicy { closed_regions: [region.clone()].into(), ..policy() };
    let request = ReleaseRequest { start: Start::All, ..ReleaseRequest::default() };
    let calls = done.iter().map(|action| (action.clone(), Some(ActionResult::Done))).collect();
    let changes = Changes::of(&[HaltJournal { tripped: tripped(), calls }]);
    let plan = undo(&policy, &changes, &observation(), &request);
    assert!(plan.actions().all(|action| action.region() != Some(&region)), "{plan:?}");
    assert!(plan.actions().any(|action| action.region().is_none()), "the quarantine is in no region");
    let closed = |skipped: &&Skipped| skipped.reason == SkipReason::ClosedRegion;
    assert_eq!(plan.skipped().iter().filter(closed).count(), 1);
}
