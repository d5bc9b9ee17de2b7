//! A month that is final, and then turns out to be another: what the next invoice says, by way of documents.

use kubectl_billing::ExitStatus;
use serde_json::Value;

use super::{Run, run};
use crate::Result;

/// An organization with the projects a and b, whose services cost 1.00 EUR an hour, and who is billed from October on.
fn organization(issuer: &str, group: &str) -> String {
    let namespace = |name: &str| {
        format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{billing-operator.io/organization: acme}}}}}}\n---\n"
        )
    };
    let kind = |kind: &str, metadata: &str, spec: &str| {
        format!(
            "{{apiVersion: billing-operator.io/v1alpha1, kind: {kind}, metadata: {{{metadata}}}, spec: {{{spec}}}}}\n---\n"
        )
    };
    let price = r#"currency: EUR, entries: [{name: p, type: VM, unit: Hour, unitPrice: "1", validFrom: "2020-01-01T00:00:00Z"}]"#;
    [
        namespace("acme"),
        namespace("acme-a"),
        namespace("acme-b"),
        kind("InvoiceIssuer", "name: default", &format!("legalName: Example Oy, grace: 1m, {issuer}")),
        kind("PriceList", "name: default", price),
        kind("BillingGroup", "name: main, namespace: acme", &format!("primary: true, currency: EUR, {group}")),
    ]
    .concat()
}

/// A record of so many hours from the first of a month on.
fn record(name: &str, project: &str, day: &str, hours: u32, more: &str) -> String {
    let (days, rest) = (hours / 24, hours % 24);
    let first: u32 = day[8..].parse().unwrap_or(1);
    let end = format!("{}-{:02}T{rest:02}:00:00Z", &day[..7], first + days);
    format!(
        "{{apiVersion: billing-operator.io/v1alpha1, kind: UsageRecord, metadata: {{name: {name}, namespace: acme}}, spec: {{project: acme-{project}, service: {{name: {name}, type: VM}}, start: \"{day}T00:00:00Z\", end: \"{end}\"{more}}}}}\n---\n"
    )
}

fn terms(more: &str) -> String {
    format!("terms: {{invoiceSeries: main, firstPeriod: 2026-10, {more}}}")
}

fn previewed(period: &str, manifests: &str) -> Result<Value> {
    let arguments = ["preview", "-f", "-", "--as-of", "2026-12-02T00:00:00Z", "--period", period, "-o", "json"];
    let Run { ended, stdout, stderr } = run(&arguments, manifests)?;
    if ended == ExitStatus::Ok { Ok(serde_json::from_str(&stdout)?) } else { Err(stderr.into()) }
}

/// The document of November, once October is final and knows `known`, and `later` comes in.
fn november(before: &str, known: &str, later: &str, changed: Option<&str>) -> Result<Value> {
    let mut october = previewed("2026-10", &format!("{before}{known}"))?;
    // With a UID it comes from a cluster, and stays as it is.
    october["items"][0]["metadata"]["uid"] = "00000000-0000-4000-8000-000000000001".into();
    let after = changed.unwrap_or(before);
    let november = previewed("2026-11", &format!("{after}{known}{later}{october}"))?;
    let document = november["items"][0]["status"]["document"].clone();
    let digests = (&october["items"][0]["status"]["document"]["digest"], &document["previousDigest"]);
    assert_eq!(digests.0, digests.1);
    Ok(document)
}

