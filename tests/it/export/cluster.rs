//! `kubectl billing export` from a cluster into a folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use billing_api::{CreditNote, CreditNoteDocument, Invoice, InvoiceIssuer};
use billing_documents::export::cell::Fixed;
use billing_test_harness::User;
use clap::Parser;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role, RoleBinding};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use kubectl_billing::{Arguments, ExitStatus, Io};
use serde_json::{Value, json};

use super::examples::folder;
use crate::Result;
use crate::chart::rendered::Rendered;
use crate::month::credit_notes::{ask, issued, parts};
use crate::month::stage::{awaited, back, database, document, domain, final_of, make, terms, total, written};
use crate::support::command::{Run, run};
use crate::support::{LIMIT, Scene, World, open_month, wait};

/// Runs the export as a user.
async fn export(scene: &Scene<'_>, user: User, folder: &Path, arguments: &[&str]) -> Result<Run> {
    let folder = folder.display().to_string();
    command(scene, user, &[&["export", "-o", &folder], arguments].concat()).await
}

/// Runs an export to standard output as a cluster admin.
async fn export_to_stdout(scene: &Scene<'_>, arguments: &[&str]) -> Result<Run> {
    command(scene, User::ClusterAdmin, &[&["export", "-o", "-"], arguments].concat()).await
}

/// Runs a command as a user, in a thread of its own: commands have a runtime of their own.
async fn command(scene: &Scene<'_>, user: User, arguments: &[&str]) -> Result<Run> {
    let kubeconfig = scene.control_plane.kubeconfig(user).display().to_string();
    let arguments = [arguments, &["--kubeconfig", &kubeconfig]].concat();
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    let command = move || run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), "");
    tokio::task::spawn_blocking(command).await?
}

/// The files below a folder, each with what changes when it is written.
fn snapshot(folder: &Path) -> Result<BTreeMap<String, (u64, i64, i64)>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(&below)? {
            let path = entry?.path();
            let metadata = fs::metadata(&path)?;
            let name = path.strip_prefix(folder)?.display().to_string();
            found.insert(name, (metadata.ino(), metadata.mtime(), metadata.mtime_nsec()));
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(found)
}

fn manifest(folder: &Path) -> Result<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(folder.join("manifest.json"))?)?)
}

/// The paths that the list of an export has, which must be those that are there.
fn listed(folder: &Path) -> Result<Vec<String>> {
    let manifest = manifest(folder)?;
    let files = manifest["files"].as_array().ok_or("files")?;
    let listed: Vec<_> = files.iter().filter_map(|file| file["path"].as_str().map(str::to_owned)).collect();
    let mut there: Vec<_> = snapshot(folder)?.into_keys().filter(|path| path.contains('.')).collect();
    there.retain(|path| path != "manifest.json");
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(sorted, there);
    Ok(listed)
}

