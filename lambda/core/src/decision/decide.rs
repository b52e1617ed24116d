//! The decision: a pure function of policy, observation, record, orders and time.

use jiff::Timestamp;

use crate::measure::spend::Charges;
use crate::observation::Observation;
use crate::plan::{self, Plan};
use crate::policy::AccountPolicy;
use crate::record::{AccountRecord, State};
use crate::resource::Refusals;
use crate::verdict::{Judgement, Verdict, judge};

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
    /// What was charged lately, with what this look learnt.
    pub charges: Charges,
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
    /// What refused in this halt so far.
    pub refusals: &'a Refusals,
    /// What time it is.
    pub now: Timestamp,
}

impl Case<'_> {
    /// Decides about the account. A standing halt is never lifted by quiet numbers, nor by our being blind: only a
    /// release ends it.
    pub fn decide(&self) -> Decision {
        let Self { policy, observation, record, now, .. } = *self;
        let verdict = judge(policy, observation, &record.pardon(now), now);
        let cause = self.cause(&verdict);
        let plan = match cause {
            Some(_) => plan::plan(policy, observation, &record.circumstances(self.refusals, now)),
            None => Plan::default(),
        };
        Decision { verdict, cause, charges: observation.spend.charges.clone(), plan }
    }

    fn cause(&self, verdict: &Verdict) -> Option<Cause> {
        match self.record.state {
            State::Halting | State::Halted => Some(Cause::Standing),
            State::Ok | State::Warned | State::Released | State::Frozen => {
                if self.is_ordered {
                    Some(Cause::Ordered)
                } else if verdict.is_shut_out() && self.record.reached && self.policy.contain.quarantine {
                    Some(Cause::ShutOut)
                } else {
                    (verdict.judgement == Judgement::Halt).then_some(Cause::Tripped)
                }
            }
        }
    }
}
