//! Whether our role may make the calls of a halt: what AWS's policy simulator is asked before it matters.
//!
//! Each call is asked on a made-up resource of the kind on which `stacksets/member.yaml` grants it, in the context in
//! which a halt makes it, so that conditions of the grants and of service control policies are met, or not, as they
//! would be then.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::{HOME_REGION, RESPONDER_ROLE};
use crate::resource::deny_all::DENY_ALL;
use crate::resource::target::Target;
use crate::resource::{Act, Caller, Description, Kind, Part};
use crate::vocabulary::failure::DeniedBy;
use crate::vocabulary::ids::{AccountId, Region};

/// Who is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responder {
    /// In which account.
    pub account: AccountId,
    /// The organization's id, such as `o-exampleorg`.
    pub organization: String,
    /// In which region what is regional is asked: one that the account has, and that nobody is known to deny.
    pub region: Region,
}

/// The value of a key of the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of the type `string`.
    Text(String),
    /// Of the type `boolean`.
    Flag(bool),
}

/// What the simulator is asked at once: calls on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whose policies, by ARN.
    pub principal: String,
    /// The calls in IAM's spelling.
    pub actions: Vec<&'static str>,
    /// The resource by ARN. There need be none of this name.
    pub resource: String,
    /// What each call would come with, by condition key.
    pub context: Vec<(&'static str, Value)>,
}

impl Responder {
    /// The role by its ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:role/{RESPONDER_ROLE}", self.account)
    }

    /// Every call of a halt and its release in a member account, grouped by what it is granted on.
    pub fn questions(&self) -> Vec<Question> {
        let mut calls: BTreeMap<Target, BTreeSet<&str>> = BTreeMap::new();
        for kind in Kind::ALL.iter().filter(|kind| kind.actor() == Caller::Member) {
            for call in kind.calls() {
                calls.entry(kind.target(call)).or_default().insert(call);
            }
        }
        let asked = calls.into_iter().map(|(target, actions)| Question {
            principal: self.arn(),
            actions: actions.into_iter().collect(),
            resource: target.arn(&self.account, &self.region),
            context: self.context(target),
        });
        asked.collect()
    }

    /// What is asked, in a few characters that change with it and with the version. A deployment that asks for more, or
    /// asks otherwise, may have met a role of an older one: what was answered before says nothing of it. A change of
    /// the policy file alone changes neither what a halt may call nor who may.
    pub fn fingerprint(&self) -> String {
        let asked = format!("{} {:?}", env!("CARGO_PKG_VERSION"), self.questions());
        // FNV-1a, whose value no new compiler changes.
        let hash = asked
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        format!("{hash:016x}")
    }

    /// The simulator takes a key that is not given for absent, and a condition such as `StringNotEquals` for met then:
    /// without these it would say of every region deny, and of every policy that exempts our role, that it denies us.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
    fn context(&self, target: Target) -> Vec<(&'static str, Value)> {
        let text = |key, value: &str| (key, Value::Text(value.to_owned()));
        // IAM answers in one region for all.
        let region = if target.is_of_iam() { HOME_REGION } else { self.region.as_str() };
        let (account, organization) = (self.account.as_str(), self.organization.as_str());
        let mut context = vec![
            text("aws:PrincipalArn", &self.arn()),
            text("aws:PrincipalAccount", account),
            text("aws:PrincipalOrgID", organization),
            text("aws:PrincipalType", "AssumedRole"),
            text("aws:RequestedRegion", region),
            text("aws:ResourceAccount", account),
            text("aws:ResourceOrgID", organization),
            ("aws:PrincipalIsAWSService", Value::Flag(false)),
            ("aws:SecureTransport", Value::Flag(true)),
            ("aws:ViaAWSService", Value::Flag(false)),
        ];
        if target.is_of_iam() {
            // The only policy that a halt attaches or makes a boundary. A release may put back any other one as a
            // boundary, and who deletes a user takes off all that it has: of those, nothing is asked.
            context.extend([text("iam:PolicyARN", DENY_ALL), text("iam:PermissionsBoundary", DENY_ALL)]);
        }
        context
    }
}

/// What a halt or its release does, and cannot do as it should, for calls that do it are denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What it would change, in the singular …
    pub noun: &'static str,
    /// … and what would become of it.
    pub verb: &'static str,
    /// What that does for a halt or a release.
    pub part: Part,
    /// The calls that are denied …
    pub denied: BTreeSet<&'static str>,
    /// … and those that do the same, and are not.
    pub left: BTreeSet<&'static str>,
}

impl Loss {
    /// Whether only a release does it.
    pub fn is_of_a_release(&self) -> bool {
        match self.part {
            Part::GiveBack | Part::Restart => true,
            Part::Freeze | Part::Disarm | Part::Prepare | Part::Stop | Part::Lock | Part::Strip => false,
        }
    }
}

/// What could not be done without these calls, in the words in which the actions describe themselves; what a halt does
/// first comes first.
pub fn losses(denied: &BTreeMap<String, DeniedBy>) -> Vec<Loss> {
    let mut found: BTreeMap<(Part, &str, &str), Loss> = BTreeMap::new();
    let kinds = Kind::ALL.iter().filter(|kind| kind.actor() == Caller::Member);
    for action in kinds.flat_map(|kind| kind.samples()) {
        let Description { operation, part, noun, verb } = action.describe();
        let none = Loss { noun, verb, part, denied: BTreeSet::new(), left: BTreeSet::new() };
        let loss = found.entry((part, noun, verb)).or_insert(none);
        let calls = if denied.contains_key(operation) { &mut loss.denied } else { &mut loss.left };
        calls.insert(operation);
    }
    found.into_values().filter(|loss| !loss.denied.is_empty()).collect()
}
