//! The lines of a bill as they are written.

use std::collections::BTreeMap;

use super::document::{amount, render_rate};
use super::tax::tax_category;
use billing_api as api;
use billing_domain::{
    Adjustment, AdjustmentKind, Bill, Discount, EntryKey, HourRule, Item, LateLine, Line, LineType, Name, Portion,
    PriceEntry, Reading, ReadingPair, Scale, ScalePricing, ScaleStep, Scope, Source, TaxGroup, Tier, Unit,
};
use rust_decimal::Decimal;

/// A type of line as it is written.
pub(super) fn line_type(kind: LineType) -> api::LineType {
    match kind {
        LineType::ServiceCharge => api::LineType::ServiceCharge,
        LineType::Multiplier => api::LineType::Multiplier,
        LineType::ExtraCharge => api::LineType::ExtraCharge,
        LineType::SupportCharge => api::LineType::SupportCharge,
        LineType::CommitmentFee => api::LineType::CommitmentFee,
        LineType::OtherEvent => api::LineType::OtherEvent,
        LineType::CreditConsumption => api::LineType::CreditConsumption,
        LineType::Rounding => api::LineType::Rounding,
    }
}

/// A line beside the month's services.
pub(super) fn render_item(bill: &Bill, item: &Item) -> api::Line {
    let line = render_plain(item);
    let line = match &item.adjustment {
        None => line,
        Some(adjustment) => render_adjustment(bill, line, adjustment),
    };
    let tells_only = item.kind == LineType::Multiplier;
    api::Line { tax: line_tax(bill, item.tax).filter(|_| !tells_only), ..line }
}

/// How a line is taxed, where a document is taxed in several ways.
fn line_tax(bill: &Bill, group: Option<TaxGroup>) -> Option<api::LineTax> {
    let group = group.or(bill.untaxed_group()).filter(|_| bill.taxes.len() > 1)?;
    Some(api::LineTax { category: tax_category(group.category), rate: group.rate.to_string().into() })
}

/// A line without its tax and what it adjusts.
pub(super) fn render_plain(item: &Item) -> api::Line {
    let Item {
        kind,
        key,
        project,
        period,
        pre_discount,
        total,
        tax: _,
        is_share: _,
        description,
        source,
        adjustment: _,
    } = item;
    api::Line {
        id: item.id(),
        kind: line_type(*kind),
        project: project.as_ref().map(|project| project.as_str().into()),
        service: None,
        cluster: None,
        start: period.map(|period| period.start().into()),
        end: period.map(|period| period.end().into()),
        quantity: None,
        unit: None,
        unit_price: None,
        per: None,
        unit_name: None,
        max_per_month: None,
        since: None,
        hours: None,
        tier: None,
        round_up: None,
        before: None,
        count: None,
        readings: None,
        price: None,
        pre_discount: pre_discount.map(amount),
        total: amount(*total),
        tax: None,
        price_total: None,
        description: description.clone(),
        discounts: Vec::new(),
        exchange_rate: None,
        adjusts: None,
        replaces: Vec::new(),
        tags: BTreeMap::new(),
        source: Some(render_source(source, key)),
    }
}

