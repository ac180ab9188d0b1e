//! What every store must agree about: which state samples give their task, how a duplicate is
//! reported, and the clock. Pure but for the clock; nothing here knows how rows are kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::core::journal::Deed;
use crate::core::ports::{Decided, StoreError, Stored};
use crate::core::sample::{Reason, SampleId, SampleState, Verdict};
use crate::core::task::TaskState;

/// From this suspicion on a task runs after all others, and in small company.
pub(super) const SUSPECT: i64 = 2;
/// From this one on it runs alone: only then a crash is evidence against it and not against somebody in flight beside it.
pub(super) const ALONE: i64 = 4;
/// With this one, after three crashes alone, it is failed as [`QUARANTINED`].
pub(super) const QUARANTINE: i64 = 7;
/// Why such a task failed.
pub(super) const QUARANTINED: &str = "quarantined";
/// When to ask again for a task that was held back.
pub(super) const HELD_BACK: Duration = Duration::from_millis(100);
/// How long other jobs give no new leases for one that waits to run a task alone.
pub(super) const QUIET: Duration = Duration::from_secs(1);

/// With how many tasks of its job, itself included, a task of that suspicion may be leased.
pub(super) fn company(suspicion: i64) -> usize {
    match suspicion {
        ..SUSPECT => usize::MAX,
        SUSPECT => 64,
        3 => 8,
        _ => 1,
    }
}

/// The suspicion against a task that had asked something when the process died, with so many such tasks in flight in all. Each
/// crash narrows its company down (to less than it had just now); alone, each counts.
pub(super) fn suspicion(before: i64, in_flight: usize) -> i64 {
    if in_flight <= 1 {
        return before.max(ALONE) + 1;
    }
    let mut next = before + 1;
    while (SUSPECT..ALONE).contains(&next) && company(next) >= in_flight {
        next += 1;
    }
    before.max(next.min(ALONE))
}
/// Nothing waits longer than this over a restart: a later instant can only come from a clock that was set.
pub(super) const WAIT_AT_MOST: Duration = Duration::from_hours(1);

/// Entries of the journal that are kept of a job.
pub(super) const ENTRIES: i64 = 1000;
/// Who acts: there is one person at a ledger.
pub(super) const ACTOR: &str = "person";

/// What the journal calls a decision, and the person's words about it.
pub(super) fn deed_of(decided: &Decided) -> Stored<(Deed, Option<String>)> {
    match decided {
        Decided::Accept => Ok((Deed::Accept, None)),
        Decided::Reject { note } => Ok((Deed::Reject, note.clone())),
        Decided::Edit { .. } => Ok((Deed::Edit, None)),
        Decided::Tag(change) => Ok((Deed::Tag, Some(change.words()))),
        Decided::JudgedAgain => Ok((Deed::Judge, None)),
        Decided::Undo => Err(StoreError::Broken("taking back is no deed of its own".to_owned())),
    }
}

/// Milliseconds since 1970 that never run backwards: read once, then counted by the monotonic clock of the runtime (so that
/// virtual time moves it too).
#[derive(Debug, Clone)]
pub(super) struct Clock {
    start_ms: i64,
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the store's own clock")]
    pub(super) fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::at(millis(since))
    }

    /// A clock that starts now, and calls it this instant.
    pub(super) fn at(start_ms: i64) -> Self {
        Self {
            start_ms,
            start: Instant::now(),
        }
    }

    /// Milliseconds since 1970 UTC.
    pub(super) fn now_ms(&self) -> i64 {
        self.start_ms.saturating_add(millis(self.start.elapsed()))
    }
}

/// A duration in whole milliseconds, clamped to the range.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The instant so many days ago.
pub(super) fn before(now_ms: i64, days: u32) -> i64 {
    now_ms - i64::from(days) * 86_400_000
}

/// Why a rejected sample cannot be accepted any more.
pub(super) const NO_TEXT: &str = "its text was cleaned away; it can only be made again";

/// The UTC day of an instant, counted from 1970.
pub(super) fn day(at_ms: i64) -> i64 {
    at_ms.div_euclid(86_400_000)
}

/// The UTC day of an instant, as files are named: `2026-11-22`.
pub(super) fn date(at_ms: i64) -> String {
    let instant = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    instant.strftime("%Y-%m-%d").to_string()
}

/// The provider in a teacher's name.
pub(super) fn provider_of(teacher: &str) -> &str {
    teacher.split_once('/').map_or(teacher, |(provider, _)| provider)
}

/// The state of a task from its samples: accepted if one is, else waiting if one waits, else rejected.
pub(super) fn task_state(samples: impl IntoIterator<Item = SampleState>) -> TaskState {
    let mut state = TaskState::Rejected;
    for sample in samples {
        match sample {
            SampleState::Accepted => return TaskState::Accepted,
            SampleState::NeedsReview => state = TaskState::NeedsReview,
            SampleState::Rejected => {}
        }
    }
    state
}

/// The verdict on a sample whose key an accepted one already holds.
pub(super) fn duplicate_of(first: &SampleId) -> Verdict {
    Verdict::reject("dedup", Reason::ExactDuplicate, first.0.clone())
}

/// The part of a failure's reason that errors are grouped by.
pub(super) fn failure_group(reason: &str) -> &str {
    reason.split(':').next().unwrap_or(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn one_accepted_sample_accepts_the_task() {
        use SampleState::{Accepted, NeedsReview, Rejected};
        assert_eq!(task_state([Rejected, Accepted, NeedsReview]), TaskState::Accepted);
        assert_eq!(task_state([Rejected, NeedsReview]), TaskState::NeedsReview);
        assert_eq!(task_state([Rejected]), TaskState::Rejected);
    }

    /// What a life of crashes makes of suspicion: each with so many in flight.
    fn after(crashes: &[usize]) -> i64 {
        crashes.iter().fold(0, |before, n| suspicion(before, *n))
    }

    #[test]
    fn a_crash_in_company_never_quarantines_and_three_alone_do() {
        assert_eq!(after(&[32; 1000]), ALONE);
        assert_eq!(after(&[1, 1]), QUARANTINE - 1);
        assert_eq!(after(&[1, 1, 1]), QUARANTINE);
        assert_eq!(after(&[4096, 4096, 64, 8, 1, 1, 1]), QUARANTINE);
        assert_eq!(after(&[32, 32, 8, 1, 1, 1]), QUARANTINE);
        assert!(company(after(&[4096])) > 4096, "one crash is nobody's fault yet");
        for in_flight in 2..5000 {
            let mut suspicion = after(&[in_flight]);
            let mut crashes = 1;
            while suspicion < ALONE {
                let company = company(suspicion).min(in_flight);
                suspicion = super::suspicion(suspicion, company);
                crashes += 1;
            }
            assert!(
                crashes <= 4,
                "{in_flight} in flight: {crashes} crashes until it runs alone"
            );
        }
    }

    #[test]
    fn days_are_utc_and_go_below_1970() {
        assert_eq!(day(86_399_999), 0);
        assert_eq!(day(86_400_000), 1);
        assert_eq!(day(-1), -1);
        assert_eq!(date(1_795_357_800_000), "2026-11-22");
    }
}
