//! EC2 instances, pending and running: stopped, terminated, started, and the protections that stand in the way.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, Instance as SdkInstance, InstanceStateName, PlatformValues, Tenancy as SdkTenancy,
};

use runawaytrain_core::measure::price::Tenancy;
use runawaytrain_core::measure::vcpus::Vcpus;
use runawaytrain_core::resource::instances::{Action, Instance, Launcher, Phase, Protection};
use runawaytrain_core::resource::{Act, Depth};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{FleetId, GroupName, InstanceId, SpotRequestId};
use runawaytrain_engine::ports::Performed;

use crate::failure;
use crate::resource::call::done;
use crate::time::timestamp;

/// EC2 gives up to a thousand at a time. Fifty tags on each, which whoever owns the account may set, would make that a
/// page of 80 MB; and a large page takes as long as the small ones that it is made of.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>
const PAGE: i32 = 100;

/// Every pending or running instance of a region, and for a release those that are stopped, all pages; a page may be
/// empty and still not be the last.
pub(super) async fn look(client: &Client, depth: Depth) -> Result<Vec<Instance>, Failure> {
    let states = Filter::builder().name("instance-state-name").values("pending").values("running");
    let states = match depth {
        Depth::Locks | Depth::Usual => states.build(),
        Depth::Whole => states.values("stopping").values("stopped").build(),
    };
    // Those that services manage (EKS Auto Mode, ECS managed …) are hidden unless they are asked for, and bill like all
    // others.
    let mut pages = client
        .describe_instances()
        .filters(states)
        .include_managed_resources(true)
        .max_results(PAGE)
        .into_paginator()
        .send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("ec2:DescribeInstances", &error))?;
        let reservations = page.reservations.unwrap_or_default();
        found.extend(
            reservations
                .into_iter()
                .flat_map(|reservation| reservation.instances.unwrap_or_default())
                .filter_map(instance)
                .filter(|instance| depth == Depth::Whole || instance.bills()),
        );
    }
    Ok(found)
}

fn instance(seen: SdkInstance) -> Option<Instance> {
    let phase = phase(&seen)?;
    let vcpus = {
        let options = seen.cpu_options();
        let instance_type = seen.instance_type().map_or("", |instance_type| instance_type.as_str());
        Vcpus::of(
            options.and_then(|options| options.core_count()),
            options.and_then(|options| options.threads_per_core()),
            instance_type,
        )
    };
    let (operation, tenancy, launcher) = (operation(&seen), tenancy(&seen), launcher(&seen));
    let managed_by = seen
        .operator()
        .filter(|operator| operator.managed() == Some(true))
        .map(|operator| operator.principal().unwrap_or("an AWS service").to_owned());
    Some(Instance {
        id: InstanceId::new(seen.instance_id?),
        instance_type: seen.instance_type.map(|instance_type| instance_type.as_str().to_owned()).unwrap_or_default(),
        vcpus,
        phase,
        spot_request: seen.spot_instance_request_id.map(SpotRequestId::new),
        launcher,
        managed_by,
        operation,
        tenancy,
        launched: seen.launch_time.as_ref().and_then(timestamp),
    })
}

/// What launched it, by the tags that AWS puts on it. A tag whose name begins with `aws:` can be neither set nor
/// removed by anybody else.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/tag-ec2-fleet.html>
fn launcher(seen: &SdkInstance) -> Option<Launcher> {
    const GROUP: &str = "aws:autoscaling:groupName";
    const EC2_FLEET: &str = "aws:ec2:fleet-id";
    const SPOT_FLEET: &str = "aws:ec2spot:fleet-request-id";
    let tag = |name: &str| seen.tags().iter().find(|tag| tag.key() == Some(name)).and_then(|tag| tag.value());
    let group = tag(GROUP).map(|name| Launcher::Group(GroupName::new(name)));
    // A group may launch through a fleet of its own: the group is what launches again.
    group.or_else(|| tag(EC2_FLEET).or_else(|| tag(SPOT_FLEET)).map(|id| Launcher::Fleet(FleetId::new(id))))
}

/// Checked again here: the filter works on an index that lags, and an emulator may not know it.
fn phase(seen: &SdkInstance) -> Option<Phase> {
    match seen.state().and_then(|state| state.name()) {
        Some(InstanceStateName::Pending) => Some(Phase::Pending),
        // An instance that passed the filter and shows no state counts: what cannot be told apart must not slip under a
        // limit.
        Some(InstanceStateName::Running) | None => Some(Phase::Running),
        Some(InstanceStateName::Stopping | InstanceStateName::Stopped) => Some(Phase::Stopped),
        Some(_) => None,
    }
}

