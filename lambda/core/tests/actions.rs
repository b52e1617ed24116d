//! Every action of every kind, held against what it says of itself.
#![cfg(test)]

use std::collections::BTreeSet;
use std::mem::discriminant;

use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::observation::Observation;
use runawaytrain_core::plan::permissions::{Loss, losses};
use runawaytrain_core::plan::{ActionResult, Changes, HaltJournal, Outcome, Plan, remaining, undo};
use runawaytrain_core::policy::Policy;
use runawaytrain_core::resource::fleets::FleetKind;
use runawaytrain_core::resource::instances::Protection;
use runawaytrain_core::resource::users::{Credential, UserAttachment};
use runawaytrain_core::resource::{
    Act, Action, Asked, Caller, Description, Draft, Erasure, Kind, Lane, ReleaseRequest, SkipReason, Start, Undo,
    fleets, groups, instances, quarantine, roles, root, spot_requests, users,
};
use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{
    AccountId, FleetId, GroupName, InstanceId, KeyId, Region, RoleName, SpotRequestId, UserName,
};

/// A name as a member may choose it: with what would break a line, or write over one.
const CHOSEN: &str = "a b\r\n\u{1b}[2Jc";

fn region() -> Region {
    Region::new("us-east-1")
}

fn group() -> GroupName {
    GroupName::new(CHOSEN)
}

fn fleet() -> FleetId {
    FleetId::new("fleet-1")
}

fn requests() -> Vec<SpotRequestId> {
    (0..7).map(|number| SpotRequestId::new(format!("sir-{number}"))).collect()
}

fn instance() -> InstanceId {
    InstanceId::new("i-0")
}

fn many() -> Vec<InstanceId> {
    (0..7).map(|number| InstanceId::new(format!("i-{number}"))).collect()
}

fn erases() -> Vec<Erasure> {
    let of = |kind: &str, certain, ids: &[&str]| Erasure {
        kind: kind.to_owned(),
        certain,
        items: ids.iter().map(|id| (*id).to_owned()).collect(),
    };
    vec![of("i4i.large", true, &["i-0", "i-3"]), of("q9.large", false, &["i-5"])]
}

fn user() -> UserName {
    UserName::new(CHOSEN)
}

fn role() -> RoleName {
    RoleName::new(CHOSEN)
}

fn key() -> KeyId {
    KeyId::new("AKIA1")
}

fn chosen() -> String {
    CHOSEN.to_owned()
}

/// Permissions boundaries that may have been there: none, and one of a name that a member chose.
fn boundaries() -> [Option<String>; 2] {
    [None, Some(chosen())]
}

/// Samples of a kind's actions. The compiler refuses the list while a variant is missing in it.
macro_rules! samples {
    ($kind:ident: $($variant:pat => $samples:expr),+ $(,)?) => {{
        use $kind::Action::*;
        let _none_is_missing = |action: &$kind::Action| match action { $($variant => {}),+ };
        let mut samples: Vec<Action> = Vec::new();
        $(samples.extend($samples.map(Action::from));)+
        samples
    }};
}

fn quarantine_samples() -> Vec<Action> {
    samples!(quarantine:
        Freeze => [Freeze],
        Thaw => [Thaw],
        DenyModels => [DenyModels],
        AllowModels => [AllowModels],
        LockDown => [LockDown],
        LiftLockdown => [LiftLockdown],
    )
}

fn group_samples() -> Vec<Action> {
    samples!(groups:
        SuspendGroup { .. } => [
            SuspendGroup { region: region(), group: group(), already: BTreeSet::new() },
            SuspendGroup { region: region(), group: group(), already: BTreeSet::from(["Launch".to_owned()]) },
        ],
        ResumeGroup { .. } => [ResumeGroup { region: region(), group: group(), processes: BTreeSet::new() }],
    )
}

fn fleet_samples() -> Vec<Action> {
    let zero = |kind| fleets::Action::ZeroFleet { region: region(), fleet: fleet(), kind, target: 7, on_demand: 2 };
    let restore =
        |kind| fleets::Action::RestoreFleet { region: region(), fleet: fleet(), kind, target: 7, on_demand: 2 };
    samples!(fleets:
        ZeroFleet { kind: FleetKind::Ec2, .. } => [zero(FleetKind::Ec2)],
        ZeroFleet { kind: FleetKind::Spot, .. } => [zero(FleetKind::Spot)],
        RestoreFleet { kind: FleetKind::Ec2, .. } => [restore(FleetKind::Ec2)],
        RestoreFleet { kind: FleetKind::Spot, .. } => [restore(FleetKind::Spot)],
    )
}

