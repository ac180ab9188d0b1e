//! Text that did not come from us: made safe to show, cut to a width, and compared with what the user may have meant.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use unicode_segmentation::UnicodeSegmentation;

/// Most combining marks on one character.
const MARKS_AT_MOST: usize = 8;

/// Longest word that is worth a comparison with the known ones, in bytes.
const WORD_AT_MOST: usize = 64;

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
/// spaces; line feeds stay. Joiners and emoji selectors stay behind a pictograph. Idempotent.
pub fn sanitize(text: &str) -> Safe<'_> {
    if text
        .bytes()
        .all(|byte| (b' '..0x7f).contains(&byte) || byte == b'\n')
    {
        return Safe(Cow::Borrowed(text));
    }
    // Every decision depends on what was written so far and on nothing else, which is what makes this idempotent.
    let mut out = String::with_capacity(text.len() + 16);
    let mut marks = 0;
    let mut joinable = false;
    for character in text.chars() {
        match character {
            '\r' => continue,
            '\u{200d}' if joinable => {
                joinable = false;
                out.push(character);
                continue;
            }
            '\u{fe0f}' if joinable => {
                out.push(character);
                continue;
            }
            c if is_mark(c) => {
                marks += 1;
                if marks <= MARKS_AT_MOST {
                    out.push(c);
                }
                continue;
            }
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            '\u{1b}' => out.push('␛'),
            '\u{2028}' | '\u{2029}' => out.push('⏎'),
            // Writing into a string cannot fail.
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if is_format(c) => {
                let _ = write!(out, "⟨U+{:04X}⟩", c as u32);
            }
            c => out.push(c),
        }
        marks = 0;
        joinable = is_pictograph(character);
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
    if word.len() > WORD_AT_MOST {
        return None;
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        sanitize(text).into_owned()
    }

    #[test]
    fn what_drives_a_terminal_becomes_visible() {
        assert_eq!(shown("\u{1b}[31mred"), "␛[31mred");
        assert_eq!(shown("a\u{9b}b\u{7}"), "a\\x9bb\\x07");
        assert_eq!(shown("a\u{202e}b"), "a⟨U+202E⟩b");
        assert_eq!(shown("a\tb\r\nc\u{2028}d"), "a    b\nc⏎d");
        assert_eq!(sanitize_line("a\nb\n").as_str(), "a⏎b");
    }

    #[test]
    fn joiners_stay_where_they_make_an_emoji_and_nowhere_else() {
        let family = "👩\u{200d}👩\u{200d}👧";
        assert_eq!(shown(family), family);
        assert_eq!(shown("❤\u{fe0f}"), "❤\u{fe0f}");
        assert_eq!(shown("a\u{200d}b"), "a⟨U+200D⟩b");
    }

    #[test]
    fn no_character_carries_more_than_eight_marks_however_they_arrive() {
        let stacked = format!("a{}\r{}b", "\u{301}".repeat(6), "\u{301}".repeat(6));
        assert_eq!(shown(&stacked), format!("a{}b", "\u{301}".repeat(8)));
    }

    #[test]
    fn the_nearest_word_is_found_and_nonsense_has_none() {
        assert_eq!(nearest("propmt", &["system", "prompt"]), Some("prompt"));
        assert_eq!(nearest("zzzzzz", &["system", "prompt"]), None);
        assert_eq!(nearest(&"p".repeat(1_000_000), &["prompt"]), None);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    /// Text made mostly of what is dangerous.
    fn hostile() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            any::<char>(),
            proptest::char::range('\u{0}', '\u{a0}'),
            proptest::char::range('\u{2000}', '\u{206f}'),
            proptest::char::range('\u{300}', '\u{310}'),
            proptest::char::range('\u{e0000}', '\u{e0080}'),
            prop::sample::select(vec!['👩', '❤', '\u{fe0f}', '\u{200d}', '\r', '\u{1f3fb}']),
        ];
        prop::collection::vec(character, 0..80).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn sanitizing_is_total_idempotent_and_leaves_no_control_but_line_feeds(text in hostile()) {
            let once = shown(&text);
            prop_assert_eq!(&shown(&once), &once);
            prop_assert!(once.chars().all(|c| c == '\n' || !c.is_control()));
            let hidden = once.chars().find(|c| is_format(*c) && *c != '\u{200d}' && *c != '\u{fe0f}');
            prop_assert_eq!(hidden, None);
            prop_assert!(!sanitize_line(&text).as_str().contains('\n'));
        }

        #[test]
        fn cutting_never_breaks_a_character(text in hostile(), most in 0_usize..20) {
            let cut = shorten(&text, most);
            prop_assert!(text.starts_with(cut.strip_suffix('…').unwrap_or(&cut)) || text.starts_with(&cut));
        }
    }
}
