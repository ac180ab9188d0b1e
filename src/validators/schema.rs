//! JSON Schemas of unknown origin, compiled without network or files and under limits; what is wrong with a schema or with a value
//! is said in words. Which step has which schema is the `structural` validator's business.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value;

use crate::core::catalog::PlugError;
use crate::core::ports::SchemaCheck;
use crate::core::text::shorten;

/// Most bytes of a schema as compact JSON.
pub const MOST_BYTES: usize = 256 * 1024;
/// Deepest nesting of a schema.
pub const MOST_DEPTH: usize = 64;
/// Most problems that are listed.
pub const MOST_PROBLEMS: usize = 20;
/// Most places a value can be compared with when every reference is followed once.
const MOST_PLACES: usize = 20_000;
/// Most places in one round from each of its references, together.
const ALL_PLACES: usize = 50 * MOST_PLACES;
/// Most bytes of a compiled `pattern`.
const PATTERN_BYTES: usize = 1 << 20;
/// Most characters of one problem, which quotes the value at fault.
const MOST_CHARACTERS: usize = 300;

/// Why a value is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The value is not what the schema asks for: every problem with its place.
    Invalid(Vec<String>),
    /// The schema cannot decide (the engine of a `pattern` gave up): no fault of the value.
    Undecided(String),
}

/// A schema that values can be held against.
#[derive(Debug)]
pub struct CompiledSchema {
    validator: Validator,
    /// How often its references come back to themselves in one round (see [`Places`]).
    branching: usize,
}

/// Compiles a schema; the error lists all its problems. References lead nowhere but into the schema itself; a `pattern` has no look-around and no back-references, and so always ends.
pub fn compile(schema: &Value) -> Result<CompiledSchema, Vec<String>> {
    let branching = within_limits(schema)?;
    let meta = jsonschema::meta::validator_for(schema).map_err(|error| vec![in_words(&error)])?;
    let problems: Vec<String> = meta
        .iter_errors(schema)
        .take(MOST_PROBLEMS)
        .map(|error| in_words(&error))
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    jsonschema::options()
        .with_retriever(Nowhere)
        .with_pattern_options(
            PatternOptions::regex()
                .size_limit(PATTERN_BYTES)
                .dfa_size_limit(2 * PATTERN_BYTES),
        )
        .build(schema)
        .map(|validator| CompiledSchema { validator, branching })
        .map_err(|error| vec![in_words(&error)])
}

/// [`compile`] for the engine and the command line: a port of core.
pub fn compile_schema(schema: &Value) -> Result<Arc<dyn SchemaCheck>, PlugError> {
    match compile(schema) {
        Ok(compiled) => Ok(Arc::new(compiled)),
        Err(problems) => Err(PlugError::at(
            "schema",
            format!("the schema is broken: {}", problems.join("; ")),
        )),
    }
}

impl CompiledSchema {
    /// Whether the value is valid, and what is wrong with it if not.
    pub fn check(&self, value: &Value) -> Result<(), Fault> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        // The answer above is remembered per place and so always quick; the list of errors is not.
        let rounds = u32::try_from(depth(value)).unwrap_or(u32::MAX);
        if self.branching.saturating_pow(rounds) > MOST_PLACES {
            return Err(Fault::Invalid(vec![
                "not valid; it is nested too deeply to say where, in a schema that refers to itself"
                    .to_owned(),
            ]));
        }
        let mut problems = Vec::new();
        for error in self.validator.iter_errors(value).take(MOST_PROBLEMS) {
            if let ValidationErrorKind::BacktrackLimitExceeded { .. }
            | ValidationErrorKind::RegexEngineFailure { .. } = error.kind()
            {
                return Err(Fault::Undecided(in_words(&error)));
            }
            problems.push(in_words(&error));
        }
        Err(Fault::Invalid(problems))
    }
}

impl SchemaCheck for CompiledSchema {
    fn problems(&self, value: &Value) -> Vec<String> {
        match self.check(value) {
            Ok(()) => Vec::new(),
            Err(Fault::Invalid(problems)) => problems,
            Err(Fault::Undecided(problem)) => vec![problem],
        }
    }
}

/// Fetches nothing.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        Err(format!("`{uri}` is not part of the schema, and nothing is fetched; copy it into $defs").into())
    }
}

fn in_words(error: &ValidationError) -> String {
    let place = match error.instance_path().as_str() {
        "" => "the top",
        path => path,
    };
    shorten(&format!("at {place}: {error}"), MOST_CHARACTERS)
}