/// What runs on it, by its billing code. Where EC2 does not say, `platform` still tells Windows from all else.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-info-fields.html>
fn operation(seen: &SdkInstance) -> String {
    const LINUX: &str = "RunInstances";
    const WINDOWS: &str = "RunInstances:0002";
    let by_platform = if seen.platform() == Some(&PlatformValues::Windows) { WINDOWS } else { LINUX };
    seen.usage_operation().filter(|operation| !operation.is_empty()).unwrap_or(by_platform).to_owned()
}

fn tenancy(seen: &SdkInstance) -> Tenancy {
    match seen.placement().and_then(|placement| placement.tenancy()) {
        Some(SdkTenancy::Dedicated) => Tenancy::Dedicated,
        Some(SdkTenancy::Host) => Tenancy::Host,
        _ => Tenancy::Shared,
    }
}

/// Stopping is plain: without `Force`, which risks data, and without `Hibernate`, which refuses most instances. So is
/// terminating: without `SkipOsShutdown`, which risks data.
pub(super) async fn perform(client: &Client, action: &Action) -> Result<Performed, Failure> {
    let operation = action.operation();
    let answer = match action {
        Action::Unprotect { instance, against, .. } => protect(client, operation, instance, *against, false).await,
        Action::Protect { instance, against, .. } => protect(client, operation, instance, *against, true).await,
        Action::StopInstances { instances, .. } => {
            done!(operation, client.stop_instances().set_instance_ids(ids(instances)))
        }
        Action::TerminateInstances { instances, .. } => {
            done!(operation, client.terminate_instances().set_instance_ids(ids(instances)))
        }
        Action::StartInstances { instances, .. } => {
            done!(operation, client.start_instances().set_instance_ids(ids(instances)))
        }
    };
    answer.map_err(|failure| failure::naming(failure, &action.items()))
}

/// Puts a protection on an instance or takes it off. EC2 takes one attribute a call.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html>
async fn protect(
    client: &Client,
    operation: &str,
    instance: &InstanceId,
    against: Protection,
    on: bool,
) -> Result<Performed, Failure> {
    let value = AttributeBooleanValue::builder().value(on).build();
    let call = client.modify_instance_attribute().instance_id(instance.as_str());
    let call = match against {
        Protection::Stop => call.disable_api_stop(value),
        Protection::Termination => call.disable_api_termination(value),
    };
    done!(operation, call)
}

