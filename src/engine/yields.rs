//! What each teacher of each step gave and took so far in one job, for `route = "yield"`: kept while the job runs, and made again
//! from its samples when it starts. Jobs that route by weights keep nothing here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::core::budget::Money;
use crate::core::route::Standing;
use crate::core::sample::StepAnswer;

/// Standings by step and teacher.
#[derive(Debug, Default)]
pub(super) struct Yields {
    rows: Mutex<HashMap<String, HashMap<String, Standing>>>,
}

/// What one task took within a lease, until it is known what it gave.
#[derive(Debug, Default, Clone)]
pub(super) struct Taken {
    /// Money.
    pub(super) usd: Money,
    /// Time of answering.
    pub(super) time: Duration,
    /// Step and teacher asked last.
    pub(super) last: Option<(String, String)>,
}

impl Yields {
    fn rows(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, Standing>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, step: &str, teacher: &str, change: impl FnOnce(&mut Standing)) {
        let mut rows = self.rows();
        if let Some(standing) = rows.get_mut(step).and_then(|teachers| teachers.get_mut(teacher)) {
            return change(standing);
        }
        let teachers = rows.entry(step.to_owned()).or_default();
        change(teachers.entry(teacher.to_owned()).or_default());
    }

    /// How a teacher stands at a step; `open` is not known here.
    pub(super) fn of(&self, step: &str, teacher: &str) -> Standing {
        let rows = self.rows();
        let found = rows.get(step).and_then(|teachers| teachers.get(teacher));
        found.copied().unwrap_or_default()
    }

    /// It was given a question.
    pub(super) fn asked(&self, step: &str, teacher: &str) {
        self.change(step, teacher, |standing| standing.asked += 1);
    }

    /// A sample is judged. What its task took is counted for the teacher of every step: all of it was spent on their answers.
    /// How long is not known of samples of earlier runs.
    pub(super) fn judged(&self, steps: &[StepAnswer], accepted: bool, usd: f64, seconds: Option<f64>) {
        for answer in steps {
            self.change(&answer.step, &answer.teacher, |standing| {
                standing.judged += 1;
                standing.accepted += u64::from(accepted);
                standing.spent += usd;
                standing.seconds += seconds.unwrap_or_default();
                standing.timed += u64::from(seconds.is_some());
            });
        }
    }

    /// A task left its lease without a sample; with `failed` for good.
    pub(super) fn nothing(&self, taken: &Taken, failed: bool) {
        let Some((step, teacher)) = &taken.last else {
            return;
        };
        self.change(step, teacher, |standing| {
            standing.judged += u64::from(failed);
            standing.spent += taken.usd.usd();
            standing.seconds += taken.time.as_secs_f64();
            standing.timed += u64::from(failed);
        });
    }

    /// A sample of an earlier run.
    pub(super) fn restore(&self, steps: &[StepAnswer], accepted: bool, usd: f64) {
        for answer in steps {
            self.asked(&answer.step, &answer.teacher);
        }
        self.judged(steps, accepted, usd, None);
    }

    /// Spreads over all restored samples what the job spent besides their answers: judges, re-asks, attempts that failed.
    pub(super) fn spread(&self, spent: f64) {
        for teachers in self.rows().values_mut() {
            let known: f64 = teachers.values().map(|standing| standing.spent).sum();
            let judged: u64 = teachers.values().map(|standing| standing.judged).sum();
            let each = (spent - known).max(0.0) / judged.max(1) as f64;
            for standing in teachers.values_mut() {
                standing.spent += each * standing.judged as f64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::request::{FinishReason, Usage};
    use crate::core::task::RequestId;

    fn answer(step: &str, teacher: &str) -> StepAnswer {
        StepAnswer {
            step: step.to_owned(),
            teacher: teacher.to_owned(),
            request: RequestId(1),
            text: String::new(),
            value: None,
            reasoning: None,
            tool_calls: Vec::new(),
            logprobs: None,
            finish: FinishReason::Stop,
            usage: Usage::default(),
        }
    }

    #[test]
    fn a_samples_cost_counts_for_the_teacher_of_every_step_and_a_failure_for_the_one_asked_last() {
        let yields = Yields::default();
        let steps = [answer("draft", "p/a"), answer("final", "p/b")];
        yields.asked("draft", "p/a");
        yields.judged(&steps, true, 0.5, Some(2.0));
        yields.judged(&steps[..1], false, 0.25, Some(1.0));
        let taken = Taken {
            usd: Money::from_usd(0.25),
            time: Duration::from_secs(3),
            last: Some(("draft".to_owned(), "p/a".to_owned())),
        };
        yields.nothing(&taken, true);
        yields.nothing(&taken, false);
        let first = yields.of("draft", "p/a");
        assert_eq!((first.asked, first.judged, first.accepted), (1, 3, 1));
        assert!((first.spent - 1.25).abs() < 1e-9 && (first.seconds - 9.0).abs() < 1e-9);
        assert_eq!(yields.of("final", "p/b").judged, 1);
        assert_eq!(yields.of("final", "p/a"), Standing::default());
        yields.spread(2.75);
        let (first, second) = (yields.of("draft", "p/a"), yields.of("final", "p/b"));
        assert!((first.spent - 2.75).abs() < 1e-9 && (second.spent - 2.75).abs() < 1e-9);
    }
}
