//! "May we?", asked before it matters: whether the responder's role may make the calls of a halt in each account.
//!
//! It comes after everything else of a sweep, so that it delays no look, no halt and no mail of one. Nobody is judged
//! by it: an answer is remembered beside the state and mailed about where it is news, and what is not known is neither.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::decision::{after_simulation, asks_simulator, may_be_ours};
use runawaytrain_core::message::mail;
use runawaytrain_core::message::report::{AccountReport, PermissionsReport};
use runawaytrain_core::observation::Seen;
use runawaytrain_core::plan::permissions::Responder;
use runawaytrain_core::policy::{AccountPolicy, Policy};
use runawaytrain_core::record::{AccountRecord, Denied};
use runawaytrain_core::resource::quarantine::{Attachment, Policy as OurPolicy};
use runawaytrain_core::resource::{Kind, SIMULATE, Sight};
use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use runawaytrain_core::vocabulary::mode::Mode;

use crate::deadline::{Deadline, in_time};
use crate::observe::Collector;
use crate::patience::while_busy;
use crate::ports::{Clock, Commit, LeaseMove, Look, Ports, Records, Simulator, States, VersionedRecord};
use crate::scope::Scope;
use crate::trigger::Selection;

/// So long after a sweep accounts are asked about; those for whom it leaves less than [`PATIENCE`] are by the next one.
const BUDGET: Duration = Duration::from_secs(60);

/// So long an account's simulator is waited for. Where it does not answer, that is an answer that did not come, and so
/// is not waited for in each sweep of the day.
const PATIENCE: Duration = Duration::from_secs(20);

/// So many accounts are asked about at once. IAM's quotas are each account's own: this bounds our sockets.
const AT_A_TIME: usize = 32;

/// Asks the simulator, and remembers what it says.
pub(crate) struct Permissions {
    simulator: Arc<dyn Simulator>,
    states: Arc<dyn States>,
    collector: Collector,
    clock: Arc<dyn Clock>,
    organization: String,
    /// What is asked, in a few characters: of every account the same, so the payer stands for all.
    asked: String,
}

/// What a request has to do with permissions.
pub(crate) enum Inquiry {
    /// Nothing: it is about some accounts, and in a hurry.
    None,
    /// A sweep of all: those are asked about of whom it is due.
    Due(Vec<AccountPolicy>),
    /// A drill of all says what is remembered.
    Remembered(BTreeMap<AccountId, PermissionsReport>),
    /// A drill of accounts that it names asks about each, and remembers nothing.
    Now(Vec<(AccountPolicy, Option<AccountRecord>)>),
}

impl Permissions {
    pub fn new(ports: &Ports, collector: Collector, policy: &Policy) -> Self {
        let organization = policy.organization_id().to_owned();
        let region = Region::new(HOME_REGION);
        let anybody = Responder { account: policy.payer().clone(), organization: organization.clone(), region };
        Self {
            simulator: Arc::clone(&ports.simulator),
            states: Arc::clone(&ports.states),
            collector,
            clock: Arc::clone(&ports.clock),
            organization,
            asked: anybody.fingerprint(),
        }
    }

    /// What is to be asked in a sweep or a drill of this scope, by what was remembered when it began.
    pub fn inquiry(&self, scope: &Scope, records: &Records, selection: &Selection, is_drill: bool) -> Inquiry {
        let record = |account: &AccountId| records.readable.get(account).map(|known| &known.record);
        // Whoever is not looked at is not asked about either, and what cannot be read cannot be remembered anew.
        let policies = scope.accounts.iter().filter(|scoped| scoped.mode != Mode::Pass).map(|scoped| &scoped.policy);
        let policies = policies.filter(|policy| !records.unreadable.contains_key(&policy.account));
        match (is_drill, selection) {
            (false, Selection::Only(_)) => Inquiry::None,
            (false, Selection::All) => {
                let is_due = |policy: &&AccountPolicy| record(&policy.account).is_none_or(|record| self.is_due(record));
                Inquiry::Due(policies.filter(is_due).cloned().collect())
            }
            (true, Selection::All) => Inquiry::Remembered(
                policies
                    .map(|policy| {
                        let known = record(&policy.account).and_then(|record| record.permissions.as_ref());
                        (policy.account.clone(), PermissionsReport::remembered(known))
                    })
                    .collect(),
            ),
            (true, Selection::Only(_)) => {
                Inquiry::Now(policies.map(|policy| (policy.clone(), record(&policy.account).cloned())).collect())
            }
        }
    }

