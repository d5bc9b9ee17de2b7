//! Credit notes: how much of a final invoice is taken back, and the tax and the credits that go with it.

use thiserror::Error;

use crate::money::amount::{Money, round_half_away};
use crate::money::ratio::Ratio;
use crate::name::Name;

/// A final invoice, as far as a credit note asks.
#[derive(Debug, Clone)]
pub struct Creditable {
    /// What it charges, in order: its lines, and each of its slices as a whole.
    pub parts: Vec<CreditableLine>,
    /// The lines that a note may name: its own, and those of its slices if a note names one of them.
    pub lines: Vec<CreditableLine>,
    /// The sum of its lines.
    pub subtotal: Money,
    /// Its tax, once per category and rate.
    pub taxes: Vec<CreditableTax>,
    /// Its tax in all.
    pub tax: Money,
    /// What was to be paid of it, with tax; the rest was paid in advance.
    pub amount_due: Money,
    /// A line that gives back something of a closed month, by its id.
    pub gives_back: Option<String>,
    /// What it used of credits, by name. Its lines of these are below zero: what it charges is lower by them.
    pub credits: Vec<(Name, Money)>,
    /// The notes before this one, in order.
    pub prior_notes: Vec<PriorNote>,
}

/// Something that an invoice charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditableLine {
    /// The line's id.
    pub id: String,
    /// What it says.
    pub description: String,
    /// How much it is.
    pub total: Money,
}

/// The tax of one category and rate.
#[derive(Debug, Clone)]
pub struct CreditableTax {
    /// The rate: 0.255 for 25.5 %.
    pub rate: Ratio,
    /// What is taxed.
    pub base: Money,
    /// The tax.
    pub amount: Money,
}

/// What a note took back of the same invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorNote {
    /// What it is called.
    pub name: String,
    /// Whether it took back all that was left, and gave the credits back.
    pub full: bool,
    /// Before tax.
    pub subtotal: Money,
    /// The tax.
    pub tax: Money,
    /// What it took of which lines.
    pub lines: Vec<(String, Money)>,
}

/// What a note is to take back; amounts are positive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreditRequest {
    /// All that is left.
    Full,
    /// These amounts, before tax.
    Lines(Vec<RequestedLine>),
}

/// An amount that is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedLine {
    /// Of this line of the invoice; `None`: of the invoice as a whole.
    pub line: Option<String>,
    /// What for; empty: what the line says.
    pub description: String,
    /// How much.
    pub amount: Money,
}

/// What a credit note says; all that it takes back is negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNoteAmounts {
    /// Its lines.
    pub lines: Vec<CreditedLine>,
    /// Their sum.
    pub subtotal: Money,
    /// The taxed amount and the tax, for each tax of the invoice in its order.
    pub taxes: Vec<(Money, Money)>,
    /// The tax in all.
    pub tax: Money,
    /// Subtotal and tax.
    pub total: Money,
    /// What goes back of credits, by name: above zero, beside the total.
    pub credits: Vec<(Name, Money)>,
}

/// One line of a credit note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditedLine {
    /// The line of the invoice that it takes back, if it names one.
    pub line: Option<String>,
    /// What it says.
    pub description: String,
    /// How much: negative, unless it undoes something negative.
    pub total: Money,
}

/// Why a note cannot be issued.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CreditRefusal {
    /// Notes took everything back already.
    #[error("nothing is left to credit: earlier credit notes credited {0:?}")]
    NothingLeft(Money),
    /// An amount is nothing.
    #[error("credit amounts must be greater than zero, and one is {0:?}")]
    AmountInvalid(Money),
    /// The invoice has no such line.
    #[error("the invoice has no line {0:?}; its lines are in status.document.lines, or in its slices")]
    LineUnknown(String),
    /// More than the line charges, less what earlier notes took of it.
    #[error("line {line:?} has only {remaining:?} left to credit, less than {requested:?}; lower the amount")]
    LineExceeded {
        /// The line.
        line: String,
        /// What is left of it.
        remaining: Money,
        /// What was asked for.
        requested: Money,
    },
    /// More than the invoice charges, less what earlier notes took.
    #[error("the invoice has only {remaining:?} before tax left to credit, less than {requested:?}; lower the amounts")]
    InvoiceExceeded {
        /// What is left of it.
        remaining: Money,
        /// What was asked for.
        requested: Money,
    },
    /// Taking it back in full would take from the buyer what it gives back of another month.
    #[error(
        "line {0:?} of the invoice gives back something of an earlier month, which taking the invoice back in full would charge again; credit its other lines"
    )]
    AdjustsOthers(String),
    /// More than was to be paid, of an invoice of which credits paid a part after tax.
    #[error(
        "of the invoice only {due:?} was to be paid, with tax, and less is left to credit than {requested:?}: the rest was paid by credits, which go back when the invoice is credited in full"
    )]
    DueExceeded {
        /// What was to be paid.
        due: Money,
        /// What notes would take back in all.
        requested: Money,
    },
    /// Which of several taxes goes back with a part is not known.
    #[error("the invoice has {0} taxes, and an amount does not say which of them applies; credit the invoice in full")]
    SeveralTaxes(usize),
    /// A sum is larger than a document can carry.
    #[error("the amounts add up to more than a credit note can hold; lower them")]
    Overflow,
}

