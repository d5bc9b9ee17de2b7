//! Money, exact products and hours.

use super::world::*;
use crate::money::amount::{CurrencyError, round_half_away};
use crate::*;

#[test]
fn golden_12_amounts_are_rounded_half_away_from_zero() {
    let cases = [
        ("2.345", "USD", "2.35"),
        ("-2.345", "USD", "-2.35"),
        ("1.005", "USD", "1.01"),
        ("0.005", "USD", "0.01"),
        ("0.00499999", "USD", "0.00"),
        ("-0.004", "USD", "0.00"),
        ("0.5", "JPY", "1"),
        ("-2.5", "JPY", "-3"),
        ("0.83249999", "KWD", "0.832"),
    ];
    for (exact, code, rounded) in cases {
        let ratio = Ratio::from(decimal(exact));
        assert_eq!(round_half_away(&ratio, currency(code)).unwrap().to_string(), rounded, "{exact} {code}");
    }
}

#[test]
fn a_product_too_large_for_128_bits_stays_exact() {
    let many = decimal("9999999999999999.999999");
    let product = || Ratio::from(many).times(Ratio::from(many)).times(Ratio::from(decimal("0.00000001")));
    assert!(matches!(product(), Ratio::Large { .. }));
    assert_eq!(product().display(30), "999999999999999999999800.00000000000000000001");
    assert_eq!(round_half_away(&product(), currency("USD")), None);
    let tiny = product().times(Ratio::Small { numerator: 1, denominator: 10_i128.pow(22) });
    assert_eq!(round_half_away(&tiny, currency("USD")), Some(money("100.00", "USD")));
}

#[test]
fn money_is_read_and_written_with_exactly_its_digits() {
    for (text, code) in [("0.83", "USD"), ("-12.00", "EUR"), ("1250", "JPY"), ("0.001", "KWD"), ("0", "ISK")] {
        assert_eq!(Money::parse(text, currency(code)).unwrap().to_string(), text);
    }
    for text in ["", "1", "1.0", "1.000", ".50", "+1.00", "-0.00", "01.00", "1,00", "1e2", " 1.00", "--1.00", "1.-1"] {
        assert!(Money::parse(text, currency("USD")).is_err(), "{text:?}");
    }
    assert!(Money::parse("1.0", currency("JPY")).is_err());
    assert!(Money::parse("10000000000000.00", currency("USD")).is_err());
}

#[test]
fn sums_of_two_currencies_or_beyond_the_limit_are_none() {
    let largest = Money::new(Money::limit(currency("USD")), currency("USD")).unwrap();
    assert_eq!(largest, money("9999999999999.99", "USD"));
    assert_eq!(largest.checked_add(money("0.01", "USD")), None);
    assert_eq!(largest.checked_sub(largest), Some(money("0.00", "USD")));
    assert_eq!(money("1.00", "USD").checked_add(money("1.00", "EUR")), None);
}

#[test]
fn what_is_no_amount_says_why() {
    let words = |text: &str, code: &str| Money::parse_plain(text, currency(code)).unwrap_err().to_string();
    assert_eq!(words("0.5", "JPY"), "0.5 JPY: JPY has no decimals");
    assert_eq!(words("0.001", "EUR"), "0.001 EUR: EUR has 2 decimals");
    assert_eq!(words("5.", "EUR"), "\"5.\" is not an amount of EUR");
}

#[test]
fn withdrawn_currencies_and_what_is_no_money_are_refused() {
    for (code, successor) in [("BGN", "EUR"), ("CUC", "CUP"), ("HRK", "EUR"), ("SLL", "SLE"), ("ZWL", "ZWG")] {
        assert_eq!(code.parse::<Currency>(), Err(CurrencyError::Withdrawn(code.to_owned(), successor)));
    }
    for code in ["XAU", "XXX", "XTS", "XDR", "usd", "US", ""] {
        assert!(matches!(code.parse::<Currency>(), Err(CurrencyError::Unknown(_))), "{code}");
    }
    for code in ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW"] {
        assert_eq!(code.parse::<Currency>(), Err(CurrencyError::Fund(code.to_owned())));
    }
    for (code, digits) in [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("ISK", 0), ("XOF", 0), ("TND", 3)] {
        assert_eq!(currency(code).digits(), digits, "{code}");
    }
}

