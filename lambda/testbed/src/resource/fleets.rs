//! EC2 fleets and Spot fleets of type `maintain`: they replace what they lose.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runawaytrain_core::resource::fleets::{Action, Fleet, FleetKind};
use runawaytrain_core::resource::instances::Launcher;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::FleetId;
use runawaytrain_engine::ports::Performed;

use crate::resource::answer::{Answer, refused};
use crate::resource::instances::{Launches, SimInstance};
use crate::resource::view::View;
use crate::time::ago;
use crate::tokens::Tokens;

/// Fleets a page.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination>
pub const FLEETS_A_PAGE: usize = 1000;

/// The fleets of a region.
pub type SimFleets = BTreeMap<FleetId, SimFleet>;

/// A fleet.
#[derive(Debug, Clone)]
pub struct SimFleet {
    /// Which kind.
    pub kind: FleetKind,
    /// How many it wants.
    pub target: u64,
    /// The On-Demand part of that, where it is a Spot fleet.
    pub on_demand: u64,
    /// What it launches.
    pub instance_type: String,
    /// When it was made.
    pub created: Timestamp,
}

pub(crate) fn settle(fleets: &SimFleets, instances: &mut Vec<SimInstance>, launches: &mut Launches) {
    for (id, fleet) in fleets {
        launches.fill(instances, &Launcher::Fleet(id.clone()), fleet.target, &fleet.instance_type);
    }
}

/// Two lists: an EC2 fleet is not in that of the Spot fleets.
pub(crate) async fn look(view: &impl View<SimFleets>) -> Result<Vec<Fleet>, Failure> {
    let of = |wanted: FleetKind| {
        move |fleets: &SimFleets| {
            let seen = |(id, fleet): (&FleetId, &SimFleet)| {
                let (id, created) = (id.clone(), Some(fleet.created));
                let SimFleet { kind, target, on_demand, .. } = *fleet;
                (id.clone(), Fleet { id, kind, target, on_demand, created })
            };
            fleets.iter().filter(|(_, fleet)| fleet.kind == wanted).map(seen).collect()
        }
    };
    let ec2 = view.list("ec2:DescribeFleets", FLEETS_A_PAGE, of(FleetKind::Ec2));
    let spot = view.list("ec2:DescribeSpotFleetRequests", FLEETS_A_PAGE, of(FleetKind::Spot));
    let (mut fleets, mut spot) = tokio::try_join!(ec2, spot)?;
    fleets.append(&mut spot);
    Ok(fleets)
}

pub(crate) fn perform(fleets: &mut SimFleets, action: &Action) -> Answer {
    match action {
        Action::ZeroFleet { fleet, .. } => match fleets.get_mut(fleet) {
            Some(fleet) => (fleet.target, fleet.on_demand) = (0, 0),
            None => return Ok(Performed::AlreadyDone),
        },
        Action::RestoreFleet { fleet, target, on_demand, .. } => {
            let fleet = fleets.get_mut(fleet).ok_or_else(|| refused(action, FailureKind::NotFound))?;
            (fleet.target, fleet.on_demand) = (*target, *on_demand);
        }
    }
    Ok(Performed::Done)
}

/// `fleet ID ec2|spot REGION TARGET TYPE [on-demand N] [made D]`
pub(crate) fn read(
    words: &mut Tokens<'_>,
) -> Result<(String, impl FnOnce(&mut SimFleets, Timestamp) + Send + use<>), String> {
    let id = words.owned()?;
    let kind = match words.next()? {
        "ec2" => FleetKind::Ec2,
        "spot" => FleetKind::Spot,
        other => return Err(format!("a fleet is ec2 or spot, not {other:?}")),
    };
    let (region, target, instance_type) = (words.owned()?, words.number()?, words.owned()?);
    let on_demand = words.after("on-demand").map_or(Ok(0), |()| words.number())?;
    let age = words.age()?;
    let make = move |fleets: &mut SimFleets, now| {
        fleets.insert(FleetId::new(id), SimFleet { kind, target, on_demand, instance_type, created: ago(now, age) });
    };
    Ok((region, make))
}