fn spot_request_samples() -> Vec<Action> {
    samples!(spot_requests:
        CancelSpotRequests { .. } => [CancelSpotRequests { region: region(), requests: requests() }],
    )
}

fn instance_samples() -> Vec<Action> {
    let unprotect = |against| instances::Action::Unprotect { region: region(), instance: instance(), against };
    let protect = |against| instances::Action::Protect { region: region(), instance: instance(), against };
    samples!(instances:
        Unprotect { .. } => [unprotect(Protection::Stop), unprotect(Protection::Termination)],
        StopInstances { .. } => [StopInstances { region: region(), instances: many(), erases: erases() }],
        TerminateInstances { .. } => [TerminateInstances { region: region(), instances: many() }],
        Protect { .. } => [protect(Protection::Stop), protect(Protection::Termination)],
        StartInstances { .. } => [StartInstances { region: region(), instances: many() }],
    )
}

fn user_samples() -> Vec<Action> {
    let credentials =
        || [Credential::Certificate(chosen()), Credential::SshKey(chosen()), Credential::ServiceCredential(chosen())];
    let attachments = || {
        [
            UserAttachment::MfaDevice(chosen()),
            UserAttachment::VirtualMfaDevice(chosen()),
            UserAttachment::Group(chosen()),
            UserAttachment::AttachedPolicy(chosen()),
            UserAttachment::InlinePolicy(chosen()),
        ]
    };
    let off = |credential| users::Action::DeactivateCredential { user: user(), credential };
    let on = |credential| users::Action::ActivateCredential { user: user(), credential };
    samples!(users:
        DenyUser { .. } => [DenyUser { user: user() }],
        AttachDenyToUser { .. } => [AttachDenyToUser { user: user() }],
        BoundUser { .. } => boundaries().map(|before| BoundUser { user: user(), before }),
        DetachDenyFromUser { .. } => [DetachDenyFromUser { user: user() }],
        RestoreUserBoundary { .. } => boundaries().map(|boundary| RestoreUserBoundary { user: user(), boundary }),
        DeactivateKey { .. } => [DeactivateKey { user: user(), key: key() }],
        DeactivateCredential { .. } => credentials().map(off),
        DeleteKey { .. } => [DeleteKey { user: user(), key: key() }],
        DeleteLogin { .. } => [DeleteLogin { user: user() }],
        DeleteCredential { .. } => credentials().map(|credential| DeleteCredential { user: user(), credential }),
        RemoveAttachment { .. } => attachments().map(|attachment| RemoveAttachment { user: user(), attachment }),
        DeleteUser { .. } => [DeleteUser { user: user() }],
        LiftDeny { .. } => [LiftDeny { user: user() }],
        ActivateKey { .. } => [ActivateKey { user: user(), key: key() }],
        ActivateCredential { .. } => credentials().map(on),
    )
}

fn role_samples() -> Vec<Action> {
    samples!(roles:
        RevokeSessions { .. } => [30, 120].map(|ahead| RevokeSessions { role: role(), ahead: SignedDuration::from_secs(ahead) }),
        DenyRole { .. } => [DenyRole { role: role() }],
        AttachDenyToRole { .. } => [AttachDenyToRole { role: role() }],
        BoundRole { .. } => boundaries().map(|before| BoundRole { role: role(), before }),
        DetachDenyFromRole { .. } => [DetachDenyFromRole { role: role() }],
        RestoreRoleBoundary { .. } => boundaries().map(|boundary| RestoreRoleBoundary { role: role(), boundary }),
        LiftRole { .. } => [LiftRole { role: role() }],
    )
}

fn root_samples() -> Vec<Action> {
    samples!(root:
        DeleteRootKeys => [DeleteRootKeys],
        DeleteRootPassword => [DeleteRootPassword],
    )
}

