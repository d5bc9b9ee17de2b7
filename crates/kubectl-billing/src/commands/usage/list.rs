//! `kubectl billing usage list`.

use clap::Args;
use kube::api::ListParams;
use serde_json::Value;

use crate::commands::listing::ListArguments;
use crate::error::CommandError;
use crate::print::{Column, TableShape};
use crate::read::{condition, text};
use crate::{ExitStatus, Io, period};
use billing_api::{Time, UsageRecord};

/// What is shown of usage.
pub(in crate::commands) const USAGE: TableShape = TableShape::of(&[
    Column::text("RECORD", ".metadata.name"),
    Column::text("PROJECT", ".spec.project"),
    Column::elastic("SERVICE", ".spec.service.name"),
    Column::elastic("TYPE", ".spec.service.type"),
    Column::number("QUANTITY", ".spec.quantity"),
    Column::text("PROBLEM", r#".status.conditions[?(@.type=="Billable")].reason"#),
    Column::text("START", ".spec.start").wide(),
    Column::text("END", ".spec.end").wide(),
    Column::number("READING", ".spec.readings[-1:].quantity").wide(),
    Column::text("READ AT", ".spec.readings[-1:].at").wide(),
    Column::text("CLUSTER", ".spec.cluster").wide(),
    Column::text("PLAN", ".spec.service.plan").wide(),
    Column::text("CLOUD", ".spec.service.cloud").wide(),
    Column::text("REPLACES", ".spec.replaces").wide(),
    Column::text("MESSAGE", r#".status.conditions[?(@.type=="Billable")].message"#).wide(),
]);

/// List usage records
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing usage list web -n acme --period last
  kubectl billing usage list -n acme --unbilled -o wide")]
pub struct UsageListArguments {
    /// Only those of this project
    #[arg(value_name = "PROJECT")]
    project: Option<String>,

    /// Only those that ran in this month: 2026-10, this, last
    #[arg(long, value_name = "MONTH")]
    period: Option<String>,

    /// Only those that are on no invoice, for the reason shown
    #[arg(long)]
    unbilled: bool,

    #[command(flatten)]
    list: ListArguments,
}

pub(super) fn run(arguments: &UsageListArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let params = match &arguments.project {
        Some(project) => ListParams::default().fields(&format!("spec.project={project}")),
        None => ListParams::default(),
    };
    let month = match &arguments.period {
        None => None,
        Some(word) => {
            let month = period::month(word, io.now).map_err(CommandError::Unusable)?;
            writeln!(io.stderr, "{}", period::echo(month))?;
            // Times have one spelling, so their texts have their order.
            Some((Time(month.start()).to_string(), Time(month.next().start()).to_string()))
        }
    };
    let unbilled = arguments.unbilled;
    let fits = move |record: &Value| {
        let (start, end) = (text(record, "/spec/start"), text(record, "/spec/end"));
        // A metered record lies in the month of its start, whether it was ended or not.
        let runs_on = end.is_empty() && record.pointer("/spec/readings").is_none();
        let ran = month
            .as_ref()
            .is_none_or(|(from, to)| start < to.as_str() && (runs_on || end > from.as_str() || start >= from.as_str()));
        ran && (!unbilled || condition(record, "Billable").is_some())
    };
    arguments.list.run_where::<UsageRecord>(USAGE, params, "such usage records", fits, io)
}
