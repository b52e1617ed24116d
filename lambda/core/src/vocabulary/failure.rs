//! What AWS refused, in the project's own words.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::vocabulary::text::clean;

/// What kind of failure it was, judged by AWS's error code alone: messages change without notice.
///
/// It says what happened, never what somebody will do about it. Whoever retries, splits a batch, calls a halt settled
/// or gives up a session matches all kinds, so that a new one cannot be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The caller's own credentials are not accepted: expired, malformed, badly signed. It says nothing about what the
    /// caller may do.
    Credentials,
    /// Access denied: a missing role, a trust that refuses us, a policy that denies.
    Denied,
    /// Too many calls for the account's quota of calls.
    Throttled,
    /// Another writer was faster, or something else still hangs on it.
    #[serde(alias = "conflict")]
    Contended,
    /// A quota of things is used up, or AWS has none of them left: no room for another policy, no capacity for another
    /// instance.
    QuotaFull,
    /// The thing named does not exist (any more, or not yet: EC2 and IAM are eventually consistent).
    NotFound,
    /// The thing is in a state that does not allow the call (`IncorrectInstanceState`): later it may.
    WrongState,
    /// The thing can never do this (`UnsupportedOperation`: one-time Spot, instance-store root).
    Unsupported,
    /// The thing is protected against it (`OperationNotPermitted`: stop protection).
    Protected,
    /// AWS did not understand us: our mistake.
    Invalid,
    /// AWS or the way to it failed: 5xx, timeout, reset, no answer.
    Unavailable,
    /// Not asked at all: the invocation was about to end.
    NotBegun,
    /// A code that is not known here.
    Other,
}

impl FailureKind {
    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Throttled | Self::Unavailable | Self::WrongState | Self::Contended | Self::NotBegun => true,
            Self::Credentials
            | Self::Denied
            | Self::QuotaFull
            | Self::NotFound
            | Self::Unsupported
            | Self::Protected
            | Self::Invalid
            | Self::Other => false,
        }
    }

    /// Whether it says that we are refused, rather than that nobody could ask. It stays so however often it is asked
    /// again at once. Credentials of ours that are not accepted are our own fault: no account is held to account for
    /// them.
    pub fn is_refusal(self) -> bool {
        match self {
            Self::Denied => true,
            Self::Credentials
            | Self::Throttled
            | Self::Contended
            | Self::QuotaFull
            | Self::NotFound
            | Self::WrongState
            | Self::Unsupported
            | Self::Protected
            | Self::Invalid
            | Self::Unavailable
            | Self::NotBegun
            | Self::Other => false,
        }
    }

    /// Whether a look that failed so would fail again however often it is made at once: we are refused, or there is
    /// nowhere to look.
    pub fn is_lasting(self) -> bool {
        match self {
            Self::Denied | Self::NotFound => true,
            Self::Credentials
            | Self::Throttled
            | Self::Contended
            | Self::QuotaFull
            | Self::WrongState
            | Self::Unsupported
            | Self::Protected
            | Self::Invalid
            | Self::Unavailable
            | Self::NotBegun
            | Self::Other => false,
        }
    }

    /// Whether the call may have been taken all the same: where there was no answer, it may.
    pub fn may_have_been_taken(self) -> bool {
        match self {
            Self::Unavailable => true,
            Self::Credentials
            | Self::Denied
            | Self::Throttled
            | Self::Contended
            | Self::QuotaFull
            | Self::NotFound
            | Self::WrongState
            | Self::Unsupported
            | Self::Protected
            | Self::Invalid
            | Self::NotBegun
            | Self::Other => false,
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Credentials => "did not accept our credentials",
            Self::Denied => "was denied",
            Self::Throttled => "was throttled",
            Self::Contended => "met a conflict",
            Self::QuotaFull => "found no room: a quota is used up",
            Self::NotFound => "found nothing by that name",
            Self::WrongState => "is not possible in the present state",
            Self::Unsupported => "is not supported here",
            Self::Protected => "is blocked by protection",
            Self::Invalid => "was not understood",
            Self::Unavailable => "got no usable answer",
            Self::NotBegun => "was not begun",
            Self::Other => "failed",
        }
    }
}

/// Whose policy denied a call, or would deny it, as far as AWS's message or its policy simulator says it. Only words
/// for people are chosen by it: messages change without notice, and AWS does not always say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeniedBy {
    /// A policy of the organization: it denies the call, or does not allow it.
    Organization,
    /// The permissions boundary of our role.
    Boundary,
    /// The policies of our role: they deny the call, or do not allow it.
    Role,
}

/// One refused or failed call: which, what kind of failure, AWS's code and message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The call in IAM's spelling, such as `ec2:DescribeInstances`.
    pub operation: String,
    /// What kind of failure.
    pub kind: FailureKind,
    /// AWS's error code, where there was an answer at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// AWS's message. It may quote names that a member chose: it is cleaned when shown.
    pub detail: String,
    /// Ids of the batch that AWS named in its answer. A hint for which to take out first, never proof: nothing is given
    /// up on its strength.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
    /// Whose policy denied it, where AWS says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied_by: Option<DeniedBy>,
}

impl Failure {
    /// A failure that AWS did not answer itself: no code, nothing named.
    pub fn own(operation: impl Into<String>, kind: FailureKind, detail: impl Into<String>) -> Self {
        let (operation, detail) = (operation.into(), detail.into());
        Self { operation, kind, code: None, detail, named: Vec::new(), denied_by: None }
    }
}

impl Failure {
    /// The same without AWS's message, so that one failure of many accounts reads alike.
    pub fn brief(&self) -> String {
        let code = self.code.as_ref().map(|code| format!(" ({})", clean(code))).unwrap_or_default();
        format!("{} {}{code}", self.operation, self.kind.phrase())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.brief())?;
        if !self.detail.is_empty() {
            write!(f, ": {}", clean(&self.detail))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
