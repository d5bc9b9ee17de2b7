//! Credit notes: how much of a final invoice is taken back, and the tax and the credits that go with it.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::catalog::tax_rule::TaxGroup;
use crate::money::amount::{Money, round_half_away};
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
    /// What it used of credits before tax, by name. Its lines of these are below zero: what it charges is lower by them.
    pub credits: Vec<(Name, Money)>,
    /// What credits paid of its total, by name, in the order in which they were used.
    pub prepaid: Vec<(Name, Money)>,
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
    /// How it is taxed; `None`: not at all.
    pub tax: Option<TaxGroup>,
    /// What it is, if a note cannot name it.
    pub withheld: Option<Withheld>,
}

/// A line that is no charge: it goes back with all of the invoice, and not by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// What a credit paid, or what adjusts that.
    Credit,
    /// The minimum charge, or what adjusts it.
    MinimumCharge,
    /// What an earlier invoice left over.
    BroughtForward,
}

/// What is taxed in one way, and its tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditableTax {
    /// How.
    pub group: TaxGroup,
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
    /// Both, by what is taxed alike.
    pub taxes: Vec<CreditableTax>,
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
    /// How it is taxed, where it is of the invoice as a whole; `None`: as all of the invoice is.
    pub tax: Option<TaxGroup>,
}

/// What a credit note says; all that it takes back is negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNoteAmounts {
    /// Its lines.
    pub lines: Vec<CreditedLine>,
    /// Their sum.
    pub subtotal: Money,
    /// What goes back of the taxes of the invoice, in its order.
    pub taxes: Vec<CreditableTax>,
    /// The tax in all.
    pub tax: Money,
    /// Subtotal and tax.
    pub total: Money,
    /// What goes back of credits before tax, by name: above zero, beside the total.
    pub credits: Vec<(Name, Money)>,
    /// What goes back of credits that paid in advance, by name: above zero, a part of the total.
    pub prepaid: Vec<(Name, Money)>,
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
    /// How it is taxed; `None`: not at all.
    pub tax: Option<TaxGroup>,
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
    /// The line is no charge.
    #[error("line {line:?} of the invoice {}, which goes back only when the invoice is credited in full", .what.as_str())]
    LineWithheld {
        /// The line.
        line: String,
        /// What it is.
        what: Withheld,
    },
    /// More than the invoice charges, less what earlier notes took.
    #[error("the invoice has only {remaining:?} before tax left to credit, less than {requested:?}; lower the amounts")]
    InvoiceExceeded {
        /// What is left of it.
        remaining: Money,
        /// What was asked for.
        requested: Money,
    },
    /// More than the invoice charges at one rate of tax, less what earlier notes took.
    #[error(
        "of what the invoice taxes as {tax} %, only {remaining:?} before tax are left to credit, less than {requested:?}; lower the amounts"
    )]
    TaxExceeded {
        /// What is taxed so.
        tax: TaxGroup,
        /// What is left of it.
        remaining: Money,
        /// What was asked for.
        requested: Money,
    },
    /// More than the invoice comes to with tax, less what earlier notes took.
    #[error("the invoice has only {remaining:?} with tax left to credit, less than {requested:?}; lower the amounts")]
    TotalExceeded {
        /// What is left of it.
        remaining: Money,
        /// What would be taken.
        requested: Money,
    },
    /// Taking it back in full would take from the buyer what it gives back of another month.
    #[error(
        "line {0:?} of the invoice gives back something of an earlier month, which taking the invoice back in full would charge again; credit its other lines"
    )]
    AdjustsOthers(String),
    /// Which of several taxes goes back with an amount of the whole is not known.
    #[error("the invoice has several taxes ({}): say in tax {{category, rate}} of the amount which of them it has", taxes(.0))]
    SeveralTaxes(Vec<TaxGroup>),
    /// The invoice has no such tax.
    #[error("the invoice taxes nothing as {tax} %; its taxes: {}", taxes(.known))]
    TaxUnknown {
        /// The tax.
        tax: TaxGroup,
        /// Those of the invoice.
        known: Vec<TaxGroup>,
    },
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
            Self::LineWithheld { .. } => "LineWithheld",
            Self::InvoiceExceeded { .. } | Self::TaxExceeded { .. } | Self::TotalExceeded { .. } => "InvoiceExceeded",
            Self::AdjustsOthers(_) => "AdjustsOthers",
            Self::SeveralTaxes(_) => "SeveralTaxes",
            Self::TaxUnknown { .. } => "TaxUnknown",
            Self::Overflow => "Overflow",
        }
    }
}

