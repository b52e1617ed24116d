//! A halt is verified by looking again: two clean passes, each with every region in it.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::{Instant, sleep};

use runawaytrain_core::containment::{ActionResult, Outcome};
use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::observation::{Gap, Observation};
use runawaytrain_core::plan::{Action, Left, Plan};
use runawaytrain_core::planner::{self, Refusals};
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::state::AccountRecord;

use crate::deadline::{Deadline, has_come};
use crate::observe::Eyes;
use crate::ports::Clock;
use crate::record::Holding;

use super::Executor;

/// Clean passes in a row that prove a halt, and the least time between them: IAM takes some four seconds to agree with
/// itself, and whatever relaunches instances needs a moment to do so.
const CLEAN_PASSES: u32 = 2;
const BETWEEN_CLEAN_PASSES: Duration = Duration::from_secs(10);
/// After a pass that found something: soon, but not in the same breath.
const AFTER_WORK: Duration = Duration::from_secs(3);
/// IAM takes some four seconds until a deny bites everywhere; until then its user can assume roles.
const DENY_BITES_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// So often must the same thing refuse before it is named residue instead of being waited for.
const REFUSALS_UNTIL_RESIDUE: usize = 2;
/// The longest one invocation goes on verifying: past it the next sweep continues.
const LONGEST: Duration = Duration::from_secs(240);

/// How much proof is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Two clean passes at least ten seconds apart: the end of a halt.
    TwoCleanPasses,
    /// One clean pass: a halt that was proven before and has just been enforced again.
    OneCleanPass,
}

/// What the passes came to.
#[derive(Debug, Default)]
pub struct Verified {
    /// Whether as many clean passes in a row were made as were asked for.
    pub clean: bool,
    /// What was done in between.
    pub outcomes: Vec<Outcome>,
    /// What the last pass still wanted done.
    pub remaining: Vec<Action>,
    /// What the last pass could not see.
    pub gaps: Vec<Gap>,
    /// What is left alone on purpose.
    pub left: Vec<Left>,
    /// The last look.
    pub last: Option<Observation>,
}

/// Looks and acts until enough passes in a row found nothing left to do with every region seen. What was refused
/// teaches the next plan what to unprotect or to terminate; what was refused for good twice is residue: it is named,
/// not waited for. `earlier` are the outcomes so far.
pub async fn verify(
    eyes: &Eyes,
    policy: &AccountPolicy,
    executor: &Executor,
    task: &Task<'_>,
    earlier: &[Outcome],
    proof: Proof,
) -> Verified {
    let end = [Some(Instant::now() + LONGEST), task.deadline.stop_work()].into_iter().flatten().min();
    let passes_wanted = if proof == Proof::TwoCleanPasses { CLEAN_PASSES } else { 1 };
    let mut verified = Verified::default();
    let mut refusals = task.refusals.clone();
    refusals.learn(earlier);
    let mut locked_out = None;
    let mut clean_passes = 0;
    loop {
        if !task.holding.is_alive() || has_come(end) {
            return verified;
        }
        let observation = eyes.look_closely(policy, task.deadline.cut_off()).await;
        let mut circumstances = task.record.circumstances(&refusals, task.clock.now());
        circumstances.locked_out = locked_out.unwrap_or(circumstances.locked_out);
        let plan = planner::plan(policy, &observation, &circumstances);
        verified.gaps = observation.gaps();
        verified.remaining = plan.actions().cloned().collect();
        verified.left = plan.left().to_vec();
        verified.last = Some(observation);

        let wait = if verified.gaps.is_empty() && is_settled(&plan, earlier, &verified.outcomes) {
            clean_passes += 1;
            if clean_passes >= passes_wanted {
                verified.clean = true;
                return verified;
            }
            BETWEEN_CLEAN_PASSES
        } else {
            clean_passes = 0;
            let outcomes = executor.run(&plan).await;
            refusals.learn(&outcomes);
            if outcomes.iter().any(|outcome| {
                matches!(outcome.action, Action::DenyUser { .. }) && outcome.result == ActionResult::Done
            }) {
                locked_out = task.clock.now().checked_add(DENY_BITES_AFTER).ok();
            }
            verified.outcomes.extend(outcomes);
            AFTER_WORK
        };
        if end.is_some_and(|end| Instant::now() + wait >= end) {
            return verified;
        }
        sleep(wait).await;
    }
}

/// What a verification rests on.
pub struct Task<'a> {
    /// The lease: without it nothing more is done.
    pub holding: &'a Holding,
    /// The record with the halt.
    pub record: &'a AccountRecord,
    /// Wall-clock time.
    pub clock: &'a dyn Clock,
    /// The invocation's end.
    pub deadline: Deadline,
    /// What refused in this halt before this invocation took it up.
    pub refusals: Refusals,
}

/// Freezing is verified by looking again too: once attached, or the reason why it is not. It is tried once more in
/// between.
pub async fn verify_freeze(
    eyes: &Eyes,
    policy: &AccountPolicy,
    executor: &Executor,
    deadline: Deadline,
    freeze: &Plan,
) -> Result<(), String> {
    let mut why = String::new();
    for last in [false, true] {
        why = match eyes.look_at_quarantine(&policy.account, deadline.cut_off()).await {
            Ok(Some(true)) => return Ok(()),
            Ok(Some(false)) => "it is not attached".to_owned(),
            Ok(None) => return Err("no quarantine policy is deployed".to_owned()),
            Err(failure) => failure.to_string(),
        };
        if !last && !has_come(deadline.stop_work()) {
            executor.run(freeze).await;
            sleep(AFTER_WORK).await;
        }
    }
    Err(why)
}

/// Nothing is left to do, or only what has refused for good. A stop that is refused counts for nothing while taking its
/// protection off has merely failed for a moment.
fn is_settled(plan: &Plan, earlier: &[Outcome], later: &[Outcome]) -> bool {
    let met = |wanted: &Action, how: fn(&ActionResult) -> bool| {
        earlier.iter().chain(later).filter(|outcome| outcome.action.covers(wanted) && how(&outcome.result)).count()
    };
    let refused_for_good = |wanted: &Action| {
        met(wanted, |result| matches!(result, ActionResult::Failed { failure } if !failure.kind.may_pass()))
            >= REFUSALS_UNTIL_RESIDUE
    };
    // Not to be permitted to stop anything is no property of an instance: such a halt is not proven, it has failed.
    let of_its_own = |wanted: &Action| {
        let refused = |result: &ActionResult| matches!(result, ActionResult::Failed { failure } if !failure.kind.may_pass() && failure.kind != FailureKind::Denied);
        met(wanted, refused) >= REFUSALS_UNTIL_RESIDUE
    };
    let done = |wanted: &Action| met(wanted, |result| !matches!(result, ActionResult::Failed { .. })) > 0;
    plan.actions().all(|action| match action {
        // These only prepare for the stop or the termination after them, and are planned as long as that is.
        Action::Unprotect { .. } | Action::CancelSpotRequests { .. } => done(action) || refused_for_good(action),
        // A batch is settled only when each of its members is.
        Action::StopInstances { instances, .. } | Action::TerminateInstances { instances, .. } => {
            instances.iter().filter_map(|id| action.for_instances(vec![id.clone()])).all(|alone| of_its_own(&alone))
        }
        other => refused_for_good(other),
    })
}
