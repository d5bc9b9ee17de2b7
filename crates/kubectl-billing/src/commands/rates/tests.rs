//! Samples in the formats that the European Central Bank publishes, with rates of our own.

use clap::Parser;

use super::{RatesArguments, run};

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender>
		<gesmes:name>European Central Bank</gesmes:name>
	</gesmes:Sender>
	<Cube>
		<Cube time="2026-01-02">
			<Cube currency="USD" rate="1.0850"/>
			<Cube currency="JPY" rate="164.87"/></Cube>
		<Cube time="2025-12-31">
			<Cube currency="USD" rate="1.0812"/>
			<Cube currency="BGN" rate="1.9558"/>
			<Cube currency="IDR" rate="16820.88"/></Cube>
	</Cube>
</gesmes:Envelope>
"#;

const CSV: &str = "Date,USD,JPY,HRK,RUB,\n2026-01-02,1.0850,164.87,N/A,N/A,\n2025-12-31,1.0812,165.01,7.5345,N/A,\n";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    rates: RatesArguments,
}

/// What is printed, and what is said of it; or the error.
fn import(text: &str, arguments: &[&str]) -> Result<(String, String), String> {
    let line = ["rates", "import", "-"].iter().chain(arguments);
    let Line { rates } = Line::try_parse_from(line).map_err(|error| error.to_string())?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    run(&rates, &mut text.as_bytes(), &mut stdout, &mut stderr).map_err(|error| error.to_string())?;
    Ok((String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap()))
}

fn error(text: &str, arguments: &[&str]) -> String {
    import(text, arguments).unwrap_err()
}

#[test]
fn a_manifest_for_every_year_of_the_xml() {
    let (manifests, left_out) = import(XML, &[]).unwrap();
    assert_eq!(
        manifests,
        r#"apiVersion: billing-operator.io/v1alpha1
kind: ExchangeRates
metadata:
  name: ecb-2025
spec:
  source: ecb
  year: 2025
  base: EUR
  quotes:
  - date: "2025-12-31"
    rates:
      IDR: "16820.88"
      USD: "1.0812"
---
apiVersion: billing-operator.io/v1alpha1
kind: ExchangeRates
metadata:
  name: ecb-2026
spec:
  source: ecb
  year: 2026
  base: EUR
  quotes:
  - date: "2026-01-02"
    rates:
      JPY: "164.87"
      USD: "1.0850"
"#
    );
    assert_eq!(left_out, "left out: 1 quote of BGN: withdrawn; its successor is EUR\n");
}

#[test]
fn the_csv_says_the_same() {
    let (manifests, left_out) = import(CSV, &["-o", "json"]).unwrap();
    let list: serde_json::Value = serde_json::from_str(&manifests).unwrap();
    let quotes = |year: usize| &list["items"][year]["spec"]["quotes"][0]["rates"];
    assert_eq!(*quotes(0), serde_json::json!({ "USD": "1.0812", "JPY": "165.01" }));
    assert_eq!(*quotes(1), serde_json::json!({ "USD": "1.0850", "JPY": "164.87" }));
    assert_eq!(
        left_out,
        "left out: 1 quote of HRK: not available (N/A)\nleft out: 1 quote of HRK: withdrawn; its successor is EUR\n\
         left out: 2 quotes of RUB: not available (N/A)\n"
    );
}

#[test]
fn a_year_a_day_and_another_name_can_be_asked_for() {
    for arguments in [["--year", "2026"], ["--since", "2026-01-01"]] {
        let (manifests, left_out) = import(XML, &arguments).unwrap();
        assert_eq!((manifests.matches("kind:").count(), left_out.as_str()), (1, ""), "{arguments:?}");
        assert!(manifests.contains("name: ecb-2026"), "{manifests}");
    }
    assert!(import(CSV, &["--source", "central-bank"]).unwrap().0.contains("name: central-bank-2025"));
    assert!(error(CSV, &["--source", "Bank"]).contains("a DNS label"));
    let nothing = error(XML, &["--year", "2024", "--since", "2024-06-01"]);
    assert_eq!(nothing, "standard input has no rates of 2024 since 2024-06-01; check --year and --since");
}

#[test]
fn what_cannot_be_read_is_named_by_its_line() {
    let broken = |from: &str, to: &str| error(&XML.replace(from, to), &[]);
    assert_eq!(
        broken("rate=\"164.87\"", "rate=\"many\""),
        "standard input, line 10: \"many\" is not a rate of JPY: use a positive number with up to 12 decimals"
    );
    assert!(broken("rate=\"164.87\"", "rate=\"0\"").contains("line 10: \"0\" is not a rate of JPY"));
    assert!(broken("rate=\"164.87\"", "").contains("line 10: a Cube must have a currency and a rate"));
    assert!(broken("time=\"2025-12-31\"", "time=\"31.12.2025\"").contains("line 11: \"31.12.2025\" is not a date"));
    assert!(broken("<Cube time=\"2026-01-02\">", "<Cube>").contains("line 9: a rate is not inside a Cube with a time"));
    assert!(broken("</gesmes:Sender>", "</Sender>").contains("line 6: the file is not valid XML"));
    assert_eq!(
        error("a,b\n", &[]),
        "standard input, line 1: the file begins with \"a\" instead of Date; use eurofxref-hist.csv or an XML file"
    );
    assert!(
        error(&CSV.replace(",165.01", ""), &[])
            .contains("line 3: 5 columns under a header of 6; is the file complete?")
    );
    assert!(error(&CSV.replace("1.0812", "-1"), &[]).contains("line 3: \"-1\" is not a rate of USD"));
    assert!(error("PK\u{3}\u{4}", &[]).contains("zip archive"));
    assert!(error("", &[]).contains("has no rates of currencies that are in use"));
}