fn samples(kind: Kind) -> Vec<Action> {
    match kind {
        Kind::Quarantine => quarantine_samples(),
        Kind::Groups => group_samples(),
        Kind::Fleets => fleet_samples(),
        Kind::SpotRequests => spot_request_samples(),
        Kind::Instances => instance_samples(),
        Kind::Users => user_samples(),
        Kind::Roles => role_samples(),
        Kind::Root => root_samples(),
        // Nothing changes these.
        Kind::Capacity => Vec::new(),
    }
}

fn all() -> impl Iterator<Item = Action> {
    Kind::ALL.iter().flat_map(|kind| samples(*kind))
}

#[test]
fn every_action_is_read_back_from_the_journal() {
    for action in all() {
        let written = serde_json::to_string(&action).unwrap();
        assert_eq!(serde_json::from_str::<Action>(&written).unwrap(), action, "{written}");
    }
}

/// A mail says what could not be done by the actions' own words, so none of them may be missing there.
#[test]
fn what_is_lost_without_a_call_is_said_of_everything_that_it_does() {
    for action in all().filter(|action| action.kind().actor() == Caller::Member) {
        let what = action.describe();
        let denied = [(what.operation.to_owned(), DeniedBy::Organization)].into();
        let is_it = |loss: &Loss| (loss.noun, loss.verb, loss.part) == (what.noun, what.verb, what.part);
        let losses = losses(&denied);
        let loss = losses.iter().find(|loss| is_it(loss)).unwrap_or_else(|| panic!("{action}: {losses:?}"));
        assert_eq!(loss.denied, [what.operation].into(), "{action}");
        assert!(!loss.left.contains(what.operation), "{action}");
    }
}

/// Two kinds must not write the same thing: whichever came first would read the other's.
#[test]
fn no_two_kinds_share_a_word_in_the_journal() {
    let words = |kind: &Kind| -> BTreeSet<String> {
        samples(*kind)
            .iter()
            .map(|action| serde_json::to_value(action).unwrap().get("do").unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    let number: usize = Kind::ALL.iter().map(|kind| words(kind).len()).sum();
    let union: BTreeSet<String> = Kind::ALL.iter().flat_map(words).collect();
    assert_eq!(union.len(), number);
}

/// What was seen is kept under a kind's name: of two that share one, the second would write over the first.
#[test]
fn no_two_kinds_share_a_name() {
    let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), Kind::ALL.len());
}

/// A batch of which a part was taken is not done: whoever reads the report at night must see who still runs.
#[test]
fn what_a_part_of_a_batch_refused_remains() {
    for action in all().filter(|action| action.items().len() > 1) {
        let mut draft = Draft::new();
        draft.add(Lane::Account, action.clone());
        let plan = Plan::from(draft);
        let (taken, refused) = action.items().split_first().map(|(first, rest)| ([*first], rest.to_vec())).unwrap();
        let part = |items: &[&str]| action.with_items(items).unwrap();
        let failure = Failure::own(action.operation(), FailureKind::Unavailable, "");
        let outcomes = [
            Outcome { action: part(&taken), result: ActionResult::Done },
            Outcome { action: part(&refused), result: ActionResult::Failed { failure } },
        ];
        assert_eq!(remaining(plan.actions(), &outcomes), [part(&refused)], "{action}");
        assert_eq!(remaining(plan.actions(), &[]), std::slice::from_ref(&action), "{action}");
        let done = Outcome { action: action.clone(), result: ActionResult::Done };
        assert_eq!(remaining(plan.actions(), &[done]), [], "{action}");
    }
}

/// What no action makes is not granted; what one makes is.
#[test]
fn a_kind_calls_exactly_what_its_actions_make() {
    for kind in Kind::ALL {
        let made: BTreeSet<&str> = samples(*kind).iter().map(Action::operation).collect();
        assert_eq!(made, kind.calls().iter().copied().collect(), "{}", kind.name());
        assert_eq!(made.len(), kind.calls().len(), "{} names one twice", kind.name());
    }
    let calls: BTreeSet<&str> = Kind::ALL.iter().flat_map(|kind| kind.calls()).copied().collect();
    let number: usize = Kind::ALL.iter().map(|kind| kind.calls().len()).sum();
    assert_eq!(calls.len(), number, "a call is one kind's");
}

