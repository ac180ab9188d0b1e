//! Checks rows for a trainer: the traps in which a file that is good JSON still fails, or teaches the wrong thing. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::core::Row;
use crate::core::catalog::{Catalog, Entry};
use crate::core::job::parse::Severity;
use crate::core::ports::{BuildLinter, Finding, LintedFile, Linter, TrainerCatalog};

mod columns;
mod conversation;
mod pairs;
mod shape;
mod sharegpt;
mod tokens;
mod tools;

use shape::{Reads, Shape, Trainer};

/// The table of trainers.
pub(super) const CATALOG: TrainerCatalog = Catalog(&[
    Entry {
        kind: "trl",
        summary: "TRL: messages, prompt and completion, text, preference pairs, labels; tool arguments as objects.",
        example: "destiler lint data.jsonl --for trl",
        build: (|file| check(&shape::TRL, file)) as BuildLinter,
    },
    Entry {
        kind: "axolotl",
        summary: "Axolotl: messages, alpaca, text, pairs with one message a side; reasoning_content.",
        example: "destiler lint data.jsonl --for axolotl",
        build: |file| check(&shape::AXOLOTL, file),
    },
    Entry {
        kind: "llama-factory",
        summary: "LLaMA-Factory: sharegpt, alpaca, pairs and kto_tag, found through dataset_info.json.",
        example: "destiler lint train.jsonl --for llama-factory",
        build: |file| check(&shape::LLAMA_FACTORY, file),
    },
    Entry {
        kind: "openai",
        summary: "OpenAI fine-tuning: messages and preference pairs; tool arguments as JSON text, at least ten rows.",
        example: "destiler lint data.jsonl --for openai",
        build: |file| check(&shape::OPENAI, file),
    },
    Entry {
        kind: "together",
        summary: "Together: OpenAI's shapes, one of them a file.",
        example: "destiler lint data.jsonl --for together",
        build: |file| check(&shape::TOGETHER, file),
    },
    Entry {
        kind: "fireworks",
        summary: "Fireworks: OpenAI's shapes.",
        example: "destiler lint data.jsonl --for fireworks",
        build: |file| check(&shape::FIREWORKS, file),
    },
    Entry {
        kind: "torchtune",
        summary: "torchtune: messages or sharegpt by conversation_style, alpaca, text, pairs of whole conversations.",
        example: "destiler lint data.jsonl --for torchtune",
        build: |file| check(&shape::TORCHTUNE, file),
    },
    Entry {
        kind: "mlx",
        summary: "MLX-LM: messages, prompt and completion or text in train, valid and test.jsonl, told by the first row.",
        example: "destiler lint train.jsonl --for mlx",
        build: |file| check(&shape::MLX, file),
    },
    Entry {
        kind: "unsloth",
        summary: "Unsloth: messages, alpaca, text, sharegpt after standardize_sharegpt, TRL's pairs.",
        example: "destiler lint data.jsonl --for unsloth",
        build: |file| check(&shape::UNSLOTH, file),
    },
]);

fn check(trainer: &'static Trainer, file: LintedFile) -> Box<dyn Linter> {
    Box::new(Check {
        trainer,
        file,
        first: None,
        columns: columns::Columns::default(),
        reasoning: BTreeMap::new(),
        labels: BTreeSet::new(),
        declared: tools::Declared::default(),
        single_calls: false,
        notes: Notes {
            line: 0,
            found: Vec::new(),
            once: BTreeSet::new(),
        },
        rows: 0,
    })
}

/// A file under way: shapes and counts, never rows.
struct Check {
    trainer: &'static Trainer,
    file: LintedFile,
    /// Shape and line of the first row.
    first: Option<(Shape, u64)>,
    columns: columns::Columns,
    /// How reasoning is written → first line.
    reasoning: BTreeMap<&'static str, u64>,
    labels: BTreeSet<bool>,
    declared: tools::Declared,
    /// The row says `parallel_tool_calls: false`.
    single_calls: bool,
    notes: Notes,
    rows: u64,
}

/// Where findings go.
struct Notes {
    line: u64,
    found: Vec<Finding>,
    /// Rules that were said for the whole file.
    once: BTreeSet<&'static str>,
}

impl Notes {
    fn error(&mut self, rule: &'static str, field: &str, what: impl Into<String>, why: &str, mend: &str) {
        self.push(Severity::Error, rule, field, what.into(), why, mend);
    }

    fn warn(&mut self, rule: &'static str, field: &str, what: impl Into<String>, why: &str, mend: &str) {
        self.push(Severity::Warning, rule, field, what.into(), why, mend);
    }

    /// Whether this rule is said for the first time in this file.
    fn first(&mut self, rule: &'static str) -> bool {
        self.once.insert(rule)
    }

    fn push(
        &mut self,
        severity: Severity,
        rule: &'static str,
        field: &str,
        what: String,
        why: &str,
        mend: &str,
    ) {
        self.found.push(Finding {
            line: self.line,
            severity,
            rule,
            field: field.to_owned(),
            what,
            why: why.to_owned(),
            mend: mend.to_owned(),
        });
    }
}

impl Linter for Check {
    fn line(&mut self, line: &[u8]) -> Vec<Finding> {
        self.notes.line += 1;
        if let Some(row) = self.read(line) {
            self.rows += 1;
            self.row(&row);
        }
        std::mem::take(&mut self.notes.found)
    }

    fn end(&mut self) -> Vec<Finding> {
        self.notes.line = 0;
        self.whole();
        std::mem::take(&mut self.notes.found)
    }
}

