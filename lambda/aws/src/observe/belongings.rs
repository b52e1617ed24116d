//! Everything that must be removed before IAM deletes a user.

use aws_sdk_iam::Client;

use runawaytrain_core::failure::Failure;
use runawaytrain_core::identity::Belongings;
use runawaytrain_core::observation::Seen;

use crate::failure;

/// All pages of one paged list, as strings.
macro_rules! every {
    ($operation:literal, $list:expr, $page:ident => $ids:expr) => {
        async {
            let mut pages = $list.into_paginator().send();
            let mut found: Vec<String> = Vec::new();
            while let Some(page) = pages.next().await {
                let $page = page.map_err(|error| failure::of($operation, &error))?;
                found.extend($ids);
            }
            Ok::<_, Failure>(found)
        }
    };
}

/// What hangs on a user. One list that cannot be read makes the whole unknown: a deletion that misses one thing fails anyway.
pub(super) async fn of(client: &Client, user: &str) -> Seen<Belongings> {
    let (inline_policies, attached_policies, groups, mfa_devices, certificates, ssh_keys, service_credentials) = tokio::try_join!(
        every!("iam:ListUserPolicies", client.list_user_policies().user_name(user), page => page.policy_names),
        every!("iam:ListAttachedUserPolicies", client.list_attached_user_policies().user_name(user), page => {
            page.attached_policies.into_iter().flatten().filter_map(|policy| policy.policy_arn)
        }),
        every!("iam:ListGroupsForUser", client.list_groups_for_user().user_name(user), page => page.groups.into_iter().map(|group| group.group_name)),
        every!("iam:ListMFADevices", client.list_mfa_devices().user_name(user), page => page.mfa_devices.into_iter().map(|device| device.serial_number)),
        every!("iam:ListSigningCertificates", client.list_signing_certificates().user_name(user), page => {
            page.certificates.into_iter().map(|certificate| certificate.certificate_id)
        }),
        every!("iam:ListSSHPublicKeys", client.list_ssh_public_keys().user_name(user), page => {
            page.ssh_public_keys.into_iter().flatten().map(|key| key.ssh_public_key_id)
        }),
        service_credentials(client, user),
    )?;
    Ok(Belongings { inline_policies, attached_policies, groups, mfa_devices, certificates, ssh_keys, service_credentials })
}

/// The SDK has no paginator for this one.
async fn service_credentials(client: &Client, user: &str) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let list = client.list_service_specific_credentials().user_name(user).set_marker(marker);
        let page = list.send().await.map_err(|error| failure::of("iam:ListServiceSpecificCredentials", &error))?;
        found.extend(page.service_specific_credentials().iter().map(|credential| credential.service_specific_credential_id().to_owned()));
        marker = page.marker;
        if !page.is_truncated || marker.is_none() {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    /// One item a list, and a second page of service-specific credentials.
    fn answer(asked: &str) -> (u16, String) {
        let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap();
        let when = "<UploadDate>2026-11-22T03:00:00Z</UploadDate>";
        let result = match action {
            "ListUserPolicies" => "<PolicyNames><member>own</member></PolicyNames>".to_owned(),
            "ListAttachedUserPolicies" => "<AttachedPolicies><member><PolicyArn>arn:policy</PolicyArn></member></AttachedPolicies>".to_owned(),
            "ListGroupsForUser" => {
                let group = "<Path>/</Path><GroupName>students</GroupName><GroupId>AGPA</GroupId><Arn>arn</Arn><CreateDate>2026-11-22T03:00:00Z</CreateDate>";
                format!("<Groups><member>{group}</member></Groups>")
            }
            "ListMFADevices" => {
                "<MFADevices><member><UserName>mallory</UserName><SerialNumber>arn:mfa</SerialNumber><EnableDate>2026-11-22T03:00:00Z</EnableDate></member></MFADevices>"
                    .to_owned()
            }
            "ListSigningCertificates" => {
                let certificate = "<UserName>mallory</UserName><CertificateId>CERT</CertificateId><CertificateBody>-</CertificateBody><Status>Active</Status>";
                format!("<Certificates><member>{certificate}{when}</member></Certificates>")
            }
            "ListSSHPublicKeys" => {
                format!("<SSHPublicKeys><member><UserName>mallory</UserName><SSHPublicKeyId>APKA</SSHPublicKeyId><Status>Active</Status>{when}</member></SSHPublicKeys>")
            }
            "ListServiceSpecificCredentials" => {
                let (id, more) = if asked.contains("Marker=next") { ("ACCA2", "") } else { ("ACCA1", "<IsTruncated>true</IsTruncated><Marker>next</Marker>") };
                let names = "<UserName>mallory</UserName><Status>Active</Status><ServiceUserName>m</ServiceUserName><ServiceName>bedrock.amazonaws.com</ServiceName>";
                let credential = format!("{names}<CreateDate>2026-11-22T03:00:00Z</CreateDate><ServiceSpecificCredentialId>{id}</ServiceSpecificCredentialId>");
                format!("<ServiceSpecificCredentials><member>{credential}</member></ServiceSpecificCredentials>{more}")
            }
            other => panic!("{other} was not expected"),
        };
        (200, format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"))
    }

    #[tokio::test]
    async fn every_list_is_read_whole() {
        let belongings = of(&Client::new(&Script::new(answer).config()), "mallory").await.unwrap();
        let expected = Belongings {
            inline_policies: vec!["own".to_owned()],
            attached_policies: vec!["arn:policy".to_owned()],
            groups: vec!["students".to_owned()],
            mfa_devices: vec!["arn:mfa".to_owned()],
            certificates: vec!["CERT".to_owned()],
            ssh_keys: vec!["APKA".to_owned()],
            service_credentials: vec!["ACCA1".to_owned(), "ACCA2".to_owned()],
        };
        assert_eq!(belongings, expected);
    }
}
