//! Values that are null, or absent because they are those of an older chart.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Mutex, thread};

use serde_json::{Value, json};

use super::{
    copies,
    install::{CHART, NAMESPACE, RELEASE, said},
    rendered::{Rendered, helm},
};
use crate::Result;

/// What a release keeps that was installed with an older chart.
pub const OLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/chart/older-values.yaml");

/// Within these, null takes a default away.
const THE_USERS_OWN: [&str; 3] = ["resources", "podSecurityContext", "securityContext"];

/// The values of the chart.
pub fn defaults() -> Result<Value> {
    Ok(serde_saphyr::from_str(&fs::read_to_string(format!("{CHART}/values.yaml"))?)?)
}

/// The paths of all values, blocks before what is in them.
fn paths(values: &Value, above: &[String]) -> Vec<Vec<String>> {
    let within = |(name, value): (&String, &Value)| {
        let path: Vec<_> = above.iter().cloned().chain([name.clone()]).collect();
        let below = paths(value, &path);
        [vec![path], below].concat()
    };
    values.as_object().into_iter().flatten().flat_map(within).collect()
}

fn pointer(path: &[String]) -> String {
    path.iter().map(|name| format!("/{name}")).collect()
}

/// The values with which the chart makes everything that it can: whatever has a switch is switched on.
fn everything_on(defaults: &Value) -> Value {
    // Of definitions and policies nothing depends on other values, and they are long.
    let mut values = json!({
        "export": { "volume": { "persistentVolumeClaim": { "claimName": "invoices" } } },
        "crds": { "install": false }, "policies": { "install": false },
    });
    for path in paths(defaults, &[]) {
        if defaults.pointer(&pointer(&path)) == Some(&json!(false)) && path.last().is_some_and(|name| name == "enabled")
        {
            set(&mut values, &path, json!(true));
        }
    }
    values
}

fn set(values: &mut Value, path: &[String], value: Value) {
    let mut at = values;
    for name in path {
        at = &mut at[name.as_str()];
    }
    *at = value;
}

fn remove(values: &mut Value, path: &[String]) {
    let Some((last, above)) = path.split_last() else { return };
    if let Some(Value::Object(fields)) = values.pointer_mut(&pointer(above)) {
        fields.remove(last);
    }
}

/// The text that Helm makes of values, or what it says.
type Made = Result<String, String>;

/// What the chart makes of values, in a file because `--set` has other types.
fn made(name: &str, values: &Value) -> Result<Made> {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("values-{name}.json"));
    fs::write(&file, values.to_string())?;
    let namespace = format!("--namespace={NAMESPACE}");
    let output = helm(&["template", RELEASE, CHART, &namespace, "--values", &file.to_string_lossy()])?;
    if output.status.success() { Ok(Ok(String::from_utf8(output.stdout)?)) } else { Ok(Err(said(&output))) }
}

/// Whether a null is anywhere in what was made.
fn has_null(made: &str) -> Result<bool> {
    fn is_in(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Object(fields) => fields.values().any(is_in),
            Value::Array(items) => items.iter().any(is_in),
            _ => false,
        }
    }
    let objects: Vec<Value> = serde_saphyr::from_multiple(made)?;
    Ok(objects.iter().filter(|object| !object.is_null()).any(is_in))
}

/// What is wrong when a value is null, if something is; `expected` is what comes of it when it is absent.
fn judge(path: &[String], on: &Value, expected: &Made, worker: usize) -> Result<Option<String>> {
    let mut values = on.clone();
    set(&mut values, path, Value::Null);
    let found = made(&format!("null-{worker}"), &values)?;
    let own = path.iter().rev().skip(1).any(|name| THE_USERS_OWN.contains(&name.as_str()));
    let wrong = match &found {
        Err(said) if found != *expected => said.clone(),
        Ok(_) if own && found == *expected => "the default is there".to_owned(),
        Ok(text) if own && has_null(text)? => "something is null in what is made".to_owned(),
        Ok(_) if !own && found != *expected => "not what the default makes".to_owned(),
        _ => return Ok(None),
    };
    Ok(Some(format!("{}=null: {wrong}", path.join("."))))
}

