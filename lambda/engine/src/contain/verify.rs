//! A halt is verified by looking again: two clean passes, each with every region in it.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::observation::{Gap, Observation};
use runawaytrain_core::plan::{self, Outcome, Plan};
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::record::{AccountRecord, KnownRegions};
use runawaytrain_core::resource::quarantine::Attachment;
use runawaytrain_core::resource::{Action, Kind, Refusals, Sight, Skipped};
use runawaytrain_core::vocabulary::failure::Failure;

use super::executor::RunningLanes;
use super::lease::HeldLease;
use super::residue::{is_settled, was_in_vain};
use crate::deadline::{Deadline, has_come};
use crate::observe::{Attention, Collector, Ground};
use crate::ports::{Clock, Look};

/// Clean passes in a row that prove a halt, and the least time between them: whatever relaunches instances needs a
/// moment to do so. While the first is made, people may still be locked out; the last comes when the last deny bites.
const CLEAN_PASSES: u32 = 2;
const BETWEEN_CLEAN_PASSES: Duration = Duration::from_secs(10);
/// The longest that a look waits while people are locked out: IAM takes so many a second, and meanwhile nobody else
/// looks.
const WHILE_LOCKING: Duration = Duration::from_secs(30);
/// After a pass that found something: soon, but not in the same breath.
const AFTER_WORK: Duration = Duration::from_secs(3);
/// Passes in a row that were in vain, as far apart as clean ones, after which an invocation gives up: what refuses for
/// good would only be asked again and again while the lease is held.
const VAIN_PASSES: u32 = 2;
/// The longest one invocation goes on verifying without seeing more of the account than ever before: past it the next
/// sweep continues.
const LONGEST: Duration = Duration::from_secs(240);

/// How much proof is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Two clean passes at least ten seconds apart, the last of them after the last deny bites: the end of a halt.
    TwoCleanPasses,
    /// One clean pass: a halt that was proven before and has just been enforced again.
    OneCleanPass,
}

/// What one pass came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// It found nothing left to do, and saw everything.
    Clean,
    /// The same, but people were still being locked out, or the last deny did not bite yet.
    Locking,
    /// All that it tried was refused for good, and the plan is what it was before.
    Vain,
    /// Something was done, or may be done yet.
    Work,
}

/// What the passes came to.
#[derive(Debug, Default)]
pub struct Verified {
    /// Whether as many clean passes in a row were made as were asked for.
    pub clean: bool,
    /// Whether it was given up, for all that was left was refused for good.
    pub in_vain: bool,
    /// What was done meanwhile, and what came of the lanes that were under way.
    pub outcomes: Vec<Outcome>,
    /// What the last pass still wanted done.
    pub remaining: Vec<Action>,
    /// What the last pass could not see.
    pub gaps: Vec<Gap>,
    /// What is left alone on purpose.
    pub skipped: Vec<Skipped>,
    /// The last look.
    pub last: Option<Observation>,
    /// What is known of the account's regions now.
    pub regions: KnownRegions,
}

/// Looks and acts until enough passes in a row found nothing left to do with every region seen. What was refused
/// teaches the next plan what to unprotect or to terminate; what was refused for good twice is residue: it is named,
/// not waited for. What must not be residue, such as a user that could not be denied, keeps the halt unproven; once
/// nothing but that is left, the next sweep goes on trying. `lanes` may still be under way: only what stops is waited
/// for before the first look. `earlier` are the outcomes so far.
pub async fn verify(task: &Task<'_>, mut lanes: RunningLanes, earlier: &[Outcome], proof: Proof) -> Verified {
    let mut verified = Verified { regions: task.record.regions.clone(), ..Verified::default() };
    passes(task, &mut lanes, earlier, proof, &mut verified).await;
    let outcomes = lanes.finish().await;
    verified.remaining = plan::remaining(&verified.remaining, &outcomes);
    verified.outcomes.extend(outcomes);
    verified
}

