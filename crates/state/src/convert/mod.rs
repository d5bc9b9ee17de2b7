//! Wire types to domain types, each in one place.
//!
//! The schema keeps most nonsense out; what it cannot, and what a newer or older schema lets through, is an error
//! here that names the field.

pub mod billed;
mod buyer;
mod credit;
pub mod credit_note;
mod issuer;
mod rates;
mod terms;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Arc;

use kube_core::ResourceExt;
use rust_decimal::Decimal;
use thiserror::Error;

pub use credit::{credit, credit_amount, credits_taken, credits_used, redeemed, wire_credit_status, wire_type};
pub use rates::exchange_rates;

use crate::intern::Interner;
use billing_api as api;
use billing_documents::issued::NotIssued;
use billing_domain::{
    Attribution, BroughtForward, Currency, Group, HourRule, Ledger, LedgerError, Metering, Money, Month, Name,
    PriceEntry, PriceList, PriceListError, QuotesError, Reading, Readings, ReadingsError, Scale, ScalePricing, Scope,
    Segment, Terms, Tier, Timestamp, Uid, Unit, UnitPrice, Usage,
};

pub use buyer::wire_vat_id;
pub use issuer::{UnusableParts, UnusableRule, issuer};

/// Why an object says nothing that billing can use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// A field whose text cannot be read.
    #[error("{field} {text:?} cannot be read")]
    Field {
        /// The field, as in the manifest.
        field: &'static str,
        /// What it holds.
        text: String,
    },
    /// A field that every object of this kind has, and this one has not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field that can be read, and not be used.
    #[error("{path}: {reason}")]
    Unusable {
        /// Its path in the manifest.
        path: String,
        /// Why.
        reason: String,
    },
    /// An invoice that cannot be read.
    #[error(transparent)]
    Invoice(#[from] NotIssued),
    /// Segments that are no ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Entries that cannot be used: their types have no price.
    #[error(transparent)]
    PriceList(#[from] PriceListError),
    /// Quotes that contradict themselves.
    #[error(transparent)]
    Quotes(#[from] QuotesError),
}

/// A field of a type that is read from text.
pub(crate) fn read<T: FromStr>(field: &'static str, text: &str) -> Result<T, ConvertError> {
    text.parse().map_err(|_| ConvertError::Field { field, text: text.to_owned() })
}

/// A decimal, digit for digit.
fn decimal(field: &'static str, text: &str) -> Result<Decimal, ConvertError> {
    Decimal::from_str_exact(text).map_err(|_| ConvertError::Field { field, text: text.to_owned() })
}

/// The UID of an object.
///
/// # Errors
/// It has none, or one that is no UUID.
pub fn uid_of(object: &impl ResourceExt) -> Result<Uid, ConvertError> {
    let uid = object.meta().uid.as_deref().ok_or(ConvertError::Missing("metadata.uid"))?;
    read("metadata.uid", uid)
}

/// The version of an object, as of this writing of it.
///
/// # Errors
/// It has none: no server sent it.
pub fn version_of(object: &impl ResourceExt) -> Result<String, ConvertError> {
    object.resource_version().ok_or(ConvertError::Missing("metadata.resourceVersion"))
}

/// The generation of an object: it counts the changes of its spec.
///
/// # Errors
/// It has none: no server sent it.
pub fn generation_of(object: &impl ResourceExt) -> Result<i64, ConvertError> {
    object.meta().generation.ok_or(ConvertError::Missing("metadata.generation"))
}

/// When an object was created, by the API server's clock.
///
/// # Errors
/// It does not say.
pub fn created(object: &impl ResourceExt) -> Result<Timestamp, ConvertError> {
    let missing = ConvertError::Missing("metadata.creationTimestamp");
    object.creation_timestamp().and_then(|time| api::time::instant(time.0)).ok_or(missing)
}

/// When the deletion of an object was asked for.
pub fn deleted(object: &impl ResourceExt) -> Option<Timestamp> {
    object.meta().deletion_timestamp.as_ref().and_then(|time| api::time::instant(time.0))
}

/// Who pays.
///
/// # Errors
/// A month or an identifier that cannot be read. A currency that is none is no error here: the group still pays.
pub fn group(object: &api::BillingGroup) -> Result<Group, ConvertError> {
    let created = created(object)?;
    last_final_is_read(object)?;
    let terms = object.spec.terms.clone().unwrap_or_default();
    let fixed = object.status.as_ref().and_then(|status| status.first_period.as_ref());
    let first_period = match fixed.or(terms.first_period.as_ref()) {
        Some(month) => read("spec.terms.firstPeriod", month)?,
        None => Month::of(created),
    };
    let currency = Currency::from_str(&object.spec.currency).ok();
    let names = |allowed: &api::AllowedProjects| allowed.names.iter().map(|name| name.as_str().into()).collect();
    Ok(Group {
        name: object.name_any().into(),
        uid: uid_of(object)?,
        created,
        deleted: deleted(object),
        primary: object.spec.primary,
        currency,
        allowed: object.spec.allowed_projects.as_ref().map(names).map(|names: BTreeSet<Name>| names),
        first_period,
        price_lists: terms.price_lists().iter().map(|name| name.as_str().into()).collect(),
        issuer: terms.issuer.as_str().into(),
        payment_term_days: terms.payment_term_days.and_then(|days| u32::try_from(days).ok()),
        buyer: buyer::buyer(object),
        terms: currency.map_or(Ok(Terms::default()), |currency| terms::terms(&terms, currency)),
    })
}

/// Who pays for a project from when on.
///
/// # Errors
/// Segments that are no ledger.
pub fn ledger(object: &api::ProjectLedger) -> Result<Ledger, ConvertError> {
    let segments = object.spec.segments.iter().map(segment).collect::<Result<_, _>>()?;
    Ok(Ledger::new(segments)?)
}

fn segment(segment: &api::Segment) -> Result<Segment, ConvertError> {
    let api::Segment { from, billing_group, billing_group_uid, project_uid, default } = segment;
    Ok(Segment {
        from: from.0,
        group: billing_group.as_str().into(),
        group_uid: read("spec.segments.billingGroupUID", billing_group_uid)?,
        project_uid: read("spec.segments.projectUID", project_uid)?,
        default: *default,
    })
}

/// The segments as they are written.
pub fn wire_segments(ledger: &Ledger) -> Vec<api::Segment> {
    let wire = |segment: &Segment| api::Segment {
        from: segment.from.into(),
        billing_group: segment.group.as_str().into(),
        billing_group_uid: segment.group_uid.to_string().into(),
        project_uid: segment.project_uid.to_string().into(),
        default: segment.default,
    };
    ledger.segments().iter().map(wire).collect()
}

/// A service ran.
///
/// # Errors
/// A quantity, an identifier or a time that cannot be read.
pub fn usage(object: &api::UsageRecord, interner: &mut Interner) -> Result<Usage, ConvertError> {
    let api::UsageRecordSpec { project, service, cluster, quantity, start, end, readings, tags, replaces } =
        &object.spec;
    Ok(Usage {
        name: object.name_any().into(),
        uid: uid_of(object)?,
        project: interner.name(project),
        created: created(object)?,
        generation: object.metadata.generation.unwrap_or_default(),
        service: interner.service(service, cluster.as_ref()),
        quantity: decimal("spec.quantity", quantity)?,
        start: start.0,
        // A metered record ends with its month at the latest.
        end: end.map(|end| end.0).or(readings.as_ref().map(|_| Month::of(start.0).end())),
        metering: metering(object, interner)?.map(Box::new),
        replaces: replaces.as_ref().map(|name| name.as_str().into()),
        tags: tags.iter().map(|(key, value)| (interner.name(key), interner.name(value))).collect(),
    })
}

/// What makes a record metered.
fn metering(object: &api::UsageRecord, interner: &mut Interner) -> Result<Option<Metering>, ConvertError> {
    let Some(readings) = &object.spec.readings else { return Ok(None) };
    let reading = |reading: &api::Reading| {
        let api::Reading { at, quantity, coverage: _ } = reading;
        Ok(Reading { at: at.0, quantity: decimal("spec.readings.quantity", quantity)? })
    };
    let readings = readings.iter().map(reading).collect::<Result<Vec<_>, ConvertError>>()?;
    let unusable =
        |reason: &str| ConvertError::Unusable { path: "spec.readings".to_owned(), reason: reason.to_owned() };
    let (start, end) = (object.spec.start.0, Month::of(object.spec.start.0).end());
    if readings.iter().any(|reading| reading.at <= start || end < reading.at) {
        return Err(unusable("one is not of the record's month, after its start"));
    }
    let readings = Readings::new(readings).map_err(|error| {
        unusable(match error {
            ReadingsError::Order => "they are not in order of time, in whole seconds",
            ReadingsError::Falls => "a quantity is below the one before",
            ReadingsError::Quantity => "a quantity is none that can be counted",
        })
    })?;
    let meter = object.metadata.labels.as_ref().and_then(|labels| labels.get(api::labels::METER_LABEL));
    let meter = meter.map(|meter| interner.name(meter));
    Ok(Some(Metering { readings, is_ended: object.spec.end.is_some(), meter }))
}

/// What things cost.
///
/// A type of service with an entry that cannot be used has no price; all others have theirs.
///
/// # Errors
/// A currency that is none.
pub fn price_list(object: &api::PriceList) -> Result<PriceList, ConvertError> {
    let currency = Currency::from_str(&object.spec.currency)
        .map_err(|error| ConvertError::Unusable { path: "spec.currency".to_owned(), reason: error.to_string() })?;
    let name = Name::from(object.name_any());
    let (mut entries, mut unreadable) = (Vec::new(), BTreeMap::new());
    for (index, entry) in object.spec.entries.iter().enumerate() {
        match price_entry(&name, index, entry) {
            Ok(entry) => entries.push(entry),
            Err(error) => drop(unreadable.insert(entry.kind.as_str().into(), error)),
        }
    }
    let (uid, generation) = (uid_of(object)?, generation_of(object)?);
    Ok(PriceList::by_type(name, uid, generation, currency, entries, unreadable))
}

fn price_entry(list: &Name, index: usize, entry: &api::PriceEntry) -> Result<PriceEntry, PriceListError> {
    let api::PriceEntry {
        name,
        kind,
        plan,
        cloud,
        unit,
        unit_price,
        per,
        unit_name,
        round_up,
        tiers,
        mode,
        scope,
        max_per_month,
        hours: rule,
        valid_from,
        valid_until,
    } = entry;
    let unreadable = |field: &str, text: String| {
        let path = format!("spec.entries[{index}].{field}");
        PriceListError::Unreadable { path, text }
    };
    let price = |field, text: &api::Price| decimal(field, text).map_err(|_| unreadable(field, text.to_string()));
    let of_hours = [("maxPerMonth", max_per_month.is_some()), ("hours", rule.is_some())];
    let is_scaled = !tiers.is_empty() || *round_up == Some(true);
    if is_scaled && *unit != api::PriceUnit::Unit {
        let field = if tiers.is_empty() { "roundUp" } else { "tiers" };
        return Err(PriceListError::Unfit { entry: name.as_str().into(), field, unit: Unit::Unit.as_str() });
    }
    let unfit = of_hours.into_iter().find(|(_, has)| *has && *unit != api::PriceUnit::Hour);
    if let Some((field, _)) = unfit {
        return Err(PriceListError::Unfit { entry: name.as_str().into(), field, unit: Unit::Hour.as_str() });
    }
    Ok(PriceEntry {
        list: list.clone(),
        name: name.as_str().into(),
        kind: kind.as_str().into(),
        plan: plan.as_deref().map(Name::from),
        cloud: cloud.as_deref().map(Name::from),
        price: UnitPrice {
            unit: price_unit(*unit),
            amount: match unit_price {
                Some(text) => price("unitPrice", text)?,
                None if !tiers.is_empty() => Decimal::ZERO,
                None => return Err(unreadable("unitPrice", String::new())),
            },
            per: per_of(*per).ok_or_else(|| unreadable("per", per.unwrap_or_default().to_string()))?,
            unit_name: unit_name.as_deref().map(Name::from),
            max_per_month: max_per_month.as_ref().map(|most| price("maxPerMonth", most)).transpose()?,
            hours: rule.map(hours),
            scale: scale_of(*scope, *mode, tiers, round_up.unwrap_or_default())
                .map_err(|text| unreadable("tiers", text))?
                .map(Arc::new),
        },
        valid_from: valid_from.0,
        valid_until: valid_until.map(|until| until.0),
    })
}

/// What a price is for.
fn price_unit(unit: api::PriceUnit) -> Unit {
    match unit {
        api::PriceUnit::Hour => Unit::Hour,
        api::PriceUnit::Month => Unit::Month,
        api::PriceUnit::Unit => Unit::Unit,
    }
}

/// How what comes together in a month is priced; `None` for each by itself.
///
/// # Errors
/// The text of a tier that cannot be read.
fn scale_of(
    scope: Option<api::PriceScope>,
    mode: Option<api::TierMode>,
    tiers: &[api::PriceTier],
    round_up: bool,
) -> Result<Option<Scale>, String> {
    let decimal = |text: &str| Decimal::from_str_exact(text).map_err(|_| text.to_owned());
    let tier = |tier: &api::PriceTier| {
        let up_to = tier.up_to.as_deref().map(decimal).transpose()?;
        Ok::<_, String>(Tier { up_to, amount: decimal(&tier.unit_price)? })
    };
    let tiers = tiers.iter().map(tier).collect::<Result<Vec<_>, _>>()?;
    let pricing = match (tiers.is_empty(), mode) {
        (true, _) if !round_up => return Ok(None),
        (true, _) => ScalePricing::Packages,
        (false, Some(api::TierMode::Volume)) => ScalePricing::Volume(tiers),
        (false, Some(api::TierMode::Graduated) | None) => ScalePricing::Graduated(tiers),
    };
    let scope = match scope {
        Some(api::PriceScope::BillingGroup) => Scope::BillingGroup,
        Some(api::PriceScope::Project) | None => Scope::Project,
    };
    Ok(Some(Scale { scope, pricing }))
}

/// For how many units a price is: one, where nothing is said; `None` for a number that is none.
fn per_of(per: Option<i64>) -> Option<NonZeroU64> {
    per.map_or(Some(NonZeroU64::MIN), |per| NonZeroU64::new(u64::try_from(per).ok()?))
}

/// What a group's last final leaves to the next invoice. There is none that cannot be read: [`group`] refuses it.
pub fn brought_forward(last: &api::LastFinal) -> Option<BroughtForward> {
    let carried = last.carried_forward.as_ref()?;
    let currency = Currency::of_amount(&carried.currency, &carried.amount).ok()?;
    let amount = Money::parse_plain(&carried.amount, currency).ok()?;
    Some(BroughtForward {
        amount,
        invoice: last.number.as_str().into(),
        uid: carried.invoice_uid.parse().ok()?,
        includes_tax: carried.includes_tax,
    })
}

/// How many finals a group has, as its status says.
pub fn finals_of(status: Option<&api::BillingGroupStatus>) -> u32 {
    let last = status.and_then(|status| status.last_final.as_ref());
    last.map_or(0, |last| last.sequence.unsigned_abs()) // `group` refuses what is below one
}

/// Refuses a group whose last final would be taken for none, or as one that carries nothing forward.
fn last_final_is_read(object: &api::BillingGroup) -> Result<(), ConvertError> {
    let Some(last) = object.status.as_ref().and_then(|status| status.last_final.as_ref()) else { return Ok(()) };
    if last.sequence < 1 {
        return Err(ConvertError::Field { field: "status.lastFinal.sequence", text: last.sequence.to_string() });
    }
    match &last.carried_forward {
        Some(carried) if brought_forward(last).is_none() => {
            let text = format!("{} {}", carried.amount.as_str(), carried.currency.as_str());
            Err(ConvertError::Field { field: "status.lastFinal.carriedForward", text })
        }
        _ => Ok(()),
    }
}

/// How a month's cost is shared out.
pub fn attribution(attribution: api::Attribution) -> Attribution {
    match attribution {
        api::Attribution::MonthEnd => Attribution::MonthEnd,
        api::Attribution::Prorated => Attribution::Prorated,
    }
}

/// How a month's cost is shared out, as it is written.
pub fn wire_attribution(attribution: Attribution) -> api::Attribution {
    match attribution {
        Attribution::MonthEnd => api::Attribution::MonthEnd,
        Attribution::Prorated => api::Attribution::Prorated,
    }
}

/// How running time becomes hours.
pub fn hours(rule: api::HourRule) -> HourRule {
    match rule {
        api::HourRule::Ceil => HourRule::Ceil,
        api::HourRule::Exact => HourRule::Exact,
    }
}

/// How running time becomes hours, as it is written.
pub fn wire_hours(rule: HourRule) -> api::HourRule {
    match rule {
        HourRule::Ceil => api::HourRule::Ceil,
        HourRule::Exact => api::HourRule::Exact,
    }
}

/// A month from its name.
///
/// # Errors
/// The text is no month.
pub fn month(text: &str) -> Result<Month, ConvertError> {
    read("month", text)
}

/// What the keys of the project's own labels and annotations begin with.
const OWN_PREFIX: &str = "billing-operator.io/";

/// A shared object without what nobody here reads: of labels and annotations, which others may fill with a quarter of a megabyte,
/// only the project's own are kept.
pub fn trimmed<K: ResourceExt>(mut object: K) -> Arc<K> {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    for texts in [&mut metadata.labels, &mut metadata.annotations] {
        *texts = texts.take().map(own).filter(|own| !own.is_empty());
    }
    Arc::new(object)
}

fn own(texts: BTreeMap<String, String>) -> BTreeMap<String, String> {
    texts.into_iter().filter(|(key, _)| key.starts_with(OWN_PREFIX)).collect()
}
