//! A final, computed again from the records as they are now.
//!
//! A final never changes, and the records that it was computed from do: usage comes late, ends late, is replaced or
//! deleted; terms, prices and issuers are edited. So a difference alone tells nothing. Each is judged: the records are
//! set back to what they can have been when the invoice was made, and what then still differs, although nothing that
//! decides about it was edited, has no lawful reason.
//!
//! Sums, taxes and digests are not compared here. That they follow from the lines is for
//! [`verify_document`](billing_documents::verify::verify_document) to say.

mod difference;
mod earlier;
mod edits;
mod fields;
mod header;
mod historical_records;
mod items;
mod usage;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use chrono::TimeDelta;
use kube_core::ResourceExt;

use super::billing_settings::BillingSettings;
use super::invoice::{GroupInvoices, MonthView, Predecessor};
use billing_api::{Document, Invoice, LastFinal, Line};
use billing_documents::document::{Rendered, document_digest};
use billing_documents::issued::{IssuedInvoice, final_document};
use billing_documents::slices::recut;
use billing_domain::{
    Bill, BillError, BilledIndex, BilledUsage, ClosedMonths, CreditOffer, FormerPrices, Group, GroupMonth,
    LateUsageWindow, Name, Project, Timestamp, Uid, bill_group_month,
};
use billing_state::convert::billed::read_final;
use billing_state::{ObservedState, OrganizationState, carried_forward, convert};
pub use difference::{AdjustedOn, Difference, Explanation, FieldDifference, Reason};
use earlier::{in_the_form_of, lists_no_hours};
use edits::Edits;

/// A closing reads everything first and makes its invoices then. What was made so shortly before one may not have been
/// read for it.
const READ_MARGIN: TimeDelta = TimeDelta::minutes(15);

/// What a final is computed from again.
#[derive(Debug, Clone, Copy)]
pub struct RecomputeInputs<'a> {
    /// All that is known.
    pub state: &'a ObservedState,
    /// The organization of the final.
    pub organization: &'a Name,
    /// The final of the month before, where there is one.
    pub previous: Option<&'a LastFinal>,
    /// How this operator bills; what the final records of that comes first.
    pub settings: &'a BillingSettings,
}

/// Why a final is not compared with the records. That says nothing against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incomparable {
    /// It is not final, and follows the records until it is.
    NotFinal,
    /// Its lines are not all there.
    SliceMissing(String),
    /// The group is not there, or not among what was read.
    GroupMissing(String),
    /// Something of the organization cannot be read.
    Unreadable {
        /// What.
        object: String,
        /// Why.
        error: String,
    },
    /// There is no bill for the group and month any more.
    NoBill(String),
}

impl fmt::Display for Incomparable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Incomparable::NotFinal => {
                f.write_str("the invoice is an estimate, and changes with the records until it is final")
            }
            Incomparable::SliceMissing(slice) => write!(f, "InvoiceSlice {slice} is missing"),
            Incomparable::GroupMissing(group) => {
                write!(f, "BillingGroup {group} was deleted, or is not among the records that were read")
            }
            Incomparable::Unreadable { object, error } => write!(f, "{object} cannot be read: {error}"),
            Incomparable::NoBill(reason) => f.write_str(reason),
        }
    }
}

/// What was made before this instant was read for a final.
fn read_at(recorded: &IssuedInvoice<'_>) -> Timestamp {
    recorded.issued_at.checked_sub_signed(READ_MARGIN).unwrap_or(Timestamp::MIN_UTC)
}

/// Computes a final again, and says what is different: nothing, when it comes out byte for byte.
///
/// # Errors
/// It cannot be compared.
pub fn compare(records: &RecomputeInputs<'_>, recorded: &IssuedInvoice<'_>) -> Result<Vec<Difference>, Incomparable> {
    if !recorded.is_final() {
        return Err(Incomparable::NotFinal);
    }
    if let Some(replaced) = &recorded.document.reissues {
        return Err(no_bill(format!("it has the lines of {}, which it replaces: verify that", &*replaced.number)));
    }
    let missing = || Incomparable::GroupMissing(recorded.invoice.spec.billing_group.to_string());
    let organization_state = records.state.organization(records.organization).ok_or_else(missing)?;
    if let Some((object, error)) = organization_state.unreadable().next() {
        return Err(Incomparable::Unreadable { object: object.to_owned(), error: error.to_owned() });
    }
    if let Some(number) = organization_state.unread_finals().keys().next().map(ToString::to_string) {
        let error = "its lines are missing or incomplete".to_owned();
        return Err(Incomparable::Unreadable { object: format!("Invoice {number}"), error });
    }
    if organization_state.is_stale() {
        return Err(no_bill(
            "a usage record was created again, and the final invoices that bill it are being read; try again later",
        ));
    }
    let group = organization_state.organization.group(recorded.group).ok_or_else(missing)?;
    let object = organization_state.group(recorded.group).ok_or_else(missing)?;
    let settings = settings_of_final(recorded.document, records.settings);
    let series = recorded.invoice.spec.series.as_str();
    let invoices = GroupInvoices {
        state: records.state,
        organization: organization_state,
        group,
        object,
        series,
        settings: &settings,
        pending_projects: &[],
        pending_reissue: None,
    };
    let view = invoices.month(recorded.month, predecessor(recorded, records.previous), &[]);
    let view = view.ok_or_else(|| no_bill(format!("BillingGroup {} is billed from a later month on", group.name)))?;
    Comparison::new(recorded, &view, organization_state)?.differences()
}

