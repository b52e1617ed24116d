//! The stages of a sweep, each over ports: trigger → scope → observe → decide → contain → record → notify.
//!
//! [`sweep`] shows the whole way on one screen. What is decided is decided in `runawaytrain-core`; what is called is
//! called behind [`ports`]; here is only the order of things. Waiting is tokio's, so that tests run under virtual time;
//! whatever outlives an invocation is aged by the clock's port.
//!
//! The modules are listed in the way of the data. Each uses only those above it; a test holds them to that.

pub mod ports;

pub mod deadline;

pub mod patience;

pub mod trigger;

pub mod members;

pub mod scope;

pub mod observe;

pub mod notify;

pub mod contain;

mod account;

mod release;

mod exceptions;

mod cost_reports;

mod permissions;

pub mod sweep;
