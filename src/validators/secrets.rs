//! `secrets`: no key, token or private key of a well-known shape in any text. What is found is never repeated: evidence holds its
//! kind, its place and its length.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use regex::Regex;
use serde::Deserialize;

use super::field::Field;
use super::finding::{Action, Finding, look, stands_alone};
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};

/// The kind's word.
pub const KIND: &str = "secrets";

/// Different characters a key has at least; a row of x is a placeholder.
const DIFFERENT: usize = 8;

/// What it is, and its shape as its issuer documents it.
const SHAPES: &[(&str, &str)] = &[
    ("an AWS access key id (AKIA…)", r"(?:AKIA|ASIA)[A-Z0-9]{16}"),
    ("a GitHub token (gh…_…)", r"gh[pousr]_[A-Za-z0-9]{36,}"),
    ("a GitHub token (github_pat_…)", r"github_pat_[A-Za-z0-9_]{22,}"),
    ("a GitLab token (glpat-…)", r"glpat-[A-Za-z0-9_-]{20,}"),
    ("a Slack token (xox…)", r"xox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a Google key (AIza…)", r"AIza[A-Za-z0-9_-]{35}"),
    ("a Hugging Face token (hf_…)", r"hf_[A-Za-z0-9]{30,}"),
    ("a Stripe key (…_live_…)", r"(?:sk|rk)_live_[A-Za-z0-9]{16,}"),
    ("a model provider's key (sk-…)", r"sk-[A-Za-z0-9_-]{20,}"),
    ("an npm token (npm_…)", r"npm_[A-Za-z0-9]{36}"),
    ("a PyPI token (pypi-…)", r"pypi-[A-Za-z0-9_-]{50,}"),
    (
        "a JSON Web Token (eyJ…)",
        r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}",
    ),
    (
        "a private key (PEM)",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    ),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    field: Option<String>,
    #[serde(default = "reject")]
    action: Action,
}

fn reject() -> Action {
    Action::Reject
}

struct Secrets {
    field: Field,
    action: Action,
    shapes: Vec<(&'static str, Regex)>,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    let shapes = SHAPES.iter().map(|(what, shape)| {
        let shape = Regex::new(shape).map_err(|error| PlugError::new(format!("{KIND}: {error}")));
        Ok((*what, shape?))
    });
    Ok(Arc::new(Secrets {
        field: Field::new(settings.field),
        action: settings.action,
        shapes: shapes.collect::<Result<_, PlugError>>()?,
    }))
}

/// Whether it is written to look like a key without being one.
fn is_placeholder(found: &str) -> bool {
    let lower = found.to_ascii_lowercase();
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    different.len() < DIFFERENT
        || ["example", "xxxx", "your", "redacted", "placeholder"]
            .iter()
            .any(|word| lower.contains(word))
}

impl Secrets {
    fn findings(&self, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        for (what, shape) in &self.shapes {
            let matches = shape.find_iter(text);
            let real = matches.filter(|found| {
                found.as_str().starts_with("-----")
                    || stands_alone(text, found.start(), found.end()) && !is_placeholder(found.as_str())
            });
            found.extend(real.map(|real| Finding {
                what: (*what).to_owned(),
                at: real.start(),
                length: real.as_str().chars().count(),
            }));
        }
        found.sort_by_key(|finding| finding.at);
        found
    }
}

#[async_trait]
impl Validator for Secrets {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let looked = (&self.field, self.action);
        Ok(look((KIND, Reason::Secret), looked, candidate, |text| {
            self.findings(text)
        }))
    }
}
