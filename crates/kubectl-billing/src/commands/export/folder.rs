//! An export into a folder: a file for each document and dataset, and the list of all of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use billing_api::{CreditNote, CreditNoteDocument, Invoice, InvoicePhase, Time};
use billing_documents::export::dataset::folder;
use billing_documents::export::document::{ExportedDocument, Stored};
use billing_documents::export::focus::{self, billing_period::BillingPeriods};
use billing_documents::issued::IssuedInvoice;
use billing_documents::issued_note::note_document;
use billing_domain::{Month, Timestamp};
use kube::ResourceExt;
use sha2::{Digest, Sha256};

use super::manifest::{CreditNoteEntry, DocumentEntry, FileEntry, Key, NewManifest, OldManifest};
use super::part::{Content, ExportFormat, Part};
use super::source::{Refusal, Source, Unread, document_of, identity, phase_of};
use super::span::Span;
use crate::ExitStatus;
use crate::cluster::Place;
use crate::error::CommandError;
use crate::lazy_file::LazyFile;

/// What a run does.
pub struct FolderExport<'a> {
    source: &'a Source<'a>,
    format: ExportFormat,
    span: Span,
    with_estimates: bool,
    folder: PathBuf,
    old: Option<OldManifest>,
    new: NewManifest,
    /// What is known of the months that are exported.
    periods: BTreeMap<Month, BillingPeriods>,
    counts: Counts,
    stderr: &'a mut dyn Write,
}

/// What became of files.
#[derive(Debug, Default)]
struct Counts {
    written: u64,
    unchanged: u64,
    removed: u64,
    refused: u64,
}

/// The files of a document, or why it has none.
type Files = Result<Vec<FileEntry>, Refusal>;

impl<'a> FolderExport<'a> {
    /// Begins an export.
    ///
    /// # Errors
    /// The folder cannot be used, or holds an export in another format.
    pub fn begin(
        source: &'a Source<'a>,
        format: ExportFormat,
        (span, now): (Span, Timestamp),
        with_estimates: bool,
        folder: &Path,
        stderr: &'a mut dyn Write,
    ) -> Result<Self, CommandError> {
        if !folder.is_dir() {
            fs::create_dir_all(folder).map_err(about(folder))?;
        }
        let counted = format.parts().first().map_or("", |part| part.name());
        Ok(Self {
            source,
            format,
            span,
            with_estimates,
            folder: folder.to_owned(),
            old: OldManifest::open(folder, format.name())?,
            new: NewManifest::open(folder, format.name(), counted)?,
            periods: span.months().map(|month| (month, BillingPeriods::new(month, now))).collect(),
            counts: Counts::default(),
            stderr,
        })
    }

    /// Exports all months.
    ///
    /// # Errors
    /// The API server refused, or a file cannot be written. What is written by then stays, and another run goes on with it.
    pub async fn run(mut self) -> Result<ExitStatus, CommandError> {
        for month in self.span.months() {
            self.invoices(month).await?;
        }
        self.credit_notes().await?;
        // Whatever else is in the folder counts, too, before anything is said of a month.
        self.pass_until(&Key::of_month(""))?;
        for periods in std::mem::take(&mut self.periods).into_values() {
            self.whole_month(&periods)?;
        }
        while let Some(old) = self.old.as_mut().map_or(Ok(None), OldManifest::take)? {
            self.pass(old)?;
        }
        let (sums, Counts { written, unchanged, removed, refused }) = (self.new.sums(), self.counts);
        self.new.finish()?;
        let removed = if removed == 0 { String::new() } else { format!(", {removed} removed") };
        writeln!(self.stderr, "{written} files written, {unchanged} unchanged{removed}: {sums}")?;
        Ok(if refused == 0 { ExitStatus::Ok } else { ExitStatus::Refused })
    }

    /// The invoices of a month.
    async fn invoices(&mut self, month: Month) -> Result<(), CommandError> {
        let period = month.to_string();
        let mut invoices = self.source.month(month);
        let mut last = None;
        while let Some((read, organization, name)) = named(invoices.next().await)? {
            let key = Key::of_invoice(&period, &organization, &name);
            self.come_to(&key, &mut last, &name)?;
            let old = self.old_files(&key)?;
            let done = match &read {
                Ok(invoice) => self.invoice(month, invoice, &old).await?,
                Err(reason) => Err(reason.clone()),
            };
            self.done(done, old, &format!("invoice {name}"))?;
        }
        Ok(())
    }

