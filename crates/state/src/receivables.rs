//! Final invoices whose money is still expected: a few numbers of each.

use std::collections::{BTreeMap, HashSet};

use kube_core::ResourceExt;

use super::{Key, ObjectKey, ObservedState, Observes};
use billing_api as api;
use billing_domain::{Currency, Money, Name, Receivable, Timestamp, Uid};

/// The receivables of one organization.
#[derive(Debug, Default)]
pub struct ReceivableIndex {
    by_group: BTreeMap<Uid, BTreeMap<Name, OpenInvoice>>,
    groups: BTreeMap<Name, Uid>,
}

/// An invoice that is to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenInvoice {
    /// How much, and until when.
    pub receivable: Receivable,
    /// Whether it says of itself that it is past due.
    pub marked_past_due: bool,
}

impl ReceivableIndex {
    /// All of them, by number.
    pub fn all(&self) -> impl Iterator<Item = (&Name, &OpenInvoice)> {
        self.by_group.values().flatten()
    }

    /// Those of a group, by number.
    pub fn of_group(&self, group: Uid) -> impl Iterator<Item = (&Name, &OpenInvoice)> {
        self.by_group.get(&group).into_iter().flatten()
    }

    /// The next instant at which one of a group's is past due.
    pub fn next_due(&self, group: Uid, now: Timestamp) -> Option<Timestamp> {
        self.of_group(group).map(|(_, open)| open.receivable.due_at).filter(|due| now < *due).min()
    }

    fn insert(&mut self, number: Name, group: Uid, open: OpenInvoice) -> Option<OpenInvoice> {
        self.groups.insert(number.clone(), group);
        self.by_group.entry(group).or_default().insert(number, open)
    }

    fn remove(&mut self, number: &str) -> Option<(Uid, OpenInvoice)> {
        let group = self.groups.remove(number)?;
        let open = self.by_group.get_mut(&group)?.remove(number)?;
        if self.by_group.get(&group).is_some_and(BTreeMap::is_empty) {
            self.by_group.remove(&group);
        }
        Some((group, open))
    }
}

impl Observes<api::Receivable> for ObservedState {
    fn observe(&mut self, object: api::Receivable) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let Some((group, open)) = read(&object) else { return Observes::<api::Receivable>::forget(self, &key) };
        let organization = Name::from(key.namespace.as_str());
        let before = self.organization_mut(&organization).receivables.insert(object.name_any().into(), group, open);
        if before == Some(open) { Vec::new() } else { vec![Key::Receivables, Key::Group { organization, group }] }
    }

    fn reject(&mut self, _: &ObjectKey, _: String) -> Vec<Key> {
        Vec::new() // nobody is reminded of it; the watch says so
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let organization = Name::from(key.namespace.as_str());
        let state = self.organizations.get_mut(&organization);
        let Some((group, open)) = state.and_then(|state| state.receivables.remove(&key.name)) else {
            return Vec::new();
        };
        let settled = open.marked_past_due.then_some(Key::Settled);
        [Key::Group { organization, group }].into_iter().chain(settled).collect()
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        let mut known = HashSet::new();
        for (organization, state) in &self.organizations {
            known.extend(state.receivables.groups.keys().map(|number| ObjectKey::namespaced(organization, number)));
        }
        known
    }
}

/// What is open of an invoice, if anything is.
fn read(object: &api::Receivable) -> Option<(Uid, OpenInvoice)> {
    let api::ReceivableStatus { document, payment, credited, overdue_since, conditions: _ } = &object.status;
    payment.as_ref().filter(|payment| payment.state.is_open())?;
    let document = document.as_ref()?;
    let due = document.amount_due.as_ref().unwrap_or(&document.total);
    let currency = Currency::of_amount(&document.currency, due).ok()?;
    let total = Money::parse(due, currency).ok()?;
    let credited = match credited {
        Some(credited) => Money::parse(&credited.total, currency).ok()?,
        None => Money::zero(currency),
    };
    let receivable =
        Receivable { open: total.checked_sub(credited).filter(|open| open.minor() > 0)?, due_at: document.due_at?.0 };
    Some((
        object.spec.billing_group_uid.parse().ok()?,
        OpenInvoice { receivable, marked_past_due: overdue_since.is_some() },
    ))
}
