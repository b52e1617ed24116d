//! Performs plans. Lanes run at once; one item's failure never stops the others.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use runawaytrain_core::plan::doors::{Door, Doors};
use runawaytrain_core::plan::{ActionResult, Outcome, Plan};
use runawaytrain_core::resource::{Act, Action, Lane, Part};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;

use super::batch::Batches;
use super::doors::{Doorkeeper, MOST_ASKED};
use super::lease::{HeldLease, NotPerformed, Wait};
use super::pace::{Admission, Paces};
use crate::deadline::{Deadline, has_come, in_time};
use crate::patience::Patience;
use crate::ports::Performed;

/// Regions at once in one account: each has a quota of its own.
const MOST_REGIONS: usize = 32;
/// Principals at once in one account, and as many whose sessions end, and as many whose credentials are taken: IAM has
/// quotas for each call, so a hundred at once would only throttle each other, and one kind of call does not wait for
/// another.
/// <https://aws.amazon.com/blogs/security/how-to-monitor-and-query-iam-resources-at-scale-part-2/>
const MOST_PRINCIPALS: usize = MOST_ASKED;

/// Retries of a throttled call, on top of the SDK's own, with doubling waits up to half a minute: five minutes in all.
/// To start 500 instances past the first thousand takes their quota four.
const THROTTLE_RETRIES: u32 = 14;
const THROTTLE_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Where somebody is to be locked out the waits stay short: many ask for the same quota at once, a token comes back
/// every moment, and whoever waits longest is at large longest. Five minutes in all, too.
const LOCK_RETRIES: u32 = 150;
const LONGEST_LOCK_WAIT: Duration = Duration::from_secs(2);
/// Retries of a call that met another writer: half a minute in all. Organizations takes one change of its policies at a
/// time, and so a wave of halts meets itself.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html>
const CONTENTION_RETRIES: u32 = 5;

/// Performs plans on one account under a lease.
#[derive(Clone)]
pub struct Executor {
    account: AccountId,
    lease: Arc<HeldLease>,
    permits: Arc<Permits>,
    doors: Arc<Doorkeeper>,
    paces: Arc<Paces>,
    deadline: Deadline,
    /// Whether it ends where somebody asks for a release.
    yields: bool,
}

/// What bounds the lanes at once. Freezing waits for nothing, and what stops never queues behind what locks out.
struct Permits {
    regions: Semaphore,
    principals: Semaphore,
    sessions: Semaphore,
    credentials: Semaphore,
}

impl Permits {
    /// `None` where none is needed.
    async fn of(&self, lane: &Lane) -> Option<SemaphorePermit<'_>> {
        match lane {
            // A few calls at the most: a stop waits for nothing.
            Lane::Account | Lane::Loose(_) => None,
            Lane::Region(_) => self.regions.acquire().await.ok(),
            Lane::Principal(_) => self.principals.acquire().await.ok(),
            Lane::Sessions(_) => self.sessions.acquire().await.ok(),
            Lane::Credentials(_) => self.credentials.acquire().await.ok(),
        }
    }
}

/// Lanes under way, and what came of those that have ended.
pub struct RunningLanes {
    executor: Executor,
    started: HashSet<Lane>,
    under_way: HashMap<Id, (Lane, Vec<Action>)>,
    running: JoinSet<Vec<Outcome>>,
    outcomes: Vec<Outcome>,
}

impl Executor {
    /// An executor under a lease. It begins nothing new shortly before the invocation's end.
    pub fn new(account: AccountId, lease: Arc<HeldLease>, deadline: Deadline) -> Self {
        let of_principals = || Semaphore::new(MOST_PRINCIPALS);
        let permits = Permits {
            regions: Semaphore::new(MOST_REGIONS),
            principals: of_principals(),
            sessions: of_principals(),
            credentials: of_principals(),
        };
        let doors = Arc::new(Doorkeeper::new(Doors::default(), 0));
        let (permits, paces) = (Arc::new(permits), Arc::new(Paces::default()));
        Self { account, lease, permits, doors, paces, deadline, yields: false }
    }

    /// The same, which knows what earlier invocations of the halt found of its doors.
    #[must_use]
    pub fn knowing(self, doors: Doors) -> Self {
        let doors = Arc::new(Doorkeeper::new(doors, self.lease.lease().fence));
        Self { doors, ..self }
    }