    /// The credit notes that were issued in any of the months.
    async fn credit_notes(&mut self) -> Result<(), CommandError> {
        let mut notes = self.source.credit_notes();
        let mut last = None;
        while let Some((read, organization, name)) = named(notes.next().await)? {
            let key = Key::of_credit_note(&organization, &name);
            self.come_to(&key, &mut last, &name)?;
            let old = self.old_files(&key)?;
            let done = match &read {
                Ok(note) => match note_document(note).filter(|document| self.is_wanted(document)) {
                    Some(document) => self.credit_note(note, document, &old).await?,
                    None => {
                        old.into_iter().try_for_each(|old| self.pass(old))?;
                        continue;
                    }
                },
                Err(reason) => Err(reason.clone()),
            };
            self.done(done, old, &format!("credit note {name}"))?;
        }
        Ok(())
    }

    /// Whether this run exports a credit note.
    fn is_wanted(&self, document: &CreditNoteDocument) -> bool {
        self.periods.contains_key(&Month::of(document.issued_at.0)) && self.source.has(document)
    }

    /// The files of a month as a whole.
    fn whole_month(&mut self, periods: &BillingPeriods) -> Result<(), CommandError> {
        let key = Key::of_month(&periods.month().to_string());
        self.pass_until(&key)?;
        let old = self.old_files(&key)?;
        let new = self.billing_periods(periods)?;
        self.replace(old, &new)
    }

    /// The files of an invoice, written where they are not there yet.
    async fn invoice(&mut self, month: Month, invoice: &Invoice, old: &[FileEntry]) -> Result<Files, CommandError> {
        let Some(document) = document_of(invoice) else { return Ok(Ok(Vec::new())) };
        let phase = phase_of(invoice);
        if phase == InvoicePhase::Estimate && !self.with_estimates {
            if let Ok(issued) = IssuedInvoice::new(invoice, []) {
                self.note_month(month, focus::issuer(&document.seller), false, issued.issued_at);
            }
            return Ok(Ok(Vec::new()));
        }
        let digest = (phase == InvoicePhase::Final).then_some(document.digest.as_str());
        let paths = self.paths(month, &document.number, digest);
        if let Some(kept) = self.kept(&paths, old).filter(|_| digest.is_some()) {
            return Ok(Ok(kept));
        }
        let source = self.source;
        let files = source.with_invoice(invoice, |document| self.write_parts(paths, document)).await?;
        Ok(files.and_then(|files| files))
    }

    /// The files of a credit note, written where they are not there yet.
    async fn credit_note(
        &mut self,
        note: &CreditNote,
        document: &CreditNoteDocument,
        old: &[FileEntry],
    ) -> Result<Files, CommandError> {
        let paths = self.paths(Month::of(document.issued_at.0), &document.number, Some(&document.digest));
        if let Some(kept) = self.kept(&paths, old) {
            return Ok(Ok(kept));
        }
        let source = self.source;
        let files = source.with_credit_note(note, |document| self.write_parts(paths, document)).await?;
        Ok(files.and_then(|files| files))
    }

    fn paths(&self, month: Month, number: &str, digest: Option<&str>) -> Vec<String> {
        self.format.parts().into_iter().map(|part| part.path(month, number, digest)).collect()
    }

    /// The files of a final that are all there.
    fn kept(&mut self, paths: &[String], old: &[FileEntry]) -> Option<Vec<FileEntry>> {
        // A machine that lost its power may have left a file without its content.
        let is_whole = |entry: &FileEntry| {
            fs::metadata(self.folder.join(&entry.path)).is_ok_and(|metadata| metadata.len() == entry.bytes)
        };
        let is_there = |path: &String| old.iter().any(|entry| entry.path == *path && is_whole(entry));
        if !paths.iter().all(is_there) {
            return None;
        }
        let kept: Vec<_> = old.iter().filter(|entry| paths.contains(&entry.path)).cloned().collect();
        kept.iter().for_each(|entry| self.note(entry));
        self.counts.unchanged += kept.len() as u64;
        Some(kept)
    }

