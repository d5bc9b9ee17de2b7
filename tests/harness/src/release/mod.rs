//! A release: everything that is handed out of one commit, with what lets others check it.
//!
//! | file | what it is |
//! | --- | --- |
//! | `billing-operator-<version>-linux-<arch>.tar.gz` | the operator, the meter, and licences |
//! | `kubectl-billing-linux-<arch>.tar.gz`, `billing.yaml` | the plugin, and krew's manifest |
//! | `billing-operator-image-<version>-linux-<arch>.tar` | the image |
//! | `billing-operator-<version>.tgz` | the chart |
//! | `<program>-<version>.cdx.json` | what a program is built of |
//! | `THIRD-PARTY.txt` | the licences of that |
//! | `SHA256SUMS` | the digests of all of these |
//! | `provenance.intoto.jsonl` | where they come from, signed |
//! | `<file>.sig` | the signature of each |
//! | `billing-operator.pub` | the key that they are checked with, for comparison with the one that is published |

mod provenance;
mod publish;
mod sbom;
mod signature;

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

pub use provenance::{Origin, PAYLOAD_TYPE, pre_authentication};
pub use publish::publish;
pub use sbom::bill_of_materials;
pub use signature::Key;

use crate::{
    Error, Result,
    archive::{self, PluginBuild},
    assets::{self, Tool},
    chart::CHART,
    elf,
    folder::Folder,
    image::{Image, Labels},
    licences, run,
};

/// The programs, each a package of its own; the image runs the first.
pub const PROGRAMS: [&str; 3] = ["billing-operator", "billing-meter", "kubectl-billing"];

/// The file with the digests.
pub const SUMS: &str = "SHA256SUMS";
/// The file that says where all comes from.
pub const PROVENANCE: &str = "provenance.intoto.jsonl";
/// The public half of the key.
pub const PUBLIC_KEY: &str = "billing-operator.pub";

/// The project's own licence.
const LICENSE: &str = include_str!("../../../../LICENSE");

/// What is released.
#[derive(Debug, Clone)]
pub struct Release {
    /// The version, `0.1.0`.
    pub version: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Where its files will be found.
    pub url: String,
    /// The name of the image without its tag: what the chart pulls.
    pub image: String,
    /// For each processor, as Go names it, the folder with its programs.
    pub builds: Vec<(String, PathBuf)>,
}

impl Release {
    /// Writes all files into a folder, which must be new, and signs them. Their paths, in the order of their names.
    ///
    /// # Errors
    /// When a program is not what it should be, the key cannot sign, or something cannot be read or written.
    pub fn write(&self, folder: &Path, key: &Key) -> Result<Vec<PathBuf>> {
        let public = key.public()?; // before minutes of work
        fs::create_dir(folder).map_err(Error::file(folder))?;
        let others = licences::third_party(&PROGRAMS)?;
        for (architecture, programs) in &self.builds {
            self.write_programs(folder, architecture, programs, &others)?;
        }
        let plugin = |(architecture, programs): &(String, PathBuf)| PluginBuild {
            platform: format!("linux-{architecture}"),
            binary: programs.join("kubectl-billing"),
        };
        let plugins: Vec<_> = self.builds.iter().map(plugin).collect();
        archive::write_archives(&plugins, &self.version, &self.url, folder)?;
        self.package_chart(folder)?;
        for program in PROGRAMS {
            let name = format!("{program}-{}.cdx.json", self.version);
            write(&folder.join(name), bill_of_materials(program)?.as_bytes())?;
        }
        write(&folder.join("THIRD-PARTY.txt"), others.as_bytes())?;
        self.vouch(folder, key)?;
        write(&folder.join(PUBLIC_KEY), public.as_bytes())?;
        files_in(folder)
    }

