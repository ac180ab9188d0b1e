//! Formats: one file each, and what they share: which fields a job may map, where their values are found in a sample, and how
//! reasoning reaches a text. Shapes are those of methods.md, "Formats that trainers expect".

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::core::catalog::{Catalog, Entry, PlugError};
use crate::core::job::parse::FormatFields;
use crate::core::job::{DatasetSpec, ReasoningStyle};
use crate::core::ports::{BuildFormat, FormatCatalog};
use crate::core::sample::{Sample, StepAnswer, as_text};
use crate::core::text::nearest;

mod alpaca;
mod conversation;
mod kd;
mod messages;
mod preference;
mod prompt_completion;
mod raw;
mod sharegpt;
mod text;
mod unpaired;

/// The table of formats.
pub(super) const CATALOG: FormatCatalog = Catalog(&[
    Entry {
        kind: messages::SHAPE.kind(),
        summary: "Conversations as TRL, Axolotl and Unsloth read them; tool arguments are objects.",
        example: "format = \"messages\"\nfields = { user = \"question\", assistant = \"solution.answer\" }",
        build: messages::build as BuildFormat,
    },
    Entry {
        kind: messages::OPENAI.kind(),
        summary: "Conversations as OpenAI, Together, Fireworks and MLX-LM read them; tool arguments are JSON text.",
        example: "format = \"openai\"\nfields = { user = \"question\", assistant = \"solution.answer\" }",
        build: messages::build_openai,
    },
    Entry {
        kind: sharegpt::SHAPE.kind(),
        summary: "Conversations as LLaMA-Factory reads them: from and value.",
        example: "format = \"sharegpt\"\nfields = { user = \"question\", assistant = \"solution.answer\" }",
        build: sharegpt::build,
    },
    Entry {
        kind: alpaca::SHAPE.kind(),
        summary: "Instruction, input and output.",
        example: "format = \"alpaca\"\nfields = { instruction = \"question\", output = \"solution.answer\" }",
        build: alpaca::build,
    },
    Entry {
        kind: prompt_completion::SHAPE.kind(),
        summary: "Prompt and completion, both plain text.",
        example: "format = \"prompt_completion\"\nfields = { prompt = \"question\", completion = \"solution.answer\" }",
        build: prompt_completion::build,
    },
    Entry {
        kind: text::SHAPE.kind(),
        summary: "One text a row, as TRL, Axolotl, MLX-LM and Unsloth read texts to go on with.",
        example: "format = \"text\"\nfields = { text = \"essay.text\" }",
        build: text::build,
    },
    Entry {
        kind: preference::TRL.kind(),
        summary: "Preference pairs as TRL and Unsloth read them: prompt, chosen and rejected are lists of messages.",
        example: "format = \"preference\"\nfields = { prompt = \"question\", chosen = \"better\", rejected = \"worse\" }",
        build: preference::build_trl,
    },
    Entry {
        kind: preference::PLAIN.kind(),
        summary: "Preference pairs of three texts, as TRL and LLaMA-Factory (with columns named) read them.",
        example: "format = \"preference_plain\"\nfields = { prompt = \"question\", chosen = \"better\", rejected = \"worse\" }",
        build: preference::build_plain,
    },
    Entry {
        kind: preference::WHOLE.kind(),
        summary: "Preference pairs as torchtune reads them: chosen and rejected are whole conversations.",
        example: "format = \"preference_whole\"\nfields = { prompt = \"question\", chosen = \"better\", rejected = \"worse\" }",
        build: preference::build_whole,
    },
    Entry {
        kind: preference::AXOLOTL.kind(),
        summary: "Preference pairs as Axolotl reads them: messages, and chosen and rejected as one message each.",
        example: "format = \"preference_axolotl\"\nfields = { prompt = \"question\", chosen = \"better\", rejected = \"worse\" }",
        build: preference::build_axolotl,
    },
    Entry {
        kind: preference::SHAREGPT.kind(),
        summary: "Preference pairs as LLaMA-Factory reads them: conversations, chosen and rejected with from and value.",
        example: "format = \"preference_sharegpt\"\nfields = { prompt = \"question\", chosen = \"better\", rejected = \"worse\" }",
        build: preference::build_sharegpt,
    },
    Entry {
        kind: preference::OPENAI.kind(),
        summary: "Preference pairs as OpenAI reads them: input, preferred_output and non_preferred_output.",
        example: "format = \"preference_openai\"\nfields = { prompt = \"question\", chosen = \"better\", rejected = \"worse\" }",
        build: preference::build_openai,
    },
    Entry {
        kind: unpaired::TRL.kind(),
        summary: "Answers with a label for KTO, as TRL reads them; without a label's field: whether the sample was accepted.",
        example: "format = \"unpaired\"\nfields = { prompt = \"question\", completion = \"solution.answer\" }",
        build: unpaired::build_trl,
    },
    Entry {
        kind: unpaired::SHAREGPT.kind(),
        summary: "The same as LLaMA-Factory reads it: conversations and kto_tag.",
        example: "format = \"unpaired_sharegpt\"\nfields = { prompt = \"question\", completion = \"solution.answer\" }",
        build: unpaired::build_sharegpt,
    },
    Entry {
        kind: kd::SHAPE.kind(),
        summary: "Conversations with the teacher's most likely tokens, as Axolotl's distillation plugin reads them (load_legacy).",
        example: "format = \"kd\"\nfields = { user = \"question\", assistant = \"solution\" }",
        build: kd::build,
    },
    Entry {
        kind: kd::IDS.kind(),
        summary: "The same with tokens as numbers in a list of their own: target_token_ids and logprobs.",
        example: "format = \"kd_ids\"\nfields = { user = \"question\", assistant = \"solution\" }",
        build: kd::build_ids,
    },
    Entry {
        kind: raw::SHAPE.kind(),
        summary: "Everything known about a sample, for programs of your own.",
        example: "format = \"raw\"",
        build: raw::build,
    },
]);

