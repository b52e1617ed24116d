//! What people must be told, as data. The mails say it in words.

use jiff::Timestamp;

use crate::decision::shut_out::ShutOut;
use crate::measure::summary::Summary;
use crate::plan::{Containment, Outcome};
use crate::record::{FreezeReason, Halt, State, Unseen};
use crate::resource::Skipped;
use crate::verdict::{Grace, Verdict};
use crate::vocabulary::ids::Region;
use crate::vocabulary::mode::Mode;

/// Something that is new about an account.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Close to a limit; or past one in an account where the machine may only look.
    Warning {
        /// How far it may go there.
        mode: Mode,
        /// The numbers and what they mean.
        verdict: Verdict,
        /// What runs.
        seen: Summary,
        /// When.
        at: Timestamp,
    },
    /// A halt has begun.
    Halt {
        /// Why.
        why: String,
        /// What runs, as far as was seen.
        seen: Summary,
        /// When.
        at: Timestamp,
    },
    /// What a halt came to: proven, or not yet.
    Outcome {
        /// The halt.
        halt: Box<Halt>,
        /// What was done, and what the last look still found.
        containment: Containment,
        /// When.
        at: Timestamp,
    },
    /// An account could not be seen whole for some sweeps.
    Unseen {
        /// Where it stands.
        state: State,
        /// How long and why.
        unseen: Unseen,
        /// The same in a few words, without what concerns this account alone.
        brief: String,
        /// What it means that the account refuses us, if it does.
        shut_out: ShutOut,
    },
    /// Our role worked before and is refused now, and nothing was done about it.
    Tamper {
        /// Where the account stands.
        state: State,
        /// How long and why.
        unseen: Unseen,
        /// Why it is not frozen.
        not_frozen: String,
    },
    /// Most accounts of the organization are refused in these regions: a policy of its own denies them.
    DeniedRegions {
        /// Which.
        regions: Vec<Region>,
    },
    /// What is remembered of the account cannot be read, so that it can be looked at and not be halted.
    Unreadable {
        /// Where it stood when the record was last written, if that can be told.
        state: Option<State>,
        /// Why it cannot be read.
        why: String,
        /// What runs.
        seen: Summary,
        /// The limits that it is past, in words, and whether it is frozen for it; why not. `None` within its limits.
        past: Option<(String, Result<(), String>)>,
        /// When.
        at: Timestamp,
    },
    /// Frozen, or to be frozen, instead of halted.
    Freeze {
        /// For which reason.
        reason: FreezeReason,
        /// The same in words.
        why: String,
        /// What runs, as far as was seen.
        seen: Summary,
        /// Whether the freeze was seen to hold; why not.
        holds: Result<(), String>,
        /// When.
        at: Timestamp,
    },
    /// A freeze ended by itself.
    Thawed {
        /// Why the account had been frozen.
        reason: FreezeReason,
        /// When.
        at: Timestamp,
    },
    /// A halt was ended by an operator.
    Released {
        /// What is let pass for a while.
        grace: Option<Grace>,
        /// What was undone.
        outcomes: Vec<Outcome>,
        /// What stays as it is.
        skipped: Vec<Skipped>,
        /// What whoever released it says was not made by a thief, whatever its age.
        trusted: Vec<String>,
        /// When.
        at: Timestamp,
    },
}
