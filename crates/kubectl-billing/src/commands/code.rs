//! `kubectl billing code`: what the CreditCode of a code is called, or its manifest.

use std::io::{self, Read, Write};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use thiserror::Error;

use crate::ExitStatus;
use crate::manifest::{Kinds, SchemaError};
use crate::output::{OutputError, print_json, print_yaml};
use billing_api::CreditCode;
use billing_domain::{Currency, Money};
use billing_state::code_name;

/// The lengths that a code can have.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

const EXAMPLES: &str = "\
Examples:
  # A code that cannot be guessed, and the CreditCode for it
  head -c 10 /dev/urandom | base32 | tee welcome.code |
    kubectl billing code -o yaml --type Trial --amount 50 --currency USD | kubectl apply -f -

  # Has somebody redeemed it?
  kubectl get creditcode \"$(kubectl billing code < welcome.code)\"";

/// Print the name of a code's CreditCode, or its manifest
///
/// A CreditCode is named by a digest of its code, so that whoever reads it does not learn the code. The code is read from
/// standard input, where neither the shell's history nor the list of processes shows it, or taken from --code.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CodeArguments {
    /// The code [default: read from standard input]
    #[arg(long, value_name = "CODE")]
    code: Option<String>,

    /// What to print
    #[arg(short, long, value_enum, default_value_t = CodeOutput::Name)]
    output: CodeOutput,

    #[command(flatten, next_help_heading = "What the code is worth (with -o yaml or json)")]
    worth: CodeValue,
}

/// What a manifest says beside its name.
#[derive(Args, Debug)]
struct CodeValue {
    /// What the credit is granted for, such as Trial or Promotion
    #[arg(long = "type", value_name = "TYPE", required_if_eq_any([("output", "yaml"), ("output", "json")]))]
    kind: Option<String>,

    /// The amount of the credit
    #[arg(long, value_name = "AMOUNT", required_if_eq_any([("output", "yaml"), ("output", "json")]))]
    amount: Option<String>,

    /// The currency of the amount, by its ISO 4217 code
    #[arg(long, value_name = "CODE", required_if_eq_any([("output", "yaml"), ("output", "json")]))]
    currency: Option<String>,

    /// When the credit can first be used, in RFC 3339 (UTC) [default: no start]
    #[arg(long, value_name = "TIME")]
    starts_at: Option<String>,

    /// When the credit expires, in RFC 3339 (UTC) [default: never]
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,

    /// When the code must be redeemed by, in RFC 3339 (UTC) [default: at any time]
    #[arg(long, value_name = "TIME")]
    redeem_until: Option<String>,

