//! The table `lines`: a row for each line of an invoice or of a credit note in the document's order, then one for each tax. The
//! column `total` adds up to the document's total, and without the rows of type `Tax` to its subtotal.

use std::borrow::Cow;

use super::cell::{Cell, Column, Kind};
use super::document::{ExportedDocument, Stored};
use crate::line::price_list_of;
use billing_api::{
    AppliedDiscount, CreditNoteLine, Document, Line, LineReadings, LineSource, LineTax, LineType, PriceUnit, Service,
    TaxCategory, TaxSubtotal,
};
use serde::Serialize;

/// What a row is made of.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    /// A line of an invoice.
    Line(&'a Line),
    /// A line of a credit note, and the line of the invoice that it credits, if it names one.
    Credited(&'a CreditNoteLine, Option<&'a Line>),
    /// What one category and rate of tax makes.
    Tax(&'a TaxSubtotal),
}

/// A row of an invoice or of a credit note.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The document.
    pub document: &'a ExportedDocument<'a>,
    /// Its place in the document, from 1 on.
    pub position: i64,
    /// What it is.
    pub entry: Entry<'a>,
}

/// The rows of a document, in their order.
pub fn rows<'a>(document: &'a ExportedDocument<'a>) -> impl Iterator<Item = Row<'a>> {
    let lines = document.lines().iter().map(|line| Entry::Line(line));
    let credited = document.credited_lines().iter().map(|(line, of)| Entry::Credited(line, *of));
    let taxes = document.taxes.iter().map(Entry::Tax);
    (1..).zip(lines.chain(credited).chain(taxes)).map(move |(position, entry)| Row { document, position, entry })
}

