//! What an organization's books say, without what differs from run to run: instants, UIDs, versions and the names that were
//! chosen for the run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use billing_api::{
    BillingGroup, Credit, CreditNote, Invoice, InvoicePhase, InvoiceSeries, LineSource, ProjectBinding, ProjectLedger,
    ReservationState, UsageRecord,
    labels::{BINDING_NAME, ORGANIZATION_LABEL},
};
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{Resource, ResourceExt, api::ListParams};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{Result, support::Scene};

/// What stands for the organization's name in [`snapshot`].
const ORGANIZATION: &str = "ORGANIZATION";

/// Keys that differ although the books are the same.
const VARYING: [&str; 11] = [
    "asOf",
    "creditNote",
    "digest",
    "dueAt",
    "firstIssuedAt",
    "inputs",
    "issuedAt",
    "number",
    "previousDigest",
    "reissuedAs",
    "uid",
];

/// The books of an organization, comparable with those of another one to which the same was done.
///
/// # Errors
/// When the API server does not answer.
pub async fn snapshot(scene: &Scene<'_>, organization: &str) -> Result<Value> {
    let mut bindings = Map::new();
    for project in projects(scene, organization).await? {
        let binding: Option<ProjectBinding> = scene.api(&project).get_opt(BINDING_NAME).await?;
        if let Some(binding) = binding {
            bindings.insert(project, of_binding(&binding));
        }
    }
    let snapshot = json!({
        "bindings": bindings,
        "groups": named(scene, organization, of_group).await?,
        "ledgers": named(scene, organization, of_ledger).await?,
        "invoices": invoices(scene, organization).await?.iter().map(of_invoice).collect::<Result<Map<_, _>>>()?,
        "credits": list::<Credit>(scene, organization).await?.iter().map(of_credit).collect::<Map<_, _>>(),
        "notes": named(scene, organization, of_note).await?,
        "usage": named(scene, organization, of_usage).await?,
        "series": series(scene, organization).await?.len(),
    });
    Ok(serde_json::from_str(&snapshot.to_string().replace(organization, ORGANIZATION))?)
}

/// Checks what must be true of an organization's books at any time, whatever happened.
///
/// # Errors
/// Says what is not true, or that the API server does not answer.
pub async fn check(scene: &Scene<'_>, organization: &str) -> Result {
    let groups = list::<BillingGroup>(scene, organization).await?;
    let invoices = invoices(scene, organization).await?;
    for group in &groups {
        let uid = group.uid().unwrap_or_default();
        let of_group = invoices.iter().filter(|invoice| invoice.spec.billing_group_uid.as_str() == uid);
        let (again, first): (Vec<&Invoice>, Vec<_>) = of_group.partition(|invoice| invoice.spec.revision.is_some());
        check_chain(group, &first)?;
        again.into_iter().try_for_each(|invoice| check_reissue(invoice, &invoices))?;
    }
    let notes = list::<CreditNote>(scene, organization).await?;
    let credits = list::<Credit>(scene, organization).await?; // after the notes that list them
    credits.iter().try_for_each(|credit| check_credit(credit, &invoices))?;
    notes.iter().try_for_each(|note| check_given_back(note, &credits))?;
    check_notes(&notes, &series(scene, organization).await?)?;
    let mut billed = BTreeSet::new();
    let replaced = invoices.iter().filter_map(replaced_by).collect::<BTreeSet<_>>();
    for invoice in invoices.iter().filter(|invoice| !replaced.contains(&invoice.name_any())) {
        let document = invoice.status.as_ref().and_then(|status| status.document.as_ref());
        let lines = document.iter().flat_map(|document| &document.lines);
        for line in lines.filter(|line| line.start.is_some()) {
            // A correction is about what a final bills, and there is one of it, too.
            let corrects = line.adjusts.as_ref().and_then(|adjusts| adjusts.invoice.clone());
            let piece = (line.source.as_ref().map(|source| source.name.to_string()), line.start, corrects);
            if !billed.insert(format!("{piece:?}")) {
                return Err(format!("{piece:?} is billed twice in {organization}").into());
            }
        }
    }
    Ok(())
}

/// The invoice that one which is issued again replaces.
fn replaced_by(invoice: &Invoice) -> Option<String> {
    Some(invoice.status.as_ref()?.document.as_ref()?.reissues.as_ref()?.number.to_string())
}

/// One that is issued again names a final that was credited in full for it.
fn check_reissue(invoice: &Invoice, invoices: &[Invoice]) -> Result {
    if phase(invoice) != Some(InvoicePhase::Final) {
        return Ok(());
    }
    let replaced = replaced_by(invoice).ok_or("it names none that it replaces")?;
    let original = invoices.iter().find(|known| known.name_any() == replaced);
    let credited = original.and_then(|original| original.status.as_ref()?.credited.as_ref());
    let by = credited.and_then(|credited| credited.notes.iter().find(|by| by.full));
    match by.and_then(|by| by.reissued_as.as_deref()) {
        Some(number) if number == invoice.name_any() => Ok(()),
        other => Err(format!("{replaced} was credited for {other:?}, and not for {}", invoice.name_any()).into()),
    }
}

