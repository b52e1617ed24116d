//! AWS Organizations.

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{PolicyType, PolicyTypeStatus};

use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::UnitId;

use super::{Cloud, all, failure};

/// The organization that an account is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// `o-…`
    pub id: String,
    /// The management account.
    pub payer: String,
    /// Whether it has all features, rather than only one bill.
    pub has_all_features: bool,
}

/// The root of the organization, of which it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// `r-…`
    pub id: String,
    /// Whether service control policies are enabled on it; while they are being enabled they are not.
    pub has_scps: bool,
}

/// A service control policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scp {
    /// `p-…`
    pub id: String,
    /// Its name.
    pub name: String,
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// 12 digits.
    pub id: String,
    /// What the organization calls it.
    pub name: String,
    /// Where in the organization it is, where that is written.
    pub path: Option<String>,
}

/// An account that acts for the organization beside the payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegate {
    /// 12 digits.
    pub id: String,
    /// What the organization calls it.
    pub name: String,
}

const SCP: PolicyType = PolicyType::ServiceControlPolicy;
const NO_ORGANIZATION: &str = "AWSOrganizationsNotInUseException";

impl Cloud {
    fn organizations(&self) -> Client {
        Client::new(&self.shared)
    }

    /// The organization of the account; None where it is in none.
    pub async fn organization(&self) -> Result<Option<Organization>, Failure> {
        let answer = self.organizations().describe_organization().send().await;
        let answer = match answer.map_err(|error| failure("organizations:DescribeOrganization", &error)) {
            Ok(answer) => answer,
            Err(refused) if refused.code.as_deref() == Some(NO_ORGANIZATION) => return Ok(None),
            Err(refused) => return Err(refused),
        };
        Ok(answer.organization().map(|found| Organization {
            id: found.id().unwrap_or_default().to_owned(),
            payer: found.master_account_id().unwrap_or_default().to_owned(),
            has_all_features: found.feature_set().is_some_and(|set| set.as_str() == "ALL"),
        }))
    }

