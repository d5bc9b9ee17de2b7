//! `kubectl billing project history`.

use clap::Args;

use crate::cluster::{ClusterArguments, wait};
use crate::error::CommandError;
use crate::print::{Column, PrintArguments, Section, TableShape, print_object};
use crate::{ExitStatus, Io, read};
use billing_api::ProjectLedger;

const SEGMENTS: TableShape = TableShape::of_items(
    &[".spec.segments[*]"],
    &[
        Column::text("FROM", "@.from"),
        Column::text("GROUP", "@.billingGroup"),
        Column::text("DEFAULT", "@.default"),
        Column::text("GROUP UID", "@.billingGroupUID").wide(),
        Column::text("PROJECT UID", "@.projectUID").wide(),
    ],
);

/// Show who paid for a project from when on
///
/// Each group pays until the next one begins; the first also for all time before it.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing project history web -n acme")]
pub struct ProjectHistoryArguments {
    /// The project
    #[arg(value_name = "PROJECT")]
    project: String,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    print: PrintArguments,
}

pub(super) fn run(arguments: &ProjectHistoryArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let mut ledger = read::get::<ProjectLedger>(&cluster, &cluster.organization(), &arguments.project).await?;
        ledger["metadata"]["managedFields"].take();
        let section = Section::new(SEGMENTS, vec![ledger], "nobody paid for it yet");
        print_object(vec![section], &arguments.print, io.stdout, io.stderr)?;
        Ok(ExitStatus::Ok)
    })?
}
