//! A small organization to test with, written down in few words.

use std::collections::BTreeSet;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::*;

/// An instant: "2026-11-01", "2026-11-01T10:00" or "2026-11-01T10:00:00.000001".
pub fn at(text: &str) -> Timestamp {
    let padded = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ => format!("{text}Z"),
    };
    chrono::DateTime::parse_from_rfc3339(&padded).unwrap().to_utc()
}

pub fn period(start: &str, end: &str) -> Period {
    Period::new(at(start), at(end)).unwrap()
}

pub fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

pub fn money(text: &str, code: &str) -> Money {
    Money::parse(text, currency(code)).unwrap()
}

pub fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

pub fn name(text: &str) -> Name {
    Name::from(text)
}

/// A UID that follows from a name.
pub fn uid(text: &str) -> Uid {
    Uid(text.bytes().fold(0xf339_7000, |sum, byte| (sum << 7) ^ u128::from(byte)))
}

/// A group of the organization, created in 2020 and billed from then on.
pub fn group(text: &str) -> Group {
    Group {
        name: name(text),
        uid: uid(text),
        created: at("2020-01-01"),
        deleted: None,
        primary: false,
        currency: Some(currency("USD")),
        allowed: None,
        first_period: month("2020-01"),
        price_lists: vec![name("default")],
        issuer: name("default"),
        payment_term_days: None,
        buyer: Buyer::default(),
        terms: Ok(Terms::default()),
    }
}

pub fn primary(text: &str) -> Group {
    Group { primary: true, ..group(text) }
}

pub fn only(projects: &[&str]) -> Option<BTreeSet<Name>> {
    Some(projects.iter().map(|project| name(project)).collect())
}

/// A chosen segment: from this instant on, this group.
pub fn segment(from: &str, group: &str) -> Segment {
    Segment { from: at(from), group: name(group), group_uid: uid(group), project_uid: uid("namespace"), default: false }
}

/// A default one.
pub fn default_segment(from: &str, group: &str) -> Segment {
    Segment { default: true, ..segment(from, group) }
}

pub fn ledger(segments: &[Segment]) -> Ledger {
    Ledger::new(segments.to_vec()).unwrap()
}

/// A record of a PostgreSQL Hobbyist in google-europe-north1 named like its service; `end` may be "".
pub fn usage(record: &str, project: &str, start: &str, end: &str) -> Usage {
    Usage {
        name: name(record),
        uid: uid(record),
        project: name(project),
        created: at(start),
        generation: 1,
        service: service(record, "PostgreSQL"),
        quantity: Decimal::ONE,
        start: at(start),
        metering: None,
        end: (!end.is_empty()).then(|| at(end)),
        replaces: None,
        tags: Vec::new(),
    }
}

pub fn service(text: &str, kind: &str) -> Arc<Service> {
    let plan = Some(name("Hobbyist"));
    Arc::new(Service {
        name: name(text),
        kind: name(kind),
        plan,
        cloud: Some(name("google-europe-north1")),
        cluster: None,
    })
}

/// An hourly price for a type of service, valid from 2020 on.
pub fn hourly(kind: &str, unit_price: &str) -> PriceEntry {
    PriceEntry {
        list: name("default"),
        name: name(&format!("{kind}-{unit_price}").to_lowercase()),
        kind: name(kind),
        plan: None,
        cloud: None,
        price: UnitPrice::of_one(Unit::Hour, decimal(unit_price)),
        valid_from: at("2020-01-01"),
        valid_until: None,
    }
}

/// A price by the unit on a scale, for a type of service, valid from 2020 on.
pub fn scaled(kind: &str, unit_price: &str, scope: Scope, pricing: ScalePricing) -> PriceEntry {
    let entry = by_unit(kind, unit_price);
    PriceEntry { price: UnitPrice { scale: Some(Arc::new(Scale { scope, pricing })), ..entry.price }, ..entry }
}

/// Tiers, by where each ends ("" for the last) and what it costs.
pub fn tiers(tiers: &[(&str, &str)]) -> Vec<Tier> {
    let tier = |(up_to, amount): &(&str, &str)| Tier {
        up_to: (!up_to.is_empty()).then(|| decimal(up_to)),
        amount: decimal(amount),
    };
    tiers.iter().map(tier).collect()
}

