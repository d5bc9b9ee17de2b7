//! What a Meter says of itself.

use std::collections::BTreeMap;

use billing_api::{MeterStatus, MeteredResource, SkippedObjects, Time};
use billing_planning::conditions::{self, DesiredCondition, Readiness, and_more};
use chrono::TimeDelta;

use super::{KindState, Metering, World, fault};
use crate::life::Timestamp;
use crate::recipe::{FaultReason, Recipe};
use crate::records::AGGREGATE_LABEL;

/// What is counted is written no more often than this.
const INTERVAL: TimeDelta = TimeDelta::seconds(55);

/// How many faults of a Meter its message has.
const FAULTS_SAID: usize = 5;

/// How long the message about a skipped object is.
const MAX_MESSAGE: usize = 512;

/// How long the name of a skipped object is.
const MAX_EXAMPLE: usize = 320;

/// Numbers of a Meter, for whoever counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that run.
    pub open: usize,
    /// Objects that cannot be recorded, by reason.
    pub skipped: BTreeMap<FaultReason, usize>,
    /// Until when every change was seen.
    pub through: Option<Timestamp>,
}

impl World {
    /// The status that a Meter is to have, when it is another than it has and worth a write.
    pub fn status(&self, name: &str, now: Timestamp) -> Option<MeterStatus> {
        let metering = self.meters.get(name)?;
        let known = metering.meter.status.clone().unwrap_or_default();
        // Who begins anew says nothing before everything is read: what is said already may well be so.
        let is_known = known.observed_generation.is_some_and(|known| Some(known) == metering.meter.metadata.generation);
        if is_known && self.is_being_read(metering) {
            return None;
        }
        let desired = self.desired(metering, &known, now);
        (is_news(&known, &desired)).then_some(desired)
    }

    /// The numbers of each Meter.
    pub fn counts(&self) -> BTreeMap<String, Counts> {
        let of = |(name, metering): (&String, &Metering)| {
            let mut skipped = BTreeMap::new();
            for (reason, ..) in self.faults(metering) {
                *skipped.entry(reason).or_default() += 1;
            }
            (name.clone(), Counts { open: metering.open(), skipped, through: metering.through })
        };
        self.meters.iter().map(of).collect()
    }

    fn desired(&self, metering: &Metering, known: &MeterStatus, now: Timestamp) -> MeterStatus {
        let skipped = skipped(self.faults(metering));
        let count = |many: usize| Some(i64::try_from(many).unwrap_or(i64::MAX));
        let generation = metering.meter.metadata.generation;
        let conditions: Vec<_> = self.readiness(metering);
        MeterStatus {
            observed_generation: generation,
            observed_through: metering.told_through(known, now).map(Time),
            open: count(metering.open()),
            skipped_objects: Some(skipped.iter().map(|group| group.count).sum()),
            skipped,
            conditions: conditions::merge(&known.conditions, &conditions, generation, now),
        }
    }

    fn faults<'a>(&'a self, metering: &'a Metering) -> impl Iterator<Item = (FaultReason, &'a str, String)> {
        let recipe = metering.recipe.as_ref().ok();
        let objects =
            recipe.into_iter().flat_map(|recipe| metering.objects.values().map(move |tracked| (recipe, tracked)));
        objects.filter_map(|(recipe, tracked)| fault(&self.projects, recipe, tracked))
    }

    fn is_being_read(&self, metering: &Metering) -> bool {
        let Ok(recipe) = &metering.recipe else { return false };
        match self.kinds.get(&recipe.resource).unwrap_or(&KindState::Unknown) {
            KindState::Unknown => true,
            KindState::Watched { .. } => !metering.live,
            KindState::NotServed | KindState::Forbidden { .. } | KindState::Failing(_) => false,
        }
    }

    fn readiness(&self, metering: &Metering) -> Vec<DesiredCondition> {
        let recipe = match &metering.recipe {
            Ok(recipe) => recipe,
            Err(wrong) => {
                let said: Vec<_> = wrong.iter().take(FAULTS_SAID).map(ToString::to_string).collect();
                let more = and_more(wrong.len().saturating_sub(FAULTS_SAID));
                return Readiness::stalled("Invalid", format!("{}{more}", said.join("; "))).conditions().collect();
            }
        };
        let state = self.kinds.get(&recipe.resource).unwrap_or(&KindState::Unknown);
        let forbidden = match state {
            KindState::Forbidden { plural } => {
                Some(DesiredCondition::yes("Forbidden", "RoleMissing", missing_role(&recipe.resource, plural)))
            }
            _ => None,
        };
        readiness(recipe, state, metering.live).conditions().chain(forbidden).collect()
    }
}

