//! `kubectl billing credit list`.

use clap::Args;
use kube::api::ListParams;

use crate::commands::listing::ListArguments;
use crate::error::CommandError;
use crate::print::{Column, TableShape};
use crate::{ExitStatus, Io};
use billing_api::Credit;

const CREDITS: TableShape = TableShape::of(&[
    Column::text("NAME", ".metadata.name"),
    Column::text("GROUP", ".spec.billingGroup"),
    Column::text("TYPE", ".status.type"),
    Column::number("REMAINING", ".status.remaining"),
    Column::text("CURRENCY", ".status.currency"),
    Column::text("STATE", r#".status.conditions[?(@.type=="Ready")].reason"#),
    Column::number("AMOUNT", ".status.amount").wide(),
    Column::number("CONSUMED", ".status.consumed").wide(),
    Column::number("EXPIRED", ".status.expired").wide(),
    Column::text("STARTS", ".status.startsAt").wide(),
    Column::text("EXPIRES", ".status.expiresAt").wide(),
    Column::text("INVOICES", ".status.reservations[*].invoice").wide(),
]);

/// List credits, with what remains of each
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing credit list main -n acme -o wide")]
pub struct CreditListArguments {
    /// Only those of this billing group
    #[arg(value_name = "GROUP")]
    group: Option<String>,

    #[command(flatten)]
    list: ListArguments,
}

pub(super) fn run(arguments: &CreditListArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let params = match &arguments.group {
        Some(group) => ListParams::default().fields(&format!("spec.billingGroup={group}")),
        None => ListParams::default(),
    };
    arguments.list.run::<Credit>(CREDITS, params, "credits", io)
}
