//! A page to read over the screen: everything that was said in the corner, a topic of the help, or what a screen has no room for.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use crate::core::api::Level;
use crate::tui::context::Shared;
use crate::tui::keys::{Action, PAGE};
use crate::tui::layout::centred;
use crate::tui::text::{put, put_right, time_of_day, wrap};
use crate::tui::theme::Slot;

use super::Outcome;

/// Topics of the help: title, text.
pub(crate) const TOPICS: [(&str, &str); 6] = [
    (
        "What keys have in common",
        "No small letter loses data or money. What can (C cancel, D delete, R retry, P pause all) is a capital letter and asks first; \
         the key that asks is never the key that confirms.\n\
         What can be taken back is done at once: u takes it back.\n\
         esc goes one level up and never quits; q quits at the top and asks while jobs run; ctrl-c twice within 2 s quits.\n\
         : finds every command by a few letters, ? shows the keys of the place, e there gives one another key.",
    ),
    (
        "States of a job",
        "draft: stored, never started. queued: waits for its turn. running. pausing: waits for what is in flight.\n\
         paused: with a reason a person can act on (asked, a limit, a key, no teacher, the disk).\n\
         completed: nothing is left but reviews. cancelled: stopped for good; what it made stays. failed: its file or its seeds cannot be read.",
    ),
    (
        "How tasks are counted",
        "planned = accepted + rejected + failed + cancelled + pending, always, from the ledger.\n\
         Started is what is in flight, accepted, rejected, failed or needs review.\n\
         A person who accepts a rejected sample overrules the validators; it stays marked as that.",
    ),
    (
        "Reasons of rejection",
        "schema: not the wanted shape. exact_duplicate, near_duplicate, similar_meaning: there is one like it. judge: the score is too low.\n\
         length, regex, refusal, truncated, control_chars: the answer's text. contaminated: it is in a test set. language: not a wanted one. pii, secret: personal data, a key. \
         script: a validator of yours. by_hand: a person said so.",
    ),
    (
        "The terminal",
        "Inside tmux the esc key may be late: `set -s escape-time 10`. Copied text may not arrive: `set -s set-clipboard on`.\n\
         With shift held the mouse selects text as usual. ctrl-l draws the screen anew. NO_COLOR=1 keeps bold and reverse only.\n\
         `destiler doctor` says what this terminal can do.",
    ),
    (
        "Files",
        "config.toml, keymap.toml and themes/*.toml are in the user's config directory; a destiler.toml in the project is stronger.\n\
         Settings ▸ Paths shows all of them with the free space of their disks. Nothing holds a key: they are named, never stored.",
    ),
];

/// A page.
pub(crate) struct Page {
    title: String,
    lines: Vec<(Slot, String)>,
    top: usize,
    /// It covers the whole screen.
    large: bool,
}

impl Page {
    /// A long text over the whole screen.
    pub(crate) fn large(title: impl Into<String>, lines: Vec<(Slot, String)>) -> Self {
        Self {
            title: title.into(),
            lines,
            top: 0,
            large: true,
        }
    }

    /// A topic of the help.
    pub(crate) fn topic(at: usize) -> Self {
        let (title, text) = TOPICS[at.min(TOPICS.len() - 1)];
        let lines = text
            .lines()
            .flat_map(|line| [(Slot::Fg, line.to_owned()), (Slot::Fg, String::new())]);
        Self {
            title: title.to_owned(),
            lines: lines.collect(),
            top: 0,
            large: false,
        }
    }

    /// What was said, the newest first.
    pub(crate) fn messages(shared: &Shared) -> Self {
        let lines = shared.said.iter().rev().map(|said| {
            let ms = shared.options.started_ms + i64::try_from(said.at.as_millis()).unwrap_or(0);
            let at = time_of_day(ms, shared.options.offset_seconds);
            let (glyph, slot) = match said.level {
                Level::Ok => ("·", Slot::Fg),
                Level::Warning => ("▲", Slot::Warn),
                Level::Error => ("✗", Slot::Error),
            };
            (slot, format!("{at} {glyph} {}", said.text))
        });
        let mut lines: Vec<(Slot, String)> = lines.collect();
        if lines.is_empty() {
            lines.push((Slot::Muted, "Nothing was said yet.".to_owned()));
        }
        Self {
            title: "Messages".to_owned(),
            lines,
            top: 0,
            large: false,
        }
    }

    fn area(&self, size: Size) -> Rect {
        if self.large {
            return centred(size, size.width, size.height);
        }
        centred(
            size,
            96.min(size.width.saturating_sub(2)),
            size.height.saturating_sub(4).min(30),
        )
    }

    /// Its lines as rows of that width.
    fn rows(&self, width: usize) -> Vec<(Slot, String)> {
        let wrapped = |(slot, line): &(Slot, String)| {
            let rows = wrap(line, width);
            let rows = if rows.is_empty() {
                vec![String::new()]
            } else {
                rows
            };
            let slot = *slot;
            rows.into_iter().map(move |row| (slot, row))
        };
        self.lines.iter().flat_map(wrapped).collect()
    }

    /// Takes a key.
    pub(crate) fn key(&mut self, chord: &str, shared: &Shared) -> Option<Outcome> {
        let area = self.area(shared.size);
        let page = usize::from(area.height.saturating_sub(2)).max(1);
        let rows = self.rows(usize::from(area.width.saturating_sub(4))).len();
        let last = rows.saturating_sub(page);
        self.top = match shared.keymap.find(&PAGE, chord)? {
            Action::Down => self.top + 1,
            Action::Up => self.top.saturating_sub(1),
            Action::First => 0,
            Action::Last => last,
            Action::PageDown => self.top + page,
            Action::PageUp => self.top.saturating_sub(page),
            _ => return Some(Outcome::Close),
        }
        .min(last);
        None
    }

    /// Draws it in the middle.
    pub(crate) fn view(&self, shared: &Shared, buf: &mut Buffer) {
        let area = self.area(shared.size);
        Clear.render(area, buf);
        buf.set_style(area, shared.style(Slot::Bg).patch(shared.style(Slot::Fg)));
        Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(shared.style(Slot::BorderFocus))
            .render(area, buf);
        put(
            buf,
            area,
            2,
            0,
            &format!(" {} ", self.title),
            shared.style(Slot::Title),
        );
        if self.large {
            let line = Rect {
                width: area.width.saturating_sub(2),
                ..area
            };
            put_right(buf, line, 0, " esc closes ", shared.style(Slot::Muted));
        }
        let inner = Rect {
            x: area.x + 2,
            y: area.y + 1,
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(2),
        };
        let rows = self.rows(usize::from(inner.width));
        let shown = rows.iter().skip(self.top).take(usize::from(inner.height));
        for (row, (slot, line)) in shown.enumerate() {
            put(buf, inner, 0, row as u16, line, shared.style(*slot));
        }
        if rows.len() > usize::from(inner.height) {
            let end = (self.top + usize::from(inner.height)).min(rows.len());
            let line = Rect {
                y: area.bottom().saturating_sub(1),
                width: area.width.saturating_sub(2),
                height: 1,
                ..area
            };
            let text = format!(" {}-{end} of {} ", self.top + 1, rows.len());
            put_right(buf, line, 0, &text, shared.style(Slot::Muted));
        }
    }
}
