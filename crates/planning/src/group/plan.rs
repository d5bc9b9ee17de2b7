//! What a group needs now.

use std::collections::BTreeSet;

use kube_core::ResourceExt;

use super::balance_transfer::unclaimed_balance;
use super::status::{StatusFacts, first_period_too_early, plan_status, unassigned_status, with_refused_write};
use super::write_coalescing::CoalescingState;
use crate::billing_settings::BillingSettings;
use crate::invoice::{EstimatePlan, EstimateWrite, GroupInvoices, InvoiceFacts, MonthView, Predecessor, plan_estimate};
use crate::months::{Left, Position, Returning, through_months};
use crate::pending_projects::pending_projects;
use billing_api::{self as api, labels};
use billing_documents::document::RenderError;
use billing_domain::closing::CloseDecision;
use billing_domain::invoice::number;
use billing_domain::tenancy::default_binding::{DedicatedFacts, is_obsolete};
use billing_domain::tenancy::membership::{GroupFacts, desired_members};
use billing_domain::{Bill, BroughtForward, Group, Month, Name, Timestamp, Uid};
use billing_state::{Estimate, Key, ObservedState, OrganizationState, RefusedWrite};

/// The next thing to do for a group.
#[derive(Debug)]
pub enum GroupPlan {
    /// It is gone.
    Gone,
    /// It may go: its finalizer is taken off.
    Release,
    /// Its organization is being deleted, and nothing is made there.
    Nothing,
    /// It gets its finalizer, before it has a member.
    Protect,
    /// It claims its series, trying these in order.
    ClaimSeries(Vec<Name>),
    /// Its status says why nothing else is done for it.
    Tell(Box<api::BillingGroupStatus>),
    /// The operator made it, and nobody uses it.
    Remove,
    /// It has all that it needs to be billed.
    Steady(Box<Steady>),
}

/// What a group that is billed needs.
#[derive(Debug)]
pub struct Steady {
    /// Its new status; `None` when what is written still holds.
    pub status: Option<api::BillingGroupStatus>,
    /// Estimates to write.
    pub writes: Vec<InvoiceWrite>,
    /// Estimates that do not fit their number any more, or that the group leaves behind.
    pub deletes: Vec<Estimate>,
    /// What is owed to it and somebody else gets before it goes.
    pub transfer: Option<Box<api::Credit>>,
    /// Whether it may go once that is written.
    pub release: bool,
    /// Whether a month can become final.
    pub closing: bool,
    /// What gathers once that is written.
    pub coalescing: Option<CoalescingState>,
    /// When to look again.
    pub wake: Option<Timestamp>,
}

/// An estimate to write.
#[derive(Debug)]
pub struct InvoiceWrite {
    /// What it is for.
    pub facts: InvoiceFacts,
    /// The invoice as it is now; `None` when it is to be made.
    pub observed: Option<Estimate>,
    /// Its new status.
    pub write: EstimateWrite,
}

/// Plans the next step for a group; `coalescing` is what the plan before said of it.
///
/// # Errors
/// A bill cannot be written as a document.
pub fn plan_group(
    state: &ObservedState,
    organization: &Name,
    uid: Uid,
    settings: &BillingSettings,
    coalescing: Option<CoalescingState>,
    now: Timestamp,
) -> Result<GroupPlan, RenderError> {
    let Some(view) = GroupView::new(state, organization, uid, settings, now) else { return Ok(GroupPlan::Gone) };
    let protected = view.object.finalizers().iter().any(|name| name == labels::SETTLE_FINALIZER);
    let home = state.namespace(organization);
    let status = view.object.status.clone().unwrap_or_default();
    if home.is_none_or(|namespace| namespace.terminating) {
        let terminates = home.is_some() || view.group.deleted.is_some();
        return Ok(match protected {
            true => GroupPlan::Release,
            false if terminates => GroupPlan::Nothing,
            false => view.unassigned(&status),
        });
    }
    if home.is_some_and(|namespace| namespace.organization != *organization) {
        return Ok(view.unassigned(&status));
    }
    if !protected {
        let protect = if view.group.deleted.is_some() { GroupPlan::Nothing } else { GroupPlan::Protect };
        return Ok(view.tell_refused(&status).unwrap_or(protect));
    }
    let Some(series) = &status.invoice_series else {
        return Ok(view.tell_refused(&status).unwrap_or_else(|| view.without_series()));
    };
    if view.is_obsolete() {
        return Ok(GroupPlan::Remove);
    }
    view.plan_steady(series, &status, coalescing).map(|steady| GroupPlan::Steady(Box::new(steady)))
}

