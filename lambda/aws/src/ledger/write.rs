//! The update of a record as DynamoDB's expressions: what changes, and what must hold.

use std::collections::HashMap;

use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_engine::ports::{Commit, Lease, LeaseMove};

use super::record::{self, FENCE, HOLDER, RECORD, STATE, UNTIL, VERSION};
use super::table::{Item, moment, number, text};

/// Attributes go by placeholders throughout: `state` and `until` are reserved words.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html>
pub(super) struct Write {
    pub(super) update: String,
    pub(super) condition: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: Item,
}

impl Write {
    pub(super) fn of(commit: &Commit) -> Result<Self, Failure> {
        let record = record::written(&commit.record)?;
        let mut write = Self {
            update: "SET #record = :record, #state = :state, #version = if_not_exists(#version, :zero) + :one"
                .to_owned(),
            condition: String::new(),
            names: HashMap::new(),
            values: HashMap::new(),
        };
        write.named([("#record", RECORD), ("#state", STATE), ("#version", VERSION)]);
        write.valued([
            (":record", record),
            (":state", text(commit.record.state.to_string())),
            (":zero", number(0)),
            (":one", number(1)),
        ]);
        match &commit.lease {
            LeaseMove::None { expected } => write.expecting(*expected),
            LeaseMove::Acquire { expected, holder, now, until } => {
                write.expecting(*expected);
                write.condition.push_str(" AND (attribute_not_exists(#until) OR #until <= :now)");
                write
                    .update
                    .push_str(", #fence = if_not_exists(#fence, :zero) + :one, #holder = :holder, #until = :until");
                write.named([("#fence", FENCE), ("#holder", HOLDER), ("#until", UNTIL)]);
                write.valued([(":now", moment(*now)), (":holder", text(holder)), (":until", moment(*until))]);
            }
            LeaseMove::Hold(lease) => write.fenced(lease),
            LeaseMove::Release(lease) => {
                write.fenced(lease);
                write.update.push_str(" REMOVE #holder, #until");
                write.named([("#until", UNTIL)]);
            }
        }
        Ok(write)
    }

    /// The same write, only if the record is still at this version.
    pub(super) fn at_version(mut self, version: u64) -> Self {
        // A write that goes by its lease has no version of its own yet.
        if !self.values.contains_key(":expected") && version > 0 {
            self.condition.push_str(" AND ");
            self.expecting(version);
        }
        self
    }

    fn expecting(&mut self, version: u64) {
        if version == 0 {
            self.condition.push_str("attribute_not_exists(#version)");
        } else {
            self.condition.push_str("#version = :expected");
            self.valued([(":expected", number(version))]);
        }
    }

    fn fenced(&mut self, lease: &Lease) {
        // The fence outlives the lease; a lease that was given back has no holder any more.
        self.condition.push_str("#fence = :fence AND attribute_exists(#holder)");
        self.named([("#fence", FENCE), ("#holder", HOLDER)]);
        self.valued([(":fence", number(lease.fence))]);
    }

    fn named<const N: usize>(&mut self, names: [(&str, &str); N]) {
        self.names.extend(names.map(|(name, attribute)| (name.to_owned(), attribute.to_owned())));
    }

    fn valued<const N: usize>(&mut self, values: [(&str, aws_sdk_dynamodb::types::AttributeValue); N]) {
        self.values.extend(values.map(|(name, value)| (name.to_owned(), value)));
    }
}
