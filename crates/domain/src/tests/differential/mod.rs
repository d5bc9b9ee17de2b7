//! The engine against an independent implementation in another language.

mod histories;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use billing_test_harness::assets::Tool;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::properties::taxes::world as any_world;
use super::properties::worlds::MONTHS;
use super::world::*;
use crate::bill::agreed_terms::line_type;
use crate::*;

/// Organizations, each with three groups in three months: 22,500 bills.
const ORGANIZATIONS: usize = 2_500;

/// When the last month is estimated.
const AS_OF: &str = "2020-12-20T12:34:56.789";

#[test]
fn more_than_ten_thousand_bills_are_those_of_an_independent_implementation() {
    let mut runner = TestRunner::deterministic();
    let worlds: Vec<World> = (0..ORGANIZATIONS).map(|_| any_world().new_tree(&mut runner).unwrap().current()).collect();
    let expected = reference(&worlds.iter().map(encoded).collect::<Vec<_>>());
    let mut seen = BTreeMap::new();
    for (world, expected) in worlds.iter().zip(&expected) {
        let inputs = inputs(world);
        let expected = expected.as_array().unwrap();
        assert_eq!(expected.len(), inputs.len());
        for (input, expected) in inputs.iter().zip(expected) {
            let bill = bill_group_month(input).map_or(Value::Null, |bill| told_bill(&bill));
            assert_eq!(&bill, expected, "group {} in {}:\n{}", input.group.name, input.month, encoded(world));
            count(&mut seen, &bill);
            *seen.entry("part of a month".to_owned()).or_default() += parts_of_months(input, &bill);
            let (held, billed) = slips(input, &bill);
            *seen.entry("slip of the pen".to_owned()).or_default() += held;
            *seen.entry("slip of the pen that costs nothing".to_owned()).or_default() += billed;
        }
    }
    for (what, least) in LEAST {
        let found = seen.get(*what).copied().unwrap_or_default();
        assert!(found >= *least, "{what}: {found} are too few to tell");
    }
}

/// How often everything has to be among what is compared.
const LEAST: &[(&str, usize)] = &[
    ("bill", 20_000),
    ("line", 4_000),
    ("line of a price that follows another", 200),
    ("line of a price by the month", 200),
    ("line of a scale", 300),
    ("part of a month", 200),
    ("bill in another currency", 500),
    ("CreditConsumption", 1_000),
    ("CommitmentFee", 300),
    ("Rounding", 100),
    ("S", 1_000),
    ("Z", 200),
    ("E", 200),
    ("AE", 50),
    ("O", 200),
    ("NoTaxRule", 1_000),
    ("slip of the pen", 500),
    ("slip of the pen that costs nothing", 20),
];

/// The lines of a bill that end, or begin, because somebody else pays from then on, or paid until then.
fn parts_of_months(input: &GroupMonth<'_>, bill: &Value) -> usize {
    let shares = |project| input.records().payers(project, input.month, input.attribution);
    let inside = |instant: &Timestamp| *instant != input.month.start() && *instant != input.month.end();
    let shares = input.organization.projects().flat_map(shares);
    let ends: BTreeSet<i64> = shares
        .flat_map(|(period, _)| [period.start(), period.end()])
        .filter(inside)
        .map(|instant| instant.timestamp_micros())
        .collect();
    let cut = |line: &&Value| [1, 2].iter().any(|end| ends.contains(&line[*end].as_i64().unwrap()));
    bill["lines"].as_array().map_or(0, |lines| lines.iter().filter(cut).count())
}

/// How many records are held because a price list spells a word of them in another way; and how many have such a word and are billed.
fn slips(input: &GroupMonth<'_>, bill: &Value) -> (usize, usize) {
    let named = |name: &Value| {
        let usage = input.organization.usage(name.as_str()?)?;
        input.prices.misspelling(&usage.service).map(drop)
    };
    let problems = bill["problems"].as_array().map_or(0, |names| names.iter().filter_map(named).count());
    let lines = bill["lines"].as_array().map_or(0, |lines| lines.iter().filter_map(|line| named(&line[0])).count());
    (problems, lines)
}

