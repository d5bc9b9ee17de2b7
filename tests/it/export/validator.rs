//! Our bills by the rules of FOCUS: by the validator, whose model of rules is of FOCUS 1.2, and by those rules once more
//! that it cannot fail.

use std::fs;
use std::path::PathBuf;

use billing_documents::export::dataset::Dataset;
use billing_documents::export::focus::Version;
use billing_documents::export::table::Encoding;
use serde::Deserialize;

use super::examples::{Examples, folder};
use super::tools;
use crate::Result;

const VALIDATE: &str = include_str!("validate.py");
const RULES: &str = include_str!("rules.py");

/// What the validator gets wrong; docs/exports.md says why. It refuses every number of an invoice, and takes every purchase for
/// one that covers charges to come.
const ITS_OWN: [&str; 2] = ["EffectiveCost-C-005-C", "InvoiceId-C-004-C"];

/// What the validator says of faults that are put in: a currency that is none, and purchases by usage.
const FAULTS: [&str; 2] = ["BillingCurrency-C-003-M", "ChargeFrequency-C-004-C"];

/// What the validator found in a file.
#[derive(Debug, Deserialize)]
struct Verdict {
    failed: Vec<String>,
    judged: usize,
}

/// What the other rules found.
#[derive(Debug, Deserialize)]
struct Judgement {
    rules: usize,
    broken: Vec<String>,
    unnoticed: Vec<String>,
}

/// A row with those faults that it can have.
fn spoil(row: &str) -> String {
    let row = row.replace(",EUR,", ",EURO,");
    match row.contains(",Purchase,,") {
        true => row.replace(",One-Time,", ",Usage-Based,"),
        false => row,
    }
}

#[test]
fn the_validator_finds_no_fault_with_any_example_and_finds_those_that_are_put_in() -> Result {
    let folder = folder("validator")?;
    let examples = Examples::preview()?;
    let usage = |encoding| examples.write(Dataset::CostAndUsage(Version::V1_2, encoding), &folder);
    let mut paths = vec![usage(Encoding::Csv)?, usage(Encoding::Parquet)?];
    let table = fs::read_to_string(&paths[0])?;
    for category in ["Usage", "Purchase", "Tax", "Credit", "Adjustment"] {
        assert!(table.contains(&format!(",{category},")), "no example has a {category}");
    }
    assert!(table.contains(",Correction,"), "no example has a correction");
    assert!(table.contains("-cn"), "no example has a credit note");
    let spoilt: Vec<_> = table.lines().map(spoil).collect();
    paths.push(folder.join("spoilt.csv"));
    fs::write(&paths[2], spoilt.join("\r\n"))?;

    let verdicts: Vec<Verdict> = tools::run(VALIDATE, &paths.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    for verdict in &verdicts[..2] {
        assert_eq!(verdict.failed, ITS_OWN, "{verdict:?}");
        assert!(verdict.judged > 250, "{verdict:?}");
    }
    for rule in FAULTS {
        assert!(verdicts[2].failed.iter().any(|failed| failed == rule), "{rule}: {:?}", verdicts[2]);
    }
    Ok(())
}

#[test]
fn rules_that_the_validator_cannot_fail_hold_too_and_each_notices_its_fault() -> Result {
    let folder = folder("rules")?;
    let examples = Examples::preview()?;
    let usage = examples.write(Dataset::CostAndUsage(Version::V1_4, Encoding::Parquet), &folder)?;
    let detail = examples.write(Dataset::InvoiceDetail(Encoding::Parquet), &folder)?;
    let Judgement { rules, broken, unnoticed } = tools::run(RULES, &[&usage, &detail])?;
    assert_eq!((broken, unnoticed), (Vec::<String>::new(), Vec::new()));
    assert!(rules > 20, "{rules} rules");
    Ok(())
}