/// A final as its group's status names it while it is the last.
pub fn last_final(invoice: &Invoice) -> Option<LastFinal> {
    let document = final_document(invoice)?;
    Some(LastFinal {
        number: invoice.name_any().into(),
        sequence: invoice.spec.sequence,
        digest: document.digest.clone(),
        carried_forward: carried_forward(&invoice.uid()?, document),
    })
}

/// The invoice before. Whether the chain is whole is not asked here.
fn predecessor(recorded: &IssuedInvoice<'_>, previous: Option<&LastFinal>) -> Predecessor {
    let carried_forward = previous.and_then(convert::brought_forward);
    let digest = recorded.document.previous_digest.clone();
    digest.map_or(Predecessor::None, |digest| Predecessor::Final { digest, carried_forward })
}

/// The settings by which the final was computed.
fn settings_of_final(document: &Document, settings: &BillingSettings) -> BillingSettings {
    let hours = document.hours.map_or(settings.hours, convert::hours);
    let recorded = document.terms.as_ref().and_then(|terms| u16::try_from(terms.late_usage_window?).ok());
    let late_usage_window = recorded.map_or(LateUsageWindow::UNLIMITED, LateUsageWindow::of_months);
    let attribution = convert::attribution(document.attribution);
    BillingSettings { hours, attribution, late_usage_window, ..*settings }
}

fn no_bill(reason: impl fmt::Display) -> Incomparable {
    Incomparable::NoBill(reason.to_string())
}

/// What invoices that were made before a final left to it.
struct EarlierInvoices {
    /// What they bill.
    billed: BilledIndex,
    /// The months that it adjusts.
    closed: ClosedMonths,
    /// The groups that are gone and whose months it adjusts, too.
    gone: BTreeSet<Uid>,
    /// Such months.
    succeeded: ClosedMonths,
    /// What it used of credits, as these were then.
    credits: Vec<CreditOffer>,
}

/// A final beside what the records of now make of it.
struct Comparison<'a> {
    recorded: &'a IssuedInvoice<'a>,
    view: &'a MonthView<'a>,
    organization_state: &'a OrganizationState,
    group: &'a Group,
    earlier: EarlierInvoices,
    computed: Rendered,
    edits: Edits,
}

impl<'a> Comparison<'a> {
    fn new(
        recorded: &'a IssuedInvoice<'a>,
        view: &'a MonthView<'a>,
        organization_state: &'a OrganizationState,
    ) -> Result<Self, Incomparable> {
        let group = view.invoices.group;
        let gone = gone_groups(recorded, organization_state);
        let billed = billed_before(recorded, organization_state, group, &gone);
        let first = gone.iter().filter_map(|uid| Some(billed.first_and_last_final(*uid)?.0.month)).min();
        let earlier = EarlierInvoices {
            closed: view.invoices.months_before(recorded.month, group.first_period),
            succeeded: first.map_or_else(ClosedMonths::new, |first| view.invoices.months_before(recorded.month, first)),
            billed,
            gone,
            credits: items::historical_credits(organization_state, group, &recorded.document.number),
        };
        let computed = render(view, recorded, &earlier, bill_group_month)?;
        let edits = Edits::new(recorded, &computed.document, group);
        Ok(Self { recorded, view, organization_state, group, earlier, computed, edits })
    }

    fn differences(&self) -> Result<Vec<Difference>, Incomparable> {
        if self.is_identical() {
            return Ok(Vec::new());
        }
        let given = items::bill_given(self)?;
        let mut differences = header::differences(self, given.as_ref())?;
        let usage = usage::differences(self)?;
        let others: Vec<_> = given.iter().flat_map(|given| items::differences(self, given, &usage)).collect();
        differences.extend(usage);
        differences.extend(others);
        if differences.is_empty() {
            differences.push(Difference::of_digest(&self.recorded.document.digest, &self.computed.document.digest));
        }
        Ok(differences)
    }

