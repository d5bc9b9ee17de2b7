//! `kubectl billing status`: one screen of how an organization stands.

use clap::Args;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Resource;
use kube::api::ListParams;
use serde_json::Value;

use super::group::list::GROUPS;
use crate::cluster::{Cluster, ClusterArguments, Place, wait};
use crate::error::CommandError;
use crate::print::{Column, Format, PrintArguments, Section, TableShape, print_sections};
use crate::read::{condition, text};
use crate::{ExitStatus, Io, operator, read};
use billing_api::{BillingGroup, Invoice, Time, UsageRecord};
use billing_domain::{Month, Timestamp};

const ESTIMATES: TableShape = TableShape::of(&[
    Column::text("NUMBER", ".metadata.name"),
    Column::text("GROUP", ".spec.billingGroup"),
    Column::text("PERIOD", ".spec.period"),
    Column::number("SO FAR", ".status.document.total"),
    Column::text("CURRENCY", ".status.document.currency"),
    Column::text("AS OF", ".status.document.asOf"),
]);

const HELD: TableShape = TableShape::of(&[
    Column::text("NUMBER", ".metadata.name"),
    Column::text("PERIOD", ".spec.period"),
    Column::text("REASON", r#".status.conditions[?(@.type=="Ready")].reason"#),
    Column::elastic("MESSAGE", r#".status.conditions[?(@.type=="Ready")].message"#),
]);

const PAST_DUE: TableShape = TableShape::of(&[
    Column::text("NUMBER", ".metadata.name"),
    Column::text("GROUP", ".spec.billingGroup"),
    Column::number("AMOUNT DUE", ".status.document.amountDue").or(".status.document.total"),
    Column::text("CURRENCY", ".status.document.currency"),
    Column::text("SINCE", ".status.overdueSince"),
]);

const UNBILLED: TableShape = TableShape::of(&[
    Column::text("RECORD", ".metadata.name"),
    Column::text("PROJECT", ".spec.project"),
    Column::text("REASON", r#".status.conditions[?(@.type=="Billable")].reason"#),
    Column::elastic("MESSAGE", r#".status.conditions[?(@.type=="Billable")].message"#),
]);

const AUDIT: TableShape = TableShape::of(&[
    Column::text("NUMBER", ".metadata.name"),
    Column::text("REASON", r#".status.conditions[?(@.type=="AuditFailed")].reason"#),
    Column::elastic("MESSAGE", r#".status.conditions[?(@.type=="AuditFailed")].message"#),
]);

const OPERATORS: TableShape = TableShape::of(&[
    Column::text("OPERATOR", ".metadata.name"),
    Column::text("NAMESPACE", ".metadata.namespace"),
    Column::text("VERSION", r".metadata.labels.app\.kubernetes\.io/version"),
    Column::number("READY", ".status.readyReplicas"),
]);

/// Show how an organization stands, on one screen
///
/// Its groups, what this month comes to so far, which invoices wait or are held and why, what is past due, which usage is on no
/// invoice, what the last audit found, and which versions run. What you have no right to see is named, and the command ends
/// with 2.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing status -n acme")]
pub struct StatusArguments {
    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    print: PrintArguments,
}

/// What is read for the screen, part by part.
struct Screen<'a> {
    cluster: &'a Cluster,
    place: Place,
    sections: Vec<Section>,
    lacking: Vec<CommandError>,
}

/// Runs the command.
///
/// # Errors
/// The cluster cannot be reached, or nothing can be printed.
pub fn run(arguments: &StatusArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let mut screen =
            Screen { place: cluster.organization(), cluster: &cluster, sections: Vec::new(), lacking: Vec::new() };
        screen.read(io.now).await;
        let server = cluster.client().apiserver_version().await.ok();
        let Screen { sections, lacking, .. } = screen;
        print_sections(sections, &arguments.print, io.stdout, io.stderr)?;
        if matches!(arguments.print.output, Format::Table | Format::Wide) {
            let server = server.map_or("of unknown version".to_owned(), |server| server.git_version);
            writeln!(io.stdout, "\nkubectl-billing {}, Kubernetes {server}", env!("CARGO_PKG_VERSION"))?;
            // Only who may see the operator's pods learns it.
            if let Some(audited) = operator::last_audit(&cluster).await {
                writeln!(io.stdout, "last audit of finals: {}", Time(audited))?;
            }
        }
        for error in &lacking {
            writeln!(io.stderr, "not shown: {error}")?;
        }
        Ok(if lacking.is_empty() { ExitStatus::Ok } else { ExitStatus::Failed })
    })?
}

impl Screen<'_> {
    async fn read(&mut self, now: Timestamp) {
        let groups = self.list::<BillingGroup>("").await;
        let estimates = self.list::<Invoice>("status.phase=Estimate").await;
        let held =
            of(&estimates, |invoice| condition(invoice, "Ready").is_some_and(|ready| ready["status"] == "False"));
        let past_due = self.list::<Invoice>("status.phase=Final,status.overdueSince!=").await;
        let audited = match past_due {
            None => None,
            Some(_) => self.audited(now).await,
        };
        let wrong = of(&audited, |invoice| condition(invoice, "AuditFailed").is_some());
        let usage = self.list::<UsageRecord>("").await;
        let unbilled = of(&usage, |record| condition(record, "Billable").is_some());
        self.show("Billing groups", GROUPS, groups);
        self.show("Open months", ESTIMATES, estimates);
        self.show("Not final, and why", HELD, held);
        self.show("Past due", PAST_DUE, past_due);
        self.show("Usage on no invoice", UNBILLED, unbilled);
        self.show("Finals that the audit found wrong", AUDIT, wrong);
        self.operators().await;
    }

    /// The objects of a kind; `None` where nobody lets us see them, which is noted once for each kind.
    async fn list<K: Resource<DynamicType = ()>>(&mut self, fields: &str) -> Option<Vec<Value>> {
        let mut params = ListParams::default();
        if !fields.is_empty() {
            params = params.fields(fields);
        }
        match read::list::<K>(self.cluster, &self.place, params).await {
            Ok(mut found) => {
                found.iter_mut().for_each(|object| drop(object["metadata"]["managedFields"].take()));
                Some(found)
            }
            Err(error) => {
                if !self.lacking.iter().any(|known| known.to_string() == error.to_string()) {
                    self.lacking.push(error);
                }
                None
            }
        }
    }

    /// The finals that the auditor looks at: those of the last two months.
    async fn audited(&mut self, now: Timestamp) -> Option<Vec<Value>> {
        let mut month = Month::of(now);
        let mut found = Vec::new();
        for _ in 0..2 {
            month = month.prev();
            found.extend(self.list::<Invoice>(&format!("status.phase=Final,spec.period={month}")).await?);
        }
        Some(found)
    }

    fn show(&mut self, heading: &str, shape: TableShape, objects: Option<Vec<Value>>) {
        if let Some(objects) = objects {
            self.sections.push(Section::new(shape, objects, "none").headed(heading));
        }
    }

    /// The operators of the cluster, for who may see them; most people need not.
    async fn operators(&mut self) {
        let params = ListParams::default().labels("app.kubernetes.io/name=billing-operator");
        if let Ok(found) = read::list::<Deployment>(self.cluster, &Place::Everywhere, params).await {
            let named = found.into_iter().filter(|deployment| !text(deployment, "/metadata/name").is_empty());
            self.show("Operators", OPERATORS, Some(named.collect()));
        }
    }
}

fn of(objects: &Option<Vec<Value>>, fits: impl Fn(&Value) -> bool) -> Option<Vec<Value>> {
    objects.as_ref().map(|objects| objects.iter().filter(|object| fits(object)).cloned().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::PAST_DUE;

    #[test]
    fn what_is_past_due_is_what_was_not_paid_in_advance() {
        let invoice = |document| {
            json!({
                "metadata": { "name": "f3397-1" }, "spec": { "billingGroup": "main" },
                "status": { "document": document, "overdueSince": "2026-11-15T00:00:00Z" },
            })
        };
        let prepaid = invoice(json!({ "total": "125.50", "amountDue": "25.50", "currency": "EUR" }));
        let plain = invoice(json!({ "total": "125.50", "currency": "EUR" }));
        let shown = |invoice| {
            let rows = [invoice];
            PAST_DUE.rows(&rows).map(|row| row.cells(&PAST_DUE.columns(false))).collect::<Vec<_>>()
        };
        let row = |due| [["f3397-1", "main", due, "EUR", "2026-11-15T00:00:00Z"]];
        assert_eq!(shown(prepaid), row("25.50"));
        assert_eq!(shown(plain), row("125.50"));
    }
}
