//! What must be removed before IAM deletes a user, besides its credentials.

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

/// What hangs on a user. One list that cannot be read makes the whole unknown: a deletion that misses one thing fails
/// anyway.
pub(super) async fn of(client: &Client, user: &str) -> Seen<Belongings> {
    let (inline_policies, attached_policies, groups, mfa_devices) = tokio::try_join!(
        every!("iam:ListUserPolicies", client.list_user_policies().user_name(user), page => page.policy_names),
        every!("iam:ListAttachedUserPolicies", client.list_attached_user_policies().user_name(user), page => {
            page.attached_policies.into_iter().flatten().filter_map(|policy| policy.policy_arn)
        }),
        every!("iam:ListGroupsForUser", client.list_groups_for_user().user_name(user), page => page.groups.into_iter().map(|group| group.group_name)),
        every!("iam:ListMFADevices", client.list_mfa_devices().user_name(user), page => page.mfa_devices.into_iter().map(|device| device.serial_number)),
    )?;
    Ok(Belongings { inline_policies, attached_policies, groups, mfa_devices })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    /// One item a list, and a second page of inline policies.
    fn answer(asked: &str) -> (u16, String) {
        let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap();
        let result = match action {
            "ListUserPolicies" if asked.contains("Marker=next") => "<PolicyNames><member>other</member></PolicyNames>".to_owned(),
            "ListUserPolicies" => "<PolicyNames><member>own</member></PolicyNames><IsTruncated>true</IsTruncated><Marker>next</Marker>".to_owned(),
            "ListAttachedUserPolicies" => "<AttachedPolicies><member><PolicyArn>arn:policy</PolicyArn></member></AttachedPolicies>".to_owned(),
            "ListGroupsForUser" => {
                let group = "<Path>/</Path><GroupName>students</GroupName><GroupId>AGPA</GroupId><Arn>arn</Arn><CreateDate>2026-11-22T03:00:00Z</CreateDate>";
                format!("<Groups><member>{group}</member></Groups>")
            }
            "ListMFADevices" => {
                "<MFADevices><member><UserName>mallory</UserName><SerialNumber>arn:mfa</SerialNumber><EnableDate>2026-11-22T03:00:00Z</EnableDate></member></MFADevices>"
                    .to_owned()
            }
            other => panic!("{other} was not expected"),
        };
        (200, format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"))
    }

    #[tokio::test]
    async fn every_list_is_read_whole() {
        let belongings = of(&Client::new(&Script::new(answer).config()), "mallory").await.unwrap();
        let expected = Belongings {
            inline_policies: vec!["own".to_owned(), "other".to_owned()],
            attached_policies: vec!["arn:policy".to_owned()],
            groups: vec!["students".to_owned()],
            mfa_devices: vec!["arn:mfa".to_owned()],
        };
        assert_eq!(belongings, expected);
    }
}
