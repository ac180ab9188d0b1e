//! `prompt_completion`: both as plain text (TRL's standard format, also MLX-LM's completions).

use std::io::{self, Write};

use serde::Serialize;

use super::{Fields, Shape, write_line};
use crate::core::catalog::PlugError;
use crate::core::job::parse;
use crate::core::job::{DatasetSpec, JobSpec, ReasoningStyle};
use crate::core::ports::Format;
use crate::core::sample::Sample;

pub(super) const SHAPE: Shape = Shape {
    fields: parse::PROMPT_COMPLETION,
    reasoning: &[ReasoningStyle::Drop, ReasoningStyle::Inline],
};

pub(super) fn build(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    Ok(Box::new(PromptCompletion {
        fields: Fields::new(spec, &SHAPE)?,
    }))
}

struct PromptCompletion {
    fields: Fields,
}

#[derive(Serialize)]
struct Record {
    prompt: String,
    completion: String,
}

impl Format for PromptCompletion {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
        let record = Record {
            prompt: self.fields.question(sample)?,
            completion: self.fields.text_of(&self.fields.answer(sample)?),
        };
        write_line(&record, out)
    }
}
