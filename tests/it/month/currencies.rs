//! Groups that pay in another currency than their price list is in.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use billing_api::{BillingGroup, ExchangeRates, Invoice, InvoiceIssuer};
use billing_documents::verify::verify_document;
use chrono::{Datelike, NaiveDate, Utc};
use kube::ResourceExt;
use serde_json::{Map, Value, json};

use super::records::{group_ready, wait_reason};
use super::stage::{
    awaited, back, change, document, domain, final_of, held, lines, make, message, resume, terms, total,
};
use crate::{
    Result,
    support::{Scene, World, open_month},
};

/// How long a write of the largest object may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_held_for_a_rate_and_final_when_it_is_quoted() -> Result {
    let scene = World::shared().scene().await?;
    let issuer = json!({ "legalName": "Provider Ltd", "grace": "0s", "exchangeRates": "bank" });
    make::<InvoiceIssuer>(&scene, "currencies", issuer).await?;
    let month = back(1);
    let day = open_month().start().date_naive();
    quote(&scene, day, json!({ "USD": "1.25" })).await?;
    let issuer = json!({ "legalName": "Provider Ltd", "grace": "0s", "exchangeRates": "bank", "suspend": true });
    make::<InvoiceIssuer>(&scene, "currencies-later", issuer).await?;
    for (organization, currency, issuer) in
        [("currency-euro", "EUR", "currencies"), ("currency-yen", "USD", "currencies-later")]
    {
        awaited(&scene, organization, &format!("{organization}-shop"), "main").await?;
        scene.usage(organization, "domain", domain(&format!("{organization}-shop"), month.start())).await?;
        let mut spec = terms(json!({ "firstPeriod": month.to_string(), "issuer": issuer }));
        spec["currency"] = currency.into();
        scene.group(organization, "main", spec).await?;
    }
    // A group keeps the projects that it has when it cannot be billed any more, and takes no other.
    scene.wait_ready("currency-yen-shop").await?;
    scene.patch::<BillingGroup>("currency-yen", "main", json!({ "spec": { "currency": "JPY" } })).await?;
    let unbillable = |group: &BillingGroup| group_ready(group) == Some("RateMissing");
    scene.wait_group("currency-yen", "main", "it cannot be billed", unbillable).await?;
    scene.project("currency-yen", "currency-yen-blog").await?;
    scene.bind("currency-yen-blog", "main").await?;
    scene.wait_refused("currency-yen-blog", "BillingGroupNotReady").await?;
    resume(&scene, "currencies-later").await?;

    // 12.50 USD ÷ 1.25
    let invoice = final_of(&scene, "currency-euro", "main", month).await?;
    assert_eq!(lines(&invoice), ["domain 1 10.00"]);
    let euro = document(&invoice)?;
    assert_eq!((euro.currency.as_str(), euro.rate_date.as_deref()), ("EUR", Some(day.to_string().as_str())));
    assert_eq!(euro.price_subtotal.as_deref(), Some("12.50"));
    let rate = euro.exchange_rate.as_ref().ok_or("a rate")?;
    assert_eq!((rate.from.as_str(), rate.to.as_str(), rate.rate.as_str()), ("USD", "EUR", "0.8"));
    assert_eq!((rate.from_quote.as_str(), rate.to_quote.as_str()), ("1.25", "1"));
    let rates: ExchangeRates = scene.cluster().get(&name(day)).await?;
    let input = euro.inputs.exchange_rates.as_ref().ok_or("the rates as an input")?;
    assert_eq!((input.name.as_str(), Some(input.uid.to_string())), (name(day).as_str(), rates.uid()));
    assert!(verify_document(euro, |_| None, None).is_empty());

    let missing = held(&scene, "currency-yen", "main", month, "RateMissing").await?;
    let said = message(&missing);
    assert!(
        said.contains("priced in USD and paid in JPY, and the source bank has no day")
            && said.contains(&day.to_string()),
        "{said}"
    );
    assert_eq!((lines(&missing), total(&missing)), (Vec::<String>::new(), "0"), "never a zero line");
    wait_reason(&scene, "currency-yen", "domain", Some("RateMissing")).await?;

    // 12.50 USD × 150.5 ÷ 1.25
    quote(&scene, day, json!({ "USD": "1.25", "JPY": "150.5" })).await?;
    let invoice = final_of(&scene, "currency-yen", "main", month).await?;
    assert_eq!(lines(&invoice), ["domain 1 1505"]);
    assert!(verify_document(document(&invoice)?, |_| None, None).is_empty());
    wait_reason(&scene, "currency-yen", "domain", None).await?;
    scene.wait_ready("currency-yen-blog").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_currency_counts_until_the_first_final_and_a_new_quote_at_once() -> Result {
    let scene = World::shared().scene().await?;
    let issuer = json!({ "legalName": "Provider Ltd", "grace": "0s", "exchangeRates": "bourse" });
    make::<InvoiceIssuer>(&scene, "currency-change", issuer).await?;
    scene.organization("currency-new").await?;
    for (project, group, month) in
        [("currency-new-shop", "billed", back(1)), ("currency-new-blog", "unbilled", open_month())]
    {
        scene.project("currency-new", project).await?;
        scene.bind(project, group).await?;
        scene.usage("currency-new", &format!("domain-{group}"), domain(project, month.start())).await?;
        let spec = terms(json!({ "firstPeriod": month.to_string(), "issuer": "currency-change" }));
        scene.group("currency-new", group, spec).await?;
    }
    let before = final_of(&scene, "currency-new", "billed", back(1)).await?;
    assert_eq!(total(&before), "12.50");
    for (change, what) in [
        (json!({ "currency": "KWD" }), "spec.currency"),
        (json!({ "terms": { "issuer": "default" } }), "spec.terms.issuer"),
    ] {
        let refused = scene.patch::<BillingGroup>("currency-new", "billed", json!({ "spec": change })).await;
        let told = format!("{what} cannot be changed after the first final invoice");
        assert!(refused.is_err_and(|error| error.to_string().contains(&told)), "{what}");
    }

    scene.wait_invoice("currency-new", "unbilled", open_month(), "is in dollars", |one| total(one) == "12.50").await?;
    scene.patch::<BillingGroup>("currency-new", "unbilled", json!({ "spec": { "currency": "KWD" } })).await?;
    held(&scene, "currency-new", "unbilled", open_month(), "RateMissing").await?;
    let today = Utc::now().date_naive();
    let quotes = json!([{ "date": today.to_string(), "rates": { "USD": "1.25", "KWD": "0.3333" } }]);
    let rates = json!({ "source": "bourse", "year": today.year(), "base": "EUR", "quotes": quotes });
    make::<ExchangeRates>(&scene, &format!("bourse-{}", today.year()), rates).await?;
    // 12.50 USD × 0.3333 ÷ 1.25
    let billed = |invoice: &Invoice| total(invoice) == "3.333";
    scene.wait_invoice("currency-new", "unbilled", open_month(), "is in dinars", billed).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_year_fits_and_takes_one_more_quote() -> Result {
    let scene = World::shared().scene().await?;
    for (source, days, currencies) in [("usual", 256, 30), ("largest", 366, 200)] {
        let spec = |days: usize| {
            let first = NaiveDate::from_ymd_opt(2028, 1, 1).unwrap_or_default(); // a leap year
            let quotes: Vec<_> = first
                .iter_days()
                .take(days)
                .map(|day| json!({ "date": day.to_string(), "rates": codes(currencies) }))
                .collect();
            json!({ "source": source, "year": 2028, "base": "EUR", "quotes": quotes })
        };
        let name = format!("{source}-2028");
        let started = Instant::now();
        let made: ExchangeRates = make(&scene, &name, spec(days - 1)).await?;
        let (made_in, size) = (started.elapsed(), serde_json::to_vec(&made.spec)?.len());
        let started = Instant::now();
        change::<ExchangeRates>(&scene, &name, spec(days)).await?;
        let changed_in = started.elapsed();
        println!("{name}: {size} bytes, made in {made_in:.0?}, a day added in {changed_in:.0?}");
        assert!(made_in < PATIENCE && changed_in < PATIENCE, "{name}: {made_in:?}, {changed_in:?}");
        let refused = change::<ExchangeRates>(&scene, &name, spec(days - 1)).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("the quotes of a day can never be removed")));
    }
    Ok(())
}

/// So many codes with a rate.
fn codes(count: u8) -> Map<String, Value> {
    let code = |number: u8| format!("X{}{}", char::from(b'A' + number / 26), char::from(b'A' + number % 26));
    (0..count).map(|number| (code(number), json!("12345.678901"))).collect()
}

/// The name of the object that holds a day of the source `bank`.
fn name(day: NaiveDate) -> String {
    format!("bank-{}", day.year())
}

/// The quotes of the source `bank`: a day and, for the month that runs, today, with more and more currencies.
async fn quote(scene: &Scene<'_>, day: NaiveDate, rates: Value) -> Result {
    let days = BTreeSet::from([day, Utc::now().date_naive()]);
    let quotes: Vec<_> = days.iter().map(|day| json!({ "date": day.to_string(), "rates": rates })).collect();
    match scene.cluster::<ExchangeRates>().get_opt(&name(day)).await? {
        None => {
            let spec = json!({ "source": "bank", "year": day.year(), "base": "EUR", "quotes": quotes });
            make::<ExchangeRates>(scene, &name(day), spec).await.map(drop)
        }
        Some(_) => change::<ExchangeRates>(scene, &name(day), json!({ "quotes": quotes })).await.map(drop),
    }
}
