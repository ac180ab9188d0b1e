//! The panes of a job's overview.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::JobDetail;
use crate::core::budget::Money;
use crate::core::job::OnLimit;
use crate::core::task::TaskState;
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::layout::{Width, shell};
use crate::tui::text::{compact, percent, put, put_all, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{bar, empty, pane};
use crate::tui::widgets::table::{Column, numbers, table, words};

/// Draws one pane.
type Draw = fn(&JobDetail, &Shared, Rect, &mut Buffer);

/// Most rows the panes take one under the other.
pub(super) const ROWS: u16 = 120;

/// The panes one under the other, each as high as its content.
pub(super) fn stack(detail: &JobDetail, shared: &Shared) -> [(u16, Draw); 5] {
    let frame = if Width::of(shared.size.width) == Width::Narrow {
        1
    } else {
        2
    };
    let rows = |content: usize| content.min(24) as u16 + frame;
    [
        (rows(TASKS.len()), tasks),
        (rows(detail.reasons.len() + 3), funnel),
        (rows(8), limits),
        (rows(detail.teachers.len().max(2) + 1), teachers),
        (rows(detail.failures.len().max(2)), errors),
    ]
}

/// Rows that the stacked panes take, and how many of them are seen at once.
pub(super) fn extent(detail: &JobDetail, shared: &Shared) -> (usize, usize) {
    let rows: u16 = stack(detail, shared).iter().map(|(rows, _)| rows).sum();
    // The banner above and the line that says how many rows are left below.
    let page = shell(shared.size).body.height.saturating_sub(2);
    (usize::from(rows), usize::from(page))
}

/// Lines of the task pane: word, states that it sums, meaning.
const TASKS: [(&str, &[TaskState], Slot); 8] = [
    ("pending", &[TaskState::Pending], Slot::Fg),
    (
        "in flight",
        &[TaskState::Leased, TaskState::Answered, TaskState::Validating],
        Slot::Running,
    ),
    (
        "waiting",
        &[TaskState::RetryWait, TaskState::Snoozed],
        Slot::Paused,
    ),
    ("to review", &[TaskState::NeedsReview], Slot::Warn),
    ("accepted", &[TaskState::Accepted], Slot::Ok),
    ("rejected", &[TaskState::Rejected], Slot::Warn),
    ("failed", &[TaskState::Failed], Slot::Error),
    ("cancelled", &[TaskState::Cancelled], Slot::Muted),
];

/// Where the tasks stand.
pub(super) fn tasks(detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let counts = &detail.row.counts;
    let planned = counts.planned();
    let inner = pane(buf, area, "Tasks", &grouped(planned), false, shared);
    let width = usize::from(inner.width.saturating_sub(33));
    for (row, (word, states, slot)) in TASKS.iter().enumerate() {
        let count: u64 = states.iter().map(|state| counts.of(*state)).sum();
        let style = shared.style(if count == 0 { Slot::Muted } else { *slot });
        let part = if planned == 0 {
            0.0
        } else {
            count as f64 / planned as f64
        };
        let text = format!(
            "{word:<10}{:>10} {:>6}%  ",
            grouped(count),
            percent(count, planned.max(1))
        );
        let row = row as u16;
        put_all(buf, inner, 1, row, &[(&text, style), (&bar(part, width), style)]);
    }
}

/// Where the samples went: judged, then what each reason took, then what is left.
pub(super) fn funnel(detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let [accepted, rejected, review] = detail.row.samples;
    let judged = accepted + rejected + review;
    let inner = pane(
        buf,
        area,
        "Where the samples went",
        &format!("{} judged", grouped(judged)),
        false,
        shared,
    );
    if judged == 0 {
        return empty(buf, inner, &["No sample has been judged yet."], shared);
    }
    let width = usize::from(inner.width.saturating_sub(48));
    let mut left = judged;
    let mut row = 0;
    let mut line = |word: &str, count: u64, loss: Option<u64>, slot: Slot| {
        let share = count as f64 / judged as f64;
        let loss = loss.map_or_else(String::new, |loss| format!("-{}", grouped(loss)));
        let text = format!(
            "{word:<16}{:>9} {:>5}% {loss:>9}  ",
            grouped(count),
            percent(count, judged)
        );
        put_all(
            buf,
            inner,
            1,
            row,
            &[
                (&text, shared.style(slot)),
                (&bar(share, width), shared.style(slot)),
            ],
        );
        row += 1;
    };
    line("judged", judged, None, Slot::Fg);
    for (reason, count) in &detail.reasons {
        left = left.saturating_sub(*count);
        line(reason.word(), left, Some(*count), Slot::Muted);
    }
    if review > 0 {
        line("waits for review", accepted, Some(review), Slot::Warn);
    }
    line("accepted", accepted, None, Slot::Ok);
}

const TEACHERS: [Column; 6] = [
    words("TEACHER", 14, 9),
    numbers("REQUESTS", 8, 5),
    numbers("TOKENS", 6, 3),
    numbers("ACCEPTED", 8, 8),
    numbers("YIELD%", 6, 6),
    numbers("COST", 8, 7),
];

/// Who answered, how well, and for how much.
pub(super) fn teachers(detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "Teachers", "", false, shared);
    if detail.teachers.is_empty() {
        return empty(buf, inner, &["No teacher has answered yet."], shared);
    }
    let fg = shared.style(Slot::Fg);
    let rows = detail.teachers.iter().map(|one| {
        vec![
            (one.name.clone(), fg),
            (grouped(one.requests), fg),
            (compact(one.tokens as f64), fg),
            (grouped(one.accepted), fg),
            (percent(one.accepted, one.judged), fg),
            (one.usd.to_string(), fg),
        ]
    });
    table(buf, inner, &TEACHERS, rows, None, shared);
}

