//! What the screen's promises come to on this machine: the real binary on a pseudo-terminal, over a ledger that it filled itself with
//! the mock teacher. One table with the numbers of the checklist; it judges nothing.
//!
//! `cargo bench --bench tui` takes 100,000 samples; `-- --samples 1000000 --seconds 30 --rounds 50` is the whole of it, and a word
//! like `start`, `rest`, `load`, `scheme`, `review` or `bulk` only that part.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench reads the clock, touches files and may panic"
)]

#[path = "../tests/pty/becoming.rs"]
mod becoming;
#[path = "tui/measures.rs"]
mod measures;
#[allow(dead_code, reason = "shared with tests that use the rest of it")]
#[path = "../tests/support/sandbox.rs"]
mod sandbox;
#[allow(dead_code, reason = "shared with tests that use the rest of it")]
#[path = "../tests/pty/session.rs"]
mod session;
#[path = "tui/watched.rs"]
mod watched;

use std::time::Instant;

use measures::Amount;
use sandbox::Sandbox;

/// Tasks of the job that runs while keys are pressed: more than it can do meanwhile.
const LOAD: u64 = 200_000;

fn main() {
    becoming::take_over();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, usual: u64| {
        let at = words.iter().position(|word| word == name);
        at.and_then(|at| words.get(at + 1)?.parse().ok()).unwrap_or(usual)
    };
    let amount = Amount {
        samples: number("--samples", 100_000),
        seconds: number("--seconds", 5),
        rounds: usize::try_from(number("--rounds", 10)).unwrap(),
    };
    let parts = ["start", "rest", "load", "scheme", "review", "bulk"];
    let named = parts.iter().any(|part| words.iter().any(|word| word == part));
    let wanted = |part: &str| !named || words.iter().any(|word| word == part);
    let sandbox = filled(amount.samples);
    if wanted("start") {
        measures::starts(&sandbox, &amount);
    }
    if wanted("rest") {
        measures::at_rest(&sandbox, &amount);
    }
    if wanted("load") {
        measures::under_load(&sandbox, &amount);
    }
    if wanted("scheme") {
        measures::scheme(&sandbox, &amount);
    }
    if wanted("review") {
        measures::reviewing(&sandbox);
    }
    if wanted("bulk") {
        measures::bulk(&sandbox, &amount);
    }
}

/// A home with a ledger of so many samples, a fifth of them rejected, and a job that waits to be started.
fn filled(samples: u64) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "destiler.toml",
        "[[providers]]\nname = \"quick\"\nkind = \"mock\"\nfaults = { truncated = 0.2 }\nmodels = [{ id = \"teacher\", capabilities = [\"chat\"] }]\n\
         [[providers]]\nname = \"steady\"\nkind = \"mock\"\nlatency_ms = 30\nmodels = [{ id = \"teacher\", capabilities = [\"chat\"] }]\n",
    );
    sandbox.write("bench.toml", &job("bench", samples, "quick", 64));
    sandbox.write("load.toml", &job("load", LOAD, "steady", 16));
    let start = Instant::now();
    sandbox.run(&["run", "bench.toml", "--quiet"]).expect_code(0);
    sandbox.run(&["jobs", "create", "load.toml"]).expect_code(0);
    let size = std::fs::metadata(sandbox.path(".local/share/destiler/destiler.db"));
    println!(
        "a ledger of {samples} samples, {} MB, made in {:.0} s\n",
        size.map_or(0, |file| file.len() / 1_000_000),
        start.elapsed().as_secs_f64()
    );
    sandbox
}

fn job(name: &str, tasks: u64, teacher: &str, in_flight: u32) -> String {
    format!(
        "name = \"{name}\"\n[seeds]\ncount = {tasks}\n[vary]\nn = {{ integer = [1, 1000000000] }}\n\
         [[steps]]\nname = \"answer\"\nteachers = [{{ use = \"{teacher}/teacher\" }}]\nprompt = \"Question {{{{ n }}}}: what is a tide?\"\n\
         [[validators]]\nkind = \"truncated\"\n[limits]\nconcurrency = {in_flight}\n[dataset]\nformat = \"raw\"\n"
    )
}
