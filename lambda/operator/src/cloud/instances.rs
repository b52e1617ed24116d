//! EC2: the one instance of a live drill.

use std::collections::BTreeMap;

use aws_config::Region;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Filter, HttpTokensState, InstanceMetadataOptionsRequest, InstanceStateName, InstanceType, ResourceType, Tag,
    TagSpecification,
};

use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};

use super::{Cloud, all, failure};

/// Its value is the token of the drill that launched it.
pub const CANARY_TAG: &str = "runawaytrain:canary";
const RUN: &str = "ec2:RunInstances";
/// The smallest there are, each with its architecture; no region has all of them.
const SIZES: [(&str, &str); 3] = [("t3.nano", "x86_64"), ("t4g.nano", "arm64"), ("t2.nano", "x86_64")];
/// What EC2 says of a size that a region, or a zone, does not have at present.
const NOT_THIS_SIZE: [&str; 3] = ["InsufficientInstanceCapacity", "InvalidParameterValue", "Unsupported"];
/// What EC2 says where the account has no default VPC, or no subnet in it.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const NO_NETWORK: [&str; 2] = ["VPCIdNotSpecified", "MissingInput"];
/// What a dry run says that would have succeeded.
const PERMITTED: &str = "DryRunOperation";

/// An instance that was launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// `i-…`
    pub id: String,
    /// Its type.
    pub size: String,
    /// The image that it was asked for with.
    pub image: String,
}

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Not running yet.
    Pending,
    /// Running.
    Running,
    /// Being stopped.
    Stopping,
    /// Stopped.
    Stopped,
    /// Being terminated.
    ShuttingDown,
    /// Terminated.
    Terminated,
}

/// Whether a failure is that there is no network to launch into.
pub fn has_no_network(failure: &Failure) -> bool {
    failure.operation == RUN && failure.code.as_deref().is_some_and(|code| NO_NETWORK.contains(&code))
}

