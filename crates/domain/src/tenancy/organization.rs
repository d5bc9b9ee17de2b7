//! An organization as observed: its groups, its projects, their ledgers and usage.

use std::cmp::Ordering;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::money::amount::Currency;
use crate::name::Name;
use crate::tenancy::group::Group;
use crate::tenancy::ledger::Ledger;
use crate::time::month::Month;
use crate::uid::Uid;
use crate::usage::Usage;

/// One organization. Kept up to date object by object, and indexed so that billing a group reads the usage
/// of the projects that it may pay for, and of no other.
#[derive(Debug, Clone, Default)]
pub struct Organization {
    groups: BTreeMap<Uid, Group>,
    projects: BTreeMap<Name, Project>,
    usage: HashMap<Name, Arc<Usage>>,
    /// By the name of a replaced record: the records that replace it.
    replacers: HashMap<Name, BTreeSet<Name>>,
    /// By the UID of a group: the projects whose ledgers name it.
    projects_by_payer: BTreeMap<Uid, BTreeSet<Name>>,
    /// The projects that exist and have no ledger.
    without_ledger: BTreeSet<Name>,
}

/// One project of an organization: all that is known of it, by whatever object.
#[derive(Debug, Clone)]
pub struct Project {
    name: Name,
    namespace: Option<Uid>,
    ledger: Option<Ledger>,
    usage: BTreeSet<UsageInLineOrder>,
}

impl Project {
    fn new(name: Name) -> Self {
        Project { name, namespace: None, ledger: None, usage: BTreeSet::new() }
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The UID of its namespace, while that exists in this organization.
    pub fn namespace(&self) -> Option<Uid> {
        self.namespace
    }

    /// Its ledger in this organization, once it has one.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// Its usage records, by service, its cluster, start and name.
    pub fn usage(&self) -> impl Iterator<Item = &Arc<Usage>> {
        self.usage.iter().map(|UsageInLineOrder(usage)| usage)
    }

    fn has_no_objects(&self) -> bool {
        self.namespace.is_none() && self.ledger.is_none() && self.usage.is_empty()
    }
}

impl Organization {
    /// An organization of which nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A group as it is now.
    pub fn put_group(&mut self, group: Group) {
        self.groups.insert(group.uid, group);
    }

    /// The group is gone.
    pub fn remove_group(&mut self, group: Uid) {
        self.groups.remove(&group);
    }

    /// A project's namespace is in the organization.
    pub fn put_namespace(&mut self, project: Name, namespace: Uid) {
        self.project_mut(project.clone()).namespace = Some(namespace);
        self.update_index(&project);
    }

    /// A project's namespace is gone, or in another organization now. Ledger and usage stay.
    pub fn remove_namespace(&mut self, project: &str) {
        if let Some(known) = self.projects.get_mut(project) {
            known.namespace = None;
        }
        self.update_index(project);
    }

    /// A project's ledger as it is now.
    pub fn put_ledger(&mut self, project: Name, ledger: Ledger) {
        self.remove_from_payer_index(&project);
        for segment in ledger.segments() {
            self.projects_by_payer.entry(segment.group_uid).or_default().insert(project.clone());
        }
        self.project_mut(project.clone()).ledger = Some(ledger);
        self.update_index(&project);
    }

    /// A project's ledger is gone.
    pub fn remove_ledger(&mut self, project: &str) {
        self.remove_from_payer_index(project);
        if let Some(known) = self.projects.get_mut(project) {
            known.ledger = None;
        }
        self.update_index(project);
    }

    /// A usage record as it is now.
    pub fn put_usage(&mut self, mut usage: Usage) {
        self.remove_usage(&usage.name.clone());
        if let Some(replaced) = &usage.replaces {
            self.replacers.entry(replaced.clone()).or_default().insert(usage.name.clone());
        }
        let project = self.project_mut(usage.project.clone());
        usage.project = project.name.clone(); // one allocation for all records of a project
        let usage = Arc::new(usage);
        project.usage.insert(UsageInLineOrder(usage.clone()));
        self.usage.insert(usage.name.clone(), usage);
    }