#[test]
fn a_value_that_is_null_has_its_default() -> Result {
    let defaults = defaults()?;
    let on = everything_on(&defaults);
    let all = paths(&defaults, &[]);
    assert!(all.len() > 90, "{all:?}");
    let all_on = made("on", &on)??;
    assert!(all_on.contains("kind: CronJob") && all_on.contains("kind: PrometheusRule") && !has_null(&all_on)?);

    // Without a value that we set there is its default, too.
    let mut expected: BTreeMap<String, Made> = BTreeMap::new();
    for path in &all {
        let mut values = on.clone();
        remove(&mut values, path);
        if let std::collections::btree_map::Entry::Vacant(vacant) = expected.entry(values.to_string()) {
            vacant.insert(made("absent", &values)?);
        }
    }
    let faults = Mutex::new(Vec::new());
    let workers = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        for worker in 0..workers {
            let (all, on, expected, faults) = (&all, &on, &expected, &faults);
            scope.spawn(move || {
                for path in all.iter().skip(worker).step_by(workers) {
                    let mut values = on.clone();
                    remove(&mut values, path);
                    let judged = judge(path, on, &expected[&values.to_string()], worker);
                    let fault = judged.unwrap_or_else(|error| Some(error.to_string()));
                    faults.lock().expect("no other panics").extend(fault);
                }
            });
        }
    });
    let faults = faults.into_inner()?;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

#[test]
fn when_every_value_is_null_all_have_their_defaults() -> Result {
    let defaults = defaults()?;
    let blocks: Value =
        defaults.as_object().ok_or("no values")?.keys().map(|name| (name.clone(), Value::Null)).collect();
    let mut leaves = json!({});
    for path in paths(&defaults, &[]) {
        let is_leaf = defaults.pointer(&pointer(&path)).is_some_and(|value| !value.is_object());
        if is_leaf && !path.iter().any(|name| THE_USERS_OWN.contains(&name.as_str())) {
            set(&mut leaves, &path, Value::Null);
        }
    }
    let expected = made("none", &json!({}))?;
    assert!(!has_null(&expected.clone()?)?);
    assert!(made("blocks", &blocks)? == expected);
    assert!(made("leaves", &leaves)? == expected);
    Ok(())
}

#[test]
fn the_values_of_an_older_chart_and_the_defaults_of_what_came_later_go_together() -> Result {
    let older = copies::with_values_of("older", &fs::read_to_string(OLDER)?)?;
    let (older, namespace) = (older.to_string_lossy(), format!("--namespace={NAMESPACE}"));
    let reused = |more: &[&str]| -> Result<Rendered> {
        let args = [&["template", RELEASE, &older, &namespace][..], more].concat();
        Rendered::of(&helm(&args)?)
    };
    assert_eq!(reused(&[])?, Rendered::with(&[OLDER], &[])?);
    let missing = reused(&[])?.environment()?.into_iter().find(|(name, _)| name == "BILLING_OPERATOR_AUDIT_INTERVAL");
    assert_eq!(missing.and_then(|(_, value)| value), Some("24h".to_owned()));

    // A port that has become a list of them.
    let policy = reused(&["--set", "networkPolicy.enabled=true,networkPolicy.apiServerPort=8443"])?;
    let policy = &policy.operators("NetworkPolicy")?["spec"];
    let port = |port: u16| json!({ "protocol": "TCP", "port": port });
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(policy["egress"][0]["ports"], json!([port(443), port(6443), port(8443)]));
    Ok(())
}

/// `UPDATE=1` copies it.
#[test]
fn templates_know_the_values_of_the_chart() -> Result {
    let (original, copy) = (format!("{CHART}/values.yaml"), format!("{CHART}/files/values.yaml"));
    if std::env::var_os("UPDATE").is_some() {
        fs::copy(&original, &copy)?;
    }
    let stale = "charts/billing-operator/files/values.yaml is stale: run `make generate`";
    assert!(fs::read_to_string(original)? == fs::read_to_string(copy)?, "{stale}");
    Ok(())
}
