//! Amounts that are too small to be worth a payment.

use crate::bill::inputs::GroupMonth;
use crate::bill::tally::{Overflow, Tally};
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::source::{Source, SourceKind};

/// Brings a bill that comes to something, but to less than the issuer's minimum, to zero.
pub(crate) fn round_to_zero(month: &GroupMonth<'_>, tally: &mut Tally) -> Result<(), Overflow> {
    let Some(issuer) = month.issuer else { return Ok(()) };
    let net = tally.net();
    let minimum = issuer.minimum_charge(tally.currency());
    let Some(minimum) = minimum.filter(|minimum| 0 < net.minor() && net.minor() < minimum.minor()) else {
        return Ok(());
    };
    tally.add(Item {
        kind: LineType::Rounding,
        key: "minimumCharge".to_owned(),
        project: None,
        period: None,
        pre_discount: None,
        total: net.negated(),
        description: format!("{net} {0} is below the minimum charge of {minimum} {0}", tally.currency()),
        source: Source { kind: SourceKind::InvoiceIssuer, name: issuer.name.clone(), uid: issuer.uid },
        adjustment: None,
    })
}
