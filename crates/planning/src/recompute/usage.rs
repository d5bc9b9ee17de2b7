//! The lines of usage.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{AdjustedOn, Difference, Explanation, Reason};
use super::earlier::explain_hours;
use super::edits::Edits;
use super::fields::{Pair, differing_lines, is_tax};
use super::header::conversion;
use super::historical_records::{HistoricalRecords, source_name};
use super::{Comparison, Incomparable, is_of_usage, is_refill, lines_of};
use billing_api::{Document, Line, Uid};
use billing_documents::line::price_list_of;
use billing_domain::{GroupMonth, Month, Name, PriceEntry, bill_group_month};
use rust_decimal::Decimal;

/// What is different about usage, line by line.
pub(super) fn differences(comparison: &Comparison<'_>) -> Result<Vec<Difference>, Incomparable> {
    let recorded = || comparison.recorded.lines.iter().copied().filter(|line| is_of_usage(line));
    let computed = lines_of(&comparison.computed).filter(|line| is_of_usage(line));
    let pairs = differing_lines(recorded(), computed);
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let of_records = pairs.iter().filter_map(Pair::any).filter(|line| !is_refill(line));
    let names: BTreeSet<&str> = of_records.filter_map(source_name).collect();
    let names: Vec<Name> = names.into_iter().map(Name::from).collect();
    let then = HistoricalRecords::new(
        &comparison.organization_state.organization,
        &comparison.earlier.billed,
        comparison.recorded,
        &names,
    );
    let rewound = comparison.render(|inputs| {
        bill_group_month(&GroupMonth { organization: &then.organization, billed: &then.billed, ..*inputs })
    })?;
    let rewound: BTreeMap<&str, &Line> =
        lines_of(&rewound).filter(|line| is_of_usage(line)).map(|line| (line.id.as_str(), line)).collect();
    let judging = LineJudge { comparison, historical: &then, rewound: &rewound };
    let missing = judging.missing(&names, &pairs);
    let judge = |pair: &Pair<'_>| {
        let line = pair.any()?;
        let explanation = judging.explain(pair, source_name(line)?);
        let adjustment = explanation.as_ref().and_then(|explanation| adjustment(comparison, pair, explanation));
        Some(Difference { adjustment, ..Difference::of_line(line, pair.fields(), explanation) })
    };
    Ok(pairs.iter().chain(&missing).filter_map(judge).collect())
}

/// Where the amount of a line is adjusted. Deleted records, and edits of prices and terms, adjust nothing.
fn adjustment(comparison: &Comparison<'_>, pair: &Pair<'_>, explanation: &Explanation) -> Option<AdjustedOn> {
    match explanation.reason {
        Reason::RecordLate
        | Reason::RecordEnded
        | Reason::RecordReadLate
        | Reason::RecordReplaced
        | Reason::PayerChanged => {}
        _ => return None,
    }
    let total = |line: Option<&Line>| line.map(|line| line.total.clone());
    let (line, start) = (pair.any()?, pair.any()?.start?);
    if total(pair.recorded) == total(pair.computed) {
        return None;
    }
    let (recorded, all) = (comparison.recorded, comparison.organization_state.billed().read());
    let parts = all.parts(source_name(line)?).iter().filter(|part| part.month() == Month::of(start.0));
    let later = parts.filter_map(|part| all.final_of(part)).filter(|on| recorded.issued_at < on.issued_at);
    let numbers: BTreeSet<String> = later.map(|on| on.number.to_string()).collect();
    if !numbers.is_empty() {
        return Some(AdjustedOn::On(numbers.into_iter().collect()));
    }
    let status = comparison.view.invoices.object.status.as_ref();
    let last = status.and_then(|status| status.last_final.as_ref()).map_or(0, |last| last.sequence);
    Some(AdjustedOn::Due(format!("{}-{}", comparison.view.invoices.series, last + 1)))
}

/// What lines are judged by.
struct LineJudge<'a> {
    comparison: &'a Comparison<'a>,
    historical: &'a HistoricalRecords,
    /// The lines as the records set back make them, by id.
    rewound: &'a BTreeMap<&'a str, &'a Line>,
}

