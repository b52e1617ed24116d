//! Money as reports write it, added without rounding.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Digits that are kept after the decimal point.
const DECIMALS: i32 = 18;
/// One unit of the currency, in steps of 10⁻¹⁸.
const UNIT: u128 = 10_u128.pow(DECIMALS as u32);
/// A single field above this is taken for damage: 100 billion, far beyond any line item, far below what the sums can
/// hold.
const LARGEST_FIELD: u128 = 100_000_000_000 * UNIT;

/// An amount in the report's currency (US dollars, unless said otherwise), exact to 18 decimals.
///
/// Reports hold prices per request of 10⁻⁷ dollars and less beside machines of 98 dollars an hour; binary fractions
/// drift when a million of such lines are added, and then two readers of the same report disagree. Digits past the 18th
/// are rounded, half away from zero. Arithmetic saturates: 10²⁰ is never reached by fields of the permitted size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads a decimal number as reports write it: `12`, `-0.5`, `.5`, `1.2E-7`.
    ///
    /// `None` for anything else (empty, `NaN`, thousands separators, hexadecimal) and for more than 10¹¹.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let (mantissa, exponent) = match digits.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (digits.get(..at)?, small_integer(digits.get(at + 1..)?)?),
            None => (digits, 0),
        };
        let number = Mantissa::read(mantissa)?;
        let magnitude = number.scaled(exponent)?;
        if magnitude > LARGEST_FIELD {
            return None;
        }
        let value = i128::try_from(magnitude).ok()?;
        Some(Self(if negative { -value } else { value }))
    }

    /// The nearest `f64`, for comparisons with limits that a person wrote.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / UNIT as f64
    }

    /// The nearest whole millionth, half away from zero; as many millionths.
    pub fn millionths(self) -> i128 {
        const STEPS: i128 = 10_i128.pow(DECIMALS as u32 - 6);
        let (whole, rest) = (self.0 / STEPS, self.0 % STEPS);
        if rest.abs() * 2 >= STEPS { whole + self.0.signum() } else { whole }
    }

    /// Whether it is exactly nothing.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Part `index` (from 0) of `parts` equal parts. What cannot be divided goes to the first parts, so that all parts
    /// together are the whole.
    pub(crate) fn part(self, index: u64, parts: u64) -> Self {
        let parts = i128::from(parts.max(1));
        let rest = self.0 % parts;
        let extra = if i128::from(index) < rest.abs() { rest.signum() } else { 0 };
        Self(self.0 / parts + extra)
    }
}

/// The digits of a number without its sign and exponent.
struct Mantissa {
    value: u128,
    /// How many of the digits stood after the point; negative when digits before the point were left out.
    decimals: i32,
}

impl Mantissa {
    /// As many digits as surely fit. With all of them before the 18th decimal the amount is too large anyway; behind it
    /// they are left out.
    const DIGITS: u32 = 37;

    fn read(text: &[u8]) -> Option<Self> {
        let mut found = Self { value: 0, decimals: 0 };
        let (mut any, mut point, mut kept) = (false, false, 0_u32);
        for byte in text {
            match byte {
                b'0'..=b'9' => {
                    any = true;
                    let digit = byte - b'0';
                    if kept < Self::DIGITS {
                        found.value = found.value * 10 + u128::from(digit);
                        kept += u32::from(found.value != 0);
                        found.decimals += i32::from(point);
                    } else {
                        found.decimals -= i32::from(!point);
                    }
                }
                b'.' if !point => point = true,
                _ => return None,
            }
        }
        any.then_some(found)
    }

    /// The value in steps of 10⁻¹⁸; `None` when it does not fit.
    fn scaled(&self, exponent: i32) -> Option<u128> {
        let shift = DECIMALS - self.decimals + exponent;
        if self.value == 0 {
            return Some(0);
        }
        if shift >= 0 {
            return self.value.checked_mul(10_u128.checked_pow(shift.unsigned_abs())?);
        }
        let Some(divisor) = 10_u128.checked_pow(shift.unsigned_abs()) else { return Some(0) };
        let (quotient, rest) = (self.value / divisor, self.value % divisor);
        Some(quotient + u128::from(rest >= divisor / 2))
    }
}

