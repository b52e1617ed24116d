//! EC2 instances, pending and running.

use std::collections::{BTreeMap, BTreeSet};

use crate::measure::price::{PriceKey, Prices, Tenancy};
use crate::measure::summary::Summary;
use crate::measure::vcpus::Vcpus;
use crate::observation::{Need, Observation, Subject};
use crate::policy::{AccountPolicy, InstanceResponse, InstanceStoreResponse};
use crate::resource::act::{Act, Undo};
use crate::resource::case::{Done, HaltCase, ReleaseCase, Standing, Suspicion, Touched};
use crate::resource::draft::{Draft, Lane, SkipReason, Skipped};
use crate::resource::room::{Depth, Resource, Returned, Revival, Scope};
use crate::resource::target::Target;
use crate::vocabulary::ids::{InstanceId, Region, SpotRequestId};
use crate::vocabulary::text::count;

mod action;
mod disks;
mod machine;
mod restart;
mod targets;

pub use action::{Action, MOST_INSTANCES_A_CALL, Protection};
pub use machine::{Instance, Launcher, Phase};

use action::{MODIFY, START, STOP, TERMINATE};
use disks::disks_of;
use restart::{Restart, some};
use targets::Targets;

/// EC2 instances.
pub struct Instances;

impl Subject for Instances {
    type Sight = Vec<Instance>;
    const NAME: &'static str = "instances";
    const NEED: Need = Need::Verdict;

    /// A region is known by what runs in it: its code alone.
    fn place(region: Option<&Region>) -> String {
        region.map_or_else(|| Self::NAME.to_owned(), ToString::to_string)
    }
}

