//! AWS's own policy that denies everything: the other way to deny a principal whose own policies leave no room for
//! ours.
//!
//! An inline policy of ours comes first, for it alone can spare sessions to come, and nobody else's quota counts with
//! it. Then AWS's policy is attached: it changes nothing that was there, and taking it off gives everything back. As a
//! permissions boundary it knows no quota, but takes the place of the boundary that was there, so that comes last. All
//! three are explicit denies, which are judged anew with each call: they end sessions that exist, whatever else allows
//! it.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>

use crate::resource::case::Refusals;
use crate::vocabulary::failure::FailureKind;

/// AWS's managed policy that denies everything.
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSDenyAll.html>
pub const DENY_ALL: &str = "arn:aws:iam::aws:policy/AWSDenyAll";

/// What people must know of a principal that is denied in this way, for the mail.
pub(super) const NO_ROOM: &str =
    "denied everything by AWSDenyAll, not by our own policy: make room in its inline policies before you give it back";

/// How AWS's policy stands on a principal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DenyAll {
    /// Whether it is attached.
    pub attached: bool,
    /// Whether it is the permissions boundary.
    pub is_boundary: bool,
}

impl DenyAll {
    /// Whether it denies the principal everything.
    pub fn denies(self) -> bool {
        self.attached || self.is_boundary
    }
}

/// A way to deny a principal everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Our inline policy.
    Inline,
    /// AWS's policy attached.
    Attachment,
    /// AWS's policy as permissions boundary.
    Boundary,
}

/// The calls by which one kind of principal is denied.
#[derive(Debug, Clone, Copy)]
pub struct Calls {
    /// Writes our inline policy.
    pub inline: &'static str,
    /// Attaches AWS's policy.
    pub attach: &'static str,
    /// Makes it the boundary.
    pub bound: &'static str,
}

impl Way {
    /// The first way that a principal has not refused for good in this halt; the first of all where it refused each,
    /// for somebody may have made room since.
    pub fn open(calls: Calls, refusals: &Refusals, principal: &str) -> Self {
        let is_closed = |call| refusals.is_denied(call, principal) || refusals.any(call, principal, refuses_for_good);
        match (is_closed(calls.inline), is_closed(calls.attach), is_closed(calls.bound)) {
            (false, _, _) | (true, true, true) => Self::Inline,
            (true, false, _) => Self::Attachment,
            (true, true, false) => Self::Boundary,
        }
    }

    /// The same for a role of which only the sessions are to be revoked. To deny it whole stops what runs by it, so
    /// that is done only where its inline policies leave no room, and never because we lack a permission.
    pub fn open_to_revocation(calls: Calls, refusals: &Refusals, principal: &str) -> Self {
        if refusals.met(calls.inline, principal, FailureKind::QuotaFull) {
            Self::open(calls, refusals, principal)
        } else {
            Self::Inline
        }
    }
}

/// Whether the same call would be refused again.
fn refuses_for_good(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Denied
        | FailureKind::QuotaFull
        | FailureKind::Unsupported
        | FailureKind::Protected
        | FailureKind::Invalid
        | FailureKind::Other => true,
        FailureKind::Credentials
        | FailureKind::Throttled
        | FailureKind::Contended
        | FailureKind::NotFound
        | FailureKind::WrongState
        | FailureKind::Unavailable
        | FailureKind::NotBegun => false,
    }
}
