//! What an instance costs in an hour: by the price list where it is known, by its vCPUs where it is not.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// Where that comes from.
    pub source: PriceSource,
}

impl fmt::Display for PriceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} ({})", self.instance_type, self.region, self.operation)
    }
}

/// The hourly price of an instance whose list price cannot be had: so much for each vCPU, by the family's kind. It is
/// on the high side of what AWS asks for any type of that kind in us-east-1, for an instance without a price must not
/// slip under a limit.
/// <https://aws.amazon.com/ec2/pricing/on-demand/>
pub fn estimate(instance_type: &str, vcpus: u32) -> Price {
    /// Accelerators (GPU, Trainium, Inferentia, FPGA) make the vCPU dear: p4d.24xlarge and p5.48xlarge cost some 0.3 to
    /// 0.5 USD a vCPU.
    const ACCELERATED: Usd = Usd::micros(550_000);
    /// Terabytes of memory: x1e and high-memory types cost between 0.1 and 0.49 USD a vCPU.
    const MUCH_MEMORY: Usd = Usd::micros(500_000);
    /// All else costs between 0.02 and 0.1 USD a vCPU.
    const GENERAL: Usd = Usd::micros(100_000);
    let family = instance_type.split_once('.').map_or(instance_type, |(family, _)| family);
    let is_one_of = |kinds: &[&str]| {
        kinds.iter().any(|kind| {
            family
                .strip_prefix(kind)
                .is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit() || next == '-'))
        })
    };
    let known = family
        .split(|character: char| character.is_ascii_digit() || character == '-')
        .next()
        .is_some_and(|letters| KINDS.contains(&letters));
    let per_vcpu = if is_one_of(&["p", "g", "gr", "inf", "trn", "dl", "vt", "f"]) || !known {
        ACCELERATED
    } else if is_one_of(&["x", "u", "z"]) {
        MUCH_MEMORY
    } else {
        GENERAL
    };
    Price { per_hour: per_vcpu.times(u64::from(vcpus)), source: PriceSource::Estimate }
}

/// Letters that families begin with. A family of other letters is a new kind, and may be dear: it is taken for an
/// accelerated one.
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
}

impl Burn {
    /// All of it.
    pub fn total(self) -> Usd {
        self.listed + self.estimated
    }

    /// Adds what costs so much. The list's price of something that is sold for less, such as Spot, is an estimate.
    pub fn add(&mut self, price: Price, is_sold_for_less: bool) {
        match price.source {
            PriceSource::List if !is_sold_for_less => self.listed += price.per_hour,
            PriceSource::List | PriceSource::Estimate => self.estimated += price.per_hour,
        }
    }
}

impl fmt::Display for Burn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} USD/hour", self.total())?;
        if self.estimated > Usd::ZERO { write!(f, " ({} of it estimated)", self.estimated) } else { Ok(()) }
    }
}

/// The prices that are known in one observation.
pub type Prices = BTreeMap<PriceKey, Price>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_estimate_is_below_what_aws_asks() {
        // On-Demand, Linux, us-east-1, in USD an hour; some before they were lowered.
        let asked = [
            ("t3.micro", 2, 0.0104),
            ("m5.large", 2, 0.096),
            ("m7i.24xlarge", 96, 4.8384),
            ("r5b.24xlarge", 96, 7.152),
            ("i4i.32xlarge", 128, 10.9824),
            ("x1e.32xlarge", 128, 26.688),
            ("u-24tb1.112xlarge", 448, 218.4),
            ("z1d.12xlarge", 48, 4.464),
            ("g5.48xlarge", 192, 16.288),
            ("p4d.24xlarge", 96, 32.7726),
            ("p5.48xlarge", 192, 98.32),
            ("trn1.32xlarge", 128, 21.5),
            ("inf2.48xlarge", 192, 12.98),
            ("f1.16xlarge", 64, 13.2),
        ];
        for (instance_type, vcpus, dollars) in asked {
            let estimated = estimate(instance_type, vcpus);
            assert!(estimated.per_hour >= Usd::from_dollars(dollars), "{instance_type}: {} USD", estimated.per_hour);
            assert_eq!(estimated.source, PriceSource::Estimate);
        }
    }

    #[test]
    fn a_kind_that_nobody_knows_is_dear() {
        for unknown in ["q9.large", "quantum1.metal", "", "nodot"] {
            assert_eq!(estimate(unknown, 4).per_hour, Usd::micros(2_200_000), "{unknown}");
        }
        assert_eq!(estimate("mac2.metal", 8).per_hour, Usd::micros(800_000));
    }
}
