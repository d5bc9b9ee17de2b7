//! One month of one group: its bill, what holds it, its document.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{NaiveTime, TimeDelta};
use kube_core::ResourceExt;

use crate::billing_settings::BillingSettings;
use billing_api as api;
use billing_documents::document::{Header, IssueState, RenderError, Rendered, render_document};
use billing_documents::line::applied_discount;
use billing_domain::audit::audit;
use billing_domain::catalog::rates;
use billing_domain::closing::{CloseDecision, ClosingFacts, Hold, HoldReason, decide_closing};
use billing_domain::invoice::number;
use billing_domain::{
    Attribution, AwaitedReading, Bill, BillError, BilledIndex, BilledUsage, BroughtForward, BuyerKind, ClosedMonths,
    Country, Credit, CreditOffer, CreditUse, Currency, Date, FinalFacts, FormerPrices, Group, GroupMonth, Month,
    NO_SUCCESSIONS, Name, PriceList, PriceLists, Rates, RatesObject, TaxCategory, Timestamp, Uid, awaited_readings,
    bill_group_month,
};
use billing_state::convert::UnusableRule;
use billing_state::{Estimate, ObservedIssuer, ObservedState, OrganizationState, PricesError, convert};

/// A group and all that its invoices are made from.
#[derive(Clone, Copy)]
pub struct GroupInvoices<'a> {
    /// All that is known.
    pub state: &'a ObservedState,
    /// The group's organization.
    pub organization: &'a OrganizationState,
    /// Who pays.
    pub group: &'a Group,
    /// The same group on the wire, for the buyer on the document.
    pub object: &'a api::BillingGroup,
    /// The prefix of its invoice numbers.
    pub series: &'a str,
    /// How this operator bills.
    pub settings: &'a BillingSettings,
    /// Projects on their way to this group.
    pub pending_projects: &'a [Name],
    /// The credit note because of which an invoice of the group is to be issued again before another becomes final.
    pub pending_reissue: Option<&'a Name>,
}

/// The invoice before a month's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predecessor {
    /// There is none: the month is the group's first.
    None,
    /// It is not final.
    Open {
        /// Its number.
        number: Name,
        /// What it would leave to the month.
        carried_forward: Option<BroughtForward>,
    },
    /// It is final.
    Final {
        /// The digest of its document.
        digest: String,
        /// What it leaves to the month.
        carried_forward: Option<BroughtForward>,
    },
}

impl Predecessor {
    /// The one that a group's status names.
    pub fn last_final(last: Option<&api::LastFinal>) -> Self {
        match last {
            None => Predecessor::None,
            Some(last) => {
                Predecessor::Final { digest: last.digest.clone(), carried_forward: convert::brought_forward(last) }
            }
        }
    }

    fn carried_forward(&self) -> Option<&BroughtForward> {
        match self {
            Predecessor::None => None,
            Predecessor::Open { carried_forward, .. } | Predecessor::Final { carried_forward, .. } => {
                carried_forward.as_ref()
            }
        }
    }
}

/// One month of a group.
pub struct MonthView<'a> {
    /// The group.
    pub invoices: &'a GroupInvoices<'a>,
    /// The month.
    pub month: Month,
    /// Its position among the group's months.
    pub sequence: u32,
    /// Its invoice's number.
    pub number: Name,
    /// The invoice before.
    pub predecessor: Predecessor,
    /// The closed months that its invoice adjusts.
    closed: ClosedMonths,
    /// The closed months that it adjusts in the place of groups that are gone, of those that closed them.
    succeeded: ClosedMonths,
    /// The group's credits, as the invoice finds them.
    pub credits: Vec<CreditOffer>,
}

