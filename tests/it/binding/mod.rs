//! Who pays for a project: binding, moving, leaving, and what happens by default.

mod admission;
mod choosing;
mod defaults;
mod leaving;
mod moving;
mod news;
mod organizations;
mod restart;
