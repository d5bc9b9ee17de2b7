//! Organizations made up at random: few names and few instants, so that things meet.

use std::num::NonZeroU64;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::tests::world::*;
use crate::*;

/// The months that are billed.
pub const MONTHS: [&str; 3] = ["2020-10", "2020-11", "2020-12"];

const GROUPS: [&str; 4] = ["a", "b", "c", "gone"];
const PROJECTS: [&str; 3] = ["p", "q", "r"];

/// What an organization is made of, in the order in which it is observed.
#[derive(Debug, Clone)]
pub struct Parts {
    pub groups: Vec<Group>,
    pub projects: Vec<(Name, Vec<Segment>)>,
    pub usage: Vec<Usage>,
    pub prices: Vec<ListParts>,
    pub billed: Vec<(Name, Period)>,
    pub credits: Vec<CreditOffer>,
    pub prorated: bool,
    pub exact: bool,
    /// What a source quoted: the day, the currency, and how much of it one EUR costs.
    pub quotes: Vec<(String, &'static str, &'static str)>,
}

/// What a price list is made of.
#[derive(Debug, Clone)]
pub struct ListParts {
    pub entries: Vec<PriceEntry>,
    /// A type of service with an entry that cannot be used.
    pub unusable: Option<&'static str>,
}

impl Parts {
    /// The price lists `list-0`, `list-1` and so on, each over the next, with their prices in a currency.
    pub fn prices_in(&self, code: &str) -> PriceLists {
        let list = |(number, ListParts { entries, unusable }): (usize, &ListParts)| {
            let list = name(&format!("list-{number}"));
            let unreadable = PriceListError::Unreadable { path: "spec.entries[0].unitPrice".into(), text: "x".into() };
            let unusable = unusable.iter().map(|kind| (name(kind), unreadable.clone())).collect();
            Arc::new(PriceList::by_type(list, uid("list"), 1, currency(code), entries.clone(), unusable))
        };
        let mut lists: Vec<_> = self.prices.iter().enumerate().map(list).collect();
        PriceLists::new(lists.remove(0), lists).unwrap()
    }

    pub fn world(&self) -> World {
        let mut world = World::new(self.groups.clone());
        for (project, segments) in &self.projects {
            world = world.project(project, segments);
        }
        for usage in &self.usage {
            world = world.usage(usage.clone());
        }
        world.prices = self.prices_in("USD");
        self.billed.iter().for_each(|(record, period)| world.bill_elsewhere(record, *period, Unit::Hour));
        world.credits = self.credits.clone();
        let quotes: Vec<_> = self.quotes.iter().map(|(date, code, rate)| (date.as_str(), *code, *rate)).collect();
        world.rates = rates("ecb", &quotes);
        world.attribution = if self.prorated { Attribution::Prorated } else { Attribution::MonthEnd };
        world.hours = if self.exact { HourRule::Exact } else { HourRule::Ceil };
        world
    }

    /// The same, observed in another order.
    pub fn shuffled(&self, seed: u64) -> Parts {
        let mut parts = self.clone();
        shuffle(&mut parts.groups, seed);
        shuffle(&mut parts.projects, seed);
        shuffle(&mut parts.usage, seed);
        parts.prices.iter_mut().for_each(|list| shuffle(&mut list.entries, seed));
        shuffle(&mut parts.billed, seed);
        shuffle(&mut parts.credits, seed);
        shuffle(&mut parts.quotes, seed);
        parts
    }
}

/// A fixed shuffle for each seed.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed | 1;
    for last in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(last, (state >> 33) as usize % (last + 1));
    }
}

/// Anything that can be observed of an organization.
pub fn parts() -> impl Strategy<Value = Parts> {
    let usage = prop::collection::vec(usage_record(), 0..14).prop_map(|mut usage| {
        usage.sort_by(|a, b| a.name.cmp(&b.name));
        usage.dedup_by(|a, b| a.name == b.name);
        usage
    });
    let billed = prop::collection::vec((record_name(), a_period()), 0..3);
    (groups(), projects(), usage, lists(), billed, credits(), quotes(), any::<bool>(), any::<bool>()).prop_map(
        |(groups, projects, usage, prices, billed, credits, quotes, prorated, exact)| Parts {
            groups,
            projects,
            usage,
            prices,
            billed,
            credits,
            prorated,
            exact,
            quotes,
        },
    )
}

