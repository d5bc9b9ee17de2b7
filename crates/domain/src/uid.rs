//! Unique identifiers of objects.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The UID of an object: a UUID, kept as a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub u128);

/// A text that is no UUID.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a UUID")]
pub struct UidError(pub String);

impl Uid {
    /// The 32 hexadecimal digits, without hyphens.
    pub fn hex(self) -> String {
        format!("{:032x}", self.0)
    }
}

impl FromStr for Uid {
    type Err = UidError;

    /// Reads the hyphenated form, as an API server prints it.
    fn from_str(text: &str) -> Result<Self, UidError> {
        let hyphens = [8, 13, 18, 23];
        let well_formed = text.len() == 36
            && text
                .bytes()
                .enumerate()
                .all(|(at, byte)| if hyphens.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() });
        if !well_formed {
            return Err(UidError(text.to_owned()));
        }
        let digits: String = text.chars().filter(|digit| *digit != '-').collect();
        u128::from_str_radix(&digits, 16).map(Uid).map_err(|_| UidError(text.to_owned()))
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = self.hex();
        write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
