//! `kubectl billing group create`.

use clap::Args;
use serde_json::{Value, json};

use super::profile::ProfileArguments;
use crate::change::{Change, ChangeArguments, DryRun, apply, merge};
use crate::cluster::{Cluster, ClusterArguments, wait};
use crate::error::CommandError;
use crate::{ExitStatus, Io, read};
use billing_api::BillingGroup;

/// What a copy takes over: what the organization says of who pays and how, and nothing that was negotiated.
const COPIED: [&str; 13] = [
    "company",
    "billingAddress",
    "shippingAddress",
    "vatId",
    "registration",
    "buyerReference",
    "purchaseOrder",
    "electronicAddress",
    "language",
    "currency",
    "invoiceEmails",
    "contactEmails",
    "invoiceText",
];

/// Make a billing group
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing group create shop -n acme --display-name \"Online shop\" --currency EUR --country FI

  # With company and address of another group
  kubectl billing group create blog -n acme --copy-from main

  # For a repository, without a cluster
  kubectl billing group create shop -n acme --currency EUR --dry-run=client -o yaml > shop.yaml")]
pub struct GroupCreateArguments {
    /// The billing group's name: lower-case letters, digits and hyphens; for any other text there is --display-name
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    profile: ProfileArguments,

    /// Let it pay for projects that nobody assigned
    #[arg(long)]
    primary: bool,

    /// Take company, addresses, numbers, references, language, currency, e-mail addresses and text from this group, where not set here
    #[arg(long, value_name = "GROUP")]
    copy_from: Option<String>,

    /// Do nothing if there is a group of this name
    #[arg(long, alias = "no-fail-if-exists")]
    if_not_exists: bool,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn run(arguments: &GroupCreateArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    check_name(&arguments.name)?;
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        // Without the cluster nobody knows what exists, and a manifest is the same in any case.
        if arguments.if_not_exists && arguments.change.dry_run != DryRun::Client {
            let found = read::find::<BillingGroup>(&cluster, &cluster.organization(), &arguments.name).await?;
            if found.is_some() {
                writeln!(io.stderr, "billing group {} exists already and stays as it is", arguments.name)?;
                return Ok(ExitStatus::Ok);
            }
        }
        let spec = spec(&cluster, arguments).await?;
        let metadata = json!({ "name": arguments.name, "namespace": cluster.namespace });
        apply(&cluster, &[Change::create::<BillingGroup>(metadata, spec)], &arguments.change, io).await
    })?
}

/// People know groups by any text, and the definition's message about names is long.
fn check_name(name: &str) -> Result<(), CommandError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= 63 && name.chars().all(fits) && !name.starts_with('-') && !name.ends_with('-')
    {
        return Ok(());
    }
    Err(CommandError::Unusable(format!(
        "{name:?} is no name of a billing group: use at most 63 lower-case letters, digits and hyphens; for any other text there is \
         --display-name"
    )))
}

async fn spec(cluster: &Cluster, arguments: &GroupCreateArguments) -> Result<Value, CommandError> {
    let mut spec = json!({});
    if let Some(other) = &arguments.copy_from {
        let other = read::get::<BillingGroup>(cluster, &cluster.organization(), other).await?;
        for field in COPIED {
            if let Some(value) = other["spec"].get(field) {
                spec[field] = value.clone();
            }
        }
    }
    if arguments.primary {
        spec["primary"] = json!(true);
    }
    merge(&mut spec, &arguments.profile.spec(&[]));
    Ok(spec)
}
