//! A final that is issued again: its lines, for the buyer as he is now.
//!
//! What was supplied and at what price stands as it is. Lines are taxed again, those of credits and of the minimum charge are made again
//! as what is taxed alike has changed, and so is all that follows from them.

use std::collections::BTreeMap;

use billing_api as api;
use billing_domain::invoice::number;
use billing_domain::{
    Currency, Item, Money, Month, MonthTerms, Name, Reissue, ServiceSum, Supplies, TaxGroup, TaxReasons, TaxScheme,
    TaxTreatment,
};

use crate::document::{RenderError, Rendered, amount, render_prepayment, seal};
use crate::issued::{IssuedInvoice, NotIssued, money};
use crate::line::render_plain;
use crate::slices::cut_at;
use crate::tax::{render_tax, tax_category};
use crate::terms::{render_treatments, terms_of};
use crate::verify::{Finding, differs};

/// How months whose finals were issued again are taxed since.
pub type TaxedAgain = BTreeMap<Month, TaxScheme>;

/// A final that was credited in full, and how it is taxed now.
#[derive(Debug)]
pub struct Original<'a> {
    /// The final.
    pub issued: &'a IssuedInvoice<'a>,
    /// By what it was billed, with the tax of now.
    terms: MonthTerms,
    /// What adjusts a month that was issued again is taxed as that.
    taxed_again: TaxedAgain,
}

/// Why it is not known what a final would be now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginalError {
    /// Something in it cannot be read.
    #[error(transparent)]
    Unreadable(#[from] NotIssued),
    /// An earlier version made it.
    #[error(
        "an earlier version issued it, which did not record its terms: credit it without reissue, and bill the month by hand"
    )]
    NoTerms,
    /// It gives back something of another month, or returns credits: all that would happen again.
    #[error("it returns credits that had paid for an earlier month, which would be returned again")]
    ReturnsCredits,
}

/// What a document says that is issued again, beside its amounts.
#[derive(Debug)]
pub struct ReissueHeader {
    /// Its number.
    pub number: Name,
    /// When it is issued.
    pub issued_at: api::Time,
    /// When it is to be paid.
    pub due_at: api::Time,
    /// Who bills.
    pub seller: api::Seller,
    /// Who pays.
    pub buyer: api::Buyer,
    /// The group, the issuer and the credits in the versions that it was made from.
    pub billing_group: Option<api::InputGeneration>,
    /// The issuer.
    pub issuer: Option<api::InputGeneration>,
    /// The credits that it uses.
    pub credits: Vec<api::InputVersion>,
    /// The number of the credit note.
    pub credit_note: api::NoteNumber,
    /// The digest of the credit note.
    pub credit_note_digest: String,
}

/// What becomes of a line.
enum Fate {
    /// It only tells.
    Tells,
    /// It follows from the others, and is made again.
    Follows,
    /// It is a service.
    Service,
    /// It was agreed beside services.
    Charge,
    /// It adjusts a closed month.
    Adjustment,
}

fn fate(line: &api::Line) -> Fate {
    if line.adjusts.is_some() {
        return Fate::Adjustment;
    }
    match line.kind {
        api::LineType::Multiplier => Fate::Tells,
        api::LineType::CreditConsumption | api::LineType::Rounding => Fate::Follows,
        _ if line.service.is_some() => Fate::Service,
        _ => Fate::Charge,
    }
}

impl<'a> Original<'a> {
    /// A final, as the issuer taxes the buyer now; `taxed_again` are those months of the group that were issued again.
    ///
    /// # Errors
    /// It cannot be issued again.
    pub fn new(issued: &'a IssuedInvoice<'a>, tax: TaxScheme, taxed_again: TaxedAgain) -> Result<Self, OriginalError> {
        if !issued.document.returned_credits.is_empty() {
            return Err(OriginalError::ReturnsCredits);
        }
        let terms = terms_of(issued.document, issued.currency)?.ok_or(OriginalError::NoTerms)?;
        Ok(Self { issued, terms: MonthTerms { tax, ..terms }, taxed_again })
    }

    /// How a line is taxed now.
    fn treatment(&self, line: &api::Line) -> Option<&TaxTreatment> {
        let service = line.service.as_ref().map(|service| service.kind.as_str());
        self.scheme_of(line).and_then(|scheme| scheme.treatment(service))
    }

    /// The scheme by which a line is taxed; `None`: it is taxed as it says.
    fn scheme_of(&self, line: &api::Line) -> Option<&TaxScheme> {
        match &line.adjusts {
            None => Some(&self.terms.tax),
            // What it settles for a group that is gone is taxed as that group's months are.
            Some(adjusts) if adjusts.closed_by.is_some() => None,
            Some(adjusts) => self.taxed_again.get(&adjusts.period.parse().ok()?),
        }
    }

    fn tax_of(&self, line: &api::Line) -> Result<Option<TaxGroup>, NotIssued> {
        match self.scheme_of(line) {
            Some(_) => Ok(self.treatment(line).map(|treatment| treatment.group)),
            None => self.issued.tax_of(line),
        }
    }