/// A group among its organization.
struct GroupView<'a> {
    state: &'a ObservedState,
    name: &'a Name,
    organization: &'a OrganizationState,
    group: &'a Group,
    object: &'a api::BillingGroup,
    facts: GroupFacts<'a>,
    settings: &'a BillingSettings,
    now: Timestamp,
}

impl<'a> GroupView<'a> {
    fn new(
        state: &'a ObservedState,
        name: &'a Name,
        uid: Uid,
        settings: &'a BillingSettings,
        now: Timestamp,
    ) -> Option<Self> {
        let organization = state.organization(name)?;
        let facts = organization.group_facts(uid)?;
        let object = organization.group(uid)?;
        Some(Self { state, name, organization, group: facts.group, object, facts, settings, now })
    }

    fn without_series(&self) -> GroupPlan {
        if self.group.deleted.is_some() {
            return GroupPlan::Release;
        }
        let wish = self.object.spec.terms.as_ref().and_then(|terms| terms.invoice_series.as_deref()).map(Name::from);
        GroupPlan::ClaimSeries(number::series_candidates(wish.as_ref(), self.group.uid))
    }

    /// What a group says whose namespace is no organization's any more.
    fn unassigned(&self, status: &api::BillingGroupStatus) -> GroupPlan {
        let planned = unassigned_status(self.name, status, self.object.metadata.generation, self.now);
        if planned == *status { GroupPlan::Nothing } else { GroupPlan::Tell(Box::new(planned)) }
    }

    /// What a group says for which nothing can be written yet, where it does not say it already.
    fn tell_refused(&self, status: &api::BillingGroupStatus) -> Option<GroupPlan> {
        let planned = with_refused_write(self.refused()?, status, self.object.metadata.generation, self.now);
        (planned != *status).then(|| GroupPlan::Tell(Box::new(planned)))
    }

