//! When an estimate is written again.

use serde_json::json;

use super::{EstimatePlan, GroupInvoices, MonthView, Predecessor, plan_estimate};
use crate::invoice::{InvoiceFacts, make_invoice};
use crate::scenario::{ACME, add, at, binding, ledger, settings, state, stored, uid};
use billing_api as api;
use billing_domain::{Bill, HoldReason, Money, Month, Name, ProjectSubtotal};
use billing_state::{ObjectKey, ObservedState, Observes};

/// State with one record of `acme-web`, running or ended.
fn with_usage(end: &str) -> ObservedState {
    let usage = format!(
        "\n---\nkind: UsageRecord\nmetadata: {{name: db, namespace: acme}}\n\
         spec: {{project: acme-web, service: {{name: db, type: PostgreSQL}}, start: '2026-11-21T00:00:00Z'{end}}}\n"
    );
    state(&format!("{ACME}{}{}{usage}", binding("shop"), ledger(&["shop"])))
}

/// Looks at the open month of `shop` at `now`.
fn look<T>(state: &ObservedState, now: &str, look: impl FnOnce(&MonthView<'_>) -> T) -> T {
    let group = uid("BillingGroup", "acme", "shop");
    let known = state.organization("acme").unwrap();
    let settings = settings();
    let invoices = GroupInvoices {
        state,
        organization: known,
        group: known.organization.group(group).unwrap(),
        object: known.group(group).unwrap(),
        series: "bbbbb",
        settings: &settings,
        pending_projects: &[],
        pending_reissue: None,
    };
    let credits = known.credits.readable_credits(invoices.group);
    look(&invoices.month(Month::of(at(now)), Predecessor::None, &credits).unwrap())
}

fn plan(view: &MonthView<'_>, now: &str) -> EstimatePlan {
    plan_estimate(view, view.invoices.organization.invoices.estimate("bbbbb-1"), at(now)).unwrap()
}

/// Plans the open month of `shop` at `now`; what is written goes into the state. Answers with the total, if written.
fn write(state: &mut ObservedState, now: &str) -> Option<String> {
    let invoice = look(state, now, |view| {
        let write = plan(view, now).write?;
        let mut invoice = make_invoice(&InvoiceFacts::of(view, &Name::from("acme")));
        invoice.status = Some(api::InvoiceStatus {
            phase: Some(api::InvoicePhase::Estimate),
            document: write.rendered.map(|rendered| rendered.document),
            conditions: write.conditions,
            ..Default::default()
        });
        Some(invoice)
    })?;
    let total =
        invoice.status.as_ref().and_then(|status| status.document.as_ref()).map(|document| document.total.to_string());
    state.observe(stored(invoice));
    total
}

#[test]
fn running_usage_is_written_once_an_interval() {
    let mut state = with_usage("");
    assert_eq!(write(&mut state, "2026-11-21T12:00:00Z").as_deref(), Some("0.31"));
    assert_eq!(write(&mut state, "2026-11-21T12:00:30Z"), None);
    assert_eq!(write(&mut state, "2026-11-21T12:14:59Z"), None);
    assert_eq!(write(&mut state, "2026-11-21T12:15:00Z").as_deref(), Some("0.34"));
}

#[test]
fn what_ended_is_never_written_again() {
    let mut state = with_usage(", end: '2026-11-21T10:00:00Z'");
    assert_eq!(write(&mut state, "2026-11-21T12:00:00Z").as_deref(), Some("0.26"));
    assert_eq!(write(&mut state, "2026-11-22T12:00:00Z"), None);
}

/// `shop` pays in EUR for a record that ended, by quotes of these days.
fn abroad(quotes: &str) -> ObservedState {
    let mut state = with_usage(", end: '2026-11-21T10:00:00Z'");
    let group = ACME.split("\n---\n").find(|document| document.contains("name: shop")).unwrap();
    let euro = group.replace("spec: {}", "spec: {currency: EUR}");
    let issuer = "kind: InvoiceIssuer\nmetadata: {name: default}\nspec: {legalName: Example, exchangeRates: ecb}";
    add(&mut state, &euro);
    add(&mut state, issuer);
    add(&mut state, &rates(quotes));
    state
}

fn rates(quotes: &str) -> String {
    format!(
        "kind: ExchangeRates\nmetadata: {{name: ecb-2026}}\nspec: {{source: ecb, year: 2026, base: EUR, quotes: [{quotes}]}}"
    )
}

const QUOTED: &str = "{date: '2026-11-20', rates: {USD: '1.3'}}, {date: '2026-11-23', rates: {USD: '1.04'}}";

#[test]
fn in_another_currency_the_day_and_a_new_quote_are_written_and_nothing_else() {
    let mut state = abroad(QUOTED);
    assert_eq!(write(&mut state, "2026-11-21T12:00:00Z").as_deref(), Some("0.20"));
    assert_eq!(write(&mut state, "2026-11-21T23:59:59Z"), None);
    // Its day is told, whatever the day brings.
    assert_eq!(write(&mut state, "2026-11-22T00:00:00Z").as_deref(), Some("0.20"));
    assert_eq!(write(&mut state, "2026-11-22T18:00:00Z"), None);
    assert_eq!(write(&mut state, "2026-11-23T00:00:00Z").as_deref(), Some("0.25"));
    assert_eq!(write(&mut state, "2026-11-24T00:00:00Z").as_deref(), Some("0.25"));
    add(&mut state, &rates(&format!("{QUOTED}, {{date: '2026-11-24', rates: {{USD: '2.6'}}}}")));
    assert_eq!(write(&mut state, "2026-11-24T15:00:00Z").as_deref(), Some("0.10"));
    assert_eq!(write(&mut state, "2026-11-24T15:00:01Z"), None);
}

#[test]
fn a_rate_that_is_missing_is_looked_for_when_a_quote_comes() {
    let mut state = abroad("");
    assert_eq!(write(&mut state, "2026-11-21T12:00:00Z").as_deref(), Some("0.00"));
    assert_eq!(write(&mut state, "2026-11-21T18:00:00Z"), None);
    add(&mut state, &rates(QUOTED));
    assert_eq!(write(&mut state, "2026-11-21T18:00:01Z").as_deref(), Some("0.20"));
}

#[test]
fn an_estimate_wakes_at_midnight_for_a_rate_and_not_without() {
    let now = "2026-11-21T23:50:00Z";
    let wake = |state: &ObservedState| look(state, now, |view| plan(view, now).wake);
    assert_eq!(wake(&abroad(QUOTED)), Some(at("2026-11-22T00:00:00Z")));
    assert_eq!(wake(&with_usage(", end: '2026-11-21T10:00:00Z'")), Some(at("2026-11-22T00:05:00Z")));
}

/// A credit of `shop`, in a version.
fn credit(name: &str, version: &str, status: &str) -> String {
    format!(
        "kind: Credit\nmetadata: {{name: {name}, namespace: acme, resourceVersion: '{version}'}}\nspec: {{billingGroup: shop, \
         type: Trial, amount: {{amount: '0.25', currency: USD}}}}\nstatus: {{{status}}}"
    )
}

/// The credits that the estimate names, with their versions.
fn named(state: &ObservedState) -> Vec<String> {
    let estimate = state.organization("acme").unwrap().invoices.estimate("bbbbb-1").unwrap();
    estimate.credits.iter().map(|named| format!("{} {}", &*named.name, named.resource_version)).collect()
}

#[test]
fn an_estimate_names_its_credits_and_is_not_written_again_for_a_mere_version() {
    let mut state = with_usage(", end: '2026-11-21T10:00:00Z'");
    // The first to be used is not the first by name.
    add(&mut state, &credit("b", "7", "startsAt: '2026-01-01T00:00:00Z'"));
    add(&mut state, &credit("a", "8", "startsAt: '2026-02-01T00:00:00Z'"));
    assert_eq!(write(&mut state, "2026-11-21T12:00:00Z").as_deref(), Some("0.00"));
    assert_eq!(named(&state), ["a 8", "b 7"]);
    add(&mut state, &credit("b", "9", "startsAt: '2026-01-01T00:00:00Z'"));
    assert_eq!(write(&mut state, "2026-11-21T12:00:01Z"), None);
    assert_eq!(write(&mut state, "2026-11-21T13:00:00Z"), None);
    let taken = "reservations: [{invoice: bbbbb-9, amount: '0.25', state: Consumed}]";
    add(&mut state, &credit("b", "10", taken));
    assert_eq!(write(&mut state, "2026-11-21T13:00:01Z").as_deref(), Some("0.01"));
    assert_eq!(named(&state), ["a 8"]);
    add(&mut state, &credit("b", "11", "startsAt: '2026-03-01T00:00:00Z'"));
    add(&mut state, &credit("a", "12", "startsAt: '2026-02-01T00:00:00Z'"));
    assert_eq!(write(&mut state, "2026-11-21T13:00:02Z").as_deref(), Some("0.00"));
    assert_eq!(named(&state), ["a 12", "b 11"]);
}

#[test]
fn a_change_is_written_at_once_as_of_now() {
    let mut state = with_usage("");
    assert_eq!(write(&mut state, "2026-11-21T12:00:00Z").as_deref(), Some("0.31"));
    let ended = "
kind: UsageRecord
metadata: {name: db2, namespace: acme, uid: 00000000-0000-4000-8000-000000000001, creationTimestamp: '2026-11-21T12:00:01Z'}
spec: {project: acme-web, service: {name: db2, type: PostgreSQL}, start: '2026-11-21T11:00:00Z', end: '2026-11-21T12:00:00Z'}
";
    state.observe(serde_saphyr::from_str::<api::UsageRecord>(ended).unwrap());
    assert_eq!(write(&mut state, "2026-11-21T12:00:02Z").as_deref(), Some("0.37"));
}

/// A record whose line fills a slice alone.
fn long_record(number: u32) -> api::UsageRecord {
    let uid = format!("00000000-0000-4000-8000-{number:012}");
    let service = json!({ "name": "x".repeat(150_000), "type": "PostgreSQL" });
    let object = json!({
        "metadata": {
            "name": format!("r-{number:03}"), "namespace": "acme", "uid": uid, "creationTimestamp": "2026-11-21T00:00:00Z",
        },
        "spec": {
            "project": "acme-web", "service": service,
            "start": format!("2026-11-11T{:02}:{:02}:00Z", number / 60, number % 60),
            "end": format!("2026-11-11T{:02}:{:02}:30Z", number / 60, number % 60),
        },
    });
    serde_json::from_value(object).unwrap()
}

#[test]
fn more_lines_than_a_document_can_list_are_a_hold_that_names_the_remedy() {
    let mut state = state(&format!("{ACME}{}{}", binding("shop"), ledger(&["shop"])));
    for number in 0..351 {
        state.observe(long_record(number));
    }
    assert_eq!(write(&mut state, "2026-11-21T12:00:00Z"), None);
    let ready = &state.organization("acme").unwrap().invoices.estimate("bbbbb-1").unwrap().conditions[0];
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "TooManyLines"));
    assert_eq!(
        ready.message,
        "invoice bbbbb-1 has 351 lines, more than fit into 350 slices; bind some of the projects to another billing \
         group, or meter with fewer, longer records"
    );
    for number in 0..351 {
        Observes::<api::UsageRecord>::forget(&mut state, &ObjectKey::namespaced("acme", &format!("r-{number:03}")));
    }
    assert_eq!(write(&mut state, "2026-11-21T12:00:01Z").as_deref(), Some("0.00"));
}

