//! What the chart renders under a matrix of values. No cluster.

use std::collections::BTreeSet;

use billing_operator::settings::Settings;
use clap::{Args, Command};
use serde_json::{Value, json};

use super::{
    install::{CHART, NAMESPACE, said},
    rendered::{EVERYTHING, Rendered, helm, template},
};
use crate::Result;

/// The kinds of the default values.
const KINDS: [&str; 11] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Deployment",
    "Role",
    "RoleBinding",
    "Service",
    "ServiceAccount",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "NetworkPolicy",
];

#[test]
fn the_chart_has_no_faults_that_helm_knows() -> Result {
    for values in [&[][..], &["--values", EVERYTHING]] {
        let args = [&["lint", "--strict", CHART], values].concat();
        let output = helm(&args)?;
        assert!(output.status.success(), "{}", said(&output));
    }
    Ok(())
}

#[test]
fn what_is_optional_is_off_by_default() -> Result {
    let (default, everything) = (Rendered::with(&[], &[])?, Rendered::with(&[EVERYTHING], &[])?);
    let always: BTreeSet<_> = KINDS.into_iter().collect();
    assert_eq!(default.kinds(), always);
    let more: BTreeSet<_> = everything.kinds().difference(&always).copied().collect();
    assert_eq!(more, BTreeSet::from(["ConfigMap", "CronJob", "PrometheusRule", "ServiceMonitor"]));
    Ok(())
}

#[test]
fn what_is_owed_is_closed_to_all_but_those_who_are_named() -> Result {
    let rendered = Rendered::with(&[], &[])?;
    let policy = &rendered.operators("NetworkPolicy")?["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress"]), "it keeps the operator from nobody");
    assert_eq!(
        policy["ingress"],
        json!([{ "ports": [{ "protocol": "TCP", "port": "http" }] }]),
        "probes and metrics are open"
    );
    let everything = Rendered::with(&[EVERYTHING], &[])?;
    let policy = &everything.operators("NetworkPolicy")?["spec"];
    let finance = json!([{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "finance" } } }]);
    assert_eq!(policy["ingress"][1], json!({ "ports": [{ "protocol": "TCP", "port": "finance" }], "from": finance }));
    let api_server = json!([{ "protocol": "TCP", "port": 443 }, { "protocol": "TCP", "port": 8443 }]);
    assert_eq!((&policy["policyTypes"], &policy["egress"][0]["ports"]), (&json!(["Ingress", "Egress"]), &api_server));
    let monitor = &everything.operators("ServiceMonitor")?["spec"]["endpoints"];
    assert_eq!(monitor[1]["port"], "finance");
    assert_eq!(Rendered::with(&[], &["networkPolicy.enabled=false"])?.all("NetworkPolicy").count(), 0);
    Ok(())
}

#[test]
fn each_part_can_be_left_out() -> Result {
    for (value, kind) in [
        ("crds.install=false", "CustomResourceDefinition"),
        ("policies.install=false", "ValidatingAdmissionPolicy"),
        ("policies.install=false", "ValidatingAdmissionPolicyBinding"),
    ] {
        assert_eq!(Rendered::with(&[], &[value])?.all(kind).count(), 0, "{value}");
    }
    let roles = |values: &[&str]| -> Result<BTreeSet<String>> {
        let rendered = Rendered::with(&[], values)?;
        Ok(rendered.all("ClusterRole").filter_map(|role| Some(role["metadata"]["name"].as_str()?.to_owned())).collect())
    };
    assert_eq!(
        roles(&["roles.create=false"])?,
        ["billing-operator", "billing-operator-probe"].map(str::to_owned).into()
    );
    let people = [
        "organization-admin",
        "project-admin",
        "viewer",
        "provider",
        "meter",
        "remote-meter",
        "retention",
        "finance",
        "platform",
    ];
    for role in people {
        assert!(roles(&[])?.contains(&format!("billing-operator-{role}")), "{role}");
    }
    Ok(())
}

#[test]
fn roles_for_namespaces_ride_on_the_usual_ones_unless_that_is_off() -> Result {
    let aggregated = |values: &[&str]| -> Result<Vec<String>> {
        let rendered = Rendered::with(&[], values)?;
        let label = |role: &Value| {
            let labels = role["metadata"]["labels"].as_object()?;
            let to = labels.keys().find_map(|key| key.strip_prefix("rbac.authorization.k8s.io/aggregate-to-"))?;
            Some(format!("{} to {to}", role["metadata"]["name"].as_str()?))
        };
        Ok(rendered.all("ClusterRole").filter_map(label).collect())
    };
    let expected = [
        "billing-operator-organization-admin to admin",
        "billing-operator-project-admin to admin",
        "billing-operator-viewer to view",
    ];
    assert_eq!(aggregated(&[])?, expected);
    assert_eq!(aggregated(&["roles.aggregate=false"])?, Vec::<String>::new());
    Ok(())
}

