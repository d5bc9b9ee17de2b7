//! A window that was counted: what of it is still to be written.

use std::collections::{BTreeMap, HashMap};

use chrono::{Datelike, Months, Timelike};

use super::monthly::{second, series};
use super::{Came, Counted, CountingRecipe, Known};
use crate::life::Timestamp;
use crate::recipe::FaultReason;
use crate::selector::chooses;
use crate::sums::{Group, Window};
use crate::world::World;

/// Which record: its namespace and its name.
pub type Place = (String, String);

/// What is known of the records of a Meter that are not ended.
pub type Records = HashMap<Place, Known>;

/// A window on its way into records.
#[derive(Debug)]
pub struct Pending {
    /// The window.
    pub window: Window,
    /// The share of it in which there were samples, in ten thousandths.
    pub coverage: i64,
    /// Whether that is less than the Meter asks for.
    pub has_gap: bool,
    /// Until when a record that nobody may write now holds the others up, in milliseconds since 1970.
    pub patience: i64,
    /// What is to be written, the earliest last.
    pub writes: Vec<Due>,
    /// What cannot be recorded: why, what, and in words.
    pub faults: Vec<(FaultReason, String, String)>,
}

/// One write, and when it is due, in milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct Due {
    /// When it is due.
    pub at: i64,
    /// What it is.
    pub what: What,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub enum What {
    /// So much more was counted.
    More {
        /// Where it is recorded.
        organization: String,
        /// As what.
        counted: Counted,
        /// How much.
        amount: String,
        /// The share of the window in which there were samples of it, where that is little.
        coverage: Option<i64>,
    },
    /// The month is over for a record of which nothing was counted.
    Close {
        /// Which record.
        place: Place,
        /// As of what was counted.
        coverage: Option<i64>,
    },
}

/// Whether a month ends with a window, and what its record is to say of its times.
pub fn times(window: Window) -> (Timestamp, Timestamp, bool) {
    let end = second(window.end);
    (second(window.start), end, end.day() == 1 && end.num_seconds_from_midnight() == 0)
}

/// The first second after the month of an instant.
pub fn month_end(at: Timestamp) -> Timestamp {
    let day = at.date_naive().with_day(1).and_then(|first| first.checked_add_months(Months::new(1)));
    day.and_then(|day| day.and_hms_opt(0, 0, 0)).map_or(at, |end| end.and_utc())
}

impl Pending {
    /// What follows of a window.
    pub fn of(recipe: &CountingRecipe, window: Window, came: Came, world: &World, records: &Records) -> Self {
        let has_gap = came.has_gap(recipe);
        let Came { groups, coverage } = came;
        let (_, _, closes) = times(window);
        let patience = window.end + recipe.max_wait;
        let mut pending = Self { window, coverage, has_gap, patience, writes: Vec::new(), faults: Vec::new() };
        let mut written = Vec::new();
        for (group, amount, seen) in groups {
            let coverage = (seen < recipe.coverage).then_some(seen);
            match pending.place(recipe, world, records, &group) {
                Ok(Some((organization, counted))) => {
                    written.push((organization.clone(), series(&counted)));
                    pending.add(recipe, &series(&counted), What::More { organization, counted, amount, coverage });
                }
                Ok(None) => {}
                Err((reason, message)) => pending.faults.push((reason, label(&group), message)),
            }
        }
        if closes {
            let left = records.iter().filter(|(_, known)| {
                !known.ended && !written.contains(&(known.organization.clone(), known.series.clone()))
            });
            for (place, known) in left {
                let coverage = has_gap.then_some(0);
                pending.add(recipe, &known.series, What::Close { place: place.clone(), coverage });
            }
        }
        pending.writes.sort_by_key(|due| std::cmp::Reverse(due.at));
        pending
    }

