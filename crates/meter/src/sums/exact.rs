//! Decimals without a bound: sums and products that lose nothing.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Mul, Sub};

use num_bigint::BigInt;

/// The digits behind the point that a usage record's quantity has.
const RECORDED: u32 = 6;

/// The least and the largest power of ten of a sample that is believed.
const EXPONENTS: std::ops::RangeInclusive<i32> = -60..=60;

/// The most digits that a sample is written with.
const MAX_LENGTH: usize = 400;

/// A decimal: `digits × 10^-scale`.
#[derive(Clone, Debug)]
pub struct Exact {
    digits: BigInt,
    scale: u32,
}

impl Exact {
    /// Nothing.
    pub fn zero() -> Self {
        Self { digits: BigInt::ZERO, scale: 0 }
    }

    /// A number as Prometheus and its kin write the value of a sample: `1`, `0.5`, `1.5e+06`. `None` for what is none: `NaN`, which
    /// says that a series ended, and `+Inf`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (sign, number) = match number.strip_prefix(['-', '+']) {
            Some(rest) => (&number[..1], rest),
            None => ("", number),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if !EXPONENTS.contains(&exponent) || digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut digits: BigInt = digits.parse().ok()?;
        if sign == "-" {
            digits = -digits;
        }
        let scale = i32::try_from(fraction.len()).ok()? - exponent;
        match u32::try_from(scale) {
            Ok(scale) => Some(Self { digits, scale }),
            Err(_) => Some(Self { digits: digits * BigInt::from(10).pow(scale.unsigned_abs()), scale: 0 }),
        }
    }

    /// So many thousandths of it: of milliseconds, what they are in seconds.
    pub fn thousandths(self) -> Self {
        Self { digits: self.digits, scale: self.scale + 3 }
    }

    /// As a record has it: with at most 6 digits behind the point, half rounded away from zero. `None` below zero.
    pub fn recorded(&self) -> Option<String> {
        self.recorded_per(&BigInt::from(1))
    }

    /// As [`Exact::recorded`], where so many of it are one of what is recorded.
    pub fn recorded_per(&self, per: &BigInt) -> Option<String> {
        if self.digits < BigInt::ZERO || *per <= BigInt::ZERO {
            return None;
        }
        let unit = BigInt::from(10).pow(RECORDED);
        let whole = per * BigInt::from(10).pow(self.scale);
        let millionths = (&self.digits * &unit + &whole / BigInt::from(2)) / &whole;
        let (whole, fraction) = (&millionths / &unit, (&millionths % &unit).to_string());
        if fraction == "0" {
            return Some(whole.to_string());
        }
        Some(format!("{whole}.{fraction:0>6}").trim_end_matches('0').to_owned())
    }

    /// Both with the digits behind the point of the finer one.
    fn aligned(&self, other: &Self) -> (BigInt, BigInt, u32) {
        let scale = self.scale.max(other.scale);
        let digits = |one: &Self| &one.digits * BigInt::from(10).pow(scale - one.scale);
        (digits(self), digits(other), scale)
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Exact {}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right, _) = self.aligned(other);
        left.cmp(&right)
    }
}

impl Add<&Exact> for Exact {
    type Output = Self;

    fn add(self, other: &Self) -> Self {
        let (left, right, scale) = self.aligned(other);
        Self { digits: left + right, scale }
    }
}

impl Sub<&Exact> for Exact {
    type Output = Self;

    fn sub(self, other: &Self) -> Self {
        let (left, right, scale) = self.aligned(other);
        Self { digits: left - right, scale }
    }
}

impl Mul<i64> for &Exact {
    type Output = Exact;

    fn mul(self, times: i64) -> Exact {
        Exact { digits: &self.digits * BigInt::from(times), scale: self.scale }
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}e-{}", self.digits, self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
    }

    #[test]
    fn samples_are_read_as_they_are_written() {
        for (text, recorded) in [
            ("0", "0"),
            ("12", "12"),
            ("+1.50", "1.5"),
            ("1.5e+06", "1500000"),
            ("1e-07", "0"),
            ("5e-07", "0.000001"),
            ("123456789.0000004", "123456789"),
            ("123456789.0000005", "123456789.000001"),
            (".5", "0.5"),
            ("1e60", &("1".to_owned() + &"0".repeat(60))),
        ] {
            assert_eq!(exact(text).recorded().as_deref(), Some(recorded), "{text}");
        }
        assert_eq!(exact("-1").recorded(), None);
    }

    #[test]
    fn so_many_are_one_and_it_is_rounded_once() {
        let hours = |text: &str| exact(text).recorded_per(&BigInt::from(3600)).unwrap();
        assert_eq!(
            (hours("3600"), hours("1"), hours("0.0018")),
            ("1".to_owned(), "0.000278".to_owned(), "0.000001".to_owned())
        );
        assert_eq!(hours("0.00179999"), "0", "half a millionth is rounded up, and less is not");
        assert_eq!(exact("1").recorded_per(&BigInt::ZERO), None);
        assert_eq!(exact("1").recorded_per(&BigInt::from(3)).unwrap(), "0.333333");
        assert_eq!(exact("2").recorded_per(&BigInt::from(3)).unwrap(), "0.666667");
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "NaN", "+Inf", "-Inf", "1e999", "1e-61", "0x10", "1_000", "--1", "1.2.3", "e5", "."] {
            assert_eq!(Exact::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sums_lose_nothing() {
        let sum = exact("1e20") + &exact("1e-20") - &exact("1e20");
        assert_eq!(sum, exact("1e-20"));
        assert_eq!(&exact("0.1") * 3, exact("0.3"));
        assert!(exact("0.3") < exact("0.30001") && exact("1") == exact("1.000"));
        assert_eq!((&exact("1.5") * 2000).thousandths(), exact("3"));
    }
}