/// An adjustment of a closed month: with all that the line of that month would say, or naming the final it corrects.
fn render_adjustment(bill: &Bill, line: api::Line, adjustment: &Adjustment) -> api::Line {
    let closed_by = adjustment.closed_by.as_ref().map(|closed_by| closed_by.as_str().into());
    let late = api::Adjusts { closed_by, ..api::Adjusts::late(adjustment.month.to_string().into()) };
    match &adjustment.kind {
        AdjustmentKind::Late(new) => {
            let LateLine { line: new, discounts, exchange_rate, hours } = &**new;
            let api::Line { id, kind, description, source, .. } = line;
            let adjusts = Some(late);
            let discounts = discounts.iter().map(applied_discount).collect();
            let exchange_rate = exchange_rate.as_ref().map(render_rate);
            // The document's sum in the currency of prices is that of its services.
            let line = api::Line { price_total: None, ..render_charge(bill, new) };
            let hours = line.hours.or(hours.map(hour_rule)); // the price's own counts more than any month's
            api::Line { id, kind, description, source, adjusts, discounts, exchange_rate, hours, ..line }
        }
        AdjustmentKind::Correction { invoice, billed, due, settled_by_credit_notes, notes, replaced, readings } => {
            let adjusts = Some(api::Adjusts {
                invoice: Some(invoice.as_str().into()),
                billed: Some(amount(*billed)),
                due: Some(amount(*due)),
                settled: (!settled_by_credit_notes.is_zero()).then(|| amount(*settled_by_credit_notes)),
                notes: notes.iter().map(|note| note.as_str().into()).collect(),
                ..late
            });
            let itself = line.source.as_ref().filter(|_| *replaced).map(|source| source.name.clone());
            let readings = readings.map(line_readings);
            api::Line { adjusts, replaces: itself.into_iter().collect(), readings, ..line }
        }
        AdjustmentKind::Refill { invoice, entry, before, after, billed, due, settled_by_credit_notes, notes } => {
            let adjusts = Some(api::Adjusts {
                invoice: Some(invoice.as_str().into()),
                kind: Some(api::LineType::ServiceCharge),
                part: Some(entry.entry.to_string()),
                billed: Some(amount(*billed)),
                due: Some(amount(*due)),
                quantity_before: Some(quantity(*before)),
                quantity_after: Some(quantity(*after)),
                settled: (!settled_by_credit_notes.is_zero()).then(|| amount(*settled_by_credit_notes)),
                notes: notes.iter().map(|note| note.as_str().into()).collect(),
                ..late
            });
            api::Line { adjusts, ..line }
        }
        AdjustmentKind::Part { invoice, part, billed, due, settled_by_credit_notes, notes } => {
            let adjusts = Some(api::Adjusts {
                invoice: Some(invoice.as_str().into()),
                kind: Some(line_type(part.kind)),
                part: Some(part.name.to_string()),
                billed: Some(amount(*billed)),
                due: Some(amount(*due)),
                settled: (!settled_by_credit_notes.is_zero()).then(|| amount(*settled_by_credit_notes)),
                notes: notes.iter().map(|note| note.as_str().into()).collect(),
                ..late
            });
            api::Line { adjusts, ..line }
        }
    }
}

/// A discount that is in a total.
pub fn applied_discount(discount: &Discount) -> api::AppliedDiscount {
    let percent = discount.percent.decimal().normalize().to_string().into();
    api::AppliedDiscount { name: discount.name.to_string(), percent }
}

fn render_source(source: &Source, part: &str) -> api::LineSource {
    let Source { kind, name, uid } = source;
    api::LineSource {
        kind: kind.as_str().to_owned(),
        name: name.as_str().into(),
        uid: uid.to_string().into(),
        part: (!part.is_empty()).then(|| part.to_owned()),
    }
}

/// The tier of a portion, where there are tiers.
fn render_tier(portion: &Portion) -> Option<api::LineTier> {
    let (span, mode) = match &portion.step {
        ScaleStep::Packages => return None,
        ScaleStep::Graduated(span) => (span, api::TierMode::Graduated),
        ScaleStep::Volume(span) => (span, api::TierMode::Volume),
    };
    Some(api::LineTier { from: quantity(span.from), up_to: span.up_to.map(quantity), mode })
}

/// The readings at the two ends of a line.
fn line_readings(pair: ReadingPair) -> api::LineReadings {
    let ReadingPair { from, to } = pair;
    let reading = |reading: Reading| api::LineReading { at: reading.at.into(), quantity: quantity(reading.quantity) };
    api::LineReadings { from: from.map(reading), to: to.map(reading) }
}

/// A quantity as it stands on documents.
fn quantity(quantity: Decimal) -> api::Quantity {
    quantity.normalize().to_string().into()
}

/// The prices of a bill that depend on what comes together in a month, by the name of their entries.
pub(super) fn render_scales(bill: &Bill) -> Vec<api::DocumentScale> {
    let late = bill.items.iter().filter_map(|item| item.adjustment.as_ref()?.late_line());
    let entries = bill.lines.iter().chain(late).map(|line| &line.entry);
    let scaled = entries.filter_map(|entry| Some((entry.key(), (entry.price.scale.as_deref()?, entry.price.amount))));
    let by_entry: BTreeMap<EntryKey, (&Scale, Decimal)> = scaled.collect();
    let render = |(key, (scale, amount)): (EntryKey, (&Scale, Decimal))| {
        let (mode, tiers) = match &scale.pricing {
            ScalePricing::Packages => (None, &[][..]),
            ScalePricing::Graduated(tiers) => (Some(api::TierMode::Graduated), &tiers[..]),
            ScalePricing::Volume(tiers) => (Some(api::TierMode::Volume), &tiers[..]),
        };
        let tier = |tier: &Tier| api::PriceTier {
            up_to: tier.up_to.map(quantity),
            unit_price: tier.amount.to_string().into(),
        };
        api::DocumentScale {
            list: key.list.as_str().into(),
            entry: key.entry.as_str().into(),
            scope: match scale.scope {
                Scope::Project => api::PriceScope::Project,
                Scope::BillingGroup => api::PriceScope::BillingGroup,
            },
            unit_price: mode.is_none().then(|| amount.to_string().into()),
            mode,
            tiers: tiers.iter().map(tier).collect(),
        }
    };
    by_entry.into_iter().map(render).collect()
}

