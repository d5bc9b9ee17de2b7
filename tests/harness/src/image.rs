//! A container image with static binaries in it and nothing else, written without a daemon.
//!
//! The archive is an OCI image layout that also has the `manifest.json` of `docker save`, so that `docker load`,
//! `ctr image import` and `kind load image-archive` all take it. The same binaries give the same bytes.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::{Error, Result};

/// The user that the program runs as: nobody in particular, and not root.
pub const USER: &str = "65532:65532";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Where `ctr` and the kubelet look for an image whose name has no registry in it.
const NO_REGISTRY: &str = "docker.io/library/";

/// An image to be written.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// The static binaries: the one that runs by itself, and others. In the image they have the same file names, at the root.
    pub binaries: &'a [&'a Path],
    /// The image's name and tag, `billing-operator:0.1.0`.
    pub name: &'a str,
    /// The processor that they are for, as Go names it.
    pub architecture: &'a str,
    /// What the image says of itself.
    pub labels: Labels<'a>,
    /// Files beside it, by their path from the root: licences.
    pub texts: &'a [(&'a str, &'a str)],
}

/// What an image says of itself, to people and to tools that look for updates and sources.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// The version.
    pub version: &'a str,
    /// The commit.
    pub revision: &'a str,
    /// The repository's address.
    pub source: &'a str,
}

impl Labels<'_> {
    fn json(&self) -> Value {
        json!({
            "org.opencontainers.image.title": "billing-operator",
            "org.opencontainers.image.description": "Billing groups for Kubernetes: one payer per project, one invoice per month.",
            "org.opencontainers.image.version": self.version,
            "org.opencontainers.image.revision": self.revision,
            "org.opencontainers.image.source": self.source,
            "org.opencontainers.image.url": self.source,
            "org.opencontainers.image.documentation": format!("{}/blob/main/docs/README.md", self.source),
            "org.opencontainers.image.licenses": "Apache-2.0",
        })
    }
}

/// A piece of the image under its digest.
struct Blob {
    digest: String,
    bytes: Vec<u8>,
}

impl Image<'_> {
    /// Writes the image to the file `archive`, whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`] when a binary cannot be read or the archive cannot be written.
    pub fn write(&self, archive: &Path) -> Result<()> {
        let read = |path: &&Path| Ok((file_name(path), fs::read(path).map_err(Error::file(path))?));
        let programs = self.binaries.iter().map(read).collect::<Result<Vec<_>>>()?;
        let unfinished = archive.with_extension("unfinished");
        self.assemble(&programs)
            .and_then(|files| write_files(&unfinished, &files))
            .and_then(|()| fs::rename(&unfinished, archive))
            .map_err(Error::file(archive))
    }

    /// The files of the archive, in order.
    fn assemble(&self, programs: &[(String, Vec<u8>)]) -> io::Result<Vec<(String, Vec<u8>)>> {
        let entrypoint = programs.first().map(|(name, _)| format!("/{name}")).unwrap_or_default();
        let layer_tar = tar_of(programs, self.texts)?;
        let layer = Blob::new(compress(&layer_tar)?);
        let config = Blob::new(bytes(&self.config(&entrypoint, &digest(&layer_tar))));
        let manifest = Blob::new(bytes(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.describe(CONFIG),
            "layers": [layer.describe(LAYER)],
            "annotations": self.labels.json(),
        })));
        let index = self.index(&manifest);
        let docker = json!([{ "Config": config.path(), "RepoTags": [self.name], "Layers": [layer.path()] }]);
        let mut files = vec![
            ("oci-layout".to_owned(), bytes(&json!({ "imageLayoutVersion": "1.0.0" }))),
            ("index.json".to_owned(), bytes(&index)),
            ("manifest.json".to_owned(), bytes(&docker)),
        ];
        files.extend([manifest, config, layer].map(|blob| (blob.path(), blob.bytes)));
        Ok(files)
    }

    /// How the program runs, and what its root is made of.
    fn config(&self, entrypoint: &str, layer_digest: &str) -> Value {
        json!({
            "os": "linux",
            "architecture": self.architecture,
            "config": {
                "User": USER,
                "Entrypoint": [entrypoint],
                "WorkingDir": "/",
                "Labels": self.labels.json(),
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
        })
    }

    fn index(&self, manifest: &Blob) -> Value {
        let tag = self.name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        let full_name =
            if self.name.contains('/') { self.name.to_owned() } else { format!("{NO_REGISTRY}{}", self.name) };
        let mut described = manifest.describe(MANIFEST);
        described["platform"] = json!({ "os": "linux", "architecture": self.architecture });
        described["annotations"] =
            json!({ "io.containerd.image.name": full_name, "org.opencontainers.image.ref.name": tag });
        json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [described] })
    }
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        Self { digest: digest(&bytes), bytes }
    }

    fn path(&self) -> String {
        format!("blobs/sha256/{}", self.digest)
    }

    fn describe(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": format!("sha256:{}", self.digest), "size": self.bytes.len() })
    }
}

/// A tar archive with executable files, and texts.
fn tar_of(programs: &[(String, Vec<u8>)], texts: &[(&str, &str)]) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for (name, content) in programs {
        append(&mut archive, name, content, 0o755)?;
    }
    for (path, text) in texts {
        append(&mut archive, path, text.as_bytes(), 0o644)?;
    }
    archive.into_inner()
}

fn write_files(path: &Path, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    let mut archive = Builder::new(File::create(path)?);
    for (name, content) in files {
        append(&mut archive, name, content, 0o644)?;
    }
    archive.into_inner()?.sync_all()
}

/// Adds a file that belongs to root and has no date.
fn append(archive: &mut Builder<impl Write>, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    archive.append_data(&mut header, name, content)
}

fn compress(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    encoder.finish()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