    /// The calls that proved to be denied to us whatever they are about. Nobody is asked for them any more.
    pub fn shut_doors(&self) -> BTreeSet<Door> {
        self.doors.shut()
    }

    /// The same, which begins nothing more once somebody asks for a release of the account.
    #[must_use]
    pub fn yielding(self) -> Self {
        Self { yields: true, ..self }
    }

    /// Starts with nothing under way.
    pub fn begin(&self) -> RunningLanes {
        RunningLanes {
            executor: self.clone(),
            started: HashSet::new(),
            under_way: HashMap::new(),
            running: JoinSet::new(),
            outcomes: Vec::new(),
        }
    }

    /// Performs a plan to its end.
    pub async fn run(&self, plan: &Plan) -> Vec<Outcome> {
        let mut lanes = self.begin();
        lanes.feed(plan);
        lanes.finish().await
    }

    /// One lane to its end. What switches off only idle launchers, after everything else, goes on beside the stops that
    /// do not need it.
    async fn lane(self, lane: Lane, actions: Vec<Action>) -> Vec<Outcome> {
        let _permit = self.permits.of(&lane).await;
        let disarms = |action: &&Action| action.part() == Part::Disarm;
        let first = actions.iter().take_while(disarms).count();
        let last = actions.iter().skip(first).rev().take_while(disarms).count();
        let (needed, others) = actions.split_at(first);
        let (stages, idle) = others.split_at(others.len() - last);
        let mut outcomes = self.side_by_side(needed, &[]).await;
        let in_turn = async {
            let mut outcomes = Vec::new();
            for stage in stages.chunk_by(|one, other| one.part() == other.part()) {
                let of_stage = self.side_by_side(stage, &outcomes).await;
                outcomes.extend(of_stage);
            }
            outcomes
        };
        let (in_turn, idle) = tokio::join!(in_turn, self.side_by_side(idle, &[]));
        outcomes.extend(in_turn);
        outcomes.extend(idle);
        outcomes
    }

    /// Actions that serve the same end, several at a time where they may be; whatever is refused for one of its members
    /// is taken apart. Nothing is done that must not follow what failed in the lane before.
    async fn side_by_side(&self, actions: &[Action], before: &[Outcome]) -> Vec<Outcome> {
        let mut batches =
            Batches::new(actions, |action| self.doors.splits(action), |action| self.doors.was_shut(action));
        let (mut outcomes, mut under_way): (Vec<Outcome>, _) = (Vec::new(), FuturesUnordered::new());
        loop {
            while let Some(step) = batches.next() {
                let mut done = before.iter().chain(&outcomes);
                if let Some(before) = done.find(|outcome| must_not_follow(step.action(), outcome)) {
                    let detail = format!("{} failed", before.action);
                    let failure = Failure::own(step.action().operation(), FailureKind::NotBegun, detail);
                    let outcome = Outcome { action: step.action().clone(), result: ActionResult::Failed { failure } };
                    outcomes.extend(batches.settle(step, outcome));
                    continue;
                }
                let wait = match self.paces.admit(step.action(), batches.has_refused(&step), !under_way.is_empty()) {
                    Admission::After(wait) => wait,
                    Admission::InPieces(most) => {
                        batches.cut(step, most);
                        continue;
                    }
                    Admission::Later => {
                        batches.take_back(step);
                        break;
                    }
                };
                under_way.push(async move {
                    let is_admitted = self.doors.admits(step.action()).await;
                    let outcome =
                        if is_admitted { Some(self.perform_after(wait, step.action().clone()).await) } else { None };
                    self.paces.settle(step.action(), outcome.as_ref().is_some_and(is_done));
                    (step, outcome)
                });
            }
            let Some((step, outcome)) = under_way.next().await else { break };
            outcomes.extend(match outcome {
                Some(outcome) if self.comes_in_pieces(&outcome) => {
                    batches.take_back(step);
                    Vec::new()
                }
                Some(outcome) => {
                    self.doors.learn(&outcome);
                    batches.settle(step, outcome)
                }
                None => batches.abandon(step),
            });
        }
        batches.denied().for_each(|action| self.doors.took_apart(action));
        outcomes
    }

    /// One call, once its tokens are there.
    async fn perform_after(&self, wait: Duration, action: Action) -> Outcome {
        if let Some(wait) = self.wait(wait)
            && !self.lease.waits(wait).await
        {
            return Outcome { action, result: ActionResult::Failed { failure: yielded() } };
        }
        self.perform(action).await
    }

