//! What series come to together: by project and by the labels that a Meter names.
//!
//! A counter that begins counts from nothing when somebody saw it begin: when another series of the Meter was seen before and after.
//! Where all series begin at once, as when a server is new, or its labels are others, nobody knows what they counted before, and each
//! says only from where on to count.

use std::collections::BTreeMap;

use super::{Exact, Origin, Sample, Series, Window};

/// The labels of a series, and samples of it in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scraped {
    /// Its labels, its name among them as `__name__`.
    pub labels: BTreeMap<String, String>,
    /// Samples.
    pub samples: Vec<Sample>,
}

/// How series are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// What they rose by.
    Increase,
    /// What they held, times seconds.
    Integral,
}

/// By what series are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// The label that names the project.
    pub project: String,
    /// The others.
    pub labels: Vec<String>,
}

/// Series that are recorded as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// What the label of the project says.
    pub project: String,
    /// What the other labels say; empty where a series has none.
    pub labels: BTreeMap<String, String>,
}

impl Grouping {
    /// The group of a series; `None` for one that is nobody's.
    pub fn of(&self, labels: &BTreeMap<String, String>) -> Option<Group> {
        let project = labels.get(&self.project).filter(|project| !project.is_empty())?.clone();
        let value = |label: &String| (label.clone(), labels.get(label).cloned().unwrap_or_default());
        Some(Group { project, labels: self.labels.iter().map(value).collect() })
    }
}

/// What was counted of a group, and when somebody saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Counted {
    amount: Exact,
    seen: Vec<Window>,
    /// Whether there were samples, and not only what the last one before holds for.
    sampled: bool,
}

/// What was counted in a window, part by part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    groups: BTreeMap<Group, Counted>,
    seen: Vec<Window>,
}

impl Tally {
    /// Adds what is counted in `part`. `series` are all that have samples in it or near it: from four held times before it to one
    /// after it. `held` is for how many milliseconds a value holds; `before` has what counters stood at that have no sample so near
    /// before it, as far as that is known.
    pub fn add(
        &mut self,
        (counting, grouping): (Counting, &Grouping),
        part: Window,
        held: i64,
        series: Vec<Scraped>,
        before: &BTreeMap<BTreeMap<String, String>, Exact>,
    ) {
        let series: Vec<_> =
            series.into_iter().map(|Scraped { labels, samples }| (labels, near(samples, part, held))).collect();
        let witnesses = Witnesses::of(series.iter().filter_map(|(_, series)| series.life()), held);
        for (labels, series) in series {
            let Some((first, last)) = series.life() else { continue };
            if first > part.end || last.saturating_add(held) <= part.start {
                continue;
            }
            let seen = series.stretches(&part, held);
            self.seen.extend(seen.iter().copied());
            let Some(group) = grouping.of(&labels) else { continue };
            let sampled = series.has_within(&part);
            let amount = match counting {
                Counting::Integral => series.integral(&part, held),
                Counting::Increase => match before.get(&labels) {
                    Some(stood) if first > part.start => {
                        series.after(part.start, stood.clone()).increase(&part, Origin::Unknown)
                    }
                    Some(_) | None => series.increase(&part, witnesses.origin(first)),
                },
            };
            let nothing = || Counted { amount: Exact::zero(), seen: Vec::new(), sampled: false };
            let counted = self.groups.entry(group).or_insert_with(nothing);
            counted.sampled |= sampled;
            counted.amount = counted.amount.clone() + &amount;
            counted.seen.extend(seen);
        }
        union(&mut self.seen);
        self.groups.values_mut().for_each(|counted| union(&mut counted.seen));
    }

    /// Whether a counter among `series` begins in `part`, as far as samples near before it say: what it stood at is to be asked for.
    pub fn is_begun(part: Window, series: &[Scraped]) -> bool {
        series.iter().any(|Scraped { samples, .. }| {
            let within = samples.iter().any(|sample| sample.at > part.start && sample.at <= part.end);
            within && samples.iter().all(|sample| sample.at > part.start)
        })
    }

