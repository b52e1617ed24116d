//! The list of kinds: what looks at each of them, and what changes it. To add one: a line in each match, and its file
//! here.

mod call;
mod capacity;
mod deny_all;
mod details;
mod fleets;
mod groups;
mod instances;
mod quarantine;
mod roles;
mod root;
mod spot_requests;
mod users;

use jiff::Timestamp;

use runawaytrain_core::resource::{Act, Action, Kind, Sight};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use runawaytrain_engine::ports::{Look, Performed, Terms};

use crate::clients::Clients;

/// Everything of one kind in one place, all pages. Of users and roles it is told early who they are.
pub(crate) async fn look(
    clients: Clients<'_>,
    account: &AccountId,
    look: &Look,
    terms: Terms<'_>,
) -> Result<Sight, Failure> {
    let read = look.kind.first_read();
    let member = || clients.member(read);
    let region = || somewhere(read, look.region.as_ref());
    match look.kind {
        Kind::Quarantine => quarantine::look(clients.payer(read)?, account).await.map(Sight::Quarantine),
        Kind::Groups => groups::look(&member()?.autoscaling(region()?), look.depth).await.map(Sight::Groups),
        Kind::Fleets => fleets::look(&member()?.ec2(region()?)).await.map(Sight::Fleets),
        Kind::SpotRequests => spot_requests::look(&member()?.ec2(region()?)).await.map(Sight::SpotRequests),
        Kind::Instances => instances::look(&member()?.ec2(region()?), look.depth).await.map(Sight::Instances),
        Kind::Capacity => Ok(Sight::Capacity(capacity::look(&member()?.ec2(region()?), account).await)),
        Kind::Users => {
            let settled = match terms.settled {
                Some(Sight::Users(users)) => users.as_slice(),
                _ => &[],
            };
            let told = |users| (terms.so_far)(Sight::Users(users));
            users::look(&member()?.iam(), look.depth, settled, terms.within, told).await.map(Sight::Users)
        }
        Kind::Roles => {
            let told = |roles| (terms.so_far)(Sight::Roles(roles));
            roles::look(&member()?.iam(), account, look.depth, terms.within, told).await.map(Sight::Roles)
        }
        Kind::Root => Ok(Sight::Root(root::look(&member()?.iam()).await)),
    }
}

/// One action, one call.
pub(crate) async fn perform(
    clients: Clients<'_>,
    account: &AccountId,
    action: &Action,
    now: Timestamp,
) -> Result<Performed, Failure> {
    let operation = action.operation();
    let member = || clients.member(operation);
    let region = || somewhere(operation, action.region());
    match action {
        Action::Quarantine(action) => quarantine::perform(clients.payer(operation)?, account, action).await,
        Action::Groups(action) => groups::perform(&member()?.autoscaling(region()?), action).await,
        Action::Fleets(action) => fleets::perform(&member()?.ec2(region()?), action).await,
        Action::SpotRequests(action) => spot_requests::perform(&member()?.ec2(region()?), action).await,
        Action::Instances(action) => instances::perform(&member()?.ec2(region()?), action).await,
        Action::Users(action) => users::perform(&member()?.iam(), action, now).await,
        Action::Roles(action) => roles::perform(&member()?.iam(), action, now).await,
        Action::Capacity(action) => match *action {},
        Action::Root(action) => root::perform(clients.payer(operation)?, account, *action).await,
    }
}

fn somewhere<'a>(operation: &str, region: Option<&'a Region>) -> Result<&'a Region, Failure> {
    region.ok_or_else(|| Failure::own(operation, FailureKind::Invalid, "this is called in a region, and none is given"))
}
