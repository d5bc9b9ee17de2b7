//! Where the demo keeps its files, and how the process in the background is found and told to stop.

use std::{
    env,
    fs::{self, DirBuilder, File},
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    os::unix::{
        fs::{DirBuilderExt, symlink},
        net::UnixStream,
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, UNIX_EPOCH},
};

use billing_test_harness::assets::{self, Tool};
use serde_json::{Value, json};

use crate::{Result, stage};

/// How long the end of a demo may take.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Other files than programs that a running demo was made from.
const SOURCES: [&str; 2] = ["charts/billing-operator", "examples"];

/// The demo's folder in the user's cache.
#[derive(Debug)]
pub struct Place {
    folder: PathBuf,
}

impl Place {
    /// The folder, made when it is missing.
    pub fn open() -> Result<Self> {
        let folder = assets::cache_folder()?.join("demo");
        // The kubeconfig in it is nobody else's business.
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700);
        private.create(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self { folder })
    }

    /// What everybody who uses the demo's API server has in `KUBECONFIG`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// The programs that go with the demo, for the user's `PATH`.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// What a program of the chart says.
    pub fn log(&self, program: &str) -> PathBuf {
        self.folder.join(format!("{program}.log"))
    }

    /// What went wrong in the background.
    pub fn stage_log(&self) -> PathBuf {
        self.folder.join("demo.log")
    }

    /// Where `kubectl` keeps what it learned of the API server.
    pub fn kubectl_cache(&self) -> PathBuf {
        self.folder.join("kubectl-cache")
    }

    /// Keeps two of us from starting or stopping at once, until it is dropped.
    pub fn lock(&self) -> Result<File> {
        // Beside the folder, which `stop` removes.
        let lock = File::create(self.folder.with_extension("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    /// Finds the demo that runs, or starts one. One that was made from other programs or files makes room.
    pub fn find_or_start(&self) -> Result<Found> {
        match self.running() {
            Some(running) if running.fingerprint == fingerprint()? => {
                println!("The demo is running. Here is what it has now; `make demo-stop` ends it.\n");
                return Ok(Found::Running);
            }
            Some(_) => {
                println!("The demo that is running was made from other files than these: it starts anew.");
                self.stop()?;
            }
            None => {}
        }
        self.start()?;
        Ok(Found::Started)
    }

    /// Starts the process in the background and passes on what it says until everything is there.
    fn start(&self) -> Result {
        self.link_programs()?;
        let log = File::create(self.stage_log())?;
        // A group of its own: Ctrl-C is for us, and so is the terminal's end.
        let mut child = Command::new(env::current_exe()?)
            .arg(stage::COMMAND)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()?;
        for line in BufReader::new(child.stdout.take().ok_or("the demo has no output")?).lines() {
            let line = line?;
            if line == stage::READY {
                return Ok(());
            }
            println!("{line}");
        }
        let status = child.wait()?;
        let said = fs::read_to_string(self.stage_log()).unwrap_or_default();
        Err(format!("it did not start ({status}):\n{said}").into())
    }

    /// Stops the demo and waits until all of it has ended; says whether there was one.
    pub fn stop(&self) -> Result<bool> {
        let Some(mut running) = self.running() else { return Ok(false) };
        running.control.write_all(stage::STOP)?;
        running.control.set_read_timeout(Some(STOP_LIMIT))?;
        // The other end is closed by the end of the process.
        match running.control.read_to_end(&mut Vec::new()) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => {
                let pid = running.pid;
                Err(format!("it does not stop ({error}): end process {pid}, and the rest ends with it").into())
            }
            _ => Ok(true),
        }
    }

    /// Removes the folder.
    pub fn remove(&self) -> Result {
        fs::remove_dir_all(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()).into())
    }

    /// Leaves a note for those who look for us.
    pub fn announce(&self, socket: &Path) -> Result {
        let note = json!({ "socket": socket, "fingerprint": fingerprint()?, "pid": std::process::id() });
        Ok(fs::write(self.note(), note.to_string())?)
    }

    fn note(&self) -> PathBuf {
        self.folder.join("running.json")
    }

    /// The demo that runs: a note may be all that is left of one, but a socket that answers has a process.
    fn running(&self) -> Option<Running> {
        let note: Value = serde_json::from_slice(&fs::read(self.note()).ok()?).ok()?;
        Some(Running {
            control: UnixStream::connect(note["socket"].as_str()?).ok()?,
            fingerprint: note["fingerprint"].as_str()?.to_owned(),
            pid: note["pid"].as_u64()?,
        })
    }

    /// Puts the programs that go with the demo into one folder.
    fn link_programs(&self) -> Result {
        let folder = self.programs();
        fs::create_dir_all(&folder)?;
        let linked = [assets::find(Tool::Kubectl)?, assets::find(Tool::Helm)?, sibling("kubectl-billing")?];
        for program in linked {
            let link = folder.join(program.file_name().ok_or("a program without a name")?);
            match fs::remove_file(&link) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => symlink(&program, &link)?,
            }
        }
        Ok(())
    }
}

/// Which demo it is that we show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A new one: we know what is in it.
    Started,
    /// One that runs since earlier: its user may have changed anything.
    Running,
}

/// A demo that runs.
struct Running {
    control: UnixStream,
    fingerprint: String,
    pid: u64,
}

/// A program that was built together with this one.
pub fn sibling(name: &str) -> Result<PathBuf> {
    let path = env::current_exe()?.with_file_name(name);
    if path.is_file() { Ok(path) } else { Err(format!("{} is not built: run `make demo`", path.display()).into()) }
}

/// What a demo is made from, so that a new build or an edited example is noticed.
fn fingerprint() -> Result<String> {
    let mut parts = Vec::new();
    describe(&sibling("billing-operator")?, &mut parts)?;
    describe(&sibling("billing-meter")?, &mut parts)?;
    for source in SOURCES {
        describe(Path::new(source), &mut parts)?;
    }
    parts.sort();
    Ok(parts.join("\n"))
}

/// Adds path, size and time of every file at or below `path`.
fn describe(path: &Path, parts: &mut Vec<String>) -> Result {
    let metadata = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            describe(&entry?.path(), parts)?;
        }
        return Ok(());
    }
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH)?;
    parts.push(format!("{} {} {}", path.display(), metadata.len(), changed.as_nanos()));
    Ok(())
}
