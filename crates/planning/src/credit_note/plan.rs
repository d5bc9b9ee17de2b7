//! What a credit note needs next.
//!
//! The order of writes: the note is on its way, and stays; **the invoice says how much the note took, which is the
//! decision**; the series says which number it has; the note is final. What is written in each is computed from what was
//! written before, all of which only grows: a crash anywhere is a repetition.

use crate::conditions::{self, Readiness};
use crate::invoice::ReissueHeld;
use billing_api::{
    CreditNote, CreditNoteDocument, CreditNotePhase, CreditNoteStatus, Credited as WireCredited, CreditedBy, Document,
    Invoice, InvoiceSeries, InvoiceSlice, NumberedNote, Payment, PaymentState, TaxSubtotal, Time,
};
use billing_documents::canonical::CanonicalError;
use billing_documents::credit_note::{NoteHeader, credited_tax, render_note};
use billing_documents::document::amount;
use billing_documents::issued::final_document;
use billing_domain::invoice::credit_note::{
    CreditNoteAmounts, CreditRefusal, CreditRequest, Creditable, CreditableTax, credit,
};
use billing_domain::invoice::number::{self, MAX_REVISIONS, reissue_number};
use billing_domain::{Name, Timestamp};
use billing_state::convert::{self, ConvertError};

/// The most notes of one invoice, and the most of one series.
const MAX_NOTES_PER_INVOICE: usize = 100;
const MAX_NOTES_PER_SERIES: usize = 1000;

/// All that a note is decided on.
#[derive(Debug)]
pub struct Observed {
    /// The note.
    pub note: CreditNote,
    /// The invoice that it names.
    pub invoice: Option<Invoice>,
    /// The slices of the invoice, if a line that the note names is not in the document itself, or it takes all of them.
    pub slices: Vec<InvoiceSlice>,
    /// The other notes that name the invoice.
    pub others: Vec<CreditNote>,
    /// The series of the invoice's numbers.
    pub series: Option<InvoiceSeries>,
    /// What keeps the invoice from being issued again, where that is asked for.
    pub reissue_held: Option<ReissueHeld>,
}

/// The next write for a note.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// None.
    Nothing,
    /// Its status, and nothing else can be done.
    Report(CreditNoteStatus),
    /// Its status, before anything is taken.
    Begin(CreditNoteStatus),
    /// What it takes, on the invoice.
    Take {
        /// What notes took, this one included.
        credited: WireCredited,
        /// The payment, if nothing is left to be paid.
        payment: Option<Payment>,
    },
    /// Its number, on the series.
    Number(Vec<NumberedNote>),
    /// Its document.
    Issue(CreditNoteStatus),
}

/// Why nothing is planned for a note.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// Its document cannot be written.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// It has no name or no UID: no server sent it, and what an invoice would say of it would be about no note.
    #[error("the credit note has no name or no UID")]
    NoIdentity,
}

/// Plans the next step of a note.
///
/// # Errors
/// A document cannot be written, or the note is no object of a server. All else is said in the note's condition.
pub fn plan_note(observed: &Observed, now: Timestamp) -> Result<Step, NoteError> {
    let metadata = &observed.note.metadata;
    let (name, uid) = metadata.name.as_deref().zip(metadata.uid.as_deref()).ok_or(NoteError::NoIdentity)?;
    let note = NoteView { observed, name, uid, now };
    let invoice = match note.invoice() {
        Ok(invoice) => invoice,
        Err(readiness) => return Ok(note.report(None, readiness)),
    };
    let position = invoice.notes.iter().position(|by| by.uid.as_str() == note.uid);
    let (creditable, request) = match note.read(&invoice, &invoice.notes[..position.unwrap_or(invoice.notes.len())]) {
        Ok(read) => read,
        Err(error) => return Ok(note.refuse("AmountInvalid", error.to_string())),
    };
    match (position, credit(&creditable, &request)) {
        (None, Err(refusal)) => Ok(note.refuse(refusal.reason(), refusal.to_string())),
        (None, Ok(credited)) => Ok(note.begin_or_take(&invoice, &creditable, &credited)),
        (Some(at), Ok(credited)) if invoice.notes[at] == note.credited_by(at, &credited) => {
            Ok(note.number_or_issue(&invoice, &credited)?)
        }
        (Some(_), _) => Ok(note.inconsistent("the amounts recorded on its invoice")),
    }
}

/// A final invoice, and what notes took of it.
struct FinalInvoice<'a> {
    series: &'a str,
    document: &'a Document,
    notes: &'a [CreditedBy],
    payment: Option<PaymentState>,
}

struct NoteView<'a> {
    observed: &'a Observed,
    name: &'a str,
    uid: &'a str,
    now: Timestamp,
}

impl<'a> NoteView<'a> {
    fn status(&self) -> CreditNoteStatus {
        self.observed.note.status.clone().unwrap_or_default()
    }

