//! The names a job's templates and dataset fields can refer to: seed fields (where they are known), varied fields, and steps with
//! what their schemas promise.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::report::{Severity, hint, quote};
use super::{Columns, JobSpec, RoundRows, SeedSource, Step};
use crate::core::feed::PARENT_FIELD;
use crate::core::imported::IMPORTED_FIELD;
use crate::core::plan::ROUND_FIELD;
use crate::core::plan::chunk::CHUNK_FIELD;

/// A reference to nothing.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Unknown {
    fn error(message: String, help: Option<String>) -> Self {
        Self {
            severity: Severity::Error,
            message,
            help,
        }
    }
}

pub(super) struct Scope<'s> {
    steps: &'s [Step],
    vary: Vec<&'s str>,
    /// Seed field → the first row (from 1) without it. `None`: nobody knows the fields.
    seeds: Option<BTreeMap<String, Option<usize>>>,
    /// Fields that rows of later rounds have, where that is fewer than the seeds have.
    fed: Option<Vec<&'s str>>,
    columns: &'s Columns,
}

impl<'s> Scope<'s> {
    /// The scope of a job. `seed_fields` are those of its seed file, where somebody has looked.
    pub(super) fn new(spec: &'s JobSpec, seed_fields: Option<&[String]>) -> Self {
        let columns = &spec.seeds.columns;
        let mut seeds: Option<BTreeMap<String, Option<usize>>> = match &spec.seeds.source {
            SeedSource::Count(_) => Some(BTreeMap::new()),
            SeedSource::Path(_) => seed_fields.map(|fields| {
                let known = fields.iter().filter_map(|field| columns.known_as(field));
                known.map(|field| (field.to_owned(), None)).collect()
            }),
            SeedSource::Job { fields, .. } if fields.is_empty() => None,
            SeedSource::Job { fields, .. } => {
                let known = fields.iter().map(|(field, _)| (field.clone(), None));
                let parent = (PARENT_FIELD.to_owned(), None);
                Some(known.chain([parent]).collect())
            }
            SeedSource::Rows(rows) => {
                let fields: BTreeSet<&String> = rows.iter().flat_map(Map::keys).collect();
                let lacking = |field: &String| rows.iter().position(|row| !row.contains_key(field));
                let known = fields
                    .into_iter()
                    .filter_map(|field| Some((columns.known_as(field)?, lacking(field).map(|at| at + 1))));
                Some(known.map(|(field, row)| (field.to_owned(), row)).collect())
            }
        };
        if let (Some(fields), Some(_)) = (&mut seeds, &spec.seeds.chunk) {
            fields.entry(CHUNK_FIELD.to_owned()).or_insert(None);
        }
        let fed = spec.rounds.as_ref().filter(|rounds| {
            rounds.count > 1 && rounds.rows == RoundRows::Accepted && !rounds.feed.is_empty()
        });
        let round = spec.rounds.as_ref().map(|_| ROUND_FIELD);
        let vary = spec.vary.iter().map(|(name, _)| name.as_str());
        let imported = spec.seeds.taken.as_ref().map(|_| IMPORTED_FIELD);
        Self {
            steps: &spec.steps,
            vary: vary.chain(round).chain(imported).collect(),
            seeds,
            fed: fed.map(|rounds| rounds.feed.iter().map(|(field, _)| field.as_str()).collect()),
            columns,
        }
    }

    /// Whether the templates of step `at` can see a variable (`question`, `solution.answer`).
    pub(super) fn variable(&self, path: &str, at: usize) -> Result<(), Unknown> {
        let (head, rest) = split(path);
        let (earlier, later) = self.steps.split_at(at);
        if let Some(step) = earlier.iter().find(|step| step.name == head) {
            return rest.map_or(Ok(()), |rest| attribute(step, rest, None));
        }
        if later.iter().any(|step| step.name == head) && !self.is_field(head) {
            let message = format!("{} is answered later than this step is asked", quote(head));
            return Err(Unknown::error(message, None));
        }
        self.seed_or_vary(head, earlier)
    }

    /// Whether a sample has a value at a path, as [`crate::core::sample::Sample::field`] reads it.
    pub(super) fn field(&self, path: &str) -> Result<(), Unknown> {
        let (head, rest) = split(path);
        if let Some(step) = self.steps.iter().find(|step| step.name == head) {
            let also = Some(["text", "reasoning"].as_slice());
            return rest.map_or(Ok(()), |rest| attribute(step, rest, also));
        }
        if self.is_field(path) && self.fed.is_none() {
            return Ok(());
        }
        self.seed_or_vary(head, self.steps)
    }

