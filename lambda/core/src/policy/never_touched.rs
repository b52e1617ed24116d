//! What is never touched anywhere, whatever the policy says. To lock one of these would lock out the guard, the people
//! who could release the account, or the account's own machinery.

use crate::contract;
use crate::vocabulary::ids::RoleName;

/// Names that begin so, or are exactly so, and whose they are.
pub const NAMES: [(&str, Match, &str); 10] = [
    (contract::FUNCTION_ROLE, Match::Exactly, "the guard's own role"),
    (contract::RESPONDER_ROLE, Match::Exactly, "the guard's way into the account"),
    (contract::FORWARDER_ROLE, Match::Exactly, "it forwards launch events to the guard"),
    (contract::RELEASE_ROLE, Match::Exactly, "the release pipeline"),
    ("cdk-", Match::Prefix, "the CDK's bootstrap"),
    ("stacksets-exec-", Match::Prefix, "CloudFormation StackSets"),
    ("AWSCloudFormationStackSet", Match::Prefix, "CloudFormation StackSets"),
    ("OrganizationAccountAccessRole", Match::Exactly, "the payer's way into the account"),
    ("AWSControlTower", Match::Prefix, "Control Tower"),
    ("aws-controltower-", Match::Prefix, "Control Tower"),
];

/// Paths that IAM reserves: nobody can make a role there, nor change one.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html>
pub const PATHS: [(&str, &str); 2] = [
    ("/aws-service-role/", SERVICES_OWN),
    ("/aws-reserved/", "Identity Center, whose sessions can only be ended there"),
];

/// Whose a service-linked role is. Every account has dozens of these: no mail lists them.
pub const SERVICES_OWN: &str = "a service's own role";

/// How a name is held against one of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The whole name.
    Exactly,
    /// Its beginning.
    Prefix,
}

/// A role that is never touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeverTouched {
    /// Whose it is.
    pub whose: &'static str,
    /// Whether a thief could have made a role that looks like it. Such a one is named in the outcome mail, for people
    /// to look at. The protect SCP keeps members from writing IAM on these names, all but `cdk-*`: members bootstrap
    /// the CDK themselves.
    pub forgeable: bool,
}

/// Whether a role is one that is never touched.
pub fn never_touched(role: &RoleName, at: &str) -> Option<NeverTouched> {
    let by_name = NAMES.iter().find(|(name, how, _)| match how {
        Match::Exactly => role.as_str() == *name,
        Match::Prefix => role.as_str().starts_with(name),
    });
    let by_path = PATHS.iter().find(|(path, _)| at.starts_with(path));
    by_path
        .map(|(_, whose)| NeverTouched { whose, forgeable: false })
        .or_else(|| by_name.map(|(_, _, whose)| NeverTouched { whose, forgeable: true }))
}
