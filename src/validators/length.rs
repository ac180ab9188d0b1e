//! `length`: a text has neither too few nor too many characters or words.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::field::Field;
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};

/// The kind's word.
pub const KIND: &str = "length";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    field: Option<String>,
    min_chars: Option<usize>,
    max_chars: Option<usize>,
    min_words: Option<usize>,
    max_words: Option<usize>,
}

/// An inclusive range in one unit.
#[derive(Debug)]
struct Range {
    unit: &'static str,
    count: fn(&str) -> usize,
    least: Option<usize>,
    most: Option<usize>,
}

struct Length {
    field: Field,
    ranges: [Range; 2],
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    let ranges = [
        Range {
            unit: "chars",
            count: |text| text.chars().count(),
            least: settings.min_chars,
            most: settings.max_chars,
        },
        Range {
            unit: "words",
            count: |text| text.split_whitespace().count(),
            least: settings.min_words,
            most: settings.max_words,
        },
    ];
    if ranges.iter().all(|range| range.least.or(range.most).is_none()) {
        return Err(PlugError::new(format!(
            "{KIND}: give at least one of min_chars, max_chars, min_words, max_words"
        )));
    }
    for range in &ranges {
        if let (Some(least), Some(most)) = (range.least, range.most)
            && least > most
        {
            let unit = range.unit;
            return Err(PlugError::at(
                format!("min_{unit}"),
                format!("{KIND}: min_{unit} = {least} is more than max_{unit} = {most}"),
            ));
        }
    }
    Ok(Arc::new(Length {
        field: Field::new(settings.field),
        ranges,
    }))
}

impl Range {
    /// What is wrong with the text's length in this unit.
    fn problem(&self, text: &str) -> Option<String> {
        if self.least.is_none() && self.most.is_none() {
            return None;
        }
        let count = (self.count)(text);
        let unit = self.unit;
        match (self.least, self.most) {
            (Some(least), _) if count < least => Some(format!("{count} {unit}, at least {least} wanted")),
            (_, Some(most)) if count > most => Some(format!("{count} {unit}, at most {most} wanted")),
            _ => None,
        }
    }
}

#[async_trait]
impl Validator for Length {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let Some(text) = self.field.text(candidate) else {
            return Ok(self.field.missing(KIND));
        };
        let problem = self.ranges.iter().find_map(|range| range.problem(&text));
        Ok(match problem {
            Some(problem) => Verdict::reject(
                KIND,
                Reason::Length,
                format!("{} has {problem}", self.field.name()),
            ),
            None => Verdict::accept(KIND),
        })
    }
}
