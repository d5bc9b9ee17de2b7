//! `kubectl billing group`: who pays.

mod assign;
mod create;
mod events;
mod get;
pub(super) mod list;
mod profile;
mod update;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::change::{Change, ChangeArguments, apply, current};
use crate::cluster::{ClusterArguments, wait};
use crate::error::CommandError;
use crate::read::{name, text};
use crate::{ExitStatus, Io, read};
use billing_api::BillingGroup;
use kube::api::ListParams;

/// Billing groups: who pays, and how
#[derive(Args, Debug)]
pub struct GroupArguments {
    #[command(subcommand)]
    command: GroupCommand,
}

#[derive(Debug, Subcommand)]
enum GroupCommand {
    #[command(alias = "ls")]
    List(list::GroupListArguments),
    #[command(aliases = ["describe", "show"])]
    Get(get::GroupGetArguments),
    Create(Box<create::GroupCreateArguments>),
    Update(Box<update::GroupUpdateArguments>),
    Rename(RenameArguments),
    SetPrimary(SetPrimaryArguments),
    Delete(DeleteArguments),
    #[command(alias = "assign-projects")]
    Assign(assign::AssignArguments),
    Events(events::GroupEventsArguments),
}

/// Give a billing group another display name
///
/// Its name stays, and with it its projects, invoices and numbers.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing group rename main \"My consolidated invoice\" -n acme")]
struct RenameArguments {
    /// The billing group
    #[arg(value_name = "GROUP")]
    group: String,

    /// What people are to call it
    #[arg(value_name = "DISPLAY-NAME")]
    display_name: String,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

/// Let a billing group pay for projects that nobody assigned
///
/// The organization's other groups cease to be primary.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing group set-primary main -n acme")]
struct SetPrimaryArguments {
    /// The billing group
    #[arg(value_name = "GROUP")]
    group: String,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

/// Delete a billing group that has no projects
///
/// It stays until the last month that it pays for is invoiced. Its final invoices stay for ever.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing group delete old -n acme")]
struct DeleteArguments {
    /// The billing group
    #[arg(value_name = "GROUP")]
    group: String,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

/// Runs one of the commands.
///
/// # Errors
/// It could not be done.
pub fn run(arguments: &GroupArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    match &arguments.command {
        GroupCommand::List(arguments) => list::run(arguments, io),
        GroupCommand::Get(arguments) => get::run(arguments, io),
        GroupCommand::Create(arguments) => create::run(arguments, io),
        GroupCommand::Update(arguments) => update::run(arguments, io),
        GroupCommand::Rename(arguments) => rename(arguments, io),
        GroupCommand::SetPrimary(arguments) => set_primary(arguments, io),
        GroupCommand::Delete(arguments) => delete(arguments, io),
        GroupCommand::Assign(arguments) => assign::run(arguments, io),
        GroupCommand::Events(arguments) => events::run(arguments, io),
    }
}

fn rename(arguments: &RenameArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let group = current::<BillingGroup>(&cluster, &cluster.organization(), &arguments.group).await?;
        let patch = json!({ "spec": { "displayName": arguments.display_name } });
        apply(&cluster, &[Change::patch::<BillingGroup>(group, patch)], &arguments.change, io).await
    })?
}

fn set_primary(arguments: &SetPrimaryArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let chosen = current::<BillingGroup>(&cluster, &cluster.organization(), &arguments.group).await?;
        let groups = read::list::<BillingGroup>(&cluster, &cluster.organization(), ListParams::default()).await?;
        // The new one first: an organization is never without.
        let mut changes = vec![Change::patch::<BillingGroup>(chosen, json!({ "spec": { "primary": true } }))];
        for other in groups {
            if name(&other) != arguments.group && other.pointer("/spec/primary").is_some_and(|primary| *primary == true)
            {
                writeln!(io.stderr, "billing group {} ceases to be primary", name(&other))?;
                // Read again, with who manages its fields.
                let other = current::<BillingGroup>(&cluster, &cluster.organization(), name(&other)).await?;
                changes.push(Change::patch::<BillingGroup>(other, json!({ "spec": { "primary": false } })));
            }
        }
        apply(&cluster, &changes, &arguments.change, io).await
    })?
}

fn delete(arguments: &DeleteArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let group = current::<BillingGroup>(&cluster, &cluster.organization(), &arguments.group).await?;
        let balance = text(&group, "/status/estimatedBalance");
        if balance.chars().any(|digit| ('1'..='9').contains(&digit)) {
            let currency = text(&group, "/spec/currency");
            writeln!(io.stderr, "it stays until this month is invoiced: {balance} {currency} so far")?;
        }
        apply(&cluster, &[Change::delete::<BillingGroup>(group)], &arguments.change, io).await
    })?
}
