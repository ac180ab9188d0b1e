//! Text that did not come from us: made safe to show, cut to a width, and compared with what the user may have meant.

use std::borrow::Cow;
use std::fmt;

use unicode_segmentation::UnicodeSegmentation;

/// Text that can be shown on a terminal: made only by [`sanitize`] and [`sanitize_line`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Safe<'a>(Cow<'a, str>);

impl Safe<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same, owning its text.
    pub fn into_owned(self) -> String {
        self.0.into_owned()
    }
}

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes text of any origin safe for a terminal: control characters become visible (`␛`, `\x9b`), direction and other format
/// characters become `⟨U+202E⟩`, line separators `⏎`, and no grapheme carries more than eight combining marks. Tabs become four
/// spaces; line feeds stay. Idempotent.
pub fn sanitize(text: &str) -> Safe<'_> {
    if text
        .bytes()
        .all(|byte| (b' '..0x7f).contains(&byte) || byte == b'\n')
    {
        return Safe(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len() + 16);
    for grapheme in text.graphemes(true) {
        let mut marks = 0;
        let joined = grapheme.chars().any(is_pictograph);
        for character in grapheme.chars() {
            match character {
                '\n' => out.push('\n'),
                '\t' => out.push_str("    "),
                '\r' => {}
                '\u{1b}' => out.push('␛'),
                '\u{2028}' | '\u{2029}' => out.push('⏎'),
                '\u{200d}' | '\u{fe0f}' if joined => out.push(character),
                c if c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
                c if is_format(c) => out.push_str(&format!("⟨U+{:04X}⟩", c as u32)),
                c if is_mark(c) => {
                    marks += 1;
                    if marks <= 8 {
                        out.push(c);
                    }
                }
                c => out.push(c),
            }
        }
    }
    Safe(Cow::Owned(out))
}

/// [`sanitize`], on one line: line feeds become `⏎`.
pub fn sanitize_line(text: &str) -> Safe<'_> {
    let safe = sanitize(text);
    if safe.0.contains('\n') {
        Safe(Cow::Owned(safe.0.trim_end_matches('\n').replace('\n', "⏎")))
    } else {
        safe
    }
}

fn is_pictograph(c: char) -> bool {
    matches!(c as u32, 0x1f000..=0x1faff | 0x2600..=0x27bf | 0x2300..=0x23ff | 0x2b00..=0x2bff)
}

/// Characters of Unicode category Cf that move, hide or reorder text.
pub fn is_format(c: char) -> bool {
    matches!(
        c as u32,
        0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e
            | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff | 0xfff9..=0xfffb | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff
    )
}

fn is_mark(c: char) -> bool {
    matches!(
        c as u32,
        0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x610..=0x61a | 0x64b..=0x65f | 0xe31 | 0xe34..=0xe3a
            | 0xe47..=0xe4e | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f
    )
}

/// The first `most` graphemes, with `…` where something was cut.
pub fn shorten(text: &str, most: usize) -> String {
    let mut graphemes = text.graphemes(true);
    let head: String = graphemes.by_ref().take(most).collect();
    if graphemes.next().is_some() {
        format!("{head}…")
    } else {
        head
    }
}

/// The known word most like `word`, if one is like it at all.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(word.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Thousands separated by commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