    /// For how many milliseconds there were samples of any series.
    pub fn seen(&self) -> i64 {
        length(&self.seen)
    }

    /// Each group of which there is something, with what was counted, and for how many milliseconds there were samples of it.
    pub fn groups(self) -> impl Iterator<Item = (Group, Exact, i64)> {
        let there = self.groups.into_iter().filter(|(_, counted)| counted.sampled || counted.amount != Exact::zero());
        there.map(|(group, Counted { amount, seen, sampled: _ })| (group, amount, length(&seen)))
    }
}

/// The samples that matter to `part`, whatever a server says beyond.
fn near(samples: Vec<Sample>, part: Window, held: i64) -> Series {
    let (from, to) = (part.start - 4 * held, part.end + held);
    Series::new(samples.into_iter().filter(|sample| sample.at > from && sample.at <= to).collect())
}

/// Sorted, and none touches another.
fn union(windows: &mut Vec<Window>) {
    windows.sort_unstable();
    windows.dedup_by(|next, window| {
        let touches = next.start <= window.end;
        if touches {
            window.end = window.end.max(next.end);
        }
        touches
    });
}

fn length(windows: &[Window]) -> i64 {
    windows.iter().map(|window| window.length()).sum()
}

/// Who saw series begin.
struct Witnesses {
    held: i64,
    /// By when they were first seen: until when any of those so far was.
    seen: Vec<(i64, i64)>,
}

impl Witnesses {
    fn of(lives: impl Iterator<Item = (i64, i64)>, held: i64) -> Self {
        let mut seen: Vec<_> = lives.collect();
        seen.sort_unstable();
        let mut until = i64::MIN;
        for (_, last) in &mut seen {
            until = until.max(*last);
            *last = until;
        }
        Self { held, seen }
    }

