//! Undoes what halts did, in rounds: what has to run before something else comes back is waited for in between.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use runawaytrain_core::observation::Observation;
use runawaytrain_core::plan::{self, ActionResult, Changes, HaltJournal, Outcome, Plan};
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::resource::{Act, Action, Kind, Part, ReleaseRequest, Returned, Skipped};
use runawaytrain_core::vocabulary::ids::Region;

use crate::contain::Executor;
use crate::deadline::{Deadline, has_come};
use crate::observe::Collector;
use crate::ports::Look;

/// What is started, then what launches by itself; and one more that finds nothing left.
const MOST_ROUNDS: usize = 3;
/// From a start to the first look: what falls back to stopped does so within seconds.
const UNTIL_FIRST_LOOK: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// So long what was started is waited for.
const LONGEST: Duration = Duration::from_secs(90);

/// A release under way, under its lease.
pub(super) struct Undoing<'a> {
    pub collector: &'a Collector,
    /// The invocation's end.
    pub deadline: Deadline,
    pub policy: &'a AccountPolicy,
    pub request: &'a ReleaseRequest,
    pub executor: Executor,
    /// What was done until now, the oldest halt first.
    pub journals: Vec<HaltJournal>,
    /// What stands now.
    pub seen: Observation,
}

/// What it came to.
pub(super) struct Undone {
    /// What was done, and what is left alone.
    pub plan: Plan,
    pub outcomes: Vec<Outcome>,
    pub back: Returned,
}

impl Undoing<'_> {
    pub async fn run(mut self) -> Undone {
        let (mut plan, mut outcomes, mut restarted) = (Plan::default(), Vec::new(), Vec::new());
        let mut fallen = Vec::new();
        for round in 0..MOST_ROUNDS {
            let wanted = plan::undo(self.policy, &Changes::of(&self.journals), &self.seen, self.request);
            let next = wanted.without(plan.actions());
            plan = if round == 0 { next.clone() } else { plan.then(next.clone()) };
            if next.is_empty() {
                break;
            }
            let came_of_it = self.executor.run(&next).await;
            if let Some(journal) = self.journals.last_mut() {
                let calls = came_of_it.iter().map(|outcome| (outcome.action.clone(), Some(outcome.result.clone())));
                journal.calls.extend(calls);
            }
            let is_back =
                |outcome: &&Outcome| outcome.action.part() == Part::Restart && outcome.result == ActionResult::Done;
            let started: Vec<Action> =
                came_of_it.iter().filter(is_back).map(|outcome| outcome.action.clone()).collect();
            fallen.extend(self.watch(&started).await);
            restarted.extend(started);
            outcomes.extend(came_of_it);
        }
        plan.skip(fallen);
        let seen = self.collector.priced(&self.seen).await;
        Undone { plan, outcomes, back: plan::brought_back(self.policy, &restarted, &seen) }
    }

    /// Looks at what was started until all of it runs or has stopped again, and says what did.
    async fn watch(&mut self, started: &[Action]) -> Vec<Skipped> {
        let runs = started.iter().filter(|action| action.kind().workload().is_some());
        let places: BTreeSet<(Kind, Option<Region>)> =
            runs.map(|action| (action.kind(), action.region().cloned())).collect();
        if places.is_empty() {
            return Vec::new();
        }
        let (end, mut pause) = (Some(Instant::now() + LONGEST), UNTIL_FIRST_LOOK);
        loop {
            sleep(pause).await;
            self.look_at(&places).await;
            let revivals: Vec<_> = Kind::ALL.iter().map(|kind| kind.revival(started, &self.seen)).collect();
            let under_way: usize = revivals.iter().map(|revival| revival.under_way).sum();
            if under_way == 0 || has_come(end) || has_come(self.deadline.stop_work()) {
                return revivals.into_iter().flat_map(|revival| revival.fallen).collect();
            }
            pause = BETWEEN_LOOKS;
        }
    }

    async fn look_at(&mut self, places: &BTreeSet<(Kind, Option<Region>)>) {
        let (account, until) = (&self.policy.account, self.deadline.cut_off());
        for (kind, region) in places {
            let look = Look { depth: kind.release_depth(), ..Look::at(*kind, region.as_ref()) };
            let sight = self.collector.look(account, &look, until).await;
            kind.see(&mut self.seen, region.as_ref(), sight);
        }
    }
}
