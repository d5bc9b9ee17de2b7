//! What the services of a group's projects cost.

use std::collections::BTreeMap;

use crate::bill::charge::{Charger, Charges};
use crate::bill::fill::Portions;
use crate::bill::inputs::GroupMonth;
use crate::bill::result::{BillError, ProjectSubtotal};
use crate::catalog::tax_rule::TaxGroup;
use crate::invoice::line::Line;
use crate::invoice::month_terms::{MonthTerms, TaxReasons};
use crate::invoice::service_sum::ServiceSum;
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::problem::Problem;
use crate::tenancy::attribution::Payer;
use crate::tenancy::organization::Project;

/// What the services of the group's projects cost.
pub(super) struct Services {
    pub(super) lines: Vec<Line>,
    pub(super) projects: Vec<ProjectSubtotal>,
    /// The lines' sums, by project and by what is taxed alike.
    pub(super) sums: Vec<ServiceSum>,
    /// Why services are not taxed, where that is so.
    pub(super) reasons: TaxReasons,
    /// The type of a service that no tax treatment is for.
    pub(super) unruled: Option<Name>,
    pub(super) problems: Vec<Problem>,
}

/// Charges what runs in the projects that the group pays for, project by project.
pub(super) fn bill_services(
    month: &GroupMonth<'_>,
    terms: &MonthTerms,
    currency: Currency,
) -> Result<Services, BillError> {
    let (portions, mut charges) = (Portions::of(month), Charges::default());
    let (mut projects, mut sums) = (Vec::new(), Vec::new());
    for project in month.organization.candidate_projects(month.group) {
        let before = charges.lines.len();
        if charge_project(month, project, terms, &portions, &mut charges) {
            let lines = &charges.lines[before..];
            let subtotal = total(lines, currency).ok_or_else(|| BillError::overflow(month))?;
            // One that is long gone is not listed for ever.
            if !lines.is_empty() || project.namespace().is_some() {
                projects.push(ProjectSubtotal { project: project.name().clone(), subtotal });
            }
            sums.extend(sums_of(project.name(), lines, currency).ok_or_else(|| BillError::overflow(month))?);
        }
    }
    let Charges { lines, problems } = charges;
    let (reasons, unruled) = judge(terms, &lines);
    Ok(Services { lines, projects, sums, reasons, unruled, problems })
}

/// Why lines are not taxed, where that is so, and a service that no treatment is for. Cost: a look at each line.
fn judge(terms: &MonthTerms, lines: &[Line]) -> (TaxReasons, Option<Name>) {
    let (mut reasons, mut unruled) = (TaxReasons::default(), None);
    let mut known: Option<&Name> = None;
    for kind in lines.iter().map(|line| &line.usage.service.kind) {
        if known.is_some_and(|known| known.same(kind)) {
            continue; // as the line before
        }
        known = Some(kind);
        match terms.tax.treatment(Some(kind)) {
            Some(treatment) => reasons.add(treatment),
            None => unruled = unruled.or_else(|| Some(kind.clone())),
        }
    }
    (reasons, unruled)
}

/// The sums of a project's lines by what is taxed alike, in the order of these.
fn sums_of(project: &Name, lines: &[Line], currency: Currency) -> Option<Vec<ServiceSum>> {
    let mut sums: BTreeMap<Option<TaxGroup>, Money> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(line.tax).or_insert(Money::zero(currency));
        *sum = sum.checked_add(line.total)?;
    }
    Some(sums.into_iter().map(|(tax, total)| ServiceSum { project: project.clone(), tax, total }).collect())
}

/// Charges a project to the group, where it pays for any of the month; returns whether it does.
pub(crate) fn charge_project(
    month: &GroupMonth<'_>,
    project: &Project,
    terms: &MonthTerms,
    portions: &Portions,
    charges: &mut Charges,
) -> bool {
    let slices = month.periods_of(project);
    if !slices.is_empty() {
        Charger::charge_project(month, project, terms, (&slices, portions), charges);
    }
    !slices.is_empty()
}

/// The projects for each of which a charge is owed: of those on the bill, those that the group pays for at the month's end. `None` where
/// no charge is by project.
pub(super) fn charged_projects(month: &GroupMonth<'_>, terms: &MonthTerms, listed: &[ProjectSubtotal]) -> Option<u32> {
    let pays_at_the_end = |listed: &&ProjectSubtotal| {
        let project = month.organization.project(&listed.project);
        let payers = project.map(|project| month.records().payers(project, month.month, month.attribution));
        payers.unwrap_or_default().last().is_some_and(|(_, payer)| *payer == Payer::Group(month.group.uid))
    };
    terms.charges_projects().then(|| u32::try_from(listed.iter().filter(pays_at_the_end).count()).unwrap_or(u32::MAX))
}

fn total(lines: &[Line], currency: Currency) -> Option<Money> {
    lines.iter().try_fold(Money::zero(currency), |sum, line| sum.checked_add(line.total))
}
