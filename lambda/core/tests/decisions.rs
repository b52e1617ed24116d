//! Properties of the decision and the plan, over random policies, observations and circumstances.
#![cfg(test)]

mod arbitrary;

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{
    account, after, bring, change, circumstances, ends_instances, instance_id, instances_of, moment, observation, part,
    policy, refused_as_protected, role_of, touched, user_of,
};
use proptest::prelude::*;
use runawaytrain_core::decision::{Case, Cause, Decision, Kept, ShutOuts};
use runawaytrain_core::measure::limit::{Limit, Unit};
use runawaytrain_core::measure::price::Prices;
use runawaytrain_core::measure::spend::{Hours, Spend};
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::observation::{Observation, Subject};
use runawaytrain_core::plan::{Plan, plan};
use runawaytrain_core::policy::{AccountPolicy, Exception, LimitSettings, Policy, UserResponse};
use runawaytrain_core::record::{AccountRecord, FreezeReason, Halt, State};
use runawaytrain_core::resource::deny_all::DenyAll;
use runawaytrain_core::resource::fleets::Action as FleetAction;
use runawaytrain_core::resource::groups::Action as GroupAction;
use runawaytrain_core::resource::instances::{Action as InstanceAction, Instance, Launcher, everywhere};
use runawaytrain_core::resource::users::{AccessKey, Credentials, Lockout, User, UserAttachments};
use runawaytrain_core::resource::{
    Act, Action, Circumstances, Fleets, Groups, Instances, Kind, Lane, Part, Refusals, Roles, Scope, Sight,
    SpotRequests, Users,
};
use runawaytrain_core::verdict::{Judgement, Pardon, Verdict};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{HaltId, InstanceId, KeyId, Region, RoleName, UserName};
use runawaytrain_core::vocabulary::money::Usd;

fn actions(policy: &AccountPolicy, observation: &Observation, circumstances: &Circumstances) -> Vec<Action> {
    plan(policy, observation, circumstances).actions().cloned().collect()
}

fn judge(policy: &AccountPolicy, observation: &Observation) -> Verdict {
    runawaytrain_core::verdict::judge(policy, None, observation, &Pardon::default(), moment(0))
}

/// A kind's list, if it was seen.
fn seen<S: Subject>(observation: &Observation) -> Option<&S::Sight> {
    observation.of::<S>(None).and_then(Result::ok)
}

/// The kinds that are looked at by region, and that stops there wait for.
fn of_regions() -> impl Iterator<Item = Kind> {
    Kind::ALL.iter().copied().filter(|kind| kind.scope() == Scope::Region && kind.holds_up_stops())
}

/// A look at a region that brought nothing.
fn nothing(kind: Kind) -> Sight {
    match kind {
        Kind::Groups => Sight::Groups(Vec::new()),
        Kind::Fleets => Sight::Fleets(Vec::new()),
        Kind::SpotRequests => Sight::SpotRequests(Vec::new()),
        Kind::Instances => Sight::Instances(Vec::new()),
        Kind::Capacity => unreachable!("no stop waits for {}", kind.name()),
        Kind::Quarantine | Kind::Users | Kind::Roles | Kind::Root => unreachable!("{} are in no region", kind.name()),
    }
}

/// Whether every kind was answered in a region, one way or the other.
fn is_answered(observation: &Observation, region: &Region) -> bool {
    of_regions().all(|kind| kind.answer(observation, Some(region)).is_some())
}

/// 1,000 cases in the suite; `PROPTEST_CASES=100000 cargo test -p runawaytrain-core --test decisions --release` for a
/// longer run.
#[expect(clippy::disallowed_methods, reason = "the environment says how long the test runs; the core never reads it")]
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Whether an action switches off what launched something.
fn switches_off(action: &Action, launcher: Option<&Launcher>) -> bool {
    match (action, launcher) {
        (Action::Groups(GroupAction::SuspendGroup { group, .. }), Some(Launcher::Group(name))) => group == name,
        (Action::Fleets(FleetAction::ZeroFleet { fleet, .. }), Some(Launcher::Fleet(id))) => fleet == id,
        _ => false,
    }
}

