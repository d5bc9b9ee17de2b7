//! What a group agreed with its provider, as lines of its bill.

use crate::bill::tally::{Overflow, Tally};
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::terms::charge::{AgreedCharge, ChargeAmount, ChargeType};
use crate::catalog::terms::commitment::Commitment;
use crate::catalog::terms::discount::Discount;
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::MonthTerms;
use crate::invoice::source::Source;
use crate::money::amount::{Currency, Money};

/// Puts on the bill what was agreed for the month. Of discounts a line tells where there are services that have them. `spent_before` is
/// what counts towards the commitment beside the month itself; `None` where the commitment is not settled with the month.
///
/// Answers with what of the month counts towards a commitment.
pub(super) fn bill_terms(
    terms: &MonthTerms,
    group: &Source,
    spent_before: Option<Money>,
    has_services: bool,
    tally: &mut Tally,
) -> Result<Money, Overflow> {
    let tax = terms.tax.general();
    let projects = terms.projects.unwrap_or(0);
    for discount in terms.discounts.iter().filter(|_| has_services) {
        tally.add(discount_item(discount, group, tally.currency()))?;
    }
    let charges = |kind| terms.charges.iter().filter(move |charge| charge.kind == kind);
    for charge in charges(ChargeType::Extra).chain(charges(ChargeType::Support)) {
        tally.add(charge_item(charge, group, tax, (tally.services(), projects))?)?;
    }
    let spent = tally.net();
    if let Some((commitment, before)) = terms.commitment.as_ref().zip(spent_before) {
        let spent = before.checked_add(spent).ok_or(Overflow)?;
        if let Some(fee) = commitment_fee(commitment, group, tax, spent)? {
            tally.add(fee)?;
        }
    }
    for charge in charges(ChargeType::Other) {
        tally.add(charge_item(charge, group, tax, (tally.services(), projects))?)?;
    }
    Ok(spent)
}

/// The line that tells of a discount. The discount itself is in the services' lines.
fn discount_item(discount: &Discount, source: &Source, currency: Currency) -> Item {
    Item {
        kind: LineType::Multiplier,
        key: discount.name.to_string(),
        project: None,
        period: None,
        pre_discount: None,
        total: Money::zero(currency),
        tax: None,
        is_share: false,
        description: format!("{}: {} off services", discount.name, discount.percent),
        source: source.clone(),
        adjustment: None,
    }
}

/// The line of a charge, for services that come to an amount, and so many projects.
fn charge_item(
    charge: &AgreedCharge,
    source: &Source,
    tax: Option<TaxGroup>,
    (services, projects): (Money, u32),
) -> Result<Item, Overflow> {
    Ok(Item {
        kind: line_type(charge.kind),
        key: charge.name.to_string(),
        project: None,
        period: None,
        pre_discount: None,
        total: charge.amount.of(services, projects).ok_or(Overflow)?,
        tax,
        is_share: false,
        description: charge_description(charge, services, projects),
        source: source.clone(),
        adjustment: None,
    })
}

/// The type of the line of a charge.
pub(crate) fn line_type(kind: ChargeType) -> LineType {
    match kind {
        ChargeType::Extra => LineType::ExtraCharge,
        ChargeType::Support => LineType::SupportCharge,
        ChargeType::Other => LineType::OtherEvent,
    }
}

fn charge_description(charge: &AgreedCharge, services: Money, projects: u32) -> String {
    let AgreedCharge { name, .. } = charge;
    match &charge.amount {
        ChargeAmount::Fixed(_) => name.to_string(),
        ChargeAmount::PerProject(amount) => {
            let noun = if projects == 1 { "project" } else { "projects" };
            format!("{name}: {projects} {noun} at {amount} {} each", amount.currency())
        }
        ChargeAmount::OfServices { percent, minimum: None } => {
            format!("{name}: {percent} of services {services} {}", services.currency())
        }
        ChargeAmount::OfServices { percent, minimum: Some(minimum) } => {
            format!("{name}: {percent} of services {services} {}, at least {minimum}", services.currency())
        }
    }
}

/// What is missing to a commitment; `None` when `spent` (services, extra charges and support) reaches it.
fn commitment_fee(
    commitment: &Commitment,
    source: &Source,
    tax: Option<TaxGroup>,
    spent: Money,
) -> Result<Option<Item>, Overflow> {
    let Commitment { name, amount, .. } = commitment;
    let term = commitment.term();
    let months = term.map(|term| format!(" for {} to {}", term.first, term.last)).unwrap_or_default();
    let shortfall = amount.checked_sub(spent).ok_or(Overflow)?;
    Ok((shortfall.minor() > 0).then(|| Item {
        kind: LineType::CommitmentFee,
        key: name.to_string(),
        project: None,
        period: None,
        pre_discount: None,
        total: shortfall,
        tax,
        is_share: false,
        description: format!("{name}: commitment {amount} {}{months}, spent {spent}", amount.currency()),
        source: source.clone(),
        adjustment: None,
    }))
}
