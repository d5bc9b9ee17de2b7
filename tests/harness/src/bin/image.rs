//! Writes the image archive: `image <name:tag> <archive> <static binary>…`, the one that runs by itself first.

use std::{env, path::Path, process::ExitCode};

use billing_test_harness::image::Image;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [name, archive, binaries @ ..] = args.as_slice() else {
        eprintln!("usage: image <name:tag> <archive> <static binary>…");
        return ExitCode::from(2);
    };
    let binaries: Vec<_> = binaries.iter().map(Path::new).collect();
    match (Image { binaries: &binaries, name }).write(Path::new(archive)) {
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
