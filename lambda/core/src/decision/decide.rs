//! The decision: a pure function of policy, observation, record, orders and time.

use jiff::Timestamp;

use crate::decision::kept::Kept;
use crate::decision::shut_out::{BELIEVED_AFTER, Place, ShutOut, ShutOuts};
use crate::measure::spend::Charges;
use crate::observation::Observation;
use crate::plan::Plan;
use crate::policy::AccountPolicy;
use crate::record::{AccountRecord, FreezeReason, KnownRegions, State, Unseen};
use crate::resource::Refusals;
use crate::verdict::{Judgement, Verdict, judge_sum};

/// So many sweeps in a row before this one must have been throttled until it is believed to be somebody's doing: one
/// may be somebody's burst of calls.
const THROTTLED_BEFORE: u32 = 1;

/// Why an account is to be contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A limit is passed now.
    Tripped,
    /// Somebody ordered it, whatever the limits say.
    Ordered,
    /// Our role worked before and is refused now: somebody is blinding us. The account is frozen, for that needs no
    /// role in it.
    ShutOut,
    /// Somebody uses up the account's quota of the calls by which it is watched. It is frozen, for that needs no look.
    Throttled,
    /// More was bought than the policy allows.
    Purchases,
    /// It was frozen before, and stays so.
    Frozen,
    /// It was frozen for a reason that has passed: it was seen whole and nothing has tripped.
    Thaw,
    /// It was halted before and nobody released it: whatever runs again is stopped again.
    Standing,
}

/// What follows from an observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The numbers and what they mean.
    pub verdict: Verdict,
    /// Why the account is to be contained, if it is.
    pub cause: Option<Cause>,
    /// What it means that the account refuses us, if it does.
    pub shut_out: ShutOut,
    /// What was charged lately, with what this look learnt.
    pub charges: Charges,
    /// What is known of its regions, with what this look learnt.
    pub regions: KnownRegions,
    /// What containing it means, as far as was seen. Empty where there is no cause.
    pub plan: Plan,
}

/// Everything that a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What the policy means for the account.
    pub policy: &'a AccountPolicy,
    /// What was seen of it so far.
    pub observation: &'a Observation,
    /// What is remembered of it.
    pub record: &'a AccountRecord,
    /// Whether somebody ordered the halt.
    pub is_ordered: bool,
    /// Where it is in the organization; nothing where Organizations does not answer.
    pub place: Option<&'a Place>,
    /// Who else shuts us out.
    pub shut_outs: &'a ShutOuts,
    /// What refused in this halt so far.
    pub refusals: &'a Refusals,
    /// What time it is.
    pub now: Timestamp,
}

impl Case<'_> {
    /// Decides about the account. A standing halt is never lifted by quiet numbers, nor by our being blind: only a
    /// release ends it.
    pub fn decide(&self) -> Decision {
        self.decide_anew(&mut Kept::default())
    }

    /// The same, where the account was decided about before and little was answered since.
    pub fn decide_anew(&self, kept: &mut Kept) -> Decision {
        let Self { policy, observation, record, now, .. } = *self;
        kept.renew(policy, observation);
        let summary = kept.summary(observation);
        let verdict = judge_sum(policy, record.exception.as_ref(), observation, &summary, &record.pardon(now), now);
        let shut_out = ShutOut::of(record, &verdict, self.place, self.shut_outs, now);
        let cause = self.cause(&verdict, shut_out);
        let mut halt = || kept.plan(policy, observation, record.circumstances(self.refusals, now));
        let plan = match cause {
            Some(Cause::Tripped | Cause::Ordered | Cause::Standing) => halt(),
            Some(Cause::ShutOut | Cause::Throttled | Cause::Purchases | Cause::Frozen) => halt().only_freeze(),
            Some(Cause::Thaw) => Plan::thaw(),
            None => Plan::default(),
        };
        let regions = record.regions.after(observation, &summary);
        let charges = observation.spend.charges.clone();
        Decision { verdict, cause, shut_out, charges, regions, plan }
    }

    fn cause(&self, verdict: &Verdict, shut_out: ShutOut) -> Option<Cause> {
        let tripped = || (verdict.judgement == Judgement::Halt).then_some(Cause::Tripped);
        match (self.record.state, self.record.freeze()) {
            // Somebody is about to release it: what was stopped stays stopped until then.
            (State::Halting | State::Halted, _) if self.record.awaits_release(self.now) => None,
            (State::Halting | State::Halted, _) => Some(Cause::Standing),
            _ if self.is_ordered => Some(Cause::Ordered),
            // It waits for people: whoever asked the brake once does not ask it again at every tick.
            (State::Frozen, Some(FreezeReason::Brake)) => Some(Cause::Frozen),
            (State::Frozen, reason) => {
                let is_seen_whole = verdict.reached && self.observation.is_whole() && !verdict.is_unseen();
                let is_over = is_seen_whole && reason.is_some_and(FreezeReason::ends_by_itself);
                let standing = match (is_over, verdict.past_purchases()) {
                    (true, Some(_)) => Cause::Purchases,
                    (true, None) => Cause::Thaw,
                    (false, _) => Cause::Frozen,
                };
                tripped().or(Some(standing))
            }
            (State::Ok | State::Warned | State::Released, _) => {
                let is_shut_out = shut_out == ShutOut::Believed;
                let blinded = is_shut_out.then_some(Cause::ShutOut);
                let blinded = blinded.or(self.is_kept_throttled(verdict).then_some(Cause::Throttled));
                let frozen = blinded.or(verdict.past_purchases().map(|_| Cause::Purchases));
                tripped().or(frozen.filter(|_| self.policy.contain.quarantine))
            }
        }
    }

    /// Whether it was throttled in sweep after sweep, for a while, and few others are.
    fn is_kept_throttled(&self, verdict: &Verdict) -> bool {
        let has_lasted = |unseen: &Unseen| {
            unseen.throttled >= THROTTLED_BEFORE && self.now.duration_since(unseen.since) >= BELIEVED_AFTER
        };
        verdict.is_throttled_blind()
            && !verdict.unfinished
            && self.record.unseen.as_ref().is_some_and(has_lasted)
            && !self.shut_outs.are_many_throttled()
    }
}
