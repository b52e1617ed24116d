//! The policy as somebody reads it who asks what holds for an account, and where that is written.

pub mod explain;
pub mod fault;
pub mod layers;
pub mod places;
pub mod setting;