    /// The invoice, or why there is none.
    fn invoice(&self) -> Result<FinalInvoice<'a>, Readiness> {
        let number = &self.observed.note.spec.invoice;
        let Some(invoice) = &self.observed.invoice else {
            let message = format!(
                "there is no invoice {number} in this namespace; create the credit note in the namespace of its invoice"
            );
            return Err(Readiness::stalled("InvoiceNotFound", message));
        };
        let status = invoice.status.as_ref();
        let Some((status, document)) = status.zip(final_document(invoice)) else {
            let message = "correct what it is computed from, or wait until it is final";
            return Err(Readiness::waiting("InvoiceNotFinal", format!("invoice {number} is an estimate: {message}")));
        };
        Ok(FinalInvoice {
            series: &invoice.spec.series,
            document,
            notes: status.credited.as_ref().map(|credited| credited.notes.as_slice()).unwrap_or_default(),
            payment: status.payment.as_ref().map(|payment| payment.state),
        })
    }

    fn read(
        &self,
        invoice: &FinalInvoice<'_>,
        before: &[CreditedBy],
    ) -> Result<(Creditable, CreditRequest), ConvertError> {
        let Observed { note, slices, others, .. } = self.observed;
        let creditable = convert::credit_note::creditable(invoice.document, slices, before, others)?;
        Ok((creditable, convert::credit_note::request(&note.spec, invoice.document)?))
    }

    /// The note is not issued, and says why.
    fn refuse(&self, reason: &'static str, message: String) -> Step {
        self.report(None, Readiness::stalled(reason, message))
    }

    /// What was written and what is computed now do not agree: nobody goes on before a person has looked.
    fn inconsistent(&self, what: &str) -> Step {
        let message = format!("the credit note does not match {what} and is not issued; please report this");
        self.report(self.status().phase, Readiness::stalled("Inconsistent", message))
    }

    fn report(&self, phase: Option<CreditNotePhase>, readiness: Readiness) -> Step {
        let status = CreditNoteStatus { phase, ..self.saying(readiness) };
        if status == self.status() { Step::Nothing } else { Step::Report(status) }
    }

    fn saying(&self, readiness: Readiness) -> CreditNoteStatus {
        let before = self.status();
        let generation = self.observed.note.metadata.generation;
        let desired: Vec<_> = readiness.conditions().collect();
        let conditions = conditions::merge(&before.conditions, &desired, generation, self.now);
        CreditNoteStatus { conditions, observed_generation: generation, ..before }
    }

    fn begin_or_take(&self, invoice: &FinalInvoice<'_>, creditable: &Creditable, credited: &CreditNoteAmounts) -> Step {
        if invoice.notes.len() >= MAX_NOTES_PER_INVOICE {
            let message = format!(
                "invoice {} has {MAX_NOTES_PER_INVOICE} credit notes, which is the limit",
                invoice.document.number
            );
            return self.refuse("TooManyNotes", message);
        }
        if self.observed.note.metadata.deletion_timestamp.is_some() {
            return Step::Nothing;
        }
        if self.observed.note.spec.reissue && self.reissued_as().is_none() {
            let message = format!(
                "invoice {} was issued again {MAX_REVISIONS} times, which is the limit",
                number::original(&invoice.document.number)
            );
            return self.refuse("TooManyReissues", message);
        }
        if let Some(ReissueHeld { reason, message }) = &self.observed.reissue_held {
            return self.refuse(reason, message.clone());
        }
        if self.status().phase != Some(CreditNotePhase::Issuing) {
            let amount = credited.total.negated();
            let message = format!("{amount:?} of invoice {} is being credited", invoice.document.number);
            let status = self.saying(Readiness::waiting("Issuing", message));
            return Step::Begin(CreditNoteStatus { phase: Some(CreditNotePhase::Issuing), ..status });
        }
        let Some(total) = creditable.total_credited_with(credited) else {
            return self.refuse(CreditRefusal::Overflow.reason(), CreditRefusal::Overflow.to_string());
        };
        let notes = invoice.notes.iter().cloned().chain([self.credited_by(invoice.notes.len(), credited)]).collect();
        let open = invoice.payment.is_some_and(|state| state.is_open() || state == PaymentState::Uncollectible);
        let at = Some(Time::from(self.now));
        let credited = WireCredited { notes, total: amount(total) };
        let is_paid = total.minor() >= creditable.amount_due.minor();
        let payment = (open && is_paid).then_some(Payment { at, ..Payment::new(PaymentState::Credited) });
        Step::Take { credited, payment }
    }

    /// The number under which the invoice is issued again, if that is asked for.
    fn reissued_as(&self) -> Option<Name> {
        let spec = &self.observed.note.spec;
        spec.reissue.then(|| reissue_number(&spec.invoice)).flatten()
    }

    /// What the invoice says of the note, after so many others.
    fn credited_by(&self, others: usize, credited: &CreditNoteAmounts) -> CreditedBy {
        let note = &self.observed.note;
        CreditedBy {
            sequence: i32::try_from(others + 1).unwrap_or(i32::MAX), // the CRD ends at 100
            name: self.name.into(),
            uid: self.uid.into(),
            full: note.spec.full,
            reissued_as: self.reissued_as().map(|number| number.as_str().into()),
            subtotal: amount(credited.subtotal.negated()),
            tax: amount(credited.tax.negated()),
            taxes: self.taxes_taken(credited),
            total: amount(credited.total.negated()),
        }
    }

    /// What the note takes of each tax, where the invoice has several.
    fn taxes_taken(&self, credited: &CreditNoteAmounts) -> Vec<TaxSubtotal> {
        let invoice = self.observed.invoice.as_ref().and_then(final_document);
        let has_several = invoice.is_some_and(|document| document.taxes.len() > 1);
        let taken = |tax: &CreditableTax| {
            let CreditableTax { group, base, amount } = *tax;
            credited_tax(&CreditableTax { group, base: base.negated(), amount: amount.negated() })
        };
        credited.taxes.iter().filter(|_| has_several).map(taken).collect()
    }

    fn number_or_issue(
        &self,
        invoice: &FinalInvoice<'_>,
        credited: &CreditNoteAmounts,
    ) -> Result<Step, CanonicalError> {
        let Some(series) = &self.observed.series else {
            let message = format!("the InvoiceSeries {} is missing: restore it from a backup", invoice.series);
            return Ok(self.report(self.status().phase, Readiness::stalled("SeriesMissing", message)));
        };
        let numbered = series.status.as_ref().map(|status| status.credit_notes.as_slice()).unwrap_or_default();
        match numbered.iter().position(|known| known.uid.as_str() == self.uid) {
            None => self.number(invoice, numbered, credited),
            Some(at) => self.issue(invoice, &numbered[..=at], credited),
        }
    }

    fn number(
        &self,
        invoice: &FinalInvoice<'_>,
        numbered: &[NumberedNote],
        credited: &CreditNoteAmounts,
    ) -> Result<Step, CanonicalError> {
        if numbered.len() >= MAX_NOTES_PER_SERIES {
            let message = format!(
                "invoice series {} has {MAX_NOTES_PER_SERIES} credit notes, which is the limit",
                invoice.series
            );
            return Ok(self.report(self.status().phase, Readiness::stalled("SeriesFull", message)));
        }
        let issued_at = Time::from(self.now);
        let document = self.document(invoice, numbered, issued_at, credited)?;
        let note = NumberedNote {
            sequence: i32::try_from(numbered.len() + 1).unwrap_or(i32::MAX), // the CRD ends at 1000
            name: self.name.into(),
            uid: self.uid.into(),
            issued_at,
            digest: document.digest,
        };
        Ok(Step::Number(numbered.iter().cloned().chain([note]).collect()))
    }

    /// The document of a note that has a number: the last of these.
    fn issue(
        &self,
        invoice: &FinalInvoice<'_>,
        numbered: &[NumberedNote],
        credited: &CreditNoteAmounts,
    ) -> Result<Step, CanonicalError> {
        let Some((note, before)) = numbered.split_last() else { return Ok(Step::Nothing) };
        let document = self.document(invoice, before, note.issued_at, credited)?;
        if document.digest != note.digest {
            return Ok(self.inconsistent("the digest recorded in its series"));
        }
        let taken = format!(
            "{} credits {:?} of invoice {}",
            document.number,
            credited.total.negated(),
            document.invoice.number
        );
        let message = match document.credits.len() {
            0 => taken,
            1 => format!("{taken}, and returns what the invoice used of a credit"),
            more => format!("{taken}, and returns what the invoice used of {more} credits"),
        };
        let ready = Readiness::ready("Issued", message);
        Ok(Step::Issue(CreditNoteStatus {
            phase: Some(CreditNotePhase::Final),
            number: Some(document.number.clone()),
            document: Some(document),
            ..self.saying(ready)
        }))
    }

    /// The document of the note that has the number after these.
    fn document(
        &self,
        invoice: &FinalInvoice<'_>,
        before: &[NumberedNote],
        issued_at: Time,
        credited: &CreditNoteAmounts,
    ) -> Result<CreditNoteDocument, CanonicalError> {
        let header = NoteHeader {
            number: Name::from(format!("{}-cn{}", invoice.series, before.len() + 1)),
            issued_at,
            invoice: invoice.document,
            reason: &self.observed.note.spec.reason,
            reissued_as: self.reissued_as(),
            previous_digest: before.last().map(|note| note.digest.clone()),
        };
        render_note(header, credited)
    }
}
