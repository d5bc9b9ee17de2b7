//! What a final says of usage records, from its lines.
//!
//! A line that was written before a field existed, or by a hand that knows more, is read as far as it goes: what
//! cannot be read is no reason to bill it twice, so its interval always counts.

use rust_decimal::Decimal;

use super::{ConvertError, hours, read};
use billing_api as api;
use billing_documents::explain::{discounts_of, rate_of};
use billing_documents::issued::IssuedInvoice;
use billing_domain::{BilledLine, Currency, FinalFacts, LineBasis, Money, Name, Percent, Period, Rating, Unit};

/// A final as later bills ask about it: itself, and what its lines say.
pub type FinalLines = (FinalFacts, Vec<BilledLine>);

/// What a final and its slices say of usage.
///
/// # Errors
/// There is no document, or something in it cannot be read.
pub fn final_lines<'a>(
    invoice: &'a api::Invoice,
    slices: impl IntoIterator<Item = &'a api::InvoiceSliceSpec>,
) -> Result<FinalLines, ConvertError> {
    let issued = IssuedInvoice::new(invoice, slices)?;
    let lines = issued.lines.iter().filter_map(|line| billed_line(issued.document, issued.currency, line));
    Ok((issued.facts(), lines.collect::<Result<_, _>>()?))
}

/// What a line says of a usage record; `None` when it is about something else.
fn billed_line(
    document: &api::Document,
    currency: Currency,
    line: &api::Line,
) -> Option<Result<BilledLine, ConvertError>> {
    let record = line.source.as_ref().filter(|source| source.kind == "UsageRecord")?.name.as_str();
    let (Some(start), Some(end)) = (line.start, line.end) else { return None };
    let period = Period::new(start.0, end.0)?;
    Some(read_line(document, currency, line, record.into(), period))
}

fn read_line(
    document: &api::Document,
    currency: Currency,
    line: &api::Line,
    record: Name,
    period: Period,
) -> Result<BilledLine, ConvertError> {
    let money = |field, amount: &api::Amount| {
        Money::parse(amount, currency).map_err(|_| ConvertError::Field { field, text: amount.to_string() })
    };
    let total = money("total", &line.total)?;
    let corrects = line.adjusts.as_ref().and_then(|adjusts| adjusts.invoice.as_ref());
    Ok(BilledLine {
        record,
        project: line.project.as_deref().map(Name::from),
        period,
        pre_discount: line.pre_discount.as_ref().map_or(Ok(total), |amount| money("preDiscount", amount))?,
        total,
        basis: match corrects {
            Some(invoice) => LineBasis::Corrects { invoice: invoice.as_str().into() },
            None => LineBasis::Rated(rating(document, line)?),
        },
        replaces: line.replaces.iter().map(|record| record.as_str().into()).collect(),
    })
}

fn rating(document: &api::Document, line: &api::Line) -> Result<Rating, ConvertError> {
    let rate = rate_of(document, line).filter(|rate| *rate.from != *rate.to);
    let percent = |discount: &api::AppliedDiscount| read::<Percent>("discounts.percent", &discount.percent);
    let price = line.unit_price.as_deref().unwrap_or("0");
    Ok(Rating {
        unit: match line.unit {
            Some(api::PriceUnit::Unit) => Unit::Unit,
            Some(api::PriceUnit::Hour) | None => Unit::Hour,
        },
        unit_price: Decimal::from_str_exact(price)
            .map_err(|_| ConvertError::Field { field: "unitPrice", text: price.to_owned() })?,
        discounts: discounts_of(document, line).iter().map(percent).collect::<Result<_, _>>()?,
        rate: rate.map(quotes).transpose()?,
        hours: document.hours.map(hours).unwrap_or_default(),
    })
}

/// So many of the document's currency are so many of the price's.
fn quotes(rate: &api::DocumentRate) -> Result<(Decimal, Decimal), ConvertError> {
    let quote = |text: &api::ExchangeRate| {
        Decimal::from_str_exact(text)
            .ok()
            .filter(|quote| *quote > Decimal::ZERO)
            .ok_or_else(|| ConvertError::Field { field: "exchangeRate", text: text.to_string() })
    };
    Ok((quote(&rate.to_quote)?, quote(&rate.from_quote)?))
}
