//! Calendar months.

use super::text::text;

text!(
    /// A calendar month in UTC, written "2026-11".
    Month, max: 7, pattern: "^[0-9]{4}-(0[1-9]|1[0-2])$"
);