async fn passes(task: &Task<'_>, lanes: &mut RunningLanes, earlier: &[Outcome], proof: Proof, verified: &mut Verified) {
    let passes_wanted = if proof == Proof::TwoCleanPasses { CLEAN_PASSES } else { 1 };
    let mut refusals = task.refusals.clone();
    plan::learn(&mut refusals, earlier);
    let (mut longest, mut last, mut in_a_row) = (Instant::now() + LONGEST, None, 0);
    let (mut before, mut fewest_gaps) = (Plan::default(), usize::MAX);
    lanes.all_but_slow_locks(BETWEEN_CLEAN_PASSES).await;
    loop {
        verified.take_in(lanes.outcomes(), &mut refusals);
        learn_doors(&mut refusals, lanes);
        let under_way: Vec<Action> = lanes.under_way().cloned().collect();
        let is_locking = !under_way.is_empty();
        if is_locking {
            longest = Instant::now() + LONGEST;
        }
        let end = task.deadline.stop_work().map_or(longest, |end| end.min(longest));
        if !task.lease.is_alive() || has_come(Some(end)) || task.lease.release_is_requested() {
            return;
        }
        let began = task.clock.now();
        // Whoever asks for a release does not wait for a pass to end.
        let observation = tokio::select! {
            observation = task.look_closely(&verified.regions, &refusals, verified.last.as_ref()) => observation,
            () = task.lease.release_requested() => return,
        };
        verified.regions = verified.regions.after(&observation, &Summary::of(task.policy, &observation));
        let mut record = task.record.clone();
        record.lock_out(task.lease.locked_out());
        let circumstances = record.circumstances(&refusals, task.clock.now());
        let plan = plan::plan(task.policy, &observation, &circumstances);
        verified.gaps = observation.gaps();
        if verified.gaps.len() < fewest_gaps {
            fewest_gaps = verified.gaps.len();
            longest = Instant::now() + LONGEST;
        }
        verified.remaining = plan.actions().cloned().collect();
        verified.skipped = plan.skipped().to_vec();
        verified.last = Some(observation);

        let left = plan.without(&under_way);
        let settled = is_settled(&left, earlier, &verified.outcomes);
        let pass = if settled && verified.gaps.is_empty() {
            // A halt that was proven before, and is only enforced, does not wait for the bite.
            let bites = proof == Proof::OneCleanPass || task.lease.locked_out().is_none_or(|bites| bites <= began);
            if is_locking || !bites { Pass::Locking } else { Pass::Clean }
        } else if settled && verified.gaps.iter().all(Gap::is_lasting) && !is_locking {
            // All but what cannot be seen is done, and to go on would only keep a release from the lease. The next
            // sweep looks again.
            Pass::Vain
        } else {
            lanes.feed_again(&left);
            lanes.all_but_slow_locks(BETWEEN_CLEAN_PASSES).await;
            let outcomes = lanes.outcomes();
            // Where nothing was asked, all that is left is behind shut doors, whatever else a thief makes there.
            let is_no_news = plan == before || outcomes.is_empty();
            let is_over = lanes.under_way().next().is_none();
            let in_vain = is_over && is_no_news && was_in_vain(&outcomes, &verified.gaps);
            verified.take_in(outcomes, &mut refusals);
            if in_vain { Pass::Vain } else { Pass::Work }
        };
        in_a_row = if last.is_some_and(|last: Pass| last.is_like(pass)) { in_a_row + 1 } else { 1 };
        (last, before) = (Some(pass), plan);
        let wait = match pass {
            Pass::Clean if in_a_row >= passes_wanted => {
                verified.clean = true;
                return;
            }
            Pass::Vain if in_a_row >= VAIN_PASSES => {
                verified.in_vain = true;
                return;
            }
            Pass::Clean | Pass::Locking | Pass::Vain => BETWEEN_CLEAN_PASSES,
            Pass::Work => AFTER_WORK,
        };
        if Instant::now() + wait >= end {
            return;
        }
        let waited = async {
            let locks = async {
                if pass == Pass::Locking {
                    task.until_locks_bite(lanes).await;
                }
            };
            tokio::join!(sleep(wait), timeout(WHILE_LOCKING, locks))
        };
        tokio::select! {
            _ = waited => {}
            () = task.lease.release_requested() => return,
        }
    }
}

