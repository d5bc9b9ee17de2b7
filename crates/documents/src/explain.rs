//! The derivation of every amount of a document, as a person would write it.
//!
//! Only what stands in the document and its slices is used: whoever has these can follow every cent.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::issued::{IssuedInvoice, currency_of};
use crate::line::price_list_of;
use crate::tax::explain_taxes;
use billing_api::{
    Adjusts, AppliedDiscount, CommitmentProgress, Document, DocumentRate, HourRule, Line, LineReading, LineReadings,
    LineTier, LineType, PriceUnit, TierMode,
};
use billing_domain::money::amount::round_half_away;
use billing_domain::{ExactAmount, Money, Month, Period, Ratio, Timestamp};

/// How many decimal places of an exact number are written out that has no end, or none so soon.
pub(super) const MAX_DECIMAL_PLACES: u32 = 12;

/// How many a quantity (6) times a price (12) has at most.
const PRODUCT_DECIMAL_PLACES: u32 = 18;

/// Where the amounts of a document come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceExplanation {
    /// The invoice's number.
    pub number: String,
    /// Its lines, in their order.
    pub lines: Vec<ExplainedLine>,
    /// How the lines add up to the total, step by step.
    pub totals: Vec<String>,
}

/// Where the amount of a line comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedLine {
    /// The line's id.
    pub id: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: LineType,
    /// The charge in words.
    pub description: String,
    /// From when until when, where that is another time than the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// What a counter had counted at the two ends of that time, of a metered record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readings: Option<String>,
    /// The object behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The entry of the price list, and when it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// The arithmetic, from quantities to the amount.
    pub derivation: String,
    /// The amount.
    pub total: String,
}

/// Explains an invoice: every line of it, and its totals.
pub fn explain(issued: &IssuedInvoice<'_>) -> InvoiceExplanation {
    let document = issued.document;
    let lines = issued.lines.iter().map(|line| explain_line(document, line)).collect();
    InvoiceExplanation { number: document.number.to_string(), lines, totals: explain_totals(document) }
}

fn explain_line(document: &Document, line: &Line) -> ExplainedLine {
    let period = line.start.zip(line.end).map(|(start, end)| match start == end {
        true => format!("at {start}"),
        false => format!("{start} to {end}"),
    });
    let source = line.source.as_ref().map(|source| match &source.part {
        Some(part) => format!("{} {} ({part})", source.kind, source.name),
        None => format!("{} {}", source.kind, source.name),
    });
    ExplainedLine {
        id: line.id.clone(),
        kind: line.kind,
        description: line.description.clone(),
        period,
        readings: line.readings.as_ref().map(readings_in_words),
        source,
        price: explain_price(document, line),
        derivation: derivation(document, line)
            .or_else(|| correction(line))
            .unwrap_or_else(|| format!("{} → {}", line.description, line.total)),
        total: line.total.to_string(),
    }
}

/// `read 10 at 2026-11-10T00:00:00Z and 25 at 2026-12-01T00:00:00Z`.
fn readings_in_words(pair: &LineReadings) -> String {
    let LineReadings { from, to } = pair;
    let reading = |reading: &LineReading| format!("{} at {}", reading.quantity, reading.at);
    match (from, to) {
        (None, None) => "never read".to_owned(),
        (None, Some(to)) => format!("read {}", reading(to)),
        (Some(from), to) => {
            format!("read {} and {}", reading(from), to.as_ref().map_or("never since".to_owned(), reading))
        }
    }
}

fn explain_price(document: &Document, line: &Line) -> Option<String> {
    let price = line.price.as_ref()?;
    let list = price_list_of(document, price).unwrap_or_default();
    let until = price.valid_until.map(|until| format!(" to {until}")).unwrap_or_default();
    Some(format!("{} of price list {list}, valid from {}{until}", price.entry, price.valid_from))
}

