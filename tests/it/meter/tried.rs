//! `kubectl billing meter test` of metrics, with a Prometheus: what would be recorded, and what it costs.

use std::fmt::Write;

use billing_test_harness::prometheus::Server;
use chrono::{DateTime, Utc};
use kubectl_billing::ExitStatus;

use crate::{
    Result,
    support::command::{Run, run},
};

/// A series that rises by so much a second, from a time to another.
pub struct Rising {
    /// Its name and labels.
    pub series: &'static str,
    /// How much a second.
    pub rate: i64,
    /// Since when it counts, as a pod that starts.
    pub from: &'static str,
    /// When the last sample is taken.
    pub until: &'static str,
}

/// A Prometheus that took a sample of each of them every minute. A metric's series follow each other.
pub fn prometheus(all: &[Rising]) -> Result<Server> {
    let mut samples = String::new();
    for Rising { series, rate, from, until } in all {
        let [from, until] = [from, until].map(|at| at.parse::<DateTime<Utc>>().map(|at| at.timestamp()));
        let (from, until) = (from?, until?);
        for at in (from + 60..=until).step_by(60) {
            writeln!(samples, "{series} {} {at}", (at - from) * rate)?;
        }
    }
    Ok(Server::prometheus("{}", &[], &(samples + "# EOF\n"))?)
}

const MANIFESTS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: acme, labels: {billing-operator.io/organization: acme}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {billing-operator.io/organization: acme}}
---
apiVersion: billing-operator.io/v1alpha1
kind: MetricsServer
metadata: {name: main}
spec: {url: "http://prometheus.monitoring.svc:9090"}
---
apiVersion: billing-operator.io/v1alpha1
kind: Meter
metadata: {name: requests}
spec:
  metrics: {server: main, selector: requests_total, as: Increase, project: {label: namespace}}
  service: {name: "'ingress'", type: "'Requests'"}
"#;

/// Requests cost ten times as much from the first noon of November on.
const PRICES: &str = r#"
---
apiVersion: billing-operator.io/v1alpha1
kind: PriceList
metadata: {name: default}
spec:
  currency: USD
  entries:
  - {name: before, type: Requests, unit: Unit, unitPrice: "0.01", validFrom: "2020-01-01T00:00:00Z", validUntil: "2026-11-01T12:00:00Z"}
  - {name: after, type: Requests, unit: Unit, unitPrice: "0.10", validFrom: "2026-11-01T12:00:00Z"}
"#;

fn meter_test(manifests: &str, url: &str, more: &[&str]) -> Result<Run> {
    let arguments = [&["meter", "test", "-f", "-", "--server-url", url], more].concat();
    run(&arguments, manifests)
}

/// Twelve hours before a month's end and eighteen after it, of one request a second.
fn over_the_end_of_october() -> Result<Server> {
    let requests = Rising {
        series: r#"requests_total{namespace="shop"}"#,
        rate: 1,
        from: "2026-10-31T06:00:00Z",
        until: "2026-11-01T18:00:00Z",
    };
    prometheus(&[requests])
}

#[test]
fn what_was_counted_costs_what_it_did_then_month_by_month() -> Result {
    let server = over_the_end_of_october()?;
    // From 12:00 on 31 October, of which all is there, and then nothing for 20 days.
    let run = meter_test(&format!("{MANIFESTS}{PRICES}"), &server.url(), &["--since", "504h"])?;
    // Until noon 43200 at 0.01, then 21600 at 0.10.
    let expected = "\
METER      PROJECT   SERVICE   TYPE       START                  READ AT                COUNTED          COST
requests   shop      ingress   Requests   2026-10-31T12:00:00Z   2026-11-01T00:00:00Z     43200    432.00 USD
requests   shop      ingress   Requests   2026-11-01T00:00:00Z   2026-11-01T18:00:00Z     64800   2592.00 USD
";
    assert_eq!(run.stdout, expected, "{}", run.stderr);
    let gap = "Meter requests: Gap: from 2026-11-01T18:00:00Z to 2026-11-02T00:00:00Z the server main has samples for 0.55 % of the time, \
               and 95.00 % are asked for: they are waited for until 2026-11-02T12:00:00Z, and then what is known is recorded. See whether \
               it scrapes, and whether spec.metrics.selector selects something (and 77 windows more)\n";
    assert_eq!(run.stderr, gap);
    assert_eq!(run.ended, ExitStatus::Refused);
    Ok(())
}

#[test]
fn without_prices_nothing_is_said_of_costs_and_a_shorter_time_counts_less() -> Result {
    let until_now = Rising {
        series: r#"requests_total{namespace="shop"}"#,
        rate: 3,
        from: "2026-11-20T00:00:00Z",
        until: "2026-11-21T12:00:00Z",
    };
    let server = prometheus(&[until_now])?;
    let header =
        "METER      PROJECT   SERVICE   TYPE       START                  READ AT                COUNTED   COST\n";
    // The window from 06:00 to 12:00 is looked at 15 minutes later.
    for (since, row) in [
        ("12h", "requests   shop      ingress   Requests   2026-11-21T00:00:00Z   2026-11-21T06:00:00Z     64800\n"),
        ("18h", "requests   shop      ingress   Requests   2026-11-20T18:00:00Z   2026-11-21T06:00:00Z    129600\n"),
    ] {
        let run = meter_test(MANIFESTS, &server.url(), &["--since", since])?;
        assert_eq!((run.stdout, run.stderr.as_str()), (format!("{header}{row}"), ""));
    }
    let run = meter_test(MANIFESTS, &server.url(), &["--since", "6h"])?;
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", "nothing would be recorded\n"));
    Ok(())
}

#[test]
fn a_server_that_does_not_answer_is_told_and_nothing_is_printed() -> Result {
    let nobody = format!("http://127.0.0.1:{}", billing_test_harness::free_port()?);
    let run = meter_test(MANIFESTS, &nobody, &[])?;
    assert_eq!((run.ended, run.stdout.as_str()), (ExitStatus::Failed, ""));
    assert!(run.stderr.starts_with("error: MetricsServer main: "), "{}", run.stderr);
    Ok(())
}
