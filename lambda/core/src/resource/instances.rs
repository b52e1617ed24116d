//! EC2 instances, pending and running.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::measure::price::{PriceKey, Tenancy};
use crate::measure::summary::Summary;
use crate::measure::vcpus::Vcpus;
use crate::observation::{Need, Observation, Subject};
use crate::policy::{AccountPolicy, InstanceResponse, UnstoppableResponse};
use crate::resource::act::{Act, Description, Part, Undo, write_batch};
use crate::resource::case::{Done, HaltCase, ReleaseCase, Standing, Suspicion, Touched};
use crate::resource::draft::{Draft, Lane, SkipReason, Skipped};
use crate::resource::room::{Depth, Resource, Returned, Revival, Scope};
use crate::vocabulary::failure::FailureKind;
use crate::vocabulary::ids::{FleetId, GroupName, InstanceId, Region, SpotRequestId};
use crate::vocabulary::text::count;

mod restart;

use restart::{Restart, some};

/// EC2 instances.
pub struct Instances;

/// The most instances in one StopInstances call: its resource bucket holds 1,000 tokens, one an instance.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
pub const MOST_INSTANCES_A_CALL: usize = 1000;

/// Where an instance is in its life. Stopping and stopped ones cost no compute: only a release looks at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Launched, not yet running. It counts: a thief's thousand pending instances bill in seconds.
    Pending,
    /// Running.
    Running,
    /// Stopping or stopped.
    Stopped,
}

/// What launched an instance, and launches another in its place when it ends. EC2 says so by tags whose names are
/// reserved to AWS, so nobody in the account can set them or take them off.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Launcher {
    /// An Auto Scaling group.
    Group(GroupName),
    /// An EC2 fleet or a Spot fleet.
    Fleet(FleetId),
}

/// One pending or running EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its type, such as `p5.48xlarge`.
    pub instance_type: String,
    /// Its vCPUs.
    pub vcpus: Vcpus,
    /// Pending or running.
    pub phase: Phase,
    /// The Spot request that it came from; `None` for On-Demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot_request: Option<SpotRequestId>,
    /// What launched it and would launch another in its place, if anything would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher: Option<Launcher>,
    /// The service that manages it (EKS Auto Mode, ECS managed …), if one does: EC2 then refuses to stop it directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// What runs on it, as EC2 bills it, such as `RunInstances` for Linux.
    pub operation: String,
    /// Whose hardware it runs on.
    pub tenancy: Tenancy,
    /// When it was launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched: Option<Timestamp>,
}

impl Instance {
    /// Whether it costs compute.
    pub fn bills(&self) -> bool {
        match self.phase {
            Phase::Pending | Phase::Running => true,
            Phase::Stopped => false,
        }
    }

    /// Whether nothing launches another in its place, so that it may be stopped at once.
    fn is_loose(&self) -> bool {
        self.launcher.is_none() && self.spot_request.is_none()
    }

    /// What its price depends on.
    pub fn price_key(&self, region: &Region) -> PriceKey {
        PriceKey {
            region: region.clone(),
            instance_type: self.instance_type.clone(),
            operation: self.operation.clone(),
            tenancy: self.tenancy,
        }
    }
}

/// What an instance is protected against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// `disableApiStop`: neither stop nor terminate through the API.
    Stop,
    /// `disableApiTermination`: no terminate through the API.
    Termination,
}

/// What changes instances.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Take a protection off one instance that refused because of it.
    Unprotect {
        /// Where.
        region: Region,
        /// Which.
        instance: InstanceId,
        /// Against what it is protected.
        against: Protection,
    },
    /// Stop instances of one region, at most [`MOST_INSTANCES_A_CALL`] of them.
    StopInstances {
        /// Where.
        region: Region,
        /// Which; never empty, for an empty list means *all* to EC2.
        instances: Vec<InstanceId>,
    },
    /// Terminate instances, at most [`MOST_INSTANCES_A_CALL`] of them.
    TerminateInstances {
        /// Where.
        region: Region,
        /// Which; never empty.
        instances: Vec<InstanceId>,
    },
    /// Put a protection back.
    Protect {
        /// Where.
        region: Region,
        /// Which.
        instance: InstanceId,
        /// Against what.
        against: Protection,
    },
    /// Start what was stopped. Only a release that asks for it does this.
    StartInstances {
        /// Where.
        region: Region,
        /// Which; never empty.
        instances: Vec<InstanceId>,
    },
}

const MODIFY: &str = "ec2:ModifyInstanceAttribute";
const START: &str = "ec2:StartInstances";
const STOP: &str = "ec2:StopInstances";
const TERMINATE: &str = "ec2:TerminateInstances";

