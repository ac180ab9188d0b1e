//! Which samples a person means: the conditions of the filter language, what they look at, and their one meaning. Stores may
//! answer them in their own way, but never differently. The words are read in [`parse`].

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;

use super::sample::{Reason, Sample, SampleState, StepAnswer, Verdict, answered_by, as_text};

mod complete;
pub mod parse;

pub use complete::{Completion, complete};
pub use parse::FilterError;

/// A condition; an empty `All` is every sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Each of them.
    All(Vec<Self>),
    /// One of them.
    Any(Vec<Self>),
    /// Not that.
    Not(Box<Self>),
    /// One word of the language.
    Is(Term),
}

impl Default for Condition {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// One word of the language.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// Of the job of that name.
    Job(String),
    /// Standing in one of these ways.
    Status(Vec<Status>),
    /// Rejected for one of these reasons.
    Reason(Vec<Reason>),
    /// The last step's teacher, or a part of its name, with `*` for anything.
    Teacher(Part, String),
    /// A number about it.
    Number(Measure, Bound, f64),
    /// With that tag, `*` standing for anything.
    Tag(String),
    /// Made so lately.
    After(Duration),
    /// This text in an answer or in the seed, regardless of ASCII case.
    Text(String),
    /// This text in the seed.
    Seed(String),
    /// A field that matches a regular expression.
    Field {
        /// As [`Sample::field`] reads it.
        path: String,
        /// The expression.
        pattern: String,
    },
}

/// How a sample stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In that state.
    In(SampleState),
    /// Its text is a person's.
    Edited,
    /// A person decided about it.
    Decided,
}

/// Part of a teacher's name `provider/model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// Before the first slash.
    Provider,
    /// After it.
    Model,
}

/// A number about a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The lowest score a judge gave.
    Judge,
    /// The highest likeness to another sample a validator found.
    Duplicate,
    /// Characters of the last answer.
    Length,
    /// Tokens of all its questions and answers.
    Tokens,
    /// What its task cost in USD.
    Cost,
    /// Place of its task in the plan.
    Task,
    /// Attempts of its task.
    Attempts,
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
}

impl Bound {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::AtLeast => ">=",
            Self::Above => ">",
        }
    }

    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Below => value < bound,
            Self::AtMost => value <= bound,
            Self::Equal => (value - bound).abs() < f64::EPSILON * bound.abs().max(1.0),
            Self::AtLeast => value >= bound,
            Self::Above => value > bound,
        }
    }
}

/// Numbers that follow from what a sample says; the ledger keeps them beside it, so that a million rows can be sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Facts {
    /// [`Measure::Judge`].
    pub judge: Option<f64>,
    /// [`Measure::Duplicate`].
    pub duplicate: Option<f64>,
    /// [`Measure::Length`].
    pub length: u64,
    /// [`Measure::Tokens`].
    pub tokens: u64,
}

impl Facts {
    /// From the answers and the verdicts.
    pub fn of(steps: &[StepAnswer], verdicts: &[Verdict]) -> Self {
        let scores = |wanted: fn(&str) -> bool| {
            let of = verdicts.iter().filter(move |verdict| wanted(&verdict.validator));
            of.filter_map(|verdict| verdict.score)
        };
        let tokens = |step: &StepAnswer| step.usage.input.unwrap_or(0) + step.usage.output.unwrap_or(0);
        Self {
            judge: scores(|kind| kind == "judge").reduce(f64::min),
            duplicate: scores(|kind| kind.ends_with("dedup")).reduce(f64::max),
            length: steps.last().map_or(0, |step| step.text.chars().count() as u64),
            tokens: steps.iter().map(tokens).sum(),
        }
    }
}

/// A sample with everything a condition may ask about it.
pub struct Subject<'a> {
    /// Name of its job.
    pub job: &'a str,
    /// The sample.
    pub sample: &'a Sample,
    /// Numbers of it.
    pub facts: Facts,
    /// What its task cost in micro-USD.
    pub cost: i64,
    /// Attempts of its task.
    pub attempts: u64,
    /// How long ago it was made.
    pub age: Duration,
}

/// The regular expressions of a condition, compiled once.
#[derive(Debug, Default)]
pub struct Patterns(BTreeMap<String, Regex>);

