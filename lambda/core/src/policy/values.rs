//! Values of the policy that are accepted in one form only. Each form is one pattern: the schema shows it, and reading
//! checks it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::SignedDuration;
use regex_lite::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::vocabulary::ids::{InstanceId, Region, RoleName, UnitId, UserName};

/// An organization's id. <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html>
pub(super) const ORGANIZATION: &str = "^o-[a-z0-9]{10,32}$";
/// A root's id. <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Root.html>
pub(super) const ROOT: &str = "^r-[0-9a-z]{4,32}$";
/// An organizational unit's id.
pub(super) const UNIT: &str = UnitId::PATTERN;
/// A region's code: a form, never a list.
pub(super) const REGION: &str = "^[a-z]{2}(-[a-z]+)+-[0-9]+$";
/// An EC2 instance's id, in its old or its present length.
pub(super) const INSTANCE: &str = "^i-([0-9a-f]{8}|[0-9a-f]{17})$";
/// An IAM user's or role's name. <https://docs.aws.amazon.com/IAM/latest/APIReference/API_User.html>
pub(super) const USER: &str = "^[A-Za-z0-9_+=,.@-]{1,64}$";
/// An e-mail address, as far as a pattern can tell: visible characters of ASCII, since AWS mails to no others. Readers
/// of the pattern also differ in which characters `\s` means.
/// <https://docs.aws.amazon.com/ses/latest/APIReference/API_Destination.html>
const EMAIL: &str = "^[!-?A-~]+@[!-?A-~]+[.][!-?A-~]+$";
/// A bucket's name. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
const BUCKET: &str = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$";
/// What the keys of a report begin with. An asterisk, which AWS takes there, would be a wildcard in the function's
/// permissions.
/// <https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_cur_ReportDefinition.html>
const KEY_PREFIX: &str = "^[0-9A-Za-z!_.'()-][0-9A-Za-z!_.'()/-]{0,254}$";
/// A time span in minutes, hours or days.
const SPAN: &str = "^[1-9][0-9]{0,3}[mhd]$";
/// Whole minutes, 1 to 60.
const SCHEDULE: &str = "^([1-9]|[1-5][0-9]|60)m$";

pub(super) fn matches(pattern: &str, text: &str) -> bool {
    // Our own patterns, all tried by the tests: one that does not compile would refuse everything rather than let
    // anything in.
    Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
}

pub(super) fn checked<'de, D: Deserializer<'de>>(text: String, pattern: &str, what: &str) -> Result<String, D::Error> {
    if matches(pattern, &text) {
        Ok(text)
    } else {
        Err(D::Error::custom(format!("{text:?} is not {what} ({pattern})")))
    }
}

pub(super) fn organization<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    checked::<D>(String::deserialize(from)?, ORGANIZATION, "an organization's id")
}

pub(super) fn root<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(from)?.map(|text| checked::<D>(text, ROOT, "a root's id")).transpose()
}

/// So many units an operation of StackSets takes.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html>
pub(super) const MOST_UNITS: usize = 50;

pub(super) fn units<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let units = Vec::<String>::deserialize(from)?;
    if units.len() > MOST_UNITS {
        let found = units.len();
        return Err(D::Error::custom(format!("ous has {found} units, and StackSets take {MOST_UNITS} at once")));
    }
    at_least_one::<D, _>(units, "ous")?
        .into_iter()
        .map(|text| checked::<D>(text, UNIT, "an organizational unit's id"))
        .collect()
}

pub(super) fn region<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Region>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| checked::<D>(text, REGION, "a region's code").map(Region::new)).transpose()
}

pub(super) fn named_region<'de, D: Deserializer<'de>>(from: D) -> Result<Region, D::Error> {
    checked::<D>(String::deserialize(from)?, REGION, "a region's code").map(Region::new)
}

pub(super) fn regions<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Region>, D::Error> {
    list_of_regions(from, "regions")
}

pub(super) fn closed_regions<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<Region>, D::Error> {
    Ok(list_of_regions(from, "closedRegions")?.into_iter().collect())
}

