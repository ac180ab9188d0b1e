//! The filter language of samples, as words typed by a person: read and written back. Its meaning is in [`super`].

use std::fmt;
use std::time::Duration;

use regex::Regex;

use super::{Bound, Condition, Measure, Part, Status, Term};
use crate::core::sample::{Reason, SampleState};
use crate::core::text::nearest;

/// A filter that cannot be read: where, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct FilterError {
    /// Character it is about, from 1.
    pub column: usize,
    /// What is wrong, and what is known.
    pub message: String,
}

/// The keys, each with what it asks.
pub const KEYS: [(&str, &str); 18] = [
    ("status:", "accepted rejected pending edited decided"),
    ("reason:", "why it was rejected"),
    ("provider:", "the teacher's provider, * for anything"),
    ("model:", "the teacher's model"),
    ("teacher:", "provider/model"),
    ("judge:", "the judge's score: judge:>=3.5"),
    ("dup:", "likeness to another sample: dup:>0.9"),
    ("len:", "characters of the answer: len:<200"),
    ("tokens:", "tokens in and out: tokens:>1k"),
    ("cost:", "USD of its task: cost:>0.01"),
    ("task:", "place in the plan: task:4210"),
    ("attempt:", "attempts of its task: attempt:>1"),
    ("tag:", "a tag put on it, * for anything"),
    ("after:", "made in the last: after:2h"),
    ("seed:", "text in the seed"),
    ("text:", "text in answers and seed"),
    ("field.", "field.NAME~\"regex\""),
    ("job:", "of that job"),
];

pub(super) const STATUSES: [(&str, Status); 6] = [
    ("accepted", Status::In(SampleState::Accepted)),
    ("rejected", Status::In(SampleState::Rejected)),
    ("pending", Status::In(SampleState::NeedsReview)),
    ("needs_review", Status::In(SampleState::NeedsReview)),
    ("edited", Status::Edited),
    ("decided", Status::Decided),
];

/// A word with its place.
struct Word {
    column: usize,
    /// Without quotes; `bare` up to the first quote.
    text: String,
    bare: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Minus,
    Open,
    Close,
    Or,
}

/// Reads the language: words that must all hold, `OR` between alternatives, `-` before what must not hold, parentheses; a word is
/// `key:value`, `field.NAME~"regex"` or text; quotes keep spaces together.
pub fn parse(text: &str) -> Result<Condition, FilterError> {
    let words = split(text)?;
    let mut reader = Reader { words, at: 0 };
    let found = reader.any(0)?;
    match reader.words.get(reader.at) {
        None => Ok(found),
        Some(word) => Err(wrong(
            word.column,
            "this `)` closes nothing; put it in quotes to search for it",
        )),
    }
}

fn wrong(column: usize, message: impl Into<String>) -> FilterError {
    FilterError {
        column,
        message: message.into(),
    }
}

fn split(text: &str) -> Result<Vec<Word>, FilterError> {
    let mut words = Vec::new();
    let mut letters = text.chars().enumerate().peekable();
    while let Some((at, letter)) = letters.peek().copied() {
        let column = at + 1;
        let sign = match letter {
            '(' => Some(Kind::Open),
            ')' => Some(Kind::Close),
            '-' => Some(Kind::Minus),
            _ => None,
        };
        if letter.is_whitespace() || sign.is_some() {
            letters.next();
            words.extend(sign.map(|kind| Word {
                column,
                text: String::new(),
                bare: 0,
                kind,
            }));
            continue;
        }
        let (mut word, mut bare, mut quoted) = (String::new(), None, None);
        while let Some((at, letter)) = letters.peek().copied() {
            match letter {
                '"' if quoted.is_some() => quoted = None,
                '"' => {
                    bare = bare.or(Some(word.len()));
                    quoted = Some(at + 1);
                }
                '\\' if quoted.is_some() => {
                    letters.next();
                    match letters.peek().map(|(_, next)| *next) {
                        Some(next @ ('"' | '\\')) => word.push(next),
                        Some(next) => word.extend(['\\', next]),
                        None => break,
                    }
                }
                letter if quoted.is_none() && (letter.is_whitespace() || matches!(letter, '(' | ')')) => {
                    break;
                }
                letter => word.push(letter),
            }
            letters.next();
        }
        if let Some(column) = quoted {
            return Err(wrong(column, "this quote is not closed"));
        }
        let kind = if word == "OR" && bare.is_none() {
            Kind::Or
        } else {
            Kind::Word
        };
        words.push(Word {
            column,
            bare: bare.unwrap_or(word.len()),
            text: word,
            kind,
        });
    }
    Ok(words)
}