    /// Whether it comes out byte for byte. An edit that changes nothing of it is no difference.
    fn is_identical(&self) -> bool {
        let mut again = self.computed.document.clone();
        again.inputs = self.recorded.document.inputs.clone();
        let Ok(digest) = document_digest(&again) else { return false };
        again.digest = digest;
        again == *self.recorded.document
    }

    /// Computes the final in another way.
    fn render(&self, bill: impl FnOnce(&GroupMonth<'_>) -> Result<Bill, BillError>) -> Result<Rendered, Incomparable> {
        render(self.view, self.recorded, &self.earlier, bill)
    }
}

fn render(
    view: &MonthView<'_>,
    recorded: &IssuedInvoice<'_>,
    EarlierInvoices { billed, closed, gone, succeeded, credits }: &EarlierInvoices,
    bill: impl FnOnce(&GroupMonth<'_>) -> Result<Bill, BillError>,
) -> Result<Rendered, Incomparable> {
    let inputs = |inputs: &GroupMonth<'_>| {
        let prices = &inputs.prices.as_written();
        let as_written = |former: FormerPrices| -> FormerPrices {
            former.into_iter().map(|(month, lists)| (month, lists.as_written())).collect()
        };
        let former_prices = &as_written(view.invoices.former_prices(inputs.group.uid, closed, billed, inputs.prices));
        let records = BilledUsage { organization: inputs.organization, billed };
        let successions = &records.successions_of(inputs.group, gone.iter().copied(), succeeded, |gone, closed| {
            let (former, credits) = view.invoices.prices_and_credits_of(gone, closed, billed, inputs.prices);
            (as_written(former), credits)
        });
        let lists_no_hours = lists_no_hours(recorded);
        bill(&GroupMonth { prices, former_prices, billed, closed, successions, credits, lists_no_hours, ..*inputs })
    };
    let billed = view.with_inputs(recorded.issued_at, inputs).map_err(|hold| no_bill(hold.message))?;
    let bill = billed.map_err(no_bill)?;
    let mut rendered = view.final_document(&bill, recorded.issued_at).map_err(no_bill)?;
    in_the_form_of(recorded, &mut rendered);
    recut(&mut rendered, recorded.document, recorded.currency).map_err(no_bill)?;
    Ok(rendered)
}

/// What finals that were made before a final bill of the usage that it can be about.
fn billed_before(
    recorded: &IssuedInvoice<'_>,
    organization_state: &OrganizationState,
    group: &Group,
    gone: &BTreeSet<Uid>,
) -> BilledIndex {
    let (organization, all) = (&organization_state.organization, organization_state.billed().read());
    let near = organization.candidate_projects(group).map(Project::name);
    let of_gone = gone.iter().flat_map(|uid| organization.projects_naming(*uid).iter().chain(all.projects_of(*uid)));
    let names: BTreeSet<&Name> = near.chain(all.projects_of(group.uid)).chain(of_gone).collect();
    let projects = names.into_iter().filter_map(|name| organization.project(name));
    let records = projects.flat_map(|project| project.usage()).map(|usage| &usage.name);
    let unknown = read_final(recorded).map(|read| all.notes_unknown_to(&read, read_at(recorded))).unwrap_or_default();
    all.as_of_final(&recorded.facts(), gone, &unknown, records)
}

/// The groups that are gone and whose months lines of a final adjust. That it adjusts those of others, too, nobody can tell any more:
/// they may have been there then, or another group their successor.
fn gone_groups(recorded: &IssuedInvoice<'_>, organization_state: &OrganizationState) -> BTreeSet<Uid> {
    let billed = organization_state.billed().read();
    let closed_by = recorded.lines.iter().filter_map(|line| line.adjusts.as_ref()?.closed_by.as_deref());
    closed_by.filter_map(|number| Some(billed.final_in_place_of(number)?.group)).collect()
}

/// All lines of a document and its slices.
fn lines_of(rendered: &Rendered) -> impl Iterator<Item = &Line> {
    rendered.document.lines.iter().chain(rendered.slices.iter().flat_map(|slice| &slice.spec.lines))
}

/// Whether a line says what differs of charges with which others came together.
fn is_refill(line: &Line) -> bool {
    line.source.as_ref().is_some_and(|source| source.kind == "PriceList")
}

/// Whether a line is about usage records.
fn is_of_usage(line: &Line) -> bool {
    line.source.as_ref().is_some_and(|source| source.kind == "UsageRecord") || is_refill(line)
}
