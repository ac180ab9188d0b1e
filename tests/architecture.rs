//! Holds the one rule: everything may import `core`, nothing imports a sibling, `app` wires them.
//!
//! It reads the sources of `src/` and `tests/` as tokens (comments and literals left out) and prints each broken rule as
//! `path:line: what, why`. It knows paths and `use` trees, not types: what it cannot see, clippy's `disallowed-methods` does.

#![allow(clippy::disallowed_methods, reason = "the test reads the sources it judges")]

use std::fmt;
use std::fs;
use std::path::Path;

use paths::{paths, tokens};

#[path = "architecture/paths.rs"]
mod paths;

/// The parts of `src/` that must not know each other.
const WINGS: &[&str] = &[
    "engine",
    "seeds",
    "providers",
    "validators",
    "store",
    "dataset",
    "config",
    "cli",
    "tui",
];

/// What stands under some wings because the operating system is the same for them and core may not touch it: it imports core alone,
/// and no other wing may name it.
const GROUND: &[(&str, &[&str])] = &[("fence", &["providers", "validators"])];

/// The files (or folders) beside the wings that may name all of them.
const ROOTS: &[&str] = &["app", "lib", "main"];

/// Third-party crates and the only places that may name them.
const HOMES: &[(&str, &[&str])] = &[
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("tui_textarea", &["tui"]),
    ("sqlx", &["store"]),
    ("libsqlite3_sys", &["store"]),
    ("reqwest", &["providers"]),
    ("rustls", &["providers"]),
    ("eventsource_stream", &["providers"]),
    ("jsonschema", &["core", "validators"]),
    ("minijinja", &["core"]),
    ("parquet", &["seeds", "dataset", "validators"]),
    ("csv", &["seeds", "dataset", "validators"]),
    ("whatlang", &["validators"]),
    ("fast_hnsw", &["validators"]),
    ("clap", &["cli", "app", "main"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("toml_edit", &["config", "core"]),
    ("color_eyre", &["app", "main"]),
];

/// What the pure part may not name: the async runtime, files, environment, network, processes, threads and clocks.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio_util",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Macros that mean "not finished".
const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];

const LONGEST_FILE: usize = 800;

#[test]
fn the_sources_keep_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    collect(root, "src", &mut sources);
    collect(root, "tests", &mut sources);
    assert!(
        sources
            .iter()
            .any(|source| source.path == "tests/architecture.rs"),
        "the walk did not even find this file"
    );
    let violations: Vec<String> = sources
        .iter()
        .flat_map(check)
        .map(|found| found.to_string())
        .collect();
    assert!(
        violations.is_empty(),
        "{} broken rules:\n{}\n",
        violations.len(),
        violations.join("\n")
    );
}

/// A file of the repository, its path relative and with forward slashes.
struct Source {
    path: String,
    text: String,
}

fn collect(root: &Path, folder: &str, sources: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else {
        return;
    };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names {
        let path = format!("{folder}/{}", name.to_string_lossy());
        if root.join(&path).is_dir() {
            collect(root, &path, sources);
        } else if Path::new(&name)
            .extension()
            .is_some_and(|extension| extension == "rs")
        {
            let text = fs::read_to_string(root.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            sources.push(Source { path, text });
        }
    }
}

/// A broken rule, where it is broken and why it is one.
#[derive(Debug)]
struct Violation {
    path: String,
    line: usize,
    what: String,
    why: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}, {}", self.path, self.line, self.what, self.why)
    }
}

