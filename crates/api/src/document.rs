//! What is printed on an invoice.
//!
//! A finished document must read the same for ever: no field here has a default in the schema, and none
//! is ever taken away.

use super::{
    Address, Amount, Attribution, BankAccount, ChargePer, CommitmentSettlement, Contact, CurrencyCode, DocumentStyle,
    ElectronicAddress, ExchangeRate, Language, LineTax, Month, Name, NoteNumber, ObjectName, PaymentMethodType,
    Percent, Price, PriceScope, PriceTier, PriceUnit, Quantity, QuoteDate, Service, TaxCategory, TaxRate, TaxSubtotal,
    TierMode, Time, Uid, text::LINE, usage_record,
};
use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The document of an invoice.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// The number: the name of the invoice.
    pub number: Name,
    /// When the final invoice was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Time>,
    /// Until when the estimate includes usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Time>,
    /// When the final invoice is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Time>,
    /// The day whose exchange rate is used: the first after the month, for an estimate the day of `asOf`. Present where prices
    /// are in another currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_date: Option<QuoteDate>,
    /// The billed month, in UTC.
    pub period: DocumentPeriod,
    /// Who pays for projects that moved within the month.
    pub attribution: Attribution,
    /// The currency of every amount of the document, by its ISO 4217 code.
    pub currency: CurrencyCode,
    /// The seller, as it was when the document was written.
    pub seller: Seller,
    /// The buyer, as it was when the document was written.
    pub buyer: Buyer,
    /// What each project costs, by name, before tax: up to 4000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4000))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["project".to_owned()]))]
    pub projects: Vec<ProjectSubtotal>,
    /// The lines: up to 500; beyond, those of usage are in slices, and up to 1500 others stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1500))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    pub lines: Vec<Line>,
    /// The InvoiceSlices that hold the lines, in order, if they are too many: up to 350.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 350))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub slices: Vec<SliceRef>,
    /// The sum of the lines, before tax.
    pub subtotal: Amount,
    /// How prices were converted, where they are in another currency than the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<DocumentRate>,
    /// The sum of the lines' `priceTotal`: what services cost in the currency of their prices, before tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_subtotal: Option<Amount>,
    /// How far the group has come with its commitment, where that is over a term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<CommitmentProgress>,
    /// The tax by category and rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["category".to_owned(), "rate".to_owned()]))]
    pub taxes: Vec<TaxSubtotal>,
    /// Why no tax is stated, where `taxes` is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub tax_note: Option<String>,
    /// The tax.
    pub tax: Amount,
    /// Subtotal and tax. Below zero where more is given back of closed months than is charged.
    pub total: Amount,
    /// What was paid in advance: balances of earlier invoices, and credits that are applied after tax; up to 1001.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1001))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub prepayments: Vec<Prepayment>,
    /// The sum of the prepayments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepaid: Option<Amount>,
    /// What is to be paid: total less prepaid, and nothing where that is below zero. Absent where it is the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_due: Option<Amount>,
    /// The discounts on the lines of services, in the order of the terms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub discounts: Vec<AppliedDiscount>,
    /// How running time was converted to hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<HourRule>,
    /// The balance carried forward, with tax: what is below zero once prepayments are counted. It is a prepayment of the next invoice.
    /// (On invoices without `amountDue` it is before tax: a line brings them up from below zero to zero.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_forward: Option<Amount>,
    /// The subtotal by type of line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub categories: Vec<CategorySubtotal>,
    /// The versions of the objects that the amounts were computed from.
    #[serde(default, skip_serializing_if = "Inputs::is_empty")]
    pub inputs: Inputs,
    /// What goes back to credits that had paid for closed months and are no longer due: up to 1000. Each becomes a Credit once the
    /// invoice is final.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub returned_credits: Vec<CreditReturn>,
    /// The final invoices that lines adjust: up to 250.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 250))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["number".to_owned()]))]
    pub adjusted_invoices: Vec<AdjustedInvoice>,
    /// The invoice that this one replaces, on one that is issued again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reissues: Option<ReissuedInvoice>,
    /// The entries of the price list whose price depends on how much comes together in a month, by which lines are charged: up to 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["list".to_owned(), "entry".to_owned()]))]
    pub scales: Vec<DocumentScale>,
    /// By what the month is billed beside usage and prices: what it takes to settle it again. On final invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<DocumentTerms>,
    /// The digest of the group's previous final invoice; on one that is issued again, of the credit note that credited the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub previous_digest: Option<String>,
    /// SHA-256 over the canonical JSON (RFC 8785) of the document without this field.
    #[schemars(length(max = 80))]
    pub digest: String,
}