    /// Whether what came of a call is that its members are too many for the quota that they share.
    fn comes_in_pieces(&self, outcome: &Outcome) -> bool {
        let is_throttled =
            matches!(&outcome.result, ActionResult::Failed { failure } if failure.kind == FailureKind::Throttled);
        is_throttled && self.paces.is_too_large(&outcome.action)
    }

    /// A wait, no longer than the invocation lasts; `None` where there is nothing to wait for.
    fn wait(&self, time: Duration) -> Option<Wait> {
        let left = self.deadline.stop_work().map(|end| end.saturating_duration_since(Instant::now()));
        let time = left.map_or(time, |left| time.min(left));
        (!time.is_zero()).then_some(Wait { time, yields: self.yields })
    }

    /// One call, with patience for throttling and for other writers: one entry in the journal, however often it is
    /// tried. A lost lease, or the invocation's end, ends it at once: the outcome says so and nothing was done.
    async fn perform(&self, action: Action) -> Outcome {
        if has_come(self.deadline.stop_work()) {
            tracing::warn!(account = %self.account, "not begun before the deadline: {action}");
            return Outcome { action, result: ActionResult::Failed { failure: not_begun() } };
        }
        if self.yields && self.lease.release_is_requested() {
            return Outcome { action, result: ActionResult::Failed { failure: yielded() } };
        }
        let mut patience = match action.part() {
            Part::Lock => Patience::new(u32::MAX, THROTTLE_WAIT, LONGEST_LOCK_WAIT).of((&self.account, &action)),
            _ => Patience::new(u32::MAX, THROTTLE_WAIT, LONGEST_WAIT),
        };
        let mut tries: BTreeMap<FailureKind, u32> = BTreeMap::new();
        let again = |failure: &Failure| {
            let tried = tries.entry(failure.kind).or_default();
            *tried += 1;
            let wait = patience.next().filter(|_| *tried <= retries(failure.kind, action.part()))?;
            if failure.kind != FailureKind::Throttled {
                return self.wait(wait);
            }
            let tokens = self.paces.throttled(&action);
            if self.paces.is_too_large(&action) {
                self.paces.give_up(&action);
                return None;
            }
            self.wait(wait.max(tokens.unwrap_or_default()))
        };
        let result = match self.lease.perform(&self.account, &action, again).await {
            Ok(Performed::Done) => ActionResult::Done,
            Ok(Performed::AlreadyDone) => ActionResult::AlreadyDone,
            Err(NotPerformed::Failed(failure)) => ActionResult::Failed { failure },
            Err(NotPerformed::LeaseLost) => ActionResult::Failed { failure: lease_lost() },
        };
        if let ActionResult::Failed { failure } = &result {
            tracing::warn!(account = %self.account, error = %failure, "refused: {action}");
        } else {
            tracing::info!(account = %self.account, "done: {action}");
        }
        Outcome { action, result }
    }
}

fn is_done(outcome: &Outcome) -> bool {
    !matches!(outcome.result, ActionResult::Failed { .. })
}

/// Whether an action must not be done after what came of another in its lane.
fn must_not_follow(action: &Action, before: &Outcome) -> bool {
    matches!(before.result, ActionResult::Failed { .. }) && action.waits_for(&before.action)
}

/// How often the same call is made again at once, each time after a wait. What passes in some other way is tried again
/// by the next pass, which looks first.
fn retries(kind: FailureKind, part: Part) -> u32 {
    match kind {
        FailureKind::Throttled if part == Part::Lock => LOCK_RETRIES,
        FailureKind::Throttled => THROTTLE_RETRIES,
        FailureKind::Contended => match part {
            // Another writer of the same policies: it is gone in a moment, and a release makes no second pass.
            Part::Freeze | Part::Lock | Part::GiveBack => CONTENTION_RETRIES,
            // Something else hangs on it, such as a key on a user that is to be deleted: only a look shows what.
            Part::Disarm | Part::Prepare | Part::Stop | Part::Strip | Part::Restart => 0,
        },
        FailureKind::Credentials
        | FailureKind::Denied
        | FailureKind::QuotaFull
        | FailureKind::NotFound
        | FailureKind::WrongState
        | FailureKind::Unsupported
        | FailureKind::Protected
        | FailureKind::Invalid
        | FailureKind::Unavailable
        | FailureKind::NotBegun
        | FailureKind::Other => 0,
    }
}

