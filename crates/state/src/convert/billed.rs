//! What a final says of usage records and of all else, from its lines.
//!
//! A line that was written before a field existed, or by a hand that knows more, is read as far as it goes: what
//! cannot be read is no reason to bill it twice, so its interval always counts.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{ConvertError, decimal, hours, per_of, price_unit, read, scale_of};
use billing_api as api;
use billing_documents::explain::{discounts_of, rate_of};
use billing_documents::issued::IssuedInvoice;
use billing_documents::terms::terms_of;
use billing_domain::{
    BilledLine, EntryKey, FinalScales, LastCorrection, LineBasis, LineType, Money, MonthTerms, Name, PartAdjustment,
    PartKey, Percent, Period, Rating, ReadFinal, ScaledBasis, Source, SourceKind, StatedPart, StatedRefill,
    StatedScale, TaxGroup, TaxScheme, Unit, UnitPrice,
};

/// What a final and its slices say, as later bills ask about it.
///
/// # Errors
/// There is no document, or something in it cannot be read.
pub fn final_lines<'a>(
    invoice: &'a api::Invoice,
    slices: impl IntoIterator<Item = &'a api::InvoiceSliceSpec>,
) -> Result<ReadFinal, ConvertError> {
    read_final(&IssuedInvoice::new(invoice, slices)?)
}

/// What a final says, as later bills ask about it.
///
/// # Errors
/// Something in it cannot be read.
pub fn read_final(issued: &IssuedInvoice<'_>) -> Result<ReadFinal, ConvertError> {
    let terms = terms_of(issued.document, issued.currency)?;
    let lines = issued.lines.iter().filter_map(|line| billed_line(issued, terms.as_ref(), line));
    let parts = issued.lines.iter().filter_map(|line| stated_part(issued, terms.as_ref(), line));
    let only_tax = match &issued.taxes[..] {
        [only] => Some(only.clone()),
        _ => None,
    };
    Ok(ReadFinal {
        facts: issued.facts(),
        lines: lines.collect::<Result<_, _>>()?,
        parts: parts.collect::<Result<_, _>>()?,
        scales: scales(issued, terms.as_ref())?,
        terms,
        only_tax,
    })
}

/// What a final says of prices with a scale.
fn scales(issued: &IssuedInvoice<'_>, terms: Option<&MonthTerms>) -> Result<FinalScales, ConvertError> {
    let table = |given: &api::DocumentScale| {
        let api::DocumentScale { list, entry, scope, unit_price, mode, tiers } = given;
        let field = |text: String| ConvertError::Field { field: "scales", text };
        let scale = scale_of(Some(*scope), *mode, tiers, tiers.is_empty()).map_err(field)?;
        let amount = unit_price.as_ref().map_or(Ok(Decimal::ZERO), |price| decimal("scales.unitPrice", price))?;
        let missing = || ConvertError::Field { field: "scales", text: entry.to_string() };
        let key = EntryKey { list: list.as_str().into(), entry: entry.as_str().into() };
        let uid = issued.document.inputs.price_lists().find(|input| input.name.as_str() == list.as_str());
        let list_uid = read("inputs.priceLists.uid", &uid.ok_or_else(missing)?.uid)?;
        let scale = Arc::new(scale.ok_or_else(missing)?.normalized());
        Ok((key, StatedScale { scale, amount, list_uid }))
    };
    let refills = issued.lines.iter().filter_map(|line| stated_refill(issued, terms, line));
    Ok(FinalScales {
        scales: issued.document.scales.iter().map(table).collect::<Result<_, ConvertError>>()?,
        refills: refills.collect::<Result<_, _>>()?,
    })
}

/// What a line says of charges with which others came together; `None` of another line.
fn stated_refill(
    issued: &IssuedInvoice<'_>,
    terms: Option<&MonthTerms>,
    line: &api::Line,
) -> Option<Result<StatedRefill, ConvertError>> {
    line.source.as_ref().filter(|source| source.kind == "PriceList")?;
    Some(read_refill(issued, terms, line, line.adjusts.as_ref()?))
}

