//! What is observed of the cluster, and what follows: which records are to begin and to end, and what each Meter says of itself.
//!
//! Pure: whoever watches enters what happened and by which time, and gets the keys that there is work for.
//!
//! Cost: of an object that a Meter selects, what it costs is kept, and not the object.

mod report;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use billing_api::labels::ORGANIZATION_LABEL;
use billing_api::{Meter, MeteredResource, UsageRecord};
use chrono::TimeDelta;
use serde_json::Value as Json;

use crate::life::{Cost, LAPSE, Life, Moment, Plan, Running, Step, Target, Timestamp};
use crate::recipe::{Fault, FaultReason, Invalid, Measured, ProjectSource, Recipe};
use crate::records;
use crate::selector::{Labels, chooses};

pub use report::Counts;
#[cfg(feature = "program")]
pub(crate) use report::skipped;

/// Something that there is work for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// What a Meter says of itself.
    Meter(String),
    /// The records of one object.
    Object {
        /// The name of the Meter.
        meter: String,
        /// The object's uid.
        uid: String,
    },
}

/// How the objects of a kind can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KindState {
    /// Nothing is known yet.
    #[default]
    Unknown,
    /// They are watched. Whether they are in namespaces.
    Watched {
        /// Whether they are in namespaces.
        namespaced: bool,
    },
    /// The API server has no such kind.
    NotServed,
    /// The meter may not read them: the plural, for the role.
    Forbidden {
        /// The resource that a role names.
        plural: String,
    },
    /// The API server cannot say for the moment: why.
    Failing(String),
}

/// A namespace of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Project {
    organization: String,
    labels: Labels,
}

/// What is said of an object.
#[derive(Debug)]
struct Facts {
    /// "namespace/name", or the name.
    label: String,
    created: Timestamp,
    measured: Result<Option<Measured>, Fault>,
}

/// One object, for one Meter.
#[derive(Debug, Default)]
struct Tracked {
    life: Life,
    facts: Option<Facts>,
    /// What the API server said when it refused a record.
    refused: Option<String>,
}

/// What came of a gap in what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last that was seen before.
    pub from: Timestamp,
    /// When somebody looked again.
    pub to: Timestamp,
    /// How many records end at its beginning.
    pub ended: usize,
    /// How many objects came in it.
    pub came: usize,
}

/// One Meter, and all that it measures.
#[derive(Debug)]
struct Metering {
    meter: Arc<Meter>,
    recipe: Result<Arc<Recipe>, Vec<Invalid>>,
    objects: HashMap<String, Tracked>,
    through: Option<Timestamp>,
    /// Whether all objects were listed since the Meter is as it is.
    live: bool,
    gap: Option<Gap>,
}

impl Metering {
    fn moment(&self, created: Timestamp, now: Timestamp) -> Moment {
        let minimum = self.recipe.as_ref().map_or(TimeDelta::zero(), |recipe| recipe.minimum);
        Moment { now, through: self.through, created, minimum }
    }

    fn is_going(&self) -> bool {
        self.meter.metadata.deletion_timestamp.is_some()
    }

    /// Whether it says until when it looked, and stays until its records are ended: before, none begins.
    fn is_begun(&self) -> bool {
        let says = self.meter.status.as_ref().is_some_and(|status| status.observed_through.is_some());
        says && records::is_held(&self.meter)
    }

    /// Everything ends: the Meter goes.
    fn end_all(&mut self, now: Timestamp) {
        let moment = self.moment(now, now);
        for tracked in self.objects.values_mut() {
            tracked.facts = None;
            tracked.life.gone(&moment);
        }
        self.live = true;
    }
}

/// The cluster, as far as meters look at it.
#[derive(Debug, Default)]
pub struct World {
    meters: BTreeMap<String, Metering>,
    projects: HashMap<String, Project>,
    /// The organizations of projects that are gone since somebody looks.
    former: HashMap<String, String>,
    kinds: BTreeMap<MeteredResource, KindState>,
    /// Records that were ended, and whose watch has not said so yet.
    ended: HashSet<(String, String)>,
    /// Records that run for a Meter that is gone, by its name.
    orphans: HashMap<String, Vec<(String, Running)>>,
}

