//! `kubectl billing export` from a cluster into a folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use billing_api::{Invoice, InvoiceIssuer};
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
use crate::month::stage::{awaited, back, database, document, domain, final_of, make, terms, total, written};
use crate::support::command::{Run, run};
use crate::support::{LIMIT, Scene, World, open_month, wait};

/// Runs the export as a user, in a thread of its own: commands have a runtime of their own.
async fn export(scene: &Scene<'_>, user: User, folder: &Path, arguments: &[&str]) -> Result<Run> {
    let kubeconfig = scene.control_plane.kubeconfig(user).display().to_string();
    let folder = folder.display().to_string();
    let arguments = [&["export", "--kubeconfig", &kubeconfig, "-o", &folder], arguments].concat();
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
    let listing: Vec<_> = rules
        .iter()
        .filter(|rule| rule.resources.as_ref().is_some_and(|of| of.contains(&"invoices".to_owned())))
        .cloned()
        .collect();
    assert_eq!((rules.len(), listing.len()), (2, 1));
    let without: Vec<_> = rules.into_iter().filter(|rule| !listing.contains(rule)).collect();
    grant(&scene, "exported-job", &without).await?;
    let refused = async || {
        let Run { ended, stderr, .. } = export(&scene, User::Tenant, &folder, &arguments).await?;
        Ok((ended == ExitStatus::Failed && stderr.contains("cannot list invoices")).then_some(()))
    };
    wait("the tenant may no longer export", LIMIT, refused).await
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
