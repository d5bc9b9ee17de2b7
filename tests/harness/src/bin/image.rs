//! Writes the image archive: `image <name:tag> <archive> <static binary>…`, the one that runs by itself first.
//!
//! `IMAGE_REVISION` is the commit that it is built from, and `IMAGE_SOURCE` the address of the repository; the image says what is set.

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

/// What is known of every image.
const LABELS: [(&str, &str); 4] = [
    ("org.opencontainers.image.title", "billing-operator"),
    ("org.opencontainers.image.description", "Billing groups for Kubernetes: the operator, and kubectl billing"),
    ("org.opencontainers.image.version", env!("CARGO_PKG_VERSION")),
    ("org.opencontainers.image.licenses", "Apache-2.0"),
];

/// What is known where it is built, and the variable that has it.
const BUILT: [(&str, &str); 2] =
    [("org.opencontainers.image.revision", "IMAGE_REVISION"), ("org.opencontainers.image.source", "IMAGE_SOURCE")];

/// The image with the licences of the project and of all that is built into it.
fn write(binaries: &[&Path], name: &str, archive: &str) -> Result<()> {
    let others = third_party(&["billing-operator", "kubectl-billing"])?;
    let texts = [("licenses/LICENSE", LICENSE), ("licenses/THIRD-PARTY.txt", others.as_str())];
    let known = |(label, variable)| Some((label, env::var(variable).ok().filter(|value| !value.is_empty())?));
    let built: Vec<(&str, String)> = BUILT.into_iter().filter_map(known).collect();
    let built = built.iter().map(|(label, value)| (*label, value.as_str()));
    let labels: Vec<_> = LABELS.into_iter().chain(built).collect();
    Image { binaries, name, texts: &texts, labels: &labels }.write(Path::new(archive))
}
