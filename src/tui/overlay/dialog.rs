//! A question with buttons. The first button is the harmless one and has the focus; what destroys data wants a name typed.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, BorderType, Clear, Widget};
use unicode_width::UnicodeWidthStr;

use crate::core::api::Command;
use crate::tui::Exit;
use crate::tui::context::Shared;
use crate::tui::keys::{Action, DIALOG};
use crate::tui::layout::centred;
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::field::Field;

use super::Outcome;

/// A button.
pub(crate) struct Choice {
    /// What it says.
    pub(crate) label: String,
    /// What happens then, where that needs a line.
    pub(crate) note: String,
    /// What it leads to.
    pub(crate) outcome: Outcome,
}

/// A question.
pub(crate) struct Dialog {
    title: String,
    lines: Vec<String>,
    choices: Vec<Choice>,
    focus: usize,
    typed: Option<(String, Field)>,
    opened: Duration,
}

impl Dialog {
    /// Keys in the first moments belong to what was on the screen before.
    pub(crate) const DEAF: Duration = Duration::from_millis(300);

    /// A question whose first button does nothing and the second releases `orders`.
    pub(crate) fn order(
        shared: &Shared,
        title: impl Into<String>,
        lines: Vec<String>,
        label: impl Into<String>,
        orders: Vec<(Command, String)>,
    ) -> Self {
        let outcome = Outcome::Order { orders, draft: None };
        Self::ask(
            shared,
            title,
            lines,
            vec![cancel("Cancel"), choice(label, "", outcome)],
        )
    }

    /// A question with these buttons, the harmless one first.
    pub(crate) fn ask(
        shared: &Shared,
        title: impl Into<String>,
        lines: Vec<String>,
        choices: Vec<Choice>,
    ) -> Self {
        Self {
            title: title.into(),
            lines,
            choices,
            focus: 0,
            typed: None,
            opened: shared.now,
        }
    }

    /// The same, locked until this name is typed.
    pub(crate) fn typed(mut self, name: &str) -> Self {
        self.typed = Some((name.to_owned(), Field::default()));
        self
    }

    /// The same, with another word on the harmless button.
    pub(crate) fn renamed(mut self, label: &str) -> Self {
        if let Some(first) = self.choices.first_mut() {
            label.clone_into(&mut first.label);
        }
        self
    }

    /// What is asked when a person wants to leave while jobs run.
    pub(crate) fn quit(shared: &Shared) -> Self {
        let jobs = shared.running().count();
        let flying: u64 = shared.running().map(|gauge| gauge.in_flight).sum();
        let grace = shared.options.grace;
        let lines = vec![
            format!("{} ({flying} requests in flight).", running(jobs)),
            "Resume later: destiler, or destiler run NAME".to_owned(),
        ];
        let pause = format!("waits up to {} s for answers in flight", grace.as_secs());
        let choices = vec![
            cancel("Stay"),
            choice("Pause jobs and quit", pause, Outcome::Stop(grace)),
            choice(
                "Quit now",
                "tasks in flight return to the queue",
                Outcome::Leave(Exit::Now),
            ),
        ];
        Self::ask(shared, "Quit?", lines, choices)
    }

    fn locked(&self) -> bool {
        self.typed
            .as_ref()
            .is_some_and(|(name, field)| name != field.text())
    }

    /// Takes a key. `y` is the second button, `n` and `esc` the first; `ctrl-c` the last one that leaves, or the first.
    pub(crate) fn key(&mut self, key: &KeyEvent, chord: &str, shared: &Shared) -> Option<Outcome> {
        if shared.now < self.opened + Self::DEAF {
            return None;
        }
        let plain = key.modifiers.difference(KeyModifiers::SHIFT).is_empty();
        let typing = matches!(key.code, KeyCode::Char(_) | KeyCode::Backspace) && plain;
        if let Some((name, field)) = &mut self.typed
            && typing
        {
            field.key(key);
            self.focus = usize::from(field.text() == name);
            return None;
        }
        let last = if self.locked() { 0 } else { self.choices.len() - 1 };
        match DIALOG.find(chord)? {
            Action::Press => return self.press(self.focus),
            Action::Yes => return self.press(1),
            Action::No => return self.press(0),
            Action::Interrupt => {
                let leaves = |choice: &Choice| matches!(choice.outcome, Outcome::Leave(_));
                return self.press(self.choices.iter().position(leaves).unwrap_or(0));
            }
            Action::NextButton => self.focus = if self.focus >= last { 0 } else { self.focus + 1 },
            Action::PreviousButton => self.focus = self.focus.checked_sub(1).unwrap_or(last),
            _ => {}
        }
        None
    }

    fn press(&self, at: usize) -> Option<Outcome> {
        let choice = self.choices.get(at)?;
        (at == 0 || !self.locked()).then(|| choice.outcome.clone())
    }

    /// A name can be pasted.
    pub(crate) fn paste(&mut self, text: &str, shared: &Shared) {
        if let Some((name, field)) = &mut self.typed
            && shared.now >= self.opened + Self::DEAF
        {
            field.insert(text);
            self.focus = usize::from(field.text() == name);
        }
    }

