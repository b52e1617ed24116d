//! What goes wrong.

use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, Region};

/// A failure that calls meet: where, how often, and what it looks like.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Only calls whose operation begins so, such as `ec2:Describe`; all with an empty string.
    pub operation: String,
    /// Only this account's calls.
    pub account: Option<AccountId>,
    /// Only this region's calls.
    pub region: Option<Region>,
    /// So many calls meet it; `None` for all of them.
    pub times: Option<u32>,
    /// What they meet. `None`: they hang until the caller gives up, here an hour.
    pub failure: Option<Failure>,
}

impl Fault {
    /// Every call whose operation begins so fails with this kind.
    pub fn always(operation: &str, kind: FailureKind) -> Self {
        Self {
            operation: operation.to_owned(),
            account: None,
            region: None,
            times: None,
            failure: Some(failure(operation, kind)),
        }
    }

    /// AWS says whose policy it was.
    #[must_use]
    pub fn denied_by(mut self, denied_by: DeniedBy) -> Self {
        if let Some(failure) = &mut self.failure {
            failure.denied_by = Some(denied_by);
        }
        self
    }

    /// Only so many calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only in this account.
    #[must_use]
    pub fn in_account(mut self, account: &AccountId) -> Self {
        self.account = Some(account.clone());
        self
    }

    /// Only in this region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        self.region = Some(Region::new(region));
        self
    }

    /// Whether it is about such a call.
    fn is_about(&self, operation: &str, account: Option<&AccountId>, region: Option<&Region>) -> bool {
        operation.starts_with(&self.operation)
            && self.account.as_ref().is_none_or(|wanted| Some(wanted) == account)
            && self.region.as_ref().is_none_or(|wanted| Some(wanted) == region)
    }

    /// Whose policy it stands for, where it denies every such call; the role's, unless AWS says another's.
    pub(crate) fn denies(&self, operation: &str, account: &AccountId, region: Option<&Region>) -> Option<DeniedBy> {
        let failure = self.failure.as_ref().filter(|failure| failure.kind == FailureKind::Denied)?;
        let is_policy = self.times.is_none() && self.is_about(operation, Some(account), region);
        is_policy.then(|| failure.denied_by.unwrap_or(DeniedBy::Role))
    }

    /// Whether a call meets it; one that does is counted.
    pub(crate) fn meets(&mut self, operation: &str, account: Option<&AccountId>, region: Option<&Region>) -> bool {
        if !self.is_about(operation, account, region) {
            return false;
        }
        match &mut self.times {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// A failure as the adapters would report it.
pub fn failure(operation: &str, kind: FailureKind) -> Failure {
    let code = match kind {
        FailureKind::Credentials => Some("ExpiredToken"),
        FailureKind::Denied => Some("AccessDenied"),
        FailureKind::NotFound => Some("InvalidInstanceID.NotFound"),
        FailureKind::Throttled => Some("RequestLimitExceeded"),
        FailureKind::WrongState => Some("IncorrectInstanceState"),
        FailureKind::Unsupported => Some("UnsupportedOperation"),
        FailureKind::Protected => Some("OperationNotPermitted"),
        FailureKind::Contended => Some("DeleteConflict"),
        FailureKind::QuotaFull => Some("LimitExceeded"),
        FailureKind::Invalid | FailureKind::Unavailable | FailureKind::NotBegun | FailureKind::Other => None,
    };
    Failure { code: code.map(str::to_owned), ..Failure::own(operation, kind, "simulated") }
}
