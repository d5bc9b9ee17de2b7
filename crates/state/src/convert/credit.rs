//! Credits.

use std::collections::BTreeMap;
use std::str::FromStr;

use kube_core::ResourceExt;

use super::{ConvertError, read, uid_of};
use billing_api as api;
use billing_documents::issued::currency_of;
use billing_domain::{
    Application, Availability, Credit, CreditType, CreditValidity, Currency, Money, Name, Reservation, ReservationState,
};

/// A credit with what invoices have taken of it; `None` while its code is not redeemed.
///
/// # Errors
/// A currency that is none, or an amount with more digits than its currency has.
pub fn credit(object: &api::Credit) -> Result<Option<Credit>, ConvertError> {
    let api::CreditSpec {
        billing_group: _,
        kind,
        amount,
        application,
        starts_at,
        expires_at,
        projects,
        code: _,
        origin: _,
    } = &object.spec;
    let status = object.status.as_ref();
    let redeemed = status.and_then(|status| Some((status.kind?, status.amount.as_ref()?, status.currency.as_ref()?)));
    let (kind, amount) = match (kind, amount, redeemed) {
        (Some(kind), Some(amount), _) => (*kind, credit_amount(amount)?),
        (_, _, Some((kind, amount, currency))) => (kind, balance(amount, read("status.currency", currency)?)?),
        _ => return Ok(None),
    };
    let reservations = status.into_iter().flat_map(|status| &status.reservations);
    Ok(Some(Credit {
        name: object.name_any().into(),
        uid: uid_of(object)?,
        kind: credit_type(kind),
        amount,
        application: match application.unwrap_or_default() {
            api::CreditApplication::BeforeTax => Application::BeforeTax,
            api::CreditApplication::AfterTax => Application::AfterTax,
        },
        validity: CreditValidity {
            starts: starts_at.or(status.and_then(|status| status.starts_at)).map(|starts| starts.0),
            expires: expires_at.or(status.and_then(|status| status.expires_at)).map(|expires| expires.0),
        },
        projects: projects.as_ref().map(|names| names.iter().map(|name| name.as_str().into()).collect()),
        reservations: reservations.map(|known| reservation(known, amount.currency())).collect::<Result<_, _>>()?,
        withdrawn: object.metadata.deletion_timestamp.is_some(),
    }))
}

/// The credit that a code becomes, of the Credit that redeems it.
///
/// # Errors
/// A currency that is none, or an amount with more digits than its currency has.
pub fn redeemed(object: &api::Credit, code: &api::CreditCode) -> Result<Credit, ConvertError> {
    let api::CreditCodeSpec { kind, amount, starts_at, expires_at, redeem_until: _, organization: _ } = &code.spec;
    Ok(Credit {
        name: object.name_any().into(),
        uid: uid_of(object)?,
        kind: credit_type(*kind),
        amount: credit_amount(amount)?,
        application: Application::BeforeTax,
        validity: CreditValidity {
            starts: starts_at.map(|starts| starts.0),
            expires: expires_at.map(|expires| expires.0),
        },
        projects: None,
        reservations: Vec::new(),
        withdrawn: object.metadata.deletion_timestamp.is_some(),
    })
}

fn reservation(wire: &api::Reservation, currency: Currency) -> Result<Reservation, ConvertError> {
    let api::Reservation { invoice, amount, state } = wire;
    Ok(Reservation {
        invoice: invoice.as_str().into(),
        amount: balance(amount, currency)?,
        state: match state {
            api::ReservationState::Reserved => ReservationState::Reserved,
            api::ReservationState::Consumed => ReservationState::Consumed,
        },
    })
}

/// What a credit or a code is worth.
///
/// # Errors
/// A currency that is none, or an amount with more digits than its currency has.
pub fn credit_amount(amount: &api::Money) -> Result<Money, ConvertError> {
    let unusable =
        |field: &str, reason: String| ConvertError::Unusable { path: format!("spec.amount.{field}"), reason };
    let currency = Currency::from_str(&amount.currency).map_err(|error| unusable("currency", error.to_string()))?;
    Money::parse_plain(&amount.amount, currency).map_err(|error| unusable("amount", error.to_string()))
}

fn balance(amount: &api::Balance, currency: Currency) -> Result<Money, ConvertError> {
    Money::parse(amount, currency)
        .map_err(|_| ConvertError::Field { field: "an amount of status", text: amount.to_string() })
}

