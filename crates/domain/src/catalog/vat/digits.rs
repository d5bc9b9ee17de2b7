//! What check digits are made of.

use chrono::NaiveDate;

/// The digits of a text; other characters are left out.
pub(super) fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|character| character.to_digit(10)).collect()
}

/// The digits as one number.
pub(super) fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit))
}

/// The sum of the digits, each times its weight.
pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The sum of Luhn: from the right, every second digit counts twice, less 9 where that has two digits. A number whose
/// last digit is its check has a multiple of ten.
pub(super) fn luhn(digits: &[u32]) -> u32 {
    let twice = |digit: u32| digit * 2 - if digit > 4 { 9 } else { 0 };
    digits.iter().rev().enumerate().map(|(at, digit)| if at % 2 == 1 { twice(*digit) } else { *digit }).sum()
}

/// Whether the last digit is the check of ISO 7064, MOD 11,10.
pub(super) fn iso_7064_mod_11_10(digits: &[u32]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (product + check) % 10 == 1
}

/// What is left of the text, letters as two digits (A is 10), divided by 97; `None` for other characters.
pub(super) fn modulo_97(text: &str) -> Option<u32> {
    text.chars().try_fold(0, |rest, character| {
        let value = character.to_digit(36)?;
        Some((rest * if value > 9 { 100 } else { 10 } + value) % 97)
    })
}

/// Whether there is such a day.
pub(super) fn is_day(year: u32, month: u32, day: u32) -> bool {
    i32::try_from(year).is_ok_and(|year| NaiveDate::from_ymd_opt(year, month, day).is_some())
}
