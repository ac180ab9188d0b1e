//! How many requests a provider takes at once: additive increase, multiplicative decrease, by what it says (429, overload, no
//! answer in time) and by what it shows: answers that take longer the more of them there are. Pure; the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// Requests at once before anything is known of a hosted provider, and of a machine of the user's own.
const FIRST_HOSTED: f64 = 16.0;
const FIRST_OWN: f64 = 4.0;
/// An answer that took this share of the time-out makes room for nobody: where requests queue without a word, a few more would never
/// be answered in time.
const LATE: f64 = 0.34;
/// What is left of the requests in flight after a cut.
const CUT: f64 = 0.7;
/// A burst of complaints says one thing.
const BETWEEN_CUTS: Duration = Duration::from_secs(1);
/// Latency has risen when it is so many times its base.
const RISEN: f64 = 2.0;
/// A cut for latency was right if it brought latency down to this share; it would be [`CUT`] where all the rest is queueing.
const RELIEF: f64 = 0.85;
/// Below this, in seconds, nobody waits: what varies there is noise of our own.
const NOTICEABLE: f64 = 0.2;
/// Answers of a window, at least and at most. In between it is some rounds of what is in flight.
const WINDOW: (usize, usize) = (24, 512);
/// Fewest answers of a window while the limit opens: better a rough measure soon than many requests at once.
const OPENING_WINDOW: usize = 8;
/// How quickly the base follows answers that became faster.
const FASTER: f64 = 0.2;
/// Windows without a trial after one that was in vain, and at most so many after several.
const HOLD_OFF: (u32, u32) = (8, 128);

/// The limit on requests in flight of one provider.
#[derive(Debug)]
pub(super) struct Concurrency {
    most: f64,
    limit: f64,
    /// Seconds until an answer is given up.
    patience: f64,
    /// Until the first cut every answer makes room for one request more: the limit doubles with each round.
    opening: bool,
    last_cut: Option<Instant>,
    /// Seconds an answer takes where nothing queues, as far as is known: medians of windows.
    base: Option<f64>,
    /// The median of the last window.
    median: f64,
    window: Vec<f64>,
    /// So many answers close it.
    wanted: usize,
    /// Answers to requests that were sent before the last change: they say nothing about it.
    stale: u32,
    phase: Phase,
    /// Windows to go before latency is looked at again, and how many after the next trial in vain.
    hold_off: u32,
    next_hold_off: u32,
}

/// What the limit does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// It grows with every answer.
    Growing,
    /// Latency has risen: it stands still, until it is known how long answers take at this number of them.
    Still,
    /// They took that long: it was cut from there, and the cut has to prove itself.
    Trying { limit: f64, median: f64 },
}

impl Concurrency {
    /// At most so many. A machine of the user's own starts lower: it has fewer places, and each costs all the others time.
    pub(super) fn new(most: u32, own: bool) -> Self {
        let first = if own { FIRST_OWN } else { FIRST_HOSTED };
        Self::from(most, first, true)
    }

