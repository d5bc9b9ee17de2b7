//! From manifests to books: where an object may be, and what the controllers can read of it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Resource, ResourceExt};

use super::Terms;
use super::finals::Finals;
use super::given::{give, is_stored};
use crate::manifest::{Manifest, Manifests, Object, ObjectRef, Refusal, Source};
use billing_api::{BillingGroup, InvoiceSeries, labels};
use billing_domain::{Month, Timestamp};
use billing_state::intern::Interner;
use billing_state::{Books, Observes, convert};

/// What the books hold after all manifests were looked at.
pub(super) struct Admitted {
    pub(super) books: Books,
    /// From when on everything is there that does not say when it was made.
    pub(super) since: Timestamp,
    pub(super) series: Vec<InvoiceSeries>,
    pub(super) finals: Finals,
    pub(super) findings: Findings,
}

/// What was found so far, and where the objects stand.
#[derive(Default)]
pub(super) struct Findings {
    sources: BTreeMap<ObjectRef, Source>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) notes: Vec<String>,
}

impl Findings {
    /// Where an object stands; `None` when it was made on the way.
    pub(super) fn source(&self, object: &ObjectRef) -> Option<&Source> {
        self.sources.get(object)
    }

    /// Refuses an object. One that was made on the way cannot be, and is noted.
    pub(super) fn refuse(&mut self, object: ObjectRef, message: String) {
        match self.sources.get(&object) {
            Some(source) => self.refusals.push(Refusal { source: source.clone(), object: Some(object), message }),
            None => self.notes.push(format!("{object}: {message}")),
        }
    }
}

