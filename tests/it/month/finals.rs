//! A final invoice survives everyone.

use billing_api::{Invoice, PaymentState};
use billing_test_harness::User;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::stage::{awaited, back, domain, final_of, is_final, terms, total};
use crate::{
    Result,
    chart::install::{NAMESPACE, RELEASE},
    support::{LIMIT, Scene, World, open_month, wait},
};

/// Who tries: a name for `kubectl`, and what is to be written before its command.
struct Actor {
    user: User,
    flags: Vec<String>,
}

/// What changes a final invoice, as arguments of `kubectl` after the name of the invoice.
fn changes() -> Vec<(&'static str, Value)> {
    vec![
        ("", json!({ "spec": { "period": "2020-01" } })),
        ("", json!({ "metadata": { "labels": { "billing-operator.io/period": "2020-01" } } })),
        ("", json!({ "metadata": { "labels": { "billing-operator.io/billing-group": null } } })),
        (
            "",
            json!({ "metadata": { "ownerReferences": [{ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "1" }] } }),
        ),
        ("", json!({ "metadata": { "finalizers": ["example.com/stuck"] } })),
        ("status", json!({ "status": { "phase": "Estimate" } })),
        ("status", json!({ "status": { "phase": null } })),
        ("status", json!({ "status": { "document": null } })),
        ("status", json!({ "status": { "document": { "total": "0.00" } } })),
        ("status", json!({ "status": { "document": { "buyer": { "displayName": "Somebody else" } } } })),
        ("status", json!({ "status": { "document": { "lines": [] } } })),
        ("status", json!({ "status": null })),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_invoice_survives_every_attempt_to_change_or_delete_it() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "finals", "finals-shop", "main").await?;
    scene.usage("finals", "domain", domain("finals-shop", back(1).start())).await?;
    scene.group("finals", "main", terms(json!({ "firstPeriod": back(1).to_string() }))).await?;
    let before = final_of(&scene, "finals", "main", back(1)).await?;
    let open = scene.wait_invoice("finals", "main", open_month(), "is there", |invoice| !is_final(invoice)).await?;
    grant(&scene)?;

    let number = before.name_any();
    for Actor { user, flags } in actors() {
        for (subresource, patch) in changes() {
            let mut args = vec!["patch".to_owned(), "invoice".into(), number.clone(), "--namespace=finals".into()];
            args.extend(flags.iter().cloned());
            args.extend(["--type=merge".to_owned(), format!("--patch={patch}")]);
            if !subresource.is_empty() {
                args.push(format!("--subresource={subresource}"));
            }
            refused(&scene, user, &args)?;
        }
        let mut args = vec!["delete".to_owned(), "invoice".into(), number.clone(), "--namespace=finals".into()];
        args.extend(flags.iter().cloned());
        args.push("--wait=false".into());
        refused(&scene, user, &args)?;
        args.extend(["--force".to_owned(), "--grace-period=0".into()]);
        refused(&scene, user, &args)?;
    }
    // Collections: estimates may go, and are made again; a final stays.
    for user in [User::Tenant, User::ClusterAdmin] {
        let path = "/apis/billing-operator.io/v1alpha1/namespaces/finals/invoices";
        let args = ["delete", "--raw", path].map(str::to_owned);
        refused(&scene, user, &args)?;
    }
    let after = final_of(&scene, "finals", "main", back(1)).await?;
    assert_eq!(after, before, "nothing of it changed");
    let again =
        scene.wait_invoice("finals", "main", open_month(), "is made again", |invoice| !is_final(invoice)).await?;
    assert_eq!(again.name_any(), open.name_any());
    Ok(())
}

/// Everybody, the operator itself included.
fn actors() -> Vec<Actor> {
    let operator = format!("--as=system:serviceaccount:{NAMESPACE}:{RELEASE}");
    let mut actors: Vec<_> = [User::Tenant, User::Provider, User::Finance, User::ClusterAdmin, User::Admin]
        .into_iter()
        .map(|user| Actor { user, flags: Vec::new() })
        .collect();
    // With the operator's name and a cluster admin's rights: no missing verb protects the invoice then.
    let flags = vec![operator, "--as-group=system:masters".into()];
    actors.push(Actor { user: User::Admin, flags });
    actors
}

