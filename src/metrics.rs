//! What the operator tells Prometheus about billing. What it tells about its work is in [`operator_kit::metrics`].

use chrono::{DateTime, Utc};
use operator_kit::metrics::{Exposition, Metrics as WorkMetrics, Registrar, Seconds, as_gauge, unix_seconds};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

/// Every metric's name begins with this.
const PREFIX: &str = "billing_operator";

/// A gauge of money, in major units: to look at, not to compute with.
type Sum = Gauge<f64, std::sync::atomic::AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPhase {
    phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByController {
    controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAge {
    currency: String,
    days_overdue: &'static str,
}

/// All that the operator counts; clones share it.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// What it does.
    pub work: WorkMetrics,
    /// How billing stands.
    pub billing: BillingMetrics,
    /// Both, as Prometheus reads them.
    pub exposition: Exposition,
    /// What is owed, which is not for everybody.
    pub finance: Exposition,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> Self {
        let registrar = || Registrar::new(PREFIX, env!("CARGO_PKG_VERSION"));
        let (mut all, mut finance) = (registrar(), registrar());
        let (work, billing) = (WorkMetrics::register(&mut all), BillingMetrics::register(&mut all, &mut finance));
        Self { work, billing, exposition: all.finish(), finance: finance.finish() }
    }
}

/// How billing stands; clones share it.
#[derive(Clone, Debug)]
pub struct BillingMetrics {
    policies_missing: Gauge,
    account_unknown: Gauge,
    guards_weakened: Gauge,
    groups: Gauge,
    projects: Gauge,
    invoices: Family<ByPhase, Gauge>,
    held_invoices: Family<ByReason, Gauge>,
    unbilled_records: Family<ByReason, Gauge>,
    usage_records_removed: Counter,
    refused_writes: Family<ByController, Gauge>,
    audit_failures: Gauge,
    last_audit: Seconds,
    receivables: Family<ByAge, Sum>,
    receivable_invoices: Family<ByAge, Gauge>,
}

impl BillingMetrics {
    fn register(all: &mut Registrar, finance: &mut Registrar) -> Self {
        Self {
            policies_missing: all.add(
                "policies_missing",
                "Admission policies that did not refuse their probe; above 0, nothing that concerns money is done",
                Gauge::default(),
            ),
            account_unknown: all.add(
                "account_unknown",
                "1 while the admission policies know another account than the operator's, and refuse what it writes",
                Gauge::default(),
            ),
            guards_weakened: all.add(
                "guards_weakened",
                "Definitions, policies and bindings that are not as the operator was built with",
                Gauge::default(),
            ),
            groups: all.add("groups", "Billing groups", Gauge::default()),
            projects: all.add("projects", "Projects with a payer", Gauge::default()),
            invoices: all.add("invoices", "Invoices by phase", Family::default()),
            held_invoices: all.add(
                "held_invoices",
                "Invoices that are held or wait for a reading, by the reason of their condition",
                Family::default(),
            ),
            unbilled_records: all.add(
                "unbilled_records",
                "Usage records that no invoice bills, by the reason of their condition",
                Family::default(),
            ),
            usage_records_removed: all.add(
                "usage_records_removed",
                "Usage records that were removed because they are older than they are kept",
                Counter::default(),
            ),
            refused_writes: all.add(
                "refused_writes",
                "Objects that could not be written because the API server refused, by who writes",
                Family::default(),
            ),
            audit_failures: all.add(
                "audit_failures",
                "Final invoices of the last two months that failed the last audit",
                Gauge::default(),
            ),
            last_audit: all.add(
                "last_audit_timestamp_seconds",
                "When the last audit ended, in Unix time; 0 before the first",
                Seconds::default(),
            ),
            receivables: finance.add(
                "receivables",
                "Unpaid amount of final invoices, by currency and days past due",
                Family::default(),
            ),
            receivable_invoices: finance.add(
                "receivable_invoices",
                "Unpaid final invoices, by currency and days past due",
                Family::default(),
            ),
        }
    }

    /// Counts records that were removed.
    pub fn usage_records_removed(&self, count: usize) {
        self.usage_records_removed.inc_by(count as u64);
    }

    /// Shows how many policies are not in force.
    pub fn policies_missing(&self, count: usize) {
        self.policies_missing.set(as_gauge(count));
    }

    /// Shows whether the policies know another account.
    pub fn account_unknown(&self, unknown: bool) {
        self.account_unknown.set(unknown.into());
    }

    /// Shows how many definitions, policies and bindings are not as they were built.
    pub fn guards_weakened(&self, count: usize) {
        self.guards_weakened.set(as_gauge(count));
    }

    /// Shows how many groups and projects there are.
    pub fn observed_objects(&self, groups: usize, projects: usize) {
        self.groups.set(as_gauge(groups));
        self.projects.set(as_gauge(projects));
    }

    /// Shows how many invoices there are in each phase; a phase that is not named has none.
    pub fn invoices(&self, by_phase: impl IntoIterator<Item = (&'static str, usize)>) {
        replace(&self.invoices, by_phase.into_iter().map(|(phase, count)| (ByPhase { phase }, count)));
    }

    /// Shows how many invoices are held, by reason; a reason that is not named holds none.
    pub fn held_invoices(&self, by_reason: impl IntoIterator<Item = (&'static str, usize)>) {
        replace(&self.held_invoices, by_reason.into_iter().map(|(reason, count)| (ByReason { reason }, count)));
    }

    /// Shows how many usage records are not billed, by reason; a reason not named has none.
    pub fn unbilled_records(&self, by_reason: impl IntoIterator<Item = (&'static str, usize)>) {
        replace(&self.unbilled_records, by_reason.into_iter().map(|(reason, count)| (ByReason { reason }, count)));
    }

    /// Shows how many objects could not be written because the API server refused; a controller that is not named has none.
    pub fn refused_writes(&self, by_controller: impl IntoIterator<Item = (&'static str, usize)>) {
        let labelled = by_controller.into_iter().map(|(controller, count)| (ByController { controller }, count));
        replace(&self.refused_writes, labelled);
    }

    /// Shows how many finals an audit found wrong.
    pub fn audited(&self, wrong: usize, now: DateTime<Utc>) {
        self.audit_failures.set(as_gauge(wrong));
        self.last_audit.set(unix_seconds(now));
    }

    /// Shows what is to be paid: currency, days past due, how many invoices, how much; what is not named is nothing.
    pub fn receivables(&self, sums: impl IntoIterator<Item = (String, &'static str, usize, f64)>) {
        self.receivables.clear();
        self.receivable_invoices.clear();
        for (currency, days_overdue, count, amount) in sums {
            let labels = ByAge { currency, days_overdue };
            self.receivables.get_or_create(&labels).set(amount);
            self.receivable_invoices.get_or_create(&labels).set(as_gauge(count));
        }
    }
}

/// Sets a family to exactly these counts.
fn replace<L>(family: &Family<L, Gauge>, counts: impl Iterator<Item = (L, usize)>)
where
    L: Clone + std::hash::Hash + Eq,
{
    family.clear();
    for (labels, count) in counts {
        family.get_or_create(&labels).set(as_gauge(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_is_told_where_finance_looks_and_nowhere_else() {
        let metrics = Metrics::new();
        metrics.billing.receivables([("USD".to_owned(), "1-30", 2, 99.5)]);
        let (all, finance) =
            (metrics.exposition.encode().expect("encodes"), metrics.finance.encode().expect("encodes"));
        assert!(!all.contains("receivable"), "{all}");
        assert!(
            finance.contains(r#"billing_operator_receivables{currency="USD",days_overdue="1-30"} 99.5"#),
            "{finance}"
        );
        assert!(!finance.contains("policies_missing"), "{finance}");
    }

    #[test]
    fn a_reason_that_holds_nothing_any_more_is_gone() {
        let metrics = Metrics::new();
        metrics.billing.held_invoices([("Unpriced", 2), ("Suspended", 1)]);
        metrics.billing.held_invoices([("Suspended", 3)]);
        let text = metrics.exposition.encode().expect("encodes");
        assert!(!text.contains("Unpriced"), "{text}");
        assert!(text.contains(r#"billing_operator_held_invoices{reason="Suspended"} 3"#), "{text}");
    }
}
