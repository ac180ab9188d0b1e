//! The one way text gets on the screen, and numbers in the shape they have there. Whatever is put is made safe first.

use std::borrow::Cow;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::core::text::{is_format, sanitize, sanitize_line};

/// Puts text of any origin on one row of `area`, `at` columns from its left and `row` rows from its top, cut with `…` where it does
/// not fit. Says how many columns it took.
pub(crate) fn put(buf: &mut Buffer, area: Rect, at: u16, row: u16, text: &str, style: Style) -> u16 {
    if row >= area.height || at >= area.width {
        return 0;
    }
    let safe = sanitize_line(text);
    let room = usize::from(area.width - at);
    let text = fit(safe.as_str(), room);
    buf.set_stringn(area.x + at, area.y + row, &text, room, style);
    text.width().min(room) as u16
}

/// [`put`], ending at the right edge of `area`.
pub(crate) fn put_right(buf: &mut Buffer, area: Rect, row: u16, text: &str, style: Style) {
    let width = sanitize_line(text).as_str().width().min(usize::from(area.width)) as u16;
    put(buf, area, area.width - width, row, text, style);
}

/// Spans one after the other from `at`; says how many columns they took.
pub(crate) fn put_all(buf: &mut Buffer, area: Rect, at: u16, row: u16, spans: &[(&str, Style)]) -> u16 {
    let mut end = at;
    for (text, style) in spans {
        end += put(buf, area, end, row, text, *style);
    }
    end - at
}

/// The text, or as much of it as fits with `…` at the end.
pub(crate) fn fit(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut used = 1;
    for grapheme in text.graphemes(true) {
        used += grapheme.width();
        if used > width {
            break;
        }
        out.push_str(grapheme);
    }
    if width > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

/// Breaks text of any origin into safe rows of `width` columns: at line feeds, at spaces where there are some, inside words that are
/// wider than a row.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut rows = Vec::new();
    for line in sanitize(text).as_str().lines() {
        let (mut row, mut used) = (String::new(), 0);
        for word in line.split_inclusive(' ') {
            let fits = used + word.trim_end().width() <= width;
            if !fits && used > 0 {
                rows.push(std::mem::take(&mut row).trim_end().to_owned());
                used = 0;
            }
            for grapheme in word.graphemes(true) {
                if used + grapheme.width() > width && grapheme != " " {
                    rows.push(std::mem::take(&mut row));
                    used = 0;
                }
                used += grapheme.width();
                row.push_str(grapheme);
            }
        }
        rows.push(row.trim_end().to_owned());
    }
    rows
}

/// The same for text that is read line by line: where there is more room, rows are no longer than the eye finds back from.
pub(crate) fn wrap_prose(text: &str, width: usize) -> Vec<String> {
    wrap(text, width.min(PROSE))
}

/// Columns of a row of prose at most.
const PROSE: usize = 100;

/// `18.2k`, `3.10M`: three digits and a letter.
pub(crate) fn compact(number: f64) -> String {
    let (scaled, letter) = match number {
        n if n >= 999.5e6 => (n / 1e9, "G"),
        n if n >= 999.5e3 => (n / 1e6, "M"),
        n if n >= 999.5 => (n / 1e3, "k"),
        n => return format!("{n:.0}"),
    };
    let digits = usize::from(scaled < 99.95);
    format!("{scaled:.digits$}{letter}")
}

/// A rate with one digit, compact when large: `36.8/s`.
pub(crate) fn per_second(rate: f64) -> String {
    if rate < 999.5 {
        format!("{rate:.1}/s")
    } else {
        format!("{}/s", compact(rate))
    }
}

/// [`percent`] with its sign.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        "-".to_owned()
    } else {
        format!("{}%", percent(part, whole))
    }
}

/// [`percent`] in four places: a whole has no digit behind the point.
pub(crate) fn percent_in_four(part: u64, whole: u64) -> String {
    let told = percent(part, whole);
    if told.len() > 4 { "100".to_owned() } else { told }
}

/// `part` of `whole` in per cent with one digit, `-` of nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        "-".to_owned()
    } else {
        format!("{:.1}", part as f64 * 100.0 / whole as f64)
    }
}

/// Bytes as a person reads them.
pub(crate) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..100_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        100_000..10_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// `00:14:20`, with days in front where there are some.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match hours / 24 {
        0 => format!("{hours:02}:{minutes:02}:{:02}", seconds % 60),
        days => format!("{days}d {:02}:{minutes:02}", hours % 24),
    }
}

/// A time left: [`clock`], or a range in whole minutes or hours where there is a later end.
pub(crate) fn span(from: Duration, until: Option<Duration>) -> String {
    let Some(until) = until else { return clock(from) };
    let (from, until) = (from.as_secs(), until.as_secs());
    match until {
        0..120 => format!("{from}–{until} s"),
        120..7_200 => format!("{}–{} min", from / 60, until.div_ceil(60)),
        7_200..172_800 => format!("{}–{} h", from / 3600, until.div_ceil(3600)),
        _ => format!("{}–{} d", from / 86_400, until.div_ceil(86_400)),
    }
}

