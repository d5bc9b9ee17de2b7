//! Patience with records that cannot be billed yet.
//!
//! Usage is often applied together with the project, binding and prices that it needs. What is put right within
//! seconds is not worth two writes a record.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;

use super::Report;
use billing_domain::{Name, Timestamp};

/// How long a record may be in trouble before that is written.
const DEBOUNCE_DELAY: TimeDelta = TimeDelta::seconds(5);

/// How many records are written on one look at an organization. What is put right meanwhile is not written on the others.
pub const MAX_REPORTS: usize = 300;

/// The records in trouble of which nothing is written yet: by organization and name, since when.
#[derive(Debug, Default)]
pub struct ReportDebounce(Mutex<HashMap<Name, HashMap<Name, Timestamp>>>);

impl ReportDebounce {
    /// Of the reports on an organization, those whose time has come, `MAX_REPORTS` at most, and when that of the next comes. A
    /// record that is in no report is no suspect any more.
    pub fn due_reports(
        &self,
        organization: &Name,
        reports: Vec<Report>,
        now: Timestamp,
    ) -> (Vec<Report>, Option<Timestamp>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.remove(organization).unwrap_or_default();
        let (mut confirmed, mut suspects) = (Vec::new(), HashMap::new());
        let mut next = None::<Timestamp>;
        for report in reports {
            let since = before.get(&report.usage.name).copied().unwrap_or(now);
            let lasts = since.checked_add_signed(DEBOUNCE_DELAY).filter(|_| !report.conditions.is_empty());
            let due = lasts.filter(|due| *due > now);
            if due.is_none() && confirmed.len() < MAX_REPORTS {
                confirmed.push(report);
                continue;
            }
            if lasts.is_some() {
                suspects.insert(report.usage.name.clone(), since);
            }
            let due = due.unwrap_or(now);
            next = Some(next.map_or(due, |next| next.min(due)));
        }
        if !suspects.is_empty() {
            all.insert(organization.clone(), suspects);
        }
        (confirmed, next)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MAX_REPORTS, Report, ReportDebounce};
    use crate::conditions::{DesiredCondition, merge};
    use crate::scenario::{at, state};
    use billing_domain::{Name, Usage};

    fn usage() -> Arc<Usage> {
        let record = "
kind: UsageRecord
metadata: {name: db, namespace: acme}
spec: {project: acme-web, service: {name: db, type: PostgreSQL}, start: '2026-11-21T00:00:00Z'}
";
        state(record).organization("acme").unwrap().organization.usage("db").unwrap().clone()
    }

    fn trouble() -> Vec<Report> {
        let desired = DesiredCondition::no("Billable", "Unpriced", "");
        vec![Report { usage: usage(), conditions: merge(&[], &[desired], None, at("2026-11-21T00:00:00Z")) }]
    }

    /// Hands in `reports` at this second, and says how many are confirmed and at which second to look again.
    fn confirm(suspects: &ReportDebounce, reports: Vec<Report>, second: u32) -> (usize, Option<String>) {
        let now = at(&format!("2026-11-21T00:00:{second:02}Z"));
        let (confirmed, next) = suspects.due_reports(&Name::from("acme"), reports, now);
        (confirmed.len(), next.map(|next| next.format("%S").to_string()))
    }

    #[test]
    fn trouble_is_reported_once_it_lasts() {
        let suspects = ReportDebounce::default();
        assert_eq!(confirm(&suspects, trouble(), 0), (0, Some("05".to_owned())));
        assert_eq!(confirm(&suspects, trouble(), 4), (0, Some("05".to_owned())));
        assert_eq!(confirm(&suspects, trouble(), 5), (1, None));
    }

    #[test]
    fn trouble_that_went_away_starts_anew() {
        let suspects = ReportDebounce::default();
        confirm(&suspects, trouble(), 0);
        assert_eq!(confirm(&suspects, Vec::new(), 2), (0, None));
        assert_eq!(confirm(&suspects, trouble(), 6), (0, Some("11".to_owned())));
    }

    #[test]
    fn of_many_reports_some_are_written_and_the_others_are_due_on_the_next_look() {
        let many = || {
            let renamed = |number: usize| {
                let Report { usage, conditions } = trouble().remove(0);
                let usage = Usage { name: Name::from(format!("db-{number}").as_str()), ..Usage::clone(&usage) };
                Report { usage: Arc::new(usage), conditions }
            };
            (0..MAX_REPORTS + 20).map(renamed).collect::<Vec<_>>()
        };
        let suspects = ReportDebounce::default();
        confirm(&suspects, many(), 0);
        assert_eq!(confirm(&suspects, many(), 5), (MAX_REPORTS, Some("05".to_owned())));
        let rest = many().split_off(MAX_REPORTS);
        assert_eq!(confirm(&suspects, rest, 7), (20, None));
    }

    #[test]
    fn the_end_of_trouble_is_written_at_once() {
        let solved = vec![Report { usage: usage(), conditions: Vec::new() }];
        assert_eq!(confirm(&ReportDebounce::default(), solved, 0), (1, None));
    }
}