impl Document {
    /// What is to be paid.
    pub fn amount_due(&self) -> &Amount {
        self.amount_due.as_ref().unwrap_or(&self.total)
    }
}

/// An amount, with tax, that was paid before the invoice was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Prepayment {
    /// The kind of the object that it comes from: `Invoice` or `Credit`.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Its name.
    pub name: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// The amount.
    pub amount: Amount,
}

/// A price that depends on how much comes together in a month, as its entry of the price list says it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct DocumentScale {
    /// The price list.
    pub list: Name,
    /// The name of the entry in its list.
    pub entry: Name,
    /// Whose usage comes together.
    pub scope: PriceScope,
    /// The price of a package, of which begun ones count whole; absent with tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Price>,
    /// How tiers price a quantity; absent without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<TierMode>,
    /// The tiers, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tiers: Vec<PriceTier>,
}

/// The tier by which a line is charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineTier {
    /// The quantity below it.
    pub from: Quantity,
    /// The last quantity that belongs to it; absent on the last tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Quantity>,
    /// Whether it is the price of this part of the quantity, or of all of it.
    pub mode: TierMode,
}

/// What goes back to a credit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditReturn {
    /// The name of the new Credit: the invoice's number, the sequence of the month, and the name of the Credit that paid.
    pub name: ObjectName,
    /// The Credit that paid.
    pub credit: ObjectName,
    /// The closed month that it paid for.
    pub period: Month,
    /// The amount.
    pub amount: Amount,
}

/// A final invoice that a document adjusts, as the law asks of a document that amends another (Directive 2006/112/EC, Article 219).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdjustedInvoice {
    /// Its number.
    pub number: Name,
    /// When it was issued.
    pub issued_at: Time,
}

/// The invoice that was credited in full, and that a document replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReissuedInvoice {
    /// Its number.
    pub number: Name,
    /// When it was issued.
    pub issued_at: Time,
    /// The digest of its document.
    #[schemars(length(max = 80))]
    pub digest: String,
    /// The number of the credit note that credited it.
    pub credit_note: NoteNumber,
    /// When the month was billed first, where that was by another invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_issued_at: Option<Time>,
}

/// By what a month is billed beside usage and prices, resolved for the month. Discounts, hours and attribution stand beside it on the
/// document.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct DocumentTerms {
    /// The price lists, in the order in which they are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub price_lists: Vec<Name>,
    /// The charges in force: up to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub charges: Vec<DocumentCharge>,
    /// The commitment, if one is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<DocumentCommitment>,
    /// How many projects the charges by project are for: those that the group pays for at the month's end. Absent: no charge is by
    /// project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4000))]
    pub projects: Option<i32>,
    /// The lowest amount that is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_charge: Option<Amount>,
    /// The tax rules that match the buyer, in order, up to the first that taxes everything. Absent: the issuer has no rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tax_rules: Option<Vec<DocumentTaxRule>>,
    /// How many months before its own the oldest is that the document settles. Absent: there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub late_usage_window: Option<i32>,
    /// How prices are converted, used or not, where they are in another currency than the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<DocumentRate>,
}

/// A charge in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentCharge {
    /// Its name in the terms.
    #[schemars(length(max = 64))]
    pub name: String,
    /// The type of its line.
    #[serde(rename = "type")]
    pub kind: LineType,
    /// The amount; absent where it is a percentage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// `Project` where the amount is for each project; absent: it is for the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<ChargePer>,
    /// The charge in per cent of what services cost after discounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Percent>,
    /// The minimum amount, with `percent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Amount>,
}

