//! How it is paid.

use billing_api::{Buyer, PaymentMethodType, Seller};

use crate::model::{Account, Payment};

/// How a buyer pays. A transfer without an account is like any way that the standard does not know: 30 and 58 ask for one (BR-61), and
/// cards for a part of their number, which we do not have (BR-DE-24).
pub(super) fn payment(seller: &Seller, buyer: &Buyer, number: &str, currency: &str) -> Payment {
    let account = seller.bank_account.as_ref().and_then(|account| {
        let iban = account.iban.clone()?;
        Some(Account { iban, holder: seller.legal_name.clone(), bic: account.bic.clone() })
    });
    let (code, text, account) = match buyer.payment_method {
        PaymentMethodType::BankTransfer => match account {
            Some(account) if currency == "EUR" => ("58", "SEPA credit transfer", Some(account)),
            Some(account) => ("30", "Credit transfer", Some(account)),
            None => ("1", "Bank transfer", None),
        },
        PaymentMethodType::Card => ("68", "Card on file", None),
        PaymentMethodType::AwsMarketplace => ("68", "AWS Marketplace", None),
        PaymentMethodType::GoogleMarketplace => ("68", "Google Cloud Marketplace", None),
        PaymentMethodType::AzureMarketplace => ("68", "Azure Marketplace", None),
        PaymentMethodType::NoPaymentExpected => ("1", "No payment is expected", None),
    };
    Payment { code, text, reference: number.to_owned(), account }
}
