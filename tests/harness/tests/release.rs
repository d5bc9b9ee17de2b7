//! A release, made with small stand-ins for the programs: it is whole, it verifies as docs/releases.md says, and what somebody changes
//! does not.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as StdError,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
    time::Duration,
};

use billing_test_harness::{
    assets::{self, Tool},
    elf,
    process::{Process, Program},
    release::{Key, Origin, PROVENANCE, PUBLIC_KEY, Release, SUMS, publish},
    wait_until,
};
use flate2::read::GzDecoder;
use serde_json::Value;
use tar::Archive;

type TestResult<T = ()> = Result<T, Box<dyn StdError>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const VERSION: &str = env!("CARGO_PKG_VERSION");
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// An empty folder of a test.
fn folder(name: &str) -> TestResult<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("release-{name}"));
    let _ = fs::remove_dir_all(&path); // of a former run
    fs::create_dir_all(&path)?;
    Ok(path)
}

fn key(folder: &Path, name: &str, algorithm: &[&str]) -> TestResult<PathBuf> {
    let path = folder.join(name);
    let made = Command::new("openssl").arg("genpkey").args(algorithm).arg("-out").arg(&path).output()?;
    assert!(made.status.success(), "{}", said(&made));
    Ok(path)
}

fn elliptic(folder: &Path, name: &str) -> TestResult<PathBuf> {
    key(folder, name, &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
}

/// A release with stand-ins for programs.
fn release(folder: &Path) -> TestResult<Release> {
    let mut builds = Vec::new();
    for architecture in ARCHITECTURES {
        let programs = folder.join(architecture);
        fs::create_dir_all(&programs)?;
        for program in ["billing-meter", "billing-operator", "kubectl-billing"] {
            fs::write(programs.join(program), elf::stub(architecture))?;
        }
        builds.push((architecture.to_owned(), programs));
    }
    Ok(Release {
        version: VERSION.to_owned(),
        origin: Origin {
            repository: "https://example.com/billing-operator".to_owned(),
            commit: COMMIT.to_owned(),
            builder: "https://example.com/builder".to_owned(),
            compiler: "rustc 1.95.0".to_owned(),
        },
        url: "https://example.com/releases".to_owned(),
        image: "registry.example.com/billing/billing-operator".to_owned(),
        builds,
    })
}

/// The folder with the release that the tests look at, and its key.
fn made() -> TestResult<(&'static Path, Key)> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let make = || -> TestResult<PathBuf> {
        let folder = folder("made")?;
        let key = Key::file(elliptic(&folder, "key.pem")?);
        release(&folder)?.write(&folder.join("files"), &key)?;
        Ok(folder)
    };
    let folder = MADE.get_or_init(|| make().map_err(|error| error.to_string())).as_deref().map_err(Clone::clone)?;
    Ok((Box::leak(folder.join("files").into_boxed_path()), Key::file(folder.join("key.pem"))))
}

/// A copy of it that a test may change.
fn copy(name: &str) -> TestResult<PathBuf> {
    let (files, _) = made()?;
    let copy = folder(name)?;
    for entry in fs::read_dir(files)? {
        let entry = entry?;
        fs::copy(entry.path(), copy.join(entry.file_name()))?;
    }
    Ok(copy)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The blocks of commands in the section "Verify" of the page.
fn documented() -> TestResult<Vec<String>> {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/releases.md"))?;
    let section = page.split("\n## ").find(|section| section.starts_with("Verify")).ok_or("no such section")?;
    let blocks: Vec<_> = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 3, "files, provenance, registry");
    Ok(blocks.into_iter().map(str::to_owned).collect())
}

/// Runs a block of the page in a folder. What it keeps on the way is the folder's.
fn verify(block: &str, folder: &Path) -> TestResult<Output> {
    let block = block.replace("/tmp/", "./.");
    Ok(Command::new("bash").args(["-euo", "pipefail", "-c", &block]).current_dir(folder).output()?)
}

fn files_of(archive: impl Read) -> TestResult<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in Archive::new(archive).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(name, content);
    }
    Ok(files)
}

fn unpacked(path: &Path) -> TestResult<BTreeMap<String, Vec<u8>>> {
    files_of(GzDecoder::new(fs::File::open(path)?))
}

