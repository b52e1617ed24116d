//! The organization: its accounts, and how a call into one of them goes.

mod actuator;
mod directory;
mod money;
mod observer;
mod simulator;
mod visit;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::resource::{Action, Caller, DESCRIBE_REGIONS};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, Region, UnitId};
use runawaytrain_engine::ports::{Lifecycle, Members};
use tokio::time::sleep;

use crate::account::SimAccount;
use crate::clock::SimClock;
use crate::faults::{Fault, failure};
use crate::payer::SimPayer;
use crate::quotas::Quotas;

/// Accounts a page.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html>
pub const ACCOUNTS_A_PAGE: usize = 20;

/// How long a call takes.
const LATENCY: Duration = Duration::from_millis(80);
/// How long a call hangs before its caller gives up.
const HANG: Duration = Duration::from_secs(25);

/// A call that changed, or tried to change, an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Whose account.
    pub account: AccountId,
    /// What.
    pub action: Action,
    /// Virtual time since the testbed began.
    pub after: Duration,
}

/// The organization.
pub struct World {
    pub(crate) payer: SimPayer,
    clock: Arc<SimClock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    accounts: BTreeMap<AccountId, SimAccount>,
    faults: Vec<Fault>,
    calls: Vec<Call>,
    looks: usize,
    requests: BTreeMap<String, usize>,
    faults_met: u64,
    quotas: Option<Quotas>,
    /// What the adapters remember, and since when.
    regions: BTreeMap<AccountId, (Timestamp, Vec<Region>)>,
    members: Option<Members>,
    units: Option<(Timestamp, BTreeMap<AccountId, Vec<UnitId>>)>,
    /// Whether the list of accounts leaves out where they are.
    has_no_paths: bool,
    hooks: Vec<Hook>,
    /// How long a call takes, where it is not the usual.
    latency: Option<Duration>,
}

/// Somebody who reacts to our looks: the operation, whose account, and the account itself.
type Hook = Box<dyn FnMut(&str, &AccountId, &mut SimAccount) + Send>;

impl World {
    pub(crate) fn new(clock: Arc<SimClock>) -> Self {
        Self { payer: SimPayer::default(), clock, inner: Mutex::default() }
    }

    /// Adds an account.
    pub fn add(&self, account: &AccountId, mut of: SimAccount) {
        (of.id, of.clock) = (Some(account.clone()), Some(Arc::clone(&self.clock)));
        self.lock().accounts.insert(account.clone(), of);
    }

    /// An account leaves the organization: whatever is in it is somebody else's now.
    pub fn remove(&self, account: &AccountId) {
        self.lock().accounts.remove(account).unwrap_or_else(|| panic!("no account {account}"));
    }

    /// Suspends an account in Organizations.
    pub fn suspend(&self, account: &AccountId) {
        self.with(account, |known| known.lifecycle = Lifecycle::Inactive("SUSPENDED".to_owned()));
    }

    /// From now on the list of accounts leaves out where they are in the organization.
    pub fn without_paths(&self) {
        self.lock().has_no_paths = true;
    }

    /// From now on calls draw on the token buckets of EC2, IAM and Organizations.
    pub fn with_quotas(&self) {
        self.lock().quotas = Some(Quotas::default());
    }

    /// The same, where IAM and Organizations take no more than so much of what is guessed of them.
    pub fn with_scarce_quotas(&self, share: f64) {
        self.lock().quotas = Some(Quotas::scarce(share));
    }

    /// From now on each call takes so long.
    pub fn with_latency(&self, latency: Duration) {
        self.lock().latency = Some(latency);
    }

    /// Forgets what the adapters remember, as where the function starts anew.
    pub fn forget(&self) {
        let mut inner = self.lock();
        inner.regions.clear();
        (inner.members, inner.units) = (None, None);
    }

    /// From now on somebody acts in the same instant after each of our looks.
    pub fn after_reads(&self, react: impl FnMut(&str, &AccountId, &mut SimAccount) + Send + 'static) {
        self.lock().hooks.push(Box::new(react));
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Takes all faults back.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Every account.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.lock().accounts.keys().cloned().collect()
    }

