//! What does not fit together in a job file whose parts could be read: names used twice, variables nobody provides, fields that
//! refer to nothing, teachers nobody configured, targets nobody can reach.

use std::collections::BTreeSet;

use super::parse::{FormatFields, Known, Places, StepPlaces};
use super::report::{Report, Severity, Span, hint, quote};
use super::scope::{Scope, Unknown};
use super::{JobSpec, RouteBy, SeedSource, Step, TeacherUse, Vary};
use crate::core::Row;
use crate::core::catalog::{Plug, PlugError};
use crate::core::judgement::Judges;
use crate::core::plan::{Plan, ROUND_FIELD};
use crate::core::route::eligible;
use crate::core::sample::as_text;
use crate::core::template::{Template, TemplateProblem, root};

/// The built-in teacher answers for any model that a job names.
const MOCK: &str = "mock/";

/// Keys of validators that hold a condition over the sample's fields.
const CONDITIONS: &[&str] = &["reject_if", "review_if", "accept_if"];

pub(super) fn check(spec: &JobSpec, places: &Places, known: &Known, report: &mut Report) {
    let looked = match &spec.seeds.source {
        SeedSource::Path(path) if known.seed_fields.is_none() && path != "-" && !path.is_empty() => {
            (known.look_at_seeds)(path, spec.seeds.taken.as_ref())
        }
        _ => known.seed_fields.clone(),
    };
    let own: Vec<String>;
    let fields = match &spec.seeds.source {
        SeedSource::Rows(rows) => {
            own = rows.iter().flat_map(Row::keys).cloned().collect();
            Some(own.as_slice())
        }
        _ => looked.as_deref(),
    };
    super::columns::check(spec, fields, places, report);
    let scope = Scope::new(spec, looked.as_deref());
    names(spec, places, report);
    drawn(spec, &scope, places, report);
    fed(spec, &scope, places, report);
    for ((at, step), places) in spec.steps.iter().enumerate().zip(&places.steps) {
        templates(at, step, &scope, places, report);
        given(at, step, &scope, places, report);
        step_teachers(step, places, known, report);
        conversation(at, step, &scope, places, report);
        if step.reask > 0 && step.schema.is_none() {
            let path = format!("{}.on_invalid", places.path);
            let message = "has no effect: without a schema no answer is invalid";
            report.warning(&places.on_invalid, &path, message, None);
        }
    }
    route(spec, places, known, report);
    canary(spec, places, report);
    validators(spec, &scope, places, known, report);
    target(spec, places, report);
    super::choosing::check(spec, &scope, places, report);
    dataset(spec, &scope, places, known, report);
}

fn names(spec: &JobSpec, places: &Places, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for (step, places) in spec.steps.iter().zip(&places.steps) {
        let path = format!("{}.name", places.path);
        let name = quote(&step.name);
        if step.name.is_empty() {
            continue;
        }
        if !seen.insert(&step.name) {
            report.error(&places.name, &path, format!("another step is called {name} too"));
        }
        if spec.vary.iter().any(|(field, _)| *field == step.name) {
            report.error(
                &places.name,
                &path,
                format!("a varied field is called {name} too"),
            );
        }
    }
    let many = spec.steps.iter().zip(&places.steps);
    let many = many.filter(|(step, _)| step.candidates > 1);
    for (_, places) in many.skip(1) {
        let path = format!("{}.candidates", places.path);
        let message = "only one step may ask for more than one candidate";
        report.error(&places.candidates, &path, message);
    }
}

fn templates(at: usize, step: &Step, scope: &Scope, places: &StepPlaces, report: &mut Report) {
    let system = step.system.as_deref();
    let when = step.when.as_deref();
    let texts = [
        ("system", system, &places.system),
        (
            if step.computed { "answer" } else { "prompt" },
            Some(step.prompt.as_str()),
            &places.prompt,
        ),
        ("when", when, &places.when),
    ];
    for (key, source, span) in texts {
        let Some(source) = source else { continue };
        let path = format!("{}.{key}", places.path);
        let compiled = if key == "when" {
            Template::condition(&path, source)
        } else {
            Template::compile(&path, source)
        };
        match compiled {
            Ok(template) => template_variables(&template, at, scope, &path, span, report),
            Err(TemplateProblem { line, message, .. }) => {
                let span = report.inside(span, line);
                report.error(&span, &path, message);
            }
        }
    }
}

