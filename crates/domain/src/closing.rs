//! When a month of a group becomes final.

use std::fmt;

use chrono::TimeDelta;

use crate::name::Name;
use crate::problem::{Problem, ProblemReason};
use crate::readings::AwaitedReading;
use crate::time::period::Timestamp;

/// All that decides whether a month of a group becomes final now.
#[derive(Debug, Clone)]
pub struct ClosingFacts<'a> {
    /// The first instant after the month.
    pub period_end: Timestamp,
    /// Whether the month's BillingPeriod exists: the API server agrees that the month is over.
    pub period_exists: bool,
    /// When the group was created: one with a first period in the past waits for its bindings and usage.
    pub group_created: Timestamp,
    /// How long the issuer keeps a month open for late usage.
    pub grace: TimeDelta,
    /// How long the operator lets a month settle, whatever the issuer says.
    pub min_closing_delay: TimeDelta,
    /// The metered records that lack their last reading.
    pub awaited_readings: &'a [AwaitedReading],
    /// How long the issuer waits for these after the month's end.
    pub readings_wait: TimeDelta,
    /// Projects whose accepted binding waits for its ledger, or that wait for their default binding.
    pub pending_projects: &'a [Name],
    /// The number of the group's invoice of the month before, while that is not final.
    pub open_predecessor: Option<&'a Name>,
    /// The credit note because of which an invoice of the group is issued again first.
    pub pending_reissue: Option<&'a Name>,
    /// What holds the invoice, the most important first.
    pub holds: &'a [Hold],
    /// Whether the issuer is suspended.
    pub suspended: bool,
    /// The operator's setting: whether it makes anything final at all.
    pub finalise: bool,
}

/// What to do about a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseDecision {
    /// Not yet; it needs nobody.
    Wait {
        /// What for.
        reason: WaitReason,
        /// When to look again, where time alone decides.
        until: Option<Timestamp>,
    },
    /// Not before somebody does something.
    Hold(Hold),
    /// Now.
    Finalise,
}

/// What a month waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitReason {
    /// Its end.
    Open,
    /// Its BillingPeriod.
    AwaitingPeriod,
    /// Late usage, and bindings of a group that is new.
    SettlingIn,
    /// Projects on their way to a group.
    AwaitingBindings {
        /// Their names; never empty.
        projects: Vec<Name>,
    },
    /// The last readings of metered records.
    AwaitingReading {
        /// These; never empty.
        readings: Vec<AwaitedReading>,
        /// Until when it waits.
        until: Timestamp,
    },
    /// The month before it.
    AwaitingPredecessor {
        /// The number of that month's invoice.
        number: Name,
    },
    /// An earlier invoice that is to be issued again.
    AwaitingReissue {
        /// The credit note that says so.
        note: Name,
    },
}

/// Something that holds an invoice, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The reason, as of a condition.
    pub reason: HoldReason,
    /// One sentence for a person.
    pub message: String,
}

/// Why an invoice is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldReason {
    /// An object that bears on the group's money cannot be read.
    Unreadable,
    /// A price list of the group does not exist.
    PriceListNotFound,
    /// The group's issuer does not exist.
    IssuerNotFound,
    /// A part of the group's issuer that the invoice uses cannot be used.
    IssuerInvalid,
    /// The group's currency is none.
    CurrencyUnknown,
    /// The group's terms contradict themselves.
    TermsInvalid,
    /// Usage without a price, or with one that another spelling does not have.
    Unpriced,
    /// Prices in a currency without a rate.
    RateMissing,
    /// Records of one service that run at the same time.
    OverlappingUsage,
    /// No tax rule of the issuer matches the buyer.
    NoTaxRule,
    /// An amount larger than a document can carry.
    Overflow,
    /// More lines than a document can list.
    TooManyLines,
    /// Something else of the document is larger than its definition allows.
    DocumentTooLarge,
    /// More credits that could pay than a document can list.
    TooManyCredits,
    /// Something to correct or to bring forward is in the currency that the group had.
    CurrencyChanged,
    /// The independent check disagrees.
    AuditMismatch,
    /// Nothing is made final: by the issuer, or by the operator's setting.
    Suspended,
}

