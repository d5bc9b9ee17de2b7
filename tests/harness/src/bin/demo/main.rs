//! `make demo`: the product on a throwaway API server, from nothing to the invoices.
//!
//! The control plane and the operator belong to a process that goes on in the background ([`stage`]); what a reader sees is
//! shown by the one in the foreground ([`show`]), which starts that process or finds the one that runs ([`place`]).

mod ingress;
mod kubectl;
mod outlook;
mod place;
mod show;
mod stage;

use std::{env, process::ExitCode};

use kubectl::Kubectl;
use place::{Found, Place};

/// What may go wrong in the demo.
type Error = Box<dyn std::error::Error + Send + Sync>;
/// The result of everything here.
type Result<T = (), E = Error> = std::result::Result<T, E>;

/// The repository: paths of the chart and the examples are relative to it, as in the commands that we print.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn main() -> ExitCode {
    let done = match env::args().nth(1).as_deref() {
        None => demo(),
        Some("stop") => stop(),
        Some(stage::COMMAND) => background(),
        Some(other) => Err(format!("there is no command {other}: only `stop`, and none").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Result {
    env::set_current_dir(ROOT)?;
    let place = Place::open()?;
    let found = {
        let _lock = place.lock()?;
        place.find_or_start()?
    };
    let kubectl = Kubectl::of(&place)?;
    if found == Found::Started {
        outlook::wait(&kubectl, &place)?;
    }
    show::all(&kubectl, &place, found)
}

fn stop() -> Result {
    let place = Place::open()?;
    let was_running = {
        let _lock = place.lock()?;
        place.stop()?
    };
    place.remove()?;
    println!("{}", if was_running { "The demo is stopped, and nothing of it is left." } else { "No demo is running." });
    Ok(())
}

fn background() -> Result {
    env::set_current_dir(ROOT)?;
    stage::run(&Place::open()?)
}