impl Pass {
    /// Whether one follows another of its kind: the last of two clean ones is of the same row as the first, during
    /// which people were still being locked out.
    fn is_like(self, next: Self) -> bool {
        match self {
            Self::Clean | Self::Locking => matches!(next, Self::Clean | Self::Locking),
            Self::Vain | Self::Work => self == next,
        }
    }
}

impl Verified {
    fn take_in(&mut self, outcomes: Vec<Outcome>, refusals: &mut Refusals) {
        plan::learn(refusals, &outcomes);
        self.outcomes.extend(outcomes);
    }
}

/// Takes in which calls about the account as a whole are denied to us whatever they are about: for whoever was not even
/// asked, another way is planned just the same.
fn learn_doors(refusals: &mut Refusals, lanes: &RunningLanes) {
    let shut = lanes.shut_doors();
    shut.into_iter().filter(|door| door.region.is_none()).for_each(|door| refusals.shut(door.operation));
}

/// What a verification rests on.
pub struct Task<'a> {
    /// What the policy means for the account.
    pub policy: &'a AccountPolicy,
    /// Looks again.
    pub collector: &'a Collector,
    /// The lease: without it nothing more is done.
    pub lease: &'a HeldLease,
    /// The record with the halt.
    pub record: &'a AccountRecord,
    /// Wall-clock time.
    pub clock: &'a dyn Clock,
    /// The invocation's end.
    pub deadline: Deadline,
    /// What refused in this halt before this invocation took it up.
    pub refusals: Refusals,
}

impl Task<'_> {
    /// What was seen settled before needs no second look while it stays locked: where there are thousands of users,
    /// each pass gets further than the last.
    async fn look_closely(
        &self,
        known: &KnownRegions,
        refusals: &Refusals,
        earlier: Option<&Observation>,
    ) -> Observation {
        let (ground, attention) = (Ground::new(self.policy, known), Attention::Halt(self.policy, refusals, earlier));
        self.collector.look_closely(ground, attention, self.deadline.cut_off()).await
    }

    /// Waits until everybody is locked out, and the last deny bites.
    async fn until_locks_bite(&self, lanes: &mut RunningLanes) {
        lanes.all_ended().await;
        let left = self.lease.locked_out().map(|bites| bites.duration_since(self.clock.now()));
        if let Some(left) = left.and_then(|left| Duration::try_from(left).ok()) {
            sleep(left).await;
        }
    }
}

/// Why an account is not frozen.
#[derive(Debug, thiserror::Error)]
pub enum NotFrozen {
    /// It was looked at twice, and a freeze was tried in between.
    #[error("it is not attached")]
    Detached,
    /// There is nothing to attach.
    #[error("no quarantine policy is deployed")]
    Undeployed,
    /// It could not be looked at.
    #[error(transparent)]
    Unseen(#[from] Failure),
}

/// Freezing is verified by looking again too: once attached, or the reason why it is not. In between it is tried once
/// more, by `freeze`.
pub async fn verify_freeze<F: Future<Output = ()>>(
    collector: &Collector,
    policy: &AccountPolicy,
    deadline: Deadline,
    freeze: impl Fn() -> F,
) -> Result<(), NotFrozen> {
    let look = Look::at(Kind::Quarantine, None);
    let mut tried_again = false;
    loop {
        let why = match collector.look(&policy.account, &look, deadline.cut_off()).await {
            Ok(Sight::Quarantine(ours)) if ours.quarantine == Attachment::Attached => return Ok(()),
            Ok(Sight::Quarantine(ours)) if ours.quarantine == Attachment::Undeployed => {
                return Err(NotFrozen::Undeployed);
            }
            Ok(_) => NotFrozen::Detached,
            Err(failure) => failure.into(),
        };
        if tried_again || has_come(deadline.stop_work()) {
            return Err(why);
        }
        freeze().await;
        sleep(AFTER_WORK).await;
        tried_again = true;
    }
}
