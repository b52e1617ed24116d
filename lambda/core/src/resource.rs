//! The kinds of resource: what a thief runs, what relaunches it, and whoever does so.
//!
//! One kind is one file here, one in `aws/resource` and one in `testbed/resource`. Stages walk over the kinds and name
//! none of them.

mod act;
mod case;
mod draft;
pub mod fleets;
pub mod groups;
pub mod instances;
mod list;
pub mod quarantine;
pub mod roles;
mod room;
pub mod spot_requests;
mod stored;
pub mod users;

pub use act::{Act, Description, Part, Undo};
pub use case::{Age, Circumstances, HaltCase, Refusals, ReleaseCase, ReleaseRequest, Suspicion};
pub use draft::{Draft, Lane, SkipReason, Skipped};
pub use fleets::Fleets;
pub use groups::Groups;
pub use instances::Instances;
pub use list::{Action, DESCRIBE_REGIONS, Kind, Sight};
pub use quarantine::Quarantine;
pub use roles::Roles;
pub use room::{Caller, Depth, Resource, Scope};
pub use spot_requests::SpotRequests;
pub use users::Users;
