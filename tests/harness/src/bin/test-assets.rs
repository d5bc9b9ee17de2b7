//! Finds or builds every program that the tests need, and prints where they are.

use std::process::ExitCode;

use billing_test_harness::assets::{self, Tool};

fn main() -> ExitCode {
    for tool in Tool::ALL {
        match assets::find(tool) {
            Ok(path) => println!("{}", path.display()),
            Err(error) => {
                eprintln!("test-assets: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
