//! Taxes, and why there is none.

use billing_api::{LineTax, TaxCategory, TaxSubtotal};

use super::Total;
use super::party::has_vat;
use super::words::Words;
use crate::labels::Label;
use crate::legible::breakable;
use crate::locale::Language;

/// What the tax is called.
pub(super) fn name(seller: &billing_api::Seller, words: &Words<'_>) -> &'static str {
    words.label(if has_vat(seller.address.as_ref()) { Label::Vat } else { Label::Tax })
}

/// A sum for each tax: category, rate and what is taxed, and why none is charged; and what several come to. Where there is none, `note`
/// says why.
pub(super) fn totals(
    taxes: &[TaxSubtotal],
    all: &str,
    note: Option<&str>,
    name: &str,
    words: &Words<'_>,
) -> Vec<Total> {
    let total = |tax: &TaxSubtotal| {
        let TaxSubtotal { category, rate, base, amount, reason } = tax;
        let label = words.fill(Label::TaxOn, &[name, &words.locale.percent(rate), &words.money(base)]);
        let reason = reason.as_deref();
        let phrase = phrase(*category, words.locale.language, reason.unwrap_or_default());
        let notes = phrase.into_iter().chain(reason.map(breakable)).collect();
        Total { notes, ..Total::new(label, words.number(amount)) }
    };
    let mut totals: Vec<_> = taxes.iter().map(total).collect();
    match taxes {
        [] => totals
            .push(Total { notes: note.map(breakable).into_iter().collect(), ..Total::new(name, words.number(all)) }),
        [_] => {}
        [_, _, ..] => totals.push(Total::new(words.fill(Label::TaxTotal, &[name]), words.number(all))),
    }
    totals
}

/// What the law asks to be said, in the reader's language and in English, as far as the issuer's reason does not say it in these words.
fn phrase(category: TaxCategory, language: Language, reason: &str) -> Option<String> {
    let label = match category {
        TaxCategory::S => return None,
        TaxCategory::Z => Label::ZeroRated,
        TaxCategory::E => Label::Exempt,
        TaxCategory::AE => Label::ReverseCharge,
        TaxCategory::O => Label::OutsideScope,
    };
    let reason = reason.to_lowercase();
    let mut phrases = vec![label.text(language), label.text(Language::English)];
    phrases.dedup();
    phrases.retain(|phrase| !reason.contains(&phrase.to_lowercase()));
    (!phrases.is_empty()).then(|| phrases.join(" / "))
}

/// How a line is taxed, in the narrow column that there is where lines are taxed differently.
pub(super) fn of_line(tax: Option<&LineTax>, words: &Words<'_>) -> String {
    tax.map(|LineTax { category, rate }| match category {
        TaxCategory::S => words.locale.percent(rate),
        TaxCategory::Z | TaxCategory::E | TaxCategory::AE | TaxCategory::O => format!("{category:?}"),
    })
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_reason_says_is_not_said_twice() {
        let german = |reason| phrase(TaxCategory::AE, Language::German, reason);
        let (own, english) = ("Steuerschuldnerschaft des Leistungsempfängers", "Reverse charge");
        assert_eq!(german("Art. 196 MwStSystRL").as_deref(), Some(&*format!("{own} / {english}")));
        assert_eq!(german("Reverse charge (Article 196 of Directive 2006/112/EC)").as_deref(), Some(own));
        assert_eq!(german("STEUERSCHULDNERSCHAFT DES LEISTUNGSEMPFÄNGERS").as_deref(), Some(english));
        assert_eq!(phrase(TaxCategory::AE, Language::English, "Reverse charge"), None);
        assert_eq!(phrase(TaxCategory::AE, Language::English, "").as_deref(), Some(english));
        assert_eq!(phrase(TaxCategory::S, Language::German, ""), None);
    }
}