/// The arithmetic of a line of usage: `744 h × 0.026 USD = 19.344 → 19.34; −10 % Partner → 17.41`.
fn derivation(document: &Document, line: &Line) -> Option<String> {
    let exact = exact_charge(document, line)?;
    let price = line.unit_price.as_ref()?;
    let quantity = match line.unit? {
        PriceUnit::Hour => hours_in_words(document, line)?,
        PriceUnit::Month => line.count.as_ref().map_or_else(|| "1".to_owned(), ToString::to_string),
        PriceUnit::Unit => line.quantity.as_ref()?.to_string(),
    };
    let share = share_in_words(line)?;
    let packages = line.round_up.filter(|whole| *whole).map(|_| ", begun ones whole,").unwrap_or_default();
    let tier = line.tier.as_ref().map(tier_in_words).unwrap_or_default();
    let most = line.max_per_month.as_ref().map(|most| format!(", at most {most} a month")).unwrap_or_default();
    let name = line.unit_name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let per = line.per.map(|per| format!(" ÷ {per}")).unwrap_or_default();
    let before = line.pre_discount.as_ref()?;
    let written = match &exact {
        ExactAmount::Whole(exact) => format!(" = {} → {before}", written_out(exact)),
        ExactAmount::Between(from, to) => format!("{}{before}", between_in_words(document, line, from, to)?),
    };
    let (currency, converted) = match rate_of(document, line) {
        None => (&document.currency, String::new()),
        Some(rate) => (&rate.from, format!(" × {} {} ÷ {} {}", rate.to_quote, rate.to, rate.from_quote, rate.from)),
    };
    let mut text =
        format!("{quantity}{name}{share} × {price} {currency}{per}{tier}{packages}{most}{converted}{written}");
    let discounts = discounts_of(document, line);
    if !discounts.is_empty() {
        let discounts = discounts.iter().map(|discount| format!("−{} % {}", discount.percent, discount.name));
        text.push_str(&format!("; {} → {}", discounts.collect::<Vec<_>>().join(", "), line.total));
    }
    Some(text)
}

/// Which part of the month's quantity has the price: of `Volume`, all of it.
fn tier_in_words(tier: &LineTier) -> String {
    let (from, to) = (tier.from.as_str(), tier.up_to.as_ref().map(|to| to.as_str()));
    let part = match (Decimal::from_str_exact(from).is_ok_and(|from| from.is_zero()), to) {
        (true, None) => return String::new(),
        (true, Some(to)) => format!("up to {to}"),
        (false, None) => format!("above {from}"),
        (false, Some(to)) => format!("above {from} up to {to}"),
    };
    match tier.mode {
        TierMode::Graduated => format!(", {part} in the month,"),
        TierMode::Volume => format!(", as {part} came together in the month,"),
    }
}

/// Of a price by the month, the share of it.
fn share_in_words(line: &Line) -> Option<String> {
    if line.unit? != PriceUnit::Month {
        return Some(String::new());
    }
    let (month, period) = month_and_period(line)?;
    let seconds = |period: Period| {
        let micros = period.end().timestamp_micros() - period.start().timestamp_micros();
        Ratio::Small { numerator: micros.into(), denominator: 1_000_000 }.written_out(6)
    };
    Some(format!(" × {} s ÷ {} s", seconds(period), seconds(month.period())))
}

/// What the month comes to with a line, less what it comes to without it: each is rounded. Nothing is told of a line with which it
/// begins. With tiers it is what the tier comes to.
fn between_in_words(document: &Document, line: &Line, from: &Ratio, to: &Ratio) -> Option<String> {
    let currency = currency_of(document).ok()?;
    let [begin, end] = [from, to].map(|exact| round_half_away(exact, currency));
    let (begin, end) = (begin?, end?);
    match begin.is_zero() && from.units(18) == Some(0) {
        true => Some(format!(" = {} → ", written_out(to))),
        false => {
            let (with, without) = match is_portion(line) {
                true => ("with it", "without it"),
                false => ("until its end", "until its start"),
            };
            Some(format!(": {} → {end} {with}, less {} → {begin} {without}, = ", written_out(to), written_out(from)))
        }
    }
}

