//! The seller's colour, and what is made of it so that it can be read.

/// The colour where the seller names none.
const DEFAULT: Rgb = Rgb([0x17, 0x50, 0x6B]);

/// How much brighter the paper has to be than what is written on it: WCAG 2, for text of any size.
const LEGIBLE: f64 = 4.5;

/// A colour by its red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rgb([u8; 3]);

impl Rgb {
    /// `#0B5FFF`; the default where it is anything else.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let digits = text.and_then(|text| text.strip_prefix('#')).filter(|digits| digits.len() == 6);
        let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        value.map_or(DEFAULT, |value| {
            let [_, red, green, blue] = value.to_be_bytes();
            Self([red, green, blue])
        })
    }

    /// As typst reads it.
    pub(crate) fn hex(self) -> String {
        let Self([red, green, blue]) = self;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// The same colour, as dark as it has to be for text on white.
    pub(crate) fn for_text(self) -> Self {
        let mut color = self;
        while 1.05 / (color.luminance() + 0.05) < LEGIBLE {
            color = Self(color.0.map(|part| part - part.div_ceil(16).min(part)));
        }
        color
    }

    /// The same colour, so light that text is read on it.
    pub(crate) fn for_ground(self) -> Self {
        Self(self.0.map(|part| 255 - (255 - part) / 12))
    }

    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

#[cfg(test)]
mod tests {
    use super::{LEGIBLE, Rgb};

    #[test]
    fn text_is_legible_in_any_colour() {
        for color in ["#FFFFFF", "#FFFF00", "#0B5FFF", "#000000", "#00FF00", "#FEDCBA"] {
            let text = Rgb::parse(Some(color)).for_text();
            assert!(1.05 / (text.luminance() + 0.05) >= LEGIBLE, "{color}: {}", text.hex());
            let ground = Rgb::parse(Some(color)).for_ground();
            assert!((ground.luminance() + 0.05) / 0.05 >= 14.0, "{color}: {}", ground.hex());
        }
    }

    #[test]
    fn a_colour_that_is_none_is_the_default() {
        for text in [None, Some("blue"), Some("#12345"), Some("#GGGGGG")] {
            assert_eq!(Rgb::parse(text).hex(), "#17506b");
        }
        assert_eq!(Rgb::parse(Some("#0B5fff")).hex(), "#0b5fff");
    }
}