impl HoldReason {
    /// All of them.
    pub const ALL: [HoldReason; 17] = [
        HoldReason::Unreadable,
        HoldReason::PriceListNotFound,
        HoldReason::IssuerNotFound,
        HoldReason::IssuerInvalid,
        HoldReason::CurrencyUnknown,
        HoldReason::TermsInvalid,
        HoldReason::Unpriced,
        HoldReason::RateMissing,
        HoldReason::OverlappingUsage,
        HoldReason::NoTaxRule,
        HoldReason::Overflow,
        HoldReason::TooManyLines,
        HoldReason::DocumentTooLarge,
        HoldReason::TooManyCredits,
        HoldReason::CurrencyChanged,
        HoldReason::AuditMismatch,
        HoldReason::Suspended,
    ];

    /// Whether a group that is held for this cannot be billed at all, whatever it uses.
    pub fn is_of_the_group(self) -> bool {
        matches!(
            self,
            HoldReason::CurrencyUnknown | HoldReason::TermsInvalid | HoldReason::NoTaxRule | HoldReason::RateMissing
        )
    }

    /// Its name, as the reason of a condition.
    pub fn as_str(self) -> &'static str {
        match self {
            HoldReason::Unreadable => "Unreadable",
            HoldReason::PriceListNotFound => "PriceListNotFound",
            HoldReason::IssuerNotFound => "IssuerNotFound",
            HoldReason::IssuerInvalid => "IssuerInvalid",
            HoldReason::CurrencyUnknown => "CurrencyUnknown",
            HoldReason::TermsInvalid => "TermsInvalid",
            HoldReason::Unpriced => "Unpriced",
            HoldReason::RateMissing => "RateMissing",
            HoldReason::OverlappingUsage => "OverlappingUsage",
            HoldReason::NoTaxRule => "NoTaxRule",
            HoldReason::Overflow => "Overflow",
            HoldReason::TooManyLines => "TooManyLines",
            HoldReason::DocumentTooLarge => "DocumentTooLarge",
            HoldReason::TooManyCredits => "TooManyCredits",
            HoldReason::CurrencyChanged => "CurrencyChanged",
            HoldReason::AuditMismatch => "AuditMismatch",
            HoldReason::Suspended => "Suspended",
        }
    }
}

impl Hold {
    /// The hold of a problem, if it is one that holds: it names the first such record.
    pub fn of_problem(problem: &Problem) -> Option<Hold> {
        let reason = match &problem.reason {
            ProblemReason::Unpriced { .. }
            | ProblemReason::PriceUnusable { .. }
            | ProblemReason::Misspelt { .. }
            | ProblemReason::PricedByTime { .. } => HoldReason::Unpriced,
            ProblemReason::RateMissing { .. } => HoldReason::RateMissing,
            ProblemReason::OverlappingUsage { .. } => HoldReason::OverlappingUsage,
            ProblemReason::Overflow => HoldReason::Overflow,
            ProblemReason::CurrencyChanged { .. } => HoldReason::CurrencyChanged,
            ProblemReason::PayerGone
            | ProblemReason::BeforeFirstPeriod { .. }
            | ProblemReason::TooLate { .. }
            | ProblemReason::ProjectUnbound
            | ProblemReason::ProjectUnknown
            | ProblemReason::StartsInFuture
            | ProblemReason::ReadingInFuture { .. }
            | ProblemReason::ReplacesCycle { .. } => return None,
        };
        Some(Hold { reason, message: problem.to_string() })
    }
}

impl WaitReason {
    /// The name of `AwaitingBindings`.
    pub const AWAITING_BINDINGS: &'static str = "AwaitingBindings";

    /// Its name, as the reason of a condition.
    pub fn as_str(&self) -> &'static str {
        match self {
            WaitReason::Open => "Open",
            WaitReason::AwaitingPeriod => "AwaitingPeriod",
            WaitReason::SettlingIn => "SettlingIn",
            WaitReason::AwaitingBindings { .. } => Self::AWAITING_BINDINGS,
            WaitReason::AwaitingReading { .. } => "AwaitingReading",
            WaitReason::AwaitingPredecessor { .. } => "AwaitingPredecessor",
            WaitReason::AwaitingReissue { .. } => "AwaitingReissue",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitReason::Open => f.write_str("the month is not over"),
            WaitReason::AwaitingPeriod => f.write_str(
                "the BillingPeriod of the month does not exist yet; the operator creates it when the month is over",
            ),
            WaitReason::SettlingIn => f.write_str("late usage and bindings are still accepted"),
            WaitReason::AwaitingBindings { projects } => {
                let first = projects.first().map_or("", |name| name.as_str());
                match projects.len() {
                    0 | 1 => write!(f, "project {first} is being assigned to its billing group"),
                    many => write!(f, "{many} projects are being assigned to their billing groups, {first} among them"),
                }
            }
            WaitReason::AwaitingReading { readings, until } => {
                let until = until.format("%FT%TZ");
                let missing = missing_readings(readings);
                write!(
                    f,
                    "{missing}; add the reading (its last quantity again if nothing more was counted) or end the record, else the invoice becomes final without it at {until}, and what is read later is billed as late usage"
                )
            }
            WaitReason::AwaitingPredecessor { number } => write!(f, "invoice {number} must become final first"),
            WaitReason::AwaitingReissue { note } => {
                write!(
                    f,
                    "the invoice that CreditNote {note} credits must be issued again first; its condition Reissued says more"
                )
            }
        }
    }
}

