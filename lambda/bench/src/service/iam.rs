//! IAM: users with keys and passwords, and roles.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::account::{Account, Principal, User};
use crate::call::{Answer, Call};
use crate::world::World;
use crate::xml;

const CREATED: &str = "<CreateDate>2024-01-05T03:00:00Z</CreateDate>";
const WHOLE: &str = "<IsTruncated>false</IsTruncated>";
/// Whom every role trusts.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

pub(super) fn answer(world: &mut World, call: &Call) -> Option<Answer> {
    let operation = call.operation.as_str();
    let account = world.accounts.get_mut(&call.account)?;
    let empty = |list: &str| Some(Answer::query(operation, &format!("<{list}/>{WHOLE}"), 0));
    match operation {
        "GetAccountAuthorizationDetails" => Some(details(account, call)),
        "ListEntitiesForPolicy" => {
            Some(Answer::query(operation, &format!("<PolicyGroups/><PolicyUsers/><PolicyRoles/>{WHOLE}"), 0))
        }
        "ListServiceSpecificCredentials" => empty("ServiceSpecificCredentials"),
        "ListSigningCertificates" => empty("Certificates"),
        "ListSSHPublicKeys" => empty("SSHPublicKeys"),
        "ListMFADevices" => empty("MFADevices"),
        "ListGroupsForUser" => empty("Groups"),
        "ListUserPolicies" => empty("PolicyNames"),
        "ListAttachedUserPolicies" => empty("AttachedPolicies"),
        "ListUsers" => {
            let users = xml::list(account.users.keys(), "member", |name| {
                let arn = format!("arn:aws:iam::{}:user/{name}", call.account);
                format!("<Path>/</Path><UserName>{name}</UserName><UserId>AIDA{name}</UserId><Arn>{arn}</Arn>{CREATED}")
            });
            Some(Answer::query(operation, &format!("<Users>{users}</Users>{WHOLE}"), account.users.len()))
        }
        "GetAccountSummary" => Some(summary(operation)),
        "SimulatePrincipalPolicy" => Some(simulate(call)),
        _ if call.parameter("RoleName").is_some() => of_role(account, call),
        _ => of_user(account, call),
    }
}

/// A page of users or roles with their policies.
fn details(account: &Account, call: &Call) -> Answer {
    let most = call.parameter("MaxItems").and_then(|most| most.parse::<usize>().ok()).unwrap_or(100);
    let after = call.parameter("Marker").unwrap_or_default();
    let is_user = call.parameter("Filter.member.1") == Some("User");
    let (list, written): (&str, Vec<(&String, String)>) = if is_user {
        let users = account.users.iter().map(|(name, user)| (name, detail(call, "User", name, &user.policies)));
        ("UserDetailList", users.collect())
    } else {
        let roles = account.roles.iter().map(|(name, role)| (name, detail(call, "Role", name, role)));
        ("RoleDetailList", roles.collect())
    };
    let left: Vec<&(&String, String)> = written.iter().filter(|(name, _)| name.as_str() > after).collect();
    let page: Vec<&&(&String, String)> = left.iter().take(most).collect();
    let is_truncated = page.len() < left.len();
    let marker = page.last().filter(|_| is_truncated).map(|(name, _)| name.as_str());
    let members = xml::list(&page, "member", |(_, text)| text.clone());
    let content = format!(
        "<IsTruncated>{is_truncated}</IsTruncated>{}<{list}>{members}</{list}>",
        xml::optional("Marker", marker)
    );
    Answer::query("GetAccountAuthorizationDetails", &content, page.len())
}

fn detail(call: &Call, kind: &str, name: &str, policies: &Principal) -> String {
    let (account, low) = (&call.account, kind.to_ascii_lowercase());
    let inline = xml::list(&policies.inline, "member", |(name, document)| {
        let document = utf8_percent_encode(document, NON_ALPHANUMERIC);
        format!("<PolicyName>{name}</PolicyName><PolicyDocument>{document}</PolicyDocument>")
    });
    let attached = xml::list(&policies.attached, "member", |arn| {
        format!("<PolicyName>policy</PolicyName><PolicyArn>{arn}</PolicyArn>")
    });
    let trust = utf8_percent_encode(TRUST, NON_ALPHANUMERIC);
    let own = match kind {
        "Role" => format!("<AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument><InstanceProfileList/>"),
        _ => "<GroupList/>".to_owned(),
    };
    let boundary = policies.boundary.as_ref().map(|arn| {
        let kind = "<PermissionsBoundaryType>Policy</PermissionsBoundaryType>";
        let arn = format!("<PermissionsBoundaryArn>{arn}</PermissionsBoundaryArn>");
        format!("<PermissionsBoundary>{kind}{arn}</PermissionsBoundary>")
    });
    format!(
        "<Path>/</Path><{kind}Name>{name}</{kind}Name><{kind}Id>AIDA{name}</{kind}Id>\
         <Arn>arn:aws:iam::{account}:{low}/{name}</Arn>{CREATED}<{kind}PolicyList>{inline}</{kind}PolicyList>\
         <AttachedManagedPolicies>{attached}</AttachedManagedPolicies>{own}{}",
        boundary.unwrap_or_default()
    )
}