impl Resource for Instances {
    type Action = Action;
    const SCOPE: Scope = Scope::Region;
    const READS: &'static [&'static str] = &["ec2:DescribeInstances"];
    const CALLS: &'static [&'static str] = &[MODIFY, START, STOP, TERMINATE];
    const WORKLOAD: Option<&'static str> = Some("instance");
    const RELEASE_DEPTH: Depth = Depth::Whole;

    fn target(_: &str) -> Target {
        Target::Instance
    }

    fn samples() -> Vec<Action> {
        let (region, instance, against) = (Region::new("any"), InstanceId::new("any"), Protection::Stop);
        let instances = vec![instance.clone()];
        vec![
            Action::Unprotect { region: region.clone(), instance: instance.clone(), against },
            Action::StopInstances { region: region.clone(), instances: instances.clone(), erases: Vec::new() },
            Action::TerminateInstances { region: region.clone(), instances: instances.clone() },
            Action::Protect { region: region.clone(), instance, against },
            Action::StartInstances { region, instances },
        ]
    }

    fn count(
        policy: &AccountPolicy,
        region: Option<&Region>,
        instances: &Vec<Instance>,
        prices: &Prices,
        summary: &mut Summary,
    ) {
        let Some(region) = region else { return };
        add(policy, prices, region, instances.iter().filter(|instance| instance.bills()), summary);
    }

    fn price_keys(region: Option<&Region>, instances: &Vec<Instance>) -> BTreeMap<PriceKey, Vcpus> {
        let Some(region) = region else { return BTreeMap::new() };
        let billed = instances.iter().filter(|instance| instance.bills());
        billed.map(|instance| (instance.price_key(region), instance.vcpus)).collect()
    }

    fn plan(
        case: &HaltCase<'_>,
        region: Option<&Region>,
        instances: &Vec<Instance>,
        observation: &Observation,
        draft: &mut Draft<Action>,
    ) {
        let Some(region) = region else { return };
        let targets = Targets::of(case, region, instances, &observation.prices);
        for (item, reason) in targets.skipped {
            draft.skip(item, reason);
        }
        for (loose, course) in [(true, targets.loose), (false, targets.launched)] {
            let lane = if loose { Lane::Loose(region.clone()) } else { Lane::Region(region.clone()) };
            course.steps(region, &targets.erases).into_iter().for_each(|step| draft.add(lane.clone(), step));
        }
    }

    fn undo(case: &ReleaseCase<'_>, touched: &Touched<'_, Action>, seen: &Observation, draft: &mut Draft<Action>) {
        let all = || touched.standing.iter().map(|done| done.action);
        let terminated: BTreeSet<&InstanceId> = all().flat_map(|action| action.instances_of(TERMINATE)).collect();
        let doomed: BTreeSet<&InstanceId> = all()
            .filter_map(|action| match action {
                Action::Unprotect { instance, against: Protection::Termination, .. } => Some(instance),
                _ => None,
            })
            .collect();
        // What was to be terminated has had both protections taken off unseen: to put them on might add one that was
        // never there.
        for Done { action, .. } in &touched.standing {
            if let Action::Unprotect { region, instance, .. } = action
                && !doomed.contains(instance)
                && let Undo::By(undo) = action.undo()
            {
                draft.add(Lane::Region(region.clone()), undo);
            }
        }
        for id in doomed.difference(&terminated) {
            draft.skip(format!("protections of instance {id}"), SkipReason::ProtectionUnknown);
        }
        for (region, mut stopped) in stopped(case, touched) {
            stopped.retain(|id, _| !terminated.contains(id));
            let list = seen.of::<Instances>(Some(region));
            let known: BTreeMap<&InstanceId, &Instance> =
                list.and_then(Result::ok).into_iter().flatten().map(|known| (&known.id, known)).collect();
            let stands = |id: &InstanceId| match (known.get(id), list) {
                (Some(found), _) if found.bills() => None,
                (Some(found), _) => Some(Standing::Present { created: found.launched }),
                (None, Some(Ok(_))) => Some(Standing::Gone),
                (None, unseen) => Some(Standing::of(unseen, |_| false, |_| None)),
            };
            let restart = Restart::of(case, region, stopped, stands);
            for chunk in restart.start.chunks(MOST_INSTANCES_A_CALL) {
                let start = Action::StartInstances { region: region.clone(), instances: chunk.to_vec() };
                draft.add(Lane::Region(region.clone()), start);
            }
            let lost = erased_of(touched, region, &restart.start);
            if !lost.is_empty() {
                let of = count(lost.len() as u64, "instance");
                draft.skip(format!("local disks of {of} in {region} ({})", some(&lost)), SkipReason::Erased);
            }
            restart.left.into_iter().for_each(|(item, reason)| draft.skip(item, reason));
        }
        if !terminated.is_empty() {
            draft.skip(count(terminated.len() as u64, "terminated instance"), SkipReason::Gone);
        }
    }

    fn revival(started: &[&Action], seen: &Observation) -> Revival {
        let mut revival = Revival::default();
        for action in started {
            let Action::StartInstances { region, instances } = action else { continue };
            let Some(Ok(list)) = seen.of::<Instances>(Some(region)) else { continue };
            let known: BTreeMap<&InstanceId, Phase> = list.iter().map(|known| (&known.id, known.phase)).collect();
            let in_phase = |phase| instances.iter().filter(move |id| known.get(id).copied() == Some(phase));
            revival.under_way += in_phase.clone()(Phase::Pending).count();
            let fallen: Vec<&InstanceId> = in_phase(Phase::Stopped).collect();
            if !fallen.is_empty() {
                let of = count(instances.len() as u64, "instance");
                let item = format!("{} of the {of} started in {region} ({})", fallen.len(), some(&fallen));
                revival.fallen.push(Skipped { item, reason: SkipReason::FellBack });
            }
        }
        revival
    }

    fn bring_back(policy: &AccountPolicy, done: &[&Action], seen: &Observation, back: &mut Returned) {
        let started: BTreeSet<&InstanceId> = done.iter().flat_map(|action| action.instances_of(START)).collect();
        for (region, instance) in everywhere(seen).filter(|(_, instance)| started.contains(&instance.id)) {
            add(policy, &seen.prices, region, [instance], &mut back.running);
        }
    }

    fn announce(policy: &AccountPolicy) -> Option<&'static str> {
        Some(match (policy.contain.instances, policy.contain.instance_store) {
            (InstanceResponse::Stop, InstanceStoreResponse::Stop) => {
                "Every pending or running instance in every region is stopped. EBS volumes are kept; instance store, \
                 the local disks of some types, is erased by any stop."
            }
            (InstanceResponse::Stop, InstanceStoreResponse::Leave) => {
                "Every pending or running instance in every region is stopped, but for those with local disks that \
                 were not launched lately: they run on, and bill. EBS volumes are kept; instance store, the local \
                 disks of some types, is erased by any stop."
            }
            (InstanceResponse::Terminate, InstanceStoreResponse::Stop) => {
                "Every pending or running instance in every region is terminated."
            }
            (InstanceResponse::Terminate, InstanceStoreResponse::Leave) => {
                "Every pending or running instance in every region is terminated, but for those with local disks that \
                 were not launched lately: they run on, and bill."
            }
        })
    }
}