#[test]
fn what_undoes_an_action_is_not_undone_itself() {
    for action in all() {
        if let Undo::By(undo) = action.undo() {
            assert_eq!(undo.undo(), Undo::IsUndo, "{action}: {undo}");
            assert_eq!(discriminant(&undo), discriminant(&action), "{action}: {undo} is another kind's");
            assert_eq!(undo.region(), action.region(), "{action}: {undo}");
            assert_eq!(undo.items(), action.items(), "{action}: {undo}");
        }
    }
}

#[test]
fn what_can_be_undone_says_what_of_a_release_gives_it_back() {
    for action in all() {
        let can_be = matches!(action.undo(), Undo::By(_));
        assert_eq!(action.given_back_by().is_some(), can_be, "{action}");
    }
}

/// Whether a release gives it back is read off what it leaves alone where nothing could be seen: what was not asked for,
/// for that reason; what was, for not having been seen.
#[test]
fn what_an_action_says_of_a_release_is_what_the_release_goes_by() {
    let policy = r#"{"payer": "100000000000", "organization": {"id": "o-exampleorg1"},
        "defaults": {"limits": {"instances": 4}, "notify": ["cloud@example.edu"]}}"#;
    let account = AccountId::parse("111111111111").unwrap();
    let policy = Policy::from_json(policy).unwrap().for_account(&account, None);
    let nothing = Observation::new(account);
    for action in all() {
        let calls = vec![(action.clone(), Some(ActionResult::Done))];
        let changes = Changes::of([&HaltJournal { tripped: Timestamp::UNIX_EPOCH, calls }]);
        let plan = |request: &ReleaseRequest| undo(&policy, &changes, &nothing, request);
        let mut request = ReleaseRequest::default();
        match action.given_back_by() {
            None | Some(Asked::Nothing | Asked::Launch(_)) => {
                let all = ReleaseRequest {
                    users: [user()].into(),
                    roles: [role()].into(),
                    keys: [key().to_string(), chosen()].into(),
                    ..ReleaseRequest::default()
                };
                assert!(plan(&request).actions().eq(plan(&all).actions()), "{action}");
                continue;
            }
            Some(Asked::User(name)) => _ = request.users.insert(UserName::new(name)),
            Some(Asked::Role(name)) => _ = request.roles.insert(RoleName::new(name)),
            Some(Asked::Key(id)) => _ = request.keys.insert(id.to_owned()),
            Some(Asked::Start(ids)) => request.start = Start::Named(ids.into_iter().map(str::to_owned).collect()),
        }
        let is_unseen = |plan: Plan| plan.skipped().iter().any(|one| matches!(one.reason, SkipReason::Unseen { .. }));
        assert!(!is_unseen(plan(&ReleaseRequest::default())) && is_unseen(plan(&request)), "{action}");
    }
}

#[test]
fn every_undo_undoes_something() {
    let undos: Vec<Action> =
        all().filter_map(|action| if let Undo::By(undo) = action.undo() { Some(undo) } else { None }).collect();
    for action in all().filter(|action| action.undo() == Undo::IsUndo) {
        assert!(undos.contains(&action), "{action}");
    }
}

/// Names that a member chose are shown in mails: none may break a line or write over one.
#[test]
fn what_an_action_says_is_one_clean_line() {
    for action in all() {
        let said = action.to_string();
        assert!(!said.is_empty() && !said.chars().any(char::is_control), "{said:?}");
        let Description { noun, verb, .. } = action.describe();
        assert!(!noun.is_empty() && !verb.is_empty(), "{said}");
    }
}

#[test]
fn a_batch_is_taken_apart_and_covers_its_parts() {
    for action in all() {
        assert!(action.covers(&action), "{action}");
        let items = action.items();
        let parts: Vec<Action> = items.iter().filter_map(|item| action.with_items(&[*item])).collect();
        assert_eq!(parts.len(), items.len(), "{action}");
        for (part, item) in parts.iter().zip(&items) {
            assert_eq!(part.items(), [*item], "{action}");
            assert_eq!((part.operation(), part.region()), (action.operation(), action.region()), "{action}");
            assert_eq!(action.with_items(&items).as_ref(), Some(&action));
        }
    }
}
