//! The chat channels that are told what the payer's people are mailed. AWS carries it there: Amazon Q Developer in chat
//! applications, whose CloudFormation types are still called `AWS::Chatbot`.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::values::checked;

/// A Slack workspace's id. AWS takes any capitals and digits; Slack begins it with T, or with E for an enterprise's.
/// <https://docs.aws.amazon.com/chatbot/latest/APIReference/API_CreateSlackChannelConfiguration.html>
const WORKSPACE: &str = "^[TE][0-9A-Z]{1,254}$";
/// A Slack channel's id: C is a channel, G an older private one. People (U) and direct messages (D) are none.
const SLACK_CHANNEL: &str = "^[CG][0-9A-Z]{1,254}$";
/// The id of a team of Teams, or of a tenant of Microsoft.
/// <https://docs.aws.amazon.com/chatbot/latest/APIReference/API_CreateMicrosoftTeamsChannelConfiguration.html>
const GUID: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";
/// The id of a channel of Teams as it stands in the channel's link, where `:` is `%3A` and `@` is `%40`.
const TEAMS_CHANNEL: &str = "^[0-9A-Za-z_=+/.,-]{1,80}%3[Aa][0-9A-Za-z_=+/.,-]{1,80}%40[0-9A-Za-z_=+/.,-]{1,80}$";

/// Which channels: of Slack, of Teams, or one of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct ChatSettings {
    /// A channel of Slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SlackSettings")]
    pub slack: Option<SlackSettings>,
    /// A channel of Microsoft Teams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TeamsSettings")]
    pub teams: Option<TeamsSettings>,
}

/// A channel of Slack, by the ids that its link and the console of Amazon Q Developer show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackSettings {
    /// The workspace's id, T…, which somebody has to authorize once in the console of Amazon Q Developer.
    #[serde(deserialize_with = "workspace")]
    #[schemars(regex(pattern = WORKSPACE))]
    pub workspace: String,
    /// The channel's id, C….
    #[serde(deserialize_with = "slack_channel")]
    #[schemars(regex(pattern = SLACK_CHANNEL))]
    pub channel: String,
}

/// A channel of Microsoft Teams, by the ids in its link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamsSettings {
    /// The team's id: `groupId` in the link. Somebody has to authorize it once in the console of Amazon Q Developer.
    #[serde(deserialize_with = "team")]
    #[schemars(regex(pattern = GUID))]
    pub team: String,
    /// The tenant's id: `tenantId` in the link.
    #[serde(deserialize_with = "tenant")]
    #[schemars(regex(pattern = GUID))]
    pub tenant: String,
    /// The channel's id as the link has it, such as 19%3A0123456789abcdef%40thread.tacv2.
    #[serde(deserialize_with = "teams_channel")]
    #[schemars(regex(pattern = TEAMS_CHANNEL))]
    pub channel: String,
}

/// The key `chat`, which names a channel where it stands.
pub(super) fn named<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ChatSettings>, D::Error> {
    match Option::<ChatSettings>::deserialize(from)? {
        Some(ChatSettings { slack: None, teams: None }) => {
            Err(D::Error::custom("names no channel; write slack, teams or both, or leave chat out"))
        }
        chat => Ok(chat),
    }
}

fn workspace<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    checked::<D>(String::deserialize(from)?, WORKSPACE, "a Slack workspace's id")
}

fn slack_channel<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    checked::<D>(String::deserialize(from)?, SLACK_CHANNEL, "a Slack channel's id")
}

fn team<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    checked::<D>(String::deserialize(from)?, GUID, "a team's id")
}

fn tenant<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    checked::<D>(String::deserialize(from)?, GUID, "a tenant's id")
}

fn teams_channel<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    checked::<D>(String::deserialize(from)?, TEAMS_CHANNEL, "the id of a channel of Teams as its link has it")
}
