//! EC2: instances, and empty lists of all else.

use std::fmt::Write as _;

use crate::account::{Account, Instance, InstanceState, id, number};
use crate::call::{Answer, Call};
use crate::network::REGIONS;
use crate::world::World;
use crate::xml;

/// A letter of four bytes: an instance's tags are as large as they can be.
const LETTER: &str = "\u{20000}";
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>
const KEY_LETTERS: usize = 125;
const VALUE_LETTERS: usize = 256;

/// What is never there, with the name of its list.
const EMPTY: [(&str, &str); 5] = [
    ("DescribeSpotInstanceRequests", "spotInstanceRequestSet"),
    ("DescribeFleets", "fleetSet"),
    ("DescribeSpotFleetRequests", "spotFleetRequestConfigSet"),
    ("DescribeHosts", "hostSet"),
    ("DescribeCapacityReservations", "capacityReservationSet"),
];

pub(super) fn answer(world: &mut World, call: &Call) -> Option<Answer> {
    let operation = call.operation.as_str();
    if let Some((_, list)) = EMPTY.iter().find(|(name, _)| *name == operation) {
        return Some(Answer::ec2(operation, &format!("<{list}/>"), 0));
    }
    if operation == "DescribeRegions" {
        let regions = xml::list(REGIONS, "item", |(region, _)| {
            let endpoint = format!("<regionEndpoint>ec2.{region}.amazonaws.com</regionEndpoint>");
            format!("<regionName>{region}</regionName>{endpoint}<optInStatus>opt-in-not-required</optInStatus>")
        });
        return Some(Answer::ec2(operation, &format!("<regionInfo>{regions}</regionInfo>"), REGIONS.len()));
    }
    let account = world.accounts.get_mut(&call.account)?;
    match operation {
        "DescribeInstances" => Some(instances(account, call)),
        "StopInstances" => Some(end(account, call, InstanceState::Stopping)),
        "TerminateInstances" => Some(end(account, call, InstanceState::ShuttingDown)),
        "ModifyInstanceAttribute" => Some(modify(account, call)),
        _ => None,
    }
}

/// A page of instances.
fn instances(account: &Account, call: &Call) -> Answer {
    let states = call.filter("instance-state-name");
    let named: Vec<u64> = call.list("InstanceId").into_iter().filter_map(number).collect();
    let after = call.parameter("NextToken").and_then(|token| token.parse::<u64>().ok()).unwrap_or(0);
    let most = call.parameter("MaxResults").and_then(|most| most.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let is_wanted = |(number, instance): &(&u64, &Instance)| {
        states.as_ref().is_none_or(|states| states.contains(&instance.state.name()))
            && (named.is_empty() || named.contains(number))
    };
    let there = account.instances.get(&call.region);
    let mut found = there.into_iter().flat_map(|there| there.range(after + 1..)).filter(is_wanted);
    let tags = tags(account.tags);
    let (mut page, mut count, mut last) = (String::new(), 0, 0);
    for (number, instance) in found.by_ref().take(most) {
        write_instance(&mut page, call, *number, instance, &tags);
        (count, last) = (count + 1, *number);
    }
    let token = found.next().map(|_| last.to_string());
    let content = format!("<reservationSet>{page}</reservationSet>{}", xml::optional("nextToken", token.as_deref()));
    Answer::ec2("DescribeInstances", &content, count)
}

/// An instance with about as much as EC2 tells of one.
fn write_instance(page: &mut String, call: &Call, number: u64, instance: &Instance, tags: &str) {
    let Call { account, region, .. } = call;
    let (id, state) = (id(number), instance.state);
    let (code, state) = (state.code(), state.name());
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<item><reservationId>r-{number:017x}</reservationId><ownerId>{account}</ownerId><groupSet/><instancesSet>\
         <item><instanceId>{id}</instanceId><imageId>ami-0123456789abcdef0</imageId><instanceState><code>{code}</code>\
         <name>{state}</name></instanceState><privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><dnsName/><reason/>\
         <keyName>key</keyName><amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>t2.micro</instanceType>\
         <launchTime>2026-01-05T03:00:00.000Z</launchTime><placement><availabilityZone>{region}a</availabilityZone>\
         <groupName/><tenancy>default</tenancy></placement><monitoring><state>disabled</state></monitoring>\
         <subnetId>subnet-0123456789abcdef0</subnetId><vpcId>vpc-0123456789abcdef0</vpcId>\
         <privateIpAddress>10.0.0.1</privateIpAddress><sourceDestCheck>true</sourceDestCheck><groupSet><item>\
         <groupId>sg-0123456789abcdef0</groupId><groupName>default</groupName></item></groupSet>\
         <architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>\
         <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-0123456789abcdef0</volumeId>\
         <status>attached</status><attachTime>2026-01-05T03:00:01.000Z</attachTime>\
         <deleteOnTermination>true</deleteOnTermination></ebs></item></blockDeviceMapping>\
         <virtualizationType>hvm</virtualizationType><clientToken/><tagSet>{tags}</tagSet><hypervisor>xen</hypervisor>\
         <networkInterfaceSet><item><networkInterfaceId>eni-0123456789abcdef0</networkInterfaceId>\
         <subnetId>subnet-0123456789abcdef0</subnetId><vpcId>vpc-0123456789abcdef0</vpcId><status>in-use</status>\
         <macAddress>02:00:00:00:00:01</macAddress><privateIpAddress>10.0.0.1</privateIpAddress></item>\
         </networkInterfaceSet><ebsOptimized>false</ebsOptimized><enaSupport>true</enaSupport><cpuOptions>\
         <coreCount>1</coreCount><threadsPerCore>1</threadsPerCore></cpuOptions><capacityReservationSpecification>\
         <capacityReservationPreference>open</capacityReservationPreference></capacityReservationSpecification>\
         <hibernationOptions><configured>false</configured></hibernationOptions><metadataOptions><state>applied</state>\
         <httpTokens>required</httpTokens></metadataOptions><platformDetails>Linux/UNIX</platformDetails>\
         <usageOperation>RunInstances</usageOperation></item></instancesSet></item>"
    );
}