/// Every rule this one file breaks.
fn check(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |line: usize, what: String, why: &str| {
        found.push(Violation {
            path: source.path.clone(),
            line,
            what,
            why: why.to_owned(),
        });
    };

    let lines = source.text.lines().count();
    if lines > LONGEST_FILE {
        report(
            lines,
            format!("{lines} lines"),
            "no file outgrows its reader: split it at 800",
        );
    }
    let Some(inside) = source.path.strip_prefix("src/") else {
        return found;
    };

    let first_line = source.text.lines().next().unwrap_or_default();
    if !first_line.starts_with("//!") {
        report(
            1,
            "no `//!` on the first line".into(),
            "every file opens with what it is and what it is not",
        );
    }

    let modules = module_path(inside);
    let zone = inside
        .split('/')
        .next()
        .unwrap_or_default()
        .trim_end_matches(".rs");
    let is_wing = WINGS.contains(&zone);
    let is_ground = GROUND.iter().any(|(name, _)| *name == zone);
    if !is_wing && !is_ground && zone != "core" && !ROOTS.contains(&zone) {
        report(
            1,
            format!("`{zone}` is no part of the tree"),
            "only core, the wings, their ground, app, lib and main stand in src",
        );
    }

    let tokens = tokens(&source.text);
    for pair in tokens.windows(2) {
        if pair[1].text == "!" && UNFINISHED.contains(&pair[0].text.as_str()) {
            report(
                pair[0].line,
                format!("`{}!`", pair[0].text),
                "what is here is finished",
            );
        }
    }
    for path in paths(&tokens, &modules) {
        let named = path.segments.join("::");
        if let Some(target) = path.inside_crate() {
            let foreign = WINGS.contains(&target) && target != zone;
            if target == "*" && zone != "lib" {
                report(
                    path.line,
                    format!("`{named}`"),
                    "a glob over the crate's root hides what is imported",
                );
            } else if zone == "core" && foreign {
                report(
                    path.line,
                    format!("core names `{named}`"),
                    "core imports nobody: what it needs is a port",
                );
            } else if (is_wing || is_ground) && foreign {
                report(
                    path.line,
                    format!("{zone} names `{named}`"),
                    "siblings meet only in core's ports and in app",
                );
            } else if let Some((_, above)) = GROUND.iter().find(|(name, _)| *name == target)
                && zone != target
                && !above.contains(&zone)
                && !ROOTS.contains(&zone)
            {
                let why = format!("{target} is the ground of {}", above.join(" and "));
                report(path.line, format!("{zone} names `{named}`"), &why);
            } else if (is_wing || is_ground || zone == "core") && target == "app" {
                report(
                    path.line,
                    format!("{zone} names `{named}`"),
                    "app wires the wings; nothing looks back at it",
                );
            }
            continue;
        }
        if let Some((crate_name, homes)) = HOMES.iter().find(|(name, _)| *name == path.segments[0])
            && !homes.contains(&zone)
        {
            let why = format!("{crate_name} stays in {}", homes.join(", "));
            report(path.line, format!("{zone} names `{named}`"), &why);
        }
        if zone == "core" && IMPURE.iter().any(|impure| path.reaches(impure)) {
            report(
                path.line,
                format!("core names `{named}`"),
                "core is pure: clock, disk, network are arguments or ports",
            );
        }
    }
    found
}

/// `engine/worker.rs` is the module `engine::worker`; `engine/mod.rs` is `engine`; `lib.rs` and `main.rs` are the root.
fn module_path(inside: &str) -> Vec<String> {
    let mut modules: Vec<String> = inside
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if matches!(modules.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        modules.pop();
    }
    modules
}

/// The scanner must be able to fail: each planted violation is found, each innocent twin is not.
mod the_scanner {
    use super::{LONGEST_FILE, Source, check};

    fn complaints(path: &str, body: &str) -> Vec<String> {
        let source = Source {
            path: path.into(),
            text: format!("//! What it is.\n{body}"),
        };
        check(&source).iter().map(ToString::to_string).collect()
    }

    fn caught(path: &str, body: &str) {
        assert!(!complaints(path, body).is_empty(), "not caught in {path}: {body}");
    }

    fn innocent(path: &str, body: &str) {
        assert_eq!(complaints(path, body), Vec::<String>::new(), "in {path}: {body}");
    }

    #[test]
    fn says_where_what_and_why() {
        assert_eq!(
            complaints("src/engine/worker.rs", "\nuse crate::store::memory::Memory;"),
            [
                "src/engine/worker.rs:3: engine names `crate::store::memory::Memory`, siblings meet only in core's ports and in app"
            ]
        );
    }

    #[test]
    fn catches_siblings_however_they_are_written() {
        let worker = "src/engine/worker.rs";
        caught(worker, "use crate::store;");
        caught(worker, "use crate::{core::task::Task, store::{self, Memory}};");
        caught(worker, "fn f() { crate::providers::http::get(); }");
        caught(worker, "use super::super::validators::length;");
        caught(worker, "mod tests { use super::super::super::dataset; }");
        caught(worker, "use crate::*;");
        caught(worker, "use crate::app;");
        caught(
            "src/tui/screens/jobs.rs",
            "pub(crate) use crate::cli::print as show;",
        );
        caught("src/cli.rs", "use super::config;");
        innocent(
            worker,
            "use crate::core::{ports::TaskStore, task::{Task, Outcome}};\nuse crate::engine::ledger;",
        );
        innocent(
            worker,
            "use super::ledger;\nmod tests { use super::super::store; use super::*; }",
        );
        innocent(
            "src/app.rs",
            "use crate::{engine, store::Memory, tui};\nuse color_eyre::eyre::Result;",
        );
        innocent("src/lib.rs", "pub mod engine;\npub use crate::store::Memory;");
        innocent("src/main.rs", "fn main() { destilation::app::run(); }");
    }

