//! Step 7, target, caps and parameters, and what the job will cost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::EstimateReport;
use crate::core::budget::Money;
use crate::core::forecast::Forecast;
use crate::core::text::grouped;
use crate::tui::context::Shared;
use crate::tui::text::{clock, compact, put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::table::{Column, numbers, table, words};

use super::NewJob;
use super::form::{Kind, Line};
use super::frame::told;
use super::work::Work;

const COLUMNS: [Column; 4] = [
    words("ESTIMATE", 10, 9),
    numbers("LOW", 9, 8),
    numbers("LIKELY", 9, 7),
    numbers("HIGH", 9, 8),
];

/// The lines of the form.
pub(super) fn lines(work: &Work) -> Vec<Line> {
    let of = |label: &str, path: &str, kind: Kind, note: &str| Line::of(&work.draft, label, path, kind, note);
    vec![
        of(
            "stop at",
            "target.accepted",
            Kind::Number,
            "all tasks, however many are accepted",
        ),
        of("plan at most", "target.tasks_at_most", Kind::Number, "all tasks"),
        Line::heading("Try first"),
        of(
            "canary",
            "limits.canary",
            Kind::Number,
            "no pause; 20: after 20 rows it says what all take",
        ),
        Line::heading("So many of each class"),
        of(
            "class is",
            "target.quota.field",
            Kind::Text,
            "a column or step.field; empty: no classes",
        ),
        of(
            "these",
            "target.quota.classes",
            Kind::Counts,
            "such as easy = 60, hard = 40, and no others",
        ),
        of(
            "or of each",
            "target.quota.each",
            Kind::Number,
            "no limit; needs `stop at`, too",
        ),
        Line::heading("Caps"),
        of("dollars", "limits.usd", Kind::Number, "no cap"),
        of("tokens", "limits.tokens", Kind::Number, "no cap"),
        of("requests", "limits.requests", Kind::Number, "no cap"),
        of("minutes", "limits.minutes", Kind::Number, "no cap"),
        of(
            "a cap is",
            "limits.cap",
            Kind::Words(&["hard", "cautious", "soft"]),
            "hard",
        ),
        of(
            "then",
            "limits.on_limit",
            Kind::Words(&["pause", "stop"]),
            "pause",
        ),
        Line::heading("Pace"),
        of("in flight", "limits.concurrency", Kind::Number, "64"),
        of(
            "a minute",
            "limits.requests_per_minute",
            Kind::Number,
            "as the provider allows",
        ),
        of("attempts", "limits.attempts", Kind::Number, "6"),
        Line::heading("Generation"),
        of(
            "temperature",
            "defaults.temperature",
            Kind::Number,
            "the teacher's own",
        ),
        of(
            "max tokens",
            "defaults.max_tokens",
            Kind::Number,
            "the teacher's own",
        ),
        of("random seed", "random_seed", Kind::Number, "0"),
    ]
}

/// Between the ends on a scale of factors: the ranges span orders of magnitude.
pub(super) fn likely(low: f64, high: f64) -> f64 {
    if low <= 0.0 {
        high / 2.0
    } else {
        (low * high).sqrt()
    }
}

impl NewJob {
    /// What the rows that are done say of the job this one is made from, as far as some are.
    fn forecast(&self) -> Option<(&str, &Forecast)> {
        let (job, remote) = self.made_from.as_ref()?;
        let forecast = remote.value()?.forecast.as_ref()?;
        Some((job.as_str(), forecast))
    }

    /// What the job is likely to cost: from the dry run where there was one, else between the ends of the estimate.
    pub(super) fn likely_cost(&self) -> Option<Money> {
        let report = self.estimate.value()?;
        let answered: Vec<_> = self
            .dry
            .samples
            .iter()
            .filter(|one| one.sample.is_some())
            .collect();
        if !answered.is_empty() {
            let spent: f64 = answered.iter().map(|one| one.usd.usd()).sum();
            return Some(Money::from_usd(
                spent / answered.len() as f64 * report.tasks as f64,
            ));
        }
        let (low, high) = report.usd?;
        Some(Money::from_usd(likely(low.usd(), high.usd())))
    }

    pub(super) fn draw_cost(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let fact = if self.estimate.is_pending() {
            "estimating …"
        } else {
            "r estimates again"
        };
        let inner = pane(buf, area, "Cost", fact, self.preview, shared);
        let Some(report) = self.estimate.value().filter(|_| self.estimate.error().is_none()) else {
            if let Some(error) = self.estimate.error() {
                let help = "the estimate comes as soon as the job has no problem";
                failure(buf, inner, &told(error, help), shared);
            } else if self.estimate.is_slow(shared.now) {
                empty(buf, inner, &["Estimating …"], shared);
            }
            return;
        };
        let rows = self.cost_rows(report);
        let height = rows.len() as u16 + 1;
        let rows = rows.into_iter().map(|(slot, cells)| {
            let cells = cells.into_iter();
            cells.map(|text| (text, shared.style(slot))).collect()
        });
        table(buf, inner, &COLUMNS, rows, None, shared);
        let mut row = height + 1;
        let width = usize::from(inner.width.saturating_sub(3));
        let mut say = |slot: Slot, text: &str| {
            for line in wrap(text, width) {
                put(buf, inner, 2, row, &line, shared.style(slot));
                row += 1;
            }
        };
        let cap = self.work.as_ref().and_then(|work| work.draft.get("limits.usd"));
        let cap = cap.and_then(|cap| cap.as_f64());
        match (cap, self.likely_cost(), report.usd) {
            (_, None, _) | (_, _, None) => {
                say(
                    Slot::Warn,
                    "▲ A price is unknown: the cost cannot be told, and a cap in dollars cannot hold.",
                );
            }
            (Some(cap), Some(likely), _) if cap < likely.usd() => {
                say(
                    Slot::Warn,
                    &format!(
                        "▲ The cap of ${cap:.2} is below the likely cost of {likely}: the job will pause there."
                    ),
                );
            }
            (None, Some(likely), _) if likely.0 > 0 => say(Slot::Warn, "▲ There is no cap in dollars."),
            _ => {}
        }
        if self.dry.samples.iter().any(|one| one.sample.is_some()) {
            say(Slot::Muted, "likely: from the tokens of the dry run");
        }
        if let Some((job, forecast)) = self.forecast() {
            say(Slot::Info, &format!("canary of {job}: {forecast}"));
        }
        for note in &report.notes {
            say(Slot::Muted, note);
        }
    }

    fn cost_rows(&self, report: &EstimateReport) -> Vec<(Slot, Vec<String>)> {
        let range = |name: &str, (low, high): (u64, u64)| {
            let likely = likely(low as f64, high as f64);
            let words = [low as f64, likely, high as f64].map(compact);
            let [low, likely, high] = words;
            (Slot::Fg, vec![name.to_owned(), low, likely, high])
        };
        let seconds = |seconds: f64| clock(std::time::Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
        let likely_cost = self
            .likely_cost()
            .map_or_else(|| "–".to_owned(), |money| money.to_string());
        let (low, high) = report.usd.map_or_else(
            || ("–".to_owned(), "–".to_owned()),
            |(low, high)| (low.to_string(), high.to_string()),
        );
        vec![
            (
                Slot::Fg,
                vec![
                    "tasks".to_owned(),
                    String::new(),
                    grouped(report.tasks),
                    String::new(),
                ],
            ),
            range("requests", report.requests),
            range("tokens in", report.input_tokens),
            range("tokens out", report.output_tokens),
            (Slot::Title, vec!["cost".to_owned(), low, likely_cost, high]),
            (
                Slot::Fg,
                vec![
                    "time".to_owned(),
                    seconds(report.seconds.0),
                    seconds(likely(report.seconds.0, report.seconds.1)),
                    seconds(report.seconds.1),
                ],
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::likely;

    #[test]
    fn likely_lies_between_the_ends() {
        assert!((likely(1.0, 100.0) - 10.0).abs() < 1e-9);
        assert!((likely(0.0, 4.0) - 2.0).abs() < 1e-9);
    }
}
