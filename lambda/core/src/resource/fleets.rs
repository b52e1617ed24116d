//! EC2 fleets and Spot fleets of type `maintain`: they replace what they lose.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observation::{Need, Observation, Subject};
use crate::policy::AccountPolicy;
use crate::resource::act::{Act, Asked, Description, Part, Undo};
use crate::resource::case::{Done, HaltCase, ReleaseCase, Standing, Touched};
use crate::resource::draft::{Draft, Lane, SkipReason};
use crate::resource::instances::{Launcher, launchers};
use crate::resource::room::{Resource, Returned, Scope};
use crate::resource::target::Target;
use crate::vocabulary::ids::{FleetId, Region};

/// EC2 fleets and Spot fleets.
pub struct Fleets;

/// Which of the two kinds of fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FleetKind {
    /// An EC2 Fleet.
    Ec2,
    /// A Spot Fleet.
    Spot,
}

/// A fleet of type `maintain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// Its id.
    pub id: FleetId,
    /// Its kind.
    pub kind: FleetKind,
    /// The capacity that it wants; 0 is disarmed.
    pub target: u64,
    /// The On-Demand part of it, where it is a Spot fleet's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub on_demand: u64,
    /// When it was made; `None` where AWS does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// What changes a fleet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Set a fleet's target capacity to zero without terminating what runs.
    ZeroFleet {
        /// Where.
        region: Region,
        /// Which.
        fleet: FleetId,
        /// Which kind.
        kind: FleetKind,
        /// What it wanted.
        target: u64,
        /// The On-Demand part of that, where it is a Spot fleet's.
        #[serde(default, skip_serializing_if = "is_zero")]
        on_demand: u64,
    },
    /// Set it back.
    RestoreFleet {
        /// Where.
        region: Region,
        /// Which.
        fleet: FleetId,
        /// Which kind.
        kind: FleetKind,
        /// What it wanted.
        target: u64,
        /// The On-Demand part of that, where it is a Spot fleet's.
        #[serde(default, skip_serializing_if = "is_zero")]
        on_demand: u64,
    },
}

const MODIFY_FLEET: &str = "ec2:ModifyFleet";
const MODIFY_SPOT_FLEET: &str = "ec2:ModifySpotFleetRequest";

impl Act for Action {
    fn describe(&self) -> Description {
        let (kind, part, verb) = match self {
            Self::ZeroFleet { kind, .. } => (kind, Part::Disarm, "set to zero"),
            Self::RestoreFleet { kind, .. } => (kind, Part::Restart, "set back"),
        };
        let operation = match kind {
            FleetKind::Ec2 => MODIFY_FLEET,
            FleetKind::Spot => MODIFY_SPOT_FLEET,
        };
        Description::new(operation, part, "fleet", verb)
    }

    fn undo(&self) -> Undo<Self> {
        match self.clone() {
            Self::ZeroFleet { region, fleet, kind, target, on_demand } => {
                Undo::By(Self::RestoreFleet { region, fleet, kind, target, on_demand })
            }
            Self::RestoreFleet { .. } => Undo::IsUndo,
        }
    }

    fn given_back_by(&self) -> Option<Asked<'_>> {
        match self {
            Self::ZeroFleet { fleet, .. } => Some(Asked::Launch(fleet.as_str())),
            Self::RestoreFleet { .. } => None,
        }
    }

    /// A thief may raise it behind the halt: it is the same fleet all the same.
    fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ZeroFleet { region, fleet, .. }, Self::ZeroFleet { region: there, fleet: other, .. })
            | (Self::RestoreFleet { region, fleet, .. }, Self::RestoreFleet { region: there, fleet: other, .. }) => {
                (region, fleet) == (there, other)
            }
            (Self::ZeroFleet { .. }, Self::RestoreFleet { .. })
            | (Self::RestoreFleet { .. }, Self::ZeroFleet { .. }) => false,
        }
    }

    fn region(&self) -> Option<&Region> {
        match self {
            Self::ZeroFleet { region, .. } | Self::RestoreFleet { region, .. } => Some(region),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroFleet { region, fleet, target, .. } => {
                write!(f, "set fleet {fleet} in {region} from {target} to 0")
            }
            Self::RestoreFleet { region, fleet, target, .. } => {
                write!(f, "set fleet {fleet} in {region} back to {target}")
            }
        }
    }
}