/// What comes in next, or changes. Of two drawn observations, policies and records it is the one or the other.
#[derive(Debug, Clone)]
enum Step {
    Look { of: bool, kind: prop::sample::Index, region: u32 },
    Prices { of: bool, region: u32 },
    NoPrices,
    Spend { of: bool },
    Policy { of: bool },
    Record { of: bool },
    Refusal { instance: u32 },
    Forget { region: u32 },
    Deny { region: u32 },
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let look = (any::<bool>(), any::<prop::sample::Index>(), 0u32..6);
    prop_oneof![
        12 => look.prop_map(|(of, kind, region)| Step::Look { of, kind, region }),
        4 => (any::<bool>(), 0u32..6).prop_map(|(of, region)| Step::Prices { of, region }),
        1 => Just(Step::NoPrices),
        1 => any::<bool>().prop_map(|of| Step::Spend { of }),
        1 => any::<bool>().prop_map(|of| Step::Policy { of }),
        2 => any::<bool>().prop_map(|of| Step::Record { of }),
        1 => (0u32..40).prop_map(|instance| Step::Refusal { instance }),
        1 => (0u32..6).prop_map(|region| Step::Forget { region }),
        1 => (0u32..6).prop_map(|region| Step::Deny { region }),
        1 => Just(Step::Wait),
    ]
}

/// A record of an account that is quiet, or one of a halt that began at a time, with an exception or none.
fn record(tripped: Option<i64>, exception: Option<u32>) -> AccountRecord {
    let halt = |tripped| Halt {
        id: HaltId::new("20261122T030000Z"),
        tripped: moment(tripped),
        before: Summary::default(),
        contained: None,
        outcome_told: false,
        denials_told: false,
        locked_out: None,
        tripped_limits: [].into(),
        freeze: None,
    };
    let except = |instances| Exception {
        limits: LimitSettings::from_json(serde_json::json!({ "instances": instances, "burn": instances })).unwrap(),
        made: moment(-600),
        until: moment(30),
        reason: "a deadline".to_owned(),
        by: None,
        end_told: false,
    };
    AccountRecord {
        state: if tripped.is_some() { State::Halting } else { State::Ok },
        halt: tripped.map(halt),
        exception: exception.map(except),
        ..AccountRecord::new(account(), moment(-600))
    }
}

