//! Invoice numbers: `<series>-<sequence>`, and `<series>-<sequence>-r<revision>` of one that is issued again.

use crate::name::Name;
use crate::time::month::Month;
use crate::uid::Uid;

/// The series that a group may claim, in the order in which it tries them: its provider's wish and nothing
/// else, or the first five hexadecimal digits of its UID, then one digit more each time.
pub fn series_candidates(wish: Option<&Name>, group: Uid) -> Vec<Name> {
    match wish {
        Some(wish) => vec![wish.clone()],
        None => {
            let digits = group.hex();
            (5..=digits.len()).map(|count| Name::from(&digits[..count])).collect()
        }
    }
}

/// The position of a month among the months of a group, from 1; `None` before its first period.
pub fn sequence(first_period: Month, month: Month) -> Option<u32> {
    u32::try_from(month.months_since(first_period)).ok().and_then(|months| months.checked_add(1))
}

/// The number of an invoice.
pub fn number(series: &str, sequence: u32) -> Name {
    Name::from(format!("{series}-{sequence}"))
}

/// How often an invoice can be issued again.
pub const MAX_REVISIONS: u32 = 99;

/// The number under which an invoice is issued again: `a-1` as `a-1-r1`, that as `a-1-r2`; `None` after [`MAX_REVISIONS`] times.
pub fn reissue_number(number: &str) -> Option<Name> {
    let (original, revision) = (original(number), revision(number) + 1);
    (revision <= MAX_REVISIONS).then(|| Name::from(format!("{original}-r{revision}")))
}

/// The number under which an invoice was issued first.
pub fn original(number: &str) -> &str {
    match number.rsplit_once("-r") {
        Some((original, revision)) if is_revision(revision) && original.contains('-') => original,
        _ => number,
    }
}

/// How often an invoice was issued again: 0 of the first of its month.
pub fn revision(number: &str) -> u32 {
    let digits = number.strip_prefix(original(number)).and_then(|rest| rest.strip_prefix("-r"));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Whether these are the digits of a revision, as they are written.
fn is_revision(digits: &str) -> bool {
    let number: Option<u32> = digits.parse().ok();
    number.is_some_and(|number| (1..=MAX_REVISIONS).contains(&number) && number.to_string() == digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_is_issued_again_under_the_next_revision_of_its_number() {
        let (mut number, mut issued) = (Name::from("f3397-1"), Vec::new());
        for _ in 0..3 {
            issued.push((number.to_string(), original(&number).to_owned(), revision(&number)));
            number = reissue_number(&number).unwrap();
        }
        let first = "f3397-1".to_owned();
        let expected = [("f3397-1", 0), ("f3397-1-r1", 1), ("f3397-1-r2", 2)];
        assert_eq!(issued, expected.map(|(number, revision)| (number.to_owned(), first.clone(), revision)));
        assert_eq!(reissue_number("f3397-1-r99"), None);
    }

    /// A series may begin with the letter, and what is no revision as it is written is a part of a number.
    #[test]
    fn what_only_looks_like_a_revision_is_none() {
        for number in ["r1-2", "a-r1", "a-1-r0", "a-1-r01", "a-1-r100", "a-1-r", "a-1-x1", "a-1"] {
            assert_eq!((original(number), revision(number)), (number, 0), "{number}");
        }
    }
}
