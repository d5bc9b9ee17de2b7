//! Prices with tiers and whole packages: what comes together in a month, and what comes to it late.

use billing_api::{Invoice, Line, PriceList, UsageRecord};
use billing_domain::Timestamp;
use kube::ResourceExt;
use kubectl_billing::ExitStatus;
use serde_json::{Value, json};

use super::late::adjustments;
use super::stage::{awaited, back, document, domain, final_of, later, lines, make, priced, terms};
use crate::explain::ask;
use crate::support::command::Run;
use crate::{Result, support::World};

/// 100 calls of a group are free, and more cost 0.10; messages are by the begun ten of a project.
fn page() -> Value {
    let (unit, valid_from) = ("Unit", "2020-01-01T00:00:00Z");
    json!({ "currency": "USD", "entries": [
        { "name": "calls", "type": "Calls", "unit": unit, "scope": "BillingGroup", "validFrom": valid_from,
          "tiers": [{ "upTo": "100", "unitPrice": "0" }, { "unitPrice": "0.10" }] },
        { "name": "messages", "type": "Messages", "unit": unit, "unitPrice": "1.00", "per": 10, "roundUp": true,
          "validFrom": valid_from },
        { "name": "domain", "type": "Domain", "unit": unit, "unitPrice": "12.50", "validFrom": valid_from },
    ]})
}

fn some(project: &str, kind: &str, at: Timestamp, quantity: &str) -> Value {
    let mut spec = priced(project, kind, at);
    spec["quantity"] = quantity.into();
    spec
}

/// What lines of refilled scales say: the entry, and how much came together before and after.
fn refilled(invoice: &Invoice) -> Result<Vec<String>> {
    let told = |line: &Line| {
        let adjusts = line.adjusts.as_ref()?;
        let (part, before, after) =
            (adjusts.part.as_ref()?, adjusts.quantity_before.as_ref()?, adjusts.quantity_after.as_ref()?);
        Some(format!("{} {part} {} to {}", line.project.as_deref()?, before.as_str(), after.as_str()))
    };
    Ok(document(invoice)?.lines.iter().filter_map(told).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_together_fills_tiers_and_late_usage_moves_what_was_billed() -> Result {
    let scene = World::shared().scene().await?;
    let organization = "scales";
    let first = back(2).start();
    make::<PriceList>(&scene, "scales", page()).await?;
    awaited(&scene, organization, "scales-web", "main").await?;
    scene.project(organization, "scales-app").await?;
    scene.bind("scales-app", "main").await?;
    for (record, project, kind, day, quantity) in [
        ("web", "scales-web", "Calls", 10, "100"),
        ("app", "scales-app", "Calls", 20, "50"),
        ("mail-1", "scales-web", "Messages", 5, "4"),
        ("mail-2", "scales-web", "Messages", 6, "7"),
        ("mail-app", "scales-app", "Messages", 6, "1"),
    ] {
        scene.usage(organization, record, some(project, kind, later(first, 24 * day), quantity)).await?;
    }
    // Something without a price keeps the second month open.
    scene.usage(organization, "strange", priced("scales-web", "Strange", back(1).start())).await?;
    scene.usage(organization, "present", domain("scales-web", later(back(1).start(), 24))).await?;
    let agreed = terms(json!({ "firstPeriod": back(2).to_string(), "priceList": "scales" }));
    scene.group(organization, "main", agreed).await?;
    let before = final_of(&scene, organization, "main", back(2)).await?;
    let billed = ["mail-app 1 1.00", "app 50 5.00", "mail-1 4 1.00", "mail-2 7 1.00", "web 100 0.00"];
    assert_eq!(lines(&before), billed);
    let scales = serde_json::to_value(&document(&before)?.scales)?;
    assert_eq!(scales[0]["tiers"][1]["unitPrice"], "0.1");
    assert_eq!((&scales[1]["entry"], &scales[1]["unitPrice"]), (&json!("messages"), &json!("1")));

    // Earlier calls of one project take what was free from another; a replaced record leaves a begun ten.
    scene.usage(organization, "early", some("scales-app", "Calls", later(first, 24), "60")).await?;
    let mut fewer = some("scales-web", "Messages", later(first, 24 * 6), "3");
    fewer["replaces"] = "mail-2".into();
    scene.usage(organization, "fewer", fewer).await?;
    let of = back(2);
    let expected = [
        format!("{of} early 0.00"),
        format!("{of} fewer 0.00"),
        format!("{of} mail-2 -1.00"),
        format!("{of} scales 6.00"),
    ];
    let fits = |invoice: &Invoice| adjustments(invoice) == expected;
    scene.wait_invoice(organization, "main", back(1), "adjusts the month before", fits).await?;
    scene.delete::<UsageRecord>(organization, "strange").await?;
    let second = final_of(&scene, organization, "main", back(1)).await?;
    assert_eq!(adjustments(&second), expected);
    assert_eq!(refilled(&second)?, ["scales-web calls 150 to 210"]);
    assert_eq!(document(&second)?.total.as_str(), "17.50");
    assert_eq!(final_of(&scene, organization, "main", back(2)).await?, before);

    // Both are verified from the records of now, also when one of those is gone.
    scene.delete::<UsageRecord>(organization, "early").await?;
    for invoice in [&before, &second] {
        let Run { ended, stdout: told, stderr } = ask(&scene, organization, &["verify", &invoice.name_any()]).await?;
        assert_eq!(ended, ExitStatus::Ok, "{told}{stderr}");
    }
    let Run { stdout: explained, .. } = ask(&scene, organization, &["explain", &before.name_any()]).await?;
    assert!(explained.contains("50 × 0.1 USD, above 100 in the month, = 5 → 5.00"), "{explained}");
    assert!(
        explained.contains("7 × 1 USD ÷ 10, begun ones whole,: 2 → 2.00 with it, less 1 → 1.00 without it"),
        "{explained}"
    );
    Ok(())
}
