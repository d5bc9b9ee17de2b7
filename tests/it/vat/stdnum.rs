//! python-stdnum, in an environment of its own in our cache folder.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::Result;
use crate::support::python::Packages;

/// The release that is compared with.
const PACKAGES: Packages = Packages { folder: "python-stdnum-2.1", packages: &["--no-deps", "python-stdnum==2.1"] };

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
    PACKAGES.python(Path::new("python3"))
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