/// What holds November of `shop`, in a currency, for a buyer in a country, under an issuer.
fn held(currency: &str, country: &str, issuer: &str) -> Vec<String> {
    let mut state = with_usage(", end: '2026-11-21T10:00:00Z'");
    let group = ACME.split("\n---\n").find(|document| document.contains("name: shop")).unwrap();
    let spec = format!("spec: {{currency: {currency}, billingAddress: {{countryCode: '{country}'}}}}");
    add(&mut state, &group.replace("spec: {}", &spec));
    add(
        &mut state,
        &format!("kind: InvoiceIssuer\nmetadata: {{name: default}}\nspec: {{legalName: Example, {issuer}}}"),
    );
    let list = format!(
        "kind: PriceList\nmetadata: {{name: default}}\nspec: {{currency: {currency}, entries: [{{name: pg, \
         type: PostgreSQL, unit: Hour, unitPrice: '26', validFrom: '2020-01-01T00:00:00Z'}}]}}\n"
    );
    add(&mut state, &list);
    let known = state.organization("acme").unwrap();
    let group = uid("BillingGroup", "acme", "shop");
    let settings = settings();
    let invoices = GroupInvoices {
        state: &state,
        organization: known,
        group: known.organization.group(group).unwrap(),
        object: known.group(group).unwrap(),
        series: "bbbbb",
        settings: &settings,
        pending_projects: &[],
        pending_reissue: None,
    };
    let view = invoices.month("2026-11".parse().unwrap(), Predecessor::None, &[]).unwrap();
    let now = at("2026-12-01T01:00:00Z");
    let holds = view.holds(&view.bill(now), now);
    holds.iter().map(|hold| format!("{}: {}", hold.reason.as_str(), hold.message)).collect()
}

