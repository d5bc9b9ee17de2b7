//! From manifests to state: where an object may be, and what the controllers can read of it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Resource, ResourceExt};

use super::PreviewOptions;
use super::finals::Finals;
use super::server_fields::{fill_server_fields, is_stored};
use crate::manifest::{Manifest, Manifests, Object, ObjectRef, Rejection, SourceLocation};
use billing_api::{BillingGroup, InvoiceSeries, labels};
use billing_domain::{Currency, Month, PriceEntry, PriceList, Timestamp};
use billing_state::intern::Interner;
use billing_state::{ObservedState, Observes, convert};

/// What the state holds after all manifests were looked at.
pub(super) struct Admitted {
    pub(super) state: ObservedState,
    /// From when on everything is there that does not say when it was made.
    pub(super) since: Timestamp,
    pub(super) series: Vec<InvoiceSeries>,
    pub(super) finals: Finals,
    pub(super) findings: Findings,
}

/// What was found so far, and where the objects stand.
#[derive(Default)]
pub(super) struct Findings {
    sources: BTreeMap<ObjectRef, SourceLocation>,
    pub(super) refusals: Vec<Rejection>,
    pub(super) notes: Vec<String>,
}

impl Findings {
    /// Where an object stands; `None` when it was made on the way.
    pub(super) fn source(&self, object: &ObjectRef) -> Option<&SourceLocation> {
        self.sources.get(object)
    }

    /// Refuses an object. One that was made on the way cannot be, and is noted.
    pub(super) fn refuse(&mut self, object: ObjectRef, message: String) {
        match self.sources.get(&object) {
            Some(source) => self.refusals.push(Rejection { source: source.clone(), object: Some(object), message }),
            None => self.notes.push(format!("{object}: {message}")),
        }
    }
}

/// Observes all manifests. What the admission policies would refuse stays out; what the controllers cannot
/// read is refused, and known to be unreadable.
pub(super) fn admit(manifests: Manifests, options: &PreviewOptions) -> Admitted {
    let Manifests { objects, refusals, ignored: _ } = manifests;
    let namespaces = Namespaces::of(&objects);
    let since = since(&objects, options.as_of);
    let mut findings = Findings { refusals, ..Findings::default() };
    let mut builder = StateBuilder {
        state: ObservedState::new(),
        series: Vec::new(),
        finals: Finals::default(),
        since,
        as_of: options.as_of,
        interner: Interner::default(),
    };
    let mut elsewhere = 0;
    for Manifest { source, object } in objects {
        let reference = object.reference();
        findings.sources.insert(reference.clone(), source);
        match namespaces.placement(&object) {
            Placement::Allowed => {
                findings.notes.extend(small_prices(&object));
                if let Err(message) = builder.enter(object) {
                    findings.refuse(reference, message);
                }
            }
            Placement::Refused(message) => findings.refuse(reference, message),
            Placement::Elsewhere => elsewhere += 1,
        }
    }
    if elsewhere > 0 {
        findings.notes.push(format!(
            "{elsewhere} objects of a cluster are ignored, because the manifests do not contain their organizations"
        ));
    }
    Admitted { state: builder.state, since, series: builder.series, finals: builder.finals, findings }
}

/// The prices of a list that are nothing for one unit, once they are rounded.
fn small_prices(object: &Object) -> Vec<String> {
    let Object::PriceList(object) = object else { return Vec::new() };
    let list = convert::price_list(object).ok();
    let small = list.iter().flat_map(|list| list.small_prices().map(|entry| (list.currency(), entry)));
    let told = |(currency, entry): (Currency, &PriceEntry)| {
        let PriceEntry { name, price, .. } = entry;
        format!(
            "price list {}: the entry {name} rounds to zero on a line of one unit ({} {currency}); record many units at once, or give the price per 1000 of them",
            object.name_any(),
            price.amount
        )
    };
    let mut notes: Vec<String> = small.map(told).collect();
    notes.sort();
    notes
}