fn read_refill(
    issued: &IssuedInvoice<'_>,
    terms: Option<&MonthTerms>,
    line: &api::Line,
    adjusts: &api::Adjusts,
) -> Result<StatedRefill, ConvertError> {
    let money = |field, amount: &api::Amount| {
        Money::parse(amount, issued.currency).map_err(|_| ConvertError::Field { field, text: amount.to_string() })
    };
    let minor = |field, amount: Option<&api::Amount>| {
        Ok::<_, ConvertError>(amount.map(|amount| money(field, amount)).transpose()?.map_or(0, Money::minor))
    };
    let total = money("total", &line.total)?;
    Ok(StatedRefill {
        month: read("adjusts.period", &adjusts.period)?,
        closed_by: adjusts.closed_by.as_deref().map(Name::from),
        entry: EntryKey {
            list: line.source.as_ref().map_or("", |source| source.name.as_str()).into(),
            entry: adjusts.part.as_deref().unwrap_or_default().into(),
        },
        project: line.project.as_deref().unwrap_or_default().into(),
        tax: tax_of(issued, terms, line)?,
        line: line.id.clone(),
        pre_discount: line.pre_discount.as_ref().map_or(Ok(total), |amount| money("preDiscount", amount))?,
        total,
        quantity: adjusts
            .quantity_after
            .as_ref()
            .map_or(Ok(Decimal::ZERO), |text| decimal("adjusts.quantityAfter", text))?,
        last: LastCorrection {
            billed: minor("adjusts.billed", adjusts.billed.as_ref())?,
            due: minor("adjusts.due", adjusts.due.as_ref())?,
            total: total.minor(),
            notes: notes_of(adjusts),
        },
    })
}

/// How a line is taxed. A month whose issuer taxes nothing has no tax, also where its document says so beside the taxes of
/// months that it adjusts.
fn tax_of(
    issued: &IssuedInvoice<'_>,
    terms: Option<&MonthTerms>,
    line: &api::Line,
) -> Result<Option<TaxGroup>, ConvertError> {
    let untaxed = terms.is_some_and(|terms| matches!(terms.tax, TaxScheme::Untaxed(_)));
    Ok(issued.tax_of(line)?.filter(|_| line.adjusts.is_some() || !untaxed))
}

/// What a line says of a part of a month that is no usage; `None` when it only tells, or moves an amount from one invoice to the
/// next.
fn stated_part(
    issued: &IssuedInvoice<'_>,
    terms: Option<&MonthTerms>,
    line: &api::Line,
) -> Option<Result<StatedPart, ConvertError>> {
    let source =
        line.source.as_ref().filter(|source| !["UsageRecord", "Invoice", "PriceList"].contains(&&*source.kind))?;
    let carried = source.kind == "BillingGroup" && source.part.is_none();
    if line.kind == api::LineType::Multiplier || carried {
        return None;
    }
    Some(read_part(issued, terms, line, source))
}

fn read_part(
    issued: &IssuedInvoice<'_>,
    terms: Option<&MonthTerms>,
    line: &api::Line,
    source: &api::LineSource,
) -> Result<StatedPart, ConvertError> {
    let own = match source.kind.as_str() {
        "Credit" => source.name.as_str(),
        _ => source.part.as_deref().unwrap_or_default(),
    };
    let money = |field, amount: &api::Amount| {
        Money::parse(amount, issued.currency).map_err(|_| ConvertError::Field { field, text: amount.to_string() })
    };
    let optional = |field, amount: Option<&api::Amount>| amount.map(|amount| money(field, amount)).transpose();
    let (adjusts, month, kind, name) = match &line.adjusts {
        None => (None, issued.month, line.kind, own),
        Some(adjusts) => {
            let month = read("adjusts.period", &adjusts.period)?;
            let (billed, due) =
                (optional("adjusts.billed", adjusts.billed.as_ref())?, optional("adjusts.due", adjusts.due.as_ref())?);
            let adjustment = |invoice: &api::Name| PartAdjustment {
                invoice: invoice.as_str().into(),
                billed,
                due,
                notes: notes_of(adjusts),
            };
            let kind = adjusts.kind.unwrap_or(line.kind);
            (adjusts.invoice.as_ref().map(adjustment), month, kind, adjusts.part.as_deref().unwrap_or(own))
        }
    };
    let total = money("total", &line.total)?;
    Ok(StatedPart {
        adjusts,
        month,
        key: PartKey { kind: line_type(kind), name: name.into(), tax: tax_of(issued, terms, line)? },
        source: Source {
            kind: source_kind(&source.kind),
            name: source.name.as_str().into(),
            uid: read("source.uid", &source.uid)?,
        },
        line: line.id.clone(),
        total,
    })
}

/// The credit notes that an adjustment counted.
fn notes_of(adjusts: &api::Adjusts) -> Vec<Name> {
    adjusts.notes.iter().map(|note| note.as_str().into()).collect()
}

fn source_kind(kind: &str) -> SourceKind {
    match kind {
        "Credit" => SourceKind::Credit,
        "InvoiceIssuer" => SourceKind::InvoiceIssuer,
        _ => SourceKind::BillingGroup,
    }
}