impl Check {
    /// The line as a row.
    fn read(&mut self, line: &[u8]) -> Option<Row> {
        let notes = &mut self.notes;
        let mut text = line.strip_suffix(b"\n").unwrap_or(line);
        if let Some(rest) = text.strip_prefix(b"\xef\xbb\xbf") {
            text = rest;
            let why = "JSON starts at the first byte, and most readers refuse the file";
            notes.error(
                "byte_order_mark",
                "",
                "a byte order mark",
                why,
                "save the file as UTF-8 without one",
            );
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            let why = "one object a line is what readers of JSON lines expect";
            notes.error("blank", "", "a blank line", why, "take the line out");
            return None;
        }
        let value: Value = match serde_json::from_slice(text) {
            Ok(value) => value,
            Err(error) => {
                let what = match std::str::from_utf8(text) {
                    Err(bad) => format!("not UTF-8 from byte {} on", bad.valid_up_to() + 1),
                    Ok(_) if text.starts_with(b"[") => "a JSON array over several lines".to_owned(),
                    Ok(_) => format!("not valid JSON at column {}: {}", error.column(), plain(&error)),
                };
                let why = "the whole file fails to load at this line";
                notes.error(
                    "json",
                    "",
                    what,
                    why,
                    "write one JSON object on the line (NaN and comments are no JSON)",
                );
                return None;
            }
        };
        match value {
            Value::Object(row) => Some(row),
            other => {
                let what = format!("{} and no object", kind(&other));
                let why = "columns have names, and only an object has them";
                notes.error("object", "", what, why, "put one object on each line");
                None
            }
        }
    }

    fn row(&mut self, row: &Row) {
        let shape = if self.trainer.first_decides {
            Shape::first_of(row)
        } else {
            Shape::of(row)
        };
        self.one_shape(row);
        match self.first {
            None => {
                self.first = Some((shape, self.notes.line));
                self.taken(shape);
            }
            Some((first, line)) if first != shape => {
                let what = format!("{} in a file that begins as {}", shape.format(), first.format());
                let why = if self.trainer.first_decides {
                    format!(
                        "{} takes the whole file for what line {line} is",
                        self.trainer.name
                    )
                } else {
                    format!(
                        "a file has one format; {} refuses it or leaves rows out",
                        self.trainer.name
                    )
                };
                self.notes.error(
                    "mixed_formats",
                    "",
                    what,
                    &why,
                    "put each format into a file of its own",
                );
                return;
            }
            Some(_) => {}
        }
        if self.trainer.takes(shape).is_none() {
            return;
        }
        if self.trainer.typed {
            self.columns.row(row, &mut self.notes);
        }
        self.contents(shape, row);
    }

    /// Says once whether the trainer takes files of that shape.
    fn taken(&mut self, shape: Shape) {
        let name = self.trainer.name;
        match self.trainer.takes(shape) {
            Some(Reads::AsIs) => {}
            Some(Reads::Told(how)) => {
                let what = format!("the file is {}", shape.format());
                let why = format!("{name} reads it only when it is told to");
                self.notes.warn("needs_setting", "", what, &why, how);
            }
            None => {
                let what = format!("the file is {}", shape.format());
                let why = format!("{name} has no reader for it");
                let mend = match self.trainer.instead(shape.purpose()) {
                    Some(format) => format!("write it with destiler export JOB --format {format}"),
                    None => format!("{name} does not train on such rows; choose another trainer"),
                };
                self.notes.error("format", "", what, &why, &mend);
            }
        }
    }

    fn whole(&mut self) {
        let name = self.trainer.name;
        if self.rows < self.trainer.rows {
            let what = format!("{} rows", self.rows);
            let why = format!("{name} asks for at least {}", self.trainer.rows);
            self.notes.error("too_few", "", what, &why, "make more samples");
        }
        if self.reasoning.len() > 1 {
            let ways: Vec<String> = self
                .reasoning
                .iter()
                .map(|(way, line)| format!("{way} (line {line})"))
                .collect();
            let what = format!("reasoning is written in {} ways: {}", ways.len(), ways.join(", "));
            let why = "a template renders each of them differently, or not at all";
            self.notes.warn(
                "mixed_reasoning",
                "",
                what,
                why,
                "use one: [dataset] reasoning of the job",
            );
        }
        if self.labels.len() == 1 {
            let what = "all labels are the same";
            let why =
                "KTO weighs good answers against bad ones; with one side it learns nothing of the other";
            let mend = "export with --include rejected, or add the other side";
            self.notes.warn("one_label", "label", what, why, mend);
        }
        if let (Some(names), Some(file)) = (self.trainer.names, &self.file.name)
            && !names.contains(&file.as_str())
        {
            let what = format!("the file is called {file}");
            let why = format!(
                "{name} opens {} in the directory it is given, and nothing else",
                names.join(", ")
            );
            let mend = "rename it, or set [dataset] split = { train = 0.9, valid = 0.1 }";
            self.notes.warn("file_name", "", what, &why, mend);
        }
        if self.trainer.described && self.file.name.is_some() && !self.file.described {
            let what = "no dataset_info.json beside it names this file";
            let why = format!("{name} finds its files and their columns through that one");
            let mend = "add an entry; a job with format sharegpt or alpaca writes it beside its files";
            self.notes.warn("dataset_info", "", what, &why, mend);
        }
    }
}

/// A parser's words without the place, which counts from the line's start anyway.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// What a value is, in a word.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
