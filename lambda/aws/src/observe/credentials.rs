//! A user's long-lived credentials that are neither access keys nor a password.

use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;

use runawaytrain_core::failure::Failure;
use runawaytrain_core::identity::OtherCredential;
use runawaytrain_core::observation::Seen;
use runawaytrain_core::plan::Belonging;

use crate::failure;
use crate::time::timestamp;

/// Signing certificates, SSH keys and service-specific credentials. One list that cannot be read makes the whole
/// unknown.
pub(super) async fn of(client: &Client, user: &str) -> Seen<Vec<OtherCredential>> {
    let (certificates, ssh_keys, service) =
        tokio::try_join!(certificates(client, user), ssh_keys(client, user), service_credentials(client, user))?;
    Ok([certificates, ssh_keys, service].concat())
}

async fn certificates(client: &Client, user: &str) -> Result<Vec<OtherCredential>, Failure> {
    let mut pages = client.list_signing_certificates().user_name(user).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("iam:ListSigningCertificates", &error))?;
        found.extend(page.certificates.into_iter().map(|certificate| OtherCredential {
            credential: Belonging::Certificate(certificate.certificate_id),
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
            credential: Belonging::SshKey(key.ssh_public_key_id),
            active: opens(&key.status),
            created: timestamp(&key.upload_date),
        }));
    }
    Ok(found)
}

/// The SDK has no paginator for this one.
async fn service_credentials(client: &Client, user: &str) -> Result<Vec<OtherCredential>, Failure> {
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let list = client.list_service_specific_credentials().user_name(user).set_marker(marker);
        let page = list.send().await.map_err(|error| failure::of("iam:ListServiceSpecificCredentials", &error))?;
        found.extend(page.service_specific_credentials.into_iter().flatten().map(|credential| OtherCredential {
            credential: Belonging::ServiceCredential(credential.service_specific_credential_id),
            active: opens(&credential.status),
            created: timestamp(&credential.create_date),
        }));
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

#[cfg(test)]
mod tests {
    use runawaytrain_core::failure::FailureKind;

    use super::*;
    use crate::wire::Script;

    fn service(id: &str, status: &str) -> String {
        let names = "<UserName>mallory</UserName><ServiceUserName>m</ServiceUserName><ServiceName>bedrock.amazonaws.com</ServiceName>";
        let credential = format!(
            "{names}<CreateDate>2026-11-22T03:00:00Z</CreateDate><ServiceSpecificCredentialId>{id}</ServiceSpecificCredentialId>"
        );
        format!("<member>{credential}<Status>{status}</Status></member>")
    }

    /// One item a list, and a second page of service-specific credentials.
    fn answer(asked: &str) -> (u16, String) {
        let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap();
        let when = "<UploadDate>2026-11-22T03:00:00Z</UploadDate>";
        let result = match action {
            "ListSigningCertificates" => {
                let certificate = "<UserName>mallory</UserName><CertificateId>CERT</CertificateId><CertificateBody>-</CertificateBody><Status>Active</Status>";
                format!("<Certificates><member>{certificate}{when}</member></Certificates>")
            }
            "ListSSHPublicKeys" => {
                format!(
                    "<SSHPublicKeys><member><UserName>mallory</UserName><SSHPublicKeyId>APKA</SSHPublicKeyId><Status>Inactive</Status>{when}</member></SSHPublicKeys>"
                )
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
        let others = of(&Client::new(&Script::new(answer).config()), "mallory").await.unwrap();
        assert!(others.iter().all(|other| other.created == Some("2026-11-22T03:00:00Z".parse().unwrap())));
        let others: Vec<_> = others.into_iter().map(|other| (other.credential, other.active)).collect();
        let expected = [
            (Belonging::Certificate("CERT".to_owned()), true),
            (Belonging::SshKey("APKA".to_owned()), false),
            (Belonging::ServiceCredential("ACCA1".to_owned()), true),
            (Belonging::ServiceCredential("ACCA2".to_owned()), false),
        ];
        assert_eq!(others, expected);
    }

    #[tokio::test]
    async fn one_list_that_fails_makes_the_whole_unknown() {
        let script = Script::new(|asked| {
            let denied = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
            if asked.contains("ListSSHPublicKeys") { (403, denied.to_owned()) } else { answer(asked) }
        });
        let failure = of(&Client::new(&script.config()), "mallory").await.unwrap_err();
        assert_eq!((failure.operation.as_str(), failure.kind), ("iam:ListSSHPublicKeys", FailureKind::Denied));
    }
}
