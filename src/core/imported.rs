//! A dataset that is there already, as a job like any other: what `[seeds] format` says, what was seen in the file, the job file made of
//! it, and the answers that its steps are given. What the rows of a format look like is the dataset wing's business.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conversation::ToolCall;
use super::job::ReasoningStyle;
use super::job::parse::FORMATS;
use super::request::FinishReason;
use super::sample::StepAnswer;

/// Stands for the teacher of an answer that was there already: nobody was asked, and whoever answered once is not known.
pub const IMPORTED: &str = "imported";

/// Varied field that says where a task's row is from: file, line, the file's SHA-256, and what the row said of its own past.
pub const IMPORTED_FIELD: &str = "imported";

/// Seed field that holds the answers of a row that was taken apart, by the name of the step they are for.
pub const GIVEN_FIELD: &str = "given";

/// How the rows of a seed file are taken apart: they are rows of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// A kind of the format catalog.
    pub format: String,
    /// What the file must be (hex), where the job insists on one.
    pub sha256: Option<String>,
    /// Rows that cannot be taken apart are left out; otherwise they end the planning.
    pub skip_broken: bool,
    /// An answer's `<think>…</think>` is reasoning, not text.
    pub split_think: bool,
}

impl Taken {
    /// The same for a look at the first rows, which does not pay for reading the whole file.
    #[must_use]
    pub fn at_a_glance(&self) -> Self {
        Self {
            sha256: None,
            ..self.clone()
        }
    }
}

/// What somebody wants imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportRequest {
    /// The dataset.
    pub file: PathBuf,
    /// Its format; `None`: what its rows look like.
    pub format: Option<String>,
    /// The job's name; `None`: made of the file's.
    pub name: Option<String>,
    /// The samples wait for a person.
    pub review: bool,
    /// Leave out rows that cannot be taken apart.
    pub skip_broken: bool,
}

/// What was seen in a file that is to be imported.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Survey {
    /// The format its rows have.
    pub format: String,
    /// The format in which the job writes them again.
    pub dataset: String,
    /// Rows that can be taken apart.
    pub rows: u64,
    /// Rows that cannot.
    pub broken: u64,
    /// What is wrong with the first of these, each with its line.
    pub problems: Vec<String>,
    /// SHA-256 of the file (hex).
    pub sha256: String,
    /// Columns that the format has no name for, and in how many rows: kept as fields, not written again.
    pub columns: Vec<(String, u64)>,
    /// Keys that have no place in a sample, and in how many rows.
    pub lost: Vec<(String, u64)>,
    /// How reasoning stands in the rows.
    pub reasoning: ReasoningStyle,
    /// Fields of the format that some row has.
    #[serde(skip)]
    pub fields: BTreeSet<&'static str>,
    /// Steps that have an answer, and whether every row has it.
    #[serde(skip)]
    pub steps: Vec<(String, bool)>,
    /// Whether rows say of themselves that they were rejected, or wait for a person.
    #[serde(skip)]
    pub judged: bool,
}

/// What importing a file would make; nothing is stored yet.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportPlan {
    /// What is in the file.
    pub survey: Survey,
    /// The job's name.
    pub name: String,
    /// The job file.
    pub source: String,
    /// The directory its paths refer to.
    pub base: PathBuf,
    /// A job that was made of the same bytes before.
    pub already: Option<String>,
}

