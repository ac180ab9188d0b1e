//! The turnstile: while a cassette is recorded, tasks are judged and written one after the other; while it is replayed, in the same
//! order. What validators remember (duplicates above all) then comes out the same, byte for byte.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{MutexGuard, Notify};
use tokio::time::timeout;

use crate::core::request::Fingerprint;

/// [`Turnstile::missing`] of real runs.
const MISSING: Duration = Duration::from_secs(2);

/// One place for judging at a time.
pub(super) struct Turnstile {
    /// Place of each recorded exchange; empty while recording.
    order: HashMap<Fingerprint, usize>,
    passed: Mutex<Passed>,
    moved: Notify,
    /// Longest wait for an exchange of the cassette that no task of this job asks for.
    missing: Duration,
    one: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Passed {
    /// Every place below has been used.
    next: usize,
    /// Used places beyond.
    beyond: BTreeSet<usize>,
}

impl Turnstile {
    /// Lets tasks through in the order of a cassette; an empty order lets them through as they come.
    pub(super) fn new(order: Vec<Fingerprint>) -> Self {
        // Providers that play the same cassette each bring its order.
        let mut places = HashMap::with_capacity(order.len());
        for fingerprint in order {
            let next = places.len();
            places.entry(fingerprint).or_insert(next);
        }
        Self {
            order: places,
            missing: MISSING,
            passed: Mutex::default(),
            moved: Notify::new(),
            one: tokio::sync::Mutex::default(),
        }
    }

    /// Whether there is an order to keep.
    pub(super) fn replays(&self) -> bool {
        !self.order.is_empty()
    }

    /// Waits for the turn of a task that got these exchanges. Held until its samples are settled.
    pub(super) async fn turn(&self, exchanges: &[Fingerprint]) -> MutexGuard<'_, ()> {
        if let Some(first) = exchanges
            .iter()
            .filter_map(|fingerprint| self.order.get(fingerprint))
            .min()
        {
            loop {
                let moved = self.moved.notified();
                if self.passed().next >= *first {
                    break;
                }
                if timeout(self.missing, moved).await.is_err() {
                    // Something before is asked by no task of this job: its order no longer matters.
                    let mut passed = self.passed();
                    passed.next += 1;
                    passed.close_up();
                    drop(passed);
                    self.moved.notify_waiters();
                }
            }
        }
        self.one.lock().await
    }

    /// These exchanges are used: whoever comes next may.
    pub(super) fn used(&self, exchanges: &[Fingerprint]) {
        if self.order.is_empty() {
            return;
        }
        let mut passed = self.passed();
        passed.beyond.extend(
            exchanges
                .iter()
                .filter_map(|fingerprint| self.order.get(fingerprint)),
        );
        passed.close_up();
        drop(passed);
        self.moved.notify_waiters();
    }

    fn passed(&self) -> std::sync::MutexGuard<'_, Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passed {
    fn close_up(&mut self) {
        while self.beyond.first().is_some_and(|place| *place <= self.next) {
            let place = self.beyond.pop_first();
            self.next += usize::from(place == Some(self.next));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;

    use super::*;

    fn print(n: u8) -> Fingerprint {
        Fingerprint([n; 16])
    }

    #[tokio::test]
    async fn tasks_pass_in_the_recorded_order_whatever_order_they_come_in() {
        let turnstile = Arc::new(Turnstile::new((0..20).map(print).collect()));
        let passed = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [3, 0, 2, 1, 4]
            .into_iter()
            .map(|task: u8| {
                let (turnstile, passed) = (Arc::clone(&turnstile), Arc::clone(&passed));
                async move {
                    let exchanges: Vec<_> = (task * 4..task * 4 + 4).map(print).collect();
                    let turn = turnstile.turn(&exchanges).await;
                    passed.lock().unwrap().push(task);
                    drop(turn);
                    turnstile.used(&exchanges);
                }
            })
            .collect();
        futures::future::join_all(tasks).await;
        assert_eq!(*passed.lock().unwrap(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn two_providers_of_one_cassette_keep_one_order_and_nobody_waits() {
        let turnstile = Turnstile::new([0, 1, 2, 0, 1, 2].map(print).into());
        for exchange in [0, 1, 2].map(print) {
            assert!(turnstile.turn(&[exchange]).now_or_never().is_some());
            turnstile.used(&[exchange]);
        }
    }

    #[tokio::test]
    async fn an_exchange_that_nobody_asks_for_holds_nobody_up_for_long() {
        let mut turnstile = Turnstile::new((0..4).map(print).collect());
        turnstile.missing = Duration::from_millis(5);
        let turn = turnstile.turn(&[print(2)]).await;
        drop(turn);
        turnstile.used(&[print(2)]);
        drop(turnstile.turn(&[print(3)]).await);
    }
}
