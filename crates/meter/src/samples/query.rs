//! A query as it is sent.

use billing_api::Flavour;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    text: String,
    at: i64,
}

/// What is sent beside a query, by the program that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Which program it is.
    pub flavour: Flavour,
    /// How long it may take, in seconds.
    pub timeout_secs: u64,
}

impl Query {
    /// All samples of a selector after `from`, up to `to`, in milliseconds since 1970. A second more on either side, because engines
    /// differ in whether a range has its ends: who asks looks at the times of samples.
    pub fn samples(selector: &str, from: i64, to: i64) -> Self {
        let at = to.div_euclid(1000) + 1;
        let seconds = at - from.div_euclid(1000) + 1;
        Self { text: format!("{selector}[{seconds}s]"), at }
    }

    /// The last sample of each series at `at` or within so many seconds before.
    pub fn last(selector: &str, at: i64, seconds: i64) -> Self {
        Self { text: format!("last_over_time({selector}[{seconds}s])"), at: at.div_euclid(1000) }
    }

    /// As the body of a form.
    pub fn form(&self, parameters: Parameters) -> String {
        let Self { text, at } = self;
        let Parameters { flavour, timeout_secs } = parameters;
        let own = match flavour {
            Flavour::Prometheus | Flavour::Mimir => "",
            Flavour::Thanos => "&partial_response=false&dedup=true",
            Flavour::VictoriaMetrics => "&nocache=1",
        };
        format!("query={}&time={at}&timeout={timeout_secs}s{own}", encoded(text))
    }
}

/// For a form: everything but letters, digits and `-._~` by its bytes.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3 / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_is_asked_in_its_own_way() {
        let query = Query::samples("up{a=\"ä b\"}", 1_000, 60_500);
        let form = |flavour| query.form(Parameters { flavour, timeout_secs: 30 });
        let asked = "query=up%7Ba%3D%22%C3%A4%20b%22%7D%5B61s%5D&time=61&timeout=30s";
        assert_eq!(form(Flavour::Prometheus), asked);
        assert_eq!(form(Flavour::Mimir), asked);
        assert_eq!(form(Flavour::Thanos), format!("{asked}&partial_response=false&dedup=true"));
        assert_eq!(form(Flavour::VictoriaMetrics), format!("{asked}&nocache=1"));
        let last = Query::last("up", 60_000, 86_400).form(Parameters { flavour: Flavour::Prometheus, timeout_secs: 5 });
        assert_eq!(last, "query=last_over_time%28up%5B86400s%5D%29&time=60&timeout=5s");
    }
}