/// Puts all manifests into books. What the admission policies would refuse stays out; what the controllers cannot
/// read is refused, and known to be unreadable.
pub(super) fn admit(manifests: Manifests, terms: &Terms) -> Admitted {
    let Manifests { objects, refusals, ignored: _ } = manifests;
    let namespaces = Namespaces::of(&objects);
    let since = since(&objects, terms.as_of);
    let mut findings = Findings { refusals, ..Findings::default() };
    let mut desk = Desk {
        books: Books::new(),
        series: Vec::new(),
        finals: Finals::default(),
        since,
        as_of: terms.as_of,
        interner: Interner::default(),
    };
    let mut elsewhere = 0;
    for Manifest { source, object } in objects {
        let reference = object.reference();
        findings.sources.insert(reference.clone(), source);
        match namespaces.place(&object) {
            Place::Right => {
                if let Err(message) = desk.enter(object) {
                    findings.refuse(reference, message);
                }
            }
            Place::Wrong(message) => findings.refuse(reference, message),
            Place::Elsewhere => elsewhere += 1,
        }
    }
    if elsewhere > 0 {
        findings.notes.push(format!(
            "{elsewhere} objects of a cluster are ignored, because the manifests do not contain their organizations"
        ));
    }
    Admitted { books: desk.books, since, series: desk.series, finals: desk.finals, findings }
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

/// The books, while objects enter.
struct Desk {
    books: Books,
    series: Vec<InvoiceSeries>,
    finals: Finals,
    since: Timestamp,
    as_of: Timestamp,
    interner: Interner,
}

impl Desk {
    /// Enters an object.
    ///
    /// # Errors
    /// Why the controllers could not read it.
    fn enter(&mut self, object: Object) -> Result<(), String> {
        match object {
            Object::Namespace(object) => self.observe(*object, |_, _| Ok(())),
            Object::BillingGroup(mut object) => {
                let created = first_period(&object).unwrap_or(Month::of(self.as_of)).start();
                give(&mut *object, created);
                self.observe(*object, |group, _| convert::group(group).map(drop))
            }
            Object::ProjectBinding(object) => self.observe(*object, |_, _| Ok(())),
            Object::ProjectLedger(object) => self.observe(*object, |ledger, _| convert::ledger(ledger).map(drop)),
            Object::UsageRecord(object) => {
                self.observe(*object, |record, interner| convert::usage(record, interner).map(drop))
            }
            Object::PriceList(object) => self.observe(*object, |list, _| convert::price_list(list).map(drop)),
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
        }
    }

    fn observe<K>(
        &mut self,
        mut object: K,
        read: impl FnOnce(&K, &mut Interner) -> Result<(), convert::ConvertError>,
    ) -> Result<(), String>
    where
        K: Resource<DynamicType = ()>,
        Books: Observes<K>,
    {
        give(&mut object, self.since);
        let done = read(&object, &mut self.interner).map_err(|error| error.to_string());
        self.books.observe(object);
        done
    }
}

/// Which namespaces there are, and the organization that their label names.
struct Namespaces(BTreeMap<String, Option<String>>);

/// Whether an object may be where it is.
enum Place {
    Right,
    /// The reason why not, as the admission policies say it.
    Wrong(String),
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

    fn place(&self, object: &Object) -> Place {
        match object {
            Object::Namespace(namespace) => confirmation(namespace),
            Object::ProjectBinding(binding) => self.place_of(&**binding, project_place),
            Object::BillingGroup(group) => self.place_of(&**group, |namespace, organization| {
                books_place("billing groups belong", "create the group in", namespace, organization)
            }),
            Object::UsageRecord(record) => self.place_of(&**record, |namespace, organization| {
                books_place("usage records belong", "create the record in", namespace, organization)
            }),
            Object::ProjectLedger(ledger) => self.place_of(&**ledger, |namespace, organization| {
                books_place("project ledgers belong", "create the ledger in", namespace, organization)
            }),
            Object::CreditNote(note) => self.place_of(&**note, |namespace, organization| {
                books_place("credit notes belong", "create the credit note in", namespace, organization)
            }),
            Object::Credit(credit) => self.place_of(&**credit, |namespace, organization| {
                books_place("credits belong", "create the credit in", namespace, organization)
            }),
            Object::CreditCode(_)
            | Object::Invoice(_)
            | Object::InvoiceSlice(_)
            | Object::InvoiceSeries(_)
            | Object::PriceList(_)
            | Object::ExchangeRates(_)
            | Object::BillingPeriod(_)
            | Object::InvoiceIssuer(_) => Place::Right,
        }
    }

    fn place_of(&self, object: &impl ResourceExt, judge: impl FnOnce(&str, Option<&str>) -> Place) -> Place {
        let namespace = object.namespace().unwrap_or_default();
        let judged = self.0.get(&namespace).map(|organization| judge(&namespace, organization.as_deref()));
        match judged {
            // The policies let it in when its namespace was another.
            None | Some(Place::Wrong(_)) if is_stored(object) => Place::Elsewhere,
            Some(place) => place,
            None => Place::Wrong(format!(
                "the manifests contain no namespace {namespace}: add it, with its label {}",
                labels::ORGANIZATION_LABEL
            )),
        }
    }
}

/// The words of the policy on bindings.
fn project_place(namespace: &str, organization: Option<&str>) -> Place {
    match organization {
        Some(organization) if organization == namespace => Place::Wrong(format!(
            "namespace {namespace} is an organization, not a project, and cannot have a binding: bind its projects"
        )),
        Some(_) => Place::Right,
        None => Place::Wrong(format!(
            "namespace {namespace} belongs to no organization: ask the platform team to label it {}=<organization>",
            labels::ORGANIZATION_LABEL
        )),
    }
}

/// The words of the policies on what lives in the organization's namespace.
fn books_place(what: &str, remedy: &str, namespace: &str, organization: Option<&str>) -> Place {
    let instead = match organization {
        Some(organization) if organization == namespace => return Place::Right,
        Some(organization) => format!(": {remedy} {organization}"),
        None => String::new(),
    };
    Place::Wrong(format!("{what} in the namespace of their organization; {namespace} is not one{instead}"))
}

/// A confirmation names what it confirms.
fn confirmation(namespace: &Namespace) -> Place {
    let name = namespace.name_any();
    match namespace.annotations().get(labels::CONFIRM_DELETE_ANNOTATION) {
        Some(confirmed) if *confirmed != name => Place::Wrong(format!(
            "the annotation {} of {name} has no effect: its value must be {name}",
            labels::CONFIRM_DELETE_ANNOTATION
        )),
        _ => Place::Right,
    }
}
