//! What a call is about, as IAM's tables of actions and resources have it.

use crate::vocabulary::ids::{AccountId, Region};

/// The type of resource that a call is granted on.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An EC2 instance.
    Instance,
    /// An EC2 fleet.
    Fleet,
    /// A Spot fleet request.
    SpotFleet,
    /// A Spot Instance request.
    SpotRequest,
    /// An Auto Scaling group.
    ScalingGroup,
    /// An IAM role.
    Role,
    /// An IAM user.
    User,
    /// A group of IAM users.
    UserGroup,
    /// A virtual MFA device.
    Mfa,
    /// Of a call in the payer account: nobody asks what our role in a member may do there.
    Payers,
}

impl Target {
    /// Whether IAM has it, which knows no regions.
    pub fn is_of_iam(self) -> bool {
        match self {
            Self::Role | Self::User | Self::UserGroup | Self::Mfa => true,
            Self::Instance | Self::Fleet | Self::SpotFleet | Self::SpotRequest | Self::ScalingGroup | Self::Payers => {
                false
            }
        }
    }

    /// The ARN of a made-up one. Its name is none of those that *protect* guards.
    pub fn arn(self, account: &AccountId, region: &Region) -> String {
        let ec2 = |id: &str| format!("arn:aws:ec2:{region}:{account}:{id}");
        let iam = |name: &str| format!("arn:aws:iam::{account}:{name}");
        match self {
            Self::Instance => ec2("instance/i-00000000000000000"),
            Self::Fleet => ec2("fleet/fleet-00000000-0000-0000-0000-000000000000"),
            Self::SpotFleet => ec2("spot-fleet-request/sfr-00000000-0000-0000-0000-000000000000"),
            Self::SpotRequest => ec2("spot-instances-request/sir-00000000"),
            Self::ScalingGroup => format!(
                "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:00000000-0000-0000-0000-000000000000:\
                 autoScalingGroupName/any"
            ),
            Self::Role => iam("role/any"),
            Self::User => iam("user/any"),
            Self::UserGroup => iam("group/any"),
            Self::Mfa => iam("mfa/any"),
            Self::Payers => "*".to_owned(),
        }
    }
}
