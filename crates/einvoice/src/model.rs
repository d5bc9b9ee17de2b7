//! The terms of EN 16931 that we use, by their names here and their numbers there (BT: business term, BG: group of terms).
//!
//! Amounts of a credit note (BT-3 381) are what is given back: above zero.

use chrono::NaiveDate;
use rust_decimal::Decimal;

/// An invoice or a credit note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// BT-3
    pub kind: Kind,
    /// BT-1
    pub number: String,
    /// BT-2
    pub issued_on: NaiveDate,
    /// BT-5: the currency of every amount.
    pub currency: String,
    /// BT-9
    pub due_on: Option<NaiveDate>,
    /// BT-10
    pub buyer_reference: Option<String>,
    /// BT-13
    pub purchase_order: Option<String>,
    /// BT-20
    pub payment_terms: Option<String>,
    /// BT-22
    pub note: Option<String>,
    /// BG-3: the finals that it adjusts; of a credit note the one that it takes back.
    pub preceding: Vec<Preceding>,
    /// BG-4
    pub seller: Party,
    /// BG-7
    pub buyer: Party,
    /// BG-14: the billed month.
    pub period: Days,
    /// BG-16
    pub payment: Payment,
    /// BG-20: credits that are used before tax.
    pub allowances: Vec<Allowance>,
    /// BG-22
    pub totals: Totals,
    /// BG-23
    pub taxes: Vec<Tax>,
    /// BG-25
    pub lines: Vec<Line>,
}

/// What a document is (BT-3, of UNTDID 1001).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 380
    Invoice,
    /// 381
    CreditNote,
}

/// An earlier invoice (BG-3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preceding {
    /// BT-25
    pub number: String,
    /// BT-26
    pub issued_on: Option<NaiveDate>,
}

/// The seller (BG-4) or the buyer (BG-7).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// BT-27, BT-44
    pub name: String,
    /// BT-45: the buyer's department.
    pub trading_name: Option<String>,
    /// BT-46: the account of the buyer, which is its billing group.
    pub account: Option<String>,
    /// BT-30, BT-47
    pub registration: Option<String>,
    /// BT-31, BT-48: with the prefix of a country.
    pub vat_id: Option<String>,
    /// BT-32: the seller's tax number that is no VAT id.
    pub tax_number: Option<String>,
    /// BT-34, BT-49
    pub electronic_address: Option<ElectronicAddress>,
    /// BG-5, BG-8
    pub address: Address,
    /// BG-6
    pub contact: Contact,
}

/// An address of the networks that deliver e-invoices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectronicAddress {
    /// Of the list EAS.
    pub scheme: String,
    /// As the scheme writes it.
    pub value: String,
}

/// A postal address (BG-5, BG-8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// BT-35, 36 and 162; BT-50, 51 and 163
    pub lines: Vec<String>,
    /// BT-37, BT-52
    pub city: Option<String>,
    /// BT-38, BT-53
    pub post_code: Option<String>,
    /// BT-39, BT-54
    pub subdivision: Option<String>,
    /// BT-40, BT-55
    pub country: Option<String>,
}

/// Whom the buyer asks (BG-6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contact {
    /// BT-41
    pub name: Option<String>,
    /// BT-42
    pub phone: Option<String>,
    /// BT-43
    pub email: Option<String>,
}

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// BT-73, BT-134
    pub first: NaiveDate,
    /// BT-74, BT-135
    pub last: NaiveDate,
}

impl Days {
    /// Whether other days are among these.
    pub fn contain(&self, other: Days) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// How it is paid (BG-16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// BT-81, of UNTDID 4461
    pub code: &'static str,
    /// BT-82
    pub text: &'static str,
    /// BT-83
    pub reference: String,
    /// BG-17
    pub account: Option<Account>,
}

/// An account for transfers (BG-17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// BT-84
    pub iban: String,
    /// BT-85
    pub holder: String,
    /// BT-86
    pub bic: Option<String>,
}

/// How something is taxed (BT-151 and 152, BT-95 and 96, BT-118 and 119).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxGroup {
    /// The category, of UNTDID 5305.
    pub category: Category,
    /// The rate in per cent.
    pub rate: Decimal,
}

/// A category of tax, of UNTDID 5305.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Standard rate.
    S,
    /// Zero rated.
    Z,
    /// Exempt.
    E,
    /// Reverse charge.
    AE,
    /// Outside the scope of tax.
    O,
}

impl Category {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::Z => "Z",
            Self::E => "E",
            Self::AE => "AE",
            Self::O => "O",
        }
    }
}

/// What is taxed in one way (BG-23).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    /// BT-118, BT-119
    pub group: TaxGroup,
    /// BT-116
    pub base: Decimal,
    /// BT-117
    pub amount: Decimal,
    /// BT-120
    pub reason: Option<String>,
}

/// An allowance on the document (BG-20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// BT-92
    pub amount: Decimal,
    /// BT-95, BT-96
    pub tax: TaxGroup,
    /// BT-97
    pub reason: String,
}

/// The sums (BG-22), as the document has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// BT-106: the lines.
    pub lines: Decimal,
    /// BT-107: the allowances.
    pub allowances: Decimal,
    /// BT-109: before tax.
    pub subtotal: Decimal,
    /// BT-110
    pub tax: Decimal,
    /// BT-112
    pub total: Decimal,
    /// BT-113: paid in advance, balances of earlier invoices included.
    pub prepaid: Decimal,
    /// BT-115: below zero where a balance is carried forward.
    pub due: Decimal,
}

/// A line (BG-25).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// BT-126: its position in the document.
    pub id: String,
    /// BT-153
    pub name: String,
    /// BT-154
    pub description: Option<String>,
    /// BG-32: name and value.
    pub attributes: Vec<(&'static str, String)>,
    /// BT-129: below zero where the line is.
    pub quantity: Decimal,
    /// BT-130
    pub unit: Unit,
    /// BT-146: never below zero.
    pub price: Decimal,
    /// BT-149: what the price is for, if not one unit.
    pub price_quantity: Option<Decimal>,
    /// BG-27
    pub discount: Option<Discount>,
    /// BT-131
    pub net: Decimal,
    /// BG-26: only within the billed month.
    pub days: Option<Days>,
    /// BT-151, BT-152
    pub tax: TaxGroup,
}

/// A unit of UN/ECE Recommendation 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// HUR
    Hour,
    /// MON
    Month,
    /// C62
    One,
}

impl Unit {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Hour => "HUR",
            Self::Month => "MON",
            Self::One => "C62",
        }
    }
}

/// A discount in a line (BG-27).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discount {
    /// BT-136
    pub amount: Decimal,
    /// BT-138, where it says just that amount of what the line comes to before (BT-137).
    pub percent: Option<Decimal>,
    /// BT-139
    pub reason: String,
}

impl Line {
    /// What it comes to before its discount.
    pub fn before_discount(&self) -> Option<Decimal> {
        self.net.checked_add(self.discount.as_ref().map_or(Decimal::ZERO, |discount| discount.amount))
    }
}
