//! How the samples of the filter are distributed, as bars to choose from: the chosen one narrows the filter.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{Answer, Query, SampleQuery};
use crate::core::filter::{Bound, Condition, Facets, LENGTHS, Measure, Part, Status, Term};
use crate::core::sample::SampleState;
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::layout::centred;
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{put, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{bar, empty, failure};

use super::menu::{frame, mark};

/// A bar: its section, its label, how many, and the words that narrow the filter to it.
struct Line {
    section: &'static str,
    label: String,
    many: u64,
    words: String,
}

/// The facets of a filter.
pub(super) struct FacetMenu {
    filter: SampleQuery,
    facets: Remote<Facets>,
    lines: Vec<Line>,
    cursor: Cursor,
}

fn words(term: Term) -> String {
    Condition::Is(term).to_string()
}

fn range(measure: Measure, from: f64, to: Option<f64>) -> String {
    let low = words(Term::Number(measure, Bound::AtLeast, from));
    match to {
        None => low,
        Some(to) => format!("{low} {}", words(Term::Number(measure, Bound::Below, to))),
    }
}

fn lines(facets: &Facets) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |section, label: String, many: u64, words: String| {
        if many > 0 {
            lines.push(Line {
                section,
                label,
                many,
                words,
            });
        }
    };
    let states = [
        SampleState::Accepted,
        SampleState::Rejected,
        SampleState::NeedsReview,
    ];
    for (state, many) in states.into_iter().zip(facets.states) {
        let word = Status::In(state);
        add(
            "status",
            word.word().to_owned(),
            many,
            words(Term::Status(vec![word])),
        );
    }
    for (reason, many) in &facets.reasons {
        let text = words(Term::Reason(vec![*reason]));
        add("reason", reason.word().to_owned(), *many, text);
    }
    for (teacher, many) in &facets.teachers {
        let text = words(Term::Teacher(Part::Whole, teacher.clone()));
        add("teacher", teacher.clone(), *many, text);
    }
    for (halves, many) in &facets.judge {
        let from = *halves as f64 / 2.0;
        let text = range(Measure::Judge, from, Some(from + 0.5));
        add("judge", format!("{from:.1} – {:.1}", from + 0.5), *many, text);
    }
    for (at, many) in &facets.lengths {
        let from = LENGTHS.get(*at).copied().unwrap_or(0);
        let to = LENGTHS.get(*at + 1).copied();
        let label = match to {
            Some(to) => format!("{} – {}", grouped(from), grouped(to)),
            None => format!("{} and more", grouped(from)),
        };
        let text = range(Measure::Length, from as f64, to.map(|to| to as f64));
        add("length", label, *many, text);
    }
    lines
}

impl FacetMenu {
    pub(super) fn of(filter: &SampleQuery, cx: &mut Cx) -> Self {
        let mut facets = Remote::default();
        facets.ask(Query::Facets(filter.clone()), cx);
        Self {
            filter: filter.clone(),
            facets,
            lines: Vec::new(),
            cursor: Cursor::default(),
        }
    }

    pub(super) fn take(&mut self, message: &Message, cx: &mut Cx) -> bool {
        let read = |answer: &Answer| {
            if let Answer::Facets(facets) = answer {
                Some(Facets::clone(facets))
            } else {
                None
            }
        };
        let query = Query::Facets(self.filter.clone());
        let taken = self.facets.take(message, read, || query, cx);
        if taken {
            self.lines = self.facets.value().map(lines).unwrap_or_default();
        }
        taken
    }

    /// Moves, or chooses: the words to add to the filter.
    pub(super) fn act(&mut self, action: Action, shared: &Shared) -> Option<String> {
        let page = usize::from(Self::area(shared).height.saturating_sub(2));
        if action == Action::Press {
            return self
                .lines
                .get(self.cursor.selected)
                .map(|line| line.words.clone());
        }
        self.cursor.act(action, self.lines.len(), page);
        None
    }

    fn area(shared: &Shared) -> Rect {
        let height = shared.size.height.saturating_sub(4).min(28);
        centred(shared.size, 72.min(shared.size.width.saturating_sub(2)), height)
    }

    pub(super) fn view(&self, shared: &Shared, buf: &mut Buffer) {
        let inner = frame(
            "Facets · enter narrows the filter",
            Self::area(shared),
            shared,
            buf,
        );
        if let Some(error) = self.facets.error() {
            return failure(buf, inner, error, shared);
        }
        if self.lines.is_empty() {
            let text = if self.facets.is_pending() {
                "Counting …"
            } else {
                "There is nothing to count."
            };
            return empty(buf, inner, &[text], shared);
        }
        let most = self.lines.iter().map(|line| line.many).max().unwrap_or(1);
        let wide = inner.width >= 50;
        let rows = self.lines.iter().enumerate().skip(self.cursor.offset);
        for (row, (at, line)) in rows.take(usize::from(inner.height)).enumerate() {
            let row = row as u16;
            let named = at == self.cursor.offset || self.lines[at - 1].section != line.section;
            if named {
                put(buf, inner, 2, row, line.section, shared.style(Slot::Muted));
            }
            let label = Rect {
                width: inner.width.saturating_sub(if wide { 28 } else { 9 }),
                ..inner
            };
            put(buf, label, 11, row, &line.label, shared.style(Slot::Fg));
            if wide {
                let bars = bar(line.many as f64 / most as f64, 16);
                put(
                    buf,
                    inner,
                    inner.width - 27,
                    row,
                    &bars,
                    shared.style(Slot::Chart1),
                );
            }
            put_right(
                buf,
                inner,
                row,
                &format!("{} ", grouped(line.many)),
                shared.style(Slot::Fg),
            );
            if at == self.cursor.selected {
                mark(inner, row, shared, buf);
            }
        }
    }
}
