//! Invoices with more lines than one object holds.

use std::collections::BTreeSet;

use billing_api::{Invoice, InvoiceSlice, LineType, PriceList};
use billing_documents::canonical::digest;
use kube::{ResourceExt, api::ListParams};
use serde_json::{Value, json};

use super::as_operator::delete_slice;
use super::stage::{
    awaited, back, database, document, domain, final_of, is_final, later, make, resume, suspended, terms, written,
};
use crate::{
    Result,
    support::{LIMIT, Scene, World, wait},
};

/// Records, and hours with a price of their own: 24 × 500 lines.
const RECORDS: usize = 24;
const PRICES: i64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn twelve_thousand_lines_of_one_group_are_in_slices_that_add_up() -> Result {
    let scene = World::shared().scene().await?;
    let month = back(1);
    make::<PriceList>(&scene, "slices", json!({ "currency": "USD", "entries": hourly_prices() })).await?;
    suspended(&scene, "slices").await?;
    awaited(&scene, "slices", "slices-shop", "main").await?;
    for record in 0..RECORDS {
        let usage = hourly("slices-shop", &format!("service-{record}"));
        scene.usage("slices", &format!("record-{record:02}"), usage).await?;
    }
    let charge = json!({ "name": "Line", "type": "ExtraCharge", "amount": { "amount": "50", "currency": "USD" } });
    let agreed =
        json!({ "firstPeriod": month.to_string(), "priceList": "slices", "issuer": "slices", "charges": [charge] });
    let spec = terms(agreed);
    scene.group("slices", "main", spec).await?;
    let all = RECORDS * usize::try_from(PRICES)?;
    let full = |invoice: &Invoice| lines_in_slices(invoice) == all;
    let estimate = scene.wait_invoice("slices", "main", month, "has its slices", full).await?;
    check(&scene, &estimate).await?;

    // Of the slices that stay one is lost: it is there again with the next version.
    let lost = document(&estimate)?.slices.last().ok_or("it has slices")?.name.clone();
    delete_slice(&scene, "slices", &lost)?;

    // One line more, before all others: the first slice is another, and the one before it goes. The lines' ids decide where it ends, and
    // they depend on the date: that the ones after it move, too, is a matter of one in 50 for each.
    let before = names(&estimate);
    let mut first = domain("slices-shop", month.start());
    first["service"]["name"] = "a-first".into();
    scene.usage("slices", "first", first).await?;
    let longer = |invoice: &Invoice| lines_in_slices(invoice) == all + 1;
    let estimate = scene.wait_invoice("slices", "main", month, "has one more line", longer).await?;
    check(&scene, &estimate).await?;
    let changed = names(&estimate).difference(&before).count();
    assert!((1..=3).contains(&changed), "{changed} of {} slices changed for one line", before.len());
    only_listed(&scene, &estimate).await?;

    resume(&scene, "slices").await?;
    let invoice = final_of(&scene, "slices", "main", month).await?;
    check(&scene, &invoice).await?;
    only_listed(&scene, &invoice).await?;
    assert_eq!(document(&invoice)?.digest, super::closing::digest_of(&scene, "slices", &invoice.name_any())?);
    let slice = &document(&invoice)?.slices[0].name;
    let error = scene.delete::<InvoiceSlice>("slices", slice).await;
    assert!(error.is_err(), "the slices of a final are kept");
    Ok(())
}

/// How many lines are in the slices that an invoice lists.
fn lines_in_slices(invoice: &Invoice) -> usize {
    let slices = written(invoice).into_iter().flat_map(|document| &document.slices);
    slices.filter_map(|slice| usize::try_from(slice.lines).ok()).sum()
}

/// The names of the slices that an invoice lists.
fn names(invoice: &Invoice) -> BTreeSet<String> {
    written(invoice).into_iter().flat_map(|document| &document.slices).map(|slice| slice.name.to_string()).collect()
}

/// A price for every hour, each different from the one before; and the domain's.
pub fn hourly_prices() -> Vec<Value> {
    let start = back(1).start();
    let hour = |hour: i64| {
        json!({
            "name": format!("hour-{hour}"), "type": "Hourly", "unit": "Hour", "unitPrice": format!("0.{:03}", 100 + hour),
            "validFrom": billing_api::Time(later(start, hour)),
            "validUntil": billing_api::Time(later(start, hour + 1)),
        })
    };
    let domain = json!({
        "name": "domain", "type": "Domain", "unit": "Unit", "unitPrice": "12.50", "validFrom": "2020-01-01T00:00:00Z",
    });
    (0..PRICES).map(hour).chain([domain]).collect()
}

/// A service that has a line for every one of these hours.
pub fn hourly(project: &str, service: &str) -> Value {
    let start = back(1).start();
    let mut usage = database(project, service, start, Some(later(start, PRICES)));
    usage["service"]["type"] = "Hourly".into();
    usage
}

/// Checks the slices that an invoice lists: what they say of themselves, and that they add up.
async fn check(scene: &Scene<'_>, invoice: &Invoice) -> Result {
    let document = document(invoice)?;
    let [extra] = document.lines.as_slice() else { return Err("what is no usage stays in the document".into()) };
    assert_eq!((extra.kind, &*extra.total), (LineType::ExtraCharge, "50.00"));
    let mut ids = BTreeSet::new();
    let mut sum = cents(&extra.total);
    for listed in &document.slices {
        let slice: InvoiceSlice = scene.api("slices").get(&listed.name).await?;
        assert_eq!(digest(&slice.spec)?, listed.digest);
        let digits: String = listed.digest.trim_start_matches("sha256:").chars().take(20).collect();
        assert_eq!(*listed.name, format!("{}-{digits}", invoice.name_any()));
        assert_eq!((slice.spec.is_final, &*slice.spec.invoice), (is_final(invoice), &*invoice.name_any()));
        assert_eq!(slice.spec.lines.len(), usize::try_from(listed.lines)?);
        assert_eq!(slice.spec.lines.iter().map(|line| cents(&line.total)).sum::<i64>(), cents(&listed.subtotal));
        sum += cents(&listed.subtotal);
        ids.extend(slice.spec.lines.iter().map(|line| line.id.clone()));
    }
    let lines: i32 = document.slices.iter().map(|slice| slice.lines).sum();
    assert_eq!(ids.len(), usize::try_from(lines)?, "every line has an id of its own");
    assert!(lines >= 12_000, "{lines}");
    assert_eq!((sum, sum), (cents(&document.subtotal), cents(&document.total)));
    Ok(())
}

fn cents(amount: &str) -> i64 {
    amount.replace('.', "").parse().unwrap_or(i64::MIN)
}

/// Waits until there are no slices but those that the invoice lists.
async fn only_listed(scene: &Scene<'_>, invoice: &Invoice) -> Result {
    let listed: BTreeSet<_> = document(invoice)?.slices.iter().map(|slice| slice.name.to_string()).collect();
    let slices = scene.api::<InvoiceSlice>("slices");
    wait("the slices that no invoice lists are gone", LIMIT, async || {
        let there = slices.list_metadata(&ListParams::default()).await?.items;
        let there: BTreeSet<_> = there.iter().map(|slice| slice.name_any()).collect();
        Ok((there == listed).then_some(()))
    })
    .await
}
