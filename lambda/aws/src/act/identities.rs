//! Users and roles: the inline denies, and every kind of long-lived credential.

use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use jiff::Timestamp;
use serde_json::Value;

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::ids::{KeyId, RoleName, UserName};
use runawaytrain_core::plan::Belonging;
use runawaytrain_core::planner::{LOCKOUT_POLICY, REVOKE_POLICY};
use runawaytrain_engine::ports::Performed;

use super::{done, gone_is_fine};
use crate::{deny, failure};

/// How long a login profile that was just made is waited for. A thief makes one and races us, so giving up at once
/// would leave it.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html>
const LOGIN_WAITS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

pub(super) async fn deny_user(client: &Client, user: &UserName) -> Result<Performed, Failure> {
    put_on_user(client, user, &deny::everything(LOCKOUT_POLICY)).await
}

pub(super) async fn deny_old_sessions(
    client: &Client,
    user: &UserName,
    before: Timestamp,
) -> Result<Performed, Failure> {
    put_on_user(client, user, &deny::sessions_before(LOCKOUT_POLICY, before)).await
}

async fn put_on_user(client: &Client, user: &UserName, document: &Value) -> Result<Performed, Failure> {
    let call = client
        .put_user_policy()
        .user_name(user.as_str())
        .policy_name(LOCKOUT_POLICY)
        .policy_document(document.to_string());
    done!("iam:PutUserPolicy", call)
}

pub(super) async fn set_key(
    client: &Client,
    user: &UserName,
    key: &KeyId,
    status: StatusType,
) -> Result<Performed, Failure> {
    done!(
        "iam:UpdateAccessKey",
        client.update_access_key().user_name(user.as_str()).access_key_id(key.as_str()).status(status)
    )
}

pub(super) async fn delete_key(client: &Client, user: &UserName, key: &KeyId) -> Result<Performed, Failure> {
    gone_is_fine(done!(
        "iam:DeleteAccessKey",
        client.delete_access_key().user_name(user.as_str()).access_key_id(key.as_str())
    ))
}

pub(super) async fn set_credential(
    client: &Client,
    user: &UserName,
    credential: &Belonging,
    status: StatusType,
) -> Result<Performed, Failure> {
    let user = user.as_str();
    match credential {
        Belonging::Certificate(id) => {
            done!(
                "iam:UpdateSigningCertificate",
                client.update_signing_certificate().user_name(user).certificate_id(id).status(status)
            )
        }
        Belonging::SshKey(id) => done!(
            "iam:UpdateSSHPublicKey",
            client.update_ssh_public_key().user_name(user).ssh_public_key_id(id).status(status)
        ),
        Belonging::ServiceCredential(id) => {
            let call = client
                .update_service_specific_credential()
                .user_name(user)
                .service_specific_credential_id(id)
                .status(status);
            done!("iam:UpdateServiceSpecificCredential", call)
        }
        other => Err(failure::own(
            "iam:UpdateServiceSpecificCredential",
            FailureKind::Invalid,
            format!("{other} is not a credential that has a status"),
        )),
    }
}

