//! What an instance costs in an hour: by the price list where it is known, by its vCPUs where it is not.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::measure::disks::LocalDisks;
use crate::measure::vcpus::Vcpus;
use crate::vocabulary::ids::Region;
use crate::vocabulary::money::Usd;

/// What a price depends on. All instances of one of these cost the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PriceKey {
    /// Where it runs.
    pub region: Region,
    /// Its type, such as `p5.48xlarge`.
    pub instance_type: String,
    /// What runs on it, as EC2 bills it: `RunInstances` is Linux, `RunInstances:0002` Windows.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-info-fields.html>
    pub operation: String,
    /// Whose hardware it is.
    pub tenancy: Tenancy,
}

/// Whose hardware an instance runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tenancy {
    /// Shared.
    #[default]
    Shared,
    /// Dedicated to the account.
    Dedicated,
    /// On a host that the account pays as a whole. Priced like a dedicated one: what the host costs is not seen here.
    Host,
}

/// Where a price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriceSource {
    /// AWS's price list, On-Demand.
    List,
    /// No list price could be had: by vCPUs, on the high side.
    Estimate,
}

/// What one instance costs in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// In an hour.
    pub per_hour: Usd,
    /// The least that it can be, where it is an estimate.
    pub least: Usd,
    /// Where that comes from.
    pub source: PriceSource,
    /// Whether its type has local disks: the list says so beside the price.
    #[serde(default)]
    pub local_disks: LocalDisks,
}

impl Price {
    /// A price of the list.
    pub fn listed(per_hour: Usd) -> Self {
        Self { per_hour, least: per_hour, source: PriceSource::List, local_disks: LocalDisks::Unknown }
    }
}

impl fmt::Display for PriceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} ({})", self.instance_type, self.region, self.operation)
    }
}

/// What a kind of family costs a vCPU and hour, On-Demand.
struct Range {
    least: Usd,
    most: Usd,
}

impl Range {
    const fn of(least: u64, most: u64) -> Self {
        Self { least: Usd::micros(least), most: Usd::micros(most) }
    }
}

/// Eight large GPUs an instance: P5 and later cost between 0.28 and 0.75 USD a vCPU, P2 to P4 between 0.22 and 0.55.
const LARGE_GPUS: Range = Range::of(280_000, 800_000);
const OLDER_LARGE_GPUS: Range = Range::of(200_000, 550_000);
/// Other accelerators (GPU, Trainium, Inferentia, FPGA): between 0.04 and 0.35 USD a vCPU.
const ACCELERATED: Range = Range::of(30_000, 550_000);
/// Terabytes of memory: between 0.08 and 0.49 USD a vCPU.
const MUCH_MEMORY: Range = Range::of(40_000, 500_000);
/// Burstable: between 0.0014 USD a vCPU, t4g.nano in Mumbai, and 0.05.
const BURSTABLE: Range = Range::of(1_000, 100_000);
/// All else costs between 0.02 and 0.1 USD a vCPU.
const GENERAL: Range = Range::of(10_000, 100_000);
/// A kind that nobody knows may be as dear as any, and as cheap.
const UNKNOWN: Range = Range::of(1_000, 800_000);

/// The hourly price of an instance whose list price cannot be had: so much for each vCPU, by the family's kind. It is
/// on the high side of what AWS asks for any type of that kind in us-east-1 for Linux, for an instance without a price
/// must not slip under a limit unseen; and what it costs at the least, in the cheapest region, is beside it, for nobody
/// is halted for what may not be.
/// <https://aws.amazon.com/ec2/pricing/on-demand/>
pub fn estimate(instance_type: &str, seen: Vcpus) -> Price {
    let family = instance_type.split_once('.').map_or(instance_type, |(family, _)| family);
    let letters: &str = family.split(|next: char| next.is_ascii_digit() || next == '-').next().unwrap_or_default();
    let generation =
        family.get(letters.len()..).and_then(|rest| rest.chars().next()).and_then(|next| next.to_digit(10));
    let range = match letters {
        "p" if generation.is_some_and(|generation| generation >= 5) => LARGE_GPUS,
        "p" => OLDER_LARGE_GPUS,
        "g" | "gr" | "inf" | "trn" | "dl" | "vt" | "f" => ACCELERATED,
        "x" | "u" | "z" => MUCH_MEMORY,
        "t" => BURSTABLE,
        known if KINDS.contains(&known) => GENERAL,
        _ => UNKNOWN,
    };
    // The whole machine is paid, however few of its vCPUs are switched on.
    let vcpus = u64::from(seen.of_type(instance_type));
    Price {
        per_hour: range.most.times(vcpus),
        least: range.least.times(vcpus),
        source: PriceSource::Estimate,
        local_disks: LocalDisks::named(instance_type),
    }
}

/// Letters that families begin with. A family of other letters is a new kind, and may be dear.
/// <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>
const KINDS: [&str; 26] = [
    "a", "c", "d", "dl", "f", "g", "gr", "h", "hpc", "i", "im", "inf", "is", "m", "mac", "p", "r", "t", "trn", "u",
    "vt", "x", "z", "cc", "cr", "hs",
];

