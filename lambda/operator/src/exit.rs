//! The exit codes, for scripts. `--help` lists them.

/// All is well, or done.
pub const DONE: u8 = 0;
/// Something is missing, or was not done.
pub const NOT_DONE: u8 = 1;
/// Nothing but the CDK's bootstrap is missing.
pub const ONLY_BOOTSTRAP: u8 = 3;
/// An account is past a limit, or contained.
pub const OVER_LIMIT: u8 = 4;
/// An account could not be seen whole.
pub const NOT_SEEN: u8 = 5;
/// An account is close to a limit.
pub const WARNED: u8 = 6;
