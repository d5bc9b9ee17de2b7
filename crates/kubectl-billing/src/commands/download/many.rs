//! `--all`: every final of some months, or every credit note that was issued in them, each as a file in a folder.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use kube::ResourceExt;

use billing_api::{CreditNote, Invoice, InvoicePhase, Logo, Seller};
use billing_documents::issued_note::note_document;
use billing_domain::{Month, Timestamp};

use super::{FileArguments, Prepared, Rendered};
use crate::ExitStatus;
use crate::cluster::Cluster;
use crate::commands::export::source::{Refusal, Source, Unread, document_of, phase_of};
use crate::commands::export::span::Span;
use crate::error::CommandError;
use crate::lazy_file::LazyFile;
use crate::progress::Progress;

/// Which of them.
#[derive(Args, Debug)]
pub struct ManyArguments {
    /// All that are final, each as a file named by its number and the format in the folder of --output
    #[arg(long, requires_all = ["period", "output"])]
    all: bool,
}

/// What becomes of documents.
pub struct Many<'a> {
    source: &'a Source<'a>,
    file: &'a FileArguments,
    folder: PathBuf,
    /// What prints, and the logo that it has.
    prepared: Option<(Option<Logo>, Prepared)>,
    progress: Progress,
    counts: Counts,
    stderr: &'a mut dyn Write,
}

#[derive(Debug, Default)]
struct Counts {
    written: usize,
    unchanged: usize,
    refused: usize,
    estimates: usize,
}

/// What a document is made into. A refusal is its own alone: the others are written.
type Done = Result<Result<Rendered, CommandError>, Refusal>;

impl ManyArguments {
    /// Whether all are asked for, and not one.
    pub fn all(&self) -> bool {
        self.all
    }
}

/// The months that a word names.
///
/// # Errors
/// It names none.
pub fn span(period: Option<&str>, now: Timestamp) -> Result<Span, CommandError> {
    Span::read(period.unwrap_or_default(), now).map_err(|error| CommandError::Unusable(format!("--period {error}")))
}

