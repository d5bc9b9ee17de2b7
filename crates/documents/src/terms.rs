//! By what a month was billed, as documents say it and as it is read from them.

use billing_api as api;
use billing_domain::{
    AgreedCharge, Bill, ChargeAmount, ChargeType, Commitment, CommitmentSettlement, CrossRate, Currency, Discount,
    LateUsageWindow, MinimumCharge, Money, Month, MonthTerms, Quote, Rate, Source, SourceKind, TaxGroup, TaxScheme,
    TaxTreatment, Term, TermProgress, Untaxed, Validity,
};

use crate::document::{amount, render_rate};
use crate::issued::{NotIssued, money, read, tax_category};
use crate::tax;

/// What a final says of its terms.
pub(crate) fn render_terms(bill: &Bill, price_lists: Vec<api::Name>, window: LateUsageWindow) -> api::DocumentTerms {
    let MonthTerms {
        price_lists: _,
        discounts: _,
        charges,
        commitment,
        projects,
        minimum_charge,
        tax,
        exchange_rate: _,
    } = &bill.terms;
    api::DocumentTerms {
        price_lists,
        charges: charges.iter().map(render_charge).collect(),
        commitment: commitment.as_ref().map(render_commitment),
        projects: projects.map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
        minimum_charge: minimum_charge.as_ref().map(|minimum| amount(minimum.amount)),
        tax_rules: render_treatments(tax),
        late_usage_window: window.months().map(i32::from),
        exchange_rate: bill.conversion.as_ref().map(|conversion| render_rate(&conversion.rate)),
    }
}

fn render_commitment(commitment: &Commitment) -> api::DocumentCommitment {
    let term = commitment.term();
    api::DocumentCommitment {
        name: commitment.name.to_string(),
        amount: amount(commitment.amount),
        settlement: term.map(|_| api::CommitmentSettlement::Term),
        first_period: term.map(|term| term.first.to_string().into()),
        last_period: term.map(|term| term.last.to_string().into()),
    }
}

/// How far a commitment over a term has come.
pub fn render_progress(progress: &TermProgress) -> api::CommitmentProgress {
    let TermProgress { name, amount: agreed, term, spent, left } = progress;
    api::CommitmentProgress {
        name: name.to_string(),
        amount: amount(*agreed),
        first_period: term.first.to_string().into(),
        last_period: term.last.to_string().into(),
        spent: amount(*spent),
        left: amount(*left),
    }
}

fn render_charge(charge: &AgreedCharge) -> api::DocumentCharge {
    let per = matches!(charge.amount, ChargeAmount::PerProject(_)).then_some(api::ChargePer::Project);
    let (fixed, percent, minimum) = match &charge.amount {
        ChargeAmount::Fixed(fixed) | ChargeAmount::PerProject(fixed) => (Some(*fixed), None, None),
        ChargeAmount::OfServices { percent, minimum } => (None, Some(percent.decimal()), *minimum),
    };
    api::DocumentCharge {
        name: charge.name.to_string(),
        kind: match charge.kind {
            ChargeType::Extra => api::LineType::ExtraCharge,
            ChargeType::Support => api::LineType::SupportCharge,
            ChargeType::Other => api::LineType::OtherEvent,
        },
        amount: fixed.map(amount),
        per,
        percent: percent.map(|percent| percent.normalize().to_string().into()),
        minimum: minimum.map(amount),
    }
}

/// How a month is taxed; `None`: the issuer has no rules.
pub(crate) fn render_treatments(tax: &TaxScheme) -> Option<Vec<api::DocumentTaxRule>> {
    match tax {
        TaxScheme::Untaxed(_) => None,
        TaxScheme::Treatments(treatments) => Some(treatments.iter().map(render_treatment).collect()),
    }
}

fn render_treatment(treatment: &TaxTreatment) -> api::DocumentTaxRule {
    let TaxTreatment { service_types, group, reason } = treatment;
    api::DocumentTaxRule {
        service_types: service_types.iter().map(ToString::to_string).collect(),
        category: tax::tax_category(group.category),
        rate: group.rate.to_string().into(),
        reason: reason.clone(),
    }
}

/// The terms that a document records; `None` on those that were made before any did.
///
/// # Errors
/// Something in them cannot be read.
pub fn terms_of(document: &api::Document, currency: Currency) -> Result<Option<MonthTerms>, NotIssued> {
    let Some(terms) = &document.terms else { return Ok(None) };
    let minimum = terms.minimum_charge.as_ref().zip(document.inputs.issuer.as_ref());
    let minimum_charge = minimum.map(|(minimum, issuer)| {
        let name = issuer.name.as_str().into();
        let issuer = Source { kind: SourceKind::InvoiceIssuer, name, uid: read("inputs.issuer.uid", &issuer.uid)? };
        Ok(MinimumCharge { amount: money("terms.minimumCharge", minimum, currency)?, issuer })
    });
    let discount = |given: &api::AppliedDiscount| {
        let percent = read("discounts.percent", &given.percent)?;
        Ok(Discount { name: given.name.as_str().into(), percent, validity: Validity::default() })
    };
    Ok(Some(MonthTerms {
        price_lists: terms.price_lists.iter().map(|list| list.as_str().into()).collect(),
        discounts: document.discounts.iter().map(discount).collect::<Result<_, NotIssued>>()?,
        charges: terms.charges.iter().map(|given| charge(given, currency)).collect::<Result<_, _>>()?,
        commitment: terms.commitment.as_ref().map(|given| commitment(given, currency)).transpose()?,
        projects: terms.projects.map(|count| u32::try_from(count).unwrap_or(0)),
        minimum_charge: minimum_charge.transpose()?,
        tax: match &terms.tax_rules {
            None => TaxScheme::Untaxed(Untaxed::NoRules),
            Some(rules) => TaxScheme::Treatments(rules.iter().map(treatment).collect::<Result<_, _>>()?),
        },
        exchange_rate: terms.exchange_rate.as_ref().map(cross_rate).transpose()?.flatten(),
    }))
}

