//! Properties of the decision and the plan, over random policies and observations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests break loudly")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runawaytrain_core::decide::{Cause, decide};
use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::identity::{AccessKey, Belongings, Lockout, User, Users};
use runawaytrain_core::ids::{AccountId, InstanceId, KeyId, Region, UserName};
use runawaytrain_core::mode::Mode;
use runawaytrain_core::observation::{Instance, Observation, Phase, Seen};
use runawaytrain_core::plan::{Action, Belonging};
use runawaytrain_core::planner::plan;
use runawaytrain_core::policy::{AccountPolicy, Contain, Exempt, InstanceResponse, Limits, NotifyList, UserResponse};
use runawaytrain_core::state::{AccountRecord, State};
use runawaytrain_core::vcpus::Vcpus;
use runawaytrain_core::verdict::{Judgement, judge};

fn account() -> AccountId {
    AccountId::parse("111111111111").unwrap()
}

fn failure() -> Failure {
    Failure { operation: "ec2:DescribeInstances".to_owned(), kind: FailureKind::Denied, code: None, detail: String::new(), named: Vec::new() }
}

fn seen<T: std::fmt::Debug + Clone + 'static>(of: impl Strategy<Value = T> + 'static) -> impl Strategy<Value = Seen<T>> {
    prop_oneof![9 => of.prop_map(Ok), 1 => Just(Err(failure()))]
}

fn instances() -> impl Strategy<Value = Vec<Instance>> {
    let one = (0u32..40, 1u32..200, any::<bool>(), prop::option::weighted(0.1, Just("eks.amazonaws.com".to_owned())));
    prop::collection::vec(one, 0..12).prop_map(|list| {
        list.into_iter()
            .map(|(number, vcpus, pending, managed_by)| Instance {
                id: InstanceId::new(format!("i-{number:017x}")),
                instance_type: "m5.large".to_owned(),
                vcpus: Vcpus { count: vcpus, estimated: false },
                phase: if pending { Phase::Pending } else { Phase::Running },
                managed_by,
                launched: None,
            })
            .collect()
    })
}

fn user(number: u32) -> impl Strategy<Value = User> {
    let lockout = prop_oneof![Just(Lockout::Absent), Just(Lockout::InForce), Just(Lockout::Altered)];
    let keys = prop::collection::vec(any::<bool>(), 0..3).prop_map(move |active| {
        active.into_iter().enumerate().map(|(index, active)| AccessKey { id: KeyId::new(format!("AKIA{number}{index}")), active, created: None }).collect::<Vec<_>>()
    });
    let belongings = prop::collection::vec("[a-z]{1,5}", 0..3).prop_map(|names| Belongings { groups: names.clone(), inline_policies: names, ..Belongings::default() });
    (seen(lockout), seen(keys), seen(any::<bool>()), prop::option::of(seen(belongings))).prop_map(move |(lockout, keys, console, belongings)| User {
        name: UserName::new(format!("user-{number}")),
        created: None,
        lockout,
        keys,
        console,
        belongings,
    })
}

fn users() -> impl Strategy<Value = Users> {
    let list = prop::collection::btree_set(0u32..20, 0..6).prop_flat_map(|numbers| numbers.into_iter().map(user).collect::<Vec<_>>());
    prop_oneof![1 => Just(Users::NotLooked), 5 => seen(list).prop_map(Users::Looked)]
}

fn observation() -> impl Strategy<Value = Observation> {
    let regions = prop::collection::btree_map(0u32..6, seen(instances()), 0..6);
    (regions, users()).prop_map(|(regions, users)| Observation {
        account: account(),
        unreachable: None,
        expected_regions: Some(regions.len()),
        regions: regions.into_iter().map(|(number, seen)| (Region::new(format!("r-{number}")), seen)).collect(),
        users,
    })
}

fn policy() -> impl Strategy<Value = AccountPolicy> {
    let response = prop_oneof![Just(UserResponse::Deactivate), Just(UserResponse::DeleteCredentials), Just(UserResponse::DeleteUsers), Just(UserResponse::Leave)];
    let exempt = (prop::collection::btree_set(0u32..20, 0..5), prop::collection::btree_set(0u32..40, 0..5));
    (prop::option::of(0u64..30), prop::option::of(0u64..400), 0.01f64..=1.0, response, exempt).prop_map(|(instances, vcpus, warn, users, exempt)| AccountPolicy {
        account: account(),
        name: None,
        mode: Mode::Proceed,
        limits: Limits { instances, vcpus, warn },
        contain: Contain { instances: InstanceResponse::Stop, users },
        exempt: Exempt {
            users: exempt.0.into_iter().map(|number| UserName::new(format!("user-{number}"))).collect(),
            instances: exempt.1.into_iter().map(|number| InstanceId::new(format!("i-{number:017x}"))).collect(),
        },
        notify: NotifyList::Default,
        suspicion: SignedDuration::from_hours(168),
        grace: SignedDuration::from_hours(4),
    })
}