/// The share of a month that a piece of it has.
pub(super) fn share(month: Month, piece: Period) -> Ratio {
    let micros = |period: Period| (period.end().timestamp_micros() - period.start().timestamp_micros()).into();
    Ratio::Small { numerator: micros(piece), denominator: micros(month.period()) }
}

/// The month of a line, and what of it is charged.
pub(super) fn month_and_period(line: &Line) -> Option<(Month, Period)> {
    let period = Period::new(line.start?.0, line.end?.0)?;
    Some((Month::of(period.start()), period))
}

/// An exact amount with all of its decimal places, if there are not too many of them.
fn written_out(exact: &Ratio) -> String {
    let all = exact.written_out(PRODUCT_DECIMAL_PLACES);
    if all.ends_with('…') { exact.written_out(MAX_DECIMAL_PLACES) } else { all }
}

/// The price of one unit, exactly.
pub(super) fn price_of_one(line: &Line) -> Option<Ratio> {
    let price = Ratio::from(decimal(line.unit_price.as_ref()?)?);
    match line.per {
        None => Some(price),
        Some(per) => price.divided_by(per.into()),
    }
}

/// What a line counts: "GiB", "Hour", "vCPU Hour".
pub fn unit_in_words(line: &Line) -> Option<String> {
    let unit = line.unit?;
    Some(match (&line.unit_name, unit) {
        (None, unit) => format!("{unit:?}"),
        (Some(name), PriceUnit::Unit) => name.clone(),
        (Some(name), unit) => format!("{name} {unit:?}"),
    })
}

/// What so many of it cost: "0.026", "0.4 per 1000000".
pub fn price_in_words(line: &Line) -> Option<String> {
    let price = line.unit_price.as_ref()?;
    Some(line.per.map_or_else(|| price.to_string(), |per| format!("{price} per {per}")))
}

/// The arithmetic of a correction of a final: `170.40 due − 579.36 billed = -408.96`.
fn correction(line: &Line) -> Option<String> {
    let Adjusts { billed, due, settled, notes, .. } = line.adjusts.as_ref()?;
    let notes = match notes.as_slice() {
        [] => "credit notes".to_owned(),
        notes => notes.iter().map(|note| note.as_str()).collect::<Vec<_>>().join(", "),
    };
    let settled =
        settled.as_ref().map(|settled| format!(" + {settled} already credited by {notes}")).unwrap_or_default();
    Some(format!("{} due − {} billed{settled} = {}", due.as_ref()?, billed.as_ref()?, line.total))
}

fn hours_in_words(document: &Document, line: &Line) -> Option<String> {
    let count = line.count.as_ref().map(|count| format!(" × {count}")).unwrap_or_default();
    Some(match hour_rule_of(document, line)? {
        HourRule::Ceil => format!("{} h{count}", hours(document, line)?.written_out(0)),
        HourRule::Exact => {
            let time = line.end?.0.signed_duration_since(line.start?.0);
            let seconds = Ratio::Small { numerator: time.num_microseconds()?.into(), denominator: 1_000_000 };
            format!("{} s ÷ 3600{count}", seconds.written_out(6))
        }
    })
}

/// How running time became the hours of a line.
pub(super) fn hour_rule_of(document: &Document, line: &Line) -> Option<HourRule> {
    line.hours.or(document.hours)
}

/// The hours of a record that runs since an instant, in a piece of its time: begun ones, or exact ones.
pub(super) fn hours_in(rule: HourRule, since: Timestamp, piece: Period) -> Ratio {
    const HOUR: i64 = 3_600_000_000;
    let micros = |instant: Timestamp| instant.timestamp_micros().saturating_sub(since.timestamp_micros()).max(0);
    let begun = |micros: i64| i128::from(micros / HOUR + i64::from(micros % HOUR > 0));
    let (from, to) = (micros(piece.start()), micros(piece.end()));
    match rule {
        HourRule::Ceil => Ratio::from(begun(to) - begun(from)),
        HourRule::Exact => Ratio::Small { numerator: (to - from).into(), denominator: HOUR.into() },
    }
}

