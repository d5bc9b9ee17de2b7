//! A trial: estimates only. And how a month's BillingPeriod tells how its invoices stand.

use billing_api::{BillingPeriod, BillingPeriodStatus, InvoiceIssuer};
use serde_json::json;

use super::stage::{awaited, back, domain, final_of, held, is_final, make, message, priced, terms, total};
use crate::{
    Result,
    support::{LIMIT, Scene, World, open_month, start_operator, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_makes_estimates_and_its_periods_tell_how_their_invoices_stand() -> Result {
    let mut world = World::start(&["--finalise=false"])?;
    {
        let scene = world.scene().await?;
        prepare(&scene).await?;
        let invoice = held(&scene, "trial", "main", back(2), "Suspended").await?;
        assert!(message(&invoice).contains("finalise"), "{}", message(&invoice));
        // main is held in the first month and waits in the second, odd is held in both, and patient settles.
        period(&scene, 2, 0, 2, 1, &[]).await?;
        period(&scene, 1, 0, 1, 2, &["trial-nobody", "trial-odd"]).await?;
        let invoices = scene.api::<billing_api::Invoice>("trial").list(&Default::default()).await?;
        assert!(!invoices.items.iter().any(is_final), "nothing is final");
        scene.usage("trial", "more", domain("trial-shop", open_month().start())).await?;
        scene.wait_invoice("trial", "main", open_month(), "follows usage", |invoice| total(invoice) == "12.50").await?;
    }
    world.operator.kill9();
    let kubeconfig = world.control_plane.folder().join("operator.kubeconfig");
    let (operator, port) = start_operator(&world.control_plane, &kubeconfig, "in-earnest", &[])?;
    (world.operator, world.port) = (operator, port);
    let scene = world.scene().await?;
    for month in [back(2), back(1)] {
        final_of(&scene, "trial", "main", month).await?;
    }
    period(&scene, 2, 2, 0, 1, &[]).await?;
    period(&scene, 1, 1, 1, 1, &["trial-nobody", "trial-odd"]).await?;
    assert!(world.metric("billing_operator_unbilled_records", "")? >= 2.0);
    Ok(())
}

/// Three groups with two months that are over: one that is fine, one with usage that has no price, one whose issuer
/// has patience; and usage of a project that nobody knows.
async fn prepare(scene: &Scene<'_>) -> Result {
    let patient = json!({ "legalName": "Patient Ltd", "grace": "240h" });
    make::<InvoiceIssuer>(scene, "patient", patient).await?;
    awaited(scene, "trial", "trial-shop", "main").await?;
    scene.project("trial", "trial-odd").await?;
    scene.bind("trial-odd", "odd").await?;
    scene.usage("trial", "domain", domain("trial-shop", back(2).start())).await?;
    scene.usage("trial", "strange", priced("trial-odd", "Strange", back(1).start())).await?;
    scene.usage("trial", "nobody", domain("trial-nobody", back(1).start())).await?;
    for (group, issuer) in [("main", "default"), ("odd", "default"), ("patient", "patient")] {
        let spec = terms(json!({ "firstPeriod": back(2).to_string(), "issuer": issuer }));
        scene.group("trial", group, spec).await?;
    }
    Ok(())
}

/// Waits until a month's period tells this.
async fn period(scene: &Scene<'_>, months: usize, finals: i32, held: i32, waiting: i32, unbilled: &[&str]) -> Result {
    let (month, periods) = (back(months), scene.cluster::<BillingPeriod>());
    let expected = BillingPeriodStatus {
        finals,
        held,
        waiting,
        unbilled_records: i32::try_from(unbilled.len())?,
        unbilled_projects: unbilled.iter().map(|project| (*project).into()).collect(),
    };
    let mut seen = None;
    let found = wait(&format!("the period {month} is {expected:?}"), LIMIT, async || {
        seen = periods.get_opt(&month.to_string()).await?.and_then(|period| period.status);
        Ok((seen.as_ref() == Some(&expected)).then_some(()))
    })
    .await;
    found.map_err(|error| format!("{error}; it is {seen:?}").into())
}
