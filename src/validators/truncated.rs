//! `truncated`: no answer is cut. A length stop says so; where the wire's reason is unknown, an open code fence or open JSON does.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::request::FinishReason;
use crate::core::sample::{Candidate, Reason, StepAnswer, Verdict};

/// The kind's word.
pub const KIND: &str = "truncated";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

struct Truncated;

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let Settings {} = plug.settings()?;
    Ok(Arc::new(Truncated))
}

/// Why the answer counts as cut.
fn cut(answer: &StepAnswer) -> Option<String> {
    match &answer.finish {
        FinishReason::Length => Some("it ran out of tokens".to_owned()),
        FinishReason::Other(word) if is_open(&answer.text) => Some(format!(
            "it ended by `{word}` with an open code fence or open JSON"
        )),
        FinishReason::Stop
        | FinishReason::ToolCalls
        | FinishReason::ContentFilter
        | FinishReason::Refusal
        | FinishReason::Other(_) => None,
    }
}

/// Whether a code fence or the JSON that is the whole text never ends.
fn is_open(text: &str) -> bool {
    let mut fence: Option<&str> = None;
    for line in text.lines().map(str::trim_start) {
        match fence {
            Some(mark) if line.starts_with(mark) => fence = None,
            None if line.starts_with("```") => fence = Some("```"),
            None if line.starts_with("~~~") => fence = Some("~~~"),
            _ => {}
        }
    }
    let start = text.trim_start();
    let is_json = start.starts_with(['{', '[']);
    fence.is_some() || is_json && serde_json::from_str::<IgnoredAny>(start).is_err_and(|error| error.is_eof())
}

#[async_trait]
impl Validator for Truncated {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let found = candidate
            .steps
            .iter()
            .find_map(|answer| Some((answer, cut(answer)?)));
        Ok(match found {
            Some((answer, why)) => Verdict::reject(
                KIND,
                Reason::Truncated,
                format!("the answer of `{}` is cut: {why}", answer.step),
            ),
            None => Verdict::accept(KIND),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn open_fences_and_open_json_are_seen() {
        for open in [
            "```python\nprint(1)",
            "~~~\na\n```\n",
            "{\"a\": [1, 2",
            " [\"x\", ",
        ] {
            assert!(is_open(open), "{open}");
        }
        for whole in [
            "plain",
            "```\na\n```\nb",
            "{\"a\": 1}",
            "{not json}",
            "inline ``` is no fence",
            "",
        ] {
            assert!(!is_open(whole), "{whole}");
        }
    }
}
