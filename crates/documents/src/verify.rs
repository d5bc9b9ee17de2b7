//! Whether a document is right, judged by what stands in it, in its slices and in the documents before it.
//!
//! Nothing is taken from the code that made the document but the canonical form and the one rounding: every sum and
//! every charge is computed again from the recorded inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::canonical::digest;
use super::document::document_digest;
use super::explain::{
    MAX_DECIMAL_PLACES, discounts_of, exact_charge, exact_price, hour_rule_of, hours, hours_in, money,
    month_and_period, share,
};
use super::tax::tax_of;
use billing_api::{
    Adjusts, Amount, Document, DocumentScale, HourRule, InvoiceSlice, Line, LineReading, LineTier, LineType,
    PriceScope, PriceUnit, Quantity, TaxCategory, TierMode, Time,
};
use billing_domain::{Currency, Money, Percent, Ratio};
use rust_decimal::Decimal;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A field does not say what it should.
    Differs {
        /// Which.
        what: String,
        /// What it says.
        written: String,
        /// What it should say.
        expected: String,
    },
    /// An object that the document names is missing.
    Missing(String),
    /// A text that cannot be read.
    Unreadable(String),
    /// The records of now make another of it, and nothing explains that.
    Unexplained(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Differs { what, written, expected } => write!(f, "{what} is {written}, and should be {expected}"),
            Finding::Missing(what) => write!(f, "{what} is missing"),
            Finding::Unreadable(what) => write!(f, "{what} cannot be read"),
            Finding::Unexplained(what) => write!(f, "{what}; nothing that changed since explains it"),
        }
    }
}

/// What a field says that is not there.
const NOTHING: &str = "nothing";

/// Compares what is written with what should be.
pub(crate) fn differs(
    what: impl Into<String>,
    written: impl fmt::Display,
    expected: impl fmt::Display,
) -> Option<Finding> {
    let (written, expected) = (written.to_string(), expected.to_string());
    (written != expected).then(|| Finding::Differs { what: what.into(), written, expected })
}

/// Everything that is wrong with a document; empty when it is right. `slice` finds a slice by its name, `previous` is
/// the digest of the group's final before it, where there is one.
pub fn verify_document<'a>(
    document: &Document,
    slice: impl Fn(&str) -> Option<&'a InvoiceSlice>,
    previous: Option<&str>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    match document_digest(document) {
        Ok(digest) => findings.extend(differs("the digest", &document.digest, digest)),
        Err(_) => findings.push(Finding::Unreadable("the document".to_owned())),
    }
    let chained = document.previous_digest.as_deref().unwrap_or(NOTHING);
    findings.extend(differs("previousDigest", chained, previous.unwrap_or(NOTHING)));
    let mut lines: Vec<&Line> = Vec::new();
    for listed in &document.slices {
        match slice(&listed.name) {
            Some(slice) => {
                lines.extend(&slice.spec.lines);
                findings.extend(verify_slice(document, listed, slice));
            }
            None => findings.push(Finding::Missing(format!("InvoiceSlice {}", listed.name.as_str()))),
        }
    }
    let complete = findings.iter().all(|finding| !matches!(finding, Finding::Missing(_)));
    lines.extend(&document.lines);
    findings.extend(lines.iter().flat_map(|line| verify_line(document, line)));
    findings.extend(verify_price_lists(document, &lines));
    if complete {
        findings.extend(verify_sums(document, &lines));
    }
    findings
}

fn verify_slice(document: &Document, listed: &billing_api::SliceRef, slice: &InvoiceSlice) -> Vec<Finding> {
    let name = listed.name.as_str();
    let expected = digest(&slice.spec);
    let sum = total(document, slice.spec.lines.iter().map(|line| &*line.total));
    let findings = [
        match expected {
            Ok(expected) => differs(format!("the digest of {name}"), &listed.digest, expected),
            Err(_) => Some(Finding::Unreadable(name.to_owned())),
        },
        differs(format!("the lines of {name}"), listed.lines, slice.spec.lines.len()),
        differs(format!("the subtotal of {name}"), &listed.subtotal, &slice.spec.subtotal),
        differs(format!("the sum of {name}"), &slice.spec.subtotal, shown(sum)),
    ];
    findings.into_iter().flatten().collect()
}