/// What halts stopped, by region, each with whose age keeps it stopped; and what was started again since and is asked
/// for by its id.
fn stopped<'a>(
    case: &ReleaseCase<'_>,
    touched: &Touched<'a, Action>,
) -> BTreeMap<&'a Region, BTreeMap<&'a InstanceId, Suspicion>> {
    let mut stopped: BTreeMap<&Region, BTreeMap<&InstanceId, Suspicion>> = BTreeMap::new();
    for Done { action, suspicion } in &touched.standing {
        if let Action::StopInstances { region, instances, .. } = action {
            stopped.entry(region).or_default().extend(instances.iter().map(|id| (id, *suspicion)));
        }
    }
    for undone in &touched.undone {
        if let Action::StopInstances { region, instances, .. } = undone {
            let named = instances.iter().filter(|id| case.request.start.names(id.as_str()));
            stopped.entry(region).or_default().extend(named.map(|id| (id, Suspicion::of_all())));
        }
    }
    stopped
}

/// Those of these instances whose local disks a halt erased.
fn erased_of<'a>(touched: &Touched<'_, Action>, region: &Region, instances: &'a [InstanceId]) -> Vec<&'a InstanceId> {
    let here = touched.standing.iter().map(|done| done.action).filter(|action| action.region() == Some(region));
    let certain = here.flat_map(Act::erases).filter(|erasure| erasure.certain);
    let erased: BTreeSet<&str> = certain.flat_map(|erasure| &erasure.items).map(String::as_str).collect();
    instances.iter().filter(|id| erased.contains(id.as_str())).collect()
}

/// Every pending or running instance seen so far, with its region.
pub fn everywhere(observation: &Observation) -> impl Iterator<Item = (&Region, &Instance)> {
    let sights = observation.sights::<Instances>();
    let all = sights.flat_map(|(region, list)| list.iter().map(move |instance| (region, instance)));
    all.filter(|(_, instance)| instance.bills())
}

/// Instances that cost the same.
#[derive(Default)]
struct Class {
    exempt: u64,
    counted: u64,
    vcpus: u64,
}

/// Adds what some instances of a region count and cost.
fn add<'a>(
    policy: &AccountPolicy,
    prices: &Prices,
    region: &Region,
    instances: impl IntoIterator<Item = &'a Instance>,
    summary: &mut Summary,
) {
    let mut classes: BTreeMap<(&str, &str, Tenancy, bool), Class> = BTreeMap::new();
    for instance in instances {
        let is_spot = instance.spot_request.is_some();
        let class = (instance.instance_type.as_str(), instance.operation.as_str(), instance.tenancy, is_spot);
        let class = classes.entry(class).or_default();
        if policy.exempts_instance(&instance.id) {
            class.exempt += 1;
        } else {
            class.counted += 1;
            class.vcpus += u64::from(instance.vcpus.count);
        }
    }
    for ((instance_type, operation, tenancy, is_spot), Class { exempt, counted, vcpus }) in classes {
        let price = prices.get(&PriceKey {
            region: region.clone(),
            instance_type: instance_type.to_owned(),
            operation: operation.to_owned(),
            tenancy,
        });
        *summary.by_region.entry(region.clone()).or_default() += exempt + counted;
        *summary.by_type.entry(instance_type.to_owned()).or_default() += exempt + counted;
        summary.tell_disks(instance_type, disks_of(instance_type, price));
        summary.exempt += exempt;
        summary.instances += counted;
        summary.vcpus += vcpus;
        match price {
            // For Spot the On-Demand price is the most that it may cost.
            // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-instances.html
            Some(price) => summary.burn.add(*price, is_spot, counted),
            None => summary.unpriced += counted,
        }
    }
}

/// The Spot requests that would ask again for what a halt is about to terminate in a region.
pub(super) fn requests_of_terminated(
    case: &HaltCase<'_>,
    region: &Region,
    seen: &Observation,
) -> BTreeSet<SpotRequestId> {
    let instances = seen.of::<Instances>(Some(region)).and_then(Result::ok);
    instances.map(|list| Targets::of(case, region, list, &seen.prices).requests).unwrap_or_default()
}

/// What launched something of what runs in a region, and would launch another in its place.
pub(super) fn launchers(seen: &Observation, region: &Region) -> BTreeSet<Launcher> {
    let instances = seen.of::<Instances>(Some(region)).and_then(Result::ok);
    let running = instances.into_iter().flatten().filter(|instance| instance.bills());
    running.filter_map(|instance| instance.launcher.clone()).collect()
}
