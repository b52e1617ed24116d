//! Who there is, and how each is locked.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput;
use aws_sdk_iam::types::{EntityType, PolicyUsageType, UserDetail};
use futures::stream::{self, StreamExt};

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::users::{LOCKOUT_POLICY, Lockout, User, UserAttachments};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::UserName;
use runawaytrain_engine::patience::Round;

use crate::deny::{self, Found};
use crate::failure;
use crate::resource::call::{AT_A_TIME, absent};
use crate::resource::deny_all::{self, Principals};
use crate::resource::details;
use crate::time::timestamp;

/// The most that ListUsers gives at a time; its default is 100.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html>
const PAGE: i32 = 1000;

const USERS: Principals = Principals {
    whom: EntityType::User,
    names: |page| page.policy_users.into_iter().flatten().filter_map(|user| user.user_name).collect(),
};

/// A user without its credentials.
#[derive(Clone)]
pub(super) struct Known {
    pub user: User,
    /// What hangs on it, its MFA devices aside; `None` where that was not told.
    pub hangs: Option<UserAttachments>,
}

/// Every user, all pages.
pub(super) async fn known(
    client: &Client,
    within: Duration,
    so_far: impl Fn(Vec<User>),
) -> Result<Vec<Known>, Failure> {
    let bound =
        deny_all::denied_by(PolicyUsageType::PermissionsBoundary, &USERS, || client.list_entities_for_policy()).await;
    let page = |page: GetAccountAuthorizationDetailsOutput| {
        let users = page.user_detail_list.into_iter().flatten();
        users.filter_map(|detail| told(detail, &bound)).collect()
    };
    let tell = |known: &[Known]| so_far(known.iter().map(|known| known.user.clone()).collect());
    match details::each(client, EntityType::User, page, tell).await {
        Err(failure) if details::is_not_ours(&failure) => one_by_one(client, within).await,
        answer => answer,
    }
}

/// A user as a list tells of it; one without a name could not be named in any call.
fn told(detail: UserDetail, bound: &Seen<BTreeSet<String>>) -> Option<Known> {
    let name = detail.user_name?;
    let boundary = details::boundary(detail.permissions_boundary);
    let deny_all = details::deny_all(detail.attached_managed_policies.as_deref(), boundary.as_deref());
    let lockout = details::lock(detail.user_policy_list.as_deref(), LOCKOUT_POLICY);
    let user = User {
        created: detail.create_date.as_ref().and_then(timestamp),
        lockout: Ok(lockout.map_or(Lockout::Absent, lockout_of)),
        deny_all: deny_all::with_bound(deny_all, bound, &name),
        boundary: boundary.map(|arn| Ok(Some(arn))),
        credentials: None,
        attachments: None,
        name: UserName::new(name),
    };
    let hangs = UserAttachments {
        inline_policies: detail
            .user_policy_list
            .into_iter()
            .flatten()
            .filter_map(|policy| policy.policy_name)
            .collect(),
        attached_policies: detail
            .attached_managed_policies
            .into_iter()
            .flatten()
            .filter_map(|policy| policy.policy_arn)
            .collect(),
        groups: detail.group_list.unwrap_or_default(),
        mfa_devices: Vec::new(),
    };
    Some(Known { user, hangs: Some(hangs) })
}

/// A call a user.
async fn one_by_one(client: &Client, within: Duration) -> Result<Vec<Known>, Failure> {
    let list = async {
        let mut pages = client.list_users().max_items(PAGE).into_paginator().send();
        let mut named = Vec::new();
        while let Some(page) = pages.next().await {
            named.extend(page.map_err(|error| failure::of("iam:ListUsers", &error))?.users);
        }
        Ok::<_, Failure>(named)
    };
    let (named, denied) = tokio::join!(list, deny_all::denied(&USERS, || client.list_entities_for_policy()));
    let (named, round) = (named?, Round::of(within));
    let one = async |user: aws_sdk_iam::types::User| Known {
        user: User {
            created: timestamp(&user.create_date),
            lockout: round.ask("iam:GetUserPolicy", &user.user_name, || lockout(client, &user.user_name)).await,
            deny_all: deny_all::on(&denied, &user.user_name),
            boundary: None,
            credentials: None,
            attachments: None,
            name: UserName::new(user.user_name),
        },
        hangs: None,
    };
    Ok(stream::iter(named).map(one).buffer_unordered(AT_A_TIME).collect().await)
}