/// From September to January: any microsecond, or one that is shared with others.
fn instant() -> impl Strategy<Value = Timestamp> {
    let shared = select(vec![
        "2020-10-01T00:00:00",
        "2020-10-20T10:30:00",
        "2020-11-01T00:00:00",
        "2020-11-10T00:00:00",
        "2020-11-10T00:00:00.000001",
        "2020-11-20T23:59:59.999999",
        "2020-12-01T00:00:00",
        "2020-12-05T06:07:08",
    ]);
    let micros = 0_i64..150 * 86_400 * 1_000_000;
    prop_oneof![
        shared.prop_map(at),
        micros.prop_map(|micros| at("2020-09-01") + chrono::TimeDelta::microseconds(micros)),
    ]
}

pub fn a_period() -> impl Strategy<Value = Period> {
    (instant(), instant()).prop_map(|(a, b)| Period::new(a.min(b), a.max(b)).unwrap())
}

fn groups() -> impl Strategy<Value = Vec<Group>> {
    let one = |text: &'static str| {
        let deleted = prop::option::weighted(0.2, instant());
        let allowed = prop::option::weighted(0.2, subsequence(PROJECTS.to_vec(), 0..3));
        let first = prop_oneof![4 => Just("2020-01"), 1 => Just("2020-12")];
        let code =
            prop_oneof![8 => Just(Some("USD")), 4 => select(vec!["EUR", "JPY", "KWD"]).prop_map(Some), 1 => Just(None)];
        (deleted, any::<bool>(), allowed, first, code, 0..3_u8).prop_map(
            move |(deleted, primary, allowed, first, code, day)| Group {
                deleted,
                primary,
                allowed: allowed.and_then(|projects| only(&projects)),
                first_period: month(first),
                currency: code.map(currency),
                created: at("2020-01-01") + chrono::TimeDelta::days(day.into()),
                ..group(text)
            },
        )
    };
    ((one("a"), one("b"), one("c")), terms()).prop_map(|((a, b, c), terms)| {
        // Amounts of terms are in the group's currency, and these are in USD.
        let in_dollars = a.currency == Some(currency("USD"));
        let terms = if in_dollars { terms } else { Terms { discounts: terms.discounts, ..Terms::default() } };
        vec![Group { terms: Ok(terms), ..a }, b, c]
    })
}

/// Terms of all kinds, some in force for a part of the months only.
pub fn terms() -> impl Strategy<Value = Terms> {
    let validity = || {
        let end = || prop::option::weighted(0.3, select(MONTHS.to_vec()).prop_map(month));
        (end(), end()).prop_map(|(first, last)| Validity { first, last })
    };
    let percent = || select(vec!["0.0001", "4.5", "10", "33.3333", "100"]).prop_map(|percent| percent.parse().unwrap());
    let amount = || select(vec!["0.00", "0.01", "12.34", "500.00", "1000000.00"]).prop_map(|text| money(text, "USD"));
    let discount = |text: &'static str| {
        (percent(), validity()).prop_map(move |(percent, validity)| Discount { name: name(text), percent, validity })
    };
    let charge_amount = prop_oneof![
        1 => amount().prop_map(ChargeAmount::Fixed),
        1 => amount().prop_map(ChargeAmount::PerProject),
        2 => (percent(), prop::option::of(amount()))
            .prop_map(|(percent, minimum)| ChargeAmount::OfServices { percent, minimum }),
    ];
    let kind = select(vec![ChargeType::Extra, ChargeType::Support, ChargeType::Other]);
    let charges = prop::collection::vec((kind, charge_amount, validity()), 0..4).prop_map(|charges| {
        let named = charges.into_iter().enumerate();
        named
            .map(|(number, (kind, amount, validity))| AgreedCharge {
                name: name(&format!("charge-{number}")),
                kind,
                amount,
                validity,
            })
            .collect()
    });
    let monthly = validity().prop_map(|validity| (validity, CommitmentSettlement::Month));
    // Ends that are not before the first month of any group.
    let ends = select(vec!["2020-12", "2021-01", "2021-02"]).prop_map(month);
    let over_a_term = (select(MONTHS.to_vec()).prop_map(month), ends).prop_map(|(first, last)| {
        let validity = Validity { first: Some(first), last: Some(last) };
        (validity, CommitmentSettlement::Term(Term { first, last }))
    });
    let commitment = (amount(), prop_oneof![monthly, over_a_term])
        .prop_map(|(amount, (validity, settlement))| Commitment { name: name("c"), amount, validity, settlement });
    let discounts = (prop::option::of(discount("d")), prop::option::of(discount("e")))
        .prop_map(|(a, b)| a.into_iter().chain(b).collect());
    (discounts, charges, prop::option::weighted(0.75, commitment)).prop_map(|(discounts, charges, commitment)| Terms {
        discounts,
        charges,
        commitment,
    })
}