/// How running time becomes hours, as it is written.
pub fn hour_rule(rule: HourRule) -> api::HourRule {
    match rule {
        HourRule::Ceil => api::HourRule::Ceil,
        HourRule::Exact => api::HourRule::Exact,
    }
}

/// The price list that the price of a line is from; earlier versions named the only one among the inputs.
pub fn price_list_of<'a>(document: &'a api::Document, price: &'a api::LinePrice) -> Option<&'a str> {
    let only = || document.inputs.price_list.as_ref().map(|list| list.name.as_str());
    price.list.as_deref().or_else(only)
}

fn render_price(entry: &PriceEntry) -> api::LinePrice {
    api::LinePrice {
        list: Some(entry.list.as_str().into()),
        entry: entry.name.as_str().into(),
        valid_from: entry.valid_from.into(),
        valid_until: entry.valid_until.map(Into::into),
    }
}

/// The charge of a usage record.
pub(super) fn render_line(bill: &Bill, line: &Line) -> api::Line {
    api::Line { tax: line_tax(bill, line.tax), ..render_charge(bill, line) }
}

fn render_charge(bill: &Bill, line: &Line) -> api::Line {
    let (usage, price, portion) = (&line.usage, line.price(), line.portion.as_deref());
    let service = &usage.service;
    let text = |name: &Option<Name>| name.as_ref().map(|name| name.as_str().to_owned());
    let replaced = bill.replaced.get(&usage.name).into_iter().flatten();
    api::Line {
        id: line.id(),
        kind: line_type(line.kind()),
        project: Some(usage.project.as_str().into()),
        service: Some(api::Service {
            name: service.name.as_str().to_owned(),
            kind: service.kind.as_str().to_owned(),
            plan: text(&service.plan),
            cloud: text(&service.cloud),
        }),
        cluster: service.cluster.as_ref().map(|cluster| cluster.as_str().into()),
        start: Some(line.period.start().into()),
        end: Some(line.period.end().into()),
        quantity: Some(line.quantity().into()),
        unit: Some(match line.unit() {
            Unit::Hour => api::PriceUnit::Hour,
            Unit::Month => api::PriceUnit::Month,
            Unit::Unit => api::PriceUnit::Unit,
        }),
        unit_price: Some(line.unit_amount().to_string().into()),
        per: i64::try_from(price.per.get()).ok().filter(|per| *per > 1),
        unit_name: price.unit_name.as_ref().map(ToString::to_string),
        max_per_month: price.max_per_month.map(|most| most.to_string().into()),
        since: price.max_per_month.map(|_| usage.start).filter(|start| *start != line.period.start()).map(Into::into),
        hours: price.hours.map(hour_rule),
        tier: portion.and_then(render_tier),
        round_up: portion.filter(|portion| portion.step == ScaleStep::Packages).map(|_| true),
        before: portion.map(|portion| portion.before).filter(|before| !before.is_zero()).map(quantity),
        count: (portion.is_none() && usage.quantity != Decimal::ONE)
            .then(|| usage.quantity.normalize().to_string().into()),
        readings: usage.readings_of(line.period).map(line_readings),
        price: Some(render_price(&line.entry)),
        pre_discount: Some(amount(line.pre_discount)),
        total: amount(line.total),
        tax: None,
        price_total: line.price_total.map(amount),
        description: line.description(),
        discounts: Vec::new(),
        exchange_rate: None,
        adjusts: None,
        replaces: replaced.map(|record| record.as_str().into()).collect(),
        tags: usage.tags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        source: Some(api::LineSource {
            kind: "UsageRecord".to_owned(),
            name: usage.name.as_str().into(),
            uid: usage.uid.to_string().into(),
            part: None,
        }),
    }
}
