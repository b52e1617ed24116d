//! What people must be told, as data, and when the outcome of a halt is. The mails say it in words.

use jiff::{SignedDuration, Timestamp};

use crate::decision::shut_out::ShutOut;
use crate::measure::summary::Summary;
use crate::plan::{Containment, Outcome};
use crate::policy::Exception;
use crate::record::{AccountRecord, Denied, FreezeReason, Halt, State, Unseen};
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
        /// Whose local disks are erased, as far as was seen.
        erased: Vec<String>,
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
    /// More was bought than the policy allows, and the account is not frozen for it, or is contained already.
    Purchases {
        /// Where it stands.
        state: State,
        /// How much, in words.
        why: String,
        /// Why it is not frozen for it.
        not_frozen: String,
        /// When.
        at: Timestamp,
    },
    /// What the Cost and Usage Reports say is not known, or is old.
    UnreadReports {
        /// Where they are.
        place: String,
        /// Whether the deployment makes them.
        is_made: bool,
        /// What failed, a sentence each; of reports that no longer come, what became of each.
        why: Vec<String>,
        /// Whether something failed.
        has_failed: bool,
        /// Until when what they said is known; `None` where none was ever read.
        until: Option<Timestamp>,
        /// When.
        at: Timestamp,
    },
    /// By AWS's policy simulator our role may not make calls that a halt or its release needs. Others than before.
    NotPermitted {
        /// Which, and by whose policy.
        denied: Denied,
        /// When.
        at: Timestamp,
    },
    /// It may make all of them again.
    Permitted {
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
    /// Limits are raised for a time.
    Exception {
        /// Which, until when and why.
        exception: Exception,
        /// The one that it takes the place of.
        replaced: Option<Exception>,
        /// Where the account stands: an exception ends no halt.
        state: State,
    },
    /// They hold again as the policy has them.
    ExceptionEnded {
        /// What was raised.
        exception: Exception,
        /// How it came to its end.
        end: End,
        /// When.
        at: Timestamp,
    },
    /// Accounts that were contained before today and still are, which somebody may have forgotten.
    Contained {
        /// What is remembered of each, the longest contained first.
        records: Vec<AccountRecord>,
        /// When.
        at: Timestamp,
    },
    /// A halt was ended by an operator.
    Released {
        /// When the halt or the freeze began that it ends, where there was one.
        tripped: Option<Timestamp>,
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

/// How an exception came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Its time was over.
    Expired,
    /// Somebody took it back.
    Revoked {
        /// Who, as they say.
        by: Option<String>,
    },
}

/// An unproven halt is mailed as such when it has lasted this long.
const UNPROVEN_UNTIL_TOLD: SignedDuration = SignedDuration::from_mins(15);

/// Whether the outcome of a halt is to be told now, and takes in that it is: once it is proven, or once when it is not.
/// It is told unproven when it has not been proven for long; at once where an invocation gave up because calls are
/// denied to us, for only people can open that door. What comes of it is then told as well.
pub fn tells_outcome(record: &mut AccountRecord, containment: &Containment, in_vain: bool, now: Timestamp) -> bool {
    let Some(halt) = record.halt.as_mut().filter(|halt| !halt.outcome_told) else { return false };
    if containment.verified.is_some() {
        halt.outcome_told = true;
    } else if halt.denials_told {
        return false;
    } else if in_vain && !containment.denials().is_empty() {
        halt.denials_told = true;
    } else if now.duration_since(halt.tripped) >= UNPROVEN_UNTIL_TOLD {
        halt.outcome_told = true;
    } else {
        return false;
    }
    true
}
