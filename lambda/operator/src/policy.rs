//! The policy as somebody reads it who asks what holds for an account, and where that is written.

pub mod command;
pub mod explain;
pub mod fault;
pub mod layers;
pub mod places;
pub mod row;
pub mod subject;