    /// Adds a write, at a time of its own within the delay after the window is looked at.
    fn add(&mut self, recipe: &CountingRecipe, series: &str, what: What) {
        let number = i64::from_str_radix(series.get(..8).unwrap_or_default(), 16).unwrap_or_default();
        let spread = number.checked_rem(recipe.delay).unwrap_or_default();
        self.writes.push(Due { at: self.window.end + recipe.delay + spread, what });
    }

    /// In which organization a group is recorded, and as what. `None`: nowhere, because the Meter leaves its project out, or because
    /// it is there already.
    fn place(
        &self,
        recipe: &CountingRecipe,
        world: &World,
        records: &Records,
        group: &Group,
    ) -> Result<Option<(String, Counted)>, (FaultReason, String)> {
        let project = world.project(&group.project);
        if let Some((_, labels)) = project
            && !chooses(recipe.namespaces.as_ref(), labels)
        {
            return Ok(None);
        }
        let counted = recipe.name(group).map_err(|fault| (fault.reason, fault.message))?;
        let (start, end, _) = times(self.window);
        let series = series(&counted);
        let same = |known: &&Known| known.series == series && month_end(known.start) == month_end(start);
        // What came into the organization of before, and was killed then, is not to come into that of now as well.
        let is_elsewhere = |known: &Known| known.last.as_ref().is_some_and(|(last, _)| *last >= end);
        if records.values().filter(same).any(is_elsewhere) {
            return Ok(None);
        }
        let organization = project.map(|(organization, _)| organization.to_owned());
        // A project that is gone by now was there when it was counted.
        let organization = organization
            .or_else(|| records.values().filter(same).map(|known| known.organization.clone()).min())
            .or_else(|| world.former(&group.project).map(str::to_owned));
        match organization {
            Some(organization) => Ok(Some((organization, counted))),
            None => {
                let label = &recipe.grouping.project;
                Err((
                    FaultReason::ProjectUnknown,
                    format!("the label {label} names {}, which is no project", group.project),
                ))
            }
        }
    }

    /// What cannot be recorded, by what it is.
    pub fn skipped(&self) -> BTreeMap<FaultReason, usize> {
        let mut skipped = BTreeMap::new();
        for (reason, ..) in &self.faults {
            *skipped.entry(*reason).or_default() += 1;
        }
        skipped
    }
}

/// When a record is closed by a window: at its end, or at the end of its own month.
pub fn closing(known: &Known, end: Timestamp) -> Timestamp {
    end.min(month_end(known.start))
}

