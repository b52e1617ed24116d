//! The answer of an invocation: a status, one sentence, and the machine-readable report.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use jiff::Timestamp;
use serde::Serialize;

use crate::measure::limit::Limit;
use crate::measure::price::Burn;
use crate::measure::spend::SpendSeen;
use crate::measure::summary::Summary;
use crate::observation::{Coverage, Gap};
use crate::plan::{self, ActionResult, Containment, Plan};
use crate::policy::Exception;
use crate::record::{AccountRecord, State};
use crate::resource::Action;
use crate::verdict::{Judgement, Reading, Verdict};
use crate::vocabulary::failure::FailureKind;
use crate::vocabulary::ids::{AccountId, HaltId};
use crate::vocabulary::mode::Mode;
use crate::vocabulary::text::{clean, count};

mod cost_reports;
mod distributed;
mod permissions;
mod records;
mod totals;

pub use cost_reports::{CostReportsReport, NonMemberSpend, PeriodReport, PeriodResult, ReadPeriod};
pub use distributed::{BatchCounts, BatchReport, Entry, ListReport, Workers};
pub use permissions::{DeniedCalls, PermissionsReport};
pub use records::{BatchItemFailure, RecordReport, RecordResult};
pub use totals::Totals;

/// What the Lambda answers, whatever it was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// 200 done, 400 refused, 500 failed.
    #[serde(rename = "statusCode")]
    pub status: u16,
    /// One sentence.
    pub body: String,
    /// The details, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// What became of each record of an event that came as records: of every alarm, and of every launch that led to no
    /// judgement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<RecordReport>,
    /// What SQS is to deliver again, empty where it is nothing; absent where the event was no batch of a queue.
    #[serde(rename = "batchItemFailures", skip_serializing_if = "Option::is_none")]
    pub batch_item_failures: Option<Vec<BatchItemFailure>>,
}

/// The details of an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Report {
    /// Of a sweep, a drill or an ordered halt.
    Sweep(Box<SweepReport>),
    /// Of a release.
    Release(Box<ReleaseReport>),
    /// Of what is remembered.
    Status(Box<StatusReport>),
    /// Of an exception that was made or taken back.
    Exception(Box<ExceptionReport>),
    /// Of the Cost and Usage Reports.
    CostReports(Box<CostReportsReport>),
    /// Of the list of a distributed sweep.
    List(Box<ListReport>),
    /// Of one of its workers.
    Batch(Box<BatchReport>),
}

/// A release, whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReleaseReport {
    /// The account: its plan is what was undone and what was not, its outcomes how that went.
    pub accounts: Vec<AccountReport>,
    /// Mails.
    pub notices: NoticeTotals,
    /// Steps that were not done: refused, or cut off. Whoever asks again has them tried once more.
    pub undone: usize,
}

/// An exception that was made or taken back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionReport {
    /// Which account.
    pub account: AccountId,
    /// What the organization or the policy calls it.
    pub name: String,
    /// Where it stands: an exception ends no halt.
    pub state: State,
    /// The one that holds now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exception>,
    /// The one that held before, and no longer does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Exception>,
    /// Mails.
    pub notices: NoticeTotals,
}

/// What is remembered of every account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusReport {
    /// Each account's record as it is stored.
    pub accounts: Vec<AccountRecord>,
    /// The accounts whose record cannot be read, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unreadable: BTreeMap<AccountId, String>,
}

impl Answer {
    fn new(status: u16, body: impl Into<String>, report: Option<Report>) -> Self {
        Self { status, body: body.into(), report, records: Vec::new(), batch_item_failures: None }
    }

    /// Done, with nothing to report.
    pub fn done(body: impl Into<String>) -> Self {
        Self::new(200, body, None)
    }

    /// A sweep that was carried out.
    pub fn swept(body: impl Into<String>, report: SweepReport) -> Self {
        Self::new(200, body, Some(Report::Sweep(Box::new(report))))
    }