fn tags(count: usize) -> String {
    xml::list(0..count, "item", |number| {
        let (key, value) = (LETTER.repeat(KEY_LETTERS), LETTER.repeat(VALUE_LETTERS));
        format!("<key>{number:03}{key}</key><value>{value}</value>")
    })
}

/// Stops or terminates all that are named, or none of them.
fn end(account: &mut Account, call: &Call, state: InstanceState) -> Answer {
    let (operation, ids) = (call.operation.as_str(), call.list("InstanceId"));
    let mut nothing = std::collections::BTreeMap::new();
    let there = account.instances.get_mut(&call.region).unwrap_or(&mut nothing);
    for id in &ids {
        match number(id).and_then(|number| there.get(&number)) {
            None => {
                let message = format!("The instance ID '{id}' does not exist");
                return Answer::refused("ec2", 400, "InvalidInstanceID.NotFound", &message);
            }
            Some(instance) if instance.is_stop_protected => {
                let message = format!(
                    "The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again."
                );
                return Answer::refused("ec2", 400, "OperationNotPermitted", &message);
            }
            Some(_) => {}
        }
    }
    let changed = xml::list(&ids, "item", |id| {
        let (code, name) = (state.code(), state.name());
        format!(
            "<instanceId>{id}</instanceId><currentState><code>{code}</code><name>{name}</name></currentState>\
             <previousState><code>16</code><name>running</name></previousState>"
        )
    });
    for number in ids.iter().filter_map(|id| number(id)) {
        there.entry(number).and_modify(|instance| instance.state = state);
    }
    Answer::ec2(operation, &format!("<instancesSet>{changed}</instancesSet>"), ids.len())
}

fn modify(account: &mut Account, call: &Call) -> Answer {
    let number = call.parameter("InstanceId").and_then(number);
    let there = account.instances.get_mut(&call.region);
    let Some(instance) = number.and_then(|number| there?.get_mut(&number)) else {
        return Answer::refused("ec2", 400, "InvalidInstanceID.NotFound", "The instance ID does not exist");
    };
    if let Some(protect) = call.parameter("DisableApiStop.Value") {
        instance.is_stop_protected = protect == "true";
    }
    Answer::ec2("ModifyInstanceAttribute", "<return>true</return>", 1)
}
