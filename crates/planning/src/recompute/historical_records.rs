//! The records as they can have been when a final was made.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::difference::{Explanation, Reason};
use super::is_of_usage;
use billing_api::{self as api, Line};
use billing_documents::issued::IssuedInvoice;
use billing_domain::{
    BilledIndex, Ledger, Metering, Month, Name, Organization, Reading, Readings, Service, Timestamp, Usage,
};
use rust_decimal::Decimal;

/// An organization set back, as far as lawful changes of some of its records go.
pub(super) struct HistoricalRecords {
    pub(super) organization: Organization,
    /// What finals bill that were made before.
    pub(super) billed: BilledIndex,
    /// By record: what was set back, or why that cannot be.
    pub(super) reasons: BTreeMap<Name, Explanation>,
}

impl HistoricalRecords {
    /// Sets these records of an organization back to what they can have been when the final was made.
    pub(super) fn new(
        now: &Organization,
        billed: &BilledIndex,
        recorded: &IssuedInvoice<'_>,
        records: &[Name],
    ) -> Self {
        let mut then = Self { organization: now.clone(), billed: billed.clone(), reasons: BTreeMap::new() };
        for record in records {
            let of_record = |line: &&&Line| is_of_usage(line) && source_name(line) == Some(record.as_str());
            let lines: Vec<&Line> = recorded.lines.iter().filter(of_record).copied().collect();
            match now.usage(record) {
                None => {
                    let message = format!("UsageRecord {record} was deleted; deleting records changes no invoice");
                    then.add_reason(record, Reason::RecordGone, message);
                    then.keep_place(record, &lines, super::read_at(recorded));
                }
                Some(usage) => then.rewind(now, usage, &lines, recorded),
            }
        }
        then
    }

    /// Whether the record is not the one that the final bills any more: nothing is left to compare with.
    pub(super) fn is_gone(&self, record: &str) -> Option<&Explanation> {
        let gone = |told: &&Explanation| matches!(told.reason, Reason::RecordGone | Reason::RecordMadeAgain);
        self.reasons.get(record).filter(gone)
    }

    fn rewind(&mut self, now: &Organization, usage: &Arc<Usage>, lines: &[&Line], recorded: &IssuedInvoice<'_>) {
        let read_at = super::read_at(recorded);
        let record = &usage.name;
        let uid = usage.uid.to_string();
        let made_at = usage.created.format("%FT%TZ");
        if lines.iter().any(|line| line.source.as_ref().is_some_and(|source| *source.uid != *uid)) {
            self.organization.remove_usage(record);
            let message =
                format!("UsageRecord {record} was deleted, and another of that name was created at {made_at}");
            self.add_reason(record, Reason::RecordMadeAgain, message);
            return self.keep_place(record, lines, read_at);
        }
        if lines.is_empty() && read_at < usage.created {
            self.organization.remove_usage(record);
            return self.add_reason(
                record,
                Reason::RecordLate,
                format!("UsageRecord {record} was created at {made_at}, too late for this invoice"),
            );
        }
        self.restore(usage, lines, read_at);
        match &usage.metering {
            None => self.reopen(usage, lines),
            Some(metering) => self.unread(usage, metering, lines),
        }
        // What the final bills of a project it bills by a ledger that was there; a default yields later all the same.
        let is_billed = recorded.lines.iter().any(|line| line.project.as_deref() == Some(usage.project.as_str()));
        self.shorten_ledger(now, usage, if is_billed { recorded.issued_at } else { read_at });
    }

    /// A record that is gone still counts for the others with which it came together, at a price that depends on that: as much as the
    /// final says.
    fn keep_place(&mut self, record: &Name, lines: &[&Line], read_at: Timestamp) {
        let scaled: Vec<&Line> =
            lines.iter().filter(|line| line.tier.is_some() || line.round_up == Some(true)).copied().collect();
        let quantity = scaled.iter().filter_map(|line| Decimal::from_str_exact(line.quantity.as_deref()?).ok()).sum();
        let said = scaled.first().and_then(|line| {
            let uid = line.source.as_ref()?.uid.parse().ok()?;
            Some((uid, line.service.as_ref()?, line.project.as_ref()?, line.start?))
        });
        let Some((uid, service, project, start)) = said else { return };
        let metering = metering_of(&scaled);
        let cluster = scaled.first().and_then(|line| line.cluster.as_deref()).map(Name::from);
        let api::Service { name, kind, plan, cloud } = service;
        let name_of = |text: &String| Name::from(text.as_str());
        let usage = Usage {
            name: record.clone(),
            uid,
            project: project.as_str().into(),
            created: start.0,
            generation: 1,
            service: Arc::new(Service {
                name: name.as_str().into(),
                kind: name_of(kind),
                plan: plan.as_ref().map(name_of),
                cloud: cloud.as_ref().map(name_of),
                cluster,
            }),
            quantity,
            start: start.0,
            end: metering.as_ref().and_then(|_| scaled.iter().filter_map(|line| line.end).map(|end| end.0).max()),
            metering: metering.map(Box::new),
            replaces: None,
            tags: Vec::new(),
        };
        self.restore(&usage, lines, read_at);
        self.organization.put_usage(usage);
    }

