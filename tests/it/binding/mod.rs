//! Who pays for a project: binding, moving, leaving, and what happens by default.

mod choose;