impl Cloud {
    /// The same in another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        let shared = self.shared.clone().into_builder().region(Region::new(region.to_owned())).build();
        Self { shared, ..self.clone() }
    }

    fn ec2(&self) -> Client {
        Client::new(&self.shared)
    }

    /// Launches one of the smallest instances with the newest Amazon Linux, into the default VPC. The token makes of
    /// however many tries one instance.
    /// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>
    pub async fn launch_canary(&self, token: &str) -> Result<Canary, Failure> {
        let mut last = Failure::own(RUN, FailureKind::NotBegun, "");
        for (size, architecture) in SIZES {
            // EC2 looks the image up itself.
            // <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-systems-manager-parameter-to-find-AMI.html>
            let named =
                format!("resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}");
            let mut tried = self.run(&format!("{token}-{size}"), token, size, named).await;
            if tried.as_ref().is_err_and(may_be_of_the_image) {
                let image = self.newest_image(architecture).await?;
                tried = self.run(&format!("{token}-{size}-i"), token, size, image).await;
            }
            match tried {
                Err(refused) if refused.code.as_deref().is_some_and(|code| NOT_THIS_SIZE.contains(&code)) => {
                    last = refused;
                }
                launched => return launched,
            }
        }
        Err(last)
    }

    async fn run(&self, try_token: &str, token: &str, size: &str, image: String) -> Result<Canary, Failure> {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::Instance)
            .tags(tag(CANARY_TAG, token))
            .tags(tag("Name", "runawaytrain canary"));
        // Some organizations deny launches without it.
        let metadata = InstanceMetadataOptionsRequest::builder().http_tokens(HttpTokensState::Required).build();
        let answer = self
            .ec2()
            .run_instances()
            .image_id(&image)
            .instance_type(InstanceType::from(size))
            .min_count(1)
            .max_count(1)
            .client_token(try_token)
            .tag_specifications(tags.build())
            .metadata_options(metadata)
            .send()
            .await
            .map_err(|error| failure(RUN, &error))?;
        let id = answer.instances().first().and_then(|instance| instance.instance_id()).map(str::to_owned);
        let id = id.ok_or_else(|| Failure::own(RUN, FailureKind::Other, "the answer names no instance"))?;
        Ok(Canary { id, size: size.to_owned(), image })
    }

    /// The newest Amazon Linux of an architecture, all pages.
    async fn newest_image(&self, architecture: &str) -> Result<String, Failure> {
        const OPERATION: &str = "ec2:DescribeImages";
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let asked = self
            .ec2()
            .describe_images()
            .owners("amazon")
            .filters(filter("name", &format!("al2023-ami-2023.*-{architecture}")))
            .filters(filter("state", "available"))
            .into_paginator()
            .items()
            .send();
        let found = all(OPERATION, asked).await?;
        let newest = found.iter().max_by_key(|image| image.creation_date().map(str::to_owned));
        let id = newest.and_then(|image| image.image_id()).map(str::to_owned);
        id.ok_or_else(|| Failure::own(OPERATION, FailureKind::NotFound, "there is no image of Amazon Linux 2023"))
    }

    /// What the drill of a token launched, by id, wherever in its life it is.
    pub async fn canaries(&self, token: &str) -> Result<BTreeMap<String, Stage>, Failure> {
        let filter = Filter::builder().name(format!("tag:{CANARY_TAG}")).values(token).build();
        let asked = self.ec2().describe_instances().filters(filter).into_paginator().send();
        let pages = all("ec2:DescribeInstances", asked).await?;
        let instances = pages.iter().flat_map(|page| page.reservations()).flat_map(|one| one.instances());
        Ok(instances
            .filter_map(|instance| {
                let state = instance.state().and_then(|state| state.name());
                Some((instance.instance_id()?.to_owned(), stage(state)))
            })
            .collect())
    }

    /// Terminates these.
    pub async fn terminate(&self, ids: &[String]) -> Result<(), Failure> {
        // EC2 must never be sent an empty list.
        if ids.is_empty() {
            return Ok(());
        }
        let asked = self.ec2().terminate_instances().set_instance_ids(Some(ids.to_vec()));
        asked.send().await.map(drop).map_err(|error| failure("ec2:TerminateInstances", &error))
    }

    /// AWS's code for another launch such as that one, which is only tried out: whether it is permitted, and the code.
    pub async fn try_launch(&self, canary: &Canary) -> Result<(bool, String), Failure> {
        let asked = self
            .ec2()
            .run_instances()
            .dry_run(true)
            .image_id(&canary.image)
            .instance_type(InstanceType::from(canary.size.as_str()))
            .min_count(1)
            .max_count(1)
            .send();
        match asked.await.map_err(|error| failure(RUN, &error)) {
            Ok(_) => Err(Failure::own(RUN, FailureKind::Other, "a dry run was taken for a launch")),
            Err(said) if said.code.as_deref() == Some(PERMITTED) => Ok((true, PERMITTED.to_owned())),
            Err(said) if said.kind == FailureKind::Denied => Ok((false, said.code.unwrap_or_default())),
            Err(said) => Err(said),
        }
    }
}

/// An image that cannot be resolved by its parameter, or that whoever asks may not resolve.
fn may_be_of_the_image(failure: &Failure) -> bool {
    let is_of_image = |code: &str| code.starts_with("InvalidAMIID") || code == "InvalidParameterValue";
    failure.kind == FailureKind::Denied || failure.code.as_deref().is_some_and(is_of_image)
}

/// What is not known is taken for running: it may bill.
fn stage(state: Option<&InstanceStateName>) -> Stage {
    match state {
        Some(InstanceStateName::Pending) => Stage::Pending,
        Some(InstanceStateName::Stopping) => Stage::Stopping,
        Some(InstanceStateName::Stopped) => Stage::Stopped,
        Some(InstanceStateName::ShuttingDown) => Stage::ShuttingDown,
        Some(InstanceStateName::Terminated) => Stage::Terminated,
        _ => Stage::Running,
    }
}
