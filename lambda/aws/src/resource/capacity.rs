//! Dedicated Hosts and On-Demand Capacity Reservations: looked at and never changed.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    AllocationState, CapacityReservation, CapacityReservationState, CapacityReservationType, Filter, Host,
};

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::capacity::{Held, Holdings};
use runawaytrain_core::vocabulary::ids::AccountId;

use crate::failure;

/// The most hosts that EC2 gives at a time.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeHosts.html>
const HOSTS: i32 = 500;
/// The most reservations.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeCapacityReservations.html>
const RESERVATIONS: i32 = 1000;

/// What the account itself holds in a region: what others share with it is theirs to pay.
pub(super) async fn look(client: &Client, account: &AccountId) -> Holdings {
    let (hosts, reservations) = tokio::join!(hosts(client, account), reservations(client, account));
    Holdings { hosts, reservations }
}

async fn hosts(client: &Client, account: &AccountId) -> Seen<Vec<Held>> {
    let mut pages = client.describe_hosts().max_results(HOSTS).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("ec2:DescribeHosts", &error))?;
        found.extend(page.hosts().iter().filter_map(|seen| host(seen, account)));
    }
    Ok(found)
}

async fn reservations(client: &Client, account: &AccountId) -> Seen<Vec<Held>> {
    // Those that ended stay visible for a while.
    let active = Filter::builder().name("state").values("active").build();
    let mut pages =
        client.describe_capacity_reservations().filters(active).max_results(RESERVATIONS).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("ec2:DescribeCapacityReservations", &error))?;
        found.extend(page.capacity_reservations().iter().filter_map(|seen| reservation(seen, account)));
    }
    Ok(found)
}

/// Released ones stay visible for a while. One whose state or owner is not said is named rather than passed over.
fn host(seen: &Host, account: &AccountId) -> Option<Held> {
    use AllocationState::{PermanentFailure, Released, ReleasedPermanentFailure};
    let has_ended = matches!(seen.state(), Some(Released | ReleasedPermanentFailure | PermanentFailure));
    if has_ended || seen.owner_id().is_some_and(|owner| owner != account.as_str()) {
        return None;
    }
    let properties = seen.host_properties();
    let instance_type = properties.and_then(|properties| properties.instance_type());
    let family = properties.and_then(|properties| properties.instance_family());
    Some(Held {
        id: seen.host_id()?.to_owned(),
        instance_type: instance_type.or(family).unwrap_or("an unknown type").to_owned(),
        instances: 1,
    })
}

/// A Capacity Block is paid in advance, and ends by itself.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-blocks.html>
fn reservation(seen: &CapacityReservation, account: &AccountId) -> Option<Held> {
    let bills = matches!(seen.state(), Some(CapacityReservationState::Active) | None);
    let is_prepaid = seen.reservation_type() == Some(&CapacityReservationType::CapacityBlock);
    if !bills || is_prepaid || seen.owner_id().is_some_and(|owner| owner != account.as_str()) {
        return None;
    }
    Some(Held {
        id: seen.capacity_reservation_id()?.to_owned(),
        instance_type: seen.instance_type().unwrap_or("an unknown type").to_owned(),
        instances: seen.total_instance_count().and_then(|total| u32::try_from(total).ok()).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::vocabulary::failure::FailureKind;

    use super::*;
    use crate::wire::Script;

    const DENIED: &str =
        "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>";

    fn account() -> AccountId {
        AccountId::parse("111111111111").unwrap()
    }

    fn held(id: &str, instance_type: &str, instances: u32) -> Held {
        Held { id: id.to_owned(), instance_type: instance_type.to_owned(), instances }
    }

    fn host_xml(id: &str, state: &str, owner: &str, properties: &str) -> String {
        let properties = format!("<hostProperties>{properties}</hostProperties>");
        format!("<item><hostId>{id}</hostId><state>{state}</state><ownerId>{owner}</ownerId>{properties}</item>")
    }

    fn reservation_xml(id: &str, state: &str, owner: &str, kind: &str) -> String {
        let of = format!("<ownerId>{owner}</ownerId><reservationType>{kind}</reservationType>");
        let size = "<instanceType>p5.48xlarge</instanceType><totalInstanceCount>4</totalInstanceCount>";
        format!("<item><capacityReservationId>{id}</capacityReservationId><state>{state}</state>{of}{size}</item>")
    }

    #[tokio::test]
    async fn what_the_account_pays_is_taken_of_every_page() {
        let script = Script::new(|asked| {
            let next = |token: &str| format!("<nextToken>{token}</nextToken>");
            if asked.contains("Action=DescribeHosts") {
                let mac = "<instanceType>mac2.metal</instanceType>";
                let (hosts, more) = if asked.contains("NextToken=two") {
                    (host_xml("h-4", "pending", "111111111111", "<instanceFamily>m5</instanceFamily>"), String::new())
                } else {
                    let own = host_xml("h-1", "available", "111111111111", mac);
                    let gone = host_xml("h-2", "released", "111111111111", mac);
                    (own + &gone + &host_xml("h-3", "available", "222222222222", mac), next("two"))
                };
                (200, format!("<DescribeHostsResponse><hostSet>{hosts}</hostSet>{more}</DescribeHostsResponse>"))
            } else {
                let (set, more) = if asked.contains("NextToken=two") {
                    (reservation_xml("cr-4", "active", "111111111111", "default"), String::new())
                } else {
                    let shared = reservation_xml("cr-1", "active", "222222222222", "default");
                    let prepaid = reservation_xml("cr-2", "active", "111111111111", "capacity-block");
                    (shared + &prepaid + &reservation_xml("cr-3", "cancelled", "111111111111", "default"), next("two"))
                };
                let set = format!("<capacityReservationSet>{set}</capacityReservationSet>{more}");
                (200, format!("<DescribeCapacityReservationsResponse>{set}</DescribeCapacityReservationsResponse>"))
            }
        });
        let seen = look(&Client::new(&script.config()), &account()).await;
        assert_eq!(seen.hosts, Ok(vec![held("h-1", "mac2.metal", 1), held("h-4", "m5", 1)]));
        assert_eq!(seen.reservations, Ok(vec![held("cr-4", "p5.48xlarge", 4)]));
        assert!(script.asked().iter().any(|asked| asked.contains("Filter.1.Value.1=active")), "{:?}", script.asked());
    }

    #[tokio::test]
    async fn one_that_is_refused_does_not_hide_the_other() {
        let script = Script::new(|asked| {
            if asked.contains("Action=DescribeHosts") {
                return (403, DENIED.to_owned());
            }
            let set = reservation_xml("cr-1", "active", "111111111111", "default");
            let set = format!("<capacityReservationSet>{set}</capacityReservationSet>");
            (200, format!("<DescribeCapacityReservationsResponse>{set}</DescribeCapacityReservationsResponse>"))
        });
        let seen = look(&Client::new(&script.config()), &account()).await;
        let refused = seen.hosts.unwrap_err();
        assert_eq!((refused.operation.as_str(), refused.kind), ("ec2:DescribeHosts", FailureKind::Denied));
        assert_eq!(seen.reservations, Ok(vec![held("cr-1", "p5.48xlarge", 4)]));
    }
}
