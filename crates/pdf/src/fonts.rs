//! The fonts that invoices are set in: those that come along, and those of folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use thiserror::Error;
use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

/// The families for Latin, Greek and Cyrillic letters, and for signs. They have no letters that are shaped by others.
const PLAIN_FAMILIES: [&str; 2] = ["Noto Sans", "Noto Sans Math"];

/// Declares the files beside the crate.
macro_rules! shipped {
    ($($file:literal),+ $(,)?) => {
        [$(include_bytes!(concat!("../fonts/", $file)).as_slice()),+]
    };
}

/// A subset of Noto Sans: `fonts/README.md` says which, and under which licence.
static SHIPPED: LazyLock<Vec<Font>> = LazyLock::new(|| {
    let files = shipped![
        "NotoSans-Regular.ttf",
        "NotoSans-Bold.ttf",
        "NotoSansMath-Regular.ttf",
        "NotoSansHebrew-Regular.ttf",
        "NotoSansHebrew-Bold.ttf",
        "NotoSansArabic-Regular.ttf",
        "NotoSansArabic-Bold.ttf",
        "NotoSansDevanagari-Regular.ttf",
        "NotoSansDevanagari-Bold.ttf",
        "NotoSansThai-Regular.ttf",
        "NotoSansThai-Bold.ttf",
    ];
    files.into_iter().flat_map(|file| Font::iter(Bytes::new(file))).collect()
});

/// Fonts in the order in which they are asked for a character.
#[derive(Debug, Clone)]
pub struct Fonts {
    fonts: Vec<Font>,
    book: LazyHash<FontBook>,
}

/// Why fonts cannot be used.
#[derive(Debug, Error)]
pub enum FontError {
    /// A folder or a file in it cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder has nothing that is a font.
    #[error("there is no font in {0}: fonts are files that end in .ttf, .otf, .ttc or .otc")]
    None(PathBuf),
}

impl Default for Fonts {
    fn default() -> Self {
        Self::of(SHIPPED.clone())
    }
}

impl Fonts {
    fn of(fonts: Vec<Font>) -> Self {
        let book = LazyHash::new(FontBook::from_fonts(&fonts));
        Self { fonts, book }
    }

    /// The fonts that come along, then those of folders, by the names of their files.
    ///
    /// # Errors
    /// A folder cannot be read, or has no font.
    pub fn with_folders(folders: &[PathBuf]) -> Result<Self, FontError> {
        let mut fonts = SHIPPED.clone();
        for folder in folders {
            let found = read_folder(folder)?;
            if found.is_empty() {
                return Err(FontError::None(folder.clone()));
            }
            fonts.extend(found);
        }
        Ok(Self::of(fonts))
    }

    /// The names of the families, each once, in their order.
    pub(crate) fn families(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.fonts.iter().map(|font| font.info().family.as_str()).filter(|family| seen.insert(*family)).collect()
    }

    /// Whether a font can show a character. Characters that each font uses as it likes mean nothing to a reader.
    pub(crate) fn shows(&self, character: char) -> bool {
        !is_private(character) && self.fonts.iter().any(|font| font.info().coverage.contains(character.into()))
    }

    /// Whether the families for Latin letters and for signs can show a character.
    pub(crate) fn shows_plainly(character: char) -> bool {
        let plain = SHIPPED.iter().filter(|font| PLAIN_FAMILIES.contains(&font.info().family.as_str()));
        plain.into_iter().any(|font| font.info().coverage.contains(character.into()))
    }

    pub(crate) fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    pub(crate) fn get(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }
}

fn is_private(character: char) -> bool {
    matches!(character, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..)
}

fn read_folder(folder: &Path) -> Result<Vec<Font>, FontError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| FontError::Unreadable { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        if ending.is_some_and(|ending| ["ttf", "otf", "ttc", "otc"].iter().any(|known| ending == *known)) {
            files.push(path);
        }
    }
    files.sort();
    let mut fonts = Vec::new();
    for file in files {
        fonts.extend(Font::iter(Bytes::new(std::fs::read(&file).map_err(unreadable(&file))?)));
    }
    Ok(fonts)
}

#[cfg(test)]
mod tests {
    use super::{Fonts, SHIPPED};

    #[test]
    fn the_scripts_that_are_promised_come_along() {
        let fonts = Fonts::default();
        assert_eq!(SHIPPED.len(), 11);
        assert_eq!(fonts.families().len(), 6);
        for text in ["Müller & Søn", "Ελληνικά", "Кириллица", "עברית", "شركة", "हिन्दी", "ไทย", "€ £ ₹ ₪ ฿ − – ’ → ≤"]
        {
            assert!(text.chars().all(|character| fonts.shows(character)), "{text}");
        }
        assert!(!fonts.shows('株') && !fonts.shows('\u{E001}') && !fonts.shows('👩'));
        assert!(Fonts::shows_plainly('ß') && !Fonts::shows_plainly('ש'));
    }
}
