//! What the documentation shows is what there is.

use serde_json::json;

use super::{bill, einvoice};
use crate::Profile;

const PAGE: &str = include_str!("../../../../docs/e-invoices.md");

/// The blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    PAGE.split(&begin).skip(1).filter_map(|rest| Some(rest.split("```").next()?.to_owned())).collect()
}

#[test]
fn the_xml_of_the_page_is_written_so() {
    let frozen: Vec<&str> = include_str!("v1/invoice.ubl.xml").lines().map(str::trim).collect();
    let blocks = blocks("xml");
    assert_eq!(blocks.len(), 1);
    for block in blocks {
        let lines: Vec<&str> = block.lines().map(str::trim).collect();
        assert!(frozen.windows(lines.len()).any(|window| window == lines), "nothing is written as\n{block}");
    }
}

#[test]
fn the_refusals_of_the_page_are_said_so() {
    let lacking = |party: &'static str, fields: &'static [&'static str]| {
        einvoice(|document| fields.iter().for_each(|field| drop(document[party][*field].take())), Profile::Peppol)
    };
    let no_lines = |document: &mut serde_json::Value| bill(document, json!([]), "0.00", "0.00", "0.00");
    let dinars = |document: &mut serde_json::Value| {
        document["currency"] = "KWD".into();
        bill(document, json!([]), "1.000", "0.255", "1.255");
    };
    let refusals = [
        lacking("seller", &["electronicAddress"]),
        lacking("buyer", &["buyerReference", "purchaseOrder"]),
        einvoice(dinars, Profile::En16931),
        einvoice(|document| document["asOf"] = "2026-10-15T00:00:00Z".into(), Profile::En16931),
        einvoice(no_lines, Profile::En16931),
    ];
    let said: Vec<_> = refusals.into_iter().map(|refused| refused.expect_err("has none").to_string()).collect();
    let blocks = blocks("text");
    let shown: Vec<&str> = blocks[0].lines().collect();
    assert_eq!(said, shown);
}