/// What a bill is an example of.
fn count(seen: &mut BTreeMap<String, usize>, bill: &Value) {
    let mut add = |what: &str, times: usize| *seen.entry(what.to_owned()).or_default() += times;
    let list = |name: &str| bill[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines = list("lines");
    add("bill", 1);
    add("line", lines.len());
    let follows = |pair: &&[Value]| pair[0][0] == pair[1][0] && pair[0][2] == pair[1][1] && pair[0][3] != pair[1][3];
    let by_month = |line: &&Value| line[8] == "Month";
    add("line of a scale", lines.iter().filter(|line| !line[9].is_null()).count());
    add("line of a price by the month", lines.iter().filter(by_month).count());
    add("line of a price that follows another", lines.windows(2).filter(follows).count());
    add("bill in another currency", usize::from(bill["rate"].is_array()));
    list("items").iter().chain(list("taxes")).for_each(|encoded| add(encoded[0].as_str().unwrap(), 1));
    list("holds").iter().for_each(|hold| add(hold.as_str().unwrap(), 1));
}

#[test]
fn the_independent_implementation_disagrees_with_a_wrong_engine() {
    let world = World::new([group("a")]).project("p", &[segment("2020-01-01", "a")]).usage(usage(
        "db",
        "p",
        "2020-11-01",
        "2020-12-01",
    ));
    let expected = reference(&[encoded(&world)]).remove(0);
    let november = inputs(&world).remove(1);
    let bill = bill_group_month(&november).unwrap();
    assert_eq!(told_bill(&bill), expected[1]);
    let cheaper = Bill { subtotal: money("18.71", "USD"), ..bill.clone() };
    assert_ne!(told_bill(&cheaper), expected[1]);
    let shorter = Bill { lines: Vec::new(), ..bill };
    assert_ne!(told_bill(&shorter), expected[1]);
}

/// What the other implementation says: of each world the bills of its groups, month by month.
fn reference(worlds: &[Value]) -> Vec<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/differential/reference");
    // Pinned by digest, and isolated: neither the system's Python nor the user's settings take part; nothing is written.
    let python3 = billing_test_harness::assets::find(Tool::Python).unwrap_or_else(|error| panic!("{error}"));
    let mut python = Command::new(python3)
        .args(["-I", "-S", "-B", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    let given: Vec<String> = worlds.iter().map(Value::to_string).collect();
    let writer = std::thread::spawn(move || given.iter().try_for_each(|line| writeln!(stdin, "{line}")));
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "the other implementation fails");
    writer.join().unwrap().unwrap();
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let answers: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(answers.len(), worlds.len());
    answers
}

fn inputs(world: &World) -> Vec<GroupMonth<'_>> {
    let groups: Vec<Name> = world.organization.groups().map(|group| group.name.clone()).collect();
    let months = MONTHS.iter().flat_map(|month| groups.iter().map(move |group| (month, group)));
    months.map(|(month, group)| world.input(group, month, at(AS_OF))).collect()
}

