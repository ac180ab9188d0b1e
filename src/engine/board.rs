//! A value whose change tasks wait for. They wake in the order in which they began to wait (tokio's `watch` draws lots), so that a
//! simulated run repeats from its seed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The value on the board.
pub(super) struct Board<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Clone> Board<T> {
    /// With this on it.
    pub(super) fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            changed: Notify::new(),
        }
    }

    fn value(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is on it now.
    pub(super) fn get(&self) -> T {
        self.value().clone()
    }

    /// Wakes those who wait, if `change` says that it changed something.
    pub(super) fn change(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let changed = change(&mut self.value());
        if changed {
            self.changed.notify_waiters();
        }
        changed
    }

    /// Resolves at the next change from now on.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Waits until it is so.
    pub(super) async fn wait_for(&self, is_so: impl Fn(&T) -> bool) {
        loop {
            let changed = self.changed();
            if is_so(&self.value()) {
                return;
            }
            changed.await;
        }
    }
}
