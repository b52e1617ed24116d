//! The policy as somebody reads it who asks what is wrong with it, and where.

pub mod fault;
pub mod places;
