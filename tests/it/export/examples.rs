//! The invoices of the examples, and of cases of the preview, as the operator would write them.

use std::fs;
use std::path::{Path, PathBuf};

use billing_api::{Invoice, InvoicePhase, InvoiceSlice};
use billing_documents::export::dataset::{Dataset, check_sums};
use billing_documents::issued::IssuedInvoice;
use serde_json::Value;

use crate::Result;
use crate::support::command::run;

/// What is previewed: the manifests, and more arguments.
const EXAMPLES: [(&str, &[&str]); 7] = [
    ("examples/acme", &[]),
    ("examples/initech", &["--period", "2026-10"]),
    ("examples/currencies.yaml", &["--period", "2026-10"]),
    ("examples/prices", &["--period", "2026-10"]),
    ("examples/tax.yaml", &["--period", "2026-09"]),
    ("tests/it/preview/cases/late-usage.yaml", &["--as-of", "2026-11-15T00:00:00Z"]),
    ("tests/it/preview/cases/golden-1-two-services-of-32-hours.yaml", &[]),
];

/// Invoices with their slices.
pub struct Examples {
    invoices: Vec<Invoice>,
    slices: Vec<InvoiceSlice>,
}

impl Examples {
    /// Previews everything.
    pub fn preview() -> Result<Self> {
        let mut found = Self { invoices: Vec::new(), slices: Vec::new() };
        for (manifests, arguments) in EXAMPLES {
            let arguments = [&["preview", "-f", manifests, "-o", "json"], arguments].concat();
            let printed = run(&arguments, "")?;
            let list: Value = serde_json::from_str(&printed.stdout)
                .map_err(|error| format!("{manifests}: {error}: {}", printed.stderr))?;
            for object in list["items"].as_array().ok_or("a list")? {
                match object["kind"].as_str() {
                    Some("Invoice") => found.invoices.push(serde_json::from_value(object.clone())?),
                    Some("InvoiceSlice") => found.slices.push(serde_json::from_value(object.clone())?),
                    _ => {}
                }
            }
        }
        assert!(found.invoices.len() >= 8, "only {} invoices", found.invoices.len());
        Ok(found)
    }

    /// Does something with every invoice that has a document.
    pub fn each(&self, mut act: impl FnMut(&IssuedInvoice<'_>) -> Result) -> Result {
        for invoice in &self.invoices {
            let Some(document) = invoice.status.as_ref().and_then(|status| status.document.as_ref()) else { continue };
            let slice = |name: &str| self.slices.iter().find(|slice| slice.metadata.name.as_deref() == Some(name));
            let slices = document.slices.iter().filter_map(|listed| slice(&listed.name)).map(|slice| &slice.spec);
            let issued = IssuedInvoice::new(invoice, slices)?;
            check_sums(&issued)?;
            act(&issued)?;
        }
        Ok(())
    }

    /// How many invoices are final, and how many are not.
    pub fn count(&self) -> Result<(usize, usize)> {
        let mut count = (0, 0);
        self.each(|issued| {
            match issued.phase {
                InvoicePhase::Final => count.0 += 1,
                InvoicePhase::Estimate => count.1 += 1,
            }
            Ok(())
        })?;
        Ok(count)
    }

    /// Writes a dataset of all of them as one file.
    pub fn write(&self, dataset: Dataset, folder: &Path) -> Result<PathBuf> {
        let mut writer = dataset.writer()?;
        self.each(|issued| Ok(writer.append(issued)?))?;
        let path = folder.join(format!("{}.{}", dataset.name(), dataset.extension()));
        fs::write(&path, writer.finish()?)?;
        Ok(path)
    }
}

/// An empty folder of a test's own.
pub fn folder(name: &str) -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("export").join(name);
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&path)?,
    }
    Ok(path)
}
