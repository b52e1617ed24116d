//! How far the machine may go.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far the machine may go: `pass` < `drill` < `proceed`. Of several opinions the least one counts, see [`least`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Do nothing at all.
    Pass,
    /// Look and decide, change nothing in the account.
    Drill,
    /// Contain the account when a limit is passed.
    #[default]
    Proceed,
}

/// The least of all opinions: whoever wants less is obeyed, so that no event can override an admin's caution.
pub fn least(opinions: impl IntoIterator<Item = Mode>) -> Mode {
    opinions.into_iter().min().unwrap_or(Mode::Pass)
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Drill => "drill",
            Self::Proceed => "proceed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_wants_less_is_obeyed() {
        for first in [Mode::Pass, Mode::Drill, Mode::Proceed] {
            for second in [Mode::Pass, Mode::Drill, Mode::Proceed] {
                assert!(least([first, second]) <= first);
                assert!(least([first, second]) <= second);
            }
        }
        assert_eq!(least([Mode::Proceed, Mode::Drill, Mode::Proceed]), Mode::Drill);
    }

    #[test]
    fn without_any_opinion_nothing_is_done() {
        assert_eq!(least([]), Mode::Pass);
    }
}
