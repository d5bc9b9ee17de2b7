//! `kubectl billing report`: a bundle for a bug report.

mod pseudonyms;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use flate2::{Compression, write::GzEncoder};
use k8s_openapi::api::core::v1::{Event, Namespace, Pod};
use kube::api::{ListParams, LogParams};
use kube::{Api, Resource};
use serde_json::{Value, json};
use tar::{Builder, Header};

use crate::cluster::{Cluster, ClusterArguments, Place, wait};
use crate::error::CommandError;
use crate::read::{self, name, text};
use crate::{ExitStatus, Io, operator};
use billing_api as api;
use pseudonyms::Pseudonyms;

/// How many lines of a log are taken.
const LOG_LINES: i64 = 20_000;

/// Write a bundle for a bug report: objects, log, metrics and versions
///
/// Names of organizations, projects, groups, services, people and companies are replaced by others, always by the same one; amounts
/// and times stay, because that is what bugs are about. What you may not read is named in the bundle; of the organization you
/// have to be able to read everything.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing report -n acme
  tar -xzOf billing-report.tar.gz | less      # look at it before you send it")]
pub struct ReportArguments {
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "billing-report.tar.gz")]
    output: PathBuf,

    /// Leave the names as they are
    #[arg(long)]
    with_names: bool,

    /// The namespace of the operator, for its log and its metrics
    #[arg(long, value_name = "NAMESPACE", default_value = "billing-system")]
    operator_namespace: String,

    #[command(flatten)]
    cluster: ClusterArguments,
}

/// What goes into the bundle.
#[derive(Default)]
struct Contents {
    /// Objects, by the name of their file.
    objects: Vec<(String, Vec<Value>)>,
    /// Texts, by the name of their file.
    texts: Vec<(String, String)>,
    /// What could not be read.
    lacking: Vec<CommandError>,
}

/// Runs the command.
///
/// # Errors
/// Something of the organization cannot be read, or the file cannot be written.
pub fn run(arguments: &ReportArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let mut contents = Contents::default();
        let organization = organization(&cluster, &mut contents).await?;
        provider(&cluster, &mut contents).await;
        operator_pods(&cluster, &arguments.operator_namespace, &mut contents).await;
        let server = cluster.client().apiserver_version().await.map_or(Value::Null, |info| json!(info));
        let versions = json!({ "kubectl-billing": env!("CARGO_PKG_VERSION"), "kubernetes": server });
        contents.texts.push(("versions.json".to_owned(), format!("{versions:#}\n")));
        let salt = text(&organization, "/metadata/uid");
        let files = files(&contents, (!arguments.with_names).then_some(salt))?;
        write(&arguments.output, &files)?;
        for error in &contents.lacking {
            writeln!(io.stderr, "not in the bundle: {error}")?;
        }
        let names = if arguments.with_names { "with names" } else { "names are replaced" };
        writeln!(
            io.stdout,
            "{}: {} files, {names}; look at it before you send it",
            arguments.output.display(),
            files.len()
        )?;
        Ok(ExitStatus::Ok)
    })?
}

impl Contents {
    async fn list<K: Resource<DynamicType = ()>>(
        &mut self,
        cluster: &Cluster,
        place: &Place,
    ) -> Result<(), CommandError> {
        let mut found = read::list::<K>(cluster, place, ListParams::default()).await?;
        for object in &mut found {
            // It holds everything a second time.
            let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
            annotations.and_then(|annotations| annotations.remove("kubectl.kubernetes.io/last-applied-configuration"));
        }
        self.objects.push((format!("objects/{}.json", K::plural(&())), found));
        Ok(())
    }

    /// What need not be there.
    async fn try_list<K: Resource<DynamicType = ()>>(&mut self, cluster: &Cluster, place: &Place) {
        if let Err(error) = self.list::<K>(cluster, place).await {
            self.lacking.push(error);
        }
    }
}

/// Everything of the organization; its namespace is the answer.
async fn organization(cluster: &Cluster, contents: &mut Contents) -> Result<Value, CommandError> {
    let place = cluster.organization();
    // Its UID is known to who may see the namespace, and is not in the bundle: nobody else can try names out.
    let namespace = read::get::<Namespace>(cluster, &Place::Everywhere, &cluster.namespace).await?;
    contents.list::<api::BillingGroup>(cluster, &place).await?;
    contents.list::<api::ProjectLedger>(cluster, &place).await?;
    contents.list::<api::UsageRecord>(cluster, &place).await?;
    contents.list::<api::Invoice>(cluster, &place).await?;
    contents.list::<api::InvoiceSlice>(cluster, &place).await?;
    contents.list::<api::Credit>(cluster, &place).await?;
    contents.list::<api::CreditNote>(cluster, &place).await?;
    contents.try_list::<Event>(cluster, &place).await;
    Ok(namespace)
}

/// What the provider decides, as far as it may be seen.
async fn provider(cluster: &Cluster, contents: &mut Contents) {
    let everywhere = Place::Everywhere;
    contents.try_list::<api::PriceList>(cluster, &everywhere).await;
    contents.try_list::<api::ExchangeRates>(cluster, &everywhere).await;
    contents.try_list::<api::InvoiceIssuer>(cluster, &everywhere).await;
    contents.try_list::<api::BillingPeriod>(cluster, &everywhere).await;
}

