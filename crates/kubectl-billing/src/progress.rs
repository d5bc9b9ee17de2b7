//! How far something is that takes long.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// How long something may take before it is said how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// Says on a terminal how far something is that takes longer than a second, in one line that is gone at its end. Nothing is said
/// to what is no terminal: a log keeps every line.
pub(crate) struct Progress {
    what: String,
    begun: Instant,
    terminal: Option<Box<dyn Write + Send>>,
    shown: bool,
}

impl Progress {
    /// Of what begins now.
    pub(crate) fn of(what: impl Into<String>) -> Self {
        let terminal = stderr().is_terminal().then(|| Box::new(stderr()) as _);
        Self { what: what.into(), begun: Instant::now(), terminal, shown: false }
    }

    /// So many are done.
    pub(crate) fn note(&mut self, done: usize) {
        self.note_after(self.begun.elapsed(), done);
    }

    fn note_after(&mut self, elapsed: Duration, done: usize) {
        if elapsed > PATIENCE
            && let Some(terminal) = &mut self.terminal
        {
            self.shown = true;
            // Nobody who reads it is no reason to fail.
            let _ = write!(terminal, "\r{}: {done} …", self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown
            && let Some(terminal) = &mut self.terminal
        {
            let _ = write!(terminal, "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// A terminal that passes on what it is told.
    struct Told(Sender<String>);

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(String::from_utf8_lossy(bytes).into_owned()).map_err(std::io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What a terminal is told of something that has done 500 and 1,000 at these times.
    fn told(first: Duration, second: Duration) -> String {
        let (sender, told) = channel();
        let terminal: Option<Box<dyn Write + Send>> = Some(Box::new(Told(sender)));
        let mut progress =
            Progress { what: "reading invoices".to_owned(), begun: Instant::now(), terminal, shown: false };
        progress.note_after(first, 500);
        progress.note_after(second, 1_000);
        drop(progress);
        told.iter().collect()
    }

    #[test]
    fn what_takes_longer_than_a_second_says_how_far_it_is_and_clears_the_line() {
        let (soon, late) = (Duration::from_millis(900), Duration::from_millis(1_100));
        assert_eq!(told(soon, soon), "");
        assert_eq!(told(soon, late), "\rreading invoices: 1000 …\r\x1b[K");
        assert_eq!(told(late, late), "\rreading invoices: 500 …\rreading invoices: 1000 …\r\x1b[K");
    }
}
