//! When the next frame may be drawn: what a hand did and waits for at once, news seldom, and neither faster than the line takes
//! them. It only compares instants; the loop reads the clock and draws.

use std::time::Duration;

use tokio::time::Instant;

/// Shortest time between two frames that no hand asked for.
const FRAME: Duration = Duration::from_millis(16);
/// Shortest time between two frames that only data asked for.
const DATA: Duration = Duration::from_millis(100);
/// The same while nobody looks, or the line is slow; and between two titles.
pub(super) const RARELY: Duration = Duration::from_secs(1);
/// A frame that takes longer to draw and write shows that the line is slow.
const SLOW: Duration = Duration::from_millis(50);

/// Who asks for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Somebody who pressed a key, or waits for the answer to one.
    Hand,
    /// Something that happens now and then.
    Change,
    /// News, of which there can be a thousand in a second.
    Data,
}

/// From when on the next frame may be drawn, for whom.
#[derive(Debug)]
pub(super) struct Pace {
    hand: Instant,
    change: Instant,
    data: Instant,
    /// Between two frames for data, as the line allows.
    data_every: Duration,
}

impl Pace {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            hand: start,
            change: start,
            data: start,
            data_every: DATA,
        }
    }

    /// The soonest frame.
    pub(super) fn soonest(&self, whom: For) -> Instant {
        match whom {
            For::Hand => self.hand,
            For::Change => self.change,
            For::Data => self.change.max(self.data),
        }
    }

    /// From when on there may be a frame for data.
    pub(super) fn data(&self) -> Instant {
        self.data
    }

    /// What was held back while nobody looked is wanted now.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.data = now;
    }

    /// A frame was drawn and written, and took so long.
    pub(super) fn drawn(&mut self, now: Instant, took: Duration, looked_at: bool) {
        self.data_every = match took {
            took if took > SLOW => (self.data_every * 2).min(RARELY),
            took if took < FRAME => (self.data_every / 2).max(DATA),
            _ => self.data_every,
        };
        // A held key never takes more than half of the time for its frames.
        self.hand = now + took.min(FRAME);
        self.change = now + FRAME;
        self.data = now + if looked_at { self.data_every } else { RARELY };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_key_waits_for_no_frame_before_it_and_news_do() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.soonest(For::Data), start);
        pace.drawn(start, MS, true);
        assert_eq!(pace.soonest(For::Hand), start + MS);
        assert_eq!(pace.soonest(For::Change), start + 16 * MS);
        assert_eq!(pace.soonest(For::Data), start + 100 * MS);
    }

    #[test]
    fn a_held_key_leaves_half_of_the_time_to_the_rest_and_never_waits_longer_than_a_frame() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for (took, wait) in [(3, 3), (16, 16), (400, 16)] {
            pace.drawn(start, took * MS, true);
            assert_eq!(pace.soonest(For::Hand), start + wait * MS, "{took} ms");
        }
    }

    #[test]
    fn news_become_rarer_on_a_slow_line_and_where_nobody_looks() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut waits = Vec::new();
        for took in [60, 60, 60, 60, 60, 20, 1, 1, 1, 1] {
            pace.drawn(start, took * MS, true);
            waits.push((pace.data() - start).as_millis());
        }
        assert_eq!(waits, [200, 400, 800, 1000, 1000, 1000, 500, 250, 125, 100]);
        pace.drawn(start, MS, false);
        assert_eq!(pace.soonest(For::Data), start + RARELY);
        pace.hurry(start);
        assert_eq!(pace.soonest(For::Data), start + 16 * MS);
    }
}
