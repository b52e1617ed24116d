//! The calls that tell of many principals at once.

use std::time::Duration;

/// Lists users or roles with their policies, page by page.
pub(crate) const DETAILS: &str = "iam:GetAccountAuthorizationDetails";

/// Principals a page, as the adapters ask for them.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>
pub const DETAILS_A_PAGE: usize = 250;

/// How long the adapters wait for a page that is throttled, each time.
pub(crate) const PAGE_WAITS: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(4),
    Duration::from_secs(4),
    Duration::from_secs(4),
];

/// Lists whom one policy of AWS's is attached to, or is the boundary of.
pub(crate) const DENIED: &str = "iam:ListEntitiesForPolicy";

/// Principals that the adapters look at at a time, where each takes calls of its own.
pub(crate) const AT_A_TIME: usize = 8;
