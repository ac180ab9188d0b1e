//! The task and its state machine: a task leaves its lease only by a [`Transition`], and which one is a pure function of what
//! happened.

use std::time::Duration;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::Row;
use super::budget::Amount;
use super::job::JobId;
use super::request::{Action, Fingerprint, ProviderError, RawResponse};
use super::sample::{NewSample, Reason};

mod closed;

pub use closed::Closed;

/// A task of a job: its place in the plan is its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId {
    /// The job.
    pub job: JobId,
    /// Place in the plan, from 0.
    pub index: u64,
}

/// Where a task stands. All but the last four count as pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Never leased, or given back.
    Pending,
    /// A worker has it.
    Leased,
    /// A response is stored and not read yet.
    Answered,
    /// Validators look at it.
    Validating,
    /// An attempt failed; waits for its time.
    RetryWait,
    /// Waits without having used an attempt.
    Snoozed,
    /// Waits for a person.
    NeedsReview,
    /// At least one sample is accepted.
    Accepted,
    /// No sample is accepted and none waits.
    Rejected,
    /// No sample could be made.
    Failed,
    /// Left over when the job ended.
    Cancelled,
}

impl TaskState {
    /// Every state, in the order of the counters.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Leased,
        Self::Answered,
        Self::Validating,
        Self::RetryWait,
        Self::Snoozed,
        Self::NeedsReview,
        Self::Accepted,
        Self::Rejected,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word in the ledger and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Answered => "answered",
            Self::Validating => "validating",
            Self::RetryWait => "retry_wait",
            Self::Snoozed => "snoozed",
            Self::NeedsReview => "needs_review",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether its samples decided it.
    pub fn is_judged(self) -> bool {
        matches!(self, Self::NeedsReview | Self::Accepted | Self::Rejected)
    }

    /// Whether it counts as pending in the conservation law.
    pub fn is_pending(self) -> bool {
        !matches!(
            self,
            Self::Accepted | Self::Rejected | Self::Failed | Self::Cancelled
        )
    }
}

/// A task to be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// Place in the plan, from 0.
    pub index: u64,
    /// The seed row.
    pub seed: Row,
    /// The varied fields, drawn from the index.
    pub vary: Row,
}

/// Proof of a lease: writes with another token change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The task.
    pub task: TaskId,
    /// Grows with every lease of any task in this database.
    pub token: i64,
}

/// A task in a worker's hands.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    /// Proof.
    pub lease: Lease,
    /// The seed row.
    pub seed: Row,
    /// The varied fields.
    pub vary: Row,
    /// How often a person had it made anew: its questions are others each time.
    pub again: u32,
    /// Requests of earlier leases, oldest first: what is answered is not asked again, and attempts go on counting.
    pub history: Vec<PastRequest>,
}

/// One attempt in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub i64);

/// What an attempt is about: which question of the task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Question {
    /// Step name, or `validator:<kind>` for a judge's question, from the second of a kind on with `#<n>`.
    pub step: String,
    /// Which candidate, from 0.
    pub candidate: u32,
    /// 0 for the question itself, then the re-asks with a validation error; of a panel of judges, which one.
    pub ask: u32,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Committed, and perhaps sent: nothing came back yet.
    Begun,
    /// A response is stored; not read yet.
    Answered,
    /// Read, and its cost is settled.
    Settled,
    /// Failed; consumed an attempt.
    Failed,
    /// Refused before any work was done (rate limit, unreachable): no attempt, no cost.
    Refused,
    /// Its owner died in between: sent or not, nobody knows.
    Lost,
}

impl RequestState {
    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Answered => "answered",
            Self::Settled => "settled",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }

    /// Reads [`Self::word`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Begun,
            Self::Answered,
            Self::Settled,
            Self::Failed,
            Self::Refused,
            Self::Lost,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }
}

/// An attempt of an earlier lease.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRequest {
    /// Its row.
    pub id: RequestId,
    /// Which question.
    pub question: Question,
    /// `provider/model`.
    pub teacher: String,
    /// Identity of the question's content: an answer is used again only if this still matches.
    pub fingerprint: Fingerprint,
    /// How it ended.
    pub state: RequestState,
    /// What was set aside for it.
    pub estimate: Amount,
    /// The response, where there is one.
    pub response: Option<RawResponse>,
}

/// An attempt about to be made. Committed before anything is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRequest {
    /// Which question.
    pub question: Question,
    /// `provider/model`.
    pub teacher: String,
    /// Identity of the question's content.
    pub fingerprint: Fingerprint,
    /// Which attempt at this question's step this is, from 1.
    pub attempt: u32,
    /// What is set aside for it. No request at all: an answer taken from an earlier one by `reuse`; it is counted as cached, nothing
    /// of it as sent or settled.
    pub estimate: Amount,
}

