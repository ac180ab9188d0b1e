//! What a new revision of a job means, in words: what is asked again, and what is only judged or written again.

use super::{JobSpec, Step};
use crate::core::catalog::Plug;
use crate::core::request::Params;

/// What a change costs, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// No request for what is already answered.
    Nothing,
    /// Answers that ended by length.
    Cut,
    /// The judge, about answers that are there.
    Judge,
    /// Answers of a step, and of later ones that use them.
    Step,
    /// Whatever is new in the plan.
    Plan,
}

/// One consequence of a new revision.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The part of the job file (`steps.solution.prompt`, `limits`).
    pub key: String,
    /// What is asked again.
    pub asks: Asks,
    /// In words, for a person who has to agree.
    pub words: String,
}

impl Change {
    fn new(key: impl Into<String>, asks: Asks, words: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            asks,
            words: words.into(),
        }
    }
}

/// The consequences of putting `new` in the place of `old`, in the order of the file; none if they are equal.
pub fn changed(old: &JobSpec, new: &JobSpec) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut note = |differs: bool, key: &str, asks: Asks, words: &str| {
        if differs {
            changes.push(Change::new(key, asks, words));
        }
    };
    note(
        (&old.description, &old.tags, old.priority) != (&new.description, &new.tags, new.priority),
        "description",
        Asks::Nothing,
        "description, tags or priority changed: nothing is asked again",
    );
    note(
        old.random_seed != new.random_seed || old.seeds != new.seeds,
        "seeds",
        Asks::Plan,
        "seeds changed: the tasks are planned anew, and what is not answered yet is asked",
    );
    note(
        old.vary != new.vary,
        "vary",
        Asks::Plan,
        "varied fields changed: they are drawn anew, and prompts that use them are asked again",
    );
    note(
        old.rounds != new.rounds,
        "rounds",
        Asks::Plan,
        "rounds changed: later rounds are planned anew; their tasks that are there stay, and what is not answered yet is asked",
    );
    note(
        old.route != new.route,
        "route",
        Asks::Nothing,
        "routing changed: it applies to what is asked from now on",
    );
    steps(old, new, &mut changes);
    validators(&old.validators, &new.validators, &mut changes);
    let mut note = |differs: bool, key: &str, words: &str| {
        if differs {
            changes.push(Change::new(key, Asks::Nothing, words));
        }
    };
    note(
        (old.target, &old.quota) != (new.target, &new.quota),
        "target",
        "target changed: nothing is asked again, the job goes on or stops accordingly",
    );
    note(
        old.limits != new.limits,
        "limits",
        "limits changed: nothing is asked again",
    );
    note(
        old.dataset != new.dataset,
        "dataset",
        "dataset changed: its files are written again, nothing is asked again",
    );
    changes
}

fn steps(old: &JobSpec, new: &JobSpec, changes: &mut Vec<Change>) {
    for step in &old.steps {
        if !new.steps.iter().any(|other| other.name == step.name) {
            let name = &step.name;
            let words = format!("step {name} is gone: its answers stay in the ledger, unused");
            changes.push(Change::new(format!("steps.{name}"), Asks::Nothing, words));
        }
    }
    for step in &new.steps {
        if let Some(before) = old.steps.iter().find(|other| other.name == step.name) {
            let params = (before.params.or(&old.defaults), step.params.or(&new.defaults));
            one_step(before, step, &params, changes);
        } else {
            let name = &step.name;
            let words = format!("step {name} is new: it is asked for every task");
            changes.push(Change::new(format!("steps.{name}"), Asks::Step, words));
        }
    }
}

fn one_step(old: &Step, new: &Step, params: &(Params, Params), changes: &mut Vec<Change>) {
    let name = &new.name;
    let mut note = |differs: bool, key: &str, asks: Asks, words: String| {
        if differs {
            changes.push(Change::new(format!("steps.{name}.{key}"), asks, words));
        }
    };
    note(
        old.computed && new.computed && old.prompt != new.prompt,
        "answer",
        Asks::Nothing,
        format!("step {name} computes its answer otherwise: nobody is asked, except later steps that use it"),
    );
    note(
        old.given != new.given,
        "given",
        Asks::Nothing,
        format!("step {name} is given another answer: nobody is asked, except later steps that use it"),
    );
    note(
        old.computed != new.computed && new.computed,
        "answer",
        Asks::Nothing,
        format!("step {name} computes its answer now: nobody is asked, except later steps that use it"),
    );
    let asked = |step: &Step| {
        (
            step.prompt.clone(),
            step.system.clone(),
            step.turns.clone(),
            step.completion,
            step.computed,
        )
    };
    note(
        asked(old) != asked(new) && !new.computed,
        "prompt",
        Asks::Step,
        format!(
            "prompt of step {name} changed: its answers are asked again, and those of later steps that use them"
        ),
    );
    let most = (params.0.max_tokens, params.1.max_tokens);
    let same_length = |params: &Params| Params {
        max_tokens: None,
        ..params.clone()
    };
    note(
        same_length(&params.0) != same_length(&params.1),
        "params",
        Asks::Step,
        format!("parameters of step {name} changed: its answers are asked again"),
    );
    let raised = most
        .0
        .is_some_and(|before| most.1.is_none_or(|after| after > before));
    note(
        raised,
        "max_tokens",
        Asks::Cut,
        format!("max_tokens of step {name} raised: only answers that ended by length are asked again"),
    );
    note(
        most.0 != most.1 && !raised,
        "max_tokens",
        Asks::Nothing,
        format!("max_tokens of step {name} lowered: nothing is asked again"),
    );
    note(
        old.schema != new.schema,
        "schema",
        Asks::Nothing,
        format!("schema of step {name} changed: the stored answers are judged again, with no request"),
    );
    note(
        new.candidates > old.candidates,
        "candidates",
        Asks::Step,
        format!("step {name} asks for more candidates: only the additional ones are asked"),
    );
    note(
        new.candidates < old.candidates,
        "candidates",
        Asks::Nothing,
        format!("step {name} asks for fewer candidates: nothing is asked again"),
    );
    note(
        old.when != new.when,
        "when",
        Asks::Step,
        format!("condition of step {name} changed: it is asked where it holds and was skipped before"),
    );
    let routing = |step: &Step| (step.capability.clone(), step.teachers.clone());
    note(
        routing(old) != routing(new) || (old.reask, old.reuse) != (new.reask, new.reuse),
        "teachers",
        Asks::Nothing,
        format!("teachers of step {name} changed: this applies to what is asked from now on"),
    );
}

