//! Scenarios of one object, and random histories of it, against what was so.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

fn cost(quantity: u32) -> Cost {
    let service = Service { name: "data".to_owned(), kind: "Block storage".to_owned(), plan: None, cloud: None };
    Cost { organization: "acme".to_owned(), project: "shop".to_owned(), service, quantity: quantity.to_string() }
}

fn target(quantity: u32) -> Target {
    Target { cost: cost(quantity), tags: BTreeMap::new() }
}

/// Records as the API server has them: by start, with what they say and their end.
#[derive(Clone, Debug, Default, PartialEq)]
struct Server {
    records: BTreeMap<Timestamp, (Cost, Option<Timestamp>)>,
}

impl Server {
    /// Writes, and says whether the name was taken by another record, and until when that one lasts.
    fn open(&mut self, cost: Cost, start: Timestamp) -> Option<Timestamp> {
        match self.records.get(&start) {
            Some((known, None)) if *known == cost => None,
            Some((_, end)) => Some(end.unwrap_or(start + TimeDelta::seconds(1))),
            None => {
                self.records.insert(start, (cost, None));
                None
            }
        }
    }

    fn end(&mut self, start: Timestamp, at: Timestamp) {
        let record = self.records.get_mut(&start).unwrap();
        assert!(record.1.is_none() && at > start, "{start} {at} {record:?}");
        record.1 = Some(at);
    }

    fn running(&self) -> impl Iterator<Item = Running> {
        let running = self.records.iter().filter(|(_, (_, end))| end.is_none());
        running.map(|(start, (cost, _))| Running::new(name(*start), cost.clone(), *start))
    }

    /// The spans in seconds since the beginning, with their quantities.
    fn spans(&self) -> Vec<(i64, Option<i64>, &str)> {
        let second = |time: &Timestamp| (*time - at(0)).num_seconds();
        self.records
            .iter()
            .map(|(start, (cost, end))| (second(start), end.as_ref().map(second), cost.quantity.as_str()))
            .collect()
    }
}

fn name(start: Timestamp) -> String {
    start.timestamp().to_string()
}

/// A process that follows one object.
struct Process {
    life: Life,
    through: Option<Timestamp>,
    created: Timestamp,
    minimum: TimeDelta,
}

impl Process {
    fn new(created: i64) -> Self {
        Self { life: Life::default(), through: None, created: at(created), minimum: TimeDelta::zero() }
    }

    /// The next process, after a kill: it knows what runs, and until when somebody looked.
    fn restarted(self, server: &Server) -> Self {
        let mut life = Life::default();
        server.running().for_each(|running| life.recorded(running, false));
        Self { life, ..self }
    }

    fn moment(&self, now: Timestamp) -> Moment {
        Moment { now, through: self.through, created: self.created, minimum: self.minimum }
    }

    fn see(&mut self, second: i64, quantity: Option<u32>) {
        let moment = self.moment(at(second));
        self.life.observe(quantity.map(target), true, &moment);
    }

    fn look(&mut self, second: i64) {
        self.through = Some(at(second));
    }

    /// Writes at most so many times; whether everything is written.
    fn write(&mut self, second: i64, server: &mut Server, mut writes: usize) -> bool {
        loop {
            let Some(step) = self.life.plan(at(second)).steps.into_iter().next() else { return true };
            if writes == 0 {
                return false;
            }
            writes -= 1;
            match step {
                Step::Open { target, start } => match server.open(target.cost.clone(), start) {
                    None => self.life.recorded(Running::new(name(start), target.cost, start), true),
                    Some(taken) => self.life.begin_after(taken),
                },
                Step::End { organization: _, name, at } => {
                    server.end(Timestamp::from_timestamp(name.parse().unwrap(), 0).unwrap(), at);
                    self.life.ended(&name);
                }
            }
        }
    }

    fn write_all(&mut self, second: i64, server: &mut Server) {
        assert!(self.write(second, server, 10), "the plan comes to an end");
    }
}

#[test]
fn an_object_is_recorded_from_its_making_to_its_end() {
    let (mut server, mut process) = (Server::default(), Process::new(0));
    process.see(3, Some(1));
    process.write_all(3, &mut server);
    process.look(90);
    process.see(100, None);
    process.write_all(100, &mut server);
    assert_eq!(server.spans(), [(0, Some(100), "1")]);
}

#[test]
fn an_object_that_was_there_before_is_recorded_from_when_it_is_seen() {
    let (mut server, mut process) = (Server::default(), Process::new(-301));
    process.see(0, Some(1));
    process.write_all(0, &mut server);
    assert_eq!(server.spans(), [(0, None, "1")]);
}

