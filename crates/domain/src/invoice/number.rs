//! Invoice numbers: `<series>-<sequence>`.

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