impl CreditRefusal {
    /// A word for it, as the reason of a condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NothingLeft(_) => "NothingLeft",
            Self::AmountInvalid(_) => "AmountInvalid",
            Self::LineUnknown(_) => "LineUnknown",
            Self::LineExceeded { .. } => "LineExceeded",
            Self::InvoiceExceeded { .. } => "InvoiceExceeded",
            Self::AdjustsOthers(_) => "AdjustsOthers",
            Self::DueExceeded { .. } => "DueExceeded",
            Self::SeveralTaxes(_) => "SeveralTaxes",
            Self::Overflow => "Overflow",
        }
    }
}

/// What a note takes back of an invoice.
///
/// An invoice is paid by credits first, and by money for the rest, which is its total. A note of parts takes back money and
/// no more than that rest. A note in full takes back what is left of it, and gives the credits back as they were used:
/// then all of the invoice has gone back, whichever notes came before, and nothing of it twice.
///
/// The tax that is left is always the tax on what is left: a note takes the difference. So notes that take back all of
/// an invoice take back all of its tax, in however many parts, and none of them takes a cent too much.
///
/// # Errors
/// The note cannot be issued.
pub fn credit(invoice: &Creditable, request: &CreditRequest) -> Result<CreditNoteAmounts, CreditRefusal> {
    let remaining = Remaining::of(invoice)?;
    let lines = match request {
        CreditRequest::Full => invoice.credit_in_full(&remaining)?,
        CreditRequest::Lines(requested) => invoice.credit_lines(&remaining, requested)?,
    };
    let subtotal = sum(remaining.subtotal, lines.iter().map(|line| line.total))?;
    let taxes = remaining.taxes_of(invoice, subtotal)?;
    let tax = sum(subtotal, taxes.iter().map(|(_, tax)| *tax))?;
    let total = subtotal.checked_add(tax).ok_or(CreditRefusal::Overflow)?;
    let full = *request == CreditRequest::Full;
    let credits = if full { invoice.credits.clone() } else { Vec::new() };
    let note = CreditNoteAmounts { lines, subtotal, taxes, tax, total, credits };
    let requested = invoice.total_credited_with(&note).ok_or(CreditRefusal::Overflow)?;
    let is_prepaid = invoice.amount_due != invoice.subtotal.checked_add(invoice.tax).ok_or(CreditRefusal::Overflow)?;
    if !full && is_prepaid && requested.minor() > invoice.amount_due.minor() {
        return Err(CreditRefusal::DueExceeded { due: invoice.amount_due, requested });
    }
    Ok(note)
}

impl Creditable {
    /// What notes took back in all, with tax, once this one is issued.
    pub fn total_credited_with(&self, note: &CreditNoteAmounts) -> Option<Money> {
        let sum =
            |sum: Money, prior_notes: &PriorNote| sum.checked_add(prior_notes.subtotal)?.checked_add(prior_notes.tax);
        self.prior_notes.iter().try_fold(note.total.negated(), sum)
    }

    /// Whether an earlier note took all of it back, credits included.
    fn is_reversed(&self) -> bool {
        self.prior_notes.iter().any(|note| note.full)
    }

    /// Takes back whatever is left: all that the invoice charges, but for what earlier notes took.
    fn credit_in_full(&self, remaining: &Remaining) -> Result<Vec<CreditedLine>, CreditRefusal> {
        let gone = remaining.is_zero() && !self.prior_notes.is_empty();
        if self.is_reversed() || (gone && self.credits.is_empty()) {
            return Err(CreditRefusal::NothingLeft(remaining.credited));
        }
        if let Some(line) = &self.gives_back {
            return Err(CreditRefusal::AdjustsOthers(line.clone()));
        }
        let parts = self.parts.iter().map(|part| CreditedLine {
            line: (!part.id.is_empty()).then(|| part.id.clone()),
            description: part.description.clone(),
            total: part.total.negated(),
        });
        let credited = self.prior_notes.iter().map(|note| CreditedLine {
            line: None,
            description: format!("credited before, by {}", note.name),
            total: note.subtotal,
        });
        Ok(parts.chain(credited).collect())
    }

