//! `kubectl billing invoice pay`.

use clap::Args;
use serde_json::{Value, json};

use crate::change::{Change, ChangeArguments, apply, current};
use crate::cluster::{ClusterArguments, wait};
use crate::error::CommandError;
use crate::read::text;
use crate::{ExitStatus, Io};
use billing_api::{Invoice, Time};
use billing_domain::Timestamp;

/// Record the payment of a final invoice
///
/// For finance. An invoice that is paid already keeps its payment, unless --force corrects it.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  kubectl billing invoice pay f3397-1 -n acme --reference \"RF18 5390 0754 7034\" --at 2026-11-12T00:00:00Z")]
pub struct PayArguments {
    /// The invoice's number
    #[arg(value_name = "NUMBER")]
    number: String,

    /// The reference of the bank or of the payment system
    #[arg(long, value_name = "TEXT")]
    reference: String,

    /// When it was booked, in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn run(arguments: &PayArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let at = booked(arguments.at.as_deref(), io.now)?;
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let invoice = current::<Invoice>(&cluster, &cluster.organization(), &arguments.number).await?;
        let number = &arguments.number;
        match (text(&invoice, "/status/phase"), text(&invoice, "/status/payment/state")) {
            ("Final", "Paid") if text(&invoice, "/status/payment/reference") == arguments.reference => {
                writeln!(io.stderr, "invoice {number} is paid with this reference already")?;
                return Ok(ExitStatus::Ok);
            }
            ("Final", "Paid") if !arguments.change.force => {
                let reference = text(&invoice, "/status/payment/reference");
                let message = format!(
                    "invoice {number} is paid already, with the reference {reference:?}; --force corrects that"
                );
                return Err(CommandError::Refused(message));
            }
            ("Final", _) => {}
            _ => {
                let message = format!("invoice {number} is an estimate: there is nothing to pay before it is final");
                return Err(CommandError::Refused(message));
            }
        }
        let patch = paid(&invoice, at, &arguments.reference);
        let change = Change::patch_status::<Invoice>(invoice, patch);
        apply(&cluster, &[change], &arguments.change, io).await
    })?
}

/// What is recorded, on the invoice as it was read: of two payments at once, one is refused.
fn paid(invoice: &Value, at: Timestamp, reference: &str) -> Value {
    json!({
        "metadata": { "resourceVersion": invoice.pointer("/metadata/resourceVersion") },
        "status": { "payment": { "state": "Paid", "at": Time(at), "reference": reference } },
    })
}

/// When a payment was booked, to the second.
fn booked(at: Option<&str>, now: Timestamp) -> Result<Timestamp, CommandError> {
    let Some(at) = at else {
        return Ok(Timestamp::from_timestamp(now.timestamp(), 0).unwrap_or(now));
    };
    at.parse().map_err(|_| {
        CommandError::Unusable(format!("--at {at:?} is no time; write it in RFC 3339, like 2026-11-12T00:00:00Z"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{booked, paid};

    #[test]
    fn a_payment_is_of_the_invoice_as_it_was_read() {
        let invoice = json!({ "metadata": { "name": "f3397-1", "resourceVersion": "7" } });
        let at = "2026-11-12T00:00:00Z".parse().unwrap();
        let payment = json!({ "state": "Paid", "at": "2026-11-12T00:00:00Z", "reference": "RF18" });
        let expected = json!({ "metadata": { "resourceVersion": "7" }, "status": { "payment": payment } });
        assert_eq!(paid(&invoice, at, "RF18"), expected);
    }

    #[test]
    fn a_payment_is_booked_when_it_is_said_or_now_to_the_second() {
        let now = "2026-11-12T10:00:00.75Z".parse().unwrap();
        let told = |at| booked(at, now).map(|at| at.to_rfc3339()).map_err(|error| error.to_string());
        assert_eq!(told(None), Ok("2026-11-12T10:00:00+00:00".to_owned()));
        assert_eq!(told(Some("2026-11-01T02:00:00+02:00")), Ok("2026-11-01T00:00:00+00:00".to_owned()));
        assert!(told(Some("yesterday")).unwrap_err().contains("write it in RFC 3339"));
    }
}
