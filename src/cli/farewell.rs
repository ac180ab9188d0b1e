//! What is said on the normal screen once the full-screen application has closed: one line for every job of the session.

use super::line::{Line, Style};
use super::output::Output;
use crate::core::api::{Answer, Application, JobRow, Query};
use crate::core::job::JobState;
use crate::core::task::TaskState;
use crate::core::text::grouped;

/// Tells where the jobs of this session stand. What cannot be read any more is not told.
pub async fn farewell(app: &std::sync::Arc<dyn Application>, seen: &[String], out: &mut Output) {
    if seen.is_empty() {
        return;
    }
    let Ok(Answer::Jobs(rows)) = app.ask(Query::Jobs).await else {
        return;
    };
    for row in rows.iter().filter(|row| seen.contains(&row.name)) {
        out.say(line(row));
    }
}

fn line(row: &JobRow) -> Line {
    let style = match row.state {
        JobState::Completed => Style::Good,
        JobState::Failed(_) => Style::Bad,
        _ => Style::Warn,
    };
    let of = row
        .target
        .map_or_else(String::new, |target| format!(" of {}", grouped(target)));
    let mut numbers = vec![format!("  {}{of} accepted", grouped(row.samples[0]))];
    for (count, word) in [
        (row.samples[1], "rejected"),
        (row.samples[2], "to review"),
        (row.counts.of(TaskState::Failed), "tasks failed"),
        (row.counts.open(), "tasks left"),
    ] {
        if count > 0 {
            numbers.push(format!("{} {word}", grouped(count)));
        }
    }
    let numbers = format!("{}  {}", numbers.join(", "), row.usd);
    let next = match row.state {
        JobState::Paused(_) | JobState::Queued => format!("  · destiler run {} goes on", row.name),
        _ => String::new(),
    };
    Line::styled(Style::Strong, &row.name)
        .and(Style::Plain, " ")
        .and(style, row.state.word())
        .and(Style::Plain, numbers)
        .and(Style::Faint, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::budget::Money;
    use crate::core::job::PauseReason;
    use crate::core::task::TaskCounts;

    #[test]
    fn a_paused_job_says_where_it_stands_and_how_it_goes_on() {
        let mut counts = TaskCounts::default();
        counts.set(TaskState::Pending, 5_102);
        counts.set(TaskState::Failed, 3);
        let row = JobRow {
            name: "quiz".to_owned(),
            description: String::new(),
            tags: Vec::new(),
            priority: 0,
            state: JobState::Paused(PauseReason::Stopped),
            counts,
            samples: [12_402, 7, 0],
            target: Some(20_000),
            usd: Money::from_usd(3.1),
            usd_cap: None,
            created_ms: 0,
        };
        assert_eq!(
            line(&row).render(false),
            "quiz paused  12,402 of 20,000 accepted, 7 rejected, 3 tasks failed, 5,102 tasks left  $3.10  · destiler run quiz goes on"
        );
    }
}
