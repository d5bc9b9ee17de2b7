//! Countries whose ids take more than one sum: several kinds of holders, letters, dates of birth.

use super::digits::{digits, is_day, luhn, number, weighted};

/// Companies have 9 digits; 10 are those of a citizen, a foreigner, or another.
pub(super) fn bulgaria(rest: &str) -> bool {
    let digits = digits(rest);
    match digits.len() {
        9 => bulgarian_company(&digits),
        _ => bulgarian_citizen(&digits) || bulgarian_foreigner(&digits) || bulgarian_other(&digits),
    }
}

fn bulgarian_company(digits: &[u32]) -> bool {
    let first = weighted(digits, &[1, 2, 3, 4, 5, 6, 7, 8]) % 11;
    let check = if first == 10 { weighted(digits, &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 } else { first };
    check % 10 == digits[8]
}

/// The month tells the century: 21 to 32 the 19th, 41 to 52 the 21st.
fn bulgarian_citizen(digits: &[u32]) -> bool {
    let [year, month, day] = pairs(digits);
    let born = match month {
        41.. => is_day(2000 + year, month - 40, day),
        21.. => is_day(1800 + year, month - 20, day),
        _ => is_day(1900 + year, month, day),
    };
    born && weighted(digits, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == digits[9]
}

fn bulgarian_foreigner(digits: &[u32]) -> bool {
    weighted(digits, &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10 == digits[9]
}

fn bulgarian_other(digits: &[u32]) -> bool {
    (11 - weighted(digits, &[4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11 == digits[9]
}

/// Year, month and day of a number that begins with the three.
fn pairs(digits: &[u32]) -> [u32; 3] {
    [0, 2, 4].map(|at| digits[at] * 10 + digits[at + 1])
}

/// The digits in odd places count as others; the sum is a letter.
pub(super) fn cyprus(rest: &str) -> bool {
    const ODD: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let digits = digits(rest);
    let value = |(at, digit): (usize, &u32)| if at % 2 == 0 { ODD[*digit as usize] } else { *digit };
    let sum: u32 = digits.iter().enumerate().map(value).sum();
    let letter = rest.chars().last().and_then(|letter| letter.to_digit(36));
    !rest.starts_with("12") && letter == Some(sum % 26 + 10)
}

/// Companies have 8 digits; persons the 9 or 10 of their birth number, or 9 that begin with 6.
pub(super) fn czechia(rest: &str) -> bool {
    let digits = digits(rest);
    match digits.len() {
        8 => digits[0] != 9 && czech_company(&digits),
        9 if digits[0] == 6 => czech_special(&digits[1..]),
        _ => is_birth_number(&digits),
    }
}

fn czech_company(digits: &[u32]) -> bool {
    let rest = (11 - weighted(digits, &[8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    let check = if rest == 0 { 1 } else { rest % 10 };
    check == digits[7]
}

fn czech_special(digits: &[u32]) -> bool {
    (weighted(digits, &[8, 7, 6, 5, 4, 3, 2]) % 11 + 8) % 10 == digits[7]
}

/// The birth number of Czechia and Slovakia: a day, its month plus 50 for women (and 20 more when a day's numbers have
/// run out), and since 1954 a check digit.
fn is_birth_number(digits: &[u32]) -> bool {
    let [year, month, day] = pairs(digits);
    let year = match digits.len() {
        9 if year < 54 => 1900 + year,
        9 if year >= 80 => 1800 + year,
        9 => return false,
        _ if year < 54 => 2000 + year,
        _ => 1900 + year,
    };
    let check = number(&digits[..9]) % 11 % 10;
    is_day(year, month % 50 % 20, day) && (digits.len() == 9 || check == u64::from(digits[9]))
}

/// Companies' numbers are multiples of 11; persons have their birth number.
pub(super) fn slovakia(rest: &str) -> bool {
    let digits = digits(rest);
    let company = digits[0] != 0 && matches!(digits[2], 2..=4 | 7..=9) && number(&digits).is_multiple_of(11);
    company || is_birth_number(&digits)
}

/// Two check characters, then the company's register number, which has a check digit of its own; Monaco's begins with
/// 000 and has none.
pub(super) fn france(rest: &str) -> bool {
    const VALUES: &str = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let (check, register) = rest.split_at(2);
    let register = digits(register);
    let registered = register.starts_with(&[0, 0, 0]) || luhn(&register).is_multiple_of(10);
    let values: Vec<u64> = check.chars().filter_map(|one| VALUES.find(one)).map(|at| at as u64).collect();
    let [first, second] = values[..] else { return false };
    let company = number(&register);
    let checked = match (first, second) {
        (0..=9, 0..=9) => (company * 100 + 12) % 97 == first * 10 + second,
        (0..=9, _) => is_french_letter_key(first * 24 + second - 10, company),
        _ => is_french_letter_key(first * 34 + second - 100, company),
    };
    registered && checked
}

fn is_french_letter_key(key: u64, company: u64) -> bool {
    (company + 1 + key / 11) % 11 == key % 11
}

/// Companies', branches' (three digits more), government departments' below 500, health authorities' from 500 on.
pub(super) fn great_britain(rest: &str) -> bool {
    let digits = digits(rest);
    if digits.len() == 3 {
        return rest.starts_with("GD") == (number(&digits) < 500);
    }
    let sum = weighted(&digits, &[8, 7, 6, 5, 4, 3, 2, 10, 1]) % 97;
    sum == 0 || (number(&digits[..3]) >= 100 && (sum == 42 || sum == 55))
}

/// Seven digits and their letter, today with a second one behind it; in old ones the second character is none of the seven
/// digits.
pub(super) fn ireland(rest: &str) -> bool {
    const LETTERS: &str = "WABCDEFGHIJKLMNOPQRSTUV";
    let old = !rest[1..2].starts_with(|character: char| character.is_ascii_digit());
    let seven = if old { format!("0{}{}", &rest[2..7], &rest[..1]) } else { rest[..7].to_owned() };
    let value = |text: &str| LETTERS.find(text).map(|at| at as u32);
    let second = if rest.len() > 8 { value(&rest[8..]) } else { Some(0) };
    let sum = second.map(|second| weighted(&digits(&seven), &[8, 7, 6, 5, 4, 3, 2]) + 9 * second);
    sum.is_some_and(|sum| value(&rest[7..8]) == Some(sum % 23))
}

/// Companies have 9 digits, the temporarily registered 12; the last but one is 1.
pub(super) fn lithuania(rest: &str) -> bool {
    let digits = digits(rest);
    let (body, check) = digits.split_at(digits.len() - 1);
    let sum = |first: usize| -> u32 {
        body.iter().enumerate().map(|(at, digit)| digit * ((at + first) % 9 + 1) as u32).sum::<u32>() % 11
    };
    let rest = if sum(0) == 10 { sum(2) } else { sum(0) };
    body.last() == Some(&1) && rest % 10 == check[0]
}

/// Companies' begin with 4 or more; others are personal codes: a day and the century, or, since 2017, 32 and no day.
pub(super) fn latvia(rest: &str) -> bool {
    let digits = digits(rest);
    if digits[0] > 3 {
        return weighted(&digits, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3;
    }
    let [day, month, year] = pairs(&digits);
    let born = rest.starts_with("32") || is_day(1800 + 100 * digits[6] + year, month, day);
    let check = (1 + weighted(&digits, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11 % 10;
    born && check == digits[10]
}

/// A citizen's (a digit first), a foreigner's (X, Y or Z) and others' without a number (K, L or M) have a letter at the end;
/// companies' have a digit or the letter for it: the sources disagree on which kind has which.
pub(super) fn spain(rest: &str) -> bool {
    let (kind, number) = (&rest[..1], digits(&rest[1..8]));
    let check = &rest[8..];
    match kind {
        "K" | "L" | "M" => check == spanish_letter(&number),
        "X" | "Y" | "Z" => {
            let first = u32::from(kind.as_bytes()[0] - b'X');
            check == spanish_letter(&[&[first], &number[..]].concat())
        }
        digit if digit.starts_with(|first: char| first.is_ascii_digit()) => {
            check == spanish_letter(&digits(&rest[..8]))
        }
        _ => "ABCDEFGHJNPQRSUVW".contains(kind) && is_spanish_company(&number, check),
    }
}

fn spanish_letter(digits: &[u32]) -> &'static str {
    let at = (number(digits) % 23) as usize;
    &"TRWAGMYFPDXBNJZSQVHLCKE"[at..=at]
}

fn is_spanish_company(number: &[u32], check: &str) -> bool {
    let digit = (10 - luhn(&[number, &[0]].concat()) % 10) % 10;
    check == digit.to_string() || "JABCDEFGHI".find(check) == Some(digit as usize)
}