/// Taxes as a reader knows them: "S 25.5 %, AE 0 %".
fn taxes(groups: &[TaxGroup]) -> String {
    let shown: Vec<_> = groups.iter().map(|group| format!("{group} %")).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

impl Withheld {
    fn as_str(self) -> &'static str {
        match self {
            Withheld::Credit => "is what a credit paid",
            Withheld::MinimumCharge => "is the minimum charge",
            Withheld::BroughtForward => "is what an earlier invoice left over",
        }
    }
}

/// What a note takes back of an invoice.
///
/// An invoice is paid by credits before tax, by what was paid in advance, and by money for the rest, which is what is due. A
/// note first lowers what is due. What it takes beyond goes back to the credits that paid in advance, to the one that was used last
/// first. A note in full takes back what is left, and gives the credits before tax back as they were used: then all of the
/// invoice has gone back, whichever notes came before, and nothing of it twice.
///
/// What is left is kept by what is taxed alike, and the tax that is left is always the tax on that: a note takes the
/// difference. So notes that take back all of it take back all of its tax, in however many parts, and none of them takes a cent
/// too much.
///
/// # Errors
/// The note cannot be issued.
pub fn credit(invoice: &Creditable, request: &CreditRequest) -> Result<CreditNoteAmounts, CreditRefusal> {
    let remaining = Remaining::of(invoice)?;
    let (lines, taxes) = match request {
        CreditRequest::Full => (invoice.credit_in_full(&remaining)?, remaining.all_taxes()),
        CreditRequest::Lines(requested) => {
            let lines = invoice.credit_lines(&remaining, requested)?;
            let taxes = remaining.taxes_of(&lines)?;
            (lines, taxes)
        }
    };
    let subtotal = sum(remaining.subtotal, lines.iter().map(|line| line.total))?;
    let tax = sum(subtotal, taxes.iter().map(|tax| tax.amount))?;
    let total = subtotal.checked_add(tax).ok_or(CreditRefusal::Overflow)?;
    let left = remaining.subtotal.checked_add(remaining.tax).ok_or(CreditRefusal::Overflow)?;
    if *request != CreditRequest::Full && total.negated().minor() > left.minor() {
        return Err(CreditRefusal::TotalExceeded { remaining: left, requested: total.negated() });
    }
    let credits = if *request == CreditRequest::Full { invoice.credits.clone() } else { Vec::new() };
    let note = CreditNoteAmounts { lines, subtotal, taxes, tax, total, credits, prepaid: Vec::new() };
    let until = invoice.total_credited_with(&note).ok_or(CreditRefusal::Overflow)?;
    Ok(CreditNoteAmounts { prepaid: invoice.prepaid_that_goes_back(remaining.credited, until)?, ..note })
}

impl Creditable {
    /// What notes took back in all, with tax, once this one is issued.
    pub fn total_credited_with(&self, note: &CreditNoteAmounts) -> Option<Money> {
        let sum =
            |sum: Money, prior_notes: &PriorNote| sum.checked_add(prior_notes.subtotal)?.checked_add(prior_notes.tax);
        self.prior_notes.iter().try_fold(note.total.negated(), sum)
    }

    /// Whether it is taxed in several ways: then lines, amounts and notes say in which.
    pub fn has_several_taxes(&self) -> bool {
        self.taxes.len() > 1
    }

    fn groups(&self) -> Vec<TaxGroup> {
        self.taxes.iter().map(|tax| tax.group).collect()
    }

    /// Whether an earlier note took all of it back, credits included.
    fn is_reversed(&self) -> bool {
        self.prior_notes.iter().any(|note| note.full)
    }

