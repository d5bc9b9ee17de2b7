//! DuckDB, pyarrow and the FOCUS validator, which are Python packages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde::de::DeserializeOwned;

use crate::Result;
use crate::support::python::{Packages, python_3_12};

/// The validator wants its numpy older than what newer releases of pyarrow want, so all are installed together.
const PACKAGES: Packages = Packages {
    folder: "focus-validator-2.2.1-duckdb-1.5.6-pyarrow-21.0.0",
    packages: &["focus-validator==2.2.1", "duckdb==1.5.6", "pyarrow==21.0.0"],
};

/// Runs a script with arguments, and reads what it prints as JSON.
pub fn run<T: DeserializeOwned>(script: &str, arguments: &[&Path]) -> Result<T> {
    let output = Command::new(python()?).args(["-c", script]).args(arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stdout)).into())
}

/// A Python that has the packages, installed once for all tests.
fn python() -> Result<&'static Path> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = PYTHON.get_or_init(|| {
        python_3_12().and_then(|interpreter| PACKAGES.python(&interpreter)).map_err(|error| error.to_string())
    });
    Ok(found.as_deref().map_err(Clone::clone)?)
}
