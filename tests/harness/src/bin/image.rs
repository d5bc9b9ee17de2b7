//! Writes the image archive: `image <name:tag> <archive> <static binary>…`, the one that runs by itself first.

use std::{env, path::Path, process::ExitCode};

use billing_test_harness::{Result, image::Image, licences::third_party};

/// The project's own licence.
const LICENSE: &str = include_str!("../../../../LICENSE");

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [name, archive, binaries @ ..] = args.as_slice() else {
        eprintln!("usage: image <name:tag> <archive> <static binary>…");
        return ExitCode::from(2);
    };
    let binaries: Vec<_> = binaries.iter().map(Path::new).collect();
    match write(&binaries, name, archive) {
        Ok(()) => {
            println!("{archive}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("image: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The image with the licences of the project and of all that is built into it.
fn write(binaries: &[&Path], name: &str, archive: &str) -> Result<()> {
    let others = third_party(&["billing-operator", "kubectl-billing"])?;
    let texts = [("licenses/LICENSE", LICENSE), ("licenses/THIRD-PARTY.txt", others.as_str())];
    Image { binaries, name, texts: &texts }.write(Path::new(archive))
}
