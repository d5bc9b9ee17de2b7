//! What the European Central Bank publishes, read: `eurofxref-hist.xml`, `-hist-90d.xml` and `-daily.xml`, and
//! `eurofxref-hist.csv`.

use std::fmt;

use quick_xml::events::{BytesStart, Event};
use rust_decimal::Decimal;

use billing_domain::{Date, Rate};

/// One rate as it was published; `None` where there was none that day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The day.
    pub date: Date,
    /// The code of the currency.
    pub code: String,
    /// How many units of it one EUR cost.
    pub rate: Option<String>,
}

/// Why a text is none of those files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where, counted from 1.
    pub line: usize,
    /// What is wrong, and the remedy.
    pub problem: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// Reads all rates of a file, in its order.
///
/// # Errors
/// The first line that cannot be understood.
pub fn read(text: &str) -> Result<Vec<Published>, Unreadable> {
    let text = text.trim_start_matches('\u{feff}');
    if text.starts_with("PK\u{3}\u{4}") {
        let problem = "the file is a zip archive; unpack it and use the file in it".to_owned();
        return Err(Unreadable { line: 1, problem });
    }
    if text.trim_start().starts_with('<') { read_xml(text) } else { read_csv(text) }
}

fn read_xml(text: &str) -> Result<Vec<Published>, Unreadable> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut rates = Vec::new();
    let mut date = None;
    loop {
        let event = reader.read_event();
        let offset = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let line = || text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
        let at = |problem: String| Unreadable { line: line(), problem };
        match event.map_err(|error| at(format!("the file is not valid XML ({error}); use it as it is published")))? {
            Event::Start(cube) | Event::Empty(cube) if cube.local_name().as_ref() == "Cube" => {
                if let Some(text) = attribute(&cube, "time").map_err(&at)? {
                    date = Some(read_date(&text).map_err(&at)?);
                }
                rates.extend(read_cube(&cube, date).map_err(&at)?);
            }
            Event::Eof => return Ok(rates),
            _ => {}
        }
    }
}

/// The rate of `<Cube currency="USD" rate="1.0850"/>`; none of the cubes around it.
fn read_cube(cube: &BytesStart<'_>, date: Option<Date>) -> Result<Option<Published>, String> {
    let (code, rate) = match (attribute(cube, "currency")?, attribute(cube, "rate")?) {
        (Some(code), Some(rate)) => (code, rate),
        (None, None) => return Ok(None),
        _ => return Err("a Cube must have a currency and a rate, or neither".to_owned()),
    };
    let date = date.ok_or("a rate is not inside a Cube with a time; use the file as it is published")?;
    Ok(Some(Published { date, rate: read_rate(&code, &rate)?, code }))
}

fn attribute(cube: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let attribute = cube.try_get_attribute(name).map_err(|error| format!("the file is not valid XML ({error})"))?;
    let Some(attribute) = attribute else { return Ok(None) };
    Ok(Some(attribute.value.into_owned()))
}

fn read_csv(text: &str) -> Result<Vec<Published>, Unreadable> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let mut codes: Option<Vec<String>> = None;
    let mut rates = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| {
            let line = error.position().map_or(1, csv::Position::line);
            Unreadable {
                line: usize::try_from(line).unwrap_or(usize::MAX),
                problem: format!("the file is not valid CSV ({error})"),
            }
        })?;
        let line = row.position().map_or(1, csv::Position::line);
        let at = |problem: String| Unreadable { line: usize::try_from(line).unwrap_or(usize::MAX), problem };
        match &codes {
            None => codes = Some(read_header(&row).map_err(at)?),
            Some(codes) => rates.extend(read_row(codes, &row).map_err(at)?),
        }
    }
    Ok(rates)
}

/// What can be read.
const USE: &str = "use eurofxref-hist.csv or an XML file";

/// `Date,USD,JPY,` and so on; the comma at the end is the bank's.
fn read_header(row: &csv::StringRecord) -> Result<Vec<String>, String> {
    match row.get(0) {
        Some("Date") => {}
        Some(found) => return Err(format!("the file begins with {found:?} instead of Date; {USE}")),
        None => return Err(format!("the file begins with an empty line instead of Date; {USE}")),
    }
    Ok(row.iter().skip(1).map(str::to_owned).collect())
}

fn read_row(codes: &[String], row: &csv::StringRecord) -> Result<Vec<Published>, String> {
    let Some(date) = row.get(0) else { return Err("an empty line".to_owned()) };
    let date = read_date(date)?;
    if row.len() != codes.len() + 1 {
        return Err(format!("{} columns under a header of {}; is the file complete?", row.len(), codes.len() + 1));
    }
    let named = codes.iter().zip(row.iter().skip(1)).filter(|(code, _)| !code.is_empty());
    named.map(|(code, rate)| Ok(Published { date, code: code.clone(), rate: read_rate(code, rate)? })).collect()
}

fn read_date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("{text:?} is not a date such as 2026-11-20"))
}

/// The digits of a rate as they are; `None` for `N/A`.
fn read_rate(code: &str, text: &str) -> Result<Option<String>, String> {
    if text == "N/A" || text.is_empty() {
        return Ok(None);
    }
    let decimal = Decimal::from_str_exact(text).ok().filter(|rate| rate.scale() <= 12 && Rate::new(*rate).is_some());
    let fits = decimal.map(|rate| rate.to_string()).filter(|digits| digits.len() <= 23);
    fits.map(Some)
        .ok_or_else(|| format!("{text:?} is not a rate of {code}: use a positive number with up to 12 decimals"))
}
