//! A job's overview: seven panes, beside each other where there is room, else one under the other and scrolled. One place is
//! selected in all of them together; going past the end of a pane leads into the next.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::context::Shared;
use crate::tui::keys::Action;
use crate::tui::layout::{Width, left, top};
use crate::tui::text::put;
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::turned;

use super::panes::{self, Drawing};
use super::{Facts, Page, Target};

/// A pane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Part {
    /// Where the tasks stand.
    #[default]
    Tasks,
    /// Where the samples went.
    Funnel,
    /// Who answered.
    Teachers,
    /// Cost and limits.
    Limits,
    /// What failed.
    Errors,
    /// How long answers took.
    Latency,
    /// What happened.
    Log,
}

impl Part {
    const ALL: [Self; 7] = [
        Self::Tasks,
        Self::Funnel,
        Self::Teachers,
        Self::Limits,
        Self::Errors,
        Self::Latency,
        Self::Log,
    ];

    /// Rows one can select.
    fn rows(self, facts: &Facts) -> usize {
        match self {
            Self::Tasks => panes::TASKS.len(),
            Self::Funnel => panes::funnel_rows(facts),
            Self::Teachers => facts.detail.teachers.len().max(1),
            Self::Errors => facts.failures.map_or(1, <[_]>::len).max(1),
            Self::Limits | Self::Latency | Self::Log => 1,
        }
    }

    /// Rows it takes where the panes stand one under the other, frame included, and the row of its first selectable one.
    fn height(self, facts: &Facts, frame: u16) -> (u16, u16) {
        let rows = |content: usize| content.min(24) as u16 + frame;
        match self {
            Self::Tasks | Self::Funnel => (rows(self.rows(facts)), 1),
            Self::Teachers | Self::Errors => (rows(self.rows(facts) + 1), 2),
            Self::Limits => (rows(panes::LIMITS), 1),
            Self::Latency => (rows(7), 1),
            Self::Log => (rows(6), 1),
        }
    }
}

/// The place that is selected, and how far the stacked panes are scrolled.
#[derive(Debug, Default)]
pub(super) struct Overview {
    part: Part,
    row: usize,
    scroll: u16,
}

/// Whether the panes have room beside each other.
fn wide(area: Rect) -> bool {
    Width::of(area.width) == Width::Wide && area.height >= 24
}

fn frame(shared: &Shared) -> u16 {
    if Width::of(shared.size.width) == Width::Narrow {
        1
    } else {
        2
    }
}

impl Overview {
    /// Moves. False if the action is no movement.
    pub(super) fn act(&mut self, action: Action, facts: &Facts, body: Rect, shared: &Shared) -> bool {
        let page = usize::from(body.height.max(2));
        match action {
            Action::Down => self.step(true, facts),
            Action::Up => self.step(false, facts),
            Action::HalfDown => self.steps(page / 2, true, facts),
            Action::HalfUp => self.steps(page / 2, false, facts),
            Action::PageDown => self.steps(page, true, facts),
            Action::PageUp => self.steps(page, false, facts),
            Action::First => (self.part, self.row) = (Part::Tasks, 0),
            Action::Last => (self.part, self.row) = (Part::Log, 0),
            Action::NextPane => self.turn(true),
            Action::PreviousPane => self.turn(false),
            _ => return false,
        }
        self.reveal(facts, body, shared);
        true
    }

    fn turn(&mut self, forward: bool) {
        self.part = Part::ALL[turned(self.part as usize, Part::ALL.len(), forward)];
        self.row = 0;
    }

    fn steps(&mut self, count: usize, forward: bool, facts: &Facts) {
        for _ in 0..count {
            self.step(forward, facts);
        }
    }

    fn step(&mut self, forward: bool, facts: &Facts) {
        let last = self.part.rows(facts) - 1;
        self.row = self.row.min(last);
        match (forward, self.part) {
            (true, _) if self.row < last => self.row += 1,
            (true, Part::Log) => {}
            (true, _) => self.turn(true),
            (false, _) if self.row > 0 => self.row -= 1,
            (false, Part::Tasks) => {}
            (false, _) => {
                self.turn(false);
                self.row = self.part.rows(facts) - 1;
            }
        }
    }

