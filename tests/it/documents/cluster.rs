//! Documents of a cluster, downloaded.

use std::fs;

use billing_api::{BillingGroup, CreditNote, InvoiceIssuer};
use billing_test_harness::User;
use clap::Parser;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::ResourceExt;
use kube::api::PostParams;
use kubectl_billing::{Arguments, ExitStatus, Io};
use serde_json::{Value, json};

use super::folder;
use super::judges::text_of;
use crate::Result;
use crate::month::stage::{awaited, back, database, domain, final_of, later, make, terms};
use crate::support::{Scene, World, reason};

/// How a download into a file ended, what was written, and what was said.
async fn download(scene: &Scene<'_>, arguments: &[&str]) -> Result<(ExitStatus, Vec<u8>, String)> {
    let file = folder("cluster")?.join("downloaded");
    let output = file.display().to_string();
    let (ended, printed, said) = run(scene, &[arguments, &["-o", &output]].concat()).await?;
    assert_eq!(printed, "");
    let written = if ended == ExitStatus::Ok { fs::read(&file)? } else { Vec::new() };
    let where_to = |line: &&str| !line.ends_with(&output);
    Ok((ended, written, said.lines().filter(where_to).map(|line| format!("{line}\n")).collect()))
}

/// How a command ended, what it printed, and what it said.
async fn run(scene: &Scene<'_>, arguments: &[&str]) -> Result<(ExitStatus, String, String)> {
    let kubeconfig = scene.control_plane.kubeconfig(User::ClusterAdmin).display().to_string();
    let fixed = ["kubectl-billing", "-n", "printed", "--kubeconfig", &kubeconfig];
    let (noun, rest) = arguments.split_at(2);
    let arguments: Vec<String> =
        [&fixed[..1], noun, rest, &fixed[1..]].concat().into_iter().map(str::to_owned).collect();
    tokio::task::spawn_blocking(move || {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let io = Io { now: chrono::Utc::now(), stdin: &mut std::io::empty(), stdout: &mut stdout, stderr: &mut stderr };
        let ended = kubectl_billing::run(Arguments::try_parse_from(arguments)?, io);
        Ok((ended, String::from_utf8(stdout)?, String::from_utf8(stderr)?))
    })
    .await?
}

