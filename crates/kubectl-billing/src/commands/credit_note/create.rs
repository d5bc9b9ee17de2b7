//! `kubectl billing credit-note create`.

use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::change::{Change, ChangeArguments, apply};
use crate::cluster::{ClusterArguments, wait};
use crate::error::CommandError;
use crate::read::{self, text};
use crate::{ExitStatus, Io};
use billing_api::{CreditNote, Invoice};

/// Take a final invoice back, in full or in parts
///
/// For finance. The note is named by what it takes back, so that the same one is not made twice by mistake; another one of the
/// same amounts takes a --name.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing credit-note create f3397-1 -n acme --full --reason \"Ordered by mistake\"

  # The address was wrong: correct the group, and let the invoice be issued again for it
  kubectl billing credit-note create f3397-1 -n acme --full --reissue --reason \"Wrong address\"

  # 8.40 of the line whose id begins with 5d1c, before tax
  kubectl billing credit-note create f3397-1 -n acme --line 5d1c=8.40 --reason \"Outage of 12 October\"

  # 5 of the invoice as a whole; of one with several taxes, of what it taxes at 25.5 %
  kubectl billing credit-note create f3397-1 -n acme --amount 5 --tax S=25.5 --description Goodwill --reason Outage")]
pub struct CreditNoteCreateArguments {
    /// The invoice's number
    #[arg(value_name = "NUMBER")]
    number: String,

    /// Take back everything that earlier notes left
    #[arg(long, conflicts_with_all = ["lines", "amount"], required_unless_present_any = ["lines", "amount"])]
    full: bool,

    /// Issue the invoice again, for the buyer as the billing group is now
    #[arg(long, requires = "full")]
    reissue: bool,

    /// Take back this amount, before tax, of the line with this id, or an id that begins so; can be given several times
    #[arg(long = "line", value_name = "ID=AMOUNT")]
    lines: Vec<String>,

    /// Take back this amount, before tax, of the invoice as a whole
    #[arg(long, value_name = "AMOUNT", requires = "description")]
    amount: Option<String>,

    /// What the amount is for, printed on the note
    #[arg(long, value_name = "TEXT", requires = "amount")]
    description: Option<String>,

    /// The tax of the amount, where the invoice has several: category and rate in per cent
    #[arg(long, value_name = "CATEGORY=RATE", requires = "amount")]
    tax: Option<String>,

    /// Why, printed on the note
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// The name of the CreditNote [default: made from what it takes back]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn run(arguments: &CreditNoteCreateArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let number = &arguments.number;
        let invoice = read::get::<Invoice>(&cluster, &cluster.organization(), number).await?;
        if text(&invoice, "/status/phase") != "Final" {
            let message = format!("invoice {number} is an estimate: it follows usage, and only a final is credited");
            return Err(CommandError::Refused(message));
        }
        let mut spec = json!({ "invoice": number, "reason": arguments.reason });
        if arguments.full {
            spec["full"] = json!(true);
            if arguments.reissue {
                spec["reissue"] = json!(true);
            }
        } else {
            let of_lines = arguments.lines.iter().map(|line| credited(line, &invoice));
            let of_whole = arguments.amount.iter().map(|amount| {
                let tax = arguments.tax.as_deref().map(|tax| line_tax(tax, &invoice)).transpose()?;
                Ok(of_whole(amount, arguments.description.as_deref(), tax))
            });
            let lines: Result<Vec<Value>, String> = of_lines.chain(of_whole).collect();
            spec["lines"] = json!(lines.map_err(CommandError::Unusable)?);
        }
        let name = arguments.name.clone().unwrap_or_else(|| name(number, &spec));
        let metadata = json!({ "name": name, "namespace": cluster.namespace });
        apply(&cluster, &[Change::create::<CreditNote>(metadata, spec)], &arguments.change, io).await
    })?
}

/// The same for the same content.
fn name(number: &str, spec: &Value) -> String {
    if spec["full"] == true {
        return format!("{number}-full");
    }
    let digest = Sha256::digest(spec["lines"].to_string());
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{number}-{short}")
}