/// What a format takes: its fields (the question's name first, then the answer's), and how reasoning may reach it.
pub(super) struct Shape {
    fields: FormatFields<'static>,
    reasoning: &'static [ReasoningStyle],
}

impl Shape {
    const fn kind(&self) -> &'static str {
        self.fields.kind
    }
}

/// Seed fields that are taken for the question when a job maps no fields.
const QUESTION_NAMES: [&str; 4] = ["question", "prompt", "instruction", "text"];

/// Where a format's values are found in a sample.
///
/// Without a mapping they are guessed. The question is the first of `question`, `prompt`, `instruction`, `text` among the seed's
/// fields, else the seed's first field, else the first varied field, else the first step's answer if there are more steps. The answer
/// is the last step's: its value's `answer`, else the only text in its value, else its text.
pub(super) struct Fields {
    shape: &'static Shape,
    paths: BTreeMap<String, String>,
    reasoning: ReasoningStyle,
}

/// An answer and the step it is from, if it is from a step.
pub(super) struct Answer<'a> {
    text: String,
    step: Option<&'a StepAnswer>,
}

impl Fields {
    /// Checks the job's mapping against the format.
    fn new(spec: &DatasetSpec, shape: &'static Shape) -> Result<Self, PlugError> {
        let known: Vec<&str> = shape
            .fields
            .required
            .iter()
            .chain(shape.fields.optional.unwrap_or_default())
            .copied()
            .collect();
        for field in spec.fields.keys() {
            if !known.contains(&field.as_str()) {
                return Err(unknown_field(shape.kind(), field, &known));
            }
        }
        for field in shape.fields.required {
            if !spec.fields.is_empty() && !spec.fields.contains_key(*field) {
                let message = format!(
                    "{}: `fields` must say where `{field}` is found: {field} = \"step.field\"",
                    shape.kind()
                );
                return Err(PlugError::at(*field, message));
            }
        }
        if !shape.reasoning.contains(&spec.reasoning) {
            let message = format!(
                "{} has no key for reasoning; write reasoning = \"inline\" or \"drop\"",
                shape.kind()
            );
            return Err(PlugError::at("reasoning", message));
        }
        Ok(Self {
            shape,
            paths: spec.fields.clone(),
            reasoning: spec.reasoning,
        })
    }

    /// The question's text.
    fn question(&self, sample: &Sample) -> io::Result<String> {
        let name = self.shape.fields.required[0];
        let Some(path) = self.paths.get(name) else {
            return guess_question(sample)
                .map(as_text)
                .ok_or_else(|| missing(sample, name, "the job has no field to guess it from"));
        };
        let parts: Vec<&str> = path.split(',').map(str::trim).collect();
        let [first, rest @ ..] = &parts[..] else {
            return mapped(sample, name, path);
        };
        if rest.is_empty() || sample.field(path).is_some() {
            return mapped(sample, name, path);
        }
        // Several fields: the instruction, and what it is about where there is something.
        let mut text = mapped(sample, name, first)?;
        for part in rest {
            let more = sample.field(part).filter(|value| !value.is_null()).map(as_text);
            if let Some(more) = more.filter(|more| !more.is_empty()) {
                text.push_str("\n\n");
                text.push_str(&more);
            }
        }
        Ok(text)
    }

