//! A job file in the editor: checked as a whole before anything is stored, its problems beside the text.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget;
use tui_textarea::{CursorMove, Scrolling, TextArea};

use crate::core::api::{Answer, CheckReport, Command, JobSource, Level, Query, Receipt};
use crate::core::job::parse::{Problem, Severity};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, EDITOR, READING, Table};
use crate::tui::layout::{Width, left, top};
use crate::tui::message::{Message, Ticket};
use crate::tui::overlay::dialog::{cancel, choice};
use crate::tui::overlay::{Dialog, Outcome};
use crate::tui::remote::Remote;
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::typing::type_key;

use super::View;

/// A draft is saved so long after the last change.
const SAVE_AFTER: Duration = Duration::from_millis(300);

/// What is edited.
enum Subject {
    /// A stored job; saving makes a revision.
    Job(String),
    /// A job that is being written step by step; leaving goes back to its steps.
    Draft {
        /// Where its text waits for the one who takes over.
        key: String,
        /// Directory its paths refer to.
        base: PathBuf,
        /// Its name among the drafts.
        id: String,
        /// The line that stands over it there.
        head: String,
    },
}

/// The editor.
pub(crate) struct Editor {
    subject: Subject,
    /// The text as it is stored, with the directory it refers to.
    stored: Remote<(String, PathBuf)>,
    text: TextArea<'static>,
    /// There is something to edit.
    loaded: bool,
    typing: bool,
    check: Remote<CheckReport>,
    /// The text that was checked; the report is about this one only.
    checked: Option<String>,
    /// It was offered to save the text; a receipt then closes the editor.
    offered: bool,
    /// A draft that is not saved since that moment.
    unsaved: Option<Duration>,
    /// The text is in the person's own editor.
    outside: Option<Ticket>,
}

impl Editor {
    /// A stored job.
    pub(crate) fn of(name: &str) -> Self {
        Self::with(Subject::Job(name.to_owned()))
    }

    /// A job that is being written: its text waits in the shared drafts under `key`, and goes back there. `head` stands over it in
    /// the draft of that id.
    pub(crate) fn draft(key: &str, base: PathBuf, id: &str, head: &str) -> Self {
        Self::with(Subject::Draft {
            key: key.to_owned(),
            base,
            id: id.to_owned(),
            head: head.to_owned(),
        })
    }

    fn with(subject: Subject) -> Self {
        Self {
            subject,
            stored: Remote::default(),
            text: TextArea::default(),
            loaded: false,
            typing: false,
            check: Remote::default(),
            checked: None,
            offered: false,
            unsaved: None,
            outside: None,
        }
    }

    /// Where its draft is kept.
    fn key(&self) -> &str {
        match &self.subject {
            Subject::Job(key) | Subject::Draft { key, .. } => key,
        }
    }

    fn content(&self) -> String {
        let mut text = self.text.lines().join("\n");
        text.push('\n');
        text
    }

    fn source(&self, shared: &Shared) -> JobSource {
        let base = match &self.subject {
            Subject::Draft { base, .. } => base.clone(),
            Subject::Job(_) => self
                .stored
                .value()
                .map_or_else(|| shared.options.directory.clone(), |(_, base)| base.clone()),
        };
        JobSource::Text {
            source: self.content(),
            base,
        }
    }

    /// What keeps the draft on disk.
    fn saving(&mut self) -> Option<Command> {
        let Subject::Draft { id, head, .. } = &self.subject else {
            return None;
        };
        let command = Command::SaveDraft {
            id: id.clone(),
            text: format!("{head}\n{}", self.content()),
        };
        self.unsaved.take().map(|_| command)
    }

    fn load(&mut self, text: &str) {
        self.text = TextArea::new(text.lines().map(str::to_owned).collect());
        self.text.set_tab_length(2);
        self.loaded = true;
        self.typing = true;
    }

