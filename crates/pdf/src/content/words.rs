//! Amounts, dates and free text in the reader's language.

use billing_api::{DocumentPeriod, Time};
use billing_documents::issued::NotIssued;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use crate::Locale;
use crate::labels::Label;

/// What a document is written with.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    pub(super) locale: Locale,
    pub(super) currency: &'a str,
}

impl Words<'_> {
    pub(super) fn label(&self, label: Label) -> &'static str {
        label.text(self.locale.language)
    }

    /// A label before what it is of.
    pub(super) fn before(&self, label: Label) -> String {
        self.locale.with_colon(self.label(label))
    }

    pub(super) fn fill(&self, label: Label, values: &[&str]) -> String {
        label.fill(self.locale.language, values)
    }

    /// An amount, in a column whose heading names the currency.
    pub(super) fn number(&self, plain: &str) -> String {
        self.locale.number(plain)
    }

    /// An amount with its currency.
    pub(super) fn money(&self, plain: &str) -> String {
        format!("{}\u{A0}{}", self.locale.number(plain), self.currency)
    }

    /// The heading of a column of amounts.
    pub(super) fn in_currency(&self, label: Label) -> String {
        format!("{} ({})", self.label(label), self.currency)
    }

    /// A quantity or a rate without zeros at its end.
    pub(super) fn trimmed(&self, field: &'static str, plain: &str) -> Result<String, NotIssued> {
        Ok(self.number(&decimal(field, plain)?.normalize().to_string()))
    }

    /// A price: with all of its digits, and with two behind the decimal mark at least, if it has any there.
    pub(super) fn price(&self, field: &'static str, plain: &str) -> Result<String, NotIssued> {
        let mut price = decimal(field, plain)?.normalize();
        if price.scale() == 1 {
            price.rescale(2);
        }
        Ok(self.number(&price.to_string()))
    }

    /// A billed month: by its name; any other period by its days.
    pub(super) fn period(&self, period: &DocumentPeriod) -> String {
        let (start, end) = (period.start.0, period.end.0);
        match is_month(start, end) {
            true => self.locale.month(start.date_naive()),
            false => self.locale.interval(start, end),
        }
    }

    /// `2026-10` in words.
    pub(super) fn month(&self, field: &'static str, text: &str) -> Result<String, NotIssued> {
        let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d");
        first.map(|day| self.locale.month(day)).map_err(|_| NotIssued::Field { field, text: text.to_owned() })
    }

    pub(super) fn date(&self, instant: Time) -> String {
        self.locale.date(instant.0.date_naive())
    }
}

pub(super) fn decimal(field: &'static str, text: &str) -> Result<Decimal, NotIssued> {
    Decimal::from_str_exact(text).map_err(|_| NotIssued::Field { field, text: text.to_owned() })
}

fn is_month(start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
    use chrono::{Datelike, Months, NaiveTime};
    start.day() == 1 && start.time() == NaiveTime::MIN && start.checked_add_months(Months::new(1)) == Some(end)
}