impl Metering {
    fn open(&self) -> usize {
        self.objects.values().map(|tracked| tracked.life.running()).sum()
    }

    /// Until when everything that was seen is written, too: who begins anew begins there.
    fn told_through(&self, known: &MeterStatus, now: Timestamp) -> Option<Timestamp> {
        let told = known.observed_through.map(|time| time.0);
        let unwritten =
            |tracked: &super::Tracked| tracked.refused.is_none() && !tracked.life.plan(now).steps.is_empty();
        let is_behind = self.is_begun() && (!self.live || self.objects.values().any(unwritten));
        if is_behind { told } else { self.through.max(told) }
    }
}

fn readiness(recipe: &Recipe, state: &KindState, live: bool) -> Readiness {
    let MeteredResource { group, version, kind } = &recipe.resource;
    let api = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
    match state {
        KindState::Watched { namespaced } if recipe.lacks_a_project(*namespaced) => Readiness::stalled(
            "ProjectRequired",
            format!("{kind} is in no namespace: set spec.project.label to the label that names the project"),
        ),
        KindState::Watched { .. } if live => {
            Readiness::ready("Measuring", format!("every {kind} that is selected is measured"))
        }
        KindState::Unknown | KindState::Watched { .. } => {
            Readiness::waiting("Listing", format!("the objects of the kind {kind} are being read"))
        }
        KindState::NotServed => Readiness::waiting(
            "KindNotServed",
            format!("the API server has no kind {kind} of {api}: install its definition; it is looked for again"),
        ),
        KindState::Forbidden { plural } => Readiness::stalled("Forbidden", missing_role(&recipe.resource, plural)),
        KindState::Failing(why) => {
            Readiness::waiting("Unavailable", format!("the objects of the kind {kind} cannot be read: {why}"))
        }
    }
}

/// What to apply so that the meter may read a kind.
fn missing_role(resource: &MeteredResource, plural: &str) -> String {
    let group = &resource.group;
    format!(
        "the meter may not read {plural}: apply a ClusterRole with the label {AGGREGATE_LABEL}: \"true\" and the rule \
         {{apiGroups: [\"{group}\"], resources: [{plural}], verbs: [list, watch]}}"
    )
}

/// Faults by their reasons, each with the first object by its name.
pub(crate) fn skipped<'a>(faults: impl Iterator<Item = (FaultReason, &'a str, String)>) -> Vec<SkippedObjects> {
    let mut groups: BTreeMap<FaultReason, (i64, &str, String)> = BTreeMap::new();
    for (reason, label, message) in faults {
        let group = groups.entry(reason).or_insert((0, label, String::new()));
        group.0 += 1;
        if group.2.is_empty() || label < group.1 {
            (group.1, group.2) = (label, message);
        }
    }
    let cut = |text: &str, max: usize| text.chars().take(max).collect::<String>();
    let group = |(reason, (count, label, message)): (FaultReason, (i64, &str, String))| SkippedObjects {
        reason: reason.as_str().to_owned(),
        count,
        example: cut(label, MAX_EXAMPLE),
        message: cut(&message, MAX_MESSAGE),
    };
    groups.into_iter().map(group).collect()
}

/// Whether a status is worth a write: conditions at once, numbers and times once a minute.
fn is_news(known: &MeterStatus, desired: &MeterStatus) -> bool {
    let MeterStatus { observed_generation, observed_through, conditions, .. } = desired;
    if known.observed_generation != *observed_generation || known.conditions != *conditions {
        return true;
    }
    match (known.observed_through, observed_through) {
        (None, Some(_)) => true,
        (Some(known), Some(through)) => through.0 - known.0 >= INTERVAL,
        (_, None) => false,
    }
}
