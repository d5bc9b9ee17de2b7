//! The invoices of the examples, and of cases of the preview, as the operator would write them, and credit notes of these.

use std::fs;
use std::path::{Path, PathBuf};

use billing_api::{CreditNote, Invoice, InvoiceSlice, Time};
use billing_documents::credit_note::{NoteHeader, render_note};
use billing_documents::export::dataset::Dataset;
use billing_documents::export::document::ExportedDocument;
use billing_documents::issued::{IssuedInvoice, final_document};
use billing_documents::issued_note::IssuedCreditNote;
use billing_domain::Money;
use billing_domain::invoice::credit_note::{CreditRequest, RequestedLine, credit};
use billing_state::convert::credit_note::creditable;
use chrono::TimeDelta;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::Result;
use crate::support::command::run;

/// What is previewed: the manifests, and more arguments.
const EXAMPLES: [(&str, &[&str]); 7] = [
    ("examples/acme", &[]),
    ("examples/initech", &["--period", "2026-10"]),
    ("examples/currencies.yaml", &["--period", "2026-10"]),
    ("examples/prices", &["--period", "2026-10"]),
    ("examples/tax.yaml", &["--period", "2026-09"]),
    ("tests/it/preview/cases/late-usage.yaml", &["--as-of", "2026-11-15T00:00:00Z"]),
    ("tests/it/preview/cases/golden-1-two-services-of-32-hours.yaml", &[]),
];

/// Invoices with their slices, and credit notes of those that are final.
pub struct Examples {
    invoices: Vec<Invoice>,
    slices: Vec<InvoiceSlice>,
    notes: Vec<(usize, CreditNote)>,
}

impl Examples {
    /// Previews everything, and credits a part of each final.
    pub fn preview() -> Result<Self> {
        let mut found = Self { invoices: Vec::new(), slices: Vec::new(), notes: Vec::new() };
        for (manifests, arguments) in EXAMPLES {
            let arguments = [&["preview", "-f", manifests, "-o", "json"], arguments].concat();
            let printed = run(&arguments, "")?;
            let list: Value = serde_json::from_str(&printed.stdout)
                .map_err(|error| format!("{manifests}: {error}: {}", printed.stderr))?;
            for object in list["items"].as_array().ok_or("a list")? {
                match object["kind"].as_str() {
                    Some("Invoice") => found.invoices.push(serde_json::from_value(object.clone())?),
                    Some("InvoiceSlice") => found.slices.push(serde_json::from_value(object.clone())?),
                    _ => {}
                }
            }
        }
        assert!(found.invoices.len() >= 8, "only {} invoices", found.invoices.len());
        for (at, invoice) in found.invoices.iter().enumerate() {
            if let Some(note) = credited(invoice, &found.slices, at)? {
                found.notes.push((at, note));
            }
        }
        assert!(found.notes.len() >= 4, "only {} credit notes", found.notes.len());
        Ok(found)
    }

    /// An invoice by its number, as an object.
    pub fn invoice(&self, number: &str) -> Option<&Invoice> {
        self.invoices.iter().find(|invoice| invoice.metadata.name.as_deref() == Some(number))
    }

    /// The slices that a document lists.
    pub fn slices_of(&self, document: &billing_api::Document) -> Vec<InvoiceSlice> {
        let listed = |slice: &&InvoiceSlice| document.slices.iter().any(|listed| *listed.name == slice.name_any());
        self.slices.iter().filter(listed).cloned().collect()
    }

    /// Does something with every document.
    pub fn each(&self, mut act: impl FnMut(&ExportedDocument<'_>) -> Result) -> Result {
        for (at, invoice) in self.invoices.iter().enumerate() {
            let Some(document) = invoice.status.as_ref().and_then(|status| status.document.as_ref()) else { continue };
            let slice = |name: &str| self.slices.iter().find(|slice| slice.metadata.name.as_deref() == Some(name));
            let slices = document.slices.iter().filter_map(|listed| slice(&listed.name)).map(|slice| &slice.spec);
            let issued = IssuedInvoice::new(invoice, slices)?;
            let document = ExportedDocument::invoice(&issued);
            document.check_sums()?;
            act(&document)?;
            for (_, note) in self.notes.iter().filter(|(of, _)| *of == at) {
                let note = IssuedCreditNote::new(note, &issued)?;
                let document = ExportedDocument::credit_note(&note)?;
                document.check_sums()?;
                act(&document)?;
            }
        }
        Ok(())
    }

    /// How many documents there are.
    pub fn count(&self) -> Result<u64> {
        let mut count = 0;
        self.each(|_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    /// Writes a dataset of all of them as one file.
    pub fn write(&self, dataset: Dataset, folder: &Path) -> Result<PathBuf> {
        let mut writer = dataset.writer()?;
        self.each(|document| Ok(writer.append(document)?))?;
        let path = folder.join(format!("{}.{}", dataset.name(), dataset.extension()));
        fs::write(&path, writer.finish()?)?;
        Ok(path)
    }
}

/// A credit note of a final that charges something: of a cent of each line, and of a cent of the whole. Its number is that of no other,
/// because the examples are of several clusters.
fn credited(invoice: &Invoice, slices: &[InvoiceSlice], at: usize) -> Result<Option<CreditNote>> {
    let Some(document) = final_document(invoice) else { return Ok(None) };
    let listed = document.slices.iter().map(|listed| listed.name.to_string());
    let of = listed.filter_map(|name| slices.iter().find(|slice| slice.name_any() == name)).cloned();
    let creditable = creditable(document, &of.collect::<Vec<_>>(), &[], &[])?;
    let cent = |like: Money| Money::new(1, like.currency()).ok_or("a cent");
    let mut requested = Vec::new();
    for line in creditable.lines.iter().filter(|line| line.withheld.is_none() && line.total.minor() > 1) {
        let (line, description) = (Some(line.id.clone()), String::new());
        requested.push(RequestedLine { line, description, amount: cent(creditable.subtotal)?, tax: None });
    }
    let tax = creditable.has_several_taxes().then(|| creditable.taxes[0].group);
    let goodwill = "=Goodwill".to_owned();
    requested.push(RequestedLine { line: None, description: goodwill, amount: cent(creditable.subtotal)?, tax });
    let Ok(amounts) = credit(&creditable, &CreditRequest::Lines(requested)) else { return Ok(None) };
    let number = format!("{}-cn{at}", document.number.as_str());
    let header = NoteHeader {
        number: number.as_str().into(),
        issued_at: Time(document.period.end.0 + TimeDelta::days(40)),
        invoice: document,
        reason: "Outage",
        reissued_as: None,
        previous_digest: None,
    };
    let note = json!({
        "metadata": { "name": number, "namespace": invoice.namespace() },
        "spec": { "invoice": document.number, "reason": "Outage" },
        "status": { "phase": "Final", "number": number, "document": render_note(header, &amounts)? },
    });
    Ok(Some(serde_json::from_value(note)?))
}

/// An empty folder of a test's own.
pub fn folder(name: &str) -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("export").join(name);
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&path)?,
    }
    Ok(path)
}
