//! `kubectl billing credit claim`.

use std::io::read_to_string;

use clap::Args;
use serde_json::json;

use crate::change::{Change, ChangeArguments, apply};
use crate::cluster::{ClusterArguments, wait};
use crate::error::CommandError;
use crate::{ExitStatus, Io};
use billing_api::Credit;
use billing_state::code_name;

/// Redeem a code for a billing group
///
/// The credit is named by a digest of the code, so that it cannot be redeemed twice by mistake. Whether the code is good, its
/// condition Ready says a moment later.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing credit claim main WELCOME-2026-ABCDEFGH -n acme

  # From a file, where the shell's history does not show it
  kubectl billing credit claim main - -n acme < welcome.code")]
pub struct ClaimArguments {
    /// The billing group
    #[arg(value_name = "GROUP")]
    group: String,

    /// The code; "-" reads it from standard input
    #[arg(value_name = "CODE")]
    code: String,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn run(arguments: &ClaimArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let code = match arguments.code.as_str() {
        "-" => read_to_string(&mut *io.stdin)?,
        code => code.to_owned(),
    };
    let code = code.trim();
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let name = format!("code-{}", code_name(code));
        let metadata = json!({ "name": name, "namespace": cluster.namespace });
        let change = Change::create::<Credit>(metadata, json!({ "billingGroup": arguments.group, "code": code }));
        apply(&cluster, &[change], &arguments.change, io).await
    })?
}