struct Reader {
    words: Vec<Word>,
    at: usize,
}

/// Parentheses within parentheses.
const DEPTH: usize = 40;

impl Reader {
    fn kind(&self) -> Option<Kind> {
        self.words.get(self.at).map(|word| word.kind)
    }

    fn column(&self) -> usize {
        let at = self.at.min(self.words.len().saturating_sub(1));
        self.words.get(at).map_or(1, |word| word.column)
    }

    fn any(&mut self, depth: usize) -> Result<Condition, FilterError> {
        if depth > DEPTH {
            return Err(wrong(self.column(), "too many parentheses"));
        }
        let mut parts = vec![self.all(depth)?];
        while self.kind() == Some(Kind::Or) {
            let column = self.column();
            self.at += 1;
            if parts.last().is_some_and(Condition::is_everything) {
                return Err(wrong(column, "nothing stands before this OR"));
            }
            let next = self.all(depth)?;
            if next.is_everything() {
                return Err(wrong(column, "nothing stands after this OR"));
            }
            parts.push(next);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Condition::Any(parts)
        })
    }

    fn all(&mut self, depth: usize) -> Result<Condition, FilterError> {
        let mut found = Condition::default();
        while !matches!(self.kind(), None | Some(Kind::Or | Kind::Close)) {
            found = found.and(self.one(depth)?);
        }
        Ok(found)
    }

    fn one(&mut self, depth: usize) -> Result<Condition, FilterError> {
        let column = self.column();
        let kind = self.kind();
        self.at += 1;
        match kind {
            Some(Kind::Minus) => {
                if depth > DEPTH {
                    return Err(wrong(column, "too many minus signs"));
                }
                match self.kind() {
                    Some(Kind::Word | Kind::Open | Kind::Minus) => {
                        Ok(Condition::Not(Box::new(self.one(depth + 1)?)))
                    }
                    _ => Err(wrong(
                        column,
                        "nothing stands after this minus; put it in quotes to search for it",
                    )),
                }
            }
            Some(Kind::Open) => {
                let inner = self.any(depth + 1)?;
                if self.kind() != Some(Kind::Close) {
                    return Err(wrong(column, "this `(` is not closed"));
                }
                self.at += 1;
                Ok(inner)
            }
            _ => match self.words.get(self.at - 1) {
                Some(word) => term(word).map(Condition::Is),
                None => Ok(Condition::default()),
            },
        }
    }
}

fn term(word: &Word) -> Result<Term, FilterError> {
    let bare = &word.text[..word.bare];
    if let Some(path) = bare.strip_prefix("field.")
        && let Some((path, _)) = path.split_once('~')
    {
        let pattern = word.text["field.".len() + path.len() + 1..].to_owned();
        let column = word.column + "field.".len() + path.chars().count() + 1;
        if let Err(error) = Regex::new(&pattern) {
            let last = error.to_string();
            let why = last
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            return Err(wrong(column, format!("this is no regular expression: {why}")));
        }
        return Ok(Term::Field {
            path: path.to_owned(),
            pattern,
        });
    }
    let Some((key, _)) = bare.split_once(':') else {
        return Ok(Term::Text(word.text.clone()));
    };
    let value = &word.text[key.len() + 1..];
    let column = word.column + key.chars().count() + 1;
    if value.is_empty() && KEYS.iter().any(|(known, _)| known.strip_suffix(':') == Some(key)) {
        return Err(wrong(column, format!("`{key}:` needs a value")));
    }
    let number = |measure| {
        let (bound, value) = comparison(value, column)?;
        Ok(Term::Number(measure, bound, value))
    };
    match key {
        "job" => Ok(Term::Job(value.to_owned())),
        "text" => Ok(Term::Text(value.to_owned())),
        "seed" => Ok(Term::Seed(value.to_owned())),
        "teacher" => Ok(Term::Teacher(Part::Whole, value.to_owned())),
        "provider" => Ok(Term::Teacher(Part::Provider, value.to_owned())),
        "model" => Ok(Term::Teacher(Part::Model, value.to_owned())),
        "status" | "state" => list(value, column, &STATUSES).map(Term::Status),
        "reason" => {
            let known = Reason::ALL.map(|reason| (reason.word(), reason));
            list(value, column, &known).map(Term::Reason)
        }
        "judge" => number(Measure::Judge),
        "dup" => number(Measure::Duplicate),
        "len" => number(Measure::Length),
        "tokens" => number(Measure::Tokens),
        "cost" => number(Measure::Cost),
        "task" => number(Measure::Task),
        "attempt" => number(Measure::Attempts),
        "tag" => Ok(Term::Tag(value.to_owned())),
        "after" => age(value, column).map(Term::After),
        _ => {
            let known: Vec<&str> = KEYS
                .iter()
                .map(|(known, _)| known.trim_end_matches(':'))
                .collect();
            match nearest(key, &known) {
                Some(near) if !key.is_empty() => Err(wrong(
                    word.column,
                    format!("unknown key `{key}:`; did you mean `{near}:`? In quotes it is searched as text"),
                )),
                _ => Ok(Term::Text(word.text.clone())),
            }
        }
    }
}

