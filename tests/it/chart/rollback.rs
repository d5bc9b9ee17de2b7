//! Going back to an older release: what it leaves, and what it must not lose.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use billing_test_harness::{ControlPlane, Options, User, wait_until};
use serde_json::{Value, json};

use super::{
    copies,
    install::{self, CHART, NAMESPACE, RELEASE, said},
};
use crate::Result;

/// Enough for anything here on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// The operator, by the name that the policies know.
const OPERATOR: &str = "--as=system:serviceaccount:billing-system:billing-operator";

/// An organization, and the number of an invoice of it.
const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: acme, labels: {billing-operator.io/organization: acme}}
";

/// A copy of the chart as a later release has it: with a field in documents that is not there yet.
fn later_chart(name: &str, schema: u32) -> Result<PathBuf> {
    let chart = copies::folder(name)?;
    copies::copy_chart(&chart)?;
    let metadata = fs::read_to_string(chart.join("Chart.yaml"))?;
    fs::write(chart.join("Chart.yaml"), metadata.replace("ersion: 0.1.0", "ersion: 9.0.0"))?;
    let file = chart.join("files/crds/invoices.yaml");
    let mut definition: Value = serde_saphyr::from_str(&fs::read_to_string(&file)?)?;
    definition["metadata"]["annotations"]["billing-operator.io/schema"] = json!(schema.to_string());
    let document = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/document/properties";
    let properties = definition.pointer_mut(document).ok_or("no document")?;
    properties["fieldOfTheFuture"] = json!({ "type": "string", "maxLength": 16 });
    fs::write(&file, serde_saphyr::to_string(&definition)?)?;
    Ok(chart)
}

fn helm(control_plane: &ControlPlane, command: &str, chart: &Path, more: &[&str]) -> Result<String> {
    let (chart, namespace) = (chart.to_string_lossy(), format!("--namespace={NAMESPACE}"));
    let args = [&[command, RELEASE, &*chart, &namespace, "--create-namespace"], more].concat();
    let args =
        if command == "upgrade" { args.into_iter().filter(|arg| *arg != "--create-namespace").collect() } else { args };
    Ok(install::helm(control_plane, &args)?)
}

fn helm_rollback(control_plane: &ControlPlane, revision: &str) -> Result {
    install::helm(control_plane, &["rollback", RELEASE, revision, &format!("--namespace={NAMESPACE}")])?;
    Ok(())
}

/// Makes a final invoice that says something which only the later release knows, and answers with its document.
fn make_final(control_plane: &ControlPlane, sequence: u32) -> Result<Value> {
    let (number, month) = (format!("aaaaa-{sequence}"), format!("2026-0{sequence}"));
    let invoice = json!({
        "apiVersion": "billing-operator.io/v1alpha1", "kind": "Invoice",
        "metadata": { "name": number, "namespace": "acme" },
        "spec": {
            "billingGroup": "main", "billingGroupUID": "11111111-1111-4111-8111-111111111111", "period": month,
            "series": "aaaaa", "sequence": sequence,
        },
    });
    let (start, end) = (format!("{month}-01T00:00:00Z"), format!("2026-0{}-01T00:00:00Z", sequence + 1));
    let document = json!({
        "number": number, "issuedAt": end, "attribution": "MonthEnd", "currency": "USD",
        "period": { "start": start, "end": end }, "fieldOfTheFuture": "kept",
        "seller": { "legalName": "Example" }, "buyer": { "billingGroup": "main", "paymentMethod": "Card" },
        "lines": [{ "id": "a", "type": "ServiceCharge", "description": "db", "total": "12.50" }],
        "subtotal": "12.50", "tax": "0.00", "total": "12.50", "digest": "sha256:1",
    });
    let status = json!({ "phase": "Final", "payment": { "state": "Due" }, "document": document });
    let create = || {
        let args = ["create", OPERATOR, "--filename=-"];
        let output = control_plane.kubectl_with(User::Admin, &args, &invoice.to_string()).ok()?;
        (output.status.success() || said(&output).contains("AlreadyExists")).then_some(())
    };
    wait_until("the invoice is made", LIMIT, create)?;
    let mut made = get(control_plane, &["invoice", &number, "--namespace=acme"])?;
    made["status"] = status;
    let path = format!("/apis/billing-operator.io/v1alpha1/namespaces/acme/invoices/{number}/status");
    let args = ["replace", OPERATOR, "--raw", &path, "--filename=-"];
    let output = control_plane.kubectl_with(User::Admin, &args, &made.to_string())?;
    if output.status.success() { stored(control_plane, &number) } else { Err(said(&output).into()) }
}

/// The document of an invoice, as it is stored.
fn stored(control_plane: &ControlPlane, number: &str) -> Result<Value> {
    Ok(get(control_plane, &["invoice", number, "--namespace=acme"])?["status"]["document"].clone())
}

