//! Prints the licences of all that is built into the programs: for the Dockerfile, which makes the image without us.

use std::process::ExitCode;

use billing_test_harness::{licences::third_party, release::PROGRAMS};

fn main() -> ExitCode {
    match third_party(&PROGRAMS) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("licences: {error}");
            ExitCode::FAILURE
        }
    }
}