    /// The only organization that can redeem the code [default: any]
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CodeOutput {
    /// Only the name
    Name,
    /// The manifest of the CreditCode
    Yaml,
    /// The manifest of the CreditCode
    Json,
}

/// Why nothing is printed.
#[derive(Debug, Error)]
pub enum CodeError {
    /// Standard input cannot be read.
    #[error("standard input cannot be read as text")]
    Read(#[source] io::Error),
    /// It is no code that a Credit can have. The code itself is not said.
    #[error("the code {0}; a code has 16 to 64 capital letters, digits and single hyphens between them")]
    Code(&'static str),
    /// The API server would refuse the manifest.
    #[error("the CreditCode would be refused: {0}")]
    Refused(String),
    /// The definitions cannot be read: a defect.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Nothing can be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Runs the command.
///
/// # Errors
/// No code, one that no Credit can have, or a manifest that the API server would refuse.
pub fn run(arguments: &CodeArguments, stdin: &mut dyn Read, stdout: &mut dyn Write) -> Result<ExitStatus, CodeError> {
    let code = match &arguments.code {
        Some(code) => code.clone(),
        None => io::read_to_string(stdin).map_err(CodeError::Read)?,
    };
    // The newline at the end is the terminal's, not the code's.
    let code = code.trim_end_matches(['\r', '\n']);
    check(code)?;
    let name = code_name(code);
    match arguments.output {
        CodeOutput::Name => writeln!(stdout, "{name}")?,
        CodeOutput::Yaml => print_yaml(&manifest(&name, &arguments.worth)?, stdout)?,
        CodeOutput::Json => print_json(&manifest(&name, &arguments.worth)?, stdout)?,
    }
    Ok(ExitStatus::Ok)
}

/// What the definition of Credit says of a code.
fn check(code: &str) -> Result<(), CodeError> {
    let fits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
    match code {
        "" => Err(CodeError::Code("is missing")),
        _ if !LENGTHS.contains(&code.len()) => Err(CodeError::Code("is too short or too long")),
        _ if !code.split('-').all(fits) => Err(CodeError::Code("has other characters")),
        _ => Ok(()),
    }
}

/// The CreditCode, as the API server accepts it.
fn manifest(name: &str, worth: &CodeValue) -> Result<CreditCode, CodeError> {
    let CodeValue { kind, amount, currency, starts_at, expires_at, redeem_until, organization } = worth;
    let mut object = json!({
        "apiVersion": "billing-operator.io/v1alpha1", "kind": "CreditCode", "metadata": { "name": name },
        "spec": {
            "type": kind, "amount": { "amount": amount, "currency": currency }, "startsAt": starts_at,
            "expiresAt": expires_at, "redeemUntil": redeem_until, "organization": organization,
        },
    });
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.retain(|_, value| !value.is_null());
    }
    if let (Some(amount), Some(currency)) = (amount, currency) {
        check_money(amount, currency)?;
    }
    let kinds = Kinds::new()?;
    let known = kinds.of(&object).map_err(CodeError::Refused)?;
    let accepted = known.map_or(Ok(Value::Null), |kind| kind.create(object.clone()));
    accepted.map_err(|reasons| CodeError::Refused(reasons.join("; ")))?;
    Ok(serde_json::from_value(object).map_err(OutputError::from)?)
}

/// What the schema cannot say: the currency is one, and has so many digits.
fn check_money(amount: &str, currency: &str) -> Result<(), CodeError> {
    let known: Currency = currency.parse().map_err(|error| CodeError::Refused(format!("currency: {error}")))?;
    let money = Money::parse_plain(amount, known);
    money.map(drop).map_err(|error| CodeError::Refused(format!("amount: {error}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{CodeArguments, run};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        code: CodeArguments,
    }

    const WORTH: [&str; 8] = ["-o", "yaml", "--type", "Trial", "--amount", "50", "--currency", "USD"];

    /// What is printed, or the error.
    fn code(stdin: &str, arguments: &[&str]) -> Result<String, String> {
        let line = ["code"].iter().chain(arguments);
        let Line { code } = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        let mut stdout = Vec::new();
        run(&code, &mut stdin.as_bytes(), &mut stdout).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(stdout).unwrap())
    }

    #[track_caller]
    fn check_refused(stdin: &str, arguments: &[&str], expected: &str) {
        let error = code(stdin, arguments).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(stdin.trim().is_empty() || !error.contains(stdin.trim()), "the code itself is not said: {error}");
    }

    /// `printf %s WELCOME-2026-ABCDEFGH | sha256sum | cut -c1-32`
    const NAME: &str = "c3e600df512840ea7fcfe8ab24201b08";

    #[test]
    fn the_name_is_the_digest_of_the_code() {
        for (stdin, arguments) in [
            ("WELCOME-2026-ABCDEFGH\n", &[][..]),
            ("WELCOME-2026-ABCDEFGH\r\n", &["-o", "name"]),
            ("", &["--code", "WELCOME-2026-ABCDEFGH"]),
        ] {
            assert_eq!(code(stdin, arguments), Ok(format!("{NAME}\n")));
        }
    }

    #[test]
    fn the_manifest_says_what_the_code_is_worth() {
        let more = ["--expires-at", "2027-06-01T00:00:00Z", "--organization", "acme"];
        let expected = format!(
            "apiVersion: billing-operator.io/v1alpha1\nkind: CreditCode\nmetadata:\n  name: {NAME}\nspec:\n  type: Trial\n  \
             amount:\n    amount: \"50\"\n    currency: USD\n  expiresAt: \"2027-06-01T00:00:00Z\"\n  organization: acme\n"
        );
        assert_eq!(code("WELCOME-2026-ABCDEFGH", &[&WORTH[..], &more].concat()), Ok(expected));
        let json = code("WELCOME-2026-ABCDEFGH", &[&["-o", "json"], &WORTH[2..]].concat()).unwrap();
        assert!(json.contains(&format!("\"name\": \"{NAME}\"")), "{json}");
    }

    #[test]
    fn what_no_credit_can_have_is_no_code() {
        check_refused("\n", &[], "the code is missing; a code has 16 to 64 capital letters");
        check_refused("WELCOME-2026", &[], "is too short or too long");
        check_refused(&"A".repeat(65), &[], "is too short or too long");
        for other in ["welcome-2026-abcdefgh", "WELCOME--2026-ABCDEF", "-WELCOME-2026-ABCDEF", "WELCOME 2026 ABCDEF"] {
            check_refused(other, &[], "has other characters");
        }
    }

    #[test]
    fn what_the_api_server_would_refuse_is_not_printed() {
        let stdin = "WELCOME-2026-ABCDEFGH";
        check_refused(stdin, &WORTH[..4], "--amount <AMOUNT>");
        let with = |at: usize, other| WORTH.iter().enumerate().map(move |(n, it)| if n == at { other } else { *it });
        check_refused(stdin, &with(3, "Gift").collect::<Vec<_>>(), "spec.type");
        check_refused(stdin, &with(5, "0.005").collect::<Vec<_>>(), "amount");
        check_refused(stdin, &with(5, "0").collect::<Vec<_>>(), "the amount of a credit must be greater than zero");
        check_refused(stdin, &with(7, "HRK").collect::<Vec<_>>(), "currency");
        let ends = ["--starts-at", "2027-06-01T00:00:00Z", "--expires-at", "2027-06-01T00:00:00Z"];
        check_refused(stdin, &[&WORTH[..], &ends].concat(), "expiresAt must be after startsAt");
    }
}