    /// Scrolls so far that the selected place is seen; to the very top with the first one.
    fn reveal(&mut self, facts: &Facts, body: Rect, shared: &Shared) {
        let frame = frame(shared);
        let before: u16 = Part::ALL[..self.part as usize]
            .iter()
            .map(|part| part.height(facts, frame).0)
            .sum();
        let (height, first) = self.part.height(facts, frame);
        let at = before + first + self.row as u16;
        let page = body.height.saturating_sub(1).max(1);
        // The heading above and the frame below come along.
        let (head, foot) = if self.row == 0 {
            (before, at)
        } else {
            (at, (at + 1).min(before + height))
        };
        if self.part.rows(facts) == 1 {
            // A pane without rows of its own is shown whole.
            self.scroll = self.scroll.max((before + height).saturating_sub(page));
        }
        self.scroll = self.scroll.min(head).max((foot + 1).saturating_sub(page));
        if self.part == Part::Tasks && self.row == 0 {
            self.scroll = 0;
        }
    }

    /// Where `enter` leads.
    pub(super) fn target(&self, facts: &Facts) -> Target {
        match self.part {
            Part::Tasks => match panes::TASKS.get(self.row).map(|(word, ..)| *word) {
                Some("accepted") => Target::Samples("state:accepted".to_owned()),
                Some("rejected") => Target::Samples("state:rejected".to_owned()),
                Some("to review") => Target::Samples("state:needs_review".to_owned()),
                Some("failed") => Target::Page(Page::Errors),
                _ => Target::Samples(String::new()),
            },
            Part::Funnel => panes::funnel_target(facts, self.row),
            Part::Teachers => Target::Page(Page::Providers),
            Part::Limits => Target::Limits,
            Part::Errors => Target::Group(self.row),
            Part::Latency => Target::Providers,
            Part::Log => Target::Page(Page::Log),
        }
    }

    /// Draws the panes.
    pub(super) fn view(&self, facts: &Facts, name: &str, shared: &Shared, area: Rect, buf: &mut Buffer) {
        if !wide(area) {
            return self.stacked(facts, name, shared, area, buf);
        }
        let (upper, rest) = top(area, 10);
        let (tasks, funnel) = left(upper, upper.width / 2);
        let (middle, rest) = top(rest, if rest.height >= 16 { 10 } else { rest.height - 5 });
        let (teachers, limits) = left(middle, middle.width * 63 / 100);
        let lower = if rest.height >= 11 {
            (rest.height - 4).min(9)
        } else {
            rest.height
        };
        let (lower, log) = top(rest, lower);
        let (errors, latency) = left(lower, lower.width * 63 / 100);
        let places = [tasks, funnel, teachers, limits, errors, latency, log];
        for (part, place) in Part::ALL.into_iter().zip(places) {
            self.draw(part, facts, name, shared, place, buf);
        }
    }

    fn draw(&self, part: Part, facts: &Facts, name: &str, shared: &Shared, area: Rect, buf: &mut Buffer) {
        if area.height < 2 {
            return;
        }
        let mut drawing = Drawing {
            facts,
            name,
            selected: (part == self.part).then_some(self.row),
            shared,
            area,
            buf,
        };
        match part {
            Part::Tasks => drawing.tasks(),
            Part::Funnel => drawing.funnel(),
            Part::Teachers => drawing.teachers(),
            Part::Limits => drawing.limits(),
            Part::Errors => drawing.errors(),
            Part::Latency => drawing.latency(),
            Part::Log => drawing.log(),
        }
    }

    /// One under the other on a sheet of its own, of which as much is shown as there is room for.
    fn stacked(&self, facts: &Facts, name: &str, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let frame = frame(shared);
        let heights = Part::ALL.map(|part| part.height(facts, frame).0);
        let used: u16 = heights.iter().sum();
        let whole = Rect::new(0, 0, area.width, used);
        let mut sheet = Buffer::empty(whole);
        sheet.set_style(whole, shared.style(Slot::Bg).patch(shared.style(Slot::Fg)));
        let mut rest = whole;
        for (part, height) in Part::ALL.into_iter().zip(heights) {
            let (place, below) = top(rest, height);
            self.draw(part, facts, name, shared, place, &mut sheet);
            rest = below;
        }
        // Where not everything fits, the last row says so.
        let page = if used > area.height {
            area.height.saturating_sub(1)
        } else {
            used
        };
        let from = self.scroll.min(used - page);
        for row in 0..page {
            for column in 0..area.width {
                buf[(area.x + column, area.y + row)] = sheet[(column, from + row)].clone();
            }
        }
        if used > area.height {
            let more = match used - page - from {
                0 => "the end".to_owned(),
                rows => format!("↓ {rows} more rows"),
            };
            put(buf, area, 2, page, &more, shared.style(Slot::Accent));
        }
    }
}
