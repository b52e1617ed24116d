//! How many vCPUs an instance has.

use serde::{Deserialize, Serialize};

/// A number of vCPUs and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vcpus {
    /// vCPUs of one instance, never zero.
    pub count: u32,
    /// Whether the number is a guess from the type's name rather than EC2's own word.
    pub estimated: bool,
}

impl Vcpus {
    /// From DescribeInstances' `CpuOptions`; falls back to the type's name when either number is missing or senseless.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CpuOptions.html>
    pub fn of(cores: Option<i32>, threads_per_core: Option<i32>, instance_type: &str) -> Self {
        let known = cores.zip(threads_per_core).and_then(|(cores, threads)| cores.checked_mul(threads));
        match known.and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0) {
            Some(count) => Self { count, estimated: false },
            None => Self { count: estimate(instance_type), estimated: true },
        }
    }

    /// All vCPUs of an instance's type: some of them may be switched off by its `CpuOptions`.
    pub fn of_type(self, instance_type: &str) -> u32 {
        self.count.max(named(instance_type).unwrap_or_default())
    }
}

/// vCPUs by the type's name. Where it says nothing the estimate is high on purpose: an unknown type must not slip under
/// a limit.
fn estimate(instance_type: &str) -> u32 {
    const BARE_METAL: u32 = 96;
    const UNKNOWN: u32 = 16;
    named(instance_type).unwrap_or(if instance_type.ends_with(".metal") { BARE_METAL } else { UNKNOWN })
}

/// vCPUs by the naming rule of instance types: `large` has 2, `xlarge` 4, `Nxlarge` 4·N, `metal-Nxl` 4·N.
/// <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>
fn named(instance_type: &str) -> Option<u32> {
    let (family, size) = instance_type.split_once('.')?;
    match size {
        "nano" | "micro" | "small" if matches!(family, "t1" | "t2") => Some(1),
        "nano" | "micro" | "small" | "medium" | "large" => Some(2),
        "xlarge" => Some(4),
        _ => {
            let digits = size.strip_suffix("xlarge").or_else(|| size.strip_prefix("metal-")?.strip_suffix("xl"))?;
            digits.parse::<u32>().ok()?.checked_mul(4).filter(|vcpus| *vcpus > 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ec2s_own_word_comes_first() {
        assert_eq!(Vcpus::of(Some(8), Some(1), "c5.4xlarge"), Vcpus { count: 8, estimated: false });
    }

    #[test]
    fn without_it_the_type_tells() {
        let cases = [
            ("t2.micro", 1),
            ("t3.micro", 2),
            ("m7i.large", 2),
            ("c5.xlarge", 4),
            ("p5.48xlarge", 192),
            ("m7i.metal-24xl", 96),
        ];
        for (instance_type, count) in cases {
            assert_eq!(Vcpus::of(None, Some(2), instance_type), Vcpus { count, estimated: true }, "{instance_type}");
        }
    }

    #[test]
    fn an_unknown_type_is_never_nothing() {
        for instance_type in ["", "x", "mac2.metal", "u-6tb1.112xlarge", "z9.0xlarge", "q.99999999999xlarge"] {
            assert!(Vcpus::of(Some(0), Some(0), instance_type).count >= 16, "{instance_type}");
        }
    }
}
