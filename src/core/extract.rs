//! What a model meant: a JSON value out of fenced, chatty or truncated text. Linear in the
//! text, and total: it never validates, it only reads.

use serde_json::Value;

/// How many places of a text are tried as the beginning of a value.
const STARTS_AT_MOST: usize = 16;

/// A value found in a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extracted {
    /// The value; `None` if there is none.
    pub value: Option<Value>,
    /// The text was not the value as it stood: a fence, chatter around it, or a cut end.
    pub salvaged: bool,
    /// The end was missing; the last, incomplete member was dropped.
    pub truncated: bool,
}

impl Extracted {
    fn salvaged(value: Value, truncated: bool) -> Self {
        Self {
            value: Some(value),
            salvaged: true,
            truncated,
        }
    }
}

/// The JSON value of an answer: the text itself; else the inside of a fence; else the first balanced object or list; else a
/// value whose end is missing, closed after its last complete member.
pub fn extract_json(text: &str) -> Extracted {
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Ok(value) = serde_json::from_str(text) {
        return Extracted {
            value: Some(value),
            ..Extracted::default()
        };
    }
    for fenced in fences(text).take(STARTS_AT_MOST) {
        if let Ok(value) = serde_json::from_str(fenced.trim()) {
            return Extracted::salvaged(value, false);
        }
    }
    let mut from = 0;
    for _ in 0..STARTS_AT_MOST {
        let Some(start) = next_start(text, from) else {
            break;
        };
        match scan(&text[start..]) {
            Scan::Balanced(length) => {
                if let Ok(value) = serde_json::from_str(&text[start..start + length]) {
                    return Extracted::salvaged(value, false);
                }
                from = start + length;
            }
            Scan::Cut(closed) => {
                if let Some(value) = closed.and_then(|closed| serde_json::from_str(&closed).ok()) {
                    return Extracted::salvaged(value, true);
                }
                from = start + 1;
            }
            Scan::Malformed => from = start + 1,
        }
    }
    Extracted::default()
}

