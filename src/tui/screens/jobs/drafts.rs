//! Drafts of the wizard, below the jobs: they are no jobs yet, so one goes on with them or throws them away, and nothing else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{Answer, DraftRow, Query};

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::screens::Screen;
use crate::tui::screens::new_job::{NewJob, Sketch};
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{badge, pane};
use crate::tui::widgets::table::Cell;

/// The drafts there are.
#[derive(Default)]
pub(super) struct Drafts {
    rows: Remote<Vec<DraftRow>>,
    sketches: Vec<Sketch>,
}

impl Drafts {
    pub(super) fn refresh(&mut self, cx: &mut Cx) {
        self.rows.refresh(Query::Drafts, cx);
    }

    pub(super) fn take(&mut self, message: &Message, cx: &mut Cx) -> bool {
        let rows = |answer: &Answer| match answer {
            Answer::Drafts(rows) => Some(rows.clone()),
            _ => None,
        };
        let taken = self.rows.take(message, rows, || Query::Drafts, cx);
        if taken {
            let directory = &cx.shared.options.directory;
            let rows = self.rows.value().into_iter().flatten();
            self.sketches = rows.map(|row| Sketch::of(row, directory)).collect();
        }
        taken
    }

    pub(super) fn all(&self) -> &[Sketch] {
        &self.sketches
    }

    /// Those whose name and step have all these words.
    pub(super) fn with(&self, needle: &str) -> Vec<&Sketch> {
        let passes = |draft: &&Sketch| {
            let text = format!("{} draft {}", draft.name, draft.step).to_lowercase();
            needle.split_whitespace().all(|word| text.contains(word))
        };
        self.sketches.iter().filter(passes).collect()
    }
}

/// What can be done with a draft, done.
pub(super) fn act(draft: &Sketch, action: Action, cx: &mut Cx) {
    match action {
        Action::Open | Action::Edit => cx.open(Screen::NewJob(Box::new(NewJob::draft(&draft.id)))),
        Action::Delete => draft.discard(cx),
        Action::Copy => cx.copy(draft.name.clone(), "job name"),
        _ => {}
    }
}

/// Why it cannot be done with a draft.
pub(super) fn disabled(action: Action) -> Option<String> {
    let possible = [Action::Open, Action::Edit, Action::Delete, Action::Copy];
    (!possible.contains(&action)).then(|| "it is a draft: enter goes on with it, then l launches".to_owned())
}

/// A row of the table of jobs.
pub(super) fn cells(draft: &Sketch, shared: &Shared) -> Vec<Cell> {
    let (glyph, slot) = badge("draft");
    let muted = shared.style(Slot::Muted);
    let empty = || (String::new(), muted);
    vec![
        (draft.name.clone(), shared.style(Slot::Fg)),
        (format!("{glyph} draft"), shared.style(slot)),
        empty(),
        (format!("step {}/9", draft.number), muted),
        empty(),
        empty(),
        empty(),
        (draft.age(shared), muted),
    ]
}

/// The same on a narrow terminal.
pub(super) fn small(draft: &Sketch, shared: &Shared) -> Vec<Cell> {
    let mut cells = cells(draft, shared);
    cells.truncate(2);
    cells.push((format!("{}/9", draft.number), shared.style(Slot::Muted)));
    cells
}

/// What it will make, beside the list.
pub(super) fn preview(draft: &Sketch, shared: &Shared, area: Rect, buf: &mut Buffer) {
    if area.height < 4 {
        return;
    }
    let inner = pane(buf, area, &draft.name, "draft", false, shared);
    let width = usize::from(inner.width.saturating_sub(2));
    let left = format!("left at {}, {} ago", draft.step, draft.age(shared));
    let lines = std::iter::once((Slot::Muted, left)).chain(draft.lines.iter().cloned());
    let mut at = 0;
    for (slot, text) in lines {
        for line in wrap(&text, width) {
            put(buf, inner, 1, at, &line, shared.style(slot));
            at += 1;
        }
    }
}
