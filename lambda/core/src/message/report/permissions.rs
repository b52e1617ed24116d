//! What the guard may do in an account, in the report of a drill.

use jiff::Timestamp;
use serde::Serialize;

use crate::record::{Denied, Permissions};
use crate::vocabulary::failure::DeniedBy;
use crate::vocabulary::text::clean;

/// Whether our role may make the calls of a halt, as AWS's policy simulator says. That nothing is denied is no proof
/// that all is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionsReport {
    /// When it said so; absent where it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
    /// What it says is denied, by whose policy.
    pub denied: Vec<DeniedCalls>,
    /// Why it is not known what is denied now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// Calls that are denied by the policies of one party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeniedCalls {
    /// Whose policy.
    pub by: DeniedBy,
    /// The calls in IAM's spelling.
    pub calls: Vec<String>,
}

impl PermissionsReport {
    /// What was just answered.
    pub fn answered(denied: &Denied, at: Timestamp) -> Self {
        Self { answered: Some(at), denied: by_party(denied), unknown: None }
    }

    /// Nothing is known, and why.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { unknown: Some(clean(&why.into())), ..Self::default() }
    }

    /// What is remembered.
    pub fn remembered(known: Option<&Permissions>) -> Self {
        let Some(known) = known else { return Self::unknown("not asked yet") };
        Self { answered: known.answered, denied: by_party(&known.denied), unknown: known.unknown.as_deref().map(clean) }
    }
}

fn by_party(denied: &Denied) -> Vec<DeniedCalls> {
    let of = |by: DeniedBy| DeniedCalls {
        by,
        calls: denied.iter().filter(|(_, other)| **other == by).map(|(call, _)| clean(call)).collect(),
    };
    let parties = [DeniedBy::Organization, DeniedBy::Boundary, DeniedBy::Role];
    parties.map(of).into_iter().filter(|denied| !denied.calls.is_empty()).collect()
}
