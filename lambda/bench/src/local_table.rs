//! The double's DynamoDB alone, in the process of whoever asks it: no network, and no time passes.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::call::Call;
use crate::service;
use crate::settings::{Network, Settings};
use crate::world::World;

/// One table of DynamoDB.
#[derive(Debug)]
pub struct LocalTable(Mutex<World>);

impl LocalTable {
    /// An empty table.
    pub fn new() -> Self {
        let settings = Settings {
            payer: String::new(),
            organization: String::new(),
            accounts: 0,
            roles: 0,
            holdings: Vec::new(),
            network: Network::default(),
            quotas: false,
            faults: Vec::new(),
        };
        Self(Mutex::new(World::new(&settings)))
    }

    /// What it answers to an operation, by the header that names it (`DynamoDB_20120810.Query`) and the request's JSON:
    /// the HTTP status and the body.
    pub fn answer(&self, target: &str, body: &str) -> (u16, Vec<u8>) {
        let operation = target.rsplit('.').next().unwrap_or_default();
        let call = Call::of_json("dynamodb", operation, serde_json::from_str(body).unwrap_or(Value::Null));
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = service::answer(&mut world, &call);
        (answer.status, answer.body.to_vec())
    }
}

impl Default for LocalTable {
    fn default() -> Self {
        Self::new()
    }
}
