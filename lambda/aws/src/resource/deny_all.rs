//! Whom AWS's policy that denies everything denies: two lists tell it of all principals of an account.

use std::collections::BTreeSet;

use aws_sdk_iam::operation::list_entities_for_policy::ListEntitiesForPolicyOutput;
use aws_sdk_iam::operation::list_entities_for_policy::builders::ListEntitiesForPolicyFluentBuilder;
use aws_sdk_iam::types::{EntityType, PolicyUsageType};

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::deny_all::{DENY_ALL, DenyAll};

use crate::failure;

/// The most that ListEntitiesForPolicy gives at a time; its default is 100.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html>
const PAGE: i32 = 1000;

/// One type of principals.
pub(super) struct Principals {
    /// Which.
    pub whom: EntityType,
    /// Their names on a page.
    pub names: fn(ListEntitiesForPolicyOutput) -> Vec<String>,
}

/// Whom it denies by one of its two uses, by name. `call` makes a new call.
pub(super) async fn denied_by(
    usage: PolicyUsageType,
    of: &Principals,
    call: impl Fn() -> ListEntitiesForPolicyFluentBuilder,
) -> Seen<BTreeSet<String>> {
    let call = call().policy_arn(DENY_ALL).entity_filter(of.whom.clone()).policy_usage_filter(usage);
    let mut pages = call.max_items(PAGE).into_paginator().send();
    let mut found = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("iam:ListEntitiesForPolicy", &error))?;
        found.extend((of.names)(page));
    }
    Ok(found)
}

/// Whom it denies by either.
pub(super) struct Denied {
    attached: BTreeSet<String>,
    bound: BTreeSet<String>,
}

/// Everybody of one type who is denied.
pub(super) async fn denied(of: &Principals, call: impl Fn() -> ListEntitiesForPolicyFluentBuilder) -> Seen<Denied> {
    let (attached, bound) = tokio::try_join!(
        denied_by(PolicyUsageType::PermissionsPolicy, of, &call),
        denied_by(PolicyUsageType::PermissionsBoundary, of, &call),
    )?;
    Ok(Denied { attached, bound })
}

/// How it stands on one of them.
pub(super) fn on(all: &Seen<Denied>, name: &str) -> Seen<DenyAll> {
    let on = |all: &Denied| DenyAll { attached: all.attached.contains(name), is_boundary: all.bound.contains(name) };
    all.as_ref().map(on).map_err(Clone::clone)
}

/// The same where what is attached to it is known from elsewhere. A boundary that denies is not overlooked for a list
/// that could not be read.
pub(super) fn with_bound(known: DenyAll, bound: &Seen<BTreeSet<String>>, name: &str) -> Seen<DenyAll> {
    match bound {
        Ok(bound) => Ok(DenyAll { is_boundary: known.is_boundary || bound.contains(name), ..known }),
        Err(_) if known.denies() => Ok(known),
        Err(failure) => Err(failure.clone()),
    }
}
