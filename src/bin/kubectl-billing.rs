//! The kubectl plugin: wiring only.

use std::io;
use std::process::ExitCode;

use billing_operator::cli::{self, Arguments, Surroundings};
use chrono::Utc;
use clap::Parser;

fn main() -> ExitCode {
    let surroundings = Surroundings {
        now: Utc::now(),
        stdin: &mut io::stdin().lock(),
        stdout: &mut io::stdout().lock(),
        stderr: &mut io::stderr().lock(),
    };
    ExitCode::from(cli::run(Arguments::parse(), surroundings) as u8)
}
