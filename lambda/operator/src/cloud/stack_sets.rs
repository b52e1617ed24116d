//! CloudFormation's stack sets, and whether they may work in the organization.

use std::collections::BTreeSet;
use std::fmt;

use aws_sdk_cloudformation::types::builders::DeploymentTargetsBuilder;
use aws_sdk_cloudformation::types::{
    AccountFilterType, DeploymentTargets, RegionConcurrencyType, StackSetOperationPreferences,
};

use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::text::clean;

use super::{Cloud, all, failure};

/// Whether CloudFormation StackSets may work in the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// They may.
    Enabled,
    /// They may not.
    Disabled,
    /// They may not, and AWS calls that permanent.
    DisabledPermanently,
}

/// A stack set that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackSet {
    /// The root or units that a service-managed set is deployed to.
    pub units: Vec<String>,
}

/// One stack of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// In which account, 12 digits.
    pub account: String,
    /// In which region.
    pub region: String,
    /// The unit by which it was deployed there.
    pub unit: Option<String>,
    /// `CURRENT`, `OUTDATED` or `INOPERABLE`.
    pub status: String,
    /// What came of the last operation on it, such as `SUCCEEDED` or `SKIPPED_SUSPENDED_ACCOUNT`.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceComprehensiveStatus.html>
    pub detailed: String,
    /// In AWS's words, why it stands so.
    pub reason: Option<String>,
    /// Whether a stack was ever made for it.
    pub has_stack: bool,
}

impl Instance {
    /// How it stands: what came of the last operation on it, where that is told.
    pub fn standing(&self) -> &str {
        if self.detailed.is_empty() { &self.status } else { &self.detailed }
    }
}

/// The account, the region and why it stands so.
impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = self.reason.as_deref().map_or_else(|| self.standing().to_lowercase(), clean);
        write!(f, "{} {} ({why})", self.account, self.region)
    }
}

/// An operation on a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// Such as `RUNNING` or `SUCCEEDED`.
    pub status: String,
    /// How many stacks it failed for: one that tolerates failures still succeeds.
    pub failed: i32,
}

/// Which stacks of a set an operation is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The root or units of a service-managed set.
    pub units: Vec<String>,
    /// Accounts: of those units only these, or, without units, just these.
    pub accounts: Vec<String>,
    /// In which regions.
    pub regions: Vec<String>,
}

impl Target {
    /// The accounts and regions of these stacks, each once.
    pub fn of(units: Vec<String>, instances: &[Instance]) -> Self {
        let each = |of: fn(&Instance) -> &String| -> Vec<String> {
            instances.iter().map(of).cloned().collect::<BTreeSet<_>>().into_iter().collect()
        };
        Self { units, accounts: each(|one| &one.account), regions: each(|one| &one.region) }
    }
}

const NO_SET: &str = "StackSetNotFoundException";

impl Cloud {
    /// Whether StackSets may work in the organization.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeOrganizationsAccess.html>
    pub async fn stack_sets_access(&self) -> Result<Access, Failure> {
        let answer = self
            .formation()
            .describe_organizations_access()
            .send()
            .await
            .map_err(|error| failure("cloudformation:DescribeOrganizationsAccess", &error))?;
        Ok(match answer.status().map(|status| status.as_str()) {
            Some("ENABLED") => Access::Enabled,
            Some("DISABLED_PERMANENTLY") => Access::DisabledPermanently,
            _ => Access::Disabled,
        })
    }

    /// Lets them. Not Organizations' own EnableAWSServiceAccess: only this call also makes the roles that they work
    /// with.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html>
    pub async fn activate_stack_sets_access(&self) -> Result<(), Failure> {
        let answer = self.formation().activate_organizations_access().send().await;
        answer.map(drop).map_err(|error| failure("cloudformation:ActivateOrganizationsAccess", &error))
    }

