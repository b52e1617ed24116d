//! Users and roles with their policies, page by page: what would otherwise be a call for each of them.

use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput;
use aws_sdk_iam::types::{AttachedPermissionsBoundary, AttachedPolicy, EntityType, PolicyDetail};

use runawaytrain_core::resource::deny_all::{DENY_ALL, DenyAll};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_engine::patience::Patience;

use crate::deny::{self, Found};
use crate::failure;

const DETAILS: &str = "iam:GetAccountAuthorizationDetails";

/// Principals a page, of the 1,000 that may be asked for. A role with all the policies that it may have is some 50 KB of
/// an answer.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>
const PAGE: i32 = 250;

/// All principals of one type; `read` reads a page. Whatever was read so far is told with every page.
pub(super) async fn each<T>(
    client: &Client,
    whom: EntityType,
    read: impl Fn(GetAccountAuthorizationDetailsOutput) -> Vec<T>,
    so_far: impl Fn(&[T]),
) -> Result<Vec<T>, Failure> {
    let (mut marker, mut found) = (None, Vec::new());
    loop {
        let page = page(client, &whom, marker.as_ref()).await?;
        let (is_last, next) = (!page.is_truncated, page.marker.clone());
        found.extend(read(page));
        so_far(&found);
        if is_last {
            return Ok(found);
        }
        if next.is_none() || next == marker {
            return Err(Failure::own(DETAILS, FailureKind::Other, "it says that there is more, and not where"));
        }
        marker = next;
    }
}

async fn page(
    client: &Client,
    whom: &EntityType,
    marker: Option<&String>,
) -> Result<GetAccountAuthorizationDetailsOutput, Failure> {
    // Whoever began anew would spend the tokens of the pages that it has on the same pages.
    let mut patience = Patience::new(6, Duration::from_secs(1), Duration::from_secs(4));
    loop {
        let call = client.get_account_authorization_details().filter(whom.clone()).max_items(PAGE);
        let failure = match call.set_marker(marker.cloned()).send().await {
            Ok(page) => return Ok(page),
            Err(error) => failure::of(DETAILS, &error),
        };
        if failure.kind != FailureKind::Throttled {
            return Err(failure);
        }
        match patience.next() {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(failure),
        }
    }
}

/// Whether we lack the permission, as in an account whose stack is older than this function: each principal is then
/// asked about by itself. A throttled list never becomes a thousand calls.
pub(super) fn is_not_ours(failure: &Failure) -> bool {
    let is_denied = failure.operation == DETAILS && failure.kind == FailureKind::Denied;
    if is_denied {
        tracing::warn!(%failure, "users and roles are asked about one by one: update the stack set runawaytrain-member");
    }
    is_denied
}

/// What a principal's inline policy of our name says; `None` where there is no such policy.
pub(super) fn lock(policies: Option<&[PolicyDetail]>, name: &str) -> Option<Found> {
    let ours = policies?.iter().find(|policy| policy.policy_name.as_deref() == Some(name))?;
    Some(ours.policy_document.as_deref().map_or(Found::Other, |document| deny::judge(name, document)))
}

/// The boundary that was told. AWS has left boundaries out of this list, so one that is not told may be there all the
/// same. <https://github.com/awsdocs/iam-user-guide/issues/81>
pub(super) fn boundary(told: Option<AttachedPermissionsBoundary>) -> Option<String> {
    told?.permissions_boundary_arn
}

/// How AWS's deny stands on a principal, by what is attached to it and by the boundary that was told.
pub(super) fn deny_all(attached: Option<&[AttachedPolicy]>, boundary: Option<&str>) -> DenyAll {
    let is_it = |policy: &AttachedPolicy| policy.policy_arn.as_deref() == Some(DENY_ALL);
    DenyAll { attached: attached.unwrap_or_default().iter().any(is_it), is_boundary: boundary == Some(DENY_ALL) }
}
