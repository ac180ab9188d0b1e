//! The dataset card: what is in it, who made it, what it passed, and what only a person can say. It names no path but a file's name,
//! since cards are published.

use std::fmt::Write;
use std::path::Path;

use super::super::CATALOG;
use super::super::manifest::Manifest;
use super::super::shards;
use crate::core::job::{Job, JobSpec, SeedSource};
use crate::core::text::grouped;

/// Its file name.
pub(super) const NAME: &str = "README.md";

/// The card of a finished dataset. It has no times in it, as the manifest has none.
pub(super) fn of(job: &Job, manifest: &Manifest) -> String {
    let mut card = String::new();
    // Writing to a string cannot fail.
    let _ = front(&mut card, manifest)
        .and_then(|()| contents(&mut card, &job.spec, manifest))
        .and_then(|()| making(&mut card, job, manifest))
        .and_then(|()| licence(&mut card, manifest));
    card
}

/// The YAML that hubs read.
fn front(card: &mut String, manifest: &Manifest) -> std::fmt::Result {
    card.push_str("---\nlicense: unknown\ntags:\n- synthetic\n- distillation\nconfigs:\n");
    card.push_str("- config_name: default\n  data_files:\n");
    // Hubs refuse a split without rows.
    let mut told = Vec::new();
    for file in manifest.files.iter().filter(|file| file.rows > 0) {
        let (part, path) = match shards::of(&file.file) {
            Some((part, _)) => (part, format!("{part}-?????-of-?????.jsonl")),
            None => (file.file.trim_end_matches(".jsonl"), file.file.clone()),
        };
        let split = if part == "data" { "train" } else { part };
        if !told.contains(&part) {
            told.push(part);
            writeln!(card, "  - split: {}\n    path: {path}", split.replace('-', "_"))?;
        }
    }
    card.push_str("---\n\n");
    Ok(())
}

fn contents(card: &mut String, spec: &JobSpec, manifest: &Manifest) -> std::fmt::Result {
    writeln!(card, "# {}\n", manifest.job)?;
    if !spec.description.trim().is_empty() {
        writeln!(card, "{}\n", spec.description.trim())?;
    }
    let summary = CATALOG.find(&manifest.format).map_or("", |entry| entry.summary);
    writeln!(
        card,
        "{} rows, format `{}`. {summary}\n",
        grouped(manifest.rows),
        manifest.format
    )?;
    if let Some(selection) = &manifest.selection {
        write!(
            card,
            "Chosen among {} accepted samples",
            grouped(selection.accepted)
        )?;
        for (at, (why, count)) in selection.left_out.iter().enumerate() {
            let before = if at == 0 { "; left out: " } else { ", " };
            write!(card, "{before}{} by {why}", grouped(*count))?;
        }
        card.push_str(".\n\n");
    }
    card.push_str("| file | rows | bytes |\n|---|---:|---:|\n");
    for file in &manifest.files {
        writeln!(
            card,
            "| `{}` | {} | {} |",
            file.file,
            grouped(file.rows),
            grouped(file.bytes)
        )?;
    }
    card.push_str("\n`manifest.json` has the SHA-256 of each; `destiler verify` compares them.\n\n");
    Ok(())
}

fn making(card: &mut String, job: &Job, manifest: &Manifest) -> std::fmt::Result {
    let spec = &job.spec;
    writeln!(card, "## How it was made\n")?;
    writeln!(
        card,
        "The rows are synthetic: written by language models, chosen by the gates below. Made by {}, job revision {}, random seed {}.\n",
        manifest.created_by, job.revision, spec.random_seed
    )?;
    let seeds = match &spec.seeds.source {
        SeedSource::Path(path) => {
            let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
            format!("rows of `{name}`")
        }
        SeedSource::Rows(rows) => format!("{} rows in the job file", grouped(rows.len() as u64)),
        SeedSource::Count(count) => format!("none, {} tasks", grouped(*count)),
        SeedSource::Job { name, .. } => format!("accepted samples of the job `{name}`"),
    };
    writeln!(card, "- Seeds: {seeds}")?;
    let names = |words: Vec<String>| match words.len() {
        0 => "none".to_owned(),
        _ => words.join(", "),
    };
    let ticked = |word: &str| format!("`{word}`");
    writeln!(
        card,
        "- Steps: {}",
        names(spec.steps.iter().map(|step| ticked(&step.name)).collect())
    )?;
    let validators = spec.validators.iter().map(|plug| ticked(&plug.kind)).collect();
    writeln!(card, "- Validators, in order: {}", names(validators))?;
    card.push_str("\n| teacher of the last step | rows |\n|---|---:|\n");
    for (teacher, rows) in &manifest.teachers {
        writeln!(card, "| `{teacher}` | {} |", grouped(*rows))?;
    }
    card.push('\n');
    Ok(())
}

/// What destiler cannot know.
fn licence(card: &mut String, manifest: &Manifest) -> std::fmt::Result {
    card.push_str("## Licence\n\nTo be filled in by whoever publishes this; `license` above says unknown until then.\n\n");
    card.push_str("- Licence of the dataset: unknown\n- Licence of the seeds: unknown\n");
    for teacher in manifest.teachers.keys() {
        writeln!(card, "- Terms of `{teacher}` for its output: unknown")?;
    }
    card.push_str("\nA card that somebody has edited is never written over.\n");
    Ok(())
}
