//! Whether launches are told by CloudTrail. EventBridge has `RunInstances` only where a trail records management
//! events.

use runawaytrain_core::vocabulary::failure::Failure;

use super::ground::Ground;
use crate::cloud::trails::Trail;
use crate::finding::{Cure, Finding};

const WITHOUT: &str = "RunInstances events are off; launches are still seen by state-change events and by polling";

/// Asks CloudTrail.
pub async fn look(ground: Ground<'_>) -> Result<Vec<Finding>, Failure> {
    Ok(vec![trail(&ground.cloud.trails().await?)])
}

/// Writes alone: reads are a hundred times as many, and a second trail of them is dear.
fn trail(trails: &[Trail]) -> Finding {
    let what = "trail";
    let is_whole = |trail: &&Trail| trail.is_multi_region && trail.is_logging && trail.records_launches;
    if let Some(shared) = trails.iter().find(|trail| is_whole(trail) && trail.is_of_organization) {
        let said = format!("{} records management events of every account in all regions", shared.name);
        return Finding::ok(what, said);
    }
    let many: Vec<&Trail> = trails.iter().filter(|trail| trail.is_multi_region).collect();
    let (said, cure) = if let Some(own) = many.iter().copied().find(|trail| is_whole(trail)) {
        let said = format!("{} records this account only: in the sub-accounts {WITHOUT}", own.name);
        (said, format!("aws cloudtrail update-trail --name {} --is-organization-trail", own.name))
    } else if let Some(quiet) = many.iter().find(|trail| !trail.is_logging) {
        let said = format!("{} is not recording: {WITHOUT}", quiet.name);
        (said, format!("aws cloudtrail start-logging --name {}", quiet.name))
    } else if let Some(deaf) = many.first() {
        let said = format!("{} records no management events that write: {WITHOUT}", deaf.name);
        (said, format!("CloudTrail console, Trails, {}, Management events, Edit: Write", deaf.name))
    } else {
        let console = "CloudTrail console, Trails, Create trail: Enable for all accounts in my organization, \
                       Management events, Write";
        (format!("no trail covers all regions: {WITHOUT}"), console.to_owned())
    };
    Finding::missing(what, said, Cure::new(cure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lack_has_its_own_cure() {
        let whole = Trail {
            name: "all".into(),
            is_multi_region: true,
            is_of_organization: true,
            is_logging: true,
            records_launches: true,
        };
        assert_eq!(trail(&[Trail::default(), whole.clone()]).status, crate::finding::Status::Ok);
        for (lacking, cure) in [
            (Trail { is_of_organization: false, ..whole.clone() }, "--is-organization-trail"),
            (Trail { is_logging: false, ..whole.clone() }, "start-logging --name all"),
            (Trail { records_launches: false, ..whole.clone() }, "Trails, all, Management events, Edit: Write"),
            (Trail { is_multi_region: false, ..whole }, "Create trail"),
        ] {
            let found = trail(&[lacking]);
            assert!(found.cures[0].exact.contains(cure), "{found:?}");
            assert!(!found.cures[0].exact.contains("Read"), "{found:?}");
        }
    }
}
