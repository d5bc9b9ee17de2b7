//! Who pays for what: organizations with their groups and projects, the ledgers that say who pays from when on, and the
//! rules by which a project is bound to a group.

pub mod attribution;
pub mod default_binding;
pub mod group;
pub mod ledger;
pub mod membership;
pub mod organization;
