//! A control plane to play with: prints how to reach it, and runs until standard input ends.

use std::{io, process::ExitCode};

use billing_test_harness::{ControlPlane, Options, Result, User};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("control-plane: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let options = Options { controller_manager: true, ..Options::default() };
    let control_plane = ControlPlane::start(&options)?;
    println!("export KUBECONFIG={}", control_plane.kubeconfig(User::Admin).display());
    // Whatever ends the input ends the control plane, an error too.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    Ok(())
}
