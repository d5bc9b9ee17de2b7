//! `kubectl billing group get`.

use clap::Args;
use kube::api::ListParams;

use super::list::GROUPS;
use crate::cluster::{ClusterArguments, wait};
use crate::error::CommandError;
use crate::print::{Column, PrintArguments, Section, TableShape, print_sections};
use crate::{ExitStatus, Io, read};
use billing_api::{BillingGroup, Invoice};

/// What the projects of a group cost this month.
const PROJECTS: TableShape = TableShape::of_items(
    &[".status.document.projects[*]"],
    &[
        Column::text("PROJECT", "@.project"),
        Column::number("SO FAR", "@.subtotal"),
        Column::text("CURRENCY", ".status.document.currency"),
        Column::text("INVOICE", ".metadata.name"),
        Column::text("PERIOD", ".spec.period"),
    ],
);

/// How far a commitment over a term has come.
const COMMITMENT: TableShape = TableShape::of_items(
    &[".status.commitment"],
    &[
        Column::text("NAME", "@.name"),
        Column::text("FROM", "@.firstPeriod"),
        Column::text("TO", "@.lastPeriod"),
        Column::number("AMOUNT", "@.amount"),
        Column::number("SPENT", "@.spent"),
        Column::number("LEFT", "@.left"),
        Column::text("CURRENCY", ".spec.currency"),
    ],
);

/// What needs attention.
const CONDITIONS: TableShape = TableShape::of_items(
    &[".status.conditions[*]"],
    &[
        Column::text("CONDITION", "@.type"),
        Column::text("STATUS", "@.status"),
        Column::text("REASON", "@.reason"),
        Column::elastic("MESSAGE", "@.message"),
    ],
);

/// Show a billing group with its projects, and what each costs so far
///
/// As JSON or YAML: the billing group, and the invoices that are still estimates.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing group get main -n acme")]
pub struct GroupGetArguments {
    /// The billing group
    #[arg(value_name = "GROUP")]
    group: String,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    print: PrintArguments,
}

pub(super) fn run(arguments: &GroupGetArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let place = cluster.organization();
        let mut group = read::get::<BillingGroup>(&cluster, &place, &arguments.group).await?;
        group["metadata"]["managedFields"].take();
        let open = format!("spec.billingGroup={},status.phase=Estimate", arguments.group);
        let open = read::list::<Invoice>(&cluster, &place, ListParams::default().fields(&open)).await?;
        let groups = vec![group];
        let mut sections = vec![
            Section::new(GROUPS, groups.clone(), "").headed("Billing group"),
            Section::new(PROJECTS, open, "none").headed("Projects"),
        ];
        if groups.iter().any(|group| !group["status"]["commitment"].is_null()) {
            sections.push(Section::new(COMMITMENT, groups.clone(), "none").headed("Commitment"));
        }
        sections.push(Section::new(CONDITIONS, groups, "none").headed("Conditions"));
        print_sections(sections, &arguments.print, io.stdout, io.stderr)?;
        Ok(ExitStatus::Ok)
    })?
}
