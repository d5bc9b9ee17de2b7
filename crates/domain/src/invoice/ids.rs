//! Ids of lines. The same charge has the same id on every invoice it is computed for, and what a later document says of a
//! line finds it by that.

use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use crate::invoice::line_type::LineType;
use crate::invoice::source::SourceKind;
use crate::time::month::Month;
use crate::time::period::Timestamp;

/// The id of a line: 16 hexadecimal digits of a hash of what it is for, whose it is, and what tells it from others
/// of the same.
pub(crate) fn line_id(kind: LineType, whose: &[u8], which: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(kind.as_str());
    hash.update([0]);
    hash.update(whose);
    hash.update([0]);
    hash.update(which);
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The id of the charge of a record from an instant on, in a tier that begins at a quantity, where there are tiers.
pub(crate) fn charge_id(record: &str, start: Timestamp, tier: Option<Decimal>) -> String {
    let mut which = start.timestamp_micros().to_be_bytes().to_vec();
    which.extend(of_tier(tier).bytes());
    line_id(LineType::ServiceCharge, record.as_bytes(), &which)
}

fn of_tier(tier: Option<Decimal>) -> String {
    tier.map(|from| format!(" {}", from.normalize())).unwrap_or_default()
}

/// The id of an item of a type, with a source and a key.
pub(crate) fn item_id(kind: LineType, source: SourceKind, name: &str, key: &str) -> String {
    line_id(kind, format!("{}/{name}", source.as_str()).as_bytes(), key.as_bytes())
}

/// What tells a new line of a record from others of it.
pub(crate) fn late_key(month: Month, start: Timestamp, tier: Option<Decimal>) -> String {
    format!("{month} {}{}", start.format("%FT%TZ"), of_tier(tier))
}

/// The id of a line of a record, from an instant on, that its month's invoice does not have.
pub(crate) fn late_id(record: &str, month: Month, start: Timestamp, tier: Option<Decimal>) -> String {
    item_id(LineType::OtherEvent, SourceKind::UsageRecord, record, &late_key(month, start, tier))
}

/// What tells what differs of an entry's charges in a project from others of the price list.
pub(crate) fn refill_key(month: Month, entry: &str, project: &str) -> String {
    format!("{month} {entry} {project}")
}

/// What tells a correction of a record from others of it.
pub(crate) fn correction_key(month: Month, invoice: &str) -> String {
    format!("{month} {invoice}")
}

/// The id of the correction of what an invoice bills of a record.
pub(crate) fn correction_id(record: &str, month: Month, invoice: &str) -> String {
    item_id(LineType::OtherEvent, SourceKind::UsageRecord, record, &correction_key(month, invoice))
}