/// Whether the rows have what a step is given.
fn given(at: usize, step: &Step, scope: &Scope, places: &StepPlaces, report: &mut Report) {
    let Some(path) = &step.given else { return };
    if let Err(unknown) = scope.variable(path, at) {
        note(unknown, &places.given, &format!("{}.given", places.path), report);
    }
}

fn template_variables(
    template: &Template,
    at: usize,
    scope: &Scope,
    path: &str,
    span: &Span,
    report: &mut Report,
) {
    for variable in template.variables() {
        if template.tolerates(root(&variable)) {
            continue;
        }
        if let Err(unknown) = scope.variable(&variable, at) {
            note(unknown, span, path, report);
        }
    }
}

pub(super) fn note(unknown: Unknown, span: &Span, path: &str, report: &mut Report) {
    let Unknown {
        severity,
        message,
        help,
    } = unknown;
    match severity {
        Severity::Error => report.error_with(span, path, message, help),
        Severity::Warning => report.warning(span, path, message, help),
    }
}

fn step_teachers(step: &Step, places: &StepPlaces, known: &Known, report: &mut Report) {
    for (teacher, span) in step.teachers.iter().zip(&places.teachers) {
        named_teacher(teacher, span, &format!("{}.teachers", places.path), known, report);
    }
    if let Some(capability) = &step.capability {
        let path = format!("{}.capability", places.path);
        if step.teachers.is_empty() {
            wanted(capability, &places.capability, &path, known, report);
        } else {
            let message = "has no effect: the step names its teachers";
            report.warning(&places.capability, &path, message, None);
        }
    }
}

/// A canary's rows are a sample only where they are shuffled, and the rest has to be readable after it.
fn canary(spec: &JobSpec, places: &Places, report: &mut Report) {
    let Some(rows) = spec.limits.canary else { return };
    let path = "limits.canary";
    match &spec.seeds.source {
        SeedSource::Path(seeds) if seeds == "-" => {
            let message = "standard input is read once: the rows after the canary would be gone";
            let help = Some("write the rows into a file".to_owned());
            report.error_with(&places.canary, path, message, help);
        }
        SeedSource::Path(_) | SeedSource::Rows(_) if !spec.seeds.shuffle => {
            let message = format!("forecasts from the first {rows} rows as they stand in the file");
            let help = "with `shuffle = true` under [seeds] they are a random sample".to_owned();
            report.warning(&places.canary, path, message, Some(help));
        }
        _ => {}
    }
}

/// Routing by yield has to have a choice somewhere.
fn route(spec: &JobSpec, places: &Places, known: &Known, report: &mut Report) {
    let one = |step: &Step| {
        let shares = eligible(step, known.teachers);
        shares.iter().filter(|share| share.weight > 0.0).count() < 2
    };
    if spec.route == RouteBy::Yield && !known.teachers.is_empty() && spec.steps.iter().all(one) {
        let message = "has no effect: every step has one teacher only";
        report.warning(&places.route, "route", message, None);
    }
}

fn named_teacher(teacher: &TeacherUse, span: &Span, path: &str, known: &Known, report: &mut Report) {
    let name = quote(&teacher.name);
    if !teacher.name.contains('/') {
        let help = Some("provider/model".to_owned());
        report.error_with(span, path, format!("{name} names no model of a provider"), help);
    } else if !known.teachers.is_empty()
        && !teacher.name.starts_with(MOCK)
        && !known.teachers.iter().any(|known| known.name == teacher.name)
    {
        let names: Vec<&str> = known.teachers.iter().map(|known| known.name.as_str()).collect();
        let help = hint(&teacher.name, &names);
        report.error_with(span, path, format!("no teacher {name} is configured"), help);
    }
}

