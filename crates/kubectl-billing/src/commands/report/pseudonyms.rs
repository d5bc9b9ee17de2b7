//! Names replaced by others: the same one for the same name, and none that tells it.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Fields whose text somebody chose or is called by.
const FIELDS: [&str; 23] = [
    "billingGroup",
    "buyerReference",
    "cluster",
    "code",
    "company",
    "credit",
    "creditNote",
    "displayName",
    "footer",
    "invoice",
    "invoiceSeries",
    "invoiceText",
    "legalName",
    "namespace",
    "number",
    "organization",
    "project",
    "purchaseOrder",
    "reference",
    "registration",
    "replaces",
    "series",
    "username",
];

/// Fields all of whose text is somebody's.
const GROUPS_OF_FIELDS: [&str; 12] = [
    "address",
    "bankAccount",
    "billingAddress",
    "contact",
    "contactEmails",
    "electronicAddress",
    "invoiceEmails",
    "logo",
    "shippingAddress",
    "tags",
    "unbilledProjects",
    "vatId",
];

/// Words that are nobody's, though somebody may be called so.
const COMMON: [&str; 8] = ["", "billing", "default", "Confirmed", "Invalid", "Unconfirmed", "true", "false"];

/// The names that objects have, and what each is replaced by.
pub(super) struct Pseudonyms {
    finder: AhoCorasick,
    replacements: Vec<String>,
}

impl Pseudonyms {
    /// The names in objects. Who does not know the salt cannot try names out.
    ///
    /// # Errors
    /// There are too many to be looked for.
    pub(super) fn of<'a>(objects: impl Iterator<Item = &'a Value>, salt: &str) -> Result<Self, String> {
        let mut names = BTreeSet::new();
        for object in objects {
            collect(object, &mut Vec::new(), &mut names);
        }
        names.retain(|name| !COMMON.contains(&name.as_str()));
        let names: Vec<String> = names.into_iter().collect();
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&names);
        let replacements = names.iter().map(|name| pseudonym(name, salt)).collect();
        Ok(Self { finder: finder.map_err(|error| error.to_string())?, replacements })
    }

    /// A text without the names.
    pub(super) fn text(&self, text: &str) -> String {
        let mut hidden = String::with_capacity(text.len());
        let mut rest = 0;
        for found in self.finder.find_iter(text) {
            let within = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            // A name within another word is that word's.
            let is_word =
                !within(text[..found.start()].chars().next_back()) && !within(text[found.end()..].chars().next());
            if is_word {
                hidden.push_str(&text[rest..found.start()]);
                hidden.push_str(&self.replacements[found.pattern().as_usize()]);
                rest = found.end();
            }
        }
        hidden.push_str(&text[rest..]);
        hidden
    }

    /// A value without the names, wherever they stand in it.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => values.iter().map(|value| self.value(value)).collect(),
            Value::Object(fields) => {
                let hidden: Map<_, _> = fields.iter().map(|(key, value)| (self.text(key), self.value(value))).collect();
                Value::Object(hidden)
            }
            other => other.clone(),
        }
    }
}

/// What a name is replaced by: always the same.
fn pseudonym(name: &str, salt: &str) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update([0]).chain_update(name).finalize();
    let digest: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("n{digest}")
}

/// The names in a value that stands at a path; numbers of invoices are made of the name of a series.
fn collect(value: &Value, path: &mut Vec<String>, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if is_name(path) => drop(names.insert(text.clone())),
        Value::Array(values) => values.iter().for_each(|value| collect(value, path, names)),
        Value::Object(fields) => {
            let is_tags = path.last().is_some_and(|key| key == "tags");
            for (key, value) in fields {
                if is_tags {
                    names.insert(key.clone());
                }
                path.push(key.clone());
                collect(value, path, names);
                path.pop();
            }
        }
        _ => {}
    }
}

fn is_name(path: &[String]) -> bool {
    let [before @ .., last] = path else { return false };
    let parent = before.last().map_or("", String::as_str);
    match last.as_str() {
        // What an object of ours, or one that it names, is called. Lists of prices and their entries keep their names.
        "name" => {
            matches!(parent, "metadata" | "service" | "source" | "credits" | "slices" | "notes" | "involvedObject")
        }
        "countryCode" => false,
        // Why a credit note was made; reasons of conditions are words of ours.
        "reason" => parent == "spec" || parent == "document",
        key => {
            let of_group = |key: &String| GROUPS_OF_FIELDS.contains(&key.as_str());
            FIELDS.contains(&key) || path.iter().any(of_group)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Pseudonyms;

    fn group() -> Value {
        json!({
            "kind": "BillingGroup", "metadata": { "name": "acme-main", "namespace": "acme" },
            "spec": {
                "displayName": "Acme Corp.", "vatId": "FI20774740", "currency": "USD",
                "billingAddress": { "lines": ["12 Example Street"], "city": "Oulu", "countryCode": "FI" },
                "terms": { "priceList": "default", "invoiceSeries": "f3397" },
            },
            "status": { "conditions": [{ "type": "Ready", "reason": "Ready", "message": "Acme Corp. bills acme-main, f3397-1" }] },
        })
    }

    #[test]
    fn names_are_gone_wherever_they_stand_and_all_else_stays() {
        let object = group();
        let pseudonyms = Pseudonyms::of([&object].into_iter(), "salt").unwrap();
        let hidden = pseudonyms.value(&object).to_string();
        for name in ["acme", "Acme", "FI20774740", "Example Street", "Oulu", "f3397"] {
            assert!(!hidden.contains(name), "{name} is still in {hidden}");
        }
        for word in ["BillingGroup", "USD", "\"FI\"", "default", "\"reason\":\"Ready\"", "bills"] {
            assert!(hidden.contains(word), "{word} is no longer in {hidden}");
        }
        // In a log, too, but not within other words.
        let log = pseudonyms.text("reconciled acme/acme-main: acmes, f3397-1");
        assert!(
            log.contains("acmes") && !log.contains("acme/") && !log.contains("f3397") && log.ends_with("-1"),
            "{log}"
        );
    }

    #[test]
    fn a_pseudonym_is_always_the_same_and_needs_the_salt() {
        let object = group();
        let name = |salt: &str| Pseudonyms::of([&object].into_iter(), salt).unwrap().text("acme-main");
        assert_eq!(name("a"), name("a"));
        assert_ne!(name("a"), name("b"));
    }
}