fn told_bill(bill: &Bill) -> Value {
    let line = |line: &Line| {
        let price = Ratio::from(line.unit_amount());
        json!([
            line.usage.name.as_str(),
            line.period.start().timestamp_micros(),
            line.period.end().timestamp_micros(),
            fraction(&price),
            line.pre_discount.minor() as i64,
            line.total.minor() as i64,
            line.price_total.map(|price| price.minor() as i64),
            told_group(line.tax),
            line.unit().as_str(),
            line.portion.as_ref().map(|portion| {
                json!([fraction(&Ratio::from(portion.before)), fraction(&Ratio::from(portion.quantity))])
            }),
            line.entry.list.as_str(),
        ])
    };
    let mut lines: Vec<Value> = bill.lines.iter().map(line).collect();
    lines.sort_by_key(|line| {
        (line[0].as_str().map(str::to_owned), line[1].as_i64(), line[2].as_i64(), line[9].to_string())
    });
    let charged = bill.items.iter().filter(|item| item.adjustment.is_none());
    let which = |item: &Item| if item.key.is_empty() { item.source.name.to_string() } else { item.key.clone() };
    let items =
        charged.map(|item| json!([item.kind.as_str(), which(item), told_group(item.tax), item.total.minor() as i64]));
    let projects = bill.projects.iter().map(|sum| (sum.project.to_string(), json!(sum.subtotal.minor() as i64)));
    let mut problems: Vec<_> = bill.problems.iter().map(|problem| problem.usage.name.to_string()).collect();
    problems.sort();
    json!({
        "lines": lines,
        "items": items.collect::<Vec<_>>(),
        "adjustments": told_adjustments(bill),
        "parts": told_parts(bill),
        "refills": told_refills(bill),
        "returned": bill.returned.iter().map(told_returned).collect::<Vec<_>>(),
        "brought": bill.prepaid.minor() as i64,
        "due": bill.amount_due.minor() as i64,
        "carried": bill.carried_forward.map(|amount| amount.minor() as i64),
        "projects": projects.collect::<serde_json::Map<_, _>>(),
        "commitment": bill.commitment.as_ref().map(|one| json!([one.spent.minor() as i64, one.left.minor() as i64])),
        "subtotal": bill.subtotal.minor() as i64,
        "rate": bill.converted.as_ref().map(told_rate),
        "problems": problems,
        "taxes": bill.taxes.iter().map(told_tax).collect::<Vec<_>>(),
        "untaxed": bill.untaxed.map(|why| format!("{why:?}")),
        "tax": bill.tax.minor() as i64,
        "total": bill.total.minor() as i64,
        "holds": bill.holds.iter().map(|hold| hold.reason.as_str()).collect::<Vec<_>>(),
    })
}

/// Of each what it adjusts: the month and the record; and the final that it corrects, or when the line begins.
fn told_adjustments(bill: &Bill) -> Vec<Value> {
    let encoded = |item: &Item| {
        let adjustment = item.adjustment.as_ref()?;
        let (invoice, begin) = match &adjustment.kind {
            AdjustmentKind::Late(new) => (String::new(), new.line.period.start().timestamp_micros()),
            AdjustmentKind::Correction { invoice, .. } => (invoice.to_string(), 0),
            AdjustmentKind::Part { .. } | AdjustmentKind::Refill { .. } => return None,
        };
        let (month, record) = (adjustment.month.to_string(), item.source.name.to_string());
        // Of what credit notes settled a part of, there is no amount before discounts.
        let pre_discount = item.pre_discount.map(|amount| amount.minor() as i64);
        let sorted_by = (month, record, invoice, begin, item.total.minor() as i64, pre_discount);
        Some((sorted_by, (told_closing(adjustment), told_group(item.tax))))
    };
    let mut found: Vec<_> = bill.items.iter().filter_map(encoded).collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let told = |((month, record, invoice, begin, total, pre_discount), (closed_by, tax))| {
        json!([month, record, invoice, begin, total, pre_discount, closed_by, tax])
    };
    found.into_iter().map(told).collect()
}

/// The final with which a group that is gone closed the month.
fn told_closing(adjustment: &Adjustment) -> Option<String> {
    adjustment.closed_by.as_ref().map(|number| number.to_string())
}

/// Of each part of a closed month that differs: the month, which part, how it is taxed, by how much, and who closed the month.
fn told_parts(bill: &Bill) -> Vec<Value> {
    let told = |item: &Item| {
        let adjustment = item.adjustment.as_ref()?;
        let AdjustmentKind::Part { part, .. } = &adjustment.kind else { return None };
        let (month, kind) = (adjustment.month.to_string(), part.kind.as_str());
        let total = item.total.minor() as i64;
        Some(json!([month, kind, part.name.as_str(), told_group(part.tax), total, told_closing(adjustment)]))
    };
    bill.items.iter().filter_map(told).collect()
}

/// Of each entry and project of a closed month that differs: the month, how much came together before and now, and by how much.
fn told_refills(bill: &Bill) -> Vec<Value> {
    let told = |item: &Item| {
        let adjustment = item.adjustment.as_ref()?;
        let Adjustment { month, kind, .. } = adjustment;
        let AdjustmentKind::Refill { entry, after, .. } = kind else { return None };
        let project = item.project.as_ref()?.as_str();
        let after = fraction(&Ratio::from(*after));
        Some(json!([
            month.to_string(),
            format!("{}/{}", entry.list, entry.entry),
            project,
            told_group(item.tax),
            after,
            item.total.minor() as i64,
            told_closing(adjustment)
        ]))
    };
    bill.items.iter().filter_map(told).collect()
}