    /// The whole text is another one: one step to take back.
    fn replace(&mut self, text: &str) {
        let at = self.text.cursor();
        self.text.select_all();
        self.text.insert_str(text.trim_end_matches('\n'));
        self.text.move_cursor(CursorMove::Jump(
            at.0.min(usize::from(u16::MAX)) as u16,
            at.1.min(usize::from(u16::MAX)) as u16,
        ));
    }

    /// The stored text, or the draft of it that was left behind.
    fn begin(&mut self, shared: &mut Shared) {
        let draft = shared.drafts.get(self.key()).cloned();
        if let Subject::Draft { .. } = &self.subject {
            return self.load(&draft.unwrap_or_default());
        }
        let Some((stored, _)) = self.stored.value().cloned() else {
            return;
        };
        match draft.filter(|draft| *draft != stored) {
            Some(draft) => {
                self.load(&draft);
                shared.toast(Level::Ok, "This is the draft you left");
            }
            None => self.load(&stored),
        }
    }

    /// What the last check found, perhaps before the last change.
    fn problems(&self) -> &[Problem] {
        self.check.value().map_or(&[], |report| &report.problems)
    }

    fn checked(&mut self, cx: &mut Cx) {
        let Some(report) = self.check.value() else { return };
        let wrong = report
            .problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error);
        if let Some(first) = wrong.clone().next() {
            let row = first.line.saturating_sub(1).min(usize::from(u16::MAX)) as u16;
            let column = first.column.saturating_sub(1).min(usize::from(u16::MAX)) as u16;
            self.text.move_cursor(CursorMove::Jump(row, column));
            return;
        }
        if self.checked.as_deref() != Some(self.content().as_str()) {
            return;
        }
        let tasks = report
            .tasks
            .map_or_else(String::new, |tasks| format!("{} tasks. ", grouped(tasks)));
        let warnings = report.problems.len();
        let mut lines = vec![format!("{tasks}Nothing is wrong with it.")];
        if warnings > 0 {
            lines[0] = format!("{tasks}{warnings} warnings, nothing that stops it.");
        }
        lines.extend(
            report
                .teachers
                .iter()
                .map(|(step, names)| format!("{step}: {}", names.join(", "))),
        );
        let key = self.key().to_owned();
        let outcome = |command: Command, done: String| Outcome::Order {
            orders: vec![(command, done)],
            draft: Some(key.clone()),
        };
        let dialog = match &self.subject {
            Subject::Job(job) => {
                let save = Command::Edit {
                    job: job.clone(),
                    source: self.content(),
                };
                let choices = vec![
                    cancel("Go on editing"),
                    choice(
                        "Save as a new revision",
                        "",
                        outcome(save, format!("Saved {job}")),
                    ),
                ];
                Dialog::ask(cx.shared, format!("Save {job}"), lines, choices)
            }
            Subject::Draft { .. } => {
                cx.shared
                    .toast(Level::Ok, format!("{} esc goes back to the steps", lines[0]));
                return;
            }
        };
        self.offered = true;
        cx.confirm(dialog);
    }
}

