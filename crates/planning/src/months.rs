//! The one walk over a group's months, from the oldest on.
//!
//! What a month leaves to the next is threaded through here and nowhere else: the invoice before it, and what it takes of the
//! group's credits. The operator's estimates, the closing and the preview differ in what they do with a month, not in how they
//! come to the next. Cost: what the caller does with a month, times the months that it names.

use billing_api::BillingGroupStatus;
use billing_domain::credit::reservation::plan_uses;
use billing_domain::{Credit, Group, Money, Month, Name, ReturnedCredit};

use crate::invoice::{GroupInvoices, MonthView, Predecessor};
use billing_state::convert;

/// Where a walk begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The first month.
    pub month: Month,
    /// The invoice before it.
    pub predecessor: Predecessor,
}

impl Position {
    /// The first month that a group is billed for.
    pub fn first(group: &Group) -> Self {
        Self { month: group.first_period, predecessor: Predecessor::None }
    }

    /// The oldest month of a group that is not final, as its status says.
    pub fn oldest_open(group: &Group, status: &BillingGroupStatus) -> Self {
        Self {
            month: oldest_open_month(group, status),
            predecessor: Predecessor::last_final(status.last_final.as_ref()),
        }
    }
}

/// The oldest month of a group that is not final, as its status says.
pub fn oldest_open_month(group: &Group, status: &BillingGroupStatus) -> Month {
    group.first_period.later(convert::finals_of(Some(status)))
}

/// What a month leaves to the one after it.
#[derive(Debug)]
pub struct Left {
    /// Its invoice.
    pub predecessor: Predecessor,
    /// What the invoice takes of the group's credits.
    pub credits: Vec<(Name, Money)>,
    /// What goes back to credits once it is final.
    pub returned: Vec<Returning>,
}

/// The Credit that becomes of what goes back once an invoice is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returning {
    /// Its name.
    pub name: Name,
    /// The credit that had paid.
    pub credit: Name,
    /// The month that it had paid for.
    pub month: Month,
    /// How much goes back.
    pub amount: Money,
}

impl Returning {
    /// What a month's bill gives back.
    pub fn of(view: &MonthView<'_>, returned: &ReturnedCredit) -> Self {
        let name = returned.name_on(&view.number, view.invoices.group.first_period);
        Self { name, credit: returned.credit.clone(), month: returned.month, amount: returned.amount }
    }
}

/// One month, as the months before it leave it.
pub fn month_at<'a>(invoices: &'a GroupInvoices<'a>, position: Position) -> Option<MonthView<'a>> {
    let credits = invoices.organization.credits.readable_credits(invoices.group);
    invoices.month(position.month, position.predecessor, &credits)
}

/// What goes back to a credit, as the invoices after a month will find it.
fn planned(credits: &[Credit], view: &MonthView<'_>, returned: &Returning) -> Option<Credit> {
    let Returning { name, credit, month, amount } = returned;
    let of_another = || view.invoices.organization.credits.get(credit)?.credit.as_ref().ok()?.as_ref();
    let used = credits.iter().find(|known| known.name == *credit).or_else(of_another)?;
    let validity = used.validity.restored(*month, view.month.end());
    let name = name.clone();
    Some(Credit { name, amount: *amount, validity, reservations: Vec::new(), withdrawn: false, ..used.clone() })
}

/// Bills one month after the other, from `position` through `last`, as long as the group pays; `bill` says what it made of a month,
/// and what that leaves to the next.
///
/// # Errors
/// Those of `bill`: the walk ends there.
pub fn through_months<T, E>(
    invoices: &GroupInvoices<'_>,
    position: Position,
    last: Month,
    mut bill: impl FnMut(&MonthView<'_>) -> Result<(T, Left), E>,
) -> Result<Vec<T>, E> {
    let Position { month, mut predecessor } = position;
    let mut credits = invoices.organization.credits.readable_credits(invoices.group);
    let mut billed = Vec::new();
    for month in month.through(last).filter(|month| invoices.group.pays_in(*month)) {
        let Some(view) = invoices.month(month, predecessor, &credits) else { break };
        let (made, left) = bill(&view)?;
        plan_uses(&mut credits, &view.number, &left.credits);
        let returned: Vec<Credit> = left.returned.iter().filter_map(|one| planned(&credits, &view, one)).collect();
        credits.extend(returned);
        predecessor = left.predecessor;
        billed.push(made);
    }
    Ok(billed)
}
