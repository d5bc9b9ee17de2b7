//! A line of an invoice.

use billing_api::{Adjusts, AppliedDiscount, Document, Line as Charge, LineTier, PriceUnit, Service};
use billing_documents::explain::{discounts_of, rate_of};
use rust_decimal::{Decimal, RoundingStrategy};

use super::words::{days, interval, is_by_days, joined};
use super::{decimal, said};
use crate::Refusal;
use crate::check::minus;
use crate::model::{Days, Discount, Line, TaxGroup, Unit};

/// How far an amount may be from what its percentage or its price comes to, to be said with it: PEPPOL-EN16931-R040 and R120 know no
/// currency without decimals.
const SLACK: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// A line at a position of an invoice that bills a month.
pub(super) fn line(
    position: usize,
    charge: &Charge,
    document: &Document,
    month: Days,
    tax: TaxGroup,
) -> Result<Line, Refusal> {
    let net = decimal("status.document.lines.total", &charge.total)?;
    let before = match &charge.pre_discount {
        Some(before) => decimal("status.document.lines.preDiscount", before)?,
        None => net,
    };
    // What is below zero, or was raised, has no discount in terms that are above zero.
    let before = if net < Decimal::ZERO || before < net { net } else { before };
    let Priced { quantity, unit, price, price_quantity } = priced(charge, document, before)?;
    let within = charge.start.zip(charge.end).map(|(start, end)| days(start.0, end.0));
    let within = within.filter(|days| charge.adjusts.is_none() && month.contain(*days));
    Ok(Line {
        id: position.to_string(),
        name: charge.description.clone(),
        description: joined(details(charge, within), "; "),
        attributes: attributes(charge, document)?,
        quantity,
        unit,
        price,
        price_quantity,
        discount: discount(before, net, discounts_of(document, charge))?,
        net,
        days: within,
        tax,
    })
}

/// How much of what costs how much.
struct Priced {
    quantity: Decimal,
    unit: Unit,
    price: Decimal,
    price_quantity: Option<Decimal>,
}

impl Priced {
    /// An amount, above zero or below.
    fn lump(amount: Decimal) -> Self {
        let quantity = if amount < Decimal::ZERO { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
        Self { quantity, unit: Unit::One, price: amount.abs(), price_quantity: None }
    }
}

/// The quantity of a line at its unit price, where that is what it comes to. Where more has a part in it (a conversion, a tier that others
/// began, a maximum, whole packages), the price is for the quantity as a whole (BT-149): so it comes to just that.
fn priced(charge: &Charge, document: &Document, before: Decimal) -> Result<Priced, Refusal> {
    let Some(quantity) = &charge.quantity else { return Ok(Priced::lump(before)) };
    let quantity = decimal("status.document.lines.quantity", quantity)?.normalize();
    if before < Decimal::ZERO || quantity <= Decimal::ZERO {
        return Ok(Priced::lump(before));
    }
    let unit = match charge.unit {
        Some(PriceUnit::Hour) => Unit::Hour,
        Some(PriceUnit::Month) => Unit::Month,
        Some(PriceUnit::Unit) | None => Unit::One,
    };
    let whole = Priced { quantity, unit, price: before, price_quantity: Some(quantity) };
    let (Some(price), None) = (&charge.unit_price, rate_of(document, charge)) else { return Ok(whole) };
    let price = decimal("status.document.lines.unitPrice", price)?.normalize();
    let per = charge.per.map(Decimal::from).filter(|per| *per > Decimal::ONE);
    let exact = quantity.checked_mul(price).and_then(|product| product.checked_div(per.unwrap_or(Decimal::ONE)));
    let comes_to_it = |exact: Decimal| {
        let rounded = exact.round_dp_with_strategy(before.scale(), RoundingStrategy::MidpointAwayFromZero);
        rounded == before && (exact - before).abs() <= SLACK
    };
    Ok(if exact.is_some_and(comes_to_it) { Priced { quantity, unit, price, price_quantity: per } } else { whole })
}

fn discount(before: Decimal, net: Decimal, discounts: &[AppliedDiscount]) -> Result<Option<Discount>, Refusal> {
    let amount = minus(before, net)?;
    if amount.is_zero() {
        return Ok(None);
    }
    let mut left = Decimal::ONE;
    let mut names = Vec::new();
    for AppliedDiscount { name, percent } in discounts {
        let percent = decimal("status.document.discounts.percent", percent)?.normalize();
        left *= Decimal::ONE - percent / Decimal::ONE_HUNDRED;
        names.push(format!("{name} {percent} %"));
    }
    let percent = ((Decimal::ONE - left) * Decimal::ONE_HUNDRED).round_dp(6).normalize();
    let exact = before.checked_mul(percent).ok_or(Refusal::TooLarge)? / Decimal::ONE_HUNDRED;
    let says_so = minus(amount, exact)?.abs() <= SLACK;
    let reason = joined(names, ", ").unwrap_or_else(|| "Discount".to_owned());
    Ok(Some(Discount { amount, percent: Some(percent).filter(|_| says_so), reason }))
}

/// What the line's terms do not say: the closed month that it adjusts and why by so much; and when it ran, where that is not by days of
/// the billed month.
fn details(charge: &Charge, within: Option<Days>) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(adjusts) = &charge.adjusts {
        details.push(adjustment(adjusts));
    }
    if let Some((start, end)) = charge.start.zip(charge.end)
        && (within.is_none() || !is_by_days(start, end))
    {
        details.push(interval(start, end));
    }
    details
}

