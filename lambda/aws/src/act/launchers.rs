//! What launches instances by itself: groups suspended, fleets brought to zero, Spot requests cancelled.

use aws_sdk_autoscaling::Client as AutoScaling;
use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::types::{
    ExcessCapacityTerminationPolicy, FleetExcessCapacityTerminationPolicy, TargetCapacitySpecificationRequest,
};

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::ids::{FleetId, GroupName, SpotRequestId};
use runawaytrain_core::launchers::FleetKind;
use runawaytrain_engine::ports::Performed;

use super::{done, gone_is_fine};
use crate::failure;

pub(super) const CANCEL: &str = "ec2:CancelSpotInstanceRequests";
const MODIFY_FLEET: &str = "ec2:ModifyFleet";
const MODIFY_SPOT_FLEET: &str = "ec2:ModifySpotFleetRequest";

/// No process is named: that means all of them, those that AWS adds later included.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html>
pub(super) async fn suspend(client: &AutoScaling, group: &GroupName) -> Result<Performed, Failure> {
    done!("autoscaling:SuspendProcesses", client.suspend_processes().auto_scaling_group_name(group.as_str()))
}

pub(super) async fn resume(client: &AutoScaling, group: &GroupName) -> Result<Performed, Failure> {
    done!("autoscaling:ResumeProcesses", client.resume_processes().auto_scaling_group_name(group.as_str()))
}

/// Its instances are left for the halt to stop: a fleet left to itself would terminate them, evidence included. A fleet
/// that is gone launches nothing.
pub(super) async fn zero(client: &Ec2, fleet: &FleetId, kind: FleetKind) -> Result<Performed, Failure> {
    gone_is_fine(match kind {
        FleetKind::Ec2 => ec2_fleet(client, fleet, 0).await,
        // On-Demand capacity is a part of the total that is kept up by itself: left standing it would contradict a
        // total of zero.
        FleetKind::Spot => done!(MODIFY_SPOT_FLEET, spot_fleet(client, fleet, 0).on_demand_target_capacity(0)),
    })
}

pub(super) async fn restore(client: &Ec2, fleet: &FleetId, kind: FleetKind, target: u64) -> Result<Performed, Failure> {
    let operation = if kind == FleetKind::Ec2 { MODIFY_FLEET } else { MODIFY_SPOT_FLEET };
    let target = i32::try_from(target)
        .map_err(|_| failure::own(operation, FailureKind::Invalid, format!("no fleet can want {target} units")))?;
    match kind {
        FleetKind::Ec2 => ec2_fleet(client, fleet, target).await,
        FleetKind::Spot => done!(MODIFY_SPOT_FLEET, spot_fleet(client, fleet, target)),
    }
}

/// Only the total: of the parts EC2 says `InvalidTargetCapacitySpecification`, whatever its guide says.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/modify-ec2-fleet.html>
async fn ec2_fleet(client: &Ec2, fleet: &FleetId, target: i32) -> Result<Performed, Failure> {
    let capacity = TargetCapacitySpecificationRequest::builder().total_target_capacity(target).build();
    let call = client.modify_fleet().fleet_id(fleet.as_str()).target_capacity_specification(capacity);
    done!(MODIFY_FLEET, call.excess_capacity_termination_policy(FleetExcessCapacityTerminationPolicy::NoTermination))
}

fn spot_fleet(
    client: &Ec2,
    fleet: &FleetId,
    target: i32,
) -> aws_sdk_ec2::operation::modify_spot_fleet_request::builders::ModifySpotFleetRequestFluentBuilder {
    let call = client.modify_spot_fleet_request().spot_fleet_request_id(fleet.as_str()).target_capacity(target);
    call.excess_capacity_termination_policy(ExcessCapacityTerminationPolicy::NoTermination)
}

/// Cancels requests; their running instances run on.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CancelSpotInstanceRequests.html>
pub(super) async fn cancel(client: &Ec2, requests: &[SpotRequestId]) -> Result<Performed, Failure> {
    let ids = requests.iter().map(|id| id.as_str().to_owned()).collect();
    done!(CANCEL, client.cancel_spot_instance_requests().set_spot_instance_request_ids(Some(ids)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    #[tokio::test]
    async fn all_processes_are_suspended_by_naming_none() {
        let script = Script::new(|_| (200, "<Response/>".to_owned()));
        suspend(&AutoScaling::new(&script.config()), &GroupName::new("fleet of mallory")).await.unwrap();
        let asked = script.asked();
        assert!(
            asked[0].contains("Action=SuspendProcesses")
                && asked[0].contains("AutoScalingGroupName=fleet%20of%20mallory"),
            "{asked:?}"
        );
        assert!(!asked[0].contains("ScalingProcesses"), "{asked:?}");
    }

    #[tokio::test]
    async fn a_fleet_goes_to_zero_without_terminating_and_back() {
        let script = Script::new(|asked| {
            let response = if asked.contains("Action=ModifyFleet") {
                "ModifyFleetResponse"
            } else {
                "ModifySpotFleetRequestResponse"
            };
            (200, format!("<{response}><return>true</return></{response}>"))
        });
        let client = Ec2::new(&script.config());
        let (fleet, spot) = (FleetId::new("fleet-1"), FleetId::new("sfr-1"));
        zero(&client, &fleet, FleetKind::Ec2).await.unwrap();
        restore(&client, &fleet, FleetKind::Ec2, 7).await.unwrap();
        zero(&client, &spot, FleetKind::Spot).await.unwrap();
        restore(&client, &spot, FleetKind::Spot, 7).await.unwrap();
        let asked = script.asked();
        let expected: [&[&str]; 4] = [
            &[
                "Action=ModifyFleet",
                "FleetId=fleet-1",
                "TargetCapacitySpecification.TotalTargetCapacity=0",
                "ExcessCapacityTerminationPolicy=no-termination",
            ],
            &[
                "Action=ModifyFleet",
                "FleetId=fleet-1",
                "TargetCapacitySpecification.TotalTargetCapacity=7",
                "ExcessCapacityTerminationPolicy=no-termination",
            ],
            &[
                "Action=ModifySpotFleetRequest",
                "sfr-1",
                "&TargetCapacity=0",
                "OnDemandTargetCapacity=0",
                "ExcessCapacityTerminationPolicy=noTermination",
            ],
            &[
                "Action=ModifySpotFleetRequest",
                "sfr-1",
                "&TargetCapacity=7",
                "ExcessCapacityTerminationPolicy=noTermination",
            ],
        ];
        for (asked, expected) in asked.iter().zip(expected) {
            assert!(expected.iter().all(|words| asked.contains(words)), "{expected:?} in {asked}");
        }
        assert!(!asked[0].contains("OnDemand") && !asked[3].contains("OnDemand"), "{asked:?}");
    }

    #[tokio::test]
    async fn a_target_that_no_fleet_can_have_is_refused_without_a_call() {
        let script = Script::new(|_| (200, String::new()));
        let failure =
            restore(&Ec2::new(&script.config()), &FleetId::new("fleet-1"), FleetKind::Ec2, u64::MAX).await.unwrap_err();
        assert_eq!((failure.kind, script.asked().len()), (FailureKind::Invalid, 0));
    }
}
