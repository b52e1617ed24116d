//! Times: from the SDK's type to ours, and how old something is.

use aws_smithy_types::DateTime;
use jiff::{SignedDuration, Timestamp};

/// The same moment; nothing where it lies outside of what we can tell (years −9999 to 9999).
pub(crate) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let nanos = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanos).ok()
}

/// Whether what is of that time is younger than so long, by the clock on the wall: the machine's own counters stand
/// still while a function is frozen between two invocations. What is of the future is not young: a clock went
/// backwards, and nobody knows its age.
pub(crate) fn is_younger(since: Timestamp, now: Timestamp, limit: SignedDuration) -> bool {
    (SignedDuration::ZERO..limit).contains(&now.duration_since(since))
}
