//! `kubectl billing project`: what is paid for.

mod create;
mod history;
mod list;

use clap::{Args, Subcommand};

use crate::error::CommandError;
use crate::{ExitStatus, Io};

/// Projects: who pays for them
#[derive(Args, Debug)]
pub struct ProjectArguments {
    #[command(subcommand)]
    command: ProjectCommand,
}

#[derive(Debug, Subcommand)]
enum ProjectCommand {
    #[command(alias = "ls")]
    List(list::ProjectListArguments),
    History(history::ProjectHistoryArguments),
    Create(create::ProjectCreateArguments),
}

/// Runs one of the commands.
///
/// # Errors
/// It could not be done.
pub fn run(arguments: &ProjectArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    match &arguments.command {
        ProjectCommand::List(arguments) => list::run(arguments, io),
        ProjectCommand::History(arguments) => history::run(arguments, io),
        ProjectCommand::Create(arguments) => create::run(arguments, io),
    }
}
