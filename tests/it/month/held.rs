//! What holds an invoice holds that one group, says what to do, and lets go when it is done.

use billing_api::{BillingGroup, Invoice, InvoiceIssuer, PriceList};
use serde_json::{Value, json};

use super::{
    closing::terms_patch,
    records::group_ready,
    stage::{
        awaited, back, change, database, document, domain, final_of, held, is_final, later, lines, make, message,
        priced, ready, resume, suspended, terms, total,
    },
};
use crate::{
    Result,
    support::{World, open_month},
};

#[tokio::test(flavor = "multi_thread")]
async fn one_record_without_a_price_holds_one_group_and_no_other() -> Result {
    let scene = World::shared().scene().await?;
    let known = unit_price("known", "Domain", "12.50");
    make::<PriceList>(&scene, "held-prices", json!({ "currency": "USD", "entries": [known.clone()] })).await?;
    awaited(&scene, "held", "held-odd", "odd").await?;
    scene.project("held", "held-good").await?;
    scene.bind("held-good", "good").await?;
    let month = back(1);
    for project in ["held-odd", "held-good"] {
        scene.usage("held", project, domain(project, month.start())).await?;
    }
    scene.usage("held", "strange", priced("held-odd", "Strange", month.start())).await?;
    for group in ["odd", "good"] {
        let spec = terms(json!({ "firstPeriod": month.to_string(), "priceList": "held-prices" }));
        scene.group("held", group, spec).await?;
    }

    let good = final_of(&scene, "held", "good", month).await?;
    assert_eq!(lines(&good), ["held-good 1 12.50"]);
    let odd = held(&scene, "held", "odd", month, "Unpriced").await?;
    assert!(message(&odd).contains("usage strange") && message(&odd).contains("held-prices"), "{}", message(&odd));
    assert_eq!(lines(&odd), ["held-odd 1 12.50"], "the estimate goes on without it");

    let entries = json!({ "entries": [known, unit_price("strange", "Strange", "0.005")] });
    change::<PriceList>(&scene, "held-prices", entries).await?;
    let odd = final_of(&scene, "held", "odd", month).await?;
    assert_eq!(total(&odd), "12.51", "half a cent is rounded away from zero");
    assert_eq!(document(&good)?, document(&final_of(&scene, "held", "good", month).await?)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_price_list_or_issuer_holds_and_releases() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "held-missing", "held-missing-shop", "list").await?;
    let month = back(1);
    scene.usage("held-missing", "domain", domain("held-missing-shop", month.start())).await?;
    for (group, field, missing) in [("list", "priceList", "held-later"), ("issuer", "issuer", "held-later")] {
        let spec = terms(json!({ "firstPeriod": month.to_string(), field: missing }));
        scene.group("held-missing", group, spec).await?;
    }
    for (group, why) in [("list", "PriceListNotFound"), ("issuer", "IssuerNotFound")] {
        let invoice = held(&scene, "held-missing", group, month, why).await?;
        assert!(message(&invoice).contains("held-later"), "{}", message(&invoice));
        scene
            .wait_group("held-missing", group, &format!("says {why}"), |object| group_ready(object) == Some(why))
            .await?;
    }
    make::<PriceList>(&scene, "held-later", json!({ "currency": "USD", "entries": [unit_price("d", "Domain", "3")] }))
        .await?;
    make::<InvoiceIssuer>(&scene, "held-later", json!({ "legalName": "Later Ltd", "grace": "0s" })).await?;
    assert_eq!(total(&final_of(&scene, "held-missing", "list", month).await?), "3.00");
    let invoice = final_of(&scene, "held-missing", "issuer", month).await?;
    assert_eq!(document(&invoice)?.seller.legal_name, "Later Ltd");
    for group in ["list", "issuer"] {
        scene.wait_group("held-missing", group, "is ready", |object| group_ready(object) == Some("Ready")).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_issuer_makes_estimates_only() -> Result {
    let scene = World::shared().scene().await?;
    suspended(&scene, "held-suspended").await?;
    awaited(&scene, "held-suspended", "held-suspended-shop", "main").await?;
    let month = back(1);
    let spec = terms(json!({ "firstPeriod": month.to_string(), "issuer": "held-suspended" }));
    scene.group("held-suspended", "main", spec).await?;
    held(&scene, "held-suspended", "main", month, "Suspended").await?;
    scene.usage("held-suspended", "past", domain("held-suspended-shop", month.start())).await?;
    scene.usage("held-suspended", "present", domain("held-suspended-shop", open_month().start())).await?;
    for month in [month, open_month()] {
        scene
            .wait_invoice("held-suspended", "main", month, "follows usage", |invoice| {
                total(invoice) == "12.50" && !is_final(invoice)
            })
            .await?;
    }
    resume(&scene, "held-suspended").await?;
    assert_eq!(lines(&final_of(&scene, "held-suspended", "main", month).await?), ["past 1 12.50"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_settles_for_the_grace_of_its_issuer() -> Result {
    let scene = World::shared().scene().await?;
    make::<InvoiceIssuer>(&scene, "held-grace", json!({ "legalName": "Patient Ltd", "grace": "240h" })).await?;
    scene.organization("held-grace").await?;
    let month = back(1);
    let spec = terms(json!({ "firstPeriod": month.to_string(), "issuer": "held-grace" }));
    let group = scene.group("held-grace", "main", spec).await?;
    let invoice = held(&scene, "held-grace", "main", month, "SettlingIn").await?;
    let created = group.metadata.creation_timestamp.ok_or("a time")?.0;
    let until = chrono::DateTime::from_timestamp(created.as_second(), 0).ok_or("an instant")?;
    let until = billing_api::Time(later(until, 240)).to_string();
    assert!(message(&invoice).contains(&until), "{} names {until}", message(&invoice));

    change::<InvoiceIssuer>(&scene, "held-grace", json!({ "grace": "1s" })).await?;
    final_of(&scene, "held-grace", "main", month).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_in_another_currency_wait_for_a_list_in_the_groups() -> Result {
    let scene = World::shared().scene().await?;
    let euro = json!({ "currency": "EUR", "entries": [unit_price("domain", "Domain", "11.00")] });
    make::<PriceList>(&scene, "held-euro", euro).await?;
    awaited(&scene, "held-currency", "held-currency-shop", "euro").await?;
    let month = back(1);
    scene.usage("held-currency", "domain", domain("held-currency-shop", month.start())).await?;
    suspended(&scene, "held-currency").await?;
    let terms = json!({ "firstPeriod": month.to_string(), "issuer": "held-currency", "priceList": "held-euro" });
    scene.group("held-currency", "euro", json!({ "currency": "EUR", "terms": terms })).await?;
    scene.wait_ready("held-currency-shop").await?;
    scene.patch::<BillingGroup>("held-currency", "euro", terms_patch(json!({ "priceList": "default" }))).await?;
    resume(&scene, "held-currency").await?;
    held(&scene, "held-currency", "euro", month, "RateMissing").await?;

    scene.patch::<BillingGroup>("held-currency", "euro", terms_patch(json!({ "priceList": "held-euro" }))).await?;
    let invoice = final_of(&scene, "held-currency", "euro", month).await?;
    assert_eq!((total(&invoice), document(&invoice)?.currency.as_str()), ("11.00", "EUR"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_currency_that_is_none_waits_for_its_correction() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("held-lira").await?;
    let month = back(1);
    let spec = json!({ "currency": "HRK", "terms": { "firstPeriod": month.to_string() } });
    scene.group("held-lira", "main", spec).await?;
    let invoice = held(&scene, "held-lira", "main", month, "CurrencyUnknown").await?;
    assert!(message(&invoice).contains("HRK"), "{}", message(&invoice));
    scene.patch::<BillingGroup>("held-lira", "main", json!({ "spec": { "currency": "JPY" } })).await?;
    assert_eq!(total(&final_of(&scene, "held-lira", "main", month).await?), "0");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_replaces_another_counts_in_its_stead() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "held-overlap", "held-overlap-shop", "main").await?;
    let month = back(1);
    let hours =
        |service, hours| database("held-overlap-shop", service, month.start(), Some(later(month.start(), hours)));
    scene.usage("held-overlap", "wrong", hours("corrected", 10)).await?;
    let corrected = replacing("wrong", hours("corrected", 4));
    scene.usage("held-overlap", "right", corrected).await?;
    scene.usage("held-overlap", "one", hours("twice", 6)).await?;
    scene.usage("held-overlap", "two", hours("twice", 2)).await?;
    scene.group("held-overlap", "main", terms(json!({ "firstPeriod": month.to_string() }))).await?;
    let invoice = held(&scene, "held-overlap", "main", month, "OverlappingUsage").await?;
    assert_eq!(document(&invoice)?.lines.len(), 2, "{:?}", lines(&invoice));

    let ended = later(month.start(), 12);
    let after = database("held-overlap-shop", "twice", later(month.start(), 10), Some(ended));
    scene.usage("held-overlap", "two-corrected", replacing("two", after)).await?;
    let invoice = final_of(&scene, "held-overlap", "main", month).await?;
    assert_eq!(lines(&invoice), ["right 4 0.10", "one 6 0.16", "two-corrected 2 0.05"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_waits_for_a_project_on_its_way_to_whichever_group() -> Result {
    let world = World::start(&["--default-binding-delay=15s"])?;
    let scene = world.scene().await?;
    let month = back(1);
    scene.organization("way").await?;
    // Nobody binds it: its default comes later, to the primary group, and could have come to the other.
    scene.project("way", "way-shop").await?;
    scene.usage("way", "domain", domain("way-shop", month.start())).await?;
    for (group, primary) in [("main", true), ("other", false)] {
        let spec = json!({ "primary": primary, "terms": { "firstPeriod": month.to_string() } });
        scene.group("way", group, spec).await?;
    }
    for group in ["main", "other"] {
        let invoice = held(&scene, "way", group, month, "AwaitingBindings").await?;
        assert!(message(&invoice).contains("way-shop"), "{}", message(&invoice));
    }
    assert_eq!(lines(&final_of(&scene, "way", "main", month).await?), ["domain 1 12.50"]);
    assert_eq!(total(&final_of(&scene, "way", "other", month).await?), "0.00");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_list_that_contradicts_itself_holds_only_what_it_would_price() -> Result {
    let scene = World::shared().scene().await?;
    let (one, two) = (unit_price("one", "Domain", "1"), unit_price("two", "Domain", "2"));
    make::<PriceList>(&scene, "held-contradiction", json!({ "currency": "USD", "entries": [one, two] })).await?;
    let month = back(1);
    awaited(&scene, "held-contradiction", "held-contradiction-shop", "odd").await?;
    scene.usage("held-contradiction", "domain", domain("held-contradiction-shop", month.start())).await?;
    let odd = || terms(json!({ "firstPeriod": month.to_string(), "priceList": "held-contradiction" }));
    scene.group("held-contradiction", "odd", odd()).await?;
    scene.group("held-contradiction", "good", odd()).await?;
    final_of(&scene, "held-contradiction", "good", month).await?; // it uses nothing of the type
    let invoice = held(&scene, "held-contradiction", "odd", month, "Unpriced").await?;
    assert!(message(&invoice).contains("equally specific and both valid at 2020-01-01"), "{}", message(&invoice));

    // Entries are never taken away, so the group gets another list.
    let agreed = json!({ "currency": "USD", "entries": [unit_price("two", "Domain", "2")] });
    make::<PriceList>(&scene, "held-agreed", agreed).await?;
    let terms = terms_patch(json!({ "priceList": "held-agreed" }));
    scene.patch::<BillingGroup>("held-contradiction", "odd", terms).await?;
    final_of(&scene, "held-contradiction", "odd", month).await?;
    Ok(())
}

/// A price for one of a type.
fn unit_price(name: &str, kind: &str, price: &str) -> Value {
    json!({ "name": name, "type": kind, "unit": "Unit", "unitPrice": price, "validFrom": "2020-01-01T00:00:00Z" })
}

/// Usage that takes the place of another record.
fn replacing(record: &str, mut usage: Value) -> Value {
    usage["replaces"] = record.into();
    usage
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_larger_than_a_document_carries_hold_their_group() -> Result {
    let scene = World::shared().scene().await?;
    let entries = json!([unit_price("huge", "Huge", "900000000"), unit_price("large", "Large", "900000")]);
    make::<PriceList>(&scene, "held-large", json!({ "currency": "USD", "entries": entries })).await?;
    let month = back(1);
    for (organization, kind, quantity) in [("held-huge", "Huge", "999999999999"), ("held-sum", "Large", "9000000")] {
        let project = format!("{organization}-shop");
        awaited(&scene, organization, &project, "main").await?;
        // Two of them, so that the sum is too large where each is not.
        for record in ["one", "two"] {
            let mut usage = priced(&project, kind, month.start());
            usage["quantity"] = quantity.into();
            scene.usage(organization, record, usage).await?;
        }
        let spec = terms(json!({ "firstPeriod": month.to_string(), "priceList": "held-large" }));
        scene.group(organization, "main", spec).await?;
        held(&scene, organization, "main", month, "Overflow").await?;
        for record in ["one", "two"] {
            let small = replacing(record, priced(&project, kind, month.start()));
            scene.usage(organization, &format!("{record}-corrected"), small).await?;
        }
    }
    assert_eq!(total(&final_of(&scene, "held-huge", "main", month).await?), "1800000000.00");
    assert_eq!(total(&final_of(&scene, "held-sum", "main", month).await?), "1800000.00");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_month_waits_for_the_one_before_it() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "held-order", "held-order-shop", "main").await?;
    let strange = priced("held-order-shop", "Strange", back(2).start());
    scene.usage("held-order", "strange", strange.clone()).await?;
    scene.group("held-order", "main", terms(json!({ "firstPeriod": back(2).to_string() }))).await?;
    let waits =
        |invoice: &Invoice| ready(invoice) == Some("AwaitingPredecessor") && message(invoice).contains("-1 must");
    scene.wait_invoice("held-order", "main", back(1), "waits for the month before", waits).await?;
    held(&scene, "held-order", "main", back(2), "Unpriced").await?;

    let mut domain = strange;
    domain["service"]["type"] = "Domain".into();
    scene.usage("held-order", "known", replacing("strange", domain)).await?;
    assert_eq!(total(&final_of(&scene, "held-order", "main", back(2)).await?), "12.50");
    final_of(&scene, "held-order", "main", back(1)).await?;
    Ok(())
}
