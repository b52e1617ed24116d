//! The decision: a pure function of policy, observation, state, orders and time.

use jiff::Timestamp;

use crate::observation::Observation;
use crate::plan::Plan;
use crate::planner::{self, Refusals};
use crate::policy::AccountPolicy;
use crate::spend::Charges;
use crate::state::{AccountRecord, State};
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

/// Decides about an account. A standing halt is never lifted by quiet numbers, nor by our being blind: only a release
/// ends it. `refusals` are what refused in this halt so far.
pub fn decide(
    policy: &AccountPolicy,
    observation: &Observation,
    record: &AccountRecord,
    ordered: bool,
    refusals: &Refusals,
    now: Timestamp,
) -> Decision {
    let verdict = judge(policy, observation, &record.pardon(now), now);
    let cause = match record.state {
        State::Halting | State::Halted => Some(Cause::Standing),
        State::Ok | State::Warned | State::Released | State::Frozen if ordered => Some(Cause::Ordered),
        _ if verdict.is_shut_out() && record.reached && policy.contain.quarantine => Some(Cause::ShutOut),
        State::Ok | State::Warned | State::Released | State::Frozen => {
            (verdict.judgement == Judgement::Halt).then_some(Cause::Tripped)
        }
    };
    let plan = if cause.is_some() {
        planner::plan(policy, observation, &record.circumstances(refusals, now))
    } else {
        Plan::default()
    };
    Decision { verdict, cause, charges: observation.spend.charges.clone(), plan }
}
