//! The picture of the settings: sections, lines, and beside them the selected line in full or the theme that is tried out.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::tui::context::Shared;
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::text::{put, put_all, put_right, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{bar, failure, pane};

use super::lines::{Line, What};
use super::section::{Section, is_theme};
use super::{Mode, Settings};

/// Where the parts are: sections, lines, what is beside or below them.
struct Parts {
    sections: Rect,
    lines: Rect,
    beside: Rect,
}

fn parts(area: Rect) -> Parts {
    match Width::of(area.width) {
        Width::Wide => {
            let (sections, rest) = left(area, 14);
            let beside = if rest.width >= 100 { 40 } else { 36 };
            let (lines, beside) = left(rest, rest.width.saturating_sub(beside));
            Parts {
                sections,
                lines,
                beside,
            }
        }
        Width::Medium => {
            let (sections, rest) = top(area, 1);
            let below = if rest.height >= 16 { 7 } else { 0 };
            let (lines, beside) = top(rest, rest.height.saturating_sub(below));
            Parts {
                sections,
                lines,
                beside,
            }
        }
        Width::Narrow => {
            let (sections, lines) = top(area, 1);
            let beside = Rect { height: 0, ..lines };
            Parts {
                sections,
                lines,
                beside,
            }
        }
    }
}

/// Rows that a page of lines has.
pub(super) fn page(shared: &Shared) -> usize {
    let lines = parts(shell(shared.size).body).lines;
    usize::from(inside(lines, shared.size.width).height)
}

pub(super) fn view(screen: &Settings, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let parts = parts(area);
    sections(screen, shared, parts.sections, buf);
    let fact = match &screen.mode {
        Mode::Choosing(_) if screen.trying_theme() => "moving tries it out, esc leaves it as it was",
        Mode::Choosing(_) => "enter keeps, esc leaves it as it was",
        Mode::Typing(..) => "enter keeps, empty is the default",
        Mode::Finding | Mode::Reading => "",
    };
    let inner = pane(buf, parts.lines, screen.section.name(), fact, true, shared);
    let caret = match &screen.mode {
        Mode::Choosing(_) => {
            choices(screen, shared, inner, buf);
            None
        }
        _ => list(screen, shared, inner, buf),
    };
    if parts.beside.height > 2 {
        let theme = screen.section == Section::Theme && Width::of(area.width) == Width::Wide;
        if theme || screen.trying_theme() {
            preview(shared, parts.beside, buf);
        } else {
            detail(screen, shared, parts.beside, buf);
        }
    }
    caret
}

fn sections(screen: &Settings, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let column = area.height > 1;
    let mut at = 1;
    for (row, section) in Section::ALL.into_iter().enumerate() {
        let open = section == screen.section;
        let style = shared.style(if open { Slot::Title } else { Slot::Muted });
        let name = section.name();
        if column {
            let text = if open {
                format!("[{name:<9}]")
            } else {
                format!(" {name}")
            };
            put(buf, area, 1, row as u16 + 1, &text, style);
        } else if open || Width::of(area.width) != Width::Narrow {
            let text = if open {
                format!("[{name}]")
            } else {
                name.to_owned()
            };
            at += put(buf, area, at, 0, &text, style) + 1;
        }
    }
    if !column && Width::of(area.width) == Width::Narrow {
        put_right(buf, area, 0, "[ ] other sections ", shared.style(Slot::Muted));
    }
}

/// The lines; says where the caret is if something is typed.
fn list(screen: &Settings, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
    if let (None, Some(error)) = (screen.asked.value(), screen.asked.error()) {
        failure(buf, area, error, shared);
        return None;
    }
    let lines = screen.shown(shared);
    let keys = screen.section == Section::Keymap;
    let label = match Width::of(shared.size.width) {
        Width::Narrow => 20,
        _ if keys => 20,
        _ if screen.section == Section::Paths => 14,
        _ if matches!(screen.section, Section::Privacy | Section::About) => 20,
        _ if screen.section == Section::Database => 30,
        _ => 28,
    };
    if lines.is_empty() {
        put(
            buf,
            area,
            2,
            0,
            "Nothing has these letters; esc shows everything.",
            shared.style(Slot::Muted),
        );
    }
    let mut caret = None;
    let shown = lines.iter().enumerate().skip(screen.cursor.offset);
    for (row, (at, line)) in shown.take(usize::from(area.height)).enumerate() {
        let row = row as u16;
        let typed = match &screen.mode {
            Mode::Typing(key, field) if at == screen.cursor.selected => (*key == line.label).then_some(field),
            _ => None,
        };
        let room = Rect {
            width: area.width.saturating_sub(1).min(LINE),
            ..area
        };
        one(line, shared, room, row, label, buf);
        if at == screen.cursor.selected {
            put(buf, area, 0, row, "▌", shared.style(Slot::Accent));
            let line = Rect {
                y: area.y + row,
                height: 1,
                ..area
            };
            if let Some(field) = typed {
                let blank = " ".repeat(usize::from(area.width.saturating_sub(label + 2)));
                put(buf, area, label + 2, row, &blank, shared.style(Slot::Fg));
                caret = Some(field.draw(buf, area, label + 2, row, shared.style(Slot::Accent)));
            } else {
                buf.set_style(line, shared.theme.selection());
            }
        }
    }
    caret
}

/// Columns of a line at most: its note stands near what it is about.
const LINE: u16 = 100;

fn one(line: &Line, shared: &Shared, area: Rect, row: u16, label: u16, buf: &mut Buffer) {
    let style = shared.style(line.slot);
    let narrow = Width::of(shared.size.width) == Width::Narrow;
    let note = if narrow && !matches!(line.what, What::Rule(_) | What::Clean) {
        ""
    } else {
        &line.note
    };
    let taken = if note.is_empty() {
        0
    } else {
        note.chars().count() as u16 + 2
    };
    let room = Rect {
        width: area.width.saturating_sub(taken),
        ..area
    };
    // A label without a value may be as long as the line.
    if line.value.is_empty() {
        put(buf, room, 2, row, &line.label, style);
    } else {
        let name = Rect {
            width: (label + 1).min(room.width),
            ..area
        };
        put(buf, name, 2, row, &line.label, style);
        put(buf, room, label + 2, row, &line.value, style);
    }
    put_right(buf, area, row, note, shared.style(Slot::Muted));
}

fn choices(screen: &Settings, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let Mode::Choosing(choosing) = &screen.mode else {
        return;
    };
    put(buf, area, 2, 0, &choosing.key, shared.style(Slot::Title));
    let list = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    let shown = choosing.options.iter().enumerate().skip(choosing.cursor.offset);
    for (row, (at, option)) in shown.take(usize::from(list.height)).enumerate() {
        let row = row as u16;
        let end = put(buf, list, 4, row, &option.label, shared.style(Slot::Fg));
        let about = Rect {
            width: list.width.saturating_sub(1),
            ..list
        };
        put(
            buf,
            about,
            (end + 6).max(34),
            row,
            &option.about,
            shared.style(Slot::Muted),
        );
        if option.value == choosing.now {
            put(buf, list, 2, row, "●", shared.style(Slot::Accent));
        }
        if at == choosing.cursor.selected {
            put(buf, list, 0, row, "▌", shared.style(Slot::Accent));
            let line = Rect {
                y: list.y + row,
                height: 1,
                ..list
            };
            buf.set_style(line, shared.theme.selection());
        }
    }
}

fn detail(screen: &Settings, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let lines = screen.shown(shared);
    let line = lines.get(screen.cursor.selected);
    let title = line.map_or("", |line| line.label.trim());
    let inner = pane(buf, area, title, "", false, shared);
    let rows = line.into_iter().flat_map(|line| &line.about);
    let width = usize::from(inner.width).saturating_sub(2);
    let rows = rows.flat_map(|text| {
        let rows = wrap(text, width);
        if rows.is_empty() {
            vec![String::new()]
        } else {
            rows
        }
    });
    for (row, text) in rows.enumerate() {
        put(buf, inner, 1, row as u16, &text, shared.style(Slot::Fg));
    }
}

/// The theme in force, in everything it colours.
fn preview(shared: &Shared, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "Preview", shared.theme.name(), false, shared);
    let style = |slot| shared.style(slot);
    let mut row = 0;
    let mut say = |spans: &[(&str, Style)]| {
        put_all(buf, inner, 1, row, spans);
        row += 1;
    };
    let fg = style(Slot::Fg);
    say(&[
        ("▌", style(Slot::Accent)),
        (" selected row        ● running   ", shared.theme.selection()),
    ]);
    say(&[("  normal row          ", fg), ("✓ completed", style(Slot::Ok))]);
    say(&[
        ("  dim row             ", style(Slot::Muted)),
        ("✗ failed", style(Slot::Error)),
    ]);
    say(&[
        ("  ", fg),
        (&bar(0.6, 18), style(Slot::Chart1)),
        (" 60 %  ", fg),
        ("‖ paused", style(Slot::Paused)),
    ]);
    say(&[]);
    say(&[
        ("title ", style(Slot::Title)),
        ("text ", fg),
        ("muted ", style(Slot::Muted)),
        ("accent ", style(Slot::Accent)),
        ("match", style(Slot::Match)),
    ]);
    say(&[
        ("info ", style(Slot::Info)),
        ("ok ", style(Slot::Ok)),
        ("warn ", style(Slot::Warn)),
        ("error ", style(Slot::Error)),
        ("running", style(Slot::Running)),
    ]);
    say(&[
        ("▇▇ one ", style(Slot::Chart1)),
        ("▇▇ two ", style(Slot::Chart2)),
        ("▇▇ three ", style(Slot::Chart3)),
        ("▇▇ four", style(Slot::Chart4)),
    ]);
    say(&[
        ("{\"", fg),
        ("key", style(Slot::JsonKey)),
        ("\": \"", fg),
        ("text", style(Slot::JsonStr)),
        ("\", \"n\": ", fg),
        ("42", style(Slot::JsonNum)),
        ("}", fg),
    ]);
    say(&[
        ("{{ known }} ", style(Slot::Var)),
        ("{{ unknown }}", style(Slot::VarUnknown)),
    ]);
    say(&[
        ("+ added ", style(Slot::DiffAdd)),
        ("- removed", style(Slot::DiffDel)),
    ]);
    say(&[]);
    say(&[("contrast", style(Slot::Title))]);
    for (name, slot) in [
        ("text", Slot::Fg),
        ("muted", Slot::Muted),
        ("borders", Slot::Border),
        ("selected", Slot::SelectionFg),
        ("errors", Slot::Error),
    ] {
        let text = match shared.theme.contrast_of(slot) {
            Some(found) => {
                let grade = match found {
                    7.0.. => "AAA",
                    4.5.. => "AA",
                    3.0.. => "for lines",
                    _ => "too little",
                };
                format!("{name:<9} {found:>5.1} : 1  {grade}")
            }
            None => format!("{name:<9} as the terminal has it"),
        };
        say(&[(&text, fg)]);
    }
}

impl Settings {
    /// Whether a theme is being tried out.
    pub(super) fn trying_theme(&self) -> bool {
        matches!(&self.mode, Mode::Choosing(choosing) if is_theme(&choosing.key))
    }
}
