//! The kubectl plugin: wiring only.

use std::io;
use std::process::ExitCode;

use chrono::Utc;
use clap::Parser;
use kubectl_billing::{Arguments, Io};

fn main() -> ExitCode {
    let io = Io {
        now: Utc::now(),
        stdin: &mut io::stdin().lock(),
        stdout: &mut io::stdout().lock(),
        stderr: &mut io::stderr().lock(),
    };
    ExitCode::from(kubectl_billing::run(Arguments::parse(), io) as u8)
}
