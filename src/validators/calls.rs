//! `calls`: every call of a candidate names a function that is declared beside it, with arguments that its schema takes. Nothing is
//! carried out: whether a call does what it should is a script's or a judge's business.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::schema::{Fault, compile};
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};
use crate::core::text::shorten;

/// The kind's word.
pub const KIND: &str = "calls";

/// Problems that are told.
const TOLD: usize = 3;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Path of the calls; without it those that the answers made over the wire.
    field: Option<String>,
    /// Path of the functions that are declared.
    #[serde(default = "tools")]
    tools: String,
}

fn tools() -> String {
    "tools".to_owned()
}

struct Calls(Settings);

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    Ok(Arc::new(Calls(plug.settings()?)))
}

/// A declared function.
struct Function<'a> {
    name: &'a str,
    parameters: Option<&'a Value>,
}

/// Reads a declaration as the wires write it: bare, under `function`, or with `input_schema`.
fn function(declared: &Value) -> Option<Function<'_>> {
    let inner = declared.get("function").unwrap_or(declared);
    let parameters = ["parameters", "input_schema", "inputSchema"];
    Some(Function {
        name: inner.get("name")?.as_str()?,
        parameters: parameters
            .into_iter()
            .find_map(|key| inner.get(key))
            .filter(|schema| !schema.is_null()),
    })
}

/// A value that may be JSON in a text.
fn unfolded(value: Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        other => other,
    }
}

/// Name and arguments of each call: `{name, arguments}`, or the same under `function`.
fn calls(listed: &[Value]) -> Result<Vec<(String, Value)>, String> {
    let one = |(at, call): (usize, &Value)| {
        let inner = call.get("function").unwrap_or(call);
        let name = inner.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| format!("call {} has no name", at + 1))?;
        let arguments = inner.get("arguments").cloned().unwrap_or_else(|| json!({}));
        Ok((name.to_owned(), unfolded(arguments)))
    };
    listed.iter().enumerate().map(one).collect()
}

impl Calls {
    fn made(&self, candidate: &Candidate) -> Result<Vec<(String, Value)>, Verdict> {
        let Some(path) = &self.0.field else {
            let made = candidate.steps.iter().flat_map(|step| &step.tool_calls);
            return Ok(made
                .map(|call| (call.name.clone(), call.arguments.clone()))
                .collect());
        };
        let found = candidate
            .field(path)
            .ok_or_else(|| Verdict::review(KIND, format!("the candidate has no field `{path}`")))?;
        let listed = match unfolded(found) {
            Value::Array(listed) => listed,
            one @ Value::Object(_) => vec![one],
            other => {
                let text = format!(
                    "`{path}` is no list of calls: {}",
                    shorten(&other.to_string(), 100)
                );
                return Err(Verdict::reject(KIND, Reason::Schema, text));
            }
        };
        calls(&listed).map_err(|problem| Verdict::reject(KIND, Reason::Schema, problem))
    }

    fn judge(&self, candidate: &Candidate) -> Result<Verdict, Verdict> {
        let declared = candidate.field(&self.0.tools).map(unfolded);
        let declared = declared.as_ref().and_then(Value::as_array);
        let functions: Option<Vec<Function>> =
            declared.and_then(|declared| declared.iter().map(function).collect());
        let functions = functions.ok_or_else(|| {
            let text = format!("`{}` is no list of declared functions", self.0.tools);
            Verdict::review(KIND, text)
        })?;
        let made = self.made(candidate)?;
        if made.is_empty() {
            return Err(Verdict::reject(KIND, Reason::Schema, "there is no call"));
        }
        let mut problems = Vec::new();
        for (number, (name, arguments)) in (1..).zip(&made) {
            let Some(function) = functions.iter().find(|function| function.name == name) else {
                problems.push(format!("call {number}: no function is called `{name}`"));
                continue;
            };
            let Some(schema) = function.parameters else {
                continue;
            };
            let compiled = compile(schema).map_err(|why| {
                let text = format!("the schema of `{name}` is broken: {}", why.join("; "));
                Verdict::review(KIND, text)
            })?;
            match compiled.check(arguments) {
                Ok(()) => {}
                Err(Fault::Invalid(found)) => {
                    let found = found.into_iter().take(TOLD);
                    problems.extend(found.map(|problem| format!("call {number}, `{name}`: {problem}")));
                }
                Err(Fault::Undecided(why)) => return Err(Verdict::review(KIND, why)),
            }
        }
        if problems.is_empty() {
            return Ok(Verdict::accept(KIND));
        }
        problems.truncate(TOLD);
        Err(Verdict::reject(KIND, Reason::Schema, problems.join("\n")))
    }
}

#[async_trait]
impl Validator for Calls {
    async fn check(&self, candidate: &Candidate, _: &dyn CheckContext) -> Result<Verdict, CheckError> {
        Ok(match self.judge(candidate) {
            Ok(verdict) | Err(verdict) => verdict,
        })
    }
}
