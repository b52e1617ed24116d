//! Times, from the SDK's type to ours.

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// The same moment; nothing where it lies outside of what we can tell (years −9999 to 9999).
pub(crate) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let nanos = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanos).ok()
}
