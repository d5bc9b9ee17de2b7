//! How many usage records the engine bills in a second, on one core.
//!
//! `cargo bench --bench engine`. One group pays for 100 projects with 2,000 records each: all of the month,
//! or a part of it, some with a price change inside, with quantities of six decimals and prices of eight;
//! types, plans and clouds are interned, as the operator does. Measured is the whole of `bill_group_month`
//! (who pays, clip, price, round, order, sum), then the audit of the same bill. The data is made before the
//! clock starts; each figure is the median of several passes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops when its data is wrong")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use billing_domain::{
    Attribution, BilledIndex, Buyer, Group, GroupMonth, HourRule, Ledger, Month, NO_CLOSED_MONTHS, NO_EXCHANGE_RATES,
    NO_FORMER_PRICES, NO_SUCCESSIONS, Name, Organization, PriceEntry, PriceList, PriceLists, Segment, Service, Terms,
    Timestamp, Uid, Unit, UnitPrice, Usage, audit, bill_group_month,
};
use chrono::TimeDelta;
use rust_decimal::Decimal;

const PROJECTS: usize = 100;
const RECORDS_PER_PROJECT: usize = 2_000;
const PASSES: usize = 15;

fn main() {
    let organization = organization();
    let prices = prices();
    let billed = BilledIndex::default();
    let month: Month = "2026-11".parse().unwrap();
    for (title, hours) in [("Ceil", HourRule::Ceil), ("Exact", HourRule::Exact)] {
        let input = GroupMonth {
            organization: &organization,
            group: organization.group(Uid(1)).unwrap(),
            month,
            attribution: Attribution::MonthEnd,
            hours,
            lists_no_hours: false,
            prices: &prices,
            former_prices: &NO_FORMER_PRICES,
            rates: &NO_EXCHANGE_RATES,
            issuer: None,
            billed: &billed,
            closed: &NO_CLOSED_MONTHS,
            successions: NO_SUCCESSIONS,
            brought_forward: None,
            credits: &[],
            as_of: month.end(),
        };
        let bill = bill_group_month(&input).unwrap();
        assert!(bill.problems.is_empty());
        println!(
            "{title}: {} records, {} lines, total {:?}",
            organization.usage_count(),
            bill.lines.len(),
            bill.subtotal
        );
        report("bill", median(|| drop(black_box(bill_group_month(black_box(&input))))));
        report("audit", median(|| assert!(audit(black_box(&input), &bill).is_empty())));
    }
}

fn report(title: &str, pass: Duration) {
    let records = (PROJECTS * RECORDS_PER_PROJECT) as f64;
    println!("  {title:5} {pass:>10.2?} a pass, {:.2} million records/s", records / pass.as_secs_f64() / 1e6);
}

fn median(mut pass: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..PASSES)
        .map(|_| {
            let start = Instant::now();
            pass();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[PASSES / 2]
}

fn at(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

const KINDS: [&str; 4] = ["PostgreSQL", "MySQL", "Kafka", "OpenSearch"];
const PLANS: [&str; 5] = ["Hobbyist", "Startup-4", "Business-8", "Premium-16", "Premium-32"];
const CLOUDS: [&str; 4] = ["google-europe-north1", "aws-eu-west-1", "azure-westeurope", "do-fra"];

fn organization() -> Organization {
    let mut organization = Organization::new();
    organization.put_group(Group {
        name: "group".into(),
        uid: Uid(1),
        created: at("2026-01-01T00:00:00Z"),
        deleted: None,
        primary: true,
        currency: Some("USD".parse().unwrap()),
        allowed: None,
        first_period: "2026-01".parse().unwrap(),
        price_lists: vec!["default".into()],
        issuer: "default".into(),
        payment_term_days: None,
        buyer: Buyer::default(),
        terms: Ok(Terms::default()),
    });
    let names = [&KINDS[..], &PLANS, &CLOUDS].map(|texts| texts.iter().copied().map(Name::from).collect::<Vec<_>>());
    for project in 0..PROJECTS {
        let name = Name::from(format!("project-{project}"));
        let segment = Segment {
            from: at("2026-01-01T00:00:00Z"),
            group: "group".into(),
            group_uid: Uid(1),
            project_uid: Uid(2),
            default: false,
        };
        organization.put_ledger(name.clone(), Ledger::new(vec![segment]).unwrap());
        (0..RECORDS_PER_PROJECT).for_each(|record| organization.put_usage(usage(&name, project, record, &names)));
    }
    organization
}

fn usage(project: &Name, number: usize, record: usize, [kinds, plans, clouds]: &[Vec<Name>; 3]) -> Usage {
    let start = match record % 3 {
        0 => at("2026-03-01T09:15:27Z"),
        _ => at("2026-11-01T00:00:00Z") + TimeDelta::seconds((record * 977) as i64),
    };
    Usage {
        name: format!("usage-{number}-{record}").into(),
        uid: Uid(record as u128),
        project: project.clone(),
        created: start,
        generation: 1,
        service: Arc::new(Service {
            name: format!("service-{record}").into(),
            kind: kinds[record % kinds.len()].clone(),
            plan: Some(plans[record % plans.len()].clone()),
            cloud: Some(clouds[record / 7 % clouds.len()].clone()),
            cluster: None,
        }),
        quantity: Decimal::new(1_250_000 + record as i64, 6),
        start,
        end: record.is_multiple_of(5).then(|| start.max(at("2026-11-01T00:00:00Z")) + TimeDelta::hours(100)),
        metering: None,
        replaces: None,
        tags: Vec::new(),
    }
}

fn prices() -> PriceLists {
    let mut entries = Vec::new();
    let mut add = |kind: &str, plan: &str, cloud: Option<&str>, from: &str, until: Option<&str>| {
        let count = entries.len();
        entries.push(PriceEntry {
            list: "default".into(),
            name: format!("entry-{count}").into(),
            kind: kind.into(),
            plan: Some(plan.into()),
            cloud: cloud.map(Name::from),
            price: UnitPrice::of_one(Unit::Hour, Decimal::new(2_602_740 + count as i64, 8)),
            valid_from: at(from),
            valid_until: until.map(at),
        });
    };
    for kind in KINDS {
        for plan in PLANS {
            add(kind, plan, None, "2026-01-01T00:00:00Z", None);
            for cloud in &CLOUDS[..2] {
                add(kind, plan, Some(cloud), "2026-01-01T00:00:00Z", Some("2026-11-16T00:00:00Z"));
            }
            add(kind, plan, Some(CLOUDS[0]), "2026-11-16T00:00:00Z", None);
        }
    }
    PriceList::new("default".into(), Uid(3), 1, "USD".parse().unwrap(), entries).unwrap().into()
}
