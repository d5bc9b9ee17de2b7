//! Random histories of months, usage, credits and notes: whatever comes later, every difference of every final is
//! explained; a forged final is not.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::{LastFinal, close_as, compared_after, final_for, forged, reasons};
use crate::recompute::Difference;
use crate::scenario::{ACME, add, at, binding, ledger, state, uid};
use billing_api::{self as api, Invoice};
use billing_domain::{Name, Timestamp};
use billing_state::{ObjectKey, ObservedState, Observes};

/// The months that are closed in a history, one after the other.
const MONTHS: [&str; 4] = ["2026-11", "2026-12", "2027-01", "2027-02"];

/// What a group agreed, who bills it, and the currency of the prices.
#[derive(Debug, Clone)]
struct Setting {
    terms: &'static str,
    issuer: &'static str,
    prices: &'static str,
}

/// Something that happens. What is named by an index is one of those that there are.
#[derive(Debug, Clone)]
enum Event {
    /// Usage from so many hours after the first of November on, for so long if it ended.
    Record { project: &'static str, kind: &'static str, start: i64, hours: Option<i64>, replaces: Option<Index> },
    /// A record that runs ended so many hours after its start.
    End { record: Index, hours: i64 },
    /// A record that a final bills, and that replaces none, is deleted.
    Delete { record: Index },
    /// A credit of so many cents; limited to a project, if so.
    Credit { cents: u32, is_limited: bool },
    /// A credit note over a final: of all, or of a part of a line. One that is `missed` was issued while the last final was made, which
    /// did not know it.
    Note { invoice: Index, line: Option<Index>, is_missed: bool },
    /// The next month becomes final.
    Close,
}

fn setting() -> impl Strategy<Value = Setting> {
    let terms = select(vec![
        "{}",
        "{terms: {discounts: [{name: Partner, percent: '12.5'}]}}",
        "{terms: {charges: [{name: Care, type: SupportCharge, percent: '7.5', minimum: {amount: '3', currency: USD}}]}}",
        "{terms: {commitment: {name: Annual, amount: {amount: '9', currency: USD}}}}",
        "{terms: {discounts: [{name: Partner, percent: '10'}], commitment: {name: Annual, amount: {amount: '12', currency: USD}}, \
          charges: [{name: Care, type: SupportCharge, percent: '5'}, {name: Seat, type: ExtraCharge, amount: {amount: '1', currency: USD}}]}}",
    ]);
    let issuer = select(vec![
        "{legalName: Example, exchangeRates: ecb}",
        "{legalName: Example, exchangeRates: ecb, minimumCharge: [{amount: '4', currency: USD}], taxRules: [{name: vat, category: S, rate: '25.5'}]}",
        "{legalName: Example, exchangeRates: ecb, taxRules: [{name: Finland, countries: [FI], category: S, rate: '25.5'}]}",
    ]);
    (terms, issuer, select(vec!["USD", "EUR"])).prop_map(|(terms, issuer, prices)| Setting { terms, issuer, prices })
}

fn event() -> impl Strategy<Value = Event> {
    let hours = || 1..1500_i64;
    let kind = select(vec!["PostgreSQL", "PostgreSQL", "Calls", "Mails"]);
    let record = (select(vec!["acme-web", "acme-app"]), kind, 0..2900_i64, prop::option::of(hours()));
    let replaces = prop::option::weighted(0.3, any::<Index>());
    prop_oneof![
        6 => (record, replaces).prop_map(|((project, kind, start, hours), replaces)| Event::Record { project, kind, start, hours, replaces }),
        3 => (any::<Index>(), hours()).prop_map(|(record, hours)| Event::End { record, hours }),
        1 => any::<Index>().prop_map(|record| Event::Delete { record }),
        2 => (1..2000_u32, any::<bool>()).prop_map(|(cents, is_limited)| Event::Credit { cents, is_limited }),
        2 => (any::<Index>(), prop::option::of(any::<Index>()), any::<bool>())
            .prop_map(|(invoice, line, is_missed)| Event::Note { invoice, line, is_missed }),
        4 => Just(Event::Close),
    ]
}

