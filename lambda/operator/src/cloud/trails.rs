//! CloudTrail: which trails record what changes.

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::types::{AdvancedFieldSelector, ReadWriteType};

use runawaytrain_core::vocabulary::failure::Failure;

use super::{Cloud, failure};

/// A trail, as far as launches are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// Whether it covers all regions.
    pub is_multi_region: bool,
    /// Whether it covers every account of the organization.
    pub is_of_organization: bool,
    /// Whether it records now. Not asked of a trail of one region.
    pub is_logging: bool,
    /// Whether calls that change something, `RunInstances` among them, are recorded. Not asked of a trail of one
    /// region.
    pub records_launches: bool,
}

impl Cloud {
    /// The trails that record in this account.
    pub async fn trails(&self) -> Result<Vec<Trail>, Failure> {
        let client = Client::new(&self.shared);
        let answer = client
            .describe_trails()
            .include_shadow_trails(true)
            .send()
            .await
            .map_err(|error| failure("cloudtrail:DescribeTrails", &error))?;
        let mut trails = Vec::new();
        for found in answer.trail_list() {
            let mut trail = Trail {
                name: found.name().unwrap_or_default().to_owned(),
                is_multi_region: found.is_multi_region_trail() == Some(true),
                is_of_organization: found.is_organization_trail() == Some(true),
                ..Trail::default()
            };
            // One of a single region would not do whatever else it is.
            if trail.is_multi_region {
                let arn = found.trail_arn().unwrap_or_default();
                let status = client.get_trail_status().name(arn).send().await;
                trail.is_logging = status
                    .map_err(|error| failure("cloudtrail:GetTrailStatus", &error))?
                    .is_logging()
                    .unwrap_or_default();
                let selectors = client.get_event_selectors().trail_name(arn).send().await;
                let selectors = selectors.map_err(|error| failure("cloudtrail:GetEventSelectors", &error))?;
                trail.records_launches = selectors.event_selectors().iter().any(|selector| {
                    selector.include_management_events() != Some(false)
                        && selector.read_write_type() != Some(&ReadWriteType::ReadOnly)
                }) || selectors
                    .advanced_event_selectors()
                    .iter()
                    .any(|selector| records_launches(selector.field_selectors()));
            }
            trails.push(trail);
        }
        Ok(trails)
    }
}

/// Whether an advanced selector lets `RunInstances` pass.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html>
fn records_launches(fields: &[AdvancedFieldSelector]) -> bool {
    let of = |name: &str| fields.iter().find(|field| field.field() == name);
    let has = |name: &str, value: &str| of(name).is_some_and(|field| field.equals().iter().any(|one| one == value));
    has("eventCategory", "Management")
        && !has("readOnly", "true")
        && lets_pass(of("eventSource"), "ec2.amazonaws.com")
        && lets_pass(of("eventName"), "RunInstances")
}

fn lets_pass(field: Option<&AdvancedFieldSelector>, value: &str) -> bool {
    let Some(field) = field else { return true };
    let any = |equals: &[String], starts: &[String], ends: &[String]| {
        equals.iter().any(|one| one == value)
            || starts.iter().any(|one| value.starts_with(one.as_str()))
            || ends.iter().any(|one| value.ends_with(one.as_str()))
    };
    let wants_some = !(field.equals().is_empty() && field.starts_with().is_empty() && field.ends_with().is_empty());
    let wanted = any(field.equals(), field.starts_with(), field.ends_with());
    let refused = any(field.not_equals(), field.not_starts_with(), field.not_ends_with());
    !refused && (wanted || !wants_some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> aws_sdk_cloudtrail::types::builders::AdvancedFieldSelectorBuilder {
        AdvancedFieldSelector::builder().field(name)
    }

    fn management() -> AdvancedFieldSelector {
        field("eventCategory").equals("Management").build().unwrap()
    }

    #[test]
    fn advanced_selectors_record_launches_unless_something_keeps_them_out() {
        let recorded: [Vec<AdvancedFieldSelector>; 4] = [
            vec![management()],
            vec![management(), field("readOnly").equals("false").build().unwrap()],
            vec![management(), field("eventSource").not_equals("kms.amazonaws.com").build().unwrap()],
            vec![management(), field("eventName").starts_with("Run").build().unwrap()],
        ];
        for fields in recorded {
            assert!(records_launches(&fields), "{fields:?}");
        }
        let missed: [Vec<AdvancedFieldSelector>; 5] = [
            vec![],
            vec![field("eventCategory").equals("Data").build().unwrap()],
            vec![management(), field("readOnly").equals("true").build().unwrap()],
            vec![management(), field("eventSource").equals("iam.amazonaws.com").build().unwrap()],
            vec![management(), field("eventName").not_ends_with("Instances").build().unwrap()],
        ];
        for fields in missed {
            assert!(!records_launches(&fields), "{fields:?}");
        }
    }
}
