//! Candidates that end before their last step, because what earlier steps answered lacks something a later one's templates need: a cut
//! answer, a field the teacher left out. Their answers are paid for and kept; the verdict is derived from them, whenever it is asked for.

use super::Row;
use super::job::Step;
use super::request::FinishReason;
use super::sample::{COMPUTED, Candidate, Reason, StepAnswer, Verdict, as_variable};
use super::template::{TemplateError, Templates, variables};

/// The name such a verdict has in place of a validator's.
pub const STEPS: &str = "steps";

/// How far a candidate came.
#[derive(Debug, Clone, PartialEq)]
pub enum Came {
    /// To its end.
    Whole,
    /// A step was not asked that could be.
    Missing,
    /// A step cannot be asked: the verdict says which, and why.
    Stuck(Verdict),
}

/// Looks how far a candidate came with the steps of a job.
pub fn came(steps: &[Step], templates: &Templates, candidate: &Candidate) -> Came {
    if candidate.steps.len() == steps.len() {
        return Came::Whole;
    }
    let mut row = variables(&candidate.seed, &candidate.vary, &[]);
    for (at, step) in steps.iter().enumerate() {
        if let Some(answer) = candidate.steps.iter().find(|answer| answer.step == step.name) {
            row.insert(step.name.clone(), as_variable(answer));
            continue;
        }
        return match templates.asks(at, &row) {
            Ok(None) => continue,
            Ok(Some(_)) => Came::Missing,
            Err(error) => verdict(templates, (at, step), &row, &candidate.steps, &error)
                .map_or(Came::Missing, Came::Stuck),
        };
    }
    Came::Whole
}

/// What becomes of a candidate whose next step's templates failed with these answers: `None` where nothing was paid for yet, or where
/// the answers are not to blame (a variable is not there at all): then the task fails.
pub fn verdict(
    templates: &Templates,
    (at, step): (usize, &Step),
    row: &Row,
    answers: &[StepAnswer],
    error: &TemplateError,
) -> Option<Verdict> {
    let needed = templates.needs(at);
    let is_paid = answers.iter().any(|answer| answer.teacher != COMPUTED);
    if !is_paid || needed.iter().any(|name| !row.contains_key(name)) {
        return None;
    }
    let (name, what) = (&step.name, &error.message);
    let cut = answers
        .iter()
        .find(|answer| answer.finish == FinishReason::Length && needed.contains(&answer.step));
    Some(match cut {
        Some(cut) => Verdict::reject(
            STEPS,
            Reason::Truncated,
            format!(
                "the answer of `{}` is cut: it ran out of tokens, and `{name}` cannot be asked: {what}",
                cut.step
            ),
        ),
        None => Verdict::reject(
            STEPS,
            Reason::Schema,
            format!("`{name}` cannot be asked with these answers: {what}"),
        ),
    })
}
