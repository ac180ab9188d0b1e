//! Cutting documents into overlapping pieces, one row each: at a paragraph where there is one, else a sentence, a line or a word.

use serde_json::Value;

use crate::core::Row;
use crate::core::job::Chunk;

/// Field that holds a piece's place in its document, from 0.
pub const CHUNK_FIELD: &str = "chunk";

/// The pieces of a row, in order: copies of it with the document replaced by one piece, and its place in [`CHUNK_FIELD`] unless the
/// row has such a field. A row without that document is one piece. Nothing is lost: each piece begins `overlap` characters (at most
/// half a piece) before the end of the one before.
pub fn chunks(row: Row, chunk: &Chunk) -> impl Iterator<Item = Row> + use<> {
    let cuts = cuts(document(&row, chunk), chunk);
    let field = chunk.field.clone();
    cuts.into_iter().enumerate().map(move |(at, (start, end))| {
        let mut piece = Row::new();
        for (key, value) in &row {
            let value = match value {
                Value::String(text) if *key == field => Value::from(&text[start..end]),
                other => other.clone(),
            };
            piece.insert(key.clone(), value);
        }
        piece.entry(CHUNK_FIELD).or_insert_with(|| Value::from(at as u64));
        piece
    })
}

/// How many pieces a row has.
pub(super) fn count(row: &Row, chunk: Option<&Chunk>) -> u64 {
    chunk.map_or(1, |chunk| cuts(document(row, chunk), chunk).len() as u64)
}

fn document<'a>(row: &'a Row, chunk: &Chunk) -> &'a str {
    row.get(&chunk.field).and_then(Value::as_str).unwrap_or_default()
}

/// Byte ranges of the pieces of a text; one (empty) range for an empty text.
fn cuts(text: &str, chunk: &Chunk) -> Vec<(usize, usize)> {
    let size = chunk.size.max(1);
    let overlap = chunk.overlap.min(size / 2);
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let byte = |at: usize| starts.get(at).copied().unwrap_or(text.len());
    let mut pieces = Vec::new();
    let mut start = 0;
    loop {
        let end = start + size;
        if end >= starts.len() {
            pieces.push((byte(start), text.len()));
            return pieces;
        }
        // Past the middle, so that pieces stay large and every one goes further than the one before.
        let earliest = byte(start + size / 2);
        let window = &text[earliest..byte(end)];
        let cut = earliest + best_cut(window).unwrap_or(window.len());
        pieces.push((byte(start), cut));
        let cut = starts.partition_point(|at| *at < cut);
        start = cut.saturating_sub(overlap).max(start + 1);
    }
}

/// The last good place to cut a window at, behind the break: a paragraph, else a sentence, a line, a space. Never its beginning.
fn best_cut(window: &str) -> Option<usize> {
    let after = |pattern: &str| window.rfind(pattern).map(|at| at + pattern.len());
    let sentence = || {
        let marks = ['.', '!', '?', '。', '！', '？'];
        window
            .char_indices()
            .zip(window.chars().skip(1))
            .filter(|((_, mark), next)| marks.contains(mark) && (next.is_whitespace() || *mark > '\u{7f}'))
            .map(|((at, mark), _)| at + mark.len_utf8())
            .last()
    };
    let space = || {
        window
            .char_indices()
            .rfind(|(_, c)| c.is_whitespace())
            .map(|(at, c)| at + c.len_utf8())
    };
    after("\n\n")
        .or_else(sentence)
        .or_else(|| after("\n"))
        .or_else(space)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(text: &str) -> Row {
        let mut row = Row::new();
        row.insert("title".to_owned(), Value::from("t"));
        row.insert("text".to_owned(), Value::from(text));
        row
    }

    fn cutter(size: usize, overlap: usize) -> Chunk {
        Chunk {
            field: "text".to_owned(),
            size,
            overlap,
        }
    }

    fn texts(text: &str, chunk: &Chunk) -> Vec<String> {
        chunks(row(text), chunk)
            .map(|piece| piece["text"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_short_document_is_one_piece_with_its_place() {
        let pieces: Vec<Row> = chunks(row("short"), &cutter(10, 2)).collect();
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0]["chunk"], 0);
        assert_eq!(pieces[0]["title"], "t");
        let keys: Vec<&String> = pieces[0].keys().collect();
        assert_eq!(keys, ["title", "text", "chunk"]);
    }

    #[test]
    fn paragraphs_come_before_sentences_and_sentences_before_words() {
        assert_eq!(
            texts("One two. Three.\n\nFour five", &cutter(20, 0)),
            ["One two. Three.\n\n", "Four five"]
        );
        assert_eq!(
            texts("One two three. Four five six", &cutter(20, 0)),
            ["One two three.", " Four five six"]
        );
        assert_eq!(
            texts("onetwo threefour fivesix", &cutter(20, 0)),
            ["onetwo threefour ", "fivesix"]
        );
        assert_eq!(texts("abcdefghij", &cutter(4, 0)), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn pieces_share_what_was_asked_for() {
        assert_eq!(texts("abcdefghij", &cutter(4, 1)), ["abcd", "defg", "ghij"]);
    }

    #[test]
    fn a_row_without_the_document_or_with_an_own_chunk_field_is_left_alone() {
        let mut other = Row::new();
        other.insert("chunk".to_owned(), Value::from("mine"));
        let pieces: Vec<Row> = chunks(other.clone(), &cutter(4, 0)).collect();
        assert_eq!(pieces, [other]);
    }

    proptest! {
        #[test]
        fn pieces_cover_the_text_in_order_and_none_is_too_long(
            text in "([a-zäö。 .\n]{0,12}){0,20}",
            size in 1_usize..30,
            overlap in 0_usize..40,
        ) {
            let chunk = cutter(size, overlap);
            let ranges = cuts(&text, &chunk);
            prop_assert_eq!(ranges.len() as u64, count(&row(&text), Some(&chunk)));
            prop_assert_eq!(ranges[0].0, 0);
            prop_assert_eq!(ranges[ranges.len() - 1].1, text.len());
            for (start, end) in &ranges {
                prop_assert!(text[*start..*end].chars().count() <= size);
            }
            for pair in ranges.windows(2) {
                let shared = text[pair[1].0..pair[0].1].chars().count();
                prop_assert!(pair[0].0 < pair[1].0 && pair[1].0 <= pair[0].1);
                prop_assert!(shared <= overlap.min(size / 2));
            }
        }
    }
}
