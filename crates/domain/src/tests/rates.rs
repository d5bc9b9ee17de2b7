//! Prices in one currency, paid in another.

use std::sync::Arc;

use super::world::*;
use crate::*;

/// Quotes of the days around the end of November 2020, a Saturday and a Sunday among them.
fn quoted() -> Rates {
    rates(
        "ecb",
        &[
            ("2020-11-26", "USD", "1.1900"),
            ("2020-11-26", "JPY", "124.10"),
            ("2020-11-26", "KWD", "0.36405"),
            ("2020-11-27", "USD", "1.1922"),
            ("2020-11-27", "JPY", "123.99"),
            ("2020-11-30", "USD", "1.1980"),
            ("2020-12-02", "JPY", "126.01"),
            ("2020-12-31", "USD", "1.2271"),
            ("2021-01-04", "USD", "1.2296"),
        ],
    )
}

/// One group that pays in a currency for a database that runs in November, priced in USD.
fn world(code: &str) -> World {
    let mut world = World::new([Group { currency: Some(currency(code)), ..group("g") }])
        .project("p", &[segment("2020-01-01", "g")])
        .usage(usage("db", "p", "2020-11-01", "2020-12-01"));
    world.rates = quoted();
    world
}

fn of(from: &str, to: &str, on: &str) -> Result<String, MissingRate> {
    let rate = quoted().conversion(currency(from), currency(to), day(on))?.rate;
    Ok(format!("{} of {}", rate.digits(), rate.quote_date))
}

#[test]
fn the_last_day_on_which_both_were_quoted_counts() {
    assert_eq!(of("EUR", "USD", "2020-12-01").unwrap(), "1.198 of 2020-11-30");
    assert_eq!(of("EUR", "USD", "2020-11-29").unwrap(), "1.1922 of 2020-11-27");
    assert_eq!(of("USD", "EUR", "2020-11-26").unwrap(), "0.840336134453782 of 2020-11-26");
    assert_eq!(of("USD", "JPY", "2020-12-02").unwrap(), "104.001006542526422 of 2020-11-27");
    assert_eq!(of("USD", "KWD", "2020-12-06").unwrap(), "0.305924369747899 of 2020-11-26");
}

#[test]
fn a_rate_counts_for_ten_days_and_over_the_turn_of_the_year() {
    assert_eq!(of("EUR", "KWD", "2020-12-06").unwrap(), "0.36405 of 2020-11-26");
    let (to, source, date) = (currency("KWD"), name("ecb"), day("2020-12-07"));
    assert_eq!(of("EUR", "KWD", "2020-12-07"), Err(MissingRate::NoQuote { to, source, date }));
    assert_eq!(of("USD", "EUR", "2021-01-01").unwrap(), of("USD", "EUR", "2020-12-31").unwrap());
    assert_eq!(of("EUR", "USD", "2021-01-04").unwrap(), "1.2296 of 2021-01-04");
}

#[test]
fn a_year_that_cannot_be_read_may_hold_a_later_quote() {
    let mut rates = quoted();
    rates.put(2021, Err("quotes[3] cannot be read".to_owned()));
    let on = |on: &str| rates.conversion(currency("USD"), currency("EUR"), day(on));
    assert!(on("2020-12-31").is_ok());
    let message = on("2021-01-01").unwrap_err().to_string();
    assert!(message.contains("ExchangeRates ecb-2021 cannot be read: quotes[3]"), "{message}");
    let mut world = world("EUR").usage(usage("later", "p", "2020-12-20", "2020-12-21"));
    world.rates = rates;
    assert_eq!(problems(&world.bill("g", "2020-12").problems), ["later RateMissing"]);
}

/// 720 h at 0.026 USD are 18.72 USD, by the quotes of 30 and 27 November, and of the 26th.
#[test]
fn amounts_have_the_digits_of_the_currency_that_is_paid_in() {
    // 18.72 / 1.1980 = 15.6260
    assert_eq!(lines(&world("EUR").bill("g", "2020-11")), ["db 11-01..12-01 720 15.63"]);
    // 18.72 × 123.99 / 1.1922 = 1946.8988
    assert_eq!(lines(&world("JPY").bill("g", "2020-11")), ["db 11-01..12-01 720 1947"]);
    // 18.72 × 0.36405 / 1.1900 = 5.72690
    assert_eq!(lines(&world("KWD").bill("g", "2020-11")), ["db 11-01..12-01 720 5.727"]);
    assert_eq!(lines(&world("USD").bill("g", "2020-11")), ["db 11-01..12-01 720 18.72"]);
}

/// What a single unit at a price in USD costs in a currency, and in USD.
fn converted(unit_price: &str, code: &str, quotes: &[(&str, &str)]) -> (String, String) {
    let mut world = world(code);
    world.prices = price_list(vec![by_unit("PostgreSQL", unit_price)]);
    let quotes: Vec<_> = quotes.iter().map(|(code, rate)| ("2020-11-30", *code, *rate)).collect();
    world.rates = rates("ecb", &quotes);
    let bill = world.bill("g", "2020-11");
    (bill.subtotal.to_string(), bill.converted.unwrap().price_subtotal.to_string())
}

