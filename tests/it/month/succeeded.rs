//! Months of a group that is gone, settled by its successor.

use billing_api::{BillingGroup, Credit, Invoice, Line, ProjectBinding, UsageRecord, labels::BINDING_NAME};
use kube::ResourceExt;
use kubectl_billing::ExitStatus;
use serde_json::{Value, json};

use super::stage::{back, document, domain, final_of, later, resume, suspended, terms, written};
use crate::{
    Result,
    explain::ask,
    support::{Scene, World, command::Run, reason},
};

/// The group `lab`, which agreed this and pays for a domain of two months ago, is gone: its months are final, its project is nobody's.
async fn gone(scene: &Scene<'_>, organization: &str, agreed: Value) -> Result<Invoice> {
    let project = format!("{organization}-shop");
    let mut agreed = agreed;
    agreed["firstPeriod"] = json!(back(2).to_string());
    agreed["issuer"] = json!(organization);
    suspended(scene, organization).await?;
    scene.organization(organization).await?;
    scene.bare_project(organization, &project).await?;
    scene.usage(organization, "first", domain(&project, later(back(2).start(), 1))).await?;
    scene.group(organization, "lab", terms(agreed)).await?;
    scene.bind(&project, "lab").await?;
    scene.wait_ready(&project).await?;
    scene.delete::<ProjectBinding>(&project, BINDING_NAME).await?;
    scene.wait_members(organization, "lab", &[]).await?;
    scene.delete::<BillingGroup>(organization, "lab").await?;
    resume(scene, organization).await?;
    scene.wait_gone::<BillingGroup>(organization, "lab").await?;
    final_of(scene, organization, "lab", back(2)).await
}

/// `description total closedBy` of the lines that adjust closed months.
fn adjustments(invoice: &Invoice) -> Vec<String> {
    let lines = written(invoice).into_iter().flat_map(|document| &document.lines);
    let shown = |line: &Line| {
        let closed_by = line.adjusts.as_ref()?.closed_by.as_deref().unwrap_or("nobody");
        let words: Vec<&str> = line.description.split([':', ',']).collect();
        Some(format!("{} {} {closed_by}", words[0], &*line.total))
    };
    lines.filter_map(shown).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn late_usage_of_a_group_that_is_gone_goes_with_all_that_follows_to_the_primary_group() -> Result {
    let scene = World::shared().scene().await?;
    let support = json!([{ "name": "Support", "type": "SupportCharge", "percent": "10" }]);
    let first = gone(&scene, "legacy", json!({ "charges": support })).await?;
    assert_eq!(document(&first)?.total.as_str(), "13.75");

    // Another group pays for the project by now. It is no primary one.
    scene.group("legacy", "next", json!({})).await?;
    scene.bind("legacy-shop", "next").await?;
    scene.wait_ready("legacy-shop").await?;
    scene.usage("legacy", "late", domain("legacy-shop", later(back(2).start(), 5))).await?;
    let why = |record: &UsageRecord| {
        let status = record.status.as_ref()?;
        reason(&status.conditions, "Billable").map(str::to_owned)
    };
    let unpaid = |record: &UsageRecord| why(record).as_deref() == Some("PayerGone");
    scene.wait_object("legacy", "late", "the record says that nobody settles its month", unpaid).await?;

    let euro = json!({ "primary": true, "currency": "EUR", "terms": { "firstPeriod": back(1).to_string() } });
    scene.group("legacy", "euro", euro).await?;
    assert_eq!(adjustments(&final_of(&scene, "legacy", "euro", back(1)).await?), [""; 0]);
    let main = json!({ "primary": true, "terms": { "firstPeriod": back(1).to_string(), "issuer": "legacy" } });
    scene.group("legacy", "main", main).await?;
    let settled = final_of(&scene, "legacy", "main", back(1)).await?;
    let (number, of) = (first.name_any(), back(2));
    let expected =
        [format!("Late for {of} of {number} 12.50 {number}"), format!("Adjustment of {number} for {of} 1.25 {number}")];
    assert_eq!(adjustments(&settled), expected);
    let named: Vec<&str> = document(&settled)?.adjusted_invoices.iter().map(|one| one.number.as_str()).collect();
    assert_eq!((document(&settled)?.total.as_str(), named), ("13.75", vec![number.as_str()]));
    scene.wait_object("legacy", "late", "the record says nothing any more", |record| why(record).is_none()).await?;

    // It is verified from the records of now, and explained.
    let Run { ended, stdout, stderr } = ask(&scene, "legacy", &["verify", &settled.name_any()]).await?;
    assert_eq!(ended, ExitStatus::Ok, "{stdout}{stderr}");
    assert!(stdout.contains("byte-identical"), "{stdout}");
    let Run { stdout: explained, .. } = ask(&scene, "legacy", &["explain", &settled.name_any()]).await?;
    assert!(explained.contains("2.50 due − 1.25 billed = 1.25"), "{explained}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_credit_of_a_group_that_is_gone_paid_goes_back_to_its_successor() -> Result {
    let scene = World::shared().scene().await?;
    let project = "bequest-shop";
    suspended(&scene, "bequest").await?;
    scene.organization("bequest").await?;
    let amount = json!({ "amount": "20", "currency": "USD" });
    scene.credit("bequest", "grant", json!({ "billingGroup": "lab", "type": "Promotion", "amount": amount })).await?;
    scene.bare_project("bequest", project).await?;
    scene.usage("bequest", "first", domain(project, later(back(2).start(), 1))).await?;
    let agreed = json!({ "firstPeriod": back(2).to_string(), "issuer": "bequest" });
    scene.group("bequest", "lab", terms(agreed)).await?;
    scene.bind(project, "lab").await?;
    scene.wait_ready(project).await?;
    scene.delete::<ProjectBinding>(project, BINDING_NAME).await?;
    scene.wait_members("bequest", "lab", &[]).await?;
    scene.delete::<BillingGroup>("bequest", "lab").await?;
    resume(&scene, "bequest").await?;
    scene.wait_gone::<BillingGroup>("bequest", "lab").await?;
    let first = final_of(&scene, "bequest", "lab", back(2)).await?;
    assert_eq!(document(&first)?.total.as_str(), "0.00");

    let mut nothing = domain(project, later(back(2).start(), 1));
    nothing["replaces"] = json!("first");
    nothing["start"] = json!(billing_api::Time(back(1).start()));
    nothing["end"] = json!(billing_api::Time(later(back(1).start(), 1)));
    scene.usage("bequest", "second", nothing).await?;
    let main = json!({ "primary": true, "terms": { "firstPeriod": back(1).to_string(), "issuer": "bequest" } });
    scene.group("bequest", "main", main).await?;
    let settled = final_of(&scene, "bequest", "main", back(1)).await?;
    let number = first.name_any();
    let returned = &document(&settled)?.returned_credits;
    let name = format!("{}-{number}-grant", settled.name_any());
    assert_eq!(
        returned.iter().map(|one| (one.name.to_string(), &*one.amount)).collect::<Vec<_>>(),
        [(name.clone(), "12.50")]
    );
    let there = |credit: &Credit| {
        credit.spec.billing_group.as_str() == "main"
            && credit.spec.origin.as_ref().is_some_and(|origin| origin.credit.as_deref() == Some("grant"))
    };
    scene.wait_object("bequest", &name, "the successor has what goes back", there).await?;
    Ok(())
}
