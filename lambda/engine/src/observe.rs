//! Looks into accounts. Read-only by construction: it is given an observer and nothing that acts.

mod collection;
mod collector;
mod ground;
pub mod prices;
pub mod spend;

pub use collection::Collection;
pub use collector::{Attention, Collector};
pub use ground::Ground;
