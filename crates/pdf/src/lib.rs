//! Invoices and credit notes as PDF: for people, for archives (PDF/A-3a) and for screen readers (PDF/UA-1).
//!
//! What is printed is made of the document alone and in one place, `content`; `template.typ` sets it. The template reads nothing
//! else, so the same document gives the same bytes.

mod color;
mod content;
mod fonts;
mod labels;
mod legible;
mod locale;
mod logo;
mod set;
mod world;

use std::collections::BTreeSet;

use billing_api::CreditNoteDocument;
use billing_documents::issued::{IssuedInvoice, NotIssued};
use thiserror::Error;

use content::Content;
pub use fonts::{FontError, Fonts};
use legible::{Charset, code_point, make_legible};
pub use locale::{Language, Locale};
pub use logo::{Logo, LogoError, MAX_LOGO_BYTES};
use set::set;

/// The size of a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// 210 × 297 mm
    A4,
    /// 8.5 × 11 inches
    Letter,
}

/// With what documents are printed.
#[derive(Debug, Default)]
pub struct Printer {
    /// The fonts.
    pub fonts: Fonts,
    /// The size of the sheets. Absent: what is usual where the buyer is.
    pub paper: Option<Paper>,
    /// The seller's picture.
    pub logo: Option<Logo>,
}

/// A printed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdf {
    /// The file.
    pub bytes: Vec<u8>,
    /// What it is called, in the reader's language.
    pub title: String,
    /// What is not in it as it should be.
    pub warnings: Vec<String>,
}

/// Why a document is not printed.
#[derive(Debug, Error)]
pub enum PrintError {
    /// Its document cannot be read.
    #[error(transparent)]
    NotIssued(#[from] NotIssued),
    /// What is to be printed is no JSON.
    #[error("what is to be printed cannot be handed over")]
    Json(#[from] serde_json::Error),
    /// It cannot be set.
    #[error("it cannot be set as PDF/A-3a and PDF/UA-1: {0}")]
    Set(String),
}

impl Printer {
    /// Prints an invoice or an estimate.
    ///
    /// # Errors
    /// A field of its document cannot be read, or it cannot be set.
    pub fn invoice(&self, issued: &IssuedInvoice<'_>) -> Result<Pdf, PrintError> {
        self.print(Content::of_invoice(issued, self.paper)?)
    }

    /// Prints a credit note.
    ///
    /// # Errors
    /// A field of it cannot be read, or it cannot be set.
    pub fn credit_note(&self, note: &CreditNoteDocument) -> Result<Pdf, PrintError> {
        self.print(Content::of_credit_note(note, self.paper)?)
    }

    /// A picture that cannot be set is left out, and writing that cannot be set is spelt out: the document is printed in any case.
    fn print(&self, content: Content) -> Result<Pdf, PrintError> {
        let logos = if self.logo.is_some() { vec![self.logo.as_ref(), None] } else { vec![None] };
        let attempts = logos.into_iter().flat_map(|logo| [(logo, Charset::AnyFont), (logo, Charset::Plain)]);
        let mut first_failure = None;
        for (logo, charset) in attempts {
            let content = content.clone().with_logo(logo).with_families(self.fonts.families());
            let mut value = serde_json::to_value(&content)?;
            let replaced = make_legible(&mut value, &self.fonts, charset);
            match set(&content, serde_json::to_vec(&value)?, logo, &self.fonts) {
                Ok(bytes) => {
                    let mut warnings = missing_glyphs(&replaced);
                    if let Some(reason) = first_failure.filter(|_| logo.is_none() && self.logo.is_some()) {
                        warnings.push(format!("the logo cannot be printed and is left out: {reason}"));
                    }
                    return Ok(Pdf { bytes, title: content.title().to_owned(), warnings });
                }
                Err(reason) => first_failure = first_failure.or(Some(reason)),
            }
        }
        Err(PrintError::Set(first_failure.unwrap_or_default()))
    }
}

fn missing_glyphs(replaced: &BTreeSet<char>) -> Vec<String> {
    if replaced.is_empty() {
        return Vec::new();
    }
    let characters: Vec<_> = replaced.iter().map(|character| code_point(*character)).collect();
    vec![format!(
        "no font has {}: printed as code points; add a folder with fonts that have them",
        characters.join(" ")
    )]
}