/// An exponent. Beyond four digits nothing sensible is meant, and the addition of exponents could overflow.
fn small_integer(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 4 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
    Some(if negative { -value } else { value })
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Amount {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Exact: every digit that is not a trailing zero.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let fraction = format!("{:018}", magnitude % UNIT);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        f.pad_integral(self.0 >= 0, "", &format!("{}{point}{fraction}", magnitude / UNIT))
    }
}

/// As the exact decimal string: a JSON number would lose digits.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_sum(&text).ok_or_else(|| serde::de::Error::custom("an amount is a decimal number"))
    }
}

impl Amount {
    /// Reads what `Display` wrote, of any size: a sum may be larger than a field of a report.
    fn parse_sum(text: &str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let magnitude = Mantissa::read(digits.as_bytes())?.scaled(0)?;
        let value = i128::try_from(magnitude).ok()?;
        Some(Self(if negative { -value } else { value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millionths_are_rounded_half_away_from_zero() {
        for (text, millionths) in [
            ("0", 0),
            ("1.5", 1_500_000),
            ("0.0000005", 1),
            ("0.000000499999999999", 0),
            ("-0.0000005", -1),
            ("-0.0000004", 0),
            ("12.3456785", 12_345_679),
        ] {
            assert_eq!(Amount::parse(text.as_bytes()).unwrap().millionths(), millionths, "{text}");
        }
    }

    fn amount(text: &str) -> Amount {
        Amount::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text:?} was not read"))
    }

    #[test]
    fn numbers_are_read_as_reports_write_them() {
        for (text, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.0000000000", "0"),
            ("98.32", "98.32"),
            ("-12.5", "-12.5"),
            ("+1", "1"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1.2E-7", "0.00000012"),
            ("1.2e-07", "0.00000012"),
            ("3.5E2", "350"),
            ("1E+3", "1000"),
            ("0.00930446777287487", "0.00930446777287487"),
            ("1.0000000000000000004", "1"),
            ("1.0000000000000000005", "1.000000000000000001"),
            ("-1.0000000000000000005", "-1.000000000000000001"),
            ("4.9E-19", "0"),
            ("5E-19", "0.000000000000000001"),
            ("1E-4000", "0"),
            ("0E9999", "0"),
            ("100000000000", "100000000000"),
            ("0.0000000000000000000000000000000000000000000000000001", "0"),
            ("00000000000000000000000000000000000000000000000000012.5", "12.5"),
            ("0.1234567890123456785", "0.123456789012345679"),
            ("123456789.123456789123456789123456789123456789", "123456789.123456789123456789"),
        ] {
            assert_eq!(amount(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "E5",
            "1E",
            "1E-",
            "1E12345",
            "NaN",
            "inf",
            "1,000",
            "0x1F",
            "1.2.3",
            "1 ",
            " 1",
            "12a",
            "--1",
            "1E5.5",
            "١",
            "100000000001",
            "1E30",
            "1E9999",
        ] {
            assert_eq!(Amount::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_million_small_lines_add_up_exactly() {
        let line = amount("0.1");
        assert_eq!(std::iter::repeat_n(line, 1_000_000).sum::<Amount>(), amount("100000"));
    }

    #[test]
    fn parts_make_up_the_whole() {
        for (text, parts) in
            [("1", 3), ("-1", 3), ("0.000000000000000002", 24), ("-0.000000000000000005", 2), ("24", 24), ("7", 1)]
        {
            let whole = amount(text);
            assert_eq!((0..parts).map(|index| whole.part(index, parts)).sum::<Amount>(), whole, "{text} in {parts}");
        }
        assert_eq!(amount("-1").part(0, 3).to_string(), "-0.333333333333333334");
        assert_eq!(amount("-1").part(2, 3).to_string(), "-0.333333333333333333");
    }

    #[test]
    fn json_keeps_every_digit_of_any_sum() {
        let large = std::iter::repeat_n(amount("99999999999.999999999999999999"), 100).sum::<Amount>();
        for value in [large, -large, Amount::ZERO, amount("1E-18")] {
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), value, "{json}");
        }
    }
}