/// The text of a downloaded file.
fn read(name: &str, bytes: &[u8]) -> Result<String> {
    let file = folder(name)?.join("downloaded.pdf");
    fs::write(&file, bytes)?;
    text_of(&file)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_and_its_credit_note_are_downloaded_with_the_seller_s_logo() -> Result {
    let scene = World::shared().scene().await?;
    let logo = json!({ "namespace": "letterhead", "name": "logos", "key": "logo.svg" });
    let look = json!({ "logo": logo, "footer": "Board: A. Example" });
    let issuer = json!({
        "legalName": "Printing Oy", "grace": "0s", "language": "fi", "document": look, "registration": "Trade register 1",
        "address": { "city": "Helsinki", "countryCode": "FI" },
    });
    make::<InvoiceIssuer>(&scene, "printed", issuer).await?;
    awaited(&scene, "printed", "printed-shop", "main").await?;
    scene.usage("printed", "domain", domain("printed-shop", back(1).start())).await?;
    let ten_hours = database("printed-shop", "db", back(1).start(), Some(later(back(1).start(), 10)));
    scene.usage("printed", "db", ten_hours).await?;
    let mut spec = terms(json!({ "firstPeriod": back(1).to_string(), "issuer": "printed" }));
    (spec["buyerReference"], spec["purchaseOrder"]) = ("4711".into(), "PO-42".into());
    spec["billingAddress"] = json!({ "city": "Espoo", "countryCode": "FI" });
    scene.group("printed", "main", spec).await?;
    let invoice = final_of(&scene, "printed", "main", back(1)).await?;
    let number = invoice.name_any();

    // Without the logo, which is told; and in the seller's language.
    let arguments = ["invoice", "download", &number, "--format", "pdf"];
    let (ended, plain, said) = download(&scene, &arguments).await?;
    assert_eq!(ended, ExitStatus::Ok, "{said}");
    assert!(said.contains("warning: there is no logo: logo.svg of ConfigMap letterhead/logos"), "{said}");
    let text = read("cluster-plain", &plain)?;
    for words in ["Lasku", &number, "4711", "PO-42", "Printing Oy", "Board: A. Example", "kubectl billing verify"] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    // What the group says from now on is not on what is final.
    scene
        .patch::<BillingGroup>("printed", "main", json!({ "spec": { "buyerReference": "4712", "language": "de" } }))
        .await?;
    assert!(download(&scene, &arguments).await?.1 == plain);

    let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": "letterhead" } }))?;
    scene.cluster().create(&PostParams::default(), &namespace).await?;
    let svg =
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><rect width='9' height='9' fill='#00f'/></svg>";
    let map: ConfigMap =
        serde_json::from_value(json!({ "metadata": { "name": "logos" }, "data": { "logo.svg": svg } }))?;
    scene.api::<ConfigMap>("letterhead").create(&PostParams::default(), &map).await?;
    let (ended, with_logo, said) = download(&scene, &arguments).await?;
    assert_eq!((ended, said.as_str()), (ExitStatus::Ok, ""));
    assert!(with_logo != plain && with_logo.starts_with(b"%PDF-1.7"));
    let sheet = download(&scene, &[&arguments[..], &["--paper", "letter"]].concat()).await?;
    assert!(sheet.0 == ExitStatus::Ok && sheet.1 != with_logo);
    let (ended, _, said) = run(&scene, &arguments).await?;
    assert!(ended == ExitStatus::Failed && said.contains("name a file, such as -o invoice.pdf"), "{said}");
    let (ended, _, said) = download(&scene, &[&arguments[..], &["--font", "crds"]].concat()).await?;
    assert!(ended == ExitStatus::Failed && said.contains("there is no font in crds"), "{said}");

    let note: CreditNote = serde_json::from_value(json!({
        "apiVersion": "billing-operator.io/v1alpha1", "kind": "CreditNote", "metadata": { "name": "outage" },
        "spec": { "invoice": number, "full": true, "reason": "Outage of the month" },
    }))?;
    scene.api("printed").create(&PostParams::default(), &note).await?;
    let is_issued = |note: &CreditNote| {
        note.status.as_ref().is_some_and(|status| reason(&status.conditions, "Ready") == Some("Issued"))
    };
    let note = scene.wait_object("printed", "outage", "is issued", is_issued).await?;
    let document = note.status.and_then(|status| status.document).ok_or("a document")?;
    let (ended, by_name, said) = download(&scene, &["credit-note", "download", "outage", "--format", "pdf"]).await?;
    assert_eq!((ended, said.as_str()), (ExitStatus::Ok, ""));
    let text = read("cluster-note", &by_name)?;
    for words in ["Hyvityslasku", &document.number, &number, "Outage of the month"] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    let (_, json, _) = download(&scene, &["credit-note", "download", "outage", "--format", "json"]).await?;
    assert_eq!(serde_json::from_slice::<Value>(&json)?, serde_json::to_value(&document)?);
    e_invoices(&scene, &number).await?;
    all_at_once(&scene, &number, &document.number).await?;
    an_archive(&scene, &number).await
}

/// One e-invoice, in each form; and what is said where there is none.
async fn e_invoices(scene: &Scene<'_>, number: &str) -> Result {
    let invoice = ["invoice", "download", number, "--format"];
    let note = ["credit-note", "download", "outage", "--format"];
    let (ended, cii, said) = download(scene, &[&invoice[..], &["cii"]].concat()).await?;
    assert_eq!((ended, said.as_str()), (ExitStatus::Ok, ""));
    let cii = String::from_utf8(cii)?;
    assert!(cii.contains("<rsm:CrossIndustryInvoice") && cii.contains("PO-42"), "{cii}");
    for (document, root) in [(invoice, "<Invoice "), (note, "<CreditNote ")] {
        let (ended, ubl, said) = run(scene, &[&document[..], &["ubl"]].concat()).await?;
        assert!(ended == ExitStatus::Ok && ubl.contains(root) && ubl.contains(number), "{said}{ubl}");
        let (ended, hybrid, said) = download(scene, &[&document[..], &["factur-x"]].concat()).await?;
        assert_eq!((ended, said.as_str()), (ExitStatus::Ok, ""));
        assert!(hybrid.starts_with(b"%PDF-1.7") && hybrid.windows(12).any(|window| window == b"factur-x.xml"));
        let (ended, _, said) = run(scene, &[&document[..], &["ubl", "--profile", "peppol"]].concat()).await?;
        let asked = "the seller has no electronic address, which Peppol (R020) asks for: set spec.electronicAddress of InvoiceIssuer printed";
        assert!(ended == ExitStatus::Refused && said.contains(asked), "{said}");
    }
    for (arguments, asked) in [
        (&["xrechnung"][..], "set spec.contact.name of InvoiceIssuer printed"),
        (&["xrechnung", "--profile", "peppol"], "leave --profile out"),
        (&["cii", "--profile", "peppol"], "write --format ubl --profile peppol"),
        (&["csv", "--profile", "en16931"], "--profile is for e-invoices"),
    ] {
        let (ended, printed, said) = run(scene, &[&invoice[..], arguments].concat()).await?;
        assert!(ended != ExitStatus::Ok && printed.is_empty() && said.contains(asked), "{arguments:?}: {said}");
    }
    Ok(())
}

/// All finals of a month, and all credit notes: files by their numbers, which a second run leaves as they are.
async fn all_at_once(scene: &Scene<'_>, number: &str, note: &str) -> Result {
    let into = folder("all")?;
    let (output, month) = (into.display().to_string(), back(1).to_string());
    let invoices = ["invoice", "download", "--all", "--period", &month, "-o", &output, "--format"];
    let names = || -> Result<Vec<String>> {
        let entries = fs::read_dir(&into)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names = entries.collect::<Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    };
    let (ended, _, said) = run(scene, &[&invoices[..], &["ubl"]].concat()).await?;
    assert!(ended == ExitStatus::Ok && said.contains("1 files written, 0 unchanged in"), "{said}");
    assert_eq!(names()?, [format!("{number}.ubl.xml")]);
    let (_, _, said) = run(scene, &[&invoices[..], &["ubl"]].concat()).await?;
    assert!(said.contains("0 files written, 1 unchanged in"), "{said}");
    let (ended, _, said) = run(scene, &[&invoices[..], &["xrechnung"]].concat()).await?;
    let refused = format!("{number} is not written: there is no e-invoice of {number}: ");
    assert!(ended == ExitStatus::Refused && said.contains(&refused) && said.contains(", 1 refused in"), "{said}");
    // Notes are of the month in which they are issued.
    let notes = ["credit-note", "download", "--all", "--period", "this", "-o", &output, "--format", "factur-x"];
    let (ended, _, said) = run(scene, &notes).await?;
    assert!(ended == ExitStatus::Ok && said.contains("1 files written"), "{said}");
    // A folder holds what is written in several formats.
    let (ended, _, said) = run(scene, &[&invoices[..], &["cii"]].concat()).await?;
    assert!(ended == ExitStatus::Ok && said.contains("1 files written, 0 unchanged in"), "{said}");
    let mut written = [format!("{number}.cii.xml"), format!("{number}.ubl.xml"), format!("{note}.factur-x.pdf")];
    written.sort();
    assert_eq!(names()?, written);
    let (_, _, said) =
        run(scene, &["credit-note", "download", "--all", "--period", &month, "-o", &output, "--format", "csv"]).await?;
    assert!(said.contains("0 files written, 0 unchanged"), "{said}");
    Ok(())
}

/// An archive of e-invoices: its manifest says by which tool and by which mapping they are.
async fn an_archive(scene: &Scene<'_>, number: &str) -> Result {
    let into = folder("archive")?;
    let (output, month) = (into.display().to_string(), back(1).to_string());
    let export = |more: &[&'static str]| {
        let arguments: Vec<_> = [&["export", "--period", &month, "-o", &output, "--format"], more].concat();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        async move { run(scene, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    let (ended, _, said) = export(&["ubl"]).await?;
    assert!(ended == ExitStatus::Ok && said.contains("1 files written"), "{said}");
    let manifest: Value = serde_json::from_slice(&fs::read(into.join("manifest.json"))?)?;
    let file = &manifest["files"][0];
    assert_eq!(
        (&manifest["format"], &file["dataset"], &file["mapping"]),
        (&json!("ubl/en16931"), &json!("einvoice"), &json!(1))
    );
    assert!(manifest["tool"].as_str().is_some_and(|tool| tool.starts_with("kubectl-billing ")), "{manifest}");
    let path = file["path"].as_str().ok_or("a path")?;
    assert!(path.starts_with(&format!("period={month}/einvoice-{number}-")) && path.ends_with(".xml"), "{path}");
    let exported = fs::read(into.join(path))?;
    let (_, alone, _) = download(scene, &["invoice", "download", number, "--format", "ubl"]).await?;
    assert!(exported == alone);
    let (_, _, said) = export(&["ubl"]).await?;
    assert!(said.contains("0 files written, 1 unchanged"), "{said}");
    for (arguments, asked) in [
        (&["ubl", "--profile", "peppol"][..], "export ubl/peppol into another folder"),
        (&["ubl", "--with-estimates"], "estimates have no e-invoices"),
        (&["csv", "--profile", "peppol"], "--profile is for e-invoices"),
    ] {
        let (ended, _, said) = export(arguments).await?;
        assert!(ended == ExitStatus::Failed && said.contains(asked), "{said}");
    }
    Ok(())
}