impl Condition {
    /// Every sample.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Both this and that.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut parts = match self {
            Self::All(parts) => parts,
            one => vec![one],
        };
        match other {
            Self::All(more) => parts.extend(more),
            one => parts.push(one),
        }
        if parts.len() == 1 {
            parts.remove(0)
        } else {
            Self::All(parts)
        }
    }

    /// Every word in it.
    pub fn terms(&self) -> Vec<&Term> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::terms).collect(),
            Self::Not(one) => one.terms(),
            Self::Is(term) => vec![term],
        }
    }

    /// Whether it reads what samples say, or adds up their attempts: what is slow to find out about many.
    pub fn is_slow(&self) -> bool {
        self.terms().iter().any(|term| {
            matches!(
                term,
                Term::Text(_)
                    | Term::Seed(_)
                    | Term::Field { .. }
                    | Term::Number(Measure::Cost | Measure::Attempts, ..)
            )
        })
    }

    /// Whether it looks into fields, which only [`Self::matches`] can.
    pub fn reads_fields(&self) -> bool {
        self.terms().iter().any(|term| matches!(term, Term::Field { .. }))
    }

    /// Its regular expressions; what cannot be compiled matches nothing (reading a filter refuses it).
    pub fn patterns(&self) -> Patterns {
        let pattern = |term: &&Term| match term {
            Term::Field { pattern, .. } => Some((pattern.clone(), Regex::new(pattern).ok()?)),
            _ => None,
        };
        Patterns(self.terms().iter().filter_map(pattern).collect())
    }

    /// Whether it holds for that sample.
    pub fn matches(&self, subject: &Subject<'_>, patterns: &Patterns) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(subject, patterns)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(subject, patterns)),
            Self::Not(one) => !one.matches(subject, patterns),
            Self::Is(term) => term.matches(subject, patterns),
        }
    }
}

impl Term {
    fn matches(&self, subject: &Subject<'_>, patterns: &Patterns) -> bool {
        let sample = subject.sample;
        match self {
            Self::Job(name) => subject.job == name,
            Self::Status(wanted) => wanted.iter().any(|status| status.holds(sample)),
            Self::Reason(reasons) => sample.reason.is_some_and(|reason| reasons.contains(&reason)),
            Self::Teacher(part, pattern) => {
                let teacher = answered_by(&sample.steps);
                teacher.is_some_and(|name| part.matches(name, pattern))
            }
            Self::Number(measure, bound, value) => subject
                .measure(*measure)
                .is_some_and(|found| bound.holds(found, *value)),
            Self::Tag(pattern) => sample.tags.iter().any(|tag| like(tag, pattern)),
            Self::After(age) => subject.age <= *age,
            Self::Text(text) => {
                holds(sample.steps.iter().map(|step| step.text.clone()), text) || in_seed(sample, text)
            }
            Self::Seed(text) => in_seed(sample, text),
            Self::Field { path, pattern } => match (sample.field(path), patterns.0.get(pattern)) {
                (Some(value), Some(regex)) => regex.is_match(&as_text(value)),
                _ => false,
            },
        }
    }
}

impl Status {
    fn holds(self, sample: &Sample) -> bool {
        match self {
            Self::In(state) => sample.state == state,
            Self::Edited => sample
                .review
                .as_ref()
                .is_some_and(|review| review.action == "edited"),
            Self::Decided => sample.review.is_some(),
        }
    }

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::In(SampleState::NeedsReview) => "pending",
            Self::In(state) => state.word(),
            Self::Edited => "edited",
            Self::Decided => "decided",
        }
    }
}

impl Part {
    /// Whether that part of a teacher's name is the pattern, `*` standing for anything.
    pub fn matches(self, teacher: &str, pattern: &str) -> bool {
        let (provider, model) = teacher.split_once('/').unwrap_or((teacher, ""));
        match self {
            Self::Whole => like(teacher, pattern),
            Self::Provider => like(provider, pattern),
            Self::Model => like(model, pattern),
        }
    }
}

impl Subject<'_> {
    fn measure(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::Judge => self.facts.judge,
            Measure::Duplicate => self.facts.duplicate,
            Measure::Length => Some(self.facts.length as f64),
            Measure::Tokens => Some(self.facts.tokens as f64),
            Measure::Cost => Some(self.cost as f64 / 1e6),
            Measure::Task => Some(self.sample.task.index as f64),
            Measure::Attempts => Some(self.attempts as f64),
        }
    }
}

/// Whether the text is the pattern, `*` standing for anything.
fn like(text: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return text == pattern;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

fn holds(texts: impl Iterator<Item = String>, wanted: &str) -> bool {
    let needle = wanted.to_ascii_lowercase();
    let mut lower = texts.map(|text| text.to_ascii_lowercase());
    lower.any(|text| text.contains(&needle))
}

fn in_seed(sample: &Sample, text: &str) -> bool {
    holds(sample.seed.values().map(|value| as_text(value.clone())), text)
}

/// In which order samples are shown. Ties, and samples without the number, are in the order of the plan, backwards where the greatest
/// come first; those without come last in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: By,
    /// The greatest first.
    pub down: bool,
}