fn list<T: Copy>(value: &str, column: usize, known: &[(&str, T)]) -> Result<Vec<T>, FilterError> {
    let mut found = Vec::new();
    let mut at = column;
    for one in value.split([',', '|']) {
        let Some((_, meant)) = known.iter().find(|(word, _)| *word == one) else {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            return Err(wrong(
                at,
                format!("unknown `{one}`; one of: {}", words.join(", ")),
            ));
        };
        found.push(*meant);
        at += one.chars().count() + 1;
    }
    Ok(found)
}

fn comparison(value: &str, column: usize) -> Result<(Bound, f64), FilterError> {
    let signs = [
        Bound::AtMost,
        Bound::AtLeast,
        Bound::Below,
        Bound::Above,
        Bound::Equal,
    ];
    let sign = signs.into_iter().find(|bound| value.starts_with(bound.sign()));
    let rest = sign.map_or(value, |bound| &value[bound.sign().len()..]);
    let digits = rest.strip_prefix('$').unwrap_or(rest);
    let (digits, factor) = match digits.chars().last() {
        Some('k') => (&digits[..digits.len() - 1], 1e3),
        Some('M') => (&digits[..digits.len() - 1], 1e6),
        _ => (digits, 1.0),
    };
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((sign.unwrap_or(Bound::Equal), number * factor)),
        _ => {
            let at = column + value.len() - rest.len();
            Err(wrong(
                at,
                format!("`{rest}` is no number; write >=3.5, <200 or >1k"),
            ))
        }
    }
}

fn age(value: &str, column: usize) -> Result<Duration, FilterError> {
    let refuse = || wrong(column, format!("`{value}` is no time; write 90s, 30m, 2h or 7d"));
    let unit = value.chars().last().ok_or_else(refuse)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(refuse()),
    };
    let count: u32 = value[..value.len() - 1].parse().map_err(|_| refuse())?;
    Ok(Duration::from_secs(u64::from(count) * seconds))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = |parts: &[Self], glue: &str, f: &mut fmt::Formatter<'_>| {
            for (at, part) in parts.iter().enumerate() {
                let glue = if at == 0 { "" } else { glue };
                match part {
                    Self::Any(_) => write!(f, "{glue}({part})")?,
                    _ => write!(f, "{glue}{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::All(parts) => between(parts, " ", f),
            Self::Any(parts) => between(parts, " OR ", f),
            Self::Not(one) => match &**one {
                Self::Is(_) | Self::Not(_) => write!(f, "-{one}"),
                _ => write!(f, "-({one})"),
            },
            Self::Is(term) => write!(f, "{term}"),
        }
    }
}

