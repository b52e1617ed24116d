//! Random policies, observations and circumstances, and what AWS would show after a plan was carried out.

pub mod identities;
mod money;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::measure::price::Tenancy;
use runawaytrain_core::measure::vcpus::Vcpus;
use runawaytrain_core::observation::{Observation, Seen, Subject};
use runawaytrain_core::policy::{
    AccountPolicy, Contain, Exempt, InstanceResponse, InstanceStoreResponse, Limits, NotifyList, RoleResponse,
    RootResponse, UnstoppableResponse, UserResponse,
};
use runawaytrain_core::resource::capacity::{Held, Holdings};
use runawaytrain_core::resource::deny_all::DenyAll;
use runawaytrain_core::resource::fleets::{self, Fleet, FleetKind};
use runawaytrain_core::resource::groups::{self, Group};
use runawaytrain_core::resource::instances::{self, Instance, Launcher, Phase};
use runawaytrain_core::resource::quarantine::{self, Attachment, Attachments};
use runawaytrain_core::resource::roles::{self, Role, RoleLock};
use runawaytrain_core::resource::root::{self, RootCredentials};
use runawaytrain_core::resource::spot_requests::{self, SpotRequest};
use runawaytrain_core::resource::users::{self, Credentials, Lockout, User, UserAttachment};
use runawaytrain_core::resource::{
    Act, Action, Capacity, Circumstances, Fleets, Groups, Instances, Quarantine, Refusals, Roles, Root, SpotRequests,
    Users,
};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{
    AccountId, FleetId, GroupName, InstanceId, Region, RoleName, SpotRequestId, UserName,
};
use runawaytrain_core::vocabulary::mode::Mode;

pub use identities::ROLES;
use identities::{roles as some_roles, root as some_root, trusted, users as some_users};

pub const TRIPPED: i64 = 1_795_316_400;

pub fn account() -> AccountId {
    AccountId::parse("111111111111").unwrap()
}

pub fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(TRIPPED + seconds).unwrap()
}

pub fn instance_id(number: u32) -> InstanceId {
    InstanceId::new(format!("i-{number:017x}"))
}

fn failure() -> Failure {
    Failure::own("ec2:DescribeInstances", FailureKind::Denied, "")
}

fn seen<T: std::fmt::Debug + Clone + 'static>(
    of: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Seen<T>> {
    prop_oneof![9 => of.prop_map(Ok), 1 => Just(Err(failure()))]
}

fn instances() -> impl Strategy<Value = Vec<Instance>> {
    let spot = prop::option::weighted(0.2, (0u32..5).prop_map(|number| SpotRequestId::new(format!("sir-{number}"))));
    let managed = prop::option::weighted(0.1, Just("eks.amazonaws.com".to_owned()));
    let launcher = prop_oneof![
        6 => Just(None),
        2 => (0u32..6).prop_map(|number| Some(Launcher::Group(GroupName::new(format!("group-{number}"))))),
        1 => (0u32..6).prop_map(|number| Some(Launcher::Fleet(FleetId::new(format!("fleet-{number}"))))),
    ];
    let of_type = prop::sample::select(vec!["m5.large", "m5.large", "i4i.large"]);
    // Long before the halt, lately, or nobody says when.
    let launched = prop::option::of((-20i64..0).prop_map(|days| moment(days * 86_400)));
    let one = (0u32..40, 1u32..200, any::<bool>(), managed, spot, launcher, of_type, launched).prop_map(
        |(number, vcpus, pending, managed_by, spot_request, launcher, of_type, launched)| Instance {
            id: instance_id(number),
            instance_type: of_type.to_owned(),
            vcpus: Vcpus { count: vcpus, estimated: false },
            phase: if pending { Phase::Pending } else { Phase::Running },
            spot_request,
            launcher,
            managed_by,
            operation: "RunInstances".to_owned(),
            tenancy: Tenancy::Shared,
            launched,
        },
    );
    // An id is in one place and has one nature.
    prop::collection::vec(one, 0..12).prop_map(|mut list| {
        list.sort_by(|one, other| one.id.cmp(&other.id));
        list.dedup_by(|one, other| one.id == other.id);
        list
    })
}

fn groups() -> impl Strategy<Value = Vec<Group>> {
    prop::collection::btree_map(0u32..5, (any::<bool>(), 0u32..2), 0..3).prop_map(|groups| {
        let group = |(number, (suspended, desired))| Group {
            name: GroupName::new(format!("group-{number}")),
            suspended,
            processes: Default::default(),
            desired,
            members: Default::default(),
            created: None,
        };
        groups.into_iter().map(group).collect()
    })
}

