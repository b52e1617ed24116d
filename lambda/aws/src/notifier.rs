//! Mail, over SNS.

use async_trait::async_trait;
use aws_config::{Region, SdkConfig};

use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::Notifier;

use crate::failure;
use crate::retry::ConnectionLost;

pub(crate) struct SnsNotifier {
    client: aws_sdk_sns::Client,
    /// The default list's topic; an account's own is this with `-<account>` behind it, a unit's with `-<unit>`.
    topic: String,
}

impl SnsNotifier {
    pub(crate) fn new(shared: &SdkConfig, region: &str, account: &AccountId, topic: &str) -> Self {
        let settings = aws_sdk_sns::config::Builder::from(shared)
            .retry_classifier(ConnectionLost)
            .region(Region::new(region.to_owned()))
            .build();
        Self {
            client: aws_sdk_sns::Client::from_conf(settings),
            topic: format!("arn:aws:sns:{region}:{account}:{topic}"),
        }
    }
}

#[async_trait]
impl Notifier for SnsNotifier {
    async fn send(&self, list: &NotifyList, subject: &str, body: &str) -> Result<(), Failure> {
        let topic = match list {
            NotifyList::Default => self.topic.clone(),
            NotifyList::Unit(unit) => format!("{}-{unit}", self.topic),
            NotifyList::Own(account) => format!("{}-{account}", self.topic),
        };
        match self.client.publish().topic_arn(&topic).subject(subject).message(body).send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let mut failure = failure::of("sns:Publish", &error);
                failure.detail = format!("topic {topic}: {}", failure.detail);
                Err(failure)
            }
        }
    }
}
