//! Orders of the list of jobs, and what moving a job in the queue changes. Pure.

use std::cmp::{Ordering, Reverse};

use crate::core::api::JobRow;

/// An order of the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// As they would run: by priority, then age.
    #[default]
    Queue,
    /// By name.
    Name,
    /// By state, those at work first.
    State,
    /// Most accepted samples first.
    Accepted,
    /// Most rejected first, as a share.
    Rejected,
    /// The dearest first.
    Cost,
    /// The newest first.
    Age,
}

impl Sort {
    /// The next one, round and round.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Queue => Self::Name,
            Self::Name => Self::State,
            Self::State => Self::Accepted,
            Self::Accepted => Self::Rejected,
            Self::Rejected => Self::Cost,
            Self::Cost => Self::Age,
            Self::Age => Self::Queue,
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Name => "name ▲",
            Self::State => "state",
            Self::Accepted => "accepted ▼",
            Self::Rejected => "rejected % ▼",
            Self::Cost => "cost ▼",
            Self::Age => "newest",
        }
    }

    /// Brings rows, which come by priority and age, into this order.
    pub(super) fn apply(self, rows: &mut [&JobRow]) {
        match self {
            Self::Queue => {}
            Self::Name => rows.sort_by(|a, b| a.name.cmp(&b.name)),
            Self::State => rows.sort_by_key(|row| rank(row.state.word())),
            Self::Accepted => rows.sort_by_key(|row| Reverse(row.samples[0])),
            Self::Rejected => rows.sort_by(|a, b| {
                let (a, b) = (rejected(a), rejected(b));
                b.partial_cmp(&a).unwrap_or(Ordering::Equal)
            }),
            Self::Cost => rows.sort_by_key(|row| Reverse(row.usd)),
            Self::Age => rows.sort_by_key(|row| Reverse(row.created_ms)),
        }
    }
}

/// States in the order in which a person wants to see them.
const STATES: [&str; 8] = [
    "running",
    "pausing",
    "queued",
    "paused",
    "failed",
    "draft",
    "completed",
    "cancelled",
];

/// The place of a state among [`STATES`].
pub(super) fn rank(state: &str) -> usize {
    STATES
        .iter()
        .position(|word| *word == state)
        .unwrap_or(STATES.len())
}

fn rejected(row: &JobRow) -> f64 {
    let judged = row.samples[0] + row.samples[1];
    row.samples[1] as f64 / judged.max(1) as f64
}

/// The priorities that let a queued job change places with the one before or behind it: as few as possible change. `rows` come by
/// priority and age.
pub(super) fn moved(rows: &[JobRow], name: &str, earlier: bool) -> Vec<(String, i64)> {
    let queued: Vec<(&str, i64)> = rows
        .iter()
        .filter(|row| row.state.word() == "queued")
        .map(|row| (row.name.as_str(), row.priority))
        .collect();
    let Some(at) = queued.iter().position(|(job, _)| *job == name) else {
        return Vec::new();
    };
    let other = if earlier { at.checked_sub(1) } else { Some(at + 1) };
    let Some(other) = other.filter(|other| *other < queued.len()) else {
        return Vec::new();
    };
    let age = |job: &str| queued_age(rows, job);
    let mut wanted = queued.clone();
    wanted.swap(at, other);
    let mut changes = Vec::new();
    // From the last one up, everyone gets at least what the one behind has, and more where age would put it behind.
    for place in (0..wanted.len().saturating_sub(1)).rev() {
        let (behind, below) = wanted[place + 1];
        let (job, priority) = &mut wanted[place];
        let least = below + i64::from(age(job) > age(behind));
        if *priority < least {
            *priority = least;
            changes.push(((*job).to_owned(), least));
        }
    }
    changes
}

/// What decides between equal priorities: the older goes first.
fn queued_age(rows: &[JobRow], job: &str) -> (i64, usize) {
    rows.iter()
        .enumerate()
        .find(|(_, row)| row.name == job)
        .map_or((0, 0), |(at, row)| (row.created_ms, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::budget::Money;
    use crate::core::job::JobState;
    use crate::core::task::TaskCounts;

    fn row(name: &str, priority: i64, created_ms: i64) -> JobRow {
        JobRow {
            name: name.to_owned(),
            description: String::new(),
            tags: Vec::new(),
            priority,
            state: JobState::Queued,
            counts: TaskCounts::default(),
            samples: [0, 0, 0],
            target: None,
            usd: Money(priority),
            usd_cap: None,
            created_ms,
        }
    }

    fn after(rows: &[JobRow], name: &str, earlier: bool) -> Vec<String> {
        let mut rows = rows.to_vec();
        for (job, priority) in moved(&rows.clone(), name, earlier) {
            if let Some(row) = rows.iter_mut().find(|row| row.name == job) {
                row.priority = priority;
            }
        }
        rows.sort_by_key(|row| (Reverse(row.priority), row.created_ms));
        rows.into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn a_job_changes_places_with_its_neighbour_and_nobody_else() {
        let same = [row("a", 0, 1), row("b", 0, 2), row("c", 0, 3), row("d", 0, 4)];
        assert_eq!(after(&same, "c", true), ["a", "c", "b", "d"]);
        assert_eq!(after(&same, "a", false), ["b", "a", "c", "d"]);
        assert_eq!(after(&same, "a", true), ["a", "b", "c", "d"]);
        assert_eq!(after(&same, "d", false), ["a", "b", "c", "d"]);
        let ranked = [row("a", 5, 4), row("b", 2, 1), row("c", 2, 2)];
        assert_eq!(after(&ranked, "b", true), ["b", "a", "c"]);
        assert_eq!(after(&ranked, "c", true), ["a", "c", "b"]);
        assert!(moved(&ranked, "x", true).is_empty());
    }

    #[test]
    fn every_order_comes_round() {
        let mut sort = Sort::default();
        let names: Vec<&str> = (0..7)
            .map(|_| {
                sort = sort.next();
                sort.name()
            })
            .collect();
        assert_eq!(names.last(), Some(&"queue"));
        let rows = [row("b", 1, 2), row("a", 3, 1)];
        let mut shown: Vec<&JobRow> = rows.iter().collect();
        Sort::Name.apply(&mut shown);
        assert_eq!(shown[0].name, "a");
        Sort::Age.apply(&mut shown);
        assert_eq!(shown[0].name, "b");
        Sort::Cost.apply(&mut shown);
        assert_eq!(shown[0].name, "a");
    }
}