impl World {
    /// The kinds that are to be watched, each with the Meters that read it, as they are: their generations.
    pub fn watched(&self) -> BTreeMap<MeteredResource, Vec<(String, i64)>> {
        let mut watched: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, metering) in self.meters.iter().filter(|(_, metering)| !metering.is_going()) {
            if let Ok(recipe) = &metering.recipe {
                let generation = metering.meter.metadata.generation.unwrap_or_default();
                watched.entry(recipe.resource.clone()).or_default().push((name.clone(), generation));
            }
        }
        watched
    }

    /// The keys of all Meters.
    pub fn meter_keys(&self) -> Vec<Key> {
        self.meters.keys().cloned().map(Key::Meter).collect()
    }

    /// The keys of everything that a Meter measures.
    pub fn object_keys(&self, meter: &str) -> Vec<Key> {
        let objects = self.meters.get(meter).into_iter().flat_map(|metering| metering.objects.keys());
        objects.map(|uid| Key::Object { meter: meter.to_owned(), uid: uid.clone() }).collect()
    }

    /// How many records run for Meters that are gone.
    pub fn orphans(&self) -> usize {
        self.orphans.values().map(Vec::len).sum()
    }

    /// A Meter is as it says.
    pub fn observe_meter(&mut self, meter: Meter, now: Timestamp) -> Vec<Key> {
        let Some(name) = meter.metadata.name.clone() else { return Vec::new() };
        if self.meters.get(&name).is_some_and(|known| version(&known.meter) > version(&meter)) {
            return Vec::new();
        }
        let was_begun = self.meters.get(&name).is_some_and(Metering::is_begun);
        let meter = Arc::new(meter);
        match self.meters.get_mut(&name) {
            Some(known) => {
                let is_same = known.meter.spec == meter.spec;
                known.meter = meter;
                if !is_same {
                    known.recipe = Recipe::read(&known.meter.spec).map(Arc::new);
                    known.live = false;
                }
            }
            None => {
                let through = meter.status.as_ref().and_then(|status| status.observed_through);
                let recipe = Recipe::read(&meter.spec).map(Arc::new);
                let mut metering = Metering {
                    meter,
                    recipe,
                    objects: HashMap::new(),
                    through: through.map(|time| time.0),
                    live: false,
                    gap: None,
                };
                for (uid, running) in self.orphans.remove(&name).unwrap_or_default() {
                    metering.objects.entry(uid).or_default().life.recorded(running, false);
                }
                self.meters.insert(name.clone(), metering);
            }
        }
        let mut keys = vec![Key::Meter(name.clone())];
        if let Some(metering) = self.meters.get_mut(&name).filter(|metering| metering.is_going()) {
            metering.end_all(now);
            keys.extend(self.object_keys(&name));
        } else if !was_begun && self.meters.get(&name).is_some_and(Metering::is_begun) {
            keys.extend(self.object_keys(&name));
        }
        keys
    }

    /// A Meter is gone, and did not wait for its records.
    pub fn forget_meter(&mut self, name: &str) {
        let Some(metering) = self.meters.remove(name) else { return };
        let objects = metering.objects.into_iter();
        let left: Vec<_> = objects
            .flat_map(|(uid, tracked)| tracked.life.into_running().map(move |running| (uid.clone(), running)))
            .collect();
        if !left.is_empty() {
            self.orphans.insert(name.to_owned(), left);
        }
    }

    /// A namespace is of an organization, or of none.
    pub fn observe_namespace(&mut self, name: &str, labels: Labels, now: Timestamp) -> Vec<Key> {
        // An organization's own namespace is no project.
        let organization = labels.get(ORGANIZATION_LABEL).filter(|organization| *organization != name).cloned();
        let project = organization.map(|organization| Project { organization, labels });
        if self.projects.get(name) == project.as_ref() {
            return Vec::new();
        }
        match project {
            Some(project) => {
                self.former.remove(name);
                self.projects.insert(name.to_owned(), project);
            }
            None => {
                let gone = self.projects.remove(name).map(|project| (name.to_owned(), project.organization));
                self.former.extend(gone);
            }
        }
        let mut keys = Vec::new();
        for (meter, metering) in self.meters.iter_mut().filter(|(_, metering)| !metering.is_going()) {
            let (recipe, through) = (metering.recipe.clone(), metering.through);
            let Ok(recipe) = recipe else { continue };
            for (uid, tracked) in &mut metering.objects {
                let Some(facts) = &tracked.facts else { continue };
                if !matches!(&facts.measured, Ok(Some(measured)) if measured.project == name) {
                    continue;
                }
                let moment = Moment { now, through, created: facts.created, minimum: recipe.minimum };
                let (target, judged) = target(&self.projects, &recipe, &facts.measured);
                tracked.life.observe(target, judged, &moment);
                keys.push(Key::Object { meter: meter.clone(), uid: uid.clone() });
            }
        }
        keys
    }

    /// The organization of a project, and the labels of its namespace.
    pub fn project(&self, name: &str) -> Option<(&str, &Labels)> {
        self.projects.get(name).map(|project| (project.organization.as_str(), &project.labels))
    }

    /// The organization that a project was in which is gone since somebody looks.
    pub fn former(&self, name: &str) -> Option<&str> {
        self.former.get(name).map(String::as_str)
    }

    /// A namespace is gone.
    pub fn forget_namespace(&mut self, name: &str, now: Timestamp) -> Vec<Key> {
        self.observe_namespace(name, Labels::new(), now)
    }

    /// The namespaces that are known, for a list to compare with.
    pub fn namespaces(&self) -> HashSet<String> {
        self.projects.keys().cloned().collect()
    }

    /// The Meters that are known, for a list to compare with.
    pub fn meters(&self) -> HashSet<String> {
        self.meters.keys().cloned().collect()
    }

    /// A record that the watch, or a write, says runs.
    pub fn observe_record(&mut self, record: &UsageRecord) -> Vec<Key> {
        let Some((meter, uid, running)) = records::read(record) else { return Vec::new() };
        let name = (running.cost.organization.clone(), running.name.clone());
        if record.spec.end.is_some() {
            self.ended.remove(&name);
            return self.record_ended(&meter, &uid, &name.1);
        }
        if self.ended.contains(&name) {
            return Vec::new();
        }
        match self.meters.get_mut(&meter) {
            Some(metering) => {
                let live = metering.live;
                metering.objects.entry(uid.clone()).or_default().life.recorded(running, live);
                vec![Key::Object { meter, uid }]
            }
            None => {
                let orphans = self.orphans.entry(meter).or_default();
                orphans.retain(|(_, known)| known.name != running.name);
                orphans.push((uid, running));
                Vec::new()
            }
        }
    }

    /// A record that runs no more: it is gone, or left the selection of those that run.
    pub fn forget_record(&mut self, record: &UsageRecord) -> Vec<Key> {
        let Some((meter, uid, running)) = records::read(record) else { return Vec::new() };
        self.ended.remove(&(running.cost.organization, running.name.clone()));
        self.record_ended(&meter, &uid, &running.name)
    }

    /// All records that run were entered: none comes that was ended before.
    pub fn records_listed(&mut self) {
        self.ended.clear();
    }

    /// The records that are known to run, for a list to compare with: by namespace and name, with the object that each is of.
    pub fn running(&self) -> HashMap<(String, String), Key> {
        let mut all = HashMap::new();
        for (meter, metering) in &self.meters {
            for (uid, tracked) in &metering.objects {
                for running in tracked.life.records() {
                    let key = Key::Object { meter: meter.clone(), uid: uid.clone() };
                    all.insert((running.cost.organization.clone(), running.name.clone()), key);
                }
            }
        }
        all
    }

    /// A record was ended by us: the watch will say so, too, after what it has to say from before.
    pub fn ended(&mut self, meter: &str, uid: &str, organization: &str, name: &str) -> Vec<Key> {
        self.ended.insert((organization.to_owned(), name.to_owned()));
        self.record_ended(meter, uid, name)
    }

    /// A record is not there any more.
    pub fn record_ended(&mut self, meter: &str, uid: &str, name: &str) -> Vec<Key> {
        let Some(metering) = self.meters.get_mut(meter) else {
            if let Some(orphans) = self.orphans.get_mut(meter) {
                orphans.retain(|(_, known)| known.name != name);
            }
            return Vec::new();
        };
        if let Some(tracked) = metering.objects.get_mut(uid) {
            tracked.life.ended(name);
        }
        vec![Key::Object { meter: meter.to_owned(), uid: uid.to_owned() }]
    }

    /// The name of a record is taken until then.
    pub fn taken(&mut self, meter: &str, uid: &str, until: Timestamp) {
        if let Some(tracked) = self.tracked(meter, uid) {
            tracked.life.begin_after(until);
        }
    }

    /// What the API server said of the last write for an object; `None`: it was done.
    pub fn answered(&mut self, meter: &str, uid: &str, refusal: Option<String>) {
        if let Some(tracked) = self.tracked(meter, uid) {
            tracked.refused = refusal;
        }
    }

    fn tracked(&mut self, meter: &str, uid: &str) -> Option<&mut Tracked> {
        self.meters.get_mut(meter)?.objects.get_mut(uid)
    }

    /// How the objects of a kind can be read.
    pub fn kind_is(&mut self, resource: &MeteredResource, state: KindState) -> Vec<Key> {
        if self.kinds.get(resource) == Some(&state) {
            return Vec::new();
        }
        self.kinds.insert(resource.clone(), state);
        self.meters_of(resource).map(Key::Meter).collect()
    }

    fn meters_of(&self, resource: &MeteredResource) -> impl Iterator<Item = String> {
        let of = |metering: &Metering| metering.recipe.as_ref().is_ok_and(|recipe| recipe.resource == *resource);
        self.meters
            .iter()
            .filter(move |(_, metering)| !metering.is_going() && of(metering))
            .map(|(name, _)| name.clone())
    }

    /// What is known of a kind's objects, for a list to compare with: their uids.
    pub fn known(&self, resource: &MeteredResource) -> HashSet<String> {
        let meters = self.meters_of(resource).filter_map(|name| self.meters.get(&name));
        meters.flat_map(|metering| metering.objects.keys().cloned()).collect()
    }

    /// An object of a kind is as it says.
    pub fn observe_object(&mut self, resource: &MeteredResource, seen: &Seen<'_>, now: Timestamp) -> Vec<Key> {
        let mut keys = Vec::new();
        for meter in self.meters_of(resource).collect::<Vec<_>>() {
            let Some(metering) = self.meters.get_mut(&meter) else { continue };
            let Ok(recipe) = metering.recipe.clone() else { continue };
            let selected = recipe.selects(seen.labels);
            if !selected && !metering.objects.contains_key(seen.uid) {
                continue;
            }
            let measured = if selected { recipe.measure(seen.json) } else { Ok(None) };
            let (target, judged) = target(&self.projects, &recipe, &measured);
            let moment = metering.moment(seen.created, now);
            let tracked = metering.objects.entry(seen.uid.to_owned()).or_default();
            tracked.life.observe(target, judged, &moment);
            tracked.facts = selected.then(|| Facts { label: seen.label.clone(), created: seen.created, measured });
            keys.push(Key::Object { meter, uid: seen.uid.to_owned() });
        }
        keys
    }

    /// An object of a kind is gone.
    pub fn forget_object(&mut self, resource: &MeteredResource, uid: &str, now: Timestamp) -> Vec<Key> {
        let mut keys = Vec::new();
        for meter in self.meters_of(resource).collect::<Vec<_>>() {
            let Some(metering) = self.meters.get_mut(&meter) else { continue };
            let moment = metering.moment(now, now);
            if let Some(tracked) = metering.objects.get_mut(uid) {
                tracked.facts = None;
                tracked.life.gone(&moment);
                keys.push(Key::Object { meter, uid: uid.to_owned() });
            }
        }
        keys
    }

    /// All objects of a kind were entered, and those in `unseen` were not among them.
    pub fn list_complete(&mut self, resource: &MeteredResource, unseen: HashSet<String>, now: Timestamp) -> Vec<Key> {
        for uid in unseen {
            self.forget_object(resource, &uid, now);
        }
        let mut keys = Vec::new();
        for meter in self.meters_of(resource).collect::<Vec<_>>() {
            let Some(metering) = self.meters.get_mut(&meter) else { continue };
            metering.live = true;
            metering.gap = gap(metering, now).or(metering.gap);
            metering.through = metering.through.max(Some(now));
            keys.push(Key::Meter(meter.clone()));
            keys.extend(self.object_keys(&meter));
        }
        keys
    }

    /// Everything that happened to the objects of a kind until then was entered.
    pub fn heard(&mut self, resource: &MeteredResource, at: Timestamp) {
        for meter in self.meters_of(resource).collect::<Vec<_>>() {
            if let Some(metering) = self.meters.get_mut(&meter).filter(|metering| metering.live) {
                metering.through = metering.through.max(Some(at));
            }
        }
    }

    /// What is to be written for an object now. What is over is forgotten.
    pub fn plan(&mut self, meter: &str, uid: &str, now: Timestamp) -> Plan {
        let Some(metering) = self.meters.get_mut(meter) else { return Plan::default() };
        if !metering.live || !metering.is_begun() {
            return Plan::default();
        }
        let Some(tracked) = metering.objects.get(uid) else { return Plan::default() };
        if tracked.facts.is_none() && tracked.life.is_over() {
            metering.objects.remove(uid);
            return Plan::default();
        }
        tracked.life.plan(now)
    }

    /// A Meter, its records to be told of once.
    pub fn take_gap(&mut self, meter: &str) -> Option<Gap> {
        self.meters.get_mut(meter)?.gap.take()
    }

    /// A Meter as the API server has it.
    pub fn meter(&self, name: &str) -> Option<Arc<Meter>> {
        self.meters.get(name).map(|metering| Arc::clone(&metering.meter))
    }

    /// Whether nothing runs for a Meter.
    pub fn is_idle(&self, name: &str) -> bool {
        self.meters
            .get(name)
            .is_none_or(|metering| metering.objects.values().all(|tracked| tracked.life.running() == 0))
    }
}

