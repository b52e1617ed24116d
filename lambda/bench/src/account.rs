//! An account: what runs in it, and who is there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::settings::Holdings;

/// What runs in an account, who is there, and what is attached to it.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// By region and number.
    pub instances: BTreeMap<String, BTreeMap<u64, Instance>>,
    /// How many tags each instance has.
    pub tags: usize,
    pub users: BTreeMap<String, User>,
    pub roles: BTreeMap<String, Principal>,
    /// Service control policies.
    pub policies: BTreeSet<String>,
}

/// An instance.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub state: InstanceState,
    pub is_stop_protected: bool,
}

/// The states that an instance can be in here: it stops at once, and stays stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceState {
    Running,
    Stopping,
    ShuttingDown,
}

impl InstanceState {
    /// As EC2 writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::ShuttingDown => "shutting-down",
        }
    }

    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html>
    pub fn code(self) -> u8 {
        match self {
            Self::Running => 16,
            Self::Stopping => 64,
            Self::ShuttingDown => 32,
        }
    }
}

/// The policies of a user or a role.
#[derive(Debug, Default)]
pub(crate) struct Principal {
    /// Inline policies by name.
    pub inline: BTreeMap<String, String>,
    pub attached: BTreeSet<String>,
    pub boundary: Option<String>,
}

/// A user.
#[derive(Debug, Default)]
pub(crate) struct User {
    pub policies: Principal,
    /// Access keys, and whether each is active.
    pub keys: BTreeMap<String, bool>,
    pub has_password: bool,
}

impl Account {
    /// One in which nothing runs.
    pub fn quiet(roles: usize) -> Self {
        let roles = (0..roles).map(|number| (format!("Application{number}"), Principal::default())).collect();
        Self { roles, ..Self::default() }
    }

    /// Adds what runs in it and who is there.
    pub fn hold(&mut self, holdings: &Holdings) {
        self.tags = holdings.tags;
        for (region, count) in &holdings.instances {
            let instances = self.instances.entry(region.clone()).or_default();
            for number in 1..=*count {
                // Spread evenly: the next one whenever the share of all so far makes another whole.
                let so_far = |number: u64| (holdings.protected * number as f64).floor();
                let is_stop_protected = so_far(number) > so_far(number - 1);
                instances.insert(number, Instance { state: InstanceState::Running, is_stop_protected });
            }
        }
        for number in 1..=holdings.users {
            let key = format!("AKIA{:016}", number);
            let user = User { keys: [(key, true)].into(), has_password: true, ..User::default() };
            self.users.insert(format!("user{number}"), user);
        }
    }

    /// The users, by name.
    pub fn user(&mut self, name: &str) -> Option<&mut User> {
        self.users.get_mut(name)
    }

    /// What stands of it, for whoever wants to know what was done.
    pub fn state(&self) -> Value {
        let running = self.instances.values().flat_map(BTreeMap::values);
        let running = running.filter(|instance| instance.state == InstanceState::Running).count();
        let denied = |principal: &Principal| !principal.inline.is_empty() || !principal.attached.is_empty();
        json!({
            "running": running,
            "users": self.users.len(),
            "usersDenied": self.users.values().filter(|user| denied(&user.policies)).count(),
            "activeKeys": self.users.values().flat_map(|user| user.keys.values()).filter(|active| **active).count(),
            "passwords": self.users.values().filter(|user| user.has_password).count(),
            "roles": self.roles.len(),
            "rolesDenied": self.roles.values().filter(|role| denied(role)).count(),
            "policies": self.policies,
        })
    }
}

/// An instance's id.
pub(crate) fn id(number: u64) -> String {
    format!("i-{number:017x}")
}

/// The number in an instance's id.
pub(crate) fn number(id: &str) -> Option<u64> {
    u64::from_str_radix(id.strip_prefix("i-")?, 16).ok()
}
