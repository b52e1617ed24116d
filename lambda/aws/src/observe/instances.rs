//! Pending and running instances of one region.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, Instance as SdkInstance, InstanceStateName, PlatformValues, Tenancy as SdkTenancy};

use runawaytrain_core::failure::Failure;
use runawaytrain_core::ids::{InstanceId, SpotRequestId};
use runawaytrain_core::observation::{Instance, Phase};
use runawaytrain_core::price::Tenancy;
use runawaytrain_core::vcpus::Vcpus;

use crate::failure;
use crate::time::timestamp;

/// The most that EC2 gives at a time.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>
const PAGE: i32 = 1000;

/// Every pending or running instance, all pages; a page may be empty and still not be the last.
pub(super) async fn list(client: &Client) -> Result<Vec<Instance>, Failure> {
    let states = Filter::builder().name("instance-state-name").values("pending").values("running").build();
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
                .filter_map(instance),
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
    let (operation, tenancy) = (operation(&seen), tenancy(&seen));
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
        managed_by,
        operation,
        tenancy,
        launched: seen.launch_time.as_ref().and_then(timestamp),
    })
}

/// Checked again here: the filter works on an index that lags, and an emulator may not know it.
fn phase(seen: &SdkInstance) -> Option<Phase> {
    match seen.state().and_then(|state| state.name()) {
        Some(InstanceStateName::Pending) => Some(Phase::Pending),
        // An instance that passed the filter and shows no state counts: what cannot be told apart must not slip under a
        // limit.
        Some(InstanceStateName::Running) | None => Some(Phase::Running),
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

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{CpuOptions, InstanceState, InstanceType, OperatorResponse, Placement};

    use super::*;
    use crate::wire::Script;

    #[tokio::test]
    async fn a_page_may_be_empty_and_not_the_last() {
        let script = Script::new(|asked| {
            let (items, next) = if asked.contains("NextToken=two") {
                (
                    "<item><instancesSet><item><instanceId>i-1</instanceId><instanceState><name>running</name></instanceState></item></instancesSet></item>",
                    "",
                )
            } else if asked.contains("NextToken=one") {
                ("", "<nextToken>two</nextToken>")
            } else {
                ("", "<nextToken>one</nextToken>")
            };
            (
                200,
                format!(
                    "<DescribeInstancesResponse><reservationSet>{items}</reservationSet>{next}</DescribeInstancesResponse>"
                ),
            )
        });
        let found = list(&Client::new(&script.config())).await.unwrap();
        assert_eq!(found.iter().map(|instance| instance.id.as_str()).collect::<Vec<_>>(), ["i-1"]);
        let asked = script.asked();
        assert_eq!(asked.len(), 3);
        for words in [
            "Filter.1.Name=instance-state-name",
            "Filter.1.Value.1=pending",
            "Filter.1.Value.2=running",
            "IncludeManagedResources=true",
            "MaxResults=1000",
        ] {
            assert!(asked.iter().all(|body| body.contains(words)), "{words} in {asked:?}");
        }
    }

    #[tokio::test]
    async fn a_page_that_fails_fails_the_list() {
        let script = Script::new(|asked| {
            if asked.contains("NextToken") {
                (403, "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>".to_owned())
            } else {
                (200, "<DescribeInstancesResponse><reservationSet/><nextToken>one</nextToken></DescribeInstancesResponse>".to_owned())
            }
        });
        let failure = list(&Client::new(&script.config())).await.unwrap_err();
        assert_eq!(
            (failure.operation.as_str(), failure.kind),
            ("ec2:DescribeInstances", runawaytrain_core::failure::FailureKind::Denied)
        );
    }

    fn seen(state: InstanceStateName) -> aws_sdk_ec2::types::builders::InstanceBuilder {
        SdkInstance::builder()
            .instance_id("i-1")
            .instance_type(InstanceType::C54xlarge)
            .state(InstanceState::builder().name(state).build())
    }

    #[test]
    fn only_what_bills_is_taken_whatever_the_filter_let_through() {
        let taken = |state| instance(seen(state).build()).map(|instance| instance.phase);
        assert_eq!(taken(InstanceStateName::Pending), Some(Phase::Pending));
        assert_eq!(taken(InstanceStateName::Running), Some(Phase::Running));
        for state in [
            InstanceStateName::Stopping,
            InstanceStateName::Stopped,
            InstanceStateName::ShuttingDown,
            InstanceStateName::Terminated,
        ] {
            assert_eq!(taken(state), None);
        }
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
}
