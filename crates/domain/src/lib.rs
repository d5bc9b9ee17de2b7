//! What billing is: pure rules, without Kubernetes, serde, a runtime or a clock.
//!
//! Time, settings and observed objects are arguments; nothing here asks for them. There are two storeys.
//!
//! **Below, the types**: what there is, each with the rules that need nothing but itself. [`money`] and [`time`]; [`usage`],
//! what ran; [`catalog`], at what price, on which terms and with which tax; [`tenancy`], whose it is and who pays;
//! [`invoice`], what stands on a document; [`credit`], money that a group has before.
//!
//! **Above, the steps** that make a bill of them: [`bill`] computes it, [`closing`] decides when it becomes final,
//! [`unbilled`](mod@unbilled) finds usage that is on none, a [`problem`] says why, and [`audit`](mod@audit) derives the
//! bill a second time.
//!
//! The way through: an [`Organization`] holds what was observed, a [`GroupMonth`] is all that one bill is computed from,
//! [`bill_group_month`] turns it into a [`Bill`] (lines, totals, and what could not be billed), and [`audit()`] derives the
//! same in another way. Begin to read in [`bill::billing`], which names the steps one after the other.
//!
//! A type imports no step, and no two files import each other: `tests/storeys.rs` holds that. Inside of the crate
//! everything is imported from the file that defines it; the re-exports here are for other crates.

pub mod audit;
pub mod bill;
pub mod catalog;
pub mod closing;
pub mod credit;
pub mod invoice;
pub mod money;
pub mod name;
pub mod problem;
pub mod readings;
pub mod tenancy;
pub mod time;
pub mod uid;
pub mod unbilled;
pub mod usage;
mod work;

#[cfg(test)]
mod tests;

pub use audit::audit;
pub use audit::difference::AuditDifference;
pub use bill::billing::{GivenServices, bill_group_month, bill_with_services};
pub use bill::inputs::{
    ClosedMonths, FormerPrices, GroupMonth, NO_CLOSED_MONTHS, NO_FORMER_PRICES, NO_SUCCESSIONS, Succession,
};
pub use bill::late::triage::months_to_review;
pub use bill::late::{is_settled_within, too_late, unclaimed_differences};
pub use bill::metered::awaited_readings;
pub use bill::records::BilledUsage;
pub use bill::reissue::{Reissue, ReissueError, Supplies, reissue};
pub use bill::result::{Bill, BillError, CategorySubtotal, Converted, ProjectSubtotal};
pub use catalog::buyer::{Buyer, BuyerVat, VatFinding, VatState};
pub use catalog::country::Country;
pub use catalog::issuer::Issuer;
pub use catalog::locality::{Locality, PostalCodes, Region};
pub use catalog::price::{EntryKey, PriceEntry, PriceList, PriceListError, Tariff};
pub use catalog::price_lists::{PriceLists, PriceListsError};
pub use catalog::rates::{
    Conversion, CrossRate, MissingRate, NO_EXCHANGE_RATES, Quote, QuotesError, Rate, Rates, RatesObject, YearlyQuotes,
};
pub use catalog::scale::{Portion, Scale, ScalePricing, ScaleStep, Scope, Tier, TierSpan};
pub use catalog::spelling::Misspelling;
pub use catalog::tax_rule::{Area, BuyerKind, ReverseChargeRequires, TaxCategory, TaxGroup, TaxRate, TaxRule};
pub use catalog::terms::Terms;
pub use catalog::terms::charge::{AgreedCharge, ChargeAmount, ChargeType};
pub use catalog::terms::commitment::{Commitment, CommitmentSettlement, Term, TermProgress};
pub use catalog::terms::discount::Discount;
pub use catalog::terms::error::TermsError;
pub use catalog::unit_price::{Unit, UnitPrice};
pub use catalog::vat::{VatCheck, VatId};
pub use closing::{CloseDecision, ClosingFacts, Hold, HoldReason, WaitReason, decide_closing, missing_readings};
pub use credit::availability::Availability;
pub use credit::reservation::ReservationError;
pub use credit::restoration::{ReturnedCredit, restored_name};
pub use credit::{
    Application, Credit, CreditOffer, CreditType, CreditUse, CreditValidity, MAX_CREDITS, Reservation, ReservationState,
};
pub use invoice::adjustment::{Adjustment, AdjustmentKind, LateLine};
pub use invoice::billed::stated::{StatedAmount, StatedMonth};
pub use invoice::billed::{
    BilledIndex, BilledLine, BilledPart, CreditedAmount, FinalFacts, FinalScales, IssuedNote, LineBasis, NoteShare,
    ReadFinal, ScaledBasis,
};
pub use invoice::brought_forward::BroughtForward;
pub use invoice::item::Item;
pub use invoice::line::Line;
pub use invoice::line_type::LineType;
pub use invoice::month_terms::{MinimumCharge, MonthTerms, TaxReasons, TaxScheme, TaxTreatment};
pub use invoice::part::{MINIMUM_CHARGE, PartAdjustment, PartKey, StatedPart};
pub use invoice::payment::Prepayment;
pub use invoice::rating::Rating;
pub use invoice::receivable::{AgingBucket, Receivable};
pub use invoice::service_sum::ServiceSum;
pub use invoice::source::{Source, SourceKind};
pub use invoice::statement::{LastCorrection, StatedRefill, StatedScale};
pub use invoice::tax::{TaxSubtotal, Untaxed};
pub use money::amount::{Currency, Money};
pub use money::exact_amount::ExactAmount;
pub use money::percent::Percent;
pub use money::ratio::Ratio;
pub use name::Name;
pub use problem::{Problem, ProblemReason};
pub use readings::{AwaitedReading, Metering, Reading, ReadingPair, Readings, ReadingsError};
pub use tenancy::attribution::{Attribution, Payer};
pub use tenancy::default_binding::{
    DedicatedFacts, DefaultDecision, DefaultPolicy, DefaultSettings, decide_default, is_obsolete,
};
pub use tenancy::group::Group;
pub use tenancy::ledger::{Ledger, LedgerError, Segment};
pub use tenancy::membership::{
    Acceptance, BindingFacts, GroupFacts, ProjectFacts, Refusal, acceptance, desired_members, next_segment,
};
pub use tenancy::organization::{Organization, Project};
pub use time::hours::HourRule;
pub use time::late_usage_window::LateUsageWindow;
pub use time::month::Month;
pub use time::multiple::Multiple;
pub use time::period::{Date, Period, Timestamp};
pub use time::validity::Validity;
pub use uid::Uid;
pub use unbilled::{OrganizationMonth, Pricing, outside_periods, outside_periods_of, unbilled, without_payer};
pub use usage::{Service, Usage};
