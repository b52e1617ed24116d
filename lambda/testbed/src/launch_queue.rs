//! The queue that launches wait in, and the event source mapping that hands them to the function: as much of SQS and
//! Lambda as decides how many invocations a burst makes and whether a message can be lost.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use futures::future::join_all;
use runawaytrain_core::contract;
use runawaytrain_core::vocabulary::ids::AccountId;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How often a poller looks for messages. The real one's long poll answers sooner; nothing here depends on less.
const POLL: Duration = Duration::from_millis(100);

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

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(5),
            batch: 1000,
            concurrency: 12,
            visibility: Duration::from_secs(16 * 60),
            receives: 5,
        }
    }
}

/// One invocation that the queue made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// When it began.
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
    visible: Instant,
    received: u32,
}

#[derive(Default)]
struct Inner {
    sent: u64,
    messages: Vec<Message>,
    dead: usize,
    batches: Vec<Batch>,
}

/// The queue with its event source mapping.
pub struct LaunchQueue {
    arn: String,
    settings: QueueSettings,
    inner: Mutex<Inner>,
}

impl LaunchQueue {
    /// The payer's queue, empty.
    pub fn new(payer: &AccountId, settings: QueueSettings) -> Self {
        let arn = format!("arn:aws:sqs:{}:{payer}:{}", contract::HOME_REGION, contract::LAUNCH_QUEUE);
        Self { arn, settings, inner: Mutex::default() }
    }

    /// Puts a message into the queue.
    pub fn send(&self, body: impl Into<String>) {
        let mut inner = self.lock();
        inner.sent += 1;
        let id = format!("{:08x}-0000-4000-8000-000000000000", inner.sent);
        inner.messages.push(Message { id, body: body.into(), visible: Instant::now(), received: 0 });
    }

    /// Whether every message was handled, or given up.
    pub fn is_empty(&self) -> bool {
        self.lock().messages.is_empty()
    }

    /// How many messages went to the dead-letter queue.
    pub fn dead(&self) -> usize {
        self.lock().dead
    }

    /// The invocations so far, in the order in which they began.
    pub fn batches(&self) -> Vec<Batch> {
        self.lock().batches.clone()
    }

    /// Polls for ever. `invoke` is handed an event and gives the function's answer, or `None` for an error of the
    /// invocation.
    pub async fn run(&self, invoke: impl AsyncFn(Value) -> Option<Value>) {
        join_all((0..self.settings.concurrency).map(|_| self.poll(&invoke))).await;
    }

    async fn poll(&self, invoke: &impl AsyncFn(Value) -> Option<Value>) {
        loop {
            let batch = self.gather().await;
            let number = {
                let mut inner = self.lock();
                inner.batches.push(Batch { began: Instant::now(), ended: None, messages: batch.len(), returned: 0 });
                inner.batches.len() - 1
            };
            let answer = invoke(self.event(&batch)).await;
            let ids: BTreeSet<&str> = batch.iter().map(|message| message.id.as_str()).collect();
            let failed = failed(answer.as_ref(), &ids);
            let mut inner = self.lock();
            inner.messages.retain(|message| !ids.contains(message.id.as_str()) || failed.contains(message.id.as_str()));
            if let Some(batch) = inner.batches.get_mut(number) {
                (batch.ended, batch.returned) = (Some(Instant::now()), failed.len());
            }
        }
    }

    /// Messages until the window closes or the batch is full. The window opens with the first of them.
    async fn gather(&self) -> Vec<Message> {
        let mut batch = Vec::new();
        let mut closes = None;
        loop {
            batch.extend(self.receive(self.settings.batch - batch.len()));
            if !batch.is_empty() {
                let closes = *closes.get_or_insert_with(|| Instant::now() + self.settings.window);
                if batch.len() >= self.settings.batch || Instant::now() >= closes {
                    return batch;
                }
            }
            sleep(POLL).await;
        }
    }

    /// Takes what is visible and hides it. What was received too often goes to the dead-letter queue instead.
    fn receive(&self, most: usize) -> Vec<Message> {
        let (now, settings) = (Instant::now(), self.settings);
        let mut inner = self.lock();
        let before = inner.messages.len();
        inner.messages.retain(|message| message.visible > now || message.received < settings.receives);
        inner.dead += before - inner.messages.len();
        let visible = inner.messages.iter_mut().filter(|message| message.visible <= now).take(most);
        visible
            .map(|message| {
                message.visible = now + settings.visibility;
                message.received += 1;
                message.clone()
            })
            .collect()
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
