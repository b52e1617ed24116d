//! IAM roles and our policy on each.

use aws_sdk_iam::Client;
use futures::stream::{self, StreamExt};

use runawaytrain_core::failure::Failure;
use runawaytrain_core::identity::{Role, RoleLock};
use runawaytrain_core::ids::{AccountId, RoleName};
use runawaytrain_core::observation::Seen;
use runawaytrain_core::planner::REVOKE_POLICY;
use runawaytrain_core::protected::never_touched;
use runawaytrain_core::trust::outsiders;

use super::{AT_A_TIME, absent};
use crate::deny::{self, Found};
use crate::failure;
use crate::time::timestamp;

/// The most that ListRoles gives at a time; its default is 100.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
const PAGE: i32 = 1000;

/// Every role, all pages.
pub(super) async fn list(client: &Client, account: &AccountId) -> Result<Vec<Role>, Failure> {
    let mut pages = client.list_roles().max_items(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("iam:ListRoles", &error))?;
        found.extend(page.roles.into_iter().map(|role| Role {
            name: RoleName::new(role.role_name),
            path: role.path,
            created: timestamp(&role.create_date),
            // ListRoles always gives the trust policy; were it missing, nothing would be known of whom it admits.
            outsiders: outsiders(
                &deny::decode(role.assume_role_policy_document.as_deref().unwrap_or_default()),
                account,
            ),
            lock: Ok(RoleLock::Absent),
        }));
    }
    Ok(stream::iter(found).map(|role| look(client, role)).buffer_unordered(AT_A_TIME).collect().await)
}

async fn look(client: &Client, role: Role) -> Role {
    // Where IAM lets nobody put a policy there is none: most roles of an account are services' own, and each call
    // counts.
    if never_touched(&role).is_some_and(|role| !role.forgeable) {
        return role;
    }
    Role { lock: lock(client, role.name.as_str()).await, ..role }
}

async fn lock(client: &Client, role: &str) -> Seen<RoleLock> {
    match client.get_role_policy().role_name(role).policy_name(REVOKE_POLICY).send().await {
        Ok(answer) => Ok(match deny::judge(REVOKE_POLICY, answer.policy_document()) {
            Found::Everything => RoleLock::Denied,
            Found::SessionsBefore(time) => RoleLock::RevokedBefore(time),
            Found::Other => RoleLock::Altered,
        }),
        Err(error) => absent(failure::of("iam:GetRolePolicy", &error), RoleLock::Absent),
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use runawaytrain_core::failure::FailureKind;
    use runawaytrain_core::trust::Outsider;

    use super::*;
    use crate::wire::Script;

    fn account() -> AccountId {
        AccountId::parse("111111111111").unwrap()
    }

    fn role(name: &str, path: &str) -> String {
        let whom = if name == "revoked" { "222222222222" } else { "111111111111" };
        let trust = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{whom}:root"}},"Action":"sts:AssumeRole"}}]}}"#
        );
        let trust = utf8_percent_encode(&trust, NON_ALPHANUMERIC);
        let role = format!(
            "<Path>{path}</Path><RoleName>{name}</RoleName><RoleId>AROA</RoleId><Arn>arn</Arn><CreateDate>2026-11-22T03:00:00Z</CreateDate>"
        );
        format!("<member>{role}<AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument></member>")
    }

    fn policy(document: &str) -> (u16, String) {
        let document = utf8_percent_encode(document, NON_ALPHANUMERIC);
        let names = "<RoleName>r</RoleName><PolicyName>RunawayTrainRevoke</PolicyName>";
        (
            200,
            format!(
                "<GetRolePolicyResponse><GetRolePolicyResult>{names}<PolicyDocument>{document}</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>"
            ),
        )
    }

    fn answer(asked: &str) -> (u16, String) {
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
            return (
                200,
                format!(
                    "<ListRolesResponse><ListRolesResult><Roles>{roles}</Roles>{more}</ListRolesResult></ListRolesResponse>"
                ),
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
        let mut roles = list(&Client::new(&script.config()), &account()).await.unwrap();
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
        assert!(roles.iter().all(|role| role.created.is_some()));
        let admitting: Vec<_> = roles
            .iter()
            .filter(|role| !role.outsiders.is_empty())
            .map(|role| (role.name.as_str(), role.outsiders.as_slice()))
            .collect();
        assert_eq!(admitting, [("revoked", [Outsider::Account(AccountId::parse("222222222222").unwrap())].as_slice())]);
        assert!(script.asked().iter().all(|asked| !asked.contains("ListRoles") || asked.contains("MaxItems=1000")));
    }

    #[tokio::test]
    async fn a_services_own_role_costs_no_call_but_one_that_only_looks_never_touched_does() {
        let script = Script::new(answer);
        list(&Client::new(&script.config()), &account()).await.unwrap();
        let asked = script.asked();
        let about = |name: &str| asked.iter().any(|asked| asked.contains("GetRolePolicy") && asked.contains(name));
        assert!(!about("AWSServiceRoleForSpot") && about("stacksets-exec-x"), "{asked:?}");
    }
}
