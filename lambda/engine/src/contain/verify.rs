//! A halt is verified by looking again: two clean passes, each with every region in it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use runawaytrain_core::containment::{ActionResult, Outcome};
use runawaytrain_core::observation::{Gap, Observation};
use runawaytrain_core::plan::{Action, Left, Plan};
use runawaytrain_core::planner;
use runawaytrain_core::policy::{AccountPolicy, UserResponse};

use crate::observe::Eyes;
use crate::ports::UserDetail;
use crate::record::Holding;

use super::Executor;

/// Clean passes in a row that prove a halt, and the least time between them: IAM takes some four seconds to agree with itself,
/// and whatever relaunches instances needs a moment to do so.
const CLEAN_PASSES: u32 = 2;
const BETWEEN_CLEAN_PASSES: Duration = Duration::from_secs(10);
/// After a pass that found something: soon, but not in the same breath.
const AFTER_WORK: Duration = Duration::from_secs(3);
/// So often must the same thing refuse before it is named residue instead of being waited for.
const REFUSALS_UNTIL_RESIDUE: usize = 2;
/// The longest one invocation goes on verifying: past it the next sweep continues.
const LONGEST: Duration = Duration::from_secs(240);

/// What the passes came to.
#[derive(Debug, Default)]
pub struct Verified {
    /// Whether two clean passes were made.
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

/// How closely users must be looked at to plan what the policy wants of them. `None` where it leaves them.
pub fn detail(policy: &AccountPolicy) -> Option<UserDetail> {
    match policy.contain.users {
        UserResponse::Deactivate | UserResponse::DeleteCredentials => Some(UserDetail::Credentials),
        UserResponse::DeleteUsers => Some(UserDetail::Everything),
        UserResponse::Leave => None,
    }
}

/// Looks and acts until two passes in a row, at least ten seconds apart, found nothing left to do with every region seen.
/// What was refused for good twice is residue: it is named, not waited for. `earlier` are the outcomes so far.
pub async fn verify(eyes: &Eyes, policy: &AccountPolicy, executor: &Executor, holding: &Holding, earlier: &[Outcome], stop_work: Option<Instant>) -> Verified {
    let end = [Some(Instant::now() + LONGEST), stop_work].into_iter().flatten().min();
    let mut verified = Verified::default();
    let mut clean_passes = 0;
    loop {
        if !holding.is_alive() || end.is_some_and(|end| Instant::now() >= end) {
            return verified;
        }
        let observation = eyes.look_closely(&policy.account, detail(policy)).await;
        let plan = planner::plan(policy, &observation);
        verified.gaps = observation.gaps();
        verified.remaining = plan.actions().cloned().collect();
        verified.left = plan.left().to_vec();
        verified.last = Some(observation);

        let wait = if verified.gaps.is_empty() && is_settled(&plan, earlier, &verified.outcomes) {
            clean_passes += 1;
            if clean_passes >= CLEAN_PASSES {
                verified.clean = true;
                return verified;
            }
            BETWEEN_CLEAN_PASSES
        } else {
            clean_passes = 0;
            verified.outcomes.extend(executor.run(&plan).await);
            AFTER_WORK
        };
        if end.is_some_and(|end| Instant::now() + wait >= end) {
            return verified;
        }
        sleep(wait).await;
    }
}

/// Nothing is left to do, or only what has refused for good.
fn is_settled(plan: &Plan, earlier: &[Outcome], later: &[Outcome]) -> bool {
    let refusals = |wanted: &Action| {
        let refused = |outcome: &&Outcome| match &outcome.result {
            ActionResult::Failed { failure } => !failure.kind.may_pass() && outcome.action.covers(wanted),
            _ => false,
        };
        earlier.iter().chain(later).filter(refused).count()
    };
    // A batch is settled only when each of its members is.
    plan.actions().all(|action| match action {
        Action::StopInstances { region, instances } => {
            let alone = |id| Action::StopInstances { region: Clone::clone(region), instances: vec![Clone::clone(id)] };
            instances.iter().map(alone).all(|one| refusals(&one) >= REFUSALS_UNTIL_RESIDUE)
        }
        other => refusals(other) >= REFUSALS_UNTIL_RESIDUE,
    })
}
