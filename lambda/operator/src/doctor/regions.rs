//! Whether the regions of the policy are enabled in the payer: StackSets deploy into an opt-in region only where both
//! sides have it. And whether the roles of the accounts stay where they are.

use std::collections::{BTreeMap, BTreeSet};

use runawaytrain_core::contract::MEMBER_STACK_SET;
use runawaytrain_core::vocabulary::failure::Failure;

use super::ground::Ground;
use crate::cloud::stack_sets::Instance;
use crate::finding::{Cure, Finding};
use crate::policy_file::PolicyFile;

/// Asks which there are.
pub async fn look(ground: Ground<'_>) -> Result<Vec<Finding>, Failure> {
    Ok(regions(ground.policy, &ground.cloud.regions().await?))
}

/// Where the launch rules go, and where the roles of each account do.
fn regions(policy: &PolicyFile, enabled: &BTreeMap<String, bool>) -> Vec<Finding> {
    let what = "regions";
    let wanted: Vec<&str> = policy.policy.document().organization.regions.iter().map(|one| one.as_str()).collect();
    let mut named = vec![(policy.member_region(), "organization.memberRegion")];
    for region in &wanted {
        named.retain(|(other, _)| other != region);
        named.push((region, "organization.regions"));
    }
    let bad: Vec<Finding> = named.iter().filter_map(|(region, key)| bad(region, enabled.get(*region), key)).collect();
    if !bad.is_empty() {
        return bad;
    }
    vec![match wanted.as_slice() {
        [] => {
            let said = "the policy names no regions for launch-event rules; launches are seen by polling alone";
            Finding::missing(what, said, Cure::new("in the policy file: organization.regions: [us-east-1, …]")).spared()
        }
        [one] => Finding::ok(what, format!("{one} is enabled here")),
        many => Finding::ok(what, format!("all {} of the policy are enabled here", many.len())),
    }]
}

fn bad(region: &str, is_enabled: Option<&bool>, key: &str) -> Option<Finding> {
    let what = format!("region {region}");
    match is_enabled {
        Some(true) => None,
        Some(false) => {
            let cure = Cure::new(format!("aws account enable-region --region-name {region}"));
            let said = format!("{region} must be opted into, and the payer has not");
            let remark = format!("takes minutes to hours; or take it out of {key}");
            Some(Finding::missing(what, said, cure.remarked(remark)))
        }
        None => {
            let said = format!("there is no region of the name {region}");
            Some(Finding::missing(what, said, Cure::new(format!("correct it in the policy file: {key}"))))
        }
    }
}

/// Asks StackSets where the roles stand.
pub async fn look_for_roles(ground: Ground<'_>) -> Result<Vec<Finding>, Failure> {
    let instances = ground.cloud.instances(MEMBER_STACK_SET).await?;
    Ok(roles(&instances, ground.policy.member_region()).into_iter().collect())
}

/// The names of roles are the account's: made in another region they would be refused, and those that stand be removed.
fn roles(instances: &[Instance], wanted: &str) -> Option<Finding> {
    let what = "region of the roles";
    // One that failed may never have been made.
    let is_standing = |one: &&Instance| one.status == "CURRENT" || one.has_stack;
    let found: BTreeSet<&str> = instances.iter().filter(is_standing).map(|one| one.region.as_str()).collect();
    let others: Vec<&str> = found.iter().copied().filter(|region| *region != wanted).collect();
    match others.first() {
        Some(first) => {
            let said = format!(
                "the policy has the roles of the accounts in {wanted}, and they stand in {}: moved, they would be gone \
                 for a while, or for good",
                others.join(", ")
            );
            let cure = Cure::new(format!("in the policy file: organization.memberRegion: {first}"));
            Some(Finding::missing(what, said, cure.remarked("or take them away first: scripts/deploy --destroy")))
        }
        None if found.is_empty() => None,
        None => Some(Finding::ok(what, format!("the roles of the accounts stand in {wanted}"))),
    }
}