impl Act for Action {
    fn describe(&self) -> Description {
        const TAKEN_OFF: &str = "taken off an instance that refused";
        const TERMINATED: &str = "terminated: it could not be stopped";
        match self {
            Self::Unprotect { .. } => Description::new(MODIFY, Part::Prepare, "protection", TAKEN_OFF),
            Self::StopInstances { .. } => Description::new(STOP, Part::Stop, "instance", "stopped"),
            Self::TerminateInstances { .. } => Description::new(TERMINATE, Part::Stop, "instance", TERMINATED),
            Self::Protect { .. } => Description::new(MODIFY, Part::GiveBack, "protection", "put back"),
            Self::StartInstances { .. } => Description::new(START, Part::Restart, "instance", "started"),
        }
    }

    fn undo(&self) -> Undo<Self> {
        match self.clone() {
            Self::Unprotect { region, instance, against } => Undo::By(Self::Protect { region, instance, against }),
            Self::StopInstances { region, instances } => Undo::By(Self::StartInstances { region, instances }),
            Self::TerminateInstances { .. } => Undo::Never,
            Self::Protect { .. } | Self::StartInstances { .. } => Undo::IsUndo,
        }
    }

    fn region(&self) -> Option<&Region> {
        match self {
            Self::Unprotect { region, .. }
            | Self::StopInstances { region, .. }
            | Self::TerminateInstances { region, .. }
            | Self::Protect { region, .. }
            | Self::StartInstances { region, .. } => Some(region),
        }
    }

    fn items(&self) -> Vec<&str> {
        match self {
            Self::StopInstances { instances, .. }
            | Self::TerminateInstances { instances, .. }
            | Self::StartInstances { instances, .. } => instances.iter().map(InstanceId::as_str).collect(),
            Self::Unprotect { .. } | Self::Protect { .. } => Vec::new(),
        }
    }

    fn names_nothing(&self) -> bool {
        self.instances().is_empty()
    }

    fn with_items(&self, some: &[&str]) -> Option<Self> {
        let instances = some.iter().copied().map(InstanceId::new).collect();
        match self {
            Self::StopInstances { region, .. } => Some(Self::StopInstances { region: region.clone(), instances }),
            Self::TerminateInstances { region, .. } => {
                Some(Self::TerminateInstances { region: region.clone(), instances })
            }
            Self::StartInstances { region, .. } => Some(Self::StartInstances { region: region.clone(), instances }),
            Self::Unprotect { .. } | Self::Protect { .. } => None,
        }
    }

    /// A protection stands in the way of a stop, and either may stand in that of a termination.
    fn clearing(&self, item: &str, refused: FailureKind) -> Vec<Self> {
        let against: &[Protection] = match self {
            Self::StopInstances { .. } => &[Protection::Stop],
            Self::TerminateInstances { .. } => &[Protection::Stop, Protection::Termination],
            Self::Unprotect { .. } | Self::Protect { .. } | Self::StartInstances { .. } => &[],
        };
        let (Some(region), FailureKind::Protected) = (self.region(), refused) else { return Vec::new() };
        let unprotect = |against: &Protection| Self::Unprotect {
            region: region.clone(),
            instance: InstanceId::new(item),
            against: *against,
        };
        against.iter().map(unprotect).collect()
    }
}

impl Action {
    /// The instances that it is about.
    pub fn instances(&self) -> &[InstanceId] {
        match self {
            Self::StopInstances { instances, .. }
            | Self::TerminateInstances { instances, .. }
            | Self::StartInstances { instances, .. } => instances,
            Self::Unprotect { instance, .. } | Self::Protect { instance, .. } => std::slice::from_ref(instance),
        }
    }

    /// The same where it is this call.
    fn instances_of(&self, operation: &str) -> &[InstanceId] {
        if self.operation() == operation { self.instances() } else { &[] }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unprotect { region, instance, against } => {
                write!(f, "take {against} off instance {instance} in {region}")
            }
            Self::Protect { region, instance, against } => {
                write!(f, "put {against} back on instance {instance} in {region}")
            }
            Self::StopInstances { region, instances } => write_batch(f, "stop", "instance", region, instances),
            Self::TerminateInstances { region, instances } => {
                write_batch(f, "terminate", "instance", region, instances)
            }
            Self::StartInstances { region, instances } => write_batch(f, "start", "instance", region, instances),
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "the stop protection",
            Self::Termination => "the termination protection",
        })
    }
}

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

    fn count(policy: &AccountPolicy, observation: &Observation, summary: &mut Summary) {
        for (region, instance) in everywhere(observation) {
            add(policy, observation, region, instance, summary);
        }
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
        _: &Observation,
        draft: &mut Draft<Action>,
    ) {
        let Some(region) = region else { return };
        let targets = Targets::of(case, instances);
        for (instance, reason) in targets.skipped {
            draft.skip(format!("instance {instance} in {region}"), reason);
        }
        for (loose, course) in [(true, targets.loose), (false, targets.launched)] {
            let lane = if loose { Lane::Loose(region.clone()) } else { Lane::Region(region.clone()) };
            course.steps(region).into_iter().for_each(|step| draft.add(lane.clone(), step));
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
            add(policy, seen, region, instance, &mut back.running);
        }
    }

    fn announce(policy: &AccountPolicy) -> Option<&'static str> {
        Some(match policy.contain.instances {
            InstanceResponse::Stop => {
                "Every pending or running instance in every region is stopped. EBS volumes are kept; instance store, the local disks of some types, is erased by any stop."
            }
            InstanceResponse::Terminate => "Every pending or running instance in every region is terminated.",
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
        if let Action::StopInstances { region, instances } = action {
            stopped.entry(region).or_default().extend(instances.iter().map(|id| (id, *suspicion)));
        }
    }
    for undone in &touched.undone {
        if let Action::StopInstances { region, instances } = undone {
            let named = instances.iter().filter(|id| case.request.start.names(id.as_str()));
            stopped.entry(region).or_default().extend(named.map(|id| (id, Suspicion::of_all())));
        }
    }
    stopped
}

