//! What every implementation of a port must keep. Run over the simulation and over the real adapters on an emulator.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "each rule is named by its function; a broken rule is a failing test")]

pub mod ledger;
