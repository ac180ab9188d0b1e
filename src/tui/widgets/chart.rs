//! Charts of one or two series: lines of braille dots where the terminal has Unicode, columns of blocks where not, and sparklines.

use std::cmp::Ordering;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use crate::tui::context::Shared;
use crate::tui::text::{put, put_right};
use crate::tui::theme::Slot;

/// A series with its style, oldest value first, `None` before the first.
pub(crate) type Series = (Vec<Option<f64>>, Style);

/// Values that a row of `columns` cells can show: two a cell with braille dots.
pub(crate) fn columns(area: Rect, ascii: bool) -> usize {
    let cells = usize::from(area.width.saturating_sub(AXIS));
    if ascii { cells } else { cells * 2 }
}

/// Cells for the numbers of the axis and the axis itself.
const AXIS: u16 = 6;

/// The eight heights of a block.
const BLOCKS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A value a little above `most` that reads well: 1, 2 or 5 times a power of ten.
fn ceiling(most: f64) -> f64 {
    if most <= 1.0 {
        return 1.0;
    }
    let power = 10f64.powf(most.log10().floor());
    let fits = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= most);
    fits.unwrap_or(most)
}

/// How values become heights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    /// In proportion.
    #[default]
    Linear,
    /// By their logarithm, over three powers of ten.
    Logarithmic,
}

impl Scale {
    /// Powers of ten that a logarithmic scale shows.
    const POWERS: f64 = 3.0;

    /// The height of a value, from 0 to 1.
    fn height(self, value: f64, most: f64) -> f64 {
        let part = value / most;
        match self {
            Self::Linear => part.clamp(0.0, 1.0),
            Self::Logarithmic => (part.max(1e-12).log10() / Self::POWERS + 1.0).clamp(0.0, 1.0),
        }
    }

    /// The value at a height.
    fn value(self, height: f64, most: f64) -> f64 {
        match self {
            Self::Linear => most * height,
            Self::Logarithmic => most * 10f64.powf((height - 1.0) * Self::POWERS),
        }
    }
}

/// Draws series on one scale, with the scale on the left.
pub(crate) fn chart(
    buf: &mut Buffer,
    area: Rect,
    series: &[Series],
    scale: Scale,
    label: fn(f64) -> String,
    shared: &Shared,
) {
    if area.height < 2 || area.width < AXIS + 4 {
        return;
    }
    let values = series.iter().flat_map(|(values, _)| values.iter().flatten());
    let most = ceiling(values.copied().fold(0.0, f64::max));
    axis(buf, area, |height| label(scale.value(height, most)), shared);
    let plot = Rect {
        x: area.x + AXIS,
        width: area.width - AXIS,
        ..area
    };
    for (values, style) in series {
        let heights: Vec<Option<f64>> = values
            .iter()
            .map(|value| value.map(|value| scale.height(value, most)))
            .collect();
        if shared.options.ascii {
            blocks(buf, plot, &heights, 1.0, *style);
        } else {
            dots(buf, plot, &heights, 1.0, *style);
        }
    }
}

/// The axis with a number at its ends and, where there is room, in the middle.
fn axis(buf: &mut Buffer, area: Rect, label: impl Fn(f64) -> String, shared: &Shared) {
    let numbers = Rect {
        width: AXIS - 1,
        ..area
    };
    for row in 0..area.height {
        let height = f64::from(area.height - 1 - row) / f64::from(area.height - 1);
        let middle = area.height >= 7 && area.height % 2 == 1 && row == area.height / 2;
        let labelled = row == 0 || row + 1 == area.height || middle;
        if labelled {
            put_right(buf, numbers, row, &label(height), shared.style(Slot::Muted));
        }
        let mark = match (row + 1 == area.height, labelled) {
            (true, _) => "┼",
            (_, true) => "┤",
            _ => "│",
        };
        put(buf, area, AXIS - 1, row, mark, shared.style(Slot::Border));
    }
}

