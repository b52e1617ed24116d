//! Whether service control policies are on, and whether there is room for the one that protects the guard.

use runawaytrain_core::contract::PROTECT_POLICY;
use runawaytrain_core::vocabulary::failure::Failure;

use super::ground::Ground;
use super::organization::Facts;
use crate::cloud::organization::Scp;
use crate::finding::{Cure, Finding, Remedy};

/// How many policies a root, a unit or an account takes.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
pub const SLOTS: usize = 10;

/// Asks what is attached to each root or unit that the protect policy goes to.
pub async fn look(ground: Ground<'_>, facts: &Facts) -> Result<Vec<Finding>, Failure> {
    let mut found = vec![enabled(facts)];
    if facts.has_scps {
        for target in ground.policy.enrolled() {
            let is_there = facts.root.as_deref() == Some(target)
                || target.starts_with("ou-") && !facts.unknown_units.iter().any(|unit| unit == target);
            if is_there {
                found.push(slot(target, &ground.cloud.scps_on(target).await?));
            }
        }
    }
    Ok(found)
}

/// Whether they are enabled.
pub fn enabled(facts: &Facts) -> Finding {
    let root = facts.root.as_deref().unwrap_or("r-…");
    if facts.has_scps {
        return Finding::ok("SCPs", format!("service control policies are enabled on {root}"));
    }
    let said =
        "service control policies are not enabled: no account could be frozen, and members could remove the guard";
    let cure = format!("aws organizations enable-policy-type --root-id {root} --policy-type SERVICE_CONTROL_POLICY");
    Finding::missing("SCPs", said, Cure::new(cure).remarked("or --enable-scps")).by(Remedy::EnableScps)
}

fn slot(target: &str, attached: &[Scp]) -> Finding {
    let what = format!("SCP slot on {target}");
    if attached.iter().any(|policy| policy.name == PROTECT_POLICY) {
        return Finding::ok(what, format!("{PROTECT_POLICY} is attached already"));
    }
    let free = SLOTS.saturating_sub(attached.len());
    if free > 0 {
        return Finding::ok(what, format!("{free} of {SLOTS} are free, and one is needed"));
    }
    let names: Vec<&str> = attached.iter().map(|policy| policy.name.as_str()).collect();
    let cure = Cure::new(format!("aws organizations detach-policy --target-id {target} --policy-id p-…"));
    let said = format!("all {SLOTS} are taken, by {}", names.join(", "));
    Finding::missing(what, said, cure.remarked("once two of them are merged"))
}
