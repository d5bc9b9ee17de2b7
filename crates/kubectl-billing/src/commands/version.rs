//! `kubectl billing version`.

use clap::Args;

use crate::error::CommandError;
use crate::{ExitStatus, Io};

/// Print the version of the plugin
#[derive(Args, Debug)]
pub struct VersionArguments {}

/// Runs the command.
///
/// # Errors
/// It cannot be printed.
pub fn run(VersionArguments {}: &VersionArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    writeln!(io.stdout, "kubectl-billing {}", env!("CARGO_PKG_VERSION"))?;
    Ok(ExitStatus::Ok)
}