fn touched(actions: impl IntoIterator<Item = Action>) -> BTreeSet<String> {
    actions
        .into_iter()
        .flat_map(|action| match &action {
            Action::StopInstances { region, instances } => instances.iter().map(|id| format!("{region} {id}")).collect(),
            other => vec![other.to_string()],
        })
        .collect()
}

/// What AWS would show after every action was taken.
fn after(observation: &Observation, actions: &[Action]) -> Observation {
    let mut next = observation.clone();
    for action in actions {
        match action {
            Action::StopInstances { region, instances } => {
                if let Some(Ok(list)) = next.regions.get_mut(region) {
                    list.retain(|instance| !instances.contains(&instance.id));
                }
            }
            other => {
                let Users::Looked(Ok(users)) = &mut next.users else { continue };
                let name = other.user().unwrap();
                if matches!(other, Action::DeleteUser { .. }) {
                    users.retain(|user| user.name != *name);
                } else {
                    let user = users.iter_mut().find(|user| user.name == *name).unwrap();
                    match other {
                        Action::DenyUser { .. } => user.lockout = Ok(Lockout::InForce),
                        Action::DeleteLogin { .. } => user.console = Ok(false),
                        Action::DeactivateKey { key, .. } => {
                            user.keys.as_mut().unwrap().iter_mut().filter(|known| known.id == *key).for_each(|known| known.active = false)
                        }
                        Action::DeleteKey { key, .. } => user.keys.as_mut().unwrap().retain(|known| known.id != *key),
                        _ => {}
                    }
                }
            }
        }
    }
    next
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exempt_things_are_never_in_a_plan(policy in policy(), observation in observation()) {
        for action in plan(&policy, &observation).actions() {
            if let Action::StopInstances { instances, .. } = action {
                prop_assert!(!instances.is_empty(), "an empty list means all instances to EC2");
                prop_assert!(instances.iter().all(|id| !policy.exempts_instance(id)));
            }
            if let Some(user) = action.user() {
                prop_assert!(!policy.exempts_user(user));
                prop_assert!(policy.contain.users != UserResponse::Leave);
            }
        }
    }

    #[test]
    fn another_exemption_never_adds_an_action(policy in policy(), observation in observation(), instance in 0u32..40, user in 0u32..20) {
        let mut milder = policy.clone();
        milder.exempt.instances.insert(InstanceId::new(format!("i-{instance:017x}")));
        milder.exempt.users.insert(UserName::new(format!("user-{user}")));
        let (more, fewer) = (touched(plan(&policy, &observation).actions().cloned()), touched(plan(&milder, &observation).actions().cloned()));
        prop_assert!(fewer.is_subset(&more));
        prop_assert!(judge(&milder, &observation, None).judgement <= judge(&policy, &observation, None).judgement);
    }

    #[test]
    fn the_order_of_what_was_seen_is_irrelevant(policy in policy(), observation in observation()) {
        let mut turned = observation.clone();
        turned.regions.values_mut().filter_map(|seen| seen.as_mut().ok()).for_each(|list| list.reverse());
        let one: Vec<Action> = plan(&policy, &observation).actions().cloned().collect();
        let other: Vec<Action> = plan(&policy, &turned).actions().cloned().collect();
        prop_assert_eq!(one, other);
        prop_assert_eq!(judge(&policy, &observation, None), judge(&policy, &turned, None));
    }

    #[test]
    fn plans_add_up_region_by_region(policy in policy(), observation in observation()) {
        let whole = touched(plan(&policy, &observation).actions().cloned());
        let mut parts = BTreeSet::new();
        for (region, seen) in &observation.regions {
            let alone = Observation { regions: BTreeMap::from([(region.clone(), seen.clone())]), users: Users::NotLooked, ..observation.clone() };
            parts.extend(touched(plan(&policy, &alone).actions().cloned()));
        }
        let users = Observation { regions: BTreeMap::new(), ..observation.clone() };
        parts.extend(touched(plan(&policy, &users).actions().cloned()));
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn after_success_there_is_nothing_left_to_plan(policy in policy(), observation in observation()) {
        let actions: Vec<Action> = plan(&policy, &observation).actions().cloned().collect();
        let again: Vec<Action> = plan(&policy, &after(&observation, &actions)).actions().cloned().collect();
        prop_assert!(again.is_empty(), "{again:?}");
    }

    #[test]
    fn everything_seen_is_either_acted_on_or_left_with_a_reason(policy in policy(), observation in observation()) {
        let plan = plan(&policy, &observation);
        let actions: Vec<Action> = plan.actions().cloned().collect();
        let text: Vec<&str> = plan.left().iter().map(|left| left.item.as_str()).collect();
        for (region, instance) in observation.instances() {
            let stopped = actions.iter().any(|action| matches!(action, Action::StopInstances { region: there, instances } if there == region && instances.contains(&instance.id)));
            let named = format!("instance {} in {region}", instance.id);
            prop_assert!(stopped || text.contains(&named.as_str()), "{named}");
        }
        for (region, seen) in &observation.regions {
            let named = format!("region {region}");
            prop_assert!(seen.is_ok() || text.contains(&named.as_str()));
        }
        if let Users::Looked(Ok(users)) = &observation.users {
            for user in users {
                let locked = user.lockout == Ok(Lockout::InForce) || actions.contains(&Action::DenyUser { user: user.name.clone() });
                let named = format!("user {}", user.name);
                prop_assert!(locked || text.contains(&named.as_str()));
            }
        }
    }

    #[test]
    fn a_gap_never_makes_a_verdict_milder_than_the_rest_alone(policy in policy(), observation in observation()) {
        let mut without = observation.clone();
        without.regions.retain(|_, seen| seen.is_ok());
        prop_assert_eq!(judge(&policy, &observation, None).judgement, judge(&policy, &without, None).judgement);
        prop_assert_eq!(judge(&policy, &observation, None).is_unseen(), !observation.gaps().is_empty());
    }

    #[test]
    fn more_regions_never_take_a_halt_back(policy in policy(), observation in observation()) {
        let mut growing = Observation { regions: BTreeMap::new(), users: Users::NotLooked, ..observation.clone() };
        let mut worst = Judgement::Ok;
        for (region, seen) in &observation.regions {
            growing.regions.insert(region.clone(), seen.clone());
            let now = judge(&policy, &growing, None).judgement;
            prop_assert!(now >= worst);
            worst = now;
        }
    }

    #[test]
    fn a_standing_halt_is_lifted_by_no_observation(policy in policy(), observation in observation(), proven in any::<bool>()) {
        let mut record = AccountRecord::new(account(), Timestamp::UNIX_EPOCH);
        record.state = if proven { State::Halted } else { State::Halting };
        prop_assert_eq!(decide(&policy, &observation, &record, false, Timestamp::UNIX_EPOCH).cause, Some(Cause::Standing));
        record.state = State::Ok;
        let decision = decide(&policy, &observation, &record, false, Timestamp::UNIX_EPOCH);
        prop_assert_eq!(decision.cause.is_some(), decision.verdict.judgement == Judgement::Halt);
        prop_assert!(decision.cause.is_some() || decision.plan.is_empty());
    }
}

#[test]
fn our_deny_outlives_everything_else_of_a_deleted_user() {
    let user = User {
        name: UserName::new("mallory"),
        created: None,
        lockout: Ok(Lockout::Absent),
        keys: Ok(vec![AccessKey { id: KeyId::new("AKIA1"), active: false, created: None }]),
        console: Ok(true),
        belongings: Some(Ok(Belongings { mfa_devices: vec!["arn:aws:iam::111111111111:mfa/mallory".to_owned(), "GAHT12345678".to_owned()], ..Belongings::default() })),
    };
    let mut observation = Observation::new(account());
    observation.users = Users::Looked(Ok(vec![user]));
    let policy = AccountPolicy {
        account: account(),
        name: None,
        mode: Mode::Proceed,
        limits: Limits { instances: Some(0), vcpus: None, warn: 1.0 },
        contain: Contain { instances: InstanceResponse::Stop, users: UserResponse::DeleteUsers },
        exempt: Exempt::default(),
        notify: NotifyList::Default,
        suspicion: SignedDuration::from_hours(168),
        grace: SignedDuration::from_hours(4),
    };
    let plan = plan(&policy, &observation);
    let texts: Vec<String> = plan.actions().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "deny everything to user mallory",
            "delete key AKIA1 of user mallory",
            "remove the console password of user mallory",
            "deactivate MFA device arn:aws:iam::111111111111:mfa/mallory of user mallory",
            "delete virtual MFA device arn:aws:iam::111111111111:mfa/mallory of user mallory",
            "deactivate MFA device GAHT12345678 of user mallory",
            "delete inline policy RunawayTrainLockout of user mallory",
            "delete user mallory",
        ]
    );
    assert!(plan.actions().any(|action| matches!(action, Action::RemoveBelonging { belonging: Belonging::VirtualMfaDevice(_), .. })));
}