    /// A set by its name; None where there is none.
    pub async fn stack_set(&self, name: &str) -> Result<Option<StackSet>, Failure> {
        let answer = self.formation().describe_stack_set().stack_set_name(name).send().await;
        match answer.map_err(|error| failure("cloudformation:DescribeStackSet", &error)) {
            Ok(answer) => {
                Ok(answer.stack_set().map(|found| StackSet { units: found.organizational_unit_ids().to_vec() }))
            }
            Err(refused) if refused.code.as_deref() == Some(NO_SET) => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// Deletes a set that has no stacks any more.
    pub async fn delete_stack_set(&self, name: &str) -> Result<(), Failure> {
        let answer = self.formation().delete_stack_set().stack_set_name(name).send().await;
        answer.map(drop).map_err(|error| failure("cloudformation:DeleteStackSet", &error))
    }

    /// The stacks of a set; none where there is no such set.
    pub async fn instances(&self, set: &str) -> Result<Vec<Instance>, Failure> {
        let asked = self.formation().list_stack_instances().stack_set_name(set).into_paginator().items().send();
        let found = all("cloudformation:ListStackInstances", asked).await;
        match found {
            Ok(found) => Ok(found.iter().map(instance).collect()),
            Err(refused) if refused.code.as_deref() == Some(NO_SET) => Ok(Vec::new()),
            Err(refused) => Err(refused),
        }
    }

    /// The last operation on a set: None where there is no such set, `Some(None)` where nothing was done with it yet.
    pub async fn last_operation(&self, set: &str) -> Result<Option<Option<Operation>>, Failure> {
        let asked = self.formation().list_stack_set_operations().stack_set_name(set).into_paginator().items().send();
        let found = all("cloudformation:ListStackSetOperations", asked).await;
        let found = match found {
            Ok(found) => found,
            Err(refused) if refused.code.as_deref() == Some(NO_SET) => return Ok(None),
            Err(refused) => return Err(refused),
        };
        let last = found.iter().max_by_key(|one| one.creation_timestamp().map(|at| (at.secs(), at.subsec_nanos())));
        Ok(Some(last.map(|one| Operation {
            id: one.operation_id().unwrap_or_default().to_owned(),
            status: one.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            failed: one.status_details().and_then(|details| details.failed_stack_instances_count()).unwrap_or_default(),
        })))
    }

    /// Where an operation stands, such as `RUNNING` or `SUCCEEDED`.
    pub async fn operation_status(&self, set: &str, operation: &str) -> Result<String, Failure> {
        let answer = self
            .formation()
            .describe_stack_set_operation()
            .stack_set_name(set)
            .operation_id(operation)
            .send()
            .await
            .map_err(|error| failure("cloudformation:DescribeStackSetOperation", &error))?;
        let status = answer.stack_set_operation().and_then(|found| found.status());
        Ok(status.map(|status| status.as_str().to_owned()).unwrap_or_default())
    }

    /// For which stacks an operation failed, and why.
    pub async fn operation_failures(&self, set: &str, operation: &str) -> Result<Vec<Instance>, Failure> {
        let asked = self
            .formation()
            .list_stack_set_operation_results()
            .stack_set_name(set)
            .operation_id(operation)
            .into_paginator()
            .items()
            .send();
        let found = all("cloudformation:ListStackSetOperationResults", asked).await?;
        let failed = found.iter().filter(|one| one.status().is_some_and(|status| status.as_str() == "FAILED"));
        Ok(failed
            .map(|one| Instance {
                account: one.account().unwrap_or_default().to_owned(),
                region: one.region().unwrap_or_default().to_owned(),
                unit: one.organizational_unit_id().map(str::to_owned),
                status: "FAILED".to_owned(),
                reason: one.status_reason().map(str::to_owned),
                ..Instance::default()
            })
            .collect())
    }

    /// Begins to deploy the set's stacks once more. The id of the operation.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackInstances.html>
    pub async fn update_instances(&self, set: &str, target: &Target) -> Result<String, Failure> {
        let mut asked = self.formation().update_stack_instances().stack_set_name(set).operation_preferences(wide());
        asked = match target.deployment_targets() {
            Some(units) => asked.deployment_targets(units),
            None => asked.set_accounts(Some(target.accounts.clone())),
        };
        let answer = asked.set_regions(Some(target.regions.clone())).send().await;
        let operation = "cloudformation:UpdateStackInstances";
        began(operation, answer.map_err(|error| failure(operation, &error))?.operation_id())
    }

    /// Begins to delete stacks of a set; with `retain` they stay in their accounts, and the set only forgets them. The
    /// id of the operation.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStackInstances.html>
    pub async fn delete_instances(&self, set: &str, target: &Target, retain: bool) -> Result<String, Failure> {
        let mut asked = self
            .formation()
            .delete_stack_instances()
            .stack_set_name(set)
            .retain_stacks(retain)
            .operation_preferences(wide());
        asked = match target.deployment_targets() {
            Some(units) => asked.deployment_targets(units),
            None => asked.set_accounts(Some(target.accounts.clone())),
        };
        let answer = asked.set_regions(Some(target.regions.clone())).send().await;
        let operation = "cloudformation:DeleteStackInstances";
        began(operation, answer.map_err(|error| failure(operation, &error))?.operation_id())
    }
}

impl Target {
    /// Units, and of them only the accounts, where some are named; None for a set that has no units.
    fn deployment_targets(&self) -> Option<DeploymentTargets> {
        if self.units.is_empty() {
            return None;
        }
        let narrowed = |targets: DeploymentTargetsBuilder| {
            if self.accounts.is_empty() {
                targets
            } else {
                targets.set_accounts(Some(self.accounts.clone())).account_filter_type(AccountFilterType::Intersection)
            }
        };
        let units = DeploymentTargets::builder().set_organizational_unit_ids(Some(self.units.clone()));
        Some(narrowed(units).build())
    }
}

/// All regions and accounts at once, and on after any failure: a suspended account cannot be reached, and must not keep
/// the others.
fn wide() -> StackSetOperationPreferences {
    StackSetOperationPreferences::builder()
        .region_concurrency_type(RegionConcurrencyType::Parallel)
        .max_concurrent_percentage(100)
        .failure_tolerance_percentage(100)
        .build()
}

fn began(operation: &str, id: Option<&str>) -> Result<String, Failure> {
    id.map(str::to_owned)
        .ok_or_else(|| Failure::own(operation, FailureKind::Other, "the answer names no operation to follow"))
}

fn instance(found: &aws_sdk_cloudformation::types::StackInstanceSummary) -> Instance {
    let detailed = found.stack_instance_status().and_then(|status| status.detailed_status());
    Instance {
        account: found.account().unwrap_or_default().to_owned(),
        region: found.region().unwrap_or_default().to_owned(),
        unit: found.organizational_unit_id().filter(|unit| !unit.is_empty()).map(str::to_owned),
        status: found.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        detailed: detailed.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: found.status_reason().filter(|reason| !reason.is_empty()).map(str::to_owned),
        has_stack: found.stack_id().is_some_and(|id| !id.is_empty()),
    }
}
