//! The queue that launches wait in, and the event source mapping that hands them to the function: as much of SQS and
//! Lambda as decides when a launch is judged, how many invocations a burst makes, and whether a message can be lost.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use futures::future::join_all;
use runawaytrain_core::contract;
use runawaytrain_core::vocabulary::ids::AccountId;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

/// How soon a long poll answers once there is a message.
pub const POLL: Duration = Duration::from_millis(100);

/// How long a poll lasts in which no message comes. Where messages are gathered, it may be the second poll of a batch:
/// a window that is shorter is held to only while messages come in.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
pub const LONG_POLL: Duration = Duration::from_secs(20);

/// Messages a poll.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
const MESSAGES_A_POLL: usize = 10;

/// Pollers that a mapping begins with, and how many more it takes in a second while messages are left over.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>
const FIRST_POLLERS: usize = 5;
const MORE_A_SECOND: f64 = 5.0;

/// How long Lambda takes to make an execution environment and to start the function in it: AWS says from under 100 ms
/// to over a second, of which the function itself takes some hundredths.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
pub const COLD_START: Duration = Duration::from_secs(1);

/// How the queue and its event source mapping are configured.
#[derive(Debug, Clone, Copy)]
pub struct QueueSettings {
    /// How long messages are gathered, from the first one on, before the function is invoked:
    /// `MaximumBatchingWindowInSeconds`.
    pub window: Duration,
    /// How many messages invoke it at once: `BatchSize`.
    pub batch: usize,
    /// How many invocations there are at a time: `MaximumConcurrency`, at least 2.
    pub concurrency: usize,
    /// How long a message that was received is hidden, and so when one that failed comes back. Not less than the
    /// function's timeout.
    pub visibility: Duration,
    /// How often a message is received before it goes to the dead-letter queue: `maxReceiveCount`.
    pub receives: u32,
}

/// As they are deployed.
impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            window: contract::LAUNCH_WINDOW,
            batch: contract::LAUNCH_BATCH,
            concurrency: contract::LAUNCH_CONCURRENCY,
            visibility: contract::LAUNCH_VISIBILITY,
            receives: contract::LAUNCH_RECEIVES,
        }
    }
}

/// One invocation that the queue made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// When its first message was sent.
    pub sent: Instant,
    /// When its messages were complete.
    pub gathered: Instant,
    /// When the function was handed them: at once, or once it was started.
    pub began: Instant,
    /// When it was answered; `None` while it runs.
    pub ended: Option<Instant>,
    /// How many messages it was handed.
    pub messages: usize,
    /// How many of them come back.
    pub returned: usize,
}

#[derive(Debug, Clone)]
struct Message {
    id: String,
    body: String,
    sent: Instant,
    visible: Instant,
    received: u32,
}

#[derive(Default)]
struct Inner {
    sent: u64,
    messages: Vec<Message>,
    dead: usize,
    batches: Vec<Batch>,
    /// Execution environments that wait for an event.
    warm: usize,
    /// Since when polls have left messages over.
    behind: Option<Instant>,
}

/// The queue with its event source mapping.
pub struct LaunchQueue {
    arn: String,
    settings: QueueSettings,
    inner: Mutex<Inner>,
    arrival: Notify,
}

impl LaunchQueue {
    /// The payer's queue, empty.
    pub fn new(payer: &AccountId, settings: QueueSettings) -> Self {
        let arn = format!("arn:aws:sqs:{}:{payer}:{}", contract::HOME_REGION, contract::LAUNCH_QUEUE);
        Self { arn, settings, inner: Mutex::default(), arrival: Notify::new() }
    }

    /// Puts a message into the queue.
    pub fn send(&self, body: impl Into<String>) {
        let mut inner = self.lock();
        inner.sent += 1;
        let (id, now) = (format!("{:08x}-0000-4000-8000-000000000000", inner.sent), Instant::now());
        inner.messages.push(Message { id, body: body.into(), sent: now, visible: now, received: 0 });
        self.arrival.notify_waiters();
    }

    /// Whether every message was handled, or given up.
    pub fn is_empty(&self) -> bool {
        self.lock().messages.is_empty()
    }

    /// How many messages went to the dead-letter queue.
    pub fn dead(&self) -> usize {
        self.lock().dead
    }

    /// The invocations so far, in the order in which their messages were complete.
    pub fn batches(&self) -> Vec<Batch> {
        self.lock().batches.clone()
    }

    /// Polls for ever. `invoke` is handed an event and gives the function's answer, or `None` for an error of the
    /// invocation.
    pub async fn run(&self, invoke: impl AsyncFn(Value) -> Option<Value>) {
        join_all((0..self.settings.concurrency).map(|poller| self.poll(poller, &invoke))).await;
    }

