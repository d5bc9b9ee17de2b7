//! `kubectl billing preview`: manifests in, refusals and invoices out, without a cluster.
//!
//! The manifests are read and checked as the API server would ([`crate::manifest`]), get what a cluster would have
//! added (`server_fields`), and enter the same state as what the operator watches (`admit`). The operator's own planners
//! then say who pays (`prepare`) and what for (`bill`).

mod admit;
mod bill;
mod credits;
mod finals;
mod held;
mod prepare;
mod print;
pub(crate) mod server_fields;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta};
use clap::{Args, ValueEnum};
use rust_decimal::Decimal;
use thiserror::Error;

use crate::ExitStatus;
use crate::arguments::one_of;
use crate::manifest::{self, Manifests, ObjectRef, ReadError, Rejection, SourceLocation};
use crate::output::OutputError;
pub use bill::BillingError;
use billing_api::{Document, Invoice, InvoiceSlice};
use billing_domain::tenancy::default_binding::{DefaultPolicy, DefaultSettings};
use billing_domain::{Attribution, HourRule, LateUsageWindow, Month, Timestamp};
use billing_planning::billing_settings::{
    ATTRIBUTIONS, BillingSettings, DEFAULT_BINDINGS, DEFAULT_LATE_USAGE_MONTHS, HOUR_RULES, delta, duration,
};
use billing_state::ObservedState;

const EXAMPLES: &str = "\
Examples:
  # What would the manifests of this folder cost, and are they in order?
  kubectl billing preview -f examples/acme

  # The same at another time, one month, with every line
  kubectl billing preview -f examples/acme --as-of 2026-11-21T12:00:00Z --period 2026-11 --lines

  # The Invoice objects, as the operator would write them
  kubectl billing preview -f examples/acme -o json | jq '.items[].status.document.total'

  # A change in Git against the usage of a cluster
  kubectl get usagerecords -A -o yaml | kubectl billing preview -f repo/ -f -

Exit status: 0 when all is in order, 1 when anything would be refused or an invoice of a month that is over is held, 2
when the command cannot be run.";

/// Show the invoices that manifests would produce, without a cluster
///
/// Reads manifests as a Git repository holds them, namespaces with their labels included; prints what the API server
/// or the operator would refuse; then the invoices: final ones for the months that are over, an estimate for the one
/// that runs. Same rules and same cents as the operator. What is wrong goes to standard error, invoices to standard
/// output.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct PreviewArguments {
    /// A file, a folder with its subfolders, or "-" for standard input; can be given several times
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    filenames: Vec<PathBuf>,

    /// Only the invoices of this month; can be given several times [default: every month up to that of --as-of]
    #[arg(long = "period", value_name = "YYYY-MM")]
    periods: Vec<Month>,

    /// The time to compute the invoices for, in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    as_of: Option<Timestamp>,

    /// How to print the invoices
    #[arg(short, long, value_enum, default_value_t = PreviewOutput::Table)]
    output: PreviewOutput,

    /// Print the lines of the invoices too (tables only; YAML and JSON have them always)
    #[arg(long)]
    lines: bool,

    /// Exit with 0 although an invoice of a month that is over is held
    #[arg(long)]
    allow_held: bool,

    #[command(flatten, next_help_heading = "The operator's settings")]
    settings: Settings,
}

/// The operator's settings that bear on invoices.
#[derive(Args, Debug)]
struct Settings {
    /// Who pays for a project that moved within a month
    #[arg(long, value_parser = one_of(ATTRIBUTIONS), default_value = ATTRIBUTIONS[0].name)]
    attribution: Attribution,

    /// How running time becomes hours
    #[arg(long, value_parser = one_of(HOUR_RULES), default_value = HOUR_RULES[0].name)]
    hours: HourRule,

    /// How many months back closed months are settled; 0 is no limit
    #[arg(long, value_name = "MONTHS", default_value_t = DEFAULT_LATE_USAGE_MONTHS)]
    late_usage_window: u16,

    /// Which group pays for a project without a binding
    #[arg(long, value_parser = one_of(DEFAULT_BINDINGS), default_value = DEFAULT_BINDINGS[0].name)]
    default_binding: DefaultPolicy,

    /// The minimum time from a month's end to the final invoice [90s, 15m, 1h]
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "60s")]
    settle_time: Duration,
}

/// How invoices are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PreviewOutput {
    /// For people
    Table,
    /// A List of the objects
    Yaml,
    /// A List of the objects
    Json,
}

/// Why there is no preview.
#[derive(Debug, Error)]
pub enum PreviewError {
    /// The manifests cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A bill cannot be written as a document.
    #[error("the invoices of billing group {group} cannot be written")]
    Render {
        /// The group, with its organization.
        group: String,
        /// Why.
        source: BillingError,
    },
    /// Nothing can be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// What manifests lead to.
#[derive(Debug, Default)]
struct Preview {
    /// What would be refused, in the order of the manifests.
    refusals: Vec<Rejection>,
    /// What would be accepted, and still is not in order.
    problems: Vec<PreviewProblem>,
    /// What the operator would do on its own.
    notes: Vec<String>,
    /// The invoices, by organization, group and month.
    invoices: Vec<PreviewedInvoice>,
}

/// Something that is not in order, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PreviewProblem {
    /// Where it stands, if it was in a manifest.
    source: Option<SourceLocation>,
    /// What it is about.
    object: ObjectRef,
    /// The reason, as of a condition.
    reason: &'static str,
    /// One sentence with the remedy.
    message: String,
}

