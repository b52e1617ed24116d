//! Everything that makes the guard blind or mute, and everything that a deployment needs. Each file looks at one thing:
//! one function reads the facts, another, pure one says what they mean. What cannot be looked at says so in its own
//! line and stops no other.

pub mod account;
pub mod bootstrap;
pub mod charges;
pub mod closed_regions;
pub mod delegates;
pub mod drill;
pub mod enrollment;
pub mod ground;
pub mod organization;
pub mod own_access;
pub mod regions;
pub mod report;
pub mod scps;
pub mod slots;
pub mod stack_sets_access;
pub mod subscriptions;
pub mod trail;

use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::text::listed;

use crate::cloud::Cloud;
use crate::doctor::ground::Ground;
use crate::finding::{Finding, Status};
use crate::policy_file::PolicyFile;
use crate::refusal;

/// What a deployment needs, in the order in which it would be missed. Credentials first: without them, or in somebody
/// else's account, the rest would speak of the wrong thing, and is not asked.
pub async fn before(cloud: &Cloud, policy: &PolicyFile) -> Vec<Finding> {
    let identity = match cloud.identity().await {
        Ok(identity) => identity,
        Err(refused) => {
            let said = format!("{}; nothing else can be told", refusal::sentence(&refused));
            return vec![Finding::cannot_tell("credentials", said, refusal::cure(&refused))];
        }
    };
    let whose = account::account(&identity, policy);
    let region = account::region(&identity, cloud.own_region.as_deref());
    // With the sample's payer in the policy this may well be the right account, and its answers help to fill the
    // policy.
    let is_right = !region.stops() && (!whose.stops() || whose.remedy.is_some());
    let mut found = vec![account::credentials(&identity), whose, region];
    if is_right {
        let ground = Ground { cloud, policy, identity: &identity };
        let (of_organization, of_account) = tokio::join!(in_organization(ground), in_account(ground));
        found.extend(of_organization);
        found.extend(of_account);
    }
    found
}

async fn in_organization(ground: Ground<'_>) -> Vec<Finding> {
    let facts = match organization::read(ground).await {
        Ok(facts) => facts,
        Err(refused) => return vec![unseen("organization", &refused)],
    };
    let first = organization::organization(facts.as_ref(), &ground.identity.account);
    let Some(facts) = facts.filter(|_| !first.stops()) else { return vec![first] };
    let mut found = vec![first, organization::ids(&facts, ground.policy)];
    found.extend(line("StackSets access", stack_sets_access::look(ground).await));
    found.extend(line("SCPs", scps::look(ground, &facts).await));
    if facts.has_scps {
        found.extend(line("SCP slots of accounts", slots::look(ground).await).into_iter().map(Finding::spared));
        found.extend(line("denied regions", closed_regions::look(ground).await).into_iter().map(Finding::spared));
    }
    found.extend(line("delegates", delegates::look(ground).await).into_iter().map(Finding::spared));
    found
}

async fn in_account(ground: Ground<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(line("billing alerts", charges::look(ground).await).into_iter().map(Finding::spared));
    found.extend(line("trail", trail::look(ground).await).into_iter().map(Finding::spared));
    found.extend(line("CDK bootstrap", bootstrap::look(ground).await));
    found.push(own_access::own_access(ground.identity, &ground.policy.policy));
    let names_regions = !ground.policy.policy.document().organization.regions.is_empty()
        || ground.policy.member_region() != HOME_REGION;
    let of_regions = line("regions", regions::look(ground).await).into_iter();
    // Where the policy names none, nobody needs to know which there are.
    found.extend(
        of_regions.map(|one| if one.status == Status::CannotTell && !names_regions { one.spared() } else { one }),
    );
    found.extend(line("region of the roles", regions::look_for_roles(ground).await));
    found.extend(line("cost report", report::look(ground).await).into_iter().map(Finding::spared));
    found
}

/// What stands once a deployment is done: who has not confirmed, and how far enrollment is.
pub async fn after(cloud: &Cloud, policy: &PolicyFile) -> Vec<Finding> {
    let mut found = line("subscriptions", subscriptions::look(cloud, policy).await);
    for set in enrollment::sets(policy) {
        let what = format!("stack set {}", set.name);
        found.extend(match enrollment::read(cloud, set).await {
            Ok(facts) => vec![enrollment::enrollment(&facts, policy)],
            Err(refused) => vec![unseen(&what, &refused)],
        });
    }
    found.into_iter().map(Finding::spared).collect()
}

fn line(what: &str, look: Result<Vec<Finding>, Failure>) -> Vec<Finding> {
    look.unwrap_or_else(|refused| vec![unseen(what, &refused)])
}

fn unseen(what: &str, refused: &Failure) -> Finding {
    Finding::cannot_tell(what, refusal::sentence(refused), refusal::cure(refused))
}

/// Whether nothing is in a deployment's way.
pub fn is_ready(findings: &[Finding]) -> bool {
    !findings.iter().any(Finding::stops)
}

/// Whether all that stands in the way is what cannot be told, and may well be there. Credentials are not of that kind.
pub fn is_only_untold(findings: &[Finding]) -> bool {
    findings.first().is_some_and(|first| first.status == Status::Ok)
        && findings.iter().filter(|one| one.stops()).all(|one| one.status == Status::CannotTell)
}

/// The last line about them.
pub fn conclusion(findings: &[Finding]) -> String {
    let stops: Vec<&str> = findings.iter().filter(|one| one.stops()).map(|one| one.what.as_str()).collect();
    let spared: Vec<&str> =
        findings.iter().filter(|one| !one.stops() && one.status != Status::Ok).map(|one| one.what.as_str()).collect();
    let without = if spared.is_empty() { String::new() } else { format!(" It can do without {}.", listed(&spared)) };
    if stops.is_empty() {
        format!("Nothing that a deployment needs is missing.{without}")
    } else {
        format!("A deployment still needs: {}.{without}", listed(&stops))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Cure;

    fn missing(what: &str) -> Finding {
        Finding::missing(what, "gone", Cure::new("do"))
    }

    #[test]
    fn what_is_needed_is_told_from_what_can_be_spared() {
        let all = [Finding::ok("credentials", ""), missing("SCPs"), missing("trail").spared(), missing("account")];
        assert_eq!(conclusion(&all), "A deployment still needs: SCPs and account. It can do without trail.");
        assert!(!is_ready(&all));
        let spared = [Finding::ok("credentials", ""), missing("trail").spared()];
        assert_eq!(conclusion(&spared), "Nothing that a deployment needs is missing. It can do without trail.");
        assert!(is_ready(&spared));
    }

    #[test]
    fn only_what_cannot_be_told_may_be_passed_over() {
        let untold = Finding::cannot_tell("SCPs", "denied", None);
        let credentials = Finding::cannot_tell("credentials", "none", None);
        assert!(is_only_untold(&[Finding::ok("credentials", ""), untold.clone(), missing("trail").spared()]));
        assert!(!is_only_untold(&[Finding::ok("credentials", ""), untold.clone(), missing("account")]));
        assert!(!is_only_untold(&[credentials, untold]));
        assert!(!is_only_untold(&[]));
    }
}
