//! All that is printed, as texts in the reader's language: what the template sets, and nothing that it would have to know.

mod invoice;
mod line;
mod note;
mod party;
mod payment;
mod tax;
mod words;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::color::Rgb;
use crate::logo::Logo;
use crate::{Locale, Paper};
use party::Party;

/// The content of a document.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Content {
    /// The language of the labels, for screen readers.
    pub(crate) lang: &'static str,
    region: Option<String>,
    paper: &'static str,
    /// The title of the file.
    title: String,
    author: String,
    #[serde(skip)]
    pub(crate) issued_at: DateTime<Utc>,
    families: Vec<String>,
    logo: Option<&'static str>,
    colors: Colors,
    /// Behind every page: that this is no invoice.
    watermark: Option<&'static str>,
    /// What the document is.
    heading: &'static str,
    number: String,
    from: Party,
    bill_to: Party,
    facts: Vec<Fact>,
    highlight: Highlight,
    /// Before the lines.
    notes: Vec<String>,
    /// What the buyer wants to have printed, line by line.
    text: Vec<String>,
    columns: Columns,
    sections: Vec<Section>,
    /// Instead of the lines, which are in an annex.
    summary: Option<Summary>,
    totals: Vec<Total>,
    payment: Option<Payment>,
    /// After the totals.
    remarks: Vec<String>,
    pub(crate) digest: Digest,
    /// `Page {1} of {2}`
    page: &'static str,
    /// The seller's own words at the end of each page, line by line.
    footer: Vec<String>,
}

/// The seller's colour as it is used.
#[derive(Debug, Clone, Serialize)]
struct Colors {
    rule: String,
    text: String,
    ground: String,
}

/// Something short with its label.
#[derive(Debug, Clone, Serialize)]
struct Fact {
    label: &'static str,
    value: String,
}

/// What everybody looks for first.
#[derive(Debug, Clone, Serialize)]
struct Highlight {
    label: &'static str,
    amount: String,
    note: Option<String>,
}

/// The headings of the columns. A column that no line fills is not there.
#[derive(Debug, Clone, Serialize)]
struct Columns {
    description: &'static str,
    quantity: Option<&'static str>,
    price: Option<&'static str>,
    before: Option<&'static str>,
    discount: Option<&'static str>,
    tax: Option<&'static str>,
    amount: String,
}

/// The lines of a project, or those of none.
#[derive(Debug, Clone, Serialize)]
struct Section {
    /// The project, where the lines are of one.
    #[serde(skip)]
    project: Option<String>,
    title: Option<String>,
    lines: Vec<Row>,
    subtotal: Option<Subtotal>,
}

#[derive(Debug, Clone, Serialize)]
struct Subtotal {
    label: String,
    amount: String,
}

/// A line.
#[derive(Debug, Clone, Default, Serialize)]
struct Row {
    description: String,
    /// In small letters below the description.
    details: Vec<String>,
    quantity: String,
    price: String,
    before: String,
    discount: String,
    tax: String,
    amount: String,
}

/// The projects of a document whose lines are in an annex.
#[derive(Debug, Clone, Serialize)]
struct Summary {
    title: &'static str,
    project: &'static str,
    lines: &'static str,
    amount: String,
    rows: Vec<SummaryRow>,
    annex: &'static str,
    /// Where the lines are, if they are too many to be printed.
    elsewhere: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct SummaryRow {
    project: String,
    lines: String,
    amount: String,
}

/// A sum.
#[derive(Debug, Clone, Serialize)]
struct Total {
    label: String,
    /// Why it is so, in small letters below.
    notes: Vec<String>,
    amount: String,
    strong: bool,
}

impl Total {
    fn new(label: impl Into<String>, amount: String) -> Self {
        Self { label: label.into(), notes: Vec::new(), amount, strong: false }
    }

    fn strong(label: impl Into<String>, amount: String) -> Self {
        Self { strong: true, ..Self::new(label, amount) }
    }
}

/// How it is paid.
#[derive(Debug, Clone, Serialize)]
struct Payment {
    title: &'static str,
    text: String,
    facts: Vec<Fact>,
}

/// By what the document can be checked.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Digest {
    label: String,
    pub(crate) value: String,
    verify: Option<Verify>,
}

#[derive(Debug, Clone, Serialize)]
struct Verify {
    label: String,
    command: String,
}

impl Content {
    /// With the seller's picture.
    pub(crate) fn with_logo(self, logo: Option<&Logo>) -> Self {
        Self { logo: logo.map(Logo::file_name), ..self }
    }

    /// The title of the file.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// Set in these fonts.
    pub(crate) fn with_families(self, families: Vec<&str>) -> Self {
        Self { families: families.into_iter().map(str::to_owned).collect(), ..self }
    }
}

impl Colors {
    fn of(seller: &billing_api::Seller) -> Self {
        let color = Rgb::parse(seller.document.as_ref().and_then(|style| style.color.as_deref()));
        Self { rule: color.hex(), text: color.for_text().hex(), ground: color.for_ground().hex() }
    }
}

/// The reader's language: the buyer's, else the seller's.
fn locale_of(seller: &billing_api::Seller, buyer: &billing_api::Buyer) -> Locale {
    Locale::of([buyer.language.as_deref(), seller.language.as_deref()])
}

/// The size that is asked for, else the one that is usual where the buyer is, else where the seller is.
fn paper_of(asked: Option<Paper>, seller: &billing_api::Seller, buyer: &billing_api::Buyer) -> &'static str {
    const WITH_LETTER: [&str; 12] = ["US", "CA", "MX", "PH", "CL", "CO", "VE", "CR", "GT", "NI", "PA", "PR"];
    let country = |address: &Option<billing_api::Address>| address.as_ref()?.country_code.clone();
    let usual = || match country(&buyer.billing_address).or_else(|| country(&seller.address)) {
        Some(country) if WITH_LETTER.contains(&country.as_str()) => Paper::Letter,
        _ => Paper::A4,
    };
    match asked.unwrap_or_else(usual) {
        Paper::A4 => "a4",
        Paper::Letter => "us-letter",
    }
}

/// The seller's own words at the end of each page.
fn footer_of(seller: &billing_api::Seller) -> Vec<String> {
    let footer = seller.document.as_ref().and_then(|style| style.footer.as_deref()).unwrap_or_default();
    footer.lines().map(str::to_owned).collect()
}
