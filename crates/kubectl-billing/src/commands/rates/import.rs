//! `kubectl billing rates import`: published rates in, ExchangeRates out.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use chrono::Datelike;
use clap::{Args, ValueEnum};
use serde_json::json;
use thiserror::Error;

use super::published::{Published, Unreadable, read};
use crate::ExitStatus;
use crate::output::{OutputError, print_json, print_yaml};
use billing_api::{DayOfQuotes, ExchangeRates, ExchangeRatesSpec};
use billing_domain::money::amount::CurrencyError;
use billing_domain::{Currency, Date};

/// The currency that the European Central Bank quotes others for.
const BASE: &str = "EUR";

const EXAMPLES: &str = "\
Examples:
  # The rates of this year and the one before, from the bank to the cluster
  curl -s https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.xml |
    kubectl billing rates import - --since 2025-01-01 | kubectl apply --server-side -f -

  # One year of the CSV file, as JSON
  kubectl billing rates import eurofxref-hist.csv --year 2026 -o json

  # Add the rates of one day to those that are there: a field manager of its own removes none
  kubectl billing rates import eurofxref-daily.xml |
    kubectl apply --server-side --field-manager rates-2026-11-20 -f -";

/// Write ExchangeRates from what the European Central Bank publishes
///
/// Reads eurofxref-hist.xml, eurofxref-hist-90d.xml, eurofxref-daily.xml or eurofxref-hist.csv and prints an
/// ExchangeRates manifest for every year, for `kubectl apply`. Quotes of withdrawn currencies and N/A are left out,
/// and reported on standard error.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ImportArguments {
    /// The file, or "-" for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The name of the source: the first part of the manifests' names, and what an InvoiceIssuer refers to
    #[arg(long, default_value = "ecb", value_parser = source)]
    source: String,

    /// Only this year; can be given several times
    #[arg(long = "year", value_name = "YYYY")]
    years: Vec<i32>,

    /// Only from this day on
    #[arg(long, value_name = "YYYY-MM-DD")]
    since: Option<Date>,

    /// How to print the manifests
    #[arg(short, long, value_enum, default_value_t = ImportOutput::Yaml)]
    output: ImportOutput,
}

/// How manifests are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ImportOutput {
    /// Documents, one after the other
    Yaml,
    /// A List of the objects
    Json,
}

/// Why nothing is imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{file} cannot be read")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It is none of the files that are understood.
    #[error("{file}, {error}")]
    Unreadable {
        /// The file.
        file: String,
        /// Where and why.
        error: Unreadable,
    },
    /// It holds nothing of what was asked for.
    #[error("{file} has no rates {asked}; check --year and --since")]
    Nothing {
        /// The file.
        file: String,
        /// What was asked for.
        asked: String,
    },
    /// Nothing can be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Runs the command.
///
/// # Errors
/// Rates that cannot be read, or output that cannot be written.
pub fn run(
    arguments: &ImportArguments,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> Result<ExitStatus, ImportError> {
    let file = match arguments.file.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => arguments.file.display().to_string(),
    };
    let text = load(arguments, stdin).map_err(|source| ImportError::Read { file: file.clone(), source })?;
    let published = read(&text).map_err(|error| ImportError::Unreadable { file: file.clone(), error })?;
    let asked_for = |rate: &Published| {
        let of_year = arguments.years.is_empty() || arguments.years.contains(&rate.date.year());
        of_year && arguments.since.is_none_or(|since| since <= rate.date)
    };
    let mut left_out = SkippedQuotes::default();
    let years = by_year(published.into_iter().filter(asked_for), &mut left_out);
    if years.is_empty() {
        return Err(ImportError::Nothing { file, asked: asked(arguments) });
    }
    left_out.print(stderr)?;
    print(&manifests(&arguments.source, years), arguments.output, stdout)?;
    Ok(ExitStatus::Ok)
}

