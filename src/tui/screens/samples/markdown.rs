//! Markdown as lines: headings, lists, quotes, code and emphasis, told apart by attributes. It shows text, it follows no link and
//! loads nothing; what it does not know stays as it was written.

use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use crate::tui::theme::Slot;

use super::tree::{Line, paragraph};

/// A piece of a line: its text, its slot, its attributes.
type Piece = (String, Slot, Modifier);

/// A text as lines of at most that width.
pub(super) fn markdown(text: &str, indent: usize, width: usize, lines: &mut Vec<Line>) {
    let mut fence = None;
    for row in text.lines() {
        let inner = row.trim_start();
        let ticks = ["```", "~~~"].into_iter().find(|ticks| inner.starts_with(ticks));
        match (fence, ticks) {
            (Some(open), Some(ticks)) if open == ticks => fence = None,
            (None, Some(ticks)) => fence = Some(ticks),
            (Some(_), _) => paragraph(row, indent + 2, Slot::JsonStr, width, lines),
            (None, None) => block(row, indent, width, lines),
        }
    }
}

/// One line outside code.
fn block(row: &str, indent: usize, width: usize, lines: &mut Vec<Line>) {
    let inner = row.trim_start();
    let depth = (row.len() - inner.len()).min(8);
    let level = inner.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&level) && inner[level..].starts_with(' ') {
        let attributes = if level == 1 {
            Modifier::BOLD | Modifier::UNDERLINED
        } else {
            Modifier::BOLD
        };
        let pieces = inline(inner[level..].trim(), Slot::Title, attributes);
        return flow("", pieces, indent, width, lines);
    }
    if let Some(item) = ["- ", "* ", "+ "]
        .iter()
        .find_map(|mark| inner.strip_prefix(mark))
    {
        let pieces = inline(item, Slot::Fg, Modifier::empty());
        return flow("• ", pieces, indent + depth, width, lines);
    }
    let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
    let number = inner.get(digits..digits + 2);
    if (1..=4).contains(&digits) && matches!(number, Some(". " | ") ")) {
        let (mark, item) = inner.split_at(digits + 2);
        let pieces = inline(item, Slot::Fg, Modifier::empty());
        return flow(mark, pieces, indent + depth, width, lines);
    }
    if let Some(quoted) = inner.strip_prefix('>') {
        let pieces = inline(quoted.trim_start(), Slot::Muted, Modifier::ITALIC);
        return flow("▏ ", pieces, indent, width, lines);
    }
    flow(
        "",
        inline(inner, Slot::Fg, Modifier::empty()),
        indent,
        width,
        lines,
    );
}

/// Emphasis and code within a line. A mark without its partner is text.
fn inline(text: &str, slot: Slot, attributes: Modifier) -> Vec<Piece> {
    const MARKS: [(&str, Modifier); 5] = [
        ("**", Modifier::BOLD),
        ("__", Modifier::BOLD),
        ("~~", Modifier::CROSSED_OUT),
        ("*", Modifier::ITALIC),
        ("_", Modifier::ITALIC),
    ];
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(letter) = rest.chars().next() {
        let code = rest.strip_prefix('`').and_then(|inner| inner.split_once('`'));
        let marked = MARKS.iter().find_map(|(mark, attribute)| {
            let inner = rest.strip_prefix(mark)?;
            // Underscores within words are no emphasis: names have them.
            if inner.starts_with([' ', '*', '_']) || (mark.starts_with('_') && before.is_alphanumeric()) {
                return None;
            }
            let (inside, after) = inner.split_once(mark)?;
            let goes_on = mark.starts_with('_') && after.starts_with(char::is_alphanumeric);
            let ends = !(inside.is_empty() || inside.ends_with(' ') || goes_on);
            ends.then_some((inside, after, *attribute))
        });
        if code.is_some() || marked.is_some() {
            pieces.push((std::mem::take(&mut plain), slot, attributes));
            before = ' ';
        }
        match (code, marked) {
            (Some((inside, after)), _) => {
                pieces.push((inside.to_owned(), Slot::JsonStr, attributes));
                rest = after;
            }
            (None, Some((inside, after, attribute))) => {
                pieces.extend(inline(inside, slot, attributes | attribute));
                rest = after;
            }
            (None, None) => {
                plain.push(letter);
                before = letter;
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    pieces.push((plain, slot, attributes));
    pieces.retain(|(text, ..)| !text.is_empty());
    pieces
}

/// Pieces as lines, broken between words, with a mark before the first and room for it before the others.
fn flow(mark: &str, pieces: Vec<Piece>, indent: usize, width: usize, lines: &mut Vec<Line>) {
    let begin = indent + mark.width();
    let room = width.saturating_sub(begin).max(8);
    let mut line = Line::of(format!("{}{mark}", " ".repeat(indent)), Slot::Accent);
    let (mut used, mut bare) = (0, mark.is_empty());
    let first = lines.len();
    for (text, slot, attributes) in pieces {
        for word in text.split_inclusive(' ') {
            let wide = word.trim_end().width();
            if used > 0 && used + wide > room {
                let next = Line::of(" ".repeat(begin), Slot::Fg);
                lines.push(std::mem::replace(&mut line, next));
                (used, bare) = (0, true);
            }
            if wide > room {
                // A word wider than the room is broken anywhere.
                if !bare {
                    let next = Line::of(" ".repeat(begin), Slot::Fg);
                    lines.push(std::mem::replace(&mut line, next));
                }
                bare = true;
                paragraph(word.trim_end(), begin, slot, width, lines);
                continue;
            }
            used += word.width();
            bare = false;
            line.push(word.to_owned(), slot, attributes);
        }
    }
    if !bare || lines.len() == first {
        lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        markdown(text, 0, width, &mut lines);
        let text = |line: &Line| line.spans.iter().map(|(text, _)| text.as_str()).collect();
        lines.iter().map(text).collect()
    }

    #[test]
    fn marks_become_looks() {
        let text = "# A title\n\n- one **two** three four\n  1. `x_y` and a_b_c\n```rust\n# no title\n```\n> said\n5 * 4 * 3";
        assert_eq!(
            shown(text, 16),
            [
                "A title",
                "",
                "• one two three ",
                "  four",
                "  1. x_y and ",
                "     a_b_c",
                "  # no title",
                "▏ said",
                "5 * 4 * 3"
            ]
        );
    }

    #[test]
    fn attributes_tell_emphasis_apart() {
        let looks: Vec<(String, Modifier)> = inline("a *b **c*** `d` _e_ f", Slot::Fg, Modifier::empty())
            .into_iter()
            .map(|(text, _, attributes)| (text, attributes))
            .collect();
        assert!(looks.contains(&("d".to_owned(), Modifier::empty())));
        assert!(looks.contains(&("e".to_owned(), Modifier::ITALIC)));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_no_word_is_lost(text in "[a-cé\u{4e00} *_`~#>\n.1-]{0,60}", width in 4_usize..40) {
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
            let many: usize = shown(&text, width).iter().map(|line| letters(line)).sum();
            // What stands on the line of a fence names a language.
            prop_assert!(many <= letters(&text));
            if !text.contains("```") && !text.contains("~~~") {
                prop_assert_eq!(many, letters(&text), "{}", text);
            }
        }
    }
}
