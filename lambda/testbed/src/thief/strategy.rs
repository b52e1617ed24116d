//! What thieves do to survive a halt. Each strategy is one deed, tried again whenever the thief acts.

use std::str::FromStr;

use runawaytrain_core::resource::roles::RoleLock;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::vocabulary::ids::{AccountId, Region, RoleName, UserName};

use super::deeds;
use super::grip::{Hand, Request};
use crate::account::SimAccount;
use crate::resource::roles::Trust;

/// A way to survive a halt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// Launch a handful in some enabled region.
    Relaunch,
    /// Set stop and termination protection on everything that runs.
    Protect,
    /// Start what was stopped.
    Restart,
    /// Enable another region and launch there.
    NewRegion,
    /// Keep an Auto Scaling group: make one, resume it, raise it again.
    Group,
    /// Make as many empty Auto Scaling groups as a region takes, in every region: they cost nothing.
    EmptyGroups,
    /// Keep a maintained fleet: make one, raise it again.
    Fleet,
    /// Ask for a persistent Spot instance.
    Spot,
    /// Launch one-time Spot instances with termination protection.
    SpotOnce,
    /// Make a user with a key.
    NewUser,
    /// Make a key on any user that has room for one, or switch one on again.
    NewKey,
    /// Make a key on this very user, whom the policy exempts; make the user where there is none.
    ExemptUser(UserName),
    /// Make a role and take a session of it.
    NewRole,
    /// Make a role that another account of the thief's may assume.
    BackDoor,
    /// Have an old role admit somebody from outside, and take a session of it.
    AlterTrust(Trust),
    /// Make a role by the name of StackSets' own and take a session of it.
    StackSetsRole,
    /// Make a role by a name of the CDK's bootstrap and take a session of it.
    CdkRole,
    /// Make a role by this very name, which the policy exempts, and take a session of it.
    ExemptRole(RoleName),
    /// Take a new session of every role that it holds, by whatever still opens something.
    Assume,
    /// Take our denies off users and roles.
    DetachDeny,
    /// Write other words into our denies, under the same name.
    AlterDeny,
    /// Fill the inline policies of all users and roles up to IAM's quota, so that ours has no room.
    FillInline,
    /// Attach as many managed policies to all users and roles as IAM lets it.
    FillAttached,
    /// Delete our role.
    DeleteOurRole,
    /// Call in a loop what our looks call, so that they are throttled.
    ThrottleLooks,
    /// Buy a commitment for years.
    Purchase,
    /// Invoke a model of Amazon Bedrock.
    InvokeModels,
    /// Opt out of the region in which it launched: what runs there runs on, and nobody may look.
    DisableRegion,
}

impl FromStr for Strategy {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word.split_once(':') {
            Some(("exempt-user", name)) => Self::ExemptUser(UserName::new(name)),
            Some(("exempt-role", name)) => Self::ExemptRole(RoleName::new(name)),
            Some(("admit-account", id)) => Self::AlterTrust(Trust::Account(id.to_owned())),
            Some(("admit-provider", name)) => Self::AlterTrust(Trust::Federated(name.to_owned())),
            Some(("admit-service", name)) => Self::AlterTrust(Trust::Service(name.to_owned())),
            _ => match word {
                "relaunch" => Self::Relaunch,
                "protect" => Self::Protect,
                "restart" => Self::Restart,
                "new-region" => Self::NewRegion,
                "group" => Self::Group,
                "empty-groups" => Self::EmptyGroups,
                "fleet" => Self::Fleet,
                "spot" => Self::Spot,
                "spot-once" => Self::SpotOnce,
                "new-user" => Self::NewUser,
                "new-key" => Self::NewKey,
                "new-role" => Self::NewRole,
                "back-door" => Self::BackDoor,
                "stacksets-role" => Self::StackSetsRole,
                "cdk-role" => Self::CdkRole,
                "assume" => Self::Assume,
                "detach-deny" => Self::DetachDeny,
                "alter-deny" => Self::AlterDeny,
                "fill-inline" => Self::FillInline,
                "fill-attached" => Self::FillAttached,
                "delete-our-role" => Self::DeleteOurRole,
                "throttle-looks" => Self::ThrottleLooks,
                "invoke-models" => Self::InvokeModels,
                "purchase" => Self::Purchase,
                "disable-region" => Self::DisableRegion,
                _ => return Err(format!("no thief knows the strategy {word:?}")),
            },
        })
    }
}