/// Size, depth, and how far the references multiply; returns how they come back to themselves.
fn within_limits(schema: &Value) -> Result<usize, Vec<String>> {
    if is_deeper(schema, MOST_DEPTH) {
        return Err(vec![format!("nested deeper than {MOST_DEPTH} levels")]);
    }
    let bytes = schema.to_string().len();
    if bytes > MOST_BYTES {
        return Err(vec![format!("{bytes} bytes, at most {MOST_BYTES} are allowed")]);
    }
    Places::branching(schema).map_err(|problem| vec![problem])
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(object) => 1 + object.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return true;
    };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper(item, below)),
        Value::Object(object) => object.values().any(|value| is_deeper(value, below)),
        _ => false,
    }
}

/// Follows references the way a validator does, to find schemas whose work doubles with every line of theirs, or with every level
/// of a value. So that nothing hides from it, references are JSON pointers from the top: no anchors, no names within the schema.
struct Places<'a> {
    root: &'a Value,
    left: usize,
    /// References being followed.
    following: Vec<&'a str>,
    /// How often one of them was met again.
    met_again: usize,
    /// Every reference that was met.
    seen: BTreeSet<&'a str>,
}

impl<'a> Places<'a> {
    /// The most often that following a reference meets a reference being followed again: every level of a value multiplies the
    /// places by at most that. The error is the schema's problem in words.
    fn branching(root: &'a Value) -> Result<usize, String> {
        let mut places = Self {
            root,
            left: MOST_PLACES,
            following: Vec::new(),
            met_again: 0,
            seen: BTreeSet::new(),
        };
        places.count(root)?;
        let mut most = 0;
        places.left = ALL_PLACES;
        for reference in places.seen.clone() {
            places.met_again = 0;
            places.follow(reference)?;
            most = most.max(places.met_again);
        }
        Ok(most)
    }

