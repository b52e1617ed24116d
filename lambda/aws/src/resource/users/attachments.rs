//! What must be removed before IAM deletes a user, besides its credentials.

use aws_sdk_iam::Client;

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::users::{UserAttachment, UserAttachments};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::UserName;
use runawaytrain_engine::ports::Performed;

use crate::failure;
use crate::resource::call::{done, gone_is_fine};

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

/// What hangs on a user, all of it or what is not known from elsewhere: its MFA devices. One list that cannot be read
/// makes the whole unknown: a deletion that misses one thing fails anyway.
pub(super) async fn of(client: &Client, user: &str, known: Option<UserAttachments>) -> Seen<UserAttachments> {
    let mfa_devices = every!("iam:ListMFADevices", client.list_mfa_devices().user_name(user), page => {
        page.mfa_devices.into_iter().map(|device| device.serial_number)
    });
    if let Some(known) = known {
        return Ok(UserAttachments { mfa_devices: mfa_devices.await?, ..known });
    }
    let (inline_policies, attached_policies, groups, mfa_devices) = tokio::try_join!(
        every!("iam:ListUserPolicies", client.list_user_policies().user_name(user), page => page.policy_names),
        every!("iam:ListAttachedUserPolicies", client.list_attached_user_policies().user_name(user), page => {
            page.attached_policies.into_iter().flatten().filter_map(|policy| policy.policy_arn)
        }),
        every!("iam:ListGroupsForUser", client.list_groups_for_user().user_name(user), page => {
            page.groups.into_iter().map(|group| group.group_name)
        }),
        mfa_devices,
    )?;
    Ok(UserAttachments { inline_policies, attached_policies, groups, mfa_devices })
}

/// Removes one of them. One that is gone is removed.
pub(super) async fn remove(
    client: &Client,
    operation: &str,
    user: &UserName,
    attachment: &UserAttachment,
) -> Result<Performed, Failure> {
    let user = user.as_str();
    gone_is_fine(match attachment {
        UserAttachment::MfaDevice(serial) => {
            done!(operation, client.deactivate_mfa_device().user_name(user).serial_number(serial))
        }
        UserAttachment::VirtualMfaDevice(serial) => {
            done!(operation, client.delete_virtual_mfa_device().serial_number(serial))
        }
        UserAttachment::Group(name) => {
            done!(operation, client.remove_user_from_group().user_name(user).group_name(name))
        }
        UserAttachment::AttachedPolicy(arn) => {
            done!(operation, client.detach_user_policy().user_name(user).policy_arn(arn))
        }
        UserAttachment::InlinePolicy(name) => {
            done!(operation, client.delete_user_policy().user_name(user).policy_name(name))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    /// One item a list, and a second page of inline policies.
    fn answer(asked: &str) -> (u16, String) {
        let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap();
        let since = "2026-11-22T03:00:00Z";
        let result = match action {
            "ListUserPolicies" if asked.contains("Marker=next") => {
                "<PolicyNames><member>other</member></PolicyNames>".to_owned()
            }
            "ListUserPolicies" => {
                let more = "<IsTruncated>true</IsTruncated><Marker>next</Marker>";
                format!("<PolicyNames><member>own</member></PolicyNames>{more}")
            }
            "ListAttachedUserPolicies" => {
                let policy = "<PolicyArn>arn:policy</PolicyArn>";
                format!("<AttachedPolicies><member>{policy}</member></AttachedPolicies>")
            }
            "ListGroupsForUser" => {
                let group = "<Path>/</Path><GroupName>students</GroupName><GroupId>AGPA</GroupId><Arn>arn</Arn>";
                format!("<Groups><member>{group}<CreateDate>{since}</CreateDate></member></Groups>")
            }
            "ListMFADevices" => {
                let device = "<UserName>mallory</UserName><SerialNumber>arn:mfa</SerialNumber>";
                format!("<MFADevices><member>{device}<EnableDate>{since}</EnableDate></member></MFADevices>")
            }
            other => panic!("{other} was not expected"),
        };
        (200, format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"))
    }

    #[tokio::test]
    async fn every_list_is_read_whole() {
        let attachments = of(&Client::new(&Script::new(answer).config()), "mallory", None).await.unwrap();
        let expected = UserAttachments {
            inline_policies: vec!["own".to_owned(), "other".to_owned()],
            attached_policies: vec!["arn:policy".to_owned()],
            groups: vec!["students".to_owned()],
            mfa_devices: vec!["arn:mfa".to_owned()],
        };
        assert_eq!(attachments, expected);
    }

    #[tokio::test]
    async fn each_attachment_is_removed_by_its_own_call_and_one_that_is_gone_is_no_failure() {
        let attachments = [
            (UserAttachment::MfaDevice("phone".to_owned()), "Action=DeactivateMFADevice", "SerialNumber=phone"),
            (
                UserAttachment::VirtualMfaDevice("phone".to_owned()),
                "Action=DeleteVirtualMFADevice",
                "SerialNumber=phone",
            ),
            (UserAttachment::Group("students".to_owned()), "Action=RemoveUserFromGroup", "GroupName=students"),
            (UserAttachment::AttachedPolicy("managed".to_owned()), "Action=DetachUserPolicy", "PolicyArn=managed"),
            (UserAttachment::InlinePolicy("own".to_owned()), "Action=DeleteUserPolicy", "PolicyName=own"),
        ];
        let user = UserName::new("mallory");
        let gone = Script::new(|_| {
            let error = "<Error><Code>NoSuchEntity</Code><Message>none</Message></Error>";
            (404, format!("<ErrorResponse>{error}</ErrorResponse>"))
        });
        for (attachment, call, id) in &attachments {
            let there = Script::new(|_| (200, "<Response/>".to_owned()));
            let answer = remove(&Client::new(&there.config()), "any", &user, attachment).await;
            assert_eq!(answer, Ok(Performed::Done), "{attachment}");
            let asked = there.asked().pop().unwrap();
            assert!(asked.contains(call) && asked.contains(id), "{asked}");
            let answer = remove(&Client::new(&gone.config()), "any", &user, attachment).await;
            assert_eq!(answer, Ok(Performed::AlreadyDone), "{attachment}");
        }
    }
}
