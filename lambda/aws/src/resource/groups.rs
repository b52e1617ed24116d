//! Auto Scaling groups: all of their processes are suspended, or resumed.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::types::AutoScalingGroup;

use runawaytrain_core::resource::groups::{Action, Group};
use runawaytrain_core::resource::{Act, Depth};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{GroupName, InstanceId};
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
pub(super) async fn look(client: &Client, depth: Depth) -> Result<Vec<Group>, Failure> {
    // A halt sees their instances elsewhere, and a group may have hundreds; a release must know whose they are.
    let with_instances = depth == Depth::Whole;
    let call = client.describe_auto_scaling_groups().include_instances(with_instances);
    let mut pages = call.max_records(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("autoscaling:DescribeAutoScalingGroups", &error))?;
        found.extend(page.auto_scaling_groups().iter().filter_map(group));
    }
    Ok(found)
}

fn group(seen: &AutoScalingGroup) -> Option<Group> {
    let processes: BTreeSet<String> =
        seen.suspended_processes().iter().filter_map(|process| process.process_name()).map(str::to_owned).collect();
    Some(Group {
        name: GroupName::new(seen.auto_scaling_group_name()?),
        suspended: PROCESSES.iter().all(|process| processes.contains(*process)),
        processes,
        desired: seen.desired_capacity().and_then(|desired| u32::try_from(desired).ok()).unwrap_or_default(),
        members: seen.instances().iter().filter_map(|member| member.instance_id()).map(InstanceId::new).collect(),
        created: seen.created_time().and_then(timestamp),
    })
}

/// Where no process is named, all of them are meant, those that AWS adds later included.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html>
pub(super) async fn perform(client: &Client, action: &Action) -> Result<Performed, Failure> {
    let operation = action.operation();
    match action {
        Action::SuspendGroup { group, .. } => {
            done!(operation, client.suspend_processes().auto_scaling_group_name(group.as_str()))
        }
        Action::ResumeGroup { group, processes, .. } => {
            let named = (!processes.is_empty()).then(|| processes.iter().cloned().collect());
            let call = client.resume_processes().auto_scaling_group_name(group.as_str());
            done!(operation, call.set_scaling_processes(named))
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
        let groups = look(&Client::new(&script.config()), Depth::Usual).await.unwrap();
        assert!(groups.iter().all(|group| group.desired == 7), "{groups:?}");
        let groups: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.suspended)).collect();
        assert_eq!(groups, [("all", true), ("launch only", false), ("all and more", true), ("all but one", false)]);
        assert_eq!(script.asked().len(), 2);
    }

    #[tokio::test]
    async fn a_release_sees_what_was_suspended_whose_an_instance_is_and_how_many_are_wanted() {
        let script = Script::new(|asked| {
            assert!(asked.contains("IncludeInstances=true"), "{asked}");
            let members = "<Instances><member><InstanceId>i-1</InstanceId></member></Instances>";
            let more = format!("<DesiredCapacity>3</DesiredCapacity>{members}</member>");
            let group = group_xml("web", &["AZRebalance"])
                .replace("</SuspendedProcesses></member>", &format!("</SuspendedProcesses>{more}"));
            let result = format!(
                "<DescribeAutoScalingGroupsResult><AutoScalingGroups>{group}</AutoScalingGroups></DescribeAutoScalingGroupsResult>"
            );
            (200, format!("<DescribeAutoScalingGroupsResponse>{result}</DescribeAutoScalingGroupsResponse>"))
        });
        let groups = look(&Client::new(&script.config()), Depth::Whole).await.unwrap();
        let [web] = groups.as_slice() else { panic!("{groups:?}") };
        assert_eq!((web.suspended, web.desired), (false, 3));
        assert_eq!(web.processes, BTreeSet::from(["AZRebalance".to_owned()]));
        assert_eq!(web.members, BTreeSet::from([InstanceId::new("i-1")]));
    }

    #[tokio::test]
    async fn only_the_named_processes_are_resumed() {
        let script = Script::new(|_| (200, "<Response/>".to_owned()));
        let processes = ["Launch", "Terminate"].map(str::to_owned).into();
        let resume = Action::ResumeGroup { region: Region::new("us-east-1"), group: GroupName::new("web"), processes };
        perform(&Client::new(&script.config()), &resume).await.unwrap();
        let asked = script.asked().remove(0);
        let named = ["ScalingProcesses.member.1=Launch", "ScalingProcesses.member.2=Terminate"];
        assert!(named.iter().all(|process| asked.contains(process)), "{asked}");
    }

    #[tokio::test]
    async fn all_processes_are_suspended_and_resumed_by_naming_none() {
        let script = Script::new(|_| (200, "<Response/>".to_owned()));
        let client = Client::new(&script.config());
        let (region, group) = (Region::new("us-east-1"), GroupName::new("fleet of mallory"));
        perform(
            &client,
            &Action::SuspendGroup { region: region.clone(), group: group.clone(), already: BTreeSet::new() },
        )
        .await
        .unwrap();
        perform(&client, &Action::ResumeGroup { region, group, processes: BTreeSet::new() }).await.unwrap();
        for (asked, action) in script.asked().iter().zip(["Action=SuspendProcesses", "Action=ResumeProcesses"]) {
            assert!(asked.contains(action) && asked.contains("AutoScalingGroupName=fleet%20of%20mallory"), "{asked}");
            assert!(!asked.contains("ScalingProcesses"), "{asked}");
        }
    }
}