    /// The root. Only the payer may ask.
    pub async fn root(&self) -> Result<Option<Root>, Failure> {
        let asked = self.organizations().list_roots().into_paginator().send();
        let pages = all("organizations:ListRoots", asked).await?;
        Ok(pages.iter().flat_map(|page| page.roots()).next().map(|root| Root {
            id: root.id().unwrap_or_default().to_owned(),
            has_scps: root
                .policy_types()
                .iter()
                .any(|kind| kind.r#type() == Some(&SCP) && kind.status() == Some(&PolicyTypeStatus::Enabled)),
        }))
    }

    /// Whether the organization has a unit of this id.
    pub async fn has_unit(&self, unit: &str) -> Result<bool, Failure> {
        let answer = self.organizations().describe_organizational_unit().organizational_unit_id(unit).send().await;
        match answer.map_err(|error| failure("organizations:DescribeOrganizationalUnit", &error)) {
            Ok(_) => Ok(true),
            Err(refused)
                if matches!(
                    refused.code.as_deref(),
                    Some("OrganizationalUnitNotFoundException" | "InvalidInputException")
                ) =>
            {
                Ok(false)
            }
            Err(refused) => Err(refused),
        }
    }

    /// The units that an account is in, from the outermost to the innermost: one call for each, and one more.
    pub async fn units_around(&self, account: &str) -> Result<Vec<UnitId>, Failure> {
        let (mut around, mut inside) = (Vec::new(), account.to_owned());
        loop {
            let asked = self.organizations().list_parents().child_id(&inside).into_paginator().send();
            let pages = all("organizations:ListParents", asked).await?;
            // Whatever is no unit is the root.
            let mut parents = pages.iter().flat_map(|page| page.parents()).filter_map(|parent| parent.id());
            let Some(unit) = parents.find_map(|id| UnitId::parse(id).ok()) else { break };
            inside = unit.to_string();
            around.insert(0, unit);
        }
        Ok(around)
    }

    /// Every account of the organization that is not closed.
    pub async fn members(&self) -> Result<Vec<Member>, Failure> {
        let asked = self.organizations().list_accounts().into_paginator().send();
        let pages = all("organizations:ListAccounts", asked).await?;
        let standing = pages.iter().flat_map(|page| page.accounts()).filter(|account| {
            account.state().map_or_else(
                || account.status().is_none_or(|status| status.as_str() == "ACTIVE"),
                |state| state.as_str() == "ACTIVE",
            )
        });
        Ok(standing
            .map(|account| Member {
                id: account.id().unwrap_or_default().to_owned(),
                name: account.name().unwrap_or_default().to_owned(),
                path: account.paths().first().cloned(),
            })
            .collect())
    }

    /// The service control policies of the organization.
    pub async fn scps(&self) -> Result<Vec<Scp>, Failure> {
        let asked = self.organizations().list_policies().filter(SCP).into_paginator().send();
        let pages = all("organizations:ListPolicies", asked).await?;
        Ok(pages.iter().flat_map(|page| page.policies()).map(scp).collect())
    }

    /// Those attached to a root, a unit or an account itself.
    pub async fn scps_on(&self, target: &str) -> Result<Vec<Scp>, Failure> {
        let asked =
            self.organizations().list_policies_for_target().target_id(target).filter(SCP).into_paginator().send();
        let pages = all("organizations:ListPoliciesForTarget", asked).await?;
        Ok(pages.iter().flat_map(|page| page.policies()).map(scp).collect())
    }

    /// A policy's document, as JSON text.
    pub async fn scp_document(&self, id: &str) -> Result<String, Failure> {
        let answer = self
            .organizations()
            .describe_policy()
            .policy_id(id)
            .send()
            .await
            .map_err(|error| failure("organizations:DescribePolicy", &error))?;
        Ok(answer.policy().and_then(|policy| policy.content()).unwrap_or_default().to_owned())
    }

    /// What a policy is attached to.
    pub async fn targets(&self, policy: &str) -> Result<Vec<String>, Failure> {
        let asked = self.organizations().list_targets_for_policy().policy_id(policy).into_paginator().send();
        let pages = all("organizations:ListTargetsForPolicy", asked).await?;
        Ok(pages
            .iter()
            .flat_map(|page| page.targets())
            .filter_map(|target| target.target_id().map(str::to_owned))
            .collect())
    }

    /// Takes a policy off. One that is off already is no failure.
    pub async fn detach(&self, policy: &str, target: &str) -> Result<(), Failure> {
        let answer = self.organizations().detach_policy().policy_id(policy).target_id(target).send().await;
        match answer.map_err(|error| failure("organizations:DetachPolicy", &error)) {
            Ok(_) => Ok(()),
            Err(refused) if refused.code.as_deref() == Some("PolicyNotAttachedException") => Ok(()),
            Err(refused) => Err(refused),
        }
    }

    /// Enables service control policies on the root. Where they are, that is no failure.
    pub async fn enable_scps(&self, root: &str) -> Result<(), Failure> {
        let answer = self.organizations().enable_policy_type().root_id(root).policy_type(SCP).send().await;
        match answer.map_err(|error| failure("organizations:EnablePolicyType", &error)) {
            Ok(_) => Ok(()),
            Err(refused) if refused.code.as_deref() == Some("PolicyTypeAlreadyEnabledException") => Ok(()),
            Err(refused) => Err(refused),
        }
    }

    /// The accounts that act for the organization in a service.
    pub async fn delegates(&self, service: &str) -> Result<Vec<Delegate>, Failure> {
        let asked = self
            .organizations()
            .list_delegated_administrators()
            .service_principal(service)
            .into_paginator()
            .items()
            .send();
        let found = all("organizations:ListDelegatedAdministrators", asked).await?;
        Ok(found
            .iter()
            .map(|one| Delegate {
                id: one.id().unwrap_or_default().to_owned(),
                name: one.name().unwrap_or_default().to_owned(),
            })
            .collect())
    }

    /// The policy by which the payer lets members manage policies of the organization, as JSON text; None without one.
    /// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html>
    pub async fn delegation_policy(&self) -> Result<Option<String>, Failure> {
        let answer = self.organizations().describe_resource_policy().send().await;
        match answer.map_err(|error| failure("organizations:DescribeResourcePolicy", &error)) {
            Ok(answer) => Ok(answer.resource_policy().and_then(|policy| policy.content()).map(str::to_owned)),
            Err(refused) if refused.code.as_deref() == Some("ResourcePolicyNotFoundException") => Ok(None),
            Err(refused) => Err(refused),
        }
    }
}

fn scp(found: &aws_sdk_organizations::types::PolicySummary) -> Scp {
    Scp { id: found.id().unwrap_or_default().to_owned(), name: found.name().unwrap_or_default().to_owned() }
}