    /// The files of a document, each with what it says.
    fn write_parts(&mut self, paths: Vec<String>, document: &ExportedDocument<'_>) -> Result<Files, CommandError> {
        let mut files = Vec::new();
        for (part, path) in self.format.parts().into_iter().zip(paths) {
            match self.write_part(part, path, document)? {
                Ok(entry) => files.push(entry),
                Err(refusal) => return Ok(Err(refusal)),
            }
            if document.is_final() {
                // Of a run that came to no end, no list has it.
                self.remove(&part.path(document.month, document.number, None))?;
            }
        }
        files.iter().for_each(|entry| self.note(entry));
        Ok(Ok(files))
    }

    fn write_part(
        &mut self,
        part: Part,
        path: String,
        document: &ExportedDocument<'_>,
    ) -> Result<Result<FileEntry, Refusal>, CommandError> {
        let Content { bytes: content, rows, mapping } = match part.render(document) {
            Ok(rendered) => rendered,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let absolute = self.folder.join(&path);
        self.write(&absolute, &content)?;
        let (bytes, sha256) = (content.len() as u64, hex(&Sha256::digest(&content)));
        let (period, document) = (document.period.clone(), Some(entry_of(document)));
        Ok(Ok(FileEntry { path, dataset: part.name().to_owned(), period, document, rows, bytes, sha256, mapping }))
    }

    /// The file of a month as a whole.
    fn billing_periods(&mut self, periods: &BillingPeriods) -> Result<Vec<FileEntry>, CommandError> {
        let Some(encoding) = self.format.billing_periods().filter(|_| !periods.is_empty()) else {
            return Ok(Vec::new());
        };
        let content = periods.render(encoding).map_err(|error| CommandError::Unusable(error.to_string()))?;
        let path = format!("{}/BillingPeriod.{}", folder(periods.month()), encoding.extension());
        self.write(&self.folder.join(&path), &content)?;
        Ok(vec![FileEntry {
            path,
            dataset: "BillingPeriod".to_owned(),
            period: periods.month().to_string(),
            document: None,
            rows: periods.rows(),
            bytes: content.len() as u64,
            sha256: hex(&Sha256::digest(&content)),
            mapping: None,
        }])
    }

    /// Writes a file if it says something else than before.
    fn write(&mut self, path: &Path, content: &[u8]) -> Result<(), CommandError> {
        let write = || -> io::Result<bool> {
            if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
                fs::create_dir_all(parent)?;
            }
            let mut file = LazyFile::open(path)?;
            file.write(content)?;
            file.finish()
        };
        match write().map_err(about(path))? {
            true => self.counts.written += 1,
            false => self.counts.unchanged += 1,
        }
        Ok(())
    }

    /// Passes over the files that stand before a place in the list of the run before.
    fn pass_until(&mut self, key: &Key) -> Result<(), CommandError> {
        while let Some(old) = self.old.as_mut().map_or(Ok(None), |old| old.next_until(key, false))? {
            self.pass(old)?;
        }
        Ok(())
    }

    /// A file that this run has nothing to say about stays, unless it is an estimate that is no more.
    fn pass(&mut self, old: FileEntry) -> Result<(), CommandError> {
        let is_gone =
            |document: &DocumentEntry| document.phase == InvoicePhase::Estimate && self.is_ours(&old.period, document);
        if old.document.as_ref().is_some_and(is_gone) {
            return self.remove(&old.path);
        }
        self.note(&old);
        self.new.push(&old)
    }

    /// Goes to the next document of a list, passing over what stands before it.
    fn come_to(&mut self, key: &Key, last: &mut Option<Key>, name: &str) -> Result<(), CommandError> {
        if last.as_ref().is_some_and(|last| last >= key) {
            return Err(CommandError::Unusable(format!(
                "the API server lists {name} twice or out of order; run the command again"
            )));
        }
        *last = Some(key.clone());
        self.pass_until(key)
    }

    /// Lists the files of a document, or says why it is not exported.
    fn done(&mut self, files: Files, old: Vec<FileEntry>, what: &str) -> Result<(), CommandError> {
        match files {
            Ok(new) => self.replace(old, &new),
            Err(reason) => self.refuse(what, &reason, &old),
        }
    }