    fn count(&mut self, schema: &'a Value) -> Result<(), String> {
        match schema {
            Value::Object(object) => {
                self.left = self
                    .left
                    .checked_sub(1)
                    .ok_or_else(|| format!("its references multiply to more than {MOST_PLACES} places"))?;
                for (key, value) in object {
                    match (key.as_str(), value) {
                        ("$defs" | "definitions", _) => {}
                        // Here the keys are names of the user's, not keywords.
                        ("properties" | "patternProperties", Value::Object(named)) => {
                            for value in named.values() {
                                self.count(value)?;
                            }
                        }
                        ("$ref" | "$recursiveRef" | "$dynamicRef", Value::String(reference)) => {
                            self.follow(reference)?;
                        }
                        ("$id" | "id", Value::String(name)) if !std::ptr::eq(schema, self.root) => {
                            return Err(format!(
                                "the name `{name}` inside of it; only the whole schema has one"
                            ));
                        }
                        _ => self.count(value)?,
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.count(item)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn follow(&mut self, reference: &'a str) -> Result<(), String> {
        self.seen.insert(reference);
        if self.following.contains(&reference) {
            self.met_again += 1;
            return Ok(());
        }
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer))
            .ok_or_else(|| {
                format!(
                    "the reference `{reference}` leads nowhere in the schema, and nothing is fetched; \
                     put what it means into $defs and write #/$defs/NAME"
                )
            })?;
        self.following.push(reference);
        self.count(target)?;
        self.following.pop();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problems_of(schema: &Value) -> String {
        compile(schema).unwrap_err().join("; ")
    }

    #[test]
    fn every_problem_of_a_value_has_its_place() {
        let schema = compile(&json!({
            "type": "object",
            "properties": {"answer": {"type": "string"}, "steps": {"type": "array", "items": {"type": "integer"}}},
            "required": ["answer"]
        }))
        .unwrap();
        assert_eq!(schema.check(&json!({"answer": "4", "steps": [1]})), Ok(()));
        let problems = schema.problems(&json!({"steps": [1, "two", 3.5]}));
        assert_eq!(
            problems,
            [
                "at the top: \"answer\" is a required property",
                "at /steps/1: \"two\" is not of type \"integer\"",
                "at /steps/2: 3.5 is not of type \"integer\"",
            ]
        );
    }

    #[test]
    fn at_most_twenty_problems_are_listed_and_none_is_long() {
        let schema = compile(&json!({"items": {"type": "integer"}})).unwrap();
        let value = Value::from(vec!["x".repeat(5000); 100]);
        let problems = schema.problems(&value);
        assert_eq!(problems.len(), MOST_PROBLEMS);
        assert!(problems.iter().all(|p| p.chars().count() <= MOST_CHARACTERS + 1));
    }

    #[test]
    fn nothing_is_fetched() {
        for reference in [
            "http://127.0.0.1:9/latest/meta-data",
            "file:///etc/hostname",
            "other.json",
            "https://json-schema.org/draft/2020-12/schema",
        ] {
            let problem = problems_of(&json!({"items": {"$ref": reference}}));
            assert!(problem.contains("nothing is fetched"), "{problem}");
            let unused = json!({"$defs": {"unused": {"$ref": reference}}});
            assert_eq!(compile(&unused).is_ok(), reference.starts_with("https"));
        }
    }

    #[test]
    fn all_problems_of_a_schema_are_said_at_once() {
        let problems = compile(&json!({"type": "strin", "minLength": -1})).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        let problem = problems_of(&json!({"pattern": "a(?=b)"}));
        assert!(problem.contains("regex"), "{problem}");
        assert!(!problems_of(&json!({"pattern": "((a{100}){100}){100}"})).is_empty());
        assert!(!problems_of(&json!({"$ref": "#/$defs/missing"})).is_empty());
    }

    #[test]
    fn size_and_depth_are_limited() {
        let mut deep = json!({});
        for _ in 0..70 {
            deep = json!({"items": deep});
        }
        assert!(problems_of(&deep).contains("deeper than 64"));
        let words: Vec<String> = (0..40_000).map(|n| format!("word {n}")).collect();
        assert!(problems_of(&json!({"enum": words})).contains("bytes"));
    }

    #[test]
    fn a_schema_whose_work_doubles_is_refused() {
        let mut defs = serde_json::Map::new();
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
            defs.insert(format!("l{level}"), json!({"allOf": [next.clone(), next]}));
        }
        defs.insert("l40".into(), json!({"type": "string"}));
        let problem = problems_of(&json!({"$ref": "#/$defs/l0", "$defs": defs}));
        assert!(problem.contains("multiply"), "{problem}");
    }

    #[test]
    fn references_are_pointers_from_the_top() {
        let anchored = json!({"$ref": "#a", "$defs": {"a": {"$anchor": "a", "type": "string"}}});
        assert!(problems_of(&anchored).contains("#/$defs/NAME"));
        let named =
            json!({"items": {"$id": "x:y", "$ref": "#/$defs/a", "$defs": {"a": {}}}, "$defs": {"a": {}}});
        assert!(problems_of(&named).contains("x:y"));
        let property = json!({"$id": "x:y", "properties": {"$id": {"type": "string"}, "id": {"$ref": "#/$defs/a"}}, "$defs": {"a": {}}});
        assert!(compile(&property).is_ok());
        let hidden =
            json!({"$defs": {"a": {"properties": {"$defs": {"$ref": "#/$defs/b"}}}}, "$ref": "#/$defs/a"});
        assert!(problems_of(&hidden).contains("#/$defs/b"));
    }

    #[test]
    fn recursion_is_fine() {
        let tree = compile(&json!({
            "$defs": {"node": {"type": "object", "properties": {"children": {"items": {"$ref": "#/$defs/node"}}}, "required": ["name"]}},
            "$ref": "#/$defs/node"
        }))
        .unwrap();
        assert!(
            tree.problems(&json!({"name": 1, "children": [{"name": 2}]}))
                .is_empty()
        );
        assert_eq!(tree.problems(&json!({"name": 1, "children": [{}]})).len(), 1);
        let itself = compile(&json!({"$ref": "#"})).unwrap();
        assert!(itself.problems(&json!({"a": 1})).is_empty());
    }

    #[test]
    fn recursion_that_doubles_with_the_value_ends() {
        let schema = compile(&json!({
            "$defs": {"a": {"type": "array", "items": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}},
            "$ref": "#/$defs/a"
        }))
        .unwrap();
        let mut valid = json!([]);
        let mut wrong = json!(1);
        for _ in 0..100 {
            valid = json!([valid]);
            wrong = json!([wrong]);
        }
        assert_eq!(schema.check(&valid), Ok(()));
        assert!(schema.problems(&wrong)[0].contains("nested too deeply"));
        assert_eq!(schema.problems(&json!([[1]])).len(), 4);
    }
}