fn wanted(capability: &str, span: &Span, path: &str, known: &Known, report: &mut Report) {
    let all = known.teachers.iter().flat_map(|teacher| &teacher.capabilities);
    let all: BTreeSet<&str> = all.map(String::as_str).collect();
    if !known.teachers.is_empty() && !all.contains(capability) {
        let all: Vec<&str> = all.into_iter().collect();
        let message = format!("no configured teacher declares {}", quote(capability));
        report.error_with(span, path, message, hint(capability, &all));
    }
}

fn validators(spec: &JobSpec, scope: &Scope, places: &Places, known: &Known, report: &mut Report) {
    for (plug, places) in spec.validators.iter().zip(&places.validators) {
        let path = |key: &str| format!("{}.{key}", places.path);
        if !known.validators.is_empty() && !known.validators.contains(&plug.kind.as_str()) {
            let message = format!("unknown kind {}", quote(&plug.kind));
            let help = hint(&plug.kind, known.validators);
            report.error_with(places.of("kind"), &path("kind"), message, help);
            continue;
        }
        if let Err(PlugError { key, message }) = (known.check_validator)(plug) {
            let key = key.as_deref().unwrap_or_default();
            let at = if key.is_empty() {
                places.path.clone()
            } else {
                path(key)
            };
            let help = expected(&message, key);
            report.error_with(places.of(key), &at, message, help);
        }
        judge_teachers(plug, places, known, report);
        paths(plug, scope, places, report);
        conditions(plug, spec, scope, places, report);
    }
}

/// Paths of a sample that a validator names: the two texts a judge holds against each other, calls and the functions declared for
/// them. (`against` of other kinds names files.)
fn paths(plug: &Plug, scope: &Scope, places: &super::parse::ValidatorPlaces, report: &mut Report) {
    let keys: &[&str] = match plug.kind.as_str() {
        "judge" => &["field", "against"],
        "calls" => &["field", "tools"],
        _ => &[],
    };
    for key in keys {
        let path = plug.params.get(*key).and_then(|value| value.as_str());
        if let Some(Err(unknown)) = path.map(|path| scope.field(path)) {
            note(unknown, places.of(key), &format!("{}.{key}", places.path), report);
        }
    }
}

/// The names in a validator's conditions are those that templates behind the last step would see. Whether they compile is the
/// validator's to say.
fn conditions(
    plug: &Plug,
    spec: &JobSpec,
    scope: &Scope,
    places: &super::parse::ValidatorPlaces,
    report: &mut Report,
) {
    for key in CONDITIONS {
        let source = plug.params.get(*key).and_then(|value| value.as_str());
        let path = format!("{}.{key}", places.path);
        if let Some(Ok(condition)) = source.map(|source| Template::condition(&path, source)) {
            template_variables(&condition, spec.steps.len(), scope, &path, places.of(key), report);
        }
    }
}

/// Fields that depend on others, and on rounds.
fn drawn(spec: &JobSpec, scope: &Scope, places: &Places, report: &mut Report) {
    for (at, ((name, vary), span)) in spec.vary.iter().zip(&places.vary).enumerate() {
        let path = format!("vary.{name}");
        if spec.rounds.is_some() && name == ROUND_FIELD {
            report.error(
                span,
                &path,
                "this field is written by itself in a job with rounds",
            );
        }
        one_drawn(vary, &spec.vary[..at], spec, scope, span, &path, report);
    }
}