impl Subject for Fleets {
    type Sight = Vec<Fleet>;
    const NAME: &'static str = "fleets";
    const NEED: Need = Need::Halt;
}

impl Resource for Fleets {
    type Action = Action;
    const SCOPE: Scope = Scope::Region;
    const READS: &'static [&'static str] = &["ec2:DescribeFleets", "ec2:DescribeSpotFleetRequests"];
    const CALLS: &'static [&'static str] = &[MODIFY_FLEET, MODIFY_SPOT_FLEET];

    fn target(call: &str) -> Target {
        if call == MODIFY_SPOT_FLEET { Target::SpotFleet } else { Target::Fleet }
    }

    fn samples() -> Vec<Action> {
        let of_kind = |kind| {
            let (region, fleet) = (Region::new("any"), FleetId::new("any"));
            let restore =
                Action::RestoreFleet { region: region.clone(), fleet: fleet.clone(), kind, target: 1, on_demand: 0 };
            [Action::ZeroFleet { region, fleet, kind, target: 1, on_demand: 0 }, restore]
        };
        [FleetKind::Ec2, FleetKind::Spot].into_iter().flat_map(of_kind).collect()
    }

    fn plan(
        _: &HaltCase<'_>,
        region: Option<&Region>,
        fleets: &Vec<Fleet>,
        seen: &Observation,
        draft: &mut Draft<Action>,
    ) {
        let Some(region) = region else { return };
        let launchers = launchers(seen, region);
        let zero = |fleet: &Fleet| Action::ZeroFleet {
            region: region.clone(),
            fleet: fleet.id.clone(),
            kind: fleet.kind,
            target: fleet.target,
            on_demand: fleet.on_demand,
        };
        let is_empty = |fleet: &Fleet| !launchers.contains(&Launcher::Fleet(fleet.id.clone()));
        let wanting = fleets.iter().filter(|fleet| fleet.target > 0);
        let actions: BTreeSet<(bool, Action)> = wanting.map(|fleet| (is_empty(fleet), zero(fleet))).collect();
        for (is_empty, action) in actions {
            let add = if is_empty { Draft::add_last } else { Draft::add };
            add(draft, Lane::Region(region.clone()), action);
        }
    }

    /// A fleet launches by itself: it comes back where a start is asked for, and after what is started in its region.
    /// It is the account's machinery, unless it came with the thief.
    fn undo(case: &ReleaseCase<'_>, touched: &Touched<'_, Action>, seen: &Observation, draft: &mut Draft<Action>) {
        for Done { action, suspicion } in &touched.standing {
            let (Action::ZeroFleet { region, fleet, .. }, Undo::By(undo)) = (action, action.undo()) else { continue };
            let fleets = seen.of::<Fleets>(Some(region));
            let is_it = |known: &Fleet| known.id == *fleet;
            // Somebody set it back since.
            if fleets.and_then(Result::ok).is_some_and(|list| list.iter().any(|known| is_it(known) && known.target > 0))
            {
                continue;
            }
            let standing = Standing::of(fleets, is_it, |known| known.created);
            let reason = match case.withheld(standing, true, *suspicion, fleet.as_str()) {
                Some(reason) => Some(reason),
                None if !case.request.start.wants(fleet.as_str()) => Some(SkipReason::NotResumed),
                None => case.restarting.contains(region).then_some(SkipReason::StartsFirst),
            };
            match reason {
                Some(reason) => draft.skip(format!("fleet {fleet} in {region}"), reason),
                None => draft.add(Lane::Region(region.clone()), undo),
            }
        }
    }

    /// Which of its instances run still, a look does not tell: all that it wants may be launched anew.
    fn bring_back(_: &AccountPolicy, done: &[&Action], _: &Observation, back: &mut Returned) {
        for action in done {
            if let Action::RestoreFleet { target, .. } = action {
                back.expected += target;
            }
        }
    }

    fn announce(_: &AccountPolicy) -> Option<&'static str> {
        Some("EC2 fleets and Spot fleets are set to zero.")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
