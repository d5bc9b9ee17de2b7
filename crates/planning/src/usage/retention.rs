//! Which usage records are needed no more.

use std::sync::Arc;

use super::oldest_open_month;
use crate::billing_settings::BillingSettings;
use billing_domain::{BilledUsage, Month, Name, Timestamp, Usage, is_settled_within};
use billing_state::ObservedState;

/// The records of an organization that can be removed: they lie wholly in months that are final for every group, longer ago than records
/// are kept and than any document settles, and finals bill of them what is due. So no document to come would be another with them.
///
/// A record that replaces another stays as long as that is there, which would count again without it.
///
/// Cost: a look at each record, and a close one at those that are old enough.
pub fn plan_retention(
    state: &ObservedState,
    organization: &Name,
    settings: &BillingSettings,
    now: Timestamp,
) -> Vec<Arc<Usage>> {
    let Some((retention, organization_state)) = settings.usage_retention.zip(state.organization(organization)) else {
        return Vec::new();
    };
    let usage = &organization_state.organization;
    let Some(first) = usage.groups().map(|group| group.first_period).min() else { return Vec::new() };
    let oldest = oldest_open_month(organization_state, Month::of(now));
    let kept_from = retention.oldest_kept(oldest);
    let attribution = |month| state.attribution(month, settings.attribution);
    let closed = organization_state.fully_read_months(first, kept_from, attribution);
    if closed.is_empty() {
        return Vec::new();
    }
    let records = BilledUsage { organization: usage, billed: &organization_state.billed().read() };
    let replaces_one_that_is_there =
        |record: &Usage| record.replaces.as_ref().is_some_and(|replaced| usage.usage(replaced).is_some());
    let all = usage.projects().flat_map(|project| project.usage());
    all.filter(|record| record.end.is_some_and(|end| end <= kept_from.start()))
        .filter(|record| !replaces_one_that_is_there(record) && is_settled_within(records, &closed, record))
        .cloned()
        .collect()
}
