//! Writes the image archive: `image <static binary> <name:tag> <archive>`.

use std::{env, path::Path, process::ExitCode};

use billing_test_harness::image::Image;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [binary, name, archive] = args.as_slice() else {
        eprintln!("usage: image <static binary> <name:tag> <archive>");
        return ExitCode::from(2);
    };
    match (Image { binary: Path::new(binary), name }).write(Path::new(archive)) {
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
