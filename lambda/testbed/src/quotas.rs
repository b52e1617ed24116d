//! How many calls EC2, IAM, Organizations and a table take.

use std::collections::BTreeMap;
use std::time::Duration;

use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use tokio::time::Instant;

use crate::dice::Dice;

/// EC2's token buckets: one of requests and, for calls about many instances, one of instances, each an account, a
/// region and an API. An API that is not listed is never throttled. A call that is throttled takes nothing.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
const REQUESTS: [(&str, f64, f64); 8] = [
    ("ec2:DescribeRegions", 100.0, 20.0),
    ("ec2:DescribeInstances", 100.0, 20.0),
    ("ec2:DescribeSpotFleetRequests", 50.0, 3.0),
    ("ec2:StopInstances", 50.0, 5.0),
    ("ec2:TerminateInstances", 100.0, 5.0),
    ("ec2:ModifyInstanceAttribute", 50.0, 5.0),
    ("ec2:StartInstances", 5.0, 2.0),
    ("ec2:CancelSpotInstanceRequests", 50.0, 5.0),
];
const INSTANCES: [(&str, f64, f64); 3] = [
    ("ec2:StopInstances", 1000.0, 20.0),
    ("ec2:TerminateInstances", 1000.0, 20.0),
    ("ec2:StartInstances", 1000.0, 2.0),
];

/// IAM has buckets of requests as well, an account and an API each, and says of none how large it is: these are guesses,
/// no larger than those of EC2. Every API that is not listed by itself has the last.
/// <https://aws.amazon.com/blogs/security/how-to-monitor-and-query-iam-resources-at-scale-part-2/>
const IAM_DETAILS: (&str, f64, f64) = ("iam:GetAccountAuthorizationDetails", 10.0, 2.0);
const IAM: (&str, f64, f64) = ("iam:", 100.0, 20.0);

/// Organizations has them as well, one an API for the whole organization, and says of none how large it is: a guess.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const ORGANIZATIONS: (&str, f64, f64) = ("organizations:", 20.0, 10.0);

/// What our looks of every sweep call: whoever wants to blind us calls it in a loop, so often a second.
const LOOPED: [&str; 2] = ["ec2:DescribeRegions", "ec2:DescribeInstances"];
const LOOPED_A_SECOND: f64 = 200.0;

/// The bucket of requests of an API.
fn requests(operation: &str) -> Option<&'static (&'static str, f64, f64)> {
    let guessed = [&IAM_DETAILS, &IAM, &ORGANIZATIONS].into_iter().find(|(name, _, _)| operation.starts_with(name));
    REQUESTS.iter().find(|(name, _, _)| *name == operation).or(guessed)
}

/// The least time that so many calls of an API take in one account and region, by its bucket of requests.
pub fn least_time(operation: &str, calls: u32) -> Duration {
    let bucket = requests(operation);
    let seconds = bucket.map(|(_, most, a_second)| (f64::from(calls) - most).max(0.0) / a_second);
    Duration::from_secs_f64(seconds.unwrap_or_default())
}

#[derive(Debug)]
pub(crate) struct Quotas {
    /// How much of what we guess IAM and Organizations take.
    share: f64,
    /// Who gets a token that two want.
    luck: Dice,
    requests: BTreeMap<Place, Bucket>,
    instances: BTreeMap<Place, Bucket>,
}

/// IAM's is no region, and Organizations' no account.
type Place = (Option<AccountId>, Option<Region>, String);

/// A token bucket. Virtual time fills it.
#[derive(Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    most: f64,
    a_second: f64,
    since: Instant,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { share: 1.0, luck: Dice::new(1), requests: BTreeMap::new(), instances: BTreeMap::new() }
    }
}

impl Quotas {
    /// Of what is guessed, only so much is taken.
    pub fn scarce(share: f64) -> Self {
        Self { share, ..Self::default() }
    }

    /// Takes the token of one request. Where somebody else calls in a loop, each token that comes in is taken by
    /// whoever asks next.
    pub fn admit(&mut self, account: &AccountId, region: Option<&Region>, operation: &str, is_looped: bool) -> bool {
        let Some(bucket) = requests(operation) else { return true };
        if is_looped && LOOPED.contains(&operation) {
            return self.luck.is_lucky(bucket.2 / LOOPED_A_SECOND);
        }
        let (name, most, a_second) = *bucket;
        let share = if name.starts_with("ec2:") { 1.0 } else { self.share };
        let whose = (name != ORGANIZATIONS.0).then(|| account.clone());
        let bucket = (most * share, a_second * share);
        take(&mut self.requests, bucket, (whose, region.cloned(), operation.to_owned()), 1)
    }

    /// Takes a token an instance.
    pub fn admit_instances(&mut self, account: &AccountId, region: &Region, operation: &str, number: usize) -> bool {
        let Some((_, most, a_second)) = INSTANCES.iter().find(|(name, _, _)| *name == operation) else { return true };
        take(
            &mut self.instances,
            (*most, *a_second),
            (Some(account.clone()), Some(region.clone()), operation.to_owned()),
            number,
        )
    }
}

fn take(buckets: &mut BTreeMap<Place, Bucket>, of: (f64, f64), place: Place, number: usize) -> bool {
    buckets.entry(place).or_insert_with(|| Bucket::full(of)).take(number as f64)
}

impl Bucket {
    /// One that holds so much, is full, and fills with so much a second.
    pub fn full((most, a_second): (f64, f64)) -> Self {
        Self { tokens: most, most, a_second, since: Instant::now() }
    }

    /// Takes so much, or nothing where there is less.
    pub fn take(&mut self, number: f64) -> bool {
        self.tokens = (self.tokens + self.since.elapsed().as_secs_f64() * self.a_second).min(self.most);
        self.since = Instant::now();
        let enough = self.tokens >= number;
        if enough {
            self.tokens -= number;
        }
        enough
    }
}
