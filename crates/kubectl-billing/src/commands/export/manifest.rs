//! `manifest.json`: what files an export has.
//!
//! Each file has a line of its own, in the order of [`Key`], so that a run reads the list of the run before while it writes
//! its own, and never holds more than a line of either.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use billing_api::InvoicePhase;
use billing_documents::export::cell::{Fixed, decimal_places};
use serde::{Deserialize, Serialize};

use crate::error::CommandError;
use crate::lazy_file::LazyFile;

/// The file's name.
pub const NAME: &str = "manifest.json";

/// Rises when a reader has to know.
const SCHEMA_VERSION: u32 = 1;

const TOOL: &str = concat!("kubectl-billing ", env!("CARGO_PKG_VERSION"));

/// What an export is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    schema_version: u32,
    tool: String,
    format: String,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    /// Its path below the export's folder.
    pub path: String,
    /// The dataset that it is a part of.
    pub dataset: String,
    /// The month.
    pub period: String,
    /// The document that it is made of; a file of a whole month has none.
    #[serde(flatten)]
    pub document: Option<DocumentEntry>,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
    /// Of an e-invoice, the number of the mapping by which its document became it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<u32>,
}

/// The invoice or credit note that a file is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentEntry {
    /// The organization's namespace.
    pub organization: String,
    /// The billing group.
    pub billing_group: String,
    /// The document's number.
    pub invoice: String,
    /// What only a credit note has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_note: Option<CreditNoteEntry>,
    /// Whether it may still change.
    pub phase: InvoicePhase,
    /// The digest of its document.
    pub digest: String,
    /// Who issued it.
    pub issuer: String,
    /// When it was issued; until when it counts usage.
    pub written_at: String,
    /// The currency of the amounts.
    pub currency: String,
    /// Its sum before tax.
    pub subtotal: String,
    /// Its tax.
    pub tax: String,
    /// Its total.
    pub total: String,
}

/// What only a credit note has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditNoteEntry {
    /// The name of the object, which is not its number.
    pub name: String,
    /// The number of the invoice that it credits.
    pub credits: String,
}

/// The place of a file in the list: those of invoices by month, of credit notes, and of months as a whole; in the order in
/// which the API server lists invoices and notes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The files of an invoice.
    Invoice {
        /// The month that it bills.
        period: String,
        /// Its namespace and name.
        name: String,
    },
    /// The files of a credit note, whichever the month.
    CreditNote {
        /// Its namespace and name.
        name: String,
    },
    /// The files of a month.
    Month {
        /// Which.
        period: String,
    },
}

impl Key {
    /// The files of an invoice.
    pub fn of_invoice(period: &str, organization: &str, number: &str) -> Self {
        Self::Invoice { period: period.to_owned(), name: format!("{organization}/{number}") }
    }

    /// The files of a credit note, by the name of its object.
    pub fn of_credit_note(organization: &str, name: &str) -> Self {
        Self::CreditNote { name: format!("{organization}/{name}") }
    }

    /// The files of a month.
    pub fn of_month(period: &str) -> Self {
        Self::Month { period: period.to_owned() }
    }
}

impl FileEntry {
    /// Its place.
    pub fn key(&self) -> Key {
        let Some(document) = &self.document else { return Key::of_month(&self.period) };
        match &document.credit_note {
            Some(note) => Key::of_credit_note(&document.organization, &note.name),
            None => Key::of_invoice(&self.period, &document.organization, &document.invoice),
        }
    }
}

fn unreadable(error: impl std::fmt::Display) -> CommandError {
    CommandError::Unusable(format!("{NAME} cannot be read: {error}; export into an empty folder"))
}

/// The list of the run before.
pub struct OldManifest {
    lines: io::Lines<BufReader<File>>,
    next: Option<FileEntry>,
}

