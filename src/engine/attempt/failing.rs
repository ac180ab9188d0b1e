//! An attempt that failed: who is told, what it took, whether it counts, and what becomes of its task.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::super::governor::Station;
use super::super::purse::SetAside;
use super::super::roster::Roster;
use super::{Attempts, Out, Sent};
use crate::core::api::Event;
use crate::core::budget::Money;
use crate::core::request::{Action, ProviderError, Trouble, Usage};
use crate::core::route::Teacher;
use crate::core::task::{Closed, Question, RequestId, RequestState, RetryPolicy, Transition};

/// Attempts at a question whose answers are none (empty, HTML): asking on would only cost.
const GARBAGE_AT_MOST: u32 = 3;
/// How long a task waits that tried in vain whether a provider is back.
const SPARED: Duration = Duration::from_mins(1);

/// Everything known about an attempt that failed.
pub(super) struct Failed<'a> {
    pub(super) question: &'a Question,
    pub(super) roster: &'a Arc<Roster>,
    /// The teacher's place in the roster.
    pub(super) at: usize,
    pub(super) id: RequestId,
    /// Which attempt at the question's step it was, from 1.
    pub(super) attempt: u32,
    pub(super) error: &'a ProviderError,
    /// Teachers that have refused the question for good.
    pub(super) refused: &'a [usize],
    pub(super) usage: Usage,
    /// It was to try whether a closed provider answers again.
    pub(super) probe: bool,
}

impl Attempts<'_> {
    /// Sorts a failed attempt by what to do next.
    pub(super) fn failed(&self, failed: &Failed<'_>, money: SetAside<'_>) -> Sent {
        let Failed {
            roster,
            at,
            attempt,
            error,
            usage,
            ..
        } = *failed;
        let station = roster.station_of(at);
        let task = self.leased.lease.task;
        let teacher = &roster.teachers[at];
        tracing::info!(
            job = self.job.spec.name,
            provider = teacher.provider,
            task = self.leased.lease.task.index,
            attempt,
            action = ?error.action,
            "{}",
            error.message
        );
        self.shared
            .measured
            .failed(self.job.job.id, &teacher.name, error.trouble);
        // While nobody is answered, the one that tries whether anybody is pays for all: that is not its fault.
        let spared = failed.probe
            && matches!(error.action, Action::Retry { .. })
            && matches!(error.trouble, Trouble::Server | Trouble::Network)
            && !error.maybe_billed
            && station.fails_others_than(task);
        self.hear(station, error);
        let counted = !spared && matches!(error.action, Action::Retry { .. } | Action::Fail);
        let closed = in_vain(failed.id, teacher, usage, error, counted);
        let taken = closed.counted(money.amount());
        money.settle(taken);
        self.close(closed);
        if matches!(error.action, Action::Pause { .. }) || error.trouble == Trouble::Unreachable {
            return Sent::Closed;
        }
        if spared {
            // Longer than the next probe is away: then it is another's turn.
            return Sent::Out(Out::Transition(Transition::Snooze {
                after: SPARED,
                cause: error.message.clone(),
            }));
        }
        if error.action == Action::Fail && self.others(failed) {
            return Sent::Refused(error.clone());
        }
        let most = self.job.spec.limits.attempts;
        let in_vain = error.trouble == Trouble::Garbage && self.garbage(failed) + 1 >= GARBAGE_AT_MOST;
        let policy = RetryPolicy {
            attempts: if in_vain { most.min(attempt) } else { most },
            ..RetryPolicy::default()
        };
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        Sent::Out(Out::Transition(policy.settle(attempt, error, false, &mut *rng)))
    }

    /// Tells the provider's governor, and whoever looks where that changes how the provider stands.
    pub(super) fn hear(&self, station: &Station, error: &ProviderError) {
        if let Some((health, message)) = station.failed(Instant::now(), error, self.leased.lease.task) {
            let provider = station.settings.name.clone();
            self.shared.tell(Event::Provider {
                provider,
                health,
                message,
            });
        }
    }

    /// Whether a teacher other than `at` and the refused ones could serve some step of the job (the router decides which).
    fn others(&self, failed: &Failed<'_>) -> bool {
        let shares = self.job.shares(failed.roster);
        shares
            .iter()
            .flatten()
            .any(|share| share.teacher != failed.at && !failed.refused.contains(&share.teacher))
    }

    /// How many earlier answers to this question were none. Attempts that failed otherwise, or died with their process, say nothing
    /// about its answers.
    fn garbage(&self, failed: &Failed<'_>) -> u32 {
        let past = self.leased.history.iter();
        let failures =
            past.filter(|past| past.question == *failed.question && past.state == RequestState::Failed);
        let none = failures.filter(|past| {
            let place = failed.roster.teacher(&past.teacher);
            let provider = place.and_then(|(at, _)| failed.roster.station_of(at).provider.as_ref());
            let read = provider
                .zip(past.response.as_ref())
                .map(|(provider, response)| provider.read(response));
            matches!(read, Some(Err(error)) if error.trouble == Trouble::Garbage)
        });
        none.count() as u32
    }
}

/// A committed attempt of which nothing was sent.
pub(super) fn unsent(id: RequestId) -> Closed {
    Closed {
        request: id,
        state: RequestState::Refused,
        usage: Usage::default(),
        cost: Money(0),
        estimated: false,
        maybe_billed: false,
        error: Some("not sent: its provider was closed just then".to_owned()),
    }
}

/// How an attempt without an answer is settled: as one that failed, or as one that does not count. What may have been charged counts
/// against the caps by its estimate, because nobody can tell.
pub(super) fn in_vain(
    id: RequestId,
    teacher: &Teacher,
    usage: Usage,
    error: &ProviderError,
    counted: bool,
) -> Closed {
    Closed {
        request: id,
        state: if counted {
            RequestState::Failed
        } else {
            RequestState::Refused
        },
        usage: if counted { usage } else { Usage::default() },
        cost: if counted { cost(teacher, usage) } else { Money(0) },
        estimated: false,
        maybe_billed: error.maybe_billed,
        error: Some(error.message.clone()),
    }
}

/// What a refused answer cost all the same, where the wire says so.
fn cost(teacher: &Teacher, usage: Usage) -> Money {
    let price = teacher.price.unwrap_or_default();
    usage
        .usd
        .unwrap_or_else(|| price.cost(usage.input.unwrap_or(0), usage.output.unwrap_or(0)))
}