#[test]
fn what_an_object_costs_later_is_recorded_from_then_on() {
    let (mut server, mut process) = (Server::default(), Process::new(0));
    process.see(1, None);
    process.see(60, Some(1));
    process.write_all(60, &mut server);
    process.see(70, Some(2));
    assert!(matches!(process.life.plan(at(70)).steps[..], [Step::Open { .. }, Step::End { .. }]), "the new one first");
    process.write_all(70, &mut server);
    process.see(80, None);
    process.write_all(80, &mut server);
    process.see(90, Some(2));
    process.write_all(90, &mut server);
    assert_eq!(server.spans(), [(60, Some(70), "1"), (70, Some(80), "2"), (90, None, "2")]);
}

#[test]
fn two_changes_in_one_second_are_two_seconds() {
    let (mut server, mut process) = (Server::default(), Process::new(0));
    for quantity in [1, 2, 3] {
        process.see(0, Some(quantity));
        process.write_all(0, &mut server);
    }
    process.see(0, None);
    process.write_all(0, &mut server);
    process.see(0, Some(1));
    process.write_all(0, &mut server);
    assert_eq!(server.spans(), [(0, Some(1), "1"), (1, Some(2), "2"), (2, Some(3), "3"), (3, None, "1")]);
}

#[test]
fn a_change_back_before_anything_was_written_is_none() {
    let (mut server, mut process) = (Server::default(), Process::new(0));
    process.see(0, Some(1));
    process.write_all(0, &mut server);
    process.see(10, Some(2));
    process.see(11, Some(1));
    process.write_all(11, &mut server);
    assert_eq!(server.spans(), [(0, Some(10), "1"), (11, None, "1")], "what was over stays over");
}

#[test]
fn a_short_life_is_not_recorded_and_a_long_one_from_its_beginning() {
    let (mut server, mut process) = (Server::default(), Process::new(0));
    process.minimum = TimeDelta::seconds(60);
    process.see(0, Some(1));
    assert_eq!(process.life.plan(at(59)), Plan { steps: Vec::new(), wake: Some(at(60)) });
    process.see(59, None);
    process.write_all(59, &mut server);
    assert!(server.records.is_empty() && process.life.is_over());
    process.see(70, Some(1));
    process.write_all(129, &mut server);
    assert!(server.records.is_empty());
    process.write_all(130, &mut server);
    // A change of what is recorded is recorded at once.
    process.see(140, Some(2));
    process.write_all(140, &mut server);
    assert_eq!(server.spans(), [(70, Some(140), "1"), (140, None, "2")]);
}

#[test]
fn time_that_nobody_saw_is_not_billed() {
    let (mut server, mut process) = (Server::default(), Process::new(0));
    process.see(0, Some(1));
    process.write_all(0, &mut server);
    process.look(60);
    // Three hours later it is gone.
    let mut process = process.restarted(&server);
    let moment = process.moment(at(10_860));
    process.life.gone(&moment);
    process.write_all(10_860, &mut server);
    assert_eq!(server.spans(), [(0, Some(60), "1")]);
    assert!(process.life.is_over());
}

#[test]
fn a_resize_that_nobody_saw_is_billed_as_far_as_it_was_seen() {
    let (mut server, mut process) = (Server::default(), Process::new(0));
    process.see(0, Some(1));
    process.write_all(0, &mut server);
    process.look(60);
    let mut process = process.restarted(&server);
    process.see(10_860, Some(2));
    process.write_all(10_860, &mut server);
    assert_eq!(server.spans(), [(0, Some(60), "1"), (10_860, None, "2")]);
}

#[test]
fn what_came_while_nobody_looked_is_billed_from_its_making() {
    let (mut server, mut process) = (Server::default(), Process::new(5000));
    process.look(60);
    process.see(10_860, Some(1));
    process.write_all(10_860, &mut server);
    assert_eq!(server.spans(), [(5000, None, "1")]);
}

#[test]
fn what_is_as_it_was_runs_on() {
    let (mut server, mut process) = (Server::default(), Process::new(0));
    process.see(0, Some(1));
    process.write_all(0, &mut server);
    process.look(60);
    let before = server.clone();
    let mut process = process.restarted(&server);
    process.see(10_860, Some(1));
    assert_eq!(process.life.plan(at(10_860)), Plan::default(), "a restart writes nothing");
    assert_eq!(server, before);
}

#[test]
fn killed_between_two_writes_the_next_process_ends_the_older_record_where_the_newer_begins() {
    let (mut server, mut process) = (Server::default(), Process::new(0));
    process.see(0, Some(1));
    process.write_all(0, &mut server);
    process.look(30);
    process.see(45, Some(2));
    assert!(!process.write(45, &mut server, 1), "killed after the first of two writes");
    let mut process = process.restarted(&server);
    process.see(10_860, Some(2));
    process.write_all(10_860, &mut server);
    assert_eq!(server.spans(), [(0, Some(45), "1"), (45, None, "2")]);
}