    /// What it charges, but for what follows from that.
    ///
    /// # Errors
    /// An amount cannot be read, or services add up to too much.
    pub fn supplies(&self) -> Result<Supplies<'_>, NotIssued> {
        let mut services: BTreeMap<(Name, Option<TaxGroup>), Money> = BTreeMap::new();
        let (mut charges, mut adjustments) = (Vec::new(), Vec::new());
        let (mut reasons, mut unruled) = (TaxReasons::default(), None);
        for line in &self.issued.lines {
            let total = money("status.document.lines.total", &line.total, self.issued.currency)?;
            let tax = self.tax_of(line)?;
            match fate(line) {
                Fate::Tells | Fate::Follows => continue,
                Fate::Service => {
                    let project = line.project.as_deref().unwrap_or_default();
                    let sum = services.entry((project.into(), tax)).or_insert(Money::zero(total.currency()));
                    let added = sum.checked_add(total);
                    *sum = added.ok_or_else(|| NotIssued::Field {
                        field: "status.document.lines.total",
                        text: line.total.to_string(),
                    })?;
                }
                Fate::Charge => charges.push((tax, total)),
                Fate::Adjustment => adjustments.push((tax, total)),
            }
            match (self.treatment(line), self.scheme_of(line), tax) {
                (Some(treatment), ..) => reasons.add(treatment),
                (None, None, Some(group)) => self.reasons_as_written(group, &mut reasons),
                (None, Some(TaxScheme::Treatments(_)), _) if line.adjusts.is_none() => {
                    let kind = line.service.as_ref().map(|service| Name::from(service.kind.as_str()));
                    unruled = unruled.or(kind);
                }
                _ => {}
            }
        }
        let sum = |((project, tax), total)| ServiceSum { project, tax, total };
        Ok(Supplies {
            month: self.issued.month,
            currency: self.issued.currency,
            terms: &self.terms,
            services: services.into_iter().map(sum).collect(),
            charges,
            adjustments,
            reasons,
            unruled,
        })
    }

    /// The reasons that the document prints of what is taxed alike.
    fn reasons_as_written(&self, group: TaxGroup, reasons: &mut TaxReasons) {
        let printed =
            self.issued.taxes.iter().filter(|tax| tax.group() == group).filter_map(|tax| tax.reason.as_deref());
        printed.flat_map(|all| all.split("; ")).for_each(|reason| reasons.add_reason(group, Some(reason)));
    }

    /// Writes it again.
    ///
    /// # Errors
    /// Something cannot be read, is too large, or has no canonical form.
    pub fn render(&self, header: ReissueHeader, reissue: &Reissue) -> Result<Rendered, ReissueRenderError> {
        let (original, currency) = (self.issued.document, self.issued.currency);
        let lines = self.lines(reissue)?;
        let in_slices: usize = original.slices.iter().map(|slice| usize::try_from(slice.lines).unwrap_or(0)).sum();
        let (sliced, own) = lines.split_at(in_slices.min(lines.len()));
        let lengths: Vec<usize> =
            original.slices.iter().map(|slice| usize::try_from(slice.lines).unwrap_or(0)).collect();
        let sliced = sliced.iter().map(|line| Ok((line.clone(), money("lines.total", &line.total, currency)?)));
        let slices = cut_at(&header.number, true, currency, sliced.collect::<Result<_, NotIssued>>()?, &lengths)?;
        let differs = reissue.amount_due != reissue.total || !reissue.prepayments.is_empty();
        let terms = original
            .terms
            .clone()
            .map(|terms| api::DocumentTerms { tax_rules: render_treatments(&self.terms.tax), ..terms });
        let ReissueHeader {
            number,
            issued_at,
            due_at,
            seller,
            buyer,
            billing_group,
            issuer,
            credits,
            credit_note,
            credit_note_digest,
        } = header;
        let document = api::Document {
            number: number.as_str().into(),
            issued_at: Some(issued_at),
            due_at: Some(due_at),
            seller,
            buyer,
            categories: categories(&lines, original, currency)?,
            lines: own.to_vec(),
            slices: slices.iter().map(|slice| slice.reference.clone()).collect(),
            subtotal: amount(reissue.subtotal),
            taxes: reissue.taxes.iter().map(render_tax).collect(),
            tax_note: reissue.untaxed.map(|untaxed| untaxed.as_str().to_owned()),
            tax: amount(reissue.tax),
            total: amount(reissue.total),
            prepayments: reissue.prepayments.iter().map(render_prepayment).collect(),
            prepaid: (!reissue.prepaid.is_zero()).then(|| amount(reissue.prepaid)),
            amount_due: differs.then(|| amount(reissue.amount_due)),
            carried_forward: None,
            inputs: api::Inputs { billing_group, issuer, credits, ..original.inputs.clone() },
            reissues: Some(api::ReissuedInvoice {
                number: original.number.clone(),
                issued_at: self.issued.issued_at.into(),
                digest: original.digest.clone(),
                credit_note,
                first_issued_at: original
                    .reissues
                    .as_ref()
                    .map(|before| before.first_issued_at.unwrap_or(before.issued_at)),
            }),
            terms,
            previous_digest: Some(credit_note_digest),
            digest: String::new(),
            ..original.clone()
        };
        Ok(Rendered { document: seal(document)?, slices })
    }

    /// All lines: those of slices, and then its own. What follows from others stands where it stood.
    fn lines(&self, reissue: &Reissue) -> Result<Vec<api::Line>, NotIssued> {
        let mut made = Some(reissue.items.iter().map(|item| self.made_again(item, reissue)));
        let mut lines = Vec::with_capacity(self.issued.lines.len());
        for line in &self.issued.lines {
            let tax = match fate(line) {
                Fate::Follows => {
                    lines.extend(made.take().into_iter().flatten());
                    continue;
                }
                Fate::Tells => None,
                Fate::Service | Fate::Charge | Fate::Adjustment => self.line_tax(self.tax_of(line)?, reissue),
            };
            lines.push(api::Line { tax, ..(*line).clone() });
        }
        lines.extend(made.into_iter().flatten());
        Ok(lines)
    }

    fn made_again(&self, item: &Item, reissue: &Reissue) -> api::Line {
        api::Line { tax: self.line_tax(item.tax, reissue), ..render_plain(item) }
    }

    /// How a line is taxed, where the document is taxed in several ways.
    fn line_tax(&self, group: Option<TaxGroup>, reissue: &Reissue) -> Option<api::LineTax> {
        let untaxed = matches!(self.terms.tax, TaxScheme::Untaxed(_)).then_some(TaxGroup::OUTSIDE_SCOPE);
        let group = group.or(untaxed).filter(|_| reissue.taxes.len() > 1)?;
        Some(api::LineTax { category: tax_category(group.category), rate: group.rate.to_string().into() })
    }
}