fn one_drawn(
    vary: &Vary,
    earlier: &[(String, Vary)],
    spec: &JobSpec,
    scope: &Scope,
    span: &Span,
    path: &str,
    report: &mut Report,
) {
    match vary {
        Vary::Accepted(_) if spec.rounds.is_none() => {
            let help = Some("[rounds] count = 4, rows = \"seeds\"".to_owned());
            let message = "nothing is accepted before this job's only round";
            report.error_with(span, path, message, help);
        }
        Vary::Case(cases) => {
            let inner = cases.cases.iter().map(|(_, vary)| vary);
            for vary in inner.chain(cases.otherwise.as_deref()) {
                one_drawn(vary, earlier, spec, scope, span, path, report);
            }
            let known = earlier.iter().find(|(name, _)| *name == cases.by);
            if known.is_none() {
                let later = spec.vary.iter().any(|(name, _)| *name == cases.by);
                if later {
                    let message = format!("{} is drawn later than this field", quote(&cases.by));
                    report.error(span, path, message);
                } else if let Err(unknown) = scope.variable(&cases.by, 0) {
                    note(unknown, span, path, report);
                }
            }
            if cases.otherwise.is_some() {
                return;
            }
            match known.and_then(|(_, vary)| values_of(vary)) {
                None => {
                    let message = format!("{} may have other values than these", quote(&cases.by));
                    let help = Some("add otherwise = { … }".to_owned());
                    report.error_with(span, path, message, help);
                }
                Some(values) => {
                    for value in values {
                        if !cases.cases.iter().any(|(name, _)| *name == value) {
                            let message =
                                format!("{} may be {}, which is no case", quote(&cases.by), quote(&value));
                            let help = Some("add it, or otherwise = { … }".to_owned());
                            report.error_with(span, path, message, help);
                        }
                    }
                }
            }
        }
        _ => {}
    }
}

/// Everything a field can be, as text, where that is a list.
fn values_of(vary: &Vary) -> Option<Vec<String>> {
    match vary {
        Vary::Choose(values) => Some(values.iter().cloned().map(as_text).collect()),
        Vary::Weights(names) => Some(names.iter().map(|(name, _)| name.clone()).collect()),
        Vary::Integer(low, high) if high.saturating_sub(*low) <= 100 => {
            Some((*low..=*high).map(|number| number.to_string()).collect())
        }
        _ => None,
    }
}

/// What rows of later rounds are made of.
fn fed(spec: &JobSpec, scope: &Scope, places: &Places, report: &mut Report) {
    let Some(rounds) = &spec.rounds else { return };
    for (field, path) in &rounds.feed {
        let path = path.split(".*").next().unwrap_or(path);
        if let Err(unknown) = scope.fed(path) {
            note(unknown, &places.rounds, &format!("rounds.feed.{field}"), report);
        }
    }
}

/// Raw prompts and turns before the prompt.
fn conversation(at: usize, step: &Step, scope: &Scope, places: &StepPlaces, report: &mut Report) {
    let path = |key: &str| format!("{}.{key}", places.path);
    if step.completion {
        if step.system.is_some() {
            let message = "a raw prompt has no system message: write it into the prompt";
            report.error(&places.system, &path("system"), message);
        }
        if !step.turns.is_empty() {
            let message = "a raw prompt has no turns: write them into the prompt";
            report.error(&places.turns, &path("turns"), message);
        }
    }
    if !step.turns.len().is_multiple_of(2) {
        let message = "turns go user, assistant, user, assistant: the prompt is the user's next";
        report.error(&places.turns, &path("turns"), message);
    }
    for turn in &step.turns {
        if let Err(unknown) = scope.variable(turn, at) {
            note(unknown, &places.turns, &path("turns"), report);
        }
    }
}

/// A validator that asks teachers names them like a step does.
fn judge_teachers(plug: &Plug, places: &super::parse::ValidatorPlaces, known: &Known, report: &mut Report) {
    let teachers = plug.params.get("teachers").cloned().unwrap_or_default();
    let mut teachers: Vec<TeacherUse> = serde_json::from_value(teachers).unwrap_or_default();
    for teacher in &teachers {
        let path = format!("{}.teachers", places.path);
        named_teacher(teacher, places.of("teachers"), &path, known, report);
    }
    if let Some(name) = plug.params.get("teacher").and_then(|name| name.as_str()) {
        let teacher = TeacherUse {
            name: name.to_owned(),
            weight: 1.0,
        };
        let path = format!("{}.teacher", places.path);
        named_teacher(&teacher, places.of("teacher"), &path, known, report);
    }
    let judges = Judges::of(&plug.params);
    for teacher in (0..judges.count()).flat_map(|number| judges.teachers(number)) {
        let path = format!("{}.judges", places.path);
        named_teacher(&teacher, places.of("judges"), &path, known, report);
        teachers.push(teacher);
    }
    let capability = plug.params.get("capability").and_then(|value| value.as_str());
    if let Some(capability) = capability.filter(|_| teachers.is_empty()) {
        let path = format!("{}.capability", places.path);
        wanted(capability, places.of("capability"), &path, known, report);
    }
}