/// The price lists that terms and lines name are those of the inputs: first those of the terms, in order, then those that only usage of
/// closed months has. Earlier versions named one there, and none on lines.
fn verify_price_lists(document: &Document, lines: &[&Line]) -> Vec<Finding> {
    let lists: Vec<&str> = document.inputs.price_lists.iter().map(|list| list.name.as_str()).collect();
    if lists.is_empty() {
        return Vec::new();
    }
    let agreed = document.terms.as_ref().and_then(|terms| {
        let agreed: Vec<&str> = terms.price_lists.iter().map(|list| list.as_str()).collect();
        let first = &lists[..agreed.len().min(lists.len())];
        differs("terms.priceLists", agreed.join(", "), first.join(", "))
    });
    let of_closed_months: BTreeSet<&str> = lines
        .iter()
        .filter(|line| line.adjusts.is_some())
        .filter_map(|line| line.price.as_ref()?.list.as_deref())
        .collect();
    let agreed_count = document.terms.as_ref().map_or(lists.len(), |terms| terms.price_lists.len());
    let beside = lists.iter().skip(agreed_count).filter(|list| !of_closed_months.contains(*list));
    let beside = beside.map(|list| Finding::Differs {
        what: "inputs.priceLists".to_owned(),
        written: (*list).to_owned(),
        expected: "a price list of the terms, or of late usage".to_owned(),
    });
    let of_line = |line: &&Line| {
        let list = line.price.as_ref()?.list.as_deref().unwrap_or(NOTHING);
        let what = format!("price.list of line {}", line.id);
        (!lists.contains(&list)).then(|| Finding::Differs {
            what,
            written: list.to_owned(),
            expected: lists.join(" or "),
        })
    };
    agreed.into_iter().chain(beside).chain(lines.iter().filter_map(of_line)).collect()
}

/// The amount of a line, where the line says how it comes about.
fn verify_line(document: &Document, line: &Line) -> Vec<Finding> {
    match (&line.adjusts, line.kind) {
        (Some(Adjusts { invoice: Some(_), .. }), _) => verify_correction(document, line).into_iter().collect(),
        (Some(_), _) | (None, LineType::ServiceCharge) => verify_charge(document, line),
        (None, _) => Vec::new(),
    }
}

/// The difference between what should be billed and what is.
fn verify_correction(document: &Document, line: &Line) -> Option<Finding> {
    let Adjusts { billed, due, settled, .. } = line.adjusts.as_ref()?;
    let amount = |amount: &Option<Amount>| money(document, amount.as_deref()?);
    let difference = || amount(due)?.checked_sub(amount(billed)?);
    let expected = match settled {
        None => difference(),
        Some(_) => difference().zip(amount(settled)).and_then(|(difference, settled)| difference.checked_add(settled)),
    };
    differs(format!("total of line {}", line.id), &line.total, shown(expected))
}

/// The charge of a line of usage, from its quantity, price and discounts.
fn verify_charge(document: &Document, line: &Line) -> Vec<Finding> {
    let Some(exact) = exact_charge(document, line) else {
        return vec![Finding::Unreadable(format!("line {}", line.id))];
    };
    let Some(currency) = money(document, &line.total).map(Money::currency) else {
        return vec![Finding::Unreadable(format!("the total of line {}", line.id))];
    };
    let left =
        discounts_of(document, line).iter().map(|discount| discount.percent.parse::<Percent>().map(Percent::rest));
    let Ok(left) = left.collect::<Result<Vec<Ratio>, _>>() else {
        return vec![Finding::Unreadable("discounts".to_owned())];
    };
    let discounted = left.iter().cloned().fold(exact.clone(), |exact, rest| exact.times(&rest));
    let written = line.pre_discount.as_deref().unwrap_or(NOTHING);
    let findings = [
        verify_hours(document, line),
        verify_share(line),
        verify_price_total(document, line, &left),
        differs(format!("preDiscount of line {}", line.id), written, shown(exact.rounded(currency))),
        differs(format!("total of line {}", line.id), &line.total, shown(discounted.rounded(currency))),
    ];
    findings.into_iter().flatten().collect()
}

