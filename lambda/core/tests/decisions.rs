//! Properties of the decision and the plan, over random policies, observations and circumstances.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests break loudly"
)]

mod arbitrary;

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{ORGANIZATION, account, after, circumstances, instance_id, moment, observation, policy, touched};
use proptest::prelude::*;
use runawaytrain_core::decide::{Cause, decide};
use runawaytrain_core::identity::{AccessKey, Belongings, Lockout, Roles, User, Users};
use runawaytrain_core::ids::{KeyId, RoleName, UserName};
use runawaytrain_core::observation::{Observation, Quarantine};
use runawaytrain_core::plan::Action;
use runawaytrain_core::planner::{Circumstances, Refusals, plan};
use runawaytrain_core::policy::UserResponse;
use runawaytrain_core::price::Prices;
use runawaytrain_core::protected::never_touched;
use runawaytrain_core::spend::Spend;
use runawaytrain_core::state::{AccountRecord, State};
use runawaytrain_core::trust::Outsider;
use runawaytrain_core::verdict::{Counts, Judgement, Limit, Pardon, Verdict, judge};

fn actions(
    policy: &runawaytrain_core::policy::AccountPolicy,
    observation: &Observation,
    circumstances: &Circumstances,
) -> Vec<Action> {
    plan(policy, observation, circumstances).actions().cloned().collect()
}

