//! The records of an event, and what each asks for.

use std::collections::BTreeSet;

use runawaytrain_core::vocabulary::ids::AccountId;

use super::refusal::RecordRefusal;

/// Where records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// CloudWatch's alarms over the topic `runawaytrain-alarms`.
    SpendAlarms,
    /// EC2's launches over the queue `runawaytrain-launches`, which delivers again what is reported as failed.
    Launches,
}

/// The records of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// Where they come from.
    pub feed: Feed,
    /// Each of them.
    pub items: Vec<Record>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its message id as the service gave it, or its place in the list where it has none. Clean it before showing it.
    pub id: String,
    /// What it asks for.
    pub meaning: Meaning,
}

/// What a record asks for. Never a halt or a release: a record says where to look, and the account's own numbers say
/// the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// That an account is judged now.
    Judge {
        /// Which.
        account: AccountId,
        /// What set it off, safe to show, where it says so.
        said: Option<String>,
    },
    /// Nothing, and why, safe to show.
    Nothing(String),
    /// Something that nobody may have.
    Refused(RecordRefusal),
}

impl Records {
    /// The accounts that are to be judged, each once, however many records name it.
    pub fn accounts(&self) -> BTreeSet<AccountId> {
        let account = |record: &Record| match &record.meaning {
            Meaning::Judge { account, .. } => Some(account.clone()),
            Meaning::Nothing(_) | Meaning::Refused(_) => None,
        };
        self.items.iter().filter_map(account).collect()
    }
}

/// A record's name where it has no message id.
pub(super) fn by_place(place: usize) -> String {
    format!("record {}", place + 1)
}
