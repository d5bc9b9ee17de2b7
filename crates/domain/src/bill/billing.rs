//! The bill of one group for one month: the steps, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use crate::bill::balance_forward::{brought_before_tax, other_currency};
use crate::bill::commitment::{Spending, check_term};
use crate::bill::consumption::{Consumption, CreditLimit, before_tax};
use crate::bill::inputs::GroupMonth;
use crate::bill::late::settlement::{ClosedChanges, Settlement, settle};
use crate::bill::own_month::OwnMonth;
use crate::bill::payment::{Payment, pay};
use crate::bill::result::{Bill, BillError, CategorySubtotal, Converted, ProjectSubtotal};
use crate::bill::services::{Services, bill_services, charged_projects};
use crate::bill::tally::Overflow;
use crate::bill::taxation::{Taxable, Taxation, no_rule, tax};
use crate::catalog::tax_rule::TaxGroup;
use crate::credit::CreditUse;
use crate::invoice::item::Item;
use crate::invoice::line::Line;
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::{MonthTerms, TaxReasons};
use crate::invoice::service_sum::ServiceSum;
use crate::invoice::source::Source;
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::problem::Problem;
use crate::tenancy::organization::Organization;

/// Computes the bill of a group for a month.
///
/// The result depends on the values of the inputs alone, not on the order in which they were observed.
/// A record that cannot be billed becomes a problem, and the bill goes on without it.
///
/// # Errors
/// The group has no currency, or a sum is larger than a document can carry.
pub fn bill_group_month(month: &GroupMonth<'_>) -> Result<Bill, BillError> {
    let making = Making::of(month)?;
    let services = bill_services(month, &making.terms, making.currency)?;
    making.bill(services, settle)
}

/// Computes what follows from services and adjustments of records that are given: all of the bill but the lines of usage. No record
/// is asked.
///
/// # Errors
/// The group has no currency, or a sum is larger than a document can carry.
pub fn bill_with_services(month: &GroupMonth<'_>, given: GivenServices) -> Result<Bill, BillError> {
    let GivenServices { projects, charged_projects, sums, reasons, adjustments, changes } = given;
    let services = Services { lines: Vec::new(), projects, sums, reasons, unruled: None, problems: Vec::new() };
    let making = Making { given: adjustments, charged: charged_projects, ..Making::of(month)? };
    making.bill(services, |month, currency| Settlement::of_changes(month, currency, &changes))
}

/// What services cost, and what adjusts records of closed months, as somebody else computed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenServices {
    /// By project.
    pub projects: Vec<ProjectSubtotal>,
    /// The projects for each of which a charge is owed; `None`: they are to be counted, where a charge is.
    pub charged_projects: Option<u32>,
    /// By project and by what is taxed alike.
    pub sums: Vec<ServiceSum>,
    /// Why services and adjustments are not taxed, where that is so.
    pub reasons: TaxReasons,
    /// The lines that adjust records of closed months, by what is taxed alike.
    pub adjustments: Vec<(Option<TaxGroup>, Money)>,
    /// By group, its own and those that it succeeds, and closed month: by how much what is due for services changes, by project and by
    /// what is taxed alike, in minor units.
    pub changes: ClosedChanges,
}

/// A bill in the making.
struct Making<'a> {
    month: &'a GroupMonth<'a>,
    group: Source,
    currency: Currency,
    terms: MonthTerms,
    /// Amounts whose lines are elsewhere.
    given: Vec<(Option<TaxGroup>, Money)>,
    /// The projects for each of which a charge is owed, where somebody else counted them.
    charged: Option<u32>,
}

impl<'a> Making<'a> {
    fn of(month: &'a GroupMonth<'a>) -> Result<Self, BillError> {
        let unknown = || BillError::CurrencyUnknown(month.group.name.clone());
        let currency = month.group.currency.ok_or_else(unknown)?;
        let terms = month.terms().map_err(|error| BillError::terms(month, error))?;
        check_term(month).map_err(|error| BillError::terms(month, &error))?;
        Ok(Making { month, group: month.source(), currency, terms, given: Vec::new(), charged: None })
    }

