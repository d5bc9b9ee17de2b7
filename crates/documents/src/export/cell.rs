//! What stands in the tables of an export: cells, and the columns that they stand in.

use std::borrow::Cow;
use std::fmt;

use billing_domain::{Ratio, Timestamp};

/// A decimal number with up to 12 decimal places and 38 digits in all: what `DECIMAL(38,12)` holds. Never rounded unless
/// it is made of a [`Ratio`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Fixed(i128);

/// The first number of units that has more than 38 digits.
const LIMIT: i128 = 10_i128.pow(38);

impl Fixed {
    /// How many decimal places there are.
    pub const PLACES: u32 = 12;
    /// One.
    pub const ONE: Self = Self(10_i128.pow(Self::PLACES));

    /// Reads a number as documents write it: digits, perhaps with a sign and a fraction. `None` for any other text, and for
    /// numbers that do not fit without rounding.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let missing = Self::PLACES.checked_sub(u32::try_from(fraction.len()).ok()?)?;
        if whole.is_empty() || fraction.is_empty() {
            return None;
        }
        let read = match whole.len() + fraction.len() {
            // Fits into 64 bits, which is much quicker.
            ..=MOST_DIGITS => i128::from(digits_of::<u64>(whole, fraction)?),
            _ => digits_of::<i128>(whole, fraction)?,
        };
        let units = read.checked_mul(10_i128.pow(missing))?;
        Self::of_units(if digits.len() == text.len() { units } else { -units })
    }

    /// The product, to 12 decimal places, half away from zero.
    pub fn times(self, other: Self) -> Option<Self> {
        match self.0.checked_mul(other.0) {
            Some(product) => {
                let half = Self::ONE.0 / 2 * product.signum();
                Self::of_units(product.checked_add(half)? / Self::ONE.0)
            }
            None => Self::rounded(&self.ratio().times(other.ratio())),
        }
    }

    /// A number of units of 10^-12.
    pub fn of_units(units: i128) -> Option<Self> {
        (-LIMIT < units && units < LIMIT).then_some(Self(units))
    }

    /// An exact number to 12 decimal places, half away from zero.
    pub fn rounded(exact: &Ratio) -> Option<Self> {
        Self::of_units(exact.units(Self::PLACES)?)
    }

    /// In units of 10^-12.
    pub fn units(self) -> i128 {
        self.0
    }

    /// As a fraction, exactly.
    pub fn ratio(self) -> Ratio {
        Ratio::Small { numerator: self.0, denominator: Self::ONE.0 }
    }

    /// The same on the other side of zero.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(-self.0)
    }

    /// The sum, if it fits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::of_units(self.0.checked_add(other.0)?)
    }

    /// Written with at least so many decimal places (up to 12), and no zeros behind them.
    pub fn write(self, least: u8, out: &mut impl fmt::Write) -> fmt::Result {
        let (mut units, mut places) = (self.0.unsigned_abs(), Self::PLACES);
        while places > u32::from(least) && units.is_multiple_of(10) {
            units /= 10;
            places -= 1;
        }
        let scale = 10_u128.pow(places);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(out, "{sign}{}", units / scale)?;
        match places {
            0 => Ok(()),
            places => write!(out, ".{:0width$}", units % scale, width = places as usize),
        }
    }

    /// The same as a text.
    pub fn text(self, least: u8) -> String {
        let mut text = String::new();
        // A String takes everything.
        let _ = self.write(least, &mut text);
        text
    }
}

/// How many decimal places a number is written with.
pub fn decimal_places(number: &str) -> u8 {
    let places = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    u8::try_from(places).unwrap_or(u8::MAX)
}

/// How many digits fit into 64 bits, whatever they are.
const MOST_DIGITS: usize = 18;

/// What digits add up to in an integer.
trait Digits: Sized + Default {
    fn with(self, digit: u8) -> Option<Self>;
}

impl Digits for u64 {
    #[inline]
    fn with(self, digit: u8) -> Option<Self> {
        // Of no more than MOST_DIGITS this is never too much.
        Some(self * 10 + u64::from(digit))
    }
}

impl Digits for i128 {
    fn with(self, digit: u8) -> Option<Self> {
        self.checked_mul(10)?.checked_add(i128::from(digit))
    }
}

/// The digits of two texts after each other; `None` when there is something else among them.
#[inline]
fn digits_of<T: Digits>(whole: &str, fraction: &str) -> Option<T> {
    whole.bytes().chain(fraction.bytes()).try_fold(T::default(), |sum, digit| match digit {
        b'0'..=b'9' => sum.with(digit - b'0'),
        _ => None,
    })
}