#[test]
fn a_record_that_exists_already_is_taken_for_ours_when_it_says_the_same() {
    let (mut server, mut process) = (Server::default(), Process::new(0));
    process.see(0, Some(1));
    assert_eq!(server.open(cost(1), at(0)), None, "written, and killed before the answer");
    process.write_all(0, &mut server);
    assert_eq!(server.spans(), [(0, None, "1")]);
    let mut other = Process::new(0);
    other.see(0, Some(2));
    other.write_all(0, &mut server);
    assert_eq!(server.spans(), [(0, None, "1"), (1, None, "2")], "another object's, of the same eight digits");
}

/// What happens in a random history.
#[derive(Clone, Debug)]
enum Happening {
    /// So many seconds pass.
    Passes(u32),
    /// The object costs something else from now on: nothing, or so many.
    Changes(Option<u32>),
    /// The process is killed, after so many writes of what it would write.
    Killed(usize),
    /// Nobody looks for so many seconds, after which a process starts.
    Down(u32),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (0_u32..400).prop_map(Happening::Passes),
        4 => prop_oneof![Just(None), (1_u32..4).prop_map(Some)].prop_map(Happening::Changes),
        1 => (0_usize..3).prop_map(Happening::Killed),
        1 => (200_u32..20_000).prop_map(Happening::Down),
    ]
}

/// Plays a history; what the API server has then, and for each second what the object cost and whether somebody looked.
fn play(history: &[Happening]) -> (Server, Vec<(Option<u32>, bool)>) {
    let (mut server, mut process) = (Server::default(), Process::new(-1000));
    let (mut truth, mut costs) = (Vec::new(), None);
    let now = |truth: &Vec<_>| i64::try_from(truth.len()).unwrap();
    process.see(0, None);
    process.look(0);
    for happening in history {
        match happening {
            Happening::Passes(seconds) => {
                truth.extend((0..*seconds).map(|_| (costs, true)));
                process.look(now(&truth));
            }
            Happening::Changes(quantity) => {
                costs = *quantity;
                process.see(now(&truth), costs);
                process.write_all(now(&truth), &mut server);
            }
            Happening::Killed(writes) => {
                costs = costs.map_or(Some(7), |quantity| (quantity != 7).then_some(7));
                process.see(now(&truth), costs);
                process.write(now(&truth), &mut server, *writes);
                process = process.restarted(&server);
                process.see(now(&truth), costs);
                process.write_all(now(&truth), &mut server);
            }
            Happening::Down(seconds) => {
                truth.extend((0..*seconds).map(|_| (costs, false)));
                // Half-way it becomes something else.
                let half = truth.len() - (*seconds / 2) as usize;
                costs = costs.map_or(Some(9), |quantity| (quantity != 9).then_some(9));
                truth[half..].iter_mut().for_each(|second| second.0 = costs);
                process = process.restarted(&server);
                process.see(now(&truth), costs);
                process.write_all(now(&truth), &mut server);
                process.look(now(&truth));
            }
        }
    }
    process.see(now(&truth), None);
    process.write_all(now(&truth), &mut server);
    (server, truth)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_recorded_is_what_was_so_and_was_seen(history in prop::collection::vec(happening(), 0..25)) {
        let (server, truth) = play(&history);
        let mut recorded = vec![0; truth.len() + 64];
        let mut last_end = 0;
        for (start, end, quantity) in server.spans() {
            let end = end.expect("everything ended");
            prop_assert!(start >= last_end && end > start, "{:?}", server.spans());
            last_end = end;
            for second in start..end {
                recorded[usize::try_from(second).unwrap()] = quantity.parse::<u32>().unwrap();
            }
        }
        let wrong = truth.iter().zip(&recorded).filter(|((costs, seen), recorded)| match (costs, seen) {
            (Some(costs), true) => costs != *recorded,
            (None, true) => **recorded != 0,
            // Nobody looked, and in the middle of it came a change.
            (_, false) => **recorded != 0,
        });
        // Changes within one second are moved by a second each.
        let moved = 2 * history.len();
        prop_assert!(wrong.count() <= moved, "{:?}", server.spans());
    }

    /// Where the process is killed changes nothing but what a second too late would.
    #[test]
    fn a_kill_leaves_what_no_kill_leaves(quantities in prop::collection::vec(prop_oneof![Just(None), (1_u32..4).prop_map(Some)], 1..12), killed_at in 0_usize..12, writes in 0_usize..3) {
        let run = |kill: Option<(usize, usize)>| {
            let (mut server, mut process) = (Server::default(), Process::new(-1000));
            process.see(0, None);
            for (at, quantity) in quantities.iter().enumerate() {
                let now = i64::try_from(at).unwrap() * 100;
                process.see(now, *quantity);
                process.look(now);
                if let Some((_, writes)) = kill.filter(|(killed, _)| *killed == at) {
                    process.write(now, &mut server, writes);
                    process = process.restarted(&server);
                    process.see(now, *quantity);
                }
                process.write_all(now, &mut server);
            }
            server
        };
        prop_assert_eq!(run(Some((killed_at, writes))), run(None));
    }
}