    /// Asks what is to be asked, once every account was judged. Whether something was put into the outbox.
    pub async fn carry_out(&self, inquiry: Inquiry, accounts: &mut [AccountReport], deadline: Deadline) -> bool {
        let budget = Instant::now() + BUDGET;
        let until = deadline.stop_work().map_or(budget, |end| end.min(budget));
        match inquiry {
            Inquiry::None => false,
            Inquiry::Due(due) => {
                // Only of whom this sweep could enter: to ask about the others is to be refused once more.
                let entered = accounts.iter().filter(|report| report.verdict.is_some());
                let entered: BTreeSet<AccountId> = entered.map(|report| report.account.clone()).collect();
                let due = due.into_iter().filter(|policy| entered.contains(&policy.account));
                let asked = due.map(async |policy| self.take_in(&policy, until, deadline).await);
                stream::iter(asked).buffer_unordered(AT_A_TIME).fold(false, async |told, is_news| told || is_news).await
            }
            Inquiry::Remembered(mut known) => {
                accounts.iter_mut().for_each(|report| report.permissions = known.remove(&report.account));
                false
            }
            Inquiry::Now(asked) => {
                let asked = asked.into_iter().map(async |(policy, record)| {
                    let found = self.report(&policy, record.as_ref(), until).await;
                    (policy.account, found)
                });
                let mut found: BTreeMap<AccountId, PermissionsReport> =
                    stream::iter(asked).buffer_unordered(AT_A_TIME).collect().await;
                accounts.iter_mut().for_each(|report| report.permissions = found.remove(&report.account));
                false
            }
        }
    }

    fn is_due(&self, record: &AccountRecord) -> bool {
        asks_simulator(record, &self.asked, self.clock.now())
    }

    /// Whoever holds the lease writes the record over and over, and attaches what denies.
    fn is_being_contained(&self, known: &VersionedRecord) -> bool {
        known.lease.as_ref().is_some_and(|lease| lease.until > self.clock.now())
    }

    /// Asks about one account, and remembers what came of it beside its state as that stands now. Whether it is news.
    async fn take_in(&self, policy: &AccountPolicy, until: Instant, deadline: Deadline) -> bool {
        let account = &policy.account;
        // Who would be cut off by our own budget is not asked: that would be no answer that did not come.
        let patience = Instant::now() + PATIENCE;
        if until < patience {
            return false;
        }
        // The sweep wrote it a moment ago, and somebody may have begun to contain the account since.
        let known = match self.states.load(account).await {
            Ok(Some(known)) if self.is_due(&known.record) && !self.is_being_contained(&known) => known,
            Ok(_) => return false,
            Err(failure) => {
                tracing::debug!(account = %account, error = %failure, "the record could not be read: nobody asked");
                return false;
            }
        };
        let late = || {
            let detail = format!("no answer within {} seconds", PATIENCE.as_secs());
            Err(Failure::own(SIMULATE, FailureKind::Unavailable, detail))
        };
        let answer = in_time(Some(patience), self.ask(policy, &known.record, patience)).await.unwrap_or_else(late);
        if let Err(failure) = &answer {
            tracing::info!(account = %account, error = %failure, "what we may do there is not known");
        }
        let now = self.clock.now();
        let (record, news) = after_simulation(&known.record, &self.asked, &answer, now);
        let notices: Vec<_> = news.iter().flat_map(|news| mail::write(policy, news)).collect();
        let is_news = !notices.is_empty();
        let lease = LeaseMove::None { expected: known.version };
        let commit = Commit { record, lease, notices, peak: None, at: now };
        match while_busy(account, deadline.stop_work(), || self.states.commit(commit.clone())).await {
            Ok(_) => is_news,
            Err(failure) => {
                tracing::debug!(account = %account, error = %failure, "permissions could not be recorded: asked again");
                false
            }
        }
    }