/// The job file of an import. `file` is the file's name within the job's base directory.
pub fn job_file(survey: &Survey, request: &ImportRequest, name: &str, file: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = format!(
        "name = {}\ndescription = {}\n\n",
        quoted(name),
        quoted(&format!("Imported from {file}"))
    );
    text.push_str("# Rows of a dataset, taken apart: nobody is asked for anything.\n[seeds]\n");
    let _ = writeln!(text, "path = {}", quoted(file));
    let _ = writeln!(text, "format = {}", quoted(&survey.format));
    let _ = writeln!(text, "sha256 = {}", quoted(&survey.sha256));
    if request.skip_broken && survey.broken > 0 {
        text.push_str("skip_broken = true\n");
    }
    if survey.reasoning == ReasoningStyle::Inline {
        text.push_str("split_think = true\n");
    }
    for (step, always) in &survey.steps {
        let _ = write!(
            text,
            "\n[[steps]]\nname = {}\ngiven = {}\n",
            quoted(step),
            quoted(&format!("{GIVEN_FIELD}.{step}"))
        );
        if !always {
            let _ = writeln!(
                text,
                "when = {}",
                quoted(&format!("{GIVEN_FIELD}.{step} is defined"))
            );
        }
    }
    if survey.judged {
        let state = |word: &str| quoted(&format!("{IMPORTED_FIELD}.state == '{word}'"));
        let _ = write!(
            text,
            "\n[[validators]]\nkind = \"expression\"\nreject_if = {}\nreview_if = {}\nbecause = \"so it stood where it is from\"\n",
            state("rejected"),
            state("needs_review"),
        );
    }
    if request.review {
        text.push_str(
            "\n[[validators]]\nkind = \"expression\"\nreview_if = \"true\"\nbecause = \"imported to be reviewed\"\n",
        );
    }
    let _ = write!(text, "\n[dataset]\nformat = {}\n", quoted(&survey.dataset));
    let fields = fields(survey);
    if !fields.is_empty() {
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(field, path)| format!("{field} = {}", quoted(path)))
            .collect();
        let _ = writeln!(text, "fields = {{ {} }}", fields.join(", "));
    }
    let reasoning = match survey.reasoning {
        ReasoningStyle::Drop => return text,
        ReasoningStyle::Inline => "inline",
        ReasoningStyle::ReasoningContent => "reasoning_content",
        ReasoningStyle::Thinking => "thinking",
    };
    let _ = writeln!(text, "reasoning = {}", quoted(reasoning));
    text
}

/// Where the fields of the format that is written are found in a row that was taken apart: all formats are taken into the same names.
fn fields(survey: &Survey) -> Vec<(&'static str, &'static str)> {
    let Some(format) = FORMATS.iter().find(|format| format.kind == survey.dataset) else {
        return Vec::new();
    };
    let optional = format.optional.unwrap_or_default();
    let met = optional.iter().filter(|field| survey.fields.contains(**field));
    let named = format.required.iter().chain(met).copied();
    named
        .map(|field| {
            let path = match field {
                "user" | "instruction" => "question",
                "prompt" if format.required.len() > 1 => "question",
                "assistant" | "output" | "completion" | "text" => "answer",
                same => same,
            };
            (field, path)
        })
        .collect()
}

/// A name for the job of a file: `[a-z0-9-]{1,64}`, from the file's name, and its directory's where that alone says nothing.
pub fn job_name(stem: &str, directory: &str) -> String {
    const NOTHING: [&str; 6] = ["data", "train", "valid", "validation", "test", "dataset"];
    let stem = sanitised(stem);
    let directory = sanitised(directory);
    let bare = stem.split('-').next().unwrap_or_default();
    let name = if NOTHING.contains(&bare) && !directory.is_empty() {
        format!("{directory}-{stem}")
    } else {
        stem
    };
    let name: String = name.chars().take(64).collect();
    let name = name.trim_matches('-');
    if super::job::is_job_name(name) {
        name.to_owned()
    } else {
        "imported".to_owned()
    }
}

