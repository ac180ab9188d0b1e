//! `structural`: every answer has the shape its step asked for. A step with a schema has a value that the schema accepts; a step
//! without one has a text, or calls a tool.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::schema::{CompiledSchema, Fault, compile};
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, StepAnswer, Verdict};

/// The kind's word.
pub const KIND: &str = "structural";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

/// A schema and what compiling it gave.
type Compiled = (Arc<Value>, Arc<Result<CompiledSchema, Vec<String>>>);

#[derive(Default)]
struct Structural {
    /// Schemas seen so far. They are few: those of one job's steps.
    compiled: RwLock<Vec<Compiled>>,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let Settings {} = plug.settings()?;
    Ok(Arc::new(Structural::default()))
}

impl Structural {
    /// The schema compiled, once: known by its allocation, which the cache keeps alive, else by its content.
    fn compiled(&self, schema: &Arc<Value>) -> Arc<Result<CompiledSchema, Vec<String>>> {
        {
            let known = self.compiled.read().unwrap_or_else(PoisonError::into_inner);
            let same = known
                .iter()
                .find(|(other, _)| Arc::ptr_eq(other, schema))
                .or_else(|| known.iter().find(|(other, _)| other == schema));
            if let Some((_, compiled)) = same {
                return Arc::clone(compiled);
            }
        }
        let compiled = Arc::new(compile(schema));
        self.compiled
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push((Arc::clone(schema), Arc::clone(&compiled)));
        compiled
    }

    /// What is wrong with an answer.
    fn problem(&self, candidate: &Candidate, answer: &StepAnswer) -> Result<Option<String>, CheckError> {
        let schema = candidate.schemas.iter().find(|(step, _)| *step == answer.step);
        let Some((_, schema)) = schema else {
            let empty = answer.text.trim().is_empty() && answer.tool_calls.is_empty();
            return Ok(empty.then(|| "empty answer".to_owned()));
        };
        let compiled = self.compiled(schema);
        let schema = compiled
            .as_ref()
            .as_ref()
            .map_err(|problems| broken(&answer.step, &problems.join("; ")))?;
        let read;
        let value = match &answer.value {
            Some(value) => value,
            None => match serde_json::from_str(&answer.text) {
                Ok(value) => {
                    read = value;
                    &read
                }
                Err(error) => return Ok(Some(format!("not JSON: {error}"))),
            },
        };
        match schema.check(value) {
            Ok(()) => Ok(None),
            Err(Fault::Invalid(problems)) => Ok(Some(problems.join("; "))),
            Err(Fault::Undecided(problem)) => Err(broken(&answer.step, &problem)),
        }
    }
}

fn broken(step: &str, problem: &str) -> CheckError {
    CheckError::Broken(format!("{KIND}: the schema of `{step}` is broken: {problem}"))
}

#[async_trait]
impl Validator for Structural {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        for answer in &candidate.steps {
            if let Some(problem) = self.problem(candidate, answer)? {
                let evidence = format!("`{}`: {problem}", answer.step);
                return Ok(Verdict::reject(KIND, Reason::Schema, evidence));
            }
        }
        Ok(Verdict::accept(KIND))
    }
}