/// An organization with a final invoice and an estimate.
async fn billed(scene: &Scene<'_>, organization: &str) -> Result<(Invoice, Invoice)> {
    let project = format!("{organization}-shop");
    make::<InvoiceIssuer>(scene, organization, json!({ "legalName": organization, "grace": "0s" })).await?;
    awaited(scene, organization, &project, "main").await?;
    scene.usage(organization, "db", database(&project, "=db", back(1).start(), None)).await?;
    scene.usage(organization, "domain", domain(&project, back(1).start())).await?;
    let agreed = json!({ "firstPeriod": back(1).to_string(), "issuer": organization });
    scene.group(organization, "main", terms(agreed)).await?;
    let last = final_of(scene, organization, "main", back(1)).await?;
    let has_lines = |invoice: &Invoice| written(invoice).is_some_and(|document| !document.lines.is_empty());
    let open = scene.wait_invoice(organization, "main", open_month(), "has lines", has_lines).await?;
    Ok((last, open))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_each_final_once_and_estimates_as_they_are() -> Result {
    let scene = World::shared().scene().await?;
    let (last, open) = billed(&scene, "exported").await?;
    let folder = folder("cluster")?;
    let (period, open_period) = (back(1).to_string(), open_month().to_string());
    let span = format!("{period}..{open_period}");
    let arguments = ["-n", "exported", "--format", "csv", "--period", &span];

    // Finals only. What a run left behind that came to no end, when the invoice was an estimate, goes.
    let number = last.name_any();
    fs::create_dir_all(folder.join(format!("period={period}")))?;
    fs::write(folder.join(format!("period={period}/lines-{number}.csv")), "id")?;
    let Run { ended, stdout, stderr } = export(&scene, User::ClusterAdmin, &folder, &arguments).await?;
    assert_eq!((ended, stdout.as_str()), (ExitStatus::Ok, ""), "{stderr}");
    let digits = &document(&last)?.digest["sha256:".len()..][..12];
    let finals = ["lines", "invoices"].map(|dataset| format!("period={period}/{dataset}-{number}-{digits}.csv"));
    assert_eq!(listed(&folder)?, finals);
    assert!(
        stderr.ends_with(&format!("2 files written, 0 unchanged, 1 removed: {} USD on 1 invoice\n", total(&last))),
        "{stderr}"
    );
    let lines = fs::read_to_string(folder.join(&finals[0]))?;
    assert!(lines.contains(",'=db,"), "a name that begins like a formula is harmless: {lines}");
    let totals = &manifest(&folder)?["totals"]["currencies"]["USD"];
    assert_eq!((totals["total"].as_str(), &totals["invoices"]), (Some(total(&last)), &json!(1)));

    // The same again writes nothing.
    let before = snapshot(&folder)?;
    let Run { ended, stderr, .. } = export(&scene, User::ClusterAdmin, &folder, &arguments).await?;
    assert_eq!((ended, snapshot(&folder)?), (ExitStatus::Ok, before.clone()), "{stderr}");

    // With estimates: they are added, and the finals stay.
    let with_estimates = [&arguments[..], &["--with-estimates"]].concat();
    let Run { ended, stderr, .. } = export(&scene, User::ClusterAdmin, &folder, &with_estimates).await?;
    assert_eq!(ended, ExitStatus::Ok, "{stderr}");
    let estimates =
        ["lines", "invoices"].map(|dataset| format!("period={open_period}/{dataset}-{}.csv", open.name_any()));
    assert_eq!(listed(&folder)?, [&finals[..], &estimates[..]].concat());
    let after = snapshot(&folder)?;
    assert!(finals.iter().all(|path| after[path] == before[path]));

    // More usage: the estimate is another, and nothing else.
    scene.usage("exported", "more", domain("exported-shop", open_month().start())).await?;
    let more = written(&open).map_or(0, |document| document.lines.len());
    let longer = |invoice: &Invoice| written(invoice).is_some_and(|document| document.lines.len() > more);
    scene.wait_invoice("exported", "main", open_month(), "has another line", longer).await?;
    export(&scene, User::ClusterAdmin, &folder, &with_estimates).await?;
    let changed = snapshot(&folder)?;
    assert!(finals.iter().all(|path| changed[path] == before[path]));
    assert_ne!(changed[&estimates[0]], after[&estimates[0]]);
    let text = fs::read_to_string(folder.join(&estimates[0]))?;
    assert!(text.contains(",more,"), "{text}");

    // Another month of which this run says nothing stays; estimates that are not wanted any more go.
    let of_last = ["-n", "exported", "--format", "csv", "--period", &period];
    export(&scene, User::ClusterAdmin, &folder, &of_last).await?;
    assert_eq!(listed(&folder)?, [&finals[..], &estimates[..]].concat());
    let Run { stderr, .. } = export(&scene, User::ClusterAdmin, &folder, &arguments).await?;
    assert!(stderr.contains("2 removed"), "{stderr}");
    assert_eq!(listed(&folder)?, finals);

    // A final whose file is lost or damaged is written again, with the same bytes.
    let (lost, content) = (folder.join(&finals[1]), fs::read(folder.join(&finals[1]))?);
    for damage in [&fs::remove_file::<&Path> as &dyn Fn(_) -> _, &|path: &Path| fs::write(path, "")] {
        damage(&lost)?;
        export(&scene, User::ClusterAdmin, &folder, &arguments).await?;
        assert_eq!(fs::read(&lost)?, content);
    }

    // Another format does not go into the same folder.
    let parquet = ["-n", "exported", "--format", "parquet", "--period", &period];
    let Run { ended, stderr, .. } = export(&scene, User::ClusterAdmin, &folder, &parquet).await?;
    assert_eq!(ended, ExitStatus::Failed);
    assert!(stderr.contains("holds an export in format csv") && stderr.contains("into another folder"), "{stderr}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_of_several_organizations_adds_up_in_one_folder() -> Result {
    let scene = World::shared().scene().await?;
    let (one, _) = billed(&scene, "exported-one").await?;
    let (other, open) = billed(&scene, "exported-two").await?;
    let period = format!("{}..{}", back(1), open_month());
    for format in ["csv", "json", "parquet", "focus-1.2", "focus-1.4"] {
        let folder = folder(&format!("formats-{format}"))?;
        for organization in ["exported-two", "exported-one"] {
            let arguments = ["-n", organization, "--format", format, "--period", &period, "--with-estimates"];
            let Run { ended, stderr, .. } = export(&scene, User::ClusterAdmin, &folder, &arguments).await?;
            assert_eq!(ended, ExitStatus::Ok, "{stderr}");
        }
        let listed = listed(&folder)?;
        let manifest = manifest(&folder)?;
        let files = manifest["files"].as_array().ok_or("files")?;
        let finals = |organization: &str| {
            files.iter().filter(|file| file["organization"] == organization && file["phase"] == "Final").count()
        };
        let datasets = if format == "focus-1.2" { 1 } else { 2 };
        assert_eq!((finals("exported-one"), finals("exported-two")), (datasets, datasets), "{format}");
        for (invoice, organization) in [(&one, "exported-one"), (&other, "exported-two")] {
            let of = files.iter().find(|file| file["invoice"] == invoice.name_any().as_str()).ok_or("a file")?;
            assert_eq!((of["total"].as_str(), of["organization"].as_str()), (Some(total(invoice)), Some(organization)));
        }
        // A month is closed for who issued only finals, whichever run wrote them.
        if format == "focus-1.4" {
            let text = |month| fs::read_to_string(folder.join(format!("period={month}/BillingPeriod.csv")));
            let closed = text(back(1))?;
            for issuer in ["exported-one", "exported-two"] {
                assert!(closed.contains(&format!(",Closed,{issuer}\r\n")), "{closed}");
            }
            assert!(text(open_month())?.contains(",Open,exported-two\r\n"));
            assert!(listed.contains(&format!("period={}/InvoiceDetail-{}.csv", open_month(), open.name_any())));
        }
        // All of a group, as one file.
        let group = ["-n", "exported-one", "--group", "main", "--format", format, "--period", "last"];
        let Printed { ended, stdout } = printed(&scene, &group).await?;
        assert_eq!(ended, ExitStatus::Ok);
        assert!(String::from_utf8_lossy(&stdout).contains(&one.name_any()), "{format}");
        let none = ["-n", "exported-one", "--group", "nobody", "--format", format, "--period", "last"];
        assert!(!String::from_utf8_lossy(&printed(&scene, &none).await?.stdout).contains(&one.name_any()));
    }
    Ok(())
}

/// The amounts in the files of an export that sum up to what is to be paid, before tax.
fn billed_in(folder: &Path, format: &str) -> Result<Fixed> {
    let mut sum = Fixed::default();
    let mut add = |amount: &str| -> Result {
        sum = Fixed::parse(amount).and_then(|amount| sum.checked_add(amount)).ok_or("an amount")?;
        Ok(())
    };
    for path in listed(folder)?.into_iter().filter(|path| path.contains("/lines-") || path.contains("/CostAndUsage-")) {
        let file = fs::read(folder.join(&path))?;
        match (format, path.ends_with(".csv")) {
            ("json", _) => {
                for line in std::str::from_utf8(&file)?.lines() {
                    add(serde_json::from_str::<Value>(line)?["total"].as_str().ok_or("a total")?)?;
                }
            }
            (_, true) => {
                let column = if format == "csv" { "total" } else { "BilledCost" };
                let mut reader = csv::Reader::from_reader(file.as_slice());
                let at = reader.headers()?.iter().position(|head| head == column).ok_or("a column")?;
                reader.records().try_for_each(|record| add(&record?[at]))?;
            }
            (_, false) => return Err(format!("{path} is not read here").into()),
        }
    }
    Ok(sum)
}

#[tokio::test(flavor = "multi_thread")]
async fn credit_notes_are_exported_beside_invoices_once_and_for_ever() -> Result {
    let scene = World::shared().scene().await?;
    let (last, _) = billed(&scene, "exported-notes").await?;
    let number = last.name_any();
    let line = document(&last)?.lines.iter().find(|line| &*line.total == "12.50").ok_or("the domain")?.id.clone();
    let of = parts(&last, &[(Some(&line), "2.50"), (None, "0.10")]);
    // The names of objects are not in the order of their numbers.
    ask(&scene, "exported-notes", "outage", of).await?;
    let first = issued(&scene, "exported-notes", "outage").await?;
    ask(&scene, "exported-notes", "more", parts(&last, &[(None, "0.40")])).await?;
    let second = issued(&scene, "exported-notes", "more").await?;
    ask(&scene, "exported-notes", "refused", parts(&last, &[(None, "1000.00")])).await?;
    let net = Fixed::parse(total(&last)).and_then(|total| total.checked_add(Fixed::parse("-3.00")?)).ok_or("a sum")?;

    let (period, running) = (back(1).to_string(), open_month().to_string());
    let span = format!("{period}..{running}");
    for format in ["csv", "json", "focus-1.2", "focus-1.4", "parquet"] {
        let folder = folder(&format!("notes-{format}"))?;
        let arguments = ["-n", "exported-notes", "--format", format, "--period", &span];
        let Run { ended, stderr, .. } = export(&scene, User::ClusterAdmin, &folder, &arguments).await?;
        assert_eq!(ended, ExitStatus::Ok, "{stderr}");
        let sums = format!("{} USD on 1 invoice and 2 credit notes\n", net.text(2));
        assert!(stderr.ends_with(&sums), "{stderr}");
        let manifest = manifest(&folder)?;
        let totals = &manifest["totals"]["currencies"]["USD"];
        assert_eq!((totals["total"].as_str(), totals["subtotal"].as_str()), (Some(&*net.text(2)), Some(&*net.text(2))));
        assert_eq!((&totals["invoices"], &totals["creditNotes"]), (&json!(1), &json!(2)));
        if format != "parquet" {
            assert_eq!(billed_in(&folder, format)?, net, "{format}");
        }
        let before = snapshot(&folder)?;
        let Run { ended, stderr, .. } = export(&scene, User::ClusterAdmin, &folder, &arguments).await?;
        assert_eq!((ended, snapshot(&folder)?), (ExitStatus::Ok, before), "{stderr}");
        if format == "focus-1.4" {
            // The month of the notes still runs, and somebody may issue another one.
            let periods = fs::read_to_string(folder.join(format!("period={running}/BillingPeriod.csv")))?;
            assert!(periods.contains(",Open,exported-notes\r\n"), "{periods}");
        }
    }

    // Their files are in the month in which they were issued, and carry the digest.
    let written = |note: &CreditNote| note.status.clone().and_then(|status| status.document).ok_or("a document");
    let (first, second) = (written(&first)?, written(&second)?);
    let folder = folder("notes-csv")?;
    let path = |note: &CreditNoteDocument| {
        format!("period={running}/lines-{}-{}.csv", note.number.as_str(), &note.digest["sha256:".len()..][..12])
    };
    let arguments = |period: &'static str| ["-n", "exported-notes", "--format", "csv", "--period", period];
    // An export of the invoice's month has none of them.
    export(&scene, User::ClusterAdmin, &folder, &arguments("last")).await?;
    assert!(listed(&folder)?.iter().all(|path| path.contains(&number)), "{:?}", listed(&folder)?);
    // One of the month that runs adds them, and takes nothing away.
    export(&scene, User::ClusterAdmin, &folder, &arguments("this")).await?;
    let all = listed(&folder)?;
    assert_eq!((all.len(), all.contains(&path(&first)), all.contains(&path(&second))), (6, true, true), "{all:?}");
    // Those of another group stay, and are not exported again.
    let before = snapshot(&folder)?;
    let other_group = [&arguments("this")[..], &["--group", "nobody"]].concat();
    export(&scene, User::ClusterAdmin, &folder, &other_group).await?;
    assert_eq!(snapshot(&folder)?, before);
    // A file that is lost is written again, with the same bytes.
    let (lost, content) = (folder.join(path(&first)), fs::read(folder.join(path(&first)))?);
    fs::remove_file(&lost)?;
    export(&scene, User::ClusterAdmin, &folder, &arguments("this")).await?;
    assert_eq!(fs::read(&lost)?, content);
    let text = String::from_utf8(content)?;
    assert!(text.contains(",CreditNote,") && text.contains(&format!(",{number},")) && text.contains(&line), "{text}");

    // As one file, and by itself.
    let here = ["-n", "exported-notes", "--format", "csv", "--period", &running];
    let streamed = export_to_stdout(&scene, &here).await?.stdout;
    assert!(streamed.contains(&format!(",{},", first.number.as_str())), "{streamed}");
    let none = export_to_stdout(&scene, &[&here[..], &["--group", "nobody"]].concat()).await?.stdout;
    assert!(!none.contains(first.number.as_str()), "{none}");
    let download = ["credit-note", "download", "outage", "-n", "exported-notes", "--format"];
    let csv = command(&scene, User::ClusterAdmin, &[&download[..], &["csv"]].concat()).await?;
    assert_eq!((csv.ended, csv.stdout.as_str()), (ExitStatus::Ok, text.as_str()), "{}", csv.stderr);
    let json = command(&scene, User::ClusterAdmin, &[&download[..], &["json"]].concat()).await?.stdout;
    assert_eq!(serde_json::from_str::<Value>(&json)?, serde_json::to_value(&first)?);
    let refused = ["credit-note", "download", "refused", "-n", "exported-notes", "--format", "csv"];
    let refused = command(&scene, User::ClusterAdmin, &refused).await?;
    assert!(refused.ended == ExitStatus::Refused && refused.stderr.contains("is not issued"), "{}", refused.stderr);
    Ok(())
}

/// A month's file is of the documents of that month: an issuer of another month is not in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_billing_period_knows_nothing_of_other_months() -> Result {
    let scene = World::shared().scene().await?;
    let (_, _) = billed(&scene, "exported-periods").await?;
    let folder = folder("periods")?;
    let arguments = |period: &'static str| ["-n", "exported-periods", "--format", "focus-1.4", "--period", period];
    export(&scene, User::ClusterAdmin, &folder, &arguments("last")).await?;
    // The list of the run before begins with an earlier month, which this run passes over.
    let list = fs::read_to_string(folder.join("manifest.json"))?;
    fs::write(folder.join("manifest.json"), list.replace("\"issuer\":\"exported-periods\"", "\"issuer\":\"earlier\""))?;
    export(&scene, User::ClusterAdmin, &folder, &arguments("this")).await?;
    let periods = fs::read_to_string(folder.join(format!("period={}/BillingPeriod.csv", open_month())))?;
    assert!(periods.contains(",Open,exported-periods\r\n") && !periods.contains("earlier"), "{periods}");
    Ok(())
}

/// A run that printed bytes.
struct Printed {
    ended: ExitStatus,
    stdout: Vec<u8>,
}

/// Exports to standard output, when the last month is the one that is closed.
async fn printed(scene: &Scene<'_>, arguments: &[&str]) -> Result<Printed> {
    let kubeconfig = scene.control_plane.kubeconfig(User::ClusterAdmin).display().to_string();
    let fixed = ["kubectl-billing", "export", "--kubeconfig", &kubeconfig, "-o", "-"];
    let arguments = fixed.iter().chain(arguments).map(|argument| (*argument).to_owned()).collect();
    let (ended, stdout, _) = at_month_start(arguments).await?;
    Ok(Printed { ended, stdout })
}

/// Runs a command at the first instant of the month that runs.
async fn at_month_start(arguments: Vec<String>) -> Result<(ExitStatus, Vec<u8>, String)> {
    let now = open_month().start();
    tokio::task::spawn_blocking(move || {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let io = Io { now, stdin: &mut std::io::empty(), stdout: &mut stdout, stderr: &mut stderr };
        let ended = kubectl_billing::run(Arguments::try_parse_from(arguments)?, io);
        Ok((ended, stdout, String::from_utf8(stderr)?))
    })
    .await?
}

/// The role of the job in the cluster is what an export needs: with each right taken away, there is none.
#[tokio::test(flavor = "multi_thread")]
async fn the_job_s_role_is_enough_and_nothing_in_it_is_too_much() -> Result {
    let scene = World::shared().scene().await?;
    let (last, _) = billed(&scene, "exported-job").await?;
    let values = ["export.enabled=true", "export.volume.emptyDir.medium=Memory"];
    let rendered = Rendered::with(&[], &values)?;
    let role: ClusterRole = serde_json::from_value(rendered.named("ClusterRole", "billing-operator-export")?.clone())?;
    let rules = role.rules.unwrap_or_default();
    let period = back(1).to_string();
    let arguments = ["-n", "exported-job", "--format", "csv", "--period", &period];
    grant(&scene, "exported-job", &rules).await?;
    let folder = folder("job")?;
    let done = async || {
        Ok(Some(export(&scene, User::Tenant, &folder, &arguments).await?).filter(|run| run.ended == ExitStatus::Ok))
    };
    wait("the tenant may export", LIMIT, done).await?;
    assert_eq!(manifest(&folder)?["files"][0]["invoice"], *last.name_any());

    // The right to read slices is needed where there are some: tests of slices have them.
    assert_eq!(rules.len(), 2);
    for kind in ["invoices", "creditnotes"] {
        let mut fewer = rules.clone();
        for rule in &mut fewer {
            rule.resources.iter_mut().for_each(|resources| resources.retain(|resource| resource != kind));
        }
        fewer.retain(|rule| rule.resources.as_ref().is_some_and(|resources| !resources.is_empty()));
        assert_ne!(fewer, rules, "{kind}");
        grant(&scene, "exported-job", &fewer).await?;
        let refused = async || {
            let Run { ended, stderr, .. } = export(&scene, User::Tenant, &folder, &arguments).await?;
            let told = format!("cannot list {kind}");
            Ok((ended == ExitStatus::Failed && stderr.contains(&told)).then_some(()))
        };
        wait("the tenant may no longer export", LIMIT, refused).await?;
    }
    Ok(())
}

/// Gives the tenant these rights in a namespace, and takes away those that he had there.
async fn grant(scene: &Scene<'_>, namespace: &str, rules: &[PolicyRule]) -> Result {
    let name = "exports";
    let apply = PatchParams::apply("tests").force();
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": name }, "rules": rules });
    let bound = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": User::Tenant.name() }],
    });
    scene.api::<Role>(namespace).patch(name, &apply, &Patch::Apply(role)).await?;
    scene.api::<RoleBinding>(namespace).patch(name, &apply, &Patch::Apply(bound)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_downloaded_by_its_number_or_by_group_and_month() -> Result {
    let scene = World::shared().scene().await?;
    let (last, open) = billed(&scene, "downloaded").await?;
    let number = last.name_any();
    let by_group = ["--group", "main", "--period", "last"];
    let csv = download(&scene, &[&[number.as_str(), "--format", "csv"]]).await?;
    assert_eq!(csv, download(&scene, &[&by_group, &["--format", "csv"]]).await?);
    assert!(csv.0 == ExitStatus::Ok && csv.1.starts_with("id,invoice,") && csv.1.contains(&number), "{csv:?}");
    let (_, json, said) = download(&scene, &[&[number.as_str(), "--format", "json"]]).await?;
    assert_eq!(serde_json::from_str::<Value>(&json)?, serde_json::to_value(document(&last)?)?);
    assert_eq!(said, "");

    let (ended, _, said) = download(&scene, &[&[&open.name_any(), "--format", "csv"]]).await?;
    assert_eq!(
        (ended, said),
        (ExitStatus::Ok, format!("invoice {} is an estimate and may still change\n", open.name_any()))
    );
    let path = folder("downloaded")?.join("invoice.csv");
    let file = path.display().to_string();
    let (_, printed, _) = download(&scene, &[&[&number, "--format", "csv", "-o", &file]]).await?;
    assert_eq!((printed.as_str(), fs::read_to_string(&path)?), ("", csv.1));

    let (ended, _, said) = download(&scene, &[&["nobody-1", "--format", "csv"]]).await?;
    assert!(ended == ExitStatus::Failed && said.contains("cannot get invoices downloaded/nobody-1"), "{said}");
    let (ended, _, said) = download(&scene, &[&["--group", "nobody", "--period", "last", "--format", "csv"]]).await?;
    assert!(
        ended == ExitStatus::Failed && said.contains("billing group nobody in namespace downloaded has no invoice"),
        "{said}"
    );
    Ok(())
}

/// How a download ended, what it printed, and what it said.
async fn download(scene: &Scene<'_>, arguments: &[&[&str]]) -> Result<(ExitStatus, String, String)> {
    let kubeconfig = scene.control_plane.kubeconfig(User::ClusterAdmin).display().to_string();
    let fixed = ["kubectl-billing", "invoice", "download", "-n", "downloaded", "--kubeconfig", &kubeconfig];
    let arguments = fixed.into_iter().chain(arguments.concat()).map(str::to_owned).collect();
    let (ended, stdout, stderr) = at_month_start(arguments).await?;
    let echo = |line: &&str| !line.starts_with("period ");
    Ok((ended, String::from_utf8(stdout)?, stderr.lines().filter(echo).map(|line| format!("{line}\n")).collect()))
}

/// Who may not read invoices gets none, and is told what to ask for.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_invoices_exports_none() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("unexported").await?;
    let folder = folder("rights")?;
    for scope in [&["-n", "unexported"][..], &["-A"]] {
        let arguments = [scope, &["--format", "csv", "--period", "last"]].concat();
        let Run { ended, stderr, .. } = export(&scene, User::Meter, &folder, &arguments).await?;
        assert_eq!(ended, ExitStatus::Failed);
        assert!(stderr.contains("cannot list invoices") && stderr.contains("billing-operator-viewer"), "{stderr}");
    }
    assert!(!folder.join("manifest.json").exists(), "nothing is exported");
    Ok(())
}
