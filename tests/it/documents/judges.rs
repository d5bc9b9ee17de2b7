//! The judges: veraPDF from Maven Central, in the version of `tests/tools/validators/pom.xml`; qpdf and poppler from the distribution.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::Result;

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

/// The modules that Maven brings, once, into our cache: another pom is another folder.
const POM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/validators/pom.xml");

/// What veraPDF says of each file, in one process.
pub fn verapdf(standard: &str, files: &[PathBuf]) -> Result<BTreeMap<PathBuf, bool>> {
    let jars = validators()?;
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

/// The folder with the validators and all below them.
fn validators() -> Result<PathBuf> {
    let key = Sha256::digest(fs::read(POM)?).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
    let cache = billing_test_harness::assets::cache_folder()?;
    fs::create_dir_all(&cache)?;
    let folder = cache.join(format!("validators-{key}"));
    let lock = File::create(cache.join("validators.lock"))?;
    lock.lock()?;
    if !folder.is_dir() {
        // Under another name first, so that it is there whole or not at all.
        let begun = cache.join(format!("validators-{key}.{}", std::process::id()));
        eprintln!("downloading the validators of documents (once; 19 MB) …");
        let copy = format!("-DoutputDirectory={}", begun.display());
        let maven = ["-q", "-B", "-f", POM, "dependency:copy-dependencies", &copy];
        run(Command::new("mvn").args(maven), "mvn (Maven 3.8 or newer), and once Maven Central")?;
        fs::rename(&begun, &folder)?;
    }
    Ok(folder)
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
