//! Auto Scaling groups: all of their processes are suspended, or resumed.

use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::types::AutoScalingGroup;

use runawaytrain_core::resource::Act;
use runawaytrain_core::resource::groups::{Action, Group};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::GroupName;
use runawaytrain_engine::ports::Performed;

use crate::failure;
use crate::resource::call::done;
use crate::time::timestamp;

/// The most that Auto Scaling gives at a time.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>
const PAGE: i32 = 100;
/// Every process of a group. All of them must be suspended: with only `Launch` suspended, what is stopped would be
/// terminated. A process that AWS adds later is suspended with the others, for a suspension names none of them; it is
/// only not looked for here.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html>
const PROCESSES: [&str; 9] = [
    "AZRebalance",
    "AddToLoadBalancer",
    "AlarmNotification",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
];

/// Every group of a region, all pages.
pub(super) async fn look(client: &Client) -> Result<Vec<Group>, Failure> {
    // Their instances are seen elsewhere, each with its group's name, and a group may have hundreds.
    let mut pages =
        client.describe_auto_scaling_groups().include_instances(false).max_records(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("autoscaling:DescribeAutoScalingGroups", &error))?;
        found.extend(page.auto_scaling_groups().iter().filter_map(group));
    }
    Ok(found)
}

fn group(seen: &AutoScalingGroup) -> Option<Group> {
    let suspended: Vec<&str> = seen.suspended_processes().iter().filter_map(|process| process.process_name()).collect();
    let suspended = PROCESSES.iter().all(|process| suspended.contains(process));
    Some(Group {
        name: GroupName::new(seen.auto_scaling_group_name()?),
        suspended,
        desired: seen.desired_capacity().and_then(|desired| u32::try_from(desired).ok()).unwrap_or_default(),
        created: seen.created_time().and_then(timestamp),
    })
}

/// No process is named: that means all of them, those that AWS adds later included.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html>
pub(super) async fn perform(client: &Client, action: &Action) -> Result<Performed, Failure> {
    let operation = action.operation();
    match action {
        Action::SuspendGroup { group, .. } => {
            done!(operation, client.suspend_processes().auto_scaling_group_name(group.as_str()))
        }
        Action::ResumeGroup { group, .. } => {
            done!(operation, client.resume_processes().auto_scaling_group_name(group.as_str()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use runawaytrain_core::vocabulary::ids::Region;

    use super::*;
    use crate::wire::Script;

    fn group_xml(name: &str, suspended: &[&str]) -> String {
        let mut processes = String::new();
        for process in suspended {
            write!(processes, "<member><ProcessName>{process}</ProcessName></member>").unwrap();
        }
        let name = format!("<AutoScalingGroupName>{name}</AutoScalingGroupName><DesiredCapacity>7</DesiredCapacity>");
        format!("<member>{name}<SuspendedProcesses>{processes}</SuspendedProcesses></member>")
    }

    #[tokio::test]
    async fn every_page_is_read_and_only_a_group_with_every_process_suspended_is_suspended() {
        let script = Script::new(|asked| {
            let (groups, more) = if asked.contains("NextToken=next") {
                let more = [&PROCESSES[..], &["SomethingNew"]].concat();
                (group_xml("all and more", &more) + &group_xml("all but one", &PROCESSES[1..]), "")
            } else {
                (group_xml("all", &PROCESSES) + &group_xml("launch only", &["Launch"]), "<NextToken>next</NextToken>")
            };
            let groups = format!("<AutoScalingGroups>{groups}</AutoScalingGroups>{more}");
            let result = format!("<DescribeAutoScalingGroupsResult>{groups}</DescribeAutoScalingGroupsResult>");
            (200, format!("<DescribeAutoScalingGroupsResponse>{result}</DescribeAutoScalingGroupsResponse>"))
        });
        let groups = look(&Client::new(&script.config())).await.unwrap();
        assert!(groups.iter().all(|group| group.desired == 7), "{groups:?}");
        let groups: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.suspended)).collect();
        assert_eq!(groups, [("all", true), ("launch only", false), ("all and more", true), ("all but one", false)]);
        assert_eq!(script.asked().len(), 2);
    }

    #[tokio::test]
    async fn all_processes_are_suspended_and_resumed_by_naming_none() {
        let script = Script::new(|_| (200, "<Response/>".to_owned()));
        let client = Client::new(&script.config());
        let (region, group) = (Region::new("us-east-1"), GroupName::new("fleet of mallory"));
        perform(&client, &Action::SuspendGroup { region: region.clone(), group: group.clone() }).await.unwrap();
        perform(&client, &Action::ResumeGroup { region, group }).await.unwrap();
        for (asked, action) in script.asked().iter().zip(["Action=SuspendProcesses", "Action=ResumeProcesses"]) {
            assert!(asked.contains(action) && asked.contains("AutoScalingGroupName=fleet%20of%20mallory"), "{asked}");
            assert!(!asked.contains("ScalingProcesses"), "{asked}");
        }
    }
}