    /// Whether a sample of the first round has a value at a path.
    pub(super) fn fed(&self, path: &str) -> Result<(), Unknown> {
        let whole = Self {
            steps: self.steps,
            vary: self.vary.clone(),
            seeds: self.seeds.clone(),
            fed: None,
            columns: self.columns,
        };
        whole.field(path)
    }

    fn is_field(&self, name: &str) -> bool {
        let seeds = self.seeds.as_ref();
        self.vary.contains(&name) || seeds.is_some_and(|seeds| seeds.contains_key(name))
    }

    fn seed_or_vary(&self, name: &str, steps: &[Step]) -> Result<(), Unknown> {
        let Some(seeds) = &self.seeds else {
            return Ok(());
        };
        if self.vary.contains(&name) {
            return Ok(());
        }
        if let Some(fed) = self.fed.as_ref().filter(|fed| !fed.contains(&name))
            && seeds.contains_key(name)
        {
            let message = format!("rows of later rounds have no {}", quote(name));
            let help = format!(
                "add {name} = \"{name}\" to rounds.feed; it has {}",
                fed.join(", ")
            );
            return Err(Unknown::error(message, Some(help)));
        }
        match seeds.get(name) {
            Some(None) => Ok(()),
            Some(Some(row)) => Err(Unknown {
                severity: Severity::Warning,
                message: format!("row {row} has no field {}", quote(name)),
                help: None,
            }),
            None => {
                let steps = steps.iter().map(|step| step.name.as_str());
                let known = seeds.keys().map(String::as_str);
                let known: Vec<&str> = known.chain(self.vary.iter().copied()).chain(steps).collect();
                let message = format!("no field or step is called {}", quote(name));
                let elsewhere = self.columns.known_as(name).filter(|other| *other != name);
                let help = if self.columns.exclude.iter().any(|column| column == name) {
                    Some("[seeds] excludes that column".to_owned())
                } else if let Some(other) = elsewhere {
                    Some(format!("[seeds] renames that column: it is {}", quote(other)))
                } else if known.is_empty() {
                    Some(
                        "the tasks have no fields yet: give [seeds] rows or a path, or add one under [vary]"
                            .to_owned(),
                    )
                } else {
                    hint(name, &known)
                };
                Err(Unknown::error(message, help))
            }
        }
    }
}

fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('.')
        .map_or((path, None), |(head, rest)| (head, Some(rest)))
}

/// Whether a step's answer has something at a path. `also`: what every answer has besides its value.
fn attribute(step: &Step, path: &str, also: Option<&[&str]>) -> Result<(), Unknown> {
    // What is given may have a value of any shape.
    if step.given.is_some() || also.is_some_and(|also| also.contains(&path)) {
        return Ok(());
    }
    let Some(mut schema) = step.schema.as_deref() else {
        let name = &step.name;
        let message = format!("the answer of `{name}` is plain text: it has no {}", quote(path));
        let help = format!("use `{name}`, or give the step a schema");
        return Err(Unknown::error(message, Some(help)));
    };
    for key in path.split('.') {
        let items = schema.get("items").filter(|_| key.parse::<usize>().is_ok());
        if let Some(items) = items {
            schema = items;
            continue;
        }
        let Some(properties) = properties(schema) else {
            return Ok(());
        };
        let Some(next) = properties.get(key) else {
            let known: Vec<&str> = properties.keys().map(String::as_str).collect();
            let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
            return Err(Unknown {
                severity: if closed {
                    Severity::Error
                } else {
                    Severity::Warning
                },
                message: format!("the schema of `{}` has no {}", step.name, quote(path)),
                help: hint(key, &known),
            });
        };
        schema = next;
    }
    Ok(())
}

/// The properties of a schema that says all it has to say about them right here.
fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    const ELSEWHERE: &[&str] = &[
        "$ref",
        "$dynamicRef",
        "$recursiveRef",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "patternProperties",
        "dependentSchemas",
    ];
    let elsewhere = ELSEWHERE.iter().any(|key| schema.get(key).is_some());
    schema.get("properties")?.as_object().filter(|_| !elsewhere)
}