    /// A write for the group that the API server refuses.
    fn refused(&self) -> Option<&'a RefusedWrite> {
        self.state.refused_write(&Key::Group { organization: self.name.clone(), group: self.group.uid })
    }

    fn is_obsolete(&self) -> bool {
        is_obsolete(&DedicatedFacts {
            facts: self.facts,
            edited: self.object.metadata.generation != Some(1),
            has_finals: self.object.status.as_ref().is_some_and(|status| status.last_final.is_some()),
            named_by_binding: !self.organization.bound_to(&self.group.name).is_empty() || self.is_awaited(),
            last_in_ledger: self.organization.organization.is_current_payer(self.group.uid),
        })
    }

    /// Whether the project that it was made for has no binding yet, and is about to get one to it.
    fn is_awaited(&self) -> bool {
        let Some(project) = self.facts.dedicated_to.filter(|project| self.state.binding(project).is_none()) else {
            return false;
        };
        let namespace =
            self.state.namespace(project).filter(|_| self.state.organization_of(project) == Some(self.name));
        namespace.is_some_and(|namespace| !namespace.terminating && !namespace.no_default)
    }

    fn plan_steady(
        &self,
        series: &str,
        status: &api::BillingGroupStatus,
        coalescing: Option<CoalescingState>,
    ) -> Result<Steady, RenderError> {
        let groups = self.organization.all_group_facts();
        let oldest = Position::oldest_open(self.group, status);
        // A month that still runs waits for nobody.
        let pending_projects = match oldest.month.end() <= self.now {
            true => pending_projects(self.state, self.name, self.group, &groups, self.settings, self.now),
            false => Vec::new(),
        };
        let invoices = GroupInvoices {
            state: self.state,
            organization: self.organization,
            group: self.group,
            object: self.object,
            series,
            settings: self.settings,
            pending_projects: &pending_projects,
            pending_reissue: self.organization.pending_reissue(&self.group.name),
        };
        let mut months = self.plan_months(&invoices, oldest)?;
        let nothing_owed = self.group.deleted.is_some() && !months.iter().any(Planned::owes);
        let unclaimed_balance = unclaimed_balance(self.organization, self.group, status).filter(|_| nothing_owed);
        let release = nothing_owed && unclaimed_balance.is_none();
        let members = self.members(&groups);
        let coalescing =
            self.awaits_ledgers(&members).then(|| coalescing.unwrap_or(CoalescingState::started(self.now)));
        if let Some(coalescing) = &coalescing {
            months.iter_mut().for_each(|month| month.defer_estimate(coalescing, self.now));
        }
        let planned = plan_status(&StatusFacts {
            invoices: &invoices,
            groups: &groups,
            members: &members,
            months: &months,
            existing: status,
            refused: self.refused(),
            now: self.now,
        });
        let deletes = self.obsolete_estimates(&months, release);
        let wait = coalescing.and_then(|coalescing| coalescing.members_delayed_until(self.now));
        let grows = members.len() > self.facts.members.len() && members.is_superset(self.facts.members);
        let wait = wait.filter(|_| grows && differs_only_by_members(&planned, status));
        let coalescing = match wait {
            None if members != *self.facts.members => coalescing.map(|known| known.with_members_written(self.now)),
            None | Some(_) => coalescing,
        };
        let due = self.organization.receivables.next_due(self.group.uid, self.now);
        let wake = months.iter().filter_map(|month| month.plan.wake).chain(wait).chain(due).min();
        // An invoice that was not seen may be final already, unless its month still runs.
        let unseen = |month: &Planned| month.unseen && month.facts.month.end() <= self.now;
        let closing = months.iter().any(|month| month.plan.decision == CloseDecision::Finalise || unseen(month));
        Ok(Steady {
            status: (planned != *status && wait.is_none()).then_some(planned),
            writes: if release { Vec::new() } else { self.writes(months) },
            deletes,
            transfer: unclaimed_balance.and_then(|unclaimed_balance| unclaimed_balance.credit(self.name)).map(Box::new),
            release,
            closing,
            coalescing,
            wake,
        })
    }

    /// The members that the group should have. One that is being deleted keeps those that it has.
    fn members(&self, groups: &[GroupFacts<'_>]) -> BTreeSet<Name> {
        if self.group.deleted.is_some() {
            return self.facts.members.clone();
        }
        let projects = self.state.projects_of_group(self.name, self.organization, self.group);
        desired_members(&self.facts, projects, groups, self.now)
    }

    /// Plans the months that are not final, from the oldest on.
    fn plan_months(&self, invoices: &GroupInvoices<'_>, oldest: Position) -> Result<Vec<Planned>, RenderError> {
        if first_period_too_early(self.group).is_some() {
            return Ok(Vec::new());
        }
        through_months(invoices, oldest, Month::of(self.now), |view| {
            let observed = self.organization.invoices.estimate(&view.number).filter(|known| view.is_of(known));
            let unseen = observed.is_none() && self.organization.invoices.exists(&view.number);
            let plan = plan_estimate(view, observed, self.now)?;
            let uses = plan.bill.iter().flat_map(|bill| &bill.credits).map(|one| (one.name.clone(), one.used));
            let carried_forward = Left {
                credits: uses.collect(),
                returned: plan
                    .bill
                    .iter()
                    .flat_map(|bill| &bill.returned)
                    .map(|one| Returning::of(view, one))
                    .collect(),
                predecessor: Predecessor::Open {
                    number: view.number.clone(),
                    carried_forward: carried_forward(view, observed, &plan),
                },
            };
            let planned = Planned {
                facts: InvoiceFacts::of(view, self.name),
                closable_from: view.closable_from(),
                observed: observed.cloned(),
                unseen,
                plan,
            };
            Ok((planned, carried_forward))
        })
    }

    /// Estimates of the group that no planned month has; all of them when the group goes.
    fn obsolete_estimates(&self, months: &[Planned], release: bool) -> Vec<Estimate> {
        let planned = |estimate: &&Estimate| {
            let uid = |planned: &Planned| planned.observed.as_ref().map(|observed| observed.uid.clone());
            months.iter().any(|month| uid(month).as_deref() == Some(estimate.uid.as_str()))
        };
        let estimates = self.organization.invoices.estimates_of(self.group.uid);
        estimates.filter(|estimate| release || !planned(estimate)).cloned().collect()
    }

    /// Whether the ledger of a member does not name the group yet: then the estimate is about to change again.
    fn awaits_ledgers(&self, members: &BTreeSet<Name>) -> bool {
        members.iter().any(|member| {
            let ledger = self.organization.organization.project(member).and_then(|project| project.ledger());
            ledger.is_none_or(|ledger| ledger.last().group_uid != self.group.uid)
        })
    }

    /// What is to be written. An invoice that exists and has not been seen yet is left alone: it may be final. One
    /// whose number is still held by an invoice of another month waits for that to go.
    fn writes(&self, months: Vec<Planned>) -> Vec<InvoiceWrite> {
        let write = |month: Planned| {
            let Planned { facts, observed, unseen, plan, .. } = month;
            let write = plan.write.filter(|_| !unseen)?;
            Some(InvoiceWrite { facts, observed, write })
        };
        months.into_iter().filter_map(write).collect()
    }
}