/// The only ways out of a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Transition {
    /// Judged: the samples decide whether it is accepted, rejected or waits for a person.
    Finish {
        /// Every candidate with its verdicts, at least one.
        samples: Vec<NewSample>,
    },
    /// An attempt failed; try again after this long.
    Retry {
        /// How long.
        after: Duration,
        /// Why.
        error: String,
    },
    /// Waits without having used an attempt.
    Snooze {
        /// How long.
        after: Duration,
        /// Why.
        cause: String,
    },
    /// No sample can be made.
    Fail {
        /// Why: `attempts`, `request`, `content_filter`, …, and the last error after a colon.
        reason: String,
    },
    /// Back to the queue at once, as if never leased (a stop, a pause, a target reached).
    Release,
}

/// What settling did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The task's state now.
    pub state: TaskState,
    /// What became of each sample, in order: an exact duplicate may have been found by the store.
    pub samples: Vec<SettledSample>,
}

/// What became of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettledSample {
    /// Accepted, with its place in the order of acceptance.
    Accepted {
        /// The place, growing within the database.
        seq: i64,
    },
    /// Waits for a person.
    NeedsReview,
    /// Rejected.
    Rejected(Reason),
}

/// When to try again and when to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts a step may consume.
    pub attempts: u32,
    /// First backoff ceiling.
    pub base: Duration,
    /// Highest backoff ceiling.
    pub max: Duration,
    /// Server hints above this pause the provider instead.
    pub hint_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 6,
            base: Duration::from_secs(1),
            max: Duration::from_mins(1),
            hint_max: Duration::from_mins(15),
        }
    }
}

impl RetryPolicy {
    /// What becomes of the task after its `attempt`-th attempt (from 1) failed. `alternatives` tells whether another teacher could
    /// still be asked. Full jitter: `rand(0, min(max, base·2ⁿ))`, and never before the server's hint.
    pub fn settle(
        &self,
        attempt: u32,
        error: &ProviderError,
        alternatives: bool,
        rng: &mut impl Rng,
    ) -> Transition {
        match error.action {
            Action::Retry { after } if attempt < self.attempts => Transition::Retry {
                after: self
                    .backoff(attempt, rng)
                    .max(after.unwrap_or_default().min(self.hint_max)),
                error: error.message.clone(),
            },
            Action::Retry { .. } => Transition::Fail {
                reason: format!("attempts: {} attempts used; last: {}", attempt, error.message),
            },
            Action::Snooze(after) => Transition::Snooze {
                after: after.min(self.hint_max),
                cause: error.message.clone(),
            },
            Action::Pause { resume_after } => Transition::Snooze {
                after: resume_after.unwrap_or(Duration::ZERO).min(self.hint_max),
                cause: error.message.clone(),
            },
            Action::Fail if alternatives => Transition::Retry {
                after: Duration::ZERO,
                error: error.message.clone(),
            },
            Action::Fail => Transition::Fail {
                reason: format!("request: {}", error.message),
            },
        }
    }

    /// Full-jitter backoff after the `attempt`-th attempt (from 1); no overflow at any attempt.
    pub fn backoff(&self, attempt: u32, rng: &mut impl Rng) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1).min(20));
        let ceiling = self.base.saturating_mul(factor).min(self.max);
        Duration::try_from_secs_f64(ceiling.as_secs_f64() * rng.random_range(0.0..=1.0))
            .unwrap_or(ceiling)
            .min(ceiling)
    }
}

/// How many tasks stand where. The sum over all states is what was planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    /// Per state, in the order of [`TaskState::ALL`].
    pub by_state: [u64; 11],
}

impl TaskCounts {
    /// Tasks in that state.
    pub fn of(&self, state: TaskState) -> u64 {
        TaskState::ALL
            .iter()
            .position(|s| *s == state)
            .map_or(0, |at| self.by_state[at])
    }

    /// Sets one state's count.
    pub fn set(&mut self, state: TaskState, count: u64) {
        if let Some(at) = TaskState::ALL.iter().position(|s| *s == state) {
            self.by_state[at] = count;
        }
    }

    /// All tasks.
    pub fn planned(&self) -> u64 {
        self.by_state.iter().sum()
    }

    /// Tasks that are not finished.
    pub fn pending(&self) -> u64 {
        TaskState::ALL
            .iter()
            .filter(|state| state.is_pending())
            .map(|state| self.of(*state))
            .sum()
    }