/// The charge in the currency of its price, where that is another than the document's.
fn verify_price_total(document: &Document, line: &Line, left: &[Ratio]) -> Option<Finding> {
    let rate = document.exchange_rate.as_ref().filter(|_| line.kind == LineType::ServiceCharge)?;
    let currency: Currency = rate.from.parse().ok()?;
    let exact = left.iter().cloned().fold(exact_price(document, line)?, |exact, rest| exact.times(&rest));
    let written = line.price_total.as_deref().unwrap_or(NOTHING);
    differs(format!("priceTotal of line {}", line.id), written, shown(exact.rounded(currency)))
}

/// Begun hours are whole ones, over the record as a whole: of a piece they are its length, rounded up or down.
fn verify_hours(document: &Document, line: &Line) -> Option<Finding> {
    let rule = hour_rule_of(document, line).filter(|_| line.unit == Some(PriceUnit::Hour))?;
    if line.max_per_month.is_some() {
        return verify_counted_hours(line, rule);
    }
    if rule == HourRule::Exact {
        return None;
    }
    let time = line.end?.0.signed_duration_since(line.start?.0);
    let (least, part) = (time.num_hours(), time.num_microseconds()? % 3_600_000_000);
    let most = (least + i64::from(part > 0)).max(1);
    let written = hours(document, line)?.written_out(MAX_DECIMAL_PLACES);
    let within = written.parse::<i64>().is_ok_and(|hours| (least..=most).contains(&hours));
    let expected = format!("between {least} and {most}");
    (!within).then(|| Finding::Differs { what: format!("the hours of line {}", line.id), written, expected })
}

/// The hours of a line that says when its record began.
fn verify_counted_hours(line: &Line, rule: HourRule) -> Option<Finding> {
    let (_, period) = month_and_period(line)?;
    let since = line.since.map_or(period.start(), |since| since.0);
    let count = line.count.as_deref().map_or(Some(Decimal::ONE), |count| Decimal::from_str_exact(count).ok())?;
    let expected = hours_in(rule, since, period).times(Ratio::from(count)).display(6);
    differs(format!("the quantity of line {}", line.id), line.quantity.as_deref().unwrap_or(NOTHING), expected)
}

/// The quantity of a price by the month is the share of the month, times how many ran.
fn verify_share(line: &Line) -> Option<Finding> {
    line.unit.filter(|unit| *unit == PriceUnit::Month)?;
    let (month, period) = month_and_period(line)?;
    let count = line.count.as_deref().map_or(Some(Decimal::ONE), |count| Decimal::from_str_exact(count).ok())?;
    let expected = share(month, period).times(Ratio::from(count)).display(6);
    differs(format!("the quantity of line {}", line.id), line.quantity.as_deref().unwrap_or(NOTHING), expected)
}

fn verify_sums(document: &Document, lines: &[&Line]) -> Vec<Finding> {
    let subtotal = total(document, lines.iter().map(|line| &*line.total));
    let sum = total(document, [&*document.subtotal, &*document.tax].into_iter());
    let mut findings: Vec<_> = differs("subtotal", &document.subtotal, shown(subtotal)).into_iter().collect();
    findings.extend(differs("total", &document.total, shown(sum)));
    findings.extend(verify_portions(document, lines));
    findings.extend(verify_readings(lines));
    findings.extend(verify_taxes(document));
    findings.extend(verify_bases(document, lines));
    findings.extend(verify_amount_due(document));
    let ids: BTreeSet<_> = lines.iter().map(|line| &line.id).collect();
    findings.extend(differs("the number of line ids", ids.len(), lines.len()));
    findings.extend(verify_price_subtotal(document, lines));
    findings.extend(verify_categories(document, lines));
    findings.extend(verify_projects(document, lines));
    findings.extend(verify_carried_forward(document, lines));
    findings
}

