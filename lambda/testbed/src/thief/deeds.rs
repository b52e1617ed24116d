//! What a thief does, once it may.

use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::resource::fleets::FleetKind;
use runawaytrain_core::resource::roles::RoleLock;
use runawaytrain_core::resource::users::{AccessKey, Lockout};
use runawaytrain_core::vocabulary::ids::{
    FleetId, GroupName, InstanceId, KeyId, Region, RoleName, SpotRequestId, UserName,
};
use tokio::time::Instant;

use super::grip::{Hand, Principal, Request};
use crate::account::{SimAccount, SimRegion};
use crate::resource::deny_all::{DATED_DENY, MOST_ATTACHED, Managed};
use crate::resource::fleets::SimFleet;
use crate::resource::groups::SimGroup;
use crate::resource::instances::{Life, Stubborn};
use crate::resource::roles::{ROLE_INLINE, SimRole, Trust};
use crate::resource::spot_requests::SimSpotRequest;
use crate::resource::users::{SimUser, USER_INLINE};

/// So many instances a launch, a group or a fleet.
const HANDFUL: u32 = 3;
/// What is mined on.
const MINER: &str = "c5.4xlarge";
/// The region that the thief enables: one that nobody watches by habit.
pub(super) const FAR_AWAY: &str = "me-central-1";

pub(super) fn launch(known: &mut SimAccount, region: &str) -> Vec<InstanceId> {
    (0..HANDFUL).map(|_| known.launch(region, MINER, Life::starting())).collect()
}

/// How long the thief's loop goes on without it.
const LOOP: Duration = Duration::from_secs(10);

pub(super) fn call_in_a_loop(known: &mut SimAccount) {
    known.looped_until = Some(Instant::now() + LOOP);
}

/// It waits until what was launched runs: a launch does not survive it.
pub(super) fn disable_far_away(known: &mut SimAccount) -> bool {
    let Some(region) = known.regions.get_mut(&Region::new(FAR_AWAY)) else { return false };
    let runs = region.instances.iter().any(|instance| instance.life == Life::Running);
    runs && !std::mem::replace(&mut region.disabled, true)
}

pub(super) fn protect(known: &mut SimAccount) -> bool {
    let billable =
        known.regions.values_mut().flat_map(|region| &mut region.instances).filter(|instance| instance.is_billable());
    let mut news = false;
    for instance in billable {
        news |= !(instance.stop_protected && instance.termination_protected);
        (instance.stop_protected, instance.termination_protected) = (true, true);
    }
    news
}

pub(super) fn restart(known: &mut SimAccount) -> bool {
    let stopped = known
        .regions
        .values_mut()
        .flat_map(|region| &mut region.instances)
        .filter(|instance| instance.life == Life::Stopped);
    let mut news = false;
    for instance in stopped {
        (instance.life, news) = (Life::starting(), true);
    }
    news
}

pub(super) fn in_some_region(
    hand: &mut Hand,
    known: &mut SimAccount,
    deed: impl FnOnce(&mut Hand, &mut SimRegion, Timestamp) -> bool,
) -> bool {
    let now = known.now();
    let Some(region) = hand.dice.one_of(known.enabled().cloned().collect::<Vec<_>>()) else { return false };
    known.regions.get_mut(&region).is_some_and(|of| deed(hand, of, now))
}

pub(super) fn group(_: &mut Hand, of: &mut SimRegion, now: Timestamp) -> bool {
    // What was there before is resumed and raised; it does not become younger.
    let name = GroupName::new("workers");
    let created = of.groups.get(&name).map_or(now, |before| before.created);
    let before = of.groups.insert(name, SimGroup::new(HANDFUL, MINER, created));
    before.is_none_or(|before| before.suspended)
}

/// The most groups that a region takes by default.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-quotas.html>
const MOST_GROUPS: usize = 500;

pub(super) fn empty_groups(known: &mut SimAccount) -> bool {
    let (now, mut news) = (known.now(), false);
    for of in known.regions.values_mut() {
        for number in of.groups.len()..MOST_GROUPS {
            let group = SimGroup::new(0, MINER, now);
            news |= of.groups.insert(GroupName::new(format!("a-{number}")), group).is_none();
        }
    }
    news
}

pub(super) fn fleet(_: &mut Hand, of: &mut SimRegion, now: Timestamp) -> bool {
    let id = FleetId::new("fleet-1");
    let created = of.fleets.get(&id).map_or(now, |before| before.created);
    let before = of.fleets.insert(
        id,
        SimFleet {
            kind: FleetKind::Ec2,
            target: u64::from(HANDFUL),
            on_demand: 0,
            instance_type: MINER.to_owned(),
            created,
        },
    );
    before.is_none_or(|before| before.target == 0)
}

pub(super) fn spot(hand: &mut Hand, of: &mut SimRegion, _: Timestamp) -> bool {
    let request = SimSpotRequest { persistent: true, open: true, instance_type: MINER.to_owned() };
    of.spot_requests.insert(SpotRequestId::new(hand.name("sir")), request);
    true
}

pub(super) fn new_user(hand: &mut Hand, known: &mut SimAccount) -> bool {
    let name = UserName::new(hand.name("backup"));
    let made = known.now();
    let key = AccessKey { id: KeyId::new(hand.name("AKIATHIEF")), active: true, created: Some(made) };
    known.users.insert(name.clone(), SimUser { keys: vec![key], session: Some(made), ..SimUser::new(made) });
    hand.hold(Principal::User(name));
    true
}

