//! When an estimate is written again, and what it then says.

use chrono::TimeDelta;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::month::MonthView;
use crate::conditions::{self, DesiredCondition};
use billing_api::{self as api, InputVersion};
use billing_documents::document::{RenderError, Rendered};
use billing_domain::closing::{CloseDecision, Hold, WaitReason};
use billing_domain::{Bill, Month, Name, Timestamp};
use billing_state::Estimate;

/// How long a month may be without its BillingPeriod before its invoices say so.
const PERIOD_DELAY: TimeDelta = TimeDelta::seconds(60);

/// What an estimate needs.
#[derive(Debug)]
pub struct EstimatePlan {
    /// What its month waits for, or what holds it, or that it can become final.
    pub decision: CloseDecision,
    /// The bill that is in force after the plan, or what keeps it from being made.
    pub bill: Result<Bill, Hold>,
    /// What to write; `None` when what is written still holds.
    pub write: Option<EstimateWrite>,
    /// When to look again.
    pub wake: Option<Timestamp>,
}

/// An estimate's new status.
#[derive(Debug)]
pub struct EstimateWrite {
    /// The document and its slices; `None` while there can be none.
    pub rendered: Option<Rendered>,
    /// The conditions.
    pub conditions: Vec<Condition>,
    /// Slices that the document before listed, and this one does not.
    pub obsolete: Vec<Name>,
}

/// Plans the estimate of a month. `observed` is the invoice as it is now, if it exists.
///
/// The document is computed again as of the instant that is written on it. While that gives what is written, and no
/// boundary was reached since (a refresh, the end of the month, a start of usage), nothing is written. To compare the two,
/// credits are named in the versions that are written: a credit changes with every month that uses it, and with a mere
/// label, and what that changes in this month's use of it is in the lines. When they differ, the versions of now are named.
///
/// Cost: the bill of the month, one to three times; of a group's months that are over, only the oldest is audited.
///
/// # Errors
/// The bill cannot be written as a document.
pub fn plan_estimate(
    view: &MonthView<'_>,
    observed: Option<&Estimate>,
    now: Timestamp,
) -> Result<EstimatePlan, RenderError> {
    let interval = view.invoices.settings.estimate_interval;
    let written = observed.and_then(|estimate| estimate.as_of).filter(|as_of| *as_of <= now);
    let over = now >= view.month.end();
    let begun = |as_of| view.next_start(as_of).is_some_and(|start| start < now);
    let fresh = |as_of: Timestamp| as_of.checked_add_signed(interval).is_none_or(|refresh| now < refresh);
    let same_rate = |as_of| view.rate_date(as_of) == view.rate_date(now);
    let stays = |as_of: &Timestamp| !over && fresh(*as_of) && !begun(*as_of) && same_rate(*as_of);
    let document = match (written, observed.and_then(|estimate| estimate.digest.as_deref())) {
        (Some(as_of), Some(digest)) => {
            let recorded = observed.map(|estimate| estimate.credits.as_slice()).unwrap_or_default();
            let before = Computed::new(view, as_of, recorded)?;
            if before.digest() != Some(digest) {
                Computed::new(view, now, &[])?
            } else if stays(&as_of) {
                before
            } else {
                before.or_later(view, now)?
            }
        }
        _ => Computed::new(view, now, &[])?,
    };
    // The bill of a month that is over was compared with the one as of now, and is the same. It is audited when its turn comes:
    // before, it still changes with what the month before it leaves.
    let holds = match view.is_next() {
        true => view.holds(&document.bill, if over { now } else { document.as_of }),
        false => view.holds_before_audit(&document.bill),
    };
    let decision = view.decide(&holds, now);
    let wake = wake(view, &document, &decision, now);
    let conditions = merged_conditions(view, observed, &decision, now);
    let changed = observed
        .is_none_or(|estimate| estimate.digest.as_deref() != document.digest() || estimate.conditions != conditions);
    let Computed { bill, rendered, .. } = document;
    let obsolete = obsolete_slices(observed, rendered.as_ref());
    let write = changed.then_some(EstimateWrite { rendered, conditions, obsolete });
    Ok(EstimatePlan { decision, bill, write, wake })
}

/// A month computed as of an instant.
struct Computed {
    as_of: Timestamp,
    bill: Result<Bill, Hold>,
    rendered: Option<Rendered>,
}