fn list_of_regions<'de, D: Deserializer<'de>>(from: D, name: &str) -> Result<Vec<Region>, D::Error> {
    let texts = at_least_one::<D, _>(Vec::<String>::deserialize(from)?, name)?;
    texts.into_iter().map(|text| checked::<D>(text, REGION, "a region's code").map(Region::new)).collect()
}

pub(super) fn users<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<UserName>, D::Error> {
    Vec::<String>::deserialize(from)?
        .into_iter()
        .map(|text| checked::<D>(text, USER, "an IAM user's name").map(UserName::new))
        .collect()
}

pub(super) fn roles<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<RoleName>, D::Error> {
    Vec::<String>::deserialize(from)?
        .into_iter()
        .map(|text| checked::<D>(text, USER, "an IAM role's name").map(RoleName::new))
        .collect()
}

pub(super) fn instances<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<InstanceId>, D::Error> {
    Vec::<String>::deserialize(from)?
        .into_iter()
        .map(|text| checked::<D>(text, INSTANCE, "an instance's id").map(InstanceId::new))
        .collect()
}

/// The default list.
pub(super) fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Email>, D::Error> {
    at_least_one::<D, _>(Vec::deserialize(from)?, "notify")
}

/// The own list of an account or a unit, where it has one.
pub(super) fn own_list<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Email>>, D::Error> {
    Option::deserialize(from)?.map(|list| at_least_one::<D, _>(list, "notify")).transpose()
}

fn at_least_one<'de, D: Deserializer<'de>, T>(list: Vec<T>, name: &str) -> Result<Vec<T>, D::Error> {
    if list.is_empty() {
        Err(D::Error::custom(format!("{name} is empty; name at least one or leave it out")))
    } else {
        Ok(list)
    }
}

/// How often every account is looked at, in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    minutes: u8,
}

impl Schedule {
    /// Minutes between two sweeps, 1 to 60.
    pub fn minutes(self) -> u8 {
        self.minutes
    }
}

impl Default for Schedule {
    /// Five minutes, as the seeds had it: a thief needs ten to do harm, and a sweep costs next to nothing.
    fn default() -> Self {
        Self { minutes: 5 }
    }
}

impl TryFrom<String> for Schedule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.strip_suffix('m')
            .filter(|_| matches(SCHEDULE, &text))
            .and_then(|digits| digits.parse().ok())
            .map(|minutes| Self { minutes })
            .ok_or_else(|| format!("{text:?} is not a schedule: write whole minutes from 1m to 60m"))
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        format!("{}m", schedule.minutes)
    }
}

impl JsonSchema for Schedule {
    fn schema_name() -> Cow<'static, str> {
        "Schedule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": SCHEDULE, "description": "Whole minutes, 1m to 60m." })
    }
}

/// A whole number of things: 0 or more. Its type's bounds are part of the schema, for no other reader knows how wide it
/// is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Count(u32);

impl Count {
    /// So many, or the most that can be written: a limit of more is none.
    pub(super) fn nearest(number: u64) -> Self {
        Self(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": u32::MIN, "maximum": u32::MAX })
    }
}

/// A whole number of things: 1 or more, up to a most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct UpTo<const MOST: u32>(u32);

impl<const MOST: u32> UpTo<MOST> {
    /// So many, as far as it goes.
    pub(super) fn nearest(number: u32) -> Self {
        Self(number.clamp(1, MOST))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const MOST: u32> TryFrom<u32> for UpTo<MOST> {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        if (1..=MOST).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("must be a whole number from 1 to {MOST} (found {number})"))
        }
    }
}

impl<const MOST: u32> From<UpTo<MOST>> for u32 {
    fn from(number: UpTo<MOST>) -> Self {
        number.0
    }
}

impl<const MOST: u32> JsonSchema for UpTo<MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("UpTo{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": MOST })
    }
}

/// A share of a limit: above 0, at most 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

impl Share {
    /// The share as a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Default for Share {
    /// People are warned at four fifths of a limit.
    fn default() -> Self {
        Self(0.8)
    }
}

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        if share > 0.0 && share <= 1.0 {
            Ok(Self(share))
        } else {
            Err(format!("{share} is not a share: it takes a number above 0 and at most 1"))
        }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 })
    }
}