    /// The same for a drill, which leaves no trace.
    async fn report(
        &self,
        policy: &AccountPolicy,
        record: Option<&AccountRecord>,
        until: Instant,
    ) -> PermissionsReport {
        if let Some(why) = record.and_then(|record| may_be_ours(record, self.clock.now())) {
            return PermissionsReport::unknown(format!("not asked: {why}"));
        }
        let new = || AccountRecord::new(policy.account.clone(), self.clock.now());
        let record = record.cloned().unwrap_or_else(new);
        match in_time(Some(until), self.ask(policy, &record, until)).await {
            Some(Ok(denied)) => PermissionsReport::answered(&denied, self.clock.now()),
            Some(Err(failure)) => PermissionsReport::unknown(failure.to_string()),
            None => PermissionsReport::unknown("there was no time to ask"),
        }
    }

    /// Everything that a halt needs, question by question. One that is not answered leaves the whole unknown.
    async fn ask(&self, policy: &AccountPolicy, record: &AccountRecord, until: Instant) -> Result<Denied, Failure> {
        let responder = self.responder(policy, record)?;
        let mut denied = Denied::new();
        for question in responder.questions() {
            let answer = self.simulator.simulate(&responder.account, &question).await?;
            denied.extend(answer.into_iter().map(|(call, by)| (call.to_owned(), by)));
        }
        let is_by_the_organization = denied.values().any(|by| *by == DeniedBy::Organization);
        // What a release could not take off denies us nothing, and is not to be relied upon to.
        if is_by_the_organization && record.halt.is_some() && !self.has_none_of_ours(&responder.account, until).await {
            let detail = "a policy of ours is attached to the account, or may be";
            return Err(Failure::own(SIMULATE, FailureKind::Other, detail));
        }
        Ok(denied)
    }

    async fn has_none_of_ours(&self, account: &AccountId, until: Instant) -> bool {
        let seen: Seen<Sight> = self.collector.look(account, &Look::at(Kind::Quarantine, None), Some(until)).await;
        matches!(seen, Ok(Sight::Quarantine(attachments))
            if OurPolicy::ALL.iter().all(|ours| attachments.of(*ours) != Attachment::Attached))
    }

    /// A region that the organization denies would be said to deny us, and is not one in which a halt has anything to
    /// do: where none is known to be open, nothing can be asked.
    fn responder(&self, policy: &AccountPolicy, record: &AccountRecord) -> Result<Responder, Failure> {
        let none = || Failure::own(SIMULATE, FailureKind::Other, "no open region is known");
        let region = open_region(policy, record).ok_or_else(none)?;
        Ok(Responder { account: policy.account.clone(), organization: self.organization.clone(), region })
    }
}

/// A region in which the account is looked at, the home region before all others: of one that the organization denies
/// it is known that we may do nothing there.
fn open_region(policy: &AccountPolicy, record: &AccountRecord) -> Option<Region> {
    let known = &record.regions;
    let is_open = |region: &&Region| {
        ![&known.refused, &policy.closed_regions, &policy.denied_regions].iter().any(|closed| closed.contains(*region))
    };
    let open: Vec<&Region> = known.listed.iter().filter(is_open).collect();
    open.iter().find(|region| region.as_str() == HOME_REGION).or(open.first()).map(|region| (*region).clone())
}