/// A line of braille dots, two across and four down a cell; neighbours are joined by a vertical stroke.
fn dots(buf: &mut Buffer, plot: Rect, values: &[Option<f64>], most: f64, style: Style) {
    // Bits of U+2800 by column and row of a cell.
    const BITS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    let (width, height) = (usize::from(plot.width), usize::from(plot.height));
    let levels = height * 4 - 1;
    let level = |value: f64| levels - ((value / most).clamp(0.0, 1.0) * levels as f64).round() as usize;
    let mut grid = vec![0u32; width * height];
    let mut before: Option<usize> = None;
    for (x, value) in values.iter().take(width * 2).enumerate() {
        let Some(y) = value.map(level) else { continue };
        let from = before.unwrap_or(y);
        // Half of the stroke belongs to the column before; this one draws from next to it.
        let (low, high) = match from.cmp(&y) {
            Ordering::Less => (from + 1, y),
            Ordering::Greater => (y, from - 1),
            Ordering::Equal => (y, y),
        };
        for dot in low..=high {
            grid[dot / 4 * width + x / 2] |= BITS[x % 2][dot % 4];
        }
        before = Some(y);
    }
    for (at, bits) in grid.into_iter().enumerate().filter(|(_, bits)| *bits != 0) {
        let (x, y) = (plot.x + (at % width) as u16, plot.y + (at / width) as u16);
        let cell = &mut buf[(x, y)];
        let there = cell
            .symbol()
            .chars()
            .next()
            .map_or(0, |c| (c as u32).wrapping_sub(0x2800));
        let merged = if there <= 0xff { bits | there } else { bits };
        cell.set_char(char::from_u32(0x2800 + merged).unwrap_or('.'))
            .set_style(style);
    }
}

fn blocks(buf: &mut Buffer, plot: Rect, values: &[Option<f64>], most: f64, style: Style) {
    let height = usize::from(plot.height) * 8;
    for (x, value) in values.iter().take(usize::from(plot.width)).enumerate() {
        let Some(value) = value else { continue };
        let mut eighths = ((value / most).clamp(0.0, 1.0) * height as f64).round() as usize;
        for row in (0..plot.height).rev() {
            let here = eighths.min(8);
            if here == 0 {
                break;
            }
            put(buf, plot, x as u16, row, BLOCKS[here - 1], style);
            eighths -= here;
        }
    }
}

/// One row of blocks, scaled to its own greatest value.
pub(crate) fn sparkline(values: &[Option<f64>]) -> String {
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let block = |value: &Option<f64>| match value {
        None => " ",
        Some(_) if most <= 0.0 => BLOCKS[0],
        Some(value) => BLOCKS[((value / most * 7.0).round() as usize).min(7)],
    };
    values.iter().map(block).collect()
}

/// Names the series at the end of their lines' heading: `in` and `out` in their colours, from the right edge.
pub(crate) fn legend(buf: &mut Buffer, area: Rect, row: u16, names: &[(String, Style)]) {
    let width: usize = names.iter().map(|(name, _)| name.width() + 4).sum();
    let mut at = usize::from(area.width).saturating_sub(width) as u16;
    for (name, style) in names {
        at += put(buf, area, at, row, "─ ", *style);
        at += put(buf, area, at, row, name, Style::new()) + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_read_well() {
        let labels = [0.0, 0.4, 3.0, 41.0, 700.0].map(|most| format!("{:.0}", ceiling(most)));
        assert_eq!(labels, ["1", "1", "5", "50", "1000"]);
    }

    #[test]
    fn a_logarithmic_scale_shows_three_powers_of_ten() {
        let heights = [1000.0, 100.0, 1.0, 0.0].map(|value| Scale::Logarithmic.height(value, 1000.0));
        assert!((heights[0] - 1.0).abs() < 1e-9 && (heights[1] - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(heights[2..], [0.0, 0.0]);
        for height in [0.0, 0.4, 1.0] {
            for scale in [Scale::Linear, Scale::Logarithmic] {
                assert!((scale.height(scale.value(height, 50.0), 50.0) - height).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_sparkline_is_as_long_as_its_values() {
        assert_eq!(sparkline(&[None, Some(0.0), Some(5.0), Some(10.0)]), " ▁▅█");
        assert_eq!(sparkline(&[Some(0.0); 3]), "▁▁▁");
    }

    #[test]
    fn a_rising_line_touches_both_corners() {
        let area = Rect::new(0, 0, 4, 2);
        let mut buf = Buffer::empty(area);
        let values: Vec<_> = (0..8).map(|value| Some(f64::from(value))).collect();
        dots(&mut buf, area, &values, 7.0, Style::new());
        assert_ne!(buf[(0, 1)].symbol(), " ");
        assert_ne!(buf[(3, 0)].symbol(), " ");
        assert_eq!(buf[(0, 0)].symbol(), " ");
    }
}
