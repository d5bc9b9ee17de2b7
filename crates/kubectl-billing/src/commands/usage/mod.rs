//! `kubectl billing usage`: what ran.

mod cloud_event;
mod import;
mod list;
mod meter;

use clap::{Args, Subcommand};

use crate::error::CommandError;
use crate::{ExitStatus, Io};

/// Usage: what ran, and what meters report
#[derive(Args, Debug)]
pub struct UsageArguments {
    #[command(subcommand)]
    command: UsageCommand,
}

#[derive(Debug, Subcommand)]
enum UsageCommand {
    #[command(alias = "ls")]
    List(list::UsageListArguments),
    Import(import::UsageImportArguments),
}

/// Runs one of the commands.
///
/// # Errors
/// It could not be done.
pub fn run(arguments: &UsageArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    match &arguments.command {
        UsageCommand::List(arguments) => list::run(arguments, io),
        UsageCommand::Import(arguments) => import::run(arguments, io),
    }
}