impl<'a> GroupInvoices<'a> {
    /// A month of the group; `None` before its first period.
    ///
    /// `credits` are those of the group, with what the months before take of them.
    pub fn month(&'a self, month: Month, predecessor: Predecessor, credits: &[Credit]) -> Option<MonthView<'a>> {
        let sequence = number::sequence(self.group.first_period, month)?;
        let number = number::number(self.series, sequence);
        // Only the oldest month that is not final adjusts those before it.
        let closed = match predecessor {
            Predecessor::Final { .. } => self.closed_from(self.group.first_period, month),
            Predecessor::None | Predecessor::Open { .. } => ClosedMonths::new(),
        };
        let succeeded = match predecessor {
            Predecessor::None | Predecessor::Final { .. } => self.succeeded_months(month),
            Predecessor::Open { .. } => ClosedMonths::new(),
        };
        let credits = credits.iter().map(|credit| credit.offer_to(&number)).collect();
        Some(MonthView { invoices: self, month, sequence, number, predecessor, closed, succeeded, credits })
    }

    /// The months from `first` on that the document of a month settles.
    fn closed_from(&self, first: Month, until: Month) -> ClosedMonths {
        let oldest = self.settings.late_usage_window.oldest_settled(until, first);
        self.organization.fully_read_months(oldest, until, |month| self.attribution(month))
    }

    /// The months of groups that are gone which the document of a month may settle. Only primary groups succeed others.
    fn succeeded_months(&self, until: Month) -> ClosedMonths {
        let first = self.organization.first_month_of_gone_groups().filter(|_| self.group.primary);
        first.map_or_else(ClosedMonths::new, |first| self.closed_from(first, until))
    }

    /// The months from `first` on before a month, which its document settles.
    pub fn months_before(&self, month: Month, first: Month) -> ClosedMonths {
        let oldest = self.settings.late_usage_window.oldest_settled(month, first);
        oldest.through(month.prev()).map(|month| (month, self.attribution(month))).collect()
    }

    /// What a group that is gone billed by, and what its credits were.
    pub fn prices_and_credits_of(
        &self,
        gone: &Group,
        closed: &ClosedMonths,
        billed: &BilledIndex,
        now: &PriceLists,
    ) -> (FormerPrices, Vec<CreditOffer>) {
        let credits = self.organization.credits.bound_to(gone);
        let offers = credits.iter().map(|credit| credit.offer_to("")).collect();
        (self.former_prices(gone.uid, closed, billed, now), offers)
    }

    /// The price lists of the closed months of a group whose finals name others than this group has now. Where one of them is not there
    /// any more, nothing has a price, and late usage waits for it: nobody else's price is guessed.
    pub fn former_prices(
        &self,
        of: Uid,
        closed: &ClosedMonths,
        billed: &BilledIndex,
        now: &PriceLists,
    ) -> FormerPrices {
        let former = |month: Month| {
            let named = billed.price_lists_of(of, month);
            if named.is_empty() || named == self.group.price_lists {
                return None;
            }
            let lists = self.state.prices_named(named).ok().or_else(|| empty_lists(named, now.currency()));
            Some((month, lists?))
        };
        closed.keys().copied().filter_map(former).collect()
    }

    /// How a month's cost is shared out: as its BillingPeriod says, until that exists as the setting does.
    fn attribution(&self, month: Month) -> Attribution {
        self.state.attribution(month, self.settings.attribution)
    }

    /// The issuer, or what holds every invoice for want of one.
    pub(super) fn issuer(&self) -> Result<&'a ObservedIssuer, Hold> {
        let name = &self.group.issuer;
        let missing = |message| Hold { reason: HoldReason::IssuerNotFound, message };
        match self.state.issuer(name) {
            Some(Ok(issuer)) => Ok(issuer),
            Some(Err(error)) => Err(missing(format!("the InvoiceIssuer {name} cannot be read: {error}"))),
            None => Err(missing(format!(
                "there is no InvoiceIssuer {name}; create it, or name another in spec.terms.issuer"
            ))),
        }
    }

