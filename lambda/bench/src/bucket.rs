//! AWS's token buckets: how many calls an API takes, and of a change how many instances.

use std::collections::HashMap;
use std::time::Instant;

use crate::call::Call;

/// How many tokens a bucket holds, and how many it gains a second.
type Size = (f64, f64);

/// EC2's buckets of requests that are not of its general sizes, each an account, a region and an API.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
const EC2: [(&str, Size); 5] = [
    ("DescribeSpotFleetRequests", (50.0, 3.0)),
    ("RunInstances", (5.0, 2.0)),
    ("StartInstances", (5.0, 2.0)),
    ("StopInstances", (50.0, 5.0)),
    ("TerminateInstances", (100.0, 5.0)),
];
/// What reads, in pages or with a filter; the same with neither; and what changes.
const EC2_READS: Size = (100.0, 20.0);
const EC2_READS_UNPAGED: Size = (50.0, 10.0);
const EC2_CHANGES: Size = (50.0, 5.0);
/// EC2's buckets of instances: a token an instance of a call.
const EC2_INSTANCES: [(&str, Size); 3] =
    [("RunInstances", (1000.0, 2.0)), ("StopInstances", (1000.0, 20.0)), ("TerminateInstances", (1000.0, 20.0))];
/// Each an account and an API. IAM says of none how large it is: the same guesses as in the simulated organization.
const IAM_DETAILS: Size = (10.0, 2.0);
const IAM: Size = (100.0, 20.0);
/// For the whole organization.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const ORGANIZATIONS: [(&str, Size); 3] =
    [("ListAccounts", (12.0, 8.0)), ("AttachPolicy", (3.0, 2.0)), ("DetachPolicy", (3.0, 2.0))];
/// The others of Organizations: a guess.
const ORGANIZATIONS_OTHERS: Size = (20.0, 10.0);
/// Of the caller.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-sts-requests>
const STS: Size = (600.0, 600.0);
/// What a partition key takes, in units a second.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>
const WRITES: Size = (1000.0, 1000.0);

/// All buckets that were asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Buckets(HashMap<String, Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    since: Instant,
}

impl Buckets {
    /// Takes the tokens of a call, or none; the code of the refusal otherwise.
    pub fn admit(&mut self, call: &Call) -> Result<(), (u16, &'static str)> {
        let Call { service, operation, account, region, .. } = call;
        match service.as_str() {
            "ec2" => {
                let place = format!("{account} {region} {operation}");
                let refusal = (503, "RequestLimitExceeded");
                self.take(&place, ec2(call), 1.0).then_some(()).ok_or(refusal)?;
                let instances = EC2_INSTANCES.iter().find(|(name, _)| name == operation);
                let number = call.list("InstanceId").len();
                let has_room = instances.is_none_or(|(_, size)| self.take(&format!("{place} #"), *size, number as f64));
                has_room.then_some(()).ok_or(refusal)
            }
            "iam" => {
                let size = if operation == "GetAccountAuthorizationDetails" { IAM_DETAILS } else { IAM };
                let is_admitted = self.take(&format!("{account} {operation}"), size, 1.0);
                is_admitted.then_some(()).ok_or((400, "Throttling"))
            }
            "sts" => self.take("sts", STS, 1.0).then_some(()).ok_or((400, "Throttling")),
            "organizations" => {
                let own = ORGANIZATIONS.iter().find(|(name, _)| name == operation);
                let size = own.map_or(ORGANIZATIONS_OTHERS, |(_, size)| *size);
                let is_admitted = self.take(&format!("organizations {operation}"), size, 1.0);
                is_admitted.then_some(()).ok_or((400, "TooManyRequestsException"))
            }
            _ => Ok(()),
        }
    }

    /// Takes the write units of a partition key, or none.
    pub fn admit_write(&mut self, partition: &str, units: f64) -> bool {
        self.take(&format!("dynamodb {partition}"), WRITES, units)
    }

    fn take(&mut self, place: &str, (most, a_second): Size, number: f64) -> bool {
        let now = Instant::now();
        if !self.0.contains_key(place) {
            self.0.insert(place.to_owned(), Bucket { tokens: most, since: now });
        }
        let Some(bucket) = self.0.get_mut(place) else { return false };
        bucket.tokens = (bucket.tokens + now.duration_since(bucket.since).as_secs_f64() * a_second).min(most);
        bucket.since = now;
        let enough = bucket.tokens >= number;
        if enough {
            bucket.tokens -= number;
        }
        enough
    }
}

fn ec2(call: &Call) -> Size {
    if let Some((_, size)) = EC2.iter().find(|(name, _)| *name == call.operation) {
        return *size;
    }
    let is_paged = ["MaxResults", "Filter.1.Name", "InstanceId.1"].iter().any(|name| call.parameter(name).is_some());
    match call.operation.starts_with("Describe") {
        // It has no pages.
        true if is_paged || call.operation == "DescribeRegions" => EC2_READS,
        true => EC2_READS_UNPAGED,
        false => EC2_CHANGES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(buckets: &mut Buckets, wanted: f64) -> bool {
        buckets.take("here", (10.0, 1.0), wanted)
    }

    #[test]
    fn a_bucket_gives_all_or_nothing_and_fills_as_time_goes() {
        let mut buckets = Buckets::default();
        assert!(takes(&mut buckets, 8.0));
        assert!(!takes(&mut buckets, 8.0), "what is refused takes nothing");
        assert!(takes(&mut buckets, 2.0));
        let bucket = buckets.0.get_mut("here").unwrap();
        bucket.since = bucket.since.checked_sub(std::time::Duration::from_secs(3)).unwrap();
        assert!(takes(&mut buckets, 3.0) && !takes(&mut buckets, 1.0));
    }
}
