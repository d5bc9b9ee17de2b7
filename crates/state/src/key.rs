//! What has to be looked at again after a change.

use std::fmt;

use billing_domain::{Name, Uid};

use super::Published;

/// A unit of work. Work on one key never runs twice at once; everything a key needs is read when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A project: its binding, its ledger, its default.
    Project(Name),
    /// A group: its members, its status, its estimates.
    Group {
        /// The organization it belongs to.
        organization: Name,
        /// Its UID: a group made again under the same name is another group.
        group: Uid,
    },
    /// A credit: whose it is, what it is worth, how it stands.
    Credit {
        /// The organization it belongs to.
        organization: Name,
        /// Its name.
        credit: Name,
    },
    /// A credit note that is not issued, or whose credits are not given back.
    CreditNote {
        /// The organization it belongs to.
        organization: Name,
        /// Its name.
        note: Name,
    },
    /// Something that the provider publishes: whether all of it can be used.
    Published {
        /// What it is.
        kind: Published,
        /// Its name.
        name: Name,
    },
    /// The usage records of an organization: whether they can be billed.
    Usage(Name),
    /// The finals of an organization that were not read yet.
    Finals(Name),
    /// The months that are over.
    Periods,
    /// The months of an organization that can become final.
    Closing(Name),
    /// The invoices that are to be paid: which of them are past due.
    Receivables,
    /// The invoices that were past due, and are so no more.
    Settled,
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(project) => write!(formatter, "project {project}"),
            Self::Group { organization, group } => write!(formatter, "a billing group of {organization} (UID {group})"),
            Self::Credit { organization, credit } => write!(formatter, "credit {organization}/{credit}"),
            Self::CreditNote { organization, note } => write!(formatter, "credit note {organization}/{note}"),
            Self::Published { kind, name } => write!(formatter, "{kind} {name}"),
            Self::Usage(organization) => write!(formatter, "the usage of {organization}"),
            Self::Finals(organization) => write!(formatter, "the final invoices of {organization}"),
            Self::Periods => formatter.write_str("the billing periods"),
            Self::Closing(organization) => write!(formatter, "the closing of {organization}"),
            Self::Receivables => formatter.write_str("the invoices to be paid"),
            Self::Settled => formatter.write_str("the invoices that were past due"),
        }
    }
}
