//! What holds for the whole organization when a sweep begins, by what is remembered of its accounts.

use std::iter::repeat_n;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use runawaytrain_core::decision::ShutOuts;
use runawaytrain_core::record::{AccountRecord, FreezeReason};

use crate::contain::brake::Frozen;
use crate::ports::States;

/// The same for every account of a sweep, and for every worker of a distributed one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Circumstances {
    /// Accounts that the brake froze, and that wait for people: while there are any, it lets nobody pass.
    pub waiting: usize,
    /// Accounts that wait for people since they were frozen for purchases.
    pub bought: usize,
    /// Accounts that shut us out.
    pub shut_outs: ShutOuts,
}

impl Circumstances {
    /// Those of an organization, by the records of its members.
    pub fn of(members: &[&AccountRecord]) -> Self {
        let frozen_for = |reason| members.iter().filter(|record| record.freeze() == Some(reason)).count();
        Self {
            waiting: frozen_for(FreezeReason::Brake),
            bought: frozen_for(FreezeReason::Purchases),
            shut_outs: ShutOuts::of(members.iter().copied()),
        }
    }

    /// Who is frozen and waits for people.
    pub fn frozen(&self, states: Arc<dyn States>) -> Frozen {
        let brake = repeat_n(FreezeReason::Brake, self.waiting);
        Frozen::known(states, brake.chain(repeat_n(FreezeReason::Purchases, self.bought)))
    }
}