    /// A usage record is gone.
    pub fn remove_usage(&mut self, record: &str) {
        let Some(usage) = self.usage.remove(record) else {
            return;
        };
        if let Some(replaced) = &usage.replaces
            && let Some(replacers) = self.replacers.get_mut(replaced)
        {
            replacers.remove(record);
            if replacers.is_empty() {
                self.replacers.remove(replaced);
            }
        }
        let project = usage.project.clone();
        if let Some(known) = self.projects.get_mut(&project) {
            known.usage.remove(&UsageInLineOrder(usage));
        }
        self.update_index(&project);
    }

    /// All groups, by UID.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The group with this UID, if it exists.
    pub fn group(&self, uid: Uid) -> Option<&Group> {
        self.groups.get(&uid)
    }

    /// All projects of which anything is known, by name.
    pub fn projects(&self) -> impl Iterator<Item = &Project> {
        self.projects.values()
    }

    /// What is known of a project.
    pub fn project(&self, name: &str) -> Option<&Project> {
        self.projects.get(name)
    }

    /// The projects that exist and that nobody paid for yet, by name.
    pub fn projects_without_payer(&self) -> &BTreeSet<Name> {
        &self.without_ledger
    }

    /// The projects whose ledgers name the group, in whatever segment.
    pub fn projects_naming(&self, group: Uid) -> &BTreeSet<Name> {
        static NONE: BTreeSet<Name> = BTreeSet::new();
        self.projects_by_payer.get(&group).unwrap_or(&NONE)
    }

    /// A usage record by its name.
    pub fn usage(&self, record: &str) -> Option<&Arc<Usage>> {
        self.usage.get(record)
    }

    /// How many usage records there are.
    pub fn usage_count(&self) -> usize {
        self.usage.len()
    }

    /// The primary group for a project in a month: the oldest that admits it and can pay for the month.
    pub fn primary_for(&self, project: &str, month: Month) -> Option<&Group> {
        self.groups
            .values()
            .filter(|group| group.primary && group.pays_in(month) && group.admits(project))
            .min_by(|a, b| a.age_order(b))
    }

    /// Who gets what a group is owed: itself, or, when it is gone or going, the oldest primary group that stays.
    pub fn successor(&self, group: Uid) -> Option<&Group> {
        let stays = |group: &&Group| group.deleted.is_none();
        let primaries = || self.groups.values().filter(stays).filter(|group| group.primary);
        self.group(group).filter(stays).or_else(|| primaries().min_by(|a, b| a.age_order(b)))
    }

    /// Who settles the months that a group closed which is gone, and paid in a currency to an issuer: of the primary groups that pay so
    /// and stay, the oldest. Nobody settles what another legal entity billed; where no issuer is recorded, the currency decides. Which
    /// projects that group admits does not matter: a month is settled as a whole.
    pub fn successor_in(&self, currency: Currency, issuer: Option<&Name>) -> Option<&Group> {
        let is_billed_so =
            |group: &Group| group.currency == Some(currency) && issuer.is_none_or(|issuer| group.issuer == *issuer);
        let stays = |group: &&Group| group.primary && group.deleted.is_none() && is_billed_so(group);
        self.groups.values().filter(stays).min_by(|a, b| a.age_order(b))
    }

    /// The projects that the group can have to pay for, by name: those whose ledgers name it, and, when it
    /// is primary, those whose ledgers name a group that is gone or going.
    pub fn candidate_projects(&self, group: &Group) -> impl Iterator<Item = &Project> {
        let mut names: BTreeSet<&Name> = self.projects_naming(group.uid).iter().collect();
        if group.primary {
            let gone = |uid: &Uid| self.groups.get(uid).is_none_or(|group| group.deleted.is_some());
            names.extend(self.projects_by_payer.iter().filter(|(uid, _)| gone(uid)).flat_map(|(_, projects)| projects));
        }
        names.into_iter().filter_map(|name| self.projects.get(name))
    }

    /// Whether a group is in the last segment of any ledger: pays for something from now on.
    pub fn is_current_payer(&self, group: Uid) -> bool {
        let mut ledgers = self.projects_naming(group).iter().filter_map(|name| self.projects.get(name)?.ledger());
        ledgers.any(|ledger| ledger.last().group_uid == group)
    }