/// What came back by a credit note is what it lists.
fn check_given_back(note: &CreditNote, credits: &[Credit]) -> Result {
    let Some(document) = note.status.as_ref().and_then(|status| status.document.as_ref()) else { return Ok(()) };
    let ours = credits.iter().filter(|credit| {
        let origin = credit.spec.origin.as_ref();
        origin.and_then(|origin| origin.credit_note.as_deref()) == Some(&*document.number)
    });
    for credit in ours {
        let listed = document.credits.iter().find(|one| one.name.as_str() == credit.name_any());
        let amount = credit.spec.amount.as_ref().map(|amount| amount.amount.as_str());
        if amount.is_none() || listed.map(|one| one.amount.as_str()) != amount {
            return Err(
                format!("{} lists {listed:?} of {}, of {amount:?}", &*document.number, credit.name_any()).into()
            );
        }
    }
    Ok(())
}

/// Every final used of the credit what the credit says that it consumed, and nothing else is consumed.
fn check_credit(credit: &Credit, invoices: &[Invoice]) -> Result {
    let reservations = credit.status.iter().flat_map(|status| &status.reservations);
    let consumed = reservations.filter(|known| known.state == ReservationState::Consumed);
    for known in consumed {
        let invoice = invoices.iter().find(|invoice| invoice.name_any() == known.invoice.as_str());
        let status = invoice.and_then(|invoice| invoice.status.as_ref());
        let is_final = status.is_some_and(|status| status.phase == Some(InvoicePhase::Final));
        let lines = status.and_then(|status| status.document.as_ref()).into_iter().flat_map(|document| &document.lines);
        let ours = |source: &LineSource| source.kind == "Credit" && source.name.as_str() == credit.name_any();
        let mut totals = lines.filter(|line| line.source.as_ref().is_some_and(ours)).map(|line| line.total.to_string());
        let used = totals.next().unwrap_or_else(|| "-0.00".to_owned());
        if !is_final || used != format!("-{}", known.amount) {
            return Err(
                format!("{} says {used} of {}, which says {}", known.invoice, credit.name_any(), known.amount).into()
            );
        }
    }
    Ok(())
}

/// Numbers without gaps, each final naming the one before.
fn check_chain(group: &BillingGroup, invoices: &[&Invoice]) -> Result {
    let status = group.status.clone().unwrap_or_default();
    let mut by_sequence: BTreeMap<_, _> = invoices.iter().map(|invoice| (invoice.spec.sequence, *invoice)).collect();
    if by_sequence.len() != invoices.len() || !by_sequence.keys().copied().eq((1..).take(invoices.len())) {
        return Err(format!("the numbers of {} have gaps: {:?}", group.name_any(), by_sequence.keys()).into());
    }
    by_sequence.retain(|_, invoice| phase(invoice) == Some(InvoicePhase::Final));
    let mut previous = None;
    for invoice in by_sequence.values() {
        let document =
            invoice.status.as_ref().and_then(|status| status.document.as_ref()).ok_or("a final says nothing")?;
        if document.previous_digest != previous {
            return Err(format!("{} does not name the final before it", invoice.name_any()).into());
        }
        previous = Some(document.digest.clone());
    }
    let last = status.last_final.map(|last| last.digest);
    if last.is_some() && last != previous {
        return Err(format!("the last final of {} is another one", group.name_any()).into());
    }
    Ok(())
}

/// Numbers without gaps, each of a note that is there and says the same, naming the one before.
fn check_notes(notes: &[CreditNote], series: &[InvoiceSeries]) -> Result {
    for series in series {
        let mut previous = None;
        for (at, numbered) in series.status.iter().flat_map(|status| &status.credit_notes).enumerate() {
            let note = notes.iter().find(|note| note.uid().as_deref() == Some(numbered.uid.as_str()));
            let document = note.and_then(|note| note.status.as_ref()?.document.as_ref());
            let number = format!("{}-cn{}", series.name_any(), at + 1);
            let said = document.map(|document| (document.number.to_string(), document.digest.clone()));
            if said != Some((number.clone(), numbered.digest.clone())) {
                return Err(format!("{number} is of {numbered:?}, which says {said:?}").into());
            }
            if document.and_then(|document| document.previous_digest.clone()) != previous {
                return Err(format!("{number} does not name the note before it").into());
            }
            previous = Some(numbered.digest.clone());
        }
    }
    Ok(())
}

/// The names of an organization's projects.
///
/// # Errors
/// When the API server does not answer.
pub async fn projects(scene: &Scene<'_>, organization: &str) -> Result<Vec<String>> {
    let labelled = ListParams::default().labels(&format!("{ORGANIZATION_LABEL}={organization}"));
    let namespaces = scene.cluster::<Namespace>().list(&labelled).await?;
    Ok(namespaces.iter().map(ResourceExt::name_any).filter(|name| name != organization).collect())
}

/// The invoices of an organization.
///
/// # Errors
/// When the API server does not answer.
pub async fn invoices(scene: &Scene<'_>, organization: &str) -> Result<Vec<Invoice>> {
    list(scene, organization).await
}

