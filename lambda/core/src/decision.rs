//! The decision, and what follows from it for the record and for people.

mod decide;
mod news;
mod transition;

pub use decide::{Case, Cause, Decision};
pub use news::News;
pub use transition::{after_sweep, contained, frozen, released, trip, with_whole_before};