    /// The price lists, or what holds every invoice for want of them.
    fn prices(&self) -> Result<PriceLists, Hold> {
        self.state.prices_of(self.group).map_err(|error| {
            let reason = match error {
                PricesError::Missing(_) | PricesError::Unusable { .. } => HoldReason::PriceListNotFound,
                PricesError::Contradictory(_) => HoldReason::TermsInvalid,
            };
            Hold { reason, message: error.to_string() }
        })
    }

    /// What holds all invoices of the group, whatever the month.
    pub fn holds(&self) -> Vec<Hold> {
        let currency = self.group.currency.is_none().then(|| Hold {
            reason: HoldReason::CurrencyUnknown,
            message: format!("{} is not an ISO 4217 currency in use; correct spec.currency", self.object.spec.currency),
        });
        let unreadable = self.organization.unreadable().next().map(|(object, error)| Hold {
            reason: HoldReason::Unreadable,
            message: format!("{object} cannot be read: {error}"),
        });
        [currency, self.prices().err(), self.issuer().err(), unreadable].into_iter().flatten().collect()
    }

    pub(super) fn seller(&self) -> api::Seller {
        let Ok(issuer) = self.issuer() else { return api::Seller::default() };
        let api::InvoiceIssuerSpec {
            legal_name,
            address,
            vat_id,
            registration,
            bank_account,
            electronic_address,
            contact,
            language,
            document,
            grace: _,
            readings_wait: _,
            payment_term_days: _,
            exchange_rates: _,
            minimum_charge: _,
            tax_rules: _,
            reverse_charge_requires: _,
            suspend: _,
        } = issuer.object.spec.clone();
        api::Seller {
            legal_name,
            address,
            vat_id,
            registration,
            bank_account,
            electronic_address,
            contact,
            language,
            document,
        }
    }

    pub(super) fn buyer(&self) -> api::Buyer {
        let api::BillingGroupSpec {
            display_name,
            primary: _,
            company,
            billing_address,
            shipping_address: _,
            vat_id,
            registration,
            buyer_reference,
            purchase_order,
            electronic_address,
            language,
            currency: _,
            invoice_emails,
            contact_emails: _,
            invoice_text,
            payment_method,
            allowed_projects: _,
            terms: _,
        } = self.object.spec.clone();
        api::Buyer {
            billing_group: self.object.name_any().into(),
            display_name,
            company,
            billing_address,
            vat_id: self.vat_id().or(vat_id),
            registration,
            buyer_reference,
            purchase_order,
            electronic_address,
            language,
            invoice_emails,
            invoice_text,
            payment_method: payment_method.kind,
        }
    }

    /// The buyer's VAT id as it has to be printed, with its prefix; one that is not known to be right stays as it is written.
    fn vat_id(&self) -> Option<String> {
        let vat = self.group.buyer.vat().filter(|vat| vat.is_well_formed())?;
        Some(vat.id.value.clone())
    }

    pub(super) fn payment_term(&self) -> TimeDelta {
        let of_issuer =
            || self.issuer().ok().and_then(|issuer| u32::try_from(issuer.object.spec.payment_term_days).ok());
        // Without an issuer nothing becomes final, and an estimate is never due.
        let days = self.group.payment_term_days.or_else(of_issuer).unwrap_or(0);
        TimeDelta::days(days.into())
    }
}