/// The insides of closed code fences, without the language word behind the opening one.
fn fences(text: &str) -> impl Iterator<Item = &str> {
    let parts: Vec<&str> = text.split("```").collect();
    let closed = parts.len().saturating_sub(1);
    let inside: Vec<&str> = parts
        .into_iter()
        .enumerate()
        .filter(|(at, _)| at % 2 == 1 && *at < closed)
        .map(|(_, part)| part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .collect();
    inside.into_iter()
}

/// The next place from which an object or list could begin: an opening bracket before something that may follow it.
fn next_start(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find(|at| {
        let follows = || bytes[at + 1..].iter().find(|byte| !byte.is_ascii_whitespace());
        match bytes[*at] {
            b'{' => matches!(follows(), Some(b'"' | b'}')),
            b'[' => matches!(
                follows(),
                Some(b'"' | b'{' | b'[' | b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
            ),
            _ => false,
        }
    })
}

enum Scan {
    /// The value ends after so many bytes.
    Balanced(usize),
    /// The text ends before the value does; closed after its last complete member, if it has one.
    Cut(Option<String>),
    /// A bracket closes what it did not open.
    Malformed,
}

/// Follows brackets and strings from an opening bracket on.
fn scan(text: &str) -> Scan {
    let mut open: Vec<u8> = Vec::new();
    // Up to where the text is complete, and how many brackets were open there.
    let mut whole: Option<(usize, usize)> = None;
    let mut in_string = false;
    let mut escaped = false;
    let mut is_value = false;
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    in_string = false;
                    if is_value {
                        whole = Some((at + 1, open.len()));
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                open.push(if byte == b'{' { b'}' } else { b']' });
                is_value = byte == b'[';
            }
            b'}' | b']' => {
                if open.pop() != Some(byte) {
                    return Scan::Malformed;
                }
                if open.is_empty() {
                    return Scan::Balanced(at + 1);
                }
                whole = Some((at + 1, open.len()));
            }
            b':' => is_value = true,
            b',' => {
                whole = Some((at, open.len()));
                is_value = open.last() == Some(&b']');
            }
            _ => {}
        }
    }
    Scan::Cut(whole.map(|(end, depth)| {
        let mut closed = text[..end].to_owned();
        closed.extend(open[..depth].iter().rev().map(|byte| char::from(*byte)));
        closed
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(text: &str) -> (Option<Value>, bool) {
        let extracted = extract_json(text);
        (extracted.value, extracted.truncated)
    }

    #[test]
    fn a_clean_value_is_not_salvaged() {
        let extracted = extract_json(" {\"a\": [1, 2]}\n");
        assert_eq!(extracted.value, Some(json!({"a": [1, 2]})));
        assert!(!extracted.salvaged && !extracted.truncated);
        assert_eq!(found("42").0, Some(json!(42)));
    }

    #[test]
    fn fences_and_chatter_are_stripped() {
        for text in [
            "```json\n{\"a\": 1}\n```",
            "Sure! Here it is:\n```\n{\"a\": 1}\n```\nAnything else?",
            "Sure {see below}: {\"a\": 1} – done.",
            "{\"a\": 1}\n\nI hope this helps: [ok]",
            "\u{feff}{\"a\": 1} trailing",
        ] {
            let extracted = extract_json(text);
            assert_eq!(extracted.value, Some(json!({"a": 1})), "{text}");
            assert!(extracted.salvaged && !extracted.truncated, "{text}");
        }
    }

    #[test]
    fn brackets_inside_strings_do_not_count() {
        let text = r#"ok {"a": "}]\"{", "b": ["[", "```"]} ok"#;
        assert_eq!(found(text).0, Some(json!({"a": "}]\"{", "b": ["[", "```"]})));
    }

    #[test]
    fn a_cut_value_is_closed_after_its_last_complete_member() {
        for (text, wanted) in [
            (r#"{"a": 1, "b": "hel"#, json!({"a": 1})),
            (r#"{"a": "x", "b": [1, 2, 3"#, json!({"a": "x", "b": [1, 2]})),
            (
                r#"{"a": "x", "b": {"c": true, "d": fal"#,
                json!({"a": "x", "b": {"c": true}}),
            ),
            (r#"{"a": "x", "b": {"#, json!({"a": "x"})),
            (r#"{"a": "x", "key"#, json!({"a": "x"})),
            (r#"{"a": "x", "key""#, json!({"a": "x"})),
            (r#"{"a": "x""#, json!({"a": "x"})),
            ("```json\n[{\"a\": 1}, {\"a\"", json!([{"a": 1}])),
            (r#"["a", "b"#, json!(["a"])),
        ] {
            assert_eq!(found(text), (Some(wanted), true), "{text}");
        }
    }

    #[test]
    fn where_nothing_is_nothing_is_found() {
        for text in ["", "no json here", "{oops", "{\"a", "[1} ]", "}{", "```"] {
            assert_eq!(found(text).0, None, "{text}");
        }
    }

    #[test]
    fn depth_and_length_are_no_danger() {
        assert_eq!(found(&"[".repeat(200_000)).0, None);
        assert_eq!(found(&"{\"a\":".repeat(200_000)).0, None);
        assert_eq!(found(&"[1} ".repeat(200_000)).0, None);
        let long = format!("{{\"a\": \"{}\", \"b\": 1", "x".repeat(1_000_000));
        assert!(found(&long).1);
    }

    /// Any JSON value of small size.
    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((".{0,5}", inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    fn is_part(found: &Value, whole: &Value) -> bool {
        match (found, whole) {
            (Value::Object(found), Value::Object(whole)) => found
                .iter()
                .all(|(key, value)| whole.get(key).is_some_and(|whole| is_part(value, whole))),
            (Value::Array(found), Value::Array(whole)) => {
                found.len() <= whole.len() && found.iter().zip(whole).all(|(a, b)| is_part(a, b))
            }
            _ => found == whole,
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,200}", noise in r#"[\[\]{}:,"\\a1 `<>/]{0,200}"#) {
            let _ = extract_json(&text);
            let _ = extract_json(&noise);
        }

        #[test]
        fn a_fenced_value_comes_back_whole(value in json_value().prop_filter("containers", |v| v.is_object() || v.is_array())) {
            let text = format!("Here:\n```json\n{value}\n```\n");
            // A string inside may hold a fence of its own; then the balanced value is found instead.
            prop_assert_eq!(extract_json(&text).value, Some(value));
        }

        #[test]
        fn whatever_is_left_of_a_cut_value_is_part_of_it(
            members in prop::collection::vec(("[a-z]{1,4}", json_value()), 1..5),
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = Value::Object(members.into_iter().collect());
            let text = whole.to_string();
            let at = (0..=cut.index(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            if let Some(found) = extract_json(&text[..at]).value {
                prop_assert!(is_part(&found, &whole), "{} of {}", found, whole);
            }
        }
    }
}
