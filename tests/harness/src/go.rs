//! Building the programs from pinned Go modules, once per machine.

use std::{
    env, fs,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use sha2::{Digest, Sha256};

use crate::{
    Error, Result,
    assets::{KUBERNETES, Tool},
};

/// The oldest Go that the modules ask for.
const OLDEST_GO: &str = "1.26";

/// The folder of the Go modules, one per tool so that their versions do not mix.
const MODULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools");

/// The program from our cache, built into it when it is not there.
///
/// The cache's key is a digest of the module's pins; a program is put in place by a rename, so that it is there whole or not
/// at all; a lock keeps two builders from doing the work twice.
pub(crate) fn cached_or_built(tool: Tool) -> Result<PathBuf> {
    let source = Source::of(tool);
    let module = Path::new(MODULES).join(source.module);
    let folder = cache_folder()?.join("bin").join(format!("{}-{}", source.module, pins(&module)?));
    let program = folder.join(tool.program());
    if program.is_file() {
        return Ok(program);
    }
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let lock = folder.join("lock");
    let lock_file = File::create(&lock).map_err(Error::file(&lock))?;
    lock_file.lock().map_err(Error::file(&lock))?;
    // Whoever held the lock before us may have built it.
    if !program.is_file() {
        build(tool, &source, &module, &program)?;
    }
    Ok(program)
}

/// The operating system as Go names it.
pub(crate) fn os() -> &'static str {
    match env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// The processor as Go names it.
pub(crate) fn arch() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Where a program's source is.
struct Source {
    /// The folder of the module in `tests/tools`.
    module: &'static str,
    /// The program's Go package.
    package: &'static str,
}

impl Source {
    const fn of(tool: Tool) -> Self {
        let (module, package) = match tool {
            Tool::KubeApiserver => ("kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
            Tool::KubeControllerManager => ("kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
            Tool::Kubectl => ("kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
            Tool::Etcd => ("etcd", "go.etcd.io/etcd/server/v3"),
            Tool::Helm => ("helm", "helm.sh/helm/v4/cmd/helm"),
            Tool::Python => ("python", "."),
            Tool::Krew => ("krew", "sigs.k8s.io/krew/cmd/krew"),
            Tool::Oras => ("oras", "oras.land/oras/cmd/oras"),
            Tool::Registry => ("registry", "github.com/google/go-containerregistry/cmd/registry"),
        };
        Self { module, package }
    }
}

pub(crate) fn cache_folder() -> Result<PathBuf> {
    env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))
        .map(|cache| cache.join("billing-operator"))
        .ok_or(Error::NoCacheFolder)
}

/// A digest of what decides the program's bytes.
fn pins(module: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    for name in ["go.mod", "go.sum", "main.go"] {
        let path = module.join(name);
        // Not every module has a program of its own.
        if name != "main.go" || path.is_file() {
            digest.update(fs::read(&path).map_err(Error::file(&path))?);
        }
    }
    Ok(digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

fn build(tool: Tool, source: &Source, module: &Path, program: &Path) -> Result<()> {
    let name = tool.program();
    let unfinished = program.with_extension("unfinished");
    say(&format!("building {name} (once; minutes, not seconds) …"));
    let begun = Instant::now();
    let status = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", &link_flags(module)?, "-o"])
        .arg(&unfinished)
        .arg(source.package)
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        // Neither a workspace around us nor the user's flags change what is pinned.
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly")
        .stdin(Stdio::null())
        // The tests' standard output is read by machines.
        .stdout(Stdio::null())
        .status()
        .map_err(|error| cannot_start_go(tool, error))?;
    if !status.success() {
        return Err(Error::Build { program: name, module: module.to_owned() });
    }
    fs::rename(&unfinished, program).map_err(Error::file(program))?;
    say(&format!("built {name} in {} s", begun.elapsed().as_secs()));
    Ok(())
}

fn cannot_start_go(tool: Tool, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => {
            Error::NoGo { program: tool.program(), go: OLDEST_GO.to_owned(), kubernetes: KUBERNETES }
        }
        _ => Error::spawn("go")(error),
    }
}

/// Kubernetes learns its own version from the linker.
fn link_flags(module: &Path) -> Result<String> {
    let mut flags = "-s -w".to_owned();
    if let Some(version) = kubernetes_version(module)? {
        let mut numbers = version.trim_start_matches('v').split('.');
        let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        for (variable, value) in [("gitVersion", version.as_str()), ("gitMajor", major), ("gitMinor", minor)] {
            flags.push_str(&format!(" -X k8s.io/component-base/version.{variable}={value}"));
        }
    }
    Ok(flags)
}

/// The version of `k8s.io/kubernetes` that the module asks for, if it does.
fn kubernetes_version(module: &Path) -> Result<Option<String>> {
    let path = module.join("go.mod");
    let text = fs::read_to_string(&path).map_err(Error::file(&path))?;
    let mut requirements = text.lines().map(|line| line.trim().trim_start_matches("require "));
    Ok(requirements
        .find_map(|line| line.strip_prefix("k8s.io/kubernetes "))
        .and_then(|rest| rest.split_whitespace().next())
        .map(str::to_owned))
}

/// Tells a person who waits. Not with `eprintln!`, which the test runner would keep to itself.
fn say(text: &str) {
    // Nobody to tell is no reason to fail.
    let _ = writeln!(io::stderr(), "billing-test-harness: {text}");
}
