//! Whether CloudFormation StackSets may work in the organization: they bring the guard's roles into every account.

use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::vocabulary::failure::Failure;

use super::ground::Ground;
use crate::cloud::stack_sets::Access;
use crate::finding::{Cure, Finding, Remedy};

/// Asks CloudFormation.
pub async fn look(ground: Ground<'_>) -> Result<Vec<Finding>, Failure> {
    Ok(vec![access(&ground.cloud.stack_sets_access().await?)])
}

/// What the answer means.
pub fn access(found: &Access) -> Finding {
    let what = "StackSets access";
    let beyond = match found {
        Access::Enabled => return Finding::ok(what, "StackSets may work in the organization"),
        Access::Disabled => "",
        Access::DisabledPermanently => {
            "; AWS calls it disabled permanently, so the call may be refused and AWS Support must help"
        }
    };
    let said = format!("StackSets may not work in the organization, so no sub-account would be enrolled{beyond}");
    let cure = Cure::new(format!("aws cloudformation activate-organizations-access --region {HOME_REGION}"));
    Finding::missing(what, said, cure.remarked("or --activate-trusted-access")).by(Remedy::TrustedAccess)
}
