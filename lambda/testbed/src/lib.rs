//! A simulated organization behind the engine's ports: stateful, in virtual time, without randomness of its own.
//!
//! It is a test dependency only. It holds what no emulator is faithful in — lag between a launch and its running,
//! refusals of single members of a batch, regions that hang, IAM that disagrees with itself — so that the engine can be
//! tried against AWS as it is. Time is tokio's: `#[tokio::test(start_paused = true)]` runs minutes of it in
//! milliseconds.
#![expect(clippy::expect_used, clippy::panic, reason = "a test's own world may break loudly: that is a failing test")]

mod account;
mod book;
mod clock;
pub mod contract;
pub mod delivery;
mod dice;
mod faults;
mod launch_queue;
mod ledger;
mod mailbox;
mod metrics;
mod pages;
mod payer;
mod quotas;
mod reports;
mod resource;
pub mod script;
pub mod service_control_policies;
mod testbed;
mod thief;
mod time;
mod tokens;
mod watcher;
mod world;

pub use account::{SimAccount, SimRegion};
pub use book::Book;
pub use clock::SimClock;
pub use faults::{Fault, failure};
pub use launch_queue::{Batch, COLD_START, LONG_POLL, LaunchQueue, POLL, QueueSettings};
pub use ledger::MemoryLedger;
pub use mailbox::{Mail, Mailbox};
pub use metrics::MemoryMetrics;
pub use quotas::least_time;
pub use reports::{MemoryReports, OBJECTS_A_PAGE};
pub use resource::deny_all::{MOST_ATTACHED, Managed};
pub use resource::details::DETAILS_A_PAGE;
pub use resource::fleets::{FLEETS_A_PAGE, SimFleet, SimFleets};
pub use resource::groups::{GROUPS_A_PAGE, SimGroup, SimGroups};
pub use resource::instances::{INSTANCES_A_PAGE, Life, SimInstance, StartFate, Stubborn};
pub use resource::roles::{ROLE_INLINE, ROLES_A_PAGE, SimRole, SimRoles, Trust};
pub use resource::spot_requests::{SPOT_REQUESTS_A_PAGE, SimSpotRequest, SimSpotRequests};
pub use resource::users::{SimUser, SimUsers, USER_INLINE, USERS_A_PAGE};
pub use testbed::Testbed;
pub use thief::{Cadence, Intent, Principal, Strategy, Thief};
pub use time::{CONSISTENCY, Lagged};
pub use watcher::{Watched, watch};
pub use world::{ACCOUNTS_A_PAGE, Call, World};