    /// What is remembered of every account.
    pub fn status(accounts: Vec<AccountRecord>, unreadable: BTreeMap<AccountId, String>) -> Self {
        let halted = accounts.iter().filter(|record| record.state.is_halt()).count();
        let unseen = accounts.iter().filter(|record| record.unseen.is_some()).count();
        let mut body =
            format!("{} known, {halted} halted, {unseen} not seen whole.", count(accounts.len() as u64, "account"));
        if !unreadable.is_empty() {
            let records = count(unreadable.len() as u64, "record");
            body.push_str(&format!(" {records} cannot be read: see the report."));
        }
        Self::new(200, body, Some(Report::Status(Box::new(StatusReport { accounts, unreadable }))))
    }

    /// A release that was carried out.
    pub fn released(body: String, account: AccountReport, notices: NoticeTotals, undone: usize) -> Self {
        let report = ReleaseReport { accounts: vec![account], notices, undone };
        Self::new(200, body, Some(Report::Release(Box::new(report))))
    }

    /// An exception that was made or taken back.
    pub fn excepted(body: String, report: ExceptionReport) -> Self {
        Self::new(200, body, Some(Report::Exception(Box::new(report))))
    }

    /// Cost and Usage Reports that were looked through; failed where one of them should have been read and was not.
    pub fn cost_reports(body: String, report: CostReportsReport) -> Self {
        let failed = report.periods.iter().any(|period| period.result == PeriodResult::Failed);
        Self::new(if failed { 500 } else { 200 }, body, Some(Report::CostReports(Box::new(report))))
    }

    /// The list of a distributed sweep.
    pub fn listed(body: impl Into<String>, report: ListReport) -> Self {
        Self::new(200, body, Some(Report::List(Box::new(report))))
    }

    /// What a worker of one found.
    pub fn batch(body: impl Into<String>, report: BatchReport) -> Self {
        Self::new(200, body, Some(Report::Batch(Box::new(report))))
    }

    /// The report of a sweep, where this is one's answer.
    pub fn sweep(&self) -> Option<&SweepReport> {
        match &self.report {
            Some(Report::Sweep(report)) => Some(report),
            _ => None,
        }
    }

    /// Refused: the request makes no sense, and nothing was touched.
    pub fn refused(body: impl Into<String>) -> Self {
        Self::new(400, body, None)
    }

    /// Failed: the request was sound but something it rests on was not there.
    pub fn failed(body: impl Into<String>) -> Self {
        Self::new(500, body, None)
    }
}

/// A sweep, whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// The invocation's id.
    pub sweep: String,
    /// What set it off.
    pub trigger: String,
    /// How far it was allowed to go at the most.
    pub mode: Mode,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Whether every account in scope was reached before the deadline, and its record and its units are known.
    pub complete: bool,
    /// Why the organization's accounts could not be listed, where they could not: only those are in scope then that are
    /// known from before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<String>,
    /// Account-regions seen and expected.
    pub coverage: Coverage,
    /// Sums over all accounts.
    pub totals: Totals,
    /// Every account in scope; of a distributed sweep some of those that were not served.
    pub accounts: Vec<AccountReport>,
    /// The workers of a distributed sweep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<Workers>,
    /// Mails.
    pub notices: NoticeTotals,
}

/// Mails of an invocation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NoticeTotals {
    /// Taken by SNS.
    pub sent: usize,
    /// Still in the outbox; the next invocation tries them again.
    pub waiting: usize,
    /// Why, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

impl NoticeTotals {
    /// So many sentences say why mails wait where there is no room for all.
    const SOME: usize = 25;

    /// Leaves some of the sentences, and says how many more there are.
    pub fn keep_some(&mut self) {
        let more = self.errors.len().saturating_sub(Self::SOME);
        if more > 0 {
            self.errors.truncate(Self::SOME);
            self.errors.push(format!("and {more} more, see the log"));
        }
    }
}

