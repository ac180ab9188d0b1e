//! Splits an answer whose thinking is fenced in `<think>…</think>` from the answer itself. Not a parser of tags: only a fence at the
//! very beginning counts, so that an answer *about* such tags stays whole.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// (thinking, answer). Templates that open the fence in the prompt send only the closing half; a fence that never closes is all thinking.
pub(super) fn split_think(text: &str) -> (Option<&str>, &str) {
    let start = text.trim_start();
    if let Some(inside) = start.strip_prefix(OPEN) {
        return match inside.split_once(CLOSE) {
            Some((thinking, answer)) => (filled(thinking), answer.trim_start()),
            None => (filled(inside), ""),
        };
    }
    match text.split_once(CLOSE) {
        Some((thinking, answer)) if !thinking.contains(OPEN) && !thinking.contains('`') => {
            (filled(thinking), answer.trim_start())
        }
        _ => (None, text),
    }
}

fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::split_think;

    #[test]
    fn fences() {
        for (text, expected) in [
            ("plain", (None, "plain")),
            ("<think>\na b\n</think>\n\nc", (Some("a b"), "c")),
            ("  <think></think>c", (None, "c")),
            ("a b</think>c", (Some("a b"), "c")),
            ("<think>never done", (Some("never done"), "")),
            (
                "use `<think>` and `</think>`",
                (None, "use `<think>` and `</think>`"),
            ),
            ("x <think>y</think> z", (None, "x <think>y</think> z")),
        ] {
            assert_eq!(split_think(text), expected, "{text}");
        }
    }
}
