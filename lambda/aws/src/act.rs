//! Changing accounts: one API call an action.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_iam::Client as Iam;
use aws_sdk_iam::types::StatusType;

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::ids::{AccountId, InstanceId};
use runawaytrain_core::plan::{Action, Belonging};
use runawaytrain_core::planner::LOCKOUT_POLICY;
use runawaytrain_engine::ports::{Actuator, Performed};

use crate::failure;
use crate::lockout;
use crate::sessions::{Purpose, Session, Sessions};

const STOP_INSTANCES: &str = "ec2:StopInstances";
const START_INSTANCES: &str = "ec2:StartInstances";
/// How long a login profile that was just made is waited for. A thief makes one and races us, so giving up at once would leave it.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html>
const LOGIN_WAITS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

pub(crate) struct SdkActuator {
    sessions: Arc<Sessions>,
}

impl SdkActuator {
    pub(crate) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions }
    }
}

#[async_trait]
impl Actuator for SdkActuator {
    async fn perform(&self, account: &AccountId, action: &Action) -> Result<Performed, Failure> {
        let batch = match action {
            Action::StopInstances { instances, .. } => Some((STOP_INSTANCES, instances)),
            Action::StartInstances { instances, .. } => Some((START_INSTANCES, instances)),
            _ => None,
        };
        if let Some((operation, _)) = batch.filter(|(_, instances)| instances.is_empty()) {
            return Err(failure::own(operation, FailureKind::Invalid, "an empty list would mean every instance of the region"));
        }
        let session = self.sessions.get(account, Purpose::Act).await?;
        match act(&session, action).await {
            Ok(performed) => Ok(performed),
            Err(failure) => Err(self.sessions.blame(&session, failure).await),
        }
    }
}

async fn act(session: &Session, action: &Action) -> Result<Performed, Failure> {
    match action {
        Action::StopInstances { region, instances } => stop(&session.ec2(region), instances).await,
        Action::DenyUser { user } => {
            let call = session.iam().put_user_policy().user_name(user.as_str()).policy_name(LOCKOUT_POLICY).policy_document(lockout::document());
            call.send().await.map(|_| Performed::Done).map_err(|error| failure::of("iam:PutUserPolicy", &error))
        }
        Action::DeactivateKey { user, key } => {
            let call = session.iam().update_access_key().user_name(user.as_str()).access_key_id(key.as_str()).status(StatusType::Inactive);
            gone_is_fine(call.send().await.map_err(|error| failure::of("iam:UpdateAccessKey", &error)))
        }
        Action::DeleteKey { user, key } => {
            let call = session.iam().delete_access_key().user_name(user.as_str()).access_key_id(key.as_str());
            gone_is_fine(call.send().await.map_err(|error| failure::of("iam:DeleteAccessKey", &error)))
        }
        Action::DeleteLogin { user } => delete_login(&session.iam(), user.as_str()).await,
        Action::RemoveBelonging { user, belonging } => remove(&session.iam(), user.as_str(), belonging).await,
        Action::DeleteUser { user } => {
            let call = session.iam().delete_user().user_name(user.as_str());
            gone_is_fine(call.send().await.map_err(|error| failure::of("iam:DeleteUser", &error)))
        }
        Action::LiftDeny { user } => {
            let call = session.iam().delete_user_policy().user_name(user.as_str()).policy_name(LOCKOUT_POLICY);
            gone_is_fine(call.send().await.map_err(|error| failure::of("iam:DeleteUserPolicy", &error)))
        }
        Action::ActivateKey { user, key } => {
            let call = session.iam().update_access_key().user_name(user.as_str()).access_key_id(key.as_str()).status(StatusType::Active);
            call.send().await.map(|_| Performed::Done).map_err(|error| failure::of("iam:UpdateAccessKey", &error))
        }
        Action::StartInstances { region, instances } => {
            let ids = instances.iter().map(|id| id.as_str().to_owned()).collect();
            let call = session.ec2(region).start_instances().set_instance_ids(Some(ids));
            call.send().await.map(|_| Performed::Done).map_err(|error| failure::naming(failure::of(START_INSTANCES, &error), instances))
        }
    }
}

/// Plain: without `Force`, which risks data, and without `Hibernate`, which refuses most instances.
async fn stop(client: &aws_sdk_ec2::Client, instances: &[InstanceId]) -> Result<Performed, Failure> {
    let ids = instances.iter().map(|id| id.as_str().to_owned()).collect();
    match client.stop_instances().set_instance_ids(Some(ids)).send().await {
        Ok(_) => Ok(Performed::Done),
        Err(error) => Err(failure::naming(failure::of(STOP_INSTANCES, &error), instances)),
    }
}

async fn delete_login(client: &Iam, user: &str) -> Result<Performed, Failure> {
    let mut waits = LOGIN_WAITS.into_iter();
    loop {
        let answer = client.delete_login_profile().user_name(user).send().await.map_err(|error| failure::of("iam:DeleteLoginProfile", &error));
        match (answer, waits.next()) {
            // EntityTemporarilyUnmodifiable: it was made seconds ago.
            (Err(failure), Some(wait)) if failure.kind == FailureKind::WrongState => {
                tracing::debug!(%failure, wait_milliseconds = wait.as_millis(), "a console password cannot be deleted yet");
                tokio::time::sleep(wait).await;
            }
            (answer, _) => return gone_is_fine(answer),
        }
    }
}

async fn remove(client: &Iam, user: &str, belonging: &Belonging) -> Result<Performed, Failure> {
    /// Sends one call and gives its failure IAM's name.
    macro_rules! call {
        ($operation:literal, $call:expr) => {
            gone_is_fine($call.send().await.map_err(|error| failure::of($operation, &error)))
        };
    }
    match belonging {
        Belonging::Certificate(id) => call!("iam:DeleteSigningCertificate", client.delete_signing_certificate().user_name(user).certificate_id(id)),
        Belonging::SshKey(id) => call!("iam:DeleteSSHPublicKey", client.delete_ssh_public_key().user_name(user).ssh_public_key_id(id)),
        Belonging::ServiceCredential(id) => {
            call!("iam:DeleteServiceSpecificCredential", client.delete_service_specific_credential().user_name(user).service_specific_credential_id(id))
        }
        Belonging::MfaDevice(serial) => call!("iam:DeactivateMFADevice", client.deactivate_mfa_device().user_name(user).serial_number(serial)),
        Belonging::VirtualMfaDevice(serial) => call!("iam:DeleteVirtualMFADevice", client.delete_virtual_mfa_device().serial_number(serial)),
        Belonging::Group(name) => call!("iam:RemoveUserFromGroup", client.remove_user_from_group().user_name(user).group_name(name)),
        Belonging::AttachedPolicy(arn) => call!("iam:DetachUserPolicy", client.detach_user_policy().user_name(user).policy_arn(arn)),
        Belonging::InlinePolicy(name) => call!("iam:DeleteUserPolicy", client.delete_user_policy().user_name(user).policy_name(name)),
    }
}

/// What is to be removed and does not exist is removed.
fn gone_is_fine<T>(answer: Result<T, Failure>) -> Result<Performed, Failure> {
    match answer {
        Ok(_) => Ok(Performed::Done),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(Performed::AlreadySo),
        Err(failure) => Err(failure),
    }
}