fn fleets() -> impl Strategy<Value = Vec<Fleet>> {
    prop::collection::btree_map(0u32..5, (any::<bool>(), 0u64..3), 0..3).prop_map(|fleets| {
        let fleet = |(number, (spot, target))| {
            let kind = if spot { FleetKind::Spot } else { FleetKind::Ec2 };
            Fleet { id: FleetId::new(format!("fleet-{number}")), kind, target, on_demand: 0, created: None }
        };
        fleets.into_iter().map(fleet).collect()
    })
}

fn spot_requests() -> impl Strategy<Value = Vec<SpotRequest>> {
    prop::collection::btree_map(0u32..5, (any::<bool>(), any::<bool>()), 0..3).prop_map(|requests| {
        let request = |(number, (open, persistent))| SpotRequest {
            id: SpotRequestId::new(format!("sir-{number}")),
            open,
            persistent,
        };
        requests.into_iter().map(request).collect()
    })
}

fn some_holdings() -> impl Strategy<Value = Holdings> {
    let held = |name: &'static str| {
        let one = (0u32..30, 1u32..9).prop_map(move |(number, instances)| Held {
            id: format!("{name}-{number}"),
            instance_type: "m5.large".to_owned(),
            instances,
        });
        seen(prop::collection::vec(one, 0..4))
    };
    (held("h"), held("cr")).prop_map(|(hosts, reservations)| Holdings { hosts, reservations })
}

/// What a look came to, if there was one.
fn looked<T: std::fmt::Debug + Clone + 'static>(
    of: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<Seen<T>>> {
    prop::option::weighted(0.93, seen(of))
}

/// AWS's deny on a principal, seldom there.
pub fn deny_all() -> impl Strategy<Value = DenyAll> {
    (prop::bool::weighted(0.1), prop::bool::weighted(0.1))
        .prop_map(|(attached, is_boundary)| DenyAll { attached, is_boundary })
}

pub fn boundary() -> impl Strategy<Value = Option<String>> {
    prop::option::of(Just("arn:aws:iam::111111111111:policy/students".to_owned()))
}

/// An observation in which each look may have brought something, failed, or not been answered yet, whatever became of
/// the others.
pub fn observation() -> impl Strategy<Value = Observation> {
    let attachment =
        || prop_oneof![Just(Attachment::Undeployed), Just(Attachment::Detached), Just(Attachment::Attached)];
    let attachments = (attachment(), attachment(), attachment())
        .prop_map(|(lockdown, quarantine, models)| Attachments { lockdown, quarantine, models });
    let region =
        (looked(groups()), looked(fleets()), looked(spot_requests()), looked(instances()), looked(some_holdings()));
    let regions = prop::collection::btree_map(0u32..6, region, 0..6);
    let account_wide = (looked(attachments), looked(some_users()), looked(some_roles()), looked(some_root()));
    (regions, account_wide, money::prices(), money::spend()).prop_map(|(regions, account_wide, prices, spend)| {
        let (attachments, users, roles, root) = account_wide;
        let mut observation = Observation::new(account());
        (observation.prices, observation.spend) = (prices, spend);
        for (number, (groups, fleets, spot_requests, instances, holdings)) in regions {
            let region = Region::new(format!("r-{number}"));
            let region = Some(&region);
            observation.expect::<Instances>(region);
            answer::<Groups>(&mut observation, region, groups);
            answer::<Fleets>(&mut observation, region, fleets);
            answer::<SpotRequests>(&mut observation, region, spot_requests);
            answer::<Instances>(&mut observation, region, instances);
            answer::<Capacity>(&mut observation, region, holdings);
        }
        answer::<Quarantine>(&mut observation, None, attachments);
        answer::<Users>(&mut observation, None, users);
        answer::<Roles>(&mut observation, None, roles);
        answer::<Root>(&mut observation, None, root);
        observation
    })
}

fn answer<S: Subject>(observation: &mut Observation, region: Option<&Region>, answer: Option<Seen<S::Sight>>) {
    if let Some(seen) = answer {
        observation.see::<S>(region, seen);
    }
}