    async fn poll(&self, poller: usize, invoke: &impl AsyncFn(Value) -> Option<Value>) {
        loop {
            let batch = self.gather(poller).await;
            let (gathered, sent) = (Instant::now(), batch.iter().map(|message| message.sent).min());
            if !self.wake() {
                sleep(COLD_START).await;
            }
            let number = {
                let mut inner = self.lock();
                let (began, messages) = (Instant::now(), batch.len());
                let sent = sent.unwrap_or(gathered);
                inner.batches.push(Batch { sent, gathered, began, ended: None, messages, returned: 0 });
                inner.batches.len() - 1
            };
            let answer = invoke(self.event(&batch)).await;
            let ids: BTreeSet<&str> = batch.iter().map(|message| message.id.as_str()).collect();
            let failed = failed(answer.as_ref(), &ids);
            let mut inner = self.lock();
            inner.warm += 1;
            inner.messages.retain(|message| !ids.contains(message.id.as_str()) || failed.contains(message.id.as_str()));
            if let Some(batch) = inner.batches.get_mut(number) {
                (batch.ended, batch.returned) = (Some(Instant::now()), failed.len());
            }
        }
    }

    /// Takes an environment that waits for an event, if there is one.
    fn wake(&self) -> bool {
        let mut inner = self.lock();
        let is_warm = inner.warm > 0;
        inner.warm -= usize::from(is_warm);
        is_warm
    }

    /// Messages until the window closes or the batch is full. The window opens with the first of them.
    async fn gather(&self, poller: usize) -> Vec<Message> {
        let mut batch = Vec::new();
        let mut closes = None;
        loop {
            batch.extend(self.long_poll(poller, self.settings.batch - batch.len()).await);
            if !batch.is_empty() {
                let closes = *closes.get_or_insert_with(|| Instant::now() + self.settings.window);
                if batch.len() >= self.settings.batch || Instant::now() >= closes {
                    return batch;
                }
            }
        }
    }

    /// What one poll brings: as soon as there is anything, and nothing once it has lasted.
    async fn long_poll(&self, poller: usize, most: usize) -> Vec<Message> {
        let ends = Instant::now() + LONG_POLL;
        loop {
            let found = if self.polls(poller) { self.receive(most.min(MESSAGES_A_POLL)) } else { Vec::new() };
            if !found.is_empty() || Instant::now() >= ends {
                return found;
            }
            // It is woken, not to look in vain ten times a second: an hour of nothing is to cost nothing.
            drop(timeout_at(self.next_arrival().min(ends), self.arrival.notified()).await);
            sleep(POLL).await;
        }
    }

    /// When there is something to receive, as far as that is known: at once where something is left over.
    fn next_arrival(&self) -> Instant {
        let next = self.lock().messages.iter().map(|message| message.visible).min();
        next.unwrap_or_else(|| Instant::now() + LONG_POLL)
    }

    /// Whether the mapping has taken on a poller yet.
    fn polls(&self, poller: usize) -> bool {
        let behind = self.lock().behind.map_or(0.0, |since| since.elapsed().as_secs_f64());
        poller < FIRST_POLLERS + (behind * MORE_A_SECOND) as usize
    }

    /// Takes what is visible and hides it. What was received too often goes to the dead-letter queue instead.
    fn receive(&self, most: usize) -> Vec<Message> {
        let (now, settings) = (Instant::now(), self.settings);
        let mut inner = self.lock();
        let before = inner.messages.len();
        inner.messages.retain(|message| message.visible > now || message.received < settings.receives);
        inner.dead += before - inner.messages.len();
        let visible = inner.messages.iter_mut().filter(|message| message.visible <= now).take(most);
        let taken: Vec<Message> = visible
            .map(|message| {
                message.visible = now + settings.visibility;
                message.received += 1;
                message.clone()
            })
            .collect();
        let is_left = inner.messages.iter().any(|message| message.visible <= now);
        inner.behind = is_left.then(|| inner.behind.unwrap_or(now));
        taken
    }

    fn event(&self, batch: &[Message]) -> Value {
        let record = |message: &Message| {
            json!({
                "messageId": message.id, "receiptHandle": message.id, "body": message.body,
                "attributes": { "ApproximateReceiveCount": message.received.to_string() }, "messageAttributes": {},
                "eventSource": "aws:sqs", "eventSourceARN": self.arn, "awsRegion": contract::HOME_REGION,
            })
        };
        json!({ "Records": batch.iter().map(record).collect::<Vec<_>>() })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("not poisoned")
    }
}

/// The messages that come back. An answer without a list is a success; an error, or a list that names what was not in
/// the batch, returns all of it.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>
fn failed(answer: Option<&Value>, batch: &BTreeSet<&str>) -> BTreeSet<String> {
    let all = || batch.iter().map(|id| (*id).to_owned()).collect();
    let list = match answer.map(|answer| answer.get("batchItemFailures")) {
        None => return all(),
        Some(None | Some(Value::Null)) => return BTreeSet::new(),
        Some(Some(list)) => list,
    };
    let ids: Option<BTreeSet<String>> = list
        .as_array()
        .and_then(|list| list.iter().map(|item| Some(item.get("itemIdentifier")?.as_str()?.to_owned())).collect());
    ids.filter(|ids| ids.iter().all(|id| batch.contains(id.as_str()))).unwrap_or_else(all)
}
