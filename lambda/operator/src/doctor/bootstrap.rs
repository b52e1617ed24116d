//! Whether the CDK has what it deploys with: a bucket, and roles.

use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::vocabulary::failure::Failure;

use super::ground::Ground;
use crate::finding::{Cure, Finding, Remedy};

const STACK: &str = "CDKToolkit";
const VERSION: &str = "BootstrapVersion";
/// What the CDK's default synthesizer asks for. <https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html>
const LEAST: u32 = 6;

/// Asks for the stack that `cdk bootstrap` makes, whatever it is called: it gives out the version.
pub async fn look(ground: Ground<'_>) -> Result<Vec<Finding>, Failure> {
    let stacks = ground.cloud.stacks().await?;
    let mut versions = stacks.iter().flat_map(|stack| &stack.outputs).filter(|(key, _)| key == VERSION);
    let version = versions.next().map(|(_, value)| value.parse().unwrap_or_default());
    let is_there = || stacks.iter().any(|stack| stack.name == STACK);
    Ok(vec![bootstrap(version.or_else(|| is_there().then_some(0)), &ground.identity.account)])
}

fn bootstrap(version: Option<u32>, payer: &str) -> Finding {
    let what = "CDK bootstrap";
    let said = match version {
        Some(version) if version >= LEAST => return Finding::ok(what, format!("version {version}")),
        Some(version) => format!("the CDK was set up long ago, version {version}; {LEAST} or newer is needed"),
        None => format!("the CDK was never set up in {HOME_REGION} of this account"),
    };
    let cure = Cure::new(format!("(cd infra && npx cdk bootstrap aws://{payer}/{HOME_REGION})"));
    Finding::missing(what, said, cure.remarked("or scripts/deploy --cdk-bootstrap")).by(Remedy::Bootstrap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Status;

    #[test]
    fn an_old_one_will_not_do() {
        for (version, verdict) in
            [(None, Status::Missing), (Some(5), Status::Missing), (Some(6), Status::Ok), (Some(30), Status::Ok)]
        {
            assert_eq!(bootstrap(version, "123456789012").status, verdict);
        }
    }
}