/// A kind, as its name: what a part of an observation is chosen by.
pub type Chosen<'a> = &'a dyn Fn(&'static str, Option<&Region>) -> bool;

/// The part of an observation that consists of the chosen looks alone, whatever they came to.
pub fn part(observation: &Observation, chosen: Chosen<'_>) -> Observation {
    let mut part = Observation::new(observation.account.clone());
    part.prices.clone_from(&observation.prices);
    part.spend = observation.spend.clone();
    bring(observation, chosen, &mut part);
    part
}

/// Takes the chosen looks of one observation over into another, in the place of what is there.
pub fn bring(from: &Observation, chosen: Chosen<'_>, to: &mut Observation) {
    copy::<Quarantine>(from, None, chosen, to);
    copy::<Users>(from, None, chosen, to);
    copy::<Roles>(from, None, chosen, to);
    copy::<Root>(from, None, chosen, to);
    for region in from.regions() {
        let region = Some(&region);
        to.expect::<Instances>(region);
        copy::<Groups>(from, region, chosen, to);
        copy::<Fleets>(from, region, chosen, to);
        copy::<SpotRequests>(from, region, chosen, to);
        copy::<Instances>(from, region, chosen, to);
        copy::<Capacity>(from, region, chosen, to);
    }
}

fn copy<S: Subject>(from: &Observation, region: Option<&Region>, chosen: Chosen<'_>, to: &mut Observation) {
    if let Some(seen) = from.of::<S>(region).filter(|_| chosen(S::NAME, region)) {
        to.see::<S>(region, seen.cloned().map_err(Clone::clone));
    }
}

/// Changes what was seen in one place, if it was.
pub fn change<S: Subject>(observation: &mut Observation, region: Option<&Region>, change: impl FnOnce(&mut S::Sight)) {
    if let Some(Ok(sight)) = observation.of::<S>(region) {
        let mut sight = sight.clone();
        change(&mut sight);
        observation.see::<S>(region, Ok(sight));
    }
}

pub fn policy() -> impl Strategy<Value = AccountPolicy> {
    let users = prop_oneof![
        Just(UserResponse::Deactivate),
        Just(UserResponse::DeleteCredentials),
        Just(UserResponse::DeleteUsers),
        Just(UserResponse::Leave)
    ];
    let roles = prop_oneof![Just(RoleResponse::RevokeSessions), Just(RoleResponse::Deny), Just(RoleResponse::Leave)];
    let instances = prop_oneof![3 => Just(InstanceResponse::Stop), 1 => Just(InstanceResponse::Terminate)];
    let unstoppable = prop_oneof![Just(UnstoppableResponse::Terminate), Just(UnstoppableResponse::Leave)];
    let instance_store = prop_oneof![2 => Just(InstanceStoreResponse::Stop), 1 => Just(InstanceStoreResponse::Leave)];
    let root = prop_oneof![Just(RootResponse::Leave), Just(RootResponse::DeleteCredentials)];
    let policies = (any::<bool>(), any::<bool>(), any::<bool>());
    let contain = (instances, unstoppable, instance_store, users, roles, root, policies).prop_map(
        |(instances, unstoppable, instance_store, users, roles, root, (quarantine, models, lockdown))| Contain {
            instances,
            unstoppable,
            instance_store,
            users,
            roles,
            root,
            quarantine,
            models,
            lockdown,
        },
    );
    let exempt = (
        prop::collection::btree_set(0u32..20, 0..5),
        prop::collection::btree_set(0..ROLES.len(), 0..3),
        prop::collection::btree_set(0u32..40, 0..5),
    );
    (prop::option::of(0u64..30), prop::option::of(0u64..400), money::limits(), 0.01f64..=1.0, contain, exempt).prop_map(
        |(instances, vcpus, money, warn, contain, exempt)| AccountPolicy {
            account: account(),
            name: None,
            mode: Mode::Proceed,
            limits: Limits {
                thresholds: [(Limit::Instances, instances), (Limit::Vcpus, vcpus)]
                    .into_iter()
                    .filter_map(|(limit, threshold)| Some((limit, threshold?)))
                    .chain(money)
                    .collect(),
                warn,
            },
            contain,
            exempt: Exempt {
                users: exempt.0.into_iter().map(|number| UserName::new(format!("user-{number}"))).collect(),
                roles: exempt.1.into_iter().map(|index| RoleName::new(ROLES[index].0)).collect(),
                instances: exempt.2.into_iter().map(instance_id).collect(),
            },
            notify: NotifyList::Default,
            suspicion: SignedDuration::from_hours(168),
            grace: SignedDuration::from_hours(4),
            is_payer: false,
            closed_regions: BTreeSet::new(),
            denied_regions: BTreeSet::new(),
            trusted: trusted(),
        },
    )
}

/// Whether an instance refused a stop or a termination because it is protected.
pub fn refused_as_protected(refusals: &Refusals, id: &InstanceId) -> bool {
    [STOP, TERMINATE].iter().any(|operation| refusals.met(operation, id.as_str(), FailureKind::Protected))
}

const STOP: &str = "ec2:StopInstances";
const TERMINATE: &str = "ec2:TerminateInstances";

/// Circumstances of a halt in which some instances have refused already, in ways that matter and in others.
pub fn circumstances() -> impl Strategy<Value = Circumstances> {
    let some = || prop::collection::btree_set((0u32..40).prop_map(instance_id), 0..4);
    let closed = prop::collection::vec((any::<prop::sample::Index>(), refusal()), 0..12);
    (0i64..60, some(), some(), some(), some(), closed).prop_map(
        |(age, stop_protected, termination_protected, unstoppable, others, closed)| {
            let mut refusals = Refusals::default();
            let mut learn = |operation, ids: BTreeSet<InstanceId>, kind| {
                ids.iter().for_each(|id| refusals.learn(operation, id.as_str(), kind));
            };
            learn(STOP, stop_protected, FailureKind::Protected);
            learn(TERMINATE, termination_protected, FailureKind::Protected);
            learn(STOP, unstoppable, FailureKind::Unsupported);
            learn(STOP, others, FailureKind::Unavailable);
            let names: Vec<String> =
                (0..20).map(|number| format!("user-{number}")).chain(ROLES.map(|(name, _)| name.to_owned())).collect();
            for (index, (call, kind)) in closed {
                refusals.learn(call, index.get::<String>(&names), kind);
            }
            Circumstances { tripped: moment(0), locked_out: moment(age), refusals }
        },
    )
}

/// How a call that denies a principal may have been refused.
fn refusal() -> impl Strategy<Value = (&'static str, FailureKind)> {
    let calls = [
        "iam:PutUserPolicy",
        "iam:AttachUserPolicy",
        "iam:PutUserPermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:AttachRolePolicy",
        "iam:PutRolePermissionsBoundary",
    ];
    (prop::sample::select(calls.to_vec()), prop::sample::select(vec![FailureKind::QuotaFull, FailureKind::Denied]))
}

/// The user that an action is about.
pub fn user_of(action: &Action) -> Option<&UserName> {
    if let Action::Users(action) = action { Some(action.user()) } else { None }
}

/// The role that an action is about.
pub fn role_of(action: &Action) -> Option<&RoleName> {
    if let Action::Roles(action) = action { Some(action.role()) } else { None }
}

/// The instances that an action is about.
pub fn instances_of(action: &Action) -> &[InstanceId] {
    if let Action::Instances(action) = action { action.instances() } else { &[] }
}

/// Whether it stops or terminates instances.
pub fn ends_instances(action: &Action) -> bool {
    use instances::Action::{Protect, StartInstances, StopInstances, TerminateInstances, Unprotect};
    match action {
        Action::Instances(StopInstances { .. } | TerminateInstances { .. }) => true,
        Action::Instances(Unprotect { .. } | Protect { .. } | StartInstances { .. }) => false,
        _ => false,
    }
}

/// Everything that a set of actions touches, one entry a thing and a call.
pub fn touched(actions: impl IntoIterator<Item = Action>) -> BTreeSet<String> {
    let each = |action: Action| match &action {
        Action::SpotRequests(spot_requests::Action::CancelSpotRequests { region, requests }) => {
            requests.iter().map(|id| format!("cancel {region} {id}")).collect()
        }
        _ if action.items().is_empty() => vec![action.to_string()],
        _ => action.items().iter().map(|id| action.with_items(&[*id]).unwrap().to_string()).collect(),
    };
    actions.into_iter().flat_map(each).collect()
}

/// What AWS would show after every action was taken at a time.
pub fn after(observation: &Observation, actions: &[Action], now: Timestamp) -> Observation {
    let mut next = observation.clone();
    for action in actions {
        match action {
            Action::Quarantine(action) => {
                let mut attached = match next.of::<Quarantine>(None) {
                    Some(Ok(attached)) => *attached,
                    // It could not be seen, so all that is wanted was attached.
                    Some(Err(_)) | None => Attachments::all(Attachment::Attached),
                };
                match action.policy() {
                    quarantine::Policy::Lockdown => attached.lockdown = Attachment::Attached,
                    quarantine::Policy::Quarantine => attached.quarantine = Attachment::Attached,
                    quarantine::Policy::Models => attached.models = Attachment::Attached,
                }
                next.see::<Quarantine>(None, Ok(attached));
            }
            Action::Groups(groups::Action::SuspendGroup { region, group, .. }) => {
                change::<Groups>(&mut next, Some(region), |groups| {
                    groups.iter_mut().filter(|known| known.name == *group).for_each(|known| known.suspended = true);
                });
            }
            Action::Fleets(fleets::Action::ZeroFleet { region, fleet, .. }) => {
                change::<Fleets>(&mut next, Some(region), |fleets| {
                    fleets.iter_mut().filter(|known| known.id == *fleet).for_each(|known| known.target = 0);
                });
            }
            Action::SpotRequests(spot_requests::Action::CancelSpotRequests { region, requests }) => {
                change::<SpotRequests>(&mut next, Some(region), |known| {
                    known.retain(|known| !requests.contains(&known.id));
                });
            }
            action if ends_instances(action) => change::<Instances>(&mut next, action.region(), |list| {
                list.retain(|instance| !instances_of(action).contains(&instance.id));
            }),
            Action::Users(action) => change::<Users>(&mut next, None, |users| change_user(users, action)),
            Action::Roles(action) => change::<Roles>(&mut next, None, |roles| change_role(roles, action, now)),
            Action::Capacity(action) => match *action {},
            Action::Root(action) => change::<Root>(&mut next, None, |root| change_root(root, *action)),
            // Protections are not seen, and a halt gives nothing back.
            Action::Instances(_) | Action::Groups(_) | Action::Fleets(_) => {}
        }
    }
    next
}

fn change_root(root: &mut Seen<RootCredentials>, action: root::Action) {
    let Ok(root) = root else { return };
    match action {
        root::Action::DeleteRootKeys => root.keys = Some(false),
        root::Action::DeleteRootPassword => root.password = Some(false),
    }
}

fn change_role(roles: &mut [Role], action: &roles::Action, now: Timestamp) {
    use roles::Action;
    for role in roles.iter_mut().filter(|known| known.name == *action.role()) {
        match action {
            Action::RevokeSessions { .. } => role.lock = Ok(RoleLock::RevokedBefore(now)),
            Action::DenyRole { .. } => role.lock = Ok(RoleLock::Denied),
            Action::AttachDenyToRole { .. } => role.deny_all = Ok(DenyAll { attached: true, is_boundary: false }),
            Action::BoundRole { .. } => role.deny_all = Ok(DenyAll { attached: false, is_boundary: true }),
            // A halt gives nothing back.
            Action::LiftRole { .. } | Action::DetachDenyFromRole { .. } | Action::RestoreRoleBoundary { .. } => {}
        }
    }
}

fn credentials(user: &mut User) -> &mut Credentials {
    user.credentials.as_mut().unwrap()
}

fn change_user(users: &mut Vec<User>, action: &users::Action) {
    use users::Action;
    let user = users.iter_mut().find(|user| user.name == *action.user()).unwrap();
    match action {
        Action::DenyUser { .. } => user.lockout = Ok(Lockout::InForce),
        Action::AttachDenyToUser { .. } => user.deny_all = Ok(DenyAll { attached: true, is_boundary: false }),
        Action::BoundUser { .. } => user.deny_all = Ok(DenyAll { attached: false, is_boundary: true }),
        Action::DeleteLogin { .. } => credentials(user).console = Ok(false),
        Action::DeactivateKey { key, .. } => {
            let keys = credentials(user).keys.as_mut().unwrap().iter_mut();
            keys.filter(|known| known.id == *key).for_each(|known| known.active = false);
        }
        Action::DeleteKey { key, .. } => credentials(user).keys.as_mut().unwrap().retain(|known| known.id != *key),
        Action::DeactivateCredential { credential, .. } => {
            let others = credentials(user).others.as_mut().unwrap().iter_mut();
            others.filter(|known| known.credential == *credential).for_each(|known| known.active = false);
        }
        Action::DeleteCredential { credential, .. } => {
            credentials(user).others.as_mut().unwrap().retain(|known| known.credential != *credential);
        }
        Action::RemoveAttachment { attachment, .. } => {
            let of = user.attachments.as_mut().unwrap().as_mut().unwrap();
            let list = match attachment {
                UserAttachment::MfaDevice(_) => &mut of.mfa_devices,
                UserAttachment::Group(_) => &mut of.groups,
                UserAttachment::AttachedPolicy(_) => &mut of.attached_policies,
                UserAttachment::InlinePolicy(_) => &mut of.inline_policies,
                // A device that nobody has any more is not seen with anybody.
                UserAttachment::VirtualMfaDevice(_) => return,
            };
            list.retain(|known| known != attachment.id());
        }
        Action::DeleteUser { user: name } => users.retain(|user| user.name != *name),
        // A halt gives nothing back.
        Action::LiftDeny { .. }
        | Action::DetachDenyFromUser { .. }
        | Action::RestoreUserBoundary { .. }
        | Action::ActivateKey { .. }
        | Action::ActivateCredential { .. } => {}
    }
}
