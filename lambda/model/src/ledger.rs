//! What all invocations share, and what the proof remembers of it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::message::{Notice, NoticeKind};
use runawaytrain_core::resource::Action;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Commit, OutboxId, StoreError, VersionedRecord};
use runawaytrain_testbed::Book;

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    /// It is made and answered.
    Comes,
    /// It is made, and nobody learns of it.
    IsLost,
    /// It is not made, and nobody learns of that.
    NeverAsked,
}

/// The table, and every mail that was ever put into it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub book: Book,
    pub mails: BTreeMap<OutboxId, Posted>,
}

/// What became of a mail.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub kind: NoticeKind,
    pub account: AccountId,
    /// The halt that its record told of.
    pub halt: Option<String>,
    /// How often SNS took it.
    pub sent: u32,
    /// How often it may be taken once more: nobody learnt that SNS took it, or whoever claimed it was at it for longer
    /// than a claim lasts.
    pub excuses: u32,
    /// Until when it was last claimed.
    pub claimed: Option<Timestamp>,
}

impl Ledger {
    /// One atomic write.
    pub fn write<T>(
        &mut self,
        answer: Answer,
        write: impl FnOnce(&mut Book) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lost = || Failure::own("the table", FailureKind::Unavailable, "no answer").into();
        match answer {
            Answer::Comes => write(&mut self.book),
            Answer::IsLost => {
                let _ = write(&mut self.book);
                Err(lost())
            }
            Answer::NeverAsked => Err(lost()),
        }
    }

    /// A record with its mails.
    pub fn commit(&mut self, answer: Answer, mut commit: Commit) -> Result<VersionedRecord, StoreError> {
        // Nothing rests on what a mail says: states that differ in it alone are one.
        commit.notices.iter_mut().for_each(|notice| notice.body.clear());
        let halt = commit.record.halt.as_ref().map(|halt| halt.id.to_string());
        let stored = self.write(answer, |book| book.commit(commit));
        self.take_note(halt.as_deref());
        stored
    }

    /// A mail that comes with no record.
    pub fn add(&mut self, notice: &Notice, now: Timestamp) {
        self.book.add(notice, now, SignedDuration::ZERO);
        self.take_note(None);
    }

    /// Remembers the mails that are new.
    fn take_note(&mut self, halt: Option<&str>) {
        for item in self.book.waiting() {
            self.mails.entry(item.id).or_insert_with(|| Posted {
                kind: item.notice.kind,
                account: item.notice.account,
                halt: halt.map(str::to_owned),
                sent: 0,
                excuses: 0,
                claimed: None,
            });
        }
    }

    /// Somebody claimed a mail. Where the claim before ran out, whoever had it may send the mail all the same.
    pub fn claimed(&mut self, id: &OutboxId, now: Timestamp, until: Timestamp) {
        if let Some(mail) = self.mails.get_mut(id) {
            mail.excuses += u32::from(mail.claimed.is_some_and(|before| before <= now));
            mail.claimed = Some(until);
        }
    }

    /// A claim is given back.
    pub fn unclaim(&mut self, id: &OutboxId) {
        self.book.unclaim(id);
        if let Some(mail) = self.mails.get_mut(id) {
            mail.claimed = None;
        }
    }

    /// Whether somebody took an account's lease after the holder of a fence.
    pub fn is_taken_over(&self, account: &AccountId, fence: u64) -> bool {
        let lease = self.book.load(account).and_then(|stored| stored.lease.as_ref());
        lease.is_some_and(|lease| lease.fence > fence)
    }
}

/// A call on its way to AWS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Flight {
    /// About which account.
    pub account: usize,
    pub action: Action,
    /// The invocation that waits for its answer; nobody where it was killed or gave up.
    pub caller: Option<usize>,
    /// In which tick it was made.
    pub made: i64,
}

/// What went wrong on the way here. Each of these must never be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Wrongs {
    /// A call was made whose intent is not in the journal.
    pub without_intent: bool,
    /// A call was made by a holder whose lease had run out by its own clock, or that had been told so.
    pub without_lease: bool,
    /// A call was made after somebody else had taken the lease.
    pub after_takeover: bool,
    /// A mail was sent a second time without an excuse.
    pub sent_twice: bool,
    /// An account was halted for its limits without a slot of the brake.
    pub without_slot: bool,
}

/// How things stand when an invocation comes to a step.
pub(crate) struct Moment {
    /// By the invocation's own clock.
    pub now: Timestamp,
    /// In ticks of the world.
    pub tick: i64,
    pub answer: Answer,
}
