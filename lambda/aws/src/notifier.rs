//! Mail, over SNS, and chat, which listens to the default list's topic.

use std::borrow::Cow;

use async_trait::async_trait;
use aws_config::{Region, SdkConfig};
use serde_json::json;

use runawaytrain_core::message::Chat;
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::Notifier;

use crate::failure;
use crate::retry::ConnectionLost;

/// The bytes of one message, whatever protocols it is for. <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const LONGEST: usize = 262_144;

pub(crate) struct SnsNotifier {
    client: aws_sdk_sns::Client,
    /// The default list's topic; an account's own is this with `-<account>` behind it, a unit's with `-<unit>`.
    topic: String,
    /// Whether a chat listens to the default list's topic. None listens to the others: an account's own list is told
    /// what nobody else is.
    has_chat: bool,
}

impl SnsNotifier {
    pub(crate) fn new(shared: &SdkConfig, region: &str, account: &AccountId, topic: &str, has_chat: bool) -> Self {
        let settings = aws_sdk_sns::config::Builder::from(shared)
            .retry_classifier(ConnectionLost)
            .region(Region::new(region.to_owned()))
            .build();
        Self {
            client: aws_sdk_sns::Client::from_conf(settings),
            topic: format!("arn:aws:sns:{region}:{account}:{topic}"),
            has_chat,
        }
    }
}

#[async_trait]
impl Notifier for SnsNotifier {
    async fn send(&self, list: &NotifyList, subject: &str, body: &str, chat: &Chat) -> Result<(), Failure> {
        let topic = match list {
            NotifyList::Default => self.topic.clone(),
            NotifyList::Unit(unit) => format!("{}-{unit}", self.topic),
            NotifyList::Own(account) => format!("{}-{account}", self.topic),
        };
        let publish = self.client.publish().topic_arn(&topic).subject(subject);
        let listens = self.has_chat && *list == NotifyList::Default;
        let publish = match listens.then(|| by_protocol(subject, body, chat)).flatten() {
            Some(message) => publish.message_structure("json").message(message),
            None => publish.message(fitting(body)),
        };
        match publish.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let mut failure = failure::of("sns:Publish", &error);
                failure.detail = format!("topic {topic}: {}", failure.detail);
                Err(failure)
            }
        }
    }
}

/// The mail for whoever reads mail, and what a chat shows of it for chats, which SNS reaches by HTTPS. `None` where both
/// together are too long: the mail alone goes out then.
fn by_protocol(subject: &str, body: &str, chat: &Chat) -> Option<String> {
    let message = json!({ "default": body, "email": body, "https": chat.notification(subject) }).to_string();
    (message.len() <= LONGEST).then_some(message)
}

