//! What opens an account to a user: access keys, a password, and long-lived credentials that are neither.

use std::collections::BTreeMap;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::users::{AccessKey, Credential, Credentials, OtherCredential};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{KeyId, UserName};
use runawaytrain_engine::patience::Round;
use runawaytrain_engine::ports::Performed;

use crate::failure;
use crate::resource::call::{absent, done, gone_is_fine};
use crate::time::timestamp;

/// Service-specific credentials of all users, by user.
pub(super) type OfServices = BTreeMap<String, Vec<OtherCredential>>;

/// All that opens the account to one user. Each part may have failed on its own.
pub(super) async fn of(
    client: &Client,
    round: Round,
    user: &str,
    of_services: &Option<Seen<OfServices>>,
) -> Credentials {
    let keys = round.ask("iam:ListAccessKeys", user, || keys(client, user));
    let console = round.ask("iam:GetLoginProfile", user, || console(client, user));
    let (keys, console, others) = tokio::join!(keys, console, others(client, round, user, of_services));
    Credentials { keys, console, others }
}

async fn keys(client: &Client, user: &str) -> Seen<Vec<AccessKey>> {
    let mut pages = client.list_access_keys().user_name(user).into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("iam:ListAccessKeys", &error))?;
        keys.extend(page.access_key_metadata.into_iter().filter_map(|key| {
            Some(AccessKey {
                id: KeyId::new(key.access_key_id?),
                // Whatever is not surely inactive opens something.
                active: key.status != Some(StatusType::Inactive),
                created: key.create_date.as_ref().and_then(timestamp),
            })
        }));
    }
    Ok(keys)
}

async fn console(client: &Client, user: &str) -> Seen<bool> {
    match client.get_login_profile().user_name(user).send().await {
        Ok(_) => Ok(true),
        Err(error) => absent(failure::of("iam:GetLoginProfile", &error), false),
    }
}

/// Signing certificates, SSH keys and service-specific credentials. One list that cannot be read makes the whole
/// unknown.
async fn others(
    client: &Client,
    round: Round,
    user: &str,
    of_services: &Option<Seen<OfServices>>,
) -> Seen<Vec<OtherCredential>> {
    let services = async {
        match of_services {
            Some(Ok(all)) => Ok(all.get(user).cloned().unwrap_or_default()),
            Some(Err(failure)) => Err(failure.clone()),
            None => {
                let list = || service_credentials(client, Whose::Of(user));
                let found = round.ask("iam:ListServiceSpecificCredentials", user, list).await?;
                Ok(found.into_values().flatten().collect())
            }
        }
    };
    let certificates = round.ask("iam:ListSigningCertificates", user, || certificates(client, user));
    let ssh_keys = round.ask("iam:ListSSHPublicKeys", user, || ssh_keys(client, user));
    let (certificates, ssh_keys, service) = tokio::try_join!(certificates, ssh_keys, services)?;
    Ok([certificates, ssh_keys, service].concat())
}

/// Service-specific credentials of all users in one list; `None` where each user must be asked about by itself.
pub(super) async fn of_services(client: &Client) -> Option<Seen<OfServices>> {
    match service_credentials(client, Whose::All).await {
        Err(failure) if matches!(failure.kind, FailureKind::Denied | FailureKind::Invalid) => None,
        answer => Some(answer),
    }
}

async fn certificates(client: &Client, user: &str) -> Result<Vec<OtherCredential>, Failure> {
    let mut pages = client.list_signing_certificates().user_name(user).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("iam:ListSigningCertificates", &error))?;
        found.extend(page.certificates.into_iter().map(|certificate| OtherCredential {
            credential: Credential::Certificate(certificate.certificate_id),
            active: opens(&certificate.status),
            created: certificate.upload_date.as_ref().and_then(timestamp),
        }));
    }
    Ok(found)
}

async fn ssh_keys(client: &Client, user: &str) -> Result<Vec<OtherCredential>, Failure> {
    let mut pages = client.list_ssh_public_keys().user_name(user).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("iam:ListSSHPublicKeys", &error))?;
        found.extend(page.ssh_public_keys.into_iter().flatten().map(|key| OtherCredential {
            credential: Credential::SshKey(key.ssh_public_key_id),
            active: opens(&key.status),
            created: timestamp(&key.upload_date),
        }));
    }
    Ok(found)
}

/// Whose service-specific credentials are listed.
#[derive(Clone, Copy)]
enum Whose<'a> {
    All,
    Of(&'a str),
}

/// The SDK has no paginator for this one.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServiceSpecificCredentials.html>
async fn service_credentials(client: &Client, whose: Whose<'_>) -> Result<OfServices, Failure> {
    let mut found = OfServices::new();
    let mut marker = None;
    loop {
        let list = client.list_service_specific_credentials().set_marker(marker);
        let list = match whose {
            Whose::All => list.all_users(true),
            Whose::Of(user) => list.user_name(user),
        };
        let page = list.send().await.map_err(|error| failure::of("iam:ListServiceSpecificCredentials", &error))?;
        for credential in page.service_specific_credentials.into_iter().flatten() {
            found.entry(credential.user_name).or_default().push(OtherCredential {
                credential: Credential::ServiceCredential(credential.service_specific_credential_id),
                active: opens(&credential.status),
                created: timestamp(&credential.create_date),
            });
        }
        marker = page.marker;
        if !page.is_truncated || marker.is_none() {
            return Ok(found);
        }
    }
}