/// The hours of a line, exactly.
pub(super) fn hours(document: &Document, line: &Line) -> Option<Ratio> {
    match hour_rule_of(document, line)? {
        // Whole hours: what is written, over how many ran, leaves no remainder.
        HourRule::Ceil => {
            let quantity = Ratio::from(decimal(line.quantity.as_ref()?)?);
            Some(match &line.count {
                Some(count) => quantity.divided_by(decimal(count)?)?,
                None => quantity,
            })
        }
        HourRule::Exact => {
            let time = line.end?.0.signed_duration_since(line.start?.0);
            Some(Ratio::Small { numerator: time.num_microseconds()?.into(), denominator: 3_600_000_000 })
        }
    }
}

/// What a line of usage charges before discounts and rounding, in the document's currency; `None` for other lines.
pub fn exact_charge(document: &Document, line: &Line) -> Option<ExactAmount> {
    let price = exact_price(document, line)?;
    let Some(rate) = rate_of(document, line) else { return Some(price) };
    Some(price.times(&Ratio::from(decimal(&rate.to_quote)?).divided_by(decimal(&rate.from_quote)?)?))
}

/// The rate that is in a line: late usage has that of its own month.
pub fn rate_of<'a>(document: &'a Document, line: &'a Line) -> Option<&'a DocumentRate> {
    if line.adjusts.is_some() { line.exchange_rate.as_ref() } else { document.exchange_rate.as_ref() }
}

/// The discounts that are in a line: late usage has those of its own month.
pub fn discounts_of<'a>(document: &'a Document, line: &'a Line) -> &'a [AppliedDiscount] {
    if line.adjusts.is_some() { &line.discounts } else { &document.discounts }
}

/// The same in the currency of the price.
pub(super) fn exact_price(document: &Document, line: &Line) -> Option<ExactAmount> {
    let price = price_of_one(line)?;
    let count = line.count.as_ref().map_or(Some(Decimal::ONE), |count| decimal(count))?;
    Some(match line.unit? {
        PriceUnit::Hour if line.max_per_month.is_some() => {
            let (month, period) = month_and_period(line)?;
            let since = line.since.map_or(period.start(), |since| since.0);
            let (rule, first) = (hour_rule_of(document, line)?, since.max(month.start()));
            let for_one = |price: Ratio| line.per.map_or(Some(price.clone()), |per| price.divided_by(per.into()));
            let most = for_one(Ratio::from(decimal(line.max_per_month.as_ref()?)?))?.times(Ratio::from(count));
            let until = |instant| {
                let hours = hours_in(rule, since, Period::new(first, instant)?);
                Some(hours.times(Ratio::from(count)).times(price.clone()).at_most(&most))
            };
            ExactAmount::Between(until(period.start())?, until(period.end())?)
        }
        PriceUnit::Hour => ExactAmount::Whole(hours(document, line)?.times(Ratio::from(count)).times(price)),
        PriceUnit::Month => {
            let (month, period) = month_and_period(line)?;
            let until = |instant| {
                let over = Period::new(month.start(), instant)?;
                Some(price.clone().times(Ratio::from(count)).times(share(month, over)))
            };
            ExactAmount::Between(until(period.start())?, until(period.end())?)
        }
        PriceUnit::Unit if is_portion(line) => exact_portion(line, &price)?,
        PriceUnit::Unit => ExactAmount::Whole(Ratio::from(decimal(line.quantity.as_ref()?)?).times(price)),
    })
}

/// Whether what comes together in the month matters to the price of a line.
fn is_portion(line: &Line) -> bool {
    line.tier.is_some() || line.round_up == Some(true)
}

