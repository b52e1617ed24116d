//! The decision: a pure function of policy, observation and state.

use crate::observation::Observation;
use crate::plan::Plan;
use crate::planner;
use crate::policy::AccountPolicy;
use crate::state::{AccountRecord, State};
use crate::verdict::{Judgement, Verdict, judge};

/// Why an account is to be contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A limit is passed now.
    Tripped,
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
    /// What containing it means, as far as was seen. Empty where there is no cause.
    pub plan: Plan,
}

/// Decides about an account. A standing halt is never lifted by quiet numbers, nor by our being blind: only a release ends it.
pub fn decide(policy: &AccountPolicy, observation: &Observation, record: &AccountRecord) -> Decision {
    let verdict = judge(policy, observation);
    let cause = match record.state {
        State::Halting | State::Halted => Some(Cause::Standing),
        State::Ok | State::Warned => (verdict.judgement == Judgement::Halt).then_some(Cause::Tripped),
    };
    let plan = if cause.is_some() { planner::plan(policy, observation) } else { Plan::default() };
    Decision { verdict, cause, plan }
}