proptest! {
    #![proptest_config(cases())]

    /// There is one truth: what is kept of the places that did not change comes to what all of it comes to.
    #[test]
    fn what_is_kept_of_earlier_decisions_changes_none(
        policies in (policy(), policy()), observations in (observation(), observation()),
        tripped in prop::option::of(-60i64..0), exceptions in prop::option::of(1u32..60),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let policies = [policies.0, policies.1];
        let observations = [observations.0, observations.1];
        let records = [record(None, exceptions), record(tripped, None)];
        let (mut policy, mut known, mut refusals, mut now) = (&policies[0], &records[0], Refusals::default(), 0);
        let (mut growing, mut kept) = (Observation::new(account()), Kept::default());
        let at = |region: u32| Region::new(format!("r-{region}"));
        for step in steps {
            match step {
                Step::Look { of, kind, region } => {
                    let (kind, at) = (*kind.get(Kind::ALL), at(region));
                    let wanted = (kind.scope() == Scope::Region).then_some(&at);
                    bring(&observations[usize::from(of)], &|name, place| name == kind.name() && place == wanted, &mut growing);
                }
                Step::Prices { of, region } => {
                    let of_region = observations[usize::from(of)].prices.iter().filter(|(key, _)| key.region == at(region));
                    growing.prices.extend(of_region.map(|(key, price)| (key.clone(), *price)));
                }
                Step::NoPrices => growing.prices.clear(),
                Step::Spend { of } => growing.spend = observations[usize::from(of)].spend.clone(),
                Step::Policy { of } => policy = &policies[usize::from(of)],
                Step::Record { of } => known = &records[usize::from(of)],
                Step::Refusal { instance } => {
                    let kind = if instance % 2 == 0 { FailureKind::Protected } else { FailureKind::Unsupported };
                    refusals.learn("ec2:StopInstances", instance_id(instance).as_str(), kind);
                }
                Step::Forget { region } => growing.forget(&at(region)),
                Step::Deny { region } => {
                    growing.denied.insert(at(region));
                }
                Step::Wait => now += 10,
            }
            let shut_outs = ShutOuts::default();
            let case = Case {
                policy, observation: &growing, record: known, is_ordered: false, place: None,
                shut_outs: &shut_outs, refusals: &refusals, now: moment(now),
            };
            prop_assert_eq!(case.decide_anew(&mut kept), case.decide());
        }
    }

    #[test]
    fn another_exemption_never_adds_an_action(
        policy in policy(), observation in observation(), circumstances in circumstances(),
        instance in 0u32..40, user in 0u32..20, role in 0usize..9,
    ) {
        let mut milder = policy.clone();
        milder.exempt.instances.insert(instance_id(instance));
        milder.exempt.users.insert(UserName::new(format!("user-{user}")));
        milder.exempt.roles.insert(RoleName::new(arbitrary::ROLES[role].0));
        let mut more = touched(actions(&policy, &observation, &circumstances));
        // Of an exempt user a young key is switched off where it would be deleted otherwise.
        let milder_ways: Vec<String> = more.iter().map(|text| text.replacen("delete ", "deactivate ", 1)).collect();
        more.extend(milder_ways);
        let fewer = touched(actions(&milder, &observation, &circumstances));
        prop_assert!(fewer.is_subset(&more), "{:?}", fewer.difference(&more));
        prop_assert!(judge(&milder, &observation).judgement <= judge(&policy, &observation).judgement);
    }

    /// The next look of a halt takes their credentials over as they are, so there must be nothing left to do about
    /// them.
    #[test]
    fn of_whoever_is_settled_nothing_is_planned(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let Some(Sight::Users(settled)) = Kind::Users.settled(&policy, &observation, None) else { return Ok(()) };
        let planned = actions(&policy, &observation, &circumstances);
        for user in settled.iter().filter(|_| policy.contain.users != UserResponse::DeleteUsers) {
            let about: Vec<_> = planned.iter().filter(|action| user_of(action) == Some(&user.name)).collect();
            prop_assert!(user.is_denied() && about.is_empty(), "{about:?}");
        }
    }

    #[test]
    fn the_order_of_what_was_seen_is_irrelevant(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let mut turned = observation.clone();
        for region in observation.regions() {
            change::<Instances>(&mut turned, Some(&region), |list| list.reverse());
            change::<Groups>(&mut turned, Some(&region), |list| list.reverse());
            change::<Fleets>(&mut turned, Some(&region), |list| list.reverse());
            change::<SpotRequests>(&mut turned, Some(&region), |list| list.reverse());
        }
        prop_assert_eq!(
            actions(&policy, &observation, &circumstances),
            actions(&policy, &turned, &circumstances)
        );
        prop_assert_eq!(judge(&policy, &observation), judge(&policy, &turned));
    }

    #[test]
    fn plans_add_up_region_by_region(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let whole = touched(actions(&policy, &observation, &circumstances));
        let mut parts = BTreeSet::new();
        for region in observation.regions() {
            let alone = part(&observation, &|_, at| at == Some(&region));
            let of_region = actions(&policy, &alone, &circumstances);
            prop_assert!(of_region.iter().all(|action| action.region() == Some(&region)), "{of_region:?}");
            parts.extend(touched(of_region));
        }
        let identities = part(&observation, &|_, at| at.is_none());
        parts.extend(touched(actions(&policy, &identities, &circumstances)));
        prop_assert_eq!(whole, parts);
    }

    /// To stop first, while a group is not seen yet, would only set the group to work.
    #[test]
    fn a_region_is_planned_once_every_kind_in_it_was_answered(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let planned = actions(&policy, &observation, &circumstances);
        for region in observation.regions().iter().filter(|region| !is_answered(&observation, region)) {
            let early = planned.iter().find(|action| action.region() == Some(region));
            prop_assert!(early.is_none(), "{early:?}");
        }
    }

    /// What could not be seen hides nothing of what could: a region is disarmed as far as it is known.
    #[test]
    fn a_look_that_failed_hides_nothing_of_the_others(
        policy in policy(), observation in observation(), circumstances in circumstances(),
        which in any::<prop::sample::Index>(),
    ) {
        let regions = observation.regions();
        let answered: Vec<&Region> = regions.iter().filter(|region| is_answered(&observation, region)).collect();
        if answered.is_empty() {
            return Ok(());
        }
        let region = answered[which.index(answered.len())];
        let planned = touched(actions(&policy, &observation, &circumstances));
        for kind in of_regions().filter(|kind| kind.answer(&observation, Some(region)) == Some(Ok(()))) {
            // The same look among others that all succeeded and brought nothing.
            let mut alone = part(&observation, &|name, at| name == kind.name() && at == Some(region));
            for other in of_regions().filter(|other| *other != kind) {
                other.see(&mut alone, Some(region), Ok(nothing(other)));
            }
            let of_kind = touched(actions(&policy, &alone, &circumstances));
            prop_assert!(of_kind.is_subset(&planned), "{:?}", of_kind.difference(&planned));
        }
    }

    #[test]
    fn after_success_there_is_nothing_left_to_plan(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let now = circumstances.locked_out;
        let stands = after(&observation, &actions(&policy, &observation, &circumstances), now);
        let again = actions(&policy, &stands, &circumstances);
        // A user is deleted in a second pass, once a look showed that nothing hangs on it any more.
        let of_the_second_pass =
            |action: &Action| policy.contain.users == UserResponse::DeleteUsers && user_of(action).is_some();
        prop_assert!(again.iter().all(of_the_second_pass), "{again:?}");
        let third = actions(&policy, &after(&stands, &again, now), &circumstances);
        let blind = |user: &User| {
            user.credentials.as_ref().is_none_or(|of| of.keys.is_err() || of.others.is_err())
                || user.attachments.as_ref().is_none_or(Result::is_err)
        };
        let Some(users) = seen::<Users>(&observation) else { return Ok(()) };
        let hindered =
            |action: &Action| users.iter().any(|user| user_of(action) == Some(&user.name) && blind(user));
        prop_assert!(third.iter().all(hindered), "{third:?}");
    }

    /// The plan is fed to lanes: actions of one lane that switch launchers off end before those after them begin.
    #[test]
    fn what_would_launch_an_instance_again_is_switched_off_before_it_stops(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let by_place: BTreeMap<(&Region, &InstanceId), &Instance> =
            everywhere(&observation).map(|(region, instance)| ((region, &instance.id), instance)).collect();
        let plan = plan(&policy, &observation, &circumstances);
        for (lane, actions) in plan.lanes() {
            for (place, stop) in actions.iter().enumerate().filter(|(_, action)| action.part() == Part::Stop) {
                for id in instances_of(stop) {
                    let instance = by_place[&(stop.region().unwrap(), id)];
                    let would_launch = |action: &&Action| {
                        let asks = instance.spot_request.as_ref().is_some_and(|asks| action.items().contains(&asks.as_str()));
                        let launches = switches_off(action, instance.launcher.as_ref());
                        action.region() == stop.region() && (asks || launches)
                    };
                    for action in plan.actions().filter(would_launch) {
                        prop_assert!(actions[..place].contains(action), "{action} does not come before {id} in {lane:?}");
                    }
                }
            }
            prop_assert!(actions.iter().all(|action| ends_instances(action) == (action.part() == Part::Stop)));
        }
    }

    /// What costs a thief nothing delays nothing: neither a group without members nor another's protection.
    #[test]
    fn no_stop_waits_for_what_has_nothing_to_do_with_it(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let launchers: BTreeSet<(Region, Launcher)> = everywhere(&observation)
            .filter_map(|(region, instance)| Some((region.clone(), instance.launcher.clone()?)))
            .collect();
        for (lane, actions) in plan(&policy, &observation, &circumstances).lanes() {
            let Some(stop) = actions.iter().position(|action| action.part() == Part::Stop) else { continue };
            for action in &actions[..stop] {
                let launched = |(region, launcher): &(Region, Launcher)| {
                    Some(region) == action.region() && switches_off(action, Some(launcher))
                };
                let is_needed = matches!(action, Action::SpotRequests(_)) || launchers.iter().any(launched);
                prop_assert!(action.part() != Part::Disarm || is_needed, "{action} in {lane:?}");
                prop_assert!(!matches!(lane, Lane::Loose(_)) || action.part() != Part::Disarm, "{action} in {lane:?}");
            }
        }
    }

    #[test]
    fn only_what_refused_is_unprotected(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        for action in actions(&policy, &observation, &circumstances) {
            if let Action::Instances(InstanceAction::Unprotect { instance, .. }) = &action {
                prop_assert!(refused_as_protected(&circumstances.refusals, instance), "{action}");
            }
        }
        let calm = Circumstances { refusals: Refusals::default(), ..circumstances };
        let unprotects = |action: &Action| matches!(action, Action::Instances(InstanceAction::Unprotect { .. }));
        prop_assert!(!actions(&policy, &observation, &calm).iter().any(unprotects), "nothing has refused yet");
    }

    #[test]
    fn everything_seen_is_either_acted_on_or_left_with_a_reason(
        policy in policy(), observation in observation(), circumstances in circumstances(),
    ) {
        let plan = plan(&policy, &observation, &circumstances);
        let skipped: BTreeSet<&str> = plan.skipped().iter().map(|skipped| skipped.item.as_str()).collect();
        for (region, instance) in everywhere(&observation).filter(|(region, _)| is_answered(&observation, region)) {
            let ended = |action: &Action| ends_instances(action) && instances_of(action).contains(&instance.id);
            let named = format!("instance {} in {region}", instance.id);
            prop_assert!(plan.actions().any(ended) || skipped.contains(named.as_str()), "{named}");
        }
        for region in observation.regions() {
            for kind in of_regions().filter(|kind| matches!(kind.answer(&observation, Some(&region)), Some(Err(_)))) {
                let named = format!("{} in {region}", kind.name());
                // Where not everything was answered yet, nothing is planned; what failed is a gap all the same.
                let is_gap = observation.gaps().iter().any(|gap| gap.at == kind.place(Some(&region)));
                prop_assert!(is_gap, "{named}");
                prop_assert!(skipped.contains(named.as_str()) == is_answered(&observation, &region), "{named}");
            }
        }
        for kind in Kind::ALL.iter().filter(|kind| matches!(kind.answer(&observation, None), Some(Err(_)))) {
            prop_assert!(skipped.contains(kind.name()), "{}", kind.name());
        }
        for user in seen::<Users>(&observation).into_iter().flatten() {
            let acted_on = plan.actions().any(|action| user_of(action) == Some(&user.name));
            let is_denied = user.deny_all.as_ref().is_ok_and(|deny| deny.denies());
            let locked = user.lockout == Ok(Lockout::InForce) || is_denied || acted_on;
            let named = format!("user {}", user.name);
            prop_assert!(locked || skipped.contains(named.as_str()), "{named}");
        }
        for role in seen::<Roles>(&observation).into_iter().flatten() {
            let named = format!("role {}", role.name);
            let is_denied = role.deny_all.as_ref().is_ok_and(|deny| deny.denies());
            let locked = role.lock.is_ok() || is_denied || plan.actions().any(|action| role_of(action) == Some(&role.name));
            prop_assert!(locked || skipped.contains(named.as_str()), "{named}");
        }
    }

    #[test]
    fn a_gap_never_makes_a_verdict_milder_than_the_rest_alone(policy in policy(), observation in observation()) {
        let is_seen = |region: Option<&Region>| observation.of::<Instances>(region).is_some_and(|seen| seen.is_ok());
        let without = part(&observation, &|name, region| name != Instances::NAME || is_seen(region));
        prop_assert_eq!(judge(&policy, &observation).judgement, judge(&policy, &without).judgement);
        prop_assert_eq!(judge(&policy, &observation).is_unseen(), !observation.gaps().is_empty());
    }

    #[test]
    fn more_regions_never_take_a_halt_back(policy in policy(), observation in observation()) {
        let mut worst = Judgement::Ok;
        for last in observation.regions() {
            let growing = part(&observation, &|_, region| region.is_none_or(|region| *region <= last));
            let now = judge(&policy, &growing).judgement;
            prop_assert!(now >= worst);
            worst = now;
        }
        prop_assert!(judge(&policy, &observation).judgement >= worst);
    }

    #[test]
    fn a_number_that_is_not_known_trips_nothing_and_hides_nothing(policy in policy(), observation in observation()) {
        let whole = judge(&policy, &observation);
        let mut unpriced = observation;
        (unpriced.prices, unpriced.spend) = (Prices::new(), Spend::default());
        let without = judge(&policy, &unpriced);
        prop_assert!(without.judgement <= whole.judgement);
        let of_running = |limit: Limit| limit.is_of_running();
        prop_assert!(
            without.readings.iter().all(|reading| of_running(reading.limit)),
            "what is not known is no number"
        );
        let is_limited = policy.limits.thresholds.contains_key(&Limit::SpendMonth);
        prop_assert_eq!(without.unknown.contains(&Limit::SpendMonth), is_limited);
        let counts = |verdict: &Verdict| {
            let counted = verdict.readings.iter().filter(|reading| reading.limit.row().unit == Unit::Count);
            counted.map(|reading| (reading.limit, reading.judgement)).collect::<Vec<_>>()
        };
        prop_assert_eq!(counts(&without), counts(&whole), "money neither hides nor adds an instance");
        let blind = without.readings.iter().find(|reading| reading.limit == Limit::Burn);
        let nothing_runs = everywhere(&unpriced).next().is_none() || counted(&policy, &unpriced) == 0;
        prop_assert!(blind.is_none_or(|reading| reading.value == 0 && (reading.lower_bound || nothing_runs)));
    }

    #[test]
    fn a_standing_halt_is_lifted_by_no_observation(
        policy in policy(), observation in observation(), proven in any::<bool>(),
    ) {
        let mut record = AccountRecord::new(account(), moment(0));
        record.state = if proven { State::Halted } else { State::Halting };
        prop_assert_eq!(decide(&policy, &observation, &record).cause, Some(Cause::Standing));
        record.state = State::Ok;
        let decision = decide(&policy, &observation, &record);
        let is_frozen = decision.cause == Some(Cause::Purchases);
        prop_assert_eq!(decision.cause.is_some() && !is_frozen, decision.verdict.judgement == Judgement::Halt);
        prop_assert!(decision.cause.is_some() || decision.plan.is_empty());
    }

    #[test]
    fn purchases_freeze_and_never_halt_and_hide_no_halt(
        policy in policy(), observation in observation(), dollars in 0u64..100_000, limit in 0u64..20_000,
        state in prop::sample::select(vec![State::Ok, State::Warned, State::Released]),
    ) {
        let mut policy = policy;
        policy.limits.thresholds.insert(Limit::Purchases, Usd::micros(limit * 1_000_000).as_micros());
        let mut quiet = observation.clone();
        quiet.spend.hours.get_or_insert_with(|| Hours { until: moment(0), ..Hours::default() }).purchases.clear();
        let mut buying = quiet.clone();
        if let Some(hours) = &mut buying.spend.hours {
            hours.until = hours.until.max(moment(-3600));
            hours.purchases = [(moment(-7200), Usd::micros(dollars * 1_000_000))].into();
        }
        quiet.spend.hours.as_mut().unwrap().until = buying.spend.hours.as_ref().unwrap().until;
        let record = AccountRecord { state, ..AccountRecord::new(account(), moment(-600)) };
        let (before, after) = (decide(&policy, &quiet, &record), decide(&policy, &buying, &record));
        if let Some(cause) = before.cause {
            prop_assert_eq!((after.cause, after.plan), (Some(cause), before.plan));
        } else {
            let is_past = dollars > limit;
            prop_assert_eq!(after.cause, (is_past && policy.contain.quarantine).then_some(Cause::Purchases));
            prop_assert!(after.verdict.judgement < Judgement::Halt);
            let freezes = |action: &Action| matches!(action, Action::Quarantine(_));
            prop_assert!(after.plan.actions().all(freezes), "{:?}", after.plan);
        }
        // What runs past a limit halts it all the same, once it is frozen for them.
        let freeze = Halt {
            id: HaltId::new("20261122T030000Z"), tripped: moment(-600), before: Summary::default(), contained: None,
            outcome_told: true, denials_told: false, locked_out: None, tripped_limits: [].into(),
            freeze: Some(FreezeReason::Purchases),
        };
        let frozen = AccountRecord { state: State::Frozen, halt: Some(freeze), ..record };
        let expected = if before.verdict.judgement == Judgement::Halt { Cause::Tripped } else { Cause::Frozen };
        prop_assert_eq!(decide(&policy, &buying, &frozen).cause, Some(expected));
        prop_assert_eq!(decide(&policy, &quiet, &frozen).cause, Some(expected), "only people end it");
    }
}

