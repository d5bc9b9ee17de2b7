//! `kubectl billing group update`.

use clap::Args;
use serde_json::json;

use super::profile::{Clearable, ProfileArguments};
use crate::change::{Change, ChangeArguments, apply, current};
use crate::cluster::{ClusterArguments, wait};
use crate::error::CommandError;
use crate::{ExitStatus, Io};
use billing_api::BillingGroup;

/// Change what a billing group says of who pays, and how
///
/// Invoices that are final stay as they are; the open month's follows.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing group update main -n acme --company \"Acme Corp.\" --country FI --vat-id FI20774740

  # Really take something away
  kubectl billing group update main -n acme --clear vat-id --clear invoice-email")]
pub struct GroupUpdateArguments {
    /// The billing group
    #[arg(value_name = "GROUP")]
    group: String,

    #[command(flatten)]
    profile: ProfileArguments,

    /// Take this field away; can be given several times
    #[arg(long, value_name = "FIELD", value_enum)]
    clear: Vec<Clearable>,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn run(arguments: &GroupUpdateArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let spec = arguments.profile.spec(&arguments.clear);
    if spec.as_object().is_none_or(serde_json::Map::is_empty) {
        let message = "there is nothing to change: set a field, such as --company, or take one away with --clear";
        return Err(CommandError::Unusable(message.to_owned()));
    }
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let group = current::<BillingGroup>(&cluster, &cluster.organization(), &arguments.group).await?;
        let change = Change::patch::<BillingGroup>(group, json!({ "spec": spec }));
        apply(&cluster, &[change], &arguments.change, io).await
    })?
}
