//! Dedicated Hosts and On-Demand Capacity Reservations.

use runawaytrain_core::resource::capacity::Held;

use super::case::{Case, cases};
use super::stage::{Stage, away, capacity, home};

pub(super) const CASES: &[Case] =
    cases![a_dedicated_host_is_seen_where_it_is, a_region_without_capacity_reservations_has_none];

async fn a_dedicated_host_is_seen_where_it_is(stage: &dyn Stage) {
    let id = stage.host(&home()).await;
    let host = Held { id, instance_type: "m5.large".to_owned(), instances: 1 };
    assert_eq!(capacity(stage, &home()).await.hosts.unwrap(), [host]);
    assert_eq!(capacity(stage, &away()).await.hosts.unwrap(), []);
}

async fn a_region_without_capacity_reservations_has_none(stage: &dyn Stage) {
    assert_eq!(capacity(stage, &home()).await.reservations.unwrap(), []);
}