/// What runs costs, in an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Burn {
    /// By the price list: On-Demand.
    pub listed: Usd,
    /// Of what has no list price, or is Spot: for that the On-Demand price is the most that it may cost.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-instances.html>
    pub estimated: Usd,
    /// The least that the estimated part can be. Records from before do not have it.
    #[serde(default)]
    pub least: Usd,
}

impl Burn {
    /// All of it.
    pub fn total(self) -> Usd {
        self.listed + self.estimated
    }

    /// What it is at the least.
    pub fn certain(self) -> Usd {
        self.listed + self.least
    }

    /// Takes in what others cost.
    pub fn take_in(&mut self, other: Self) {
        self.listed += other.listed;
        self.estimated += other.estimated;
        self.least += other.least;
    }

    /// Adds so many that cost so much each. The list's price of Spot is an estimate, for Spot is sold for up to nine
    /// tenths less.
    pub fn add(&mut self, price: Price, is_spot: bool, number: u64) {
        /// Of the On-Demand price, Spot costs at the least one in so many parts.
        const SPOT_PARTS: u64 = 10;
        match price.source {
            PriceSource::List if !is_spot => self.listed += price.per_hour.times(number),
            PriceSource::List | PriceSource::Estimate => {
                self.estimated += price.per_hour.times(number);
                let parts = if is_spot { SPOT_PARTS } else { 1 };
                self.least += Usd::micros(price.least.as_micros() / parts).times(number);
            }
        }
    }
}

impl fmt::Display for Burn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "USD {}/hour", self.total())?;
        if self.estimated > Usd::ZERO {
            write!(f, " ({} of it estimated, {} for certain)", self.estimated, self.certain())
        } else {
            Ok(())
        }
    }
}

/// The prices that are known in one observation.
pub type Prices = BTreeMap<PriceKey, Price>;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(count: u32) -> Vcpus {
        Vcpus { count, estimated: false }
    }

    #[test]
    fn no_estimate_is_below_what_aws_asks() {
        // On-Demand, Linux, us-east-1, in USD an hour; some before they were lowered, with the lower one beside it.
        let asked = [
            ("t3.micro", 2, 0.0104, 0.0104),
            ("m5.large", 2, 0.096, 0.096),
            ("m7i.24xlarge", 96, 4.8384, 4.8384),
            ("r5b.24xlarge", 96, 7.152, 7.152),
            ("i4i.32xlarge", 128, 10.9824, 10.9824),
            ("x1e.32xlarge", 128, 26.688, 26.688),
            ("x2gd.16xlarge", 64, 5.344, 5.344),
            ("u-24tb1.112xlarge", 448, 218.4, 218.4),
            ("z1d.12xlarge", 48, 4.464, 4.464),
            ("g5.48xlarge", 192, 16.288, 16.288),
            ("g5g.16xlarge", 64, 2.744, 2.744),
            ("p3.16xlarge", 64, 24.48, 24.48),
            ("p4d.24xlarge", 96, 32.7726, 21.9576),
            ("p5.48xlarge", 192, 98.32, 55.04),
            ("p6-b200.48xlarge", 192, 113.9328, 113.9328),
            ("trn1.32xlarge", 128, 21.5, 21.5),
            ("inf2.48xlarge", 192, 12.98, 12.98),
            ("f1.16xlarge", 64, 13.2, 13.2),
        ];
        for (instance_type, vcpus, dollars, lowered) in asked {
            let estimated = estimate(instance_type, seen(vcpus));
            assert!(estimated.per_hour >= Usd::from_dollars(dollars), "{instance_type}: {} USD", estimated.per_hour);
            assert!(estimated.least <= Usd::from_dollars(lowered), "{instance_type}: at least {}", estimated.least);
            assert_eq!(estimated.source, PriceSource::Estimate);
        }
    }

    #[test]
    fn an_instance_with_few_of_its_vcpus_switched_on_costs_what_the_whole_one_does() {
        for few in [1, 2, 96] {
            assert_eq!(estimate("p5.48xlarge", seen(few)), estimate("p5.48xlarge", seen(192)));
        }
        assert!(estimate("p5.48xlarge", seen(2)).least > Usd::from_dollars(50.0));
    }

    #[test]
    fn a_kind_that_nobody_knows_is_dear() {
        for unknown in ["q9.large", "quantum1.metal", "", "nodot"] {
            let estimated = estimate(unknown, seen(96));
            assert_eq!(
                (estimated.per_hour, estimated.least),
                (Usd::micros(76_800_000), Usd::micros(96_000)),
                "{unknown}"
            );
        }
        assert_eq!(estimate("mac2.metal", seen(8)).per_hour, Usd::micros(800_000));
    }

    #[test]
    fn spot_costs_at_least_a_tenth_of_the_on_demand_price() {
        let mut burn = Burn::default();
        burn.add(Price::listed(Usd::from_dollars(30.0)), true, 1);
        burn.add(Price::listed(Usd::from_dollars(2.5)), false, 2);
        assert_eq!((burn.total(), burn.certain()), (Usd::from_dollars(35.0), Usd::from_dollars(8.0)));
        assert_eq!(burn.to_string(), "USD 35.00/hour (30.00 of it estimated, 8.00 for certain)");
    }
}
