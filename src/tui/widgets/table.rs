//! A table that draws only the rows it is given: whoever has a million rows gives the page that is seen.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::tui::context::Shared;
use crate::tui::text::{put, put_right};
use crate::tui::theme::Slot;

/// A column.
pub(crate) struct Column {
    /// Its heading.
    pub(crate) title: &'static str,
    /// Cells at least.
    pub(crate) width: u16,
    /// Numbers stand right.
    pub(crate) right: bool,
    /// Where room is short, columns of low rank go first.
    pub(crate) rank: u8,
    /// It takes what is left over; the first one does where none is marked.
    pub(crate) grows: bool,
}

/// A column of text.
pub(crate) const fn words(title: &'static str, width: u16, rank: u8) -> Column {
    Column {
        title,
        width,
        right: false,
        rank,
        grows: false,
    }
}

/// A column of text that takes what is left over.
pub(crate) const fn prose(title: &'static str, width: u16, rank: u8) -> Column {
    Column {
        title,
        width,
        right: false,
        rank,
        grows: true,
    }
}

/// A column of numbers.
pub(crate) const fn numbers(title: &'static str, width: u16, rank: u8) -> Column {
    Column {
        title,
        width,
        right: true,
        rank,
        grows: false,
    }
}

/// One cell: text and style.
pub(crate) type Cell = (String, Style);

const GUTTER: u16 = 2;
const GAP: u16 = 2;

/// What a column of names takes at most of what is left over: figures do not stand far away from what they are about.
const NAMES: u16 = 24;

/// Which columns fit, and how wide each of them is.
fn widths(columns: &[Column], room: u16) -> Vec<(usize, u16)> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let taken =
        |shown: &[usize]| -> u16 { GUTTER + shown.iter().map(|at| columns[*at].width + GAP).sum::<u16>() };
    while taken(&shown) > room && shown.len() > 1 {
        let least = shown.iter().skip(1).min_by_key(|at| columns[**at].rank).copied();
        shown.retain(|at| Some(*at) != least);
    }
    let spare = room.saturating_sub(taken(&shown));
    let grower = shown.iter().copied().find(|at| columns[*at].grows).unwrap_or(0);
    let more = |at: usize| match at == grower {
        true if columns[at].grows => spare,
        true => spare.min(NAMES),
        false => 0,
    };
    let width = |at: usize| columns[at].width + more(at);
    shown.into_iter().map(|at| (at, width(at))).collect()
}

/// Which of the rows shown stands at this place of the screen; none on the heading or beside the table.
pub(crate) fn row_at(area: Rect, at: Position) -> Option<usize> {
    let inside = area.contains(at) && at.y > area.y;
    inside.then(|| usize::from(at.y - area.y - 1))
}

/// Draws the heading and the rows under it; `selected` is the place among them of the one with the mark.
pub(crate) fn table(
    buf: &mut Buffer,
    area: Rect,
    columns: &[Column],
    rows: impl Iterator<Item = Vec<Cell>>,
    selected: Option<usize>,
    shared: &Shared,
) {
    let widths = widths(columns, area.width);
    let mut draw = |row: u16, cell: &dyn Fn(usize) -> Option<Cell>| {
        let mut x = GUTTER;
        for (at, width) in &widths {
            let slot = Rect {
                x: area.x + x,
                width: (*width).min(area.width.saturating_sub(x)),
                ..area
            };
            if let Some((text, style)) = cell(*at) {
                if columns[*at].right {
                    put_right(buf, slot, row, &text, style);
                } else {
                    put(buf, slot, 0, row, &text, style);
                }
            }
            x += width + GAP;
        }
        if selected.is_some_and(|selected| selected + 1 == usize::from(row)) && row < area.height {
            put(buf, area, 0, row, "▌", shared.style(Slot::Accent));
            let line = Rect {
                y: area.y + row,
                height: 1,
                ..area
            };
            buf.set_style(line, shared.theme.selection());
        }
    };
    draw(0, &|at| {
        Some((columns[at].title.to_owned(), shared.style(Slot::Muted)))
    });
    for (row, cells) in rows.take(usize::from(area.height.saturating_sub(1))).enumerate() {
        draw(row as u16 + 1, &|at| cells.get(at).cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_low_rank_go_first() {
        let columns = [words("NAME", 10, 9), words("STATE", 8, 5), numbers("COST", 6, 2)];
        assert_eq!(widths(&columns, 40), [(0, 18), (1, 8), (2, 6)]);
        assert_eq!(widths(&columns, 24), [(0, 10), (1, 8)]);
        assert_eq!(widths(&columns, 14), [(0, 10)]);
        assert_eq!(widths(&columns, 200), [(0, 34), (1, 8), (2, 6)]);
        let text = [words("NAME", 10, 9), prose("TEXT", 14, 9)];
        assert_eq!(widths(&text, 200), [(0, 10), (1, 184)]);
    }
}
