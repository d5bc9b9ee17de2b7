//! A few negotiated prices over the common ones.

use billing_api::{BillingGroup, Invoice, InvoiceIssuer, PriceList, UsageRecord};
use kube::ResourceExt;
use kubectl_billing::ExitStatus;
use serde_json::{Value, json};

use super::{
    closing::terms_patch,
    records::group_ready,
    stage::{
        awaited, back, change, document, domain, final_of, held, later, make, message, priced, resume, suspended,
        terms, total, written,
    },
};
use crate::{
    Result,
    explain::ask,
    support::{World, command::Run},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_negotiated_list_over_the_common_one_prices_what_it_has() -> Result {
    let scene = World::shared().scene().await?;
    make::<PriceList>(&scene, "deal-agreed", list("USD", &[("domain", "Domain", "10")])).await?;
    let common = [("domain", "Domain", "12.50"), ("certificate", "Certificate", "3")];
    make::<PriceList>(&scene, "deal-common", list("USD", &common)).await?;
    awaited(&scene, "deal", "deal-shop", "main").await?;
    suspended(&scene, "deal").await?;
    let month = back(1);
    scene.usage("deal", "domain", domain("deal-shop", month.start())).await?;
    for kind in ["Certificate", "Backup", "Mail"] {
        scene.usage("deal", &kind.to_lowercase(), priced("deal-shop", kind, month.start())).await?;
    }
    let lists = json!(["deal-agreed", "deal-common"]);
    let spec = terms(json!({ "firstPeriod": month.to_string(), "issuer": "deal", "priceLists": lists }));
    scene.group("deal", "main", spec).await?;
    let invoice = held(&scene, "deal", "main", month, "Unpriced").await?;
    assert!(message(&invoice).ends_with("to the price list deal-agreed or deal-common"), "{}", message(&invoice));
    let becomes = async |lines: [&str; 4]| {
        let expected: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        scene.wait_invoice("deal", "main", month, &format!("{expected:?}"), |invoice| told(invoice) == expected).await
    };
    becomes(["certificate deal-common 3.00", "domain deal-agreed 10.00", "", ""]).await?;

    // A change of either list is in the estimate.
    let mail = [common[0], common[1], ("mail", "Mail", "1")];
    change::<PriceList>(&scene, "deal-common", list("USD", &mail)).await?;
    becomes(["certificate deal-common 3.00", "domain deal-agreed 10.00", "mail deal-common 1.00", ""]).await?;
    let backup = [("domain", "Domain", "10"), ("backup", "Backup", "5")];
    change::<PriceList>(&scene, "deal-agreed", list("USD", &backup)).await?;
    let all = [
        "backup deal-agreed 5.00",
        "certificate deal-common 3.00",
        "domain deal-agreed 10.00",
        "mail deal-common 1.00",
    ];
    becomes(all).await?;

    resume(&scene, "deal").await?;
    let invoice = final_of(&scene, "deal", "main", month).await?;
    assert_eq!((told(&invoice), total(&invoice)), (all.map(str::to_owned).to_vec(), "19.00"));
    let (inputs, terms) = (&document(&invoice)?.inputs, document(&invoice)?.terms.as_ref().ok_or("terms")?);
    let asked: Vec<_> = inputs.price_lists.iter().map(|list| (list.name.as_str(), list.generation)).collect();
    assert_eq!(asked, [("deal-agreed", Some(2)), ("deal-common", Some(2))]);
    assert_eq!(inputs.price_list, None);
    assert_eq!(json!(terms.price_lists), lists);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_two_currencies_or_one_that_is_missing_hold_their_group() -> Result {
    let scene = World::shared().scene().await?;
    make::<PriceList>(&scene, "deal-euro", list("EUR", &[("domain", "Domain", "10")])).await?;
    awaited(&scene, "deal-mixed", "deal-mixed-shop", "main").await?;
    let month = back(1);
    scene.usage("deal-mixed", "domain", domain("deal-mixed-shop", month.start())).await?;
    let spec = terms(json!({ "firstPeriod": month.to_string(), "priceLists": ["default", "deal-euro"] }));
    scene.group("deal-mixed", "main", spec).await?;
    let invoice = held(&scene, "deal-mixed", "main", month, "TermsInvalid").await?;
    let words = "spec.terms.priceLists: the PriceList default is in USD, and deal-euro in EUR; name price lists of one currency";
    assert_eq!(message(&invoice), words);
    let says = async |why: &'static str| {
        scene.wait_group("deal-mixed", "main", why, move |object| group_ready(object) == Some(why)).await
    };
    says("TermsInvalid").await?;

    let other =
        |lists: Value| scene.patch::<BillingGroup>("deal-mixed", "main", terms_patch(json!({ "priceLists": lists })));
    other(json!(["default", "deal-absent"])).await?;
    says("PriceListNotFound").await?;
    let invoice = held(&scene, "deal-mixed", "main", month, "PriceListNotFound").await?;
    assert_eq!(
        message(&invoice),
        "there is no PriceList deal-absent; create it, or name another in spec.terms.priceLists"
    );
    other(json!(["default"])).await?;
    assert_eq!(told(&final_of(&scene, "deal-mixed", "main", month).await?), ["domain default 12.50"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn late_usage_has_the_price_lists_of_its_month_and_waits_for_one_that_is_gone() -> Result {
    let scene = World::shared().scene().await?;
    make::<PriceList>(&scene, "then-list", list("USD", &[("domain", "Domain", "10")])).await?;
    make::<PriceList>(&scene, "now-list", list("USD", &[("domain", "Domain", "99")])).await?;
    awaited(&scene, "relisted", "relisted-shop", "main").await?;
    suspended(&scene, "relisted").await?;
    resume(&scene, "relisted").await?;
    scene.usage("relisted", "domain", domain("relisted-shop", back(2).start())).await?;
    scene.usage("relisted", "new", domain("relisted-shop", back(1).start())).await?;
    scene.usage("relisted", "strange", priced("relisted-shop", "Unheard-of", back(1).start())).await?;
    let agreed = json!({ "firstPeriod": back(2).to_string(), "issuer": "relisted", "priceLists": ["then-list"] });
    let spec = terms(agreed);
    scene.group("relisted", "main", spec).await?;
    final_of(&scene, "relisted", "main", back(2)).await?;
    change::<InvoiceIssuer>(&scene, "relisted", json!({ "suspend": true })).await?;
    scene.delete::<UsageRecord>("relisted", "strange").await?;
    scene.patch::<BillingGroup>("relisted", "main", terms_patch(json!({ "priceLists": ["now-list"] }))).await?;
    scene.usage("relisted", "late", domain("relisted-shop", later(back(2).start(), 1))).await?;
    let becomes = async |lines: &[&str]| {
        let expected: Vec<_> = lines.to_vec();
        let is_it = |invoice: &Invoice| told(invoice) == expected;
        scene.wait_invoice("relisted", "main", back(1), &format!("{expected:?}"), is_it).await
    };
    let billed = ["late then-list 10.00", "new now-list 99.00"];
    let open = becomes(&billed).await?;
    let asked = |invoice: &Invoice| {
        let inputs = written(invoice).into_iter().flat_map(|document| &document.inputs.price_lists);
        inputs.map(|list| list.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(asked(&open), ["now-list", "then-list"]);
    // A list that is not agreed any more still prices what comes late: a change of it is in the estimate.
    change::<PriceList>(&scene, "then-list", list("USD", &[("domain", "Domain", "10"), ("other", "Other", "1")]))
        .await?;
    let edited = |invoice: &Invoice| {
        let inputs = written(invoice).into_iter().flat_map(|document| &document.inputs.price_lists);
        inputs.clone().any(|list| list.name.as_str() == "then-list" && list.generation == Some(2))
    };
    scene.wait_invoice("relisted", "main", back(1), "names the list as it is", edited).await?;

    scene.cluster::<PriceList>().delete("then-list", &Default::default()).await?;
    let waits = |invoice: &Invoice| message(invoice).ends_with("to the price list then-list");
    scene.wait_invoice("relisted", "main", back(1), "waits for the list", waits).await?;
    make::<PriceList>(&scene, "then-list", list("USD", &[("domain", "Domain", "10")])).await?;
    becomes(&billed).await?;
    resume(&scene, "relisted").await?;
    let invoice = final_of(&scene, "relisted", "main", back(1)).await?;
    assert_eq!((told(&invoice), asked(&invoice)), (billed.map(str::to_owned).to_vec(), asked(&open)));
    let Run { ended, stdout, stderr } = ask(&scene, "relisted", &["verify", &invoice.name_any()]).await?;
    assert_eq!(ended, ExitStatus::Ok, "{stdout}{stderr}");
    assert!(stdout.contains("byte-identical"), "{stdout}");
    Ok(())
}

/// Each record that an invoice bills, with the list that prices it and the amount.
fn told(invoice: &Invoice) -> Vec<String> {
    let lines = written(invoice).into_iter().flat_map(|document| &document.lines);
    let mut told: Vec<_> = lines
        .filter_map(|line| {
            let (source, list) = (line.source.as_ref()?, line.price.as_ref()?.list.as_ref()?);
            Some(format!("{} {} {}", source.name.as_str(), list.as_str(), &*line.total))
        })
        .collect();
    told.sort();
    told
}

/// Prices by the unit: name, type and price of each.
fn list(currency: &str, entries: &[(&str, &str, &str)]) -> Value {
    let entry = |(name, kind, price): &(&str, &str, &str)| json!({ "name": name, "type": kind, "unit": "Unit", "unitPrice": price, "validFrom": "2020-01-01T00:00:00Z" });
    json!({ "currency": currency, "entries": entries.iter().map(entry).collect::<Vec<_>>() })
}
