//! Instances: stop, terminate, start, and the protections that stand in the way.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::AttributeBooleanValue;

use runawaytrain_core::failure::Failure;
use runawaytrain_core::ids::InstanceId;
use runawaytrain_core::plan::Protection;
use runawaytrain_engine::ports::Performed;

use super::done;
use crate::failure;

pub(super) const STOP: &str = "ec2:StopInstances";
pub(super) const TERMINATE: &str = "ec2:TerminateInstances";
pub(super) const START: &str = "ec2:StartInstances";

/// Plain: without `Force`, which risks data, and without `Hibernate`, which refuses most instances.
pub(super) async fn stop(client: &Client, instances: &[InstanceId]) -> Result<Performed, Failure> {
    done!(STOP, client.stop_instances().set_instance_ids(ids(instances)))
        .map_err(|failure| failure::naming(failure, instances))
}

/// Plain: without `SkipOsShutdown`, which risks data.
pub(super) async fn terminate(client: &Client, instances: &[InstanceId]) -> Result<Performed, Failure> {
    done!(TERMINATE, client.terminate_instances().set_instance_ids(ids(instances)))
        .map_err(|failure| failure::naming(failure, instances))
}

pub(super) async fn start(client: &Client, instances: &[InstanceId]) -> Result<Performed, Failure> {
    done!(START, client.start_instances().set_instance_ids(ids(instances)))
        .map_err(|failure| failure::naming(failure, instances))
}

/// Puts a protection on an instance or takes it off. EC2 takes one attribute a call.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html>
pub(super) async fn protect(
    client: &Client,
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
    done!("ec2:ModifyInstanceAttribute", call)
}

fn ids(instances: &[InstanceId]) -> Option<Vec<String>> {
    Some(instances.iter().map(|id| id.as_str().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    #[tokio::test]
    async fn each_protection_is_a_call_of_its_own() {
        let script = Script::new(|_| {
            (200, "<ModifyInstanceAttributeResponse><return>true</return></ModifyInstanceAttributeResponse>".to_owned())
        });
        let (client, instance) = (Client::new(&script.config()), InstanceId::new("i-1"));
        protect(&client, &instance, Protection::Stop, false).await.unwrap();
        protect(&client, &instance, Protection::Termination, true).await.unwrap();
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
        let (client, instances) = (Client::new(&script.config()), [InstanceId::new("i-1"), InstanceId::new("i-2")]);
        stop(&client, &instances).await.unwrap();
        terminate(&client, &instances).await.unwrap();
        start(&client, &instances).await.unwrap();
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
}
