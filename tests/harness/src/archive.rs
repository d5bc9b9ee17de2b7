//! The archives of the plugin, one for each platform, and the manifest that krew installs them by.
//!
//! The same binaries give the same bytes, and the manifest has their digests.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use crate::{Error, Result, licences};

/// What is in an archive beside the program, with its mode.
const BESIDE: [(&str, &str, u32); 2] = [
    (
        "kubectl_complete-billing",
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/kubectl_complete-billing"),
        0o755,
    ),
    ("LICENSE", concat!(env!("CARGO_MANIFEST_DIR"), "/../../LICENSE"), 0o644),
];

/// The file that krew reads.
pub const KREW_MANIFEST: &str = "billing.yaml";

/// A program for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginBuild {
    /// The platform, as Go names it: `linux-amd64`.
    pub platform: String,
    /// The program.
    pub binary: PathBuf,
}

impl PluginBuild {
    fn file_name(&self) -> String {
        format!("kubectl-billing-{}.tar.gz", self.platform)
    }

    fn program(&self) -> &'static str {
        if self.platform.starts_with("windows-") { "kubectl-billing.exe" } else { "kubectl-billing" }
    }

    /// The archive's bytes, with the licences of all that is built in.
    fn pack(&self, others: &str) -> Result<Vec<u8>> {
        let program = fs::read(&self.binary).map_err(Error::file(&self.binary))?;
        let beside =
            BESIDE.map(|(name, path, mode)| fs::read(path).map(|bytes| (name, bytes, mode)).map_err(Error::file(path)));
        let beside = beside.into_iter().collect::<Result<Vec<_>>>()?;
        let mut files = vec![(self.program(), program.as_slice(), 0o755)];
        files.extend(beside.iter().map(|(name, bytes, mode)| (*name, bytes.as_slice(), *mode)));
        files.push(("THIRD-PARTY.txt", others.as_bytes(), 0o644));
        pack(&files).map_err(Error::file(&self.binary))
    }

    /// The platform's part of the manifest.
    fn entry(&self, url: &str, digest: &str) -> String {
        let (os, arch) = self.platform.split_once('-').unwrap_or((&self.platform, ""));
        let (file, program) = (self.file_name(), self.program());
        format!(
            "  - selector:\n      matchLabels: {{os: {os}, arch: {arch}}}\n    uri: {url}/{file}\n    sha256: {digest}\n    \
             bin: {program}\n"
        )
    }
}

/// A compressed archive of files with these names, contents and modes. The same files give the same bytes.
pub(crate) fn pack(files: &[(&str, &[u8], u32)]) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    for (name, bytes, mode) in files {
        append(&mut archive, name, bytes, *mode)?;
    }
    archive.into_inner().and_then(GzEncoder::finish)
}

fn append(archive: &mut Builder<impl Write>, name: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    archive.append_data(&mut header, name, bytes)
}

/// Writes the archive of each build and krew's manifest into a folder. `url` is where the archives will be found.
///
/// # Errors
/// [`Error::File`] when something cannot be read or written, [`Error::Command`] when Cargo does not say what is built in.
pub fn write_archives(builds: &[PluginBuild], version: &str, url: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let others = licences::third_party(&["kubectl-billing"])?;
    let mut manifest = manifest_head(version);
    let mut written = Vec::new();
    for build in builds {
        let bytes = build.pack(&others)?;
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        manifest.push_str(&build.entry(url, &digest));
        written.push(write(&folder.join(build.file_name()), &bytes)?);
    }
    written.push(write(&folder.join(KREW_MANIFEST), manifest.as_bytes())?);
    Ok(written)
}

fn write(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    File::create(path).and_then(|mut file| file.write_all(bytes)).map_err(Error::file(path))?;
    Ok(path.to_owned())
}

fn manifest_head(version: &str) -> String {
    format!(
        "apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: billing
spec:
  version: v{version}
  shortDescription: Billing groups, invoices and usage of billing-operator
  description: |
    Shows who pays for which project, what an invoice comes to and why, and whether it is right; makes and changes billing
    groups, moves projects, records payments and credit notes, and previews invoices from manifests without a cluster.
    Needs billing-operator in the cluster, except for previews.
  caveats: |
    For the tab key, link kubectl_complete-billing from krew's store to a folder on your PATH:
      ln -s ~/.krew/store/billing/*/kubectl_complete-billing ~/.krew/bin/
  platforms:
"
    )
}