/// The nearest of the words that an "unknown field" error lists.
fn expected(message: &str, key: &str) -> Option<String> {
    let (_, list) = message.split_once("expected")?;
    let known: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    let near = crate::core::text::nearest(key, &known)?;
    Some(format!("did you mean `{near}`?"))
}

fn target(spec: &JobSpec, places: &Places, report: &mut Report) {
    let Some(target) = spec.target else { return };
    let candidates = spec.steps.iter().map(|step| u64::from(step.candidates));
    let candidates = candidates.max().unwrap_or(1);
    let Some(tasks) = Plan::new(spec, None).total().or(target.tasks_at_most) else {
        return;
    };
    let rounds = spec.rounds.as_ref().map_or(1, |rounds| u64::from(rounds.count));
    let most = tasks.saturating_mul(candidates).saturating_mul(rounds);
    if most < target.accepted {
        let message = format!(
            "{} samples are wanted, but the tasks can make {most} at most",
            target.accepted
        );
        report.warning(&places.target, "target.accepted", message, None);
    }
}

fn dataset(spec: &JobSpec, scope: &Scope, places: &Places, known: &Known, report: &mut Report) {
    let dataset = &spec.dataset;
    let kinds: Vec<&str> = known.formats.iter().map(|format| format.kind).collect();
    let format = known.formats.iter().find(|format| format.kind == dataset.format);
    if format.is_none() && !kinds.is_empty() {
        let message = format!("unknown format {}", quote(&dataset.format));
        let help = hint(&dataset.format, &kinds);
        report.error_with(&places.format, "dataset.format", message, help);
    }
    for ((field, path), span) in dataset.fields.iter().zip(&places.fields) {
        let key = format!("dataset.fields.{field}");
        if let Some(format) = format {
            unknown_field(format, field, span, &key, report);
        }
        // Turns may be several fields: assistant, user, assistant, …
        for path in path
            .split(',')
            .map(str::trim)
            .filter(|_| field == "turns" || !path.contains(','))
        {
            if let Err(unknown) = scope.field(path) {
                note(unknown, span, &key, report);
            }
        }
        if field == "turns" && path.contains(',') && !path.split(',').count().is_multiple_of(2) {
            let message = "turns between question and answer go assistant, user, …: an even number";
            report.error(span, &key, message);
        }
    }
    let required = format.map_or(&[] as &[&str], |format| format.required);
    for field in required {
        if !dataset.fields.is_empty() && !dataset.fields.contains_key(*field) {
            let message = format!("the format `{}` needs it", dataset.format);
            report.error(&places.format, &format!("dataset.fields.{field}"), message);
        }
    }
    if report.errors() == 0
        && let Err(PlugError { key, message }) = (known.check_format)(dataset, spec)
    {
        let key = key.map_or_else(|| "dataset".to_owned(), |key| format!("dataset.{key}"));
        report.error(&places.format, &key, message);
    }
}

fn unknown_field(format: &FormatFields, field: &str, span: &Span, key: &str, report: &mut Report) {
    let Some(optional) = format.optional else {
        return;
    };
    let names: Vec<&str> = format.required.iter().chain(optional).copied().collect();
    if !names.contains(&field) {
        let message = format!("the format `{}` has no such field", format.kind);
        report.error_with(span, key, message, hint(field, &names));
    }
}
