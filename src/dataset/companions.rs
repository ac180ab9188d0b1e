//! Files beside the rows that say what they are: `README.md`, a card for people and hubs, and `dataset_info.json`, by which LLaMA-Factory
//! finds files and columns. Either is written again only while it is as we wrote it: what somebody edited is theirs.

use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::files::{Found, Replacement, head_sha256, hex, look, remove};
use super::manifest::Manifest;
use crate::core::job::{DatasetSpec, Job};
use crate::core::ports::DatasetError;

mod card;

/// A file on its way beside the rows.
struct Companion {
    name: &'static str,
    text: String,
}

/// Writes those of this dataset beside their places and lists them in the manifest; removes ours that it has no more.
pub(super) fn stage(
    directory: &Path,
    job: &Job,
    manifest: &mut Manifest,
) -> Result<Vec<Replacement>, DatasetError> {
    let known = Manifest::candidates(directory);
    let mut staged = Vec::new();
    let new = of(job, manifest);
    for companion in &new {
        let path = directory.join(companion.name);
        if !is_ours(&path, companion.name, &known)? {
            continue;
        }
        let bytes = companion.text.as_bytes();
        let mut file = Replacement::start(path)?;
        file.append(bytes)?;
        file.sync(bytes.len() as u64)?;
        staged.push(file);
        let sha256 = hex(&Sha256::digest(bytes));
        manifest.companions.insert(companion.name.to_owned(), sha256);
    }
    for name in [INFO, card::NAME] {
        let path = directory.join(name);
        let listed = known.iter().any(|known| known.companions.contains_key(name));
        if listed && !new.iter().any(|companion| companion.name == name) && is_ours(&path, name, &known)? {
            remove(&path)?;
        }
    }
    Ok(staged)
}

/// Whether nothing is there, or what we wrote.
fn is_ours(path: &Path, name: &str, known: &[Manifest]) -> Result<bool, DatasetError> {
    let bytes = match look(path)? {
        Found::Missing => return Ok(true),
        Found::File(bytes) => bytes,
        Found::Directory | Found::Other => return Ok(false),
    };
    let there = head_sha256(path, bytes)?;
    Ok(known
        .iter()
        .any(|known| known.companions.get(name) == there.as_ref()))
}

fn of(job: &Job, manifest: &Manifest) -> Vec<Companion> {
    let card = Companion {
        name: card::NAME,
        text: card::of(job, manifest),
    };
    let info = info(&job.spec.dataset, manifest).map(|text| Companion { name: INFO, text });
    std::iter::once(card).chain(info).collect()
}

const INFO: &str = "dataset_info.json";

/// The entries of LLaMA-Factory's table, one a file; `None` for formats of other trainers. A column is named only where it is there.
fn info(dataset: &DatasetSpec, manifest: &Manifest) -> Option<String> {
    let mut entry = match dataset.format.as_str() {
        "sharegpt" => json!({ "formatting": "sharegpt", "columns": { "messages": "conversations" } }),
        "alpaca" => json!({ "columns": { "prompt": "instruction", "query": "input", "response": "output" } }),
        "preference_sharegpt" => json!({
            "formatting": "sharegpt",
            "ranking": true,
            "columns": { "messages": "conversations", "chosen": "chosen", "rejected": "rejected" },
        }),
        "unpaired_sharegpt" => json!({
            "formatting": "sharegpt",
            "columns": { "messages": "conversations", "kto_tag": "kto_tag" },
        }),
        _ => return None,
    };
    for column in ["system", "tools"] {
        if dataset.fields.contains_key(column) {
            entry["columns"][column] = column.into();
        }
    }
    let mut entries = Map::new();
    for file in &manifest.files {
        let part = file.file.trim_end_matches(".jsonl");
        let name = match manifest.files.len() {
            1 => manifest.job.clone(),
            _ => format!("{}-{part}", manifest.job),
        };
        let mut whole = Map::new();
        whole.insert("file_name".to_owned(), file.file.clone().into());
        whole.extend(entry.as_object().cloned().unwrap_or_default());
        entries.insert(name, Value::Object(whole));
    }
    let mut text = serde_json::to_string_pretty(&entries).ok()?;
    text.push('\n');
    Some(text)
}