#[test]
fn definitions_and_policies_outlive_the_release() -> Result {
    let rendered = Rendered::with(&[], &[])?;
    let mut kept = 0;
    for kind in ["CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] {
        for object in rendered.all(kind) {
            assert_eq!(object["metadata"]["annotations"]["helm.sh/resource-policy"], "keep", "{kind}");
            kept += 1;
        }
    }
    assert_eq!(kept, 16 + 14 + 14);
    Ok(())
}

#[test]
fn each_policy_denies_and_fails_closed() -> Result {
    let rendered = Rendered::with(&[], &[])?;
    for policy in rendered.all("ValidatingAdmissionPolicy") {
        let name = policy["metadata"]["name"].as_str().unwrap_or_default();
        assert_eq!(policy["spec"]["failurePolicy"], "Fail", "{name}");
        let binding = &rendered.named("ValidatingAdmissionPolicyBinding", name)?["spec"];
        assert_eq!(*binding, json!({"policyName": name, "validationActions": ["Deny"]}));
        // A collection is deleted without a name, and parameters are stale for a while.
        assert!(!policy.to_string().contains("resourceNames") && !policy.to_string().contains("paramKind"), "{name}");
    }
    Ok(())
}

#[test]
fn the_policies_know_the_operator_by_the_account_that_it_runs_as() -> Result {
    for values in [&[][..], &["serviceAccount.name=bookkeeper"], &["fullnameOverride=billing"]] {
        let rendered = Rendered::with(&[], values)?;
        let pod = &rendered.operators("Deployment")?["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().unwrap_or_default();
        rendered.named("ServiceAccount", account)?;
        let user = format!("request.userInfo.username == 'system:serviceaccount:{NAMESPACE}:{account}'");
        let mut asking = 0;
        let probe = rendered.named("ValidatingAdmissionPolicy", "billing-operator-probe")?;
        let asked =
            format!("request.userInfo.username == 'system:serviceaccount:{NAMESPACE}:{}'", probe_name(&rendered)?);
        assert_eq!(probe.to_string().matches(&asked).count(), 1, "{values:?}");
        for policy in rendered.all("ValidatingAdmissionPolicy").filter(|policy| *policy != probe) {
            let mentions = policy.to_string().matches("request.userInfo").count();
            assert_eq!(policy.to_string().matches(&user).count(), mentions, "{values:?}");
            asking += mentions;
        }
        assert_eq!(
            asking, 7,
            "billinggroup, billingperiod, credit, invoice, metadata, operator and projectbinding ask who it is"
        );
        let bound = &rendered.named("ClusterRoleBinding", rendered_name(&rendered)?)?["subjects"][0]["name"];
        assert_eq!(bound, account);
    }
    Ok(())
}

/// The account that the operator impersonates.
fn probe_name(rendered: &Rendered) -> Result<&str> {
    let mut accounts = rendered.all("ServiceAccount").filter_map(|account| account["metadata"]["name"].as_str());
    Ok(accounts.find(|name| name.ends_with("-probe")).ok_or("no account of the probe")?)
}

fn rendered_name(rendered: &Rendered) -> Result<&str> {
    Ok(rendered.operators("Deployment")?["metadata"]["name"].as_str().ok_or("no name")?)
}

#[test]
fn one_operator_runs_with_as_little_as_it_needs() -> Result {
    let rendered = Rendered::with(&[], &[])?;
    let spec = &rendered.operators("Deployment")?["spec"];
    assert_eq!((&spec["replicas"], &spec["strategy"]), (&json!(1), &json!({"type": "Recreate"})));
    let container = &spec["template"]["spec"]["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
    assert!(container["resources"]["requests"]["memory"].is_string());
    assert!(container["resources"]["limits"]["memory"].is_string());
    Ok(())
}

/// Clusters that give each namespace a range of users refuse all others, and the image names one.
#[test]
fn no_user_is_forced_on_a_pod_but_by_its_values() -> Result {
    let security = |rendered: &Rendered| -> Result<(Value, Value)> {
        let operator = &rendered.operators("Deployment")?["spec"]["template"]["spec"]["securityContext"];
        let export = &rendered.only("CronJob")?["spec"]["jobTemplate"]["spec"]["template"]["spec"]["securityContext"];
        Ok((operator.clone(), export.clone()))
    };
    let exports = ["export.enabled=true", "export.volume.emptyDir.medium=Memory"];
    let (operator, export) = security(&Rendered::with(&[], &exports)?)?;
    let expected = json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } });
    assert_eq!(operator, expected);
    // Who writes into a volume needs a group, unless the cluster gives it one.
    let mut with_group = expected.clone();
    with_group["fsGroup"] = json!(65532);
    assert_eq!(export, with_group);
    let without = [&exports[..], &["export.podSecurityContext.fsGroup=null"]].concat();
    assert_eq!(security(&Rendered::with(&[], &without)?)?, (expected.clone(), expected));

    let (operator, export) = security(&Rendered::with(&[EVERYTHING], &[])?)?;
    assert_eq!((&operator["runAsUser"], &operator["supplementalGroups"]), (&json!(1_000_690_000), &json!([4711])));
    assert_eq!(export, operator);
    Ok(())
}

