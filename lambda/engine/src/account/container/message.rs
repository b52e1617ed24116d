//! What the judge and the container say to each other.

use jiff::Timestamp;

use runawaytrain_core::decision::Decision;
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::observation::Observation;
use runawaytrain_core::plan::Containment;
use runawaytrain_core::plan::doors::Doors;
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::resource::Refusals;
use runawaytrain_core::vocabulary::failure::Failure;

use crate::ports::VersionedRecord;

/// What a containment begins with.
pub(in crate::account) struct Start {
    /// Why, and what is to be done.
    pub decision: Decision,
    /// What had been seen by then.
    pub observation: Observation,
    /// What is remembered.
    pub known: VersionedRecord,
    /// Which calls earlier invocations of the halt were denied whatever they were about.
    pub doors: Doors,
}

/// What came of a beginning.
pub(in crate::account) enum StartAnswer {
    /// The lease is held; this is stored now.
    Held(Box<VersionedRecord>),
    /// The account is frozen already, and no more is to be done.
    NothingToDo,
    /// Somebody was faster: the decision rests on an old record, and must be made anew on this one.
    Outrun(Box<VersionedRecord>),
    /// Nothing was contained.
    Failed(StartError),
}

/// Why nothing was contained.
#[derive(Debug, thiserror::Error)]
pub(in crate::account) enum StartError {
    #[error("nothing was contained, for the state could not be recorded first: {0}")]
    NotRecorded(Failure),
    #[error("nothing was contained, for the state could not be read: {0}")]
    NotRead(Failure),
    #[error("invocation {holder} is containing the account (its lease holds until {until})")]
    Leased { holder: String, until: Timestamp },
    #[error("another invocation changed the account's state meanwhile; the next sweep judges it again")]
    Overruled,
    #[error("the account's state changed too often to begin; the next sweep tries again")]
    OutrunTooOften,
    #[error("the account's record says halted but names no halt: repair or delete it in the table")]
    NoHalt,
    #[error("the containment broke off")]
    Broken,
}

/// What a containment ends with.
pub(in crate::account) struct Closing {
    /// The last decision, with every region in it.
    pub decision: Decision,
    /// What runs.
    pub summary: Summary,
    /// What refused in this halt before this invocation took it up.
    pub refusals: Refusals,
}

/// What a containment came to.
pub(in crate::account) struct Conclusion {
    /// What was done, and what the last look still found.
    pub containment: Containment,
    /// What is recorded.
    pub record: AccountRecord,
    /// Why it is not what it should be, in a sentence.
    pub error: Option<String>,
}