/// Follows each strategy once.
pub(super) fn follow(strategies: &[Strategy], hand: &mut Hand, known: &mut SimAccount) {
    hand.take_sessions(known);
    for strategy in strategies {
        strategy.follow(hand, known);
    }
}

impl Strategy {
    /// What it has to be permitted.
    fn request(&self, own: &AccountId) -> Request {
        let of = |any_of, what: &str| Request { any_of, on: format!("arn:aws:iam::{own}:{what}") };
        match self {
            Self::Relaunch => Request::anywhere(&["ec2:RunInstances"]),
            Self::Protect => Request::anywhere(&["ec2:ModifyInstanceAttribute"]),
            Self::Restart => Request::anywhere(&["ec2:StartInstances"]),
            Self::NewRegion => Request::anywhere(&["account:EnableRegion", "ec2:RunInstances"]),
            Self::Group => Request::anywhere(&[
                "autoscaling:CreateAutoScalingGroup",
                "autoscaling:UpdateAutoScalingGroup",
                "autoscaling:ResumeProcesses",
            ]),
            Self::EmptyGroups => Request::anywhere(&["autoscaling:CreateAutoScalingGroup"]),
            Self::Fleet => Request::anywhere(&["ec2:CreateFleet", "ec2:ModifyFleet"]),
            Self::Spot => Request::anywhere(&["ec2:RequestSpotInstances"]),
            Self::SpotOnce => Request::anywhere(&["ec2:RunInstances", "ec2:RequestSpotInstances"]),
            Self::NewUser => of(&["iam:CreateUser", "iam:CreateAccessKey"], "user/backup"),
            Self::NewKey => of(&["iam:CreateAccessKey", "iam:UpdateAccessKey"], "user/any"),
            Self::ExemptUser(name) => {
                of(&["iam:CreateUser", "iam:CreateAccessKey", "iam:UpdateAccessKey"], &format!("user/{name}"))
            }
            Self::NewRole => of(&["iam:CreateRole"], "role/helper"),
            Self::BackDoor => of(&["iam:CreateRole"], "role/support-access"),
            Self::AlterTrust(_) => of(&["iam:UpdateAssumeRolePolicy"], "role/any"),
            Self::StackSetsRole => of(&["iam:CreateRole"], "role/stacksets-exec-x"),
            Self::CdkRole => of(&["iam:CreateRole"], &format!("role/cdk-hnb659fds-deploy-role-{own}-us-east-1")),
            Self::ExemptRole(name) => of(&["iam:CreateRole"], &format!("role/{name}")),
            Self::Assume => of(&["sts:AssumeRole"], "role/any"),
            Self::DetachDeny => of(&["iam:DeleteUserPolicy", "iam:DeleteRolePolicy"], "user/any"),
            Self::AlterDeny => of(&["iam:PutUserPolicy", "iam:PutRolePolicy"], "user/any"),
            Self::FillInline => of(&["iam:PutUserPolicy", "iam:PutRolePolicy"], "user/any"),
            Self::FillAttached => of(&["iam:AttachUserPolicy", "iam:AttachRolePolicy"], "user/any"),
            Self::DeleteOurRole => of(&["iam:DeleteRole"], "role/RunawayTrainResponder"),
            // To read adds nothing to the bill.
            Self::ThrottleLooks => Request::anywhere(&["ec2:DescribeRegions", "ec2:DescribeInstances"]),
            Self::Purchase => Request::anywhere(&[
                "savingsplans:CreateSavingsPlan",
                "ec2:PurchaseReservedInstancesOffering",
                "rds:PurchaseReservedDBInstancesOffering",
            ]),
            Self::InvokeModels => Request::anywhere(&["bedrock:InvokeModel"]),
            Self::DisableRegion => Request::anywhere(&["account:DisableRegion"]),
        }
    }