    /// Reads or changes an account from outside, as its people or a thief would.
    pub fn with<T>(&self, account: &AccountId, change: impl FnOnce(&mut SimAccount) -> T) -> T {
        let mut inner = self.lock();
        let known = inner.accounts.get_mut(account).unwrap_or_else(|| panic!("no account {account}"));
        known.settle();
        change(known)
    }

    /// Every call that was meant to change something, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How many calls of each operation were made, whatever came of them.
    pub fn requests(&self) -> BTreeMap<String, usize> {
        self.lock().requests.clone()
    }

    /// How many reading calls were made.
    pub fn looks(&self) -> usize {
        self.lock().looks
    }

    /// How many calls met a fault.
    pub fn faults_met(&self) -> u64 {
        self.lock().faults_met
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("not poisoned")
    }

    /// Every call passes here: it takes its time, and meets its fault.
    async fn pass(&self, operation: &str, account: Option<&AccountId>, region: Option<&Region>) -> Result<(), Failure> {
        let latency = {
            let mut inner = self.lock();
            *inner.requests.entry(operation.to_owned()).or_default() += 1;
            inner.latency.unwrap_or(LATENCY)
        };
        sleep(latency).await;
        if let Some(account) = account
            && !self.admits(operation, account, region)
        {
            return Err(failure(operation, FailureKind::Throttled));
        }
        let met = {
            let mut inner = self.lock();
            let met = inner
                .faults
                .iter_mut()
                .find_map(|fault| fault.meets(operation, account, region).then(|| fault.failure.clone()));
            inner.faults_met += u64::from(met.is_some());
            met
        };
        match met {
            None => Ok(()),
            Some(Some(failure)) => Err(Failure { operation: operation.to_owned(), ..failure }),
            Some(None) => {
                sleep(HANG).await;
                Err(failure(operation, FailureKind::Unavailable))
            }
        }
    }

    /// Whether the account's quota has a token for one request.
    fn admits(&self, operation: &str, account: &AccountId, region: Option<&Region>) -> bool {
        let mut inner = self.lock();
        let Inner { accounts, quotas, .. } = &mut *inner;
        let is_looped = accounts.get(account).is_some_and(SimAccount::is_looped);
        quotas.as_mut().is_none_or(|quotas| quotas.admit(account, region, operation, is_looped))
    }

    /// Makes a call about an account: in it, through our role there, or in the payer.
    async fn call(
        &self,
        caller: Caller,
        operation: &str,
        account: &AccountId,
        region: Option<&Region>,
    ) -> Result<(), Failure> {
        match caller {
            Caller::Member if !self.lock().accounts.get(account).is_some_and(|known| known.enrolled) => {
                Err(failure("sts:AssumeRole", FailureKind::Denied))
            }
            Caller::Member => {
                self.pass(operation, Some(account), region).await?;
                let inner = self.lock();
                let known = inner.accounts.get(account);
                match region {
                    // EC2 cannot validate anybody's credentials there.
                    Some(region)
                        if operation != DESCRIBE_REGIONS
                            && known.is_some_and(|known| !known.enabled().any(|enabled| enabled == region)) =>
                    {
                        let failure = failure(operation, FailureKind::Credentials);
                        Err(Failure { code: Some("AuthFailure".to_owned()), ..failure })
                    }
                    _ => Ok(()),
                }
            }
            Caller::Payer => self.pass(operation, Some(account), region).await,
        }
    }

    /// What a call that was made shows of an account, if it is there. Whoever reacts to our looks acts right after it.
    fn show<T>(&self, operation: &str, account: &AccountId, read: impl FnOnce(&SimAccount) -> T) -> Option<T> {
        let mut inner = self.lock();
        inner.looks += 1;
        let Inner { accounts, hooks, .. } = &mut *inner;
        let known = accounts.get_mut(account)?;
        known.settle();
        let seen = read(known);
        hooks.iter_mut().for_each(|react| react(operation, account, known));
        Some(seen)
    }
}
