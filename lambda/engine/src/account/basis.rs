//! What the sweep of an account rests on.

use std::sync::Arc;

use runawaytrain_core::decision::ShutOuts;

use crate::contain::brake::{Allowance, Brake};
use crate::contain::lease::Leases;
use crate::deadline::Deadline;
use crate::notify::Mailer;
use crate::observe::Collector;
use crate::observe::spend::SharedSpend;
use crate::ports::{Clock, Journal, States};

/// The same for all accounts of an invocation.
#[derive(Clone)]
pub(crate) struct AccountSweep {
    pub collector: Collector,
    pub states: Arc<dyn States>,
    pub journal: Arc<dyn Journal>,
    pub leases: Leases,
    pub mailer: Mailer,
    pub clock: Arc<dyn Clock>,
    /// How many halts there may be.
    pub brake: Arc<Brake>,
    /// How many accounts may still be frozen for purchases.
    pub purchases: Arc<Allowance>,
    /// Which accounts shut us out, over the whole organization.
    pub shut_outs: Arc<ShutOuts>,
    /// What the accounts of this sweep spent, once it is known.
    pub spend: SharedSpend,
    /// The invocation's id, which holds the leases.
    pub invocation: String,
    /// The invocation's end.
    pub deadline: Deadline,
    /// Why the accounts are to be contained whatever their limits say, if somebody ordered it.
    pub order: Option<String>,
    /// Whether what is seen is remembered. A drill by event is not: it leaves no trace at all.
    pub remember: bool,
}