/// What a credit's status says of it: whose it is, what it is worth, and what invoices have taken. The conditions and the
/// generation are for others to add.
pub fn wire_credit_status(
    credit: &Credit,
    owner: Option<api::Uid>,
    availability: Option<Availability>,
) -> api::CreditStatus {
    let balance = |money: Money| api::Balance::from(money.to_string());
    let zero = || Money::zero(credit.amount.currency());
    let (remaining, expired) = match availability {
        Some(Availability::Expired | Availability::Withdrawn) => (zero(), credit.remaining()),
        _ => (credit.remaining(), zero()),
    };
    api::CreditStatus {
        billing_group_uid: owner,
        kind: Some(wire_type(credit.kind)),
        amount: Some(balance(credit.amount)),
        currency: Some(credit.amount.currency().code().into()),
        starts_at: credit.validity.starts.map(api::Time::from),
        expires_at: credit.validity.expires.map(api::Time::from),
        reservations: credit.reservations.iter().map(wire_reservation).collect(),
        remaining: Some(balance(remaining)),
        consumed: Some(balance(credit.consumed())),
        expired: Some(balance(expired)),
        conditions: Vec::new(),
        observed_generation: None,
    }
}

fn wire_reservation(reservation: &Reservation) -> api::Reservation {
    let Reservation { invoice, amount, state } = reservation;
    api::Reservation {
        invoice: invoice.as_str().into(),
        amount: amount.to_string().into(),
        state: match state {
            ReservationState::Reserved => api::ReservationState::Reserved,
            ReservationState::Consumed => api::ReservationState::Consumed,
        },
    }
}

/// What the month of an invoice itself used of credits, by name, in the order of the lines.
///
/// # Errors
/// An amount that cannot be read.
pub fn credits_used(document: &api::Document) -> Result<Vec<(Name, Money)>, ConvertError> {
    let own = document.lines.iter().filter(|line| line.kind == api::LineType::CreditConsumption);
    sums(own.map(|line| used_by_line(document, line)))
}

/// What an invoice takes of credits in all, by name: for its own month, for closed ones beside what these used before, and of its
/// total.
///
/// # Errors
/// An amount that cannot be read.
pub fn credits_taken(document: &api::Document) -> Result<Vec<(Name, Money)>, ConvertError> {
    let mut taken = credits_used(document)?;
    let mut closed: BTreeMap<(&str, &str), Vec<Result<_, ConvertError>>> = BTreeMap::new();
    for line in &document.lines {
        let Some(adjusts) = &line.adjusts else { continue };
        let source = line.source.as_ref().filter(|_| adjusts.kind == Some(api::LineType::CreditConsumption));
        if let Some(source) = source {
            let of_month = closed.entry((adjusts.period.as_str(), &source.name)).or_default();
            of_month.push(used_by_line(document, line));
        }
    }
    for of_month in closed.into_values() {
        // What a month gives back becomes a credit of its own.
        taken.extend(sums(of_month)?.into_iter().filter(|(_, used)| used.minor() > 0));
    }
    let currency = currency_of(document)?;
    for prepayment in document.prepayments.iter().filter(|one| one.kind == "Credit") {
        let amount = Money::parse(&prepayment.amount, currency);
        let unreadable = |_| ConvertError::Field { field: "prepayments.amount", text: prepayment.amount.to_string() };
        taken.push((prepayment.name.as_str().into(), amount.map_err(unreadable)?));
    }
    sums(taken.into_iter().map(Ok))
}

fn used_by_line(document: &api::Document, line: &api::Line) -> Result<(Name, Money), ConvertError> {
    let missing = || ConvertError::Field { field: "line.source", text: line.id.clone() };
    let source = line.source.as_ref().filter(|source| source.kind == "Credit").ok_or_else(missing)?;
    let total = Money::parse(&line.total, currency_of(document)?);
    let total = total.map_err(|_| ConvertError::Field { field: "line.total", text: line.total.to_string() })?;
    Ok((source.name.as_str().into(), total.negated()))
}

/// The sums by name, in the order of names as they come.
fn sums(
    amounts: impl IntoIterator<Item = Result<(Name, Money), ConvertError>>,
) -> Result<Vec<(Name, Money)>, ConvertError> {
    let mut sums: Vec<(Name, Money)> = Vec::new();
    for amount in amounts {
        let (name, amount) = amount?;
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => {
                let too_much = || ConvertError::Field { field: "line.total", text: amount.to_string() };
                *sum = sum.checked_add(amount).ok_or_else(too_much)?;
            }
            None => sums.push((name, amount)),
        }
    }
    Ok(sums)
}

macro_rules! types {
    ($($name:ident),+) => {
        fn credit_type(kind: api::CreditType) -> CreditType {
            match kind {
                $(api::CreditType::$name => CreditType::$name),+
            }
        }

        /// What a credit is given for, on the wire.
        pub fn wire_type(kind: CreditType) -> api::CreditType {
            match kind {
                $(CreditType::$name => api::CreditType::$name),+
            }
        }
    };
}

types!(
    Discount,
    Employee,
    Evaluation,
    Internal,
    Other,
    Outage,
    Partner,
    Promotion,
    Purchase,
    Referral,
    Sponsorship,
    Trial,
    TrialOver
);