impl Computed {
    fn new(view: &MonthView<'_>, as_of: Timestamp, recorded: &[InputVersion]) -> Result<Self, RenderError> {
        let bill = view.bill(as_of);
        Ok(match bill.as_ref().ok().map(|bill| view.estimate(bill, as_of, recorded)).transpose() {
            Ok(rendered) => Self { as_of, bill, rendered },
            Err(error) => Self { as_of, bill: Err(MonthView::too_large(error)?), rendered: None },
        })
    }

    /// The same month as of a later instant, unless nothing but the instant would change.
    fn or_later(self, view: &MonthView<'_>, now: Timestamp) -> Result<Self, RenderError> {
        let later = view.bill(now);
        if later == self.bill {
            return Ok(self);
        }
        Self::new(view, now, &[])
    }

    fn digest(&self) -> Option<&str> {
        self.rendered.as_ref().map(|rendered| rendered.document.digest.as_str())
    }
}

/// The next boundary: of the month's closing, or, while something runs, of the estimate's refreshing.
fn wake(view: &MonthView<'_>, document: &Computed, decision: &CloseDecision, now: Timestamp) -> Option<Timestamp> {
    let running = |bill: &Bill| bill.lines.iter().any(|line| line.usage.end.is_none_or(|end| end > document.as_of));
    let accrues = now < view.month.end() && document.bill.as_ref().is_ok_and(running);
    let refresh =
        accrues.then(|| document.as_of.checked_add_signed(view.invoices.settings.estimate_interval)).flatten();
    // What begins costs something a moment later.
    let start = view.next_start(now).and_then(|start| start.checked_add_signed(TimeDelta::seconds(1)));
    // Prices begin and end, too; so even a quiet month is looked at once an interval. A reading before a record's end tells nobody.
    let awaits_readings = matches!(decision, CloseDecision::Wait { reason: WaitReason::AwaitingReading { .. }, .. });
    let is_looked_at = now < view.month.end() || awaits_readings;
    let quiet = now.checked_add_signed(view.invoices.settings.estimate_interval).filter(|_| is_looked_at);
    // With the day comes another exchange rate.
    let day = view.next_rate(now);
    [view.next_change(now), day, refresh.filter(|refresh| *refresh > now), start, quiet].into_iter().flatten().min()
}

fn merged_conditions(
    view: &MonthView<'_>,
    observed: Option<&Estimate>,
    decision: &CloseDecision,
    now: Timestamp,
) -> Vec<Condition> {
    let existing = observed.map(|estimate| estimate.conditions.as_slice()).unwrap_or_default();
    if !existing.is_empty() && is_transient(view, decision, now) {
        return existing.to_vec();
    }
    let ready = match decision {
        CloseDecision::Wait { reason: WaitReason::Open, .. } => {
            DesiredCondition::yes("Ready", WaitReason::Open.as_str(), open_message(view.month, view.closable_from()))
        }
        CloseDecision::Wait { reason: reason @ WaitReason::SettlingIn, until } => {
            let until = until.map(|until| format!(" until {}", api::Time::from(until))).unwrap_or_default();
            DesiredCondition::no("Ready", reason.as_str(), format!("{reason}{until}"))
        }
        CloseDecision::Wait { reason, .. } => DesiredCondition::no("Ready", reason.as_str(), reason.to_string()),
        CloseDecision::Hold(hold) => DesiredCondition::no("Ready", hold.reason.as_str(), hold.message.clone()),
        CloseDecision::Finalise => DesiredCondition::no("Ready", "Closing", "the invoice is about to become final"),
    };
    conditions::merge(existing, &[ready], Some(1), now)
}

/// Whether a decision is about to be overtaken: what it says is not worth a write.
fn is_transient(view: &MonthView<'_>, decision: &CloseDecision, now: Timestamp) -> bool {
    match decision {
        CloseDecision::Finalise => true,
        CloseDecision::Wait { reason: WaitReason::AwaitingPeriod, .. } => {
            now.signed_duration_since(view.month.end()) < PERIOD_DELAY
        }
        CloseDecision::Wait { .. } | CloseDecision::Hold(_) => false,
    }
}

fn open_message(month: Month, closable_from: Timestamp) -> String {
    format!("the estimate follows usage; {month} becomes final after {}", api::Time::from(closable_from))
}

fn obsolete_slices(observed: Option<&Estimate>, rendered: Option<&Rendered>) -> Vec<Name> {
    let listed = |name: &Name| {
        let slices = rendered.into_iter().flat_map(|rendered| &rendered.slices);
        slices.clone().any(|slice| slice.reference.name.as_str() == name.as_str())
    };
    observed.into_iter().flat_map(|estimate| &estimate.slices).filter(|name| !listed(name)).cloned().collect()
}