/// Quotes of some days, which leave some out; no day quotes a currency twice.
fn quotes() -> impl Strategy<Value = Vec<(String, &'static str, &'static str)>> {
    let rate = |code| {
        select(match code {
            "USD" => vec!["1.0850", "1.19", "0.9993", "7"],
            "JPY" => vec!["124.10", "123.995", "3"],
            _ => vec!["0.36405", "0.3", "0.00000007"],
        })
    };
    let date = prop_oneof![
        select(vec!["2020-10-31", "2020-11-01", "2020-11-30", "2020-12-10", "2020-12-11", "2020-12-20"])
            .prop_map(str::to_owned),
        instant().prop_map(|instant| instant.date_naive().to_string()),
    ];
    let code = select(vec!["USD", "USD", "JPY", "KWD"]);
    let quote = (date, code).prop_flat_map(move |(date, code)| (Just(date), Just(code), rate(code)));
    prop::collection::vec(quote, 0..48).prop_map(|mut quotes| {
        quotes.sort();
        quotes.dedup_by(|a, b| (&a.0, a.1) == (&b.0, b.1));
        quotes
    })
}

/// The segments of a ledger, of these groups.
pub fn segments(groups: &[&'static str]) -> impl Strategy<Value = Vec<Segment>> + use<> {
    let one = (instant(), select(groups.to_vec()), any::<bool>()).prop_map(|(from, group, default)| Segment {
        from,
        default,
        ..segment("2020-01-01", group)
    });
    prop::collection::vec(one, 1..6).prop_map(|mut segments| {
        segments.sort_by_key(|segment| segment.from);
        segments.dedup_by_key(|segment| segment.from);
        segments
    })
}

fn projects() -> impl Strategy<Value = Vec<(Name, Vec<Segment>)>> {
    (subsequence(PROJECTS.to_vec(), 1..=3), prop::collection::vec(segments(&GROUPS), 3))
        .prop_map(|(names, ledgers)| names.into_iter().map(name).zip(ledgers).collect())
}

/// Hourly prices that change, and leave no gap.
pub fn prices_without_gaps() -> impl Strategy<Value = Vec<PriceEntry>> {
    (instant(), a_period()).prop_map(|(change, special)| {
        let mut entries = vec![
            PriceEntry { valid_until: Some(change), ..hourly("PostgreSQL", "0.026") },
            PriceEntry { valid_from: change, ..hourly("PostgreSQL", "0.03") },
        ];
        if !special.is_empty() {
            let (valid_from, valid_until) = (special.start(), Some(special.end()));
            let plan = Some(name("Hobbyist"));
            entries.push(PriceEntry { plan, valid_from, valid_until, ..hourly("PostgreSQL", "0.01") });
        }
        entries
    })
}

/// The same by the month.
pub fn prices_by_the_month() -> impl Strategy<Value = Vec<PriceEntry>> {
    let by_the_month = |entry: PriceEntry| {
        let amount = entry.price.amount * decimal("730.1");
        PriceEntry { price: UnitPrice { unit: Unit::Month, amount, ..entry.price }, ..entry }
    };
    prices_without_gaps().prop_map(move |entries| entries.into_iter().map(by_the_month).collect())
}

/// The same by the hour, of which 300 are the most that is charged for a month.
pub fn prices_with_a_maximum() -> impl Strategy<Value = Vec<PriceEntry>> {
    let with_a_maximum = |entry: PriceEntry| {
        let max_per_month = Some(entry.price.amount * decimal("300"));
        PriceEntry { price: UnitPrice { max_per_month, ..entry.price }, ..entry }
    };
    prices_without_gaps().prop_map(move |entries| entries.into_iter().map(with_a_maximum).collect())
}

/// Credits of one group; each name once.
pub fn credits() -> impl Strategy<Value = Vec<CreditOffer>> {
    let when = (prop::option::of(instant()), prop::option::of(instant()));
    let amount = (0_i128..3_000, select(vec!["USD", "USD", "USD", "EUR"]));
    let projects = prop::option::weighted(0.5, subsequence(PROJECTS.to_vec(), 0..3));
    let one = (when, amount, projects).prop_map(|((starts, expires), (minor, code), projects)| CreditOffer {
        validity: CreditValidity { starts, expires },
        projects: projects.and_then(|projects| only(&projects)),
        remaining: Money::new(minor, currency(code)).unwrap(),
        ..offer("", "0.00")
    });
    prop::collection::vec(one, 0..5).prop_map(|mut credits| {
        credits.iter_mut().enumerate().for_each(|(index, credit)| credit.name = name(&format!("credit-{index}")));
        credits
    })
}

fn record_name() -> impl Strategy<Value = Name> {
    (0..16_u8).prop_map(|number| name(&format!("record-{number}")))
}

fn usage_record() -> impl Strategy<Value = Usage> {
    let kinds = ["PostgreSQL", "PostgreSQL", "MySQL", "Setup"];
    // Slips of the pen: nearly what price lists have.
    let kinds = kinds.repeat(4).into_iter().chain(["Strange", "Strange", "Strange", "postgresql", "\u{ff2d}ySQL"]);
    let plans = ["Hobbyist"; 8].into_iter().chain(["hobbyist", "\u{ff28}obbyist", "Startup"]);
    let clouds = ["google-europe-north1"; 8].into_iter().chain(["Google-Europe-North1", "aws"]);
    let words =
        (select(kinds.collect::<Vec<_>>()), select(plans.collect::<Vec<_>>()), select(clouds.collect::<Vec<_>>()));
    let what = (select(vec!["s1", "s2", "s3"]), words);
    let quantity =
        prop_oneof![Just("1"), Just("0.000001"), Just("2.345678"), Just("1000000.5"), Just("9999999999999.999999")];
    let when = (a_period(), prop_oneof![3 => Just(true), 1 => Just(false)]);
    let replaces = prop::option::weighted(0.3, record_name());
    (record_name(), select(PROJECTS.to_vec()), what, quantity, when, replaces).prop_map(
        |(record, project, (service_name, (kind, plan, cloud)), quantity, (when, ended), replaces)| Usage {
            start: when.start(),
            end: ended.then(|| when.end()),
            service: Arc::new(Service {
                name: name(service_name),
                kind: name(kind),
                plan: Some(name(plan)),
                cloud: Some(name(cloud)),
                cluster: None,
            }),
            quantity: decimal(quantity),
            replaces,
            ..usage(&record, project, "2020-11-01", "")
        },
    )
}

/// What an entry costs: for one, or for so many, with a name or without.
fn unit_price(unit: impl Strategy<Value = Unit>) -> impl Strategy<Value = UnitPrice> {
    let amount = select(vec!["0.026", "0.02602740", "99999999.99999999", "0", "0.000000000001", "7.123456789012"]);
    let per = select(vec![1_u64, 1, 1, 1_000, 730, 1_000_000_000_000]);
    let unit_name = prop::option::weighted(0.2, Just(name("vCPU")));
    let most = prop::option::weighted(0.4, select(vec!["9.99", "0.000000000001", "0", "100000"]));
    let hours = prop::option::weighted(0.3, select(vec![HourRule::Ceil, HourRule::Exact]));
    (unit, amount, per, unit_name, most, hours).prop_map(|(unit, amount, per, unit_name, most, hours)| UnitPrice {
        per: NonZeroU64::new(per).unwrap(),
        unit_name,
        max_per_month: most.map(decimal).filter(|_| unit == Unit::Hour),
        hours: hours.filter(|_| unit == Unit::Hour),
        ..UnitPrice::of_one(unit, decimal(amount))
    })
}

/// Tiers of all kinds, and whole packages.
pub fn scale() -> impl Strategy<Value = Option<Arc<Scale>>> {
    let ends = select(vec![
        vec![("", "0.5")],
        vec![("2", "0"), ("", "3.333333333333")],
        vec![("0.5", "10"), ("1000000", "0.01"), ("2000000.25", "0.009"), ("", "0")],
    ]);
    let scope = select(vec![Scope::Project, Scope::BillingGroup]);
    (ends, scope, 0..3_u8).prop_map(|(ends, scope, which)| {
        let pricing = match which {
            0 => ScalePricing::Packages,
            1 => ScalePricing::Graduated(tiers(&ends)),
            _ => ScalePricing::Volume(tiers(&ends)),
        };
        Some(Arc::new(Scale { scope, pricing }))
    })
}

/// A price list, or a few of them, over each other; an entry of one may be unusable.
fn lists() -> impl Strategy<Value = Vec<ListParts>> {
    let unusable = prop::option::weighted(0.05, select(vec!["PostgreSQL", "MySQL", "Setup"]));
    let list = |count| prop::collection::vec((prices(), unusable.clone()), count);
    let few = |kept: Vec<bool>| {
        let mut kept = kept.into_iter().cycle();
        move |_: &PriceEntry| kept.next().unwrap_or(true)
    };
    // Of those before the last, entries are left out, so that the next is asked.
    let kept = prop::collection::vec(any::<bool>(), 7);
    let several = (list(1..=3), kept).prop_map(move |(mut lists, kept)| {
        let last = lists.len() - 1;
        lists[..last].iter_mut().for_each(|(entries, _)| entries.retain(few(kept.clone())));
        lists
    });
    several.prop_map(|lists| lists.into_iter().map(|(entries, unusable)| ListParts { entries, unusable }).collect())
}

/// Prices that begin, end, change and leave gaps; one is by the unit.
fn prices() -> impl Strategy<Value = Vec<PriceEntry>> {
    let general = (instant(), instant(), unit_price(select(vec![Unit::Hour, Unit::Hour, Unit::Month])));
    let cloud = prop::option::weighted(0.4, Just("google-europe-north1"));
    let special = (a_period(), unit_price(select(vec![Unit::Hour, Unit::Month, Unit::Unit])), cloud);
    let plain = prop_oneof![Just(UnitPrice::of_one(Unit::Unit, decimal("49.995"))), unit_price(Just(Unit::Unit))];
    let setup = (plain, prop_oneof![Just(None), scale()]).prop_map(|(price, scale)| UnitPrice { scale, ..price });
    (general, special, setup, any::<bool>()).prop_map(
        |((a, b, price), (when, special_price, cloud), setup, has_gap)| {
            let (change, later) = (a.min(b), a.max(b));
            let again = if has_gap { later } else { change };
            let mut entries = vec![
                PriceEntry { name: name("old"), valid_until: Some(change), ..hourly("PostgreSQL", "0.026") },
                PriceEntry { name: name("new"), price, valid_from: again, ..hourly("PostgreSQL", "0.03") },
                hourly("MySQL", "0.019"),
                PriceEntry { price: setup, ..by_unit("Setup", "1") },
            ];
            if !when.is_empty() {
                entries.push(PriceEntry {
                    name: name("special"),
                    plan: Some(name("Hobbyist")),
                    cloud: cloud.map(name),
                    valid_from: when.start(),
                    valid_until: Some(when.end()),
                    price: special_price,
                    ..hourly("PostgreSQL", "1")
                });
            }
            entries
        },
    )
}
