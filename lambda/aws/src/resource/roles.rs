//! IAM roles, and our policy on each: sessions are revoked, or the role is denied whole.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput;
use aws_sdk_iam::types::{EntityType, PolicyUsageType, RoleDetail};
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde_json::Value;

use runawaytrain_core::observation::Seen;
use runawaytrain_core::policy::known_roles::{Class, known};
use runawaytrain_core::policy::trust::admitted;
use runawaytrain_core::resource::deny_all::{DENY_ALL, DenyAll};
use runawaytrain_core::resource::roles::{Action, REVOKE_AHEAD, REVOKE_POLICY, Role, RoleLock};
use runawaytrain_core::resource::{Act, Depth};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, RoleName};
use runawaytrain_engine::patience::Round;
use runawaytrain_engine::ports::Performed;

use crate::deny::{self, Found};
use crate::failure;
use crate::resource::call::{AT_A_TIME, absent, done, gone_is_fine};
use crate::resource::deny_all::{self, Principals};
use crate::resource::details;
use crate::time::timestamp;

/// The most that ListRoles gives at a time; its default is 100.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
const PAGE: i32 = 1000;

const ROLES: Principals = Principals {
    whom: EntityType::Role,
    names: |page| page.policy_roles.into_iter().flatten().filter_map(|role| role.role_name).collect(),
};

/// Every role, all pages.
pub(super) async fn look(
    client: &Client,
    account: &AccountId,
    depth: Depth,
    within: Duration,
    so_far: impl Fn(Vec<Role>),
) -> Result<Vec<Role>, Failure> {
    let bound =
        deny_all::denied_by(PolicyUsageType::PermissionsBoundary, &ROLES, || client.list_entities_for_policy()).await;
    let page = |page: GetAccountAuthorizationDetailsOutput| {
        let roles = page.role_detail_list.into_iter().flatten();
        roles.filter_map(|detail| told(detail, &bound, account)).collect()
    };
    let roles = match details::each(client, EntityType::Role, page, |some: &[Role]| so_far(some.to_vec())).await {
        Err(failure) if details::is_not_ours(&failure) => one_by_one(client, account, within).await?,
        answer => answer?,
    };
    let round = Round::of(within);
    let roles = stream::iter(roles).map(|role| with_boundary(client, round, role, account, depth));
    Ok(roles.buffer_unordered(AT_A_TIME).collect().await)
}

/// A role as a list tells of it; one without a name could not be named in any call.
fn told(detail: RoleDetail, bound: &Seen<BTreeSet<String>>, account: &AccountId) -> Option<Role> {
    let name = detail.role_name?;
    let boundary = details::boundary(detail.permissions_boundary);
    let deny_all = details::deny_all(detail.attached_managed_policies.as_deref(), boundary.as_deref());
    Some(Role {
        path: detail.path.unwrap_or_default(),
        created: detail.create_date.as_ref().and_then(timestamp),
        // It is always told; were it missing, nothing would be known of whom the role admits.
        admits: admitted(&deny::decode(detail.assume_role_policy_document.as_deref().unwrap_or_default()), account),
        lock: Ok(details::lock(detail.role_policy_list.as_deref(), REVOKE_POLICY).map_or(RoleLock::Absent, lock_of)),
        deny_all: deny_all::with_bound(deny_all, bound, &name),
        boundary: boundary.map(|arn| Ok(Some(arn))),
        name: RoleName::new(name),
    })
}

/// A call a role.
async fn one_by_one(client: &Client, account: &AccountId, within: Duration) -> Result<Vec<Role>, Failure> {
    let (listed, denied) =
        tokio::join!(list(client, account), deny_all::denied(&ROLES, || client.list_entities_for_policy()));
    let (listed, round) = (listed?, Round::of(within));
    let one = async |role: Role| {
        let name = role.name.as_str();
        let deny_all = deny_all::on(&denied, name);
        // Where IAM lets nobody put a policy there is none: most roles of an account are services' own, and each call
        // counts.
        let lock = match is_reserved(&role, account) {
            true => role.lock,
            false => round.ask("iam:GetRolePolicy", name, || lock(client, name)).await,
        };
        Role { lock, deny_all, ..role }
    };
    Ok(stream::iter(listed).map(one).buffer_unordered(AT_A_TIME).collect().await)
}