/// Which records lack their last reading, in one sentence without its end.
pub fn missing_readings(readings: &[AwaitedReading]) -> String {
    let Some((first, others)) = readings.split_first() else { return String::new() };
    let AwaitedReading { record, meter, at, last } = first;
    let meter = meter.as_ref().map(|meter| format!(" of Meter {meter}")).unwrap_or_default();
    let last = last.map_or(", nor any other".to_owned(), |last| format!(", only until {}", last.format("%FT%TZ")));
    let others = match others {
        [] => String::new(),
        [other] => format!(", nor has {}", other.record),
        others => format!(", nor have {} others", others.len()),
    };
    format!("usage {record}{meter} has no reading at {}{last}{others}", at.format("%FT%TZ"))
}

impl ClosingFacts<'_> {
    /// Until when the month waits for readings: so long after its end; of a group that was created later, after that.
    pub fn readings_until(&self) -> Timestamp {
        let from = self.period_end.max(self.group_created);
        from.checked_add_signed(self.readings_wait).unwrap_or(Timestamp::MAX_UTC)
    }

    /// From when on the month may become final, as far as time decides.
    pub fn closable_from(&self) -> Timestamp {
        let from = self.period_end.max(self.group_created);
        from.checked_add_signed(self.grace.max(self.min_closing_delay)).unwrap_or(Timestamp::MAX_UTC)
    }

    /// The next instant at which time alone changes the decision.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let readings = (!self.awaited_readings.is_empty()).then(|| self.readings_until());
        let mut instants: Vec<Timestamp> =
            [self.period_end, self.closable_from()].into_iter().chain(readings).collect();
        instants.sort_unstable();
        instants.into_iter().find(|instant| now < *instant)
    }
}

/// Decides about a month. What somebody has to put right is said first, also in a month that is still open;
/// a suspension only when nothing else is in the way.
pub fn decide_closing(facts: &ClosingFacts<'_>, now: Timestamp) -> CloseDecision {
    let wait = |reason, until| CloseDecision::Wait { reason, until };
    if let Some(hold) = facts.holds.first() {
        return CloseDecision::Hold(hold.clone());
    }
    if now < facts.period_end {
        return wait(WaitReason::Open, Some(facts.period_end));
    }
    if !facts.period_exists {
        return wait(WaitReason::AwaitingPeriod, None);
    }
    if now < facts.closable_from() {
        return wait(WaitReason::SettlingIn, Some(facts.closable_from()));
    }
    if !facts.pending_projects.is_empty() {
        return wait(WaitReason::AwaitingBindings { projects: facts.pending_projects.to_vec() }, None);
    }
    let until = facts.readings_until();
    if !facts.awaited_readings.is_empty() && now < until {
        return wait(WaitReason::AwaitingReading { readings: facts.awaited_readings.to_vec(), until }, Some(until));
    }
    if let Some(number) = facts.open_predecessor {
        return wait(WaitReason::AwaitingPredecessor { number: number.clone() }, None);
    }
    if let Some(note) = facts.pending_reissue {
        return wait(WaitReason::AwaitingReissue { note: note.clone() }, None);
    }
    match suspension(facts.suspended, facts.finalise) {
        Some(hold) => CloseDecision::Hold(hold),
        None => CloseDecision::Finalise,
    }
}

/// What holds all invoices where nothing is made final: by the issuer, or by the operator's setting.
pub fn suspension(suspended: bool, finalise: bool) -> Option<Hold> {
    let message = match (suspended, finalise) {
        (true, _) => "the InvoiceIssuer is suspended: unset its spec.suspend to let invoices become final",
        (false, false) => "the operator makes estimates only: set operator.finalise=true to let invoices become final",
        (false, true) => return None,
    };
    Some(Hold { reason: HoldReason::Suspended, message: message.to_owned() })
}
