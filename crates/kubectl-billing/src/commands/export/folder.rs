//! An export into a folder: a file for each invoice and dataset, and the list of all of them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use billing_api::{Document, Invoice, InvoicePhase, Time};
use billing_documents::export::Format;
use billing_documents::export::dataset::{Dataset, folder};
use billing_documents::export::focus::{self, billing_period::BillingPeriods};
use billing_documents::issued::IssuedInvoice;
use billing_domain::Month;
use sha2::{Digest, Sha256};

use super::manifest::{FileEntry, InvoiceEntry, Key, NewManifest, OldManifest};
use super::source::{Refusal, Source, Unread, document_of, identity, phase_of};
use super::span::Span;
use crate::ExitStatus;
use crate::cluster::Place;
use crate::error::CommandError;
use crate::lazy_file::LazyFile;

/// What a run does.
pub struct FolderExport<'a> {
    source: &'a Source<'a>,
    format: Format,
    span: Span,
    with_estimates: bool,
    folder: PathBuf,
    old: Option<OldManifest>,
    new: NewManifest,
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

impl<'a> FolderExport<'a> {
    /// Begins an export.
    ///
    /// # Errors
    /// The folder cannot be used, or holds an export in another format.
    pub fn begin(
        source: &'a Source<'a>,
        format: Format,
        span: Span,
        with_estimates: bool,
        folder: &Path,
        stderr: &'a mut dyn Write,
    ) -> Result<Self, CommandError> {
        if !folder.is_dir() {
            fs::create_dir_all(folder).map_err(about(folder))?;
        }
        let counted = format.datasets().first().map_or("", |dataset| dataset.name());
        Ok(Self {
            source,
            format,
            span,
            with_estimates,
            folder: folder.to_owned(),
            old: OldManifest::open(folder, format.name())?,
            new: NewManifest::open(folder, format.name(), counted)?,
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
            self.month(month).await?;
        }
        while let Some(old) = self.old.as_mut().map_or(Ok(None), OldManifest::take)? {
            self.pass(old, None)?;
        }
        let (sums, Counts { written, unchanged, removed, refused }) = (self.new.sums(), self.counts);
        self.new.finish()?;
        let removed = if removed == 0 { String::new() } else { format!(", {removed} removed") };
        writeln!(self.stderr, "{written} files written, {unchanged} unchanged{removed}: {sums}")?;
        Ok(if refused == 0 { ExitStatus::Ok } else { ExitStatus::Refused })
    }

    async fn month(&mut self, month: Month) -> Result<(), CommandError> {
        let period = month.to_string();
        let mut periods = BillingPeriods::new(month);
        let mut invoices = self.source.month(month);
        let mut last = None;
        loop {
            let read = match invoices.next().await {
                Ok(None) => break,
                Ok(Some(invoice)) => Ok(invoice),
                Err(Unread::Invalid { organization, number, reason }) => Err((organization, number, reason)),
                Err(Unread::Failed(error)) => return Err(error),
            };
            let (organization, number) = match &read {
                Ok(invoice) => identity(invoice),
                Err((organization, number, _)) => (organization.clone(), number.clone()),
            };
            let key = Key::of_invoice(&period, &organization, &number);
            if last.as_ref().is_some_and(|last| *last >= key) {
                return Err(CommandError::Unusable(format!(
                    "the API server lists invoice {number} twice or out of order; run the command again"
                )));
            }
            self.pass_until(&key, &mut periods)?;
            let old = self.old_files(&key)?;
            let done = match &read {
                Ok(invoice) => self.invoice(month, invoice, &old, &mut periods).await?,
                Err((_, _, reason)) => Err(reason.clone()),
            };
            match done {
                Ok(new) => self.replace(old, &new)?,
                Err(reason) => self.refuse(&number, &reason, &old)?,
            }
            last = Some(key);
        }
        let key = Key::of_month(&period);
        self.pass_until(&key, &mut periods)?;
        let old = self.old_files(&key)?;
        let new = self.billing_periods(&periods)?;
        self.replace(old, &new)
    }

    /// The files of an invoice, written where they are not there yet.
    async fn invoice(
        &mut self,
        month: Month,
        invoice: &Invoice,
        old: &[FileEntry],
        periods: &mut BillingPeriods,
    ) -> Result<Result<Vec<FileEntry>, Refusal>, CommandError> {
        let Some(document) = document_of(invoice) else { return Ok(Ok(Vec::new())) };
        let phase = phase_of(invoice);
        if phase == InvoicePhase::Estimate && !self.with_estimates {
            if let Ok(issued) = IssuedInvoice::new(invoice, []) {
                periods.add(focus::issuer(&issued), false, issued.issued_at);
            }
            return Ok(Ok(Vec::new()));
        }
        let digest = (phase == InvoicePhase::Final).then_some(document.digest.as_str());
        let paths: Vec<_> =
            self.format.datasets().iter().map(|set| set.path(month, &document.number, digest)).collect();
        // A machine that lost its power may have left a file without its content.
        let is_whole = |entry: &FileEntry| {
            fs::metadata(self.folder.join(&entry.path)).is_ok_and(|metadata| metadata.len() == entry.bytes)
        };
        let is_there = |path: &String| old.iter().any(|entry| entry.path == *path && is_whole(entry));
        if digest.is_some() && paths.iter().all(is_there) {
            let kept: Vec<_> = old.iter().filter(|entry| paths.contains(&entry.path)).cloned().collect();
            kept.iter().for_each(|entry| note(entry, periods));
            self.counts.unchanged += kept.len() as u64;
            return Ok(Ok(kept));
        }
        let source = self.source;
        let files = source.with_lines(invoice, |issued| self.write_datasets(paths, issued)).await?;
        let files = files.and_then(|files| files);
        files.iter().flatten().for_each(|entry| note(entry, periods));
        Ok(files)
    }

    /// The files of an invoice, each with what it says.
    fn write_datasets(
        &mut self,
        paths: Vec<String>,
        issued: &IssuedInvoice<'_>,
    ) -> Result<Result<Vec<FileEntry>, Refusal>, CommandError> {
        let mut files = Vec::new();
        for (dataset, path) in self.format.datasets().iter().zip(paths) {
            match self.write_dataset(*dataset, path, issued)? {
                Ok(entry) => files.push(entry),
                Err(refusal) => return Ok(Err(refusal)),
            }
            if issued.is_final() {
                // Of a run that came to no end, no list has it.
                self.remove(&dataset.path(issued.month, &issued.document.number, None))?;
            }
        }
        Ok(Ok(files))
    }

    fn write_dataset(
        &mut self,
        dataset: Dataset,
        path: String,
        issued: &IssuedInvoice<'_>,
    ) -> Result<Result<FileEntry, Refusal>, CommandError> {
        let (content, rows) = match dataset.render(issued) {
            Ok(rendered) => rendered,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let absolute = self.folder.join(&path);
        self.write(&absolute, &content)?;
        let (bytes, sha256) = (content.len() as u64, hex(&Sha256::digest(&content)));
        let invoice = Some(entry_of(issued.invoice, issued.document, issued));
        let period = issued.month.to_string();
        Ok(Ok(FileEntry { path, dataset: dataset.name().to_owned(), period, invoice, rows, bytes, sha256 }))
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
            invoice: None,
            rows: periods.rows(),
            bytes: content.len() as u64,
            sha256: hex(&Sha256::digest(&content)),
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
    fn pass_until(&mut self, key: &Key, periods: &mut BillingPeriods) -> Result<(), CommandError> {
        while let Some(old) = self.old.as_mut().map_or(Ok(None), |old| old.next_until(key, false))? {
            self.pass(old, Some(periods))?;
        }
        Ok(())
    }

    /// A file that this run has nothing to say about stays, unless it is an estimate that is no more.
    fn pass(&mut self, old: FileEntry, periods: Option<&mut BillingPeriods>) -> Result<(), CommandError> {
        let Some(invoice) = &old.invoice else { return self.new.push(&old) };
        if invoice.phase == InvoicePhase::Estimate && self.is_ours(&old.period, invoice) {
            return self.remove(&old.path);
        }
        if let Some(periods) = periods {
            note(&old, periods);
        }
        self.new.push(&old)
    }

    /// Whether this run exports the invoice of a file, if there is such an invoice.
    fn is_ours(&self, period: &str, invoice: &InvoiceEntry) -> bool {
        let here = match &self.source.place {
            Place::Everywhere => true,
            Place::Namespace(namespace) => *namespace == invoice.organization,
        };
        let group = self.source.group.as_ref();
        here && self.span.contains(period) && group.is_none_or(|group| *group == invoice.billing_group)
    }

    /// The files of the run before that stand at a place.
    fn old_files(&mut self, key: &Key) -> Result<Vec<FileEntry>, CommandError> {
        let mut files = Vec::new();
        while let Some(old) = self.old.as_mut().map_or(Ok(None), |old| old.next_until(key, true))? {
            files.push(old);
        }
        Ok(files)
    }

    /// Lists new files in place of old ones, and removes those that no longer are.
    fn replace(&mut self, old: Vec<FileEntry>, new: &[FileEntry]) -> Result<(), CommandError> {
        new.iter().try_for_each(|entry| self.new.push(entry))?;
        let gone = old.iter().filter(|old| new.iter().all(|new| new.path != old.path));
        gone.into_iter().try_for_each(|old| self.remove(&old.path))
    }

    /// Says why an invoice is not exported. Its files of the run before stay.
    fn refuse(&mut self, number: &str, reason: &str, old: &[FileEntry]) -> Result<(), CommandError> {
        self.counts.refused += 1;
        writeln!(self.stderr, "invoice {number} is not exported: {reason}")?;
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

/// Takes the invoice of a file into account.
fn note(entry: &FileEntry, periods: &mut BillingPeriods) {
    let Some(invoice) = &entry.invoice else { return };
    if let Ok(written_at) = invoice.written_at.parse() {
        periods.add(&invoice.issuer, invoice.phase == InvoicePhase::Final, written_at);
    }
}

fn entry_of(invoice: &Invoice, document: &Document, issued: &IssuedInvoice<'_>) -> InvoiceEntry {
    let (organization, number) = identity(invoice);
    InvoiceEntry {
        organization,
        billing_group: invoice.spec.billing_group.to_string(),
        invoice: number,
        phase: issued.phase,
        digest: document.digest.clone(),
        issuer: focus::issuer(issued).to_owned(),
        written_at: Time(issued.issued_at).to_string(),
        currency: document.currency.to_string(),
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
