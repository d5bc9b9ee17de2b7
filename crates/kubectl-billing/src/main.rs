//! The kubectl plugin: wiring only.

use std::io;
use std::process::ExitCode;

use chrono::Utc;
use clap::Parser;
use kubectl_billing::{Arguments, Surroundings};

fn main() -> ExitCode {
    let surroundings = Surroundings {
        now: Utc::now(),
        stdin: &mut io::stdin().lock(),
        stdout: &mut io::stdout().lock(),
        stderr: &mut io::stderr().lock(),
    };
    ExitCode::from(kubectl_billing::run(Arguments::parse(), surroundings) as u8)
}