/// The text as it must stand in a filter.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text != "OR"
        && !text.starts_with('-')
        && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')' | ':'))
        && !text.starts_with("field.");
    if plain {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(name) => write!(f, "job:{}", quoted(name)),
            Self::Status(wanted) => {
                let words: Vec<&str> = wanted.iter().map(|status| status.word()).collect();
                write!(f, "status:{}", words.join(","))
            }
            Self::Reason(reasons) => {
                let words: Vec<&str> = reasons.iter().map(|reason| reason.word()).collect();
                write!(f, "reason:{}", words.join(","))
            }
            Self::Teacher(part, pattern) => {
                let key = match part {
                    Part::Whole => "teacher",
                    Part::Provider => "provider",
                    Part::Model => "model",
                };
                write!(f, "{key}:{}", quoted(pattern))
            }
            Self::Number(measure, bound, value) => {
                let key = match measure {
                    Measure::Judge => "judge",
                    Measure::Duplicate => "dup",
                    Measure::Length => "len",
                    Measure::Tokens => "tokens",
                    Measure::Cost => "cost",
                    Measure::Task => "task",
                    Measure::Attempts => "attempt",
                };
                let sign = if *bound == Bound::Equal { "" } else { bound.sign() };
                write!(f, "{key}:{sign}{value}")
            }
            Self::Tag(pattern) => write!(f, "tag:{}", quoted(pattern)),
            Self::After(age) => write!(f, "after:{}s", age.as_secs()),
            Self::Text(text) => write!(f, "{}", quoted(text)),
            Self::Seed(text) => write!(f, "seed:{}", quoted(text)),
            Self::Field { path, pattern } => {
                let pattern = pattern.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "field.{path}~\"{pattern}\"")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Condition {
        parse(text).unwrap()
    }

    #[test]
    fn the_language_is_read() {
        assert!(read("  ").is_everything());
        assert_eq!(
            read("status:rejected judge:<3.5 \"free text\""),
            Condition::All(vec![
                Condition::Is(Term::Status(vec![Status::In(SampleState::Rejected)])),
                Condition::Is(Term::Number(Measure::Judge, Bound::Below, 3.5)),
                Condition::Is(Term::Text("free text".to_owned())),
            ])
        );
        assert_eq!(
            read("a (b OR -c)").to_string(),
            "a (b OR -c)",
            "and binds closer than or"
        );
        assert_eq!(read("tokens:>1k").to_string(), "tokens:>1000");
        assert_eq!(
            read("after:2h"),
            Condition::Is(Term::After(Duration::from_hours(2)))
        );
        assert_eq!(
            read("field.card.answer~\"^A \\\\d\""),
            Condition::Is(Term::Field {
                path: "card.answer".to_owned(),
                pattern: "^A \\d".to_owned(),
            })
        );
        assert_eq!(read("12:30"), Condition::Is(Term::Text("12:30".to_owned())));
    }

    #[test]
    fn errors_point_at_the_column() {
        let cases = [
            ("status:maybe", 8, "unknown `maybe`"),
            ("a stat:rejected", 3, "did you mean `status:`"),
            ("judge:>many", 8, "no number"),
            ("a (b", 3, "not closed"),
            ("a)", 2, "closes nothing"),
            ("\"a", 1, "quote is not closed"),
            ("a OR", 3, "nothing stands after"),
            ("field.x~\"(\"", 9, "no regular expression"),
            ("after:soon", 7, "no time"),
            ("reason:", 8, "needs a value"),
            ("ü -", 3, "nothing stands after"),
        ];
        for (text, column, message) in cases {
            let error = parse(text).unwrap_err();
            assert_eq!(error.column, column, "{text}: {error}");
            assert!(error.message.contains(message), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_columns_are_within(text in "[a-z:<>=.~ ()\"\\\\|,OR0-9üñ-]{0,40}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1, "{text}: {error}");
            }
            let caret = text.char_indices().nth(3).map_or(text.len(), |(at, _)| at);
            prop_assert!(text.is_char_boundary(super::super::complete(&text, caret, &[]).from));
        }

        #[test]
        fn what_is_read_can_be_written_and_read_again(words in proptest::collection::vec(
            prop_oneof![
                "[a-z\"\\\\]{1,5}".prop_map(|text| quoted(&text)),
                Just("status:rejected,edited".to_owned()), Just("judge:>=3.5".to_owned()), Just("-".to_owned()),
                Just("OR".to_owned()), Just("(".to_owned()), Just(")".to_owned()), Just("provider:o*".to_owned()),
                Just("field.a.b~\"x\\\\.y\"".to_owned()), Just("after:30m".to_owned()), Just("tag:good".to_owned()), Just("seed:\"a b\"".to_owned()),
            ], 0..9)) {
            if let Ok(condition) = parse(&words.join(" ")) {
                let written = condition.to_string();
                prop_assert_eq!(parse(&written), Ok(condition), "{}", written);
            }
        }
    }
}
