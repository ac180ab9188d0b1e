//! What a new job starts from: a ready job of the binary, or an empty page.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{Answer, Query};

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, NEW_JOB, Table};
use crate::tui::layout::{inside, shell};
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::table::{Column, prose, table, words};

use super::editor::Editor;
use super::{Screen, View};

/// The list of templates.
#[derive(Default)]
pub(crate) struct NewJob {
    bundled: Remote<Vec<(String, String)>>,
    cursor: Cursor,
}

const COLUMNS: [Column; 2] = [words("START FROM", 16, 9), prose("WHAT IT MAKES", 12, 1)];

impl NewJob {
    /// Name and description, the draft and the empty page first.
    fn choices(&self, shared: &Shared) -> Vec<(String, String)> {
        let mut choices = vec![(
            String::new(),
            "An empty page with the parts every job has".to_owned(),
        )];
        if shared.drafts.contains_key("") {
            "Go on with the draft of this session".clone_into(&mut choices[0].1);
        }
        choices.extend(self.bundled.value().into_iter().flatten().cloned());
        choices
    }
}

impl View for NewJob {
    fn bindings(&self, _: &Shared) -> &'static Table {
        &NEW_JOB
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["New job".to_owned()]
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.bundled.ask(Query::Bundled, cx);
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        let choices = self.choices(cx.shared);
        let page = usize::from(
            inside(shell(cx.shared.size).body, cx.shared.size.width)
                .height
                .saturating_sub(1),
        );
        match message {
            Message::Act(Action::Reload) => self.bundled.refresh(Query::Bundled, cx),
            Message::Act(Action::Open) => {
                if let Some((name, _)) = choices.get(self.cursor.selected) {
                    cx.open(Screen::Editor(Box::new(Editor::new(name))));
                }
            }
            Message::Act(action) => {
                self.cursor.act(*action, choices.len(), page);
            }
            _ => {
                let read = |answer: &Answer| {
                    if let Answer::Bundled(jobs) = answer {
                        Some(jobs.clone())
                    } else {
                        None
                    }
                };
                self.bundled.take(message, read, || Query::Bundled, cx);
            }
        }
    }

    fn status(&self, _: &Shared) -> String {
        "Nothing is stored before you save or launch".to_owned()
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let inner = pane(buf, area, "New job", "", true, shared);
        if let Some(error) = self.bundled.error() {
            failure(buf, inner, error, shared);
            return None;
        }
        if self.bundled.value().is_none() {
            if self.bundled.is_slow(shared.now) {
                empty(buf, inner, &["Loading the ready jobs …"], shared);
            }
            return None;
        }
        let rows = self
            .choices(shared)
            .into_iter()
            .skip(self.cursor.offset)
            .map(|(name, what)| {
                let name = if name.is_empty() {
                    "empty page".to_owned()
                } else {
                    name
                };
                vec![(name, shared.style(Slot::Fg)), (what, shared.style(Slot::Muted))]
            });
        table(
            buf,
            inner,
            &COLUMNS,
            rows,
            Some(self.cursor.selected - self.cursor.offset),
            shared,
        );
        None
    }
}
