//! What a server of metrics answered.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::sums::{Exact, Sample, Scraped};

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is not what the API answers: another program, or an answer that broke off.
    #[error("it is no answer of a Prometheus API: {0}")]
    Unreadable(String),
    /// The server says that it cannot answer.
    #[error("the server answers {kind}: {message}")]
    Refused {
        /// What kind of error the server calls it.
        kind: String,
        /// What it says.
        message: String,
    },
    /// The server answers, and says that something is missing.
    #[error("the answer is not complete: {0}")]
    Incomplete(String),
    /// There are more series than may be.
    #[error("{found} series are selected, and maxSeries of the MetricsServer allows {allowed}")]
    TooManySeries {
        /// How many there are.
        found: usize,
        /// How many there may be.
        allowed: usize,
    },
    /// A sample is not a number that can be counted.
    #[error("a sample of {series} is {value:?}, which cannot be counted")]
    Value {
        /// The labels.
        series: String,
        /// What it says.
        value: String,
    },
    /// A series has samples of another kind.
    #[error("{series} is a native histogram: select its count or sum by a name of its own")]
    Histogram {
        /// The labels.
        series: String,
    },
}

/// How many characters of what a server says are told.
const MAX_SAID: usize = 300;

/// What the API answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    status: Option<String>,
    error_type: Option<String>,
    error: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    is_partial: bool,
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    result_type: Option<String>,
    #[serde(default)]
    is_partial: bool,
    #[serde(borrow)]
    result: Option<Vec<Found<'a>>>,
}

/// A series. Its values are texts in the body, and stay so until they are decimals.
#[derive(Deserialize)]
struct Found<'a> {
    metric: BTreeMap<String, String>,
    #[serde(borrow, default)]
    values: Vec<(f64, &'a str)>,
    #[serde(borrow)]
    value: Option<(f64, &'a str)>,
    histograms: Option<IgnoredAny>,
    histogram: Option<IgnoredAny>,
}

/// Reads the answer to a query: series with their samples.
///
/// # Errors
/// It is none, or not complete.
pub fn decode(body: &[u8], max_series: usize) -> Result<Vec<Scraped>, AnswerError> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))?;
    let Some(status) = answer.status else { return Err(unreadable("it has no status")) };
    if status != "success" {
        let kind = said(&answer.error_type.unwrap_or(status));
        return Err(AnswerError::Refused { kind, message: said(&answer.error.unwrap_or_default()) });
    }
    if let Some(first) = answer.warnings.first() {
        return Err(AnswerError::Incomplete(format!("the server warns: {}", said(first))));
    }
    let data = answer.data.ok_or_else(|| unreadable("it has no data"))?;
    if answer.is_partial || data.is_partial {
        return Err(AnswerError::Incomplete("the server says that it is a part".to_owned()));
    }
    if !matches!(data.result_type.as_deref(), Some("matrix" | "vector")) {
        return Err(unreadable("its data.resultType is neither matrix nor vector"));
    }
    let found = data.result.ok_or_else(|| unreadable("it has no data.result"))?;
    if found.len() > max_series {
        return Err(AnswerError::TooManySeries { found: found.len(), allowed: max_series });
    }
    found.into_iter().map(series).collect()
}

fn series(found: Found<'_>) -> Result<Scraped, AnswerError> {
    let Found { metric: labels, values, value, histograms, histogram } = found;
    if histograms.is_some() || histogram.is_some() {
        return Err(AnswerError::Histogram { series: named(&labels) });
    }
    let pairs = values.into_iter().chain(value);
    let samples = pairs.filter_map(|(at, value)| sample(at, value, &labels).transpose()).collect::<Result<_, _>>()?;
    Ok(Scraped { labels, samples })
}

/// A sample; none for one that says that there is no number.
fn sample(at: f64, value: &str, labels: &BTreeMap<String, String>) -> Result<Option<Sample>, AnswerError> {
    if ["NaN", "+Inf", "-Inf", "Inf"].contains(&value) {
        return Ok(None);
    }
    // A time has milliseconds, and a double holds them exactly. The value stays text.
    let at = (at * 1000.0).round() as i64;
    let value = Exact::parse(value).ok_or_else(|| AnswerError::Value { series: named(labels), value: said(value) })?;
    Ok(Some(Sample { at, value }))
}

