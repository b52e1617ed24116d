//! Whether every address of the notify lists gets its mails.

use std::collections::BTreeMap;

use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::text::clean;

use crate::cloud::Cloud;
use crate::cloud::notification::Standing;
use crate::finding::{Cure, Finding};
use crate::policy_file::PolicyFile;

/// Addresses of the policy that get no mail, each with its topics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unheard {
    /// Nobody has followed the link yet.
    pub pending: BTreeMap<String, Vec<String>>,
    /// Somebody ended it by the link in a mail, or it was not confirmed in time.
    pub ended: BTreeMap<String, Vec<String>>,
}

/// Asks SNS for each topic.
pub async fn look(cloud: &Cloud, policy: &PolicyFile) -> Result<Vec<Finding>, Failure> {
    let mut unheard = Unheard::default();
    for list in policy.notify_topics() {
        let known = cloud.subscriptions(&arn(policy, &list.topic)).await?;
        for address in list.addresses {
            let place =
                match known.iter().filter(|(endpoint, _)| *endpoint == address).map(|(_, standing)| standing).min() {
                    Some(Standing::Confirmed) => continue,
                    Some(Standing::Pending) => &mut unheard.pending,
                    Some(Standing::Ended) | None => &mut unheard.ended,
                };
            place.entry(address).or_default().push(list.topic.clone());
        }
    }
    Ok(vec![subscriptions(&unheard, policy)])
}

fn arn(policy: &PolicyFile, topic: &str) -> String {
    format!("arn:aws:sns:{HOME_REGION}:{}:{topic}", policy.payer())
}

fn subscriptions(unheard: &Unheard, policy: &PolicyFile) -> Finding {
    let what = "subscriptions";
    if unheard.pending.is_empty() && unheard.ended.is_empty() {
        return Finding::ok(what, "every address on the notify lists has confirmed");
    }
    let listed = |addresses: &BTreeMap<String, Vec<String>>| -> String {
        let each = addresses.iter().map(|(address, topics)| format!("{} ({})", clean(address), topics.join(", ")));
        each.collect::<Vec<_>>().join(", ")
    };
    let mut said = Vec::new();
    let mut cures = Vec::new();
    if !unheard.pending.is_empty() {
        said.push(format!("Not confirmed yet, and told nothing until then: {}", listed(&unheard.pending)));
        cures.push(Cure::new("follow the link in the mail that AWS sent to each"));
    }
    if !unheard.ended.is_empty() {
        said.push(format!(
            "Not subscribed, so told nothing, and a deployment does not bring them back: {}",
            listed(&unheard.ended)
        ));
    }
    for (address, topics) in &unheard.ended {
        for topic in topics {
            cures.push(Cure::new(format!(
                "aws sns subscribe --region {HOME_REGION} --topic-arn {} --protocol email --notification-endpoint {}",
                arn(policy, topic),
                clean(address)
            )));
        }
    }
    Finding::missing_all(what, said.join(". "), cures)
}