    /// The answer's text: what the shape names second.
    fn answer<'a>(&self, sample: &'a Sample) -> io::Result<Answer<'a>> {
        self.answer_as(sample, self.shape.fields.required[1])
    }

    /// The text of a field that holds an answer.
    fn answer_as<'a>(&self, sample: &'a Sample, name: &str) -> io::Result<Answer<'a>> {
        let Some(path) = self.paths.get(name) else {
            let step = sample
                .steps
                .last()
                .ok_or_else(|| missing(sample, name, "no step has an answer"))?;
            return Ok(Answer {
                text: guess_answer(step).to_owned(),
                step: Some(step),
            });
        };
        let head = path.split('.').next().unwrap_or_default();
        Ok(Answer {
            text: mapped(sample, name, path)?,
            step: sample.steps.iter().find(|step| step.step == head),
        })
    }

    /// The value of an optional field; empty text and null count as none.
    fn optional(&self, sample: &Sample, name: &str) -> Option<Value> {
        let value = sample.field(self.paths.get(name)?)?;
        let empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
        (!empty).then_some(value)
    }

    /// The text of an optional field; where the job maps the field, it stands in every row, empty if need be: a reader that knows
    /// its columns by name finds them all.
    fn column(&self, sample: &Sample, name: &str) -> Option<String> {
        self.paths.get(name)?;
        Some(self.optional(sample, name).map(as_text).unwrap_or_default())
    }

    /// The system message.
    fn system(&self, sample: &Sample) -> Option<String> {
        self.optional(sample, "system").map(as_text)
    }

    /// The answer's text with its reasoning inside, where the job wants it so.
    fn text_of(&self, answer: &Answer<'_>) -> String {
        match self.reasoning_in(answer, ReasoningStyle::Inline) {
            Some(reasoning) => inlined(reasoning, &answer.text),
            None => answer.text.clone(),
        }
    }

    /// The answer's reasoning, if it is to appear in that style.
    fn reasoning_in<'a>(&self, answer: &Answer<'a>, style: ReasoningStyle) -> Option<&'a str> {
        answer
            .step
            .filter(|_| self.reasoning == style)
            .and_then(|step| step.reasoning.as_deref())
            .filter(|reasoning| !reasoning.is_empty())
    }
}

/// Reasoning before the text it led to, as R1 writes it and LLaMA-Factory reads it.
fn inlined(reasoning: &str, text: &str) -> String {
    format!("<think>{reasoning}</think>\n{text}")
}

fn mapped(sample: &Sample, name: &str, path: &str) -> io::Result<String> {
    sample
        .field(path)
        .map(as_text)
        .ok_or_else(|| missing(sample, name, &format!("there is nothing at `{path}`")))
}

fn guess_question(sample: &Sample) -> Option<Value> {
    let named = QUESTION_NAMES.iter().find_map(|name| sample.seed.get(*name));
    let first = || {
        sample
            .seed
            .values()
            .next()
            .or_else(|| sample.vary.values().next())
    };
    named.or_else(first).cloned().or_else(|| {
        let step = sample.steps.first().filter(|_| sample.steps.len() > 1)?;
        Some(Value::String(guess_answer(step).to_owned()))
    })
}

fn guess_answer(step: &StepAnswer) -> &str {
    let Some(Value::Object(value)) = &step.value else {
        return &step.text;
    };
    if let Some(answer) = value.get("answer").and_then(Value::as_str) {
        return answer;
    }
    let mut texts = value.values().filter_map(Value::as_str);
    match (texts.next(), texts.next()) {
        (Some(only), None) => only,
        _ => &step.text,
    }
}

fn missing(sample: &Sample, name: &str, why: &str) -> io::Error {
    let what = format!(
        "sample {}: no value for the dataset's `{name}`: {why}; change [dataset] fields or reject the sample",
        sample.id.0
    );
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn unknown_field(kind: &str, field: &str, known: &[&str]) -> PlugError {
    let hint = match nearest(field, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it takes none".to_owned(),
        None => format!("one of: {}", known.join(", ")),
    };
    PlugError::at(field, format!("{kind} has no field `{field}`; {hint}"))
}

/// One record as a line. Line separators inside strings stay as they are; line feeds are escaped, so a record is one line.
fn write_line(record: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, record)?;
    out.write_all(b"\n")
}
