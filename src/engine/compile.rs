//! Turns a checked job into the parts that move: templates, teachers per step, compiled schemas, validators.

use std::path::Path;
use std::sync::Arc;

use super::Shared;
use super::roster::Roster;
use super::running::{Compiled, Gate, Shares};
use crate::core::api::{Failure, FailureKind};
use crate::core::catalog::Plug;
use crate::core::job::{JobSpec, Step};
use crate::core::route;
use crate::core::template::Templates;

/// Builds everything a job needs, or says what cannot be built.
pub(super) fn compile(shared: &Shared, spec: &JobSpec, base: &str) -> Result<Compiled, Failure> {
    let invalid = |message: String| Failure::new(FailureKind::Invalid, message);
    let templates = Templates::compile(spec).map_err(|problems| {
        let mut failure = invalid("a template does not compile".to_owned());
        failure.causes = problems
            .iter()
            .map(|problem| format!("{}: {}", problem.key, problem.message))
            .collect();
        failure
    })?;
    let mut checks = Vec::with_capacity(spec.steps.len());
    for step in &spec.steps {
        let check = step
            .schema
            .as_ref()
            .map(|schema| (shared.compile_schema)(schema))
            .transpose();
        checks.push(check.map_err(|error| invalid(format!("schema of step `{}`: {error}", step.name)))?);
    }
    let roster = shared.roster();
    Ok(Compiled {
        templates,
        shares: shares(&spec.steps, &roster),
        roster,
        checks,
        gates: gates(shared, &spec.validators, base)?,
    })
}

/// Teachers of each step.
pub(super) fn shares(steps: &[Step], roster: &Roster) -> Shares {
    let eligible = steps.iter().map(|step| route::eligible(step, &roster.teachers));
    Arc::new(eligible.collect())
}

/// Validators, built anew: their memory belongs to one run.
pub(super) fn gates(shared: &Shared, plugs: &[Plug], base: &str) -> Result<Vec<Gate>, Failure> {
    let mut gates = Vec::with_capacity(plugs.len());
    for (at, plug) in plugs.iter().enumerate() {
        let entry = shared.validators.find(&plug.kind);
        let built = entry.and_then(|entry| (entry.build)(plug, Path::new(base)));
        let validator = built.map_err(|error| {
            Failure::new(
                FailureKind::Invalid,
                format!("validator {} (`{}`): {error}", at + 1, plug.kind),
            )
        })?;
        let same = plugs[..at].iter().filter(|other| other.kind == plug.kind).count();
        gates.push(Gate {
            name: match same {
                0 => plug.kind.clone(),
                before => format!("{}#{}", plug.kind, before + 1),
            },
            kind: plug.kind.clone(),
            validator,
        });
    }
    Ok(gates)
}