impl MonthView<'_> {
    /// How the month's cost is shared out: as its BillingPeriod says, until that exists as the setting does.
    pub fn attribution(&self) -> Attribution {
        self.invoices.attribution(self.month)
    }

    /// Whether an invoice that has the month's number is the month's, and not one that was numbered otherwise.
    pub fn is_of(&self, estimate: &Estimate) -> bool {
        let Self { invoices, month, sequence, .. } = self;
        estimate.group == invoices.group.uid && estimate.month == *month && estimate.sequence == *sequence
    }

    /// The bill, as of an instant.
    ///
    /// # Errors
    /// There is none: the hold says why.
    pub fn bill(&self, as_of: Timestamp) -> Result<Bill, Hold> {
        self.with_inputs(as_of, bill_group_month)?.map_err(|error| self.no_bill(&error))
    }

    /// What holds the month: what holds the group, what is wrong with its usage, and, once the month is over, what
    /// the independent check finds.
    pub fn holds(&self, bill: &Result<Bill, Hold>, as_of: Timestamp) -> Vec<Hold> {
        let mut holds = self.holds_before_audit(bill);
        if let Ok(bill) = bill
            && as_of >= self.month.end()
        {
            holds.extend(self.audit(bill, as_of));
        }
        holds
    }

    /// What holds the month, without the independent check.
    pub fn holds_before_audit(&self, bill: &Result<Bill, Hold>) -> Vec<Hold> {
        let mut holds = self.invoices.holds();
        holds.extend(self.unusable_issuer());
        match bill {
            Err(hold) if holds.iter().any(|known| known.reason == hold.reason) => {}
            Err(hold) => holds.push(hold.clone()),
            Ok(bill) => {
                holds.extend(bill.holds.iter().map(|hold| self.with_country_as_written(hold)));
                holds.extend(bill.problems.iter().filter_map(Hold::of_problem));
            }
        }
        holds
    }

    /// Whether the month before is final, or there is none: before, the month cannot become final whatever else holds it.
    pub fn is_next(&self) -> bool {
        !matches!(self.predecessor, Predecessor::Open { .. })
    }

    /// The hold of a buyer whom no tax rule matches names a country code that is none.
    fn with_country_as_written(&self, hold: &Hold) -> Hold {
        let address = self.invoices.object.spec.billing_address.as_ref();
        let code = address.and_then(|address| address.country_code.as_deref());
        let unknown = code.filter(|code| code.parse::<Country>().is_err());
        let Some(code) = unknown.filter(|_| hold.reason == HoldReason::NoTaxRule) else { return hold.clone() };
        let message = format!(
            "spec.billingAddress.countryCode: {code} is no country of ISO 3166-1, and no tax rule matches a buyer whose country is not known; correct it"
        );
        Hold { reason: hold.reason, message }
    }

    /// What the invoice would use of its issuer, and cannot.
    pub(super) fn unusable_issuer(&self) -> Option<Hold> {
        let GroupInvoices { group, .. } = self.invoices;
        let known = self.invoices.issuer().ok()?;
        let (issuer, unusable) = (&known.issuer, &known.unusable);
        let currency = group.currency?;
        let minimum = unusable.minimum_charges.iter().find(|(code, _)| code == currency.code()).map(|(_, error)| error);
        // Those after one that taxes everything are never asked.
        let rules = issuer.tax_rules_for(&group.buyer, self.month);
        let last = rules.into_iter().find(|rule| rule.service_types.is_empty());
        let position = last.and_then(|rule| issuer.tax_rules.iter().position(|other| std::ptr::eq(other, rule)));
        let asked = position.unwrap_or(issuer.tax_rules.len());
        let is_business = group.buyer.business().is_some();
        let reaches = |rule: &&UnusableRule| {
            rule.position <= asked
                && rule.validity.contains(self.month)
                && match rule.buyer {
                    BuyerKind::Any => true,
                    BuyerKind::Business => is_business,
                    BuyerKind::Consumer => !is_business,
                }
        };
        let tax_rule = unusable.tax_rules.iter().find(reaches).map(|rule| &rule.error);
        let is_reverse_charged = issuer
            .tax_rule_but_for_vat_id(&group.buyer, self.month, None)
            .is_some_and(|rule| rule.category == TaxCategory::ReverseCharge);
        let country = unusable.country.as_ref().filter(|_| is_reverse_charged);
        let error = minimum.or(tax_rule).or(country)?;
        let message = format!("InvoiceIssuer {}, {error}; correct it", issuer.name);
        Some(Hold { reason: HoldReason::IssuerInvalid, message })
    }

    /// What the month waits for, what holds it, or that it can become final.
    pub fn decide(&self, holds: &[Hold], now: Timestamp) -> CloseDecision {
        decide_closing(&self.closing_facts(holds, &self.awaited_readings(now)), now)
    }

    /// The next instant at which time alone changes the decision.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.closing_facts(&[], &self.awaited_readings(now)).next_change(now)
    }

    /// The readings that the month waits for as of an instant; none once it waits no more.
    fn awaited_readings(&self, now: Timestamp) -> Vec<AwaitedReading> {
        let waits = self.month.end() <= now && now < self.closing_facts(&[], &[]).readings_until();
        if waits { self.missing_readings(now) } else { Vec::new() }
    }

    /// The last readings that the month lacks, whether it waits for them or not.
    pub fn missing_readings(&self, now: Timestamp) -> Vec<AwaitedReading> {
        self.with_inputs(now, awaited_readings).unwrap_or_default() // without inputs it is held
    }

    /// The first instant from `from` on at which usage starts, or its payer changes, that the month may have to bill.
    pub fn next_start(&self, from: Timestamp) -> Option<Timestamp> {
        let projects = || self.invoices.organization.organization.candidate_projects(self.invoices.group);
        let starts = projects().flat_map(|project| project.usage()).map(|usage| usage.start);
        let segments = projects().filter_map(|project| project.ledger()).flat_map(|ledger| ledger.segments());
        let moves = segments.map(|segment| segment.from);
        starts.chain(moves).filter(|start| from <= *start && *start < self.month.end()).min()
    }

    /// The day whose exchange rates the month takes when it is looked at; `None` where its prices need none.
    pub fn rate_date(&self, as_of: Timestamp) -> Option<Date> {
        let needed = self.invoices.state.pays_by_rates(self.invoices.group);
        needed.then(|| rates::rate_date(self.month, as_of))
    }

    /// The first instant after `now` from which on the month takes the rates of another day.
    pub fn next_rate(&self, now: Timestamp) -> Option<Timestamp> {
        let tomorrow = self.rate_date(now)?.succ_opt()?.and_time(NaiveTime::MIN).and_utc();
        (now < self.month.end()).then_some(tomorrow)
    }

    /// From when on the month may become final, as far as time decides.
    pub fn closable_from(&self) -> Timestamp {
        self.closing_facts(&[], &[]).closable_from()
    }

    /// From when on the month may become final with the readings that are there now: it waits for those that are missing.
    pub fn closable_with_readings_from(&self) -> Timestamp {
        let from = self.closable_from();
        let facts = self.closing_facts(&[], &[]);
        let waits = from < facts.readings_until() && !self.missing_readings(from).is_empty();
        if waits { facts.readings_until() } else { from }
    }

    /// The document of an estimate. The credits that it uses are named in the versions of `recorded`, as far as they are
    /// there.
    ///
    /// # Errors
    /// The bill cannot be written as a document.
    pub fn estimate(
        &self,
        bill: &Bill,
        as_of: Timestamp,
        recorded: &[api::InputVersion],
    ) -> Result<Rendered, RenderError> {
        self.render(bill, IssueState::Estimate { as_of: as_of.into() }, recorded, None)
    }

    /// What holds the month when its bill is larger than a document can be.
    ///
    /// # Errors
    /// The error is no matter of size.
    pub fn too_large(error: RenderError) -> Result<Hold, RenderError> {
        let reason = match &error {
            RenderError::Overflow { .. } => HoldReason::Overflow,
            RenderError::TooManyLines { .. } => HoldReason::TooManyLines,
            RenderError::Outgrown { .. } => HoldReason::DocumentTooLarge,
            RenderError::Canonical(_) | RenderError::Json(_) | RenderError::NoVersion { .. } => return Err(error),
        };
        Ok(Hold { reason, message: error.to_string() })
    }

    /// The final document.
    ///
    /// # Errors
    /// The bill cannot be written as a document.
    pub fn final_document(&self, bill: &Bill, issued_at: Timestamp) -> Result<Rendered, RenderError> {
        let due_at = issued_at.checked_add_signed(self.invoices.payment_term()).unwrap_or(Timestamp::MAX_UTC);
        let previous = match &self.predecessor {
            Predecessor::None | Predecessor::Open { .. } => None,
            Predecessor::Final { digest, .. } => Some(digest.clone()),
        };
        self.render(bill, IssueState::Final { issued_at: issued_at.into(), due_at: due_at.into() }, &[], previous)
    }

    fn render(
        &self,
        bill: &Bill,
        status: IssueState,
        recorded: &[api::InputVersion],
        previous_digest: Option<String>,
    ) -> Result<Rendered, RenderError> {
        let header = Header {
            number: self.number.clone(),
            status,
            attribution: convert::wire_attribution(self.attribution()),
            hours: convert::wire_hours(self.invoices.settings.hours),
            discounts: self.discounts(),
            seller: self.invoices.seller(),
            buyer: self.invoices.buyer(),
            inputs: self.input_versions(bill, &status, recorded)?,
            adjusted_invoices: self.adjusted_invoices(bill),
            late_usage_window: self.invoices.settings.late_usage_window,
            price_lists: self.invoices.group.price_lists.iter().map(|name| name.as_str().into()).collect(),
            first_period: self.invoices.group.first_period,
            previous_digest,
        };
        render_document(header, bill)
    }

    /// The finals that lines of the bill adjust, by number.
    fn adjusted_invoices(&self, bill: &Bill) -> Vec<api::AdjustedInvoice> {
        let billed = self.invoices.organization.billed().read();
        let numbers: BTreeSet<&Name> =
            bill.items.iter().filter_map(|item| item.adjustment.as_ref()?.invoice()).collect();
        let issued = |number: &Name| billed.final_in_place_of(number).map(FinalFacts::own_issue);
        let adjusted = numbers.into_iter().filter_map(|number| {
            Some(api::AdjustedInvoice { number: number.as_str().into(), issued_at: issued(number)?.into() })
        });
        adjusted.collect()
    }

    fn discounts(&self) -> Vec<api::AppliedDiscount> {
        let terms = self.invoices.group.terms.iter();
        terms.flat_map(|terms| terms.discounts_in(self.month)).map(applied_discount).collect()
    }

    /// What the document was computed from. An estimate follows all of it; of a final it is asked later what changed.
    fn input_versions(
        &self,
        bill: &Bill,
        status: &IssueState,
        recorded: &[api::InputVersion],
    ) -> Result<api::Inputs, RenderError> {
        let exchange_rates = bill.converted.as_ref().map(|converted| {
            let RatesObject { name, uid, generation } = &converted.conversion.object;
            catalog_input(name, *uid, *generation)
        });
        let (billing_group, issuer) = match status {
            IssueState::Estimate { .. } => (None, None),
            IssueState::Final { .. } => {
                let issuer = self.invoices.issuer().ok().and_then(|issuer| generation_of(issuer.object.as_ref()));
                (generation_of(self.invoices.object), issuer)
            }
        };
        // What the invoice before gives back is a Credit once that one is final: an estimate that uses it already names none.
        let is_estimate = matches!(status, IssueState::Estimate { .. });
        let is_there = |used: &&CreditUse| self.invoices.organization.credits.get(&used.name).is_some();
        let used = bill.credits.iter().filter(|used| !is_estimate || is_there(used));
        let versions = used.map(|used| self.credit_version(used, recorded));
        let mut credits = versions.collect::<Result<Vec<_>, _>>()?;
        credits.sort_by(|a, b| a.name.cmp(&b.name));
        let GroupInvoices { state, group, .. } = self.invoices;
        let late = bill.items.iter().filter_map(|item| item.adjustment.as_ref()?.late_line());
        let former: BTreeSet<&Name> =
            late.map(|line| &line.entry.list).filter(|list| !group.price_lists.contains(list)).collect();
        let former = former.into_iter().filter_map(|list| Some(state.price_list(list)?.as_ref().ok()?.as_ref()));
        let lists = state.usable_lists(group).chain(former);
        let price_lists = lists.map(|list| catalog_input(list.name(), list.uid(), list.generation())).collect();
        Ok(api::Inputs { price_lists, price_list: None, exchange_rates, billing_group, issuer, credits })
    }

    /// The version of a credit: the one that is recorded, else as it is now.
    pub(super) fn credit_version(
        &self,
        used: &CreditUse,
        recorded: &[api::InputVersion],
    ) -> Result<api::InputVersion, RenderError> {
        let uid = used.uid.to_string();
        if let Some(known) = recorded.iter().find(|known| known.uid.as_str() == uid) {
            return Ok(known.clone());
        }
        let object = self.invoices.organization.credits.get(&used.name).map(|known| &known.object);
        let version = object.and_then(|object| object.resource_version());
        let resource_version = version.ok_or_else(|| RenderError::NoVersion { credit: used.name.clone() })?;
        Ok(api::InputVersion { name: used.name.as_str().into(), uid: uid.into(), resource_version })
    }

    /// The group's price lists, or empty ones while they cannot be used: then every record of the month is a problem.
    fn prices(&self) -> Result<PriceLists, Hold> {
        self.invoices.prices().or_else(|missing| no_prices(self.invoices.group).ok_or(missing))
    }

    fn rates(&self) -> Cow<'_, Rates> {
        self.invoices.state.rates_of(self.invoices.group)
    }

    /// Computes something from what the bill of an instant is computed from.
    ///
    /// # Errors
    /// There is no bill: the hold says why.
    pub fn with_inputs<T>(&self, as_of: Timestamp, compute: impl FnOnce(&GroupMonth<'_>) -> T) -> Result<T, Hold> {
        let (prices, rates) = (self.prices()?, self.rates());
        let billed = self.invoices.organization.billed().read();
        let GroupInvoices { organization, group, .. } = self.invoices;
        let former = self.invoices.former_prices(group.uid, &self.closed, &billed, &prices);
        let records = BilledUsage { organization: &organization.organization, billed: &billed };
        let successions = records.successions(group, &self.succeeded, |gone, closed| {
            self.invoices.prices_and_credits_of(gone, closed, &billed, &prices)
        });
        let inputs = self.inputs((&prices, &former), &rates, &billed, as_of);
        Ok(compute(&GroupMonth { successions: &successions, ..inputs }))
    }

    fn inputs<'b>(
        &'b self,
        (prices, former_prices): (&'b PriceLists, &'b FormerPrices),
        rates: &'b Rates,
        billed: &'b BilledIndex,
        as_of: Timestamp,
    ) -> GroupMonth<'b> {
        GroupMonth {
            organization: &self.invoices.organization.organization,
            group: self.invoices.group,
            month: self.month,
            attribution: self.attribution(),
            hours: self.invoices.settings.hours,
            lists_no_hours: false,
            prices,
            former_prices,
            rates,
            issuer: self.invoices.issuer().ok().map(|known| &known.issuer),
            billed,
            closed: &self.closed,
            successions: NO_SUCCESSIONS,
            brought_forward: self.predecessor.carried_forward(),
            credits: &self.credits,
            as_of,
        }
    }

    fn audit(&self, bill: &Bill, as_of: Timestamp) -> Option<Hold> {
        let differences = self.with_inputs(as_of, |inputs| audit(inputs, bill)).ok()?;
        let first = differences.first()?;
        let message = format!("the reconciliation of invoice {} failed: {first}; please report this", self.number);
        Some(Hold { reason: HoldReason::AuditMismatch, message })
    }

    fn no_bill(&self, error: &BillError) -> Hold {
        let reason = match error {
            BillError::CurrencyUnknown(_) => HoldReason::CurrencyUnknown,
            BillError::Terms { .. } => HoldReason::TermsInvalid,
            BillError::Overflow { .. } => HoldReason::Overflow,
        };
        Hold { reason, message: error.to_string() }
    }

    fn closing_facts<'b>(&'b self, holds: &'b [Hold], awaited_readings: &'b [AwaitedReading]) -> ClosingFacts<'b> {
        let issuer = self.invoices.issuer().ok();
        ClosingFacts {
            period_end: self.month.end(),
            period_exists: self.invoices.state.period(self.month).is_some(),
            group_created: self.invoices.group.created,
            // Without an issuer the month is held.
            grace: issuer.map_or(TimeDelta::zero(), |issuer| duration(&issuer.object.spec.grace)),
            min_closing_delay: self.invoices.settings.min_closing_delay,
            awaited_readings,
            readings_wait: issuer.map_or(TimeDelta::zero(), |issuer| duration(&issuer.object.spec.readings_wait)),
            pending_projects: self.invoices.pending_projects,
            open_predecessor: match &self.predecessor {
                Predecessor::Open { number, .. } => Some(number),
                Predecessor::None | Predecessor::Final { .. } => None,
            },
            pending_reissue: self.invoices.pending_reissue,
            holds,
            suspended: issuer.is_some_and(|issuer| issuer.object.spec.suspend),
            finalise: self.invoices.settings.finalise,
        }
    }
}