/// 1,000 cases in the suite; `PROPTEST_CASES=100000 cargo test -p runawaytrain-core --test decisions --release` for a
/// longer run.
#[allow(clippy::disallowed_methods, reason = "the environment says how long the test runs; the core never reads it")]
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn exempt_things_are_never_in_a_plan(policy in policy(), observation in observation(), circumstances in circumstances()) {
        for action in actions(&policy, &observation, &circumstances) {
            prop_assert!(action.instances().iter().all(|id| !policy.exempts_instance(id)), "{action}");
            prop_assert!(action.user().is_none_or(|user| !policy.exempts_user(user)), "{action}");
            prop_assert!(action.role().is_none_or(|role| !policy.exempts_role(role)), "{action}");
            prop_assert!(action.user().is_none() || policy.contain.users != UserResponse::Leave, "{action}");
            let batch = matches!(action, Action::StopInstances { .. } | Action::TerminateInstances { .. });
            prop_assert!(!batch || !action.instances().is_empty(), "an empty list means all instances to EC2");
        }
    }

    #[test]
    fn never_touched_roles_are_never_in_a_plan(policy in policy(), observation in observation(), circumstances in circumstances()) {
        let Roles::Looked(Ok(roles)) = &observation.roles else { return Ok(()) };
        let protected: BTreeSet<&RoleName> = roles.iter().filter(|role| never_touched(role).is_some()).map(|role| &role.name).collect();
        for action in actions(&policy, &observation, &circumstances) {
            prop_assert!(action.role().is_none_or(|role| !protected.contains(role)), "{action}");
        }
        for name in ["RunawayTrainResponder", "stacksets-exec-0123", "OrganizationAccountAccessRole", "AWSServiceRoleForAutoScaling", "AWSReservedSSO_Admin_1"] {
            prop_assert!(!roles.iter().any(|role| role.name.as_str() == name) || protected.contains(&RoleName::new(name)), "{name}");
        }
    }

    #[test]
    fn another_exemption_never_adds_an_action(policy in policy(), observation in observation(), circumstances in circumstances(), instance in 0u32..40, user in 0u32..20, role in 0usize..9) {
        let mut milder = policy.clone();
        milder.exempt.instances.insert(instance_id(instance));
        milder.exempt.users.insert(UserName::new(format!("user-{user}")));
        milder.exempt.roles.insert(RoleName::new(arbitrary::ROLES[role].0));
        let more = touched(actions(&policy, &observation, &circumstances));
        let fewer = touched(actions(&milder, &observation, &circumstances));
        prop_assert!(fewer.is_subset(&more), "{:?}", fewer.difference(&more));
        prop_assert!(judge(&milder, &observation, &Pardon::default(), moment(0)).judgement <= judge(&policy, &observation, &Pardon::default(), moment(0)).judgement);
    }

    #[test]
    fn the_order_of_what_was_seen_is_irrelevant(policy in policy(), observation in observation(), circumstances in circumstances()) {
        let mut turned = observation.clone();
        turned.regions.values_mut().filter_map(|seen| seen.as_mut().ok()).for_each(|list| list.reverse());
        for launchers in turned.launchers.values_mut().filter_map(|seen| seen.as_mut().ok()) {
            launchers.groups.reverse();
            launchers.fleets.reverse();
            launchers.spot_requests.reverse();
        }
        prop_assert_eq!(actions(&policy, &observation, &circumstances), actions(&policy, &turned, &circumstances));
        prop_assert_eq!(judge(&policy, &observation, &Pardon::default(), moment(0)), judge(&policy, &turned, &Pardon::default(), moment(0)));
    }

    #[test]
    fn plans_add_up_region_by_region(policy in policy(), observation in observation(), circumstances in circumstances()) {
        let whole = touched(actions(&policy, &observation, &circumstances));
        let nothing = Observation { users: Users::NotLooked, roles: Roles::NotLooked, quarantine: Quarantine::NotLooked, ..observation.clone() };
        let mut parts = BTreeSet::new();
        for (region, seen) in &observation.regions {
            let alone = Observation { regions: BTreeMap::from([(region.clone(), seen.clone())]), ..nothing.clone() };
            parts.extend(touched(actions(&policy, &alone, &circumstances)));
        }
        let identities = Observation { regions: BTreeMap::new(), ..observation.clone() };
        parts.extend(touched(actions(&policy, &identities, &circumstances)));
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn after_success_there_is_nothing_left_to_plan(policy in policy(), observation in observation(), circumstances in circumstances()) {
        let stands = after(&observation, &actions(&policy, &observation, &circumstances));
        let again = actions(&policy, &stands, &circumstances);
        // A user is deleted in a second pass, once a look showed that nothing hangs on it any more.
        let of_the_second_pass = |action: &Action| policy.contain.users == UserResponse::DeleteUsers && action.user().is_some();
        prop_assert!(again.iter().all(of_the_second_pass), "{again:?}");
        let third = actions(&policy, &after(&stands, &again), &circumstances);
        let blind = |user: &User| user.keys.is_err() || user.others.is_err() || user.belongings.as_ref().is_none_or(Result::is_err);
        let Users::Looked(Ok(users)) = &observation.users else { return Ok(()) };
        let hindered = |action: &Action| users.iter().any(|user| action.user() == Some(&user.name) && blind(user));
        prop_assert!(third.iter().all(hindered), "{third:?}");
    }

    #[test]
    fn a_region_is_disarmed_before_anything_in_it_stops(policy in policy(), observation in observation(), circumstances in circumstances()) {
        for (_, actions) in plan(&policy, &observation, &circumstances).lanes() {
            let stops = actions.iter().position(|action| matches!(action, Action::StopInstances { .. } | Action::TerminateInstances { .. }));
            let disarms = actions.iter().rposition(|action| matches!(action, Action::SuspendGroup { .. } | Action::ZeroFleet { .. } | Action::CancelSpotRequests { .. } | Action::Unprotect { .. }));
            prop_assert!(stops.is_none() || disarms.is_none() || disarms < stops, "{actions:?}");
        }
    }

    #[test]
    fn only_what_refused_is_unprotected(policy in policy(), observation in observation(), circumstances in circumstances()) {
        let refused = circumstances.refusals.stop_protected.union(&circumstances.refusals.termination_protected).collect::<BTreeSet<_>>();
        for action in actions(&policy, &observation, &circumstances) {
            if let Action::Unprotect { instance, .. } = &action {
                prop_assert!(refused.contains(instance), "{action}");
            }
        }
        let calm = Circumstances { refusals: Refusals::default(), ..circumstances };
        let unprotects = |action: &Action| matches!(action, Action::Unprotect { .. });
        prop_assert!(!actions(&policy, &observation, &calm).iter().any(unprotects), "nothing has refused yet");
    }

    #[test]
    fn everything_seen_is_either_acted_on_or_left_with_a_reason(policy in policy(), observation in observation(), circumstances in circumstances()) {
        let plan = plan(&policy, &observation, &circumstances);
        let left: BTreeSet<&str> = plan.left().iter().map(|left| left.item.as_str()).collect();
        for (region, instance) in observation.instances().filter(|(region, _)| observation.launchers.contains_key(*region)) {
            let ended = |action: &Action| matches!(action, Action::StopInstances { .. } | Action::TerminateInstances { .. }) && action.instances().contains(&instance.id);
            let named = format!("instance {} in {region}", instance.id);
            prop_assert!(plan.actions().any(ended) || left.contains(named.as_str()), "{named}");
        }
        for (region, _) in observation.regions.iter().filter(|(_, seen)| seen.is_err()) {
            let named = format!("region {region}");
            prop_assert!(left.contains(named.as_str()));
        }
        if let Users::Looked(Ok(users)) = &observation.users {
            for user in users {
                let locked = user.lockout == Ok(Lockout::InForce) || plan.actions().any(|action| action.user() == Some(&user.name));
                let named = format!("user {}", user.name);
                prop_assert!(locked || left.contains(named.as_str()), "{named}");
            }
        }
        if let Roles::Looked(Ok(roles)) = &observation.roles {
            for role in roles {
                let named = format!("role {}", role.name);
                let locked = role.lock.is_ok() || plan.actions().any(|action| action.role() == Some(&role.name));
                prop_assert!(locked || left.contains(named.as_str()), "{named}");
            }
        }
    }

    /// Whoever may take a new session from outside is not kept out by revoking the old one.
    #[test]
    fn no_role_that_a_stranger_may_assume_is_only_revoked(policy in policy(), observation in observation(), circumstances in circumstances()) {
        let Roles::Looked(Ok(roles)) = &observation.roles else { return Ok(()) };
        for action in actions(&policy, &observation, &circumstances) {
            let Action::RevokeSessions { role, .. } = &action else { continue };
            let role = roles.iter().find(|known| known.name == *role).unwrap();
            let family = |outsider: &Outsider| matches!(outsider, Outsider::Account(known) if *known == account()) || *outsider == Outsider::Organizations(vec![ORGANIZATION.to_owned()]);
            prop_assert!(role.outsiders.iter().all(family), "{action}: {:?}", role.outsiders);
        }
    }

    #[test]
    fn a_gap_never_makes_a_verdict_milder_than_the_rest_alone(policy in policy(), observation in observation()) {
        let mut without = observation.clone();
        without.regions.retain(|_, seen| seen.is_ok());
        prop_assert_eq!(judge(&policy, &observation, &Pardon::default(), moment(0)).judgement, judge(&policy, &without, &Pardon::default(), moment(0)).judgement);
        prop_assert_eq!(judge(&policy, &observation, &Pardon::default(), moment(0)).is_unseen(), !observation.gaps().is_empty());
    }

    #[test]
    fn more_regions_never_take_a_halt_back(policy in policy(), observation in observation()) {
        let mut growing = Observation { regions: BTreeMap::new(), ..observation.clone() };
        let mut worst = Judgement::Ok;
        for (region, seen) in &observation.regions {
            growing.regions.insert(region.clone(), seen.clone());
            let now = judge(&policy, &growing, &Pardon::default(), moment(0)).judgement;
            prop_assert!(now >= worst);
            worst = now;
        }
    }

    #[test]
    fn a_number_that_is_not_known_trips_nothing_and_hides_nothing(policy in policy(), observation in observation()) {
        let whole = judge(&policy, &observation, &Pardon::default(), moment(0));
        let unpriced = Observation { prices: Prices::new(), spend: Spend::default(), ..observation };
        let without = judge(&policy, &unpriced, &Pardon::default(), moment(0));
        prop_assert!(without.judgement <= whole.judgement);
        let of_money = |limit: Limit| matches!(limit, Limit::Spend24h | Limit::SpendMonth);
        prop_assert!(without.readings.iter().all(|reading| !of_money(reading.limit)), "what is not known is no number");
        prop_assert_eq!(without.unknown.contains(&Limit::SpendMonth), policy.limits.spend_month.is_some());
        let counts = |verdict: &Verdict| verdict.readings.iter().filter(|reading| !reading.limit.is_money()).map(|reading| (reading.limit, reading.judgement)).collect::<Vec<_>>();
        prop_assert_eq!(counts(&without), counts(&whole), "money neither hides nor adds an instance");
        let blind = without.readings.iter().find(|reading| reading.limit == Limit::Burn);
        prop_assert!(blind.is_none_or(|reading| reading.value == 0 && (reading.lower_bound || unpriced.instances().next().is_none() || counted(&policy, &unpriced) == 0)));
    }

    #[test]
    fn a_standing_halt_is_lifted_by_no_observation(policy in policy(), observation in observation(), proven in any::<bool>()) {
        let mut record = AccountRecord::new(account(), moment(0));
        record.state = if proven { State::Halted } else { State::Halting };
        prop_assert_eq!(decide(&policy, &observation, &record, false, &Refusals::default(), moment(0)).cause, Some(Cause::Standing));
        record.state = State::Ok;
        let decision = decide(&policy, &observation, &record, false, &Refusals::default(), moment(0));
        prop_assert_eq!(decision.cause.is_some(), decision.verdict.judgement == Judgement::Halt);
        prop_assert!(decision.cause.is_some() || decision.plan.is_empty());
    }
}

