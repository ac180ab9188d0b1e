//! Candidates, verdicts and samples: what a task made, what the validators said of it, and what is kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Row;
use super::budget::Money;
use super::conversation::ToolCall;
use super::request::{FinishReason, Usage};
use super::task::{RequestId, TaskId};

/// Name of a sample: 32 hexadecimal digits of blake3(job name, task index, candidate).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SampleId(pub String);

impl SampleId {
    /// The id of that candidate: stable across runs and machines.
    pub fn of(job_name: &str, task_index: u64, candidate: u32) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(job_name.as_bytes());
        hasher.update(&[0]);
        hasher.update(&task_index.to_le_bytes());
        hasher.update(&candidate.to_le_bytes());
        let hex = hasher.finalize().to_hex();
        Self(hex.as_str()[..32].to_owned())
    }
}

/// Stands for the teacher of an answer that was computed: nobody was asked.
pub const COMPUTED: &str = "computed";

/// What later steps' templates see of an answer: its value where the step has a schema, else its text.
pub fn as_variable(answer: &StepAnswer) -> Value {
    answer
        .value
        .clone()
        .unwrap_or_else(|| Value::String(answer.text.clone()))
}

/// Who answered last: the teacher a sample counts for.
pub fn answered_by(steps: &[StepAnswer]) -> Option<&str> {
    let asked = steps.iter().rev().find(|step| step.teacher != COMPUTED);
    asked.or(steps.last()).map(|step| step.teacher.as_str())
}

/// What a step answered in one candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepAnswer {
    /// The step's name.
    pub step: String,
    /// `provider/model`.
    pub teacher: String,
    /// The attempt it came from.
    pub request: RequestId,
    /// Text without reasoning.
    pub text: String,
    /// The text read as JSON, where the step has a schema and it could be read (salvaged if need be).
    pub value: Option<Value>,
    /// Thinking kept apart.
    pub reasoning: Option<String>,
    /// Calls the model asked for.
    pub tool_calls: Vec<ToolCall>,
    /// Per-token log-probabilities, where asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub logprobs: Option<Value>,
    /// Why it ended.
    pub finish: FinishReason,
    /// Counts.
    pub usage: Usage,
}

impl StepAnswer {
    /// One that nobody was asked for: free, and whole.
    pub fn unasked(step: &str, teacher: &str, text: String, value: Option<Value>) -> Self {
        Self {
            step: step.to_owned(),
            teacher: teacher.to_owned(),
            request: RequestId(0),
            text,
            value,
            reasoning: None,
            tool_calls: Vec::new(),
            logprobs: None,
            finish: FinishReason::Stop,
            usage: Usage {
                input: Some(0),
                output: Some(0),
                usd: Some(Money(0)),
            },
        }
    }
}

/// One possible sample of a task, not judged yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The task.
    pub task: TaskId,
    /// Which candidate, from 0.
    pub ordinal: u32,
    /// The seed row.
    pub seed: Arc<Row>,
    /// The varied fields.
    pub vary: Arc<Row>,
    /// The answers, in the order of the steps; skipped steps are missing.
    pub steps: Vec<StepAnswer>,
    /// JSON Schemas of the steps that have one, by step name.
    pub schemas: Arc<Vec<(String, Arc<Value>)>>,
}

impl Candidate {
    /// The value at a field path: a seed or varied field (`question`), a step's text (`solution`, `solution.text`), its reasoning
    /// (`solution.reasoning`) or something inside its value (`solution.answer`, `solution.steps.0`). `None` if there is none.
    pub fn field(&self, path: &str) -> Option<Value> {
        lookup(&self.seed, &self.vary, &self.steps, path)
    }

    /// [`Self::field`] as text: strings as they are, other values as JSON.
    pub fn text(&self, path: &str) -> Option<String> {
        self.field(path).map(as_text)
    }

    /// The text of the last step, which most validators look at when no field is named.
    pub fn last_text(&self) -> &str {
        self.steps.last().map_or("", |step| step.text.as_str())
    }
}

