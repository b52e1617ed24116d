//! What launches instances by itself in one region: Auto Scaling groups, fleets, Spot requests.

use aws_sdk_autoscaling::Client as AutoScaling;
use aws_sdk_autoscaling::types::AutoScalingGroup;
use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::types::{
    BatchState, Filter, FleetData, FleetStateCode, FleetType, SpotFleetRequestConfig, SpotInstanceRequest,
    SpotInstanceState, SpotInstanceType,
};

use runawaytrain_core::failure::Failure;
use runawaytrain_core::ids::{FleetId, GroupName, SpotRequestId};
use runawaytrain_core::launchers::{Fleet, FleetKind, Group, Launchers, SpotRequest};

use crate::failure;
use crate::time::timestamp;

/// The most that Auto Scaling gives at a time.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>
const GROUPS_A_PAGE: i32 = 100;
/// The most that EC2 gives at a time, of fleets as of Spot requests.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination>
const PAGE: i32 = 1000;
/// Every process of a group. All of them must be suspended: with only `Launch` suspended, what is stopped would be
/// terminated. A process that AWS adds later is suspended with the others, for a suspension names none of them; it is
/// only not looked for here.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html>
const PROCESSES: [&str; 9] = [
    "AZRebalance",
    "AddToLoadBalancer",
    "AlarmNotification",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
];

/// Everything that would launch again. One list that cannot be read makes the whole unknown.
pub(super) async fn list(ec2: &Ec2, autoscaling: &AutoScaling) -> Result<Launchers, Failure> {
    let (groups, mut fleets, mut spot_fleets, spot_requests) =
        tokio::try_join!(groups(autoscaling), fleets(ec2), spot_fleets(ec2), spot_requests(ec2))?;
    fleets.append(&mut spot_fleets);
    Ok(Launchers { groups, fleets, spot_requests })
}

async fn groups(client: &AutoScaling) -> Result<Vec<Group>, Failure> {
    // Their instances are seen elsewhere, and a group may have hundreds.
    let mut pages = client
        .describe_auto_scaling_groups()
        .include_instances(false)
        .max_records(GROUPS_A_PAGE)
        .into_paginator()
        .send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("autoscaling:DescribeAutoScalingGroups", &error))?;
        found.extend(page.auto_scaling_groups().iter().filter_map(group));
    }
    Ok(found)
}

fn group(seen: &AutoScalingGroup) -> Option<Group> {
    let suspended: Vec<&str> = seen.suspended_processes().iter().filter_map(|process| process.process_name()).collect();
    let suspended = PROCESSES.iter().all(|process| suspended.contains(process));
    Some(Group {
        name: GroupName::new(seen.auto_scaling_group_name()?),
        suspended,
        created: seen.created_time().and_then(timestamp),
    })
}

async fn fleets(client: &Ec2) -> Result<Vec<Fleet>, Failure> {
    // Fleets that were deleted stay visible for days.
    let alive = Filter::builder().name("fleet-state").values("submitted").values("active").values("modifying").build();
    let mut pages = client.describe_fleets().filters(alive).max_results(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("ec2:DescribeFleets", &error))?;
        found.extend(page.fleets().iter().filter_map(fleet));
    }
    Ok(found)
}

fn fleet(seen: &FleetData) -> Option<Fleet> {
    use FleetStateCode::{Deleted, DeletedRunning, DeletedTerminatingInstances, Failed};
    if !replenishes(seen.r#type())
        || matches!(seen.fleet_state(), Some(Deleted | DeletedRunning | DeletedTerminatingInstances | Failed))
    {
        return None;
    }
    let target = units(seen.target_capacity_specification().and_then(|capacity| capacity.total_target_capacity()));
    Some(Fleet {
        id: FleetId::new(seen.fleet_id()?),
        kind: FleetKind::Ec2,
        target,
        created: seen.create_time().and_then(timestamp),
    })
}

async fn spot_fleets(client: &Ec2) -> Result<Vec<Fleet>, Failure> {
    let mut pages = client.describe_spot_fleet_requests().max_results(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("ec2:DescribeSpotFleetRequests", &error))?;
        found.extend(page.spot_fleet_request_configs().iter().filter_map(spot_fleet));
    }
    Ok(found)
}