fn told_returned(returned: &ReturnedCredit) -> Value {
    let closed_by = returned.closed_by.as_ref().map(|number| number.to_string());
    json!([returned.credit.as_str(), returned.month.to_string(), closed_by, returned.amount.minor() as i64])
}

fn told_group(tax: Option<TaxGroup>) -> Value {
    json!(tax.map(|tax| (tax.category.code(), fraction(&Ratio::from(tax.rate.decimal())))))
}

fn told_tax(tax: &TaxSubtotal) -> Value {
    let TaxSubtotal { category, rate, base, amount, reason } = tax;
    let rate = fraction(&Ratio::from(rate.decimal()));
    json!([category.code(), rate, base.minor() as i64, amount.minor() as i64, reason])
}

/// The day of the quotes, the two of them, and what the services cost in the currency of their prices.
fn told_rate(converted: &Converted) -> Value {
    let Converted { conversion, price_subtotal } = converted;
    let quote = |quote: Quote| fraction(&Ratio::from(quote.rate.decimal()));
    let date = conversion.rate.quote_date.to_string();
    json!([date, quote(conversion.rate.from), quote(conversion.rate.to), price_subtotal.minor() as i64])
}

/// In lowest terms, "13/500"; a whole number without a denominator.
fn fraction(ratio: &Ratio) -> String {
    let Ratio::Small { numerator, denominator } = ratio else { panic!("a price is small") };
    let gcd = |mut a: i128, mut b: i128| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let common = gcd(*numerator, *denominator).max(1);
    match denominator / common {
        1 => format!("{}", numerator / common),
        below => format!("{}/{below}", numerator / common),
    }
}

/// A world as the other implementation reads it.
fn encoded(world: &World) -> Value {
    let projects = world.organization.projects().filter_map(|project| Some((project.name(), project.ledger()?)));
    let usage = || world.organization.projects().flat_map(|project| project.usage());
    let (periods, events) = told_billed(world);
    // Prices of what nobody uses matter to nobody; but for what somebody may have meant.
    let listed = world.prices.iter().flat_map(PriceList::types);
    let kinds: BTreeSet<Name> = usage().map(|usage| &usage.service.kind).chain(listed).cloned().collect();
    json!({
        "groups": world.organization.groups().map(told_payer).collect::<Vec<_>>(),
        "projects": projects.map(|(name, ledger)| {
            json!({ "name": name.as_str(), "segments": ledger.segments().iter().map(told_segment).collect::<Vec<_>>() })
        }).collect::<Vec<_>>(),
        "usage": usage().map(|usage| told_usage(usage)).collect::<Vec<_>>(),
        "prices": told_prices(&world.prices, &kinds),
        "credits": world.credits.iter().map(told_credit).collect::<Vec<_>>(),
        "issuer": world.issuer.as_ref().map(told_issuer),
        "rates": told_rates(&world.rates),
        "billed": { "periods": periods, "events": events },
        "attribution": if world.attribution == Attribution::MonthEnd { "MonthEnd" } else { "Prorated" },
        "hours": told_rule_of_hours(world.hours),
        "as_of": at(AS_OF).timestamp_micros(),
        "months": MONTHS,
    })
}

fn told_prices(prices: &PriceLists, kinds: &BTreeSet<Name>) -> Value {
    json!({
        "currency": prices.currency().code(),
        "digits": prices.currency().digits(),
        "lists": prices.iter().map(|list| told_list(list, kinds)).collect::<Vec<_>>(),
    })
}

fn told_rule_of_hours(rule: HourRule) -> &'static str {
    match rule {
        HourRule::Ceil => "Ceil",
        HourRule::Exact => "Exact",
    }
}

fn told_list(list: &PriceList, kinds: &BTreeSet<Name>) -> Value {
    let entries = kinds.iter().flat_map(|kind| list.entries_for(kind));
    json!({
        "name": list.name().as_str(),
        "entries": entries.map(told_price).collect::<Vec<_>>(),
        "unusable": list.unusable_types().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(),
    })
}