/// Strings as they are, other values as JSON.
pub fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn lookup(seed: &Row, vary: &Row, steps: &[StepAnswer], path: &str) -> Option<Value> {
    in_steps(steps, path).unwrap_or_else(|| in_rows([vary, seed], path))
}

/// What a field path finds in the answers; `None` where no step has that name, so that it is about the rows.
pub fn in_steps(steps: &[StepAnswer], path: &str) -> Option<Option<Value>> {
    let (head, rest) = parted(path);
    let step = steps.iter().find(|step| step.step == head)?;
    let Some(rest) = rest else {
        return Some(Some(Value::String(step.text.clone())));
    };
    if let Some(found) = step.value.as_ref().and_then(|value| descend(value, rest)) {
        return Some(Some(found));
    }
    Some(match rest {
        "text" => Some(Value::String(step.text.clone())),
        "reasoning" => step.reasoning.clone().map(Value::String),
        _ => None,
    })
}

/// What a field path finds in the varied fields and then in the seed.
pub fn in_rows(rows: [&Row; 2], path: &str) -> Option<Value> {
    let (head, rest) = parted(path);
    // A field may itself contain a dot: the whole path is tried first.
    for row in rows {
        if let Some(value) = row.get(path) {
            return Some(value.clone());
        }
        if let (Some(value), Some(rest)) = (row.get(head), rest) {
            return descend(value, rest);
        }
    }
    None
}

fn parted(path: &str) -> (&str, Option<&str>) {
    path.split_once('.')
        .map_or((path, None), |(head, rest)| (head, Some(rest)))
}

fn descend(value: &Value, path: &str) -> Option<Value> {
    path.split('.')
        .try_fold(value, |value, key| match value {
            Value::Object(map) => map.get(key),
            Value::Array(items) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => None,
        })
        .cloned()
}

/// Why a sample was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not the shape that was asked for.
    Schema,
    /// Equal to an accepted sample.
    ExactDuplicate,
    /// Nearly equal to an accepted sample.
    NearDuplicate,
    /// Means the same as an accepted sample.
    SimilarMeaning,
    /// A judge scored it too low.
    Judge,
    /// Too short or too long.
    Length,
    /// A pattern matched, or failed to.
    Regex,
    /// The teacher refused.
    Refusal,
    /// The answer is cut.
    Truncated,
    /// Control or direction characters.
    ControlChars,
    /// Too close to a benchmark item.
    Contaminated,
    /// Not in a wanted language.
    Language,
    /// Personal data in it.
    Pii,
    /// A key or token in it.
    Secret,
    /// A script said so.
    Script,
    /// A condition of the job held.
    Expression,
    /// A person said so.
    ByHand,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 17] = [
        Self::Schema,
        Self::ExactDuplicate,
        Self::NearDuplicate,
        Self::SimilarMeaning,
        Self::Judge,
        Self::Length,
        Self::Regex,
        Self::Refusal,
        Self::Truncated,
        Self::ControlChars,
        Self::Contaminated,
        Self::Language,
        Self::Pii,
        Self::Secret,
        Self::Script,
        Self::Expression,
        Self::ByHand,
    ];

    /// The word in the ledger and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::ExactDuplicate => "exact_duplicate",
            Self::NearDuplicate => "near_duplicate",
            Self::SimilarMeaning => "similar_meaning",
            Self::Judge => "judge",
            Self::Length => "length",
            Self::Regex => "regex",
            Self::Refusal => "refusal",
            Self::Truncated => "truncated",
            Self::ControlChars => "control_chars",
            Self::Contaminated => "contaminated",
            Self::Language => "language",
            Self::Pii => "pii",
            Self::Secret => "secret",
            Self::Script => "script",
            Self::Expression => "expression",
            Self::ByHand => "by_hand",
        }
    }

    /// Reads [`Self::word`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// What a validator decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Good.
    Accept,
    /// A person should look.
    Review,
    /// Not good; the first rejection ends the candidate.
    Reject,
}