/// Gives everybody the rights that they have in life, the tenant all of them in its namespaces.
fn grant(scene: &Scene<'_>) -> Result {
    let kubectl = |args: &[&str]| scene.control_plane.kubectl_ok(User::Admin, args);
    let everything =
        ["create", "rolebinding", "tenant", "--namespace=finals", "--clusterrole=cluster-admin", "--user=tenant"];
    kubectl(&everything)?;
    for user in [User::Provider, User::Finance] {
        let role = format!("--clusterrole={RELEASE}-{user}");
        kubectl(&["create", "clusterrolebinding", &format!("finals-{user}"), &role, &format!("--user={user}")])?;
    }
    Ok(())
}

/// Runs `kubectl`, which must be refused by the API server.
fn refused(scene: &Scene<'_>, user: User, args: &[String]) -> Result {
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let output = scene.control_plane.kubectl(user, &args)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let judged = said.contains("Forbidden")
        || said.contains("forbidden")
        || said.contains("Invalid")
        || said.contains("invalid");
    if output.status.success() || !judged {
        return Err(format!("{user} should have been refused: kubectl {}: {said}", args.join(" ")).into());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_recorded_by_who_may_settle_and_nothing_else_is() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "finals-paid", "finals-paid-shop", "main").await?;
    scene.usage("finals-paid", "domain", domain("finals-paid-shop", back(1).start())).await?;
    scene.group("finals-paid", "main", terms(json!({ "firstPeriod": back(1).to_string() }))).await?;
    let before = final_of(&scene, "finals-paid", "main", back(1)).await?;
    let estimate =
        scene.wait_invoice("finals-paid", "main", open_month(), "is there", |invoice| !is_final(invoice)).await?;
    let kubectl = |args: &[&str]| scene.control_plane.kubectl_ok(User::Admin, args);
    let role = format!("--clusterrole={RELEASE}-finance");
    kubectl(&["create", "clusterrolebinding", "finals-paid-finance", &role, "--user=finance"])?;
    kubectl(&[
        "create",
        "rolebinding",
        "tenant",
        "--namespace=finals-paid",
        "--clusterrole=cluster-admin",
        "--user=tenant",
    ])?;

    let paid = json!({ "state": "Paid", "at": "2026-01-02T03:04:05Z", "reference": "RF18" });
    let pay = |number: &str, status: Value| {
        vec![
            "patch".to_owned(),
            "invoice".into(),
            number.to_owned(),
            "--namespace=finals-paid".into(),
            "--subresource=status".into(),
            "--type=merge".into(),
            format!("--patch={}", json!({ "status": status })),
        ]
    };
    let number = before.name_any();
    refused(&scene, User::Tenant, &pay(&number, json!({ "payment": paid })))?;
    refused(&scene, User::Finance, &pay(&estimate.name_any(), json!({ "payment": paid })))?;
    refused(&scene, User::Finance, &pay(&number, json!({ "payment": paid, "conditions": [] })))?;
    refused(&scene, User::Finance, &pay(&number, json!({ "payment": paid, "document": { "total": "0.00" } })))?;
    refused(&scene, User::Finance, &pay(&number, json!({ "payment": { "state": "Forgotten" } })))?;
    let args = pay(&number, json!({ "payment": paid }));
    wait("finance may record the payment", LIMIT, async || {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        Ok(Some(scene.control_plane.kubectl_ok(User::Finance, &args)?))
    })
    .await?;

    let after: Invoice = scene.api("finals-paid").get(&number).await?;
    let (before, after) = (before.status.ok_or("a status")?, after.status.ok_or("a status")?);
    let payment = after.payment.ok_or("a payment")?;
    assert_eq!((payment.state, payment.reference.as_deref()), (PaymentState::Paid, Some("RF18")));
    assert_eq!((after.document, after.conditions), (before.document, before.conditions));
    // The operator goes on, and leaves it as it is.
    scene.usage("finals-paid", "next", domain("finals-paid-shop", open_month().start())).await?;
    scene.wait_invoice("finals-paid", "main", open_month(), "goes on", |invoice| total(invoice) == "12.50").await?;
    let last: Invoice = scene.api("finals-paid").get(&number).await?;
    assert_eq!(last.status.and_then(|status| status.payment), Some(payment));
    Ok(())
}
