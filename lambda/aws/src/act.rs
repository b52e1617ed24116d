//! Changing accounts: one API call an action.

mod identities;
mod instances;
mod launchers;
mod quarantine;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_iam::types::StatusType;
use aws_sdk_organizations::Client as Organizations;

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::ids::AccountId;
use runawaytrain_core::plan::Action;
use runawaytrain_engine::ports::{Actuator, Performed};

use self::quarantine::Quarantine;
use crate::failure;
use crate::sessions::{Purpose, Session, Sessions};

pub(crate) struct SdkActuator {
    sessions: Arc<Sessions>,
    quarantine: Quarantine,
}

impl SdkActuator {
    /// The quarantine is the payer's to attach, so its client has the payer's own credentials.
    pub(crate) fn new(
        sessions: Arc<Sessions>,
        organizations: Organizations,
        quarantine_policy: Option<String>,
    ) -> Self {
        Self { sessions, quarantine: Quarantine::new(organizations, quarantine_policy) }
    }
}

#[async_trait]
impl Actuator for SdkActuator {
    async fn perform(&self, account: &AccountId, action: &Action) -> Result<Performed, Failure> {
        match action {
            Action::Freeze => return self.quarantine.attach(account).await,
            Action::Thaw => return self.quarantine.detach(account).await,
            _ => {}
        }
        if let Some(operation) = empty(action) {
            return Err(failure::own(
                operation,
                FailureKind::Invalid,
                "an empty list would mean everything in the region",
            ));
        }
        let session = self.sessions.get(account, Purpose::Act).await?;
        match act(&session, action).await {
            Ok(performed) => Ok(performed),
            Err(failure) => Err(self.sessions.blame(&session, failure).await),
        }
    }
}

/// The call that must not be made, for it names nothing.
fn empty(action: &Action) -> Option<&'static str> {
    let (operation, names_nothing) = match action {
        Action::StopInstances { instances, .. } => (instances::STOP, instances.is_empty()),
        Action::TerminateInstances { instances, .. } => (instances::TERMINATE, instances.is_empty()),
        Action::StartInstances { instances, .. } => (instances::START, instances.is_empty()),
        Action::CancelSpotRequests { requests, .. } => (launchers::CANCEL, requests.is_empty()),
        _ => return None,
    };
    names_nothing.then_some(operation)
}

async fn act(session: &Session, action: &Action) -> Result<Performed, Failure> {
    match action {
        // The payer's own calls, made without a session in the member.
        Action::Freeze | Action::Thaw => {
            Err(failure::own(quarantine::ATTACH, FailureKind::Invalid, "this is not a call in the member account"))
        }

        Action::SuspendGroup { region, group } => launchers::suspend(&session.autoscaling(region), group).await,
        Action::ResumeGroup { region, group } => launchers::resume(&session.autoscaling(region), group).await,
        Action::ZeroFleet { region, fleet, kind, .. } => launchers::zero(&session.ec2(region), fleet, *kind).await,
        Action::RestoreFleet { region, fleet, kind, target } => {
            launchers::restore(&session.ec2(region), fleet, *kind, *target).await
        }
        Action::CancelSpotRequests { region, requests } => launchers::cancel(&session.ec2(region), requests).await,

        Action::Unprotect { region, instance, against } => {
            instances::protect(&session.ec2(region), instance, *against, false).await
        }
        Action::Protect { region, instance, against } => {
            instances::protect(&session.ec2(region), instance, *against, true).await
        }
        Action::StopInstances { region, instances } => instances::stop(&session.ec2(region), instances).await,
        Action::TerminateInstances { region, instances } => instances::terminate(&session.ec2(region), instances).await,
        Action::StartInstances { region, instances } => instances::start(&session.ec2(region), instances).await,

        Action::DenyUser { user } => identities::deny_user(&session.iam(), user).await,
        Action::LiftDeny { user, before } => {
            gone_is_fine(identities::deny_old_sessions(&session.iam(), user, *before).await)
        }
        Action::DeactivateKey { user, key } => {
            gone_is_fine(identities::set_key(&session.iam(), user, key, StatusType::Inactive).await)
        }
        Action::ActivateKey { user, key } => identities::set_key(&session.iam(), user, key, StatusType::Active).await,
        Action::DeleteKey { user, key } => identities::delete_key(&session.iam(), user, key).await,
        Action::DeactivateCredential { user, credential } => {
            gone_is_fine(identities::set_credential(&session.iam(), user, credential, StatusType::Inactive).await)
        }
        Action::ActivateCredential { user, credential } => {
            identities::set_credential(&session.iam(), user, credential, StatusType::Active).await
        }
        Action::DeleteLogin { user } => identities::delete_login(&session.iam(), user).await,
        Action::RemoveBelonging { user, belonging } => identities::remove(&session.iam(), user, belonging).await,
        Action::DeleteUser { user } => identities::delete_user(&session.iam(), user).await,

        Action::RevokeSessions { role, before } => identities::revoke_sessions(&session.iam(), role, *before).await,
        Action::DenyRole { role } => identities::deny_role(&session.iam(), role).await,
        Action::LiftRole { role, before } => {
            gone_is_fine(identities::revoke_sessions(&session.iam(), role, *before).await)
        }
    }
}

/// What is to be removed and does not exist is removed.
fn gone_is_fine(answer: Result<Performed, Failure>) -> Result<Performed, Failure> {
    match answer {
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(Performed::AlreadySo),
        answer => answer,
    }
}

/// Sends one call; its failure carries the name that IAM gives it.
macro_rules! done {
    ($operation:expr, $call:expr) => {
        $call.send().await.map(|_| Performed::Done).map_err(|error| failure::of($operation, &error))
    };
}
use done;
