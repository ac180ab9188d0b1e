//! `no_control_chars`: answers hold no characters that steer a terminal or hide text from a reader. It rejects; nothing is changed.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};

/// The kind's word.
pub const KIND: &str = "no_control_chars";

/// How many characters the evidence names.
const NAMED: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

struct NoControlChars;

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let Settings {} = plug.settings()?;
    Ok(Arc::new(NoControlChars))
}

/// C0 (but line feed, tab, carriage return), DEL and C1; direction marks and overrides; zero-width characters; tag characters;
/// annotation marks. Joiners and variation selectors are judged by what stands before them (see [`unwanted`]).
fn is_unwanted(c: char) -> bool {
    match c {
        '\n' | '\t' | '\r' => false,
        c if c.is_control() => true,
        c => matches!(
            u32::from(c),
            0x061c | 0x180e | 0x200b | 0x200e | 0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb
                | 0xe0000..=0xe007f
        ),
    }
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn is_selector(c: char) -> bool {
    matches!(u32::from(c), 0xfe00..=0xfe0f | 0xe0100..=0xe01ef)
}

/// Position (in characters, from 1) and character of everything unwanted. A joiner belongs after a character beyond ASCII (emoji,
/// Persian, Indic scripts), a variation selector after anything but another selector: a run of them carries hidden text.
fn unwanted(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut before = ' ';
    text.chars().zip(1..).filter_map(move |(c, at)| {
        let bad = if is_joiner(c) {
            before.is_ascii() || is_joiner(before)
        } else if is_selector(c) {
            is_selector(before)
        } else {
            is_unwanted(c)
        };
        before = c;
        bad.then_some((at, c))
    })
}

/// Every string in a value, keys too: JSON escapes hide characters from a look at the text.
fn strings<'a>(value: &'a Value, visit: &mut impl FnMut(&'a str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, visit)),
        Value::Object(object) => {
            for (key, value) in object {
                visit(key);
                strings(value, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn describe(place: &str, text: &str) -> Option<String> {
    if text
        .bytes()
        .all(|byte| matches!(byte, b' '..0x7f | b'\n' | b'\t' | b'\r'))
    {
        return None;
    }
    let mut found = unwanted(text);
    let named: Vec<String> = found
        .by_ref()
        .take(NAMED)
        .map(|(at, c)| format!("U+{:04X} at character {at}", u32::from(c)))
        .collect();
    if named.is_empty() {
        return None;
    }
    let more = match found.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("{place}: {}{more}", named.join(", ")))
}

/// What is wrong with a candidate's answers, their thinking and their values.
fn problem(candidate: &Candidate) -> Option<String> {
    candidate.steps.iter().find_map(|answer| {
        let step = &answer.step;
        if let Some(problem) = describe(&format!("`{step}`"), &answer.text) {
            return Some(problem);
        }
        if let Some(reasoning) = &answer.reasoning
            && let Some(problem) = describe(&format!("`{step}.reasoning`"), reasoning)
        {
            return Some(problem);
        }
        let mut problem = None;
        strings(answer.value.as_ref()?, &mut |text| {
            if problem.is_none() {
                problem = describe(&format!("a string in the value of `{step}`"), text);
            }
        });
        problem
    })
}

#[async_trait]
impl Validator for NoControlChars {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        Ok(match problem(candidate) {
            Some(problem) => Verdict::reject(KIND, Reason::ControlChars, problem),
            None => Verdict::accept(KIND),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_left_alone() {
        for text in [
            "plain\n\ttext\r\n",
            "Größe – naïve “quotes” …",
            "👩‍🚀 ❤️ 🇩🇪",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "潮水",
        ] {
            assert_eq!(describe("x", text), None, "{text}");
        }
    }

    #[test]
    fn what_steers_or_hides_is_named() {
        let found = describe("x", "a\u{1b}[31m").unwrap();
        assert_eq!(found, "x: U+001B at character 2");
        for hidden in [
            "\u{7f}",
            "\u{9b}",
            "ab\u{202e}c",
            "\u{2066}",
            "a\u{200b}b",
            "\u{feff}",
            "\u{e0041}",
            "a\u{200d}b",
            "x\u{fe00}\u{fe01}",
            "\0",
        ] {
            assert!(describe("x", hidden).is_some(), "{}", hidden.escape_unicode());
        }
        let many = "\u{200b}".repeat(9);
        assert!(describe("x", &many).unwrap().ends_with("and 4 more"));
    }
}
