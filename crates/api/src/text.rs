//! String types whose bounds are part of the schema, and what free text may hold.

/// Declares a string of the wire: serialized from and to a JSON string only, with its pattern and
/// its longest length in the schema.
///
/// The API server keeps what does not match outside, so the type holds the text as it was written;
/// whoever computes with it parses it once, into the domain's types.
macro_rules! text {
    ($(#[$meta:meta])* $name:ident, max: $max:literal, pattern: $pattern:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What the schema admits, as a regular expression.
            pub const PATTERN: &'static str = $pattern;

            /// The text as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<String>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "minLength": 1,
                    "maxLength": $max,
                    "pattern": Self::PATTERN,
                })
            }
        }
    };
}

pub(super) use text;

/// The characters that no text may hold beside line breaks, as the inside of a class of regular expressions: control characters
/// (C0, DEL and C1), which steer a terminal; line and paragraph separators, which forge lines; marks and overrides of direction,
/// which turn digits round; and formatting characters that show as nothing, by which two texts that look the same differ.
///
/// The two joiners (U+200C, U+200D) are letters' business in Persian, Hindi and others, and stay allowed.
///
/// RE2, which the API server reads patterns with, and Rust's `regex` both know these escapes.
macro_rules! hidden {
    () => {
        r"\x00-\x09\x0B-\x1F\x7F-\x{9F}\x{AD}\x{61C}\x{180E}\x{200B}\x{200E}\x{200F}\x{2028}-\x{202E}\x{2060}-\x{206F}\x{FEFF}\x{FFF9}-\x{FFFB}\x{E0000}-\x{E007F}"
    };
}

/// What a line of free text may hold: anything that shows as what it is.
pub const LINE: &str = concat!(r"^[^\x0A", hidden!(), "]*$");

/// As [`LINE`], with line breaks.
pub const LINES: &str = concat!("^[^", hidden!(), "]*$");

/// An e-mail address, as far as a pattern can tell: text without spaces, and an `@` in it.
pub const EMAIL: &str = concat!(r"^[^@\x0A\x20", hidden!(), r"]+@[^@\x0A\x20", hidden!(), "]+$");

/// The rule for the keys of a map that people write: a key is a line of text, too.
pub(super) const KEYS_ARE_LINES: &str = concat!(r"self.all(k, k.matches(r'^[^\x0A", hidden!(), "]*$'))");

/// Whether a character shows as nothing, or steers what shows others: what [`LINE`] refuses.
pub fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x1F'
            | '\x7F'..='\u{9F}'
            | '\u{AD}'
            | '\u{61C}'
            | '\u{180E}'
            | '\u{200B}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

#[cfg(test)]
mod tests {
    use super::{EMAIL, KEYS_ARE_LINES, LINE, LINES, is_hidden};
    use regex::Regex;

    #[test]
    fn the_patterns_refuse_what_is_hidden_and_nothing_else() {
        let [line, lines, email] = [LINE, LINES, EMAIL].map(|pattern| Regex::new(pattern).unwrap());
        for character in '\0'..=char::MAX {
            let (text, address) = (format!("a{character}b"), format!("a{character}b@example.com"));
            let hidden = is_hidden(character);
            assert_eq!(line.is_match(&text), !hidden, "{character:?}");
            assert_eq!(lines.is_match(&text), !hidden || character == '\n', "{character:?}");
            assert_eq!(email.is_match(&address), !hidden && !"@ ".contains(character), "{character:?}");
        }
    }

    #[test]
    fn names_of_many_languages_are_lines() {
        let line = Regex::new(LINE).unwrap();
        for name in [
            "Müller & Söhne",
            "株式会社",
            "شرکت نمونه",
            "می\u{200C}خواهم",
            "क्\u{200D}ष",
            "👩\u{200D}🔬",
            "a\u{A0}b",
            "",
        ] {
            assert!(line.is_match(name), "{name:?}");
        }
    }

    #[test]
    fn a_key_is_held_to_the_pattern_of_a_line() {
        assert_eq!(KEYS_ARE_LINES, format!("self.all(k, k.matches(r'{LINE}'))"));
    }
}