/// The request for one line: `5d1c=8.40`.
fn credited(written: &str, invoice: &Value) -> Result<Value, String> {
    let (wanted, amount) =
        written.rsplit_once('=').ok_or_else(|| format!("--line {written:?} has no amount; write it like <id>=8.40"))?;
    let lines = invoice.pointer("/status/document/lines").and_then(Value::as_array);
    let ids = lines.into_iter().flatten().map(|line| text(line, "/id"));
    let found: Vec<&str> = ids.filter(|id| !wanted.is_empty() && id.starts_with(wanted)).collect();
    let sliced = invoice.pointer("/status/document/slices").is_some();
    let id = match found.as_slice() {
        _ if found.contains(&wanted) => wanted,
        [one] => one,
        // The lines of slices are not read for this: the operator knows them.
        [] if sliced && !wanted.is_empty() => wanted,
        [] => {
            return Err(format!(
                "the invoice has no line {wanted:?}; `kubectl billing invoice lines -o wide` shows the ids"
            ));
        }
        several => {
            return Err(format!("{} lines have ids that begin with {wanted:?}; write more of it", several.len()));
        }
    };
    Ok(json!({ "line": id, "amount": amount }))
}

/// The request for an amount of the invoice as a whole.
fn of_whole(amount: &str, description: Option<&str>, tax: Option<Value>) -> Value {
    let mut request = json!({ "description": description, "amount": amount });
    if let Some(tax) = tax {
        request["tax"] = tax;
    }
    request
}

/// One of the invoice's taxes: `S=25.5`.
fn line_tax(written: &str, invoice: &Value) -> Result<Value, String> {
    let taxes = invoice.pointer("/status/document/taxes").and_then(Value::as_array);
    let known = || taxes.into_iter().flatten().map(|tax| (text(tax, "/category"), text(tax, "/rate")));
    let is_it = |(category, rate): &(&str, &str)| format!("{category}={rate}") == written;
    let found = known().find(is_it).ok_or_else(|| {
        let all: Vec<_> = known().map(|(category, rate)| format!("{category}={rate}")).collect();
        let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
        format!("the invoice has no tax {written:?}; its taxes: {all}")
    });
    found.map(|(category, rate)| json!({ "category": category, "rate": rate }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{credited, line_tax, name, of_whole};

    #[test]
    fn an_amount_of_the_whole_has_one_of_the_invoices_taxes() {
        let taxes = json!([{ "category": "S", "rate": "25.5" }, { "category": "AE", "rate": "0" }]);
        let invoice = json!({ "status": { "document": { "taxes": taxes } } });
        let tax = line_tax("S=25.5", &invoice).unwrap();
        let expected = json!({ "description": "Goodwill", "amount": "5", "tax": { "category": "S", "rate": "25.5" } });
        assert_eq!(of_whole("5", Some("Goodwill"), Some(tax)), expected);
        let said = r#"the invoice has no tax "S=24"; its taxes: S=25.5, AE=0"#;
        assert_eq!(line_tax("S=24", &invoice), Err(said.to_owned()));
        assert_eq!(line_tax("S=24", &json!({})), Err(r#"the invoice has no tax "S=24"; its taxes: none"#.to_owned()));
    }

    fn invoice() -> Value {
        json!({ "status": { "document": { "lines": [{ "id": "5d1c0f7a" }, { "id": "5d22" }, { "id": "5d" }] } } })
    }

    #[test]
    fn a_line_is_found_by_the_beginning_of_its_id() {
        let credited = |line| credited(line, &invoice());
        assert_eq!(credited("5d1c=8.40"), Ok(json!({ "line": "5d1c0f7a", "amount": "8.40" })));
        assert_eq!(credited("5d=1"), Ok(json!({ "line": "5d", "amount": "1" })));
        for (line, said) in [("5d1c", "has no amount"), ("7=1", "has no line"), ("=1", "has no line")] {
            assert!(credited(line).unwrap_err().contains(said), "{line}");
        }
        let two = json!({ "status": { "document": { "lines": [{ "id": "ab" }, { "id": "ac" }] } } });
        assert!(super::credited("a=1", &two).unwrap_err().contains("2 lines"));
        let sliced = json!({ "status": { "document": { "slices": [{}] } } });
        assert_eq!(super::credited("7=1", &sliced), Ok(json!({ "line": "7", "amount": "1" })));
    }

    #[test]
    fn the_same_note_has_the_same_name() {
        assert_eq!(name("f3397-1", &json!({ "full": true })), "f3397-1-full");
        let one = json!({ "lines": [{ "line": "a", "amount": "1" }] });
        let other = json!({ "lines": [{ "line": "a", "amount": "2" }] });
        assert_eq!(name("f3397-1", &one), name("f3397-1", &one));
        assert_ne!(name("f3397-1", &one), name("f3397-1", &other));
    }
}
