//! Dedicated Hosts and On-Demand Capacity Reservations: they bill until somebody gives them up.

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::capacity::{Held, Holdings};

use crate::resource::view::View;
use crate::tokens::Tokens;

/// Hosts a page, and reservations.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeHosts.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeCapacityReservations.html>
const HOSTS_A_PAGE: usize = 500;
const RESERVATIONS_A_PAGE: usize = 1000;

/// What the account holds in a region.
#[derive(Debug, Clone, Default)]
pub struct SimCapacity {
    /// Dedicated Hosts that were not released.
    pub hosts: Vec<Held>,
    /// Capacity reservations that are active.
    pub reservations: Vec<Held>,
}

pub(crate) async fn look(view: &impl View<SimCapacity>) -> Holdings {
    let listed = |held: &[Held]| held.iter().map(|held| (held.id.clone(), held.clone())).collect();
    let hosts: Seen<_> = view.list("ec2:DescribeHosts", HOSTS_A_PAGE, |of| listed(&of.hosts)).await;
    let reservations: Seen<_> =
        view.list("ec2:DescribeCapacityReservations", RESERVATIONS_A_PAGE, |of| listed(&of.reservations)).await;
    Holdings { hosts, reservations }
}

/// What it takes to hold one more.
type Make = dyn FnOnce(&mut SimCapacity) + Send;

/// `capacity REGION host ID TYPE`, or `capacity REGION reservation ID TYPE NUMBER`.
pub(crate) fn read(words: &mut Tokens<'_>) -> Result<(String, Box<Make>), String> {
    let (region, form) = (words.owned()?, words.owned()?);
    let (id, instance_type) = (words.owned()?, words.owned()?);
    match form.as_str() {
        "host" => Ok((region, Box::new(|of| of.hosts.push(Held { id, instance_type, instances: 1 })))),
        "reservation" => {
            let instances = words.number()?;
            Ok((region, Box::new(move |of| of.reservations.push(Held { id, instance_type, instances }))))
        }
        other => Err(format!("what is held is a host or a reservation, not {other:?}")),
    }
}
