//! `kubectl billing project create`.

use clap::Args;
use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Value, json};

use crate::change::{Change, ChangeArguments, DryRun, apply};
use crate::cluster::{ClusterArguments, wait};
use crate::error::CommandError;
use crate::{ExitStatus, Io, read};
use billing_api::labels::{BINDING_NAME, ORGANIZATION_LABEL};
use billing_api::{BillingGroup, ProjectBinding};

/// Make a project that a billing group pays for
///
/// A project is a namespace of the organization. Making one is for the platform team.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing project create web --group main -n acme")]
pub struct ProjectCreateArguments {
    /// The project, which is the name of its namespace
    #[arg(value_name = "PROJECT")]
    project: String,

    /// Who pays for it
    #[arg(long, value_name = "GROUP")]
    group: String,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn run(arguments: &ProjectCreateArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let labels = json!({ ORGANIZATION_LABEL: cluster.namespace });
        let namespace =
            Change::create::<Namespace>(json!({ "name": arguments.project, "labels": labels }), Value::Null);
        let binding = Change::create::<ProjectBinding>(
            json!({ "name": BINDING_NAME, "namespace": arguments.project }),
            json!({ "billingGroup": arguments.group }),
        );
        if arguments.change.dry_run != DryRun::Client {
            read::get::<BillingGroup>(&cluster, &cluster.organization(), &arguments.group).await?;
        }
        let mut changes = vec![namespace];
        if arguments.change.dry_run == DryRun::Server {
            writeln!(io.stderr, "the binding cannot be tried before its namespace is there")?;
        } else {
            changes.push(binding);
        }
        apply(&cluster, &changes, &arguments.change, io).await
    })?
}
