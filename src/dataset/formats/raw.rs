//! `raw`: everything known about a sample, as product.md spells it out. Row numbers of the database and times are left out, so that a
//! replayed job gives the same bytes; the sample's id leads to its responses in the ledger.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::{Shape, unknown_field, write_line};
use crate::core::Row;
use crate::core::budget::Money;
use crate::core::catalog::PlugError;
use crate::core::conversation::ToolCall;
use crate::core::job::parse;
use crate::core::job::{DatasetSpec, JobSpec, Step};
use crate::core::ports::Format;
use crate::core::request::{Params, Usage};
use crate::core::sample::{Review, Sample, StepAnswer, Verdict, answered_by};

pub(super) const SHAPE: Shape = Shape {
    fields: parse::RAW,
    reasoning: &[],
};

/// `reasoning` means nothing here: it has its own key.
pub(super) fn build(spec: &DatasetSpec, job: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    if let Some(field) = spec.fields.keys().next() {
        return Err(unknown_field(SHAPE.kind(), field, &[]));
    }
    let steps = job.steps.iter().map(|step| StepOrigin {
        name: step.name.clone(),
        template: template_hash(step),
        params: step.params.or(&job.defaults),
    });
    Ok(Box::new(Raw {
        job: job.name.clone(),
        random_seed: job.random_seed,
        steps: steps.collect(),
    }))
}

struct Raw {
    job: String,
    random_seed: u64,
    steps: Vec<StepOrigin>,
}

struct StepOrigin {
    name: String,
    template: String,
    params: Params,
}

/// The first 32 hexadecimal digits of blake3 over what a question of this step is made from.
fn template_hash(step: &Step) -> String {
    let mut hasher = blake3::Hasher::new();
    let schema = step.schema.as_ref().map(ToString::to_string);
    for part in [step.system.as_deref(), Some(&step.prompt), schema.as_deref()] {
        hasher.update(&(part.map_or(u64::MAX, |part| part.len() as u64)).to_le_bytes());
        hasher.update(part.unwrap_or_default().as_bytes());
    }
    hasher.finalize().to_hex().as_str()[..32].to_owned()
}

#[derive(Serialize)]
struct Record<'a> {
    id: &'a str,
    task: u64,
    candidate: u32,
    seed: &'a Row,
    vary: &'a Row,
    #[serde(serialize_with = "as_map")]
    steps: Vec<(&'a str, Answer<'a>)>,
    teacher: Option<&'a str>,
    usage: Counts,
    verdicts: &'a [Verdict],
    review: Option<&'a Review>,
    provenance: Provenance<'a>,
}

#[derive(Serialize)]
struct Answer<'a> {
    text: &'a str,
    value: Option<&'a serde_json::Value>,
    reasoning: Option<&'a str>,
    tool_calls: &'a [ToolCall],
    finish_reason: &'a str,
}

/// Counts; null where any part of a sum is unknown.
#[derive(Serialize)]
struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    usd: Option<f64>,
}

#[derive(Serialize)]
struct Provenance<'a> {
    job: &'a str,
    random_seed: u64,
    #[serde(serialize_with = "as_map")]
    steps: Vec<(&'a str, Origin<'a>)>,
}

#[derive(Serialize)]
struct Origin<'a> {
    teacher: &'a str,
    template: Option<&'a str>,
    params: Option<&'a Params>,
    usage: Counts,
}

fn as_map<S: Serializer, T: Serialize>(pairs: &[(&str, T)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

fn counts(steps: &[StepAnswer]) -> Counts {
    let sum = |count: fn(&Usage) -> Option<u64>| steps.iter().map(|step| count(&step.usage)).sum();
    let usd: Option<Vec<Money>> = steps.iter().map(|step| step.usage.usd).collect();
    Counts {
        input: sum(|usage| usage.input),
        output: sum(|usage| usage.output),
        usd: usd.map(|parts| parts.into_iter().fold(Money::default(), Money::plus).usd()),
    }
}

impl Raw {
    fn origin<'a>(&'a self, step: &'a StepAnswer) -> Origin<'a> {
        let planned = self.steps.iter().find(|planned| planned.name == step.step);
        Origin {
            teacher: &step.teacher,
            template: planned.map(|planned| planned.template.as_str()),
            params: planned.map(|planned| &planned.params),
            usage: counts(std::slice::from_ref(step)),
        }
    }
}

fn answer(step: &StepAnswer) -> Answer<'_> {
    Answer {
        text: &step.text,
        value: step.value.as_ref(),
        reasoning: step.reasoning.as_deref(),
        tool_calls: &step.tool_calls,
        finish_reason: step.finish.as_str(),
    }
}

impl Format for Raw {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
        let steps = || sample.steps.iter().map(|step| (step.step.as_str(), step));
        let record = Record {
            id: &sample.id.0,
            task: sample.task.index,
            candidate: sample.candidate,
            seed: &sample.seed,
            vary: &sample.vary,
            steps: steps().map(|(name, step)| (name, answer(step))).collect(),
            teacher: answered_by(&sample.steps),
            usage: counts(&sample.steps),
            verdicts: &sample.verdicts,
            review: sample.review.as_ref(),
            provenance: Provenance {
                job: &self.job,
                random_seed: self.random_seed,
                steps: steps().map(|(name, step)| (name, self.origin(step))).collect(),
            },
        };
        write_line(&record, out)
    }
}
