//! `kd` and `kd_ids`: a conversation with the teacher's most likely tokens at every place of its answer, as Axolotl's plugin for
//! distillation reads them. `kd` has tokens and their log-probabilities side by side (`…kd.chat_template.load_legacy`), `kd_ids` two lists
//! of numbers (`…kd.chat_template`).

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::messages::{Messages, Record};
use super::{Fields, Shape, missing, write_line};
use crate::core::catalog::PlugError;
use crate::core::job::parse;
use crate::core::job::{DatasetSpec, JobSpec, ReasoningStyle};
use crate::core::ports::Format;
use crate::core::sample::Sample;

pub(super) const SHAPE: Shape = Shape {
    fields: parse::KD,
    reasoning: &[ReasoningStyle::Drop],
};

pub(super) const IDS: Shape = Shape {
    fields: parse::KD_IDS,
    reasoning: &[ReasoningStyle::Drop],
};

/// What stands before a token's number.
const ID: &str = "token_id:";

pub(super) fn build(spec: &DatasetSpec, job: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    make(spec, job, &SHAPE)
}

pub(super) fn build_ids(spec: &DatasetSpec, job: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    make(spec, job, &IDS)
}

fn make(spec: &DatasetSpec, job: &JobSpec, shape: &'static Shape) -> Result<Box<dyn Format>, PlugError> {
    let fields = Fields::new(spec, shape)?;
    let kind = shape.kind();
    let path = spec.fields.get("assistant").map(String::as_str);
    let step = match path {
        None => job.steps.last(),
        Some(path) => {
            let head = path.split('.').next().unwrap_or_default();
            let step = job.steps.iter().find(|step| step.name == head);
            if step.is_some() && path != head && path.strip_suffix(".text") != Some(head) {
                let message = format!(
                    "{kind}: `{path}` is no whole answer, and the tokens are those of a whole one; map assistant to a step"
                );
                return Err(PlugError::at("fields", message));
            }
            step
        }
    };
    if let Some(step) = step
        && step.given.is_none()
        && step.params.or(&job.defaults).logprobs.unwrap_or(0) == 0
    {
        let message = format!(
            "{kind} needs the teacher's log-probabilities: write `logprobs = 5` into step `{}`",
            step.name
        );
        return Err(PlugError::at("format", message));
    }
    Ok(Box::new(Kd {
        messages: Messages {
            fields,
            openai: false,
        },
        ids: shape.kind() == parse::KD_IDS.kind,
    }))
}

struct Kd {
    messages: Messages,
    ids: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    record: Record<'a>,
    logprobs: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_token_ids: Option<Vec<Vec<u64>>>,
}

/// A token at a place, with its log-probability.
type Token<'a> = (&'a str, f64);

impl Kd {
    /// The most likely tokens of every place, the likeliest first, as many at each: readers make rectangles of them.
    fn tokens<'a>(&self, sample: &'a Sample) -> io::Result<Vec<Vec<Token<'a>>>> {
        let answer = self.messages.fields.answer(sample)?;
        let none = |why: &str| missing(sample, "logprobs", why);
        let step = answer.step.ok_or_else(|| none("the answer is from no step"))?;
        let places = step.logprobs.as_ref().and_then(Value::as_array);
        let places = places.filter(|places| !places.is_empty()).ok_or_else(|| {
            none(&format!(
                "{} gave no log-probabilities, though they were asked for; route the step to a teacher that does",
                step.teacher
            ))
        })?;
        let token = |value: &'a Value| Some((value["token"].as_str()?, value["logprob"].as_f64()?));
        let mut read = Vec::with_capacity(places.len());
        for (at, place) in places.iter().enumerate() {
            let top = place["top"].as_array().map(Vec::as_slice).unwrap_or_default();
            let mut tokens: Vec<Token<'a>> = top.iter().filter_map(token).collect();
            if tokens.is_empty() {
                tokens.extend(token(place));
            }
            if tokens.is_empty() {
                return Err(none(&format!("place {at} of the answer has no token")));
            }
            tokens.sort_by(|one, other| other.1.total_cmp(&one.1));
            read.push(tokens);
        }
        let least = read.iter().map(Vec::len).min().unwrap_or(0);
        for tokens in &mut read {
            tokens.truncate(least);
        }
        Ok(read)
    }
}

impl Format for Kd {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
        let tokens = self.tokens(sample)?;
        let conversation = self.messages.fields.conversation(sample)?;
        let record = self.messages.record(sample, &conversation);
        let line = if self.ids {
            let id = |(token, _): &Token<'_>| {
                token.strip_prefix(ID).and_then(|id| id.parse::<u64>().ok()).ok_or_else(|| {
                    let why = "the teacher gave tokens as text and not as numbers; start vLLM with --return-tokens-as-token-ids";
                    missing(sample, "target_token_ids", why)
                })
            };
            let ids: io::Result<Vec<Vec<u64>>> = tokens
                .iter()
                .map(|place| place.iter().map(id).collect())
                .collect();
            let numbers = |place: &Vec<Token<'_>>| place.iter().map(|(_, logprob)| json!(logprob)).collect();
            Line {
                record,
                target_token_ids: Some(ids?),
                logprobs: tokens.iter().map(numbers).collect(),
            }
        } else {
            let pair = |(token, logprob): &Token<'_>| json!({ "token": token, "logprob": logprob });
            Line {
                record,
                target_token_ids: None,
                logprobs: tokens
                    .iter()
                    .map(|place| place.iter().map(pair).collect())
                    .collect(),
            }
        };
        write_line(&line, out)
    }
}