fn summary(operation: &str) -> Answer {
    let told = [("AccountMFAEnabled", 1), ("AccountAccessKeysPresent", 0), ("AccountPasswordPresent", 1)];
    let entries = xml::list(told, "entry", |(key, value)| format!("<key>{key}</key><value>{value}</value>"));
    Answer::query(operation, &format!("<SummaryMap>{entries}</SummaryMap>"), told.len())
}

/// Everything is allowed.
fn simulate(call: &Call) -> Answer {
    let actions = call.list("ActionNames.member");
    let results = xml::list(&actions, "member", |action| {
        let resource = "<EvalResourceName>*</EvalResourceName>";
        let rest = "<EvalDecision>allowed</EvalDecision><MatchedStatements/><MissingContextValues/>";
        format!("<EvalActionName>{action}</EvalActionName>{resource}{rest}")
    });
    let content = format!("{WHOLE}<EvaluationResults>{results}</EvaluationResults>");
    Answer::query("SimulatePrincipalPolicy", &content, actions.len())
}

fn missing(what: &str) -> Answer {
    Answer::refused("iam", 404, "NoSuchEntity", &format!("{what} cannot be found."))
}

fn of_role(account: &mut Account, call: &Call) -> Option<Answer> {
    let (operation, name) = (call.operation.as_str(), call.parameter("RoleName")?);
    let Some(role) = account.roles.get_mut(name) else { return Some(missing(name)) };
    if operation == "GetRole" {
        let own = detail(call, "Role", name, role);
        return Some(Answer::query(operation, &format!("<Role>{own}</Role>"), 1));
    }
    policies(role, call)
}

fn of_user(account: &mut Account, call: &Call) -> Option<Answer> {
    let (operation, name) = (call.operation.as_str(), call.parameter("UserName")?);
    let Some(user) = account.user(name) else { return Some(missing(name)) };
    let done = || Some(Answer::query(operation, "", 1));
    let User { policies: of_policies, keys, has_password } = user;
    match operation {
        "GetUser" => {
            let own = detail(call, "User", name, of_policies);
            Some(Answer::query(operation, &format!("<User>{own}</User>"), 1))
        }
        "ListAccessKeys" => {
            let members = xml::list(&*keys, "member", |(key, active)| {
                let status = if *active { "Active" } else { "Inactive" };
                let name = format!("<UserName>{name}</UserName><AccessKeyId>{key}</AccessKeyId>");
                format!("{name}<Status>{status}</Status>{CREATED}")
            });
            let content = format!("<AccessKeyMetadata>{members}</AccessKeyMetadata>{WHOLE}");
            Some(Answer::query(operation, &content, keys.len()))
        }
        "UpdateAccessKey" => {
            let key = call.parameter("AccessKeyId").and_then(|key| keys.get_mut(key));
            let Some(active) = key else { return Some(missing("The Access Key")) };
            *active = call.parameter("Status") == Some("Active");
            done()
        }
        "DeleteAccessKey" => {
            let key = call.parameter("AccessKeyId").and_then(|key| keys.remove(key));
            if key.is_some() { done() } else { Some(missing("The Access Key")) }
        }
        "GetLoginProfile" if *has_password => {
            let profile = format!("<LoginProfile><UserName>{name}</UserName>{CREATED}</LoginProfile>");
            Some(Answer::query(operation, &profile, 1))
        }
        "DeleteLoginProfile" if *has_password => {
            *has_password = false;
            done()
        }
        "GetLoginProfile" | "DeleteLoginProfile" => Some(missing("Login Profile")),
        _ => policies(of_policies, call),
    }
}

/// What puts policies on users and roles, and what takes them off.
fn policies(principal: &mut Principal, call: &Call) -> Option<Answer> {
    let text = |name: &str| call.parameter(name).unwrap_or_default().to_owned();
    match call.operation.as_str() {
        "PutUserPolicy" | "PutRolePolicy" => {
            principal.inline.insert(text("PolicyName"), text("PolicyDocument"));
        }
        "AttachUserPolicy" | "AttachRolePolicy" => {
            principal.attached.insert(text("PolicyArn"));
        }
        "PutUserPermissionsBoundary" | "PutRolePermissionsBoundary" => {
            principal.boundary = Some(text("PermissionsBoundary"));
        }
        _ => return None,
    }
    Some(Answer::query(&call.operation, "", 1))
}
