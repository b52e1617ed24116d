//! IAM roles, and our policy on each: sessions are revoked, or the role is denied whole.

use aws_sdk_iam::Client;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use runawaytrain_core::observation::Seen;
use runawaytrain_core::policy::never_touched::never_touched;
use runawaytrain_core::policy::trust::external_principals;
use runawaytrain_core::resource::Act;
use runawaytrain_core::resource::roles::{Action, REVOKE_POLICY, Role, RoleLock};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, RoleName};
use runawaytrain_engine::ports::Performed;

use crate::deny::{self, Found};
use crate::failure;
use crate::resource::call::{AT_A_TIME, absent, done, gone_is_fine};
use crate::time::timestamp;

/// The most that ListRoles gives at a time; its default is 100.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
const PAGE: i32 = 1000;

/// Every role, all pages.
pub(super) async fn look(client: &Client, account: &AccountId) -> Result<Vec<Role>, Failure> {
    let mut pages = client.list_roles().max_items(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of("iam:ListRoles", &error))?;
        found.extend(page.roles.into_iter().map(|role| Role {
            name: RoleName::new(role.role_name),
            path: role.path,
            created: timestamp(&role.create_date),
            // ListRoles always gives the trust policy; were it missing, nothing would be known of whom it admits.
            admits: external_principals(
                &deny::decode(role.assume_role_policy_document.as_deref().unwrap_or_default()),
                account,
            ),
            lock: Ok(RoleLock::Absent),
        }));
    }
    Ok(stream::iter(found).map(|role| with_lock(client, role)).buffer_unordered(AT_A_TIME).collect().await)
}

async fn with_lock(client: &Client, role: Role) -> Role {
    // Where IAM lets nobody put a policy there is none: most roles of an account are services' own, and each call
    // counts.
    if never_touched(&role.name, &role.path).is_some_and(|role| !role.forgeable) {
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

pub(super) async fn perform(client: &Client, action: &Action, now: Timestamp) -> Result<Performed, Failure> {
    let document = match action {
        Action::RevokeSessions { .. } | Action::LiftRole { .. } => deny::sessions_so_far(REVOKE_POLICY, now),
        Action::DenyRole { .. } => deny::everything(REVOKE_POLICY),
    };
    let call = client
        .put_role_policy()
        .role_name(action.role().as_str())
        .policy_name(REVOKE_POLICY)
        .policy_document(document.to_string());
    let answer = done!(action.operation(), call);
    match action {
        // A role that is gone denies nobody anything.
        Action::LiftRole { .. } => gone_is_fine(answer),
        Action::RevokeSessions { .. } | Action::DenyRole { .. } => answer,
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use runawaytrain_core::policy::trust::ExternalPrincipal;
    use runawaytrain_core::vocabulary::failure::FailureKind;

    use super::*;
    use crate::wire::Script;

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
            let result = format!("<ListRolesResult><Roles>{roles}</Roles>{more}</ListRolesResult>");
            return (200, format!("<ListRolesResponse>{result}</ListRolesResponse>"));
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
        let mut roles = look(&Client::new(&script.config()), &account()).await.unwrap();
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
            .filter(|role| !role.admits.is_empty())
            .map(|role| (role.name.as_str(), role.admits.as_slice()))
            .collect();
        assert_eq!(
            admitting,
            [("revoked", [ExternalPrincipal::Account(AccountId::parse("222222222222").unwrap())].as_slice())]
        );
        assert!(script.asked().iter().all(|asked| !asked.contains("ListRoles") || asked.contains("MaxItems=1000")));
    }

    #[tokio::test]
    async fn a_services_own_role_costs_no_call_but_one_that_only_looks_never_touched_does() {
        let script = Script::new(answer);
        look(&Client::new(&script.config()), &account()).await.unwrap();
        let asked = script.asked();
        let about = |name: &str| asked.iter().any(|asked| asked.contains("GetRolePolicy") && asked.contains(name));
        assert!(!about("AWSServiceRoleForSpot") && about("stacksets-exec-x"), "{asked:?}");
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
            Action::RevokeSessions { role: role() },
            Action::DenyRole { role: role() },
            Action::LiftRole { role: role() },
        ];
        for action in &actions {
            assert_eq!(perform(&Client::new(&script.config()), action, now).await, Ok(Performed::Done), "{action}");
        }
        let asked = script.asked();
        assert!(asked.iter().all(|asked| asked.contains("RoleName=ci&PolicyName=RunawayTrainRevoke")), "{asked:?}");
        let before = Found::SessionsBefore("2026-11-22T12:00:30Z".parse().unwrap());
        let written: Vec<Found> = asked.iter().map(|asked| written(asked)).collect();
        assert_eq!(written, [before, Found::Everything, before]);
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
}