fn validators(old: &[Plug], new: &[Plug], changes: &mut Vec<Change>) {
    if old == new {
        return;
    }
    let judges = |plugs: &[Plug]| -> Vec<Plug> {
        let judges = plugs.iter().filter(|plug| plug.kind == "judge");
        judges.cloned().collect()
    };
    // A judge that is only gone has nothing to be asked.
    let before = judges(old);
    if judges(new).iter().any(|judge| !before.contains(judge)) {
        let words = "judge changed: only the judge is asked again, nothing is generated";
        changes.push(Change::new("validators", Asks::Judge, words));
    } else {
        let words = "validators changed: all verdicts are made again from stored answers, with no request";
        changes.push(Change::new("validators", Asks::Nothing, words));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::core::job::parse::{Known, parse};

    fn old() -> JobSpec {
        let source = r#"
name = "a"
seeds = { count = 2 }
[[steps]]
name = "answer"
prompt = "x"
max_tokens = 100
[[validators]]
kind = "judge"
accept_at = 4
"#;
        let parsed = parse(source, &|_| Err(String::new()), &Known::default());
        parsed.spec.unwrap()
    }

    #[test]
    fn a_new_revision_says_what_it_costs() {
        let old = old();
        let asks = |change: &dyn Fn(&mut JobSpec)| -> Vec<(String, Asks)> {
            let mut new = old.clone();
            change(&mut new);
            changed(&old, &new)
                .into_iter()
                .map(|change| (change.key, change.asks))
                .collect()
        };
        let one = |key: &str, asks: Asks| vec![(key.to_owned(), asks)];
        assert_eq!(asks(&|_| {}), []);
        assert_eq!(
            asks(&|job| job.limits.requests = Some(9)),
            one("limits", Asks::Nothing)
        );
        assert_eq!(
            asks(&|job| job.steps[0].prompt.push('!')),
            one("steps.answer.prompt", Asks::Step)
        );
        assert_eq!(
            asks(&|job| job.steps[0].params.max_tokens = Some(200)),
            one("steps.answer.max_tokens", Asks::Cut)
        );
        assert_eq!(
            asks(&|job| job.steps[0].params.max_tokens = Some(50)),
            one("steps.answer.max_tokens", Asks::Nothing)
        );
        assert_eq!(
            asks(&|job| job.defaults.temperature = Some(0.1)),
            one("steps.answer.params", Asks::Step)
        );
        assert_eq!(
            asks(&|job| job.steps[0].schema = Some(Arc::new(json!({})))),
            one("steps.answer.schema", Asks::Nothing)
        );
        assert_eq!(
            asks(&|job| {
                job.validators[0].params.insert("accept_at".to_owned(), json!(3));
            }),
            one("validators", Asks::Judge)
        );
        assert_eq!(
            asks(&|job| job.validators.clear()),
            one("validators", Asks::Nothing)
        );
        assert_eq!(asks(&|job| job.seeds.limit = Some(1)), one("seeds", Asks::Plan));
        let rounds = |job: &mut JobSpec| {
            job.rounds = Some(crate::core::job::Rounds {
                count: 2,
                rows: crate::core::job::RoundRows::Seeds,
                feed: Vec::new(),
                keep_rejected: false,
            });
        };
        assert_eq!(asks(&rounds), one("rounds", Asks::Plan));
        assert_eq!(
            asks(&|job| job.steps[0].turns = vec!["a".to_owned()]),
            one("steps.answer.prompt", Asks::Step)
        );
        assert_eq!(
            asks(&|job| job.steps[0].completion = true),
            one("steps.answer.prompt", Asks::Step)
        );
        assert_eq!(
            asks(&|job| job.steps[0].computed = true),
            one("steps.answer.answer", Asks::Nothing)
        );
        assert_eq!(
            asks(&|job| job.steps[0].name = "other".to_owned()),
            [
                ("steps.answer".to_owned(), Asks::Nothing),
                ("steps.other".to_owned(), Asks::Step)
            ]
        );
    }
}
