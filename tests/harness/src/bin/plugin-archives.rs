//! Writes the plugin's archives and krew's manifest: `plugin-archives <version> <url> <folder> <platform>=<program>…`.

use std::{env, path::Path, process::ExitCode};

use billing_test_harness::archive::{PluginBuild, write_archives};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let build = |argument: &String| {
        let (platform, binary) = argument.split_once('=')?;
        Some(PluginBuild { platform: platform.to_owned(), binary: binary.into() })
    };
    let parsed = match args.as_slice() {
        [version, url, folder, builds @ ..] if !builds.is_empty() => {
            builds.iter().map(build).collect::<Option<Vec<_>>>().map(|builds| (version, url, folder, builds))
        }
        _ => None,
    };
    let Some((version, url, folder, builds)) = parsed else {
        eprintln!(
            "usage: plugin-archives <version> <url> <folder> <platform>=<program>…, such as linux-amd64=kubectl-billing"
        );
        return ExitCode::from(2);
    };
    match write_archives(&builds, version, url, Path::new(folder)) {
        Ok(written) => {
            written.iter().for_each(|path| println!("{}", path.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("plugin-archives: {error}");
            ExitCode::FAILURE
        }
    }
}
