//! The leases a job holds and no worker works on: given back to the ledger, and kept for later where it does not take them.

use std::time::Duration;

use futures::FutureExt;

use super::{DISK_AGAIN, Scheduler};
use crate::core::job::JobState;
use crate::core::ports::StoreError;
use crate::core::task::{Lease, Transition};

impl Scheduler<'_> {
    /// Leases that no worker will settle go back to the queue; the ledger marks their open attempts as perhaps charged.
    pub(super) async fn give_back(&mut self) {
        let mut leases: Vec<Lease> = self.ready.drain(..).map(|leased| leased.lease).collect();
        leases.append(&mut self.stranded);
        for held in self.job.held() {
            if !leases.contains(&held) {
                leases.push(held);
            }
        }
        self.release(leases).await;
    }

    /// Gives leases back; those that the ledger does not take are stranded.
    pub(super) async fn release(&mut self, leases: Vec<Lease>) {
        let releases = leases.into_iter().map(|lease| {
            let released = self.shared.store.settle(lease, Transition::Release, Vec::new());
            released.map(move |result| (lease, result))
        });
        for (lease, result) in futures::future::join_all(releases).await {
            match result {
                Ok(_) | Err(StoreError::Fenced) => self.job.let_go(lease),
                // It stays leased in the ledger: it goes back when the disk has room, or at the next start.
                Err(error) => {
                    tracing::warn!(%error, "a lease could not be given back");
                    self.stranded.push(lease);
                }
            }
        }
    }

    /// Waits for the claim under way: what it leased is ready.
    pub(super) async fn drain_claim(&mut self) {
        if let Some(claiming) = self.claiming.take()
            && let Ok(leases) = claiming.await
        {
            self.ready.extend(leases);
        }
    }

    /// Tries every ten seconds whether the ledger takes writes again and leases back, for five minutes.
    pub(super) async fn disk_heals(&mut self) -> bool {
        for _ in 0..30 {
            tokio::time::sleep(DISK_AGAIN).await;
            if self
                .shared
                .store
                .set_state(self.job.job.id, &JobState::Running, Duration::ZERO)
                .await
                .is_ok()
            {
                self.give_back().await;
                if self.stranded.is_empty() {
                    return true;
                }
            }
        }
        false
    }

    /// Leases that the ledger did not take back wait for the next run of the job: nobody else could give them back before a restart.
    pub(super) fn leave_behind(mut self) {
        let ready = self.ready.drain(..).map(|leased| leased.lease);
        let mut leases: Vec<Lease> = ready.chain(self.stranded.drain(..)).collect();
        leases.extend(self.job.held());
        leases.sort_unstable_by_key(|lease| lease.token);
        leases.dedup();
        self.shared.strand(leases);
    }
}
