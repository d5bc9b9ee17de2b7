//! What is written on what the provider publishes, on a state written as manifests.

use super::plan_published;
use crate::conditions::find;
use crate::scenario::{at, state};
use billing_api as api;
use billing_domain::Name;
use billing_state::{ObjectKey, ObservedState, Observes, Published};

const NOW: &str = "2026-11-20T00:00:00Z";

/// The status that the object `default` gets: `Ready reason: message`, and `stalled` where somebody has to act.
fn said(state: &ObservedState, kind: Published) -> String {
    let plan = plan_published(state, kind, &Name::from("default"), at(NOW)).expect("it is there");
    let Some(status) = plan.status else { return "nothing new".to_owned() };
    let ready = find(&status.conditions, "Ready").expect("a condition");
    let stalled = find(&status.conditions, "Stalled");
    assert!(stalled.is_none_or(|stalled| (&stalled.reason, &stalled.message) == (&ready.reason, &ready.message)));
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == status.observed_generation));
    let stalled = if stalled.is_some() { "stalled, " } else { "" };
    format!("{stalled}{} {}: {}", ready.status, ready.reason, ready.message)
}

#[track_caller]
fn check(kind: Published, manifest: &str, expected: &str) {
    assert_eq!(said(&state(manifest), kind), expected);
}

fn list(entries: &str) -> String {
    format!("kind: PriceList\nmetadata: {{name: default}}\nspec: {{currency: USD, entries: [{entries}]}}\n")
}

fn entry(name: &str, kind: &str, from: &str) -> String {
    format!("{{name: {name}, type: {kind}, unit: Hour, unitPrice: '1', validFrom: '{from}'}}")
}

#[test]
fn a_price_list_names_the_entries_that_cannot_be_used() {
    let (vm, disk) = (entry("vm", "VM", "2020-01-01T00:00:00Z"), entry("disk", "Disk", "2020-01-01T00:00:00Z"));
    check(Published::PriceList, &list(&format!("{vm}, {disk}")), "True Usable: every part can be used");
    let twice = format!("{vm}, {}, {disk}", entry("vm2", "VM", "2021-01-01T00:00:00Z"));
    let overlap = "spec.entries of type VM: the entries vm and vm2 are equally specific and both valid at \
                   2021-01-01T00:00:00Z; end one of them with validUntil";
    check(Published::PriceList, &list(&twice), &format!("stalled, False Unusable: {overlap}"));
    let many: Vec<_> = (0..7)
        .flat_map(|kind| {
            let entry = |name: &str| entry(&format!("{name}{kind}"), &format!("T{kind}"), "2020-01-01T00:00:00Z");
            [entry("a"), entry("b")]
        })
        .collect();
    let said = said(&state(&list(&many.join(", "))), Published::PriceList);
    assert!(
        said.contains("of type T4: ") && !said.contains("of type T5: ") && said.ends_with(", and 2 more"),
        "{said}"
    );
    let currency = list("").replace("USD", "XTS");
    let told = self::said(&state(&currency), Published::PriceList);
    assert!(told.starts_with("stalled, False Unusable: spec.currency: \"XTS\""), "{told}");
}

#[test]
fn an_issuer_names_the_fields_that_cannot_be_used() {
    let issuer =
        |more: &str| format!("kind: InvoiceIssuer\nmetadata: {{name: default}}\nspec: {{legalName: Example{more}}}\n");
    check(Published::InvoiceIssuer, &issuer(""), "True Usable: every part can be used");
    let slips = ", address: {countryCode: QQ}, minimumCharge: [{amount: '0.5', currency: JPY}, {amount: '1', currency: USD}], \
                 taxRules: [{name: all, countries: [DE, ZZ], category: S, rate: '19'}]";
    let expected = "stalled, False Unusable: spec.address.countryCode: QQ is no country of ISO 3166-1; \
                    spec.minimumCharge[0].amount: 0.5 JPY: JPY has no decimals; \
                    spec.taxRules[0].countries[1]: ZZ is no country of ISO 3166-1";
    check(Published::InvoiceIssuer, &issuer(slips), expected);
}

#[test]
fn rates_say_what_of_them_is_passed_over() {
    let rates = |base: &str, quotes: &str| {
        format!(
            "kind: ExchangeRates\nmetadata: {{name: default}}\nspec: {{source: x, year: 2026, base: {base}, quotes: [{quotes}]}}\n"
        )
    };
    let day = "{date: '2026-01-02', rates: {USD: '1.25'}}";
    check(Published::ExchangeRates, &rates("EUR", day), "True Usable: every part can be used");
    let odd = format!("{day}, {{date: '2026-02-29', rates: {{USD: '1', UDS: '2'}}}}");
    let expected = "True Usable: every part can be used; passed over: 2026-02-29, UDS";
    check(Published::ExchangeRates, &rates("EUR", &odd), expected);
    let told = said(&state(&rates("XTS", day)), Published::ExchangeRates);
    assert!(told.starts_with("stalled, False Unusable: spec.base: \"XTS\""), "{told}");
}

