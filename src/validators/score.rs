//! Reads a score out of a judge's words: JSON first, then `score: N`. A published dataset has thousands of answers rated 10 because
//! a "1" was read as "10" (or the other way round); here a number is read whole, inside the scale, and without doubt, or not at all.

use serde_json::Value;

use crate::core::text::shorten;

/// What a judge said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Score {
    /// Inside the scale.
    pub(super) score: f64,
    /// Its reasons, or all its words if it gave none apart.
    pub(super) reasoning: String,
}

/// The score in an answer, or why there is none.
pub(super) fn read(text: &str, scale: [i64; 2]) -> Result<Score, String> {
    let [least, most] = scale;
    let (number, reasoning) = match from_json(text) {
        Some((Some(number), reasoning)) => (number, reasoning),
        Some((None, _)) => return Err(format!("the score is no number: {}", shorten(text, 200))),
        None => (from_words(text, most)?, None),
    };
    if !(least as f64..=most as f64).contains(&number) {
        return Err(format!(
            "the score {number} is outside the scale {least} to {most}: {}",
            shorten(text, 200)
        ));
    }
    Ok(Score {
        score: number,
        reasoning: reasoning.unwrap_or_else(|| text.trim().to_owned()),
    })
}

/// The last JSON object in a text that has that key: what is quoted stands before what is concluded.
pub(super) fn last_object(text: &str, key: &str) -> Option<Value> {
    let mut found = None;
    let mut from = 0;
    while let Some(at) = text[from..].find('{') {
        let start = from + at;
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                from = start + values.byte_offset();
                if value.get(key).is_some() {
                    found = Some(value);
                }
            }
            _ => from = start + 1,
        }
    }
    found
}

/// The score in the last JSON object that has one.
fn from_json(text: &str) -> Option<(Option<f64>, Option<String>)> {
    let value = last_object(text, "score")?;
    let number = match &value["score"] {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<i64>().ok().map(|whole| whole as f64),
        _ => None,
    };
    let reasoning = value.get("reasoning").and_then(Value::as_str);
    Some((number, reasoning.map(str::to_owned)))
}

/// `score: N` (also `Score = 4`, `**Score:** 4/5`). All that are found must say the same.
fn from_words(text: &str, most: i64) -> Result<f64, String> {
    let lower = text.to_ascii_lowercase();
    let mut found: Option<f64> = None;
    for (at, word) in lower.match_indices("score") {
        let inside_a_word = lower[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let Some(number) = after(&lower[at + word.len()..], most) else {
            continue;
        };
        if inside_a_word {
            continue;
        }
        if found.is_some_and(|other| (other - number).abs() > f64::EPSILON) {
            return Err(format!("more than one score: {}", shorten(text, 200)));
        }
        found = Some(number);
    }
    found.ok_or_else(|| format!("no score in the answer: {}", shorten(text, 200)))
}

/// The whole number after `: ` or `= `, if what follows it leaves no doubt.
fn after(rest: &str, most: i64) -> Option<f64> {
    let marks = [' ', '*', '"', '\'', '`', '_'];
    let rest = rest.trim_start_matches(marks).strip_prefix([':', '='])?;
    let rest = rest.trim_start_matches(marks);
    let unsigned = rest.strip_prefix('-').unwrap_or(rest);
    let digits = unsigned.len() - unsigned.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let end = rest.len() - unsigned.len() + digits;
    let number: i64 = rest[..end].parse().ok()?;
    let tail = rest[end..].trim_start_matches(['*', '"', '\'', '`']);
    if let Some(best) = tail
        .strip_prefix('/')
        .or_else(|| tail.trim_start().strip_prefix("out of "))
    {
        let best = best.trim_start();
        let digits = best.len() - best.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        return (best[..digits].parse() == Ok(most)).then_some(number as f64);
    }
    let mut next = tail.chars();
    let doubt = match next.next() {
        Some('.' | ',' | '-' | '–') => next.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_alphanumeric() || matches!(c, '_' | '%'),
        None => false,
    };
    (!doubt).then_some(number as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(text: &str) -> Option<f64> {
        read(text, [1, 5]).ok().map(|score| score.score)
    }

    #[test]
    fn one_is_not_ten() {
        let ten = [1, 10];
        for (text, expected) in [
            (r#"{"reasoning": "bad", "score": 1}"#, 1.0),
            (r#"{"reasoning": "good", "score": 10}"#, 10.0),
            (r#"{"reasoning": "bad", "score": "1"}"#, 1.0),
            ("score: 1", 1.0),
            ("score: 10", 10.0),
            ("Score: 1/10", 1.0),
            ("Score: 1.", 1.0),
        ] {
            assert_eq!(
                read(text, ten).ok().map(|read| read.score),
                Some(expected),
                "{text}"
            );
        }
        assert_eq!(score("score: 10"), None, "10 is no 1 on a scale to 5");
        assert_eq!(score(r#"{"score": 10}"#), None);
    }

    #[test]
    fn json_is_found_in_fences_and_prose() {
        assert_eq!(
            score("```json\n{\"reasoning\": \"ok\", \"score\": 4}\n```"),
            Some(4.0)
        );
        assert_eq!(
            score("The text says {\"score\": 5}. I disagree.\n{\"reasoning\": \"{weak}\", \"score\": 2}"),
            Some(2.0)
        );
        assert_eq!(score(r#"{"score": 3.5, "reasoning": ""}"#), Some(3.5));
        let read = read(r#"{"reasoning": "Shows its work.", "score": 4}"#, [1, 5]).unwrap();
        assert_eq!(read.reasoning, "Shows its work.");
    }

    #[test]
    fn words_are_read_strictly() {
        for (text, expected) in [
            ("Reasoning: fine.\nScore: 4", Some(4.0)),
            ("**Score:** 4", Some(4.0)),
            ("SCORE = 3 because", Some(3.0)),
            ("Score: 4/5", Some(4.0)),
            ("Score: 4 out of 5", Some(4.0)),
            ("Score: 4/10", None),
            ("Score: 1-5", None),
            ("Score: 4.5", None),
            ("Score: 4th", None),
            ("Score: 40%", None),
            ("underscore: 4", None),
            ("Score: 4, later score: 2", None),
            ("Score: 4 … final score: 4", Some(4.0)),
            ("4", None),
            ("I give it a four", None),
            ("", None),
            ("score:", None),
            ("score: -1", None),
            (r#"{"score": null}"#, None),
            (r#"{"score": "four"} score: 4"#, None),
        ] {
            assert_eq!(score(text), expected, "{text}");
        }
        assert_eq!(read("score: -1", [-2, 2]).ok().map(|read| read.score), Some(-1.0));
    }
}
