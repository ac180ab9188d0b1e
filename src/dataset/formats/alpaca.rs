//! `alpaca`: instruction, input (empty where there is none) and output; LLaMA-Factory's `system` where the job maps it.

use std::io::{self, Write};

use serde::Serialize;

use super::{Fields, Shape, write_line};
use crate::core::catalog::PlugError;
use crate::core::job::parse;
use crate::core::job::{DatasetSpec, JobSpec, ReasoningStyle};
use crate::core::ports::Format;
use crate::core::sample::{Sample, as_text};

pub(super) const SHAPE: Shape = Shape {
    fields: parse::ALPACA,
    reasoning: &[ReasoningStyle::Drop, ReasoningStyle::Inline],
};

pub(super) fn build(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    Ok(Box::new(Alpaca {
        fields: Fields::new(spec, &SHAPE)?,
    }))
}

struct Alpaca {
    fields: Fields,
}

#[derive(Serialize)]
struct Record {
    instruction: String,
    input: String,
    output: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
}

impl Format for Alpaca {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
        let input = self.fields.optional(sample, "input");
        let record = Record {
            instruction: self.fields.question(sample)?,
            input: input.map(as_text).unwrap_or_default(),
            output: self.fields.text_of(&self.fields.answer(sample)?),
            system: self.fields.column(sample, "system"),
        };
        write_line(&record, out)
    }
}