/// A record as it was written.
#[derive(Debug, Clone)]
struct Record {
    name: String,
    project: &'static str,
    kind: &'static str,
    start: Timestamp,
    end: Option<Timestamp>,
    created: Timestamp,
    replaces: Option<String>,
    deleted: bool,
}

impl Record {
    fn manifest(&self) -> String {
        let Self { name, project, kind, start, end, created, replaces, deleted: _ } = self;
        let mut more = String::new();
        if let Some(end) = end {
            let _ = write!(more, ", end: '{}'", time(*end));
        }
        if let Some(other) = replaces {
            let _ = write!(more, ", replaces: {other}");
        }
        format!(
            "kind: UsageRecord\nmetadata: {{name: {name}, namespace: acme, creationTimestamp: '{}'}}\n\
             spec: {{project: {project}, service: {{name: {name}, type: {kind}}}, quantity: '3', start: '{}'{more}}}\n",
            time(*created),
            time(*start)
        )
    }
}

/// A credit, and what invoices took of it.
#[derive(Debug, Clone)]
struct Credit {
    name: String,
    cents: u32,
    is_limited: bool,
    reservations: Vec<Value>,
}

impl Credit {
    fn manifest(&self) -> String {
        let Self { name, cents, is_limited, reservations } = self;
        let (group, reservations) = (uid("BillingGroup", "acme", "shop"), Value::from(reservations.clone()));
        let limit = if *is_limited { ", projects: [acme-app]" } else { "" };
        format!(
            "kind: Credit\nmetadata: {{name: {name}, namespace: acme}}\n\
             spec: {{billingGroup: shop, type: Promotion, amount: {{amount: '{}.{:02}', currency: USD}}{limit}}}\n\
             status: {{billingGroupUID: '{group}', reservations: {reservations}}}\n",
            cents / 100,
            cents % 100
        )
    }
}

/// A final, and what the group's status said of it while it was the last.
struct Closed {
    invoice: Invoice,
    last: LastFinal,
    is_credited: bool,
}

/// An organization through its months.
struct History {
    terms: &'static str,
    state: ObservedState,
    now: Timestamp,
    records: Vec<Record>,
    credits: Vec<Credit>,
    finals: Vec<Closed>,
}

fn time(at: Timestamp) -> String {
    at.format("%FT%TZ").to_string()
}

impl History {
    fn new(Setting { terms, issuer, prices }: &Setting) -> Self {
        let of_web = ledger(&["shop"]);
        let project = |name: &str| uid("Namespace", "", name).to_string();
        let of_app = of_web.replace("acme-web", "acme-app").replace(&project("acme-web"), &project("acme-app"));
        let app =
            "\n---\nkind: Namespace\nmetadata: {name: acme-app, labels: {billing-operator.io/organization: acme}}\n";
        let mut state = state(&format!("{ACME}{}{of_web}{app}{of_app}", binding("shop")));
        let quotes = "{date: '2026-11-27', rates: {USD: '1.3'}}, {date: '2026-12-30', rates: {USD: '1.1'}}";
        for manifest in [
            super::shop(1, terms),
            format!("kind: InvoiceIssuer\nmetadata: {{name: default}}\nspec: {issuer}\n"),
            format!(
                "kind: PriceList\nmetadata: {{name: default}}\nspec: {{currency: {prices}, entries: [\
                 {{name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.0123', validFrom: '2020-01-01T00:00:00Z'}},\
                 {{name: calls, type: Calls, unit: Unit, scope: BillingGroup, validFrom: '2020-01-01T00:00:00Z', \
                 tiers: [{{upTo: '4', unitPrice: '0'}}, {{upTo: '7.5', unitPrice: '1.005'}}, {{unitPrice: '0.5'}}]}},\
                 {{name: mails, type: Mails, unit: Unit, unitPrice: '2.5', per: 5, roundUp: true, \
                 validFrom: '2020-01-01T00:00:00Z'}}]}}\n"
            ),
            format!(
                "kind: ExchangeRates\nmetadata: {{name: ecb-2026}}\nspec: {{source: ecb, year: 2026, base: EUR, quotes: [{quotes}]}}\n"
            ),
            "kind: ExchangeRates\nmetadata: {name: ecb-2027}\nspec: {source: ecb, year: 2027, base: EUR, \
             quotes: [{date: '2027-01-29', rates: {USD: '1.2'}}, {date: '2027-02-26', rates: {USD: '1.25'}}]}\n"
                .to_owned(),
        ] {
            add(&mut state, &manifest);
        }
        let now = at("2026-11-28T00:00:00Z");
        Self { terms, state, now, records: Vec::new(), credits: Vec::new(), finals: Vec::new() }
    }

