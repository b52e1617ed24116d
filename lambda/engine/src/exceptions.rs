//! Makes an exception for an account, and takes one back. Only whoever may call the function can: no event of a member
//! account leads here.

use runawaytrain_core::decision::{self, News};
use runawaytrain_core::message::mail;
use runawaytrain_core::message::report::{Answer, ExceptionReport, NoticeTotals};
use runawaytrain_core::policy::{Exception, WantedException};
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::vocabulary::failure::Failure;

use crate::deadline::Invocation;
use crate::notify::Mailer;
use crate::patience::while_busy;
use crate::ports::{Clock, Commit, LeaseMove, States, StoreError, VersionedRecord};
use crate::scope::ScopedAccount;

/// How often it is begun anew because somebody wrote the record meanwhile.
const RACES: usize = 5;

/// What it rests on.
pub(crate) struct Exceptions<'a> {
    pub states: &'a dyn States,
    pub mailer: &'a Mailer,
    pub clock: &'a dyn Clock,
    pub invocation: &'a Invocation,
}

/// What comes of one try: the record with the change, its news, and a sentence; or a refusal.
type Change = Result<(AccountRecord, Vec<News>, String), String>;

impl Exceptions<'_> {
    /// Raises limits for a time, in the place of an exception that was made before.
    pub async fn allow(&self, scoped: &ScopedAccount, wanted: &WantedException) -> Answer {
        let account = &scoped.policy.account;
        let change = |record: &AccountRecord| {
            let now = self.clock.now();
            let exception = Exception::new(wanted.clone(), &scoped.policy, record.exception.as_ref(), now)
                .map_err(|why| format!("No exception was made for account {account}: {why}."))?;
            let sentence = format!("Account {account} has an exception until {}.", exception.until);
            let (record, news) = decision::excepted(record, exception);
            Ok((record, news, sentence))
        };
        self.write(scoped, change).await
    }

    /// Takes an exception back before its end.
    pub async fn revoke(&self, scoped: &ScopedAccount, by: Option<&str>) -> Answer {
        let account = &scoped.policy.account;
        let change = |record: &AccountRecord| {
            let (record, news) = decision::revoked(record, by.map(str::to_owned), self.clock.now())
                .ok_or_else(|| format!("Account {account} has no exception, so there is none to revoke."))?;
            Ok((record, news, format!("The exception of account {account} was revoked: its own limits hold again.")))
        };
        self.write(scoped, change).await
    }

    /// Writes a change down with its mails, or nothing of both. Whoever contains the account meanwhile writes the
    /// record as they know it: they are not raced.
    async fn write(&self, scoped: &ScopedAccount, change: impl Fn(&AccountRecord) -> Change) -> Answer {
        let (policy, until) = (&scoped.policy, self.invocation.deadline.stop_work());
        let account = &policy.account;
        for _ in 0..RACES {
            let known = match while_busy(account, until, || self.states.load(account)).await {
                Ok(known) => known.unwrap_or_else(|| VersionedRecord {
                    record: AccountRecord::new(account.clone(), self.clock.now()),
                    version: 0,
                    lease: None,
                }),
                Err(failure) => return unrecorded(scoped, &failure),
            };
            if known.lease.as_ref().is_some_and(|lease| lease.until > self.clock.now()) {
                return Answer::refused(format!(
                    "Account {account} is being contained by another invocation. Try again in a minute."
                ));
            }
            let (record, news, sentence) = match change(&known.record) {
                Ok(changed) => changed,
                Err(why) => return Answer::refused(why),
            };
            let now = self.clock.now();
            let before = known.record.exception.clone().filter(|before| before.holds(now));
            let ended = before.filter(|before| record.exception.as_ref() != Some(before));
            let (exception, state) = (record.exception.clone(), record.state);
            let lease = LeaseMove::None { expected: known.version };
            let notices = news.iter().flat_map(|news| mail::write(policy, news)).collect();
            let commit = Commit { record, lease, notices, peak: None, at: self.clock.now() };
            match while_busy(account, until, || self.states.commit(commit.clone())).await {
                Ok(_) => {
                    let notices: NoticeTotals = self.mailer.deliver().await;
                    let name = scoped.name.clone();
                    let account = account.clone();
                    let report = ExceptionReport { account, name, state, exception, ended, notices };
                    return Answer::excepted(sentence, report);
                }
                Err(StoreError::Conflict | StoreError::LeaseLost) => {}
                Err(StoreError::Failed(failure)) => return unrecorded(scoped, &failure),
            }
        }
        Answer::refused(format!("Account {account} is being written by other invocations. Try again in a minute."))
    }
}

fn unrecorded(scoped: &ScopedAccount, failure: &Failure) -> Answer {
    Answer::failed(format!(
        "The exception of account {} could not be recorded, so nothing was changed: {failure}",
        scoped.policy.account
    ))
}