    /// The archive of the operator and the meter, and the image, for one processor.
    fn write_programs(&self, folder: &Path, architecture: &str, programs: &Path, others: &str) -> Result<()> {
        let programs = PROGRAMS.map(|program| programs.join(program));
        for program in &programs {
            let found = elf::architecture(program)?;
            if found != architecture {
                let what = if found == "amd64" { "is a program for amd64" } else { "is a program for arm64" };
                return Err(Error::Program { path: program.clone(), what });
            }
        }
        let platform = format!("{}-linux-{architecture}", self.version);
        let read = |program: &PathBuf| fs::read(program).map_err(Error::file(program));
        let (operator, meter) = (read(&programs[0])?, read(&programs[1])?);
        let files: [(&str, &[u8], u32); 4] = [
            ("billing-operator", &operator, 0o755),
            ("billing-meter", &meter, 0o755),
            ("LICENSE", LICENSE.as_bytes(), 0o644),
            ("THIRD-PARTY.txt", others.as_bytes(), 0o644),
        ];
        let name = folder.join(format!("billing-operator-{platform}.tar.gz"));
        write(&name, &archive::pack(&files).map_err(Error::file(&name))?)?;
        let image = Image {
            binaries: &programs.each_ref().map(PathBuf::as_path),
            name: &format!("{}:{}", self.image, self.version),
            architecture,
            labels: Labels { version: &self.version, revision: &self.origin.commit, source: &self.origin.repository },
            texts: &[("licenses/LICENSE", LICENSE), ("licenses/THIRD-PARTY.txt", others)],
        };
        image.write(&folder.join(format!("billing-operator-image-{platform}.tar")))
    }

    /// Packages the chart with the image that it pulls.
    fn package_chart(&self, folder: &Path) -> Result<()> {
        let copy = Folder::create()?;
        let chart = copy.join("billing-operator");
        copy_tree(Path::new(CHART), &chart)?;
        let own = format!("repository: {}", self.image);
        replace_once(&chart.join("values.yaml"), "repository: billing-operator", &own)?;
        let image = |name: &str| format!("image: {name}:{}", self.version);
        replace_once(&chart.join("Chart.yaml"), &image("billing-operator"), &image(&self.image))?;
        let version = format!("--version={}", self.version);
        let (chart, folder) = (chart.display().to_string(), format!("--destination={}", folder.display()));
        run(&assets::find(Tool::Helm)?, &["package", &chart, &version, &folder], b"")?;
        Ok(())
    }

    /// Writes the digests and where all comes from, and signs every file.
    fn vouch(&self, folder: &Path, key: &Key) -> Result<()> {
        let files = files_in(folder)?;
        let digests = files.iter().map(|path| Ok((name(path), digest_of(path)?))).collect::<Result<Vec<_>>>()?;
        let sums: String = digests.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
        write(&folder.join(SUMS), sums.as_bytes())?;
        let platforms = self.builds.iter().map(|(architecture, _)| format!("linux/{architecture}")).collect();
        let envelope = self.origin.attest(&self.version, platforms, &digests, key)?;
        write(&folder.join(PROVENANCE), format!("{envelope}\n").as_bytes())?;
        for path in files_in(folder)? {
            let content = fs::read(&path).map_err(Error::file(&path))?;
            write(&folder.join(format!("{}.sig", name(&path))), key.sign_base64(&content)?.as_bytes())?;
        }
        Ok(())
    }
}

/// The files of a folder, in the order of their names.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::file(folder))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(Error::file(folder)));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn digest_of(path: &Path) -> Result<String> {
    Ok(hex(&Sha256::digest(fs::read(path).map_err(Error::file(path))?)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(Error::file(path))
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).map_err(Error::file(to))?;
    for path in files_in(from)? {
        let copy = to.join(name(&path));
        if path.is_dir() {
            copy_tree(&path, &copy)?;
        } else {
            fs::copy(&path, &copy).map_err(Error::file(&path))?;
        }
    }
    Ok(())
}

/// Replaces what must be in a file exactly once.
fn replace_once(path: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(path).map_err(Error::file(path))?;
    let lines = text.lines().filter(|line| line.trim_start().trim_start_matches("- ") == from).count();
    if lines != 1 {
        return Err(Error::Chart { path: path.to_owned(), line: from.to_owned(), times: lines });
    }
    write(path, text.replacen(from, to, 1).as_bytes())
}