    /// A record that is replaced since counts again.
    fn restore(&mut self, usage: &Usage, lines: &[&Line], read_at: Timestamp) {
        let replacers: Vec<Name> = self.organization.replacers(&usage.name).cloned().collect();
        for replacer in replacers {
            let Some(other) = self.organization.usage(&replacer).filter(|other| read_at < other.created).cloned()
            else {
                continue;
            };
            self.organization.remove_usage(&replacer);
            let (record, made_at) = (&usage.name, other.created.format("%FT%TZ"));
            let message = format!("UsageRecord {replacer}, created at {made_at}, replaces {record}");
            self.add_reason(record, Reason::RecordReplaced, message);
            // A later final bills the replacement, whichever final bills the record itself.
            if self.organization.replacers(record).next().is_none() {
                self.billed.restore(record);
            }
        }
        // One that the final bills was replaced later.
        if !lines.is_empty() && self.billed.is_replaced(&usage.name) {
            self.billed.restore(&usage.name);
            let message = format!("a later final invoice bills the replacement of UsageRecord {}", usage.name);
            self.add_reason(&usage.name, Reason::RecordReplaced, message);
        }
    }

    /// A record that the final bills beyond its end still ran. What a correction gives back is no such time.
    fn reopen(&mut self, usage: &Usage, lines: &[&Line]) {
        let Some(end) = usage.end else { return };
        let mut charged = lines.iter().filter(|line| line.adjusts.as_ref().is_none_or(|of| of.invoice.is_none()));
        if charged.all(|line| line.end.is_none_or(|until| until.0 <= end)) {
            return;
        }
        self.organization.put_usage(Usage { end: None, ..usage.clone() });
        let (record, end) = (&usage.name, end.format("%FT%TZ"));
        let message = format!("UsageRecord {record} has since been ended, as of {end}");
        self.add_reason(record, Reason::RecordEnded, message);
    }

    /// A metered record was read as far as the final says: readings are only ever added at the end. Where the final says nothing of it,
    /// nothing was counted that the finals before it do not bill.
    fn unread(&mut self, usage: &Usage, metering: &Metering, lines: &[&Line]) {
        let record = &usage.name;
        let Some(last) = last_reading(lines) else {
            self.organization.remove_usage(record);
            let message = format!("UsageRecord {record} has since been read, and nothing was counted before that");
            return self.add_reason(record, Reason::RecordReadLate, message);
        };
        let readings = metering.readings.until(last);
        if readings != metering.readings {
            let last = last.format("%FT%TZ");
            let message = format!("UsageRecord {record} has since been read further; its last reading was of {last}");
            self.add_reason(record, Reason::RecordReadLate, message);
        }
        let charged = lines.iter().filter_map(|line| line.end).map(|end| end.0).max();
        let is_open = charged > usage.end;
        if is_open && let Some(end) = usage.end {
            let message = format!("UsageRecord {record} has since been ended, as of {}", end.format("%FT%TZ"));
            self.add_reason(record, Reason::RecordEnded, message);
        }
        let end = if is_open { Some(Month::of(usage.start).end()) } else { usage.end };
        let metering = Metering { readings, is_ended: metering.is_ended && !is_open, meter: metering.meter.clone() };
        self.organization.put_usage(Usage { end, metering: Some(Box::new(metering)), ..usage.clone() });
    }

    /// A ledger without what was written since.
    fn shorten_ledger(&mut self, now: &Organization, usage: &Usage, read_at: Timestamp) {
        let project = &usage.project;
        let Some(ledger) = now.project(project).and_then(|known| known.ledger()) else { return };
        let old: Vec<_> = ledger.segments().iter().filter(|segment| segment.from <= read_at).cloned().collect();
        let Some(first) = ledger.segments().get(old.len()).map(|segment| segment.from) else { return };
        match Ledger::new(old) {
            Ok(old) => self.organization.put_ledger(project.clone(), old),
            Err(_) => self.organization.remove_ledger(project),
        }
        let message = format!("ProjectLedger {project} has since recorded who pays from {} on", first.format("%FT%TZ"));
        self.add_reason(&usage.name, Reason::PayerChanged, message);
    }

    /// The first reason that is found is the one that is told.
    fn add_reason(&mut self, record: &Name, reason: Reason, message: String) {
        self.reasons.entry(record.clone()).or_insert_with(|| Explanation::new(reason, message));
    }
}

/// When a metered record had been read last, as lines of it say.
fn last_reading(lines: &[&Line]) -> Option<Timestamp> {
    lines.iter().filter_map(|line| line.readings.as_ref()?.to.as_ref()).map(|reading| reading.at.0).max()
}

/// What lines say of the readings of a record that is gone; `None` where it was not metered.
fn metering_of(lines: &[&Line]) -> Option<Metering> {
    let pairs: Vec<_> = lines.iter().filter_map(|line| line.readings.as_ref()).collect();
    let all = pairs.iter().flat_map(|pair| [&pair.from, &pair.to]).flatten();
    let read = |reading: &api::LineReading| Some((reading.at.0, Decimal::from_str_exact(&reading.quantity).ok()?));
    let by_time: BTreeMap<Timestamp, Decimal> = all.filter_map(read).collect();
    let readings = by_time.into_iter().map(|(at, quantity)| Reading { at, quantity });
    let readings = Readings::new(readings).ok().filter(|_| !pairs.is_empty())?;
    Some(Metering { readings, is_ended: true, meter: None })
}

/// The name of the object that caused a line.
pub(super) fn source_name(line: &Line) -> Option<&str> {
    line.source.as_ref().map(|source| source.name.as_str())
}
