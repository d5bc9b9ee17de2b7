//! Why there is no e-invoice of a document.

use billing_documents::issued::NotIssued;
use rust_decimal::Decimal;
use thiserror::Error;

/// Why there is no e-invoice of a document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Its document cannot be read.
    #[error(transparent)]
    NotIssued(#[from] NotIssued),
    /// It may still change.
    #[error("it is an estimate, and only what is final becomes an e-invoice")]
    Estimate,
    /// Its currency has more decimals than the standard.
    #[error(
        "amounts in {currency} have {decimals} decimals, and EN 16931 knows two: there are no e-invoices in this currency, but PDFs"
    )]
    Decimals {
        /// The currency.
        currency: String,
        /// How many its amounts have.
        decimals: u32,
    },
    /// Nothing is charged, and nothing given back.
    #[error("every line of it is zero, and an e-invoice must have something to bill; there is the PDF")]
    Nothing,
    /// It does not say how it is taxed.
    #[error(
        "it does not say how it is taxed, and EN 16931 asks for a category: set spec.taxRules of {issuer}, and what is issued from then on has one"
    )]
    NoTax {
        /// Who bills.
        issuer: String,
    },
    /// Category O beside others.
    #[error(
        "some of it is outside the scope of tax (category O) and some is not, and EN 16931 knows no invoice with both (BR-O-11): in \
         spec.taxRules of {issuer}, tax all services of a buyer in O, or none"
    )]
    MixedScope {
        /// Who bills.
        issuer: String,
    },
    /// Something is missing that the standard or the profile asks for.
    #[error("{lacks}, which {rule} asks for: set {field} of {object}, and what is issued from then on has it")]
    Missing {
        /// Who lacks what: `the seller has no country`
        lacks: &'static str,
        /// By which rule.
        rule: &'static str,
        /// Where it is written.
        field: &'static str,
        /// The object that has the field.
        object: String,
    },
    /// Sums of the terms are not those of the document.
    #[error("{what} would be {added}, and its document says {written}; `kubectl billing verify` says more")]
    Sum {
        /// Which.
        what: String,
        /// What the document says.
        written: Decimal,
        /// What the terms come to.
        added: Decimal,
    },
    /// A sum has more digits than can be computed with.
    #[error("its amounts are too large to be added up")]
    TooLarge,
    /// The profile's rules refuse what the document says.
    #[error("{profile} refuses it: {}", .rules.join("; "))]
    Rules {
        /// The profile.
        profile: &'static str,
        /// The rules that are broken, in their own words.
        rules: Vec<String>,
    },
    /// XML cannot carry it.
    #[error("it cannot be written: {}", .0.join("; "))]
    Unwritable(Vec<String>),
}