/// A commitment in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentCommitment {
    /// Its name in the terms.
    #[schemars(length(max = 64))]
    pub name: String,
    /// The amount: of the month, or with `settlement: Term` of the term.
    pub amount: Amount,
    /// `Term` where it is settled with the last month; absent: it is settled every month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<CommitmentSettlement>,
    /// The first month of the term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_period: Option<Month>,
    /// The last month of the term; that of the group's deletion, where it is earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_period: Option<Month>,
}

/// How far a commitment over a term has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitmentProgress {
    /// Its name in the terms.
    #[schemars(length(max = 64))]
    pub name: String,
    /// The amount of the term.
    pub amount: Amount,
    /// The first month of the term.
    pub first_period: Month,
    /// The last month of the term.
    pub last_period: Month,
    /// What services, extra charges and support come to, from the first month to that of the document, before tax.
    pub spent: Amount,
    /// What is left of the amount. With the last month it is billed.
    pub left: Amount,
}

/// A tax rule that matches the buyer.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct DocumentTaxRule {
    /// The types of services that it taxes; absent: everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub service_types: Vec<String>,
    /// The kind of tax.
    pub category: TaxCategory,
    /// The rate, in per cent.
    pub rate: TaxRate,
    /// Why no tax is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}

/// How prices were converted to another currency: quantity × unit price × `toQuote` ÷ `fromQuote`, exactly, times what
/// discounts leave, and rounded once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentRate {
    /// The source of the quotes.
    pub source: Name,
    /// The currency of the prices.
    pub from: CurrencyCode,
    /// The currency of the document.
    pub to: CurrencyCode,
    /// How many units of `to` one unit of `from` is worth, to 15 decimals: for reading, because amounts are computed from the
    /// quotes.
    #[schemars(length(max = 64), regex(pattern = "^[0-9]{1,40}([.][0-9]{1,15})?$"))]
    pub rate: String,
    /// The base currency of the quotes.
    pub base: CurrencyCode,
    /// How many units of `from` one unit of the base costs.
    pub from_quote: ExchangeRate,
    /// How many units of `to` one unit of the base costs.
    pub to_quote: ExchangeRate,
    /// The day of the two quotes: the rate date, or the last one before it on which both were quoted.
    pub quote_date: QuoteDate,
}

/// The half-open interval that a document bills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentPeriod {
    /// Its first instant.
    pub start: Time,
    /// The first instant after it.
    pub end: Time,
}

/// The seller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seller {
    /// The name of the company.
    #[schemars(length(max = 128))]
    pub legal_name: String,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Its VAT or tax number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub vat_id: Option<String>,
    /// Its number in the companies' register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub registration: Option<String>,
    /// The account for bank transfers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_account: Option<BankAccount>,
    /// Its address in the networks of e-invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub electronic_address: Option<ElectronicAddress>,
    /// Whom the buyer asks about the invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// The language of invoices whose buyer names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// How the invoice looks as PDF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentStyle>,
}

/// The buyer.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct Buyer {
    /// The billing group, by name.
    pub billing_group: Name,
    /// Its display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub display_name: Option<String>,
    /// The company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub company: Option<String>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Address>,
    /// Its VAT or tax number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub vat_id: Option<String>,
    /// The number of the company in its register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub registration: Option<String>,
    /// What the company wants to find on its invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub buyer_reference: Option<String>,
    /// The number of the company's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub purchase_order: Option<String>,
    /// The address of the company in the networks of e-invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub electronic_address: Option<ElectronicAddress>,
    /// The language of the invoice. Absent: that of the seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Who gets the invoice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 254)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub invoice_emails: Vec<String>,
    /// The buyer's own text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub invoice_text: Option<String>,
    /// How it is paid.
    pub payment_method: PaymentMethodType,
}

/// A discount on the lines of services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedDiscount {
    /// Its name in the terms.
    #[schemars(length(max = 64))]
    pub name: String,
    /// The discount, in per cent.
    pub percent: Percent,
}

/// How running time becomes hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HourRule {
    /// Begun hours count as whole ones, over the record as a whole.
    Ceil,
    /// Seconds divided by 3600.
    Exact,
}

/// What a project costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectSubtotal {
    /// The project.
    pub project: Name,
    /// The sum of its lines, before tax.
    pub subtotal: Amount,
}

