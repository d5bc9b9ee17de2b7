//! Where the programs come from.
//!
//! In this order: the variables of envtest (`TEST_ASSET_KUBE_APISERVER` and the like, then `KUBEBUILDER_ASSETS`), the folder of
//! `setup-envtest` when it holds our release of Kubernetes, our cache, and at last a build from the Go modules in
//! `tests/tools`, which are pinned to the byte and take some minutes once.
//!
//! A program on the `PATH` is never used: it may be any release.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{Error, Result, go};

/// The release of Kubernetes that the tests run on.
pub const KUBERNETES: &str = "1.36";

/// A program that the tests need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// The API server.
    KubeApiserver,
    /// The controllers of Kubernetes: garbage collection, deletion of namespaces.
    KubeControllerManager,
    /// The command line.
    Kubectl,
    /// The API server's store.
    Etcd,
    /// The package manager that installs the chart.
    Helm,
    /// The interpreter of the engine's counterpart.
    Python,
    /// What installs plugins of kubectl.
    Krew,
    /// What brings images to a registry.
    Oras,
    /// A registry in memory.
    Registry,
}

impl Tool {
    /// What a test run needs.
    pub const ALL: [Self; 9] = [
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::Kubectl,
        Self::Etcd,
        Self::Helm,
        Self::Python,
        Self::Krew,
        Self::Oras,
        Self::Registry,
    ];

    /// The file's name.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::Kubectl => "kubectl",
            Self::Etcd => "etcd",
            Self::Helm => "helm",
            Self::Python => "python3",
            Self::Krew => "krew",
            Self::Oras => "oras",
            Self::Registry => "registry",
        }
    }

    /// Whether envtest's folders have it.
    const fn in_envtest(self) -> bool {
        matches!(self, Self::KubeApiserver | Self::Kubectl | Self::Etcd)
    }
}

/// Where we keep what outlives a run: `billing-operator` in the user's cache folder.
///
/// # Errors
/// [`Error::NoCacheFolder`] when there is none.
pub fn cache_folder() -> Result<PathBuf> {
    go::cache_folder()
}

/// The path of a program, which is built when it is nowhere to be found.
///
/// # Errors
/// [`Error::NoGo`] without the program and without Go; [`Error::Build`] when the build fails; [`Error::AssetMissing`] when a
/// variable of envtest names a file that does not exist.
pub fn find(tool: Tool) -> Result<PathBuf> {
    if tool.in_envtest() {
        if let Some(path) = named_by_environment(tool)? {
            return Ok(path);
        }
        if let Some(path) = kept_by_setup_envtest(tool.program()) {
            return Ok(path);
        }
    }
    go::cached_or_built(tool)
}

/// What `TEST_ASSET_<PROGRAM>` or `KUBEBUILDER_ASSETS` say. Somebody set them on purpose, so a mistake is an error and never
/// silently another program.
fn named_by_environment(tool: Tool) -> Result<Option<PathBuf>> {
    let program = tool.program();
    let own = format!("TEST_ASSET_{}", program.to_uppercase().replace('-', "_"));
    let (variable, path) = if let Some(path) = env::var_os(&own) {
        (own, PathBuf::from(path))
    } else if let Some(folder) = env::var_os("KUBEBUILDER_ASSETS") {
        ("KUBEBUILDER_ASSETS".to_owned(), Path::new(&folder).join(program))
    } else {
        return Ok(None);
    };
    if path.is_file() { Ok(Some(path)) } else { Err(Error::AssetMissing { variable, program, path }) }
}

/// The program in the newest matching folder of `setup-envtest`, which names them `1.36.0-linux-amd64`.
fn kept_by_setup_envtest(program: &str) -> Option<PathBuf> {
    let platform = format!("-{}-{}", go::os(), go::arch());
    let release = format!("{KUBERNETES}.");
    let fits = |name: &str| -> Option<u32> { name.strip_suffix(&platform)?.strip_prefix(&release)?.parse().ok() };
    let folders = fs::read_dir(setup_envtest_folder()?.join("k8s")).ok()?;
    folders
        .filter_map(|entry| entry.ok())
        .filter_map(|entry| Some((fits(entry.file_name().to_str()?)?, entry.path().join(program))))
        .filter(|(_, path)| path.is_file())
        .max()
        .map(|(_, path)| path)
}

fn setup_envtest_folder() -> Option<PathBuf> {
    let home = || env::var_os("HOME").map(PathBuf::from);
    if cfg!(target_os = "macos") {
        return Some(home()?.join("Library/Application Support/io.kubebuilder.envtest"));
    }
    let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(|| Some(home()?.join(".local/share")))?;
    Some(data.join("kubebuilder-envtest"))
}
