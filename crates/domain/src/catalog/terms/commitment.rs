//! Commitments: what a group pays at least.

use crate::money::amount::Money;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::validity::Validity;

/// An amount that the group pays in any case: what services, extra charges and support fall short of it is a fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// What it is called; printed.
    pub name: Name,
    /// How much, each time that it is settled.
    pub amount: Money,
    /// When it is in force.
    pub validity: Validity,
    /// How often it is settled.
    pub settlement: CommitmentSettlement,
}

/// How often what is missing to a commitment is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitmentSettlement {
    /// Every month by itself.
    Month,
    /// Once, with the last month of a term, for all its months together.
    Term(Term),
}

/// The months of a term, the first and the last included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// The first month.
    pub first: Month,
    /// The last month, with which it is settled.
    pub last: Month,
}

/// How far a group has come with a commitment over a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermProgress {
    /// The commitment.
    pub name: Name,
    /// What the group committed to.
    pub amount: Money,
    /// For which months.
    pub term: Term,
    /// What services, extra charges and support come to, from the first month of the term to that of the bill.
    pub spent: Money,
    /// What is left of the amount; with the last month it is billed.
    pub left: Money,
}

impl Commitment {
    /// The term over which it is settled; `None` when every month is by itself.
    pub fn term(&self) -> Option<Term> {
        match self.settlement {
            CommitmentSettlement::Month => None,
            CommitmentSettlement::Term(term) => Some(term),
        }
    }

    /// The same for a group that pays for no month after this one: its term ends then, and is settled.
    pub fn ending_with(self, last: Month) -> Self {
        let settlement = match self.settlement {
            CommitmentSettlement::Term(term) => CommitmentSettlement::Term(Term { last: term.last.min(last), ..term }),
            CommitmentSettlement::Month => CommitmentSettlement::Month,
        };
        Commitment { settlement, ..self }
    }
}
