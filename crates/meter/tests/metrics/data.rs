//! A day and a half around a month's end, as two servers are to have it: counters with resets, gaps and restarts, a pair that scrapes
//! the same, and gauges with decimals.

use std::fmt::Write;

/// 30 January 2025, 18:00 in UTC: where the samples begin.
pub const BEGIN: i64 = 1_738_260_000;

/// 1 February 2025, 06:00 in UTC: where they end.
pub const END: i64 = BEGIN + 36 * 3600;

/// A line of a file, but for its time.
pub struct Line {
    text: String,
    /// In milliseconds since 1970.
    at: i64,
}

/// Numbers that look random, and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// A series: from and to in minutes since the beginning, and how many seconds after the minute it is scraped.
struct Life {
    labels: &'static str,
    from: i64,
    to: i64,
    offset: i64,
    /// Where it is not scraped, in minutes.
    gaps: &'static [(i64, i64)],
    /// Where it begins anew, in minutes.
    resets: &'static [i64],
}

/// Where nobody scrapes anything.
const OUTAGE: (i64, i64) = (20 * 60 + 20, 20 * 60 + 50);

const LIVES: [Life; 8] = [
    Life { labels: r#"namespace="shop",pod="a""#, from: 0, to: 2160, offset: 3, gaps: &[OUTAGE], resets: &[777, 1400] },
    // Restarted: one pod goes and another comes, four times, once over the end of the month.
    Life { labels: r#"namespace="shop",pod="b""#, from: 0, to: 555, offset: 11, gaps: &[], resets: &[] },
    Life { labels: r#"namespace="shop",pod="c""#, from: 556, to: 1795, offset: 0, gaps: &[OUTAGE], resets: &[] },
    Life { labels: r#"namespace="shop",pod="d""#, from: 1797, to: 2160, offset: 59, gaps: &[], resets: &[] },
    // Away for three hours, over the end of a window, and back where it stood.
    Life {
        labels: r#"namespace="lab",pod="e""#,
        from: 0,
        to: 2160,
        offset: 30,
        gaps: &[(970, 1150), OUTAGE],
        resets: &[1500],
    },
    // A pair that scrapes the same: as twice as many samples of one series.
    Life { labels: r#"namespace="lab",pod="pair""#, from: 10, to: 2000, offset: 7, gaps: &[OUTAGE], resets: &[400] },
    // Gone before the end of the month.
    Life { labels: r#"namespace="den",pod="f""#, from: 30, to: 1000, offset: 45, gaps: &[], resets: &[] },
    // Nobody's.
    Life { labels: r#"namespace="",pod="g""#, from: 0, to: 2160, offset: 20, gaps: &[], resets: &[] },
];

fn is_away(life: &Life, minute: i64) -> bool {
    life.gaps.iter().any(|(from, to)| (*from..*to).contains(&minute))
}

/// What counters say.
fn requests(lines: &mut Vec<Line>) {
    for (number, life) in LIVES.iter().enumerate() {
        let mut numbers = Numbers(number as u64 + 1);
        // What stood for long before anybody looked is not to be billed.
        let mut value = if life.from == 0 { 1_000_000 } else { 3 };
        for minute in life.from..life.to {
            value = if life.resets.contains(&minute) { numbers.next(5) } else { value + numbers.next(200) };
            if is_away(life, minute) {
                continue;
            }
            let mut add = |second: i64, value: u64| {
                let text = format!("http_requests_total{{{}}} {value}", life.labels);
                lines.push(Line { text, at: (BEGIN + minute * 60 + second) * 1000 });
            };
            add(life.offset, value);
            if life.labels.contains("pair") {
                value += numbers.next(100);
                add(life.offset + 23, value);
            }
        }
    }
}

/// What gauges say: with digits that no double has.
fn memory(lines: &mut Vec<Line>) {
    for (number, life) in LIVES.iter().enumerate() {
        let mut numbers = Numbers(number as u64 + 100);
        for minute in life.from..life.to {
            if !is_away(life, minute) {
                let value = format!("{}.{}", numbers.next(5_000), numbers.next(1000));
                let text = format!("memory_megabytes{{{}}} {value}", life.labels);
                lines.push(Line { text, at: (BEGIN + minute * 60 + life.offset) * 1000 + 123 });
            }
        }
    }
}

/// All samples of counters, and all of gauges.
pub fn lines() -> (Vec<Line>, Vec<Line>) {
    let (mut counters, mut gauges) = (Vec::new(), Vec::new());
    requests(&mut counters);
    memory(&mut gauges);
    (counters, gauges)
}

/// As a file of OpenMetrics, whose times are in seconds.
pub fn open_metrics() -> String {
    let (counters, gauges) = lines();
    let mut file = String::new();
    for (header, lines) in [("# TYPE http_requests counter", counters), ("# TYPE memory_megabytes gauge", gauges)] {
        file.push_str(header);
        file.push('\n');
        for Line { text, at } in lines {
            let _ = writeln!(file, "{text} {}.{:03}", at / 1000, at % 1000);
        }
    }
    file + "# EOF\n"
}

/// The same samples as Prometheus' own text, whose times are in milliseconds.
pub fn prometheus_text() -> String {
    let (counters, gauges) = lines();
    counters.into_iter().chain(gauges).fold(String::new(), |mut file, Line { text, at }| {
        let _ = writeln!(file, "{text} {at}");
        file
    })
}