fn load(arguments: &ImportArguments, stdin: &mut dyn Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    match arguments.file.to_str() {
        Some("-") => drop(stdin.read_to_end(&mut bytes)?),
        _ => bytes = fs::read(&arguments.file)?,
    }
    // What is no text is told apart line by line.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What was asked for, in words.
fn asked(arguments: &ImportArguments) -> String {
    let years: Vec<_> = arguments.years.iter().map(i32::to_string).collect();
    let of = if years.is_empty() { String::new() } else { format!("of {}", years.join(", ")) };
    let since = arguments.since.map(|since| format!("since {since}")).unwrap_or_default();
    let asked = [of, since].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    if asked.is_empty() { "of currencies that are in use".to_owned() } else { asked }
}

type Days = BTreeMap<Date, BTreeMap<String, String>>;

fn by_year(published: impl Iterator<Item = Published>, left_out: &mut SkippedQuotes) -> BTreeMap<i32, Days> {
    let mut years: BTreeMap<i32, Days> = BTreeMap::new();
    for Published { date, code, rate } in published {
        let Some(rate) = rate else {
            left_out.add(code, "not available (N/A)".to_owned());
            continue;
        };
        match code.parse::<Currency>() {
            Ok(_) => drop(years.entry(date.year()).or_default().entry(date).or_default().insert(code, rate)),
            Err(CurrencyError::Withdrawn(code, successor)) => {
                left_out.add(code, format!("withdrawn; its successor is {successor}"));
            }
            Err(CurrencyError::Fund(code)) => left_out.add(code, "the code of a fund".to_owned()),
            Err(CurrencyError::Unknown(code)) => left_out.add(code, "not an ISO 4217 currency".to_owned()),
        }
    }
    years
}

fn manifests(source: &str, years: BTreeMap<i32, Days>) -> Vec<ExchangeRates> {
    let day = |(date, rates): (Date, BTreeMap<String, String>)| {
        let rates = rates.into_iter().map(|(code, rate)| (code, rate.into())).collect();
        DayOfQuotes { date: date.to_string().into(), rates }
    };
    let manifest = |(year, days): (i32, Days)| {
        let quotes = days.into_iter().map(day).collect();
        let spec = ExchangeRatesSpec { source: source.into(), year, base: BASE.into(), quotes };
        ExchangeRates::new(&format!("{source}-{year}"), spec)
    };
    years.into_iter().map(manifest).collect()
}

fn print(manifests: &[ExchangeRates], output: ImportOutput, stdout: &mut dyn Write) -> Result<(), ImportError> {
    match output {
        ImportOutput::Json => {
            print_json(&json!({ "apiVersion": "v1", "kind": "List", "items": manifests }), stdout)?;
        }
        ImportOutput::Yaml => {
            for (position, manifest) in manifests.iter().enumerate() {
                if position > 0 {
                    writeln!(stdout, "---")?;
                }
                print_yaml(manifest, stdout)?;
            }
        }
    }
    Ok(())
}

/// Quotes that are in the file and not in the manifests, by currency and reason.
#[derive(Default)]
struct SkippedQuotes(BTreeMap<(String, String), usize>);

impl SkippedQuotes {
    fn add(&mut self, code: String, reason: String) {
        *self.0.entry((code, reason)).or_default() += 1;
    }

    fn print(&self, stderr: &mut dyn Write) -> io::Result<()> {
        for ((code, reason), count) in &self.0 {
            let quotes = if *count == 1 { "quote" } else { "quotes" };
            writeln!(stderr, "left out: {count} {quotes} of {code}: {reason}")?;
        }
        Ok(())
    }
}

/// A name that leaves room for the year.
fn source(text: &str) -> Result<String, String> {
    let letters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let edges = !text.starts_with('-') && !text.ends_with('-') && !text.is_empty();
    let good = letters && edges && text.len() <= 58;
    good.then(|| text.to_owned()).ok_or_else(|| "a DNS label of at most 58 characters, like ecb".to_owned())
}