#[test]
fn everything_of_a_release_is_there_and_signed() -> TestResult {
    let (files, _) = made()?;
    let found: BTreeSet<_> = fs::read_dir(files)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<TestResult<_>>()?;
    let mut expected = vec![
        "THIRD-PARTY.txt".to_owned(),
        "billing.yaml".to_owned(),
        format!("billing-operator-{VERSION}.tgz"),
        format!("billing-operator-{VERSION}.cdx.json"),
        format!("billing-meter-{VERSION}.cdx.json"),
        format!("kubectl-billing-{VERSION}.cdx.json"),
    ];
    for architecture in ARCHITECTURES {
        expected.push(format!("billing-operator-{VERSION}-linux-{architecture}.tar.gz"));
        expected.push(format!("billing-operator-image-{VERSION}-linux-{architecture}.tar"));
        expected.push(format!("kubectl-billing-linux-{architecture}.tar.gz"));
    }
    let summed = fs::read_to_string(files.join(SUMS))?;
    let summed: BTreeSet<_> = summed.lines().filter_map(|line| line.split("  ").nth(1)).collect();
    assert_eq!(summed, expected.iter().map(String::as_str).collect());
    expected.extend([SUMS, PROVENANCE].map(str::to_owned));
    let signatures: Vec<_> = expected.iter().map(|file| format!("{file}.sig")).collect();
    let all: BTreeSet<_> = expected.into_iter().chain(signatures).chain([PUBLIC_KEY.to_owned()]).collect();
    assert_eq!(found, all);
    Ok(())
}

#[test]
fn it_verifies_as_the_page_says() -> TestResult {
    let copy = copy("verified")?;
    let blocks = documented()?;
    let sums = verify(&blocks[0], &copy)?;
    assert!(sums.status.success(), "{}", said(&sums));
    assert_eq!(said(&sums).matches("Verified OK").count(), 14, "{}", said(&sums));
    let provenance = verify(&blocks[1], &copy)?;
    assert!(provenance.status.success(), "{}", said(&provenance));
    assert!(said(&provenance).ends_with(&format!("{COMMIT}\n")), "{}", said(&provenance));
    Ok(())
}

#[test]
fn what_is_changed_or_signed_by_somebody_else_does_not_verify() -> TestResult {
    let blocks = documented()?;
    let refused = |what: &str, block: usize, change: &dyn Fn(&Path) -> TestResult| -> TestResult {
        let copy = copy("changed")?;
        change(&copy)?;
        let output = verify(&blocks[block], &copy)?;
        assert!(!output.status.success(), "{what}: {}", said(&output));
        Ok(())
    };
    let chart = format!("billing-operator-{VERSION}.tgz");
    let append = |path: PathBuf| -> TestResult {
        let mut bytes = fs::read(&path)?;
        bytes.push(0);
        Ok(fs::write(path, bytes)?)
    };
    let own_sums = |copy: &Path| -> TestResult {
        let sums = verify(&format!("sha256sum *.t* billing.yaml *.json > {SUMS}"), copy)?;
        assert!(sums.status.success(), "{}", said(&sums));
        Ok(())
    };
    refused("another chart", 0, &|copy| append(copy.join(&chart)))?;
    refused("another chart with its sum", 0, &|copy| append(copy.join(&chart)).and_then(|()| own_sums(copy)))?;
    refused("another chart", 1, &|copy| append(copy.join(&chart)))?;
    refused("a signature of another file", 0, &|copy| {
        fs::copy(copy.join("billing.yaml.sig"), copy.join(format!("{chart}.sig")))?;
        Ok(())
    })?;
    let another_key = |copy: &Path| -> TestResult {
        let other = elliptic(copy, "other.pem")?;
        fs::write(copy.join(PUBLIC_KEY), Key::file(&other).public()?)?;
        Ok(fs::remove_file(other)?)
    };
    refused("another key", 0, &another_key)?;
    refused("another key", 1, &another_key)?;
    refused("another commit", 1, &|copy| {
        let block = format!(
            "jq -c '.payload |= (@base64d | sub(\"{COMMIT}\"; \"{COMMIT}\" | explode | reverse | implode) | @base64)' \
             {PROVENANCE} > other && mv other {PROVENANCE}"
        );
        let changed = verify(&block, copy)?;
        assert!(changed.status.success(), "{}", said(&changed));
        Ok(())
    })
}

