//! One account of a sweep, as three tasks that talk by messages.
//!
//! One looks: each look is a task of its own ([`crate::observe::Collection`]). One judges ([`judge`]): it decides anew
//! with every answer and hands the decision on. One contains ([`container`]): it takes the lease, performs plans and
//! proves what came of them. Looking goes on while the lease is waited for.

mod basis;
mod container;
mod judge;
mod unreadable;

pub(crate) use basis::AccountSweep;
pub(crate) use judge::AccountOutcome;