/// Every pending or running instance seen so far, with its region.
pub fn everywhere(observation: &Observation) -> impl Iterator<Item = (&Region, &Instance)> {
    let sights = observation.sights::<Instances>();
    let all = sights.flat_map(|(region, list)| list.iter().map(move |instance| (region, instance)));
    all.filter(|(_, instance)| instance.bills())
}

/// Adds what one instance counts and costs.
fn add(policy: &AccountPolicy, observation: &Observation, region: &Region, instance: &Instance, summary: &mut Summary) {
    *summary.by_region.entry(region.clone()).or_default() += 1;
    *summary.by_type.entry(instance.instance_type.clone()).or_default() += 1;
    if policy.exempts_instance(&instance.id) {
        summary.exempt += 1;
        return;
    }
    summary.instances += 1;
    summary.vcpus += u64::from(instance.vcpus.count);
    match observation.prices.get(&instance.price_key(region)) {
        // For Spot the On-Demand price is the most that it may cost.
        // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-instances.html
        Some(price) => summary.burn.add(*price, instance.spot_request.is_some()),
        None => summary.unpriced += 1,
    }
}

/// The Spot requests that would ask again for what a halt is about to terminate in a region.
pub(super) fn requests_of_terminated(
    case: &HaltCase<'_>,
    region: &Region,
    seen: &Observation,
) -> BTreeSet<SpotRequestId> {
    let instances = seen.of::<Instances>(Some(region)).and_then(Result::ok);
    instances.map(|list| Targets::of(case, list).requests).unwrap_or_default()
}

/// What launched something of what runs in a region, and would launch another in its place.
pub(super) fn launchers(seen: &Observation, region: &Region) -> BTreeSet<Launcher> {
    let instances = seen.of::<Instances>(Some(region)).and_then(Result::ok);
    let running = instances.into_iter().flatten().filter(|instance| instance.bills());
    running.filter_map(|instance| instance.launcher.clone()).collect()
}

/// What becomes of a region's instances.
#[derive(Default)]
struct Targets {
    /// Those that nothing launches again.
    loose: Course,
    /// The others.
    launched: Course,
    /// Spot requests that would ask again for what is terminated.
    requests: BTreeSet<SpotRequestId>,
    skipped: Vec<(InstanceId, SkipReason)>,
}

/// What becomes of instances, each in one of these. What will refuse, as far as anybody knows, is in no call with what
/// will not: EC2 stops all of a batch or nothing of it.
#[derive(Default)]
struct Course {
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
    fn steps(&self, region: &Region) -> Vec<Action> {
        let stop = |instances| Action::StopInstances { region: region.clone(), instances };
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
    fn of(case: &HaltCase<'_>, instances: &[Instance]) -> Self {
        let mut targets = Self::default();
        let (contain, refusals) = (&case.policy.contain, &case.circumstances.refusals);
        for instance in instances.iter().filter(|instance| instance.bills()) {
            let id = &instance.id;
            let refused = |operation, kind| refusals.met(operation, id.as_str(), kind);
            let unstoppable = refused(STOP, FailureKind::Unsupported);
            let skip = if case.policy.exempts_instance(id) {
                Some(SkipReason::Exempt)
            } else if let Some(service) = &instance.managed_by {
                Some(SkipReason::ManagedBy { service: service.clone() })
            } else {
                (unstoppable && contain.unstoppable == UnstoppableResponse::Leave).then_some(SkipReason::Unstoppable)
            };
            let course = if instance.is_loose() { &mut targets.loose } else { &mut targets.launched };
            if let Some(reason) = skip {
                targets.skipped.push((id.clone(), reason));
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
        }
        targets
    }
}
