//! What can be looked at.

use std::fmt;

use crate::observation::gap::Gap;
use crate::vocabulary::failure::Failure;
use crate::vocabulary::ids::Region;

/// What one look brought: the thing itself, or why it could not be seen. Never an empty list in place of a failure.
pub type Seen<T> = Result<T, Failure>;

/// What a look is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Every sweep: the numbers that limits are held against.
    Verdict,
    /// Only a halt, its drill or its release.
    Halt,
}

/// Something that one look brings.
pub trait Subject: 'static {
    /// What a look that succeeded brings.
    type Sight: fmt::Debug + Clone + PartialEq + Send + Sync + 'static;
    /// Its name, unlike every other's, which a test holds: what was seen is kept under it.
    const NAME: &'static str;
    /// What the look is needed for.
    const NEED: Need;

    /// The place of a look, as a gap and a mail name it.
    fn place(region: Option<&Region>) -> String {
        region.map_or_else(|| Self::NAME.to_owned(), |region| format!("{} in {region}", Self::NAME))
    }

    /// What could not be seen inside of a look that succeeded.
    fn gaps(_sight: &Self::Sight) -> Vec<Gap> {
        Vec::new()
    }
}