impl AddAssign for NoticeTotals {
    /// With those of a later delivery: what waited then and was sent since is in both.
    fn add_assign(&mut self, later: Self) {
        self.sent += later.sent;
        self.waiting = later.waiting;
        self.errors.extend(later.errors);
    }
}

/// One account of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountReport {
    /// Which account.
    pub account: AccountId,
    /// What the organization or the policy calls it.
    pub name: String,
    /// How far the machine could go in it.
    pub mode: Mode,
    /// Where it stands after the sweep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// What the numbers mean; absent where nothing could be seen at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Judgement>,
    /// Whether some part of it could not be seen.
    pub unseen: bool,
    /// Every limit with its number.
    pub readings: Vec<Reading>,
    /// What ran.
    pub instances: InstanceReport,
    /// vCPUs of the instances that count.
    pub vcpus: u64,
    /// What the instances that count cost in an hour, in US dollars.
    pub burn: Burn,
    /// What was spent, in US dollars, as far as it is known; each number with its age and source.
    pub spend: SpendSeen,
    /// Limits in force whose number is not known at present.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Limit>,
    /// What could not be seen.
    pub gaps: Vec<GapReport>,
    /// Why nobody could tell in which organizational units it is, where the policy has units: whatever holds for it
    /// holds as the mildest that it may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units_unknown: Option<String>,
    /// What a halt does or would do.
    pub plan: PlanReport,
    /// What people must look at: made shortly before the halt, or since, or open to outsiders.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<String>,
    /// What the guard may do in it; only a drill says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<PermissionsReport>,
    /// The limits of it that are raised for a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exception>,
    /// What was done.
    pub outcomes: Vec<OutcomeReport>,
    /// The halt, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halt: Option<HaltReport>,
    /// Why the account was not served or not recorded, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What ran in an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceReport {
    /// Instances that count.
    pub counted: u64,
    /// Instances that are exempt.
    pub exempt: u64,
    /// All of them by region.
    pub by_region: BTreeMap<crate::vocabulary::ids::Region, u64>,
}

/// A place that was not seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapReport {
    /// Where.
    pub at: String,
    /// Why, in words.
    pub reason: String,
    /// What kind of no it was.
    pub kind: FailureKind,
    /// AWS's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A plan in words and as data.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PlanReport {
    /// What is or would be done.
    pub actions: Vec<ActionReport>,
    /// Whose local disks a stop erases, by type and region.
    #[serde(rename = "localDisks", skip_serializing_if = "Vec::is_empty")]
    pub local_disks: Vec<String>,
    /// What is left alone.
    pub skipped: Vec<SkippedReport>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionReport {
    /// In words.
    pub text: String,
    /// As data.
    #[serde(flatten)]
    pub action: Action,
}