impl<'a> Many<'a> {
    /// Begins with a folder.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn begin(
        source: &'a Source<'a>,
        file: &'a FileArguments,
        stderr: &'a mut dyn Write,
    ) -> Result<Self, CommandError> {
        file.check()?;
        let Some(folder) = file.file().map(ToOwned::to_owned) else {
            return Err(CommandError::Unusable(
                "--all writes files: name their folder, such as -o ./invoices".to_owned(),
            ));
        };
        let about = |error| CommandError::Unusable(format!("{} cannot be used: {error}", folder.display()));
        if !folder.is_dir() {
            fs::create_dir_all(&folder).map_err(about)?;
        }
        let progress = Progress::of("writing files");
        Ok(Self { source, file, folder, prepared: None, progress, counts: Counts::default(), stderr })
    }

    /// The finals of months.
    ///
    /// # Errors
    /// The API server refused, or a file cannot be written. What is written by then stays.
    pub async fn invoices(mut self, span: Span) -> Result<ExitStatus, CommandError> {
        writeln!(self.stderr, "{span}")?;
        for month in span.months() {
            let mut invoices = self.source.month(month);
            while let Some(read) = next(invoices.next().await)? {
                match read {
                    Ok(invoice) if phase_of(&invoice) == InvoicePhase::Estimate => self.counts.estimates += 1,
                    Ok(invoice) => self.invoice(&invoice).await?,
                    Err((name, reason)) => self.refuse(&name, &reason)?,
                }
            }
        }
        self.finish()
    }

    /// The credit notes that were issued in months.
    ///
    /// # Errors
    /// As [`Many::invoices`].
    pub async fn credit_notes(mut self, span: Span) -> Result<ExitStatus, CommandError> {
        writeln!(self.stderr, "{span}")?;
        let mut notes = self.source.credit_notes();
        while let Some(read) = next(notes.next().await)? {
            match read {
                Ok(note) => self.credit_note(&note, span).await?,
                Err((name, reason)) => self.refuse(&name, &reason)?,
            }
        }
        self.finish()
    }

    async fn invoice(&mut self, invoice: &Invoice) -> Result<(), CommandError> {
        let Some(document) = document_of(invoice) else { return Ok(()) };
        let (source, file) = (self.source, self.file);
        let prepared = self.prepare(&document.seller, source.cluster).await?;
        let done = source.with_invoice(invoice, |document| Ok(file.render(document, prepared))).await?;
        self.done(&document.number, done)
    }

    async fn credit_note(&mut self, note: &CreditNote, span: Span) -> Result<(), CommandError> {
        let Some(document) = note_document(note) else { return Ok(()) };
        if !span.contains(&Month::of(document.issued_at.0).to_string()) || !self.source.has(document) {
            return Ok(());
        }
        let (source, file) = (self.source, self.file);
        let prepared = self.prepare(&document.seller, source.cluster).await?;
        let done = source.with_credit_note(note, |document| Ok(file.render(document, prepared))).await?;
        self.done(&document.number, done)
    }

    /// What a seller's documents are printed with: got once for all that have the same logo.
    async fn prepare(&mut self, seller: &Seller, cluster: &Cluster) -> Result<&Prepared, CommandError> {
        let logo = seller.document.as_ref().and_then(|style| style.logo.clone());
        let prepared = match self.prepared.take() {
            Some(prepared) if prepared.0 == logo => prepared,
            _ => (logo, self.file.prepare(Some(seller), cluster, self.stderr).await?),
        };
        Ok(&self.prepared.insert(prepared).1)
    }

    /// Writes the file of a document, or says why it has none.
    fn done(&mut self, number: &str, done: Done) -> Result<(), CommandError> {
        let Rendered { content, warnings } = match done {
            Ok(Ok(rendered)) => rendered,
            Ok(Err(refusal)) => return self.refuse(number, &refusal.to_string()),
            Err(refusal) => return self.refuse(number, &refusal),
        };
        for warning in warnings {
            writeln!(self.stderr, "warning: {number}: {warning}")?;
        }
        let path = self.folder.join(format!("{number}.{}", self.file.format.extension()));
        let written = LazyFile::open(&path).and_then(|mut file| {
            file.write(&content)?;
            file.finish()
        });
        match written
            .map_err(|error| CommandError::Unusable(format!("{} cannot be written: {error}", path.display())))?
        {
            true => self.counts.written += 1,
            false => self.counts.unchanged += 1,
        }
        self.progress.note(self.counts.written + self.counts.unchanged);
        Ok(())
    }

    fn refuse(&mut self, name: &str, reason: &str) -> Result<(), CommandError> {
        self.counts.refused += 1;
        Ok(writeln!(self.stderr, "{name} is not written: {reason}")?)
    }

    fn finish(self) -> Result<ExitStatus, CommandError> {
        let Self { counts: Counts { written, unchanged, refused, estimates }, stderr, folder, progress, .. } = self;
        drop(progress); // its line is gone before the next
        let some = |count: usize, what: &str| if count == 0 { String::new() } else { format!(", {count} {what}") };
        writeln!(
            stderr,
            "{written} files written, {unchanged} unchanged{}{} in {}",
            some(refused, "refused"),
            some(estimates, "estimates left out"),
            folder.display()
        )?;
        Ok(if refused == 0 { ExitStatus::Ok } else { ExitStatus::Refused })
    }
}

/// An object that was read, or its name and why it was not; `None` after the last one.
type Next<K> = Option<Result<K, (String, Refusal)>>;

fn next<K: ResourceExt>(read: Result<Option<K>, Unread>) -> Result<Next<K>, CommandError> {
    Ok(match read {
        Ok(None) => None,
        Ok(Some(object)) => Some(Ok(object)),
        Err(Unread::Invalid { organization: _, name, reason }) => Some(Err((name, reason))),
        Err(Unread::Failed(error)) => return Err(error),
    })
}
