//! Whether a group can be billed at all, whatever it uses.

use super::plan::Planned;
use crate::invoice::GroupInvoices;
use billing_domain::catalog::rates::rate_date;
use billing_domain::closing::{Hold, HoldReason};
use billing_domain::{Month, Name, Timestamp};

/// What keeps a group from being billed: its terms contradict themselves, no tax rule is its own, or its prices have no rate to its
/// currency. The month that runs says so
/// once it has usage; before, it is asked. (That it has no currency holds everything.)
pub(super) fn unbillable(invoices: &GroupInvoices<'_>, months: &[Planned], now: Timestamp) -> Option<Hold> {
    let running = months.iter().filter(|month| month.facts.month == Month::of(now));
    let is_of_the_group = |hold: &Hold| hold.reason.is_of_the_group();
    let of_its_bill = running.map(|month| month.plan.bill.as_ref()).find_map(|bill| match bill {
        Ok(bill) => {
            let problems = bill.problems.iter().filter_map(Hold::of_problem);
            bill.holds.iter().cloned().chain(problems).find(is_of_the_group)
        }
        Err(hold) => Some(hold.clone()).filter(is_of_the_group),
    });
    of_its_bill.or_else(|| rate_missing(invoices, now)).or_else(|| no_tax_rule(invoices, now))
}

fn rate_missing(invoices: &GroupInvoices<'_>, now: Timestamp) -> Option<Hold> {
    let GroupInvoices { state, group, .. } = invoices;
    let (prices, currency) = (state.prices_of(group).ok()?, group.currency?);
    let priced_in = prices.currency();
    if priced_in == currency {
        return None;
    }
    let missing = state.rates_of(group).conversion(priced_in, currency, rate_date(Month::of(now), now)).err()?;
    let lists = prices.names().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let message = format!("prices of PriceList {lists} are in {priced_in}: {missing}");
    Some(Hold { reason: HoldReason::RateMissing, message })
}

fn no_tax_rule(invoices: &GroupInvoices<'_>, now: Timestamp) -> Option<Hold> {
    let GroupInvoices { state, group, .. } = invoices;
    let issuer = &state.issuer(&group.issuer)?.as_ref().ok()?.issuer;
    if issuer.tax_rules.is_empty() || !issuer.tax_rules_for(&group.buyer, Month::of(now)).is_empty() {
        return None;
    }
    let message = format!(
        "no tax rule of InvoiceIssuer {} matches the group; complete spec.billingAddress.countryCode and spec.vatId, or add a rule to the issuer",
        issuer.name
    );
    Some(Hold { reason: HoldReason::NoTaxRule, message })
}
