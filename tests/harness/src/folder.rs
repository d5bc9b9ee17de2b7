//! Folders that do not outlive us either.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{self, Child, ChildStdin, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Error, Result, process::shell};

/// Set to keep the folders, with the logs in them, for a look.
const KEEP: &str = "BILLING_TEST_KEEP";

/// Waits for the end of standard input, then removes `$1`; again while dying children still write into it.
const REMOVE: &str = r#"
while read -r _; do :; done
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$1" 2>/dev/null
    [ -e "$1" ] || exit 0
    sleep 0.2
done
"#;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A temporary folder, removed when it is dropped and when this process ends without dropping it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The shell that removes the folder when the pipe closes.
    janitor: Option<(Child, ChildStdin)>,
}

impl Folder {
    /// Makes a new folder below the system's temporary one.
    pub(crate) fn create() -> Result<Self> {
        let mut folder = Self { path: create_unique()?, janitor: None };
        if env::var_os(KEEP).is_none() {
            folder.janitor = folder.janitor()?;
        }
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in the folder.
    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file into the folder and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.join(name);
        fs::write(&path, text).map_err(Error::file(&path))?;
        Ok(path)
    }

    fn janitor(&self) -> Result<Option<(Child, ChildStdin)>> {
        let mut child = shell(REMOVE, std::iter::once::<&OsStr>(self.path.as_os_str()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::spawn("sh"))?;
        let pipe = child.stdin.take();
        Ok(pipe.map(|pipe| (child, pipe)))
    }
}

/// Another process of our id may have left a folder behind on purpose: then the next number is free.
fn create_unique() -> Result<PathBuf> {
    loop {
        let name = format!("billing-test-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        // There are tokens and keys in it.
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::file(path)(error)),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let Some((mut child, pipe)) = self.janitor.take() else {
            return;
        };
        // Whatever is left, the janitor removes when the pipe closes.
        let _ = fs::remove_dir_all(&self.path);
        drop(pipe);
        let _ = child.wait();
    }
}
