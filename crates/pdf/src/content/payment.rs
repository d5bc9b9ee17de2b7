//! How a document is paid.

use billing_api::{BankAccount, Document, PaymentMethodType};

use super::words::{Words, decimal};
use super::{Fact, Payment};
use crate::labels::Label;
use billing_documents::issued::NotIssued;

/// How a final is paid, and by when.
pub(super) fn payment(document: &Document, words: &Words<'_>) -> Result<Payment, NotIssued> {
    let due = document.amount_due();
    let nothing = decimal("status.document.amountDue", due)? <= rust_decimal::Decimal::ZERO;
    let (amount, method) = (words.money(due), document.buyer.payment_method);
    let collected = |by: &str| words.fill(Label::ByMarketplace, &[&amount, by]);
    let text = match method {
        _ if nothing => words.label(Label::NothingDue).to_owned(),
        PaymentMethodType::Card => words.fill(Label::ByCard, &[&amount]),
        PaymentMethodType::BankTransfer => match document.due_at {
            Some(due) => words.fill(Label::ByTransfer, &[&amount, &words.date(due)]),
            None => words.fill(Label::TransferSoon, &[&amount]),
        },
        PaymentMethodType::AwsMarketplace => collected("AWS Marketplace"),
        PaymentMethodType::GoogleMarketplace => collected("Google Cloud Marketplace"),
        PaymentMethodType::AzureMarketplace => collected("Azure Marketplace"),
        PaymentMethodType::NoPaymentExpected => words.label(Label::NoPayment).to_owned(),
    };
    let account =
        document.seller.bank_account.as_ref().filter(|_| !nothing && method == PaymentMethodType::BankTransfer);
    let facts = account.map(|account| transfer(account, document, words)).unwrap_or_default();
    Ok(Payment { title: words.label(Label::Payment), text, facts })
}

/// What a transfer needs.
fn transfer(account: &BankAccount, document: &Document, words: &Words<'_>) -> Vec<Fact> {
    let BankAccount { iban, bic, name } = account;
    let facts = [
        (words.label(Label::AccountHolder), Some(document.seller.legal_name.clone())),
        ("IBAN", iban.as_deref().map(in_fours)),
        ("BIC", bic.clone()),
        (words.label(Label::Bank), name.clone().filter(|name| *name != document.seller.legal_name)),
        (words.label(Label::PaymentReference), Some(document.number.to_string())),
    ];
    facts.into_iter().filter_map(|(label, value)| Some(Fact { label, value: value? })).collect()
}

/// An IBAN as it is printed.
fn in_fours(iban: &str) -> String {
    let characters: Vec<char> = iban.chars().collect();
    let groups: Vec<String> = characters.chunks(4).map(String::from_iter).collect();
    groups.join("\u{A0}")
}