fn decide(policy: &AccountPolicy, observation: &Observation, record: &AccountRecord) -> Decision {
    let refusals = Refusals::default();
    let shut_outs = ShutOuts::default();
    let case = Case {
        policy,
        observation,
        record,
        is_ordered: false,
        place: None,
        shut_outs: &shut_outs,
        refusals: &refusals,
        now: moment(0),
    };
    case.decide()
}

#[test]
fn a_region_that_refuses_before_the_others_answered_shuts_nobody_out() {
    let policy = r#"{"payer":"100000000000","organization":{"id":"o-exampleorg"},
        "defaults":{"limits":{"instances":4},"notify":["a@example.edu"]}}"#;
    let policy = Policy::from_json(policy).unwrap().for_account(&account(), None);
    let record = AccountRecord { reached: true, ..AccountRecord::new(account(), moment(-600)) };
    let (refuses, slow) = (Region::new("ap-south-1"), Region::new("us-east-1"));
    let mut observation = Observation::new(account());
    observation.expect::<Instances>(Some(&refuses));
    observation.expect::<Instances>(Some(&slow));
    let denied = || Failure::own("ec2:DescribeInstances", FailureKind::Denied, "");
    observation.see::<Instances>(Some(&refuses), Err(denied()));
    let is_shut_out = |seen: &Observation| decide(&policy, seen, &record).verdict.is_shut_out();
    assert!(!is_shut_out(&observation));
    let mut refused = observation.clone();
    refused.see::<Instances>(Some(&slow), Err(denied()));
    assert!(is_shut_out(&refused));
    observation.see::<Instances>(Some(&slow), Ok(Vec::new()));
    assert!(!is_shut_out(&observation));
}