/// The lines of an interval of a metered record charge, all tiers together, what its two readings differ by.
fn verify_readings(lines: &[&Line]) -> Vec<Finding> {
    let mut intervals: BTreeMap<(&str, Time, bool), Vec<&Line>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.readings.is_some() && line.quantity.is_some()) {
        let (Some(source), Some(start)) = (&line.source, line.start) else { continue };
        intervals.entry((&source.name, start, line.adjusts.is_some())).or_default().push(line);
    }
    intervals.into_values().filter_map(|lines| verify_counted(&lines)).collect()
}

fn verify_counted(lines: &[&Line]) -> Option<Finding> {
    let line = lines.first()?;
    let decimal = |text: &str| Decimal::from_str_exact(text).ok();
    let read = |reading: &Option<LineReading>| {
        reading.as_ref().map_or(Some(Decimal::ZERO), |reading| decimal(&reading.quantity))
    };
    let quantities = lines.iter().map(|line| decimal(line.quantity.as_ref()?));
    let sum = quantities.sum::<Option<Decimal>>();
    let counted = line.readings.as_ref().and_then(|pair| read(&pair.to)?.checked_sub(read(&pair.from)?));
    let Some((sum, counted)) = sum.zip(counted) else {
        return Some(Finding::Unreadable(format!("the readings of line {}", line.id)));
    };
    differs(format!("the quantity of line {}", line.id), sum.normalize(), counted.normalize())
}

/// The list and the entry, and the project where what comes together is a project's.
type ScalePlace<'a> = (Option<(&'a str, &'a str)>, Option<&'a str>);

/// What lines have of the quantity of a month follows each other, from nothing on: of each entry, and of each project where that is
/// the scope.
fn verify_portions(document: &Document, lines: &[&Line]) -> Vec<Finding> {
    let decimal = |text: &str| Decimal::from_str_exact(text).ok();
    let mut portions: BTreeMap<ScalePlace<'_>, Vec<(Decimal, Decimal, &Line)>> = BTreeMap::new();
    let mut findings = Vec::new();
    let own = lines.iter().filter(|line| line.kind == LineType::ServiceCharge);
    for line in own.filter(|line| line.tier.is_some() || line.round_up == Some(true)) {
        let entry = line.price.as_ref().and_then(|price| Some((&**price.list.as_ref()?, &*price.entry)));
        let scale = document.scales.iter().find(|scale| entry == Some((&*scale.list, &*scale.entry)));
        let before = line.before.as_deref().map_or(Some(Decimal::ZERO), decimal);
        let (Some(scale), Some(before), Some(quantity)) = (scale, before, line.quantity.as_deref().and_then(decimal))
        else {
            findings.push(Finding::Unreadable(format!("the scale of line {}", line.id)));
            continue;
        };
        findings.extend(verify_tier(scale, line));
        let project = line.project.as_deref().filter(|_| scale.scope == PriceScope::Project);
        portions.entry((entry, project)).or_default().push((before, quantity, line));
    }
    for mut placed in portions.into_values() {
        placed.sort_by_key(|(before, ..)| *before);
        let in_all = placed.iter().fold(Decimal::ZERO, |sum, (_, quantity, _)| sum.saturating_add(*quantity));
        let mut reached = Decimal::ZERO;
        for (before, quantity, line) in placed {
            let what = format!("what comes before line {}", line.id);
            findings.extend(differs(what, before.normalize(), reached.normalize()));
            reached = reached.saturating_add(quantity);
            findings
                .extend(line.tier.as_ref().and_then(|tier| verify_place(&line.id, tier, (before, reached), in_all)));
        }
    }
    findings
}

