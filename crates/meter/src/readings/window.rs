//! What a window comes to: the samples of its parts are read and counted.

#[cfg(feature = "reader")]
pub use reading::evaluate;

use billing_api::Time;

use super::CountingRecipe;
use super::monthly::second;
use crate::sums::{Group, Window};

/// What was counted in a window.
#[derive(Debug)]
pub struct Came {
    /// Each group with what a record says of it, and the share of the window in which there were samples, in ten thousandths.
    pub groups: Vec<(Group, String, i64)>,
    /// The share of the window in which there were samples of any series.
    pub coverage: i64,
}

impl Came {
    /// Whether there were samples for less of the window than a Meter asks for.
    pub fn has_gap(&self, recipe: &CountingRecipe) -> bool {
        self.coverage < recipe.coverage
    }

    /// What is said of a window with too few samples.
    pub fn too_few(&self, recipe: &CountingRecipe, window: Window) -> String {
        let [from, to, until] = [window.start, window.end, window.end + recipe.max_wait].map(|at| Time(second(at)));
        format!(
            "from {from} to {to} the server {} has samples for {} of the time, and {} are asked for: they are waited for until {until}, \
             and then what is known is recorded. See whether it scrapes, and whether spec.metrics.selector selects something",
            recipe.server,
            percent(self.coverage),
            percent(recipe.coverage),
        )
    }
}

/// A share in ten thousandths, in words.
pub fn percent(share: i64) -> String {
    format!("{}.{:02} %", share / 100, share % 100)
}

#[cfg(feature = "reader")]
mod reading {
    use std::collections::BTreeMap;

    use super::super::CountingRecipe;
    use super::super::recipe::WHOLE;
    use super::Came;
    use crate::samples::{Query, ReadError, Reader};
    use crate::sums::{Counting, Sample, Tally, Window};

    /// For how many scrape intervals samples are read at once.
    const INTERVALS: i64 = 60;

    /// For how long it is remembered what a counter stood at, in seconds: one that was away for longer is taken for a new one.
    const MEMORY: i64 = 2 * 86_400;

    /// Reads a window, part by part, so that no answer is larger for a longer window.
    ///
    /// # Errors
    /// The server has not answered. Then nothing of the window is known.
    pub async fn evaluate(recipe: &CountingRecipe, reader: &Reader, window: Window) -> Result<Came, ReadError> {
        let CountingRecipe { selector, counting, grouping, held, per, .. } = recipe;
        let mut tally = Tally::default();
        for part in window.parts(held / 2 * INTERVALS) {
            let series = reader.read(&Query::samples(selector, part.start - 4 * held, part.end + held)).await?;
            let mut before = BTreeMap::new();
            if *counting == Counting::Increase && Tally::is_begun(part, &series) {
                let stood = reader.read(&Query::last(selector, part.start, MEMORY)).await?;
                let last = |mut samples: Vec<Sample>| samples.pop().map(|sample| sample.value);
                before = stood.into_iter().filter_map(|series| Some((series.labels, last(series.samples)?))).collect();
            }
            tally.add((*counting, grouping), part, *held, series, &before);
        }
        let share = |seen: i64| (i128::from(seen) * i128::from(WHOLE) / i128::from(window.length().max(1))) as i64;
        let coverage = share(tally.seen());
        // What a gauge below zero comes to is no usage.
        let groups = tally.groups().map(|(group, amount, seen)| {
            (group, amount.recorded_per(per).unwrap_or_else(|| "0".to_owned()), share(seen))
        });
        Ok(Came { groups: groups.collect(), coverage })
    }
}
