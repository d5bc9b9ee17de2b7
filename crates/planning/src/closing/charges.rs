//! Which agreed charges final invoices have.

use billing_api::{BilledCharge, BillingGroup};
use billing_domain::{Month, Name};

/// What the group's status says of its charges once a month is final that has these. Only charges that end are worth
/// remembering, and only while the terms have them.
pub fn billed_charges(group: &BillingGroup, month: Month, on_final: &[Name]) -> Vec<BilledCharge> {
    let before = group.status.iter().flat_map(|status| &status.billed_charges);
    let newest = |name: &str| {
        if on_final.iter().any(|billed| billed.as_str() == name) {
            return Some(month.to_string().into());
        }
        before.clone().find(|billed| billed.name == name).map(|billed| billed.period.clone())
    };
    let charges = group.spec.terms.iter().flat_map(|terms| &terms.charges);
    let ending = charges.filter(|charge| charge.last_period.is_some());
    let billed = |name: &String| newest(name).map(|period| BilledCharge { name: name.clone(), period });
    ending.filter_map(|charge| billed(&charge.name)).collect()
}