/// A part of the quantity lies in its own tier; at a price by volume, all of it does.
fn verify_place(id: &str, tier: &LineTier, (from, until): (Decimal, Decimal), in_all: Decimal) -> Option<Finding> {
    let decimal = |text: &Quantity| Decimal::from_str_exact(text).ok();
    let bounds = decimal(&tier.from).zip(tier.up_to.as_ref().map_or(Some(Decimal::MAX), decimal));
    let Some((low, high)) = bounds else { return Some(Finding::Unreadable(format!("the tier of line {id}"))) };
    let is_within = match tier.mode {
        TierMode::Graduated => low <= from && until <= high,
        TierMode::Volume => low < in_all && in_all <= high,
    };
    let end = tier.up_to.as_ref().map(|up_to| format!(" to {}", up_to.as_str())).unwrap_or_default();
    (!is_within).then(|| Finding::Differs {
        what: format!("the quantity of line {id}, of {} in all", in_all.normalize()),
        written: format!("from {} to {}", from.normalize(), until.normalize()),
        expected: format!("within its tier, from {}{end}", tier.from.as_str()),
    })
}

/// The tier of a line is one of its entry.
fn verify_tier(scale: &DocumentScale, line: &Line) -> Option<Finding> {
    let Some(tier) = &line.tier else {
        let price = scale.unit_price.as_deref().unwrap_or(NOTHING);
        return differs(format!("unitPrice of line {}", line.id), line.unit_price.as_deref().unwrap_or(NOTHING), price);
    };
    let ends = std::iter::once("0").chain(scale.tiers.iter().filter_map(|tier| tier.up_to.as_deref()));
    let known = ends.zip(&scale.tiers).any(|(from, known)| {
        (from, &known.up_to, Some(&known.unit_price)) == (&*tier.from, &tier.up_to, line.unit_price.as_ref())
    });
    (!known || scale.mode != Some(tier.mode)).then(|| Finding::Differs {
        what: format!("the tier of line {}", line.id),
        written: format!("from {} at {}", &*tier.from, line.unit_price.as_deref().unwrap_or(NOTHING)),
        expected: format!("a tier of the entry {}", &*scale.entry),
    })
}

/// What is to be paid, and what goes to the next invoice, follow from the total and what was paid in advance.
fn verify_amount_due(document: &Document) -> Vec<Finding> {
    let Some(due) = &document.amount_due else { return Vec::new() };
    let prepaid = total(document, document.prepayments.iter().map(|one| &*one.amount));
    let zero = prepaid.map(|prepaid| Money::zero(prepaid.currency()));
    let left = money(document, &document.total).zip(prepaid).and_then(|(total, prepaid)| total.checked_sub(prepaid));
    let (expected, carried) = match left {
        Some(left) if left.minor() < 0 => (zero, Some(left.negated())),
        left => (left, None),
    };
    let written = document.prepaid.as_deref().map_or_else(|| shown(zero), str::to_owned);
    let forward = carried.map_or_else(|| "nothing".to_owned(), |carried| carried.to_string());
    let findings = [
        differs("prepaid", written, shown(prepaid)),
        differs("amountDue", due, shown(expected)),
        differs("carriedForward", document.carried_forward.as_deref().unwrap_or("nothing"), forward),
    ];
    findings.into_iter().flatten().collect()
}

/// Of a document that is taxed in several ways, each line says in which; the lines of each add up to what is taxed so.
fn verify_bases(document: &Document, lines: &[&Line]) -> Vec<Finding> {
    if document.taxes.len() < 2 {
        return Vec::new();
    }
    let mut bases: BTreeMap<(TaxCategory, &str), Vec<&str>> = BTreeMap::new();
    let mut untaxed = Vec::new();
    for line in lines {
        match &line.tax {
            Some(tax) => bases.entry((tax.category, tax.rate.as_str())).or_default().push(&line.total),
            None => untaxed.push(&*line.total),
        }
    }
    let mut findings: Vec<Finding> = document
        .taxes
        .iter()
        .filter_map(|tax| {
            let lines = bases.remove(&(tax.category, tax.rate.as_str())).unwrap_or_default();
            let what = format!("what is taxed in category {:?} at {} %", tax.category, tax.rate);
            differs(what, &tax.base, shown(total(document, lines.into_iter())))
        })
        .collect();
    let missing = |(category, rate): (TaxCategory, &str)| {
        Finding::Missing(format!("the tax in category {category:?} at {rate} %"))
    };
    findings.extend(bases.into_keys().map(missing));
    let zero = shown(total(document, [].into_iter()));
    findings.extend(differs("what is not taxed", shown(total(document, untaxed.into_iter())), zero));
    findings
}