/// By day and currency.
fn told_rates(rates: &Rates) -> Value {
    let days = rates.years().flat_map(|(_, quotes)| quotes.as_ref().unwrap().days());
    let day = |(date, quotes): (Date, &[Quote])| {
        let of_day =
            quotes.iter().map(|quote| (quote.currency.code().to_owned(), json!(quote.rate.decimal().to_string())));
        (date.to_string(), Value::Object(of_day.collect()))
    };
    Value::Object(days.map(day).collect())
}

fn told_billed(world: &World) -> (Value, Vec<String>) {
    let records = || world.organization.projects().flat_map(|project| project.usage()).map(|usage| &usage.name);
    let spans = |record: &Name| {
        let all = Period::new(Timestamp::MIN_UTC, Timestamp::MAX_UTC).unwrap();
        let periods = world.billed.billed_periods_in(record, all).into_iter();
        periods
            .map(|period| json!([period.start().timestamp_micros(), period.end().timestamp_micros()]))
            .collect::<Vec<_>>()
    };
    let periods = records().map(|record| (record.to_string(), json!(spans(record)))).collect::<serde_json::Map<_, _>>();
    let events =
        records().filter(|record| world.billed.has_unit_charge(record)).map(|record| record.to_string()).collect();
    (Value::Object(periods), events)
}

fn told_payer(group: &Group) -> Value {
    let micros = |instant: Timestamp| instant.timestamp_micros();
    let allowed = |names: &BTreeSet<Name>| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    json!({
        "uid": group.uid.to_string(),
        "name": group.name.as_str(),
        "created": micros(group.created),
        "deleted": group.deleted.map(micros),
        "primary": group.primary,
        "issuer": group.issuer.as_str(),
        "currency": group.currency.map(|currency| currency.to_string()),
        "digits": group.currency.map(Currency::digits),
        "allowed": group.allowed.as_ref().map(allowed),
        "first_period": group.first_period.to_string(),
        "terms": told_terms(group.terms.as_ref().unwrap()),
        "buyer": told_buyer(&group.buyer),
    })
}

fn told_buyer(buyer: &Buyer) -> Value {
    let code = |country: Country| country.code().to_owned();
    let vat = |vat: &BuyerVat| {
        let finding = vat.finding.map(|finding| format!("{finding:?}"));
        json!({ "country": vat.id.country.map(code), "check": format!("{:?}", vat.id.check), "finding": finding })
    };
    json!({ "home": buyer.home().map(code), "vat": buyer.vat().map(vat) })
}

fn told_issuer(issuer: &Issuer) -> Value {
    let minimums = issuer.minimum_charges.iter();
    let minimums = minimums.map(|minimum| (minimum.currency().code().to_owned(), json!(minimum.minor() as i64)));
    json!({
        "country": issuer.country.map(|country| country.code().to_owned()),
        "minimums": minimums.collect::<serde_json::Map<_, _>>(),
        "reverse_charge_requires": format!("{:?}", issuer.reverse_charge_requires),
        "rules": issuer.tax_rules.iter().map(told_rule).collect::<Vec<_>>(),
    })
}

fn told_rule(rule: &TaxRule) -> Value {
    let area = |area: &Area| match area {
        Area::Eu => "EU".to_owned(),
        Area::Country(country) => country.code().to_owned(),
    };
    json!({
        "countries": rule.areas.iter().map(area).collect::<Vec<_>>(),
        "buyer": format!("{:?}", rule.buyer),
        "category": rule.category.code(),
        "rate": rule.rate.to_string(),
        "services": rule.service_types.iter().map(|kind| kind.to_string()).collect::<Vec<_>>(),
        "reason": rule.reason,
        "first": rule.validity.first.map(|month| month.to_string()),
        "last": rule.validity.last.map(|month| month.to_string()),
    })
}