/// Finance records a payment, which writes the whole object; what the document then says.
fn pay(control_plane: &ControlPlane, number: &str, reference: &str) -> Result<Value> {
    let payment = json!({ "state": "Paid", "at": "2026-11-01T00:00:00Z", "reference": reference });
    let patch = format!("--patch={}", json!({ "status": { "payment": payment } }));
    let args = ["patch", "invoice", number, "--namespace=acme", "--subresource=status", "--type=merge", &patch];
    control_plane.kubectl_ok(User::ClusterAdmin, &args)?;
    stored(control_plane, number)
}

fn get(control_plane: &ControlPlane, args: &[&str]) -> Result<Value> {
    let text = control_plane.kubectl_ok(User::Admin, &[&["get", "--output=json"], args].concat())?;
    Ok(serde_json::from_str(&text)?)
}

/// The image of the operator, and the schema number of invoices.
fn installed(control_plane: &ControlPlane) -> Result<(String, String)> {
    let deployment = get(control_plane, &["deployment", RELEASE, &format!("--namespace={NAMESPACE}")])?;
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    let definition = get(control_plane, &["customresourcedefinition", "invoices.billing-operator.io"])?;
    let schema = &definition["metadata"]["annotations"]["billing-operator.io/schema"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok((text(image), text(schema)))
}

/// Whether the definition of invoices knows the field that only the later release has.
fn knows_the_field(control_plane: &ControlPlane) -> Result<bool> {
    let definition = get(control_plane, &["customresourcedefinition", "invoices.billing-operator.io"])?;
    Ok(definition.to_string().contains("fieldOfTheFuture"))
}

fn policies(control_plane: &ControlPlane) -> Result<Value> {
    let ours = "--selector=app.kubernetes.io/name=billing-operator";
    let policies = get(control_plane, &["validatingadmissionpolicies", ours])?;
    let spec = |policy: &Value| json!({ "name": policy["metadata"]["name"], "spec": policy["spec"] });
    Ok(policies["items"].as_array().ok_or("no list")?.iter().map(spec).collect())
}

#[test]
fn an_older_release_comes_back_whole_or_as_a_program_alone_and_finals_stay() -> Result {
    let control_plane = ControlPlane::start(&Options { controller_manager: true, ..Options::default() })?;
    let older = Path::new(CHART);

    // Within a schema number everything goes back: the older definition keeps what it does not know.
    helm(&control_plane, "install", &later_chart("same-schema", 1)?, &[])?;
    wait_until("the definitions are served", LIMIT, || control_plane.apply(User::ClusterAdmin, OBJECTS).ok())?;
    let first = make_final(&control_plane, 1)?;
    assert_eq!(first["fieldOfTheFuture"], "kept");
    helm(&control_plane, "upgrade", older, &[])?;
    assert_eq!(installed(&control_plane)?, ("billing-operator:0.1.0".to_owned(), "1".to_owned()));
    wait_until("the older definition is there", LIMIT, || (!knows_the_field(&control_plane).ok()?).then_some(()))?;
    assert_eq!(pay(&control_plane, "aaaaa-1", "RF18")?, first);
    // There and back again, by Helm's own way.
    for (revision, knows) in [("1", true), ("2", false)] {
        helm_rollback(&control_plane, revision)?;
        let is_there = || (knows_the_field(&control_plane).ok()? == knows).then_some(());
        wait_until("the definition is there", LIMIT, is_there)?;
        assert_eq!(stored(&control_plane, "aaaaa-1")?, first);
    }

    // Beyond it the definitions stay, and the refusal says what to do.
    let later = later_chart("next-schema", 2)?;
    helm(&control_plane, "upgrade", &later, &[])?;
    let second = make_final(&control_plane, 2)?;
    let guarded = policies(&control_plane)?;
    let refused = helm(&control_plane, "upgrade", older, &[]).err().ok_or("the older definitions were installed")?;
    let remedy = "helm upgrade <release> <older chart> --set crds.install=false,policies.install=false";
    assert!(
        refused.to_string().contains("invoices.billing-operator.io has schema 2 and cannot go back to 1"),
        "{refused}"
    );
    assert!(refused.to_string().contains(remedy), "{refused}");
    assert_eq!(installed(&control_plane)?.1, "2");

    helm(&control_plane, "upgrade", older, &["--set", "crds.install=false,policies.install=false"])?;
    assert_eq!(installed(&control_plane)?, ("billing-operator:0.1.0".to_owned(), "2".to_owned()));
    assert!(knows_the_field(&control_plane)?);
    assert_eq!(policies(&control_plane)?, guarded, "the policies are those of the later release");
    assert_eq!(pay(&control_plane, "aaaaa-2", "RF19")?, second);

    // And forward again.
    helm(&control_plane, "upgrade", &later, &["--set", "crds.install=true,policies.install=true"])?;
    assert_eq!(installed(&control_plane)?, ("billing-operator:9.0.0".to_owned(), "2".to_owned()));
    assert_eq!(stored(&control_plane, "aaaaa-1")?, first);
    assert_eq!(stored(&control_plane, "aaaaa-2")?, second);
    Ok(())
}
