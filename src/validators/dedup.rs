//! `dedup`: no two accepted samples of a job that are exactly equal. The key is made here; the store's unique index over the keys of
//! accepted samples has the last word, and asking it early only saves paid validators.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::field::is_answer;
use crate::core::Row;
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::sample::{Candidate, Reason, Verdict};

/// The kind's word.
pub const KIND: &str = "dedup";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    fields: Option<Vec<String>>,
}

struct Dedup {
    /// The fields that make two samples equal; `None`: the seed row and every answer.
    fields: Option<Vec<String>>,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    if settings.fields.as_ref().is_some_and(Vec::is_empty) {
        return Err(PlugError::at(
            "fields",
            format!("{KIND}: fields is empty; leave it out to compare the seed and all answers"),
        ));
    }
    Ok(Arc::new(Dedup {
        fields: settings.fields,
    }))
}

impl Dedup {
    /// The first 16 bytes of blake3 over the canonical form. By default of the seed row and every answer (its value where it has
    /// one, its text otherwise), so that a short answer to another question is no duplicate; varied fields do not count. Candidates
    /// of one task share their seed, so a key of seed fields alone holds the candidate's ordinal too: the siblings of a task live,
    /// the same candidate of an equal task does not.
    fn key(&self, candidate: &Candidate) -> [u8; 16] {
        let mut form = Vec::with_capacity(512);
        match &self.fields {
            None => {
                write_object(&candidate.seed, &mut form);
                for step in &candidate.steps {
                    write_text(&step.step, &mut form);
                    match &step.value {
                        Some(value) => write_value(value, &mut form),
                        None => write_text(&step.text, &mut form),
                    }
                }
            }
            Some(fields) => {
                for path in fields {
                    match candidate.field(path) {
                        Some(value) => write_value(&value, &mut form),
                        None => form.push(b'-'),
                    }
                }
                if !fields.iter().any(|path| is_answer(path, candidate)) {
                    form.push(b'#');
                    form.extend_from_slice(&candidate.ordinal.to_le_bytes());
                }
            }
        }
        let mut key = [0; 16];
        key.copy_from_slice(&blake3::hash(&form).as_bytes()[..16]);
        key
    }
}

/// Canonical form: a letter for the type, a length before everything that can vary, keys in order, strings without the white space
/// at their end. Two values have the same form exactly if they are equal up to that.
fn write_value(value: &Value, form: &mut Vec<u8>) {
    match value {
        Value::Null => form.push(b'n'),
        Value::Bool(true) => form.push(b't'),
        Value::Bool(false) => form.push(b'f'),
        Value::Number(number) => {
            form.push(b'd');
            write_bytes(number.to_string().as_bytes(), form);
        }
        Value::String(text) => write_text(text, form),
        Value::Array(items) => {
            form.push(b'a');
            form.extend_from_slice(&(items.len() as u64).to_le_bytes());
            for item in items {
                write_value(item, form);
            }
        }
        Value::Object(object) => write_object(object, form),
    }
}

fn write_object(object: &Row, form: &mut Vec<u8>) {
    form.push(b'o');
    form.extend_from_slice(&(object.len() as u64).to_le_bytes());
    let mut entries: Vec<(&String, &Value)> = object.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in entries {
        write_bytes(key.as_bytes(), form);
        write_value(value, form);
    }
}

fn write_text(text: &str, form: &mut Vec<u8>) {
    form.push(b's');
    write_bytes(text.trim_end().as_bytes(), form);
}

fn write_bytes(bytes: &[u8], form: &mut Vec<u8>) {
    form.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    form.extend_from_slice(bytes);
}

#[async_trait]
impl Validator for Dedup {
    async fn check(&self, candidate: &Candidate, context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        Ok(match context.duplicate_of(self.key(candidate)).await? {
            Some(other) => Verdict::reject(KIND, Reason::ExactDuplicate, format!("equal to {}", other.0)),
            None => Verdict::accept(KIND),
        })
    }

    fn dedup_key(&self, candidate: &Candidate) -> Option<[u8; 16]> {
        Some(self.key(candidate))
    }
}