/// Checks what November comes to, with tax, and what its lines of parts say.
#[track_caller]
fn check(document: &Value, total: &str, parts: &[&str]) {
    let lines = document["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shown = |line: &Value| {
        let adjusts = &line["adjusts"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        adjusts["type"].as_str().map(|kind| format!("{kind} {} {}", text(&adjusts["part"]), text(&line["total"])))
    };
    let found: Vec<String> = lines.iter().filter_map(shown).collect();
    assert_eq!(
        (document["total"].as_str(), found),
        (Some(total), parts.iter().map(|part| (*part).to_owned()).collect())
    );
}

#[test]
fn the_commitment_and_percentages_of_a_closed_month_follow_late_usage() -> Result {
    let (known, late) = (record("u1", "a", "2026-10-01", 200, ""), record("u2", "a", "2026-10-10", 100, ""));
    let plan = "commitment: {name: Plan, amount: {amount: \"300\", currency: EUR}, lastPeriod: 2026-10}";
    let document = november(&organization("", &terms(plan)), &known, &late, None)?;
    check(&document, "0.00", &["CommitmentFee Plan -100.00"]);
    let support = "charges: [{name: Support, type: SupportCharge, percent: \"10\", lastPeriod: 2026-10}]";
    let document = november(&organization("", &terms(support)), &known, &late, None)?;
    check(&document, "110.00", &["SupportCharge Support 10.00"]);
    assert_eq!(document["adjustedInvoices"][0]["number"], "main-1");
    Ok(())
}

/// A term whose last month is October: what counts of October is by its document, and its fee is settled again.
#[test]
fn late_usage_lowers_what_was_missing_to_a_term() -> Result {
    let plan = "commitment: {name: Plan, amount: {amount: \"300\", currency: EUR}, settlement: Term, firstPeriod: 2026-09, lastPeriod: 2026-10}";
    let group = format!("terms: {{invoiceSeries: main, firstPeriod: 2026-09, {plan}}}");
    let before = organization("", &group);
    let known = [record("u0", "a", "2026-09-01", 100, ""), record("u1", "a", "2026-10-01", 120, "")].concat();
    let late = record("u2", "a", "2026-09-10", 50, "");
    let mut september = previewed("2026-09", &format!("{before}{known}"))?;
    september["items"][0]["metadata"]["uid"] = "00000000-0000-4000-8000-000000000001".into();
    let mut october = previewed("2026-10", &format!("{before}{known}{september}"))?;
    let document = &october["items"][0]["status"]["document"];
    assert_eq!(
        (&document["commitment"]["spent"], &document["commitment"]["left"]),
        (&"220.00".into(), &"80.00".into())
    );
    assert_eq!(
        (&document["total"], &document["terms"]["commitment"]["settlement"]),
        (&"200.00".into(), &"Term".into())
    );
    october["items"][0]["metadata"]["uid"] = "00000000-0000-4000-8000-000000000002".into();
    // The two documents, one after the other: a list in a list is none.
    let finals = format!("{september}\n---\n{october}");
    let november = previewed("2026-11", &format!("{before}{known}{late}{finals}"))?;
    check(&november["items"][0]["status"]["document"], "0.00", &["CommitmentFee Plan -50.00"]);
    Ok(())
}

#[test]
fn what_is_below_the_minimum_charge_stays_so() -> Result {
    let group = terms("");
    let before = organization("minimumCharge: [{amount: \"5\", currency: EUR}]", &group);
    let later = [record("less", "a", "2026-10-01", 1, ", replaces: u1"), record("b1", "b", "2026-11-01", 20, "")];
    let document = november(&before, &record("u1", "a", "2026-10-01", 4, ""), &later.concat(), None)?;
    check(&document, "20.00", &["Rounding minimumCharge 3.00"]);
    Ok(())
}

#[test]
fn a_closed_month_keeps_its_rate_of_tax_and_a_refund_has_the_tax_that_was_charged() -> Result {
    let rates = "taxRules: [{name: old, category: S, rate: \"22\", lastPeriod: 2026-10}, {name: new, category: S, rate: \"24\", firstPeriod: 2026-11}]";
    let later = [
        record("less", "a", "2026-10-01", 50, ", replaces: u1"),
        record("vm2", "a", "2026-10-10", 100, ""),
        record("vm", "a", "2026-11-01", 100, ""),
    ];
    let known = record("u1", "a", "2026-10-01", 100, "");
    let document = november(&organization(rates, &terms("")), &known, &later.concat(), None)?;
    check(&document, "185.00", &[]);
    assert_eq!(document["taxes"].as_array().map(Vec::len), Some(2));
    assert_eq!(document["lines"][0]["tax"]["rate"], "24");

    let rules = "address: {countryCode: FI}, reverseChargeRequires: Format, taxRules: [{name: EU, countries: [EU], buyer: Business, category: AE, reason: Reverse charge}, {name: all, category: S, rate: \"25.5\"}]";
    let (consumer, business) =
        (terms(""), format!("{}, billingAddress: {{countryCode: DE}}, vatId: DE136695976", terms("")));
    let later = [record("less", "a", "2026-10-01", 50, ", replaces: u1"), record("vm", "a", "2026-11-01", 100, "")];
    let (before, after) = (organization(rules, &consumer), organization(rules, &business));
    let document = november(&before, &known, &later.concat(), Some(&after))?;
    check(&document, "37.25", &[]);
    Ok(())
}

/// What a source quoted, a day and a price of the dollar each.
fn quotes(of: &[(&str, &str)]) -> String {
    let quotes: Vec<_> =
        of.iter().map(|(day, dollars)| format!("{{date: \"{day}\", rates: {{USD: \"{dollars}\"}}}}")).collect();
    format!(
        "{{apiVersion: billing-operator.io/v1alpha1, kind: ExchangeRates, metadata: {{name: ecb-2026}}, spec: {{source: ecb, year: 2026, base: EUR, quotes: [{}]}}}}\n---\n",
        quotes.join(", ")
    )
}

#[test]
fn late_usage_is_converted_at_the_rate_that_its_month_recorded() -> Result {
    let organization = organization("exchangeRates: ecb", &terms(""))
        .replace("primary: true, currency: EUR", "primary: true, currency: USD");
    let before = [organization.as_str(), &quotes(&[("2026-10-30", "1.25")])].concat();
    // The last day of October was quoted after its final.
    let since = quotes(&[("2026-10-30", "1.25"), ("2026-10-31", "2"), ("2026-11-30", "1.5")]);
    let after = [organization, since].concat();
    let later = [record("u2", "a", "2026-10-10", 100, ""), record("u3", "a", "2026-11-01", 100, "")];
    let document = november(&before, &record("u1", "a", "2026-10-01", 200, ""), &later.concat(), Some(&after))?;
    check(&document, "275.00", &[]);
    let of_late = document["lines"].as_array().into_iter().flatten().find(|line| line["adjusts"].is_object());
    assert_eq!(
        of_late.map(|line| (&line["total"], &line["exchangeRate"]["toQuote"])),
        Some((&"125.00".into(), &"1.25".into()))
    );
    Ok(())
}
