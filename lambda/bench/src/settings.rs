//! What the double is told: whose organization it is, what runs in it, and how far away it is.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Everything that a run may differ in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The payer's account id, which is one more account of the organization.
    pub payer: String,
    /// The organization's id.
    pub organization: String,
    /// How many accounts the organization has besides the payer: 100000000001 and so on.
    #[serde(default)]
    pub accounts: u64,
    /// How many roles each account has.
    #[serde(default)]
    pub roles: usize,
    /// What runs in some of the accounts, and who is there.
    #[serde(default)]
    pub holdings: Vec<Holdings>,
    /// How far away everything is.
    #[serde(default)]
    pub network: Network,
    /// Whether quotas hold.
    #[serde(default)]
    pub quotas: bool,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// What runs in an account, and who is there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holdings {
    /// Whose they are.
    pub account: String,
    /// How many instances run, by region.
    #[serde(default)]
    pub instances: BTreeMap<String, u64>,
    /// Which share of the instances has stop protection.
    #[serde(default)]
    pub protected: f64,
    /// How many tags each instance has, each as large as EC2 takes them.
    #[serde(default)]
    pub tags: usize,
    /// How many users there are, each with an access key and a password.
    #[serde(default)]
    pub users: usize,
}

/// How far away everything is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Whether anything takes time at all.
    #[serde(default)]
    pub delays: bool,
    /// One round trip for every region, in milliseconds, instead of each region's own.
    #[serde(default)]
    pub round_trip: Option<f64>,
    /// How the client keeps connections.
    #[serde(default)]
    pub connections: Connections,
}

/// How the client keeps connections. All that it asks for comes in at one address here, and on AWS at one an API and
/// region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Connections {
    /// In one pool for everything, as the function does: whichever connection to an API and region is idle is used.
    #[default]
    Pooled,
    /// A pool a client, as boto3 does: each connection to the double is one to AWS.
    Own,
}

/// Something that goes wrong.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The service, as signatures name it: `ec2`.
    pub service: String,
    /// The operation; any where none is named.
    #[serde(default)]
    pub operation: Option<String>,
    /// The region; any where none is named.
    #[serde(default)]
    pub region: Option<String>,
    /// Every so many such requests, beginning with the first.
    pub every: u64,
    /// The HTTP status that is answered.
    pub status: u16,
    /// The error code that is answered.
    pub code: String,
}
