//! Exact products: hours × quantity × price × discounts is rounded once, at the end, or not at all.

use num_bigint::BigInt;
use rust_decimal::Decimal;

/// An exact rational number. 128 bits hold nearly every product; the rest goes to big integers, so that
/// nothing is ever lost.
///
/// The denominator is positive. The fraction is not reduced, so two equal numbers may be written in two
/// ways: a `Ratio` is rounded, not compared.
#[derive(Debug, Clone)]
pub enum Ratio {
    /// Fits into 128 bits.
    Small {
        /// Above the line.
        numerator: i128,
        /// Below the line; positive.
        denominator: i128,
    },
    /// Does not.
    Large {
        /// Above the line.
        numerator: BigInt,
        /// Below the line; positive.
        denominator: BigInt,
    },
}

impl Ratio {
    /// The product with another ratio.
    #[must_use]
    #[inline]
    pub fn times(self, other: Ratio) -> Ratio {
        if let (Ratio::Small { numerator: a, denominator: b }, Ratio::Small { numerator: c, denominator: d }) =
            (&self, &other)
            && let (Some(numerator), Some(denominator)) = (a.checked_mul(*c), b.checked_mul(*d))
        {
            return Ratio::Small { numerator, denominator };
        }
        let (a, b) = self.into_large();
        let (c, d) = other.into_large();
        Ratio::Large { numerator: a * c, denominator: b * d }
    }

    /// The number, or another that is smaller.
    #[must_use]
    pub fn at_most(self, most: &Ratio) -> Ratio {
        let (a, b) = self.clone().into_large();
        let (c, d) = most.clone().into_large();
        if a * d <= c * b { self } else { most.clone() }
    }

    /// The quotient by a decimal above zero; `None` for any other.
    pub fn divided_by(self, divisor: Decimal) -> Option<Ratio> {
        let above_zero = !divisor.is_zero() && divisor.is_sign_positive();
        let inverse = Ratio::Small { numerator: 10_i128.pow(divisor.scale()), denominator: divisor.mantissa() };
        above_zero.then(|| self.times(inverse))
    }

    /// To `digits` decimal places, half away from zero, without trailing zeros. For display only:
    /// money is rounded by [`round_half_away`](super::amount::round_half_away).
    pub fn display(&self, digits: u32) -> String {
        let (numerator, denominator) = self.clone().into_large();
        let scaled = round_large(&(numerator * BigInt::from(10).pow(digits)), &denominator);
        let text = scaled.magnitude().to_string();
        let padded = format!("{text:0>width$}", width = digits as usize + 1);
        let (whole, fraction) = padded.split_at(padded.len() - digits as usize);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        let sign = if scaled < BigInt::from(0) { "-" } else { "" };
        format!("{sign}{whole}{point}{fraction}")
    }

    /// The number as a reader can check it: all of its decimal places where it has at most `most` of them, else so many
    /// and an ellipsis.
    pub fn written_out(&self, most: u32) -> String {
        let (numerator, denominator) = self.clone().into_large();
        let scaled = &numerator * BigInt::from(10).pow(most);
        if &scaled % &denominator == BigInt::from(0) {
            return self.display(most);
        }
        let down = Ratio::Large { numerator: scaled / denominator, denominator: BigInt::from(10).pow(most) };
        format!("{}…", down.display(most))
    }

    /// The number in units of 10^-`digits`, half away from zero; `None` beyond 128 bits.
    pub fn units(&self, digits: u32) -> Option<i128> {
        let scale = 10_i128.checked_pow(digits)?;
        match self {
            Ratio::Small { numerator, denominator } => match numerator.checked_mul(scale) {
                Some(numerator) => round_small(numerator, *denominator),
                None => round_large(&(BigInt::from(*numerator) * scale), &BigInt::from(*denominator)).try_into().ok(),
            },
            Ratio::Large { numerator, denominator } => round_large(&(numerator * scale), denominator).try_into().ok(),
        }
    }

    fn into_large(self) -> (BigInt, BigInt) {
        match self {
            Ratio::Small { numerator, denominator } => (numerator.into(), denominator.into()),
            Ratio::Large { numerator, denominator } => (numerator, denominator),
        }
    }
}

impl From<i128> for Ratio {
    fn from(integer: i128) -> Self {
        Ratio::Small { numerator: integer, denominator: 1 }
    }
}

impl From<Decimal> for Ratio {
    fn from(decimal: Decimal) -> Self {
        // A Decimal has at most 28 decimal places, and 10^28 fits.
        Ratio::Small { numerator: decimal.mantissa(), denominator: 10_i128.pow(decimal.scale()) }
    }
}

/// `numerator / denominator` (positive) to a whole number, half away from zero.
fn round_small(numerator: i128, denominator: i128) -> Option<i128> {
    let whole = numerator / denominator;
    let rest = numerator - whole * denominator;
    // |rest| < denominator, so this cannot overflow where doubling the rest could.
    let up = rest.unsigned_abs() >= denominator.unsigned_abs() - rest.unsigned_abs();
    whole.checked_add(if up { numerator.signum() } else { 0 })
}

/// The same for numbers of any size.
fn round_large(numerator: &BigInt, denominator: &BigInt) -> BigInt {
    let zero = BigInt::from(0);
    let doubled: BigInt = numerator * 2;
    let half = if numerator < &zero { -denominator } else { denominator.clone() };
    (doubled + half) / (denominator * 2)
}
