//! Prometheus, promtool and VictoriaMetrics, from Debian's packages.
//!
//! A package is downloaded into our cache and unpacked there: nothing is installed, and lists of packages are kept apart from the
//! system's, so that nobody has to be root. Put in place by a rename, under a lock. [`Server`] runs the first of them.

mod server;

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Error, Result, go};

pub use server::Server;

/// A package of Debian's.
#[derive(Clone, Copy)]
struct Package {
    name: &'static str,
    /// Names a folder with its programs, for systems without Debian's packages.
    variable: &'static str,
}

const PROMETHEUS: Package = Package { name: "prometheus", variable: "PROMETHEUS_ASSETS" };
const VICTORIA_METRICS: Package = Package { name: "victoria-metrics", variable: "VICTORIA_METRICS_ASSETS" };

/// The path of Prometheus.
///
/// # Errors
/// [`Error::NoPackage`] when Debian's package cannot be had, [`Error::AssetMissing`] when the variable names another folder.
pub fn prometheus() -> Result<PathBuf> {
    find(PROMETHEUS, "prometheus")
}

/// The path of promtool, which checks metrics and tests alerts.
///
/// # Errors
/// As [`prometheus`].
pub fn promtool() -> Result<PathBuf> {
    find(PROMETHEUS, "promtool")
}

/// The path of VictoriaMetrics.
///
/// # Errors
/// As [`prometheus`].
pub fn victoria_metrics() -> Result<PathBuf> {
    find(VICTORIA_METRICS, "victoria-metrics")
}

/// The program: from the folder that the environment names, or from Debian's package.
fn find(package: Package, program: &'static str) -> Result<PathBuf> {
    let Package { name, variable } = package;
    if let Some(folder) = env::var_os(variable) {
        let path = Path::new(&folder).join(program);
        return match path.is_file() {
            true => Ok(path),
            false => Err(Error::AssetMissing { variable: variable.to_owned(), program, path }),
        };
    }
    let folder = go::cache_folder()?.join("debian");
    let unpacked = folder.join(name);
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let lock = folder.join("lock");
    let held = File::create(&lock).map_err(Error::file(&lock))?;
    held.lock().map_err(Error::file(&lock))?;
    // Whoever held the lock before us may have fetched it.
    if !unpacked.is_dir() {
        fetch(package, &folder, &unpacked).map_err(|reason| Error::NoPackage { package: name, variable, reason })?;
    }
    Ok(unpacked.join("usr/bin").join(program))
}

fn fetch(package: Package, folder: &Path, unpacked: &Path) -> std::result::Result<(), String> {
    let Package { name, .. } = package;
    eprintln!("downloading Debian's package {name} (once; 20 MB) …");
    let work = folder.join("work");
    let _ = fs::remove_dir_all(&work); // left behind by one that was killed
    for part in ["lists/partial", "cache/archives/partial", "root"] {
        let part = work.join(part);
        fs::create_dir_all(&part).map_err(|error| failed(&part, &error))?;
    }
    apt_get(&work, &["update"])?;
    apt_get(&work, &["download", name])?;
    let archive = fs::read_dir(&work)
        .map_err(|error| failed(&work, &error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or("apt-get downloaded no package")?;
    let root = work.join("root");
    run(&work, Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(&root))?;
    fs::rename(&root, unpacked).map_err(|error| failed(unpacked, &error))?;
    fs::remove_dir_all(&work).map_err(|error| failed(&work, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Runs apt-get with lists and a cache of its own.
fn apt_get(work: &Path, arguments: &[&str]) -> std::result::Result<(), String> {
    let lists = format!("Dir::State::Lists={}", work.join("lists").display());
    let cache = format!("Dir::Cache={}", work.join("cache").display());
    // As root, apt would download as another user, who may not enter our folder.
    let options = ["-q", "-o", &lists, "-o", &cache, "-o", "APT::Sandbox::User=root"];
    run(work, Command::new("apt-get").args(options).args(arguments))
}

fn run(folder: &Path, command: &mut Command) -> std::result::Result<(), String> {
    let output = command.current_dir(folder).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("{}: {error}", command.get_program().display())),
    }
}