    /// Tasks a worker could still do something about: pending, but not waiting for a person.
    pub fn open(&self) -> u64 {
        self.pending() - self.of(TaskState::NeedsReview)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::core::request::Trouble;

    fn error(action: Action) -> ProviderError {
        ProviderError {
            action,
            trouble: Trouble::Server,
            message: "overloaded".to_owned(),
            maybe_billed: false,
            slow_down: false,
        }
    }

    fn settle(attempt: u32, action: Action, alternatives: bool) -> Transition {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        RetryPolicy::default().settle(attempt, &error(action), alternatives, &mut rng)
    }

    #[test]
    fn a_retry_waits_at_least_as_long_as_the_server_asks_but_no_longer_than_the_longest_hint() {
        let hint = |seconds| Action::Retry {
            after: Some(Duration::from_secs(seconds)),
        };
        let Transition::Retry { after, .. } = settle(1, hint(90), false) else {
            panic!("expected a retry");
        };
        assert_eq!(after, Duration::from_secs(90));
        let Transition::Retry { after, .. } = settle(1, hint(1_000_000), false) else {
            panic!("expected a retry");
        };
        assert_eq!(after, Duration::from_mins(15));
    }

    #[test]
    fn the_last_attempt_fails_the_task_with_its_reason() {
        let Transition::Fail { reason } = settle(6, Action::Retry { after: None }, true) else {
            panic!("expected a failure");
        };
        assert_eq!(reason, "attempts: 6 attempts used; last: overloaded");
    }

    #[test]
    fn a_permanent_error_goes_to_the_next_teacher_before_it_fails() {
        assert!(matches!(settle(1, Action::Fail, true), Transition::Retry { after, .. } if after.is_zero()));
        assert!(
            matches!(settle(1, Action::Fail, false), Transition::Fail { reason } if reason == "request: overloaded")
        );
    }

    #[test]
    fn waiting_is_no_attempt_and_bounded() {
        let long = Duration::from_secs(100_000);
        for action in [
            Action::Snooze(long),
            Action::Pause {
                resume_after: Some(long),
            },
        ] {
            assert!(
                matches!(settle(u32::MAX, action, false), Transition::Snooze { after, .. } if after == Duration::from_mins(15))
            );
        }
    }

    #[test]
    fn counts_add_up_to_what_was_planned() {
        let mut counts = TaskCounts::default();
        for (at, state) in TaskState::ALL.into_iter().enumerate() {
            counts.set(state, at as u64 + 1);
        }
        assert_eq!(counts.planned(), 66);
        assert_eq!(counts.pending(), 28);
        assert_eq!(counts.open(), 21);
    }

    proptest! {
        #[test]
        fn backoff_stays_within_its_ceiling_at_any_attempt(
            attempt in prop_oneof![any::<u32>(), 0_u32..40, Just(u32::MAX)],
            base in prop_oneof![0_u64..100_000, Just(u64::MAX)],
            max in prop_oneof![0_u64..100_000, Just(u64::MAX)],
            seed in any::<u64>(),
        ) {
            let policy = RetryPolicy {
                base: Duration::from_millis(base),
                max: if max == u64::MAX { Duration::MAX } else { Duration::from_millis(max) },
                ..RetryPolicy::default()
            };
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let waited = policy.backoff(attempt, &mut rng);
            let ceiling = policy.base.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(policy.max);
            prop_assert!(waited <= ceiling);
            let later = policy.base.saturating_mul(1 << attempt.min(20)).min(policy.max);
            prop_assert!(ceiling <= later, "a later attempt may wait as long");
        }

        #[test]
        fn whatever_is_said_a_task_waits_within_its_bounds(
            attempt in prop_oneof![any::<u32>(), 1_u32..8],
            attempts in prop_oneof![any::<u32>(), 1_u32..8],
            said in prop_oneof![any::<u64>().prop_map(Some), (0_u64..2_000_000).prop_map(Some), Just(None)],
            way in 0..3,
            seed in any::<u64>(),
        ) {
            let policy = RetryPolicy { attempts, ..RetryPolicy::default() };
            let hint = said.map(Duration::from_millis);
            let action = match way {
                0 => Action::Retry { after: hint },
                1 => Action::Snooze(hint.unwrap_or_default()),
                _ => Action::Pause { resume_after: hint },
            };
            let retries = matches!(action, Action::Retry { .. });
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            match policy.settle(attempt, &error(action), false, &mut rng) {
                Transition::Retry { after, .. } => {
                    prop_assert!(retries && attempt < attempts, "no attempt is left");
                    prop_assert!(after >= hint.unwrap_or_default().min(policy.hint_max), "too early");
                    prop_assert!(after <= policy.max.max(policy.hint_max));
                }
                Transition::Snooze { after, .. } => {
                    prop_assert!(!retries, "waiting that counts");
                    prop_assert!(after == hint.unwrap_or_default().min(policy.hint_max));
                }
                Transition::Fail { .. } => prop_assert!(retries && attempt >= attempts),
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn those_that_failed_together_do_not_come_back_together() {
        let policy = RetryPolicy::default();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let waits: Vec<f64> = (0..1000)
            .map(|_| policy.backoff(6, &mut rng).as_secs_f64())
            .collect();
        // Full jitter over 32 s: evenly in eight parts of it.
        for part in 0..8 {
            let within = |wait: &&f64| (**wait / 4.0) as usize == part;
            let count = waits.iter().filter(within).count();
            assert!((85..165).contains(&count), "{count} of 1000 in part {part}");
        }
    }
}
