//! Names of objects and prefixes of numbers.

use super::text::text;

text!(
    /// A name that is a DNS label, as namespaces have: lower-case letters, digits and `-`, at most 63.
    Name, max: 63, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
);

text!(
    /// A name that is a DNS subdomain, as most objects have: labels joined by dots, at most 253.
    ObjectName, max: 253, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
);

text!(
    /// The UID that the API server gave an object.
    Uid, max: 36, pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
);

text!(
    /// The prefix of invoice numbers: lower-case letters and digits, at most 32.
    SeriesName, max: 32, pattern: "^[a-z0-9]+$"
);

text!(
    /// The number of a credit note: the series of its invoice, and a count.
    NoteNumber, max: 40, pattern: "^[a-z0-9]{1,32}-cn[1-9][0-9]{0,3}$"
);
