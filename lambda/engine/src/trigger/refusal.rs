//! Why an event, or one record of an event, is refused.

use jiff::Timestamp;
use thiserror::Error;

use runawaytrain_core::contract;
use runawaytrain_core::vocabulary::ids::AccountId;

/// The metric that spend alarms watch.
pub(super) const NAMESPACE: &str = "AWS/Billing";
/// Its name.
pub(super) const METRIC: &str = "EstimatedCharges";

/// Why an event is refused. Nothing was touched.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not a JSON object.
    #[error("the event is {0}; it takes a JSON object such as {{\"action\":\"drill\"}}")]
    NotAnObject(&'static str),
    /// `action` is not a string.
    #[error("the event's \"action\" is {0}; it takes one of the strings {KNOWN}")]
    ActionNotAString(&'static str),
    /// An action that nobody knows.
    #[error("unknown action {0:?}; known are {KNOWN}")]
    UnknownAction(String),
    /// An event of some AWS service that is not handled.
    #[error("no rule for an event from {source_name:?} with detail-type {detail_type:?}")]
    UnknownEvent {
        /// The event's `source`.
        source_name: String,
        /// The event's `detail-type`.
        detail_type: String,
    },
    /// A launch that did not come through the queue, where a burst of them becomes one sweep.
    #[error(
        "an event from \"aws.ec2\" is taken only from the queue {}, not by itself: point the rule at the queue",
        contract::LAUNCH_QUEUE
    )]
    NotThroughQueue,
    /// An alarm that did not come through the topic, whose policy says whose alarms may ring.
    #[error(
        "an alarm is taken only from the topic {}, not from \"aws.cloudwatch\" itself: let the alarm notify the topic",
        contract::ALARM_TOPIC
    )]
    NotThroughTopic,
    /// `Records` is not a list.
    #[error("the event's \"Records\" is {0}; it takes a list of records from SNS, SQS or S3")]
    RecordsNotAList(&'static str),
    /// `Records` is empty.
    #[error("the event's \"Records\" is empty: there is nothing to read")]
    NoRecords,
    /// Records of a service that is not handled.
    #[error(
        "no rule for records from {0:?}; known are \"aws:sns\" with spend alarms, \"aws:sqs\" with launches and \
         \"aws:s3\" with cost reports"
    )]
    UnknownRecords(String),
    /// Records of several services: AWS sends no such event.
    #[error("the event's \"Records\" come from several services ({0}); send those of one at a time")]
    MixedRecords(String),
    /// There are no reports to read.
    #[error(
        "the policy has no \"cur\", so there are no cost reports to read: give it {{}} to have a report made, or the \
         bucket of one that exists"
    )]
    NoReports,
    /// Records that say they are S3's and are not.
    #[error("a record is no notification of S3: {0}")]
    NotANotification(String),
    /// Records of a bucket that is not ours.
    #[error("a record is about the bucket {found:?}; cost reports are read only from {expected}")]
    OtherBucket {
        /// Which bucket.
        found: String,
        /// Which is ours.
        expected: String,
    },
    /// Records of another part of the bucket.
    #[error(
        "a record is about the object {found:?}; cost reports are read only from keys that begin with {expected:?}"
    )]
    OtherPrefix {
        /// Which object.
        found: String,
        /// What its key should begin with.
        expected: String,
    },
    /// Something with keys, none of which says what to do.
    #[error(
        "the event has no \"action\" and is no schedule: its keys are {0}; for a sweep send {{}} or \
         {{\"action\":\"proceed\"}}"
    )]
    NothingToDo(String),
    /// A halt or a release needs to know which account.
    #[error("the action {action:?} takes one \"account\", a 12-digit account id as a string: {found}")]
    BadAccount {
        /// The action.
        action: &'static str,
        /// What was found instead.
        found: String,
    },
    /// A list of a release is not a list of names.
    #[error("the event's {key:?} must be a list of strings: found {found}")]
    BadNames {
        /// Which key.
        key: &'static str,
        /// What was found instead.
        found: &'static str,
    },
    /// The limits of an exception are none.
    #[error("the event's \"limits\" are no limits such as {{\"instances\":200}}: {0}")]
    BadLimits(String),
    /// A text is none.
    #[error("the event's {key:?} must be a string: found {found}")]
    BadText {
        /// Which key.
        key: &'static str,
        /// What was found instead.
        found: &'static str,
    },
    /// A moment is none.
    #[error("the event's {key:?} must be a moment such as \"2026-12-01T00:00:00Z\": found {found:?}")]
    BadMoment {
        /// Which key.
        key: &'static str,
        /// What was found instead.
        found: String,
    },
    /// `start` is neither true nor false, nor a list.
    #[error("the event's \"start\" is {0}; it takes true, false or a list of ids")]
    BadStart(&'static str),
    /// `sweep` is no name of an execution.
    #[error("the event's \"sweep\" is {0}; it takes the name of an execution: 1 to 80 letters, digits, - and _")]
    BadSweep(String),
    /// `step` is none that a distributed sweep has.
    #[error("the event's \"step\" is {0}; a distributed sweep has the steps list, batch and summary")]
    BadStep(String),
    /// `results` is no place.
    #[error("the event's \"results\" is {0}; it takes an object with \"Bucket\" and \"Key\"")]
    BadResults(&'static str),
    /// `accounts` is not a list of account ids.
    #[error("the event's \"accounts\" must be a list of 12-digit account ids as strings: {0}")]
    BadAccounts(String),
}

/// Why a record is refused for good. What it quotes is safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordRefusal {
    /// An alarm.
    #[error(transparent)]
    Alarm(#[from] AlarmRefusal),
    /// A launch.
    #[error(transparent)]
    Launch(#[from] LaunchRefusal),
}

/// Why a message is refused for good: it is dropped, for to deliver it again changes nothing. What it quotes is safe to
/// show.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LaunchRefusal {
    /// Not what SQS sends.
    #[error("the record is no message of SQS: {0}")]
    Unreadable(String),
    /// From another queue.
    #[error("it came from {found:?}; launches are taken only from the queue {expected}")]
    WrongQueue {
        /// Which queue.
        found: String,
        /// Which is ours.
        expected: String,
    },
    /// Not what EventBridge sends.
    #[error("its body is no event of EventBridge: {0}")]
    NotAnEvent(String),
    /// An event of something else.
    #[error(
        "an event from {from:?} with detail-type {detail_type:?} is no launch: the rules forward state changes and \
         RunInstances of \"aws.ec2\" only"
    )]
    NotALaunch {
        /// The event's `source`.
        from: String,
        /// The event's `detail-type`.
        detail_type: String,
    },
    /// An envelope without a sender.
    #[error("the event's \"account\" is {0:?}, not a 12-digit account id")]
    NoAccount(String),
}

