//! US dollars, exactly: whole millionths, so that a sum does not depend on its order.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MICROS: u64 = 1_000_000;

/// An amount of US dollars, in whole millionths; never negative. Written as a JSON number of dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many millionths of a dollar.
    pub const fn micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In millionths of a dollar.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The nearest millionth to a number of dollars; nothing for what is no amount (negative, not finite).
    pub fn from_dollars(dollars: f64) -> Self {
        // A float's conversion saturates, and what is not a number becomes 0.
        Self((dollars.max(0.0) * MICROS as f64).round() as u64)
    }

    /// As a number of dollars.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / MICROS as f64
    }

    /// What is left after taking some away; nothing where that is more.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many times as much.
    #[must_use]
    pub fn times(self, number: u64) -> Self {
        Self(self.0.saturating_mul(number))
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Cents, with thousands apart: `12,345.60`. Less than a cent is not shown as nothing: `0.0104`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const A_CENT: u64 = MICROS / 100;
        if self.0 > 0 && self.0 < A_CENT * 10 {
            return f.pad(&format!("{:.4}", self.dollars()));
        }
        let cents = (self.0 + A_CENT / 2) / A_CENT;
        let digits = (cents / 100).to_string();
        let mut whole = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                whole.push(',');
            }
            whole.push(digit);
        }
        f.pad(&format!("{whole}.{:02}", cents % 100))
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.dollars())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from_dollars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact() {
        let tenth = Usd::from_dollars(0.1);
        assert_eq!((0..10).map(|_| tenth).sum::<Usd>(), Usd::from_dollars(1.0));
        assert_eq!(Usd::micros(u64::MAX) + tenth, Usd::micros(u64::MAX));
    }

    #[test]
    fn what_is_no_amount_is_nothing() {
        for dollars in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(Usd::from_dollars(dollars), Usd::ZERO, "{dollars}");
        }
    }

    #[test]
    fn it_reads_like_money() {
        let shown = [
            (0, "0.00"),
            (10_400, "0.0104"),
            (98_320_000, "98.32"),
            (1_234_567_895_000, "1,234,567.90"),
            (999_999, "1.00"),
            (100_000, "0.10"),
        ];
        for (micros, text) in shown {
            assert_eq!(Usd::micros(micros).to_string(), text);
        }
    }

    #[test]
    fn it_survives_json() {
        for micros in [0, 1, 10_400, 98_320_000, 123_456_789_012_345] {
            let amount = Usd::micros(micros);
            assert_eq!(serde_json::from_str::<Usd>(&serde_json::to_string(&amount).unwrap()).unwrap(), amount);
        }
    }
}
