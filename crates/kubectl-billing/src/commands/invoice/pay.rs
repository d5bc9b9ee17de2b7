//! `kubectl billing invoice pay`.

use clap::Args;
use serde_json::json;

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
        let payment = json!({ "state": "Paid", "at": Time(at), "reference": arguments.reference });
        let change = Change::patch_status::<Invoice>(invoice, json!({ "status": { "payment": payment } }));
        apply(&cluster, &[change], &arguments.change, io).await
    })?
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