#[test]
fn a_minimum_charge_that_is_no_amount_holds_its_currency_and_no_other() {
    let issuer =
        "minimumCharge: [{amount: '1', currency: EUR}, {amount: '0.5', currency: JPY}, {amount: '1', currency: CLF}]";
    let words = "InvoiceIssuer default, spec.minimumCharge[1].amount: 0.5 JPY: JPY has no decimals; correct it";
    assert_eq!(held("JPY", "FI", issuer), [format!("IssuerInvalid: {words}")]);
    assert_eq!(held("EUR", "FI", issuer), [""; 0]);
    assert_eq!(held("USD", "FI", issuer), [""; 0]);
}

const RULES: &str = "taxRules: [{name: Finland, countries: [FI], category: S, rate: '25.5'}, \
    {name: Some, countries: [SE, XX], category: S, rate: '25'}, {name: Kosovo, countries: [XK], category: O}, \
    {name: old, countries: [YY], category: O, lastPeriod: 2026-10}, {name: business, countries: [ZZ], buyer: Business, category: O}, \
    {name: world, category: O}]";

#[test]
fn a_tax_rule_for_a_country_that_is_none_holds_who_would_pass_it_and_nobody_else() {
    assert_eq!(held("EUR", "FI", RULES), [""; 0], "an earlier rule is the buyer's");
    assert_eq!(held("EUR", "SE", RULES), [""; 0], "the rule is right for its other country");
    let words = "InvoiceIssuer default, spec.taxRules[1].countries[1]: XX is no country of ISO 3166-1; correct it";
    for country in ["NO", "XK"] {
        assert_eq!(
            held("EUR", country, RULES),
            [format!("IssuerInvalid: {words}")],
            "nobody is freed of tax by a slip"
        );
    }
    let right = RULES.replace("SE, XX", "SE");
    assert_eq!(held("EUR", "XK", &right), [""; 0]);
    assert_eq!(held("EUR", "NO", &right), [""; 0], "neither a rule that is over nor one for businesses is asked");
}

