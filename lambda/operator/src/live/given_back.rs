//! What a release after a live drill gives back, and what it cannot.

use std::collections::BTreeSet;

use runawaytrain_core::resource::users::Action as OfUser;
use runawaytrain_core::resource::{Act as _, Action, Asked, Part, SkipReason, Undo};
use runawaytrain_core::vocabulary::text::clean;
use runawaytrain_engine::ports::JournalEntry;
use serde_json::{Value, json};

use crate::answer::Skipped;

/// Those of [`SkipReason`] that no later release can do anything about. The guard's answer has them in words.
pub(super) const FINAL: [SkipReason; 6] = [
    SkipReason::OldSessions,
    SkipReason::Gone,
    SkipReason::Erased,
    SkipReason::NotOurs,
    SkipReason::GivenBack,
    SkipReason::ProtectionUnknown,
];

/// What a release after a drill names. There was no thief: all comes back that can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenBack {
    /// Users.
    pub users: BTreeSet<String>,
    /// Roles.
    pub roles: BTreeSet<String>,
    /// Keys and other credentials.
    pub keys: BTreeSet<String>,
    /// What launches by itself: names of Auto Scaling groups and ids of fleets.
    pub launchers: BTreeSet<String>,
    /// What cannot come back, in words: it has to be made anew.
    pub lost: BTreeSet<String>,
}

impl GivenBack {
    /// By what a halt did.
    pub fn of(entries: &[JournalEntry]) -> Self {
        let mut back = Self::default();
        for action in entries.iter().map(|entry| &entry.action) {
            if matches!(action.undo(), Undo::Never) {
                back.lost.insert(clean(&action.to_string()));
            }
            if let Some(Asked::Launch(name)) = action.given_back_by() {
                back.launchers.insert(name.to_owned());
            }
            match action {
                Action::Users(OfUser::DeactivateKey { key, .. }) => _ = back.keys.insert(key.to_string()),
                Action::Users(OfUser::DeactivateCredential { credential, .. }) => {
                    back.keys.insert(credential.id().to_owned());
                }
                Action::Users(action) if action.part() == Part::Lock => {
                    back.users.insert(action.user().to_string());
                }
                Action::Roles(_) if action.part() == Part::Lock => {
                    back.roles.extend(action.principal().map(str::to_owned));
                }
                _ => {}
            }
        }
        back
    }

    /// Takes in what else a halt did. Whether a release then names more than it would have before.
    pub fn take_in(&mut self, other: Self) -> bool {
        let before = self.names().len();
        self.users.extend(other.users);
        self.roles.extend(other.roles);
        self.keys.extend(other.keys);
        self.launchers.extend(other.launchers);
        self.lost.extend(other.lost);
        self.names().len() > before
    }

    /// All names, each to be trusted.
    pub fn names(&self) -> Vec<&String> {
        self.users.iter().chain(&self.roles).chain(&self.keys).chain(&self.launchers).collect()
    }

    /// The guard's event that gives all of it back. No instance is started: none ran before the drill.
    pub fn event(&self, account: &str) -> Value {
        json!({
            "action": "release",
            "account": account,
            "users": self.users,
            "roles": self.roles,
            "keys": self.keys,
            "trust": self.names(),
            "start": if self.launchers.is_empty() { json!(false) } else { json!(self.launchers) },
        })
    }

    /// What a release left alone of all this and a later one may still give back. Not so the drill's own instance, which
    /// is not to be started.
    pub fn owed<'a>(&self, skipped: &'a [Skipped], instance: Option<&str>) -> Vec<&'a Skipped> {
        let is_settled = |skipped: &Skipped| {
            let is_its_own = instance.is_some_and(|id| skipped.item.contains(id));
            is_its_own || FINAL.iter().any(|reason| reason.to_string() == skipped.reason)
        };
        // What an earlier halt holds is not the drill's to give back.
        let is_named = |skipped: &Skipped| {
            let mut words = skipped.item.split(|one: char| one.is_whitespace() || "(),".contains(one));
            words.any(|word| self.names().iter().any(|name| *name == word))
        };
        skipped.iter().filter(|skipped| !is_settled(skipped) && is_named(skipped)).collect()
    }

    /// The command that gives all of it back.
    pub fn command(&self, account: &str) -> String {
        let options = |option: &str, names: &BTreeSet<String>| -> String {
            names.iter().map(|name| format!(" --{option} '{name}'")).collect()
        };
        let trust: String = self.names().iter().map(|name| format!(" --trust '{name}'")).collect();
        let named =
            [("user", &self.users), ("role", &self.roles), ("key", &self.keys), ("start-only", &self.launchers)];
        let named: String = named.iter().map(|(option, names)| options(option, names)).collect();
        format!("runawaytrain release {account}{named}{trust}")
    }
}