    /// What a series stood at before its first sample.
    fn origin(&self, first: i64) -> Origin {
        let before = self.seen.partition_point(|(from, _)| *from <= first - self.held);
        let witnessed =
            before.checked_sub(1).and_then(|at| self.seen.get(at)).is_some_and(|(_, until)| *until >= first);
        if witnessed { Origin::Zero } else { Origin::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: i64 = 120;

    fn series(labels: &[(&str, &str)], samples: &[(i64, i64)]) -> Scraped {
        let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        let sample = |(at, value): &(i64, i64)| Sample { at: *at, value: Exact::parse(&value.to_string()).unwrap() };
        Scraped { labels, samples: samples.iter().map(sample).collect() }
    }

    fn grouping() -> Grouping {
        Grouping { project: "namespace".to_owned(), labels: vec!["path".to_owned()] }
    }

    fn pod(namespace: &str, pod: &str, samples: &[(i64, i64)]) -> Scraped {
        series(&[("namespace", namespace), ("pod", pod), ("path", "/")], samples)
    }

    fn tally(counting: Counting, part: Window, series: Vec<Scraped>) -> Vec<(String, String, i64)> {
        let mut tally = Tally::default();
        tally.add((counting, &grouping()), part, HELD, series, &BTreeMap::new());
        tally.groups().map(|(group, amount, seen)| (group.project, amount.recorded().unwrap(), seen)).collect()
    }

    const PART: Window = Window { start: 1000, end: 2000 };

    fn steady(name: &str) -> Scraped {
        pod("shop", name, &(0..25).map(|scrape| (600 + scrape * 60, 7)).collect::<Vec<_>>())
    }

    #[test]
    fn a_restarted_pod_loses_nothing_and_counts_nothing_twice() {
        let old = pod("lab", "a", &[(940, 100), (1000, 110), (1060, 130)]);
        let new = pod("lab", "b", &[(1120, 4), (1180, 9)]);
        let counted = tally(Counting::Increase, PART, vec![old, new, steady("c")]);
        assert_eq!(counted[0], ("lab".to_owned(), (20 + 9).to_string(), 300));
        assert_eq!(counted[1], ("shop".to_owned(), "0".to_owned(), 1000));
    }

    #[test]
    fn series_that_all_begin_at_once_say_only_from_where_on() {
        let (a, b) = (pod("lab", "a", &[(1120, 5000), (1180, 5009)]), pod("lab", "b", &[(1150, 70), (1210, 71)]));
        let relabelled = pod("lab", "old", &[(900, 4000), (960, 4990), (1020, 4995), (1080, 4999)]);
        let counted = tally(Counting::Increase, PART, vec![a.clone(), b.clone()]);
        assert_eq!(counted[0].1, (9 + 1).to_string(), "a server that is new");
        let counted = tally(Counting::Increase, PART, vec![a, b, relabelled]);
        assert_eq!(counted[0].1, (9 + 1 + 5 + 4).to_string(), "labels that are others: nothing went on");
    }

    #[test]
    fn a_counter_that_was_away_goes_on_from_where_it_stood() {
        let away = pod("lab", "a", &[(1500, 700), (1560, 720)]);
        let before = BTreeMap::from([(away.labels.clone(), Exact::parse("650").unwrap())]);
        assert!(Tally::is_begun(PART, std::slice::from_ref(&away)) && !Tally::is_begun(PART, &[steady("c")]));
        let mut tally = Tally::default();
        tally.add((Counting::Increase, &grouping()), PART, HELD, vec![away, steady("c")], &before);
        let counted: Vec<_> =
            tally.groups().map(|(group, amount, _)| (group.project, amount.recorded().unwrap())).collect();
        assert_eq!(counted[0], ("lab".to_owned(), "70".to_owned()));
    }

    #[test]
    fn a_gauge_is_what_it_held_and_nobody_knows_the_rest() {
        let gauge = pod("lab", "a", &[(900, 3), (1010, 5), (1400, 2)]);
        let counted = tally(Counting::Integral, PART, vec![gauge]);
        // Milliseconds, as all times here: 10 × 3 + 120 × 5 + 120 × 2.
        assert_eq!(counted, [("lab".to_owned(), "0.87".to_owned(), 250)]);
    }

    #[test]
    fn groups_are_by_the_named_labels_and_what_has_no_project_is_nobodys() {
        let other = series(&[("namespace", "shop"), ("path", "/b")], &[(950, 1), (1100, 3)]);
        let none = series(&[("path", "/")], &[(950, 1), (1100, 300)]);
        let empty = series(&[("namespace", ""), ("path", "/")], &[(950, 1), (1100, 300)]);
        let bare = series(&[("namespace", "shop")], &[(950, 1), (1100, 4)]);
        let mut tally = Tally::default();
        let all = vec![other, none, empty, bare];
        tally.add((Counting::Increase, &grouping()), PART, HELD, all, &BTreeMap::new());
        assert_eq!(tally.seen(), 70 + 120, "by whatever series");
        let groups: Vec<_> = tally
            .groups()
            .map(|(group, amount, _)| (group.labels["path"].clone(), amount.recorded().unwrap()))
            .collect();
        assert_eq!(groups, [(String::new(), "3".to_owned()), ("/b".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let all = || {
            vec![
                steady("c"),
                pod("lab", "a", &[(700, 1), (900, 5), (1000, 6), (1490, 9), (1510, 2), (1900, 30), (2050, 31)]),
                pod("lab", "b", &[(1495, 40), (1600, 50), (1999, 60)]),
            ]
        };
        for counting in [Counting::Increase, Counting::Integral] {
            let (mut whole, mut parts) = (Tally::default(), Tally::default());
            let mut before = BTreeMap::new();
            whole.add((counting, &grouping()), PART, HELD, all(), &before);
            for part in PART.parts(250) {
                // What a server says they stood at: the last sample before.
                for Scraped { labels, samples } in all() {
                    if let Some(last) =
                        samples.iter().filter(|sample| sample.at <= part.start).max_by_key(|sample| sample.at)
                    {
                        before.insert(labels, last.value.clone());
                    }
                }
                parts.add((counting, &grouping()), part, HELD, all(), &before);
            }
            assert_eq!(parts, whole, "{counting:?}");
        }
    }
}
