//! What a halt does with each instance of a region, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use crate::measure::disks::LocalDisks;
use crate::measure::price::{Price, Prices, Tenancy};
use crate::policy::{InstanceResponse, UnstoppableResponse};
use crate::resource::act::{Act, Erasure};
use crate::resource::case::HaltCase;
use crate::resource::draft::SkipReason;
use crate::vocabulary::failure::FailureKind;
use crate::vocabulary::ids::{InstanceId, Region, SpotRequestId};

use super::action::{Action, MOST_INSTANCES_A_CALL, STOP, TERMINATE};
use super::disks::{among, disks_of, stays};
use super::machine::{Instance, Phase};

/// What becomes of a region's instances.
#[derive(Default)]
pub(super) struct Targets {
    /// Those that nothing launches again.
    pub loose: Course,
    /// The others.
    pub launched: Course,
    /// Spot requests that would ask again for what is terminated.
    pub requests: BTreeSet<SpotRequestId>,
    /// What is left alone, in words, and why.
    pub skipped: Vec<(String, SkipReason)>,
    /// What a stop erases, by type and whether that is certain.
    pub erases: Vec<Erasure>,
}

/// What becomes of instances, each in one of these. What will refuse, as far as anybody knows, is in no call with what
/// will not: EC2 stops all of a batch or nothing of it.
#[derive(Default)]
pub(super) struct Course {
    stop: BTreeSet<InstanceId>,
    /// Launched a moment ago: they cannot be stopped until they run.
    stop_pending: BTreeSet<InstanceId>,
    /// We were denied to stop them.
    stop_denied: BTreeSet<InstanceId>,
    unprotect_then_stop: BTreeSet<InstanceId>,
    terminate: BTreeSet<InstanceId>,
    unprotect_then_terminate: BTreeSet<InstanceId>,
}

/// How many protections are taken off before what they held is stopped.
const UNPROTECTED_AT_ONCE: usize = 50;

impl Course {
    /// The calls, in their order. `erases` is what a stop of any of them erases.
    pub fn steps(&self, region: &Region, erases: &[Erasure]) -> Vec<Action> {
        let stop = |instances: Vec<InstanceId>| {
            let names: Vec<&str> = instances.iter().map(InstanceId::as_str).collect();
            let erases = among(erases, &names);
            Action::StopInstances { region: region.clone(), instances, erases }
        };
        let terminate = |instances| Action::TerminateInstances { region: region.clone(), instances };
        let chunks = |set: &BTreeSet<InstanceId>, size: usize| -> Vec<Vec<InstanceId>> {
            let all: Vec<InstanceId> = set.iter().cloned().collect();
            all.chunks(size).map(<[InstanceId]>::to_vec).collect()
        };
        let mut steps = Vec::new();
        for set in [&self.stop, &self.stop_pending, &self.stop_denied] {
            steps.extend(chunks(set, MOST_INSTANCES_A_CALL).into_iter().map(stop));
        }
        steps.extend(chunks(&self.terminate, MOST_INSTANCES_A_CALL).into_iter().map(terminate));
        let to_stop = chunks(&self.unprotect_then_stop, UNPROTECTED_AT_ONCE).into_iter().map(stop);
        let to_terminate = chunks(&self.unprotect_then_terminate, UNPROTECTED_AT_ONCE).into_iter().map(terminate);
        for protected in to_stop.chain(to_terminate) {
            for item in protected.items() {
                steps.extend(protected.clearing(item, FailureKind::Protected));
            }
            steps.push(protected);
        }
        steps
    }
}

impl Targets {
    /// Sorts what was seen in a region.
    pub fn of(case: &HaltCase<'_>, region: &Region, instances: &[Instance], prices: &Prices) -> Self {
        let mut targets = Self::default();
        let mut erased: BTreeMap<(String, bool), BTreeSet<String>> = BTreeMap::new();
        let (contain, refusals) = (&case.policy.contain, &case.circumstances.refusals);
        // Thousands of instances are of a few types, and each of those is looked up once.
        let mut priced: BTreeMap<(&str, &str, Tenancy), (LocalDisks, Option<&Price>)> = BTreeMap::new();
        for instance in instances.iter().filter(|instance| instance.bills()) {
            let id = &instance.id;
            let refused = |operation, kind| refusals.met(operation, id.as_str(), kind);
            let unstoppable = refused(STOP, FailureKind::Unsupported);
            let (disks, price) = *priced
                .entry((instance.instance_type.as_str(), instance.operation.as_str(), instance.tenancy))
                .or_insert_with(|| {
                    let price = prices.get(&instance.price_key(region));
                    (disks_of(&instance.instance_type, price), price)
                });
            let skip = if case.policy.exempts_instance(id) {
                Some(SkipReason::Exempt)
            } else if let Some(service) = &instance.managed_by {
                Some(SkipReason::ManagedBy { service: service.clone() })
            } else if let Some(reason) = stays(case, instance, disks, price) {
                Some(reason)
            } else {
                (unstoppable && contain.unstoppable == UnstoppableResponse::Leave).then_some(SkipReason::Unstoppable)
            };
            let course = if instance.is_loose() { &mut targets.loose } else { &mut targets.launched };
            if let Some(reason) = skip {
                targets.skipped.push((format!("instance {id} in {region}"), reason));
                continue;
            }
            let set = if unstoppable || contain.instances == InstanceResponse::Terminate {
                targets.requests.extend(instance.spot_request.clone());
                let protected = refused(TERMINATE, FailureKind::Protected);
                if protected { &mut course.unprotect_then_terminate } else { &mut course.terminate }
            } else if refused(STOP, FailureKind::Protected) {
                &mut course.unprotect_then_stop
            } else if refused(STOP, FailureKind::Denied) {
                &mut course.stop_denied
            } else if instance.phase == Phase::Pending {
                &mut course.stop_pending
            } else {
                &mut course.stop
            };
            set.insert(id.clone());
            if disks != LocalDisks::HasNone {
                let of_type = (instance.instance_type.clone(), disks == LocalDisks::Has);
                erased.entry(of_type).or_default().insert(id.to_string());
            }
        }
        let erasure = |((kind, certain), items): (_, BTreeSet<String>)| Erasure {
            kind,
            certain,
            items: items.into_iter().collect(),
        };
        targets.erases = erased.into_iter().map(erasure).collect();
        targets
    }
}
