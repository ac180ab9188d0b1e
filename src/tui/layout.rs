//! Where things are, as pure functions of the terminal's size: `update` and `view` call the same ones, so a page is a page for both.

use ratatui::layout::{Rect, Size};

/// The smallest terminal that is drawn on: columns, rows.
pub(crate) const SMALLEST: Size = Size {
    width: 40,
    height: 12,
};

/// Whether it is smaller than that.
pub(crate) fn is_too_small(size: Size) -> bool {
    size.width < SMALLEST.width || size.height < SMALLEST.height
}

/// How much room there is across.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Width {
    /// Under 60 columns: no borders, few columns.
    Narrow,
    /// Under 100.
    Medium,
    /// 100 and more: two panes beside each other.
    Wide,
}

impl Width {
    pub(crate) fn of(columns: u16) -> Self {
        match columns {
            0..60 => Self::Narrow,
            60..100 => Self::Medium,
            _ => Self::Wide,
        }
    }
}

/// The rows around every screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shell {
    /// Where one is, and the facts about the whole engine.
    pub(crate) header: Rect,
    /// The screens to go to; empty on small terminals.
    pub(crate) tabs: Rect,
    /// The screen itself.
    pub(crate) body: Rect,
    /// Mode, counts, prompts; empty on small terminals.
    pub(crate) status: Rect,
    /// The keys.
    pub(crate) footer: Rect,
}

/// Cuts the terminal: header, tabs, body, status, footer. Tabs and status go first where room is short.
pub(crate) fn shell(size: Size) -> Shell {
    let small = u16::from(Width::of(size.width) > Width::Narrow && size.height >= 16);
    let row = |y: u16, height: u16| Rect::new(0, y, size.width, height);
    let body = size.height.saturating_sub(2 + 2 * small);
    Shell {
        header: row(0, 1),
        tabs: row(1, small),
        body: row(1 + small, body),
        status: row(1 + small + body, small),
        footer: row(size.height.saturating_sub(1), 1),
    }
}

/// Cuts `height` rows off the top.
pub(crate) fn top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let rest = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (Rect { height, ..area }, rest)
}

/// Cuts `width` columns off the left.
pub(crate) fn left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let rest = Rect {
        x: area.x + width,
        width: area.width - width,
        ..area
    };
    (Rect { width, ..area }, rest)
}

/// A box of that size in the middle, smaller where there is no room.
pub(crate) fn centred(size: Size, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(size.width), height.min(size.height));
    Rect::new(
        (size.width - width) / 2,
        (size.height - height) / 2,
        width,
        height,
    )
}

/// What is inside a pane: its border costs two rows and columns, or one row for the heading where there are no borders.
pub(crate) fn inside(area: Rect, columns: u16) -> Rect {
    if Width::of(columns) == Width::Narrow {
        return Rect {
            y: area.y + 1.min(area.height),
            height: area.height.saturating_sub(1),
            ..area
        };
    }
    Rect {
        x: area.x + 1.min(area.width),
        y: area.y + 1.min(area.height),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_fills_every_size_without_overlap() {
        for width in 0..130 {
            for height in 0..50 {
                let shell = shell(Size { width, height });
                let rows: u16 = [shell.header, shell.tabs, shell.body, shell.status, shell.footer]
                    .iter()
                    .map(|area| area.height)
                    .sum();
                assert!(rows == height || height < 4, "{width}x{height}: {shell:?}");
            }
        }
    }
}
