//! Tests of the domain, by what they say about it.

mod absences;
mod audit_work;
mod bill;
mod closing;
mod commitment;
mod credit;
mod credit_events;
mod credit_note;
mod default_binding;
mod differential;
mod golden;
mod late;
mod ledger;
mod membership;
mod money;
mod price;
mod properties;
mod rates;
mod scale;
mod spelling;
mod storeys;
mod tax;
mod terms;
mod unbilled;
mod vat;
mod world;