impl OldManifest {
    /// Opens the list of a folder; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is of an export in another format.
    pub fn open(folder: &Path, format: &str) -> Result<Option<Self>, CommandError> {
        let mut lines = match File::open(folder.join(NAME)) {
            Ok(file) => BufReader::new(file).lines(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let mut head = String::new();
        for line in lines.by_ref() {
            let line = line.map_err(unreadable)?;
            head.push_str(&line);
            if line.ends_with('[') {
                break;
            }
        }
        let head: Head = serde_json::from_str(&format!("{head}]}}")).map_err(unreadable)?;
        if head.schema_version != SCHEMA_VERSION || head.format != format {
            let Head { schema_version, format: other, .. } = head;
            return Err(CommandError::Unusable(format!(
                "{} holds an export in format {other}, version {schema_version}; export {format} into another folder",
                folder.display()
            )));
        }
        let mut manifest = Self { lines, next: None };
        manifest.advance()?;
        Ok(Some(manifest))
    }

    /// The next file, if it stands before a place or, with `inclusive`, at it.
    ///
    /// # Errors
    /// The list cannot be read.
    pub fn next_until(&mut self, key: &Key, inclusive: bool) -> Result<Option<FileEntry>, CommandError> {
        let fits = |entry: &FileEntry| if inclusive { entry.key() <= *key } else { entry.key() < *key };
        if self.next.as_ref().is_some_and(fits) { self.take() } else { Ok(None) }
    }

    /// The next file.
    ///
    /// # Errors
    /// The list cannot be read.
    pub fn take(&mut self) -> Result<Option<FileEntry>, CommandError> {
        let taken = self.next.take();
        if taken.is_some() {
            self.advance()?;
            let in_order = taken.as_ref().zip(self.next.as_ref()).is_none_or(|(taken, next)| taken.key() <= next.key());
            if !in_order {
                return Err(unreadable("its files are not in order"));
            }
        }
        Ok(taken)
    }

    fn advance(&mut self) -> Result<(), CommandError> {
        let line = self.lines.next().transpose().map_err(unreadable)?.unwrap_or_default();
        let line = line.trim_start_matches([' ', ',']);
        self.next = match line.starts_with('{') {
            true => Some(serde_json::from_str(line).map_err(unreadable)?),
            false => None,
        };
        Ok(())
    }
}

/// Sums over all files of an export. The amounts are those of the documents, each counted once: of the invoices, less those of the
/// credit notes.
#[derive(Debug, Default, Serialize)]
struct Totals {
    files: u64,
    rows: u64,
    bytes: u64,
    currencies: BTreeMap<String, CurrencyTotals>,
}

/// The sums of the documents in one currency.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct CurrencyTotals {
    invoices: u64,
    credit_notes: u64,
    subtotal: Sum,
    tax: Sum,
    total: Sum,
}

/// A sum, with as many decimal places as its amounts have.
#[derive(Debug, Default)]
struct Sum {
    sum: Fixed,
    places: u8,
}

impl Sum {
    fn add(&mut self, amount: &str) -> Option<()> {
        self.sum = self.sum.checked_add(Fixed::parse(amount)?)?;
        self.places = self.places.max(decimal_places(amount));
        Some(())
    }
}

impl Serialize for Sum {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.sum.text(self.places))
    }
}

impl Totals {
    fn add(&mut self, entry: &FileEntry, counts: bool) -> Option<()> {
        self.files += 1;
        self.rows += entry.rows;
        self.bytes += entry.bytes;
        let Some(document) = entry.document.as_ref().filter(|_| counts) else { return Some(()) };
        let totals = self.currencies.entry(document.currency.clone()).or_default();
        match document.credit_note {
            None => totals.invoices += 1,
            Some(_) => totals.credit_notes += 1,
        }
        totals.subtotal.add(&document.subtotal)?;
        totals.tax.add(&document.tax)?;
        totals.total.add(&document.total)
    }
}

/// The list of this run.
pub struct NewManifest {
    file: LazyFile,
    totals: Totals,
    /// The dataset whose files count as their documents.
    counted: &'static str,
}

impl NewManifest {
    /// Begins the list of a folder.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(folder: &Path, format: &str, counted: &'static str) -> Result<Self, CommandError> {
        let mut file = LazyFile::open(&folder.join(NAME))?;
        let head = format!(
            "{{\n \"schemaVersion\": {SCHEMA_VERSION},\n \"tool\": \"{TOOL}\",\n \"format\": \"{format}\",\n \"files\": [\n"
        );
        file.write(head.as_bytes())?;
        Ok(Self { file, totals: Totals::default(), counted })
    }

    /// Another file.
    ///
    /// # Errors
    /// It cannot be written, or the amounts have no sum.
    pub fn push(&mut self, entry: &FileEntry) -> Result<(), CommandError> {
        let mark = if self.totals.files == 0 { "  " } else { ", " };
        let line = serde_json::to_string(entry).map_err(unreadable)?;
        self.file.write(format!("{mark}{line}\n").as_bytes())?;
        let added = self.totals.add(entry, entry.dataset == self.counted);
        added.ok_or_else(|| unreadable(format!("the amounts of {} cannot be added", entry.path)))
    }

    /// Ends the list, puts it into its place, and says whether it is another now.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> Result<bool, CommandError> {
        let totals = serde_json::to_string(&self.totals).map_err(unreadable)?;
        self.file.write(format!(" ],\n \"totals\": {totals}\n}}\n").as_bytes())?;
        Ok(self.file.finish_on_disk()?)
    }

    /// The sums by currency, for people.
    pub fn sums(&self) -> String {
        let sums = self.totals.currencies.iter();
        let sums: Vec<_> = sums
            .map(|(currency, CurrencyTotals { invoices, credit_notes, total, .. })| {
                let sum = total.sum.text(total.places);
                let notes = match credit_notes {
                    0 => String::new(),
                    notes => format!(" and {}", counted(*notes, "credit note")),
                };
                format!("{sum} {currency} on {}{notes}", counted(*invoices, "invoice"))
            })
            .collect();
        if sums.is_empty() { "no invoices".to_owned() } else { sums.join(", ") }
    }
}

/// "1 invoice", "2 invoices".
fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