/// Golden 12: half away from zero, after the conversion and never before.
#[test]
fn an_amount_is_rounded_once_after_it_is_converted() {
    let check = |price, code, quotes: &[_], paid: &str, priced: &str| {
        assert_eq!(converted(price, code, quotes), (paid.to_owned(), priced.to_owned()), "{price} USD in {code}");
    };
    // 0.005 USD are half a yen at 100, and less than half at 99.999; a cent would be a whole one.
    check("0.005", "JPY", &[("USD", "1"), ("JPY", "100")], "1", "0.01");
    check("0.005", "JPY", &[("USD", "1"), ("JPY", "99.999")], "0", "0.01");
    check("0.005", "KWD", &[("USD", "1"), ("KWD", "0.1")], "0.001", "0.01");
    check("0.005", "EUR", &[("USD", "1")], "0.01", "0.01");
    check("2.345", "EUR", &[("USD", "1")], "2.35", "2.35");
    check("1.005", "EUR", &[("USD", "1")], "1.01", "1.01");
    // Thirds and sevenths, which no number of digits holds, are exact on the way through the base.
    check("3", "EUR", &[("USD", "7")], "0.43", "3.00");
    check("2.345", "KWD", &[("USD", "3"), ("KWD", "3")], "2.345", "2.35");
    check("0.105", "EUR", &[("USD", "21")], "0.01", "0.11");
    check("0.10499999", "EUR", &[("USD", "21")], "0.00", "0.10");
}

#[test]
fn discounts_apply_to_the_exact_amount_and_to_both_currencies() {
    let mut world = world("EUR");
    let percent = |text: &str| text.parse::<Percent>().unwrap();
    let discount = Discount { name: name("Partner"), percent: percent("10"), validity: Validity::default() };
    let terms = Ok(Terms { discounts: vec![discount], ..Terms::default() });
    world.organization.put_group(Group { currency: Some(currency("EUR")), terms, ..group("g") });
    let bill = world.bill("g", "2020-11");
    // 18.72 / 1.198 = 15.6260…; 90 % of it is 14.0634; 90 % of 18.72 USD is 16.848.
    let line = &bill.lines[0];
    assert_eq!((line.pre_discount, line.total), (money("15.63", "EUR"), money("14.06", "EUR")));
    assert_eq!(line.price_total, Some(money("16.85", "USD")));
    assert_eq!(bill.subtotal, money("14.06", "EUR"));
}

#[test]
fn the_bill_says_how_it_was_converted() {
    let bill = world("JPY").bill("g", "2020-11");
    let Converted { conversion, price_subtotal } = bill.converted.unwrap();
    assert_eq!(price_subtotal, money("18.72", "USD"));
    assert_eq!((conversion.rate_date, conversion.rate.quote_date), (day("2020-12-01"), day("2020-11-27")));
    assert_eq!((conversion.rate.from, conversion.rate.to), (quote("USD", "1.1922"), quote("JPY", "123.99")));
    assert_eq!((conversion.rate.source, conversion.object.name), (name("ecb"), name("ecb-2020")));
}

#[test]
fn nothing_is_converted_where_nothing_is_charged_or_both_currencies_are_the_same() {
    assert_eq!(world("USD").bill("g", "2020-11").converted, None);
    assert_eq!(world("EUR").bill("g", "2020-10").converted, None);
}

#[test]
fn an_estimate_takes_the_rate_of_its_day() {
    let world = world("EUR");
    let dates = |as_of: &str| {
        let bill = world.bill_as_of("g", "2020-11", at(as_of));
        bill.converted.map(|Converted { conversion, .. }| (conversion.rate_date, conversion.rate.quote_date))
    };
    assert_eq!(dates("2020-11-28T23:59"), Some((day("2020-11-28"), day("2020-11-27"))));
    assert_eq!(dates("2020-11-30"), Some((day("2020-11-30"), day("2020-11-30"))));
    // The month is over: whenever it is looked at, its day stays.
    assert_eq!(dates("2020-12-20"), Some((day("2020-12-01"), day("2020-11-30"))));
}

#[test]
fn without_a_rate_a_record_is_a_problem_and_never_a_zero() {
    let without = |rates: Rates| {
        let world = World { rates, ..world("EUR") };
        let bill = world.bill("g", "2020-11");
        assert_eq!((bill.lines.len(), bill.converted), (0, None));
        bill.problems[0].to_string()
    };
    assert_eq!(
        without(Rates::default()),
        "usage db is priced in USD and paid in EUR, and the issuer names no exchange rates; name a source in its spec.exchangeRates, or use a price list in EUR"
    );
    assert_eq!(
        without(Rates::of(name("ecb"))),
        "usage db is priced in USD and paid in EUR, and the source ecb has no day with both rates from 2020-11-21 to 2020-12-01; add one to ExchangeRates ecb-2020, or use a price list in EUR"
    );
}

#[test]
fn the_currency_of_a_group_counts_as_it_is_when_a_month_is_billed() {
    let mut world = world("EUR");
    assert_eq!(world.bill("g", "2020-11").subtotal, money("15.63", "EUR"));
    world.organization.put_group(Group { currency: Some(currency("JPY")), ..group("g") });
    assert_eq!(world.bill("g", "2020-11").subtotal, money("1947", "JPY"));
    world.organization.put_group(group("g"));
    assert_eq!(world.bill("g", "2020-11").subtotal, money("18.72", "USD"));
}

#[test]
fn quotes_that_contradict_themselves_are_refused() {
    let object = || RatesObject { name: name("ecb-2020"), uid: uid("ecb"), generation: 1 };
    let year = |date: &str, code: &str| {
        YearlyQuotes::new(object(), 2020, currency("EUR"), [(day(date), quote(code, "1.1"))]).map(Arc::new)
    };
    assert!(year("2020-12-31", "USD").is_ok());
    assert_eq!(year("2021-01-01", "USD").unwrap_err().to_string(), "2021-01-01 is not a day of 2020");
    assert_eq!(year("2020-12-31", "EUR").unwrap_err().to_string(), "2020-12-31 quotes EUR, which is the base");
    assert_eq!((Rate::new(decimal("0")), Rate::new(decimal("-1"))), (None, None));
}
