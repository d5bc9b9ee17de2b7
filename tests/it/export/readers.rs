//! What DuckDB and pyarrow read of exports.

use std::collections::BTreeMap;

use billing_documents::export::cell::Fixed;
use billing_documents::export::dataset::Dataset;
use billing_documents::export::focus::Version;
use billing_documents::export::table::Encoding;
use serde::Deserialize;

use super::examples::{Examples, folder};
use super::tools;
use crate::Result;

const SCRIPT: &str = include_str!("read.py");

/// What a reader found.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Found {
    rows: u64,
    sum: String,
    types: BTreeMap<String, String>,
}

/// The sum of the totals of all examples, whatever their currency.
fn total(examples: &Examples) -> Result<Fixed> {
    let mut sum = Fixed::default();
    examples.each(|document| {
        let total = Fixed::parse(document.total).ok_or("a total")?;
        sum = sum.checked_add(total).ok_or("a sum")?;
        Ok(())
    })?;
    Ok(sum)
}

#[test]
fn duckdb_and_pyarrow_find_the_same_total_to_the_last_digit_in_every_table() -> Result {
    let folder = folder("readers")?;
    let examples = Examples::preview()?;
    let mut datasets = Vec::new();
    for encoding in [Encoding::Csv, Encoding::Parquet] {
        datasets.extend([
            Dataset::Lines(encoding),
            Dataset::Invoices(encoding),
            Dataset::CostAndUsage(Version::V1_2, encoding),
            Dataset::InvoiceDetail(encoding),
        ]);
    }
    let paths: Vec<_> = datasets.iter().map(|dataset| examples.write(*dataset, &folder)).collect::<Result<_>>()?;
    let paths: Vec<_> = paths.iter().map(AsRef::as_ref).collect();
    let found: Vec<Vec<Found>> = tools::run(SCRIPT, &paths)?;
    assert_eq!(found.len(), datasets.len());
    let total = total(&examples)?;
    assert!(total > Fixed::default(), "there is something to add up");
    for (dataset, readers) in datasets.iter().zip(&found) {
        for reader in readers {
            assert_eq!(Fixed::parse(&reader.sum), Some(total), "{dataset:?}: {reader:?}");
            if let Dataset::Invoices(_) = dataset {
                assert_eq!(reader.rows, examples.count()?);
            }
        }
    }
    check_types(&found[4..])
}

/// Amounts are decimals, and instants know that they are in UTC, for both readers.
fn check_types(found: &[Vec<Found>]) -> Result {
    let [lines, _, usage, _] = found else { return Err("four tables as Parquet".into()) };
    for (table, amount, instant) in [(lines, "total", "start"), (usage, "BilledCost", "ChargePeriodStart")] {
        let [duckdb, pyarrow] = table.as_slice() else { return Err("two readers".into()) };
        assert_eq!((&*duckdb.types[amount], &*duckdb.types[instant]), ("DECIMAL(38,12)", "TIMESTAMP WITH TIME ZONE"));
        assert_eq!(
            (&*pyarrow.types[amount], &*pyarrow.types[instant]),
            ("decimal128(38, 12)", "timestamp[us, tz=UTC]")
        );
        assert_eq!(duckdb.types.keys().collect::<Vec<_>>(), pyarrow.types.keys().collect::<Vec<_>>());
    }
    Ok(())
}