/// A group in words.
pub fn label(group: &Group) -> String {
    let labels: Vec<_> = group.labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    if labels.is_empty() { group.project.clone() } else { format!("{}{{{}}}", group.project, labels.join(",")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::selector::Labels;
    use billing_api::labels::ORGANIZATION_LABEL;

    const HOUR: i64 = 3_600_000;

    fn recipe() -> CountingRecipe {
        let spec = json!({
            "metrics": {"server": "main", "selector": "up", "as": "Increase", "project": {"label": "namespace"}},
            "namespaces": {"matchExpressions": [{"key": "free", "operator": "DoesNotExist"}]},
            "service": {"name": "'ingress'", "type": "'Requests'"},
        });
        CountingRecipe::read(&serde_json::from_value(spec).unwrap()).unwrap()
    }

    fn came(projects: &[(&str, &str)]) -> Came {
        let group = |(project, amount): &(&str, &str)| {
            let group = Group { project: (*project).to_owned(), labels: BTreeMap::new() };
            (group, (*amount).to_owned(), 10_000)
        };
        Came { groups: projects.iter().map(group).collect(), coverage: 10_000 }
    }

    fn world() -> World {
        let mut world = World::default();
        let labels = |organization: &str| Labels::from([(ORGANIZATION_LABEL.to_owned(), organization.to_owned())]);
        world.observe_namespace("shop", labels("acme"), second(0));
        world.observe_namespace("gone", labels("acme"), second(0));
        world.forget_namespace("gone", second(0));
        let mut free = labels("acme");
        free.insert("free".to_owned(), String::new());
        world.observe_namespace("lab", free, second(0));
        world
    }

    /// A record of a project in an organization, read last at so many hours.
    fn known(project: &str, organization: &str, hours: i64) -> (Place, Known) {
        let group = Group { project: project.to_owned(), labels: BTreeMap::new() };
        let series = series(&recipe().name(&group).unwrap());
        let known = Known {
            organization: organization.to_owned(),
            name: format!("requests-{series}-1970-01"),
            series,
            version: "1".to_owned(),
            start: second(0),
            ended: false,
            readings: 1,
            last: Some((second(hours * HOUR), "1".to_owned())),
        };
        ((known.organization.clone(), known.name.clone()), known)
    }

    fn places(pending: &Pending) -> Vec<String> {
        let place = |due: &Due| match &due.what {
            What::More { organization, counted, .. } => format!("{organization}/{}", counted.project),
            What::Close { place, .. } => format!("close {}", place.0),
        };
        let mut places: Vec<_> = pending.writes.iter().map(place).collect();
        places.sort();
        places
    }

    const WINDOW: Window = Window { start: 6 * HOUR, end: 12 * HOUR };

    #[test]
    fn a_project_is_recorded_where_it_is_or_was() {
        let all = came(&[("shop", "1"), ("lab", "1"), ("gone", "1"), ("moved", "1"), ("none", "1")]);
        let records = Records::from([known("moved", "globex", 6)]);
        let pending = Pending::of(&recipe(), WINDOW, all, &world(), &records);
        assert_eq!(places(&pending), ["acme/gone", "acme/shop", "globex/moved"]);
        let message = "the label namespace names none, which is no project".to_owned();
        assert_eq!(pending.faults, [(FaultReason::ProjectUnknown, "none".to_owned(), message)]);
    }

    #[test]
    fn what_another_organization_has_already_is_not_recorded_again() {
        let records = Records::from([known("shop", "globex", 12)]);
        let pending = Pending::of(&recipe(), WINDOW, came(&[("shop", "1")]), &world(), &records);
        assert!(pending.writes.is_empty());
        let records = Records::from([known("shop", "globex", 6)]);
        let pending = Pending::of(&recipe(), WINDOW, came(&[("shop", "1")]), &world(), &records);
        assert_eq!(places(&pending), ["acme/shop"]);
    }

    #[test]
    fn a_month_ends_for_every_record_that_is_not_ended() {
        let end = 31 * 24 * HOUR;
        let window = Window { start: end - 6 * HOUR, end };
        let records = Records::from([known("shop", "acme", 6), known("away", "acme", 6), known("shop", "globex", 6)]);
        let pending = Pending::of(&recipe(), window, came(&[("shop", "1")]), &world(), &records);
        assert_eq!(places(&pending), ["acme/shop", "close acme", "close globex"]);
        let before = Window { start: end - 12 * HOUR, end: end - 6 * HOUR };
        let pending = Pending::of(&recipe(), before, came(&[("shop", "1")]), &world(), &records);
        assert_eq!(places(&pending), ["acme/shop"]);
    }

    #[test]
    fn writes_are_spread_over_a_delay() {
        let recipe = recipe();
        let many: Vec<_> = (0..100).map(|at| (format!("shop{at}"), "1")).collect();
        let mut world = World::default();
        for (project, _) in &many {
            world.observe_namespace(
                project,
                Labels::from([(ORGANIZATION_LABEL.to_owned(), "acme".to_owned())]),
                second(0),
            );
        }
        let many: Vec<_> = many.iter().map(|(project, amount)| (project.as_str(), *amount)).collect();
        let pending = Pending::of(&recipe, WINDOW, came(&many), &world, &Records::new());
        let from = WINDOW.end + recipe.delay;
        let due: Vec<_> = pending.writes.iter().rev().map(|due| due.at - from).collect();
        assert!(due.is_sorted() && due[0] >= 0 && due[99] < recipe.delay, "{due:?}");
        assert!(due[20] > 0 && due[80] - due[20] > recipe.delay / 4, "{due:?}");
    }
}
