//! One series: what a counter counted, and what a gauge held.

use super::{Exact, Window};

/// A value at a time, as it was scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Milliseconds since 1970, as the sample says.
    pub at: i64,
    /// Its value.
    pub value: Exact,
}

/// What a counter stood at before its first sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// At nothing: the series began within what was looked at, as that of a new pod does. Its first value was all counted since.
    Zero,
    /// Nobody knows: the first sample only says where to count from.
    Unknown,
}

/// The samples of a series, by their times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    samples: Vec<Sample>,
}

impl Series {
    /// From samples in any order. Of several at one time, as of a pair that scrapes the same, the largest counts.
    pub fn new(mut samples: Vec<Sample>) -> Self {
        samples.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| b.value.cmp(&a.value)));
        samples.dedup_by_key(|sample| sample.at);
        Self { samples }
    }

    /// What a counter counted in a window: the sum of its rises. A fall is a reset, after which it began at nothing.
    ///
    /// What it rose from one sample to the next belongs to the window of the later one, a sample at its end included. So a sample from
    /// before the window has to be among the samples, or `origin` decides.
    pub fn increase(&self, window: &Window, origin: Origin) -> Exact {
        let mut sum = Exact::zero();
        let mut before: Option<&Sample> = None;
        for sample in &self.samples {
            if sample.at > window.end {
                break;
            }
            if sample.at > window.start {
                sum = match (before, origin) {
                    (Some(before), _) if before.value <= sample.value => sum + &sample.value - &before.value,
                    (Some(_), _) | (None, Origin::Zero) => sum + &sample.value,
                    (None, Origin::Unknown) => sum,
                };
            }
            before = Some(sample);
        }
        sum
    }

    /// What a gauge held in a window, times the seconds that it held it. A value is held until the next sample, and at most for `held`
    /// milliseconds: what nobody saw for longer is nothing.
    pub fn integral(&self, window: &Window, held: i64) -> Exact {
        self.spans(window, held)
            .fold(Exact::zero(), |sum, (sample, length)| sum + &(&sample.value * length).thousandths())
    }

    /// How many milliseconds of a window are known: those that follow a sample by no more than `held`.
    pub fn known(&self, window: &Window, held: i64) -> i64 {
        self.spans(window, held).map(|(_, length)| length).sum()
    }

    /// The stretches of a window that are known, in order: from where to where. None touches another.
    pub fn stretches(&self, window: &Window, held: i64) -> Vec<Window> {
        let mut stretches: Vec<Window> = Vec::new();
        for (sample, length) in self.spans(window, held) {
            let start = sample.at.max(window.start);
            match stretches.last_mut() {
                Some(last) if last.end == start => last.end = start + length,
                Some(_) | None => stretches.push(Window { start, end: start + length }),
            }
        }
        stretches
    }

    /// Whether there are samples in a window, its end included.
    pub fn has_within(&self, window: &Window) -> bool {
        self.samples.iter().any(|sample| sample.at > window.start && sample.at <= window.end)
    }

    /// When its first and its last sample were.
    pub fn life(&self) -> Option<(i64, i64)> {
        Some((self.samples.first()?.at, self.samples.last()?.at))
    }

    /// The same with what it stood at before its first sample, by the time `at`.
    pub fn after(mut self, at: i64, value: Exact) -> Self {
        self.samples.insert(0, Sample { at, value });
        self
    }

    /// Each sample with how many milliseconds of the window it holds for.
    fn spans(&self, window: &Window, held: i64) -> impl Iterator<Item = (&Sample, i64)> {
        let next = self.samples.iter().skip(1).map(|next| next.at).chain([i64::MAX]);
        self.samples.iter().zip(next).filter_map(move |(sample, next)| {
            let begin = sample.at.max(window.start);
            let end = next.min(sample.at.saturating_add(held)).min(window.end);
            (begin < end).then(|| (sample, end - begin))
        })
    }
}
