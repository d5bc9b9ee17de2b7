//! python-stdnum, in an environment of its own in our cache folder.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::Result;

/// The release that is compared with.
const RELEASE: &str = "2.1";

/// Answers each line, an id with its prefix, with 1 or 0.
const JUDGE: &str = r"
import sys
from stdnum.util import get_cc_module
KNOWN_AS = {'EL': 'gr', 'XI': 'gb'}
for id in sys.stdin.read().split('\n'):
    prefix = id[:2]
    module = get_cc_module(KNOWN_AS.get(prefix, prefix.lower()), 'vat')
    print(int(module.is_valid(id)))
";

/// A Python that has python-stdnum. It is installed when it is not there, which needs the network once.
pub fn python() -> Result<PathBuf> {
    let cache = billing_test_harness::assets::cache_folder()?;
    let folder = cache.join(format!("python-stdnum-{RELEASE}"));
    if !folder.is_dir() {
        install(&cache, &folder)?;
    }
    Ok(folder.join("bin/python"))
}

/// Makes the folder under another name first, so that it is there whole or not at all.
fn install(cache: &Path, folder: &Path) -> Result {
    fs::create_dir_all(cache)?;
    let begun = cache.join(format!("python-stdnum-{RELEASE}.{}", std::process::id()));
    let environment = run(Command::new("python3").args(["-m", "venv"]).arg(&begun), "python3 with its module venv");
    let package = format!("python-stdnum=={RELEASE}");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", &package];
    let installed = environment.and_then(|()| {
        run(Command::new(begun.join("bin/python")).args(pip), "the package python-stdnum, from the network, once")
    });
    let placed = installed.and_then(|()| match fs::rename(&begun, folder) {
        Err(_) if folder.is_dir() => Ok(()), // another test run was first
        renamed => Ok(renamed?),
    });
    if begun.exists() {
        fs::remove_dir_all(&begun)?;
    }
    placed
}

/// Runs a command that needs something.
fn run(command: &mut Command, needs: &str) -> Result {
    let output = command.output().map_err(|error| format!("this test needs {needs}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("this test needs {needs}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// What python-stdnum says of every id.
pub fn judge(python: &Path, ids: &[String]) -> Result<Vec<bool>> {
    let mut child = Command::new(python)
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{} does not run; delete its folder: {error}", python.display()))?;
    child.stdin.take().ok_or("no input")?.write_all(ids.join("\n").as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("python-stdnum failed: {}", output.status).into());
    }
    let answers: Vec<bool> = String::from_utf8(output.stdout)?.lines().map(|answer| answer == "1").collect();
    if answers.len() != ids.len() {
        return Err(format!("{} answers for {} ids", answers.len(), ids.len()).into());
    }
    Ok(answers)
}
