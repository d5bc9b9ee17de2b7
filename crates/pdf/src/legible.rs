//! Text as fonts can show it. A customer's name never stops an invoice: what no font has is printed as its code point.

use std::collections::BTreeSet;

use billing_api::text::is_hidden;
use serde_json::Value;

use crate::fonts::Fonts;

/// Which characters may stand as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Those that some font has.
    AnyFont,
    /// Those of Latin, Greek and Cyrillic. A mark of one font on a letter of another can fail when it is set, whatever each font has.
    Plain,
}

/// Makes every text in a value legible; the characters that were replaced.
pub(crate) fn make_legible(value: &mut Value, fonts: &Fonts, charset: Charset) -> BTreeSet<char> {
    let mut replaced = BTreeSet::new();
    visit(value, &mut |text| {
        if !text.is_ascii() || text.chars().any(is_hidden) {
            *text = legible(text, fonts, charset, &mut replaced);
        }
    });
    replaced
}

fn visit(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| visit(field, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn legible(text: &str, fonts: &Fonts, charset: Charset, replaced: &mut BTreeSet<char>) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        let shown = match charset {
            Charset::AnyFont => fonts.shows(character),
            Charset::Plain => Fonts::shows_plainly(character),
        };
        if shown && (!is_hidden(character) || character == BREAK) {
            written.push(character);
        } else if !only_chooses_a_form(character) {
            replaced.insert(character);
            written.push_str(&code_point(character));
        }
    }
    written
}

/// Where a long word may be broken: we write it ourselves.
pub(crate) const BREAK: char = '\u{200B}';

/// Variation selectors and joiners say nothing without the character that they are for.
fn only_chooses_a_form(character: char) -> bool {
    matches!(character, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// A character by its number: `[U+682A]`.
pub(crate) fn code_point(character: char) -> String {
    format!("[U+{:04X}]", u32::from(character))
}

/// A text whose long words can be broken, so that no name runs out of its column: behind a mark, else wherever it is too long.
pub(crate) fn breakable(text: &str) -> String {
    const LONGEST: usize = 24;
    let mut written = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        if word.chars().count() <= LONGEST {
            written.push_str(word);
            continue;
        }
        let mut run = 0;
        let mut characters = word.chars().peekable();
        while let Some(character) = characters.next() {
            written.push(character);
            run += 1;
            let at_mark = run > LONGEST / 3 && matches!(character, '-' | '_' | '/' | '.' | ':' | '@' | ',');
            let goes_on = characters.peek().is_some_and(|next| !next.is_whitespace());
            if goes_on && (at_mark || run == LONGEST) {
                written.push(BREAK);
                run = 0;
            }
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Charset, breakable, make_legible};
    use crate::fonts::Fonts;

    #[test]
    fn what_no_font_has_is_its_code_point_and_the_rest_stays() {
        let fonts = Fonts::default();
        let mut value = json!({ "a": ["株式 Acme", "Ünïcode שלום"], "b": { "c": "x\u{202E}y\u{E000}👩\u{200D}❤\u{FE0F}" }, "d": 1 });
        let replaced = make_legible(&mut value, &fonts, Charset::AnyFont);
        assert_eq!(
            value,
            json!({
                "a": ["[U+682A][U+5F0F] Acme", "Ünïcode שלום"],
                "b": { "c": "x[U+202E]y[U+E000][U+1F469]\u{200D}[U+2764]" }, "d": 1,
            })
        );
        assert_eq!(replaced.len(), 6);
        let mut plain = json!("שלום é");
        assert_eq!(make_legible(&mut plain, &fonts, Charset::Plain).len(), 4);
        assert_eq!(plain, "[U+05E9][U+05DC][U+05D5][U+05DD] é");
    }

    #[test]
    fn long_words_can_be_broken_and_short_ones_are_left_alone() {
        assert_eq!(breakable("Managed PostgreSQL, business-4"), "Managed PostgreSQL, business-4");
        let broken = breakable(&"x".repeat(65));
        assert!(
            broken.split('\u{200B}').all(|part| part.len() <= 24) && broken.replace('\u{200B}', "") == "x".repeat(65)
        );
        assert_eq!(breakable("an analytics-clickhouse-main-2 "), "an analytics-\u{200B}clickhouse-\u{200B}main-2 ");
    }
}