/// Why an alarm is refused. Names and reasons in it are safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AlarmRefusal {
    /// Not what SNS sends.
    #[error("the record is no notification of SNS: {0}")]
    Unreadable(String),
    /// From another topic.
    #[error("it came from {found:?}; alarms are taken only from the topic {expected}")]
    WrongTopic {
        /// Which topic.
        found: String,
        /// Which is ours.
        expected: String,
    },
    /// Not what CloudWatch sends.
    #[error("its Message is no alarm of CloudWatch: {0}")]
    NotAnAlarm(String),
    /// An alarm of another name.
    #[error("the alarm {alarm:?} is no spend alarm: their names begin with {}", contract::SPEND_ALARM_PREFIX)]
    NotOurs {
        /// The alarm.
        alarm: String,
    },
    /// An alarm on another metric.
    #[error("the alarm {alarm:?} watches {watched:?}; a spend alarm watches {NAMESPACE} {METRIC} itself")]
    OtherMetric {
        /// The alarm.
        alarm: String,
        /// What it watches.
        watched: String,
    },
    /// The message does not agree with itself about the alarm's owner.
    #[error("the alarm says that it is {found:?}, but {expected} would be the ARN of an alarm of its name and owner")]
    OtherArn {
        /// What it says.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// A state that CloudWatch does not have.
    #[error("the alarm {alarm:?} is in the unknown state {state:?}")]
    UnknownState {
        /// The alarm.
        alarm: String,
        /// The state.
        state: String,
    },
    /// An old message, delivered late or sent again.
    #[error(
        "the alarm {alarm:?} rang at {changed}, more than an hour ago: its account was judged since, and will be \
         again at the next tick"
    )]
    Replayed {
        /// The alarm.
        alarm: String,
        /// When it rang.
        changed: Timestamp,
    },
    /// A message from the future.
    #[error("the alarm {alarm:?} says that it rings at {changed}, which is yet to come")]
    Early {
        /// The alarm.
        alarm: String,
        /// When it says that it rang.
        changed: Timestamp,
    },
    /// The payer's alarm on the consolidated total.
    #[error(
        "the payer's alarm {alarm:?} has no dimension LinkedAccount, so it reads the total of the organization and \
         says nothing about one account"
    )]
    NoLinkedAccount {
        /// The alarm.
        alarm: String,
    },
    /// A member's alarm that speaks of somebody else, or any that speaks of several.
    #[error(
        "the alarm {alarm:?} of account {owner} watches the charges of {linked}: an account speaks only for itself, \
         and only the payer for one other"
    )]
    OtherLinkedAccount {
        /// The alarm.
        alarm: String,
        /// Whose alarm it is.
        owner: AccountId,
        /// Whose charges it watches.
        linked: String,
    },
}

const KNOWN: &str = "pass, drill, proceed, halt, release, allow, revoke, status, reports";