    /// What goes back of credits that paid in advance, when notes take so much in all, after they took so much before: what is
    /// beyond that which was due, of the credit that was used last first.
    fn prepaid_that_goes_back(&self, before: Money, until: Money) -> Result<Vec<(Name, Money)>, CreditRefusal> {
        let beyond = |credited: Money| (credited.minor() - self.amount_due.minor()).max(0);
        let (mut before, mut until) = (beyond(before), beyond(until));
        let mut back = Vec::new();
        for (credit, used) in self.prepaid.iter().rev() {
            let amount = until.min(used.minor()) - before.min(used.minor());
            if amount > 0 {
                back.push((credit.clone(), Money::new(amount, used.currency()).ok_or(CreditRefusal::Overflow)?));
            }
            (before, until) = ((before - used.minor()).max(0), (until - used.minor()).max(0));
        }
        Ok(back)
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
            tax: part.tax,
        });
        Ok(parts.chain(self.credited_before()?).collect())
    }

    /// Lines that give back what earlier notes took, as that is in the invoice's own lines: one for each note, or where there are
    /// several taxes one for each of them.
    fn credited_before(&self) -> Result<Vec<CreditedLine>, CreditRefusal> {
        if !self.has_several_taxes() {
            let tax = self.taxes.first().map(|tax| tax.group);
            let of = |note: &PriorNote| CreditedLine {
                line: None,
                description: format!("credited before, by {}", note.name),
                total: note.subtotal,
                tax,
            };
            return Ok(self.prior_notes.iter().map(of).collect());
        }
        let mut lines = Vec::new();
        for CreditableTax { group, .. } in &self.taxes {
            let of_group = |note: &PriorNote| note.taxes.iter().find(|tax| tax.group == *group).map(|tax| tax.base);
            let notes: Vec<_> = self.prior_notes.iter().filter_map(|note| Some((note, of_group(note)?))).collect();
            let Some((first, _)) = notes.first() else { continue };
            let others = match notes.len() - 1 {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            let description = format!("credited before, by {}{others}", first.name);
            let total = sum(self.subtotal, notes.iter().map(|(_, base)| *base))?;
            lines.push(CreditedLine { line: None, description, total, tax: Some(*group) });
        }
        Ok(lines)
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
        let mut lines = Vec::new();
        for (at, RequestedLine { line, description, amount, tax }) in requested.iter().enumerate() {
            if amount.minor() <= 0 {
                return Err(CreditRefusal::AmountInvalid(*amount));
            }
            let known = line.as_deref().map(|id| self.line(id, &requested[..=at])).transpose()?;
            let tax = match known {
                Some(known) => known.tax,
                None => self.tax_of_whole(*tax)?,
            };
            let description = match known.filter(|_| description.is_empty()) {
                Some(part) => part.description.clone(),
                None => description.clone(),
            };
            lines.push(CreditedLine { line: line.clone(), description, total: amount.negated(), tax });
        }
        let sum = sum(remaining.subtotal, requested.iter().map(|requested| requested.amount))?;
        if sum.minor() > remaining.subtotal.minor() {
            return Err(CreditRefusal::InvoiceExceeded { remaining: remaining.subtotal, requested: sum });
        }
        Ok(lines)
    }

    /// How an amount of the invoice as a whole is taxed.
    fn tax_of_whole(&self, asked: Option<TaxGroup>) -> Result<Option<TaxGroup>, CreditRefusal> {
        match asked {
            Some(tax) if self.taxes.iter().any(|known| known.group == tax) => Ok(Some(tax)),
            Some(tax) => Err(CreditRefusal::TaxUnknown { tax, known: self.groups() }),
            None if self.has_several_taxes() => Err(CreditRefusal::SeveralTaxes(self.groups())),
            None => Ok(self.taxes.first().map(|tax| tax.group)),
        }
    }

    /// A line of which all that is wanted is left.
    fn line(&self, id: &str, requested: &[RequestedLine]) -> Result<&CreditableLine, CreditRefusal> {
        let unknown = || CreditRefusal::LineUnknown(id.to_owned());
        let part = self.lines.iter().find(|part| part.id == id).ok_or_else(unknown)?;
        if let Some(what) = part.withheld {
            return Err(CreditRefusal::LineWithheld { line: id.to_owned(), what });
        }
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
    /// Both, by what is taxed alike, in the order of the invoice.
    taxes: Vec<CreditableTax>,
    /// What they took in all, with tax.
    credited: Money,
}

impl Remaining {
    fn of(invoice: &Creditable) -> Result<Self, CreditRefusal> {
        let prior_notes = || invoice.prior_notes.iter();
        let subtotal = sum(invoice.subtotal, prior_notes().map(|note| note.subtotal))?;
        let tax = sum(invoice.subtotal, prior_notes().map(|note| note.tax))?;
        let left_of = |of: &CreditableTax| {
            let took = || prior_notes().flat_map(|note| &note.taxes).filter(|tax| tax.group == of.group);
            let base = took().try_fold(of.base, |left, tax| left.checked_sub(tax.base))?;
            let amount = took().try_fold(of.amount, |left, tax| left.checked_sub(tax.amount))?;
            Some(CreditableTax { group: of.group, base, amount })
        };
        Ok(Self {
            subtotal: invoice.subtotal.checked_sub(subtotal).ok_or(CreditRefusal::Overflow)?,
            tax: invoice.tax.checked_sub(tax).ok_or(CreditRefusal::Overflow)?,
            taxes: invoice.taxes.iter().map(left_of).collect::<Option<_>>().ok_or(CreditRefusal::Overflow)?,
            credited: subtotal.checked_add(tax).ok_or(CreditRefusal::Overflow)?,
        })
    }

    fn is_zero(&self) -> bool {
        self.subtotal.is_zero() && self.tax.is_zero()
    }

    /// All that is left of each tax goes back.
    fn all_taxes(&self) -> Vec<CreditableTax> {
        let back = |left: &CreditableTax| CreditableTax {
            group: left.group,
            base: left.base.negated(),
            amount: left.amount.negated(),
        };
        self.taxes.iter().map(back).collect()
    }

    /// What goes back of each tax that these (negative) lines have.
    fn taxes_of(&self, lines: &[CreditedLine]) -> Result<Vec<CreditableTax>, CreditRefusal> {
        let mut bases: BTreeMap<TaxGroup, Money> = BTreeMap::new();
        for line in lines {
            let Some(group) = line.tax else { continue };
            let base = bases.entry(group).or_insert(Money::zero(line.total.currency()));
            *base = base.checked_add(line.total).ok_or(CreditRefusal::Overflow)?;
        }
        let mut taxes = Vec::new();
        for left in &self.taxes {
            let Some(base) = bases.get(&left.group) else { continue };
            taxes.push(left.back(*base, self.taxes.len() > 1)?);
        }
        Ok(taxes)
    }
}

impl CreditableTax {
    /// What goes back of its tax with so much (negative) of its base.
    fn back(&self, base: Money, is_one_of_several: bool) -> Result<CreditableTax, CreditRefusal> {
        if is_one_of_several && base.negated().minor() > self.base.minor() {
            let (remaining, requested) = (self.base, base.negated());
            return Err(CreditRefusal::TaxExceeded { tax: self.group, remaining, requested });
        }
        let difference = || {
            let rest = self.base.checked_add(base)?;
            let on_rest = round_half_away(&rest.exact().times(self.group.rate.part()), rest.currency())?;
            on_rest.checked_sub(self.amount)
        };
        let amount = difference().ok_or(CreditRefusal::Overflow)?;
        Ok(CreditableTax { group: self.group, base, amount })
    }
}

/// The sum of amounts in the currency of `like`.
fn sum(like: Money, mut amounts: impl Iterator<Item = Money>) -> Result<Money, CreditRefusal> {
    let sum = amounts.try_fold(Money::zero(like.currency()), |sum, amount| sum.checked_add(amount));
    sum.ok_or(CreditRefusal::Overflow)
}
