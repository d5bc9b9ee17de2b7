//! Invoices, without their lines.

use std::collections::{BTreeMap, HashSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_core::PartialObjectMeta;
use kube_core::ResourceExt;

use super::convert::ConvertError;
use super::{Key, ObjectKey, ObservedState, Observes, UnreadFinals, convert};
use billing_api::{
    self as api, CarriedForward, CreditReturn, CurrencyCode, Document, InputVersion, Invoice, InvoicePhase, LineType,
    labels,
};
use billing_domain::closing::WaitReason;
use billing_domain::{Money, Month, Name, Timestamp, Uid};

/// What a slice is called among the objects that cannot be read.
const SLICE: &str = "InvoiceSlice";

/// The invoices of one organization.
#[derive(Debug, Default)]
pub struct InvoiceIndex {
    estimates: BTreeMap<Name, Estimate>,
    finals: BTreeMap<Name, Final>,
    numbers: BTreeMap<Name, NumberedInvoice>,
    /// Invoices that are no estimates, as far as is known, and of which it is not known what they bill.
    pub(super) unread: UnreadFinals,
}

/// An invoice that is not final.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Its number.
    pub number: Name,
    /// The UID of the object.
    pub uid: String,
    /// The `resourceVersion` that the next PUT needs.
    pub version: String,
    /// The group that it is for.
    pub group: Uid,
    /// The month that it is for.
    pub month: Month,
    /// Its position among the group's months.
    pub sequence: u32,
    /// The instant until which it was computed; `None` before its first document.
    pub as_of: Option<Timestamp>,
    /// The digest of its document.
    pub digest: Option<String>,
    /// The slices that its document lists.
    pub slices: Vec<Name>,
    /// The credits that its document uses, in the versions that it names.
    pub credits: Vec<InputVersion>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// A final invoice, seen by a direct list.
#[derive(Debug, Clone, PartialEq)]
pub struct Final {
    /// The group that it is for.
    pub group: Uid,
    /// The month that it is for.
    pub month: Month,
    /// Its position among the group's months.
    pub sequence: u32,
    /// The digest of its document.
    pub digest: String,
    /// The charges of the group's terms that it has.
    pub charges: Vec<Name>,
    /// What it used of credits, by name.
    pub credits: Vec<(Name, Money)>,
    /// What goes back to credits because of it.
    pub returned: Vec<CreditReturn>,
    /// When it was issued.
    pub issued_at: Option<Timestamp>,
    /// The currency of its amounts.
    pub currency: CurrencyCode,
    /// What it leaves to the next one.
    pub carried_forward: Option<CarriedForward>,
}

/// That an invoice of this number exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedInvoice {
    /// The name of the group on its label.
    pub group: Option<Name>,
    /// The month on its label.
    pub month: Option<Month>,
}

impl Estimate {
    /// What an invoice says that is no final.
    ///
    /// # Errors
    /// The server sent it without its identity, or its spec says nothing that can be read.
    pub fn read(invoice: &Invoice) -> Result<Self, ConvertError> {
        let document = invoice.status.as_ref().and_then(|status| status.document.as_ref());
        let slices = document.into_iter().flat_map(|document| &document.slices);
        let api::InvoiceSpec { billing_group_uid, period, sequence, .. } = &invoice.spec;
        let no_sequence = |_| ConvertError::Field { field: "spec.sequence", text: sequence.to_string() };
        Ok(Self {
            number: invoice.name_any().into(),
            uid: invoice.uid().ok_or(ConvertError::Missing("metadata.uid"))?,
            version: convert::version_of(invoice)?,
            group: convert::read("spec.billingGroupUID", billing_group_uid)?,
            month: convert::month(period)?,
            sequence: u32::try_from(*sequence).map_err(no_sequence)?,
            as_of: document.and_then(|document| document.as_of).map(|as_of| as_of.0),
            digest: document.map(|document| document.digest.clone()),
            slices: slices.map(|slice| slice.name.as_str().into()).collect(),
            credits: document.map(|document| document.inputs.credits.clone()).unwrap_or_default(),
            conditions: invoice.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default(),
        })
    }