impl View for Editor {
    fn bindings(&self, _: &Shared) -> &'static Table {
        if self.typing { &EDITOR } else { &READING }
    }

    fn breadcrumb(&self) -> Vec<String> {
        match &self.subject {
            // The list or the job before it names it already.
            Subject::Job(name) => vec![format!("edit {name}")],
            Subject::Draft { .. } => vec!["TOML".to_owned()],
        }
    }

    fn typing(&self) -> bool {
        self.typing
    }

    fn enter(&mut self, cx: &mut Cx) {
        if self.loaded {
            return;
        }
        if let Subject::Job(name) = &self.subject {
            let query = Query::Source(JobSource::Name(name.clone()));
            self.stored.ask(query, cx);
        } else {
            self.begin(cx.shared);
            self.dress(cx.shared);
        }
    }

    fn wake(&self, _: &Shared) -> Option<Duration> {
        Some(self.unsaved? + SAVE_AFTER)
    }

    fn leave(&mut self, shared: &mut Shared) {
        if let Some(command) = self.saving() {
            shared.order_on_leaving(command);
        }
        if self.loaded
            && self
                .stored
                .value()
                .is_none_or(|(stored, _)| *stored != self.content())
        {
            shared.drafts.insert(self.key().to_owned(), self.content());
        }
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        self.leave(cx.shared);
        let typed = std::mem::take(&mut self.typing);
        self.dress(cx.shared);
        typed
    }

    fn disabled(&self, action: Action, _: &Shared) -> Option<String> {
        let needs_text = matches!(action, Action::Check | Action::Insert | Action::External);
        (needs_text && !self.loaded).then(|| "the text is not loaded yet".to_owned())
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        if matches!(message, Message::Key(_) | Message::Paste(_))
            || matches!(
                message,
                Message::Act(Action::UndoText | Action::RedoText | Action::DeleteToStart)
            )
        {
            self.unsaved = Some(cx.shared.now);
        }
        match message {
            Message::Key(key) => type_key(&mut self.text, key),
            Message::Paste(text) => {
                self.text.insert_str(text.replace('\t', "  "));
            }
            Message::Tick(now) => {
                if self.wake(cx.shared).is_some_and(|at| at <= *now)
                    && let Some(command) = self.saving()
                {
                    cx.order(command, "");
                }
            }
            Message::Act(Action::External) => self.outside = Some(cx.edit(self.content(), "toml")),
            Message::Edited(ticket, Ok(text)) if self.outside == Some(*ticket) => {
                self.replace(text);
                self.unsaved = Some(cx.shared.now);
            }
            Message::Act(Action::Insert) => self.typing = true,
            Message::Act(Action::UndoText) => {
                self.text.undo();
            }
            Message::Act(Action::RedoText) => {
                self.text.redo();
            }
            Message::Act(Action::DeleteToStart) => {
                self.text.delete_line_by_head();
            }
            Message::Act(Action::Check) => {
                cx.shared.drafts.insert(self.key().to_owned(), self.content());
                if let Some(command) = self.saving() {
                    cx.order(command, "");
                }
                self.checked = Some(self.content());
                let query = Query::Check(self.source(cx.shared));
                self.check.ask(query, cx);
            }
            Message::Act(Action::Reload) if !self.loaded => self.enter(cx),
            Message::Done(_, Ok(receipt)) => {
                let saved = matches!(receipt.as_ref(), Receipt::Started(_))
                    && !cx.shared.drafts.contains_key(self.key());
                if self.offered && saved {
                    // What is stored is no draft any more.
                    self.loaded = false;
                    self.typing = false;
                    cx.leave();
                }
            }
            Message::Reply(..) => self.reply(message, cx),
            Message::Act(movement) => self.move_by(*movement),
            _ => {}
        }
        self.dress(cx.shared);
    }

    fn status(&self, _: &Shared) -> String {
        let at = self.text.cursor();
        let found = match (self.check.is_pending(), self.problems().len()) {
            (true, _) => " · checking …".to_owned(),
            (_, 0) => String::new(),
            (_, 1) => " · 1 problem".to_owned(),
            (_, many) => format!(" · {many} problems"),
        };
        format!(
            "line {} column {} of {} lines{found}",
            at.0 + 1,
            at.1 + 1,
            self.text.lines().len()
        )
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let problems = self.problems();
        let (editor, beside) = match Width::of(shared.size.width) {
            _ if problems.is_empty() && self.check.error().is_none() => (area, Rect { height: 0, ..area }),
            Width::Wide => left(area, area.width * 3 / 5),
            _ => top(area, area.height - (area.height / 3).max(4)),
        };
        let title = if self.typing {
            "Job file · typing"
        } else {
            "Job file"
        };
        let inner = pane(buf, editor, title, "ctrl-s checks", true, shared);
        if !self.loaded {
            if let Some(error) = self.stored.error() {
                failure(buf, inner, error, shared);
            } else if self.stored.is_slow(shared.now) {
                empty(buf, inner, &["Loading the job file …"], shared);
            }
            return None;
        }
        if beside.height > 0 {
            self.beside(shared, beside, buf);
        }
        self.draw(inner, buf)
    }
}

