//! Answers with a label and no partner, for KTO: good or not. The label is a field of the sample, or else what became of it: with the
//! rejected ones exported too, a judge's refusals become the bad half.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::preference::{assistant, prompt};
use super::{Fields, Shape, missing, write_line};
use crate::core::catalog::PlugError;
use crate::core::job::parse;
use crate::core::job::{DatasetSpec, JobSpec, ReasoningStyle};
use crate::core::ports::Format;
use crate::core::sample::{Sample, SampleState};

const REASONING: &[ReasoningStyle] = &[ReasoningStyle::Drop, ReasoningStyle::Inline];

pub(super) const TRL: Shape = Shape {
    fields: parse::UNPAIRED,
    reasoning: REASONING,
};

pub(super) const SHAREGPT: Shape = Shape {
    fields: parse::UNPAIRED_SHAREGPT,
    reasoning: REASONING,
};

pub(super) fn build_trl(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    Ok(Box::new(Unpaired {
        fields: Fields::new(spec, &TRL)?,
        sharegpt: false,
    }))
}

pub(super) fn build_sharegpt(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    Ok(Box::new(Unpaired {
        fields: Fields::new(spec, &SHAREGPT)?,
        sharegpt: true,
    }))
}

struct Unpaired {
    fields: Fields,
    sharegpt: bool,
}

impl Unpaired {
    fn label(&self, sample: &Sample) -> io::Result<bool> {
        let Some(path) = self.fields.paths.get("label") else {
            return match sample.state {
                SampleState::Accepted => Ok(true),
                SampleState::Rejected => Ok(false),
                SampleState::NeedsReview => Err(missing(
                    sample,
                    "label",
                    "it waits for a person, so it is neither good nor bad yet",
                )),
            };
        };
        let value = sample.field(path).unwrap_or_default();
        truth(&value).ok_or_else(|| {
            let why = format!("`{path}` is {value}, neither true nor false");
            missing(sample, "label", &why)
        })
    }
}

/// A label as seed files and answers write one; formats without booleans have words or digits.
fn truth(value: &Value) -> Option<bool> {
    let text = match value {
        Value::Bool(label) => return Some(*label),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    match text.as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

impl Format for Unpaired {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
        let label = self.label(sample)?;
        let user = self.fields.question(sample)?;
        let completion = self.fields.text_of(&self.fields.answer(sample)?);
        let system = self.fields.column(sample, "system");
        if !self.sharegpt {
            let row = json!({
                "prompt": prompt(system, user),
                "completion": [assistant(completion)],
                "label": label,
            });
            return write_line(&row, out);
        }
        let mut row = json!({
            "conversations": [{ "from": "human", "value": user }, { "from": "gpt", "value": completion }],
            "kto_tag": label,
        });
        if let Some(system) = system {
            row["system"] = Value::String(system);
        }
        write_line(&row, out)
    }
}