/// A time long ago, roughly: `40 s`, `12 min`, `3 h`, `9 d`.
pub(crate) fn ago(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Time of day of an instant: milliseconds since 1970 UTC, and the seconds local time is ahead of it.
pub(crate) fn time_of_day(ms: i64, offset: i32) -> String {
    let seconds = (ms.div_euclid(1000) + i64::from(offset)).rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// The last word over a finished picture: nothing in it may move the cursor, hide or turn text around; without Unicode, it is ASCII.
pub(crate) fn sweep(buf: &mut Buffer, ascii: bool) {
    for cell in &mut buf.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() && !symbol.bytes().any(|byte| byte.is_ascii_control()) {
            continue;
        }
        let joined = symbol.chars().count() > 1;
        let bad =
            |c: char| c.is_control() || (is_format(c) && !(joined && matches!(c, '\u{200d}' | '\u{fe0f}')));
        if symbol.chars().any(bad) {
            cell.set_symbol("·");
        }
        if ascii {
            let plain = plain(cell.symbol());
            cell.set_symbol(plain);
        }
    }
}

/// The nearest ASCII of the glyphs we draw.
const PLAIN: [(&str, &str); 16] = [
    ("╭╮╰╯┼┤├", "+"),
    ("─▄▃–", "-"),
    ("│", "|"),
    ("▌▸→", ">"),
    ("●█▇▉", "#"),
    ("▆▅‖", "="),
    ("▂░·", "."),
    ("▁", "_"),
    ("○◌◐", "o"),
    ("✓↓", "v"),
    ("✗×", "x"),
    ("▲", "!"),
    ("…≈", "~"),
    ("↑␛", "^"),
    ("“”", "\""),
    ("⏎", "$"),
];

/// The nearest ASCII of a glyph we draw; `?` for text we do not have letters for.
fn plain(symbol: &str) -> &'static str {
    match PLAIN.iter().find(|(glyphs, _)| glyphs.contains(symbol)) {
        Some((_, ascii)) => ascii,
        None => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_width() {
        let cases = [0.0, 999.0, 9_999.0, 18_200.0, 178_000.0, 17_800_000.0, 5.9e9];
        assert_eq!(
            cases.map(compact),
            ["0", "999", "10.0k", "18.2k", "178k", "17.8M", "5.9G"]
        );
        assert_eq!([36.84, 1234.0].map(per_second), ["36.8/s", "1.2k/s"]);
        assert_eq!(percent(1, 3), "33.3");
        assert_eq!(percent(0, 0), "-");
        assert_eq!(percent_in_four(7, 7), "100");
        assert_eq!(percent_in_four(9_999, 10_000), "100");
        assert_eq!(percent_in_four(999, 1_000), "99.9");
        assert_eq!(clock(Duration::from_secs(860)), "00:14:20");
        let range = |from, until| span(Duration::from_secs(from), Some(Duration::from_secs(until)));
        assert_eq!(range(860, 1_050), "14–18 min");
        assert_eq!(range(4_000, 9_000), "1–3 h");
        assert_eq!(clock(Duration::from_secs(200_000)), "2d 07:33");
        assert_eq!(time_of_day(86_399_000, 3600), "00:59:59");
    }

    #[test]
    fn cutting_counts_columns_and_keeps_graphemes() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("光合作用", 5), "光合…");
        assert_eq!(fit("abcd", 4), "abcd");
        assert_eq!(fit("abcd", 0), "");
    }

    #[test]
    fn wrapping_loses_no_letter() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("instead (p).", 9), ["instead", "(p)."]);
        assert_eq!(wrap("  two", 8), ["  two"]);
    }

    #[test]
    fn nothing_that_drives_a_terminal_survives() {
        let area = Rect::new(0, 0, 40, 2);
        let mut buf = Buffer::empty(area);
        put(
            &mut buf,
            area,
            0,
            0,
            "\u{1b}]0;title\u{7} \u{202e}abc\u{9b}2J",
            Style::new(),
        );
        buf[(0, 1)].set_symbol("\u{202e}");
        buf[(1, 1)].set_symbol("\u{1b}");
        sweep(&mut buf, false);
        let text: String = buf.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(!text.chars().any(|c| c.is_control() || is_format(c)), "{text:?}");
        assert!(text.starts_with("␛]0;title\\x07 ⟨U+202E⟩abc\\x9b2J"), "{text:?}");
        sweep(&mut buf, true);
        assert!(buf.content.iter().all(|cell| cell.symbol().is_ascii()));
    }
}
