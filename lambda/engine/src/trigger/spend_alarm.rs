//! A spend alarm: CloudWatch's message, wrapped by SNS.
//!
//! An alarm only says where to look now instead of at the next tick. Whether the account is halted is decided by its
//! own limits.

use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::contract;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::clean;
use serde::Deserialize;
use serde_json::Value;

use super::record::{Meaning, Record, by_place};
use super::refusal::{AlarmRefusal, METRIC, NAMESPACE};
use super::request::Deployment;

/// The oldest alarm that is taken. SNS goes on delivering to Lambda for weeks and Lambda tries again for minutes, so a
/// late one may be honest; but two sweeps are at most an hour apart, so an older one tells of an account that was
/// judged since, by newer numbers.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>
const OLDEST: SignedDuration = SignedDuration::from_hours(1);
/// How far ahead CloudWatch's clock may be. One dated further would pass for new until its time has come and an hour
/// longer.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

// Only what is read, where the types of `aws_lambda_events` want every field there is: an alarm without a description
// must ring too.
// https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    sns: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    topic_arn: String,
    message: String,
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarm {
    alarm_name: String,
    alarm_arn: String,
    #[serde(rename = "AWSAccountId")]
    owner: AccountId,
    new_state_value: String,
    #[serde(default)]
    new_state_reason: Option<String>,
    state_change_time: Timestamp,
    #[serde(rename = "Trigger")]
    watches: Watches,
}

/// What the alarm watches. One that computes has a list of metrics in place of the names.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Watches {
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
}

#[derive(Deserialize)]
struct Dimension {
    name: String,
    value: String,
}

/// Reads the records of a topic.
pub(super) fn read_all(list: &[Value], deployment: &Deployment<'_>) -> Vec<Record> {
    let topic = deployment.alarm_topic();
    let read = |(place, record): (usize, &Value)| Record {
        id: record.pointer("/Sns/MessageId").and_then(Value::as_str).map_or_else(|| by_place(place), str::to_owned),
        meaning: read(record, &topic, deployment).unwrap_or_else(|refusal| Meaning::Refused(refusal.into())),
    };
    list.iter().enumerate().map(read).collect()
}

fn read(record: &Value, topic: &str, deployment: &Deployment<'_>) -> Result<Meaning, AlarmRefusal> {
    let Notification { sns } =
        Notification::deserialize(record).map_err(|error| AlarmRefusal::Unreadable(clean(&error.to_string())))?;
    if sns.topic_arn != topic {
        return Err(AlarmRefusal::WrongTopic { found: clean(&sns.topic_arn), expected: topic.to_owned() });
    }
    let alarm: Alarm =
        serde_json::from_str(&sns.message).map_err(|error| AlarmRefusal::NotAnAlarm(clean(&error.to_string())))?;
    let name = clean(&alarm.alarm_name);
    if !alarm.alarm_name.starts_with(contract::SPEND_ALARM_PREFIX) {
        return Err(AlarmRefusal::NotOurs { alarm: name });
    }
    if (alarm.watches.namespace.as_deref(), alarm.watches.metric_name.as_deref()) != (Some(NAMESPACE), Some(METRIC)) {
        return Err(AlarmRefusal::OtherMetric { alarm: name, watched: alarm.watches.in_words() });
    }
    let expected = deployment.alarm(&alarm.owner, &alarm.alarm_name);
    if alarm.alarm_arn != expected {
        return Err(AlarmRefusal::OtherArn { found: clean(&alarm.alarm_arn), expected: clean(&expected) });
    }
    let account = account(&alarm, &name, deployment)?;
    match alarm.new_state_value.as_str() {
        "ALARM" => {}
        state @ ("OK" | "INSUFFICIENT_DATA") => {
            return Ok(Meaning::Nothing(format!(
                "the alarm {name:?} of account {account} is in the state {state}, which asks for nothing"
            )));
        }
        state => return Err(AlarmRefusal::UnknownState { alarm: name, state: clean(state) }),
    }
    let (changed, age) = (alarm.state_change_time, deployment.now.duration_since(alarm.state_change_time));
    if age > OLDEST {
        return Err(AlarmRefusal::Replayed { alarm: name, changed });
    }
    if -age > AHEAD {
        return Err(AlarmRefusal::Early { alarm: name, changed });
    }
    let reason = alarm.new_state_reason.as_deref().map(clean).filter(|reason| !reason.trim().is_empty());
    let said = reason
        .map_or_else(|| format!("the alarm {name:?} rang"), |reason| format!("the alarm {name:?} rang: {reason}"));
    Ok(Meaning::Judge { account, said: Some(said) })
}

/// The account that the alarm is about: its owner's, unless the payer, who sees everybody's charges, watches one
/// account by name.
fn account(alarm: &Alarm, name: &str, deployment: &Deployment<'_>) -> Result<AccountId, AlarmRefusal> {
    let linked: Vec<&str> = alarm
        .watches
        .dimensions
        .iter()
        .filter(|dimension| dimension.name == "LinkedAccount")
        .map(|dimension| dimension.value.as_str())
        .collect();
    let by_payer = alarm.owner == *deployment.payer;
    let other = || AlarmRefusal::OtherLinkedAccount {
        alarm: name.to_owned(),
        owner: alarm.owner.clone(),
        linked: clean(&linked.join(", ")),
    };
    match linked.as_slice() {
        [] if by_payer => Err(AlarmRefusal::NoLinkedAccount { alarm: name.to_owned() }),
        [] => Ok(alarm.owner.clone()),
        [one] if by_payer || *one == alarm.owner.as_str() => AccountId::parse(one).map_err(|_| other()),
        _ => Err(other()),
    }
}

impl Watches {
    fn in_words(&self) -> String {
        match (&self.namespace, &self.metric_name) {
            (Some(namespace), Some(metric)) => clean(&format!("{namespace} {metric}")),
            _ => "a computed value".to_owned(),
        }
    }
}