async fn series(scene: &Scene<'_>, organization: &str) -> Result<Vec<InvoiceSeries>> {
    let all = scene.cluster::<InvoiceSeries>().list(&ListParams::default()).await?;
    Ok(all.items.into_iter().filter(|series| series.spec.organization.as_str() == organization).collect())
}

async fn list<K>(scene: &Scene<'_>, organization: &str) -> Result<Vec<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    Ok(scene.api::<K>(organization).list(&ListParams::default()).await?.items)
}

async fn named<K>(scene: &Scene<'_>, organization: &str, of: impl Fn(&K) -> Value) -> Result<Map<String, Value>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let objects = list::<K>(scene, organization).await?;
    Ok(objects.iter().map(|object| (object.name_any(), of(object))).collect())
}

fn of_binding(binding: &ProjectBinding) -> Value {
    let status = binding.status.clone().unwrap_or_default();
    json!({
        "names": binding.spec.billing_group,
        "payer": status.billing_group,
        "organization": status.organization,
        "conditions": reasons(&status.conditions),
    })
}

fn of_group(group: &BillingGroup) -> Value {
    let status = group.status.clone().unwrap_or_default();
    json!({
        "members": status.members,
        "projects": status.projects,
        "estimatedBalance": status.estimated_balance,
        "finals": status.last_final.map(|last| last.sequence),
        "conditions": reasons(&status.conditions),
    })
}

fn of_ledger(ledger: &ProjectLedger) -> Value {
    ledger.spec.segments.iter().map(|segment| json!([segment.billing_group, segment.default])).collect()
}

/// By name; what a credit note gave back, without the series, which is another in every run.
fn of_credit(credit: &Credit) -> (String, Value) {
    let name = credit.name_any();
    let in_series = credit.spec.origin.as_ref().and_then(|_| name.split_once('-')).map(|(_, rest)| rest.to_owned());
    let status = credit.status.clone().unwrap_or_default();
    let reservations = status.reservations.iter().map(|known| {
        let sequence = known.invoice.split_once('-').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        json!([sequence, known.amount, known.state])
    });
    let content = json!({
        "group": credit.spec.billing_group,
        "reservations": reservations.collect::<Value>(),
        "remaining": status.remaining,
        "conditions": reasons(&status.conditions),
    });
    (in_series.unwrap_or(name), content)
}

fn of_usage(record: &UsageRecord) -> Value {
    record.status.as_ref().map_or(json!([]), |status| reasons(&status.conditions))
}

fn of_invoice(invoice: &Invoice) -> Result<(String, Value)> {
    let status = invoice.status.clone().unwrap_or_default();
    let mut document = serde_json::to_value(&status.document)?;
    forget_what_varies(&mut document);
    let series = invoice.spec.series.as_str();
    document["lines"].as_array_mut().into_iter().flatten().for_each(|line| forget_series(line, series));
    for named in ["prepayments", "returnedCredits"] {
        document[named].as_array_mut().into_iter().flatten().for_each(|one| drop(one["name"].take()));
    }
    let mut credited = serde_json::to_value(&status.credited)?;
    forget_what_varies(&mut credited);
    let content = json!({
        "phase": phase(invoice),
        "sequence": invoice.spec.sequence,
        "conditions": reasons(&status.conditions),
        "document": document,
        "credited": credited,
        "payment": status.payment.map(|payment| payment.state),
    });
    let revision = invoice.spec.revision.map(|revision| format!(" r{revision}")).unwrap_or_default();
    Ok((format!("{} {}{revision}", &*invoice.spec.billing_group, &*invoice.spec.period), content))
}

fn of_note(note: &CreditNote) -> Value {
    let status = note.status.clone().unwrap_or_default();
    let mut document = json!(status.document);
    forget_what_varies(&mut document);
    for credit in document["credits"].as_array_mut().into_iter().flatten() {
        credit["name"].take(); // it begins with the number
    }
    json!({ "phase": status.phase, "document": document, "conditions": reasons(&status.conditions) })
}

fn phase(invoice: &Invoice) -> Option<InvoicePhase> {
    invoice.status.as_ref().and_then(|status| status.phase)
}

fn reasons(conditions: &[Condition]) -> Value {
    let reason = |condition: &Condition| format!("{}={} {}", condition.type_, condition.status, condition.reason);
    conditions.iter().map(reason).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Of a line that uses what was given back to a credit, or that corrects a final: names begin with the number of that, and
/// the id follows from it.
fn forget_series(line: &mut Value, series: &str) {
    if line["adjusts"]["invoice"].is_string() {
        for varying in ["/id", "/description", "/source/part", "/adjusts/invoice"] {
            line.pointer_mut(varying).map(Value::take);
        }
    }
    let of_series = line["source"]["name"].as_str().is_some_and(|name| name.starts_with(&format!("{series}-")));
    let given_back = line["source"]["kind"] == "Credit" && of_series;
    for varying in ["id", "description", "source"].into_iter().filter(|_| given_back) {
        line[varying].take();
    }
}

fn forget_what_varies(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !VARYING.contains(&&**key));
            fields.values_mut().for_each(forget_what_varies);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_what_varies),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
