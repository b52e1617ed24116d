//! The protocol of invocations as a model whose every state is visited: lease, fence, journal, outbox and brake under
//! crashes, duplicates, delays, lost answers and clocks that disagree.
//!
//! What is decided is decided by the code that ships: `decision`, `plan` and `mail` of the core, the order of a call and
//! what keeps a holder alive of the engine ([`Call`](runawaytrain_engine::contain::call::Call)). On which conditions the
//! table is written, the [`Book`](runawaytrain_testbed::Book) says, which the contract of the ledger holds to what
//! DynamoDB does. Here is only in which order an invocation comes to them, one atomic step after another, and what may
//! go wrong in between. `docs/protocol.md` tells the steps, the faults and what holds.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a model that breaks is a failing test"
)]

mod invocation;
mod ledger;
mod model;
mod mutation;
mod sealed;
mod world;

pub use invocation::Task;
pub use model::{Event, Faults, Invocations, Protocol, State};
pub use mutation::Mutation;
