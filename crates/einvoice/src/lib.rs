//! E-invoices of EN 16931: from a final invoice or an issued credit note to UBL, to CII, and into a PDF (Factur-X).
//!
//! In three steps, each of which may refuse:
//!
//! 1. `map`: what the document says becomes the terms of the standard ([`model`]). Nothing else is asked, so the same document gives
//!    the same bytes.
//! 2. [`check`](model::Invoice::check): every sum is added up again and must be the document's to the last digit; `demand` asks for what
//!    a profile wants, and names the field to fill.
//! 3. `write`: the terms become XML by `en16931-formats`, once its own rules accept them.
//!
//! Implementation of the EN 16931-1 semantic data model; © CEN, used under the 2018 CEN–EC licence agreement.

mod check;
mod demand;
mod map;
pub mod model;
mod refusal;
#[cfg(test)]
mod tests;
mod write;

use billing_documents::issued::IssuedInvoice;
use billing_documents::issued_note::IssuedCreditNote;
use billing_domain::Timestamp;

pub use refusal::Refusal;
pub use write::EmbedError;

/// How documents become e-invoices. What is issued has one for ever: a version that writes other bytes is another mapping, for what is
/// issued from a day on, and those before stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// The first.
    V1,
}

impl Mapping {
    /// The mapping of what was issued at an instant.
    pub fn of(_issued_at: Timestamp) -> Self {
        Self::V1
    }

    /// Its number, as manifests have it.
    pub fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
        }
    }
}

/// Whose rules an e-invoice keeps beside those of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// EN 16931 itself.
    En16931,
    /// Peppol BIS Billing 3.0.
    Peppol,
    /// XRechnung 3.0, of Germany.
    XRechnung,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::En16931, Self::Peppol, Self::XRechnung];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::En16931 => "EN 16931",
            Self::Peppol => "Peppol BIS Billing 3.0",
            Self::XRechnung => "XRechnung 3.0",
        }
    }
}

/// In which XML the terms are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// UBL 2.1 of OASIS.
    Ubl,
    /// Cross Industry Invoice D16B of UN/CEFACT.
    Cii,
}

/// An e-invoice that its profile accepts.
#[derive(Debug, Clone)]
pub struct EInvoice {
    terms: model::Invoice,
    proof: write::Proof,
}

impl EInvoice {
    /// The e-invoice of a final.
    ///
    /// # Errors
    /// It is an estimate, something in it cannot be said, or the profile asks for what it lacks.
    pub fn of_invoice(issued: &IssuedInvoice<'_>, profile: Profile) -> Result<Self, Refusal> {
        let Mapping::V1 = Mapping::of(issued.issued_at);
        Self::new(map::invoice::terms(issued)?, profile)
    }

    /// The e-invoice of a credit note.
    ///
    /// # Errors
    /// As [`EInvoice::of_invoice`].
    pub fn of_credit_note(note: &IssuedCreditNote<'_>, profile: Profile) -> Result<Self, Refusal> {
        let Mapping::V1 = Mapping::of(note.document.issued_at.0);
        Self::new(map::note::terms(note)?, profile)
    }

    fn new((terms, origin): (model::Invoice, map::Origin), profile: Profile) -> Result<Self, Refusal> {
        terms.check()?;
        demand::check(&terms, &origin, profile)?;
        let proof = write::prove(&terms, profile)?;
        Ok(Self { terms, proof })
    }

    /// What it says, by the terms of the standard.
    pub fn terms(&self) -> &model::Invoice {
        &self.terms
    }

    /// The XML.
    ///
    /// # Errors
    /// A text holds what XML cannot carry.
    pub fn xml(&self, syntax: Syntax) -> Result<String, Refusal> {
        self.proof.xml(syntax)
    }

    /// A PDF/A-3 of a title that has the CII inside: Factur-X.
    ///
    /// # Errors
    /// The PDF is no PDF/A-3 or has an e-invoice already, or the profile has no such form: Peppol.
    pub fn embed(&self, pdf: &[u8], title: &str) -> Result<Vec<u8>, EmbedError> {
        self.proof.embed(pdf, title, &self.terms)
    }
}