    /// Where everything is.
    fn plan(&self, shared: &Shared) -> Plan {
        let width = 60.min(shared.size.width.saturating_sub(2));
        let room = usize::from(width.saturating_sub(6));
        let lines: Vec<String> = self.lines.iter().flat_map(|line| wrap(line, room)).collect();
        let notes: usize = self
            .choices
            .iter()
            .filter(|choice| !choice.note.is_empty())
            .count();
        // One beside the other where they have room, else one under the other.
        let together: usize = self.choices.iter().map(|choice| choice.label.width() + 7).sum();
        let stacked = notes > 0 || together > room;
        let buttons = if stacked { self.choices.len() + notes } else { 1 };
        let wanted = lines.len() + usize::from(self.typed.is_some()) * 2 + buttons + 3;
        let area = centred(shared.size, width, wanted as u16);
        let inner = Rect {
            x: area.x + 3,
            y: area.y + 1,
            width: area.width.saturating_sub(6),
            height: area.height.saturating_sub(2),
        };
        // Where room is short the text gives way, never the buttons.
        let kept = usize::from(inner.height)
            .saturating_sub(wanted - 2 - lines.len())
            .min(lines.len());
        let row = kept as u16 + u16::from(self.typed.is_some());
        let row = row + u16::from(inner.height > row + buttons as u16);
        Plan {
            area,
            inner,
            lines: lines.into_iter().take(kept).collect(),
            buttons: self.buttons(inner, row, stacked),
        }
    }

    /// The column and row of every button's mark, inside.
    fn buttons(&self, inner: Rect, mut row: u16, stacked: bool) -> Vec<(u16, u16)> {
        let mut x = 0;
        let place = |(at, choice): (usize, &Choice)| {
            let place = (x, row);
            if stacked {
                row += 1 + u16::from(!choice.note.is_empty());
            } else {
                x += choice.label.width() as u16 + 7;
                x += if self.says_locked(at, inner) { LOCKED.len() as u16 } else { 0 };
            }
            place
        };
        self.choices.iter().enumerate().map(place).collect()
    }

    fn says_locked(&self, at: usize, inner: Rect) -> bool {
        at > 0 && self.locked() && inner.width >= 40
    }

    /// A click presses the button it points at.
    pub(crate) fn click(&self, at: Position, shared: &Shared) -> Option<Outcome> {
        if shared.now < self.opened + Self::DEAF {
            return None;
        }
        let plan = self.plan(shared);
        let hit = |(place, choice): (&(u16, u16), &Choice)| {
            let (x, y) = (plan.inner.x + place.0, plan.inner.y + place.1);
            at.y == y && (x..x + choice.label.width() as u16 + 5).contains(&at.x)
        };
        let hit = plan.buttons.iter().zip(&self.choices).position(hit)?;
        self.press(hit)
    }

    /// Draws it in the middle; says where the caret is.
    pub(crate) fn view(&self, shared: &Shared, buf: &mut Buffer) -> Option<Position> {
        let plan = self.plan(shared);
        let (area, inner) = (plan.area, plan.inner);
        Clear.render(area, buf);
        let border = shared.style(Slot::BorderFocus);
        Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(border)
            .render(area, buf);
        put(
            buf,
            area,
            2,
            0,
            &format!(" {} ", self.title),
            shared.style(Slot::Title),
        );
        for (row, line) in plan.lines.iter().enumerate() {
            put(buf, inner, 0, row as u16, line, shared.style(Slot::Fg));
        }
        let caret = self.typed.as_ref().map(|(name, field)| {
            let row = plan.lines.len() as u16;
            let text = format!("Type {name}: ");
            let at = put(buf, inner, 0, row, &text, shared.style(Slot::Fg));
            field.draw(buf, inner, at, row, shared.style(Slot::Accent))
        });
        for (at, (choice, (x, row))) in self.choices.iter().zip(&plan.buttons).enumerate() {
            let style = match (at == self.focus, at > 0 && self.locked()) {
                (true, _) => shared.theme.selection(),
                (_, true) => shared.style(Slot::Muted),
                _ => shared.style(Slot::Fg),
            };
            let mark = if at == self.focus { "▌" } else { " " };
            let mut x = x + put(buf, inner, *x, *row, mark, shared.style(Slot::Accent));
            x += put(buf, inner, x, *row, &format!("[ {} ]", choice.label), style);
            if self.says_locked(at, inner) {
                put(buf, inner, x, *row, LOCKED, shared.style(Slot::Muted));
            }
            if !choice.note.is_empty() {
                put(buf, inner, 5, row + 1, &choice.note, shared.style(Slot::Muted));
            }
        }
        caret
    }
}

/// Behind a button that waits for a name.
const LOCKED: &str = " (locked)";

/// Where everything of a question is.
struct Plan {
    area: Rect,
    inner: Rect,
    /// The lines that have room.
    lines: Vec<String>,
    /// The column and row of every button's mark, inside.
    buttons: Vec<(u16, u16)>,
}

/// A button.
pub(crate) fn choice(label: impl Into<String>, note: impl Into<String>, outcome: Outcome) -> Choice {
    Choice {
        label: label.into(),
        note: note.into(),
        outcome,
    }
}

/// The harmless button.
pub(crate) fn cancel(label: &str) -> Choice {
    choice(label, "", Outcome::Close)
}

fn running(jobs: usize) -> String {
    if jobs == 1 {
        "1 job is running".to_owned()
    } else {
        format!("{jobs} jobs are running")
    }
}