/// An invoice, and the lines that do not fit into it.
#[derive(Debug)]
struct PreviewedInvoice {
    month: Month,
    invoice: Invoice,
    slices: Vec<InvoiceSlice>,
}

impl PreviewedInvoice {
    /// Its document; an estimate that is held may have none.
    fn document(&self) -> Option<&Document> {
        self.invoice.status.as_ref()?.document.as_ref()
    }
}

/// For which time, by which rules, and which months.
#[derive(Debug, Clone)]
struct PreviewOptions {
    as_of: Timestamp,
    settings: BillingSettings,
    /// Only these; none: every month until that of `as_of`.
    periods: Vec<Month>,
}

impl PreviewOptions {
    /// Every month, as an operator bills that nobody set otherwise.
    fn at(as_of: Timestamp) -> Self {
        Self { as_of, settings: default_settings(), periods: Vec::new() }
    }

    /// Whether the invoices of a month are asked for.
    fn asks_for(&self, month: Month) -> bool {
        self.periods.is_empty() || self.periods.contains(&month)
    }

    /// The last month that is computed: no month reads one after it.
    fn last_month(&self) -> Month {
        let now = Month::of(self.as_of);
        self.periods.iter().max().map_or(now, |last| now.min(*last))
    }
}

/// Runs the command.
///
/// # Errors
/// Manifests that cannot be read, or a document that cannot be written.
pub fn run(
    arguments: &PreviewArguments,
    now: Timestamp,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> Result<ExitStatus, PreviewError> {
    let options = PreviewOptions {
        as_of: arguments.as_of.unwrap_or(now.trunc_subsecs(0)),
        settings: arguments.settings.settings(),
        periods: arguments.periods.clone(),
    };
    let manifests = manifest::read(&arguments.filenames, stdin)?;
    let preview = preview(manifests, &options)?;
    print::print_findings(&preview, stderr)?;
    print::print_invoices(&preview.invoices, arguments.output, arguments.lines, stdout)?;
    let closes = arguments.allow_held || held::holds(&preview.invoices).all(|hold| !hold.is_over(options.as_of));
    Ok(if preview.refusals.is_empty() && closes { ExitStatus::Ok } else { ExitStatus::Refused })
}

/// The state of manifests after all that the operator would do before it bills, with what finals among them bill, and
/// its settings by default.
pub(crate) fn prepared_state(manifests: Manifests, as_of: Timestamp) -> (ObservedState, BillingSettings) {
    let options = PreviewOptions::at(as_of);
    let mut prepared = prepare::prepare(admit::admit(manifests, &options), &options);
    prepared.finals.enter(&mut prepared.state);
    (prepared.state, options.settings)
}

/// What each usage record of manifests costs, by its name, as "1.50 USD"; and what is not in order.
///
/// # Errors
/// A document cannot be written.
pub(crate) fn cost_of_records(
    manifests: Manifests,
    as_of: Timestamp,
) -> Result<(BTreeMap<String, String>, Vec<String>), PreviewError> {
    let preview = preview(manifests, &PreviewOptions::at(as_of))?;
    let mut costs: BTreeMap<String, (Decimal, String)> = BTreeMap::new();
    for invoice in &preview.invoices {
        let Some(document) = invoice.document() else { continue };
        for line in document.lines.iter().chain(invoice.slices.iter().flat_map(|slice| &slice.spec.lines)) {
            let Some(source) = line.source.as_ref().filter(|source| source.kind == "UsageRecord") else { continue };
            let total: Decimal = line.total.parse().unwrap_or_default();
            let cost = costs.entry(source.name.to_string()).or_insert((Decimal::ZERO, document.currency.to_string()));
            cost.0 += total;
        }
    }
    let refused = preview.refusals.iter().map(ToString::to_string);
    let problems =
        preview.problems.iter().map(|problem| format!("{}: {}: {}", problem.object, problem.reason, problem.message));
    let costs = costs.into_iter().map(|(record, (total, currency))| (record, format!("{total} {currency}"))).collect();
    Ok((costs, refused.chain(problems).collect()))
}

/// How an operator bills that nobody set otherwise.
pub(crate) fn default_settings() -> BillingSettings {
    without_waiting(BillingSettings::default())
}

/// Previews manifests.
fn preview(manifests: Manifests, options: &PreviewOptions) -> Result<Preview, PreviewError> {
    let admitted = admit::admit(manifests, options);
    let prepared = prepare::prepare(admitted, options);
    bill::bill(prepared, options)
}

impl Settings {
    fn settings(&self) -> BillingSettings {
        let mut settings = BillingSettings {
            attribution: self.attribution,
            hours: self.hours,
            late_usage_window: LateUsageWindow::of_months(self.late_usage_window),
            min_closing_delay: delta(self.settle_time),
            ..without_waiting(BillingSettings::default())
        };
        settings.defaults.policy = self.default_binding;
        settings
    }
}

/// Nobody waits for a default here: what it is to be is asked for.
fn without_waiting(settings: BillingSettings) -> BillingSettings {
    let defaults = DefaultSettings { delay: TimeDelta::zero(), ..settings.defaults };
    BillingSettings { defaults, ..settings }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| "write it in RFC 3339, like 2026-11-21T12:00:00Z".to_owned())
}
