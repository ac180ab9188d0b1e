//! `text`: one text a row, for trainers that go on with it (TRL's language modelling, Axolotl's completion, MLX-LM, Unsloth).

use std::io::{self, Write};

use serde::Serialize;

use super::{Fields, Shape, write_line};
use crate::core::catalog::PlugError;
use crate::core::job::parse;
use crate::core::job::{DatasetSpec, JobSpec, ReasoningStyle};
use crate::core::ports::Format;
use crate::core::sample::Sample;

pub(super) const SHAPE: Shape = Shape {
    fields: parse::TEXT,
    reasoning: &[ReasoningStyle::Drop, ReasoningStyle::Inline],
};

pub(super) fn build(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    Ok(Box::new(Text {
        fields: Fields::new(spec, &SHAPE)?,
    }))
}

struct Text {
    fields: Fields,
}

#[derive(Serialize)]
struct Record {
    text: String,
}

impl Format for Text {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
        let text = self.fields.text_of(&self.fields.answer_as(sample, "text")?);
        write_line(&Record { text }, out)
    }
}