    /// The names of the records that replace the record of this name.
    pub fn replacers(&self, record: &str) -> impl Iterator<Item = &Name> {
        self.replacers.get(record).into_iter().flatten()
    }

    /// Whether the record counts: nothing replaces it.
    ///
    /// Records that replace each other in a circle must not make usage vanish: within a circle the
    /// `replaces` of the record with the first name is taken as not given.
    pub fn is_effective(&self, usage: &Usage) -> bool {
        let Some(replacers) = self.replacers.get(&usage.name) else {
            return true;
        };
        replacers.iter().all(|replacer| self.closes_cycle(replacer))
    }

    /// The records that count as nothing because of this one: the one that it replaces, the one which that replaces, and
    /// so on.
    pub fn replaced_records(&self, usage: &Usage) -> Vec<Name> {
        let mut replaced: Vec<Name> = Vec::new();
        let mut next = usage.replaces.as_ref();
        while let Some(name) = next.filter(|name| **name != usage.name && !replaced.contains(name)) {
            let known = self.usage.get(name);
            if known.is_some_and(|known| self.is_effective(known)) {
                break;
            }
            replaced.push(name.clone());
            next = known.and_then(|known| known.replaces.as_ref());
        }
        replaced
    }

    /// The other records of the circle that the record's `replaces` closes, from the one that it replaces on; empty where it
    /// closes none, or another of the circle has the first name.
    pub fn replaces_cycle(&self, usage: &Usage) -> Vec<Name> {
        let mut others = Vec::new();
        if usage.replaces.is_some() && self.closes_cycle(&usage.name) {
            let mut next = usage.replaces.as_ref();
            while let Some(name) = next.filter(|name| **name != usage.name) {
                others.push(name.clone());
                next = self.usage.get(name).and_then(|usage| usage.replaces.as_ref());
            }
        }
        others
    }

    /// Whether the record's `replaces` closes a circle in which it has the first name.
    fn closes_cycle(&self, first: &Name) -> bool {
        let mut current = first;
        // The walk may run into a circle that `first` is not in; none is longer than this.
        for _ in 0..self.replacers.len() {
            match self.usage.get(current).and_then(|usage| usage.replaces.as_ref()) {
                Some(next) if next == first => return true,
                Some(next) if next > first => current = next,
                _ => return false,
            }
        }
        false
    }

    fn project_mut(&mut self, name: Name) -> &mut Project {
        self.projects.entry(name.clone()).or_insert_with(|| Project::new(name))
    }

    fn remove_from_payer_index(&mut self, project: &str) {
        let ledger = self.projects.get(project).and_then(|known| known.ledger.as_ref());
        for segment in ledger.map_or(&[][..], Ledger::segments) {
            if let Entry::Occupied(mut named) = self.projects_by_payer.entry(segment.group_uid) {
                named.get_mut().remove(project);
                if named.get().is_empty() {
                    named.remove();
                }
            }
        }
    }

    /// After a change of a project: forgets it when nothing is known of it any more, and keeps the index of those that
    /// nobody paid for.
    fn update_index(&mut self, project: &str) {
        let Some(known) = self.projects.get(project) else { return };
        if known.namespace.is_some() && known.ledger.is_none() {
            self.without_ledger.insert(known.name.clone());
        } else {
            self.without_ledger.remove(project);
        }
        if known.has_no_objects() {
            self.projects.remove(project);
        }
    }
}

/// Usage in the order of lines: service, its cluster, start, record.
#[derive(Debug, Clone)]
struct UsageInLineOrder(Arc<Usage>);

impl Ord for UsageInLineOrder {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.0, &other.0);
        (a.service.name.cmp(&b.service.name))
            .then_with(|| a.service.cluster.cmp(&b.service.cluster))
            .then_with(|| a.start.cmp(&b.start))
            .then_with(|| a.name.cmp(&b.name))
    }
}

impl PartialOrd for UsageInLineOrder {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for UsageInLineOrder {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for UsageInLineOrder {}
