//! The queries of docs/exports.md, run by DuckDB on a folder with the examples.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use billing_documents::export::Format;

use super::examples::{Examples, folder};
use super::tools;
use crate::Result;

/// Runs every query beside the folder `lake`, and prints how many rows each has.
const QUERY: &str = r"
import duckdb, json, os, sys
os.chdir(sys.argv[1])
connection = duckdb.connect()
print(json.dumps([len(connection.execute(open(path).read()).fetchall()) for path in sys.argv[2:]]))
";

#[test]
fn every_query_of_the_documentation_runs_and_the_one_that_looks_for_losses_finds_none() -> Result {
    let folder = folder("docs")?;
    let mut numbers = BTreeSet::new();
    Examples::preview()?.each(|document| {
        // One cluster has no number twice; the examples are of several.
        if !numbers.insert(document.number.to_owned()) {
            return Ok(());
        }
        for dataset in Format::Parquet.datasets() {
            let digest = document.is_final().then_some(document.digest);
            let path = folder.join("lake").join(dataset.path(document.month, document.number, digest));
            fs::create_dir_all(path.parent().ok_or("a folder")?)?;
            fs::write(path, dataset.render(document)?.0)?;
        }
        Ok(())
    })?;
    let page = fs::read_to_string("docs/exports.md")?;
    let queries: Vec<_> = page.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(queries.len(), 5);
    let mut arguments = vec![folder.clone()];
    for (number, query) in queries.iter().enumerate() {
        arguments.push(folder.join(format!("{number}.sql")));
        fs::write(&arguments[number + 1], query)?;
    }
    let rows: Vec<usize> = tools::run(QUERY, &arguments.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    // By month and currency, by project, what is lost, the views, and the panel.
    assert!(rows[0] > 2 && rows[1] > 5 && rows[4] > 2, "{rows:?}");
    assert_eq!(rows[2], 0, "an invoice does not add up");
    Ok(())
}
