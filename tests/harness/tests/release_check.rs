//! A whole release with the real programs for both processors, as `make release` makes it: they start, and what is told of them holds.
//!
//! Takes four builds with all optimizations, or `PROFILE=packing` for a quicker look. `make release-check` runs it.

use std::{
    env,
    error::Error as StdError,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

type TestResult<T = ()> = Result<T, Box<dyn StdError>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What judges bills of materials by CycloneDX's schema, and its version.
const JUDGE: &str = "cyclonedx-python-lib[json-validation]==11.12.0";
const JUDGMENT: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
for path in sys.argv[1:]:
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(path).read())
    if fault: sys.exit(f'{path}: {fault}')
";

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn run(command: &mut Command) -> TestResult<String> {
    let output = command.current_dir(ROOT).output().map_err(|error| format!("{command:?}: {error}"))?;
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_release_with_the_real_programs_holds_what_it_says() -> TestResult {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("release-check");
    let _ = fs::remove_dir_all(&place); // of a former run
    fs::create_dir_all(&place)?;
    let key = place.join("key.pem");
    run(Command::new("openssl")
        .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"])
        .arg(&key))?;
    let made = run(Command::new("make")
        .args(["--silent", "--no-print-directory", "release-files"])
        .arg(format!("KEY={}", key.display()))
        .arg(format!("RELEASE={}", place.join("files").display())))?;
    assert!(made.lines().count() > 20, "{made}");
    let files = place.join("files");

    let (native, emulator) = match env::consts::ARCH {
        "aarch64" => ("arm64", "qemu-x86_64-static"),
        _ => ("amd64", "qemu-aarch64-static"),
    };
    for architecture in ["amd64", "arm64"] {
        for (program, archive) in [
            ("billing-operator", format!("billing-operator-{VERSION}-linux-{architecture}.tar.gz")),
            ("billing-meter", format!("billing-operator-{VERSION}-linux-{architecture}.tar.gz")),
            ("kubectl-billing", format!("kubectl-billing-linux-{architecture}.tar.gz")),
        ] {
            let unpacked = place.join(format!("{program}-{architecture}"));
            fs::create_dir(&unpacked)?;
            run(Command::new("tar").arg("-xzf").arg(files.join(archive)).arg("-C").arg(&unpacked))?;
            let program_file = unpacked.join(program);
            let mut start = match architecture == native {
                true => Command::new(program_file),
                false => {
                    let mut emulated = Command::new(emulator); // of Debian's package qemu-user-static
                    emulated.arg(program_file);
                    emulated
                }
            };
            assert_eq!(run(start.arg("--version"))?.trim(), format!("{program} {VERSION}"), "{architecture}");
        }
    }
    fits_the_schema(
        &place,
        &["billing-meter", "billing-operator", "kubectl-billing"]
            .map(|one| files.join(format!("{one}-{VERSION}.cdx.json"))),
    )
}

/// Judges bills of materials, and one that is none.
fn fits_the_schema(place: &Path, bills: &[PathBuf]) -> TestResult {
    let python = place.join("venv/bin/python");
    run(Command::new("python3").args(["-m", "venv"]).arg(place.join("venv")))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", JUDGE]))?;
    run(Command::new(&python).args(["-c", JUDGMENT]).args(bills))?;
    let broken = place.join("broken.json");
    fs::write(&broken, fs::read_to_string(&bills[0])?.replacen("\"library\"", "\"bookshop\"", 1))?;
    let judged = Command::new(&python).args(["-c", JUDGMENT]).arg(&broken).output()?;
    assert!(!judged.status.success() && said(&judged).contains("bookshop"), "{}", said(&judged));
    Ok(())
}
