//! The custom resources of `billing-operator.io/v1alpha1`, as they are written on the wire.
//!
//! The doc comments of these types are the user's documentation: they become the descriptions in the
//! CRDs, which `kubectl explain` prints. What the API server can check is in the schema: bounds,
//! patterns, and rules in CEL.

pub mod address;
pub mod amount;
pub mod billing_group;
pub mod billing_period;
pub mod codes;
pub mod condition;
pub mod crds;
pub mod credit;
pub mod credit_code;
pub mod credit_note;
pub mod definition;
pub mod document;
pub mod exchange_rates;
pub mod invoice;
pub mod invoice_issuer;
pub mod invoice_series;
pub mod invoice_slice;
pub mod labels;
pub mod meter;
pub mod metrics_server;
pub mod month;
pub mod name;
pub mod party;
pub mod price_list;
pub mod project_binding;
pub mod project_ledger;
pub mod readiness;
pub mod receivable;
pub mod tax;
pub mod terms;
pub mod text;
pub mod time;
pub mod usage_record;

pub use address::Address;
pub use amount::{Amount, Balance, Coverage, CurrencyCode, Money, Percent, PlainAmount, Price, Quantity};
pub use billing_group::{
    AllowedProjects, BilledCharge, BillingGroup, BillingGroupSpec, BillingGroupStatus, CarriedForward, LastFinal,
    Member, PaymentMethod, PaymentMethodType, SecretRef,
};
pub use billing_period::{Attribution, BillingPeriod, BillingPeriodSpec, BillingPeriodStatus};
pub use credit::{
    Credit, CreditApplication, CreditOrigin, CreditSpec, CreditStatus, CreditType, Reservation, ReservationState,
};
pub use credit_code::{CreditCode, CreditCodeSpec, CreditCodeStatus, Redeemer};
pub use credit_note::{
    CreditNote, CreditNoteDocument, CreditNoteLine, CreditNotePhase, CreditNoteRequest, CreditNoteSpec,
    CreditNoteStatus, CreditedInvoice, ReturnedCredit,
};
pub use document::{
    AdjustedInvoice, Adjusts, AppliedDiscount, Buyer, CatalogInput, CategorySubtotal, CommitmentProgress, CreditReturn,
    Document, DocumentCharge, DocumentCommitment, DocumentPeriod, DocumentRate, DocumentScale, DocumentTaxRule,
    DocumentTerms, HourRule, InputGeneration, InputVersion, Inputs, Line, LinePrice, LineReading, LineReadings,
    LineSource, LineTier, LineType, Prepayment, ProjectSubtotal, ReissuedInvoice, Seller, SliceRef,
};
pub use exchange_rates::{DayOfQuotes, ExchangeRate, ExchangeRates, ExchangeRatesSpec, QuoteDate};
pub use invoice::{Credited, CreditedBy, Invoice, InvoicePhase, InvoiceSpec, InvoiceStatus, Payment, PaymentState};
pub use invoice_issuer::{BankAccount, InvoiceIssuer, InvoiceIssuerSpec};
pub use invoice_series::{InvoiceSeries, InvoiceSeriesSpec, InvoiceSeriesStatus, NumberedNote};
pub use invoice_slice::{InvoiceSlice, InvoiceSliceSpec};
pub use meter::{
    Aggregate, LabelledProject, Meter, MeterSpec, MeterStatus, MeteredMetrics, MeteredProject, MeteredResource,
    MeteredService, OwnNamespace, Requirement, Selector, SelectorOperator, SkippedObjects, WindowLength,
};
pub use metrics_server::{Flavour, HeadersFrom, MetricsServer, MetricsServerSpec};
pub use month::Month;
pub use name::{Name, NoteNumber, ObjectName, SeriesName, Uid};
pub use party::{Contact, DocumentStyle, ElectronicAddress, Language, Logo};
pub use price_list::{PriceEntry, PriceList, PriceListSpec, PriceScope, PriceTier, PriceUnit, TierMode};
pub use project_binding::{ProjectBinding, ProjectBindingSpec, ProjectBindingStatus};
pub use project_ledger::{ProjectLedger, ProjectLedgerSpec, Segment};
pub use readiness::ReadinessStatus;
pub use receivable::{Receivable, ReceivableCredited, ReceivableDocument, ReceivableSpec, ReceivableStatus};
pub use tax::{
    GroupVatId, LineTax, ReverseChargeRequires, TaxBuyer, TaxCategory, TaxRate, TaxRule, TaxSubtotal, VatIdState,
};
pub use terms::{Charge, ChargePer, ChargeType, Commitment, CommitmentSettlement, Discount, Terms};
pub use time::Time;
pub use usage_record::{Reading, Service, UsageRecord, UsageRecordSpec, UsageRecordStatus};

/// The API group of every kind here.
pub const GROUP: &str = "billing-operator.io";
/// Its only version.
pub const VERSION: &str = "v1alpha1";

fn is_false(value: &bool) -> bool {
    !value
}
