//! The payer's quarantine policy, and whether it is attached to an account.

use std::sync::atomic::{AtomicBool, Ordering};

use runawaytrain_core::resource::quarantine::{Action, Attachment};
use runawaytrain_core::vocabulary::failure::Failure;

use crate::resource::answer::{Answer, done_if};
use crate::resource::view::View;
use crate::time::Lagged;

/// The payer's policy. It is deployed unless it is said not to be.
#[derive(Debug, Default)]
pub(crate) struct QuarantinePolicy {
    is_missing: AtomicBool,
}

impl QuarantinePolicy {
    pub fn remove(&self) {
        self.is_missing.store(true, Ordering::Relaxed);
    }

    pub fn is_missing(&self) -> bool {
        self.is_missing.load(Ordering::Relaxed)
    }
}

/// Without a policy nobody needs to be asked.
pub(crate) async fn look(policy: &QuarantinePolicy, view: &impl View<Lagged<bool>>) -> Result<Attachment, Failure> {
    const LIST: &str = "organizations:ListPoliciesForTarget";
    if policy.is_missing() {
        return Ok(Attachment::Undeployed);
    }
    view.ask(LIST).await?;
    let is_attached = view.show(LIST, |attached| *attached.written()).unwrap_or_default();
    Ok(if is_attached { Attachment::Attached } else { Attachment::Detached })
}

pub(crate) fn perform(attached: &mut Lagged<bool>, action: Action) -> Answer {
    match action {
        Action::Freeze => done_if(!attached.write(true)),
        Action::Thaw => done_if(attached.write(false)),
    }
}