/// One cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// A text.
    Text(Cow<'a, str>),
    /// A number, and with how many decimal places at least it is written where it is text.
    Number(Fixed, u8),
    /// An instant.
    Time(Timestamp),
    /// A count.
    Count(i64),
    /// A text that should have been a number, and is none.
    NoNumber(&'a str),
}

impl<'a> Cell<'a> {
    /// A text.
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// A text, or nothing.
    pub fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// A text that was made for the cell, or nothing.
    pub fn made(text: Option<String>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(Cow::Owned(text)))
    }

    /// A number of a document, with as many decimal places as it is written there.
    pub fn number(text: &'a str) -> Self {
        Fixed::parse(text).map_or(Self::NoNumber(text), |number| Self::Number(number, decimal_places(text)))
    }

    /// A number of a document, or nothing.
    pub fn maybe_number(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::number)
    }

    /// An instant, or nothing.
    pub fn time(instant: Option<Timestamp>) -> Self {
        instant.map_or(Self::Null, Self::Time)
    }
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Texts.
    Text,
    /// Decimal numbers.
    Number,
    /// Instants.
    Time,
    /// Counts.
    Count,
}

/// The head of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its cells hold.
    pub kind: Kind,
    /// Whether every cell holds something.
    pub required: bool,
    /// Whether hardly any two cells hold the same, so that it does not pay to look for that.
    pub unique: bool,
}

/// A column of tables whose rows are made of `R`.
pub struct Column<R> {
    /// Its head.
    pub field: Field,
    /// Its cell in a row.
    pub cell: fn(&R) -> Cell<'_>,
    /// Whether the cell is the same in all rows of a document.
    pub of_document: bool,
}

impl<R> Column<R> {
    /// A column in which cells may be empty.
    pub fn optional(name: &'static str, kind: Kind, cell: fn(&R) -> Cell<'_>) -> Self {
        Self { field: Field { name, kind, required: false, unique: false }, cell, of_document: false }
    }

    /// The same column, in which hardly any two cells are the same.
    #[must_use]
    pub fn unique(mut self) -> Self {
        self.field.unique = true;
        self
    }

    /// The same column, in which all rows of a document have the same cell: it is made once for those that are appended together.
    #[must_use]
    pub fn of_document(mut self) -> Self {
        self.of_document = true;
        self
    }

    /// A column in which no cell is empty.
    pub fn required(name: &'static str, kind: Kind, cell: fn(&R) -> Cell<'_>) -> Self {
        Self { field: Field { name, kind, required: true, unique: false }, cell, of_document: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_written_without_loss() {
        for (text, units, least, written) in [
            ("0", 0, 0, "0"),
            ("0", 0, 2, "0.00"),
            ("744", 744 * Fixed::ONE.0, 2, "744.00"),
            ("-12.00", -12 * Fixed::ONE.0, 0, "-12"),
            ("-0.83", -830_000_000_000, 2, "-0.83"),
            ("0.000000000001", 1, 2, "0.000000000001"),
            ("99999999999999999999999999.999999999999", LIMIT - 1, 0, "99999999999999999999999999.999999999999"),
        ] {
            let number = Fixed::parse(text).expect(text);
            assert_eq!((number.units(), number.text(least).as_str()), (units, written), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_number_is_refused() {
        for text in
            ["", "-", ".5", "5.", "1e3", "+1", "1,5", " 1", "--1", "0.0000000000001", "100000000000000000000000000"]
        {
            assert_eq!(Fixed::parse(text), None, "{text}");
            assert_eq!(Cell::number(text), Cell::NoNumber(text));
        }
    }

    #[test]
    fn a_product_is_rounded_half_away_from_zero_also_where_128_bits_overflow() {
        for (one, other, product) in [
            ("2.5", "-4", "-10"),
            ("0.000001", "0.0000005", "0.000000000001"),
            ("-0.000001", "0.0000005", "-0.000000000001"),
            ("0.000001", "0.0000004", "0"),
            ("123456789.123456789012", "987654.321", "121932631234567.900124487121"),
            ("99999999999999.5", "999999.25", "99999924999999500000.375"),
        ] {
            let [one, other] = [one, other].map(|text| Fixed::parse(text).expect(text));
            assert_eq!(one.times(other).expect("fits").text(0), product);
        }
        let large = Fixed::parse("99999999999999").expect("a number");
        assert_eq!(large.times(large), None);
    }

    #[test]
    fn a_fraction_is_rounded_half_away_from_zero() {
        for (numerator, written) in [(1, "0.000000000001"), (-1, "-0.000000000001"), (0, "0")] {
            let half = Ratio::Small { numerator, denominator: 2 * Fixed::ONE.0 };
            assert_eq!(Fixed::rounded(&half).expect("fits").text(0), written);
        }
        let third = Ratio::Small { numerator: 2, denominator: 3 };
        assert_eq!(Fixed::rounded(&third).expect("fits").text(0), "0.666666666667");
        assert_eq!(Fixed::rounded(&Ratio::from(LIMIT)), None);
    }
}
