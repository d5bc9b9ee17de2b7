//! Mutants: a rule or clause is taken away, or a part of it, and a case must notice.
//!
//! Two kinds. A clause taken away as a whole lets something pass that a case expects to be refused. And of a clause
//! `a || b || c`, any one taken away refuses something that a case expects to be allowed: so every clause, and every exception in
//! it, has an accept case, too.
//!
//! Mutants of different policies (and definitions) are tried at the same time, those of one after the other. Every request is a
//! dry run, so that cases can be asked again and again until the mutant is in force.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use serde_json::{Value, json};

use super::{
    POLICIES,
    server::{Outcome, Server, resource_of},
    table::Case,
};
use crate::Result;

/// How long a mutant may take to be in force; a mutant that nobody noticed by then survived.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// A change to a policy or definition.
struct Mutant {
    /// What was taken away.
    what: String,
    /// The merge patch that makes it.
    patch: Value,
    /// Whether it lets more pass than the original, or less.
    loosens: bool,
}

/// Tries the mutants of every policy; the survivors.
pub async fn policies(server: &Server, cases: &[Case]) -> Result<Vec<String>> {
    server.take_rules_away(cases).await?;
    let tried = POLICIES.map(async |policy| {
        let original = server.get("validatingadmissionpolicies", None, policy).await?;
        let spec = &original["spec"];
        let rejects: Vec<&Case> = cases.iter().filter(|case| case.is_denied_by(policy)).collect();
        let accepts: Vec<&Case> = cases.iter().filter(|case| case.is_allowed() && is_matched(spec, case)).collect();
        let mutants = clauses(
            spec["validations"].as_array(),
            "expression",
            |validations| json!({"spec": {"validations": validations}}),
        );
        let trial =
            Trial { server, resource: "validatingadmissionpolicies", name: policy, refuser: policy, rejects, accepts };
        trial.run(&json!({"spec": {"validations": spec["validations"]}}), mutants).await
    });
    Ok(try_join_all(tried).await?.concat())
}

/// Whether a policy looks at the request of a case.
fn is_matched(spec: &Value, case: &Case) -> bool {
    let rules = spec["matchConstraints"]["resourceRules"].as_array();
    let resources = rules.into_iter().flatten().flat_map(|rule| rule["resources"].as_array()).flatten();
    let resource = resource_of(case);
    resources
        .filter_map(Value::as_str)
        .any(|name| name.split('/').next().is_some_and(|name| name == "*" || name == resource))
}

/// Tries the mutants of every definition; the survivors.
pub async fn definitions(server: &Server, cases: &[Case]) -> Result<Vec<String>> {
    let tried = billing_api::crds::all().into_iter().map(async |definition| {
        let plural = definition.spec.names.plural;
        let name = format!("{plural}.{}", definition.spec.group);
        let original = server.get("customresourcedefinitions", None, &name).await?;
        let versions = &original["spec"]["versions"];
        let about = |case: &&Case| resource_of(case) == plural;
        let rejects: Vec<&Case> = cases.iter().filter(about).filter(|case| case.is_denied_by("crd")).collect();
        let accepts: Vec<&Case> = cases.iter().filter(about).filter(|case| case.is_allowed()).collect();
        let mutants = rule_lists(versions, "").into_iter().flat_map(|pointer| {
            clauses(versions.pointer(&pointer).and_then(Value::as_array), "rule", |rules| {
                let mut versions = versions.clone();
                if let Some(place) = versions.pointer_mut(&pointer) {
                    *place = json!(rules);
                }
                json!({"spec": {"versions": versions}})
            })
        });
        let trial =
            Trial { server, resource: "customresourcedefinitions", name: &name, refuser: "crd", rejects, accepts };
        trial.run(&json!({"spec": {"versions": versions}}), mutants.collect()).await
    });
    Ok(try_join_all(tried).await?.concat())
}

/// Where in a definition there are lists of rules, as JSON pointers.
fn rule_lists(value: &Value, pointer: &str) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.replace('/', "~1"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let below = children.into_iter().flat_map(|(key, value)| {
        let pointer = format!("{pointer}/{key}");
        if key == "x-kubernetes-validations" { vec![pointer] } else { rule_lists(value, &pointer) }
    });
    below.collect()
}

