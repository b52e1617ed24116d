//! One region: first what would launch again, then what runs.

use std::collections::BTreeSet;

use crate::ids::{InstanceId, Region, SpotRequestId};
use crate::launchers::Launchers;
use crate::observation::{Instance, Seen};
use crate::plan::{Action, Lane, LeftReason, MOST_INSTANCES_A_CALL, Protection};
use crate::policy::{InstanceResponse, UnstoppableResponse};

use super::Draft;

/// What becomes of the region's instances, each in one of these.
#[derive(Default)]
struct Fates {
    stop: BTreeSet<InstanceId>,
    unprotect_then_stop: BTreeSet<InstanceId>,
    terminate: BTreeSet<InstanceId>,
    unprotect_then_terminate: BTreeSet<InstanceId>,
    /// Spot requests that would ask again for what is terminated.
    cancel: BTreeSet<SpotRequestId>,
}

impl Draft<'_> {
    pub(super) fn region(&mut self, region: &Region, instances: &[Instance], launchers: &Seen<Launchers>) {
        let mut actions = Vec::new();
        let mut cancel = BTreeSet::new();
        match launchers {
            Ok(launchers) => {
                disarm(region, launchers, &mut actions);
                cancel.extend(
                    launchers.spot_requests.iter().filter(|request| request.open).map(|request| request.id.clone()),
                );
            }
            Err(failure) => self.leave(
                &format!("what launches instances in {region}"),
                LeftReason::Unseen { failure: failure.clone() },
            ),
        }
        let mut fates = self.fates(region, instances);
        cancel.append(&mut fates.cancel);
        let requests: Vec<SpotRequestId> = cancel.into_iter().collect();
        if !requests.is_empty() {
            actions.push(Action::CancelSpotRequests { region: region.clone(), requests });
        }
        let unprotect = |instance: &InstanceId, against| Action::Unprotect {
            region: region.clone(),
            instance: instance.clone(),
            against,
        };
        actions.extend(fates.unprotect_then_stop.iter().map(|instance| unprotect(instance, Protection::Stop)));
        for instance in &fates.unprotect_then_terminate {
            // Either may be what refused: stop protection blocks termination as well.
            actions.extend([Protection::Stop, Protection::Termination].map(|against| unprotect(instance, against)));
        }
        let stop: Vec<InstanceId> = fates.stop.union(&fates.unprotect_then_stop).cloned().collect();
        actions.extend(
            stop.chunks(MOST_INSTANCES_A_CALL)
                .map(|chunk| Action::StopInstances { region: region.clone(), instances: chunk.to_vec() }),
        );
        let terminate: Vec<InstanceId> = fates.terminate.union(&fates.unprotect_then_terminate).cloned().collect();
        actions.extend(
            terminate
                .chunks(MOST_INSTANCES_A_CALL)
                .map(|chunk| Action::TerminateInstances { region: region.clone(), instances: chunk.to_vec() }),
        );
        self.add(Lane::Region(region.clone()), actions);
    }

    fn fates(&mut self, region: &Region, instances: &[Instance]) -> Fates {
        let mut fates = Fates::default();
        let (policy, refusals) = (self.policy, &self.circumstances.refusals);
        for instance in instances {
            let id = &instance.id;
            let item = format!("instance {id} in {region}");
            if policy.exempts_instance(id) {
                self.leave(&item, LeftReason::Exempt);
                continue;
            }
            if let Some(service) = &instance.managed_by {
                self.leave(&item, LeftReason::ManagedBy { service: service.clone() });
                continue;
            }
            let unstoppable = refusals.unstoppable.contains(id);
            if unstoppable && policy.contain.unstoppable == UnstoppableResponse::Leave {
                self.leave(&item, LeftReason::Unstoppable);
                continue;
            }
            if unstoppable || policy.contain.instances == InstanceResponse::Terminate {
                fates.cancel.extend(instance.spot_request.clone());
                let protected = refusals.termination_protected.contains(id);
                if protected { &mut fates.unprotect_then_terminate } else { &mut fates.terminate }.insert(id.clone());
            } else {
                let protected = refusals.stop_protected.contains(id);
                if protected { &mut fates.unprotect_then_stop } else { &mut fates.stop }.insert(id.clone());
            }
        }
        fates
    }
}

/// Groups and fleets come first: whatever is stopped before them, they launch again.
fn disarm(region: &Region, launchers: &Launchers, actions: &mut Vec<Action>) {
    let mut disarmed: Vec<Action> = launchers
        .groups
        .iter()
        .filter(|group| !group.suspended)
        .map(|group| Action::SuspendGroup { region: region.clone(), group: group.name.clone() })
        .chain(launchers.fleets.iter().filter(|fleet| fleet.target > 0).map(|fleet| Action::ZeroFleet {
            region: region.clone(),
            fleet: fleet.id.clone(),
            kind: fleet.kind,
            target: fleet.target,
        }))
        .collect();
    disarmed.sort_unstable();
    disarmed.dedup();
    actions.append(&mut disarmed);
}
