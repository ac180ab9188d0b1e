//! The providers: how they are, and a test call.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{Answer, Command, Health, ProviderHealth, Query, Receipt, Tested};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, PROVIDERS, Table};
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::message::{Message, Ticket};
use crate::tui::remote::Remote;
use crate::tui::text::{percent, put, put_all, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{badge, empty, failure, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, row_at, table, words};

use super::View;

/// The list of providers.
#[derive(Default)]
pub(crate) struct Providers {
    asked: Remote<Vec<ProviderHealth>>,
    cursor: Cursor,
    /// The provider that is tested now.
    testing: Option<(Ticket, String)>,
    /// What the last test of this session said: provider, answer.
    tested: Option<(String, Tested)>,
}

/// Columns of the table here and on the dashboard.
pub(crate) const COLUMNS: [Column; 8] = [
    words("NAME", 11, 9),
    words("HEALTH", 9, 8),
    numbers("IN-FL", 6, 6),
    numbers("P50", 5, 3),
    numbers("P95", 5, 4),
    numbers("ERR%", 5, 5),
    numbers("429", 4, 2),
    numbers("COST", 6, 7),
];

/// The word of a provider's health.
pub(crate) fn word(health: Health) -> &'static str {
    match health {
        Health::Up => "up",
        Health::Slow => "slow",
        Health::Limited => "limited",
        Health::Down => "down",
        Health::Off => "off",
    }
}

fn seconds(ms: u64) -> String {
    if ms == 0 {
        "-".to_owned()
    } else {
        format!("{:.1}s", ms as f64 / 1000.0)
    }
}

/// A provider's row.
pub(crate) fn cells(one: &ProviderHealth, shared: &Shared) -> Vec<Cell> {
    let fg = shared.style(Slot::Fg);
    let (glyph, slot) = badge(word(one.health));
    vec![
        (one.name.clone(), fg),
        (format!("{glyph} {}", word(one.health)), shared.style(slot)),
        (format!("{}/{}", one.in_flight, one.limit), fg),
        (seconds(one.p50_ms), fg),
        (seconds(one.p95_ms), fg),
        (percent(one.errors, one.requests), fg),
        (
            if one.limited == 0 {
                "-".to_owned()
            } else {
                grouped(one.limited)
            },
            fg,
        ),
        (one.usd.to_string(), fg),
    ]
}

fn panes(area: Rect) -> (Rect, Rect) {
    match Width::of(area.width) {
        Width::Narrow => (area, Rect { height: 0, ..area }),
        Width::Medium => top(area, area.height / 2),
        Width::Wide => left(area, area.width * 3 / 5),
    }
}

impl Providers {
    /// The gauge's, which are newer, else the asked ones.
    fn all<'a>(&'a self, shared: &'a Shared) -> &'a [ProviderHealth] {
        let gauge = shared
            .progress
            .as_ref()
            .map(|progress| &progress.providers)
            .filter(|all| !all.is_empty());
        gauge.or(self.asked.value()).map_or(&[], Vec::as_slice)
    }

    fn selected<'a>(&'a self, shared: &'a Shared) -> Option<&'a ProviderHealth> {
        self.all(shared).get(self.cursor.selected)
    }

    fn detail(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let Some(one) = self.selected(shared).filter(|_| area.height > 2) else {
            return;
        };
        let inner = pane(buf, area, &one.name, &one.kind, false, shared);
        let width = usize::from(inner.width.saturating_sub(2));
        let (fg, muted) = (shared.style(Slot::Fg), shared.style(Slot::Muted));
        let mut row = 0;
        if let Some(message) = &one.message {
            for line in wrap(message, width) {
                put(buf, inner, 1, row, &line, shared.style(Slot::Warn));
                row += 1;
            }
            row += 1;
        }
        let requests = format!("{} sent, {} failed", grouped(one.requests), grouped(one.errors));
        let lines = [
            ("requests", requests),
            ("slow down", format!("asked {}×", grouped(one.limited))),
            ("spent", one.usd.to_string()),
        ];
        for (name, text) in lines {
            put_all(
                buf,
                inner,
                1,
                row,
                &[(&format!("{name:<11}"), muted), (&text, fg)],
            );
            row += 1;
        }
        row += 1;
        if self.testing.as_ref().is_some_and(|(_, name)| *name == one.name) {
            put(buf, inner, 1, row, "Testing …", shared.style(Slot::Running));
            row += 2;
        } else if let Some((_, tested)) = self.tested.as_ref().filter(|(name, _)| *name == one.name) {
            let text = format!(
                "✓ {} answered in {} ms for {}",
                tested.teacher, tested.latency_ms, tested.usd
            );
            for line in wrap(&text, width) {
                put(buf, inner, 1, row, &line, shared.style(Slot::Ok));
                row += 1;
            }
            put(buf, inner, 3, row, &tested.text, muted);
            row += 2;
        }
        put(
            buf,
            inner,
            1,
            row,
            &format!("Teachers ({})", one.models.len()),
            shared.style(Slot::Title),
        );
        for model in &one.models {
            row += 1;
            put(buf, inner, 2, row, model, fg);
        }
    }
}

