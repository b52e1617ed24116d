//! What launches instances by itself, against moto: groups, fleets, Spot requests.

use aws_sdk_ec2::types::{
    AllocationStrategy, FleetLaunchTemplateConfigRequest, FleetLaunchTemplateSpecificationRequest, FleetType, InstanceType, RequestLaunchTemplateData,
    RequestSpotLaunchSpecification, SpotFleetLaunchSpecification, SpotFleetRequestConfigData, SpotInstanceType, TargetCapacitySpecificationRequest,
};
use runawaytrain_core::ids::{FleetId, GroupName, Region};
use runawaytrain_core::launchers::{Fleet, FleetKind, Group};
use runawaytrain_core::plan::Action;
use runawaytrain_engine::ports::Performed;

use super::common::account;
use super::{adapters, inside};

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn groups_are_suspended_whole_and_more_than_a_page_of_them_is_seen() {
    let (account, region) = (account("100000000009"), Region::new("us-west-2"));
    let inside = inside(&account, region.as_str()).await;
    let autoscaling = aws_sdk_autoscaling::Client::new(&inside);
    let configuration = autoscaling.create_launch_configuration().launch_configuration_name("any").image_id("ami-12345678").instance_type("t2.micro");
    configuration.send().await.unwrap();
    for number in 0..101 {
        let group = autoscaling.create_auto_scaling_group().auto_scaling_group_name(format!("group {number:03}")).launch_configuration_name("any");
        group.min_size(0).max_size(4).availability_zones("us-west-2a").send().await.unwrap();
    }
    let ports = adapters();
    let look = async || ports.observer.launchers(&account, &region).await.unwrap();
    let seen = look().await;
    assert_eq!(seen.groups.len(), 101);
    assert!(seen.groups.iter().all(|group| !group.suspended));

    let (group, name) = (GroupName::new("group 007"), "group 007");
    let state = async || look().await.groups.into_iter().find(|group| group.name.as_str() == name).unwrap();
    // Launch alone is not enough: what is stopped would be terminated.
    autoscaling.suspend_processes().auto_scaling_group_name(name).scaling_processes("Launch").send().await.unwrap();
    assert_eq!(state().await, Group { name: group.clone(), suspended: false });
    let suspend = Action::SuspendGroup { region: region.clone(), group: group.clone() };
    assert_eq!(ports.actuator.perform(&account, &suspend).await, Ok(Performed::Done));
    assert_eq!(state().await, Group { name: group.clone(), suspended: true });
    let resume = Action::ResumeGroup { region: region.clone(), group: group.clone() };
    assert_eq!(ports.actuator.perform(&account, &resume).await, Ok(Performed::Done));
    assert_eq!(state().await, Group { name: group, suspended: false });
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn spot_requests_are_seen_and_cancelled_while_their_instances_run_on() {
    let (account, region) = (account("100000000010"), Region::new("us-west-2"));
    let client = aws_sdk_ec2::Client::new(&inside(&account, region.as_str()).await);
    let specification = RequestSpotLaunchSpecification::builder().image_id("ami-12345678").instance_type(InstanceType::T2Micro).build();
    let request = client.request_spot_instances().spot_price("0.5").r#type(SpotInstanceType::Persistent).launch_specification(specification);
    request.send().await.unwrap();

    let ports = adapters();
    let seen = ports.observer.launchers(&account, &region).await.unwrap().spot_requests;
    assert_eq!(seen.len(), 1);
    assert!(seen[0].persistent);
    let cancel = Action::CancelSpotRequests { region: region.clone(), requests: vec![seen[0].id.clone()] };
    assert_eq!(ports.actuator.perform(&account, &cancel).await, Ok(Performed::Done));
    assert_eq!(ports.observer.launchers(&account, &region).await.unwrap().spot_requests, []);
    assert_eq!(ports.observer.instances(&account, &region).await.unwrap().len(), 1);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn a_spot_fleet_goes_to_zero_and_its_instances_run_on() {
    let (account, region) = (account("100000000011"), Region::new("us-west-2"));
    let client = aws_sdk_ec2::Client::new(&inside(&account, region.as_str()).await);
    let subnet = client.describe_subnets().send().await.unwrap().subnets.unwrap().remove(0).subnet_id.unwrap();
    let specification = SpotFleetLaunchSpecification::builder().image_id("ami-12345678").instance_type(InstanceType::T2Micro).subnet_id(subnet).build();
    let wanted = SpotFleetRequestConfigData::builder().target_capacity(3).spot_price("0.5").iam_fleet_role("arn:aws:iam::100000000011:role/fleet");
    let wanted = wanted.allocation_strategy(AllocationStrategy::LowestPrice).launch_specifications(specification).build();
    let id = client.request_spot_fleet().spot_fleet_request_config(wanted).send().await.unwrap().spot_fleet_request_id.unwrap();

    let ports = adapters();
    let fleet = Fleet { id: FleetId::new(id), kind: FleetKind::Spot, target: 3 };
    let fleets = async || ports.observer.launchers(&account, &region).await.unwrap().fleets;
    assert_eq!(fleets().await, std::slice::from_ref(&fleet));
    let (region_of, id, kind, target) = (region.clone(), fleet.id.clone(), fleet.kind, fleet.target);
    let zero = Action::ZeroFleet { region: region_of.clone(), fleet: id.clone(), kind, target };
    assert_eq!(ports.actuator.perform(&account, &zero).await, Ok(Performed::Done));
    assert_eq!(fleets().await, []);
    assert_eq!(ports.observer.instances(&account, &region).await.unwrap().len(), 3);
    let restore = Action::RestoreFleet { region: region_of, fleet: id, kind, target };
    assert_eq!(ports.actuator.perform(&account, &restore).await, Ok(Performed::Done));
    assert_eq!(fleets().await, [fleet]);
}

#[tokio::test]
#[ignore = "needs the emulators: scripts/test adapters"]
async fn an_ec2_fleet_that_maintains_itself_is_seen_and_one_that_does_not_is_left_out() {
    let (account, region) = (account("100000000012"), Region::new("us-west-2"));
    let client = aws_sdk_ec2::Client::new(&inside(&account, region.as_str()).await);
    let data = RequestLaunchTemplateData::builder().image_id("ami-12345678").instance_type(InstanceType::T2Micro).build();
    client.create_launch_template().launch_template_name("any").launch_template_data(data).send().await.unwrap();
    let template = FleetLaunchTemplateSpecificationRequest::builder().launch_template_name("any").version("1").build();
    let template = FleetLaunchTemplateConfigRequest::builder().launch_template_specification(template).build();
    let mut ids = Vec::new();
    for fleet_type in [FleetType::Maintain, FleetType::Request] {
        let capacity = TargetCapacitySpecificationRequest::builder().total_target_capacity(2).build();
        let create = client.create_fleet().r#type(fleet_type).launch_template_configs(template.clone()).target_capacity_specification(capacity);
        ids.push(create.send().await.unwrap().fleet_id.unwrap());
    }
    let fleets = adapters().observer.launchers(&account, &region).await.unwrap().fleets;
    assert_eq!(fleets, [Fleet { id: FleetId::new(ids.remove(0)), kind: FleetKind::Ec2, target: 2 }]);
}
