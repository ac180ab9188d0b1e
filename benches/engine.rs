//! What performance means: `destiler run` against a local server, next to a yardstick in the same run: a minimal client that does the
//! same work by hand (reqwest → SQLite in group commits → JSONL). Ratios are what counts; absolute figures depend on the machine.
//!
//! `cargo bench --bench engine` runs the short set; `-- --million` adds 1,000,000 tasks (minutes).

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench reads the clock, touches files and may panic"
)]

#[path = "support/process.rs"]
mod process;
#[expect(dead_code, reason = "tests need replies that benches do not")]
#[path = "../tests/support/teacher.rs"]
mod teacher;
#[path = "support/yardstick.rs"]
mod yardstick;

use std::path::Path;
use std::time::Duration;

use process::{Figures, run};
use teacher::{Reply, Teacher};

/// Rounds against the yardstick: one alone is off by a tenth either way.
const ROUNDS: usize = 9;

/// A whole set in one run, or the yardstick as a child of it.
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, url, tasks, in_flight, directory] = words.as_slice()
        && mode == "--yardstick"
    {
        return yardstick::main(
            url,
            tasks.parse().unwrap(),
            in_flight.parse().unwrap(),
            Path::new(directory),
        );
    }
    println!(
        "{:<44} {:>10} {:>10} {:>12} {:>10} {:>12}",
        "", "rows", "rows/s", "CPU s/1000", "peak MiB", "first req ms"
    );
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let by_hand = yardstick_run(10_000, 64);
        print(&format!("yardstick, 0 ms, 64 in flight ({round})"), &by_hand);
        let ours = destiler(10_000, 64, 0);
        print(&format!("destiler, 0 ms, 64 in flight ({round})"), &ours);
        ratios.push(ours.rows_per_second() / by_hand.rows_per_second());
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "destiler / yardstick: {:.0} % (median of {ROUNDS}, wanted ≥ 50 %)",
        ratios[ROUNDS / 2] * 100.0
    );
    for (tasks, in_flight) in [(3_200, 64), (51_200, 1_024)] {
        let figures = destiler(tasks, in_flight, 200);
        print(&format!("destiler, 200 ms, {in_flight} in flight"), &figures);
        let ideal = f64::from(in_flight) / 0.2;
        let steady = figures.served_per_second;
        println!(
            "  {:.1} % of the ideal {ideal:.0}/s between first and last request (wanted ≥ 95 %)",
            steady / ideal * 100.0
        );
    }
    if words.iter().any(|word| word == "--million") {
        print("destiler, 0 ms, 64 in flight", &destiler(1_000_000, 64, 0));
    }
}

fn print(name: &str, figures: &Figures) {
    println!(
        "{name:<44} {:>10} {:>10.0} {:>12.3} {:>10.1} {:>12.0}",
        figures.rows,
        figures.rows_per_second(),
        figures.cpu.as_secs_f64() * 1000.0 / figures.rows as f64,
        figures.peak_kib as f64 / 1024.0,
        figures.first_request.as_secs_f64() * 1000.0,
    );
}

fn yardstick_run(tasks: u64, in_flight: u32) -> Figures {
    let directory = tempfile::tempdir().unwrap();
    let server = server(Duration::ZERO);
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--yardstick",
            &server.url(),
            &tasks.to_string(),
            &in_flight.to_string(),
        ])
        .arg(directory.path());
    run(command, &server, tasks, &directory.path().join("data.jsonl"))
}

fn destiler(tasks: u64, in_flight: u32, latency: u64) -> Figures {
    let directory = tempfile::tempdir().unwrap();
    let server = server(Duration::from_millis(latency));
    std::fs::write(
        directory.path().join("destiler.toml"),
        config(&server.url(), in_flight),
    )
    .unwrap();
    std::fs::write(directory.path().join("job.toml"), job(tasks, in_flight)).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_destiler"));
    command
        .args(["run", "job.toml", "--no-progress", "--quiet"])
        .current_dir(directory.path());
    command
        .env("HOME", directory.path())
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_STATE_HOME")
        .env_remove("XDG_CONFIG_HOME");
    run(
        command,
        &server,
        tasks,
        &directory.path().join("datasets/bench/data.jsonl"),
    )
}

fn server(latency: Duration) -> Teacher {
    Teacher::start(latency, false, |number, _| {
        Reply::text(&format!(
            "Answer {number}: a tide is the slow rise and fall of the sea, drawn by the moon and, more weakly, by the sun; \
             it turns about twice a day."
        ))
    })
}

fn config(url: &str, in_flight: u32) -> String {
    format!(
        "database_url = \"bench.db\"\n[[providers]]\nname = \"local\"\nkind = \"openai\"\nbase_url = \"{url}\"\nlimits = {{ concurrency = {in_flight} }}\n\
         [[providers.models]]\nid = \"bench\"\ncapabilities = [\"chat\"]\n"
    )
}

fn job(tasks: u64, in_flight: u32) -> String {
    format!(
        "name = \"bench\"\n[seeds]\ncount = {tasks}\n[vary]\nn = {{ integer = [1, 1000000000] }}\n\
         [[steps]]\nname = \"answer\"\ncapability = \"chat\"\nprompt = \"Question {{{{ n }}}}: what is a tide?\"\n\
         [[validators]]\nkind = \"structural\"\n[limits]\nconcurrency = {in_flight}\n\
         [dataset]\nformat = \"prompt_completion\"\nfields = {{ prompt = \"n\", completion = \"answer\" }}\n"
    )
}
