//! The payer's policies, and which of them are attached to an account.

use std::sync::atomic::{AtomicBool, Ordering};

use runawaytrain_core::resource::quarantine::{Action, Attachment, Attachments, Policy};
use runawaytrain_core::vocabulary::failure::Failure;

use crate::account::SimAccount;
use crate::resource::answer::{Answer, done_if};
use crate::resource::view::View;

/// The payer's policies. They are deployed unless it is said that they are not.
#[derive(Debug, Default)]
pub(crate) struct PayersPolicies {
    are_missing: AtomicBool,
}

impl PayersPolicies {
    pub fn remove(&self) {
        self.are_missing.store(true, Ordering::Relaxed);
    }

    pub fn are_missing(&self) -> bool {
        self.are_missing.load(Ordering::Relaxed)
    }
}

/// Without a policy nobody needs to be asked.
pub(crate) async fn look(policies: &PayersPolicies, view: &impl View<SimAccount>) -> Result<Attachments, Failure> {
    const LIST: &str = "organizations:ListPoliciesForTarget";
    if policies.are_missing() {
        return Ok(Attachments::all(Attachment::Undeployed));
    }
    view.ask(LIST).await?;
    let seen = |known: &SimAccount| {
        let stands =
            |policy| if *known.attachment(policy).written() { Attachment::Attached } else { Attachment::Detached };
        Attachments {
            lockdown: stands(Policy::Lockdown),
            quarantine: stands(Policy::Quarantine),
            models: stands(Policy::Models),
        }
    };
    Ok(view.show(LIST, seen).unwrap_or(Attachments::all(Attachment::Detached)))
}

pub(crate) fn perform(known: &mut SimAccount, action: Action) -> Answer {
    let before = known.attachment_mut(action.policy()).write(action.attaches());
    done_if(before != action.attaches())
}
