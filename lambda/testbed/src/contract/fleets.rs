//! EC2 fleets and Spot fleets.

use runawaytrain_core::resource::fleets::{Action, Fleet, FleetKind};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::FleetId;
use runawaytrain_engine::ports::Performed;

use super::case::{Case, cases};
use super::stage::{Stage, fleets, home, perform, running};

pub(super) const CASES: &[Case] = cases![
    an_ec2_fleet_goes_to_zero_and_back_and_its_instances_run_on,
    a_spot_fleet_goes_to_zero_and_back_and_its_instances_run_on,
    a_fleet_that_is_gone_needs_no_zeroing_and_takes_nothing_back,
];

async fn to_zero_and_back(stage: &dyn Stage, kind: FleetKind) {
    let target = 3;
    let id = stage.fleet(&home(), kind, target).await;
    let made = fleets(stage, &home()).await;
    assert_eq!(
        made.iter().map(|fleet| (&fleet.id, fleet.kind, fleet.target)).collect::<Vec<_>>(),
        [(&id, kind, target)]
    );
    let instances = running(stage, &home()).await;
    assert_eq!(instances.len(), 3);
    let (zero, restore) = zero_and_back(&id, kind, target);
    assert_eq!(perform(stage, zero).await, Ok(Performed::Done));
    let empty = Fleet { target: 0, ..made[0].clone() };
    assert_eq!(fleets(stage, &home()).await, [empty], "it is still there: a release gives it back");
    assert_eq!(running(stage, &home()).await, instances);
    assert_eq!(perform(stage, restore).await, Ok(Performed::Done));
    assert_eq!(fleets(stage, &home()).await, made);
}

fn zero_and_back(fleet: &FleetId, kind: FleetKind, target: u64) -> (Action, Action) {
    (
        Action::ZeroFleet { region: home(), fleet: fleet.clone(), kind, target, on_demand: 0 },
        Action::RestoreFleet { region: home(), fleet: fleet.clone(), kind, target, on_demand: 0 },
    )
}

async fn an_ec2_fleet_goes_to_zero_and_back_and_its_instances_run_on(stage: &dyn Stage) {
    to_zero_and_back(stage, FleetKind::Ec2).await;
}

async fn a_spot_fleet_goes_to_zero_and_back_and_its_instances_run_on(stage: &dyn Stage) {
    to_zero_and_back(stage, FleetKind::Spot).await;
}

async fn a_fleet_that_is_gone_needs_no_zeroing_and_takes_nothing_back(stage: &dyn Stage) {
    for (kind, id) in [
        (FleetKind::Ec2, "fleet-01234567-89ab-cdef-0123-456789abcdef"),
        (FleetKind::Spot, "sfr-01234567-89ab-cdef-0123-456789abcdef"),
    ] {
        let (zero, restore) = zero_and_back(&FleetId::new(id), kind, 3);
        assert_eq!(perform(stage, zero).await, Ok(Performed::AlreadyDone));
        assert_eq!(perform(stage, restore).await, Err(FailureKind::NotFound));
    }
}