fn sanitised(text: &str) -> String {
    let mut name = String::new();
    for letter in text.to_lowercase().chars() {
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
            name.push(letter);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    name.trim_matches('-').to_owned()
}

/// The answer of a step that is given one: a text, or an object with `text`, `value`, `reasoning`, `tool_calls`, `logprobs`,
/// `finish_reason` and `teacher`, as the `raw` format has it.
pub fn given(step: &str, value: Value) -> Result<StepAnswer, String> {
    let mut answer = StepAnswer::unasked(step, IMPORTED, String::new(), None);
    let mut parts = match value {
        Value::Object(parts) => parts,
        Value::Null => return Err("there is no answer".to_owned()),
        other => {
            answer.text = super::sample::as_text(other);
            return Ok(answer);
        }
    };
    let mut part = |key: &str| parts.remove(key).filter(|value| !value.is_null());
    let text = part("text").map(super::sample::as_text);
    answer.value = part("value");
    answer.reasoning = part("reasoning").map(super::sample::as_text);
    answer.logprobs = part("logprobs");
    if let Some(calls) = part("tool_calls") {
        answer.tool_calls = serde_json::from_value::<Vec<ToolCall>>(calls)
            .map_err(|error| format!("its tool_calls are not calls with id, name and arguments: {error}"))?;
    }
    if let Some(word) = part("finish_reason") {
        answer.finish = FinishReason::from_word(&super::sample::as_text(word));
    }
    if let Some(teacher) = part("teacher") {
        answer.teacher = super::sample::as_text(teacher);
    }
    answer.text = match (text, &answer.value) {
        (Some(text), _) => text,
        (None, Some(value)) => super::sample::as_text(value.clone()),
        (None, None) => return Err("the answer has no text".to_owned()),
    };
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::budget::Money;

    #[test]
    fn a_name_is_made_of_the_file_and_of_its_directory_where_that_alone_says_nothing() {
        assert_eq!(job_name("My Tides (v2)", "x"), "my-tides-v2");
        assert_eq!(job_name("train", "Open Maths"), "open-maths-train");
        assert_eq!(
            job_name("train-00000-of-00003", "maths"),
            "maths-train-00000-of-00003"
        );
        assert_eq!(job_name("···", ""), "imported");
        assert_eq!(job_name("con", ""), "imported", "reserved on some systems");
        assert_eq!(job_name(&"a".repeat(90), "").len(), 64);
    }

    #[test]
    fn an_answer_is_a_text_or_everything_the_raw_format_knows() {
        let text = given("answer", json!(" kept as it is\n")).unwrap();
        assert_eq!(
            (text.text.as_str(), text.teacher.as_str()),
            (" kept as it is\n", IMPORTED)
        );
        let whole = given(
            "answer",
            json!({"text": "t", "value": {"n": 1}, "reasoning": "r", "finish_reason": "length", "teacher": "a/b",
                "tool_calls": [{"id": "1", "name": "f", "arguments": {}}]}),
        )
        .unwrap();
        assert_eq!(whole.tool_calls.len(), 1);
        assert_eq!(
            (whole.finish, whole.teacher.as_str()),
            (FinishReason::Length, "a/b")
        );
        assert_eq!(whole.usage.usd, Some(Money(0)), "nothing was paid here");
        assert!(given("answer", json!(null)).is_err());
        assert!(given("answer", json!({"reasoning": "r"})).is_err());
        assert!(given("answer", json!({"text": "", "tool_calls": [{"name": 1}]})).is_err());
    }

    #[test]
    fn the_job_file_says_where_everything_is() {
        let survey = Survey {
            format: "sharegpt".to_owned(),
            dataset: "sharegpt".to_owned(),
            rows: 2,
            sha256: "ab".repeat(32),
            reasoning: ReasoningStyle::Inline,
            fields: ["system"].into(),
            steps: vec![("answer".to_owned(), true)],
            ..Survey::default()
        };
        let request = ImportRequest {
            review: true,
            ..ImportRequest::default()
        };
        let text = job_file(&survey, &request, "tides", "a \"b\".jsonl");
        let parsed = crate::core::job::parse::parse(
            &text,
            &|_| Err(String::new()),
            &crate::core::job::parse::Known::default(),
        );
        let spec = parsed
            .spec
            .unwrap_or_else(|| panic!("{text}\n{:?}", parsed.problems));
        let taken = spec.seeds.taken.unwrap();
        assert_eq!((taken.format.as_str(), taken.split_think), ("sharegpt", true));
        assert_eq!(spec.steps[0].given.as_deref(), Some("given.answer"));
        assert_eq!(spec.dataset.fields["user"], "question");
        assert_eq!(spec.dataset.fields["system"], "system");
        assert_eq!(spec.validators.len(), 1);
    }
}
