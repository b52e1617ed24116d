//! EC2 fleets and Spot fleets: their target goes to zero, or back.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    BatchState, ExcessCapacityTerminationPolicy, Filter, FleetData, FleetExcessCapacityTerminationPolicy,
    FleetStateCode, FleetType, SpotFleetRequestConfig, TargetCapacitySpecificationRequest,
};

use runawaytrain_core::resource::Act;
use runawaytrain_core::resource::fleets::{Action, Fleet, FleetKind};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::FleetId;
use runawaytrain_engine::ports::Performed;

use crate::failure;
use crate::resource::call::{done, gone_is_fine};
use crate::time::timestamp;

/// The most that EC2 gives at a time.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination>
const PAGE: i32 = 1000;

/// Every fleet of a region that replaces what it loses, all pages. One list that cannot be read makes the whole
/// unknown.
pub(super) async fn look(client: &Client) -> Result<Vec<Fleet>, Failure> {
    let (fleets, spot_fleets) = tokio::try_join!(ec2_fleets(client), spot_fleets(client))?;
    Ok([fleets, spot_fleets].concat())
}

async fn ec2_fleets(client: &Client) -> Result<Vec<Fleet>, Failure> {
    // Fleets that were deleted stay visible for days.
    let alive = Filter::builder().name("fleet-state").values("submitted").values("active").values("modifying").build();
    let mut pages = client.describe_fleets().filters(alive).max_results(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("ec2:DescribeFleets", &error))?;
        found.extend(page.fleets().iter().filter_map(ec2_fleet));
    }
    Ok(found)
}

fn ec2_fleet(seen: &FleetData) -> Option<Fleet> {
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
        on_demand: 0,
        created: seen.create_time().and_then(timestamp),
    })
}