/// The subtotal of one type of line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategorySubtotal {
    /// The type.
    #[serde(rename = "type")]
    pub kind: LineType,
    /// The sum of its lines, before tax.
    pub subtotal: Amount,
}

/// An InvoiceSlice of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SliceRef {
    /// The name of the slice.
    pub name: ObjectName,
    /// How many lines it has.
    #[schemars(range(min = 1, max = 500))]
    pub lines: i32,
    /// The sum of its lines.
    pub subtotal: Amount,
    /// The digest of its spec.
    #[schemars(length(max = 80))]
    pub digest: String,
}

/// The objects that amounts were computed from.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// The price lists, in the order in which they are asked, and then those by which only usage of closed months is priced: up to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub price_lists: Vec<CatalogInput>,
    /// The price list of a group, as documents of earlier versions name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_list: Option<CatalogInput>,
    /// The exchange rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rates: Option<CatalogInput>,
    /// The billing group, with the terms that were agreed. On final invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_group: Option<InputGeneration>,
    /// The issuer. On final invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<InputGeneration>,
    /// The credits that were used, by name: up to 1000. On a final invoice in the version in which its part was reserved, on an
    /// estimate in the version with which it was last computed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub credits: Vec<InputVersion>,
}

impl Inputs {
    /// The price lists, in order, whatever version named them.
    pub fn price_lists(&self) -> impl Iterator<Item = &CatalogInput> {
        self.price_list.iter().chain(&self.price_lists)
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        let Self { price_lists: _, price_list: _, exchange_rates, billing_group, issuer, credits } = self;
        let is_rated = self.price_lists().next().is_some() || exchange_rates.is_some();
        !is_rated && billing_group.is_none() && issuer.is_none() && credits.is_empty()
    }
}

/// One version of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputVersion {
    /// Its name.
    pub name: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// Its resourceVersion.
    #[schemars(length(max = 64))]
    pub resource_version: String,
}

/// A price list, or the exchange rates of a year, as a document was computed from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatalogInput {
    /// Its name.
    pub name: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// Its generation, which counts the changes of its spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub generation: Option<i64>,
    /// Its resourceVersion, which documents had before they had the generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub resource_version: Option<String>,
}

/// One generation of the spec of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputGeneration {
    /// Its name.
    pub name: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// Its generation.
    #[schemars(range(min = 1))]
    pub generation: i64,
}

/// One charge.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Identifies the charge, which keeps its id from refresh to refresh.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// What kind of charge it is.
    #[serde(rename = "type")]
    pub kind: LineType,
    /// The project that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Name>,
    /// The service that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The name of the cluster where it ran, where the usage record names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Name>,
    /// The first instant that is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Time>,
    /// The first instant that is no longer charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Time>,
    /// How many units are charged, to 6 decimals: of a price by the hour, hours × the record's quantity; of one by the month, the share
    /// of the month × that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// The unit of the quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<PriceUnit>,
    /// The price of one unit, or of as many as `per` says, in the price list's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Price>,
    /// For how many units the price is, where that is not one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub per: Option<i64>,
    /// What one unit is called, where it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub unit_name: Option<String>,
    /// The most that the price comes to in a month, for a record, where it has a maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_per_month: Option<Price>,
    /// When the record began, where that is not the line's start and the price has a maximum: its hours of the month count towards
    /// that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// How running time was converted to hours, where that is another rule than the document's: the price's own, or for late usage that
    /// of the month's final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<HourRule>,
    /// The tier, where the price has tiers. A record has a line for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<LineTier>,
    /// Whether begun packages count whole, where the price says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_up: Option<bool>,
    /// How much of the month's quantity comes before the line, with tiers and whole packages, where that is not nothing: what the
    /// tier or the packages come to with the line, less what they come to without, is the charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Quantity>,
    /// How many of the service ran at once, where that is not one: `quantity` is this number times hours, or the share of the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Quantity>,
    /// The two readings of a metered record between which the quantity was counted: of an adjustment, those by which it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readings: Option<LineReadings>,
    /// The entry of the price list that the price is from, as it was at the line's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<LinePrice>,
    /// The charge before discounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_discount: Option<Amount>,
    /// The charge.
    pub total: Amount,
    /// How it is taxed, where the document is taxed in several ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<LineTax>,
    /// The charge in the currency of the price, rounded to its digits, where that is another currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_total: Option<Amount>,
    /// The charge in words.
    #[schemars(length(max = 512), regex(pattern = LINE))]
    pub description: String,
    /// For late usage of a closed month: the discounts in its total, which are those of that month; up to 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub discounts: Vec<AppliedDiscount>,
    /// For late usage of a closed month: how its price was converted, by the rate of that month, where it is
    /// in another currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<DocumentRate>,
    /// The closed month that it adjusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjusts: Option<Adjusts>,
    /// Usage records that this charge replaces; they stay replaced when the record that replaces them is deleted:
    /// up to 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub replaces: Vec<ObjectName>,
    /// The tags of the usage record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "usage_record::tags")]
    pub tags: BTreeMap<String, String>,
    /// The object that caused the charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<LineSource>,
}

