//! The database could not be opened: what, why, and what helps. It lies over every screen that needs it; settings and log do not.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{Command, Failure, Preparing};

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, CLOSED, Table};
use crate::tui::message::Message;
use crate::tui::text::{megabytes, put, put_all, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::pane;

use super::View;

/// Why there is no database, with what helps.
#[derive(Debug, Clone)]
pub(crate) struct Closed {
    failure: Failure,
    /// It could be read.
    readable: bool,
}

impl Closed {
    /// With what was said when it was opened.
    pub(crate) fn of(failure: Failure, readable: bool) -> Self {
        Self { failure, readable }
    }

    fn open(read_only: bool, cx: &mut Cx) {
        let ticket = cx.order_quietly(Command::Open { read_only });
        cx.shared.opening = Some((ticket, cx.shared.now));
    }

    /// What helps: a key, and what it does.
    fn ways(&self) -> Vec<(&'static str, &'static str)> {
        let mut ways = vec![("r", "tries again")];
        if self.readable {
            ways.push(("o", "opens it for reading only"));
        }
        ways.extend([
            ("7", "Settings; o there opens config.toml"),
            ("6", "Logs: what happened before"),
            ("y", "copies what stands here"),
            ("q", "quits; `destiler db check` looks closer"),
        ]);
        ways
    }

    /// What failed, why, and what to do, as lines.
    fn report(&self) -> Vec<(&'static str, &str, Slot)> {
        let failure = &self.failure;
        let mut lines = vec![("✗", failure.message.as_str(), Slot::Error)];
        lines.extend(
            failure
                .causes
                .iter()
                .map(|cause| ("·", cause.as_str(), Slot::Muted)),
        );
        lines.extend(failure.help.iter().map(|help| ("→", help.as_str(), Slot::Fg)));
        lines
    }
}

impl View for Closed {
    fn bindings(&self, _: &Shared) -> &'static Table {
        &CLOSED
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["no database".to_owned()]
    }

    fn enter(&mut self, _: &mut Cx) {}

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        match action {
            Action::Reload | Action::OpenReadOnly if shared.opening.is_some() => {
                Some("it is being opened".to_owned())
            }
            Action::OpenReadOnly if !self.readable => Some("it cannot be read, either".to_owned()),
            Action::NewJob => Some("a job needs the database".to_owned()),
            _ => None,
        }
    }

    fn wake(&self, shared: &Shared) -> Option<Duration> {
        shared.opening?;
        Some(Duration::from_secs(shared.now.as_secs() + 1))
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Act(Action::Reload) => Self::open(false, cx),
            Message::Act(Action::OpenReadOnly) => Self::open(true, cx),
            Message::Act(Action::Copy) => {
                let lines: Vec<&str> = self.report().iter().map(|(_, text, _)| *text).collect();
                cx.copy(lines.join("\n"), "report");
            }
            _ => {}
        }
    }

    fn status(&self, shared: &Shared) -> String {
        opening(shared).unwrap_or_else(|| "nothing was changed".to_owned())
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let inner = pane(buf, area, "The database is not open", "", true, shared);
        let width = usize::from(inner.width).saturating_sub(6);
        let mut row = u16::from(inner.height > 12);
        for (mark, text, slot) in self.report() {
            for (at, line) in wrap(text, width).iter().enumerate() {
                let mark = if at == 0 { mark } else { "" };
                put(buf, inner, 2, row, mark, shared.style(slot));
                put(buf, inner, 4, row, line, shared.style(slot));
                row += 1;
            }
        }
        row += u16::from(inner.height > row + 6);
        if shared.opening.is_some() {
            let text = opening(shared).unwrap_or_default();
            put(
                buf,
                inner,
                2,
                row,
                &format!("{text} …"),
                shared.style(Slot::Accent),
            );
            return None;
        }
        for (key, what) in self.ways() {
            let spans = [
                (key, shared.style(Slot::Accent)),
                ("  ", shared.style(Slot::Fg)),
                (what, shared.style(Slot::Fg)),
            ];
            put_all(buf, inner, 4, row, &spans);
            row += 1;
        }
        None
    }
}

/// That the database is being opened, where that takes long enough for a word.
pub(crate) fn opening(shared: &Shared) -> Option<String> {
    let (_, since) = shared.opening?;
    let waited = shared.now.saturating_sub(since);
    let doing = match shared.preparing {
        None => "opening the database".to_owned(),
        Some(Preparing::Copying { done, of }) => {
            let part = done.min(of) * 100 / of.max(1);
            format!(
                "copying the database before its update, {part} % of {}",
                megabytes(of)
            )
        }
        Some(Preparing::Migrating) => "updating the database, a copy is kept".to_owned(),
    };
    (waited >= QUIET).then(|| match waited.as_secs() {
        0 => doing,
        seconds => format!("{doing} · {seconds} s"),
    })
}

/// How long nothing is said.
pub(crate) const QUIET: Duration = Duration::from_millis(150);