#[test]
fn archives_and_images_are_for_both_processors_with_the_licences_of_all_that_is_in_them() -> TestResult {
    let (files, _) = made()?;
    let third = fs::read_to_string(files.join("THIRD-PARTY.txt"))?;
    for crate_of_others in ["tokio", "jsonschema", "kube-client"] {
        assert!(third.contains(&format!("\n{crate_of_others} ")), "{crate_of_others} has no licence");
    }
    for architecture in ARCHITECTURES {
        let stub = elf::stub(architecture);
        let operator = unpacked(&files.join(format!("billing-operator-{VERSION}-linux-{architecture}.tar.gz")))?;
        assert_eq!(
            operator.keys().collect::<Vec<_>>(),
            ["LICENSE", "THIRD-PARTY.txt", "billing-meter", "billing-operator"]
        );
        assert_eq!((&operator["billing-operator"], &operator["THIRD-PARTY.txt"]), (&stub, &third.clone().into_bytes()));
        let plugin = unpacked(&files.join(format!("kubectl-billing-linux-{architecture}.tar.gz")))?;
        assert_eq!(plugin["kubectl-billing"], stub);
        let licences = String::from_utf8_lossy(&plugin["THIRD-PARTY.txt"]).into_owned();
        assert!(licences.starts_with("What kubectl-billing is built of"), "its own");
        assert!(
            licences.contains("\njsonschema ") && !licences.contains("\nproptest "),
            "what is in it, and not what tests it"
        );

        let archive = fs::File::open(files.join(format!("billing-operator-image-{VERSION}-linux-{architecture}.tar")))?;
        let image = files_of(archive)?;
        let json = |name: &str| -> TestResult<Value> { Ok(serde_json::from_slice(&image[name])?) };
        let blob = |value: &Value| format!("blobs/{}", value["digest"].as_str().unwrap_or_default().replace(':', "/"));
        let described = json("index.json")?["manifests"][0].clone();
        assert_eq!(described["platform"]["architecture"], architecture);
        let manifest = json(&blob(&described))?;
        let config = json(&blob(&manifest["config"]))?;
        assert_eq!(config["architecture"], architecture);
        for labels in [&config["config"]["Labels"], &manifest["annotations"]] {
            assert_eq!(labels["org.opencontainers.image.revision"], COMMIT);
            assert_eq!(labels["org.opencontainers.image.version"], VERSION);
            assert_eq!(labels["org.opencontainers.image.licenses"], "Apache-2.0");
        }
        let layer = files_of(GzDecoder::new(&image[&blob(&manifest["layers"][0])][..]))?;
        assert_eq!(
            (&layer["billing-operator"], &layer["licenses/THIRD-PARTY.txt"]),
            (&stub, &third.clone().into_bytes())
        );
    }
    Ok(())
}

#[test]
fn the_chart_pulls_the_image_of_the_release() -> TestResult {
    let (files, _) = made()?;
    let chart = unpacked(&files.join(format!("billing-operator-{VERSION}.tgz")))?;
    let text = |name: &str| String::from_utf8_lossy(&chart[name]).into_owned();
    let image = "registry.example.com/billing/billing-operator";
    assert!(text("billing-operator/values.yaml").contains(&format!("repository: {image}\n")));
    assert!(text("billing-operator/Chart.yaml").contains(&format!("image: {image}:{VERSION}\n")));
    Ok(())
}

#[test]
fn the_same_sources_give_the_same_files() -> TestResult {
    let (files, key) = made()?;
    let other = folder("again")?;
    release(&other)?.write(&other.join("files"), &key)?;
    for line in fs::read_to_string(files.join(SUMS))?.lines() {
        let name = line.split("  ").nth(1).ok_or("a name")?;
        // Helm writes the time into its archives.
        if !name.ends_with(".tgz") {
            assert!(fs::read(files.join(name))? == fs::read(other.join("files").join(name))?, "{name} differs");
        }
    }
    Ok(())
}

