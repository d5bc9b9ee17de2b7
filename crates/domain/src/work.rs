//! How much is looked at by an audit, and of finals also by the bill that it checks: counted in tests, which hold that a month costs what
//! is its own.

#[cfg(test)]
use std::cell::Cell;

/// A step whose number grows with the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Whether something of a record may be late or wrong in closed months at all.
    Glance,
    /// A record in one closed month.
    Closer,
    /// A record's charges.
    Derivation,
    /// Whether a piece of time meets another one of its service.
    Comparison,
    /// What a final says of a month.
    Final,
}

#[cfg(not(test))]
pub(crate) fn count(_: Look) {}

/// How often each was done.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Looks {
    pub(crate) glances: usize,
    pub(crate) closer: usize,
    pub(crate) derivations: usize,
    pub(crate) comparisons: usize,
    pub(crate) finals: usize,
}

#[cfg(test)]
const NONE: Looks = Looks { glances: 0, closer: 0, derivations: 0, comparisons: 0, finals: 0 };

#[cfg(test)]
thread_local! {
    static LOOKS: Cell<Looks> = const { Cell::new(NONE) };
}

#[cfg(test)]
pub(crate) fn count(look: Look) {
    let mut looks = LOOKS.get();
    match look {
        Look::Glance => looks.glances += 1,
        Look::Closer => looks.closer += 1,
        Look::Derivation => looks.derivations += 1,
        Look::Comparison => looks.comparisons += 1,
        Look::Final => looks.finals += 1,
    }
    LOOKS.set(looks);
}

/// What was done on this thread since this was last asked.
#[cfg(test)]
pub(crate) fn looks() -> Looks {
    LOOKS.replace(NONE)
}
