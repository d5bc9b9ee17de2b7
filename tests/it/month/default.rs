//! A default yields to a choice, for months that are over as well, and nothing is billed twice by that.

use serde_json::json;

use super::stage::{back, domain, final_of, held, is_final, lines, resume, suspended, total};
use crate::{
    Result,
    support::{Scene, World, open_month},
};

/// An organization in which nobody chose a payer for a project with usage, and the month before was over when its
/// primary group came.
async fn defaulted(scene: &Scene<'_>, organization: &str, issuer: &str) -> Result {
    let project = format!("{organization}-shop");
    scene.organization(organization).await?;
    scene.project(organization, &project).await?;
    scene.usage(organization, "past", domain(&project, back(1).start())).await?;
    scene.usage(organization, "present", domain(&project, open_month().start())).await?;
    let terms = json!({ "firstPeriod": back(1).to_string(), "issuer": issuer });
    scene.group(organization, "main", json!({ "primary": true, "terms": terms })).await?;
    let terms = json!({ "firstPeriod": back(1).to_string(), "issuer": format!("{organization}-chosen") });
    suspended(scene, &format!("{organization}-chosen")).await?;
    scene.group(organization, "chosen", json!({ "terms": terms })).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_yields_to_a_choice_in_months_that_are_over() -> Result {
    let scene = World::shared().scene().await?;
    suspended(&scene, "default-yields").await?;
    defaulted(&scene, "default-yields", "default-yields").await?;
    for month in [back(1), open_month()] {
        scene
            .wait_invoice("default-yields", "main", month, "bills by default", |invoice| total(invoice) == "12.50")
            .await?;
    }
    scene.rebind("default-yields-shop", "chosen").await?;
    for month in [back(1), open_month()] {
        scene.wait_invoice("default-yields", "chosen", month, "bills", |invoice| total(invoice) == "12.50").await?;
        scene.wait_invoice("default-yields", "main", month, "yields", |invoice| total(invoice) == "0.00").await?;
    }
    for issuer in ["default-yields", "default-yields-chosen"] {
        resume(&scene, issuer).await?;
    }
    assert_eq!(lines(&final_of(&scene, "default-yields", "chosen", back(1)).await?), ["past 1 12.50"]);
    assert_eq!(total(&final_of(&scene, "default-yields", "main", back(1)).await?), "0.00");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_final_bills_is_not_billed_again_when_its_default_yields() -> Result {
    let scene = World::shared().scene().await?;
    defaulted(&scene, "default-billed", "default").await?;
    let billed = final_of(&scene, "default-billed", "main", back(1)).await?;
    assert_eq!(lines(&billed), ["past 1 12.50"]);

    scene.rebind("default-billed-shop", "chosen").await?;
    scene.wait_invoice("default-billed", "chosen", open_month(), "bills", |invoice| total(invoice) == "12.50").await?;
    held(&scene, "default-billed", "chosen", back(1), "Suspended").await?;
    resume(&scene, "default-billed-chosen").await?;
    let chosen = final_of(&scene, "default-billed", "chosen", back(1)).await?;
    assert_eq!((lines(&chosen), total(&chosen)), (Vec::<String>::new(), "0.00"));
    let main = scene.wait_invoice("default-billed", "main", back(1), "stays", is_final).await?;
    assert_eq!(main, billed);
    Ok(())
}