async fn list(client: &Client, account: &AccountId) -> Result<Vec<Role>, Failure> {
    let mut pages = client.list_roles().max_items(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("iam:ListRoles", &error))?;
        found.extend(page.roles.into_iter().map(|role| Role {
            name: RoleName::new(role.role_name),
            path: role.path,
            created: timestamp(&role.create_date),
            admits: admitted(&deny::decode(role.assume_role_policy_document.as_deref().unwrap_or_default()), account),
            lock: Ok(RoleLock::Absent),
            deny_all: Ok(DenyAll::default()),
            boundary: None,
        }));
    }
    Ok(found)
}

fn is_reserved(role: &Role, account: &AccountId) -> bool {
    known(&role.name, &role.path, account).is_some_and(|role| role.class == Class::Reserved)
}

/// The role with its boundary, where that may have to be replaced and was not told. Where our lock stands, nothing has
/// to take its place.
async fn with_boundary(client: &Client, round: Round, role: Role, account: &AccountId, depth: Depth) -> Role {
    let is_open = !matches!(role.lock, Ok(RoleLock::Denied | RoleLock::RevokedBefore(_)));
    let is_wanted = depth == Depth::Whole && is_open && role.boundary.is_none() && !is_reserved(&role, account);
    if !is_wanted {
        return role;
    }
    let name = role.name.as_str();
    Role { boundary: Some(round.ask("iam:GetRole", name, || boundary(client, name)).await), ..role }
}

async fn boundary(client: &Client, role: &str) -> Seen<Option<String>> {
    let answer = client.get_role().role_name(role).send().await.map_err(|error| failure::of("iam:GetRole", &error))?;
    Ok(answer.role.and_then(|role| role.permissions_boundary?.permissions_boundary_arn))
}

async fn lock(client: &Client, role: &str) -> Seen<RoleLock> {
    match client.get_role_policy().role_name(role).policy_name(REVOKE_POLICY).send().await {
        Ok(answer) => Ok(lock_of(deny::judge(REVOKE_POLICY, answer.policy_document()))),
        Err(error) => absent(failure::of("iam:GetRolePolicy", &error), RoleLock::Absent),
    }
}

fn lock_of(found: Found) -> RoleLock {
    match found {
        Found::Everything => RoleLock::Denied,
        Found::SessionsBefore(time) => RoleLock::RevokedBefore(time),
        Found::Other => RoleLock::Altered,
    }
}

pub(super) async fn perform(client: &Client, action: &Action, now: Timestamp) -> Result<Performed, Failure> {
    let (operation, role) = (action.operation(), action.role());
    match action {
        Action::RevokeSessions { ahead, .. } => {
            put_policy(client, operation, role, &deny::sessions_so_far(REVOKE_POLICY, now, *ahead)).await
        }
        // A role that is gone denies nobody anything.
        Action::LiftRole { .. } => {
            let document = deny::sessions_so_far(REVOKE_POLICY, now, REVOKE_AHEAD);
            gone_is_fine(put_policy(client, operation, role, &document).await)
        }
        Action::DenyRole { .. } => put_policy(client, operation, role, &deny::everything(REVOKE_POLICY)).await,
        Action::AttachDenyToRole { .. } => {
            done!(operation, client.attach_role_policy().role_name(role.as_str()).policy_arn(DENY_ALL))
        }
        Action::DetachDenyFromRole { .. } => {
            let call = client.detach_role_policy().role_name(role.as_str()).policy_arn(DENY_ALL);
            gone_is_fine(done!(operation, call))
        }
        Action::BoundRole { .. } => put_boundary(client, operation, role, DENY_ALL).await,
        // A policy that was there before and is gone cannot be put back: that is a failure, and is said.
        Action::RestoreRoleBoundary { boundary: Some(before), .. } => {
            put_boundary(client, operation, role, before).await
        }
        Action::RestoreRoleBoundary { boundary: None, .. } => {
            let call = client.delete_role_permissions_boundary().role_name(role.as_str());
            gone_is_fine(done!(operation, call))
        }
    }
}

async fn put_policy(client: &Client, operation: &str, role: &RoleName, document: &Value) -> Result<Performed, Failure> {
    let call = client
        .put_role_policy()
        .role_name(role.as_str())
        .policy_name(REVOKE_POLICY)
        .policy_document(document.to_string());
    done!(operation, call)
}