/// What a tier, or whole packages, come to with a line, and without it.
fn exact_portion(line: &Line, price: &Ratio) -> Option<ExactAmount> {
    let (before, quantity) =
        (line.before.as_deref().map_or(Some(Decimal::ZERO), decimal)?, decimal(line.quantity.as_ref()?)?);
    let after = before.checked_add(quantity)?;
    let base = match &line.tier {
        Some(tier) if tier.mode == TierMode::Graduated => decimal(&tier.from)?,
        _ => Decimal::ZERO,
    };
    let units = |quantity: Decimal| match line.tier {
        Some(_) => Some(Ratio::from(quantity.checked_sub(base)?)),
        None => whole_packages(quantity, line.per.unwrap_or(1)),
    };
    Some(ExactAmount::Between(units(before)?.times(price.clone()), units(after)?.times(price.clone())))
}

/// A quantity in units, brought up to whole packages.
fn whole_packages(quantity: Decimal, per: i64) -> Option<Ratio> {
    let (quantity, per) = (quantity.normalize(), i128::from(per));
    let package = 10_i128.checked_pow(quantity.scale())?.checked_mul(per)?;
    let whole = quantity.mantissa().checked_add(package - 1)?.checked_div(package)?;
    Some(Ratio::from(whole.checked_mul(per)?))
}

fn explain_totals(document: &Document) -> Vec<String> {
    let currency = &document.currency;
    let sums = document.categories.iter().map(|sum| format!("{:?} {}", sum.kind, sum.subtotal));
    let mut totals = Vec::new();
    totals.extend(explain_rate(document));
    totals.push(format!("{} = subtotal {} {currency}", joined(sums), document.subtotal));
    totals.extend(explain_taxes(document));
    totals.push(format!("subtotal {} + tax {} = total {} {currency}", document.subtotal, document.tax, document.total));
    totals.extend(explain_amount_due(document));
    totals.extend(explain_commitment(document));
    totals
}

/// What is to be paid, where that is not the total: "total 100.00 − 40.00 (Credit advance) = due 60.00 EUR".
fn explain_amount_due(document: &Document) -> Option<String> {
    let (due, currency) = (document.amount_due.as_ref()?, &document.currency);
    let paid = document.prepayments.iter().map(|one| format!(" − {} ({} {})", one.amount, one.kind, &*one.name));
    let paid: String = paid.collect();
    let carried = document.carried_forward.as_ref();
    let carried = carried.map(|amount| format!(", and {amount} are carried forward to the next invoice"));
    Some(format!("total {}{paid} = due {due} {currency}{}", document.total, carried.unwrap_or_default()))
}

/// How far a commitment over a term has come: "commitment Plan, 2026-01 to 2026-12: 600.00 of 1000.00 EUR spent, 400.00 left".
fn explain_commitment(document: &Document) -> Option<String> {
    let CommitmentProgress { name, amount, first_period, last_period, spent, left } = document.commitment.as_ref()?;
    let (first, last, currency) = (&**first_period, &**last_period, &document.currency);
    Some(format!("commitment {name}, {first} to {last}: {spent} of {amount} {currency} spent, {left} left"))
}

/// How prices became amounts, where they are in another currency than the document.
pub fn explain_rate(document: &Document) -> Option<String> {
    let DocumentRate { source, from, to, rate, base, quote_date, .. } = document.exchange_rate.as_ref()?;
    Some(format!("1 {from} = {rate} {to}: {source}'s quotes of one {base} on {}", &**quote_date))
}

/// With plus signs in between; nothing is zero.
fn joined(terms: impl Iterator<Item = String>) -> String {
    let terms: Vec<_> = terms.collect();
    if terms.is_empty() { "no lines".to_owned() } else { terms.join(" + ") }
}

fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).ok()
}

/// An amount of the document.
pub fn money(document: &Document, amount: &str) -> Option<Money> {
    Money::parse(amount, currency_of(document).ok()?).ok()
}