    /// Something happens, an hour after what happened before; what is not possible now does not.
    fn happen(&mut self, event: &Event) {
        self.now += TimeDelta::hours(1);
        match event {
            Event::Record { project, kind, start, hours, replaces } => {
                let of_project: Vec<String> = self.others(project).map(|record| record.name.clone()).collect();
                let replaces = replaces.filter(|_| !of_project.is_empty()).map(|index| index.get(&of_project).clone());
                let start = at("2026-11-01T00:00:00Z") + TimeDelta::hours(*start);
                let end = hours.map(|hours| start + TimeDelta::hours(hours));
                let name = format!("r{}", self.records.len());
                let (created, deleted) = (self.now, false);
                let record = Record { name, project, kind, start, end, created, replaces, deleted };
                self.write(self.records.len(), record);
            }
            Event::End { record, hours } => {
                let Some(place) = self.pick(*record, |record| record.end.is_none()) else { return };
                let record = self.records[place].clone();
                self.write(place, Record { end: Some(record.start + TimeDelta::hours(*hours)), ..record });
            }
            Event::Delete { record } => {
                let billed = self.billed();
                let Some(place) =
                    self.pick(*record, |record| record.replaces.is_none() && billed.contains(&record.name))
                else {
                    return;
                };
                self.records[place].deleted = true;
                let key = ObjectKey::namespaced("acme", &self.records[place].name);
                Observes::<api::UsageRecord>::forget(&mut self.state, &key);
            }
            Event::Credit { cents, is_limited } => {
                let (name, reservations) = (format!("c{}", self.credits.len()), Vec::new());
                let credit = Credit { name, cents: *cents, is_limited: *is_limited, reservations };
                add(&mut self.state, &credit.manifest());
                self.credits.push(credit);
            }
            Event::Note { invoice, line, is_missed } => self.credit_back(*invoice, *line, *is_missed),
            Event::Close => self.close(),
        }
    }