/// Whatever is not surely closed opens something.
fn opens(status: &StatusType) -> bool {
    !matches!(status, StatusType::Inactive | StatusType::Expired)
}

/// Makes a credential inactive. One that is gone opens nothing.
pub(super) async fn deactivate(
    client: &Client,
    operation: &str,
    user: &UserName,
    credential: &Credential,
) -> Result<Performed, Failure> {
    gone_is_fine(set_status(client, operation, user, credential, StatusType::Inactive).await)
}

/// Makes a credential active.
pub(super) async fn activate(
    client: &Client,
    operation: &str,
    user: &UserName,
    credential: &Credential,
) -> Result<Performed, Failure> {
    set_status(client, operation, user, credential, StatusType::Active).await
}

async fn set_status(
    client: &Client,
    operation: &str,
    user: &UserName,
    credential: &Credential,
    status: StatusType,
) -> Result<Performed, Failure> {
    let user = user.as_str();
    match credential {
        Credential::Certificate(id) => {
            let call = client.update_signing_certificate().user_name(user).certificate_id(id);
            done!(operation, call.status(status))
        }
        Credential::SshKey(id) => {
            let call = client.update_ssh_public_key().user_name(user).ssh_public_key_id(id);
            done!(operation, call.status(status))
        }
        Credential::ServiceCredential(id) => {
            let call = client.update_service_specific_credential().user_name(user).service_specific_credential_id(id);
            done!(operation, call.status(status))
        }
    }
}

