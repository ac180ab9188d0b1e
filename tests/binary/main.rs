//! The binary as a user runs it: real processes, real files, real signals, a scripted teacher on the loopback.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests touch files and may panic"
)]

#[path = "../support/sandbox.rs"]
mod sandbox;
#[cfg(target_os = "linux")]
#[path = "../support/shim.rs"]
mod shim;
#[allow(dead_code, reason = "shared with tests that use the rest of it")]
#[path = "../support/teacher.rs"]
mod teacher;

mod bad_input;
mod certificates;
#[cfg(target_os = "linux")]
mod clocks;
mod damaged;
mod every_job;
mod gates;
mod headless;
mod imports;
mod limits;
mod money;
mod recipes;
mod recipes_in_parts;
mod rejudge;
mod replay;
mod rounds;
mod run;
mod selection;
mod survive;
mod unfinished;

/// A job of so many tasks for the teacher of [`sandbox::Sandbox::with_teacher`]; `extra` is appended.
fn job(tasks: u64, in_flight: u32, extra: &str) -> String {
    format!(
        "name = \"t\"\n[seeds]\ncount = {tasks}\n[vary]\nn = {{ integer = [1, 1000000000] }}\n[[steps]]\nname = \"answer\"\n\
         capability = \"chat\"\nprompt = \"Question {{{{ n }}}}\"\nmax_tokens = 64\n[dataset]\nformat = \"raw\"\n\
         [limits]\nconcurrency = {in_flight}\n{extra}"
    )
}

/// planned = accepted + rejected + failed + cancelled + pending.
#[track_caller]
fn assert_conserved(summary: &serde_json::Value) {
    let tasks = &summary["tasks"];
    let count = |key: &str| tasks[key].as_u64().unwrap();
    let sum: u64 = ["accepted", "rejected", "failed", "cancelled", "pending"]
        .into_iter()
        .map(count)
        .sum();
    assert_eq!(count("planned"), sum, "{summary}");
}