fn told_terms(terms: &Terms) -> Value {
    let months = |validity: Validity| {
        let text = |month: Option<Month>| month.map(|month| month.to_string());
        (text(validity.first), text(validity.last))
    };
    let discount = |discount: &Discount| {
        let (first, last) = months(discount.validity);
        json!({ "name": discount.name.as_str(), "percent": discount.percent.decimal().to_string(), "first": first, "last": last })
    };
    let charge = |charge: &AgreedCharge| {
        let (first, last) = months(charge.validity);
        let kind = line_type(charge.kind).as_str();
        let (amount, percent, minimum) = match &charge.amount {
            ChargeAmount::Fixed(amount) | ChargeAmount::PerProject(amount) => (Some(amount.minor() as i64), None, None),
            ChargeAmount::OfServices { percent, minimum } => {
                (None, Some(percent.decimal().to_string()), minimum.map(|minimum| minimum.minor() as i64))
            }
        };
        let per_project = matches!(charge.amount, ChargeAmount::PerProject(_));
        json!({
            "name": charge.name.as_str(), "kind": kind, "amount": amount, "per_project": per_project, "percent": percent, "minimum": minimum,
            "first": first, "last": last,
        })
    };
    let commitment = |commitment: &Commitment| {
        let (first, last) = months(commitment.validity);
        json!({
            "name": commitment.name.as_str(), "amount": commitment.amount.minor() as i64,
            "term": commitment.term().is_some(), "first": first, "last": last,
        })
    };
    json!({
        "discounts": terms.discounts.iter().map(discount).collect::<Vec<_>>(),
        "charges": terms.charges.iter().map(charge).collect::<Vec<_>>(),
        "commitment": terms.commitment.as_ref().map(commitment),
    })
}

fn told_credit(credit: &CreditOffer) -> Value {
    let names = |names: &BTreeSet<Name>| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let micros = |instant: Option<Timestamp>| instant.map(|instant| instant.timestamp_micros());
    json!({
        "name": credit.name.as_str(),
        "currency": credit.remaining.currency().code(),
        "left": credit.remaining.minor() as i64,
        "starts": micros(credit.validity.starts),
        "expires": micros(credit.validity.expires),
        "projects": credit.projects.as_ref().map(names),
    })
}

fn told_segment(segment: &Segment) -> Value {
    json!({ "from": segment.from.timestamp_micros(), "group": segment.group_uid.to_string(), "default": segment.default })
}

fn told_usage(usage: &Usage) -> Value {
    let text = |name: &Option<Name>| name.as_ref().map(|name| name.to_string());
    let service = &usage.service;
    json!({
        "name": usage.name.as_str(),
        "project": usage.project.as_str(),
        "service": { "name": service.name.as_str(), "kind": service.kind.as_str(), "plan": text(&service.plan), "cloud": text(&service.cloud) },
        "quantity": usage.quantity.to_string(),
        "start": usage.start.timestamp_micros(),
        "end": usage.end.map(|end| end.timestamp_micros()),
        "replaces": text(&usage.replaces),
        "readings": usage.metering.as_ref().map(|metering| metering.readings.iter().map(told_reading).collect::<Vec<_>>()),
    })
}

fn told_reading(reading: Reading) -> Value {
    json!([reading.at.timestamp_micros(), reading.quantity.to_string()])
}

fn told_scale(scale: &Scale) -> Value {
    let (way, tiers) = match &scale.pricing {
        ScalePricing::Packages => ("Packages", &[][..]),
        ScalePricing::Graduated(tiers) => ("Graduated", &tiers[..]),
        ScalePricing::Volume(tiers) => ("Volume", &tiers[..]),
    };
    let tier = |tier: &Tier| json!([tier.up_to.map(|up_to| up_to.to_string()), tier.amount.to_string()]);
    json!({ "scope": format!("{:?}", scale.scope), "way": way, "tiers": tiers.iter().map(tier).collect::<Vec<_>>() })
}

fn told_price(entry: &PriceEntry) -> Value {
    let text = |name: &Option<Name>| name.as_ref().map(|name| name.to_string());
    json!({
        "name": entry.name.as_str(), "scale": entry.price.scale.as_deref().map(told_scale), "list": entry.list.as_str(),
        "kind": entry.kind.as_str(), "plan": text(&entry.plan), "cloud": text(&entry.cloud),
        "unit": entry.price.unit.as_str(),
        "price": entry.price.amount.to_string(), "per": entry.price.per, "unit_name": text(&entry.price.unit_name),
        "most": entry.price.max_per_month.map(|most| most.to_string()), "hours": entry.price.hours.map(|rule| format!("{rule:?}")),
        "from": entry.valid_from.timestamp_micros(), "until": entry.valid_until.map(|until| until.timestamp_micros()),
    })
}
