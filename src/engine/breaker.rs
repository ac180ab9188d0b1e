//! The circuit breaker: a pure state machine over outcomes. Times are durations since any fixed moment.

use std::collections::VecDeque;
use std::time::Duration;

/// Consecutive failures that open it.
const IN_A_ROW: u32 = 5;
/// Outcomes looked at for the share of failures.
const WINDOW: Duration = Duration::from_mins(1);
/// Fewest outcomes in the window before their share counts.
const FEWEST: usize = 20;
/// Most outcomes remembered.
const MOST: usize = 200;
/// How long it stays open before one probe.
const OPEN_FOR: Duration = Duration::from_secs(30);

/// Opens at five failures in a row, or when half of at least twenty outcomes within a minute failed.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    outcomes: VecDeque<(Duration, bool)>,
    in_a_row: u32,
}

impl Breaker {
    /// Takes an outcome; `Some`: open it for that long.
    pub(super) fn observe(&mut self, now: Duration, good: bool) -> Option<Duration> {
        self.outcomes.push_back((now, good));
        while self.outcomes.len() > MOST
            || self
                .outcomes
                .front()
                .is_some_and(|(at, _)| now.saturating_sub(*at) > WINDOW)
        {
            self.outcomes.pop_front();
        }
        if good {
            self.in_a_row = 0;
            return None;
        }
        self.in_a_row += 1;
        let failed = self.outcomes.iter().filter(|(_, good)| !good).count();
        let half = self.outcomes.len() >= FEWEST && failed * 2 >= self.outcomes.len();
        (self.in_a_row >= IN_A_ROW || half).then_some(OPEN_FOR)
    }

    /// Failures since the last good answer.
    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// Forgets everything: the probe succeeded, or a person asked to try again.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_and_a_success_starts_the_count_anew() {
        let mut breaker = Breaker::default();
        let at = Duration::from_secs;
        for second in 0..4 {
            assert_eq!(breaker.observe(at(second), false), None);
        }
        assert_eq!(breaker.observe(at(4), true), None);
        for second in 5..9 {
            assert_eq!(breaker.observe(at(second), false), None);
        }
        assert_eq!(breaker.observe(at(9), false), Some(OPEN_FOR));
    }

    #[test]
    fn half_of_twenty_within_a_minute_open_it() {
        let mut breaker = Breaker::default();
        let mut opened = None;
        for turn in 0..20 {
            opened = breaker.observe(Duration::from_secs(turn), turn % 2 == 0);
        }
        assert_eq!(opened, Some(OPEN_FOR));
    }

    #[test]
    fn old_outcomes_do_not_count() {
        let mut breaker = Breaker::default();
        for turn in 0..19 {
            breaker.observe(Duration::from_secs(turn / 10), turn % 2 == 0);
        }
        assert_eq!(breaker.observe(Duration::from_mins(2), false), None);
    }
}
