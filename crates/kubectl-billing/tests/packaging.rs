//! The archive of the plugin, as krew installs it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use billing_test_harness::archive::{KREW_MANIFEST, PluginBuild, write_archives};
use billing_test_harness::assets::{self, Tool};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// A folder of a test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn create(name: &str) -> Result<Self> {
        let path = env::temp_dir().join(format!("kubectl-billing-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// This machine's platform, as Go names it.
fn platform() -> String {
    let os = if env::consts::OS == "macos" { "darwin" } else { env::consts::OS };
    let arch = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}-{arch}")
}

fn archives(folder: &Path) -> Result<Vec<PathBuf>> {
    // The program of a test build is too large to be compressed time and again: this one runs it.
    let binary = folder.join("program");
    fs::write(&binary, concat!("#!/bin/sh\nexec ", env!("CARGO_BIN_EXE_kubectl-billing"), " \"$@\"\n"))?;
    let build = |platform: &str| PluginBuild { platform: platform.to_owned(), binary: binary.clone() };
    // Another platform's archive has another file in it in life; here it shows that krew chooses.
    let builds = [build("windows-amd64"), build(&platform())];
    Ok(write_archives(&builds, env!("CARGO_PKG_VERSION"), "https://example.com/releases", folder)?)
}

fn krew(root: &Path, arguments: &[&str]) -> Result<Output> {
    Ok(Command::new(assets::find(Tool::Krew)?).args(arguments).env("KREW_ROOT", root).env("HOME", root).output()?)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn krew_installs_the_archive_by_its_manifest() -> Result {
    let folder = Folder::create("krew")?;
    let written = archives(&folder.0)?;
    assert_eq!(written.len(), 3);
    let (root, manifest) = (folder.0.join("root"), folder.0.join(KREW_MANIFEST));
    let (manifest, archive) =
        (format!("--manifest={}", manifest.display()), format!("--archive={}", written[1].display()));
    let installed = krew(&root, &["install", &manifest, &archive])?;
    assert!(installed.status.success(), "{}", said(&installed));

    let plugin = root.join("bin/kubectl-billing");
    let version = Command::new(&plugin).arg("version").output()?;
    assert_eq!(said(&version), format!("kubectl-billing {}\n", env!("CARGO_PKG_VERSION")));
    let store = root.join(format!("store/billing/v{}", env!("CARGO_PKG_VERSION")));
    assert!(store.join("LICENSE").is_file());
    // What kubectl completes by runs, too.
    let path = format!("{}:{}", root.join("bin").display(), env::var("PATH").unwrap_or_default());
    let completed =
        Command::new(store.join("kubectl_complete-billing")).args(["invoice", "li"]).env("PATH", path).output()?;
    assert_eq!(said(&completed), "list\tList invoices\nlines\tList the lines of an invoice\n:4\n");
    Ok(())
}

#[test]
fn krew_refuses_an_archive_that_is_not_the_one_of_the_manifest() -> Result {
    let folder = Folder::create("krew-other")?;
    let written = archives(&folder.0)?;
    let other = folder.0.join("other.tar.gz");
    let mut bytes = fs::read(&written[1])?;
    bytes.push(0);
    fs::write(&other, bytes)?;
    let manifest = format!("--manifest={}", folder.0.join(KREW_MANIFEST).display());
    let refused = krew(&folder.0.join("root"), &["install", &manifest, &format!("--archive={}", other.display())])?;
    assert!(!refused.status.success() && said(&refused).contains("checksum does not match"), "{}", said(&refused));
    Ok(())
}

#[test]
fn the_same_program_gives_the_same_archive() -> Result {
    let (one, other) = (Folder::create("archive-one")?, Folder::create("archive-other")?);
    let read = |folder: &Folder| -> Result<Vec<Vec<u8>>> {
        archives(&folder.0)?.iter().map(|path| Ok(fs::read(path)?)).collect()
    };
    assert!(read(&one)? == read(&other)?, "the bytes differ");
    Ok(())
}