/// Log and metrics of the operator's pods, as far as they may be seen.
async fn operator_pods(cluster: &Cluster, namespace: &str, contents: &mut Contents) {
    let place = Place::Namespace(namespace.to_owned());
    let pods = match operator::pods(cluster, &place).await {
        Ok(pods) if pods.is_empty() => {
            let message = format!("the operator's log and metrics: namespace {namespace} has no pod of it");
            return contents.lacking.push(CommandError::Unusable(message));
        }
        Ok(pods) => pods,
        Err(error) => return contents.lacking.push(error),
    };
    let api: Api<Pod> = Api::namespaced(cluster.client().clone(), namespace);
    for pod in &pods {
        let params = LogParams { tail_lines: Some(LOG_LINES), ..LogParams::default() };
        let log = api.logs(name(pod), &params).await;
        let log = log.map_err(|error| CommandError::of(read::request::<Pod>("get", &place, Some(name(pod))), error));
        for (end, read) in [("log", log), ("metrics", operator::metrics(cluster, pod).await)] {
            match read {
                Ok(text) => contents.texts.push((format!("operator/{}.{end}", name(pod)), text)),
                Err(error) => contents.lacking.push(error),
            }
        }
    }
}

/// The files of the bundle; without a salt with names.
fn files(contents: &Contents, salt: Option<&str>) -> Result<Vec<(String, String)>, CommandError> {
    let objects = contents.objects.iter().flat_map(|(_, objects)| objects);
    let pseudonyms = salt.map(|salt| Pseudonyms::of(objects, salt)).transpose().map_err(CommandError::Unusable)?;
    let mut files = Vec::new();
    for (file, objects) in &contents.objects {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        let list = pseudonyms.as_ref().map_or(list.clone(), |pseudonyms| pseudonyms.value(&list));
        files.push((file.clone(), format!("{list:#}\n")));
    }
    let lacking: String = contents.lacking.iter().map(|error| format!("{error}\n")).collect();
    let texts = contents.texts.iter().cloned().chain([("lacking.txt".to_owned(), lacking)]);
    for (file, text) in texts {
        let hidden = pseudonyms.as_ref().map_or(text.clone(), |pseudonyms| pseudonyms.text(&text));
        files.push((file, hidden));
    }
    Ok(files)
}

/// Writes a compressed archive.
fn write(path: &Path, files: &[(String, String)]) -> Result<(), CommandError> {
    let written = || -> io::Result<()> {
        let mut archive = Builder::new(GzEncoder::new(File::create(path)?, Compression::default()));
        for (file, text) in files {
            let mut header = Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, format!("billing-report/{file}"), text.as_bytes())?;
        }
        archive.into_inner()?.finish()?.flush()
    };
    written().map_err(|error| CommandError::Unusable(format!("{} cannot be written: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::Client;
    use kube::client::Body;

    use super::*;

    const LOG: &str = "/api/v1/namespaces/billing/pods/operator-0/log";
    const METRICS: &str = "/api/v1/namespaces/billing/pods/operator-0:8080/proxy/metrics";

    /// What the bundle has of an operator's pod whose log answers with `status`.
    async fn contents(status: u16) -> Contents {
        let service = tower::service_fn(move |request: Request<Body>| {
            let pods = json!({
                "kind": "PodList", "apiVersion": "v1", "metadata": {},
                "items": [{ "metadata": { "name": "operator-0", "namespace": "billing" } }],
            });
            let (status, body) = match request.uri().path() {
                "/api/v1/namespaces/billing/pods" => (200, pods.to_string()),
                LOG if request.uri().query() == Some("&tailLines=20000") => {
                    (status, "the invoice of acme/main is final\n".to_owned())
                }
                METRICS => (200, "billing_operator_held_invoices 0\n".to_owned()),
                path => panic!("nobody asked for {path}?{:?}", request.uri().query()),
            };
            async move { Response::builder().status(status).body(Body::from(body.into_bytes())) }
        });
        let mut contents = Contents::default();
        operator_pods(&Cluster::new(Client::new(service, "default"), "acme"), "billing", &mut contents).await;
        contents
    }

    #[tokio::test]
    async fn log_and_metrics_of_the_operator_are_in_the_bundle() {
        let contents = contents(200).await;
        let expected = [
            ("operator/operator-0.log".to_owned(), "the invoice of acme/main is final\n".to_owned()),
            ("operator/operator-0.metrics".to_owned(), "billing_operator_held_invoices 0\n".to_owned()),
        ];
        assert_eq!((contents.texts.as_slice(), contents.lacking.len()), (&expected[..], 0));
    }

    #[tokio::test]
    async fn a_log_that_may_not_be_read_is_told_and_the_rest_is_there() {
        let contents = contents(403).await;
        assert_eq!(
            contents.texts.iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>(),
            ["operator/operator-0.metrics"]
        );
        let lacking: Vec<_> = contents.lacking.iter().map(CommandError::to_string).collect();
        assert!(lacking.len() == 1 && lacking[0].contains("operator-0"), "{lacking:?}");
    }
}