#[test]
fn a_country_of_the_buyer_that_is_none_is_named() {
    let words = "NoTaxRule: spec.billingAddress.countryCode: ZZ is no country of ISO 3166-1, and no tax rule matches a buyer \
        whose country is not known; correct it";
    assert_eq!(held("EUR", "ZZ", "taxRules: [{name: world, category: O}]"), [words]);
}

#[test]
fn a_part_that_is_larger_than_its_definition_allows_is_a_hold_that_names_the_remedy() {
    let state = with_usage("");
    let now = at("2026-11-21T12:00:00Z");
    let (fits, outgrown) = look(&state, "2026-11-21T12:00:00Z", |view| {
        let bill = view.bill(now).unwrap();
        let listed = |count| {
            let projects = (0..count).map(|number| ProjectSubtotal {
                project: Name::from(format!("acme-{number}").as_str()),
                subtotal: Money::zero(bill.subtotal.currency()),
            });
            Bill { projects: projects.collect(), ..bill.clone() }
        };
        (view.estimate(&listed(4000), now, &[]).is_ok(), view.estimate(&listed(4001), now, &[]).unwrap_err())
    });
    assert!(fits);
    let hold = MonthView::too_large(outgrown).unwrap();
    assert_eq!(hold.reason, HoldReason::DocumentTooLarge);
    assert_eq!(
        hold.message,
        "invoice bbbbb-1 would have 4001 projects where at most 4000 fit; bind some of the projects to another billing group"
    );
}