    /// Answers are given up after so long.
    #[must_use]
    pub(super) fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience.as_secs_f64();
        self
    }

    /// At most so many, and so many from the start: the user has said what it takes.
    pub(super) fn trusted(most: u32) -> Self {
        Self::from(most, f64::INFINITY, false)
    }

    fn from(most: u32, first: f64, opening: bool) -> Self {
        let most = f64::from(most.max(1));
        Self {
            most,
            limit: most.min(first),
            patience: f64::INFINITY,
            opening,
            last_cut: None,
            base: None,
            median: 0.0,
            window: Vec::new(),
            wanted: 0,
            stale: 0,
            phase: Phase::Growing,
            hold_off: 0,
            next_hold_off: HOLD_OFF.0,
        }
    }

    /// Most requests in flight at present, at least 1.
    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Where latency holds the limit down: how long answers take, and how long they took before.
    pub(super) fn pressed(&self) -> Option<(Duration, Duration)> {
        let base = self.base?;
        let told = || {
            (
                Duration::from_secs_f64(self.median),
                Duration::from_secs_f64(base),
            )
        };
        matches!(self.phase, Phase::Trying { .. }).then(told)
    }

    /// A good answer, while so many others are in flight.
    pub(super) fn answered(&mut self, latency: Duration, in_flight: u32) {
        let late = latency.as_secs_f64() > LATE * self.patience;
        if self.phase == Phase::Growing && self.base.is_some() && !late {
            // Additive increase: one more for every `limit` answers, or for each one while nothing speaks against it.
            let step = if self.opening { 1.0 } else { 1.0 / self.limit };
            self.limit = (self.limit + step).min(self.most);
        }
        if self.stale > 0 {
            self.stale -= 1;
            return;
        }
        if self.window.is_empty() {
            let (rounds, fewest) = match self.phase {
                Phase::Growing if self.opening => (1, OPENING_WINDOW),
                Phase::Growing => (2, WINDOW.0),
                // Much depends on it.
                Phase::Still | Phase::Trying { .. } => (4, 2 * WINDOW.0),
            };
            self.wanted = (rounds * in_flight as usize).clamp(fewest, WINDOW.1);
        }
        self.window.push(latency.as_secs_f64());
        if self.window.len() >= self.wanted {
            self.close_window(in_flight);
        }
    }

    /// It said that it is too much, or did not answer in time: at most one cut a second.
    pub(super) fn too_much(&mut self, now: Instant, in_flight: u32) {
        let lately = |before| now.saturating_duration_since(before) < BETWEEN_CUTS;
        if !self.last_cut.is_some_and(lately) {
            self.last_cut = Some(now);
            self.opening = false;
            self.phase = Phase::Growing;
            self.cut(in_flight);
        }
    }

    fn cut(&mut self, in_flight: u32) {
        self.limit = (f64::from(in_flight.max(1)).min(self.limit) * CUT).max(1.0);
        self.await_round(in_flight);
    }

    /// What is in flight now was sent under other circumstances.
    fn await_round(&mut self, in_flight: u32) {
        self.window.clear();
        self.stale = in_flight;
    }

    fn close_window(&mut self, in_flight: u32) {
        let middle = self.window.len() / 2;
        let (_, median, _) = self.window.select_nth_unstable_by(middle, f64::total_cmp);
        self.median = median.max(NOTICEABLE);
        self.window.clear();
        let median = self.median;
        let base = *self.base.get_or_insert(median);
        if median < base {
            self.base = Some(base + FASTER * (median - base));
        }
        let risen = median > RISEN * base && in_flight >= 2;
        match self.phase {
            Phase::Growing => {
                self.hold_off = self.hold_off.saturating_sub(1);
                if risen && self.hold_off == 0 {
                    self.phase = Phase::Still;
                    self.limit = self.limit.min(f64::from(in_flight + 1));
                    self.await_round(in_flight);
                }
            }
            Phase::Still if risen => self.try_fewer(in_flight),
            Phase::Still => self.phase = Phase::Growing,
            Phase::Trying { median: before, .. } if median <= RELIEF * before => {
                self.next_hold_off = HOLD_OFF.0;
                if risen {
                    self.try_fewer(in_flight);
                } else {
                    self.phase = Phase::Growing;
                }
            }
            Phase::Trying { limit, .. } => {
                // Fewer requests and yet no faster answers: their number is not what makes them slow. Long answers are, or
                // somebody else's requests. This is how long answers take from now on.
                self.limit = limit;
                self.base = Some(median);
                self.phase = Phase::Growing;
                self.hold_off = self.next_hold_off;
                self.next_hold_off = (self.next_hold_off * 2).min(HOLD_OFF.1);
            }
        }
    }

    fn try_fewer(&mut self, in_flight: u32) {
        self.opening = false;
        self.phase = Phase::Trying {
            limit: self.limit,
            median: self.median,
        };
        self.cut(in_flight);
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// How a simulated server takes its time.
    #[derive(Clone, Copy)]
    enum Server {
        /// So many places, each answer so many seconds; the rest queues. No 429 ever.
        Places(usize, f64),
        /// Every answer so many seconds, however many there are.
        Endless(f64),
        /// Batches: an answer takes `seconds · (1 + in flight / knee)`.
        Batching(f64, f64),
    }

    struct Outcome {
        /// Answers a second.
        rate: f64,
        /// Mean number in flight.
        in_flight: f64,
    }

    /// Keeps a server as busy as the limit allows, with answers of very different length, for so many virtual seconds.
    struct Simulation {
        limit: Concurrency,
        rng: ChaCha8Rng,
        now: f64,
        /// When each request in flight ends, in nanoseconds, and when it was sent.
        ends: BinaryHeap<Reverse<(u64, u64)>>,
        /// When each of the server's places is free.
        free: Vec<f64>,
        wanted: usize,
    }

    impl Simulation {
        fn new(most: u32, own: bool) -> Self {
            Self {
                limit: Concurrency::new(most, own),
                rng: ChaCha8Rng::seed_from_u64(7),
                now: 0.0,
                ends: BinaryHeap::new(),
                free: Vec::new(),
                wanted: usize::MAX,
            }
        }

        fn send(&mut self, server: Server) {
            // Log-normal, median 1: most answers are short, some are long.
            let uniform: [f64; 2] = [self.rng.random_range(1e-9..1.0), self.rng.random_range(0.0..1.0)];
            let normal = (-2.0 * uniform[0].ln()).sqrt() * (std::f64::consts::TAU * uniform[1]).cos();
            let length = (0.5 * normal).exp();
            let end = match server {
                Server::Endless(seconds) => self.now + seconds * length,
                Server::Batching(seconds, knee) => {
                    self.now + seconds * length * (1.0 + self.ends.len() as f64 / knee)
                }
                Server::Places(places, seconds) => {
                    self.free.resize(places, self.now);
                    let first = (0..places).min_by(|a, b| self.free[*a].total_cmp(&self.free[*b]));
                    let place = &mut self.free[first.unwrap()];
                    *place = place.max(self.now) + seconds * length;
                    *place
                }
            };
            self.ends
                .push(Reverse(((end * 1e9) as u64, (self.now * 1e9) as u64)));
        }

        fn run(&mut self, server: Server, seconds: f64) -> Outcome {
            let until = self.now + seconds;
            let (mut answers, mut area) = (0_u64, 0.0);
            loop {
                while self.ends.len() < (self.limit.limit() as usize).min(self.wanted) {
                    self.send(server);
                }
                let Reverse((end, sent)) = self.ends.pop().unwrap();
                let at = end as f64 / 1e9;
                area += (at.min(until) - self.now).max(0.0) * (self.ends.len() + 1) as f64;
                self.now = at;
                if at > until {
                    return Outcome {
                        rate: answers as f64 / seconds,
                        in_flight: area / seconds,
                    };
                }
                answers += 1;
                self.limit
                    .answered(Duration::from_nanos(end - sent), self.ends.len() as u32);
            }
        }
    }

    #[test]
    fn a_server_that_only_queues_is_kept_busy_and_no_more() {
        for (places, own) in [(1, true), (4, true), (8, true), (32, false), (64, false)] {
            let mut simulation = Simulation::new(4096, own);
            let server = Server::Places(places, 2.0);
            simulation.run(server, 2000.0);
            let steady = simulation.run(server, 2000.0);
            // A log-normal answer is 1.133 times its median on average.
            let possible = places as f64 / (2.0 * 1.133);
            assert!(
                steady.rate > 0.93 * possible,
                "{places} places: {} of {possible} a second",
                steady.rate
            );
            // Where the first requests queue already, their wait is all that can be known.
            let most = (4.0 * places as f64).max(26.0);
            assert!(
                steady.in_flight < most,
                "{places} places: {} in flight",
                steady.in_flight
            );
        }
    }

    #[test]
    fn a_server_with_room_gets_all_that_is_wanted_whatever_the_answers_lengths() {
        let mut simulation = Simulation::new(256, false);
        let opening = simulation.run(Server::Endless(5.0), 60.0);
        assert!(
            opening.in_flight > 120.0,
            "{} in the first minute",
            opening.in_flight
        );
        let steady = simulation.run(Server::Endless(5.0), 3000.0);
        assert!(steady.in_flight > 0.97 * 256.0, "{} in flight", steady.in_flight);
    }

    #[test]
    fn longer_answers_are_no_pressure() {
        let mut simulation = Simulation::new(64, false);
        simulation.run(Server::Endless(1.0), 300.0);
        let longer = simulation.run(Server::Endless(12.0), 3000.0);
        assert!(longer.in_flight > 0.93 * 64.0, "{} in flight", longer.in_flight);
        assert!(simulation.limit.pressed().is_none());
    }

    #[test]
    fn a_batching_server_is_driven_to_where_more_requests_only_wait() {
        let mut simulation = Simulation::new(4096, true);
        let server = Server::Batching(1.0, 32.0);
        simulation.run(server, 2000.0);
        let steady = simulation.run(server, 2000.0);
        // Without end it would make 32 / 1.133 answers a second.
        assert!(steady.rate > 0.6 * 32.0 / 1.133, "{} a second", steady.rate);
        assert!(steady.in_flight < 320.0, "{} in flight", steady.in_flight);
    }

    #[test]
    fn a_server_that_loses_most_of_its_places_is_followed_down_and_up_again() {
        let mut simulation = Simulation::new(64, false);
        let before = simulation.run(Server::Places(64, 2.0), 600.0);
        assert!(before.in_flight > 55.0, "{}", before.in_flight);
        simulation.run(Server::Places(8, 2.0), 300.0);
        let fewer = simulation.run(Server::Places(8, 2.0), 600.0);
        assert!(
            fewer.in_flight < 28.0,
            "{} in flight for 8 places",
            fewer.in_flight
        );
        assert!(fewer.rate > 0.93 * 8.0 / 2.266, "{} a second", fewer.rate);
        simulation.run(Server::Places(64, 2.0), 600.0);
        let again = simulation.run(Server::Places(64, 2.0), 600.0);
        assert!(again.in_flight > 55.0, "{} in flight again", again.in_flight);
    }

    #[test]
    fn a_job_that_wants_little_is_left_alone() {
        let mut simulation = Simulation::new(64, false);
        simulation.wanted = 1;
        simulation.run(Server::Endless(1.0), 100.0);
        simulation.run(Server::Endless(10.0), 1000.0);
        assert_eq!(simulation.limit.limit(), 64);
    }

    #[test]
    fn answers_faster_than_anybody_notices_are_no_pressure() {
        let mut limit = Concurrency::new(4096, false);
        for at in 0..200_000_u64 {
            let latency = if at < 1000 { 10 } else { 150_000 };
            limit.answered(Duration::from_micros(latency), 1000);
        }
        assert_eq!(limit.limit(), 4096);
    }

    proptest! {
        #[test]
        fn it_stays_between_one_and_the_most_whatever_happens(
            most in 1_u32..5000,
            own in any::<bool>(),
            events in proptest::collection::vec((any::<bool>(), 0_u64..1 << 40, 0_u32..5000), 0..2000),
        ) {
            let mut now = Instant::now();
            let mut limit = Concurrency::new(most, own);
            for (good, microseconds, in_flight) in events {
                if good {
                    limit.answered(Duration::from_micros(microseconds), in_flight);
                } else {
                    now += Duration::from_micros(microseconds % 5_000_000);
                    limit.too_much(now, in_flight);
                }
                prop_assert!((1..=most).contains(&limit.limit()), "{limit:?}");
            }
        }
    }
}