/// A validator's word on a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Kind of the validator.
    pub validator: String,
    /// What it decided.
    pub decision: Decision,
    /// Why, for rejections.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// A score, where it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<f64>,
    /// How far those who were asked agree, from 0 to 1, where there were several questions: the share of a panel that decides alike;
    /// where two texts were compared, the share of judges that say the same in both orders.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agreement: Option<f64>,
    /// What it saw: the schema error, the id of the near duplicate, the judge's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<String>,
}

impl Verdict {
    /// An acceptance without more to say.
    pub fn accept(validator: &str) -> Self {
        Self {
            validator: validator.to_owned(),
            decision: Decision::Accept,
            reason: None,
            score: None,
            agreement: None,
            evidence: None,
        }
    }

    /// A rejection with its evidence.
    pub fn reject(validator: &str, reason: Reason, evidence: impl Into<String>) -> Self {
        Self {
            validator: validator.to_owned(),
            decision: Decision::Reject,
            reason: Some(reason),
            score: None,
            agreement: None,
            evidence: Some(evidence.into()),
        }
    }

    /// A wish that a person looks.
    pub fn review(validator: &str, evidence: impl Into<String>) -> Self {
        Self {
            validator: validator.to_owned(),
            decision: Decision::Review,
            reason: None,
            score: None,
            agreement: None,
            evidence: Some(evidence.into()),
        }
    }

    /// Good, but the job has as many as it wants.
    pub fn beyond_target() -> Self {
        Self::review("target", "the target was reached; accept by hand to add it")
    }

    /// The same with a score.
    #[must_use]
    pub fn scored(mut self, score: f64) -> Self {
        self.score = Some(score);
        self
    }
}

/// Where a sample stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleState {
    /// In the dataset.
    Accepted,
    /// Kept with its reason, not in the dataset.
    Rejected,
    /// Waits for a person.
    NeedsReview,
}

impl SampleState {
    /// The word in the ledger and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::NeedsReview => "needs_review",
        }
    }

    /// Reads [`Self::word`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Accepted, Self::Rejected, Self::NeedsReview]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// A judged candidate on its way into the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSample {
    /// Its name.
    pub id: SampleId,
    /// Which candidate of its task.
    pub candidate: u32,
    /// What the validators decided together.
    pub state: SampleState,
    /// Why, if rejected.
    pub reason: Option<Reason>,
    /// The answers.
    pub steps: Vec<StepAnswer>,
    /// What each validator said, in order.
    pub verdicts: Vec<Verdict>,
    /// Key of exact duplicates: unique among the accepted samples of a job that has `dedup`.
    pub dedup_key: Option<[u8; 16]>,
}

/// What a person decided about a sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// `accepted`, `rejected` or `edited`.
    pub action: String,
    /// Why, in the person's words.
    pub note: Option<String>,
    /// The state before, which an undo brings back.
    pub before: SampleState,
    /// Milliseconds since 1970 UTC.
    pub at_ms: i64,
}

/// A candidate with its verdicts, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its name.
    pub id: SampleId,
    /// Its task.
    pub task: TaskId,
    /// Which candidate of its task.
    pub candidate: u32,
    /// Where it stands.
    pub state: SampleState,
    /// Why, if rejected.
    pub reason: Option<Reason>,
    /// Place in the order of acceptance; `None` unless accepted.
    pub seq: Option<i64>,
    /// The seed row.
    pub seed: Row,
    /// The varied fields.
    pub vary: Row,
    /// The answers (edited ones as edited).
    pub steps: Vec<StepAnswer>,
    /// What each validator said.
    pub verdicts: Vec<Verdict>,
    /// What a person said, newest.
    pub review: Option<Review>,
    /// Tags a person put on it, in order.
    pub tags: Vec<String>,
}

impl Sample {
    /// The value at a field path, as [`Candidate::field`] reads it.
    pub fn field(&self, path: &str) -> Option<Value> {
        lookup(&self.seed, &self.vary, &self.steps, path)
    }
}