/// One thing left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedReport {
    /// What.
    pub item: String,
    /// Why.
    pub reason: String,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutcomeReport {
    /// What was called, in words.
    pub text: String,
    /// `done`, `already-so` or `failed`.
    pub result: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The halt of an account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HaltReport {
    /// Its id, as in the journal.
    pub id: HaltId,
    /// Whether two clean passes proved it: nothing that is looked at runs any more.
    pub contained: bool,
    /// Whether spend alone tripped it and what ran does not account for it: the source of the spend was not found.
    pub unexplained: bool,
    /// Seconds from the trip to the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

impl AccountReport {
    /// An account of which nothing is known yet.
    pub fn new(account: AccountId, name: &str, mode: Mode) -> Self {
        Self {
            account,
            name: clean(name),
            mode,
            state: None,
            verdict: None,
            unseen: false,
            readings: Vec::new(),
            instances: InstanceReport::default(),
            vcpus: 0,
            burn: Burn::default(),
            spend: SpendSeen::default(),
            unknown: Vec::new(),
            gaps: Vec::new(),
            units_unknown: None,
            plan: PlanReport::default(),
            suspects: Vec::new(),
            permissions: None,
            exception: None,
            outcomes: Vec::new(),
            halt: None,
            error: None,
        }
    }

    /// An account that was not served, and why.
    pub fn unserved(account: AccountId, name: &str, why: impl Into<String>) -> Self {
        Self { error: Some(why.into()), ..Self::new(account, name, Mode::Pass) }
    }

    /// Adds what was seen and what it means. An account that could not be entered has no verdict: nothing is known
    /// about it.
    #[must_use]
    pub fn with_verdict(mut self, verdict: &Verdict, coverage: Coverage, summary: &Summary) -> Self {
        self.verdict = (coverage.seen > 0).then_some(verdict.judgement);
        self.unseen = verdict.is_unseen();
        self.readings = if coverage.seen > 0 { verdict.readings.clone() } else { Vec::new() };
        self.instances =
            InstanceReport { counted: summary.instances, exempt: summary.exempt, by_region: summary.by_region.clone() };
        self.vcpus = summary.vcpus;
        self.burn = summary.burn;
        self.spend = verdict.spend.clone();
        self.unknown.clone_from(&verdict.unknown);
        self.gaps = verdict.gaps.iter().map(GapReport::from).collect();
        self
    }

    /// Adds the plan.
    #[must_use]
    pub fn with_plan(mut self, plan: &Plan) -> Self {
        self.plan = PlanReport {
            actions: plan
                .actions()
                .map(|action| ActionReport { text: action.to_string(), action: action.clone() })
                .collect(),
            local_disks: plan::erased(plan.actions(), &BTreeMap::new()),
            skipped: plan
                .skipped()
                .iter()
                .map(|skipped| SkippedReport { item: clean(&skipped.item), reason: skipped.reason.to_string() })
                .collect(),
        };
        self
    }

    /// Adds what was done.
    #[must_use]
    pub fn with_containment(mut self, containment: &Containment) -> Self {
        self.outcomes = containment
            .outcomes
            .iter()
            .map(|outcome| {
                let (result, reason) = match &outcome.result {
                    ActionResult::Done => ("done", None),
                    ActionResult::AlreadyDone => ("already-so", None),
                    ActionResult::Failed { failure } => ("failed", Some(failure.to_string())),
                };
                OutcomeReport { text: outcome.action.to_string(), result, reason }
            })
            .collect();
        self
    }
}

impl From<&Gap> for GapReport {
    fn from(gap: &Gap) -> Self {
        Self {
            at: clean(&gap.at),
            reason: gap.failure.to_string(),
            kind: gap.failure.kind,
            code: gap.failure.code.clone(),
        }
    }
}

impl Totals {
    /// Sums up the accounts of a sweep.
    pub fn of(accounts: &[AccountReport]) -> Self {
        let mut totals = Self { accounts: accounts.len(), ..Self::default() };
        for account in accounts {
            let standing = account.state.is_some_and(State::is_contained);
            match account.verdict {
                _ if standing => totals.halt += 1,
                Some(Judgement::Ok) => totals.ok += 1,
                Some(Judgement::Warn) => totals.warn += 1,
                Some(Judgement::Halt) => totals.halt += 1,
                None => {}
            }
            totals.unseen += usize::from(account.unseen);
            totals.unserved += usize::from(account.error.is_some());
            totals.instances += account.instances.counted;
            totals.vcpus += account.vcpus;
            totals.burn += account.burn.total();
        }
        totals
    }

    /// One sentence.
    pub fn sentence(&self) -> String {
        let mut parts = vec![format!("{} ok", self.ok)];
        for (number, word) in [
            (self.warn, "warned"),
            (self.halt, "halted or over the limit"),
            (self.unseen, "not seen whole"),
            (self.unserved, "not served"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {word}"));
            }
        }
        format!("Swept {}: {}.", count(self.accounts as u64, "account"), parts.join(", "))
    }
}