    fn follow(&self, hand: &mut Hand, known: &mut SimAccount) {
        let request = self.request(&known.own());
        match self {
            Self::Relaunch => hand.try_to(&request, known, |hand, known| {
                let Some(region) = hand.dice.one_of(known.enabled().cloned().collect()) else { return false };
                deeds::launch(known, region.as_str());
                true
            }),
            Self::Protect => hand.try_to(&request, known, |_, known| deeds::protect(known)),
            Self::Restart => hand.try_to(&request, known, |_, known| deeds::restart(known)),
            Self::NewRegion => hand.try_to(&request, known, |_, known| {
                known.regions.entry(Region::new(deeds::FAR_AWAY)).or_default();
                deeds::launch(known, deeds::FAR_AWAY);
                true
            }),
            Self::Group => hand.try_to(&request, known, |hand, known| deeds::in_some_region(hand, known, deeds::group)),
            Self::EmptyGroups => hand.try_to(&request, known, |_, known| deeds::empty_groups(known)),
            Self::Fleet => hand.try_to(&request, known, |hand, known| deeds::in_some_region(hand, known, deeds::fleet)),
            Self::Spot => hand.try_to(&request, known, |hand, known| deeds::in_some_region(hand, known, deeds::spot)),
            Self::SpotOnce => hand.try_to(&request, known, |hand, known| {
                let Some(region) = hand.dice.one_of(known.enabled().cloned().collect()) else { return false };
                deeds::launch_spot_once(known, region.as_str());
                true
            }),
            Self::NewUser => hand.try_to(&request, known, deeds::new_user),
            Self::NewKey => hand.try_to(&request, known, |hand, known| {
                let names = known.users.keys().cloned().collect();
                hand.dice.one_of(names).is_some_and(|name| deeds::new_key(hand, known, &name))
            }),
            Self::ExemptUser(name) => hand.try_to(&request, known, |hand, known| deeds::exempt_user(hand, known, name)),
            Self::NewRole => hand.try_to(&request, known, |hand, known| {
                let name = hand.name("helper");
                deeds::inside_role(hand, known, &name)
            }),
            Self::BackDoor => hand.try_to(&request, known, |hand, known| {
                deeds::new_role(hand, known, "support-access", &Trust::foreign())
            }),
            Self::AlterTrust(trust) => {
                hand.try_to(&request, known, |hand, known| deeds::alter_trust(hand, known, trust))
            }
            Self::StackSetsRole => {
                hand.try_to(&request, known, |hand, known| deeds::inside_role(hand, known, "stacksets-exec-x"))
            }
            Self::CdkRole => hand.try_to(&request, known, deeds::cdk_role),
            Self::ExemptRole(name) => {
                hand.try_to(&request, known, |hand, known| deeds::inside_role(hand, known, name.as_str()))
            }
            Self::Assume => deeds::assume(hand, known, &request),
            Self::DetachDeny => hand.try_to(&request, known, |_, known| {
                let news = deeds::rewrite(known, Lockout::Absent, RoleLock::Absent);
                deeds::strip_deny_all(known) || news
            }),
            Self::AlterDeny => {
                hand.try_to(&request, known, |_, known| deeds::rewrite(known, Lockout::Altered, RoleLock::Altered))
            }
            Self::FillInline => hand.try_to(&request, known, |_, known| deeds::fill_inline(known)),
            Self::FillAttached => hand.try_to(&request, known, |_, known| deeds::fill_attached(known)),
            Self::DeleteOurRole => hand.try_to(&request, known, |_, known| std::mem::take(&mut known.enrolled)),
            Self::ThrottleLooks => hand.try_to(&request, known, |_, known| {
                deeds::call_in_a_loop(known);
                true
            }),
            Self::Purchase => hand.try_to(&request, known, |_, known| {
                known.commitments += 1;
                true
            }),
            Self::InvokeModels => hand.try_to(&request, known, |_, known| {
                known.invocations += 1;
                true
            }),
            Self::DisableRegion => hand.try_to(&request, known, |_, known| deeds::disable_far_away(known)),
        }
    }
}
