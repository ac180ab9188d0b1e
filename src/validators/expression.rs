//! `expression`: conditions in the template language over everything a sample holds: its seed and varied fields, and the answers by their
//! steps' names. So a later gate can act on what an earlier step said: a tag, a verdict, a count.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::core::Row;
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};
use crate::core::template::{Template, variables};

/// The kind's word.
pub const KIND: &str = "expression";

/// Most characters of a condition that stand in evidence.
const SHOWN: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    reject_if: Option<String>,
    review_if: Option<String>,
    accept_if: Option<String>,
    because: Option<String>,
}

struct Condition {
    source: String,
    template: Template,
}

struct Expression {
    reject_if: Option<Condition>,
    review_if: Option<Condition>,
    /// Rejects where it does not hold.
    accept_if: Option<Condition>,
    because: Option<String>,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    let given = [&settings.reject_if, &settings.review_if, &settings.accept_if];
    if given.into_iter().flatten().next().is_none() {
        let message = "give at least one of reject_if, review_if, accept_if";
        return Err(PlugError::new(format!("{KIND}: {message}")));
    }
    Ok(Arc::new(Expression {
        reject_if: condition("reject_if", settings.reject_if)?,
        review_if: condition("review_if", settings.review_if)?,
        accept_if: condition("accept_if", settings.accept_if)?,
        because: settings.because,
    }))
}

fn condition(key: &str, source: Option<String>) -> Result<Option<Condition>, PlugError> {
    let Some(source) = source else { return Ok(None) };
    let compiled = Template::condition(key, &source);
    let template = compiled.map_err(|problem| PlugError::at(key, format!("{KIND}: {}", problem.message)))?;
    Ok(Some(Condition { source, template }))
}

impl Expression {
    fn evidence(&self, said: &str, condition: &Condition) -> String {
        let source = crate::core::text::shorten(&condition.source, SHOWN);
        match &self.because {
            Some(because) => format!("{because} ({said}: {source})"),
            None => format!("{said}: {source}"),
        }
    }

    fn verdict(&self, row: &Row) -> Result<Verdict, CheckError> {
        let holds = |condition: &Condition| {
            condition
                .template
                .holds(row)
                .map_err(|error| CheckError::Broken(format!("{KIND}: {error}")))
        };
        if let Some(condition) = &self.reject_if
            && holds(condition)?
        {
            return Ok(Verdict::reject(
                KIND,
                Reason::Expression,
                self.evidence("holds", condition),
            ));
        }
        if let Some(condition) = &self.accept_if
            && !holds(condition)?
        {
            let evidence = self.evidence("does not hold", condition);
            return Ok(Verdict::reject(KIND, Reason::Expression, evidence));
        }
        if let Some(condition) = &self.review_if
            && holds(condition)?
        {
            return Ok(Verdict::review(KIND, self.evidence("holds", condition)));
        }
        Ok(Verdict::accept(KIND))
    }
}

#[async_trait]
impl Validator for Expression {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        self.verdict(&variables(&candidate.seed, &candidate.vary, &candidate.steps))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::sample::Decision;

    fn built(params: &serde_json::Value) -> Result<Expression, PlugError> {
        let params = params.as_object().cloned().unwrap();
        let settings: Settings = Plug {
            kind: KIND.to_owned(),
            params,
        }
        .settings()?;
        Ok(Expression {
            reject_if: condition("reject_if", settings.reject_if)?,
            review_if: condition("review_if", settings.review_if)?,
            accept_if: condition("accept_if", settings.accept_if)?,
            because: settings.because,
        })
    }

    fn said(params: &serde_json::Value, row: &serde_json::Value) -> Verdict {
        built(params).unwrap().verdict(row.as_object().unwrap()).unwrap()
    }

    #[test]
    fn a_condition_rejects_asks_for_a_person_or_lets_through() {
        let row =
            json!({"check": {"verdict": "equal"}, "answer": "I am sorry, I can not.", "tag": {"score": 3}});
        let no_gain = json!({"reject_if": "check.verdict == 'equal'", "because": "no information gain"});
        let verdict = said(&no_gain, &row);
        assert_eq!(
            (verdict.decision, verdict.reason),
            (Decision::Reject, Some(Reason::Expression))
        );
        assert_eq!(
            verdict.evidence.as_deref(),
            Some("no information gain (holds: check.verdict == 'equal')")
        );
        let sorry = json!({"reject_if": "'sorry' in answer | lower and answer | split | length < 80"});
        assert_eq!(said(&sorry, &row).decision, Decision::Reject);
        assert_eq!(
            said(&json!({"accept_if": "tag.score >= 4"}), &row).decision,
            Decision::Reject
        );
        assert_eq!(
            said(&json!({"accept_if": "tag.score >= 3"}), &row).decision,
            Decision::Accept
        );
        assert_eq!(
            said(&json!({"review_if": "tag.score == 3"}), &row).decision,
            Decision::Review
        );
    }

    #[test]
    fn what_does_not_compile_or_has_no_value_is_said() {
        let error = built(&json!({"reject_if": "a =="})).err().unwrap();
        assert_eq!(error.key.as_deref(), Some("reject_if"));
        let missing = built(&json!({"reject_if": "check.verdict == 'no'"})).unwrap();
        assert!(matches!(missing.verdict(&Row::new()), Err(CheckError::Broken(_))));
        let skipped = built(&json!({"reject_if": "check is defined and check == 'no'"})).unwrap();
        assert_eq!(skipped.verdict(&Row::new()).unwrap().decision, Decision::Accept);
    }
}