/// The rate of a month; `None` where one of its currencies is withdrawn: nothing has a price in it any more.
fn cross_rate(given: &api::DocumentRate) -> Result<Option<CrossRate>, NotIssued> {
    let api::DocumentRate { source, from, to, rate: _, base, from_quote, to_quote, quote_date } = given;
    let [Ok(from), Ok(to), Ok(base)] = [from, to, base].map(|code| code.parse::<Currency>()) else { return Ok(None) };
    Ok(Some(CrossRate {
        source: source.as_str().into(),
        quote_date: read("terms.exchangeRate.quoteDate", quote_date)?,
        base,
        from: quote("terms.exchangeRate.fromQuote", from, from_quote)?,
        to: quote("terms.exchangeRate.toQuote", to, to_quote)?,
    }))
}

fn quote(field: &'static str, currency: Currency, text: &str) -> Result<Quote, NotIssued> {
    let unreadable = || NotIssued::Field { field, text: text.to_owned() };
    let rate = Rate::new(read(field, text)?).ok_or_else(unreadable)?;
    Ok(Quote { currency, rate })
}

fn commitment(given: &api::DocumentCommitment, currency: Currency) -> Result<Commitment, NotIssued> {
    let month = |field, month: &Option<api::Month>| read::<Month>(field, month.as_deref().unwrap_or_default());
    let settlement = match given.settlement {
        None | Some(api::CommitmentSettlement::Month) => CommitmentSettlement::Month,
        Some(api::CommitmentSettlement::Term) => CommitmentSettlement::Term(Term {
            first: month("terms.commitment.firstPeriod", &given.first_period)?,
            last: month("terms.commitment.lastPeriod", &given.last_period)?,
        }),
    };
    let amount = money("terms.commitment.amount", &given.amount, currency)?;
    Ok(Commitment { name: given.name.as_str().into(), amount, validity: Validity::default(), settlement })
}

fn charge(given: &api::DocumentCharge, currency: Currency) -> Result<AgreedCharge, NotIssued> {
    let amount = match (&given.amount, &given.percent) {
        (_, Some(percent)) => ChargeAmount::OfServices {
            percent: read("terms.charges.percent", percent)?,
            minimum: optional("terms.charges.minimum", given.minimum.as_ref(), currency)?,
        },
        (amount, None) => {
            let missing = || NotIssued::Field { field: "terms.charges.amount", text: String::new() };
            let amount = optional("terms.charges.amount", amount.as_ref(), currency)?.ok_or_else(missing)?;
            match given.per {
                None | Some(api::ChargePer::Group) => ChargeAmount::Fixed(amount),
                Some(api::ChargePer::Project) => ChargeAmount::PerProject(amount),
            }
        }
    };
    let kind = match given.kind {
        api::LineType::ExtraCharge => ChargeType::Extra,
        api::LineType::SupportCharge => ChargeType::Support,
        _ => ChargeType::Other,
    };
    Ok(AgreedCharge { name: given.name.as_str().into(), kind, amount, validity: Validity::default() })
}

fn optional(field: &'static str, amount: Option<&api::Amount>, currency: Currency) -> Result<Option<Money>, NotIssued> {
    amount.map(|amount| money(field, amount, currency)).transpose()
}

fn treatment(given: &api::DocumentTaxRule) -> Result<TaxTreatment, NotIssued> {
    let category = tax_category(given.category);
    Ok(TaxTreatment {
        service_types: given.service_types.iter().map(|kind| kind.as_str().into()).collect(),
        group: TaxGroup { category, rate: read("terms.taxRules.rate", &given.rate)? },
        reason: given.reason.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_rate(from: &str, quote: &str) -> Result<Option<String>, String> {
        let rate = json!({
            "source": "ecb", "from": from, "to": "USD", "rate": "1", "base": "EUR", "fromQuote": quote,
            "toQuote": "1.25", "quoteDate": "2026-10-30",
        });
        let rate = serde_json::from_value(rate).expect("a rate");
        let read = cross_rate(&rate).map_err(|error| error.to_string())?;
        Ok(read.map(|read| format!("{} of {} by {}", read.digits(), read.quote_date, read.source)))
    }

    #[test]
    fn a_recorded_rate_is_read_exactly() {
        assert_eq!(read_rate("JPY", "125"), Ok(Some("0.01 of 2026-10-30 by ecb".to_owned())));
    }

    #[test]
    fn a_rate_of_a_withdrawn_currency_keeps_no_document_from_being_read() {
        assert_eq!(read_rate("HRK", "7.5345"), Ok(None));
    }

    #[test]
    fn a_quote_that_is_none_is_named() {
        for quote in ["0", "-1", "much"] {
            let error = read_rate("JPY", quote).expect_err(quote);
            assert!(error.contains("terms.exchangeRate.fromQuote") && error.contains(quote), "{error}");
        }
    }
}