async fn lockout(client: &Client, user: &str) -> Seen<Lockout> {
    match client.get_user_policy().user_name(user).policy_name(LOCKOUT_POLICY).send().await {
        Ok(answer) => Ok(lockout_of(deny::judge(LOCKOUT_POLICY, answer.policy_document()))),
        Err(error) => absent(failure::of("iam:GetUserPolicy", &error), Lockout::Absent),
    }
}

fn lockout_of(found: Found) -> Lockout {
    match found {
        Found::Everything => Lockout::InForce,
        Found::SessionsBefore(time) => Lockout::SessionsBefore(time),
        Found::Other => Lockout::Altered,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use runawaytrain_core::resource::deny_all::{DENY_ALL, DenyAll};
    use runawaytrain_core::vocabulary::failure::FailureKind;

    use super::*;
    use crate::wire::Script;

    const MINUTE: Duration = Duration::from_secs(60);

    fn detail(name: &str, more: &str) -> String {
        let ids = "<UserId>AIDA</UserId><Arn>arn</Arn><CreateDate>2026-11-22T03:00:00Z</CreateDate>";
        format!("<member><Path>/</Path><UserName>{name}</UserName>{ids}{more}</member>")
    }

    fn policy(name: &str, document: &str) -> String {
        let document = utf8_percent_encode(document, NON_ALPHANUMERIC);
        let policy = format!("<PolicyName>{name}</PolicyName><PolicyDocument>{document}</PolicyDocument>");
        format!("<UserPolicyList><member>{policy}</member></UserPolicyList>")
    }

    fn attached(arn: &str) -> String {
        let policy = format!("<PolicyName>p</PolicyName><PolicyArn>{arn}</PolicyArn>");
        format!("<AttachedManagedPolicies><member>{policy}</member></AttachedManagedPolicies>")
    }

    fn error(code: &str) -> String {
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>")
    }

    /// Two pages of details, the second of which was throttled once, and one user whose boundary is known from another
    /// list alone.
    fn script() -> Script {
        let throttled = std::sync::atomic::AtomicBool::new(false);
        Script::new(move |asked| {
            if asked.contains("Action=ListEntitiesForPolicy") {
                let users = "<PolicyUsers><member><UserName>bound</UserName></member></PolicyUsers>";
                let users = if asked.contains("PolicyUsageFilter=PermissionsBoundary") { users } else { "" };
                let result = format!("<ListEntitiesForPolicyResult>{users}</ListEntitiesForPolicyResult>");
                return (200, format!("<ListEntitiesForPolicyResponse>{result}</ListEntitiesForPolicyResponse>"));
            }
            assert!(asked.contains("Action=GetAccountAuthorizationDetails"), "{asked}");
            assert!(asked.contains("Filter.member.1=User") && asked.contains("MaxItems=250"), "{asked}");
            let (users, more) = if asked.contains("Marker=next") {
                if !throttled.swap(true, std::sync::atomic::Ordering::Relaxed) {
                    // Its tries are the SDK's own; past them it is ours to wait.
                    return (400, error("Throttling"));
                }
                let boundary = format!("<PermissionsBoundaryArn>{DENY_ALL}</PermissionsBoundaryArn>");
                let boundary = format!("<PermissionsBoundary>{boundary}</PermissionsBoundary>");
                let groups = "<GroupList><member>students</member></GroupList>";
                let altered = policy(LOCKOUT_POLICY, r#"{"Statement":[]}"#);
                (
                    detail("bound", "") + &detail("told", &boundary) + &detail("altered", &(altered + groups)),
                    "<IsTruncated>false</IsTruncated>",
                )
            } else {
                let locked = policy(LOCKOUT_POLICY, &deny::everything(LOCKOUT_POLICY).to_string());
                let own = policy("own", &deny::everything(LOCKOUT_POLICY).to_string());
                (
                    detail("locked", &locked) + &detail("attached", &(attached(DENY_ALL) + &own)),
                    "<IsTruncated>true</IsTruncated><Marker>next</Marker>",
                )
            };
            let result = format!("<UserDetailList>{users}</UserDetailList>{more}");
            let name = "GetAccountAuthorizationDetails";
            (200, format!("<{name}Response><{name}Result>{result}</{name}Result></{name}Response>"))
        })
    }

    #[tokio::test(start_paused = true)]
    async fn two_pages_tell_of_every_user_how_it_is_locked_and_what_hangs_on_it() {
        let (script, told) = (script(), RefCell::new(Vec::new()));
        let client = Client::new(&script.config());
        let all = known(&client, MINUTE, |users| told.borrow_mut().push(users.len())).await.unwrap();
        assert_eq!(told.into_inner(), [2, 5], "after each page");
        let all: BTreeMap<String, Known> = all.into_iter().map(|known| (known.user.name.to_string(), known)).collect();
        let lockouts: Vec<_> = all.iter().map(|(name, known)| (name.as_str(), known.user.lockout.clone())).collect();
        let expected = [
            ("altered", Ok(Lockout::Altered)),
            ("attached", Ok(Lockout::Absent)),
            ("bound", Ok(Lockout::Absent)),
            ("locked", Ok(Lockout::InForce)),
            ("told", Ok(Lockout::Absent)),
        ];
        assert_eq!(lockouts, expected);
        let by_aws = |name: &str| all[name].user.deny_all.clone().unwrap();
        assert_eq!(by_aws("attached"), DenyAll { attached: true, is_boundary: false });
        assert_eq!(by_aws("bound"), DenyAll { attached: false, is_boundary: true });
        assert_eq!(by_aws("told"), DenyAll { attached: false, is_boundary: true });
        assert_eq!(by_aws("locked"), DenyAll::default());
        assert_eq!(all["told"].user.boundary, Some(Ok(Some(DENY_ALL.to_owned()))));
        assert_eq!(all["bound"].user.boundary, None, "one that is not told may be there");
        let hangs = |name: &str| all[name].hangs.clone().unwrap();
        assert_eq!(hangs("altered").groups, ["students"]);
        assert_eq!(
            (hangs("attached").inline_policies, hangs("attached").attached_policies.len()),
            (vec!["own".to_owned()], 1)
        );
        assert!(all.values().all(|known| known.user.created.is_some() && known.user.credentials.is_none()));
        assert!(!script.asked().iter().any(|asked| asked.contains("Action=ListUsers")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_stays_throttled_fails_and_asks_about_nobody() {
        let throttled = Script::new(|_| (400, error("Throttling")));
        let failure = known(&Client::new(&throttled.config()), MINUTE, |_| {}).await.map(|_| ()).unwrap_err();
        assert_eq!(
            (failure.kind, failure.operation.as_str()),
            (FailureKind::Throttled, "iam:GetAccountAuthorizationDetails")
        );
        assert!(
            !throttled
                .asked()
                .iter()
                .any(|asked| asked.contains("Action=ListUsers") || asked.contains("GetUserPolicy"))
        );
    }

    #[tokio::test]
    async fn a_list_that_goes_round_in_circles_is_no_list() {
        let script = Script::new(|asked| {
            if !asked.contains("Action=GetAccountAuthorizationDetails") {
                return (403, error("AccessDenied"));
            }
            let more = "<IsTruncated>true</IsTruncated><Marker>same</Marker>";
            let name = "GetAccountAuthorizationDetails";
            (200, format!("<{name}Response><{name}Result>{more}</{name}Result></{name}Response>"))
        });
        let failure = known(&Client::new(&script.config()), MINUTE, |_| {}).await.map(|_| ()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Other);
    }
}