impl View for Providers {
    fn bindings(&self, _: &Shared) -> &'static Table {
        &PROVIDERS
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["Providers".to_owned()]
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.asked.ask(Query::Providers, cx);
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        match action {
            Action::Test | Action::Open if self.selected(shared).is_none() => {
                Some("no provider is selected".to_owned())
            }
            Action::Test | Action::Open if self.testing.is_some() => Some("a test is under way".to_owned()),
            _ => None,
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        let rows = self.all(cx.shared).len();
        let list = inside(panes(shell(cx.shared.size).body).0, cx.shared.size.width);
        match message {
            Message::Act(Action::Reload) => self.asked.refresh(Query::Providers, cx),
            Message::Act(Action::Test | Action::Open) => {
                let Some(name) = self.selected(cx.shared).map(|one| one.name.clone()) else {
                    return;
                };
                let ticket = cx.order(Command::TestProvider(name.clone()), format!("{name} answered"));
                self.testing = Some((ticket, name));
            }
            Message::Act(action) => {
                self.cursor
                    .act(*action, rows, usize::from(list.height.saturating_sub(1)));
            }
            Message::Done(ticket, result) => {
                if let Some((_, name)) = self.testing.take_if(|(waiting, _)| waiting == ticket)
                    && let Ok(receipt) = result
                    && let Receipt::Tested(tested) = receipt.as_ref()
                {
                    self.tested = Some((name, tested.clone()));
                }
            }
            _ => {
                let read = |answer: &Answer| {
                    if let Answer::Providers(all) = answer {
                        Some(all.clone())
                    } else {
                        None
                    }
                };
                self.asked.take(message, read, || Query::Providers, cx);
            }
        }
    }

    fn click(&mut self, at: Position, _: bool, cx: &mut Cx) {
        let rows = self.all(cx.shared).len();
        let list = inside(panes(shell(cx.shared.size).body).0, cx.shared.size.width);
        // A second click would be a test call, which costs: that is asked for by its key.
        if let Some(row) = row_at(list, at) {
            self.cursor.click(row, rows);
        }
    }

    fn wheel(&mut self, at: Position, rows: i16, cx: &mut Cx) {
        let area = panes(shell(cx.shared.size).body).0;
        let page = usize::from(inside(area, cx.shared.size.width).height.saturating_sub(1));
        if area.contains(at) {
            self.cursor.wheel(rows, self.all(cx.shared).len(), page);
        }
    }

    fn status(&self, shared: &Shared) -> String {
        format!(
            "{} providers · they are configured in config.toml",
            self.all(shared).len()
        )
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let (list, detail) = panes(area);
        let all = self.all(shared);
        let up = all.iter().filter(|one| one.health == Health::Up).count();
        let inner = pane(
            buf,
            list,
            "Providers",
            &format!("{up} of {} up", all.len()),
            true,
            shared,
        );
        if !all.is_empty() {
            let rows = all.iter().skip(self.cursor.offset).map(|one| cells(one, shared));
            table(
                buf,
                inner,
                &COLUMNS,
                rows,
                Some(self.cursor.selected - self.cursor.offset),
                shared,
            );
            self.detail(shared, detail, buf);
        } else if let Some(error) = self.asked.error() {
            failure(buf, inner, error, shared);
        } else if self.asked.value().is_some() {
            let lines = [
                "No provider is configured; jobs use the built-in mock teacher.",
                "Write [[providers]] into config.toml: `destiler init` makes one with every key explained.",
            ];
            empty(buf, inner, &lines, shared);
        } else if self.asked.is_slow(shared.now) {
            empty(buf, inner, &["Loading the providers …"], shared);
        }
        None
    }
}
