//! What is different, and why.

use std::fmt;

use serde::Serialize;

use billing_api::Line;

/// Something that the records of now make another of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The id of the line that it is about; absent when it is about the document itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The object that caused the line: its kind and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What differs. Of a line that only one side has, its total.
    pub fields: Vec<FieldDifference>,
    /// Why that is lawful; absent when nothing explains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// Where the amount is adjusted; absent when there is nothing to adjust.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub adjustment: Option<AdjustedOn>,
}

/// Where the difference of an amount is billed, or given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum AdjustedOn {
    /// It stands on these later finals.
    #[serde(rename = "adjustedOn")]
    On(Vec<String>),
    /// It is due on this invoice, the oldest of the group that is not final.
    #[serde(rename = "dueOn")]
    Due(String),
}

impl fmt::Display for AdjustedOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdjustedOn::On(numbers) => write!(f, "adjusted on {}", numbers.join(", ")),
            AdjustedOn::Due(number) => write!(f, "to be adjusted on {number}, the oldest invoice that is not final"),
        }
    }
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDifference {
    /// Its path.
    pub field: String,
    /// What the final says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// What it would say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed: Option<String>,
}

/// Why a difference is lawful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// For programs.
    pub reason: Reason,
    /// For people.
    pub message: String,
}

/// The lawful reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Reason {
    /// The usage record was deleted, which changes no invoice.
    RecordGone,
    /// The usage record was deleted, and another made under its name.
    RecordMadeAgain,
    /// The usage record was made after the final.
    RecordLate,
    /// The usage record ran when the final was made, and ended earlier.
    RecordEnded,
    /// The usage record is metered, and was read further after the final was made.
    RecordReadLate,
    /// A usage record that was made after the final replaces it.
    RecordReplaced,
    /// The ledger of the project was written after the final.
    PayerChanged,
    /// The price list is another, or was edited.
    PriceListChanged,
    /// The exchange rates are others, or a nearer day was added.
    ExchangeRatesChanged,
    /// The billing group was edited: its profile or its terms.
    BillingGroupChanged,
    /// The issuer is another, or was edited.
    InvoiceIssuerChanged,
    /// The VAT id was confirmed or voided.
    VatIdJudged,
    /// A project without a charge came or went.
    ProjectsChanged,
    /// An earlier version of the operator made the final, which wrote this otherwise.
    EarlierVersion,
    /// It follows from the other differences.
    Follows,
}

impl Explanation {
    /// A reason in words.
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// What follows from a difference that is explained itself.
    pub(super) fn follows() -> Self {
        Self::new(Reason::Follows, "it follows from the other differences")
    }
}

impl Difference {
    /// A field of the document itself.
    pub(super) fn of_document(fields: Vec<FieldDifference>, explanation: Option<Explanation>) -> Self {
        Self { line: None, source: None, fields, explanation, adjustment: None }
    }

    /// A line.
    pub(super) fn of_line(line: &Line, fields: Vec<FieldDifference>, explanation: Option<Explanation>) -> Self {
        let source = line.source.as_ref().map(|source| format!("{} {}", source.kind, source.name.as_str()));
        Self { line: Some(line.id.clone()), source, fields, explanation, adjustment: None }
    }

    /// Everything that is compared is the same, and the document is not.
    pub(super) fn of_digest(recorded: &str, computed: &str) -> Self {
        Self::of_document(vec![FieldDifference::new("digest", Some(recorded), Some(computed))], None)
    }

    /// Whether nothing explains it.
    pub fn is_unexplained(&self) -> bool {
        self.explanation.is_none()
    }
}

impl FieldDifference {
    /// A field with what both sides say.
    pub(super) fn new(field: &str, recorded: Option<&str>, computed: Option<&str>) -> Self {
        let text = |side: Option<&str>| side.map(str::to_owned);
        Self { field: field.to_owned(), recorded: text(recorded), computed: text(computed) }
    }
}

impl fmt::Display for FieldDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{} is {}, and would be {}", self.field, side(&self.recorded), side(&self.computed))
    }
}

/// What is different, in one line; the explanation is not part of it.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = &self.line {
            let source = self.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
            write!(f, "line {line}{source}: ")?;
        }
        let fields: Vec<_> = self.fields.iter().map(ToString::to_string).collect();
        f.write_str(&fields.join("; "))
    }
}
