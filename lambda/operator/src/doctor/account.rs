//! Whose credentials these are, and whether they belong to the payer that the policy names.

use runawaytrain_core::contract::HOME_REGION;

use crate::cloud::Identity;
use crate::finding::{Cure, Finding, Remedy};
use crate::policy_file::{PolicyFile, SAMPLE_PAYER};

/// That there are some.
pub fn credentials(identity: &Identity) -> Finding {
    Finding::ok("credentials", format!("they work; AWS takes you for {}", identity.arn))
}

/// Whether they are of the payer.
pub fn account(identity: &Identity, policy: &PolicyFile) -> Finding {
    let (account, payer) = (&identity.account, policy.payer());
    if account == payer {
        return Finding::ok("account", format!("{account}, the payer of the policy"));
    }
    if policy.is_sample() && payer == SAMPLE_PAYER {
        let said = format!("the policy still names the sample's payer {payer}; you are in account {account}");
        let cure = Cure::new("runawaytrain doctor --before --fill-policy");
        return Finding::missing("account", said, cure.remarked("if this is your payer")).by(Remedy::FillPolicy);
    }
    Finding::missing(
        "account",
        format!("you are in account {account}, and the policy's payer is {payer}"),
        Cure::new(format!("use credentials of account {payer}")).remarked("--profile NAME"),
    )
}

/// Whether they are of a part of AWS that has the region. `own` is what the profile says: the guard lives in us-east-1
/// whatever that is.
pub fn region(identity: &Identity, own: Option<&str>) -> Finding {
    let partition = identity.partition();
    if partition != "aws" {
        let said = format!("the credentials are of the partition {partition}, which has no {HOME_REGION}");
        return Finding::missing("region", said, Cure::new("use credentials of a commercial AWS account"));
    }
    match own.filter(|own| *own != HOME_REGION) {
        Some(own) => Finding::ok(
            "region",
            format!("{HOME_REGION}, where the billing metrics are; your own setting {own} plays no part"),
        ),
        None => Finding::ok("region", format!("{HOME_REGION}, where the billing metrics are")),
    }
}
