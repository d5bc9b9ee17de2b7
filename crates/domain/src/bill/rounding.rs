//! Amounts that are too small to be worth a payment.

use crate::bill::tally::{Overflow, Tally};
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::{MinimumCharge, MonthTerms};
use crate::invoice::part::MINIMUM_CHARGE;
use crate::money::amount::Money;

/// Brings a month that comes to something, but to less than the issuer's minimum, to zero: by a line for each way of being taxed.
pub(crate) fn round_to_zero(terms: &MonthTerms, tally: &mut Tally) -> Result<(), Overflow> {
    let (net, general) = (tally.net(), terms.tax.general());
    let below = |minimum: &&MinimumCharge| 0 < net.minor() && net.minor() < minimum.amount.minor();
    let Some(MinimumCharge { amount, issuer }) = terms.minimum_charge.as_ref().filter(below) else { return Ok(()) };
    let groups: Vec<_> =
        tally.groups().iter().map(|(tax, left)| (*tax, *left)).filter(|(_, left)| *left != 0).collect();
    for (tax, left) in groups {
        tally.add(Item {
            kind: LineType::Rounding,
            key: MINIMUM_CHARGE.to_owned(),
            project: None,
            period: None,
            pre_discount: None,
            total: Money::new(-left, net.currency()).ok_or(Overflow)?,
            tax,
            is_share: tax != general,
            description: format!("{net} {0} is below the minimum charge of {amount} {0}", net.currency()),
            source: issuer.clone(),
            adjustment: None,
        })?;
    }
    Ok(())
}
