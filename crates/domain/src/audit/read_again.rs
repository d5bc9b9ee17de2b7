//! The second look at what finals bill of metered records: what was read since.

use std::collections::BTreeSet;

use num_bigint::BigInt;
use rust_decimal::Decimal;

use super::lines::{is_first, parts};
use super::metered::counted;
use super::records::is_replaced;
use super::worth::{Worth, at_rating};
use crate::bill::inputs::GroupMonth;
use crate::invoice::billed::BilledPart;
use crate::invoice::rating::Rating;
use crate::time::period::Timestamp;
use crate::usage::Usage;

/// The lines of finals that bill intervals of a record, none of them a correction.
fn lines<'a>(closed: &GroupMonth<'_>, parts: impl Iterator<Item = &'a BilledPart>) -> Vec<&'a BilledPart> {
    parts.filter(|part| closed.billed.rating_of(part).is_some()).collect()
}

/// Whether all that was counted of a record between two instants lies in intervals that finals bill.
pub(super) fn is_all_billed(closed: &GroupMonth<'_>, usage: &Usage, from: Timestamp, until: Timestamp) -> bool {
    let lines = lines(closed, closed.billed.parts(&usage.name).iter());
    let mut instants = BTreeSet::from([from, until]);
    instants.extend(lines.iter().flat_map(|line| [line.period().start(), line.period().end()]));
    let instants: Vec<Timestamp> = instants.into_iter().filter(|at| from <= *at && *at <= until).collect();
    let is_billed = |instant| lines.iter().any(|line| line.period().contains(instant));
    instants.windows(2).all(|pair| is_billed(pair[0]) || counted(usage, pair[0], pair[1]).is_zero())
}

/// A quick yes: finals bill all that was counted of a record within the span, each as it is read now, and none was corrected.
pub(super) fn is_settled(month: &GroupMonth<'_>, (from, until): (Timestamp, Timestamp), usage: &Usage) -> bool {
    let all = month.billed.parts(&usage.name);
    if is_replaced(month, usage) {
        return all.is_empty();
    }
    let (start, end) = (usage.start.max(from), usage.end.unwrap_or(until).min(until));
    let (mut free_from, mut before) = (usage.start, None);
    for part in all {
        let Some((on, rating)) = month.billed.final_of(part).zip(month.billed.rating_of(part)) else { return false };
        let period = part.period();
        if before.replace((&on.number, period)) == Some((&on.number, period)) {
            continue; // another tier of it
        }
        if period.start() < free_from {
            return false;
        }
        free_from = period.end();
        let quantity = counted(usage, period.start(), period.end());
        let is_as_read = match month.billed.scaled_quantity(&usage.name, part) {
            Some(billed) => billed == quantity,
            None => amount_of(rating, quantity, on.currency.digits()) == Some(part.total()),
        };
        if !is_as_read {
            return false;
        }
    }
    end <= start || is_all_billed(month, usage, start, end)
}

/// What is due of a line of a metered record, and from when on something of it is not.
pub(super) fn due(
    closed: &GroupMonth<'_>,
    usage: &Usage,
    part: &BilledPart,
    rating: &Rating,
) -> Option<(i128, Option<Timestamp>)> {
    let (start, end) = (part.period().start(), part.period().end());
    let parts = parts(closed, usage);
    if is_replaced(closed, usage) {
        return Some((0, Some(start)));
    }
    if closed.billed.is_scaled(&usage.name) {
        // How much it is now is told with all that came together.
        let stands = is_first(closed, part, &parts, start);
        return Some(if stands { (part.total(), None) } else { (0, Some(start)) });
    }
    let mut instants = BTreeSet::from([start, end]);
    instants.extend(parts.iter().flat_map(|other| [other.period().start(), other.period().end()]));
    let instants: Vec<Timestamp> = instants.range(start..=end).copied().collect();
    let (mut kept, mut lost): (Vec<(Timestamp, Timestamp)>, _) = (Vec::new(), None);
    for pair in instants.windows(2) {
        if !is_first(closed, part, &parts, pair[0]) {
            lost = lost.or(Some(pair[0]));
            continue;
        }
        match kept.last_mut() {
            Some(last) if last.1 == pair[0] => last.1 = pair[1],
            _ => kept.push((pair[0], pair[1])),
        }
    }
    let digits = closed.billed.final_of(part)?.currency.digits();
    let amounts = kept.into_iter().map(|(from, to)| amount_of(rating, counted(usage, from, to), digits));
    Some((amounts.sum::<Option<i128>>()?, lost))
}

/// What so many units come to at a rating.
fn amount_of(rating: &Rating, quantity: Decimal, digits: u32) -> Option<i128> {
    let above = BigInt::from(rating.price.amount.mantissa());
    let of = BigInt::from(10).pow(rating.price.amount.scale()) * rating.price.per.get();
    at_rating(rating, Worth { before: 0.into(), until: above, of }, quantity, digits)
}
