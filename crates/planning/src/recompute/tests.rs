//! What differs from a final, and what explains it.

mod histories;
mod readings;

use serde_json::{Value, json};

use super::{Difference, Reason, RecomputeInputs, compare, last_final};
use crate::group::{GroupPlan, plan_group};
use crate::invoice::{GroupInvoices, InvoiceFacts, MonthView, Predecessor, make_invoice};
use crate::scenario::{ACME, add, at, binding, ledger, settings, state, uid};
use billing_api::{self as api, Invoice, LastFinal};
use billing_documents::document::document_digest;
use billing_documents::explain::explain;
use billing_documents::issued::IssuedInvoice;
use billing_documents::slices::recut;
use billing_documents::verify::{Finding, verify_document};
use billing_domain::{Bill, GroupMonth, Month, Name, bill_group_month};
use billing_state::convert::billed::final_lines;
use billing_state::{ObjectKey, ObservedState, Observes};

/// When the finals of November 2026 are made.
const ISSUED: &str = "2026-12-01T01:00:00Z";

const LATER: &str = "2026-12-02T00:00:00Z";

/// A record of `acme-web`, made on the day on which it starts.
fn record(name: &str, start: &str, more: &str) -> String {
    made(name, start, start, more)
}

fn made(name: &str, start: &str, created: &str, more: &str) -> String {
    format!(
        "kind: UsageRecord\nmetadata: {{name: {name}, namespace: acme, creationTimestamp: '{created}'}}\n\
         spec: {{project: acme-web, service: {{name: {name}, type: PostgreSQL}}, start: '{start}'{more}}}\n"
    )
}

/// The group `shop` with terms, in a generation.
fn shop(generation: u32, spec: &str) -> String {
    format!(
        "kind: BillingGroup\nmetadata: {{name: shop, namespace: acme, generation: {generation}, finalizers: [billing-operator.io/settle]}}\n\
         spec: {spec}\nstatus: {{invoiceSeries: bbbbb, members: [{{project: acme-web}}]}}\n"
    )
}

const TERMS: &str = "{displayName: Shop, terms: {discounts: [{name: Partner, percent: '10'}], \
    charges: [{name: Care, type: SupportCharge, percent: '5', minimum: {amount: '1', currency: USD}}], \
    commitment: {name: Annual, amount: {amount: '30', currency: USD}}}}";

/// Two records, a discount, a percentage of services, a commitment, and a credit of which the final takes 5.00.
fn world() -> ObservedState {
    let mut state = state(&format!("{ACME}{}{}", binding("shop"), ledger(&["shop"])));
    add(&mut state, &shop(1, TERMS));
    add(&mut state, &record("db", "2026-11-12T00:00:00Z", ""));
    add(&mut state, &record("cache", "2026-11-20T00:30:00Z", ", quantity: '2', end: '2026-11-21T00:00:00Z'"));
    add(&mut state, &credit("Reserved, amount: '5.00'", ""));
    state
}

/// A credit of 5.00 with what was reserved of it for the final, and for a later one.
fn credit(reserved: &str, later: &str) -> String {
    let group = uid("BillingGroup", "acme", "shop");
    format!(
        "kind: Credit\nmetadata: {{name: welcome, namespace: acme}}\n\
         spec: {{billingGroup: shop, type: Promotion, amount: {{amount: '5', currency: USD}}}}\n\
         status: {{billingGroupUID: '{group}', reservations: [{{invoice: bbbbb-1, state: {reserved}}}{later}]}}\n"
    )
}

/// The final of November, as the operator makes it of this state.
fn final_of(state: &ObservedState) -> Invoice {
    final_for(state, "2026-11", ISSUED, None)
}

/// The final of a month, made at an instant after another.
fn final_for(state: &ObservedState, month: &str, issued_at: &str, after: Option<&LastFinal>) -> Invoice {
    final_billed(state, month, issued_at, after, |view| view.bill(at(issued_at)).unwrap())
}

