//! The notations of objects as decimals with at most 6 digits behind the point: what a usage record has.
//!
//! Exact: a ratio of integers, and one rounding at the end, half away from zero.

/// A decimal has so many digits behind the point, as a power of ten.
const SCALE: i128 = 1_000_000;

/// A usage record's quantity is below this: 15 digits before the point.
const LIMIT: i128 = 1_000_000_000_000_000 * SCALE;

/// A notation is no longer than this: what is longer is none.
const MAX_LENGTH: usize = 32;

/// The suffixes of Kubernetes' quantities, as ratios.
const SUFFIXES: [(&str, i128, i128); 17] = [
    ("", 1, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1000),
    ("k", 1000, 1),
    ("K", 1000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("E", 1_000_000_000_000_000_000, 1),
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("Pi", 1 << 50, 1),
    ("Ei", 1 << 60, 1),
];

/// The units of durations, in nanoseconds.
const UNITS: [(&str, i128); 7] = [
    ("ns", 1),
    ("us", 1000),
    ("µs", 1000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A decimal as an expression gives it: not negative, with at most 6 digits behind the point. Zero is `None`.
///
/// # Errors
/// It is none.
pub fn decimal(text: &str) -> Result<Option<String>, String> {
    let (value, digits) = digits(text).ok_or_else(|| format!("{text:?} is not a decimal"))?;
    if digits > 6 {
        return Err(format!("{text} has more than 6 decimals"));
    }
    let scaled = 10_i128.pow(6 - digits).checked_mul(value).ok_or_else(|| too_large(text))?;
    Ok(Some(written(scaled, 1, text)?).filter(|_| scaled > 0))
}

/// A quantity of bytes ("10Gi", "500M") in GiB.
pub(super) fn gib(text: &str) -> Result<String, String> {
    quantity(text, 1 << 30)
}

/// A quantity ("250m", "5k") as a plain number.
pub(super) fn plain(text: &str) -> Result<String, String> {
    quantity(text, 1)
}

/// A duration ("1h30m", "0.5s", "90") in seconds.
pub(super) fn seconds(text: &str) -> Result<String, String> {
    let no_duration = || format!("{text:?} is not a duration like '1h30m'");
    if let Some((value, digits)) = digits(text) {
        return written(value.checked_mul(SCALE).ok_or_else(|| too_large(text))?, power(digits), text);
    }
    let (mut rest, mut nanoseconds) = (text, 0_i128);
    while !rest.is_empty() {
        let end =
            rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0).ok_or_else(no_duration)?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let (value, digits) = digits(number).ok_or_else(no_duration)?;
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(no_duration)?;
        let part = value.checked_mul(*length).ok_or_else(|| too_large(text))?;
        let scale = power(digits);
        if part % scale != 0 {
            return Err(format!("{text} is finer than a nanosecond"));
        }
        nanoseconds = nanoseconds.checked_add(part / scale).ok_or_else(|| too_large(text))?;
        rest = after;
    }
    if text.is_empty() {
        return Err(no_duration());
    }
    written(nanoseconds, 1000, text)
}

/// A quantity of Kubernetes in units of so much.
fn quantity(text: &str, unit: i128) -> Result<String, String> {
    let no_quantity = || format!("{text:?} is not a quantity like '10Gi' or '250m'");
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '+').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (value, digits) = digits(number.strip_prefix('+').unwrap_or(number)).ok_or_else(no_quantity)?;
    let (mut up, mut down) = ratio(suffix).ok_or_else(no_quantity)?;
    // Powers of two and ten have most of what is above and below the line in common.
    down *= unit;
    let common = gcd(up, down);
    (up, down) = (up / common, down / common);
    let scaled = value.checked_mul(up).and_then(|value| value.checked_mul(SCALE)).ok_or_else(|| too_large(text))?;
    written(scaled, down.checked_mul(power(digits)).ok_or_else(|| too_large(text))?, text)
}

/// What a suffix multiplies by: of Kubernetes' list, or a power of ten.
fn ratio(suffix: &str) -> Option<(i128, i128)> {
    if let Some((_, up, down)) = SUFFIXES.iter().find(|(name, _, _)| *name == suffix) {
        return Some((*up, *down));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let power = 10_i128.pow(exponent.unsigned_abs().min(18));
    match exponent {
        -18..0 => Some((1, power)),
        0..=18 => Some((power, 1)),
        _ => None,
    }
}

/// `value / down` of millionths, rounded and written with no more digits than it takes.
fn written(value: i128, down: i128, text: &str) -> Result<String, String> {
    let rounded = (value + down / 2) / down;
    if rounded >= LIMIT {
        return Err(too_large(text));
    }
    let (whole, fraction) = (rounded / SCALE, rounded % SCALE);
    if fraction == 0 {
        return Ok(whole.to_string());
    }
    Ok(format!("{whole}.{fraction:06}").trim_end_matches('0').to_owned())
}

/// A number without a sign, as its digits and how many of them are behind the point.
fn digits(text: &str) -> Option<(i128, u32)> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((all.parse().ok()?, u32::try_from(fraction.len()).ok()?))
}

/// A power of ten; a notation has no more than [`MAX_LENGTH`] digits.
fn power(digits: u32) -> i128 {
    10_i128.pow(digits)
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn too_large(text: &str) -> String {
    format!("{text} is too large: a quantity has at most 15 digits before the point")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What each text is; what is none, in words of the refusal.
    #[track_caller]
    fn check(read: fn(&str) -> Result<String, String>, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            match read(text) {
                Ok(found) => assert_eq!(found, *expected, "{text}"),
                Err(why) => assert!(why.contains(expected), "{text}: {why}"),
            }
        }
    }

    #[test]
    fn bytes_are_gib() {
        check(
            gib,
            &[
                ("10Gi", "10"),
                ("1Ti", "1024"),
                ("512Mi", "0.5"),
                ("1G", "0.931323"),
                ("1.5Gi", "1.5"),
                ("107374182400", "100"),
                ("1e9", "0.931323"),
                ("0", "0"),
                ("500m", "0"),
                ("8Ei", "8589934592"),
                ("10GiB", "is not a quantity"),
                ("-1Gi", "is not a quantity"),
                ("", "is not a quantity"),
                ("1e40", "is not a quantity"),
                ("999999999999999999999Ei", "too large"),
            ],
        );
    }

    #[test]
    fn plain_numbers_are_exact() {
        check(
            plain,
            &[
                ("250m", "0.25"),
                ("2", "2"),
                ("0.1", "0.1"),
                ("5k", "5000"),
                ("1500u", "0.0015"),
                ("100n", "0"),
                ("500n", "0.000001"),
                ("1E", "too large"),
                ("1M", "1000000"),
                (".5", "0.5"),
                ("1.", "1"),
                ("1e-3", "0.001"),
                ("1,5", "is not a quantity"),
                ("0x10", "is not a quantity"),
            ],
        );
    }

    #[test]
    fn durations_are_seconds() {
        check(
            seconds,
            &[
                ("1h30m", "5400"),
                ("90", "90"),
                ("1.5", "1.5"),
                ("0.5s", "0.5"),
                ("250ms", "0.25"),
                ("1500us", "0.0015"),
                ("1h0m0.25s", "3600.25"),
                ("", "is not a duration"),
                ("1d", "is not a duration"),
                ("h", "is not a duration"),
                ("-1s", "is not a duration"),
                ("0.0000000001s", "finer than a nanosecond"),
            ],
        );
    }

    #[test]
    fn what_an_expression_gives_is_a_decimal_or_nothing() {
        let check = |text: &str, expected: Result<Option<&str>, &str>| match (decimal(text), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), expected, "{text}"),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{text}: {why}"),
            (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
        };
        check("1", Ok(Some("1")));
        check("0.500", Ok(Some("0.5")));
        check("007", Ok(Some("7")));
        check("0", Ok(None));
        check("0.000000", Ok(None));
        check("-1", Err("not a decimal"));
        check("1e3", Err("not a decimal"));
        check("NaN", Err("not a decimal"));
        check("0.0000001", Err("more than 6 decimals"));
        check("999999999999999.999999", Ok(Some("999999999999999.999999")));
        check("1000000000000000", Err("too large"));
    }

    proptest! {
        #[test]
        fn millionths_come_back_as_they_went(millionths in 1..LIMIT) {
            let text = written(millionths, 1, "").unwrap();
            prop_assert_eq!(decimal(&text), Ok(Some(text.clone())));
            prop_assert_eq!(plain(&text), Ok(text));
        }

        #[test]
        fn whole_gib_are_whole(count in 0_u32..=u32::MAX) {
            prop_assert_eq!(gib(&format!("{count}Gi")), Ok(count.to_string()));
            prop_assert_eq!(gib(&(u64::from(count) << 30).to_string()), Ok(count.to_string()));
        }

        #[test]
        fn no_text_panics(text in "[0-9.eEKMGTPinumkhs+-]{0,40}|\\PC{0,40}") {
            let _ = (gib(&text), plain(&text), seconds(&text), decimal(&text));
        }
    }
}
