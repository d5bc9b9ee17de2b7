//! The table `lines`: a row for each line of an invoice in the document's order, then one for each tax. The column `total`
//! adds up to the invoice's total, and without the rows of type `Tax` to its subtotal.

use std::borrow::Cow;

use super::cell::{Cell, Column, Kind};
use crate::issued::IssuedInvoice;
use crate::line::price_list_of;
use billing_api::{
    Adjusts, AppliedDiscount, Line, LineSource, LineTax, LineType, PriceUnit, Service, TaxCategory, TaxSubtotal,
};
use serde::Serialize;

/// What a row of an invoice is made of.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    /// A line.
    Line(&'a Line),
    /// What one category and rate of tax makes.
    Tax(&'a TaxSubtotal),
}

/// A row of an invoice.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The invoice.
    pub issued: &'a IssuedInvoice<'a>,
    /// Its place in the document, from 1 on.
    pub position: i64,
    /// What it is.
    pub entry: Entry<'a>,
}

/// The rows of an invoice, in their order.
pub fn rows<'a>(issued: &'a IssuedInvoice<'a>) -> impl Iterator<Item = Row<'a>> {
    let lines = issued.lines.iter().map(|line| Entry::Line(line));
    let taxes = issued.document.taxes.iter().map(Entry::Tax);
    (1..).zip(lines.chain(taxes)).map(move |(position, entry)| Row { issued, position, entry })
}

impl<'a> Row<'a> {
    /// The line, if it is one.
    pub fn line(&self) -> Option<&'a Line> {
        match self.entry {
            Entry::Line(line) => Some(line),
            Entry::Tax(_) => None,
        }
    }

    /// What identifies it in its invoice.
    pub fn id(&self) -> Cow<'a, str> {
        match self.entry {
            Entry::Line(line) => Cow::Borrowed(&line.id),
            Entry::Tax(tax) => Cow::Owned(format!("tax-{}-{}", category_code(tax.category), &*tax.rate)),
        }
    }

    /// Its amount.
    pub fn total(&self) -> &'a str {
        match self.entry {
            Entry::Line(line) => &line.total,
            Entry::Tax(tax) => &tax.amount,
        }
    }

    /// What it is, in words.
    pub fn description(&self) -> Cow<'a, str> {
        match self.entry {
            Entry::Line(line) => Cow::Borrowed(&line.description),
            Entry::Tax(tax) => {
                let reason = tax.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                Cow::Owned(format!("Tax {}, {} % of {}{reason}", category_code(tax.category), &*tax.rate, &*tax.base))
            }
        }
    }

    /// The type of the line, or `Tax`.
    pub fn kind(&self) -> &'static str {
        match self.entry {
            Entry::Line(line) => line_type(line.kind),
            Entry::Tax(_) => "Tax",
        }
    }

    /// How it is taxed: as the line says itself, else by the only category and rate of its document.
    pub fn tax(&self) -> Option<(&'static str, &'a str)> {
        let of = |tax: &'a TaxSubtotal| (category_code(tax.category), &*tax.rate);
        match (self.entry, self.issued.document.taxes.as_slice()) {
            (Entry::Tax(tax), _) => Some(of(tax)),
            (Entry::Line(Line { tax: Some(LineTax { category, rate }), .. }), _) => {
                Some((category_code(*category), rate))
            }
            (Entry::Line(_), [only]) => Some(of(only)),
            (Entry::Line(_), _) => None,
        }
    }

    /// The price list that its price is from.
    pub fn price_list(&self) -> Option<&'a str> {
        price_list_of(self.issued.document, self.line()?.price.as_ref()?)
    }

    fn service(&self) -> Option<&'a Service> {
        self.line()?.service.as_ref()
    }

    fn source(&self) -> Option<&'a LineSource> {
        self.line()?.source.as_ref()
    }

    fn adjusts(&self) -> Option<&'a Adjusts> {
        self.line()?.adjusts.as_ref()
    }

    /// The discounts that are in its total.
    fn discounts(&self) -> &'a [AppliedDiscount] {
        match self.line() {
            Some(line) if line.unit_price.is_some() => crate::explain::discounts_of(self.issued.document, line),
            _ => &[],
        }
    }

    /// The currency of its unit price.
    fn price_currency(&self) -> Option<&'a str> {
        let line = self.line()?;
        line.unit_price.as_ref()?;
        let document = self.issued.document;
        Some(crate::explain::rate_of(document, line).map_or(&document.currency, |rate| &rate.from))
    }
}

/// A type of line as documents write it.
pub fn line_type(kind: LineType) -> &'static str {
    match kind {
        LineType::ServiceCharge => "ServiceCharge",
        LineType::ExtraCharge => "ExtraCharge",
        LineType::SupportCharge => "SupportCharge",
        LineType::CommitmentFee => "CommitmentFee",
        LineType::CreditConsumption => "CreditConsumption",
        LineType::Multiplier => "Multiplier",
        LineType::Rounding => "Rounding",
        LineType::OtherEvent => "OtherEvent",
    }
}

fn unit(unit: PriceUnit) -> &'static str {
    match unit {
        PriceUnit::Hour => "Hour",
        PriceUnit::Month => "Month",
        PriceUnit::Unit => "Unit",
    }
}

