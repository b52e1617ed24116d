//! What AWS refused, in the project's own words.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::InstanceId;
use crate::text::clean;

/// What kind of no it was, judged by AWS's error code alone: messages change without notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Not permitted: a missing role, a trust that refuses us, a policy that denies.
    Denied,
    /// The thing named does not exist (any more, or not yet: EC2 and IAM are eventually consistent).
    NotFound,
    /// Too many calls for the account's quota.
    Throttled,
    /// AWS or the way to it failed: 5xx, timeout, reset, no answer.
    Unavailable,
    /// The thing is in a state that does not allow the call (`IncorrectInstanceState`): later it may.
    WrongState,
    /// The thing can never do this (`UnsupportedOperation`: one-time Spot, instance-store root).
    Unsupported,
    /// The thing is protected against it (`OperationNotPermitted`: stop protection).
    Protected,
    /// Something else still hangs on it, or another writer was faster.
    Conflict,
    /// AWS did not understand us: our mistake.
    Invalid,
    /// Not asked at all: the invocation was about to end.
    NotBegun,
    /// A code that is not known here.
    Other,
}

impl FailureKind {
    /// Whether one member of a batch may be to blame, so that taking it out saves the others.
    /// Never true of throttling: to split a batch there would be more calls against the same quota.
    pub fn blames_an_item(self) -> bool {
        matches!(self, Self::NotFound | Self::WrongState | Self::Unsupported | Self::Protected | Self::Invalid)
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::WrongState | Self::Conflict | Self::NotBegun)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Denied => "was denied",
            Self::NotFound => "found nothing by that name",
            Self::Throttled => "was throttled",
            Self::Unavailable => "got no usable answer",
            Self::WrongState => "is not possible in the present state",
            Self::Unsupported => "is not supported here",
            Self::Protected => "is blocked by protection",
            Self::Conflict => "met a conflict",
            Self::Invalid => "was not understood",
            Self::NotBegun => "was not begun",
            Self::Other => "failed",
        }
    }
}

/// One refused or failed call: which, what kind of no, AWS's code and words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The call in IAM's spelling, such as `ec2:DescribeInstances`.
    pub operation: String,
    /// What kind of no.
    pub kind: FailureKind,
    /// AWS's error code, where there was an answer at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// AWS's message. It may quote names that a member chose: it is cleaned when shown.
    pub detail: String,
    /// Members of the batch that AWS named in its answer. A hint for whom to take out first, never proof: nobody is
    /// given up on its strength.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<InstanceId>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operation, self.kind.words())?;
        if let Some(code) = &self.code {
            write!(f, " ({})", clean(code))?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", clean(&self.detail))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
