//! What billing is: pure rules, without Kubernetes, serde, a runtime or a clock.
//!
//! Time, settings and observed objects are arguments; nothing here asks for them. The way through:
//! an [`Organization`] holds what was observed, [`bill_group_month`] turns it into a [`Bill`] (lines,
//! totals, and what could not be billed), and [`audit()`] derives the same in another way.

pub mod attribution;
pub mod audit;
pub mod billed;
pub mod billing;
pub mod buyer;
mod carry;
mod charge;
pub mod closing;
pub mod country;
pub mod credit;
pub mod credit_note;
pub mod default_binding;
pub mod group;
pub mod hours;
pub mod issuer;
pub mod item;
pub mod late;
pub mod ledger;
pub mod line;
pub mod membership;
pub mod money;
pub mod month;
pub mod name;
pub mod number;
pub mod organization;
pub mod period;
pub mod price;
pub mod problem;
pub mod product;
pub mod rates;
pub mod receivable;
mod rounding;
mod tally;
pub mod tax;
pub mod terms;
pub mod uid;
pub mod unbilled;
pub mod usage;
pub mod vat;

#[cfg(test)]
mod tests;

pub use attribution::{Attribution, Payer};
pub use audit::{Difference, audit};
pub use billed::{Billed, BilledLine, FinalFacts, IssuedNote, LineBasis, Part, Rating, Taken};
pub use billing::{
    Bill, BillError, CategorySubtotal, Converted, GivenServices, GroupMonth, ProjectSubtotal, bill_given,
    bill_group_month,
};
pub use buyer::{Buyer, BuyerVat, Finding, VatState};
pub use carry::Brought;
pub use closing::{CloseDecision, ClosingFacts, Hold, HoldReason, WaitReason, decide_closing};
pub use country::Country;
pub use credit::{
    Credit, CreditOffer, CreditType, CreditUse, CreditValidity, MOST_CREDITS, Reservation, ReservationError,
    ReservationState, Standing, returned_name,
};
pub use default_binding::{
    DedicatedFacts, DefaultDecision, DefaultPolicy, DefaultSettings, decide_default, is_obsolete,
};
pub use group::Group;
pub use hours::{HourRule, Hours};
pub use issuer::Issuer;
pub use item::{Item, Source, SourceKind};
pub use late::{
    Adjustment, AdjustmentKind, ClosedMonths, NO_CLOSED_MONTHS, NewLine, Records, months_in_question, unclaimed,
};
pub use ledger::{Ledger, LedgerError, Segment};
pub use line::{Line, LineType};
pub use membership::{
    Acceptance, BindingFacts, GroupFacts, ProjectFacts, Refusal, acceptance, desired_members, next_segment,
};
pub use money::{Currency, Money};
pub use month::Month;
pub use name::Name;
pub use organization::{Organization, Project};
pub use period::{Date, Period, Timestamp};
pub use price::{PriceEntry, PriceList, PriceListError, Tariff, Unit};
pub use problem::{Problem, ProblemReason};
pub use product::Ratio;
pub use rates::{Conversion, NO_RATES, NoRate, Quote, QuotesError, Rate, Rates, RatesObject, YearOfQuotes};
pub use receivable::{Age, Receivable};
pub use tax::{Area, BuyerKind, ReverseChargeRequires, TaxCategory, TaxRate, TaxRule, TaxSubtotal, Untaxed};
pub use terms::{AgreedCharge, ChargeAmount, ChargeType, Commitment, Discount, Percent, Terms, TermsError, Validity};
pub use uid::Uid;
pub use unbilled::{OrganizationMonth, Pricing, outside_periods, unbilled, without_payer};
pub use usage::{Service, Usage};
pub use vat::{VatCheck, VatId};