/// How new an object is: a watch may tell of what was before our own last write.
fn version(meter: &Meter) -> Option<u64> {
    meter.metadata.resource_version.as_ref()?.parse().ok()
}

/// An object as it was seen.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Its uid.
    pub uid: &'a str,
    /// "namespace/name", or its name.
    pub label: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its labels.
    pub labels: &'a Labels,
    /// All of it.
    pub json: &'a Json,
}

/// What an object costs whom, and whether that is known.
fn target(
    projects: &HashMap<String, Project>,
    recipe: &Recipe,
    measured: &Result<Option<Measured>, Fault>,
) -> (Option<Target>, bool) {
    let Ok(Some(measured)) = measured else { return (None, true) };
    let Some(Project { organization, labels }) = projects.get(&measured.project) else { return (None, false) };
    if !chooses(recipe.namespaces.as_ref(), labels) {
        return (None, true);
    }
    let Measured { project, service, quantity, tags } = measured.clone();
    (Some(Target { cost: Cost { organization: organization.clone(), project, service, quantity }, tags }), true)
}

/// What is wrong with an object, if something is.
fn fault<'a>(
    projects: &HashMap<String, Project>,
    recipe: &Recipe,
    tracked: &'a Tracked,
) -> Option<(FaultReason, &'a str, String)> {
    let facts = tracked.facts.as_ref()?;
    let label = facts.label.as_str();
    if let Some(message) = &tracked.refused {
        return Some((FaultReason::WriteRefused, label, message.clone()));
    }
    match (&facts.measured, &recipe.project) {
        (Err(fault), _) => Some((fault.reason, label, fault.message.clone())),
        (Ok(Some(measured)), ProjectSource::Label(key)) if !projects.contains_key(&measured.project) => {
            let message = format!("the label {key} names {}, which is no project", measured.project);
            Some((FaultReason::ProjectUnknown, label, message))
        }
        (Ok(_), _) => None,
    }
}

/// What came of the time since somebody looked last, when it was long.
fn gap(metering: &Metering, now: Timestamp) -> Option<Gap> {
    let from = metering.through.filter(|through| now - *through > LAPSE)?;
    let (mut ended, mut came) = (0, 0);
    for tracked in metering.objects.values() {
        let steps = tracked.life.plan(now).steps;
        ended += steps.iter().filter(|step| matches!(step, Step::End { .. })).count();
        came += steps.iter().filter(|step| matches!(step, Step::Open { start, .. } if *start < now)).count();
    }
    Some(Gap { from, to: now, ended, came })
}

#[cfg(test)]
mod tests;