    /// Whether this run exports the invoice of a file, if there is such an invoice.
    fn is_ours(&self, period: &str, document: &DocumentEntry) -> bool {
        let here = match &self.source.place {
            Place::Everywhere => true,
            Place::Namespace(namespace) => *namespace == document.organization,
        };
        let group = self.source.group.as_ref();
        here && self.span.contains(period) && group.is_none_or(|group| *group == document.billing_group)
    }

    /// The files of the run before that stand at a place.
    fn old_files(&mut self, key: &Key) -> Result<Vec<FileEntry>, CommandError> {
        let mut files = Vec::new();
        while let Some(old) = self.old.as_mut().map_or(Ok(None), |old| old.next_until(key, true))? {
            files.push(old);
        }
        Ok(files)
    }

    /// Takes the document of a file into account.
    fn note(&mut self, entry: &FileEntry) {
        let Some(document) = &entry.document else { return };
        if let (Ok(month), Ok(written_at)) = (entry.period.parse(), document.written_at.parse()) {
            self.note_month(month, &document.issuer, document.phase == InvoicePhase::Final, written_at);
        }
    }

    fn note_month(&mut self, month: Month, issuer: &str, is_final: bool, written_at: Timestamp) {
        if let Some(periods) = self.periods.get_mut(&month) {
            periods.add(issuer, is_final, written_at);
        }
    }

    /// Lists new files in place of old ones, and removes those that no longer are.
    fn replace(&mut self, old: Vec<FileEntry>, new: &[FileEntry]) -> Result<(), CommandError> {
        new.iter().try_for_each(|entry| self.new.push(entry))?;
        let gone = old.iter().filter(|old| new.iter().all(|new| new.path != old.path));
        gone.into_iter().try_for_each(|old| self.remove(&old.path))
    }

    /// Says why a document is not exported. Its files of the run before stay.
    fn refuse(&mut self, what: &str, reason: &str, old: &[FileEntry]) -> Result<(), CommandError> {
        self.counts.refused += 1;
        writeln!(self.stderr, "{what} is not exported: {reason}")?;
        old.iter().try_for_each(|entry| self.new.push(entry))
    }

    fn remove(&mut self, path: &str) -> Result<(), CommandError> {
        let path = self.folder.join(path);
        match fs::remove_file(&path) {
            Ok(()) => self.counts.removed += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(about(&path)(error)),
        }
        Ok(())
    }
}

/// An object that was read, or why it was not, with its namespace and name; `None` after the last one.
type Named<K> = Option<(Result<K, Refusal>, String, String)>;

fn named<K: ResourceExt>(read: Result<Option<K>, Unread>) -> Result<Named<K>, CommandError> {
    Ok(match read {
        Ok(None) => None,
        Ok(Some(object)) => {
            let (organization, name) = identity(&object);
            Some((Ok(object), organization, name))
        }
        Err(Unread::Invalid { organization, name, reason }) => Some((Err(reason), organization, name)),
        Err(Unread::Failed(error)) => return Err(error),
    })
}

fn entry_of(document: &ExportedDocument<'_>) -> DocumentEntry {
    let credit_note = match document.stored {
        Stored::Invoice(_) => None,
        Stored::CreditNote(issued) => {
            Some(CreditNoteEntry { name: issued.note.name_any(), credits: issued.document.invoice.number.to_string() })
        }
    };
    DocumentEntry {
        organization: document.organization.unwrap_or_default().to_owned(),
        billing_group: document.billing_group.to_owned(),
        invoice: document.number.to_owned(),
        credit_note,
        phase: document.phase,
        digest: document.digest.to_owned(),
        issuer: document.issuer.to_owned(),
        written_at: Time(document.written_at).to_string(),
        currency: document.currency.to_owned(),
        subtotal: document.subtotal.to_string(),
        tax: document.tax.to_string(),
        total: document.total.to_string(),
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names the file that something went wrong with.
fn about(path: &Path) -> impl Fn(io::Error) -> CommandError + '_ {
    move |error| CommandError::Unusable(format!("{} cannot be used: {error}", path.display()))
}