/// Whether a status differs from the one before in nothing but what new members bring with them.
fn differs_only_by_members(planned: &api::BillingGroupStatus, existing: &api::BillingGroupStatus) -> bool {
    let same = api::BillingGroupStatus {
        members: existing.members.clone(),
        projects: existing.projects,
        estimated_balance: existing.estimated_balance.clone(),
        ..planned.clone()
    };
    same == *existing
}

/// What the invoice of a month leaves to the next one, as it is now.
fn carried_forward(view: &MonthView<'_>, observed: Option<&Estimate>, plan: &EstimatePlan) -> Option<BroughtForward> {
    let amount = plan.bill.as_ref().ok()?.carried_forward?;
    let uid = observed?.uid.parse().ok()?;
    Some(BroughtForward { amount, invoice: view.number.clone(), uid, includes_tax: true })
}

/// A month that is not final, and what it needs.
pub(super) struct Planned {
    pub(super) facts: InvoiceFacts,
    pub(super) closable_from: Timestamp,
    observed: Option<Estimate>,
    /// Whether the invoice exists, but its content has not been seen.
    unseen: bool,
    pub(super) plan: EstimatePlan,
}

impl Planned {
    /// Leaves an estimate of the open month as it is, for as long as it may gather what comes.
    fn defer_estimate(&mut self, coalescing: &CoalescingState, now: Timestamp) {
        let written = self.observed.as_ref().and_then(|observed| observed.as_of);
        let until = written.and_then(|written| coalescing.estimate_delayed_until(written, now));
        let Some(until) = until.filter(|until| now < *until && now < self.facts.month.end()) else { return };
        if self.plan.write.take().is_some() {
            self.plan.wake = Some(self.plan.wake.map_or(until, |wake| wake.min(until)));
        }
    }

    /// Whether the group pays for something in the month, or may once a hold is solved.
    pub(super) fn owes(&self) -> bool {
        let charged = self.plan.bill.as_ref().map_or(true, Bill::charges_anything);
        let held = self.plan.bill.as_ref().is_ok_and(|bill| bill.problems.iter().any(|problem| problem.reason.holds()));
        charged || held
    }
}