    /// Whether it says that it waits for projects on their way to a group.
    pub fn awaits_bindings(&self) -> bool {
        self.conditions.iter().any(|condition| condition.reason == WaitReason::AWAITING_BINDINGS)
    }
}

impl InvoiceIndex {
    /// The estimates of a group, by number.
    pub fn estimates_of(&self, group: Uid) -> impl Iterator<Item = &Estimate> {
        self.estimates.values().filter(move |estimate| estimate.group == group)
    }

    /// The estimate with this number.
    pub fn estimate(&self, number: &str) -> Option<&Estimate> {
        self.estimates.get(number)
    }

    /// All estimates.
    pub fn estimates(&self) -> impl Iterator<Item = &Estimate> {
        self.estimates.values()
    }

    /// The final with this number; only direct lists know finals.
    pub fn final_(&self, number: &str) -> Option<&Final> {
        self.finals.get(number)
    }

    /// Whether an invoice of this number exists, in whatever phase.
    pub fn exists(&self, number: &str) -> bool {
        self.numbers.contains_key(number)
    }

    /// How many invoices there are, in whatever phase.
    pub fn count(&self) -> usize {
        self.numbers.len()
    }

    /// All invoices, in whatever phase, by number.
    pub fn numbered(&self) -> impl Iterator<Item = (&Name, &NumberedInvoice)> {
        self.numbers.iter()
    }
}

impl ObservedState {
    /// A slice that a final lists is gone, or does not decode (`error`): until it is back, nothing more is made final in its
    /// organization.
    pub fn mark_slice_missing(
        &mut self,
        organization: &Name,
        slice: &str,
        invoice: &str,
        error: Option<&str>,
    ) -> Vec<Key> {
        let object = format!("{SLICE} {organization}/{slice}");
        if self.organization_mut(organization).unreadable.contains_key(&object) {
            return Vec::new();
        }
        let wrong = error.map_or("is missing".to_owned(), |error| format!("does not decode ({error})"));
        let error = format!("it {wrong}, and final invoice {invoice} lists it; restore it from a backup");
        self.mark_unreadable(organization, object, error)
    }

    /// All slices that finals of an organization list are there.
    pub fn clear_missing_slices(&mut self, organization: &Name) -> Vec<Key> {
        let unreadable = &mut self.organization_mut(organization).unreadable;
        let missed = unreadable.len();
        unreadable.retain(|object, _| !object.starts_with(SLICE));
        if unreadable.len() < missed { self.groups_of(organization) } else { Vec::new() }
    }
}

impl Observes<Invoice> for ObservedState {
    fn observe(&mut self, object: Invoice) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let organization = Name::from(key.namespace.as_str());
        let number = Name::from(key.name.as_str());
        let Ok(estimate) = Estimate::read(&object) else { return Vec::new() };
        let group = estimate.group;
        let is_final = object.status.as_ref().is_some_and(|status| status.phase == Some(InvoicePhase::Final));
        if object.spec.revision.is_some() && !is_final {
            return Vec::new(); // it is being issued again, and never an estimate
        }
        let invoices = &mut self.organization_mut(&organization).invoices;
        match object.status {
            Some(status) if status.phase == Some(InvoicePhase::Final) => {
                invoices.estimates.remove(&number);
                let Estimate { uid, group, month, sequence, .. } = estimate;
                // A final that cannot be read is not taken for one that used nothing: its month stays as it is.
                if let Some(document) = &status.document
                    && let Ok(credits) = convert::credits_taken(document)
                {
                    let known = Final {
                        group,
                        month,
                        sequence,
                        digest: document.digest.clone(),
                        charges: charges_on(document),
                        credits,
                        returned: document.returned_credits.clone(),
                        issued_at: document.issued_at.map(|at| at.0),
                        currency: document.currency.clone(),
                        carried_forward: carried_forward(&uid, document),
                    };
                    invoices.finals.insert(number, known);
                }
            }
            _ => {
                invoices.unread.remove(&number);
                invoices.estimates.insert(number, estimate);
            }
        }
        let mut keys = self.notes_of(&organization, &key.name);
        keys.extend([Key::Group { organization, group }, Key::Periods]);
        keys
    }

    fn reject(&mut self, _: &ObjectKey, _: String) -> Vec<Key> {
        Vec::new() // its number stays taken: the metadata is known all the same
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let organization = Name::from(key.namespace.as_str());
        let Some(state) = self.organizations.get_mut(&organization) else { return Vec::new() };
        let Some(estimate) = state.invoices.estimates.remove(key.name.as_str()) else { return Vec::new() };
        let Estimate { number, group, month, .. } = estimate;
        // It is there and no estimate any more: somebody else made it final.
        let made_final = state.invoices.numbers.contains_key(&number) && !state.billed.read().has(&number);
        if made_final {
            state.invoices.unread.insert(number, Some(month));
        }
        let mut keys = self.notes_of(&organization, &key.name); // it may be final now
        keys.extend(made_final.then(|| Key::Finals(organization.clone())));
        keys.extend([Key::Group { organization, group }, Key::Periods]);
        keys
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        let mut known = HashSet::new();
        for (organization, state) in &self.organizations {
            known.extend(state.invoices.estimates.keys().map(|number| ObjectKey::namespaced(organization, number)));
        }
        known
    }
}