async fn put_boundary(client: &Client, operation: &str, role: &RoleName, arn: &str) -> Result<Performed, Failure> {
    let call = client.put_role_permissions_boundary().role_name(role.as_str()).permissions_boundary(arn);
    done!(operation, call)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use runawaytrain_core::policy::trust::Principal;
    use runawaytrain_core::vocabulary::failure::FailureKind;

    use super::*;
    use crate::wire::Script;

    const MINUTE: Duration = Duration::from_secs(60);

    fn account() -> AccountId {
        AccountId::parse("111111111111").unwrap()
    }

    fn role(name: &str, path: &str) -> String {
        let whom = if name == "revoked" { "222222222222" } else { "111111111111" };
        let principal = serde_json::json!({ "AWS": format!("arn:aws:iam::{whom}:root") });
        let trust = serde_json::json!({
            "Statement": [{ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" }],
        });
        let trust = utf8_percent_encode(&trust.to_string(), NON_ALPHANUMERIC).to_string();
        let ids = "<RoleId>AROA</RoleId><Arn>arn</Arn><CreateDate>2026-11-22T03:00:00Z</CreateDate>";
        let role = format!("<Path>{path}</Path><RoleName>{name}</RoleName>{ids}");
        format!("<member>{role}<AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument></member>")
    }

    fn policy(document: &str) -> (u16, String) {
        let document = utf8_percent_encode(document, NON_ALPHANUMERIC);
        let names = "<RoleName>r</RoleName><PolicyName>RunawayTrainRevoke</PolicyName>";
        let result = format!("{names}<PolicyDocument>{document}</PolicyDocument>");
        let result = format!("<GetRolePolicyResult>{result}</GetRolePolicyResult>");
        (200, format!("<GetRolePolicyResponse>{result}</GetRolePolicyResponse>"))
    }

    /// An account whose stack is older than the list of all roles.
    fn answer(asked: &str) -> (u16, String) {
        if asked.contains("Action=GetAccountAuthorizationDetails") {
            let error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
            return (403, format!("<ErrorResponse>{error}</ErrorResponse>"));
        }
        if asked.contains("Action=ListRoles") {
            let (roles, more) = if asked.contains("Marker=next") {
                (
                    role("denied", "/") + &role("AWSServiceRoleForSpot", "/aws-service-role/spot.amazonaws.com/"),
                    "<IsTruncated>false</IsTruncated>",
                )
            } else {
                (
                    role("revoked", "/") + &role("stacksets-exec-x", "/") + &role("blind", "/"),
                    "<IsTruncated>true</IsTruncated><Marker>next</Marker>",
                )
            };
            let result = format!("<ListRolesResult><Roles>{roles}</Roles>{more}</ListRolesResult>");
            return (200, format!("<ListRolesResponse>{result}</ListRolesResponse>"));
        }
        if asked.contains("Action=ListEntitiesForPolicy") {
            let blind = "<PolicyRoles><member><RoleName>blind</RoleName></member></PolicyRoles>";
            let roles = if asked.contains("PolicyUsageFilter=PermissionsBoundary") { blind } else { "" };
            let result = format!("<ListEntitiesForPolicyResult>{roles}</ListEntitiesForPolicyResult>");
            return (200, format!("<ListEntitiesForPolicyResponse>{result}</ListEntitiesForPolicyResponse>"));
        }
        if asked.contains("Action=GetRole&") {
            let name = asked.split("RoleName=").nth(1).unwrap().split('&').next().unwrap();
            let arn = "<PermissionsBoundaryArn>arn:students</PermissionsBoundaryArn>";
            let boundary = format!("<PermissionsBoundary>{arn}</PermissionsBoundary>");
            let role = role(name, "/").replace("<member>", "").replace("</member>", &boundary);
            return (
                200,
                format!("<GetRoleResponse><GetRoleResult><Role>{role}</Role></GetRoleResult></GetRoleResponse>"),
            );
        }
        assert!(asked.contains("PolicyName=RunawayTrainRevoke"), "{asked}");
        let error = |code: &str| {
            format!("<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>")
        };
        match asked {
            asked if asked.contains("RoleName=revoked") => {
                policy(&deny::sessions_before(REVOKE_POLICY, "2026-11-22T12:00:00Z".parse().unwrap()).to_string())
            }
            asked if asked.contains("RoleName=denied") => policy(&deny::everything(REVOKE_POLICY).to_string()),
            asked if asked.contains("RoleName=blind") => (403, error("AccessDenied")),
            _ => (404, error("NoSuchEntity")),
        }
    }

    #[tokio::test]
    async fn every_page_is_read_and_each_lock_is_told_apart() {
        let script = Script::new(answer);
        let mut roles = look(&Client::new(&script.config()), &account(), Depth::Usual, MINUTE, |_| {}).await.unwrap();
        roles.sort_by(|one, other| one.name.cmp(&other.name));
        let locks: Vec<_> =
            roles.iter().map(|role| (role.name.as_str(), role.lock.as_ref().map_err(|failure| failure.kind))).collect();
        let noon = RoleLock::RevokedBefore("2026-11-22T12:00:00Z".parse().unwrap());
        let expected = [
            ("AWSServiceRoleForSpot", Ok(&RoleLock::Absent)),
            ("blind", Err(FailureKind::Denied)),
            ("denied", Ok(&RoleLock::Denied)),
            ("revoked", Ok(&noon)),
            ("stacksets-exec-x", Ok(&RoleLock::Absent)),
        ];
        assert_eq!(locks, expected);
        let denied: Vec<_> =
            roles.iter().filter(|role| role.deny_all.as_ref().is_ok_and(|deny| deny.denies())).collect();
        assert_eq!(denied.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(), ["blind"]);
        assert!(roles.iter().all(|role| role.created.is_some() && role.boundary.is_none()));
        let admitting: Vec<_> = roles
            .iter()
            .filter(|role| !role.admits.iter().all(|principal| principal.is_inside(&account())))
            .map(|role| (role.name.as_str(), role.admits.as_slice()))
            .collect();
        assert_eq!(
            admitting,
            [("revoked", [Principal::Account(AccountId::parse("222222222222").unwrap())].as_slice())]
        );
        assert!(script.asked().iter().all(|asked| !asked.contains("ListRoles") || asked.contains("MaxItems=1000")));
    }

    #[tokio::test]
    async fn a_services_own_role_costs_no_call_but_one_that_only_looks_never_touched_does() {
        let script = Script::new(answer);
        look(&Client::new(&script.config()), &account(), Depth::Usual, MINUTE, |_| {}).await.unwrap();
        let asked = script.asked();
        let about = |name: &str| asked.iter().any(|asked| asked.contains("GetRolePolicy") && asked.contains(name));
        assert!(!about("AWSServiceRoleForSpot") && about("stacksets-exec-x"), "{asked:?}");
    }

    #[tokio::test]
    async fn a_boundary_is_read_only_where_it_may_have_to_be_replaced() {
        let mut roles =
            look(&Client::new(&Script::new(answer).config()), &account(), Depth::Whole, MINUTE, |_| {}).await.unwrap();
        roles.sort_by(|one, other| one.name.cmp(&other.name));
        let students = || Some(Ok(Some("arn:students".to_owned())));
        let boundaries: Vec<_> = roles.into_iter().map(|role| (role.name.to_string(), role.boundary)).collect();
        let expected = [
            ("AWSServiceRoleForSpot", None),
            ("blind", students()),
            ("denied", None),
            ("revoked", None),
            ("stacksets-exec-x", students()),
        ];
        assert_eq!(boundaries, expected.map(|(name, boundary)| (name.to_owned(), boundary)));
    }

    #[tokio::test]
    async fn awss_deny_is_attached_or_made_the_boundary_and_what_was_there_is_put_back() {
        let script = Script::new(|_| (200, "<Response/>".to_owned()));
        let client = Client::new(&script.config());
        let (role, before) = (|| RoleName::new("ci"), "arn:aws:iam::111111111111:policy/students");
        let restore = |boundary| Action::RestoreRoleBoundary { role: role(), boundary };
        let actions = [
            (Action::AttachDenyToRole { role: role() }, "AttachRolePolicy", DENY_ALL),
            (Action::DetachDenyFromRole { role: role() }, "DetachRolePolicy", DENY_ALL),
            (Action::BoundRole { role: role(), before: None }, "PutRolePermissionsBoundary", DENY_ALL),
            (restore(Some(before.to_owned())), "PutRolePermissionsBoundary", before),
            (restore(None), "DeleteRolePermissionsBoundary", "ci"),
        ];
        for (action, call, value) in actions {
            assert_eq!(perform(&client, &action, Timestamp::UNIX_EPOCH).await, Ok(Performed::Done), "{action}");
            let asked = script.asked().pop().unwrap();
            let asked = percent_encoding::percent_decode_str(&asked).decode_utf8_lossy();
            assert!(asked.contains(&format!("Action={call}&")) && asked.contains("RoleName=ci"), "{asked}");
            assert!(asked.contains(&format!("={value}")), "{asked}");
        }
    }

    /// The policy that a call writes.
    fn written(asked: &str) -> Found {
        let document = asked.split('&').find_map(|word| word.strip_prefix("PolicyDocument=")).unwrap();
        deny::judge(REVOKE_POLICY, document)
    }

    #[tokio::test]
    async fn a_revocation_is_dated_when_it_is_written_and_a_deny_is_not() {
        let script = Script::new(|_| (200, "<PutRolePolicyResponse/>".to_owned()));
        let role = || RoleName::new("ci");
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let actions = [
            Action::RevokeSessions { role: role(), ahead: REVOKE_AHEAD },
            Action::RevokeSessions { role: role(), ahead: SignedDuration::from_mins(2) },
            Action::DenyRole { role: role() },
            Action::LiftRole { role: role() },
        ];
        for action in &actions {
            assert_eq!(perform(&Client::new(&script.config()), action, now).await, Ok(Performed::Done), "{action}");
        }
        let asked = script.asked();
        assert!(asked.iter().all(|asked| asked.contains("RoleName=ci&PolicyName=RunawayTrainRevoke")), "{asked:?}");
        let before = |time: &str| Found::SessionsBefore(time.parse().unwrap());
        let (soon, later) = (before("2026-11-22T12:00:30Z"), before("2026-11-22T12:02:00Z"));
        let written: Vec<Found> = asked.iter().map(|asked| written(asked)).collect();
        assert_eq!(written, [soon, later, Found::Everything, soon]);
    }

    #[tokio::test]
    async fn a_role_that_is_gone_needs_no_lifting_and_cannot_be_denied() {
        let script = Script::new(|_| {
            let error = "<Error><Code>NoSuchEntity</Code><Message>none</Message></Error>";
            (404, format!("<ErrorResponse>{error}</ErrorResponse>"))
        });
        let client = Client::new(&script.config());
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let lift = Action::LiftRole { role: RoleName::new("ci") };
        assert_eq!(perform(&client, &lift, now).await, Ok(Performed::AlreadyDone));
        let deny = Action::DenyRole { role: RoleName::new("ci") };
        assert_eq!(perform(&client, &deny, now).await.unwrap_err().kind, FailureKind::NotFound);
    }

    #[tokio::test]
    async fn a_page_tells_of_every_role_how_it_is_locked_and_whom_it_admits() {
        let script = Script::new(|asked| {
            let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap();
            let result = match action {
                "GetAccountAuthorizationDetails" => {
                    assert!(asked.contains("Filter.member.1=Role"), "{asked}");
                    let document = deny::everything(REVOKE_POLICY).to_string();
                    let document = utf8_percent_encode(&document, NON_ALPHANUMERIC);
                    let policy =
                        format!("<PolicyName>{REVOKE_POLICY}</PolicyName><PolicyDocument>{document}</PolicyDocument>");
                    let policies = format!("<RolePolicyList><member>{policy}</member></RolePolicyList></member>");
                    let denied = role("denied", "/").replace("</member>", &policies);
                    format!("<RoleDetailList>{denied}{}</RoleDetailList>", role("revoked", "/service/"))
                }
                "ListEntitiesForPolicy" => String::new(),
                "GetRole" => {
                    let arn = "<PermissionsBoundaryArn>arn:students</PermissionsBoundaryArn>";
                    let boundary = format!("<PermissionsBoundary>{arn}</PermissionsBoundary>");
                    let role = role("revoked", "/").replace("<member>", "").replace("</member>", &boundary);
                    format!("<Role>{role}</Role>")
                }
                other => panic!("{other} was not expected"),
            };
            (200, format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"))
        });
        let client = Client::new(&script.config());
        let told = std::cell::Cell::new(0);
        let roles = look(&client, &account(), Depth::Usual, MINUTE, |some| told.set(some.len())).await.unwrap();
        assert_eq!((told.get(), script.asked().len()), (2, 2));
        let [denied, open] = roles.as_slice() else { panic!("{roles:?}") };
        assert_eq!((&denied.lock, &open.lock), (&Ok(RoleLock::Denied), &Ok(RoleLock::Absent)));
        assert_eq!(open.path, "/service/");
        assert_eq!(open.admits, [Principal::Account(AccountId::parse("222222222222").unwrap())]);
        let roles = look(&client, &account(), Depth::Whole, MINUTE, |_| {}).await.unwrap();
        let boundaries: Vec<_> = roles.into_iter().map(|role| role.boundary).collect();
        assert_eq!(boundaries, [None, Some(Ok(Some("arn:students".to_owned())))], "read where it is not told");
    }
}
