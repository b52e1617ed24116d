//! Properties of whom and what a plan spares: what must never be touched, and how little of what it spares a halt may
//! touch all the same.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod arbitrary;

use std::collections::BTreeSet;

use arbitrary::identities::{ORGANIZATION, TRUSTED_PROVIDER, payer};
use arbitrary::{account, circumstances, ends_instances, instances_of, moment, observation, policy, role_of, user_of};
use jiff::Timestamp;
use proptest::prelude::*;
use runawaytrain_core::measure::disks::LocalDisks;
use runawaytrain_core::observation::{Observation, Subject};
use runawaytrain_core::plan::plan;
use runawaytrain_core::policy::known_roles::{Class, known};
use runawaytrain_core::policy::trust::Principal;
use runawaytrain_core::policy::{AccountPolicy, InstanceStoreResponse, UserResponse};
use runawaytrain_core::resource::instances::everywhere;
use runawaytrain_core::resource::roles::{Action as RoleAction, Role};
use runawaytrain_core::resource::users::Action as UserAction;
use runawaytrain_core::resource::{Act, Action, Circumstances, Roles, Users};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{InstanceId, Region, RoleName, UserName};

fn actions(policy: &AccountPolicy, observation: &Observation, circumstances: &Circumstances) -> Vec<Action> {
    plan(policy, observation, circumstances).actions().cloned().collect()
}

/// A kind's list, if it was seen.
fn seen<S: Subject>(observation: &Observation) -> Option<&S::Sight> {
    observation.of::<S>(None).and_then(Result::ok)
}

/// 1,000 cases in the suite; `PROPTEST_CASES=100000 cargo test -p runawaytrain-core --test spared --release` for a
/// longer run.
#[expect(clippy::disallowed_methods, reason = "the environment says how long the test runs; the core never reads it")]
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn exempt_things_are_in_no_plan_but_for_what_was_made_lately_or_admits_outsiders(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        for action in actions(&policy, &observation, &circumstances) {
            prop_assert!(instances_of(&action).iter().all(|id| !policy.exempts_instance(id)), "{action}");
            let user = user_of(&action).filter(|user| policy.exempts_user(user));
            prop_assert!(user.is_none_or(|user| is_young_credential(&observation, user, &action)), "{action}");
            let role = role_of(&action).filter(|role| policy.exempts_role(role));
            prop_assert!(role.is_none_or(|role| is_doubtful(&policy, &observation, role)), "{action}");
            prop_assert!(user_of(&action).is_none() || policy.contain.users != UserResponse::Leave, "{action}");
            let names_something = !instances_of(&action).is_empty();
            prop_assert!(!ends_instances(&action) || names_something, "an empty list means all instances to EC2");
        }
    }

    /// What nobody says to have none may have some.
    #[test]
    fn local_disks_that_the_policy_leaves_are_erased_only_of_what_was_launched_lately(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let mut policy = policy;
        let ended = |policy: &AccountPolicy| -> BTreeSet<(Option<Region>, InstanceId)> {
            let ending = actions(policy, &observation, &circumstances).into_iter().filter(ends_instances);
            ending.flat_map(|action| instances_of(&action).iter().map(|id| (action.region().cloned(), id.clone())).collect::<Vec<_>>()).collect()
        };
        policy.contain.instance_store = InstanceStoreResponse::Stop;
        let all = ended(&policy);
        policy.contain.instance_store = InstanceStoreResponse::Leave;
        let left = ended(&policy);
        for (region, instance) in everywhere(&observation) {
            let price = observation.prices.get(&instance.price_key(region)).map(|price| price.local_disks);
            let may_have = instance.instance_type == "i4i.large" || price.is_none_or(|said| said != LocalDisks::HasNone);
            let is_old = instance.launched.is_some_and(|launched| !is_young(Some(launched)));
            let place = (Some(region.clone()), instance.id.clone());
            let is_ended = all.contains(&place) && !(may_have && is_old);
            prop_assert_eq!(left.contains(&place), is_ended, "{:?}", instance);
        }
        for action in actions(&policy, &observation, &circumstances) {
            let members: BTreeSet<&str> = action.items().into_iter().collect();
            prop_assert!(action.erases().iter().flat_map(|erasure| &erasure.items).all(|item| members.contains(item.as_str())));
        }
    }

    #[test]
    fn never_touched_roles_are_never_in_a_plan(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let Some(roles) = seen::<Roles>(&observation) else { return Ok(()) };
        let is_protected = |role: &&Role| {
            let known = known(&role.name, &role.path, &policy.account);
            known.is_some_and(|known| matches!(known.class, Class::Reserved | Class::Ours))
        };
        let protected: BTreeSet<&RoleName> = roles.iter().filter(is_protected).map(|role| &role.name).collect();
        for action in actions(&policy, &observation, &circumstances) {
            prop_assert!(role_of(&action).is_none_or(|role| !protected.contains(role)), "{action}");
        }
        let names = [
            "RunawayTrainResponder",
            "AWSServiceRoleForAutoScaling",
            "AWSReservedSSO_Admin_1",
        ];
        for name in names {
            let is_there = roles.iter().any(|role| role.name.as_str() == name);
            prop_assert!(!is_there || protected.contains(&RoleName::new(name)), "{name}");
        }
    }

    /// Where nobody but the policy's own can take a session of it, machinery is of no use to a thief, however young.
    #[test]
    fn machinery_is_denied_only_where_it_is_young_or_admits_outsiders(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let Some(roles) = seen::<Roles>(&observation) else { return Ok(()) };
        let machinery = roles.iter().filter(|role| {
            known(&role.name, &role.path, &policy.account).is_some_and(|known| known.class == Class::Machinery)
        });
        let planned = actions(&policy, &observation, &circumstances);
        for role in machinery {
            let of_role = |action: &&Action| role_of(action) == Some(&role.name);
            let found = planned.iter().find(of_role);
            let denied = matches!(found, Some(Action::Roles(RoleAction::DenyRole { .. })));
            prop_assert!(!denied || is_doubtful(&policy, &observation, &role.name), "{found:?} of {role:?}");
            let from_outside = |principal: &Principal| !principal.is_inside(&account()) && is_expected(principal);
            let out_of_reach = !role.admits.is_empty() && role.admits.iter().all(from_outside);
            prop_assert!(!(denied && out_of_reach), "{role:?}");
            let young_and_open = is_young(role.created) && role.admits.iter().any(|principal| principal.is_inside(&account()));
            let stays_open = matches!(found, Some(Action::Roles(RoleAction::RevokeSessions { .. })));
            prop_assert!(!(young_and_open && stays_open), "{role:?}");
        }
    }

    /// Whoever may take a new session from outside is not kept out by revoking the old one.
    #[test]
    fn machinery_that_is_guarded_from_above_is_left_alone_whether_or_not_it_is_exempt(
        policy in policy(), observation in observation(), circumstances in circumstances(), is_exempt: bool,
        machinery in prop::sample::select(vec!["stacksets-exec-0123", "OrganizationAccountAccessRole"]),
    ) {
        let (mut policy, mut circumstances, role) = (policy, circumstances, RoleName::new(machinery));
        if is_exempt {
            policy.exempt.roles.insert(role.clone());
        }
        circumstances.refusals.learn("iam:PutRolePolicy", machinery, FailureKind::Denied);
        let touching = actions(&policy, &observation, &circumstances);
        prop_assert!(touching.iter().all(|action| role_of(action) != Some(&role)), "{touching:?}");
    }

    #[test]
    fn no_role_that_an_outsider_may_assume_is_only_revoked(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let Some(roles) = seen::<Roles>(&observation) else { return Ok(()) };
        for action in actions(&policy, &observation, &circumstances) {
            let Action::Roles(RoleAction::RevokeSessions { role, .. }) = &action else { continue };
            let role = roles.iter().find(|known| known.name == *role).unwrap();
            prop_assert!(role.admits.iter().all(is_expected), "{action}: {:?}", role.admits);
        }
    }
}