/// What a metered record had counted at the begin and at the end of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineReadings {
    /// The last reading at or before the line's start. Absent: there was none, and the line's quantity is counted from zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LineReading>,
    /// The last reading at or before the line's end. Absent: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LineReading>,
}

/// What a counter had counted at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineReading {
    /// When it was read.
    pub at: Time,
    /// How much was counted since the usage record's start.
    pub quantity: Quantity,
}

/// The entry of a price list that a line's price is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinePrice {
    /// The list. Absent on documents of earlier versions: it is the one that `inputs.priceList` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Name>,
    /// Its name in the list.
    pub entry: Name,
    /// The first instant at which it is valid.
    pub valid_from: Time,
    /// The first instant at which it is no longer valid, where it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
}

/// What a line adjusts of a closed month.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct Adjusts {
    /// The month.
    pub period: Month,
    /// The final invoice that bills too much or too little. Absent: the charge is on no final invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<Name>,
    /// The final invoice with which a billing group that is gone closed the month: this one settles it in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<Name>,
    /// For a part of the month that is no usage: the type of its line.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<LineType>,
    /// For a part of the month that is no usage: the name of the charge, the commitment or the credit, or `minimumCharge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub part: Option<String>,
    /// What final invoices bill so far, in the document's currency: that one, and earlier corrections. Present with `invoice`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billed: Option<Amount>,
    /// What they should have billed. The line is the difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Amount>,
    /// For charges at a price with tiers or whole packages (`part` is the entry): how much came together in the month, by what
    /// documents say so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_before: Option<Quantity>,
    /// How much did come together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_after: Option<Quantity>,
    /// The part of the difference that credit notes already credited, so that it is not credited again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Amount>,
    /// The credit notes that were counted, by number: up to 1000. One that was issued while the closing was read is not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub notes: Vec<NoteNumber>,
}

impl Adjusts {
    /// A charge of the month that is on no final invoice.
    pub fn late(period: Month) -> Self {
        let (invoice, closed_by, kind, part, billed, due, settled) = Default::default();
        let (quantity_before, quantity_after) = (None, None);
        Self {
            period,
            invoice,
            closed_by,
            kind,
            part,
            billed,
            due,
            quantity_before,
            quantity_after,
            settled,
            notes: Vec::new(),
        }
    }
}

/// The object that caused a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineSource {
    /// Its kind.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Its name.
    pub name: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// Which part of it: the name of the charge, discount or commitment in the terms of a group; of a record, what tells its line from
    /// others; of a price list, the month, the entry and the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub part: Option<String>,
}

/// Kinds of charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum LineType {
    /// A service that ran.
    ServiceCharge,
    /// Agreed in addition to services.
    ExtraCharge,
    /// Support.
    SupportCharge,
    /// What spending falls short of the commitment.
    CommitmentFee,
    /// Credits that were used; negative.
    CreditConsumption,
    /// Names a discount; its amount is zero, because the discount is part of the lines of services.
    Multiplier,
    /// Brings a small total to zero.
    Rounding,
    /// Anything else, such as the adjustment of an earlier month.
    OtherEvent,
}