    fn others<'a>(&'a self, project: &'a str) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter(move |record| record.project == project && !record.deleted)
    }

    /// The place of a record that exists and is so.
    fn pick(&self, index: Index, is_so: impl Fn(&Record) -> bool) -> Option<usize> {
        let places: Vec<usize> = (0..self.records.len())
            .filter(|place| !self.records[*place].deleted && is_so(&self.records[*place]))
            .collect();
        (!places.is_empty()).then(|| *index.get(&places))
    }

    /// The records that finals bill something of.
    fn billed(&self) -> BTreeSet<String> {
        let lines = self.finals.iter().flat_map(|closed| &document(&closed.invoice).lines);
        let sources = lines.filter_map(|line| line.source.as_ref()).filter(|source| source.kind == "UsageRecord");
        sources.map(|source| source.name.to_string()).collect()
    }

    fn write(&mut self, place: usize, record: Record) {
        add(&mut self.state, &record.manifest());
        self.records.truncate(place.max(self.records.len()));
        match self.records.get_mut(place) {
            Some(existing) => *existing = record,
            None => self.records.push(record),
        }
    }

    /// The next month becomes final, and takes of the credits what its lines say.
    fn close(&mut self) {
        let Some(month) = MONTHS.get(self.finals.len()) else { return };
        let after = self.finals.last().map(|closed| closed.last.clone());
        let first = at(&format!("{month}-01T00:00:00Z"));
        self.now = self.now.max(first + TimeDelta::days(32)) + TimeDelta::hours(1);
        let issued_at = time(self.now);
        let make = |state: &ObservedState| final_for(state, month, &issued_at, after.as_ref());
        let (invoice, last) = close_as(&mut self.state, self.terms, make);
        for line in &document(&invoice).lines {
            let source = line.source.as_ref().filter(|source| source.kind == "Credit");
            let Some(name) = source.map(|source| source.name.to_string()) else { continue };
            let credit = self.credits.iter_mut().find(|credit| credit.name == name).unwrap();
            let amount = line.total.as_str().trim_start_matches('-');
            let number = &document(&invoice).number;
            credit.reservations.push(json!({ "invoice": number, "state": "Consumed", "amount": amount }));
            add(&mut self.state, &credit.manifest());
        }
        self.finals.push(Closed { invoice, last, is_credited: false });
    }

    /// A credit note over a final that has none.
    fn credit_back(&mut self, invoice: Index, line: Option<Index>, is_missed: bool) {
        let last = self.finals.last().and_then(|last| document(&last.invoice).issued_at);
        let while_closing = last.filter(|_| is_missed).map(|last| last.0 - TimeDelta::minutes(1));
        let issued_at = time(while_closing.unwrap_or(self.now));
        // None is issued over a final that is still being made.
        let all = self.finals.len().saturating_sub(usize::from(while_closing.is_some()));
        let open: Vec<usize> = (0..all).filter(|place| !self.finals[*place].is_credited).collect();
        if open.is_empty() {
            return;
        }
        let closed = &mut self.finals[*invoice.get(&open)];
        let credited = document(&closed.invoice);
        let lines: Vec<_> =
            credited.lines.iter().filter(|line| line.adjusts.is_none() && line.total.as_str() > "0.01").collect();
        let asked = match line {
            None => json!({ "invoice": credited.number, "full": true, "reason": "wrong" }),
            Some(_) if lines.is_empty() => return,
            Some(index) => {
                let line = json!({ "line": index.get(&lines).id, "amount": "0.01" });
                json!({ "invoice": credited.number, "lines": [line], "reason": "wrong" })
            }
        };
        closed.is_credited = true;
        let of = json!({ "number": credited.number, "period": credited.period, "digest": credited.digest });
        let note = json!({
            "apiVersion": "billing-operator.io/v1alpha1", "kind": "CreditNote",
            "metadata": { "name": format!("note-{}", credited.number.as_str()), "namespace": "acme" },
            "spec": asked,
            "status": { "document": {
                "number": format!("{}-c1", credited.number.as_str()), "issuedAt": issued_at, "invoice": of,
                "currency": credited.currency, "seller": credited.seller, "buyer": credited.buyer, "reason": "wrong",
                "lines": [], "subtotal": "-0.01", "tax": "0.00", "total": "-0.01", "digest": "" } },
        });
        let note: api::CreditNote = serde_json::from_value(note).unwrap();
        let before = self.state.record_credit_note(&Name::from("acme"), &note);
        assert!(!before.is_empty(), "the note counts");
    }

    /// What is told of a final as it is, or as somebody forged it.
    fn compared(&self, place: usize, invoice: &Invoice) -> Vec<Difference> {
        let previous = place.checked_sub(1).map(|place| &self.finals[place].last);
        compared_after(&self.state, invoice, previous)
    }
}

fn document(invoice: &Invoice) -> &api::Document {
    invoice.status.as_ref().unwrap().document.as_ref().unwrap()
}