/// Whom the policy expects from outside, spelled out: the account itself, services, the payer, the organization where
/// it is named, and one provider.
fn is_expected(principal: &Principal) -> bool {
    match principal {
        Principal::Account(known) => [account(), payer()].contains(known),
        Principal::Organizations(ids) => *ids == [ORGANIZATION],
        Principal::Provider(name) => name == TRUSTED_PROVIDER,
        Principal::Service(_) => true,
        Principal::Anybody => false,
    }
}

/// Made within a week before the trip, or since.
fn is_young(created: Option<Timestamp>) -> bool {
    created.is_some_and(|created| created > moment(-7 * 86_400))
}

/// Whether a role is young, or admits an outsider.
fn is_doubtful(policy: &AccountPolicy, observation: &Observation, role: &RoleName) -> bool {
    let roles = seen::<Roles>(observation).unwrap();
    let role = roles.iter().find(|known| known.name == *role).unwrap();
    is_young(role.created) || role.admits.iter().any(|principal| policy.is_outsider(principal))
}

/// Whether an action only switches off a credential that was made lately on a user that was not.
fn is_young_credential(observation: &Observation, user: &UserName, action: &Action) -> bool {
    let users = seen::<Users>(observation).unwrap();
    let user = users.iter().find(|known| known.name == *user).unwrap();
    let keys = user.credentials.iter().flat_map(|of| &of.keys);
    let others = user.credentials.iter().flat_map(|of| &of.others);
    let of_key = match action {
        Action::Users(UserAction::DeactivateKey { key, .. }) => {
            keys.flatten().any(|known| known.id == *key && is_young(known.created))
        }
        Action::Users(UserAction::DeactivateCredential { credential, .. }) => {
            others.flatten().any(|known| known.credential == *credential && is_young(known.created))
        }
        _ => false,
    };
    of_key && !is_young(user.created)
}
