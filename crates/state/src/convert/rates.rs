//! Exchange rates.

use chrono::Datelike;
use kube_core::ResourceExt;

use super::{ConvertError, decimal, read, uid_of, version_of};
use billing_api as api;
use billing_domain::{Currency, Date, Quote, Rate, RatesObject, YearlyQuotes};

/// What a source quoted in a year. Codes that are no currency any more, or not yet, and days that never were are passed
/// over: nobody can ask for them.
///
/// # Errors
/// A base that is none, or a rate that cannot be read.
pub fn exchange_rates(object: &api::ExchangeRates) -> Result<YearlyQuotes, ConvertError> {
    let api::ExchangeRatesSpec { source: _, year, base, quotes } = &object.spec;
    let resource_version = version_of(object)?.into();
    let identity = RatesObject { name: object.name_any().into(), uid: uid_of(object)?, resource_version };
    let mut known = Vec::new();
    for api::DayOfQuotes { date, rates } in quotes {
        let Some(date) = date.parse::<Date>().ok().filter(|date| date.year() == *year) else { continue };
        for (code, rate) in rates {
            if let Ok(currency) = code.parse::<Currency>() {
                known.push((date, Quote { currency, rate: read_rate(rate)? }));
            }
        }
    }
    Ok(YearlyQuotes::new(identity, *year, read("spec.base", base)?, known)?)
}

fn read_rate(text: &str) -> Result<Rate, ConvertError> {
    let error = || ConvertError::Field { field: "spec.quotes.rates", text: text.to_owned() };
    Rate::new(decimal("spec.quotes.rates", text)?).ok_or_else(error)
}
