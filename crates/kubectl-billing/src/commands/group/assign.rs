//! `kubectl billing group assign`.

use clap::Args;
use serde_json::json;

use crate::change::{Change, ChangeArguments, apply};
use crate::cluster::{ClusterArguments, Place, wait};
use crate::error::CommandError;
use crate::read::{self, text};
use crate::{ExitStatus, Io};
use billing_api::labels::BINDING_NAME;
use billing_api::{BillingGroup, ProjectBinding};

/// Let a billing group pay for projects
///
/// A project has one payer: one that another group pays for moves. Months that are final stay where they are.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing group assign main web shop -n acme

  # What would change, by all rules of the API server
  kubectl billing group assign main web shop -n acme --dry-run=server")]
pub struct AssignArguments {
    /// The billing group
    #[arg(value_name = "GROUP")]
    group: String,

    /// The projects, which are the names of their namespaces
    #[arg(value_name = "PROJECT", required = true)]
    projects: Vec<String>,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn run(arguments: &AssignArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        // A binding may name a group that is still to come; who types its name means one that is there.
        read::get::<BillingGroup>(&cluster, &cluster.organization(), &arguments.group).await?;
        let mut changes = Vec::new();
        for project in &arguments.projects {
            let place = Place::Namespace(project.clone());
            let spec = json!({ "billingGroup": arguments.group });
            match read::find::<ProjectBinding>(&cluster, &place, BINDING_NAME).await? {
                None => {
                    writeln!(io.stderr, "project {project}: to {}", arguments.group)?;
                    let metadata = json!({ "name": BINDING_NAME, "namespace": project });
                    changes.push(Change::create::<ProjectBinding>(metadata, spec));
                }
                Some(binding) if text(&binding, "/spec/billingGroup") == arguments.group => {
                    writeln!(io.stderr, "project {project}: stays with {}", arguments.group)?;
                }
                Some(binding) => {
                    let from = text(&binding, "/spec/billingGroup");
                    writeln!(io.stderr, "project {project}: from {from} to {}", arguments.group)?;
                    changes.push(Change::patch::<ProjectBinding>(binding, json!({ "spec": spec })));
                }
            }
        }
        apply(&cluster, &changes, &arguments.change, io).await
    })?
}