/// A price by the month for a type of service, valid from 2020 on.
pub fn monthly(kind: &str, unit_price: &str) -> PriceEntry {
    PriceEntry { price: UnitPrice::of_one(Unit::Month, decimal(unit_price)), ..hourly(kind, unit_price) }
}

/// A price by the hour that comes to so much in a month at most, valid from 2020 on.
pub fn capped(kind: &str, unit_price: &str, most: &str) -> PriceEntry {
    let entry = hourly(kind, unit_price);
    PriceEntry { price: UnitPrice { max_per_month: Some(decimal(most)), ..entry.price }, ..entry }
}

/// A price by the unit for a type of service, valid from 2020 on.
pub fn by_unit(kind: &str, unit_price: &str) -> PriceEntry {
    PriceEntry { price: UnitPrice::of_one(Unit::Unit, decimal(unit_price)), ..hourly(kind, unit_price) }
}

/// The price list `default` alone, in USD.
pub fn price_list(entries: Vec<PriceEntry>) -> PriceLists {
    list_in("USD", entries).into()
}

/// The price list `default` in a currency.
pub fn list_in(code: &str, entries: Vec<PriceEntry>) -> PriceList {
    PriceList::new(name("default"), uid("prices"), 1, currency(code), entries).unwrap()
}

/// Price lists `list-0`, `list-1` and so on in a currency, each over the next.
pub fn price_lists(code: &str, lists: impl IntoIterator<Item = Vec<PriceEntry>>) -> PriceLists {
    let lists = lists.into_iter().enumerate().map(|(number, entries)| {
        let list = format!("list-{number}");
        Arc::new(PriceList::new(name(&list), uid(&list), 1, currency(code), entries).unwrap())
    });
    let mut lists: Vec<_> = lists.collect();
    PriceLists::new(lists.remove(0), lists).unwrap()
}

/// What is left of a credit without limits, in USD.
pub fn offer(text: &str, remaining: &str) -> CreditOffer {
    CreditOffer {
        name: name(text),
        uid: uid(text),
        kind: CreditType::Promotion,
        application: Application::BeforeTax,
        validity: CreditValidity::default(),
        projects: None,
        remaining: money(remaining, "USD"),
    }
}

/// A source that quotes against EUR: `date currency rate`.
pub fn rates(source: &str, quotes: &[(&str, &str, &str)]) -> Rates {
    let mut rates = Rates::of(name(source));
    let years: BTreeSet<&str> = quotes.iter().map(|(date, ..)| &date[..4]).collect();
    for year in years {
        let of_year = quotes.iter().filter(|(date, ..)| date.starts_with(year));
        let quotes = of_year.map(|(date, code, rate)| (day(date), quote(code, rate)));
        let object_name = name(&format!("{source}-{year}"));
        let object = RatesObject { uid: uid(&object_name), name: object_name, generation: 1 };
        let year = year.parse().unwrap();
        rates.put(year, Ok(Arc::new(YearlyQuotes::new(object, year, currency("EUR"), quotes).unwrap())));
    }
    rates
}

pub fn day(text: &str) -> Date {
    at(text).date_naive()
}

pub fn quote(code: &str, rate: &str) -> Quote {
    Quote { currency: currency(code), rate: Rate::new(decimal(rate)).unwrap() }
}

/// Everything a bill is computed from.
#[derive(Debug, Clone)]
pub struct World {
    pub organization: Organization,
    pub prices: PriceLists,
    /// Those of closed months that had others.
    pub former_prices: FormerPrices,
    pub rates: Rates,
    pub issuer: Option<Issuer>,
    pub billed: BilledIndex,
    pub closed: ClosedMonths,
    pub successions: Vec<Succession>,
    pub brought_forward: Option<BroughtForward>,
    pub credits: Vec<CreditOffer>,
    pub attribution: Attribution,
    pub hours: HourRule,
}

impl World {
    /// With PostgreSQL and MySQL at 0.026 USD an hour.
    pub fn new(groups: impl IntoIterator<Item = Group>) -> Self {
        let mut organization = Organization::new();
        groups.into_iter().for_each(|group| organization.put_group(group));
        World {
            organization,
            prices: price_list(vec![hourly("PostgreSQL", "0.026"), hourly("MySQL", "0.026")]),
            former_prices: FormerPrices::new(),
            rates: Rates::default(),
            issuer: None,
            billed: BilledIndex::default(),
            closed: ClosedMonths::new(),
            successions: Vec::new(),
            brought_forward: None,
            credits: Vec::new(),
            attribution: Attribution::MonthEnd,
            hours: HourRule::Ceil,
        }
    }

