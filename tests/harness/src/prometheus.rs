//! Prometheus and promtool, from Debian's package.
//!
//! The package is downloaded into our cache and unpacked there: nothing is installed, and lists of packages are kept apart from the
//! system's, so that nobody has to be root. Put in place by a rename, under a lock.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Error, Result, go};

/// The package that has both programs.
const PACKAGE: &str = "prometheus";

/// Names a folder with both programs, for systems without Debian's packages.
const VARIABLE: &str = "PROMETHEUS_ASSETS";

/// The path of Prometheus.
///
/// # Errors
/// [`Error::NoPrometheus`] when Debian's package cannot be had, [`Error::AssetMissing`] when the variable names another folder.
pub fn prometheus() -> Result<PathBuf> {
    find("prometheus")
}

/// The path of promtool, which checks metrics and tests alerts.
///
/// # Errors
/// As [`prometheus`].
pub fn promtool() -> Result<PathBuf> {
    find("promtool")
}

/// The program: from the folder that the environment names, or from Debian's package.
fn find(program: &'static str) -> Result<PathBuf> {
    if let Some(folder) = env::var_os(VARIABLE) {
        let path = Path::new(&folder).join(program);
        return match path.is_file() {
            true => Ok(path),
            false => Err(Error::AssetMissing { variable: VARIABLE.to_owned(), program, path }),
        };
    }
    let folder = go::cache_folder()?.join("debian");
    let unpacked = folder.join(PACKAGE);
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let lock = folder.join("lock");
    let held = File::create(&lock).map_err(Error::file(&lock))?;
    held.lock().map_err(Error::file(&lock))?;
    // Whoever held the lock before us may have fetched it.
    if !unpacked.is_dir() {
        fetch(&folder, &unpacked)?;
    }
    Ok(unpacked.join("usr/bin").join(program))
}

fn fetch(folder: &Path, unpacked: &Path) -> Result<()> {
    eprintln!("downloading Debian's package {PACKAGE} (once; 20 MB) …");
    let work = folder.join("work");
    let _ = fs::remove_dir_all(&work); // left behind by one that was killed
    for part in ["lists/partial", "cache/archives/partial", "root"] {
        let part = work.join(part);
        fs::create_dir_all(&part).map_err(Error::file(&part))?;
    }
    apt_get(&work, &["update"])?;
    apt_get(&work, &["download", PACKAGE])?;
    let archive = fs::read_dir(&work)
        .map_err(Error::file(&work))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or_else(|| missing("apt-get downloaded no package".to_owned()))?;
    let root = work.join("root");
    run(&work, Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(&root))?;
    fs::rename(&root, unpacked).map_err(Error::file(unpacked))?;
    fs::remove_dir_all(&work).map_err(Error::file(&work))
}

/// Runs apt-get with lists and a cache of its own.
fn apt_get(work: &Path, arguments: &[&str]) -> Result<()> {
    let lists = format!("Dir::State::Lists={}", work.join("lists").display());
    let cache = format!("Dir::Cache={}", work.join("cache").display());
    // As root, apt would download as another user, who may not enter our folder.
    let options = ["-q", "-o", &lists, "-o", &cache, "-o", "APT::Sandbox::User=root"];
    run(work, Command::new("apt-get").args(options).args(arguments))
}

fn run(folder: &Path, command: &mut Command) -> Result<()> {
    let output = command.current_dir(folder).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(missing(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        Err(error) => Err(missing(format!("{}: {error}", command.get_program().display()))),
    }
}

fn missing(reason: String) -> Error {
    Error::NoPrometheus { variable: VARIABLE, reason }
}