impl RunningLanes {
    /// Starts the lanes of a plan that were not started yet: a lane is started once, however often the growing plan
    /// names it.
    pub fn feed(&mut self, plan: &Plan) {
        let known = self.started.clone();
        self.start(plan, |lane| !known.contains(lane));
    }

    /// Starts the lanes of a plan that are not under way, whether they were before or not.
    pub fn feed_again(&mut self, plan: &Plan) {
        let known: HashSet<Lane> = self.under_way.values().map(|(lane, _)| lane.clone()).collect();
        self.start(plan, |lane| !known.contains(lane));
    }

    fn start(&mut self, plan: &Plan, is_wanted: impl Fn(&Lane) -> bool) {
        let mut lanes: Vec<(&Lane, &[Action])> = plan.lanes().filter(|(lane, _)| is_wanted(lane)).collect();
        lanes.sort_by_cached_key(|(lane, actions)| self.executor.doors.order(lane, actions));
        for (lane, actions) in lanes {
            self.started.insert(lane.clone());
            let task = self.running.spawn(self.executor.clone().lane(lane.clone(), actions.to_vec()));
            self.under_way.insert(task.id(), (lane.clone(), actions.to_vec()));
        }
    }

    /// What is under way.
    pub fn under_way(&self) -> impl Iterator<Item = &Action> {
        self.under_way.values().flat_map(|(_, actions)| actions)
    }

    /// Waits until nothing is under way but what locks people out and takes their credentials, and for these no longer
    /// than `patience`: IAM takes so many a second, and nothing else needs to wait for them.
    pub async fn all_but_slow_locks(&mut self, patience: Duration) {
        let is_lock = |action: &Action| matches!(action.part(), Part::Lock | Part::Strip);
        while !self.under_way().all(is_lock) && self.next().await {}
        let _ = timeout(patience, self.all_ended()).await;
    }

    /// The calls that proved to be denied to us whatever they are about.
    pub fn shut_doors(&self) -> BTreeSet<Door> {
        self.executor.shut_doors()
    }

    /// Waits for every lane.
    pub async fn all_ended(&mut self) {
        while self.next().await {}
    }

    /// Waits for every lane, and gives what came of those that were not asked for before.
    pub async fn finish(mut self) -> Vec<Outcome> {
        self.all_ended().await;
        self.outcomes
    }

    /// What came of the lanes that have ended since this was last asked.
    pub fn outcomes(&mut self) -> Vec<Outcome> {
        while let Some(ended) = self.running.try_join_next_with_id() {
            self.take_in(ended);
        }
        std::mem::take(&mut self.outcomes)
    }

    /// Waits for the next lane to end, but not past the invocation's end: what is cut off stands in the journal as
    /// intended, and may have happened. Says whether one ended.
    async fn next(&mut self) -> bool {
        let Some(ended) = in_time(self.executor.deadline.cut_off(), self.running.join_next_with_id()).await else {
            let lanes = self.running.len();
            tracing::error!(account = %self.executor.account, lanes, "calls under way are no longer waited for: the invocation ends");
            self.running.shutdown().await;
            self.under_way.clear();
            return false;
        };
        ended.is_some_and(|ended| {
            self.take_in(ended);
            true
        })
    }

    fn take_in(&mut self, ended: Result<(Id, Vec<Outcome>), JoinError>) {
        let lane = match &ended {
            Ok((lane, _)) => *lane,
            Err(broken) => broken.id(),
        };
        self.under_way.remove(&lane);
        match ended {
            Ok((_, outcomes)) => self.outcomes.extend(outcomes),
            // What a lane did before it broke stands in the journal; the next look finds what it left undone.
            Err(broken) => {
                tracing::error!(account = %self.executor.account, error = %broken, "a lane of the containment broke");
            }
        }
    }
}

fn not_begun() -> Failure {
    let detail = "the invocation was about to end; the next one goes on";
    Failure::own("the call", FailureKind::NotBegun, detail)
}

fn yielded() -> Failure {
    Failure::own("the call", FailureKind::NotBegun, "a release of the account is asked for")
}

fn lease_lost() -> Failure {
    Failure::own("lease", FailureKind::Contended, "another invocation contains the account now")
}
