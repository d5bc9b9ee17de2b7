//! Series by hand, and that windows of random series add up.

use proptest::prelude::*;

use super::*;

fn exact(number: i64) -> Exact {
    Exact::parse(&number.to_string()).unwrap()
}

fn series(samples: &[(i64, i64)]) -> Series {
    Series::new(samples.iter().map(|(at, value)| Sample { at: *at, value: exact(*value) }).collect())
}

const fn window(start: i64, end: i64) -> Window {
    Window { start, end }
}

#[test]
fn a_counter_counts_its_rises_and_begins_anew_at_a_reset() {
    let counter = series(&[(0, 5), (10, 8), (20, 8), (30, 2), (40, 7)]);
    assert_eq!(counter.increase(&window(0, 40), Origin::Unknown), exact(3 + 2 + 5));
    assert_eq!(counter.increase(&window(0, 25), Origin::Unknown), exact(3));
    assert_eq!(
        counter.increase(&window(25, 30), Origin::Unknown),
        exact(2),
        "a sample at the end belongs to the window"
    );
    assert_eq!(counter.increase(&window(30, 40), Origin::Unknown), exact(5), "and one at its start to the one before");
    assert_eq!(counter.increase(&window(40, 50), Origin::Unknown), exact(0));
}

#[test]
fn the_first_sample_counts_only_of_a_series_that_began_there() {
    let pod = series(&[(10, 4), (20, 6)]);
    assert_eq!(pod.increase(&window(0, 20), Origin::Zero), exact(6));
    assert_eq!(pod.increase(&window(0, 20), Origin::Unknown), exact(2));
    assert_eq!(series(&[]).increase(&window(0, 20), Origin::Zero), exact(0));
}

#[test]
fn a_gap_of_a_counter_loses_nothing() {
    let counter = series(&[(0, 100), (1_000_000, 400)]);
    assert_eq!(counter.increase(&window(0, 500_000), Origin::Unknown), exact(0));
    assert_eq!(counter.increase(&window(500_000, 1_000_000), Origin::Unknown), exact(300), "it is the later window's");
}

#[test]
fn a_gauge_is_held_until_the_next_sample_and_not_for_long() {
    let gauge = series(&[(0, 2), (60_000, 4), (600_000, 1)]);
    let held = 120_000;
    assert_eq!(gauge.integral(&window(0, 60_000), held), exact(2 * 60));
    assert_eq!(gauge.integral(&window(0, 660_000), held), exact(2 * 60 + 4 * 120 + 60));
    assert_eq!(gauge.integral(&window(90_000, 100_000), held), exact(4 * 10));
    assert_eq!(gauge.known(&window(0, 600_000), held), 180_000, "of the rest nobody knows");
}

#[test]
fn samples_that_come_twice_or_in_another_order_change_nothing() {
    let (once, twice) = (series(&[(0, 1), (10, 5)]), series(&[(10, 5), (0, 1), (10, 5), (10, 4)]));
    assert_eq!(once, twice);
}

/// Samples at random times, with values that mostly rise, and some resets.
fn samples() -> impl Strategy<Value = Vec<(i64, String)>> {
    let step = (0_i64..50_000, prop_oneof![9 => 0_i64..1000, 1 => Just(-1)], 0_u32..1000);
    prop::collection::vec(step, 0..40).prop_map(|steps| {
        let (mut at, mut value) = (0, 0_i64);
        let sample = |(pause, rise, fraction): (i64, i64, u32)| {
            at += pause;
            value = if rise < 0 { rise.abs() } else { value + rise };
            (at, format!("{value}.{fraction:03}"))
        };
        steps.into_iter().map(sample).collect()
    })
}

/// Boundaries of windows, some of them at samples.
fn boundaries(samples: &[(i64, String)], cuts: &[(bool, i64)]) -> Vec<i64> {
    let mut at: Vec<_> = cuts
        .iter()
        .map(|(at_sample, cut)| match samples.get(usize::try_from(*cut).unwrap() % samples.len().max(1)) {
            Some((at, _)) if *at_sample => *at,
            Some(_) | None => *cut,
        })
        .chain([-1, 3_000_000])
        .collect();
    at.sort_unstable();
    at.dedup();
    at
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn windows_add_up(samples in samples(), cuts in prop::collection::vec((any::<bool>(), 0_i64..2_000_000), 0..12), held in 1_i64..200_000) {
        let read = |(at, value): &(i64, String)| Sample { at: *at, value: Exact::parse(value).unwrap() };
        let series = Series::new(samples.iter().map(read).collect());
        let boundaries = boundaries(&samples, &cuts);
        let all = window(boundaries[0], *boundaries.last().unwrap());
        let windows = || boundaries.windows(2).map(|pair| window(pair[0], pair[1]));
        for origin in [Origin::Zero, Origin::Unknown] {
            let sum = windows().fold(Exact::zero(), |sum, window| sum + &series.increase(&window, origin));
            prop_assert_eq!(sum, series.increase(&all, origin));
        }
        let sum = windows().fold(Exact::zero(), |sum, window| sum + &series.integral(&window, held));
        prop_assert_eq!(sum, series.integral(&all, held));
        prop_assert_eq!(windows().map(|window| series.known(&window, held)).sum::<i64>(), series.known(&all, held));
    }

    /// By another way: what a counter stands at in the end, and what it lost at each reset.
    #[test]
    fn a_counter_counts_what_it_stands_at_and_what_resets_took(samples in samples()) {
        let mut by_time: Vec<(i64, Exact)> = Vec::new();
        for (at, value) in &samples {
            let value = Exact::parse(value).unwrap();
            match by_time.last_mut() {
                Some((last, largest)) if last == at => *largest = largest.clone().max(value),
                Some(_) | None => by_time.push((*at, value)),
            }
        }
        let lost = by_time.windows(2).filter(|pair| pair[1].1 < pair[0].1).fold(Exact::zero(), |sum, pair| sum + &pair[0].1);
        let stands = by_time.last().map_or(Exact::zero(), |(_, value)| value.clone());
        let series = Series::new(samples.iter().map(|(at, value)| Sample { at: *at, value: Exact::parse(value).unwrap() }).collect());
        prop_assert_eq!(series.increase(&window(-1, i64::MAX), Origin::Zero), stands + &lost);
    }
}