/// An amount of US dollars: 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Dollars(f64);

impl Dollars {
    /// A trillion: nobody spends more, and its millionths still fit into 64 bits.
    const MOST: u64 = 1_000_000_000_000;

    /// The amount as a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Dollars {
    type Error = String;

    fn try_from(dollars: f64) -> Result<Self, Self::Error> {
        if (0.0..=Self::MOST as f64).contains(&dollars) {
            Ok(Self(dollars))
        } else {
            Err(format!("{dollars} is not an amount of dollars: it takes a number from 0 to {}", Self::MOST))
        }
    }
}

impl From<Dollars> for f64 {
    fn from(dollars: Dollars) -> Self {
        dollars.0
    }
}

impl JsonSchema for Dollars {
    fn schema_name() -> Cow<'static, str> {
        "Dollars".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": Self::MOST })
    }
}

/// An e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl TryFrom<String> for Email {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if matches(EMAIL, &text) { Ok(Self(text)) } else { Err(format!("{text:?} is not an e-mail address")) }
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl JsonSchema for Email {
    fn schema_name() -> Cow<'static, str> {
        "Email".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": EMAIL, "description": "An e-mail address." })
    }
}

/// The name of an S3 bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bucket(String);

impl Bucket {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Bucket {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if matches(BUCKET, &text) {
            Ok(Self(text))
        } else {
            Err(format!(
                "{text:?} is not the name of an S3 bucket: it takes 3 to 63 lowercase letters, digits, dots and \
                 hyphens, without s3:// before it"
            ))
        }
    }
}

impl From<Bucket> for String {
    fn from(bucket: Bucket) -> Self {
        bucket.0
    }
}

impl JsonSchema for Bucket {
    fn schema_name() -> Cow<'static, str> {
        "Bucket".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": BUCKET, "description": "The name of an S3 bucket." })
    }
}

/// What the keys of S3 objects begin with: whole folders, with or without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// With the slash at its end: `cur` must not find `curious/`.
    pub fn as_folder(&self) -> String {
        format!("{}/", self.0.trim_end_matches('/'))
    }
}

impl TryFrom<String> for KeyPrefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if matches(KEY_PREFIX, &text) {
            Ok(Self(text))
        } else {
            Err(format!(
                "{text:?} is not the prefix of a report: it takes letters, digits, slashes and !_.'()-, does not \
                 begin with a slash, and may be left out"
            ))
        }
    }
}

impl From<KeyPrefix> for String {
    fn from(prefix: KeyPrefix) -> Self {
        prefix.0
    }
}

impl JsonSchema for KeyPrefix {
    fn schema_name() -> Cow<'static, str> {
        "KeyPrefix".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": KEY_PREFIX, "description": "What the keys of a report's files begin with, such as cur/hourly." })
    }
}

/// A time span: whole minutes, hours or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(SignedDuration);

impl Span {
    /// So many days.
    pub(super) fn days(days: i64) -> Self {
        Self(SignedDuration::from_hours(days * 24))
    }

    /// So many hours.
    pub(super) fn hours(hours: i64) -> Self {
        Self(SignedDuration::from_hours(hours))
    }

    /// The span as a duration.
    pub fn get(self) -> SignedDuration {
        self.0
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let unit = match text.chars().last().filter(|_| matches(SPAN, &text)) {
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => {
                return Err(format!(
                    "{text:?} is not a time span: write minutes, hours or days, such as 30m, 4h or 7d"
                ));
            }
        };
        let number: i64 =
            text.trim_end_matches(['m', 'h', 'd']).parse().map_err(|_| format!("{text:?} is not a time span"))?;
        Ok(Self(SignedDuration::from_secs(number * unit)))
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        let minutes = span.0.as_mins();
        match minutes {
            _ if minutes % 1_440 == 0 => format!("{}d", minutes / 1_440),
            _ if minutes % 60 == 0 => format!("{}h", minutes / 60),
            _ => format!("{minutes}m"),
        }
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": SPAN, "description": "Minutes, hours or days, such as 30m, 4h or 7d." })
    }
}
