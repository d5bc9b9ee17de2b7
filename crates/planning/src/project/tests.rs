//! What a project needs, as data in and a sentence out.

use super::{DefaultStep, ProjectPlan, plan_project};
use crate::conditions::find;
use crate::scenario::{ACME, at, binding, ledger, settings, state};
use billing_domain::Name;
use billing_state::Key;

const NOW: &str = "2026-11-21T12:00:00Z";

/// Plans for `acme-web`, first seen unsettled at `since`, and compares what the plan says.
#[track_caller]
fn check(manifests: &str, since: &str, expected: &str) {
    let state = state(manifests);
    let plan = plan_project(&state, &Name::from("acme-web"), &settings(), at(since), at(NOW)).unwrap();
    assert_eq!(summary(&plan), expected);
}

fn summary(plan: &ProjectPlan) -> String {
    let mut said = Vec::new();
    if let Some(write) = &plan.ledger {
        let last = write.ledger.last();
        let default = if last.default { " by default" } else { "" };
        said.push(format!(
            "ledger {} of {}: {}{default}",
            write.ledger.segments().len(),
            write.organization,
            last.group
        ));
    }
    if let Some(status) = &plan.status {
        let reason = |type_| find(&status.conditions, type_).map(|found| found.reason.clone()).unwrap_or_default();
        let payer = status.billing_group.as_deref().unwrap_or("nobody");
        said.push(format!("status {} {} paid by {payer}", reason("Accepted"), reason("Ready")));
    }
    match &plan.default {
        Some(DefaultStep::Binding { group }) => said.push(format!("bind to {group}")),
        Some(DefaultStep::Group { name, currency, .. }) => said.push(format!("make group {name} in {currency}")),
        None => {}
    }
    if plan.unmark {
        said.push("unmark".to_owned());
    }
    if let Some(wake) = plan.wake {
        said.push(format!("wake {}", wake.format("%T")));
    }
    if said.is_empty() { "nothing".to_owned() } else { said.join("; ") }
}

#[test]
fn a_member_is_written_into_the_ledger_and_reported_at_once() {
    check(&format!("{ACME}{}", binding("shop")), NOW, "ledger 1 of acme: shop; status Accepted Bound paid by shop");
}

#[test]
fn a_binding_waits_for_its_group_to_list_the_project() {
    check(&format!("{ACME}{}", binding("main")), NOW, "wake 12:00:10");
}

#[test]
fn a_binding_that_waits_long_says_so() {
    let expected = "status Accepted Pending paid by nobody";
    check(&format!("{ACME}{}", binding("main")), "2026-11-21T11:59:00Z", expected);
}

#[test]
fn a_move_leaves_the_old_payer_until_the_new_group_lists_the_project() {
    check(&format!("{ACME}{}{}", binding("main"), ledger(&["shop"])), NOW, "wake 12:00:10");
}

#[test]
fn a_move_is_one_more_segment() {
    let expected = "ledger 2 of acme: shop; status Accepted Bound paid by shop";
    check(&format!("{ACME}{}{}", binding("shop"), ledger(&["main"])), NOW, expected);
}

#[test]
fn an_invalid_change_leaves_the_payer_in_force() {
    let expected = "status BillingGroupNotFound NotAccepted paid by shop";
    check(&format!("{ACME}{}{}", binding("nowhere"), ledger(&["shop"])), NOW, expected);
}

#[test]
fn a_project_without_a_binding_waits_for_its_default() {
    check(ACME, NOW, "wake 12:01:00");
}

#[test]
fn the_default_is_the_primary_group() {
    check(ACME, "2026-11-21T11:59:00Z", "bind to main");
}

#[test]
fn the_default_is_the_last_payer_while_it_exists() {
    check(&format!("{ACME}{}", ledger(&["main", "shop"])), "2026-11-21T11:59:00Z", "bind to shop");
}

#[test]
fn without_a_primary_group_one_is_made_in_the_currency_of_the_prices() {
    let manifests = ACME.replace("primary: true", "primary: false").replace("currency: USD", "currency: EUR");
    check(&manifests, "2026-11-21T11:59:00Z", "make group acme-web in EUR");
}

#[test]
fn a_namespace_may_opt_out_of_a_default() {
    let label = "labels: {billing-operator.io/default-binding: 'false', billing-operator.io/organization: acme}";
    let manifests = ACME.replacen(
        "name: acme-web, labels: {billing-operator.io/organization: acme}",
        &format!("name: acme-web, {label}"),
        1,
    );
    check(&manifests, "2026-11-21T11:59:00Z", "nothing");
}

#[test]
fn an_unacceptable_binding_gets_the_default_in_the_ledger_and_is_left_alone() {
    let expected = "ledger 1 of acme: main by default; status BillingGroupNotFound NotAccepted paid by main";
    check(&format!("{ACME}{}", binding("nowhere")), "2026-11-21T11:59:00Z", expected);
}

