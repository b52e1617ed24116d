//! Roles that are known by their path or name, and so are treated otherwise than the rest, whatever the policy says. To
//! lock one of these would lock out the guard, the people who could release the account, or the account's own
//! machinery.

use regex_lite::Regex;

use crate::contract;
use crate::vocabulary::ids::{AccountId, RoleName};

/// How a halt treats a role that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// IAM lets nobody make one, nor change it: never touched.
    Reserved,
    /// The guard's own: never touched. The protect SCP keeps members from writing IAM on these names; where it is not
    /// attached a thief may have made one, so each that stands in an account is named in the outcome mail.
    Ours,
    /// Machinery of the account, by a name that a thief may have taken: only its sessions so far are revoked, which
    /// harms no fresh one. One that was made lately, or admits an outsider, is denied like any other role.
    Machinery,
}

/// What of a name is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The whole name.
    Exactly(&'static str),
    /// Its beginning.
    Prefix(&'static str),
    /// A regular expression for the whole of it, in which the account is any twelve digits.
    Pattern(&'static str),
}

/// The roles that the CDK's bootstrap makes in each account and region: members bootstrap the CDK themselves, so the
/// protect SCP does not keep them from these names.
/// <https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html>
const CDK: &str = "^cdk-[A-Za-z0-9_-]{1,10}-(cfn-exec|deploy|file-publishing|image-publishing|lookup)-role-[0-9]{12}-[a-z]{2}(-[a-z]+)+-[0-9]+$";

/// What is known by name, whose it is, and how it is treated.
pub const NAMES: [(Name, &str, Class); 10] = [
    (Name::Exactly(contract::FUNCTION_ROLE), "the guard's own role", Class::Ours),
    (Name::Exactly(contract::RESPONDER_ROLE), "the guard's way into the account", Class::Ours),
    (Name::Exactly(contract::FORWARDER_ROLE), "it forwards launch events to the guard", Class::Ours),
    (Name::Exactly(contract::RELEASE_ROLE), "the release pipeline", Class::Ours),
    (Name::Pattern(CDK), "the CDK's bootstrap", Class::Machinery),
    (Name::Prefix("stacksets-exec-"), "CloudFormation StackSets", Class::Machinery),
    (Name::Prefix("AWSCloudFormationStackSet"), "CloudFormation StackSets", Class::Machinery),
    (Name::Exactly("OrganizationAccountAccessRole"), "the payer's way into the account", Class::Machinery),
    (Name::Prefix("AWSControlTower"), "Control Tower", Class::Machinery),
    (Name::Prefix("aws-controltower-"), "Control Tower", Class::Machinery),
];

/// Paths that IAM reserves: nobody can make a role there, nor change one.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html>
pub const PATHS: [(&str, &str); 2] = [("/aws-service-role/", SERVICES_OWN), ("/aws-reserved/", IDENTITY_CENTER)];

/// Whose the roles are that people take by IAM Identity Center.
pub const IDENTITY_CENTER: &str = "Identity Center, whose sessions can only be ended there";

/// Whose a service-linked role is. Every account has dozens of these: no mail lists them.
pub const SERVICES_OWN: &str = "a service's own role";

/// A role that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownRole {
    /// Whose it is.
    pub whose: &'static str,
    /// How it is treated.
    pub class: Class,
}

/// What is known of a role of an account by its path and name.
pub fn known(role: &RoleName, at: &str, own: &AccountId) -> Option<KnownRole> {
    if let Some((_, whose)) = PATHS.iter().find(|(path, _)| at.starts_with(path)) {
        return Some(KnownRole { whose, class: Class::Reserved });
    }
    let (_, whose, class) = NAMES.iter().find(|(name, _, _)| name.is_of(role, own))?;
    Some(KnownRole { whose, class: *class })
}

impl Name {
    fn is_of(self, role: &RoleName, own: &AccountId) -> bool {
        let role = role.as_str();
        match self {
            Self::Exactly(name) => role == name,
            Self::Prefix(beginning) => role.starts_with(beginning),
            // Ours, and tried by the tests: one that did not compile would know no role.
            Self::Pattern(pattern) => {
                role.contains(own.as_str()) && Regex::new(pattern).is_ok_and(|regex| regex.is_match(role))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(role: &str, path: &str) -> Option<Class> {
        let own = AccountId::parse("111111111111").unwrap();
        known(&RoleName::new(role), path, &own).map(|known| known.class)
    }

    #[test]
    fn only_the_exact_names_of_the_cdks_bootstrap_are_known() {
        for name in [
            "cdk-hnb659fds-cfn-exec-role-111111111111-us-east-1",
            "cdk-hnb659fds-deploy-role-111111111111-ap-southeast-2",
            "cdk-mine-file-publishing-role-111111111111-us-gov-west-1",
            "cdk-a-image-publishing-role-111111111111-eu-central-1",
            "cdk-0123456789-lookup-role-111111111111-me-central-1",
        ] {
            assert_eq!(class(name, "/"), Some(Class::Machinery), "{name}");
        }
        for name in [
            "cdk-",
            "cdk-x",
            "cdk-hnb659fds-deploy-role",
            "cdk-hnb659fds-admin-role-111111111111-us-east-1",
            "cdk-hnb659fds-deploy-role-222222222222-us-east-1",
            "cdk-hnb659fds-deploy-role-111111111111-us-east-1-x",
            "my-cdk-hnb659fds-deploy-role-111111111111-us-east-1",
            "cdk-01234567890-deploy-role-111111111111-us-east-1",
            "stacksets-exe",
            "OrganizationAccountAccessRole2",
        ] {
            assert_eq!(class(name, "/"), None, "{name}");
        }
    }

    #[test]
    fn a_path_that_iam_reserves_is_known_before_any_name() {
        assert_eq!(class("stacksets-exec-0123", "/"), Some(Class::Machinery));
        assert_eq!(class("stacksets-exec-0123", "/aws-reserved/"), Some(Class::Reserved));
        assert_eq!(class("RunawayTrainResponder", "/"), Some(Class::Ours));
    }
}