impl<'a> LineJudge<'a> {
    /// Lines that the final should have had and has not, although the records of now make none of them either.
    fn missing(&self, names: &[Name], pairs: &[Pair<'_>]) -> Vec<Pair<'a>> {
        let recorded = self.comparison.recorded.lines.iter().map(|line| line.id.as_str());
        let told = pairs.iter().filter_map(Pair::any).map(|line| line.id.as_str());
        let known: BTreeSet<&str> = recorded.chain(told).collect();
        let is_named =
            |line: &&Line| source_name(line).is_some_and(|record| names.iter().any(|name| **name == *record));
        let missing = self.rewound.values().copied().filter(|line| !known.contains(line.id.as_str()));
        missing.filter(is_named).map(|line| Pair { recorded: None, computed: Some(line) }).collect()
    }

    /// Why a line of a record differs.
    fn explain(&self, pair: &Pair<'_>, record: &str) -> Option<Explanation> {
        if let Some(gone) = self.historical.is_gone(record) {
            return Some(gone.clone());
        }
        let rewound = self.rewound.get(pair.any()?.id.as_str()).copied();
        if rewound == pair.recorded {
            return Some(self.historical.reasons.get(record).cloned().unwrap_or_else(Explanation::follows));
        }
        if let Some(other) = self.comparison.priced_otherwise() {
            return Some(other);
        }
        let edited = match (pair.recorded, rewound) {
            (Some(recorded), Some(line)) if self.is_cut_elsewhere(recorded, line, record) => {
                self.comparison.edits.prices.clone()
            }
            (Some(recorded), Some(line)) => {
                let fields = Pair { recorded: pair.recorded, computed: rewound }.fields();
                let (taxes, fields): (Vec<_>, Vec<_>) = fields.into_iter().partition(is_tax);
                let taxed_otherwise = self.comparison.taxed_otherwise().filter(|_| !taxes.is_empty());
                if taxed_otherwise.is_none() && !taxes.is_empty() {
                    return None;
                }
                let edited = taxed_otherwise.filter(|_| fields.is_empty());
                let edited = edited.or_else(|| self.comparison.edits.of_line(&fields));
                let edited = edited.or_else(|| Edits::of_late_line(recorded, line, &fields));
                edited.or_else(|| explain_hours(recorded, line, &fields))
            }
            (Some(line), None) => self.cut_by_price(line, self.rewound.values().copied(), record),
            (None, Some(line)) => self.cut_by_price(line, self.comparison.recorded.lines.iter().copied(), record),
            (None, None) => None,
        };
        edited.filter(|_| pair.recorded.is_none_or(|line| self.comparison.may_have_been_priced(line)))
    }

    /// Whether two lines of a record that begin together end at different times because a price ends there, or one that counts more
    /// begins.
    fn is_cut_elsewhere(&self, recorded: &Line, computed: &Line, record: &str) -> bool {
        let all = || self.comparison.recorded.lines.iter().copied().chain(self.rewound.values().copied());
        let of_record = || all().filter(|line| source_name(line) == Some(record));
        let begins = |line: &Line| line.price.as_ref().is_some_and(|price| Some(price.valid_from) == line.start);
        let ends_with_price = |line: &Line| {
            line.price.as_ref().is_some_and(|price| price.valid_until == line.end)
                || of_record().any(|next| next.start == line.end && begins(next))
        };
        recorded.end != computed.end && (ends_with_price(recorded) || ends_with_price(computed))
    }

    /// What explains that one side has a line, and the other has its time on other lines of the record.
    fn cut_by_price<'l>(
        &self,
        line: &Line,
        mut others: impl Iterator<Item = &'l Line>,
        record: &str,
    ) -> Option<Explanation> {
        let common = |other: &Line| line.start < other.end && other.start < line.end;
        let has = others.any(|other| source_name(other) == Some(record) && common(other));
        self.comparison.edits.prices.clone().filter(|_| has)
    }
}

impl Comparison<'_> {
    /// What explains that nothing comes out as it was, or that nothing comes out: another currency, another list, no rate.
    fn priced_otherwise(&self) -> Option<Explanation> {
        let (then, now) = (self.recorded.document, &self.computed.document);
        let lists =
            |document: &Document| -> Vec<Uid> { document.inputs.price_lists().map(|list| list.uid.clone()).collect() };
        if self.group.currency != Some(self.recorded.currency) {
            return self.edits.group.clone();
        }
        if lists(then) != lists(now) {
            return self.edits.prices.clone();
        }
        // A document without services says no rate, whether there is one or not.
        let no_rate = then.exchange_rate.is_some() && conversion(self).is_ok_and(|(_, rate)| rate.is_none());
        let gone = || Explanation::new(Reason::ExchangeRatesChanged, "the exchange rates of that time no longer exist");
        no_rate.then(|| self.edits.issuer.clone().unwrap_or_else(gone))
    }

    /// Whether the price of a line can have come from the price list that it names: an entry of it never changes its price.
    fn may_have_been_priced(&self, line: &Line) -> bool {
        let (Some(price), Some(service)) = (&line.price, &line.service) else { return true };
        let named = price_list_of(self.recorded.document, price);
        let then = self.recorded.document.inputs.price_lists().find(|list| Some(list.name.as_str()) == named);
        let Some(Ok(list)) = then.and_then(|list| self.view.invoices.state.price_list(&list.name)) else { return true };
        if then.is_none_or(|then| *then.uid != list.uid().to_string()) {
            return true;
        }
        let entry = list.entries_for(&service.kind).find(|entry| entry.name.as_str() == price.entry.as_str());
        let is = |amount: Decimal| line.unit_price.as_deref() == Some(&amount.to_string());
        let tiers = |entry: &PriceEntry| {
            entry.price.scale.iter().flat_map(|scale| scale.pricing.tiers()).any(|tier| is(tier.amount))
        };
        entry.is_none_or(|entry| is(entry.price.amount) || tiers(entry))
    }
}