fn counted(policy: &runawaytrain_core::policy::AccountPolicy, observation: &Observation) -> u64 {
    Counts::of(policy, observation).instances
}

#[test]
fn our_deny_outlives_everything_else_of_a_deleted_user() {
    let user = User {
        name: UserName::new("mallory"),
        created: None,
        lockout: Ok(Lockout::Absent),
        keys: Ok(vec![AccessKey { id: KeyId::new("AKIA1"), active: false, created: None }]),
        console: Ok(true),
        others: Ok(Vec::new()),
        belongings: Some(Ok(Belongings {
            mfa_devices: vec!["arn:aws:iam::111111111111:mfa/mallory".to_owned(), "GAHT12345678".to_owned()],
            ..Belongings::default()
        })),
    };
    let mut observation = Observation::new(account());
    observation.users = Users::Looked(Ok(vec![user]));
    let policy: &str = r#"{"payer":"100000000000","organization":{"id":"o-exampleorg"},
        "defaults":{"limits":{"instances":0},"notify":["a@example.edu"],"contain":{"users":"delete-users"}}}"#;
    let policy = runawaytrain_core::policy::Policy::from_json(policy).unwrap().for_account(&account());
    let first = plan(&policy, &observation, &Circumstances::at(moment(0)));
    let texts = |plan: &runawaytrain_core::plan::Plan| plan.actions().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        texts(&first),
        [
            "deny everything to user mallory",
            "delete key AKIA1 of user mallory",
            "remove the console password of user mallory",
            "deactivate MFA device arn:aws:iam::111111111111:mfa/mallory of user mallory",
            "delete virtual MFA device arn:aws:iam::111111111111:mfa/mallory of user mallory",
            "deactivate MFA device GAHT12345678 of user mallory",
        ]
    );
    let done: Vec<Action> = first.actions().cloned().collect();
    let second = plan(&policy, &after(&observation, &done), &Circumstances::at(moment(0)));
    assert_eq!(texts(&second), ["delete inline policy RunawayTrainLockout of user mallory", "delete user mallory"]);
}
