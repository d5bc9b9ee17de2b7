//! Exchange rates.

use chrono::Datelike;
use kube_core::ResourceExt;
use rust_decimal::Decimal;

use super::{ConvertError, generation_of, uid_of};
use billing_api as api;
use billing_domain::{Currency, Date, Quote, Rate, RatesObject, YearlyQuotes};

/// What a source quoted in a year. Codes that are no currency any more, or not yet, and days that never were are passed
/// over: nobody can ask for them.
///
/// # Errors
/// A base that is none, or a rate that cannot be read.
pub fn exchange_rates(object: &api::ExchangeRates) -> Result<YearlyQuotes, ConvertError> {
    let api::ExchangeRatesSpec { source: _, year, base, quotes } = &object.spec;
    let (name, uid, generation) = (object.name_any().into(), uid_of(object)?, generation_of(object)?);
    let identity = RatesObject { name, uid, generation };
    let mut known = Vec::new();
    for (index, api::DayOfQuotes { date, rates }) in quotes.iter().enumerate() {
        let Some(date) = date.parse::<Date>().ok().filter(|date| date.year() == *year) else { continue };
        for (code, rate) in rates {
            if let Ok(currency) = code.parse::<Currency>() {
                let rate = Decimal::from_str_exact(rate).ok().and_then(Rate::new).ok_or_else(|| {
                    unusable(format!("spec.quotes[{index}].rates.{code}"), format!("{:?} is no rate", rate.as_str()))
                })?;
                known.push((date, Quote { currency, rate }));
            }
        }
    }
    let base = base.parse::<Currency>().map_err(|error| unusable("spec.base".to_owned(), error.to_string()))?;
    Ok(YearlyQuotes::new(identity, *year, base, known)?)
}

fn unusable(path: String, reason: String) -> ConvertError {
    ConvertError::Unusable { path, reason }
}