fn adjustment(adjusts: &Adjusts) -> String {
    let period = &*adjusts.period;
    let Some(invoice) = &adjusts.invoice else {
        let of = adjusts.closed_by.as_ref().map(|closed_by| format!(", closed by invoice {closed_by}"));
        return format!("Late usage of {period}{}", of.unwrap_or_default());
    };
    let mut words = format!("Corrects invoice {invoice} of {period}");
    if let (Some(due), Some(billed)) = (&adjusts.due, &adjusts.billed) {
        words.push_str(&format!(": due {due}, billed {billed}"));
    }
    if let Some(settled) = &adjusts.settled {
        words.push_str(&format!(", credited by notes {settled}"));
    }
    if let (Some(before), Some(after)) = (&adjusts.quantity_before, &adjusts.quantity_after) {
        words.push_str(&format!(", quantity {} instead of {}", &**after, &**before));
    }
    words
}

/// What the line is about, by name.
fn attributes(charge: &Charge, document: &Document) -> Result<Vec<(&'static str, String)>, Refusal> {
    let service = charge.service.as_ref().map(|service| {
        let Service { name, kind, plan, cloud } = service;
        let parts = [Some(name), Some(kind), plan.as_ref(), cloud.as_ref()];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    });
    let attributes = [
        ("Project", charge.project.as_ref().map(ToString::to_string)),
        ("Service", service.as_deref().and_then(|service| said(Some(service)))),
        ("Unit", charge.unit_name.clone()),
        ("Tier", tier(charge.tier.as_ref())),
        ("List price", list_price(charge, document)?),
    ];
    Ok(attributes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

fn tier(tier: Option<&LineTier>) -> Option<String> {
    let LineTier { from, up_to, mode: _ } = tier?;
    Some(match up_to {
        Some(up_to) => format!("{} to {}", &**from, &**up_to),
        None => format!("above {}", &**from),
    })
}

/// The price of the list, where it is in another currency.
fn list_price(charge: &Charge, document: &Document) -> Result<Option<String>, Refusal> {
    let (Some(rate), Some(price)) = (rate_of(document, charge), &charge.unit_price) else { return Ok(None) };
    let price = decimal("status.document.lines.unitPrice", price)?.normalize();
    let per = charge.per.map(|per| format!(" per {per}")).unwrap_or_default();
    Ok(Some(format!("{price} {}{per}", rate.from)))
}