/// The mutants of a list of clauses, whose CEL text is in `field`; `patch` makes the merge patch of a changed list.
fn clauses(list: Option<&Vec<Value>>, field: &str, patch: impl Fn(&[Value]) -> Value) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    let list = list.map_or(&[][..], Vec::as_slice);
    for (at, clause) in list.iter().enumerate() {
        let text = clause[field].as_str().unwrap_or_default();
        let mut without = list.to_vec();
        without.remove(at);
        mutants.push(Mutant { what: format!("without `{text}`"), patch: patch(&without), loosens: true });
        for (part, left) in narrowed(text) {
            let mut changed = list.to_vec();
            changed[at][field] = json!(left);
            let what = format!("without `{part}` in `{text}`");
            mutants.push(Mutant { what, patch: patch(&changed), loosens: false });
        }
    }
    mutants
}

/// An expression without one of its alternatives, each in turn, and which that was. Without its only one it is never true.
fn narrowed(expression: &str) -> Vec<(&str, String)> {
    let all = alternatives(expression);
    if let [only] = all[..] {
        return vec![(only, "false".to_owned())];
    }
    let without = |gone: usize| {
        let left = all.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, part)| *part);
        left.collect::<Vec<_>>().join(" || ")
    };
    all.iter().enumerate().map(|(gone, part)| (*part, without(gone))).collect()
}

/// The parts of `a || b || c`, as far as they are not in parentheses or in a text.
fn alternatives(expression: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut depth, mut quoted) = (0, 0_usize, false);
    for (at, character) in expression.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '|' if depth == 0 && expression[at..].starts_with("||") => {
                parts.push(expression[begin..at].trim());
                begin = at + 2;
            }
            _ => {}
        }
    }
    parts.push(expression[begin..].trim());
    parts
}

/// One policy or definition, and the cases that can tell its mutants from the original.
struct Trial<'a> {
    server: &'a Server,
    resource: &'static str,
    name: &'a str,
    /// Who refuses by it, as the cases call it.
    refuser: &'a str,
    rejects: Vec<&'a Case>,
    accepts: Vec<&'a Case>,
}

impl Trial<'_> {
    /// Tries the mutants one after the other, the original in between; the survivors.
    async fn run(&self, original: &Value, mutants: Vec<Mutant>) -> Result<Vec<String>> {
        let mut survivors = Vec::new();
        let tried = mutants.len();
        for mutant in mutants {
            // A definition whose own default values break a rule is refused: that is noticed early.
            if self.change(&mutant.patch).await? != Outcome::Allowed {
                continue;
            }
            let noticed = self.wait(&mutant).await?;
            if self.change(original).await? != Outcome::Allowed {
                return Err(format!("{} cannot be restored", self.name).into());
            }
            match noticed {
                Some(case) => self.wait_until_restored(case).await?,
                None => survivors.push(format!("{} {}", self.name, mutant.what)),
            }
        }
        println!("{}: {tried} mutants, {} survived", self.name, survivors.len());
        Ok(survivors)
    }

    /// What the API server says to a change of the policy or definition, which is in force only a little later.
    async fn change(&self, patch: &Value) -> Result<Outcome> {
        match self.server.patch(self.resource, self.name, patch).await? {
            Outcome::Failed(why) => Err(format!("{}: {why}", self.name).into()),
            outcome => Ok(outcome),
        }
    }

    /// Waits until a case notices the mutant; nothing if none does.
    async fn wait(&self, mutant: &Mutant) -> Result<Option<&Case>> {
        let begun = Instant::now();
        let candidates = if mutant.loosens { &self.rejects } else { &self.accepts };
        while begun.elapsed() < LIMIT {
            for case in candidates {
                match self.server.ask(case).await? {
                    Outcome::Allowed if mutant.loosens => return Ok(Some(case)),
                    Outcome::Refused { by, .. } if !mutant.loosens && by == self.refuser => return Ok(Some(case)),
                    // What is frozen is guarded by a rule and by a policy, which then refuses in its own words.
                    Outcome::Refused { by, .. } if mutant.loosens && self.refuser == "crd" && by != "crd" => {
                        return Ok(Some(case));
                    }
                    _ => {}
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }

    async fn wait_until_restored(&self, case: &Case) -> Result {
        let begun = Instant::now();
        loop {
            let outcome = self.server.ask(case).await?;
            if outcome.meets(&case.expect) {
                return Ok(());
            }
            if begun.elapsed() > LIMIT {
                return Err(format!("{} is not as it was: {}: {outcome:?}", self.name, case.name).into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[test]
fn alternatives_are_split_outside_of_parentheses_and_texts() {
    assert_eq!(alternatives("a || (b || c) && 'x || y' == d || e"), ["a", "(b || c) && 'x || y' == d", "e"]);
    assert_eq!(alternatives("a && b"), ["a && b"]);
    assert_eq!(narrowed("a && b"), [("a && b", "false".to_owned())]);
    assert_eq!(narrowed("a || b"), [("a", "b".to_owned()), ("b", "a".to_owned())]);
}