/// Deletes a credential. One that is gone is deleted.
pub(super) async fn delete(
    client: &Client,
    operation: &str,
    user: &UserName,
    credential: &Credential,
) -> Result<Performed, Failure> {
    let user = user.as_str();
    gone_is_fine(match credential {
        Credential::Certificate(id) => {
            done!(operation, client.delete_signing_certificate().user_name(user).certificate_id(id))
        }
        Credential::SshKey(id) => {
            done!(operation, client.delete_ssh_public_key().user_name(user).ssh_public_key_id(id))
        }
        Credential::ServiceCredential(id) => {
            let call = client.delete_service_specific_credential().user_name(user).service_specific_credential_id(id);
            done!(operation, call)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    fn service(id: &str, status: &str) -> String {
        let names = "<UserName>mallory</UserName><ServiceUserName>m</ServiceUserName>";
        let of = format!("{names}<ServiceName>bedrock.amazonaws.com</ServiceName>");
        let id = format!("<ServiceSpecificCredentialId>{id}</ServiceSpecificCredentialId>");
        format!("<member>{of}{id}<CreateDate>2026-11-22T03:00:00Z</CreateDate><Status>{status}</Status></member>")
    }

    /// One item a list, and a second page of service-specific credentials.
    fn answer(asked: &str) -> (u16, String) {
        let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap();
        let when = "<UploadDate>2026-11-22T03:00:00Z</UploadDate>";
        let result = match action {
            "ListSigningCertificates" => {
                let ids = "<UserName>mallory</UserName><CertificateId>CERT</CertificateId>";
                let certificate = format!("{ids}<CertificateBody>-</CertificateBody><Status>Active</Status>{when}");
                format!("<Certificates><member>{certificate}</member></Certificates>")
            }
            "ListSSHPublicKeys" => {
                let ids = "<UserName>mallory</UserName><SSHPublicKeyId>APKA</SSHPublicKeyId>";
                let key = format!("{ids}<Status>Inactive</Status>{when}");
                format!("<SSHPublicKeys><member>{key}</member></SSHPublicKeys>")
            }
            "ListServiceSpecificCredentials" => {
                let (credentials, more) = if asked.contains("Marker=next") {
                    (service("ACCA2", "Expired"), "")
                } else {
                    (service("ACCA1", "NeverHeardOf"), "<IsTruncated>true</IsTruncated><Marker>next</Marker>")
                };
                format!("<ServiceSpecificCredentials>{credentials}</ServiceSpecificCredentials>{more}")
            }
            other => panic!("{other} was not expected"),
        };
        (200, format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"))
    }

    #[tokio::test]
    async fn every_list_is_read_whole_and_only_the_surely_closed_is_inactive() {
        let script = Script::new(answer);
        let client = Client::new(&script.config());
        let others = others(&client, round(), "mallory", &of_services(&client).await).await.unwrap();
        assert!(others.iter().all(|other| other.created == Some("2026-11-22T03:00:00Z".parse().unwrap())));
        let others: Vec<_> = others.into_iter().map(|other| (other.credential, other.active)).collect();
        let expected = [
            (Credential::Certificate("CERT".to_owned()), true),
            (Credential::SshKey("APKA".to_owned()), false),
            (Credential::ServiceCredential("ACCA1".to_owned()), true),
            (Credential::ServiceCredential("ACCA2".to_owned()), false),
        ];
        assert_eq!(others, expected);
        let of_all = script.asked().iter().filter(|asked| asked.contains("AllUsers=true")).count();
        assert_eq!(of_all, 2, "two pages for all users, and none for one of them");
        let of_another = others_of(&client, "zoe").await;
        assert!(of_another.iter().all(|(credential, _)| !matches!(credential, Credential::ServiceCredential(_))));
    }

    fn round() -> Round {
        Round::of(std::time::Duration::from_secs(60))
    }

    async fn others_of(client: &Client, user: &str) -> Vec<(Credential, bool)> {
        let others = others(client, round(), user, &of_services(client).await).await.unwrap();
        others.into_iter().map(|other| (other.credential, other.active)).collect()
    }

    #[tokio::test]
    async fn where_a_list_of_all_users_is_denied_each_is_asked_about() {
        let script = Script::new(|asked| match asked.contains("AllUsers=true") {
            true => {
                let denied = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
                (403, format!("<ErrorResponse>{denied}</ErrorResponse>"))
            }
            false => answer(asked),
        });
        let others = others_of(&Client::new(&script.config()), "mallory").await;
        assert!(others.contains(&(Credential::ServiceCredential("ACCA1".to_owned()), true)), "{others:?}");
        let throttled = Script::new(|_| {
            let error = "<Error><Code>Throttling</Code><Message>no</Message></Error>";
            (400, format!("<ErrorResponse>{error}</ErrorResponse>"))
        });
        let of_all = of_services(&Client::new(&throttled.config())).await;
        assert_eq!(
            of_all.map(|seen| seen.unwrap_err().kind),
            Some(FailureKind::Throttled),
            "that is no reason to ask more"
        );
    }

    #[tokio::test]
    async fn one_list_that_fails_makes_the_whole_unknown() {
        let script = Script::new(|asked| {
            let denied = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
            if asked.contains("ListSSHPublicKeys") { (403, denied.to_owned()) } else { answer(asked) }
        });
        let failure = others(&Client::new(&script.config()), round(), "mallory", &None).await.unwrap_err();
        assert_eq!((failure.operation.as_str(), failure.kind), ("iam:ListSSHPublicKeys", FailureKind::Denied));
    }

    const DONE: &str = "<Response/>";
    const GONE: &str = "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message></Error></ErrorResponse>";

    fn each() -> [Credential; 3] {
        [
            Credential::Certificate("CERT".to_owned()),
            Credential::SshKey("APKA".to_owned()),
            Credential::ServiceCredential("ACCA".to_owned()),
        ]
    }

    fn answering(status: u16, body: &'static str) -> (Script, Client) {
        let script = Script::new(move |_| (status, body.to_owned()));
        let client = Client::new(&script.config());
        (script, client)
    }

    #[tokio::test]
    async fn each_kind_of_credential_has_its_call() {
        let expected = [
            ("Action=UpdateSigningCertificate", "CertificateId=CERT"),
            ("Action=UpdateSSHPublicKey", "SSHPublicKeyId=APKA"),
            ("Action=UpdateServiceSpecificCredential", "ServiceSpecificCredentialId=ACCA"),
        ];
        let user = UserName::new("mallory");
        for (credential, (call, id)) in each().iter().zip(expected) {
            let (script, client) = answering(200, DONE);
            assert_eq!(deactivate(&client, "any", &user, credential).await, Ok(Performed::Done), "{credential}");
            assert_eq!(activate(&client, "any", &user, credential).await, Ok(Performed::Done), "{credential}");
            for (asked, status) in script.asked().iter().zip(["Status=Inactive", "Status=Active"]) {
                assert!([call, id, "UserName=mallory", status].iter().all(|words| asked.contains(words)), "{asked}");
            }
        }
    }

    #[tokio::test]
    async fn each_credential_is_deleted_by_its_own_call_and_one_that_is_gone_is_no_failure() {
        let expected = [
            ("Action=DeleteSigningCertificate", "CertificateId=CERT"),
            ("Action=DeleteSSHPublicKey", "SSHPublicKeyId=APKA"),
            ("Action=DeleteServiceSpecificCredential", "ServiceSpecificCredentialId=ACCA"),
        ];
        let user = UserName::new("mallory");
        let (_, gone) = answering(404, GONE);
        for (credential, (call, id)) in each().iter().zip(expected) {
            let (script, client) = answering(200, DONE);
            assert_eq!(delete(&client, "any", &user, credential).await, Ok(Performed::Done), "{credential}");
            let asked = script.asked().pop().unwrap();
            assert!([call, id, "UserName=mallory"].iter().all(|words| asked.contains(words)), "{asked}");
            assert_eq!(delete(&gone, "any", &user, credential).await, Ok(Performed::AlreadyDone), "{credential}");
            // What is gone cannot be used; to give it back is another matter.
            assert_eq!(deactivate(&gone, "any", &user, credential).await, Ok(Performed::AlreadyDone), "{credential}");
            let failure = activate(&gone, "any", &user, credential).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::NotFound, "{credential}");
        }
    }
}