/// A series as it is written.
fn named(labels: &BTreeMap<String, String>) -> String {
    let name = labels.get("__name__").cloned().unwrap_or_default();
    let others = labels.iter().filter(|(label, _)| *label != "__name__");
    let others: Vec<_> = others.map(|(label, value)| format!("{label}={value:?}")).collect();
    said(&format!("{name}{{{}}}", others.join(",")))
}

fn unreadable(why: &str) -> AnswerError {
    AnswerError::Unreadable(said(why))
}

/// What a server says, as far as it is told: in one line.
pub(super) fn said(text: &str) -> String {
    text.chars().take(MAX_SAID).map(|c| if billing_api::text::is_hidden(c) || c == '\n' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn matrix(metric: Json, values: Json) -> Json {
        json!({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": metric, "values": values}]}})
    }

    fn read(answer: &Json) -> Result<Vec<Scraped>, AnswerError> {
        decode(answer.to_string().as_bytes(), 2)
    }

    #[test]
    fn samples_have_their_own_times_and_the_digits_that_were_written() {
        let answer = matrix(
            json!({"__name__": "up", "job": "a"}),
            json!([
                [1792540800, "1"],
                [1792540860.123, "0.30000000000000004"],
                [1792540920, "NaN"],
                [1792540980, "+Inf"]
            ]),
        );
        let series = read(&answer).unwrap();
        let sample = |at, value: &str| Sample { at, value: Exact::parse(value).unwrap() };
        let expected = [sample(1_792_540_800_000, "1"), sample(1_792_540_860_123, "0.30000000000000004")];
        assert_eq!((series.len(), series[0].labels["job"].as_str()), (1, "a"));
        assert_eq!(series[0].samples, expected);
        let vector = json!({"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {"job": "a"}, "value": [1, "7"]}]}});
        assert_eq!(read(&vector).unwrap()[0].samples, [sample(1000, "7")]);
    }

    #[track_caller]
    fn check_refused(answer: &Json, words: &str) {
        let error = read(answer).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn what_is_incomplete_is_no_answer() {
        let whole = matrix(json!({"job": "a"}), json!([[1, "1"]]));
        assert!(read(&whole).is_ok());
        let with = |key: &str, value: Json| {
            let mut changed = whole.clone();
            changed[key] = value;
            changed
        };
        assert!(read(&with("warnings", json!([]))).is_ok());
        assert!(read(&with("infos", json!(["a metric might not be a counter"]))).is_ok());
        check_refused(&with("warnings", json!(["no store\nmatched"])), "the server warns: no store matched");
        check_refused(&with("isPartial", json!(true)), "a part");
        check_refused(
            &json!({"status": "error", "errorType": "timeout", "error": "query timed out"}),
            "timeout: query timed out",
        );
        check_refused(&json!({"message": "no such page"}), "no status");
        check_refused(&json!({"status": "success", "data": {"resultType": "matrix"}}), "no data.result");
        check_refused(
            &with("data", json!({"resultType": "scalar", "result": [1, "1"]})),
            "it is no answer of a Prometheus API",
        );
        let text = whole.to_string();
        for length in 0..text.len() {
            assert!(decode(&text.as_bytes()[..length], 2).is_err(), "broken off after {length}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_named() {
        check_refused(&matrix(json!({"__name__": "up", "job": "a"}), json!([[1, "1e99"]])), r#"up{job="a"} is "1e99""#);
        check_refused(&matrix(json!({"job": "a"}), json!([[1, 1]])), "invalid type: integer `1`");
        let mut histogram = matrix(json!({"__name__": "h"}), json!([]));
        histogram["data"]["result"][0]["histograms"] = json!([]);
        check_refused(&histogram, "h{} is a native histogram");
        let one = json!({"metric": {}, "values": []});
        let many = json!({"status": "success", "data": {"resultType": "matrix", "result": [one, one, one]}});
        check_refused(&many, "3 series are selected, and maxSeries of the MetricsServer allows 2");
    }
}
