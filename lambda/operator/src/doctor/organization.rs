//! Whether the account leads an organization that can be guarded, and whether the policy names that very organization.

use std::collections::BTreeSet;

use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::UnitId;
use runawaytrain_core::vocabulary::text::count;

use super::ground::Ground;
use crate::finding::{Cure, Finding, Remedy};
use crate::policy_file::{PolicyFile, SAMPLE_ORGANIZATION, SAMPLE_ROOT};

/// What is known of the organization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `o-…`
    pub id: String,
    /// Its management account.
    pub payer: String,
    /// Whether it has all features.
    pub has_all_features: bool,
    /// `r-…`; a member may not ask.
    pub root: Option<String>,
    /// Whether service control policies are enabled on the root.
    pub has_scps: bool,
    /// Units of the policy that it does not have.
    pub unknown_units: Vec<String>,
}

/// None where the account is in no organization.
pub async fn read(ground: Ground<'_>) -> Result<Option<Facts>, Failure> {
    let Some(found) = ground.cloud.organization().await? else { return Ok(None) };
    let mut facts =
        Facts { id: found.id, payer: found.payer, has_all_features: found.has_all_features, ..Facts::default() };
    if facts.payer == ground.identity.account {
        if let Some(root) = ground.cloud.root().await? {
            facts.root = Some(root.id);
            facts.has_scps = root.has_scps;
        }
        let document = ground.policy.policy.document();
        let named =
            document.organization.ous.iter().map(String::as_str).chain(document.units.keys().map(UnitId::as_str));
        for unit in named.collect::<BTreeSet<_>>() {
            if !ground.cloud.has_unit(unit).await? {
                facts.unknown_units.push(unit.to_owned());
            }
        }
    }
    Ok(Some(facts))
}

/// Whether there is an organization, and this account leads it.
pub fn organization(facts: Option<&Facts>, account: &str) -> Finding {
    let what = "organization";
    let Some(facts) = facts else {
        let said = format!("account {account} is in no organization; there is nothing to guard");
        return Finding::missing(what, said, Cure::new("aws organizations create-organization --feature-set ALL"));
    };
    let Facts { id, payer, .. } = facts;
    if payer != account {
        let said = format!("account {account} is a member of {id}; its management account is {payer}");
        let cure = Cure::new(format!("use credentials of account {payer}")).remarked("--profile NAME");
        return Finding::missing(what, said, cure);
    }
    if !facts.has_all_features {
        let said = format!("{id} only shares its bill: there are no service control policies and no StackSets in it");
        let cure = Cure::new("aws organizations enable-all-features");
        return Finding::missing(
            what,
            said,
            cure.remarked("invited accounts must agree first; Organizations console, Settings"),
        );
    }
    Finding::ok(what, format!("{id}, all features, led by this account"))
}

/// Whether the ids in the policy are its own. They are part of the trust of every account's role: one letter amiss and
/// nothing can be entered.
pub fn ids(facts: &Facts, policy: &PolicyFile) -> Finding {
    let what = "policy's ids";
    let id = &facts.id;
    let root = facts.root.as_deref().unwrap_or("r-…");
    let settings = &policy.policy.document().organization;
    let in_file = |text: String| Cure::new(format!("in the policy file: {text}"));
    if settings.id == SAMPLE_ORGANIZATION {
        let said =
            format!("organization.id still is the sample's {SAMPLE_ORGANIZATION}; yours is {id}, its root {root}");
        let cure = in_file(format!("organization: {{id: {id}, root: {root}}}")).remarked("or --fill-policy");
        return Finding::missing(what, said, cure).by(Remedy::FillPolicy);
    }
    if settings.id != *id {
        let said = format!("organization.id is {}, and this organization is {id}", settings.id);
        return Finding::missing(what, said, in_file(format!("organization.id: {id}")));
    }
    if policy.enrolled().is_empty() {
        let said =
            "neither organization.root nor organization.ous is named: nobody would be enrolled and nothing protected";
        return Finding::missing(what, said, in_file(format!("organization.root: {root}")));
    }
    if !facts.unknown_units.is_empty() {
        let said = format!("there is no unit {} in {id}", facts.unknown_units.join(", "));
        let cure = format!("aws organizations list-organizational-units-for-parent --parent-id {root}");
        return Finding::missing(what, said, Cure::new(cure).remarked("it has the ids"));
    }
    if !settings.ous.is_empty() {
        let units = count(settings.ous.len() as u64, "unit");
        return Finding::ok(what, format!("{id} with {units} are those of this organization"));
    }
    match settings.root.as_deref() {
        Some(named) if Some(named) != facts.root.as_deref() => {
            let said = format!("organization.root is {named}, and the root of {id} is {root}");
            let found = Finding::missing(what, said, in_file(format!("organization.root: {root}")));
            if named == SAMPLE_ROOT { found.by(Remedy::FillPolicy) } else { found }
        }
        _ => Finding::ok(what, format!("{id} and root {root} are those of this organization")),
    }
}
