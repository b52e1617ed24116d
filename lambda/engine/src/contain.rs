//! Executes plans and nothing else. Lanes run at once; one item's failure never stops the others.

mod batch;
mod verify;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use runawaytrain_core::containment::{ActionResult, Outcome};
use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::ids::AccountId;
use runawaytrain_core::plan::{Action, Lane, Plan};

use crate::deadline::{Deadline, has_come};
use crate::ports::Performed;
use crate::record::{Holding, NotPerformed};

pub use verify::{Proof, Task, Verified, verify, verify_freeze};

/// Lanes at once in one account. Regions have quotas of their own; IAM has one for the account, and a hundred users at
/// once would only throttle each other.
const MOST_LANES: usize = 32;

/// Retries of a throttled call, on top of the SDK's own, with doubling waits up to half a minute: five minutes in all.
/// To start 500 instances past the first thousand takes their quota four.
const THROTTLE_RETRIES: u32 = 14;
const THROTTLE_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Performs plans on one account under a lease.
#[derive(Clone)]
pub struct Executor {
    account: AccountId,
    holding: Arc<Holding>,
    lanes: Arc<Semaphore>,
    deadline: Deadline,
}

/// Lanes under way. A lane is started once, however often the growing plan names it.
pub struct Underway {
    executor: Executor,
    started: HashSet<Lane>,
    running: JoinSet<Vec<Outcome>>,
}

impl Executor {
    /// An executor under a lease. It begins nothing new shortly before the invocation's end.
    pub fn new(account: AccountId, holding: Arc<Holding>, deadline: Deadline) -> Self {
        Self { account, holding, lanes: Arc::new(Semaphore::new(MOST_LANES)), deadline }
    }

    /// Starts with nothing under way.
    pub fn begin(&self) -> Underway {
        Underway { executor: self.clone(), started: HashSet::new(), running: JoinSet::new() }
    }

    /// Performs a plan to its end.
    pub async fn run(&self, plan: &Plan) -> Vec<Outcome> {
        let mut underway = self.begin();
        underway.feed(plan);
        underway.finish().await
    }

    async fn lane(self, actions: Vec<Action>) -> Vec<Outcome> {
        let _permit = self.lanes.acquire().await;
        let mut outcomes = Vec::with_capacity(actions.len());
        for action in actions {
            match &action {
                Action::StopInstances { .. } | Action::TerminateInstances { .. } | Action::StartInstances { .. } => {
                    outcomes.extend(batch::perform(&self, action).await)
                }
                _ => outcomes.push(self.perform(action).await),
            }
        }
        outcomes
    }

    /// One call, with patience for throttling. A lost lease, or the invocation's end, ends it at once: the outcome says
    /// so and nothing was done.
    async fn perform(&self, action: Action) -> Outcome {
        let mut wait = THROTTLE_WAIT;
        let mut retries = THROTTLE_RETRIES;
        loop {
            if has_come(self.deadline.stop_work()) {
                tracing::warn!(account = %self.account, "not begun before the deadline: {action}");
                return Outcome { action, result: ActionResult::Failed { failure: not_begun() } };
            }
            let result = match self.holding.perform(&self.account, &action).await {
                Ok(Performed::Done) => ActionResult::Done,
                Ok(Performed::AlreadySo) => ActionResult::AlreadySo,
                Err(NotPerformed::Failed(failure)) if failure.kind == FailureKind::Throttled && retries > 0 => {
                    retries -= 1;
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    continue;
                }
                Err(NotPerformed::Failed(failure)) => ActionResult::Failed { failure },
                Err(NotPerformed::LeaseLost) => ActionResult::Failed { failure: lease_lost() },
            };
            if let ActionResult::Failed { failure } = &result {
                tracing::warn!(account = %self.account, error = %failure, "refused: {action}");
            } else {
                tracing::info!(account = %self.account, "done: {action}");
            }
            return Outcome { action, result };
        }
    }
}

impl Underway {
    /// Starts the lanes of a plan that were not started yet.
    pub fn feed(&mut self, plan: &Plan) {
        for (lane, actions) in plan.lanes() {
            if self.started.insert(lane.clone()) {
                self.running.spawn(self.executor.clone().lane(actions.to_vec()));
            }
        }
    }

    /// Waits for every lane, but not past the invocation's end: what is cut off stands in the journal as intended, and
    /// may have happened.
    pub async fn finish(mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let cut_off = self.executor.deadline.cut_off();
        loop {
            let next = match cut_off {
                Some(time) => tokio::time::timeout_at(time, self.running.join_next()).await,
                None => Ok(self.running.join_next().await),
            };
            let Ok(lane) = next else {
                tracing::error!(account = %self.executor.account, lanes = self.running.len(), "calls under way are no longer waited for: the invocation ends");
                self.running.shutdown().await;
                return outcomes;
            };
            match lane {
                None => return outcomes,
                Some(Ok(of_lane)) => outcomes.extend(of_lane),
                // What a lane did before it broke stands in the journal; the next look finds what it left undone.
                Some(Err(broken)) => {
                    tracing::error!(account = %self.executor.account, error = %broken, "a lane of the containment broke")
                }
            }
        }
    }
}

fn not_begun() -> Failure {
    let detail = "the invocation was about to end; the next one goes on".to_owned();
    Failure { operation: "the call".to_owned(), kind: FailureKind::NotBegun, code: None, detail, named: Vec::new() }
}

fn lease_lost() -> Failure {
    Failure {
        operation: "lease".to_owned(),
        kind: FailureKind::Conflict,
        code: None,
        detail: "another invocation contains the account now".to_owned(),
        named: Vec::new(),
    }
}
