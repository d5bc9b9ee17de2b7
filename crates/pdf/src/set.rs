//! Setting pages, and writing them as PDF.

use chrono::{Datelike, Timelike};
use typst::comemo;
use typst::diag::{SourceDiagnostic, Warned};
use typst::foundations::{Datetime, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::content::Content;
use crate::fonts::Fonts;
use crate::logo::Logo;
use crate::world::Desk;

/// For archives with all structure, and for screen readers.
const STANDARDS: [PdfStandard; 2] = [PdfStandard::A_3a, PdfStandard::Ua_1];

/// Sets a document. `json` is the content, legible.
pub(crate) fn set(content: &Content, json: Vec<u8>, logo: Option<&Logo>, fonts: &Fonts) -> Result<Vec<u8>, String> {
    let desk = Desk::new(json, logo, fonts).ok_or("a file of the template has no name")?;
    let Warned { output, warnings: _ } = typst::compile::<PagedDocument>(&desk);
    let pdf = output.and_then(|pages| match options(content) {
        Ok(options) => typst_pdf::pdf(&pages, &options),
        Err(reason) => Err(std::iter::once(SourceDiagnostic::error(typst::syntax::Span::detached(), reason)).collect()),
    });
    // What was set is not set again: nothing of it is kept.
    comemo::evict(0);
    pdf.map_err(|errors| {
        let told: Vec<_> = errors.iter().map(|error| error.message.to_string()).collect();
        told.join("; ")
    })
}

fn options(content: &Content) -> Result<PdfOptions, String> {
    let standards = PdfStandards::new(&STANDARDS).map_err(|error| error.message().to_string())?;
    let issued = content.issued_at;
    let part = |number: u32| u8::try_from(number).unwrap_or_default();
    let instant = Datetime::from_ymd_hms(
        issued.year(),
        part(issued.month()),
        part(issued.day()),
        part(issued.hour()),
        part(issued.minute()),
        part(issued.second()),
    );
    Ok(PdfOptions {
        ident: Smart::Custom(content.digest.value.clone()),
        creator: Smart::Custom(Some("billing-operator".into())),
        timestamp: instant.map(Timestamp::new_utc),
        standards,
        tagged: true,
        page_ranges: None,
        pretty: false,
    })
}