impl Observes<PartialObjectMeta<Invoice>> for ObservedState {
    fn observe(&mut self, object: PartialObjectMeta<Invoice>) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let label = |label| object.labels().get(label).map(String::as_str);
        let numbered = NumberedInvoice {
            group: label(labels::GROUP_LABEL).map(Name::from),
            month: label(labels::PERIOD_LABEL).and_then(|month| convert::month(month).ok()),
        };
        let organization = Name::from(key.namespace.as_str());
        let number = Name::from(key.name.as_str());
        let state = self.organization_mut(&organization);
        let invoices = &mut state.invoices;
        match state.billed.read().has(&number) {
            true => drop(invoices.unread.remove(&number)),
            false if invoices.estimates.contains_key(&number) => {}
            false => drop(invoices.unread.insert(number.clone(), numbered.month)),
        }
        if invoices.numbers.insert(number, numbered).is_some() {
            return Vec::new();
        }
        let mut keys = self.notes_of(&organization, &key.name);
        keys.push(Key::Periods);
        keys
    }

    fn reject(&mut self, _: &ObjectKey, _: String) -> Vec<Key> {
        Vec::new()
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let organization = Name::from(key.namespace.as_str());
        let Some(state) = self.organizations.get_mut(&organization) else { return Vec::new() };
        state.invoices.finals.remove(key.name.as_str());
        state.invoices.unread.remove(key.name.as_str());
        let Some(numbered) = state.invoices.numbers.remove(key.name.as_str()) else { return Vec::new() };
        if state.billed.read().has(&key.name) {
            // A final that is gone; until it is back, nothing of its month is adjusted.
            state.invoices.unread.insert(key.name.as_str().into(), numbered.month);
        }
        let group = numbered.group.and_then(|group| state.group_uid(&group));
        group.map(|group| vec![Key::Group { organization, group }, Key::Periods]).unwrap_or_default()
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        let mut known = HashSet::new();
        for (organization, state) in &self.organizations {
            known.extend(state.invoices.numbers.keys().map(|number| ObjectKey::namespaced(organization, number)));
        }
        known
    }
}

/// What an invoice leaves to the next one, as the group's status has it.
pub fn carried_forward(uid: &str, document: &Document) -> Option<CarriedForward> {
    let amount = document.carried_forward.as_deref()?.into();
    let includes_tax = document.amount_due.is_some();
    Some(CarriedForward { amount, currency: document.currency.clone(), invoice_uid: uid.into(), includes_tax })
}

/// The names of the charges of a group's terms that a document has.
pub fn charges_on(document: &Document) -> Vec<Name> {
    let agreed = |kind| matches!(kind, LineType::ExtraCharge | LineType::SupportCharge | LineType::OtherEvent);
    let lines = document.lines.iter().filter(|line| agreed(line.kind) && line.adjusts.is_none());
    let sources = lines.filter_map(|line| line.source.as_ref()).filter(|source| source.kind == "BillingGroup");
    sources.filter_map(|source| source.part.as_deref()).map(Name::from).collect()
}