#[test]
fn a_pod_has_what_else_its_values_say() -> Result {
    let rendered = Rendered::with(&[EVERYTHING], &[])?;
    let deployment = &rendered.operators("Deployment")?["spec"];
    let pod = &deployment["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!((&deployment["replicas"], &deployment["revisionHistoryLimit"]), (&json!(0), &json!(2)));
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["priorityClassName"], "system-cluster-critical");
    assert_eq!(pod["topologySpreadConstraints"][0]["topologyKey"], "zone");
    let token = &pod["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
    assert_eq!(token["expirationSeconds"], 3_600_000, "a large number stays one");
    assert_eq!(container["volumeMounts"][0]["name"], pod["volumes"][0]["name"]);
    assert_eq!(container["args"], json!(["--concurrency=8"]));
    settings().try_get_matches_from(["billing-operator", "--concurrency=8"])?;
    let variables = container["env"].as_array().ok_or("no environment")?;
    assert!(variables.contains(&json!({ "name": "BILLING_OPERATOR_CALL_TIMEOUT", "value": "30s" })));
    assert_eq!(container["securityContext"]["privileged"], false);
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "beside what the chart says");
    let job = &rendered.only("CronJob")?["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(job["automountServiceAccountToken"], false);

    // Nobody but these pods gets a token of their accounts.
    let default = Rendered::with(&[], &["export.enabled=true", "export.volume.emptyDir.medium=Memory"])?;
    let job = &default.only("CronJob")?["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    for pod in [&default.operators("Deployment")?["spec"]["template"]["spec"], job] {
        assert_eq!(pod["automountServiceAccountToken"], true);
    }
    let mut accounts = default.all("ServiceAccount");
    assert!(accounts.all(|account| account["automountServiceAccountToken"] == false));
    Ok(())
}

#[test]
fn every_object_has_the_labels_and_annotations_that_all_are_to_have() -> Result {
    let values = ["commonLabels.example\\.com/team=finance", "commonLabels.app\\.kubernetes\\.io/name=mine"];
    let rendered = Rendered::with(&[EVERYTHING], &values)?;
    for object in rendered.objects() {
        let metadata = &object["metadata"];
        let (kind, labels) = (&object["kind"], &metadata["labels"]);
        assert_eq!(labels["example.com/cost-center"], "4711", "{kind}");
        assert_eq!(labels["example.com/team"], "finance", "{kind}");
        assert_eq!(metadata["annotations"]["example.com/owner"], "finance", "{kind}");
        let name = labels["app.kubernetes.io/name"].as_str().unwrap_or_default();
        assert!(name.starts_with("billing-operator"), "{kind}: the chart's own labels stay");
    }
    let pod = &rendered.operators("Deployment")?["spec"]["template"]["metadata"];
    assert_eq!((&pod["labels"]["team"], &pod["labels"]["example.com/team"]), (&json!("finance"), &json!("finance")));
    assert_eq!(pod["annotations"], json!({ "example.com/owner": "finance", "example.com/team": "finance" }));
    // What others call a pod keeps it in reach of the Service.
    let selected = Rendered::with(&[], &["podLabels.app\\.kubernetes\\.io/name=mine"])?;
    let pod = &selected.operators("Deployment")?["spec"]["template"]["metadata"]["labels"];
    assert_eq!(pod["app.kubernetes.io/name"], "billing-operator");
    Ok(())
}

#[test]
fn the_operators_role_has_no_wildcard_and_no_custom_verb_but_use() -> Result {
    let rendered = Rendered::with(&[], &[])?;
    let ordinary = ["get", "list", "watch", "create", "update", "patch", "delete", "use"];
    for rule in rendered.named("ClusterRole", "billing-operator")?["rules"].as_array().ok_or("no rules")? {
        for verb in rule["verbs"].as_array().into_iter().flatten() {
            assert!(verb.as_str().is_some_and(|verb| ordinary.contains(&verb)), "{rule}");
        }
        assert!(!rule.to_string().contains('*'), "{rule}");
    }
    Ok(())
}

#[test]
fn an_image_is_named_by_its_digest_its_tag_or_the_charts_version() -> Result {
    let image = |values: &[&str]| -> Result<String> {
        let rendered = Rendered::with(&[], values)?;
        let container = &rendered.operators("Deployment")?["spec"]["template"]["spec"]["containers"][0];
        Ok(container["image"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(image(&[])?, concat!("billing-operator:", env!("CARGO_PKG_VERSION")));
    assert_eq!(image(&["image.tag=1.2.3"])?, "billing-operator:1.2.3");
    let digest = format!("image.digest=sha256:{}", "0".repeat(64));
    assert_eq!(image(&["image.tag=1.2.3", &digest])?, format!("billing-operator@sha256:{}", "0".repeat(64)));
    Ok(())
}

/// The operator's settings as clap knows them.
fn settings() -> Command {
    Settings::augment_args(Command::new("billing-operator"))
}

/// The flag that an environment variable stands for.
fn flag_of(variable: &str) -> Option<String> {
    let command = settings();
    let argument = command.get_arguments().find(|it| it.get_env().is_some_and(|env| env == variable))?;
    argument.get_long().map(|long| format!("--{long}"))
}

#[test]
fn what_the_chart_sets_the_operator_understands() -> Result {
    for files in [&[][..], &[EVERYTHING]] {
        let mut arguments = vec!["billing-operator".to_owned()];
        for (variable, value) in Rendered::with(files, &[])?.environment()? {
            let flag = flag_of(&variable).ok_or_else(|| format!("the operator does not read {variable}"))?;
            arguments.extend([flag, value.unwrap_or_else(|| NAMESPACE.to_owned())]);
        }
        settings().try_get_matches_from(&arguments).map_err(|error| format!("{arguments:?}: {error}"))?;
    }
    Ok(())
}

#[test]
fn how_months_are_billed_can_be_set_by_values_and_is_the_same_by_default() -> Result {
    let environment = Rendered::with(&[], &[])?.environment()?;
    let billing = settings();
    let billing = billing.get_arguments().filter(|it| it.get_help_heading() == Some("Billing"));
    for argument in billing {
        let variable = argument.get_env().ok_or("a setting without a variable")?.to_string_lossy().into_owned();
        let set = environment.iter().find(|(name, _)| *name == variable).and_then(|(_, value)| value.clone());
        let default = argument.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
        assert_eq!(set, default, "{variable}");
    }
    Ok(())
}

#[test]
fn values_that_make_no_sense_are_refused() -> Result {
    for (value, word) in [
        ("operator.attribution=monthly", "attribution"),
        ("operator.hours=floor", "hours"),
        ("operator.defaultBinding=on", "defaultBinding"),
        ("operator.settleTime=soon", "settleTime"),
        ("operator.finalise=maybe", "finalise"),
        ("operator.finalize=false", "finalize"),
        ("replicas=2", "replicas"),
        ("revisionHistoryLimit=-1", "revisionHistoryLimit"),
        ("commonLabels.team=4711", "commonLabels"),
        ("extraArgs={run}", "extraArgs"),
        ("extraEnv[0].value=x", "extraEnv"),
        ("enabled=yes", "enabled"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        ("image.digest=latest", "digest"),
        ("metrics.port=0", "port"),
        ("metrics.dashboard.enabled=perhaps", "enabled"),
        ("metrics.prometheusRule.runbookUrl=1", "runbookUrl"),
        ("crds.install=yes", "install"),
        ("fullnameOverride=Billing", "fullnameOverride"),
        ("export.format=xlsx", "format"),
        ("export.schedule=daily", "schedule"),
        ("export.period=always", "period"),
        ("export.enabled=true", "export.volume must say where the files go"),
    ] {
        let output = template(&[], &[value])?;
        assert!(!output.status.success(), "{value} was accepted");
        assert!(said(&output).contains(word), "{value}: {}", said(&output));
    }
    Ok(())
}
