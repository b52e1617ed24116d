//! How far away regions are from us-east-1, and how long services take.

use std::time::Duration;

use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::settings::Network;

/// The regions that an account has enabled, and the round trip from us-east-1, in milliseconds: from memory, what public
/// measurements of the time between regions show at the median, rounded.
pub(crate) const REGIONS: [(&str, f64); 17] = [
    ("us-east-1", 1.0),
    ("us-east-2", 12.0),
    ("us-west-1", 62.0),
    ("us-west-2", 70.0),
    ("ca-central-1", 15.0),
    ("sa-east-1", 115.0),
    ("eu-west-1", 75.0),
    ("eu-west-2", 76.0),
    ("eu-west-3", 82.0),
    ("eu-central-1", 92.0),
    ("eu-north-1", 110.0),
    ("ap-south-1", 190.0),
    ("ap-northeast-1", 150.0),
    ("ap-northeast-2", 180.0),
    ("ap-northeast-3", 155.0),
    ("ap-southeast-1", 215.0),
    ("ap-southeast-2", 200.0),
];
/// Of a region that is not listed.
const ELSEWHERE: f64 = 200.0;

/// What a connection costs before its first request: TCP's handshake and that of TLS 1.3. What resolving its name costs
/// is left out.
const SETUP_ROUND_TRIPS: f64 = 2.0;

/// How long a service works on a call, in milliseconds: constants of the right order, from memory. Of the same API they
/// vary with the account, the hour and what is found.
const SERVICE_TIMES: [(&str, &str, f64); 14] = [
    ("ec2", "DescribeInstances", 150.0),
    ("ec2", "StopInstances", 300.0),
    ("ec2", "TerminateInstances", 300.0),
    ("ec2", "ModifyInstanceAttribute", 150.0),
    ("ec2", "", 100.0),
    ("autoscaling", "", 80.0),
    ("iam", "GetAccountAuthorizationDetails", 150.0),
    ("iam", "", 50.0),
    ("sts", "", 40.0),
    ("organizations", "AttachPolicy", 300.0),
    ("organizations", "", 100.0),
    ("dynamodb", "TransactWriteItems", 12.0),
    ("dynamodb", "", 5.0),
    ("", "", 30.0),
];
/// What each instance of a page adds to it: a page of a thousand takes two seconds more.
const PER_INSTANCE: f64 = 2.0;
/// What is refused is refused soon.
const REFUSAL: f64 = 5.0;

/// The round trip to a region, in milliseconds; 0 where nothing takes time.
fn round_trip_of(network: &Network, region: &str) -> f64 {
    if !network.delays {
        return 0.0;
    }
    let own = || REGIONS.iter().find(|(name, _)| *name == region).map_or(ELSEWHERE, |(_, time)| *time);
    network.round_trip.unwrap_or_else(own)
}

/// The round trip to a region.
pub(crate) fn round_trip(network: &Network, region: &str) -> Duration {
    Duration::from_secs_f64(round_trip_of(network, region) / 1000.0)
}

/// How long it takes until a connection to a region can be used.
pub(crate) fn setup(network: &Network, region: &str) -> Duration {
    round_trip(network, region).mul_f64(SETUP_ROUND_TRIPS)
}

/// How long a service works on a call.
pub(crate) fn service_time(network: &Network, call: &Call, answer: &Answer) -> Duration {
    if !network.delays {
        return Duration::ZERO;
    }
    if answer.code.is_some() {
        return Duration::from_secs_f64(REFUSAL / 1000.0);
    }
    let of_items = if call.operation == "DescribeInstances" { PER_INSTANCE * answer.items as f64 } else { 0.0 };
    Duration::from_secs_f64((constant(&call.service, &call.operation) + of_items) / 1000.0)
}

fn constant(service: &str, operation: &str) -> f64 {
    let is_it = |(of, name, _): &&(&str, &str, f64)| {
        (of.is_empty() || *of == service) && (name.is_empty() || *name == operation)
    };
    SERVICE_TIMES.iter().find(is_it).map_or(0.0, |(_, _, time)| *time)
}

/// All of it, for whoever computes what a run takes at the least.
pub(crate) fn model(network: &Network) -> Value {
    let times: Vec<Value> = SERVICE_TIMES
        .iter()
        .map(|(service, operation, time)| json!({ "service": service, "operation": operation, "milliseconds": time }))
        .collect();
    let round_trips = REGIONS.iter().map(|(region, _)| ((*region).to_owned(), json!(round_trip_of(network, region))));
    json!({
        "roundTrips": round_trips.collect::<serde_json::Map<_, _>>(),
        "setupRoundTrips": SETUP_ROUND_TRIPS,
        "serviceTimes": if network.delays { times } else { Vec::new() },
        "perInstance": if network.delays { PER_INSTANCE } else { 0.0 },
    })
}
