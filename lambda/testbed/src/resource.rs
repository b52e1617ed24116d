//! The list of kinds: how each is looked at, what its actions do, and the words in which a scenario speaks of it. To
//! add one: a file here, a line in each of the three, and its place in the account.

pub(crate) mod answer;
pub(crate) mod capacity;
pub(crate) mod deny_all;
pub(crate) mod details;
pub(crate) mod fleets;
pub(crate) mod groups;
pub(crate) mod instances;
pub(crate) mod quarantine;
pub(crate) mod roles;
pub(crate) mod root;
pub(crate) mod spot_requests;
pub(crate) mod users;
pub(crate) mod view;

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use runawaytrain_core::resource::roles::Role;
use runawaytrain_core::resource::users::User;
use runawaytrain_core::resource::{Act, Action, Kind, Sight};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Look, Terms};

use crate::account::{SimAccount, SimRegion};
use crate::resource::answer::{Answer, refused};
use crate::tokens::Tokens;
use crate::world::World;

/// Looks at one kind.
pub(crate) async fn look(world: &World, account: &AccountId, look: &Look, terms: Terms<'_>) -> Result<Sight, Failure> {
    match look.kind {
        Kind::Quarantine => {
            let view = world.visit(account, look, |known| known);
            quarantine::look(&world.payer.policies, &view).await.map(Sight::Quarantine)
        }
        Kind::Groups => {
            let view = world.visit_region(account, look, |of| of);
            groups::look(&view, look.depth, |of| (&of.groups, &of.instances)).await.map(Sight::Groups)
        }
        Kind::Fleets => fleets::look(&world.visit_region(account, look, |of| &of.fleets)).await.map(Sight::Fleets),
        Kind::SpotRequests => {
            let view = world.visit_region(account, look, |of| &of.spot_requests);
            spot_requests::look(&view).await.map(Sight::SpotRequests)
        }
        Kind::Instances => {
            let view = world.visit_region(account, look, |of| &of.instances);
            instances::look(&view, look.depth).await.map(Sight::Instances)
        }
        Kind::Capacity => {
            Ok(Sight::Capacity(capacity::look(&world.visit_region(account, look, |of| &of.capacity)).await))
        }
        Kind::Users => {
            let settled = match terms.settled {
                Some(Sight::Users(users)) => users.as_slice(),
                _ => &[],
            };
            let told = |users: Vec<User>| (terms.so_far)(Sight::Users(users));
            let view = world.visit(account, look, |known| &known.users);
            users::look(&view, look.depth, settled, terms.within, &told).await.map(Sight::Users)
        }
        Kind::Roles => {
            let told = |roles: Vec<Role>| (terms.so_far)(Sight::Roles(roles));
            let view = world.visit(account, look, |known| &known.roles);
            roles::look(&view, account, look.depth, terms.within, &told).await.map(Sight::Roles)
        }
        Kind::Root => Ok(Sight::Root(root::look(&world.visit(account, look, |known| &known.root)).await)),
    }
}

/// Does what an action says. `admit` takes the tokens of a batch of so many.
pub(crate) fn perform(
    known: &mut SimAccount,
    action: &Action,
    now: Timestamp,
    admit: impl FnOnce(usize) -> bool,
) -> Answer {
    match action {
        Action::Quarantine(action) => quarantine::perform(known, *action),
        Action::Groups(action) => groups::perform(&mut place(known, action)?.groups, action),
        Action::Fleets(action) => fleets::perform(&mut place(known, action)?.fleets, action),
        Action::SpotRequests(action) => spot_requests::perform(&mut place(known, action)?.spot_requests, action),
        Action::Instances(action) => instances::perform(&mut place(known, action)?.instances, action, now, admit),
        Action::Users(action) => users::perform(&mut known.users, action, now),
        Action::Roles(action) => roles::perform(&mut known.roles, action, now),
        Action::Capacity(action) => match *action {},
        Action::Root(action) => root::perform(&mut known.root, *action),
    }
}

/// What is in the region that an action is about.
fn place<'a>(known: &'a mut SimAccount, action: &impl Act) -> Result<&'a mut SimRegion, Failure> {
    let place = action.region().and_then(|region| known.regions.get_mut(region));
    place.ok_or_else(|| refused(action, FailureKind::NotFound))
}

/// Something that changes an account when its time has come.
type Change = Box<dyn FnOnce(&mut SimAccount) + Send>;

/// Reads the rest of a line about something that is to be in an account; `None` when its first word names no kind.
pub(crate) fn change(kind: &str, words: &mut Tokens<'_>) -> Result<Option<Change>, String> {
    Ok(Some(match kind {
        "group" => {
            let (region, make) = groups::read(words)?;
            in_region(region, |of, now| make(&mut of.groups, now))
        }
        "fleet" => {
            let (region, make) = fleets::read(words)?;
            in_region(region, |of, now| make(&mut of.fleets, now))
        }
        "spot" => {
            let (region, make) = spot_requests::read(words)?;
            Box::new(move |known| {
                let (of, launches) = known.launching(&region);
                make(&mut of.spot_requests, &mut of.instances, launches);
            })
        }
        "run" => {
            let (region, make) = instances::read(words)?;
            Box::new(move |known| {
                let (of, launches) = known.launching(&region);
                make(&mut of.instances, launches);
            })
        }
        "capacity" => {
            let (region, make) = capacity::read(words)?;
            in_region(region, |of, _| make(&mut of.capacity))
        }
        "user" => {
            let make = users::read(words)?;
            Box::new(|known| {
                let now = known.now();
                make(&mut known.users, now);
            })
        }
        "users" => {
            let make = users::read_many(words)?;
            Box::new(|known| {
                let now = known.now();
                make(&mut known.users, now);
            })
        }
        "role" => {
            let make = roles::read(words)?;
            Box::new(|known| {
                let now = known.now();
                make(&mut known.roles, now);
            })
        }
        "root" => {
            let root = root::read(words);
            Box::new(move |known| known.root = root)
        }
        _ => return Ok(None),
    }))
}

fn in_region(region: String, make: impl FnOnce(&mut SimRegion, Timestamp) + Send + 'static) -> Change {
    Box::new(move |known| {
        let now = known.now();
        make(known.region(&region), now);
    })
}

impl World {
    /// From now on the payer may take sessions as root of its members.
    pub fn with_root_access(&self) {
        self.payer.root_access.store(true, Ordering::Relaxed);
    }

    /// From now on none of our service control policies is deployed.
    pub fn without_quarantine(&self) {
        self.payer.policies.remove();
    }
}