#[test]
fn programs_and_keys_that_will_not_do_are_refused_with_the_remedy() -> TestResult {
    let folder = folder("refused")?;
    let key_file = elliptic(&folder, "key.pem")?;
    let refusal = |release: &Release, key: PathBuf| -> TestResult<String> {
        let _ = fs::remove_dir_all(folder.join("files"));
        let written = release.write(&folder.join("files"), &Key::file(key));
        Ok(written.map_or_else(|error| error.to_string(), |_| "made".to_owned()))
    };
    let good = release(&folder)?;
    let rsa = refusal(&good, key(&folder, "rsa.pem", &["-algorithm", "RSA"])?)?;
    assert!(rsa.contains("rsa.pem is no key on the curve P-256: make one with"), "{rsa}");
    let missing = refusal(&good, folder.join("none.pem"))?;
    assert!(missing.contains("none.pem"), "{missing}");
    fs::write(folder.join("arm64/kubectl-billing"), elf::stub("amd64"))?;
    let mixed = refusal(&good, key_file.clone())?;
    assert!(mixed.ends_with("arm64/kubectl-billing is a program for amd64"), "{mixed}");
    fs::write(folder.join("arm64/kubectl-billing"), "#!/bin/sh\n")?;
    let script = refusal(&good, key_file)?;
    assert!(script.contains("is no program for 64-bit Linux"), "{script}");
    Ok(())
}

/// A registry of a test, on this machine and in memory.
struct Registry {
    address: String,
    _process: Process,
}

impl Registry {
    fn start(folder: &Path) -> TestResult<Self> {
        let log = folder.join("registry.log");
        let process = Process::start(&Program {
            name: "registry".to_owned(),
            path: assets::find(Tool::Registry)?,
            args: vec!["-port=0".to_owned()],
            env: Vec::new(),
            log: log.clone(),
        })?;
        let port = || -> Option<String> {
            let said = fs::read_to_string(&log).ok()?;
            said.lines().find_map(|line| line.split_once("serving on port ")).map(|(_, port)| port.trim().to_owned())
        };
        let port = wait_until("the registry listens", Duration::from_secs(30), port)?;
        Ok(Self { address: format!("localhost:{port}"), _process: process })
    }
}

#[test]
fn a_registry_has_the_image_for_both_processors_and_the_chart_and_signatures_that_verify() -> TestResult {
    let (files, key) = made()?;
    let folder = folder("registry")?;
    let registry = Registry::start(&folder)?;
    let place = format!("{}/billing", registry.address);
    let pushed = publish(files, VERSION, &ARCHITECTURES, &place, &key)?;
    assert_eq!(pushed.len(), 2, "{pushed:?}");

    let oras = assets::find(Tool::Oras)?;
    let index =
        Command::new(&oras).args(["manifest", "fetch", &format!("{place}/billing-operator:{VERSION}")]).output()?;
    assert!(index.status.success(), "{}", said(&index));
    let index: Value = serde_json::from_slice(&index.stdout)?;
    let platforms: Vec<_> = index["manifests"].as_array().into_iter().flatten().map(|one| &one["platform"]).collect();
    assert_eq!(platforms.len(), 2, "{index}");
    assert!(platforms.iter().zip(ARCHITECTURES).all(|(found, one)| found["architecture"] == one), "{index}");

    let chart = format!("oci://{place}/charts/billing-operator");
    let pull = ["pull", &chart, "--version", VERSION, "--plain-http", "--destination"];
    let pulled = Command::new(assets::find(Tool::Helm)?).args(pull).arg(&folder).output()?;
    assert!(pulled.status.success(), "{}", said(&pulled));
    let name = format!("billing-operator-{VERSION}.tgz");
    assert!(fs::read(folder.join(&name))? == fs::read(files.join(&name))?, "another chart comes back");

    let block = documented()?.remove(2);
    for repository in ["billing-operator", "charts/billing-operator"] {
        let block = block
            .replace("registry.example.com/billing/billing-operator", &format!("{place}/{repository}"))
            .replace(":0.1.0", &format!(":{VERSION}"))
            .replace("oras ", &format!("{} ", oras.display()));
        fs::copy(files.join(PUBLIC_KEY), folder.join(PUBLIC_KEY))?;
        let verified = verify(&block, &folder)?;
        assert!(verified.status.success() && said(&verified).contains("Verified OK"), "{}", said(&verified));
        let other = elliptic(&folder, "other.pem")?;
        fs::write(folder.join(PUBLIC_KEY), Key::file(other).public()?)?;
        assert!(!verify(&block, &folder)?.status.success(), "{repository}: another key");
    }
    Ok(())
}
