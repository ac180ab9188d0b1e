//! A look at all of a file before anything is imported: its format, what is wrong with which line, and what the job made of it says.

use std::path::Path;

use super::rows::{digest, is_table, unescaped};
use super::{Met, Way, detect, take};
use crate::core::imported::{ImportRequest, Survey};
use crate::core::job::ReasoningStyle;
use crate::core::job::parse::FORMAT_KINDS;
use crate::core::ports::{Placed, PlacedRows, SeedError};
use crate::core::text::nearest;

/// Broken rows that are named.
const NAMED: usize = 20;

/// Formats that have no reasoning, or whose whole text is the row.
const WITHOUT_REASONING: [&str; 4] = ["kd", "kd_ids", "text", "raw"];

/// Looks at the rows of a file.
pub fn look_over(path: &Path, rows: PlacedRows, request: &ImportRequest) -> Result<Survey, SeedError> {
    let fault = |line: u64, what: String| {
        let place = if line == 0 {
            String::new()
        } else {
            format!(":{line}")
        };
        SeedError {
            line,
            message: format!("{}{place}: {what}", path.display()),
        }
    };
    if let Some(format) = request
        .format
        .as_deref()
        .filter(|format| !FORMAT_KINDS.contains(format))
    {
        let hint = nearest(format, FORMAT_KINDS).map_or_else(
            || format!("one of: {}", FORMAT_KINDS.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(SeedError {
            line: 0,
            message: format!("there is no format `{format}`; {hint}"),
        });
    }
    let mut survey = Survey::default();
    let mut met = Met::default();
    let mut format = request.format.clone();
    let escaped = unescaped(path);
    let cells = is_table(path);
    for placed in rows {
        let (line, row) = match placed {
            Placed::Row(line, row) => (line, escaped(row)),
            Placed::Broken(error) => {
                note(&mut survey, error.message);
                continue;
            }
            Placed::Unreadable(error) => return Err(error),
        };
        if format.is_none() {
            format = detect::format_of(&row, cells).map(str::to_owned);
        }
        let taken = match &format {
            Some(format) => {
                let way = Way {
                    format: format.clone(),
                    split: false,
                    cells,
                };
                take(&way, row, &mut met).map(|_| ())
            }
            None => {
                let columns: Vec<&str> = row.keys().take(12).map(String::as_str).collect();
                Err(format!(
                    "no format has the columns {}; name one with --format",
                    columns.join(", ")
                ))
            }
        };
        match taken {
            Ok(()) => survey.rows += 1,
            Err(why) => note(&mut survey, fault(line, why).message),
        }
    }
    let Some(format) = format.filter(|_| survey.rows > 0) else {
        let first = survey.problems.first().cloned();
        return Err(SeedError {
            line: 0,
            message: first.unwrap_or_else(|| fault(0, "has no rows".to_owned()).message),
        });
    };
    let asked = request.format.is_some();
    conclude(&mut survey, met, format, asked);
    survey.sha256 = digest(path).map_err(|error| fault(0, format!("cannot be read: {error}")))?;
    Ok(survey)
}

fn note(survey: &mut Survey, message: String) {
    survey.broken += 1;
    if survey.problems.len() < NAMED {
        survey.problems.push(message);
    }
}

/// What all rows together say.
fn conclude(survey: &mut Survey, met: Met, format: String, asked: bool) {
    survey.format = format;
    if survey.format == "messages" && met.by_id && met.style.is_none() && !asked {
        "openai".clone_into(&mut survey.format);
    }
    // What lists of messages hold, two texts cannot; and only `messages` has a key for reasoning.
    let conversation = survey.format == "prompt_completion" && met.messages;
    let keyed = survey.format == "openai" && met.style.is_some();
    survey.dataset = if conversation || keyed {
        "messages".to_owned()
    } else {
        survey.format.clone()
    };
    survey.reasoning = match met.style {
        _ if WITHOUT_REASONING.contains(&survey.dataset.as_str()) => ReasoningStyle::Drop,
        Some(style) if survey.dataset == "messages" => style,
        Some(_) => ReasoningStyle::Inline,
        None if met.inline => ReasoningStyle::Inline,
        None => ReasoningStyle::Drop,
    };
    survey.steps = match survey.format.as_str() {
        "raw" => {
            let steps = met.steps.into_iter();
            steps.map(|(step, rows)| (step, rows == survey.rows)).collect()
        }
        kind if kind.starts_with("preference") => {
            vec![("rejected".to_owned(), true), ("chosen".to_owned(), true)]
        }
        _ => vec![("answer".to_owned(), true)],
    };
    survey.judged = met.judged;
    survey.fields = met.fields;
    survey.columns = met.columns.into_iter().collect();
    survey.lost = met.lost.into_iter().collect();
}