/// What samples are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum By {
    /// The plan, job by job: direct, at any size.
    #[default]
    Plan,
    /// When it was made.
    Time,
    /// [`Measure::Judge`].
    Judge,
    /// [`Measure::Duplicate`].
    Duplicate,
    /// [`Measure::Length`].
    Length,
    /// [`Measure::Tokens`].
    Tokens,
    /// [`Measure::Cost`].
    Cost,
    /// The teacher's name.
    Teacher,
    /// By chance, the same for the same seed.
    Random(u32),
}

impl By {
    /// Every order, as the menu offers them.
    pub const ALL: [Self; 9] = [
        Self::Plan,
        Self::Time,
        Self::Judge,
        Self::Duplicate,
        Self::Length,
        Self::Tokens,
        Self::Cost,
        Self::Teacher,
        Self::Random(1),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Time => "time",
            Self::Judge => "judge",
            Self::Duplicate => "likeness",
            Self::Length => "length",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Teacher => "teacher",
            Self::Random(_) => "random",
        }
    }
}

/// A place that looks like chance: the same in every store, from the seed, the task's row number and the candidate.
pub fn shuffled(seed: u32, task: i64, candidate: u32) -> i64 {
    // Two rounds of a multiplication by a large odd number within 31 bits, which SQLite computes exactly as well.
    let mixed = (task & 0x7fff_ffff) ^ i64::from(seed & 0x7fff_ffff);
    let first = (mixed + i64::from(candidate) * 7_919 + 12_345).wrapping_mul(1_103_515_245) & 0x7fff_ffff;
    ((first >> 7) + first % 128 * 16_777_216).wrapping_mul(69_621) & 0x7fff_ffff
}

/// How samples are distributed, for a person who looks for where to look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facets {
    /// By state: accepted, rejected, needs review.
    pub states: [u64; 3],
    /// Rejected ones by reason, the most first.
    pub reasons: Vec<(Reason, u64)>,
    /// By the last step's teacher, the most first.
    pub teachers: Vec<(String, u64)>,
    /// By the judge's score, in halves: twice the lower end, and how many.
    pub judge: Vec<(i64, u64)>,
    /// By length: place in [`LENGTHS`], and how many.
    pub lengths: Vec<(usize, u64)>,
}

/// Lower ends of the ranges lengths are counted in.
pub const LENGTHS: [u64; 9] = [0, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

impl Facets {
    /// Counts so many samples of that kind.
    pub fn count(
        &mut self,
        state: SampleState,
        reason: Option<Reason>,
        teacher: Option<&str>,
        judge: Option<i64>,
        length: usize,
        many: u64,
    ) {
        fn add<K: PartialEq>(counts: &mut Vec<(K, u64)>, key: K, many: u64) {
            match counts.iter_mut().find(|(known, _)| *known == key) {
                Some((_, count)) => *count += many,
                None => counts.push((key, many)),
            }
        }
        let at = match state {
            SampleState::Accepted => 0,
            SampleState::Rejected => 1,
            SampleState::NeedsReview => 2,
        };
        self.states[at] += many;
        if let Some(reason) = reason {
            add(&mut self.reasons, reason, many);
        }
        if let Some(teacher) = teacher {
            add(&mut self.teachers, teacher.to_owned(), many);
        }
        if let Some(judge) = judge {
            add(&mut self.judge, judge, many);
        }
        add(&mut self.lengths, length, many);
    }

    /// Brings the counts into the order in which they are shown.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.reasons
            .sort_by_key(|(reason, many)| (std::cmp::Reverse(*many), *reason));
        self.teachers
            .sort_by(|(one, many), (other, more)| more.cmp(many).then_with(|| one.cmp(other)));
        self.judge.sort_unstable();
        self.lengths.sort_unstable();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let cases = [
            ("openrouter/x", "openrouter*", true),
            ("openrouter/x", "*x", true),
            ("openrouter/x", "o*r*/x", true),
            ("openrouter/x", "openrouter", false),
            ("ab", "ab*b", false),
            ("", "*", true),
        ];
        for (text, pattern, expected) in cases {
            assert_eq!(like(text, pattern), expected, "{text} {pattern}");
        }
        assert!(Part::Provider.matches("local/a/b", "local"));
        assert!(Part::Model.matches("local/a/b", "a/b"));
    }

    #[test]
    fn chance_spreads() {
        let mut seen: Vec<i64> = (0..1000).map(|task| shuffled(1, task, 0)).collect();
        assert!(seen.windows(2).filter(|pair| pair[0] < pair[1]).count() < 700);
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 990, "{}", seen.len());
    }
}
