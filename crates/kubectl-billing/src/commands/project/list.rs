//! `kubectl billing project list`.

use clap::Args;
use kube::api::ListParams;
use serde_json::Value;

use crate::commands::listing::ListArguments;
use crate::error::CommandError;
use crate::print::{Column, TableShape};
use crate::{ExitStatus, Io};
use billing_api::ProjectLedger;

const PROJECTS: TableShape = TableShape::of(&[
    Column::text("PROJECT", ".metadata.name"),
    Column::text("GROUP", ".spec.segments[-1:].billingGroup"),
    Column::text("SINCE", ".spec.segments[-1:].from"),
    Column::text("DEFAULT", ".spec.segments[-1:].default"),
]);

/// List projects, with the billing group that pays for each
///
/// A project is listed once somebody pays for it: its ledger says who.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing project list -n acme --group main")]
pub struct ProjectListArguments {
    /// Only those that this group pays for
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,

    #[command(flatten)]
    list: ListArguments,
}

pub(super) fn run(arguments: &ProjectListArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let group = arguments.group.clone();
    let paid = move |ledger: &Value| {
        let last = ledger.pointer("/spec/segments").and_then(Value::as_array).and_then(|segments| segments.last());
        group.as_ref().is_none_or(|group| last.is_some_and(|segment| segment["billingGroup"] == **group))
    };
    arguments.list.run_where::<ProjectLedger>(PROJECTS, ListParams::default(), "projects", paid, io)
}