/// On invoices that were made before `amountDue` was recorded, what goes to the next invoice is the line that brings this one to
/// zero: one of the group without a part.
fn verify_carried_forward(document: &Document, lines: &[&Line]) -> Option<Finding> {
    if document.amount_due.is_some() {
        return None;
    }
    let of_group = |line: &&&Line| {
        let source = line.source.as_ref().filter(|source| source.kind == "BillingGroup" && source.part.is_none());
        line.kind == LineType::OtherEvent && source.is_some()
    };
    let line = lines.iter().find(of_group).map(|line| line.total.as_str());
    let written = document.carried_forward.as_deref().unwrap_or(NOTHING);
    differs("carriedForward", written, line.unwrap_or(NOTHING))
}

fn verify_price_subtotal(document: &Document, lines: &[&Line]) -> Option<Finding> {
    let currency: Currency = document.exchange_rate.as_ref()?.from.parse().ok()?;
    let mut amounts = lines.iter().filter_map(|line| line.price_total.as_ref());
    let sum =
        amounts.try_fold(Money::zero(currency), |sum, amount| sum.checked_add(Money::parse(amount, currency).ok()?));
    let written = document.price_subtotal.as_deref().unwrap_or(NOTHING);
    differs("priceSubtotal", written, shown(sum))
}

/// Where a document says how it is taxed, that is all of its tax, on all of its subtotal.
fn verify_taxes(document: &Document) -> Vec<Finding> {
    if document.taxes.is_empty() {
        return Vec::new();
    }
    let base = total(document, document.taxes.iter().map(|tax| &*tax.base));
    let sum = total(document, document.taxes.iter().map(|tax| &*tax.amount));
    let amounts = document.taxes.iter().map(|tax| {
        let what = format!("the tax of the category {:?} at {} %", tax.category, tax.rate);
        differs(what, &tax.amount, shown(tax_of(document, tax)))
    });
    let sums = [differs("what is taxed", shown(base), &document.subtotal), differs("tax", &document.tax, shown(sum))];
    amounts.chain(sums).flatten().collect()
}

fn verify_categories(document: &Document, lines: &[&Line]) -> Vec<Finding> {
    let mut types: BTreeMap<LineType, Vec<&str>> = BTreeMap::new();
    lines.iter().for_each(|line| types.entry(line.kind).or_default().push(&line.total));
    let written =
        document.categories.iter().map(|sum| (sum.kind, sum.subtotal.to_string())).collect::<BTreeMap<_, _>>();
    let expected = types.into_iter().map(|(kind, totals)| (kind, shown(total(document, totals.into_iter()))));
    let expected = expected.collect::<BTreeMap<_, _>>();
    differs("categories", format!("{written:?}"), format!("{expected:?}")).into_iter().collect()
}

/// Projects without a line are listed, too, at zero.
fn verify_projects(document: &Document, lines: &[&Line]) -> Vec<Finding> {
    let mut projects: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut findings = Vec::new();
    for line in lines.iter().filter(|line| line.kind == LineType::ServiceCharge) {
        match line.project.as_deref() {
            Some(project) => projects.entry(project).or_default().push(&line.total),
            None => findings.push(Finding::Missing(format!("the project of line {}", line.id))),
        }
    }
    for listed in &document.projects {
        let totals = projects.remove(&*listed.project).unwrap_or_default();
        let expected = shown(total(document, totals.into_iter()));
        findings.extend(differs(format!("the subtotal of project {}", listed.project), &listed.subtotal, expected));
    }
    findings.extend(projects.into_keys().map(|project| Finding::Missing(format!("project {project}"))));
    findings
}

fn total<'a>(document: &Document, amounts: impl Iterator<Item = &'a str>) -> Option<Money> {
    let zero = Money::zero(money(document, &document.subtotal)?.currency());
    amounts.map(|amount| money(document, amount)).try_fold(zero, |sum, amount| sum.checked_add(amount?))
}

fn shown(amount: Option<Money>) -> String {
    amount.map_or_else(|| "no amount".to_owned(), |amount| amount.to_string())
}