#[test]
fn exact_hours_are_microseconds() {
    let start = at("2020-11-01");
    let piece = Period::new(start, at("2020-11-01T00:20")).unwrap();
    let hours = HourRule::Exact.hours(start, piece).ratio();
    assert_eq!(hours.display(6), "0.333333");
    assert_eq!(hours.times(Ratio::from(decimal("3"))).display(6), "1");
}

#[test]
fn quantities_are_shown_with_six_digits_at_most() {
    for (exact, shown) in [("0.0000005", "0.000001"), ("0", "0"), ("1.50", "1.5"), ("-0.25", "-0.25"), ("100", "100")] {
        assert_eq!(Ratio::from(decimal(exact)).display(6), shown);
    }
}

#[test]
fn months_and_uids_are_read_in_one_form_only() {
    assert_eq!(month("2026-12").next(), month("2027-01"));
    assert_eq!(month("2026-01").prev(), month("2025-12"));
    assert_eq!(month("2027-02").months_since(month("2026-11")), 3);
    assert_eq!(Month::of(at("2026-11-30T23:59:59.999999")), month("2026-11"));
    assert_eq!(month("2026-11").through(month("2027-01")).count(), 3);
    assert_eq!(month("2026-11").through(month("2026-10")).count(), 0);
    for text in ["2026-13", "2026-00", "26-11", "2026-1", "2026/11", "2026-11-01", "+026-11", "2026-１"] {
        assert!(text.parse::<Month>().is_err(), "{text}");
    }
    let text = "f3397abc-0000-4000-8000-00000000000f";
    assert_eq!(text.parse::<Uid>().unwrap().to_string(), text);
    for text in ["", "f3397abc", "f3397abc00004000800000000000000f", "f3397abc-0000-4000-8000-00000000000g"] {
        assert!(text.parse::<Uid>().is_err(), "{text}");
    }
}

#[test]
fn what_is_taken_from_a_period_may_overlap_and_come_in_any_order() {
    let whole = period("2026-11-01", "2026-11-10");
    let taken =
        [period("2026-11-05", "2026-11-07"), period("2026-10-01", "2026-11-02"), period("2026-11-06", "2026-11-08")];
    assert_eq!(whole.subtract(&taken), [period("2026-11-02", "2026-11-05"), period("2026-11-08", "2026-11-10")]);
    assert_eq!(whole.subtract(&[whole]), []);
    assert_eq!(whole.subtract(&[]), [whole]);
    assert_eq!(Period::new(at("2026-11-02"), at("2026-11-01")), None);
}

#[test]
fn a_stored_currency_has_the_digits_of_its_amount_and_may_be_withdrawn() {
    let stored =
        |code, amount| Currency::of_amount(code, amount).map(|currency| (currency.to_string(), currency.digits()));
    assert_eq!(stored("EUR", "3.00"), Ok(("EUR".to_owned(), 2)));
    assert_eq!(Currency::of_amount("EUR", "3.00").unwrap(), currency("EUR"), "the same as one that is in use");
    assert_eq!(stored("HRK", "-1.50"), Ok(("HRK".to_owned(), 2)), "the kuna ended with 2022");
    assert_eq!(stored("QQQ", "7"), Ok(("QQQ".to_owned(), 0)), "nobody has heard of it yet");
    assert!("HRK".parse::<Currency>().is_err(), "nothing new is billed in it");
    for (code, amount) in [("eur", "1.00"), ("EURO", "1.00"), ("E1R", "1.00"), ("", ""), ("EUR", "1.00000")] {
        assert!(stored(code, amount).is_err(), "{code} {amount}");
    }
}
