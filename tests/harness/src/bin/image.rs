//! Writes the image archive: `image <name:tag> <archive> <commit> <repository> <static binary>…`, the one that runs by itself first.

use std::{env, path::Path, process::ExitCode};

use billing_test_harness::{
    Result, elf,
    image::{Image, Labels},
    licences::third_party,
    release::PROGRAMS,
};

/// The project's own licence.
const LICENSE: &str = include_str!("../../../../LICENSE");

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [name, archive, commit, repository, binaries @ ..] = args.as_slice() else {
        eprintln!("usage: image <name:tag> <archive> <commit> <repository> <static binary>…");
        return ExitCode::from(2);
    };
    let binaries: Vec<_> = binaries.iter().map(Path::new).collect();
    let labels = Labels { version: env!("CARGO_PKG_VERSION"), revision: commit, source: repository };
    match write(&binaries, name, labels, archive) {
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
fn write(binaries: &[&Path], name: &str, labels: Labels<'_>, archive: &str) -> Result<()> {
    let others = third_party(&PROGRAMS)?;
    let texts = [("licenses/LICENSE", LICENSE), ("licenses/THIRD-PARTY.txt", others.as_str())];
    let architecture = binaries.first().map_or(Ok(""), |program| elf::architecture(program))?;
    Image { binaries, name, architecture, labels, texts: &texts }.write(Path::new(archive))
}