/// The first instant of the oldest first period: from then on, every binding is in force.
fn since(objects: &[Manifest], as_of: Timestamp) -> Timestamp {
    let groups = objects.iter().filter_map(|manifest| match &manifest.object {
        Object::BillingGroup(group) => Some(group),
        _ => None,
    });
    groups.filter_map(|group| first_period(group)).min().unwrap_or(Month::of(as_of)).start()
}

fn first_period(group: &BillingGroup) -> Option<Month> {
    group.spec.terms.as_ref()?.first_period.as_ref()?.parse().ok()
}

/// The state, while objects enter.
struct StateBuilder {
    state: ObservedState,
    series: Vec<InvoiceSeries>,
    finals: Finals,
    since: Timestamp,
    as_of: Timestamp,
    interner: Interner,
}

impl StateBuilder {
    /// Enters an object.
    ///
    /// # Errors
    /// Why the controllers could not read it.
    fn enter(&mut self, object: Object) -> Result<(), String> {
        match object {
            Object::Namespace(object) => self.observe(*object, |_, _| Ok(())),
            Object::BillingGroup(mut object) => {
                let created = first_period(&object).unwrap_or(Month::of(self.as_of)).start();
                fill_server_fields(&mut *object, created);
                self.observe(*object, |group, _| convert::group(group).map(drop))
            }
            Object::ProjectBinding(object) => self.observe(*object, |_, _| Ok(())),
            Object::ProjectLedger(object) => self.observe(*object, |ledger, _| convert::ledger(ledger).map(drop)),
            Object::UsageRecord(object) => {
                self.observe(*object, |record, interner| convert::usage(record, interner).map(drop))
            }
            Object::PriceList(object) => self.observe(*object, |list, _| is_usable(&convert::price_list(list)?)),
            Object::ExchangeRates(object) => self.observe(*object, |rates, _| convert::exchange_rates(rates).map(drop)),
            Object::InvoiceIssuer(object) => self.observe(*object, |_, _| Ok(())),
            Object::BillingPeriod(object) => self.observe(*object, |_, _| Ok(())),
            Object::Credit(object) => self.observe(*object, |credit, _| convert::credit(credit).map(drop)),
            Object::CreditCode(object) => self.observe(*object, |_, _| Ok(())),
            Object::InvoiceSeries(object) => {
                self.series.push(*object);
                Ok(())
            }
            Object::Invoice(invoice) => {
                self.finals.add(*invoice);
                Ok(())
            }
            Object::CreditNote(note) => {
                self.finals.add_note(*note);
                Ok(())
            }
            Object::InvoiceSlice(slice) => {
                self.finals.add_slice(*slice);
                Ok(())
            }
            // It makes usage in a cluster, and is none.
            Object::Meter(_) | Object::MetricsServer(_) => Ok(()),
        }
    }

    fn observe<K>(
        &mut self,
        mut object: K,
        read: impl FnOnce(&K, &mut Interner) -> Result<(), convert::ConvertError>,
    ) -> Result<(), String>
    where
        K: Resource<DynamicType = ()>,
        ObservedState: Observes<K>,
    {
        fill_server_fields(&mut object, self.since);
        let done = read(&object, &mut self.interner).map_err(|error| error.to_string());
        self.state.observe(object);
        done
    }
}

/// A price list of which a part cannot be used is entered, and refused all the same: nobody wants it so.
fn is_usable(list: &PriceList) -> Result<(), convert::ConvertError> {
    list.unusable_types().next().map_or(Ok(()), |(_, error)| Err(error.clone().into()))
}

/// Which namespaces there are, and the organization that their label names.
struct Namespaces(BTreeMap<String, Option<String>>);

/// Whether an object may be where it is.
enum Placement {
    Allowed,
    /// The reason why not, as the admission policies say it.
    Refused(String),
    /// In a cluster, but in no organization that the manifests hold.
    Elsewhere,
}