fn spot_fleet(seen: &SpotFleetRequestConfig) -> Option<Fleet> {
    use BatchState::{Cancelled, CancelledRunning, CancelledTerminatingInstances, Failed};
    let wanted = seen.spot_fleet_request_config();
    if !replenishes(wanted.and_then(|wanted| wanted.r#type()))
        || matches!(
            seen.spot_fleet_request_state(),
            Some(Cancelled | CancelledRunning | CancelledTerminatingInstances | Failed)
        )
    {
        return None;
    }
    // The On-Demand part is kept up by itself.
    let total = units(wanted.and_then(|wanted| wanted.target_capacity()));
    let on_demand = units(wanted.and_then(|wanted| wanted.on_demand_target_capacity()));
    let created = seen.create_time().and_then(timestamp);
    Some(Fleet {
        id: FleetId::new(seen.spot_fleet_request_id()?),
        kind: FleetKind::Spot,
        target: total.max(on_demand),
        created,
    })
}

/// Whether a fleet replaces what it loses: only one of type `maintain` does, and only that can be modified. What a
/// `request` has not launched yet it has asked for with Spot requests, which are seen as such. A type that nobody has
/// heard of is not taken for harmless.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-fleet-request-type.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/modify-ec2-fleet.html>
fn replenishes(fleet_type: Option<&FleetType>) -> bool {
    !matches!(fleet_type, Some(FleetType::Instant | FleetType::Request))
}

fn units(capacity: Option<i32>) -> u64 {
    capacity.and_then(|units| u64::try_from(units).ok()).unwrap_or(0)
}

async fn spot_requests(client: &Ec2) -> Result<Vec<SpotRequest>, Failure> {
    // Those that were closed stay visible for days, and a thief's are many.
    let alive = Filter::builder().name("state").values("open").values("active").build();
    let mut pages = client.describe_spot_instance_requests().filters(alive).max_results(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("ec2:DescribeSpotInstanceRequests", &error))?;
        found.extend(page.spot_instance_requests().iter().filter_map(spot_request));
    }
    Ok(found)
}

/// `disabled` ones are left out like the closed: they are persistent ones whose instance is stopped, and ask for
/// nothing.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-request-status.html>
fn spot_request(seen: &SpotInstanceRequest) -> Option<SpotRequest> {
    use SpotInstanceState::{Active, Cancelled, Closed, Disabled, Failed};
    if matches!(seen.state(), Some(Cancelled | Closed | Disabled | Failed)) {
        return None;
    }
    Some(SpotRequest {
        id: SpotRequestId::new(seen.spot_instance_request_id()?),
        open: seen.state() != Some(&Active),
        persistent: seen.r#type() == Some(&SpotInstanceType::Persistent),
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use runawaytrain_core::failure::FailureKind;

    use super::*;
    use crate::wire::Script;

    fn group_xml(name: &str, suspended: &[&str]) -> String {
        let mut processes = String::new();
        for process in suspended {
            write!(processes, "<member><ProcessName>{process}</ProcessName></member>").unwrap();
        }
        format!(
            "<member><AutoScalingGroupName>{name}</AutoScalingGroupName><SuspendedProcesses>{processes}</SuspendedProcesses></member>"
        )
    }

    fn fleet_xml(id: &str, fleet_type: &str, state: &str, target: u32) -> String {
        let capacity = format!(
            "<targetCapacitySpecification><totalTargetCapacity>{target}</totalTargetCapacity></targetCapacitySpecification>"
        );
        format!(
            "<item><fleetId>{id}</fleetId><type>{fleet_type}</type><fleetState>{state}</fleetState>{capacity}</item>"
        )
    }

    fn spot_fleet_xml(id: &str, fleet_type: &str, state: &str, target: u32, on_demand: u32) -> String {
        let capacity = format!(
            "<targetCapacity>{target}</targetCapacity><onDemandTargetCapacity>{on_demand}</onDemandTargetCapacity>"
        );
        let config = format!("<spotFleetRequestConfig><type>{fleet_type}</type>{capacity}</spotFleetRequestConfig>");
        format!(
            "<item><spotFleetRequestId>{id}</spotFleetRequestId><spotFleetRequestState>{state}</spotFleetRequestState>{config}</item>"
        )
    }

    fn spot_xml(id: &str, state: &str, request_type: &str) -> String {
        format!(
            "<item><spotInstanceRequestId>{id}</spotInstanceRequestId><state>{state}</state><type>{request_type}</type></item>"
        )
    }

    /// Two pages of everything.
    fn answer(asked: &str) -> (u16, String) {
        let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap();
        let last = asked.contains("NextToken=next");
        let (set, items) = match (action, last) {
            ("DescribeAutoScalingGroups", last) => {
                let (groups, more) = if last {
                    let more = [&PROCESSES[..], &["SomethingNew"]].concat();
                    (group_xml("all and more", &more) + &group_xml("all but one", &PROCESSES[1..]), "")
                } else {
                    (
                        group_xml("all", &PROCESSES) + &group_xml("launch only", &["Launch"]),
                        "<NextToken>next</NextToken>",
                    )
                };
                let result =
                    format!("<{action}Result><AutoScalingGroups>{groups}</AutoScalingGroups>{more}</{action}Result>");
                return (200, format!("<{action}Response>{result}</{action}Response>"));
            }
            ("DescribeFleets", false) => (
                "fleetSet",
                fleet_xml("fleet-1", "maintain", "active", 5) + &fleet_xml("fleet-2", "instant", "active", 5),
            ),
            ("DescribeFleets", true) => {
                let fleets = fleet_xml("fleet-3", "request", "active", 5)
                    + &fleet_xml("fleet-4", "maintain", "deleted_running", 5);
                (
                    "fleetSet",
                    fleets
                        + &fleet_xml("fleet-5", "maintain", "active", 0)
                        + &fleet_xml("fleet-6", "maintain", "modifying", 6),
                )
            }
            ("DescribeSpotFleetRequests", false) => {
                ("spotFleetRequestConfigSet", spot_fleet_xml("sfr-1", "maintain", "submitted", 0, 2))
            }
            ("DescribeSpotFleetRequests", true) => {
                let fleets = spot_fleet_xml("sfr-2", "maintain", "cancelled_running", 9, 0)
                    + &spot_fleet_xml("sfr-3", "request", "active", 9, 0);
                let fleets = fleets
                    + &spot_fleet_xml("sfr-4", "maintain", "active", 4, 1)
                    + &spot_fleet_xml("sfr-5", "maintain", "active", 0, 0);
                ("spotFleetRequestConfigSet", fleets)
            }
            ("DescribeSpotInstanceRequests", false) => (
                "spotInstanceRequestSet",
                spot_xml("sir-1", "open", "one-time") + &spot_xml("sir-2", "disabled", "persistent"),
            ),
            ("DescribeSpotInstanceRequests", true) => (
                "spotInstanceRequestSet",
                spot_xml("sir-3", "active", "persistent") + &spot_xml("sir-4", "cancelled", "persistent"),
            ),
            (other, _) => panic!("{other} was not expected"),
        };
        let more = if last { "" } else { "<nextToken>next</nextToken>" };
        (200, format!("<{action}Response><{set}>{items}</{set}>{more}</{action}Response>"))
    }

    async fn look(script: &Script) -> Result<Launchers, Failure> {
        list(&Ec2::new(&script.config()), &AutoScaling::new(&script.config())).await
    }

    #[tokio::test]
    async fn every_page_is_read_and_only_what_launches_again_is_taken() {
        let script = Script::new(answer);
        let launchers = look(&script).await.unwrap();
        let groups: Vec<_> = launchers.groups.iter().map(|group| (group.name.as_str(), group.suspended)).collect();
        assert_eq!(groups, [("all", true), ("launch only", false), ("all and more", true), ("all but one", false)]);
        let fleets: Vec<_> =
            launchers.fleets.iter().map(|fleet| (fleet.id.as_str(), fleet.kind, fleet.target)).collect();
        assert_eq!(
            fleets,
            [
                ("fleet-1", FleetKind::Ec2, 5),
                ("fleet-5", FleetKind::Ec2, 0),
                ("fleet-6", FleetKind::Ec2, 6),
                ("sfr-1", FleetKind::Spot, 2),
                ("sfr-4", FleetKind::Spot, 4),
                ("sfr-5", FleetKind::Spot, 0),
            ]
        );
        let requests: Vec<_> = launchers
            .spot_requests
            .iter()
            .map(|request| (request.id.as_str(), request.open, request.persistent))
            .collect();
        assert_eq!(requests, [("sir-1", true, false), ("sir-3", false, true)]);
        assert_eq!(script.asked().len(), 8);
    }

    #[tokio::test]
    async fn one_list_that_fails_makes_the_whole_unknown_and_is_named() {
        let script = Script::new(|asked| {
            if asked.contains("DescribeSpotFleetRequests") {
                (403, "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>".to_owned())
            } else {
                answer(asked)
            }
        });
        let failure = look(&script).await.unwrap_err();
        assert_eq!((failure.operation.as_str(), failure.kind), ("ec2:DescribeSpotFleetRequests", FailureKind::Denied));
    }
}
