//! What adding or changing a provider looks like, step by step. Reads a [`Wizard`], changes nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use crate::core::api::KeyState;
use crate::core::settings::{KeySource, ProviderSettings};
use crate::tui::context::Shared;
use crate::tui::layout::top;
use crate::tui::text::{put, put_all, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{empty, failure, keys_below, pane};

use super::detail::{TEST_WITH_JSON, cost_of_test};
use super::protocol::PAGE;
use super::steps::{Step, apply};
use super::wizard::Wizard;

impl Wizard {
    /// Draws the open step, or how a script talks; says where the caret is.
    pub(super) fn draw(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        if let Some(scroll) = self.protocol {
            let inner = pane(buf, area, "How a script talks", "enter closes", true, shared);
            for (row, line) in PAGE
                .lines()
                .skip(scroll)
                .take(usize::from(inner.height))
                .enumerate()
            {
                put(buf, inner, 1, row as u16, line, shared.style(Slot::Fg));
            }
            return None;
        }
        let (steps, rest) = top(area, 1);
        self.draw_steps(shared, steps, buf);
        let problem = u16::from(self.failed.is_some()) * 3;
        let (body, below) = top(rest, rest.height.saturating_sub(problem));
        if let Some(error) = &self.failed {
            let text = format!("✗ {}", error.message);
            put(buf, below, 1, 0, &text, shared.style(Slot::Error));
            let help = error.causes.first().or(error.help.as_ref());
            let help = help.map_or("", String::as_str);
            put(buf, below, 3, 1, help, shared.style(Slot::Fg));
        }
        match self.step {
            Step::Kind => self.draw_kinds(shared, body, buf),
            Step::Test => self.draw_test(shared, body, buf),
            Step::Models => return self.browser.draw(&self.settings, shared, body, buf),
            Step::Connection | Step::Key | Step::Limits => {
                let title = format!("{} · {}", self.settings.kind, self.step.word());
                let inner = pane(buf, body, &title, "", true, shared);
                if self.kinds.value().is_none() {
                    empty(buf, inner, &[""], shared);
                    return None;
                }
                let (_, fields) = top(inner, u16::from(inner.height > 10));
                let (caret, row) = self.form.draw(shared, fields, buf);
                if self.step == Step::Key {
                    self.draw_key(shared, fields, row, buf);
                }
                return caret;
            }
        }
        None
    }

    fn draw_steps(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let mut x = 1;
        for (at, step) in self.steps().into_iter().enumerate() {
            let here = step == self.step;
            let text = format!("{} {}", at + 1, step.word());
            let text = if here {
                format!("[{text}]")
            } else {
                format!(" {text} ")
            };
            let slot = if here { Slot::Title } else { Slot::Muted };
            x += put(buf, area, x, 0, &text, shared.style(slot)) + 1;
        }
    }

    fn draw_kinds(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let inner = pane(buf, area, "Which kind?", "", true, shared);
        let Some(kinds) = self.kinds.value() else {
            if let Some(error) = self.kinds.error() {
                failure(buf, inner, error, shared);
            }
            return;
        };
        let (fg, muted) = (shared.style(Slot::Fg), shared.style(Slot::Muted));
        for (row, kind) in kinds.iter().enumerate() {
            let here = row == self.cursor.selected;
            let mark = if here { "▌ " } else { "  " };
            let style = if here { shared.style(Slot::Accent) } else { fg };
            let name = format!("{:<12}", kind.kind);
            let row = row as u16;
            put_all(
                buf,
                inner,
                0,
                row,
                &[(mark, style), (&name, style), (&kind.summary, muted)],
            );
        }
        let mut row = kinds.len() as u16 + 1;
        if let Some(kind) = kinds.get(self.cursor.selected) {
            let width = usize::from(inner.width.saturating_sub(4));
            if kind.summary.width() + 14 > usize::from(inner.width) {
                // Above there was no room for all of it.
                for line in wrap(&kind.summary, width) {
                    put(buf, inner, 2, row, &line, fg);
                    row += 1;
                }
                row += 1;
            }
            put(buf, inner, 2, row, "As it stands in config.toml:", muted);
            for line in kind.example.lines() {
                row += 1;
                put(buf, inner, 4, row, line, fg);
            }
        }
    }

    fn draw_key(&self, shared: &Shared, area: Rect, row: u16, buf: &mut Buffer) {
        let mut settings = ProviderSettings::default();
        if apply(Step::Key, &self.form, &mut settings).is_err() {
            return;
        }
        let name = match &settings.api_key {
            Some(KeySource::Env(name)) => format!("${name}"),
            _ => String::new(),
        };
        let (slot, text) = match self.key.value() {
            Some(KeyState::Set { ending: Some(end) }) => (Slot::Ok, format!("✓ uses {name} (…{end})")),
            Some(KeyState::Set { ending: None }) => (Slot::Ok, format!("✓ uses {name}")),
            Some(KeyState::Unset) => {
                let text = format!(
                    "▲ {name} is not set where this program was started: set it there, and start it again"
                );
                (Slot::Warn, text)
            }
            Some(KeyState::Elsewhere) => (
                Slot::Muted,
                "· read when it is used; the test tries it".to_owned(),
            ),
            Some(KeyState::None) | None => return,
        };
        for (at, line) in wrap(&text, usize::from(area.width.saturating_sub(4)))
            .iter()
            .enumerate()
        {
            put(buf, area, 2, row + 1 + at as u16, line, shared.style(slot));
        }
    }

    fn draw_test(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let name = format!("Test {}", self.settings.name);
        let inner = pane(buf, area, &name, "", true, shared);
        if let Some((_, since)) = self.testing {
            let elapsed = shared.now.saturating_sub(since).as_secs();
            let text = format!("● testing … {elapsed} s · esc stops waiting");
            put(buf, inner, 2, 1, &text, shared.style(Slot::Running));
            return;
        }
        let mut lines: Vec<(Slot, String)> = Vec::new();
        match &self.tested {
            None => {
                lines.push((
                    Slot::Fg,
                    "enter asks it: is it there, is the key good, what does it offer?".to_owned(),
                ));
                let more = match self.settings.models.first() {
                    Some(model) => format!(
                        "Then {} says hi and tries an object in JSON: {}.",
                        model.id,
                        cost_of_test(model.price, TEST_WITH_JSON)
                    ),
                    None => "No model is chosen yet, so nothing is bought.".to_owned(),
                };
                lines.push((Slot::Muted, more));
            }
            Some(Ok(tested)) => {
                if tested.teacher.is_empty() {
                    lines.push((Slot::Ok, "✓ it is there".to_owned()));
                } else {
                    let text = format!(
                        "✓ {} answered in {} ms for {}: {}",
                        tested.teacher, tested.latency_ms, tested.usd, tested.text
                    );
                    lines.push((Slot::Ok, text));
                }
                if let Some(models) = tested.models.filter(|models| *models > 0) {
                    let plural = if models == 1 { "" } else { "s" };
                    lines.push((Slot::Ok, format!("✓ offers {models} model{plural}")));
                }
                match tested.json {
                    Some(true) => lines.push((Slot::Ok, "✓ writes JSON as a schema asks".to_owned())),
                    Some(false) => {
                        let text =
                            "▲ did not write JSON as a schema asked: steps with a schema will ask again";
                        lines.push((Slot::Warn, text.to_owned()));
                    }
                    None => {}
                }
                lines.push((Slot::Fg, "enter goes on".to_owned()));
            }
            Some(Err(error)) => {
                failure(buf, inner, error, shared);
                let keys = "t tests again · esc steps back · enter goes on anyway";
                keys_below(buf, inner, keys, shared);
                return;
            }
        }
        let mut row = 1;
        for (slot, text) in lines {
            for line in wrap(&text, usize::from(inner.width.saturating_sub(4))) {
                put(buf, inner, 2, row, &line, shared.style(slot));
                row += 1;
            }
        }
    }
}
