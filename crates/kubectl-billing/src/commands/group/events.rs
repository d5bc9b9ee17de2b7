//! `kubectl billing group events`.

use clap::Args;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use serde_json::Value;

use crate::commands::listing::ListArguments;
use crate::error::CommandError;
use crate::print::{Column, TableShape};
use crate::read::text;
use crate::{ExitStatus, Io};

const EVENTS: TableShape = TableShape::of(&[
    Column::text("TIME", ".eventTime"),
    Column::text("TYPE", ".type"),
    Column::text("REASON", ".reason"),
    Column::text("KIND", ".involvedObject.kind").wide(),
    Column::text("NAME", ".involvedObject.name"),
    Column::elastic("MESSAGE", ".message"),
]);

/// Show what happened to a billing group lately
///
/// The API server keeps events for an hour, unless it is set otherwise.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing group events main -n acme --watch")]
pub struct GroupEventsArguments {
    /// The billing group
    #[arg(value_name = "GROUP")]
    group: String,

    #[command(flatten)]
    list: ListArguments,
}

pub(super) fn run(arguments: &GroupEventsArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let fields = format!("involvedObject.kind=BillingGroup,involvedObject.name={}", arguments.group);
    let ours = |event: &Value| text(event, "/involvedObject/apiVersion").starts_with(billing_api::GROUP);
    arguments.list.run_where::<Event>(EVENTS, ListParams::default().fields(&fields), "events", ours, io)
}