/// Why a document that is issued again cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReissueRenderError {
    /// Something in the original cannot be read.
    #[error(transparent)]
    Unreadable(#[from] NotIssued),
    /// It cannot be written.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// The sums of lines by their type, in the order in which the original has them.
fn categories(
    lines: &[api::Line],
    original: &api::Document,
    currency: Currency,
) -> Result<Vec<api::CategorySubtotal>, NotIssued> {
    let mut sums: BTreeMap<api::LineType, Money> = BTreeMap::new();
    for line in lines {
        let total = money("lines.total", &line.total, currency)?;
        let sum = sums.entry(line.kind).or_insert(Money::zero(currency));
        let too_much = || NotIssued::Field { field: "categories", text: line.total.to_string() };
        *sum = sum.checked_add(total).ok_or_else(too_much)?;
    }
    let known = original.categories.iter().map(|category| category.kind);
    Ok(known.filter_map(|kind| Some(api::CategorySubtotal { kind, subtotal: amount(*sums.get(&kind)?) })).collect())
}

/// The credit note because of which an invoice was issued again under a number, as that invoice names it: its name.
pub fn reissuing_note<'a>(original: &'a api::Invoice, number: &str) -> Option<&'a api::ObjectName> {
    let credited = original.status.as_ref()?.credited.as_ref()?;
    let by = credited.notes.iter().find(|by| by.reissued_as.as_deref() == Some(number))?;
    Some(&by.name)
}

/// What is wrong with a final that was issued again, beside the one that it replaces and the credit note between them.
pub fn verify_reissue(
    original: &IssuedInvoice<'_>,
    note: &api::CreditNoteDocument,
    again: &IssuedInvoice<'_>,
) -> Vec<Finding> {
    let expected = number::reissue_number(&original.document.number).map(|number| number.to_string());
    let said = again.document.reissues.as_ref();
    let said_number = said.map_or("", |said| said.number.as_str());
    let mut findings: Vec<Finding> = [
        differs("the number", again.document.number.as_str(), expected.unwrap_or_default()),
        differs("reissues.number", said_number, original.document.number.as_str()),
        differs("reissues.digest", said.map_or("", |said| &said.digest), &original.document.digest),
        differs("reissues.creditNote", said.map_or("", |said| said.credit_note.as_str()), note.number.as_str()),
        differs("previousDigest", again.document.previous_digest.as_deref().unwrap_or_default(), &note.digest),
        differs("what the credit note credits", &note.invoice.digest, &original.document.digest),
        differs(
            "reissuedAs of the credit note",
            note.reissued_as.as_deref().unwrap_or_default(),
            again.document.number.as_str(),
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    let supplies = |issued: &IssuedInvoice<'_>| -> Vec<api::Line> {
        let lines = issued.lines.iter().filter(|line| !matches!(fate(line), Fate::Follows));
        lines.map(|line| api::Line { tax: None, ..(**line).clone() }).collect()
    };
    let (then, now) = (supplies(original), supplies(again));
    findings.extend(differs("the number of supplies", now.len(), then.len()));
    let changed = then.iter().zip(&now).filter(|(then, now)| then != now);
    findings.extend(changed.map(|(then, now)| Finding::Differs {
        what: format!("line {}", now.id),
        written: format!("{} {}", &*now.total, now.description),
        expected: format!("{} {}, as on {}", &*then.total, then.description, original.document.number.as_str()),
    }));
    findings
}
