//! Copies of the chart that differ from it: an older one, a later one, one under an umbrella.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::install::CHART;
use crate::Result;

/// A fresh folder for the files of a test, named like the test.
pub fn folder(name: &str) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chart").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Copies the chart to a folder, which it makes.
pub fn copy_chart(to: &Path) -> Result {
    copy(Path::new(CHART), to)
}

/// A chart that has these values by default, and everything else of ours: whoever reuses the values of an older chart with this one
/// renders it so.
pub fn with_values_of(name: &str, values: &str) -> Result<PathBuf> {
    let chart = folder(name)?;
    copy_chart(&chart)?;
    fs::write(chart.join("values.yaml"), values)?;
    Ok(chart)
}

fn copy(from: &Path, to: &Path) -> Result {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() { copy(&from, &to)? } else { fs::copy(&from, &to).map(drop)? }
    }
    Ok(())
}