/// The mail as SNS takes it. Mails are written much shorter; one that is not must not wait in the outbox for ever.
fn fitting(body: &str) -> Cow<'_, str> {
    const CUT: &str = "\n\nThe mail was too long for SNS. The rest is left out: run `runawaytrain status`.\n";
    if body.len() <= LONGEST {
        return Cow::Borrowed(body);
    }
    let end = (0..=LONGEST - CUT.len()).rev().find(|end| body.is_char_boundary(*end)).unwrap_or(0);
    Cow::Owned(format!("{}{CUT}", body.get(..end).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use percent_encoding::percent_decode_str;
    use runawaytrain_core::vocabulary::ids::UnitId;
    use serde_json::Value;

    use super::*;
    use crate::wire::Script;

    const SUBJECT: &str = "[runawaytrain] HALT physics 111111111111: 27 instances (limit 4)";
    const BODY: &str = "What:   This account is being halted.\nWhere:  physics (111111111111)\n";

    fn chat() -> Chat {
        Chat {
            lead: vec!["What: This account is being halted.".to_owned(), "Where: physics (111111111111)".to_owned()],
            commands: vec!["runawaytrain release 111111111111".to_owned()],
            thread: Some("111111111111-20261127T031204Z".to_owned()),
        }
    }

    /// What SNS is sent, parameter by parameter.
    async fn published(has_chat: bool, list: &NotifyList, body: &str) -> BTreeMap<String, String> {
        let answer = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>";
        let script = Script::new(move |_| (200, answer.to_owned()));
        let payer = AccountId::parse("100000000000").unwrap();
        let notifier = SnsNotifier::new(&script.config(), "us-east-1", &payer, "runawaytrain", has_chat);
        notifier.send(list, SUBJECT, body, &chat()).await.unwrap();
        let [asked] = script.asked().try_into().unwrap();
        let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
        let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value))).unwrap();
        asked.split('&').map(pair).collect()
    }

    /// A mail alone, as it goes out where no chat listens.
    fn mail(topic: &str, body: &str) -> BTreeMap<String, String> {
        let topic = format!("arn:aws:sns:us-east-1:100000000000:{topic}");
        let asked = [
            ("Action", "Publish"),
            ("Version", "2010-03-31"),
            ("TopicArn", &topic),
            ("Subject", SUBJECT),
            ("Message", body),
        ];
        asked.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[tokio::test]
    async fn without_a_chat_a_mail_goes_out_as_it_is() {
        assert_eq!(published(false, &NotifyList::Default, BODY).await, mail("runawaytrain", BODY));
    }

    #[tokio::test]
    async fn where_a_chat_listens_people_are_mailed_the_same_and_the_chat_is_sent_a_custom_notification() {
        let mut asked = published(true, &NotifyList::Default, BODY).await;
        let message: Value = serde_json::from_str(&asked.remove("Message").unwrap()).unwrap();
        assert_eq!(asked.remove("MessageStructure").unwrap(), "json");
        let mut as_before = mail("runawaytrain", BODY);
        as_before.remove("Message");
        assert_eq!(asked, as_before);
        assert_eq!((&message["email"], &message["default"]), (&json!(BODY), &json!(BODY)));
        let notification: Value = serde_json::from_str(message["https"].as_str().unwrap()).unwrap();
        assert_eq!(
            notification,
            json!({
                "version": "1.0",
                "source": "custom",
                "content": {
                    "textType": "client-markdown",
                    "title": "runawaytrain: HALT physics 111111111111: 27 instances (limit 4)",
                    "description": "What: This account is being halted.\n\nWhere: physics (111111111111)\n\n\
                                    The rest is in the mail.",
                    "nextSteps": ["`runawaytrain release 111111111111`"],
                },
                "metadata": {
                    "summary": "runawaytrain: HALT physics 111111111111: 27 instances (limit 4)",
                    "threadId": "111111111111-20261127T031204Z",
                },
            })
        );
        assert_eq!(message.as_object().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn what_goes_to_an_accounts_or_a_units_own_list_goes_to_no_chat() {
        let account = AccountId::parse("111111111111").unwrap();
        let unit = UnitId::parse("ou-exam-research").unwrap();
        for (list, topic) in [
            (NotifyList::Own(account), "runawaytrain-111111111111"),
            (NotifyList::Unit(unit), "runawaytrain-ou-exam-research"),
        ] {
            assert_eq!(published(true, &list, BODY).await, mail(topic, BODY));
        }
    }

    #[tokio::test]
    async fn a_mail_that_is_too_long_goes_out_cut_and_says_so() {
        let asked = published(true, &NotifyList::Default, &"ü".repeat(LONGEST)).await;
        let message = &asked["Message"];
        assert!(message.len() <= LONGEST && message.len() > LONGEST - 4, "{}", message.len());
        assert!(message.contains("The rest is left out") && !asked.contains_key("MessageStructure"));
    }

    #[tokio::test]
    async fn a_mail_that_leaves_no_room_for_a_chat_goes_out_alone() {
        // Twice this, with the chat beside it, is more than SNS takes.
        let body = "w".repeat(LONGEST / 2);
        assert_eq!(published(true, &NotifyList::Default, &body).await, mail("runawaytrain", &body));
        let asked = published(true, &NotifyList::Default, &body[..LONGEST / 2 - 1_000]).await;
        assert!(asked["Message"].len() <= LONGEST && asked.contains_key("MessageStructure"));
    }
}