/// A line of a final with a cent more, taken off, or twice.
fn forgeries(invoice: &Invoice, line: Index) -> Vec<(&'static str, Invoice)> {
    let all = document(invoice).lines.len();
    if all == 0 {
        return Vec::new();
    }
    let line = line.index(all);
    let lines = |document: &mut Value| document["lines"].as_array().unwrap().clone();
    let dearer = forged(invoice, |document| {
        let total = document["lines"][line]["total"].as_str().unwrap();
        document["lines"][line]["total"] = format!("{}1", &total[..total.len() - 1]).into();
        if document["lines"][line]["total"].as_str().unwrap().ends_with("-0.01") {
            document["lines"][line]["total"] = "-0.02".into();
        }
    });
    let twice = forged(invoice, |document| {
        let mut known = lines(document);
        let mut other = known[line].clone();
        other["id"] = "ffffffffffffffff".into();
        known.push(other);
        document["lines"] = known.into();
    });
    let without = forged(invoice, |document| {
        let mut known = lines(document);
        known.remove(line);
        document["lines"] = known.into();
    });
    let changed = |forged: &Invoice| document(forged).lines != document(invoice).lines;
    let all = [("dearer", dearer), ("twice", twice), ("without", without)];
    all.into_iter().filter(|(_, forged)| changed(forged)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_later_every_difference_is_explained(
        setting in setting(), events in prop::collection::vec(event(), 4..20)
    ) {
        let mut history = History::new(&setting);
        for event in &events {
            history.happen(event);
            for (place, (closed, month)) in history.finals.iter().zip(MONTHS).enumerate() {
                let found = history.compared(place, &closed.invoice);
                let unexplained = found.iter().any(Difference::is_unexplained);
                prop_assert!(!unexplained, "{}: {:?}", month, reasons(&found));
            }
        }
    }

    /// Each final is forged as soon as it is made, among changes that came before it.
    #[test]
    fn a_forged_final_is_never_explained(
        setting in setting(), events in prop::collection::vec(event(), 4..20), line in any::<Index>()
    ) {
        let mut history = History::new(&setting);
        for event in events.iter().filter(|event| !matches!(event, Event::Delete { .. })) {
            let before = history.finals.len();
            history.happen(event);
            let Some(last) = history.finals.last().filter(|_| before < history.finals.len()) else { continue };
            for (how, forged) in forgeries(&last.invoice, line) {
                let found = history.compared(history.finals.len() - 1, &forged);
                prop_assert!(found.iter().any(Difference::is_unexplained), "{how}: {:?}", reasons(&found));
            }
        }
    }

    /// An amount that is forged is found among all that came later, too.
    #[test]
    fn a_forged_amount_does_not_hide_behind_what_came_later(
        setting in setting(), events in prop::collection::vec(event(), 4..20), line in any::<Index>()
    ) {
        let mut history = History::new(&setting);
        events.iter().filter(|event| !matches!(event, Event::Delete { .. })).for_each(|event| history.happen(event));
        for place in 0..history.finals.len() {
            for (how, forged) in forgeries(&history.finals[place].invoice, line) {
                let found = history.compared(place, &forged);
                let hidden = how != "without" && !found.iter().any(Difference::is_unexplained);
                prop_assert!(!hidden, "{how}: {:?}", reasons(&found));
            }
        }
    }
}

/// A record that is replaced leaves its tier to another, which a later final bills as a difference: this comes out again.
#[test]
fn what_a_replaced_record_moves_is_computed_again() {
    let terms = "{terms: {charges: [{name: Care, type: SupportCharge, percent: '50'}]}}";
    let setting = Setting { terms, issuer: "{legalName: Example}", prices: "USD" };
    let mut history = History::new(&setting);
    let record = |start, replaces| Event::Record { project: "acme-web", kind: "Calls", start, hours: None, replaces };
    let first = MONTHS[0];
    for event in [record(4, None), record(3, None), Event::Close] {
        history.happen(&event);
    }
    history.happen(&record(2, None));
    let replaced = Record { replaces: Some("r1".to_owned()), name: "r3".to_owned(), ..history.records[2].clone() };
    history.write(3, replaced);
    history.happen(&Event::Close);
    let last = document(&history.finals[1].invoice);
    let moved = last.lines.iter().filter(|line| line.source.as_ref().is_some_and(|source| source.kind == "PriceList"));
    let told = |line: &api::Line| (line.adjusts.as_ref().unwrap().period.to_string(), line.total.to_string());
    // It was 4 to 6, and is 6 to 9: 3.52 − 2.01 of the second tier and 0.75 of the last one, and no more 2.01.
    assert_eq!(moved.map(told).collect::<Vec<_>>(), [(first.to_owned(), "0.25".to_owned())]);
    assert_eq!(history.compared(1, &history.finals[1].invoice), []);
    // Once something differs, what follows from the lines is computed from those that the final has: half of what moved is its support.
    history.happen(&record(740, None));
    let found = history.compared(1, &history.finals[1].invoice);
    assert!(!found.is_empty() && !found.iter().any(Difference::is_unexplained), "{:?}", reasons(&found));
}