pub(super) async fn delete_login(client: &Client, user: &UserName) -> Result<Performed, Failure> {
    let mut waits = LOGIN_WAITS.into_iter();
    loop {
        let answer = done!("iam:DeleteLoginProfile", client.delete_login_profile().user_name(user.as_str()));
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

pub(super) async fn remove(client: &Client, user: &UserName, belonging: &Belonging) -> Result<Performed, Failure> {
    let user = user.as_str();
    gone_is_fine(match belonging {
        Belonging::Certificate(id) => done!(
            "iam:DeleteSigningCertificate",
            client.delete_signing_certificate().user_name(user).certificate_id(id)
        ),
        Belonging::SshKey(id) => {
            done!("iam:DeleteSSHPublicKey", client.delete_ssh_public_key().user_name(user).ssh_public_key_id(id))
        }
        Belonging::ServiceCredential(id) => {
            done!(
                "iam:DeleteServiceSpecificCredential",
                client.delete_service_specific_credential().user_name(user).service_specific_credential_id(id)
            )
        }
        Belonging::MfaDevice(serial) => {
            done!("iam:DeactivateMFADevice", client.deactivate_mfa_device().user_name(user).serial_number(serial))
        }
        Belonging::VirtualMfaDevice(serial) => {
            done!("iam:DeleteVirtualMFADevice", client.delete_virtual_mfa_device().serial_number(serial))
        }
        Belonging::Group(name) => {
            done!("iam:RemoveUserFromGroup", client.remove_user_from_group().user_name(user).group_name(name))
        }
        Belonging::AttachedPolicy(arn) => {
            done!("iam:DetachUserPolicy", client.detach_user_policy().user_name(user).policy_arn(arn))
        }
        Belonging::InlinePolicy(name) => {
            done!("iam:DeleteUserPolicy", client.delete_user_policy().user_name(user).policy_name(name))
        }
    })
}

pub(super) async fn delete_user(client: &Client, user: &UserName) -> Result<Performed, Failure> {
    gone_is_fine(done!("iam:DeleteUser", client.delete_user().user_name(user.as_str())))
}

pub(super) async fn revoke_sessions(client: &Client, role: &RoleName, before: Timestamp) -> Result<Performed, Failure> {
    put_on_role(client, role, &deny::sessions_before(REVOKE_POLICY, before)).await
}

pub(super) async fn deny_role(client: &Client, role: &RoleName) -> Result<Performed, Failure> {
    put_on_role(client, role, &deny::everything(REVOKE_POLICY)).await
}

async fn put_on_role(client: &Client, role: &RoleName, document: &Value) -> Result<Performed, Failure> {
    let call = client
        .put_role_policy()
        .role_name(role.as_str())
        .policy_name(REVOKE_POLICY)
        .policy_document(document.to_string());
    done!("iam:PutRolePolicy", call)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    const GONE: &str = "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message></Error></ErrorResponse>";

    #[tokio::test]
    async fn each_kind_of_credential_has_its_call() {
        let script = Script::new(|_| (200, "<Response/>".to_owned()));
        let (client, user) = (Client::new(&script.config()), UserName::new("mallory"));
        let credentials = [
            Belonging::Certificate("CERT".to_owned()),
            Belonging::SshKey("APKA".to_owned()),
            Belonging::ServiceCredential("ACCA".to_owned()),
        ];
        for credential in &credentials {
            set_credential(&client, &user, credential, StatusType::Inactive).await.unwrap();
        }
        let expected = [
            ("Action=UpdateSigningCertificate", "CertificateId=CERT"),
            ("Action=UpdateSSHPublicKey", "SSHPublicKeyId=APKA"),
            ("Action=UpdateServiceSpecificCredential", "ServiceSpecificCredentialId=ACCA"),
        ];
        for (asked, (action, id)) in script.asked().iter().zip(expected) {
            assert!(
                [action, id, "UserName=mallory", "Status=Inactive"].iter().all(|words| asked.contains(words)),
                "{asked}"
            );
        }
    }

    #[tokio::test]
    async fn each_belonging_is_removed_by_its_own_call_and_one_that_is_gone_is_no_failure() {
        let belongings = [
            (Belonging::Certificate("CERT".to_owned()), "Action=DeleteSigningCertificate", "CertificateId=CERT"),
            (Belonging::SshKey("APKA".to_owned()), "Action=DeleteSSHPublicKey", "SSHPublicKeyId=APKA"),
            (
                Belonging::ServiceCredential("ACCA".to_owned()),
                "Action=DeleteServiceSpecificCredential",
                "ServiceSpecificCredentialId=ACCA",
            ),
        ];
        let (there, gone) = (Script::new(|_| (200, "<Response/>".to_owned())), Script::new(|_| (404, GONE.to_owned())));
        let user = UserName::new("mallory");
        for (belonging, action, id) in &belongings {
            assert_eq!(
                remove(&Client::new(&there.config()), &user, belonging).await,
                Ok(Performed::Done),
                "{belonging}"
            );
            let asked = there.asked().pop().unwrap();
            assert!([*action, *id, "UserName=mallory"].iter().all(|words| asked.contains(words)), "{asked}");
            assert_eq!(
                remove(&Client::new(&gone.config()), &user, belonging).await,
                Ok(Performed::AlreadySo),
                "{belonging}"
            );
        }
    }

    #[tokio::test]
    async fn what_has_no_status_is_refused_without_a_call() {
        let script = Script::new(|_| (200, "<Response/>".to_owned()));
        let group = Belonging::Group("students".to_owned());
        let failure =
            set_credential(&Client::new(&script.config()), &UserName::new("ann"), &group, StatusType::Inactive)
                .await
                .unwrap_err();
        assert_eq!((failure.kind, script.asked().len()), (FailureKind::Invalid, 0));
    }
}
