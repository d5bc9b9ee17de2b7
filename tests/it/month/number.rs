//! Invoice numbers: claimed once, counted from the first period, never given twice.

use billing_api::{BillingGroup, Invoice, InvoiceSeries};
use billing_domain::Month;
use kube::ResourceExt;
use serde_json::json;

use super::{
    closing::terms_patch,
    records::group_ready,
    stage::{back, domain, final_of, resume, suspended, terms, total},
};
use crate::{
    Result,
    support::{Scene, World, open_month, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_first_period_renumbers_estimates_and_never_finals() -> Result {
    let scene = World::shared().scene().await?;
    suspended(&scene, "number-first").await?;
    let wish = |first: Month| json!({ "firstPeriod": first.to_string(), "issuer": "number-first", "invoiceSeries": "numberfirst" });
    scene.organization("number-first").await?;
    scene.project("number-first", "number-first-shop").await?;
    scene.bind("number-first-shop", "main").await?;
    scene.usage("number-first", "domain", domain("number-first-shop", back(1).start())).await?;
    scene.group("number-first", "main", terms(wish(back(1)))).await?;
    numbered(&scene, back(1)).await?;
    for first in [back(3), open_month(), back(2)] {
        scene.patch::<BillingGroup>("number-first", "main", terms_patch(wish(first))).await?;
        numbered(&scene, first).await?;
    }

    resume(&scene, "number-first").await?;
    let last = final_of(&scene, "number-first", "main", back(1)).await?;
    assert_eq!((last.name_any(), total(&last)), ("numberfirst-2".to_owned(), "12.50"));
    let changed: BillingGroup = scene.patch("number-first", "main", terms_patch(wish(back(4)))).await?;
    let generation = changed.metadata.generation;
    let group = scene
        .wait_group("number-first", "main", "has seen the change", |group| {
            group.status.as_ref().is_some_and(|status| status.observed_generation == generation)
        })
        .await?;
    let fixed = group.status.and_then(|status| status.first_period);
    assert_eq!(fixed.as_deref(), Some(back(2).to_string().as_str()));
    numbered(&scene, back(2)).await
}

/// Waits until the group's invoices are exactly those from the first period on, numbered from 1.
async fn numbered(scene: &Scene<'_>, first: Month) -> Result {
    let expected: Vec<_> = first
        .through(open_month())
        .enumerate()
        .map(|(index, month)| (format!("numberfirst-{}", index + 1), month.to_string()))
        .collect();
    let mut seen = Vec::new();
    let what = format!("the invoices are numbered from {first} on");
    let found = wait(&what, crate::support::LIMIT, async || {
        let invoices = scene.api::<Invoice>("number-first").list(&Default::default()).await?;
        seen = invoices.items.iter().map(|invoice| (invoice.name_any(), invoice.spec.period.to_string())).collect();
        Ok((seen == expected).then_some(()))
    })
    .await;
    found.map_err(|error| format!("{error}; there are {seen:?}").into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_that_another_group_has_is_refused_until_the_wish_changes() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("number-one").await?;
    scene.organization("number-two").await?;
    let wish = terms(json!({ "invoiceSeries": "numbertaken" }));
    scene.group("number-one", "main", wish.clone()).await?;
    let ready = |group: &BillingGroup| group_ready(group) == Some("Ready");
    scene.wait_group("number-one", "main", "has its series", ready).await?;
    scene.group("number-two", "main", wish).await?;
    let taken = |group: &BillingGroup| group_ready(group) == Some("InvoiceSeriesTaken");
    let refused = scene.wait_group("number-two", "main", "is told that the series is taken", taken).await?;
    let status = refused.status.ok_or("a status")?;
    assert!(status.conditions.iter().any(|condition| condition.message.contains("number-one/main")), "{status:?}");
    assert_eq!(status.invoice_series, None);
    assert!(scene.api::<Invoice>("number-two").list(&Default::default()).await?.items.is_empty());

    let other = terms_patch(json!({ "invoiceSeries": "numberfree" }));
    scene.patch::<BillingGroup>("number-two", "main", other).await?;
    let group = scene.wait_group("number-two", "main", "has another series", ready).await?;
    assert_eq!(group.status.and_then(|status| status.invoice_series).as_deref(), Some("numberfree"));
    for (series, organization) in [("numbertaken", "number-one"), ("numberfree", "number-two")] {
        let claimed: InvoiceSeries = scene.cluster().get(series).await?;
        assert_eq!(&*claimed.spec.organization, organization);
    }
    Ok(())
}
