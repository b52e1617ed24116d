//! Whom AWS's policy that denies everything denies: two lists tell it of all principals of an account.

use std::collections::BTreeMap;

use aws_sdk_iam::operation::list_entities_for_policy::ListEntitiesForPolicyOutput;
use aws_sdk_iam::operation::list_entities_for_policy::builders::ListEntitiesForPolicyFluentBuilder;
use aws_sdk_iam::types::{EntityType, PolicyUsageType};

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::deny_all::{DENY_ALL, DenyAll};
use runawaytrain_core::vocabulary::failure::Failure;

use crate::failure;

/// The most that ListEntitiesForPolicy gives at a time; its default is 100.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html>
const PAGE: i32 = 1000;

/// Everybody of one type who is denied, by name. `call` makes a new call, `names` reads a page.
pub(super) async fn denied(
    operation: &str,
    call: impl Fn() -> ListEntitiesForPolicyFluentBuilder,
    whom: EntityType,
    names: fn(ListEntitiesForPolicyOutput) -> Vec<String>,
) -> Seen<BTreeMap<String, DenyAll>> {
    let of = async |usage: PolicyUsageType| {
        let call = call().policy_arn(DENY_ALL).entity_filter(whom.clone()).policy_usage_filter(usage);
        let mut pages = call.max_items(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(names(page.map_err(|error| failure::of(operation, &error))?));
        }
        Ok::<_, Failure>(found)
    };
    let lists = tokio::try_join!(of(PolicyUsageType::PermissionsPolicy), of(PolicyUsageType::PermissionsBoundary));
    let (attached, bound) = lists?;
    let mut all: BTreeMap<String, DenyAll> = BTreeMap::new();
    for name in attached {
        all.entry(name).or_default().attached = true;
    }
    for name in bound {
        all.entry(name).or_default().is_boundary = true;
    }
    Ok(all)
}

/// How it stands on one of them.
pub(super) fn on(all: &Seen<BTreeMap<String, DenyAll>>, name: &str) -> Seen<DenyAll> {
    all.as_ref().map(|all| all.get(name).copied().unwrap_or_default()).map_err(Clone::clone)
}
