//! The operator: wiring only.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use billing_api::crds;
use billing_operator::Operator;
use billing_operator::metrics::Metrics;
use billing_operator::settings::{Settings, without_empty_variables};
use chrono::TimeDelta;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use operator_kit::clock::{ServerClock, ShiftedClock};
use operator_kit::reach::Reach;
use operator_kit::{client, logging, shutdown};
use tokio_util::sync::CancellationToken;

/// Billing groups for Kubernetes: one payer per project, one consolidated invoice per month.
///
/// Without a command, the operator runs.
#[derive(Parser)]
#[command(name = "billing-operator", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Run the operator: the default
    Run {
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Print the CustomResourceDefinitions as YAML
    Crds {
        /// Write them to this folder instead, one file each
        #[arg(long, value_name = "DIRECTORY")]
        output_dir: Option<PathBuf>,
    },
    /// Print a shell completion script
    Completion {
        /// The shell to print it for
        shell: Shell,
    },
}

fn main() -> ExitCode {
    let Arguments { command, settings } = arguments();
    let done = match command {
        None => run(settings),
        Some(Command::Run { settings }) => run(*settings),
        Some(Command::Crds { output_dir: None }) => print_crds(),
        Some(Command::Crds { output_dir: Some(directory) }) => write_crds(&directory),
        Some(Command::Completion { shell }) => {
            clap_complete::generate(shell, &mut Arguments::command(), "billing-operator", &mut io::stdout());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// What was asked for; ends the program with a message where that makes no sense, as [`Arguments::parse`] does.
fn arguments() -> Arguments {
    let command = without_empty_variables(Arguments::command());
    Arguments::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

/// The error and what caused it, one line each; some errors of libraries repeat their cause.
fn report(error: &dyn Error) {
    let mut said = error.to_string();
    eprintln!("error: {said}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            eprintln!("  caused by: {text}");
        }
        (said, cause) = (text, error.source());
    }
}

#[tokio::main]
async fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    logging::start(&settings.observation.log_level, settings.observation.log_format)?;
    let cancel = CancellationToken::new();
    shutdown::on_signals(cancel.clone())?;

    let local = ShiftedClock(TimeDelta::seconds(settings.cluster.local_clock_offset));
    let (clock, metrics) = (ServerClock::new(Arc::new(local)), Metrics::new());
    let reach = Reach::new(metrics.work.clone());
    let client =
        client::connect(&settings.cluster.client(), clock.clone(), metrics.work.clone(), reach.clone()).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), ?settings, "billing-operator starts");
    billing_operator::run(Operator { settings, client, clock, reach, metrics }, cancel).await?;
    tracing::info!("billing-operator stopped");
    Ok(())
}

fn print_crds() -> Result<(), Box<dyn Error>> {
    let all: String = crds::yaml()?.iter().map(|(_, text)| format!("---\n{text}")).collect();
    match io::stdout().write_all(all.as_bytes()) {
        // Who reads only the beginning is served.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn write_crds(directory: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(directory)?;
    for (file, text) in crds::yaml()? {
        fs::write(directory.join(file), text)?;
    }
    Ok(())
}
