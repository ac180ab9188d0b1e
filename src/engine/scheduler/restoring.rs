//! What a job has to know again before it goes on: the tasks that were cancelled, and what the samples of earlier runs taught.

use std::sync::Arc;

use super::Scheduler;
use crate::core::ports::{SampleFilter, Stored};
use crate::core::request::Usage;
use crate::core::sample::{Candidate, SampleState, StepAnswer};
use crate::core::task::TaskState;
use crate::engine::walk::Walk;

impl Scheduler<'_> {
    /// Cancelled tasks go back to the queue. Not only those of jobs that were over: a process may have died between cancelling tasks and
    /// saying so.
    pub(super) async fn reopen(&mut self) -> Stored<()> {
        let (store, id) = (&self.shared.store, self.job.job.id);
        if store.counts(id).await?.of(TaskState::Cancelled) > 0 {
            store.reopen_cancelled(id).await?;
        }
        Ok(())
    }

    /// Feeds accepted samples of earlier runs to validators that remember.
    pub(super) async fn restore(&mut self) -> Stored<()> {
        let gates: Vec<_> = self
            .job
            .gates
            .iter()
            .filter(|gate| gate.validator.remembers())
            .collect();
        if gates.is_empty() && self.job.yields.is_none() && self.job.spec.quota.is_none() {
            return Ok(());
        }
        let states = match &self.job.yields {
            Some(_) => Vec::new(),
            None => vec![SampleState::Accepted],
        };
        let filter = SampleFilter {
            job: Some(self.job.job.id),
            states,
            ..SampleFilter::default()
        };
        let mut walk = Walk::all(filter);
        while let Some(samples) = walk.page(self.shared).await? {
            for sample in samples {
                let accepted = sample.state == SampleState::Accepted;
                if let Some(yields) = &self.job.yields {
                    yields.restore(&sample.steps, accepted, self.cost(&sample.steps));
                }
                if !accepted {
                    continue;
                }
                self.job.restore_place(|path| sample.field(path));
                let candidate = Candidate {
                    task: sample.task,
                    ordinal: sample.candidate,
                    seed: Arc::new(sample.seed),
                    vary: Arc::new(sample.vary),
                    steps: sample.steps,
                    schemas: Arc::clone(&self.job.schemas),
                };
                for gate in &gates {
                    gate.validator.restore(&candidate);
                }
            }
        }
        if let Some(yields) = &self.job.yields {
            let all = self.shared.store.totals(self.job.job.id).await?;
            yields.spread(all.settled.usd.usd());
        }
        Ok(())
    }

    /// What the answers of a sample cost.
    fn cost(&self, steps: &[StepAnswer]) -> f64 {
        let roster = self.shared.roster();
        let each = steps.iter().map(|answer| {
            let price = roster
                .teacher(&answer.teacher)
                .and_then(|(_, teacher)| teacher.price);
            let Usage { input, output, usd } = answer.usage;
            let by_price = || price.map(|price| price.cost(input.unwrap_or(0), output.unwrap_or(0)));
            usd.or_else(by_price).unwrap_or_default().usd()
        });
        each.sum()
    }
}