#[test]
fn a_project_of_no_organization_is_refused_and_gets_no_default() {
    let manifests = format!("{ACME}{}", binding("main")).replacen(
        "organization: acme}}\n---\nkind: Billing",
        "organization: none}}\n---\nkind: Billing",
        1,
    );
    check(&manifests, "2026-11-21T11:59:00Z", "status OrganizationMissing NotAccepted paid by nobody");
}

#[test]
fn a_mark_goes_when_somebody_chose_another_group() {
    let marked = binding("shop")
        .replace("namespace: acme-web", "namespace: acme-web, annotations: {billing-operator.io/default: main}");
    let expected = "ledger 1 of acme: shop; status Accepted Bound paid by shop; unmark";
    check(&format!("{ACME}{marked}"), NOW, expected);
}

/// Plans for `acme-web` as `check` does, while what is written for it is refused since `since`.
#[track_caller]
fn check_refused(manifests: &str, since: &str) -> ProjectPlan {
    let (mut state, project) = (state(manifests), Name::from("acme-web"));
    let refusal = ("ProjectLedger acme/acme-web", "exceeded quota: stop");
    state.refuse_write(&Key::Project(project.clone()), "project", refusal, settings().defaults.delay, at(since));
    plan_project(&state, &project, &settings(), at(since), at(NOW)).unwrap()
}

#[test]
fn a_refused_write_is_told_at_once_in_the_words_of_the_server() {
    let plan = check_refused(&format!("{ACME}{}", binding("main")), NOW);
    assert_eq!(summary(&plan), "status Accepted WriteRefused paid by nobody");
    let conditions = plan.status.unwrap().conditions;
    let message = &find(&conditions, "Ready").unwrap().message;
    assert!(message.starts_with("ProjectLedger acme/acme-web was refused: exceeded quota: stop; remove"), "{message}");
}

#[test]
fn a_group_that_cannot_be_billed_takes_no_further_project_and_keeps_those_that_it_has() {
    let condition = |reason: &str| {
        let ready = format!(
            "{{type: Ready, status: 'False', reason: {reason}, message: x, lastTransitionTime: '2026-11-10T00:00:00Z'}}"
        );
        ACME.replace(
            "status: {invoiceSeries: bbbbb,",
            &format!("status: {{invoiceSeries: bbbbb, conditions: [{ready}],"),
        )
    };
    for reason in ["CurrencyUnknown", "RateMissing", "NoTaxRule"] {
        let taken = format!("{}{}{}", condition(reason), binding("shop"), ledger(&["main"]));
        check(&taken, NOW, "status BillingGroupNotReady NotAccepted paid by main");
        let kept = format!("{}{}{}", condition(reason), binding("shop"), ledger(&["shop"]));
        check(&kept, NOW, "status Accepted Bound paid by shop");
    }
    // What holds a single month, or everybody, is no reason.
    for reason in ["Unpriced", "Suspended", "Closing"] {
        let taken = format!("{}{}{}", condition(reason), binding("shop"), ledger(&["main"]));
        check(&taken, NOW, "ledger 2 of acme: shop; status Accepted Bound paid by shop");
    }
}

#[test]
fn a_binding_says_what_usage_its_group_does_not_take() {
    let record = |name: &str, start: &str, end: &str| {
        format!(
            "\n---\nkind: UsageRecord\nmetadata: {{name: {name}, namespace: acme}}\n\
             spec: {{project: acme-web, service: {{name: db, type: PostgreSQL}}, start: '{start}', end: '{end}'}}\n"
        )
    };
    let early = record("early", "2026-09-03T00:00:00Z", "2026-09-04T00:00:00Z");
    let taken = record("taken", "2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z");
    let bound = format!("{ACME}{}{}", binding("shop"), ledger(&["shop"]));
    let conditions = |manifests: String| {
        let plan = plan_project(&state(&manifests), &Name::from("acme-web"), &settings(), at(NOW), at(NOW)).unwrap();
        plan.status.map(|status| status.conditions).unwrap_or_default()
    };
    let told = conditions(format!("{bound}{early}{taken}"));
    let not_billed = find(&told, "UsageNotBilled").map(|condition| condition.message.as_str());
    assert_eq!(
        not_billed,
        Some(
            "usage before 2026-11, the first period of billing group shop, is not billed: record early; the provider can set \
             an earlier spec.terms.firstPeriod while no invoice of the group is final"
        )
    );
    assert!(find(&conditions(format!("{bound}{taken}")), "UsageNotBilled").is_none());
    let agreed = bound.replace("spec: {}\n", "spec: {terms: {firstPeriod: 2026-09}}\n");
    assert!(find(&conditions(format!("{agreed}{early}{taken}")), "UsageNotBilled").is_none());
}