/// A category of tax by its code.
pub fn category_code(category: TaxCategory) -> &'static str {
    match category {
        TaxCategory::S => "S",
        TaxCategory::Z => "Z",
        TaxCategory::E => "E",
        TaxCategory::AE => "AE",
        TaxCategory::O => "O",
    }
}

/// Something as JSON in a cell; nothing where it is empty.
pub fn json<'a>(is_empty: bool, value: &impl Serialize) -> Cell<'a> {
    Cell::made((!is_empty).then(|| serde_json::to_string(value).ok()).flatten())
}

/// The columns, in their order.
pub fn columns<'a>() -> Vec<Column<Row<'a>>> {
    use Kind::{Count, Number, Text, Time};
    let required = Column::<Row<'a>>::required;
    let optional = Column::<Row<'a>>::optional;
    vec![
        required("id", Text, |row| Cell::Text(row.id())).unique(),
        required("invoice", Text, |row| Cell::text(&row.issued.document.number)),
        required("position", Count, |row| Cell::Count(row.position)),
        required("phase", Text, |row| Cell::text(if row.issued.is_final() { "Final" } else { "Estimate" })),
        optional("organization", Text, |row| Cell::maybe(row.issued.invoice.metadata.namespace.as_deref())),
        required("billing_group", Text, |row| Cell::text(&row.issued.invoice.spec.billing_group)),
        required("period", Text, |row| Cell::text(&row.issued.invoice.spec.period)),
        required("type", Text, |row| Cell::text(row.kind())),
        optional("project", Text, |row| Cell::maybe(row.line().and_then(|line| line.project.as_deref()))),
        optional("service_name", Text, |row| Cell::maybe(row.service().map(|service| service.name.as_str()))),
        optional("service_type", Text, |row| Cell::maybe(row.service().map(|service| service.kind.as_str()))),
        optional("service_plan", Text, |row| Cell::maybe(row.service().and_then(|service| service.plan.as_deref()))),
        optional("service_cloud", Text, |row| Cell::maybe(row.service().and_then(|service| service.cloud.as_deref()))),
        required("description", Text, |row| Cell::Text(row.description())),
        optional("start", Time, |row| Cell::time(row.line().and_then(|line| Some(line.start?.0)))),
        optional("end", Time, |row| Cell::time(row.line().and_then(|line| Some(line.end?.0)))),
        optional("quantity", Number, |row| Cell::maybe_number(row.line().and_then(|line| line.quantity.as_deref()))),
        optional("unit", Text, |row| Cell::maybe(row.line().and_then(|line| line.unit.map(unit)))),
        optional("unit_price", Number, |row| {
            Cell::maybe_number(row.line().and_then(|line| line.unit_price.as_deref()))
        }),
        optional("price_currency", Text, |row| Cell::maybe(row.price_currency())),
        optional("price_entry", Text, |row| {
            Cell::maybe(row.line().and_then(|line| Some(&*line.price.as_ref()?.entry)))
        }),
        optional("pre_discount", Number, |row| {
            Cell::maybe_number(row.line().and_then(|line| line.pre_discount.as_deref()))
        }),
        required("total", Number, |row| Cell::number(row.total())),
        required("currency", Text, |row| Cell::text(&row.issued.document.currency)),
        optional("price_total", Number, |row| {
            Cell::maybe_number(row.line().and_then(|line| line.price_total.as_deref()))
        }),
        optional("tax_category", Text, |row| Cell::maybe(row.tax().map(|tax| tax.0))),
        optional("tax_rate", Number, |row| Cell::maybe_number(row.tax().map(|tax| tax.1))),
        optional("discounts", Text, |row| json(row.discounts().is_empty(), &row.discounts())),
        optional("tags", Text, |row| row.line().map_or(Cell::Null, |line| json(line.tags.is_empty(), &line.tags))),
        optional("adjusts_period", Text, |row| Cell::maybe(row.adjusts().map(|adjusts| &*adjusts.period))),
        optional("adjusts_invoice", Text, |row| {
            Cell::maybe(row.adjusts().and_then(|adjusts| adjusts.invoice.as_deref()))
        }),
        optional("source_kind", Text, |row| Cell::maybe(row.source().map(|source| source.kind.as_str()))),
        optional("source_name", Text, |row| Cell::maybe(row.source().map(|source| &*source.name))).unique(),
        optional("source_uid", Text, |row| Cell::maybe(row.source().map(|source| &*source.uid))).unique(),
        optional("source_part", Text, |row| Cell::maybe(row.source().and_then(|source| source.part.as_deref()))),
        optional("unit_name", Text, |row| Cell::maybe(row.line().and_then(|line| line.unit_name.as_deref()))),
        optional("max_per_month", Number, |row| {
            Cell::maybe_number(row.line().and_then(|line| line.max_per_month.as_deref()))
        }),
        optional("tier_from", Number, |row| {
            Cell::maybe_number(row.line().and_then(|line| Some(&*line.tier.as_ref()?.from)))
        }),
        optional("tier_up_to", Number, |row| {
            Cell::maybe_number(row.line().and_then(|line| line.tier.as_ref()?.up_to.as_deref()))
        }),
        optional("price_per", Count, |row| row.line().and_then(|line| line.per).map_or(Cell::Null, Cell::Count)),
        optional("price_list", Text, |row| Cell::maybe(row.price_list())),
    ]
}
