//! What a final gives back to credits that had paid for closed months: Credits of their own.
//!
//! What goes back stands in the final's document, which is frozen; each becomes a Credit under a name that follows from it, before the
//! group's status says that the month is closed. Whoever makes it a second time, after a crash or beside another operator, finds
//! the name taken.

use kube_core::ObjectMeta;

use billing_api::{Credit, CreditOrigin, CreditReturn, CreditSpec, CreditType, CurrencyCode, Money, Name, Time};
use billing_domain::{CreditValidity, Month, Timestamp};
use billing_state::convert;

/// The final that gives back.
#[derive(Debug, Clone)]
pub struct ReturningFinal {
    /// Its number.
    pub number: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The currency of its amounts.
    pub currency: CurrencyCode,
    /// The group that gets what goes back, by name.
    pub group: String,
    /// The organization.
    pub organization: String,
}

/// The Credit of what goes back. It is as `used`, the one that had paid, is, and as long valid as what a credit note would give back
/// of that; without limits where that one is gone.
pub fn returned_credit(of: &ReturningFinal, returned: &CreditReturn, used: Option<&Credit>) -> Credit {
    let worth = used.and_then(|used| convert::credit(used).ok().flatten());
    let month = returned.period.parse::<Month>().ok();
    let validity = worth.as_ref().zip(month).map(|(worth, month)| worth.validity.restored(month, of.issued_at));
    let CreditValidity { starts: _, expires } = validity.unwrap_or_default();
    let spec = CreditSpec {
        billing_group: of.group.as_str().into(),
        kind: Some(worth.map_or(CreditType::Other, |worth| convert::wire_type(worth.kind))),
        amount: Some(Money { amount: returned.amount.as_str().into(), currency: of.currency.clone() }),
        application: used.and_then(|used| used.spec.application),
        starts_at: None,
        expires_at: expires.map(|expires| Time::from(expires).min(Time::last())),
        projects: used.and_then(|used| used.spec.projects.clone()),
        code: None,
        origin: Some(origin(&of.number, returned)),
    };
    let metadata = ObjectMeta {
        name: Some(returned.name.to_string()),
        namespace: Some(of.organization.clone()),
        ..ObjectMeta::default()
    };
    Credit { metadata, spec, status: None }
}

/// Where a Credit says that it comes from.
fn origin(number: &str, returned: &CreditReturn) -> CreditOrigin {
    CreditOrigin {
        invoice: Name::from(number),
        credit_note: None,
        period: Some(returned.period.clone()),
        credit: Some(returned.credit.clone()),
    }
}