fn code(more: &str, status: &str) -> String {
    format!(
        "kind: CreditCode\nmetadata: {{name: default}}\nspec: {{type: Trial, amount: {{amount: '20', currency: USD}}{more}}}\n{status}"
    )
}

#[test]
fn a_code_says_whether_it_can_be_redeemed() {
    check(Published::CreditCode, &code("", ""), "True Redeemable: can be redeemed once");
    let until = |day: &str| code(&format!(", redeemUntil: {day}T00:00:00Z"), "");
    let later = state(&until("2026-11-21"));
    assert_eq!(
        said(&later, Published::CreditCode),
        "True Redeemable: can be redeemed once, before 2026-11-21T00:00:00Z"
    );
    let wake = plan_published(&later, Published::CreditCode, &Name::from("default"), at(NOW)).unwrap().wake;
    assert_eq!(wake, Some(at("2026-11-21T00:00:00Z")));
    check(Published::CreditCode, &until("2026-11-20"), "True Expired: nobody redeemed it before 2026-11-20T00:00:00Z");
    let by = "status: {redeemedBy: {organization: acme, name: welcome, uid: 33333333-3333-4333-8333-333333333333, at: 2026-11-01T00:00:00Z}}\n";
    check(
        Published::CreditCode,
        &code("", by),
        "True Redeemed: redeemed by Credit acme/welcome at 2026-11-01T00:00:00Z",
    );
    let yen = code("", "").replace("'20', currency: USD", "'0.5', currency: JPY");
    let expected = "stalled, False Unusable: spec.amount.amount: 0.5 JPY: JPY has no decimals; delete the code, and create another";
    check(Published::CreditCode, &yen, expected);
}

/// Writes the planned status on the price list `default`, as a server stores it.
fn written(state: &ObservedState, manifest: &str) -> api::PriceList {
    let plan = plan_published(state, Published::PriceList, &Name::from("default"), at(NOW)).expect("it is there");
    let object: serde_json::Value = serde_saphyr::from_str(manifest).unwrap();
    let mut list: api::PriceList = serde_json::from_value(object).unwrap();
    list.metadata.uid = Some(crate::scenario::uid("PriceList", "", "default").to_string());
    (list.metadata.generation, list.metadata.resource_version) = (Some(1), Some("2".to_owned()));
    list.status = plan.status;
    list
}

#[test]
fn what_is_written_holds_and_concerns_nobody_else() {
    let manifest = list(&entry("vm", "VM", "2020-01-01T00:00:00Z"));
    let mut state = state(&format!("{}\n---\n{manifest}", crate::scenario::ACME));
    let list = written(&state, &manifest);
    let keys = state.observe(list.clone());
    assert_eq!(keys.len(), 1, "its groups are not billed anew: {keys:?}");
    assert_eq!(said(&state, Published::PriceList), "nothing new");
    // A change of what it says does concern them.
    let mut edited = list;
    edited.metadata.generation = Some(2);
    edited.spec.entries.clear();
    assert!(state.observe(edited).len() > 1);
    assert!(said(&state, Published::PriceList).starts_with("True Usable"), "of the generation that it has now");
}

#[test]
fn what_does_not_decode_says_so_once() {
    let mut state = state(&list(""));
    let (key, name) = (ObjectKey::cluster("default"), Name::from("default"));
    Observes::<api::PriceList>::reject(&mut state, &key, "unknown variant `Month`".to_owned());
    let expected = "stalled, False Unreadable: the operator cannot decode it: unknown variant `Month`; correct it, or run the operator \
                    of the release that wrote it";
    assert_eq!(said(&state, Published::PriceList), expected);
    let status = plan_published(&state, Published::PriceList, &name, at(NOW)).unwrap().status.unwrap();
    assert_eq!(status.observed_generation, None, "nobody knows it");
    state.record_readiness(Published::PriceList, &name, status);
    Observes::<api::PriceList>::reject(&mut state, &key, "unknown variant `Month`".to_owned());
    assert_eq!(said(&state, Published::PriceList), "nothing new", "its own write comes back from the watch");
    Observes::<api::PriceList>::forget(&mut state, &key);
    assert!(plan_published(&state, Published::PriceList, &name, at(NOW)).is_none());
}
