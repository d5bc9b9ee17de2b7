//! Documents as PDF and as e-invoices, judged by what nobody here wrote. Of PDF: veraPDF for archives and screen readers, qpdf, and
//! poppler, which reads the text and the fonts. Each judge is shown a fault that it must find.
//!
//! The ordinary run prints a sample; `make test-documents` everything (`BILLING_DOCUMENTS=all`).

mod amounts;
mod cluster;
mod corpus;
mod einvoices;
mod generated;
mod judges;
mod reissued;

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use corpus::{Printed, corpus};
use judges::{STANDARDS, fonts_not_embedded, qpdf_objects, text_of, verapdf};

/// An empty folder of a test's own.
fn folder(name: &str) -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents").join(name);
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&path)?,
    }
    Ok(path)
}

#[test]
fn every_document_is_accepted_by_every_judge_and_says_every_amount() -> Result {
    let folder = folder("accepted")?;
    let mut files = Vec::new();
    corpus(|printed: Printed| {
        let file = folder.join(format!("{}.pdf", printed.name));
        fs::write(&file, &printed.pdf.bytes)?;
        let text = text_of(&file)?;
        let missing = amounts::missing(&printed.document, &text);
        assert!(missing.is_empty(), "{}: {missing:?} are not in\n{text}", printed.name);
        if let Some(mark) = printed.on_every_page {
            let without = text.trim_end_matches('\x0C').split('\x0C').filter(|page| !page.contains(mark)).count();
            assert_eq!(without, 0, "{}: pages without {mark}", printed.name);
        }
        for words in &printed.says {
            assert!(text.contains(words.as_str()), "{}: {words} is not in\n{text}", printed.name);
        }
        qpdf_objects(&file)?;
        assert_eq!(fonts_not_embedded(&file)?, Vec::<String>::new(), "{}", printed.name);
        files.push(file);
        Ok(())
    })?;
    assert!(files.len() >= 40, "only {} documents", files.len());
    for standard in STANDARDS {
        let refused: Vec<_> = verapdf(standard, &files)?.into_iter().filter(|(_, passes)| !passes).collect();
        assert!(refused.is_empty(), "{standard}: {refused:?}");
    }
    Ok(())
}

/// A file with some of its bytes replaced by as many others.
fn spoilt(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
    let mut bytes = bytes.to_vec();
    let at = at.unwrap_or_else(|| panic!("the file has no {from}"));
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
}

#[test]
fn every_judge_refuses_what_is_spoilt() -> Result {
    let folder = folder("spoilt")?;
    let printed = corpus::one()?;
    let bytes = &printed.pdf.bytes;
    let write = |name: &str, bytes: &[u8]| -> Result<PathBuf> {
        let file = folder.join(name);
        fs::write(&file, bytes)?;
        Ok(file)
    };
    let whole = write("whole.pdf", bytes)?;
    // Each fault with the standards that it breaks.
    let faults: [(&str, &str, &[&str]); 6] = [
        ("pdfaid:conformance>A<", "pdfaid:conformance>C<", &["3a"]),
        ("pdfaid:part>3<", "pdfaid:part>7<", &["3a"]),
        ("pdfuaid:part>1<", "pdfuaid:part>2<", &["ua1"]),
        (")/StructTreeRoot ", ")/StructTreeRoof ", &["3a", "ua1"]),
        ("/Marked true", "/Marked null", &["3a", "ua1"]),
        ("/DisplayDocTitle true", "/DisplayDocTitle null", &["ua1"]),
    ];
    let mut files = vec![whole.clone()];
    for (at, (from, to, _)) in faults.iter().enumerate() {
        files.push(write(&format!("fault-{at}.pdf"), &spoilt(bytes, from, to))?);
    }
    for standard in STANDARDS {
        let verdicts = verapdf(standard, &files)?;
        for (at, file) in files.iter().enumerate() {
            let broken = at > 0 && faults[at - 1].2.contains(&standard);
            assert_eq!(verdicts.get(file), Some(&!broken), "{standard} {}: {verdicts:?}", file.display());
        }
    }
    let cut = write("cut.pdf", &bytes[..bytes.len() / 2])?;
    assert!(qpdf_objects(&cut).is_err() && qpdf_objects(&whole).is_ok());
    let bare = write("bare.pdf", judges::WITHOUT_FONTS.as_bytes())?;
    assert_eq!(fonts_not_embedded(&bare)?, ["Helvetica"]);
    let mut document = printed.document.clone();
    document["total"] = "123456.78".into();
    assert_eq!(amounts::missing(&document, &text_of(&whole)?), ["total 123456.78"]);
    Ok(())
}

#[test]
fn the_same_document_is_the_same_file() -> Result {
    let (first, second) = (corpus::one()?, corpus::one()?);
    assert!(first.pdf.bytes == second.pdf.bytes);
    let text = String::from_utf8_lossy(&first.pdf.bytes).into_owned();
    assert!(!text.contains(&chrono::Utc::now().format("D:%Y%m%d").to_string()), "a file does not know today");
    Ok(())
}
