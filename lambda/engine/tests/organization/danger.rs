//! What goes wrong while an organization is watched.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_testbed::{Fault, failure};

use crate::common::Scene;

pub const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-south-1"];

/// What goes wrong for the organization: our own fault, AWS's, or its administrators' doing.
#[derive(Debug, Clone)]
pub enum Danger {
    /// Our credentials are not accepted.
    Credentials,
    /// A deployment of ours dropped the grant: every account refuses us.
    Grant,
    /// EC2 does not answer in a region, or hangs.
    Outage { region: usize, hangs: bool },
    /// Nobody's regions can be listed.
    Lists,
    /// A policy of the organization denies a region.
    ClosedRegion { region: usize },
    /// An innocent account is moved to another unit.
    Move { innocent: prop::sample::Index },
    /// The state table is busy for some seconds, or does not answer at all.
    Table { seconds: u64, kind: Option<FailureKind> },
    /// The brake's slots cannot be asked for.
    Slots,
    /// The table takes so many calls a second.
    ScarceTable { a_second: u32 },
    /// IAM and Organizations take so many hundredths of what is guessed of them.
    ScarceCalls { percent: u32 },
    /// Calls of a family are refused so many times a sweep.
    Calls { family: &'static str, kind: FailureKind, times: u32 },
    /// The sweep is killed.
    Kill { millis: u64 },
    /// SNS takes nothing.
    Mail { times: u32 },
}

impl Danger {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Credentials => "our credentials are not accepted",
            Self::Grant => "every account refuses us",
            Self::Outage { hangs: false, .. } => "a region fails",
            Self::Outage { hangs: true, .. } => "a region hangs",
            Self::Lists => "regions cannot be listed",
            Self::ClosedRegion { .. } => "a region is closed",
            Self::Move { .. } => "an account is moved",
            Self::Table { kind: None, .. } => "the table fails",
            Self::Table { kind: Some(_), .. } => "the table is busy",
            Self::Slots => "the brake cannot be asked",
            Self::ScarceTable { .. } => "the table takes few calls",
            Self::ScarceCalls { .. } => "IAM and Organizations take few calls",
            Self::Calls { kind: FailureKind::Throttled, .. } => "calls are throttled",
            Self::Calls { .. } => "calls are contended or fail",
            Self::Kill { .. } => "a sweep is killed",
            Self::Mail { .. } => "mails are not taken",
        }
    }

    pub fn inflict(&self, scene: &Scene) {
        let world = &scene.testbed.world;
        match self {
            Self::Credentials => world.fault(Fault::always("ec2:Describe", FailureKind::Credentials)),
            // Seen to where it is decided who lets us in.
            Self::Grant | Self::Move { .. } | Self::Kill { .. } => {}
            Self::Outage { region, hangs } => {
                let mut outage = Fault::always("ec2:", FailureKind::Unavailable).in_region(REGIONS[*region]);
                if *hangs {
                    outage.failure = None;
                }
                world.fault(outage);
            }
            Self::Lists => world.fault(Fault::always("ec2:DescribeRegions", FailureKind::Unavailable)),
            Self::ClosedRegion { region } => {
                world.fault(Fault::always("ec2:DescribeInstances", FailureKind::Denied).in_region(REGIONS[*region]));
            }
            Self::Table { kind: Some(kind), seconds } => {
                scene.testbed.ledger.busy_for(Duration::from_secs(*seconds), *kind);
            }
            Self::Table { kind: None, .. } => {
                let broken = failure("dynamodb:TransactWriteItems", FailureKind::Unavailable);
                scene.testbed.ledger.break_with(Some(broken));
            }
            Self::ScarceTable { a_second } => {
                let calls = f64::from(*a_second);
                scene.testbed.ledger.takes(Some((calls, calls)));
            }
            Self::ScarceCalls { percent } => world.with_scarce_quotas(f64::from(*percent) / 100.0),
            Self::Slots => {
                let broken = failure("dynamodb:PutItem", FailureKind::Unavailable);
                scene.testbed.ledger.break_slots(Some(broken));
            }
            Self::Calls { family, kind, times } => world.fault(Fault::always(family, *kind).times(*times)),
            Self::Mail { times } => (0..*times).for_each(|_| {
                scene.testbed.mailbox.refuse_next(failure("sns:Publish", FailureKind::Throttled));
            }),
        }
    }
}

pub fn danger() -> impl Strategy<Value = Danger> {
    let families = vec!["iam:", "organizations:", "autoscaling:", "ec2:Stop", "ec2:Modify", "cloudwatch:", "pricing:"];
    let kinds = vec![FailureKind::Throttled, FailureKind::Contended, FailureKind::Unavailable];
    let busy = prop::option::of(prop::sample::select(vec![FailureKind::Throttled, FailureKind::Contended]));
    prop_oneof![
        Just(Danger::Credentials),
        Just(Danger::Grant),
        (0..REGIONS.len(), any::<bool>()).prop_map(|(region, hangs)| Danger::Outage { region, hangs }),
        Just(Danger::Lists),
        (0..REGIONS.len()).prop_map(|region| Danger::ClosedRegion { region }),
        any::<prop::sample::Index>().prop_map(|innocent| Danger::Move { innocent }),
        (1u64..60, busy).prop_map(|(seconds, kind)| Danger::Table { seconds, kind }),
        Just(Danger::Slots),
        (10u32..200).prop_map(|a_second| Danger::ScarceTable { a_second }),
        (5u32..100).prop_map(|percent| Danger::ScarceCalls { percent }),
        (prop::sample::select(families), prop::sample::select(kinds), 1u32..40)
            .prop_map(|(family, kind, times)| Danger::Calls { family, kind, times }),
        (0u64..20_000).prop_map(|millis| Danger::Kill { millis }),
        (1u32..6).prop_map(|times| Danger::Mail { times }),
    ]
}

/// How often each danger was met: `-- --nocapture` shows it in a longer run.
pub fn met(danger: &'static str) {
    static MET: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());
    let mut met = MET.lock().unwrap();
    *met.entry(danger).or_default() += 1;
    if met.values().sum::<u64>().is_multiple_of(1_000) {
        eprintln!("met so far: {met:#?}");
    }
}
