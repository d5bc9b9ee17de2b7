//! `kubectl billing whoami`: who you are, and what you may do.

use clap::Args;
use futures::future::try_join_all;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ClusterArguments, Place, wait};
use crate::error::CommandError;
use crate::print::{Column, PrintArguments, Section, TableShape, print_sections};
use crate::{ExitStatus, Io, read};
use billing_api::GROUP;

const USER: TableShape = TableShape::of(&[
    Column::text("USER", ".status.userInfo.username"),
    Column::elastic("GROUPS", ".status.userInfo.groups[*]"),
]);

const RIGHTS: TableShape = TableShape::of(&[
    Column::text("VERB", ".spec.resourceAttributes.verb"),
    Column::text("RESOURCE", ".spec.resourceAttributes.resource"),
    Column::text("SUBRESOURCE", ".spec.resourceAttributes.subresource"),
    Column::text("NAMESPACE", ".spec.resourceAttributes.namespace"),
    Column::text("ALLOWED", ".status.allowed"),
    Column::text("REASON", ".status.reason").wide(),
]);

/// A right that commands need: verb, resource, subresource, and whether it is asked for in the organization's namespace.
const ASKED: [(&str, &str, &str, bool); 20] = [
    ("list", "billinggroups", "", true),
    ("list", "invoices", "", true),
    ("list", "invoiceslices", "", true),
    ("list", "usagerecords", "", true),
    ("list", "credits", "", true),
    ("list", "creditnotes", "", true),
    ("list", "projectledgers", "", true),
    ("create", "billinggroups", "", true),
    ("patch", "billinggroups", "", true),
    ("delete", "billinggroups", "", true),
    ("use", "billinggroups", "", true),
    ("create", "credits", "", true),
    ("create", "creditnotes", "", true),
    ("patch", "invoices", "status", true),
    ("settle", "invoices", "", false),
    ("negotiate", "billinggroups", "", false),
    ("grant", "credits", "", false),
    ("meter", "usagerecords", "", false),
    ("assign", "organizations", "", false),
    ("reassign", "organizations", "", false),
];

/// Say who you are to the API server, and which rights of billing you have
///
/// Rights without a namespace are asked for in the whole cluster: a role in a namespace does not give them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing whoami -n acme
  kubectl billing whoami -n acme --as maya")]
pub struct WhoamiArguments {
    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    print: PrintArguments,
}

/// Runs the command.
///
/// # Errors
/// The API server does not say.
pub fn run(arguments: &WhoamiArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let user = ask(&cluster, &SelfSubjectReview::default()).await?;
        let asked = ASKED.map(|(verb, resource, subresource, namespaced)| {
            access(verb, resource, subresource, namespaced.then_some(cluster.namespace.as_str()))
        });
        let rights = try_join_all(asked.iter().map(|review| ask(&cluster, review))).await?;
        let sections = vec![
            Section::new(USER, vec![user], "nobody").headed("You"),
            Section::new(RIGHTS, rights, "none").headed("Rights"),
        ];
        print_sections(sections, &arguments.print, io.stdout, io.stderr)?;
        Ok(ExitStatus::Ok)
    })?
}

fn access(verb: &str, resource: &str, subresource: &str, namespace: Option<&str>) -> SelfSubjectAccessReview {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let attributes = ResourceAttributes {
        group: Some(GROUP.to_owned()),
        verb: some(verb),
        resource: some(resource),
        subresource: some(subresource),
        namespace: namespace.map(str::to_owned),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), non_resource_attributes: None };
    SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() }
}

/// Asks a question that is put as an object to be made.
async fn ask<K>(cluster: &Cluster, question: &K) -> Result<Value, CommandError>
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + std::fmt::Debug,
{
    let api: Api<K> = Api::all(cluster.client().clone());
    let answered = api.create(&PostParams::default(), question).await;
    let answered =
        answered.map_err(|error| CommandError::of(read::request::<K>("create", &Place::Everywhere, None), error))?;
    Ok(json!(answered))
}
