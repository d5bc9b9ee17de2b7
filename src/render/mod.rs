//! Documents in their canonical form and as text.