impl<'a> Row<'a> {
    /// The line of an invoice, if it is one: with its quantity and its price.
    pub fn line(&self) -> Option<&'a Line> {
        match self.entry {
            Entry::Line(line) => Some(line),
            Entry::Credited(..) | Entry::Tax(_) => None,
        }
    }

    /// The line of an invoice that it is, or that it credits: with what ran, where and when.
    pub fn about(&self) -> Option<&'a Line> {
        match self.entry {
            Entry::Line(line) => Some(line),
            Entry::Credited(_, of) => of,
            Entry::Tax(_) => None,
        }
    }

    /// What identifies it in its document. Several lines of a credit note may credit the same one, so they have numbers.
    pub fn id(&self) -> Cow<'a, str> {
        match self.entry {
            Entry::Line(line) => Cow::Borrowed(&line.id),
            Entry::Credited(..) => Cow::Owned(self.position.to_string()),
            Entry::Tax(tax) => Cow::Owned(format!("tax-{}-{}", category_code(tax.category), &*tax.rate)),
        }
    }

    /// Its amount.
    pub fn total(&self) -> &'a str {
        match self.entry {
            Entry::Line(line) => &line.total,
            Entry::Credited(line, _) => &line.total,
            Entry::Tax(tax) => &tax.amount,
        }
    }

    /// What it is, in words.
    pub fn description(&self) -> Cow<'a, str> {
        match self.entry {
            Entry::Line(line) => Cow::Borrowed(&line.description),
            Entry::Credited(line, _) => Cow::Borrowed(&line.description),
            Entry::Tax(tax) => {
                let reason = tax.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                Cow::Owned(format!("Tax {}, {} % of {}{reason}", category_code(tax.category), &*tax.rate, &*tax.base))
            }
        }
    }

    /// The type of the line or of the line that it credits; `CreditNote` of what credits the whole invoice, or `Tax`.
    pub fn kind(&self) -> &'static str {
        match (self.entry, self.about()) {
            (Entry::Tax(_), _) => "Tax",
            (_, Some(line)) => line_type(line.kind),
            (_, None) => "CreditNote",
        }
    }

    /// How it is taxed: as the line says itself, else by the only category and rate of its document.
    pub fn tax(&self) -> Option<(&'static str, &'a str)> {
        let own = match self.entry {
            Entry::Tax(TaxSubtotal { category, rate, .. }) => return Some((category_code(*category), rate)),
            Entry::Line(line) => &line.tax,
            Entry::Credited(line, _) => &line.tax,
        };
        match (own, self.document.taxes) {
            (Some(LineTax { category, rate }), _) => Some((category_code(*category), rate)),
            (None, [only]) => Some((category_code(only.category), &only.rate)),
            (None, _) => None,
        }
    }

    /// The final that it corrects, by month and number: that of the line, or the one that its document credits.
    pub fn adjusts(&self) -> Option<(&'a str, Option<&'a str>)> {
        match (self.document.credited(), self.line().and_then(|line| line.adjusts.as_ref())) {
            (Some(credited), _) => Some((&credited.invoice.spec.period, Some(&credited.document.number))),
            (None, adjusts) => adjusts.map(|adjusts| (&*adjusts.period, adjusts.invoice.as_deref())),
        }
    }

    /// The price list that its price is from.
    pub fn price_list(&self) -> Option<&'a str> {
        let document = match self.document.stored {
            Stored::Invoice(issued) => issued.document,
            Stored::CreditNote(issued) => issued.invoice.document,
        };
        price_list_of(document, self.about()?.price.as_ref()?)
    }

    fn readings(&self) -> Option<&'a LineReadings> {
        self.line()?.readings.as_ref()
    }

    fn service(&self) -> Option<&'a Service> {
        self.about()?.service.as_ref()
    }

    fn source(&self) -> Option<&'a LineSource> {
        self.about()?.source.as_ref()
    }

    /// The invoice that a priced line stands on.
    fn priced(&self) -> Option<(&'a Document, &'a Line)> {
        match (self.document.stored, self.entry) {
            (Stored::Invoice(issued), Entry::Line(line)) if line.unit_price.is_some() => Some((issued.document, line)),
            _ => None,
        }
    }

    /// The discounts that are in its total.
    fn discounts(&self) -> &'a [AppliedDiscount] {
        self.priced().map_or(&[], |(document, line)| crate::explain::discounts_of(document, line))
    }

    /// The currency of its unit price.
    fn price_currency(&self) -> Option<&'a str> {
        let (document, line) = self.priced()?;
        Some(crate::explain::rate_of(document, line).map_or(&document.currency, |rate| &rate.from))
    }

    /// The line that a credit note credits.
    fn credited_line(&self) -> Option<&'a str> {
        match self.entry {
            Entry::Credited(line, _) => line.line.as_deref(),
            Entry::Line(_) | Entry::Tax(_) => None,
        }
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
        required("invoice", Text, |row| Cell::text(row.document.number)).of_document(),
        required("position", Count, |row| Cell::Count(row.position)),
        required("phase", Text, |row| Cell::text(if row.document.is_final() { "Final" } else { "Estimate" }))
            .of_document(),
        optional("organization", Text, |row| Cell::maybe(row.document.organization)).of_document(),
        required("billing_group", Text, |row| Cell::text(row.document.billing_group)).of_document(),
        required("period", Text, |row| Cell::text(&row.document.period)).of_document(),
        required("type", Text, |row| Cell::text(row.kind())),
        optional("project", Text, |row| Cell::maybe(row.about().and_then(|line| line.project.as_deref()))),
        optional("service_name", Text, |row| Cell::maybe(row.service().map(|service| service.name.as_str()))),
        optional("service_type", Text, |row| Cell::maybe(row.service().map(|service| service.kind.as_str()))),
        optional("service_plan", Text, |row| Cell::maybe(row.service().and_then(|service| service.plan.as_deref()))),
        optional("service_cloud", Text, |row| Cell::maybe(row.service().and_then(|service| service.cloud.as_deref()))),
        required("description", Text, |row| Cell::Text(row.description())),
        optional("start", Time, |row| Cell::time(row.about().and_then(|line| Some(line.start?.0)))),
        optional("end", Time, |row| Cell::time(row.about().and_then(|line| Some(line.end?.0)))),
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
        required("currency", Text, |row| Cell::text(row.document.currency)).of_document(),
        optional("price_total", Number, |row| {
            Cell::maybe_number(row.line().and_then(|line| line.price_total.as_deref()))
        }),
        optional("tax_category", Text, |row| Cell::maybe(row.tax().map(|tax| tax.0))),
        optional("tax_rate", Number, |row| Cell::maybe_number(row.tax().map(|tax| tax.1))),
        optional("discounts", Text, |row| json(row.discounts().is_empty(), &row.discounts())),
        optional("tags", Text, |row| row.about().map_or(Cell::Null, |line| json(line.tags.is_empty(), &line.tags))),
        optional("adjusts_period", Text, |row| Cell::maybe(row.adjusts().map(|(month, _)| month))),
        optional("adjusts_invoice", Text, |row| Cell::maybe(row.adjusts().and_then(|(_, invoice)| invoice))),
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
        required("document", Text, |row| Cell::text(row.document.kind())).of_document(),
        optional("adjusts_line", Text, |row| Cell::maybe(row.credited_line())),
        optional("service_cluster", Text, |row| Cell::maybe(row.about().and_then(|line| line.cluster.as_deref()))),
        optional("reading_from", Number, |row| {
            Cell::maybe_number(row.readings().and_then(|pair| Some(&*pair.from.as_ref()?.quantity)))
        }),
        optional("reading_to", Number, |row| {
            Cell::maybe_number(row.readings().and_then(|pair| Some(&*pair.to.as_ref()?.quantity)))
        }),
    ]
}
