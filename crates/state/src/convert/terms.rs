//! The terms of a group.

use std::str::FromStr;

use billing_api as api;
use billing_domain::{
    AgreedCharge, ChargeAmount, ChargeType, Commitment, CommitmentSettlement, Currency, Discount, Money, Month, Term,
    Terms, TermsError, Validity,
};

/// What a group agreed with its provider, in its currency.
///
/// # Errors
/// Terms that contradict themselves or the group, with the field.
pub fn terms(terms: &api::Terms, currency: Currency) -> Result<Terms, TermsError> {
    let discounts = terms.discounts.iter().map(discount).collect::<Result<_, _>>()?;
    let charges = terms.charges.iter().map(|given| charge(given, currency)).collect::<Result<_, _>>()?;
    let commitment = terms.commitment.as_ref().map(|given| commitment(given, currency)).transpose()?;
    Ok(Terms { discounts, charges, commitment })
}

fn discount(given: &api::Discount) -> Result<Discount, TermsError> {
    let api::Discount { name, percent, first_period, last_period } = given;
    let field = |field: &str| format!("discounts[{name}].{field}");
    Ok(Discount {
        name: name.as_str().into(),
        percent: read(field("percent"), percent)?,
        validity: validity(field, first_period.as_ref(), last_period.as_ref())?,
    })
}

fn charge(given: &api::Charge, currency: Currency) -> Result<AgreedCharge, TermsError> {
    let api::Charge { name, kind, amount, per, percent, minimum, first_period, last_period } = given;
    let field = |field: &str| format!("charges[{name}].{field}");
    let minimum = minimum.as_ref().map(|minimum| money(field("minimum"), minimum, currency)).transpose()?;
    let amount = match (amount, percent) {
        (Some(amount), None) => {
            let amount = money(field("amount"), amount, currency)?;
            match per {
                None | Some(api::ChargePer::Group) => ChargeAmount::Fixed(amount),
                Some(api::ChargePer::Project) => ChargeAmount::PerProject(amount),
            }
        }
        (None, Some(percent)) => ChargeAmount::OfServices { percent: read(field("percent"), percent)?, minimum },
        _ => return Err(TermsError::Amount { field: format!("charges[{name}]") }),
    };
    let kind = match kind {
        api::ChargeType::ExtraCharge => ChargeType::Extra,
        api::ChargeType::SupportCharge => ChargeType::Support,
        api::ChargeType::OtherEvent => ChargeType::Other,
    };
    let validity = validity(field, first_period.as_ref(), last_period.as_ref())?;
    Ok(AgreedCharge { name: name.as_str().into(), kind, amount, validity })
}

fn commitment(given: &api::Commitment, currency: Currency) -> Result<Commitment, TermsError> {
    let api::Commitment { name, amount, settlement, first_period, last_period } = given;
    let field = |field: &str| format!("commitment.{field}");
    let validity = validity(field, first_period.as_ref(), last_period.as_ref())?;
    let settlement = match (settlement, validity.first, validity.last) {
        (None | Some(api::CommitmentSettlement::Month), ..) => CommitmentSettlement::Month,
        (Some(api::CommitmentSettlement::Term), Some(first), Some(last)) => {
            CommitmentSettlement::Term(Term { first, last })
        }
        (Some(api::CommitmentSettlement::Term), ..) => return Err(TermsError::TermWithoutPeriods),
    };
    let amount = money(field("amount"), amount, currency)?;
    Ok(Commitment { name: name.as_str().into(), amount, validity, settlement })
}

fn validity(
    field: impl Fn(&str) -> String,
    first: Option<&api::Month>,
    last: Option<&api::Month>,
) -> Result<Validity, TermsError> {
    let month = |name: &str, text: Option<&api::Month>| text.map(|text| read::<Month>(field(name), text)).transpose();
    Ok(Validity { first: month("firstPeriod", first)?, last: month("lastPeriod", last)? })
}

fn money(field: String, given: &api::Money, currency: Currency) -> Result<Money, TermsError> {
    if given.currency.as_str() != currency.code() {
        return Err(TermsError::Currency { field, found: given.currency.to_string(), currency });
    }
    Money::parse_plain(&given.amount, currency)
        .map_err(|error| TermsError::NoAmount { field: format!("{field}.amount"), error })
}

fn read<T: FromStr>(field: String, text: &str) -> Result<T, TermsError> {
    text.parse().map_err(|_| TermsError::Unreadable { field, text: text.to_owned() })
}
