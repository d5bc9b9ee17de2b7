//! Writes a release, and publishes one: what `make release` runs.
//!
//! ```text
//! release write version=… folder=… key=… commit=… repository=… builder=… compiler=… url=… image=… amd64=<folder> arm64=<folder>
//! release publish version=… folder=… key=… registry=… amd64= arm64=
//! ```

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use billing_test_harness::{
    Result,
    release::{Key, Origin, Release, publish},
};

/// The processors, as Go names them.
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let given: BTreeMap<String, String> =
        args.filter_map(|arg| arg.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))).collect();
    let done = match command.as_str() {
        "write" => asked(&given).map(|(release, folder, key)| lines(release.write(&folder, &key))),
        "publish" => published(&given),
        _ => None,
    };
    match done {
        Some(Ok(lines)) => {
            lines.iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Some(Err(error)) => {
            eprintln!("release: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("usage: release write|publish <name>=<value>…: see the Makefile");
            ExitCode::from(2)
        }
    }
}

fn asked(given: &BTreeMap<String, String>) -> Option<(Release, PathBuf, Key)> {
    let text = |name: &str| given.get(name).cloned();
    let builds = architectures(given).into_iter().map(|one| (one.to_owned(), PathBuf::from(&given[one])));
    let release = Release {
        version: text("version")?,
        origin: Origin {
            repository: text("repository")?,
            commit: text("commit")?,
            builder: text("builder")?,
            compiler: text("compiler")?,
        },
        url: text("url")?,
        image: text("image")?,
        builds: builds.collect(),
    };
    Some((release, text("folder")?.into(), Key::file(text("key")?)))
}

fn published(given: &BTreeMap<String, String>) -> Option<Result<Vec<String>>> {
    let (folder, key) = (Path::new(given.get("folder")?), Key::file(given.get("key")?));
    Some(publish(folder, given.get("version")?, &architectures(given), given.get("registry")?, &key))
}

fn architectures(given: &BTreeMap<String, String>) -> Vec<&'static str> {
    ARCHITECTURES.into_iter().filter(|architecture| given.contains_key(*architecture)).collect()
}

fn lines(paths: Result<Vec<PathBuf>>) -> Result<Vec<String>> {
    Ok(paths?.iter().map(|path| path.display().to_string()).collect())
}