    #[test]
    fn keeps_core_pure() {
        let task = "src/core/task.rs";
        caught(task, "use crate::engine::Engine;");
        caught(task, "use std::{collections::BTreeMap, fs};");
        caught(task, "use std::time::{Duration, Instant};");
        caught(task, "use std::time;");
        caught(task, "use std::time::*;");
        caught(task, "fn f() { let _ = std::time::SystemTime::now(); }");
        caught(task, "#[tokio::test]\nasync fn f() {}");
        caught(task, "use tokio as runtime;");
        caught(task, "use ::std::env::var;");
        caught(task, "use sqlx::Row;");
        innocent(
            task,
            "use std::time::Duration;\nuse std::{fmt, io};\nuse super::sample::Sample;\nuse minijinja::Value;",
        );
    }

    #[test]
    fn keeps_other_crates_at_home() {
        caught("src/engine/mod.rs", "use reqwest::Client;");
        caught("src/cli/run.rs", "fn f() { crossterm::terminal::size(); }");
        caught("src/config/mod.rs", "use color_eyre::Result;");
        caught("src/tui/mod.rs", "use clap::Parser;");
        innocent(
            "src/tui/mod.rs",
            "use crossterm::event::KeyEvent;\nuse ratatui::Frame;",
        );
        innocent("src/store/sqlite/mod.rs", "use sqlx::SqlitePool;");
        innocent("src/dataset/formats/csv.rs", "use csv::Writer;");
    }

    #[test]
    fn keeps_the_ground_under_its_wings() {
        innocent("src/providers/script.rs", "use crate::fence;");
        innocent("src/validators/child.rs", "use crate::fence::sweep;");
        innocent("src/fence.rs", "use crate::core::plugin::MARK;");
        caught("src/engine/mod.rs", "use crate::fence;");
        caught("src/core/plugin.rs", "use crate::fence;");
        caught("src/fence.rs", "use crate::providers;");
        caught("src/fence.rs", "use crate::app;");
    }

    #[test]
    fn reads_code_and_not_words_about_it() {
        innocent(
            "src/engine/mod.rs",
            "// use crate::store;\n/* a /* nested */ crate::store::x */\n/// `crate::store::x`\nfn f() {}",
        );
        innocent(
            "src/engine/mod.rs",
            "const A: &str = \"crate::store::x \\\" todo!()\";\nconst B: &str = r#\"\"crate::store::x\"#;",
        );
        innocent(
            "src/engine/mod.rs",
            "fn f<'a>(x: &'a str) -> char { if x.is_empty() { '\"' } else { '\\'' } }",
        );
        caught(
            "src/engine/mod.rs",
            "const Q: char = '\"';\nuse crate::store;\nconst R: char = '\"';",
        );
        caught("src/engine/mod.rs", "const Q: &str = r\"\\\";\nuse crate::store;");
        caught(
            "src/engine/mod.rs",
            "fn f<'a>() -> impl Sized + use<'a> {}\nuse crate::store;",
        );
    }

    #[test]
    fn knows_unfinished_long_and_unnamed_files() {
        caught("src/engine/mod.rs", "fn f() { todo!() }");
        caught("src/engine/mod.rs", "fn f() { dbg!(1); }");
        caught("src/util.rs", "fn f() {}");
        caught("tests/long.rs", &"\n".repeat(LONGEST_FILE));
        innocent("tests/long.rs", &"\n".repeat(LONGEST_FILE - 1));
        innocent(
            "tests/terminal.rs",
            "use crossterm::event::KeyEvent;\nfn f() { todo!() }",
        );
        let silent = Source {
            path: "src/engine/mod.rs".into(),
            text: "use std::fmt;\n".into(),
        };
        assert_eq!(check(&silent).len(), 1);
    }
}