/// IAM lets a user have two keys: a third is refused, but an inactive one may be switched on again.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub(super) fn new_key(hand: &mut Hand, known: &mut SimAccount, name: &UserName) -> bool {
    const MOST_KEYS: usize = 2;
    let made = known.now();
    let Some(user) = known.users.get_mut(name) else { return false };
    if user.keys.len() < MOST_KEYS {
        user.keys.push(AccessKey { id: KeyId::new(hand.name("AKIATHIEF")), active: true, created: Some(made) });
    } else if let Some(key) = user.keys.iter_mut().find(|key| !key.active) {
        key.active = true;
    } else {
        return false;
    }
    hand.hold(Principal::User(name.clone()));
    true
}

/// By the name of an exempt user; where there is none yet, such a user is made.
pub(super) fn exempt_user(hand: &mut Hand, known: &mut SimAccount, name: &UserName) -> bool {
    let now = known.now();
    known.users.entry(name.clone()).or_insert_with(|| SimUser::new(now));
    new_key(hand, known, name)
}

pub(super) fn new_role(hand: &mut Hand, known: &mut SimAccount, name: &str, trust: &Trust) -> bool {
    let name = RoleName::new(name);
    if known.roles.contains_key(&name) {
        return false;
    }
    let made = known.now();
    known.roles.insert(name.clone(), SimRole { session: Some(made), trust: trust.document(), ..SimRole::new(made) });
    hand.hold(Principal::Role(name));
    true
}

/// A role that trusts whoever is in the account.
pub(super) fn inside_role(hand: &mut Hand, known: &mut SimAccount, name: &str) -> bool {
    let own = Trust::Account(known.own().to_string());
    new_role(hand, known, name, &own)
}

/// A role by a name of the CDK's bootstrap.
pub(super) fn cdk_role(hand: &mut Hand, known: &mut SimAccount) -> bool {
    let name = format!("cdk-hnb659fds-deploy-role-{}-us-east-1", known.own());
    inside_role(hand, known, &name)
}

/// Has a role that was there before admit somebody else, and takes a session of it.
pub(super) fn alter_trust(hand: &mut Hand, known: &mut SimAccount, trust: &Trust) -> bool {
    let now = known.now();
    // Those under IAM's own paths nobody can change.
    let old = known.roles.iter().filter(|(_, role)| !role.path.starts_with("/aws-") && role.trust != trust.document());
    let Some(name) = hand.dice.one_of(old.map(|(name, _)| name.clone()).collect()) else { return false };
    let Some(role) = known.roles.get_mut(&name) else { return false };
    (role.trust, role.session) = (trust.document(), Some(now));
    hand.hold(Principal::Role(name));
    true
}

/// A role that somebody outside may assume needs nothing of this account; the others need somebody here who may still
/// act.
pub(super) fn assume(hand: &mut Hand, known: &mut SimAccount, request: &Request) {
    let inside = hand.may(request, known);
    let (issued, own) = (known.now(), known.own());
    let roles: Vec<RoleName> = hand
        .holds()
        .filter_map(|held| if let Principal::Role(name) = held { Some(name.clone()) } else { None })
        .collect();
    for name in roles {
        match known.roles.get_mut(&name) {
            Some(role) if inside || role.opens_from_outside(&own) => {
                role.session = Some(issued);
                hand.deeds += 1;
            }
            _ => hand.refusals += 1,
        }
    }
}

/// Puts something else in the place of our denies, where they stand.
pub(super) fn rewrite(known: &mut SimAccount, user_deny: Lockout, role_deny: RoleLock) -> bool {
    let mut news = false;
    for user in known.users.values_mut().filter(|user| *user.lockout.written() == Lockout::InForce) {
        user.lockout.write(user_deny);
        news = true;
    }
    for role in known
        .roles
        .values_mut()
        .filter(|role| matches!(role.lock.written(), RoleLock::Denied | RoleLock::RevokedBefore(_)))
    {
        role.lock.write(role_deny);
        news = true;
    }
    news
}

/// Takes AWS's policy off whoever is denied by it.
pub(super) fn strip_deny_all(known: &mut SimAccount) -> bool {
    let users = known.users.values_mut().map(|user| &mut user.managed);
    let all = users.chain(known.roles.values_mut().map(|role| &mut role.managed));
    all.map(Managed::strip).filter(|stripped| *stripped).count() > 0
}

/// Whatever room is left beside our own policies, where they stand already.
pub(super) fn fill_inline(known: &mut SimAccount) -> bool {
    const FILLER: &str = "filler";
    let mut news = false;
    for user in known.users.values_mut() {
        let ours = if *user.lockout.written() == Lockout::Absent { 0 } else { DATED_DENY };
        let room = USER_INLINE.saturating_sub(user.inline_length() + ours);
        if room > 0 {
            let before = user.lengths.get(FILLER).copied().unwrap_or_default();
            user.write_inline(FILLER, before + room);
            news = true;
        }
    }
    for role in known.roles.values_mut() {
        let ours = if *role.lock.written() == RoleLock::Absent { 0 } else { DATED_DENY };
        let room = ROLE_INLINE.saturating_sub(role.inline + ours);
        role.inline += room;
        news |= room > 0;
    }
    news
}

pub(super) fn fill_attached(known: &mut SimAccount) -> bool {
    let mut news = false;
    for user in known.users.values_mut() {
        let room = MOST_ATTACHED.saturating_sub(user.attached() + usize::from(*user.managed.deny_all.written()));
        user.attach_others(room);
        news |= room > 0;
    }
    for role in known.roles.values_mut() {
        let room = MOST_ATTACHED.saturating_sub(role.attached + usize::from(*role.managed.deny_all.written()));
        role.attached += room;
        news |= room > 0;
    }
    news
}

pub(super) fn launch_spot_once(known: &mut SimAccount, region: &str) {
    for id in launch(known, region) {
        if let Some(instance) = known.instance(&id) {
            (instance.stubborn, instance.termination_protected) = (Some(Stubborn::Unstoppable), true);
        }
    }
}
