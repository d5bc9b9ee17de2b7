//! What there is to count: an ingress that says how many requests a project had, and a Prometheus that scrapes it, and has done so
//! for half a day.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use billing_test_harness::prometheus::Server;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::Result;

/// Who has requests: so many a second, day and night.
const SERIES: &str = r#"http_requests_total{ingress="public",namespace="acme-shop""#;
const RATE: i64 = 50;

/// How often they are scraped, in seconds.
const INTERVAL: usize = 60;

/// The windows of the Meter in `examples/metrics`, and how long after the end of one its readings are there at the latest.
const WINDOW: TimeDelta = TimeDelta::hours(6);
const LATEST: TimeDelta = TimeDelta::minutes(30);

/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the last window begins whose readings are due by now.
pub fn last_window(now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    Ok((now - LATEST).duration_trunc(WINDOW)? - WINDOW)
}

/// A Prometheus that scrapes the ingress, and has samples of it since before that window.
pub fn prometheus(now: DateTime<Utc>) -> Result<Server> {
    let target = serve()?;
    let config = format!(
        r#"{{"scrape_configs": [{{
            "job_name": "ingress", "scrape_interval": "{INTERVAL}s",
            "static_configs": [{{"targets": ["127.0.0.1:{target}"], "labels": {{"instance": "ingress"}}}}]
        }}]}}"#
    );
    Ok(Server::prometheus(&config, &[], &samples(last_window(now)? - TimeDelta::hours(1), now)?)?)
}

/// The ingress' counter at a time: it stood at nothing in 1970.
fn stood(second: i64) -> i64 {
    second * RATE
}

/// What Prometheus would have scraped, in OpenMetrics.
fn samples(from: DateTime<Utc>, until: DateTime<Utc>) -> Result<String> {
    let mut text = String::new();
    for second in (from.timestamp()..until.timestamp()).step_by(INTERVAL) {
        writeln!(text, r#"{SERIES},instance="ingress",job="ingress"}} {} {second}"#, stood(second))?;
    }
    Ok(text + "# EOF\n")
}

/// Serves the counter for as long as this process lives: on which port.
fn serve() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever went away asks again.
            let _ = answer(stream);
        }
    });
    Ok(port)
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    // All requests are the same, and small.
    let _ = stream.read(&mut [0; 4096])?;
    let body = format!("{SERIES}}} {}\n", stood(Utc::now().timestamp()));
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(now: &str, begins: &str) {
        assert_eq!(last_window(at(now)).unwrap(), at(begins), "{now}");
    }

    #[test]
    fn a_window_is_the_last_one_half_an_hour_after_its_end() {
        check("2026-11-28T18:30:00Z", "2026-11-28T12:00:00Z");
        check("2026-11-28T18:29:59Z", "2026-11-28T06:00:00Z");
        check("2026-12-01T00:10:00Z", "2026-11-30T12:00:00Z");
        check("2026-12-01T06:29:00Z", "2026-11-30T18:00:00Z");
    }

    #[test]
    fn a_window_has_samples_from_its_beginning_to_its_end() {
        let (from, until) = (at("2026-11-28T11:00:00Z"), at("2026-11-28T18:30:30Z"));
        let samples = samples(from, until).unwrap();
        let lines: Vec<_> = samples.lines().collect();
        assert_eq!(lines.len(), 7 * 60 + 31 + 1);
        let labels = r#"{ingress="public",namespace="acme-shop",instance="ingress",job="ingress"}"#;
        let first = from.timestamp();
        assert_eq!(lines[0], format!("http_requests_total{labels} {} {first}", first * 50));
        assert_eq!(lines[lines.len() - 1], "# EOF");
    }

    #[test]
    fn the_ingress_answers_with_what_its_counter_stands_at() {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, serve().unwrap())).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
        assert!(body.starts_with(r#"http_requests_total{ingress="public",namespace="acme-shop"} "#), "{body}");
    }
}