    /// The steps of a bill.
    fn bill(
        self,
        services: Services,
        settle: impl FnOnce(&GroupMonth<'_>, Currency) -> Result<Settlement, Overflow>,
    ) -> Result<Bill, BillError> {
        let month = self.month;
        self.try_bill(services, settle).map_err(|Overflow| BillError::overflow(month))
    }

    fn try_bill(
        self,
        services: Services,
        settle: impl FnOnce(&GroupMonth<'_>, Currency) -> Result<Settlement, Overflow>,
    ) -> Result<Bill, Overflow> {
        let Making { month, group, currency, mut terms, given, charged } = self;
        let Services { lines, projects, sums, mut reasons, unruled, mut problems } = services;
        let settled = settle(month, currency)?;
        terms.projects = charged_projects(month, &terms, &projects).map(|counted| charged.unwrap_or(counted));
        let spending = Spending::before(month, month.month, &terms, &group, currency, &settled.spent)?;
        let spent_before = spending.as_ref().and_then(Spending::settled);
        let own = OwnMonth { group: &group, terms: &terms, spent_before }.bill(currency, &sums)?;
        let progress = spending.as_ref().map(|spending| spending.progress(own.spent())).transpose()?.flatten();
        let unlike = spending.and_then(|spending| spending.hold);
        let (mut items, Consumption { uses: own_uses, hold: too_many }) =
            own.pay(&before_tax(&settled.offers, month.month, currency), CreditLimit::Unlimited)?;
        reasons.extend(settled.reasons);
        let brought = month.brought_forward;
        let other_currency = brought.and_then(|brought| other_currency(brought, currency));
        let brought = brought.filter(|_| other_currency.is_none());
        items.extend(
            brought.filter(|brought| !brought.includes_tax).map(|brought| brought_before_tax(brought, &terms.tax)),
        );
        if let Some(general) = terms.tax.treatment(None).filter(|_| items.iter().any(is_general)) {
            reasons.add(general);
        }
        items.extend(settled.items);
        items.sort_by_key(|item| item.kind);
        let by_group = by_group(currency, &sums, &items, &given)?;
        let subtotal = sum(currency, by_group.values().copied())?;
        let taxable = Taxable { sums: &by_group, reasons: &reasons, unruled: unruled.as_ref(), subtotal };
        let Taxation { taxes, untaxed, tax, total, hold } = tax(&terms.tax, &taxable, |unruled| {
            month.issuer.map(|issuer| no_rule(&month.group.buyer, month.month, issuer, unruled))
        })?;
        let payment = pay(month.month, total, brought.filter(|brought| brought.includes_tax), &settled.offers)?;
        let Payment { prepayments, prepaid, amount_due, carried_forward, uses: payments } = payment;
        add_problems(&mut problems, settled.problems);
        Ok(Bill {
            month: month.month,
            conversion: month.conversion().ok().flatten(),
            categories: categories(&lines, &items)?,
            commitment: progress,
            converted: converted(month, &lines)?,
            replaced: replaced(month.organization, &lines, &items),
            credits: join_uses(own_uses, settled.uses)?.into_iter().chain(payments).collect(),
            returned: settled.returned,
            terms,
            lines,
            items,
            projects,
            subtotal,
            taxes,
            untaxed,
            tax,
            total,
            prepayments,
            prepaid,
            amount_due,
            carried_forward,
            holds: [other_currency, unlike, too_many, settled.hold, hold].into_iter().flatten().collect(),
            problems,
        })
    }
}

/// Whether an item of the month itself is taxed as lines without a service are; credits and the minimum charge follow others.
fn is_general(item: &Item) -> bool {
    !matches!(item.kind, LineType::Multiplier | LineType::CreditConsumption | LineType::Rounding)
}

/// All that is on a bill, by what is taxed alike. Lines that only tell are in none.
pub(super) fn by_group(
    currency: Currency,
    sums: &[ServiceSum],
    items: &[Item],
    given: &[(Option<TaxGroup>, Money)],
) -> Result<BTreeMap<Option<TaxGroup>, Money>, Overflow> {
    let services = sums.iter().map(|sum| (sum.tax, sum.total));
    let told = |item: &&Item| item.kind != LineType::Multiplier;
    let items = items.iter().filter(told).map(|item| (item.tax, item.total));
    let mut groups = BTreeMap::new();
    for (tax, total) in services.chain(items).chain(given.iter().copied()) {
        let sum = groups.entry(tax).or_insert(Money::zero(currency));
        *sum = sum.checked_add(total).ok_or(Overflow)?;
    }
    Ok(groups)
}

fn sum(currency: Currency, amounts: impl IntoIterator<Item = Money>) -> Result<Money, Overflow> {
    amounts.into_iter().try_fold(Money::zero(currency), |sum, amount| sum.checked_add(amount)).ok_or(Overflow)
}

/// What the month uses of credits, and beside that what closed months do: of each credit in all, and what is left then.
fn join_uses(own: Vec<CreditUse>, settled: Vec<CreditUse>) -> Result<Vec<CreditUse>, Overflow> {
    let mut uses = own;
    for used in settled {
        match uses.iter_mut().find(|known| known.name == used.name) {
            // The month itself comes last: what it leaves is what is left.
            Some(known) => known.used = known.used.checked_add(used.used).ok_or(Overflow)?,
            None => uses.push(used),
        }
    }
    Ok(uses)
}

fn replaced(organization: &Organization, lines: &[Line], items: &[Item]) -> BTreeMap<Name, Vec<Name>> {
    let late = items.iter().filter_map(|item| item.adjustment.as_ref()?.late_line());
    let replacing = lines.iter().chain(late).map(|line| &line.usage).filter(|usage| usage.replaces.is_some());
    replacing.map(|usage| (usage.name.clone(), organization.replaced_records(usage))).collect()
}

/// Adds problems; a record has one.
fn add_problems(problems: &mut Vec<Problem>, others: Vec<Problem>) {
    let mut named: BTreeSet<Name> = problems.iter().map(|problem| problem.usage.name.clone()).collect();
    problems.extend(others.into_iter().filter(|problem| named.insert(problem.usage.name.clone())));
}

/// What the lines are in the currency of their prices; `None` where that is the bill's, and where there are none.
fn converted(month: &GroupMonth<'_>, lines: &[Line]) -> Result<Option<Converted>, Overflow> {
    let Some(conversion) = month.conversion().ok().flatten().filter(|_| !lines.is_empty()) else { return Ok(None) };
    let price_subtotal = sum(conversion.rate.from.currency, lines.iter().filter_map(|line| line.price_total))?;
    Ok(Some(Converted { conversion, price_subtotal }))
}

fn categories(lines: &[Line], items: &[Item]) -> Result<Vec<CategorySubtotal>, Overflow> {
    let mut sums: BTreeMap<LineType, Money> = BTreeMap::new();
    let services = lines.iter().map(|line| (line.kind(), line.total));
    for (kind, total) in services.chain(items.iter().map(|item| (item.kind, item.total))) {
        let sum = sums.entry(kind).or_insert_with(|| Money::zero(total.currency()));
        *sum = sum.checked_add(total).ok_or(Overflow)?;
    }
    Ok(sums.into_iter().map(|(kind, subtotal)| CategorySubtotal { kind, subtotal }).collect())
}
