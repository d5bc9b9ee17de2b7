//! Words that differ only by letter case or Unicode form.
//!
//! "Hobbyist", "hobbyist" and "Ｈobbyist" are one word to people and three to a price list. Who asks for one of them and finds none
//! is told of the others.

use std::collections::{HashMap, HashSet};
use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::name::Name;

/// The same text for all words that differ only by letter case or Unicode form.
///
/// Upper case before lower case makes one of "ß", "ẞ" and "SS", and of the two small sigmas.
pub(crate) fn folded(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let compatible = ComposingNormalizerBorrowed::new_nfkc();
    let lower = compatible.normalize(word).to_uppercase().to_lowercase();
    compatible.normalize(&lower).into_owned()
}

/// The words that a list knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spellings {
    words: HashSet<Name>,
    /// By what they are folded to; of those that are folded alike, the first of the alphabet.
    by_folded: HashMap<String, Name>,
}

impl Spellings {
    pub(super) fn add(&mut self, word: &Name) {
        if self.words.insert(word.clone()) {
            let known = self.by_folded.entry(folded(word)).or_insert_with(|| word.clone());
            if word < known {
                *known = word.clone();
            }
        }
    }

    /// Whether a word is known, written so.
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// The known word that another, which is not known itself, differs from only by case or form. Cost: one folding, of a word that
    /// is not known where others are.
    pub(super) fn like(&self, word: &str) -> Option<&Name> {
        let is_unknown = !self.words.is_empty() && !self.has(word);
        if is_unknown { self.by_folded.get(&folded(word)) } else { None }
    }
}

/// A word of a service that a price list spells in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misspelling {
    /// The price list.
    pub list: Name,
    /// What it is: "type", "plan" or "cloud".
    pub field: &'static str,
    /// As the record has it.
    pub written: Name,
    /// As the price list has it.
    pub known: Name,
}

impl fmt::Display for Misspelling {
    /// Marks that are not seen are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Misspelling { list: _, field, written, known } = self;
        write!(f, "the {field} {written:?}, and not {known:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn words_that_differ_by_case_or_unicode_form_are_folded_alike() {
        let alike = [
            ["Hobbyist", "HOBBYIST"],
            ["Ｈobbyist", "hobbyist"], // full width
            ["Gro\u{df}e", "GROSSE"],
            ["caf\u{e9}", "Cafe\u{301}"],    // composed or not
            ["Startup\u{a0}4", "startup 4"], // a space that does not break
            ["ΛΟΓΟΣ", "λογος"],
            ["ﬁne", "FINE"],           // a ligature
            ["\u{210c}obby", "hobby"], // a letter of another script, which has no lower case of its own
        ];
        for [one, other] in alike {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        for [one, other] in [["startup-4", "startup-8"], ["cafe", "caf\u{e9}"], ["a b", "ab"]] {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
    }
}
