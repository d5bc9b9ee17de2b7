//! The image that `make image` writes: its archive is whole, and its binaries run with nothing around them. (They are built quickly here:
//! `make release-check` judges those that are handed out.)

use std::{
    collections::BTreeMap,
    error::Error as StdError,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use billing_test_harness::image::USER;
use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tar::Archive;

type TestResult<T = ()> = Result<T, Box<dyn StdError>>;

/// What the image is said to be built from.
const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";
const SOURCE: &str = "https://example.com/billing-operator";

/// The files of the archive by name.
type Files = BTreeMap<String, Vec<u8>>;

#[test]
fn the_image_has_static_binaries_and_their_licences_and_runs_in_an_empty_root_and_not_as_root() -> TestResult {
    let files = read_archive(image()?)?;
    let manifest = described(&files, &json(&files, "index.json")?["manifests"][0])?;
    let config = described(&files, &manifest["config"])?;
    assert_eq!(config["config"]["User"], USER);
    assert_eq!(config["config"]["Entrypoint"], serde_json::json!(["/billing-operator"]));
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));

    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image-root");
    let _ = fs::remove_dir_all(&root); // of a former run
    fs::create_dir_all(&root)?;
    let layer = blob(&files, &manifest["layers"][0])?;
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", hex_digest(&decompressed(layer)?)));
    Archive::new(&*decompressed(layer)?).unpack(&root)?;
    let mut unpacked: Vec<PathBuf> =
        fs::read_dir(&root)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    unpacked.sort();
    assert_eq!(
        unpacked,
        ["billing-meter", "billing-operator", "kubectl-billing", "licenses"].map(|name| root.join(name))
    );
    assert!(fs::read_to_string(root.join("licenses/LICENSE"))?.contains("Apache License"));
    assert!(fs::read_to_string(root.join("licenses/THIRD-PARTY.txt"))?.contains("Permission is hereby granted"));

    for program in ["billing-meter", "billing-operator", "kubectl-billing"] {
        let output = run_in(&root, program)?;
        let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{errors}");
        assert_eq!(text.trim(), format!("{program} {}", env!("CARGO_PKG_VERSION")));
    }
    Ok(())
}

#[test]
fn the_image_says_what_it_is_and_what_it_was_built_from() -> TestResult {
    let files = read_archive(image()?)?;
    let manifest = described(&files, &json(&files, "index.json")?["manifests"][0])?;
    let labels = &described(&files, &manifest["config"])?["config"]["Labels"];
    let label = |name: &str| labels[format!("org.opencontainers.image.{name}")].as_str();
    assert_eq!(label("title"), Some("billing-operator"));
    assert_eq!(label("version"), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(label("licenses"), Some("Apache-2.0"));
    assert!(label("description").is_some_and(|text| text.contains("Kubernetes")));
    assert_eq!((label("revision"), label("source")), (Some(REVISION), Some(SOURCE)));
    assert_eq!(manifest["annotations"], *labels);
    Ok(())
}

#[test]
fn docker_finds_the_same_image_in_the_archive() -> TestResult {
    let files = read_archive(image()?)?;
    let manifest = described(&files, &json(&files, "index.json")?["manifests"][0])?;
    let docker = json(&files, "manifest.json")?;
    assert_eq!(docker[0]["Config"], blob_path(&manifest["config"])?);
    assert_eq!(docker[0]["Layers"][0], blob_path(&manifest["layers"][0])?);
    assert_eq!(docker[0]["RepoTags"][0], concat!("billing-operator:", env!("CARGO_PKG_VERSION")));
    Ok(())
}

/// The archive, made once for all tests.
fn image() -> TestResult<&'static Path> {
    static ARCHIVE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = ARCHIVE.get_or_init(|| make_image().map_err(|error| error.to_string()));
    Ok(made.as_deref().map_err(Clone::clone)?)
}

/// Runs `make image` with programs that are soon built, and returns the archive's path.
fn make_image() -> TestResult<PathBuf> {
    let output = Command::new("make")
        .args(["--silent", "--no-print-directory", "image", "PROFILE=packing"])
        .args([format!("COMMIT={REVISION}"), format!("REPOSITORY={SOURCE}")])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()?;
    if !output.status.success() {
        return Err(format!("make image: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(PathBuf::from(text.lines().last().ok_or("make image printed no path")?))
}

fn read_archive(path: &Path) -> TestResult<Files> {
    let mut files = Files::new();
    for entry in Archive::new(File::open(path)?).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(name, content);
    }
    Ok(files)
}

/// Runs a binary as the image's user would, with `root` as the whole file system.
fn run_in(root: &Path, program: &str) -> TestResult<Output> {
    let program = [&format!("/{program}"), "--version"];
    // As root there is chroot, which can also take the image's user; everybody else needs user namespaces.
    let changed = Command::new("chroot").arg(format!("--userspec={USER}")).arg(root).args(program).output()?;
    if changed.status.success() {
        return Ok(changed);
    }
    let unshared =
        Command::new("unshare").args(["--map-root-user", "--root"]).arg(root).arg("--").args(program).output()?;
    assert!(
        unshared.status.success(),
        "this test needs root or user namespaces.\nchroot: {}\nunshare: {}",
        String::from_utf8_lossy(&changed.stderr),
        String::from_utf8_lossy(&unshared.stderr)
    );
    Ok(unshared)
}

fn decompressed(layer: &[u8]) -> TestResult<Vec<u8>> {
    let mut content = Vec::new();
    GzDecoder::new(layer).read_to_end(&mut content)?;
    Ok(content)
}

fn json(files: &Files, name: &str) -> TestResult<Value> {
    Ok(serde_json::from_slice(files.get(name).ok_or_else(|| format!("no {name}"))?)?)
}

/// The JSON document that a descriptor points to.
fn described(files: &Files, descriptor: &Value) -> TestResult<Value> {
    Ok(serde_json::from_slice(blob(files, descriptor)?)?)
}

/// The bytes that a descriptor points to, which must be those that it describes.
fn blob<'a>(files: &'a Files, descriptor: &Value) -> TestResult<&'a [u8]> {
    let path = blob_path(descriptor)?;
    let content = files.get(&path).ok_or_else(|| format!("no {path}"))?;
    assert_eq!(descriptor["size"], content.len());
    assert_eq!(path, format!("blobs/sha256/{}", hex_digest(content)));
    Ok(content)
}

fn blob_path(descriptor: &Value) -> TestResult<String> {
    let digest = descriptor["digest"].as_str().ok_or("no digest")?;
    Ok(format!("blobs/{}", digest.replace(':', "/")))
}

fn hex_digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
