//! Whether a halt of the payer could lock out the very person who deploys. The payer is where admins work, and no SCP
//! binds it.

use runawaytrain_core::policy::known_roles;
use runawaytrain_core::policy::{Policy, RoleResponse, UserResponse};
use runawaytrain_core::vocabulary::ids::{RoleName, UserName};
use runawaytrain_core::vocabulary::mode::Mode;

use crate::cloud::Identity;
use crate::finding::{Cure, Finding};

/// The ARN of a session does not show the path of its role. Identity Center's roles are told by the prefix that only it
/// may use; with a role of the other paths no person signs in.
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>
const IDENTITY_CENTER: &str = "AWSReservedSSO_";

/// Who runs the command.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    Root,
    User(String),
    Role(String),
    Other,
}

/// By `arn:aws:iam::1:user/path/name`, `arn:aws:sts::1:assumed-role/role/session`, `arn:aws:iam::1:root`.
fn operator(arn: &str) -> Operator {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    match resource.split_once('/') {
        None if resource == "root" => Operator::Root,
        Some(("user", rest)) => Operator::User(rest.rsplit('/').next().unwrap_or_default().to_owned()),
        Some(("assumed-role", rest)) => Operator::Role(rest.split('/').next().unwrap_or_default().to_owned()),
        _ => Operator::Other,
    }
}

/// What a halt of the payer would do to whoever runs this.
pub fn own_access(identity: &Identity, policy: &Policy) -> Finding {
    let what = "your own access";
    // No unit says more of it than its own entry does, but for a mode that is less.
    let payer = policy.for_account(policy.payer(), Some(&[]));
    if matches!(payer.mode, Mode::Pass | Mode::Drill) {
        return Finding::ok(what, format!("the payer itself is in {}: no halt touches anybody in it", payer.mode));
    }
    let (kind, name, response, is_exempt) = match operator(&identity.arn) {
        Operator::Root => {
            return Finding::ok(what, "you are the root user, whom no halt can touch; better deploy as somebody else");
        }
        Operator::Role(name) if is_known(&name, policy) => {
            let said =
                format!("role {name} is never kept from new sessions, unless it was made lately or admits outsiders");
            return Finding::ok(what, said);
        }
        Operator::User(name) => {
            let is_exempt = payer.exempts_user(&UserName::new(&name));
            ("user", name, (payer.contain.users != UserResponse::Leave).then(|| word(&payer.contain.users)), is_exempt)
        }
        Operator::Role(name) => {
            let is_exempt = payer.exempts_role(&RoleName::new(&name));
            ("role", name, (payer.contain.roles != RoleResponse::Leave).then(|| word(&payer.contain.roles)), is_exempt)
        }
        Operator::Other => {
            let said = format!(
                "the payer may be halted, and whether you, {}, would be locked out cannot be told from the ARN",
                identity.arn
            );
            let cure = Cure::new("deploy as a role or a user of the payer that defaults.exempt names");
            return Finding::missing(what, said, cure);
        }
    };
    let Some(response) = response else {
        return Finding::ok(what, format!("a halt of the payer leaves its {kind}s alone"));
    };
    if is_exempt {
        return Finding::ok(what, format!("{kind} {name} is exempt"));
    }
    let said = format!("the payer may be halted with {kind}s: {response}, which would lock out you, the {kind} {name}");
    let cure = Cure::new(format!("in the policy file: defaults.exempt.{kind}s: [{name}]"));
    Finding::missing(what, said, cure.remarked("or leave the payer's entry in drill"))
}

/// A role of another path is not recognized: better to warn of a danger that is none than to miss one.
fn is_known(name: &str, policy: &Policy) -> bool {
    name.starts_with(IDENTITY_CENTER) || known_roles::known(&RoleName::new(name), "/", policy.payer()).is_some()
}

/// As the policy spells it.
fn word(response: &impl serde::Serialize) -> String {
    serde_json::to_value(response).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Status;
    use crate::policy_file::PolicyFile;

    fn found(own: &str, exempt: &str, arn: &str) -> Finding {
        let text = format!(
            "payer: '123456789012'\norganization: {{id: o-exampleorg, root: r-exam}}\nmode: proceed\n\
             defaults: {{limits: {{instances: 2}}, notify: [a@example.edu], exempt: {{{exempt}}}}}\n\
             accounts: {{'123456789012': {{{own}}}}}\n"
        );
        let policy = PolicyFile::parse("policy.yaml".as_ref(), &text).unwrap().policy;
        own_access(&Identity { account: "123456789012".into(), arn: arn.into() }, &policy)
    }

    const USER: &str = "arn:aws:iam::123456789012:user/team/ada";
    const ROLE: &str = "arn:aws:sts::123456789012:assumed-role/admin/ada";

    #[test]
    fn whoever_a_halt_would_lock_out_is_told() {
        let halted = "mode: proceed, contain: {users: deactivate, roles: deny}";
        for arn in [USER, ROLE, "arn:aws:sts::123456789012:federated-user/ada"] {
            assert_eq!(found(halted, "", arn).status, Status::Missing, "{arn}");
        }
        assert!(found(halted, "", USER).said.contains("users: deactivate, which would lock out you, the user ada"));
        assert_eq!(found(halted, "users: [ADA]", USER).status, Status::Ok);
        assert_eq!(found(halted, "roles: [admin]", ROLE).status, Status::Ok);
    }

    #[test]
    fn nobody_is_told_who_is_safe() {
        let halted = "mode: proceed, contain: {users: deactivate, roles: deny}";
        let identity_center = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ada";
        let control_tower = "arn:aws:sts::123456789012:assumed-role/AWSControlTowerAdmin/ada";
        for arn in ["arn:aws:iam::123456789012:root", identity_center, control_tower] {
            assert_eq!(found(halted, "", arn).status, Status::Ok, "{arn}");
        }
        assert!(found("", "", USER).said.contains("the payer itself is in drill"));
        assert!(found("mode: proceed", "", USER).said.contains("leaves its users alone"));
    }
}