/// What it costs and where it stops.
pub(super) fn limits(detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "Cost and limits", "e changes them", false, shared);
    let (limits, summary) = (&detail.spec.limits, &detail.summary);
    let gauge = shared.gauge(&detail.row.name);
    let spent = gauge.map_or(detail.row.usd, |gauge| gauge.usd);
    let [input, output] = gauge.map_or([summary.tokens.input, summary.tokens.output], |gauge| {
        gauge.tokens
    });
    let accepted = gauge.map_or(detail.row.samples[0], |gauge| gauge.accepted_samples);
    let cost = match limits.usd {
        Some(cap) if cap.0 > 0 => {
            let part = spent.usd() / cap.usd();
            format!("{spent} of {cap} {:.0}% {}", (part * 100.0).floor(), bar(part, 6))
        }
        _ => format!("{spent}, no cap"),
    };
    let each = if accepted == 0 {
        "-".to_owned()
    } else {
        Money(spent.0 / accepted.cast_signed()).to_string()
    };
    let of = |used: String, cap: Option<String>| cap.map_or(used.clone(), |cap| format!("{used} of {cap}"));
    let tokens = of(
        compact((input + output) as f64),
        limits.tokens.map(|cap| compact(cap as f64)),
    );
    let requests = of(grouped(summary.requests.sent), limits.requests.map(grouped));
    let minutes = of(
        format!("{:.0}", summary.elapsed_seconds / 60.0),
        limits.minutes.map(|cap| format!("{cap:.0}")),
    );
    let on_limit = match limits.on_limit {
        OnLimit::Pause => "pause",
        OnLimit::Stop => "stop",
    };
    let again = match summary.requests.maybe_billed_twice {
        0 => grouped(summary.requests.retried),
        twice => format!(
            "{}, {} maybe paid twice",
            grouped(summary.requests.retried),
            grouped(twice)
        ),
    };
    let lines = [
        ("spent", cost),
        ("each", format!("{each} an accepted sample")),
        (
            "tokens",
            format!(
                "{tokens}  in {} out {}",
                compact(input as f64),
                compact(output as f64)
            ),
        ),
        ("requests", requests),
        ("retried", again),
        ("minutes", minutes),
        ("at a limit", on_limit.to_owned()),
        (
            "at once",
            limits.concurrency.map_or_else(
                || "as many as the providers take".to_owned(),
                |most| most.to_string(),
            ),
        ),
    ];
    for (row, (word, text)) in lines.iter().enumerate() {
        let spans = [(format!("{word:<11}"), Slot::Muted), (text.clone(), Slot::Fg)];
        let spans = spans
            .each_ref()
            .map(|(text, slot)| (text.as_str(), shared.style(*slot)));
        put_all(buf, inner, 1, row as u16, &spans);
    }
}

/// What failed, in groups.
pub(super) fn errors(detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let total: u64 = detail.failures.iter().map(|(_, count)| count).sum();
    let fact = if total > 0 {
        format!("{} · R retries them", grouped(total))
    } else {
        String::new()
    };
    let inner = pane(buf, area, "Failed tasks", &fact, false, shared);
    if detail.failures.is_empty() {
        return empty(buf, inner, &["No task has failed."], shared);
    }
    for (row, (reason, count)) in detail.failures.iter().enumerate() {
        let number = Rect {
            width: 9.min(inner.width),
            ..inner
        };
        put_right(
            buf,
            number,
            row as u16,
            &grouped(*count),
            shared.style(Slot::Error),
        );
        put(buf, inner, 11, row as u16, reason, shared.style(Slot::Fg));
    }
}
