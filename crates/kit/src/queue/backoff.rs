//! How long a key that failed waits before it is tried again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Exponential back-off with a cap.
///
/// The jitter is a function of the key and the attempt, so a thousand keys that failed together do
/// not come back together, and a test sees the same delays every time.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The delay after the first failure.
    pub first: Duration,
    /// No delay is longer than this.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), cap: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// The delay of `key` after it failed `failures` times in a row: between three quarters and
    /// the whole of `first × 2^(failures − 1)`, at most the cap.
    pub fn delay<K: Hash>(&self, key: &K, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let whole = self.first.saturating_mul(1 << doublings).min(self.cap);
        whole - (whole / 4).mul_f64(jitter(key, failures))
    }
}

/// A number in `[0, 1)` that depends on nothing but its arguments.
fn jitter<K: Hash>(key: &K, failures: u32) -> f64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    failures.hash(&mut hasher);
    (hasher.finish() % 1024) as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(10) };
        for (failures, whole) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (4_000_000_000, 10)] {
            let delay = backoff.delay(&"key", failures);
            let whole = Duration::from_secs(whole);
            assert!(delay <= whole && delay > whole * 3 / 4, "{failures}: {delay:?}");
        }
    }

    #[test]
    fn keys_that_fail_together_return_apart_and_always_the_same_way() {
        let backoff = Backoff::default();
        let delays: Vec<_> = (0..20).map(|key| backoff.delay(&key, 1)).collect();
        assert!(delays.windows(2).any(|pair| pair[0] != pair[1]));
        assert_eq!(delays[7], backoff.delay(&7, 1));
    }
}