fn ids(instances: &[InstanceId]) -> Option<Vec<String>> {
    Some(instances.iter().map(|id| id.as_str().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{CpuOptions, InstanceState, InstanceType, OperatorResponse, Placement, Tag};
    use runawaytrain_core::vocabulary::failure::FailureKind;
    use runawaytrain_core::vocabulary::ids::Region;

    use super::*;
    use crate::wire::Script;

    #[tokio::test]
    async fn a_page_may_be_empty_and_not_the_last() {
        let script = Script::new(|asked| {
            let instance = "<instanceId>i-1</instanceId><instanceState><name>running</name></instanceState>";
            let reservation = format!("<item><instancesSet><item>{instance}</item></instancesSet></item>");
            let (items, next) = if asked.contains("NextToken=two") {
                (reservation.as_str(), "")
            } else if asked.contains("NextToken=one") {
                ("", "<nextToken>two</nextToken>")
            } else {
                ("", "<nextToken>one</nextToken>")
            };
            let page = format!("<reservationSet>{items}</reservationSet>{next}");
            (200, format!("<DescribeInstancesResponse>{page}</DescribeInstancesResponse>"))
        });
        let found = look(&Client::new(&script.config()), Depth::Usual).await.unwrap();
        assert_eq!(found.iter().map(|instance| instance.id.as_str()).collect::<Vec<_>>(), ["i-1"]);
        let asked = script.asked();
        assert_eq!(asked.len(), 3);
        for words in [
            "Filter.1.Name=instance-state-name",
            "Filter.1.Value.1=pending",
            "Filter.1.Value.2=running",
            "IncludeManagedResources=true",
            "MaxResults=100",
        ] {
            assert!(asked.iter().all(|body| body.contains(words)), "{words} in {asked:?}");
        }
    }

    #[tokio::test]
    async fn a_page_that_fails_fails_the_list() {
        let script = Script::new(|asked| {
            let error = "<Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error>";
            let page = "<reservationSet/><nextToken>one</nextToken>";
            if asked.contains("NextToken") {
                (403, format!("<Response><Errors>{error}</Errors></Response>"))
            } else {
                (200, format!("<DescribeInstancesResponse>{page}</DescribeInstancesResponse>"))
            }
        });
        let failure = look(&Client::new(&script.config()), Depth::Usual).await.unwrap_err();
        assert_eq!((failure.operation.as_str(), failure.kind), ("ec2:DescribeInstances", FailureKind::Denied));
    }

    fn seen(state: InstanceStateName) -> aws_sdk_ec2::types::builders::InstanceBuilder {
        SdkInstance::builder()
            .instance_id("i-1")
            .instance_type(InstanceType::C54xlarge)
            .state(InstanceState::builder().name(state).build())
    }

    #[test]
    fn what_is_terminated_is_not_taken_whatever_the_filter_let_through() {
        let taken = |state| instance(seen(state).build()).map(|instance| instance.phase);
        assert_eq!(taken(InstanceStateName::Pending), Some(Phase::Pending));
        assert_eq!(taken(InstanceStateName::Running), Some(Phase::Running));
        assert_eq!(taken(InstanceStateName::Stopping), Some(Phase::Stopped));
        assert_eq!(taken(InstanceStateName::Stopped), Some(Phase::Stopped));
        for state in [InstanceStateName::ShuttingDown, InstanceStateName::Terminated] {
            assert_eq!(taken(state), None);
        }
    }

    #[tokio::test]
    async fn only_a_release_sees_what_is_stopped_whatever_the_filter_let_through() {
        let script = Script::new(|_| {
            let instance = |id, state| {
                let state = format!("<instanceState><name>{state}</name></instanceState>");
                format!("<item><instancesSet><item><instanceId>{id}</instanceId>{state}</item></instancesSet></item>")
            };
            let items = instance("i-1", "running") + &instance("i-2", "stopped");
            let page = format!("<reservationSet>{items}</reservationSet>");
            (200, format!("<DescribeInstancesResponse>{page}</DescribeInstancesResponse>"))
        });
        let client = Client::new(&script.config());
        for (depth, seen) in [(Depth::Usual, 1), (Depth::Whole, 2)] {
            assert_eq!(look(&client, depth).await.unwrap().len(), seen, "{depth:?}");
        }
        let asked = script.asked();
        assert!(asked[1].contains("Filter.1.Value.4=stopped") && !asked[0].contains("stopped"), "{asked:?}");
    }

    #[test]
    fn cores_the_spot_request_and_the_managing_service_are_read() {
        let built = seen(InstanceStateName::Running)
            .cpu_options(CpuOptions::builder().core_count(4).threads_per_core(1).build())
            .spot_instance_request_id("sir-1")
            .operator(OperatorResponse::builder().managed(true).principal("eks.amazonaws.com").build())
            .build();
        let instance = instance(built).unwrap();
        assert_eq!(instance.vcpus, Vcpus { count: 4, estimated: false });
        assert_eq!(instance.spot_request, Some(SpotRequestId::new("sir-1")));
        assert_eq!(instance.managed_by.as_deref(), Some("eks.amazonaws.com"));
    }

    #[test]
    fn what_launched_it_is_told_by_the_tags_of_aws() {
        let launched = |tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build()).collect();
            instance(seen(InstanceStateName::Running).set_tags(Some(tags)).build()).unwrap().launcher
        };
        let (group, fleet) = (("aws:autoscaling:groupName", "lab"), ("aws:ec2:fleet-id", "fleet-1"));
        assert_eq!(launched(&[]), None);
        assert_eq!(launched(&[("Name", "x"), ("autoscaling:groupName", "forged")]), None);
        assert_eq!(launched(&[("Name", "x"), group]), Some(Launcher::Group(GroupName::new("lab"))));
        assert_eq!(launched(&[fleet, group]), Some(Launcher::Group(GroupName::new("lab"))));
        assert_eq!(launched(&[fleet]), Some(Launcher::Fleet(FleetId::new("fleet-1"))));
        let spot_fleet = ("aws:ec2spot:fleet-request-id", "sfr-1");
        assert_eq!(launched(&[spot_fleet]), Some(Launcher::Fleet(FleetId::new("sfr-1"))));
    }

    #[test]
    fn what_a_price_depends_on_is_read() {
        let running = || seen(InstanceStateName::Running);
        let operation =
            |built: aws_sdk_ec2::types::builders::InstanceBuilder| instance(built.build()).unwrap().operation;
        assert_eq!(operation(running().usage_operation("RunInstances:0010")), "RunInstances:0010");
        assert_eq!(operation(running()), "RunInstances");
        assert_eq!(operation(running().usage_operation("").platform(PlatformValues::Windows)), "RunInstances:0002");
        // A SQL Server on Windows: the code says more than the platform.
        assert_eq!(
            operation(running().usage_operation("RunInstances:0006").platform(PlatformValues::Windows)),
            "RunInstances:0006"
        );

        let tenancy = |tenancy| {
            instance(running().placement(Placement::builder().set_tenancy(tenancy).build()).build()).unwrap().tenancy
        };
        assert_eq!(tenancy(Some(SdkTenancy::Dedicated)), Tenancy::Dedicated);
        assert_eq!(tenancy(Some(SdkTenancy::Host)), Tenancy::Host);
        assert_eq!((tenancy(Some(SdkTenancy::Default)), tenancy(None)), (Tenancy::Shared, Tenancy::Shared));
        assert_eq!(instance(running().build()).unwrap().tenancy, Tenancy::Shared);
    }

    fn region() -> Region {
        Region::new("us-east-1")
    }

    #[tokio::test]
    async fn each_protection_is_a_call_of_its_own() {
        let script = Script::new(|_| {
            (200, "<ModifyInstanceAttributeResponse><return>true</return></ModifyInstanceAttributeResponse>".to_owned())
        });
        let (client, instance) = (Client::new(&script.config()), InstanceId::new("i-1"));
        let against = Protection::Stop;
        perform(&client, &Action::Unprotect { region: region(), instance: instance.clone(), against }).await.unwrap();
        let against = Protection::Termination;
        perform(&client, &Action::Protect { region: region(), instance, against }).await.unwrap();
        let asked = script.asked();
        assert!(
            asked[0].contains("DisableApiStop.Value=false") && !asked[0].contains("DisableApiTermination"),
            "{asked:?}"
        );
        assert!(
            asked[1].contains("DisableApiTermination.Value=true") && !asked[1].contains("DisableApiStop"),
            "{asked:?}"
        );
    }

    #[tokio::test]
    async fn stopping_terminating_and_starting_are_plain() {
        let script = Script::new(|asked| {
            let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap();
            (200, format!("<{action}Response/>"))
        });
        let client = Client::new(&script.config());
        let instances = || vec![InstanceId::new("i-1"), InstanceId::new("i-2")];
        let actions = [
            Action::StopInstances { region: region(), instances: instances(), erases: Vec::new() },
            Action::TerminateInstances { region: region(), instances: instances() },
            Action::StartInstances { region: region(), instances: instances() },
        ];
        for action in &actions {
            assert_eq!(perform(&client, action).await, Ok(Performed::Done), "{action}");
        }
        for (asked, action) in script.asked().iter().zip(["StopInstances", "TerminateInstances", "StartInstances"]) {
            assert!(
                asked.contains(&format!("Action={action}&")) && asked.contains("InstanceId.1=i-1&InstanceId.2=i-2"),
                "{asked}"
            );
            assert!(
                ["Force", "Hibernate", "SkipOsShutdown", "DryRun"].iter().all(|word| !asked.contains(word)),
                "{asked}"
            );
        }
    }

    #[tokio::test]
    async fn a_refusal_names_the_members_of_the_batch_that_ec2_names() {
        let script = Script::new(|_| {
            let error =
                "<Code>InvalidInstanceID.NotFound</Code><Message>The instance ID 'i-2' does not exist</Message>";
            (400, format!("<Response><Errors><Error>{error}</Error></Errors></Response>"))
        });
        let instances = vec![InstanceId::new("i-1"), InstanceId::new("i-2")];
        let stop = Action::StopInstances { region: region(), instances, erases: Vec::new() };
        let failure = perform(&Client::new(&script.config()), &stop).await.unwrap_err();
        assert_eq!((failure.kind, failure.named), (FailureKind::NotFound, vec!["i-2".to_owned()]));
    }
}