fn line_type(kind: api::LineType) -> LineType {
    match kind {
        api::LineType::ServiceCharge => LineType::ServiceCharge,
        api::LineType::Multiplier => LineType::Multiplier,
        api::LineType::ExtraCharge => LineType::ExtraCharge,
        api::LineType::SupportCharge => LineType::SupportCharge,
        api::LineType::CommitmentFee => LineType::CommitmentFee,
        api::LineType::OtherEvent => LineType::OtherEvent,
        api::LineType::CreditConsumption => LineType::CreditConsumption,
        api::LineType::Rounding => LineType::Rounding,
    }
}

/// What a line says of a usage record; `None` when it is about something else.
fn billed_line(
    issued: &IssuedInvoice<'_>,
    terms: Option<&MonthTerms>,
    line: &api::Line,
) -> Option<Result<BilledLine, ConvertError>> {
    let record = line.source.as_ref().filter(|source| source.kind == "UsageRecord")?.name.as_str();
    let (Some(start), Some(end)) = (line.start, line.end) else { return None };
    let period = Period::new(start.0, end.0)?;
    Some(read_line(issued, terms, line, record.into(), period))
}

fn read_line(
    issued: &IssuedInvoice<'_>,
    terms: Option<&MonthTerms>,
    line: &api::Line,
    record: Name,
    period: Period,
) -> Result<BilledLine, ConvertError> {
    let currency = issued.currency;
    let money = |field, amount: &api::Amount| {
        Money::parse(amount, currency).map_err(|_| ConvertError::Field { field, text: amount.to_string() })
    };
    let total = money("total", &line.total)?;
    let optional = |field, amount: Option<&api::Amount>| amount.map(|amount| money(field, amount)).transpose();
    let corrects = line.adjusts.as_ref().filter(|adjusts| adjusts.invoice.is_some());
    Ok(BilledLine {
        record,
        project: line.project.as_deref().map(Name::from),
        period,
        pre_discount: line.pre_discount.as_ref().map_or(Ok(total), |amount| money("preDiscount", amount))?,
        total,
        closed_by: line.adjusts.as_ref().and_then(|adjusts| adjusts.closed_by.as_deref()).map(Name::from),
        tax: tax_of(issued, terms, line)?,
        basis: match corrects {
            Some(adjusts) => LineBasis::Corrects {
                invoice: adjusts.invoice.as_deref().unwrap_or_default().into(),
                billed: optional("adjusts.billed", adjusts.billed.as_ref())?,
                due: optional("adjusts.due", adjusts.due.as_ref())?,
                notes: notes_of(adjusts),
            },
            None => LineBasis::Rated(rating(issued.document, line)?),
        },
        replaces: line.replaces.iter().map(|record| record.as_str().into()).collect(),
        scaled: scaled_basis(line)?,
    })
}

/// What a line has of a quantity that comes together in its month, where its price depends on that.
fn scaled_basis(line: &api::Line) -> Result<Option<ScaledBasis>, ConvertError> {
    if line.tier.is_none() && line.round_up != Some(true) {
        return Ok(None);
    }
    let missing = |field| ConvertError::Field { field, text: String::new() };
    let price = line.price.as_ref().ok_or_else(|| missing("price"))?;
    let list = price.list.as_ref().ok_or_else(|| missing("price.list"))?.as_str().into();
    let entry = EntryKey { list, entry: price.entry.as_str().into() };
    let service = line.service.as_ref().ok_or_else(|| missing("service"))?.name.as_str().into();
    let quantity = decimal("quantity", line.quantity.as_ref().ok_or_else(|| missing("quantity"))?)?;
    Ok(Some(ScaledBasis { entry, service, quantity }))
}

fn rating(document: &api::Document, line: &api::Line) -> Result<Rating, ConvertError> {
    let rate = rate_of(document, line).filter(|rate| *rate.from != *rate.to);
    let percent = |discount: &api::AppliedDiscount| read::<Percent>("discounts.percent", &discount.percent);
    let price = line.unit_price.as_deref().unwrap_or("0");
    Ok(Rating {
        price: UnitPrice {
            unit: line.unit.map_or(Unit::Hour, price_unit),
            amount: decimal("unitPrice", price)?,
            per: per_of(line.per)
                .ok_or_else(|| ConvertError::Field { field: "per", text: line.per.unwrap_or_default().to_string() })?,
            unit_name: line.unit_name.as_deref().map(Name::from),
            max_per_month: line.max_per_month.as_ref().map(|most| decimal("maxPerMonth", most)).transpose()?,
            hours: line.hours.map(hours),
            scale: None,
        },
        discounts: discounts_of(document, line).iter().map(percent).collect::<Result<_, _>>()?,
        rate: rate.map(quotes).transpose()?,
        hours: document.hours.map(hours).unwrap_or_default(),
        tier: line.tier.as_ref().map(|tier| decimal("tier.from", &tier.from)).transpose()?,
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
