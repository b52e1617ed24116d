//! A mail that is to be sent.

use crate::policy::NotifyList;
use crate::vocabulary::ids::AccountId;

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// Close to a limit, or past one where only drills are allowed.
    Warning,
    /// A halt has begun.
    Halt,
    /// What the halt came to.
    Outcome,
    /// An account cannot be seen.
    Unseen,
    /// A halt was ended by an operator.
    Released,
    /// Frozen instead of halted: the brake holds.
    Braked,
    /// Our role worked before and is refused now.
    Tamper,
    /// A freeze ended by itself.
    Thawed,
    /// The organization denies regions to its accounts.
    DeniedRegions,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Warning,
        Self::Halt,
        Self::Outcome,
        Self::Unseen,
        Self::Released,
        Self::Braked,
        Self::Tamper,
        Self::Thawed,
        Self::DeniedRegions,
    ];

    /// Its name where it is stored and logged.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Halt => "halt",
            Self::Outcome => "outcome",
            Self::Unseen => "unseen",
            Self::Released => "released",
            Self::Braked => "braked",
            Self::Tamper => "tamper",
            Self::Thawed => "thawed",
            Self::DeniedRegions => "denied-regions",
        }
    }

    /// Whether several of the kind that wait for the same list become one mail: what befalls many accounts at once is
    /// one piece of news. A halt is each account's own.
    pub fn is_digested(self) -> bool {
        match self {
            Self::Warning | Self::Unseen | Self::Braked | Self::Tamper | Self::Thawed => true,
            Self::Halt | Self::Outcome | Self::Released | Self::DeniedRegions => false,
        }
    }
}

/// A mail to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// The account it is about.
    pub account: AccountId,
    /// To whom.
    pub list: NotifyList,
    /// Fewer than 100 ASCII characters, one line.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// What the account is called, in a mail about many.
    pub who: String,
    /// What befell it, in a few words that read alike where many accounts share it.
    pub what: String,
}
