//! The one description of an action, which journal, mail, undo, release, report, simulation and permissions read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::vocabulary::failure::FailureKind;
use crate::vocabulary::ids::Region;

/// One call that changes an account, described. Its phrase is its [`fmt::Display`].
pub trait Act: Clone + PartialEq + fmt::Display {
    /// What it is.
    fn describe(&self) -> Description;

    /// What undoes it.
    fn undo(&self) -> Undo<Self>;

    /// What of a release's request gives back what this changed; `None` where no release does.
    fn given_back_by(&self) -> Option<Asked<'_>>;

    /// Where, for a call that is made in one region.
    fn region(&self) -> Option<&Region> {
        None
    }

    /// The members of a batch; none for a call about one thing.
    fn items(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The user or role that it is about, by name.
    fn principal(&self) -> Option<&str> {
        None
    }

    /// Whether it must not be done where another, which comes before it in its lane, was refused.
    fn waits_for(&self, _before: &Self) -> bool {
        false
    }

    /// Whether it is a batch without a member, which must not be sent: to EC2 an empty list means everything in the
    /// region.
    fn names_nothing(&self) -> bool {
        false
    }

    /// The same call for some of its members: how a batch is taken apart. `None` for a call about one thing.
    fn with_items(&self, _some: &[&str]) -> Option<Self> {
        None
    }

    /// What clears the way for a member of a batch that refused so; nothing where nothing does.
    fn clearing(&self, _item: &str, _refused: FailureKind) -> Vec<Self> {
        Vec::new()
    }

    /// The quota that its members share, beside that of calls; `None` where AWS documents none.
    fn quota(&self) -> Option<Quota> {
        None
    }

    /// What of its members it erases for good, though it can be undone.
    fn erases(&self) -> &[Erasure] {
        &[]
    }

    /// Whether it changes the same thing in the same way as another call, whatever either carries besides: two settings
    /// of one fleet.
    fn repeats(&self, other: &Self) -> bool {
        self == other
    }

    /// The call in IAM's spelling, such as `ec2:StopInstances`.
    fn operation(&self) -> &'static str {
        self.describe().operation
    }

    /// What it does for a halt or a release.
    fn part(&self) -> Part {
        self.describe().part
    }

    /// Whether doing this would do the other as well, at least in part: the same call, or one for some of the same
    /// members.
    fn covers(&self, other: &Self) -> bool {
        let (items, those) = (self.items(), other.items());
        if items.is_empty() {
            return self.repeats(other);
        }
        (self.operation(), self.region()) == (other.operation(), other.region())
            && those.iter().any(|item| items.contains(item))
    }
}

/// A token bucket of one account, region and operation: a token a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Tokens that it holds.
    pub at_once: u32,
    /// Tokens that it gains a second.
    pub a_second: u32,
}

/// The local disks of some members of a batch, which end with what is done to them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Erasure {
    /// Their type, such as `i4i.large`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether they have local disks for certain; else nobody has said so far.
    pub certain: bool,
    /// Which members.
    pub items: Vec<String>,
}

/// What an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The call in IAM's spelling.
    pub operation: &'static str,
    /// What it does for a halt or a release.
    pub part: Part,
    /// What it changes, in the singular, for the sums of a mail: `instance` …
    pub noun: &'static str,
    /// … and what becomes of it: `stopped`.
    pub verb: &'static str,
}

impl Description {
    pub(crate) const fn new(operation: &'static str, part: Part, noun: &'static str, verb: &'static str) -> Self {
        Self { operation, part, noun, verb }
    }
}

/// What an action does for a halt or a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Keeps the account from growing.
    Freeze,
    /// Switches off what would launch again.
    Disarm,
    /// Clears the way for a stop, and is planned as long as that is.
    Prepare,
    /// Ends what runs.
    Stop,
    /// Denies somebody everything, or ends sessions.
    Lock,
    /// Takes credentials or whatever hangs on them away.
    Strip,
    /// Gives something back that runs nothing by itself.
    GiveBack,
    /// Starts something again, or lets it start.
    Restart,
}

/// What undoes an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo<A> {
    /// Another action.
    By(A),
    /// Nothing: it must be made anew.
    Never,
    /// Nothing needs to: what comes after it is not affected.
    NotNeeded,
    /// It is itself what undoes another.
    IsUndo,
}

/// What of a release's request gives back what an action changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<'a> {
    /// Nothing: every release does.
    Nothing,
    /// This user's name.
    User(&'a str),
    /// This role's name.
    Role(&'a str),
    /// The id of this access key or other credential.
    Key(&'a str),
    /// To start these instances.
    Start(Vec<&'a str>),
    /// To start something, or this by its name: it launches by itself.
    Launch(&'a str),
}

/// Writes a batch: `stop 7 instances in us-east-1: i-1, i-2, i-3, i-4, i-5 and 2 more`.
pub(crate) fn write_batch<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    verb: &str,
    noun: &str,
    region: &Region,
    ids: &[T],
) -> fmt::Result {
    const SHOWN: usize = 5;
    write!(f, "{verb} {} in {region}: ", crate::vocabulary::text::count(ids.len() as u64, noun))?;
    for (index, id) in ids.iter().take(SHOWN).enumerate() {
        write!(f, "{}{id}", if index == 0 { "" } else { ", " })?;
    }
    if ids.len() > SHOWN { write!(f, " and {} more", ids.len() - SHOWN) } else { Ok(()) }
}
