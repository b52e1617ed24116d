//! Dedicated Hosts and On-Demand Capacity Reservations: they bill whether anything runs on them or not, so a halt that
//! stops every instance does not end them. They are looked at so that people are told of them: an owner's host or
//! reservation may not be to be had again, so nothing here gives one up.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/dedicated-hosts-billing.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-pricing-billing.html>

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::observation::{Need, Observation, Seen, Subject};
use crate::resource::act::{Act, Asked, Description, Undo};
use crate::resource::case::{HaltCase, ReleaseCase, Touched};
use crate::resource::draft::{Draft, SkipReason};
use crate::resource::room::{Resource, Scope};
use crate::resource::target::Target;
use crate::vocabulary::ids::Region;
use crate::vocabulary::text::{clean, count};

/// Dedicated Hosts and On-Demand Capacity Reservations.
pub struct Capacity;

/// One host or reservation of the account's own that bills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its id.
    pub id: String,
    /// The type of instance that it is for, or the family.
    pub instance_type: String,
    /// For how many instances a reservation is; a host is one host.
    pub instances: u32,
}

/// What the account holds in a region.
#[derive(Debug, Clone, PartialEq)]
pub struct Holdings {
    /// Dedicated Hosts.
    pub hosts: Seen<Vec<Held>>,
    /// On-Demand Capacity Reservations that are active.
    pub reservations: Seen<Vec<Held>>,
}

/// Nothing changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {}

impl Act for Action {
    fn describe(&self) -> Description {
        match *self {}
    }

    fn undo(&self) -> Undo<Self> {
        match *self {}
    }

    fn given_back_by(&self) -> Option<Asked<'_>> {
        match *self {}
    }
}

impl fmt::Display for Action {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl Subject for Capacity {
    /// Why either could not be looked at is a part of what was seen, and no gap: a halt changes nothing about it, so
    /// its proof must not wait for it. An enrolled account may have a role from before it was looked at.
    type Sight = Holdings;
    const NAME: &'static str = "reserved capacity";
    const NEED: Need = Need::Halt;
}

impl Resource for Capacity {
    type Action = Action;
    const SCOPE: Scope = Scope::Region;
    const READS: &'static [&'static str] = &["ec2:DescribeHosts", "ec2:DescribeCapacityReservations"];
    const CALLS: &'static [&'static str] = &[];
    const HOLDS_UP_STOPS: bool = false;

    fn target(_: &str) -> Target {
        Target::Payers
    }

    fn samples() -> Vec<Self::Action> {
        Vec::new()
    }

    fn plan(
        _: &HaltCase<'_>,
        region: Option<&Region>,
        seen: &Holdings,
        observation: &Observation,
        draft: &mut Draft<Action>,
    ) {
        let Some(region) = region else { return };
        let is_closed = observation.denied.contains(region);
        tell(Form::Host, region, is_closed, &seen.hosts, draft);
        tell(Form::Reservation, region, is_closed, &seen.reservations, draft);
    }

    fn undo(_: &ReleaseCase<'_>, _: &Touched<'_, Action>, _: &Observation, _: &mut Draft<Action>) {}
}

/// Which of the two.
#[derive(Clone, Copy)]
enum Form {
    Host,
    Reservation,
}

impl Form {
    fn noun(self) -> &'static str {
        match self {
            Self::Host => "Dedicated Host",
            Self::Reservation => "On-Demand Capacity Reservation",
        }
    }

    /// What ends these, for whoever is in the account.
    fn command(self, region: &Region, held: &[&Held]) -> String {
        let ids: Vec<String> = held.iter().map(|held| clean(&held.id)).collect();
        match self {
            Self::Host => format!("aws ec2 release-hosts --region {region} --host-ids {}", ids.join(" ")),
            // One a call.
            Self::Reservation => {
                let cancel = |id: &String| {
                    format!("aws ec2 cancel-capacity-reservation --region {region} --capacity-reservation-id {id}")
                };
                ids.iter().map(cancel).collect::<Vec<_>>().join("; ")
            }
        }
    }

    fn what(self, instance_type: &str, held: &[&Held]) -> String {
        let (of, instance_type) = (count(held.len() as u64, self.noun()), clean(instance_type));
        match self {
            Self::Host => format!("{of} for {instance_type}"),
            Self::Reservation => {
                let instances: u64 = held.iter().map(|held| u64::from(held.instances)).sum();
                format!("{of} of {instances} x {instance_type}")
            }
        }
    }
}

/// Names what bills on, by type. To be refused in a region that the organization denies to all is no news.
fn tell(form: Form, region: &Region, is_closed: bool, seen: &Seen<Vec<Held>>, draft: &mut Draft<Action>) {
    /// So many in one command.
    const AT_ONCE: usize = 20;
    let held = match seen {
        Ok(held) => held,
        Err(failure) if is_closed && failure.kind.is_refusal() => return,
        Err(failure) => {
            let reason = SkipReason::MayBillOn { failure: failure.clone() };
            return draft.skip(format!("{}s in {region}", form.noun()), reason);
        }
    };
    let mut by_type: BTreeMap<&str, Vec<&Held>> = BTreeMap::new();
    for held in held {
        by_type.entry(&held.instance_type).or_default().push(held);
    }
    for (instance_type, mut of_type) in by_type {
        of_type.sort_by(|one, other| one.id.cmp(&other.id));
        for held in of_type.chunks(AT_ONCE) {
            let reason = SkipReason::BillsOn { command: form.command(region, held) };
            draft.skip(format!("{} in {region}", form.what(instance_type, held)), reason);
        }
    }
}
