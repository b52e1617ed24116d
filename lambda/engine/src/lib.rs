//! The stages of a sweep, each over ports: trigger → scope → observe → decide → contain → record → notify.
//!
//! [`sweep`] shows the whole way on one screen. What is decided is decided in `runawaytrain-core`; what is called is
//! called behind [`ports`]; here is only the order of things. Waiting is tokio's, so that tests run under virtual time.

mod account;
mod brake;
pub mod contain;
pub mod deadline;
pub mod notify;
pub mod observe;
pub mod ports;
pub mod pricing;
pub mod record;
mod release;
mod reports;
pub mod scope;
pub mod spending;
pub mod sweep;
pub mod trigger;