/// The final of such a bill.
fn final_billed(
    state: &ObservedState,
    month: &str,
    issued_at: &str,
    after: Option<&LastFinal>,
    bill: impl FnOnce(&MonthView<'_>) -> Bill,
) -> Invoice {
    final_billed_of((state, "shop", "bbbbb"), month, issued_at, after, bill)
}

/// The final of a group with a series.
fn final_billed_of(
    (state, group, series): (&ObservedState, &str, &str),
    month: &str,
    issued_at: &str,
    after: Option<&LastFinal>,
    bill: impl FnOnce(&MonthView<'_>) -> Bill,
) -> Invoice {
    let known = state.organization("acme").unwrap();
    let group = uid("BillingGroup", "acme", group);
    let settings = settings();
    let invoices = GroupInvoices {
        state,
        organization: known,
        group: known.organization.group(group).unwrap(),
        object: known.group(group).unwrap(),
        series,
        settings: &settings,
        pending_projects: &[],
        pending_reissue: None,
    };
    let credits = known.credits.readable_credits(invoices.group);
    let month: Month = month.parse().unwrap();
    let view = invoices.month(month, Predecessor::last_final(after), &credits).unwrap();
    let bill = bill(&view);
    let document = view.final_document(&bill, at(issued_at)).unwrap().document;
    let mut invoice = make_invoice(&InvoiceFacts::of(&view, &Name::from("acme")));
    invoice.metadata.uid = Some(uid("Invoice", "acme", &view.number).to_string());
    let phase = Some(api::InvoicePhase::Final);
    invoice.status = Some(api::InvoiceStatus { phase, document: Some(document), ..Default::default() });
    invoice
}

fn compared(state: &ObservedState, invoice: &Invoice) -> Vec<Difference> {
    compared_after(state, invoice, None)
}

fn compared_after(state: &ObservedState, invoice: &Invoice, previous: Option<&LastFinal>) -> Vec<Difference> {
    let (settings, organization) = (settings(), Name::from("acme"));
    let records = RecomputeInputs { state, organization: &organization, previous, settings: &settings };
    compare(&records, &IssuedInvoice::new(invoice, []).unwrap()).unwrap()
}

/// `source or field: reason`.
fn reasons(differences: &[Difference]) -> Vec<String> {
    let reasons = |difference: &Difference| {
        let what = difference.source.clone().unwrap_or_else(|| difference.fields[0].field.clone());
        let reason = difference.explanation.as_ref().map(|explanation| format!("{:?}", explanation.reason));
        format!("{what}: {}", reason.as_deref().unwrap_or("unexplained"))
    };
    differences.iter().map(reasons).collect()
}

/// A final of the world, then a change of the state, then what is told of the final.
fn after(change: impl FnOnce(&mut ObservedState)) -> Vec<String> {
    let mut state = world();
    let invoice = final_of(&state);
    assert_eq!(compared(&state, &invoice), []);
    change(&mut state);
    reasons(&compared(&state, &invoice))
}

/// What is told of a final, and where it is adjusted.
fn adjusted(state: &ObservedState, invoice: &Invoice) -> Vec<String> {
    let differences = compared(state, invoice);
    let adjustments = differences.iter().map(|difference| {
        difference.adjustment.as_ref().map(|adjustment| format!(", {adjustment}")).unwrap_or_default()
    });
    reasons(&differences).into_iter().zip(adjustments).map(|(reasons, adjustment)| reasons + &adjustment).collect()
}

/// A final is written, and its group says so.
fn close(state: &mut ObservedState, invoice: &Invoice) -> LastFinal {
    close_as(state, TERMS, |_| invoice.clone()).1
}

/// A final of a group with these terms is made and written, and the group says so.
fn close_as(
    state: &mut ObservedState,
    terms: &str,
    make: impl FnOnce(&ObservedState) -> Invoice,
) -> (Invoice, LastFinal) {
    let invoice = make(state);
    let last = last_final(&invoice).unwrap();
    state.record_final(&Name::from("acme"), final_lines(&invoice, []).unwrap());
    let status = format!("lastFinal: {}, invoiceSeries", serde_json::to_string(&last).unwrap());
    add(state, &shop(1, terms).replace("invoiceSeries", &status));
    (invoice, last)
}

/// What is wrong with a final by what it records.
fn by_itself(invoice: &Invoice, previous: &LastFinal) -> Vec<Finding> {
    let document = invoice.status.as_ref().unwrap().document.as_ref().unwrap();
    let none = |_: &str| -> Option<&api::InvoiceSlice> { None };
    verify_document(document, none, Some(&previous.digest))
}

/// The final with other things in it, and a digest that is right again.
fn forged(invoice: &Invoice, forge: impl FnOnce(&mut Value)) -> Invoice {
    let mut forged = invoice.clone();
    let status = forged.status.as_mut().unwrap();
    let mut document = serde_json::to_value(status.document.as_ref().unwrap()).unwrap();
    forge(&mut document);
    let mut document: api::Document = serde_json::from_value(document).unwrap();
    document.digest = document_digest(&document).unwrap();
    status.document = Some(document);
    forged
}

fn forget(state: &mut ObservedState, record: &str) {
    Observes::<api::UsageRecord>::forget(state, &ObjectKey::namespaced("acme", record));
}

#[test]
fn what_a_successor_settles_is_computed_again_and_what_is_forged_of_it_is_found() {
    let mut state = world();
    let gone = final_of(&state);
    close(&mut state, &gone);
    Observes::<api::BillingGroup>::forget(&mut state, &ObjectKey::namespaced("acme", "shop"));
    let of_main = |state: &ObservedState, month: &str, issued_at: &str, after: Option<&LastFinal>| {
        let made = final_billed_of((state, "main", "aaaaa"), month, issued_at, after, |view| {
            view.bill(at(issued_at)).unwrap()
        });
        state.organization("acme").unwrap().record_final(final_lines(&made, []).unwrap());
        made
    };
    let november = of_main(&state, "2026-11", ISSUED, None);
    let last = last_final(&november).unwrap();
    add(&mut state, &made("late", "2026-11-15T00:00:00Z", LATER, ", end: '2026-11-29T00:00:00Z'"));
    add(&mut state, &record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-13T00:00:00Z'"));
    let december = of_main(&state, "2026-12", "2027-01-01T01:00:00Z", Some(&last));
    let document = december.status.as_ref().unwrap().document.as_ref().unwrap();
    let closed_by =
        |line: &&api::Line| line.adjusts.as_ref().and_then(|adjusts| adjusts.closed_by.as_deref()) == Some("bbbbb-1");
    let settled = document.lines.iter().filter(closed_by).count();
    let kinds = document.lines.iter().filter_map(|line| line.adjusts.as_ref()?.kind).collect::<Vec<_>>();
    // The correction, the late record and the fee.
    assert!(settled == 3 && kinds.contains(&api::LineType::CommitmentFee), "{:?}", document.lines);
    assert_eq!(compared_after(&state, &december, Some(&last)), []);
    assert_eq!(by_itself(&december, &last), []);
    for index in (0..document.lines.len()).filter(|index| closed_by(&&document.lines[*index])) {
        let dearer = forged(&december, |document| document["lines"][index]["total"] = "99.00".into());
        let told = reasons(&compared_after(&state, &dearer, Some(&last)));
        assert!(told.iter().any(|told| told.ends_with("unexplained")), "line {index}: {told:?}");
    }
    // What comes later is explained, and on the next final.
    add(&mut state, &made("later", "2026-11-16T00:00:00Z", "2027-01-05T00:00:00Z", ", end: '2026-11-18T00:00:00Z'"));
    assert_eq!(reasons(&compared_after(&state, &december, Some(&last))), ["UsageRecord later: RecordLate"]);
}

#[test]
fn nothing_changed_and_it_is_the_same_bytes() {
    assert_eq!(after(|_| {}), [""; 0]);
}

#[test]
fn what_came_later_and_is_not_of_the_month_changes_nothing() {
    let reasons = after(|state| {
        add(state, &credit("Consumed, amount: '5.00'", ""));
        add(state, &made("next", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", ""));
        add(state, &credit("Consumed, amount: '5.00'", "").replace("welcome", "granted").replace("bbbbb-1", "bbbbb-2"));
    });
    assert_eq!(reasons, [""; 0]);
}

#[test]
fn a_deleted_record_explains_its_line_and_nothing_follows() {
    assert_eq!(after(|state| forget(state, "db")), ["UsageRecord db: RecordGone"]);
}

#[test]
fn a_record_made_again_is_another() {
    let again = made("db", "2026-11-13T00:00:00Z", LATER, "");
    let uid = "uid: 00000000-0000-4000-8000-000000000001";
    let again = again.replace("namespace: acme,", &format!("namespace: acme, {uid},"));
    let reasons = after(|state| {
        forget(state, "db");
        add(state, &again);
    });
    assert_eq!(reasons, ["UsageRecord db: RecordMadeAgain"; 2]);
}

#[test]
fn a_late_record_is_told_and_no_other() {
    let late = made("late", "2026-11-15T00:00:00Z", LATER, ", end: '2026-11-16T00:00:00Z'");
    assert_eq!(after(|state| add(state, &late)), ["UsageRecord late: RecordLate"]);
}

#[test]
fn a_record_that_was_there_and_is_not_billed_has_no_lawful_reason() {
    let known = made("known", "2026-11-15T00:00:00Z", "2026-11-16T00:00:00Z", ", end: '2026-11-16T00:00:00Z'");
    assert_eq!(after(|state| add(state, &known)), ["UsageRecord known: unexplained"]);
}

#[test]
fn a_late_end_is_told() {
    let ended = record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-25T00:00:00Z'");
    assert_eq!(after(|state| add(state, &ended)), ["UsageRecord db: RecordEnded"]);
    let before = record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-12T00:00:00Z'");
    assert_eq!(after(|state| add(state, &before)), ["UsageRecord db: RecordEnded"]);
}

#[test]
fn a_late_correction_is_told_on_both_records() {
    let correction = made("right", "2026-11-12T00:00:00Z", LATER, ", replaces: db");
    assert_eq!(
        after(|state| add(state, &correction)),
        ["UsageRecord db: RecordReplaced", "UsageRecord right: RecordLate"]
    );
}

#[test]
fn a_payer_that_was_written_later_is_told() {
    let without = |state: &mut ObservedState| {
        Observes::<api::ProjectLedger>::forget(state, &ObjectKey::namespaced("acme", "acme-web"));
    };
    let mut state = world();
    without(&mut state);
    let invoice = final_of(&state);
    add(&mut state, ledger(&["shop"]).replace("2026-11-11T00:00:00Z", LATER).trim_start_matches("\n---\n"));
    assert_eq!(
        reasons(&compared(&state, &invoice)),
        ["projects: ProjectsChanged", "UsageRecord cache: PayerChanged", "UsageRecord db: PayerChanged"]
    );
}

#[test]
fn a_price_that_ends_is_told_on_the_lines_that_it_had() {
    let edited = "
kind: PriceList
metadata: {name: default, resourceVersion: '2', generation: 2}
spec:
  currency: USD
  entries:
  - {name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.026', validFrom: '2020-01-01T00:00:00Z', validUntil: '2026-11-15T00:00:00Z'}
  - {name: pg2, type: PostgreSQL, unit: Hour, unitPrice: '0.03', validFrom: '2026-11-15T00:00:00Z'}
";
    let reasons = after(|state| add(state, edited));
    let expected = ["UsageRecord cache: PriceListChanged", "UsageRecord db: PriceListChanged"];
    assert_eq!(reasons[..2], expected);
    assert!(reasons[2..].iter().all(|line| line.ends_with("PriceListChanged")), "{reasons:?}");
}

#[test]
fn an_entry_that_changes_nothing_of_the_month_is_no_difference() {
    let edited = "
kind: PriceList
metadata: {name: default, resourceVersion: '2', generation: 2}
spec:
  currency: USD
  entries:
  - {name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.026', validFrom: '2020-01-01T00:00:00Z'}
  - {name: kafka, type: Kafka, unit: Hour, unitPrice: '0.03', validFrom: '2020-01-01T00:00:00Z'}
";
    assert_eq!(after(|state| add(state, edited)), [""; 0]);
}

/// A negotiated price, from the 15th on.
const DEAL: &str = "
kind: PriceList
metadata: {name: deal, generation: 1}
spec:
  currency: USD
  entries: [{name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.02', validFrom: '2026-11-15T00:00:00Z'}]
";

/// A world whose group has a deal over the common prices.
fn negotiated_world() -> ObservedState {
    let mut state = world();
    add(&mut state, DEAL);
    add(&mut state, &shop(1, &TERMS.replace("terms: {", "terms: {priceLists: [deal, default], ")));
    state
}

#[test]
fn a_negotiated_list_over_the_common_one_comes_out_as_it_was() {
    let state = negotiated_world();
    let invoice = final_of(&state);
    let document = invoice.status.as_ref().unwrap().document.as_ref().unwrap();
    let lines = document.lines.iter().filter_map(|line| line.price.as_ref()?.list.as_deref());
    assert_eq!(lines.collect::<Vec<_>>(), ["deal", "default", "deal"]);
    let inputs = document.inputs.price_lists.iter().map(|list| list.name.as_str());
    assert_eq!(inputs.collect::<Vec<_>>(), ["deal", "default"]);
    assert_eq!(document.inputs.price_list, None);
    let terms = document.terms.as_ref().unwrap().price_lists.iter().map(|list| list.as_str());
    assert_eq!(terms.collect::<Vec<_>>(), ["deal", "default"]);
    assert_eq!(reasons(&compared(&state, &invoice)), [""; 0]);
}

#[test]
fn a_change_of_any_list_of_several_is_told() {
    let told = |before: &str, change: &dyn Fn(&mut ObservedState)| {
        let mut state = negotiated_world();
        add(&mut state, before);
        let invoice = final_of(&state);
        change(&mut state);
        let found = compared(&state, &invoice);
        let words = found.iter().filter_map(|difference| difference.explanation.as_ref());
        let words = words.filter(|explanation| explanation.reason == Reason::PriceListChanged);
        let mut words: Vec<_> = words.map(|explanation| explanation.message.clone()).collect();
        assert!(!reasons(&found).iter().any(|reason| reason.ends_with("unexplained")), "{:?}", reasons(&found));
        words.dedup();
        words
    };
    let list = |name: &str| {
        let name = name.to_owned();
        move |state: &mut ObservedState| drop(Observes::<api::PriceList>::forget(state, &ObjectKey::cluster(&name)))
    };
    let terms = |lists: &'static str| {
        let terms = TERMS.replace("terms: {", &format!("terms: {{priceLists: {lists}, "));
        move |state: &mut ObservedState| add(state, &shop(2, &terms))
    };
    assert_eq!(told(DEAL, &list("deal")), ["PriceList deal was deleted"]);
    assert_eq!(told(DEAL, &list("default")), ["PriceList default was deleted"]);
    let others = ["PriceList default applies now, and deal, default applied then"];
    assert_eq!(told(DEAL, &terms("[default]")), others);
    // An entry of the deal that is added for the 15th cuts lines of the common list.
    let kafka = DEAL.replace("PostgreSQL", "Kafka");
    let both = DEAL.replace("generation: 1", "generation: 2");
    let edited = ["PriceList deal has been edited since (generation 1, now 2)"];
    assert_eq!(told(&kafka, &|state: &mut ObservedState| add(state, &both)), edited);
}

/// A final as versions made it that had one price list, which its lines did not name, and recorded its resourceVersion.
fn of_version(invoice: &Invoice) -> Invoice {
    forged(invoice, |document| {
        let inputs = document["inputs"].as_object_mut().expect("inputs");
        let mut list = inputs.remove("priceLists").expect("price lists")[0].take();
        let fields = list.as_object_mut().expect("a price list");
        fields.remove("generation").expect("a generation");
        fields.insert("resourceVersion".to_owned(), json!("1"));
        inputs.insert("priceList".to_owned(), list);
        for line in document["lines"].as_array_mut().expect("lines") {
            if let Some(price) = line.get_mut("price") {
                price.as_object_mut().expect("a price").remove("list").expect("a list");
            }
        }
    })
}

/// Every line at twice its price, with a digest that fits.
fn dearer(invoice: &Invoice) -> Invoice {
    forged(invoice, |document| {
        for line in document["lines"].as_array_mut().expect("lines") {
            if line["source"]["kind"] == "UsageRecord" {
                line["unitPrice"] = json!("0.052");
            }
        }
    })
}

#[test]
fn a_final_that_records_a_resource_version_is_no_edit_of_a_list_that_nobody_edited() {
    let mut state = world();
    let invoice = of_version(&final_of(&state));
    assert!(compared(&state, &invoice).is_empty(), "it is what it was");
    // A status was written on the list: the version is another, the generation is not.
    add(
        &mut state,
        "
kind: PriceList
metadata: {name: default, resourceVersion: '7'}
spec:
  currency: USD
  entries: [{name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.026', validFrom: '2020-01-01T00:00:00Z'}]
status: {observedGeneration: 1}
",
    );
    assert!(compared(&state, &invoice).is_empty(), "a status is no price");
    let of_lines = |invoice: &Invoice| -> Vec<_> {
        let found = reasons(&compared(&state, invoice));
        found.into_iter().filter(|reason| reason.starts_with("UsageRecord")).collect()
    };
    let unexplained = ["UsageRecord cache: unexplained", "UsageRecord db: unexplained"];
    assert_eq!(of_lines(&dearer(&invoice)), unexplained, "forged");
    assert_eq!(of_lines(&dearer(&final_of(&state))), unexplained, "forged, with the generation");
}

#[test]
fn a_final_that_records_a_resource_version_may_be_by_what_the_list_said_before_it_was_edited() {
    let mut state = world();
    let invoice = of_version(&final_of(&state));
    add(&mut state, "
kind: PriceList
metadata: {name: default, resourceVersion: '7', generation: 2}
spec:
  currency: USD
  entries:
  - {name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.026', validFrom: '2020-01-01T00:00:00Z', validUntil: '2026-11-15T00:00:00Z'}
  - {name: pg2, type: PostgreSQL, unit: Hour, unitPrice: '0.03', validFrom: '2026-11-15T00:00:00Z'}
");
    let found = reasons(&compared(&state, &invoice));
    assert_eq!(found[..2], ["UsageRecord cache: PriceListChanged", "UsageRecord db: PriceListChanged"]);
}

/// A final as versions made it that recorded no terms.
fn of_earlier_version(invoice: &Invoice, more: impl FnOnce(&mut Value)) -> Invoice {
    forged(invoice, |document| {
        document.as_object_mut().unwrap().remove("terms").expect("terms");
        more(document);
    })
}

/// A world whose issuer taxes everything.
fn taxed_world() -> ObservedState {
    let mut state = world();
    let issuer = "kind: InvoiceIssuer\nmetadata: {name: default}\n\
        spec: {legalName: Example, taxRules: [{name: all, category: S, rate: '20'}]}\n";
    add(&mut state, issuer);
    state
}

#[test]
fn a_final_of_an_earlier_version_is_as_good_as_it_was_and_a_forged_one_is_found() {
    let state = taxed_world();
    let invoice = of_earlier_version(&final_of(&state), |_| {});
    assert_eq!(compared(&state, &invoice), []);
    for (field, value) in [("/lines/0/total", json!("1.00")), ("/buyer/displayName", json!("Other"))] {
        let forged = of_earlier_version(&final_of(&state), |document| {
            *document.pointer_mut(field).expect(field) = value;
        });
        assert_ne!(compared(&state, &forged), [], "{field}");
    }
}

#[test]
fn a_final_without_services_may_tell_of_a_discount_only_as_earlier_versions_did() {
    let mut state = state(&format!("{ACME}{}{}", binding("shop"), ledger(&["shop"])));
    add(&mut state, &shop(1, TERMS));
    let invoice = final_of(&state);
    let lines = &invoice.status.as_ref().unwrap().document.as_ref().unwrap().lines;
    let types: Vec<_> = lines.iter().map(|line| line.kind).collect();
    assert_eq!(types, [api::LineType::SupportCharge, api::LineType::CommitmentFee]);
    assert_eq!(compared(&state, &invoice), []);
    let telling = |kind: &str, name: &str| {
        let line =
            json!({"id": "0", "type": kind, "description": format!("{name}: 10 % off services"), "total": "0.00"});
        move |document: &mut Value| document["lines"].as_array_mut().unwrap().insert(0, line)
    };
    assert_eq!(compared(&state, &of_earlier_version(&invoice, telling("Multiplier", "Partner"))), []);
    assert_ne!(compared(&state, &of_earlier_version(&invoice, telling("ExtraCharge", "Partner"))), []);
    assert_ne!(compared(&state, &of_earlier_version(&invoice, telling("Multiplier", "Friends"))), []);
    assert_ne!(compared(&state, &forged(&invoice, telling("Multiplier", "Partner"))), []);
}

#[test]
fn the_line_by_which_earlier_versions_brought_a_final_to_zero_is_explained() {
    let state = world();
    let to_zero = |carried: &'static str| {
        move |document: &mut Value| {
            let source =
                json!({"kind": "BillingGroup", "name": "shop", "uid": uid("BillingGroup", "acme", "shop").to_string()});
            let line =
                json!({"id": "0", "type": "OtherEvent", "description": "Carried", "total": "1.00", "source": source});
            document["carriedForward"] = carried.into();
            document["lines"].as_array_mut().unwrap().push(line);
        }
    };
    let found = |invoice: &Invoice| reasons(&compared(&state, invoice));
    let carried = of_earlier_version(&final_of(&state), to_zero("1.00"));
    assert_eq!(found(&carried), ["BillingGroup shop: EarlierVersion"]);
    let other = of_earlier_version(&final_of(&state), to_zero("2.00"));
    assert_eq!(found(&other), ["BillingGroup shop: unexplained"]);
    assert_eq!(found(&forged(&final_of(&state), to_zero("1.00"))), ["BillingGroup shop: unexplained"]);
}

#[test]
fn edited_terms_are_told_on_what_they_change() {
    let other = TERMS.replace("percent: '10'", "percent: '20'").replace("displayName: Shop", "displayName: Store");
    let reasons = after(|state| add(state, &shop(2, &other)));
    assert!(
        reasons.iter().all(|line| line.ends_with("BillingGroupChanged") || line.ends_with("Follows")),
        "{reasons:?}"
    );
    for what in ["buyer.displayName: ", "discounts: ", "UsageRecord db: ", "UsageRecord cache: ", "BillingGroup shop: "]
    {
        assert!(reasons.contains(&format!("{what}BillingGroupChanged")), "{what} is not in {reasons:?}");
    }
    // The same, by somebody who has a way around generations.
    let reasons = after(|state| add(state, &shop(1, &other)));
    assert!(reasons.iter().all(|line| line.ends_with("unexplained")), "{reasons:?}");
}

#[test]
fn an_edited_issuer_is_told_on_what_it_changes() {
    let other = "
kind: InvoiceIssuer
metadata: {name: default, generation: 2}
spec: {legalName: Other, paymentTermDays: 9, taxRules: [{name: vat, category: S, rate: '25'}]}
";
    let reasons = after(|state| add(state, other));
    let expected =
        ["dueAt", "seller.legalName", "taxNote", "taxes"].map(|field| format!("{field}: InvoiceIssuerChanged"));
    assert_eq!(reasons, expected);
}

/// Lines say how they are taxed where a final has several taxes: whoever edits those changes no record.
#[test]
fn another_tax_is_told_on_the_lines_of_usage_too() {
    let issuer = |generation: u32, databases: &str| {
        format!(
            "kind: InvoiceIssuer\nmetadata: {{name: default, generation: {generation}}}\nspec: {{legalName: Example, taxRules: \
             [{{name: databases, serviceTypes: [PostgreSQL], {databases}}}, {{name: all, category: S, rate: '20'}}]}}\n"
        )
    };
    let mut state = world();
    add(&mut state, &issuer(1, "category: S, rate: '14'"));
    let invoice = final_of(&state);
    assert_eq!(compared(&state, &invoice), []);
    let retaxed = forged(&invoice, |document| document["lines"][0]["tax"]["rate"] = "20".into());
    let found = reasons(&compared(&state, &retaxed));
    assert!(found.iter().any(|line| line.ends_with("unexplained")), "{found:?}");

    add(&mut state, &issuer(2, "category: S, rate: '10'"));
    let found = reasons(&compared(&state, &invoice));
    for record in ["db", "cache"] {
        assert!(found.contains(&format!("UsageRecord {record}: InvoiceIssuerChanged")), "{record} in {found:?}");
    }
    assert!(found.iter().all(|line| !line.ends_with("unexplained")), "{found:?}");
    // One tax for all of it, which no line says any more.
    add(&mut state, &issuer(2, "category: S, rate: '20'"));
    let found = reasons(&compared(&state, &invoice));
    assert!(found.iter().all(|line| !line.ends_with("unexplained")), "{found:?}");
    // What is forged beside is found all the same.
    let renamed = forged(&invoice, |document| document["lines"][0]["description"] = "other".into());
    let found = reasons(&compared(&state, &renamed));
    assert!(found.iter().any(|line| line.ends_with("unexplained")), "{found:?}");
}

#[test]
fn whatever_is_forged_is_found_although_the_digest_is_right() {
    let state = world();
    let invoice = final_of(&state);
    let document = serde_json::to_value(invoice.status.as_ref().unwrap().document.as_ref().unwrap()).unwrap();
    assert_eq!(compared(&state, &forged(&invoice, |_| {})), []);
    let forgeries: [(&str, Value); 17] = [
        ("/lines/0/quantity", json!("47")),
        ("/lines/0/count", json!("3")),
        ("/lines/0/unitPrice", json!("0.025")),
        ("/lines/0/total", json!("1.00")),
        ("/lines/0/start", json!("2026-11-20T00:00:00Z")),
        ("/lines/0/project", json!("acme-api")),
        ("/lines/0/description", json!("cache")),
        ("/lines/0/source/uid", json!("00000000-0000-4000-8000-000000000001")),
        ("/lines/2/description", json!("Partner: 11 % off services")),
        ("/lines/3/total", json!("0.00")),
        ("/lines/4/total", json!("0.00")),
        ("/lines/5/total", json!("-6.00")),
        ("/buyer/displayName", json!("Somebody else")),
        ("/seller/legalName", json!("Somebody else")),
        ("/dueAt", json!("2027-12-01T01:00:00Z")),
        ("/discounts/0/percent", json!("11")),
        ("/taxNote", json!("No tax")),
    ];
    for (pointer, value) in forgeries {
        assert!(document.pointer(pointer).is_some_and(|known| *known != value), "there is no {pointer}: {document}");
        let invoice = forged(&invoice, |document| *document.pointer_mut(pointer).unwrap() = value);
        let found = compared(&state, &invoice);
        let lawful = pointer == "/lines/0/source/uid";
        assert_eq!(found.iter().any(Difference::is_unexplained), !lawful, "{pointer}: {found:?}");
        assert!(!found.is_empty(), "{pointer}");
    }
    for line in 0..6 {
        let invoice = forged(&invoice, |document| drop(document["lines"].as_array_mut().unwrap().remove(line)));
        let found = compared(&state, &invoice);
        assert!(found.iter().any(Difference::is_unexplained), "without line {line}: {found:?}");
    }
}

#[test]
fn a_forgery_does_not_hide_behind_a_lawful_change_of_the_same_record() {
    let mut state = world();
    let invoice = final_of(&state);
    let forged = forged(&invoice, |document| {
        document["lines"][1]["quantity"] = "400".into();
        document["lines"][1]["total"] = "9.36".into();
    });
    add(&mut state, &record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-25T00:00:00Z'"));
    assert_eq!(reasons(&compared(&state, &invoice)), ["UsageRecord db: RecordEnded"]);
    assert_eq!(reasons(&compared(&state, &forged)), ["UsageRecord db: unexplained"]);
}

#[test]
fn what_is_late_is_due_on_the_oldest_open_month_and_then_stands_on_its_final() {
    let mut state = world();
    let november = final_of(&state);
    let last = close(&mut state, &november);
    assert_eq!(compared(&state, &november), []);

    add(&mut state, &made("late", "2026-11-15T00:00:00Z", LATER, ", end: '2026-11-16T00:00:00Z'"));
    add(&mut state, &record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-25T00:00:00Z'"));
    let both = |adjustment: &str| {
        ["UsageRecord db: RecordEnded", "UsageRecord late: RecordLate"]
            .map(|reasons| format!("{reasons}, {adjustment}"))
    };
    assert_eq!(adjusted(&state, &november), both("to be adjusted on bbbbb-2, the oldest invoice that is not final"));

    let december = final_for(&state, "2026-12", "2027-01-01T01:00:00Z", Some(&last));
    close(&mut state, &december);
    assert_eq!(adjusted(&state, &november), both("adjusted on bbbbb-2"));
    assert_eq!(compared_after(&state, &december, Some(&last)), []);
    assert_eq!(by_itself(&december, &last), []);
    let explained = explain(&IssuedInvoice::new(&december, []).unwrap());
    let late = "24 h × 0.026 USD = 0.624 → 0.62; −10 % Partner → 0.56";
    assert!(explained.lines.iter().any(|line| line.derivation == late), "{explained:?}");
    let dearer = forged(&december, |document| {
        let lines = document["lines"].as_array_mut().unwrap();
        lines.iter_mut().find(|line| line["adjusts"].is_object() && line["unitPrice"].is_string()).unwrap()["preDiscount"] =
            "0.63".into();
    });
    assert_ne!(by_itself(&dearer, &last), [], "late usage is computed again like any other");
    for field in ["total", "description"] {
        let forged = forged(&december, |document| {
            let lines = document["lines"].as_array_mut().unwrap();
            lines.iter_mut().find(|line| line["adjusts"].is_object()).unwrap()[field] = "7.00".into();
        });
        assert!(compared_after(&state, &forged, Some(&last)).iter().any(Difference::is_unexplained), "{field}");
    }

    add(
        &mut state,
        &made("right", "2026-11-15T00:00:00Z", "2027-01-02T00:00:00Z", ", end: '2026-11-15T12:00:00Z', replaces: late"),
    );
    let told_later = reasons(&compared_after(&state, &december, Some(&last)));
    assert_eq!(told_later, ["UsageRecord late: RecordReplaced", "UsageRecord right: RecordLate"]);
    forget(&mut state, "right");
    forget(&mut state, "late");
    assert_eq!(reasons(&compared_after(&state, &december, Some(&last))), ["UsageRecord late: RecordGone"]);
    assert_eq!(reasons(&compared(&state, &november)), ["UsageRecord db: RecordEnded"]);
}

#[test]
fn what_an_invoice_carries_forward_the_next_one_begins_with() {
    let mut state = world();
    add(&mut state, &shop(1, "{}"));
    let november = close_as(&mut state, "{}", final_of);
    add(&mut state, &record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-13T00:00:00Z'"));
    let december =
        close_as(&mut state, "{}", |state| final_for(state, "2026-12", "2027-01-01T01:00:00Z", Some(&november.1)));
    assert_eq!(compared_after(&state, &december.0, Some(&november.1)), []);
    assert_eq!(by_itself(&december.0, &november.1), []);
    let less = forged(&december.0, |document| document["carriedForward"] = "0.01".into());
    assert_ne!(by_itself(&less, &november.1), []);
    let january = final_for(&state, "2027-01", "2027-02-01T01:00:00Z", Some(&december.1));
    assert!(december.1.carried_forward.is_some());
    assert_eq!(compared_after(&state, &january, Some(&december.1)), []);
    let without = compared_after(&state, &january, Some(&LastFinal { carried_forward: None, ..december.1 }));
    assert!(without.iter().any(Difference::is_unexplained), "{without:?}");
}

#[test]
fn a_ledger_that_was_written_just_before_the_final_is_the_one_that_it_was_made_by() {
    let mut state = world();
    add(
        &mut state,
        ledger(&["shop"]).replace("2026-11-11T00:00:00Z", "2026-12-01T00:59:00Z").trim_start_matches("\n---\n"),
    );
    let invoice = final_of(&state);
    assert_eq!(compared(&state, &invoice), []);
    add(&mut state, &record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-25T00:00:00Z'"));
    assert_eq!(reasons(&compared(&state, &invoice)), ["UsageRecord db: RecordEnded"]);
}

#[test]
fn a_default_that_yields_after_the_final_is_told() {
    let mut state = world();
    let segments = ledger(&["shop", "main"]).replace("2026-11-12T00:00:00Z", LATER);
    let (first, second) = ("2026-11-11T00:00:00Z", "2026-12-01T12:00:00Z");
    let by_default = segments
        .replace(first, "2026-12-01T00:30:00Z")
        .replace("\"from\":\"2026-12-01T00:30:00Z\"", "\"default\":true,\"from\":\"2026-12-01T00:30:00Z\"");
    assert!(by_default.contains("default"), "{by_default}");
    let before = ledger(&["shop"]).replace(first, "2026-12-01T00:30:00Z");
    add(&mut state, before.trim_start_matches("\n---\n"));
    let invoice = final_of(&state);
    add(&mut state, by_default.replace(LATER, second).trim_start_matches("\n---\n"));
    let reasons = reasons(&compared(&state, &invoice));
    let expected = ["projects: ProjectsChanged", "UsageRecord cache: PayerChanged", "UsageRecord db: PayerChanged"];
    assert_eq!(reasons, expected);
}

#[test]
fn another_currency_and_a_price_list_that_is_gone_explain_every_line() {
    let both = |reason: &str| ["cache", "db"].map(|record| format!("UsageRecord {record}: {reason}"));
    let euro = TERMS.replace("{displayName", "{currency: EUR, displayName").replace("currency: USD}", "currency: EUR}");
    let reasons = after(|state| add(state, &shop(2, &euro)));
    assert_eq!(reasons[reasons.len() - 2..], both("BillingGroupChanged"), "{reasons:?}");
    assert!(!reasons.iter().any(|reasons| reasons.ends_with("unexplained")), "{reasons:?}");
    let reasons = after(|state| drop(Observes::<api::PriceList>::forget(state, &ObjectKey::cluster("default"))));
    assert_eq!(reasons, both("PriceListChanged"));
}

#[test]
fn late_usage_of_an_earlier_month_leaves_what_a_credit_paid() {
    let mut state = world();
    let november = final_of(&state);
    let last = close(&mut state, &november);
    let promotion = |taken: &str| {
        let credit = credit("Reserved, amount: '0.00'", taken).replace("welcome", "promo");
        credit.replace("amount: '5'", "amount: '1000'")
    };
    add(&mut state, &promotion(""));
    let december = final_for(&state, "2026-12", "2027-01-01T01:00:00Z", Some(&last));
    close(&mut state, &december);
    let document = december.status.as_ref().unwrap().document.as_ref().unwrap();
    let paid = document.lines.iter().find(|line| line.kind == api::LineType::CreditConsumption).unwrap();
    let taken = format!(", {{invoice: bbbbb-2, state: Consumed, amount: '{}'}}", paid.total.trim_start_matches('-'));
    add(&mut state, &promotion(&taken));
    assert_eq!(compared_after(&state, &december, Some(&last)), []);

    add(&mut state, &made("late", "2026-11-15T00:00:00Z", "2027-01-02T00:00:00Z", ", end: '2026-11-16T00:00:00Z'"));
    assert_eq!(reasons(&compared_after(&state, &december, Some(&last))), ["UsageRecord late: RecordLate"]);
    assert_eq!(reasons(&compared(&state, &november)), ["UsageRecord late: RecordLate"]);
}

#[test]
fn a_line_that_was_taken_off_does_not_hide_behind_a_later_end() {
    let mut state = world();
    let november = final_of(&state);
    let last = close(&mut state, &november);
    add(&mut state, &made("late", "2026-11-15T00:00:00Z", LATER, ""));
    let december = final_for(&state, "2026-12", "2027-01-01T01:00:00Z", Some(&last));
    close(&mut state, &december);
    // It ended before December began, so there is no line of December now, either.
    add(&mut state, &made("late", "2026-11-15T00:00:00Z", LATER, ", end: '2026-11-15T01:00:00Z'"));
    let without = forged(&december, |document| {
        document["lines"]
            .as_array_mut()
            .unwrap()
            .retain(|line| line["source"]["name"] != "late" || line["adjusts"].is_object());
    });
    let found = reasons(&compared_after(&state, &december, Some(&last)));
    assert_eq!(found, ["UsageRecord late: RecordEnded"; 2]);
    let found = reasons(&compared_after(&state, &without, Some(&last)));
    assert_eq!(found, ["UsageRecord late: RecordEnded", "UsageRecord late: unexplained"]);
}

#[test]
fn a_forged_amount_does_not_hide_behind_services_that_are_gone() {
    let mut state = world();
    add(&mut state, &shop(1, "{}"));
    forget(&mut state, "cache");
    let prices = "kind: PriceList\nmetadata: {name: default}\nspec: {currency: EUR, entries: [{name: pg, type: PostgreSQL, \
        unit: Hour, unitPrice: '0.026', validFrom: '2020-01-01T00:00:00Z'}]}\n";
    add(&mut state, prices);
    add(
        &mut state,
        "kind: ExchangeRates\nmetadata: {name: ecb-2026}\nspec: {source: ecb, year: 2026, base: EUR, \
        quotes: [{date: '2026-11-27', rates: {USD: '1.3'}}]}\n",
    );
    add(&mut state, "kind: InvoiceIssuer\nmetadata: {name: default}\nspec: {legalName: Example, exchangeRates: ecb}\n");
    let november = final_of(&state);
    // What replaces the only record ran later: November has no services any more, and a rate all the same.
    add(&mut state, &made("right", "2026-12-01T00:00:00Z", LATER, ", replaces: db"));
    assert_eq!(reasons(&compared(&state, &november)), ["UsageRecord db: RecordReplaced"]);
    let dearer = forged(&november, |document| document["lines"][0]["total"] = "99.00".into());
    assert_eq!(reasons(&compared(&state, &dearer)), ["UsageRecord db: unexplained"]);
}

/// The final of November as earlier versions made it: with lines of no hours, and at the price of whatever is spelled so.
fn final_of_before(state: &ObservedState) -> Invoice {
    final_billed(state, "2026-11", ISSUED, None, |view| {
        let bill = |inputs: &GroupMonth<'_>| {
            bill_group_month(&GroupMonth { lists_no_hours: true, prices: &inputs.prices.as_written(), ..*inputs })
        };
        view.with_inputs(at(ISSUED), bill).unwrap().unwrap()
    })
}

#[test]
fn a_final_of_an_earlier_version_may_have_lines_of_no_hours() {
    let mut state = world();
    add(&mut state, &record("night", "2026-10-31T23:30:00Z", ", end: '2026-11-01T00:20:00Z'"));
    assert_eq!(compared(&state, &final_of(&state)), []);
    let before = final_of_before(&state);
    assert_ne!(before, final_of(&state), "it has a line more");
    assert_eq!(compared(&state, &before), []);
    let dearer = forged(&before, |document| {
        let lines = document["lines"].as_array_mut().unwrap();
        let line = lines.iter_mut().find(|line| line["quantity"] == "0").unwrap();
        line["total"] = "5.00".into();
    });
    assert_eq!(reasons(&compared(&state, &dearer))[0], "UsageRecord night: unexplained");
}

#[test]
fn a_final_of_before_a_price_in_another_spelling_stays_as_it_is() {
    let mut state = world();
    let night = record("night", "2026-11-05T00:00:00Z", ", end: '2026-11-06T00:00:00Z'");
    add(&mut state, &night.replace("type: PostgreSQL", "type: PostgreSQL, plan: Hobbyist"));
    let (general, plan) =
        ("{name: all, type: PostgreSQL, unit: Hour, unitPrice: '1'", "validFrom: '2020-01-01T00:00:00Z'}");
    let list = format!(
        "kind: PriceList\nmetadata: {{name: default}}\nspec: {{currency: USD, entries: [{general}, {plan}, \
         {{name: plan, type: PostgreSQL, plan: HOBBYIST, unit: Hour, unitPrice: '2', {plan}]}}\n"
    );
    add(&mut state, &list);
    let before = final_of_before(&state);
    assert_eq!(compared(&state, &before), []);
    let forged = forged(&before, |document| document["lines"][0]["total"] = "0.01".into());
    assert_ne!(compared(&state, &forged), []);
}

/// What a month gives back is no Credit before it is final, and the next one is estimated with it all the same.
#[test]
fn an_estimate_uses_what_the_open_month_before_it_gives_back() {
    let mut state = state(&format!("{ACME}{}{}", binding("shop"), ledger(&["shop"])));
    let terms = "{displayName: Shop}";
    add(&mut state, &shop(1, terms));
    add(&mut state, &record("db", "2026-11-12T00:00:00Z", ", end: '2026-12-01T00:00:00Z'"));
    add(&mut state, &credit("Reserved, amount: '5.00'", ""));
    close_as(&mut state, terms, final_of);
    add(&mut state, &credit("Consumed, amount: '5.00'", ""));
    let replaces = ", end: '2026-11-12T01:00:00Z', replaces: db";
    add(&mut state, &made("none", "2026-11-12T00:00:00Z", "2026-12-05T00:00:00Z", replaces));
    add(&mut state, &record("next", "2027-01-01T00:00:00Z", ""));
    let (organization, group) = (Name::from("acme"), uid("BillingGroup", "acme", "shop"));
    let plan = plan_group(&state, &organization, group, &settings(), None, at("2027-01-10T00:00:00Z")).unwrap();
    let GroupPlan::Steady(steady) = plan else { panic!("{plan:?}") };
    let documents: Vec<_> =
        steady.writes.iter().map(|write| &write.write.rendered.as_ref().unwrap().document).collect();
    let [december, january] = documents[..] else { panic!("{documents:?}") };
    let names = |document: &api::Document| -> Vec<String> {
        document.returned_credits.iter().map(|one| format!("{} {}", &*one.name, &*one.amount)).collect()
    };
    assert_eq!((names(december), names(january)), (vec!["bbbbb-2-1-welcome 4.97".to_owned()], vec![]));
    let used = january.lines.iter().find(|line| line.kind == api::LineType::CreditConsumption).unwrap();
    assert_eq!((used.source.as_ref().unwrap().name.as_str(), used.total.as_str()), ("bbbbb-2-1-welcome", "-4.97"));
    assert_eq!(january.inputs.credits, []);
}

/// Earlier versions cut slices at other lines.
#[test]
fn slices_that_were_cut_at_other_lines_come_out_again() {
    let mut state = world();
    for number in 0..700 {
        let hour = format!("2026-11-{:02}T{:02}:00:00Z", 1 + number / 24, number % 24);
        add(
            &mut state,
            &record(&format!("job-{number}"), &hour, &format!(", end: '{}'", hour.replace(":00:00Z", ":30:00Z"))),
        );
    }
    let mut rendered = None;
    let invoice = final_billed(&state, "2026-11", ISSUED, None, |view| {
        let bill = view.bill(at(ISSUED)).unwrap();
        rendered = Some(view.final_document(&bill, at(ISSUED)).unwrap());
        bill
    });
    let mut rendered = rendered.unwrap();
    let total: i32 = rendered.document.slices.iter().map(|slice| slice.lines).sum();
    let mut cut = rendered.document.clone();
    cut.slices.truncate(2);
    (cut.slices[0].lines, cut.slices[1].lines) = (500, total - 500);
    recut(&mut rendered, &cut, "USD".parse().unwrap()).unwrap();
    rendered.document.digest = document_digest(&rendered.document).unwrap();
    assert_eq!(rendered.document.slices.iter().map(|slice| slice.lines).collect::<Vec<_>>(), [500, total - 500]);
    let mut earlier = invoice.clone();
    earlier.status.as_mut().unwrap().document = Some(rendered.document.clone());
    let (settings, organization) = (settings(), Name::from("acme"));
    let records = RecomputeInputs { state: &state, organization: &organization, previous: None, settings: &settings };
    let issued = IssuedInvoice::new(&earlier, rendered.slices.iter().map(|slice| &slice.spec)).unwrap();
    assert_eq!(compare(&records, &issued).unwrap(), []);
}
