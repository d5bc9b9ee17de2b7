//! The picture at the top.

use thiserror::Error;

/// The largest picture that is taken, in bytes.
pub const MAX_LOGO_BYTES: usize = 256 * 1024;

/// A picture: SVG or PNG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    bytes: Vec<u8>,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
}

/// Why a picture cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LogoError {
    /// It has too many bytes.
    #[error("it is larger than 256 KiB")]
    TooLarge,
    /// It is something else.
    #[error("it is neither an SVG nor a PNG")]
    OtherFormat,
}

impl Logo {
    /// A picture by its bytes.
    ///
    /// # Errors
    /// It is too large, or no picture that can be printed.
    pub fn new(bytes: Vec<u8>) -> Result<Self, LogoError> {
        if bytes.len() > MAX_LOGO_BYTES {
            return Err(LogoError::TooLarge);
        }
        let is_svg = || std::str::from_utf8(&bytes).is_ok_and(|text| text.contains("<svg"));
        let format = match bytes.starts_with(b"\x89PNG\r\n\x1A\n") {
            true => Format::Png,
            false if is_svg() => Format::Svg,
            false => return Err(LogoError::OtherFormat),
        };
        Ok(Self { bytes, format })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the template calls it.
    pub(crate) fn file_name(&self) -> &'static str {
        match self.format {
            Format::Svg => "logo.svg",
            Format::Png => "logo.png",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Logo, LogoError};

    #[test]
    fn a_picture_is_known_by_what_it_holds() {
        let named = |bytes: &[u8]| Logo::new(bytes.to_vec()).map(|logo| logo.file_name());
        assert_eq!(named(b"<?xml version='1.0'?><svg/>"), Ok("logo.svg"));
        assert_eq!(named(b"\x89PNG\r\n\x1A\n.."), Ok("logo.png"));
        assert_eq!(named(b"GIF89a"), Err(LogoError::OtherFormat));
        assert_eq!(named(&vec![b' '; 256 * 1024 + 1]), Err(LogoError::TooLarge));
    }
}