impl Namespaces {
    fn of(objects: &[Manifest]) -> Self {
        let namespaces = objects.iter().filter_map(|manifest| match &manifest.object {
            Object::Namespace(namespace) => {
                Some((namespace.name_any(), namespace.labels().get(labels::ORGANIZATION_LABEL).cloned()))
            }
            _ => None,
        });
        Self(namespaces.collect())
    }

    fn placement(&self, object: &Object) -> Placement {
        match object {
            Object::Namespace(namespace) => confirmation(namespace),
            Object::ProjectBinding(binding) => self.placement_of(&**binding, project_placement),
            Object::BillingGroup(group) => self.placement_of(&**group, |namespace, organization| {
                organization_placement("billing groups belong", "create the group in", namespace, organization)
            }),
            Object::UsageRecord(record) => self.placement_of(&**record, |namespace, organization| {
                organization_placement("usage records belong", "create the record in", namespace, organization)
            }),
            Object::ProjectLedger(ledger) => self.placement_of(&**ledger, |namespace, organization| {
                organization_placement("project ledgers belong", "create the ledger in", namespace, organization)
            }),
            Object::CreditNote(note) => self.placement_of(&**note, |namespace, organization| {
                organization_placement("credit notes belong", "create the credit note in", namespace, organization)
            }),
            Object::Credit(credit) => self.placement_of(&**credit, |namespace, organization| {
                organization_placement("credits belong", "create the credit in", namespace, organization)
            }),
            Object::CreditCode(_)
            | Object::Invoice(_)
            | Object::InvoiceSlice(_)
            | Object::InvoiceSeries(_)
            | Object::PriceList(_)
            | Object::ExchangeRates(_)
            | Object::BillingPeriod(_)
            | Object::InvoiceIssuer(_)
            | Object::Meter(_)
            | Object::MetricsServer(_) => Placement::Allowed,
        }
    }

    fn placement_of(
        &self,
        object: &impl ResourceExt,
        judge: impl FnOnce(&str, Option<&str>) -> Placement,
    ) -> Placement {
        let namespace = object.namespace().unwrap_or_default();
        let judged = self.0.get(&namespace).map(|organization| judge(&namespace, organization.as_deref()));
        match judged {
            // The policies let it in when its namespace was another.
            None | Some(Placement::Refused(_)) if is_stored(object) => Placement::Elsewhere,
            Some(placement) => placement,
            None => Placement::Refused(format!(
                "the manifests contain no namespace {namespace}: add it, with its label {}",
                labels::ORGANIZATION_LABEL
            )),
        }
    }
}

/// The words of the policy on bindings.
fn project_placement(namespace: &str, organization: Option<&str>) -> Placement {
    match organization {
        Some(organization) if organization == namespace => Placement::Refused(format!(
            "namespace {namespace} is an organization, not a project, and cannot have a binding: bind its projects"
        )),
        Some(_) => Placement::Allowed,
        None => Placement::Refused(format!(
            "namespace {namespace} belongs to no organization: ask the platform team to label it {}=<organization>",
            labels::ORGANIZATION_LABEL
        )),
    }
}

/// The words of the policies on what lives in the organization's namespace.
fn organization_placement(what: &str, remedy: &str, namespace: &str, organization: Option<&str>) -> Placement {
    let instead = match organization {
        Some(organization) if organization == namespace => return Placement::Allowed,
        Some(organization) => format!(": {remedy} {organization}"),
        None => String::new(),
    };
    Placement::Refused(format!("{what} in the namespace of their organization; {namespace} is not one{instead}"))
}

/// A confirmation names what it confirms.
fn confirmation(namespace: &Namespace) -> Placement {
    let name = namespace.name_any();
    match namespace.annotations().get(labels::CONFIRM_DELETE_ANNOTATION) {
        Some(confirmed) if *confirmed != name => Placement::Refused(format!(
            "the annotation {} of {name} has no effect: its value must be {name}",
            labels::CONFIRM_DELETE_ANNOTATION
        )),
        _ => Placement::Allowed,
    }
}