fn counted(policy: &AccountPolicy, observation: &Observation) -> u64 {
    Summary::of(policy, observation).instances
}

#[test]
fn our_deny_outlives_everything_else_of_a_deleted_user() {
    let user = User {
        name: UserName::new("mallory"),
        created: None,
        lockout: Ok(Lockout::Absent),
        credentials: Some(Credentials {
            keys: Ok(vec![AccessKey { id: KeyId::new("AKIA1"), active: false, created: None }]),
            console: Ok(true),
            others: Ok(Vec::new()),
        }),
        attachments: Some(Ok(UserAttachments {
            mfa_devices: vec!["arn:aws:iam::111111111111:mfa/mallory".to_owned(), "GAHT12345678".to_owned()],
            ..UserAttachments::default()
        })),
        deny_all: Ok(DenyAll::default()),
        boundary: None,
    };
    let mut observation = Observation::new(account());
    observation.see::<Users>(None, Ok(vec![user]));
    let policy: &str = r#"{"payer":"100000000000","organization":{"id":"o-exampleorg"},
        "defaults":{"limits":{"instances":0},"notify":["a@example.edu"],"contain":{"users":"delete-users"}}}"#;
    let policy = Policy::from_json(policy).unwrap().for_account(&account(), None);
    let first = plan(&policy, &observation, &Circumstances::at(moment(0)));
    let texts = |plan: &Plan| plan.actions().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        texts(&first),
        [
            "deny everything to user mallory",
            "deactivate MFA device arn:aws:iam::111111111111:mfa/mallory of user mallory",
            "delete virtual MFA device arn:aws:iam::111111111111:mfa/mallory of user mallory",
            "deactivate MFA device GAHT12345678 of user mallory",
            "delete key AKIA1 of user mallory",
            "remove the console password of user mallory",
        ]
    );
    let done: Vec<Action> = first.actions().cloned().collect();
    let second = plan(&policy, &after(&observation, &done, moment(0)), &Circumstances::at(moment(0)));
    assert_eq!(texts(&second), ["delete inline policy RunawayTrainLockout of user mallory", "delete user mallory"]);
}
