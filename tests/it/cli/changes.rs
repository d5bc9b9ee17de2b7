//! Changes: tried, printed, guarded, refused.

use serde_json::{Value, json};

use super::{ORGANIZATION, billing, failed, ok, organization, project_of};
use crate::Result;
use crate::support::command::Run;
use crate::support::{Scene, World};
use billing_api::{BillingGroup, Invoice};
use kubectl_billing::ExitStatus;

/// An organization with a group and a project of its own.
async fn own(name: &str) -> Result<Scene<'static>> {
    let scene = World::shared().scene().await?;
    scene.organization(name).await?;
    scene
        .group(name, "main", json!({ "displayName": "Main", "company": "Acme", "vatId": "X1", "primary": true }))
        .await?;
    Ok(scene)
}

async fn group(scene: &Scene<'_>, organization: &str, name: &str) -> Result<BillingGroup> {
    Ok(scene.api::<BillingGroup>(organization).get(name).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_made_changed_cleared_and_copied() -> Result {
    let org = "cli-groups";
    let scene = own(org).await?;
    let create = [
        "group",
        "create",
        "shop",
        "--display-name",
        "Shop",
        "--copy-from",
        "main",
        "--country",
        "FI",
        "--city",
        "Oulu",
    ];
    // A manifest alone changes nothing.
    let manifest = ok(&scene, org, &[&create[..], &["--dry-run=client", "-o", "yaml"]].concat()).await?;
    let expected = json!({
        "apiVersion": "billing-operator.io/v1alpha1", "kind": "BillingGroup", "metadata": { "name": "shop", "namespace": org },
        "spec": {
            "displayName": "Shop", "company": "Acme", "vatId": "X1", "currency": "USD",
            "billingAddress": { "countryCode": "FI", "city": "Oulu" },
        },
    });
    assert_eq!(serde_saphyr::from_str::<Value>(&manifest)?, expected);
    assert_eq!(
        ok(&scene, org, &[&create[..], &["--dry-run=server"]].concat()).await?,
        "billinggroup.billing-operator.io/shop created (server dry run)\n"
    );
    assert!(scene.api::<BillingGroup>(org).get_opt("shop").await?.is_none(), "nothing is made by trying");

    assert_eq!(ok(&scene, org, &create).await?, "billinggroup.billing-operator.io/shop created\n");
    let (ended, said) = failed(&scene, org, &create).await?;
    assert_eq!(ended, ExitStatus::Refused);
    assert!(said.contains("already exists") && said.contains("choose another name"), "{said}");
    let Run { ended, stderr, .. } = billing(&scene, org, &[&create[..], &["--if-not-exists"]].concat()).await?;
    assert_eq!((ended, stderr.as_str()), (ExitStatus::Ok, "billing group shop exists already and stays as it is\n"));

    let update = ["group", "update", "shop", "--company", "Shop Ltd", "--clear", "vat-id", "--clear", "city"];
    let printed: Value = serde_json::from_str(&ok(&scene, org, &[&update[..], &["-o", "json"]].concat()).await?)?;
    let spec = group(&scene, org, "shop").await?.spec;
    assert_eq!(
        (spec.company.as_deref(), spec.vat_id, spec.display_name.as_deref()),
        (Some("Shop Ltd"), None, Some("Shop"))
    );
    let address = spec.billing_address.unwrap_or_default();
    assert_eq!((address.city, address.country_code.as_deref()), (None, Some("FI")));
    assert_eq!(printed["spec"]["company"], "Shop Ltd");
    assert!(printed.get("status").is_none() && printed["metadata"].get("uid").is_none(), "{printed}");
    let (ended, said) = failed(&scene, org, &["group", "update", "shop"]).await?;
    assert_eq!(ended, ExitStatus::Failed);
    assert!(said.contains("there is nothing to change"), "{said}");

    let Run { stderr, .. } = billing(&scene, org, &["group", "set-primary", "shop"]).await?;
    assert_eq!(stderr, "billing group main ceases to be primary\n");
    assert!(group(&scene, org, "shop").await?.spec.primary && !group(&scene, org, "main").await?.spec.primary);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_git_manages_is_changed_only_by_force() -> Result {
    let org = "cli-gitops";
    let scene = own(org).await?;
    let label = json!({ "metadata": { "labels": {
        "kustomize.toolkit.fluxcd.io/name": "acme", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" } } });
    scene.patch::<BillingGroup>(org, "main", label).await?;
    let rename = ["group", "rename", "main", "Renamed"];
    let Run { ended, stdout, stderr } = billing(&scene, org, &rename).await?;
    assert_eq!(ended, ExitStatus::Refused);
    assert!(
        stderr.contains("billinggroup.billing-operator.io/main comes from Flux's Kustomization flux-system/acme"),
        "{stderr}"
    );
    // The manifest for the repository, without what Flux wrote on it.
    let manifest: Value = serde_saphyr::from_str(&stdout)?;
    assert_eq!(
        (&manifest["spec"]["displayName"], &manifest["metadata"]),
        (&json!("Renamed"), &json!({ "name": "main", "namespace": org }))
    );
    assert_eq!(group(&scene, org, "main").await?.spec.display_name.as_deref(), Some("Main"));
    let (ended, _) = failed(&scene, org, &["group", "delete", "main"]).await?;
    assert_eq!(ended, ExitStatus::Refused);
    // To try is nothing behind anybody's back.
    let tried = billing(&scene, org, &[&rename[..], &["--dry-run=server"]].concat()).await?;
    assert_eq!(tried.ended, ExitStatus::Ok);
    assert!(tried.stderr.contains("comes from Flux"), "{}", tried.stderr);
    let forced = billing(&scene, org, &[&rename[..], &["--force"]].concat()).await?;
    assert!(forced.stderr.contains("it may be changed back from there"), "{}", forced.stderr);
    assert_eq!(group(&scene, org, "main").await?.spec.display_name.as_deref(), Some("Renamed"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_object_reason_and_remedy() -> Result {
    let scene = organization().await?;
    for (arguments, ended, said) in [
        (
            &["group", "get", "nobody"][..],
            ExitStatus::Failed,
            "cannot get billinggroups cli/nobody: billinggroups.billing-operator.io \"nobody\" not found; `kubectl billing group list -n cli` lists those that exist",
        ),
        (
            &["invoice", "get", "clia-9"],
            ExitStatus::Failed,
            "`kubectl billing invoice list -n cli` lists those that exist",
        ),
        (
            &["group", "create", "My_Group", "--dry-run=client"],
            ExitStatus::Failed,
            "for any other text there is --display-name",
        ),
        (&["group", "create", "new", "--payment-method", "BankTransfer"], ExitStatus::Ok, ""),
        (
            &["invoice", "pay", "clia-2", "--reference", "R1"],
            ExitStatus::Refused,
            "invoice clia-2 is an estimate: there is nothing to pay before it is final",
        ),
        (
            &["invoice", "pay", "clia-1", "--reference", "R1", "--at", "today"],
            ExitStatus::Failed,
            "write it in RFC 3339",
        ),
        (
            &["credit-note", "create", "clia-2", "--full", "--reason", "x"],
            ExitStatus::Refused,
            "only a final is credited",
        ),
        (
            &["credit-note", "create", "clia-1", "--line", "zz=1", "--reason", "x"],
            ExitStatus::Failed,
            "the invoice has no line \"zz\"",
        ),
        (
            &[
                "credit-note",
                "create",
                "clia-1",
                "--amount",
                "1",
                "--description",
                "x",
                "--tax",
                "S=24",
                "--reason",
                "x",
            ],
            ExitStatus::Failed,
            "the invoice has no tax \"S=24\"",
        ),
        (&["credit", "claim", "main", "short", "--dry-run=client"], ExitStatus::Refused, "code"),
        (&["invoice", "list", "--period", "sometime"], ExitStatus::Failed, "write it like 2026-10, or this, or last"),
        (&["group", "list", "--sort-by", "colour"], ExitStatus::Failed, "one of the columns NAME"),
        (
            &["group", "list", "--as", "nobody"],
            ExitStatus::Failed,
            "ask for the role billing-operator-viewer in namespace cli",
        ),
        (
            &["group", "create", "x", "--as", "nobody"],
            ExitStatus::Refused,
            "ask for the role billing-operator-organization-admin in namespace cli",
        ),
    ] {
        // The one that the API server would accept is only tried.
        let arguments =
            if ended == ExitStatus::Ok { [arguments, &["--dry-run=server"]].concat() } else { arguments.to_vec() };
        let Run { ended: end, stderr, .. } = billing(&scene, ORGANIZATION, &arguments).await?;
        assert_eq!(end, ended, "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_recorded_once() -> Result {
    let org = "cli-pay";
    let scene = World::shared().scene().await?;
    scene.organization(org).await?;
    scene.namespace("cli-pay-web", project_of(org)).await?;
    scene.bind("cli-pay-web", "main").await?;
    let month = crate::month::stage::back(1);
    scene.usage(org, "domain", crate::month::stage::domain("cli-pay-web", month.start())).await?;
    scene
        .group(org, "main", json!({ "terms": { "firstPeriod": month.to_string(), "invoiceSeries": "clipay" } }))
        .await?;
    crate::month::stage::final_of(&scene, org, "main", month).await?;
    let pay = |reference: &'static str| {
        ["invoice", "pay", "clipay-1", "--at", "2026-11-12T00:00:00Z", "--reference", reference]
    };
    let state = async || -> Result<Value> {
        let invoice: Invoice = scene.api(org).get("clipay-1").await?;
        Ok(json!(invoice.status.and_then(|status| status.payment)))
    };
    let manifest: Value = serde_json::from_str(
        &ok(&scene, org, &[&pay("RF18")[..], &["--dry-run=server", "-o", "json"]].concat()).await?,
    )?;
    assert_eq!(manifest["status"]["payment"]["reference"], "RF18");
    assert_eq!(state().await?["state"], "Due");
    ok(&scene, org, &pay("RF18")).await?;
    assert_eq!(state().await?, json!({ "state": "Paid", "at": "2026-11-12T00:00:00Z", "reference": "RF18" }));
    // The same again is done already; another one would overwrite who paid.
    assert!(billing(&scene, org, &pay("RF18")).await?.stderr.contains("is paid with this reference already"));
    let (ended, said) = failed(&scene, org, &pay("RF19")).await?;
    assert_eq!(ended, ExitStatus::Refused);
    assert!(said.contains("is paid already, with the reference \"RF18\"; --force corrects that"), "{said}");
    ok(&scene, org, &[&pay("RF19")[..], &["--force"]].concat()).await?;
    assert_eq!(state().await?["reference"], "RF19");

    // A part of it is taken back: of the one line, by the beginning of its id.
    let invoice: Value = serde_json::from_str(&ok(&scene, org, &["invoice", "get", "clipay-1", "-o", "json"]).await?)?;
    let id = invoice["status"]["document"]["lines"][0]["id"].as_str().unwrap_or_default().to_owned();
    let line = format!("{}=2.50", &id[..6]);
    let note = ["credit-note", "create", "clipay-1", "--line", &line, "--reason", "Outage"];
    let made = ok(&scene, org, &note).await?;
    assert!(made.starts_with("creditnote.billing-operator.io/clipay-1-") && made.ends_with(" created\n"), "{made}");
    let (ended, said) = failed(&scene, org, &note).await?;
    assert_eq!(ended, ExitStatus::Refused);
    assert!(said.contains("already exists"), "{said}");
    scene
        .wait_object(org, "clipay-1", "is credited", |invoice: &Invoice| {
            let credited = invoice.status.as_ref().and_then(|status| status.credited.as_ref());
            credited.is_some_and(|credited| &*credited.total == "2.50")
        })
        .await?;
    Ok(())
}
