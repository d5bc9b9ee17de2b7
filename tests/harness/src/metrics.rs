//! What the operator counts.

use crate::http;

/// The metrics of an operator as they are at one moment.
#[derive(Debug)]
pub struct Metrics(String);

impl Metrics {
    /// Asks the operator that listens on this port; nothing when it does not answer.
    #[must_use]
    pub fn of(port: u16) -> Option<Self> {
        http::get(port, "/metrics").filter(|(status, _)| *status == 200).map(|(_, body)| Self(body))
    }

    /// The samples of a metric: its labels, if it has any, and its value.
    pub fn samples(&self, name: &str) -> impl Iterator<Item = &str> {
        let rest = self.0.lines().filter_map(move |line| line.strip_prefix(name));
        rest.filter(|rest| rest.starts_with([' ', '{']))
    }

    /// The sum of a metric over the label sets that contain `labels`; 0 when there is none.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &str) -> f64 {
        let values = self.samples(name).filter(|sample| sample.contains(labels));
        values.filter_map(|sample| sample.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// The API writes, kind by kind; Events excepted.
    pub fn writes(&self) -> impl Iterator<Item = &str> {
        self.samples("billing_operator_api_writes_total").filter(|write| !write.contains(r#"resource="events""#))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_the_labels_that_are_asked_for() {
        let metrics =
            Metrics("a_total{kind=\"x\",verb=\"get\"} 1\na_total{kind=\"y\"} 2\na_total_created 9\nb 4\n".to_owned());
        assert_eq!(
            (metrics.sum("a_total", ""), metrics.sum("a_total", r#"kind="y""#), metrics.sum("b", "")),
            (3.0, 2.0, 4.0)
        );
        assert_eq!(metrics.sum("c", ""), 0.0);
    }
}
