//! What commands print: text in which nothing hides, and for programs one value as JSON or as YAML.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use thiserror::Error;

use billing_api::text::is_hidden;

use crate::commands::code::CodeError;
use crate::commands::explain::ExplainError;
use crate::commands::preview::PreviewError;
use crate::commands::rates::import::ImportError;
use crate::commands::verify::VerifyError;

/// How many bytes of JSON are written at a time.
const PIECE: usize = 1 << 16;

/// Why something was not printed.
#[derive(Debug, Error)]
pub enum OutputError {
    /// It has no form in JSON.
    #[error("the output cannot be printed as JSON")]
    Json(#[from] serde_json::Error),
    /// It has no form in YAML.
    #[error("the output cannot be printed as YAML")]
    Yaml(#[from] serde_saphyr::SerializeError),
    /// It cannot be written where it was to go.
    #[error("the output cannot be written")]
    Write(#[from] io::Error),
}

/// Prints a value as JSON that people can read, too, as it goes: nothing is held but what the value is.
///
/// # Errors
/// It has no such form, or cannot be written.
pub fn print_json(value: &impl Serialize, out: &mut dyn Write) -> Result<(), OutputError> {
    // In large pieces: JSON comes a word at a time, and each piece is looked through.
    let mut out = BufWriter::with_capacity(PIECE, out);
    serde_json::to_writer_pretty(&mut out, value).map_err(|error| match error.io_error_kind() {
        Some(kind) => OutputError::Write(kind.into()),
        None => OutputError::Json(error),
    })?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Prints a value as a YAML document.
///
/// One with characters that [`Visible`] escapes is written the way JSON is, which is YAML, too, and in which an escape means the
/// character.
///
/// # Errors
/// It has no such form, or cannot be written.
pub fn print_yaml(value: &impl Serialize, out: &mut dyn Write) -> Result<(), OutputError> {
    let yaml = serde_saphyr::to_string(value)?;
    if yaml.chars().any(|character| is_hidden(character) && character != '\n') {
        return print_json(value, out);
    }
    Ok(out.write_all(yaml.as_bytes())?)
}

/// A text on one line, as it shows: for what stands in a table or a message.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    text.chars().for_each(|character| push_visible(character, &mut line));
    line
}

/// Writes text so that nothing in it hides: characters that steer a terminal, turn the direction, or show as nothing
/// appear as JSON's `\uXXXX`. Line breaks pass, also those of CSV (CR LF).
///
/// What a command prints of a file or a cluster goes through this, except files for programs that are no text (PDF, Parquet).
pub struct Visible<'a> {
    out: &'a mut dyn Write,
    /// The beginning of a character whose other bytes are still to come.
    begun: Vec<u8>,
    /// A carriage return came last: what follows decides whether it is part of a line break.
    returned: bool,
}

impl<'a> Visible<'a> {
    /// A writer in front of `out`.
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out, begun: Vec::new(), returned: false }
    }

    fn push(&mut self, character: char, shown: &mut String) {
        match (std::mem::take(&mut self.returned), character) {
            (true, '\n') => return shown.push_str("\r\n"),
            (true, _) => push_visible('\r', shown),
            (false, _) => {}
        }
        match character {
            '\r' => self.returned = true,
            '\n' | '\t' => shown.push(character),
            _ => push_visible(character, shown),
        }
    }
}

impl Write for Visible<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.begun);
        let mut shown = String::with_capacity(pending.len());
        for chunk in pending.utf8_chunks() {
            chunk.valid().chars().for_each(|character| self.push(character, &mut shown));
            let invalid = chunk.invalid();
            // Only at the end may the rest of a character follow.
            if invalid.is_empty() {
            } else if pending.ends_with(invalid) && std::str::from_utf8(invalid).is_err_and(|e| e.error_len().is_none())
            {
                self.begun = invalid.to_vec();
            } else {
                shown.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.out.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.returned) {
            self.out.write_all(b"\\u000d")?;
        }
        self.out.flush()
    }
}

/// Appends a character, or what it is called in JSON if it is hidden.
fn push_visible(character: char, text: &mut String) {
    if is_hidden(character) {
        let mut units = [0; 2];
        character.encode_utf16(&mut units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
    } else {
        text.push(character);
    }
}

/// Lets `?` make a command's error of what a writer says.
macro_rules! of_writers {
    ($($error:ty),+ $(,)?) => {
        $(impl From<io::Error> for $error {
            fn from(error: io::Error) -> Self {
                Self::Output(error.into())
            }
        })+
    };
}

of_writers!(CodeError, ExplainError, ImportError, PreviewError, VerifyError);

#[cfg(test)]
mod tests {
    use super::{Visible, one_line, print_json, print_yaml};
    use serde_json::{Value, json};
    use std::io::Write;

    fn shown(write: impl FnOnce(&mut Visible<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Visible::new(&mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_hides_is_shown_and_all_else_stays_as_it_is() {
        let text = "a\u{202E}00.1\u{9B}31m\u{1B}[2J\r\u{2028}\u{E0041}\nMüller 株式会社 می\u{200C}خواهم\n";
        let expected =
            "a\\u202e00.1\\u009b31m\\u001b[2J\\u000d\\u2028\\udb40\\udc41\nMüller 株式会社 می\u{200C}خواهم\n";
        assert_eq!(shown(|out| out.write_all(text.as_bytes()).unwrap()), expected);
        // Wherever a write ends, also within a character.
        assert_eq!(shown(|out| text.bytes().for_each(|byte| out.write_all(&[byte]).unwrap())), expected);
        assert_eq!(shown(|out| out.write_all(b"a\xFFb\xC3").unwrap()), "a\u{FFFD}b");
    }

    #[test]
    fn a_line_may_end_as_in_csv_and_a_carriage_return_alone_is_shown() {
        let text = "a,b\r\n\rc\r\r\nd\r";
        let expected = "a,b\r\n\\u000dc\\u000d\r\nd\\u000d";
        let all = |out: &mut Visible<'_>| out.write_all(text.as_bytes()).and_then(|()| out.flush()).unwrap();
        assert_eq!(shown(all), expected);
        let by_byte = |out: &mut Visible<'_>| {
            text.bytes().for_each(|byte| out.write_all(&[byte]).unwrap());
            out.flush().unwrap();
        };
        assert_eq!(shown(by_byte), expected);
    }

    #[test]
    fn a_text_in_a_table_is_one_line() {
        assert_eq!(one_line("a\nrefused: b\tc"), "a\\u000arefused: b\\u0009c");
    }

    #[test]
    fn programs_read_the_characters_that_people_see_escaped() {
        let value = json!({"name": "a\u{202E}\u{9B}\u{E0041}", "text": "two\nlines: ä"});
        let json = shown(|out| print_json(&value, out).unwrap());
        let yaml = shown(|out| print_yaml(&value, out).unwrap());
        for text in [&json, &yaml] {
            assert!(text.contains("a\\u202e\\u009b\\udb40\\udc41"), "{text}");
        }
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
        assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), value);
        assert_eq!(shown(|out| print_yaml(&json!({"a": "ä\nb"}), out).unwrap()), "a: |-\n  ä\n  b\n");
    }
}