/// The spec of an object as it is now; `None` where nobody numbers it.
pub fn generation_of(object: &impl ResourceExt) -> Option<api::InputGeneration> {
    let (uid, generation) = (object.uid()?, object.meta().generation?);
    Some(api::InputGeneration { name: object.name_any().into(), uid: uid.into(), generation })
}

/// A price list, or the rates of a year, as it is now. A write of its status is no change of it.
fn catalog_input(name: &Name, uid: Uid, generation: i64) -> api::CatalogInput {
    let (name, uid) = (name.as_str().into(), uid.to_string().into());
    api::CatalogInput { name, uid, generation: Some(generation), resource_version: None }
}

/// A group's price lists without prices, in its currency, with which all its usage is unpriced; `None` while its currency is none.
pub(crate) fn no_prices(group: &Group) -> Option<PriceLists> {
    empty_lists(&group.price_lists, group.currency?)
}

/// Price lists of these names without prices.
fn empty_lists(names: &[Name], currency: Currency) -> Option<PriceLists> {
    let empty = |name: &Name| PriceList::new(name.clone(), Uid(0), 0, currency, Vec::new()).ok().map(Arc::new);
    let mut lists = names.iter().filter_map(empty);
    PriceLists::new(lists.next()?, lists.collect()).ok()
}

/// A grace, or another wait, as its pattern allows: whole seconds, minutes or hours. What the pattern does not allow waits longest.
fn duration(text: &str) -> TimeDelta {
    const LONGEST: TimeDelta = TimeDelta::hours(240);
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let read = units.into_iter().find_map(|(unit, seconds)| {
        let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
        TimeDelta::try_seconds(count.checked_mul(seconds)?)
    });
    read.unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::{TimeDelta, duration};

    #[test]
    fn a_wait_is_read_and_what_is_none_waits_longest() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("15m", 900), ("1h", 3600), ("240h", 864_000)] {
            assert_eq!(duration(text), TimeDelta::seconds(seconds), "{text}");
        }
        for text in ["", "h", "1", "1é", "é", "1.5h", "9223372036854775807h"] {
            assert_eq!(duration(text), TimeDelta::hours(240), "{text}");
        }
    }
}
