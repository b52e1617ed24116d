//! IAM users and their long-lived credentials.

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{StatusType, User as SdkUser};
use futures::stream::{self, StreamExt};

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::identity::{AccessKey, Lockout, User};
use runawaytrain_core::ids::{KeyId, UserName};
use runawaytrain_core::observation::Seen;
use runawaytrain_core::planner::LOCKOUT_POLICY;
use runawaytrain_engine::ports::UserDetail;

use super::{AT_A_TIME, absent, belongings, credentials};
use crate::deny::{self, Found};
use crate::failure;
use crate::time::timestamp;

/// The most that ListUsers gives at a time; its default is 100.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html>
const PAGE: i32 = 1000;

/// Every user, all pages. A user that vanished between two reads is left out.
pub(super) async fn list(client: &Client, detail: UserDetail) -> Result<Vec<User>, Failure> {
    let mut pages = client.list_users().max_items(PAGE).into_paginator().send();
    let mut named = Vec::new();
    while let Some(page) = pages.next().await {
        named.extend(page.map_err(|error| failure::of("iam:ListUsers", &error))?.users);
    }
    let users = stream::iter(named)
        .map(|user| look(client, user, detail))
        .buffer_unordered(AT_A_TIME)
        .filter_map(std::future::ready);
    Ok(users.collect().await)
}

async fn look(client: &Client, user: SdkUser, detail: UserDetail) -> Option<User> {
    let name = user.user_name;
    let belongings = async {
        match detail {
            UserDetail::Credentials => None,
            UserDetail::Everything => Some(belongings::of(client, &name).await),
        }
    };
    let (keys, console, lockout, others, belongings) = tokio::join!(
        keys(client, &name),
        console(client, &name),
        lockout(client, &name),
        credentials::of(client, &name),
        belongings
    );
    // A missing password or policy is an answer; missing credentials would be an empty list, so this is the user
    // itself.
    let gone = |failure: &Failure| failure.kind == FailureKind::NotFound;
    if keys.as_ref().is_err_and(gone)
        || others.as_ref().is_err_and(gone)
        || belongings.as_ref().is_some_and(|seen| seen.as_ref().is_err_and(gone))
    {
        return None;
    }
    Some(User {
        created: timestamp(&user.create_date),
        name: UserName::new(name),
        lockout,
        keys,
        console,
        others,
        belongings,
    })
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

async fn lockout(client: &Client, user: &str) -> Seen<Lockout> {
    match client.get_user_policy().user_name(user).policy_name(LOCKOUT_POLICY).send().await {
        Ok(answer) => Ok(match deny::judge(LOCKOUT_POLICY, answer.policy_document()) {
            Found::Everything => Lockout::InForce,
            Found::SessionsBefore(time) => Lockout::SessionsBefore(time),
            Found::Other => Lockout::Altered,
        }),
        Err(error) => absent(failure::of("iam:GetUserPolicy", &error), Lockout::Absent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    const NO_SUCH_ENTITY: &str =
        "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message></Error></ErrorResponse>";

    fn user(name: &str) -> String {
        format!(
            "<member><Path>/</Path><UserName>{name}</UserName><UserId>AIDA</UserId><Arn>arn</Arn><CreateDate>2026-11-22T03:00:00Z</CreateDate></member>"
        )
    }

    fn answer(asked: &str) -> (u16, String) {
        if asked.contains("Action=ListUsers") {
            let (users, more) = if asked.contains("Marker=next") {
                (user("ghost") + &user("zoe"), "<IsTruncated>false</IsTruncated>")
            } else {
                (user("ann") + &user("blind"), "<IsTruncated>true</IsTruncated><Marker>next</Marker>")
            };
            return (
                200,
                format!(
                    "<ListUsersResponse><ListUsersResult><Users>{users}</Users>{more}</ListUsersResult></ListUsersResponse>"
                ),
            );
        }
        if asked.contains("UserName=blind") {
            return (403, NO_SUCH_ENTITY.replace("NoSuchEntity", "AccessDenied"));
        }
        if asked.contains("Action=ListAccessKeys") && !asked.contains("UserName=ghost") {
            let keys = "<member><AccessKeyId>AKIA1</AccessKeyId><Status>Inactive</Status></member><member><AccessKeyId>AKIA2</AccessKeyId><Status>Active</Status></member>";
            let result = format!("<AccessKeyMetadata>{keys}</AccessKeyMetadata><IsTruncated>false</IsTruncated>");
            return (
                200,
                format!(
                    "<ListAccessKeysResponse><ListAccessKeysResult>{result}</ListAccessKeysResult></ListAccessKeysResponse>"
                ),
            );
        }
        let other = ["ListSigningCertificates", "ListSSHPublicKeys", "ListServiceSpecificCredentials"]
            .into_iter()
            .find(|list| asked.contains(list));
        if let Some(list) = other.filter(|_| !asked.contains("UserName=ghost")) {
            return (200, format!("<{list}Response><{list}Result/></{list}Response>"));
        }
        (404, NO_SUCH_ENTITY.to_owned())
    }

    #[tokio::test]
    async fn every_page_is_read_and_a_user_that_vanished_is_left_out() {
        let script = Script::new(answer);
        let mut users = list(&Client::new(&script.config()), UserDetail::Credentials).await.unwrap();
        users.sort_by(|one, other| one.name.cmp(&other.name));
        assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["ann", "blind", "zoe"]);
        let zoe = users.pop().unwrap();
        assert_eq!((zoe.console, zoe.lockout, zoe.others), (Ok(false), Ok(Lockout::Absent), Ok(Vec::new())));
        assert_eq!(
            zoe.keys.unwrap().iter().map(|key| (key.id.as_str().to_owned(), key.active)).collect::<Vec<_>>(),
            [("AKIA1".to_owned(), false), ("AKIA2".to_owned(), true)]
        );
        assert!(script.asked().iter().all(|asked| !asked.contains("ListUsers") || asked.contains("MaxItems=1000")));
    }

    #[tokio::test]
    async fn what_cannot_be_seen_of_a_user_is_not_taken_for_absent() {
        let users = list(&Client::new(&Script::new(answer).config()), UserDetail::Credentials).await.unwrap();
        let blind = users.iter().find(|user| user.name.as_str() == "blind").unwrap();
        let denied = |failure: &Failure| failure.kind == FailureKind::Denied;
        assert!(blind.keys.as_ref().is_err_and(denied) && blind.console.as_ref().is_err_and(denied));
        assert!(blind.lockout.as_ref().is_err_and(denied) && blind.others.as_ref().is_err_and(denied));
    }
}
