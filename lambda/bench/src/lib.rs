//! A double of AWS that speaks to the real clients over plain HTTP: an organization of any size whose regions are as far
//! away as those of AWS, whose services take their time, and whose quotas are AWS's. It keeps what a halt changes, so
//! that what was done can be seen afterwards; every request is written down with its times.
//!
//! Which account and region a request is for is read from the credential scope of its signature, which is not checked:
//! an access key has the account's id in it.

mod account;
mod bucket;
mod call;
mod connections;
mod expression;
mod http;
mod local_table;
mod log;
mod network;
mod server;
mod service;
mod settings;
mod table;
mod world;
mod xml;

pub use local_table::LocalTable;
pub use server::Double;
pub use settings::{Connections, Fault, Holdings, Network, Settings};