impl Editor {
    fn reply(&mut self, message: &Message, cx: &mut Cx) {
        let query = || Query::Check(JobSource::Name(String::new()));
        let source = |answer: &Answer| match answer {
            Answer::Source { text, base } => Some((text.clone(), base.clone())),
            _ => None,
        };
        let report = |answer: &Answer| {
            if let Answer::Check(report) = answer {
                Some(CheckReport::clone(report))
            } else {
                None
            }
        };
        if self.stored.take(message, source, query, cx) {
            if !self.loaded {
                self.begin(cx.shared);
            }
        } else if self.check.take(message, report, query, cx) {
            self.checked(cx);
        }
    }

    /// Draws the text; says where the caret is on the screen.
    fn draw(&self, area: Rect, buf: &mut Buffer) -> Option<Position> {
        (&self.text).render(area, buf);
        let (caret, (top, left)) = (self.text.screen_cursor(), self.text.scroll_offset());
        let row = caret.row.checked_sub(usize::from(top))? as u16;
        let column = caret.col.checked_sub(usize::from(left))? as u16;
        let at = Position::new(area.x + self.text.line_number_width() + column, area.y + row);
        (self.typing && area.contains(at)).then_some(at)
    }

    /// The text in the colours of the theme.
    fn dress(&mut self, shared: &Shared) {
        self.text.set_style(shared.style(Slot::Fg));
        self.text.set_line_number_style(shared.style(Slot::Muted));
        self.text.set_selection_style(shared.theme.selection());
        self.text.set_cursor_line_style(Style::new());
        let caret = if self.typing {
            shared.theme.selection()
        } else {
            shared.style(Slot::Muted)
        };
        self.text.set_cursor_style(caret);
    }

    /// Moves the caret while not typing, as lists are moved through.
    fn move_by(&mut self, movement: Action) {
        match movement {
            Action::Down => self.text.move_cursor(CursorMove::Down),
            Action::Up => self.text.move_cursor(CursorMove::Up),
            Action::First => self.text.move_cursor(CursorMove::Top),
            Action::Last => self.text.move_cursor(CursorMove::Bottom),
            Action::HalfDown => self.text.scroll(Scrolling::HalfPageDown),
            Action::HalfUp => self.text.scroll(Scrolling::HalfPageUp),
            Action::PageDown => self.text.scroll(Scrolling::PageDown),
            Action::PageUp => self.text.scroll(Scrolling::PageUp),
            _ => {}
        }
    }

    /// The problems, each with its line and what to write instead.
    fn beside(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let problems = self.problems();
        let changed = self.checked.as_deref() != Some(self.content().as_str());
        let fact = if changed {
            "before the last change"
        } else {
            "ctrl-s checks again"
        };
        let inner = pane(
            buf,
            area,
            &format!("Problems ({})", problems.len()),
            fact,
            false,
            shared,
        );
        if let Some(error) = self.check.error() {
            return failure(buf, inner, error, shared);
        }
        let width = usize::from(inner.width.saturating_sub(4));
        let mut row = 0;
        for problem in problems {
            let (glyph, slot) = match problem.severity {
                Severity::Error => ("✗", Slot::Error),
                Severity::Warning => ("▲", Slot::Warn),
            };
            let place = if problem.line > 0 {
                format!("line {}: ", problem.line)
            } else {
                String::new()
            };
            put(buf, inner, 1, row, glyph, shared.style(slot));
            for line in wrap(&format!("{place}{}", problem.message), width) {
                put(buf, inner, 3, row, &line, shared.style(Slot::Fg));
                row += 1;
            }
            for line in problem.help.iter().flat_map(|help| wrap(help, width)) {
                put(buf, inner, 3, row, &line, shared.style(Slot::Muted));
                row += 1;
            }
        }
    }
}
