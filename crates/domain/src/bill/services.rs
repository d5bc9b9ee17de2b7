//! What the services of a group's projects cost.

use crate::bill::charge::{Charger, Charges};
use crate::bill::inputs::GroupMonth;
use crate::bill::result::{BillError, ProjectSubtotal};
use crate::invoice::line::Line;
use crate::money::amount::{Currency, Money};
use crate::problem::Problem;
use crate::tenancy::attribution::Payer;
use crate::tenancy::organization::Project;
use crate::time::period::Period;

/// What the services of the group's projects cost.
pub(super) struct Services {
    pub(super) lines: Vec<Line>,
    pub(super) projects: Vec<ProjectSubtotal>,
    pub(super) subtotal: Money,
    pub(super) problems: Vec<Problem>,
}

/// Charges what runs in the projects that the group pays for, project by project.
pub(super) fn bill_services(month: &GroupMonth<'_>, currency: Currency) -> Result<Services, BillError> {
    let mut charges = Charges::default();
    let mut projects = Vec::new();
    let mut sum = Money::zero(currency);
    for project in month.organization.candidate_projects(month.group) {
        let before = charges.lines.len();
        if charge_project(month, project, &mut charges) {
            let subtotal = total(&charges.lines[before..], currency).ok_or_else(|| BillError::overflow(month))?;
            sum = sum.checked_add(subtotal).ok_or_else(|| BillError::overflow(month))?;
            // One that is long gone is not listed for ever.
            if charges.lines.len() > before || project.namespace().is_some() {
                projects.push(ProjectSubtotal { project: project.name().clone(), subtotal });
            }
        }
    }
    let Charges { lines, problems } = charges;
    Ok(Services { lines, projects, subtotal: sum, problems })
}

/// Charges a project to the group, where it pays for any of the month; returns whether it does.
pub(crate) fn charge_project(month: &GroupMonth<'_>, project: &Project, charges: &mut Charges) -> bool {
    let slices = slices(month, project);
    if !slices.is_empty() {
        Charger::charge_project(month, project, &slices, charges);
    }
    !slices.is_empty()
}

/// The periods of the month in which the group pays for the project.
fn slices(month: &GroupMonth<'_>, project: &Project) -> Vec<Period> {
    let shares = month.organization.payers(project, month.month, month.attribution);
    let ours = |(period, payer)| (payer == Payer::Group(month.group.uid)).then_some(period);
    shares.into_iter().filter_map(ours).collect()
}

fn total(lines: &[Line], currency: Currency) -> Option<Money> {
    lines.iter().try_fold(Money::zero(currency), |sum, line| sum.checked_add(line.total))
}
