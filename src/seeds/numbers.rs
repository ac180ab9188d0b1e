//! Whole numbers that JSON can write and 64 bits cannot hold: read as fractions they would be others, so whoever reads rows says where
//! they stand.

use serde_json::Value;

use crate::core::Row;

/// What to do about one.
pub(super) const MEND: &str = "write it as text, in quotes: it is kept digit by digit then";

/// The first whole number in the text of a row that was not read as one, and where it begins. Looked for only where the row has a
/// fraction of that size.
pub(super) fn beyond_64_bits<'t>(row: &Row, text: &'t str) -> Option<(usize, &'t str)> {
    if !row.values().any(has_large) {
        return None;
    }
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter == '"' || letter == '-' || letter.is_ascii_digit()) {
        rest = &rest[at..];
        if let Some(said) = rest.strip_prefix('"') {
            rest = behind_text(said);
            continue;
        }
        let end = rest.find(|letter: char| !matches!(letter, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
        let (number, behind) = rest.split_at(end.unwrap_or(rest.len()));
        let whole = !number.contains(['.', 'e', 'E']);
        if whole && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            return Some((text.len() - rest.len(), number));
        }
        rest = behind;
    }
    None
}

fn has_large(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_f64() && number.as_f64().is_some_and(|number| number.abs() >= 9.2e18)
        }
        Value::Array(all) => all.iter().any(has_large),
        Value::Object(all) => all.values().any(has_large),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// What follows a text whose first quotation mark is behind us.
fn behind_text(text: &str) -> &str {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let Ok(Value::Object(row)) = serde_json::from_str(text) else {
            panic!("{text}");
        };
        let (at, number) = beyond_64_bits(&row, text)?;
        assert!(text[at..].starts_with(number));
        Some(number)
    }

    #[test]
    fn only_whole_numbers_outside_of_texts_are_too_large() {
        for sound in [
            r#"{"n":18446744073709551615,"m":-9223372036854775808}"#,
            r#"{"n":"18446744073709551616","x":1e300}"#,
            r#"{"a \" 99999999999999999999":1e25,"b":[2.5e40,-18446744073709551616.0]}"#,
        ] {
            assert_eq!(found(sound), None, "{sound}");
        }
        for (text, number) in [
            (r#"{"n":18446744073709551616}"#, "18446744073709551616"),
            (
                r#"{"a":"\"1","b":{"c":[1,-9223372036854775809]}}"#,
                "-9223372036854775809",
            ),
            (
                r#"{"x":1e30,"n":100000000000000000000 }"#,
                "100000000000000000000",
            ),
        ] {
            assert_eq!(found(text), Some(number), "{text}");
        }
    }
}