    /// With a project and its ledger.
    pub fn project(mut self, project: &str, segments: &[Segment]) -> Self {
        self.organization.put_namespace(name(project), uid(project));
        self.organization.put_ledger(name(project), ledger(segments));
        self
    }

    pub fn usage(mut self, usage: Usage) -> Self {
        self.organization.put_usage(usage);
        self
    }

    /// The records, and what finals bill of them.
    pub fn records(&self) -> BilledUsage<'_> {
        BilledUsage { organization: &self.organization, billed: &self.billed }
    }

    /// With a final of somebody else in the organization that bills this.
    pub fn bill_elsewhere(&mut self, record: &str, period: Period, unit: Unit) {
        let number = name(&format!("elsewhere-{}", self.billed.finals().count() + 1));
        let (group, currency, month) = (uid("elsewhere"), currency("USD"), Month::of(period.start()));
        let (group_name, hours) = (name("elsewhere"), self.hours);
        let (issued_at, issuer, reissued_at) = (month.end(), None, None);
        let facts = FinalFacts { number, group, group_name, month, issued_at, currency, issuer, hours, reissued_at };
        let (price, hours) = (UnitPrice::of_one(unit, decimal("0.026")), self.hours);
        let line = BilledLine {
            record: name(record),
            project: Some(name("p")),
            period,
            pre_discount: money("1.00", "USD"),
            total: money("1.00", "USD"),
            tax: None,
            basis: LineBasis::Rated(Rating { price, discounts: Vec::new(), rate: None, hours, tier: None }),
            replaces: Vec::new(),
            scaled: None,
            closed_by: None,
        };
        let read = ReadFinal {
            facts,
            lines: vec![line],
            parts: Vec::new(),
            terms: None,
            only_tax: None,
            scales: FinalScales::default(),
        };
        self.billed.add(read, |record| Some(name(record)));
    }

    pub fn input<'a>(&'a self, group: &str, of: &str, as_of: Timestamp) -> GroupMonth<'a> {
        GroupMonth {
            organization: &self.organization,
            group: self.organization.group(uid(group)).unwrap(),
            month: month(of),
            attribution: self.attribution,
            hours: self.hours,
            lists_no_hours: false,
            prices: &self.prices,
            former_prices: &self.former_prices,
            rates: &self.rates,
            issuer: self.issuer.as_ref(),
            billed: &self.billed,
            closed: &self.closed,
            successions: &self.successions,
            brought_forward: self.brought_forward.as_ref(),
            credits: &self.credits,
            as_of,
        }
    }

    /// The bill of a month that is over; the audit agrees.
    pub fn bill(&self, group: &str, of: &str) -> Bill {
        self.bill_as_of(group, of, month(of).end())
    }

    /// The bill as of an instant; the audit agrees.
    pub fn bill_as_of(&self, group: &str, of: &str, as_of: Timestamp) -> Bill {
        let input = self.input(group, of, as_of);
        let bill = bill_group_month(&input).unwrap();
        assert_eq!(audit(&input, &bill), []);
        bill
    }
}

/// `record start..end total`, with times of the day left out at midnight.
pub fn lines(bill: &Bill) -> Vec<String> {
    let short = |instant: Timestamp| {
        let text = instant.format("%m-%dT%H:%M").to_string();
        text.strip_suffix("T00:00").map_or(text.clone(), str::to_owned)
    };
    let shown = |line: &Line| {
        let (start, end) = (short(line.period.start()), short(line.period.end()));
        format!("{} {start}..{end} {} {}", line.usage.name, line.quantity(), line.total)
    };
    bill.lines.iter().map(shown).collect()
}

/// `project subtotal`.
pub fn projects(bill: &Bill) -> Vec<String> {
    bill.projects.iter().map(|project| format!("{} {}", project.project, project.subtotal)).collect()
}

/// `record Reason`.
pub fn problems(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| format!("{} {}", problem.usage.name, problem.reason.as_str())).collect()
}
