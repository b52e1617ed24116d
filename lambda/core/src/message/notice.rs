//! A mail that is to be sent.

use super::chat::Chat;
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
    /// What is remembered of an account cannot be read.
    Unreadable,
    /// What the Cost and Usage Reports say is not known.
    UnreadReports,
    /// More was bought than the policy allows.
    Purchases,
    /// Our role may not make calls that a halt needs.
    NotPermitted,
    /// It may make all of them again.
    Permitted,
    /// Limits are raised for a time.
    Exception,
    /// They hold again.
    ExceptionEnded,
    /// Accounts are still contained, a day after.
    Contained,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Warning,
        Self::Halt,
        Self::Outcome,
        Self::Unseen,
        Self::Released,
        Self::Braked,
        Self::Tamper,
        Self::Thawed,
        Self::DeniedRegions,
        Self::Unreadable,
        Self::UnreadReports,
        Self::Purchases,
        Self::NotPermitted,
        Self::Permitted,
        Self::Exception,
        Self::ExceptionEnded,
        Self::Contained,
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
            Self::Unreadable => "unreadable",
            Self::UnreadReports => "unread-reports",
            Self::Purchases => "purchases",
            Self::NotPermitted => "not-permitted",
            Self::Permitted => "permitted",
            Self::Exception => "exception",
            Self::ExceptionEnded => "exception-ended",
            Self::Contained => "contained",
        }
    }

    /// The subject's first words and, after the number of accounts, the first line of one mail that says what several of
    /// the kind say: what befalls many accounts at once is one piece of news. `None` of a kind that is each account's
    /// own, such as a halt.
    pub fn of_many(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Warning => Some(("Warning", "are close to a limit, or past one in mode drill")),
            Self::Unseen => Some(("Unseen", "cannot be seen whole: they are not fully protected")),
            Self::Braked => Some(("BRAKE", "are past a limit, but not halted: the brake holds")),
            Self::Purchases => Some(("PURCHASES", "bought more than the policy allows")),
            Self::Tamper => Some(("TAMPER", "shut the guard out, or throttle it")),
            Self::NotPermitted => Some(("NOT PERMITTED", "would deny calls to a halt or a release")),
            Self::Permitted => Some(("Permitted again", "again permit all that a halt or a release needs")),
            Self::Thawed => Some(("Thawed", "are no longer frozen")),
            Self::Unreadable => Some(("Unreadable", "have a record that cannot be read: they cannot be halted")),
            Self::Halt
            | Self::Outcome
            | Self::Released
            | Self::DeniedRegions
            | Self::UnreadReports
            | Self::Exception
            | Self::ExceptionEnded
            | Self::Contained => None,
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
    /// What a chat shows of it.
    pub chat: Chat,
    /// What the account is called, in a mail about many.
    pub who: String,
    /// What befell it, in a few words that read alike where many accounts share it.
    pub what: String,
}