    /// Takes back parts.
    fn credit_lines(
        &self,
        remaining: &Remaining,
        requested: &[RequestedLine],
    ) -> Result<Vec<CreditedLine>, CreditRefusal> {
        if remaining.is_zero() {
            return Err(CreditRefusal::NothingLeft(remaining.credited));
        }
        if self.taxes.len() > 1 {
            return Err(CreditRefusal::SeveralTaxes(self.taxes.len()));
        }
        let mut lines = Vec::new();
        for (at, RequestedLine { line, description, amount }) in requested.iter().enumerate() {
            if amount.minor() <= 0 {
                return Err(CreditRefusal::AmountInvalid(*amount));
            }
            let known = line.as_deref().map(|id| self.line(id, &requested[..=at])).transpose()?;
            let description = match known.filter(|_| description.is_empty()) {
                Some(part) => part.description.clone(),
                None => description.clone(),
            };
            lines.push(CreditedLine { line: line.clone(), description, total: amount.negated() });
        }
        let sum = sum(remaining.subtotal, requested.iter().map(|requested| requested.amount))?;
        if sum.minor() > remaining.subtotal.minor() {
            return Err(CreditRefusal::InvoiceExceeded { remaining: remaining.subtotal, requested: sum });
        }
        Ok(lines)
    }

    /// A line of which all that is wanted is left.
    fn line(&self, id: &str, requested: &[RequestedLine]) -> Result<&CreditableLine, CreditRefusal> {
        let unknown = || CreditRefusal::LineUnknown(id.to_owned());
        let part = self.lines.iter().find(|part| part.id == id).ok_or_else(unknown)?;
        let prior_notes = self.prior_notes.iter().flat_map(|note| &note.lines);
        let of_line = prior_notes.filter(|(line, _)| line == id).map(|(_, amount)| amount.negated());
        let remaining = sum(part.total, [part.total].into_iter().chain(of_line))?;
        let of_line = requested
            .iter()
            .filter(|requested| requested.line.as_deref() == Some(id))
            .map(|requested| requested.amount);
        let requested = sum(part.total, of_line)?;
        match requested.minor() > remaining.minor() {
            true => Err(CreditRefusal::LineExceeded { line: id.to_owned(), remaining, requested }),
            false => Ok(part),
        }
    }
}

/// What earlier notes left of an invoice.
struct Remaining {
    subtotal: Money,
    tax: Money,
    /// What they took in all, with tax.
    credited: Money,
}

impl Remaining {
    fn of(invoice: &Creditable) -> Result<Self, CreditRefusal> {
        let prior_notes = || invoice.prior_notes.iter();
        let subtotal = sum(invoice.subtotal, prior_notes().map(|note| note.subtotal))?;
        let tax = sum(invoice.subtotal, prior_notes().map(|note| note.tax))?;
        Ok(Self {
            subtotal: invoice.subtotal.checked_sub(subtotal).ok_or(CreditRefusal::Overflow)?,
            tax: invoice.tax.checked_sub(tax).ok_or(CreditRefusal::Overflow)?,
            credited: subtotal.checked_add(tax).ok_or(CreditRefusal::Overflow)?,
        })
    }

    fn is_zero(&self) -> bool {
        self.subtotal.is_zero() && self.tax.is_zero()
    }

    /// For each tax of the invoice what goes back of its base and amount with a (negative) subtotal.
    fn taxes_of(&self, invoice: &Creditable, subtotal: Money) -> Result<Vec<(Money, Money)>, CreditRefusal> {
        if subtotal == self.subtotal.negated() && invoice.prior_notes.is_empty() {
            return Ok(invoice.taxes.iter().map(|tax| (tax.base.negated(), tax.amount.negated())).collect());
        }
        let one = |tax: &CreditableTax| {
            let rest = self.subtotal.checked_add(subtotal)?;
            let on_rest = round_half_away(&rest.exact().times(tax.rate.clone()), rest.currency())?;
            Some((subtotal, on_rest.checked_sub(self.tax)?))
        };
        invoice.taxes.iter().map(|tax| one(tax).ok_or(CreditRefusal::Overflow)).collect()
    }
}

/// The sum of amounts in the currency of `like`.
fn sum(like: Money, mut amounts: impl Iterator<Item = Money>) -> Result<Money, CreditRefusal> {
    let sum = amounts.try_fold(Money::zero(like.currency()), |sum, amount| sum.checked_add(amount));
    sum.ok_or(CreditRefusal::Overflow)
}
