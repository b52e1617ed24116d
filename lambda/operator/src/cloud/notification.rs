//! SNS: who is subscribed to the notify lists' topics.

use aws_sdk_sns::Client;

use runawaytrain_core::vocabulary::failure::Failure;

use super::{Cloud, all};

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It gets the mails.
    Confirmed,
    /// Nobody has followed the link in AWS's mail yet.
    Pending,
    /// Somebody ended it by the link in a mail, or it was not confirmed in time.
    Ended,
}

impl Cloud {
    /// The endpoints of a topic's subscriptions, and where each stands.
    pub async fn subscriptions(&self, topic_arn: &str) -> Result<Vec<(String, Standing)>, Failure> {
        let asked = Client::new(&self.shared)
            .list_subscriptions_by_topic()
            .topic_arn(topic_arn)
            .into_paginator()
            .items()
            .send();
        let found = all("sns:ListSubscriptionsByTopic", asked).await?;
        // What SNS says instead of the ARN of a subscription that has none yet, or none any more.
        let standing = |arn: Option<&str>| match arn {
            Some("PendingConfirmation") => Standing::Pending,
            Some("Deleted") | None => Standing::Ended,
            Some(_) => Standing::Confirmed,
        };
        Ok(found
            .iter()
            .map(|one| (one.endpoint().unwrap_or_default().to_owned(), standing(one.subscription_arn())))
            .collect())
    }
}