async fn spot_fleets(client: &Client) -> Result<Vec<Fleet>, Failure> {
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
    Some(Fleet {
        id: FleetId::new(seen.spot_fleet_request_id()?),
        kind: FleetKind::Spot,
        target: total.max(on_demand),
        on_demand,
        created: seen.create_time().and_then(timestamp),
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

/// A fleet's instances are left for the halt to stop: a fleet left to itself would terminate them, evidence included.
pub(super) async fn perform(client: &Client, action: &Action) -> Result<Performed, Failure> {
    let operation = action.operation();
    match action {
        // A fleet that is gone launches nothing.
        Action::ZeroFleet { fleet, kind, .. } => {
            gone_is_fine(set_target(client, operation, fleet, *kind, (0, 0)).await)
        }
        Action::RestoreFleet { fleet, kind, target, on_demand, .. } => {
            let capacity = |units: u64| {
                i32::try_from(units).map_err(|_| {
                    Failure::own(operation, FailureKind::Invalid, format!("no fleet can want {units} units"))
                })
            };
            let wanted = (capacity(*target)?, capacity(*on_demand)?);
            set_target(client, operation, fleet, *kind, wanted).await
        }
    }
}

async fn set_target(
    client: &Client,
    operation: &str,
    fleet: &FleetId,
    kind: FleetKind,
    (target, on_demand): (i32, i32),
) -> Result<Performed, Failure> {
    match kind {
        // Only the total: of the parts EC2 says `InvalidTargetCapacitySpecification`, whatever its guide says.
        // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/modify-ec2-fleet.html
        FleetKind::Ec2 => {
            let capacity = TargetCapacitySpecificationRequest::builder().total_target_capacity(target).build();
            let call = client.modify_fleet().fleet_id(fleet.as_str()).target_capacity_specification(capacity);
            let keep = FleetExcessCapacityTerminationPolicy::NoTermination;
            done!(operation, call.excess_capacity_termination_policy(keep))
        }
        FleetKind::Spot => {
            let call = client.modify_spot_fleet_request().spot_fleet_request_id(fleet.as_str()).target_capacity(target);
            // On-Demand capacity is a part of the total that is kept up by itself: left standing it would contradict a
            // total of zero. What a halt of an older version zeroed has none to give back.
            let call = call.set_on_demand_target_capacity((target == 0 || on_demand > 0).then_some(on_demand));
            done!(operation, call.excess_capacity_termination_policy(ExcessCapacityTerminationPolicy::NoTermination))
        }
    }
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::vocabulary::ids::Region;

    use super::*;
    use crate::wire::Script;

    fn ec2_fleet_xml(id: &str, fleet_type: &str, state: &str, target: u32) -> String {
        let capacity = format!("<totalTargetCapacity>{target}</totalTargetCapacity>");
        let capacity = format!("<targetCapacitySpecification>{capacity}</targetCapacitySpecification>");
        let state = format!("<type>{fleet_type}</type><fleetState>{state}</fleetState>");
        format!("<item><fleetId>{id}</fleetId>{state}{capacity}</item>")
    }

    fn spot_fleet_xml(id: &str, fleet_type: &str, state: &str, target: u32, on_demand: u32) -> String {
        let on_demand = format!("<onDemandTargetCapacity>{on_demand}</onDemandTargetCapacity>");
        let capacity = format!("<targetCapacity>{target}</targetCapacity>{on_demand}");
        let config = format!("<spotFleetRequestConfig><type>{fleet_type}</type>{capacity}</spotFleetRequestConfig>");
        let state = format!("<spotFleetRequestState>{state}</spotFleetRequestState>");
        format!("<item><spotFleetRequestId>{id}</spotFleetRequestId>{state}{config}</item>")
    }

    /// Two pages of each kind.
    fn answer(asked: &str) -> (u16, String) {
        let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap();
        let last = asked.contains("NextToken=next");
        let (set, items) = match (action, last) {
            ("DescribeFleets", false) => (
                "fleetSet",
                [ec2_fleet_xml("fleet-1", "maintain", "active", 5), ec2_fleet_xml("fleet-2", "instant", "active", 5)]
                    .concat(),
            ),
            ("DescribeFleets", true) => (
                "fleetSet",
                [
                    ec2_fleet_xml("fleet-3", "request", "active", 5),
                    ec2_fleet_xml("fleet-4", "maintain", "deleted_running", 5),
                    ec2_fleet_xml("fleet-5", "maintain", "active", 0),
                    ec2_fleet_xml("fleet-6", "maintain", "modifying", 6),
                ]
                .concat(),
            ),
            ("DescribeSpotFleetRequests", false) => {
                ("spotFleetRequestConfigSet", spot_fleet_xml("sfr-1", "maintain", "submitted", 0, 2))
            }
            ("DescribeSpotFleetRequests", true) => (
                "spotFleetRequestConfigSet",
                [
                    spot_fleet_xml("sfr-2", "maintain", "cancelled_running", 9, 0),
                    spot_fleet_xml("sfr-3", "request", "active", 9, 0),
                    spot_fleet_xml("sfr-4", "maintain", "active", 4, 1),
                    spot_fleet_xml("sfr-5", "maintain", "active", 0, 0),
                ]
                .concat(),
            ),
            (other, _) => panic!("{other} was not expected"),
        };
        let more = if last { "" } else { "<nextToken>next</nextToken>" };
        (200, format!("<{action}Response><{set}>{items}</{set}>{more}</{action}Response>"))
    }

    #[tokio::test]
    async fn every_page_is_read_and_only_what_launches_again_is_taken() {
        let script = Script::new(answer);
        let fleets = look(&Client::new(&script.config())).await.unwrap();
        let fleets: Vec<_> = fleets.iter().map(|fleet| (fleet.id.as_str(), fleet.kind, fleet.target)).collect();
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
        assert_eq!(script.asked().len(), 4);
    }

    #[tokio::test]
    async fn one_list_that_fails_makes_the_whole_unknown_and_is_named() {
        let script = Script::new(|asked| {
            let error = "<Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error>";
            let denied = format!("<Response><Errors>{error}</Errors></Response>");
            if asked.contains("DescribeSpotFleetRequests") { (403, denied) } else { answer(asked) }
        });
        let failure = look(&Client::new(&script.config())).await.unwrap_err();
        assert_eq!((failure.operation.as_str(), failure.kind), ("ec2:DescribeSpotFleetRequests", FailureKind::Denied));
    }

    fn zero(fleet: &str, kind: FleetKind) -> Action {
        Action::ZeroFleet {
            region: Region::new("us-east-1"),
            fleet: FleetId::new(fleet),
            kind,
            target: 7,
            on_demand: 2,
        }
    }

    fn restore(fleet: &str, kind: FleetKind, target: u64, on_demand: u64) -> Action {
        let (region, fleet) = (Region::new("us-east-1"), FleetId::new(fleet));
        Action::RestoreFleet { region, fleet, kind, target, on_demand }
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
        let client = Client::new(&script.config());
        let actions = [
            zero("fleet-1", FleetKind::Ec2),
            restore("fleet-1", FleetKind::Ec2, 7, 0),
            zero("sfr-1", FleetKind::Spot),
            restore("sfr-1", FleetKind::Spot, 7, 0),
            restore("sfr-1", FleetKind::Spot, 7, 2),
        ];
        for action in &actions {
            assert_eq!(perform(&client, action).await, Ok(Performed::Done), "{action}");
        }
        let asked = script.asked();
        let expected: [&[&str]; 5] = [
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
            &["Action=ModifySpotFleetRequest", "&TargetCapacity=7", "OnDemandTargetCapacity=2"],
        ];
        for (asked, expected) in asked.iter().zip(expected) {
            assert!(expected.iter().all(|words| asked.contains(words)), "{expected:?} in {asked}");
        }
        assert!(!asked[0].contains("OnDemand") && !asked[3].contains("OnDemand"), "{asked:?}");
    }

    #[tokio::test]
    async fn a_target_that_no_fleet_can_have_is_refused_without_a_call() {
        let script = Script::new(|_| (200, String::new()));
        let client = Client::new(&script.config());
        let failure = perform(&client, &restore("fleet-1", FleetKind::Ec2, u64::MAX, 0)).await.unwrap_err();
        assert_eq!((failure.kind, script.asked().len()), (FailureKind::Invalid, 0));
    }
}
