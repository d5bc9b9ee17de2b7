//! Python packages from PyPI, each set in an environment of its own in our cache folder: installed once, which needs the
//! network, and by name and version.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Result;

/// Packages that are installed together.
pub struct Packages {
    /// The folder in the cache. It says the versions, so that others have another.
    pub folder: &'static str,
    /// What pip installs: `name==version`, and its options.
    pub packages: &'static [&'static str],
}

impl Packages {
    /// A Python that has the packages.
    ///
    /// # Errors
    /// They cannot be installed.
    pub fn python(&self, interpreter: &Path) -> Result<PathBuf> {
        let cache = billing_test_harness::assets::cache_folder()?;
        let folder = cache.join(self.folder);
        if !folder.is_dir() {
            self.install(interpreter, &cache, &folder)?;
        }
        Ok(folder.join("bin/python"))
    }

    /// Makes the folder under another name first, so that it is there whole or not at all.
    fn install(&self, interpreter: &Path, cache: &Path, folder: &Path) -> Result {
        fs::create_dir_all(cache)?;
        let begun = cache.join(format!("{}.{}", self.folder, std::process::id()));
        let with_venv = format!("{} with its module venv", interpreter.display());
        let environment = run(Command::new(interpreter).args(["-m", "venv"]).arg(&begun), &with_venv);
        let needs = format!("{} from PyPI, once", self.packages.join(" "));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let installed = environment
            .and_then(|()| run(Command::new(begun.join("bin/python")).args(pip).args(self.packages), &needs));
        let placed = installed.and_then(|()| match fs::rename(&begun, folder) {
            Err(_) if folder.is_dir() => Ok(()), // another test run was first
            renamed => Ok(renamed?),
        });
        if begun.exists() {
            fs::remove_dir_all(&begun)?;
        }
        placed
    }
}

/// Runs a command that needs something.
fn run(command: &mut Command, needs: &str) -> Result {
    let output = command.output().map_err(|error| format!("this test needs {needs}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("this test needs {needs}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// A Python 3.12: on the `PATH`, else one of those that pyenv keeps.
///
/// # Errors
/// There is none.
pub fn python_3_12() -> Result<PathBuf> {
    let pyenv =
        env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".pyenv")));
    let versions = pyenv.and_then(|pyenv| fs::read_dir(pyenv.join("versions")).ok()).into_iter().flatten();
    let kept = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin/python3.12")));
    let on_path = ["python3.12", "python3"].map(PathBuf::from);
    on_path.into_iter().chain(kept).find(|path| is_3_12(path)).ok_or_else(|| {
        "this test needs Python 3.12 with its module venv: as python3.12 on the PATH, or among pyenv's versions".into()
    })
}

fn is_3_12(python: &Path) -> bool {
    let asked = Command::new(python).args(["-c", "import sys, venv, ensurepip; print(sys.version_info[:2])"]).output();
    asked.is_ok_and(|output| output.status.success() && output.stdout.starts_with(b"(3, 12)"))
}
