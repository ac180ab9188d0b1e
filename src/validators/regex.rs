//! `regex`: a text matches a regular expression, or does not.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use regex::Regex;
use serde::Deserialize;

use super::field::Field;
use super::pattern;
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};
use crate::core::text::shorten;

/// The kind's word.
pub const KIND: &str = "regex";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    field: Option<String>,
    pattern: String,
    #[serde(default = "yes")]
    must_match: bool,
}

fn yes() -> bool {
    true
}

struct Matches {
    field: Field,
    pattern: Regex,
    must_match: bool,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    Ok(Arc::new(Matches {
        field: Field::new(settings.field),
        pattern: pattern::compile(KIND, "pattern", &settings.pattern, false)?,
        must_match: settings.must_match,
    }))
}

#[async_trait]
impl Validator for Matches {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let Some(text) = self.field.text(candidate) else {
            return Ok(self.field.missing(KIND));
        };
        let problem = match (self.pattern.find(&text), self.must_match) {
            (None, true) => format!("does not match {}", self.pattern),
            (Some(found), false) => format!(
                "holds “{}” at character {}, which matches {}",
                shorten(found.as_str(), 80),
                text[..found.start()].chars().count() + 1,
                self.pattern
            ),
            (Some(_), true) | (None, false) => return Ok(Verdict::accept(KIND)),
        };
        Ok(Verdict::reject(
            KIND,
            Reason::Regex,
            format!("{} {problem}", self.field.name()),
        ))
    }
}
